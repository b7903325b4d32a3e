"""A build may be stopped at any moment: nothing half-written is read as whole, and the next one ends with its bytes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from needs import demo
from needs.settings import SEED
from tests.killing import PATIENCE_S, Ended, Moment, Server, left, odd, run, serving, tree
from tests.test_pipeline import write_town

KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
CODES = {KILL: {-9}, TERM: {143}, INT: {130}}
STAGES = ("data", "need", "travel", "plan", "map")


@dataclass
class Place:
    """A town to build and to build again after a setting has changed, and what each gives when nobody disturbs it."""

    root: Path
    server: Server
    town: Path
    name: str
    change: tuple[str, str]
    good: dict[str, dict[str, str]] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)

    @property
    def folders(self) -> tuple[Path, Path]:
        return self.root / "processed", self.root / "maps"

    def lay(self, state: str) -> None:
        """Lay the folders as they are before a build: empty, or as the build before the change left them."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
            if state == "again":
                shutil.copytree(self.root / "kept" / folder.name, folder)
        before, after = self.change
        text = self.town.read_text().replace(after, before)
        assert text.count(before) == 1
        self.town.write_text(text.replace(before, after) if state == "again" else text)

    def argv(self, town: Path) -> list[str]:
        processed, maps = self.folders
        return ["build", str(town), "--raw", str(town.parent), "--processed", str(processed), "--maps", str(maps)]

    def build(self, moment: Moment | None = None, most: int | None = None) -> Ended:
        return run(self.server, self.argv(self.town), self.root / "log", list(self.folders), moment, most)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("place")
    (root / "raw").mkdir()
    town = write_town(root / "raw")
    town.write_text(town.read_text().replace("draws = 3", "draws = 0\nalternatives = 0", 1))
    with undisturbed(root, town, "Handtown", ("max_outreach = 1", "max_outreach = 0")) as made:
        yield made


@contextmanager
def undisturbed(root: Path, town: Path, name: str, change: tuple[str, str]) -> Iterator[Place]:
    """Build a place when nobody disturbs it, before and after a setting has changed."""
    with serving(XDG_STATE_HOME=str(root / "state"), XDG_CACHE_HOME=str(root / "cache")) as server:
        made = Place(root, server, town, name, change)
        for state in ("fresh", "again"):
            made.lay(state)
            ended = made.build()
            assert ended.code == 0, ended.err
            made.good[state], made.ended[state] = tree(*made.folders), ended
            assert odd(*made.folders) == left(*made.folders) == []
            if state == "fresh":
                for folder in made.folders:
                    shutil.copytree(folder, root / "kept" / folder.name)
        yield made


def moments(place: Place, count: int, seed: int) -> Iterator[tuple[str, Moment]]:
    """Choose moments all over a build: at a step on the disk, or some way on from a line that was said."""
    rng = np.random.default_rng([SEED, seed])
    for k in range(count):
        state = ("fresh", "again")[k % 2]
        number = (KILL, KILL, TERM, KILL, KILL, INT)[k % 6]
        before = place.ended[state]
        if k % 3:
            yield state, Moment(number, step=1 + int(rng.integers(before.steps)))
            continue
        line = int(rng.integers(1 if number != KILL else 0, len(before.times)))
        gap = np.diff([0.0, *before.times])[line]
        yield state, Moment(number, line=line, wait_s=float(rng.random() * gap))


def stop_and_go_on(place: Place, state: str, moment: Moment) -> None:
    """Stop a build, look at what it left, and see that the next goes on from there to the same bytes."""
    place.lay(state)
    stopped = place.build(moment)
    in_time = moment.step is None and stopped.code == 0  # it was quicker than the last time
    assert in_time or stopped.code in CODES[moment.number], (moment, stopped.code, stopped.err)
    assert "Traceback" not in stopped.err
    if stopped.code > 0:
        assert stopped.err.endswith("interrupted: finished stages are kept, the same command goes on from there\n")
    good = [place.good[state], *([place.good["fresh"]] if state == "again" else []), {}]
    found = tree(*place.folders)
    shown = {p: h for p, h in found.items() if not Path(p).name.startswith(".") and "/." not in p}
    for part in ("processed/", f"maps/{place.name.casefold()}.html", "maps/index.html"):
        of = [{p: h for p, h in each.items() if p.startswith(part)} for each in (shown, *good)]
        assert of[0] in of[1:], f"{moment}: {part} is neither whole nor as it was"
    assert odd(*place.folders) == [], moment

    ended = place.build()
    assert ended.code == 0, (moment, ended.err)
    assert tree(*place.folders) == place.good[state], moment
    assert left(*place.folders) == [], moment
    done = [s for s in STAGES if f" {s:<6} " in stopped.out]
    redone = [
        line.split()[1] for line in ended.out.splitlines() if line.startswith(f"{place.name}: ") and " s   " in line
    ]
    assert not set(done) & set(redone), f"{moment}: finished stages were done again"


def test_a_build_that_is_stopped_at_any_moment_goes_on_to_the_same_bytes(place):
    for state, moment in moments(place, 6, seed=1):
        stop_and_go_on(place, state, moment)


