"""Test a plan under other assumptions: count how often each site would be chosen again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from needs.assessment.plan import PlanSettings
from needs.errors import Fault, InfeasibleError
from needs.siting.case import Case
from needs.siting.plan import Plan


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


def offers_under(alternatives: list[Alternative], sites: pd.DataFrame, parent_min: pd.DataFrame) -> pd.DataFrame:
    """Solve afresh under each alternative.

    Parameters
    ----------
    alternatives
        Sets of assumptions.
    sites, parent_min
        As in `plan.recommend`.

    Returns
    -------
    pandas.DataFrame
        Index site_id, sorted; one column an alternative, by its label: hub, outreach or none.

    Raises
    ------
    InfeasibleError
        Naming the alternatives that no plan meets.
    """
    offers, faults = {}, []
    for a in alternatives:
        case = Case.of(a.points, sites, a.hub_cover, a.outreach_cover, parent_min, a.settings)
        try:
            offers[a.label] = case.offers(case.solve().opened)
        except InfeasibleError as error:
            faults += [Fault(f"alternative '{a.label}', {f.where}", f.what, f.fix) for f in error.faults]
    if faults:
        raise InfeasibleError(faults)
    return pd.DataFrame(offers, index=pd.Index(sorted(sites["site_id"]), name="site_id"))


def shares(offers: pd.DataFrame) -> pd.DataFrame:
    """Share of the alternatives in which each site is chosen.

    Parameters
    ----------
    offers
        As `offers_under` returns them.

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
        alternatives (how many there are) in `sites`, and a sentence more among the reasons of the sites of ours that
        are chosen or closed.
    """
    offers = offers_under(alternatives, sites, parent_min)
    count = len(alternatives)
    chosen = (offers != "none").sum(axis=1).reindex(plan.sites["site_id"]).to_numpy()
    hub = (offers == "hub").sum(axis=1).reindex(plan.sites["site_id"]).to_numpy()
    told = [
        [*reasons, f"Chosen in {n} of {count} tests of other assumptions"] if reasons and count else reasons
        for reasons, n in zip(plan.sites["reasons"], chosen, strict=True)
    ]
    return replace(
        plan,
        sites=plan.sites.assign(
            reasons=pd.Series(told, dtype=object), chosen_in=chosen, hub_in=hub, alternatives=count
        ),
    )
