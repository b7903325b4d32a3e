"""Solve a siting model to proven optimality, and break ties by a stated rule."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from needs.errors import Fault, InfeasibleError, InputError, NeedsError, fail
from needs.location import mending, narrowing, sharing
from needs.location.capacity import Capacity
from needs.location.model import Goal, Model
from needs.location.program import TIE, Answer, Clock, Program, Row
from needs.location.search import improve, round_up, shake
from needs.location.values import Bools, Floats

_BLOCK = 20  # choices put in order by one solve: 2 ** 19 times the tolerance is still far below one
_SEARCHING = 0.6  # share of the time limit that the search before the solver may take
_HELD = 2 * TIE  # a plan found may miss a floor that stands for a goal reached by so much: a tie, and rounding

Proved = Literal["optimal", "gap reached", "time limit", "solver stopped", "interrupted"]
Ties = Literal["none", "broken", "not checked"]
# A search that spent its effort leaves what the solver would need more time for.
_BY_SEARCH: dict[str, Proved] = {
    "optimal": "optimal",
    "gap reached": "gap reached",
    "effort spent": "time limit",
    "time limit": "time limit",
    "interrupted": "interrupted",
}


@dataclass(frozen=True)
class Step:
    """How far a goal was brought that came before the total, and how sure it is that no plan brings it further."""

    name: str
    reached: float
    bound: float
    status: Proved


@dataclass(frozen=True)
class Proof:
    """How sure it is that no other plan is better.

    Attributes
    ----------
    status
        "optimal": no plan is better by more than 1e-9 of the objective. "gap reached": as asked. "time limit",
        "interrupted": the best plan found by then. "solver stopped": the best plan found before the solver lost
        numerical accuracy.
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
    steps
        Goals that came before the total, in order.
    """

    status: Proved
    objective: float
    bound: float
    gap: float
    seconds: float
    nodes: int
    ties: Ties
    steps: tuple[Step, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the proof as plain values, for a file."""
        return asdict(self)


@dataclass(frozen=True)
class Solution:
    """The open choices, shape (choices,), and the proof."""

    opened: Bools
    proof: Proof


def solve(
    model: Model, *, time_limit_s: float = 120.0, gap: float = 0.0, start: Bools | None = None, ties: bool = True
) -> Solution:
    """Find the open choices of greatest weighted value, after the goals that come first.

    With a capacity, the plan of a model without it is found first: it stands if it loses nothing, else the search goes
    on within the capacity (`needs.location.sharing`), which looks for no ties.

    Among plans of equal value (within 1e-9 of it): the fewest open choices, then the most that are kept as they are
    today, then the one that opens the first choice, in the order of the model, in which the plans differ.

    Parameters
    ----------
    model
        The problem.
    time_limit_s
        Seconds after which the best plan so far is returned, with its bound and gap.
    gap
        Relative gap at which the search may end.
    start
        A plan to begin from, if it is feasible; shape (choices,).
    ties
        Whether to look for other plans that are as good.

    Returns
    -------
    Solution
        Its objective is evaluated on the data, never taken from the solver.

    Raises
    ------
    InfeasibleError
        If no set of choices meets the constraints: which clash, and what would mend each.
    InputError
        If a model with a capacity has floors, or goals that come first.
    """
    clock = Clock(time_limit_s)
    if model.capacity is None:
        return _solve(model, clock, gap=gap, start=start, ties=ties)
    if model.floors or model.first:
        where = [f"floor {f.name}" for f in model.floors] + [f"goal {g.name}" for g in model.first]
        what = "is asked for together with capacities, which are not compatible"
        raise InputError([Fault(w, what, "drop it, or the capacities") for w in where])
    return _within_capacity(model, model.capacity, clock, gap=gap, start=start, ties=ties)


def _within_capacity(
    model: Model, capacity: Capacity, clock: Clock, *, gap: float, start: Bools | None, ties: bool
) -> Solution:
    """Solve as if nothing could be full; if that loses nothing to capacities it stands, else search on from it."""
    plain = _solve(replace(model, capacity=None), clock, gap=gap, start=start, ties=ties)
    objective, bound = model.objective(plain.opened), plain.proof.bound
    if bound <= objective * (1 + max(gap, TIE)) or plain.proof.objective <= objective * (1 + TIE):
        return replace(plain, proof=replace(plain.proof, objective=objective, gap=_gap(objective, bound)))
    found = sharing.within(model, capacity, plain.opened, bound, clock, gap=gap)
    objective = model.objective(found.opened)
    bound = max(objective, found.bound)
    left = _gap(objective, bound)
    status: Proved = "optimal" if left <= TIE else "gap reached" if left <= gap else found.ended
    return Solution(found.opened, Proof(status, objective, bound, left, clock.spent_s(), clock.nodes, "not checked"))


def _solve(model: Model, clock: Clock, *, gap: float, start: Bools | None, ties: bool) -> Solution:
    steps = []
    for goal in model.first:
        raised = _raise(model, goal, clock, gap=gap, start=start, rival=False)
        start = raised.best
        level = goal.reached(model.best(start))
        steps.append(Step(goal.name, level, raised.bound, raised.status))
        model = model.holding(goal, level)
    raised = _raise(model, model.total, clock, gap=gap, start=start, rival=ties)
    best = raised.best
    checked: Ties = "not checked"
    if raised.status == "optimal" and ties and raised.program is not None:
        best, checked = break_ties(raised.program, raised.best, raised.rival, clock)
    objective = model.objective(best)
    bound = max(objective, raised.bound)
    status = next((s.status for s in steps if s.status != "optimal"), raised.status)
    proof = Proof(status, objective, bound, _gap(objective, bound), clock.spent_s(), clock.nodes, checked, tuple(steps))
    return Solution(best, proof)


