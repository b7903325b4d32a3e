"""Find good sets of so many open choices: add greedily, exchange one for another, shake and mend.

The kernels change the `opened` that they are given. Rows know their two cheapest open choices, and each open choice
what closing it would cost, so that the best exchange for a choice takes one look along its column (Whitaker 1983,
INFOR 21; sparse as in Resende and Werneck 2007, doi:10.1016/j.ejor.2005.05.053).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.location.costs import Bools, Columns, Floats, Places, Starts, Table

_ROUNDING = 1e-9  # of what is paid: smaller gains are not looked for
_EQUAL = 1e-12  # of what is paid: plans that differ by less are equal
_LOG = 4096  # exchanges between two shakes that can be undone
_KICKS = 3  # exchanges of a shake, at most
_LIST = 60  # cheapest choices of a row that a shake and the mending look at
_ROWS = 12  # rows about what changed whose choices are looked at


class Served(NamedTuple):
    """How rows are served: their two cheapest open choices (-1 for none) with costs, and what closing each costs."""

    first: Places
    second: Places
    least: Floats
    next: Floats
    loss: Floats
    extra: Floats
    seen: NDArray[np.int64]


@kernel
def _serve(table: Table, i: int, opened: Bools, served: Served) -> int:
    """Find the two cheapest open choices of a row; give how many entries that took."""
    served.first[i], served.second[i] = -1, -1
    served.least[i] = served.next[i] = table.outside[i]
    for e in range(table.start[i], table.start[i + 1]):
        if opened[table.choice[e]]:
            if served.first[i] < 0:
                served.first[i], served.least[i] = table.choice[e], table.cost[e]
            else:
                served.second[i], served.next[i] = table.choice[e], table.cost[e]
                return e + 1 - table.start[i]
    return table.start[i + 1] - table.start[i]


@kernel
def _served(table: Table, opened: Bools) -> Served:
    """Serve all rows."""
    rows, choices = len(table.outside), len(opened)
    served = Served(
        np.empty(rows, np.int32),
        np.empty(rows, np.int32),
        np.empty(rows),
        np.empty(rows),
        np.zeros(choices),
        np.zeros(choices),
        np.zeros(choices, np.int64),
    )
    for i in range(rows):
        _serve(table, i, opened, served)
        if served.first[i] >= 0:
            served.loss[served.first[i]] += served.next[i] - served.least[i]
    return served


@kernel
def _open(columns: Columns, j: int, opened: Bools, served: Served) -> float:
    """Open a choice; give by how much rows pay less."""
    opened[j] = True
    gain = 0.0
    for e in range(columns.start[j], columns.start[j + 1]):
        i, cost = columns.row[e], columns.cost[e]
        if cost < served.least[i]:
            if served.first[i] >= 0:
                served.loss[served.first[i]] -= served.next[i] - served.least[i]
            gain += served.least[i] - cost
            served.second[i], served.next[i] = served.first[i], served.least[i]
            served.first[i], served.least[i] = j, cost
            served.loss[j] += served.next[i] - cost
        elif cost < served.next[i]:
            served.loss[served.first[i]] -= served.next[i] - cost
            served.second[i], served.next[i] = j, cost
    return gain


@kernel
def _close(table: Table, columns: Columns, j: int, opened: Bools, served: Served) -> tuple[float, int]:
    """Close a choice; give by how much rows pay more, and how many entries that took."""
    opened[j] = False
    more, work = 0.0, 0
    for e in range(columns.start[j], columns.start[j + 1]):
        i = columns.row[e]
        if served.first[i] == j or served.second[i] == j:
            before = served.least[i]
            served.loss[served.first[i]] -= served.next[i] - before
            work += _serve(table, i, opened, served)
            if served.first[i] >= 0:
                served.loss[served.first[i]] += served.next[i] - served.least[i]
            more += served.least[i] - before
    served.loss[j] = 0.0
    return more, work + columns.start[j + 1] - columns.start[j]


@kernel
def _cheapest(served: Served, plan: Starts) -> int:
    """Find the open choice that costs least to close."""
    best = plan[0]
    for j in plan:
        if served.loss[j] < served.loss[best]:
            best = j
    return best


@kernel
def _rival(columns: Columns, j: int, cheapest: int, mark: int, served: Served) -> tuple[float, int]:
    """Find the open choice best exchanged for a closed one; give by how much rows pay more, and the choice.

    Closing choice a costs its loss, less `extra` where the new choice would serve rows that a serves.
    """
    gain, out, least = 0.0, cheapest, served.loss[cheapest]
    for e in range(columns.start[j], columns.start[j + 1]):
        i, cost = columns.row[e], columns.cost[e]
        if cost < served.next[i]:
            a = served.first[i]
            if cost < served.least[i]:
                gain += served.least[i] - cost
            if a >= 0:
                if served.seen[a] != mark:
                    served.seen[a], served.extra[a] = mark, served.loss[a]
                served.extra[a] -= served.next[i] - max(cost, served.least[i])
                if served.extra[a] < least:
                    least, out = served.extra[a], a
    return least - gain, out


@kernel
def add(table: Table, columns: Columns, opened: Bools, most: int) -> int:
    """Open, up to so many, the choice that gains most each time (lazily: Minoux 1978); give the entries touched.

    Of equal gains the first choice is opened; none is opened that gains nothing.
    """
    served = _served(table, opened)
    gains = np.full(len(opened), np.inf)
    fresh = np.full(len(opened), -1)
    count, work = opened.sum(), len(table.cost)
    # A heap of choices by gain, of equal gain by position; gains only fall, so that what is stale is looked at again.
    heap = [(-gains[j], j) for j in range(len(opened)) if not opened[j]]
    while count < most and len(heap):
        j = heap[0][1]
        if fresh[j] == count:
            if gains[j] <= 0.0:
                break
            _open(columns, j, opened, served)
            count += 1
            gains[j] = 0.0
        else:
            gains[j] = 0.0
            for e in range(columns.start[j], columns.start[j + 1]):
                gains[j] += max(0.0, served.least[columns.row[e]] - columns.cost[e])
            fresh[j] = count
        work += columns.start[j + 1] - columns.start[j]
        top = (-gains[j], j)
        if opened[j]:
            top = heap[-1]
            heap.pop()
            if not len(heap):
                break
        i = 0
        while 2 * i + 1 < len(heap):
            child = 2 * i + 1
            if child + 1 < len(heap) and heap[child + 1] < heap[child]:
                child += 1
            if top <= heap[child]:
                break
            heap[i] = heap[child]
            i = child
        heap[i] = top
    return work


@kernel
def exchange(table: Table, columns: Columns, opened: Bools, order: Starts, most: int) -> int:
    """Exchange one open choice for a closed one while rows pay less, in an order; give the entries touched.

    Stops when no exchange is left that gains, or after so many entries (`most`, about).
    """
    plan = np.flatnonzero(opened)
    work = len(table.outside)
    if not len(plan):
        return work
    served = _served(table, opened)
    enough = _ROUNDING * served.least.sum()
    cheapest, since, mark, k = _cheapest(served, plan), 0, 0, 0
    while since < len(order) and work < most:
        j = order[k]
        k = k + 1 if k + 1 < len(order) else 0
        since += 1
        if opened[j]:
            continue
        mark += 1
        more, out = _rival(columns, j, cheapest, mark, served)
        work += columns.start[j + 1] - columns.start[j]
        if more < -enough:
            _open(columns, j, opened, served)
            work += _close(table, columns, out, opened, served)[1]
            for a in range(len(plan)):
                if plan[a] == out:
                    plan[a] = j
            cheapest, since = _cheapest(served, plan), 0
    return work


@kernel
def tidy(table: Table, columns: Columns, opened: Bools) -> None:
    """Close what nobody misses, the last first; then exchange for an earlier choice wherever rows pay the same."""
    served = _served(table, opened)
    equal = _EQUAL * served.least.sum()
    for j in range(len(opened) - 1, -1, -1):
        if opened[j] and served.loss[j] <= equal:
            _close(table, columns, j, opened, served)
    mark, changed = 0, True
    while changed:
        changed = False
        for j in range(len(opened)):
            if opened[j]:
                continue
            mark += 1
            _rival(columns, j, j, mark, served)  # for the losses less extra
            gain = 0.0
            for e in range(columns.start[j], columns.start[j + 1]):
                gain += max(0.0, served.least[columns.row[e]] - columns.cost[e])
            for out in range(len(opened) - 1, j, -1):
                loss = served.extra[out] if served.seen[out] == mark else served.loss[out]
                if opened[out] and loss - gain <= equal:
                    _open(columns, j, opened, served)
                    _close(table, columns, out, opened, served)
                    changed = True
                    break


@kernel
def shake(table: Table, columns: Columns, opened: Bools, most: int, seed: int) -> tuple[int, int]:
    """Exchange a few choices near a badly served row by lot, mend about them, and undo what came out worse.

    Iterated local search; equal plans are taken, which lets it wander. Give the entries touched, at most so many or
    about, and how many shakes paid.
    """
    np.random.seed(seed)
    plan = np.flatnonzero(opened)
    rows = np.flatnonzero(table.start[1:] > table.start[:-1])
    if not len(plan) or len(plan) == len(opened) or not len(rows):
        return most, 0
    served = _served(table, opened)
    total = served.least.sum()
    enough = _ROUNDING * total
    place = np.full(len(opened), -1)
    for k in range(len(plan)):
        place[plan[k]] = k
    came, left = np.empty(_LOG, np.int64), np.empty(_LOG, np.int64)
    queue = np.empty(_ROWS * _LIST, np.int64)
    queued = np.zeros(len(opened), np.int64)
    work, mark, paid = 0, 0, 0
    while work < most:
        before, count = total, 0
        i = rows[np.random.randint(len(rows))]
        for _ in range(2):
            other = rows[np.random.randint(len(rows))]
            if served.least[other] > served.least[i]:
                i = other
        for _ in range(1 + np.random.randint(_KICKS)):
            j = table.choice[table.start[i] + np.random.randint(min(_LIST, table.start[i + 1] - table.start[i]))]
            if opened[j]:
                work += 1
                continue
            total -= _open(columns, j, opened, served)
            out = _victim(table, columns, j, plan, opened, served)
            more, touched = _close(table, columns, out, opened, served)
            total += more
            work += touched + len(plan) + columns.start[j + 1] - columns.start[j]
            place[j], place[out] = place[out], -1
            plan[place[j]] = j
            came[count], left[count] = j, out
            count += 1
            if columns.start[out + 1] > columns.start[out]:
                i = columns.row[columns.start[out] + np.random.randint(columns.start[out + 1] - columns.start[out])]
        improved = count > 0
        while improved and count < _LOG - 1:
            improved = False
            mark += 1
            size = _neighbours(table, columns, came[:count], left[:count], opened, queue, queued, mark)
            cheapest = _cheapest(served, plan)
            for q in range(size):
                j = queue[q]
                if opened[j] or count == _LOG:
                    continue
                mark += 1
                more, out = _rival(columns, j, cheapest, mark, served)
                work += columns.start[j + 1] - columns.start[j]
                if more < -enough:
                    total -= _open(columns, j, opened, served)
                    more, touched = _close(table, columns, out, opened, served)
                    total += more
                    work += touched + len(plan)
                    place[j], place[out] = place[out], -1
                    plan[place[j]] = j
                    came[count], left[count] = j, out
                    count += 1
                    cheapest, improved = _cheapest(served, plan), True
        if total > before + enough:
            for q in range(count - 1, -1, -1):
                j, out = came[q], left[q]
                place[out], place[j] = place[j], -1
                plan[place[out]] = out
                _open(columns, out, opened, served)
                work += _close(table, columns, j, opened, served)[1]
            total = before
        elif total < before - enough:
            paid += 1
    return work, paid


@kernel
def _victim(table: Table, columns: Columns, j: int, plan: Starts, opened: Bools, served: Served) -> int:
    """Choose what a shake closes for j: what costs least anywhere, or near a row of j's."""
    out = -1
    if np.random.random() < 0.5:
        for a in plan:
            if a != j and opened[a] and (out < 0 or served.loss[a] < served.loss[out]):
                out = a
        return out
    i = columns.row[columns.start[j] + np.random.randint(columns.start[j + 1] - columns.start[j])]
    for e in range(table.start[i], table.start[i + 1]):
        a = table.choice[e]
        if opened[a] and a != j and (out < 0 or served.loss[a] < served.loss[out]):
            out = a
    return out if out >= 0 else plan[np.random.randint(len(plan))]


@kernel
def _neighbours(
    table: Table,
    columns: Columns,
    came: Starts,
    left: Starts,
    opened: Bools,
    queue: Starts,
    queued: NDArray[np.int64],
    mark: int,
) -> int:
    """Queue closed choices of rows about what changed; give how many."""
    size = 0
    for _ in range(_ROWS):
        q = np.random.randint(len(came))
        f = came[q] if np.random.random() < 0.5 else left[q]
        if columns.start[f + 1] == columns.start[f]:
            continue
        i = columns.row[columns.start[f] + np.random.randint(columns.start[f + 1] - columns.start[f])]
        for e in range(table.start[i], min(table.start[i + 1], table.start[i] + _LIST)):
            a = table.choice[e]
            if queued[a] != mark and not opened[a]:
                queued[a] = mark
                queue[size] = a
                size += 1
    return size
