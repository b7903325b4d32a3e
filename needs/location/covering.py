"""Find the fewest columns that cover all rows: set covering, solved to a proof or to two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from needs.errors import InfeasibleError, fail
from needs.location import incidence
from needs.location.program import Clock
from needs.location.running import run
from needs.settings import SEED

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Starts = NDArray[np.int64]
Places = NDArray[np.int32]

_STEPS = 1_000  # of the bound
_PATIENCE = 2_000  # times that the search looks at as many entries as there are, without finding anything better
_LONGEST = 2e9  # entries that it looks at so, at most
_SCALE = 1e5  # what the weight that can be covered twice is scaled to
_ROUNDING = 1e-6  # a bound that passes a whole number by less does not pass it

Status = Literal["optimal", "enough", "time limit"]


@dataclass(frozen=True)
class Cover:
    """Columns that cover all rows.

    Attributes
    ----------
    opened
        Shape (columns,).
    bound
        No cover has fewer columns.
    status
        "optimal": no cover has fewer columns. "enough": it is not known whether one has, but whether one has `most`
        or fewer. "time limit": neither is known.
    """

    opened: Bools
    bound: int
    status: Status

    @property
    def count(self) -> int:
        """How many columns are open."""
        return int(self.opened.sum())


def cover(covers: Bools | sparse.csr_array, clock: Clock, *, most: int | None = None) -> Cover:
    """Open the fewest columns such that every row has one of its own open (unicost set covering).

    A row that holds all columns of another, and a column whose rows another one holds, are dropped until there are
    none (Toregas and ReVelle 1972). What is left is bounded by its Lagrangean dual (Beasley 1987), searched with
    weights on rows that are hard to cover (Gao, Weise and Li 2015, doi:10.1016/j.ejor.2015.05.038), cut down by
    reduced costs, and given to HiGHS where it is still open.

    Parameters
    ----------
    covers
        Whether a column covers a row; shape (rows, columns).
    clock
        Limits the work of HiGHS. All other work is counted in steps and entries, never in seconds.
    most
        Ask only whether so many columns suffice: the work ends when that is known, either way.

    Raises
    ------
    InfeasibleError
        If no column covers some row.
    """
    core = _Core.of(sparse.csr_array(covers)).shrunk()
    best = core.greedy()
    dual = core.dual(int(best.sum()) if most is None else min(int(best.sum()), most + 1))
    bound, status = dual.bound, _status(best, dual.bound, most)
    if status is None:
        best = core.searched(best, bound if most is None else max(bound, most))
        status = _status(best, bound, most)
    if status is None:
        # Is there a cover of `goal` columns or fewer? What none of these can have is left out.
        goal = int(best.sum()) - 1 if most is None else most
        found, more = core.finished(goal, dual, clock, any_one=most is not None)
        best, bound = best if found is None else found, max(bound, more)
        status = _status(best, bound, most) or "time limit"
    return Cover(best, bound, status)


def _status(best: Bools, bound: int, most: int | None) -> Status | None:
    """Say what is known once a cover and a bound are."""
    if best.sum() <= bound:
        return "optimal"
    return "enough" if most is not None and (best.sum() <= most or bound > most) else None


@dataclass(frozen=True)
class _Dual:
    """A price of covering each row: no cover has fewer columns than `bound`, the `value` rounded up."""

    bound: int
    value: float
    price: Floats


@dataclass(frozen=True)
class _Core:
    """What is left of a covering problem.

    Attributes
    ----------
    table
        Rows still to be covered and columns that may still open.
    column
        Where each of these columns stood at first.
    certain
        Columns that open whatever else does, where they stood at first.
    columns
        How many columns there were at first.
    """

    table: Any
    column: Ints
    certain: Ints
    columns: int

    @staticmethod
    def of(table: Any) -> _Core:
        empty = np.flatnonzero(np.diff(table.indptr) == 0)
        if len(empty):
            fail(InfeasibleError, "covering", f"no column covers row {empty[0]}", "leave out what nothing covers")
        return _Core(table, np.arange(table.shape[1]), np.zeros(0, np.intp), table.shape[1])

    def shrunk(self) -> _Core:
        """Open columns that a row needs, and drop rows and columns that another makes idle, until there are none."""
        table, column, certain = self.table, self.column, [self.certain]
        while True:
            size = table.shape
            needed = np.unique(table.indices[table.indptr[:-1][np.diff(table.indptr) == 1]])
            certain.append(column[needed])
            table = table[table[:, needed].sum(axis=1) == 0]
            table = table[~incidence.idle(*_lists(table), *_lists(table.T), True)]
            kept = ~incidence.idle(*_lists(table.T), *_lists(table), False)
            table, column = table[:, kept], column[kept]
            if table.shape == size:
                return _Core(table, column, np.concatenate(certain), self.columns)

    def opened(self, picked: NDArray[np.integer]) -> Bools:
        """Name a cover by the columns that there were at first, given those picked of what is left."""
        opened = np.zeros(self.columns, bool)
        opened[self.certain] = True
        opened[self.column[picked]] = True
        return opened

    def greedy(self) -> Bools:
        """Open the column that covers most rows not yet covered, of equals the first, until all are covered."""
        return self.opened(incidence.greedy(*_lists(self.table), *_lists(self.table.T)))

    def searched(self, opened: Bools, least: int) -> Bools:
        """Look for covers of fewer columns, down to `least`."""
        lots, left = np.random.default_rng(SEED), least - len(self.certain)
        patience = min(_LONGEST, _PATIENCE * self.table.nnz)
        picked = incidence.search(*_lists(self.table), *_lists(self.table.T), opened[self.column], left, lots, patience)
        return self.opened(np.flatnonzero(picked))

    def dual(self, target: int) -> _Dual:
        """Bound covers from below, as far as a target if that can be reached."""
        price, value = incidence.ascend(*_lists(self.table), *_lists(self.table.T), target - len(self.certain), _STEPS)
        return _Dual(len(self.certain) + _up(value), len(self.certain) + value, price)

    def without(self, dual: _Dual, goal: int) -> _Core:
        """Drop the columns that no cover of `goal` columns has, and open those that every such cover has.

        By reduced cost: a cover pays the dual's value and at least that of each column that is moved from where the
        dual has it.
        """
        reduced = 1.0 - self.table.T @ dual.price
        decided = np.abs(reduced) > goal - dual.value + _ROUNDING
        opens, stays = decided & (reduced < 0), ~decided
        table = self.table[self.table[:, opens].sum(axis=1) == 0][:, stays]
        return _Core(table, self.column[stays], np.concatenate([self.certain, self.column[opens]]), self.columns)

    def finished(self, goal: int, dual: _Dual, clock: Clock, *, any_one: bool) -> tuple[Bools | None, int]:
        """Look for a cover of at most `goal` columns, the best or any one, and give a bound of all covers."""
        core = self
        while True:
            size = core.table.shape
            core = core.without(dual, goal)
            if (np.diff(core.table.indptr) == 0).any():
                return None, goal + 1
            core = core.shrunk()
            dual = core.dual(goal + 1)
            if dual.bound > goal:
                return None, goal + 1
            if not core.table.shape[0]:
                return core.opened(np.zeros(0, np.intp)), dual.bound
            if core.table.shape == size:
                break
        left, count = goal - len(core.certain), len(core.column)
        options = {"objective_bound": left + 0.5, "objective_target": left + 0.5 if any_one else -np.inf}
        answer = program(np.ones(count), core.table, np.ones(size[0]), clock, whole=count, options=options)
        bound = goal + 1 if answer.bound > left else max(dual.bound, len(core.certain) + _up(answer.bound))
        found = None if answer.x is None else core.opened(np.flatnonzero(answer.x > 0.5))
        return (found if found is not None and found.sum() <= goal else None), bound


def earliest(covers: Bools, opened: Bools, fixed: Bools) -> Bools:
    """Close columns that a cover can do without, and exchange each for the first earlier one that does as well.

    Ends when no column can be closed or so exchanged; those `fixed` stay.
    """
    opened = opened.copy()
    moved = True
    while moved:
        moved = False
        times = np.count_nonzero(covers[:, opened], axis=1)
        for j in np.flatnonzero(opened & ~fixed)[::-1].tolist():
            alone = covers[covers[:, j] & (times == 1)]
            able = np.flatnonzero(alone.all(axis=0)[:j] & ~opened[:j])
            if len(alone) and not len(able):
                continue
            opened[j], moved = False, True
            times -= covers[:, j]
            if len(alone):
                opened[able[0]] = True
                times += covers[:, able[0]]
    return opened


@dataclass(frozen=True)
class Twice:
    """A cover, shape (columns,), the weight that none exceeds in covering twice, and how the work ended."""

    opened: Bools
    bound: float
    status: str


def cover_twice(
    covers: Bools, weights: Floats, opened: Bools, most: int, clock: Clock, *, fixed: Bools, gap: float
) -> Twice:
    """Open at most so many columns that cover every row, and the greatest weight twice.

    Parameters
    ----------
    covers
        Whether a column covers a row; shape (rows, columns).
    weights
        Of the rows, above 0; shape (rows,).
    opened
        A cover of at most `most` columns to begin from; shape (columns,).
    clock
        What limits HiGHS.
    fixed
        Columns that open in any case; shape (columns,).
    gap
        Relative gap at which to end.

    """
    # Rows that the same columns cover are one.
    _, first, group = np.unique(np.packbits(covers, axis=1), axis=0, return_index=True, return_inverse=True)
    table, weight = covers[first].astype(float), np.bincount(group.ravel(), weights, len(first))
    opened = opened.copy()
    while opened.sum() < most:
        gain = np.where(opened, 0.0, (weight * (table @ opened == 1)) @ table)
        if gain.max(initial=0.0) <= 0:
            break
        opened[gain.argmax()] = True
    may = np.flatnonzero(table.sum(axis=1) > 1)
    rows, columns = table.shape
    width = columns + len(may)
    held = np.flatnonzero(fixed)
    rules = sparse.vstack(
        [
            sparse.hstack([sparse.csr_array(table), sparse.csr_array(-np.eye(rows)[:, may])]),
            sparse.csr_array(np.where(np.arange(width) < columns, -1.0, 0.0)[None]),
            sparse.csr_array((np.ones(len(held)), (np.arange(len(held)), held)), shape=(len(held), width)),
        ]
    )
    # Weights are scaled so that absolute tolerances of HiGHS lie far below one row's.
    total = math.fsum(weight[may])
    scale = _SCALE / total if total > 0 else 1.0
    answer = program(
        np.concatenate([np.zeros(columns), -weight[may] * scale]),
        rules,
        np.concatenate([np.ones(rows), [-float(most)], np.ones(len(held))]),
        clock,
        whole=columns,
        start=np.concatenate([opened, (table @ opened > 1)[may]]).astype(float),
        options={"mip_rel_gap": gap},
    )

    def twice(plan: Bools) -> float:
        times = table @ plan
        return math.fsum(weight[times > 1]) if (times > 0).all() and plan.sum() <= most else -1.0

    if answer.x is not None:
        opened = max(opened, answer.x[:columns] > 0.5, key=twice)
    status = "time limit" if not answer.done else "gap reached" if gap > 0 else "optimal"
    return Twice(opened, min(total, -answer.bound / scale), status)


@dataclass(frozen=True)
class Answer:
    """What HiGHS found.

    Attributes
    ----------
    x
        None if nothing was found.
    bound
        No answer costs less; infinite when there is none, minus infinite when nothing is known.
    done
        Whether it came to its end.
    """

    x: Floats | None
    bound: float
    done: bool


def program(
    costs: Floats,
    table: Any,
    least: Floats,
    clock: Clock,
    *,
    whole: int,
    start: Floats | None = None,
    options: dict[str, float] | None = None,
) -> Answer:
    """Minimise costs @ x with table @ x >= least and x from 0 to 1, the first `whole` of them 0 or 1, in HiGHS."""
    rows = sparse.csr_array(table)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows.shape
    lp.col_cost_ = costs
    lp.col_lower_, lp.col_upper_ = np.zeros(len(costs)), np.ones(len(costs))
    lp.row_lower_, lp.row_upper_ = least, np.full(len(least), highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = rows.indptr.astype(np.int32), rows.indices.astype(np.int32)
    lp.a_matrix_.value_ = rows.data.astype(float)
    kinds, statuses = highspy.HighsVarType, highspy.HighsModelStatus
    lp.integrality_ = [kinds.kInteger] * whole + [kinds.kContinuous] * (len(costs) - whole)
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    fixed = {"output_flag": False, "threads": 1, "random_seed": SEED, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
    for name, value in {**fixed, **(options or {}), "time_limit": clock.left_s()}.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        highs.setSolution(solution)
    run(highs)
    info, status = highs.getInfo(), highs.getModelStatus()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    none = status in {statuses.kInfeasible, statuses.kObjectiveBound}
    bound = np.inf if none else info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else -np.inf
    x = np.array(highs.getSolution().col_value) if found else None
    return Answer(x, float(bound), none or status == statuses.kOptimal)


def _up(value: float) -> int:
    """Round up what a number of columns is at least."""
    return max(0, math.ceil(value - _ROUNDING)) if np.isfinite(value) else 0


def _lists(table: Any) -> tuple[Starts, Places]:
    """Give the columns of each row, ascending."""
    rows = sparse.csr_array(table)
    rows.sort_indices()
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int32)