@dataclass(frozen=True)
class _Raised:
    """A goal brought as high as could be: by which plan, the bound, and a plan that may be as good."""

    best: Bools
    bound: float
    status: Proved
    program: Program | None
    rival: Bools | None


def _raise(model: Model, goal: Goal, clock: Clock, *, gap: float, start: Bools | None, rival: bool) -> _Raised:
    closed, certain = model.rules.closed, np.zeros(model.choices, bool)
    bound = reach = goal.reached(model.best(~closed))
    if narrowing.suits(model) and goal.amounts.shape[1] == 1 and not model.floors:
        try:
            near = narrowing.narrow(model, goal, start=start, gap=gap, time_limit_s=_SEARCHING * clock.left_s())
        except InfeasibleError:
            raise mending.infeasible(model, clock) from None
        start, bound = near.best, min(reach, near.bound)
        closed, certain = near.closed, near.certain
        left = _gap(goal.reached(model.best(start)), bound)
        if (left <= gap and gap > 0) or near.status == "interrupted" or _entries(model, closed) > narrowing.SOLVABLE:
            status: Proved = "optimal" if left <= TIE else "gap reached" if left <= gap else _BY_SEARCH[near.status]
            return _Raised(start, bound, status, None, None)
    program = Program(model, goal, certain=certain, closed=closed, reach=reach)
    relaxed = program.run(clock, whole=False)
    if relaxed.status == "infeasible":
        raise mending.infeasible(model, clock)
    bound = min(bound, relaxed.bound)
    best = _first_plan(model, program, relaxed, clock, start=start)
    best = shake(model, goal, best, bound=bound) if model.choices <= narrowing.FEW else best
    looking = rival and model.choices <= narrowing.FEW
    while True:
        objective = goal.reached(model.best(best))
        if _gap(objective, bound) <= gap and gap > 0:
            return _Raised(best, bound, "gap reached", program, None)
        program = program.ruled_out(relaxed, objective)
        answer = program.run(clock, start=best, rival=looking, gap=gap)
        bound = min(bound, answer.bound)
        found = plan_of(model, answer)
        better = found is not None and goal.reached(model.best(found)) > objective * (1 + TIE)
        if found is not None and better:
            best = _improved(model, goal, found)
            objective = goal.reached(model.best(best))
        met = _gap(objective, bound) <= TIE
        if answer.status != "optimal" or (not better and (looking or not met)):
            break
        if not looking and met:
            if not rival:
                break
            looking = True  # of many choices the best plan is looked for first, and then others that are as good
    left = _gap(objective, max(bound, objective))
    status = "optimal" if left <= TIE else "gap reached" if left <= gap else _ended(answer)
    return _Raised(best, bound, status, program, found)


def _entries(model: Model, closed: Bools) -> int:
    """How many entries the solver would be given."""
    return int(np.count_nonzero(~closed[model.values.choice]))


def _ended(answer: Answer) -> Proved:
    if answer.status == "time limit" or answer.status == "interrupted":
        return answer.status
    return "solver stopped"


def _first_plan(model: Model, program: Program, relaxed: Answer, clock: Clock, *, start: Bools | None) -> Bools:
    """Begin with a plan given, or a rounded one, or whatever the solver finds."""
    if start is not None and model.feasible(start, slack=_HELD):
        return _improved(model, program.goal, start)
    if narrowing.suits(model) and relaxed.x is not None:
        best = narrowing.promising(model, program.goal, relaxed.prices)
        if best is not None:
            return best
    best = round_up(model, np.zeros(model.choices) if relaxed.x is None else relaxed.x)
    best = None if best is None else improve(model, program.goal, best)
    if best is None or not model.met(best):
        answer = program.run(clock)
        if answer.status == "infeasible":
            raise mending.infeasible(model, clock)
        found = plan_of(model, answer)
        best = None if found is None else _improved(model, program.goal, found)
    if best is None:
        fail(NeedsError, "plan", f"no plan was found within {clock.limit_s:g} s", "raise time_limit_s")
    return best


def _improved(model: Model, goal: Goal, plan: Bools) -> Bools:
    """Improve a plan; one that misses a held goal by rounding stays as it is rather than be made worse."""
    found = improve(model, goal, plan)
    better = goal.reached(model.best(found)) >= goal.reached(model.best(plan))
    return found if better and model.feasible(found, slack=_HELD) else plan


def _gap(objective: float, bound: float) -> float:
    if bound <= objective:
        return 0.0
    return (bound - objective) / objective if objective > 0 else float("inf")


def plan_of(model: Model, answer: Answer) -> Bools | None:
    """Read the plan of an answer, if it has one that meets every constraint."""
    found = None if answer.x is None else answer.x > 0.5
    return found if found is not None and model.feasible(found, slack=_HELD) else None


def break_ties(program: Program, best: Bools, rival: Bools | None, clock: Clock) -> tuple[Bools, Ties]:
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
        rival = plan_of(model, answer)
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
        found = plan_of(model, answer)
        if answer.status != "optimal" or found is None or not as_good(found):
            return best, "not checked"
        best = found
        rows.append(Row(block, np.where(best[block], -1.0, 1.0), -float(best[block].sum())))
    return best, "broken"
