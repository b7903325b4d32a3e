"""Hubs needed, hubs for the whole nation, areas first: against brute force, scipy, and what must always hold."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, lil_array

from needs.errors import InfeasibleError, InputError
from needs.location.nearest import solve
from needs.location.rules import Rules
from needs.location.saddle import bound_at
from needs.nation import needed
from needs.nation.allocation import SHARES, allocate, largest_remainder, shares
from needs.nation.first import first_areas
from needs.nation.needed import hubs_needed, steps
from needs.nation.reach import Reach
from tests.nations import CODES, families, most, nation, reached, seeds, sites

A, B, C = CODES[:3]


def town() -> Reach:
    """A: ten villages of 10 families, a building in each, two hubs today. B: 100 families, one building in half reach.

    C: one building more than it needs, and a hub of B's covers a fifth of its families today.
    """
    villages = [(f"a{k}", A, 10, 10) for k in range(10)]
    houses = [(f"a{k}", A, "hub" if k < 2 else "none") for k in range(10)]
    rest = [("b", B, 100, 300), ("c1", C, 80, 80), ("c2", C, 20, 20)]
    houses += [("b0", B, "hub"), ("b1", B, "none"), ("c1", C, "none"), ("c2", C, "none")]
    cover = np.zeros((13, 14))
    cover[range(10), range(10)] = 1.0
    cover[10, 11] = 0.5
    cover[11, 12], cover[12, 13], cover[12, 10] = 1.0, 1.0, 1.0
    ruc = ["RSN1"] * 10 + ["UN1", "RSF1", "UN1"]
    return Reach.joined(
        [
            Reach(
                families(villages + rest, ruc21cd=ruc, fifth_england=[5] * 10 + [1, 3, 3]),
                sites(houses),
                csr_array(cover),
            )
        ]
    )


def test_hubs_needed_by_hand():
    found = hubs_needed(town()).table.set_index(["council", "share_pct"])
    assert found.loc[(A, 70.0), ["hubs_today", "hubs", "at_least", "status", "reached_pct"]].tolist() == [
        2, 7, 7, "proven", pytest.approx(70.0),
    ]  # fmt: skip
    assert found.loc[A, "hubs"].tolist() == [7, 8, 9]
    assert found.loc[(B, 70.0), "status"] == "out of reach"
    assert found.loc[(B, 70.0), "most_pct"] == pytest.approx(50.0)
    assert found.loc[B, ["hubs", "at_least"]].isna().all(axis=None)
    # B's hub covers c2 already: one of C's own does.
    assert found.loc[C, "hubs"].tolist() == [1, 1, 1]
    assert found.loc[C, "hubs_today"].tolist() == [0, 0, 0]
    curve = hubs_needed(town()).frontier.set_index("council")
    assert curve.loc[A, "hubs"].tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    assert curve.loc[A, "reached_pct"].tolist() == pytest.approx([20, 30, 40, 50, 60, 70, 80, 90])
    assert curve.loc[C, "reached_pct"].tolist() == pytest.approx([20, 100])


def test_hubs_needed_with_nobody_and_with_a_share_that_is_none():
    nobody = Reach.joined([Reach(families([("p", A, 0, 0)]), sites([("a", A, "none")]), csr_array([[1.0]]))])
    row = hubs_needed(nobody).table.iloc[0]
    assert (row["hubs"], row["status"], math.isnan(row["reached_pct"])) == (0, "proven", True)
    with pytest.raises(InputError) as caught:
        hubs_needed(nobody, [0.0, 80.0, 101.0, math.nan])
    assert len(caught.value.faults) == 3


@settings(max_examples=25)
@given(seeds)
def test_no_fewer_hubs_would_do_and_the_frontier_holds(seed):
    both = Reach.joined(nation(seed, most=4))
    wanted = (50.0, 70.0, 90.0)
    found = hubs_needed(both, wanted)
    for council in both.councils:
        part = both.within(council)
        total = part.families["demand"].sum()
        every = int(part.may.sum())
        best = {new: most(part, new, "demand") for new in range(int(part.musts.sum()), every + 1)}
        mine = found.table[found.table["council"] == council].set_index("share_pct")
        kept = int((part.kept & (part.sites["council"] == council)).sum())
        assert (mine["hubs_today"] == kept).all()
        for share in wanted:
            able = [new for new, value in best.items() if value >= total * share / 100 - 1e-9]
            row = mine.loc[share]
            if not able:
                assert row["status"] == "out of reach"
                assert pd.isna(row["hubs"])
            else:
                assert (row["hubs"], row["at_least"], row["status"]) == (kept + min(able), kept + min(able), "proven")
        if total > 0:
            curve = found.frontier[found.frontier["council"] == council]
            assert curve["reached_pct"].is_monotonic_increasing
            assert curve["bound_pct"].is_monotonic_increasing
            for row in curve.to_dict("records"):
                truth = 100 * best[row["new"]] / total
                assert row["reached_pct"] <= truth + 1e-9
                assert truth - 0.02 - 1e-9 <= row["reached_pct"]  # the tolerance of a point
                assert truth <= row["bound_pct"] + 1e-9


@settings(max_examples=25)
@given(seeds, st.integers(1, 3))
def test_one_set_of_multipliers_bounds_every_number_of_hubs(seed, at):
    both = Reach.joined(nation(seed, councils=1, most=6))
    part = both.within(both.councils[0])
    costs, every = part.costs("demand")
    musts = int(part.musts.sum())
    found = solve(costs, most=musts + at, forced=part.musts, closed=~part.may)
    numbers = np.arange(int((part.may & ~part.musts).sum()) + 1)
    bounds = needed._lacked(found.relaxed.rows, found.relaxed.rewards, part.musts, part.may, numbers)
    for rest, bound in zip(numbers.tolist(), bounds.tolist(), strict=True):
        rules = replace(Rules.at_most(costs.choices, musts + rest), closed=~part.may)
        assert bound == pytest.approx(bound_at(costs, rules, found.relaxed.rows, forced=part.musts)[0], abs=1e-9)
        assert bound <= every - most(part, musts + rest, "demand") + 1e-9


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds, st.booleans())
def test_loose_points_are_decided_where_it_matters_or_left_open(monkeypatch, seed, deeper):
    monkeypatch.setattr(needed, "_TOLERANCE", 10.0)
    monkeypatch.setattr(needed, "_EFFORT", 0.0)
    monkeypatch.setattr(needed, "_DEEPER", math.inf if deeper else 0.0)
    if deeper:
        monkeypatch.setattr(needed, "_EFFORT", 1.0)
    both = Reach.joined(nation(seed, most=4))
    table = hubs_needed(both, (40.0, 80.0)).table
    for row in table.to_dict("records"):
        part = both.within(row["council"])
        goal = part.families["demand"].sum() * row["share_pct"] / 100 - 1e-9
        numbers = range(int(part.musts.sum()), int(part.may.sum()) + 1)
        able = [row["hubs_today"] + new for new in numbers if most(part, new, "demand") >= goal]
        if not able:
            assert row["status"] == "out of reach"
        else:
            assert row["at_least"] <= min(able) <= row["hubs"]
            assert row["status"] == ("proven" if row["at_least"] == row["hubs"] else "between")
            assert row["status"] == "proven" or not deeper


@settings(max_examples=15)
@given(seeds)
def test_steps_open_what_they_say_and_end_where_all_is_reached(seed):
    both = Reach.joined(nation(seed, most=4))
    for council in both.councils:
        part = both.within(council)
        found = steps(part, "weight")
        for step in found:
            assert step.reached == pytest.approx(reached(part, part.kept | step.opened, "weight"), abs=1e-9)
            assert (step.opened & ~part.may).sum() == 0
            assert (part.musts & ~step.opened).sum() == 0
            assert step.opened.sum() <= step.new
        assert found[-1].reached == pytest.approx(reached(part, part.kept | part.may, "weight"), abs=1e-9)
        forced = int(part.musts.sum())
        if forced:
            with pytest.raises(InfeasibleError, match="must open"):
                steps(part, "weight", most=forced - 1)


def by_program(reach: Reach, new: int) -> float:
    """The most need that new hubs reach, by another form in scipy: each family has a part of one site's cover."""
    table = reach.cover.toarray() * np.where(reach.kept | reach.may, 1.0, 0.0)
    row, site = np.nonzero(table)
    count, houses, points = len(row), len(reach.sites), len(reach.families)
    rules = lil_array((count + points + 1, houses + count))
    for e in range(count):
        rules[e, houses + e], rules[e, site[e]] = 1.0, -1.0
        rules[count + row[e], houses + e] = 1.0
    rules[count + points, np.flatnonzero(reach.may)] = 1.0
    answer = milp(
        np.concatenate([np.zeros(houses), -reach.amounts("weight")[row] * table[row, site]]),
        constraints=LinearConstraint(rules.tocsr(), ub=np.concatenate([np.zeros(count), np.ones(points), [new]])),
        integrality=np.concatenate([np.ones(houses), np.zeros(count)]),
        bounds=Bounds(
            np.concatenate([reach.kept | reach.musts, np.zeros(count)]),
            np.concatenate([reach.kept | reach.may, np.ones(count)]),
        ),
        options={"mip_rel_gap": 0.0},
    )
    return -answer.fun


