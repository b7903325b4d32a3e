"""Hold what it costs each row to be served by each choice: sparse, by row and by choice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from needs.errors import InputError, fail

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int32]
Starts = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """The entries of `Costs` by choice: row ascending within a choice."""

    start: Starts
    row: Places
    cost: Floats


@dataclass(frozen=True)
class Costs:
    """What each row pays: the least of its outside cost and of the costs of the open choices that it lists.

    One form for the classical models: with weights w and minutes t, the p-median has cost w t and outside w x
    cut-off; maximal covering cost 0 inside the standard and outside w; gradual cover w (1 - cover) and w.

    Attributes
    ----------
    choices
        How many there are.
    outside
        What a row pays when none of its choices is open, at least 0; shape (rows,).
    start
        Entries of row i are start[i] : start[i + 1]; shape (rows + 1,).
    choice, cost
        Of each entry, by cost within a row, of equal cost by choice; every cost is at least 0 and below the row's
        outside cost.
    """

    choices: int
    outside: Floats
    start: Starts
    choice: Places
    cost: Floats

    @staticmethod
    def of(row: NDArray[np.integer], choice: NDArray[np.integer], cost: Floats, outside: Floats, choices: int) -> Costs:
        """Sort entries, one per row and choice, and drop those that are no cheaper than the outside.

        Raises
        ------
        InputError
            If a cost or an outside cost is below 0 or not a number.
        """
        if not (np.all(cost >= 0) and np.all(np.isfinite(outside)) and np.all(outside >= 0)):
            fail(InputError, "costs", "a cost is below 0 or not a number", "leave out what is out of reach")
        used = cost < outside[row]
        row, choice, cost = row[used], choice[used], cost[used]
        order = np.lexsort((choice, cost, row))
        start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(outside)))]).astype(np.int64)
        return Costs(
            choices,
            np.ascontiguousarray(outside, np.float64),
            start,
            choice[order].astype(np.int32),
            cost[order].astype(np.float64),
        )

    @staticmethod
    def dense(cost: Floats, outside: Floats) -> Costs:
        """Take a table of costs, shape (rows, choices); NaN or infinite is out of reach."""
        row, choice = np.nonzero(np.isfinite(cost))
        return Costs.of(row, choice, cost[row, choice], outside, cost.shape[1])

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.outside)

    @cached_property
    def row(self) -> Places:
        """Give the row of each entry."""
        return np.repeat(np.arange(self.rows, dtype=np.int32), np.diff(self.start))

    @cached_property
    def columns(self) -> Columns:
        """The entries by choice."""
        order = np.argsort(self.choice, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(self.choice, minlength=self.choices))]).astype(np.int64)
        return Columns(start, self.row[order], self.cost[order])

    @cached_property
    def whole(self) -> bool:
        """Whether all costs are whole numbers, so that two different totals are at least 1 apart."""
        return bool((self.cost == np.rint(self.cost)).all() and (self.outside == np.rint(self.outside)).all())

    def paid(self, opened: Bools) -> Floats:
        """Give what each row pays with some choices open; shape (rows,)."""
        paid = self.outside.copy()
        entries = np.flatnonzero(opened[self.choice])
        rows, first = np.unique(self.row[entries], return_index=True)
        paid[rows] = self.cost[entries[first]]
        return paid
