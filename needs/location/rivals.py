"""Find other plans that do nearly as well, and what it costs to force a site open or shut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from needs.errors import Faults
from needs.location.model import Model
from needs.location.program import Answer, Clock, Program, Row
from needs.location.rules import Ints
from needs.location.solve import Solution, break_ties, plan_of, solve
from needs.location.values import Bools, Floats

# Shares of the tolerance within which plans are sought in turn: the nearer to the best, the fewer choices are left.
_STEPS = (1 / 64, 1 / 16, 1 / 4, 1.0)

Ended = Literal["complete", "most found", "time limit", "solver stopped", "interrupted"]


@dataclass(frozen=True)
class Rivals:
    """Plans other than the best one, the best of them first, and what is known of those not listed.

    Attributes
    ----------
    plans
        Open choices of each; shape (plans, choices).
    objectives
        Weighted value of each, evaluated on the data; it never rises along the list.
    level
        Weighted value that a plan must reach to be listed.
    status
        "complete": every plan that reaches the level, and is not listed, differs from the best plan or from one
        listed in fewer sites than asked. "most found": there may be more. "time limit", "interrupted", "solver
        stopped": the search ended early.
    bound
        No plan that is not listed, and differs from all that are in as many sites as asked, has more than this. When
        complete it is the level, which no such plan reaches.
    """

    plans: Bools
    objectives: Floats
    level: float
    status: Ended
    bound: float


@dataclass(frozen=True)
class Price:
    """The best plan in which a site is what it is made to be.

    Attributes
    ----------
    site
        Number of the site.
    choice
        Its choice that is open, or -1 when none of its choices may be.
    solution
        The plan and its proof; None if there is none, or none was found in time.
    impossible
        Whether the rules are known to allow none.
    """

    site: int
    choice: int
    solution: Solution | None
    impossible: bool = False


class _Apart(Program):
    """A program of the plans that differ from each of some plans in at least so many sites, and reach a level.

    A site opens at most one of its choices, so a plan y differs from a plan p at a site exactly once or not at all:
    where p opens choice a it differs when y does not, 1 - y_a, whatever else y opens there; where p opens nothing it
    differs when y opens any, the sum of y over the site. The sum over sites is the number of sites that differ, and
    linear in y.
    """

    def __init__(
        self, whole: Program, relaxed: Answer, level: float, plans: list[Bools], sites: Ints, differ: int
    ) -> None:
        left = whole.ruled_out(relaxed, level)
        super().__init__(whole.model, whole.goal, certain=left.certain, closed=left.closed, reach=relaxed.bound)
        rows = [self.at_least(level)]
        for plan in plans:
            used = plan | ~np.isin(sites, sites[plan])
            signs = np.where(plan, 1.0, -1.0)
            rows.append(Row(np.flatnonzero(used), signs[used], float(np.count_nonzero(plan) - differ)))
        self._matrix, self._most = self._with(rows)


def rivals(
    model: Model, best: Bools, *, within: float, differ: int, most: int, sites: Ints, time_limit_s: float = 120.0
) -> Rivals:
    """List plans within a tolerance of the best that differ from it, and from each other, in so many sites.

    Each is the best of all plans that keep the distance from the best plan and from those listed before it; of equals
    the one that `solve` would take. A site that changes its offer differs. Goals that come first are held within the
    tolerance of what the best plan reaches.

    Parameters
    ----------
    model
        The problem.
    best
        Its best plan; shape (choices,).
    within
        Share of the objective of the best plan that may be lost; 0 or more, below 1.
    differ
        Sites that must differ; 1 lists every plan within the tolerance.
    most
        Plans to list.
    sites
        Number of the site that each choice belongs to; shape (choices,).
    time_limit_s
        Seconds after which the list ends.

    Raises
    ------
    InputError
        If an argument is out of range, the model has a capacity, or the rules let a site open two of its choices.
    """
    _check(model, within=within, differ=differ, most=most, sites=sites)
    clock = Clock(time_limit_s)
    for goal in model.first:
        model = model.holding(goal, goal.reached(model.best(best)) * (1.0 - within))
    highest = model.objective(best)
    level = highest * (1.0 - within)
    nothing = np.zeros(model.choices, bool)
    whole = Program(model, model.total, certain=nothing, closed=nothing, reach=highest)
    relaxed = whole.run(clock, whole=False)
    plans = [best]
    bound = relaxed.bound
    for share in _STEPS:
        step = highest - (highest - level) * share
        while len(plans) <= most:
            answer = _Apart(whole, relaxed, step, plans, sites, differ).run(clock)
            if answer.status == "infeasible":
                bound = min(bound, step)
                break
            bound = min(bound, answer.bound)
            found = plan_of(model, answer)
            if answer.status != "optimal" or found is None:
                status: Ended = "solver stopped" if answer.status == "optimal" else answer.status
                return _listed(model, plans, level, status, bound)
            equals = _Apart(whole, relaxed, model.objective(found), plans, sites, differ)
            other = plan_of(model, equals.run(clock, start=found, rival=True))
            plans.append(break_ties(equals, found, other, clock)[0])
    return _listed(model, plans, level, "complete" if len(plans) <= most else "most found", bound)


def _listed(model: Model, plans: list[Bools], level: float, status: Ended, bound: float) -> Rivals:
    """List the plans found after the best."""
    return Rivals(np.array(plans)[1:], np.array([model.objective(p) for p in plans[1:]]), level, status, bound)


def prices(model: Model, best: Solution, *, sites: Ints, time_limit_s: float = 120.0) -> tuple[Price, ...]:
    """Find the best plan with each site as each of its choices that may open, and with none of them.

    Parameters
    ----------
    model
        The problem.
    best
        Its best plan, from which each search begins.
    sites
        Number of the site that each choice belongs to, below 0 for a choice that is not asked about; shape (choices,).
    time_limit_s
        Seconds for all of them; what is not proven by then has its bound.

    Returns
    -------
    tuple of Price
        By site, then none of its choices, then each. Where the best plan is as asked, it stands itself.
    """
    clock = Clock(time_limit_s)
    found = []
    for s in np.unique(sites[sites >= 0]).tolist():
        own = np.flatnonzero(sites == s)
        for choice in (-1, *own[~model.rules.closed[own]].tolist()):
            as_asked = bool((best.opened[own] == (own == choice)).all())
            found.append(Price(s, choice, best) if as_asked else _price(model, best.opened, own, choice, clock, site=s))
    return tuple(found)


def _price(model: Model, best: Bools, own: Ints, choice: int, clock: Clock, *, site: int) -> Price:
    """Find the best plan that opens a choice, or none for -1, of a site's own."""
    rules = model.rules
    shut = rules.closed.copy()
    shut[own[own != choice]] = True
    required = rules.required if choice < 0 else (*rules.required, np.array([choice]))
    asked = replace(model, rules=replace(rules, closed=shut, required=required))
    start = _exchanged(asked, best, own, choice)
    if start is None:
        nothing = np.zeros(model.choices, bool)
        program = Program(asked, model.total, certain=nothing, closed=shut, reach=model.objective(~nothing))
        answer = program.run(clock, cost=np.ones(model.choices))
        start = plan_of(asked, answer)
        if start is None:
            return Price(site, choice, None, impossible=answer.status == "infeasible")
    return Price(site, choice, solve(asked, time_limit_s=clock.left_s(), start=start))


