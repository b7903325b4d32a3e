"""Rates: published known answers, second implementations in plain Python, and what must hold for any counts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from needs.errors import InputError
from needs.rates import (
    ESP2013,
    RELIABLE,
    Prior,
    between_area_variance,
    byar,
    directly_standardised,
    empirical_bayes,
    exact_poisson,
    marshall_prior,
    poisson_limits,
    proportion,
    rate,
    reliability,
    shrink,
    wilson,
)

some = settings(deadline=None, max_examples=60)
nan = math.nan

# Counts and people of up to twelve zones, a few without people, none with more events than people.
parts = st.lists(
    st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=12
)
# The like for events that may outnumber the person-years, and events where nobody is.
events_and_years = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300)), min_size=1, max_size=12)
confidences = st.sampled_from([0.5, 0.8, 0.95, 0.998, 0.9999])


def columns(pairs) -> tuple[np.ndarray, np.ndarray]:
    x, n = np.array(pairs, dtype=float).T
    return x, n


def labels_for(pairs) -> list[str]:
    return ["rural" if i % 3 else "urban" for i in range(len(pairs))]


# ---- intervals: values published by OHID (PHEindicatormethods, test data of Byar's and Wilson's methods, proportions
# ---- and rates)


@pytest.mark.parametrize(
    ("events", "n", "confidence", "low", "high"),
    [
        (65, 100, 0.95, 0.5525444329688797, 0.7363575175690247),
        (65, 100, 0.998, 0.4954946574070431, 0.7783540614089697),
        (1045, 5000, 0.95, 0.19795549880013297, 0.22049130373189027),
        (1045, 5000, 0.998, 0.19179381799015244, 0.22731562902525818),
        # England, Year 6, 2006/07: obese children of the most and of the least deprived tenth
        (7287, 34353, 0.95, 0.207830499225555, 0.216476300812899),
        (2960, 24488, 0.95, 0.116852009907382, 0.125017980504761),
    ],
)
def test_wilson_gives_the_published_limits(events, n, confidence, low, high):
    assert wilson(events, n, confidence) == (pytest.approx(low, abs=2e-15), pytest.approx(high, abs=2e-15))


def test_wilson_gives_the_published_limits_of_few_events():
    low, high = wilson([1, 5, 20], 100)
    assert low == pytest.approx([0.00176743, 0.02154368, 0.13336693], abs=5e-9)
    assert high == pytest.approx([0.05448620, 0.11175047, 0.28882917], abs=5e-9)


@pytest.mark.parametrize(
    ("events", "confidence", "low", "high"),
    [
        (65, 0.95, 50.163187710459454, 82.84913854593984),
        (65, 0.998, 42.8802614714802, 94.00029084431802),
        (1045, 0.95, 982.5932018073325, 1110.33121298565),
        (1045, 0.998, 947.9407035610374, 1148.806160988033),
        (10, 0.998, 2.916318374695686, 24.193724927880535),
    ],
)
def test_byar_gives_the_published_limits(events, confidence, low, high):
    assert byar(events, confidence) == (pytest.approx(low, rel=1e-12), pytest.approx(high, rel=1e-12))
    assert poisson_limits(events, confidence) == byar(events, confidence)


def test_byars_limits_are_not_those_of_the_complement_of_the_confidence():
    # A trap: a known package passes 1 - confidence, and gives 49.23 to 51.11 for 50 events.
    assert byar([50, 5]) == (pytest.approx([37.11, 1.61], abs=0.01), pytest.approx([65.92, 11.67], abs=0.01))


def test_exact_limits_are_the_published_ones():
    assert exact_poisson([0, 1, 5, 9]) == (
        pytest.approx([0, 0.025318, 1.623486, 4.115373], abs=5e-7),
        pytest.approx([3.688879, 5.571643, 11.668332, 17.084803], abs=5e-7),
    )
    assert exact_poisson([1, 5], 0.998) == (
        pytest.approx([0.001001, 0.739372], abs=5e-7),
        pytest.approx([9.233413, 16.454745], abs=5e-7),
    )


def test_exact_limits_are_where_the_count_is_just_too_rare():
    x = np.arange(1, 40)
    low, high = exact_poisson(x, 0.9)
    assert stats.poisson.sf(x - 1, low) == pytest.approx(0.05, rel=1e-9)
    assert stats.poisson.cdf(x, high) == pytest.approx(0.05, rel=1e-9)


def test_limits_of_a_count_are_exact_under_ten_and_byars_from_ten():
    x = np.array([0, 9, 9.5, 10, 11])
    low, high = poisson_limits(x)
    assert list(low) == [*exact_poisson(x[:3])[0], *byar(x[3:])[0]]
    assert list(high) == [*exact_poisson(x[:3])[1], *byar(x[3:])[1]]
    assert exact_poisson(10)[1] != byar(10)[1]


def plain_wilson(x: float, n: float, z: float) -> tuple[float, float]:
    root = z * math.sqrt(z * z + 4 * x * (1 - x / n))
    return (2 * x + z * z - root) / (2 * (n + z * z)), (2 * x + z * z + root) / (2 * (n + z * z))


@given(parts, confidences)
@some
def test_wilson_is_the_textbook_formula_inside_nought_to_one(pairs, confidence):
    x, n = columns(pairs)
    low, high = wilson(x, n, confidence)
    z = stats.norm.ppf(1 - (1 - confidence) / 2)
    for i, (events, people) in enumerate(pairs):
        wanted = plain_wilson(events, people, z) if people else (0, 1)
        assert (low[i], high[i]) == (pytest.approx(wanted[0], abs=1e-12), pytest.approx(wanted[1], abs=1e-12))
        assert 0 <= low[i] <= (events / people if people else 0.5) <= high[i] <= 1
        assert (low[i] == 0) == (events == 0)
        assert (high[i] == 1) == (events == people)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(2, 40))
@some
def test_wilson_narrows_with_people_and_mirrors(events, others, times):
    n = events + others
    low, high = wilson([events, events * times], [n, n * times])
    assert high[1] - low[1] < high[0] - low[0]
    mirrored = wilson(others, n)
    assert (1 - mirrored[1], 1 - mirrored[0]) == (pytest.approx(low[0], abs=1e-15), pytest.approx(high[0], abs=1e-15))


@given(st.floats(0, 1e6), confidences)
@some
def test_limits_of_a_count_hold_it_and_widen_with_confidence(events, confidence):
    for method in (byar, exact_poisson, poisson_limits):
        low, high = method(events, confidence)
        assert 0 <= low <= events < high
        wider = method(events, 0.99995)
        assert wider[0] <= low
        assert wider[1] >= high


# ---- tables


def test_rate_is_the_published_one_and_survives_nought_events():
    # A trap: a known package raises on a count of 0.
    found = rate([222, 0], [3215, 100], per=100)
    assert found.iloc[0].tolist() == pytest.approx([6.905132, 6.026575, 7.875729], abs=5e-7)
    assert found.iloc[1].tolist() == pytest.approx([0, 0, 3.688879], abs=5e-7)
    assert rate(222, 3215, 100, 0.998).iloc[0, 1:].tolist() == pytest.approx([5.560738, 8.461047], abs=5e-7)


def test_tables_keep_the_index_and_say_what_is_not_known():
    zones = pd.Index(["E01000001", "E01000002", "E01000003", "E01000004"], name="lsoa21cd")
    x, n = pd.Series([5, 0, nan, 1], index=zones), pd.Series([10, 0, 10, nan], index=zones)
    shares, rates = proportion(x, n), rate(x, n)
    assert shares.index.equals(zones)
    assert rates.index.equals(zones)
    assert shares.iloc[0].tolist() == [0.5, *map(float, wilson(5, 10))]
    assert shares.iloc[1].tolist() == pytest.approx([nan, 0, 1], nan_ok=True)
    assert shares.iloc[2:].isna().all(axis=None)
    assert np.isnan(wilson([nan, 0], [0, nan])).all()
    assert rates["value"].tolist() == pytest.approx([500, nan, nan, nan], nan_ok=True)
    assert rates.iloc[1:].isna().all(axis=None)


def test_scalars_nullable_columns_and_empty_ones_are_taken():
    assert proportion(1, 4)["value"].tolist() == [0.25]
    assert rate([1, 2], 4, per=1)["value"].tolist() == [0.25, 0.5]
    assert proportion(pd.Series([1, pd.NA], dtype="Int64"), 4)["value"].isna().tolist() == [False, True]
    assert wilson(np.full((2, 3), 1), 4)[0].shape == (2, 3)
    for table in (proportion([], []), rate([], []), empirical_bayes([], []), shrink([], [], [])):
        assert len(table) == 0
    assert len(reliability([], [])) == 0
    assert math.isnan(marshall_prior([], []).mean)


# ---- direct standardisation: OHID's test data (testdata_big of testdata_DSR_ISR.xlsx)

EVENTS = [127, 25, 18, 21, 12, 27, 48, 27, 29, 32, 32, 34, 45, 65, 38, 68, 74, 82, 91]
PEOPLE = [636, 558, 609, 543, 384, 594, 669, 843, 660, 576, 606, 522, 426, 273, 300, 288, 153, 123, 207]


def test_standardised_rate_is_the_published_one():
    found = directly_standardised(EVENTS, PEOPLE).iloc[0]
    wanted = [10430.247991469423, 9717.709067985681, 11178.94091547925]
    assert found[["value", "low", "high"]].tolist() == pytest.approx(wanted, rel=1e-12)
    assert found["events"] == 895
    assert found["enough_events"]
    found = directly_standardised(EVENTS, PEOPLE, confidence=0.998).iloc[0]
    assert found[["low", "high"]].tolist() == pytest.approx([9323.287880219903, 11620.595999522058], rel=1e-12)


def test_standard_population_is_the_whole_of_2013():
    assert len(ESP2013) == 19
    assert sum(ESP2013) == 100_000
    assert sum(ESP2013[-5:]) == 14_000  # aged 70 and over, in the table of Eurostat


def test_too_few_events_are_suppressed():
    x = pd.DataFrame([[4, 5, 0], [5, 5, 0], [0, 0, 0]], index=["a", "b", "c"])
    n = pd.DataFrame(100.0, index=x.index, columns=x.columns)
    found = directly_standardised(x, n, [1, 1, 1])
    assert found["enough_events"].tolist() == [False, True, False]
    assert found["events"].tolist() == [9, 10, 0]
    assert found.index.tolist() == ["a", "b", "c"]
    assert len(directly_standardised(x.loc["a"], n.loc["a"], [1, 1, 1])) == 1
    assert found[["value", "low", "high"]].isna().all(axis=1).tolist() == [True, False, True]
    told = directly_standardised(x, n, [1, 1, 1], min_events=0)
    assert told["value"].tolist() == pytest.approx([3000, 10000 / 3, 0])
    assert told[["low", "high"]].isna().all(axis=1).tolist() == [False, False, True]


def test_an_age_band_without_people_leaves_the_rate_unknown():
    found = directly_standardised([[20, 0], [20, 0], [20, nan]], [[100, 0], [100, 50], [100, 50]], [1, 1])
    assert found["value"].tolist() == pytest.approx([nan, 10_000, nan], nan_ok=True)
    assert directly_standardised([20, 0], [100, 0], [1, 0])["value"].tolist() == pytest.approx([20_000])


def test_a_standardised_rate_has_no_limit_below_nought():
    # one event of ten in a band of one person: 1.009 less .316 x (10 - 4.787) would be below 0
    found = directly_standardised([9, 1], [1000, 1], [1, 1], per=2)
    assert found["value"].tolist() == pytest.approx([1.009])
    assert found["low"].tolist() == [0]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 500)), min_size=2, max_size=8), st.integers(2, 9))
@some
def test_standardised_to_its_own_people_a_rate_is_the_crude_one(bands, times):
    x, n = columns(bands)
    own = directly_standardised(x, n, standard=n, per=1000, min_events=1)
    if x.sum() < 1:
        assert not own["enough_events"].any()
        return
    crude = rate(x.sum(), n.sum())
    assert own[["value", "low", "high"]].to_numpy() == pytest.approx(crude.to_numpy(), rel=1e-9, abs=1e-12)
    both = directly_standardised(np.array([x, x]), np.array([n, n * times]), np.ones(len(x)), min_events=1)
    assert both["value"].iloc[1] == pytest.approx(both["value"].iloc[0] / times)
    assert (both["low"] >= 0).all()


# ---- empirical Bayes


def plain_bayes(pairs, group) -> list[tuple[float, float]]:
    """Marshall's formula, zone by zone."""
    out = []
    for i, (e, b) in enumerate(pairs):
        mine = [p for p, g in zip(pairs, group, strict=True) if g == group[i] and p[1] > 0]
        if not mine:
            out.append((nan, nan))
            continue
        people = sum(n for _, n in mine)
        m = sum(x for x, _ in mine) / people
        s2 = max(sum(n * (x / n - m) ** 2 for x, n in mine) / people - m / (people / len(mine)), 0)
        w = s2 / (s2 + m / b) if b and s2 else 0.0
        out.append((w, w * e / b + (1 - w) * m if b else m))
    return out


