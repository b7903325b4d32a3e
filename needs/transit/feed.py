"""Read a GTFS timetable and check it: what is faulty is mended or left out, in the smallest part, and told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from needs.settings import CRS, CRS_WEB
from needs.transit.crop import coordinates, read_tables
from needs.transit.tables import WEEKDAYS, Note, Reading

IMPOSSIBLE = -1  # seconds of a change that the timetable rules out
MOST_STARTS = 2_000  # of a trip by one frequency: more than one a minute, day and night
_BLANK = -1  # seconds of a time that is not given


@dataclass(frozen=True)
class Feed:
    """A timetable, checked.

    Attributes
    ----------
    name
        The file's or folder's name, for messages.
    stops
        stop_id, stop_name, geometry (point, EPSG:27700); those that a trip calls at, sorted by stop_id.
    trips
        trip_id, service_id.
    stop_times
        Calls, sorted by trip and along it: trip_id, stop_id, arrives_s, departs_s (whole seconds after midnight of the
        service day, may exceed 86,400; of a trip by frequency, after its first departure), board, alight (bool: one
        may; types 2 and 3, by arrangement, count as one may; nobody boards where a trip ends). Blank times are filled
        in equal steps between the times given, rounded down. Times never run backwards.
    calendar
        service_id, monday .. sunday (bool), start_date, end_date (yyyymmdd).
    calendar_dates
        service_id, date (yyyymmdd), added (bool).
    frequencies
        trip_id, start_s, end_s, headway_s: the trip runs at start_s, then every headway_s, before end_s.
    transfers
        from_stop_id, to_stop_id, least_s: the least seconds that a change takes, or IMPOSSIBLE; a station's rule stands
        at each of its stops, and a rule of the stop itself goes before it.
    notes
        What was left out or mended.
    """

    name: str
    stops: gpd.GeoDataFrame
    trips: pd.DataFrame
    stop_times: pd.DataFrame
    calendar: pd.DataFrame
    calendar_dates: pd.DataFrame
    frequencies: pd.DataFrame
    transfers: pd.DataFrame
    notes: tuple[Note, ...] = ()

    @property
    def covers(self) -> tuple[str, str]:
        """First and last day (yyyymmdd) on which the calendars let anything run."""
        added = self.calendar_dates.loc[self.calendar_dates["added"], "date"]
        days = pd.concat([self.calendar["start_date"], self.calendar["end_date"], added])
        return str(days.min()), str(days.max())


def read_feed(path: Path, *, within: shapely.Geometry | None = None) -> Feed:
    """Read and check a GTFS feed, whole or as far as it concerns an area.

    Parameters
    ----------
    path
        Zip file, or folder of its text files.
    within
        An area, EPSG:27700. Only the stops in it are there, the calls at them, and the trips with two calls or more of
        these; a vehicle that leaves the area and comes back is ridden through. Times, and what is left out for its
        faults, are as in the whole feed; of faults elsewhere nothing is told. Memory goes with the area.

    Returns
    -------
    Feed
        Rows with malformed values, repeated ids, calls at unknown stops or of unknown trips, and trips that cannot be
        run are left out and told in its notes.

    Raises
    ------
    SourceError
        If there is nothing at `path`.
    InputError
        If nothing is left to use: no zip, files or columns that are missing or unreadable, no trip; with every fault.
    """
    tables, inside, reading = read_tables(path, within)
    calendar = _once(tables["calendar.txt"], ["service_id"], "calendar.txt", reading)
    dates = _once(tables["calendar_dates.txt"], ["service_id", "date"], "calendar_dates.txt", reading)
    trips = _once(tables["trips.txt"], ["trip_id"], "trips.txt", reading)
    services = set(calendar["service_id"]) | set(dates["service_id"])
    trips = _known(trips, "service_id", services, "trips.txt", "trips of a service without days, left out", reading)
    stops = _once(tables["stops.txt"], ["stop_id"], "stops.txt", reading)
    stops = _placed(stops, set(tables["stop_times.txt"]["stop_id"]), reading)
    often = _often(tables["frequencies.txt"], set(trips["trip_id"]), reading)
    trips = _with_starts(trips, often, reading)
    calls = _calls(tables["stop_times.txt"], trips, set(stops["stop_id"]), often, reading)
    where = ""
    if inside is not None:
        calls = calls[calls["stop_id"].isin(inside)]
        calls = calls[calls.duplicated("trip_id", keep=False)].reset_index(drop=True)
        where = " in the area"
    if not len(calls):
        fix = f"get a timetable with trips, their days, calls and stops{where}"
        reading.stop(f"has no trip that can be used{where}", fix)
    trips = trips[trips["trip_id"].isin(calls["trip_id"])]
    used = stops[stops["stop_id"].isin(calls["stop_id"])].sort_values("stop_id")
    places = gpd.points_from_xy(used["stop_lon"], used["stop_lat"], crs=CRS_WEB)
    return Feed(
        name=path.name,
        stops=gpd.GeoDataFrame(used[["stop_id", "stop_name"]].reset_index(drop=True), geometry=places).to_crs(CRS),
        trips=trips.reset_index(drop=True),
        stop_times=calls,
        calendar=calendar.assign(**{day: calendar[day] == "1" for day in WEEKDAYS}).reset_index(drop=True),
        calendar_dates=dates[["service_id", "date"]].assign(added=dates["exception_type"] == "1"),
        frequencies=often[often["trip_id"].isin(calls["trip_id"])].reset_index(drop=True),
        transfers=_transfers(tables["transfers.txt"], tables["stops.txt"], used, reading),
        notes=tuple(reading.notes),
    )


def _once(table: pd.DataFrame, key: list[str], file: str, reading: Reading) -> pd.DataFrame:
    """Keep the first row of each key."""
    again = table.duplicated(key)
    if not again.any():
        return table
    names = (" ".join(map(str, row)) for row in table.loc[again, key].itertuples(index=False))
    reading.note(file, f"rows that repeat a {' and '.join(key)}, left out", names)
    return table.loc[~again]


def _known(
    table: pd.DataFrame, column: str, known: set[str], file: str, what: str, reading: Reading, *, name: str = ""
) -> pd.DataFrame:
    """Keep the rows whose code in `column` is known; the note names each code (or trip) once, and counts rows."""
    strange = ~table[column].isin(known)
    reading.note(file, what, table.loc[strange, name or table.columns[0]])
    return table[~strange]


def _with_starts(trips: pd.DataFrame, often: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Leave out the trips by frequency that lost all their starts, or a call, so that nothing says when they run."""
    file, repeated = "frequencies.txt", set(often["trip_id"])
    lost = reading.broken.get(file, set()) - repeated | reading.broken.get("stop_times.txt", set()) & repeated
    left_out = trips["trip_id"].isin(lost)
    what = "trips by frequency with malformed starts or calls, left out"
    reading.note(file, what, trips.loc[left_out, "trip_id"])
    return trips[~left_out]


