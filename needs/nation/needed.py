"""Count the hubs that each council needs for a share of its families to be covered, and prove that fewer cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from needs.errors import Faults, InfeasibleError, fail
from needs.location.costs import Bools, Floats
from needs.location.nearest import Found
from needs.nation.each import ForEach, Task, here
from needs.nation.reach import Reach, best_hubs, names

SHARES_PCT = (70.0, 80.0, 90.0)  # of families; presets of this toolkit: no standard for it was found
SAME = 1e-9  # relative: below this two figures are equal
_TOLERANCE = 2e-4  # of all families: how near to its bound a point of a frontier is brought
_EFFORT = 2e8  # entries touched for a point of a frontier, about two seconds at most
_DEEPER = 10.0  # times that effort, where it is open whether a number of hubs suffices
_UNIT = 2.3e-16  # by which one addition errs, relative


@dataclass(frozen=True)
class Step:
    """The best found with so many new hubs.

    Attributes
    ----------
    new
        How many hubs may open beside today's.
    opened
        Which do; shape (sites,).
    reached
        Of what is counted, each family by its best cover, today's hubs staying.
    bound
        No so many new hubs reach more.
    """

    new: int
    opened: Bools
    reached: float
    bound: float


@dataclass(frozen=True)
class Needed:
    """Hubs needed, council by council.

    Attributes
    ----------
    table
        One row a council and share, sorted by both: council, name, share_pct, hubs_today (of the council's own, that
        stay), hubs (the fewest found at which so many families are covered, today's among them), at_least (fewer are
        proven not to do), status ("proven": the two are equal; "between": they are not; "out of reach": all buildings
        together cover fewer, and both are missing), reached_pct (at that number of hubs; NaN out of reach), most_pct
        (with hubs in all buildings that may have one).
    frontier
        One row a council and number of hubs: council, hubs, new, reached_pct (the most found), bound_pct (no so many
        reach more); from today's number to where the greatest share, or the most there is, is reached.
    """

    table: pd.DataFrame
    frontier: pd.DataFrame


def hubs_needed(reach: Reach, shares_pct: Sequence[float] = SHARES_PCT, *, for_each: ForEach = here) -> Needed:
    """Find the fewest hubs of each council that cover shares of its families.

    Covered is the sum of demand x best cover over the sum of demand, so that families covered in part count in part.
    Hubs of today stay and sites that must become hubs do; hubs that neighbours have today count (Childcare Act 2006,
    s5A(3)), hubs that neighbours could open do not.

    Parameters
    ----------
    reach
        All councils' families and sites.
    shares_pct
        Of families to be covered, in per cent.
    for_each
        Who does it council by council.

    Raises
    ------
    InputError
        If a share is not over 0 and up to 100.
    """
    faults = Faults()
    for share in shares_pct:
        if not 0 < share <= 100:
            faults.add("shares_pct", f"has {share:g}", "give per cent over 0 and up to 100")
    faults.raise_if_any()
    shares = sorted(set(shares_pct))
    tasks = [Task(council, partial(reach.within, council), f"{shares}") for council in reach.councils]
    found = for_each("needed", partial(_needed, shares=shares), tasks)
    tables, curves = zip(*((own.table, own.frontier) for own in found.values()), strict=True)
    return Needed(pd.concat(tables, ignore_index=True), pd.concat(curves, ignore_index=True))


def _needed(part: Reach, shares: Sequence[float]) -> Needed:
    """Find the hubs that one council needs."""
    [council] = part.councils
    total = math.fsum(part.amounts("demand"))
    most = part.reached(part.kept | part.may, "demand")
    found = steps(part, "demand", until=[total * share / 100.0 for share in shares])
    hubs = int((part.kept & (part.sites["council"] == council).to_numpy()).sum())
    facts = {"council": council, "name": names([council])[council]}

    def percent(value: float) -> float:
        return 100.0 * value / total if total > 0 else math.nan

    rows: list[dict[str, Any]] = []
    for share in shares:
        least, fewest = (_first(found, total * share / 100.0, by) for by in ("bound", "reached"))
        rows.append(
            {
                **facts,
                "share_pct": share,
                "hubs_today": hubs,
                "hubs": pd.NA if fewest is None else hubs + fewest.new,
                "at_least": pd.NA if fewest is None or least is None else hubs + least.new,
                "status": "out of reach" if fewest is None else "proven" if fewest is least else "between",
                "reached_pct": math.nan if fewest is None else percent(fewest.reached),
                "most_pct": percent(most),
            }
        )
    curve = [
        {
            "council": council,
            "hubs": hubs + step.new,
            "new": step.new,
            "reached_pct": percent(step.reached),
            "bound_pct": percent(step.bound),
        }
        for step in found
    ]
    whole = {"hubs_today": "Int64", "hubs": "Int64", "at_least": "Int64"}
    return Needed(pd.DataFrame(rows).astype(whole), pd.DataFrame(curve))


def steps(part: Reach, by: str, *, until: Sequence[float] = (math.inf,), most: int | None = None) -> list[Step]:
    """Find the most that a council's new hubs reach, for each number of them.

    One set of multipliers bounds every number of hubs (`location.saddle`); all of them are kept, and each number has
    the least of its bounds, and none above that of the next. A plan is begun from the one before, so that what is
    reached never falls.

    Parameters
    ----------
    part
        Of one council.
    by
        What is counted: demand, weight or children.
    until
        What is to be reached: the numbers end where the greatest of these is, or all that could be. Whether a number
        of hubs reaches one of these is worked at harder.
    most
        New hubs at most; without it as many as there are buildings.

    Returns
    -------
    list of Step
        From as many as must open, one by one.

    Raises
    ------
    InfeasibleError
        If more sites must become hubs than `most`.
    """
    curve = _Curve(part, by)
    first = int(part.musts.sum())
    last = curve.last if most is None else min(most, curve.last)
    if first > last:
        fail(InfeasibleError, "new hubs", f"{first} must open and at most {last} may", "force fewer or allow more")
    for new in range(first, last + 1):
        curve.extend(new)
        if curve.found[-1].reached >= min(curve.every, max(until)) * (1.0 - SAME):
            break
    curve.settle()
    for goal in until:
        curve.decide(goal)
    return curve.found


class _Curve:
    """Points of a frontier, and what bounds them all."""

    def __init__(self, part: Reach, by: str) -> None:
        self._part, self._by = part, by
        self._costs, self.every = part.costs(by)
        self._total = math.fsum(part.amounts(by))
        self.last = int(part.may.sum())
        self._answer: Found | None = None
        self._answers: list[Found] = []
        self.found: list[Step] = []

    def extend(self, new: int) -> None:
        """Find the best of one new hub more."""
        lacked = self.every - self.found[-1].reached if self.found else self._total
        gap = _TOLERANCE * self._total / lacked if lacked > 0 else math.inf
        self._answer = best_hubs(self._part, self._costs, new, gap=gap, effort=_EFFORT, start=self._answer)
        self._answers.append(self._answer)
        self.found.append(self._step(new, self._answer))

    def _step(self, new: int, answer: Found) -> Step:
        """Value an answer on the data."""
        reached = self._part.reached(self._part.kept | answer.opened, self._by)
        return Step(new, answer.opened, reached, max(self.every - answer.bound, reached))

    def settle(self) -> None:
        """Give each number of hubs the least bound that any multipliers prove, and no worse plan than fewer have."""
        found, musts = self.found, self._part.musts
        rest = np.array([step.new for step in found]) - int(musts.sum())
        bounds = np.array([step.bound for step in found])
        for at in (answer.relaxed for answer in self._answers):
            bounds = np.minimum(bounds, self.every - _lacked(at.rows, at.rewards, musts, self._part.may, rest))
        bounds = np.minimum.accumulate(bounds[::-1])[::-1]
        best = found[0]
        for k, step in enumerate(found):
            best = step if step.reached > best.reached else best
            found[k] = Step(step.new, best.opened, best.reached, max(float(bounds[k]), best.reached))

    def decide(self, goal: float) -> None:
        """Work harder at the numbers of hubs of which it is open whether they reach a goal."""
        for k in range(len(self.found)):
            step = self.found[k]
            if step.reached < goal * (1.0 - SAME) <= step.bound:
                self._answers[k] = best_hubs(
                    self._part, self._costs, step.new, gap=0.0, effort=_DEEPER * _EFFORT, start=self._answers[k]
                )
                better = self._step(step.new, self._answers[k])
                best = better if better.reached > step.reached else step
                self.found[k] = replace(best, bound=min(step.bound, better.bound))
                self.settle()


def _lacked(rows: Floats, rewards: Floats, musts: Bools, may: Bools, rest: Any) -> Floats:
    """Bound from below what is lacked, for numbers of hubs beside those that must open.

    The sum of multipliers, less the greatest rewards that so many hubs have (`saddle.Relaxed`); what summation may err
    by is taken off.
    """
    free = np.sort(np.maximum(rewards[may & ~musts], 0.0))[::-1]
    best = np.concatenate([[0.0], np.cumsum(free)])[np.minimum(rest, len(free))]
    fixed = float(rewards[musts].sum())
    sums = float(rows.sum())
    error = _UNIT * (2.0 * len(rows) + len(rewards)) * (2.0 * sums + best + float(np.abs(rewards[musts]).sum()))
    lacked: Floats = sums - fixed - best - error
    return lacked


def _first(found: list[Step], goal: float, by: str) -> Step | None:
    """Give the first step of which what is reached, or its bound, comes up to a goal."""
    return next((step for step in found if getattr(step, by) >= goal * (1.0 - SAME)), None)
