"""Turn OpenStreetMap into a graph with seconds on every edge, one per way of travelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import osmnx
import pyproj
import shapely
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from needs.errors import Faults, InputError, SourceError, fail
from needs.settings import CATALOGUE, CRS, CRS_WEB, ENGLAND_M
from needs.toml import Strict, load

MAX_EDGE_M = 50.0  # longer edges are cut, so that the nearest node is never far from the nearest street

KPH_PER_MPH = 1.609344
_NATIONAL_KPH = {  # legal limits for cars: Highway Code, rule 124
    "gb:nsl_single": 60 * KPH_PER_MPH,
    "gb:nsl_dual": 70 * KPH_PER_MPH,
    "gb:nsl_restricted": 30 * KPH_PER_MPH,
    "gb:motorway": 70 * KPH_PER_MPH,
}
TAGS = frozenset(  # that the rules look at; osmnx drops those not in its settings.useful_tags_way
    {"highway", "area", "access", "foot", "vehicle", "motor_vehicle", "motorcar", "oneway", "junction", "maxspeed"}
    | {"motorroad"}
)


class Mode(Strict):
    """One way of travelling: where it may go and how fast."""

    label: str
    source: str
    highways: frozenset[str]
    access: tuple[str, ...]
    denied: frozenset[str]
    oneway: bool
    maxspeed: bool = False
    kph: float | None = None
    typical_kph: dict[str, float] = {}
    ceiling_kph: dict[str, float] = {}
    connector_kph: float = Field(gt=0)
    max_snap_m: float = Field(gt=0)
    limit_min: float = Field(gt=0)


@cache
def modes() -> dict[str, Mode]:
    """Read the catalogue's ways of travelling."""
    entries = load(CATALOGUE / "modes.toml")["mode"]
    return {name: Mode.model_validate(entry) for name, entry in entries.items()}


@dataclass(frozen=True)
class Way:
    """A street as it stands in OpenStreetMap: its tags, and its nodes in degrees (EPSG:4326)."""

    tags: tuple[tuple[str, str], ...]
    nodes: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """Streets that one mode can use: the largest part in which every node reaches every other.

    Attributes
    ----------
    mode
        Name of the mode.
    x, y
        Node coordinates, metres, EPSG:27700, shape (n,).
    seconds
        Travel time of each directed edge, shape (n, n), sparse.
    report
        Counts: ways used, nodes, edges, islands left out and the nodes on them.
    """

    mode: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    seconds: csr_matrix
    report: dict[str, int] = field(default_factory=dict)


def read_ways(path: Path) -> list[Way]:
    """Read the streets of an OpenStreetMap file.

    Parameters
    ----------
    path
        `.osm.pbf`, `.osm` XML, or `.graphml` as saved by osmnx.

    Raises
    ------
    InputError
        If the file cannot be read or holds no street.
    """
    faults = Faults()
    ways: list[Way] = []
    try:
        ways = list(_osmnx_ways(osmnx.load_graphml(path)) if path.suffix == ".graphml" else _osm_ways(path))
    except (RuntimeError, OSError, ValueError) as error:
        faults.add(path.name, f"cannot be read: {error}", "give an .osm.pbf or .osm extract of OpenStreetMap")
        faults.raise_if_any()
    if not ways:
        faults.add(path.name, "holds no street", "check that it is an extract of the right place, with its highways")
    faults.raise_if_any()
    return ways


def from_osmnx(graph: Any) -> list[Way]:
    """Take the streets of an osmnx graph (`graph_from_xml`, `graph_from_polygon`), simplified or not, in EPSG:4326.

    osmnx keeps only the tags in `osmnx.settings.useful_tags_way`: add `TAGS` there before making the graph, or rules
    about foot access and the like cannot be applied.
    """
    return list(_osmnx_ways(graph))


def download(boundary: shapely.Geometry, path: Path, *, margin_m: float = 5_000.0) -> Path:
    """Fetch the streets of a place from Overpass with osmnx, and save them for `read_ways`.

    Parameters
    ----------
    boundary
        Outline of the council, EPSG:27700.
    path
        The `.graphml` to write.
    margin_m
        How far beyond the boundary to look, metres: families cross it.

    Raises
    ------
    SourceError
        If Overpass cannot be reached or has no street there.
    """
    outline = gpd.GeoSeries([boundary.buffer(margin_m)], crs=CRS).to_crs(CRS_WEB).iloc[0]
    usual = osmnx.settings.useful_tags_way
    osmnx.settings.useful_tags_way = sorted({*usual, *TAGS})
    try:
        graph = osmnx.graph_from_polygon(outline, network_type="all", simplify=False, retain_all=True)
    except (OSError, ValueError) as error:  # no connection; no or a bad answer
        fail(
            SourceError,
            f"Overpass at {osmnx.settings.overpass_url}",
            f"gave no streets: {error}",
            "try again later, set osmnx.settings.overpass_url to another server, or give an .osm.pbf extract",
        )
    finally:
        osmnx.settings.useful_tags_way = usual
    part = path.with_name(f".{path.name}.part")
    osmnx.save_graphml(graph, part)
    part.replace(path)
    return path