@settings(max_examples=20)
@given(seeds, st.integers(0, 3))
def test_both_ways_are_what_brute_force_finds(seed, more):
    both = Reach.joined(nation(seed))
    new = int(both.musts.sum()) + more
    found = allocate(both, new, gap=0.0)
    way = found.totals.set_index("way")
    best = most(both, new, "weight")
    assert way.loc["national", "need"] == pytest.approx(best, rel=1e-8, abs=1e-9)
    assert found.bound >= best - 1e-9
    assert way.loc["own", "need"] <= found.bound
    assert way.loc["own", "need"] <= way.loc["national", "need"]
    given_to = shares(both, new)
    own = found.sites.set_index("site_id")["own"].reindex(both.sites["site_id"], fill_value=False).to_numpy(bool)
    for council, number in given_to.items():
        part = both.within(council)
        mine = dict(zip(both.sites["site_id"], own, strict=True))
        marks = [
            mine[s] if c == council else k
            for s, c, k in zip(part.sites["site_id"], part.sites["council"], part.kept, strict=True)
        ]
        assert reached(part, marks, "weight") == pytest.approx(most(part, number, "weight"), rel=1e-4, abs=1e-9)
    table = found.councils
    assert table["hubs_own"].sum() - both.kept.sum() <= new
    for name in ("families", "need", "children"):
        gained = way.loc["national", name] - way.loc["own", name]
        assert table[f"{name}_gain"].sum() == pytest.approx(gained, abs=1e-6)
    for kind in ("ruc21cd", "fifth_england"):
        groups = found.groups[found.groups["kind"] == kind]
        assert groups["need_gain"].sum() == pytest.approx(
            way.loc["national", "need"] - way.loc["own", "need"], abs=1e-6
        )
        assert groups["families"].sum() == pytest.approx(both.families["demand"].sum())


