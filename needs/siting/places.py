"""Say who has a place where when sites can take on only so many families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from needs.errors import Faults
from needs.location.capacity import Capacity
from needs.location.fairness import fair
from needs.location.values import Bools, Floats, Values
from needs.siting.case import Case, aligned


@dataclass(frozen=True)
class Reached:
    """What sites give each point.

    Attributes
    ----------
    value
        0 to 1, a hub near by being 1; shape (points,).
    hub, reached
        Share of the point's families with a place at a hub, and at any site; shape (points,).
    away
        Share whom an open site covers and none has a place for; shape (points,).
    best
        Site that gives the value, or most of it: of equals the first by site_id; -1 for none; shape (points,).
    """

    value: Floats
    hub: Floats
    reached: Floats
    away: Floats
    best: Any


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
    hub: Bools
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

    @staticmethod
    def by(case: Case, opened: Bools) -> Offered:
        """Look up what open choices of a case offer its points; neighbours' sites count among them if they are open."""
        choices = np.flatnonzero(opened)
        ids = case.sites["site_id"].to_numpy()[choices // 2].tolist()
        return Offered(ids, choices % 2 == 0, case.covers[:, choices], case.worths[:, choices])

    def shares(self, points: pd.DataFrame, families: dict[str, float], before: Floats | None = None) -> Floats:
        """Share each point's families among the sites by the rule of `location.fairness`; shape (points, sites).

        Most need is met in all; nobody then has less than before where that is possible; and of families whose need
        counts the same the same share has a place, of those whom a site covers. The order of rows changes nothing.

        Parameters
        ----------
        points
            With point_id, demand and weight.
        families
            By site_id: those that a site can take on; a site that is not named can take on all.
        before
            Value that each point had; shape (points,).
        """
        order = np.argsort(points["point_id"].astype(str).to_numpy(), kind="stable")
        demand, weight = (points[c].to_numpy(float)[order] for c in ("demand", "weight"))
        entries = Values.dense(self.values[order])
        loads = demand[:, None] * self.covers[order]
        capacity = Capacity(self._most(families), loads[entries.row, entries.choice])
        # Nobody lives there: whoever moves in takes no place of others.
        weights = np.where(demand > 0, weight, 1.0)
        had = None if before is None else before[order]
        parts = fair(entries, np.zeros(len(points)), weights, capacity, np.ones(len(self.sites), bool), had)
        table = np.zeros(self.values.shape)
        table[order[entries.row], entries.choice] = parts
        return table

    def served(self, points: pd.DataFrame, families: dict[str, float], before: Floats | None = None) -> Floats:
        """Say how many of each point's families have a place at each site; shape (points, sites).

        Families beyond the standard of the site that gives most, but not of another, go there if it has room.
        """
        return self._filled(points, families, self.shares(points, families, before))

    def _filled(self, points: pd.DataFrame, families: dict[str, float], shares: Floats) -> Floats:
        demand = points["demand"].to_numpy(float)
        within: Floats = demand[:, None] * shares * self.covers
        if not self.sites:
            return within
        room = np.maximum(self._most(families) - within.sum(axis=0), 0.0)
        covers = np.where(room > 0, self.covers, 0.0)
        other, each = covers.argmax(axis=1), np.arange(len(within))
        more = np.maximum(demand * covers[each, other] - within.sum(axis=1), 0.0)
        asked = np.bincount(other, more, len(self.sites))
        fill = np.minimum(1.0, np.divide(room, asked, out=np.ones(len(room)), where=asked > 0))
        within[each, other] += more * fill[other]
        return within

    def reach(self, points: pd.DataFrame, families: dict[str, float], before: Floats | None = None) -> Reached:
        """Say what the sites give each point; parameters as of `shares`, `families` perhaps empty."""
        could = self.covers.max(axis=1, initial=0.0)
        if not np.isfinite(self._most(families)).any():
            value = self.values
            hub, reached = self.covers[:, self.hub].max(axis=1, initial=0.0), could
        else:
            shares = self.shares(points, families, before)
            value = shares * self.values
            demand = points["demand"].to_numpy(float)[:, None]
            filled = self._filled(points, families, shares)
            parts = np.divide(filled, demand, out=shares * self.covers, where=demand > 0)
            reached = np.minimum(parts.sum(axis=1), could)
            hub = np.minimum(parts[:, self.hub].sum(axis=1), reached)
        best = np.where(value.any(axis=1), value.argmax(axis=1), -1) if self.sites else np.full(len(points), -1)
        total = value.max(axis=1, initial=0.0) if value is self.values else value.sum(axis=1)
        return Reached(total, hub, reached, np.maximum(could - reached, 0.0), best)

    def _most(self, families: dict[str, float]) -> Floats:
        return np.array([families.get(site, np.inf) for site in self.sites], float)


def occupancy(
    points: pd.DataFrame,
    hub_cover: pd.DataFrame,
    outreach_cover: pd.DataFrame,
    offers: dict[str, str],
    beta: float,
    families: dict[str, float],
    before: Floats | None = None,
) -> pd.DataFrame:
    """Say how full each open site is.

    Parameters
    ----------
    points, hub_cover, outreach_cover, offers, beta, families, before
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
    best = np.zeros(offered.covers.shape)
    if offered.sites:
        best[np.arange(len(points)), offered.values.argmax(axis=1)] = 1.0
    served = offered.served(points, families, before).sum(axis=0)
    places = np.array([families.get(site, np.nan) for site in offered.sites], float)
    places = np.where(np.isfinite(places), places, np.nan)
    return pd.DataFrame(
        {
            "site_id": pd.Series(offered.sites, dtype="str"),
            "offer": pd.Series(np.where(offered.hub, "hub", "outreach"), dtype="str"),
            "wanted": (demand[:, None] * offered.covers * best).sum(axis=0),
            "served": served,
            "places": places,
            "full_pct": 100.0 * np.divide(served, places, out=np.full(len(places), np.nan), where=places > 0),
        }
    )
