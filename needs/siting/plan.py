"""Recommend which sites become hub, outreach or nothing, say why, and evaluate any such choice."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from needs.assessment.plan import PlanSettings
from needs.location.solve import Proof, Solution
from needs.siting import aims, display, reasons
from needs.siting.case import Case
from needs.siting.places import Offered


@dataclass(frozen=True)
class Plan:
    """A recommendation, why, and how sure it is.

    Attributes
    ----------
    sites
        One row a site, sorted by site_id: site_id, name, offer (hub, outreach, none), status (keep: what it is
        today; convert: another offer than today's; open; close; neighbour; none), parent_hub_id (nearest open hub
        of ours; of equals the first by site_id), parent_min (minutes by car), reasons (list of sentences), and for
        sites chosen (else NaN): families_reached (each family counted once, at the site that gives it the greatest
        value, of equals the nearest; where sites can be full, those who have a place there), families_within (families
        that the site covers, in part beyond the standard), unmet_if_lost (rise in unmet need, need-weighted families,
        without this site and the outreach that no other hub of the plan can run), next_best_site_id (the site to take
        its place with the same offer) and next_best_unmet (rise in unmet need if it did). With x and y
        (metres, EPSG:27700) if the sites given have points.
    proof
        Whether no other plan is better; its objective is need met, in need-weighted families, and what the sites
        that are kept are worth.
    need
        Need-weighted families in all.
    unmet
        Need-weighted families times (1 - value).
    case, solution
        The tables and their model, and the open choices: what alternatives, prices and the frontier are asked of.
    turned_away
        Of them, those who would be served if no site could be full.
    families
        By site_id: those that a site of ours that is open can take on, where something says; what `evaluate` and
        `places.occupancy` take.
    tested
        What is to be told of other assumptions under which there is no plan (`robustness.with_robustness`).
    """

    sites: pd.DataFrame
    proof: Proof
    need: float
    unmet: float
    case: Case = field(repr=False)
    solution: Solution = field(repr=False)
    turned_away: float = 0.0
    families: dict[str, float] = field(default_factory=dict)
    tested: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Say in a line what it is and how sure it is."""
        return display.summary(self)

    @property
    def proven(self) -> str:
        """Say what is proven of it, and of what."""
        return aims.proven(self.case, self.proof)

    def _repr_html_(self) -> str:
        return display.plan_html(self)

    @property
    def offers(self) -> dict[str, str]:
        """What each site is, neighbours' included."""
        return dict(zip(self.sites["site_id"], self.sites["offer"], strict=True))


def recommend(
    points: pd.DataFrame,
    sites: pd.DataFrame,
    hub_cover: pd.DataFrame,
    outreach_cover: pd.DataFrame,
    parent_min: pd.DataFrame,
    settings: PlanSettings,
    *,
    minutes: pd.DataFrame | None = None,
    demand_label: str = "families",
) -> Plan:
    """Choose hubs and outreach sites jointly so that unmet need is least, existing sites having the presumption.

    A point's value is the greater of its best open hub's cover and `settings.outreach_value` times its best open
    outreach's cover; unmet need is the sum of weight x (1 - value). A site of ours that exists today is kept, as it
    is or as a hub, unless closing it cuts unmet need by more than `settings` asks. Of plans that do
    equally well (within 1e-9) the one with fewest sites is taken, then the one that keeps most sites what they are
    today, then the one that opens the first site, by site_id, in which the plans differ (a hub before an outreach).

    Parameters
    ----------
    points
        point_id, lsoa21cd, demand (families), weight (demand x need multiplier), and perhaps fifth_england (1 =
        highest need) for the reasons.
    sites
        site_id, name, site_type, today (hub, outreach, none), keep (must stay at today's offer or become a hub),
        ours (False: a neighbour's, open as it is today and never counted), may_hub, may_outreach.
    hub_cover, outreach_cover
        Index point_id, columns site_id, values 0 to 1: share of the point's families within the offer's standard.
    parent_min
        Index site_id of an outreach, columns site_id of a hub: minutes by car; NaN or absent is out of reach.
    settings
        What a plan may be.
    minutes
        Index point_id, columns site_id: where several sites serve a family equally well, it is counted at the
        nearest; without minutes, and of equally near ones, at the first by site_id.
    demand_label
        What a family counted is called in the reasons, such as "births a year".

    Raises
    ------
    InputError
        With every fault of the tables.
    InfeasibleError
        Naming the constraints that clash, and what would mend it.
    """
    case = Case.of(points, sites, hub_cover, outreach_cover, parent_min, settings, minutes)
    solution = case.solve()
    offers = case.offers(solution.opened)
    statuses = [_status(*row) for row in zip(offers, case.sites["today"], case.sites["ours"], strict=True)]
    table = case.sites[["site_id", "name"]].assign(offer=offers, status=statuses)
    table = table.join(reasons.explain(case, solution.opened, statuses, demand_label=demand_label))
    if "geometry" in case.sites:
        table = table.assign(x=[p.x for p in case.sites["geometry"]], y=[p.y for p in case.sites["geometry"]])
    need = math.fsum(case.points["weight"])
    met = case.model.objective(solution.opened)
    away = case.model.most(solution.opened) - met
    return Plan(table, solution.proof, need, need - met, case, solution, away, case.families(solution.opened))


