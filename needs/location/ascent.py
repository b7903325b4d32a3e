"""Step towards the saddle point of multipliers and choices open in part: the kernels of the bound."""

from __future__ import annotations

import numpy as np

from needs.kernels import kernel
from needs.location.costs import Floats, Places, Starts, Table, Unsigned
from needs.location.frame import Frame

_EVERY = 16  # steps between two looks at the bound
_CHUNK = 100_000_000  # entries touched before Ctrl-C is heard: about a second
_HEAD = 1.5  # of its multiplier: how far a row is copied into near memory
_CLOSE = 5e-10  # of its value: an answer in part that lies no further from the bound ends the steps
_UNIT = 2.3e-16  # by which one addition errs, relative
NOW, BEST, SUM, FROM, NEXT, SIZE = range(6)  # rows of the state: points, and the sizes of steps
RATIO, BOUND, VALUE, WIDE, LAST, SINCE, DONE, WORK = range(8)  # numbers kept


@kernel
def respond(table: Table, y: Floats, rows: Floats) -> None:
    """Find the multipliers that answer y best: where what is open below them adds up to 1."""
    start, choice, cost, outside = table
    for i in range(len(outside)):
        rows[i] = outside[i]
        reach = 0.0
        for e in range(start[i], start[i + 1]):
            reach += y[choice[e]]
            if reach >= 1.0:
                rows[i] = cost[e]
                break


@kernel
def heads(table: Table, rows: Floats) -> Table:
    """Copy the entries of each row up to somewhat beyond its multiplier, which steps touch over and over."""
    start, choice, cost, outside = table
    ends = np.empty(len(outside) + 1, np.int64)
    ends[0] = 0
    for i in range(len(outside)):
        e = start[i]
        while e < start[i + 1] and cost[e] <= _HEAD * rows[i]:
            e += 1
        ends[i + 1] = ends[i] + e - start[i]
    if ends[-1] > 0.7 * len(choice):
        return table
    head_choice, head_cost = np.empty(ends[-1], np.uint32), np.empty(ends[-1])
    for i in range(len(outside)):
        size = ends[i + 1] - ends[i]
        for k in range(size):
            head_choice[ends[i] + k] = choice[start[i] + k]
            head_cost[ends[i] + k] = cost[start[i] + k]
    return Table(ends, head_choice, head_cost, outside)


@kernel
def _walk(
    table: Table, first: int, last: int, top: float, step: float, y: Floats, reach: float, low: float
) -> tuple[int, float, float]:
    """Go along a row while the multiplier that answers what is open so far lies beyond the next entry."""
    e = first
    while e < last and table.cost[e] < top - step * reach:
        low = table.cost[e]
        reach += y[table.choice[e]]
        e += 1
    return e, reach, low


@kernel
def _open_before(choice: Unsigned, first: int, end: int, y: Floats) -> float:
    """Add up how far some entries' choices open, in four sums that need not wait for one another."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    even = first + (end - first) // 4 * 4
    for e in range(first, even, 4):
        a += y[choice[e]]
        b += y[choice[e + 1]]
        c += y[choice[e + 2]]
        d += y[choice[e + 3]]
    for e in range(even, end):
        a += y[choice[e]]
    return (a + b) + (c + d)


@kernel
def _step_rows(
    table: Table, head: Table, y: Floats, rows: Floats, step: Floats, ends: Starts, after: Floats, reward: Floats
) -> int:
    """Move each multiplier to the best of lambda - sum y (lambda - cost)+ less its squared way; add up rewards.

    `ends` says after how many entries of its head each row stopped last, which is where it looks first.
    """
    reward[:] = 0.0
    work = len(rows)
    for i in range(len(rows)):
        top = rows[i] + step[i]
        first, last = head.start[i], head.start[i + 1]
        beyond, end = table.start[i] + last - first, table.start[i + 1]
        e = first + ends[i]
        reach = _open_before(head.choice, first, e, y)
        while e > first and head.cost[e - 1] >= top - step[i] * (reach - y[head.choice[e - 1]]):
            e -= 1
            reach -= y[head.choice[e]]
        e, reach, low = _walk(head, e, last, top, step[i], y, reach, head.cost[e - 1] if e > first else 0.0)
        ends[i] = e - first
        rest = beyond
        if e == last and beyond < end:
            rest, reach, low = _walk(table, beyond, end, top, step[i], y, reach, low)
        here = min(max(top - step[i] * reach, low), table.outside[i])
        after[i] = here
        for k in range(first, e):
            reward[head.choice[k]] += here - head.cost[k]
        for k in range(beyond, rest):
            reward[table.choice[k]] += here - table.cost[k]
        work += e - first + rest - beyond
    return work


@kernel
def _save(entries: Table, first: int, last: int, top: float, reward: Floats) -> bool:
    """Add up what a row's choices save against its multiplier; say whether all of these entries save."""
    for e in range(first, last):
        if entries.cost[e] >= top:
            return False
        reward[entries.choice[e]] += top - entries.cost[e]
    return True