def test_bayes_by_hand():
    # m = 10/20 = .5; s2 = (10 x .16 + 10 x .16)/20 - .5/10 = .11; weight = .11/(.11 + .05) = .6875
    found = empirical_bayes([1, 9], [10, 10])
    assert found["weight"].tolist() == pytest.approx([0.6875, 0.6875])
    assert found["value"].tolist() == pytest.approx([0.225, 0.775])
    assert found["raw"].tolist() == [0.1, 0.9]
    assert marshall_prior([1, 9], [10, 10]) == Prior(pytest.approx(0.5), pytest.approx(0.11))


def test_a_negative_variance_gives_the_mean_and_never_extrapolates():
    # A trap: without the clamp a known package gives .0889, .0889, .1084 for raw rates of .05, .05, .0545.
    found = empirical_bayes([5, 5, 6], [100, 100, 110])
    assert found["value"].tolist() == pytest.approx([16 / 310] * 3)
    assert found["weight"].tolist() == [0, 0, 0]


def test_homogeneous_data_and_nought_events_give_the_mean():
    # Traps: both give nothing but NaN without care.
    assert empirical_bayes([1, 2, 3], [10, 20, 30])["value"].tolist() == pytest.approx([0.1] * 3)
    assert empirical_bayes([0, 0], [10, 20])["value"].tolist() == [0, 0]
    assert empirical_bayes([0, 0], [10, 20])["weight"].tolist() == [0, 0]


