"""Search for good sets of open choices under any rules: add, exchange, and shake what no exchange betters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from needs.kernels import kernel
from needs.location.costs import Floats
from needs.location.joint_state import (
    APART,
    CHILD,
    EXTRA,
    GAIN,
    HELD,
    LOGGED,
    LOSS,
    MEMBER,
    NEED,
    OPEN,
    ORDER,
    PARENT,
    PARENTS,
    PLACE,
    ROOM,
    WORK,
    Counts,
    Field,
    Place,
    State,
)

_SPOTS = 8  # rows near a change whose choices are tried, in one round
_ROUNDS = 6  # at most, after one kick
_KICK = 50  # entries that a kick counts for, beside those that it looks at
_LOOKS = 16  # rows looked at for a choice near another
# No choice. Of its type, and the kinds of lists, is every place: a kernel is compiled anew for each literal and type.
_NONE: Any = np.int64(-1)


@kernel
def _held(f: Field, s: State, j: Place, by: Place) -> None:
    """Count a choice that hangs on one open parent alone with that parent, or no longer."""
    for e in range(f.list_start[PARENT, j], f.list_start[PARENT, j + 1]):
        if s.opened[f.listed[e]]:
            s.known[HELD, f.listed[e]] += by
            return


@kernel
def _flip(f: Field, s: State, j: Place) -> None:  # noqa: C901  one loop over rows, kept whole
    """Close a choice if it is open, though others may hang on it; else open it."""
    opens = not s.opened[j]
    by = 1 if opens else -1
    s.log[s.tally[LOGGED]] = j
    s.tally[LOGGED] += 1
    if opens:
        s.known[ORDER, s.tally[OPEN]], s.known[PLACE, j] = j, s.tally[OPEN]
    else:
        last = s.known[ORDER, s.tally[OPEN] - 1]
        s.known[ORDER, s.known[PLACE, j]], s.known[PLACE, last] = last, s.known[PLACE, j]
    s.tally[OPEN] += by
    for k in range(len(f.most)):
        s.sums[k] += by * f.amounts[k, j]
    for kind in (APART, NEED):
        for e in range(f.list_start[kind, j], f.list_start[kind, j + 1]):
            s.met[f.listed[e]] += by
    if s.known[PARENTS, j] == 1:
        _held(f, s, j, by)
    for e in range(f.list_start[CHILD, j], f.list_start[CHILD, j + 1]):
        o = f.listed[e]
        if s.opened[o] and s.known[PARENTS, o] == 1:  # on another alone, or on this one
            _held(f, s, o, -1)
        s.known[PARENTS, o] += by
    s.opened[j] = opens
    for e in range(f.list_start[CHILD, j], f.list_start[CHILD, j + 1]):
        o = f.listed[e]
        if s.opened[o] and s.known[PARENTS, o] == 1:
            _held(f, s, o, 1)
    work = f.row_start[j + 1] - f.row_start[j]
    for e in range(f.row_start[j], f.row_start[j + 1]):
        i, c = np.int64(f.row[e]), f.row_cost[e]
        first, last = f.choice_start[i], f.choice_start[i + 1]
        one, two, old, after = s.near[0, i], s.near[1, i], s.due[0, i], s.due[1, i]
        if opens and c < old:
            one, two, old, after = j, one, c, old
        elif opens and c < after:
            two, after = j, c
        elif not opens and (one == j or two == j):
            if one == j:
                one, old = two, after
            two, after = _NONE, f.outside[i]
            d = first
            while d < last and (not s.opened[f.choice[d]] or f.choice[d] == one):
                d += 1
            if d < last:
                two, after = np.int64(f.choice[d]), f.cost[d]
            work += d - first
        else:
            continue
        was = s.due[0, i]
        if s.near[0, i] >= 0:
            s.worth[LOSS, s.near[0, i]] -= s.due[1, i] - was
        if one >= 0:
            s.worth[LOSS, one] += after - old
        s.near[0, i], s.near[1, i], s.due[0, i], s.due[1, i] = one, two, old, after
        if was != old:
            s.sums[-1] += old - was
            d, high = first, max(was, old)
            while d < last and f.cost[d] < high:
                s.worth[GAIN, f.choice[d]] += max(old, f.cost[d]) - max(was, f.cost[d])
                d += 1
            work += d - first
    if not opens:
        s.worth[LOSS, j] = 0.0
    s.tally[WORK] += work


@kernel
def _among(f: Field, kind: Place, j: Place, wanted: Place) -> bool:
    """Whether a list holds a number."""
    low, high = f.list_start[kind, j], f.list_start[kind, j + 1]
    end = high
    while low < high:
        middle = (low + high) // 2
        if f.listed[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return bool(low < end and f.listed[low] == wanted)


@kernel
def _draw(lots: Generator, count: Place) -> Place:
    """Draw one of so many places."""
    return np.int64(lots.random() * count)


@kernel
def _room(amounts: Floats, most: Floats, sums: Floats, j: Place, out: Place) -> bool:
    """Whether limits let a choice open once another (-1: none) has closed; small, as the hottest loops ask it."""
    for k in range(len(most)):
        freed = amounts[k, out] if out >= 0 else 0.0
        if amounts[k, j] > 0 and sums[k] - freed + amounts[k, j] > most[k]:
            return False
    return True


@kernel
def _fits(f: Field, s: State, j: Place, out: Place) -> bool:
    """Whether all other rules let a closed choice open once another (-1: none) has closed."""
    fit = bool(not f.closed[j])
    for e in range(f.list_start[APART, j], f.list_start[APART, j + 1]):
        others = s.met[f.listed[e]]
        if fit and others > 0:
            fit = bool(others == 1 and out >= 0 and _among(f, APART, out, f.listed[e]))
    if fit and f.hangs[j]:
        left = s.known[PARENTS, j]
        fit = bool(left > 1 or (left == 1 and (out < 0 or not _among(f, PARENT, j, out))))
    return fit


@kernel
def _spared(f: Field, s: State, j: Place, new: Place) -> bool:
    """Whether an open choice may close once another (-1: none) has opened: all that need one of them have one."""
    for e in range(f.list_start[NEED, j], f.list_start[NEED, j + 1]):
        if s.met[f.listed[e]] == 1 and (new < 0 or not _among(f, NEED, new, f.listed[e])):
            return False
    if s.known[HELD, j] > 0:
        for e in range(f.list_start[CHILD, j], f.list_start[CHILD, j + 1]):
            o = f.listed[e]
            if s.opened[o] and s.known[PARENTS, o] == 1 and (new < 0 or not _among(f, PARENT, o, new)):
                return False
    return True


@kernel
def _try(f: Field, s: State, j: Place) -> bool:
    """Open a closed choice, and close the one other that it is best closed for, if less is paid then; say whether."""
    best, out = f.least, _NONE
    if not (_room(f.amounts, f.most, s.sums, j, _NONE) and _fits(f, s, j, _NONE)):
        count = 0
        for e in range(f.row_start[j], f.row_start[j + 1]):
            i = np.int64(f.row[e])
            r, saved = s.near[0, i], s.due[1, i] - max(s.due[0, i], f.row_cost[e])
            if r >= 0 and saved > 0:
                if s.worth[EXTRA, r] == 0.0:
                    s.known[ROOM, count] = r
                    count += 1
                s.worth[EXTRA, r] += saved
        for k in range(s.tally[OPEN]):
            r = s.known[ORDER, k]
            less = s.worth[GAIN, j] - s.worth[LOSS, r] + s.worth[EXTRA, r]
            better = less > best or (less == best and r < out)
            if better and _room(f.amounts, f.most, s.sums, j, r) and _fits(f, s, j, r) and _spared(f, s, r, j):
                best, out = less, r
        for k in range(count):
            s.worth[EXTRA, s.known[ROOM, k]] = 0.0
        s.tally[WORK] += f.row_start[j + 1] - f.row_start[j] + s.tally[OPEN]
        if out < 0:
            return False
        _flip(f, s, out)
    _flip(f, s, j)
    return True


@kernel
def _refill(f: Field, s: State) -> None:
    """Open what gains the most for the share of a limit that it takes, until nothing that may open gains."""
    new: Any = np.int64(0)
    while new >= 0:
        best, new = 0.0, _NONE
        for j in range(len(s.opened)):
            rate = s.worth[GAIN, j] / f.share[j] if s.worth[GAIN, j] > f.least and not s.opened[j] else 0.0
            if rate > best and _room(f.amounts, f.most, s.sums, j, _NONE) and _fits(f, s, j, _NONE):
                best, new = rate, j
        s.tally[WORK] += len(s.opened)
        if new >= 0:
            _flip(f, s, new)


@kernel
def climb(f: Field, s: State, order: Counts) -> None:
    """Open choices in order if they may open; then add and exchange until nothing more betters what is paid.

    No choice that the rules let open, alone or for one other, then betters it; and what gains nothing and nothing
    needs has closed, the last choice first.

    Parameters
    ----------
    f, s
        The problem, and a state, freshly counted, that keeps to every rule; so does it afterwards.
    order
        Choices.
    """
    for j in order:
        if not s.opened[j] and _room(f.amounts, f.most, s.sums, j, _NONE) and _fits(f, s, j, _NONE):
            _flip(f, s, j)
    since, j = 0, _NONE + 1
    while since < len(s.opened):
        if since == 0:
            s.tally[LOGGED] = 0
            _refill(f, s)
        since += 1
        if s.worth[GAIN, j] > f.least and not s.opened[j] and not f.closed[j] and _try(f, s, j):
            since = 0
        j = (j + 1) % len(s.opened)
        if since == len(s.opened):
            for hangs in (True, False):
                for r in range(len(s.opened) - 1, -1, -1):
                    idle = s.opened[r] and f.hangs[r] == hangs and s.worth[LOSS, r] <= 0.5 * f.least
                    if idle and _spared(f, s, r, _NONE):
                        _flip(f, s, r)
                        since = 0


@kernel
def _close(f: Field, s: State, j: Place) -> bool:
    """Close a choice and what then hangs on nothing; say whether all that is required is still there."""
    start = f.list_start[CHILD, j]
    for e in range(start - 1, f.list_start[CHILD, j + 1]):
        r = j if e < start else f.listed[e]
        if e < start or (s.opened[r] and s.known[PARENTS, r] == 0):
            for d in range(f.list_start[NEED, r], f.list_start[NEED, r + 1]):
                if s.met[f.listed[d]] == 1:
                    return False
            _flip(f, s, r)
    return True


@kernel
def _victim(f: Field, s: State, k: Place, j: Place, keep: Place, lots: Generator) -> Place:
    """Choose what closes so that a limit is kept: by lot one near a choice, or what loses least, near it or at all."""
    way, least = _draw(lots, 3), np.inf
    found: Place = _NONE
    size = f.row_start[j + 1] - f.row_start[j]
    near = way < 2 and size > 0
    for e in range(min(size, _LOOKS) if near else s.tally[OPEN]):
        if near:
            i = np.int64(f.row[f.row_start[j] + _draw(lots, size)])
            r = s.near[0, i] if s.near[0, i] != j else s.near[1, i]
        else:
            r = s.known[ORDER, e]
        if r < 0 or r in (j, keep) or f.amounts[k, r] == 0:
            continue
        lost = s.worth[LOSS, r]
        for d in range(f.list_start[CHILD, r], f.list_start[CHILD, r + 1] if s.known[HELD, r] > 0 else 0):
            if s.opened[f.listed[d]] and s.known[PARENTS, f.listed[d]] == 1:
                lost += s.worth[LOSS, f.listed[d]]
        lost = lots.random() if way == 0 else lost / f.amounts[k, r]
        if lost < least or (lost == least and r < found):
            found, least = r, lost
    return found


@kernel
def _force(f: Field, s: State, j: Place, keep: Place, lots: Generator) -> bool:
    """Open a choice and close what the rules then do not allow; say whether that could be done."""
    _flip(f, s, j)
    for e in range(f.list_start[APART, j], f.list_start[APART, j + 1]):
        g = f.listed[e]
        for d in range(f.list_start[MEMBER, g], f.list_start[MEMBER, g + 1]):
            r = f.listed[d]
            if s.opened[r] and r != j and (r == keep or not _close(f, s, r)):
                return False
    for k in range(len(f.most)):
        while f.amounts[k, j] > 0 and s.sums[k] > f.most[k]:
            r = _victim(f, s, k, j, keep, lots)
            if r < 0 or not _close(f, s, r):
                return False
    return not f.hangs[j] or s.known[PARENTS, j] > 0


@kernel
def _kick(f: Field, s: State, i: Place, lots: Generator) -> bool:
    """Open a choice of a row by lot, with a parent if it lacks one; say whether that could be done."""
    hangs, seen, j, keep = lots.random() < 0.5, 0, _NONE, _NONE
    for e in range(f.choice_start[i], f.choice_start[i + 1]):
        new = np.int64(f.choice[e])
        if f.hangs[new] == hangs and not s.opened[new] and not f.closed[new]:
            seen += 1
            if _draw(lots, seen) == 0:
                j = new
    if j < 0:
        return False
    if hangs and s.known[PARENTS, j] == 0:
        most = -1.0
        for e in range(f.list_start[PARENT, j], f.list_start[PARENT, j + 1]):
            drawn = s.worth[GAIN, f.listed[e]] * lots.random()
            if drawn > most and not f.closed[f.listed[e]]:
                keep, most = f.listed[e], drawn
        if keep < 0 or not _force(f, s, keep, _NONE, lots):
            return False
    return _force(f, s, j, keep, lots)


@kernel
def shake(f: Field, s: State, lots: Generator, work: int) -> None:  # noqa: C901  one loop, kept whole
    """Kick the open choices by lot, settle near by, and undo what is worse, until so much has been looked at.

    Parameters
    ----------
    f, s
        The problem, and a state, freshly counted, that keeps to every rule; so does it afterwards, and pays no more.
    lots
        Where chance comes from.
    work
        Entries.
    """
    end, rows = s.tally[WORK] + work, len(f.outside)
    while s.tally[WORK] < end:
        s.tally[WORK] += _KICK
        s.tally[LOGGED] = 0
        before, done = s.sums[-1], True
        for again in range(1 + _draw(lots, 2)):
            i: Any = _draw(lots, rows)
            if again == 0:
                for _ in range(2):  # a row that pays much, rather
                    other = _draw(lots, rows)
                    i = other if s.due[0, other] > s.due[0, i] else i
            else:  # one near what has changed
                j = s.log[_draw(lots, s.tally[LOGGED])]
                size = f.row_start[j + 1] - f.row_start[j]
                i = np.int64(f.row[f.row_start[j] + _draw(lots, size)]) if size > 0 else i
            done = done and _kick(f, s, i, lots)
            if not done:
                break
        better, rounds = done, 0
        while better and rounds < _ROUNDS:
            _refill(f, s)
            better = False
            rounds += 1
            for _ in range(_SPOTS):
                j = s.log[_draw(lots, s.tally[LOGGED])]
                size = f.row_start[j + 1] - f.row_start[j]
                if size == 0:
                    continue
                i = np.int64(f.row[f.row_start[j] + _draw(lots, size)])
                for e in range(f.choice_start[i], f.choice_start[i + 1]):
                    new = np.int64(f.choice[e])
                    if s.worth[GAIN, new] > f.least and not s.opened[new] and not f.closed[new]:
                        better |= s.tally[LOGGED] < 8 * len(s.opened) and _try(f, s, new)
                s.tally[WORK] += f.choice_start[i + 1] - f.choice_start[i]
        if not done or s.sums[-1] > before + f.least:
            for e in range(s.tally[LOGGED] - 1, -1, -1):
                s.tally[LOGGED] = e
                _flip(f, s, s.log[e])
            s.sums[-1] = before
