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
    beyond, idle = len(sites) + elsewhere - int(near.sum()), int((near & ~keep).sum())
    margin = f"{max(council.margin_m, SLACK_M) / 1000:g} km"
    note = (
        f"Of {len(sites) + elsewhere:,} sites listed for England {int((keep & ours).sum()):,} are the council's and "
        f"{int((keep & ~ours).sum()):,} are others' that offer something today within {margin} of it; left out are "
        f"{idle:,} of others that offer nothing and {beyond:,} farther off."
    )
    return sites.assign(ours=np.asarray(ours))[keep].reset_index(drop=True), [note]
