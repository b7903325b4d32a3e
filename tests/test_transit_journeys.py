"""Journeys by bus: a line town worked out by hand, and laws that hold for every timetable."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings

from needs import transit
from needs.transit import Walks, summary
from tests.timetable_feeds import DAY, HEADS, MONTH, SEEDS, saved, search, text, town

# A line town worked out by hand ---------------------------------------------------------------------------------------
# A, B and C stand 5 km apart on a road. Route 1 rides A to B in 8 minutes, every 15 minutes from 07:00; route 2 B to C
# in 8 minutes, every 20 minutes from 07:07. The person lives 200 m from A, the target is 200 m from C: at 4.8 km/h a
# walk of 150 s each.

WALK_S = 150
LINE_CHANGES = {0: 1, 60: 60, 120: 120}  # a change of no time is not to be had: 1 second is the least


def line_town(
    folder: Path, *extra: str, more: dict[str, str] | None = None, trips: tuple[str, ...] = ()
) -> transit.Feed:
    files = {
        "stops.txt": text(HEADS["stops.txt"], "A,A,52,-1,", "B,B,52,-0.93,", "C,C,52,-0.86,"),
        "trips.txt": text(HEADS["trips.txt"], "one,week", "two,week", *trips),
        "stop_times.txt": text(
            *(HEADS["stop_times.txt"], "one,0:00:00,0:00:00,A,1,,", "one,0:08:00,0:08:00,B,2,,"),
            *("two,0:00:00,0:00:00,B,1,,", "two,0:08:00,0:08:00,C,2,,", *extra),
        ),
        "calendar.txt": text(HEADS["calendar.txt"], f"week,1,1,1,1,1,0,0,{MONTH}", f"sun,0,0,0,0,0,0,1,{MONTH}"),
        "frequencies.txt": text(HEADS["frequencies.txt"], "one,7:00:00,10:00:00,900", "two,7:07:00,10:07:00,1200"),
        **(more or {}),
    }
    return saved(folder, files)


def from_home(
    feed: transit.Feed,
    day: date,
    start: str,
    end: str,
    *,
    change_s: int = 60,
    limit_s: int = 7_200,
    foot: float = math.nan,
) -> tuple[list[float], transit.Journeys]:
    table = transit.timetable(feed, day, start=start, end=end, reach_s=limit_s)
    a, c = (feed.stops["stop_id"].tolist().index(s) for s in "AC")
    one_walk = Walks.of([0], [a], [WALK_S]), Walks.of([c], [0], [WALK_S]), Walks.of([], [], [])
    settings = {"change_s": change_s, "limit_s": limit_s}
    seconds = transit.minute_by_minute(table, *one_walk, np.array([[foot]]), **settings)
    return seconds[0, 0].tolist(), transit.journeys(table, *one_walk, np.array([[foot]]), **settings)


@pytest.mark.parametrize("change_s", LINE_CHANGES.values())
def test_a_line_town_by_hand(tmp_path, change_s):
    feed = line_town(tmp_path)
    seconds, found = from_home(feed, DAY, "07:00", "09:00", change_s=change_s)
    expected = []
    for minute in range(121):
        at_a = 60 * minute + WALK_S
        bus_one = next(s for s in range(0, 10_800, 900) if s >= at_a)
        bus_two = next(s for s in range(420, 11_000, 1_200) if s >= bus_one + 480 + change_s)
        expected.append(bus_two + 480 + WALK_S - 60 * minute)
    assert seconds == expected
    ranked = sorted(expected)
    assert found.p10_min[0, 0] == ranked[12] / 60  # the 13th of 121 is the first that 10 % do not exceed
    assert found.median_min[0, 0] == ranked[60] / 60
    assert found.p90_min[0, 0] == ranked[108] / 60
    assert (found.changes[0, 0], found.on_foot_share_pct[0, 0]) == (1, 0)
    # Route 1 leaves A at :00, :15, :30, :45 and is at B by :08, :23, :38, :53; route 2 leaves B at :07, :27, :47. The
    # bus of :00 finds that of :27, as does :15 (the later: so :00 is of no use); :30 that of :47; :45 that of 1:07,
    # which 1:00, at 1:08, misses. So of each hour :15, :30 and :45 are of use; home is left two and a half minutes
    # before, within the window at 07:12:30 to 08:42:30.
    assert found.services[0, 0] == 6


def test_walking_is_always_an_alternative(tmp_path):
    feed = line_town(tmp_path)
    bus, _ = from_home(feed, DAY, "07:00", "09:00")
    seconds, found = from_home(feed, DAY, "07:00", "09:00", foot=1_989.5)
    assert seconds == [min(s, 1_990) for s in bus]
    shares = 100 * sum(s >= 1_990 for s in bus) / 121
    assert 0 < shares < 100
    assert found.on_foot_share_pct[0, 0] == pytest.approx(shares)
    assert found.services[0, 0] == len({60 * m + s for m, s in enumerate(bus) if s < 1_990})
    # As quick as the bus is preferred to the bus; beyond the limit it is none.
    equal = sorted(bus)[60]
    _, tied = from_home(feed, DAY, "07:00", "09:00", foot=equal)
    assert tied.changes[0, 0] == 0
    _, far = from_home(feed, DAY, "07:00", "09:00", foot=3_601, limit_s=3_600)
    assert far.on_foot_share_pct[0, 0] == 0


def test_a_tight_limit_leaves_minutes_without_a_journey(tmp_path):
    bus, _ = from_home(line_town(tmp_path), DAY, "07:00", "09:00")
    limit = sorted(bus)[60]
    seconds, found = from_home(line_town(tmp_path), DAY, "07:00", "09:00", limit_s=int(limit))
    np.testing.assert_array_equal(seconds, [s if s <= limit else math.nan for s in bus])
    assert found.median_min[0, 0] == limit / 60
    assert math.isnan(found.p90_min[0, 0])


def test_days_without_and_with_a_service(tmp_path):
    holiday = {"calendar_dates.txt": text(HEADS["calendar_dates.txt"], "week,20260512,2", "week,20260517,1")}
    week = line_town(tmp_path / "a")
    special = line_town(tmp_path / "b", more=holiday)
    sunday = line_town(tmp_path / "c", "walk,7:30:00,7:30:00,A,1,,", "walk,7:50:00,7:50:00,C,2,,", trips=("walk,sun",))
    nothing, none = from_home(week, date(2026, 5, 17), "07:00", "09:00")
    assert all(math.isnan(s) for s in nothing)
    assert math.isnan(none.median_min[0, 0])
    assert math.isnan(none.changes[0, 0])
    assert (none.services[0, 0], none.on_foot_share_pct[0, 0]) == (0, 0)
    assert all(math.isnan(s) for s in from_home(special, DAY, "07:00", "09:00")[0])
    assert from_home(special, date(2026, 5, 17), "07:00", "09:00")[0] == from_home(week, DAY, "07:00", "09:00")[0]
    once, summed = from_home(sunday, date(2026, 5, 17), "07:00", "09:00")
    arrival = 50 * 60 + WALK_S
    assert once[:28] == [arrival - 60 * m for m in range(28)]  # 07:27 is at A at 07:29:30
    assert all(math.isnan(s) for s in once[28:])
    assert (summed.services[0, 0], math.isnan(summed.median_min[0, 0])) == (1, True)
    assert summed.p10_min[0, 0] == sorted(once[:28])[12] / 60


def test_a_change_after_midnight(tmp_path):
    # Leave at 23:40, ride from A at 23:50 to B at 24:10; of B at 24:12 the bus of the same service day goes on.
    late = (
        *("late,23:50:00,23:50:00,A,1,,", "late,24:10:00,24:10:00,B,2,,"),
        *("on,24:12:00,24:12:00,B,1,,", "on,24:20:00,24:20:00,C,2,,"),
    )
    feed = line_town(tmp_path / "a", *late, trips=("late,week", "on,week"))
    assert from_home(feed, DAY, "23:40", "23:40")[0] == [40 * 60 + WALK_S]
    assert math.isnan(from_home(feed, DAY, "23:48", "23:48")[0][0])
    # Wednesday's own bus at 00:03 takes one to Tuesday's of 24:12, whether the day is called one or the other.
    early = ("own,0:03:00,0:03:00,A,1,,", "own,0:11:00,0:11:00,B,2,,")
    both = line_town(tmp_path / "b", *late, *early, trips=("late,week", "on,week", "own,week"))
    seconds, found = from_home(both, DAY, "23:59", "24:01", limit_s=3_600)
    np.testing.assert_array_equal(seconds, [21 * 60 + WALK_S, 20 * 60 + WALK_S, math.nan])
    assert found.changes[0, 0] == 1
    assert found.services[0, 0] == 1
    assert from_home(both, date(2026, 5, 13), "00:00", "00:00", limit_s=3_600)[0] == [20 * 60 + WALK_S]
    monday = date(2026, 5, 11)  # no bus ran on Sunday night
    assert math.isnan(from_home(both, monday, "00:00", "00:00", limit_s=3_600)[0][0])


def test_transfer_rules_of_the_timetable(tmp_path):
    def with_rule(rule: str) -> float:
        rules = {"transfers.txt": text(HEADS["transfers.txt"], rule)}
        return from_home(line_town(tmp_path, more=rules), DAY, "07:00", "07:00")[0][0]

    # The bus of 07:15 is at B at 07:23; buses leave there at :27, :47 and 08:07.
    reach = {at: at * 60 + 480 + WALK_S for at in (27, 47, 67)}
    assert with_rule("A,B,0,") == reach[27]
    assert with_rule("B,B,2,240") == reach[27]
    assert with_rule("B,B,2,241") == reach[47]
    assert math.isnan(with_rule("B,B,3,"))


def test_a_rule_opens_a_change_that_no_walk_has(tmp_path):
    stops = text(HEADS["stops.txt"], "A,A,52,-1,", "B,B,52,-0.93,S", "D,D,52,-0.93,S", "C,C,52,-0.86,", "S,S,52,-1,")
    calls = (
        *("in,7:10:00,7:10:00,A,1,,", "in,7:20:00,7:20:00,D,2,,"),
        *("out,7:25:00,7:25:00,B,1,,", "out,7:30:00,7:30:00,C,2,,"),
    )
    off = {"frequencies.txt": text(HEADS["frequencies.txt"], "one,7:00:00,7:00:00,900", "two,7:00:00,7:00:00,900")}
    for rule, expected in (("D,D,2,60", math.nan), ("S,S,2,300", 1_800 + WALK_S), ("S,S,2,301", math.nan)):
        more = {"stops.txt": stops, "transfers.txt": text(HEADS["transfers.txt"], rule), **off}
        feed = line_town(tmp_path, *calls, more=more, trips=("in,week", "out,week"))
        np.testing.assert_equal(from_home(feed, DAY, "07:00", "07:00")[0], [expected])


# Laws ----------------------------------------------------------------------------------------------------------------


@given(SEEDS)
@example(536_870_911)
@settings(max_examples=25)
def test_laws_of_journeys(tmp_path_factory, seed):
    made = town(seed)
    folder, window = tmp_path_factory.getbasetemp() / "laws", (made.start, made.start + 1_200)
    seconds, summed = search(saved(folder, made.files), DAY, window, made, limit_s=3_600)
    later = np.nan_to_num(seconds, nan=np.inf)
    # Leaving a minute later never arrives earlier; a journey that begins earlier may be beyond the limit for that.
    assert ((later[..., 1:] + 60 >= later[..., :-1]) | (later[..., 1:] + 60 > 3_600)).all()
    walked = np.where(made.foot <= 3_600, made.foot, np.inf)
    assert (later <= walked[..., None]).all()  # never slower than on foot
    p10, p50, p90 = (np.nan_to_num(p, nan=np.inf) for p in (summed.p10_min, summed.median_min, summed.p90_min))
    assert (p10 <= p50).all()
    assert (p50 <= p90).all()
    trips = made.files["trips.txt"].splitlines()
    gone = trips[1 + seed % (len(trips) - 1)]
    without = {**made.files, "trips.txt": text(*(t for t in trips if t != gone))}
    fewer, _ = search(saved(folder, without), DAY, window, made, limit_s=3_600)
    assert (np.nan_to_num(fewer, nan=np.inf) >= later).all()  # one trip fewer never makes any minute quicker


def test_origins_in_blocks_are_the_same(tmp_path, monkeypatch):
    made = town(11)
    made = replace(made, access=[*made.access, made.egress[1]], foot=np.vstack([made.foot, made.foot[:1]]))
    feed, window, found = saved(tmp_path, made.files), (made.start, made.start + 1_200), {}
    for block in (1, 2, 4_096):
        monkeypatch.setattr(summary, "_BLOCK", block)
        found[block] = search(feed, DAY, window, made, limit_s=3_600)
    every, summed = found[4_096]
    assert (summed.services > 0).any(axis=1).sum() > 1
    for block in (1, 2):
        np.testing.assert_array_equal(found[block][0], every)
        for name, values in vars(found[block][1]).items():
            np.testing.assert_array_equal(values, getattr(summed, name))


def test_what_cannot_be_asked_is_refused(tmp_path):
    feed = line_town(tmp_path)
    table = transit.timetable(feed, DAY, start="07:00", end="08:00", reach_s=3_600)
    none = Walks.of([], [], [])
    foot = np.full((1, 1), math.nan)
    for access, settings_, message in (
        (none, {"change_s": 0, "limit_s": 60}, "1 second or more"),
        (none, {"limit_s": 3_601}, "not 3601"),
        (Walks.of([1], [0], [5]), {"limit_s": 60}, "access: places 1 to 1"),
        (Walks.of([0], [3], [5]), {"limit_s": 60}, "access: places 3 to 3"),
        (Walks.of([0], [0], [-5]), {"limit_s": 60}, "a walk takes -5 seconds"),
    ):
        with pytest.raises(ValueError, match=message):
            transit.journeys(table, access, none, none, foot, **settings_)
    with pytest.raises(ValueError, match="does not cover 2026-06-01"):
        transit.timetable(feed, date(2026, 6, 1), start="07:00", end="08:00", reach_s=3_600)
    with pytest.raises(ValueError, match="reach too far"):
        transit.timetable(feed, DAY, start="07:00", end="08:00", reach_s=10**6)
