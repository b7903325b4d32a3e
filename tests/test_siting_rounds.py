"""Outreach timetables: the best of all by brute force, every minute accounted, gaps, clashes and faults."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import InfeasibleError, InputError
from needs.siting.rounds import WEEKDAYS, timetable

SAME = 1e-9


def venues_of(families, **columns) -> pd.DataFrame:
    ids = [f"V{i}" for i in range(len(families))]
    frame = pd.DataFrame({"site_id": ids, "name": [f"Hall {i}" for i in ids], "families": np.array(families, float)})
    return frame.assign(**columns)


def teams_of(rows) -> pd.DataFrame:
    """Build teams from (hub_id, weekdays, day_min, session_min)."""
    frame = pd.DataFrame(rows, columns=["hub_id", "weekdays", "day_min", "session_min"])
    return frame.assign(team=[f"Team {k}" for k in range(len(rows))], start_min=540.0)


def minutes_of(ids, at=10.0) -> pd.DataFrame:
    return pd.DataFrame(np.full((len(ids), len(ids)), at), ids, ids)


def random_case(seed: int):
    """Few venues and team-days, minutes that differ by direction, and more or fewer sessions wanted than fit."""
    lots = np.random.default_rng(seed)
    weeks, staff, days = [(1, 1, 2), (2, 1, 2), (2, 2, 1), (3, 1, 1), (4, 1, 1), (2, 1, 1)][int(lots.integers(6))]
    count = 2 if weeks * staff * days > 3 else 3
    hubs = [f"H{k}" for k in range(staff)] if lots.random() < 0.7 else ["H0"] * staff
    places = [f"V{i}" for i in range(count)] + sorted(set(hubs))
    drive = pd.DataFrame(lots.integers(5, 60, (len(places), len(places))).astype(float), places, places)
    drive = drive.mask(lots.random(drive.shape) < 0.05)
    every = int(lots.integers(1, weeks + 2))
    least = -(-weeks // every)
    venues = venues_of(
        lots.integers(0, 9, count),
        sessions=lots.integers(least, max(least, weeks + 1) + 1, count),
        parent_hub_id=lots.choice([*hubs, None], count),
        closed_weekdays=[["Monday"] if lots.random() < 0.15 else [] for _ in range(count)],
    )
    teams = teams_of([(hub, list(WEEKDAYS[:days]), float(lots.choice([200.0, 330.0, 460.0])), 120.0) for hub in hubs])
    return venues, drive, teams, {"weeks": weeks, "every_weeks": every}


def driven(drive, hub, order) -> float:
    return math.fsum(drive.at[a, b] for a, b in itertools.pairwise([hub, *order, hub]))


def day_options(venues, drive, team, day) -> list[tuple[float, tuple[str, ...]]]:
    """Every set of venues that fits a team's day, with the minutes of its shortest order."""
    able = [
        v.site_id
        for v in venues.itertuples()
        if day not in v.closed_weekdays and (pd.isna(v.parent_hub_id) or v.parent_hub_id == team.hub_id)
    ]
    options = [(0.0, ())]
    for size in (1, 2, 3):
        for members in itertools.combinations(able, size):
            ways = [driven(drive, team.hub_id, order) for order in itertools.permutations(members)]
            ways = [way for way in ways if way + size * team.session_min <= team.day_min]
            if ways:
                options.append((min(ways), members))
    return options


def spread(weeks_of, wanted, weeks, every) -> bool:
    """Whether the weeks of one venue's visits keep every rule of gaps and of spreading."""
    for length, start in itertools.product(range(1, weeks + 1), range(weeks)):
        window = [(start + k) % weeks for k in range(length)]
        visits = sum(week in window for week in weeks_of)
        if visits > math.ceil(wanted * length / weeks) or (length == min(every, weeks) and visits < 1):
            return False
    return True