@kernel
def _reward(table: Table, head: Table, rows: Floats, reward: Floats) -> None:
    """Add up what each choice saves against the multipliers."""
    reward[:] = 0.0
    for i in range(len(rows)):
        first, last = head.start[i], head.start[i + 1]
        if _save(head, first, last, rows[i], reward):
            _save(table, table.start[i] + last - first, table.start[i + 1], rows[i], reward)


@kernel
def _net(shape: Frame, side: Floats, net: Floats) -> None:
    """Take off rewards what the side rows charge."""
    for k in range(len(side)):
        if side[k] > 0.0:
            for e in range(shape.side_start[k], shape.side_start[k + 1]):
                net[shape.side_choice[e]] -= side[k] * shape.side_value[e]


@kernel
def _missed(shape: Frame, k: int, y: Floats) -> float:
    """Say by how much y passes a side row."""
    total = -float(shape.side_most[k])
    for e in range(shape.side_start[k], shape.side_start[k + 1]):
        total += shape.side_value[e] * y[shape.side_choice[e]]
    return total


@kernel
def _project(shape: Frame, z: Floats, step: Floats, y: Floats) -> None:
    """Bring z back into the caps, by the least squared way over the steps."""
    for j in range(len(y)):
        y[j] = min(max(z[j], 0.0), 1.0) if shape.fixed[j] == 0 else max(0.0, 1.0 * shape.fixed[j])
    for g in range(len(shape.cap)):
        inside = shape.member[shape.start[g] : shape.start[g + 1]]
        total, high = 0.0, 0.0
        for j in inside:
            total += y[j]
            high = max(high, z[j] / step[j])
        if total > shape.cap[g]:
            price = _price(inside, shape.cap[g], z, step, high)
            for j in inside:
                y[j] = min(max(z[j] - step[j] * price, 0.0), 1.0)


@kernel
def _price(inside: Places, cap: float, z: Floats, step: Floats, high: float) -> float:
    """Find the price, 0 to `high`, at which a group fills its cap: Newton's steps within bisection."""
    low, price = 0.0, 0.0
    for _ in range(100):
        total, slope = 0.0, 0.0
        for j in inside:
            v = z[j] - step[j] * price
            if v >= 1.0:
                total += 1.0
            elif v > 0.0:
                total += v
                slope += step[j]
        if total > cap:
            low = price
        else:
            high = price
        if abs(total - cap) <= 1e-13 * (1.0 + cap) or high - low <= 1e-15 * high:
            break
        price = price + (total - cap) / slope if slope > 0.0 else low
        if not low < price < high:
            price = 0.5 * (low + high)
    return price


