"""The need index: published known answers, a hand example, and properties of a frozen reference."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from needs.errors import InputError
from needs.index import NeedIndex, fifth, imd_exp, percentile, rank_among
from needs.indicators import IndexSpec, indicator_values, read_spec

ENGLAND = Path(__file__).parents[1] / ".." / "shared" / "data" / "england"
N_2025, N_2019 = 33_755, 32_844
some = settings(deadline=None, max_examples=30)
SOURCE = {
    "id": "made",
    "title": "A table",
    "publisher": "A publisher",
    "period": "2025",
    "geography": "LSOA21",
    "licence": "CC0-1.0",
}


def spec_of(*indicators: tuple[str, float, str, str], transform: str = "imd_exp") -> IndexSpec:
    """One domain per indicator: id, weight, measure, direction (an id that ends in _100 takes the plain rank)."""
    head = {
        "id": "test",
        "label": "T",
        "version": "1",
        "geography": "LSOA21",
        "reference": "England",
        "source": "A test.",
    }
    return IndexSpec.model_validate(
        {
            "index": {**head, "transform": transform},
            "source": [SOURCE],
            "domain": [{"id": i, "label": i, "weight": w, "rationale": "A reason."} for i, w, _, _ in indicators],
            "indicator": [
                {
                    "id": i,
                    "label": f"Label of {i}",
                    "domain": i,
                    "weight": 1,
                    "value": i,
                    "measure": measure,
                    "direction": direction,
                    "transform": "rank" if i.endswith("_100") else None,
                    "unit": "unit",
                    "source": "made",
                }
                for i, _, measure, direction in indicators
            ],
        }
    )


MIXED = spec_of(
    ("ranked", 0.4, "rank", "lower_is_need"),
    ("more_100", 0.35, "value", "higher_is_need"),
    ("less", 0.249, "value", "lower_is_need"),
)


WEIGHTS = {"ranked": 0.4, "more_100": 0.35, "less": 0.249}


def codes(n: int, first: int = 1) -> pd.Index:
    return pd.Index([f"E01{k:06}" for k in range(first, first + n)], name="lsoa21cd")


# ---- a second implementation, in plain Python


def plain_rank(value: float, others: list[float]) -> int:
    return min(1 + sum(other > value for other in others), len(others))


def plain_points(transform: str, rank: int, n: int) -> float:
    if transform == "rank":
        return 100 * (n - rank) / (n - 1)
    return -23 * math.log(1 - (n - rank + 1) / n * (1 - math.exp(-100 / 23)))


def plain_fifth(rank: int, n: int) -> int:
    return math.ceil(Fraction(rank) / Fraction(n, 5))


def plain_scores(spec: IndexSpec, area: dict[str, dict], reference: dict[str, dict]) -> dict[str, float]:
    n, weight = len(reference), {d.id: d.weight for d in spec.domains}
    scores = {}
    for zone, row in area.items():
        parts = []
        for i in spec.indicators:
            sign = 1 if i.direction == "higher_is_need" else -1
            others = [sign * other[i.id] for other in reference.values()]
            rank = row[i.id] if i.measure == "rank" else plain_rank(sign * row[i.id], others)
            parts.append(weight[i.domain] * i.weight * plain_points(i.transform or spec.index.transform, rank, n))
        scores[zone] = math.fsum(parts)
    return scores


# ---- known answers


@pytest.mark.parametrize(
    ("share", "points"),
    [
        (0.1, 2.390260),
        (0.25, 6.517733),
        (0.5, 15.646790),
        (0.75, 31.009144),
        (0.9, 50.426654),
        (0.95, 63.847632),
        (0.99, 86.957279),
        (1, 100),
    ],
)
def test_exponential_transformation_by_table(share, points):
    n = 1000
    assert imd_exp(n + 1 - round(share * n), n) == pytest.approx(points, abs=5e-7)


def test_exponential_transformation_of_all_of_england():
    assert imd_exp(N_2019, N_2019) == pytest.approx(0.00069123, abs=5e-9)
    assert imd_exp(N_2025, N_2025) == pytest.approx(0.00067258, abs=5e-9)
    points = imd_exp(np.arange(1, N_2025 + 1), N_2025)
    assert points.mean() == pytest.approx(21.69, abs=0.005)
    assert (points > 50).mean() == pytest.approx(0.102, abs=0.0005)
    assert (np.diff(points) < 0).all()
    assert points.max() <= 100


@pytest.mark.parametrize(
    ("n", "ranks", "score"),
    [
        (N_2025, (85, 4, 21, 49, 5, 1650, 246), 94.223),
        (N_2025, (33730, 33708, 33755, 33108, 33698, 29220, 244), 8.742),
        (N_2025, (767, 499, 152, 1361, 1272, 2165, 29103), 69.846),
        (N_2025, (30176, 20102, 19157, 19942, 21875, 13616, 32079), 9.467),
        (N_2025, (29502, 26082, 23613, 25836, 32257, 26912, 28653), 4.832),
        (N_2019, (4, 1, 2, 50, 15, 8235, 65), 92.735),
        (N_2019, (32831, 32742, 32842, 32113, 32662, 7319, 7789), 6.208),
        (N_2019, (18510, 15103, 26386, 17600, 29363, 2157, 4092), 19.402),
    ],
)
def test_published_imd_scores_from_published_ranks(n, ranks, score):
    weights = [d.weight for d in read_spec("imd").domains]
    assert math.fsum(weights * imd_exp(ranks, n)) == pytest.approx(score, abs=0.001)


def test_fifths_follow_the_published_rule_in_whole_numbers():
    assert fifth([1, 6751, 6752, 13502, 13503, N_2025], N_2025).tolist() == [1, 1, 2, 2, 3, 5]
    for n in range(1, 130):
        assert fifth(range(1, n + 1), n).tolist() == [plain_fifth(rank, n) for rank in range(1, n + 1)]


def test_equal_values_share_the_smallest_rank_and_none_ranks_below_the_last():
    assert rank_among([5, 4, 3, 2, 1, 9], [5, 3, 3, 2]).tolist() == [1, 2, 2, 4, 4, 1]
    assert percentile([1, 2, 3, 5], 5).tolist() == [1, 0.75, 0.5, 0]


SEVEN = pd.DataFrame(
    {
        "ranked": [1.0, 2, 3, 3, 5, 6, 7],
        "more_100": [0.5, 0.1, 0.9, 0.3, 0.3, 0.0, 0.2],
        "less": [70.0, 60, 60, 80, 75, 90, 65],
    },
    index=codes(7),
)


def test_seven_zones_by_hand():
    plain = spec_of(
        ("ranked", 0.5, "rank", "lower_is_need"),
        ("more_100", 0.3, "value", "higher_is_need"),
        ("less", 0.2, "value", "lower_is_need"),
        transform="rank",
    )
    result = NeedIndex(plain).fit(SEVEN).assess(SEVEN)
    # ranks: ranked 1 2 3 3 5 6 7; more 2 6 1 3 3 7 5; less 4 1 1 6 5 7 3; points are 100 (7 - rank) / 6
    places = [(6, 5, 3), (5, 1, 6), (4, 6, 6), (4, 4, 1), (2, 4, 2), (1, 0, 0), (0, 2, 4)]
    sixths = [0.5 * ranked + 0.3 * more + 0.2 * less for ranked, more, less in places]
    assert result["score"].tolist() == pytest.approx([100 * s / 6 for s in sixths], abs=1e-12)
    assert result["rank_england"].tolist() == [1, 3, 2, 4, 5, 7, 6]
    assert result["percentile"].tolist() == pytest.approx([1, 4 / 6, 5 / 6, 3 / 6, 2 / 6, 0, 1 / 6])
    assert result["fifth_england"].tolist() == [1, 3, 2, 3, 4, 5, 5]
    pd.testing.assert_series_equal(result["rank_area"], result["rank_england"], check_names=False)


NEWCOMERS = pd.DataFrame(
    {"ranked": [4.0, 1, 7], "more_100": [0.25, 5.0, -1.0], "less": [60.0, 1.0, 99.0]}, index=codes(3, first=100)
)


@pytest.mark.parametrize("area", [SEVEN, NEWCOMERS, SEVEN.iloc[[5]], SEVEN.iloc[[3, 1]]])
def test_against_the_plain_implementation(area):
    rows, reference = area.to_dict("index"), SEVEN.to_dict("index")
    expected, of_reference = plain_scores(MIXED, rows, reference), plain_scores(MIXED, reference, reference)
    result = NeedIndex(MIXED).fit(SEVEN).assess(area)
    assert result.index.equals(area.index)
    assert list(result.columns) == [
        "score", "rank_england", "percentile", "fifth_england", "rank_area", "fifth_area"
    ]  # fmt: skip
    for zone, row in result.to_dict("index").items():
        assert row["score"] == pytest.approx(expected[zone], abs=1e-9)
        rank = plain_rank(expected[zone], list(of_reference.values()))
        assert (row["rank_england"], row["fifth_england"]) == (rank, plain_fifth(rank, 7))
        assert row["percentile"] == pytest.approx((7 - rank) / 6)
        in_area = plain_rank(expected[zone], list(expected.values()))
        assert (row["rank_area"], row["fifth_area"]) == (in_area, plain_fifth(in_area, len(expected)))


def test_contributions_explain_every_score():
    index = NeedIndex(MIXED).fit(SEVEN)
    long, wide, scores = index.contributions(NEWCOMERS), index.transform(NEWCOMERS), index.assess(NEWCOMERS)["score"]
    assert list(long.columns) == [
        "lsoa21cd", "domain", "indicator", "label", "value", "transformed", "weight", "contribution"
    ]  # fmt: skip
    assert long["lsoa21cd"].tolist() == [c for c in NEWCOMERS.index for _ in range(3)]
    assert long["indicator"].tolist() == ["ranked", "more_100", "less"] * 3
    assert long["label"][1] == "Label of more_100"
    assert long["value"].tolist() == NEWCOMERS.to_numpy().ravel().tolist()
    assert long["weight"][:3].tolist() == [0.4, 0.35, 0.249]
    assert long["transformed"][3:].tolist() == pytest.approx([100] * 3 + [plain_points("imd_exp", 7, 7), 0] + [
        plain_points("imd_exp", 7, 7)])  # fmt: skip
    assert long["contribution"].tolist() == wide.to_numpy().ravel().tolist()
    for zone, group in long.groupby("lsoa21cd"):
        assert math.fsum(group["contribution"]) == scores[zone]


def test_effective_weights_against_covariances_by_numpy():
    index = NeedIndex(MIXED).fit(SEVEN)
    parts = index.transform(SEVEN)
    found = index.effective_weights()
    covariance = np.cov(parts.to_numpy().T)
    assert found["variance_share"].tolist() == pytest.approx((covariance.sum(axis=1) / covariance.sum()).tolist())
    assert found["variance_share"].sum() == pytest.approx(1)
    assert found["weight"].to_dict() == WEIGHTS
    assert found.index.name == "indicator"


def test_correlations_are_turned_so_that_need_goes_with_need():
    reference = pd.DataFrame(
        {"ranked": [1.0, 2, 3, 4], "more_100": [9.0, 8, 2, 1], "less": [4.0, 3, 2, 1]}, index=codes(4)
    )
    found = NeedIndex(MIXED).fit(reference).correlations()
    assert found.to_numpy().ravel().tolist() == pytest.approx([1, 1, -1, 1, 1, -1, -1, -1, 1])
    assert found.index.equals(found.columns)
    same = NeedIndex(MIXED).fit(reference.assign(less=5.0)).correlations()
    assert same.loc["less"].isna().all()


# ---- properties


@st.composite
def cases(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference with ties, and an area of other zones."""
    n, m = draw(st.integers(2, 30)), draw(st.integers(1, 8))
    coarse = st.integers(-6, 6).map(float)
    raw = draw(st.lists(st.tuples(coarse, coarse, coarse), min_size=n, max_size=n))
    reference = pd.DataFrame(raw, columns=["ranked", "more_100", "less"], index=codes(n))
    reference["ranked"] = reference["ranked"].rank(method="min")
    wide = st.integers(-9, 9).map(float)
    rows = draw(st.lists(st.tuples(st.integers(1, n).map(float), wide, wide), min_size=m, max_size=m))
    return reference, pd.DataFrame(rows, columns=reference.columns, index=codes(m, first=1000))


