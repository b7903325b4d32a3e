"""Tables of other geographies carried, and sensitive counts protected, before anything is computed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from needs import areas, assessment, demo, pipeline, rural, stages
from needs.disclosure import Rule
from needs.errors import Faults, InputError, SettingsError
from needs.index import NeedIndex
from needs.index.chance import doubt_of
from needs.indicators import Cells, IndexSpec, indicator_values
from needs.settings import CATALOGUE, Paths
from needs.sources import files
from tests.test_index_methods import index_of, part

OLD, NEW = "E0100001", "E0100002"
COUNTED = index_of(
    [{"id": "d"}],
    [
        part("poor", "d", weight=0.5, measure="proportion", value=None, numerator=["a"], denominator=["b"]),
        part("rate", "d", weight=0.5),
    ],
)


def settings(*inputs: dict) -> assessment.Assessment:
    """An assessment with the given inputs; those that every assessment needs stand in untouched."""
    common = {"title": "T", "publisher": "a test", "licence": "CC0-1.0", "date": "2026"}
    have = {i["table"] for i in inputs}
    needed = ("zones", "points", "demand", "indicators", "rural_urban", "sites", "streets")
    rest = [{"id": f"{t}_", "table": t, "path": t, "vintage": "LSOA21"} for t in needed if t not in have]
    return assessment.Assessment.model_validate(
        {
            "area": {"name": "T", "slug": "t", "codes": ["E06000001"]},
            "plan": {"max_hubs": 1, "max_outreach": 1},
            "input": [{**common, "path": i["id"], **i} for i in [*inputs, *rest]],
        }
    )


def carried(tables: dict[str, pd.DataFrame], *inputs: dict) -> tuple[areas.Carried, list[str]]:
    faults = Faults(InputError)
    return areas.to_zones(settings(*inputs), tables, COUNTED, faults), [str(f) for f in faults.found]


LOOKUP = {"id": "lookup", "table": "lookup", "vintage": "LSOA11"}
PAIRS = pd.DataFrame(
    {
        "from_code": [f"{OLD}1", f"{OLD}2", f"{OLD}2", f"{OLD}3", f"{OLD}4"],
        "lsoa21cd": [f"{OLD}1", f"{NEW}1", f"{NEW}2", f"{NEW}3", f"{NEW}3"],
        "change": ["U", "S", "S", "M", "M"],
        "weight": [100.0, 300, 100, 50, 50],
    }
)
TABLE = pd.DataFrame({"code": [f"{OLD}{k}" for k in (1, 2, 3, 4)], "a": [10.0, 40, 6, 2], "b": [50.0, 80, 20, 20]})


def test_counts_split_by_people_and_merge_by_sum():
    tables = {"old": TABLE.assign(other=1.0), "lookup": PAIRS}
    found, faults = carried(tables, {"id": "old", "table": "indicators", "vintage": "LSOA11"}, LOOKUP)
    assert faults == []
    zones = found.tables["old"].set_index("lsoa21cd")
    assert list(zones.columns) == ["a", "b"], "a column that the index does not use is dropped, not guessed at"
    assert zones["a"].to_dict() == {f"{OLD}1": 10, f"{NEW}1": 30, f"{NEW}2": 10, f"{NEW}3": 8}
    assert zones.sum().to_dict() == {"a": 58, "b": 170}
    assert found.columns == {"a": "LSOA11", "b": "LSOA11"}
    assert "published for LSOA11" in found.notes[0]


def test_rates_are_copied_and_a_rank_is_refused():
    wards = pd.DataFrame({"code": ["E05000001", "E05000002"], "rate": [0.2, 0.5]})
    pairs = pd.DataFrame(
        {"from_code": ["E05000001", "E05000001", "E05000002"], "lsoa21cd": [f"{NEW}{k}" for k in (1, 2, 3)]}
    )
    people = pd.DataFrame({"lsoa21cd": [f"{NEW}{k}" for k in (1, 2, 3)], "people": [10.0, 30, 5]})
    inputs = [
        {"id": "wards", "table": "indicators", "vintage": "WD24"},
        {"id": "lookup", "table": "lookup", "vintage": "WD24"},
        {"id": "people", "table": "population", "vintage": "LSOA21"},
    ]
    found, faults = carried({"wards": wards, "lookup": pairs, "people": people}, *inputs)
    assert faults == []
    assert found.tables["wards"]["rate"].tolist() == [0.2, 0.2, 0.5]
    found, faults = carried({"wards": wards.rename(columns={"rate": "a"}), "lookup": pairs, "people": people}, *inputs)
    assert found.tables["wards"]["a"].tolist() == pytest.approx([0.05, 0.15, 0.5])
    _, faults = carried({"wards": wards, "lookup": pairs}, *inputs[:2])
    assert "has no weight to share counts" in faults[0]
    ranked = index_of([{"id": "d"}], [part("rate", "d", measure="rank", direction="lower_is_need")])
    told = Faults(InputError)
    areas.to_zones(settings(*inputs), {"wards": wards, "lookup": pairs, "people": people}, ranked, told)
    assert "a published rank among WD24: it cannot be carried" in str(told.found[0])


def test_only_the_areas_of_the_council_need_be_whole():
    wards = pd.DataFrame({"code": ["E05000001", "E05000002"], "low_income_children": [40.0, np.nan]})
    pairs = pd.DataFrame(
        {"from_code": ["E05000001", "E05000001", "W05000002"], "lsoa21cd": [f"{NEW}1", f"{NEW}2", "W01000001"]}
    )
    people = pd.DataFrame({"lsoa21cd": [f"{NEW}1", f"{NEW}2"], "people": [10.0, 30]})
    zones = pd.DataFrame({"lsoa21cd": [f"{NEW}1", f"{NEW}2"], "lad24cd": "E06000001"})
    inputs = [
        {"id": "zones", "table": "zones", "vintage": "LSOA21"},
        {"id": "wards", "table": "demand", "vintage": "WD24"},
        {"id": "lookup", "table": "lookup", "vintage": "WD24"},
        {"id": "people", "table": "population", "vintage": "LSOA21"},
    ]
    found, faults = carried({"zones": zones, "wards": wards, "lookup": pairs, "people": people}, *inputs)
    assert faults == []
    assert found.tables["wards"].set_index("lsoa21cd")["low_income_children"].to_dict() == {
        f"{NEW}1": 10,
        f"{NEW}2": 30,
    }


@pytest.mark.data
def test_poor_children_of_rutland_by_the_wards_of_england(real_data, tmp_path):
    """As the README shows it: national files as they are, for one council."""
    text = """
