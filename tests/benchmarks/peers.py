"""Ask other libraries the same as `needs.routing`, each as its users would, to compare times and answers."""

from __future__ import annotations

import importlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pyproj
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from needs.routing import UNREACHED
from needs.settings import CRS
from tests.benchmarks.networks import Network

Ask = Callable[[np.ndarray, np.ndarray, int | None], np.ndarray]
"""Milliseconds from sources to targets, within a limit or without; UNREACHED beyond."""


@dataclass(frozen=True)
class Peer:
    """A library: how its graph is prepared, how many sources it can be asked in reasonable time, what it can do."""

    name: str
    prepare: Callable[[Network], Ask]
    sources: int  # on 264,000 nodes; what it takes is the same for each, so that fewer tell enough
    bounded: bool = False  # can stop at a limit
    module: str = ""  # if it need not be there
    own_costing: bool = False  # makes its own streets and times, so that answers are not compared pair by pair

    @property
    def missing(self) -> str:
        """Why it cannot be asked; empty if it can."""
        try:
            importlib.import_module(self.module or "scipy")
        except ImportError as error:
            return f"{self.name} skipped: {error}"
        return ""


def whole_ms(found: np.ndarray, limit_ms: int | None) -> np.ndarray:
    """Bring another library's times into the form of ours."""
    most = UNREACHED - 1 if limit_ms is None else limit_ms
    with np.errstate(invalid="ignore"):
        return np.where(found <= most, np.rint(np.where(found <= most, found, 0.0)), UNREACHED).astype(np.int32)