def build(ways: Iterable[Way], mode: str) -> Graph:
    """Build the graph of one mode.

    Parameters
    ----------
    ways
        Streets.
    mode
        A mode of the catalogue.

    Returns
    -------
    Graph
        Edges no longer than 50 m. Of parallel edges the quickest counts.

    Raises
    ------
    InputError
        If the mode can use none of the streets.
    """
    rule = modes()[mode]
    used = [(w, f, b) for w in ways for f, b in [_speeds_kph(w.tags, mode)] if f > 0 or b > 0]
    if not used:
        faults = Faults()
        faults.add(f"streets, mode '{mode}'", "no street can be used", "check the extract and the mode's rules")
        faults.raise_if_any()
    ids = np.concatenate([w.nodes for w, _, _ in used])
    lengths = np.array([len(w.nodes) for w, _, _ in used])
    codes, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    lon = np.concatenate([w.lon for w, _, _ in used])[first]
    lat = np.concatenate([w.lat for w, _, _ in used])[first]
    x, y = pyproj.Transformer.from_crs(CRS_WEB, CRS, always_xy=True).transform(lon, lat)
    inner = np.ones(len(ids), dtype=bool)
    inner[np.cumsum(lengths) - 1] = False
    tail, head = inverse[np.flatnonzero(inner)], inverse[np.flatnonzero(inner) + 1]
    way = np.repeat(np.arange(len(used)), lengths - 1)
    forward = np.array([f for _, f, _ in used])[way]
    backward = np.array([b for _, _, b in used])[way]
    x, y, tail, head, parts = _cut(x, y, tail, head)
    forward, backward = np.repeat(forward, parts), np.repeat(backward, parts)
    metres = np.maximum(np.hypot(x[tail] - x[head], y[tail] - y[head]), 0.1)
    go, back = forward > 0, backward > 0
    start = np.concatenate([tail[go], head[back]])
    end = np.concatenate([head[go], tail[back]])
    seconds = np.concatenate([metres[go] / forward[go], metres[back] / backward[back]]) * 3.6
    return _largest_part(mode, x, y, start, end, seconds, {"ways": len(used), "osm_nodes": len(codes)}, rule)


