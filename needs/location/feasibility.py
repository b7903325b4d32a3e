"""Open the fewest choices that keep all rules, or name the rules that clash."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from needs.location.mending import infeasible_rules
from needs.location.program import Clock
from needs.location.rules import Bools, Floats, Rules

_NAMING_S = 60.0  # for the search of what would mend a clash
_TIGHTER = (0.0, 3e-6)  # of a limit: HiGHS may pass it by 1e-6


def least(rules: Rules) -> Bools:
    """Find a set with the fewest open choices that keeps to every rule; shape (choices,).

    Only what is required, and what that may hang on, need open.

    Raises
    ------
    InfeasibleError
        If there is none; it names what would mend it (`needs.location.mending`).
    """
    if not rules.required:
        return np.zeros(rules.choices, bool)
    for tighter in _TIGHTER:
        opened = _solved(rules, tighter)
        if opened is not None and rules.feasible(opened):
            return opened
    raise infeasible_rules(rules, Clock(_NAMING_S))


def _solved(rules: Rules, tighter: float) -> Bools | None:
    """Find the fewest choices that keep the rules; None if there are none."""
    wanted = np.zeros(rules.choices, bool)
    for group in rules.required:
        wanted[group] = True
    hanging = np.flatnonzero(wanted & rules.hangs)
    parents: list[Any] = [np.zeros(0, np.intp) if rules.links is None else rules.links.parents(int(j)) for j in hanging]
    for group in parents:
        wanted[group] = True
    used = np.flatnonzero(wanted)
    if not len(used):
        return np.zeros(rules.choices, bool) if all(len(group) for group in rules.required) else None
    rows: list[tuple[Any, Floats, float]] = []  # a sum is at least something
    rows += [(group, np.ones(len(group)), 1.0) for group in rules.required]
    rows += [
        (np.append(group, j), np.append(np.ones(len(group)), -1.0), 0.0)
        for j, group in zip(hanging, parents, strict=True)
    ]
    for limit in rules.limits:
        inside = used[limit.amounts[used] > 0]
        most = limit.most if limit.most > 0 else 1.0
        rows.append((inside, -limit.amounts[inside] / most, -(1.0 - tighter) if limit.most > 0 else 0.0))
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
