"""Part the rules of a problem into caps, which a bound keeps exactly, and side rows, which it prices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.errors import InfeasibleError, fail
from needs.location.costs import Bools, Floats, Places, Starts
from needs.location.rules import Rules

_SLACK = 2e-9  # relative to a limit, or to 1: more than the rounding by which `Limit.met` lets it be passed


class Frame(NamedTuple):
    """Rules as caps on disjoint groups of choices, and side rows that the multipliers price.

    Attributes
    ----------
    fixed
        -1 for a choice that may not open, 1 for one that must, 0 for the others; shape (choices,).
    start, member
        Free choices of group g are member[start[g] : start[g + 1]].
    cap
        At most so many of a group open (infinite for the last group: choices without a cap).
    side_start, side_choice, side_value
        Side row k says that the sum of side_value y over its entries is at most side_most[k].
    side_most
        Shape (side rows,).
    """

    fixed: NDArray[np.int8]
    start: Starts
    member: Places
    cap: Floats
    side_start: Starts
    side_choice: Places
    side_value: Floats
    side_most: Floats


def frame(rules: Rules, forced: Bools | None = None) -> Frame:
    """Part rules into caps and side rows.

    A limit that counts choices (amounts of 0 and 1) is a cap, unless it shares a choice with a cap before it. All
    else is a side row, in this order: the other limits, `apart`, `required`, and one for each choice that hangs
    (ascending), which opens no further than its parents together.

    Raises
    ------
    InfeasibleError
        If more of a capped group must open than may.
    """
    fixed = np.where(rules.closed, -1, 0 if forced is None else np.where(forced, 1, 0)).astype(np.int8)
    group = np.full(rules.choices, -1)
    caps: list[float] = []
    sides: list[tuple[Places, Floats, float]] = []
    for limit in rules.limits:
        inside = np.flatnonzero(limit.amounts).astype(np.int32)
        most = limit.most + _SLACK * max(1.0, abs(limit.most))
        if (limit.amounts[inside] == 1).all() and (group[inside] < 0).all():
            musts = int(np.count_nonzero(fixed[inside] == 1))
            if musts > most:
                fail(
                    InfeasibleError,
                    limit.name or "limit",
                    f"{musts} must open and at most {limit.most:g} may",
                    "force fewer or allow more",
                )
            group[inside] = len(caps)
            caps.append(np.floor(most) - musts)
        elif len(inside):
            sides.append((inside, limit.amounts[inside].astype(float), most))
    sides += [(np.asarray(g, np.int32), np.ones(len(g)), 1.0) for g in rules.apart]
    sides += [(np.asarray(g, np.int32), -np.ones(len(g)), -1.0) for g in rules.required]
    if rules.links is not None:
        for j in np.flatnonzero(rules.hangs):
            parents = rules.links.parents(int(j))
            sides.append((np.append(np.int32(j), parents), np.append(1.0, -np.ones(len(parents))), 0.0))
    free = np.flatnonzero(fixed == 0)
    group[group < 0] = len(caps)
    order = free[np.argsort(group[free], kind="stable")].astype(np.int32)
    return Frame(
        fixed,
        np.searchsorted(group[order], np.arange(len(caps) + 2)).astype(np.int64),
        order,
        np.array([*caps, np.inf]),
        np.cumsum([0, *(len(s[0]) for s in sides)]).astype(np.int64),
        np.concatenate([np.zeros(0, np.int32), *(s[0] for s in sides)]),
        np.concatenate([np.zeros(0), *(s[1] for s in sides)]),
        np.array([s[2] for s in sides], np.float64),
    )
