"""Work on which columns cover which rows: drop the idle, cover greedily, bound, and search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Starts = NDArray[np.int64]
Counts = NDArray[np.int64]
Places = NDArray[np.int32]

_PATIENCE = 20  # steps without a better bound, after which they are halved
_CLEAR = 1e-3  # by how much a bound is to pass a whole number
_SHORTEST = 1e-4  # of the first step: where the bound has settled


@kernel
def idle(first: Starts, item: Places, begin: Starts, holder: Places, wider: bool) -> Bools:
    """Mark each set that holds another (`wider`), or that another holds; of equal sets all but the first.

    Set s has the items item[first[s] : first[s + 1]], ascending; holder and begin say which sets have each item.
    """
    sets = len(first) - 1
    idle = np.zeros(sets, np.bool_)
    for a in range(sets):
        size = first[a + 1] - first[a]
        if size == 0:
            idle[a] = True
            continue
        rarest = item[first[a]]
        for e in range(first[a], first[a + 1]):
            if begin[item[e] + 1] - begin[item[e]] < begin[rarest + 1] - begin[rarest]:
                rarest = item[e]
        for h in range(begin[rarest], begin[rarest + 1]):
            b = holder[h]
            held = first[b + 1] - first[b]
            if b == a or idle[b] or idle[a] or held < size or (held == size and (b < a) == wider):
                continue
            low = first[b]
            for e in range(first[a], first[a + 1]):
                high = first[b + 1]
                while low < high:
                    middle = (low + high) // 2
                    if item[middle] < item[e]:
                        low = middle + 1
                    else:
                        high = middle
                if low == first[b + 1] or item[low] != item[e]:
                    break
            else:
                idle[b if wider else a] = True
    return idle


@kernel
def greedy(first: Starts, column: Places, top: Starts, row: Places) -> Places:
    """Open the column that covers most rows not yet covered, of equals the first, until all are covered."""
    gain = np.diff(top)
    left = len(first) - 1
    covered = np.zeros(left, np.bool_)
    picked = np.zeros(len(gain), np.int32)
    count = 0
    while left > 0:
        j = np.argmax(gain)
        picked[count] = j
        count += 1
        for e in range(top[j], top[j + 1]):
            i = row[e]
            if not covered[i]:
                covered[i] = True
                left -= 1
                for f in range(first[i], first[i + 1]):
                    gain[column[f]] -= 1
    return picked[:count]


@kernel
def _evenly(first: Starts, column: Places, top: Starts) -> Floats:
    """Price each row at one over the rows of its widest column: no column's rows then cost more than 1."""
    price = np.zeros(len(first) - 1)
    for i in range(len(price)):
        widest = 1
        for e in range(first[i], first[i + 1]):
            j = column[e]
            widest = max(widest, top[j + 1] - top[j])
        price[i] = 1.0 / widest
    return price


@kernel
def _relaxed(price: Floats, top: Starts, row: Places, short: Floats) -> float:
    """Give the bound at a price of each row, and how much each row falls short of being covered."""
    short[:] = 1.0
    bound = float(price.sum())
    for j in range(len(top) - 1):
        reduced = 1.0
        for e in range(top[j], top[j + 1]):
            reduced -= price[row[e]]
        if reduced < 0:
            bound += reduced
            for e in range(top[j], top[j + 1]):
                short[row[e]] -= 1.0
    return bound


@kernel
def ascend(first: Starts, column: Places, top: Starts, row: Places, target: float, steps: int) -> tuple[Floats, float]:
    """Raise the Lagrangean bound of a covering problem by subgradient steps, until it is above `target` - 1.

    For prices u >= 0 of the rows no cover has fewer columns than the sum of u and, over the columns, of min(0, 1 -
    sum of the u of its rows).

    Returns
    -------
    numpy.ndarray, float
        Prices, shape (rows,), and their bound.
    """
    price = _evenly(first, column, top)
    short = np.empty(len(price))
    best, value, stride, stale = price.copy(), -np.inf, 1.0, 0
    for _ in range(steps):
        bound = _relaxed(price, top, row, short)
        stale += 1
        if bound > value:
            best[:], value, stale = price, bound, 0
        norm = np.sum(short[(short > 0) | (price > 0)] ** 2)
        if value > target - 1 + _CLEAR or stride < _SHORTEST or norm == 0:
            break
        if stale == _PATIENCE:
            stride, stale = stride / 2, 0
            price[:] = best
        else:
            price = np.maximum(0.0, price + stride * (target - bound) / norm * short)
    return best, value


