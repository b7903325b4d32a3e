"""State any mixed-integer program row by row, and run it in HiGHS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np

from needs.errors import NeedsError, fail
from needs.location.program import Clock, Row, Status
from needs.location.rules import Floats, Ints
from needs.location.running import run
from needs.settings import SEED

_TOLERANCE = 1e-9  # by how much a row may be missed, and a whole number not be whole
_NO_LIMIT = 2**31 - 1
_STATUS: dict[Any, Status] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kTimeLimit: "time limit",
    highspy.HighsModelStatus.kSolutionLimit: "time limit",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
}


@dataclass(frozen=True)
class Outcome:
    """What HiGHS found.

    Attributes
    ----------
    status
        "optimal", "time limit" (of seconds or of nodes), "infeasible", or "solver stopped".
    x
        Value of each variable, whole where it must be; None if nothing was found.
    bound
        No answer costs less; minus infinity when not known.
    """

    status: Status
    x: Floats | None
    bound: float

    def answer(self, what: str, clock: Clock) -> Floats:
        """Give the variables' values, or say why there are none.

        Raises
        ------
        NeedsError
            If nothing was found.
        """
        if self.x is None and self.status == "time limit":
            fail(NeedsError, what, f"none was found within {clock.limit_s:g} s", "raise time_limit_s")
        if self.x is None:
            fail(NeedsError, what, "the solver stopped without an answer", "change a figure a little, and report it")
        return self.x


@dataclass
class Milp:
    """Variables from 0 up and rows ``coefficients @ variables <= most``, to be minimised.

    Attributes
    ----------
    upper
        Greatest value of each variable.
    whole
        Whether each variable is a whole number.
    rows
        The constraints.
    """

    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def variables(self, *shape: int, upper: float = 1.0, whole: bool = True) -> Ints:
        """Add variables, and return their positions in the shape asked for."""
        first, count = len(self.upper), int(np.prod(shape, dtype=int))
        self.upper += [upper] * count
        self.whole += [whole] * count
        return np.arange(first, first + count).reshape(shape)

    def at_most(self, variables: Any, coefficients: Any, most: float) -> None:
        """Add a row; coefficients spread over variables as arrays do, and those of one variable add up."""
        spread = np.broadcast_to(np.asarray(coefficients, float), np.shape(variables))
        members, each = np.unique(np.asarray(variables, dtype=np.intp), return_inverse=True)
        self.rows.append(Row(members, np.bincount(each.ravel(), spread.ravel(), len(members)), most))

    def at_least(self, variables: Any, coefficients: Any, least: float) -> None:
        """Add a row that bounds from below."""
        self.at_most(variables, -np.asarray(coefficients, float), -least)

    def run(
        self,
        costs: dict[int, float],
        clock: Clock,
        *,
        start: Floats | None = None,
        most_nodes: int = _NO_LIMIT,
        extra: tuple[Row, ...] = (),
    ) -> Outcome:
        """Solve for the least sum of cost times variable.

        Parameters
        ----------
        costs
            By variable; others cost nothing.
        clock
            Whose limit is kept and whose nodes are counted.
        start
            An answer to begin from; shape (variables,).
        most_nodes
            Of the search tree, after which the best answer so far is returned.
        extra
            Further constraints.
        """
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        options = {"output_flag": False, "threads": 1, "random_seed": SEED, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
        options |= {"primal_feasibility_tolerance": _TOLERANCE, "mip_feasibility_tolerance": _TOLERANCE}
        options |= {"mip_max_nodes": most_nodes, "time_limit": clock.left_s()}
        for name, value in options.items():
            highs.setOptionValue(name, value)
        program = self._lp(costs, [*self.rows, *extra])
        # The presolve of HiGHS 1.15 may reduce a program without an answer to a wrong one, and then says so.
        for presolve in ("choose", "off"):
            highs.setOptionValue("presolve", presolve)
            if highs.passModel(program) == highspy.HighsStatus.kError:
                fail(NeedsError, "program", "HiGHS refuses it", "give finite numbers")
            if start is not None:
                solution = highspy.HighsSolution()
                solution.col_value = start.tolist()
                highs.setSolution(solution)
            run(highs)
            info = highs.getInfo()
            clock.nodes += max(0, int(info.mip_node_count))
            if highs.getModelStatus() != highspy.HighsModelStatus.kSolveError:
                break
        status = _STATUS.get(highs.getModelStatus(), "solver stopped")
        x = None
        if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            found = np.array(highs.getSolution().col_value)
            x = np.where(self.whole, np.round(found), found)
        known = status in {"optimal", "time limit"}
        return Outcome(status, x, float(info.mip_dual_bound) if known else float("-inf"))

    def _lp(self, costs: dict[int, float], rows: list[Row]) -> Any:
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.upper), len(rows)
        lp.col_cost_ = np.array([costs.get(j, 0.0) for j in range(len(self.upper))])
        lp.col_lower_, lp.col_upper_ = np.zeros(len(self.upper)), np.array(self.upper)
        lp.row_lower_ = np.full(len(rows), -highspy.kHighsInf)
        lp.row_upper_ = np.array([row.most for row in rows])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(row.variables) for row in rows)]).astype(np.int32)
        lp.a_matrix_.index_ = np.concatenate([np.zeros(0), *(row.variables for row in rows)]).astype(np.int32)
        lp.a_matrix_.value_ = np.concatenate([np.zeros(0), *(row.coefficients for row in rows)])
        kinds = highspy.HighsVarType
        lp.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in self.whole]
        return lp