def test_a_zone_with_nobody_in_it_takes_the_mean_and_spoils_no_other():
    # A trap: one denominator of 0 makes every zone NaN in a known package.
    found = empirical_bayes([1, 9, 0, nan], [10, 10, 0, 10])
    assert found["value"].tolist() == pytest.approx([0.225, 0.775, 0.5, nan], nan_ok=True)
    assert found["weight"].tolist() == pytest.approx([0.6875, 0.6875, 0, nan], nan_ok=True)
    assert found["raw"].isna().tolist() == [False, False, True, True]


@given(events_and_years)
@some
def test_bayes_is_marshalls_formula_within_each_group(pairs):
    x, n = columns(pairs)
    for group in (["all"] * len(pairs), labels_for(pairs)):
        found = empirical_bayes(x, n, groups=None if group[0] == "all" else group)
        wanted = plain_bayes(pairs, group)
        # s2 is a small difference of larger numbers: what is lost there is lost in the weight
        assert found["weight"].to_numpy() == pytest.approx([w for w, _ in wanted], abs=1e-6, nan_ok=True)
        assert found["value"].to_numpy() == pytest.approx([v for _, v in wanted], abs=1e-6, rel=1e-6, nan_ok=True)


@given(events_and_years)
@some
def test_bayes_lies_between_raw_and_mean_and_minds_no_order(pairs):
    x, n = columns(pairs)
    group = labels_for(pairs)
    found = empirical_bayes(x, n, groups=group)
    inside = found[found["raw"].notna()]
    assert inside["weight"].between(0, 1).all()
    assert (inside["value"] >= inside[["raw", "target"]].min(axis=1)).all()
    assert (inside["value"] <= inside[["raw", "target"]].max(axis=1)).all()
    turned = empirical_bayes(x[::-1], n[::-1], groups=group[::-1])
    assert turned["value"].to_numpy()[::-1] == pytest.approx(found["value"].to_numpy(), nan_ok=True, rel=1e-6, abs=1e-9)


