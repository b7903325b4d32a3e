"""Find a good plan quickly: round a relaxed answer, then swap while it helps."""

from __future__ import annotations

import numpy as np

from needs.kernels import kernel
from needs.location.model import Goal, Model
from needs.location.values import Bools, Floats
from needs.settings import SEED

_LEAST = 1e-12  # relative gain that counts as one
_SHAKES = 40  # tries to leave a plan that no exchange betters, fewer where values are many
_WORK = 5e7  # values looked at over all tries, about
_REACHED = 1e-9  # relative difference from the bound that ends the search


def round_up(model: Model, relaxed: Floats) -> Bools | None:
    """Open whole choices in the order of a relaxed answer.

    Parameters
    ----------
    model
        The problem.
    relaxed
        Share of each choice that is open; shape (choices,).

    Returns
    -------
    numpy.ndarray or None
        Open choices, shape (choices,), that meet every constraint; None when the rounding found none.
    """
    needed = np.zeros(model.choices, bool)
    rules = model.rules
    for group in rules.required:
        needed[group[np.argmax(relaxed[group])]] = True
    opened = needed.copy()
    # What needs no parent goes first, so that parents are there for the rest.
    for j in np.lexsort((-relaxed, rules.hangs)):
        if relaxed[j] > 0 and not opened[j]:
            opened[j] = True
            opened[j] = rules.fits(opened) and (
                rules.links is None or not rules.hangs[j] or bool(opened[rules.links.parents(int(j))].any())
            )
    return opened if model.feasible(opened) else None


def improve(model: Model, goal: Goal, opened: Bools) -> Bools:
    """Add a choice, or exchange one for another, while a plain sum rises; best exchange first."""
    if goal.amounts.shape[1] > 1 or not model.feasible(opened):
        return opened
    opened = opened.copy()
    weights = goal.amounts[:, 0]
    live = weights > 0
    values, base, weights = np.ascontiguousarray(model.values.table()[live]), model.base[live], weights[live]
    total = float(weights @ model.best(opened)[live])
    while True:
        after = _after(values, base, weights, opened)
        moves = [
            (-float(after[out, j]), int(out), int(j))
            for out, j in np.argwhere(after > total * (1 + _LEAST))
            if not opened[j]
        ]
        for gain, out, j in sorted(moves):
            trial = opened.copy()
            trial[j] = True
            if out < len(opened):
                trial[out] = False
            if model.feasible(trial):
                opened, total = trial, -gain
                break
        else:
            return opened


@kernel
def _after(values: Floats, base: Floats, weights: Floats, opened: Bools) -> Floats:
    """Weighted value after closing one choice (the last row: none) and opening another, for every pair.

    One pass over the rows, which know their best and second-best open choice (fast interchange: Whitaker 1983, INFOR
    21). Rows for choices that are not open hold nothing of use.
    """
    count = len(opened)
    after = np.zeros((count + 1, count))
    for i in range(len(values)):
        best, second, which = base[i], base[i], count
        for j in range(count):
            if opened[j]:
                if values[i, j] > best:
                    best, second, which = values[i, j], best, j
                elif values[i, j] > second:
                    second = values[i, j]
        for j in range(count):
            kept = weights[i] * max(best, values[i, j])
            after[count, j] += kept
            if which < count:
                after[which, j] += weights[i] * max(second, values[i, j]) - kept
    for out in range(count):
        for j in range(count):
            after[out, j] = after[out, j] + after[count, j] if opened[out] else -np.inf
    return after


def shake(model: Model, goal: Goal, opened: Bools, *, bound: float) -> Bools:
    """Close two or three choices by seeded lot, and what hung on them; improve; keep what is better.

    Parameters
    ----------
    model
        The problem.
    opened
        A plan that meets every constraint; shape (choices,).
    bound
        Weighted value that no plan exceeds: reaching it ends the search.
    """
    lots = np.random.default_rng(SEED)
    rules = model.rules
    total = goal.reached(model.best(opened))
    for _ in range(min(_SHAKES, int(_WORK / max(1, model.values.rows * model.choices)))):
        if total >= bound * (1 - _REACHED):
            break
        left = opened.copy()
        left[lots.permutation(np.flatnonzero(opened))[: lots.integers(2, 4)]] = False
        if rules.links is not None:
            left &= ~rules.hangs | (rules.links.open_parents(left) > 0)
        if model.feasible(left):
            left = improve(model, goal, left)
            if goal.reached(model.best(left)) > total:
                opened, total = left, goal.reached(model.best(left))
    return opened
