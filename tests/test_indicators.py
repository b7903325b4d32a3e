"""Specifications of an index, and indicator values from raw tables."""

from __future__ import annotations

import copy
import itertools
import math
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from needs.assessment import Input
from needs.errors import InputError, SettingsError
from needs.index import NeedIndex
from needs.indicators import (
    NOT_RELIABLE,
    Cells,
    IndexSpec,
    cell_flags,
    indicator_values,
    read_spec,
    reliability_table,
)
from needs.settings import CATALOGUE

A, B, C = "E01000001", "E01000002", "E01000003"
some = settings(deadline=None, max_examples=40)

SPEC = """
[index]
id = "small"
label = "Small"
version = "1"
geography = "LSOA21"
reference = "England"
transform = "imd_exp"
source = "A test."

[[source]]
id = "made"
title = "A table"
publisher = "A publisher"
period = "2025"
geography = "LSOA21"
licence = "CC0-1.0"
caveat = "Made up."

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
measure = "rank"
direction = "lower_is_need"
unit = "rank in England"
source = "made"

[[indicator]]
id = "life"
label = "Years of life"
domain = "health"
weight = 0.25
value = "life_years"
measure = "value"
direction = "lower_is_need"
transform = "rank"
unit = "years"
source = "made"

[[indicator]]
id = "crowded"
label = "Crowded homes"
domain = "homes"
weight = 1
numerator = ["crowded_1", "crowded_2"]
denominator = ["crowded_1", "crowded_2", "roomy"]
measure = "proportion"
direction = "higher_is_need"
unit = "share of households"
source = "made"
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


def input_faults(given_tables: dict[str, pd.DataFrame], of: IndexSpec | None = None, **more: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        indicator_values(given_tables, of or spec(), **more)
    return [str(f) for f in caught.value.faults]


def spec_of(*indicators: dict) -> IndexSpec:
    """One domain of counted indicators with columns x of n, unless told otherwise."""
    common = {"domain": "all", "weight": 1 / len(indicators), "direction": "higher_is_need", "unit": "share"}
    counts = {"measure": "proportion", "numerator": ["x"], "denominator": ["n"], "source": "made"}
    made = [{"id": f"i{k}", "label": f"Thing {k}", **common, **counts, **i} for k, i in enumerate(indicators)]
    raw = raw_spec()
    domain = {"id": "all", "label": "All", "weight": 1, "rationale": "A reason."}
    return IndexSpec.model_validate({**raw, "domain": [domain], "indicator": made})


def codes(n: int, first: int = 1) -> list[str]:
    return [f"E01{k:06}" for k in range(first, first + n)]


def cells_of(columns: dict[str, list], *indicators: dict, **more: object) -> Cells:
    n = len(next(iter(columns.values())))
    return indicator_values({"t": pd.DataFrame({"lsoa21cd": codes(n), **columns})}, spec_of(*indicators), **more)


def groups_of(councils: list, classes: list) -> pd.DataFrame:
    return pd.DataFrame({"council": councils, "class": classes}, index=codes(len(councils)))


# ---- specifications


def test_the_published_weights_of_the_imd_sum_to_0999_and_stay_so():
    imd = read_spec("imd")
    assert [d.weight for d in imd.domains] == [0.225, 0.225, 0.135, 0.135, 0.093, 0.093, 0.093]
    assert not imd.index.normalise_weights
    assert {i.weight for i in imd.indicators} == {1.0}
    assert {i.measure for i in imd.indicators} == {"rank"}


def test_every_index_of_the_catalogue_reads_bears_its_own_name_and_tells_its_sources():
    paths = sorted((CATALOGUE / "indices").glob("*.toml"))
    assert {p.stem for p in paths} >= {"imd", "family-hubs", "children"}
    for path in paths:
        found = read_spec(path.stem)
        assert found == read_spec(path)
        assert found.index.id == path.stem
        table = found.table()
        assert list(table.index) == found.ids
        assert set(table["licence"]) == {"OGL-UK-3.0"}
        assert {i.source for i in found.indicators} == {s.id for s in found.sources}, "a source that nothing uses"


def test_the_inputs_that_the_children_index_asks_for_in_its_comment_hold_its_columns():
    text = (CATALOGUE / "indices" / "children.toml").read_text("utf-8")
    comment = [line.removeprefix("#").removeprefix(" ") for line in text.splitlines() if line.startswith("#")]
    block = "\n".join(comment[comment.index("[[input]]") :])
    asked = [Input.model_validate(i) for i in tomllib.loads(block)["input"]]
    base = tomllib.loads((CATALOGUE / "bases" / "gathered.toml").read_text("utf-8"))["input"]
    ours = {i.id for i in asked}
    held = [c for i in asked for c in i.columns] + [c for i in base if i["id"] not in ours for c in i["columns"]]
    for column in {c for i in read_spec("children").indicators for c in i.columns}:
        assert held.count(column) == 1, column


def test_the_table_of_a_specification_says_what_scrutiny_asks():
    raw = raw_spec()
    raw["indicator"][2] |= {"suppressed": {"low": 1, "high": 7}, "rounding": 5, "caveat": "Not all homes."}
    table = IndexSpec.model_validate(raw).table()
    row = table.loc["crowded"]
    assert row["made_of"] == "(crowded_1 + crowded_2) / (crowded_1 + crowded_2 + roomy)"
    assert (row["suppressed"], row["rounding"], row["transform"]) == ("blank: 1 to 7", 5, "imd_exp")
    assert row["caveat"] == "Not all homes. Made up."
    assert table.loc["life", ["made_of", "transform", "publisher", "period"]].tolist() == [
        "life_years", "rank", "A publisher", "2025",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'direction = "lower_is_need"\nunit',
            'direction = "higher_is_need"\nunit',
            "[[indicator]] illness: measure",
        ),
        ('domain = "homes"', 'domain = "house"', "indicator 'crowded' is of domain 'house', not one of health, homes"),
        ('source = "made"', 'source = "bade"', "indicator 'illness' is of source 'bade', not one of made"),
        ("weight = 0.75", "weight = 0.7", "the indicators of domain 'health' sum to 0.95, not to 1"),
        ("weight = 0.75", "weight = 0", "[[indicator]] illness weight: Input should be greater than 0 (it is 0)"),
        ("weight = 0.6", "weight = nan", "[[domain]] health weight: Input should be a finite number"),
        ("weight = 0.6", "weight = 0.8", "the weights of the domains sum to 1.1, over 1"),
        ('id = "life"', 'id = "illness"', "2 indicators have the id 'illness'"),
        ('id = "homes"', 'id = "health"', "2 domains have the id 'health'"),
        ('id = "homes"', 'id = "homes"\nparent = "roof"', "domain 'homes' lies in 'roof', which is no domain"),
        ('id = "homes"', 'id = "homes"\nparent = "homes"', "domain 'homes' lies within itself"),
        ('id = "life"', 'id = "homes"', "'homes' is the id of a domain and of an indicator of another domain"),
        ('value = "life_years"', "", '[[indicator]] life: measure "value" is a column as published'),
        ('value = "life_years"', 'value = "life_years"\nper = 10', "[[indicator]] life: measure"),
        ('value = "life_years"', 'value = "life_years"\nmin_denominator = 10', "[[indicator]] life: measure"),
        ('value = "life_years"', 'value = "life_years"\nrounding = 5', "life: smoothing, suppressed and rounding are"),
        ('numerator = ["crowded_1", "crowded_2"]', "", "crowded: measure \"proportion\" is made of a numerator"),
        ('numerator = ["crowded_1", "crowded_2"]', "numerator = []", "[[indicator]] crowded: measure"),
        ('numerator = ["crowded_1", ', 'value = "x"\nnumerator = ["crowded_1", ', "[[indicator]] crowded: measure"),
        ('"crowded_2", "roomy"]', '"crowded_2", "crowded_2"]', "crowded: a column is counted twice"),
        ('measure = "proportion"', 'measure = "rank"', 'crowded: measure "rank" is a column as published'),
        ('measure = "proportion"', 'measure = "ratio"\nsmoothing = "eb"', "crowded: smoothing, suppressed"),
        ('measure = "rank"', 'measure = "rank"\nmissing = "domain_mean"', "illness: measure \"rank\" is used"),
        ('measure = "rank"', 'measure = "rank"\ntransform = "z_score"', "illness' is a published rank: 'z_score'"),
        ('measure = "proportion"', 'measure = "proportion"\nsuppressed = { low = 9, high = 1 }', "high 1 is below"),
        ('transform = "rank"', 'transform = "zscore"', "[[indicator]] life transform: Input should be 'imd_exp'"),
        ('transform = "rank"', 'transform = "goalposts"', "indicator 'life' has no goalposts"),
        ('version = "1"', "", "index version: Field required -> add it"),
        ('licence = "CC0-1.0"', "", "[[source]] made licence: Field required -> add it"),
        ('unit = "years"', 'units = "years"', "life units: there is no such setting: did you mean 'unit'? -> remove"),
        ('[index]\nid = "small"', '[index]\nid = "../small"', "index id: String should match pattern"),
        ("[index]", "[index", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_wrong_specification_is_refused_with_its_place(old, new, expected, tmp_path):
    assert old in SPEC
    assert any(expected in f for f in faults_of(SPEC.replace(old, new, 1), tmp_path))


def test_every_fault_of_a_specification_is_listed_at_once(tmp_path):
    shape = SPEC.replace('version = "1"', "").replace("weight = 0.6", "weight = -1").replace('value = "life_years"', "")
    assert len(faults_of(shape, tmp_path)) == 3
    sums = SPEC.replace("weight = 0.6", "weight = 0.8").replace("weight = 0.75", "weight = 0.5")
    assert len(faults_of(sums, tmp_path)) == 2
    names = SPEC.replace('domain = "homes"', 'domain = "house"').replace('source = "made"', 'source = "bade"')
    assert len(faults_of(names, tmp_path)) == 5  # an indicator of no domain, three of no source, an empty domain


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


# ---- reading the tables


def test_values_by_hand():
    cells = indicator_values(tables(), spec())
    expected = pd.DataFrame(
        {"illness": [2.0, 1.0, 3.0], "life": [80.0, 70.5, 75.0], "crowded": [0.0, 2 / 8, 4 / 8]},
        index=pd.Index([A, B, C], name="lsoa21cd"),
    )
    for table in (cells.values, cells.low, cells.high, cells.raw):
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
    assert cells.numerator["crowded"].tolist() == [0, 2, 4]
    assert cells.denominator["crowded"].tolist() == [9, 8, 8]
    assert (cells.state == "measured").all(axis=None)
    for table in (cells.numerator, cells.denominator, cells.reliability):
        assert table[["illness", "life"]].isna().all(axis=None)
        assert table["crowded"].notna().all()
    assert (list(cells.groups), cells.notes) == ([], ())


@some
@given(st.randoms(use_true_random=False))
def test_no_order_of_rows_columns_or_tables_matters_and_inputs_stay_as_they_were(rng):
    shuffled = {
        key: table.iloc[rng.sample(range(3), 3), rng.sample(range(len(list(table))), len(list(table)))]
        for key, table in sorted(tables().items(), key=lambda _: rng.random())
    }
    before = copy.deepcopy(shuffled)
    found, expected = indicator_values(shuffled, spec()), indicator_values(tables(), spec())
    for name in ("values", "low", "high", "numerator", "denominator", "raw", "state", "reliability"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), check_exact=True)
    for key, table in shuffled.items():
        pd.testing.assert_frame_equal(table, before[key])


def values_of(given_tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return indicator_values(given_tables, spec()).values


def test_columns_that_no_indicator_asks_for_may_hold_anything_in_any_table():
    wide = {k: t.assign(households=["many", None, "*"]) for k, t in tables().items()}
    pd.testing.assert_frame_equal(values_of(wide), values_of(tables()))


def test_a_measured_value_may_be_negative_and_only_counts_may_not():
    assert values_of(change("health", "life_years", [-1.5, 0, 2]))["life"].tolist() == [0, -1.5, 2]


def test_numbers_written_as_text_or_nullable_are_read():
    t = tables()
    t["homes"]["roomy"] = t["homes"]["roomy"].astype(str)
    t["health"]["illness_rank"] = t["health"]["illness_rank"].astype("Int64")
    pd.testing.assert_frame_equal(values_of(t), values_of(tables()))


def test_a_sum_of_parts_may_span_tables():
    t = tables()
    t["rooms"] = t["homes"][["lsoa21cd", "roomy"]].iloc[[1, 0, 2]]
    t["homes"] = t["homes"].drop(columns="roomy")
    pd.testing.assert_frame_equal(values_of(t), values_of(tables()))


def change(table: str, column: str, values: list) -> dict[str, pd.DataFrame]:
    t = tables()
    t[table][column] = values
    return t


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (change("homes", "roomy", [4, -6, 9]), f"homes: 'roomy' is a negative count (1): {B} "),
        (change("homes", "roomy", [4, "*", 9]), f"homes: 'roomy' is no number ('*') (1): {B} "),
        (change("homes", "roomy", [4, np.inf, 9]), f"homes: 'roomy' is no number (inf) (1): {B} "),
        (change("homes", "roomy", [4, None, 9]), f"homes: 'roomy' is blank (1): {B} "),
        (change("health", "life_years", [4, None, 9]), f"health: 'life_years' is blank (1): {A} "),
        (change("homes", "roomy", [4, 6, 0]), f"indicator 'crowded': the denominator is 0 (1): {A} "),
        (change("health", "illness_rank", [0, 1, 2]), f"'illness_rank' is no rank: whole, from 1 (1): {B}"),
        (change("health", "illness_rank", [1, 2.5, 3]), f"no rank: whole, from 1 (1): {A} "),
        (change("homes", "life_years", [1, 2, 3]), "column 'life_years': is in 2 tables: health, homes"),
        (change("homes", "lsoa21cd", [C, B, B]), f"homes: has a zone twice (1): {B} "),
        ({"health": tables()["health"]}, "column 'roomy' of indicator 'crowded': is in none of the tables (health)"),
        ({}, "column 'illness_rank' of indicator 'illness': is in none of the tables (there are none)"),
        ({**tables(), "homes": tables()["homes"][:1]}, f"homes: lacks zones that other tables have (2): {A}, {B}"),
        ({**tables(), "homes": tables()["homes"][:0]}, "homes: lacks zones that other tables have (3)"),
        ({**tables(), "health": tables()["health"][1:]}, f"health: lacks zones that other tables have (1): {B} "),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_its_zones(wrong, expected):
    faults = input_faults(wrong)
    assert [f for f in faults if expected in f], faults
    if wrong and "in none" not in expected and "twice" not in expected:
        assert len(faults) == 1, "one cause, one fault"


def test_a_missing_column_says_how_to_map_it():
    (fault,) = input_faults({**tables(), "health": tables()["health"].drop(columns="life_years")})
    assert 'columns.life_years = "<heading>"' in fault
    assert "Years of life" in fault


def test_many_zones_are_counted_and_the_first_are_named():
    many = codes(1200)
    t = {
        "health": pd.DataFrame({"lsoa21cd": many, "illness_rank": range(1, 1201), "life_years": np.nan}),
        "homes": pd.DataFrame({"lsoa21cd": many[::-1], "crowded_1": 1, "crowded_2": 0, "roomy": 1}),
    }
    (fault,) = input_faults(t)
    assert f"is blank (1,200): {', '.join(many[:10])} and 1,190 more ->" in fault


def test_every_fault_of_the_tables_is_listed_at_once():
    t = change("homes", "roomy", [4, -6, "x"])
    t["health"] = t["health"].drop(columns="life_years").iloc[:2].assign(illness_rank=[0, None])
    kinds = ("negative", "no number", "none of the tables", "is blank", "no rank", "lacks zones")
    faults = input_faults(t)
    assert [sum(kind in f for f in faults) for kind in kinds] == [1] * len(kinds)
    assert len(faults) == len(kinds)


# ---- counts that are suppressed, rounded, over their denominator


HIDDEN = {"suppressed": {"low": 1, "high": 7}}


def test_a_suppressed_count_by_hand():
    # The measured zones have 30 + 10 of 200: a fifth. Of 20 that is 4; of 100 it is 20, and 7 at most; of 3 it is
    # 0.6, and 1 at least, with no room for more than 3.
    cells = cells_of({"x": [30, 10, None, None, None], "n": [100, 100, 20, 100, 3]}, {**HIDDEN, "per": 100})
    assert cells.numerator["i0"].tolist() == pytest.approx([30, 10, 4, 7, 1])
    assert cells.values["i0"].tolist() == pytest.approx([30, 10, 20, 7, 100 / 3])
    assert cells.low["i0"].tolist() == pytest.approx([30, 10, 5, 1, 100 / 3])
    assert cells.high["i0"].tolist() == pytest.approx([30, 10, 35, 7, 100])
    assert cells.state["i0"].tolist() == ["measured"] * 2 + ["suppressed"] * 3
    pd.testing.assert_frame_equal(cells.raw, cells.values)


def test_a_suppressed_part_that_the_denominator_counts_too_stands_on_both_sides():
    # Two of the five parts are wanted. Measured: 10 of 50. Blank a: (a + 2) / (a + 2 + 20), a fifth at a = 3.5.
    columns = {"a": [4, None, None], "b": [6, 2, None], "c": [40, 20, 0]}
    cells = cells_of(columns, {**HIDDEN, "numerator": ["a", "b"], "denominator": ["a", "b", "c"]})
    assert cells.values["i0"].tolist() == pytest.approx([0.2, 5.0 / 25, 1.0])
    assert cells.numerator["i0"].tolist()[:2] == pytest.approx([10, 5.0])
    assert cells.low["i0"].tolist() == pytest.approx([0.2, 3 / 23, 1.0])
    assert cells.high["i0"].tolist() == pytest.approx([0.2, 9 / 29, 1.0])


def test_a_suppressed_part_of_a_whole_that_is_nothing_else_elsewhere_is_as_great_as_can_be():
    cells = cells_of({"a": [4, None], "c": [0, 10]}, {**HIDDEN, "numerator": ["a"], "denominator": ["a", "c"]})
    assert cells.values["i0"].tolist() == [1, 7 / 17]


def test_a_suppressed_part_of_both_sides_may_lower_a_rate_over_1():
    rule = {**HIDDEN, "measure": "rate", "numerator": ["a", "b"], "denominator": ["a", "c"]}
    cells = cells_of({"a": [1, None], "b": [4, 9], "c": [1, 2]}, rule)
    assert cells.values["i0"].tolist() == pytest.approx([2.5, 2.5])  # (a + 9) / (a + 2) at a = 8 / 3
    assert cells.low["i0"].tolist() == pytest.approx([2.5, 16 / 9])
    assert cells.high["i0"].tolist() == pytest.approx([2.5, 10 / 3])


def test_events_that_come_more_than_once_know_no_room():
    cells = cells_of({"x": [30, None], "n": [10, 2]}, {**HIDDEN, "measure": "rate"})
    assert cells.values["i0"].tolist() == [3, 3]
    assert cells.high["i0"].tolist() == [3, 3.5]


def test_where_all_is_suppressed_the_middle_is_used_and_a_note_says_so():
    cells = cells_of({"x": [None, None], "n": [10, 100]}, HIDDEN)
    assert cells.numerator["i0"].tolist() == [4, 4]
    assert cells.notes == ("Thing 0: every zone is suppressed; the middle of the bounds is used.",)


def test_a_count_rounded_past_its_denominator_is_held_to_it_and_one_beyond_rounding_is_refused():
    assert cells_of({"x": [15, 10], "n": [13, 20]}, {"rounding": 5}).values["i0"].tolist() == [1, 0.5]
    for columns, rounding in (({"x": [15, 10], "n": [12, 20]}, 5), ({"x": [15, 10], "n": [14, 20]}, 0)):
        table = {"t": pd.DataFrame({"lsoa21cd": codes(2), **columns})}
        (fault,) = input_faults(table, spec_of({"rounding": rounding}))
        assert fault.startswith(f"indicator 'i0': the numerator is over the denominator (1): {A} ")


def test_every_rounded_part_of_a_sum_may_be_off_unless_the_denominator_has_it_too():
    two = {"rounding": 5, "numerator": ["x", "y"]}
    assert cells_of({"x": [10], "y": [10], "n": [15]}, two).values["i0"].tolist() == [1]
    shared = {**two, "denominator": ["x", "n"]}
    assert cells_of({"x": [10], "y": [10], "n": [8]}, shared).values["i0"].tolist() == [1]
    table = {"t": pd.DataFrame({"lsoa21cd": [A], "x": [10], "y": [10], "n": [7]})}
    assert len(input_faults(table, spec_of(shared))) == 1


def test_events_in_a_zone_without_anybody_are_refused_once():
    table = {"t": pd.DataFrame({"lsoa21cd": codes(2), "x": [2, 1], "n": [0, 4]})}
    (fault,) = input_faults(table, spec_of({}))
    assert "the numerator is over the denominator (1)" in fault


def test_rates_and_ratios_may_pass_1_and_per_multiplies():
    rate, ratio = {"measure": "rate", "per": 1000}, {"measure": "ratio", "per": 10}
    cells = cells_of({"x": [30, 5], "n": [20, 10]}, rate, ratio)
    assert cells.values["i0"].tolist() == [1500, 500]
    assert cells.values["i1"].tolist() == [15, 5]
    assert cells.numerator["i1"].tolist() == [30, 5]
    assert cells.reliability["i1"].isna().all()
    assert cells.reliability["i0"].notna().all()


# A second way to the bounds: try every whole count that a blank may be.


def plain_ends(cells: list, kinds: list[bool], base: int, low: int, high: int) -> tuple[float, float]:
    """Least and greatest share: `kinds` says of each numerator's cell whether the denominator counts it too."""
    blanks = [k for k, c in enumerate(cells) if c is None]
    ratios = []
    for counts in itertools.product(range(low, high + 1), repeat=len(blanks)):
        full = [counts[blanks.index(k)] if c is None else c for k, c in enumerate(cells)]
        below = base + sum(c for c, inside in zip(full, kinds, strict=True) if inside)
        if sum(full) <= below and below:
            ratios.append(sum(full) / below)
    return (min(ratios), max(ratios)) if ratios else (math.nan, math.nan)