class _State(NamedTuple):
    """Where a search stands.

    A column's stake is the weight of the rows that it alone covers, if it is open, or that it would cover, if not.
    """

    weight: Counts  # of each row
    stake: Counts  # of each column
    rested: Counts  # when each column last moved
    free: Bools  # whether a column may open: its stake has changed since it closed
    times: Counts  # open columns that cover each row
    sole: Counts  # and their sum, which names it if it is one
    bare: Places  # uncovered rows, and anything after them
    place: Places  # where each uncovered row stands among these


@kernel
def _tell(first: Starts, column: Places, i: int, but: int, change: int, state: _State) -> int:
    """Change the stakes of a row's columns but one; gives the entries looked at."""
    for f in range(first[i], first[i + 1]):
        k = column[f]
        if k != but:
            state.stake[k] += change
            state.free[k] = True
    return int(first[i + 1] - first[i])


@kernel
def _open(
    first: Starts, column: Places, top: Starts, row: Places, j: int, naked: int, state: _State
) -> tuple[int, int]:
    """Open a column; gives how many rows are then uncovered, and the entries looked at."""
    work = top[j + 1] - top[j]
    for e in range(top[j], top[j + 1]):
        i = row[e]
        if state.times[i] == 0:
            naked -= 1
            end, here = state.bare[naked], state.place[i]
            state.bare[here], state.place[end] = end, here
            work += _tell(first, column, i, j, -state.weight[i], state)
        elif state.times[i] == 1:
            state.stake[state.sole[i]] -= state.weight[i]
        state.times[i] += 1
        state.sole[i] += j
    return naked, work


@kernel
def _close(
    first: Starts, column: Places, top: Starts, row: Places, j: int, naked: int, state: _State
) -> tuple[int, int]:
    """Close a column; gives the same."""
    work = top[j + 1] - top[j]
    state.free[j] = False
    for e in range(top[j], top[j + 1]):
        i = row[e]
        state.times[i] -= 1
        state.sole[i] -= j
        if state.times[i] == 0:
            state.place[i], state.bare[naked] = naked, i
            naked += 1
            work += _tell(first, column, i, j, state.weight[i], state)
        elif state.times[i] == 1:
            state.stake[state.sole[i]] += state.weight[i]
    return naked, work


@kernel
def _next_out(members: Places, count: int, state: _State, last: int) -> int:
    """Say which open column has the least stake, of equals that which came first; not the last that came."""
    out, least = -1, (0, 0)
    for k in range(count):
        j = members[k]
        rank = (state.stake[j], state.rested[j])
        if (out < 0 or rank < least) and (j != last or count == 1):
            out, least = k, rank
    return out


@kernel
def _next_in(columns: Places, state: _State) -> int:
    """Find the column of greatest stake, of equals that which went first; one that may not open comes last."""
    found, least = -1, (False, 0, 0)
    for k in columns:
        rank = (not state.free[k], -state.stake[k], state.rested[k])
        if found < 0 or rank < least:
            found, least = k, rank
    return found


@kernel
def search(
    first: Starts,
    column: Places,
    top: Starts,
    row: Places,
    opened: Bools,
    least: int,
    lots: np.random.Generator,
    patience: float,
) -> Bools:
    """Close a column whenever all rows are covered; else exchange one, for one that covers a row drawn by lot.

    The open column of least stake closes and that of greatest stake opens. Rows weigh one more each time that they
    are left uncovered. It ends at `least` columns, or when it has looked at `patience` entries since it last found a
    better cover.
    """
    rows, columns = len(first) - 1, len(top) - 1
    every = np.arange(rows).astype(np.int32)
    state = _State(
        np.ones(rows, np.int64),
        np.diff(top),
        np.zeros(columns, np.int64),
        np.ones(columns, np.bool_),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int64),
        every,
        every.copy(),
    )
    members = np.flatnonzero(opened).astype(np.int32)
    best, count, naked, last, step, work = opened.copy(), len(members), rows, -1, 0, 0
    for j in members:
        naked, _ = _open(first, column, top, row, int(j), naked, state)
    while work < patience:
        step += 1
        complete = naked == 0
        if complete:
            best[:] = False
            best[members[:count]] = True
            work = 0
            if count <= least:
                break
        out = _next_out(members, count, state, last)
        j = members[out]
        naked, seen = _close(first, column, top, row, j, naked, state)
        work += seen + count
        count -= 1
        members[out] = members[count]
        state.rested[j] = step
        if complete:
            continue
        i = state.bare[int(lots.random() * naked)]
        last = _next_in(column[first[i] : first[i + 1]], state)
        naked, seen = _open(first, column, top, row, last, naked, state)
        work += seen
        members[count] = last
        count += 1
        state.rested[last] = step
        for i in state.bare[:naked]:
            state.weight[i] += 1
            work += _tell(first, column, i, -1, 1, state)
    return best
