"""Find good sets of so many open choices: add greedily, exchange one for another, shake and mend.

The kernels change the `opened` that they are given. Rows know their two cheapest open choices, and each open choice
what closing it would cost, so that the best exchange for a choice takes one look along its column (Whitaker 1983,
INFOR 21; sparse as in Resende and Werneck 2007).
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
# Shifts of the lots; unsigned like them.
_THIRTEEN, _SEVEN, _SEVENTEEN, _HALF = np.uint64(13), np.uint64(7), np.uint64(17), np.uint64(33)


class Served(NamedTuple):
    """What is open, the two cheapest open choices of each row (-1 for none) with costs, and what closing each costs."""

    opened: Bools
    first: Places
    second: Places
    least: Floats
    next: Floats
    loss: Floats
    extra: Floats
    seen: NDArray[np.int64]


class Plan(NamedTuple):
    """The open choices, where each stands among them (-1 for closed ones), and the exchanges since a shake."""

    open: Starts
    place: Starts
    came: Starts
    left: Starts
    made: Starts


@kernel
def _serve(table: Table, i: int, served: Served) -> int:
    """Find the two cheapest open choices of a row; give how many entries that took."""
    served.first[i], served.second[i] = -1, -1
    served.least[i] = served.next[i] = table.outside[i]
    for e in range(table.start[i], table.start[i + 1]):
        if served.opened[table.choice[e]]:
            if served.first[i] < 0:
                served.first[i], served.least[i] = table.choice[e], table.cost[e]
            else:
                served.second[i], served.next[i] = table.choice[e], table.cost[e]
                return int(e + 1 - table.start[i])
    return int(table.start[i + 1] - table.start[i])


@kernel
def _served(table: Table, opened: Bools) -> Served:
    """Serve all rows."""
    rows, choices = len(table.outside), len(opened)
    first, second, least, after = np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows), np.empty(rows)
    seen = np.zeros(choices, np.int64)
    served = Served(opened, first, second, least, after, np.zeros(choices), np.zeros(choices), seen)
    for i in range(rows):
        _serve(table, i, served)
        if served.first[i] >= 0:
            served.loss[served.first[i]] += served.next[i] - served.least[i]
    return served


@kernel
def _open(columns: Columns, j: int, served: Served) -> float:
    """Open a choice; give by how much rows pay less."""
    served.opened[j] = True
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
def _close(table: Table, columns: Columns, j: int, served: Served) -> tuple[float, int]:
    """Close a choice; give by how much rows pay more, and how many entries that took."""
    served.opened[j] = False
    more, work = 0.0, 0
    for e in range(columns.start[j], columns.start[j + 1]):
        i = columns.row[e]
        if served.first[i] == j or served.second[i] == j:
            before = served.least[i]
            served.loss[served.first[i]] -= served.next[i] - before
            work += _serve(table, i, served)
            if served.first[i] >= 0:
                served.loss[served.first[i]] += served.next[i] - served.least[i]
            more += served.least[i] - before
    served.loss[j] = 0.0
    return more, work + columns.start[j + 1] - columns.start[j]


@kernel
def _cheapest(served: Served, plan: Starts) -> int:
    """Find the open choice that costs least to close."""
    best = int(plan[0])
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
            _open(columns, j, served)
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
    plan = _planned(opened)
    work = len(table.outside)
    if not len(plan.open):
        return work
    served = _served(table, opened)
    enough = _ROUNDING * served.least.sum()
    cheapest, since, mark, k = _cheapest(served, plan.open), 0, 0, 0
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
            work += _swap(table, columns, j, out, plan, served)[1]
            cheapest, since = _cheapest(served, plan.open), 0
    return work


@kernel
def tidy(table: Table, columns: Columns, opened: Bools) -> None:
    """Close what nobody misses, the last first; then exchange for an earlier choice wherever rows pay the same."""
    served = _served(table, opened)
    equal = _EQUAL * served.least.sum()
    for j in range(len(opened) - 1, -1, -1):
        if opened[j] and served.loss[j] <= equal:
            _close(table, columns, j, served)
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
                    _open(columns, j, served)
                    _close(table, columns, out, served)
                    changed = True
                    break


@kernel
def shake(table: Table, columns: Columns, opened: Bools, most: int, seed: int) -> tuple[int, int]:
    """Exchange a few choices near a badly served row by lot, mend about them, and undo what came out worse.

    Iterated local search; equal plans are taken, which lets it wander. Give the entries touched, at most so many or
    about, and how many shakes paid.
    """
    rows = np.flatnonzero(table.start[1:] > table.start[:-1])
    plan = _planned(opened)
    if not len(plan.open) or len(plan.open) == len(opened) or not len(rows):
        return most, 0
    lots = np.array([seed], np.uint64)
    served = _served(table, opened)
    total = served.least.sum()
    enough = _ROUNDING * total
    queue, queued = np.empty(_ROWS * _LIST, np.int64), np.zeros(len(opened), np.int64)
    work, mark, paid = 0, 0, 0
    while work < most:
        plan.made[0] = 0
        more, touched = _kick(table, columns, rows, plan, served, lots)
        work += touched
        improved = plan.made[0] > 0
        while improved and plan.made[0] < _LOG:
            mark += 1
            size = _neighbours(table, columns, plan, served, queue, queued, mark, lots)
            less, mark, touched = _mend(table, columns, queue[:size], plan, served, mark, enough)
            improved = less < 0.0
            more += less
            work += touched + size
        if more > enough:
            for q in range(plan.made[0] - 1, -1, -1):
                work += _swap(table, columns, plan.left[q], plan.came[q], plan, served)[1]
            more = 0.0
        paid += more < -enough
    return work, paid


@kernel
def _planned(opened: Bools) -> Plan:
    """List the open choices."""
    came, left = np.empty(_LOG, np.int64), np.empty(_LOG, np.int64)
    plan = Plan(np.flatnonzero(opened), np.full(len(opened), -1), came, left, np.zeros(1, np.int64))
    for k in range(len(plan.open)):
        plan.place[plan.open[k]] = k
    return plan


@kernel
def _lot(lots: NDArray[np.uint64], below: int) -> int:
    """Draw a number from 0 and below another (xorshift: Marsaglia 2003)."""
    x = lots[0]
    x ^= x << _THIRTEEN
    x ^= x >> _SEVEN
    x ^= x << _SEVENTEEN
    lots[0] = x
    return int(x >> _HALF) % below


@kernel
def _swap(table: Table, columns: Columns, j: int, out: int, plan: Plan, served: Served) -> tuple[float, int]:
    """Exchange an open choice for a closed one; give by how much rows pay more, and the entries touched."""
    gain = _open(columns, j, served)
    more, work = _close(table, columns, out, served)
    plan.place[j], plan.place[out] = plan.place[out], -1
    plan.open[plan.place[j]] = j
    return more - gain, work + columns.start[j + 1] - columns.start[j]


@kernel
def _note(j: int, out: int, plan: Plan) -> None:
    """Write down an exchange, to be undone."""
    plan.came[plan.made[0]], plan.left[plan.made[0]] = j, out
    plan.made[0] += 1


@kernel
def _kick(
    table: Table, columns: Columns, rows: Starts, plan: Plan, served: Served, lots: NDArray[np.uint64]
) -> tuple[float, int]:
    """Exchange a few choices by lot: the first for the worst served of three rows, the next where one closed."""
    i = rows[_lot(lots, len(rows))]
    for _ in range(2):
        other = rows[_lot(lots, len(rows))]
        if served.least[other] > served.least[i]:
            i = other
    total, work = 0.0, 1
    for _ in range(1 + _lot(lots, _KICKS)):
        j = table.choice[table.start[i] + _lot(lots, min(_LIST, table.start[i + 1] - table.start[i]))]
        if served.opened[j]:
            continue
        out = _victim(table, columns, j, plan.open, served, lots)
        more, touched = _swap(table, columns, j, out, plan, served)
        _note(j, out, plan)
        total += more
        work += touched + len(plan.open)
        i = _row(columns, out, i, lots)
    return total, work


@kernel
def _row(columns: Columns, j: int, other: int, lots: NDArray[np.uint64]) -> int:
    """Draw a row of a choice; another row where it has none."""
    size = columns.start[j + 1] - columns.start[j]
    return columns.row[columns.start[j] + _lot(lots, size)] if size else other


@kernel
def _victim(table: Table, columns: Columns, j: int, plan: Starts, served: Served, lots: NDArray[np.uint64]) -> int:
    """Choose what a shake closes for j: what costs least anywhere, or near a row of j's."""
    if _lot(lots, 2):
        return _cheapest(served, plan)
    out = -1
    i = _row(columns, j, 0, lots)
    for e in range(table.start[i], table.start[i + 1]):
        a = table.choice[e]
        if served.opened[a] and (out < 0 or served.loss[a] < served.loss[out]):
            out = a
    return out if out >= 0 else plan[_lot(lots, len(plan))]


