"""Solve many versions of one problem together: each plan and each bound found for one serves them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from needs.errors import Faults, InfeasibleError, NeedsError, fail
from needs.location.multipliers import Dual
from needs.location.program import TIE
from needs.location.rules import Bools, Floats, Ints
from needs.location.versions import Solved, Versions


@dataclass(frozen=True)
class Pooled:
    """The best plan known of each version, and how sure it is.

    Attributes
    ----------
    plans
        Every plan met: fewest open choices first, then those that open the first choice in which they differ; shape
        (plans, choices).
    worth
        Of each plan in each version; minus infinity where it misses a floor; shape (plans, versions).
    bound
        Worth that no plan of a version passes; minus infinity where it has none; shape (versions,).
    best
        Plan of the greatest worth in each version, of plans as good within 1e-9 the first; -1 for none; shape
        (versions,).
    gap
        (bound - worth of the best) / size of that worth, at least 0; 0 where it is known that there is no plan; shape
        (versions,).
    solved
        Versions that were solved for themselves; the others are proven by what those left; shape (versions,).
    status
        "certified": every gap is at most what was asked. "left open": some version's own solution stopped short of
        it. "interrupted": what was certified by then.
    """

    plans: Bools
    worth: Floats
    bound: Floats
    best: Ints
    gap: Floats
    solved: Bools
    status: Literal["certified", "left open", "interrupted"]

    @property
    def most(self) -> Floats:
        """Worth of the best plan of each version; shape (versions,)."""
        return _greatest(self.worth)

    def regret(self, plan: int) -> Floats:
        """Give what a plan falls short of the best plan known of each version; shape (versions,)."""
        regret: Floats = self.most - self.worth[plan]
        return regret

    def shares(self) -> Floats:
        """Share of the versions whose best plan opens each choice, of those that have a plan; shape (choices,)."""
        known = self.best[self.best >= 0]
        times = np.bincount(known, minlength=len(self.plans))
        shares: Floats = times @ self.plans / max(1, len(known))
        return shares


@dataclass(frozen=True)
class Minimax:
    """The plan of a pool that falls least short of the best in the version in which it falls short most.

    Attributes
    ----------
    plan
        Its place in the pool.
    regret
        Its greatest shortfall, relative to the size of the version's best worth.
    version
        Where that is.
    """

    plan: int
    regret: float
    version: int


def certify(
    versions: Versions,
    *,
    gap: float = 0.01,
    start: Sequence[Bools] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Pooled:
    """Find for each version a plan, proven to be within a gap of that version's best.

    What a plan is worth is linear in the weights of the rows, and so is the bound that any multipliers prove: one
    pass says both for every version. The version whose gap is greatest is solved for itself, beginning from the best
    plan and multipliers at hand, and adds its own to both pools, until no gap is over what is asked.

    Parameters
    ----------
    versions
        `versions.Weighted` or `versions.Varied`.
    gap
        Relative to the worth of the best plan; 0 proves every version optimal, to 1e-9 or to the whole number.
    start
        Plans to begin with, that keep the rules; shape (choices,) each.
    progress
        Told how many versions are certified, and of how many.

    Returns
    -------
    Pooled
        What no other order of the versions would change, but for ties of gaps. Interrupted from the keyboard, it
        holds what is known by then.

    Raises
    ------
    InputError
        If the gap is below 0, or a plan to begin with does not keep the rules.
    InfeasibleError
        If no version has a plan, and none was given.
    """
    work = _Work(versions, gap, start)
    status: Literal["certified", "left open", "interrupted"] = "certified"
    clash: InfeasibleError | None = None
    try:
        while (k := work.widest()) is not None:
            try:
                found = versions.solve(k, start=work.plan_of(k), dual=work.dual_of(k), gap=gap)
            except InfeasibleError as error:
                clash, found = error, Solved(None, -np.inf, None)
            work.take(k, found)
            progress(work.certified(), versions.count)
    except KeyboardInterrupt:
        status = "interrupted"
    if not work.plans and clash is not None:
        raise clash
    if not work.plans:
        fail(NeedsError, "versions", "were interrupted before any plan was found", "let it run, or give one to start")
    return work.result(status)


class _Work:
    """Plans, multipliers, and what they prove so far."""

    def __init__(self, versions: Versions, gap: float, start: Sequence[Bools]) -> None:
        faults = Faults()
        if not gap >= 0:
            faults.add("gap", f"is {gap}", "give 0 or a share such as 0.01")
        for n, plan in enumerate(start):
            if plan.shape != (versions.rules.choices,) or not versions.rules.feasible(plan):
                faults.add(f"start, plan {n}", "does not keep the rules", "take it out")
        faults.raise_if_any()
        self.versions, self.gap = versions, max(gap, TIE)
        self.plans: list[Bools] = []
        self.worth: list[Floats] = []
        self.duals: list[Dual] = []
        self.bound = versions.limits()
        self.best = np.full(versions.count, -np.inf)
        self.which_plan = np.full(versions.count, -1)
        self.which_dual = np.full(versions.count, -1)
        self.solved = np.zeros(versions.count, bool)
        for plan in start:
            self._add(plan)

    def gaps(self) -> Floats:
        """Relative gap of each version; infinite without a plan, 0 where there is none to be had."""
        return _gaps(self.bound, self.best)

    def widest(self) -> int | None:
        """Give the version to solve next; at first the middle one by size, which stands for the most others."""
        gaps = np.where(self.solved, -1.0, self.gaps())
        if not self.duals and (gaps > self.gap).any():
            open_ones = np.flatnonzero(gaps > self.gap)
            return int(open_ones[np.argsort(self.bound[open_ones], kind="stable")[len(open_ones) // 2]])
        k = int(np.argmax(gaps))
        return k if gaps[k] > self.gap else None

    def plan_of(self, k: int) -> Bools | None:
        """Give the best plan at hand for a version."""
        return self.plans[self.which_plan[k]] if self.which_plan[k] >= 0 else None

    def dual_of(self, k: int) -> Dual | None:
        """Give the multipliers at hand that bound a version best, or the latest."""
        return self.duals[self.which_dual[k]] if self.duals else None

    def take(self, k: int, found: Solved) -> None:
        """Add a version's solution to the pools."""
        self.solved[k] = True
        self.bound[k] = min(self.bound[k], found.bound)
        if found.opened is not None:
            self._add(found.opened)
        if found.dual is None:
            return
        open_ones = np.flatnonzero(~self.solved & (self.gaps() > self.gap))
        if len(open_ones):
            bounds = self.versions.bounds(found.dual, open_ones)
            better = bounds < self.bound[open_ones]
            self.which_dual[open_ones[better]] = len(self.duals)
            self.bound[open_ones] = np.minimum(self.bound[open_ones], bounds)
        self.duals.append(found.dual)

    def _add(self, plan: Bools) -> None:
        if any((plan == other).all() for other in self.plans):
            return
        worth = self.versions.worths(plan)
        better = worth > self.best
        self.which_plan[better] = len(self.plans)
        self.best = np.maximum(self.best, worth)
        self.plans.append(plan.copy())
        self.worth.append(worth)

    def certified(self) -> int:
        """Count the versions whose gap is at most what was asked."""
        return int(np.count_nonzero(self.gaps() <= self.gap))

    def result(self, status: Literal["certified", "left open", "interrupted"]) -> Pooled:
        """Put the plans in order, and say which is the best of each version."""
        order = sorted(range(len(self.plans)), key=lambda n: (self.plans[n].sum(), (~self.plans[n]).tolist()))
        plans, worth = np.array([self.plans[n] for n in order]), np.array([self.worth[n] for n in order])
        most = _greatest(worth)
        tied = worth >= most - TIE * np.abs(most)
        best = np.where(np.isfinite(most), tied.argmax(axis=0), -1)
        bound = np.maximum(self.bound, most)
        gap = _gaps(bound, most)
        if status == "certified" and (gap > self.gap).any():
            status = "left open"
        return Pooled(plans, worth, bound, best, gap, self.solved, status)


