"""Methods of a composite index: published rebuilds, trees of domains, means, missing cells, other choices."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, norm, skew
from sklearn.utils.estimator_checks import parametrize_with_checks

from needs.errors import InputError
from needs.index import NeedIndex, quantile
from needs.index.points import Scale, winsor_limits
from needs.index.weights import factor_weights
from needs.indicators import Cells, IndexSpec
from tests.test_index import N_2019, N_2025, SOURCE, codes

some = settings(deadline=None, max_examples=40)
HEAD = {"id": "test", "label": "T", "version": "1", "geography": "LSOA21", "reference": "England", "source": "A test."}


def part(id_: str, domain: str, **more: object) -> dict:
    """An indicator that is a column of its own name, higher is more need."""
    own = {"id": id_, "label": id_, "domain": domain, "measure": "value", "value": id_, "unit": "u", "source": "made"}
    return {**own, "direction": "higher_is_need", **more}


def index_of(domains: list[dict], parts: list[dict], **head: object) -> IndexSpec:
    filled = [{"label": d["id"], "weight": 1, "rationale": "A reason.", **d} for d in domains]
    return IndexSpec.model_validate(
        {"index": {**HEAD, "transform": "rank", **head}, "source": [SOURCE], "domain": filled, "indicator": parts}
    )


def random_table(n: int, columns: str, seed: int = 1) -> pd.DataFrame:
    return pd.DataFrame(
        np.random.default_rng(seed).normal(size=(n, len(columns))), index=codes(n), columns=list(columns)
    )


# ---- scikit-learn's own checks: all that can be applied without a specification apply, and none is left out


@parametrize_with_checks([NeedIndex(), NeedIndex(transformation="min_max"), NeedIndex(transformation="z_score")])
@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


def test_without_a_specification_columns_weigh_the_same():
    table = random_table(9, "abc")
    index = NeedIndex(transformation="min_max").fit(table)
    low, high = table.min(), table.max()
    expected = (100 * (table - low) / (high - low)).mean(axis=1)
    assert index.assess(table)["score"].tolist() == pytest.approx(expected.tolist())
    assert index.fit(table.to_numpy()).transform(table.to_numpy()).sum(axis=1) == pytest.approx(expected.to_numpy())
    with pytest.raises(InputError, match="cannot be read from a ndarray"):
        NeedIndex(index_of([{"id": "d"}], [part("a", "d")])).fit(table.to_numpy())


# ---- published indices, rebuilt


def test_all_51_countries_of_the_asem_index_to_a_billionth(real_data):
    table = pd.read_csv(real_data / "asem" / "ASEM_iData.csv").set_index("uCode")
    meta = pd.read_csv(real_data / "asem" / "ASEM_iMeta.csv")
    kinds = dict(tuple(meta.groupby("Type")))
    indicators, aggregates = kinds["Indicator"], kinds["Aggregate"]
    top = aggregates.loc[aggregates["Level"].idxmax(), "iCode"]
    values = pd.DataFrame(
        {r.iCode: table[r.iCode] / (table[r.Denominator] if isinstance(r.Denominator, str) else 1)
         for r in indicators.itertuples()}
    )  # fmt: skip
    assert values.isna().sum().sum() == 65
    values = values.fillna(values.groupby(table["EurAsia_group"]).transform("mean")).rename(columns=str.lower)
    domains = [
        {"id": r.iCode.lower(), "weight": r.Weight, "parent": None if r.Parent == top else r.Parent.lower()}
        for r in aggregates.itertuples()
        if r.iCode != top
    ]
    parts = [
        part(
            r.iCode.lower(),
            r.Parent.lower(),
            weight=r.Weight,
            winsorise=5,
            direction="higher_is_need" if r.Direction > 0 else "lower_is_need",
        )
        for r in indicators.itertuples()
    ]
    index = NeedIndex(index_of(domains, parts, transform="min_max", normalise_weights=True)).fit(values)
    found = index.assess(values)
    assert len(found) == 51
    published = {  # COINr 1.1.14, UA_results: nominal index, to the digits printed
        "AUS": 45.766248, "AUT": 61.901803, "BEL": 63.539520, "BGD": 39.047762, "BGR": 50.807591, "HRV": 55.638284,
        "CYP": 51.056970, "CZE": 56.644332, "CHE": 68.38, "NLD": 64.82, "DNK": 64.80, "NOR": 64.47,
    }  # fmt: skip
    for country, score in published.items():
        digits = 5.1e-7 if round(score, 2) != score else 0.0051
        assert found.loc[country, "score"] == pytest.approx(score, abs=digits), country
    assert found.loc[["AUS", "AUT", "BEL", "BGD", "CHE"], "rank_england"].tolist() == [35, 7, 5, 46, 1]
    # the same, written out once more in plain steps for all 51
    treated = values.copy()
    for column in treated:
        x = treated[column].to_numpy(copy=True)
        for _ in range(5):
            if abs(skew(x, bias=False)) < 2 or kurtosis(x, bias=False) < 3.5:
                break
            edge = x.max() if skew(x, bias=False) > 0 else x.min()
            rest = x[x != edge]
            x[x == edge] = rest.max() if edge == x.max() else rest.min()
        treated[column] = x
    sign = pd.Series({r.iCode.lower(): r.Direction for r in indicators.itertuples()})
    turned = treated * sign
    level = 100 * (turned - turned.min()) / (turned.max() - turned.min())
    for k in (1, 2, 3):
        rows = meta[(meta["Level"] == k)]
        level = pd.DataFrame(
            {
                str(parent).lower(): np.average(level[group["iCode"].str.lower()], axis=1, weights=group["Weight"])
                for parent, group in rows.groupby("Parent")
            },
            index=level.index,
        )
    assert (found["score"] - level["index"]).abs().max() < 1e-9
    assert index.transform(values).sum(axis=1).tolist() == pytest.approx(found["score"].tolist(), abs=1e-10)


@pytest.fixture(scope="module")
def england(real_data):
    folder = real_data / "england"
    domains = pd.read_parquet(folder / "iod2025_lsoa21_all.parquet").set_index("LSOA code (2021)")
    under = pd.read_csv(folder / "iod2025_underlying_indicators.csv.gz").set_index("lsoa21_code")
    return domains, under.reindex(domains.index)


HEALTH = (
    "years_of_potential_life_lost_indicator", "comparative_illness_and_disability_ratio_indicator",
    "acute_morbidity_indicator", "mental_health_indicator",
)  # fmt: skip


def test_health_2025_of_england_by_factor_analysis(england):
    published, under = england
    spec = index_of(
        [{"id": "health", "weighting": "factor"}], [part(h, "health") for h in HEALTH], transform="normal_score"
    )
    index = NeedIndex(spec).fit(under)
    assert list(index.tree_.part_weights["health"].values()) == pytest.approx(
        [0.2400, 0.2936, 0.2220, 0.2444], abs=5e-5
    )
    values, _ = index.domains(under)
    assert (values["health"] - published["Health_score"]).abs().max() < 0.004
    ranks = values["health"].rank(ascending=False, method="min").astype(int)
    assert (quantile(ranks, N_2025, 10) != published["Health_decile"]).sum() <= 10


@pytest.mark.parametrize(
    ("domain", "parts", "weights", "within"),
    [
        ("Environment", ("indoors_rank", "outdoors_rank"), (0.7, 0.3), 0.001),
        ("Education", ("children_and_young_people_rank", "adult_skills_rank"), (0.5, 0.5), 0.002),
        ("Housing_and_Services", ("geographical_barriers_rank", "wider_barriers_rank"), (0.5, 0.5), 0.001),
    ],
)
def test_domains_2025_from_their_sub_domains(england, domain, parts, weights, within):
    published, _ = england
    ranked = [
        part(p, "d", measure="rank", direction="lower_is_need", weight=w) for p, w in zip(parts, weights, strict=True)
    ]
    spec = index_of([{"id": "d", "transform": "imd_exp"}], ranked, transform="imd_exp")
    index = NeedIndex(spec).fit(published)
    values, _ = index.domains(published)
    assert (values["d"] - published[f"{domain}_score"]).abs().max() < within
    found = index.assess(published)
    assert (found["rank_england"] - published[f"{domain}_rank"]).abs().max() <= 8
    assert (found["rank_england"] == published[f"{domain}_rank"]).mean() > 0.98


def test_imd_2019_from_its_transformed_domain_scores(real_data):
    table = pd.read_parquet(real_data / "england" / "iod2019_lsoa11_all.parquet").set_index("LSOA code (2011)")
    weights = {"Income": 0.225, "Employment": 0.225, "Education": 0.135, "Health": 0.135, "Crime": 0.093,
               "Barriers": 0.093, "Living Environment": 0.093}  # fmt: skip
    ids = {k.lower().replace(" ", "_"): w for k, w in weights.items()}
    frame = table[[f"{d} Score - exponentially transformed" for d in weights]].set_axis(list(ids), axis=1)
    spec = index_of([{"id": i, "weight": w} for i, w in ids.items()], [part(i, i) for i in ids], transform="none")
    found = NeedIndex(spec).fit(frame).assess(frame)
    true = table["Index of Multiple Deprivation (IMD) Score"]
    assert len(found) == N_2019
    assert (found["score"] - true).abs().max() <= 0.001
    # these scores are published rounded, so that a zone at the edge of a decile may fall to the other side
    assert (quantile(found["rank_england"], N_2019, 10) != table["IMD_decile"]).sum() <= 10


# ---- trees, transforms and means, against plain steps


def plain_rank_points(column: pd.Series) -> pd.Series:
    return 100 * (len(column) - column.rank(ascending=False, method="min")) / (len(column) - 1)


TREE = index_of(
    [
        {"id": "home", "weight": 0.6},
        {"id": "money", "weight": 0.4, "transform": "rank"},
        {"id": "damp", "parent": "home", "weight": 0.25, "weighting": "equal"},
    ],
    [
        part("a", "home", weight=0.75),
        part("b", "damp", weight=0.1),
        part("c", "damp", weight=0.9, direction="lower_is_need"),
        part("d", "money", weight=0.5),
        part("e", "money", weight=0.5, transform="min_max"),
    ],
)


def test_domains_within_domains_by_plain_steps():
    table = random_table(40, "abcde")
    index = NeedIndex(TREE).fit(table)
    p = {k: plain_rank_points(table[k] * (-1 if k == "c" else 1)) for k in "abcd"}
    damp = 0.5 * p["b"] + 0.5 * p["c"]
    home = 0.75 * p["a"] + 0.25 * damp
    e = 100 * (table["e"] - table["e"].min()) / (table["e"].max() - table["e"].min())
    money = plain_rank_points(0.5 * p["d"] + 0.5 * e)
    expected = 0.6 * home + 0.4 * money
    assert index.assess(table)["score"].tolist() == pytest.approx(expected.tolist(), abs=1e-10)
    assert index.weights_ == pytest.approx({"a": 0.45, "b": 0.075, "c": 0.075, "d": 0.2, "e": 0.2})
    parts = index.transform(table)
    assert parts.sum(axis=1).tolist() == pytest.approx(expected.tolist(), abs=1e-10)
    assert (parts["d"] + parts["e"]).tolist() == pytest.approx((0.4 * money).tolist(), abs=1e-10)
    assert (parts >= -1e-12).all(axis=None)
    assert index.contributions(table).groupby("lsoa21cd")["contribution"].sum().tolist() == pytest.approx(
        expected.tolist()
    )


def test_the_geometric_mean_by_plain_steps_and_its_contributions():
    table = random_table(30, "abcd")
    domains = [{"id": "x", "weight": 0.5}, {"id": "y", "weight": 0.25}, {"id": "z", "weight": 0.25}]
    parts = [part("a", "x"), part("b", "y"), part("c", "z", weight=0.5), part("d", "z", weight=0.5)]
    index = NeedIndex(index_of(domains, parts, aggregation="geometric")).fit(table)
    p = {k: plain_rank_points(table[k]) for k in "abcd"}
    lifted = [1 + 0.99 * p["a"], 1 + 0.99 * p["b"], 1 + 0.99 * (p["c"] + p["d"]) / 2]
    expected = lifted[0] ** 0.5 * lifted[1] ** 0.25 * lifted[2] ** 0.25
    assert index.assess(table)["score"].tolist() == pytest.approx(expected.tolist())
    assert index.transform(table).sum(axis=1).tolist() == pytest.approx(expected.tolist(), abs=1e-10)
    assert math.isclose(expected.max(), index.reference_scores_.max())
    typical = pd.DataFrame([[table[k].sort_values().iloc[15] for k in "abcd"]], columns=list("abcd"), index=codes(1))
    flat = index.transform(typical).to_numpy()[0]
    assert flat[0] == pytest.approx(2 * flat[1], rel=0.1), "a typical zone is explained by the weights alone"
    with pytest.raises(ValueError, match="a geometric mean cannot take it"):
        index_of(domains, parts, aggregation="geometric", transform="z_score")


def test_known_means_of_three_numbers():
    table = pd.DataFrame({"a": [1.0, 0, 100], "b": [2.0, 0, 100], "c": [3.0, 0, 100]}, index=codes(3))
    posts = {"transform": "goalposts", "goalposts": (1 - 1 / 0.99, (100 - 1) / 0.99 + 1 - 1 / 0.99)}
    lift = {k: [1 + 0.99 * (v - 1) / 0.99 for v in (1, 2, 3)] for k in "abc"}
    assert lift["a"] == pytest.approx([1, 2, 3])
    assert posts["goalposts"][0] < 1
    zone = (table - 1) / 0.99  # points that the geometric mean lifts to 1, 2, 3
    for weights, expected in (((1, 1, 1), 6 ** (1 / 3)), ((1, 1, 2), 18 ** (1 / 4))):
        domains = [{"id": k, "weight": w / 10} for k, w in zip("abc", weights, strict=True)]
        parts = [part(k, k, transform="goalposts", goalposts=(0, 100)) for k in "abc"]
        index = NeedIndex(index_of(domains, parts, aggregation="geometric")).fit(zone.clip(lower=0))
        assert index.assess(zone.clip(lower=0))["score"].iloc[0] == pytest.approx(expected)


@pytest.mark.parametrize("transform", ["imd_exp", "rank", "normal_score", "min_max", "z_score", "none"])
def test_a_column_that_is_the_same_everywhere_sets_no_zone_apart(transform):
    scale = Scale.fit(transform, np.full(50, 0.1 + 0.2))
    found = scale.points(np.full(50, 0.3) if transform == "z_score" else np.full(50, 0.1 + 0.2))
    assert np.ptp(found) == 0
    if transform in {"min_max", "z_score"}:
        assert found.tolist() == [0] * 50


def test_normal_scores_share_the_mean_of_tied_ranks():
    scale = Scale.fit("normal_score", [1, 2, 2, 3])
    assert scale.points(np.array([1.0, 2, 3])).tolist() == pytest.approx(norm.ppf([1 / 5, 2.5 / 5, 4 / 5]).tolist())
    assert np.isnan(scale.points(np.array([np.nan, 1.0]))[0])


def test_goalposts_may_run_downwards_with_the_direction():
    scale_up = index_of([{"id": "d"}], [part("a", "d", transform="goalposts", goalposts=(20, 80))])
    down = {"direction": "lower_is_need", "transform": "goalposts", "goalposts": (80, 20)}
    scale_down = index_of([{"id": "d"}], [part("a", "d", **down)])
    table = pd.DataFrame({"a": [0.0, 20, 35, 80, 99]}, index=codes(5))
    assert NeedIndex(scale_up).fit(table).assess(table)["score"].tolist() == [0, 0, 25, 100, 100]
    assert NeedIndex(scale_down).fit(table).assess(table)["score"].tolist() == [100, 100, 75, 0, 0]


def test_outliers_are_drawn_in_one_by_one_until_the_column_is_fit():
    x = np.array([*range(20), 500.0, 900.0])
    low, high = winsor_limits(x, 5)
    assert (low, high) == (0, 19)
    assert winsor_limits(x, 1) == (0, 500), "one point at most"
    assert winsor_limits(-x, 5) == (-19, 0)
    assert winsor_limits(np.arange(20.0), 5) == (0, 19)
    assert winsor_limits(np.ones(9), 5) == (1, 1)


def test_zones_are_scored_within_their_class():
    table = pd.DataFrame({"a": [1.0, 2, 3, 4, 5, 10, 20, 30, 40, 50], "class": ["R"] * 5 + ["U"] * 5}, index=codes(10))
    index = NeedIndex(index_of([{"id": "d"}], [part("a", "d", within="class")])).fit(table)
    assert index.assess(table)["score"].tolist() == [0, 25, 50, 75, 100] * 2
    area = pd.DataFrame({"a": [2.5, 2.5], "class": ["U", "R"]}, index=codes(2, 50))
    assert index.assess(area)["score"].tolist() == [0, 25]
    with pytest.raises(InputError, match="'class' of the zones is not given"):
        index.assess(area[["a"]])
    with pytest.raises(InputError, match=r"of a class that the reference lacks \(1\): E01000051"):
        index.assess(area.assign(**{"class": ["U", "X"]}))


def test_the_rest_of_a_domain_stands_in_for_a_missing_part():
    domains = [{"id": "x", "weight": 0.5}, {"id": "y", "weight": 0.5}]
    rule = {"missing": "domain_mean"}
    parts = [part("a", "x", weight=0.6, **rule), part("b", "x", weight=0.4, **rule), part("c", "y", **rule)]
    index = NeedIndex(index_of(domains, parts)).fit(random_table(11, "abc"))
    area = pd.DataFrame({"a": [np.nan, 9.0], "b": [9.0, np.nan], "c": [9.0, 9.0]}, index=codes(2, 50))
    assert index.assess(area)["score"].tolist() == [100, 100]
    assert index.transform(area).to_numpy().tolist() == [[0, 50, 50], [50, 0, 50]]
    with pytest.raises(InputError, match="no value in a whole domain"):
        index.assess(area.assign(c=np.nan))


# ---- weights


def test_factor_weights_are_loadings_over_their_sum():
    rng = np.random.default_rng(5)
    common = rng.normal(size=20_000)
    noise = rng.normal(size=(20_000, 3))
    loadings = np.array([0.9, 0.6, 0.3])
    points = common[:, None] * loadings + noise * np.sqrt(1 - loadings**2)
    assert factor_weights(points, where="d") == pytest.approx(loadings / loadings.sum(), abs=0.01)
    assert factor_weights(points * [3, 50, 0.1] + 7, where="d") == pytest.approx(factor_weights(points, where="d"))
    assert factor_weights(points[:, :1], where="d").tolist() == [1]
    with pytest.raises(InputError, match="do not share one factor"):
        factor_weights(points * [1, 1, -1], where="d")
    with pytest.raises(InputError, match="the same everywhere"):
        factor_weights(np.column_stack([common, np.ones(20_000)]), where="d")


@some
@given(st.lists(st.floats(0.05, 1), min_size=5, max_size=5), st.floats(0.1, 10))
def test_the_scale_of_normalised_weights_changes_nothing(weights, factor):
    table = random_table(15, "abcde")
    found = []
    for times in (1, factor):
        domains = [{"id": k, "weight": w * times} for k, w in zip("abcde", weights, strict=True)]
        spec = index_of(domains, [part(k, k) for k in "abcde"], normalise_weights=True)
        found.append(NeedIndex(spec).fit(table).assess(table)["score"].to_numpy())
    assert found[0] == pytest.approx(found[1])


def test_other_weights_replace_the_declared():
    table = random_table(20, "abcde")
    index = NeedIndex(TREE, weights={"home": 0.1, "a": 0.25}).fit(table)
    assert index.weights_ == pytest.approx({"a": 0.05, "b": 0.025, "c": 0.025, "d": 0.2, "e": 0.2})
    with pytest.raises(InputError) as caught:
        NeedIndex(TREE, weights={"house": 1, "a": math.nan, "b": -1}).fit(table)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"transformation": "zscore"}, "'zscore' is no transform"),
        ({"aggregation": "geom"}, "'geom' is no aggregation"),
        ({"transformation": "goalposts"}, "indicator 'a' has no goalposts"),
        ({"transformation": "z_score", "aggregation": "geometric"}, "may fall below 0"),
        ({"weights": {"a": "much"}}, "is 'much'"),
        ({"weights": {"home": 0, "money": 0}}, "the score: has no part with a weight over 0"),
        ({"weights": {"b": 0, "c": 0}}, "domain 'damp': has no part with a weight over 0"),
    ],
)
def test_methods_that_cannot_be_are_refused(settings, told):
    with pytest.raises(InputError, match=told):
        NeedIndex(TREE, **settings).fit(random_table(20, "abcde"))


def test_weights_given_to_an_equally_weighted_domain_count():
    table = random_table(20, "abcde")
    assert NeedIndex(TREE, weights={"b": 0.9, "c": 0.1}).fit(table).tree_.part_weights["damp"] == {"b": 0.9, "c": 0.1}
    spec = index_of([{"id": "a", "weight": 0.5}, {"id": "z", "weight": 0.5}], [
        part("a", "a", weight=0.5), part("b", "a", weight=0.5), part("c", "z")])  # fmt: skip
    index = NeedIndex(spec, weights={"a": 0.1}).fit(table)
    assert index.weights_ == pytest.approx({"a": 0.05, "b": 0.05, "c": 0.5}), "the id of a domain means the domain"


def test_goalposts_against_the_direction_are_refused():
    for direction, posts in (("lower_is_need", (20, 80)), ("higher_is_need", (80, 20)), ("higher_is_need", (5, 5))):
        with pytest.raises(ValueError, match="goalposts are the values that score 0 and 100"):
            index_of([{"id": "d"}], [part("a", "d", direction=direction, transform="goalposts", goalposts=posts)])
    with pytest.raises(ValueError, match="the id 'class' is kept"):
        index_of([{"id": "d"}], [part("class", "d")])


def test_parts_that_follow_from_each_other_have_no_factor():
    common = np.random.default_rng(3).normal(size=(50, 1))
    with pytest.raises(InputError, match="a part follows from the others"):
        factor_weights(np.hstack([common, 2 * common]), where="d")


def test_a_class_too_small_to_rank_in_is_refused():
    table = pd.DataFrame({"a": np.arange(9.0), "class": ["R"] * 8 + ["U"]}, index=codes(9))
    with pytest.raises(InputError, match=r"of a class of fewer than 5 zones \(1\): E01000009"):
        NeedIndex(index_of([{"id": "d"}], [part("a", "d", within="class")])).fit(table)


# ---- properties of every method


METHODS = [
    {"transform": t, "aggregation": a}
    for t in ("imd_exp", "rank", "normal_score", "min_max", "z_score")
    for a in ("arithmetic", "geometric")
    if a == "arithmetic" or t in {"imd_exp", "rank", "min_max"}
]


def two_domains(method: dict, transform: str | None = None) -> IndexSpec:
    domains = [{"id": "x", "weight": 0.6, "transform": transform}, {"id": "y", "weight": 0.4}]
    return index_of(domains, [part("a", "x", weight=0.5), part("b", "x", weight=0.5), part("c", "y")], **method)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: "-".join(m.values()))
@pytest.mark.parametrize("transform", [None, "imd_exp"])
@some
@given(st.lists(st.tuples(*[st.integers(-5, 5)] * 3), min_size=3, max_size=25), st.randoms(use_true_random=False))
def test_every_method_keeps_the_laws_of_an_index(method, transform, rows, rng):
    table = pd.DataFrame(rows, columns=list("abc"), index=codes(len(rows)), dtype=float)
    spec = two_domains(method, transform)
    index = NeedIndex(spec).fit(table)
    score = index.assess(table)["score"]
    # contributions add up
    assert index.transform(table).sum(axis=1).tolist() == pytest.approx(score.tolist(), abs=1e-9)
    # order of rows and columns
    order = rng.sample(range(len(table)), len(table))
    shuffled = table.iloc[order][["c", "a", "b"]]
    assert NeedIndex(spec).fit(shuffled).assess(shuffled)["score"].loc[score.index].tolist() == pytest.approx(
        score.tolist(), abs=1e-9
    )
    # worse on every indicator never scores lower; the others of the reference stay where they are
    worse = index.assess(table.assign(a=table["a"] + 1, c=table["c"] + 2))["score"]
    assert (worse >= score - 1e-9).all()
    # a zone that is worse than another on every indicator never scores below it
    values = table.to_numpy()
    for i, j in pairwise(range(len(values))):
        if (values[i] >= values[j]).all():
            assert score.iloc[i] >= score.iloc[j] - 1e-9


@pytest.mark.parametrize("method", [m for m in METHODS if m["transform"] not in {"imd_exp", "rank", "normal_score"}])
@some
@given(st.integers(-50, 50), st.integers(1, 40))
def test_linear_transforms_do_not_see_a_change_of_unit(method, shift, factor):
    table = random_table(12, "abc")
    spec = two_domains(method)
    before = NeedIndex(spec).fit(table).assess(table)["score"]
    other = table * factor + shift
    after = NeedIndex(spec).fit(other).assess(other)["score"]
    assert after.tolist() == pytest.approx(before.tolist(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("transform", ["imd_exp", "rank", "normal_score", "min_max", "z_score"])
def test_twice_the_same_zones_rank_the_same(transform):
    table = random_table(20, "abc")
    spec = two_domains({"transform": transform, "aggregation": "arithmetic"})
    twice = pd.concat([table, table.set_axis(codes(20, 500))])
    once, double = NeedIndex(spec).fit(table), NeedIndex(spec).fit(twice)
    order = once.assess(table)["score"].sort_values().index.tolist()
    scores = double.assess(twice)["score"]
    assert scores.iloc[:20].tolist() == scores.iloc[20:].tolist()
    if transform in {"min_max", "z_score"}:
        assert scores.iloc[:20].sort_values().index.tolist() == order


def test_direction_turned_and_values_turned_is_the_same_index():
    table = random_table(25, "abc")
    up = two_domains({"transform": "imd_exp", "aggregation": "arithmetic"})
    turned = index_of(
        [{"id": "x", "weight": 0.6}, {"id": "y", "weight": 0.4}],
        [part("a", "x", weight=0.5, direction="lower_is_need"), part("b", "x", weight=0.5), part("c", "y")],
        transform="imd_exp",
    )
    other = table.assign(a=-table["a"])
    assert NeedIndex(turned).fit(other).assess(other)["score"].tolist() == (
        NeedIndex(up).fit(table).assess(table)["score"].tolist()
    )


# ---- cells that are not plainly known


def cells_of(values: pd.DataFrame, low: pd.DataFrame | None = None, high: pd.DataFrame | None = None) -> Cells:
    empty = values * np.nan
    state = pd.DataFrame("measured", index=values.index, columns=values.columns)
    low, high = values if low is None else low, values if high is None else high
    state = state.mask(low < high, "suppressed")
    return Cells(
        values=values, low=low, high=high, numerator=empty, denominator=empty, raw=values, state=state,
        reliability=empty, groups=pd.DataFrame(index=values.index),
    )  # fmt: skip


def test_suppressed_cells_bound_the_score():
    table = random_table(30, "abc")
    low, high = table.copy(), table.copy()
    low.iloc[0, 0] -= 1
    high.iloc[0, 0] += 1
    high.iloc[1, 2] += 5
    spec = index_of(
        [{"id": "x", "weight": 0.6}, {"id": "y", "weight": 0.4}],
        [part("a", "x", weight=0.5), part("b", "x", weight=0.5), part("c", "y", direction="lower_is_need")],
    )
    index = NeedIndex(spec).fit(table)
    found = index.assess(cells_of(table, low, high))
    assert found["score_low"].iloc[0] < found["score"].iloc[0] < found["score_high"].iloc[0]
    assert found["score_low"].iloc[1] < found["score"].iloc[1] == found["score_high"].iloc[1]
    assert (found["score_low"].iloc[2:] == found["score"].iloc[2:]).all()
    assert found["suppressed"].tolist() == [1, 1] + [0] * 28
    assert found["score_high"].iloc[0] == index.assess(high)["score"].iloc[0]
    explanation = index.explain(cells_of(table, low, high))
    assert explanation.cells["indicator"].tolist() == ["a", "c"]
    assert explanation.cells["state"].tolist() == ["suppressed"] * 2


# ---- another choice


def test_what_if_a_domain_is_left_out():
    table = random_table(40, "abcde")
    index = NeedIndex(TREE).fit(table)
    found = index.what_if(table, drop=["damp"])
    other = index_of(
        [{"id": "home", "weight": 0.6}, {"id": "money", "weight": 0.4, "transform": "rank"}],
        [part("a", "home"), part("d", "money", weight=0.5), part("e", "money", weight=0.5, transform="min_max")],
    )
    expected = NeedIndex(other).fit(table).assess(table)
    assert found.table["score_new"].tolist() == pytest.approx(expected["score"].tolist())
    assert found.table["moved"].tolist() == (found.table["rank_england"] - expected["rank_england"]).tolist()
    assert found.change == "without damp"
    assert found.spearman == pytest.approx(found.table["score"].corr(found.table["score_new"], method="spearman"))
    assert "leave England's most needy fifth" in found.summary
    assert index.what_if(table).table["moved"].abs().max() == 0
    assert index.what_if(table, transformation="z_score", weights={"home": 0.2}).spearman < 1
    for wrong in (["nothing"], ["home", "money"]):
        with pytest.raises(InputError):
            index.what_if(table, drop=wrong)


def test_an_explanation_holds_what_scrutiny_asks():
    table = random_table(60, "abcde")
    table["b"] = table["a"] + 0.001 * table["b"]
    found = NeedIndex(TREE).fit(table).explain(table)
    assert found.domains == {"home": "home", "money": "money"}
    assert found.pairs.loc[0, ["a", "b"]].tolist() == ["a", "b"]
    assert found.pairs.loc[0, "same_domain"]
    assert len(found.pairs) == 10
    assert len(found.double_counted) == 1
    assert found.cells.empty
    assert found.specification.loc["c", "made_of"] == "c"
    assert found.specification.loc["c", "licence"] == "CC0-1.0"
    assert found.weights["variance_share"].sum() == pytest.approx(1)
