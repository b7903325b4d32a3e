"""Time the choice of hubs for a nation of England's size: seconds, memory and gap, against HiGHS on the same form.

Run with `make bench`, or by itself with two numbers: places and new hubs.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from needs.nation.reach import Reach

PLACES, BUILDINGS, COUNCILS, NEAR = 33_755, 4_500, 153, 60
HUBS_TODAY, NEW = 300, 1_000


def england(places: int = PLACES, seed: int = 1) -> Reach:
    """Make a nation: towns of all sizes, councils around the largest, buildings where people live.

    Families with a car are covered in full by the buildings in a tenth of the way to the last near them, fading out to
    last; those without one have a third of that reach.
    """
    rng = np.random.default_rng(seed)
    share = places / PLACES
    buildings, councils = (max(2, round(share * k)) for k in (BUILDINGS, COUNCILS))
    towns = rng.random((8 * councils, 2))
    size = rng.pareto(1.2, len(towns)) + 0.2
    home = rng.choice(len(towns), places, p=size / size.sum())
    at = towns[home] + rng.normal(0, 0.004, (places, 2)) * np.sqrt(size[home])[:, None]
    seats = cKDTree(towns[np.argsort(-size, kind="stable")[:councils]])
    codes = np.array([f"E10{k:06}" for k in range(councils)])
    stands = at[rng.choice(places, buildings, replace=False)] + rng.normal(0, 0.002, (buildings, 2))
    away, site = cKDTree(stands).query(at, k=min(NEAR, buildings))
    cover = []
    for part in (1.0, 1 / 3):
        furthest = part * away[:, -1:]
        cover.append(np.clip((furthest - away) / (0.9 * furthest), 0.0, 1.0))
    rows = np.tile(np.arange(2 * places), (away.shape[1], 1)).T
    table = csr_array((np.vstack(cover).ravel(), (rows.ravel(), np.vstack([site, site]).ravel())))
    table.resize((2 * places, buildings))
    table.eliminate_zeros()
    births, no_car = rng.integers(5, 40, places), rng.random(places) * 0.5
    demand = np.concatenate([births * (1 - no_car), births * no_car])
    need = 1.0 + rng.beta(1, 2, len(towns))[home]
    name = [f"E01{k:06}" for k in range(places)]
    families = pd.DataFrame(
        {
            "point_id": [f"{n}, {w} a car" for w in ("with", "without") for n in name],
            "lsoa21cd": name * 2,
            "council": codes[np.tile(seats.query(at)[1], 2)],
            "demand": demand,
            "weight": demand * np.tile(need, 2),
            "children": demand * np.tile(need - 1.0, 2),
            "ruc21cd": np.where(np.tile(size[home], 2) > 1.0, "UN1", "RSN1"),
            "fifth_england": np.tile(5 - np.digitize(need, np.quantile(need, [0.2, 0.4, 0.6, 0.8])), 2),
        }
    )
    ids = np.arange(buildings)
    sites = pd.DataFrame(
        {
            "site_id": [f"s{k:05}" for k in ids],
            "name": [f"Building {k}" for k in ids],
            "council": codes[seats.query(stands)[1]],
            "today": np.where(rng.permutation(buildings) < share * HUBS_TODAY, "hub", "none"),
            "can_be_hub": True,
            "forced": False,
            "closed": False,
        }
    )
    return Reach.joined([Reach(families, sites, table)])