@settings(max_examples=6)
@given(seeds)
def test_without_new_hubs_it_is_today_and_more_hubs_reach_more(seed):
    both = Reach.joined(nation(seed, marks=False))
    before, bound = -1.0, -1.0
    for new in range(4):
        found = allocate(both, new)
        today, own, national = found.totals.to_dict("records")
        if not new:
            for name in ("hubs", "families", "need", "children"):
                assert today[name] == own[name] == national[name]
            assert (found.councils["need_gain"] == 0).all()
            assert not len(found.losers)
        assert national["need"] >= before - 1e-4 * both.families["weight"].sum()
        assert found.bound >= national["need"] >= own["need"]
        assert found.bound >= bound - 1e-9 * max(1.0, bound) - 1e-4 * both.families["weight"].sum()
        before, bound = national["need"], found.bound


@settings(max_examples=8)
@given(seeds, st.integers(1, 3))
def test_a_search_cut_short_is_no_worse_than_own_plans_and_its_bound_holds(seed, more):
    both = Reach.joined(nation(seed))
    new = int(both.musts.sum()) + more
    found = allocate(both, new, effort=0.0, gap=10.0)
    best = most(both, new, "weight")
    assert found.totals["need"][1] <= found.totals["need"][2] <= best + 1e-9
    assert found.bound >= best - 1e-9
    assert found.gap == pytest.approx(found.bound / max(1e-300, found.totals["need"][2]) - 1, abs=1e-9) or best == 0


