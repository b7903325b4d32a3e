"""Exchange streets with osmnx: its graphs in and out."""

from __future__ import annotations

from typing import Any

import networkx
import numpy as np
import pyproj
import shapely

from needs.errors import InputError, fail
from needs.settings import CRS, CRS_WEB
from needs.streets.graph import NO_WAY, Graph
from needs.streets.rules import mark_tags, way_tags
from needs.streets.ways import Gathered, Ways


def from_osmnx(graph: Any, *, where: str = "the osmnx graph") -> Ways:
    """Take the streets of an osmnx graph (`graph_from_xml`, `graph_from_polygon`), simplified or not, in EPSG:4326.

    osmnx keeps only the tags that its settings name: add `way_tags()` to `useful_tags_way` and `mark_tags()` to
    `useful_tags_node` before making the graph, or rules about foot access, barriers and the like cannot be applied. A
    simplified graph has lost what stood along its streets: signals and barriers between junctions.

    Raises
    ------
    InputError
        If the graph is in another coordinate system, or holds no street.
    """
    if pyproj.CRS.from_user_input(graph.graph.get("crs", CRS_WEB)) != pyproj.CRS(CRS_WEB):
        fail(
            InputError,
            where,
            f"is in {graph.graph['crs']}, not in {CRS_WEB}",
            "give the graph before osmnx.project_graph",
        )
    gathered = Gathered(where)
    bend = -1  # bends of simplified streets have no number: they are given negative ones
    for u, v, edge in graph.edges(data=True):
        if not edge.get("oneway") and _is_twin(u, v, edge):
            continue  # a two-way street stands twice
        ends = [(graph.nodes[n]["x"], graph.nodes[n]["y"]) for n in (u, v)]
        inner = list(edge["geometry"].coords)[1:-1] if "geometry" in edge else []
        lon, lat = zip(ends[0], *inner, ends[1], strict=True)
        gathered.ids.extend([u, *range(bend, bend - len(inner), -1), v])
        gathered.lon.extend(lon)
        gathered.lat.extend(lat)
        bend -= len(inner)
        tags = {k: _one(edge[k]) for k in way_tags() & edge.keys() if k != "oneway"}
        if edge.get("oneway") is True:
            tags["oneway"] = "yes"
        gathered.end_way(tags.items(), len(lon))
    for node, said in graph.nodes(data=True):
        gathered.mark(node, {k: _one(said[k]) for k in mark_tags() & said.keys()})
    return gathered.done()


def _is_twin(u: int, v: int, edge: dict[str, Any]) -> bool:
    """Say which of the two directions of a two-way street is left out: the one against its ways.

    A street that was put together of ways drawn in both directions is `reversed` both ways: the one from the higher
    node goes, and of a loop none.
    """
    turned = edge.get("reversed")
    return turned is True or (isinstance(turned, list) and (all(turned) or (any(turned) and u > v)))


def to_osmnx(graph: Graph) -> networkx.MultiDiGraph:
    """Give the streets of a mode as osmnx would: every street once in each direction that is allowed.

    Returns
    -------
    networkx.MultiDiGraph
        EPSG:4326; nodes numbered as the graph's. Edges have osmid (the number of the street in `graph.edges`; a
        street may consist of several ways of OpenStreetMap), highway, oneway, reversed, length (metres, in the
        British National Grid), travel_time (seconds) and geometry. For routes give weight="travel_time".
    """
    web = pyproj.Transformer.from_crs(CRS, CRS_WEB, always_xy=True)
    result = networkx.MultiDiGraph(crs=CRS_WEB, simplified=True)
    lon, lat = web.transform(graph.x, graph.y)
    result.add_nodes_from(
        (n, {"x": x, "y": y}) for n, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True))
    )
    edges, lines = graph.edges, graph.lines
    first = lines.first
    x = np.insert(lines.x[:, 1], first[:-1], lines.x[first[:-1], 0])  # a street has one point more than lines
    y = np.insert(lines.y[:, 1], first[:-1], lines.y[first[:-1], 0])
    owner = np.repeat(np.arange(len(edges)), np.diff(first) + 1)
    shapes = shapely.linestrings(np.column_stack(web.transform(x, y)), indices=owner)
    there, back = edges.forward_ms != NO_WAY, edges.backward_ms != NO_WAY
    for ms, u, v, shape, turned in (
        (edges.forward_ms, edges.start, edges.end, shapes, False),
        (edges.backward_ms, edges.end, edges.start, shapely.reverse(shapes), True),
    ):
        for e in np.flatnonzero(ms != NO_WAY).tolist():
            result.add_edge(
                int(u[e]),
                int(v[e]),
                osmid=e,
                highway=graph.highways[edges.highway[e]],
                oneway=not (there[e] and back[e]),
                reversed=turned,
                length=float(edges.metres[e]),
                travel_time=int(ms[e]) / 1000,
                geometry=shape[e],
            )
    return result


def _one(value: object) -> str:
    """Take the first of several values: osmnx lists them where it has joined unlike ways."""
    return str(value[0] if isinstance(value, list) else value)
