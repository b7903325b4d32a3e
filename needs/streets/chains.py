"""Join pieces of street into chains from junction to junction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True)
class Chains:
    """Pieces in the order in which chains pass them.

    Attributes
    ----------
    piece
        Every piece once, chain after chain, shape (p,).
    flipped
        Whether the chain passes the piece against its own direction, shape (p,).
    first
        Chain c has the pieces `piece[first[c]:first[c + 1]]`, shape (c + 1,).
    """

    piece: NDArray[np.int64]
    flipped: NDArray[np.bool_]
    first: NDArray[np.int64]


def chains(
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    go: NDArray[np.bool_],
    kind: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> Chains:
    """Join pieces at nodes where exactly two meet that are alike.

    Parameters
    ----------
    tail, head
        Nodes of each piece, never the same, shape (p,).
    go
        Whether it may be passed along and against, shape (p, 2).
    kind
        Chains break where it changes.
    kept
        Nodes at which chains must break whatever meets there, shape (n,).

    Returns
    -------
    Chains
        Ordered by the lowest end of a piece (along before against) that begins one. A ring without any junction is
        one chain, begun at the tail of its lowest piece.
    """
    ends = np.stack([tail, head], axis=1).ravel()  # end 2p is the tail of piece p, 2p + 1 its head
    order = np.argsort(ends, kind="stable")
    count = np.bincount(ends, minlength=len(kept))
    begin = np.cumsum(count) - count
    two = np.flatnonzero((count == 2) & ~kept)
    a, b = order[begin[two]], order[begin[two] + 1]
    into, out = go.ravel()[a ^ 1], go.ravel()[a]  # by way of a: into the node, out of it; go[., 0] leaves the tail
    alike = (into == go.ravel()[b]) & (out == go.ravel()[b ^ 1]) & (kind[a >> 1] == kind[b >> 1]) & (a >> 1 != b >> 1)
    a, b = a[alike], b[alike]
    mate = np.full(len(ends), -1, dtype=np.int64)
    mate[a], mate[b] = b, a
    piece, flipped, first = _walk(mate)
    return Chains(piece, flipped, first)


@njit(cache=True, nogil=True)
def _walk(mate: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Follow the mates from every end that has none, then round the rings that are left."""
    pieces = len(mate) // 2
    seen = np.zeros(pieces, dtype=np.bool_)
    piece = np.empty(pieces, dtype=np.int64)
    flipped = np.empty(pieces, dtype=np.bool_)
    first = np.empty(pieces + 1, dtype=np.int64)
    done = 0
    count = 0
    for rings in range(2):
        for begin in range(len(mate)):
            if seen[begin >> 1] or (rings == 0 and mate[begin] >= 0):
                continue
            first[count] = done
            count += 1
            end = begin
            while end >= 0 and not seen[end >> 1]:
                seen[end >> 1] = True
                piece[done] = end >> 1
                flipped[done] = (end & 1) == 1
                done += 1
                end = mate[end ^ 1]
    first[count] = done
    return piece, flipped, first[: count + 1].copy()
