"""Timetables: a hand-written week with known counts, hostile feeds, and a real feed counted a second time."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from needs import demo, transit
from needs.errors import InputError, SourceError
from needs.settings import CRS, CRS_WEB

NEWPORT = Path(__file__).parents[1] / ".." / "shared" / "data" / "newport" / "newport-20230613_gtfs.zip"

# Stops A, B, C stand 300 m apart on a line going east, D 1 km on.
EAST = {"A": 0.0, "B": 300.0, "C": 600.0, "D": 1_600.0}
TUESDAY, HOLIDAY, SATURDAY, SUNDAY = date(2026, 5, 12), date(2026, 5, 25), date(2026, 5, 16), date(2026, 5, 17)


def stops_text() -> str:
    back = Transformer.from_crs(CRS, CRS_WEB, always_xy=True)
    rows = []
    for name, x in EAST.items():
        lon, lat = back.transform(470_000 + x, 300_000)
        rows.append(f"{name},Stop {name},{lat:.8f},{lon:.8f}")
    return "\n".join(["stop_id,stop_name,stop_lat,stop_lon", *rows])


WEEK = {
    "stops.txt": stops_text(),
    "calendar.txt": """service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
week,1,1,1,1,1,0,0,20260501,20260531
sat,0,0,0,0,0,1,0,20260501,20260531
""",
    "calendar_dates.txt": """service_id,date,exception_type
week,20260525,2
sat,20260525,1
fair,20260517,1
""",
    # T1 A 08:00 B 08:10 C 08:20 | T2 the same at 18:55, B at 19:00, C at 19:10 | LATE A 23:50 B 24:10 C 24:20
    # S1 Saturday C 09:00 A 09:20 | OFTEN A 0:00 B +5 min D +15, by frequency | FAIR on one Sunday | LOOP A B A C
    "trips.txt": """trip_id,service_id,route_id
T1,week,r
T2,week,r
LATE,week,r
S1,sat,r
OFTEN,week,r
FAIR,fair,r
LOOP,sat,r
""",
    "stop_times.txt": """trip_id,arrival_time,departure_time,stop_id,stop_sequence
T1,08:00:00,08:00:00,A,1
T1,08:10:00,08:10:00,B,2
T1,08:20:00,08:20:00,C,3
T2,18:55:00,18:55:00,A,10
T2,,,B,20
T2,19:05:00,19:05:00,C,30
LATE,23:50:00,23:50:00,A,1
LATE,24:10:00,24:10:00,B,2
LATE,24:20:00,24:20:00,C,3
S1,9:00:00,9:00:00,C,1
S1,9:20:00,9:20:00,A,2
OFTEN,00:00:00,00:00:00,A,1
OFTEN,00:05:00,00:05:00,B,2
OFTEN,00:15:00,00:15:00,D,3
FAIR,10:00:00,10:00:00,D,1
FAIR,10:30:00,10:30:00,A,2
LOOP,11:00:00,11:00:00,A,1
LOOP,11:05:00,11:05:00,B,2
LOOP,11:10:00,11:10:00,A,3
LOOP,11:20:00,11:20:00,C,4
""",
    "frequencies.txt": """trip_id,start_time,end_time,headway_secs
