"""Choose which changes of a plan to make first under yearly budgets, with a proof, and say why."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.charts.words import listing, plural, safe
from needs.errors import Faults, InfeasibleError
from needs.location.program import Clock
from needs.location.solve import Proof
from needs.siting.case import aligned
from needs.siting.phasing_model import Changes, Hang, Program, money
from needs.siting.phasing_story import Story
from needs.siting.phasing_tables import tables_of
from needs.siting.plan import Plan
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
        change would add if it were the only one: an outreach site that no hub of today can run adds nothing), adds
        (need met at that year's end that there would not be without it; below 0 for a closing that is missed), why.
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
    the last year. An outreach site, new or kept, has at every year's end a hub that can run it. What closes or
    converts serves until then as today, and at no year's end is any family worse off than both today and under the
    finished plan: nothing closes before what replaces it is open. So a site whose closing takes something from some
    family stays as long as the money lets it, and one that nobody would miss any more closes at once. Of phasings
    that do equally well (within 1e-9) the one is taken in which the first site, by site_id, whose years differ has
    the earlier.

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
        site_id, parent_hub_id: every hub that can run an outreach site, in place of the column of `changes`: hubs of
        the plan, and those of today that close or convert, which run it until then. An outreach site that is kept
        waits for no hub where one of its parents, or the only one, is blank; one that closes or becomes a hub needs a
        hub until then where it is named too.
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
    story = Story(read, done)
    return Phasing(story.table(), story.years(), proof, story.need, story.met[0], story.once, story.sentences(proof))


def phase_plan(
    plan: Plan,
    budgets: list[float],
    *,
    carry_over: bool = True,
    most_per_year: int | None = None,
    time_limit_s: float = 120.0,
) -> Phasing:
    """Choose the year of every change of a plan, by its own costs, minutes and families.

    Parameters
    ----------
    plan
        As `plan.recommend` makes it; its settings or sites say what opening costs (`phasing_tables.tables_of`).
    budgets, carry_over, most_per_year, time_limit_s
        As in `phase`.

    Raises
    ------
    InputError
        If the plan changes nothing, the cost of a change is not known, or a budget is no amount.
    InfeasibleError
        As `phase`.
    """
    made = tables_of(plan)
    return phase(
        made.points,
        made.values,
        made.today_values,
        made.changes,
        budgets,
        carry_over=carry_over,
        most_per_year=most_per_year,
        parents=made.parents,
        time_limit_s=time_limit_s,
    )


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
    hangs = _hangs(changes if parents is None else parents, changes, ids, faults)
    faults.raise_if_any()
    pence = [round(100 * float(budget)) for budget in budgets]
    return Changes(table, weights, both, base, hangs, pence, carry_over, most_per_year)


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


def _hangs(links: pd.DataFrame, changes: pd.DataFrame, ids: list[str], faults: Faults) -> list[Hang]:
    """Say of each outreach site, until or from its change or all along, which hubs can run it, and until when."""
    rows = changes.set_index("site_id")
    given = links.loc[links["site_id"].isin(rows.index), ["site_id", "parent_hub_id"]].dropna()
    outreach, kept = rows["offer"] == "outreach", rows["status"] == "keep"
    ends = (rows["status"] == "close") | ((rows["status"] == "convert") & outreach)
    hubs, were = set(rows.index[rows["offer"] == "hub"]), set(rows.index[ends])
    free = set(links.loc[links["parent_hub_id"].isna(), "site_id"]) | (set(rows.index) - set(links["site_id"]))
    wanted = set(rows.index[outreach]) - (free & set(rows.index[kept]))
    fix = "name the hubs of the plan that can run each outreach site"
    runs = given.loc[given["parent_hub_id"].isin(hubs), "site_id"]
    known(wanted, runs, name="parent_hub_id", what="not given for outreach", faults=faults, fix=fix)
    what = "no hub of the plan, nor one of today"
    known(given["parent_hub_id"], hubs | were, name="parent_hub_id", what=what, faults=faults, fix=fix)
    stay = set(rows.index[kept]) & hubs
    place = {i: k for k, i in enumerate(ids)}
    hangs = []
    for site in sorted(set(given["site_id"])):
        parents = given.loc[given["site_id"] == site, "parent_hub_id"]
        mine = sorted(set(parents) & (hubs | were))
        today = [place[p] + len(ids) for p in mine if p in were]
        if set(mine) & stay or (kept[site] and site in free):
            continue
        states = [*(place[p] for p in mine if p in hubs), *today]
        name = str(rows["name"][site])
        if outreach[site]:
            hangs.append(Hang(site, name, None if kept[site] else place[site], states))
        elif today and rows["status"][site] in {"close", "convert"}:
            hangs.append(Hang(site, name, place[site] + len(ids), states))
    return hangs


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
    count, names = len(read.table), read.table["name"]
    for hang in read.hangs:
        dear = min((read.pence[h] for h in hang.hubs if h < count), default=0)
        if hang.state is None and all(h < count for h in hang.hubs) and dear > read.purse(0):
            able, short = listing([str(names[h]) for h in hang.hubs]), money(int(dear) - read.purse(0))
            faults.add(
                f"parents, {hang.site_id}",
                f"{hang.name} is kept, but of {able}, which can run it, none can open in year 1: it has "
                f"{money(read.purse(0))} and the cheapest costs {money(int(dear))}",
                f"add {short} in year 1, or name as its parent the hub of today that runs it until then, or a blank "
                "if it needs none",
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