def test_a_prior_from_elsewhere_is_used_as_it_stands():
    england = marshall_prior([1, 9, 4, 8], [10, 10, 20, 10])
    area = empirical_bayes([3, 0], [6, 0], prior=england)
    weight = england.variance / (england.variance + england.mean / 6)
    assert area["value"].tolist() == pytest.approx([weight * 0.5 + (1 - weight) * england.mean, england.mean])
    same = empirical_bayes([1, 9, 4, 8], [10, 10, 20, 10], prior=england)
    pd.testing.assert_frame_equal(same, empirical_bayes([1, 9, 4, 8], [10, 10, 20, 10]))


def test_bayes_serves_rates_whose_events_outnumber_the_years():
    found = empirical_bayes([30, 10], [10, 10])
    assert found["raw"].tolist() == [3, 1]
    assert 1 < found["value"].iloc[1] < 2 < found["value"].iloc[0] < 3


# ---- shrinkage to the group


def plain_shrink(pairs, group) -> list[float]:
    """The formulas of the docstring, zone by zone, then held between raw and target."""
    out = []
    for i, (r, n) in enumerate(pairs):
        mine = [p for p, g in zip(pairs, group, strict=True) if g == group[i] and p[1] > 0]
        if not mine:
            out.append(nan)
            continue
        big_r, big_n = sum(x for x, _ in mine), sum(m for _, m in mine)
        logits = [math.log((x + 0.5) / (m - x + 0.5)) for x, m in mine]
        big_z = math.log((big_r + 0.5) / (big_n - big_r + 0.5))
        t2 = sum((z - big_z) ** 2 for z in logits) / (len(mine) - 1) if len(mine) > 1 else 0
        if not n or not t2:
            out.append(big_r / big_n)
            continue
        z = math.log((r + 0.5) / (n - r + 0.5))
        s2 = (n + 1) * (n + 2) / (n * (r + 1) * (n - r + 1))
        w = (1 / s2) / (1 / s2 + 1 / t2)
        p = 1 / (1 + math.exp(-(w * z + (1 - w) * big_z)))
        out.append(min(max(p, min(r / n, big_r / big_n)), max(r / n, big_r / big_n)))
    return out


