"""Count which buses run where: read a GTFS timetable, the services of a day, and departures per stop."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_matrix

from needs.errors import Faults, InputError, SourceError, fail
from needs.settings import CRS, CRS_WEB

DAY_S = 86_400
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# Columns that are read, by file. A file in brackets may be absent, a column in brackets too; one of the two calendars
# must be there. Source: GTFS Schedule Reference, gtfs.org.
_FILES: dict[str, tuple[str, ...]] = {
    "stops.txt": ("stop_id", "stop_name", "stop_lat", "stop_lon"),
    "trips.txt": ("trip_id", "service_id"),
    "stop_times.txt": ("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time", "(pickup_type)"),
    "(calendar.txt)": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "(calendar_dates.txt)": ("service_id", "date", "exception_type"),
    "(frequencies.txt)": ("trip_id", "start_time", "end_time", "headway_secs"),
}
_FORMS = {
    "time": (r"\d{1,3}:[0-5]\d:[0-5]\d", "a time such as 07:30:00, or 25:10:00 after midnight"),
    "date": (r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", "a date such as 20260401"),
    "number": (r"-?\d+(\.\d+)?([eE]-?\d+)?", "a number"),
    "count": (r"\d+", "a whole number"),
    "gap": (r"0*[1-9]\d*", "a whole number of seconds above 0"),
    "flag": (r"[01]", "0 or 1"),
    "exception": (r"[12]", "1 (added) or 2 (removed)"),
    "text": (r".+", "given"),
}
_COLUMN_FORMS = (
    (r".*_time", "time"),
    (r"(start_|end_)?date", "date"),
    (r"stop_(lat|lon)", "number"),
    (r"stop_sequence", "count"),
    (r"headway_secs", "gap"),
    ("|".join(WEEKDAYS), "flag"),
    (r"exception_type", "exception"),
)
_MAY_BE_BLANK = {"stop_name", "stop_lat", "stop_lon", "arrival_time", "departure_time", "pickup_type"}


@dataclass(frozen=True)
class Feed:
    """A timetable, checked.

    Attributes
    ----------
    name
        The file's or folder's name, for messages.
    stops
        stop_id, stop_name, geometry (point, EPSG:27700); those that a trip calls at.
    trips
        trip_id, service_id.
    stop_times
        trip_id, stop_id, departure_s (seconds after midnight of the service day, may exceed 86,400), offset_s
        (seconds after the trip's first departure). Only calls where one can board: no last stop, no pickup_type 1.
    calendar
        service_id, monday .. sunday (bool), start_date, end_date (yyyymmdd).
    calendar_dates
        service_id, date (yyyymmdd), added (bool).
    frequencies
        trip_id, start_s, end_s, headway_s: the trip runs at start_s, then every headway_s, before end_s.
    """

    name: str
    stops: gpd.GeoDataFrame
    trips: pd.DataFrame
    stop_times: pd.DataFrame
    calendar: pd.DataFrame
    calendar_dates: pd.DataFrame
    frequencies: pd.DataFrame

    @property
    def covers(self) -> tuple[str, str]:
        """First and last day (yyyymmdd) that the calendars speak of."""
        days = pd.concat([self.calendar["start_date"], self.calendar["end_date"], self.calendar_dates["date"]])
        return str(days.min()), str(days.max())


def read_feed(path: Path) -> Feed:
    """Read and check a GTFS feed.

    Parameters
    ----------
    path
        Zip file, or folder of its text files.

    Raises
    ------
    SourceError
        If there is nothing at `path`.
    InputError
        With every fault: unreadable files, files and columns that are missing, times, dates and numbers that are
        none, calls at unknown stops or of unknown trips, trips whose first or last time is blank.
    """
    faults = Faults()
    texts = _texts(path)
    tables = {name.strip("()"): _table(texts, name, columns, path.name, faults) for name, columns in _FILES.items()}
    if "calendar.txt" not in texts and "calendar_dates.txt" not in texts:
        faults.add(path.name, "has neither calendar.txt nor calendar_dates.txt", "add one: nothing says which days run")
    faults.raise_if_any()
    stops, trips, calls = tables["stops.txt"], tables["trips.txt"], tables["stop_times.txt"]
    for name, key in (("stops.txt", "stop_id"), ("trips.txt", "trip_id")):
        _each(tables[name].index[tables[name][key].duplicated()], tables[name][key], name, "stands twice", path, faults)
    for key, known in (("stop_id", stops), ("trip_id", trips)):
        unknown = calls.index[~calls[key].isin(known[key])]
        _each(unknown, calls[key], "stop_times.txt", f"is no {key} of the feed", path, faults)
    unplaced = stops.index[
        stops["stop_id"].isin(calls["stop_id"]) & (stops[["stop_lat", "stop_lon"]] == "").any(axis=1)
    ]
    _each(unplaced, stops["stop_id"], "stops.txt", "has no coordinates", path, faults)
    calls = _timed(calls, path, faults)
    faults.raise_if_any()
    stops = stops[stops["stop_id"].isin(calls["stop_id"])].sort_values("stop_id", ignore_index=True)
    places = gpd.points_from_xy(stops["stop_lon"].astype(float), stops["stop_lat"].astype(float), crs=CRS_WEB)
    calendar, dates, often = tables["calendar.txt"], tables["calendar_dates.txt"], tables["frequencies.txt"]
    return Feed(
        name=path.name,
        stops=gpd.GeoDataFrame(stops[["stop_id", "stop_name"]], geometry=places).to_crs(CRS),
        trips=trips,
        stop_times=_boardable(calls),
        calendar=calendar.assign(**{day: calendar[day] == "1" for day in WEEKDAYS}),
        calendar_dates=dates[["service_id", "date"]].assign(added=dates["exception_type"] == "1"),
        frequencies=pd.DataFrame(
            {
                "trip_id": often["trip_id"],
                "start_s": _seconds(often["start_time"]),
                "end_s": _seconds(often["end_time"]),
                "headway_s": often["headway_secs"].astype(float),
            }
        ),
    )


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
    services_on(feed, day)
    window = [_clock(start), _clock(end)]
    if window[0] > window[1]:
        fail(InputError, f"window {start} to {end}", "ends before it starts", "give the earlier time first")
    calls = _expanded(feed).merge(feed.trips, on="trip_id")
    first_day = -int(calls["departure_s"].max() // DAY_S) if len(calls) else 0
    found = []
    for shift in range(first_day, int(window[1] // DAY_S) + 1):
        running = calls[calls["service_id"].isin(_running(feed, day + timedelta(days=shift)))]
        when = running["departure_s"] + shift * DAY_S
        inside = running[(when >= window[0]) & (when <= window[1])]
        found.append(inside[["stop_id"]].assign(run=inside["run"] + f"@{shift}"))
    boarded = pd.concat(found).drop_duplicates()
    runs = {str(stop): tuple(sorted(group)) for stop, group in boarded.groupby("stop_id")["run"]}
    stops = feed.stops.copy()
    stops["runs"] = [runs.get(s, ()) for s in stops["stop_id"]]
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


def _texts(path: Path) -> dict[str, bytes]:
    """Bytes of the files that are read, by name."""
    wanted = [name.strip("()") for name in _FILES]
    if path.is_dir():
        return {name: (path / name).read_bytes() for name in wanted if (path / name).is_file()}
    if not path.is_file():
        fail(SourceError, path.name, "there is no such timetable", "give a GTFS zip, or the folder of its files")
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in wanted if name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        fail(InputError, path.name, f"cannot be read as a zip: {error}", "download the timetable again")


def _table(texts: dict[str, bytes], name: str, columns: tuple[str, ...], feed: str, faults: Faults) -> pd.DataFrame:
    """Read one file as text and check its columns; an absent optional file is an empty table."""
    bare = name.strip("()")
    empty = pd.DataFrame({c.strip("()"): pd.Series(dtype=str) for c in columns})
    where = f"{feed}, {bare}"
    if bare not in texts:
        if bare == name:
            faults.add(feed, f"has no {bare}", "add it: a GTFS feed needs it, in the zip's top folder")
        return empty
    try:
        table = pd.read_csv(io.BytesIO(texts[bare]), dtype=str, na_filter=False, encoding="utf-8-sig", index_col=False)
    except ValueError as error:  # pandas' parser errors and wrong bytes are ValueErrors
        faults.add(where, f"cannot be read as CSV in UTF-8: {error}", "save it again as comma-separated UTF-8")
        return empty
    table.columns = table.columns.str.strip()
    absent = [c for c in columns if "(" not in c and c not in table.columns]
    for column in absent:
        faults.add(where, f"column '{column}' is missing", "add it: GTFS requires it")
    if absent:
        return empty
    found = {c: table[c].str.strip() if c in table else "" for c in (c.strip("()") for c in columns)}
    for column, values in found.items():
        if not isinstance(values, str):
            _check_form(values, column, where, faults)
    return pd.DataFrame(found, index=table.index)


def _check_form(values: pd.Series[Any], column: str, where: str, faults: Faults) -> None:
    """Note values that are not what their column holds."""
    form = next((f for pattern, f in _COLUMN_FORMS if re.fullmatch(pattern, column)), "text")
    pattern, meaning = _FORMS[form]
    wrong = ~values.str.fullmatch(pattern)
    if column in _MAY_BE_BLANK:
        wrong &= values != ""
    told = [
        (f"line {i + 2}", f"'{column}' is {repr(values[i]) if values[i] else 'blank'}: must be {meaning}")
        for i in values.index[wrong]
    ]
    faults.add_each(where, told, "correct it")


def _each(rows: Any, values: pd.Series[Any], file: str, what: str, path: Path, faults: Faults) -> None:
    told = [(f"line {i + 2}", f"{values[i]!r} {what}") for i in rows]
    faults.add_each(f"{path.name}, {file}", told, "correct the feed")


def _seconds(times: pd.Series[Any]) -> pd.Series[Any]:
    """Seconds after midnight; NaN where blank."""
    parts = [pd.to_numeric(times.str.extract(form, expand=False)) for form in (r"^(\d+):", r":(\d+):", r":(\d+)$")]
    return parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]


def _clock(text: str) -> float:
    if not re.fullmatch(r"\d{1,2}:[0-5]\d", text):
        fail(InputError, f"time {text!r}", "is not hours and minutes", "write it as 07:00")
    hours, minutes = text.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0


def _timed(calls: pd.DataFrame, path: Path, faults: Faults) -> pd.DataFrame:
    """Sort calls along each trip and fill blank times in equal steps between the times that are given."""
    calls = calls.assign(
        order=calls["stop_sequence"].astype(int),
        departure_s=_seconds(calls["departure_time"]).fillna(_seconds(calls["arrival_time"])),
    ).sort_values(["trip_id", "order"], kind="stable")
    ends = ~calls.duplicated("trip_id") | ~calls.duplicated("trip_id", keep="last")
    rows = calls.index[ends & calls["departure_s"].isna()]
    _each(rows, calls["trip_id"], "stop_times.txt", "starts or ends without a time", path, faults)
    return calls.assign(departure_s=calls["departure_s"].interpolate().round())


def _boardable(calls: pd.DataFrame) -> pd.DataFrame:
    """Drop the last call of each trip and calls where nobody may board."""
    first = calls.groupby("trip_id")["departure_s"].transform("first")
    calls = calls.assign(offset_s=calls["departure_s"] - first)
    board = calls.duplicated("trip_id", keep="last") & (calls["pickup_type"] != "1")
    return calls.loc[board, ["trip_id", "stop_id", "departure_s", "offset_s"]].reset_index(drop=True)


def _expanded(feed: Feed) -> pd.DataFrame:
    """List the calls of every run: one run for a trip with fixed times, one for each start of a trip by frequency."""
    by_frequency = feed.stop_times["trip_id"].isin(feed.frequencies["trip_id"])
    fixed = feed.stop_times[~by_frequency]
    fixed = fixed.assign(run=fixed["trip_id"])
    starts = pd.DataFrame(list(_starts(feed.frequencies)), columns=["trip_id", "start_s", "run"])
    repeated = feed.stop_times[by_frequency].merge(starts, on="trip_id")
    repeated = repeated.assign(departure_s=repeated["start_s"] + repeated["offset_s"])
    columns = ["trip_id", "stop_id", "departure_s", "run"]
    return pd.concat([t[columns] for t in (fixed, repeated) if len(t)] or [fixed[columns]], ignore_index=True)


def _starts(frequencies: pd.DataFrame) -> Iterator[tuple[str, float, str]]:
    columns = (frequencies[c].tolist() for c in ("trip_id", "start_s", "end_s", "headway_s"))
    for trip, first, end, gap in zip(*columns, strict=True):
        for start in np.arange(first, end, gap).tolist():
            yield trip, start, f"{trip}+{start:.0f}"


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
