"""Work on which columns cover which rows: drop the idle, cover greedily, bound, and search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Starts = NDArray[np.int64]
Places = NDArray[np.int32]

_PATIENCE = 20  # steps without a better bound, after which they are halved
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
    rows = len(first) - 1
    gain = np.diff(top)
    covered = np.zeros(rows, np.bool_)
    picked = np.zeros(len(gain), np.int32)
    count, left = 0, rows
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
def ascend(first: Starts, column: Places, top: Starts, row: Places, target: int, steps: int) -> tuple[Floats, float]:
    """Raise the Lagrangean bound of a covering problem by subgradient steps, towards a target.

    For prices u >= 0 of the rows no cover has fewer columns than sum of u + sum over columns of min(0, 1 - sum of
    the u of its rows).
    """
    rows, columns = len(first) - 1, len(top) - 1
    size = np.diff(top)
    price = np.zeros(rows)
    for i in range(rows):
        widest = 1
        for e in range(first[i], first[i + 1]):
            widest = max(widest, size[column[e]])
        price[i] = 1.0 / widest
    best, value, stride, stale = price.copy(), -np.inf, 1.0, 0
    short = np.empty(rows)
    for _ in range(steps):
        short[:] = 1.0
        bound = price.sum()
        for j in range(columns):
            reduced = 1.0
            for e in range(top[j], top[j + 1]):
                reduced -= price[row[e]]
            if reduced < 0:
                bound += reduced
                for e in range(top[j], top[j + 1]):
                    short[row[e]] -= 1.0
        stale += 1
        if bound > value:
            best[:], value, stale = price, bound, 0
        if value > target - 1 + 1e-3 or stride < _SHORTEST:
            break
        if stale == _PATIENCE:
            stride, stale = stride / 2, 0
            price[:] = best
            continue
        norm = 0.0
        for i in range(rows):
            if short[i] > 0 or price[i] > 0:
                norm += short[i] * short[i]
        if norm == 0:
            break
        step = stride * (target - bound) / norm
        for i in range(rows):
            price[i] = max(0.0, price[i] + step * short[i])
    return best, value


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

    Rows weigh one more each time that they are left uncovered. A column's stake is the weight of the rows that it
    alone covers, if it is open, or that it would cover, if not: the open one of least stake closes, and the one of
    greatest stake opens; of equals the one that has rested longest. What was closed opens again only after its
    stake has changed, and what was opened last does not close. It ends at `least` columns, or when it has looked at
    `patience` entries since it last found a better cover.
    """
    rows, columns = len(first) - 1, len(top) - 1
    weight = np.ones(rows, np.int64)
    stake = np.zeros(columns, np.int64)
    rested = np.zeros(columns, np.int64)
    free = np.ones(columns, np.bool_)
    times = np.zeros(rows, np.int32)  # how often a row is covered
    sole = np.zeros(rows, np.int64)  # sum of the open columns that cover it
    bare = np.empty(rows, np.int32)  # uncovered rows
    place = np.full(rows, -1, np.int32)
    members = np.flatnonzero(opened)
    best, inside, count = opened.copy(), opened.copy(), len(members)
    for j in members:
        for e in range(top[j], top[j + 1]):
            times[row[e]] += 1
            sole[row[e]] += j
    for i in range(rows):
        if times[i] == 1:
            stake[sole[i]] += 1
    naked, last, step, work = 0, -1, 0, 0.0
    while work < patience:
        step += 1
        swap = naked > 0
        if not swap:
            best[:], work = inside, 0.0
            if count <= least:
                break
        out = -1
        for k in range(count):
            j = members[k]
            if (j != last or count == 1) and (
                out < 0
                or stake[j] < stake[members[out]]
                or (stake[j] == stake[members[out]] and rested[j] < rested[members[out]])
            ):
                out = k
        work += count
        j = members[out]
        count -= 1
        members[out] = members[count]
        inside[j], free[j], rested[j] = False, False, step
        for e in range(top[j], top[j + 1]):
            i = row[e]
            times[i] -= 1
            sole[i] -= j
            if times[i] == 0:
                place[i], bare[naked] = naked, i
                naked += 1
                work += first[i + 1] - first[i]
                for f in range(first[i], first[i + 1]):
                    if column[f] != j:
                        stake[column[f]] += weight[i]
                        free[column[f]] = True
            elif times[i] == 1:
                stake[sole[i]] += weight[i]
        work += top[j + 1] - top[j]
        if not swap:
            continue
        i = bare[int(lots.random() * naked)]
        j = -1
        for f in range(first[i], first[i + 1]):
            k = column[f]
            if free[k] and (j < 0 or stake[k] > stake[j] or (stake[k] == stake[j] and rested[k] < rested[j])):
                j = k
        if j < 0:
            j = column[first[i] + int(lots.random() * (first[i + 1] - first[i]))]
        last = j
        members[count] = j
        count += 1
        inside[j], rested[j] = True, step
        for e in range(top[j], top[j + 1]):
            i = row[e]
            if times[i] == 0:
                naked -= 1
                bare[place[i]] = bare[naked]
                place[bare[naked]] = place[i]
                work += first[i + 1] - first[i]
                for f in range(first[i], first[i + 1]):
                    if column[f] != j:
                        stake[column[f]] -= weight[i]
                        free[column[f]] = True
            elif times[i] == 1:
                stake[sole[i]] -= weight[i]
            times[i] += 1
            sole[i] += j
        work += top[j + 1] - top[j]
        for k in range(naked):
            i = bare[k]
            weight[i] += 1
            for f in range(first[i], first[i + 1]):
                stake[column[f]] += 1
            work += first[i + 1] - first[i]
    return best
