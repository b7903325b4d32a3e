"""Hold a directed network as arrays, and places on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_ARC_MS = 2**24  # 4.66 hours: longer arcs are not of one council's journeys, and sums stay far from overflow


def quickest(start: NDArray[Any], end: NDArray[Any], time: NDArray[Any]) -> NDArray[np.int64]:
    """Sort pairs by start, then end, and of equal pairs take the quickest: where each stood, in the new order."""
    order = np.lexsort((time, end, start))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (start[order][1:] != start[order][:-1]) | (end[order][1:] != end[order][:-1])
    return order[first]


def row_starts(row: NDArray[Any], rows: int) -> NDArray[np.int64]:
    """Say where each row begins among entries sorted by row, shape (rows + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))]).astype(np.int64)


@dataclass(frozen=True)
class Arcs:
    """A directed network in compressed rows: arcs sorted by tail, then head; no loops; of parallel arcs the quickest.

    Attributes
    ----------
    first
        The arcs that leave node i are `first[i]` to `first[i + 1]`, shape (n + 1,).
    head
        Node at which each arc ends, shape (m,).
    ms
        Milliseconds of each arc, 0 to MAX_ARC_MS, shape (m,).
    """

    first: NDArray[np.int64]
    head: NDArray[np.int32]
    ms: NDArray[np.int32]

    @classmethod
    def of(cls, nodes: int, tail: ArrayLike, head: ArrayLike, ms: ArrayLike) -> Arcs:
        """Sort arcs given in any order; loops are dropped, and of parallel arcs all but the quickest.

        Raises
        ------
        ValueError
            If an arc leads to or from a node that is not there, or its time is negative or over MAX_ARC_MS.
        """
        start, end, time = (np.asarray(a).astype(np.int64) for a in (tail, head, ms))
        if len(start) and (min(start.min(), end.min()) < 0 or max(start.max(), end.max()) >= nodes):
            msg = f"an arc leads to or from a node that is not one of the {nodes:,}"
            raise ValueError(msg)
        if len(time) and (time.min() < 0 or time.max() > MAX_ARC_MS):
            msg = f"arcs take {time.min():,} to {time.max():,} ms, not 0 to {MAX_ARC_MS:,}"
            raise ValueError(msg)
        kept = np.flatnonzero(start != end)
        order = kept[quickest(start[kept], end[kept], time[kept])]
        return cls(row_starts(start[order], nodes), end[order].astype(np.int32), time[order].astype(np.int32))

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.first) - 1

    @cached_property
    def tail(self) -> NDArray[np.int32]:
        """Node at which each arc starts."""
        return np.repeat(np.arange(self.nodes, dtype=np.int32), np.diff(self.first))

    @cached_property
    def packed(self) -> NDArray[np.int32]:
        """Head and milliseconds of arc after arc, shape (2 m,): what a search reads together lies together.

        A head from which no way leads on is given as its complement, ~head: a search need not look at its arcs.
        """
        head = np.where(self._blind[self.head], ~self.head, self.head)
        return np.column_stack([head, self.ms]).astype(np.int32).ravel()

    @property
    def _blind(self) -> NDArray[np.bool_]:
        """Mark nodes that lead nowhere, or only back to the one node from which they are reached."""
        out, into = np.diff(self.first), np.bincount(self.head, minlength=self.nodes)
        only = np.flatnonzero((out == 1) & (into == 1))
        before = np.full(self.nodes, -1, dtype=np.int32)
        before[self.head] = self.tail
        blind: NDArray[np.bool_] = out == 0
        blind[only] = self.head[self.first[only]] == before[only]
        return blind

    @cached_property
    def usual_ms(self) -> int:
        """Median of the arcs' times."""
        return int(np.median(self.ms)) if len(self.ms) else 0

    @cached_property
    def longest_ms(self) -> int:
        """Time of the longest arc."""
        return int(self.ms.max(initial=0))

    @cached_property
    def reversed(self) -> Arcs:
        """The same network with every arc turned round."""
        return Arcs.of(self.nodes, self.head, self.tail, self.ms)


@dataclass(frozen=True)
class Ends:
    """Places on a network: each hangs on up to two nodes, the ends of the street that it stands on.

    Attributes
    ----------
    node
        Shape (k, 2); -1 where there is no such end (a one-way street; a place off the network has none).
    ms
        Milliseconds between the place and the node, in the direction of travel, shape (k, 2).
    """

    node: NDArray[np.int32]
    ms: NDArray[np.int32]

    @classmethod
    def at(cls, nodes: ArrayLike) -> Ends:
        """Places that stand on nodes; -1 is off the network."""
        node = np.asarray(nodes, dtype=np.int32)
        return cls(np.column_stack([node, np.full_like(node, -1)]), np.zeros((len(node), 2), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.node)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Ends:
        """Take some of the places."""
        return Ends(self.node[rows], self.ms[rows])
