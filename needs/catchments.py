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
from needs.travel import by_zone, needs_car


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
    fading = np.clip((zero_min - minutes) / span, 0.0, 1.0)
    return np.where(np.isnan(minutes), 0.0, np.where(minutes <= full_min, 1.0, fading))


def split_by_car(points: pd.DataFrame) -> pd.DataFrame:
    """Count families with and without a car apart, so that neither is averaged away.

    Parameters
    ----------
    points
        point_id, share and demand (of the point), no_car_pct (0 to 100).

    Returns
    -------
    pandas.DataFrame
        Two rows a point: every column of `points`, with point_id now the row's own, place_id the point's, car (bool),
        and share and demand of the row. Share and demand add up to the point's.
    """
    without = points["no_car_pct"] / 100.0
    halves = []
    for car, part, words in ((True, 1.0 - without, "with a car"), (False, without, "without a car")):
        half = points.assign(place_id=points["point_id"], car=car)
        half["point_id"] = points["point_id"].astype(str) + ", " + words
        half["share"], half["demand"] = points["share"] * part, points["demand"] * part
        halves.append(half)
    return pd.concat(halves).sort_values("point_id", ignore_index=True)


def cover(
    minutes: Mapping[str, pd.DataFrame], families: pd.DataFrame, rules: pd.DataFrame, *, offer: str
) -> pd.DataFrame:
    """Say how far each group of families is within the standard of each site.

    A family with a car takes the best of all modes; a family without one the best of those that need no car.

    Parameters
    ----------
    minutes
        By mode: index point_id of the places, columns site_id, NaN beyond the limit.
    families
        As `split_by_car` returns it: point_id, place_id, car, ruc21cd.
    rules
        Standards in force.
    offer
        "hub" or "outreach".

    Returns
    -------
    pandas.DataFrame
        0 to 1, index point_id of `families`, columns site_id. A mode without a standard for a class does not count.
    """
    columns = next(iter(minutes.values())).columns
    best = np.zeros((len(families), len(columns)))
    for mode, table in minutes.items():
        rule = rules[(rules["offer"] == offer) & (rules["mode"] == mode)].set_index("ruc21cd")
        limits = rule[["full_min", "zero_min"]].reindex(families["ruc21cd"]).to_numpy(dtype=float)
        by_mode = gradual(table.reindex(families["place_id"]).to_numpy(), limits[:, :1], limits[:, 1:])
        usable = ~np.isnan(limits[:, 0]) & (families["car"].to_numpy() | (not needs_car(mode)))
        best = np.maximum(best, np.where(usable[:, None], by_mode, 0.0))
    return pd.DataFrame(best, index=pd.Index(families["point_id"]), columns=columns)


def quickest(minutes: Mapping[str, pd.DataFrame], families: pd.DataFrame) -> pd.DataFrame:
    """Give each group of families its quickest minutes to each site, by the ways in which it can travel.

    Parameters
    ----------
    minutes, families
        As in `cover`.

    Returns
    -------
    pandas.DataFrame
        Minutes, index point_id of `families`, columns site_id; NaN is out of reach.
    """
    columns = next(iter(minutes.values())).columns
    best = np.full((len(families), len(columns)), np.nan)
    for mode, table in minutes.items():
        usable = families["car"].to_numpy() | (not needs_car(mode))
        best = np.fmin(best, np.where(usable[:, None], table.reindex(families["place_id"]).to_numpy(), np.nan))
    return pd.DataFrame(best, index=pd.Index(families["point_id"]), columns=columns)


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
