"""Merge extracts of OpenStreetMap and cut them to a council: what stands in two counts once, what nobody reads goes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import osmium
import pyproj
import shapely
from numpy.typing import NDArray
from osmium.osm import mutable

from needs.connectors.osm.parts import NOWHERE, UNIT, Found, Ints, Part, Spot, Tags, read_part, read_relations, spot
from needs.errors import Faults, InputError, NeedsError, fail
from needs.settings import CRS, CRS_WEB

Say = Callable[[str], None]
T = TypeVar("T")

_STEP_M = 1_000.0  # the area's outline is bent like this when it is brought to degrees
_DATE = "osmosis_replication_timestamp"  # header: up to when an extract knows the map
_FIX = "give whole .osm.pbf extracts, as Geofabrik offers them"


@dataclass(frozen=True)
class Summary:
    """What a cut extract holds.

    Attributes
    ----------
    nodes, ways, relations
        How many.
    bytes
        Of the file.
    ways_read
        In the extracts that it was cut from; one that stands in two counts twice.
    date
        Up to when the extracts know the map, the earliest of them ("2026-11-20T21:21:00Z"); "" where one does not say.
    """

    nodes: int
    ways: int
    relations: int
    bytes: int
    ways_read: int
    date: str


def _quiet(_: str) -> None:
    """Tell nobody."""


def cut(
    sources: Iterable[Path], outline: shapely.Geometry, margin_m: float, out: Path, *, say: Say = _quiet
) -> Summary:
    """Merge extracts, and keep what the catalogue names within an outline and a margin around it.

    Ways that touch the area are kept whole, with all their nodes; of an area made of several ways all of them, where
    one touches. An object that stands in several extracts is taken from the one with its newest version. Numbers, tags
    and places are OpenStreetMap's; versions and dates are left out. The same extracts give the same bytes.

    Memory goes with the largest extract (16 bytes for each of its nodes) and with what is kept, not with the sum.

    Parameters
    ----------
    sources
        Extracts, .osm.pbf or .osm, sorted by type and number as they are published; in any order.
    outline
        Of the council, EPSG:27700.
    margin_m
        How far around it, metres.
    out
        The .osm.pbf to write; it appears whole or not at all.
    say
        Told of each extract that has been read.

    Raises
    ------
    SourceError
        If an extract is not there.
    InputError
        If one cannot be read or is not sorted, or none has a way that touches the area.
    """
    paths = sorted({*sources})
    if not paths:
        fail(InputError, "the extracts", "are none", _FIX)
    faults = Faults()
    for path in paths:
        if not path.is_file():
            faults.add_missing(path.name, "there is no such extract", "download it")
    faults.raise_if_any()
    area = _area(outline, margin_m)
    relations = [_attempt(path, read_relations) for path in paths]
    members = {way for found in relations for way in found.refs.tolist()}
    parts: list[Part] = []
    for path in paths:
        parts.append(_attempt(path, lambda p: read_part(p, area, members)))
        ways = parts[-1].ways
        say(f"{path.name}: {int(ways.touches.sum()):,} of its {len(ways.seen):,} ways touch the area.")
    way_owner, relation_owner = _chosen([p.ways for p in parts], relations)
    if not way_owner:
        names = ", ".join(p.name for p in paths)
        what = "no way touches the council or its margin"
        fail(InputError, names, what, "give the extracts of the right place")
    nodes = _nodes(paths, parts, way_owner, area)
    date = _written(paths, nodes, way_owner, relation_owner, area, out)
    counts = len(nodes.ids), len(way_owner), len(relation_owner)
    return Summary(*counts, out.stat().st_size, sum(len(p.ways.seen) for p in parts), date)


def _area(outline: shapely.Geometry, margin_m: float) -> shapely.Geometry:
    """Give the outline and its margin in degrees, ready to be asked often."""
    shape = shapely.segmentize(shapely.buffer(outline, margin_m), _STEP_M)
    area = shapely.transform(shape, lambda xy: np.column_stack(_degrees().transform(xy[:, 0], xy[:, 1])))
    if not np.isfinite(area.bounds).all():
        fail(InputError, "the outline", "is empty or lies elsewhere than Great Britain", f"give it in {CRS}")
    shapely.prepare(area)
    return area


@cache
def _degrees() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(CRS, CRS_WEB, always_xy=True)


def _attempt(path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except NeedsError:
        raise
    except (RuntimeError, OSError, ValueError) as error:
        fail(InputError, path.name, f"cannot be read: {error}", _FIX)


# Merging --------------------------------------------------------------------------------------------------------------


def _newest(found: Sequence[Found]) -> tuple[Ints, Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the newest version of everything that may be kept: number, which extract has it, named, touches."""
    numbers = np.unique(np.concatenate([f.ids for f in found]))
    version, owner = np.full(len(numbers), -1), np.zeros(len(numbers), dtype=np.int64)
    for f in found:
        at, rows = _matches(numbers, f.seen)
        version[at] = np.maximum(version[at], f.seen_version[rows])
    named, touches = np.zeros((2, len(numbers)), dtype=bool)
    for k, f in reversed([*enumerate(found)]):  # of equal versions the first extract's
        at = np.searchsorted(numbers, f.ids)
        newest = f.version == version[at]
        owner[at[newest]] = k
        named[at[newest & f.named]] = True
        touches[at[newest & f.touches]] = True
    return numbers, owner, named, touches


