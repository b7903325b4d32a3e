"""Write a siting model as a mixed-integer program, and run it in HiGHS."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

import highspy
import numpy as np

from needs.location.model import Bools, Floats, Model, terms
from needs.settings import SEED

TIE = 1e-9  # relative difference of objective within which two plans are equal
_SCALE = 1e5  # what the whole weighted value is scaled to: HiGHS' absolute tolerances then lie far below TIE
# By how much a constraint may be missed, and a choice not be whole; the second where the first is too fine for HiGHS.
_TOLERANCES = (1e-9, 1e-7)
_MARGIN = 1e-6  # relative, left to rounding when a choice is ruled out by its reduced cost

Status = Literal["optimal", "time limit", "infeasible", "solver stopped"]
_STATUS: dict[Any, Status] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kTimeLimit: "time limit",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
}


@dataclass
class Clock:
    """Seconds and nodes spent against a limit."""

    limit_s: float
    nodes: int = 0
    _began: float = field(default_factory=time.monotonic)

    def spent_s(self) -> float:
        """Seconds since the clock was started."""
        return time.monotonic() - self._began

    def left_s(self) -> float:
        """Seconds until the limit, at least 0."""
        return max(0.0, self.limit_s - self.spent_s())


@dataclass(frozen=True)
class Row:
    """A constraint: the sum of coefficient times variable is at most `most`."""

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
        No answer has more weighted value; infinite when not known.
    losses
        Of a relaxed answer: weighted value lost at the least per unit that a choice is moved from where it is.
    """

    status: Status
    x: Floats | None
    bound: float
    losses: Floats


