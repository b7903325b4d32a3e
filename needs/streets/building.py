"""Build the graph of one mode: contract the pieces of its streets, keep the largest part, set islands aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from needs.errors import InputError, fail
from needs.routing.arcs import MAX_ARC_MS
from needs.streets.chains import Chains, chains
from needs.streets.graph import NO_WAY, Edges, Graph, Islands, Lines
from needs.streets.pieces import Pieces, cut
from needs.streets.rules import modes
from needs.streets.ways import Ways

N = TypeVar("N", np.float64, np.int64)


def build(ways: Ways, mode: str) -> Graph:
    """Build the graph of one mode.

    Nodes where just two pieces of the same class and the same permitted directions meet are contracted; the streets
    keep their course as lines. Streets from which one cannot both come from and go to the largest part (by length)
    are left out, and told.

    Parameters
    ----------
    ways
        Streets.
    mode
        A mode of the catalogue.

    Raises
    ------
    InputError
        If the mode can use none of the streets, or can nowhere get back to where it came from.
    """
    pieces = cut(ways, modes()[mode])
    if not len(pieces.tail):
        fail(InputError, f"{ways.where}, mode '{mode}'", "no street can be used", "check the extract and the rules")
    whole = _contracted(pieces)
    inside, junctions = _largest_part(whole)
    if not inside.any():
        fail(
            InputError,
            f"{ways.where}, mode '{mode}'",
            "every street is one-way and none leads back",
            "check the extract and the rules",
        )
    edges = Edges(
        _renumbered(whole.start[inside], junctions),
        _renumbered(whole.end[inside], junctions),
        _ms(whole.seconds[inside, 0]),
        _ms(whole.seconds[inside, 1]),
        whole.metres[inside],
        whole.highway[inside],
        whole.ferry[inside],
        whole.toll[inside],
    )
    islands = _islands(whole, inside, junctions)
    arcs = edges.arcs(len(junctions), edges.forward_ms, edges.backward_ms)
    report = pieces.report | {
        "nodes": len(junctions),
        "edges": len(edges),
        "km": float(edges.metres.sum() / 1000),
        "ferries": int(edges.ferry.sum()),
        "tolls": int(edges.toll.sum()),
        "islands": len(islands),
        "island_nodes": int(islands.nodes.sum()),
        "island_km": float(islands.metres.sum() / 1000),
    }
    lines = _lines(whole, inside)
    return Graph(mode, whole.x[junctions], whole.y[junctions], arcs, edges, lines, whole.highways, islands, report)


@dataclass(frozen=True)
class _Whole:
    """All edges, islands included; nodes are those of the pieces."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    seconds: NDArray[np.float64]  # (e, 2): start to end, end to start
    metres: NDArray[np.float64]
    highway: NDArray[np.int16]
    ferry: NDArray[np.bool_]
    toll: NDArray[np.bool_]
    highways: tuple[str, ...]
    line_edge: NDArray[np.int64]
    line_node: NDArray[np.int64]  # (l, 2) in the edge's direction
    line_s: NDArray[np.float64]  # (l, 2) along and against the edge's direction


def _contracted(pieces: Pieces) -> _Whole:
    """Join pieces to edges; a chain that takes longer than an arc may is left in pieces."""
    go = np.isfinite(pieces.seconds)
    kept = np.zeros(len(pieces.x), dtype=bool)
    while True:
        found = chains(pieces.tail, pieces.head, go, pieces.kind, kept)
        seconds = _along(found, pieces.seconds)
        whole = np.add.reduceat(seconds, found.first[:-1])
        long = (np.isfinite(whole) & (whole * 1000 > MAX_ARC_MS)).any(axis=1)
        if not long.any():
            break
        parts = found.piece[np.repeat(long, np.diff(found.first))]
        kept[pieces.tail[parts]] = kept[pieces.head[parts]] = True
    node = _along(found, np.stack([pieces.tail, pieces.head], axis=1))
    first, last = found.first[:-1], found.first[1:] - 1
    highways = tuple(sorted({k[0] for k in pieces.kinds}))
    kind = pieces.kind[found.piece[first]]
    return _Whole(
        pieces.x,
        pieces.y,
        node[first, 0],
        node[last, 1],
        whole,
        np.add.reduceat(pieces.metres[found.piece], first),
        np.array([highways.index(k[0]) for k in pieces.kinds], dtype=np.int16)[kind],
        np.array([k[1] for k in pieces.kinds])[kind],
        np.array([k[2] for k in pieces.kinds])[kind],
        highways,
        np.repeat(np.arange(len(first)), np.diff(found.first)),
        node,
        seconds,
    )