def _placed(stops: pd.DataFrame, called: set[str], reading: Reading) -> pd.DataFrame:
    """Give stops coordinates in degrees: their own, else their station's; leave out those with none in Britain."""
    where = coordinates(stops)
    told, lent, lost = stops["stop_id"].isin(called), where["lent"], where["lat"].isna()
    none = "stops without coordinates in Great Britain"
    reading.note("stops.txt", f"{none}, put at their station", stops.loc[lent & told, "stop_id"])
    reading.note("stops.txt", f"{none}, left out", stops.loc[lost & told, "stop_id"])
    return stops.assign(stop_lat=where["lat"], stop_lon=where["lon"])[~lost]


def _often(table: pd.DataFrame, trips: set[str], reading: Reading) -> pd.DataFrame:
    what = "frequencies of trips that are not there, left out"
    table = _known(table, "trip_id", trips, "frequencies.txt", what, reading)
    often = pd.DataFrame(
        {
            "trip_id": table["trip_id"],
            "start_s": _seconds(table["start_time"]),
            "end_s": _seconds(table["end_time"]),
            "headway_s": table["headway_secs"].astype(np.int64),
        }
    )
    absurd = (often["end_s"] - often["start_s"]) // often["headway_s"] > MOST_STARTS
    what = f"frequencies with more than {MOST_STARTS:,} departures, left out"
    reading.note("frequencies.txt", what, often.loc[absurd, "trip_id"])
    reading.broken.setdefault("frequencies.txt", set()).update(often.loc[absurd, "trip_id"])
    return often[~absurd]


def _calls(
    table: pd.DataFrame, trips: pd.DataFrame, stops: set[str], often: pd.DataFrame, reading: Reading
) -> pd.DataFrame:
    """Sort calls along each trip, fill blank times, and leave out calls and trips that cannot be used."""
    file = "stop_times.txt"
    calls = _known(table, "trip_id", set(trips["trip_id"]), file, "calls of unknown trips, left out", reading)
    calls = calls.assign(stop_sequence=calls["stop_sequence"].astype(np.int64))
    calls = _once(calls, ["trip_id", "stop_sequence"], file, reading).sort_values(["trip_id", "stop_sequence"])
    arrives, departs = _seconds(calls["arrival_time"]), _seconds(calls["departure_time"])
    calls = calls.assign(
        arrives_s=np.where(arrives == _BLANK, departs, arrives), departs_s=np.where(departs == _BLANK, arrives, departs)
    )
    ends = ~calls.duplicated("trip_id") | ~calls.duplicated("trip_id", keep="last")
    open_ended = calls.loc[ends & (calls["departs_s"] == _BLANK), "trip_id"]
    calls = _without(calls, open_ended, "trips that start or end without a time, left out", reading)
    calls = _filled(calls)
    first_call = ~calls.duplicated("trip_id")
    back = calls["departs_s"] < calls["arrives_s"]
    back |= ~first_call & (calls["arrives_s"] < calls["departs_s"].shift(fill_value=0))
    calls = _without(calls, calls.loc[back, "trip_id"], "trips whose times run backwards, left out", reading)
    first = calls.groupby("trip_id")["departs_s"].transform("first").where(calls["trip_id"].isin(often["trip_id"]), 0)
    calls = calls.assign(arrives_s=calls["arrives_s"] - first, departs_s=calls["departs_s"] - first)
    calls = _known(calls, "stop_id", stops, file, "calls at unknown stops, left out", reading, name="stop_id")
    short = calls.loc[calls.groupby("trip_id")["stop_id"].transform("size") < 2, "trip_id"]
    never = trips.loc[~trips["trip_id"].isin(table["trip_id"]), "trip_id"]
    calls = _without(calls, pd.concat([short, never]), "trips with fewer than two calls, left out", reading)
    goes_on = calls.duplicated("trip_id", keep="last")  # at a last call nobody boards, wherever the area ends
    calls = calls.assign(board=goes_on & (calls["pickup_type"] != "1"), alight=calls["drop_off_type"] != "1")
    return calls[["trip_id", "stop_id", "arrives_s", "departs_s", "board", "alight"]].reset_index(drop=True)


