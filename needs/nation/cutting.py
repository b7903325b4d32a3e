"""Cut one council out of the tables of all England."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from needs import areas
from needs.assessment import Area, Assessment
from needs.councils import Entry, resolve, upper_tier
from needs.drafting import Today
from needs.index import NeedIndex
from needs.index.perturb import RankUncertainty
from needs.sites import Surroundings
from needs.stages import Data, Need, scored

NEAR_M = 500.0  # outlines of zones are simplified, and quays and piers lie outside


@dataclass(frozen=True)
class Nation:
    """All of England, read and scored once.

    Attributes
    ----------
    settings
        Of the whole; councils take theirs from it.
    ground
        Tables of every zone.
    index
        Fitted on the reference.
    drawn
        Ranks of every zone drawn anew; None where they were not.
    council
        Of each site, by site_id: code of the upper-tier council whose ground it stands on, or is near to where
        outlines are rough; missing for sites elsewhere.
    """

    settings: Assessment
    ground: Data
    index: NeedIndex
    drawn: RankUncertainty | None
    council: pd.Series[str]

    @classmethod
    def of(cls, settings: Assessment, ground: Data) -> Nation:
        """Fit the index, draw ranks, and find out on whose ground each site stands."""
        index = NeedIndex(ground.spec).fit(ground.reference)
        cells = ground.reference.select(list(ground.zones["lsoa21cd"]))
        draws = settings.need.draws
        drawn = index.perturb(cells, draws=draws) if draws else None
        upper = {code: e.code for e in upper_tier() for code in e.districts}
        zones = ground.zones.sort_values("lsoa21cd", ignore_index=True)
        tree = shapely.STRtree(zones.geometry.to_numpy())
        # the first of those at equal distance: outlines meet
        site, zone = tree.query_nearest(ground.sites.geometry.to_numpy(), max_distance=NEAR_M, all_matches=True)
        nearest = pd.Series(zone).groupby(site).min()
        on = pd.Series(zones["lad24cd"].map(upper).to_numpy()[nearest], index=nearest.index)
        codes = on.reindex(range(len(ground.sites))).to_numpy()
        council = pd.Series(codes, index=pd.Index(ground.sites["site_id"]), name="council")
        return cls(settings, ground, index, drawn, council)

    @property
    def councils(self) -> tuple[Entry, ...]:
        """The upper-tier councils that have zones here, by code."""
        mine = set(self.ground.zones["lad24cd"])
        return tuple(e for e in upper_tier() if mine & set(e.districts))

    @property
    def today_known(self) -> frozenset[str]:
        """Councils of which it is known what they have today: a list of all England says so, or they are listed."""
        lists = {i.id for i in self.settings.of("sites") if i.national}
        offering = self.ground.sites[self.ground.sites["today"] != "none"]
        if set(offering["source"]) & lists:
            return frozenset(e.code for e in self.councils)
        return frozenset(self.council[offering["site_id"]].dropna())


@dataclass(frozen=True)
class Streets:
    """A council's own streets.

    Attributes
    ----------
    path
        OpenStreetMap extract.
    source
        What it is and whose, as `report.sources` lists it.
    warning
        What the council's own assessment says must be known before any figure is used.
    """

    path: Path
    source: dict[str, Any]
    warning: str | None


@dataclass(frozen=True)
class Part:
    """One council, ready for the stages.

    Attributes
    ----------
    council
        Which.
    settings
        Its own: as many hubs as it has, or its share of England's by zones, whichever is more.
    ground
        Its zones; its sites, and those across the border that offer something today.
    index, drawn
        The nation's, and the ranks of its own zones.
    around
        Buildings that could be a hub, or are one: its own, and others' within the margin, EPSG:27700; `council` says
        whose.
    today_known
        Whether it is known what it has today.
    missing
        What is not known of it, in sentences.
    streets
        Its own, if it has any; travel is then along them.
    """

    council: Entry
    settings: Assessment
    ground: Data
    index: NeedIndex
    drawn: RankUncertainty | None
    around: gpd.GeoDataFrame
    today_known: bool
    missing: tuple[str, ...]
    streets: Streets | None = None

    @cached_property
    def needs(self) -> Need:
        """Score its zones by the nation's index; their ranks were drawn with all others."""
        return scored(self.ground, self.index, self.drawn)


def cut(nation: Nation, council: Entry, streets: Streets | None = None) -> Part:
    """Cut a council out: its zones and places, its sites, and what counts across its border.

    The rule for sites is that of a list of all England in a council's own assessment (`sites.national.cut`).

    Parameters
    ----------
    nation
        All of England.
    council
        One that has zones there.
    streets
        Its own, where there are any.
    """
    ground, margin = nation.ground, nation.settings.area.margin_km
    zones = ground.zones[ground.zones["lad24cd"].isin(council.districts)].reset_index(drop=True)
    mine = set(zones["lsoa21cd"])
    points = ground.points[ground.points["lsoa21cd"].isin(mine)].reset_index(drop=True)
    near = Surroundings.of(zones, margin)
    sites, theirs = ground.sites, ground.sites["site_id"].map(nation.council)
    ours = (theirs == council.code).to_numpy()
    beside = ours | near.margin(sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy())
    offers = (sites["today"] != "none").to_numpy()
    own = sites.assign(ours=ours)[ours | (beside & offers)].reset_index(drop=True)
    could = (sites["may_hub"] | (sites["today"] == "hub")).to_numpy()
    around = sites.assign(ours=ours, council=theirs)[beside & could & theirs.notna()].reset_index(drop=True)
    hubs, outreach = (int((own.loc[own["ours"], "today"] == offer).sum()) for offer in ("hub", "outreach"))
    settings = _settings(nation.settings, council, Today(len(zones), hubs, outreach))
    cut_ground = replace(
        ground,
        zones=zones,
        points=points,
        sites=own,
        rejected=ground.rejected.iloc[:0],
        reference=ground.reference.select(sorted(mine)),
        context=_context(ground.context, council),
        boundaries=areas.around(ground.boundaries, zones, least_share=0.01),
        postcodes=areas.around(ground.postcodes, zones, least_share=0.0),
        notes=[],
    )
    known = council.code in nation.today_known
    drawn = nation.drawn
    if drawn is not None:
        drawn = replace(drawn, table=drawn.table.loc[zones["lsoa21cd"]], methods=drawn.methods.iloc[:0])
    return Part(council, settings, cut_ground, nation.index, drawn, around, known, _missing(own, known), streets)


def _settings(settings: Assessment, council: Entry, today: Today) -> Assessment:
    found = resolve(council.code)
    area = Area.model_validate(
        {
            **settings.area.model_dump(),
            "name": found.name,
            "slug": found.slug,
            "codes": list(found.codes),
        }
    )
    plan = settings.plan.changed(max_hubs=today.max_hubs, max_outreach=today.max_outreach)
    return settings.model_copy(update={"area": area, "plan": plan})


def _context(context: pd.DataFrame, council: Entry) -> pd.DataFrame:
    own = {council.code, *council.districts, "E92000001"}
    return context[context["lad24cd"].isin(own)].reset_index(drop=True)


def _missing(own: gpd.GeoDataFrame, known: bool) -> tuple[str, ...]:
    """Say what is not known of a council."""
    mine, told = own[own["ours"]], []
    if not known:
        told.append("No list of today's hubs covers it: what it has today is not known.")
    if not (mine["may_hub"] | (mine["today"] == "hub")).any():
        told.append("No building that could be a hub is listed.")
    elif not mine["may_outreach"].any():
        told.append("No building that could be an outreach site is listed.")
    return tuple(told)
