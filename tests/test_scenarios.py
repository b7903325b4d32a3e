"""Today against a plan: hand-computed towns, families conserved, words that fit the figures."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from needs import scenarios
from needs.siting import plan
from tests.test_siting import points_of, sites_of, table

POINTS = pd.DataFrame({"point_id": ["a", "b", "c"], "share": [0.25, 0.75, 1.0]})


def outcome(values: list[float], hub: list[float], outreach: list[float], virtual: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "point_id": ["a", "b", "c"],
            "lsoa21cd": ["Z1", "Z1", "Z2"],
            "value": values,
            "hub": hub,
            "outreach": outreach,
            "virtual": virtual,
            "turned_away": [v / 5 for v in virtual],
            "unmet": [v * 2 for v in virtual],
        }
    )


TODAY = outcome([1.0, 0.0, 0.0], [5, 0, 0], [0, 0, 0], [0, 15, 10])
PLAN = outcome([1.0, 0.6, 0.5], [5, 0, 5], [0, 15, 0], [0, 0, 5])


def compared() -> pd.DataFrame:
    table = scenarios.compare(scenarios.by_zone(TODAY, POINTS), scenarios.by_zone(PLAN, POINTS))
    return table.assign(demand=[20.0, 10.0], fifth=[1, 5])


def test_zones_add_up_points():
    zone = scenarios.by_zone(PLAN, POINTS).loc["Z1"]
    assert zone["cover"] == pytest.approx(0.25 * 1.0 + 0.75 * 0.6)
    assert zone[["hub", "outreach", "virtual"]].tolist() == [5.0, 15.0, 0.0]


def test_the_order_of_points_does_not_matter():
    shuffled = scenarios.by_zone(PLAN.sample(frac=1, random_state=1), POINTS.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(shuffled.sort_index(), scenarios.by_zone(PLAN, POINTS))


def test_change_is_plan_less_today():
    assert compared()["unmet_change"].tolist() == [-30.0, -10.0]


def test_totals_conserve_families():
    for scenario in ("today", "plan"):
        sums = scenarios.totals(compared(), scenario)
        assert sums["hub"] + sums["outreach"] + sums["virtual"] == sums["demand"] == 30.0
        assert sums["turned_away"] == sums["virtual"] / 5
        assert sums["hub_pct"] + sums["outreach_pct"] + sums["virtual_pct"] == pytest.approx(100.0)
    assert scenarios.totals(compared().iloc[:0], "plan")["hub_pct"] == 0.0


def test_groups_show_who_gains_and_leave_out_the_empty():
    table = scenarios.groups(compared(), {"fifth": {1: "highest need", 3: "middle", 5: "lowest need"}})
    assert table["group"].tolist() == ["highest need", "lowest need"]
    assert table["virtual_pct_today"].tolist() == [75.0, 100.0]
    assert table["virtual_pct_plan"].tolist() == [0.0, 50.0]


SHARES = (
    {"demand": 10.0, "hub_pct": 40.4, "outreach_pct": 0.0, "virtual_pct": 59.6, "turned_away_pct": 0.0},
    {"demand": 10.0, "hub_pct": 70.2, "outreach_pct": 19.8, "virtual_pct": 10.0, "turned_away_pct": 0.0},
)


@pytest.mark.parametrize(
    ("offers", "finding", "where"),
    [
        (["hub"], "X: one hub and no outreach sites would reach 90% of births", "Hub: S0: a hub"),
        (
            ["hub", "hub", "outreach"],
            "X: two hubs and one outreach site would",
            "Hubs: S0 and S1, with outreach at S2:",
        ),
        ([], "X: no hubs and no outreach sites would", "No hub: a hub"),
    ],
)
def test_headline_says_the_figures(offers, finding, where):
    sites = pd.DataFrame({"name": [f"S{i}" for i in range(len(offers))], "offer": offers})
    today, chosen = SHARES
    title, answer = scenarios.headline("X", sites, today, chosen, demand_label="births a year")
    assert title.startswith(finding)
    assert answer.startswith(where)
    assert "70% of births (today 40%)" in answer
    assert "online offer alone for 10% (today 60%)" in answer


def test_the_headline_does_not_credit_the_plan_with_the_neighbours_sites():
    """One hub of ours for 40 of 100, a neighbour's for the other 60."""
    points = points_of([60, 40]).assign(share=1.0)
    sites = sites_of("AN", today=["none", "hub"], ours=[True, False])
    hub, none = table([[0, 1], [1, 0]], points, sites), table([[0, 0], [0, 0]], points, sites)

    def told(offers, demand=(60.0, 40.0)):
        some = points.assign(demand=demand, weight=demand)
        found = plan.evaluate(some, hub, none, offers, 0.6).add_suffix("_x").assign(demand=demand)
        return scenarios.totals(found, "x")

    own = pd.DataFrame({"name": ["Ark"], "offer": ["hub"]})
    both, theirs = told({"A": "hub", "N": "hub"}), told({"N": "hub"})
    title, answer = scenarios.headline("X", own, theirs, both, demand_label="births", neighbours=theirs)
    assert title == "X: one hub and no outreach sites would, with the neighbours' sites, reach 100% of births"
    assert answer.endswith("The neighbours' sites count in this; they alone would reach 60%.")
    title, _ = scenarios.headline("X", own.head(0), theirs, theirs, demand_label="births", neighbours=theirs)
    assert title == "X: no hubs and no outreach sites would, with the neighbours' sites, reach 60% of births"
    title, answer = scenarios.headline("X", own, theirs, told({"A": "hub"}), demand_label="births", neighbours=None)
    assert "neighbours" not in title + answer
    empty = told({"A": "hub"}, (0.0, 0.0))
    title, answer = scenarios.headline("X", own, empty, empty, demand_label="births", neighbours=empty)
    assert (title, answer) == ("X: one hub and no outreach sites", "Hub: Ark. No births are counted here.")


def test_the_headline_tells_whom_full_sites_turn_away():
    today, chosen = SHARES
    _, answer = scenarios.headline(
        "X",
        pd.DataFrame({"name": ["A"], "offer": ["hub"]}),
        today,
        {**chosen, "turned_away_pct": 6.4},
        demand_label="b",
    )
    assert answer.endswith("Of all, 6% would find the sites in reach full.")


def test_where_there_is_no_hub_today_no_index_is_told_and_why():
    zones = pd.DataFrame(
        {
            "demand": [10.0, 10.0],
            "need_rank_england": [1, 2],
            "hub_walk_min_today": [math.nan, math.nan],
            "hub_walk_min_plan": [10.0, 20.0],
        }
    )
    words = {"hub_walk_min": "Minutes"}
    told = scenarios.inequality(zones, words, {"today": 0, "plan": 1}).set_index("scenario")
    assert told["note"].tolist() == ["no hub today", ""]
    assert told["slope_index"].isna().tolist() == [True, False]
    assert told.loc["plan", "mean"] == 15.0
    far = scenarios.inequality(zones, words, {"today": 1, "plan": 1})
    assert far["note"].tolist() == ["beyond the limit everywhere", ""]
    empty = scenarios.inequality(zones.assign(demand=0.0), words, {"today": 0, "plan": 1})
    assert empty["note"].tolist() == ["nobody is counted", "nobody is counted"]
