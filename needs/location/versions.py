"""Hold many versions of one location problem: other weights, or other values, under the same rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from needs.errors import Faults, InfeasibleError
from needs.location import nearest
from needs.location.costs import Costs
from needs.location.frame import Frame, frame
from needs.location.model import Model
from needs.location.multipliers import Dual, as_costs, bound_all, kept, kept_below, resumed, rewards_of, sums, weighted
from needs.location.program import TIE
from needs.location.rules import Bools, Floats, Ints, Rules
from needs.location.saddle import relax
from needs.location.search import improve, round_up
from needs.location.solve import solve
from needs.location.values import Values

_STEPS = 1_000  # of a relaxed answer, at most
_AIM = 0.3  # of the gap asked: a bound as near as this serves the versions round about as well
_FEW = 200  # of them where a bound needs only a little help
_LISTED = 2  # times the choices to each that opens: how many of a row's cheapest are looked at first
_NEAR = 0.02  # of what the bound lacks: no multipliers reach it then
_WHOLE = 1e-6
_HELD = 2e-9  # a plan may miss a floor by this share of it: a tie, and rounding


@dataclass(frozen=True)
class Solved:
    """A plan of one version, or None; what no plan of that version passes; and the multipliers that say so."""

    opened: Bools | None
    bound: float
    dual: Dual | None


class Versions(Protocol):
    """What `pooling.certify` asks of many versions of a problem; worth is what is to be greatest."""

    @property
    def count(self) -> int:
        """How many versions there are."""

    @property
    def rules(self) -> Rules:
        """Which sets of choices may be open, in every version."""

    def worths(self, opened: Bools) -> Floats:
        """Worth of a plan in each version, shape (count,): minus infinity where it misses a floor."""

    def limits(self) -> Floats:
        """Worth of opening everything: no plan has more; shape (count,)."""

    def bounds(self, dual: Dual, which: Ints) -> Floats:
        """Worth that no plan passes in some versions, by multipliers of any; shape (len(which),)."""

    def solve(self, k: int, *, start: Bools | None, dual: Dual | None, gap: float) -> Solved:
        """Find a plan of a version, and bound it within a relative gap; `start` is a plan of it."""


@dataclass(frozen=True)
class Weighted:
    """Rows whose weights differ by version; worth is minus what all rows pay.

    Attributes
    ----------
    costs
        Of one unit of each row: p-median, maximal covering, gradual cover.
    weights
        At least 0; shape (versions, rows).
    rules
        Which sets of choices may be open.
    time_limit_s
        For the exact solution of one version.
    """

    costs: Costs
    weights: Floats
    rules: Rules
    time_limit_s: float = 120.0

    def __post_init__(self) -> None:
        faults = Faults()
        if self.weights.ndim != 2 or self.weights.shape[1] != self.costs.rows or not len(self.weights):
            faults.add(
                "weights",
                f"are of shape {self.weights.shape}",
                f"give a row for each version and {self.costs.rows} columns",
            )
        if not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            faults.add("weights", "one is below 0 or not a number", "give numbers that are 0 or more")
        if self.rules.choices != self.costs.choices:
            faults.add("rules", f"are about {self.rules.choices} choices", f"state them for {self.costs.choices}")
        faults.raise_if_any()

    @property
    def count(self) -> int:
        """How many versions there are."""
        return len(self.weights)

    @cached_property
    def _frame(self) -> Frame:
        return frame(self.rules)

    @cached_property
    def _whole(self) -> bool:
        """Whether what is paid is always a whole number."""
        return self.costs.whole and bool((self.weights == np.rint(self.weights)).all())

    @cached_property
    def _by_row(self) -> Floats:
        """Weights, shape (rows, versions)."""
        return np.ascontiguousarray(self.weights.T)

    @cached_property
    def _outside(self) -> Floats:
        """What all rows pay in each version when nothing is open; shape (versions,)."""
        return sums(self.weights, self.costs.outside)

    def worths(self, opened: Bools) -> Floats:
        """Worth of a plan in each version; shape (versions,)."""
        return -sums(self.weights, self.costs.paid(opened))

    def limits(self) -> Floats:
        """Worth of opening everything."""
        return self.worths(~self.rules.closed)

    def bounds(self, dual: Dual, which: Ints) -> Floats:
        """Bound versions by any multipliers: one product of weights and what choices save against them."""
        c = self.costs
        rows = dual.rows * c.outside
        saved = rows[c.row] - c.cost
        used = saved > 0
        rewards = csr_array((saved[used], (c.choice[used], c.row[used])), shape=(c.choices, c.rows))
        weights = self._by_row if len(which) == self.count else np.ascontiguousarray(self._by_row[:, which])
        paid = bound_all(
            self._frame,
            sums(self.weights[which], rows),
            np.asarray(rewards @ weights),
            dual.side,
            self._outside[which],
            c.rows,
        )
        return self._rounded(-paid)

    def solve(self, k: int, *, start: Bools | None, dual: Dual | None, gap: float) -> Solved:
        """Solve one version."""
        if self._most is None:
            costs = weighted(self.costs, self.weights[k])
            # Stated by what choices save, each row's weight being in its values.
            saved = Values(costs.choices, costs.start, costs.choice, costs.outside[costs.row] - costs.cost)
            model = Model(saved, np.ones(costs.rows), np.zeros(costs.rows), self.rules)
            found = _solve(model, costs, top=0.0, start=start, dual=dual, gap=gap, time_limit_s=self.time_limit_s)
        else:
            found = self._nearest(k, self._most, start=start, dual=dual, gap=gap)
        return replace(found, bound=float(self._rounded(np.array(found.bound))))

    def _rounded(self, bound: Floats) -> Floats:
        """Lower a bound to the whole number below it, where worth is whole; a little is left to rounding."""
        return np.floor(bound + _WHOLE) if self._whole else bound

    def _nearest(self, k: int, most: int, *, start: Bools | None, dual: Dual | None, gap: float) -> Solved:
        """Solve one version where all that matters is how many choices open."""
        costs, weights, unit = weighted(self._near, self.weights[k]), self.weights[k], float(self._outside[k])
        outside, closed = self.costs.outside * weights, self.rules.closed
        going = None
        if start is not None and dual is not None:
            paid = float(weights @ self.costs.paid(start))
            at = resumed(dual, outside, unit)
            if gap:
                relaxed = relax(costs, self.rules, start=at, steps=_FEW, target=paid * (1 - gap), near=_NEAR)
                if relaxed.bound >= paid * (1 - gap):
                    return Solved(start, -relaxed.bound, None)
            going = nearest.Found(start, paid, -np.inf, np.inf, "effort spent", 0, at)
        found = _ended(nearest.solve(costs, most=most, closed=closed, gap=gap * _AIM, start=going))
        paid = float(weights @ self.costs.paid(found.opened))
        if paid - found.bound > max(gap, TIE) * paid:  # a row is served from beyond what is listed near it
            costs = weighted(self.costs, weights)
            found = _ended(nearest.solve(costs, most=most, closed=closed, gap=gap * _AIM, start=found))
            paid = float(weights @ self.costs.paid(found.opened))
        bound = paid if found.status == "optimal" and paid <= found.paid * (1 + TIE) else found.bound
        return Solved(found.opened, -bound, kept(found.relaxed, outside, unit))

    @cached_property
    def _near(self) -> Costs:
        """The cheapest choices of each row only: to pay at most what the next would cost bounds the whole."""
        c, listed = self.costs, _LISTED * self.costs.choices // max(1, self._most or 1) + _LISTED
        last = c.start[:-1] + listed
        outside = c.outside.copy()
        longer = last < c.start[1:]
        outside[longer] = c.cost[last[longer]]
        return kept_below(c, c.cost, outside)

    @cached_property
    def _most(self) -> int | None:
        """How many choices may open, if that and what is closed are the only rules."""
        r = self.rules
        if len(r.limits) != 1 or r.apart or r.required or r.hangs.any() or not (r.limits[0].amounts == 1).all():
            return None
        return int(r.limits[0].most * (1 + TIE))


@dataclass(frozen=True)
class Varied:
    """Versions that differ in weights, values and floors; worth is the weighted value.

    Attributes
    ----------
    models
        At least one, of the same rules. Multipliers of one serve those that have as many rows, in the same order.
    time_limit_s
        For the exact solution of one version.
    """

    models: tuple[Model, ...]
    time_limit_s: float = 120.0

    def __post_init__(self) -> None:
        faults = Faults()
        if not self.models:
            faults.add("models", "there is none", "give a model for each version")
        for k, model in enumerate(self.models[1:], 1):
            if not _same(model.rules, self.models[0].rules):
                faults.add(f"model {k}", "has other rules than the first", "vary weights, values and floors")
        faults.raise_if_any()

    @staticmethod
    def of(count: int, make: Callable[[int], Model], *, time_limit_s: float = 120.0) -> Varied:
        """Make each version: `make(k)` for k from 0 to count - 1.

        What it asks first is brought as high as can be, for each version on its own, and then held as floors.
        """
        return Varied(tuple(_held(make(k), time_limit_s) for k in range(count)), time_limit_s)

    @property
    def count(self) -> int:
        """How many versions there are."""
        return len(self.models)

    @property
    def rules(self) -> Rules:
        """Which sets of choices may be open, in every version."""
        return self.models[0].rules

    @cached_property
    def _frame(self) -> Frame:
        return frame(self.rules)

    @cached_property
    def _stated(self) -> list[tuple[Costs, float]]:
        """Each version by what is lost against the best of each row; and the worth of losing nothing."""
        return [as_costs(model) for model in self.models]

    def worths(self, opened: Bools) -> Floats:
        """Worth of a plan in each version; shape (versions,)."""
        return np.array([m.objective(opened) if m.met(opened, slack=_HELD) else -np.inf for m in self.models])

    def limits(self) -> Floats:
        """Worth of opening everything."""
        everything = ~self.rules.closed
        return np.array([m.objective(everything) for m in self.models])

    def bounds(self, dual: Dual, which: Ints) -> Floats:
        """Bound versions by any multipliers: floors are left out, and more plans have no less a best."""
        bounds = np.full(len(which), np.inf)
        for at, k in enumerate(which):
            costs, top = self._stated[k]
            if costs.rows != len(dual.rows):
                continue
            rows = dual.rows * costs.outside
            rewards = rewards_of(costs.start, costs.choice, costs.cost, rows, costs.choices)
            unit = np.array([costs.outside.sum()])
            summed = np.array([rows.sum()])
            bounds[at] = top - bound_all(self._frame, summed, rewards[:, None], dual.side, unit, costs.rows)[0]
        return bounds

    def solve(self, k: int, *, start: Bools | None, dual: Dual | None, gap: float) -> Solved:
        """Solve one version."""
        costs, top = self._stated[k]
        if dual is not None and costs.rows != len(dual.rows):
            dual = None
        return _solve(self.models[k], costs, top=top, start=start, dual=dual, gap=gap, time_limit_s=self.time_limit_s)


def _solve(
    model: Model, costs: Costs, *, top: float, start: Bools | None, dual: Dual | None, gap: float, time_limit_s: float
) -> Solved:
    """Relax from where another version stood, round and improve; hand the rest to the exact solver.

    Worth is `top` less what `costs` say is paid, and `model`'s objective to a constant.
    """
    unit = float(costs.outside.sum())
    going = None if dual is None else resumed(dual, costs.outside, unit)
    if going is not None and start is not None:
        paid = float(costs.paid(start).sum())
        target = paid - gap * abs(top - paid)
        going = relax(costs, model.rules, start=going, steps=_FEW, target=target, near=_NEAR)
        if going.bound >= target:
            return Solved(start, top - going.bound, None)
    opened = None if start is None else improve(model, model.total, start)
    opened = opened if opened is not None and model.met(opened) else None
    paid = np.inf if opened is None else float(costs.paid(opened).sum())
    target = np.inf if opened is None else paid - _AIM * gap * abs(top - paid)
    relaxed = relax(costs, model.rules, start=going, steps=_STEPS, target=target, near=_NEAR)
    bound, found = top - relaxed.bound, kept(relaxed, costs.outside, unit)
    rounded = round_up(model, relaxed.y)
    if rounded is not None:
        rounded = improve(model, model.total, rounded)
        if model.met(rounded) and costs.paid(rounded).sum() < paid:
            opened, paid = rounded, float(costs.paid(rounded).sum())
    if opened is not None and bound - (top - paid) <= abs(top - paid) * max(gap, TIE):
        return Solved(opened, bound, found)
    # The solver's gap is of what it counts; without a plan to say how much that is, it proves the best.
    most = 0.0 if opened is None else model.objective(opened)
    asked = gap * abs(top - paid) / most if most > 0 else 0.0
    solution = solve(model, gap=asked, start=opened, ties=False, time_limit_s=time_limit_s)
    if solution.proof.status == "interrupted":
        raise KeyboardInterrupt
    worth = top - float(costs.paid(solution.opened).sum())
    above = 0.0 if solution.proof.status == "optimal" else solution.proof.bound - solution.proof.objective
    return Solved(solution.opened, min(bound, worth + above), found)


def _ended(found: nearest.Found) -> nearest.Found:
    """Pass an interruption on: it ends the work on all versions."""
    if found.status == "interrupted":
        raise KeyboardInterrupt
    return found


def _held(model: Model, time_limit_s: float) -> Model:
    """Bring up what a model asks first, and hold it."""
    if not model.first:
        return model
    try:
        steps = solve(model, ties=False, time_limit_s=time_limit_s).proof.steps
    except InfeasibleError:  # its floors alone say so again
        return replace(model, first=())
    for goal, step in zip(model.first, steps, strict=True):
        model = model.holding(goal, step.reached)
    return model


def _same(a: Rules, b: Rules) -> bool:
    """Whether two rules allow the same sets."""
    if a is b:
        return True
    links = (a.links is None) == (b.links is None) and (
        a.links is None
        or b.links is None
        or (np.array_equal(a.links.start, b.links.start) and np.array_equal(a.links.parent, b.links.parent))
    )
    groups = all(
        len(x) == len(y) and all(np.array_equal(g, h) for g, h in zip(x, y, strict=True))
        for x, y in ((a.apart, b.apart), (a.required, b.required))
    )
    return (
        a.choices == b.choices
        and links
        and groups
        and np.array_equal(a.closed, b.closed)
        and np.array_equal(a.hangs, b.hangs)
        and len(a.limits) == len(b.limits)
        and all(
            np.array_equal(x.amounts, y.amounts) and x.most == y.most for x, y in zip(a.limits, b.limits, strict=True)
        )
    )