def plain_share(cells: list, kinds: list[bool], base: int, low: int, high: int, pooled: float) -> float:
    """Share with the one count in every blank, by bisection, that comes next to the pooled rate."""

    def short(each: float) -> float:
        full = [each if c is None else c for c in cells]
        return pooled * (base + sum(c for c, inside in zip(full, kinds, strict=True) if inside)) - sum(full)

    least, most = float(low), float(high)
    for _ in range(80):
        middle = (least + most) / 2
        least, most = (middle, most) if short(middle) > 0 else (least, middle)
    full = [most if c is None else c for c in cells]
    return sum(full) / (base + sum(c for c, inside in zip(full, kinds, strict=True) if inside))


towns = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.one_of(st.none(), st.integers(0, 9)), st.integers(30, 60)),
    min_size=1,
    max_size=8,
)


@some
@given(towns, st.integers(0, 4), st.integers(0, 4), st.sampled_from([(), ("a",), ("a", "b")]))
def test_bounds_and_value_of_suppressed_sums_against_every_count_that_they_may_hide(town, low, more, shared):
    high = low + more
    town = [(3, 2, 30), *town]  # a measured zone
    columns = {name: [zone[k] for zone in town] for k, name in enumerate("abc")}
    rule = {"suppressed": {"low": low, "high": high}, "numerator": ["a", "b"], "denominator": [*shared, "c"]}
    cells = cells_of(columns, rule)
    kinds = ["a" in shared, "b" in shared]
    known = [z for z in town if None not in z]
    whole = sum(z[2] + sum(c for c, inside in zip(z[:2], kinds, strict=True) if inside) for z in known)
    pooled = sum(z[0] + z[1] for z in known) / whole
    for row, (*parts, base) in enumerate(town):
        least, most = plain_ends(parts, kinds, base, low, high)
        assert cells.low["i0"].iloc[row] == pytest.approx(least, abs=1e-12)
        assert cells.high["i0"].iloc[row] == pytest.approx(most, abs=1e-12)
        expected = plain_share(parts, kinds, base, low, high, pooled)
        assert cells.values["i0"].iloc[row] == pytest.approx(expected, abs=1e-9)
        assert cells.state["i0"].iloc[row] == ("suppressed" if None in parts else "measured")


