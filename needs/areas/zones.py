"""Join a council's zones with their class, demand and car availability, and place its families."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from needs.assessment import DemandSettings
from needs.demand import columns, kinds
from needs.demand import demand as count
from needs.errors import Faults, NeedsError

MAX_SHARED = 0.5  # of a zone's ground with another: generalised outlines overlap by slivers only
MAX_STRAY_M = 1_000.0  # a demand point may lie so far from its zone's generalised outline


def select_zones(zones: gpd.GeoDataFrame, codes: list[str], *, where: str, faults: Faults) -> gpd.GeoDataFrame:
    """Keep the zones of the council.

    Parameters
    ----------
    zones
        Table `zones`, EPSG:27700; may hold the whole of England.
    codes
        District codes of the council.

    Returns
    -------
    geopandas.GeoDataFrame
        Sorted by lsoa21cd.
    """
    for code in codes:
        if not (zones["lad24cd"] == code).any():
            found = ", ".join(sorted(zones["lad24cd"].unique())[:5])
            faults.add(
                where,
                f"no zone belongs to district {code}; the file has {found}",
                "correct area.codes, or give the boundaries of that district",
            )
    own = zones[zones["lad24cd"].isin(codes)].sort_values("lsoa21cd", ignore_index=True)
    first, second = own.sindex.query(own.geometry, predicate="intersects")
    first, second = first[first < second], second[first < second]
    shapes, area = own.geometry.array, own.geometry.area.to_numpy()
    share = shapes[first].intersection(shapes[second]).area / np.minimum(area[first], area[second])
    code = own["lsoa21cd"].to_numpy()
    told = [
        ("", f"zones {code[first[k]]} and {code[second[k]]} share {share[k]:.0%} of the smaller one's ground")
        for k in np.flatnonzero(share > MAX_SHARED)
    ]
    faults.add_each(where, told, "correct the boundaries: zones lie beside each other")
    return own


def around(shapes: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, *, least_share: float = 0.0) -> gpd.GeoDataFrame:
    """Keep what touches the council: points inside it, and polygons of which at least a share lies inside.

    Parameters
    ----------
    shapes
        Points or polygons, EPSG:27700.
    zones
        Of the council, EPSG:27700.
    least_share
        Of a polygon's area; neighbours that only share an edge have next to none.
    """
    council = zones.geometry.union_all()
    near = shapes[shapes.geometry.intersects(council)]
    if least_share:
        near = near[near.geometry.intersection(council).area >= least_share * near.geometry.area]
    return near.sort_values([c for c in near.columns if c != near.geometry.name], ignore_index=True)


def attach(
    zones: gpd.GeoDataFrame,
    *,
    rural_urban: pd.DataFrame,
    demand: Sequence[pd.DataFrame],
    cars: pd.DataFrame | None,
    digital: pd.DataFrame | None = None,
    settings: DemandSettings,
    faults: Faults,
) -> gpd.GeoDataFrame:
    """Join the class, the demand and the shares without a car and without the internet to each zone, by code.

    Parameters
    ----------
    zones
        The council's zones.
    rural_urban, cars, digital
        Tables of those names; they may hold more zones than the council's. Without `cars` the settings' share by
        class stands in, and column `no_car_source` says so. Without `digital` nothing stands in: it is not known.
    demand
        Tables "demand": every zone in each, no column in two.

    Returns
    -------
    geopandas.GeoDataFrame
        zones plus ruc21cd, the columns of demand, `demand` (of the kind chosen in the settings, with planned homes
        where they are asked for), `demand_growth` (the part of it in planned homes), no_car_pct, no_car_source
        ("table" or "default"), and offline_pct where `digital` is given.
    """
    merged = zones
    given = (("rural_urban", rural_urban), *(("demand", d) for d in demand), ("cars", cars), ("digital", digital))
    for name, table in given:
        if table is None:
            continue
        own = [str(c) for c in table.columns if c != "lsoa21cd"]
        missing = sorted(set(zones["lsoa21cd"]) - set(table["lsoa21cd"]))
        if own == ["planned_homes"]:  # a list of sites: elsewhere none are planned
            table = pd.concat([table, pd.DataFrame({"lsoa21cd": missing, "planned_homes": 0.0})], ignore_index=True)
            missing = []
        faults.add_each(
            f"table '{name}' ({', '.join(own)})",
            [("", f"has no row for zone {code}") for code in missing],
            "add it; codes of LSOA 2011 must first be carried to LSOA 2021 with the ONS exact-fit lookup",
        )
        twice = sorted(str(c) for c in set(table) & set(merged) if c != "lsoa21cd")
        if twice:
            fix = "map each in one of them"
            faults.add(f"table '{name}'", f"{', '.join(twice)} stands in two inputs", fix)
            continue
        merged = merged.merge(table, on="lsoa21cd", how="left", validate="one_to_one")
    if cars is None:
        urban = merged["ruc21cd"].astype(str).str.startswith("U")
        merged["no_car_pct"] = np.where(urban, settings.no_car_urban_pct, settings.no_car_rural_pct)
    merged["no_car_source"] = "default" if cars is None else "table"
    counted = pd.DataFrame(0.0, index=merged["lsoa21cd"], columns=["demand", "demand_growth"])
    if not faults.found:
        held = pd.DataFrame(merged[["lsoa21cd", *(c for c in columns() if c in merged)]])
        try:
            counted = count(held, settings.count, send_share_pct=settings.send_share_pct, growth=settings.growth)
        except NeedsError as error:
            faults.take(error)
    if not faults.found and not counted["demand"].sum() > 0:
        faults.add("table 'demand'", f"the council's {kinds()[settings.count].label} add up to nothing", "check it")
    return merged.merge(counted[["demand", "demand_growth"]], left_on="lsoa21cd", right_index=True)


def place_families(
    points: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, known_codes: set[str], *, where: str, faults: Faults
) -> gpd.GeoDataFrame:
    """Share each zone's demand among the points where its families live.

    Parameters
    ----------
    points
        Table `points`, EPSG:27700: postcodes or output areas with the zone's code and, if there is one, a weight.
    zones
        Zones with column demand.
    known_codes
        Every zone code that exists in the tables given; a point of another council's zone is dropped, a point whose
        zone does not exist is a fault.

    Returns
    -------
    geopandas.GeoDataFrame
        point_id, lsoa21cd, share (adds up to 1 in each zone), demand, ruc21cd, no_car_pct, geometry; sorted by
        point_id. Points without weight are left out, unless no point of the zone has any: then all count alike.
    """
    unknown = points[~points["lsoa21cd"].isin(known_codes)]
    faults.add_each(
        where,
        [
            ("", f"zone {code} of {len(group)} point(s), such as {group['point_id'].iloc[0]}, is unknown")
            for code, group in unknown.groupby("lsoa21cd")
        ],
        "correct the code; codes of LSOA 2011 must first be carried to LSOA 2021",
    )
    mine = points[points["lsoa21cd"].isin(zones["lsoa21cd"])].sort_values("point_id", ignore_index=True)
    if "weight" not in mine.columns:
        mine = mine.assign(weight=1.0)
    totals = mine.groupby("lsoa21cd")["weight"].transform("sum")
    mine["weight"] = mine["weight"].where(totals > 0, 1.0)
    mine = mine[mine["weight"] > 0]
    faults.add_each(
        where,
        [("", f"zone {code} has no point") for code in sorted(set(zones["lsoa21cd"]) - set(mine["lsoa21cd"]))],
        "add its postcodes or output areas, or its population-weighted centroid",
    )
    if faults.found:
        return mine
    outline = zones.set_index("lsoa21cd").geometry.reindex(mine["lsoa21cd"])
    stray_m = mine.geometry.distance(gpd.GeoSeries(outline.to_numpy(), index=mine.index, crs=zones.crs))
    far_m = stray_m[stray_m > MAX_STRAY_M]
    faults.add_each(
        where,
        [
            ("", f"point {mine.at[i, 'point_id']} lies {metres:,.0f} m from its zone {mine.at[i, 'lsoa21cd']}")
            for i, metres in far_m.items()
        ],
        "check its coordinates and its zone code",
    )
    share = mine["weight"] / mine.groupby("lsoa21cd")["weight"].transform("sum")
    attributes = zones.set_index("lsoa21cd")[["demand", "ruc21cd", "no_car_pct"]]
    joined = mine[["point_id", "lsoa21cd", "geometry"]].join(attributes, on="lsoa21cd")
    return joined.assign(share=share, demand=joined["demand"] * share).reset_index(drop=True)
