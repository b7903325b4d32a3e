"""Count which buses run where: the services of a day, its runs, and departures per stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_matrix

from needs.errors import InputError, fail
from needs.transit.feed import Feed
from needs.transit.tables import WEEKDAYS

DAY_S = 86_400


def services_on(feed: Feed, day: date) -> set[str]:
    """Give the service_ids that run on a day: the calendar's, less those removed, plus those added.

    Raises
    ------
    InputError
        If the feed's calendars do not reach the day; the message names the days that they cover.
    """
    first, last = feed.covers
    if not first <= _stamp(day) <= last:
        fail(
            InputError,
            feed.name,
            f"does not cover {day}: its calendars run from {_day(first)} to {_day(last)}",
            "choose a day within them, or get the timetable of that day",
        )
    return _running(feed, day)


def check_day(feed: Feed, day: date) -> list[str]:
    """See that buses run on a day as on others of its kind.

    Returns
    -------
    list of str
        A note where fewer than half as many trips run as a week before or after: a bank holiday, perhaps.

    Raises
    ------
    InputError
        If the feed does not cover the day, or nothing runs on it; the message names the nearest days on which
        something does.
    """
    services_on(feed, day)
    if not _trips(feed, day):
        near = [day + timedelta(days=sign * k) for k in range(1, _NEAR_DAYS + 1) for sign in (-1, 1)]
        some = [str(d) for d in near if _trips(feed, d)][:2]
        days = f"the nearest days with buses are {' and '.join(some)}" if some else "none runs within weeks of it"
        fail(InputError, feed.name, f"has no bus on {day}: {days}", "choose a day on which buses run as usual")
    usual = max(_trips(feed, day + timedelta(days=7 * k)) for k in (-1, 1))
    if 2 * _trips(feed, day) < usual:
        return [f"{feed.name}: {_trips(feed, day):,} trips on {day}, {usual:,} a week apart: is it a usual day?"]
    return []


_NEAR_DAYS = 45  # in which other days are looked for


def _trips(feed: Feed, day: date) -> int:
    return int(feed.trips["service_id"].isin(_running(feed, day)).sum())


def runs(feed: Feed, day: date, *, until_s: int) -> pd.DataFrame:
    """List the runs that may be under way between midnight of a day and a later moment.

    A trip runs once on each day of its service, or, by frequency, at each of its starts (also where the feed says that
    these are not exact). The runs of the days before are there as long as they may still be on the road, those of the
    days after where `until_s` reaches them. Every day is taken to last 24 hours: GTFS counts from noon less 12 hours,
    which is not midnight on the two days a year when the clocks change.

    Parameters
    ----------
    feed
        Timetable.
    day
        Calendar day.
    until_s
        Seconds after midnight of `day`.

    Returns
    -------
    pandas.DataFrame
        trip_id; run (name: the trip, its start by frequency, and the day, 0 for `day`); shift_s: the run's times are
        those of `feed.stop_times` plus this, in seconds after midnight of `day`.

    Raises
    ------
    InputError
        If the feed does not cover the day.
    """
    services_on(feed, day)
    repeated = feed.trips["trip_id"].isin(feed.frequencies["trip_id"])
    fixed = feed.trips[~repeated].assign(start_s=0)
    fixed = fixed.assign(run=fixed["trip_id"])
    starts = pd.DataFrame(list(_starts(feed.frequencies)), columns=["trip_id", "start_s", "run"])
    once = pd.concat([fixed, feed.trips[repeated].merge(starts, on="trip_id")], ignore_index=True)
    longest_s = feed.stop_times["departs_s"].max() + max(once["start_s"], default=0)
    found = []
    for shift in range(-int(longest_s // DAY_S), until_s // DAY_S + 1):
        running = once[once["service_id"].isin(_running(feed, day + timedelta(days=shift)))]
        shift_s = running["start_s"].astype(np.int64) + shift * DAY_S
        found.append(pd.DataFrame({"trip_id": running["trip_id"], "run": running["run"], "shift_s": shift_s}))
        found[-1]["run"] += f"@{shift}"
    return pd.concat(found, ignore_index=True)


def departures(feed: Feed, day: date, *, start: str = "07:00", end: str = "19:00") -> gpd.GeoDataFrame:
    """Count the trips that one can board at each stop on a day, between two times.

    Parameters
    ----------
    feed
        Timetable.
    day
        Calendar day. A trip of the day before that is still under way after midnight counts where its time falls.
    start, end
        Hours and minutes, both included; past 24:00 for the night after.

    Returns
    -------
    geopandas.GeoDataFrame
        stop_id, stop_name, departures (trips; one that calls twice counts once; 0 where none), runs (the trips, as
        a tuple of names), geometry (point, EPSG:27700); sorted by stop_id.

    Raises
    ------
    InputError
        If the feed does not cover the day, or the times are none or in the wrong order.
    """
    first_s, last_s = window(start, end)
    calls = feed.stop_times
    boarded = calls[calls["board"]].merge(runs(feed, day, until_s=last_s), on="trip_id")
    boarded = boarded[(boarded["departs_s"] + boarded["shift_s"]).between(first_s, last_s)]
    boarded = boarded[["stop_id", "run"]].drop_duplicates()
    found = {str(stop): tuple(sorted(group)) for stop, group in boarded.groupby("stop_id")["run"]}
    stops = feed.stops.copy()
    stops["runs"] = [found.get(s, ()) for s in stops["stop_id"]]
    stops["departures"] = [len(r) for r in stops["runs"]]
    return stops[["stop_id", "stop_name", "departures", "runs", "geometry"]]


def departures_near(points: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, *, walk_m: float = 400.0) -> pd.DataFrame:
    """Count the trips that one can board within a walk of each point, each trip once.

    Parameters
    ----------
    points
        point_id, geometry (EPSG:27700).
    stops
        Of `departures`.
    walk_m
        Straight-line metres, included.

    Returns
    -------
    pandas.DataFrame
        point_id, bus_departures; in the order of `points`.
    """
    point, stop = shapely.STRtree(stops.geometry.to_numpy()).query(
        points.geometry.to_numpy(), predicate="dwithin", distance=walk_m
    )
    near = csr_matrix((np.ones(len(point)), (point, stop)), shape=(len(points), len(stops)))
    run, _ = pd.factorize(stops["runs"].explode().dropna())
    caller = np.repeat(np.arange(len(stops)), stops["departures"])
    calls = csr_matrix((np.ones(len(run)), (caller, run)), shape=(len(stops), int(run.max(initial=-1)) + 1))
    return pd.DataFrame({"point_id": points["point_id"].to_numpy(), "bus_departures": np.diff((near @ calls).indptr)})


def window(start: str | int, end: str | int) -> tuple[int, int]:
    """Read two times of a day: seconds after midnight, or text such as 07:00.

    Raises
    ------
    InputError
        If they are no times, or in the wrong order.
    """
    first_s, last_s = _clock_s(start), _clock_s(end)
    if first_s > last_s:
        fail(InputError, f"window {start} to {end}", "ends before it starts", "give the earlier time first")
    return first_s, last_s


def _clock_s(time: str | int) -> int:
    if isinstance(time, str) and re.fullmatch(r"\d{1,2}:[0-5]\d", time):
        hours, minutes = time.split(":")
        return int(hours) * 3600 + int(minutes) * 60
    if isinstance(time, str) or time < 0:
        fail(InputError, f"time {time!r}", "is not hours and minutes", "write it as 07:00")
    return int(time)


def _starts(frequencies: pd.DataFrame) -> Iterator[tuple[str, int, str]]:
    columns = (frequencies[c].tolist() for c in ("trip_id", "start_s", "end_s", "headway_s"))
    for trip, first, end, gap in zip(*columns, strict=True):
        for start in range(first, end, gap):
            yield trip, start, f"{trip}+{start}"


def _running(feed: Feed, day: date) -> set[str]:
    stamp = _stamp(day)
    weekly = feed.calendar
    weekly = weekly[weekly[WEEKDAYS[day.weekday()]] & (weekly["start_date"] <= stamp) & (weekly["end_date"] >= stamp)]
    special = feed.calendar_dates[feed.calendar_dates["date"] == stamp]
    removed = set(special.loc[~special["added"], "service_id"])
    return (set(weekly["service_id"]) - removed) | set(special.loc[special["added"], "service_id"])


def _stamp(day: date) -> str:
    return f"{day:%Y%m%d}"


def _day(stamp: str) -> str:
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:]}"