OFTEN,10:00:00,11:00:00,900
OFTEN,12:00:00,12:20:00,600
""",
}


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def count(feed: transit.Feed, day: date, **window: str) -> dict[str, int]:
    found = transit.departures(feed, day, **window)
    return dict(zip(found["stop_id"], found["departures"], strict=True))


def at(*east: float) -> gpd.GeoDataFrame:
    names = [f"p{k}" for k in range(len(east))]
    where = gpd.points_from_xy(470_000 + np.array(east), np.full(len(east), 300_000.0))
    return gpd.GeoDataFrame({"point_id": names}, geometry=where, crs=CRS)


@pytest.fixture(scope="module")
def week(tmp_path_factory) -> transit.Feed:
    return transit.read_feed(zipped(tmp_path_factory.mktemp("gtfs") / "week.zip", WEEK))


def test_services_of_a_day(week):
    assert transit.services_on(week, TUESDAY) == {"week"}
    assert transit.services_on(week, SATURDAY) == {"sat"}
    assert transit.services_on(week, SUNDAY) == {"fair"}
    assert transit.services_on(week, HOLIDAY) == {"sat"}
    assert transit.services_on(week, date(2026, 5, 24)) == set()
    assert transit.services_on(week, date(2026, 5, 1)) == {"week"}
    for outside in (date(2026, 4, 30), date(2026, 6, 1)):
        with pytest.raises(InputError, match=r"week\.zip.*2026-05-01 to 2026-05-31"):
            transit.services_on(week, outside)


def test_departures_of_a_working_day(week):
    # OFTEN runs 10:00, 10:15, 10:30, 10:45 (not 11:00), 12:00, 12:10 (not 12:20): six times from A and from B.
    # T2 leaves B at 19:00, filled in between 18:55 and 19:05. Last stops C (T1, T2) and D (OFTEN) are none.
    assert count(week, TUESDAY) == {"A": 8, "B": 8, "C": 0, "D": 0}
    assert count(week, TUESDAY, end="18:59") == {"A": 8, "B": 7, "C": 0, "D": 0}
    assert count(week, TUESDAY, start="08:00", end="08:00") == {"A": 1, "B": 0, "C": 0, "D": 0}
    assert count(week, TUESDAY, start="12:05", end="12:10") == {"A": 1, "B": 1, "C": 0, "D": 0}


def test_departures_after_midnight_belong_to_the_morning_after(week):
    night = {"start": "00:00", "end": "01:00"}
    assert count(week, TUESDAY, **night) == {"A": 0, "B": 1, "C": 0, "D": 0}  # Monday's late bus
    assert count(week, date(2026, 5, 11), **night)["B"] == 0  # Sunday has none
    assert count(week, SATURDAY, **night)["B"] == 1  # Friday's
    assert count(week, date(2026, 5, 1), **night)["B"] == 0  # the day before is not in the feed
    # Tuesday until three at night: Tuesday's own LATE from A and B; Monday's at B stands before the window.
    assert count(week, TUESDAY, start="20:00", end="27:00") == {"A": 1, "B": 1, "C": 0, "D": 0}
    # A window that spans both nights sees Monday's and Tuesday's late bus at B.
    assert count(week, TUESDAY, start="00:00", end="24:30") == {"A": 9, "B": 10, "C": 0, "D": 0}


def test_a_trip_that_calls_twice_counts_once(week):
    assert count(week, SATURDAY) == {"A": 1, "B": 1, "C": 1, "D": 0}
    assert count(week, HOLIDAY) == count(week, SATURDAY)
    assert count(week, SUNDAY) == {"A": 0, "B": 0, "C": 0, "D": 1}


def test_departures_near_count_each_trip_once(week):
    stops = transit.departures(week, TUESDAY)
    near = transit.departures_near(at(0, 150, 700, 1_600, 5_000), stops, walk_m=300.01)
    # 0 m: A and B within 300 m, T1, T2 and six OFTEN, each once; 700 m: C (none); nothing leaves D.
    assert near["point_id"].tolist() == ["p0", "p1", "p2", "p3", "p4"]
    assert near["bus_departures"].tolist() == [8, 8, 0, 0, 0]
    saturday = transit.departures_near(at(0, 600, 300), transit.departures(week, SATURDAY), walk_m=299.9)
    assert saturday["bus_departures"].tolist() == [1, 1, 1]  # LOOP from A; S1 from C; LOOP from B
    both = transit.departures_near(at(300), transit.departures(week, SATURDAY), walk_m=301)
    assert both["bus_departures"].tolist() == [2]
    nothing = transit.departures_near(at(0), transit.departures(week, date(2026, 5, 24)))
    assert nothing["bus_departures"].tolist() == [0]


def test_no_departure_where_nobody_may_board(tmp_path):
    calls = WEEK["stop_times.txt"].strip().splitlines()
    typed = [calls[0] + ",pickup_type", *(row + (",1" if row.startswith("T1,08:00") else ",") for row in calls[1:])]
    feed = transit.read_feed(zipped(tmp_path / "drop.zip", {**WEEK, "stop_times.txt": "\n".join(typed)}))
    assert count(feed, TUESDAY) == {"A": 7, "B": 8, "C": 0, "D": 0}


def test_a_folder_reads_as_its_zip(tmp_path, week):
    for name, text in WEEK.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    feed = transit.read_feed(tmp_path)
    for day in (TUESDAY, SATURDAY, SUNDAY, HOLIDAY):
        assert count(feed, day) == count(week, day)
    assert transit.departures(feed, TUESDAY).crs == CRS
    found = transit.departures(feed, TUESDAY).set_index("stop_id").geometry
    for name, x in EAST.items():
        assert found[name].x == pytest.approx(470_000 + x, abs=0.01)
        assert found[name].y == pytest.approx(300_000, abs=0.01)


@pytest.mark.parametrize("absent", ["calendar.txt", "calendar_dates.txt", "frequencies.txt"])
def test_optional_files_may_be_absent(tmp_path, absent):
    feed = transit.read_feed(zipped(tmp_path / "x.zip", {n: t for n, t in WEEK.items() if n != absent}))
    if absent == "calendar.txt":
        assert feed.covers == ("20260517", "20260525")
        assert count(feed, HOLIDAY) == {"A": 1, "B": 1, "C": 1, "D": 0}
    elif absent == "calendar_dates.txt":
        assert count(feed, HOLIDAY)["A"] == 8
    else:  # then the times of OFTEN are a single night run
        assert count(feed, TUESDAY) == {"A": 2, "B": 2, "C": 0, "D": 0}
        assert count(feed, TUESDAY, start="00:00", end="00:06")["A"] == 1


def noted(feed: transit.Feed) -> list[tuple[str, str, int, tuple[str, ...]]]:
    return [(n.where, n.what, n.count, n.names) for n in feed.notes]


def test_a_sound_feed_has_no_notes(week):
    assert week.notes == ()


def changed(file: str, old: str, new: str) -> dict[str, str]:
    assert WEEK[file].count(old) == 1
    return {**WEEK, file: WEEK[file].replace(old, new)}


def added(file: str, *rows: str) -> dict[str, str]:
    return {**WEEK, file: WEEK[file].rstrip() + "\n" + "\n".join(rows) + "\n"}


TIME = "a time such as 07:30:00, or 25:10:00 after midnight"
SOUND = {"A": 8, "B": 8, "C": 0, "D": 0}  # on a Tuesday
UNKNOWN_TRIP = "calls of unknown trips, left out"
TOO_SHORT = "trips with fewer than two calls, left out"
REPEATS = "rows that repeat a {}, left out"


@pytest.mark.parametrize(
    ("files", "notes", "tuesday"),
    [
        (  # a time that is none: the call is left out, the bus runs on
            changed("stop_times.txt", "T1,08:10:00,08:10:00", "T1,8h10,08:61:00"),
            [
                ("stop_times.txt", f"rows left out: 'arrival_time' must be {TIME}", 1, ("line 3 '8h10'",)),
                ("stop_times.txt", f"rows left out: 'departure_time' must be {TIME}", 1, ("line 3 '08:61:00'",)),
            ],
            {**SOUND, "B": 7},
        ),
        (  # a trip without a service never runs
            changed("trips.txt", "T1,week", "T1,"),
            [
                ("trips.txt", "rows left out: 'service_id' must be given", 1, ("line 2 ''",)),
                ("stop_times.txt", UNKNOWN_TRIP, 3, ("T1",)),
            ],
            {**SOUND, "A": 7, "B": 7},
        ),
        (  # nor does one whose service has no days
            changed("trips.txt", "T1,week", "T1,weak"),
            [
                ("trips.txt", "trips of a service without days, left out", 1, ("T1",)),
                ("stop_times.txt", UNKNOWN_TRIP, 3, ("T1",)),
            ],
            {**SOUND, "A": 7, "B": 7},
        ),
        (
            added("stop_times.txt", "GHOST,1:00:00,1:00:00,A,1", "GHOST,2:00:00,2:00:00,B,2"),
            [("stop_times.txt", UNKNOWN_TRIP, 2, ("GHOST",))],
            SOUND,
        ),
        (  # a call at an unknown stop: the bus starts at the next
            changed("stop_times.txt", "T1,08:00:00,08:00:00,A", "T1,08:00:00,08:00:00,Z"),
            [("stop_times.txt", "calls at unknown stops, left out", 1, ("Z",))],
            {**SOUND, "A": 7},
        ),
        (  # by frequency it still reaches B five minutes after its start
            changed("stop_times.txt", "OFTEN,00:00:00,00:00:00,A", "OFTEN,00:00:00,00:00:00,Z"),
            [("stop_times.txt", "calls at unknown stops, left out", 1, ("Z",))],
            {**SOUND, "A": 2},
        ),
        (
            added("trips.txt", "T1,sat,r"),
            [("trips.txt", REPEATS.format("trip_id"), 1, ("T1",))],
            SOUND,
        ),
        (
            added("stops.txt", "A,Another A,50,0"),
            [("stops.txt", REPEATS.format("stop_id"), 1, ("A",))],
            SOUND,
        ),
        (
            added("stop_times.txt", "T1,08:05:00,08:05:00,D,02"),
            [("stop_times.txt", REPEATS.format("trip_id and stop_sequence"), 1, ("T1 2",))],
            SOUND,
        ),
        (
            changed("stop_times.txt", "T1,08:20:00,08:20:00,C", "T1,,,C"),
            [("stop_times.txt", "trips that start or end without a time, left out", 1, ("T1",))],
            {**SOUND, "A": 7, "B": 7},
        ),
        (
            changed("stop_times.txt", "T1,08:10:00,08:10:00", "T1,07:50:00,07:50:00"),
            [("stop_times.txt", "trips whose times run backwards, left out", 1, ("T1",))],
            {**SOUND, "A": 7, "B": 7},
        ),
        (
            changed("stop_times.txt", "T1,08:10:00,08:10:00", "T1,08:10:00,08:09:00"),
            [("stop_times.txt", "trips whose times run backwards, left out", 1, ("T1",))],
            {**SOUND, "A": 7, "B": 7},
        ),
        (
            added("trips.txt", "EMPTY,week,r"),
            [("stop_times.txt", TOO_SHORT, 1, ("EMPTY",))],
            SOUND,
        ),
        (
            {**added("trips.txt", "X,week,r"), "stop_times.txt": WEEK["stop_times.txt"] + "X,9:00:00,9:00:00,A,1\n"},
            [("stop_times.txt", TOO_SHORT, 1, ("X",))],
            SOUND,
        ),
        (  # one of two headways is none: the other half of the runs is left
            changed("frequencies.txt", "900", "0"),
            [
                (
                    "frequencies.txt",
                    "rows left out: 'headway_secs' must be a whole number of seconds above 0",
                    1,
                    ("line 2 '0'",),
                )
            ],
            {**SOUND, "A": 4, "B": 4},
        ),
        (  # both are none: the trip does not run, rather than once at midnight
            {**WEEK, "frequencies.txt": WEEK["frequencies.txt"].replace("900", "0").replace("600", "x")},
            [
                (
                    "frequencies.txt",
                    "rows left out: 'headway_secs' must be a whole number of seconds above 0",
                    2,
                    ("line 2 '0'", "line 3 'x'"),
                ),
                ("frequencies.txt", "trips by frequency with malformed starts or calls, left out", 1, ("OFTEN",)),
                ("stop_times.txt", UNKNOWN_TRIP, 3, ("OFTEN",)),
            ],
            {**SOUND, "A": 2, "B": 2},
        ),
        (  # the day of rest is not read, and so the week is as it stands
            changed("calendar_dates.txt", "week,20260525,2", "week,20260512,7"),
            [
                (
                    "calendar_dates.txt",
                    "rows left out: 'exception_type' must be 1 (added) or 2 (removed)",
                    1,
                    ("line 2 '7'",),
                )
            ],
            SOUND,
        ),
        (
            added("stop_times.txt", 'T1,"08:30:00,08:30:00,D,9', "T1,08:40:00,08:40:00,D,9,0,,,too,many"),
            [
                ("stop_times.txt", "lines with a quote that does not end, left out", 1, ("line 22",)),
                ("stop_times.txt", "lines with more fields than the header, left out", 1, ("line 23",)),
            ],
            SOUND,
        ),
        (  # trailing commas and Windows line ends are no fault
            {n: t.replace("\n", ",,\r\n") for n, t in WEEK.items()},
            [],
            SOUND,
        ),
    ],
)
def test_faults_are_noted_and_leave_the_rest_right(tmp_path, files, notes, tuesday):
    feed = transit.read_feed(zipped(tmp_path / "faulty.zip", files))
    assert noted(feed) == notes
    assert count(feed, TUESDAY) == {s: n for s, n in tuesday.items() if s in set(feed.stops["stop_id"])}


@pytest.mark.parametrize("nowhere", [",", "0,0", "95,1", "x,1", "52,"])
def test_stops_without_coordinates(tmp_path, nowhere):
    rows = WEEK["stops.txt"].splitlines()
    rows[2] = f"B,Stop B,{nowhere}"
    alone = transit.read_feed(zipped(tmp_path / "a.zip", {**WEEK, "stops.txt": "\n".join(rows)}))
    assert count(alone, TUESDAY) == {"A": 8, "C": 0, "D": 0}
    assert alone.notes[-1].where == ("stop_times.txt")
    assert alone.notes[-1].what == "calls at unknown stops, left out"
    assert alone.notes[-1].count == 5
    if nowhere == "x,1":  # the row itself was malformed
        return
    assert noted(alone)[0] == ("stops.txt", "stops without coordinates in Great Britain, left out", 1, ("B",))
    at_a = WEEK["stops.txt"].splitlines()[1].split(",", 2)[2]
    lines = [rows[0] + ",parent_station", *(r + ("," if r[0] != "B" else ",P") for r in rows[1:]), f"P,Station,{at_a},"]
    with_station = transit.read_feed(zipped(tmp_path / "b.zip", {**WEEK, "stops.txt": "\n".join(lines)}))
    what = "stops without coordinates in Great Britain, put at their station"
    assert noted(with_station) == [("stops.txt", what, 1, ("B",))]
    places = with_station.stops.set_index("stop_id").geometry
    assert places["B"].equals(places["A"])
    assert count(with_station, TUESDAY) == SOUND


def test_notes_name_the_first_few_and_count_all(tmp_path):
    ghosts = [f"GHOST{k},1:00:00,1:00:00,A,1" for k in range(25)]
    feed = transit.read_feed(zipped(tmp_path / "x.zip", added("stop_times.txt", *ghosts)))
    (note,) = feed.notes
    assert (note.count, note.names) == (25, tuple(f"GHOST{k}" for k in range(10)))
    assert str(note).startswith("stop_times.txt: calls of unknown trips, left out (25): GHOST0, GHOST1, ")
    assert str(note).endswith("GHOST9, ...")


def test_rules_for_changing(tmp_path):
    stops = [r + p for r, p in zip(stops_text().splitlines(), [",parent_station", ",P", ",P", ",Q", ","], strict=True)]
    rules = """from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_route_id