[area]
name = "Rutland by wards"
slug = "rutland-wards"
codes = ["E06000017"]
base = "gathered"

[demand]
count = "low_income_children"

[plan]
max_hubs = 2
max_outreach = 8
"""
    catalogue = (CATALOGUE / "areas" / "rutland.toml").read_text()
    text += (
        catalogue[catalogue.index("[[input]]") :]
        + """
[[input]]
id = "ward_children"
layout = "dwp_cilif_ward"
table = "demand"
path = "england/cilif_ahc_ward_england.csv.gz"

[[input]]
id = "wards_to_zones"
layout = "ons_lsoa21_ward24"
path = "england/lookup_lsoa21_ward24_ltla24.csv.gz"

[[input]]
id = "people"
table = "population"
path = "england/lsoa21_census2021_age_groups.csv.gz"
vintage = "LSOA21"
title = "Residents aged 15 and under, Census 2021"
publisher = "Office for National Statistics"
licence = "OGL-UK-3.0"
date = "2021"
columns = { lsoa21cd = "lsoa21_code", people = "Aged 15 years and under" }
"""
    )
    path = tmp_path / "rutland-wards.toml"
    path.write_text(text)
    read = assessment.read(path)
    ground = stages.data(read, {i.id: real_data / i.path for i in read.inputs})
    wards = pd.read_csv(real_data / "england" / "cilif_ahc_ward_england.csv.gz")
    assert ground.zones["demand"].sum() == pytest.approx(wards.loc[wards["lad_code"] == "E06000017", "n_fye2025"].sum())
    assert any("published for WD24" in note for note in ground.notes)


def test_a_vintage_without_a_lookup_is_refused_with_the_lookup_named():
    with pytest.raises(ValueError, match=r"exact-fit lookup LSOA 2011 to LSOA 2021"):
        settings({"id": "old", "table": "demand", "vintage": "LSOA11"})
    with pytest.raises(ValueError, match=r"more than one .* lookup from LSOA11"):
        settings({"id": "old", "table": "demand", "vintage": "LSOA11"}, LOOKUP, {**LOOKUP, "id": "again"})
    with pytest.raises(ValueError, match="disclosure is for tables of counts"):
        settings({"id": "z", "table": "zones", "vintage": "LSOA21", "disclosure": {"below": 5}})
    with pytest.raises(ValueError, match="is not the least and the most"):
        settings({"id": "d", "table": "deprived_children", "vintage": "LSOA21", "blank": [9, 0]})


# ---- blanks that are carried

POOR = {"measure": "proportion", "value": None, "numerator": ["a"], "denominator": ["b"], "per": 100}
BLANKS = index_of([{"id": "d"}], [part("poor", "d", **POOR, suppressed={"low": 1, "high": 9})])
MIXED_PAIRS = pd.DataFrame(
    {
        "from_code": ["E05000001"] * 3 + ["E05000002"],
        "lsoa21cd": [f"{NEW}{k}" for k in (1, 2, 3, 4)],
        "weight": [10.0] * 4,
    }
)
WARDS = {"id": "wards", "table": "indicators", "vintage": "WD24"}
WARD_LOOKUP = {"id": "lookup", "table": "lookup", "vintage": "WD24"}


def cells_of(tables: dict[str, pd.DataFrame], *inputs: dict, spec: IndexSpec = BLANKS) -> tuple[Cells, areas.Carried]:
    faults = Faults(InputError)
    found = areas.to_zones(settings(*inputs), tables, spec, faults)
    assert faults.found == []
    name = inputs[0]["id"]
    cells = indicator_values(
        {name: found.tables[name]}, spec, carried=frozenset(found.columns), bounds=found.bounds[name]
    )
    return cells, found


def test_a_blank_that_merges_with_a_count_lies_between_their_sums():
    old = TABLE.assign(a=[20.0, 30, np.nan, 50], b=[100.0, 100, 100, 100])
    cells, found = cells_of({"old": old, "lookup": PAIRS}, {**WARDS, "id": "old", "vintage": "LSOA11"}, LOOKUP)
    zone = f"{NEW}3"
    assert (cells.low.loc[zone, "poor"], cells.high.loc[zone, "poor"]) == (25.5, 29.5), "51 to 59 of 200"
    assert cells.low.loc[zone, "poor"] <= cells.values.loc[zone, "poor"] <= cells.high.loc[zone, "poor"]
    assert cells.state["poor"].to_dict() == {
        f"{OLD}1": "carried", f"{NEW}1": "carried", f"{NEW}2": "carried", zone: "suppressed",
    }  # fmt: skip
    assert found.bounds["old"]["a"].loc[zone].to_dict() == {"low": 51, "high": 59}
    assert list(found.bounds["old"]) == ["a"], "nothing else is blank"


def test_a_blank_ward_is_split_so_that_the_bounds_of_its_zones_add_up_to_its_own():
    wards = pd.DataFrame({"code": ["E05000001", "E05000002"], "a": [np.nan, 40], "b": [300.0, 100]})
    cells, found = cells_of({"wards": wards, "lookup": MIXED_PAIRS}, WARDS, WARD_LOOKUP)
    assert cells.state["poor"].tolist() == ["suppressed"] * 3 + ["carried"]
    assert cells.low["poor"].iloc[:3].tolist() == pytest.approx([100 / 3 / 100] * 3)
    assert cells.high["poor"].iloc[:3].tolist() == pytest.approx([3.0] * 3)
    assert found.bounds["wards"]["a"].sum().to_dict() == pytest.approx({"low": 1, "high": 9})
    own, _ = cells_of({"wards": wards, "lookup": MIXED_PAIRS}, {**WARDS, "blank": (3, 6)}, WARD_LOOKUP)
    assert own.high["poor"].iloc[0] == pytest.approx(2.0), "what the input says of its blanks goes first"
    assert own.low["poor"].iloc[0] == pytest.approx(1.0)
    for declared in (BLANKS, COUNTED):
        plain = wards.rename(columns={"code": "lsoa21cd"}).assign(lsoa21cd=[f"{NEW}1", f"{NEW}2"], rate=1.0)
        here = {**WARDS, "vintage": "LSOA21", "blank": (3, 6)}
        found_here, _ = cells_of({"wards": plain}, here, spec=declared)
        low, high = found_here.low["poor"].iloc[0], found_here.high["poor"].iloc[0]
        per = declared.indicators[0].per
        assert (low, high) == pytest.approx((per * 3 / 300, per * 6 / 300)), "of a table by today's zones as well"


@examples(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=4, max_size=4))
def test_carried_bounds_hold_the_truth_and_keep_their_sums(areas_given):
    blank = np.array([b for b, _ in areas_given])
    truth = TABLE.assign(a=[float(c) for _, c in areas_given])
    inputs = {"id": "old", "table": "indicators", "vintage": "LSOA11"}, LOOKUP
    faults = Faults(InputError)

    def carry(table: pd.DataFrame) -> areas.Carried:
        return areas.to_zones(settings(*inputs), {"old": table, "lookup": PAIRS}, BLANKS, faults)

    true = carry(truth).tables["old"].set_index("lsoa21cd")["a"]
    found = carry(truth.assign(a=truth["a"].mask(blank)))
    shown = found.tables["old"].set_index("lsoa21cd")["a"]
    ends = found.bounds["old"].get("a", pd.DataFrame(columns=["low", "high"], dtype=float))
    assert set(ends.index) == set(shown.index[shown.isna()])
    assert (ends["low"] - 1e-9 <= true[ends.index]).all()
    assert (true[ends.index] <= ends["high"] + 1e-9).all()
    for end, each in (("low", 1), ("high", 9)):
        assert shown.sum() + ends[end].sum() == pytest.approx(truth["a"].mask(blank, each).sum())
    assert faults.found == []


def test_only_columns_of_indicators_mark_indicators_as_carried():
    named = index_of([{"id": "d"}], [part("deprived_children", "d")])
    wards = pd.DataFrame({"code": ["E05000001", "E05000002"], "deprived_children": [np.nan, 40]})
    inputs = [{**WARDS, "table": "deprived_children", "blank": (0, 6)}, WARD_LOOKUP]
    faults = Faults(InputError)
    found = areas.to_zones(settings(*inputs), {"wards": wards, "lookup": MIXED_PAIRS}, named, faults)
    assert faults.found == []
    assert found.columns == {}
    table = pd.DataFrame({"lsoa21cd": [f"{NEW}1", f"{NEW}2"], "deprived_children": [1.0, 2.0]})
    state = indicator_values({"t": table}, named, carried=frozenset(found.columns)).state
    assert set(state["deprived_children"]) == {"measured"}
    ends = found.bounds["wards"]["deprived_children"]
    assert ends["low"].tolist() == [0, 0, 0]
    assert ends["high"].tolist() == pytest.approx([2, 2, 2])


def test_a_rate_of_areas_that_merge_is_refused_with_a_way_out():
    rates = pd.DataFrame({"code": TABLE["code"], "rate": [1.0, 2, 3, 4]})
    _, faults = carried({"old": rates, "lookup": PAIRS}, {**WARDS, "id": "old", "vintage": "LSOA11"}, LOOKUP)
    expected = (
        f"old (input 'old'): rate: areas merge into 1 of the zones, such as {NEW}3, and rates cannot be averaged "
        'without the counts that they are rates of -> give counts and a denominator (measure "proportion" or "rate"), '
        "which can be added up, or a table by LSOA21"
    )
    assert faults == [expected]
    cars = rates.rename(columns={"rate": "no_car_pct"})
    given_cars = {"id": "old", "table": "cars", "vintage": "LSOA11"}
    _, faults = carried({"old": cars, "lookup": PAIRS}, given_cars, LOOKUP)
    assert "leave the input out: the shares in the settings then stand in" in faults[0]
    found, faults = carried({"old": cars.head(2), "lookup": PAIRS}, given_cars, LOOKUP)
    assert faults == []
    assert found.tables["old"]["no_car_pct"].tolist() == [1, 2, 2]


# ---- protection


def protected(table: pd.DataFrame, kind: str = "demand", **more: object) -> tuple:
    given = {"id": "own", "table": kind, "vintage": "LSOA21", "disclosure": {"below": 5}, **more}
    codes, faults = table["lsoa21cd"], Faults(InputError)
    places = pd.Series("E06000001", index=codes)
    classes = pd.Series(np.where(np.arange(len(codes)) < len(codes) // 2, "UN1", "RSF1"), index=codes)
    made = areas.protect_inputs(
        settings(given), {"own": table}, COUNTED, councils=places, classes=classes, faults=faults
    )
    return made.tables, made.hidden, made.notes, [str(f) for f in faults.found]


BIRTHS = pd.DataFrame({"lsoa21cd": [f"E01{k:06}" for k in range(20)], "births": [3.0, 2, 4, 1] * 2 + [11.0, 12] * 6})


def test_small_counts_are_hidden_and_totals_kept():
    tables, hidden, notes, faults = protected(BIRTHS)
    assert faults == []
    assert hidden >= set(BIRTHS["lsoa21cd"][:8])
    after = tables["own"].set_index("lsoa21cd")["births"]
    before = BIRTHS.set_index("lsoa21cd")["births"]
    assert abs(after.sum() - before.sum()) <= 6
    shown = ~after.index.isin(hidden)
    assert (after[shown] == before[shown]).all()
    assert len(set(after[~shown].round(9))) <= 4, "by class one value for small zones, one for others hidden"
    assert any("hidden" in note for note in notes)


def test_a_rate_cannot_be_protected():
    rates = pd.DataFrame({"lsoa21cd": BIRTHS["lsoa21cd"], "rate": 0.2, "a": 3.0, "b": 50.0})
    *_, faults = protected(rates, "indicators")
    assert "rate is no count that the index uses" in faults[0]
    _, hidden, _, faults = protected(rates.drop(columns="rate"), "indicators")
    assert faults == []
    assert hidden


def test_faults_of_a_protected_table_do_not_show_its_counts(tmp_path):
    (tmp_path / "b.csv").write_text("lsoa21cd,births\nE01000001,3 (est)\nE01000002,-3\nE01000003,2\n")
    for rule, shown in ((None, True), ({"below": 5}, False)):
        given = {"id": "own", "table": "demand", "vintage": "LSOA21", "path": "b.csv", "disclosure": rule}
        columns = {"columns": {"lsoa21cd": "lsoa21cd", "births": "births"}}
        spec = next(i for i in settings({**given, **columns}).inputs if i.id == "own")
        faults = Faults(InputError)
        files.read_table(spec, tmp_path / "b.csv", faults)
        told = "\n".join(map(str, faults.found))
        assert "line 2" in told
        assert ("3 (est)" in told and "-3" in told) == shown
        assert ("not shown here" in told) != shown


def protect_all(
    tables: dict[str, pd.DataFrame], *inputs: dict, spec: IndexSpec = BLANKS
) -> tuple[areas.ProtectedInputs, list[str]]:
    """Protect several inputs whose zones are all of one class of one council."""
    codes = sorted({c for table in tables.values() for c in table["lsoa21cd"]})
    faults = Faults(InputError)
    made = areas.protect_inputs(
        settings(*({"vintage": "LSOA21", "disclosure": {"below": 5}, **i} for i in inputs)),
        tables,
        spec,
        councils=pd.Series("E06000001", index=codes),
        classes=pd.Series("UN1", index=codes),
        faults=faults,
    )
    return made, [str(f) for f in faults.found]


def poor_table(seed: int = 1, zones: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    codes = [f"E01{k:06}" for k in range(zones)]
    return pd.DataFrame({"lsoa21cd": codes, "a": rng.integers(0, 12, zones) * 1.0, "b": 100.0 + np.arange(zones)})


OWN = {"id": "own", "table": "indicators"}


def test_hidden_counts_are_suppressed_cells_between_bounds_that_hold_the_truth():
    table = poor_table()
    made, faults = protect_all({"own": table}, OWN)
    assert faults == []
    cells = indicator_values(made.tables, BLANKS, bounds=made.bounds["own"])
    hidden = sorted(made.hidden)
    assert 0 < len(hidden) < len(table)
    assert set(cells.state.loc[hidden, "poor"]) == {"suppressed"}
    assert set(cells.state["poor"].drop(hidden)) == {"measured"}
    truth = 100 * table.set_index("lsoa21cd")["a"] / table.set_index("lsoa21cd")["b"]
    low, value, high = (getattr(cells, k)["poor"] for k in ("low", "values", "high"))
    assert (low <= truth + 1e-9).all()
    assert (truth <= high + 1e-9).all()
    assert ((low <= value) & (value <= high)).all()
    assert (high > low)[hidden].all()
    doubt = doubt_of(BLANKS.indicators[0], cells, counts=False, suppressed=True, rounding=False)
    assert set(cells.values.index[doubt.hidden]) == set(hidden)
    scores = NeedIndex(BLANKS).fit(cells).assess(cells)
    assert (scores.loc[hidden, "score_low"] < scores.loc[hidden, "score_high"]).all()
    assert scores.loc[hidden, "suppressed"].tolist() == [1] * len(hidden)


def test_cells_of_protected_counts_are_the_same_for_other_small_counts_behind_them():
    table = poor_table()
    small = table["a"].between(1, 4)
    other = table.copy()
    other.loc[small, "a"] = table.loc[small, "a"].to_numpy()[::-1]
    other.loc[small, "b"] = table.loc[small, "b"].to_numpy()  # shown sizes stay
    assert (other["a"] != table["a"]).sum() > 5
    found = []
    for given_table in (table, other):
        made, _ = protect_all({"own": given_table}, OWN)
        found.append(indicator_values(made.tables, BLANKS, bounds=made.bounds["own"]))
    for name in ("values", "low", "high", "numerator", "denominator", "raw", "state", "reliability"):
        pd.testing.assert_frame_equal(getattr(found[0], name), getattr(found[1], name), check_exact=True)


def test_blanks_of_a_publisher_under_a_rule_keep_the_bounds_that_the_index_declares():
    wide = index_of([{"id": "d"}], [part("poor", "d", **POOR, suppressed={"low": 0, "high": 19})])
    table = poor_table().assign(a=lambda t: t["a"] + 20, b=100.0)
    table.loc[:3, "a"] = np.nan
    made, faults = protect_all({"own": table}, OWN, spec=wide)
    assert faults == []
    cells = indicator_values(made.tables, wide, bounds=made.bounds["own"])
    assert set(cells.state["poor"].iloc[:4]) == {"suppressed"}
    ends = made.bounds["own"]["a"].loc[table["lsoa21cd"][:4]]
    assert (set(ends["low"]), set(ends["high"])) == ({0.0}, {19.0})
    made, _ = protect_all({"own": table}, {**OWN, "blank": (2, 9)}, spec=wide)
    assert set(made.bounds["own"]["a"]["high"]) == {9.0}, "what the input says of its blanks goes first"


def test_two_inputs_over_the_same_zones_do_not_tell_by_subtraction():
    """Alone, the first would show the sum of x in zones 1 and 2, the second that of zones 1 to 3 less another."""
    codes = [f"E01{k:06}" for k in range(3)]
    one = pd.DataFrame({"lsoa21cd": codes, "births": [2.0, 15, 16]})
    two = pd.DataFrame({"lsoa21cd": codes[::-1], "a": [16.0, 15, 2], "b": [16.0, 0, 2]})
    alone = [
        protect_all({"x": one}, {"id": "x", "table": "demand"})[0].tables["x"]["births"].tolist(),
        protect_all({"y": two}, {"id": "y", "table": "indicators"})[0].tables["y"]["a"].tolist()[::-1],
    ]
    assert alone[0] != alone[1], "the attack: each hides other zones and shows the rest"
    inputs = {"id": "x", "table": "demand", "title": "Births"}, {"id": "y", "table": "indicators", "title": "Poor"}
    made, faults = protect_all({"x": one, "y": two}, *inputs)
    assert faults == []
    first, second = made.tables["x"].set_index("lsoa21cd"), made.tables["y"].set_index("lsoa21cd")
    assert first["births"].to_dict() == second["a"].to_dict(), "equal columns are one, and hidden as one"
    pd.testing.assert_frame_equal(made.bounds["x"]["births"], made.bounds["y"]["a"])
    hidden = set(made.bounds["x"]["births"].index)
    assert hidden == set(made.bounds["y"]["b"].index) == made.hidden
    assert codes[0] in hidden
    assert len(hidden) > 1
    assert made.notes[0].startswith("Births and Poor: ")
    assert " of 6 counts are hidden" in made.notes[0], "x once, y once"
    other = two.assign(a=[18.0, 15, 2])
    made, _ = protect_all({"x": one, "y": other}, *inputs)
    assert set(made.bounds["x"]["births"].index) == set(made.bounds["y"]["a"].index), "whatever the columns"


def test_inputs_that_overlap_in_part_or_under_other_rules_are_refused_and_others_are_not():
    one, two = BIRTHS, poor_table(zones=20).assign(lsoa21cd=BIRTHS["lsoa21cd"])
    births, poor = {"id": "x", "table": "demand"}, {"id": "y", "table": "indicators"}
    _, faults = protect_all({"x": one, "y": two}, births, {**poor, "disclosure": {"below": 6}})
    assert len(faults) == 1
    assert "inputs 'x' and 'y'" in faults[0]
    assert "share 20 zones, such as E01000000, but have different disclosure rules" in faults[0]
    assert "give both the same disclosure rule and the same zones, or put their columns into one file" in faults[0]
    made, faults = protect_all({"x": one, "y": two.tail(15)}, births, poor)
    assert "share 15 zones, such as E01000005, but have different zones" in faults[0]
    assert made.hidden == set(), "nothing is half protected"
    apart = two.assign(lsoa21cd=[f"E02{k:06}" for k in range(20)])
    made, faults = protect_all({"x": one, "y": apart}, births, {**poor, "disclosure": {"below": 6}})
    assert faults == []
    assert {c[:3] for c in made.hidden} == {"E01", "E02"}


def test_children_in_need_hidden_by_a_rule_come_out_hidden_and_between_their_bounds(tmp_path):
    table = BIRTHS.rename(columns={"births": "deprived_children"})
    made, faults = protect_all({"own": table}, {"id": "own", "table": "deprived_children"})
    assert faults == []
    ends = made.bounds["own"]["deprived_children"].reindex(table["lsoa21cd"])
    counts = made.tables["own"].set_index("lsoa21cd")["deprived_children"]
    found = rural.with_bounds(counts, low=ends["low"], high=ends["high"], hidden=ends["low"].notna())
    truth = table.set_index("lsoa21cd")["deprived_children"]
    assert set(found.index[found["children_hidden"]]) == made.hidden
    assert (found["children_low"] <= truth).all()
    assert (truth <= found["children_high"]).all()
    small = truth.index[truth < 5]
    assert set(found.loc[small, "children_low"]) == {1.0}
    assert set(found.loc[small, "children_high"]) == {4.0}
    assert abs(found["children"].sum() - truth.sum()) <= 3

    file = next(p for p in demo.write(tmp_path) if p.stem == "rivermouth")
    text = file.read_text()
    at = text.index('table = "deprived_children"')
    file.write_text(text[:at] + text[at:].replace("\ncolumns", "\ndisclosure = { below = 20 }\ncolumns", 1))
    raw = pd.read_csv(tmp_path / "rivermouth" / "deprived_children.csv").set_index("lsoa21cd")["children"]
    read = assessment.read(file)
    ground = stages.data(read, {i.id: tmp_path / i.path for i in read.inputs})
    zones = ground.zones.set_index("lsoa21cd")
    hidden = zones["deprived_children_hidden"]
    assert hidden[raw.index[(raw > 0) & (raw < 20)]].all()
    assert (zones["deprived_children_high"] > zones["deprived_children_low"])[hidden].all()
    assert hidden.equals(zones["count_hidden"].rename("deprived_children_hidden"))


@pytest.fixture(scope="module")
def sensitive(tmp_path_factory) -> tuple[Path, str]:
    """The demo's urban borough with small counts of births, which may not be shown."""
    raw = tmp_path_factory.mktemp("sensitive")
    file = next(p for p in demo.write(raw) if p.stem == "rivermouth")
    text = file.read_text()
    at = text.index('table = "demand"')
    file.write_text(
        text[:at].replace("[plan]", "[plan]\nalternatives = 0\nfrontier = 0")
        + text[at:].replace("\ncolumns", "\ndisclosure = { below = 5, round_to = 1 }\ncolumns", 1)
    )
    births = pd.read_csv(raw / "rivermouth" / "demand.csv")
    births.loc[births.index % 4 == 0, "births"] = [1 + k % 4 for k in range((births.index % 4 == 0).sum())]
    births.to_csv(raw / "rivermouth" / "demand.csv", index=False)
    return raw, file.name