def test_shrinkage_by_hand():
    # r 2 and 6 of 10 each: z = ln(2.5/8.5) = -1.223775, ln(6.5/4.5) = .367725; Z = ln(8.5/12.5) = -.385662;
    # t2 = .702434 + .567592 = 1.270026; s2 = 132/(10 x 3 x 9) = .488889, 132/(10 x 7 x 5) = .377143;
    # weights .722051, .771036; logits -.990822, .195226
    found = shrink([2, 6], [10, 10], ["a", "a"])
    assert found["weight"].tolist() == pytest.approx([0.722051, 0.771036], abs=1e-6)
    assert found["value"].tolist() == pytest.approx([0.270750, 0.548652], abs=1e-6)
    assert found["target"].tolist() == pytest.approx([0.4, 0.4])


def test_shrinkage_to_a_group_of_one_without_spread_or_from_nobody():
    group = [("Halton", "urban"), ("Halton", "rural"), ("Halton", "rural"), ("Rutland", "rural"), ("Rutland", "urban")]
    found = shrink([3, 2, 2, 0, 0], [10, 8, 8, 0, 0], group)
    assert found["value"].tolist() == pytest.approx([0.3, 0.25, 0.25, nan, nan], nan_ok=True)
    beside_nobody = shrink([2, 6, 0], [10, 10, 0], [1, 1, 1])["value"].tolist()
    assert beside_nobody == pytest.approx([0.270750, 0.548652, 0.4], abs=1e-6)  # as by hand
    assert shrink([3, 5, nan], [10, 10, 9], [1, 1, 1])["value"].isna().tolist() == [False, False, True]


@given(parts)
@some
def test_shrinkage_is_the_formula_and_lies_between_raw_and_group(pairs):
    x, n = columns(pairs)
    group = labels_for(pairs)
    found = shrink(x, n, group)
    assert found["value"].to_numpy() == pytest.approx(plain_shrink(pairs, group), abs=1e-12, nan_ok=True)
    inside = found[found["raw"].notna()]
    assert inside["weight"].between(0, 1).all()
    assert (inside["value"] >= inside[["raw", "target"]].min(axis=1)).all()
    assert (inside["value"] <= inside[["raw", "target"]].max(axis=1)).all()
    turned = shrink(x[::-1], n[::-1], group[::-1])
    assert turned["value"].to_numpy()[::-1] == pytest.approx(found["value"].to_numpy(), nan_ok=True, abs=1e-12)


