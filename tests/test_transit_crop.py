"""Timetables cut to an area while they are read: as if the rest were not in the feed, in blocks of any size."""

from __future__ import annotations

import csv
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pyproj import Transformer

from needs import transit
from needs.errors import Fault, InputError
from needs.transit import texts
from tests.test_transit_oracle import agree
from tests.timetable_feeds import DAY, HEADS, MONTH, NAMES, SEEDS, text, town
from tests.timetable_oracle import Oracle

METRES = Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True)
EVERYWHERE = shapely.box(-1e7, -1e7, 1e7, 1e7)


def stripe(south: float, north: float, west: float = -2.0, east: float = 0.5) -> shapely.Geometry:
    """The land between two latitudes."""
    degrees = shapely.segmentize(shapely.box(west, south, east, north), 0.05)
    return shapely.transform(degrees, lambda xy: np.column_stack(METRES.transform(*xy.T)))


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        (folder / name).write_text(rows, encoding="utf-8")
    return folder


def cropped(feed: transit.Feed, area: shapely.Geometry) -> transit.Feed:
    """Crop a whole feed after it was read."""
    inside = set(feed.stops["stop_id"][feed.stops.intersects(area)])
    calls = feed.stop_times[feed.stop_times["stop_id"].isin(inside)]
    calls = calls[calls.groupby("trip_id")["stop_id"].transform("size") >= 2]
    trips, stops = set(calls["trip_id"]), set(calls["stop_id"])
    rules = feed.transfers[feed.transfers["from_stop_id"].isin(stops) & feed.transfers["to_stop_id"].isin(stops)]
    left = {
        "stops": feed.stops[feed.stops["stop_id"].isin(stops)],
        "trips": feed.trips[feed.trips["trip_id"].isin(trips)],
        "stop_times": calls,
        "frequencies": feed.frequencies[feed.frequencies["trip_id"].isin(trips)],
        "transfers": rules,
    }
    return type(feed)(**{**vars(feed), **{name: table.reset_index(drop=True) for name, table in left.items()}})


def read_or_not(folder: Path, **within: shapely.Geometry) -> transit.Feed | list[Fault]:
    """Read a feed; if nothing is left of it, give the faults."""
    try:
        return transit.read_feed(folder, **within)
    except InputError as error:
        return error.faults


def same(one: transit.Feed, other: transit.Feed) -> None:
    """See that two feeds hold the same trips, and that these run on the same days."""
    for name in ("stops", "trips", "stop_times", "frequencies", "transfers"):
        assert_frame_equal(pd.DataFrame(getattr(one, name)), pd.DataFrame(getattr(other, name)), check_dtype=True)
    services = set(one.trips["service_id"])
    for name in ("calendar", "calendar_dates"):
        a, b = (getattr(f, name) for f in (one, other))
        rows = [t[t["service_id"].isin(services)].sort_values([*t.columns]).reset_index(drop=True) for t in (a, b)]
        assert_frame_equal(*rows)


@given(SEEDS, st.integers(0, 8), st.integers(1, 6))
@settings(max_examples=15)
def test_generated_towns_are_cropped_as_after_reading(tmp_path_factory, seed, first, count):
    folder = written(tmp_path_factory.mktemp("town"), town(seed).files)
    whole = transit.read_feed(folder)
    area = stripe(51.995 + first / 100, 51.995 + (first + count) / 100)
    expected = cropped(whole, area)
    if expected.trips.empty:
        with pytest.raises(InputError, match="has no trip that can be used in the area -> get a timetable with trips"):
            transit.read_feed(folder, within=area)
        return
    same(transit.read_feed(folder, within=area), expected)
    same(transit.read_feed(folder, within=EVERYWHERE), whole)


