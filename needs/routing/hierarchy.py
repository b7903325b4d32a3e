"""Prepare a large network once: an order of its nodes, and the shortcuts over it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pymetis
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.routing.arcs import Arcs, row_starts

NO_ARC = np.int32(2**30)


@dataclass(frozen=True)
class Hierarchy:
    """A customisable contraction hierarchy (Dibbelt, Strasser, Wagner 2016, ACM J. Experimental Algorithmics 21).

    Nodes are numbered by rank: every shortest way climbs in rank and then descends. Ranks are a post-order of the
    elimination tree, so that every subtree is a run of ranks.

    Attributes
    ----------
    rank
        Rank of each node of the network, shape (n,).
    parent
        Of each rank, the next on its way up the elimination tree; -1 at a root.
    near_first, near
        The ranks above that each rank is linked to, with those that hold no shortest way: `near[near_first[v]:...]`.
    up, down
        (first, rank, ms) of the arcs that hold a shortest way: from each rank up, and from above down to it.
    """

    rank: NDArray[np.int32]
    parent: NDArray[np.int32]
    near_first: NDArray[np.int64]
    near: NDArray[np.int32]
    up: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
    down: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]


def order(arcs: Arcs, *, folder: Path | None = None) -> NDArray[np.int32]:
    """Rank the nodes by nested dissection (METIS, through pymetis): separators of the network come last.

    The order hangs on which nodes are linked alone, not on times, and takes the longest of all that is prepared: it
    is kept in `folder` and taken from there when the same network comes again.

    Parameters
    ----------
    arcs
        Network.
    folder
        Where orders are kept; made when needed.

    Returns
    -------
    ndarray of int32
        Rank of each node, 0 to n - 1: a permutation.
    """
    kept = kept_order(arcs, folder)
    if kept is not None:
        return kept
    low, high = np.divmod(_links(arcs.tail, arcs.head, arcs.nodes), arcs.nodes)
    pairs = np.sort(np.concatenate([low * arcs.nodes + high, high * arcs.nodes + low]))
    first = row_starts(pairs // arcs.nodes, arcs.nodes)
    links = pymetis.CSRAdjacency(first.astype(np.int32), (pairs % arcs.nodes).astype(np.int32))
    _, place = pymetis.nested_dissection(links)
    rank = np.asarray(place, dtype=np.int32)
    if folder:
        file = _order_file(arcs, folder)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as sink:
            np.save(sink, rank)
        part.replace(file)
    return rank


def kept_order(arcs: Arcs, folder: Path | None) -> NDArray[np.int32] | None:
    """Read the order of a network if it is kept; a file that holds no permutation of its nodes does not count."""
    if folder is None or not _order_file(arcs, folder).is_file():
        return None
    try:
        rank = np.load(_order_file(arcs, folder), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    nodes = arcs.nodes
    good = rank.dtype == np.int32 and rank.shape == (nodes,) and np.array_equal(np.sort(rank), np.arange(nodes))
    return rank if good else None


def _order_file(arcs: Arcs, folder: Path) -> Path:
    links = hashlib.sha256(str(arcs.nodes).encode() + _links(arcs.tail, arcs.head, arcs.nodes).tobytes())
    return folder / f"{links.hexdigest()[:32]}.npy"


def _links(a: NDArray[np.int32], b: NDArray[np.int32], nodes: int) -> NDArray[np.int64]:
    """List linked pairs, whatever the direction, each once as lower x n + higher, ascending."""
    return np.unique(np.minimum(a, b).astype(np.int64) * nodes + np.maximum(a, b))


def build(arcs: Arcs, rank: NDArray[np.int32]) -> Hierarchy:
    """Add the shortcuts that an order asks for, give them times, and drop those that hold no shortest way.

    Parameters
    ----------
    arcs
        Network.
    rank
        Of `order`; any permutation gives exact times, a good one few shortcuts.
    """
    places = _postorder(_fill(*_upward(arcs, rank))[0])  # every subtree a run of ranks
    new = places[rank]
    parent, first, near = _fill(*_upward(arcs, new))
    up, down = _weights(arcs, new, first, near)
    _customise(first, near, up, down)
    keep_up, keep_down = up < NO_ARC, down < NO_ARC
    _prune(first, near, up, down, keep_up, keep_down)
    return Hierarchy(
        new,
        parent,
        first,
        near,
        _kept(first, near, up, keep_up),
        _kept(first, near, down, keep_down),
    )


def _upward(arcs: Arcs, rank: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the higher neighbours of every rank, whatever the direction."""
    pairs = _links(rank[arcs.tail], rank[arcs.head], arcs.nodes)
    return row_starts(pairs // arcs.nodes, arcs.nodes), (pairs % arcs.nodes).astype(np.int32)


def _weights(
    arcs: Arcs, rank: NDArray[np.int32], first: NDArray[np.int64], near: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Put the times of the network's own arcs, upward and downward, in the places of their links."""
    a, b = rank[arcs.tail].astype(np.int64), rank[arcs.head].astype(np.int64)
    links = np.repeat(np.arange(arcs.nodes, dtype=np.int64), np.diff(first)) * arcs.nodes + near
    place = np.searchsorted(links, np.minimum(a, b) * arcs.nodes + np.maximum(a, b))
    up, down = np.full(len(near), NO_ARC, dtype=np.int32), np.full(len(near), NO_ARC, dtype=np.int32)
    climbs = a < b
    up[place[climbs]], down[place[~climbs]] = arcs.ms[climbs], arcs.ms[~climbs]
    return up, down


def _kept(
    first: NDArray[np.int64], near: NDArray[np.int32], ms: NDArray[np.int32], keep: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    count = np.concatenate([[0], np.cumsum(keep)])
    return count[first].astype(np.int64), near[keep], ms[keep]


@kernel
def _fill(
    first: NDArray[np.int64], higher: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Eliminate ranks from the lowest: the higher neighbours of each get linked to one another.

    Gives the elimination tree and the links: a rank's are its own and those of its children (Liu 1990, SIAM Journal
    on Matrix Analysis and Applications 11).
    """
    nodes = len(first) - 1
    parent = np.full(nodes, -1, np.int32)
    child = np.full(nodes, -1, np.int32)
    sibling = np.full(nodes, -1, np.int32)
    seen = np.full(nodes, -1, np.int32)
    start = np.zeros(nodes + 1, np.int64)
    links = np.empty(4 * len(higher) + 16, np.int32)
    found = np.empty(nodes, np.int32)
    for v in range(nodes):
        seen[v] = v
        count = 0
        for e in range(first[v], first[v + 1]):
            u = higher[e]
            seen[u] = v
            found[count] = u
            count += 1
        c = child[v]
        while c >= 0:
            for e in range(start[c], start[c + 1]):
                u = links[e]
                if seen[u] != v:
                    seen[u] = v
                    found[count] = u
                    count += 1
            c = sibling[c]
        begin = start[v]
        if begin + count > len(links):
            more = np.empty(max(2 * len(links), begin + count), np.int32)
            more[:begin] = links[:begin]
            links = more
        links[begin : begin + count] = np.sort(found[:count])
        start[v + 1] = begin + count
        if count:
            p = links[begin]
            parent[v] = p
            sibling[v] = child[p]
            child[p] = v
    return parent, start, links[: start[nodes]].copy()


@kernel
def _postorder(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Lay the tree out so that every subtree is a run, its root last; among siblings the lower rank first."""
    nodes = len(parent)
    child = np.full(nodes + 1, -1, np.int64)
    sibling = np.full(nodes, -1, np.int64)
    for v in range(nodes - 1, -1, -1):
        p = parent[v] if parent[v] >= 0 else nodes
        sibling[v] = child[p]
        child[p] = v
    place = np.empty(nodes + 1, np.int32)
    path = np.empty(nodes + 1, np.int64)
    path[0] = nodes
    depth, done = 1, 0
    while depth:
        v = path[depth - 1]
        c = child[v]
        if c >= 0:
            child[v] = sibling[c]
            path[depth] = c
            depth += 1
        else:
            place[v] = done
            done += 1
            depth -= 1
    return place[:nodes]


@kernel
def _customise(
    first: NDArray[np.int64], near: NDArray[np.int32], up: NDArray[np.int32], down: NDArray[np.int32]
) -> None:
    """Give every shortcut the time of the best way through lower ranks, triangle by triangle."""
    for v in range(len(first) - 1):
        for i in range(first[v], first[v + 1] - 1):
            u = near[i]
            e = first[u]
            for j in range(i + 1, first[v + 1]):
                while near[e] != near[j]:
                    e += 1
                up[e] = min(up[e], down[i] + up[j])
                down[e] = min(down[e], down[j] + up[i])


@kernel
def _prune(
    first: NDArray[np.int64],
    near: NDArray[np.int32],
    up: NDArray[np.int32],
    down: NDArray[np.int32],
    keep_up: NDArray[np.bool_],
    keep_down: NDArray[np.bool_],
) -> None:
    """Bring every arc down to the shortest time between its ends; mark those that a way through higher ranks beats."""
    for v in range(len(first) - 2, -1, -1):
        for i in range(first[v], first[v + 1] - 1):
            u = near[i]
            e = first[u]
            for j in range(i + 1, first[v + 1]):
                while near[e] != near[j]:
                    e += 1
                if up[j] + down[e] < up[i]:
                    up[i] = up[j] + down[e]
                    keep_up[i] = False
                if up[i] + up[e] < up[j]:
                    up[j] = up[i] + up[e]
                    keep_up[j] = False
                if up[e] + down[j] < down[i]:
                    down[i] = up[e] + down[j]
                    keep_down[i] = False
                if down[e] + down[i] < down[j]:
                    down[j] = down[e] + down[i]
                    keep_down[j] = False
