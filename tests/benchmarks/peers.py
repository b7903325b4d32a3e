"""Ask other libraries the same as `needs.routing`, each as its users would, to compare times and answers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from needs.routing import UNREACHED
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