@settings(max_examples=5)
@given(seeds, st.integers(1, 3))
def test_order_of_councils_rows_and_sites_changes_nothing(seed, new):
    parts = nation(seed, marks=False)
    rng = np.random.default_rng(seed)
    mixed = []
    for k in rng.permutation(len(parts)):
        part = parts[k]
        rows, columns = rng.permutation(len(part.families)), rng.permutation(len(part.sites))
        mixed.append(Reach(part.families.iloc[rows], part.sites.iloc[columns], csr_array(part.cover[rows][:, columns])))
    one, two = (allocate(Reach.joined(p), new) for p in (parts, mixed))
    pd.testing.assert_frame_equal(one.councils, two.councils)
    pd.testing.assert_frame_equal(one.sites, two.sites)
    assert one.sentences() == two.sentences()
    first, again = (first_areas(Reach.joined(p), 2, hubs=new) for p in (parts, mixed))
    pd.testing.assert_frame_equal(first.areas, again.areas)
    pd.testing.assert_frame_equal(hubs_needed(Reach.joined(parts)).table, hubs_needed(Reach.joined(mixed)).table)


def test_a_middling_nation_is_what_another_form_finds():
    rng = np.random.default_rng(5)
    count, houses = 120, 40
    where = rng.integers(0, 3, houses)
    at, stands = rng.random((count, 2)), rng.random((houses, 2))
    away = np.hypot(*(at[:, None] - stands[None]).transpose(2, 0, 1))
    home = np.digitize(at[:, 0], [0.3, 0.6])
    demand = rng.integers(1, 30, count)
    points = families([(f"p{k:03}", CODES[home[k]], demand[k], demand[k] * (1 + rng.random())) for k in range(count)])
    table = sites([(f"s{k:02}", CODES[where[k]], "hub" if k % 9 == 0 else "none") for k in range(houses)])
    both = Reach.joined([Reach(points, table, csr_array(np.clip(1.5 - 6 * away, 0, 1)))])
    for new in (3, 8):
        found = allocate(both, new, gap=0.0)
        assert found.status == "optimal"
        assert found.totals.loc[2, "need"] == pytest.approx(by_program(both, new), rel=1e-7)
        for council, number in shares(both, new).items():
            part = both.within(council)
            assert steps(part, "weight")[number].reached == pytest.approx(by_program(part, number), rel=2e-4)