# ---- counts with bounds of their own


def bounds_of(rows: dict[int, tuple[float, float]]) -> pd.DataFrame:
    """Bounds of a column, by number of the zone from 0."""
    return pd.DataFrame(rows.values(), index=[codes(1, k + 1)[0] for k in rows], columns=["low", "high"], dtype=float)


def test_bounds_of_a_cell_go_before_those_of_the_index_and_need_none_declared():
    columns = {"x": [10, None, None], "n": [100, 100, 100]}
    both = cells_of(columns, HIDDEN, bounds={"x": bounds_of({1: (20, 30)}), "other": bounds_of({0: (9, 9)})})
    assert both.low["i0"].tolist() == [0.1, 0.2, 0.01]
    assert both.high["i0"].tolist() == [0.1, 0.3, 0.07]
    assert both.values["i0"].tolist() == [0.1, 0.2, 0.07], "the pooled rate, 0.1, or the bound next to it"
    assert both.state["i0"].tolist() == ["measured", "suppressed", "suppressed"]
    ends = {"x": bounds_of({1: (20, 30), 2: (0, 50), 99: (1, 2)})}
    plain = cells_of(columns, {}, bounds=ends)
    assert plain.values["i0"].tolist() == pytest.approx([0.1, 0.2, 0.1])
    (fault,) = input_faults(
        {"t": pd.DataFrame({"lsoa21cd": codes(3), **columns})}, spec_of({}), bounds={"x": bounds_of({1: (1, 2)})}
    )
    assert fault.startswith(f"t: 'x' is blank (1): {codes(3)[2]} "), "bounds of one blank excuse no other"