def brute_force(venues, drive, teams, weeks, every_weeks):
    """Return the greatest need-weighted sessions and the least driving with them, or None."""
    slots = [(w, day, team) for w in range(weeks) for team in teams.itertuples() for day in team.weekdays]
    families = dict(zip(venues["site_id"], venues["families"], strict=True))
    best = None
    for chosen in itertools.product(*(day_options(venues, drive, team, day) for _, day, team in slots)):
        visits = [(w, day, v) for (w, day, _), (_, members) in zip(slots, chosen, strict=True) for v in members]
        if len(set(visits)) < len(visits):
            continue
        kept = all(
            spread([w for w, _, v in visits if v == row.site_id], row.sessions, weeks, every_weeks)
            for row in venues.itertuples()
        )
        score = (math.fsum(families[v] for _, _, v in visits), -math.fsum(way for way, _ in chosen))
        if kept and (best is None or score > best):
            best = score
    return best


@settings(max_examples=35)
@given(st.integers(0, 10**6))
def test_brute_force_gives_the_same_sessions_and_driving(seed):
    venues, drive, teams, cycle = random_case(seed)
    expected = brute_force(venues, drive, teams, **cycle)
    if expected is None:
        with pytest.raises(InfeasibleError):
            timetable(venues, drive, teams, **cycle)
        return
    found = timetable(venues, drive, teams, **cycle)
    assert found.proof.status == "optimal"
    assert found.proof.objective == pytest.approx(expected[0], rel=1e-9)
    assert found.days["drive_min"].sum() == pytest.approx(-expected[1])
    assert found.drive_bound_min == pytest.approx(-expected[1], abs=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_every_minute_and_every_visit_is_accounted_for(seed):
    venues, drive, teams, cycle = random_case(seed)
    try:
        found = timetable(venues, drive, teams, **cycle)
    except InfeasibleError:
        return
    table, days = found.table, found.days
    assert len(days) == cycle["weeks"] * teams["weekdays"].map(len).sum()
    assert (days["session_min"] + days["drive_min"] + days["slack_min"]).to_numpy() == pytest.approx(days["day_min"])
    assert days["slack_min"].min() >= -SAME
    staff = teams.set_index("team")
    for (week, weekday, team), rows in table.groupby(["week", "weekday", "team"]):
        row = staff.loc[team]
        assert rows["order"].tolist() == list(range(1, len(rows) + 1))
        at, here = row["start_min"], row["hub_id"]
        for visit in rows.itertuples():
            assert visit.drive_min == drive.at[here, visit.site_id]
            assert visit.arrive_min == pytest.approx(at + visit.drive_min)
            assert visit.leave_min == pytest.approx(visit.arrive_min + row["session_min"])
            at, here = visit.leave_min, visit.site_id
        day = days.set_index(["week", "weekday", "team"]).loc[(week, weekday, team)]
        assert day["drive_min"] == pytest.approx(driven(drive, row["hub_id"], rows["site_id"].tolist()))
        assert day["visits"] == len(rows)
        assert weekday in row["weekdays"]
    joined = table.merge(venues, on="site_id")
    assert not any(day in shut for day, shut in zip(joined["weekday"], joined["closed_weekdays"], strict=True))
    assert found.venues["visits"].sum() == len(table) == found.teams["visits"].sum()
    assert math.fsum(joined["families"]) == pytest.approx(found.proof.objective)
    assert (found.venues["longest_gap_weeks"] <= max(cycle["every_weeks"], 1)).all()
    for venue in found.venues.itertuples():
        weeks = [w - 1 for w in table.loc[table["site_id"] == venue.site_id, "week"]]
        assert len(weeks) == venue.visits
        assert spread(weeks, venue.wanted, cycle["weeks"], cycle["every_weeks"])


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_one_more_team_never_gives_less_and_order_is_no_matter(seed):
    venues, drive, teams, cycle = random_case(seed)
    try:
        found = timetable(venues, drive, teams, **cycle)
    except InfeasibleError:
        return
    more = pd.concat([teams, teams.iloc[:1].assign(team="Team 9")], ignore_index=True)
    assert timetable(venues, drive, more, **cycle).proof.objective >= found.proof.objective * (1 - SAME)
    turned = timetable(venues[::-1], drive.iloc[::-1, ::-1], teams[::-1], **cycle)
    pd.testing.assert_frame_equal(turned.table, found.table)
    assert turned.sentences == found.sentences


def test_a_week_by_hand():
    """Three halls on a road, 10 minutes apart, hub at its near end: one drive there and back serves two of them."""
    at = {"H": 0, "V0": 10, "V1": 20, "V2": 30}
    drive = pd.DataFrame({b: {a: float(abs(at[a] - at[b])) for a in at} for b in at})
    teams = teams_of([("H", ["Tuesday"], 360.0, 150.0)])
    found = timetable(venues_of([30, 20, 10]), drive, teams, weeks=2, every_weeks=2)
    assert found.venues["wanted"].tolist() == [2, 2, 1]  # in proportion to families: 2, 1.33 and 0.67, rounded up
    assert found.venues["visits"].tolist() == [2, 1, 1]
    assert found.proof.objective == 90.0
    assert sorted(map(tuple, found.table.groupby("week")["site_id"].agg(list))) == [("V0", "V1"), ("V0", "V2")]
    assert found.days["drive_min"].sum() == 40.0 + 60.0
    assert found.table["arrive_min"].iloc[0] == 550.0
    assert found.venues["longest_gap_weeks"].tolist() == [1, 2, 2]
    assert found.venues["when"].iloc[0] == "every Tuesday"
    assert found.sentences[0] == (
        "4 of the 5 sessions wanted take place in 2 weeks; weighted by need, 82 % of what is wanted."
    )
    assert found.teams["used_pct"].tolist() == pytest.approx([100 * (600 + 100) / 720])


def test_venues_keep_their_weekday():
    ids = ["V0", "V1", "V2", "H"]
    teams = teams_of([("H", ["Monday", "Tuesday", "Wednesday"], 200.0, 150.0)])
    found = timetable(venues_of([3, 2, 1], sessions=4), minutes_of(ids), teams, weeks=4, every_weeks=1)
    assert found.venues["when"].tolist() == ["every Monday", "every Tuesday", "every Wednesday"]


def test_twice_a_week_is_never_twice_a_day():
    teams = teams_of([("H", ["Monday", "Friday"], 200.0, 150.0)] * 2)
    found = timetable(venues_of([5], sessions=4), minutes_of(["V0", "H"]), teams, weeks=2, every_weeks=1)
    assert found.venues["visits"].tolist() == [4]
    assert not found.table.duplicated(["week", "weekday"]).any()


def test_venues_that_no_team_can_visit_are_named_with_the_minutes():
    ids = ["V0", "V1", "V2", "V3", "H"]
    drive = minutes_of(ids)
    drive.loc["H", "V0"] = 45.0
    drive.loc["V1", "H"] = np.nan
    venues = venues_of(
        [1, 1, 1, 1], parent_hub_id=[None, None, "Z", "H"], closed_weekdays=[[], [], [], ["Monday", "Friday"]]
    )
    with pytest.raises(InfeasibleError) as caught:
        timetable(venues, drive, teams_of([("H", ["Monday"], 200.0, 150.0)]), weeks=2, every_weeks=2)
    text = str(caught.value)
    assert (
        "Hall V0 takes 55 minutes there and back, with a session of 150 more than the 200 of Team 0's day, by 5" in text
    )
    assert "Hall V1 cannot be reached by car" in text
    assert "no team is based at Z, the hub that runs Hall V2" in text
    assert "Hall V3 is closed on every day that Team 0 works" in text


def test_too_few_team_days_tell_how_many_more_would_do():
    ids = ["V0", "V1", "V2", "H"]
    teams = teams_of([("H", ["Monday"], 200.0, 150.0)])
    with pytest.raises(
        InfeasibleError, match=r"2 team-days in 2 weeks are too few.*add 1 team-day \(1 day of Team 0\)"
    ):
        timetable(venues_of([1, 1, 1]), minutes_of(ids), teams, weeks=2, every_weeks=2)
    three = teams_of([("H", ["Monday"], 200.0, 150.0), ("H", ["Friday"], 200.0, 150.0)])
    assert timetable(venues_of([1, 1, 1]), minutes_of(ids), three, weeks=2, every_weeks=2).proof.status == "optimal"


@pytest.mark.parametrize("session_min", [60.0, 120.0])
def test_a_clash_is_no_time_out(session_min):
    """Seven venues need three days a week of three visits each, and the team has one: two more in each of four weeks.

    The solver's presolve once took this program for one with an answer, and ended without any.
    """
    venues = venues_of([0.6, 1, 3.8, 1.3, 3.4, 0.8, 0.7, 2], parent_hub_id=["H", "H", "H", "K", "H", "H", "H", "H"])
    teams = teams_of([("H", ["Monday"], 420.0, session_min), ("K", ["Monday"], 420.0, session_min)])
    drive = minutes_of([*venues["site_id"], "H", "K"])
    with pytest.raises(InfeasibleError) as caught:
        timetable(venues, drive, teams, weeks=4, every_weeks=1)
    (fault,) = caught.value.faults
    assert fault.what == "8 team-days in 4 weeks are too few to visit every venue at least every 1 week"
    assert fault.fix == "add 8 team-days (8 days of Team 0): no fewer would do; or raise every_weeks"
    more = teams.assign(weekdays=[["Monday", "Tuesday", "Friday"], ["Monday"]])
    assert timetable(venues, drive, more, weeks=4, every_weeks=1).venues["longest_gap_weeks"].max() == 1


def test_every_fault_is_told_at_once():
    venues = venues_of([np.nan, -1, 1], sessions=[1.5, 0, 1], closed_weekdays=[["Mon"], [], "Monday"])
    venues.loc[2, "site_id"] = "V0"
    teams = teams_of([("H", [], 0.0, np.inf)])
    teams["weekdays"] = [["Someday"]]
    with pytest.raises(InputError) as caught:
        timetable(venues, minutes_of(["V0"]), teams, weeks=0, every_weeks=0)
    text = str(caught.value)
    for fault in (
        "weeks: is 0",
        "every_weeks: is 0",
        "site_id stands twice (1): V0",
        "families is nan",
        "families is -1",
        "sessions is 0",
        "not whole",
        "day_min is 0",
        "session_min is inf",
        "['Mon']",
        "'Monday'",
        "['Someday']",
    ):
        assert fault in text
    teams = teams_of([("H", ["Monday"], 400.0, 120.0)])
    with pytest.raises(InputError, match=r"rows are missing \(1\): H(.|\n)*columns are missing \(1\): H"):
        timetable(venues_of([1]), minutes_of(["V0"]), teams, weeks=1, every_weeks=1)
    with pytest.raises(InputError, match=r"is -1(.|\n)*1 sessions are wanted, fewer than 2"):
        timetable(venues_of([1], sessions=1), minutes_of(["V0", "H"], -1.0), teams, weeks=2, every_weeks=1)
    with pytest.raises(InputError, match="lacks columns"):
        timetable(venues_of([1])[["site_id"]], minutes_of(["V0", "H"]), teams, weeks=1, every_weeks=1)


def test_names_are_escaped_and_inputs_left_alone():
    venues, drive = venues_of([3, 2], name=["<b>Hall</b>", "Church"]), minutes_of(["V0", "V1", "H"])
    teams = teams_of([("H", ["Monday"], 400.0, 150.0)])
    before = [frame.copy() for frame in (venues, drive, teams)]
    page = timetable(venues, drive, teams, weeks=2, every_weeks=1)._repr_html_()
    assert "<b>" not in page
    assert "09:10 &lt;b&gt;Hall&lt;/b&gt;; 11:50 Church" in page
    for frame, copy in zip((venues, drive, teams), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)