@given(SEEDS, st.integers(0, 4), st.integers(3, 7))
@settings(max_examples=10)
def test_journeys_are_those_of_buses_closed_outside(tmp_path_factory, seed, first, count):
    """Nobody gets on or off beyond the area; all else is as in the whole timetable, searched again in plain Python."""
    made = town(seed)
    inside = NAMES[first : first + count]
    area = stripe(51.995 + first / 100, 51.995 + (first + count) / 100)
    feed = read_or_not(written(tmp_path_factory.mktemp("town"), made.files), within=area)
    if not isinstance(feed, transit.Feed) or not feed.covers[0] <= f"{DAY:%Y%m%d}" <= feed.covers[1]:
        return
    rows = [line.split(",") for line in made.files["stop_times.txt"].strip().split("\n")]
    closed = [row if row[3] in inside else [*row[:5], "1", "1"] for row in rows[1:]]
    files = {**made.files, "stop_times.txt": text(*(",".join(row) for row in (rows[0], *closed)))}
    agree(
        *(feed, Oracle(files, DAY), (made.start, made.start + 900), made.access, made.egress, made.transfers),
        made.foot,
        change_s=made.change_s,
        limit_s=3_600,
    )


# Faults ---------------------------------------------------------------------------------------------------------------


def spoilt(seed: int) -> dict[str, str]:
    """Draw a town and spoil some of its lines."""
    r = random.Random(seed)  # noqa: S311
    files = dict(town(seed).files)
    more = {
        "stops.txt": [
            "A,Again,50,0,",
            "X,Nowhere,,,",
            "Y,At its station,x,1,P",
            "Z,At its station,0,0,Q",
            ",None,52,-1,",
        ],
        "stop_times.txt": [
            "ghost,07:00:00,07:00:00,A,1,,",
            "ghost,07:10:00,07:10:00,B,2,,",
            ",07:00:00,07:00:00,C,1,,",
        ],
        "trips.txt": ["t1,all", "idle,all", "t2,", "ever,never"],
        "calendar.txt": ["all,1,1,1,1,1,1,1,20260501,31 May", "tue,0,1,0,0,0,0,2,20260501,20260531"],
        "calendar_dates.txt": ["tue,20260512,3", "idle,2026,1"],
        "frequencies.txt": ["t3,08:00:00,09:00:00,0", "nobody,08:00:00,09:00:00,600"],
        "transfers.txt": ["A,B,2,", "A,nowhere,3,", "H,G,9,", "I,A,2,60"],
    }
    for name, lines in more.items():
        rows = files[name].strip().split("\n")
        for k in range(1, len(rows)):
            if name == "stop_times.txt" and r.random() < 0.08:
                cells = rows[k].split(",")
                spot = r.choice([0, 1, 2, 3, 4, 5])
                cells[spot] = r.choice(["", "x", "9", "26:00:00", "Y", "Z", "X", " A "])
                rows[k] = ",".join(cells)
        rows += r.sample(lines, r.randint(0, len(lines)))
        if r.random() < 0.3:
            rows.append(r.choice(['A,"not closed', "a,b,c,d,e,f,g,h,i,j,k,l,m,n", "", "  "]))
        files[name] = text(*rows)
    return files