def test_what_a_nation_gains_and_who_loses_by_hand():
    found = allocate(town(), 3)
    # By need 3 hubs go 0.6, 1.8, 0.6 of the way: 1 to A, 1 to B (it has one building), 1 to C; that is best as well.
    assert shares(town(), 3) == {A: 1, B: 1, C: 1}
    assert found.councils["hubs_national"].tolist() == [3, 2, 1]
    assert found.losers.empty
    # By zones A gets 3 of 4, B and C one between them; the nation would rather have B's 150 and C's 80.
    assert shares(town(), 4, "zones") == {A: 3, B: 0, C: 1}
    found = allocate(town(), 4, share="zones")
    assert found.councils["hubs_own"].tolist() == [5, 1, 1]
    assert found.councils["hubs_national"].tolist() == [4, 2, 1]
    assert found.councils["need_gain"].tolist() == pytest.approx([-10, 150, 0])
    assert found.councils["families_gain"].tolist() == pytest.approx([-10, 50, 0])
    assert found.totals["need"].tolist() == pytest.approx([20 + 20, 50 + 100, 40 + 150 + 100])
    assert found.losers["council"].tolist() == [A]
    said = found.sentences()
    assert "140 need-weighted families more" in said[1]
    assert said[2] == "No choice reaches more need than that"
    name = found.losers["name"][0]
    assert "1 council would have more need reached than by their own plans, 1 less" in said[3]
    assert f"{name} by 10 (4 hubs instead of 5)" in said[3]
    assert said[4] == (
        "Of the need that national choice newly reaches, 40 % lives in rural zones (100 % by councils' own plans) and "
        "60 % lives in the neediest fifth of England's zones (0 % by councils' own plans)"
    )
    why = found.councils.set_index("council")["reason"]
    assert (
        "one more here would reach 10 need-weighted families more, the least of those opened anywhere reaches 10"
        in why[A]
    )
    assert "the least of the new ones still reaches 150 need-weighted families" in why[B]
    assert "as many families reached" in why[C]
    rural = found.groups.set_index("group")
    assert rural.loc["RSN1", "need_gain"] == pytest.approx(-10)
    assert rural.loc["UN1", "national_share_pct"] == pytest.approx(100 * 150 / 250)
    assert rural.loc["UN1", "own_share_pct"] == pytest.approx(0.0)


def test_the_least_that_a_hub_adds_counts_the_hub_that_would_take_over():
    points = families([("p", A, 10, 10), ("q", A, 10, 10), ("r", B, 1, 1)])
    houses = sites([("a", A, "none"), ("b", A, "none"), ("c", B, "none")])
    cover = csr_array(np.array([[1.0, 0.5, 0], [0.0, 1.0, 0], [0, 0, 1.0]]))
    found = allocate(Reach.joined([Reach(points, houses, cover)]), 2, share="zones")
    # a and b open nationally; without a, b still covers half of p: a adds 5, b adds 10.
    assert found.councils["hubs_national"].tolist() == [2, 0]
    assert "the least of the new ones still reaches 5 need-weighted families" in found.councils["reason"][0]
    assert (
        "one more here would reach 1 need-weighted family more, the least of those opened anywhere reaches 5"
        in (found.councils["reason"][1])
    )


def test_what_cannot_be_allocated_is_told():
    both = town()
    with pytest.raises(InputError, match="there is no rule 'luck'"):
        allocate(both, -1, share="luck")
    with pytest.raises(InputError, match="children in need are not known"):
        allocate(both, 1, share="children")
    forced = Reach(both.families, both.sites.assign(forced=both.sites["site_id"].isin(["a5", "b1"])), both.cover)
    with pytest.raises(InfeasibleError, match="2 sites must become hubs and there are 1"):
        allocate(forced, 1)
    plain = Reach(both.families.drop(columns=["ruc21cd", "fifth_england"]), both.sites, both.cover)
    assert allocate(plain, 1).groups.empty
    assert len(allocate(plain, 1).sentences()) == 4
    found = allocate(forced, 3, share="zones").sites.set_index("site_id")
    assert found.loc[["a5", "b1"], ["own", "national"]].all(axis=None)
    assert all(len(rule.source) > 20 for rule in SHARES.values())


def test_an_interrupt_ends_all_of_it_and_not_one_council(monkeypatch):
    asked = []

    def interrupted(*args, **kwargs):
        asked.append(1)
        return replace(solve(*args, **kwargs), status="interrupted")

    monkeypatch.setattr("needs.nation.reach.solve", interrupted)
    for work in (lambda: hubs_needed(town()), lambda: allocate(town(), 2), lambda: first_areas(town(), 1, hubs=1)):
        with pytest.raises(KeyboardInterrupt):
            work()
    assert len(asked) == 3


