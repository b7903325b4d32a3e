"""What is asked of a plan itself: its phasing, its timetable, and textbook models beside it; all by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from needs.errors import InputError
from needs.siting import plan, textbook
from needs.siting.phasing import phase_plan
from needs.siting.phasing_tables import tables_of
from needs.siting.rounds import timetable_of
from tests.test_siting_statement import AWAY, HUB, NEAR, OUTREACH, POINTS, SETTINGS, SITES, offers, recommend

PRICED = {"hub": {"opening_gbp": 100}, "outreach": {"opening_gbp": 10}, "closing_gbp": 5}


def test_a_plan_is_phased_by_its_own_figures():
    """The plan is A1 outreach, C1 hub, and B1, today's hub, closes.

    Today B1 meets 50 + 100 + 75 = 225. A1 can open in year 1, since B1 runs it: 60 + 100 + 75 = 235. B1 stays until C1
    is there, for B would be left without either; then 300.
    """
    found = recommend(**PRICED)
    assert offers(found) == "A1=outreach C1=hub"
    phased = phase_plan(found, [20.0, 100.0])
    assert dict(zip(phased.table["site_id"], phased.table["year"], strict=True)) == {"A1": 1, "B1": 2, "C1": 2}
    assert (phased.today, *phased.years["need_met"]) == pytest.approx((225, 235, 300))
    assert phased.years["cost"].tolist() == [10.0, 105.0]
    assert "£10 is left, £5 of it saved for Centre and Hall in year 2" in phased.sentences[0]
    parents = tables_of(found).parents
    assert sorted(map(tuple, parents.to_numpy())) == [("A1", "B1"), ("A1", "C1")]
    with pytest.raises(InputError, match=r"opening_gbp: is not known for \(2\): A1, C1 -> give it under \[plan.hub\]"):
        phase_plan(recommend(), [20.0, 100.0])


def test_an_outreach_that_nobody_runs_today_goes_on():
    sites = SITES.assign(today=["outreach", "none", "none", "hub"], ours=[True, True, True, False], keep=False)
    found = recommend(sites=sites, **PRICED, must={"C1": "hub"})
    assert offers(found) == "A1=outreach C1=hub D1=hub"
    made = tables_of(found)
    assert made.parents["site_id"].tolist() == ["A1", "A1"]
    assert made.parents["parent_hub_id"].isna().tolist() == [False, True]
    assert list(made.today_values) == ["D1"]  # the neighbour's; A1 stays as it is
    phased = phase_plan(found, [0.0, 100.0])
    # A .6 of 100; D whole by its neighbour's hub, which gives C half until C1 is there.
    assert phased.years["need_met"].tolist() == pytest.approx([60 + 75 + 80, 60 + 50 + 150 + 80])


def test_a_plan_has_a_timetable():
    found = timetable_of(recommend(), weekdays=["Monday"], weeks=1, every_weeks=1)
    (visit,) = found.table.to_dict("records")
    assert (visit["team"], visit["site_id"]) == ("Team of Hall (C1)", "A1")
    assert (visit["arrive_min"], visit["leave_min"]) == (540 + 20, 540 + 20 + 120)
    assert found.teams["drive_min"].tolist() == [40.0]
    assert found.proof.objective == pytest.approx(100)  # A's families, each whole within an outreach's standard


def test_textbook_models_on_a_plan_s_own_case():
    """Minutes times weight by one hub: A1 6400, B1 4100, C1 3800, D1 6500; within 10 minutes of B1 350, of C1 330."""
    found = recommend()
    median = textbook.solve(found.case, "p-median", p=1)
    assert median.sites.loc[median.sites["open"], "site_id"].tolist() == ["C1"]
    assert (median.result.objective, median.result.status) == (3800.0, "optimal")
    assert median.sites["weight"].tolist() == [0, 0, 430, 0]
    cover = textbook.solve(found.case, "MCLP", p=1, radius=10.0)
    assert cover.sites.loc[cover.sites["open"], "site_id"].tolist() == ["B1"]
    beside = textbook.side_by_side(found, {"median": median, "cover": cover}, radius_min=10.0)
    assert beside.sites.set_index("site_id")[["plan", "median", "cover"]].to_dict("index") == {
        "A1": {"plan": "outreach", "median": "", "cover": ""},
        "B1": {"plan": "", "median": "", "cover": "hub"},
        "C1": {"plan": "hub", "median": "hub", "cover": ""},
    }
    expected = pd.DataFrame(
        {
            "hubs": [1.0, 1, 1],
            "outreach": [1.0, 0, 0],
            "need_met_pct": [100 * 300 / 430, 100 * 240 / 430, 100 * 225 / 430],
            "mean_min": [3800 / 430, 3800 / 430, 4100 / 430],
            "within_pct": [100 * 330 / 430, 100 * 330 / 430, 100 * 350 / 430],
        },
        index=["plan", "median", "cover"],
    )
    pd.testing.assert_frame_equal(beside.measures, expected)
    assert "Library" in beside._repr_html_()


def test_only_sites_that_may_be_hubs_open():
    sites = SITES.assign(
        may_hub=[True, True, False, True], ours=[True, True, True, False], today=["none"] * 3 + ["hub"]
    )
    case = plan.recommend(POINTS, sites, HUB, OUTREACH, AWAY, SETTINGS, minutes=NEAR).case
    median = textbook.solve(case, "p-median", p=1)
    assert median.sites["site_id"].tolist() == ["A1", "B1"]  # not C1, which may be none, nor a neighbour's
    assert median.result.objective == 4100.0
    forced = plan.recommend(POINTS, SITES, HUB, OUTREACH, AWAY, SETTINGS.changed(must={"D1": "hub"}), minutes=NEAR).case
    assert textbook.solve(forced, "p-median", p=1).result.objective == 6500.0
    with pytest.raises(InputError, match="give one of p-median, p-center, LSCP, MCLP, backup"):
        textbook.solve(case, "median", p=1)
    bare = plan.recommend(POINTS, SITES, HUB, OUTREACH, AWAY, SETTINGS)
    with pytest.raises(InputError, match="there are no minutes"):
        textbook.solve(bare.case, "LSCP", radius=10.0)
    with pytest.raises(InputError, match="answer 'other': is about other sites than the plan"):
        textbook.side_by_side(bare, {"other": median}, radius_min=10.0)
