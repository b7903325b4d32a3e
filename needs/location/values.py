"""Hold what each row gets from each choice: sparse, the best first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """What each row gets from each choice if it is open; a choice that a row does not list gives it nothing.

    Attributes
    ----------
    choices
        How many there are.
    start
        Entries of row i are start[i] : start[i + 1]; shape (rows + 1,).
    choice, value
        Of each entry, the greatest value first within a row, of equal values by choice; every value is over 0.
    """

    choices: int
    start: NDArray[np.int64]
    choice: NDArray[np.int32]
    value: Floats

    @staticmethod
    def of(row: NDArray[np.integer], choice: NDArray[np.integer], value: Floats, *, rows: int, choices: int) -> Values:
        """Sort entries, one per row and choice, and drop those that give nothing."""
        used = value > 0
        row, choice, value = row[used], choice[used], value[used]
        order = np.lexsort((choice, -value, row))
        start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))]).astype(np.int64)
        return Values(choices, start, choice[order].astype(np.int32), value[order].astype(np.float64))

    @staticmethod
    def dense(table: Floats) -> Values:
        """Take a table, shape (rows, choices)."""
        row, choice = np.nonzero(table > 0)
        return Values.of(row, choice, table[row, choice], rows=table.shape[0], choices=table.shape[1])

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.start) - 1

    @cached_property
    def row(self) -> NDArray[np.int32]:
        """Give the row of each entry."""
        return np.repeat(np.arange(self.rows, dtype=np.int32), np.diff(self.start))

    def below(self, others: Values) -> Values:
        """Put the rows of others, over the same choices, below these."""
        return Values(
            self.choices,
            np.concatenate([self.start, self.start[-1] + others.start[1:]]),
            np.concatenate([self.choice, others.choice]),
            np.concatenate([self.value, others.value]),
        )

    def table(self) -> Floats:
        """Write it out, shape (rows, choices)."""
        table = np.zeros((self.rows, self.choices))
        table[self.row, self.choice] = self.value
        return table

    def best(self, opened: Bools, base: Floats) -> Floats:
        """Give what each row gets from a set of open choices, at least its base; shape (rows,)."""
        best = np.array(base, np.float64)
        _raise(self.start, self.choice, self.value, opened, best)
        return best


@kernel
def _raise(start: NDArray[np.int64], choice: NDArray[np.int32], value: Floats, opened: Bools, best: Floats) -> None:
    for i in range(len(best)):
        for e in range(start[i], start[i + 1]):
            if value[e] <= best[i]:
                break
            if opened[choice[e]]:
                best[i] = value[e]
                break
