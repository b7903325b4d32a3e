"""Find a good plan quickly: round a relaxed answer, then swap while it helps."""

from __future__ import annotations

from dataclasses import dataclass

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
        Open choices, shape (choices,), that keep to the rules; None when the rounding found none.
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
    return opened if rules.feasible(opened) else None


def improve(model: Model, goal: Goal, opened: Bools) -> Bools:
    """Add a choice, or exchange one for another, while a goal rises; best exchange first.

    A plan that misses a floor is brought to the floors first, if exchanges can.

    Parameters
    ----------
    model
        The problem.
    goal
        What is to be greatest.
    opened
        Open choices that keep to the rules; shape (choices,).

    Returns
    -------
    numpy.ndarray
        Open choices, shape (choices,), that keep to the rules, and to the floors if any were found.
    """
    amounts = np.column_stack([goal.amounts, *(f.amounts / (f.least or 1.0) for f in model.floors)])
    live = amounts.any(axis=1)
    climb = _Climb(
        model, np.ascontiguousarray(model.values.table()[live]), model.base[live], np.ascontiguousarray(amounts[live])
    )
    groups = goal.amounts.shape[1]
    if not model.met(opened):
        opened = climb.up(opened, slice(groups, None), enough=1.0)
    return climb.up(opened, slice(0, groups), floors=slice(groups, None)) if model.met(opened) else opened


@dataclass(frozen=True)
class _Climb:
    """Rows that count in some sum, written out."""

    model: Model
    values: Floats
    base: Floats
    amounts: Floats

    def up(self, opened: Bools, sums: slice, *, floors: slice = slice(0), enough: float = np.inf) -> Bools:
        """Exchange while the least of some sums rises, or stays and their whole rises; floors stay reached."""
        best = np.maximum(self.base, self.values[:, opened].max(axis=1, initial=0.0))
        now = (self.amounts.T @ best)[sums]
        while now.min() < enough:
            after = _after(self.values, self.base, self.amounts, opened)
            least, whole = after[sums].min(axis=0), after[sums].sum(axis=0)
            higher = (least > now.min() * (1 + _LEAST)) | ((least >= now.min()) & (whole > now.sum() * (1 + _LEAST)))
            out, j = np.nonzero(higher & (after[floors] >= 1.0).all(axis=0) & ~opened)
            for k in np.lexsort((j, out, -whole[out, j], -least[out, j])):
                trial = opened.copy()
                trial[j[k]] = True
                if out[k] < len(opened):
                    trial[out[k]] = False
                if self.model.rules.feasible(trial):
                    opened, now = trial, after[sums, out[k], j[k]]
                    break
            else:
                return opened
        return opened


@kernel
def _after(  # noqa: C901  one pass, kept whole
    values: Floats, base: Floats, amounts: Floats, opened: Bools
) -> Floats:
    """Each sum of amount times best value after closing one choice and opening another, for every pair.

    Shape (sums, choices + 1, choices); the last row closes none. One pass over the rows, which know their best and
    second-best open choice (fast interchange: Whitaker 1983, INFOR 21). Rows for choices that are not open hold
    minus infinity.
    """
    count, sums = len(opened), amounts.shape[1]
    after = np.zeros((sums, count + 1, count))
    for i in range(len(values)):
        best, second, which = base[i], base[i], count
        for j in range(count):
            if opened[j]:
                if values[i, j] > best:
                    best, second, which = values[i, j], best, j
                elif values[i, j] > second:
                    second = values[i, j]
        for s in range(sums):
            amount = amounts[i, s]
            if amount == 0:
                continue
            for j in range(count):
                kept = amount * max(best, values[i, j])
                after[s, count, j] += kept
                if which < count:
                    after[s, which, j] += amount * max(second, values[i, j]) - kept
    for s in range(sums):
        for out in range(count):
            for j in range(count):
                after[s, out, j] = after[s, out, j] + after[s, count, j] if opened[out] else -np.inf
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
        if rules.feasible(left):
            left = improve(model, goal, left)
            if model.met(left) and goal.reached(model.best(left)) > total:
                opened, total = left, goal.reached(model.best(left))
    return opened