@kernel
def _neighbours(
    table: Table,
    columns: Columns,
    plan: Plan,
    served: Served,
    queue: Starts,
    queued: Starts,
    mark: int,
    lots: NDArray[np.uint64],
) -> int:
    """Queue closed choices of rows about what changed; give how many."""
    size = 0
    for _ in range(_ROWS):
        q = _lot(lots, plan.made[0])
        i = _row(columns, plan.came[q] if _lot(lots, 2) else plan.left[q], -1, lots)
        if i < 0:
            continue
        for e in range(table.start[i], min(table.start[i + 1], table.start[i] + _LIST)):
            a = table.choice[e]
            if queued[a] != mark and not served.opened[a]:
                queued[a] = mark
                queue[size] = a
                size += 1
    return size


@kernel
def _mend(
    table: Table, columns: Columns, queue: Starts, plan: Plan, served: Served, mark: int, enough: float
) -> tuple[float, int, int]:
    """Make the exchanges of some closed choices that gain; give what rows pay more, the mark and the work."""
    total, work = 0.0, 0
    cheapest = _cheapest(served, plan.open)
    for j in queue:
        if served.opened[j] or plan.made[0] == _LOG:
            continue
        mark += 1
        more, out = _rival(columns, j, cheapest, mark, served)
        work += columns.start[j + 1] - columns.start[j]
        if more < -enough:
            more, touched = _swap(table, columns, j, out, plan, served)
            _note(j, out, plan)
            total += more
            work += touched + len(plan.open)
            cheapest = _cheapest(served, plan.open)
    return total, mark, work
