"""Draw the streets of towns and villages and the lanes between them, as lines on the flat sheet."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import networkx as nx
import numpy as np
import shapely
from scipy.spatial import Delaunay
from shapely.geometry import LineString, MultiPoint, Point, Polygon

from needs.demo.ground import blob, wander
from needs.demo.plans import Plan, Settlement

PAST_M = 3.0  # streets are drawn this far past the street they join, so that they surely meet; `network` trims it
_SHORE_M = 55.0  # no street nearer to water


@dataclass(frozen=True)
class Street:
    """One line on the sheet, with its tags; `thin` is the chance that a piece not needed for access is left out."""

    line: LineString
    highway: str
    tags: tuple[tuple[str, str], ...] = ()
    thin: float = 0.0


@dataclass(frozen=True)
class Drawing:
    """The streets of a council, its built-up ground and its parks."""

    streets: list[Street]
    built: shapely.Geometry
    parks: list[Polygon]


def draw(plan: Plan, rng: np.random.Generator) -> Drawing:
    """Draw every street, lane and path of a plan."""
    roads = [
        Street(LineString(r.points) if r.straight else wander(np.array(r.points), rng, sway=0.04), r.highway, r.tags)
        for r in plan.roads
    ]
    if plan.lanes:
        roads += _country(plan, rng)
    shore = plan.water.buffer(_SHORE_M)
    streets, parks, built = list(roads), [], []
    towns = [s for s in plan.settlements if s.kind != "village"]
    if towns:
        ground = shapely.union_all([_footprint(s, rng) for s in towns]).buffer(160).buffer(-160).difference(shore)
        built.append(ground)
        for part in _parts(ground):
            more, green = _town(part, [r.line for r in roads], towns, rng)
            streets += more
            parks += green
    for village in (s for s in plan.settlements if s.kind == "village"):
        ground = _footprint(village, rng).difference(shore)
        built.append(ground)
        streets += _village(village, ground, [r.line for r in roads], rng)
    return Drawing(streets, shapely.union_all(built), parks)


def _footprint(place: Settlement, rng: np.random.Generator) -> Polygon:
    radius = place.radius_m
    stretch = rng.uniform(0.88, 1.14)
    return blob(
        (place.x, place.y), radius * stretch, radius / stretch, wobble=0.11, phase=rng.uniform(0, 6.28), count=72
    )


def _parts(geometry: shapely.Geometry) -> list[Polygon]:
    return [p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon" and p.area > 1e4]


def _country(plan: Plan, rng: np.random.Generator) -> list[Street]:
    """Join settlements by a Gabriel graph, a little more generous, that keeps off the water."""
    places = np.array([(s.x, s.y) for s in plan.settlements] + list(plan.exits), dtype=float)
    count = len(plan.settlements)
    graph = nx.Graph()
    shore = plan.water.buffer(120)
    for a, b in _neighbours(places):
        line = LineString([places[a], places[b]])
        within = np.hypot(*(places - places[[a, b]].mean(axis=0)).T) < 0.46 * line.length
        if within.any() or b >= count:
            continue
        for sway in (0.07, 0.03, 0.0):
            bent = wander(places[[a, b]], rng, sway=sway)
            if not bent.intersects(shore):
                graph.add_edge(a, b, weight=line.length, line=bent)
                break
    for way_out in range(count, len(places)):
        nearest = min(range(count), key=lambda i: (np.hypot(*(places[i] - places[way_out])), i))
        line = wander(places[[nearest, way_out]], rng)
        graph.add_edge(nearest, way_out, weight=line.length, line=line)
    classes = _classes(graph, plan)
    lanes = [Street(d["line"], classes.get(frozenset((a, b)), "unclassified")) for a, b, d in graph.edges(data=True)]
    tracks = nx.Graph(_neighbours(places[:count])).edges - graph.edges
    for a, b in sorted(tracks):
        bent = wander(places[[a, b]], rng)
        if bent.length < 4_500 and not bent.intersects(shore):
            lanes.append(Street(bent, "track" if rng.random() < 0.5 else "bridleway"))
    return lanes


def _neighbours(places: np.ndarray) -> list[tuple[int, int]]:
    triangles = Delaunay(places).simplices
    pairs = np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1)
    return [(int(a), int(b)) for a, b in np.unique(pairs, axis=0)]


def _classes(graph: nx.Graph, plan: Plan) -> dict[frozenset[int], str]:
    """Class of each lane: primary between towns and over the border, trunk to the first exit, tertiary to villages."""
    towns = [i for i, s in enumerate(plan.settlements) if s.kind in {"town", "neighbour"}]
    first_exit = len(plan.settlements)
    classes: dict[frozenset[int], str] = {}

    def mark(a: int, b: int, highway: str) -> None:
        path = nx.shortest_path(graph, a, b, weight="weight")
        for edge in itertools.pairwise(path):
            classes.setdefault(frozenset(edge), highway)

    neighbour = next(i for i in towns if plan.settlements[i].kind == "neighbour")
    mark(neighbour, towns[0], "trunk")
    mark(towns[0], first_exit, "trunk")
    for k, a in enumerate(towns):
        for b in towns[k + 1 :]:
            mark(a, b, "primary")
    for i in range(first_exit + 1, graph.number_of_nodes()):
        mark(min(towns, key=lambda t: (nx.shortest_path_length(graph, i, t, weight="weight"), t)), i, "secondary")
    for i, place in enumerate(plan.settlements):
        if place.kind == "village" and place.people >= 600:
            nearest = min(towns, key=lambda t: (nx.shortest_path_length(graph, i, t, weight="weight"), t))
            mark(i, nearest, "tertiary")
    return classes


def _town(
    ground: Polygon, roads: list[LineString], towns: list[Settlement], rng: np.random.Generator
) -> tuple[list[Street], list[Polygon]]:
    """Cut built-up ground into neighbourhoods along main roads and collectors, then fill each with its own grid."""
    west, south, east, north = ground.bounds
    spacing = 430.0
    seeds = [
        (x + rng.uniform(-0.4, 0.4) * spacing, y + rng.uniform(-0.4, 0.4) * spacing)
        for x in np.arange(west - spacing, east + spacing, spacing)
        for y in np.arange(south - spacing, north + spacing, spacing)
    ]
    cells = shapely.voronoi_polygons(MultiPoint(seeds), extend_to=ground, only_edges=True)
    inside = shapely.intersection(cells, ground.buffer(-30))
    mains = [m for m in (shapely.intersection(line, ground) for line in roads) if not m.is_empty]
    collectors = [e for e in shapely.get_parts(shapely.line_merge(inside)) if e.length > 60]
    streets = [Street(_past(e), "residential" if rng.random() < 0.6 else "tertiary", thin=0.35) for e in collectors]
    cuts = shapely.union_all([ground.boundary, cells.intersection(ground), *mains])
    parks = []
    for patch in shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.node(cuts)))):
        if patch.area < 4_000 or not ground.covers(patch.representative_point()):
            continue
        middle = patch.representative_point()
        centre = min(towns, key=lambda s: (middle.distance(Point(s.x, s.y)), s.name))
        out = middle.distance(Point(centre.x, centre.y)) / centre.radius_m
        lot = rng.random()
        if out > 0.25 and lot < 0.07 and 30_000 < patch.area < 140_000:
            parks.append(patch.buffer(-22))
            streets += _grid(patch, 160, 260, rng, highway="footway", thin=0.5)
        elif out > 0.6 and lot < 0.13:
            streets += _grid(patch, 130, 200, rng, highway="service", thin=0.6)
        elif out < 0.45:
            streets += _grid(patch, rng.uniform(58, 78), rng.uniform(130, 180), rng, thin=0.35)
        else:
            streets += _grid(patch, rng.uniform(72, 98), rng.uniform(110, 190), rng, thin=0.8)
    return streets, parks


def _past(line: LineString) -> LineString:
    """Lengthen both ends by `PAST_M`."""
    points = np.asarray(line.coords)
    first, last = points[0] - points[1], points[-1] - points[-2]
    ends = [points[0] + first / np.hypot(*first) * PAST_M, points[-1] + last / np.hypot(*last) * PAST_M]
    return LineString([ends[0], *points[1:-1], ends[1]])


def _grid(
    patch: Polygon,
    across_m: float,
    along_m: float,
    rng: np.random.Generator,
    *,
    thin: float,
    highway: str = "residential",
) -> list[Street]:
    """Rule a patch with two sets of parallel streets, square to its longest side, evenly spaced."""
    box = np.asarray(patch.minimum_rotated_rectangle.exterior.coords)[:4]
    sides = np.array([box[1] - box[0], box[2] - box[1]])
    if np.hypot(*sides[0]) < np.hypot(*sides[1]):
        sides = sides[::-1]
        box = np.roll(box, -1, axis=0)
    origin, (long, short) = box[0], sides
    streets = []
    for run, gap_m, step in ((long, across_m, short), (short, along_m, long)):
        count = round(float(np.hypot(*step)) / gap_m)
        for k in range(count):
            start = origin + step * (k + 0.5 + rng.uniform(-0.08, 0.08)) / count
            cut = shapely.intersection(LineString([start, start + run]), patch)
            streets += [
                Street(_past(part), highway, thin=thin)
                for part in shapely.get_parts(cut)
                if part.geom_type == "LineString" and part.length > 35
            ]
    return streets


def _village(place: Settlement, ground: Polygon, roads: list[LineString], rng: np.random.Generator) -> list[Street]:
    """Let a few lanes and closes branch off the roads through a village, and join some of them at the back."""
    through = [part for r in roads for part in shapely.get_parts(r.intersection(ground)) if part.length > 30]
    streets: list[Street] = []
    for _ in range(max(3, round(place.people / 110))):
        base = through[int(rng.integers(len(through)))]
        at = base.interpolate(rng.uniform(0.1, 0.95), normalized=True)
        ahead = base.interpolate(base.project(at) + 5)
        heading = np.arctan2(ahead.y - at.y, ahead.x - at.x) + rng.choice([-1, 1]) * rng.uniform(1.25, 1.9)
        length = rng.uniform(0.25, 0.8) * place.radius_m
        bend = heading + rng.uniform(-0.7, 0.7)
        knee = np.array([at.x, at.y]) + 0.5 * length * np.array([np.cos(heading), np.sin(heading)])
        tip = knee + 0.5 * length * np.array([np.cos(bend), np.sin(bend)])
        lane = shapely.intersection(_past(LineString([(at.x, at.y), knee, tip])), ground)
        if lane.geom_type == "LineString" and lane.length > 40:
            streets.append(Street(lane, "residential"))
            through.append(lane)
    tips = [s.line.interpolate(-PAST_M) for s in streets]
    for a, b in zip(tips[:-1:2], tips[1::2], strict=False):
        back = LineString([a, b])
        if 40 < back.length < place.radius_m and ground.contains(back):
            streets.append(Street(_past(back), "footway" if rng.random() < 0.4 else "residential"))
    return streets
