"""One program at a time, a request to end, and the disk's refusals: each answered as it should be."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from needs import outputs, stopping
from needs.alone import LOCK, alone
from needs.errors import OutputError
from needs.location.running import run
from tests.conftest import ROOT

HOLDER = """
import fcntl, os, sys, time
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


def test_one_at_a_time_and_nothing_is_left(tmp_path):
    inside, most, said = 0, 0, []

    def work():
        nonlocal inside, most
        for _ in range(20):
            with alone(tmp_path / "a" / "b", "works in", said.append):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert set(said) == {f"another program works in {tmp_path / 'a' / 'b'}: waiting for it"}
    assert not (tmp_path / "a" / "b" / LOCK).exists()


def test_a_folder_that_was_made_for_it_goes_again_unless_something_is_in_it(tmp_path):
    with alone(tmp_path / "a" / "b", "works in"):
        assert (tmp_path / "a" / "b" / LOCK).is_file()
    assert list(tmp_path.iterdir()) == []
    with alone(tmp_path / "a" / "b", "works in"):
        (tmp_path / "a" / "result").write_text("kept")
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "result"]


def test_who_is_killed_lets_go(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / LOCK], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []
        waiter = threading.Thread(target=lambda: alone(tmp_path, "works in", said.append).__enter__())
        waiter.start()
        while not said:
            time.sleep(0.01)
        holder.kill()
        waiter.join(30)
        assert not waiter.is_alive()


@pytest.mark.parametrize(("where", "number"), [("open", errno.EROFS), ("flock", errno.ENOLCK)])
def test_without_a_lock_work_goes_on_and_says_so(tmp_path, monkeypatch, where, number):
    import fcntl

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os if where == "open" else fcntl, where, refuse)
    said: list[str] = []
    with alone(tmp_path, "works in", said.append):
        monkeypatch.undo()
    assert said == [f"{tmp_path} cannot be locked ({os.strerror(number)}): see that no other program works in it"]


def script(body: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(body), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


HEEDS = """
    import time
    from needs import stopping
    with stopping.heeded() as came:
        try:
            print("ready", flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            print("stopped", came, flush=True)
            time.sleep(600)
"""


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_the_first_signal_is_answered_and_the_second_ends_at_once(number):
    with script(HEEDS) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"stopped [{int(number)}]\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT


def test_a_signal_that_is_ignored_from_the_start_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping.heeded() as came:
            os.kill(os.getpid(), signal.SIGINT)
        assert came == []
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_work_that_made_do_with_less_is_not_taken_for_whole():
    before = signal.getsignal(signal.SIGINT)
    done = []

    def best_so_far():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)
        except KeyboardInterrupt:
            done.append("best so far")

    with pytest.raises(KeyboardInterrupt), stopping.whole():
        best_so_far()
    assert done == ["best so far"]
    assert signal.getsignal(signal.SIGINT) is before
    with stopping.whole():
        done.append("undisturbed")


def test_a_solver_that_hears_nothing_is_left_behind():
    class Deaf:
        def __init__(self):
            self.options, self.ended = {}, threading.Event()

        def run(self):
            os.kill(os.getpid(), signal.SIGINT)
            assert self.ended.wait(60)

        def setOptionValue(self, name, value):  # noqa: N802 - as HiGHS calls it
            self.options[name] = value

    deaf = Deaf()
    with pytest.raises(KeyboardInterrupt):
        run(deaf)
    assert not deaf.ended.is_set()
    assert deaf.options == {"time_limit": 0.0}
    deaf.ended.set()


def test_what_goes_wrong_in_a_solver_is_told_to_who_waits():
    class Broken:
        def run(self):
            msg = "numbers"
            raise ValueError(msg)

    with pytest.raises(ValueError, match="numbers"):
        run(Broken())


HIGHS = """
    import os, signal, sys, threading
    import numpy as np, highspy
    from needs.location.running import run
    rng = np.random.default_rng(3)
    sites, homes = rng.random((90, 2)), rng.random((500, 2))
    far = np.linalg.norm(homes[:, None] - sites[None], axis=2)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("time_limit", 120.0)
    kinds = highspy.HighsVarType
    opened = [highs.addVariable(0, 1, 0.0, type=kinds.kInteger) for _ in sites]
    for row in far:
        served = [highs.addVariable(0, 1, float(d)) for d in row]
        highs.addConstr(highs.qsum(served) == 1)
        for s, o in zip(served, opened):
            highs.addConstr(s <= o)
    highs.addConstr(highs.qsum(opened) <= 9)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        run(highs)
        print("solved")
    except KeyboardInterrupt:
        print("answered while it works")
        sys.exit(130)
"""


def test_ctrl_c_is_answered_while_highs_works():
    with script(HIGHS) as process:
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "answered while it works\n"), err


def test_a_file_that_is_too_large_for_the_disk_leaves_the_old_one(tmp_path):
    file = tmp_path / "page.html"
    outputs.write_file(file, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(
            OutputError, match=r"page\.html.*: cannot be written: File too large -> make room"
        ) as caught:
            outputs.write_file(file, "new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 2
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_leftovers_go_and_a_folder_in_between_comes_back(tmp_path):
    for name in (".area.new", ".area.old", ".page.html.1234.part", ".other.old"):
        (tmp_path / name).mkdir() if "part" not in name else (tmp_path / name).write_text("half")
    (tmp_path / ".area.old" / "a.txt").write_text("old")
    (tmp_path / ".page.html").write_text("no leftover")
    places = tmp_path / "area", tmp_path / "page.html"
    assert outputs.untidy(*places)
    outputs.tidy(*places)
    assert not outputs.untidy(*places)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.old", ".page.html", "area"]
    assert (tmp_path / "area" / "a.txt").read_text() == "old"


def test_of_two_writers_of_a_file_each_writes_its_own(tmp_path):
    file = tmp_path / "a.txt"
    with outputs.file_to_be(file, "one") as first, outputs.file_to_be(file, "two") as second:
        first()
        assert file.read_text() == "one"
        second()
    assert file.read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
