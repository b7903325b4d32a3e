"""Turn drawn lines into one connected street network: meet at junctions, leave out what nobody needs, bend, tag."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from needs.demo.ground import Bend, Coordinates
from needs.demo.plans import Plan
from needs.demo.towns import Drawing, Street

_STUB_M = 8.0  # dead ends shorter than this are trimmed
_MAIN = ("trunk", "primary", "secondary", "tertiary", "unclassified")
_CARS = (*_MAIN, "residential", "service")


@dataclass(frozen=True)
class Way:
    """A run of nodes with one set of tags."""

    nodes: tuple[int, ...]
    tags: dict[str, str]


@dataclass(frozen=True)
class Network:
    """Nodes in EPSG:27700 (n x 2) and the ways over them."""

    nodes: Coordinates
    ways: list[Way]

    def pieces(self, highways: tuple[str, ...], *, bridges: bool = False) -> tuple[NDArray[np.int64], list[str]]:
        """Node pairs (n x 2) of the ways of some classes, and each pair's class."""
        pairs, classes = [], []
        for way in self.ways:
            if way.tags["highway"] in highways and (bridges or "bridge" not in way.tags):
                pairs += list(zip(way.nodes[:-1], way.nodes[1:], strict=True))
                classes += [way.tags["highway"]] * (len(way.nodes) - 1)
        return np.array(pairs, dtype=np.int64).reshape(-1, 2), classes


def build(plan: Plan, drawing: Drawing, bend: Bend, rng: np.random.Generator) -> Network:
    """Build the network of a drawing: one connected piece for cars and walkers (river bridges included)."""
    streets = drawing.streets
    points, paths = _meet([s.line for s in streets])
    paths = _trim(points, paths)
    tail, head, owner = _edges(paths)
    length = np.hypot(*(points[tail] - points[head]).T)
    cars = np.array([streets[i].highway in _CARS for i in owner])
    kept = _thin(streets, tail, head, owner, cars, len(points), rng)
    path_again = ~kept & cars & (length > 40) & (rng.random(len(kept)) < 0.22)
    middles = (points[tail] + points[head]) / 2
    built = shapely.contains_xy(drawing.built, middles[:, 0], middles[:, 1])
    fate = [
        _tags(streets[i], built=bool(b), path=bool(p), chance=float(c))
        for i, b, p, c in zip(owner, built, path_again, rng.random(len(streets))[owner], strict=True)
    ]
    kept = _joined(tail, head, kept | path_again, len(points))
    ways = _runs(paths, tail, owner, kept, fate)
    ways = _one_ways(ways, points, plan, rng)
    return _renumber(_jitter(points, streets, paths, rng), ways, bend)


def _meet(lines: list[shapely.Geometry]) -> tuple[Coordinates, list[NDArray[np.int64]]]:
    """Insert a shared vertex wherever two lines meet.

    Returns
    -------
    tuple
        Distinct vertices (n x 2, metres, to the decimetre) and, for each line, its vertices in order.
    """
    shapes = np.array(lines)
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    one_way = left < right
    left, right = left[one_way], right[one_way]
    meetings, pair = shapely.get_coordinates(shapely.intersection(shapes[left], shapes[right]), return_index=True)
    own, own_line = shapely.get_coordinates(shapes, return_index=True)
    line = np.concatenate([own_line, left[pair], right[pair]])
    at = np.vstack([own, meetings, meetings])
    along = shapely.line_locate_point(shapes[line], shapely.points(at))
    order = np.lexsort([along, line])
    vertices, number = np.unique(np.round(at, 1), axis=0, return_inverse=True)
    number = number.reshape(-1)[order]
    ends = np.searchsorted(line[order], np.arange(len(lines) + 1))
    paths = []
    for start, stop in itertools.pairwise(ends):
        path = number[start:stop]
        paths.append(path[np.concatenate([[True], path[1:] != path[:-1]])])
    return vertices, paths


