"""Find the best choices when rows are shared among choices that can take on only so much."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from needs.location.capacity import Capacity, Cut, Transport, cut, share, shared
from needs.location.model import Goal, Model
from needs.location.program import TIE, Clock, Program, Row
from needs.location.search import round_up
from needs.location.values import Bools, Floats, Values

_ROUNDS = 80  # of cuts on choices open in part
_NEAR = 1e-4  # relative: how near a cut comes to the bound that it was made to lower, when more of them help little
_TRIES = 40  # exchanges evaluated in one climb
_PART = 0.1  # how far a plan is drawn to what the relaxed answers have, to make a cut that tells of closed choices too


@dataclass(frozen=True)
class Found:
    """The best plan found, a bound that no plan exceeds, and why the search ended."""

    opened: Bools
    bound: float
    ended: Literal["optimal", "time limit", "solver stopped"]


def within(model: Model, capacity: Capacity, start: Bools, bound: float, clock: Clock, *, gap: float) -> Found:
    """Find the plan whose rows, shared as best they can be, get the most.

    The choices stand in a program of their own, under the rules and under cuts (`capacity.cut`), each of which bounds
    what any plan can get and is exact at the point that it was made for (Benders 1962). Cuts are made first at choices
    open in part, between the program's answer and the points before it, which needs far fewer of them (in-out
    separation, Ben-Ameur and Neto 2007); then at the plans that the program finds, until none
    can be better.

    Parameters
    ----------
    model
        Without floors or goals that come first.
    capacity
        Of its choices.
    start
        A plan that keeps to the rules; shape (choices,).
    bound
        Weighted value that no plan exceeds.
    clock
        Whose limit is kept and whose nodes are counted.
    gap
        Relative gap at which the search may end.
    """
    return _Search(model, capacity, clock, gap, bound, start).run()


@dataclass
class _Search:
    model: Model
    capacity: Capacity
    clock: Clock
    gap: float
    bound: float
    best: Bools
    cuts: list[Cut] = field(default_factory=list)
    values: dict[bytes, float] = field(default_factory=dict)

    def run(self) -> Found:
        model = self.model
        parts = Transport(model.values, model.base, model.weights, self.capacity, ~model.rules.closed)
        program, inner = self._relax(parts)
        while not self._done() and self.clock.left_s() > 0:
            answer = program.run(self.clock, start=self.best, extra=self._rows(program))
            self.bound = max(self._value(self.best), min(self.bound, answer.bound))
            if answer.x is None:
                break
            found = answer.x > 0.5
            if found.tobytes() in self.values and self._least(found) <= self._value(found) * (1 + TIE):
                break  # the cut is there already: what is left is the solver's rounding
            self._take(self._climb(found))
            self._cut(parts.at((1 - _PART) * found + _PART * inner).price)
        late = self.clock.left_s() <= 0
        return Found(self.best, self.bound, "optimal" if self._done() else "time limit" if late else "solver stopped")

    def _done(self) -> bool:
        return self.bound <= self._value(self.best) * (1 + max(self.gap, TIE))

    def _take(self, found: Bools | None) -> None:
        if found is not None and self.model.rules.feasible(found):
            self.best = max(self.best, found, key=self._value)

    def _relax(self, parts: Transport) -> tuple[Program, Floats]:
        """Cut at choices open in part; give the program without the choices that are ruled out, and the last point."""
        program = self._program()
        relaxed = program.run(self.clock, whole=False, extra=self._rows(program))
        inner = self.best.astype(float)
        for _ in range(_ROUNDS):
            if relaxed.x is None or self._done() or self.clock.left_s() <= 0:
                break
            inner = (relaxed.x + inner) / 2
            # A plan is looked for all the while, so that there is a good one whenever time runs out.
            self._take(round_up(self.model, relaxed.x))
            self._take(self._neighbour(self.best))
            made = self._cut(parts.at(inner).price)
            if made.at(inner) >= self.bound * (1 - _NEAR):
                break
            relaxed = program.run(self.clock, whole=False, extra=self._rows(program))
            self.bound = min(self.bound, relaxed.bound)
        self.best = self._climb(self.best)
        return program.ruled_out(relaxed, self._value(self.best)), inner

    def _program(self) -> Program:
        """State the rules alone, over one row that gets the bound whatever is open; cuts come below it."""
        nothing = np.zeros(self.model.choices, bool)
        bare = replace(
            self.model,
            values=Values.dense(np.zeros((1, self.model.choices))),
            weights=np.ones(1),
            base=np.array([self.bound]),
            capacity=None,
        )
        # Of a goal of two groups the program has a variable for the least, which the cuts can hold down.
        goal = Goal(np.ones((1, 2)), "the total")
        return Program(bare, goal, certain=nothing, closed=self.model.rules.closed, reach=self.bound)

    def _rows(self, program: Program) -> tuple[Row, ...]:
        return tuple(program.under(c.constant, c.worth) for c in self.cuts)

    def _cut(self, price: Floats) -> Cut:
        model = self.model
        self.cuts.append(cut(model.values, model.base, model.weights, self.capacity, price))
        return self.cuts[-1]

    def _value(self, opened: Bools) -> float:
        """Evaluate a plan on the data, and cut at it, once."""
        key = opened.tobytes()
        if key not in self.values:
            model = self.model
            parts = share(model.values, model.base, model.weights, self.capacity, opened.astype(float))
            self._cut(parts.price)
            self.values[key] = math.fsum(model.weights * shared(model.values, model.base, parts.share))
        return self.values[key]

    def _least(self, opened: Bools) -> float:
        return min(c.at(opened) for c in self.cuts)

    def _climb(self, opened: Bools) -> Bools:
        """Exchange one choice for another while a plan gets better: the exchange that the cuts promise most first."""
        for _ in range(_TRIES):
            trial = self._neighbour(opened)
            if trial is None or self.clock.left_s() <= 0:
                break
            opened = max(opened, trial, key=self._value)
        return opened

    def _neighbour(self, opened: Bools) -> Bools | None:
        """Open one choice and close one or none, so that the cuts allow more than the plan gets, and the most."""
        value = self._value(opened)
        closing, opening = np.append(np.flatnonzero(opened), -1), np.flatnonzero(~opened)
        allowed = np.full((len(closing), len(opening)), self.bound)
        for c in self.cuts:
            without = c.at(opened) - np.append(c.worth, 0.0)[closing]
            np.minimum(allowed, without[:, None] + c.worth[opening], out=allowed)
        out, j = np.nonzero(allowed > value * (1 + TIE))
        for k in np.lexsort((j, out, -allowed[out, j])):
            trial = opened.copy()
            if closing[out[k]] >= 0:
                trial[closing[out[k]]] = False
            trial[opening[j[k]]] = True
            if trial.tobytes() not in self.values and self.model.rules.feasible(trial):
                return trial
        return None
