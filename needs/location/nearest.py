"""Open at most so many choices so that rows, each at its cheapest open choice, pay least; with a proof or a gap."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from needs.errors import Faults, InfeasibleError
from needs.location.branching import Part, Tree
from needs.location.costs import Bools, Costs, Floats
from needs.location.exchange import add, exchange, shake, tidy
from needs.location.rules import Rules
from needs.location.saddle import Relaxed, bound_at, relax
from needs.settings import SEED

Status = Literal["optimal", "gap reached", "effort spent", "time limit", "interrupted"]
Progress = Callable[[float, float], None]

_EQUAL = 1e-9  # of what is paid: no plan that is better by less is looked for
_WHOLE = 1e-6  # left to rounding where totals are at least 1 apart
_SLICE = 160  # steps of the first slice of the bound
_GROWTH = 1.4  # of slices
_NEAR = 0.05  # of the gap: the bound's steps end when it could rise by no more than that
_DRAWN = 3  # plans drawn from the answer in part after each slice
_SHAKEN = 0.1  # of the work so far: what shaking may take without a better plan
_AGAIN = 2.0  # times the work at the last shake: when branching makes way for the next
_POLISHED = 0.2  # of branching's work: what exchanging in the plans that it proposes may take
_CHUNK = 20_000_000  # entries of one go at shaking, so that Ctrl-C is soon heard


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
        (paid - bound) / paid, or 0.
    status
        "optimal": no set pays less (with whole costs), or none pays less by more than 1e-9 of it. "gap reached":
        proven within the gap that was asked for. "effort spent", "time limit", "interrupted": the best so far.
    nodes
        Bounded in branching.
    relaxed
        Multipliers that prove a bound (not always the best: branching proves more), to go on from or to reuse.
    """

    opened: Bools
    paid: float
    bound: float
    gap: float
    status: Status
    nodes: int
    relaxed: Relaxed


def solve(
    costs: Costs,
    *,
    most: int,
    forced: Bools | None = None,
    closed: Bools | None = None,
    gap: float = 0.0,
    effort: float | None = None,
    time_limit_s: float | None = None,
    start: Found | None = None,
    progress: Progress = lambda *_: None,
) -> Found:
    """Find the set of at most so many open choices at which rows pay least.

    Greedy addition and exchange give a plan; primal-dual steps give a bound, and answers in part from which better
    plans are drawn; then the plan is shaken; then reduced costs and branching close the rest. What comes next hangs
    on counted work and never on the clock: the answer is the same on every run.

    A choice that could be left out for nothing is never open (unless forced), and none could be exchanged for an
    earlier one for nothing (both within 1e-12 of what is paid). Of plans equally good that differ in more than one
    exchange the first found is kept.

    Parameters
    ----------
    costs
        What rows pay.
    most
        How many choices may open, forced ones included.
    forced, closed
        Choices that must and that may not open; shape (choices,).
    gap
        (paid - bound) / paid that is good enough.
    effort
        Entries of the table to touch, about, before the best so far is given; a hundred million take about a second.
    time_limit_s
        Seconds on the clock after which the best so far is given: how far it came then depends on the machine.
    start
        An answer to a like problem with as many rows and choices, to go on from.
    progress
        Told what is paid and the bound, from time to time. A KeyboardInterrupt, there or anywhere, ends the work with
        the best so far.

    Raises
    ------
    InfeasibleError
        If more must open than may, or a choice both must and may not.
    """
    nothing = np.zeros(costs.choices, bool)
    forced = nothing if forced is None else forced
    closed = nothing if closed is None else closed
    _check(most, forced, closed)
    began = time.monotonic()
    search = _Search(costs, most, forced, closed)
    status: Status = "effort spent"
    try:
        for _ in search.phases(start, gap):
            progress(search.paid, search.bound)
            if search.settled(gap):
                break
            if effort is not None and search.work >= effort:
                break
            if time_limit_s is not None and time.monotonic() - began >= time_limit_s:
                status = "time limit"
                break
    except KeyboardInterrupt:
        status = "interrupted"
    return search.found(status, gap)


def _check(most: int, forced: Bools, closed: Bools) -> None:
    faults = Faults(InfeasibleError)
    if forced.sum() > most:
        faults.add("choices", f"{forced.sum()} must open and at most {most} may", "force fewer or allow more")
    if (forced & closed).any():
        both = np.flatnonzero(forced & closed)
        faults.add("choices", f"{len(both)} both must and may not open, first number {both[0]}", "decide which")
    faults.raise_if_any()


