"""Solve a siting model to proven optimality, and break ties by a stated rule."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NoReturn

import numpy as np

from needs.errors import InfeasibleError, NeedsError, fail
from needs.location.model import Bools, Floats, Model
from needs.location.program import TIE, Answer, Clock, Program, Row
from needs.location.search import improve, round_up, shake

_BLOCK = 20  # choices put in order by one solve: 2 ** 19 times the tolerance is still far below one

Proved = Literal["optimal", "time limit", "solver stopped"]
Ties = Literal["none", "broken", "not checked"]


@dataclass(frozen=True)
class Proof:
    """How sure it is that no other plan is better.

    Attributes
    ----------
    status
        "optimal": no plan is better by more than 1e-9 of the objective. "time limit": the best plan found
        in time. "solver stopped": the best plan found before the solver lost numerical accuracy.
    objective
        Weighted value of the plan, evaluated on the data.
    bound
        No plan can have more than this.
    gap
        (bound - objective) / objective, at least 0.
    seconds
        Spent on the clock.
    nodes
        Of the search trees of all solves.
    ties
        "none": no other plan is as good. "broken": others are as good, and the rule chose. "not checked": there was
        no time left to look for others.
    """

    status: Proved
    objective: float
    bound: float
    gap: float
    seconds: float
    nodes: int
    ties: Ties

    def as_dict(self) -> dict[str, Any]:
        """Return the proof as plain values, for a file."""
        return asdict(self)


@dataclass(frozen=True)
class Solution:
    """The open choices, shape (choices,), and the proof."""

    opened: Bools
    proof: Proof


def solve(model: Model, *, time_limit_s: float = 120.0) -> Solution:
    """Find the open choices of greatest weighted value.

    Among plans of equal value (within 1e-9 of it): the fewest open choices, then the most that are kept as they are
    today, then the one that opens the first choice, in the order of the model, in which the plans differ.

    Parameters
    ----------
    model
        The problem.
    time_limit_s
        Seconds after which the best plan so far is returned, with its bound and gap.

    Returns
    -------
    Solution
        Its objective is evaluated on the data, never taken from the solver.

    Raises
    ------
    InfeasibleError
        If no set of choices meets the constraints.
    """
    clock = Clock(time_limit_s)
    reach = model.objective(~model.closed)
    program = Program(model, certain=np.zeros(model.choices, bool), closed=model.closed, reach=reach)
    relaxed = program.run(clock, whole=False)
    if relaxed.status == "infeasible":
        _no_plan()
    best = round_up(model, np.zeros(model.choices) if relaxed.x is None else relaxed.x)
    if best is None:
        best = _read(model, program.run(clock))
        if best is None:
            fail(NeedsError, "plan", f"no plan was found within {time_limit_s:g} s", "raise time_limit_s")
    bound = min(reach, relaxed.bound)
    best = shake(model, improve(model, best), bound=bound)
    while True:
        objective = model.objective(best)
        program = program.ruled_out(relaxed, objective)
        answer = program.run(clock, start=best, rival=True)
        bound = min(bound, answer.bound)
        found = _read(model, answer)
        if found is None or model.objective(found) <= objective * (1 + TIE):
            break
        best = improve(model, found)
    ties: Ties = "not checked"
    if answer.status == "optimal":
        best, ties = _break_ties(program, best, found, clock)
    objective = model.objective(best)
    bound = max(objective, bound)
    gap = 0.0 if bound == objective else (bound - objective) / objective if objective > 0 else float("inf")
    status: Proved = "optimal" if gap <= TIE else "time limit" if answer.status == "time limit" else "solver stopped"
    return Solution(best, Proof(status, objective, bound, gap, clock.spent_s(), clock.nodes, ties))


def _read(model: Model, answer: Answer) -> Bools | None:
    """Read the plan of an answer, if it has one that meets every constraint."""
    if answer.status == "infeasible":
        _no_plan()
    found = None if answer.x is None else answer.x > 0.5
    return found if found is not None and model.feasible(found) else None


def _no_plan() -> NoReturn:
    fail(InfeasibleError, "plan", "no set of sites meets all constraints at once", "allow more sites or keep fewer")


def _break_ties(program: Program, best: Bools, rival: Bools | None, clock: Clock) -> tuple[Bools, Ties]:
    """Choose among plans as good as the best one, by the rule that `solve` states; `rival` is one of them."""
    model = program.model
    least = model.objective(best) * (1 - TIE)

    def as_good(plan: Bools | None) -> bool:
        return plan is not None and model.objective(plan) >= least

    if rival is None or not as_good(rival) or bool((rival == best).all()):
        return best, "none"
    # One open choice more outweighs any number of kept ones.
    cost = 1.0 + model.kept.sum() - model.kept
    equal = program.at_least(model.objective(best))
    best = min(best, rival, key=lambda plan: float(cost @ plan))
    while True:
        answer = program.run(clock, start=best, rival=True, cost=cost, extra=(equal,))
        rival = _read(model, answer)
        if answer.status != "optimal" or rival is None or not as_good(rival):
            return best, "not checked"
        if (rival == best).all():
            return best, "broken"
        if cost @ rival == cost @ best:
            break
        best = rival
    rows = [equal, Row(np.arange(model.choices), cost, float(cost @ best))]
    free = np.flatnonzero(~(program.closed | program.certain))
    for k in range(0, len(free), _BLOCK):
        block = free[k : k + _BLOCK]
        order: Floats = np.zeros(model.choices)
        order[block] = -(2.0 ** np.arange(len(block))[::-1])
        answer = program.run(clock, start=best, cost=order, extra=tuple(rows))
        found = _read(model, answer)
        if answer.status != "optimal" or found is None or not as_good(found):
            return best, "not checked"
        best = found
        rows.append(Row(block, np.where(best[block], -1.0, 1.0), -float(best[block].sum())))
    return best, "broken"
