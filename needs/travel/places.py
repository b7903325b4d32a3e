"""See that every place stands on the streets before any time is computed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from needs.errors import Faults
from needs.streets import ISLAND, Graph
from needs.travel.doors import snap_places


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
        mode, places ("points" or "sites"), count, median_m, max_m, off_network (too far from any street), on_islands
        (nearer to streets that are cut off from the rest).
    notes : list of str
        Neighbours' sites left out, and points off the network for one of the modes.
    """
    rows, notes = [], []
    on = {"points": np.zeros(len(points), dtype=bool), "sites": np.zeros(len(sites), dtype=bool)}
    nearest = {"points": np.full(len(points), np.inf), "sites": np.full(len(sites), np.inf)}
    for mode, graph in graphs.items():
        for name, places in (("points", points), ("sites", sites)):
            snapped = snap_places(places, graph)
            good = snapped.edge >= 0
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
                    "on_islands": int((snapped.reason == ISLAND).sum()),
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