def _along(found: Chains, pairs: NDArray[N]) -> NDArray[N]:
    """Order pairs (along, against; or tail, head) of pieces as the chains pass them."""
    ordered = pairs[found.piece]
    return np.where(found.flipped[:, None], ordered[:, ::-1], ordered)


def _largest_part(whole: _Whole) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Find the strongly connected part with the longest streets: its edges and its nodes.

    Of parts of one length the one with more edges counts, then the one with the lowest node.
    """
    nodes, ends = np.unique(np.concatenate([whole.start, whole.end]), return_inverse=True)
    start, end = np.split(ends, 2)
    go, back = np.isfinite(whole.seconds).T
    tail, head = np.concatenate([start[go], end[back]]), np.concatenate([end[go], start[back]])
    links = csr_array((np.ones(len(tail)), (tail, head)), shape=(len(nodes), len(nodes)))
    _, label = connected_components(links, directed=True, connection="strong")
    _, lowest, part = np.unique(label, return_index=True, return_inverse=True)
    within = part[start] == part[end]
    metres = np.bincount(part[start[within]], weights=whole.metres[within], minlength=len(lowest))
    count = np.bincount(part[start[within]], minlength=len(lowest))
    best = np.lexsort((-lowest, count, np.round(metres, 6)))[-1]
    return within & (part[start] == best), nodes[part == best]


def _lines(whole: _Whole, inside: NDArray[np.bool_]) -> Lines:
    chosen = inside[whole.line_edge]
    edge, node, seconds = whole.line_edge[chosen], whole.line_node[chosen], whole.line_s[chosen]
    first = np.flatnonzero(np.diff(edge, prepend=-1))
    count = np.diff(np.append(first, len(edge)))
    times = []
    for side in (0, 1):
        allowed = np.isfinite(seconds[:, side])
        passed = np.concatenate([[0.0], np.cumsum(np.where(allowed, seconds[:, side], 0.0))])
        bounds = np.stack([passed[:-1], passed[1:]], axis=1)  # before and after each line, within all lines
        target = passed[first + count] if side == 0 else passed[first]
        away = np.abs(np.repeat(target, count)[:, None] - bounds)
        times.append(np.where(allowed[:, None], away, np.inf))
    number = np.repeat(np.arange(len(first), dtype=np.int32), count)
    return Lines(whole.x[node], whole.y[node], number, times[1], times[0])


def _islands(whole: _Whole, inside: NDArray[np.bool_], junctions: NDArray[np.int64]) -> Islands:
    """Gather what is left out, joined as it would be if every street could be walked both ways."""
    out = np.flatnonzero(~inside)
    ends = np.stack([whole.start[out], whole.end[out]])
    main = np.isin(ends, junctions)
    nodes = np.setdiff1d(ends, junctions)
    own = np.searchsorted(nodes, np.where(main, ends[::-1], ends))  # a street from the rest belongs to its other end
    links = csr_array((np.ones(len(out)), (own[0], own[1])), shape=(len(nodes), len(nodes)))
    count, label = connected_components(links, directed=False)
    _, first, part = np.unique(label, return_index=True, return_inverse=True)
    line = np.flatnonzero(~inside[whole.line_edge])
    island = np.full(len(inside), -1, dtype=np.int32)
    island[out] = part[own[0]]
    at = whole.line_node[line]
    return Islands(
        np.bincount(part, minlength=count).astype(np.int32),
        np.bincount(island[out], weights=whole.metres[out], minlength=count).astype(np.float64),
        whole.x[nodes[first]],
        whole.y[nodes[first]],
        whole.x[at],
        whole.y[at],
        island[whole.line_edge[line]],
    )


def _renumbered(nodes: NDArray[np.int64], junctions: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.searchsorted(junctions, nodes).astype(np.int32)


def _ms(seconds: NDArray[np.float64]) -> NDArray[np.int32]:
    """Round to milliseconds, once per edge."""
    allowed = np.isfinite(seconds)
    return np.where(allowed, np.rint(np.where(allowed, seconds, 0.0) * 1000), NO_WAY).astype(np.int32)
