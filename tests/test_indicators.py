"""Specifications of an index, and indicator values from raw tables."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import InputError, SettingsError
from needs.indicators import IndexSpec, indicator_values, read_spec
from needs.settings import CATALOGUE

A, B, C = "E01000001", "E01000002", "E01000003"

SPEC = """
[index]
id = "small"
label = "Small"
version = "1"
geography = "LSOA21"
reference = "England"
transform = "imd_exp"
source = "A test."

[[domain]]
id = "health"
label = "Health"
weight = 0.6
rationale = "A reason."

[[domain]]
id = "homes"
label = "Homes"
weight = 0.3
rationale = "A reason."

[[indicator]]
id = "illness"
label = "Illness"
domain = "health"
weight = 0.75
value = "illness_rank"
scale = "rank"
direction = "lower_is_need"
unit = "rank in England"
publisher = "A publisher"
vintage = "2025"

[[indicator]]
id = "life"
label = "Years of life"
domain = "health"
weight = 0.25
value = "life_years"
scale = "value"
direction = "lower_is_need"
transform = "rank"
unit = "years"
publisher = "A publisher"
vintage = "2025"

[[indicator]]
id = "crowded"
label = "Crowded homes"
domain = "homes"
weight = 1
numerator = ["crowded_1", "crowded_2"]
denominator = ["crowded_1", "crowded_2", "roomy"]
scale = "value"
direction = "higher_is_need"
unit = "share of households"
publisher = "A publisher"
vintage = "2021"
"""


def raw_spec() -> dict:
    return tomllib.loads(SPEC)


def spec() -> IndexSpec:
    return IndexSpec.model_validate(raw_spec())


def tables() -> dict[str, pd.DataFrame]:
    return {
        "health": pd.DataFrame({"lsoa21cd": [B, A, C], "illness_rank": [1, 2, 3], "life_years": [70.5, 80, 75]}),
        "homes": pd.DataFrame(
            {"lsoa21cd": [C, B, A], "crowded_1": [1, 2, 0], "crowded_2": [3, 0, 0], "roomy": [4, 6, 9]}
        ),
    }


def faults_of(text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "index.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_spec(path)
    return [str(f) for f in caught.value.faults]


def input_faults(given_tables: dict[str, pd.DataFrame]) -> list[str]:
    with pytest.raises(InputError) as caught:
        indicator_values(given_tables, spec())
    return [str(f) for f in caught.value.faults]


# ---- specifications


def test_the_published_weights_of_the_imd_sum_to_0999_and_stay_so():
    imd = read_spec("imd")
    assert list(imd.weights.values()) == [0.225, 0.225, 0.135, 0.135, 0.093, 0.093, 0.093]
    assert sum(imd.weights.values()) == pytest.approx(0.999, abs=1e-12)
    assert {i.scale for i in imd.indicators} == {"rank"}


def test_every_index_of_the_catalogue_reads_and_bears_its_own_name():
    paths = sorted((CATALOGUE / "indices").glob("*.toml"))
    assert {p.stem for p in paths} >= {"imd", "family-hubs"}
    for path in paths:
        assert read_spec(path.stem) == read_spec(path)
        assert read_spec(path).index.id == path.stem


def test_weights_multiply_and_the_transform_of_an_indicator_replaces_the_index_s():
    assert spec().weights == pytest.approx({"illness": 0.45, "life": 0.15, "crowded": 0.3})
    assert spec().transforms == {"illness": "imd_exp", "life": "rank", "crowded": "imd_exp"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('direction = "lower_is_need"\nunit', 'direction = "higher_is_need"\nunit', "[[indicator]] illness: scale"),
        ('domain = "homes"', 'domain = "house"', "indicator 'crowded' is of domain 'house', not one of health, homes"),
        ("weight = 0.75", "weight = 0.7", "the indicators of domain 'health' sum to 0.95, not to 1"),
        ("weight = 0.75", "weight = 0", "[[indicator]] illness weight: Input should be greater than 0 (it is 0)"),
        ("weight = 0.6", "weight = nan", "[[domain]] health weight: Input should be a finite number"),
        ("weight = 0.6", "weight = 60", "[[domain]] health weight: Input should be less than or equal to 1 (it is 60)"),
        ("weight = 0.6", "weight = 0.8", "the weights of the domains sum to 1.1, over 1"),
        ('id = "life"', 'id = "illness"', "2 indicators have the id 'illness'"),
        ('id = "homes"', 'id = "health"', "2 domains have the id 'health'"),
        ('value = "life_years"', "", "[[indicator]] life: give either value, or both numerator and denominator"),
        ('numerator = ["crowded_1", "crowded_2"]', "", "[[indicator]] crowded: give either value"),
        ('numerator = ["crowded_1", "crowded_2"]', "numerator = []", "[[indicator]] crowded: give either value"),
        ('numerator = ["crowded_1", ', 'value = "x"\nnumerator = ["crowded_1", ', "[[indicator]] crowded: give either"),
        ('"crowded_2", "roomy"]', '"crowded_2", "crowded_2"]', "crowded: a column is counted twice"),
        ('"roomy"]\nscale = "value"', '"roomy"]\nscale = "rank"', 'crowded: scale "rank" is a published rank: give'),
        (
            'transform = "rank"',
            'transform = "zscore"',
            "[[indicator]] life transform: Input should be 'imd_exp' or 'rank'",
        ),
        ('version = "1"', "", "index version: Field required -> add it"),
        ('unit = "years"', 'units = "years"', "[[indicator]] life units: Extra inputs are not permitted -> remove it"),
        ('geography = "LSOA21"', 'geography = "LSOA11"', "index geography: Input should be 'LSOA21' (it is 'LSOA11')"),
        ('[index]\nid = "small"', '[index]\nid = "../small"', "index id: String should match pattern"),
        ("[index]", "[index", "is not valid TOML"),
    ],
)
def test_a_wrong_specification_is_refused_with_its_place(old, new, expected, tmp_path):
    assert old in SPEC
    assert any(expected in f for f in faults_of(SPEC.replace(old, new, 1), tmp_path))


def test_every_fault_of_a_specification_is_listed_at_once(tmp_path):
    shape = SPEC.replace('version = "1"', "").replace("weight = 0.6", "weight = -1").replace('value = "life_years"', "")
    assert len(faults_of(shape, tmp_path)) == 3
    sense = SPEC.replace("weight = 0.6", "weight = 0.8").replace("weight = 0.75", "weight = 0.5")
    assert len(faults_of(sense.replace('domain = "homes"', 'domain = "house"'), tmp_path)) == 4


def test_a_list_of_wrong_things_is_a_fault_and_not_a_crash(tmp_path):
    assert any("[[domain]] 1" in f for f in faults_of("domain = [3]\nindicator = 4\n", tmp_path))


def test_an_unknown_index_says_what_was_perhaps_meant():
    with pytest.raises(SettingsError, match="did you mean 'family-hubs'"):
        read_spec("family-hub")
    with pytest.raises(SettingsError, match="not a file"):
        read_spec("nowhere/index.toml")


def test_a_specification_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        spec().indicators[0].weight = 1.0


# ---- values


def test_values_by_hand():
    values = indicator_values(tables(), spec())
    expected = pd.DataFrame(
        {"illness": [2.0, 1.0, 3.0], "life": [80.0, 70.5, 75.0], "crowded": [0.0, 2 / 8, 4 / 8]},
        index=pd.Index([A, B, C], name="lsoa21cd"),
    )
    pd.testing.assert_frame_equal(values, expected, check_exact=True)


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False))
def test_no_order_of_rows_columns_or_tables_matters_and_inputs_stay_as_they_were(rng):
    shuffled = {
        key: table.iloc[rng.sample(range(3), 3), rng.sample(range(len(list(table))), len(list(table)))]
        for key, table in sorted(tables().items(), key=lambda _: rng.random())
    }
    before = copy.deepcopy(shuffled)
    pd.testing.assert_frame_equal(
        indicator_values(shuffled, spec()), indicator_values(tables(), spec()), check_exact=True
    )
    for key, table in shuffled.items():
        pd.testing.assert_frame_equal(table, before[key])


def test_columns_that_no_indicator_asks_for_may_hold_anything_in_any_table():
    wide = {k: t.assign(households=["many", None, "*"]) for k, t in tables().items()}
    pd.testing.assert_frame_equal(indicator_values(wide, spec()), indicator_values(tables(), spec()))


def test_a_measured_value_may_be_negative_and_only_counts_may_not():
    values = indicator_values(change("health", "life_years", [-1.5, 0, 2]), spec())
    assert values["life"].tolist() == [0, -1.5, 2]


def test_numbers_written_as_text_or_nullable_are_read():
    t = tables()
    t["homes"]["roomy"] = t["homes"]["roomy"].astype(str)
    t["health"]["illness_rank"] = t["health"]["illness_rank"].astype("Int64")
    pd.testing.assert_frame_equal(indicator_values(t, spec()), indicator_values(tables(), spec()))


def test_a_sum_of_parts_may_span_tables():
    t = tables()
    t["rooms"] = t["homes"][["lsoa21cd", "roomy"]].iloc[[1, 0, 2]]
    t["homes"] = t["homes"].drop(columns="roomy")
    pd.testing.assert_frame_equal(indicator_values(t, spec()), indicator_values(tables(), spec()))


def change(table: str, column: str, values: list) -> dict[str, pd.DataFrame]:
    t = tables()
    t[table][column] = values
    return t


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (change("homes", "roomy", [4, -6, 9]), f"homes: 'roomy' is a negative count: 1 zone, {B} "),
        (change("homes", "roomy", [4, "*", 9]), f"homes: 'roomy' is no number ('*'): 1 zone, {B} "),
        (change("homes", "roomy", [4, np.inf, 9]), f"homes: 'roomy' is no number (inf): 1 zone, {B} "),
        (change("homes", "roomy", [4, None, 9]), f"homes: 'roomy' is blank: 1 zone, {B} "),
        (change("homes", "roomy", [4, 6, 0]), f"indicator 'crowded': the denominator is 0: 1 zone, {A} "),
        (change("health", "illness_rank", [0, 1, 2]), f"'illness_rank' is no rank: whole, from 1: 1 zone, {B}"),
        (change("health", "illness_rank", [1, 2.5, 3]), f"no rank: whole, from 1: 1 zone, {A} "),
        (change("homes", "life_years", [1, 2, 3]), "column 'life_years': is in 2 tables: health, homes"),
        ({"health": tables()["health"]}, "column 'roomy' of indicator 'crowded': is in none of the tables (health)"),
        ({}, "column 'illness_rank' of indicator 'illness': is in none of the tables (there are none)"),
        ({**tables(), "homes": tables()["homes"][:1]}, f"homes: lacks zones that other tables have: 2 zones, {A}, {B}"),
        ({**tables(), "health": tables()["health"][1:]}, f"health: lacks zones that other tables have: 1 zone, {B} "),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_its_zones(wrong, expected):
    faults = input_faults(wrong)
    assert [f for f in faults if expected in f], faults
    if wrong and "in none" not in expected:
        assert len(faults) == 1, "one cause, one fault"


def test_a_missing_column_says_how_to_map_it():
    (fault,) = input_faults({**tables(), "health": tables()["health"].drop(columns="life_years")})
    assert 'columns.life_years = "<heading>"' in fault
    assert "Years of life" in fault


def test_a_numerator_over_its_denominator_is_refused():
    raw = raw_spec()
    raw["indicator"][2]["denominator"] = ["roomy"]
    with pytest.raises(InputError, match=rf"over the denominator: 1 zone, {B} "):
        indicator_values(change("homes", "roomy", [4, 1, 9]), IndexSpec.model_validate(raw))


def test_many_zones_are_counted_and_five_are_named():
    codes = [f"E0100{n:04}" for n in range(12)]
    t = {
        "health": pd.DataFrame({"lsoa21cd": codes, "illness_rank": range(1, 13), "life_years": np.nan}),
        "homes": pd.DataFrame({"lsoa21cd": codes[::-1], "crowded_1": 1, "crowded_2": 0, "roomy": 1}),
    }
    (fault,) = input_faults(t)
    assert f"is blank: 12 zones, {', '.join(codes[:5])}, ... ->" in fault


def test_every_fault_of_the_tables_is_listed_at_once():
    t = change("homes", "roomy", [4, -6, "x"])
    t["health"] = t["health"].drop(columns="life_years").iloc[:2].assign(illness_rank=[0, None])
    kinds = ("negative", "no number", "none of the tables", "is blank", "no rank", "lacks zones")
    faults = input_faults(t)
    assert [sum(kind in f for f in faults) for kind in kinds] == [1] * len(kinds)
    assert len(faults) == len(kinds)
