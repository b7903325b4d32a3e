"""See what has changed at the publishers since the raw files were fetched, fetch it, and keep what was there before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tomli_w

from needs.alone import alone
from needs.assessment import Assessment, Input
from needs.connectors import arcgis, files, nomis, openstreetmap, providing, twins
from needs.connectors.answers import Answer
from needs.connectors.asking import Ask
from needs.connectors.client import Client
from needs.connectors.twins import Twin
from needs.errors import Faults, NeedsError
from needs.schemas import TABLES
from needs.sources.files import read_table
from needs.toml import load

BEFORE = "before"  # folder of the raw files as they were before the last update
_UNREAD = {"streets", "timetable"}
_SHOWN = 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Change:
    """A source that changed.

    Attributes
    ----------
    ask
        The source.
    specs
        Its inputs.
    told
        What differs, in sentences.
    """

    ask: Ask
    specs: list[Input]
    told: list[str]


def update(
    settings: Assessment, raw: Path, client: Client, *, say: Say = lambda _: None
) -> Generator[Change, None, None]:
    """Fetch what the publishers have changed, and tell of each; the file that was there is kept in `before/`.

    A file without a twin, or whose twin says that a person put it there, is left alone, and said so.

    Raises
    ------
    SourceError
        In the end, with every service that could not be asked; what the others gave is there.
    """
    faults = Faults()
    with alone(raw, "fetches into", say):
        for ask, specs in providing.asks(settings, raw, client):
            try:
                change = _update(ask, specs, say) if ask.path.is_file() else None
            except NeedsError as error:
                faults.take(error)
                continue
            if change is not None:
                yield change
    faults.raise_if_any()


def _update(ask: Ask, specs: list[Input], say: Say) -> Change | None:
    twin = twins.read(ask.path)
    if twin is None or twin.url == twins.BY_HAND:
        say(f"{ask.label}: was put there by hand; look at {ask.source.page}")
        return None
    news = newer(ask, twin)
    if news is None:
        say(f"{ask.label}: unchanged since {twin.fetched}")
        return None
    say(f"{ask.label}: {news}")
    held = _held(ask.path)
    try:
        providing.fetch(ask, specs, say)
        now = twins.read(ask.path)
        if now is not None and now.sha256 == twin.sha256:
            say(f"{ask.label}: fetched anew, and its bytes are the same")
            return None
        told = [t for s in specs for t in differences(s, held, ask.path)]
        providing.put(held, _before(ask), twin)
    finally:
        held.unlink(missing_ok=True)
    return Change(ask, specs, told or ["its bytes differ"])


def newer(ask: Ask, twin: Twin) -> str | None:
    """Say why a source is taken to have changed; None where the publisher says that it has not."""
    match ask.source.kind:
        case "arcgis":
            edited = arcgis.version(ask)
            return None if edited and edited == twin.edited else "the layer was edited"
        case "nomis":
            edited = nomis.version(ask)
            return None if edited and edited == twin.edited else f"the table was updated {edited}".strip()
        case "file":
            found = files.another(ask, Answer(twin.url, twin.bytes, twin.etag or None, twin.last_modified or None))
            if found is None:
                return None
            same = found.version is not None and found.version in {twin.etag, twin.last_modified}
            return None if same else f"there is another version, {found.last_modified or 'without a date'}"
        case _:
            return openstreetmap.newer(ask, twin)


def _held(path: Path) -> Path:
    """Hold a file as it is, beside it, until it is known whether it changes; not every disk has hard links."""
    held = path.with_name(f".before-{path.name}")
    held.unlink(missing_ok=True)
    try:
        held.hardlink_to(path)
    except OSError:
        shutil.copy2(path, held)
    return held


def _before(ask: Ask) -> Path:
    old = ask.raw / BEFORE / ask.path.relative_to(ask.raw)
    old.parent.mkdir(parents=True, exist_ok=True)
    return old


def differences(spec: Input, old: Path, new: Path) -> Iterator[str]:
    """Say what differs between two states of a table: rows that came and went, and figures that changed."""
    if spec.table in _UNREAD:
        return
    read = (read_table(spec, path, Faults()) for path in (old, new))
    tables = [t for t in read if t is not None]
    if len(tables) < 2:
        yield f"{spec.id}: cannot be compared"
        return
    key = [c for c in (*TABLES[spec.table].key, "code", "name") if all(c in t.columns for t in tables)][:1]
    if not key:
        return
    before, after = (pd.DataFrame(t).drop_duplicates(key).set_index(key[0]) for t in tables)
    came, went = after.index.difference(before.index), before.index.difference(after.index)
    for what, codes in (("new", came), ("gone", went)):
        if len(codes):
            more = ", ..." if len(codes) > _SHOWN else ""
            yield f"{spec.id}: {len(codes):,} {what}: {', '.join(map(str, codes[:_SHOWN]))}{more}"
    both = before.index.intersection(after.index)
    for column in before.columns.intersection(after.columns).drop("row", errors="ignore"):  # where it stands is no news
        a, b = before.loc[both, column], after.loc[both, column]
        other = ~((a == b) | (a.isna() & b.isna()))
        if other.any() and column != "geometry":
            sums = f"; {a.sum():,.6g} in all became {b.sum():,.6g}" if pd.api.types.is_numeric_dtype(a) else ""
            yield f"{spec.id}: {column} differs in {int(other.sum()):,} of {len(both):,} rows{sums}"


def assessment_before(path: Path, settings: Assessment, changes: list[Change], raw: Path) -> Path:
    """Write the assessment as it was: the same, but for the inputs that changed, which it reads from `before/`.

    Returns
    -------
    pathlib.Path
        `before/<name>-before.toml` in the folder of the raw files: its name tells it from the other on the page that
        compares them.
    """
    changed = {s.id: f"{BEFORE}/{s.path}" for c in changes for s in c.specs}
    own = load(path)
    given = {str(i["id"]): i for i in own.get("input", [])}
    others = {s.id: {"id": s.id, **_said(s)} for s in settings.inputs if s.id in changed and s.id not in given}
    inputs = [{**i, **({"path": changed[n]} if n in changed else {})} for n, i in {**given, **others}.items()]
    if "need" in own:
        own = {**own, "need": {**own["need"], "index": settings.need.index}}  # a file beside the other is not beside it
    target = raw / BEFORE / f"{path.stem}-before.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_text(tomli_w.dumps({**own, "input": inputs}), "utf-8", newline="\n")
    part.replace(target)
    return target


def _said(spec: Input) -> dict[str, object]:
    """Give an input of the base as an assessment file would say it."""
    return spec.model_dump(exclude_none=True, exclude_defaults=True, mode="json")
