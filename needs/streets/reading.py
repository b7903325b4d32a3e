"""Read the streets of an OpenStreetMap extract from a file."""

from __future__ import annotations

from array import array
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx
import osmium

from needs.errors import InputError, fail
from needs.streets.exchange import from_osmnx
from needs.streets.rules import FERRY, MARKS, way_tags
from needs.streets.ways import Gathered, Ways

_NOWHERE = 2**31 - 1  # what osmium gives for a node that the file leaves out
_UNREADABLE = (
    RuntimeError, OSError, ValueError, KeyError, ParseError, networkx.NetworkXException, osmium.InvalidLocationError,
)  # fmt: skip
_FIXED = 1e-7  # degrees to osmium's unit


def read_ways(path: Path) -> Ways:
    """Read the streets and ferries of an OpenStreetMap file.

    Parameters
    ----------
    path
        `.osm.pbf`, `.osm` XML, or `.graphml` as saved by osmnx.

    Raises
    ------
    InputError
        If the file cannot be read, holds no street, or lies outside Great Britain.
    """
    try:
        if path.suffix == ".graphml":
            import osmnx  # brings matplotlib, for which other files need not wait

            return from_osmnx(osmnx.load_graphml(path), where=path.name)
        gathered = _gather(path)
    except InputError:
        raise
    except _UNREADABLE as error:
        fail(
            InputError,
            path.name,
            f"cannot be read: {error}",
            "give a whole .osm.pbf or .osm extract of OpenStreetMap, or a .graphml saved by osmnx",
        )
    return gathered.done(unit=_FIXED)


def _gather(path: Path) -> Gathered:
    if not path.is_file():
        msg = "there is no such file"
        raise FileNotFoundError(msg)
    wanted = way_tags()
    gathered = Gathered(path.name, lon=array("i"), lat=array("i"))
    ids, lon, lat = gathered.ids, gathered.lon, gathered.lat
    items = (
        osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY)
        .with_locations()
        .with_filter(osmium.filter.KeyFilter("route", *MARKS))
    )
    for item in items:
        tags = {t.k: t.v for t in item.tags}
        if isinstance(item, osmium.osm.Node):
            gathered.mark(item.id, tags)
        elif isinstance(item, osmium.osm.Way) and ("highway" in tags or tags.get("route") == FERRY):
            kept = [(k, v) for k, v in tags.items() if k in wanted]
            run = 0
            for node in item.nodes:
                if node.x == _NOWHERE:  # a cut extract leaves out nodes beyond its edge: the way breaks there
                    run = _close(gathered, kept, run)
                    continue
                ids.append(node.ref)
                lon.append(node.x)
                lat.append(node.y)
                run += 1
            _close(gathered, kept, run)
    return gathered


def _close(gathered: Gathered, tags: list[tuple[str, str]], run: int) -> int:
    """End a run of nodes; one alone is no street."""
    if run == 1:
        for column in (gathered.ids, gathered.lon, gathered.lat):
            column.pop()
    elif run:
        gathered.end_way(tags, run)
    return 0