def test_a_stand_in_is_used_within_its_bounds_on_either_side():
    columns = {"x": [10, 12, 12, 3], "n": [100, 100, 50, 40]}
    ends = {"x": bounds_of({1: (1, 4), 2: (5, 20), 3: (1, 4)}), "n": bounds_of({2: (40, 80), 3: (0, 60)})}
    found = cells_of(columns, {"per": 100}, bounds=ends)
    assert found.values["i0"].tolist() == [10, 4, 24, 7.5]
    assert found.low["i0"].tolist() == [10, 1, 100 * 5 / 80, 100 * 1 / 60]
    assert found.high["i0"].tolist() == [10, 4, 50, 100], "4 of at least 1: no more than all"
    assert found.state["i0"].tolist() == ["measured"] + ["suppressed"] * 3
    assert found.notes == ()
    rate = cells_of(columns, {"measure": "rate", "min_denominator": 20, "missing": "mean_of:reference"}, bounds=ends)
    assert rate.high["i0"].tolist() == [0.1, 0.04, 0.5, 0.2], "a zone with a value has 20 or more"
    every = cells_of({"x": [3, 4], "n": [10, 10]}, {}, bounds={"x": bounds_of({0: (1, 4), 1: (1, 4)})})
    assert every.notes == (), "stand-ins are no middles"
    whole = {"x": [30, 12], "n": [20, 12]}
    assert cells_of(whole, {}, bounds={"n": bounds_of({0: (5, 40)})}).values["i0"].tolist() == [1, 1]
    told = input_faults(
        {"t": pd.DataFrame({"lsoa21cd": codes(2), **whole})}, spec_of({}), bounds={"n": bounds_of({0: (5, 29)})}
    )
    assert "the numerator is over the denominator" in told[0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({0: (5, 2)}, "bounds of 'x': are not in order"),
        ({0: (-1, 2)}, "bounds of 'x': are not in order"),
        ({0: (0, math.inf)}, "bounds of 'x': are not in order"),
        ({0: (math.nan, 2)}, "bounds of 'x': are not in order"),
    ],
)
def test_wrong_bounds_are_refused(rows, expected):
    table = {"t": pd.DataFrame({"lsoa21cd": codes(2), "x": [1, 2], "n": [9, 9]})}
    assert any(expected in f for f in input_faults(table, spec_of({}), bounds={"x": bounds_of(rows)}))
    twice = pd.concat([bounds_of({0: (1, 2)})] * 2)
    assert any("have a zone twice" in f for f in input_faults(table, spec_of({}), bounds={"x": twice}))


