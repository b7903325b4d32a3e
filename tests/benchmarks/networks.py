"""Draw road-like networks of any size: towns and country, streets that hardly cross, a few fast roads between towns."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay

from needs.routing import Arcs

NODES_PER_KM2 = 31.0  # four million junctions on England's 130,000 square kilometres
STREETS_PER_NODE = 1.22  # as in real road networks, where most junctions join three or four streets


@dataclass(frozen=True)
class Network:
    """Arcs, and where their nodes lie, metres."""

    arcs: Arcs
    x: np.ndarray
    y: np.ndarray


def draw(nodes: int, *, seed: int = 1, oneway_share: float = 0.1) -> Network:
    """Draw a drivable network of so many nodes, near ones numbered alike, every one of which reaches every other."""
    rng = np.random.default_rng(seed)
    at = _places(nodes, rng)
    at = at[np.argsort(gpd.GeoSeries(gpd.points_from_xy(*at.T)).hilbert_distance(), kind="stable")]
    a, b, metres, tree = _streets(at, rng)
    kph = rng.choice([30.0, 40.0, 48.0], len(a), p=[0.4, 0.3, 0.3])
    for towns, fast in ((nodes // 400, 65.0), (nodes // 8000, 100.0)):
        on = _between(max(6, towns), nodes, a, b, metres / kph, rng)
        kph[on] = np.maximum(kph[on], fast)
    ms = np.maximum(50, np.rint(metres / kph * 3600)).astype(np.int64)
    single = (rng.random(len(a)) < oneway_share) & (kph < 60) & ~tree  # so that every node reaches every other
    against = rng.random(len(a)) < 0.5
    go, back = ~(single & against), ~(single & ~against)
    tail, head = np.concatenate([a[go], b[back]]), np.concatenate([b[go], a[back]])
    both = np.concatenate([ms[go], ms[back]])
    return Network(Arcs.of(nodes, tail, head, both), at[:, 0], at[:, 1])


def _places(nodes: int, rng: np.random.Generator) -> np.ndarray:
    """Four in five junctions in towns of very different size, the rest anywhere."""
    side = np.sqrt(nodes / NODES_PER_KM2) * 1000.0
    towns = max(8, nodes // 2500)
    weight = rng.pareto(1.2, towns) + 0.3
    weight /= weight.sum()
    town = rng.choice(towns, int(nodes * 0.8), p=weight)
    spread = rng.lognormal(np.log(900.0), 0.6, towns) * np.sqrt(weight * towns).clip(0.5, 8.0)
    inside = rng.random((towns, 2))[town] * side + rng.normal(size=(len(town), 2)) * spread[town, None]
    return np.mod(np.vstack([inside, rng.random((nodes - len(town), 2)) * side]), side)


def _streets(at: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Join near neighbours: a spanning tree, and short links of the triangulation until there are enough streets."""
    triangles = Delaunay(at).simplices
    pairs = np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]).astype(np.int64), 1)
    key = np.unique(pairs[:, 0] * len(at) + pairs[:, 1])
    a, b = key // len(at), key % len(at)
    metres = np.maximum(np.hypot(*(at[a] - at[b]).T), 1.0)
    tree = minimum_spanning_tree(csr_matrix((metres, (a, b)), shape=(len(at), len(at)))).tocoo()
    spans = np.isin(key, np.minimum(tree.row, tree.col).astype(np.int64) * len(at) + np.maximum(tree.row, tree.col))
    inside = spans.copy()
    others = np.flatnonzero(~inside)
    wanted = max(0, int(STREETS_PER_NODE * len(at)) - int(inside.sum()))
    shortest = others[np.argsort(metres[others], kind="stable")][: 2 * wanted]
    inside[rng.permutation(shortest)[:wanted]] = True
    winding = rng.uniform(1.02, 1.35, int(inside.sum()))
    return a[inside], b[inside], metres[inside] * winding, spans[inside]


def _between(
    towns: int, nodes: int, a: np.ndarray, b: np.ndarray, cost: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Streets on a quickest way between neighbouring towns."""
    seeds = rng.choice(nodes, towns, replace=False)
    both = csr_matrix((np.r_[cost, cost], (np.r_[a, b], np.r_[b, a])), shape=(nodes, nodes))
    far, before, nearest = dijkstra(both, indices=seeds, min_only=True, return_predecessors=True)
    meet = np.flatnonzero(nearest[a] != nearest[b])
    low, high = np.minimum(nearest[a[meet]], nearest[b[meet]]), np.maximum(nearest[a[meet]], nearest[b[meet]])
    total = far[a[meet]] + cost[meet] + far[b[meet]]
    order = np.lexsort((total, high, low))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    bridges = meet[order[first]]
    on_way = np.zeros(nodes, dtype=bool)
    at = np.unique(np.concatenate([a[bridges], b[bridges]]))
    while len(at):
        on_way[at] = True
        at = np.unique(before[at[before[at] >= 0]])
        at = at[~on_way[at]]
    fast = (on_way[a] & (before[a] == b)) | (on_way[b] & (before[b] == a))
    fast[bridges] = True
    return fast
