"""Councils' parts joined: nothing is lost or counted twice, borders are crossed, and every fault is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from needs.errors import InputError
from needs.nation.reach import Reach, names
from tests.nations import CODES, families, nation, reached, seeds, sites

A, B = CODES[:2]


def two():
    """Families p, q of A and r of B; house b of B is a hub today and covers q and r; a and c may become hubs."""
    houses = sites([("a", A, "none"), ("b", B, "hub"), ("c", B, "outreach")])
    of_a = families([("q", A, 10, 10), ("p", A, 20, 30)])
    cover = pd.DataFrame([[0.5, 0.75], [1.0, 0.0]], index=["q", "p"], columns=["a", "b"])
    left = Reach.of(of_a, houses[:2], cover)
    right = Reach.of(
        families([("r", B, 40, 80)]), houses[1:], pd.DataFrame([[0.25, 1.0]], index=["r"], columns=["b", "c"])
    )
    return left, right


def test_two_councils_by_hand():
    both = Reach.joined(two())
    assert list(both.families["point_id"]) == ["p", "q", "r"]
    assert list(both.sites["site_id"]) == ["a", "b", "c"]
    assert both.cover.toarray().tolist() == [[1.0, 0.0, 0.0], [0.5, 0.75, 0.0], [0.0, 0.25, 1.0]]
    assert both.councils == (A, B)
    assert both.today.tolist() == both.kept.tolist() == [False, True, False]
    assert both.may.tolist() == [True, False, True]
    assert both.best(both.kept).tolist() == [0.0, 0.75, 0.25]
    assert both.reached(both.kept, "demand") == 0.75 * 10 + 0.25 * 40
    assert both.reached(both.kept | both.may, "weight") == 30 + 7.5 + 80
    assert both.best(np.zeros(3, bool)).tolist() == [0.0, 0.0, 0.0]


def test_within_a_council_neighbours_hubs_count_and_neighbours_buildings_do_not():
    both = Reach.joined(two())
    a, b = both.within(A), both.within(B)
    assert list(a.sites["site_id"]) == ["a", "b"]
    assert a.may.tolist() == [True, False]
    assert a.cover.toarray().tolist() == [[1.0, 0.0], [0.5, 0.75]]
    assert list(b.sites["site_id"]) == ["b", "c"]
    assert b.may.tolist() == [False, True]
    with pytest.raises(InputError, match="E10000009"):
        both.within("E10000009")


def test_a_hub_that_must_close_counts_today_and_is_not_kept():
    part = Reach.of(
        families([("p", A, 1, 1)]),
        sites([("a", A, "hub", "c"), ("b", A, "none", "f"), ("c", A, "none", "x")]),
        pd.DataFrame([[1.0, 0.5, 0.25]], index=["p"], columns=["a", "b", "c"]),
    )
    assert (part.today.tolist(), part.kept.tolist()) == ([True, False, False], [False, False, False])
    assert part.may.tolist() == part.musts.tolist() == [False, True, False]
    assert part.cover.toarray().tolist() == [[1.0, 0.5, 0.0]]  # what can be no hub covers nobody


def test_sites_of_councils_without_families_count_as_they_are_and_open_nowhere():
    left, _ = two()
    wales = sites([("w", "W06000023", "hub"), ("v", "W06000023", "none")])
    part = Reach(left.families, pd.concat([left.sites, wales], ignore_index=True), csr_array(np.full((2, 4), 0.5)))
    joined = Reach.joined([part])
    assert dict(zip(joined.sites["site_id"], joined.kept.tolist(), strict=True))["w"]
    assert dict(zip(joined.sites["site_id"], joined.may.tolist(), strict=True)) == {
        "a": True, "b": False, "v": False, "w": False,
    }  # fmt: skip


@settings(max_examples=25)
@given(seeds, st.data())
def test_joining_keeps_every_family_and_every_cover_whatever_the_order(seed, data):
    parts = nation(seed)
    both = Reach.joined(parts)
    for by in ("demand", "weight", "children"):
        assert both.families[by].sum() == pytest.approx(sum(p.families[by].sum() for p in parts), rel=1e-12)
    assert both.cover.sum() == pytest.approx(sum(p.cover.sum() for p in parts), rel=1e-12)
    assert set(both.sites["site_id"]) == {s for p in parts for s in p.sites["site_id"]}
    rng = np.random.default_rng(seed)
    mixed = []
    for part in data.draw(st.permutations(parts)):
        rows, columns = rng.permutation(len(part.families)), rng.permutation(len(part.sites))
        mixed.append(Reach(part.families.iloc[rows], part.sites.iloc[columns], csr_array(part.cover[rows][:, columns])))
    again = Reach.joined(mixed)
    pd.testing.assert_frame_equal(again.families, both.families)
    pd.testing.assert_frame_equal(again.sites, both.sites)
    assert (again.cover != both.cover).nnz == 0


@settings(max_examples=25)
@given(seeds)
def test_councils_apart_hold_what_they_hold_together(seed):
    both = Reach.joined(nation(seed))
    apart = [both.within(code) for code in both.councils]
    assert sum(len(p.families) for p in apart) == len(both.families)
    assert sum(int(p.may.sum()) for p in apart) == int(both.may.sum())
    for by in ("demand", "weight"):
        today = sum(p.reached(p.kept, by) for p in apart)
        assert today == pytest.approx(both.reached(both.kept, by), rel=1e-12)


@settings(max_examples=25)
@given(seeds)
def test_costs_say_what_any_set_of_new_hubs_reaches(seed):
    both = Reach.joined(nation(seed))
    rng = np.random.default_rng(seed)
    for by in ("demand", "weight"):
        costs, every = both.costs(by)
        new = both.may & (rng.random(len(both.may)) < 0.5)
        lacked = costs.paid(new).sum()
        assert every - lacked == pytest.approx(reached(both, both.kept | new, by), abs=1e-9)
        assert every == pytest.approx(reached(both, both.kept | both.may, by), abs=1e-9)
        assert not set(costs.choice.tolist()) - set(np.flatnonzero(both.may).tolist())


def test_inputs_are_not_changed():
    parts = two()
    before = [(p.families.copy(), p.sites.copy(), p.cover.copy()) for p in parts]
    Reach.joined(parts).within(A)
    for part, (f, s, c) in zip(parts, before, strict=True):
        pd.testing.assert_frame_equal(part.families, f)
        pd.testing.assert_frame_equal(part.sites, s)
        assert (part.cover != c).nnz == 0


def test_every_fault_of_the_parts_is_told_at_once():
    left, right = two()
    odd = Reach(
        families([("p", A, -1, 1), ("x", "E07000001", 1, np.nan)]),
        left.sites.assign(today="shop", council="E99"),
        csr_array(np.array([[1.5, 0.0], [0.0, 1.0]])),
    )
    wide = Reach(right.families, right.sites, csr_array(np.ones((1, 3))))
    with pytest.raises(InputError) as caught:
        Reach.joined([left, odd, wide])
    text = str(caught.value)
    for told in ("part 2, p: demand is", "weight is", "E07000001", "E99", "offer today", "part 3: its shape is (1, 3)"):
        assert told in text, told
    assert len(caught.value.faults) == 6


def test_a_family_twice_and_other_facts_of_a_site_are_faults():
    left, right = two()
    other = Reach(right.families, right.sites.assign(today=["none", "hub"]), right.cover)
    with pytest.raises(InputError) as caught:
        Reach.joined([left, left, other])
    text = str(caught.value)
    assert "stand in more than one part (2): p, q" in text
    assert "site b: has other facts in another part: today is 'hub' and 'none'" in text
    more = Reach(right.families.assign(children=1.0), right.sites, right.cover)
    with pytest.raises(InputError, match=r"only some parts have \(1\): children"):
        Reach.joined([left, more])


@pytest.mark.parametrize("value", [-0.25, 1.01, np.nan, np.inf])
def test_a_cover_outside_its_range_is_named(value):
    left, right = two()
    part = Reach(left.families, left.sites, csr_array(np.array([[value, 0.0], [1.0, 0.0]])))
    with pytest.raises(InputError, match="family p and site a: is"):
        Reach.joined([part, right])
    table = pd.DataFrame([[value, 0.0], [1.0, 0.0]], index=["p", "q"], columns=["a", "b"])
    with pytest.raises(InputError, match="point p and site a"):
        Reach.of(left.families, left.sites, table)


def test_faults_of_the_sites_marks():
    left, _ = two()
    table = left.sites.assign(forced=True, closed=[True, False], can_be_hub=False)
    with pytest.raises(InputError) as caught:
        Reach.joined([Reach(left.families, table, left.cover)])
    assert "both forced and closed (1): a" in str(caught.value)
    assert "forced that can be no hub (1): a" in str(caught.value)
    with pytest.raises(InputError, match="not flags"):
        Reach.joined([Reach(left.families, left.sites.assign(closed="no"), left.cover)])
    with pytest.raises(InputError, match=r"missing \(2\): can_be_hub, name"):
        Reach.joined([Reach(left.families, left.sites.drop(columns=["name", "can_be_hub"]), left.cover)])
    with pytest.raises(InputError, match="stand twice"):
        Reach.joined([Reach(left.families.assign(point_id="p"), left.sites, left.cover)])
    with pytest.raises(InputError, match="has no point q"):
        Reach.of(left.families, left.sites, pd.DataFrame([[1.0, 1.0]], index=["p"], columns=["a", "b"]))
    with pytest.raises(InputError, match="no council"):
        Reach.joined([])


def test_names_come_from_the_register():
    assert names(["E06000017", "E06999999"]) == {"E06000017": "Rutland", "E06999999": "E06999999"}