@given(parts, st.integers(1, 50), st.integers(1, 20))
@some
def test_shrinkage_of_one_group_knows_nothing_of_another(pairs, people, events):
    x, n = columns(pairs)
    alone = shrink(x, n, ["here"] * len(x))["value"].to_numpy()
    beside = shrink([*x, min(events, people), 0], [*n, people, 7], ["here"] * len(x) + ["there", "there"])["value"]
    assert beside.to_numpy()[: len(x)] == pytest.approx(alone, nan_ok=True, abs=1e-12)


def test_small_zones_are_drawn_in_further():
    found = shrink([4, 40, 400], [10, 100, 1000], ["a"] * 3).assign(n=[10, 100, 1000])
    other = shrink([4, 40, 10], [10, 100, 200], ["a"] * 3)
    assert found["weight"].is_monotonic_increasing
    assert other["weight"].iloc[0] < other["weight"].iloc[1]


# ---- reliability


def test_reliability_by_hand():
    # p = 4/20 = .2; between: (10 x .01 x 2 - .16) / (20 - 10 - 1) = .0044444; with .01: .01/(.01 + .016)
    assert between_area_variance([1, 3], [10, 10]) == pytest.approx(0.04 / 9)
    assert reliability([1, 3], [10, 10], 0.01).tolist() == pytest.approx([0.01 / 0.026] * 2)
    own = 0.04 / 9
    assert reliability([1, 3], [10, 10]).tolist() == pytest.approx([own / (own + 0.016)] * 2)
    assert RELIABLE == 0.5


def test_reliability_where_nobody_is_counted_or_nothing_varies():
    assert reliability([1, 9, 0, nan], [10, 10, 0, 5]).isna().tolist() == [False, False, False, True]
    assert reliability([1, 9, 0, nan], [10, 10, 0, 5]).iloc[2] == 0
    assert reliability([5, 5, 6], [100, 100, 110]).tolist() == [0, 0, 0]  # the variance clamped
    assert reliability([0, 0], [10, 20]).tolist() == [0, 0]
    assert reliability(3, 10).tolist() == [0]  # one zone cannot tell
    assert reliability([1, 0, 1], [1, 1, 1]).tolist() == [0, 0, 0]  # nor can one person in each


def plain_between(pairs) -> float:
    mine = [(x, n) for x, n in pairs if n]
    total = sum(n for _, n in mine)
    if len(mine) < 2:
        return 0.0
    p = sum(x for x, _ in mine) / total
    above = sum(n * (x / n - p) ** 2 for x, n in mine) - (len(mine) - 1) * p * (1 - p)
    below = total - sum(n * n for _, n in mine) / total - (len(mine) - 1)
    return max(above / below, 0.0) if below > 1e-9 else 0.0


@given(parts)
@some
def test_between_area_variance_is_the_moment_formula(pairs):
    x, n = columns(pairs)
    assert between_area_variance(x, n) == pytest.approx(plain_between(pairs), abs=1e-12)
    assert reliability(x, n).between(0, 1).all()


def test_between_area_variance_finds_the_variance_that_was_put_in():
    rng = np.random.default_rng(7)
    n = rng.integers(2, 60, 40_000)
    true = rng.beta(2, 18, n.size)  # mean .1, variance .1 x .9 / 21
    found = between_area_variance(rng.binomial(n, true), n)
    assert found == pytest.approx(0.09 / 21, rel=0.04)
    assert between_area_variance(rng.binomial(n, 0.1), n) < 0.09 / 21 / 20


def test_more_people_are_more_reliable():
    assert reliability([5, 10, 50], [50, 100, 500], 0.001).is_monotonic_increasing


