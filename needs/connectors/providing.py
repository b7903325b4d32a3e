"""See that every raw file of an assessment is there: what is missing is fetched, checked, and given its twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from needs.alone import alone
from needs.assessment import Area, Assessment, Input
from needs.assessment.inputs import filled
from needs.connectors import arcgis, files, nomis, openstreetmap, twins
from needs.connectors.asking import Ask, Got, by_hand
from needs.connectors.catalogue import sources
from needs.connectors.client import Client
from needs.connectors.stamp import twin_of
from needs.errors import Faults, NeedsError
from needs.sources.files import read_table

Say = Callable[[str], None]

_FETCH: dict[str, Callable[[Ask, Path], Got]] = {
    "file": files.fetch,
    "arcgis": arcgis.fetch,
    "nomis": nomis.fetch,
    "geofabrik": openstreetmap.fetch,
}
_UNREAD = {"streets", "timetable"}  # tables that only later rooms can read


def provide(settings: Assessment, raw: Path, client: Client, *, say: Say = lambda _: None) -> None:
    """Fetch the raw files of an assessment that are not there.

    Parameters
    ----------
    settings
        The assessment; its inputs with a source are looked after, others are the user's own, as are those with a source
        but a path of their own.
    raw
        Folder of the raw files. A file that is there is never fetched again, unless its twin says that it was asked for
        other councils or another margin.
    client
        Who asks.
    say
        Told, line by line, how far it has come.

    Raises
    ------
    SourceError
        With everything that could not be had, after all else was fetched, and how to put it there by hand.
    """
    if all(there(ask) for ask, _ in asks(settings, raw, client)):
        return
    faults = Faults()
    with alone(raw, "fetches into", say):
        for ask, specs in asks(settings, raw, client):
            if there(ask):
                continue
            try:
                fetch(ask, specs, say)
            except NeedsError as error:
                if specs and all(s.optional for s in specs):
                    say(f"{settings.area.name}: goes on without {ask.label}: {error.faults[0].what}")
                else:
                    faults.take(error)
    faults.raise_if_any()


def asks(settings: Assessment, raw: Path, client: Client) -> Iterator[tuple[Ask, list[Input]]]:
    """List the sources of an assessment, each once, those first that others ask the codes of."""
    used: dict[str, list[Input]] = {}
    for spec in settings.inputs:
        own = spec.source and filled(sources()[spec.source].path, slug=settings.area.slug, codes=settings.area.codes)
        if spec.source and spec.path == own:
            for name in _before(spec.source):
                used.setdefault(name, [])
            used[spec.source].append(spec)
    for name, specs in used.items():
        yield Ask(name, sources()[name], settings.area, raw, client), specs


def _before(name: str) -> list[str]:
    """List a source after the sources that it asks the codes of."""
    source = sources()[name]
    first = [source.codes.source] if source.codes else []
    first += ["ons_lsoa21_boundaries"] if source.kind == "geofabrik" else []
    return [*(n for f in first for n in _before(f)), name]


def there(ask: Ask) -> bool:
    """Whether the file is there, and of this area."""
    return ask.path.is_file() and unfit(ask.path, ask.area) is None


def unfit(path: Path, area: Area) -> str | None:
    """Say why a file that is there is not one of the area as it is now, if so."""
    twin = twins.read(path)
    if twin is not None and twin.codes and twin.codes != tuple(sorted(area.codes)):
        return f"was asked for other councils ({', '.join(twin.codes)})"
    if twin is not None and twin.margin_km not in {None, area.margin_km}:
        return f"reaches {twin.margin_km:g} km beyond the area, and not {area.margin_km:g}"
    return None


def changed(path: Path) -> bool:
    """Whether a file that was fetched is no longer what its twin says; what a person put there may be put anew."""
    twin = twins.read(path) if path.is_file() else None
    return twin is not None and twin.url != twins.BY_HAND and not twins.unchanged(path, twin)


def fetch(ask: Ask, specs: list[Input], say: Say) -> None:
    """Fetch one file, check it as its readers will, and put it in place with its twin.

    Raises
    ------
    SourceError
        If it cannot be had, is not what the catalogue says, or cannot be written.
    """
    try:
        _fetch(ask, specs, say)
    except NeedsError as error:
        if not error.faults:
            raise
        *others, last = error.faults
        fix = last.fix if ask.source.page in last.fix else f"{last.fix}; or {by_hand(ask.source, ask.path)}"
        raise type(error)([*others, replace(last, fix=fix)]) from None
    except OSError as error:
        what = f"cannot be read or written ({error.filename or ask.path.parent}): {error.strerror or error}"
        raise ask.fault(what, "make room, let it be written to, or name another folder with --raw") from None


def _fetch(ask: Ask, specs: list[Input], say: Say) -> None:
    if ask.source.kind == "by_hand":
        raise ask.fault("is not there, and no program can fetch it")
    size = f", about {ask.source.bytes / 1e6:,.0f} MB" if ask.source.bytes else ""
    say(f"fetching {ask.label}{size} ...")
    part = ask.path.with_name(f".part-{ask.path.name}")  # the ending says how it is read
    part.parent.mkdir(parents=True, exist_ok=True)
    got = _FETCH[ask.source.kind](ask, part)
    check(ask, part, specs)
    twin = twin_of(ask, part, got)
    put(part, ask.path, twin)
    say(f"  {ask.path}: {twin.bytes / 1e6:,.1f} MB")


def put(part: Path, path: Path, twin: twins.Twin) -> None:
    """Put a file in place with its twin, so that whatever breaks off in between is fetched anew.

    A file alone would pass for one that a person put there, and a new twin of an old file for news.
    """
    if path.is_file():
        part.replace(path)
        twins.write(path, twin)
    else:
        twins.write(path, twin)
        part.replace(path)


def check(ask: Ask, part: Path, specs: list[Input]) -> None:
    """Read a fetched file as every input of it will be read; what is wrong names the catalogue's line."""
    files.check_kind(ask, part)
    faults = Faults()
    for spec in specs:
        if spec.table not in _UNREAD:
            _read(ask, part, spec, faults)
    if faults.found:
        fault = faults.found[0]
        more = f" (and {len(faults.found) - 1} more faults)" if len(faults.found) > 1 else ""
        part.replace(part.with_name(f"{ask.path.name}.refused"))
        raise ask.changed(f"{fault.what}{more}; what came is kept as {ask.path.name}.refused")