intervals = st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda t: (t[0], t[0] + t[1]))


@some
@given(intervals, intervals, intervals, st.booleans(), st.sampled_from(["proportion", "rate"]), st.booleans())
def test_own_bounds_against_every_count_that_they_may_hide(a, b, c, shared, measure, blank):
    """Ends of (a + b) / (c [+ a]) over all whole counts within the bounds, of which c is known to be over 0."""
    c = (c[0] + 1, c[1] + 1)
    columns = {"a": [2, 3], "b": [3, 2], "c": [30, 9.0]}
    if blank:
        columns = {"a": [2, None], "b": [3, None], "c": [30, None]}
    ends = {name: bounds_of({1: end}) for name, end in zip("abc", (a, b, c), strict=True)}
    denominator = ["c", "a"] if shared else ["c"]
    found = cells_of(columns, {"numerator": ["a", "b"], "denominator": denominator, "measure": measure}, bounds=ends)
    every = [
        (x + y) / (z + x * shared) for x, y, z in itertools.product(*(range(low, high + 1) for low, high in (a, b, c)))
    ]
    if measure == "proportion":
        every = [min(r, 1.0) for r in every]
    low, value, high = (getattr(found, k)["i0"].iloc[1] for k in ("low", "values", "high"))
    assert (low, high) == pytest.approx((min(every), max(every)), abs=1e-12)
    assert low <= value <= high
    assert found.state["i0"].tolist() == ["measured", "suppressed"]


# ---- missing values


MIXED = {
    "x": [10, 30, None, 5, None, 8],
    "n": [100, 100, 50, 50, 10, 0],
}
TOWN_GROUPS = groups_of(["N", "N", "N", "S", "S", "S"], ["U", "R", "R", "U", "R", "U"])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("reference", [45 / 250] * 3),
        ("council", [40 / 200, 5 / 50, 5 / 50]),
        ("class", [30 / 100, 30 / 100, 15 / 150]),
        ("council_class", [30 / 100, 45 / 250, 5 / 50]),
    ],
)
def test_missing_counts_take_the_pooled_rate_of_their_group(rule, expected):
    found = cells_of(MIXED, {"missing": f"mean_of:{rule}", "measure": "rate", "per": 100}, groups=TOWN_GROUPS)
    first, *last = (100 * e for e in expected)
    assert found.values["i0"].tolist() == pytest.approx([10, 30, first, 10, *last])
    assert found.state["i0"].tolist() == ["measured", "measured", "imputed", "measured", "imputed", "imputed"]
    pd.testing.assert_frame_equal(found.low, found.values)
    pd.testing.assert_frame_equal(found.high, found.values)
    imputed = [2, 4, 5]
    assert all(t["i0"].iloc[imputed].isna().all() for t in (found.raw, found.numerator, found.reliability))
    assert found.denominator["i0"].tolist() == MIXED["n"]
    lone = "no zone of council and class S R has a value; the mean of the whole reference stands in for 1 zone."
    assert found.notes == ((f"Thing 0: {lone}",) if rule == "council_class" else ())


def test_missing_published_values_take_the_plain_mean_of_their_group():
    rule = {"measure": "value", "value": "v", "numerator": [], "denominator": [], "missing": "mean_of:council"}
    found = cells_of({"v": [1.0, 4.0, None, 6.0, None, 8.0]}, rule, groups=TOWN_GROUPS)
    assert found.values["i0"].tolist() == [1, 4, 2.5, 6, 7, 8]
    assert found.state["i0"].tolist() == ["measured"] * 2 + ["imputed", "measured", "imputed", "measured"]


def test_suppressed_zones_count_in_the_mean_that_stands_in_for_missing_ones():
    found = cells_of(
        {"x": [30, 10, None, 0], "n": [100, 100, 100, 0]},
        {**HIDDEN, "missing": "mean_of:reference"},
    )
    assert found.values["i0"].tolist() == pytest.approx([0.3, 0.1, 0.07, 47 / 300])


def test_a_denominator_under_the_least_counts_as_missing():
    rule = {"min_denominator": 20, "missing": "mean_of:reference"}
    found = cells_of({"x": [5, 9, 10], "n": [20, 19, 40]}, rule)
    assert found.values["i0"].tolist() == pytest.approx([0.25, 15 / 60, 0.25])
    assert found.state["i0"].tolist() == ["measured", "imputed", "measured"]
    table = {"t": pd.DataFrame({"lsoa21cd": codes(3), "x": [5, 9, 10], "n": [20, 19, 40]})}
    (fault,) = input_faults(table, spec_of({"min_denominator": 20}))
    assert f"indicator 'i0': the denominator is under 20 (1): {B} " in fault


def test_what_the_rest_of_the_domain_stands_in_for_stays_missing_here():
    found = cells_of(MIXED, {"missing": "domain_mean", "measure": "rate"})
    assert found.values["i0"].isna().tolist() == [False, False, True, False, True, True]
    assert found.state["i0"].tolist()[2] == "imputed"


def test_an_indicator_without_a_value_in_any_zone_is_refused():
    table = {"t": pd.DataFrame({"lsoa21cd": codes(2), "x": [None, None], "n": [3, 4]})}
    for missing in ("mean_of:reference", "domain_mean"):
        (fault,) = input_faults(table, spec_of({"missing": missing}))
        assert "indicator 'i0': has no value in any zone" in fault


def test_a_blank_is_a_fault_for_the_one_indicator_that_has_no_rule_for_it():
    table = {"t": pd.DataFrame({"lsoa21cd": codes(3), "x": [1, None, 2], "n": [3, 4, None], "m": [5, 5, 5]})}
    whole = {"missing": "mean_of:reference"}
    (fault,) = input_faults(table, spec_of(whole, {"denominator": ["m"]}))
    assert fault.startswith(f"t: 'x' is blank (1): {B} ")
    (fault,) = input_faults(table, spec_of(whole, HIDDEN))
    assert fault.startswith(f"t: 'n' is blank (1): {C} "), "a denominator is never suppressed"


