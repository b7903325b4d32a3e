"""The corpus: every broken input ends in a message with its place, its reason and its remedy, and writes nothing."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.hostile import commands, files, harness, settings, streets, tables, timetables

LEAST = 200
SUBJECTS = (settings, tables, files, streets, timetables, commands)
CASES = {name: case for subject in SUBJECTS for name, case in subject.CASES.items()}
APART = ("council: no council", "demand: births is 'many'", "streets: binary: half")  # also in a process of their own


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return harness.whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module", autouse=True)
def quick():
    with harness.remembering():
        yield


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "raw"
    shutil.rmtree(tmp_path / "raw", ignore_errors=True)


def test_there_are_as_many_cases_as_are_asked_for():
    assert len(CASES) == sum(len(subject.CASES) for subject in SUBJECTS) >= LEAST


@pytest.mark.parametrize("name", CASES)
def test_it_ends_in_a_message_and_writes_nothing(name, whole, home):
    ground = harness.broken(CASES[name], whole, home)
    with harness.untouched(ground):
        outcome = harness.run(CASES[name].argv, ground)
    harness.hold(CASES[name], outcome)


@pytest.mark.parametrize("name", APART)
def test_a_process_of_its_own_ends_alike(name, whole, home):
    ground = harness.broken(CASES[name], whole, home)
    with harness.untouched(ground):
        outcome = harness.run_apart(CASES[name].argv, ground, {"PYTHONPATH": os.getcwd()})  # noqa: PTH109
    harness.hold(CASES[name], outcome)


def test_a_fault_of_the_toolkit_is_one_line_unless_it_is_asked_for(whole, monkeypatch):
    """No case gets there; should one, it says so."""
    monkeypatch.setattr("needs.pipeline.build", lambda *_, **__: {}["gone"])
    outcome = harness.run(harness.BUILD, whole)
    assert outcome.code == 1
    assert outcome.err.startswith("this is a fault of the toolkit: commands.py, line ")
    assert "KeyError: 'gone' -> report it; NEEDS_DEBUG=1" in outcome.err
    assert outcome.err.count("\n") == 1
    monkeypatch.setenv("NEEDS_DEBUG", "1")
    with pytest.raises(KeyError, match="gone"):
        harness.run(harness.BUILD, whole)


@pytest.mark.parametrize("error", [OSError("odd"), ConnectionResetError(104, "reset")])
def test_an_error_of_the_system_that_names_no_file_is_one_line_too(whole, monkeypatch, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr("needs.pipeline.build", broken)
    outcome = harness.run(harness.BUILD, whole)
    assert outcome.code == 1
    assert outcome.err.startswith("this is a fault of the toolkit: commands.py, line ")
    assert outcome.err.count("\n") == 1
