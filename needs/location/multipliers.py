"""Carry multipliers from one version of a problem to the others, and bound them all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from needs.kernels import kernel
from needs.location.costs import Costs, Places, Starts
from needs.location.frame import Frame
from needs.location.model import Model
from needs.location.rules import Floats
from needs.location.saddle import Relaxed

_UNIT = 2.3e-16  # by which one addition errs, relative


@dataclass(frozen=True)
class Dual:
    """Multipliers in units that every version shares, so that those of one bound all the others.

    Attributes
    ----------
    rows
        Of each row, as a share of what it pays when nothing is open; shape (rows,).
    side
        Of each side row of `frame.frame`, per unit of what all rows pay when nothing is open.
    y, ratio
        Where the steps that found them stood, to go on from.
    """

    rows: Floats
    side: Floats
    y: Floats
    ratio: float


def as_costs(model: Model) -> tuple[Costs, float]:
    """State a model's weighted value by what is lost against the best of each row; and the worth of losing nothing.

    Of the rules all are kept, of floors and goals none: what more sets of choices reach is no less, so that a bound
    on the one bounds the other.
    """
    values = model.values
    first = np.minimum(values.start[:-1], max(0, len(values.value) - 1))
    listed = np.diff(values.start) > 0
    best = np.maximum(model.base, np.where(listed, values.value[first], 0.0) if len(values.value) else 0.0)
    weights = model.weights
    cost = weights[values.row] * (best[values.row] - values.value)
    outside = weights * (best - model.base)
    everything = Costs(values.choices, outside, values.start, values.choice, cost)
    return kept_below(everything, cost, outside), float(weights @ best)


def weighted(costs: Costs, weights: Floats) -> Costs:
    """Weigh rows; what a row without weight, or rounding, leaves no saving in is dropped."""
    return kept_below(costs, costs.cost * weights[costs.row], costs.outside * weights)


def kept_below(costs: Costs, cost: Floats, outside: Floats) -> Costs:
    """Keep the entries whose cost is below another outside cost."""
    used = cost < outside[costs.row]
    if used.all():
        return Costs(costs.choices, outside, costs.start, costs.choice, cost)
    start = np.concatenate([[0], np.cumsum(used)])[costs.start]
    return Costs(costs.choices, outside, start, costs.choice[used], cost[used])


def kept(relaxed: Relaxed, outside: Floats, unit: float) -> Dual:
    """Put a version's multipliers in shared units: what its rows and what all of them pay with nothing open."""
    rows = np.divide(relaxed.rows, outside, out=np.zeros(len(outside)), where=outside > 0)
    return Dual(rows, relaxed.side / max(unit, 1e-300), relaxed.y, relaxed.ratio / max(unit, 1e-300))


def resumed(dual: Dual, outside: Floats, unit: float) -> Relaxed:
    """Put shared multipliers in a version's units, to go on from."""
    rows = dual.rows * outside
    return Relaxed(-np.inf, rows, dual.side * unit, dual.y, np.inf, np.zeros(len(dual.y)), dual.ratio * unit, 0.0)


def bound_all(shape: Frame, rows: Floats, rewards: Floats, side: Floats, unit: Floats, terms: int) -> Floats:
    """Evaluate `saddle.relax`'s bound for many versions at once: sums of multipliers, less the best that caps allow.

    Parameters
    ----------
    shape
        The rules.
    rows
        Sum of the rows' multipliers in each version; shape (versions,).
    rewards
        What opening each choice saves against them; shape (choices, versions).
    side, unit
        Multipliers of side rows per unit, and the unit of each version, shape (versions,).
    terms
        How many multipliers were added up.
    """
    charges = np.zeros(len(rewards))
    np.add.at(charges, shape.side_choice, np.repeat(side, np.diff(shape.side_start)) * shape.side_value)
    net = rewards - charges[:, None] * unit
    picked = net[shape.fixed > 0].sum(axis=0)
    size = np.abs(net[shape.fixed > 0]).sum(axis=0)
    for g, cap in enumerate(shape.cap):
        worth = np.maximum(net[shape.member[shape.start[g] : shape.start[g + 1]]], 0.0)
        if cap < len(worth):
            left = len(worth) - int(cap)
            worth = np.partition(worth, left - 1, axis=0)[left:]
        best = worth.sum(axis=0)
        picked, size = picked + best, size + best
    priced = side @ shape.side_most if len(side) else 0.0
    size = size + unit * float(side @ (np.abs(shape.side_most) + np.diff(shape.side_start))) if len(side) else size
    error = _UNIT * (2.0 * terms + len(net) + len(side))
    bound: Floats = rows - picked - unit * priced - error * (rows + size)
    return bound


@kernel
def sums(weights: Floats, amounts: Floats) -> Floats:
    """Add up the amounts of rows by the weights of each version, in the order of the rows."""
    total = np.zeros(len(weights))
    for k in range(len(weights)):
        for i in range(len(amounts)):
            total[k] += weights[k, i] * amounts[i]
    return total


@kernel
def rewards_of(start: Starts, choice: Places, cost: Floats, rows: Floats, choices: int) -> Floats:
    """Add up what each choice saves against multipliers of the rows."""
    reward = np.zeros(choices)
    for i in range(len(rows)):
        for e in range(start[i], start[i + 1]):
            if cost[e] >= rows[i]:
                break
            reward[choice[e]] += rows[i] - cost[e]
    return reward
