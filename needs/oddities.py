"""Point at figures of an area that are possible and odd, for somebody who knows the place to look at."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd

from needs.errors import listed

# Children aged 0 to 4 for every birth of a year; as many every year would be five. Of England's zones at mid-2020 (age
# 0 for births) fewer than one in a hundred lies beyond these.
YEARS_OF_BIRTHS = (2.5, 15.0)
NO_CAR_PCT = (0.5, 85.0)
TIMES_MEDIAN = 6.0  # families of a zone, against the middle zone of the area


def look(zones: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> Iterator[str]:
    """Say what is odd, one sentence for each kind.

    Parameters
    ----------
    zones
        Checked zones, with lsoa21cd, demand, no_car_pct, no_car_source and what columns of demand there are.
    sites
        Gathered sites, with name, today, ours.

    Yields
    ------
    str
        What, how many, and the first of them.
    """
    yield from _of_zones(zones)
    yield from _of_sites(sites)


def _of_zones(zones: gpd.GeoDataFrame) -> Iterator[str]:
    codes = zones["lsoa21cd"]
    none = codes[zones["demand"] == 0]
    if len(none):
        yield f"Zones without anybody to serve ({len(none)}): {listed(list(none))}."
    middle = float(zones["demand"].median())
    many = codes[zones["demand"] > TIMES_MEDIAN * middle] if middle else codes[:0]
    if len(many):
        told = f"Zones with over {TIMES_MEDIAN:g} times the families of the middle one"
        yield f"{told} ({len(many)}): {listed(list(many))}."
    if {"births", "children_0_4"} <= set(zones.columns):
        years = zones["children_0_4"] / zones["births"].replace(0, np.nan)
        odd = codes[(years < YEARS_OF_BIRTHS[0]) | (years > YEARS_OF_BIRTHS[1])]
        if len(odd):
            low, high = YEARS_OF_BIRTHS
            yield (
                f"Zones with fewer than {low:g} or more than {high:g} children aged 0 to 4 for every birth of a year "
                f"({len(odd)}): {listed(list(odd))}. Few births, a new estate, or tables of different years."
            )
    if (zones["no_car_source"] == "table").all():
        low, high = NO_CAR_PCT
        odd = codes[(zones["no_car_pct"] < low) | (zones["no_car_pct"] > high)]
        if len(odd):
            told = f"Zones where under {low:g} or over {high:g} per cent of households have no car"
            yield f"{told} ({len(odd)}): {listed(list(odd))}."
    for column in ("births", "children_0_4"):
        if column in zones and len(zones) > 1 and (zones[column] == zones[column].iloc[0]).all():
            yield f"Column {column} is the same in every zone: {zones[column].iloc[0]:g}."


def _of_sites(sites: gpd.GeoDataFrame) -> Iterator[str]:
    ours = sites[sites["ours"]]
    if not (ours["today"] == "hub").any():
        yield "No building of the council is a hub today: is its list of hubs there?"
    names = ours["name"].str.casefold().str.split().str.join(" ")
    twice = sorted(set(ours.loc[names.duplicated(keep=False), "name"]))
    if twice:
        yield f"Names that several buildings bear ({len(twice)}): {listed(twice)}."
    places = pd.Series(list(zip(ours.geometry.x.round(), ours.geometry.y.round(), strict=True)), index=ours.index)
    same = ours.loc[places.duplicated(keep=False), "name"]
    if len(same):
        yield f"Buildings on the very same spot, as postcodes place them ({len(same)}): {listed(sorted(same))}."
