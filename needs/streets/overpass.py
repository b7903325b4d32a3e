"""Fetch streets from Overpass through osmnx: patiently, piece by piece, and whole or not at all."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import requests
import shapely

from needs.errors import SourceError, fail
from needs.settings import AGENT, CRS, CRS_WEB
from needs.streets.rules import mark_tags, way_tags

Say = Callable[[str], None]

_FILTERS = ['["highway"]', '["route"="ferry"]']  # what is asked for
_PIECE_M2 = 25_000.0**2  # largest area of one question: a few seconds of the server's time
_TRIES = 5  # of one question
_WAIT_S = 30.0  # after the first try where the server does not say how long; twice as long after each further one
_LONGEST_WAIT_S = 600.0  # a server that asks for more is asked another day
_DAY_S = 86_400.0  # older answers are asked for again
_BUSY = {429, 502, 503, 504}
_FIX = "try again later: what has been had is kept for a day; or name another server, or give an .osm.pbf extract"


class _BusyError(Exception):
    """The server did not give a whole answer, and may give one later; with the seconds to wait where it says so."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class _RefusedError(Exception):
    """The server does not answer such a question."""


def _quiet(_: str) -> None:
    """Tell nobody."""


def download(
    boundary: shapely.Geometry,
    path: Path,
    *,
    margin_m: float = 5_000.0,
    endpoint: str | None = None,
    say: Say = _quiet,
) -> Path:
    """Fetch the streets of a place from Overpass with osmnx, and save them for `read_ways`.

    The place is asked for in pieces of 25 by 25 km, each when the server's own status says that it is free. A server
    that is busy, or stops in the middle of an answer, is given the time that it asks for and asked again, five times in
    all. The answers are kept beside the file until it is whole, so that another call goes on where this one ended.

    Parameters
    ----------
    boundary
        Outline of the council, EPSG:27700.
    path
        The `.graphml` to write; it appears whole or not at all.
    margin_m
        How far beyond the boundary to look, metres: families cross it.
    endpoint
        Address of the Overpass server, up to "/api"; by default osmnx's own setting.
    say
        Told of every wait for a busy server.

    Raises
    ------
    SourceError
        If Overpass cannot be reached, has no street there, or is busy for too long.
    """
    import osmnx  # in functions here: it brings matplotlib, and every command would wait for it

    outline = gpd.GeoSeries([boundary.buffer(margin_m)], crs=CRS).to_crs(CRS_WEB).iloc[0]
    url = endpoint or osmnx.settings.overpass_url
    pieces = path.with_name(f".{path.name}.pieces")
    _drop_old(pieces)
    settings = {
        "overpass_url": url,
        "overpass_rate_limit": True,
        "max_query_area_size": _PIECE_M2,
        "use_cache": True,
        "cache_folder": pieces,
        "http_user_agent": AGENT,
        "doh_url_template": None,  # no other server is asked for the address
        "requests_kwargs": {**osmnx.settings.requests_kwargs, "hooks": {"response": _whole_or_busy}},
        "useful_tags_way": sorted({*osmnx.settings.useful_tags_way, *way_tags()}),
        "useful_tags_node": sorted({*osmnx.settings.useful_tags_node, *mark_tags()}),
    }
    with _settings(**settings):
        graph = _patiently(outline, f"Overpass at {url}", pieces, say)
    graph.graph.pop("created_date", None)  # the same streets, the same bytes
    part = path.with_name(f".{path.name}.part")
    try:
        osmnx.save_graphml(graph, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    shutil.rmtree(pieces, ignore_errors=True)
    return path


def _patiently(outline: shapely.Geometry, where: str, pieces: Path, say: Say) -> Any:
    """Ask until every piece has been answered; those that have been are not asked again."""
    import osmnx

    wait_s, tries, had = _WAIT_S, 0, -1
    while True:
        try:
            return osmnx.graph_from_polygon(outline, custom_filter=_FILTERS, simplify=False, retain_all=True)
        except (_BusyError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            now = len([*pieces.glob("*")])
            if now > had:  # a further piece has been answered
                wait_s, tries, had = _WAIT_S, 0, now
            tries += 1
            asked_s = getattr(error, "wait_s", None)
            pause_s = wait_s if asked_s is None else asked_s
            if tries >= _TRIES or pause_s > _LONGEST_WAIT_S:
                what = f"was busy {tries} times in a row" if tries >= _TRIES else f"asks to wait {pause_s:,.0f} seconds"
                fail(SourceError, where, f"gave no streets: it {what} ({error})", _FIX)
            say(f"{where} is busy ({error}): asking again in {pause_s:,.0f} seconds.")
            time.sleep(pause_s)
            wait_s *= 2
        except ValueError as error:  # not one street, or an answer that was not kept whole
            shutil.rmtree(pieces, ignore_errors=True)
            fail(SourceError, where, f"gave no streets: {error}", "check the boundary, or give an .osm.pbf extract")
        except (OSError, _RefusedError) as error:
            fail(SourceError, where, f"gave no streets: {error}", _FIX)


def _whole_or_busy(answer: requests.Response, **_: object) -> None:
    """Refuse what is no whole answer to a question, before osmnx takes it for one.

    A question that ran out of time or memory is answered with status 200, what was found until then, and a remark.
    """
    if not answer.url.endswith("/interpreter"):
        return
    if answer.status_code in _BUSY:
        msg = f"status {answer.status_code}"
        raise _BusyError(msg, _retry_after_s(answer))
    if not answer.ok:
        msg = f"status {answer.status_code}: {answer.text[:200].strip()}"
        raise _RefusedError(msg)
    try:
        said = answer.json()
    except ValueError:
        msg = "a page instead of streets"  # so a server says that it has no time
        raise _BusyError(msg) from None
    if not isinstance(said, dict) or "elements" not in said:
        msg = "an answer without elements"
        raise _RefusedError(msg)
    if "remark" in said:
        msg = f"half an answer: {said['remark']}"
        raise _BusyError(msg)


def _retry_after_s(answer: requests.Response) -> float | None:
    """Read how long the server asks to wait: seconds, or until a date."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _drop_old(pieces: Path) -> None:
    """Leave out answers that are older than a day: streets of one file should be of one time."""
    for piece in pieces.glob("*"):
        if time.time() - piece.stat().st_mtime > _DAY_S:
            piece.unlink()


@contextmanager
def _settings(**values: object) -> Iterator[None]:
    """Change osmnx's settings for a while; afterwards names are looked up as before it."""
    import osmnx

    usual = {name: getattr(osmnx.settings, name) for name in values}
    look_up = socket.getaddrinfo
    for name, value in values.items():
        setattr(osmnx.settings, name, value)
    try:
        yield
    finally:
        for name, value in usual.items():
            setattr(osmnx.settings, name, value)
        socket.getaddrinfo = look_up
