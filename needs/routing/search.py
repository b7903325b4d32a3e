"""Find shortest times, many to many, on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from needs.streets import Graph

_BATCH = 64  # destinations searched at once: bounds memory to 64 rows of all nodes


def snap(
    graph: Graph, x: NDArray[np.float64], y: NDArray[np.float64], *, max_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the street node nearest to each place.

    Parameters
    ----------
    graph
        Streets of one mode; nodes are at most 50 m apart along a street.
    x, y
        Places, metres, EPSG:27700.
    max_m
        Further than this counts as not on the network.

    Returns
    -------
    node : ndarray of int
        Index into the graph's nodes; -1 where the nearest is too far.
    metres : ndarray of float
        Straight-line distance to the nearest node, also where it is too far.
    """
    metres, node = cKDTree(np.column_stack([graph.x, graph.y])).query(np.column_stack([x, y]))
    return np.where(metres <= max_m, node, -1).astype(np.int64), np.asarray(metres, dtype=np.float64)


def times_s(
    graph: Graph, origins: NDArray[np.int64], destinations: NDArray[np.int64], *, limit_s: float
) -> NDArray[np.float64]:
    """Time from every origin node to every destination node: exact Dijkstra, cut off at a limit.

    Parameters
    ----------
    graph
        Streets of one mode.
    origins, destinations
        Node indices; -1 stands for a place off the network.
    limit_s
        Times over this are not searched.

    Returns
    -------
    ndarray
        Seconds, shape (origins, destinations); NaN where there is no way within the limit.
    """
    result = np.full((len(origins), len(destinations)), np.nan)
    here, there = np.flatnonzero(origins >= 0), np.flatnonzero(destinations >= 0)
    backwards = graph.seconds.T.tocsr()  # one search from a destination finds every origin
    for begin in range(0, len(there), _BATCH):
        batch = there[begin : begin + _BATCH]
        found = dijkstra(backwards, indices=destinations[batch], limit=limit_s)
        found[np.isinf(found)] = np.nan
        result[np.ix_(here, batch)] = found[:, origins[here]].T
    return result


def nearest_s(
    graph: Graph, destinations: NDArray[np.int64], extra_s: NDArray[np.float64], *, limit_s: float
) -> NDArray[np.float64]:
    """Time from every node of the graph to the destination that is soonest reached.

    Parameters
    ----------
    graph
        Streets of one mode.
    destinations
        Node indices; -1 is ignored.
    extra_s
        Seconds from each destination's node to the door itself.
    limit_s
        Times over this are not searched.

    Returns
    -------
    ndarray
        Seconds, one per node; NaN beyond the limit.
    """
    best = np.full(len(graph.x), np.inf)
    on = np.flatnonzero(destinations >= 0)
    backwards = graph.seconds.T.tocsr()
    for begin in range(0, len(on), _BATCH):
        batch = on[begin : begin + _BATCH]
        found = dijkstra(backwards, indices=destinations[batch], limit=limit_s) + extra_s[batch, None]
        best = np.minimum(best, found.min(axis=0))
    return np.where(best <= limit_s, best, np.nan)