# ---- groups


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ({"smoothing": "shrink:council"}, "council"),
        ({"smoothing": "shrink:class"}, "class"),
        ({"missing": "mean_of:council"}, "council"),
        ({"missing": "mean_of:council_class"}, "class"),
        ({"within": "class"}, "class"),
    ],
)
def test_a_rule_without_its_groups_is_refused_by_name(rule, part):
    table = {"t": pd.DataFrame({"lsoa21cd": codes(2), "x": [1, 2], "n": [3, 4]})}
    key, value = next(iter(rule.items()))
    faults = input_faults(table, spec_of(rule))
    assert any(f"{key} \"{value}\" of indicator 'i0': the {part} of the zones is not given" in f for f in faults)
    both = groups_of(["N", "N"], ["U", "U"])
    assert len(input_faults(table, spec_of(rule), groups=both.drop(columns=part))) == 1
    fault = input_faults(table, spec_of(rule), groups=both.iloc[:1])[-1]
    assert f"'{part}' is not known (1): {B} " in fault
    assert "twice" in input_faults(table, spec_of(rule), groups=pd.concat([both, both]))[0]


def test_groups_that_no_rule_asks_for_are_kept_as_they_are():
    found = cells_of({"x": [1, 2], "n": [3, 4]}, {}, groups=groups_of(["N"], ["U"]).assign(region="x"))
    assert list(found.groups) == ["council", "class"]
    assert found.groups["council"].isna().tolist() == [False, True]


# ---- smoothing, against plain Python


def plain_eb(events: list, people: list) -> list[tuple[float, float, float]]:
    """Marshall (1991): value, target and weight of each zone."""
    mean = sum(events) / sum(people)
    spread = sum(n * (e / n - mean) ** 2 for e, n in zip(events, people, strict=True)) / sum(people)
    variance = max(spread - mean / (sum(people) / len(people)), 0.0)
    found = []
    for e, n in zip(events, people, strict=True):
        weight = variance / (variance + mean / n) if mean else 0.0
        found.append((weight * e / n + (1 - weight) * mean, mean, weight))
    return found


def plain_shrink(events: list, people: list) -> list[tuple[float, float, float]]:
    """Scottish Indices of Deprivation 2003, Appendix 1: value, target, weight of each zone of a group."""

    def logit(r: float, n: float) -> float:
        return math.log((r + 0.5) / (n - r + 0.5))

    common, target = logit(sum(events), sum(people)), sum(events) / sum(people)
    own = [logit(e, n) for e, n in zip(events, people, strict=True)]
    spread = sum((z - common) ** 2 for z in own) / (len(own) - 1) if len(own) > 1 else 0.0
    found = []
    for z, e, n in zip(own, events, people, strict=True):
        chance = (n + 1) * (n + 2) / (n * (e + 1) * (n - e + 1))
        weight = (1 / chance) / (1 / chance + 1 / spread) if spread else 0.0
        value = 1 / (1 + math.exp(-(weight * z + (1 - weight) * common))) if weight else target
        low, high = sorted((e / n, target))
        found.append((min(max(value, low), high), target, weight))
    return found


counts = st.lists(st.tuples(st.integers(0, 30), st.integers(30, 90)), min_size=4, max_size=12)


@some
@given(counts, st.sampled_from(["eb", "shrink:council", "shrink:class", "shrink:council_class"]), st.booleans())
def test_smoothing_and_its_bounds_against_plain_python(town, smoothing, is_rate):
    events, people = [None, *(float(e) for e, _ in town)], [40.0, *(float(n) for _, n in town)]
    size = len(events)
    groups = groups_of([("N", "S")[k % 2] for k in range(size)], [("U", "R")[k // 2 % 2] for k in range(size)])
    rule = {"smoothing": smoothing, "suppressed": {"low": 1, "high": 7}, "measure": "rate" if is_rate else "proportion"}
    found = cells_of({"x": events, "n": people}, rule, groups=groups)
    pooled = sum(events[1:]) / sum(people[1:])
    events[0] = min(max(pooled * 40, 1), 7)
    keys = {
        "eb": [""] * size,
        "shrink:council": groups["council"].tolist(),
        "shrink:class": groups["class"].tolist(),
        "shrink:council_class": (groups["council"] + groups["class"]).tolist(),
    }[smoothing]
    draw = plain_eb if is_rate or smoothing == "eb" else plain_shrink
    for key in set(keys):
        rows = [k for k in range(size) if keys[k] == key]
        drawn = draw([events[k] for k in rows], [people[k] for k in rows])
        for row, (value, target, weight) in zip(rows, drawn, strict=True):
            raw = events[row] / people[row]
            assert found.raw["i0"].iloc[row] == pytest.approx(raw, abs=1e-12)
            assert found.values["i0"].iloc[row] == pytest.approx(value, abs=1e-9)
            if row == 0:
                close = abs(raw - target) <= 1e-6 * target
                kept = weight if close else (value - target) / (raw - target)
                ends = [value + kept * (count / 40 - raw) for count in (1, 7)]
                assert found.low["i0"].iloc[0] == pytest.approx(ends[0], abs=1e-6)
                assert found.high["i0"].iloc[0] == pytest.approx(ends[1], abs=1e-6)


@pytest.mark.parametrize("people", range(60, 80))
def test_a_suppressed_count_that_is_taken_for_its_target_keeps_bounds_as_steadied_as_any(people):
    # The blank zone is given the rate of the other two, a twelfth, which is then what all are drawn towards: that the
    # two differ in the last bit, as for some of these numbers, must not show.
    cells = cells_of({"x": [None, 1, 9], "n": [people, 60, 60]}, {**HIDDEN, "smoothing": "eb"})
    ((value, target, weight), *_) = plain_eb([people / 12, 1, 9], [people, 60, 60])
    assert value == pytest.approx(target)
    assert 0.1 < weight < 0.9
    assert cells.low["i0"].iloc[0] == pytest.approx(target + weight * (1 / people - target))
    assert cells.high["i0"].iloc[0] == pytest.approx(target + weight * (7 / people - target))


def test_reliability_is_that_of_all_zones_whatever_they_are_smoothed_to():
    # s2 of these proportions by Kleinman's moments: p = .3, sum n (r - p)^2 = 16, chance = 3 x .21, N - N / 4 - 3 = 297
    columns = {"x": [50, 10, 10, 50], "n": [100, 100, 100, 100]}
    variance = (16 - 3 * 0.21) / (400 - 100 - 3)
    expected = variance / (variance + 0.21 / 100)
    groups = groups_of(["N", "S", "S", "N"], ["U"] * 4)  # alike within each
    found = cells_of(columns, {}, {"smoothing": "shrink:council"}, groups=groups)
    assert found.reliability.to_numpy().ravel() == pytest.approx([expected] * 8)
    # of a rate, the weight of its own count: s2 = sum n (r - m)^2 / N - m / mean n = .04 - .003
    rules = [{"measure": "rate", "smoothing": rule} for rule in ("none", "eb", "shrink:council")]
    found = cells_of(columns, *rules, groups=groups)
    assert found.reliability.to_numpy().ravel() == pytest.approx([0.037 / 0.04] * 12)


# ---- properties


anything = st.fixed_dictionaries(
    {
        "measure": st.sampled_from(["proportion", "rate"]),
        "smoothing": st.sampled_from(["none", "eb", "shrink:council", "shrink:class", "shrink:council_class"]),
        "missing": st.sampled_from(
            ["mean_of:reference", "mean_of:council", "mean_of:class", "mean_of:council_class", "domain_mean"]
        ),
        "min_denominator": st.sampled_from([0, 10]),
        "per": st.sampled_from([1, 1000]),
    }
)
zones = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 60)),
        st.one_of(st.none(), st.integers(0, 80)),
        st.sampled_from("NSE"),
        st.sampled_from("UR"),
    ),
    min_size=1,
    max_size=14,
)