@some
@given(cases(), st.randoms(use_true_random=False))
def test_no_order_of_rows_or_columns_matters(case, rng):
    reference, area = case

    def shuffled(frame):
        return frame.iloc[rng.sample(range(len(frame)), len(frame)), rng.sample(range(3), 3)]

    expected = NeedIndex(MIXED).fit(reference).assess(area)
    found = NeedIndex(MIXED).fit(shuffled(reference)).assess(shuffled(area))
    pd.testing.assert_frame_equal(found.loc[expected.index], expected, check_exact=True)


@some
@given(cases())
def test_scores_are_the_sum_of_their_contributions_and_lie_within_the_declared_weights(case):
    reference, area = case
    index = NeedIndex(MIXED).fit(reference)
    parts, score = index.transform(area), index.assess(area)["score"]
    assert [math.fsum(row) for row in parts.to_numpy().tolist()] == score.tolist()
    assert (parts >= 0).all(axis=None)
    assert (parts <= 100 * pd.Series(WEIGHTS)).all(axis=None)


@some
@given(cases(), st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(0, 6)))
def test_worse_on_every_indicator_never_scores_lower(case, worse):
    reference, area = case
    index = NeedIndex(MIXED).fit(reference)
    other = area.assign(
        ranked=(area["ranked"] - worse[0]).clip(lower=1),
        more_100=area["more_100"] + worse[1],
        less=area["less"] - worse[2],
    )
    before, after = index.assess(area), index.assess(other)
    assert (after["score"] >= before["score"]).all()
    assert (after["percentile"] >= before["percentile"]).all()
    assert (after["fifth_england"] <= before["fifth_england"]).all()


