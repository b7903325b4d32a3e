"""Place invented hubs, libraries, schools, surgeries and halls on the streets of a council."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from needs.demo.ground import Bend, Coordinates
from needs.demo.network import Network
from needs.demo.plans import Plan, Settlement, Site

_FRONTS = ("secondary", "tertiary", "unclassified", "residential")
_APART_M = 120.0  # so that no two are taken for one building
_SUBURB_SCHOOLS = ("Primary School", "Meadow Primary School", "St Oda's Primary School")


def place_sites(
    plan: Plan, network: Network, bend: Bend, points: gpd.GeoDataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Table of every building: site_id, name, site_type, today, ours, postcode, easting, northing (metres)."""
    sites = [*plan.sites, *_ordinary(plan, rng)]
    pairs, _ = network.pieces(_FRONTS)
    tail, head = network.nodes[pairs[:, 0]], network.nodes[pairs[:, 1]]
    middle, step = (tail + head) / 2, head - tail
    long = np.hypot(*step.T) > 30
    middle, step = middle[long], step[long]
    target = bend(np.array([(s.x, s.y) for s in sites]))
    front = _own_front(middle, target)
    across = np.column_stack([-step[front, 1], step[front, 0]]) / np.hypot(*step[front].T)[:, None]
    at = np.round(middle[front] + 14 * across, 0)
    homes = points.geometry.get_coordinates().to_numpy()
    postcode = points["point_id"].to_numpy()[cKDTree(homes).query(at)[1]]
    ours = np.array([s.ours for s in sites])
    return pd.DataFrame(
        {
            "site_id": [f"{plan.postcode}-{k:03d}" for k in range(1, len(sites) + 1)],
            "name": [s.name for s in sites],
            "site_type": [s.site_type for s in sites],
            "today": [s.today for s in sites],
            "ours": ours,
            "postcode": np.where(ours, postcode, ""),
            "easting": at[:, 0].astype(int),
            "northing": at[:, 1].astype(int),
        }
    )


def _own_front(fronts: Coordinates, target: Coordinates) -> NDArray[np.int64]:
    """Nearest street front of each building that is clear of every earlier building."""
    near = np.asarray(cKDTree(fronts).query(target, k=60)[1])
    chosen: list[int] = []
    for row in near.tolist():
        clear = (f for f in row if not chosen or np.hypot(*(fronts[chosen] - fronts[f]).T).min() >= _APART_M)
        chosen.append(next(clear))
    return np.array(chosen, dtype=np.int64)


def _ordinary(plan: Plan, rng: np.random.Generator) -> list[Site]:
    """Schools, halls and surgeries that every suburb or larger village has."""

    def near(place: Settlement) -> tuple[float, float]:
        angle, out = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.65) * place.radius_m
        return float(place.x + out * np.cos(angle)), float(place.y + out * np.sin(angle))

    sites = []
    for place in plan.settlements:
        if place.kind == "suburb":
            schools = _SUBURB_SCHOOLS[: 3 if place.people > 9_000 else 2]
            sites += [Site(f"{place.name} {s}", "primary_school", *near(place)) for s in schools]
            sites.append(Site(f"{place.name} Community Centre", "community_centre", *near(place)))
            sites.append(Site(f"{place.name} Medical Centre", "gp_practice", *near(place)))
        elif place.kind == "village":
            if place.people >= 600:
                sites.append(Site(f"{place.name} Primary School", "primary_school", *near(place)))
            if place.people >= 400:
                sites.append(Site(f"{place.name} Village Hall", "community_centre", *near(place)))
    return sites
