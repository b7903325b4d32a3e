"""The same inputs give the same bytes, whatever the machine: threads, hash seed, place, time zone, Python."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_pipeline import write_town

OTHER = "NEEDS_OTHER_PYTHON"  # environment: an interpreter of another version that has the packages of constraints.txt
LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Machine:
    """What may differ between two machines."""

    threads: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    umask: int = 0o022
    python: str = sys.executable


HERE = Machine(environment={"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"})
VARIED = {
    "threads": Machine(threads=2, environment=HERE.environment),
    "hash seed": Machine(environment={**HERE.environment, "PYTHONHASHSEED": "20260401"}),
    "locale": Machine(environment={**HERE.environment, "LC_ALL": "C", "LANG": "de_DE.UTF-8", "PYTHONUTF8": "0"}),
    "time zone": Machine(environment={**HERE.environment, "TZ": "Pacific/Auckland"}),
    "umask": Machine(environment=HERE.environment, umask=0o077),
}
ALL = Machine(2, {"PYTHONHASHSEED": "99", "LC_ALL": "C", "LANG": "de_DE.UTF-8", "TZ": "Pacific/Auckland"}, 0o077)


def build(area: Path, folder: Path, machine: Machine) -> dict[str, bytes]:
    """Build an area in a process of its own, in a folder of its own; give its files."""
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    environment |= {name: str(machine.threads) for name in LIBRARIES} | machine.environment
    environment |= {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")}

    def prepare() -> None:
        os.umask(machine.umask)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: machine.threads])

    done = subprocess.run(
        [machine.python, "-m", "needs", "build", area, "--raw", area.parent, "--processed", "p", "--maps", "m"],
        cwd=folder,
        env=environment,
        preexec_fn=prepare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = (p for name in ("p", "m") for p in sorted((folder / name).rglob("*")) if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files if ".stages" not in p.parts}


def differing(one: dict[str, bytes], two: dict[str, bytes]) -> list[str]:
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    raw = tmp_path_factory.mktemp("raw")
    return write_town(raw)


@pytest.fixture(scope="module")
def here(town, tmp_path_factory):
    return build(town, tmp_path_factory.mktemp("here") / "a", HERE)


def test_another_machine_gives_the_same_bytes(town, here, tmp_path):
    assert differing(here, build(town, tmp_path / "b", ALL)) == []


@pytest.mark.soak
@pytest.mark.parametrize("what", list(VARIED))
def test_each_difference_of_machines_by_itself_changes_nothing(town, here, tmp_path, what):
    assert differing(here, build(town, tmp_path / "b", VARIED[what])) == []


def plain(record: bytes) -> dict[str, object]:
    """Take out of a record of provenance what must differ: the Python, and the fingerprints that it is part of."""
    said = json.loads(record)
    return {k: v for k, v in said.items() if k not in {"python", "stages"}}


@pytest.mark.soak
def test_another_python_gives_the_same_bytes(tmp_path):
    """The demo's rural council, its raw files made by each; but for the record of which Python it was."""
    python = os.environ.get(OTHER)
    if not python:
        pytest.skip(f"no interpreter of another version is named in {OTHER}")
    made = {}
    for name, interpreter in (("one", sys.executable), ("other", python)):
        write = "import sys; from pathlib import Path; from needs import demo; demo.write(Path(sys.argv[1]))"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([interpreter, "-c", write, tmp_path / "raw" / name], env=environment, check=True)
        machine = Machine(environment=HERE.environment, python=interpreter)
        made[name] = build(tmp_path / "raw" / name / "ruralshire.toml", tmp_path / name, machine)
    raw = [
        {p.relative_to(f): hashlib.sha256(p.read_bytes()).digest() for p in sorted(f.rglob("*")) if p.is_file()}
        for f in (tmp_path / "raw" / "one", tmp_path / "raw" / "other")
    ]
    assert raw[0] == raw[1]
    one, other = made["one"], made["other"]
    record = "p/ruralshire/provenance.json"
    assert differing(one, other) == [record]
    assert plain(one[record]) == plain(other[record])
