"""The cases that siting is measured on: the same on every run, within bounds, and what they say they are."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from needs.location.costs import Costs
from needs.location.rules import Limit
from tests.benchmarks import siting_cases as cases


@pytest.fixture(scope="module")
def small() -> cases.Case:
    return cases.place("small", zones=300, sites=40, side_km=12.0, towns=5, cut_min=20.0, seed=3)


@pytest.fixture(scope="module")
def both(small) -> cases.Joint:
    return cases.joint(small, 12.0, 6.0, 15.0)


def check(costs: Costs, rows: int, choices: int) -> None:
    """Hold what `Costs` promises."""
    assert (costs.rows, costs.choices) == (rows, choices)
    assert costs.start[0] == 0
    assert costs.start[-1] == len(costs.choice) == len(costs.cost)
    assert (costs.cost >= 0).all()
    assert (costs.cost < costs.outside[costs.row]).all()
    for i in range(rows):
        entries = slice(costs.start[i], costs.start[i + 1])
        listed = list(zip(costs.cost[entries], costs.choice[entries], strict=True))
        assert listed == sorted(listed)
        assert len(set(costs.choice[entries].tolist())) == len(listed)


def test_a_place_is_the_same_on_every_run_and_another_with_another_seed(small):
    again = cases.place("small", zones=300, sites=40, side_km=12.0, towns=5, cut_min=20.0, seed=3)
    other = cases.place("small", zones=300, sites=40, side_km=12.0, towns=5, cut_min=20.0, seed=4)
    for field in fields(small):
        assert np.array_equal(getattr(small, field.name), getattr(again, field.name)), field.name
    assert not np.array_equal(small.weights, other.weights)


def test_a_place_keeps_its_bounds(small):
    assert (small.zones, small.sites) == (300, 40)
    assert small.minutes.min() >= cases.DOOR_MIN
    assert small.minutes.max() <= small.cut_min
    assert np.array_equal(small.minutes, np.rint(small.minutes * 10) / 10)
    assert (small.weights >= 0).all()
    assert np.bincount(small.fifth).tolist() == [0, 60, 60, 60, 60, 60]
    assert small.weights[small.fifth == 1].sum() > 2 * small.weights[small.fifth == 5].sum()
    assert small.may_hub.sum() == 20
    assert (np.diff(small.site_zone) > 0).all()
    for i in range(small.zones):
        assert (np.diff(small.site[small.start[i] : small.start[i + 1]]) > 0).all()


@pytest.mark.parametrize("cut_min", [9.0, 20.0])
def test_entries_are_all_pairs_within_the_cut_off_and_no_other(cut_min, monkeypatch):
    monkeypatch.setattr(cases, "_BLOCK", 32)
    rng = np.random.default_rng(1)
    at, pace = rng.uniform(0, 8, (150, 2)), rng.uniform(1.0, 3.5, 150)
    site_zone = np.sort(rng.choice(150, 25, replace=False))
    start, site, minutes = cases._entries(at, pace, site_zone, cut_min)
    found = {(i, int(site[k])): minutes[k] for i in range(150) for k in range(start[i], start[i + 1])}
    expected = {}
    for i in range(150):
        for j, z in enumerate(site_zone.tolist()):
            km = math.dist(at[i], at[z])
            took = cases.DOOR_MIN + km * cases.DETOUR * (pace[i] + pace[z]) / 2
            if round(10 * took) <= 10 * cut_min:
                expected[i, j] = round(10 * took) / 10
    assert found == expected
    assert 0 < len(found) < 150 * 25


def test_a_site_is_a_minute_from_its_own_zone(small):
    between = small.between().toarray()
    assert (between.diagonal() == cases.DOOR_MIN).all()
    assert np.array_equal(between, between.T)
    assert between.max() <= small.cut_min


def test_the_council_has_its_size():
    council = cases.council()
    assert (council.zones, council.sites) == (1000, 200)
    assert (np.diff(council.start) > 0).all()


def test_models_pay_what_a_plain_sum_gives(small):
    opened = np.zeros(small.sites, bool)
    opened[[3, 17, 30]] = True
    by_median, by_cover = cases.median(small), cases.cover(small, 8.0)
    check(by_median, 300, 40)
    check(by_cover, 300, 40)
    travel = unmet = 0.0
    for i in range(small.zones):
        entries = range(small.start[i], small.start[i + 1])
        nearest = min((small.minutes[k] for k in entries if opened[small.site[k]]), default=math.inf)
        travel += small.weights[i] * min(nearest, small.cut_min)
        unmet += small.weights[i] * (nearest > 8.0)
    assert math.isclose(by_median.paid(opened).sum(), travel)
    assert math.isclose(by_cover.paid(opened).sum(), unmet)


def test_the_joint_problem_pays_for_hubs_fully_and_for_outreach_in_part(small, both):
    check(both.costs, 300, 60)
    hubs = np.flatnonzero(small.may_hub)
    opened = np.zeros(60, bool)
    opened[[2, 20 + 5, 20 + 31]] = True
    unmet = 0.0
    for i in range(small.zones):
        near = {int(small.site[k]): small.minutes[k] for k in range(small.start[i], small.start[i + 1])}
        if near.get(int(hubs[2]), math.inf) <= 12:
            continue
        outreach = min(near.get(5, math.inf), near.get(31, math.inf)) <= 6
        unmet += small.weights[i] * (1 - cases.OUTREACH_WORTH * outreach)
    assert math.isclose(both.costs.paid(opened).sum(), unmet)


def test_the_joint_rules_tie_outreach_to_a_hub_near_and_part_the_offers_of_a_site(small, both):
    between = small.between().toarray()
    hubs = np.flatnonzero(small.may_hub)
    rules = both.counted(2, 3)
    for j in range(small.sites):
        near = [k for k, h in enumerate(hubs) if 0 < between[j, h] <= 15]
        assert both.links.parents(20 + j).tolist() == near
    assert not any(len(both.links.parents(k)) for k in range(20))
    opened = np.zeros(60, bool)
    opened[20 + hubs[0]] = True
    assert not rules.feasible(opened)
    opened[0] = True
    assert rules.hung(opened)
    assert not rules.feasible(opened)
    assert both.site[opened].tolist() == [hubs[0], hubs[0]]
    assert not both.rules(Limit(both.price, 1.0)).fits(opened)
    assert both.price[~both.hangs].min() >= 250
    assert both.price[both.hangs].max() <= 90


def test_draws_are_the_same_on_every_run_and_keep_nobody_nobody(small):
    drawn = cases.draws(small, 50)
    assert drawn.shape == (50, 300)
    assert np.array_equal(drawn, cases.draws(small, 50))
    assert ((drawn == 0) == (small.weights == 0)).all()


def test_a_random_graph_has_its_edges_and_is_connected():
    cost, p = cases.beasley(60, 7, seed=5)
    assert p == 7
    assert np.isfinite(cost).all()
    assert np.array_equal(cost, cost.T)
    assert np.array_equal(cost, cases.beasley(60, 7, seed=5)[0])
    assert connected_components(cost <= 100)[0] == 1
    # A shortest way of all ways is one over any node between.
    assert (cost <= (cost[:, :, None] + cost[None]).min(axis=1)).all()
    assert cases.everywhere(cost).whole


def test_a_file_of_the_library_is_read_with_the_last_of_equal_edges(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text(" 4 5 2 \n 1 2 3 \n 2 3 4 \n 3 4 1 \n 1 2 9 \n 1 4 2 \n")
    cost, p = cases.orlib(path)
    assert p == 2
    assert cost.tolist() == [[0, 7, 3, 2], [7, 0, 4, 5], [3, 4, 0, 1], [2, 5, 1, 0]]


@pytest.mark.data
def test_the_library_gives_its_known_best(real_data):
    cost, p = cases.orlib(real_data / "location" / "orlib_pmed" / "pmed1.txt")
    assert cost.shape == (100, 100)
    assert p == 5
    check(cases.everywhere(cost), 100, 100)
