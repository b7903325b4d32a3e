"""Narrow a large model before it is solved exactly: a good plan, a bound, and the choices that neither leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from needs.location import joint
from needs.location.costs import Costs
from needs.location.model import Goal, Model
from needs.location.search import improve
from needs.location.values import Bools, Floats

FEW = 200  # choices: fewer are proven by the solver alone before a search would pay
SOLVABLE = 400_000  # entries that the solver is given at most: more it does not bring to an end
_EFFORT = 3e7  # entries that a search for a start may look at, about
_BURDENS = (1.0, 1.02, 1.1, 1.3)  # what a floor's multiplier is raised by, in turn, until plans reach the floors


@dataclass(frozen=True)
class Narrowed:
    """What is known of a plain sum before the solver.

    Attributes
    ----------
    best
        The best plan found; shape (choices,).
    bound
        No plan has more.
    closed, certain
        Choices that no better plan opens, and those that every better plan opens.
    status
        As of `joint.Found`.
    """

    best: Bools
    bound: float
    closed: Bools
    certain: Bools
    status: joint.Status


def suits(model: Model) -> bool:
    """Whether a search before the solver pays: choices are many, and opening one never spares what a limit counts."""
    return model.choices > FEW and all((limit.amounts >= 0).all() for limit in model.rules.limits)


def costs_of(model: Model, amounts: Floats) -> tuple[Costs, float]:
    """State the greatest sum of amount times best value as least costs.

    Returns
    -------
    costs : Costs
        A row pays what it lacks of the most that any choice would give it, times its amount.
    most : float
        The sum if every row had that: the sum of a plan is this less what the rows pay.
    """
    values = model.values
    first, filled = values.start[:-1], np.diff(values.start) > 0
    top = model.base.copy()
    top[filled] = np.maximum(top[filled], values.value[first[filled]])
    row, live = values.row, amounts[values.row] > 0
    row = row[live]
    cost = amounts[row] * (top[row] - np.maximum(values.value[live], model.base[row]))
    costs = Costs.of(row, values.choice[live], cost, amounts * (top - model.base), model.choices)
    return costs, float(amounts @ top)


def narrow(model: Model, goal: Goal, *, start: Bools | None, gap: float, time_limit_s: float) -> Narrowed:
    """Search for the greatest plain sum within the rules, and bound it.

    Floors are left aside: the bound holds with them too, the plan may miss them.
    """
    costs, most = costs_of(model, goal.amounts[:, 0])
    effort = _EFFORT if len(costs.cost) <= SOLVABLE else None
    found = joint.solve(costs, model.rules, start=start, gap=gap, effort=effort, time_limit_s=time_limit_s)
    closed, certain = model.rules.closed, np.zeros(model.choices, bool)
    if found.relaxed is not None:
        closed, certain = joint.reduced(costs, model.rules, found.relaxed, found.paid)
    return Narrowed(found.opened, most - found.bound, closed, certain, found.status)


def promising(model: Model, goal: Goal, prices: Floats) -> Bools | None:
    """Search for a plan that reaches the floors and is good for a goal of several groups, by what each is worth.

    Parameters
    ----------
    model, goal
        The problem.
    prices
        Multipliers of the goal's groups and of the floors, in this order, such as those of the relaxed programme.

    Returns
    -------
    numpy.ndarray or None
        Open choices; None if none was found that reaches the floors.
    """
    groups = goal.amounts.shape[1]
    floors = [floor.amounts for floor in model.floors]
    best: Bools | None = None
    for burden in _BURDENS if floors else _BURDENS[:1]:
        worth = prices * np.where(np.arange(len(prices)) < groups, 1.0, burden)
        costs, _ = costs_of(model, np.column_stack([goal.amounts, *floors]) @ worth)
        plan = improve(model, goal, joint.solve(costs, model.rules, effort=_EFFORT).opened)
        if model.met(plan) and (best is None or goal.reached(model.best(plan)) > goal.reached(model.best(best))):
            best = plan
    return best
