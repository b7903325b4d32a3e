"""Make what siting is given: families with weights, and how far each site covers them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from needs import catchments
from needs.assessment import Assessment
from needs.assessment.plan import PlanSettings
from needs.stages.data import Data
from needs.stages.need import Need
from needs.stages.travel import Travel


@dataclass(frozen=True)
class Families:
    """Families with and without a car, point by point, and how far each site covers them.

    Attributes
    ----------
    families
        As `catchments.split_by_car` returns it, with demand, weight (demand times need multiplier), fifth_england and
        fifth_here.
    hub, outreach
        Cover as each offer: index point_id, columns site_id, 0 to 1.
    """

    families: pd.DataFrame
    hub: pd.DataFrame
    outreach: pd.DataFrame


def families_and_cover(settings: Assessment, ground: Data, needs: Need, times: Travel) -> Families:
    """Weigh an area's families and cover them, by its own settings."""
    rules = catchments.standards(settings.standards)
    return weighed(ground, needs, times.minutes, rules, settings.plan, ground.zones.set_index("lsoa21cd")["demand"])


def weighed(
    ground: Data,
    needs: Need,
    minutes: dict[str, pd.DataFrame],
    rules: pd.DataFrame,
    settings: PlanSettings,
    demanded: pd.Series[float],
    no_car_pct: float | None = None,
) -> Families:
    """Weigh families and cover them.

    Parameters
    ----------
    ground, needs
        Of the area.
    minutes
        By mode: index point_id of the places, columns site_id.
    rules
        Standards in force.
    settings
        How much need counts.
    demanded
        Families by lsoa21cd.
    no_car_pct
        Households without a car are taken to be no fewer than this, per cent.
    """
    points = pd.DataFrame(ground.points.drop(columns="geometry"))
    points["demand"] = points["share"] * points["lsoa21cd"].map(demanded)
    if no_car_pct is not None:
        points["no_car_pct"] = points["no_car_pct"].clip(lower=no_car_pct)
    families = catchments.split_by_car(points)
    code = families["lsoa21cd"]
    multiplier = catchments.need_multiplier(code.map(needs.zones["percentile"]), settings.need_strength)
    families = families.assign(
        weight=families["demand"] * multiplier,
        fifth_england=code.map(needs.zones["fifth_england"]),
        fifth_here=code.map(needs.zones["fifth_area"]),
    )
    return Families(
        families,
        catchments.cover(minutes, families, rules, offer="hub"),
        catchments.cover(minutes, families, rules, offer="outreach"),
    )