def _exchanged(asked: Model, best: Bools, own: Ints, choice: int) -> Bools | None:
    """Begin with the best plan, the site as asked, and at most one other choice shut in its place."""
    rules, plans = asked.rules, []
    trial = best.copy()
    trial[own] = own == choice
    for out in (None, *np.flatnonzero(trial & best).tolist()):
        plan = trial.copy()
        if out is not None:
            plan[out] = False
        if rules.links is not None:
            plan &= ~rules.hangs | (rules.links.open_parents(plan) > 0)
        if asked.feasible(plan):
            if out is None:
                return plan
            plans.append(plan)
    return max(plans, key=asked.objective, default=None)


def differing(one: Bools, other: Bools, sites: Ints) -> int:
    """Count the sites at which two plans differ."""
    return len(np.unique(sites[one != other]))


def _check(model: Model, *, within: float, differ: int, most: int, sites: Ints) -> None:
    faults = Faults()
    if not 0 <= within < 1:
        faults.add("within", f"is {within:g}", "give a share of 0 or more, below 1")
    if differ < 1:
        faults.add("differ", f"is {differ}", "give 1 or more")
    if most < 0:
        faults.add("most", f"is {most}", "give 0 or more")
    if model.capacity is not None:
        faults.add("capacity", "sites can be full, for which rivals are not listed", "leave the capacities out")
    usable = ~model.rules.closed
    for s in np.unique(sites).tolist():
        own = np.flatnonzero((sites == s) & usable)
        if len(own) > 1 and not any(np.isin(own, group).all() for group in model.rules.apart):
            faults.add(f"site {s}", "may open two of its choices at once", "put them in one group of `apart`")
    faults.raise_if_any()
