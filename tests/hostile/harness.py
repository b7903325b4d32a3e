"""Break one thing of a council, run a command, and hold what it says and leaves behind against what is expected."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from needs import __main__ as cli
from needs import streets
from needs.assessment import Input
from needs.errors import Faults, NeedsError, PlaceError, SourceError
from needs.pipeline import records
from needs.sources import archives, books, files
from tests.hostile import council

BUILD = ("build", "{toml}", "--raw", "{raw}", "--processed", "{processed}", "--maps", "{maps}", "--until", "data")
HEADINGS = {  # by exit code: what is said of what was done until then
    2: (NeedsError.heading, PlaceError.heading),
    3: (SourceError.heading,),
}
_BOX = re.compile(r"[│╭╮╰╯─\s]+")
_FAULT = re.compile(r"(?m)^  \d+\. (?P<where>.+?): (?P<what>.+) -> (?P<fix>\S.+)$")


@dataclass(frozen=True)
class Ground:
    """The folders of one case: a raw folder of its own, and tables and pages of a good build that all share."""

    raw: Path
    toml: Path
    processed: Path
    maps: Path

    def path(self, name: str) -> Path:
        """Give the path of a raw file."""
        return self.raw / name

    def edit(self, name: str, old: str, new: str, *, every: bool = False) -> None:
        """Replace a text that must be there."""
        path = self.raw / name
        text = path.read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, -1 if every else 1), "utf-8", newline="")

    def lines(self, name: str, change: Callable[[list[str]], list[str]]) -> None:
        """Change the lines of a text file."""
        path = self.raw / name
        path.write_text("\n".join([*change(path.read_text("utf-8").splitlines()), ""]), "utf-8", newline="")

    def write(self, name: str, content: str | bytes) -> None:
        """Write a raw file."""
        (self.raw / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def instead(self, name: str, other: str, content: str | bytes) -> None:
        """Let the assessment read another file in the place of one."""
        self.edit("mudport.toml", f'path = "{name}"', f'path = "{other}"')
        self.write(other, content)

    def more(self, name: str, line: str) -> None:
        """Add a line to the [[input]] with an id."""
        self.edit("mudport.toml", f'id = "{name}"\n', f'id = "{name}"\n{line}\n')


@dataclass(frozen=True)
class Case:
    """One thing broken, and what must be said of it.

    Attributes
    ----------
    name
        What is broken.
    breaks
        Breaks it.
    says
        Words that the message must hold: the place, the reason, the remedy.
    code
        The exit code.
    argv
        The command, with the names of folders in braces.
    uses
        Inputs that the assessment reads besides those that every assessment must have.
    usage
        Whether the command line itself is wrong, which is told as Typer tells it.
    """

    name: str
    breaks: Callable[[Ground], object]
    says: tuple[str, ...]
    code: int = 2
    argv: tuple[str, ...] = BUILD
    uses: tuple[str, ...] = ()
    usage: bool = False


def edited(name: str, file: str, old: str, new: str, *says: str, **more: Any) -> Case:
    """Make a case of one text replaced by another."""
    return Case(name, lambda g: g.edit(file, old, new), says, **more)


def named(prefix: str, *cases: Case) -> dict[str, Case]:
    """Give cases of one subject by name; each name stands once."""
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    return {f"{prefix}: {case.name}": case for case in cases}


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


def run(argv: tuple[str, ...], ground: Ground) -> Outcome:
    """Run a command as `python -m needs` does, in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr("sys.argv", ["needs", *filled(argv, ground)])
        patch.setenv("COLUMNS", "10000")
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return Outcome(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """Read once what a case left as it was, and hash the code once; nothing may unpack to more than 64 MB."""
    known: dict[object, object] = {}
    read_table, read_ways = files.read_table, streets.read_ways

    def table(spec: Input, path: Path, faults: Faults) -> pd.DataFrame | None:
        key = (spec.model_dump_json(), hashlib.sha256(path.read_bytes()).hexdigest()) if path.is_file() else None
        if key is None or key not in known:
            own = Faults()
            found = read_table(spec, path, own)
            faults.found += own.found
            if own.found or key is None:
                return found
            known[key] = copy.deepcopy(found)
        return copy.deepcopy(known[key])  # type: ignore[return-value]

    def ways(path: Path) -> streets.Ways:
        key = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        if key is None or key not in known:
            known[key] = read_ways(path)
        return known[key]  # type: ignore[return-value]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "read_table", table)
        patch.setattr(streets, "read_ways", ways)
        for module in (archives, books):  # so that a bomb need not be a large one
            patch.setattr(module, "LARGEST", 2**26)
        for name in ("code_hash", "_packages"):
            patch.setattr(records, name, functools.cache(getattr(records, name)))
        yield


def run_apart(argv: tuple[str, ...], ground: Ground, environ: Mapping[str, str]) -> Outcome:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "needs", *filled(argv, ground)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environ}, timeout=120, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def filled(argv: tuple[str, ...], ground: Ground) -> list[str]:
    """Put the folders of a case into a command."""
    places = {name: str(getattr(ground, name)) for name in ("raw", "toml", "processed", "maps")}
    return [part.format(**places) for part in argv]


def listing(folder: Path) -> dict[str, str]:
    """Say of everything in a folder what it is: a file's hash, a link's end, the kind of another thing."""
    return {path.relative_to(folder).as_posix(): _state(path) for path in sorted(folder.rglob("*"))}


def _state(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_file():
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            return "cannot be read"
    return "folder" if path.is_dir() else "other"


@contextlib.contextmanager
def untouched(ground: Ground) -> Iterator[None]:
    """Hold what is in the folders before against what is there after."""
    folders = (ground.raw, ground.processed, ground.maps)
    before = [listing(folder) for folder in folders]
    yield
    assert [listing(folder) for folder in folders] == before


def broken(case: Case, whole: Ground, home: Path) -> Ground:
    """Copy the raw files, and break one thing."""
    shutil.copytree(whole.raw, home, dirs_exist_ok=True)
    ground = Ground(home, home / whole.toml.name, whole.processed, whole.maps)
    ground.toml.write_text(council.assessment({*council.NEEDED, *case.uses}), "utf-8")
    case.breaks(ground)
    return ground


def hold(case: Case, outcome: Outcome) -> None:
    """Hold what was said against what must be."""
    told = outcome.err
    assert "Traceback" not in told + outcome.out, told
    assert outcome.code == case.code, f"{outcome.code}: {told or outcome.out}"
    if case.usage:
        told = _BOX.sub(" ", told)
        assert "Error" in told, told
    else:
        faults = list(_FAULT.finditer(told))
        assert faults, told
        assert len(faults) == sum(1 for line in told.splitlines() if re.match(r"  \d+\. ", line)), told
        assert any(heading in told for heading in HEADINGS[case.code]), told
    missing = [words for words in case.says if words not in told]
    assert not missing, f"{missing} not in: {told}"


def whole(home: Path) -> Ground:
    """Write the council, and build it once: what is broken later must leave the tables alone."""
    raw, processed, maps = (home / name for name in ("raw", "processed", "maps"))
    for folder in (raw, processed, maps):
        folder.mkdir()
    ground = Ground(raw, council.write(raw), processed, maps)
    outcome = run(BUILD, ground)
    assert outcome.code == 0, outcome.err
    assert listing(processed)
    return ground
