"""Journeys by bus: a line town worked out by hand, generated and real feeds searched a second time, and laws."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import transit
from needs.transit import Walks
from tests.timetable_oracle import Oracle

DAY = date(2026, 5, 12)  # a Tuesday
NAMES = "ABCDEF"


def text(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def hms(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def saved(folder: Path, files: dict[str, str]) -> transit.Feed:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, rows in files.items():
        (folder / name).write_text(rows, encoding="utf-8")
    return transit.read_feed(folder)


def walks(pairs: dict[tuple[int, str], int], feed: transit.Feed, *, turn: bool = False) -> Walks:
    """Walks between rows and stops by name; stops that no trip calls at are left out."""
    row = {s: k for k, s in enumerate(feed.stops["stop_id"])}
    known = [(i, row[s], t) for (i, s), t in pairs.items() if s in row]
    i, j, t = (np.array([k[c] for k in known], dtype=np.int32) for c in range(3))
    return Walks(j, i, t) if turn else Walks(i, j, t)


def between(pairs: dict[tuple[str, str], int], feed: transit.Feed) -> Walks:
    row = {s: k for k, s in enumerate(feed.stops["stop_id"])}
    known = [(row[i], row[j], t) for (i, j), t in pairs.items() if i in row and j in row]
    return Walks(*(np.array([k[c] for k in known], dtype=np.int32) for c in range(3)))


def agree(
    feed: transit.Feed,
    oracle: Oracle,
    window: tuple[int, int],
    access: list[dict[str, int]],
    egress: list[dict[str, int]],
    transfers: dict[tuple[str, str], int],
    foot: np.ndarray,
    *,
    change_s: int,
    limit_s: int,
    services: bool = True,
) -> int:
    """Compare every minute, percentile, change and service with the oracle; give the number of bus minutes."""
    table = transit.timetable(feed, oracle.day, start=window[0], end=window[1], reach_s=limit_s)
    given_walks = (
        walks({(o, s): t for o, near in enumerate(access) for s, t in near.items()}, feed),
        walks({(o, s): t for o, near in enumerate(egress) for s, t in near.items()}, feed, turn=True),
        between(transfers, feed),
        foot,
    )
    found = transit.minute_by_minute(table, *given_walks, change_s=change_s, limit_s=limit_s)
    summed = transit.journeys(table, *given_walks, change_s=change_s, limit_s=limit_s)
    changes = oracle.changes(transfers, change_s)
    leaves = list(range(window[0], window[1] + 1, 60))
    ridden = 0
    for o, near in enumerate(access):
        best = [oracle.by_bus(t, near, egress, changes, t + limit_s) for t in leaves]
        for s in range(len(egress)):
            keys = []
            for t, row in zip(leaves, best, strict=True):
                options = [(row[s][0] - t, row[s][1]), (foot[o, s], 0)]
                keys.append(min([k for k in options if k[0] <= limit_s], default=(math.inf, 0)))
            here = [math.nan if math.isinf(k[0]) else k[0] for k in keys]
            np.testing.assert_array_equal(found[o, s], here)
            ranked = sorted(keys)
            for p, values in ((10, summed.p10_min), (50, summed.median_min), (90, summed.p90_min)):
                wanted = next(k for n, k in enumerate(ranked, 1) if 100 * n >= p * len(ranked))
                expected = math.nan if math.isinf(wanted[0]) else wanted[0] / 60
                np.testing.assert_equal(values[o, s], expected)
                if p == 50:
                    said = math.nan if math.isinf(wanted[0]) else max(wanted[1] - 1, 0)
                    np.testing.assert_equal(summed.changes[o, s], said)
            walked = sum(k[1] == 0 and not math.isinf(k[0]) for k in keys)
            assert summed.on_foot_share_pct[o, s] == pytest.approx(100 * walked / len(keys))
            ridden += sum(k[1] > 0 for k in keys)
            if services:
                wanted_services = oracle.services(window, near, egress[s], changes, foot[o, s], limit_s)
                assert summed.services[o, s] == wanted_services
    return ridden


# Generated feeds -----------------------------------------------------------------------------------------------------

HEADS = {
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon,parent_station",
    "trips.txt": "trip_id,service_id",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
    "calendar_dates.txt": "service_id,date,exception_type",
    "frequencies.txt": "trip_id,start_time,end_time,headway_secs",
    "transfers.txt": "from_stop_id,to_stop_id,transfer_type,min_transfer_time",
}
MONTH = "20260501,20260531"


@st.composite
def feeds(draw) -> tuple[dict[str, str], int]:
    """A small feed around midnight or before it, and the start of a window; loops, zero hops, blanks and all."""
    base = draw(st.sampled_from([0, 86_400 - 900]))
    rows: dict[str, list[str]] = {name: [head] for name, head in HEADS.items()}
    for k, name in enumerate(NAMES):
        rows["stops.txt"].append(f"{name},Stop,{52 + k / 100},-1.0,{draw(st.sampled_from(['', 'P', 'Q']))}")
    rows["stops.txt"] += ["P,Station,52,-1,", "Q,Station,52,-1,"]
    rows["calendar.txt"] += [f"all,1,1,1,1,1,1,1,{MONTH}", f"tue,0,1,0,0,0,0,0,{MONTH}", f"mon,1,0,0,0,0,0,0,{MONTH}"]
    rows["calendar_dates.txt"] += draw(
        st.lists(st.sampled_from(["tue,20260512,2", "mon,20260511,2", "odd,20260512,1", "odd,20260511,1"]), unique=True)
    )
    rows["calendar_dates.txt"].append("odd,20260520,1")
    for k in range(draw(st.integers(1, 7))):
        rows["trips.txt"].append(f"t{k},{draw(st.sampled_from(['all', 'all', 'tue', 'mon', 'odd']))}")
        stops = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5))
        t = draw(st.sampled_from([base, base, base + 86_400, max(base - 86_400, 0)])) + 60 * draw(st.integers(0, 40))
        for n, stop in enumerate(stops):
            arrives = t + (draw(st.sampled_from([0, 37, 120, 300, 601])) if n else 0)
            t = arrives + draw(st.sampled_from([0, 0, 45]))
            inner = 0 < n < len(stops) - 1
            times = "," if inner and draw(st.integers(0, 5)) == 0 else f"{hms(arrives)},{hms(t)}"
            flags = f"{draw(st.sampled_from(['', '0', '1', '', '0']))},{draw(st.sampled_from(['', '0', '1', '', '0']))}"
            rows["stop_times.txt"].append(f"t{k},{times},{stop},{3 * n + 1},{flags}")
        if draw(st.integers(0, 3)) == 0:
            start = base + 60 * draw(st.integers(0, 30))
            end, headway = start + draw(st.sampled_from([1, 1800])), draw(st.sampled_from([300, 700]))
            rows["frequencies.txt"].append(f"t{k},{hms(start)},{hms(end)},{headway}")
    places = st.sampled_from([*NAMES, "P", "Q"])
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["2", "2", "3", "0"]))
        least = draw(st.sampled_from([0, 90, 400])) if kind == "2" else ""
        rows["transfers.txt"].append(f"{draw(places)},{draw(places)},{kind},{least}")
    return {name: text(*lines) for name, lines in rows.items()}, base + 60 * draw(st.integers(0, 10))


SOME_WALKS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 500), max_size=4)
CHANGES = st.dictionaries(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), st.integers(0, 500), max_size=6)
FOOT = st.lists(st.sampled_from([math.nan, 200.0, 900.0, 2_000.0, 9_000.0]), min_size=4, max_size=4)


@given(
    feeds(),
    st.tuples(SOME_WALKS, SOME_WALKS),
    st.tuples(SOME_WALKS, SOME_WALKS),
    CHANGES,
    FOOT,
    st.sampled_from([1, 60, 150]),
    st.sampled_from([600, 3_600]),
)
@settings(max_examples=60, deadline=None)
def test_generated_feeds_searched_again(tmp_path_factory, made, access, egress, transfers, foot, change_s, limit_s):
    files, start = made
    feed = saved(tmp_path_factory.getbasetemp() / "made", files)
    agree(
        *(feed, Oracle(files, DAY), (start, start + 900), list(access), list(egress), transfers),
        np.array(foot).reshape(2, 2),
        change_s=change_s,
        limit_s=limit_s,
    )