def told(log: Path, text: str) -> str:
    """Wait until a process has said something."""
    begin = time.monotonic()
    while True:
        out = log.with_suffix(".out").read_text() if log.with_suffix(".out").exists() else ""
        if text in out:
            return out
        assert time.monotonic() - begin < PATIENCE_S, out
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["numpy.", "needs.siting."])
def test_ctrl_c_is_answered_while_packages_are_loaded(name):
    command = [sys.executable, "-X", "importtime", "-m", "needs", "sources"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if line.rpartition("|")[2].strip().startswith(name):
                process.send_signal(INT)
                break
        told = [line for line in process.stderr if not line.startswith("import time:")]
    assert process.returncode == 130
    assert told == ["interrupted: finished stages are kept, the same command goes on from there\n"]


def test_of_two_builds_of_an_area_one_waits_and_finds_all_done_and_other_areas_do_not_wait(place):
    place.lay("fresh")
    other = place.town.with_name("othertown.toml")
    text = place.town.read_text()
    other.write_text(text.replace('slug = "handtown"', 'slug = "othertown"').replace("Handtown", "Othertown"))
    logs = [place.root / name for name in ("first", "second", "other")]
    first = place.server.start(place.argv(place.town), logs[0], [], None)
    told(logs[0], "Handtown: data")
    second = place.server.start(place.argv(place.town), logs[1], [], None)
    beside = place.server.start(place.argv(other), logs[2], [], None)
    assert [place.server.wait(p) for p in (first, second, beside)] == [0, 0, 0]
    one, two, three = (log.with_suffix(".out").read_text() for log in logs)
    assert "waiting" not in one
    assert "waiting" not in three
    assert two.startswith(f"another program builds in {place.folders[0]}/.stages/handtown: waiting for it\n")
    assert "Handtown: nothing has changed, nothing to do" in two
    assert odd(*place.folders) == left(*place.folders) == []
    index = (place.folders[1] / "index.html").read_text()
    assert "handtown.html" in index
    assert "othertown.html" in index
    assert {p: h for p, h in tree(*place.folders).items() if "handtown" in p} == {
        p: h for p, h in place.good["fresh"].items() if "handtown" in p
    }


def test_a_lock_of_a_program_that_was_killed_holds_nobody_up(place):
    place.lay("fresh")
    assert place.build(Moment(KILL, line=1)).code == -9
    assert (place.folders[0] / ".stages" / "handtown" / ".lock").is_file()
    ended = place.build()
    assert ended.code == 0
    assert "waiting" not in ended.out
    assert left(*place.folders) == []


@pytest.mark.parametrize("most", [20_000, 60_000, 150_000])
def test_a_disk_that_is_too_small_ends_with_2_and_leaves_what_was_there(place, most):
    place.lay("again")
    ended = place.build(most=most)  # bytes of a file: too few for a stage's result, for tables, for the page
    assert ended.code == 2, ended.err
    assert f"{place.folders[0]}/" in ended.err or f"{place.folders[1]}/" in ended.err
    assert "cannot be written: " in ended.err
    assert "-> make room, let it be written to, or name another folder" in ended.err
    assert tree(*place.folders) == place.good["fresh"]
    assert left(*place.folders) == []
    assert place.build().code == 0
    assert tree(*place.folders) == place.good["again"]


@pytest.fixture
def small_disk(place) -> Iterator[Callable[[str], None]]:
    """Put `processed` on a disk of its own; what is yielded sets its options."""
    disk = place.folders[0]
    shutil.rmtree(disk, ignore_errors=True)
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "needs-test", disk], capture_output=True, check=False
    )
    if done.returncode:
        disk.rmdir()
        pytest.skip("no disk of one's own can be mounted here")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)

    try:
        yield remount
    finally:
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()


def test_a_full_disk_and_one_that_is_only_read(place, small_disk):
    shutil.rmtree(place.folders[1], ignore_errors=True)
    place.town.write_text(place.town.read_text().replace("max_outreach = 0", "max_outreach = 1"))
    ended = place.build()
    assert ended.code == 2, ended.err
    assert "cannot be written: " in ended.err
    assert tree(*place.folders) == {}
    assert left(*place.folders) == []
    small_disk("size=64m")
    ended = place.build()
    assert ended.code == 0, ended.err
    assert f" {'data':<6} unchanged" in ended.out
    assert tree(*place.folders) == place.good["fresh"]

    small_disk("ro")
    ended = place.build()
    assert (ended.code, ended.err) == (0, "")
    assert "nothing has changed, nothing to do" in ended.out
    place.town.write_text(place.town.read_text().replace("max_outreach = 1", "max_outreach = 0"))
    ended = place.build()
    assert ended.code == 2
    assert "cannot be locked (Read-only file system)" in ended.out
    assert "cannot be written: Read-only file system" in ended.err
    assert tree(*place.folders) == place.good["fresh"]


def test_a_file_where_a_folder_should_be(place):
    place.lay("fresh")
    place.folders[1].write_text("no folder")
    ended = place.build()
    assert ended.code == 2
    assert str(place.folders[1]) in ended.err
    assert not (place.folders[0] / "handtown").exists()
    place.folders[1].unlink()


@pytest.mark.soak
def test_builds_of_the_demo_s_rural_council_are_stopped(tmp_path):
    town = demo.write(tmp_path / "raw")[0]
    most = next(line for line in town.read_text().splitlines() if line.startswith("max_outreach = "))
    with undisturbed(tmp_path, town, "Ruralshire", (most, "max_outreach = 2")) as place:
        for state, moment in moments(place, 12, seed=3):
            stop_and_go_on(place, state, moment)


@pytest.mark.soak
def test_a_hundred_builds_are_stopped(place):
    for state, moment in moments(place, 100, seed=2):
        stop_and_go_on(place, state, moment)
