"""Say how far each place is covered by each site, and what need is left unmet."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.assessment import StandardOverride
from needs.schemas import RURAL_URBAN_CODES
from needs.settings import CATALOGUE
from needs.toml import load
from needs.travel import by_zone

WITHOUT_CAR = frozenset({"walk"})  # how a family without a car can travel


@cache
def preset_standards() -> tuple[StandardOverride, ...]:
    """Read the catalogue's standards."""
    entries = load(CATALOGUE / "standards.toml")["standard"]
    return tuple(StandardOverride.model_validate(e) for e in entries)


def standards(overrides: list[StandardOverride]) -> pd.DataFrame:
    """Give the standards in force: the catalogue's, with the council's own in their place.

    Returns
    -------
    pandas.DataFrame
        offer, mode, ruc21cd, full_min, zero_min, source; one row for each offer, mode and class that has one.
    """
    rows = {
        (s.offer, s.mode, code): (s.full_min, s.zero_min, s.source)
        for s in (*preset_standards(), *overrides)
        for code in s.rural_urban
    }
    keys = sorted(rows, key=lambda k: (k[0], k[1], RURAL_URBAN_CODES.index(k[2])))
    return pd.DataFrame(
        [(*k, *rows[k]) for k in keys], columns=["offer", "mode", "ruc21cd", "full_min", "zero_min", "source"]
    )


def gradual(
    minutes: NDArray[np.float64], full_min: NDArray[np.float64], zero_min: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Cover by time: 1 up to full_min, falling in a straight line to 0 at zero_min; NaN minutes give 0.

    Gradual cover after Berman, Krass and Drezner (2003), European Journal of Operational Research 151.
    """
    span = np.maximum(zero_min - full_min, 1e-9)
    cover = np.clip((zero_min - minutes) / span, 0.0, 1.0)
    return np.where(np.isnan(minutes), 0.0, np.where(minutes <= full_min, 1.0, cover))


def cover(
    minutes: Mapping[str, pd.DataFrame], points: pd.DataFrame, rules: pd.DataFrame, *, offer: str
) -> pd.DataFrame:
    """Share of each point's families who reach each site within the standard, by the mix of car ownership.

    A family with a car takes the best of all modes; a family without one the best of those that need no car. The two
    are added by the zone's share of households without a car, not averaged before.

    Parameters
    ----------
    minutes
        By mode: index point_id, columns site_id, NaN beyond the limit.
    points
        point_id, ruc21cd, no_car_pct.
    rules
        Standards in force.
    offer
        "hub" or "outreach".

    Returns
    -------
    pandas.DataFrame
        0 to 1, index point_id, columns site_id.
    """
    frames = list(minutes.values())
    shape = frames[0].shape
    any_mode, on_foot = np.zeros(shape), np.zeros(shape)
    at = points.set_index("point_id").reindex(frames[0].index)
    for mode, table in minutes.items():
        rule = rules[(rules["offer"] == offer) & (rules["mode"] == mode)].set_index("ruc21cd")
        limits = rule[["full_min", "zero_min"]].reindex(at["ruc21cd"]).to_numpy(dtype=float)
        by_mode = gradual(table.to_numpy(), limits[:, :1], limits[:, 1:])
        by_mode = np.where(np.isnan(limits[:, :1]), 0.0, by_mode)  # no standard for this mode and class: not counted
        any_mode = np.maximum(any_mode, by_mode)
        if mode in WITHOUT_CAR:
            on_foot = np.maximum(on_foot, by_mode)
    no_car = at["no_car_pct"].to_numpy(dtype=float)[:, None] / 100.0
    return pd.DataFrame((1.0 - no_car) * any_mode + no_car * on_foot, index=frames[0].index, columns=frames[0].columns)


def need_multiplier(percentile: pd.Series[float], strength: float) -> pd.Series[float]:
    """Weigh a family by its zone's need: 1 in England's least needy zone, 1 + strength in the neediest."""
    return 1.0 + strength * percentile


def nearest_minutes(minutes: pd.DataFrame, points: pd.DataFrame, site_ids: list[str]) -> pd.Series[float]:
    """Minutes of each zone's middle family to the nearest of some sites: index lsoa21cd, NaN beyond the limit."""
    if not site_ids:
        return pd.Series(np.nan, index=sorted(points["lsoa21cd"].unique()), name="minutes")
    nearest = minutes[site_ids].min(axis=1).to_frame("nearest")
    nearest.columns = pd.Index(["nearest"], name="site_id")
    return by_zone(nearest, points, mode="")[["lsoa21cd", "minutes"]].set_index("lsoa21cd")["minutes"]
