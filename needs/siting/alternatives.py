"""Set other plans, and what each site costs when it is forced in or out, beside a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from needs.assessment.plan import COSTS
from needs.charts.words import listing
from needs.location import rivals
from needs.location.solve import Solution
from needs.location.values import Bools
from needs.siting import statement
from needs.siting.aims import aim_of, met_words
from needs.siting.case import Case
from needs.siting.words import A, count

_SAME = 1e-9  # relative to all need: below this two plans do equally well
_NEED = "need-weighted family"
_COST_WORDS = {"opening_gbp": "£{} {} to open", "yearly_gbp": "£{} {} a year", "staff_days": "{} {} staff days a week"}
_SITES = ("offers", "comes_in", "goes_out", "changes")
FIGURES = ("met", "unmet", "rise_unmet", "rise_pct", "lost", "aim_lost", *COSTS)


@dataclass(frozen=True)
class Alternatives:
    """Other plans that do nearly as well.

    Attributes
    ----------
    table
        One row a plan, the best first: number (from 1); offers (dict by site_id, neighbours included); comes_in,
        goes_out, changes (lists of site_id: open only in it, open only in the plan, another offer in each); met and
        unmet (need-weighted families, whatever is worth keeping left aside); rise_unmet (against the plan; below 0 it
        meets more need); rise_pct (that, in points of need met); lost (of what the plan was chosen by: need met and
        what the sites that are kept are worth); aim_lost (of the aim that came first, in its own units; NaN where the
        aim is the total); opening_gbp, yearly_gbp, staff_days (against the plan; NaN where not known); sentence.
    within_pct, differ, chosen_by
        Share that may be lost of what plans are chosen by; sites that must differ; and what plans are chosen by, in
        words.
    status
        As of `rivals.Rivals`: "complete" when every plan within the tolerance lies nearer than `differ` sites to the
        plan or to one listed.
    least_lost
        No plan that is not listed, and differs from all of these in as many sites as asked, loses less than this, in
        need-weighted families.
    """

    table: pd.DataFrame
    within_pct: float
    differ: int
    chosen_by: str
    status: rivals.Ended
    least_lost: float

    def sentences(self) -> list[str]:
        """Say each in plain English, and whether there are more; nothing if none was asked for."""
        if self.status == "most found" and self.table.empty:
            return []
        sites = count(self.differ, "site")
        kind = f"differs in {sites} or more and comes within {self.within_pct:g} % of the plan in {self.chosen_by}"
        if self.status == "complete":
            end = "No plan" if self.table.empty else "These are all: no other plan"
            return [*self.table["sentence"], f"{end} {kind}"]
        why = "" if self.status == "most found" else ", for the search ended early"
        loses = f"; any other loses at least {count(self.least_lost, _NEED)}" if self.least_lost >= 0.05 else ""
        return [*self.table["sentence"], f"There may be others of which each {kind}{why}{loses}"]


def alternatives(
    case: Case, plan: Solution, *, within_pct: float = 1.0, differ: int = 1, most: int = 3
) -> Alternatives:
    """List plans that do nearly as well as a plan and differ from it, and from each other.

    They are chosen as the plan is, by need met and the presumption against closure, within the same rules.

    Parameters
    ----------
    case
        The tables and their model.
    plan
        The solution of the case.
    within_pct
        Per cent of the plan's objective that may be lost.
    differ
        Sites that must differ; a site that changes its offer differs.
    most
        Plans to list.

    Raises
    ------
    InputError
        If an argument is out of range.
    """
    model = case.presuming()
    found = rivals.rivals(
        model,
        plan.opened,
        within=within_pct / 100.0,
        differ=differ,
        most=most,
        sites=np.arange(model.choices) // 2,
        time_limit_s=case.settings.time_limit_s,
    )
    beside = _Beside(case, plan.opened)
    rows = []
    for number, opened in enumerate(found.plans, 1):
        row = beside.row(opened)
        rows.append({"number": number, **row, "sentence": beside.sentence(row)})
    table = pd.DataFrame(rows, columns=["number", *_SITES, *FIGURES, "sentence"])
    objective = model.objective(plan.opened)
    chosen_by = ", and in ".join(["what is asked first"] * bool(model.first) + [met_words(case)])
    return Alternatives(table, within_pct, differ, chosen_by, found.status, max(0.0, objective - found.bound))


def prices(case: Case, plan: Solution) -> pd.DataFrame:
    """Say what it costs to make each site of ours a hub, an outreach site or nothing, all else being chosen anew.

    Parameters
    ----------
    case
        The tables and their model.
    plan
        The solution of the case.

    Returns
    -------
    pandas.DataFrame
        One row for each site and each offer that it may have, and none: site_id, name, offer (in the plan), forced
        (hub, outreach, none), status ("as planned"; as of a proof; "impossible": no plan keeps to the rules; "not
        found": none was found in time), gap, and the columns of `Alternatives.table` from offers on, of the best
        plan then; its `lost` is the price. The least aim_lost, then the least price, first, then by site_id; what is
        impossible last.
    """
    sites = np.where(np.repeat(case.sites["ours"].to_numpy(bool), 2), np.arange(2 * len(case.sites)) // 2, -1)
    found = rivals.prices(case.presuming(), plan, sites=sites, time_limit_s=case.settings.time_limit_s)
    beside, offers = _Beside(case, plan.opened), case.offers(plan.opened)
    rows = []
    for price in found:
        forced = "none" if price.choice < 0 else statement.OFFERS[price.choice % 2]
        row = {
            "site_id": case.sites["site_id"][price.site],
            "name": case.sites["name"][price.site],
            "offer": offers[price.site],
            "forced": forced,
        }
        if price.solution is None:
            row |= dict.fromkeys(("gap", *FIGURES), np.nan) | dict.fromkeys(_SITES)
            row["status"] = "impossible" if price.impossible else "not found"
            row["sentence"] = f"{row['name']} cannot be {A.get(forced, 'left out')}: no plan keeps to the rules then"
            if not price.impossible:
                row["sentence"] = f"No plan with {row['name']} as {A.get(forced, 'nothing')} was found in time"
        else:
            proof = price.solution.proof
            row |= beside.row(price.solution.opened)
            row |= {"status": "as planned" if price.solution is plan else proof.status, "gap": proof.gap}
            row["sentence"] = beside.sentence(row, lead="With all else chosen anew, the best plan then: ")
        rows.append(row)
    columns = ["site_id", "name", "offer", "forced", "status", "gap", *_SITES, *FIGURES, "sentence"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(_rank=table["status"] != "as planned").sort_values(
        ["_rank", "aim_lost", "lost", "site_id", "forced"], ignore_index=True
    )
    return table.drop(columns="_rank")


def spent(case: Case, opened: Bools) -> dict[str, float]:
    """Add up what a plan costs: opening_gbp (with closing), yearly_gbp, staff_days; NaN where a cost is not known.

    Parameters
    ----------
    case
        The tables and their settings.
    opened
        Open choices; shape (2 x sites,).
    """
    sums = {}
    for cost in COSTS:
        by_offer = [statement.cost_of(case.sites, case.settings, offer, cost) for offer in statement.OFFERS]
        amounts = np.column_stack(by_offer).ravel()
        paid = opened & ~case.today if cost == "opening_gbp" else opened
        sums[cost] = math.fsum(amounts[paid])
    closed = (case.today & np.repeat(case.sites["ours"].to_numpy(bool), 2)).reshape(-1, 2).any(axis=1)
    closed &= ~opened.reshape(-1, 2).any(axis=1)
    sums["opening_gbp"] += math.fsum(statement.own_or(case.sites, "closing_gbp", case.settings.closing_gbp)[closed])
    return sums


class _Beside:
    """A plan, and what others gain, lose and change against it."""

    def __init__(self, case: Case, opened: Bools) -> None:
        self.case, self.opened, self.chosen_by = case, opened, case.presuming()
        self.need = math.fsum(case.points["weight"])
        self.met, self.objective = case.model.objective(opened), self.chosen_by.objective(opened)
        self.aim = aim_of(case)
        self.spent = spent(case, opened)
        self.names = dict(zip(case.sites["site_id"], case.sites["name"], strict=True))
        self.today = dict(zip(case.sites["site_id"], case.sites["today"], strict=True))
        self.offer = dict(zip(case.sites["site_id"], case.offers(opened), strict=True))

    def row(self, other: Bools) -> dict[str, Any]:
        """Give the columns offers to staff_days of a plan."""
        met = self.case.model.objective(other)
        offers = dict(zip(self.case.sites["site_id"], self.case.offers(other), strict=True))
        differ = [s for s, offer in offers.items() if offer != self.offer[s]]
        rise = self.met - met
        return {
            "offers": offers,
            "comes_in": [s for s in differ if self.offer[s] == "none"],
            "goes_out": [s for s in differ if offers[s] == "none"],
            "changes": [s for s in differ if "none" not in {self.offer[s], offers[s]}],
            "met": met,
            "unmet": self.need - met,
            "rise_unmet": rise,
            "rise_pct": 100.0 * rise / self.need if self.need > 0 else 0.0,
            "lost": self.objective - self.chosen_by.objective(other),
            **self._aimed(other),
            **{cost: amount - self.spent[cost] for cost, amount in spent(self.case, other).items()},
        }

    def _aimed(self, other: Bools) -> dict[str, Any]:
        """Set what is asked first beside the plan's: aim_lost, and moved (in words; nothing where it stays)."""
        model = self.chosen_by
        if self.aim is None:
            return {"aim_lost": np.nan, "moved": ""}
        own, then = (model.first[0].reached(model.best(p)) for p in (self.opened, other))
        stays = abs(own - then) <= _SAME * abs(own)
        return {"aim_lost": own - then, "moved": "" if stays else self.aim.change(own, then)}

    def sentence(self, row: dict[str, Any], *, lead: str = "") -> str:
        """Say what differs from the plan, and what that costs and gains."""
        said = self._differences(row)
        if not said:
            return "As in the plan"
        words = f"{lead}{said}"
        words = f"{words[0].upper()}{words[1:]}: {self._outcome(row)}"
        for cost, form in _COST_WORDS.items():
            if not math.isnan(row[cost]) and abs(row[cost]) >= 0.05:
                words += "; " + form.format(count(abs(row[cost])), "more" if row[cost] > 0 else "less")
        return words

    def _differences(self, row: dict[str, Any]) -> str:
        comes, goes = row["comes_in"], row["goes_out"]
        of_verb: dict[str, list[str]] = {"keeps": [], "opens": []}
        for s in comes:
            of_verb["opens" if self.today[s] == "none" else "keeps"].append(f"{self.names[s]} ({row['offers'][s]})")
        parts = [f"{verb} {listing(named)}" for verb, named in of_verb.items() if named]
        gone = listing([self.names[s] for s in goes]) if goes else ""
        if goes and parts:
            parts[-1] += f" in place of {gone}"
        elif goes:
            parts = [f"does without {gone}"]
        other = {"hub": "outreach", "outreach": "hub"}
        parts += [f"makes {self.names[s]} {A[other[self.offer[s]]]}, not {A[self.offer[s]]}" for s in row["changes"]]
        return listing(parts) if parts else ""

    def _outcome(self, row: dict[str, Any]) -> str:
        rise, kept = row["rise_unmet"], row["lost"] - row["rise_unmet"]
        same = _SAME * self.need
        points = f"({count(abs(row['rise_pct']))} points of need met)"
        if rise > same:
            words = f"leaves {count(rise, f'more {_NEED}')} unmet {points}"
        elif rise < -same:
            words = f"leaves {count(-rise, f'fewer {_NEED}')} unmet {points}"
        else:
            words = "leaves as much need unmet"
        if row["moved"]:
            words += f", {'but' if row['aim_lost'] > 0 and rise <= same else 'and'} {row['moved']}"
        if rise <= same and kept > same and -rise <= kept + same:
            words += f", but it closes or changes what exists today: it would have to leave {count(kept)} fewer unmet"
        elif rise > same and kept < -same:
            words += f", though it keeps more of what exists today, which counts for {count(-kept)}"
        return words
