"""Hold what it costs each row to be served by each choice: sparse, by row and by choice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.errors import InputError, fail
from needs.kernels import kernel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int32]
Unsigned = NDArray[np.uint32]  # places that kernels look up without asking whether they count from the end
Starts = NDArray[np.int64]


class Table(NamedTuple):
    """The entries of `Costs` by row, as kernels take them."""

    start: Starts
    choice: Unsigned
    cost: Floats
    outside: Floats


class Columns(NamedTuple):
    """The entries of `Costs` by choice: row ascending within a choice."""

    start: Starts
    row: Unsigned
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
        outside = np.ascontiguousarray(outside, np.float64)
        start, chosen, paid = _by_row(
            np.ascontiguousarray(row, np.int32),
            np.ascontiguousarray(choice, np.int32),
            np.ascontiguousarray(cost, np.float64),
            outside,
        )
        return Costs(choices, outside, start, chosen, paid)

    @staticmethod
    def dense(cost: Floats, outside: Floats) -> Costs:
        """Take a table of costs, shape (rows, choices); NaN or infinite is out of reach."""
        row, choice = np.nonzero(np.isfinite(cost))
        return Costs.of(row, choice, cost[row, choice], outside, cost.shape[1])

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.outside)

    @property
    def table(self) -> Table:
        """The entries by row, as kernels take them."""
        return Table(self.start, self.choice.view(np.uint32), self.cost, self.outside)

    @cached_property
    def row(self) -> Places:
        """Give the row of each entry."""
        return np.repeat(np.arange(self.rows, dtype=np.int32), np.diff(self.start))

    @cached_property
    def columns(self) -> Columns:
        """The entries by choice."""
        return Columns(*_by_choice(self.table, self.choices))

    @cached_property
    def whole(self) -> bool:
        """Whether all costs are whole numbers, so that two different totals are at least 1 apart."""
        return bool((self.cost == np.rint(self.cost)).all() and (self.outside == np.rint(self.outside)).all())

    def paid(self, opened: Bools) -> Floats:
        """Give what each row pays with some choices open; shape (rows,)."""
        return _paid(self.table, np.ascontiguousarray(opened, np.bool_))


@kernel
def _longest(start: Starts) -> int:
    """Count the entries of the longest row."""
    longest = 0
    for i in range(len(start) - 1):
        longest = max(longest, start[i + 1] - start[i])
    return longest


@kernel
def _sort(choice: Places, cost: Floats, spare_choice: Places, spare_cost: Floats) -> None:
    """Put a row in order by cost and by choice, in place: merge ever longer runs."""
    size = len(choice)
    width = 1
    while width < size:
        for low in range(0, size - width, 2 * width):
            middle, high = low + width, min(low + 2 * width, size)
            a, b = middle - 1, middle
            if cost[a] < cost[b] or (cost[a] == cost[b] and choice[a] < choice[b]):
                continue
            spare_choice[low:middle], spare_cost[low:middle] = choice[low:middle], cost[low:middle]
            a, k = low, low
            while a < middle:
                c, d = spare_cost[a], spare_choice[a]
                if b == high or c < cost[b] or (c == cost[b] and d < choice[b]):
                    choice[k], cost[k] = d, c
                    a += 1
                else:
                    choice[k], cost[k] = choice[b], cost[b]
                    b += 1
                k += 1
        width *= 2


@kernel
def _by_row(row: Places, choice: Places, cost: Floats, outside: Floats) -> tuple[Starts, Places, Floats]:
    """Gather the entries below the outside cost by row, then put each row in order by cost and by choice."""
    start = np.zeros(len(outside) + 1, np.int64)
    for e in range(len(row)):
        if cost[e] < outside[row[e]]:
            start[row[e] + 1] += 1
    for i in range(len(outside)):
        start[i + 1] += start[i]
    free = start[:-1].copy()
    chosen, paid = np.empty(start[-1], np.int32), np.empty(start[-1])
    for e in range(len(row)):
        i = row[e]
        if cost[e] < outside[i]:
            chosen[free[i]], paid[free[i]] = choice[e], cost[e]
            free[i] += 1
    spare_choice, spare_cost = np.empty(_longest(start), np.int32), np.empty(_longest(start))
    for i in range(len(outside)):
        _sort(chosen[start[i] : start[i + 1]], paid[start[i] : start[i + 1]], spare_choice, spare_cost)
    return start, chosen, paid


@kernel
def _by_choice(table: Table, choices: int) -> tuple[Starts, Unsigned, Floats]:
    """Gather entries by choice, rows ascending."""
    start, choice, cost, _ = table
    first = np.zeros(choices + 1, np.int64)
    for j in choice:
        first[j + 1] += 1
    for j in range(choices):
        first[j + 1] += first[j]
    free = first[:-1].copy()
    row, paid = np.empty(len(choice), np.uint32), np.empty(len(choice))
    for i in range(len(start) - 1):
        for e in range(start[i], start[i + 1]):
            k = free[choice[e]]
            row[k], paid[k] = i, cost[e]
            free[choice[e]] += 1
    return first, row, paid


@kernel
def _paid(table: Table, opened: Bools) -> Floats:
    """Find the first open choice of each row."""
    start, choice, cost, outside = table
    paid = outside.copy()
    for i in range(len(outside)):
        for e in range(start[i], start[i + 1]):
            if opened[choice[e]]:
                paid[i] = cost[e]
                break
    return paid