@some
@given(cases(), st.integers(0, 7), st.integers(-99, 99))
def test_a_new_or_changed_zone_leaves_the_others_alone(case, which, value):
    reference, area = case
    index = NeedIndex(MIXED).fit(reference)
    changed = area.copy()
    zone = area.index[which % len(area)]
    changed.loc[zone, ["ranked", "more_100", "less"]] = [1, value, value]
    changed.loc["E01009999"] = [1, value, -value]
    kept = area.index.drop(zone)
    england = ["score", "rank_england", "percentile", "fifth_england"]
    before, after = index.assess(area), index.assess(changed)
    pd.testing.assert_frame_equal(after.loc[kept, england], before.loc[kept, england], check_exact=True)
    order = before.loc[kept, "rank_area"].rank(method="min")
    pd.testing.assert_series_equal(after.loc[kept, "rank_area"].rank(method="min"), order)


@some
@given(cases())
def test_a_zone_of_the_reference_ranks_there_as_in_the_area_of_all(case):
    reference, _ = case
    result = NeedIndex(MIXED).fit(reference).assess(reference)
    assert result["rank_area"].tolist() == result["rank_england"].tolist()
    assert result["rank_england"].tolist() == result["score"].rank(method="min", ascending=False).astype(int).tolist()
    alone = NeedIndex(MIXED).fit(reference).assess(reference.iloc[[-1]])
    assert alone["rank_england"].tolist() == result["rank_england"].tolist()[-1:]