# ---- hostile input


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: wilson(6, 5), "6 of 5"),
        (lambda: wilson(1, 0), "1 of 0"),
        (lambda: wilson(-1, 5), "-1 is negative"),
        (lambda: wilson([1, 2], [5, 5, 5]), "shapes (2,) and (3,)"),
        (lambda: wilson(1, 5, 95), "confidence: is 95"),
        (lambda: byar(math.inf), "is infinite"),
        (lambda: poisson_limits(["3", "1-7"]), "position 1: 1-7 is no number"),
        (lambda: exact_poisson(-0.5), "is negative"),
        (lambda: proportion(np.ones((2, 2)), 4), "one column at a time"),
        (lambda: rate(1, 5, per=0), "per: is 0"),
        (lambda: rate(1, 5, per=nan), "per: is nan"),
        (lambda: proportion(pd.Series([1], index=["a"]), pd.Series([4], index=["b"])), "different labels"),
        (lambda: directly_standardised([1, 2], [3, 4]), "standard: has the shape (19,)"),
        (lambda: directly_standardised([1, 2], [3, 4], [0, 0]), "the sum 0"),
        (lambda: directly_standardised(1, 3), "areas by age bands"),
        (lambda: empirical_bayes([1, 2], [3, 4], groups=["a"]), "1 labels for 2 zones"),
        (lambda: empirical_bayes([1, 2], [3, 4], groups=["a", None]), "position 1: the zone has no group"),
        (lambda: empirical_bayes([1], [3], prior=Prior(nan, 1)), "prior: is"),
        (lambda: empirical_bayes([1], [3], prior=Prior(1, -1)), "prior: is"),
        (lambda: empirical_bayes([1], [3], prior=Prior(1, 1), groups=["a"]), "with groups"),
        (lambda: shrink([4], [3], ["a"]), "4 of 3"),
        (lambda: shrink(pd.Series([1, 2]), [3, 4], pd.Series(["a", "b"], index=[1, 0])), "rows are not those"),
        (lambda: reliability([1], [3], -1), "between_variance: is -1"),
        (lambda: between_area_variance([4], [3]), "4 of 3"),
    ],
)
def test_wrong_input_is_told(call, told):
    with pytest.raises(InputError) as caught:
        call()
    assert told in str(caught.value)


def test_all_faults_are_told_at_once_with_the_zone_to_blame():
    zones = pd.Index(["E01000001", "E01000002", "E01000003"])
    with pytest.raises(InputError) as caught:
        proportion(pd.Series([-1, 9, math.inf], index=zones), pd.Series([5, 5, 5], index=zones), 2.0)
    places = [fault.where for fault in caught.value.faults]
    assert places == [
        "proportion, confidence",
        "proportion, events, E01000003",
        "proportion, events, E01000001",
        "proportion, events, E01000002",
        "proportion, events, E01000003",
    ]
    with pytest.raises(InputError) as caught:
        wilson(np.full(1000, 7), 5)
    assert len(caught.value.faults) == 11
    assert "the like in 990 more places" in str(caught.value)


# ---- real data


@pytest.mark.data
def test_children_in_poor_families_are_reliable_and_their_intervals_hold_the_published_rate(real_data):
    england = real_data / "england"
    head = "Income Deprivation Affecting Children Index (IDACI)"
    published = pd.read_parquet(england / "iod2019_lsoa11_all.parquet").set_index("LSOA code (2011)")
    counts = pd.read_csv(england / "iod2019_underlying_indicators.csv.gz", index_col="lsoa11_code")
    x = counts["income_deprivation_affecting_children_index_idaci_numerator"].reindex(published.index)
    n = published["Dependent Children aged 0-15: mid 2015 (excluding prisoners)"]
    found, score = proportion(x, n), published[f"{head} Score (rate)"]
    told = found["value"].notna()
    assert told.sum() == 28_291  # the rest are suppressed, under 10
    # counts are rounded to 5
    assert score.between(found["low"], found["high"])[told].mean() > 0.9999
    assert reliability(x, n).median() == pytest.approx(0.966, abs=0.001)
    drawn = shrink(x, n, published["Local Authority District code (2019)"])[told]
    assert (drawn["value"] >= drawn[["raw", "target"]].min(axis=1)).all()
    assert (drawn["value"] <= drawn[["raw", "target"]].max(axis=1)).all()
    assert (drawn["value"] - drawn["raw"]).abs().median() < 0.004