def reduced(files: dict[str, str], area: shapely.Geometry) -> dict[str, str]:
    """Blank the lines of a feed that are elsewhere, in plain Python; the others keep their numbers."""
    rows = {}
    for name, body in files.items():
        header, *lines = body.split("\n")
        names, told = header.split(","), []
        for line in lines:
            cells = [] if line.count('"') % 2 or not line.strip() else next(csv.reader([line]))
            full = [c.strip() for c in [*cells, *[""] * len(names)]]
            plain = cells and not any(full[len(names) :])
            told.append(dict(zip(names, full, strict=False)) if plain else None)
        rows[name] = told
    number = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
    own, parent = {}, {}
    for row in filter(None, rows["stops.txt"]):
        lat, lon = row["stop_lat"], row["stop_lon"]
        if row["stop_id"] and row["stop_id"] not in parent and all(v == "" or number.fullmatch(v) for v in (lat, lon)):
            parent[row["stop_id"]] = row["parent_station"]
            if lat and lon and 49.8 <= float(lat) <= 61 and -8.7 <= float(lon) <= 1.9:
                own[row["stop_id"]] = float(lon), float(lat)
    place = {s: own.get(s, own.get(parent[s])) for s in parent}
    inside = {s for s, p in place.items() if p and area.intersects(shapely.Point(METRES.transform(*p)))}
    count = Counter(r["trip_id"] for r in filter(None, rows["stop_times.txt"]) if r["stop_id"] in inside)
    trips = {t for t, n in count.items() if n > 1} - {""}

    def blank(name: str, wanted) -> str:
        header, *lines = files[name].split("\n")
        pairs = zip(lines, rows[name], strict=True)
        return "\n".join([header, *(line if row is None or wanted(row) else "" for line, row in pairs)])

    made = {
        "stop_times.txt": blank(
            "stop_times.txt", lambda r: r["trip_id"] in trips or (r["trip_id"] == "" and r["stop_id"] in inside)
        ),
        "trips.txt": blank("trips.txt", lambda r: r["trip_id"] in trips),
        "frequencies.txt": blank("frequencies.txt", lambda r: r["trip_id"] in trips),
    }
    services = {r["service_id"] for r in filter(None, rows["trips.txt"]) if r["trip_id"] in trips}
    for name in ("calendar.txt", "calendar_dates.txt"):
        made[name] = blank(name, lambda r: r["service_id"] in services)
    form = re.compile(r"\d{1,3}:[0-5]\d:[0-5]\d|")
    called = {
        r["stop_id"]
        for r in filter(None, rows["stop_times.txt"])
        if r["trip_id"] in trips
        and all(form.fullmatch(r[c]) for c in ("arrival_time", "departure_time"))
        and re.fullmatch(r"\d{1,9}", r["stop_sequence"])
        and all(r[c] in {"", "0", "1", "2", "3"} for c in ("pickup_type", "drop_off_type"))
    }
    near = called | {parent[s] for s in called if s in parent}
    far = set(parent) - inside - {parent[s] for s in inside}
    made["stops.txt"] = blank("stops.txt", lambda r: r["stop_id"] in near)
    made["transfers.txt"] = blank("transfers.txt", lambda r: not {r["from_stop_id"], r["to_stop_id"]} & far)
    return made