@some
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=40, unique=True))
def test_fifths_of_untied_zones_differ_by_one_zone_at_most(values):
    reference = pd.DataFrame({"more": values}, index=codes(len(values)), dtype=float)
    result = NeedIndex(spec_of(("more", 1, "value", "higher_is_need"))).fit(reference).assess(reference)
    sizes = result["fifth_england"].value_counts().reindex(range(1, 6), fill_value=0)
    assert sizes.max() - sizes.min() <= 1
    assert result.sort_values("rank_england")["fifth_england"].is_monotonic_increasing


@some
@given(cases())
def test_a_published_rank_scores_as_the_value_that_it_ranks(case):
    reference, _ = case
    ranks = reference[["more_100"]].rank(method="min", ascending=False)
    by_value = NeedIndex(spec_of(("more_100", 1, "value", "higher_is_need"))).fit(reference).assess(reference)
    by_rank = NeedIndex(spec_of(("more_100", 1, "rank", "lower_is_need"))).fit(ranks).assess(ranks)
    pd.testing.assert_frame_equal(by_value, by_rank, check_exact=True)


# ---- the estimator


def test_the_reference_is_frozen_when_its_frame_is_changed_later():
    reference = SEVEN.copy()
    index = NeedIndex(MIXED).fit(reference)
    before = index.assess(NEWCOMERS)
    reference.loc[:, "more_100"] = 0.0
    pd.testing.assert_frame_equal(index.assess(NEWCOMERS), before)