class Program:
    """A model as a program over choices and terms, with some choices known.

    Parameters
    ----------
    model
        The problem.
    certain, closed
        Choices known to open, and not to; shape (choices,).
    reach
        About the greatest weighted value there can be: what the program is scaled by.
    """

    def __init__(self, model: Model, *, certain: Bools, closed: Bools, reach: float) -> None:
        self.model, self.certain, self.closed = model, certain, closed | model.closed
        self.terms = terms(model, certain=certain, closed=self.closed)
        self.scale = _SCALE / reach if reach > 0 else 1.0
        self.gains = np.concatenate([self.terms.alone, self.terms.gains])
        self._rows = [*self._term_rows(), *self._model_rows()]

    def _term_rows(self) -> list[Row]:
        """Allow a term only with its linked smaller term or with a choice that it has besides."""
        count = self.model.choices
        rows = []
        for k, (linked, added) in enumerate(self.terms.links):
            inside = [] if linked == -1 else [-2 - linked if linked < -1 else count + linked]
            variables = [count + k, *inside, *added.tolist()]
            rows.append(Row(variables, [1.0] + [-1.0] * (len(variables) - 1), 0.0))
        return rows

    def _model_rows(self) -> list[Row]:
        model = self.model
        rows = []
        for site in np.unique(model.site):
            members = np.flatnonzero(model.site == site)
            if len(members) > 1:
                rows.append(_sum_row(members, 1.0))
        rows += [_sum_row(np.flatnonzero(limit.members), float(limit.most)) for limit in model.limits]
        rows += [_sum_row(group, -1.0, sign=-1.0) for group in model.required]
        if model.parents is not None:
            for j in np.flatnonzero(model.hangs):
                parents = np.flatnonzero(model.parents[j])
                rows.append(Row(np.append(parents, j), np.append(-np.ones(len(parents)), 1.0), 0.0))
        return rows

    def at_least(self, objective: float) -> Row:
        """Demand a weighted value equal to an objective, up to a tie."""
        used = np.flatnonzero(self.gains)
        least = objective * (1 - TIE) - self.terms.constant
        return Row(used, -self.gains[used] * self.scale, -least * self.scale)

    def ruled_out(self, relaxed: Answer, objective: float) -> Program:
        """Drop every choice that no plan as good as `objective` can have, and fix those that all must have."""
        if relaxed.x is None:
            return self
        slack = relaxed.bound - objective * (1 - TIE) + _MARGIN * relaxed.bound
        decided = relaxed.losses > slack
        x = relaxed.x
        certain, closed = self.certain | (decided & (x > 0.5)), self.closed | (decided & (x < 0.5))
        return Program(self.model, certain=certain, closed=closed, reach=relaxed.bound)

    def run(
        self,
        clock: Clock,
        *,
        whole: bool = True,
        start: Bools | None = None,
        rival: bool = False,
        cost: Floats | None = None,
        extra: tuple[Row, ...] = (),
    ) -> Answer:
        """Solve for the greatest weighted value, or for the least cost of the open choices.

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
            Whole numbers to minimise in place of the weighted value; shape (choices,).
        extra
            Further constraints.
        """
        count = len(self.gains)
        rows = [*self._rows, *extra]
        handicap = 0.0
        if rival and start is not None:
            value = self.model.objective(start) * self.scale
            handicap = TIE * (value or _SCALE) if cost is None else 0.5
            signs = np.append(np.where(start, 1.0, -1.0), -1.0)
            rows.append(Row([*range(len(start)), count], signs, float(start.sum()) - 1.0))
        costs = -self.gains * self.scale if cost is None else np.append(cost, np.zeros(count - len(cost)))
        lp = self._lp(rows, np.append(costs, handicap), whole=whole, same=handicap > 0)
        for tolerance in _TOLERANCES:
            highs = _load(lp, tolerance)
            highs.setOptionValue("time_limit", clock.left_s())
            if start is not None:
                solution = highspy.HighsSolution()
                solution.col_value = [*start.astype(float), *self.terms.met(start), float(handicap > 0)]
                highs.setSolution(solution)
            highs.run()
            if highs.getModelStatus() in _STATUS:
                break
        return self._answer(highs, clock, whole=whole)

    def _lp(self, rows: list[Row], costs: Floats, *, whole: bool, same: bool) -> Any:
        """State it for HiGHS: variables are the choices, the terms, and whether the plan is the one begun from."""
        choices, terms_ = self.model.choices, len(self.terms.gains)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(costs), len(rows)
        lp.col_cost_ = costs
        lp.col_lower_ = np.concatenate([self.certain, np.zeros(terms_ + 1)])
        lp.col_upper_ = np.concatenate([~self.closed, np.ones(terms_), [same]])
        lp.row_lower_ = np.full(len(rows), -highspy.kHighsInf)
        lp.row_upper_ = np.array([row.most for row in rows])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(row.variables) for row in rows)]).astype(np.int32)
        lp.a_matrix_.index_ = np.concatenate([np.zeros(0), *(row.variables for row in rows)]).astype(np.int32)
        lp.a_matrix_.value_ = np.concatenate([np.zeros(0), *(row.coefficients for row in rows)])
        if whole:
            kinds = highspy.HighsVarType
            lp.integrality_ = [kinds.kInteger] * choices + [kinds.kContinuous] * terms_ + [kinds.kInteger]
        return lp

    def _answer(self, highs: Any, clock: Clock, *, whole: bool) -> Answer:
        status = _STATUS.get(highs.getModelStatus(), "solver stopped")
        info, choices = highs.getInfo(), self.model.choices
        clock.nodes += max(0, int(info.mip_node_count)) if whole else 0
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        solution = highs.getSolution()
        x = np.array(solution.col_value[:choices]) if found and (whole or status == "optimal") else None
        losses = np.zeros(choices)
        least = info.mip_dual_bound if whole and status in {"optimal", "time limit"} else -highspy.kHighsInf
        if not whole and status == "optimal":
            losses = np.abs(np.array(solution.col_dual[:choices])) / self.scale
            least = info.objective_function_value
        bound = self.terms.constant - least / self.scale if np.isfinite(least) else float("inf")
        return Answer(status, x, bound, losses)


def _load(lp: Any, tolerance: float) -> Any:
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    options = {"output_flag": False, "threads": 1, "random_seed": SEED, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
    options |= {"primal_feasibility_tolerance": tolerance, "mip_feasibility_tolerance": tolerance}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    return highs


def _sum_row(members: Any, most: float, *, sign: float = 1.0) -> Row:
    return Row(members, np.full(len(members), sign), most)