def minimax(pooled: Pooled) -> Minimax:
    """Find the plan of the pool whose worst relative regret over the versions that have a plan is least.

    Nothing is said of plans outside the pool. Ties go to the plan that stands first. A plan that misses a floor in a
    version is not taken while another misses none.

    Source: Kouvelis and Yu (1997), Robust Discrete Optimization and Its Applications, relative robust deviation.
    """
    most = pooled.most
    known = np.isfinite(most)
    regret = relative(np.maximum(most[known] - pooled.worth[:, known], 0.0), most[known])
    worst = regret.max(axis=1)
    plan = int(np.flatnonzero(worst <= worst.min() + TIE)[0])
    return Minimax(plan, float(worst[plan]), int(np.flatnonzero(known)[regret[plan].argmax()]))


def relative(short: Floats, worth: Floats) -> Floats:
    """Divide by the size of a worth: 0 where nothing is short, infinite where something is, of nothing."""
    size = np.abs(worth)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = np.where(short <= 0, 0.0, np.where(np.isfinite(worth) & (size > 0), short / size, np.inf))
    return share


def _gaps(bound: Floats, most: Floats) -> Floats:
    return relative(np.subtract(bound, most, out=np.zeros(len(most)), where=np.isfinite(bound)), most)


def _greatest(worth: Floats) -> Floats:
    most: Floats = worth.max(axis=0)
    return most
