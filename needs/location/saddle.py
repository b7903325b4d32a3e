"""Bound from below what rows pay, by multipliers on rows and on rules, and find the relaxed answer that meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from needs.location.ascent import (
    BEST,
    BOUND,
    FROM,
    NOW,
    RATIO,
    VALUE,
    WIDE,
    WORK,
    evaluate,
    heads,
    respond,
    run,
)
from needs.location.costs import Bools, Costs, Floats, Table
from needs.location.frame import Frame, frame
from needs.location.rules import Rules


@dataclass(frozen=True)
class Relaxed:
    """Multipliers, the bound that they prove, and an answer in which choices may open in part.

    Attributes
    ----------
    bound
        No whole set of choices that keeps the rules pays less.
    rows
        Multiplier of each row, 0 to its outside cost, that proves the bound; shape (rows,).
    side
        Multiplier of each side row, at least 0, in the order of `frame`.
    y
        How far each choice opens, 0 to 1, in the answer that pays least so far; shape (choices,).
    value
        What `y` pays: at least the least that any answer in part pays. Infinite if `y` misses a side row.
    rewards
        What opening each choice is worth at the multipliers, net of side rows; shape (choices,). The bound is the sum
        of `rows`, less the greatest sum of rewards that the caps allow, less what the side rows' limits are worth.
    ratio
        Of the steps in rows and in choices, to go on from.
    work
        Entries touched.
    """

    bound: float
    rows: Floats
    side: Floats
    y: Floats
    value: float
    rewards: Floats
    ratio: float
    work: float


def relax(
    costs: Costs,
    rules: Rules,
    *,
    forced: Bools | None = None,
    start: Relaxed | Floats | None = None,
    steps: int,
    target: float = np.inf,
    near: float = 0.0,
    progress: Callable[[float], None] = lambda _: None,
) -> Relaxed:
    """Raise the bound by primal-dual steps with restarts.

    For multipliers lambda of rows (0 to their outside cost) and mu >= 0 of side rows A y <= b,

        bound = sum lambda - mu b - max over y in the caps of sum_j (sum_i (lambda_i - cost_ij)+ - (A' mu)_j) y_j

    (Cornuejols, Fisher and Nemhauser 1977, Management Science 23; the steps are those of Chambolle and Pock 2011,
    doi:10.1007/s10851-010-0251-1, sized by row and by choice as in Pock and Chambolle 2011, from averages as in
    Applegate and others 2023, doi:10.1007/s10107-022-01901-9).

    Parameters
    ----------
    costs
        What rows pay; at least one choice.
    rules
        Which sets may be open.
    forced
        Choices that must open; shape (choices,).
    start
        What to go on from, of the same shapes; or only how far choices open, shape (choices,).
    steps
        To take at most; one touches each row's entries up to its multiplier.
    target
        Enough: stop when the bound reaches it.
    near
        Stop when the answer in part pays at most so much more than the bound, as a share of what the bound lacks to
        the target: no multipliers can reach it then.
    progress
        Told the bound from time to time.

    Returns
    -------
    Relaxed
        Its bound holds in floating point: what summation may err by is taken off it.

    Raises
    ------
    InfeasibleError
        If more of a capped group must open than may.
    """
    shape = frame(rules, forced)
    table, rows, sides = costs.table, costs.rows, len(shape.side_most)
    state = np.zeros((6, rows + sides + costs.choices))
    numbers = np.zeros(8)
    numbers[BOUND], numbers[VALUE], numbers[WIDE] = -np.inf, np.inf, np.inf
    _begin(table, shape, state, numbers, start)
    while not run(
        table, heads(table, state[NOW, :rows]), shape, state, numbers, float(steps), float(target), float(near)
    ):
        progress(float(numbers[BOUND]))
    best = state[BEST]
    bound, rewards = evaluate(table, shape, best[:rows], best[rows : rows + sides])
    return Relaxed(
        bound,
        best[:rows].copy(),
        best[rows : rows + sides].copy(),
        best[rows + sides :].copy(),
        float(numbers[VALUE]),
        rewards,
        float(numbers[RATIO]),
        float(numbers[WORK]),
    )


def bound_at(
    costs: Costs, rules: Rules, rows: Floats, side: Floats | None = None, *, forced: Bools | None = None
) -> tuple[float, Floats]:
    """Evaluate any multipliers, brought within their limits: the bound that they prove, and the net rewards.

    Parameters are as in `relax`; `side` is 0 where it is not given.
    """
    shape = frame(rules, forced)
    side = np.zeros(len(shape.side_most)) if side is None else np.maximum(side, 0.0)
    return evaluate(costs.table, shape, np.clip(rows, 0.0, costs.outside), side)


def _begin(table: Table, shape: Frame, state: Floats, numbers: Floats, start: Relaxed | Floats | None) -> None:
    """Set the first point: where one goes on, or the answer of the rows to choices that open in equal part."""
    rows, choices = len(table.outside), len(shape.fixed)
    now = state[NOW]
    y = now[-choices:] if choices else now[:0]
    if isinstance(start, Relaxed):
        now[:rows] = np.clip(start.rows, 0.0, table.outside)
        now[rows : len(now) - choices] = np.maximum(start.side, 0.0)
        y[:], numbers[RATIO] = start.y, start.ratio
    elif start is not None:
        y[:] = start
    else:
        for g, cap in enumerate(shape.cap):
            inside = shape.member[shape.start[g] : shape.start[g + 1]]
            y[inside] = min(1.0, cap / max(1, len(inside))) if np.isfinite(cap) else 0.5
    y[shape.fixed != 0] = shape.fixed[shape.fixed != 0] > 0
    if not isinstance(start, Relaxed):
        respond(table, y, now[:rows])
    if not numbers[RATIO]:
        size = max(float(np.linalg.norm(now[:rows])), 1e-300)
        numbers[RATIO] = size / max(float(np.linalg.norm(y)), 1e-9) / np.sqrt(max(1, rows) / max(1, choices))
    state[FROM] = now
