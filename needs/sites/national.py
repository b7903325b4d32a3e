"""Cut a list of all England to a council and its margin."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from needs.sites.surroundings import SLACK_M, Surroundings


def cut(sites: gpd.GeoDataFrame, council: Surroundings, *, elsewhere: int = 0) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Keep what counts for a council of a list of all England.

    What stands in the council is ours, and in its margin another's, unless the input says so itself; what is another's
    is kept only where it offers something today, since a neighbour's empty building is nobody's option.

    Parameters
    ----------
    sites
        Placed, EPSG:27700, with today and perhaps ours.
    council
        Where it is, and its margin.
    elsewhere
        Rows of the list that have no place and are known to be elsewhere; only counted.

    Returns
    -------
    sites : geopandas.GeoDataFrame
        Those that are kept, with ours.
    notes : list of str
        What was left out.
    """
    x, y = sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy()
    near, offers = council.margin(x, y), (sites["today"] != "none").to_numpy()
    ours = sites["ours"].to_numpy(dtype=bool) if "ours" in sites else council.inside(x, y)
    keep = near & (ours | offers)
    margin = f"{max(council.margin_m, SLACK_M) / 1000:g} km"
    parts = {
        f"others' within {margin} of it that offer something today": int((keep & ~ours).sum()),
        f"others' within {margin} that offer nothing, and left out": int((near & ~keep).sum()),
        "farther off, and left out": len(sites) + elsewhere - int(near.sum()),
    }
    told = "".join(f", {count:,} are {what}" for what, count in parts.items() if count)
    note = f"Of {len(sites) + elsewhere:,} sites listed {int((keep & ours).sum()):,} are the council's{told}."
    return sites.assign(ours=np.asarray(ours))[keep].reset_index(drop=True), [note]