def evaluate(
    points: pd.DataFrame,
    hub_cover: pd.DataFrame,
    outreach_cover: pd.DataFrame,
    offers: dict[str, str],
    beta: float,
    families: dict[str, float] | None = None,
    before: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Say what a choice of offers gives each point.

    Parameters
    ----------
    points, hub_cover, outreach_cover
        As in `recommend`.
    offers
        By site_id: hub, outreach or none.
    beta
        What outreach near by is worth against a hub near by (1).
    families
        By site_id: those that a site can take on at most; a site that is not named can take on all. With any, each
        family is counted at the site that has a place for it, as `places.Offered.shares` shares them; hub and
        outreach are then those with a place at a hub, and at an outreach.
    before
        As this function returns it, of what there was before: nobody has less than then where that is possible.

    Returns
    -------
    pandas.DataFrame
        In the order of `points`: point_id, lsoa21cd, value (0 to 1), hub (families reached by a hub), outreach
        (families reached by outreach beyond the hub), virtual (the rest: the three add up to demand), turned_away (of
        these: whom an open site covers, but none has a place for), unmet (need-weighted families), best_site_id
        (that gives the value, or most of it; of equals the first by site_id; missing when the value is 0).

    Raises
    ------
    InputError
        If a cover lacks a point or an open site, or is not from 0 to 1.
    """
    offered = Offered.of(points, hub_cover, outreach_cover, offers, beta)
    demand = points["demand"].to_numpy(float)
    had = None if before is None else before.set_index("point_id")["value"].reindex(points["point_id"]).to_numpy(float)
    found = offered.reach(points, families or {}, had)
    first = [offered.sites[j] if j >= 0 else None for j in found.best.tolist()]
    return pd.DataFrame(
        {
            "point_id": points["point_id"].to_numpy(),
            "lsoa21cd": points["lsoa21cd"].to_numpy(),
            "value": found.value,
            "hub": demand * found.hub,
            "outreach": demand * (found.reached - found.hub),
            "virtual": demand * (1.0 - found.reached),
            "turned_away": demand * found.away,
            "unmet": points["weight"].to_numpy(float) * (1.0 - found.value),
            "best_site_id": pd.Series(first, dtype="str"),
        }
    )


def today_offers(sites: pd.DataFrame) -> dict[str, str]:
    """Say what each site offers today, neighbours' included."""
    return dict(zip(sites["site_id"], sites["today"], strict=True))


def _status(offer: str, today: str, ours: bool) -> str:
    if not ours:
        return "neighbour"
    if offer == today:
        return "none" if offer == "none" else "keep"
    if today == "none":
        return "open"
    return "close" if offer == "none" else "convert"
