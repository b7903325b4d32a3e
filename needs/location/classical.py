"""Solve the classical location models: p-median, p-center, set covering, maximal covering and backup cover."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from needs.errors import InfeasibleError, NeedsError, fail, listed
from needs.location.costs import Costs
from needs.location.covering import cover_twice, earliest
from needs.location.nearest import Found, solve
from needs.location.program import Clock
from needs.location.table import Table

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

_ROUNDING = 1e-9  # relative difference of an objective from its bound that is none

Kind = Literal["p-median", "p-center", "LSCP", "MCLP", "backup"]

# What is counted, how a proven answer is called, and what becomes of rows that no site reaches.
_WORDS: dict[Kind, tuple[str, str, str]] = {
    "p-median": ("weighted cost", "least", "pay the cutoff"),
    "p-center": ("greatest cost of a row", "least", "are left out"),
    "LSCP": ("number of sites", "least", "are left out"),
    "MCLP": ("weight covered", "most", "count as uncovered"),
    "backup": ("weight covered twice", "most", "are left out"),
}


@dataclass(frozen=True)
class Result:
    """Which sites are open, and how sure it is that no others are better.

    Attributes
    ----------
    kind
        The model.
    opened
        Shape (sites,).
    objective
        p-median: sum of weight x cost; p-center: greatest cost; LSCP: number of sites; MCLP: weight covered; backup:
        weight covered at least twice. Evaluated on the data.
    bound
        No other sites have a better objective than this.
    gap
        Difference of objective and bound over the objective, at least 0.
    status
        "optimal": proven, within rounding. Else why the work ended before: "gap reached", "time limit", "effort
        spent" or "interrupted"; of backup cover also "fewer sites may do".
    served
        Position of the open site that serves each row, the cheapest, of equals the first; -1 where none is within
        reach (the radius, the cutoff); shape (rows,).
    left_out
        Positions of rows of some weight that no site allowed to open reaches.
    """

    kind: Kind
    opened: Bools
    objective: float
    bound: float
    gap: float
    status: str
    served: Ints
    left_out: Ints

    @property
    def summary(self) -> str:
        """Say it in a sentence or two."""
        what, best, lost = _WORDS[self.kind]
        proof = f"proven {best}"
        if self.status != "optimal":
            proof = f"{self.status}; the bound is {self.bound:,.12g}, a gap of {100 * self.gap:.2g} %"
        text = (
            f"{self.kind}: {self.opened.sum():,} of {len(self.opened):,} sites open, {what} {self.objective:,.12g} "
            f"({proof}). {(self.served >= 0).sum():,} of {len(self.served):,} rows are served"
        )
        return text + (f"; {len(self.left_out):,} that no site reaches {lost}." if len(self.left_out) else ".")


def p_median(
    cost: Floats,
    weights: Floats,
    *,
    p: int,
    cutoff: float | None = None,
    forced: Bools | None = None,
    closed: Bools | None = None,
    gap: float = 0.0,
    time_limit_s: float = 120.0,
) -> Result:
    """Open at most p sites so that the weighted cost from each row to its cheapest open site is least (Hakimi 1964).

    Parameters
    ----------
    cost
        Of each site to each row, at least 0; NaN is out of reach; shape (rows, sites).
    weights
        Of the rows, at least 0; a row of weight 0 asks for nothing; shape (rows,).
    p
        Sites to open, those forced included; one that would save nothing stays shut.
    cutoff
        What a row pays at most per unit of weight, served or not. Without it every row must be served.
    forced, closed
        Sites that open in any case, and that may not; shape (sites,).
    gap
        Relative gap at which the work may end.
    time_limit_s
        Seconds after which the best found so far is returned, with its bound.

    Raises
    ------
    InputError
        With every fault of what was given.
    InfeasibleError
        If p sites cannot reach every row and there is no cutoff, with the rows and the p that would do.
    """
    table = Table.of(cost, weights, forced, closed, p=p, cutoff=cutoff, gap=gap, time_limit_s=time_limit_s)
    clock, reach = Clock(time_limit_s), np.inf if cutoff is None else cutoff
    paid = table.weights[:, None] * table.cost
    if cutoff is None:
        lost = np.flatnonzero((table.weights > 0) & ~table.asking(np.inf))
        if len(lost):
            fail(InfeasibleError, "cost", f"no site reaches {_rows(lost)}", "give a cutoff, or these rows weight 0")
        # A plan that pays no more than one that serves every row leaves no row unserved.
        start = _reaching(table, np.inf, p, clock, "give a cutoff")
        every = math.fsum(table.paid(start, np.inf))
        dearest = np.where(np.isnan(paid).any(axis=1), every, np.fmax.reduce(paid, axis=1, initial=0.0))
        outside = np.where(table.weights > 0, np.floor(dearest) + 1.0, 0.0)
    else:
        start, outside = table.forced, table.weights * cutoff
    costs = Costs.dense(paid, outside)
    found = solve(costs, most=p, forced=table.forced, closed=table.closed, gap=gap, time_limit_s=clock.left_s())
    opened = min(found.opened, start, key=lambda plan: math.fsum(table.paid(plan, reach)))
    objective = math.fsum(table.paid(opened, reach))
    return _result("p-median", table, opened, reach, objective, found.bound, found.status)


def p_center(
    cost: Floats,
    *,
    p: int,
    weights: Floats | None = None,
    forced: Bools | None = None,
    closed: Bools | None = None,
    time_limit_s: float = 120.0,
) -> Result:
    """Open at most p sites so that the greatest cost of a row to its cheapest open site is least (Hakimi 1964).

    By bisection over the costs that occur, asking of each whether p sites cover all rows within it (Minieka 1970,
    SIAM Review 12).

    Parameters
    ----------
    cost, p, forced, closed, time_limit_s
        As in `p_median`. Rows that no site reaches are left out.
    weights
        Rows of weight 0 are left out too; what other rows weigh changes nothing; shape (rows,).

    Returns
    -------
    Result
        Fewer sites than p where they do as well; none of them can be exchanged for an earlier one that is not open.

    Raises
    ------
    InputError
        With every fault of what was given.
    InfeasibleError
        If p sites cannot reach every row that some site reaches, with the rows and the p that would do.
    """
    table = Table.of(cost, weights, forced, closed, p=p, time_limit_s=time_limit_s)
    clock, asking = Clock(time_limit_s), table.asking(np.inf)
    radii = np.unique(table.cost[asking])
    radii = radii[~np.isnan(radii)]

    def place(opened: Bools) -> int:
        """Say which of the radii a plan keeps."""
        return int(np.searchsorted(radii, table.least(opened)[asking].max(initial=0.0)))

    best = _reaching(table, np.inf, p, clock, "give some of these rows weight 0")
    low, high = place(~table.closed), place(best)
    while best.sum() < p and high > low:
        # Whoever fares worst gets its nearest site.
        worst = np.where(asking, table.least(best), 0.0).argmax()
        best[np.nanargmin(table.cost[worst])] = True
        high = place(best)
    while low < high:
        middle = (low + high) // 2
        answer = table.covered(radii[middle], clock, most=p)
        if answer.count <= p:
            best, high = answer.opened, place(answer.opened)
        elif answer.bound > p:
            low = middle + 1
        else:
            break
    best = earliest(table.cost[asking] <= table.least(best)[asking].max(initial=0.0), best, table.forced)
    objective = float(table.least(best)[asking].max(initial=0.0))
    return _result("p-center", table, best, np.inf, objective, float(radii[low]) if len(radii) else 0.0, "time limit")


def lscp(
    cost: Floats,
    *,
    radius: float,
    weights: Floats | None = None,
    forced: Bools | None = None,
    closed: Bools | None = None,
    time_limit_s: float = 120.0,
) -> Result:
    """Open the fewest sites that cover every row within a radius (location set covering, Toregas et al. 1971).

    Parameters
    ----------
    cost, forced, closed, time_limit_s
        As in `p_median`. Rows that no site reaches within the radius are left out.
    radius
        A row is covered when its cost is at most this.
    weights
        As in `p_center`.

    Returns
    -------
    Result
        None of its sites can be exchanged for an earlier one that is not open.

    Raises
    ------
    InputError
        With every fault of what was given.
    """
    table = Table.of(cost, weights, forced, closed, radius=radius, time_limit_s=time_limit_s)
    found = table.covered(radius, Clock(time_limit_s))
    opened = earliest(table.cost[table.asking(radius)] <= radius, found.opened, table.forced)
    return _result("LSCP", table, opened, radius, float(opened.sum()), float(found.bound), "time limit")


def mclp(
    cost: Floats,
    weights: Floats,
    *,
    radius: float,
    p: int,
    forced: Bools | None = None,
    closed: Bools | None = None,
    gap: float = 0.0,
    time_limit_s: float = 120.0,
) -> Result:
    """Open at most p sites so that the weight within a radius of an open site is greatest (Church and ReVelle 1974).

    Parameters
    ----------
    cost, weights, p, forced, closed, gap, time_limit_s
        As in `p_median`. Rows that no site reaches count as uncovered.
    radius
        As in `lscp`.

    Raises
    ------
    InputError
        With every fault of what was given.
    """
    table = Table.of(cost, weights, forced, closed, radius=radius, p=p, gap=gap, time_limit_s=time_limit_s)
    found = _most_covered(table, table.weights, radius, p, gap, Clock(time_limit_s))
    covered = math.fsum(table.weights[table.times(found.opened, radius) > 0])
    bound = math.fsum([*table.weights, -found.bound])
    return _result("MCLP", table, found.opened, radius, covered, bound, found.status)


def backup(
    cost: Floats,
    weights: Floats,
    *,
    radius: float,
    p: int | None = None,
    forced: Bools | None = None,
    closed: Bools | None = None,
    gap: float = 0.0,
    time_limit_s: float = 120.0,
) -> Result:
    """Cover every row within a radius, and as much weight as possible twice (Hogan and ReVelle 1986).

    With p sites it is their backup coverage problem; without p the sites are as few as cover every row (LSCP-B).

    Parameters
    ----------
    cost, weights, radius, p, forced, closed, gap, time_limit_s
        As in `mclp`. Rows that no site reaches within the radius are left out.

    Raises
    ------
    InputError
        With every fault of what was given.
    InfeasibleError
        If p sites cannot cover every row that some site covers, with the rows and the p that would do.
    """
    table = Table.of(cost, weights, forced, closed, radius=radius, p=p, gap=gap, time_limit_s=time_limit_s)
    clock, asking, fewer = Clock(time_limit_s), table.asking(radius), False
    if p is None:
        fewest = table.covered(radius, clock)
        start, p, fewer = fewest.opened, fewest.count, fewest.bound < fewest.count
    else:
        start = _reaching(table, radius, p, clock, "give a larger radius")
    within = table.cost[asking] <= radius
    found = cover_twice(within, table.weights[asking], start, p, clock, fixed=table.forced, gap=gap)
    twice = math.fsum(table.weights[table.times(found.opened, radius) > 1])
    result = _result("backup", table, found.opened, radius, twice, found.bound, found.status)
    return replace(result, status="fewer sites may do") if fewer else result


def _result(
    kind: Kind, table: Table, opened: Bools, reach: float, objective: float, bound: float, status: str
) -> Result:
    """Tell how sure it is; `status` says why the work ended, if there is no proof."""
    off = abs(bound - objective)
    if off <= _ROUNDING * objective or status == "optimal":
        bound, off, status = objective, 0.0, "optimal"
    gap = 0.0 if off == 0 else off / objective if objective > 0 else np.inf
    lost = np.flatnonzero((table.weights > 0) & ~table.asking(reach))
    return Result(kind, opened, objective, bound, gap, status, table.served(opened, reach), lost)


def _reaching(table: Table, reach: float, p: int, clock: Clock, mend: str) -> Bools:
    """Give p sites or fewer that reach every asking row, or say why there are none."""
    found = table.covered(reach, clock, most=p)
    if found.count <= p:
        return found.opened
    if found.bound <= p:
        fail(NeedsError, "p", f"no {p} sites that reach every row were found in time", "raise time_limit_s")
    fewest, asking = table.covered(reach, clock), table.asking(reach)
    best = _most_covered(table, asking.astype(float), reach, p, 0.0, clock).opened
    lost = np.flatnonzero(asking & (table.times(best, reach) == 0))
    least = f"p = {fewest.count}"
    if fewest.bound < fewest.count:
        least += f" (perhaps less, but at least {fewest.bound})"
    fail(
        InfeasibleError,
        "p",
        f"{p} sites cannot reach every row; at best they miss {_rows(lost)}",
        f"allow {least}, or {mend}",
    )


def _most_covered(table: Table, weights: Floats, reach: float, p: int, gap: float, clock: Clock) -> Found:
    costs = Costs.dense(np.where(table.cost <= reach, 0.0, np.nan), weights)
    return solve(costs, most=p, forced=table.forced, closed=table.closed, gap=gap, time_limit_s=clock.left_s())


def _rows(rows: Ints) -> str:
    return f"row{'s' if len(rows) != 1 else ''} {listed([str(i) for i in rows])}"