def town_cells(town: list, rule: dict, low: int, high: int) -> Cells:
    people = [n if n is None or e is None else max(n, e) for e, n, _, _ in town]
    columns = {"x": [e for e, *_ in town], "n": people}
    groups = groups_of([g for *_, g, _ in town], [c for *_, c in town])
    return cells_of(columns, {**rule, "suppressed": {"low": low, "high": high}}, groups=groups)


@settings(deadline=None, max_examples=100)
@given(zones, anything, st.integers(0, 5), st.integers(0, 5))
def test_values_lie_between_their_bounds_and_a_suppressed_count_is_never_read_as_0(town, rule, low, more):
    assume(any(n and n >= 10 for _, n, _, _ in town))
    cells = town_cells(town, rule, low, low + more)
    value, least, most = (t["i0"].to_numpy() for t in (cells.values, cells.low, cells.high))
    present = ~np.isnan(value)
    state = cells.state["i0"].to_numpy()
    assert present.all() or rule["missing"] == "domain_mean"
    assert (state[~present] == "imputed").all()
    assert ((least <= value) & (value <= most))[present].all()
    hidden = state == "suppressed"
    assert (least == value)[present & ~hidden].all()
    assert (value[present] >= 0).all()
    if rule["measure"] == "proportion":
        assert (most[present] <= rule["per"] * (1 + 1e-12)).all()
    for row, (events, _, _, _) in enumerate(town):
        if hidden[row]:
            assert events is None
            assert cells.numerator["i0"].iloc[row] >= min(low, cells.denominator["i0"].iloc[row])
    measured = cells.raw["i0"][state == "measured"]
    if hidden.any() and rule["smoothing"] == "none" and (measured > 0).any() and more:
        assert (value[hidden] > 0).all()


@some
@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 60)), st.integers(60, 80)), min_size=1, max_size=8))
def test_twice_the_zones_give_the_same_values(town):
    columns = {"x": [1, *(e for e, _ in town)], "n": [60, *(n for _, n in town)]}
    rules = ({}, {"smoothing": "eb"}, {"measure": "rate", "missing": "mean_of:reference"})
    rules = [{**HIDDEN, **rule} for rule in rules]
    once, twice = cells_of(columns, *rules), cells_of({k: v + v for k, v in columns.items()}, *rules)
    for name in ("values", "low", "high"):
        one, two = (getattr(c, name).to_numpy() for c in (once, twice))
        np.testing.assert_allclose(np.concatenate([one, one]), two, atol=1e-12)


@some
@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 59)), st.integers(60, 80)), min_size=1, max_size=8),
    st.integers(1, 20),
)
def test_more_events_in_one_zone_raise_it_and_lower_no_other(town, more):
    columns = {"x": [4, *(e for e, _ in town)], "n": [60, *(n for _, n in town)]}
    rule = {**HIDDEN, "missing": "mean_of:reference"}
    before = cells_of(columns, rule).values["i0"]
    after = cells_of({**columns, "x": [4 + more, *columns["x"][1:]]}, rule).values["i0"]
    assert after.iloc[0] == pytest.approx(before.iloc[0] + more / 60)
    assert (after >= before - 1e-15).all()
    known = [k for k, e in enumerate(columns["x"]) if e is not None][1:]
    assert after.iloc[known].tolist() == before.iloc[known].tolist()


# ---- what is known of the cells


def test_what_was_carried_from_another_geography_says_so_unless_it_is_suppressed_or_imputed():
    columns = {"x": [3, None, 0], "n": [10, 10, 0], "m": [9, 9, 9]}
    rules = {**HIDDEN, "missing": "mean_of:reference"}, {"numerator": ["m"], "denominator": ["m"]}
    found = cells_of(columns, *rules, carried={"x": "WD24", "other": "MSOA21"})
    assert found.state["i0"].tolist() == ["carried", "suppressed", "imputed"]
    assert set(found.state["i1"]) == {"measured"}
    assert cells_of(columns, *rules, carried={"m"}).state["i1"].tolist() == ["carried"] * 3
    assert set(cells_of(columns, *rules).state["i0"]) == {"measured", "suppressed", "imputed"}


def test_some_zones_of_a_set_of_cells_in_the_order_given():
    cells = cells_of({"x": [None, 4, 3, 0], "n": [10, 10, 10, 0]}, {**HIDDEN, "missing": "mean_of:council"},
                     groups=groups_of(["N", "N", "N", "S"], list("UUUU")))  # fmt: skip
    few = cells.select([C, A])
    assert few.values["i0"].tolist() == cells.values["i0"].iloc[[2, 0]].tolist()
    assert few.state["i0"].tolist() == ["measured", "suppressed"]
    assert list(few.groups.index) == [C, A]
    assert few.notes == cells.notes
    assert len(few.notes) == 1


def test_reliability_table_and_flags_by_hand():
    columns = {"x": [1, 2, None, 1, 2], "n": [20, 20, 20, 20, 0], "y": [5, 95, 5, 95, 50], "m": [100] * 5}
    rare = {**HIDDEN, "suppressed": {"low": 1, "high": 2}, "missing": "mean_of:reference", "measure": "rate"}
    plain = {"measure": "ratio", "numerator": ["y"], "denominator": ["m"]}
    rules = rare, {"numerator": ["y"], "denominator": ["m"]}, plain
    cells = cells_of(columns, *rules, carried={"m"})
    table = reliability_table(cells, spec_of(*rules))
    assert table["zones"].tolist() == [5, 5, 5]
    assert table["suppressed_share"].tolist() == [0.2, 0, 0]
    assert table["imputed_share"].tolist() == [0.2, 0, 0]
    assert table["carried_share"].tolist() == [0, 1, 1]
    assert table["median_reliability"].tolist()[0] == 0, "four counts of 1 and 2 of 20 are chance"
    assert table["unreliable_share"].tolist()[:2] == [1, 0]
    assert table["flag"].tolist() == [NOT_RELIABLE, "", ""]
    assert math.isnan(table.loc["i2", "median_reliability"])
    assert math.isnan(table.loc["i2", "unreliable_share"])
    flags = cell_flags(cells)
    first = flags[flags["indicator"] == "i0"]
    assert first["lsoa21cd"].tolist() == codes(5), "measured ones as well: too chancy"
    assert first["state"].tolist() == ["measured", "measured", "suppressed", "measured", "imputed"]
    assert first.iloc[2][["low", "high"]].tolist() == [1 / 20, 2 / 20]
    assert flags["indicator"].tolist() == ["i0", "i1", "i2"] * 5
    calm = cells_of({"x": [5, 95], "n": [100, 100]}, {})
    assert cell_flags(calm).empty


