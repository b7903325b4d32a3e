"""Choose which changes of a plan to make first under yearly budgets, with a proof, and say why."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.charts.words import listing, plural, safe
from needs.errors import Faults, InfeasibleError
from needs.location.program import Clock
from needs.location.rules import Bools, Ints
from needs.location.solve import Proof
from needs.siting.case import aligned
from needs.siting.phasing_model import SAME, Changes, Program, money
from needs.siting.tables import codes, has, html, known, numbers

STATUSES = ("open", "convert", "close", "keep")
_CHANGES = ("site_id", "name", "offer", "status", "cost", "parent_hub_id")
_OFFERS = {"open": ("hub", "outreach"), "convert": ("hub", "outreach"), "keep": ("hub", "outreach"), "close": ("none",)}


@dataclass(frozen=True)
class Phasing:
    """The year of every change, how sure it is that no other years do better, and why.

    Attributes
    ----------
    table
        One row a change, by year, then by site_id: site_id, name, offer, status (open, convert, close), year (from
        1), cost (pounds), need_met_after (need-weighted families at the year's end), alone (need met that the
        change would add if it were the only one), why.
    years
        One row a year: year, budget, cost, left (pounds not spent by the year's end; they go on to the next year
        only if they are carried over), openings (conversions included), need_met (need-weighted families at the
        year's end), gain_pct (of what the whole plan adds; NaN if it adds nothing).
    proof
        Its objective is the sum over the years of need met.
    need
        Need-weighted families in all.
    today
        Need met today.
    all_at_once
        Sum over the years of need met if every change were made in year 1.
    sentences
        The phasing in plain words.
    """

    table: pd.DataFrame
    years: pd.DataFrame
    proof: Proof
    need: float
    today: float
    all_at_once: float
    sentences: list[str]

    def _repr_html_(self) -> str:
        told = "".join(f"<li>{safe(sentence)}</li>" for sentence in self.sentences)
        changes = {"year": "Year", "name": "Site", "status": "Change", "offer": "Becomes", "cost": "Cost (£)"}
        changes |= {"need_met_after": "Need met after", "why": "Why then"}
        years = {"year": "Year", "budget": "Budget (£)", "cost": "Spent (£)", "left": "Left (£)"}
        years |= {"openings": "Openings", "need_met": "Need met", "gain_pct": "% of what the plan adds"}
        return (
            f"<ul>{told}</ul>{html(self.table, changes, title='What is done when')}"
            f"{html(self.years, years, title='Year by year')}"
        )


def phase(
    points: pd.DataFrame,
    values: pd.DataFrame,
    today_values: pd.DataFrame,
    changes: pd.DataFrame,
    budgets: list[float],
    *,
    carry_over: bool = True,
    most_per_year: int | None = None,
    parents: pd.DataFrame | None = None,
    time_limit_s: float = 120.0,
) -> Phasing:
    """Choose the year of every change so that the sum over the years of need met is greatest.

    Need met in a year is the sum of weight times the best value open at the year's end. Every change is made by
    the last year. An outreach site opens no earlier than a hub that can run it. What closes or converts serves until
    then as today, and at no year's end is any family worse off than both today and under the finished plan: nothing
    closes before what replaces it is open. So a site whose closing takes something from some family stays as long
    as the money lets it, and one that nobody would miss any more closes at once. Of phasings that do equally well
    (within 1e-9) the one is taken in which the first site, by site_id, whose years differ has the earlier.

    Parameters
    ----------
    points
        point_id, weight (demand x need multiplier).
    values
        Index point_id, columns site_id: what a point gets from a site with the plan's offer, 0 to 1, outreach
        discounted; for every site of `changes` that does not close.
    today_values
        The same for what is open today: sites that close or convert, and others that stay as they are all along
        (such as neighbours').
    changes
        site_id, name, offer (the plan's; none of a site that closes), status (open, convert, close, keep), cost
        (pounds, at least 0; of sites that are kept it is not counted), parent_hub_id (of outreach sites).
    budgets
        Pounds of each year.
    carry_over
        Whether what a year leaves may be spent later.
    most_per_year
        Openings and conversions in one year at most; None for any number.
    parents
        site_id, parent_hub_id: every hub that can run an outreach site, in place of the column of `changes`.
    time_limit_s
        Seconds after which the best phasing so far is returned, with its bound and gap.

    Raises
    ------
    InputError
        With every fault of the tables.
    InfeasibleError
        Naming what clashes, and by how much.
    """
    read = _read(points, values, today_values, changes, budgets, carry_over, most_per_year, parents)
    _check_clashes(read)
    done, proof = Program(read).solve(Clock(time_limit_s))
    return _Story(read, done).phasing(proof)


def _read(
    points: pd.DataFrame,
    values: pd.DataFrame,
    today_values: pd.DataFrame,
    changes: pd.DataFrame,
    budgets: list[float],
    carry_over: bool,
    most_per_year: int | None,
    parents: pd.DataFrame | None,
) -> Changes:
    """Check the tables and line them up by code."""
    faults = Faults()
    whole = has(points, ("point_id", "weight"), name="points", faults=faults)
    wanted = _CHANGES if parents is None else _CHANGES[:-1]
    whole &= has(changes, wanted, name="changes", faults=faults)
    whole &= parents is None or has(parents, ("site_id", "parent_hub_id"), name="parents", faults=faults)
    _check_budgets(budgets, most_per_year, faults)
    if not whole:
        faults.raise_if_any()
    weights = numbers(points[["point_id", "weight"]], "weight", name="points", faults=faults)
    codes(points["point_id"], name="points", faults=faults)
    codes(changes["site_id"], name="changes", faults=faults)
    kept = changes["status"] == "keep"
    numbers(changes.loc[~kept, ["site_id", "cost"]], "cost", name="changes", faults=faults)
    _check_words(changes, faults)
    if kept.all():
        faults.add("changes", "no site opens, converts or closes", "give the changes of a plan")
    faults.raise_if_any()
    table = changes[~kept].sort_values("site_id", ignore_index=True)
    ids, status = table["site_id"].to_list(), table["status"]
    stay = sorted(changes.loc[kept, "site_id"])
    count, rows = len(table), points["point_id"]
    others = sorted(set(today_values.columns) - set(changes["site_id"]))
    both = np.zeros((len(points), 2 * count))
    ends, before = (status != "close").to_numpy(bool), (status != "open").to_numpy(bool)
    after = aligned(values, rows, [*table.loc[ends, "site_id"], *stay], name="values", faults=faults)
    today = aligned(today_values, rows, [*table.loc[before, "site_id"], *others], name="today_values", faults=faults)
    both[:, np.append(ends, np.zeros(count, bool))] = after[:, : ends.sum()]
    both[:, np.append(np.zeros(count, bool), before)] = today[:, : before.sum()]
    base = np.hstack([after[:, ends.sum() :], today[:, before.sum() :]]).max(axis=1, initial=0.0)
    hubs = set(changes.loc[changes["offer"] == "hub", "site_id"])
    runs = _runs(changes if parents is None else parents, table, hubs, faults)
    faults.raise_if_any()
    hung = [
        None if offer != "outreach" or runs[i] & set(stay) else np.array([ids.index(h) for h in sorted(runs[i])])
        for i, offer in zip(ids, table["offer"], strict=True)
    ]
    pence = [round(100 * float(budget)) for budget in budgets]
    return Changes(table, weights, both, base, hung, pence, carry_over, most_per_year)


def _check_budgets(budgets: list[float], most_per_year: int | None, faults: Faults) -> None:
    if not len(budgets):
        faults.add("budgets", "has no year", "give the pounds of each year")
    for t, budget in enumerate(budgets):
        if not (math.isfinite(budget) and budget >= 0):
            faults.add("budgets", f"year {t + 1} has {budget}", "give pounds, 0 or more")
    if most_per_year is not None and most_per_year < 1:
        faults.add("most_per_year", f"is {most_per_year}", "give 1 or more, or None for any number")


def _check_words(changes: pd.DataFrame, faults: Faults) -> None:
    rows = zip(changes["site_id"], changes["status"], changes["offer"], strict=True)
    wrong = []
    for site, status, offer in rows:
        if status not in _OFFERS:
            wrong.append((str(site), f"status is {status}"))
        elif offer not in _OFFERS[status]:
            wrong.append((str(site), f"offer is {offer} where status is {status}"))
    faults.add_each(
        "changes", wrong, "use open, convert or keep with hub or outreach, and close with none, as a plan's sites have"
    )


def _runs(links: pd.DataFrame, table: pd.DataFrame, hubs: set[str], faults: Faults) -> dict[str, set[str]]:
    """Say for each change that becomes outreach which hubs can run it."""
    wanted = set(table.loc[table["offer"] == "outreach", "site_id"])
    given = links.loc[links["site_id"].isin(wanted), ["site_id", "parent_hub_id"]].dropna()
    runs = {i: set(given.loc[given["site_id"] == i, "parent_hub_id"]) for i in table["site_id"]}
    fix = "name the hubs of the plan that can run each outreach site"
    known(wanted, given["site_id"], name="parent_hub_id", what="not given for outreach", faults=faults, fix=fix)
    known(given["parent_hub_id"], hubs, name="parent_hub_id", what="no hub of the plan", faults=faults, fix=fix)
    return runs


def _check_clashes(read: Changes) -> None:
    """Find the clashes that can be seen without solving."""
    faults = Faults(error=InfeasibleError)
    total, purse, years = int(read.pence.sum()), sum(read.budgets), len(read.budgets)
    if total > purse:
        faults.add(
            "budgets",
            f"the changes cost {money(total)} in all, but the {plural(years, 'year')} have {money(purse)}: "
            f"{money(total - purse)} too little",
            f"add {money(total - purse)}, or change less",
        )
    largest = max(read.budgets)
    for name, site, cost in zip(read.table["name"], read.table["site_id"], read.pence.tolist(), strict=True):
        if not read.carry_over and cost > largest:
            faults.add(
                f"budgets, {site}",
                f"{name} costs {money(cost)}, {money(cost - largest)} more than any year has",
                "raise a year's budget, carry money over, or leave it out",
            )
    openings = int(read.opens.sum())
    if read.most_per_year is not None and openings > read.most_per_year * years:
        faults.add(
            "most_per_year",
            f"{openings} sites open or convert, but {plural(years, 'year')} with {read.most_per_year} each allow "
            f"{read.most_per_year * years}",
            f"raise it to {math.ceil(openings / years)}, or allow more years",
        )
    faults.raise_if_any()


class _Story:
    """One phasing, and what is asked about each of its changes."""

    def __init__(self, read: Changes, done: Bools) -> None:
        self.read, self.done = read, done
        self.names = read.table["name"].astype(str).to_list()
        self.year: Ints = done.shape[1] - done.sum(axis=1)
        none = np.zeros(len(done), bool)
        self.states = [none, *done.T]  # before year 1, and at the end of each
        self.met = [read.met(state) for state in self.states]
        self.adds = read.met(~none) - self.met[0]
        self.need = math.fsum(read.weights)
        self.same = SAME * max(self.need, 1e-300)

    def phasing(self, proof: Proof) -> Phasing:
        """Put the tables and the words together."""
        read, years = self.read, self.done.shape[1]
        new = self.done & ~np.column_stack(self.states[:-1])
        spent = [int(read.pence[new[:, t]].sum()) for t in range(years)]
        table = read.table[["site_id", "name", "offer", "status"]].assign(
            year=self.year + 1,
            cost=read.pence / 100,
            need_met_after=[self.met[t + 1] for t in self.year],
            alone=[self._alone(s) for s in range(len(self.names))],
            why=[self._why(s) for s in range(len(self.names))],
        )
        met = np.array(self.met[1:])
        by_year = pd.DataFrame(
            {
                "year": np.arange(1, years + 1),
                "budget": np.array(read.budgets) / 100,
                "cost": np.array(spent) / 100,
                "left": np.array([self._left(t) for t in range(years)]) / 100,
                "openings": (new & read.opens[:, None]).sum(axis=0),
                "need_met": met,
                "gain_pct": 100 * (met - self.met[0]) / self.adds if self.adds > self.same else np.nan,
            }
        )
        once = years * (self.met[0] + self.adds)
        sentences = [*self._yearly(new, spent), *self._against(proof, once)]
        table = table.sort_values(["year", "site_id"], ignore_index=True)
        return Phasing(table, by_year, proof, self.need, self.met[0], once, sentences)

    def _alone(self, s: int) -> float:
        return self.read.met(np.arange(len(self.names)) == s) - self.met[0]

    def _left(self, t: int) -> int:
        """Pence left at the end of a year."""
        spent = self.done[:, t] if self.read.carry_over or t == 0 else self.done[:, t] & ~self.done[:, t - 1]
        return self.read.purse(t) - int(self.read.pence[spent].sum())

    def _why(self, s: int) -> str:
        t = int(self.year[s])
        waits = f"; {self._waits(s, t)}" if t else ""
        if self.read.opens[s]:
            alone = self._alone(s)
            gain = f"alone it adds {_families(alone, 'need met')}" if alone > self.same else "alone it adds no need met"
            share = f", {_share(alone, self.adds)} of what the whole plan adds" if self.adds > self.same else ""
            return f"{self.names[s]} in year {t + 1}: {gain}{share}{waits}"
        loss = self._loss(s, self.states[t + 1])
        missed = (
            "from then on nobody gets more from it than from the sites that are open"
            if loss <= self.same
            else f"from then on {_families(loss, 'need')} goes unmet that it would meet"
        )
        return f"{self.names[s]} closes in year {t + 1}: {missed}{waits}"

    def _loss(self, s: int, state: Bools) -> float:
        """Need met that is lost when a change is made, all else as in a state."""
        here = np.arange(len(state)) == s
        return self.read.met(state & ~here) - self.read.met(state | here)

    def _waits(self, s: int, t: int) -> str:
        """Say why a change could not be made a year earlier, or would have done harm."""
        read, before = self.read, self.states[t]
        count, last = len(self.names), t - 1
        moved = before | (np.arange(count) == s)
        parents, stands = read.parents[s], np.append(moved, ~moved)
        if parents is not None and not before[parents].any():
            hubs = listing([self.names[p] for p in parents if self.done[p, t]])
            return f"it cannot open before {hubs}, which runs it"
        broken = [guard for guard in read.guards() if not stands[guard].any()]
        if broken:
            comes = {j for guard in broken for j in guard if j < count and self.done[j, t] and not before[j]}
            return f"before {listing([self.names[j] for j in sorted(comes)])} is open, families would be without either"
        openings = int((before & ~self.states[last] & read.opens).sum())
        if read.opens[s] and read.most_per_year is not None and openings >= read.most_per_year:
            return f"year {t} has its {plural(openings, 'opening')} already"
        if read.pence[s] > self._left(last):
            return f"year {t} has {money(self._left(last))} left and it costs {money(int(read.pence[s]))}"
        loss = self._loss(s, before)
        return f"until then it meets {_families(loss, 'need')} that nothing else open meets" if loss > self.same else ""

    def _yearly(self, new: Bools, spent: list[int]) -> list[str]:
        sentences = []
        words = {"open": ("opens", "open"), "convert": ("converts", "convert"), "close": ("closes", "close")}
        for t, cost in enumerate(spent):
            parts = []
            for status, (one, many) in words.items():
                members = np.flatnonzero(new[:, t] & (self.read.table["status"] == status).to_numpy(bool))
                if len(members):
                    parts.append(f"{listing([self.names[s] for s in members])} {one if len(members) == 1 else many}")
            sentences.append(
                f"Year {t + 1}: {'; '.join(parts) or 'nothing changes'}; {money(cost)} spent. Need met goes from "
                f"{self.met[t]:,.1f} to {self.met[t + 1]:,.1f} need-weighted families{self._so_far(t)}."
            )
        return sentences

    def _so_far(self, t: int) -> str:
        """Say how far need met has come at a year's end; it may pass the plan while sites are open that will close."""
        gain = self.met[t + 1] - self.met[0]
        if self.adds <= self.same:
            return ""
        return (
            ", more than under the whole plan, since sites that close later are still open"
            if gain > self.adds + self.same
            else f", {_share(gain, self.adds)} of what the whole plan adds"
        )

    def _against(self, proof: Proof, once: float) -> list[str]:
        change = proof.objective - once
        word, years = "less" if change < 0 else "more", plural(self.done.shape[1], "year")
        against = (
            f"All at once in year 1 it would cost {money(int(self.read.pence.sum()))} in that year; over {years} this "
            f"order meets {_families(abs(change), 'need')} {word}, added up year by year, than that would."
        )
        proven = (
            "No other order within the budgets meets more need."
            if proof.status == "optimal"
            else f"No other order can meet more than {100 * proof.gap:.2f} % more need; the search was stopped."
        )
        return [against, proven]


def _families(number: float, what: str) -> str:
    return f"{what} of {number:,.1f} need-weighted families"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"