def outputs_of(raw: Path, name: str, to: Path) -> dict[str, bytes]:
    built = pipeline.build(raw / name, paths=Paths(raw, to / "p", to / "m"))
    assert built.page
    files = {str(p.relative_to(built.folder)): p.read_bytes() for p in built.folder.rglob("*") if p.is_file()}
    record = json.loads(files.pop("provenance.json"))
    assert record["settings"]["demand"]["count"] == "births"
    plan = json.loads(files.pop("plan.json"))
    own = next(i for i in record["inputs"] if i["id"] == "births")
    assert own["sha256"] is None, "a hash of a file of small counts gives them away to whoever tries all"
    assert "bytes" not in own
    digest = hashlib.sha256((raw / own["path"]).read_bytes()).hexdigest()
    page = built.page.read_bytes()
    everything = json.dumps(record).encode() + page + b"".join(files.values())
    assert digest[:12].encode() not in everything
    key = pipeline.records.key()
    assert len(key) == 64
    assert key not in everything
    assert not [p for p in to.rglob("*") if p.is_file() and key in p.read_bytes()], "the key is apart from all outputs"
    return {**files, "plan.json": json.dumps(plan).encode(), "page": page}


@pytest.mark.slow
def test_what_is_hidden_leaves_no_trace_in_anything_written(sensitive, tmp_path):
    """Non-interference: other true counts behind the same protected ones give the same bytes, page included."""
    raw, name = sensitive
    first = outputs_of(raw, name, tmp_path / "first")
    table = pd.read_csv(raw / "rivermouth" / "demand.csv")
    small = table["births"] < 5
    zones = pd.read_csv(raw / "rivermouth" / "rural_urban.csv").set_index("lsoa21cd")["ruc21cd"]
    other = table.copy()
    for _, group in table[small].groupby(table["lsoa21cd"].map(zones)):
        other.loc[group.index, "births"] = group["births"].to_numpy()[::-1]
    assert (other["births"] != table["births"]).sum() > 5
    other.to_csv(raw / "rivermouth" / "demand.csv", index=False)
    second = outputs_of(raw, name, tmp_path / "second")
    assert first.keys() == second.keys()
    assert [k for k in first if first[k] != second[k]] == []
    table.to_csv(raw / "rivermouth" / "demand.csv", index=False)
    shown = pd.read_csv(tmp_path / "first" / "p" / "rivermouth" / "zones.csv").set_index("lsoa21cd")
    truth = table.set_index("lsoa21cd")["births"]
    hidden = shown["count_hidden"]
    assert hidden[truth[truth < 5].index].all()
    assert (shown.loc[~hidden, "births"] == truth.reindex(shown.index)[~hidden]).all()
    assert "≈" in first["page"].decode()


def test_protected_counts_are_all_that_stages_ever_keep(sensitive):
    raw, name = sensitive
    read = assessment.read(raw / name)
    ground = stages.data(read, {i.id: raw / i.path for i in read.inputs})
    truth = pd.read_csv(raw / "rivermouth" / "demand.csv").set_index("lsoa21cd")["births"]
    kept = ground.zones.set_index("lsoa21cd")
    small = truth[truth < 5].index
    assert kept.loc[small, "count_hidden"].all()
    assert not (kept.loc[small, "births"] == truth[small]).all()
    assert any("hidden" in note for note in ground.notes)
    assert Rule(below=5).least == 1


def test_one_small_zone_alone_is_refused_not_leaked(tmp_path):
    raw = tmp_path
    file = next(p for p in demo.write(raw) if p.stem == "ruralshire")
    text = file.read_text()
    at = text.index('table = "demand"')
    file.write_text(text[:at] + text[at:].replace("\ncolumns", "\ndisclosure = { below = 2 }\ncolumns", 1))
    with pytest.raises(SettingsError, match="below = 2 hides the count 1 alone"):
        assessment.read(file)