# ---- real data


IDACI = "income_deprivation_affecting_children_index_idaci_numerator"
IDACI_RULE = {"numerator": ["poor"], "denominator": ["children"], "suppressed": {"low": 0, "high": 9}, "rounding": 5}


@pytest.mark.data
def test_idaci_2019_counts_are_blank_as_often_as_published_and_come_near_the_published_rates(real_data):
    england = real_data / "england"
    poor = pd.read_csv(england / "iod2019_underlying_indicators.csv.gz")
    people = pd.read_csv(england / "File_6_-_IoD2019_Population_Denominators.csv", thousands=",")
    published = pd.read_parquet(england / "iod2019_lsoa11_all.parquet").set_index("LSOA code (2011)")
    kinds = pd.read_csv(england / "ruc2011_lsoa11.csv.gz").set_index("LSOA11CD")["RUC11CD"].str[0]
    heading = "Dependent Children aged 0-15: mid 2015 (excluding prisoners)"
    given_tables = {
        "poor": poor.rename(columns={"lsoa11_code": "lsoa21cd", IDACI: "poor"}),
        "people": people.rename(columns={"LSOA code (2011)": "lsoa21cd", heading: "children"}),
    }
    cells = indicator_values(given_tables, spec_of(IDACI_RULE))
    zones = cells.values.index
    assert len(zones) == 32_844
    hidden = cells.state["i0"] == "suppressed"
    places = kinds.reindex(zones).replace({"A": "urban", "B": "urban", "C": "urban", "D": "town", "E": "village"})
    shares = (100 * hidden.groupby(places).mean()).round(1)
    assert shares.to_dict() == {"urban": 12.9, "town": 15.7, "village": 22.3}
    assert cells.numerator["i0"][~hidden].sum() == 1_731_785
    children = cells.denominator["i0"]
    rate = published["Income Deprivation Affecting Children Index (IDACI) Score (rate)"].reindex(zones)
    apart = ((cells.values["i0"] - rate) * children).abs()
    assert apart[~hidden].max() < 10, "rounded to 5 and shrunk by the publisher, never far"
    read_as_0 = (rate * children)[hidden]
    assert apart[hidden].mean() < read_as_0.mean() / 2
    assert (apart[hidden] < read_as_0).mean() > 0.8
    assert (cells.high["i0"] * children)[hidden].max() == pytest.approx(9)
    assert (cells.low["i0"][hidden] == 0).all()


@pytest.fixture(scope="module")
def children_of_england(real_data):
    """Tables that the children index asks for, by the inputs of its comment and of the base of England."""
    text = (CATALOGUE / "indices" / "children.toml").read_text("utf-8")
    comment = [line.removeprefix("#").removeprefix(" ") for line in text.splitlines() if line.startswith("#")]
    asked = tomllib.loads("\n".join(comment[comment.index("[[input]]") :]))["input"]
    base = tomllib.loads((CATALOGUE / "bases" / "gathered.toml").read_text("utf-8"))["input"]
    wanted = {c for i in read_spec("children").indicators for c in i.columns}
    inputs = {i["id"]: Input.model_validate(i) for i in [*base, *asked]}
    found = {}
    for one in inputs.values():
        if one.table == "indicators" and wanted & set(one.columns):
            path = real_data / one.path
            raw = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
            found[one.id] = raw[list(one.columns.values())].set_axis(list(one.columns), axis=1)
    return found


@pytest.mark.data
def test_the_children_index_fits_on_england_and_keeps_the_suppressed_apart(children_of_england, real_data):
    declared = read_spec("children")
    cells = indicator_values(children_of_england, declared)
    assert len(cells.values) == 33_755
    hidden = cells.state["income_deprived_children"] == "suppressed"
    assert hidden.sum() == 815
    kinds = pd.read_csv(real_data / "england" / "ruc2021_lsoa21.csv.gz").set_index("lsoa21_code")["ruc21_code"]
    urban = kinds.reindex(cells.values.index).str.startswith("U")
    assert (100 * hidden.groupby(urban).mean()).round(1).to_dict() == {True: 2.5, False: 1.9}
    assert cells.numerator["income_deprived_children"][~hidden].sum() == 3_869_075
    idaci = pd.read_parquet(real_data / "england" / "iod2025_lsoa21_all.parquet").set_index("LSOA code (2021)")
    rank = idaci["Income Deprivation Affecting Children Index (IDACI) Rank (where 1 is most deprived)"]
    agreed = cells.values["income_deprived_children"].corr(-rank.reindex(cells.values.index), method="spearman")
    assert agreed > 0.99
    table = reliability_table(cells, declared)
    assert (table["median_reliability"].dropna() > 0.9).all(), "households and children of an LSOA are enough"
    assert len(cell_flags(cells)) == 815
    index = NeedIndex(declared).fit(cells)
    found = index.assess(cells)
    assert found["score"].between(0, 100).all()
    assert (found["score_low"] <= found["score"]).all()
    assert (found["score"] <= found["score_high"]).all()
    assert (found.loc[hidden, "score_low"] < found.loc[hidden, "score_high"]).any()
    assert (found.loc[~hidden, "score_low"] == found.loc[~hidden, "score_high"]).all()


@pytest.mark.data
@pytest.mark.parametrize(("place", "blank"), [("halton", 2), ("rutland", 0)])
def test_idaci_2025_counts_over_its_own_denominators_come_near_the_published_rates(place, blank, real_data):
    published = pd.read_csv(real_data / place / f"{place}_iod2025_file7_layout.csv").set_index("LSOA code (2021)")
    poor = pd.read_csv(real_data / "england" / "iod2025_underlying_indicators.csv.gz").set_index("lsoa21_code")[IDACI]
    mine = pd.DataFrame({"poor": poor, "children": published["Dependent Children aged 0-15: mid 2022"]}).dropna(
        subset="children"
    )
    cells = indicator_values({"t": mine.rename_axis("lsoa21cd").reset_index()}, spec_of(IDACI_RULE))
    assert (cells.state["i0"] == "suppressed").sum() == blank
    rate = published["Income Deprivation Affecting Children Index (IDACI) Score (rate)"].reindex(cells.values.index)
    apart = (cells.values["i0"] - rate) * cells.denominator["i0"]
    assert apart.abs().max() < 5
    assert abs(apart.mean()) < 1
