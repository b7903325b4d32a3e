"""Choices that can take on only so much: against every set of choices with a transport program, and in a council."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from needs.assessment.plan import Cost, PlanSettings, ReachFloor
from needs.errors import InfeasibleError, InputError
from needs.location.capacity import Capacity, cut, share
from needs.location.model import Floor, Goal, Model
from needs.location.rules import Limit, Links, Rules
from needs.location.solve import solve
from needs.location.values import Values
from needs.siting import places, plan

SEEDS = st.integers(0, 10**6)


def limited(seed: int) -> tuple[Model, np.ndarray, np.ndarray]:
    """Up to four buildings, hub or outreach, with money, links and hubs apart; their loads and capacities."""
    lots = np.random.default_rng(seed)
    sites, rows = int(lots.integers(2, 5)), int(lots.integers(1, 7))
    count = 2 * sites
    cover = lots.random((rows, count)) * (lots.random((rows, count)) < 0.7)
    if seed % 2:
        cover = np.ceil(cover * 2) / 2
    hubs = np.arange(count) % 2 == 0
    near = np.zeros((count, count), bool)
    near[np.ix_(~hubs, hubs)] = (lots.random((sites, sites)) < 0.7) & ~np.eye(sites, dtype=bool)
    demand = lots.integers(0, 6, rows).astype(float)
    rules = Rules(
        count,
        limits=(
            Limit(hubs.astype(float), float(lots.integers(1, 4)), "hubs"),
            Limit(lots.integers(0, 9, count).astype(float), float(lots.integers(4, 30)), "money"),
        ),
        apart=(*(np.array([2 * s, 2 * s + 1]) for s in range(sites)), np.array([0, 2])),
        required=(np.array([0, 1]),) if lots.random() < 0.2 else (),
        closed=lots.random(count) < 0.1,
        hangs=~hubs,
        links=Links.of(near),
    )
    base = np.where(lots.random(rows) < 0.3, 0.25, 0.0)
    values = cover * np.where(hubs, 1.0, 0.6)
    model = Model(Values.dense(values), demand * (1 + lots.integers(0, 2, rows)), base, rules)
    most = np.where(lots.random(count) < 0.2, np.inf, lots.integers(0, 9, count).astype(float))
    return model, demand[:, None] * cover, most


def with_capacity(model: Model, loads: np.ndarray, most: np.ndarray) -> Model:
    return replace(model, capacity=Capacity.of(model.values, most, loads))


def keeps(rules: Rules, opened: tuple[bool, ...]) -> bool:
    """Check the rules in plain loops."""
    chosen = [j for j, on in enumerate(opened) if on]
    return not (
        any(rules.closed[j] for j in chosen)
        or any(sum(limit.amounts[j] for j in chosen) > limit.most for limit in rules.limits)
        or any(sum(opened[j] for j in group) > 1 for group in rules.apart)
        or any(not any(opened[j] for j in group) for group in rules.required)
        or any(rules.hangs[j] and not any(opened[p] for p in rules.links.parents(j)) for j in chosen)
    )


def transported(model: Model, loads: np.ndarray, most: np.ndarray, opened: tuple[bool, ...]) -> float:
    """The most that the rows can get from a set of open choices, by scipy."""
    table, lots = model.values.table(), [j for j, on in enumerate(opened) if on]
    rows = len(table)
    total = float(model.weights @ model.base)
    if not lots:
        return total
    pairs = list(itertools.product(range(rows), range(len(lots))))
    gains = [-model.weights[i] * max(0.0, table[i, lots[k]] - model.base[i]) for i, k in pairs]
    upper = [[float(i == r) for i, _ in pairs] for r in range(rows)]
    rhs = [1.0] * rows
    for k, j in enumerate(lots):
        if math.isfinite(most[j]):
            upper.append([loads[i, j] * (k == other) for i, other in pairs])
            rhs.append(float(most[j]))
    answer = linprog(gains, A_ub=upper, b_ub=rhs, bounds=(0, 1))
    assert answer.status == 0
    return total - answer.fun


def every(model: Model):
    return (p for p in itertools.product((False, True), repeat=model.choices) if keeps(model.rules, p))


@given(SEEDS)
@settings(max_examples=45, deadline=None)
def test_the_plan_is_the_best_of_all_with_families_shared(seed):
    model, loads, most = limited(seed)
    plans = list(every(model))
    mine = with_capacity(model, loads, most)
    if not plans:
        with pytest.raises(InfeasibleError):
            solve(mine)
        return
    found = solve(mine)
    best = max(transported(model, loads, most, p) for p in plans)
    assert keeps(model.rules, tuple(found.opened.tolist()))
    assert found.proof.status == "optimal"
    assert found.proof.objective == pytest.approx(best, rel=1e-8, abs=1e-9)
    assert found.proof.bound >= best * (1 - 1e-9)
    assert transported(model, loads, most, tuple(found.opened.tolist())) == pytest.approx(best, rel=1e-8, abs=1e-9)


@given(SEEDS)
@settings(max_examples=45, deadline=None)
def test_a_cut_holds_for_any_choices_and_is_exact_where_it_was_made(seed):
    model, loads, most = limited(seed)
    mine = with_capacity(model, loads, most)
    if mine.capacity is None:
        return
    lots = np.random.default_rng(seed)
    sets = [np.ones(model.choices, bool), *(lots.random((30, model.choices)) < 0.5)]
    worth = {s.tobytes(): mine.objective(s) for s in sets}
    for at in (sets[int(lots.integers(len(sets)))], lots.random(model.choices)):
        parts = share(model.values, model.base, model.weights, mine.capacity, at.astype(float))
        made = cut(model.values, model.base, model.weights, mine.capacity, parts.price)
        assert all(made.at(s) >= worth[s.tobytes()] - 1e-9 for s in sets)
        if at.dtype == bool:
            assert made.at(at) == pytest.approx(worth[at.tobytes()], rel=1e-9, abs=1e-9)


@given(SEEDS)
@settings(max_examples=45, deadline=None)
def test_no_choice_is_over_full_and_no_row_is_given_twice(seed):
    model, loads, most = limited(seed)
    capacity = Capacity.of(model.values, most, loads)
    if capacity is None:
        return
    opened = np.random.default_rng(seed).random(model.choices) < 0.6
    parts = share(model.values, model.base, model.weights, capacity, opened.astype(float)).share
    given_of = [0.0] * model.values.rows
    taken = [0.0] * model.choices
    for i, j, part in zip(model.values.row.tolist(), model.values.choice.tolist(), parts.tolist(), strict=True):
        assert 0.0 <= part <= float(opened[j])
        given_of[i] += part
        taken[j] += part * loads[i, j]
    assert max(given_of) <= 1 + 1e-12
    assert all(t <= m * (1 + 1e-12) for t, m in zip(taken, most, strict=True))


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_capacities_that_are_never_reached_change_nothing(seed):
    model, loads, _ = limited(seed)
    for most in (np.full(model.choices, np.inf), loads.sum(axis=0)):
        assert with_capacity(model, loads, most).capacity is None
    wide = replace(model, capacity=Capacity(loads.sum(axis=0), loads[model.values.row, model.values.choice]))
    try:
        plain = solve(model)
    except InfeasibleError:
        return
    found = solve(wide)
    assert found.opened.tolist() == plain.opened.tolist()
    assert replace(found.proof, seconds=0.0) == replace(plain.proof, seconds=0.0)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_more_places_never_give_less(seed):
    model, loads, most = limited(seed)
    try:
        less = solve(with_capacity(model, loads, most)).proof.objective
    except InfeasibleError:
        return
    j = int(np.random.default_rng(seed).integers(model.choices))
    more = most + 2.0 * (np.arange(model.choices) == j)
    assert solve(with_capacity(model, loads, more)).proof.objective >= less - 1e-8


def test_rows_without_load_are_served_though_a_choice_is_full():
    # Both rows want choice 0, which has places for half of the first; the second takes none.
    values = Values.dense(np.array([[1.0], [1.0]]))
    model = Model(values, np.array([8.0, 3.0]), np.zeros(2), Rules.at_most(1, 1))
    full = with_capacity(model, np.array([[8.0], [0.0]]), np.array([4.0]))
    assert full.objective(np.ones(1, bool)) == pytest.approx(7.0)
    wider = full.with_rows(Values.dense(np.array([[2.0]])), np.ones(1), np.zeros(1))
    assert wider.objective(np.ones(1, bool)) == pytest.approx(9.0)


def test_a_place_is_shared_out_where_it_meets_most_need():
    # 10 places; row 0 counts twice a family. Choice 1 is worth 0.6 and takes what is over: 10 x 2 + 0.6 x 10 = 26.
    model = Model(Values.dense(np.array([[1.0, 0.6], [1.0, 0.6]])), np.array([20.0, 10.0]), np.zeros(2), Rules(2))
    mine = with_capacity(model, np.full((2, 2), 10.0), np.array([10.0, np.inf]))
    assert mine.best(np.ones(2, bool)).tolist() == pytest.approx([1.0, 0.6])
    assert solve(mine).proof.objective == pytest.approx(26.0)


def test_floors_and_goals_are_refused_with_capacities():
    model, loads, _ = limited(4)
    none = replace(model, rules=Rules(model.choices))
    mine = with_capacity(none, loads, np.zeros(model.choices))
    ones = np.ones(model.values.rows)
    with pytest.raises(InputError, match=r"floor of cover.*\n.*goal of fifths"):
        solve(replace(mine, floors=(Floor(ones, 0.1, "of cover"),), first=(Goal(ones[:, None], "of fifths"),)))


def town(seed: int, points: int = 120, sites: int = 14):
    """Tables of a small council, seeded."""
    lots = np.random.default_rng(seed)
    at, there = lots.random((points, 2)) * 12, lots.random((sites, 2)) * 12
    away = np.linalg.norm(at[:, None] - there[None], axis=2)
    ids, names = [f"P{i:03d}" for i in range(points)], [f"S{j:02d}" for j in range(sites)]
    demand = lots.integers(5, 40, points).astype(float)
    families = pd.DataFrame(
        {"point_id": ids, "lsoa21cd": ids, "demand": demand, "weight": demand * (1 + lots.random(points))}
    )
    places_of = pd.DataFrame({"site_id": names, "name": names, "site_type": "library"})
    places_of = places_of.assign(today="none", keep=False, ours=True, may_hub=True, may_outreach=True)
    hub, outreach = (pd.DataFrame(np.clip((1.5 * far - away) / (0.5 * far), 0, 1), ids, names) for far in (4.0, 2.0))
    between = pd.DataFrame(np.linalg.norm(there[:, None] - there[None], axis=2), names, names)
    return families, places_of, hub, outreach, between


def asked(**more) -> PlanSettings:
    return PlanSettings(max_hubs=3, max_outreach=4, parent_limit_min=8.0, **more)


def test_a_plan_keeps_every_site_within_its_places_and_loses_no_family():
    points, sites, hub, outreach, between = town(1)
    loose = plan.recommend(points, sites, hub, outreach, between, asked())
    assert loose.families == {}
    assert loose.turned_away == 0.0
    chosen = asked(hub=Cost(families=400.0), outreach=Cost(families=60.0))
    sites = sites.assign(hub_families=[500.0, *[np.nan] * 13])
    found = plan.recommend(points, sites, hub, outreach, between, chosen)
    assert found.proof.status == "optimal"
    assert set(found.families) == {s for s, offer in found.offers.items() if offer != "none"}
    usual = {"hub": 400.0, "outreach": 60.0}
    assert all(
        most == (500.0 if (s, found.offers[s]) == ("S00", "hub") else usual[found.offers[s]])
        for s, most in found.families.items()
    )
    args = (points, hub, outreach, found.offers, chosen.outreach_value, found.families)
    result, full = plan.evaluate(*args), places.occupancy(*args)
    demand = points["demand"].to_numpy()
    np.testing.assert_allclose(result["hub"] + result["outreach"] + result["virtual"], demand, rtol=1e-12)
    assert (result[["hub", "outreach", "virtual", "unmet"]] >= -1e-9).all(axis=None)
    assert (full["served"] <= full["places"] * (1 + 1e-9)).all()
    assert full["full_pct"].to_numpy() == pytest.approx((100 * full["served"] / full["places"]).to_numpy())
    for offer in ("hub", "outreach"):
        assert full["served"][full["offer"] == offer].sum() == pytest.approx(result[offer].sum())
    assert result["unmet"].sum() == pytest.approx(found.unmet, rel=1e-9)
    free = plan.evaluate(points, hub, outreach, found.offers, chosen.outreach_value)
    assert found.turned_away == pytest.approx(result["unmet"].sum() - free["unmet"].sum(), rel=1e-9)
    assert found.turned_away > 0
    assert loose.unmet < found.unmet
    assert full["wanted"].sum() == pytest.approx(
        ((free["value"] > 0) * served_best(points, hub, outreach, free, found)).sum()
    )


def served_best(points, hub, outreach, free, found) -> np.ndarray:
    """Families of each point that its best site covers."""
    cover = {"hub": hub, "outreach": outreach}
    best = zip(points["point_id"], free["best_site_id"], points["demand"], strict=True)
    return np.array([0.0 if pd.isna(s) else d * cover[found.offers[s]].loc[p, s] for p, s, d in best])


def test_the_plan_with_places_loses_least_and_the_reasons_follow_it():
    points, sites, hub, outreach, between = town(2, 40, 5)
    chosen = PlanSettings(max_hubs=2, max_outreach=1, parent_limit_min=30.0, hub=Cost(families=150.0))
    found = plan.recommend(points, sites, hub, outreach, between, chosen)
    beta = chosen.outreach_value

    def unmet(offers: dict[str, str]) -> float:
        limits = {s: 150.0 for s, offer in offers.items() if offer == "hub"}
        return float(plan.evaluate(points, hub, outreach, offers, beta, limits)["unmet"].sum())

    ids = sites["site_id"].tolist()
    plans = [dict(zip(ids, p, strict=True)) for p in itertools.product(("hub", "outreach", "none"), repeat=len(ids))]
    plans = [p for p in plans if list(p.values()).count("hub") <= 2 and list(p.values()).count("outreach") <= 1]
    plans = [p for p in plans if "outreach" not in p.values() or "hub" in p.values()]
    assert unmet(found.offers) == pytest.approx(min(map(unmet, plans)), rel=1e-9)
    for row in found.sites[found.sites["offer"] == "hub"].itertuples():
        without = found.offers | {row.site_id: "none"}
        assert row.unmet_if_lost == pytest.approx(unmet(without) - found.unmet, rel=1e-9)


def test_what_cannot_be_asked_with_places_is_refused_by_both_names():
    points, sites, hub, outreach, between = town(3, 30, 4)
    points = points.assign(fifth_england=1)
    floor = ReachFloor(group="fifth_england", values=[1], reach_pct=10.0)
    chosen = asked(hub=Cost(families=5.0), floor=[floor], aim="worst_fifth")
    with pytest.raises(InputError) as raised:
        plan.recommend(points, sites, hub, outreach, between, chosen)
    assert [f.where for f in raised.value.faults] == ["floor of 10 % for fifth_england 1", "aim 'worst_fifth'"]
    assert all("hub_families" in f.what for f in raised.value.faults)
    with pytest.raises(InputError, match="S01: outreach_families is -3"):
        plan.recommend(
            points, sites.assign(outreach_families=[1.0, -3.0, 0.0, np.nan]), hub, outreach, between, asked()
        )


def test_out_of_time_still_gives_a_plan_and_a_bound():
    model, loads, most = limited(12)
    plans = list(every(model))
    mine = with_capacity(model, loads, most * 0.5)
    best = max(transported(model, loads, most * 0.5, p) for p in plans)
    found = solve(mine, time_limit_s=1e-9)
    assert found.proof.status == "time limit"
    assert found.proof.objective <= best * (1 + 1e-9)
    assert found.proof.bound >= best * (1 - 1e-9)
    assert found.proof.gap > 0
    assert keeps(model.rules, tuple(found.opened.tolist()))
