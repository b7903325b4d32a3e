"""Who has a place at a full site: by hand, by an outside solver, and whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from needs import scenarios
from needs.siting import places, plan
from tests.test_siting import BETA, near, points_of, random_case, settings_of, sites_of, table


def evaluated(points, sites, hub, offers, families, *, outreach=None, before=None):
    none = table(np.zeros((len(points), len(sites))), points, sites)
    return plan.evaluate(points, hub, none if outreach is None else outreach, offers, BETA, families, before)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_families_with_and_without_a_car_share_a_full_hub_equally(order):
    """50 places for 50 families with a car and 50 without, all at the door: half of each, and nobody fares worse."""
    points = points_of([50, 50]).assign(share=0.5, car=[True, False], lsoa21cd="E01000001")
    sites = sites_of("A", may_outreach=False)
    covers = {o: table([[1.0], [1.0]], points, sites) for o in ("hub", "outreach")}
    points = points.iloc[order].reset_index(drop=True)
    both = {
        "today": scenarios.Scenario.of("Today", {"A": "none"}, points, covers, BETA),
        "plan": scenarios.Scenario.of("Plan", {"A": "hub"}, points, covers, BETA, places={"A": 50.0}),
    }
    found = scenarios.before_and_after(points, both, demand_label="births")
    cars = found.groups[found.groups["kind"] == "car"]
    assert cars["hub_pct_plan"].tolist() == pytest.approx([50.0, 50.0])
    assert cars["turned_away_plan"].tolist() == pytest.approx([25.0, 25.0])
    told = scenarios.equality(found)
    assert not told.loc[told["who"].isin(["With a car", "Without a car"]), "worse"].any()


def test_the_greatest_need_has_the_place_before_anybody_shares():
    """30 places: 20 for the families of double need, and the 10 left for 40 others: a quarter of them."""
    points = points_of([20, 10, 30], [40, 10, 30])
    sites = sites_of("A")
    told = evaluated(points, sites, table([[1], [1], [1]], points, sites), {"A": "hub"}, {"A": 30.0})
    assert told["value"].tolist() == pytest.approx([1.0, 0.25, 0.25])
    assert told["turned_away"].tolist() == pytest.approx([0.0, 7.5, 22.5])


def test_those_who_reach_two_full_sites_leave_the_one_to_those_who_reach_it_alone():
    """With a car (60) both hubs, without (60) only A; 40 places each: 40 of 60 either way."""
    points, sites = points_of([60, 60]), sites_of("AB")
    hub = table([[1, 1], [1, 0]], points, sites)
    told = evaluated(points, sites, hub, {"A": "hub", "B": "hub"}, {"A": 40.0, "B": 40.0})
    assert told["value"].tolist() == pytest.approx([2 / 3, 2 / 3])


def test_shares_are_equal_in_proportion_to_what_each_could_have():
    """A place counts the same in both rows; the second is half covered: 100 + 50 ask for 75 places."""
    points, sites = points_of([100, 100]), sites_of("A")
    told = evaluated(points, sites, table([[1], [0.5]], points, sites), {"A": "hub"}, {"A": 75.0})
    assert told["value"].tolist() == pytest.approx([0.5, 0.25])
    assert told["virtual"].tolist() == pytest.approx([50.0, 75.0])
    assert told["turned_away"].tolist() == pytest.approx([50.0, 25.0])  # the other 50 live beyond the standard


def test_nobody_has_less_than_before_where_that_is_possible():
    """Today A serves 30 of the 40 of P0. Site B opens for P1: equal shares of A would be a loss to P0."""
    points, sites = points_of([40, 40]), sites_of("AB")
    hub = table([[1, 0], [1, 1]], points, sites)
    families = {"A": 30.0, "B": 10.0}
    today = evaluated(points, sites, table([[1, 0], [0, 0]], points, sites), {"A": "hub"}, {"A": 30.0})
    assert today["value"].tolist() == pytest.approx([0.75, 0.0])
    opened = {"A": "hub", "B": "hub"}
    assert evaluated(points, sites, hub, opened, families)["value"].tolist() == pytest.approx([0.5, 0.5])
    kept = evaluated(points, sites, hub, opened, families, before=today)
    assert kept["value"].tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("seed", range(25))
def test_opening_a_site_more_leaves_nobody_worse_off_where_an_outside_solver_can_see_to_it(seed):
    lots = np.random.default_rng(seed)
    count = int(lots.integers(2, 6))
    points, sites = points_of(lots.integers(1, 5, count)), sites_of("AB")
    cover = (lots.random((count, 2)) < 0.6) * 1.0
    families = {s: float(lots.integers(1, 9)) for s in "AB"}
    hub = table(cover, points, sites)
    one = evaluated(points, sites, hub, {"A": "hub", "B": "none"}, families)
    two = evaluated(points, sites, hub, {"A": "hub", "B": "hub"}, families, before=one)
    demand = points["demand"].to_numpy()
    each = np.kron(np.eye(count), np.ones(2))
    room = np.array([np.where(np.arange(2 * count) % 2 == j, (cover * demand[:, None]).ravel(), 0) for j in (0, 1)])
    least = -each * cover.ravel()
    found = linprog(
        -(cover * demand[:, None]).ravel(),
        A_ub=np.vstack([each, room, least]),
        b_ub=np.concatenate([np.ones(count), list(families.values()), -one["value"]]),
    )
    free = linprog(
        -(cover * demand[:, None]).ravel(),
        A_ub=np.vstack([each, room]),
        b_ub=np.concatenate([np.ones(count), list(families.values())]),
    )
    assert (demand * two["value"]).sum() == pytest.approx(-free.fun)
    if found.status == 0 and found.fun == pytest.approx(free.fun):
        assert (two["value"] >= one["value"] - 1e-7).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_rows_changes_nobodys_place(seed):
    points, sites, hub, outreach, _, _ = random_case(seed)
    offers = plan.today_offers(sites)
    families = {s: float(np.random.default_rng(seed).integers(0, 9)) for s in sites["site_id"]}
    straight = plan.evaluate(points, hub, outreach, offers, BETA, families)
    mixed = points.sample(frac=1, random_state=seed)
    turned = plan.evaluate(mixed, hub, outreach, dict(reversed(offers.items())), BETA, families)
    pd.testing.assert_frame_equal(
        straight.sort_values("point_id", ignore_index=True), turned.sort_values("point_id", ignore_index=True)
    )


@pytest.mark.parametrize("seed", range(20))
def test_who_is_not_served_is_beyond_reach_or_turned_away_by_a_full_site(seed):
    points, sites, hub, outreach, _, _ = random_case(seed)
    offers = plan.today_offers(sites)
    lots = np.random.default_rng(seed)
    families = {s: float(lots.integers(0, 9)) for s in sites["site_id"]}
    free = plan.evaluate(points, hub, outreach, offers, BETA)
    assert (free["turned_away"] == 0).all()
    told = plan.evaluate(points, hub, outreach, offers, BETA, families)
    beyond = told["virtual"] - told["turned_away"]
    np.testing.assert_allclose(beyond, free["virtual"], atol=1e-9)
    full = places.occupancy(points, hub, outreach, offers, BETA, families)
    assert (full["served"] <= full["places"] + 1e-9).all()
    assert full["served"].sum() == pytest.approx(told[["hub", "outreach"]].sum().sum(), abs=1e-9)
    covers = {s: (hub if o == "hub" else outreach)[s] for s, o in offers.items() if o != "none"}
    idle = {
        s for s, served, most in full[["site_id", "served", "places"]].itertuples(index=False) if served < most - 1e-6
    }
    away = set(told.loc[told["turned_away"] > 1e-6, "point_id"])
    assert not any(covers[s].loc[p] >= 1.0 for p in away for s in idle)  # a site with room turns nobody away


def test_a_hub_full_at_the_door_turns_away_whom_it_does_not_serve():
    """Two hubs of 100 places for 200 families at the door; the plan keeps one: 100 are turned away, none too far."""
    points = points_of([100, 100]).assign(share=1.0)
    sites = sites_of("AB", today=["hub", "hub"], may_outreach=False, hub_families=[100.0, 100.0])
    hub = table([[1, 1], [1, 1]], points, sites)
    none = table(np.zeros((2, 2)), points, sites)
    found = plan.recommend(points, sites, hub, none, near(sites), settings_of(1, 0))
    told = plan.evaluate(points, hub, none, found.offers, BETA, found.families)
    assert told["virtual"].sum() == pytest.approx(100)
    assert told["turned_away"].sum() == pytest.approx(100)
    assert told["value"].tolist() == pytest.approx([0.5, 0.5])
