"""Say why no set of choices meets all constraints, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from needs.errors import Fault, InfeasibleError, listed
from needs.location.model import Floor, Goal, Model
from needs.location.program import Clock, Program
from needs.location.rules import Bools, Ints, Limit, Rules, Wish
from needs.location.values import Values

_FEW = 50  # groups that are each tried alone
_FINE = 1e-6  # relative: a constraint that has to give way by less is not the clash


def infeasible(model: Model, clock: Clock) -> InfeasibleError:
    """Name the clash, and every single constraint that, mended alone, would let a plan be made, and by how much.

    One clash is one fault, however many ways there are to mend it. Where no one change suffices, those floors are told
    that no plan reaches without the others.
    """
    ways = mends(model, clock)
    if len(ways) == 1:
        return InfeasibleError(ways)
    if ways:
        where = "; ".join(dict.fromkeys(way.where for way in ways))
        fix = "; or ".join(f"{way.where}: {way.fix} ({way.what})" for way in ways)
        what = "no plan meets all constraints at once"
        return InfeasibleError([Fault(where, what, f"any one would mend it: {fix}", tuple(ways))])
    bare = replace(model, floors=())
    faults = []
    if model.floors and _plan_exists(bare, clock):
        faults = [_floor_fault(f, _most(bare, f, clock), alone=True) for f in model.floors]
    elif model.floors:
        faults = infeasible(bare, clock).faults
    return InfeasibleError(
        faults or [Fault("plan", "no set of sites meets all constraints at once", "allow more sites or keep fewer")]
    )


def infeasible_rules(rules: Rules, clock: Clock) -> InfeasibleError:
    """Name the clash of rules that no set of choices keeps, whatever they are worth."""
    none = np.zeros(0)
    return infeasible(Model(Values.dense(np.zeros((0, rules.choices))), none, none, rules), clock)


def mends(model: Model, clock: Clock) -> list[Fault]:
    """Find every single constraint that, mended alone, would let a plan be made.

    A limit is mended by the least that its amounts come to in any plan that meets the other constraints; a floor by
    the most that any such plan reaches; groups of which one must open, or at most one may, by those that must give
    way together, each of which would be needed.
    """
    rules = model.rules
    faults = []
    for k, limit in enumerate(rules.limits):
        others = (*rules.limits[:k], *rules.limits[k + 1 :])
        needed = _least(replace(model, rules=replace(rules, limits=others)), limit, clock)
        if needed is not None and needed > limit.most * (1 + _FINE):
            faults.append(_limit_fault(limit, needed))
    if rules.links is not None and rules.hangs.any():
        nothing = np.zeros(model.choices, bool)
        if _plan_exists(replace(model, rules=replace(rules, hangs=nothing, links=None)), clock):
            what = "a plan could be made if an outreach site could hang on any hub, or on none"
            faults.append(Fault(rules.links_why.where, what, rules.links_why.mend))
    required = list(rules.required_why) + [_asked(group) for group in rules.required[len(rules.required_why) :]]
    faults += _ways(required, rules.required, lambda n: n > 0, lambda left: _requiring(model, left), clock)
    faults += _ways(rules.apart_why, rules.apart, lambda n: n < 2, lambda left: _parting(model, left), clock)
    for k, floor in enumerate(model.floors):
        reached = _most(replace(model, floors=(*model.floors[:k], *model.floors[k + 1 :])), floor, clock)
        if reached is not None and reached < floor.least * (1 - _FINE):
            faults.append(_floor_fault(floor, reached, alone=False))
    return faults


def _requiring(model: Model, left: set[int]) -> Model:
    """Leave out some groups of which one must open."""
    kept = tuple(g for k, g in enumerate(model.rules.required) if k not in left)
    return replace(model, rules=replace(model.rules, required=kept))


def _parting(model: Model, left: set[int]) -> Model:
    """Leave out some groups of which at most one may open."""
    kept = tuple(g for k, g in enumerate(model.rules.apart) if k not in left)
    return replace(model, rules=replace(model.rules, apart=kept))


def _asked(group: Ints) -> Wish:
    return Wish("required", f"one of choices {listed([str(j) for j in group])} must open", "require it no longer")


def _ways(
    whys: Sequence[Wish | None],
    groups: Sequence[Ints],
    kept: Callable[[int], bool],
    without: Callable[[set[int]], Model],
    clock: Clock,
) -> list[Fault]:
    """Find each group that could give way alone; where none does, a set of groups that must all give way.

    Groups that are not in such a set may do as well in place of some that are; of many groups only those are tried
    alone that a plan without any of them does not keep. `kept` says by how many of its choices are open whether a
    group is kept.
    """
    named = {k: why for k, why in enumerate(whys) if why is not None}
    plan = _plan(without(set(named)), clock) if named else None
    if plan is None:
        return []
    broken = [k for k in named if not kept(int(plan[groups[k]].sum()))]
    tried = list(named) if len(named) <= _FEW else broken
    alone = [named[k] for k in tried if _plan_exists(without({k}), clock)]
    if alone:
        ways = list(dict.fromkeys((why.where, why.mend) for why in alone))
        said = [[why.what for why in alone if (why.where, why.mend) == way] for way in ways]
        return [
            Fault(where, " or ".join(dict.fromkeys(what)), mend) for (where, mend), what in zip(ways, said, strict=True)
        ]
    left = set(broken)
    for k in broken:
        if _plan_exists(without(left - {k}), clock):
            left -= {k}
    whats, wheres, fixes = (
        list(dict.fromkeys(getattr(named[k], part) for k in sorted(left))) for part in ("what", "where", "mend")
    )
    return [Fault("; ".join(wheres), " and ".join(whats), " and ".join(fixes))]


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


def _plan(model: Model, clock: Clock) -> Bools | None:
    """Find a plan with few open choices; None if there is none."""
    answer = _program(model, model.total).run(clock, cost=np.ones(model.choices))
    return None if answer.x is None else answer.x > 0.5


def _plan_exists(model: Model, clock: Clock) -> bool:
    return _plan(model, clock) is not None


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
