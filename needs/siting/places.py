"""Say who has a place where when sites can take on only so many families."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.errors import Faults
from needs.location.capacity import Capacity, share
from needs.location.values import Floats, Values
from needs.siting.case import aligned


@dataclass(frozen=True)
class Offered:
    """What open sites offer each point.

    Attributes
    ----------
    sites
        Those open, sorted.
    hub
        Which of them are hubs; shape (sites,).
    covers
        Of each point by each site's offer, 0 to 1; shape (points, sites).
    values
        Covers, an outreach's times what it counts.
    """

    sites: list[str]
    hub: np.ndarray
    covers: Floats
    values: Floats

    @staticmethod
    def of(
        points: pd.DataFrame, hub_cover: pd.DataFrame, outreach_cover: pd.DataFrame, offers: dict[str, str], beta: float
    ) -> Offered:
        """Look up what `plan.evaluate` describes.

        Raises
        ------
        InputError
            If a cover lacks a point or an open site, or is not from 0 to 1.
        """
        faults = Faults()
        opened = sorted(site for site, offer in offers.items() if offer != "none")
        covers = np.zeros((len(points), len(opened)))
        for offer, cover in (("hub", hub_cover), ("outreach", outreach_cover)):
            ids = [site for site in opened if offers[site] == offer]
            found = aligned(cover, points["point_id"], ids, name=f"{offer}_cover", faults=faults)
            covers[:, [opened.index(site) for site in ids]] = found
        faults.raise_if_any()
        hub = np.array([offers[site] == "hub" for site in opened], bool)
        return Offered(opened, hub, covers, covers * np.where(hub, 1.0, beta))

    def shares(self, points: pd.DataFrame, families: dict[str, float]) -> Floats:
        """Share each point's families among the sites so that most need is met; shape (points, sites).

        Parameters
        ----------
        points
            With demand and weight.
        families
            By site_id: those that a site can take on; a site that is not named can take on all.
        """
        most = np.array([families.get(site, np.inf) for site in self.sites])
        entries = Values.dense(self.values)
        loads = points["demand"].to_numpy(float)[:, None] * self.covers
        capacity = Capacity(most, loads[entries.row, entries.choice])
        weights, base = points["weight"].to_numpy(float), np.zeros(len(points))
        parts = share(entries, base, weights, capacity, np.ones(len(self.sites)))
        table = np.zeros(self.values.shape)
        table[entries.row, entries.choice] = parts.share
        return table


def occupancy(
    points: pd.DataFrame,
    hub_cover: pd.DataFrame,
    outreach_cover: pd.DataFrame,
    offers: dict[str, str],
    beta: float,
    families: dict[str, float],
) -> pd.DataFrame:
    """Say how full each open site is.

    Parameters
    ----------
    points, hub_cover, outreach_cover, offers, beta, families
        As in `plan.evaluate`.

    Returns
    -------
    pandas.DataFrame
        One row an open site, sorted: site_id, offer, wanted (families that it would serve if no site could be full,
        each at the site that gives it the greatest value, of equals the first by site_id), served (families that have
        a place there), places (families that it can take on; missing where nothing limits it), full_pct (served of
        places).

    Raises
    ------
    InputError
        As `plan.evaluate`.
    """
    offered = Offered.of(points, hub_cover, outreach_cover, offers, beta)
    demand = points["demand"].to_numpy(float)
    within = demand[:, None] * offered.covers
    best = np.zeros(within.shape)
    if offered.sites:
        best[np.arange(len(points)), offered.values.argmax(axis=1)] = 1.0
    served = (within * offered.shares(points, families)).sum(axis=0)
    places = np.array([families.get(site, np.nan) for site in offered.sites], float)
    places = np.where(np.isfinite(places), places, np.nan)
    return pd.DataFrame(
        {
            "site_id": pd.Series(offered.sites, dtype="str"),
            "offer": pd.Series(np.where(offered.hub, "hub", "outreach"), dtype="str"),
            "wanted": (within * best).sum(axis=0),
            "served": served,
            "places": places,
            "full_pct": 100.0 * np.divide(served, places, out=np.full(len(places), np.nan), where=places > 0),
        }
    )