class _Search:
    """What is known so far of one problem; totals are those of its part without forced and closed choices."""

    def __init__(self, costs: Costs, most: int, forced: Bools, closed: Bools) -> None:
        self._costs, self._most, self._forced, self._closed = costs, most, forced, closed
        self._part = Part.whole(costs, most)
        self._part = self._part.narrow(closed & ~forced, forced)
        own = self._part.costs
        first = own.start[:-1]
        self._opened = np.zeros(own.choices, bool)
        self._relaxed = Relaxed(
            -np.inf, np.zeros(own.rows), np.zeros(0), np.zeros(own.choices), np.inf, np.zeros(0), 0, 0
        )
        self._tree: Tree | None = None
        self._floor = self._part.constant + float(own.cost[first].sum())
        self.paid = self._part.constant + float(own.outside.sum())
        self.bound = self._floor * (1 - _EQUAL)
        self.work = float(len(costs.cost))
        self._seed = SEED
        self.nodes = 0

    def _slack(self, gap: float) -> float:
        """By how much the bound may stay below what is paid."""
        exact = 1.0 - _WHOLE if self._costs.whole else 0.0
        return max(exact, max(gap, 0.9 * _EQUAL) * self.paid)  # rounding then leaves it within _EQUAL

    def settled(self, gap: float) -> bool:
        """Whether nothing better need be looked for."""
        return self.paid - self.bound <= self._slack(gap)

    def _take(self, opened: Bools) -> bool:
        """Keep a plan if it is better."""
        paid = self._part.constant + float(self._part.costs.paid(opened).sum())
        better = paid < self.paid * (1 - 1e-12)
        if better:
            self._opened, self.paid = opened.copy(), paid
        return better

    def _improve(self, opened: Bools, order: Floats) -> None:
        """Fill up a plan, exchange while it helps, and keep it if it is better."""
        own, part = self._part.costs, self._part
        self.work += add(own.table, own.columns, opened, part.most)
        self.work += exchange(
            own.table, own.columns, opened, np.argsort(order, kind="stable"), 100 * len(own.cost) + 1000
        )
        self._take(opened)

    def phases(self, start: Found | None, gap: float) -> Iterator[None]:
        """Do the work, stopping from time to time."""
        part, own = self._part, self._part.costs
        if part.most <= 0 or not own.rows:
            self.bound = self.paid
            yield
            return
        opened = np.zeros(own.choices, bool)
        if start is not None:
            opened = start.opened[part.ids]
            opened[np.flatnonzero(opened)[part.most :]] = False
        self._improve(opened, np.arange(own.choices, dtype=float))
        yield
        if own.choices <= part.most:
            self._take(np.ones(own.choices, bool))
            self.bound = self.paid
            yield
            return
        yield from self._bound(start, gap)
        yield from self._shake()
        yield from self._branch(gap)

    def _bound(self, start: Found | None, gap: float) -> Iterator[None]:
        """Raise the bound in slices, and draw plans from the answers in part."""
        part, own = self._part, self._part.costs
        rules = Rules.at_most(own.choices, part.most)
        lots = np.random.default_rng(SEED)
        at: Relaxed | Floats = 0.5 * self._opened + 0.5 * part.most / own.choices
        if start is not None and start.relaxed.ratio > 0:  # one that ended before any step has no way to go on from
            at = part.carry(start.relaxed)
        steps = float(_SLICE)
        while True:
            target = self.paid - part.constant - self._slack(gap)
            at = relax(own, rules, start=at, steps=int(steps), target=target, near=_NEAR)
            self.work += at.work
            if at.bound > self._relaxed.bound:
                self._relaxed = at
                self.bound = max(self.bound, at.bound + part.constant)
            yield
            for _ in range(_DRAWN):
                self._improve(_draw(at.y, part.most, lots), -at.y)
                yield
            lack = self.paid - part.constant - at.bound
            if at.value - at.bound <= max(_NEAR * lack, _EQUAL * at.value):
                return
            steps *= _GROWTH

    def _shake(self) -> Iterator[None]:
        """Shake the plan as long as that pays."""
        own = self._part.costs
        allowed = _SHAKEN * self.work
        until = self.work + allowed
        while self.work < until:
            opened = self._opened.copy()
            self.work += shake(own.table, own.columns, opened, int(min(_CHUNK, until - self.work)) + 1, self._seed)[0]
            self._seed += 1
            if self._take(opened):
                until = self.work + allowed
            yield

    def _branch(self, gap: float) -> Iterator[None]:
        """Fix and branch until nothing is left."""
        part, own = self._part, self._part.costs
        tree = Tree(Part.whole(own, part.most), self._relaxed)
        polished, again = 0.0, _AGAIN * self.work
        while tree:
            before = tree.work
            proposed = tree.step(self.paid - part.constant - self._slack(gap))
            self.nodes, self.work = tree.nodes, self.work + tree.work - before
            if proposed is not None and (self._take(proposed) or polished < _POLISHED * tree.work):
                before = self.work
                self._improve(proposed, -self._relaxed.y)
                polished += self.work - before
            self.bound = max(self.bound, min(self.paid, tree.bound + part.constant))
            yield
            if tree and self.work > again:
                yield from self._shake()
                again = _AGAIN * self.work

    def found(self, status: Status, gap: float) -> Found:
        """Put the plan in order, and evaluate it and the bound on the data."""
        own = self._part.costs
        here = self._opened.copy()
        tidy(own.table, own.columns, here)
        opened = self._part.opened(here, self._costs.choices)
        paid = math.fsum(self._costs.paid(opened))
        bound, relaxed = min(self.bound, paid), self._lifted()
        if paid - bound <= (1.0 - _WHOLE if self._costs.whole else _EQUAL * paid):
            status, bound = "optimal", paid if self._costs.whole else bound
        elif self.settled(gap):
            status = "gap reached"
        return Found(opened, paid, bound, (paid - bound) / paid if paid > 0 else 0.0, status, self.nodes, relaxed)

    def _lifted(self) -> Relaxed:
        """Give the multipliers for the problem as it was asked."""
        at, part = self._relaxed, self._part
        rules = Rules(self._costs.choices, Rules.at_most(self._costs.choices, self._most).limits, closed=self._closed)
        rows = part.spread(self._costs, at.rows)
        bound, rewards = bound_at(self._costs, rules, rows, forced=self._forced)
        y = self._forced.astype(float)
        y[part.ids] = at.y
        return Relaxed(bound, rows, at.side, y, at.value + part.constant, rewards, at.ratio, self.work)


def _draw(y: Floats, most: int, lots: np.random.Generator) -> Bools:
    """Draw so many choices, each about as likely as it is open in part (systematic sampling)."""
    order = lots.permutation(len(y))
    reach = np.cumsum(y[order])
    at = np.searchsorted(reach, (np.arange(most) + lots.random()) * (reach[-1] / most))
    drawn = np.zeros(len(y), bool)
    drawn[order[np.minimum(at, len(y) - 1)]] = True
    return drawn