def _without(calls: pd.DataFrame, trips: Iterable[str], what: str, reading: Reading) -> pd.DataFrame:
    left_out = dict.fromkeys(trips)
    reading.note("stop_times.txt", what, left_out)
    return calls[~calls["trip_id"].isin(list(left_out))]


def _filled(calls: pd.DataFrame) -> pd.DataFrame:
    """Fill blank times in equal steps from the departure before to the arrival after, rounded down."""
    arrives, departs = calls["arrives_s"].to_numpy().copy(), calls["departs_s"].to_numpy().copy()
    here = np.arange(len(calls))
    given = departs != _BLANK
    before = np.maximum.accumulate(np.where(given, here, 0))
    after = np.minimum.accumulate(np.where(given, here, len(calls))[::-1])[::-1]
    blank = np.flatnonzero(~given)
    low, high = before[blank], after[blank]
    times = departs[low] + (arrives[high] - departs[low]) * (blank - low) // (high - low)
    arrives[blank], departs[blank] = times, times
    return calls.assign(arrives_s=arrives, departs_s=departs)


def _transfers(table: pd.DataFrame, stops: pd.DataFrame, used: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Rules for changing between two stops that are called at: the least seconds, or IMPOSSIBLE."""
    file, special = "transfers.txt", ["from_route_id", "to_route_id", "from_trip_id", "to_trip_id"]
    single = (table[special] != "").any(axis=1)
    what = "rules of single routes or trips, left out"
    reading.note(file, what, [f"line {i}" for i in table.index[single]])
    table = table[~single & table["transfer_type"].isin(["2", "3"])]
    for end in ("from_stop_id", "to_stop_id"):
        what = "rules of stops that are not there, left out"
        table = _known(table, end, set(stops["stop_id"]), file, what, reading, name=end)
    endless = (table["transfer_type"] == "2") & (table["min_transfer_time"] == "")
    reading.note(file, "rules without their min_transfer_time, left out", [f"line {i}" for i in table.index[endless]])
    table = table[~endless]
    members: dict[str, list[str]] = {stop: [stop] for stop in used["stop_id"]}
    for stop, station in zip(used["stop_id"], used["parent_station"], strict=True):
        if station:
            members.setdefault(station, []).append(stop)
    rules: dict[tuple[str, str], tuple[int, float]] = {}
    columns = (table[c].tolist() for c in ("from_stop_id", "to_stop_id", "transfer_type", "min_transfer_time"))
    for start, end, kind, least in zip(*columns, strict=True):
        seconds = np.inf if kind == "3" else float(least)
        for i in members.get(start, []):
            for j in members.get(end, []):
                rule = ((i == start) + (j == end), seconds)  # nearer rules first; of those the stricter
                rules[i, j] = max(rules.get((i, j), rule), rule)
    pairs = sorted(rules)
    least_s = [IMPOSSIBLE if np.isinf(rules[p][1]) else int(rules[p][1]) for p in pairs]
    return pd.DataFrame(
        {
            "from_stop_id": pd.Series([i for i, _ in pairs], dtype=object),
            "to_stop_id": pd.Series([j for _, j in pairs], dtype=object),
            "least_s": np.array(least_s, dtype=np.int64),
        }
    )


def _seconds(times: pd.Series[Any]) -> NDArray[np.int64]:
    """Seconds after midnight; _BLANK where blank."""
    code, texts = pd.factorize(times)
    parts = [t.split(":") if t else None for t in texts]
    seconds = [int(p[0]) * 3600 + int(p[1]) * 60 + int(p[2]) if p else _BLANK for p in parts]
    return np.array(seconds, dtype=np.int64)[code]
