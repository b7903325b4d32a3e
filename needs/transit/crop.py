"""Read a timetable whole, or only what concerns an area: a national one then takes no more memory than a local one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import shapely

from needs.errors import InputError
from needs.settings import CRS, CRS_WEB
from needs.transit.tables import FILES, Keep, Reading, check_headers, read_table
from needs.transit.texts import Texts

BRITAIN_DEG = ((49.8, 61.0), (-8.7, 1.9))  # latitude, longitude
Tables = dict[str, pd.DataFrame]


def read_tables(path: Path, within: shapely.Geometry | None) -> tuple[Tables, frozenset[str] | None, Reading]:
    """Read the files of a feed as text.

    Parameters
    ----------
    path
        Zip file, or folder of its text files.
    within
        An area, EPSG:27700: only the trips that call there twice or more are read, with all their calls, and what
        belongs to them; what is elsewhere is not looked at, and nothing is told of it. None reads the whole feed.

    Returns
    -------
    tables : dict of pandas.DataFrame
        By file name; every column of FILES, as text without outer blanks, "" where blank; an absent file is empty. Rows
        with a malformed value are left out; index: the line in its file.
    inside : frozenset of str or None
        The stops in the area; None for the whole feed.
    reading : Reading
        The notes on what was left out.

    Raises
    ------
    SourceError
        If there is nothing at `path`.
    InputError
        If the zip cannot be read, or with every file that is missing or unreadable and every column that is missing.
    """
    reading = Reading(path.name)
    texts = Texts(path)
    check_headers(texts, reading)
    if within is not None:
        tables, inside = _cropped(texts, within, reading)
        return tables, inside, reading
    tables = {}
    for name in (n.strip("()") for n in FILES):
        try:
            tables[name] = read_table(texts, name, reading)
        except InputError as error:
            reading.faults.take(error)
    reading.faults.raise_if_any()
    return tables, None, reading


def _cropped(texts: Texts, within: shapely.Geometry, reading: Reading) -> tuple[Tables, frozenset[str]]:
    every = read_table(texts, "stops.txt", Reading(reading.name)).drop_duplicates("stop_id")
    inside = _inside(every, within)
    trips = _calling(texts, inside)
    tables: Tables = {}

    def read(name: str, keep: Keep) -> pd.DataFrame:
        tables[name] = read_table(texts, name, reading, keep=keep)
        return tables[name]

    calls = read(
        "stop_times.txt",
        lambda b: b.among("trip_id", trips) | (b.among("trip_id", {""}) & b.among("stop_id", inside)),
    )
    read("frequencies.txt", lambda b: b.among("trip_id", trips))
    services = set(read("trips.txt", lambda b: b.among("trip_id", trips))["service_id"])
    read("calendar.txt", lambda b: b.among("service_id", services))
    read("calendar_dates.txt", lambda b: b.among("service_id", services))
    called = _with_stations(set(calls["stop_id"]), every)
    read("stops.txt", lambda b: b.among("stop_id", called))
    far = set(every["stop_id"]) - _with_stations(inside, every)
    read("transfers.txt", lambda b: ~b.among("from_stop_id", far) & ~b.among("to_stop_id", far))
    order = [name.strip("()") for name in FILES]
    reading.notes.sort(key=lambda note: order.index(note.where))
    return tables, inside


def _with_stations(some: Collection[str], stops: pd.DataFrame) -> set[str]:
    return {*some, *stops.loc[stops["stop_id"].isin(some), "parent_station"]}


def _inside(stops: pd.DataFrame, within: shapely.Geometry) -> frozenset[str]:
    """Name the stops of an area."""
    where = coordinates(stops)
    x, y = _metres().transform(where["lon"].to_numpy(), where["lat"].to_numpy())
    shapely.prepare(within)
    return frozenset(stops["stop_id"][shapely.intersects_xy(within, x, y)])


def _calling(texts: Texts, stops: Collection[str]) -> set[str]:
    """Name the trips that call at some stops twice or more."""
    calls: Counter[str] = Counter()
    for block in texts.blocks("stop_times.txt", ("trip_id", "stop_id")):
        names, code = block.texts("trip_id", block.among("stop_id", stops))
        calls.update(dict(zip(names, np.bincount(code, minlength=len(names)).tolist(), strict=True)))
    return {trip for trip, count in calls.items() if count > 1} - {""}


def coordinates(stops: pd.DataFrame) -> pd.DataFrame:
    """Find where stops are, in degrees: their own coordinates, else their station's.

    Parameters
    ----------
    stops
        stop_id, stop_lat, stop_lon, parent_station, as text; each stop once.

    Returns
    -------
    pandas.DataFrame
        lat, lon (NaN where there are none in Great Britain), lent (bool: they are the station's); a row per stop.
    """
    where = stops[["stop_lat", "stop_lon"]].apply(pd.to_numeric, errors="coerce").set_axis(["lat", "lon"], axis=1)
    there = where["lat"].between(*BRITAIN_DEG[0]) & where["lon"].between(*BRITAIN_DEG[1])
    own = where.where(there).set_axis(stops["stop_id"], axis=0)
    station = own.reindex(stops["parent_station"]).set_axis(stops.index, axis=0)
    lent = ~there & station.notna().all(axis=1)
    found: pd.DataFrame = own.set_axis(stops.index, axis=0).where(~lent, station)
    return found.assign(lent=lent)


@cache
def _metres() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(CRS_WEB, CRS, always_xy=True)