@kernel
def _greatest(worth: Floats, count: int) -> float:
    """Add up the greatest so many numbers, which it brings to the front (quickselect: Hoare 1961)."""
    low, high = 0, len(worth) - 1
    while low < high and low < count <= high:
        middle = worth[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while worth[i] > middle:
                i += 1
            while worth[j] < middle:
                j -= 1
            if i <= j:
                worth[i], worth[j] = worth[j], worth[i]
                i += 1
                j -= 1
        if count <= j:
            high = j
        elif count > i:
            low = i
        else:
            break
    return float(worth[:count].sum())


@kernel
def _prove(shape: Frame, rows: Floats, side: Floats, net: Floats) -> float:
    """Work out the bound from net rewards, less what floating-point sums may err by."""
    total, picked, size = float(rows.sum()), 0.0, 0.0
    for j in range(len(net)):
        if shape.fixed[j] > 0:
            picked += net[j]
            size += abs(net[j])
    for g in range(len(shape.cap)):
        inside = shape.member[shape.start[g] : shape.start[g + 1]]
        worth = np.empty(len(inside))
        for k in range(len(inside)):
            worth[k] = max(0.0, net[inside[k]])
        best = _greatest(worth, int(min(shape.cap[g], len(inside))))
        picked += best
        size += best
    for k in range(len(side)):
        picked += side[k] * shape.side_most[k]
        size += side[k] * (abs(shape.side_most[k]) + shape.side_start[k + 1] - shape.side_start[k])
    return total - picked - _UNIT * (2.0 * len(rows) + len(net) + len(side)) * (total + size)


@kernel
def evaluate(table: Table, shape: Frame, rows: Floats, side: Floats) -> tuple[float, Floats]:
    """Work out the bound of multipliers, and the net rewards."""
    net = np.empty(len(shape.fixed))
    _reward(table, table, rows, net)
    _net(shape, side, net)
    return _prove(shape, rows, side, net), net


@kernel
def _fill(table: Table, first: int, last: int, y: Floats, left: float) -> tuple[float, float]:
    """Fill what is left of a row from the cheapest of what is open in part; give what it pays, and what is left."""
    total = 0.0
    for e in range(first, last):
        part = y[table.choice[e]]
        total += part * table.cost[e]
        left -= part
        if left <= 0.0:
            return total + left * table.cost[e], 0.0
    return total, left


@kernel
def _value(table: Table, head: Table, y: Floats) -> float:
    """Add up what rows pay when choices open in part."""
    total = 0.0
    for i in range(len(table.outside)):
        first, last = head.start[i], head.start[i + 1]
        paid, left = _fill(head, first, last, y, 1.0)
        if left > 0.0:
            more, left = _fill(table, table.start[i] + last - first, table.start[i + 1], y, left)
            paid += more
        total += paid + left * table.outside[i]
    return total


@kernel
def _sizes(table: Table, shape: Frame, rows: Floats, ratio: float, steps: Floats, sides: int) -> None:
    """Size the steps by how many entries each row and choice has about its multiplier."""
    start, choice, cost, outside = table
    n, m = len(outside), len(shape.fixed)
    row_step, side_step, y_step = steps[:n], steps[n : n + sides], steps[n + sides :]
    y_step[:] = 0.0
    entries = 0
    for i in range(n):
        reach = min(outside[i], 1.25 * rows[i])
        e = start[i]
        while e < start[i + 1] and cost[e] <= reach:
            y_step[choice[e]] += 1.0
            e += 1
        row_step[i] = 0.95 * ratio / max(1, e - start[i])
        entries += e - start[i]
    if sides:
        values = np.abs(shape.side_value).sum()
        scale = max(1.0, entries / max(values, 1e-300))
        for k in range(sides):
            total = 1e-300
            for e in range(shape.side_start[k], shape.side_start[k + 1]):
                total += abs(shape.side_value[e])
                y_step[shape.side_choice[e]] += scale * abs(shape.side_value[e])
            side_step[k] = 0.95 * ratio * scale / total
    for j in range(m):
        y_step[j] = 0.95 / ratio / max(1.0, y_step[j])


@kernel
def _look(table: Table, head: Table, shape: Frame, point: Floats, net: Floats, state: Floats, numbers: Floats) -> float:
    """Keep the bound and the value of a point where they are the best; give how far they lie apart."""
    n, m = len(table.outside), len(shape.fixed)
    k = len(point) - n - m
    side, y = point[n : n + k], point[n + k :]
    bound, value = _prove(shape, point[:n], side, net), _value(table, head, y)
    apart, kept = value - bound, True
    for s in range(k):
        over = _missed(shape, s, y)
        kept = kept and over <= 1e-9 * (1.0 + abs(shape.side_most[s]))
        apart += max(0.0, over) * 2.0 * side[s] + abs(over) * side[s]
    if bound > numbers[BOUND]:
        numbers[BOUND] = bound
        state[BEST, : n + k] = point[: n + k]
    if (kept and value < numbers[VALUE]) or not np.isfinite(numbers[VALUE]):
        state[BEST, n + k :] = y
        numbers[VALUE] = value if kept else np.inf
    return apart


@kernel
def _ended(numbers: Floats, target: float, near: float) -> bool:
    """Say whether the bound is high enough, or can rise no further to any use."""
    lack = numbers[VALUE] - numbers[BOUND]
    if numbers[BOUND] >= target:
        return True
    close = lack <= _CLOSE * numbers[VALUE] or (np.isfinite(target) and lack <= near * (target - numbers[BOUND]))
    return bool(close and np.isfinite(lack))


@kernel
def run(
    table: Table,
    head: Table,
    shape: Frame,
    state: Floats,
    numbers: Floats,
    steps: float,
    target: float,
    near: float,
) -> bool:
    """Take steps, until Ctrl-C should be heard or nothing is left to do; say whether it is."""
    n, m = len(table.outside), len(shape.fixed)
    k = state.shape[1] - n - m
    now, after, total, size = state[NOW], state[NEXT], state[SUM], state[SIZE]
    net, new_net, z = np.empty(m), np.empty(m), np.empty(m)
    ends = np.zeros(n, np.int64)
    _reward(table, head, now[:n], net)
    _net(shape, now[n : n + k], net)
    if numbers[DONE] == 0.0:
        _sizes(table, shape, now[:n], numbers[RATIO], size, k)
        _look(table, head, shape, now, net, state, numbers)
    until = numbers[WORK] + _CHUNK
    while not _ended(numbers, target, near) and numbers[DONE] < steps:
        if numbers[WORK] >= until:
            return False
        for _ in range(_EVERY):
            numbers[WORK] += _step_rows(table, head, now[n + k :], now[:n], size[:n], ends, after[:n], new_net)
            for s in range(k):
                after[n + s] = max(0.0, now[n + s] + size[n + s] * _missed(shape, s, now[n + k :]))
            _net(shape, after[n : n + k], new_net)
            for j in range(m):
                z[j] = now[n + k + j] + size[n + k + j] * (2.0 * new_net[j] - net[j])
            _project(shape, z, size[n + k :], after[n + k :])
            now[:], net[:] = after, new_net
            total += now
        numbers[DONE] += _EVERY
        numbers[SINCE] += _EVERY
        numbers[WORK] += len(shape.side_value) * _EVERY
        _turn(table, head, shape, state, numbers, net)
    return True


@kernel
def _turn(table: Table, head: Table, shape: Frame, state: Floats, numbers: Floats, net: Floats) -> None:
    """Look at where the steps stand and at their mean; restart from the better when it has come much nearer.

    The steps' ratio then turns towards the way that rows and choices went since the last restart.
    """
    n, m = len(table.outside), len(shape.fixed)
    k = state.shape[1] - n - m
    now, size = state[NOW], state[SIZE]
    mean, mean_net = state[SUM] / numbers[SINCE], np.empty(m)
    _reward(table, head, mean[:n], mean_net)
    _net(shape, mean[n : n + k], mean_net)
    apart = _look(table, head, shape, now, net, state, numbers)
    apart_mean = _look(table, head, shape, mean, mean_net, state, numbers)
    least, wide = min(apart, apart_mean), numbers[WIDE]
    worse = least > numbers[LAST] and least < 0.8 * wide
    numbers[LAST] = least
    if not (least < 0.4 * wide or worse or numbers[SINCE] >= 0.36 * numbers[DONE] + 200):
        return
    if apart_mean < apart:
        now[:], net[:] = mean, mean_net
    way = (now - state[FROM]) ** 2 / size
    far, near = way[: n + k].sum(), way[n + k :].sum()
    if far > 0.0 and near > 0.0:
        numbers[RATIO] *= (far / near) ** 0.25
    _sizes(table, shape, now[:n], numbers[RATIO], size, k)
    state[FROM] = now
    state[SUM] = 0.0
    numbers[SINCE], numbers[WIDE] = 0.0, least