P,Q,2,300,
A,C,2,120,
B,C,3,,
P,P,2,90,
B,A,2,200,
B,A,2,100,
D,Q,0,,
D,A,2,,
D,A,2,50,r
Z,A,3,,
D,A,9,50,
"""
    files = {**WEEK, "stops.txt": "\n".join([*stops, "P,P,52,-1,", "Q,Q,52,-1,"]), "transfers.txt": rules}
    feed = transit.read_feed(zipped(tmp_path / "x.zip", files))
    columns = ("from_stop_id", "to_stop_id", "least_s")
    found = set(zip(*(feed.transfers[c] for c in columns), strict=True))
    never = transit.IMPOSSIBLE
    inside = {("A", "A", 90), ("A", "B", 90), ("B", "B", 90), ("B", "A", 200)}
    assert found == inside | {("A", "C", 120), ("B", "C", never)}
    assert noted(feed) == [
        ("transfers.txt", "rows left out: 'transfer_type' must be 0 to 5", 1, ("line 12 '9'",)),
        ("transfers.txt", "rules of single routes or trips, left out", 1, ("line 10",)),
        ("transfers.txt", "rules of stops that are not there, left out", 1, ("Z",)),
        ("transfers.txt", "rules without their min_transfer_time, left out", 1, ("line 9",)),
    ]


def test_nothing_left_to_use_tells_every_fault(tmp_path):
    broken = {
        **WEEK,
        "stops.txt": WEEK["stops.txt"].replace("stop_lat", "latitude"),
        "trips.txt": WEEK["trips.txt"].replace("service_id", "service"),
    }
    with pytest.raises(InputError) as caught:
        transit.read_feed(zipped(tmp_path / "broken.zip", broken))
    assert [str(f).split(" -> ")[0] for f in caught.value.faults] == [
        "broken.zip, stops.txt: column 'stop_lat' is missing",
        "broken.zip, trips.txt: column 'service_id' is missing",
    ]
    days = WEEK["calendar.txt"].replace("20260531", "31/05/2026")
    with pytest.raises(InputError) as caught:
        transit.read_feed(zipped(tmp_path / "b.zip", {**WEEK, "calendar.txt": days, "calendar_dates.txt": ""}))
    text = str(caught.value)
    assert "calendar_dates.txt: column 'service_id' is missing" in text
    only = {n: t for n, t in WEEK.items() if n != "calendar_dates.txt"}
    with pytest.raises(InputError) as caught:
        transit.read_feed(zipped(tmp_path / "c.zip", {**only, "calendar.txt": days}))
    text = str(caught.value)
    assert "c.zip: has no trip that can be used" in text
    assert "'end_date' must be a date such as 20260401 (2): line 2 '31/05/2026', line 3 '31/05/2026'" in text
    assert "trips of a service without days, left out (7)" in text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({n: t for n, t in WEEK.items() if n != "stops.txt"}, r"has no stops\.txt"),
        ({n: t for n, t in WEEK.items() if "calendar" not in n}, r"neither calendar\.txt nor"),
        ({**WEEK, "trips.txt": ""}, r"trips\.txt.*'trip_id' is missing"),
        ({**WEEK, "trips.txt": "trip_id,service_id\n\xff".encode("latin-1")}, r"trips\.txt.*UTF-8"),
        ({}, r"has no trips\.txt"),
    ],
)
def test_hostile_archives(tmp_path, files, message):
    with pytest.raises(InputError, match=message):
        transit.read_feed(zipped(tmp_path / "x.zip", files))


def test_not_a_zip_and_not_there(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match="cannot be read as a zip"):
        transit.read_feed(tmp_path / "x.zip")
    with pytest.raises(SourceError, match="no such timetable"):
        transit.read_feed(tmp_path / "y.zip")


@pytest.mark.parametrize("window", [("7", "19:00"), ("07:00", "7pm"), ("19:00", "07:00")])
def test_windows_must_make_sense(week, window):
    with pytest.raises(InputError):
        transit.departures(week, TUESDAY, start=window[0], end=window[1])


def plain_count(rows: dict[str, list[dict[str, str]]], day: date, start_s: int, end_s: int) -> dict[str, int]:
    """Count again with nothing but csv and dicts; no blank times, no frequencies."""

    def runs(service: str, when: date) -> bool:
        stamp = f"{when:%Y%m%d}"
        for r in rows.get("calendar_dates.txt", []):
            if r["service_id"] == service and r["date"] == stamp:
                return r["exception_type"] == "1"
        weekday = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"][when.weekday()]
        return any(
            r["service_id"] == service and r[weekday] == "1" and r["start_date"] <= stamp <= r["end_date"]
            for r in rows.get("calendar.txt", [])
        )

    service = {r["trip_id"]: r["service_id"] for r in rows["trips.txt"]}
    last: dict[str, int] = defaultdict(int)
    for r in rows["stop_times.txt"]:
        last[r["trip_id"]] = max(last[r["trip_id"]], int(r["stop_sequence"]))
    running = {(s, k): runs(s, day + timedelta(days=k)) for s in set(service.values()) for k in (-1, 0)}
    found = defaultdict(set)
    for r in rows["stop_times.txt"]:
        h, m, s = map(int, r["departure_time"].split(":"))
        if int(r["stop_sequence"]) == last[r["trip_id"]] or r.get("pickup_type") == "1":
            continue
        for k in (-1, 0):
            if running[service[r["trip_id"]], k] and start_s <= h * 3600 + m * 60 + s + 86_400 * k <= end_s:
                found[r["stop_id"]].add((r["trip_id"], k))
    return {stop: len(trips) for stop, trips in found.items()}


def plain_rows(path: Path) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(path) as archive:
        texts = {n: archive.read(n).decode("utf-8-sig") for n in archive.namelist() if n != "shapes.txt"}
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}


def cross_check(path: Path, days: list[date]) -> int:
    feed, rows, total = transit.read_feed(path), plain_rows(path), 0
    for day in days:
        for start, end in ((7, 19), (0, 5)):
            found = count(feed, day, start=f"{start:02d}:00", end=f"{end:02d}:00")
            assert {s: n for s, n in found.items() if n} == plain_count(rows, day, start * 3600, end * 3600)
            total += sum(found.values())
    return total


def test_demo_feeds_counted_again(tmp_path):
    demo.write(tmp_path)
    for slug in ("ruralshire", "rivermouth"):
        days = [date(2026, 5, 12), date(2026, 5, 16), date(2026, 5, 25)]
        assert cross_check(tmp_path / slug / "timetable.zip", days) > 100


@pytest.mark.data
@pytest.mark.skipif(not NEWPORT.is_file(), reason="the real Newport timetable is not beside the project")
def test_newport_counted_again():
    days = [date(2023, 6, 13), date(2023, 6, 17), date(2023, 6, 18), date(2023, 8, 28)]
    assert cross_check(NEWPORT, days) > 1_000


@given(st.lists(st.tuples(st.integers(0, 47), st.integers(1, 90)), min_size=1, max_size=8), st.integers(0, 23))
@settings(max_examples=12)
def test_hours_of_a_day_add_up(tmp_path_factory, trips, cut):
    """Every departure of a running day falls into exactly one part of the day."""
    rows, names = [], []
    for k, (hour, gap) in enumerate(trips):
        names.append(f"t{k},week")
        clocks = [f"{(hour * 60 + s * gap) // 60:02d}:{(hour * 60 + s * gap) % 60:02d}:30" for s in range(3)]
        rows += [f"t{k},{c},{c},{stop},{s}" for s, (c, stop) in enumerate(zip(clocks, "ABC", strict=True))]
    files = {
        "stops.txt": WEEK["stops.txt"],
        "calendar.txt": WEEK["calendar.txt"].replace("week,1,1,1,1,1,0,0", "week,1,1,1,1,1,1,1"),
        "trips.txt": "\n".join(["trip_id,service_id", *names]),
        "stop_times.txt": "\n".join([WEEK["stop_times.txt"].splitlines()[0], *rows]),
    }
    feed = transit.read_feed(zipped(tmp_path_factory.mktemp("h") / "h.zip", files))
    whole = count(feed, TUESDAY, start="00:00", end="24:00")
    split = f"{cut:02d}:00"
    early, late = (count(feed, TUESDAY, start=a, end=b) for a, b in (("00:00", split), (split, "24:00")))
    assert {s: early[s] + late[s] for s in whole} == whole  # no time lies on the hour
    assert whole["A"] == whole["B"] == len(trips)  # what runs past midnight today did so yesterday as well
    assert whole["C"] == 0


def test_a_day_without_buses_is_refused_with_the_nearest_that_have_some(week, tmp_path):
    assert transit.check_day(week, TUESDAY) == []
    with pytest.raises(InputError, match="has no bus on 2026-05-24: the nearest days with buses are 2026-05-23 and"):
        transit.check_day(week, date(2026, 5, 24))
    with pytest.raises(InputError, match="2026-05-01 to 2026-05-31"):
        transit.check_day(week, date(2026, 6, 30))
    assert transit.check_day(week, HOLIDAY) == []  # two trips for four
    fewer = {**WEEK, "trips.txt": WEEK["trips.txt"].replace("S1,sat,r\n", "")}
    (note,) = transit.check_day(transit.read_feed(zipped(tmp_path / "fewer.zip", fewer)), HOLIDAY)
    assert "fewer.zip: 1 trips on 2026-05-25, 4 a week apart" in note
    assert "is it a usual day?" in note


def test_a_removal_stretches_no_calendar(tmp_path):
    late = WEEK["calendar_dates.txt"] + "week,20301225,2\n"
    feed = transit.read_feed(zipped(tmp_path / "late.zip", {**WEEK, "calendar_dates.txt": late}))
    assert feed.covers == ("20260501", "20260531")


def test_stops_beyond_britain_are_left_out_with_a_note(tmp_path):
    rows = [r if not r.startswith("C,") else "C,Stop C,0.0,89.9" for r in WEEK["stops.txt"].splitlines()]
    feed = transit.read_feed(zipped(tmp_path / "far.zip", {**WEEK, "stops.txt": "\n".join(rows)}))
    assert "C" not in set(feed.stops["stop_id"])
    assert any("without coordinates in Great Britain" in str(n) for n in feed.notes)
