"""Say why no set of choices meets all constraints, and what would mend it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from needs.errors import Fault, InfeasibleError
from needs.location.model import Floor, Goal, Model
from needs.location.program import Clock, Program
from needs.location.rules import Limit

LINKS = "links"  # where a fault lies when nothing but the links to parents stands in the way
_FINE = 1e-6  # relative: a constraint that has to give way by less is not the clash


def infeasible(model: Model, clock: Clock) -> InfeasibleError:
    """Find every single constraint that, mended alone, would let a plan be made, and by how much.

    A limit is mended by the least that its amounts come to in any plan that meets the other constraints; a floor by
    the most that any such plan reaches. Where no one change suffices, the floors, then the limits, are told by what is
    the least or most without all others of their kind.
    """
    faults = _mends(model, clock)
    if not faults:
        bare = replace(model, floors=())
        faults = _mends(bare, clock)
        if not faults and _plan_exists(bare, clock):
            faults = [_floor_fault(f, _most(bare, f, clock), alone=True) for f in model.floors]
    if not faults:
        faults = [Fault("plan", "no set of sites meets all constraints at once", "allow more sites or keep fewer")]
    return InfeasibleError(faults)


def _mends(model: Model, clock: Clock) -> list[Fault]:
    faults = []
    for k, limit in enumerate(model.rules.limits):
        others = (*model.rules.limits[:k], *model.rules.limits[k + 1 :])
        needed = _least(replace(model, rules=replace(model.rules, limits=others)), limit, clock)
        if needed is not None and needed > limit.most * (1 + _FINE):
            faults.append(_limit_fault(limit, needed))
    if model.rules.links is not None and model.rules.hangs.any():
        nothing = np.zeros(model.choices, bool)
        if _plan_exists(replace(model, rules=replace(model.rules, hangs=nothing, links=None)), clock):
            what = "a plan could be made if an outreach site could hang on any hub, or on none"
            faults.append(Fault(LINKS, what, "let it hang on hubs that are further away"))
    for k, floor in enumerate(model.floors):
        reached = _most(replace(model, floors=(*model.floors[:k], *model.floors[k + 1 :])), floor, clock)
        if reached is not None and reached < floor.least * (1 - _FINE):
            faults.append(_floor_fault(floor, reached, alone=False))
    return faults


def _program(model: Model, goal: Goal) -> Program:
    nothing = np.zeros(model.choices, bool)
    return Program(model, goal, certain=nothing, closed=model.rules.closed, reach=goal.reached(model.best(~nothing)))


def _least(model: Model, limit: Limit, clock: Clock) -> float | None:
    """Least that a limit's amounts come to in any plan; None if there is none."""
    answer = _program(model, model.total).run(clock, cost=limit.amounts)
    return None if answer.x is None else float(limit.amounts @ (answer.x > 0.5))


def _most(model: Model, floor: Floor, clock: Clock) -> float | None:
    """Most of a floor's sum that any plan reaches; None if there is no plan."""
    goal = Goal(floor.amounts[:, None], floor.name)
    answer = _program(model, goal).run(clock)
    return None if answer.x is None else goal.reached(model.best(answer.x > 0.5))


def _plan_exists(model: Model, clock: Clock) -> bool:
    return _program(model, model.total).run(clock, cost=np.ones(model.choices)).x is not None


def _limit_fault(limit: Limit, needed: float) -> Fault:
    name = limit.name or "a limit"
    whole = float(limit.most).is_integer() and float(needed).is_integer()
    said, given = (f"{needed:,.0f}", f"{limit.most:,.0f}") if whole else (f"{needed:,.6g}", f"{limit.most:,.6g}")
    return Fault(name, f"the other constraints need {said}, but at most {given} may be", f"raise it to {said}")


def _floor_fault(floor: Floor, reached: float | None, *, alone: bool) -> Fault:
    most = 0.0 if reached is None else reached * floor.per_cent
    said = f"{np.floor(most * 1000) / 1000:.6g}"
    what = "even without the other floors" if alone else "with the other constraints as they are"
    return Fault(
        floor.name or "a floor",
        f"{what} no plan reaches more than {said} % of them, and {floor.least * floor.per_cent:.6g} % is asked for",
        f"ask for {said} % or less, or allow more sites or money",
    )