def test_it_is_an_estimator_of_scikit_learn():
    index = NeedIndex(MIXED)
    with pytest.raises(NotFittedError):
        index.assess(SEVEN)
    expected = index.fit_transform(SEVEN)
    assert clone(index).get_params() == {"spec": MIXED, "transformation": None, "aggregation": None, "weights": None}
    with pytest.raises(NotFittedError):
        clone(index).transform(SEVEN)
    revived = pickle.loads(pickle.dumps(index))  # noqa: S301
    pd.testing.assert_frame_equal(revived.transform(SEVEN), expected)
    pd.testing.assert_frame_equal(revived.set_output(transform="pandas").transform(SEVEN), expected)
    assert index.get_feature_names_out().tolist() == list(expected.columns) == ["ranked", "more_100", "less"]
    pd.testing.assert_frame_equal(index.transform(SEVEN.assign(other="ignored")), expected)


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        (NEWCOMERS.drop(columns="less"), "indicator 'less': is not among the columns"),
        (NEWCOMERS.assign(ranked=[1, 8, 2]), "'ranked': is no rank among the 7 zones of the reference (1): E010"),
        (NEWCOMERS.assign(ranked=[1, 2.5, 0]), "is no rank among the 7 zones of the reference (2)"),
        (NEWCOMERS.assign(less=[1, np.nan, 2]), "indicator 'less': has no value (1): E01000101"),
        (NEWCOMERS.assign(less=[1, np.inf, 2]), "indicator 'less': has no value (1): E01000101"),
        (pd.concat([NEWCOMERS, NEWCOMERS[:1]]), "index 'test': stands twice (1): E01000100"),
    ],
)  # fmt: skip
def test_a_wrong_area_is_refused(area, expected):
    index = NeedIndex(MIXED).fit(SEVEN)
    for method in (index.transform, index.assess, index.contributions):
        with pytest.raises(InputError) as caught:
            method(area)
        assert [expected in str(f) for f in caught.value.faults] == [True]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (SEVEN.iloc[1:], "is no rank among the 6 zones"),
        (SEVEN.assign(ranked=[1, 1, 2, 2, 3, 3, 4]), "is no rank among the 7 zones"),
        (SEVEN.assign(ranked=[1, 2, 3, 4, 5, 6, np.nan]), "indicator 'ranked': has no value (1): E01000007"),
        (SEVEN.iloc[:1], "its reference has 1 zone ->"),
    ],
)
def test_a_reference_that_is_not_the_whole_ranking_is_refused(reference, expected):
    with pytest.raises(InputError) as caught:
        NeedIndex(MIXED).fit(reference)
    assert [expected in str(f) for f in caught.value.faults] == [True]


def test_every_fault_of_an_area_is_listed_at_once():
    wrong = NEWCOMERS.drop(columns="less").assign(ranked=[1, 8, 2], more_100=[np.nan, 1, 1])
    with pytest.raises(InputError) as caught:
        NeedIndex(MIXED).fit(SEVEN).assess(wrong)
    assert len(caught.value.faults) == 3


# ---- the whole nation

LAD = "Local Authority District code (2024)"
DOMAINS = {
    "income": "Income",
    "employment": "Employment",
    "education": "Education",
    "health": "Health",
    "crime": "Crime",
    "barriers": "Housing_and_Services",
    "living_environment": "Environment",
}


def published(file: str, code: str, domains: dict[str, str], more: dict[str, str]) -> pd.DataFrame:
    path = ENGLAND / file
    if not path.is_file():
        pytest.skip(f"the open data are not beside the project: {path.name}")
    renamed = {code: "lsoa21cd", **{f"{v}_rank": f"{k}_rank" for k, v in domains.items()}, **more}
    return pd.read_parquet(path, columns=list(renamed)).rename(columns=renamed)