@given(SEEDS, st.integers(0, 6), st.integers(2, 9), st.sampled_from([200, 2**24]))
@settings(max_examples=20)
def test_faults_inside_are_told_and_those_outside_are_not(tmp_path_factory, seed, first, count, block):
    folder = tmp_path_factory.mktemp("spoilt")
    files = spoilt(seed)
    area = stripe(51.995 + first / 100, 51.995 + (first + count) / 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_BLOCK", block)
        found = read_or_not(written(folder / "x", files), within=area)
    rest = read_or_not(written(folder / "rest" / "x", reduced(files, area)))
    if isinstance(rest, list) or cropped(rest, area).trips.empty:
        assert isinstance(found, list)
        return
    assert isinstance(found, transit.Feed), found
    same(found, cropped(rest, area))
    assert sorted(map(str, found.notes)) == sorted(map(str, rest.notes))


def test_spoilt_towns_have_what_is_to_be_tested(tmp_path):
    """A check on the generator: most can be read, and every sort of fault is there, told and untold."""
    told, untold = Counter(), Counter()
    area = stripe(52.015, 52.055)
    for seed in range(20):
        folder = written(tmp_path / str(seed), spoilt(seed))
        whole, part = read_or_not(folder), read_or_not(folder, within=area)
        if isinstance(whole, transit.Feed) and isinstance(part, transit.Feed):
            told.update({n.what: n.count for n in part.notes})
            untold.update({n.what: n.count for n in whole.notes})
    assert len(told) > 15
    assert sum(told.values()) < 0.8 * sum(untold.values())


# By hand --------------------------------------------------------------------------------------------------------------

# Stops A to E stand on a road going north, a hundredth of a degree (1.1 km) apart; the area reaches from A to C.
SOUTH = stripe(51.995, 52.025)
ROAD = {
    "stops.txt": text(HEADS["stops.txt"], *(f"{s},Stop {s},{52 + k / 100},-1,," for k, s in enumerate("ABCDE"))),
    "trips.txt": text(HEADS["trips.txt"], "out,week", "back,week", "once,week", "often,week", "far,other"),
    "calendar.txt": text(HEADS["calendar.txt"], f"week,1,1,1,1,1,0,0,{MONTH}", "other,1,1,1,1,1,1,1,20250101,20271231"),
    "frequencies.txt": text(HEADS["frequencies.txt"], "often,10:00:00,10:20:00,600"),
    # out: A, and beyond, and back to B; times of C are blank and stand between D and B. back: through the area and out
    # of it. once: a coach that stops at B alone. often: from E, ten minutes to C. far: elsewhere.
    "stop_times.txt": text(
        HEADS["stop_times.txt"],
        *("out,08:00:00,08:00:00,A,1,,", "out,08:20:00,08:20:00,D,2,,", "out,,,C,3,,", "out,08:40:00,08:40:00,B,4,,"),
        *("back,09:00:00,09:00:00,A,1,,", "back,09:05:00,09:05:00,B,2,,", "back,09:30:00,09:30:00,E,3,,"),
        *("once,07:00:00,07:00:00,E,1,,", "once,07:30:00,07:30:00,B,2,,", "once,08:00:00,08:00:00,E,3,,"),
        *("often,00:00:00,00:00:00,E,1,,", "often,00:10:00,00:10:00,C,2,,", "often,00:14:00,00:14:00,A,3,,"),
        *("far,07:00:00,07:00:00,D,1,,", "far,late,07:10:00,E,2,,"),
    ),
}


def test_a_bus_that_comes_back_is_ridden_through(tmp_path):
    feed = transit.read_feed(written(tmp_path / "road", ROAD), within=SOUTH)
    assert feed.notes == ()  # what is wrong is far
    assert feed.stops["stop_id"].tolist() == ["A", "B", "C"]
    assert feed.trips["trip_id"].tolist() == ["out", "back", "often"]
    assert feed.covers == ("20260501", "20260531")
    calls = {t: [*zip(c["stop_id"], c["arrives_s"], strict=True)] for t, c in feed.stop_times.groupby("trip_id")}
    assert calls["out"] == [("A", 28_800), ("C", 30_600), ("B", 31_200)]
    assert calls["often"] == [("C", 600), ("A", 840)]
    whole = transit.read_feed(written(tmp_path / "road", ROAD))
    assert [n.what for n in whole.notes] == [
        "rows left out: 'arrival_time' must be a time such as 07:30:00, or 25:10:00 after midnight",
        "trips with fewer than two calls, left out",
    ]
    row = {s: k for k, s in enumerate(feed.stops["stop_id"])}
    table = transit.timetable(feed, DAY, start="07:59", end="08:00", reach_s=7_200)
    walks = [
        transit.Walks.of(*w) for w in (([0], [row["A"]], [60]), ([row["C"], row["B"]], [0, 1], [0, 0]), ([], [], []))
    ]
    found = transit.minute_by_minute(table, *walks, np.full((1, 2), np.nan), change_s=60, limit_s=7_200)
    assert found[0, :, 0].tolist() == [31 * 60, 41 * 60]  # at the door 7:59; it is 8:30 at C, 8:40 at B
    often = transit.timetable(feed, DAY, start="10:00", end="11:00", reach_s=3_600)
    assert sorted(often.departs_s[often.run == often.run[0]].tolist()) == [36_600]
    assert sorted(often.departs_s.tolist()) == [36_600, 37_200]


def test_departures_in_the_area_are_those_of_the_whole(tmp_path):
    """But for buses that call there once: one that goes on beyond the area is boarded at its last call inside."""
    folder = written(tmp_path / "road", ROAD)
    part, whole = transit.read_feed(folder, within=SOUTH), transit.read_feed(folder)
    counts = [
        dict(zip(found["stop_id"], found["departures"], strict=True))
        for found in (transit.departures(feed, DAY) for feed in (part, whole))
    ]
    assert counts[0] == {"A": 2, "B": 1, "C": 3}
    assert {s: n for s, n in counts[1].items() if s in "ABC"} == {"A": 2, "B": 2, "C": 3}


def test_an_area_without_buses_is_told(tmp_path):
    folder = written(tmp_path / "road", ROAD)
    with pytest.raises(InputError, match=r"road: has no trip that can be used in the area"):
        transit.read_feed(folder, within=stripe(53.0, 53.1))
    (folder / "stop_times.txt").unlink()
    with pytest.raises(InputError, match=r"road: has no stop_times\.txt"):
        transit.read_feed(folder, within=SOUTH)


def test_a_change_to_the_other_side_of_the_edge_is_no_fault(tmp_path):
    rules = text(HEADS["transfers.txt"], "A,E,2,60", "E,A,2,60", "A,B,2,90", "C,Z,2,90", "D,Z,2,90", "Z,Y,2,90")
    feed = transit.read_feed(written(tmp_path / "road", {**ROAD, "transfers.txt": rules}), within=SOUTH)
    assert feed.transfers.to_numpy().tolist() == [["A", "B", 90]]
    what = "transfers.txt: rules of stops that are not there, left out (1): Z"
    assert [str(note) for note in feed.notes] == [what, what]  # from Z to Y, and from C to Z


# Blocks ---------------------------------------------------------------------------------------------------------------

CELLS = st.text(st.sampled_from('abé \t"1\u00a0'), max_size=4)
LINES = st.lists(st.one_of(st.lists(CELLS, min_size=1, max_size=5).map(",".join), st.sampled_from(["", " ", ",,"])))


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.integers(1, 60), st.booleans())
@settings(max_examples=150)
def test_blocks_of_any_size_read_as_lines_one_by_one(tmp_path_factory, lines, end, mark, block, quotes):
    lines = ["c, a ,b", *(lines if quotes else [line.replace('"', "") for line in lines])]
    folder = tmp_path_factory.getbasetemp() / "lines"
    folder.mkdir(exist_ok=True)
    body = end.join(lines) + (end if block % 2 else "")
    (folder / "x.txt").write_bytes(body.encode("utf-8-sig" if mark else "utf-8"))
    rows, odd, long = [], [], []
    for number, line in enumerate(lines, 1):
        if line.count('"') % 2:
            odd.append(number)
        elif line.strip() and number > 1:
            cells = next(csv.reader([line]))
            if any(c.strip() for c in cells[3:]):
                long.append(number)
            else:
                full = [c.strip() for c in [*cells, "", "", ""][:3]]
                rows.append((number, full[1], full[2], full[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "_BLOCK", block)
        found = [*texts.Texts(folder).blocks("x.txt", ("a", "b", "c", "d"))]
    assert all([*b.columns] == ["a", "b", "c"] for b in found)
    told = [
        row for b in found for row in zip(b.lines.tolist(), *(b.columns[c].to_pylist() for c in "abc"), strict=True)
    ]
    assert told == rows
    assert [n for b in found for n in b.odd] == odd
    assert [n for b in found for n in b.long] == long


@pytest.mark.parametrize("block", [7, 1_000])
def test_small_blocks_give_the_same_feed_and_notes(tmp_path, monkeypatch, block):
    for seed in range(3):
        folder = written(tmp_path / str(seed), spoilt(seed))
        whole = read_or_not(folder)
        with monkeypatch.context() as patch:
            patch.setattr(texts, "_BLOCK", block)
            again = read_or_not(folder)
        if isinstance(whole, transit.Feed):
            same(again, whole)
            assert again.notes == whole.notes
        else:
            assert again == whole


def test_text_that_is_no_utf_8_is_found_in_any_block(tmp_path, monkeypatch):
    folder = written(tmp_path / "road", ROAD)
    with (folder / "stop_times.txt").open("ab") as file:
        file.write(b"out,09:00:00,09:00:00,Caf\xe9,9,,\n")
    monkeypatch.setattr(texts, "_BLOCK", 64)
    for within in (None, SOUTH):
        with pytest.raises(InputError, match=r"road, stop_times\.txt: cannot be read as CSV in UTF-8"):
            transit.read_feed(folder, within=within)


# The real timetable ---------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_newport_is_cropped_as_after_reading(real_data):
    path = real_data / "newport" / "newport-20230613_gtfs.zip"
    whole = transit.read_feed(path)
    area = shapely.box(329_000, 186_000, 333_000, 190_000)
    part = transit.read_feed(path, within=area)
    same(part, cropped(whole, area))
    assert part.notes == ()
    assert 0 < len(part.stop_times) < 0.7 * len(whole.stop_times)