def _matches(numbers: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Find which others are among the numbers (ascending): where they stand there, and their own rows."""
    at = np.minimum(np.searchsorted(numbers, others), max(len(numbers) - 1, 0))
    rows = np.flatnonzero(numbers[at] == others) if len(numbers) else np.zeros(0, dtype=np.int64)
    return at[rows], rows


def _chosen(ways: Sequence[Found], relations: Sequence[Found]) -> tuple[dict[int, int], dict[int, int]]:
    """Choose the ways and the relations that are kept: by number, which extract's they are."""
    way, way_owner, named, touches = _newest(ways)
    near = way[touches]
    rings = [replace(f, touches=_any(np.isin(f.refs, near), f.first)) for f in relations]
    ring, ring_owner, ring_named, ring_touches = _newest(rings)
    kept_rings = dict(zip(ring.tolist(), ring_owner.tolist(), strict=True))
    kept_rings = {n: kept_rings[n] for n in ring[ring_named & ring_touches].tolist()}
    members = [f.parts_of(_owned(f, kept_rings, k)) for k, f in enumerate(rings)]
    kept = (named & touches) | np.isin(way, np.concatenate(members))
    return dict(zip(way[kept].tolist(), way_owner[kept].tolist(), strict=True)), kept_rings


def _any(true: NDArray[np.bool_], first: Ints) -> NDArray[np.bool_]:
    """Say for each item whether any of its parts is true."""
    return np.diff(np.concatenate([[0], np.cumsum(true)])[first]) > 0


def _owned(found: Found, owner: Mapping[int, int], k: int) -> NDArray[np.bool_]:
    """Say which items are kept, and are this extract's."""
    return np.fromiter((owner.get(n) == k for n in found.ids.tolist()), dtype=bool, count=len(found.ids))


@dataclass(frozen=True)
class _Nodes:
    """Nodes that are kept, by number: where they are, and which of `tags` they have."""

    ids: Ints
    x: Ints
    y: Ints
    code: Ints
    tags: tuple[Tags, ...]


def _nodes(
    paths: Sequence[Path], parts: Sequence[Part], way_owner: Mapping[int, int], area: shapely.Geometry
) -> _Nodes:
    """Put together the nodes of all kept ways, and those that count alone; where two extracts differ, the newer."""
    needed = np.unique(
        np.concatenate([part.ways.parts_of(_owned(part.ways, way_owner, k)) for k, part in enumerate(parts)])
    )
    codes: dict[Tags, int] = {(): 0}
    rows = np.concatenate([_states(part, needed, codes) for part in parts])
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    again = np.flatnonzero(rows[1:, 0] == rows[:-1, 0]) + 1
    differ = (rows[again, 1:] != rows[again - 1, 1:]).any(axis=1)
    disputed = set(rows[again[differ], 0].tolist())
    rows = np.delete(rows, again, axis=0)
    alone = {n for part in parts for n, found in part.nodes.items() if found.alone}
    for n, found in _newest_spots(paths, disputed, area).items():
        rows[np.searchsorted(rows[:, 0], n), 1:] = found.x, found.y, codes.setdefault(found.tags, len(codes))
        (alone.add if found.alone else alone.discard)(n)
    rows = rows[np.isin(rows[:, 0], needed) | np.isin(rows[:, 0], list(alone))]
    ids, x, y, code = rows.T
    return _Nodes(ids, x, y, code, tuple(codes))


def _states(part: Part, needed: Ints, codes: dict[Tags, int]) -> Ints:
    """Give what one extract says of nodes: number, x, y and code of the tags, a row each."""
    known = part.x != NOWHERE
    ids, at = np.unique(part.ways.refs[known], return_index=True)
    plain = np.column_stack([ids, part.x[known][at], part.y[known][at], np.zeros_like(ids)])
    told = [(n, s.x, s.y, codes.setdefault(s.tags, len(codes))) for n, s in part.nodes.items()]
    rows = np.array(told, dtype=np.int64).reshape(-1, 4)
    rows = np.concatenate([rows, plain[np.isin(ids, needed) & ~np.isin(ids, rows[:, 0])]])
    return rows[np.argsort(rows[:, 0])]


def _newest_spots(paths: Sequence[Path], disputed: set[int], area: shapely.Geometry) -> dict[int, Spot]:
    """Read again the nodes on which extracts differ; of equal versions the first extract's counts."""
    version: dict[int, int] = {}
    found: dict[int, Spot] = {}
    for path in paths if disputed else ():
        wanted = osmium.filter.IdFilter(disputed)
        items: Any = osmium.FileProcessor(str(path), osmium.osm.NODE).with_filter(wanted)
        for node in items:
            if node.version > version.get(node.id, -1):
                version[node.id], found[node.id] = node.version, spot(node, area)
    return found


# Writing --------------------------------------------------------------------------------------------------------------


def _written(
    paths: Sequence[Path],
    nodes: _Nodes,
    way_owner: Mapping[int, int],
    relation_owner: Mapping[int, int],
    area: shapely.Geometry,
    out: Path,
) -> str:
    """Write everything, in order, whole or not at all; give the date up to which the extracts know the map."""
    dates = [osmium.io.Reader(str(path), osmium.osm.NOTHING).header().get(_DATE) for path in paths]
    date = min(dates) if all(dates) else ""
    header = osmium.io.Header()
    header.set("generator", "needs")
    header.set("sorting", "Type_then_ID")
    if date:
        header.set(_DATE, date)
    west, south, east, north = area.bounds
    header.add_box(osmium.osm.Box(west, south, east, north))
    part = out.with_name(f".{out.name}.part")
    try:
        file = osmium.io.File(str(part), "pbf,add_metadata=false")
        with osmium.SimpleWriter(file, header=header, overwrite=True) as writer:
            for n, x, y, code in zip(*(c.tolist() for c in (nodes.ids, nodes.x, nodes.y, nodes.code)), strict=True):
                writer.add_node(mutable.Node(id=n, location=(x * UNIT, y * UNIT), tags=nodes.tags[code]))
            for way in _merged(paths, osmium.osm.WAY, way_owner):
                writer.add_way(way)
            for relation in _merged(paths, osmium.osm.RELATION, relation_owner):
                writer.add_relation(relation)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return date


def _merged(paths: Sequence[Path], kind: Any, owner: Mapping[int, int]) -> Iterator[Any]:
    """Give what is kept of all extracts, in order of number."""

    def own(k: int) -> Iterator[Any]:
        for item in osmium.FileProcessor(str(paths[k]), kind).with_filter(wanted):
            if owner[item.id] == k:
                yield item

    wanted = osmium.filter.IdFilter(owner)
    return heapq.merge(*(own(k) for k in range(len(paths))), key=attrgetter("id"))
