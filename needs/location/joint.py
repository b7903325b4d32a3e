"""Choose hubs and outreach at once, or any choices under any rules: a good plan, and a bound that proves how good."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from needs.errors import InputError, fail
from needs.location.costs import Bools, Costs, Floats
from needs.location.feasibility import least
from needs.location.frame import frame
from needs.location.joint_search import climb, shake
from needs.location.joint_state import WORK, Counts, field_of, state_of
from needs.location.rules import Rules
from needs.location.saddle import Relaxed, bound_at, relax
from needs.settings import SEED

Status = Literal["optimal", "gap reached", "effort spent", "time limit", "interrupted"]
Progress = Callable[[float, float], None]

_EQUAL = 1e-9  # of what is paid: no plan that is better by less is looked for
_WHOLE = 1e-6  # left to rounding where totals are at least 1 apart
_STEPS = 160  # of the first slice of the bound
_GROWTH = 1.4  # of slices
_RISE = 0.02  # of the gap: a slice that raises the bound by less is the last
_SLICES = 12  # of the bound, at most
_DRAWN = 3  # plans drawn from the answer in part after each slice
_SHAKEN = 0.5  # of a slice's work: what shaking the plan takes after it
_LAST = 1.0  # of all work: what shaking takes in the end, where no effort is stated
_RIVAL = 40  # turns of shaking that a rival has
_CHUNK = 10_000_000  # entries of one go at shaking, so that Ctrl-C is soon heard


@dataclass(frozen=True)
class Found:
    """The best set of open choices found, and how sure it is.

    Attributes
    ----------
    opened
        Shape (choices,).
    paid
        By all rows, summed on the data without rounding error.
    bound
        No set that keeps the rules pays less.
    gap
        (paid - bound) / (what rows pay outside - paid): what may be lacking, of what is gained; 0 if nothing is.
    status
        "optimal": no set pays less (with whole costs), or none pays less by more than 1e-9 of it. "gap reached":
        proven within the gap that was asked for. "effort spent", "time limit", "interrupted": the best so far.
    relaxed
        Multipliers that prove the bound, for `reduced`, or to reuse; None if work ended before there were any.
    """

    opened: Bools
    paid: float
    bound: float
    gap: float
    status: Status
    relaxed: Relaxed | None


def solve(
    costs: Costs,
    rules: Rules,
    *,
    start: Bools | None = None,
    gap: float = 0.0,
    effort: float | None = None,
    time_limit_s: float | None = None,
    progress: Progress = lambda *_: None,
) -> Found:
    """Find a set of open choices that keeps the rules and at which rows pay little, and a bound on what they must.

    Choices are added, the most gain for the share of a limit first, and exchanged; primal-dual steps raise the bound,
    and plans are drawn from their answers in part; between them, and afterwards, the plan is shaken (iterated local
    search: Lourenco, Martin and Stuetzle 2003, doi:10.1007/0-306-48056-5_11): a choice near a row that pays much is
    opened, what the rules then do not allow is closed, with what hung on it, and what is worse is undone. Choices
    that the bound rules out are left out from then on. What comes next hangs on counted work and never on the clock:
    the answer is the same on every run, and in whatever order rows stand.

    No choice could open, alone or for one other, and better what is paid (by more than 1e-10 of what is paid outside);
    none is open that gains nothing, is not required, and has nothing that hangs on it alone.

    Parameters
    ----------
    costs
        What rows pay.
    rules
        Which sets may be open.
    start
        Open choices to begin with, as far as the rules let them; shape (choices,).
    gap
        As in `Found`, that is good enough.
    effort
        Entries to look at, about, before the best so far is given; a hundred million take about two seconds. Without
        it the search ends when the bound no longer rises and as much work again was spent on shaking.
    time_limit_s
        Seconds on the clock after which the best so far is given: how far it came then depends on the machine.
    progress
        Told what is paid and the bound, from time to time. A KeyboardInterrupt, there or anywhere once there is a
        plan, ends the work with the best so far.

    Raises
    ------
    InfeasibleError
        If no set keeps the rules; it names those that clash.
    InputError
        If costs and rules, or the start, are not about equally many choices.
    """
    if not costs.choices == rules.choices == (rules.choices if start is None else len(start)):
        fail(InputError, "choices", f"{costs.choices} with costs and {rules.choices} with rules", "state each for all")
    began = time.monotonic()
    search = _Search(costs, rules, start)
    status: Status = "effort spent"
    try:
        for _ in search.phases(gap, effort):
            progress(search.paid, search.bound)
            if search.settled(gap) or (effort is not None and search.work >= effort):
                break
            if time_limit_s is not None and time.monotonic() - began >= time_limit_s:
                status = "time limit"
                break
    except KeyboardInterrupt:
        status = "interrupted"
    return search.found(status, gap)


def reduced(costs: Costs, rules: Rules, relaxed: Relaxed, paid: float) -> tuple[Bools, Bools]:
    """Rule out choices that no better plan opens, and find those that every better plan opens.

    Parameters
    ----------
    costs, rules
        The problem.
    relaxed
        Multipliers for it.
    paid
        At a known plan. Plans that pay as much stay possible, so that one of the best is always left.

    Returns
    -------
    closed, certain
        Shape (choices,). The problem that is left: ``replace(rules, closed=closed)``, with `certain` forced open.
    """
    bound, rewards = bound_at(costs, rules, relaxed.rows, relaxed.side)
    shape = frame(rules)
    opens, closes = np.zeros(rules.choices), np.zeros(rules.choices)  # by how much the bound rises if a choice ...
    for g, cap in enumerate(shape.cap):
        inside = shape.member[shape.start[g] : shape.start[g + 1]]
        # The bound lets the greatest rewards of each group open, as many as its cap, if they are above 0. A choice
        # that opens beside them displaces the least of these; one of them that closes makes room for the next.
        ranked = np.sort(np.maximum(rewards[inside], 0.0))[::-1]
        last = ranked[int(cap) - 1] if 1 <= cap <= len(inside) else np.inf if cap < 1 else 0.0
        following = ranked[int(cap)] if cap < len(inside) else 0.0
        opens[inside] = np.maximum(last - rewards[inside], 0.0)
        closes[inside] = np.maximum(rewards[inside] - following, 0.0)
    most = paid + _EQUAL * abs(paid)
    return rules.closed | (bound + opens > most), ~rules.closed & (bound + closes > most)


class _Search:
    """What is known so far of one problem.

    Rows without entries are left out. The others stand in an order of their own, by what they hold, so that sums and
    draws do not hang on the order in which they came.
    """

    def __init__(self, costs: Costs, rules: Rules, start: Bools | None) -> None:
        self._costs, self._rules = costs, rules
        self._rows = _ordered(costs)
        self._own = _taken(costs, self._rows)
        self._rest = math.fsum(np.delete(costs.outside, self._rows))
        self._field = field_of(self._own, rules)
        self._least = least(rules)
        self._relaxed: Relaxed | None = None
        self._lots = np.random.default_rng(SEED)
        self.work = float(len(costs.cost))
        self._opened, self.paid = self._least, math.fsum(costs.paid(self._least))
        self.bound = math.fsum(costs.paid(~rules.closed)) * (1 - _EQUAL)
        begun = self._least if start is None or not rules.feasible(start) else start
        self._climb(begun, np.flatnonzero(start) if start is not None else np.zeros(0, np.intp))

    def _slack(self, gap: float) -> float:
        """By how much the bound may stay below what is paid."""
        gained = self._rest + float(self._own.outside.sum()) - self.paid
        return max(1.0 - _WHOLE if self._costs.whole else 0.0, 0.9 * _EQUAL * self.paid, gap * gained)

    def settled(self, gap: float) -> bool:
        """Whether nothing better need be looked for."""
        return self.paid - self.bound <= self._slack(gap)

    def _take(self, opened: Bools) -> None:
        """Keep a plan if it is better."""
        paid = math.fsum(self._own.paid(opened)) + self._rest
        if paid < self.paid * (1 - 1e-12) or (paid <= self.paid and opened.sum() < self._opened.sum()):
            self._opened, self.paid = opened.copy(), paid

    def _climb(self, opened: Bools, order: NDArray[np.intp]) -> Bools:
        """Fill up a plan in order, parents first; exchange while it helps; keep it if it is better, and give it."""
        state = state_of(self._field, opened)
        parents_first: Counts = order[np.argsort(self._rules.hangs[order], kind="stable")].astype(np.int64)
        climb(self._field, state, parents_first)
        self.work += float(state.tally[WORK])
        self._take(state.opened)
        return state.opened

    def phases(self, gap: float, effort: float | None) -> Iterator[None]:
        """Do the work, stopping from time to time."""
        yield
        if not (self._own.rows and self._rules.choices):
            self.bound = self.paid
            return
        steps = float(_STEPS)
        for _ in range(_SLICES):
            before, began = self.bound, self.work
            self._raise(int(steps), gap)
            yield
            for _ in range(_DRAWN):
                self._draw()
                yield
            yield from self._shake(_SHAKEN * (self.work - began))
            if self.bound - before <= _RISE * (self.paid - self.bound):
                break
            steps *= _GROWTH
        yield from self._shake(_LAST * self.work if effort is None else effort - self.work)

    def _raise(self, steps: int, gap: float) -> None:
        """Raise the bound, and rule out choices by it."""
        target = self.paid - self._rest - self._slack(gap)
        at = relax(self._own, self._rules, start=self._relaxed, steps=steps, target=target)
        self.work += at.work
        if self._relaxed is None or at.bound >= self._relaxed.bound:
            self._relaxed = at
        self.bound = max(self.bound, min(self.paid, self._relaxed.bound + self._rest))
        closed, _ = reduced(self._own, self._rules, self._relaxed, self.paid - self._rest)
        self._field = self._field._replace(closed=closed)

    def _draw(self) -> Bools:
        """Draw a plan from the answer in part: each choice about as likely as it is open there, parents first."""
        y = self._relaxed.y if self._relaxed is not None else np.zeros(0)
        hangs, links = self._rules.hangs, self._rules.links
        drawn = _drawn(np.where(hangs, 0.0, y), self._lots)
        if links is not None:
            likely = np.where(hangs & (links.open_parents(drawn) > 0), y, 0.0)
            more = float(y[hangs].sum()) / max(float(likely.sum()), 1e-9)
            drawn |= _drawn(np.minimum(likely * more, 1.0), self._lots)
        return self._climb(self._least, self._lots.permutation(np.flatnonzero(drawn)))

    def _shake(self, work: float) -> Iterator[None]:
        """Shake the best plan and a rival in turn; one that stays behind for long gives way to another that is drawn.

        A plan that shaking no longer betters is not always near the best one.
        """
        until, turn = self.work + work, 0
        while self.work < until:
            if turn % _RIVAL == 0:
                rival = self._draw()
            turn += 1
            state = state_of(self._field, rival if turn % 2 else self._opened)
            shake(self._field, state, self._lots, int(min(_CHUNK, until - self.work)) + 1)
            self.work += float(state.tally[WORK])
            self._take(state.opened)
            rival = state.opened if turn % 2 else rival
            yield

    def found(self, status: Status, gap: float) -> Found:
        """Put the plan in order, and evaluate it and the bound on the data."""
        self._climb(self._opened, np.zeros(0, np.intp))
        paid = math.fsum(self._costs.paid(self._opened))
        bound = min(self.bound, paid)
        if paid - bound <= (1.0 - _WHOLE if self._costs.whole else _EQUAL * paid):
            status, bound = "optimal", paid if self._costs.whole else bound
        elif self.settled(gap):
            status = "gap reached"
        gained = math.fsum(self._costs.outside) - paid
        lacking = (paid - bound) / gained if gained > 0 else 0.0 if bound == paid else np.inf
        return Found(self._opened, paid, bound, lacking, status, self._lifted())

    def _lifted(self) -> Relaxed | None:
        """Give the multipliers for the problem as it was asked."""
        at = self._relaxed
        if at is None:
            return None
        rows = self._costs.outside.copy()
        rows[self._rows] = at.rows
        return replace(at, rows=rows, bound=at.bound + self._rest, value=at.value + self._rest, work=self.work)


def _ordered(costs: Costs) -> NDArray[np.intp]:
    """Put rows that have entries in an order that hangs on what they hold alone; like rows stand together."""
    ends = costs.start.tolist()
    keys = [
        (costs.choice[a:b].tobytes(), costs.cost[a:b].tobytes(), outside, i)
        for i, (a, b, outside) in enumerate(zip(ends[:-1], ends[1:], costs.outside.tolist(), strict=True))
        if b > a
    ]
    return np.array([key[3] for key in sorted(keys)], np.intp)


def _taken(costs: Costs, rows: NDArray[np.intp]) -> Costs:
    """Take some rows, in order."""
    size = np.diff(costs.start)[rows]
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    entries = np.arange(start[-1]) + np.repeat(costs.start[rows] - start[:-1], size)
    return Costs(costs.choices, costs.outside[rows], start, costs.choice[entries], costs.cost[entries])


def _drawn(y: Floats, lots: np.random.Generator) -> Bools:
    """Draw choices, each as likely as it is open in part, about as many as that adds up to (systematic sampling)."""
    order = lots.permutation(len(y))
    reach = np.floor(np.cumsum(y[order]) + lots.random())
    drawn = np.zeros(len(y), bool)
    drawn[order] = np.diff(reach, prepend=0.0) >= 1.0
    return drawn
