"""Test a plan under other assumptions: count how often each site would be chosen again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from needs.assessment.plan import PlanSettings
from needs.errors import NeedsError
from needs.siting.case import Case
from needs.siting.draws import Robustness
from needs.siting.plan import Plan
from needs.siting.rulebook import floor_words
from needs.siting.words import A

_DECIDED = "Not tested: the settings decide"
_TESTS = "tests of other assumptions"


@dataclass(frozen=True)
class Alternative:
    """Another set of assumptions; the tables are as `plan.recommend` takes them.

    `label` says in plain words what differs, such as "outreach worth 0.4 of a hub".
    """

    label: str
    points: pd.DataFrame
    hub_cover: pd.DataFrame
    outreach_cover: pd.DataFrame
    settings: PlanSettings
    minutes: pd.DataFrame | None = None


@dataclass(frozen=True)
class Tested:
    """What is chosen under other assumptions.

    Attributes
    ----------
    offers
        Index site_id, sorted; one column for each alternative that has a plan, by its label: hub, outreach or none.
    without
        By label of the alternatives in which no plan was found: why.
    """

    offers: pd.DataFrame
    without: Mapping[str, str]

    def sentences(self) -> tuple[str, ...]:
        """Say in how many tests, and in which, there is no plan; nothing where each has one."""
        if not self.without:
            return ()
        tests = len(self.without) + self.offers.shape[1]
        told = "; ".join(f"{label} ({why})" for label, why in self.without.items())
        return (f"In {len(self.without)} of {tests} {_TESTS} no plan keeps to the rules: {told}.",)


def offers_under(alternatives: list[Alternative], sites: pd.DataFrame, parent_min: pd.DataFrame) -> Tested:
    """Solve afresh under each alternative; one without a plan is told, and never stops the others.

    Parameters
    ----------
    alternatives
        Sets of assumptions.
    sites, parent_min
        As in `plan.recommend`.
    """
    offers, without = {}, {}
    for a in alternatives:
        try:
            case = Case.of(a.points, sites, a.hub_cover, a.outreach_cover, parent_min, a.settings, a.minutes)
            offers[a.label] = case.offers(case.solve().opened)
        except NeedsError as error:
            ways = [way for fault in error.faults for way in fault.ways or (fault,)]
            floors = [f for f in ways if f.where.startswith("floor")] or error.faults
            said = {floor.label: floor_words(floor) for floor in a.settings.floor}
            without[a.label] = "; ".join(f"{said.get(f.where, f.where)}: {f.what}" for f in floors)
    return Tested(pd.DataFrame(offers, index=pd.Index(sorted(sites["site_id"]), name="site_id")), without)


def shares(offers: pd.DataFrame) -> pd.DataFrame:
    """Share of the alternatives in which each site is chosen.

    Parameters
    ----------
    offers
        As `Tested` has them.

    Returns
    -------
    pandas.DataFrame
        Index site_id: chosen (with any offer) and hub, both 0 to 1; NaN without alternatives.
    """
    return pd.DataFrame({"chosen": (offers != "none").mean(axis=1), "hub": (offers == "hub").mean(axis=1)})


def with_robustness(plan: Plan, sites: pd.DataFrame, parent_min: pd.DataFrame, alternatives: list[Alternative]) -> Plan:
    """Add to a plan how many alternatives choose each site.

    Parameters
    ----------
    plan
        The recommendation.
    sites, parent_min
        As in `plan.recommend`.
    alternatives
        Sets of assumptions.

    Returns
    -------
    Plan
        With the columns chosen_in (alternatives in which the site is chosen with any offer), hub_in (as a hub) and
        alternatives (how many have a plan; 0 for a site about which the settings decide) in `sites`, a sentence more
        among the reasons of sites of ours, and in `tested` what is to be told of alternatives without a plan.
    """
    tested = offers_under(alternatives, sites, parent_min)
    found = tested.offers.reindex(plan.sites["site_id"])
    free = ~np.array(plan.case.decided(), bool)
    chosen, hub = (times.where(free, 0) for times in _times(found))
    tests = pd.Series(found.shape[1], index=found.index).where(free, 0)
    told = []
    for reasons, offer, is_free, n, h in zip(
        plan.sites["reasons"], plan.sites["offer"], free, chosen, hub, strict=True
    ):
        words = [_counted(offer, n, h, found.shape[1])] if is_free else [_DECIDED]
        told.append([*reasons, *words] if reasons and found.shape[1] else reasons)
    table = plan.sites.assign(
        reasons=pd.Series(told, dtype=object),
        chosen_in=chosen.to_numpy(),
        hub_in=hub.to_numpy(),
        alternatives=tests.to_numpy(),
    )
    return replace(plan, sites=table, tested=tested.sentences())


def with_draws(plan: Plan, drawn: Robustness) -> Plan:
    """Add to a plan the share of the draws that choose each site.

    Parameters
    ----------
    plan
        The recommendation.
    drawn
        Of this plan.

    Returns
    -------
    Plan
        With the columns drawn_pct (per cent of the draws that have a plan, in which the site is chosen with any
        offer) and drawn_hub_pct (as a hub) in `sites`, NaN for neighbours' sites and for those about which the
        settings decide; and a sentence more among the reasons.
    """
    known = int(drawn.draws["best"].notna().sum())
    free = drawn.sites[drawn.sites["role"] != "decided"].reindex(plan.sites["site_id"])
    chosen, hub = 100.0 * free["chosen_share"], 100.0 * free["hub_share"]
    told = [
        [*reasons, _drawn(offer, n, h, known)] if reasons and known and pd.notna(n) else reasons
        for reasons, offer, n, h in zip(plan.sites["reasons"], plan.sites["offer"], chosen, hub, strict=True)
    ]
    columns = {"drawn_pct": chosen.to_numpy(), "drawn_hub_pct": hub.to_numpy()}
    return replace(plan, sites=plan.sites.assign(reasons=pd.Series(told, dtype=object), **columns))


def _times(offers: pd.DataFrame) -> tuple[pd.Series[int], pd.Series[int]]:
    return (offers != "none").sum(axis=1), (offers == "hub").sum(axis=1)


def _counted(offer: str, chosen: int, hub: int, tests: int) -> str:
    """Say in how many tests a site is chosen, and as what the plan has it."""
    same = {"hub": hub, "outreach": chosen - hub}.get(offer, chosen)
    as_planned = "" if same == chosen else f", in {same} as {A[offer]}"
    return f"Chosen in {chosen} of {tests} {_TESTS}{as_planned}"


def _drawn(offer: str, chosen_pct: float, hub_pct: float, draws: int) -> str:
    """Say in what share of the draws a site is chosen, and as what the plan has it."""
    same = {"hub": hub_pct, "outreach": chosen_pct - hub_pct}.get(offer, chosen_pct)
    as_planned = "" if abs(same - chosen_pct) < 0.05 else f", in {same:.0f} % as {A[offer]}"
    told = f"Chosen in {chosen_pct:.0f} % of {draws:,} draws{as_planned}"
    return f"{told}, where all that is not known for sure changes at once"