def test_largest_remainder_by_hand():
    def share(amounts, number, caps=(99, 99, 99)):
        return largest_remainder(np.array(amounts, float), number, np.array(caps)).tolist()

    assert share([50, 30, 20], 10) == [5, 3, 2]
    assert share([47, 33, 20], 10) == [5, 3, 2]
    assert share([1, 1, 1], 2) == [1, 1, 0]  # of equal remainders the first
    assert share([90, 5, 5], 10, (4, 99, 99)) == [4, 3, 3]
    assert share([1, 0, 1], 4) == [2, 0, 2]
    assert share([1, 1, 1], 10, (1, 2, 3)) == [1, 2, 3]
    assert share([0, 0, 0], 5) == [0, 0, 0]
    assert share([0.1, 0.2, 0.7], 10) == [1, 2, 7]  # whole parts, whatever rounding does


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=8),
    st.integers(0, 60),
)
def test_largest_remainder_gives_all_that_can_be_given(rows, number):
    amounts, caps = (np.array(column) for column in zip(*rows, strict=True))
    given_to = largest_remainder(amounts.astype(float), number, caps)
    assert (given_to <= caps).all()
    assert (given_to >= 0).all()
    assert given_to.sum() == min(number, caps[amounts > 0].sum())
    below = given_to < caps  # of those who could have more, whoever counts more has no less
    for i, j in itertools.permutations(np.flatnonzero(below & (amounts > 0)), 2):
        assert amounts[i] <= amounts[j] or given_to[i] >= given_to[j]


def choices(gains, areas, hubs, rural, least):
    """Every choice of areas and numbers, with what it gains."""
    codes = sorted(gains)
    for size in range(areas + 1):
        for chosen in itertools.combinations(codes, size):
            if sum(rural[c] for c in chosen) < least:
                continue
            for numbers in itertools.product(*(list(gains[c]) for c in chosen)):
                if sum(numbers) <= hubs:
                    picked = dict(zip(chosen, numbers, strict=True))
                    yield picked, sum(gains[c][n] for c, n in picked.items())


@settings(max_examples=15)
@given(seeds, st.integers(1, 3), st.integers(1, 5), st.integers(0, 1))
def test_areas_first_are_what_brute_force_finds(seed, areas, hubs, least):
    both = Reach.joined(nation(seed, councils=4, marks=False))
    gains, rural = {}, {}
    for code in both.councils:
        part = both.within(code)
        today = reached(part, part.kept, "weight")
        every = {n: most(part, n, "weight") - today for n in range(1, int(part.may.sum()) + 1)}
        gains[code] = {n: g for n, g in every.items() if g > 1e-9 and g > every.get(n - 1, 0.0) + 1e-9}
        demand, inside = part.families["demand"], part.families["ruc21cd"].str.startswith("R")
        rural[code] = bool(gains[code]) and demand.sum() > 0 and demand[inside].sum() >= 0.5 * demand.sum()
    if sum(rural.values()) < least:
        with pytest.raises(InfeasibleError, match="mainly rural"):
            first_areas(both, areas, hubs=hubs, rural_areas=least)
        return
    found = first_areas(both, areas, hubs=hubs, rural_areas=least)
    every = list(choices(gains, areas, hubs, rural, least))
    best = max(gain for _, gain in every)
    near = 2e-4 * both.families["weight"].sum() * areas + 1e-6
    assert best - near <= found.gain <= best + 1e-6
    assert found.bound >= best - 1e-6
    assert len(found.areas) <= areas
    assert found.areas["new"].sum() <= hubs
    assert found.areas["gain"].is_monotonic_decreasing
    assert found.areas["gain"].sum() == pytest.approx(found.gain)
    assert sum(rural[c] for c in found.areas["council"]) >= least
    others = [g for picked, g in every if set(picked) - set(found.areas["council"])]
    if others:
        assert found.missed_by == pytest.approx(found.gain - max(others), abs=near)
        assert (found.runner_up["chosen"] == 0).any()
    else:
        assert math.isnan(found.missed_by)
    free = max(gain for _, gain in choices(gains, areas, hubs, rural, 0))
    assert found.floor_cost == pytest.approx(free - best if least else 0.0, abs=near)


