"""State which changes of a plan are made in which year as a mixed-integer program, and solve it to a proof."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np
import pandas as pd

from needs.charts.words import listing
from needs.errors import InfeasibleError, fail
from needs.location.milp import Milp
from needs.location.program import TIE, Clock, Row
from needs.location.rules import Bools, Floats, Ints
from needs.location.solve import Proof, Proved, Ties
from needs.location.terms import terms
from needs.location.values import Values

SAME = 1e-9  # values that differ by less are equal
_SCALE = 1e5  # what the need met is scaled to: HiGHS' absolute tolerances then lie far below TIE
_ORDER = 2.0**19  # greatest weight of a change in one solve that puts changes in order
_HALF_PENNY = 0.005  # pounds, left to rounding where money is added


@dataclass(frozen=True)
class Hang:
    """While an outreach site stands, one of the hubs that can run it stands.

    A state of n changes is what a change makes (its position), or what stands there until then (its position + n).

    Attributes
    ----------
    site_id, name
        Of the outreach site.
    state
        In which it is outreach; None where it is kept, so that it stands all along.
    hubs
        States, one of which must stand.
    """

    site_id: str
    name: str
    state: int | None
    hubs: list[int]

    def guard(self, count: int) -> list[int]:
        """Name the states of so many changes of which one must stand: a hub, or what is there in its place."""
        return self.hubs if self.state is None else [(self.state + count) % (2 * count), *self.hubs]


@dataclass(frozen=True)
class Changes:
    """Changes of a plan in order of site_id, n of them, and what each point gets before and after them.

    Attributes
    ----------
    table
        site_id, name, offer, status (open, convert, close), cost (pounds); without the sites that stay as they are.
    weights
        Of the points; shape (points,).
    values
        What each point gets from each change once done, then from what stands there until it is; shape
        (points, 2 n).
    base
        What each point gets from the sites that stay as they are; shape (points,).
    hangs
        Outreach sites that need a hub among the changes, or what stands there until then.
    budgets
        Pence of each year: whole, so that sums of money are exact.
    carry_over
        Whether what a year leaves may be spent later.
    most_per_year
        Openings and conversions in one year at most; None for any number.
    """

    table: pd.DataFrame
    weights: Floats
    values: Floats
    base: Floats
    hangs: list[Hang]
    budgets: list[int]
    carry_over: bool
    most_per_year: int | None

    @property
    def pence(self) -> Ints:
        """Cost of each change."""
        pence: Ints = np.rint(self.table["cost"].to_numpy(float) * 100).astype(np.intp)
        return pence

    @property
    def opens(self) -> Bools:
        """Whether each change is an opening or a conversion, which `most_per_year` counts."""
        return (self.table["status"] != "close").to_numpy(bool)

    def purse(self, year: int) -> int:
        """Pence that may be spent in a year, or with `carry_over` up to its end."""
        return sum(self.budgets[: year + 1]) if self.carry_over else self.budgets[year]

    def met(self, done: Bools) -> float:
        """Need met when some changes are done; an outreach site that no open hub can run meets none."""
        return math.fsum(self.weights * self._best(done))

    def _best(self, done: Bools) -> Floats:
        stands = np.append(done, ~done)
        run = stands.copy()
        run[[h.state for h in self.hangs if h.state is not None and not stands[h.hubs].any()]] = False
        best: Floats = np.maximum(self.base, self.values[:, run].max(axis=1, initial=0.0))
        return best

    def guards(self) -> list[list[int]]:
        """Name the sets of values of which one must stand at every year's end, so that no family waits.

        A family may not get less than both what it has today and what the finished plan gives it.
        """
        count = len(self.table)
        least = np.minimum(self._best(np.zeros(count, bool)), self._best(np.ones(count, bool)))
        held = (self.weights > 0) & (least > self.base + SAME)
        rows = np.unique(self.values[held] >= least[held, None] - SAME, axis=0)
        sets = {frozenset(np.flatnonzero(row).tolist()) for row in rows if not (row[:count] & row[count:]).any()}
        small = sorted(sets, key=lambda s: (len(s), sorted(s)))
        return [sorted(s) for k, s in enumerate(small) if not any(other < s for other in small[:k])]


class Program:
    """Changes as a mixed-integer program: is a change done by the end of a year, and is a term had there."""

    def __init__(self, changes: Changes) -> None:
        self.changes, count, years = changes, len(changes.table), len(changes.budgets)
        self.milp = Milp()
        self.done = self.milp.variables(count, years)
        # Pounds more in a year, and openings more in each, that would make the rules fit: none but where asked for.
        self.more = self.milp.variables(years, upper=0.0, whole=False)
        self.wider = self.milp.variables(1, upper=0.0)
        self._rules()
        all_values = np.maximum(changes.base, changes.values.max(axis=1, initial=0.0))
        reach = years * math.fsum(changes.weights * all_values)
        self.scale = _SCALE / reach if reach > 0 else 1.0
        self.constant = changes.met(np.ones(count, bool))  # of the last year, by which every change is done
        self.costs: dict[int, float] = {}
        self._terms()

    def _rules(self) -> None:
        changes, done, milp = self.changes, self.done, self.milp
        pounds, years = changes.pence / 100, len(changes.budgets)
        guards = changes.guards()
        for s in range(len(done)):
            milp.at_least(done[s, -1:], 1.0, 1.0)
            for before, after in pairwise(done[s]):
                milp.at_most([before, after], [1.0, -1.0], 0.0)
        for t in range(years):
            new = np.array([done[:, t], done[:, t - 1]] if t else [done[:, t]])
            signs = np.array([1.0, -1.0])[: len(new), None]
            spent, each = (new[:1], signs[:1] * pounds) if changes.carry_over else (new, signs * pounds)
            added = self.more[: t + 1] if changes.carry_over else self.more[t : t + 1]
            milp.at_most(
                np.append(spent, added), np.append(each, -np.ones(len(added))), changes.purse(t) / 100 + _HALF_PENNY
            )
            if changes.most_per_year is not None:
                counted = np.append(signs * changes.opens, -1.0)
                milp.at_most(np.append(new, self.wider), counted, float(changes.most_per_year))
            for hang in changes.hangs:
                self._stands(hang.guard(len(done)), t, 1.0)
            for guard in guards if t < years - 1 else []:
                self._stands(guard, t, 1.0)

    def _stands(self, values: list[int], t: int, least: float, *, had: int | None = None, term: int = -1) -> None:
        """Demand that so many of some values, or a term had already, stand in a year; with `term` only if it is had."""
        count = len(self.done)
        variables = [int(self.done[j % count, t]) for j in values]
        signs = [1.0 if j < count else -1.0 for j in values]
        for variable, sign in ((had, 1.0), (term if term >= 0 else None, -1.0)):
            if variable is not None:
                variables.append(variable)
                signs.append(sign)
        self.milp.at_least(variables, signs, least - sum(j >= count for j in values))

    def _terms(self) -> None:
        """State the need met at the end of every year but the last."""
        changes, count = self.changes, len(self.done)
        none = np.zeros(2 * count, bool)
        found = terms(Values.dense(changes.values), changes.base, changes.weights[:, None], certain=none, closed=none)
        alone, gains, links = found.alone[:, 0], found.gains[:, 0], found.linked.tolist()
        for t in range(len(changes.budgets) - 1):
            self.constant += float(found.constant[0]) + math.fsum(alone[count:])
            for j in np.flatnonzero(alone).tolist():
                self._pay(int(self.done[j % count, t]), float(alone[j]) * (1.0 if j < count else -1.0))
            terms_ = self.milp.variables(len(found), whole=False).tolist()
            for k, linked in enumerate(links):
                self._pay(terms_[k], float(gains[k]))
                added = found.added[found.start[k] : found.start[k + 1]]
                values = [*([-2 - linked] if linked < -1 else []), *added.tolist()]
                self._stands(values, t, 0.0, had=terms_[linked] if linked >= 0 else None, term=terms_[k])

    def _pay(self, variable: int, gain: float) -> None:
        self.costs[variable] = self.costs.get(variable, 0.0) - gain * self.scale

    def _objective(self, x: Floats) -> float:
        return math.fsum(self.changes.met(x[self.done[:, t]] > 0.5) for t in range(self.done.shape[1]))

    def solve(self, clock: Clock) -> tuple[Bools, Proof]:
        """Find what is done by the end of each year, shape (changes, years), and prove it.

        Raises
        ------
        InfeasibleError
            Naming the least that would mend the clash.
        """
        outcome = self.milp.run(self.costs, clock)
        if outcome.status == "infeasible":
            self._name_mend(clock)
        x = outcome.answer("phasing", clock)
        ties: Ties = "not checked"
        if outcome.status == "optimal":
            x, ties = self._first(x, clock)
        objective = self._objective(x)
        bound = max(objective, self.constant - outcome.bound / self.scale)
        gap = 0.0 if bound == objective else (bound - objective) / objective if objective > 0 else float("inf")
        status: Proved = (
            "optimal" if gap <= TIE else "time limit" if outcome.status == "time limit" else "solver stopped"
        )
        return x[self.done] > 0.5, Proof(status, objective, bound, gap, clock.spent_s(), clock.nodes, ties)

    def _first(self, x: Floats, clock: Clock) -> tuple[Floats, Ties]:
        """Choose among phasings that do equally well the one whose changes come first, in order of site_id."""
        years = self.done.shape[1]
        least = (self._objective(x) * (1 - TIE) - self.constant) * self.scale
        rows = [Row(np.array(list(self.costs), np.intp), np.array(list(self.costs.values())), -least)]
        now = x[self.done]
        other = Row(self.done.ravel(), np.where(now > 0.5, 1.0, -1.0).ravel(), float(now.sum()) - 1.0)
        rival = self.milp.run({}, clock, extra=(*rows, other))
        if rival.status == "infeasible":
            return x, "none"
        size = max(1, int(math.log(_ORDER, max(2, years))))
        for k in range(0, len(self.done), size):
            block = self.done[k : k + size]
            order = {int(v): -float(years ** (len(block) - 1 - s)) for s, vs in enumerate(block) for v in vs}
            outcome = self.milp.run(order, clock, start=x, extra=tuple(rows))
            if outcome.status != "optimal" or outcome.x is None:
                return x, "not checked"
            x = outcome.x
            rows += [Row(vs, -np.ones(years), -float(x[vs].sum())) for vs in block]
        return x, "broken"

    def _name_mend(self, clock: Clock) -> NoReturn:
        """Find the fewest openings a year more, then the least money more, with which the rules fit, and say so."""
        total = float(self.changes.pence.sum()) / 100
        upper = np.array(self.milp.upper)
        upper[self.more], upper[self.wider] = total, float(len(self.done))
        mend = Milp(upper.tolist(), self.milp.whole, self.milp.rows)
        costs = dict.fromkeys(self.more.tolist(), 1.0) | {int(self.wider[0]): 2.0 * total + 1.0}
        outcome = mend.run(costs, clock)
        if outcome.x is None:
            fail(InfeasibleError, "phasing", "no choice of years keeps to the budgets", "allow more in a year")
        pounds = np.where(outcome.x[self.more] > _HALF_PENNY, outcome.x[self.more] + _HALF_PENNY, 0.0)
        by_year = [f"{money(round(100 * p))} in year {t + 1}" for t, p in enumerate(pounds.tolist()) if p > 0]
        wider = round(float(outcome.x[self.wider][0]))
        mends = [f"add {listing(by_year)}"] if by_year else []
        mends += [f"raise most_per_year to {(self.changes.most_per_year or 0) + wider}"] if wider else []
        fail(
            InfeasibleError,
            "budgets" if by_year else "most_per_year",
            "no choice of years for the changes keeps to what each year allows, though it might be enough in all",
            f"{' and '.join(mends)}: no less would do",
        )


def money(pence: int) -> str:
    """Write an amount: `£1,234`, `£0.50`."""
    return f"£{pence // 100:,}" if pence % 100 == 0 else f"£{pence / 100:,.2f}"
