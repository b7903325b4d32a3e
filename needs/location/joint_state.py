"""Lay out costs, rules and open choices for the search, with what each choice would gain and lose."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.location.costs import Bools, Costs, Floats, Starts, Unsigned
from needs.location.rules import Links, Rules

Counts = NDArray[np.int64]
Place = int | np.integer[Any]

# Lists in Field: groups of which one may open, and required groups, of a choice; choices of a group; on which choices
# one may hang, and which may hang on it.
APART, NEED, MEMBER, PARENT, CHILD = np.arange(5)
LOSS, GAIN, EXTRA = range(3)  # in State.worth
PARENTS, HELD, ORDER, PLACE, ROOM = range(5)  # in State.known
OPEN, LOGGED, WORK = range(3)  # in State.tally
_LEAST = 1e-10  # of the sum of outside costs: a smaller gain is rounding
_SLACK = 5e-10  # relative, by which a limit may be passed: half of what `Limit` allows


class Field(NamedTuple):
    """What the search does not change: costs by row and by choice, and the rules.

    Attributes
    ----------
    outside, choice_start, choice, cost
        As in `Costs`.
    row_start, row, row_cost
        As in `Columns`.
    amounts, most
        Of each limit; shape (limits, choices) and (limits,).
    share
        Of a limit that a choice takes, the greatest; shape (choices,).
    closed, hangs
        As in `Rules`.
    list_start, listed
        Lists of kind k of choice (or group) j are listed[list_start[k, j] : list_start[k, j + 1]], ascending.
    least
        A gain that counts.
    """

    outside: Floats
    choice_start: Starts
    choice: Unsigned
    cost: Floats
    row_start: Starts
    row: Unsigned
    row_cost: Floats
    amounts: Floats
    most: Floats
    share: Floats
    closed: Bools
    hangs: Bools
    list_start: Starts
    listed: Counts
    least: float


class State(NamedTuple):
    """Open choices, and what is known about them.

    The two cheapest open choices of each row give what closing a choice would lose and opening one would gain
    (Resende and Werneck 2007); both are kept up to date with every change.

    Attributes
    ----------
    opened
        Shape (choices,).
    near
        Cheapest open choice of each row, and the second; -1 is the outside; shape (2, rows).
    due
        What each row pays to them; shape (2, rows).
    worth
        LOSS if an open choice closed, GAIN if a choice opened; EXTRA is room for `_try`; shape (3, choices).
    known
        Open PARENTS of a choice; open choices HELD, which hang on it alone; the open choices in ORDER, and the PLACE
        of each there; ROOM for `_try` and `shake`; shape (5, choices).
    met
        Open choices of each group; shape (groups,).
    sums
        Amounts of each limit that are used; last, what all rows pay; shape (limits + 1,).
    log
        Choices in the order in which they changed.
    tally
        Choices that are OPEN, changes LOGGED, entries looked at (WORK).
    """

    opened: Bools
    near: Counts
    due: Floats
    worth: Floats
    known: Counts
    met: Counts
    sums: Floats
    log: Counts
    tally: Counts


def field_of(costs: Costs, rules: Rules) -> Field:
    """Lay out costs and rules for the search."""
    n, groups = rules.choices, (*rules.apart, *rules.required)
    amounts = np.array([limit.amounts for limit in rules.limits], np.float64).reshape(len(rules.limits), n)
    most = np.array([limit.most for limit in rules.limits], np.float64)
    share = np.divide(amounts, most[:, None], out=np.zeros_like(amounts), where=most[:, None] > 0)
    size = [len(group) for group in groups]
    group = np.repeat(np.arange(len(groups)), size)
    member = np.concatenate([*groups, np.zeros(0, np.intp)])
    apart = group < len(rules.apart)
    links = rules.links if rules.links is not None else Links(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
    child, parent = np.repeat(np.arange(n), np.diff(links.start)), links.parent
    kinds = [
        (member[apart], group[apart]),
        (member[~apart], group[~apart]),
        (group, member),
        (child, parent),
        (parent, child),
    ]
    starts, lists, before = [], [], 0
    for of, listed in kinds:
        count = np.bincount(of, minlength=max(n, len(groups)))
        starts.append(before + np.concatenate([[0], np.cumsum(count)]))
        lists.append(listed[np.lexsort((listed, of))])
        before += len(listed)
    columns = costs.columns
    return Field(
        costs.outside, costs.start, costs.table.choice, costs.cost, columns.start, columns.row, columns.cost,
        amounts, most * (1 + _SLACK), np.maximum(share.max(axis=0, initial=0.0), 1e-9), rules.closed, rules.hangs,
        np.array(starts, np.int64), np.concatenate(lists).astype(np.int64), _LEAST * float(costs.outside.sum()),
    )  # fmt: skip


def state_of(field: Field, opened: Bools) -> State:
    """Start from open choices that keep to every rule."""
    rows, n, groups = len(field.outside), len(opened), int(field.list_start.shape[1])
    state = State(
        opened.copy(), np.empty((2, rows), np.int64), np.empty((2, rows)), np.zeros((3, n)), np.zeros((5, n), np.int64),
        np.zeros(groups, np.int64), np.zeros(len(field.most) + 1), np.empty(16 * n + 64, np.int64),
        np.zeros(3, np.int64),
    )  # fmt: skip
    recount(field, state)
    return state


@kernel
def recount(f: Field, s: State) -> None:  # noqa: C901  one pass, kept whole
    """Work out all that is known about the open choices anew, free of the rounding of many changes."""
    s.worth[:] = 0.0
    s.sums[:] = 0.0
    s.known[:] = 0
    s.met[:] = 0
    s.tally[:WORK] = 0
    for i in range(len(f.outside)):
        s.near[:, i] = -1
        s.due[:, i] = f.outside[i]
        found = 0
        for e in range(f.choice_start[i], f.choice_start[i + 1]):
            if s.opened[f.choice[e]]:
                s.near[found, i], s.due[found, i] = f.choice[e], f.cost[e]
                found += 1
                if found == 2:
                    break
        if found > 0:
            s.worth[LOSS, s.near[0, i]] += s.due[1, i] - s.due[0, i]
        for e in range(f.choice_start[i], f.choice_start[i + 1]):
            if f.cost[e] >= s.due[0, i]:
                break
            s.worth[GAIN, f.choice[e]] += s.due[0, i] - f.cost[e]
        s.sums[-1] += s.due[0, i]
    for j in range(len(s.opened)):
        if s.opened[j]:
            s.known[ORDER, s.tally[OPEN]], s.known[PLACE, j] = j, s.tally[OPEN]
            s.tally[OPEN] += 1
            for k in range(len(f.most)):
                s.sums[k] += f.amounts[k, j]
            for kind in (APART, NEED):
                for e in range(f.list_start[kind, j], f.list_start[kind, j + 1]):
                    s.met[f.listed[e]] += 1
            for e in range(f.list_start[CHILD, j], f.list_start[CHILD, j + 1]):
                s.known[PARENTS, f.listed[e]] += 1
    for j in range(len(s.opened)):
        for e in range(f.list_start[PARENT, j], f.list_start[PARENT, j + 1]):
            if s.opened[j] and s.opened[f.listed[e]] and s.known[PARENTS, j] == 1:
                s.known[HELD, f.listed[e]] += 1
    s.tally[WORK] += 2 * len(f.choice)