def test_areas_first_by_hand():
    # New hubs gain A 10 each (of 8), B 150 (one), C 80 (one).
    found = first_areas(town(), 2, hubs=4)
    assert found.areas[["council", "new", "gain"]].values.tolist() == [[B, 1, 150.0], [C, 1, 80.0]]
    assert found.areas["total_gain"].tolist() == [150.0, 230.0]
    assert (found.gain, found.gap) == (230.0, 0.0)
    # With A in place of C: 150 + 3 x 10.
    assert found.runner_up[["council", "new", "chosen"]].values.tolist() == [[A, 3, 0], [C, 0, 1]]
    assert found.missed_by == pytest.approx(50.0)
    said = found.sentences()
    b, c = found.areas["name"]
    assert said[0] == f"First come, with 2 new hubs in all, {b} (1) and {c} (1)"
    assert "230 need-weighted families more than today; no other areas or numbers reach more" in said[1]
    assert f"in place of {c}, and reaches 50 need-weighted families fewer" in said[2]
    assert (
        "300 need-weighted families are beyond reach today; 1 new hub would reach 150 of them"
        in (found.areas["reason"][0])
    )


def test_a_floor_for_rural_areas_has_its_price_and_each_area_can_have_as_many():
    free = first_areas(town(), 1, hubs=3)
    asked = first_areas(town(), 1, hubs=3, rural_areas=1)
    assert free.areas["council"].tolist() == [B]
    assert asked.areas["council"].tolist() == [C]  # 80 of its 100 families live in rural zones
    assert asked.floor_cost == pytest.approx(150.0 - 80.0)
    assert "most families live in rural zones" in asked.areas["reason"][0]
    assert asked.sentences()[-1] == "Asking for mainly rural areas costs 70 need-weighted families"
    both = first_areas(town(), 2, hubs=5, rural_areas=2)
    assert both.areas[["council", "new", "next_gain"]].values.tolist()[1][:2] == [A, 4]
    assert both.areas["next_gain"].tolist()[1] == pytest.approx(10.0)
    each = first_areas(town(), 2, each=2)
    assert each.areas[["council", "new"]].values.tolist() == [[B, 1], [C, 1]]
    three = first_areas(town(), 3, each=2)
    assert three.areas[["council", "new", "gain"]].values.tolist()[2] == [A, 2, 20.0]
    assert three.runner_up.empty


def test_what_cannot_come_first_is_told():
    with pytest.raises(InputError) as caught:
        first_areas(town(), 0, hubs=0, each=0, rural_areas=2)
    assert len(caught.value.faults) == 5
    with pytest.raises(InputError, match="neither is"):
        first_areas(town(), 1)
    with pytest.raises(InfeasibleError, match="3 areas must be mainly rural, and 2 that are"):
        first_areas(town(), 3, hubs=9, rural_areas=3)
    plain = Reach(town().families.drop(columns="ruc21cd"), town().sites, town().cover)
    with pytest.raises(InputError, match="rural-urban classes are not known"):
        first_areas(plain, 1, hubs=1, rural_areas=1)
    done = Reach.joined([Reach(families([("p", A, 1, 1)]), sites([("a", A, "hub")]), csr_array([[1.0]]))])
    none = first_areas(done, 3, hubs=3)
    assert none.areas.empty
    assert none.sentences()[0] == "No area would gain by a new hub"
    assert (none.gain, none.bound) == (0.0, 0.0)
