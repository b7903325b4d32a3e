"""Write an invented council as OpenStreetMap data: streets, water, woods, parks, railway, names of places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import osmium
import shapely
from pyproj import Transformer
from shapely.geometry import LineString, Point, Polygon

from needs.demo.ground import Bend, Coordinates, blob
from needs.demo.network import Network
from needs.demo.plans import Plan
from needs.demo.towns import Drawing
from needs.settings import CRS, CRS_WEB

_DIGITS = 7  # of a degree, as OpenStreetMap keeps them: about a centimetre
_PLACES = {"town": "town", "neighbour": "town", "suburb": "suburb", "village": "village"}


def degrees(points: Coordinates) -> Coordinates:
    """Turn n x 2 EPSG:27700 metres into longitude and latitude, rounded as OpenStreetMap keeps them."""
    lon, lat = Transformer.from_crs(CRS, CRS_WEB, always_xy=True).transform(points[:, 0], points[:, 1])
    return np.round(np.column_stack([lon, lat]), _DIGITS)


def write_osm(
    path: Path, plan: Plan, network: Network, drawing: Drawing, bend: Bend, rng: np.random.Generator, *, first_id: int
) -> None:
    """Write one file, XML or PBF by its ending, nodes then ways, sorted by id, without dates or authors."""
    ways = [([int(n) for n in w.nodes], w.tags) for w in network.ways]
    nodes = [network.nodes]
    count = len(network.nodes)
    for line, tags in _features(plan, drawing, bend, rng):
        closed = bool((line[0] == line[-1]).all())
        own = line[:-1] if closed else line
        numbers = list(range(count, count + len(own)))
        ways.append((numbers + numbers[:1] if closed else numbers, tags))
        nodes.append(own)
        count += len(own)
    nodes.append(bend(np.array([(s.x, s.y) for s in plan.settlements])))
    lonlat = degrees(np.vstack(nodes))
    names = {
        count + k: {"name": s.name, "place": _PLACES[s.kind], "population": str(s.people)}
        for k, s in enumerate(plan.settlements)
    }
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for k, (lon, lat) in enumerate(lonlat.tolist()):
            tags = names.get(k, {})
            writer.add_node(osmium.osm.mutable.Node(id=first_id + k, version=1, location=(lon, lat), tags=tags))
        for k, (refs, tags) in enumerate(ways):
            refs = [first_id + r for r in refs]
            writer.add_way(
                osmium.osm.mutable.Way(id=first_id + k, version=1, nodes=refs, tags=dict(sorted(tags.items())))
            )


def _features(
    plan: Plan, drawing: Drawing, bend: Bend, rng: np.random.Generator
) -> Iterator[tuple[Coordinates, dict[str, str]]]:
    """Give what a base map shows beside streets: coordinates in EPSG:27700 (first = last for an area) and tags."""

    def areas(shape: shapely.Geometry, tags: dict[str, str]) -> Iterator[tuple[Coordinates, dict[str, str]]]:
        for part in shapely.get_parts(shape):
            if part.geom_type == "Polygon" and part.area > 2_000:
                yield bend(np.asarray(part.exterior.coords)), tags

    kind = {"water": "river" if plan.river else "reservoir"}
    yield from areas(plan.water, {"natural": "water", "name": plan.water_name, **kind})
    if plan.river:
        middle = shapely.segmentize(plan.river, 120)
        yield bend(np.asarray(middle.coords)), {"waterway": "river", "name": plan.water_name, "tidal": "yes"}
    yield from areas(drawing.built.simplify(15), {"landuse": "residential"})
    for park in drawing.parks:
        yield from areas(park, {"leisure": "park"})
    for wood in _woods(plan, drawing, rng):
        yield from areas(wood, {"natural": "wood"})
    rails = shapely.segmentize(LineString(plan.railway), 200)
    yield bend(np.asarray(_smooth(rails).coords)), {"railway": "rail", "usage": "main"}


def _smooth(line: LineString) -> LineString:
    """Round corners for trains: three rounds of a moving average that keeps both ends."""
    points = np.asarray(line.coords)
    for _ in range(30):
        points = np.vstack([points[:1], (points[:-2] + 2 * points[1:-1] + points[2:]) / 4, points[-1:]])
    return LineString(points)


def _woods(plan: Plan, drawing: Drawing, rng: np.random.Generator) -> list[Polygon]:
    taken = shapely.union_all([drawing.built, plan.water]).buffer(120)
    west, south, east, north = plan.outline.bounds
    largest = 0.03 * (east - west)
    woods: list[Polygon] = []
    for _ in range(70):
        centre = (float(rng.uniform(west, east)), float(rng.uniform(south, north)))
        a, b = rng.uniform(0.25, 1.0, size=2) * largest
        wood = blob(centre, float(a), float(b), wobble=0.14, phase=float(rng.uniform(0, 6.28)), count=40)
        clear = not wood.intersects(taken) and plan.outline.contains(Point(centre))
        if clear and not any(wood.intersects(w) for w in woods):
            woods.append(wood)
    return woods
