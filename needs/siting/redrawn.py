"""Make a council's families and covers anew under other assumptions, by the steps by which the plan's were made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import poisson

from needs.catchments import gradual, need_multiplier
from needs.errors import Faults
from needs.location.rules import Bools, Floats
from needs.schemas import OFFERS
from needs.siting.case import Case
from needs.siting.uncertainty import Assumed
from needs.travel import needs_car

_NEEDED = ("place_id", "car", "ruc21cd", "no_car_pct")


@dataclass(frozen=True)
class Redrawn:
    """Families, weights and covers of one draw, in the order of a case's points and sites.

    Attributes
    ----------
    demand, weight
        Families, and families times need; shape (points,).
    hub, outreach
        Cover, 0 to 1; shape (points, sites).
    """

    demand: Floats
    weight: Floats
    hub: Floats
    outreach: Floats


@dataclass(frozen=True)
class Ground:
    """What families and covers are made of, in the order of a case's points and sites.

    Attributes
    ----------
    place, zone
        Numbers of each point's place and zone; shape (points,).
    demand
        Families of each place; shape (places,).
    no_car
        Share of each point's place without a car; shape (points,).
    car
        Whether a point's families have one; shape (points,).
    protected
        Zones whose count does not vary; shape (zones,).
    percentile
        Need of each point's zone, 0 to 1, by draw; shape (draws or 1, points).
    strength
        Of need, in the plan.
    minutes
        From each place to each site, by mode; shape (places, sites).
    limits
        By offer and mode: minutes up to which cover is full, and from which it is none; shape (points, 2); NaN where
        the mode does not count.
    """

    place: NDArray[np.intp]
    zone: NDArray[np.intp]
    demand: Floats
    no_car: Floats
    car: Bools
    protected: Bools
    percentile: Floats
    strength: float
    minutes: dict[str, Floats]
    limits: dict[tuple[str, str], Floats]

    @staticmethod
    def of(
        case: Case,
        minutes: Mapping[str, pd.DataFrame],
        rules: pd.DataFrame,
        percentile: pd.Series[float] | pd.DataFrame,
        *,
        protected: Collection[str] = (),
    ) -> Ground:
        """Line up what a case was made of.

        Parameters
        ----------
        case
            Its points as `catchments.split_by_car` makes them, with weight demand x need multiplier.
        minutes
            By mode: index point_id of the places, columns site_id; NaN is out of reach.
        rules
            Standards in force (`catchments.standards`).
        percentile
            Index lsoa21cd: each zone's place in England by need, 0 to 1; a column for each draw where the index
            itself was drawn.
        protected
            Zones whose counts are protected and do not vary.

        Raises
        ------
        InputError
            With every fault.
        """
        points, faults = case.points, Faults()
        absent = [c for c in _NEEDED if c not in points]
        if absent:
            faults.add("points", f"lack column {', '.join(absent)}", "make them with catchments.split_by_car")
            faults.raise_if_any()
        places, sites = points["place_id"].drop_duplicates().sort_values(), list(case.sites["site_id"])
        for mode, table in minutes.items():
            for labels, wanted, kind in ((table.index, places, "place"), (table.columns, sites, "site")):
                faults.add_codes(
                    f"minutes, {mode}", f"have no {kind}", set(wanted) - set(labels), "measure them for the same places"
                )
        ranked = percentile.to_frame() if isinstance(percentile, pd.Series) else percentile
        zones = np.sort(points["lsoa21cd"].unique())
        faults.add_codes("percentile", "there is no need of zones", set(zones) - set(ranked.index), "score them")
        faults.raise_if_any()
        code = points["lsoa21cd"]
        total = points.groupby("place_id")["demand"].sum()
        limits = {}
        for offer in OFFERS[:2]:
            for mode in minutes:
                rule = rules[(rules["offer"] == offer) & (rules["mode"] == mode)].set_index("ruc21cd")
                found = rule[["full_min", "zero_min"]].reindex(points["ruc21cd"]).to_numpy(float)
                usable = points["car"].to_numpy(bool) | (not needs_car(mode))
                limits[offer, mode] = np.where(usable[:, None], found, np.nan)
        return Ground(
            place=pd.Index(places).get_indexer(points["place_id"]),
            zone=pd.Index(zones).get_indexer(code),
            demand=total.reindex(places).to_numpy(float),
            no_car=points["no_car_pct"].to_numpy(float) / 100.0,
            car=points["car"].to_numpy(bool),
            protected=np.isin(zones, list(protected)),
            percentile=np.ascontiguousarray(ranked.reindex(code).to_numpy(float).T),
            strength=case.settings.need_strength,
            minutes={m: t.reindex(index=list(places), columns=sites).to_numpy(float) for m, t in minutes.items()},
            limits=limits,
        )

    def __call__(self, assumed: Assumed) -> Redrawn:
        """Make one draw's."""
        demand = self._families(assumed)
        percentile = self.percentile[assumed.number % len(self.percentile)]
        weight = demand * need_multiplier(pd.Series(percentile), self.strength * assumed.need_strength).to_numpy()
        minutes = {m: t * self._slower(m, t.shape, assumed) for m, t in self.minutes.items()}
        hub, outreach = (self._cover(offer, minutes, assumed) for offer in OFFERS[:2])
        return Redrawn(demand, weight, hub, outreach)

    def _families(self, assumed: Assumed) -> Floats:
        """Draw each zone's count as counts of so many years vary, and split each place by car."""
        demand = self.demand
        if assumed.demand_years is not None:
            zone = np.zeros(len(demand), np.intp)
            zone[self.place] = self.zone
            counted = np.bincount(zone, demand, minlength=len(self.protected)) * assumed.demand_years
            # By the inverse of the distribution: one zone's count moves no other's.
            drawn = poisson.ppf(assumed.chance("demand").random(len(counted)), np.maximum(counted, 1e-300))
            factor = np.divide(drawn, counted, out=np.ones(len(counted)), where=(counted > 0) & ~self.protected)
            demand = demand * factor[zone]
        without = np.maximum(self.no_car, assumed.no_car_pct / 100.0)
        split: Floats = demand[self.place] * np.where(self.car, 1.0 - without, without)
        return split

    def _slower(self, mode: str, shape: tuple[int, ...], assumed: Assumed) -> Floats:
        """By how much the times of a mode differ from those measured: everywhere, and pair by pair."""
        spread = assumed.pair_pct.get(mode, 0.0) / 100.0
        pairs = np.exp(spread * assumed.chance(f"pairs_{mode}").normal(size=shape)) if spread else np.ones(shape)
        return assumed.time.get(mode, 1.0) * pairs

    def _cover(self, offer: str, minutes: dict[str, Floats], assumed: Assumed) -> Floats:
        """Take the best of the ways in which each family can travel, as `catchments.cover` does."""
        best = np.zeros((len(self.place), next(iter(minutes.values())).shape[1]))
        for mode, table in minutes.items():
            full, none = self.limits[offer, mode].T
            usable = ~np.isnan(full)
            near = assumed.standards * full[usable, None]
            far = near + assumed.standards * assumed.fading * (none - full)[usable, None]
            best[usable] = np.maximum(best[usable], gradual(table[self.place[usable]], near, far))
        return best
