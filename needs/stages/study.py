"""Study a plan: what else there could be, what more or fewer sites buy, and whom it changes what for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from needs import demand, scenarios
from needs.assessment import Assessment
from needs.scenarios import Comparison
from needs.siting import alternatives as other
from needs.siting import frontier as curve
from needs.siting import plan as siting
from needs.siting.alternatives import Alternatives
from needs.siting.draws import Robustness
from needs.siting.frontier import Frontier
from needs.stages.data import Data

_MORE_HUBS, _MORE_OUTREACH = 2, 4  # the frontier goes so far beyond what the settings allow


@dataclass(frozen=True)
class Study:
    """What else there could be, and whom the plan changes what for.

    Attributes
    ----------
    alternatives
        Other plans that do nearly as well; None if not asked for, or where sites can be full.
    prices
        What it costs to make each site a hub, an outreach site or nothing (`siting.alternatives.prices`); None if not
        asked for.
    frontier
        The best plan for each number of hubs, of outreach sites, and each budget.
    comparison
        Today ("today") against the plan ("plan").
    equality
        The table of an equality impact assessment (`scenarios.equality`).
    consultation
        A text for each site that closes, changes or opens (`scenarios.consultation`).
    robustness
        How the plan fares where all that is uncertain is drawn at once; None if nothing was drawn, or where sites can
        be full.
    """

    alternatives: Alternatives | None
    prices: pd.DataFrame | None
    frontier: Frontier
    comparison: Comparison
    equality: pd.DataFrame
    consultation: pd.DataFrame
    robustness: Robustness | None


def study(
    settings: Assessment,
    ground: Data,
    chosen: siting.Plan,
    families: pd.DataFrame,
    covers: Mapping[str, pd.DataFrame],
    minutes: Mapping[str, pd.DataFrame],
    *,
    drawn: Robustness | None,
    demand_label: str,
) -> Study:
    """Study a plan.

    Parameters
    ----------
    settings, ground
        Of the area.
    chosen
        The recommendation.
    families, covers
        As the plan was made from; covers by offer.
    minutes
        By mode: index point_id of the places, columns site_id.
    drawn
        How the plan fares under draws, if any were made.
    demand_label
        What is counted.
    """
    asked = settings.plan
    zones = ground.zones.set_index("lsoa21cd")
    if "idaci_decile" in zones:
        families = families.assign(idaci_decile=families["lsoa21cd"].map(zones["idaci_decile"]))
    names = dict(zip(ground.sites["site_id"], ground.sites["name"], strict=True))

    def scenario(
        label: str, offers: Mapping[str, str], places: Mapping[str, float], before: scenarios.Scenario | None = None
    ) -> scenarios.Scenario:
        worth = asked.outreach_value
        return scenarios.Scenario.of(
            label, offers, families, covers, worth, minutes=minutes, places=places, before=before
        )

    case = chosen.case
    full = case.model.capacity is not None

    today = scenario("Today", siting.today_offers(ground.sites), case.families(case.today))
    compared = scenarios.before_and_after(
        families,
        {"today": today, "plan": scenario("The plan", chosen.offers, chosen.families, today)},
        demand_label=demand_label,
        zone_names=zones["zone_name"],
        site_names=names,
        minutes=minutes,
        counts=ground.zones[["lsoa21cd", *(c for c in demand.columns() if c in ground.zones)]],
        offline_pct=zones.get("offline_pct"),
    )
    budgets = {name: [most * share for share in (0.5, 0.75, 1.0, 1.25)] for name, _, most in asked.budgets()}
    return Study(
        alternatives=other.alternatives(case, chosen.solution, most=asked.alternatives, differ=asked.differ)
        if asked.alternatives and not full
        else None,
        prices=other.prices(case, chosen.solution) if asked.prices else None,
        frontier=curve.frontier(
            case,
            hubs=_some(range(1, asked.max_hubs + _MORE_HUBS + 1), asked.max_hubs, asked.frontier),
            outreach=_some(range(0, asked.max_outreach + _MORE_OUTREACH + 1, 2), asked.max_outreach, asked.frontier),
            budgets=budgets if asked.frontier else {},
        ),
        comparison=compared,
        equality=scenarios.equality(compared, send_share_pct=settings.demand.send_share_pct),
        robustness=drawn,
        consultation=scenarios.consultation(compared, chosen.sites.merge(ground.sites[["site_id", "ours"]])),
    )


def _some(values: range, asked: int, most: int) -> list[int]:
    """Take as many as allowed, evenly, with what is asked for among them."""
    if not most:
        return []
    if len(values) <= most:
        return list(values)
    step = -(-len(values) // most)
    return sorted({*values[::step], asked})
