"""Share rows among open choices that can take on only so much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
from scipy.sparse import coo_array, csr_array

from needs.errors import NeedsError, fail
from needs.location.running import run
from needs.location.values import Bools, Floats, Values
from needs.settings import SEED

_SCALE = 1e3  # what the greatest gain and the greatest load are scaled to, in HiGHS' absolute tolerances
_TOLERANCES = (1e-9, 1e-7)


@dataclass(frozen=True)
class Capacity:
    """How much each choice can take on, and how much of it a row takes up there.

    A row may be shared: a part z of it that goes to a choice takes up z times the row's load there. What is counted is
    places, and a place is taken by a family that the choice serves, so a load is the row's families times the share
    of them that the choice covers. A family beyond the standard takes no place, and neither does a row that counts no
    families.

    Attributes
    ----------
    most
        Of each choice, at least 0; infinite where nothing limits it; shape (choices,).
    loads
        Of each entry of the values, at least 0: what the whole row takes up; shape (entries,).
    """

    most: Floats
    loads: Floats

    @staticmethod
    def of(values: Values, most: Floats, loads: Floats) -> Capacity | None:
        """Take loads as a table, shape (rows, choices); None where no choice can ever be full."""
        mine = loads[values.row, values.choice]
        limits = np.bincount(values.choice, mine, values.choices) > most
        return Capacity(np.where(limits, most, np.inf), mine) if limits.any() else None

    def with_entries(self, count: int) -> Capacity:
        """Put entries below that take up nothing."""
        return replace(self, loads=np.append(self.loads, np.zeros(count)))

    def holds(self, values: Values, base: Floats, opened: Bools) -> bool:
        """Whether no choice is over-full when every row goes to the first of its best open choices."""
        able = np.flatnonzero(opened[values.choice] & (values.value > base[values.row]))
        first = able[np.unique(values.row[able], return_index=True)[1]]
        taken = np.bincount(values.choice[first], self.loads[first], values.choices)
        return bool((taken <= self.most).all())


@dataclass(frozen=True)
class Shares:
    """How rows are shared among open choices so that they get the most in all.

    Attributes
    ----------
    share
        Part of the row that goes to the choice, 0 to 1, of each entry of the values; shape (entries,).
    price
        What one more of each row would be worth, at least 0; shape (rows,).
    """

    share: Floats
    price: Floats


class Transport:
    """Rows to share among choices, stated once for one set of open choices after another.

    With z_ij the part of row i that goes to choice j, y_j how far it is open, l_ij the load and C_j the capacity:

        maximise    sum_ij weight_i (value_ij - base_i) z_ij
        subject to  sum_j z_ij <= 1,  z_ij <= y_j,  sum_i l_ij z_ij <= C_j y_j

    Sources: covering with capacities, Current and Storbeck (1988).

    Parameters
    ----------
    values, base, weights
        As in `needs.location.model.Model`.
    capacity
        Of the choices.
    able
        Choices that may be open; shape (choices,).
    """

    def __init__(self, values: Values, base: Floats, weights: Floats, capacity: Capacity, able: Bools) -> None:
        self.values, self.most = values, capacity.most
        gains = weights[values.row] * (values.value - base[values.row])
        self.used = np.flatnonzero((gains > 0) & able[values.choice])
        self.row, self.choice = values.row[self.used], values.choice[self.used]
        self.loads = capacity.loads[self.used]
        self.tight = np.flatnonzero(np.bincount(self.choice, self.loads, values.choices) > self.most)
        self.unit = float(self.loads.max(initial=0.0)) or 1.0
        self.scale = _SCALE / float(gains[self.used].max(initial=1e-300))
        free = np.full(len(self.tight), np.inf)
        self.highs = loaded(
            self.matrix(),
            -gains[self.used] * self.scale,
            (np.zeros(len(self.used)), np.ones(len(self.used))),
            (np.full(values.rows + len(self.tight), -np.inf), np.concatenate([np.ones(values.rows), free])),
        )

    def matrix(self) -> csr_array:
        """Take each row once at most, then what each choice that can be full takes on."""
        place = np.full(self.values.choices, -1)
        place[self.tight] = np.arange(len(self.tight))
        limited = np.flatnonzero((place[self.choice] >= 0) & (self.loads > 0))
        each = np.arange(len(self.used))
        value = np.concatenate([np.ones(len(each)), self.loads[limited] / self.unit])
        row = np.concatenate([self.row, self.values.rows + place[self.choice[limited]]])
        shape = (self.values.rows + len(self.tight), len(each))
        return csr_array(coo_array((value, (row, np.concatenate([each, limited]))), shape=shape))

    def at(self, opened: Floats) -> Shares:
        """Share the rows among choices that are open, perhaps in part: 0 to 1; shape (choices,)."""
        values = self.values
        shares = np.zeros(len(values.row))
        if not len(self.used):
            return Shares(shares, np.zeros(values.rows))
        room = np.multiply(self.most, opened, out=np.zeros(values.choices), where=opened > 0)
        answer = self._run(opened[self.choice], room[self.tight] / self.unit)
        parts = np.clip(answer.col_value, 0.0, opened[self.choice])
        # What HiGHS leaves over by its tolerance is taken back: no row is given twice, and no choice is over-full.
        parts /= np.maximum(1.0, np.bincount(self.row, parts, values.rows))[self.row]
        taken = np.bincount(self.choice, self.loads * parts, values.choices)
        parts *= np.divide(room, taken, out=np.ones(values.choices), where=taken > room)[self.choice]
        shares[self.used] = parts
        return Shares(shares, np.maximum(0.0, -np.array(answer.row_dual[: values.rows])) / self.scale)

    def _run(self, upper: Floats, room: Floats) -> Any:
        """Solve from where the last answer was."""
        highs, count, first = self.highs, len(upper), self.values.rows
        highs.changeColsBounds(count, np.arange(count, dtype=np.int32), np.zeros(count), upper)
        rows = np.arange(first, first + len(room), dtype=np.int32)
        highs.changeRowsBounds(len(room), rows, np.full(len(room), -highspy.kHighsInf), room)
        for tolerance in _TOLERANCES:
            highs.setOptionValue("primal_feasibility_tolerance", tolerance)
            highs.setOptionValue("dual_feasibility_tolerance", tolerance)
            run(highs)
            if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
                return highs.getSolution()
            highs.clearSolver()
        fail(NeedsError, "capacity", "the sharing of families lost numerical accuracy", "give whole families")


def share(values: Values, base: Floats, weights: Floats, capacity: Capacity, opened: Floats) -> Shares:
    """Share rows among open choices, as `Transport` states it; `opened` is 0 to 1, shape (choices,)."""
    return Transport(values, base, weights, capacity, opened > 0).at(opened)


def shared(values: Values, base: Floats, share: Floats) -> Floats:
    """Give what each row gets from its shares; shape (rows,)."""
    got: Floats = base + np.bincount(values.row, share * (values.value - base[values.row]), values.rows)
    return got


@dataclass(frozen=True)
class Cut:
    """No set of open choices gets more than `constant` and the sum of their `worth`, shape (choices,)."""

    constant: float
    worth: Floats

    def at(self, opened: Floats | Bools) -> float:
        """Evaluate it."""
        return self.constant + float(self.worth @ opened)


def cut(values: Values, base: Floats, weights: Floats, capacity: Capacity, price: Floats) -> Cut:
    """Bound what any open choices can get, whatever each row is priced at.

    Let every row ask a price a_i of 0 or more for being served at all. Then no sharing z among open choices gets more
    than the prices and what each open choice gains beyond them when it fills itself as if it were alone:

        sum_ij g_ij z_ij <= sum_i a_i + sum_j y_j K_j(a)
        K_j(a) = max { sum_i (g_ij - a_i) z_i : sum_i l_ij z_i <= C_j, 0 <= z_i <= 1 }

    for sum_ij g_ij z_ij = sum_ij a_i z_ij + sum_ij (g_ij - a_i) z_ij, of which the first is at most sum_i a_i since a
    row is given once at most, and the second, choice by choice, at most K_j(a) if j is open, else 0. K_j is a
    knapsack of parts, filled by gain for each unit of load. With the prices of `Transport` at y the bound is exact
    there (duality), and it is the strongest with those prices: any dual price of capacity gives a K_j that is no less.

    Source: Benders cuts of facility location, Fischetti, Ljubic and Sinnl (2016).
    """
    row = values.row
    left = weights[row] * (values.value - base[row]) - price[row]
    used = np.flatnonzero(left > 0)
    choice, left, loads = values.choice[used], left[used], capacity.loads[used]
    ratio = np.divide(left, loads, out=np.full(len(used), np.inf), where=loads > 0)
    order = np.lexsort((-ratio, choice))
    choice, left, loads = choice[order], left[order], loads[order]
    before = np.cumsum(loads) - loads
    start = np.concatenate([[0], np.cumsum(np.bincount(choice, minlength=values.choices))])[:-1]
    room = capacity.most[choice] - (before - before[start[choice]])
    part = np.clip(np.divide(room, loads, out=np.ones(len(used)), where=(loads > 0) & np.isfinite(room)), 0.0, 1.0)
    worth: Floats = np.bincount(choice, left * part, values.choices).astype(np.float64)
    return Cut(float(weights @ base + price.sum()), worth)


def loaded(matrix: csr_array, cost: Floats, columns: tuple[Floats, Floats], rows: tuple[Floats, Floats]) -> Any:
    """Pass HiGHS a linear programme: costs to keep least, and the bounds of its columns and of its rows."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = matrix.shape[1], matrix.shape[0]
    lp.col_cost_, (lp.col_lower_, lp.col_upper_) = cost, columns
    lp.row_lower_, lp.row_upper_ = rows
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = matrix.data
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in {"output_flag": False, "threads": 1, "random_seed": SEED}.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    return highs