def from_scipy(network: Network) -> Ask:
    """A call for many sources, which can stop at a limit."""
    arcs = network.arcs
    matrix = csr_array((arcs.ms.astype(float), arcs.head, arcs.first), shape=(arcs.nodes, arcs.nodes))

    def ask(sources: np.ndarray, targets: np.ndarray, limit_ms: int | None) -> np.ndarray:
        limit = np.inf if limit_ms is None else limit_ms
        some = np.array_split(sources, -(-len(sources) // 64))  # it gives times to all nodes, too many to hold for all
        return np.vstack([dijkstra(matrix, indices=s, limit=limit)[:, targets] for s in some])

    return ask


def from_networkx(network: Network) -> Ask:
    """What users of osmnx call, on a plain directed graph, which is faster than osmnx's multigraph."""
    arcs = network.arcs
    graph = nx.DiGraph()
    graph.add_nodes_from(range(arcs.nodes))
    graph.add_weighted_edges_from(zip(arcs.tail.tolist(), arcs.head.tolist(), arcs.ms.tolist(), strict=True), "ms")

    def ask(sources: np.ndarray, targets: np.ndarray, limit_ms: int | None) -> np.ndarray:
        rows = []
        for s in sources.tolist():
            reached = nx.single_source_dijkstra_path_length(graph, s, cutoff=limit_ms, weight="ms")
            rows.append([reached.get(t, np.inf) for t in targets.tolist()])
        return np.array(rows, dtype=float)

    return ask


def from_igraph(network: Network) -> Ask:
    """A matrix of distances in one call."""
    igraph = _module("igraph")
    arcs = network.arcs
    graph = igraph.Graph(n=arcs.nodes, edges=np.column_stack([arcs.tail, arcs.head]), directed=True)
    ms = arcs.ms.tolist()

    def ask(sources: np.ndarray, targets: np.ndarray, _limit_ms: int | None) -> np.ndarray:
        return np.array(graph.distances(sources.tolist(), targets.tolist(), weights=ms), dtype=float)

    return ask


def from_rustworkx(network: Network) -> Ask:
    """One call for each source."""
    rustworkx = _module("rustworkx")
    arcs = network.arcs
    graph = rustworkx.PyDiGraph(multigraph=False)
    graph.add_nodes_from(range(arcs.nodes))
    links = zip(arcs.tail.tolist(), arcs.head.tolist(), arcs.ms.astype(float).tolist(), strict=True)
    graph.add_edges_from(list(links))

    def ask(sources: np.ndarray, targets: np.ndarray, _limit_ms: int | None) -> np.ndarray:
        rows = []
        for s in sources.tolist():
            reached = {**rustworkx.dijkstra_shortest_path_lengths(graph, s, float), s: 0.0}
            rows.append([reached.get(t, np.inf) for t in targets.tolist()])
        return np.array(rows, dtype=float)

    return ask


def from_pandana(network: Network) -> Ask:
    """A call with all pairs; it counts in thousandths of what it is given, so seconds are given."""
    pandana = _module("pandana")
    arcs = network.arcs
    ids = np.arange(arcs.nodes)
    seconds = pd.DataFrame({"s": arcs.ms / 1000.0})
    places = (pd.Series(network.x, ids), pd.Series(network.y, ids))
    graph = pandana.Network(*places, pd.Series(arcs.tail), pd.Series(arcs.head), seconds, twoway=False)

    def ask(sources: np.ndarray, targets: np.ndarray, _limit_ms: int | None) -> np.ndarray:
        pairs = np.repeat(sources, len(targets)), np.tile(targets, len(sources))
        return np.array(graph.shortest_path_lengths(*pairs)).reshape(len(sources), -1) * 1000.0

    return ask


def from_pyroutingkit(network: Network) -> Ask:
    """RoutingKit's customisable contraction hierarchy, with its own order."""
    routingkit = _module("pyroutingkit")
    arcs = network.arcs
    topology = routingkit.CCHTopology()
    degrees = [(c / 111_000.0).astype(np.float32) for c in (network.y, network.x)]
    topology.build(arcs.tail.astype(np.uint32), arcs.head.astype(np.uint32), *degrees, arcs.nodes)
    metric = routingkit.CCHMetric(topology)
    metric.customize(arcs.ms.astype(np.uint32), 1)

    def ask(sources: np.ndarray, targets: np.ndarray, _limit_ms: int | None) -> np.ndarray:
        found = metric.distances_many_to_many(sources.astype(np.uint32), targets.astype(np.uint32))
        return np.asarray(found).reshape(len(sources), -1).astype(float)

    return ask


@dataclass(frozen=True)
class Valhalla:
    """An engine that makes streets and times of its own from the same file, and is asked in degrees."""

    folder: tempfile.TemporaryDirectory[str]  # of its tiles, which it reads as it needs them
    actor: Any
    pace: dict[str, Any]

    @classmethod
    def of(cls, path: Path, kph: float) -> Valhalla:
        """Build its tiles from a file of OpenStreetMap (PBF), offline; people walk as fast as ours."""
        valhalla = _module("valhalla")
        folder = tempfile.TemporaryDirectory()
        config = valhalla.get_config(tile_extract="", tile_dir=folder.name)
        # for one council a search from each source takes a small part of the time of its usual way
        config["thor"]["source_to_target_algorithm"] = "timedistancematrix"
        config["service_limits"]["pedestrian"] |= {"max_locations": 10**6, "max_matrix_location_pairs": 10**8}
        config["service_limits"]["isochrone"]["max_contours"] = 100
        settings = Path(folder.name) / "valhalla.json"
        settings.write_text(json.dumps(config))
        program = Path(valhalla.__file__).parent / "bin" / "valhalla_build_tiles"
        subprocess.run([program, "-c", settings, path], check=True, capture_output=True)
        pace = {"costing": "pedestrian", "costing_options": {"pedestrian": {"walking_speed": kph}}}
        return cls(folder, valhalla.Actor(config), pace)

    def times_ms(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Milliseconds between places in degrees, shape (k, 2), NaN where there is no way."""
        ends = {"sources": _locations(sources), "targets": _locations(targets)}
        found = self.actor.matrix(self.pace | ends | {"verbose": False})["sources_to_targets"]["durations"]
        return np.array(found, dtype=float) * 1000.0

    def reach(self, place: np.ndarray, bands_min: Sequence[float]) -> dict[float, dict[str, Any]]:
        """Outline from where one gets to a place in degrees, shape (2,): a geometry as in GeoJSON for each band."""
        contours = {"contours": [{"time": band} for band in bands_min], "polygons": True, "reverse": True}
        found = self.actor.isochrone(self.pace | contours | {"locations": _locations(place[None])})
        return {f["properties"]["contour"]: f["geometry"] for f in found["features"]}


def degrees(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Longitudes and latitudes of places of ours, shape (k, 2)."""
    return np.column_stack(pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y))


def _locations(places: np.ndarray) -> list[dict[str, float]]:
    return [{"lon": lon, "lat": lat} for lon, lat in places.tolist()]


def valhalla(path: Path, kph: float) -> Peer:
    """Valhalla on the file that a walking network was read from."""

    def prepare(network: Network) -> Ask:
        engine, at = Valhalla.of(path, kph), degrees(network.x, network.y)

        def ask(sources: np.ndarray, targets: np.ndarray, _limit_ms: int | None) -> np.ndarray:
            return engine.times_ms(at[sources], at[targets])

        return ask

    return Peer("valhalla", prepare, 50, module="valhalla", own_costing=True)


def _module(name: str) -> Any:
    return importlib.import_module(name)


PEERS = (
    Peer("networkx", from_networkx, 8, bounded=True),
    Peer("scipy", from_scipy, 48, bounded=True),
    Peer("igraph", from_igraph, 16, module="igraph"),
    Peer("rustworkx", from_rustworkx, 8, module="rustworkx"),
    Peer("pandana", from_pandana, 32, module="pandana"),
    Peer("pyroutingkit", from_pyroutingkit, 480, module="pyroutingkit"),
)
