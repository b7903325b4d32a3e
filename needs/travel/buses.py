"""Measure minutes by bus and on foot, for every minute at which a family may leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs import transit
from needs.errors import InputError
from needs.routing import UNREACHED
from needs.streets import Graph, Snapped
from needs.transit import Feed, Walks
from needs.travel.doors import MS_PER_MIN, door_to_door_ms, limit_ms, snap_places, within_ms
from needs.travel.modes import Window, by_timetable
from needs.travel.summary import middle_row

SATURDAY = 5  # of date.weekday()


@dataclass(frozen=True)
class Buses:
    """Journeys of one window.

    Attributes
    ----------
    minutes
        Of the middle departure minute: index point_id, columns site_id; NaN where more than half the departures reach
        it not at all.
    zones
        lsoa21cd, site_id, window, minutes, quick_min, slow_min, changes, services, on_foot_pct: all of one family, the
        zone's middle one by minutes; `quick_min` and `slow_min` are not exceeded at one and at nine in ten departure
        minutes, `on_foot_pct` is the share of them at which walking all the way is as quick.
    """

    minutes: pd.DataFrame
    zones: pd.DataFrame


def day_of(window: Window, school_day: date) -> date:
    """Find the day of a window: the school day, or the Saturday after it."""
    return school_day + timedelta(days=(SATURDAY - school_day.weekday()) % 7 if window.day == "saturday" else 0)


def by_bus(
    points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, graph: Graph, feed: Feed, *, school_day: date
) -> tuple[dict[str, Buses], list[str]]:
    """Measure journeys by bus and on foot in every window of the catalogue.

    Parameters
    ----------
    points
        point_id, lsoa21cd, share, geometry (EPSG:27700).
    sites
        site_id, geometry (EPSG:27700).
    graph
        Streets on foot.
    feed
        Timetable.
    school_day
        A day on which schools are open; the feed must cover it.

    Returns
    -------
    buses : dict
        By window, in the catalogue's order.
    notes : list of str
        Stops far from any street; windows on whose day the feed has no bus.

    Raises
    ------
    InputError
        If the feed has no bus on the school day.
    """
    rule = by_timetable()
    at_stop, home, site = (snap_places(p, graph) for p in (feed.stops, points, sites))
    foot = door_to_door_ms(home, site, limit_ms=min(limit_ms(graph), round(rule.limit_min * MS_PER_MIN)))
    on_foot_s = np.where(foot == UNREACHED, np.nan, np.ceil(foot / 1000))
    notes = _off_network(feed, at_stop)
    on = np.flatnonzero(at_stop.edge >= 0)
    near = at_stop[on]  # a national feed has many stops elsewhere
    access = _walks(home, near, rule.walk_min, ends=on)
    egress = _walks(near, site, rule.walk_min, starts=on)
    transfers = _walks(near, near, rule.change_walk_min, starts=on, ends=on)
    limit_s = round(rule.limit_min * 60)
    found = {}
    for name, window in rule.window.items():
        day = day_of(window, school_day)
        try:
            transit.check_day(feed, day)
            timetable = transit.timetable(feed, day, start=window.start, end=window.end, reach_s=limit_s)
        except InputError as error:
            if day == school_day:
                raise
            notes += [f"No times for {window.label}: {fault.where} {fault.what}." for fault in error.faults]
            continue
        journeys = transit.journeys(
            timetable,
            access,
            egress,
            transfers,
            on_foot_s,
            change_s=rule.change_s,
            limit_s=limit_s,
        )
        found[name] = _summarised(journeys, points, sites, name)
    return found, notes


def _walks(
    origins: Snapped,
    destinations: Snapped,
    minutes: float,
    *,
    starts: NDArray[np.int64] | None = None,
    ends: NDArray[np.int64] | None = None,
) -> Walks:
    """List the walks within so many minutes, between places numbered anew where numbers are given."""
    start, end, ms = within_ms(origins, destinations, limit_ms=round(minutes * MS_PER_MIN))
    return Walks.of(start if starts is None else starts[start], end if ends is None else ends[end], ms / 1000)


def _off_network(feed: Feed, stops: Snapped) -> list[str]:
    off = int((stops.edge < 0).sum())
    return [f"{feed.name}: {off:,} of {len(stops):,} stops are far from any street and are not used."] if off else []


def _summarised(journeys: transit.Journeys, points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, window: str) -> Buses:
    codes, group = np.unique(points["lsoa21cd"].to_numpy(), return_inverse=True)
    share = points["share"].to_numpy()
    measures: dict[str, NDArray[Any]] = {
        "minutes": journeys.median_min,
        "quick_min": journeys.p10_min,
        "slow_min": journeys.p90_min,
        "changes": journeys.changes,
        "services": journeys.services,
        "on_foot_pct": journeys.on_foot_share_pct,
    }
    frames = []
    every = np.arange(len(sites))
    for z, code in enumerate(codes):
        rows = np.flatnonzero(group == z)
        middle = rows[middle_row(journeys.median_min[rows], share[rows])]
        frame = {name: v[middle, every] for name, v in measures.items()}
        frames.append(
            pd.DataFrame({"lsoa21cd": code, "site_id": sites["site_id"].to_numpy(), "window": window, **frame})
        )
    table = pd.concat(frames, ignore_index=True).sort_values(["lsoa21cd", "site_id"], ignore_index=True)
    index, columns = pd.Index(points["point_id"]), pd.Index(sites["site_id"])
    return Buses(pd.DataFrame(journeys.median_min, index=index, columns=columns), table)
