"""Find a good plan quickly: round a relaxed answer, then swap while it helps."""

from __future__ import annotations

import numpy as np

from needs.settings import SEED
from needs.siting.model import Bools, Floats, Model

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
    for group in model.required:
        needed[group[np.argmax(relaxed[group])]] = True
    opened = needed.copy()
    # What needs no parent goes first, so that parents are there for the rest.
    for j in np.lexsort((-relaxed, model.hangs)):
        if relaxed[j] > 0 and not opened[j]:
            opened[j] = True
            opened[j] = model.fits(opened) and (
                model.parents is None or not model.hangs[j] or bool((model.parents[j] & opened).any())
            )
    return opened if model.feasible(opened) else None


def improve(model: Model, opened: Bools) -> Bools:
    """Add a choice, or exchange one for another, while the weighted value rises; best exchange first."""
    opened = opened.copy()
    weights = model.weights
    live = weights > 0
    values, base, weights = model.values[live], model.base[live], weights[live]
    total = float(weights @ model.best(opened)[live])
    while True:
        moves: list[tuple[float, int, int]] = []
        for out in [-1, *np.flatnonzero(opened).tolist()]:
            rest = opened.copy()
            if out >= 0:
                rest[out] = False
            without = np.maximum(base, values[:, rest].max(axis=1, initial=0.0))
            after = weights @ without + weights @ np.maximum(values - without[:, None], 0.0)
            better = np.flatnonzero((after > total * (1 + _LEAST)) & ~opened)
            moves += [(-float(after[j]), out, int(j)) for j in better]
        for gain, out, j in sorted(moves):
            trial = opened.copy()
            trial[j] = True
            if out >= 0:
                trial[out] = False
            if model.feasible(trial):
                opened, total = trial, -gain
                break
        else:
            return opened


def shake(model: Model, opened: Bools, *, bound: float) -> Bools:
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
    total = model.objective(opened)
    for _ in range(min(_SHAKES, int(_WORK / max(1, model.values.size)))):
        if total >= bound * (1 - _REACHED):
            break
        left = opened.copy()
        left[lots.permutation(np.flatnonzero(opened))[: lots.integers(2, 4)]] = False
        if model.parents is not None:
            left &= ~model.hangs | (model.parents @ left)
        if model.feasible(left):
            left = improve(model, left)
            if model.objective(left) > total:
                opened, total = left, model.objective(left)
    return opened