@pytest.fixture(scope="module")
def iod2025() -> pd.DataFrame:
    own = {c: c.lower() for c in ("IMD_score", "IMD_rank", "IMD_decile")}
    idaci = {"Income Deprivation Affecting Children Index (IDACI) Rank (where 1 is most deprived)": "idaci_rank"}
    return published("iod2025_lsoa21_all.parquet", "LSOA code (2021)", DOMAINS, {**own, **idaci, LAD: "lad24cd"})


@pytest.mark.data
def test_imd_2025_of_all_of_england_is_rebuilt(iod2025):
    index = NeedIndex.from_toml("imd")
    values = indicator_values({"iod": iod2025}, index.spec)
    result = index.fit(values).assess(values)
    true = iod2025.set_index("lsoa21cd").loc[result.index]
    assert len(result) == N_2025
    assert (result["score"] - true["imd_score"]).abs().max() <= 0.001
    assert set(result.index[result["rank_england"] != true["imd_rank"]]) <= {"E01001608", "E01030242"}
    assert (-(-result["rank_england"] * 10 // N_2025) == true["imd_decile"]).all()
    assert (result["fifth_england"] == (true["imd_decile"] + 1) // 2).mean() > 0.9999
    share = index.effective_weights()["variance_share"]
    assert share.tolist() == pytest.approx([0.272, 0.274, 0.151, 0.151, 0.098, 0.021, 0.034], abs=0.0006)


@pytest.mark.data
def test_imd_2019_of_all_of_england_is_rebuilt():
    own = {"Index of Multiple Deprivation (IMD) Score": "score", "IMD_rank": "rank", "IMD_decile": "decile"}
    domains = {**DOMAINS, "barriers": "Housing_and_Access"}
    table = published("iod2019_lsoa11_all.parquet", "LSOA code (2011)", domains, own)
    index = NeedIndex.from_toml("imd")
    values = indicator_values({"iod": table}, index.spec)
    result = index.fit(values).assess(values)
    true = table.set_index("lsoa21cd").loc[result.index]
    assert (result["score"] - true["score"]).abs().max() <= 0.0015
    assert (result["rank_england"] - true["rank"]).abs().max() <= 2
    assert (result["rank_england"] == true["rank"]).mean() == pytest.approx(0.9967, abs=0.0001)
    assert (-(-result["rank_england"] * 10 // N_2019) == true["decile"]).all()


@pytest.mark.data
def test_the_family_hubs_index_of_rutland_within_england(iod2025):
    path = ENGLAND / "household_overcrowding21_lsoa21_england.csv.gz"
    names = {
        "lsoa21_code": "lsoa21cd",
        "-1 (overcrowded)": "overcrowded_1_households",
        "-2 or less (overcrowded)": "overcrowded_2_households",
        "0 (ideal)": "bedrooms_ideal_households",
        "+1 (under-occupied)": "spare_1_households",
        "+2 or more (under-occupied)": "spare_2_households",
    }
    homes = pd.read_csv(path).rename(columns=names)
    index = NeedIndex.from_toml("family-hubs")
    england = indicator_values({"iod": iod2025, "homes": homes}, index.spec)
    index.fit(england)
    row = homes.set_index("lsoa21cd").loc["E01000006"]
    crowded = row["overcrowded_1_households"] + row["overcrowded_2_households"]
    households = crowded + row["bedrooms_ideal_households"] + row["spare_1_households"] + row["spare_2_households"]
    assert england.values.loc["E01000006", "overcrowding"] == pytest.approx(crowded / households, rel=1e-15)
    rutland = england.select(list(iod2025.loc[iod2025["lad24cd"] == "E06000017", "lsoa21cd"]))
    assert len(rutland.values) == 26
    alone, whole = index.assess(rutland), index.assess(england).loc[rutland.values.index]
    assert alone["rank_england"].tolist() == whole["rank_england"].tolist()
    assert alone["score"].tolist() == whole["score"].tolist()
    assert index.correlations().loc["idaci", "income"] > 0.9, "double counting must show"
    assert index.effective_weights()["variance_share"]["barriers"] < 0.05, "a tenth of the weight, little of the say"