def _read(ask: Ask, part: Path, spec: Input, faults: Faults) -> None:
    if ask.source.kind == "geofabrik":  # a place may have streets and no venue
        return
    table = read_table(spec, part, faults)
    if spec.where != ask.source.input.get("where", {}):
        return  # how many rows meet somebody's own choice is not known
    low, high = ask.source.rows or (1, None)
    if table is not None and not (low <= len(table) and (high is None or len(table) <= high)):
        at_most = f" to {high:,}" if high else " or more"
        faults.add(ask.label, f"has {len(table):,} rows, where {low:,}{at_most} are expected", "look at what came")


def describe_by_hand(settings: Assessment, raw: Path) -> None:
    """Give a twin to every file of a source that a person put there, and another where it is another file by now."""
    for ask, _ in asks(settings, raw, Client()):
        if not ask.path.is_file():
            continue
        twin = twins.read(ask.path)
        if twin is None or (twin.url == twins.BY_HAND and not twins.fits(ask.path, twin)):
            with suppress(OSError):  # a folder that is only read gets none
                twins.write(ask.path, twin_of(ask, ask.path, None))


def dated(spec: Input, raw: Path) -> Input:
    """Say of an input when it was fetched, as its twin says."""
    twin = twins.read(raw / spec.path)
    if twin is None or not twin.fetched:
        return spec
    day = datetime.fromisoformat(twin.fetched)
    how = "put there by hand" if twin.url == twins.BY_HAND else "fetched"
    when = f"{how} {day:%d %B %Y}".replace(" 0", " ")
    date = when if spec.date == "as downloaded" else f"{spec.date}; {when}"
    return spec.model_copy(update={"date": date})
