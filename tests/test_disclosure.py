"""Disclosure control: hand-computed tables, and attacks that must fail (twin tables, enumeration, programmes)."""

from __future__ import annotations

import time
from dataclasses import fields
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from needs.disclosure import Protected, Rule, feasible, protect, shown
from needs.errors import InputError, SettingsError
from needs.toml import checked

FRAMES = ("values", "hidden", "reason", "low", "high")
RULES = [Rule(below=b, round_to=r, zeros=z) for b, r, z in product((3, 5, 10), (1, 2, 5), ("show", "hide"))]


def table(**columns: list[float]) -> pd.DataFrame:
    """Zones A, B, C ... in code order."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.Index(list("ABCDEFGHIJKLMNOP"[:n]), name="lsoa21cd"), dtype=float)


def one_stratum(counts: pd.DataFrame) -> pd.Series:
    return pd.Series("x", index=counts.index, name="class")


def column(protected: Protected, name: str = "births") -> tuple[list[float], str]:
    """Values, and reasons by their first letter ("." if shown)."""
    return protected.values[name].tolist(), "".join(r[:2][:1] if r else "." for r in protected.reason[name])


def reasons(protected: Protected, name: str = "births") -> list[str]:
    return protected.reason[name].tolist()


@st.composite
def councils(draw, most: int = 60, columns: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts by zone and nested strata, from a handful of people to hundreds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, most)), draw(st.integers(1, columns))
    top, share = draw(st.sampled_from([6, 12, 40, 300])), draw(st.sampled_from([0.0, 0.03, 0.15]))
    x = np.where(rng.random((n, m)) < share, rng.integers(0, 5, (n, m)), rng.integers(0, top, (n, m)))
    index = pd.Index([f"E{k:03d}" for k in range(n)], name="lsoa21cd")
    fine = rng.integers(0, draw(st.integers(1, 6)), n)
    strata = pd.DataFrame({"class": [f"c{k}" for k in fine], "council": [f"l{k // 2}" for k in fine]}, index=index)
    return pd.DataFrame(x, index=index, columns=["births", "early", "late", "need"][:m], dtype=float), strata


def protect_or_skip(counts: pd.DataFrame, strata: pd.DataFrame | pd.Series, rule: Rule) -> Protected:
    """Protect, or pass over a table that is rightly refused."""
    try:
        return protect(counts, strata, rule)
    except InputError as error:
        assume("to hide it among" not in str(error))
        assume("is the sum of" not in str(error))
        raise


def assert_same(a: Protected, b: Protected) -> None:
    """The same result to the last byte."""
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), check_exact=True)
    assert a.values.to_numpy().tobytes() == b.values.to_numpy().tobytes()
    assert a.strata.to_dict() == b.strata.to_dict()
    assert a.notes == b.notes


# Hand-computed tables


def test_two_small_counts_hide_each_other_and_keep_their_sum():
    counts = table(births=[3, 8, 20, 2])
    result = protect(counts, one_stratum(counts), Rule())
    assert column(result) == ([2.5, 8, 20, 2.5], "s..s")
    assert result.hidden["births"].tolist() == [True, False, False, True]
    assert result.low["births"].tolist() == [1, 8, 20, 1]
    assert result.high["births"].tolist() == [4, 8, 20, 4]


@pytest.mark.parametrize(
    ("births", "total"),
    [((1, 1, 1), 6), ((1, 1, 4), 6), ((1, 2, 4), 7), ((4, 4, 1), 9), ((4, 4, 4), 9), ((4, 3, 4), 9)],
)
def test_a_sum_that_would_tell_gives_way_to_the_nearest_that_does_not(births, total):
    # Three counts of 1 to 4: from a sum of 6 on, one may be 4 (1 + 1 + 4); up to 9, one may be 1 (4 + 4 + 1).
    counts = table(births=[*births, 50])
    values = protect(counts, one_stratum(counts), Rule()).values["births"]
    assert values.sum() == pytest.approx(total + 50)
    assert values["A"] == values["B"] == values["C"]


def test_a_lone_small_count_hides_behind_the_smallest_other():
    # 9 and 7 are both of the class 5 to 9: the first by code. 3 + 9 = 12 gives way to 4 + 9 - 3 = 10.
    counts = table(births=[3, 30, 9, 7, 12])
    result = protect(counts, one_stratum(counts), Rule())
    assert reasons(result) == ["small", "", "secondary", "", ""]
    assert result.values["births"].tolist() == [5, 30, 5, 7, 12]
    assert (result.low.at["C", "births"], result.high.at["C", "births"]) == (5, 10 + 3 - 1)


@pytest.mark.parametrize(("births", "hidden"), [([3, 19, 10, 40], "B"), ([3, 20, 19, 21], "C"), ([3, 0, 40, 79], "C")])
def test_sizes_are_compared_in_classes_that_double(births, hidden):
    # 10 to 19 is one class, 20 to 39 the next; a shown 0 hides nothing.
    counts = table(births=births)
    reason = protect(counts, one_stratum(counts), Rule()).reason["births"]
    assert reason[reason == "secondary"].index.tolist() == [hidden]


def test_one_zone_serves_several_columns_before_two_do():
    counts = table(births=[3, 5, 60, 60], early=[2, 0, 60, 60])
    result = protect(counts, one_stratum(counts), Rule())
    assert reasons(result) == ["small", "", "secondary", ""]
    assert reasons(result, "early") == ["small", "", "secondary", ""]


def test_a_zone_hidden_in_one_column_is_hidden_in_all():
    counts = table(births=[3, 2, 20, 30], early=[40, 0, 90, 80])
    result = protect(counts, one_stratum(counts), Rule())
    assert reasons(result, "early") == ["row", "row", "", ""]
    assert result.values["early"].tolist() == [20, 20, 90, 80]
    assert result.low["early"].tolist() == [0, 0, 90, 80]  # none is 1 to 4, but one might be 0


def test_a_row_of_zeros_does_not_count_as_company():
    # B is hidden for its births and has no early: so C, not B, must hide A's 3.
    counts = table(births=[60, 3, 70, 2], early=[3, 0, 12, 0])
    result = protect(counts, one_stratum(counts), Rule())
    assert reasons(result, "early") == ["small", "row", "secondary", "row"]


def test_a_stratum_with_nothing_to_hide_is_merged_and_the_others_are_not():
    counts = table(births=[3, 2, 30, 20, 2, 3])
    strata = pd.DataFrame({"class": list("abbbcc"), "council": list("XXXXYY")}, index=counts.index)
    result = protect(counts, strata, Rule())
    assert result.strata.tolist() == ["council X"] * 4 + ["class c"] * 2
    assert reasons(result) == ["small", "small", "", "", "small", "small"]
    assert result.values["births"].tolist() == [2.5, 2.5, 30, 20, 2.5, 2.5]
    assert any("merged into 1 " in note for note in result.notes)


def test_beyond_the_last_column_all_zones_are_one_stratum():
    counts = table(births=[3, 2])
    result = protect(counts, pd.Series(["a", "b"], index=counts.index, name="class"), Rule())
    assert result.strata.tolist() == ["all zones"] * 2


def test_what_cannot_be_protected_is_refused_with_a_remedy_for_each_column():
    counts = table(births=[3, 0, 0], early=[2, 0, 0], late=[9, 8, 7])
    with pytest.raises(InputError) as error:
        protect(counts, one_stratum(counts), Rule())
    assert [f.where for f in error.value.faults] == ["disclosure control, 'births'", "disclosure control, 'early'"]
    assert "merge zones, use a higher geography" in str(error.value)
    one = table(births=[3])
    with pytest.raises(InputError, match="no other of 5 or more"):
        protect(one, one_stratum(one), Rule())


def test_shown_counts_are_rounded_a_half_upwards_and_bounds_say_what_rounds_so():
    counts = table(births=[10, 12, 13, 7, 8, 0])
    result = protect(counts, one_stratum(counts), Rule(round_to=5))
    assert result.values["births"].tolist() == [10, 10, 15, 5, 10, 0]
    assert result.low["births"].tolist() == [8, 8, 13, 5, 8, 0]  # 3 and 4 round to 5 as well, but would be hidden
    assert result.high["births"].tolist() == [12, 12, 17, 7, 12, 0]
    even = table(births=[5, 6, 7, 8, 9])
    result = protect(even, one_stratum(even), Rule(round_to=2))
    assert result.values["births"].tolist() == [6, 6, 8, 8, 10]
    assert result.low["births"].tolist() == [5, 5, 7, 7, 9]
    assert result.high["births"].tolist() == [6, 6, 8, 8, 10]


def test_hidden_sums_are_rounded_too():
    counts = table(births=[1, 2, 3, 4, 3, 90])  # 13, from 8 to 17: 15
    values = protect(counts, one_stratum(counts), Rule(round_to=5)).values["births"]
    assert values.tolist() == [3, 3, 3, 3, 3, 90]
    two = table(births=[1, 1, 90])  # only 4 tells nothing, and is no multiple of 5
    assert protect(two, one_stratum(two), Rule(below=4, round_to=5)).values["births"].tolist() == [2, 2, 90]


def test_zeros_are_hidden_where_the_rule_says():
    counts = table(births=[0, 0, 7], early=[9, 8, 7])
    result = protect(counts, one_stratum(counts), Rule(zeros="hide"))
    assert reasons(result) == ["small", "small", ""]
    assert result.values["births"].tolist() == [2, 2, 7]
    assert result.low.loc["A"].tolist() == [0, 5]  # a hidden count of a row is not small, so not 0


def test_counts_that_are_not_whole_are_rounded_to_people_first():
    counts = table(births=[4.6, 0.4, 3.2, 2.9, 10.5])
    assert protect(counts, one_stratum(counts), Rule()).values["births"].tolist() == [5, 0, 2.5, 2.5, 11]


def test_a_blank_stays_hidden_and_the_middle_of_its_bounds_stands_in():
    counts = table(births=[np.nan, 20, 30, np.nan], early=[50, 60, 70, 90])
    low, high = table(births=[1, 0, 0, np.nan]), table(births=[7, 0, 0, np.nan])
    result = protect(counts, one_stratum(counts), Rule(), bounds=(low, high))
    assert reasons(result) == ["publisher", "", "", "publisher"]
    assert reasons(result, "early") == ["row", "", "", "row"]
    assert result.values["births"].tolist() == [3.25, 20, 30, 3.25]  # 4, and without bounds of its own 2.5
    assert (result.low.at["A", "births"], result.high.at["A", "births"]) == (1, 7)
    assert result.values["early"].tolist() == [70, 60, 70, 70]
    assert shown(result, "births").tolist()[0] == "hidden by its publisher"


def test_a_blank_is_no_company_for_a_small_count():
    counts = table(births=[3, np.nan, 40, 50])
    assert reasons(protect(counts, one_stratum(counts), Rule())) == ["small", "publisher", "secondary", ""]


def test_bounds_of_blanks_must_be_in_order():
    counts = table(births=[np.nan, 20, 30])
    for low, high in ((7, 1), (-1, 4), (1, np.inf)):
        with pytest.raises(InputError, match=r"bounds are not in order \(1\): A"):
            protect(counts, one_stratum(counts), Rule(), bounds=(table(births=[low, 0, 0]), table(births=[high, 0, 0])))


def test_cells_are_written_for_people():
    counts = table(births=[3, 1045, 9, 20], early=[60, 70, 80, 90])
    result = protect(counts, one_stratum(counts), Rule())
    others = "hidden to protect others"
    assert shown(result, "births").tolist() == ["fewer than 5", "1,045", others, "20"]
    assert shown(result, "early").tolist() == [others, "70", others, "90"]


def test_the_notes_say_what_was_done():
    counts = table(births=[3, 1045, 9, 20], early=[60, 70, 80, 90])
    assert protect(counts, one_stratum(counts), Rule(round_to=5)).notes == [
        "4 of 8 counts are hidden, in 2 of 4 zones.",
        "1 of them because they are 1 to 4.",
        "1 of them so that a count that is small cannot be worked out from a sum.",
        "2 of them because another count of the same zone is hidden.",
        "Their mean in a group of zones stands in for hidden counts; its sum is kept within 7.",
        "Shown counts are rounded to 5s; totals are sums of rounded counts.",
    ]
    safe = table(births=[30, 40])
    assert protect(safe, one_stratum(safe), Rule()).notes == ["0 of 2 counts are hidden, in 0 of 2 zones."]


# What is refused


def test_every_fault_of_the_counts_and_strata_is_told_at_once():
    counts = table(births=[3, 4, 5, 6]).astype(object)
    counts["births"] = ["3", "4*", -1, np.inf]
    strata = pd.DataFrame({"class": ["a", "a", "b", None], "council": list("XYXX")}, index=counts.index)
    with pytest.raises(InputError) as error:
        protect(counts, strata, Rule())
    told = str(error.value)
    assert "'births' is no count (3): B, C, D" in told
    assert "zones have no stratum (1): D" in told
    assert "a 'class' lies in more than one 'council' (1): a" in told


def test_zones_and_columns_stand_once():
    counts = table(births=[9, 8])
    twice = pd.concat([counts, counts])
    with pytest.raises(InputError, match=r"the counts have a row or column twice \(2\): A, B"):
        protect(twice, one_stratum(counts), Rule())
    with pytest.raises(InputError, match=r"the strata have a row or column twice \(2\): A, B"):
        protect(counts, one_stratum(twice), Rule())
    with pytest.raises(InputError, match=r"the counts have no column"):
        protect(counts[[]], one_stratum(counts), Rule())


def test_a_column_that_is_the_sum_of_others_is_refused():
    # The sums of "all" and "late" would tell that of the births to the person.
    births, late = [1, 1, 9, 8, 30, 7], [30, 40, 50, 60, 70, 80]
    counts = table(births=births, late=late, all=[a + b for a, b in zip(births, late, strict=True)])
    with pytest.raises(InputError, match="'all': it is the sum of births and late"):
        protect(counts, one_stratum(counts), Rule())
    assert protect(counts[["births", "late"]], one_stratum(counts), Rule()).values.notna().all(axis=None)
    counts.at["A", "all"] += 1
    assert protect(counts, one_stratum(counts), Rule()).values.notna().all(axis=None)


@pytest.mark.parametrize(
    ("fields_", "told"),
    [
        ({"below": 2}, "below = 2 hides the count 1 alone"),
        ({"below": 1}, "greater than or equal to 2"),
        ({"below": 5, "round_to": 4}, "round_to = 4 would show 5 as less than below"),
        ({"below": 5, "round_to": 20}, "round_to = 20 would show 5 as less than below"),
        ({"round_to": 0}, "greater than or equal to 1"),
        ({"zeros": "maybe"}, "'show' or 'hide'"),
        ({"under": 5}, "Extra inputs"),
    ],
)
def test_rules_that_would_tell_are_refused(fields_, told):
    with pytest.raises(ValidationError, match=told):
        Rule.model_validate(fields_)
    with pytest.raises(SettingsError):
        checked(Rule, fields_, file="council.toml")


def test_no_zones_give_no_zones():
    empty = table(births=[1.0]).iloc[:0]
    result = protect(empty, one_stratum(empty), Rule())
    assert result.values.shape == (0, 1)
    assert feasible(result).empty


# Properties of the result


@settings(deadline=None, max_examples=100)
@given(councils(), st.sampled_from(RULES))
def test_bounds_hold_the_truth_and_sums_are_kept(council, rule):
    counts, strata = council
    result = protect_or_skip(counts, strata, rule)
    assert (result.low <= counts).all(axis=None)
    assert (counts <= result.high).all(axis=None)
    assert result.values.ge(0).all(axis=None)
    assert (result.hidden.any(axis=1) == result.hidden.all(axis=1)).all()
    small = (counts < rule.below) & ((counts > 0) | (rule.zeros == "hide"))
    assert ((result.reason == "small") == small).all(axis=None)
    clear = result.values.where(~result.hidden)
    assert ((clear - counts).abs().max(axis=None) <= rule.round_to / 2) or clear.isna().all(axis=None)
    assert not ((clear > 0) & (clear < rule.below)).any(axis=None)
    sums, truth = (x.where(result.hidden).groupby(result.strata).sum() for x in (result.values, counts))
    apart = (sums - truth).abs()
    widest = rule.below - 1 - (rule.zeros == "show") + rule.round_to - 1
    assert apart.max(axis=None) <= widest + 1e-9
    without_small = ~(result.reason == "small").groupby(result.strata).any()
    assert apart.where(without_small).max(axis=None) <= rule.round_to - 1 + 1e-9 or not without_small.any(axis=None)


@settings(deadline=None, max_examples=40)
@given(councils(most=25), st.sampled_from(RULES), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(council, rule, random):
    counts, strata = council
    result = protect_or_skip(counts, strata, rule)
    rows, columns = list(counts.index), list(counts.columns)
    random.shuffle(rows)
    random.shuffle(columns)
    again = protect(counts.loc[rows, columns], strata.sample(frac=1, random_state=1), rule)
    assert list(again.values.index) == rows
    assert list(again.values.columns) == columns
    assert list(again.strata.index) == rows
    back = {name: getattr(again, name).loc[counts.index, counts.columns] for name in FRAMES}
    rest = {f.name: getattr(again, f.name) for f in fields(Protected) if f.name not in FRAMES}
    assert_same(result, Protected(**back, **rest))


@settings(deadline=None, max_examples=100)
@given(councils(most=30, columns=3), st.sampled_from([Rule(), Rule(below=3), Rule(zeros="hide"), Rule(round_to=5)]))
def test_a_part_stays_a_part(council, rule):
    """What is never over another column stays so, shown or hidden: no share passes 100 %."""
    counts, strata = council
    counts["all"] = counts.sum(axis=1) + (np.arange(len(counts)) % 2)
    result = protect_or_skip(counts, strata, rule).values
    assert all((result[name] <= result["all"] + 1e-9).all() for name in counts)


@settings(deadline=None, max_examples=40)
@given(councils(), st.sampled_from(RULES))
def test_shown_zones_protected_again_come_back_unchanged(council, rule):
    counts, strata = council
    result = protect_or_skip(counts, strata, rule)
    zones = ~result.hidden.any(axis=1)
    again = protect_or_skip(result.values[zones], strata[zones], rule)
    assert not again.hidden.any(axis=None)
    pd.testing.assert_frame_equal(again.values, result.values[zones], check_exact=True)


# Attacks


def size_class(truth: float, below: int) -> int:
    """Least count of the size class: below to 2 below - 1, to 4 below - 1, and so on."""
    return next(below * 2**k for k in range(20) if below * 2 ** (k + 1) > truth)


def twin(counts: pd.DataFrame, result: Protected, zone: str, name: str, value: float) -> pd.DataFrame:
    """Another truth with `value` in one small cell, made up for by the other hidden cells of its stratum and column.

    The others keep what the choice of what to hide may look at: small, 0, or the size class.
    """
    below, reason = result.rule.below, result.reason[name]
    mine = counts.index[(result.strata == result.strata[zone]) & result.hidden[name]]
    low, high = {}, {}
    for z in mine:
        truth = counts.at[z, name]
        low[z] = high[z] = truth
        if reason[z] == "small":
            low[z], high[z] = 1 if result.rule.zeros == "show" else 0, below - 1
        elif truth > 0:
            low[z] = size_class(truth, below)
            high[z] = 2 * low[z] - 1
    new = low | {zone: value}
    left = round(result.values.loc[mine, name].sum()) - sum(new.values())
    assert left >= 0
    for z in mine.drop(zone):
        add = min(left, high[z] - new[z])
        new[z] += add
        left -= add
    assert left == 0
    other = counts.copy()
    other.loc[mine, name] = pd.Series(new)
    return other


@settings(deadline=None, max_examples=120)
@given(councils(), st.sampled_from(RULES), st.randoms(use_true_random=False))
def test_whatever_a_small_count_is_the_result_could_be_the_very_same(council, rule, random):
    counts, strata = council
    result = protect_or_skip(counts, strata, rule)
    cells = list((result.reason == "small").stack().loc[lambda s: s].index)
    assume(cells)
    least = 1 if rule.zeros == "show" else 0
    for zone, name in random.sample(cells, min(2, len(cells))):
        other = twin(counts, result, zone, name, random.choice([least, rule.below - 1]))
        again = protect_or_skip(other, strata, rule)
        assert_same(result, again)
        group = [z for z in counts.index if random.random() < 0.5]  # so any total, by fifth or otherwise, is the same
        pd.testing.assert_series_equal(result.values.loc[group].sum(), again.values.loc[group].sum(), check_exact=True)


@pytest.mark.parametrize("rule", [Rule(below=3), Rule(below=3, zeros="hide")], ids=str)
def test_of_all_small_tables_no_result_tells_a_small_count(rule):
    """Who knows the method, and tries every table, is left with every value that a small count may have."""
    strata = pd.Series(["a", "a", "b"], index=list("ABC"), name="class")
    truths: dict[bytes, list[tuple[int, ...]]] = {}
    reason: dict[bytes, list[str]] = {}
    for births in product(range(6), repeat=3):  # 3 to 5 is one size class
        try:
            result = protect(table(births=births), strata, rule)
        except InputError:
            continue
        key = result.values.to_numpy().tobytes() + repr((reasons(result), result.notes, list(result.strata))).encode()
        truths.setdefault(key, []).append(births)
        reason[key] = reasons(result)
    told = [(key, i) for key, why in reason.items() for i in range(3) if why[i] == "small"]
    assert len(told) > 10
    possible = {1, 2} if rule.zeros == "show" else {0, 1, 2}
    assert all({births[i] for births in truths[key]} == possible for key, i in told)


@settings(deadline=None, max_examples=300)
@given(councils(), st.sampled_from(RULES))
def test_no_programme_narrows_a_small_count(council, rule):
    counts, strata = council
    result = protect_or_skip(counts, strata, rule)
    assume(0 < result.hidden.sum(axis=None) <= 40)
    least = 1 if rule.zeros == "show" else 0
    found = feasible(result, exact_sums=True)
    assert len(found) == result.hidden.sum(axis=None)
    small = found[found["reason"] == "small"]
    assert small["least"].tolist() == pytest.approx([least] * len(small), abs=1e-6)
    assert small["greatest"].tolist() == pytest.approx([rule.below - 1] * len(small), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(councils(most=20, columns=2), st.sampled_from(RULES))
def test_nor_does_knowing_that_one_column_is_never_over_another(council, rule):
    counts, strata = council
    if counts.shape[1] == 1:
        counts["early"] = counts["births"] * 2
    counts["early"] = counts[["births", "early"]].max(axis=1)
    result = protect_or_skip(counts, strata, rule)
    assume(0 < result.hidden.sum(axis=None) <= 40)
    found = feasible(result, at_most=[("births", "early")])
    small = found[found["reason"] == "small"]
    assert small["least"].max() <= (1 if rule.zeros == "show" else 0) + 1e-6 or small.empty
    assert small["greatest"].min() >= rule.below - 1 - 1e-6 or small.empty
    truth = counts.stack().loc[list(zip(found["lsoa21cd"], found["column"], strict=True))].to_numpy()
    assert ((found["least"] <= truth + 1e-6) & (truth <= found["greatest"] + 1e-6)).all()


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=5), st.lists(st.integers(0, 9), min_size=5, max_size=5))
@example([0, 1, 8, 0], [0, 9, 9, 0, 0])  # one of two hidden cells may hold nearly all of their sum
def test_the_programme_finds_what_trying_every_table_finds(births, more):
    counts = table(births=births, early=[a + b for a, b in zip(births, more, strict=False)])
    result = protect_or_skip(counts, one_stratum(counts), Rule(below=3))
    cells = list(result.hidden.stack().loc[lambda s: s].index)
    assume(0 < len(cells) <= 4)
    found = feasible(result, at_most=[("births", "early")]).set_index(["lsoa21cd", "column"])
    limits, within = {}, {}
    for name in counts:
        limits[name] = result.values.loc[result.hidden[name], name].sum()
        within[name] = 1 if "small" in reasons(result, name) else 0
    least = {"small": 1, "secondary": 3, "row": 0}
    most = {c: 2 if result.reason.at[c] == "small" else int(limits[c[1]] + within[c[1]]) for c in cells}
    tries: dict[tuple[str, str], set[int]] = {c: set() for c in cells}
    for x in product(*(range(least[result.reason.at[c]], most[c] + 1) for c in cells)):
        guess = dict(zip(cells, x, strict=True))
        sums = {name: sum(v for (_, n), v in guess.items() if n == name) for name in counts}
        if any(abs(sums[n] - limits[n]) > within[n] + 1e-9 for n in counts):
            continue
        if all(guess[z, "births"] <= guess[z, "early"] for z, n in cells if n == "births"):
            for c, v in guess.items():
                tries[c].add(v)
    for c, values in tries.items():
        assert (found.at[c, "least"], found.at[c, "greatest"]) == (min(values), max(values))


def test_an_exact_total_from_elsewhere_can_tell_and_the_programme_shows_it():
    counts = table(births=[1, 1, 20, 30])
    result = protect(counts, one_stratum(counts), Rule())
    zones = list(counts.index)
    told = feasible(result, [("births", zones, 52, 0)])
    assert told[["least", "greatest"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    part = feasible(result, [("births", ["A", "C"], 21, 0)])
    assert part[["least", "greatest"]].to_numpy().tolist() == [[1, 1], [1, 4]]
    vague = feasible(result, [("births", zones, 52, 3)])
    assert vague[["least", "greatest"]].to_numpy().tolist() == [[1, 4], [1, 4]]
    with pytest.raises(InputError, match="no counts agree"):
        feasible(result, [("births", zones, 40, 0)])
    rounded = protect(counts, one_stratum(counts), Rule(round_to=5))  # 20 and 30 stand for 18 to 32
    assert feasible(rounded, [("births", zones, 52, 0)])["greatest"].tolist() == [4, 4]


def test_strange_figures_are_refused_at_once():
    counts = table(births=[1, 1, 20])
    result = protect(counts, one_stratum(counts), Rule())
    with pytest.raises(InputError) as error:
        feasible(result, [("deaths", ["A", "Z"], 5, 0)], at_most=[("births", "early")])
    assert "unknown columns (2): deaths, early" in str(error.value)
    assert "unknown zones (1): Z" in str(error.value)


def test_all_of_england_is_protected_in_two_seconds():
    rng = np.random.default_rng(1)
    n = 33_755
    x = np.where(rng.random((n, 6)) < 0.1, rng.integers(1, 5, (n, 6)), rng.integers(5, 90, (n, 6)))
    counts = pd.DataFrame(x, index=[f"E01{k:06d}" for k in range(n)], columns=list("abcdef"))
    council = np.sort(rng.integers(0, 296, n)).astype(str)
    strata = pd.DataFrame({"class": council + rng.choice(list("uvwxyz"), n), "council": council}, index=counts.index)
    start = time.process_time()
    result = protect(counts, strata, Rule())
    assert time.process_time() - start < 2
    assert (result.reason == "small").sum(axis=None) == (x < 5).sum()
