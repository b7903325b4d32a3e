"""Bound from below what rows pay, by multipliers on rows and on rules, and find the relaxed answer that meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from needs.errors import InfeasibleError, fail
from needs.kernels import kernel
from needs.location.costs import Bools, Costs, Floats, Places, Starts, Table
from needs.location.rules import Rules

_SLACK = 2e-9  # relative to a limit: more than the rounding by which `Limit.met` lets it be passed
_EVERY = 16  # steps between two looks at the bound
_CHUNK = 30_000_000  # entries touched before Ctrl-C is heard: about a tenth of a second
_UNIT = 2.3e-16  # by which one addition errs, relative
_NOW, _BEST, _SUM, _FROM, _NEXT, _SIZE = range(6)  # rows of the state: points, and the sizes of steps
_RATIO, _BOUND, _VALUE, _WIDE, _LAST, _SINCE, _DONE, _WORK = range(8)  # numbers kept


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


@dataclass(frozen=True)
class Relaxed:
    """Multipliers, the bound that they prove, and an answer in which choices may open in part.

    Attributes
    ----------
    bound
        No whole set of choices that keeps the rules pays less.
    rows
        Multiplier of each row, 0 to its outside cost, that proves the bound; shape (rows,).
    side
        Multiplier of each side row, at least 0, in the order of `frame`.
    y
        How far each choice opens, 0 to 1, in the answer that pays least so far; shape (choices,).
    value
        What `y` pays: at least the least that any answer in part pays. Infinite if `y` misses a side row.
    rewards
        What opening each choice is worth at the multipliers, net of side rows; shape (choices,). The bound is the sum
        of `rows`, less the greatest sum of rewards that the caps allow, less what the side rows' limits are worth.
    ratio
        Of the steps in rows and in choices, to go on from.
    work
        Entries touched.
    """

    bound: float
    rows: Floats
    side: Floats
    y: Floats
    value: float
    rewards: Floats
    ratio: float
    work: float


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
        most = limit.most * (1 + _SLACK)
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


def relax(
    costs: Costs,
    rules: Rules,
    *,
    forced: Bools | None = None,
    start: Relaxed | Floats | None = None,
    steps: int,
    target: float = np.inf,
    near: float = 0.0,
    progress: Callable[[float], None] = lambda _: None,
) -> Relaxed:
    """Raise the bound by primal-dual steps with restarts.

    For multipliers lambda of rows (0 to their outside cost) and mu >= 0 of side rows A y <= b,

        bound = sum lambda - mu b - max over y in the caps of sum_j (sum_i (lambda_i - cost_ij)+ - (A' mu)_j) y_j

    (Cornuejols, Fisher and Nemhauser 1977, Management Science 23; the steps are those of Chambolle and Pock 2011,
    doi:10.1007/s10851-010-0251-1, sized by row and by choice as in Pock and Chambolle 2011, from averages as in
    Applegate and others 2023, doi:10.1007/s10107-022-01901-9).

    Parameters
    ----------
    costs
        What rows pay; at least one choice.
    rules
        Which sets may be open.
    forced
        Choices that must open; shape (choices,).
    start
        What to go on from, of the same shapes; or only how far choices open, shape (choices,).
    steps
        To take at most; one touches each row's entries up to its multiplier.
    target
        Enough: stop when the bound reaches it.
    near
        Stop when the answer in part pays at most so much more than the bound, as a share of what the bound lacks to
        the target: no multipliers can reach it then.
    progress
        Told the bound from time to time.

    Returns
    -------
    Relaxed
        Its bound holds in floating point: what summation may err by is taken off it.

    Raises
    ------
    InfeasibleError
        If more of a capped group must open than may.
    """
    shape = frame(rules, forced)
    table, rows, sides = costs.table, costs.rows, len(shape.side_most)
    state = np.zeros((6, rows + sides + costs.choices))
    numbers = np.zeros(8)
    numbers[_BOUND], numbers[_VALUE], numbers[_WIDE] = -np.inf, np.inf, np.inf
    _begin(table, shape, state, numbers, start)
    while not _run(table, shape, state, numbers, float(steps), float(target), float(near)):
        progress(float(numbers[_BOUND]))
    best = state[_BEST]
    bound, rewards = _evaluate(table, shape, best[:rows], best[rows : rows + sides])
    return Relaxed(
        bound,
        best[:rows].copy(),
        best[rows : rows + sides].copy(),
        best[rows + sides :].copy(),
        float(numbers[_VALUE]),
        rewards,
        float(numbers[_RATIO]),
        float(numbers[_WORK]),
    )


def bound_at(
    costs: Costs, rules: Rules, rows: Floats, side: Floats | None = None, *, forced: Bools | None = None
) -> tuple[float, Floats]:
    """Evaluate any multipliers, brought within their limits: the bound that they prove, and the net rewards.

    Parameters are as in `relax`; `side` is 0 where it is not given.
    """
    shape = frame(rules, forced)
    side = np.zeros(len(shape.side_most)) if side is None else np.maximum(side, 0.0)
    return _evaluate(costs.table, shape, np.clip(rows, 0.0, costs.outside), side)


def _begin(table: Table, shape: Frame, state: Floats, numbers: Floats, start: Relaxed | Floats | None) -> None:
    """Set the first point: where one goes on, or the answer of the rows to choices that open in equal part."""
    rows, choices = len(table.outside), len(shape.fixed)
    now = state[_NOW]
    y = now[-choices:] if choices else now[:0]
    if isinstance(start, Relaxed):
        now[:rows] = np.clip(start.rows, 0.0, table.outside)
        now[rows : len(now) - choices] = np.maximum(start.side, 0.0)
        y[:], numbers[_RATIO] = start.y, start.ratio
    elif start is not None:
        y[:] = start
    else:
        for g, cap in enumerate(shape.cap):
            inside = shape.member[shape.start[g] : shape.start[g + 1]]
            y[inside] = min(1.0, cap / max(1, len(inside))) if np.isfinite(cap) else 0.5
    y[shape.fixed != 0] = shape.fixed[shape.fixed != 0] > 0
    if not isinstance(start, Relaxed):
        _respond(table, y, now[:rows])
    if not numbers[_RATIO]:
        size = max(float(np.linalg.norm(now[:rows])), 1e-300)
        numbers[_RATIO] = size / max(float(np.linalg.norm(y)), 1e-9) / np.sqrt(max(1, rows) / max(1, choices))
    state[_FROM] = now


@kernel
def _respond(table: Table, y: Floats, rows: Floats) -> None:
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
def _step_rows(table: Table, y: Floats, rows: Floats, step: Floats, after: Floats, reward: Floats) -> int:
    """Move each multiplier to the best of lambda - sum y (lambda - cost)+ less its squared way; add up rewards."""
    start, choice, cost, outside = table
    reward[:] = 0.0
    work = len(outside)
    for i in range(len(outside)):
        first, last = start[i], start[i + 1]
        e, reach, low = first, 0.0, 0.0
        top = rows[i] + step[i]
        while e < last and cost[e] < top - step[i] * reach:
            low = cost[e]
            reach += y[choice[e]]
            e += 1
        here = min(max(top - step[i] * reach, low), outside[i])
        after[i] = here
        for k in range(first, e):
            reward[choice[k]] += here - cost[k]
        work += e - first
    return work


@kernel
def _reward(table: Table, rows: Floats, reward: Floats) -> None:
    """Add up what each choice saves against the multipliers."""
    start, choice, cost, outside = table
    reward[:] = 0.0
    for i in range(len(outside)):
        for e in range(start[i], start[i + 1]):
            if cost[e] >= rows[i]:
                break
            reward[choice[e]] += rows[i] - cost[e]


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
    total = -shape.side_most[k]
    for e in range(shape.side_start[k], shape.side_start[k + 1]):
        total += shape.side_value[e] * y[shape.side_choice[e]]
    return total


@kernel
def _project(shape: Frame, z: Floats, step: Floats, y: Floats) -> None:
    """Bring z back into the caps, by the least squared way over the steps: each group by a search for its price."""
    for j in range(len(y)):
        y[j] = min(max(z[j], 0.0), 1.0) if shape.fixed[j] == 0 else max(0.0, 1.0 * shape.fixed[j])
    for g in range(len(shape.cap)):
        inside = shape.member[shape.start[g] : shape.start[g + 1]]
        total, high = 0.0, 0.0
        for j in inside:
            total += y[j]
            high = max(high, z[j] / step[j])
        if total <= shape.cap[g]:
            continue
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
            if total > shape.cap[g]:
                low = price
            else:
                high = price
            if abs(total - shape.cap[g]) <= 1e-13 * (1.0 + shape.cap[g]) or high - low <= 1e-15 * high:
                break
            price = price + (total - shape.cap[g]) / slope if slope > 0.0 else low
            if not low < price < high:
                price = 0.5 * (low + high)
        for j in inside:
            y[j] = min(max(z[j] - step[j] * price, 0.0), 1.0)


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
    total = 0.0
    for k in range(count):
        total += worth[k]
    return total


@kernel
def _prove(shape: Frame, rows: Floats, side: Floats, net: Floats) -> float:
    """Work out the bound from net rewards, less what floating-point sums may err by."""
    total, picked, size = rows.sum(), 0.0, 0.0
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
def _evaluate(table: Table, shape: Frame, rows: Floats, side: Floats) -> tuple[float, Floats]:
    """Work out the bound of multipliers, and the net rewards."""
    net = np.empty(len(shape.fixed))
    _reward(table, rows, net)
    _net(shape, side, net)
    return _prove(shape, rows, side, net), net


@kernel
def _value(table: Table, y: Floats) -> float:
    """Add up what rows pay when each fills itself from the cheapest of what is open in part."""
    start, choice, cost, outside = table
    total = 0.0
    for i in range(len(outside)):
        left = 1.0
        for e in range(start[i], start[i + 1]):
            part = y[choice[e]]
            if part > 0.0:
                part = min(part, left)
                total += part * cost[e]
                left -= part
                if left <= 0.0:
                    break
        total += left * outside[i]
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
        while e < start[i + 1] and cost[e] < reach:
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
def _look(table: Table, shape: Frame, point: Floats, net: Floats, state: Floats, numbers: Floats) -> float:
    """Keep the bound and the value of a point where they are the best; give how far they lie apart."""
    n, m = len(table.outside), len(shape.fixed)
    k = len(point) - n - m
    side, y = point[n : n + k], point[n + k :]
    bound, value = _prove(shape, point[:n], side, net), _value(table, y)
    apart, kept = value - bound, True
    for s in range(k):
        over = _missed(shape, s, y)
        kept = kept and over <= 1e-9 * (1.0 + abs(shape.side_most[s]))
        apart += max(0.0, over) * 2.0 * side[s] + abs(over) * side[s]
    if bound > numbers[_BOUND]:
        numbers[_BOUND] = bound
        state[_BEST, : n + k] = point[: n + k]
    if kept and value < numbers[_VALUE] or not np.isfinite(numbers[_VALUE]):
        state[_BEST, n + k :] = y
        numbers[_VALUE] = value if kept else np.inf
    return apart


@kernel
def _ended(numbers: Floats, target: float, near: float) -> bool:
    """Say whether the bound is high enough, or can rise no further to any use."""
    lack = numbers[_VALUE] - numbers[_BOUND]
    if numbers[_BOUND] >= target:
        return True
    return np.isfinite(lack) and (
        lack <= 1e-9 * numbers[_VALUE] or (np.isfinite(target) and lack <= near * (target - numbers[_BOUND]))
    )


@kernel
def _run(
    table: Table, shape: Frame, state: Floats, numbers: Floats, steps: float, target: float, near: float
) -> bool:
    """Take steps, until Ctrl-C should be heard or nothing is left to do; say whether it is."""
    n, m = len(table.outside), len(shape.fixed)
    k = state.shape[1] - n - m
    now, after, total, size = state[_NOW], state[_NEXT], state[_SUM], state[_SIZE]
    net, new_net, z = np.empty(m), np.empty(m), np.empty(m)
    _reward(table, now[:n], net)
    _net(shape, now[n : n + k], net)
    if numbers[_DONE] == 0.0:
        _sizes(table, shape, now[:n], numbers[_RATIO], size, k)
        _look(table, shape, now, net, state, numbers)
    until = numbers[_WORK] + _CHUNK
    while not _ended(numbers, target, near) and numbers[_DONE] < steps:
        if numbers[_WORK] >= until:
            return False
        for _ in range(_EVERY):
            numbers[_WORK] += _step_rows(table, now[n + k :], now[:n], size[:n], after[:n], new_net)
            for s in range(k):
                after[n + s] = max(0.0, now[n + s] + size[n + s] * _missed(shape, s, now[n + k :]))
            _net(shape, after[n : n + k], new_net)
            for j in range(m):
                z[j] = now[n + k + j] + size[n + k + j] * (2.0 * new_net[j] - net[j])
            _project(shape, z, size[n + k :], after[n + k :])
            now[:], net[:] = after, new_net
            total += now
        numbers[_DONE] += _EVERY
        numbers[_SINCE] += _EVERY
        numbers[_WORK] += len(shape.side_value) * _EVERY
        _turn(table, shape, state, numbers, net)
    return True


@kernel
def _turn(table: Table, shape: Frame, state: Floats, numbers: Floats, net: Floats) -> None:
    """Look at where the steps stand and at their mean; restart from the better when it has come much nearer.

    The steps' ratio then turns towards the way that rows and choices went since the last restart.
    """
    n, m = len(table.outside), len(shape.fixed)
    k = state.shape[1] - n - m
    now, size = state[_NOW], state[_SIZE]
    mean, mean_net = state[_SUM] / numbers[_SINCE], np.empty(m)
    _reward(table, mean[:n], mean_net)
    _net(shape, mean[n : n + k], mean_net)
    apart = _look(table, shape, now, net, state, numbers)
    apart_mean = _look(table, shape, mean, mean_net, state, numbers)
    least, wide = min(apart, apart_mean), numbers[_WIDE]
    worse = least > numbers[_LAST] and least < 0.8 * wide
    numbers[_LAST] = least
    if not (least < 0.4 * wide or worse or numbers[_SINCE] >= 0.36 * numbers[_DONE] + 200):
        return
    if apart_mean < apart:
        now[:], net[:] = mean, mean_net
    way = (now - state[_FROM]) ** 2 / size
    far, near = way[: n + k].sum(), way[n + k :].sum()
    if far > 0.0 and near > 0.0:
        numbers[_RATIO] *= (far / near) ** 0.25
    _sizes(table, shape, now[:n], numbers[_RATIO], size, k)
    state[_FROM] = now
    state[_SUM] = 0.0
    numbers[_SINCE], numbers[_WIDE] = 0.0, least
