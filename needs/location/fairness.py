"""Say who has a place where choices are full: the greatest worth, then nobody the worse, then equal shares."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from needs.errors import NeedsError, fail
from needs.location.capacity import Capacity, Transport, loaded
from needs.location.running import run
from needs.location.values import Bools, Floats, Values

_SCALE = 1e3  # what the greatest cost is scaled to, in HiGHS' absolute tolerances
_DUAL = 1e-6  # scaled: a price below this is none
_SAME = 1e-9  # shares that differ by no more than this are equal


def fair(
    values: Values, base: Floats, weights: Floats, capacity: Capacity, opened: Bools, before: Floats | None = None
) -> Floats:
    """Share rows among open choices by a rule that leaves nothing to the order of the rows.

    1. The rows together get the most (`needs.location.capacity.Transport`).
    2. Of such sharings, rows get least less than before: nobody gets less where that is possible.
    3. Of these, the row that gets the least of what it could get if no choice were full gets the most, then the row
       next to it, and so on: rows that count the same for each place share it equally, in proportion.

    Each step is a linear programme whose optimal face is held for the next: what has a price stays as it is.

    Source: lexicographic max-min fairness by linear programmes, Ogryczak, Pioro and Tomaszewski (2005).

    Parameters
    ----------
    values, base, weights, capacity
        As in `needs.location.capacity.Transport`.
    opened
        Shape (choices,).
    before
        What rows had, in the unit of the values; shape (rows,).

    Returns
    -------
    numpy.ndarray
        Part of the row that goes to the choice, 0 to 1, of each entry of the values; shape (entries,).
    """
    shares = np.zeros(len(values.row))
    transport = Transport(values, base, weights, capacity, opened & (capacity.most > 0))
    if len(transport.used):
        shares[transport.used] = _Sharing(transport, base, weights, before).run()
    return shares


class _Sharing:
    """A programme of a part z of each entry, a shortfall of each row, and the least share t.

    Its rows: each row once at most, what choices take on, what rows had before, and what rows get of the most that
    they could get, less t.
    """

    def __init__(self, transport: Transport, base: Floats, weights: Floats, before: Floats | None) -> None:
        self.transport, self.base, self.weights = transport, base, weights
        rows, count, used = transport.values.rows, len(transport.used), transport.used
        self.gain = transport.values.value[used] - base[transport.row]
        most = np.zeros(rows)
        np.maximum.at(most, transport.row, self.gain)
        self.part = self.gain / most[transport.row]
        self.count, self.rows, self.tight = count, rows, len(transport.tight)
        each = np.arange(count)
        had = np.zeros(rows) if before is None else np.clip(before - base, 0.0, most)
        self.had = had
        gains, parts = (csr_array((v, (transport.row, each)), shape=(rows, count)) for v in (self.gain, self.part))
        none, one = csr_array((rows + self.tight, rows + 1)), csr_array((rows, 1))
        unit = csr_array((np.ones(rows), (np.arange(rows), np.arange(rows))), shape=(rows, rows))
        least = csr_array(-np.ones((rows, 1)))
        matrix = vstack(
            [
                hstack([transport.matrix(), none]),
                hstack([gains, unit, one]),
                hstack([parts, csr_array((rows, rows)), least]),
            ]
        )
        room = transport.most[transport.tight] / transport.unit
        lower = np.concatenate([np.full(rows + self.tight, -np.inf), had, np.full(rows, -np.inf)])
        upper = np.concatenate([np.ones(rows), room, np.full(2 * rows, np.inf)])
        ends = np.concatenate([np.ones(count), had, np.zeros(1)])
        self.highs = loaded(
            csr_array(matrix), np.zeros(count + rows + 1), (np.zeros(count + rows + 1), ends), (lower, upper)
        )

    def run(self) -> Floats:
        worth = self.weights[self.transport.row] * self.gain
        self._solve(np.concatenate([-worth, np.zeros(self.rows + 1)]))
        self._hold()
        if self.had.any():
            self._solve(np.concatenate([np.zeros(self.count), self.weights, np.zeros(1)]))
            self._hold()
        self._even()
        shares: Floats = np.clip(np.array(self.highs.getSolution().col_value[: self.count]), 0.0, 1.0)
        return shares

    def _solve(self, cost: Floats) -> None:
        scaled = cost * _SCALE / (float(np.abs(cost).max()) or 1.0)
        self.highs.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), scaled)
        self._again()

    def _again(self) -> None:
        run(self.highs)
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            fail(NeedsError, "capacity", "the sharing of families lost numerical accuracy", "give whole families")

    def _hold(self) -> None:
        """Keep to the plans that are optimal: those that leave what has a price as it is."""
        answer = self.highs.getSolution()
        for dual, value, change in (
            (answer.col_dual, answer.col_value, self.highs.changeColsBounds),
            (answer.row_dual, answer.row_value, self.highs.changeRowsBounds),
        ):
            held = np.flatnonzero(np.abs(dual) > _DUAL)
            at = np.array(value)[held]
            change(len(held), held.astype(np.int32), at, at)

    def _even(self) -> None:
        """Raise the least share of all rows whose share is not settled, settle those that hold it down, and go on."""
        first, t = self.rows + self.tight + self.rows, self.count + self.rows
        open_rows = self._unsettled()
        if not len(open_rows):
            return
        self.highs.changeColBounds(t, 0.0, 1.0)
        self._bound(first + open_rows, 0.0, np.inf)
        self._solve(np.append(np.zeros(t), -1.0))
        while True:
            answer = self.highs.getSolution()
            level = answer.col_value[t]
            if level >= 1.0 - _SAME:
                return
            price = np.array(answer.row_dual)[first + open_rows]
            stuck = np.abs(price) > min(_DUAL, float(np.abs(price).max()) / 2)
            for i in open_rows[stuck].tolist():
                share = answer.row_value[first + i] + level
                self.highs.changeCoeff(first + i, t, 0.0)
                self.highs.changeRowBounds(first + i, share, share)
            open_rows = open_rows[~stuck]
            if not stuck.any() or not len(open_rows):
                return
            self._again()

    def _bound(self, which: Any, lower: float, upper: float) -> None:
        count = len(which)
        self.highs.changeRowsBounds(count, which.astype(np.int32), np.full(count, lower), np.full(count, upper))

    def _unsettled(self) -> Any:
        """Rows of which the optimal plans give more than one share."""
        lp = self.highs.getLp()
        free = np.array(lp.col_upper_)[: self.count] > np.array(lp.col_lower_)[: self.count]
        whole = np.array(lp.row_upper_)[: self.rows] == np.array(lp.row_lower_)[: self.rows]
        least, most = np.full(self.rows, np.inf), np.full(self.rows, -np.inf)
        np.minimum.at(least, self.transport.row[free], self.part[free])
        np.maximum.at(most, self.transport.row[free], self.part[free])
        return np.flatnonzero((most > 0) & ~(whole & (most - least <= _SAME)))