def _trim(points: Coordinates, paths: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Cut the short stubs that stick out past a junction."""
    uses = np.bincount(np.concatenate(paths), minlength=len(points))
    trimmed = []
    for path in paths:
        if len(path) > 2 and uses[path[0]] == 1 and np.hypot(*(points[path[0]] - points[path[1]])) < _STUB_M:
            path = path[1:]
        if len(path) > 2 and uses[path[-1]] == 1 and np.hypot(*(points[path[-1]] - points[path[-2]])) < _STUB_M:
            path = path[:-1]
        trimmed.append(path)
    return trimmed


def _edges(paths: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    tail = np.concatenate([p[:-1] for p in paths])
    head = np.concatenate([p[1:] for p in paths])
    owner = np.repeat(np.arange(len(paths)), [len(p) - 1 for p in paths])
    return tail, head, owner


def _thin(
    streets: list[Street],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    owner: NDArray[np.int64],
    cars: NDArray[np.bool_],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Keep a random spanning forest of the streets for cars; leave out other pieces by chance."""
    chance = np.array([s.thin for s in streets])[owner]
    drawn = rng.random(len(tail))
    kept = np.where(cars, (chance == 0) | (drawn > chance), drawn > chance)
    root = list(range(count))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    service = np.array([s.highway == "service" for s in streets])[owner]  # no home hangs on a private road
    order = np.lexsort([rng.random(len(tail)), service, chance > 0])
    for e in order[cars[order]]:
        a, b = find(int(tail[e])), find(int(head[e]))
        if a != b:
            root[a] = b
            kept[e] = True
    return kept


def _joined(tail: NDArray[np.int64], head: NDArray[np.int64], kept: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Drop pieces that hang together with nothing."""
    weights = np.ones(int(kept.sum()))
    _, label = connected_components(
        coo_matrix((weights, (tail[kept], head[kept])), shape=(count, count)), directed=False
    )
    largest = int(np.bincount(label[tail[kept]]).argmax())
    return np.asarray(kept & (label[tail] == largest), dtype=np.bool_)


def _tags(street: Street, *, built: bool, path: bool, chance: float) -> tuple[tuple[str, str], ...]:
    """Tags of one piece; chance (0 to 1) is the same along a street."""
    if path:
        return (("highway", "steps" if chance < 0.05 else "footway"),)
    tags = {"highway": street.highway, **dict(street.tags)}
    if street.highway in _MAIN and "maxspeed" not in tags:
        if built:
            tags["maxspeed"] = "30 mph"
        elif street.highway in {"trunk", "primary"}:
            tags["maxspeed"] = "60 mph" if chance < 0.8 else "50 mph"
    if street.highway == "residential" and chance < 0.3:
        tags["maxspeed"] = "20 mph"
    if street.highway == "service" and chance < 0.25:
        tags["access"] = "private"
    return tuple(sorted(tags.items()))


def _runs(
    paths: list[NDArray[np.int64]],
    tail: NDArray[np.int64],
    owner: NDArray[np.int64],
    kept: NDArray[np.bool_],
    fate: list[tuple[tuple[str, str], ...]],
) -> list[Way]:
    """Join kept pieces of a line that follow each other with the same tags."""
    ways: list[Way] = []
    nodes: list[int] = []
    first = np.searchsorted(owner, np.arange(len(paths)))
    for i, path in enumerate(paths):
        for k in range(len(path) - 1):
            e = int(first[i]) + k
            if nodes and (not kept[e] or fate[e] != fate[e - 1]):
                ways.append(Way(tuple(nodes), dict(fate[e - 1])))
                nodes = []
            if kept[e]:
                nodes = [*(nodes or [int(tail[e])]), int(path[k + 1])]
        if nodes:
            ways.append(Way(tuple(nodes), dict(fate[int(first[i]) + len(path) - 2])))
            nodes = []
    return ways


def _one_ways(ways: list[Way], points: Coordinates, plan: Plan, rng: np.random.Generator) -> list[Way]:
    """Make some streets near town centres one-way, as far as every place can still be reached and left by car."""
    centres = np.array([(s.x, s.y) for s in plan.settlements if s.kind in {"town", "suburb"}])
    drawn = rng.random(len(ways))
    chosen = set()
    for k, way in enumerate(ways):
        near = np.hypot(*(centres - points[way.nodes[0]]).T).min() < 480
        if way.tags["highway"] == "residential" and near and drawn[k] < 0.22:
            chosen.add(k)
    while True:
        tails: list[int] = []
        heads: list[int] = []
        for k, way in enumerate(ways):
            if way.tags["highway"] in _CARS:
                tails += [*way.nodes[:-1], *(() if k in chosen else way.nodes[1:])]
                heads += [*way.nodes[1:], *(() if k in chosen else way.nodes[:-1])]
        shape = (len(points), len(points))
        _, label = connected_components(
            coo_matrix((np.ones(len(tails)), (np.array(tails), np.array(heads))), shape=shape), connection="strong"
        )
        stuck = {k for k in chosen if len(set(label[list(ways[k].nodes)])) > 1}
        if not stuck:
            break
        chosen -= stuck
    return [Way(w.nodes, {**w.tags, "oneway": "yes"}) if k in chosen else w for k, w in enumerate(ways)]


def _jitter(
    points: Coordinates, streets: list[Street], paths: list[NDArray[np.int64]], rng: np.random.Generator
) -> Coordinates:
    """Move junctions of suburban streets a little, so that nothing looks ruled."""
    loose = np.zeros(len(points))
    for street, path in zip(streets, paths, strict=True):
        if street.thin > 0.5:
            loose[path] = 9.0
    for street, path in zip(streets, paths, strict=True):
        if street.thin <= 0.5:
            loose[path] = 0.0
    return points + rng.uniform(-1, 1, size=points.shape) * loose[:, None]


def _renumber(points: Coordinates, ways: list[Way], bend: Bend) -> Network:
    """Drop nodes without a way, number the others from 0, and bend them to EPSG:27700."""
    used = np.unique(np.concatenate([w.nodes for w in ways]))
    number = np.zeros(len(points), dtype=np.int64)
    number[used] = np.arange(len(used))
    return Network(bend(points[used]), [Way(tuple(int(number[n]) for n in w.nodes), w.tags) for w in ways])
