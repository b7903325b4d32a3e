"""Ask a layer of the Open Geography portal (ArcGIS FeatureServer) page by page, by the rows that each page returned."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from needs.connectors.asking import Ask, Got
from needs.connectors.pages import Pages, beside
from needs.errors import listed

EPSG = 27700  # asked for by its number
CODES_A_QUESTION = 200  # codes in one `where`, which goes by POST
TOO_MANY_PAGES = 10_000

_DEGREES = 360.0  # beyond which a coordinate is none of degrees
_BUSY = {408, 429, 500, 502, 503, 504}  # codes of errors that come with status 200, and pass


def fetch(ask: Ask, part: Path) -> Got:
    """Bring a layer, or the rows of it whose codes are asked for, as GeoJSON in EPSG:27700 or as CSV without shapes.

    The layer's own limit of rows a page is not trusted: the next page begins after the rows that came (ArcGIS REST API,
    Query (Feature Service/Layer): resultOffset, resultRecordCount, exceededTransferLimit), and the rows in the end are
    held against the layer's own count.

    Raises
    ------
    SourceError
        If the service fails, a field of the catalogue is not in the layer, or rows are missing.
    """
    url = ask.source.urls[0]
    about = _object(ask, ask.client.json(url, {"f": "json"}, busy=_busy))
    key = _fields(ask, about)
    edited = _edited(about)
    wheres = _wheres(ask)
    state = {"url": url, "edited": edited or f"{date.today()}", "fields": ask.source.fields, "where": wheres}
    kept = beside(part, state)
    rows: list[dict[str, Any]] = []
    page = 0
    for where in wheres:
        question = {"where": where, "outFields": ",".join(ask.source.fields), "orderByFields": key}
        want = _count(ask, url, where)
        got = 0
        while got < want:
            new = _page(ask, url, question, got, kept, page)
            page += 1
            if not new or page > TOO_MANY_PAGES:
                raise kept.odd(ask, f"gave {got:,} of {want:,} rows and then no more")
            rows += new
            got += len(new)
            ask.client.progress(ask.source.title, len(rows), None)
        if got != want:
            raise kept.odd(ask, f"gave {got:,} rows where it counts {want:,}")
    if edited and version(ask) != edited:
        raise kept.odd(ask, "was edited while it was fetched")
    rows = _ordered(ask, rows, kept)
    _write(ask, part, rows)
    kept.drop()
    asked = f"{len(ask.codes)} values of {ask.source.codes.field}" if ask.source.codes else "all rows"
    return Got(url=url, asked=f"{', '.join(ask.source.fields)}; {asked}", edited=edited)


def version(ask: Ask) -> str:
    """Ask when the layer was last edited."""
    return _edited(_object(ask, ask.client.json(ask.source.urls[0], {"f": "json"}, busy=_busy)))


def sample(ask: Ask) -> int:
    """Ask for one row, and give how many there are; the fields must be those of the catalogue."""
    url = ask.source.urls[0]
    key = _fields(ask, _object(ask, ask.client.json(url, {"f": "json"}, busy=_busy)))
    question = {
        "where": "1=1",
        "outFields": ",".join(ask.source.fields),
        "orderByFields": key,
        "resultRecordCount": "1",
    }
    said = _object(ask, ask.client.json(f"{url}/query", {**question, **_shapes(ask)}, post=True, busy=_busy))
    if not said.get("features"):
        raise ask.fault("gives no row", "")
    return _count(ask, url, "1=1")


def _edited(about: dict[str, Any]) -> str:
    return str((about.get("editingInfo") or {}).get("lastEditDate", ""))


def _fields(ask: Ask, about: dict[str, Any]) -> str:
    """Check that the layer has the fields of the catalogue; give the one that rows are ordered by."""
    there = {str(f.get("name")) for f in about.get("fields") or ()}
    absent = [f for f in ask.source.fields if f not in there]
    if absent:
        has = ", ".join(sorted(there)) or "none"
        raise ask.changed(f"the layer has no column {', '.join(map(repr, absent))}; it has {has}")
    return str(about.get("objectIdField") or ask.source.fields[0])


def _wheres(ask: Ask) -> list[str]:
    if ask.source.codes is None:
        return ["1=1"]
    codes = ask.codes
    steps = range(0, len(codes), CODES_A_QUESTION)
    parts = (codes[i : i + CODES_A_QUESTION] for i in steps)
    return [f"{ask.source.codes.field} IN ({','.join(repr(c) for c in p)})" for p in parts]


def _count(ask: Ask, url: str, where: str) -> int:
    asked = {"where": where, "returnCountOnly": "true", "f": "json"}
    said = _object(ask, ask.client.json(f"{url}/query", asked, post=True, busy=_busy))
    count = said.get("count", (said.get("properties") or {}).get("count"))
    if not isinstance(count, int):
        raise ask.fault(f"gives no count of its rows: {str(said)[:80]}", "run the same command again later")
    return count


def _page(ask: Ask, url: str, question: dict[str, str], offset: int, kept: Pages, number: int) -> list[dict[str, Any]]:
    found = kept.get(number)
    if found is None:
        asked = {**question, **_shapes(ask), "resultOffset": str(offset)}
        found = ask.client.read(f"{url}/query", asked, post=True, busy=_busy)
    try:
        said = json.loads(found)
    except ValueError:
        begins = found[:60].decode("utf-8", "replace").strip()
        raise ask.fault(f"gives no JSON; it begins {begins!r}", "run the same command again later") from None
    rows = _object(ask, said).get("features")
    if not isinstance(rows, list):
        raise ask.fault("gives an answer without rows", "run the same command again later")
    if rows:
        kept.put(number, found)
    return rows


def _shapes(ask: Ask) -> dict[str, str]:
    if not ask.source.geometry:
        return {"returnGeometry": "false", "f": "json"}
    return {"returnGeometry": "true", "outSR": str(EPSG), "f": "geojson"}


def _busy(content: bytes) -> str:
    """Find an error that passes in an answer of status 200, as ArcGIS sends them."""
    if b'"error"' not in content[:200]:
        return ""
    try:
        error = json.loads(content)["error"]
        return f"with error {error['code']}: {error.get('message', '')}" if int(error["code"]) in _BUSY else ""
    except (ValueError, TypeError, KeyError):
        return ""


def _object(ask: Ask, said: Any) -> dict[str, Any]:
    """Refuse an error that comes with status 200, as ArcGIS sends them."""
    if not isinstance(said, dict):
        raise ask.fault("gives JSON that is no object", "run the same command again later")
    error = said.get("error")
    if isinstance(error, dict):
        told = " ".join([str(error.get("message", "")), *map(str, error.get("details") or ())]).strip()
        raise ask.fault(f"answers with error {error.get('code', '')}: {told}", "")
    return said


def _ordered(ask: Ask, rows: list[dict[str, Any]], kept: Pages) -> list[dict[str, Any]]:
    """Put rows in the order of the first field of the catalogue; each must be there once, and every code asked for."""
    first = ask.source.fields[0]
    said = "properties" if ask.source.geometry else "attributes"
    ordered = sorted(rows, key=lambda r: str(r[said].get(first)))
    again = [a for a, b in pairwise(ordered) if a[said] == b[said]]
    if again:
        told = f"{first} {again[0][said].get(first)}"
        raise kept.odd(ask, f"gave rows twice, such as {told}: it changed meanwhile")
    if ask.source.codes:
        without = sorted({*ask.codes} - {str(r[said].get(ask.source.codes.field)) for r in rows})
        if without:
            told = f"has nothing of {len(without):,} of {len(ask.codes):,} values of {ask.source.codes.field}"
            raise kept.odd(ask, f"{told}: {listed(without)}")
    return ordered


def _write(ask: Ask, part: Path, rows: list[dict[str, Any]]) -> None:
    said = "properties" if ask.source.geometry else "attributes"
    if ask.source.geometry:
        kept = [
            {
                "type": "Feature",
                "properties": {f: r[said].get(f) for f in ask.source.fields},
                "geometry": r.get("geometry"),
            }
            for r in rows
        ]
        name = f"urn:ogc:def:crs:EPSG::{EPSG}"
        if all(_in_degrees(r.get("geometry")) for r in rows):
            name = "urn:ogc:def:crs:OGC:1.3:CRS84"  # outSR was not heeded: GeoJSON as RFC 7946 has it
        crs = {"type": "name", "properties": {"name": name}}
        text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": kept}, ensure_ascii=False)
        part.write_text(text, "utf-8", newline="\n")
        return
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ask.source.fields)
    writer.writerows([r[said].get(f) for f in ask.source.fields] for r in rows)
    part.write_text(out.getvalue(), "utf-8", newline="\n")


def _in_degrees(shape: dict[str, Any] | None) -> bool:
    """Whether the first corner of a shape is in degrees; one without a shape may be anything."""
    here: Any = (shape or {}).get("coordinates")
    while isinstance(here, list) and here and isinstance(here[0], list):
        here = here[0]
    return not here or all(abs(v) <= _DEGREES for v in here[:2])