def _cut(
    x: NDArray[np.float64], y: NDArray[np.float64], tail: NDArray[np.int64], head: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cut edges into equal parts of at most MAX_EDGE_M; also give the number of parts of each edge."""
    metres = np.hypot(x[tail] - x[head], y[tail] - y[head])
    parts = np.maximum(np.ceil(metres / MAX_EDGE_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(tail)), parts)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    share = (step + 1) / parts[edge]
    last = step + 1 == parts[edge]
    new = len(x) + np.cumsum(~last) - 1
    ends = np.where(last, head[edge], new)
    starts = np.where(step == 0, tail[edge], np.concatenate([[0], ends[:-1]]))
    cut = edge[~last]
    new_x = x[tail[cut]] + share[~last] * (x[head[cut]] - x[tail[cut]])
    new_y = y[tail[cut]] + share[~last] * (y[head[cut]] - y[tail[cut]])
    return np.concatenate([x, new_x]), np.concatenate([y, new_y]), starts, ends, parts


def _largest_part(
    mode: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    seconds: NDArray[np.float64],
    report: dict[str, int],
    rule: Mode,
) -> Graph:
    order = np.lexsort((seconds, end, start))
    start, end, seconds = start[order], end[order], seconds[order]
    quickest = np.ones(len(start), dtype=bool)
    quickest[1:] = (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    whole = csr_matrix((seconds[quickest], (start[quickest], end[quickest])), shape=(len(x), len(x)))
    count, part = connected_components(whole, directed=True, connection="strong" if rule.oneway else "weak")
    sizes = np.bincount(part)
    keep = np.flatnonzero(part == sizes.argmax())
    inside = whole[keep][:, keep].tocsr()
    inside.sort_indices()
    report |= {
        "nodes": len(keep),
        "edges": int(inside.nnz),
        "islands": int(count) - 1,
        "island_nodes": len(x) - len(keep),
    }
    return Graph(mode, x[keep], y[keep], inside, report)


def _osm_ways(path: Path) -> Iterator[Way]:
    if not path.is_file():
        msg = "there is no such file"
        raise OSError(msg)
    processor = osmium.FileProcessor(str(path)).with_locations().with_filter(osmium.filter.KeyFilter("highway"))
    for item in processor:
        if not isinstance(item, osmium.osm.Way):
            continue
        tags = tuple(sorted((t.k, t.v) for t in item.tags if t.k in TAGS))
        known = [n for n in item.nodes if n.location.valid()]  # a cut extract leaves out nodes beyond its edge
        if len(known) < 2:
            continue
        yield Way(
            tags,
            np.array([n.ref for n in known], dtype=np.int64),
            np.array([n.location.lon for n in known]),
            np.array([n.location.lat for n in known]),
        )


def _osmnx_ways(graph: Any) -> Iterator[Way]:
    """Read edges: a two-way street stands twice in osmnx, once marked reversed; bends have no node of their own."""
    made = -1
    for u, v, edge in graph.edges(data=True):
        if edge.get("reversed") is True and not edge.get("oneway"):
            continue
        line = edge.get("geometry")
        inner = list(line.coords)[1:-1] if line is not None else []
        lon = np.array([graph.nodes[u]["x"], *(c[0] for c in inner), graph.nodes[v]["x"]])
        lat = np.array([graph.nodes[u]["y"], *(c[1] for c in inner), graph.nodes[v]["y"]])
        nodes = np.array([u, *range(made, made - len(inner), -1), v], dtype=np.int64)
        made -= len(inner)
        tags = {k: edge[k][0] if isinstance(edge[k], list) else edge[k] for k in TAGS if k in edge}
        tags["oneway"] = "yes" if edge.get("oneway") is True else "no"
        yield Way(tuple(sorted((k, str(t)) for k, t in tags.items())), nodes, lon, lat)


@lru_cache(maxsize=65_536)
def _speeds_kph(tags: tuple[tuple[str, str], ...], mode: str) -> tuple[float, float]:
    """Speed along and against a street's direction; 0 where the mode may not go."""
    rule, tag = modes()[mode], dict(tags)
    highway = tag.get("highway", "")
    if highway not in rule.highways or (rule.oneway and tag.get("area") == "yes"):
        return 0.0, 0.0
    if not rule.oneway and tag.get("motorroad") == "yes":
        return 0.0, 0.0
    said = next((tag[k] for k in rule.access if k in tag), "yes")
    if said in rule.denied:
        return 0.0, 0.0
    speed = rule.kph or rule.typical_kph[highway]
    if rule.maxspeed:
        speed = min(_legal_kph(tag.get("maxspeed", "")) or speed, rule.ceiling_kph.get(highway, np.inf))
    if not rule.oneway:
        return speed, speed
    oneway = tag.get("oneway", "")
    if oneway in {"-1", "reverse"}:
        return 0.0, speed
    implied = tag.get("junction") in {"roundabout", "circular"} or highway in {"motorway", "motorway_link"}
    if oneway in {"yes", "1", "true"} or (implied and oneway != "no"):
        return speed, 0.0
    return speed, speed


def _legal_kph(text: str) -> float | None:
    """Read maxspeed: "30 mph", "50" (km/h), "GB:nsl_single"; None where it says nothing usable."""
    named = _NATIONAL_KPH.get(text.casefold())
    if named is not None:
        return named
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?\s*", text)
    if match is None or float(match[1]) <= 0:
        return None
    return float(match[1]) * (KPH_PER_MPH if match[2] == "mph" else 1.0)


def check_place(graph: Graph, *, where: str, bounds: tuple[float, float, float, float]) -> None:
    """Refuse streets of another place.

    Parameters
    ----------
    graph
        Any mode's graph.
    bounds
        West, south, east, north of the council, metres, EPSG:27700.

    Raises
    ------
    InputError
        If the streets lie outside England or do not touch the council's bounds.
    """
    west, south, east, north = bounds
    touches = (graph.x >= west) & (graph.x <= east) & (graph.y >= south) & (graph.y <= north)
    england = ENGLAND_M
    inside = graph.x.min() >= england[0] and graph.x.max() <= england[2] and graph.y.min() >= england[1]
    if not touches.any() or not inside:
        faults = Faults(InputError)
        faults.add(where, "the streets lie elsewhere than the council's zones", "give the extract of the right place")
        faults.raise_if_any()
