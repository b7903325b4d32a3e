"""Bring OpenStreetMap of an area and a margin: the county extracts that cover it, put together and cut."""

from __future__ import annotations

import json
from pathlib import Path

from needs.connectors import twins
from needs.connectors.answers import Answer
from needs.connectors.asking import Ask, Got
from needs.connectors.geofabrik import Extract, extracts_for
from needs.connectors.osm import cut
from needs.connectors.stamp import twin_of
from needs.errors import NeedsError

FOLDER = "geofabrik"  # where whole extracts are kept, for the next area
_PBF = b"OSMHeader"


def fetch(ask: Ask, part: Path) -> Got:
    """Download the extracts that cover the area and its margin, and cut them to it.

    Raises
    ------
    SourceError
        If the index or an extract cannot be had.
    InputError
        If an extract cannot be read.
    """
    url = ask.source.urls[0]
    try:
        index = json.loads(ask.client.read(url))
    except ValueError:
        raise ask.fault("gives an index that is no JSON") from None
    margin_m = 1000 * ask.area.margin_km
    extracts = extracts_for(index, ask.outline, margin_m)
    paths = [_extract(ask, e) for e in extracts]
    found = cut(paths, ask.outline, margin_m, part, say=ask.client.say)
    asked = f"{found.ways:,} ways within {ask.area.margin_km:g} km of the area"
    return Got(url=url, asked=asked, edited=found.date, made_of=tuple(e.url for e in extracts))


def newer(ask: Ask, cut_out: twins.Twin) -> str | None:
    """Say which extract is newer than what was cut, be it here already for another area; None where none is."""
    for url in cut_out.made_of:
        path = _place(ask, url)
        twin = twins.read(path) if path.is_file() else None
        if twin is None or twin.fetched > cut_out.fetched or _changed(ask, url, twin):
            return f"there is a newer extract ({url.rpartition('/')[2]})"
    return None


def _extract(ask: Ask, extract: Extract) -> Path:
    """Give a whole extract: the one that is there, if it is still the publisher's, or a new one."""
    path = _place(ask, extract.url)
    twin = twins.read(path) if path.is_file() else None
    if twin is not None and twins.fits(path, twin) and not _changed(ask, extract.url, twin):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")
    answer = ask.client.download(extract.url, part, name=f"OpenStreetMap: {extract.name}")
    with part.open("rb") as file:
        if _PBF not in file.read(64):
            part.unlink()
            raise ask.fault(f"gave what is no OpenStreetMap extract ({extract.url})")
    got = Got(answer.url, etag=answer.etag or "", last_modified=answer.last_modified or "")
    made = twin_of(ask, part, got, title=f"OpenStreetMap extract of {extract.name}")
    part.replace(path)
    twins.write(path, made)
    return path


def _place(ask: Ask, url: str) -> Path:
    return ask.raw / FOLDER / url.rpartition("/")[2]


def _changed(ask: Ask, url: str, twin: twins.Twin) -> bool:
    known = Answer(url, twin.bytes, twin.etag or None, twin.last_modified or None)
    try:
        found = ask.client.peek(url, known=known)
    except NeedsError:
        return False  # nobody can say: what is there will do
    return found is not None and found.version != known.version
