"""Prepare an area: find its assessment file or draft it, see that its raw files are there, and say what they are."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from needs import assessment, connectors, councils
from needs.assessment import Assessment, Input
from needs.connectors import Client
from needs.councils import Council
from needs.drafting import Today, draft
from needs.errors import Faults, SettingsError, fail
from needs.outputs import write_file
from needs.settings import CATALOGUE
from needs.sources import files
from needs.toml import load

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ready:
    """An assessment and its raw files.

    Attributes
    ----------
    path
        The assessment file.
    settings
        What it says; each input that was fetched says when.
    raw
        By input id: the file.
    council
        Whose draft it is that has yet to be counted and kept; None where the file is there.
    notes
        What the assessment goes on without.
    """

    path: Path
    settings: Assessment
    raw: dict[str, Path]
    council: Council | None
    notes: tuple[str, ...] = ()


def find(area: str | Path, raw: Path) -> Path | Council:
    """Find the assessment file of an area, or else the council that it is.

    A path ending in .toml is one. Otherwise it is a council's name or code: its own file is the one in the folder of
    raw files (`areas/<slug>/<slug>.toml`); where there is none, the catalogue's, if the files that it reads are in that
    folder. All of England has one in the catalogue as well.

    Raises
    ------
    SettingsError
        If it is neither, with what was perhaps meant.
    """
    path = Path(area)
    if path.suffix == ".toml":
        if not os.path.isfile(path):  # noqa: PTH113 - no error of a name that is too long, or no name at all
            fail(SettingsError, str(area), "there is no such file", "give the path of an assessment TOML")
        return path
    council = councils.resolve(str(area))
    kept = own_file(council, raw)
    if kept.is_file():
        return kept
    known = assessment.known_areas().get(council.slug)
    if known is not None and any((raw / str(i.get("path"))).is_file() for i in load(known)["input"]):
        return known
    return CATALOGUE / "nation.toml" if council == councils.england() else council


def check_no_nation(area: str | Path, raw: Path) -> None:
    """See that an area is not all of England, which is too much for one plan.

    Raises
    ------
    SettingsError
        If it is.
    """
    found = find(area, raw)
    codes = assessment.read(found).area.codes if isinstance(found, Path) else found.codes
    if set(codes) == set(councils.england().codes):
        fail(SettingsError, str(area), "is all of England", "use `needs england`, which plans council by council")


def own_file(council: Council, raw: Path) -> Path:
    """Say where a council's own assessment file is kept."""
    return raw / "areas" / council.slug / f"{council.slug}.toml"


@contextmanager
def prepared(area: str | Path, raw: Path, client: Client | None, say: Say = lambda _: None) -> Iterator[Ready]:
    """Prepare an area; a draft lasts only as long as the context.

    Parameters
    ----------
    area
        As `find` takes it.
    raw
        Folder of the raw files.
    client
        Who fetches what is missing; None to do without a network.
    say
        Told, line by line, what is done.

    Raises
    ------
    SettingsError
        With every fault of the file.
    SourceError
        With every raw file that is missing, and how to come by it.
    """
    with settled(area, raw, say) as (path, settings, council):
        if client is not None:
            connectors.provide(settings, raw, client, say=say)
        elif not raw.is_dir():
            faults = Faults()
            faults.add_missing(
                "raw files", f"there is no folder {raw}", "name the folder of the raw files: RAW=... or --raw"
            )
            faults.raise_if_any()
        yield _ready(path, settings, raw, council)


@contextmanager
def settled(
    area: str | Path, raw: Path, say: Say = lambda _: None
) -> Iterator[tuple[Path, Assessment, Council | None]]:
    """Give an area's assessment file, what it says, and whose it is where it is a draft for the moment."""
    found = find(area, raw)
    if isinstance(found, Path):
        yield found, assessment.read(found), None
        return
    for note in found.notes:
        say(f"{found.name}: {note}")
    with tempfile.TemporaryDirectory(prefix="needs-") as folder:
        path = Path(folder) / f"{found.slug}.toml"
        path.write_text(draft(found), "utf-8")
        yield path, assessment.read(path), found


def _ready(path: Path, settings: Assessment, raw: Path, council: Council | None) -> Ready:
    """Leave out what is optional and not there; name every other file that is missing."""
    odd = {i.id: why for i in settings.inputs if i.source and (why := connectors.unfit(raw / i.path, settings.area))}
    without = [i for i in settings.inputs if i.optional and (i.id in odd or not (raw / i.path).is_file())]
    notes = tuple(f"Without {i.title} ({i.publisher}): it could not be had." for i in without)
    inputs = [i for i in settings.inputs if i not in without]
    faults = Faults()
    found = {i.id: files.resolve(i, raw, faults) for i in inputs}
    for spec in inputs:
        if spec.id in odd and found[spec.id]:
            fix = "fetch it anew with `needs data`"
            faults.add_missing(f"input '{spec.id}'", f"{spec.path} {odd[spec.id]}", fix)
        elif spec.source and found[spec.id] and connectors.changed(raw / spec.path):
            what = f"{spec.path} is not what its twin says: it was changed after it was fetched"
            fix = "delete it and fetch it anew with `needs data`, or delete its twin if the change is meant"
            faults.add(f"input '{spec.id}'", what, fix)
    faults.raise_if_any()
    settings = settings.model_copy(update={"inputs": [connectors.dated(i, raw) for i in inputs]})
    return Ready(path, settings, {i: p for i, p in found.items() if p is not None}, council, notes)


def listing(settings: Assessment, raw: Path) -> Iterator[str]:
    """Say of every input whether its file is there, of which vintage it is, and how old."""
    for spec in settings.inputs:
        path = raw / spec.path
        odd = unusable(spec, settings, raw)
        state = "there" if odd is None else "not there, optional" if spec.optional else "MISSING"
        given = connectors.dated(spec, raw)
        what = f"{given.title} ({given.publisher}, {given.date})" + (f"; {odd}" if odd and path.is_file() else "")
        yield f"{state:<8} {spec.id:<24} {spec.vintage or '-':<7} {spec.path}: {what}"


def unusable(spec: Input, settings: Assessment, raw: Path) -> str | None:
    """Say why the file of an input cannot be used, if so: it is not there, or is not one of the area as it is now."""
    path = raw / spec.path
    if not path.is_file():
        return "is not there"
    return connectors.unfit(path, settings.area) if spec.source else None


def keep(ready: Ready, raw: Path, today: Today) -> Path:
    """Keep the draft of a council as its own file, with what it has today counted.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if ready.council is None:
        return ready.path
    path = own_file(ready.council, raw)
    write_file(path, draft(ready.council, today))
    return path


def built(area: str, processed: Path, raw: Path) -> str:
    """Name the folder of a built area: by its own name where that is one, else by the file or council."""
    own = re.sub(r"[^a-z0-9-]+", "-", area.strip().casefold()).strip("-")
    if (processed / own / "plan.json").is_file():
        return own
    found = find(area, raw)
    return found.slug if isinstance(found, Council) else assessment.read(found).area.slug
