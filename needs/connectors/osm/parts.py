"""Read from one extract of OpenStreetMap what may be kept: areas, ways in or near the council, and nodes that speak."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import osmium
import shapely
from numpy.typing import NDArray

from needs.connectors.osm.rules import Keep, kept, telling
from needs.errors import InputError, fail

Tags = tuple[tuple[str, str], ...]
Ints = NDArray[np.int64]

UNIT = 1e-7  # degrees: places are counted in these
NOWHERE = 2**31 - 1  # osmium's place of a node that the file leaves out
_AREAS = ("multipolygon", "boundary")  # types of the relations that are areas
_HEAD = 9  # bytes of a line's well-known binary before its coordinates
_BLOCK = 400_000  # nodes of ways that are looked at in one go


@dataclass(frozen=True)
class Found:
    """Ways or relations of one extract.

    Attributes
    ----------
    seen, seen_version
        Number and version of all that there are.
    ids, version
        Of those that may be kept.
    named
        Which of these a rule of the catalogue names.
    touches
        Which of these touch the area; of relations not known yet, and True.
    first, refs
        Item k consists of `refs[first[k]:first[k + 1]]`: the nodes of a way, the ways of a relation.
    """

    seen: Ints
    seen_version: Ints
    ids: Ints
    version: Ints
    named: NDArray[np.bool_]
    touches: NDArray[np.bool_]
    first: Ints
    refs: Ints

    def parts_of(self, rows: NDArray[np.bool_]) -> Ints:
        """Give what some of the items consist of."""
        return self.refs[np.repeat(rows, np.diff(self.first))]


class Spot(NamedTuple):
    """A node: where it is, in units of UNIT degrees, its tags where a rule names it, and whether it counts alone."""

    x: int
    y: int
    tags: Tags
    alone: bool


@dataclass(frozen=True)
class Part:
    """What one extract holds of the area.

    Attributes
    ----------
    ways
        Its ways.
    x, y
        Where each of `ways.refs` is, in units of UNIT degrees; NOWHERE where the extract leaves the node out.
    nodes
        By number, those that a rule names and that count alone or stand on one of the ways.
    """

    ways: Found
    x: Ints
    y: Ints
    nodes: dict[int, Spot]


def spot(node: Any, area: shapely.Geometry) -> Spot:
    """Take down a node of a file. One counts alone where a rule says so and it stands in the area."""
    x, y = node.location.x, node.location.y
    rules = [rule for rule in kept("node") if rule.fits(node.tags)]
    tags = tuple(sorted((t.k, t.v) for t in node.tags)) if rules else ()
    alone = any(not rule.on_ways for rule in rules) and bool(shapely.intersects_xy(area, x * UNIT, y * UNIT))
    return Spot(x, y, tags, alone)


def read_relations(path: Path) -> Found:
    """Read the relations of an extract that are areas, with the ways that make them."""
    seen, seen_version, ids, version, counts, refs = (array("q") for _ in range(6))
    rules = kept("relation")
    areas = osmium.filter.TagFilter(*(("type", t) for t in _AREAS))
    items: Any = osmium.FileProcessor(str(path), osmium.osm.RELATION).with_filter(areas)
    for relation in items:
        seen.append(relation.id)
        seen_version.append(relation.version)
        if any(rule.fits(relation.tags) for rule in rules):
            ids.append(relation.id)
            version.append(relation.version)
            ways = [m.ref for m in relation.members if m.type == "w"]
            counts.append(len(ways))
            refs.extend(ways)
    yes = np.ones(len(ids), dtype=bool)
    first = _starts(_ints(counts))
    return Found(_ints(seen), _ints(seen_version), _ints(ids), _ints(version), yes, yes, first, _ints(refs))


def read_part(path: Path, area: shapely.Geometry, members: set[int]) -> Part:
    """Read the ways of an extract that touch the area or belong to a relation, and the nodes that a rule names.

    Parameters
    ----------
    path
        Extract.
    area
        In degrees, prepared.
    members
        Ways that make relations.

    Raises
    ------
    InputError
        If the extract is not sorted by number, or holds an object twice.
    """
    reader = _Reader(area, members)
    nodes, ways = (osmium.filter.KeyFilter(*telling(kind)) for kind in ("node", "way"))
    nodes.enable_for(osmium.osm.NODE)
    ways.enable_for(osmium.osm.WAY)
    items: Any = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
    for item in items.with_filter(nodes).with_filter(ways).handler_for_filtered(reader):
        if item.is_node():
            reader.take_node(item)
        else:
            reader.take_way(item)
    return reader.done(path.name)


class _Reader:
    """What is gathered while an extract is read; also told of the ways that no filter lets through."""

    def __init__(self, area: shapely.Geometry, members: set[int]) -> None:
        self._area, self._box, self._members = area, area.bounds, members
        self._rules = kept("way")
        self._shapes = osmium.geom.WKBFactory()
        self._seen, self._seen_version = array("q"), array("q")
        self._nodes: dict[int, Spot] = {}
        self._ways: list[tuple[Any, ...]] = []
        self._open()

    def _open(self) -> None:
        self._ids, self._version, self._counts, self._refs = (array("q") for _ in range(4))
        self._named, self._degrees = array("b"), array("d")

    def take_node(self, node: Any) -> None:
        """Take a node if a rule names it."""
        found = spot(node, self._area)
        if found.tags:
            self._nodes[node.id] = found

    def way(self, way: Any) -> None:
        """Take note of a way that no rule can name, and take it if it belongs to a relation."""
        self._take(way, self._rules[:0])

    def take_way(self, way: Any) -> None:
        """Take a way that may touch the area if a rule names it, or it belongs to a relation."""
        self._take(way, self._rules)

    def _take(self, way: Any, rules: Sequence[Keep]) -> None:
        number, version = way.id, way.version
        self._seen.append(number)
        self._seen_version.append(version)
        member = number in self._members
        if not member and not rules:
            return
        degrees = self._course(way)
        if not member and self._is_far(degrees):
            return
        named = any(rule.fits(way.tags) for rule in rules)
        if not member and not named:
            return
        self._ids.append(number)
        self._version.append(version)
        self._named.append(named)
        self._counts.append(len(degrees) // 2)
        self._refs.extend([n.ref for n in way.nodes])
        self._degrees.extend(degrees)
        if len(self._refs) >= _BLOCK:
            self._close()

    def _course(self, way: Any) -> Sequence[float]:
        """Give longitude and latitude of each node in turn; NaN where the extract leaves it out."""
        try:  # many times quicker than asking every node
            course = bytes.fromhex(self._shapes.create_linestring(way, use_nodes=osmium.geom.ALL))
            return struct.unpack_from(f"<{(len(course) - _HEAD) // 8}d", course, _HEAD)
        except (osmium.InvalidLocationError, RuntimeError):  # unknown nodes, or fewer than two
            known = [(n.x, n.y) if n.x != NOWHERE else (np.nan, np.nan) for n in way.nodes]
            return [v * UNIT for xy in known for v in xy]

    def _is_far(self, degrees: Sequence[float]) -> bool:
        """Say whether a way keeps to one side of the area; with unknown nodes it may be said not to."""
        if not degrees:
            return True
        west, south, east, north = self._box
        x, y = degrees[::2], degrees[1::2]
        return bool(max(x) < west or min(x) > east or max(y) < south or min(y) > north)

    def _close(self) -> None:
        """Keep of the ways taken since those that touch the area, as far as is known, or belong to a relation."""
        ids, version, counts, refs = _arrays(self._ids, self._version, self._counts, self._refs)
        named, degrees = np.array(self._named, dtype=bool), np.array(self._degrees).reshape(-1, 2)
        touches, broken = _touching(self._area, counts, degrees)
        rows = touches | broken | np.isin(ids, list(self._members))
        nodes = np.repeat(rows, counts)
        x, y = np.where(np.isnan(degrees[nodes]), NOWHERE, np.rint(degrees[nodes] / UNIT)).astype(np.int64).T
        self._ways.append((ids[rows], version[rows], named[rows], touches[rows], counts[rows], refs[nodes], x, y))
        self._open()

    def done(self, where: str) -> Part:
        """Put everything into arrays."""
        self._close()
        seen, seen_version = _arrays(self._seen, self._seen_version)
        if (np.diff(seen) <= 0).any():
            what = "is not sorted by number, or holds a way twice"
            fail(InputError, where, what, "give an extract as Geofabrik offers it, without history")
        columns = zip(*self._ways, strict=True)
        ids, version, named, touches, counts, refs, x, y = (np.concatenate(column) for column in columns)
        ways = Found(seen, seen_version, ids, version, named, touches, _starts(counts), refs)
        numbers = np.fromiter(self._nodes, dtype=np.int64, count=len(self._nodes))
        on_ways = np.isin(numbers, refs)
        nodes = {n: s for (n, s), on in zip(self._nodes.items(), on_ways, strict=True) if s.alone or on}
        return Part(ways, x, y, nodes)


def _touching(
    area: shapely.Geometry, counts: Ints, degrees: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which ways touch the area, as far as their nodes are known, and which have unknown nodes."""
    known = ~np.isnan(degrees[:, 0])
    way = np.repeat(np.arange(len(counts)), counts)
    owner, xy = way[known], degrees[known]
    line = np.bincount(owner, minlength=len(counts))[owner] > 1
    shapes = np.full(len(counts), None, dtype=object)
    shapely.linestrings(xy[line], indices=owner[line], out=shapes)
    touches: NDArray[np.bool_] = shapely.intersects(area, shapes)
    touches[owner[~line]] = shapely.intersects_xy(area, xy[~line])
    return touches, np.bincount(way[~known], minlength=len(counts)) > 0


def _ints(values: array[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _arrays(*columns: array[int]) -> tuple[Ints, ...]:
    return tuple(_ints(c) for c in columns)


def _starts(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)])
