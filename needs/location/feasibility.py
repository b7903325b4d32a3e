"""Open the fewest choices that keep all rules, or name the rules that clash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from needs.errors import InfeasibleError, fail, listed
from needs.location.rules import Bools, Floats, Rules

_TIGHTER = (0.0, 3e-6)  # of a limit: HiGHS may pass it by 1e-6


def least(rules: Rules) -> Bools:
    """Find a set with the fewest open choices that keeps to every rule; shape (choices,).

    Only what is required, and what that may hang on, need open.

    Raises
    ------
    InfeasibleError
        If there is none; it names rules that clash, none of which could be left out.
    """
    if not rules.required:
        return np.zeros(rules.choices, bool)
    whole = (range(len(rules.limits)), True, range(len(rules.required)))
    for tighter in _TIGHTER:
        opened = _solved(rules, *whole, tighter)
        if opened is not None and rules.feasible(opened):
            return opened
    fail(InfeasibleError, "rules", f"no plan keeps them all: {_clash(rules)}", "raise a limit or require less")


def _clash(rules: Rules) -> str:
    """Leave out rules one by one while what is left still clashes, and say what is left."""
    limits, apart, required = list(range(len(rules.limits))), True, list(range(len(rules.required)))
    for k in range(len(rules.limits)):
        fewer = [i for i in limits if i != k]
        limits = fewer if _solved(rules, fewer, apart, required) is None else limits
    if _solved(rules, limits, False, required) is None:
        apart = False
    for k in range(len(rules.required)):
        fewer = [i for i in required if i != k]
        required = fewer if _solved(rules, limits, apart, fewer) is None else required
    said = [f"limit {rules.limits[k].name or k} allows {rules.limits[k].most:g}" for k in limits]
    said += ["choices that stand apart may not open together"] if apart else []
    for k in required:
        group = rules.required[k]
        shut = " and none of them may open" if rules.closed[group].all() else ""
        said.append(f"one of choices {listed([str(j) for j in group])} must open{shut}")
    return "; ".join(said)


def _solved(
    rules: Rules, limits: Sequence[int], apart: bool, required: Sequence[int], tighter: float = 0.0
) -> Bools | None:
    """Find the fewest choices that keep some of the rules, those of parents always; None if there are none."""
    groups = [rules.required[k] for k in required]
    wanted = np.zeros(rules.choices, bool)
    for group in groups:
        wanted[group] = True
    hanging = np.flatnonzero(wanted & rules.hangs)
    parents: list[Any] = [np.zeros(0, np.intp) if rules.links is None else rules.links.parents(int(j)) for j in hanging]
    for group in parents:
        wanted[group] = True
    used = np.flatnonzero(wanted)
    if not len(used):
        return np.zeros(rules.choices, bool) if all(len(group) for group in groups) else None
    rows: list[tuple[Any, Floats, float]] = []  # a sum is at least something
    rows += [(group, np.ones(len(group)), 1.0) for group in groups]
    rows += [
        (np.append(group, j), np.append(np.ones(len(group)), -1.0), 0.0)
        for j, group in zip(hanging, parents, strict=True)
    ]
    for k in limits:
        limit = rules.limits[k]
        inside = used[limit.amounts[used] > 0]
        most = limit.most if limit.most > 0 else 1.0
        rows.append((inside, -limit.amounts[inside] / most, -(1.0 - tighter) if limit.most > 0 else 0.0))
    if apart:
        met = [group[wanted[group]] for group in rules.apart]
        rows += [(group, -np.ones(len(group)), -1.0) for group in met if len(group) > 1]
    place = np.zeros(rules.choices, np.intp)
    place[used] = np.arange(len(used))
    of = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    matrix = csr_matrix(
        (np.concatenate([row[1] for row in rows]), (of, place[np.concatenate([row[0] for row in rows])])),
        shape=(len(rows), len(used)),
    )
    answer = milp(
        np.ones(len(used)),
        integrality=np.ones(len(used), np.int8),
        bounds=Bounds(0.0, np.where(rules.closed[used], 0.0, 1.0)),
        constraints=LinearConstraint(matrix, lb=np.array([row[2] for row in rows])),
    )
    if answer.x is None:
        return None
    opened = np.zeros(rules.choices, bool)
    opened[used] = answer.x > 0.5
    return opened
