"""Measure minutes from where families live to every site, per way of travelling."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.errors import Faults
from needs.routing import snap, times_s
from needs.streets import Graph, modes


@dataclass(frozen=True)
class Snapped:
    """Places brought to the nearest street of one mode.

    Attributes
    ----------
    node
        Index of the street node, -1 where none is near enough, shape (n,).
    metres
        Straight-line distance to it.
    connector_s
        Seconds for that distance at the mode's connector speed.
    """

    node: NDArray[np.int64]
    metres: NDArray[np.float64]
    connector_s: NDArray[np.float64]


def snap_places(places: gpd.GeoDataFrame, graph: Graph) -> Snapped:
    """Bring points (EPSG:27700) to the streets of a mode."""
    rule = modes()[graph.mode]
    node, metres = snap(graph, places.geometry.x.to_numpy(), places.geometry.y.to_numpy(), max_m=rule.max_snap_m)
    return Snapped(node, metres, metres / rule.connector_kph * 3.6)


def minutes(points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, graph: Graph) -> pd.DataFrame:
    """Time from every demand point to every site by one mode, from door to door.

    Parameters
    ----------
    points
        With point_id, EPSG:27700.
    sites
        With site_id, EPSG:27700.
    graph
        Streets of the mode.

    Returns
    -------
    pandas.DataFrame
        Minutes, index point_id, columns site_id; NaN = not within the mode's limit.
    """
    limit_s = modes()[graph.mode].limit_min * 60.0
    origin, destination = snap_places(points, graph), snap_places(sites, graph)
    street_s = times_s(graph, origin.node, destination.node, limit_s=limit_s)
    total_s = street_s + origin.connector_s[:, None] + destination.connector_s[None, :]
    total_s[total_s > limit_s] = np.nan
    return pd.DataFrame(total_s / 60.0, index=pd.Index(points["point_id"]), columns=pd.Index(sites["site_id"]))


def site_minutes(sites: gpd.GeoDataFrame, graph: Graph) -> pd.DataFrame:
    """Time from every site to every other by one mode: index and columns site_id, minutes, NaN beyond the limit."""
    return minutes(sites.rename(columns={"site_id": "point_id"}), sites, graph).rename_axis("site_id")


def by_zone(by_point: pd.DataFrame, points: pd.DataFrame, *, mode: str) -> pd.DataFrame:
    """Summarise minutes of the points by zone, weighted by the families at each point.

    Parameters
    ----------
    by_point
        Minutes, index point_id, columns site_id.
    points
        With point_id, lsoa21cd, share (of the zone's demand).

    Returns
    -------
    pandas.DataFrame
        lsoa21cd, site_id, mode, minutes (the middle family's: weighted median), p90_min (nine in ten families are
        nearer), within_limit_pct (families who can get there within the mode's limit). Minutes are NaN where the
        family in question is beyond the limit; a mean would leave those families out.
    """
    share = points.set_index("point_id")["share"].reindex(by_point.index)
    zone = points.set_index("point_id")["lsoa21cd"].reindex(by_point.index)
    frames = []
    for code, rows in by_point.groupby(zone.to_numpy(), sort=True):
        weight = share.loc[rows.index].to_numpy()
        values = rows.to_numpy()
        frames.append(
            pd.DataFrame(
                {
                    "lsoa21cd": code,
                    "site_id": rows.columns,
                    "mode": mode,
                    "minutes": weighted_quantile(values, weight, 0.5),
                    "p90_min": weighted_quantile(values, weight, 0.9),
                    "within_limit_pct": 100.0 * (np.isfinite(values) * weight[:, None]).sum(axis=0) / weight.sum(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True).sort_values(["lsoa21cd", "site_id"], ignore_index=True)


def weighted_quantile(values: NDArray[np.float64], weight: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """Give the smallest value that a share q of the weight does not exceed, column by column; NaN ranks last."""
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    reached = np.cumsum(weight[order], axis=0)
    first = (reached >= q * weight.sum() - 1e-12).argmax(axis=0)
    return np.asarray(np.take_along_axis(ranked, first[None, :], axis=0)[0])


def check_reach(
    points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, graphs: dict[str, Graph], faults: Faults
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, list[str]]:
    """See that every place stands on the streets before any time is computed.

    Parameters
    ----------
    points, sites
        EPSG:27700.
    graphs
        Streets by mode.
    faults
        Collector: a site of the council, or a demand point, that no mode can reach.

    Returns
    -------
    sites : geopandas.GeoDataFrame
        Without the neighbours' sites that no street of the extract reaches.
    report : pandas.DataFrame
        mode, places ("points" or "sites"), count, median_m, max_m, off_network.
    notes : list of str
        Neighbours' sites left out, and points off the network for one of the modes.
    """
    rows, notes = [], []
    on = {"points": np.zeros(len(points), dtype=bool), "sites": np.zeros(len(sites), dtype=bool)}
    nearest = {"points": np.full(len(points), np.inf), "sites": np.full(len(sites), np.inf)}
    for mode, graph in graphs.items():
        for name, places in (("points", points), ("sites", sites)):
            snapped = snap_places(places, graph)
            good = snapped.node >= 0
            on[name] |= good
            nearest[name] = np.minimum(nearest[name], snapped.metres)
            rows.append(
                {
                    "mode": mode,
                    "places": name,
                    "count": len(places),
                    "median_m": float(np.median(snapped.metres)),
                    "max_m": float(snapped.metres[good].max(initial=0.0)),
                    "off_network": int((~good).sum()),
                }
            )
    for i in np.flatnonzero(~on["sites"]):
        site = sites.iloc[i]
        far = f"{nearest['sites'][i] / 1000:,.1f} km from the nearest street of the extract"
        if site["ours"]:
            faults.add(
                f"site '{site['name']}' ({site['source']})",
                f"lies {far}, outside the area's travel reach",
                "check its coordinates, or give a street extract that covers it",
            )
        else:
            notes.append(f"{site['name']}, across the border, is left out: {far}")
    lost = np.flatnonzero(~on["points"])
    far_m = nearest["points"]
    faults.add_each(
        f"table 'points' ({len(points):,} points)",
        [(f"point {points['point_id'].iloc[i]}", f"lies {far_m[i]:,.0f} m from the nearest street") for i in lost],
        "check its coordinates, or give a street extract that covers it",
    )
    return sites[on["sites"]].reset_index(drop=True), pd.DataFrame(rows), notes
