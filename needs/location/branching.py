"""Prove the best set of so many open choices by branching, with the saddle bound and reduced costs at every node."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from needs.kernels import kernel
from needs.location.costs import Bools, Costs, Floats, Places, Starts, Table
from needs.location.rules import Rules
from needs.location.saddle import Relaxed, relax

_STEPS = 300  # of the bound at a node
_NEAR = 0.5  # of what the bound lacks: a node's answer in part nearer than that ends its steps
_ROUNDS = 6  # of bounding and fixing at a node
_SHRUNK = 0.05  # of a node's choices: fixing more than that is worth another round
_HALVED = 0.5  # of a table: a part that is smaller gets one of its own
_STORED = 40_000_000  # entries kept in open nodes, about; beyond them the newest node is taken and not the best


@dataclass(frozen=True)
class Part:
    """A problem that is left when some choices are certain and others closed.

    Rows that list the same choices in the same order are merged: what they pay is the sum, whatever opens.

    Attributes
    ----------
    costs
        Of the choices that are left.
    most
        How many of them may open.
    ids
        Their positions in the first problem, ascending.
    certain
        Positions of those that open.
    constant
        What the rows pay that no choice left can serve.
    merged
        Row here of each row of the problem before, -1 for those in the constant.
    outside
        Of each row of the problem before, with the certain choices open.
    place
        Here, of each choice of the problem before; -1 for those certain or closed.
    """

    costs: Costs
    most: int
    ids: Starts
    certain: Starts
    constant: float
    merged: Starts
    outside: Floats
    place: Starts

    @staticmethod
    def whole(costs: Costs, most: int) -> Part:
        """Take a problem of which nothing is known."""
        all_choices = np.arange(costs.choices)
        return Part(costs, most, all_choices, all_choices[:0], 0.0, np.arange(costs.rows), costs.outside, all_choices)

    def narrow(self, closed: Bools, certain: Bools) -> Part:
        """Close some choices and open others; shapes (choices,)."""
        left = ~(closed | certain)
        place = np.where(left, np.cumsum(left) - 1, -1)
        cut, key = _cut(self.costs.table, place, certain)
        live = np.diff(cut.start) > 0
        merged = _same(cut, np.argsort(key, kind="stable"))
        kept = np.flatnonzero(live & (merged == np.arange(len(merged))))
        number = np.full(len(merged), -1)
        number[kept] = np.arange(len(kept))
        merged = np.where(live, number[merged], -1)
        return Part(
            Costs(int(left.sum()), *_merge(cut, merged, kept)),
            self.most - int(certain.sum()),
            self.ids[left],
            np.concatenate([self.certain, self.ids[certain]]),
            self.constant + float(cut.outside[~live].sum()),
            merged,
            cut.outside,
            place,
        )

    def carry(self, before: Relaxed) -> Relaxed:
        """Bring multipliers and an answer of the problem before over to this one, to go on from."""
        live = self.merged >= 0
        paid = np.minimum(before.rows, self.outside)
        rows = np.bincount(self.merged[live], paid[live], self.costs.rows).astype(np.float64)
        y = before.y[self.place >= 0]
        y = np.minimum(1.0, y * (self.most / max(y.sum(), 1e-9)))
        return Relaxed(-np.inf, rows, before.side, y, np.inf, np.zeros(len(y)), before.ratio, 0.0)

    def spread(self, before: Costs, rows: Floats) -> Floats:
        """Part multipliers of the rows here among the rows of the problem before, which proves the same bound."""
        return _spread(before.table, self.place, self.outside, self.merged, self.costs.table, rows)

    def lift(self, before: Part, start: Relaxed, closed: Bools, certain: Bools) -> tuple[Relaxed, Bools, Bools]:
        """State for the problem before what is known here: multipliers, and what is closed and certain."""
        here = self.place >= 0
        opened = np.isin(before.ids, self.certain)
        y, all_closed = opened.astype(float), ~here & ~opened
        y[here], all_closed[here], opened[here] = start.y, closed, certain
        rows = self.spread(before.costs, start.rows)
        return replace(start, rows=rows, y=y, rewards=np.zeros(0)), all_closed, opened

    def opened(self, here: Bools, choices: int) -> Bools:
        """Give a set of choices here as one of the first problem."""
        opened = np.zeros(choices, bool)
        opened[self.certain] = True
        opened[self.ids[here]] = True
        return opened


@dataclass(frozen=True)
class _Node:
    """A part to be proved: what is known of the part before, and what to close or open there."""

    before: Part
    start: Relaxed
    closed: Bools
    certain: Bools
    size: int


class Tree:
    """Open nodes, the best bound first.

    Attributes
    ----------
    nodes
        How many were bounded.
    work
        Entries touched.
    """

    def __init__(self, part: Part, start: Relaxed) -> None:
        nothing = np.zeros(part.costs.choices, bool)
        self._choices = part.costs.choices
        self._open: list[tuple[float, int, _Node]] = [(start.bound, 0, _Node(part, start, nothing, nothing, 0))]
        self._busy = self._pruned = np.inf
        self._count = 0
        self._stored = 0
        self.nodes, self.work = 0, 0.0

    @property
    def bound(self) -> float:
        """No set of choices pays less, but perhaps for the sets that were proposed."""
        return min(self._busy, self._pruned, self._open[0][0] if self._open else np.inf)

    def __bool__(self) -> bool:
        return bool(self._open)

    def step(self, cut: float) -> Bools | None:
        """Prove one node, or branch it; propose a set of choices if it has one.

        Parameters
        ----------
        cut
            Sets that pay as much or more are not looked for.
        """
        self._busy = self._open[0][0]
        if self._stored > _STORED:
            newest = max(range(len(self._open)), key=lambda k: self._open[k][1])
            self._open[0], self._open[newest] = self._open[newest], self._open[0]
            bound, _, node = self._open.pop(0)
            heapq.heapify(self._open)
        else:
            bound, _, node = heapq.heappop(self._open)
        self._busy = bound
        self._stored -= node.size
        proposed = self._prove(node, bound, cut)
        self._busy = np.inf
        return proposed

    def _prove(self, node: _Node, bound: float, cut: float) -> Bools | None:
        if bound >= cut:
            self._pruned = min(self._pruned, bound)
            return None
        self.nodes += 1
        part, start = node.before, node.start
        closed, certain = node.closed, node.certain
        parts = [part]
        for _ in range(_ROUNDS):
            if closed.any() or certain.any():
                part = part.narrow(closed, certain)
                parts.append(part)
                start = part.carry(start)
                self.work += 2 * len(part.costs.cost)
            most, choices = part.most, part.costs.choices
            if most == 0 or choices <= most or not part.costs.rows:
                return part.opened(np.full(choices, choices <= most), self._choices)
            start = relax(
                part.costs,
                Rules.at_most(choices, most),
                start=start,
                steps=_STEPS,
                target=cut - part.constant,
                near=_NEAR,
            )
            self.work += start.work
            bound = max(bound, start.bound + part.constant)
            self._busy = bound
            if bound >= cut:
                self._pruned = min(self._pruned, bound)
                return None
            closed, certain = fixed(start, most, cut - part.constant)
            if closed.sum() + certain.sum() <= _SHRUNK * choices:
                break
        self._branch(parts, start, bound, closed, certain)
        best = np.zeros(choices, bool)
        best[np.argsort(-start.y, kind="stable")[:most]] = True
        return part.opened(best, self._choices)

    def _branch(self, parts: list[Part], start: Relaxed, bound: float, closed: Bools, certain: Bools) -> None:
        """Open the most undecided choice in one node, and close it in another.

        The last of the parts, each narrowed from the one before, is kept if it is much smaller than the first. Else
        what is known is stated for the first, whose table all that come from it share.
        """
        undecided = np.where(closed | certain, -1.0, np.minimum(start.y, 1.0 - start.y) + 1e-6 * start.y)
        at = (undecided == undecided.max()) & ~(closed | certain)
        at[np.argmax(at) + 1 :] = False
        both = [(closed, certain | at), (closed | at, certain)] if at.any() else [(closed, certain)]
        whole, size = parts[0], len(parts[-1].costs.cost)
        lifted = size > _HALVED * len(whole.costs.cost)
        for shut, sure in both:
            begin = start
            if lifted:
                for before, part in reversed(list(pairwise(parts))):
                    begin, shut, sure = part.lift(before, begin, shut, sure)
            node = _Node(whole if lifted else parts[-1], begin, shut, sure, whole.costs.rows if lifted else size)
            self._count += 1
            self._stored += node.size
            heapq.heappush(self._open, (bound, self._count, node))


def fixed(relaxed: Relaxed, most: int, cut: float) -> tuple[Bools, Bools]:
    """Say which choices no set that pays less than the cut opens, and which all such sets open.

    To open a choice outside the greatest rewards puts its reward in the place of the least of them in the bound; to
    close one of them puts the next reward in its place. Where that lifts the bound to the cut, it is not worth it.

    Parameters
    ----------
    relaxed
        Of a problem with fewer open choices, `most`, than choices.
    most, cut
        As for the problem.
    """
    order = np.sort(relaxed.rewards)[::-1]
    lack = cut - relaxed.bound
    return relaxed.rewards < order[most - 1] - lack, relaxed.rewards > order[most] + lack


@kernel
def _cut(table: Table, place: Starts, certain: Bools) -> tuple[Table, Starts]:
    """Cut each row at its first certain choice, leave out closed ones, and sum up which choices it lists in a key."""
    rows = len(table.outside)
    start, outside, key = np.zeros(rows + 1, np.int64), table.outside.copy(), np.zeros(rows, np.int64)
    for i in range(rows):
        count = 0
        for e in range(table.start[i], table.start[i + 1]):
            if certain[table.choice[e]]:
                outside[i] = table.cost[e]
                break
            count += place[table.choice[e]] >= 0
        start[i + 1] = start[i] + count
    choice, cost = np.empty(start[-1], np.int32), np.empty(start[-1])
    k = 0
    for i in range(rows):
        start[i] = k
        for e in range(table.start[i], table.start[i + 1]):
            if table.cost[e] >= outside[i]:
                break
            j = place[table.choice[e]]
            if j >= 0:
                choice[k], cost[k] = j, table.cost[e]
                key[i] = (key[i] ^ (j + 1)) * 1099511628211
                k += 1
    start[rows] = k
    return Table(start, choice[:k].copy(), cost[:k].copy(), outside), key


@kernel
def _same(table: Table, order: Starts) -> Starts:
    """Give the first row that lists the same choices in the same order; rows come in the order of their keys."""
    first = order.copy()
    for i in range(len(order)):
        first[i] = i
    for k in range(1, len(order)):
        i, other = order[k], first[order[k - 1]]
        size = table.start[i + 1] - table.start[i]
        equal = size == table.start[other + 1] - table.start[other]
        e = 0
        while equal and e < size:
            equal = table.choice[table.start[i] + e] == table.choice[table.start[other] + e]
            e += 1
        if equal:
            first[i] = other
    return first


@kernel
def _merge(table: Table, merged: Starts, kept: Starts) -> tuple[Floats, Starts, Places, Floats]:
    """Add up rows that are one."""
    start, outside = np.zeros(len(kept) + 1, np.int64), np.zeros(len(kept))
    for k in range(len(kept)):
        start[k + 1] = start[k] + table.start[kept[k] + 1] - table.start[kept[k]]
    choice, cost = np.empty(start[-1], np.int32), np.zeros(start[-1])
    for i in range(len(merged)):
        k = merged[i]
        if k >= 0:
            outside[k] += table.outside[i]
            for e in range(start[k + 1] - start[k]):
                choice[start[k] + e] = table.choice[table.start[i] + e]
                cost[start[k] + e] += table.cost[table.start[i] + e]
    return outside, start, choice, cost


@kernel
def _spread(table: Table, place: Starts, outside: Floats, merged: Starts, here: Table, rows: Floats) -> Floats:
    """Put each row's multiplier as far between two of its costs as the merged row's lies between theirs."""
    spread = outside.copy()
    for i in range(len(outside)):
        k = merged[i]
        if k < 0:
            continue
        e, last = here.start[k], here.start[k + 1]
        low, own_low, own = 0.0, 0.0, outside[i]
        for f in range(table.start[i], table.start[i + 1]):
            if place[table.choice[f]] < 0 or table.cost[f] >= outside[i]:
                continue
            own = table.cost[f]
            if here.cost[e] >= rows[k]:
                break
            low, own_low, own = here.cost[e], own, outside[i]
            e += 1
        high = here.cost[e] if e < last else here.outside[k]
        part = (rows[k] - low) / (high - low) if high > low else 1.0
        spread[i] = own_low + part * (own - own_low)
    return spread
