"""The frontier: every point against every plan, its figures against plain loops, its knee by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from needs.assessment.plan import Cost, PlanSettings
from needs.errors import InfeasibleError, InputError
from needs.siting import plan
from needs.siting.alternatives import spent
from needs.siting.case import Case
from needs.siting.frontier import chart, frontier
from tests.test_siting import (
    BETA,
    allowed,
    every_plan,
    near,
    need_met,
    points_of,
    random_case,
    settings_of,
    sites_of,
    table,
    worth_of_keeping,
)

TIE = 1e-9


def values_of(found, limit, column):
    rows = found.table[found.table["limit"] == limit]
    return dict(zip(rows["value"], rows[column], strict=True))


@pytest.mark.parametrize("seed", range(14))
def test_every_point_is_the_best_of_all_plans(seed):
    tables = random_case(seed)
    points, sites, hub, outreach, between, chosen = tables
    case = Case.of(*tables)
    between = between.to_dict("index")

    def best(**change):
        other = chosen.model_copy(update=change)
        values = [
            need_met(points, hub, outreach, o) + worth_of_keeping(points, sites, other, o)
            for o in every_plan(sites)
            if allowed(sites, between, other, o)
        ]
        return max(values, default=None)

    expected = {(limit, n): best(**{limit: n}) for limit in ("max_hubs", "max_outreach") for n in range(4)}
    for limit in ("max_hubs", "max_outreach"):
        if all(expected[limit, n] is None for n in range(4)):
            with pytest.raises(InfeasibleError):
                frontier(case, **{limit.removeprefix("max_"): range(4)})
            return
    found = frontier(case, hubs=range(4), outreach=range(4))
    for row in found.table.itertuples():
        value = expected[row.limit, row.value]
        if value is None:
            assert row.status == "impossible"
            assert row.offers is None
            assert math.isnan(row.met)
            continue
        assert row.status == "optimal"
        assert row.objective == pytest.approx(value, rel=1e-9, abs=1e-9)
        assert row.met == pytest.approx(need_met(points, hub, outreach, row.offers), rel=1e-12, abs=1e-12)
        assert allowed(sites, between, chosen.model_copy(update={row.limit: row.value}), row.offers)
        ours = [row.offers[s] for s in sites["site_id"][sites["ours"]]]
        assert (row.hubs, row.outreach) == (ours.count("hub"), ours.count("outreach"))
        if points["demand"].sum() > 0:
            told = plan.evaluate(points, hub, outreach, row.offers, BETA)
            shares = 100 * told[["hub", "outreach", "virtual"]].sum() / points["demand"].sum()
            assert [row.hub_pct, row.outreach_pct, row.none_pct] == pytest.approx(shares.tolist(), abs=1e-9)
    for _, curve in found.table.groupby("limit"):
        assert (curve["objective"].diff().dropna() >= -TIE * max(1.0, curve["objective"].max())).all()
        assert curve["gain_pct"].tolist()[1:] == pytest.approx(curve["met_pct"].diff().tolist()[1:], nan_ok=True)
        assert curve["knee"].sum() <= 1


# Five buildings, each for families of its own: 50, 30, 10, 6 and 4 of 100. Minutes from P_i to the building S_j are
# 10 at home, 10 |i - j| + 10 elsewhere up to 40; P4 has no minutes to any building but S4.
def five(**more):
    points, sites = points_of([50, 30, 10, 6, 4]), sites_of("ABCDE", may_outreach=False)
    away = np.minimum(10.0 * np.abs(np.subtract.outer(range(5), range(5))) + 10, 40)
    away[4, :4] = np.nan
    cover = table(np.eye(5), points, sites)
    chosen = PlanSettings(max_hubs=2, max_outreach=0, **more)
    return Case.of(points, sites, cover, cover, near(sites), chosen, table(away, points, sites))


def test_figures_and_knee_of_five_buildings_are_those_found_by_hand():
    found = frontier(five(), hubs=range(7))
    assert list(values_of(found, "max_hubs", "met_pct").values()) == pytest.approx([0, 50, 80, 90, 96, 100, 100])
    assert list(values_of(found, "max_hubs", "gain_pct").values())[1:] == pytest.approx([50, 30, 10, 6, 4, 0])
    # The chord runs from (1, 50) to (5, 100): 2 hubs lie (30 / 50 - 1 / 4) = 0.35 above it, 3 lie 0.3, 4 lie 0.17.
    assert found.knee == {"max_hubs": 2}
    # One hub at A: P1 20 minutes off, P2 30, P3 40, P4 no minutes: of 96 families with minutes 91.2 are 95 %, and 90
    # lie within 30. With B too 90 lie within 20. With C too 90 lie within 10 and the other 6 within 20.
    rows = found.table.set_index("value")
    assert rows.loc[1, ["p95_min", "farthest_min", "without_pct"]].tolist() == pytest.approx([40, 40, 4])
    assert rows.loc[2, ["p95_min", "farthest_min", "without_pct"]].tolist() == pytest.approx([30, 30, 4])
    assert rows.loc[3, ["p95_min", "farthest_min", "without_pct"]].tolist() == pytest.approx([20, 20, 4])
    assert rows.loc[4, ["p95_min", "farthest_min", "without_pct"]].tolist() == pytest.approx([10, 10, 4])
    assert rows.loc[5, ["p95_min", "farthest_min", "without_pct"]].tolist() == pytest.approx([10, 10, 0])
    assert rows.loc[0, ["none_pct", "without_pct"]].tolist() == [100, 100]
    assert math.isnan(rows.loc[0, "farthest_min"])
    assert rows.loc[2, "offers"] == {"A": "hub", "B": "hub", "C": "none", "D": "none", "E": "none"}
    assert rows["hub_names"].tolist()[:4] == ["", "Site A", "Site A; Site B", "Site A; Site B; Site C"]
    assert rows["asked"].tolist() == [False, False, True, False, False, False, False]
    assert found.sentences() == [
        "With at most 0 hubs 0.0 % of need is met, with at most 6 hubs 100.0 % of need is met",
        (
            "With at most 2 hubs 80.0 % of need is met, and from there on more adds less: the step from 1 adds 30 "
            "points, the step to 3 10 points"
        ),
        "A third hub would add 10 points, at Site C",
    ]


def test_a_budget_buys_what_it_can_and_what_a_plan_costs_is_told():
    case = five(yearly_budget_gbp=100.0, hub=Cost(yearly_gbp=40.0)), five(hub=Cost(yearly_gbp=40.0))
    found = frontier(case[0], budgets={"yearly_budget_gbp": [39, 40, 79.5, 80, 500]})
    assert list(values_of(found, "yearly_budget_gbp", "met").values()) == pytest.approx([0, 50, 50, 80, 80])
    assert list(values_of(found, "yearly_budget_gbp", "yearly_gbp").values()) == [0, 40, 40, 80, 80]
    per_pound = list(values_of(found, "yearly_budget_gbp", "gain_per_one").values())
    assert per_pound[1:] == pytest.approx([50, 0, 60, 0])
    with pytest.raises(InputError, match="the settings set no yearly_budget_gbp"):
        frontier(case[1], budgets={"yearly_budget_gbp": [40.0]})


def test_a_budget_to_open_pays_for_closing_too():
    points, sites = points_of([5, 10]), sites_of("AB", today=["hub", "none"], may_outreach=False)
    cover = table(np.eye(2), points, sites)
    chosen = settings_of(1, 0, keep_hub_pct=0.0, keep_outreach_pct=0.0).model_copy(
        update={"opening_budget_gbp": 3.0, "hub": Cost(opening_gbp=20.0), "closing_gbp": 3.0}
    )
    case = Case.of(points, sites, cover, cover, near(sites), chosen)
    found = frontier(case, budgets={"opening_budget_gbp": [3, 22.9, 23]})
    assert found.table["met"].tolist() == [5, 5, 10]  # 20 to open B and 3 to close A
    assert found.table["opening_gbp"].tolist() == [0, 0, 23]
    assert spent(case, np.array([False, False, True, False]))["opening_gbp"] == 23


def test_values_that_allow_no_plan_are_told_and_do_not_stand_in_the_way():
    points, sites = points_of([5, 10, 1]), sites_of("ABC", today=["hub", "hub", "none"], keep=True)
    cover = table(np.eye(3), points, sites)
    case = Case.of(points, sites, cover, cover, near(sites), settings_of(2, 0))
    found = frontier(case, hubs=range(4))
    assert found.table["status"].tolist() == ["impossible", "impossible", "optimal", "optimal"]
    assert found.table["gain_pct"].isna().tolist() == [True, True, True, False]
    assert found.sentences()[0] == "No plan keeps to the rules with at most 1 hub"
    with pytest.raises(InfeasibleError, match="max_hubs"):
        frontier(case, hubs=[0, 1])


def test_out_of_time_a_point_tells_its_gap():
    case = five(time_limit_s=1e-9)
    found = frontier(case, hubs=[1, 2])
    assert set(found.table["status"]) <= {"time limit", "optimal"}
    assert (found.table["gap"] >= 0).all()
    assert found.table["objective"].is_monotonic_increasing
    late = (found.table["status"] == "time limit").sum()
    assert any(f"{late} of 2 points are not proven" in s for s in found.sentences()) == (late > 0)


@pytest.mark.parametrize("seed", [3, 7])
def test_order_of_rows_and_columns_changes_nothing(seed):
    points, sites, hub, outreach, between, chosen = random_case(seed)
    sites, chosen = sites.assign(keep=False), chosen.model_copy(update={"existing": "free"})
    straight = Case.of(points, sites, hub, outreach, between, chosen)
    mixed = Case.of(
        points.sample(frac=1, random_state=1),
        sites.sample(frac=1, random_state=2),
        hub.sample(frac=1, axis=1, random_state=3),
        outreach.sample(frac=1, random_state=4),
        between.sample(frac=1, random_state=5),
        chosen,
    )
    one, other = (frontier(c, hubs=range(3), outreach=[2, 0, 1]).table for c in (straight, mixed))
    pd.testing.assert_frame_equal(one, other)
    assert one["value"].tolist() == [0, 1, 2, 0, 1, 2]


def test_the_chart_draws_need_met_and_marks_the_knee():
    drawn = chart(frontier(five(), hubs=range(1, 6)), "max_hubs", title="More hubs")
    assert drawn.data["y"].tolist() == pytest.approx([50, 80, 90, 96, 100])
    assert [m for m in drawn.data["mark"] if m] == ["2 hubs: more adds less"]
    assert drawn.svg.startswith("<svg")
    assert "2 hubs: more adds less" in drawn.description


def test_every_wrong_argument_is_told_at_once():
    with pytest.raises(InputError) as raised:
        frontier(five(), hubs=[-1], budgets={"staff_days": [1.0], "pounds": []})
    assert [f.where for f in raised.value.faults] == ["frontier, max_hubs", "frontier", "frontier"]


def test_with_places_the_shares_are_those_that_sites_can_serve():
    """One hub with 60 places for 100 families at its door, 40 beyond its reach; a second has places for 20 of these."""
    points, sites = points_of([100, 40]), sites_of("AB", may_outreach=False, hub_families=[60.0, 20.0])
    hub, none = table([[1, 0], [0, 1]], points, sites), table(np.zeros((2, 2)), points, sites)
    case = Case.of(points, sites, hub, none, near(sites), settings_of(1, 0))
    found = frontier(case, hubs=[1, 2])
    rows = found.table.set_index("value")
    assert rows["hub_pct"].tolist() == pytest.approx([100 * 60 / 140, 100 * 80 / 140])
    assert rows["none_pct"].tolist() == pytest.approx([100 * 80 / 140, 100 * 60 / 140])
    assert rows["turned_away_pct"].tolist() == pytest.approx([100 * 40 / 140, 100 * 60 / 140])
    assert rows["met_pct"].tolist() == pytest.approx(rows["hub_pct"].tolist())
    assert "A second hub would add 14 points, at Site B" in found.sentences()


def test_the_step_beyond_the_settings_says_which_sites_it_moves():
    """One hub stands between P0 and P1; two stand at their doors."""
    points, sites = points_of([50, 50]), sites_of("ABM", may_outreach=False)
    hub, none = table([[1, 0, 0.8], [0, 1, 0.8]], points, sites), table(np.zeros((2, 3)), points, sites)
    found = frontier(Case.of(points, sites, hub, none, near(sites), settings_of(1, 0)), hubs=[1, 2, 3])
    assert found.table["hub_names"].tolist() == ["Site M", "Site A; Site B", "Site A; Site B"]
    assert "A second hub would add 20 points, at Site A and Site B, and none at Site M" in found.sentences()
    full = frontier(Case.of(points, sites, hub, none, near(sites), settings_of(2, 0)), hubs=[1, 2, 3])
    assert "A third hub would add nothing, or next to nothing" in full.sentences()


def test_where_nobody_is_counted_no_share_is_told():
    points, sites = points_of([0, 0]), sites_of("AB", may_outreach=False)
    cover = table(np.eye(2), points, sites)
    found = frontier(Case.of(points, sites, cover, cover, near(sites), settings_of(1, 0)), hubs=[0, 1, 2])
    assert found.sentences() == ["Nobody is counted here, so that more hubs change nothing"]
