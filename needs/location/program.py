"""Write a siting model as a mixed-integer program, and run it in HiGHS."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

import highspy
import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from needs.location.model import Goal, Model
from needs.location.rules import Ints
from needs.location.running import run
from needs.location.terms import terms
from needs.location.values import Bools, Floats
from needs.settings import SEED

TIE = 1e-9  # relative difference of objective within which two plans are equal
_SCALE = 1e5  # what the whole goal is scaled to: HiGHS' absolute tolerances then lie far below TIE
# By how much a constraint may be missed, and a choice not be whole; the second where the first is too fine for HiGHS.
_TOLERANCES = (1e-9, 1e-7)
_MARGIN = 1e-6  # relative, left to rounding when a choice is ruled out by its reduced cost

Status = Literal["optimal", "time limit", "infeasible", "solver stopped", "interrupted"]
_STATUS: dict[Any, Status] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kTimeLimit: "time limit",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kInterrupt: "interrupted",
}


@dataclass
class Clock:
    """Seconds and nodes spent against a limit."""

    limit_s: float
    nodes: int = 0
    interrupted: bool = False
    _began: float = field(default_factory=time.monotonic)

    def spent_s(self) -> float:
        """Seconds since the clock was started."""
        return time.monotonic() - self._began

    def left_s(self) -> float:
        """Seconds until the limit, at least 0."""
        return 0.0 if self.interrupted else max(0.0, self.limit_s - self.spent_s())


@dataclass(frozen=True)
class Row:
    """A constraint: the sum of coefficient times choice or variable is at most `most`."""

    variables: Any
    coefficients: Any
    most: float


@dataclass(frozen=True)
class Answer:
    """What HiGHS found.

    Attributes
    ----------
    status
        "optimal", "time limit", "infeasible", or "solver stopped" (for want of numerical accuracy).
    x
        Share of each choice that is open, shape (choices,); None if nothing was found. A choice counts as open when
        its share is over a half.
    bound
        No answer reaches more; infinite when not known.
    losses
        Of a relaxed answer: what is lost at the least per unit that a choice is moved from where it is.
    prices
        Of a relaxed answer: multipliers of the goal's groups, 1 for a plain sum, and of the floors.
    """

    status: Status
    x: Floats | None
    bound: float
    losses: Floats
    prices: Floats


class Program:
    """A model and one goal as a program over choices and terms, with some choices known.

    Parameters
    ----------
    model
        The problem.
    goal
        What is to be greatest.
    certain, closed
        Choices known to open, and not to; shape (choices,).
    reach
        About the most that the goal can reach: what the program is scaled by.
    """

    def __init__(self, model: Model, goal: Goal, *, certain: Bools, closed: Bools, reach: float) -> None:
        self.model, self.goal = model, goal
        self.certain, self.closed = certain, closed | model.rules.closed
        groups = goal.amounts.shape[1]
        amounts = np.column_stack([goal.amounts, *(floor.amounts for floor in model.floors)])
        self.terms = terms(model.values, model.base, amounts, certain=certain, closed=self.closed)
        self.scale = _SCALE / reach if reach > 0 else 1.0
        gains = np.vstack([self.terms.alone, self.terms.gains]).T
        # With several groups a variable more stands for the least of them.
        self.least_of = groups > 1
        self.gains, self.constants = gains[:groups], self.terms.constant[:groups]
        rows = self._rule_rows()
        # By group and floor: at which row it stands, and by how much that is scaled against the goal.
        self._priced: dict[int, tuple[int, float]] = {}
        for k, floor in enumerate(model.floors, groups):
            row, constant = gains[k], self.terms.constant[k]
            if constant < floor.least:
                scale = _SCALE / floor.least
                self._priced[k] = len(self.terms) + len(rows), scale / self.scale
                rows.append(_row_of(-row * scale, (constant - floor.least * (1 - TIE)) * scale))
        if self.least_of:
            least = gains.shape[1]
            self._priced |= {k: (len(self.terms) + len(rows) + k, 1.0) for k in range(groups)}
            rows += [
                Row(
                    [*np.flatnonzero(row).tolist(), least],
                    [*(-row[row != 0] * self.scale).tolist(), 1.0],
                    c * self.scale,
                )
                for row, c in zip(self.gains, self.constants, strict=True)
            ]
        self._width = gains.shape[1] + self.least_of
        self._matrix, self._most = self._term_rows(), np.zeros(len(self.terms))
        self._matrix, self._most = self._with(rows)

    def _term_rows(self) -> csr_array:
        """Allow a term only with its linked smaller term or with a choice that it has besides."""
        t, count = self.terms, self.model.choices
        each = np.arange(len(t))
        inside = np.flatnonzero(t.linked != -1)
        within = np.where(t.linked[inside] < -1, -2 - t.linked[inside], count + t.linked[inside])
        row = np.concatenate([each, inside, np.repeat(each, np.diff(t.start))])
        column = np.concatenate([count + each, within, t.added])
        value = np.concatenate([np.ones(len(t)), -np.ones(len(inside) + len(t.added))])
        return csr_array(coo_array((value, (row, column)), shape=(len(t), self._width)))

    def _rule_rows(self) -> list[Row]:
        rules = self.model.rules
        rows = [_sum_row(group, 1.0) for group in rules.apart]
        for limit in rules.limits:
            members = np.flatnonzero(limit.amounts)
            unit = max(1.0, float(limit.most))  # money in pounds and counts alike, in HiGHS' tolerances
            rows.append(Row(members, limit.amounts[members] / unit, limit.most / unit))
        rows += [_sum_row(group, -1.0, sign=-1.0) for group in rules.required]
        if rules.links is not None:
            for j in np.flatnonzero(rules.hangs):
                parents = rules.links.parents(int(j))
                rows.append(Row(np.append(parents, j), np.append(-np.ones(len(parents)), 1.0), 0.0))
        return rows

    def _with(self, rows: list[Row], *, width: int = 0) -> tuple[csr_array, Floats]:
        """Put further rows below the program's."""
        width = max(width, self._width)
        matrix = self._matrix
        if matrix.shape[1] < width:
            matrix = csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], width))
        if not rows:
            return matrix, self._most
        more = csr_array(
            (
                np.concatenate([np.asarray(r.coefficients, float) for r in rows]),
                np.concatenate([np.asarray(r.variables, np.int64) for r in rows]),
                np.cumsum([0, *(len(r.variables) for r in rows)]),
            ),
            shape=(len(rows), width),
        )
        return csr_array(vstack([matrix, more])), np.concatenate([self._most, [r.most for r in rows]])

    def at_least(self, objective: float) -> Row:
        """Demand as much of a plain sum as an objective, up to a tie."""
        return _row_of(-self.gains[0] * self.scale, -(objective * (1 - TIE) - self.constants[0]) * self.scale)

    def under(self, constant: float, worth: Floats) -> Row:
        """Hold the least group to a constant and the sum of what the open choices are worth; shape (choices,)."""
        used = np.flatnonzero(worth)
        least = self._width - 1
        return Row(
            np.append(used, least), np.append(-worth[used], 1.0 / self.scale) * self.scale, constant * self.scale
        )

    def ruled_out(self, relaxed: Answer, objective: float) -> Program:
        """Drop every choice that no plan as good as `objective` can have, and fix those that all must have."""
        if relaxed.x is None:
            return self
        slack = relaxed.bound - objective * (1 - TIE) + _MARGIN * relaxed.bound
        decided = relaxed.losses > slack
        x = relaxed.x
        certain, closed = self.certain | (decided & (x > 0.5)), self.closed | (decided & (x < 0.5))
        return Program(self.model, self.goal, certain=certain, closed=closed, reach=relaxed.bound)

    def run(
        self,
        clock: Clock,
        *,
        whole: bool = True,
        start: Bools | None = None,
        rival: bool = False,
        cost: Floats | None = None,
        extra: tuple[Row, ...] = (),
        gap: float = 0.0,
    ) -> Answer:
        """Solve for the goal, or for the least cost of the open choices.

        With `rival`, the plan to begin from is made worse by a tie or, with a cost, by half a unit: it is the
        answer only if no other plan is as good. One solve thus proves a plan and that it stands alone.

        Parameters
        ----------
        clock
            Whose limit is kept and whose nodes are counted.
        whole
            Whether choices are open or not, or may be open in part.
        start
            A plan to begin from; shape (choices,).
        rival
            Whether to look for a plan other than `start` that is as good.
        cost
            Whole numbers to minimise in place of the goal; shape (choices,).
        extra
            Further constraints.
        gap
            Relative gap at which the solver may stop.
        """
        rows, width, handicap = [*extra], self._width, 0.0
        costs = np.zeros(width)
        if cost is not None:
            costs[: len(cost)] = cost
        elif self.least_of:
            costs[-1] = -1.0
        else:
            costs -= self.gains[0] * self.scale
        if rival and start is not None:
            value = self.goal.reached(self.model.best(start)) * self.scale
            handicap = TIE * (value or _SCALE) if cost is None else 0.5
            signs = np.append(np.where(start, 1.0, -1.0), -1.0)
            rows.append(Row([*range(len(start)), width], signs, float(start.sum()) - 1.0))
            width, costs = width + 1, np.append(costs, handicap)
        lp = self._lp(rows, costs, whole=whole, same=handicap > 0)
        for tolerance in _TOLERANCES:
            highs = _load(lp, tolerance)
            highs.setOptionValue("time_limit", clock.left_s())
            highs.setOptionValue("mip_rel_gap", gap)
            if start is not None:
                solution = highspy.HighsSolution()
                solution.col_value = self._column_values(start, same=handicap > 0)
                highs.setSolution(solution)
            run(highs)
            if highs.getModelStatus() in _STATUS:
                break
        return self._answer(highs, clock, whole=whole)

    def _column_values(self, opened: Bools, *, same: bool) -> list[float]:
        least = [self.goal.reached(self.model.best(opened)) * self.scale] if self.least_of else []
        return [*opened.astype(float), *self.terms.met(opened), *least, *([1.0] if same else [])]

    def _lp(self, rows: list[Row], costs: Floats, *, whole: bool, same: bool) -> Any:
        """State it for HiGHS: variables are the choices, the terms, the least group, whether it is the plan begun from.

        The last two stand only where they are asked for.
        """
        choices, count = self.model.choices, len(self.terms)
        matrix, most = self._with(rows, width=len(costs))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(costs), matrix.shape[0]
        lp.col_cost_ = costs
        more = ([-highspy.kHighsInf] if self.least_of else []), ([highspy.kHighsInf] if self.least_of else [])
        lp.col_lower_ = np.concatenate([self.certain, np.zeros(count), more[0], np.zeros(int(same))])
        lp.col_upper_ = np.concatenate([~self.closed, np.ones(count), more[1], np.ones(int(same))])
        lp.row_lower_ = np.full(matrix.shape[0], -highspy.kHighsInf)
        lp.row_upper_ = most
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = matrix.indptr.astype(np.int32)
        lp.a_matrix_.index_ = matrix.indices.astype(np.int32)
        lp.a_matrix_.value_ = matrix.data
        if whole:
            kinds = highspy.HighsVarType
            rest = len(costs) - choices - int(same)
            lp.integrality_ = [kinds.kInteger] * choices + [kinds.kContinuous] * rest + [kinds.kInteger] * int(same)
        return lp

    def _answer(self, highs: Any, clock: Clock, *, whole: bool) -> Answer:
        status = _STATUS.get(highs.getModelStatus(), "solver stopped")
        info, choices = highs.getInfo(), self.model.choices
        clock.nodes += max(0, int(info.mip_node_count)) if whole else 0
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        solution = highs.getSolution()
        x = np.array(solution.col_value[:choices]) if found and (whole or status == "optimal") else None
        losses, prices = np.zeros(choices), np.zeros(len(self.gains) + len(self.model.floors))
        least = info.mip_dual_bound if whole and status in {"optimal", "time limit"} else -highspy.kHighsInf
        if not whole and status == "optimal":
            losses = np.abs(np.array(solution.col_dual[:choices])) / self.scale
            least = info.objective_function_value
            prices[0] = 1.0
            for k, (row, scale) in self._priced.items():
                prices[k] = max(0.0, -solution.row_dual[row]) * scale
        constant = 0.0 if self.least_of else float(self.constants[0])
        bound = constant - least / self.scale if np.isfinite(least) else float("inf")
        return Answer(status, x, bound, losses, prices)


def _load(lp: Any, tolerance: float) -> Any:
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    options = {"output_flag": False, "threads": 1, "random_seed": SEED, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
    # A restart solves the same relaxation anew; a good plan is given, so that looking for one is wasted.
    options |= {"mip_allow_restart": False, "mip_heuristic_run_rens": False, "mip_heuristic_run_rins": False}
    options |= {"primal_feasibility_tolerance": tolerance, "mip_feasibility_tolerance": tolerance}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    return highs


def _sum_row(members: Ints, most: float, *, sign: float = 1.0) -> Row:
    return Row(members, np.full(len(members), sign), most)


def _row_of(coefficients: Floats, most: float) -> Row:
    used = np.flatnonzero(coefficients)
    return Row(used, coefficients[used], most)
