"""Measure times from door to door along the streets of one mode."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs import routing
from needs.settings import cache_folder
from needs.streets import Graph, Snapped, direct, modes, snap
from needs.travel.straight import StraightLines

Network = Graph | StraightLines
MS_PER_MIN = 60_000
Say = Callable[[str], None]


def snap_places(places: gpd.GeoDataFrame, graph: Graph) -> Snapped:
    """Bring points (EPSG:27700) to the streets of a mode."""
    return snap(graph, places.geometry.x.to_numpy(), places.geometry.y.to_numpy())


def _quiet(_: str) -> None:
    """Tell nobody."""


def minutes(points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, network: Network, *, say: Say = _quiet) -> pd.DataFrame:
    """Time from every demand point to every site by one mode, from door to door.

    Parameters
    ----------
    points
        With point_id, EPSG:27700.
    sites
        With site_id, EPSG:27700.
    network
        Streets of the mode, or straight lines.
    say
        Told how far it has come, where the work is long.

    Returns
    -------
    pandas.DataFrame
        Minutes, index point_id, columns site_id; NaN = not within the mode's limit.
    """
    if isinstance(network, StraightLines):
        return network.minutes(points, sites)
    home, site = snap_places(points, network), snap_places(sites, network)
    return _table(door_to_door_ms(home, site, limit_ms=limit_ms(network), say=say), points, sites)


def minutes_back(
    points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, network: Network, *, say: Say = _quiet
) -> pd.DataFrame:
    """Time home: from every site to every demand point, which one-way streets make another; a table as `minutes`."""
    if isinstance(network, StraightLines):
        return network.minutes(points, sites)
    home, site = snap_places(points, network), snap_places(sites, network)
    return _table(door_to_door_ms(site, home, limit_ms=limit_ms(network), say=say).T, points, sites)


def site_minutes(sites: gpd.GeoDataFrame, network: Network) -> pd.DataFrame:
    """Time from every site to every other by one mode: index and columns site_id, minutes, NaN beyond the limit."""
    return minutes(sites.rename(columns={"site_id": "point_id"}), sites, network).rename_axis("site_id")


def limit_ms(graph: Graph) -> int:
    """Longest journey by the graph's mode that is looked at, in milliseconds."""
    return round(modes()[graph.mode].limit_min * MS_PER_MIN)


def door_to_door_ms(origins: Snapped, destinations: Snapped, *, limit_ms: int, say: Say = _quiet) -> NDArray[np.int32]:
    """Time from each place to each other: over the junctions, or straight along a street that both stand on.

    Returns
    -------
    ndarray of int32
        Milliseconds, shape (origins, destinations); `routing.UNREACHED` beyond the limit.
    """
    task = routing.Task(origins.graph.arcs, origins.leave(), destinations.arrive(), limit_ms)
    found = routing.times_ms(task, folder=cache_folder(), say=say)
    i, j, ms = direct(origins, destinations)
    within = ms <= limit_ms
    i, j, ms = i[within], j[within], ms[within]
    found[i, j] = np.minimum(found[i, j], ms)
    return found


def within_ms(
    origins: Snapped, destinations: Snapped, *, limit_ms: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """List the pairs within a limit, for places too many for a matrix: origin, destination, milliseconds."""
    task = routing.Task(origins.graph.arcs, origins.leave(), destinations.arrive(), limit_ms)
    i, j, ms = direct(origins, destinations)
    within = ms <= limit_ms
    parts = [(i[within], j[within], ms[within])]
    for rows, block in routing.blocks(task, folder=cache_folder()):
        near, reached = np.nonzero(block != routing.UNREACHED)
        parts.append((rows[near], reached, block[near, reached]))
    origin, end = (np.concatenate([p[k] for p in parts]).astype(np.int32) for k in (0, 1))
    time = np.concatenate([p[2] for p in parts])
    soonest = routing.quickest(origin, end, time)
    return origin[soonest], end[soonest], time[soonest]


def _table(found: NDArray[np.int32], points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> pd.DataFrame:
    times = np.where(found == routing.UNREACHED, np.nan, found / MS_PER_MIN)
    return pd.DataFrame(times, index=pd.Index(points["point_id"]), columns=pd.Index(sites["site_id"]))
