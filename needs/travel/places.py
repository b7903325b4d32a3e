"""See that every place stands on the streets before any time is computed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.errors import Faults, listed
from needs.streets import ISLAND
from needs.travel.doors import Network, snap_places
from needs.travel.modes import words
from needs.travel.straight import StraightLines

_REPORT = ("mode", "places", "count", "median_m", "max_m", "off_network", "on_islands")


def check_reach(
    points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, networks: dict[str, Network], faults: Faults
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, list[str]]:
    """See that every place stands on the streets before any time is computed.

    Parameters
    ----------
    points, sites
        EPSG:27700.
    networks
        Streets by mode; straight lines reach every place.
    faults
        Collector: a site of the council that no mode reaches; a demand point far from any street.

    Returns
    -------
    sites : geopandas.GeoDataFrame
        Without the neighbours' sites that no street of the extract reaches.
    report : pandas.DataFrame
        mode, places ("points" or "sites"), count, median_m, max_m, off_network (too far from any street), on_islands
        (nearer to streets that are cut off from the rest).
    notes : list of str
        Neighbours' sites left out, and points on streets that are cut off from the rest.
    """
    rows = []
    graphs = {mode: graph for mode, graph in networks.items() if not isinstance(graph, StraightLines)}
    if not graphs:
        return sites, pd.DataFrame(columns=list(_REPORT)), []
    on = {"points": np.zeros(len(points), dtype=bool), "sites": np.zeros(len(sites), dtype=bool)}
    cut_off = {name: on_mode.copy() for name, on_mode in on.items()}
    nearest = {"points": np.full(len(points), np.inf), "sites": np.full(len(sites), np.inf)}
    for mode, graph in graphs.items():
        for name, places in (("points", points), ("sites", sites)):
            snapped = snap_places(places, graph)
            good, island = snapped.edge >= 0, snapped.reason == ISLAND
            on[name] |= good
            cut_off[name] |= island
            nearest[name] = np.minimum(nearest[name], snapped.metres)
            rows.append(
                {
                    "mode": mode,
                    "places": name,
                    "count": len(places),
                    "median_m": float(np.median(snapped.metres)),
                    "max_m": float(snapped.metres[good].max(initial=0.0)),
                    "off_network": int((~good).sum()),
                    "on_islands": int(island.sum()),
                }
            )
    notes = _lost_sites(sites, ~on["sites"], cut_off["sites"], nearest["sites"], faults)
    notes += _lost_points(points, ~on["points"], cut_off["points"], nearest["points"], faults)
    return sites[on["sites"]].reset_index(drop=True), pd.DataFrame(rows), notes


def _lost_sites(
    sites: gpd.GeoDataFrame,
    lost: NDArray[np.bool_],
    cut_off: NDArray[np.bool_],
    metres: NDArray[np.float64],
    faults: Faults,
) -> list[str]:
    """Note a fault for each site of ours that no mode reaches, by its input; tell of those across the border."""
    far = [f"{m / 1000:,.1f} km from the nearest street of the network" for m in metres]
    abroad = np.flatnonzero(lost & ~sites["ours"].to_numpy())
    notes = [f"{sites['name'].iloc[i]}, across the border, is left out: {far[i]}" for i in abroad]
    ours = lost & sites["ours"].to_numpy()
    for source in sorted(set(sites["source"][ours])):
        here = ours & (sites["source"] == source).to_numpy()
        count = f"{int(here.sum()):,} of {int((sites['source'] == source).sum()):,} sites"
        for island, what, fix in (
            (True, "stands on streets that are cut off from all others, {}", "look for streets that the extract lacks"),
            (False, "lies {}", "check its coordinates, and their crs, or give a street extract that covers it"),
        ):
            some = np.flatnonzero(here & (cut_off == island))
            found = [(f"site '{sites['name'].iloc[i]}'", what.format(far[i])) for i in some]
            faults.add_each(f"{source} ({count})", found, fix)
    return notes


def _lost_points(
    points: gpd.GeoDataFrame,
    lost: NDArray[np.bool_],
    cut_off: NDArray[np.bool_],
    metres: NDArray[np.float64],
    faults: Faults,
) -> list[str]:
    """Note a fault for each point that is far from any street; tell of those on streets that are cut off."""
    ids = points["point_id"].to_numpy()
    far = np.flatnonzero(lost & ~cut_off)
    faults.add_each(
        f"table 'points' ({len(points):,} points)",
        [(f"point {ids[i]}", f"lies {metres[i]:,.0f} m from the nearest street") for i in far],
        "check its coordinates, or give a street extract that covers it",
    )
    islanders = ids[lost & cut_off].tolist()
    where = "stand on streets that are cut off from all others, and count as out of reach"
    return [f"{len(islanders):,} places where families live {where}: {listed(islanders)}"] if islanders else []


def crossings(networks: dict[str, Network]) -> list[str]:
    """Tell which modes may use ferries and toll roads, and how many: the times know no fare and no sailing times."""
    notes = []
    for mode, graph in networks.items():
        if isinstance(graph, StraightLines):
            continue
        for flag, what in (
            (graph.edges.ferry, "by ferry, sailing at any moment without a wait"),
            (graph.edges.toll, "with a toll, taken as any other street"),
        ):
            if flag.any():
                km = graph.edges.metres[flag].sum() / 1000
                notes.append(f"{words()[mode].label}: {int(flag.sum()):,} streets ({km:,.1f} km) are {what}.")
    return notes
