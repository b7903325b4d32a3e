"""Whom a plan is to serve: counted by hand, linear, additive, and refused where a column is not there."""

from __future__ import annotations

import tomllib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import demand as room
from needs.demand import Growth, assumptions, columns, demand, kinds, presets, read_catalogue
from needs.errors import InputError, SettingsError
from needs.settings import CATALOGUE

some = settings(deadline=None, max_examples=40)

A, B, C = "E01000001", "E01000002", "E01000003"
ZONES = [B, A, C]
TOWN = pd.DataFrame(
    {
        "lsoa21cd": ZONES,
        "births": [10, 0, 4.5],
        "children_0_4": [52, 3, 20],
        "children_5_19": [130, 9, 41],
        "people_20_24": [50, 200, 10],
        "low_income_children": [40, 0, 7],
        "planned_homes": [0, 200, 1000],
    }
)
PLAN = Growth(label="Local plan", years=10)


def counted(kind: str, table: pd.DataFrame = TOWN, **options) -> dict[str, float]:
    return demand(table, kind, **options)["demand"].to_dict()


def faults_of(error: type[Exception], call) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


# ---- by hand


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("births", [10, 0, 4.5]),
        ("first_1001_days", [27.4, 0, 12.33]),
        ("children_0_4", [52, 3, 20]),
        ("children_5_19", [130, 9, 41]),
        ("children_0_19", [182, 12, 61]),
        ("send_to_25", [182.3, 13.2, 61.06]),  # and 0.6 % of those aged 20 to 24
        ("low_income_children", [40, 0, 7]),
    ],
)
def test_every_kind_by_hand(kind, expected):
    result = demand(TOWN, kind)
    assert result.index.name == "lsoa21cd"
    assert list(result.index) == ZONES
    assert list(result.columns) == ["demand", "demand_today", "demand_growth"]
    assert result["demand"].tolist() == pytest.approx(expected, rel=1e-12)
    assert result["demand_today"].tolist() == result["demand"].tolist()
    assert result["demand_growth"].tolist() == [0, 0, 0]


def test_every_kind_of_the_catalogue_is_counted_by_hand_above():
    by_hand = test_every_kind_by_hand.pytestmark[0].args[1]
    assert {kind for kind, _ in by_hand} == set(kinds())


@pytest.mark.parametrize(
    ("kind", "one_home"),
    [
        ("births", 0.026),
        ("first_1001_days", 0.07124),
        ("children_0_4", 0.138),
        ("children_0_19", 0.569),
        ("send_to_25", 0.569888),
        ("low_income_children", 0.124),
    ],
)
def test_planned_homes_add_their_children_by_hand(kind, one_home):
    result, today = demand(TOWN, kind, growth=PLAN), demand(TOWN, kind)
    assert result["demand_growth"].tolist() == pytest.approx([0, 200 * one_home, 1000 * one_home], rel=1e-12)
    assert result["demand_today"].tolist() == today["demand"].tolist()
    assert (result["demand"] == result["demand_today"] + result["demand_growth"]).all()


def test_a_scenario_may_bring_its_own_children_per_home_and_its_own_column():
    table = TOWN.assign(homes_2035=[1, 0, 2])
    plan = Growth(label="To 2035", years=9, homes="homes_2035", children_per_home={"births": 0.1})
    assert demand(table, "births", growth=plan)["demand_growth"].tolist() == pytest.approx([0.1, 0, 0.2])
    assert demand(table, "first_1001_days", growth=plan)["demand_growth"].tolist() == pytest.approx([0.274, 0, 0.548])
    assert demand(table, "children_0_4", growth=plan)["demand_growth"].tolist() == pytest.approx([0.138, 0, 0.276])
    none = Growth(label="No children", years=1, children_per_home={"births": 0})
    assert demand(table, "births", growth=none)["demand_growth"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("share", "expected"), [(0, [182, 12, 61]), (5, [184.5, 22, 61.5]), (100, [232, 212, 71])])
def test_the_share_with_send_can_be_replaced(share, expected):
    assert list(counted("send_to_25", send_share_pct=share).values()) == pytest.approx(expected)
    assert counted("children_0_19", send_share_pct=share) == counted("children_0_19")


def test_only_the_columns_that_a_kind_needs_are_needed():
    for kind in kinds().values():
        own = TOWN[["lsoa21cd", *kind.needs]]
        assert counted(kind.id, own) == counted(kind.id)
    indexed = TOWN.set_index("lsoa21cd")
    assert counted("births", indexed) == counted("births")


# ---- properties


def towns() -> st.SearchStrategy[pd.DataFrame]:
    """Draw towns of one to five zones in which no sum is impossible."""

    def build(rows: list[tuple[float, ...]]) -> pd.DataFrame:
        table = pd.DataFrame(rows, columns=[c for c in TOWN.columns if c != "lsoa21cd"], dtype=float)
        table["children_0_4"] += table["births"] + table["low_income_children"]
        return table.assign(lsoa21cd=[f"E01{n:06}" for n in range(len(table))])

    return st.lists(st.tuples(*[st.integers(0, 10_000)] * 6), min_size=1, max_size=5).map(build)


KINDS = st.sampled_from(sorted(kinds()))
GROWTH = st.sampled_from([None, PLAN, Growth(label="Dense", years=5, children_per_home={"births": 0.3})])


@some
@given(towns(), KINDS, GROWTH, st.sampled_from([0.5, 2.0, 3.0]))
def test_demand_is_linear(town, kind, growth, factor):
    scaled = town.set_index("lsoa21cd") * factor
    expected = demand(town, kind, growth=growth) * factor
    pd.testing.assert_frame_equal(demand(scaled, kind, growth=growth), expected, rtol=1e-12)


@some
@given(towns(), towns(), KINDS, GROWTH)
def test_demand_adds_up_over_towns_and_over_zones(one, two, kind, growth):
    both = one.set_index("lsoa21cd").add(two.set_index("lsoa21cd"), fill_value=0)
    parts = [demand(t, kind, growth=growth) for t in (one, two)]
    expected = parts[0].add(parts[1], fill_value=0)
    pd.testing.assert_frame_equal(demand(both, kind, growth=growth), expected, rtol=1e-12)


@some
@given(towns(), GROWTH)
def test_children_to_19_are_those_to_4_and_those_from_5(town, growth):
    parts = [demand(town, kind, growth=growth) for kind in ("children_0_4", "children_5_19")]
    pd.testing.assert_frame_equal(demand(town, "children_0_19", growth=growth), parts[0] + parts[1], rtol=1e-12)


@some
@given(towns(), KINDS, st.integers(1, 500))
def test_more_homes_never_mean_fewer_children(town, kind, more):
    before = demand(town, kind, growth=PLAN)
    after = demand(town.assign(planned_homes=town["planned_homes"] + more), kind, growth=PLAN)
    assert (after["demand"] > before["demand"]).all()
    assert (after["demand_today"] == before["demand_today"]).all()
    assert (before["demand"] >= demand(town, kind)["demand"]).all()


@some
@given(towns(), st.floats(0, 100), st.floats(0, 100))
def test_more_young_people_with_send_never_mean_less_demand(town, one, two):
    low, high = (demand(town, "send_to_25", send_share_pct=p)["demand"] for p in sorted((one, two)))
    young = demand(town, "children_0_19")["demand"]
    assert (young <= low).all()
    assert (low <= high).all()
    assert (high <= young + town.set_index("lsoa21cd")["people_20_24"]).all()


# ---- what is refused


def test_an_absent_column_is_named_with_the_kind_and_what_to_map():
    table = TOWN[["lsoa21cd", "births", "children_0_4"]]
    text = faults_of(InputError, lambda: demand(table, "send_to_25", growth=PLAN))
    assert "3 faults" in text
    for name, why in (
        ("children_5_19", "demand 'send_to_25' counts it"),
        ("people_20_24", "demand 'send_to_25' counts it"),
        ("planned_homes", "growth counts it"),
    ):
        meaning = f"{columns()[name].meaning}; {columns()[name].unit}"
        assert f"table 'demand': has no column '{name}': {why} -> map it in the [[input]]" in text
        assert f'columns.{name} = "<heading>" ({meaning})' in text


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (np.nan, f"'planned_homes' is blank (1): {A} -> fill it in, with 0 where there are none"),
        (-1, f"'planned_homes' is negative (1): {A}"),
        (np.inf, f"'planned_homes' is no number (1): {A}"),
        ("some", f"'planned_homes' is no number (1): {A}"),
    ],
)
def test_homes_must_be_a_number_from_0(cell, expected):
    table = TOWN.astype({"planned_homes": object})
    table.loc[1, "planned_homes"] = cell
    text = faults_of(InputError, lambda: demand(table, "births", growth=PLAN))
    assert expected in text
    assert "1 fault " in text
    assert counted("births", table) == counted("births")


def test_every_fault_of_the_table_is_told_at_once():
    table = TOWN.astype({"births": object}).assign(children_0_4=[1, -2, np.nan], lsoa21cd=[A, B, A])
    table.loc[0, "births"] = "*"
    text = faults_of(InputError, lambda: demand(table.drop(columns="children_5_19"), "children_0_19"))
    for expected in (f"stands twice (1): {A}", "'children_0_4' is blank (1)", f"negative (1): {B}", "has no column"):
        assert expected in text
    assert "births" not in text  # this kind does not count them, and sums of faulty columns are not compared
    assert f"'births' is no number (1): {A}" in faults_of(InputError, lambda: demand(table, "births"))


def test_more_births_in_a_year_than_children_under_5_are_refused():
    swapped = TOWN.rename(columns={"births": "children_0_4", "children_0_4": "births"})
    for kind in ("births", "children_0_4", "low_income_children"):
        text = faults_of(InputError, lambda kind=kind: demand(swapped, kind))
        assert "75 live births in a year are more than the 14 children aged 0 to 4" in text
        assert "not swapped" in text
    one_zone = TOWN.assign(births=[60, 0, 5])  # possible in one zone: families move
    assert counted("births", one_zone) == {B: 60, A: 0, C: 5}
    assert counted("births", TOWN.assign(births=[75, 0, 0]))[B] == 75
    text = faults_of(InputError, lambda: demand(TOWN.assign(births=[76, 0, 0]), "births"))
    assert "check that the columns are not swapped and that births are those of one year" in text


def test_more_poor_children_than_children_are_refused():
    assert counted("low_income_children", TOWN.assign(low_income_children=[255, 0, 0]))[B] == 255
    table = TOWN.assign(low_income_children=[256, 0, 0])
    text = faults_of(InputError, lambda: demand(table, "low_income_children"))
    assert "256 children in low-income families are more than the 255 children aged 0 to 4 and" in text


@pytest.mark.parametrize("share", [-0.1, 100.1, float("nan")])
def test_a_share_is_0_to_100(share):
    text = faults_of(SettingsError, lambda: demand(TOWN, "send_to_25", send_share_pct=share))
    assert "give a share in per cent, 0 to 100" in text


def test_an_unknown_kind_says_what_was_perhaps_meant():
    text = faults_of(SettingsError, lambda: demand(TOWN, "children_0_5"))
    assert "did you mean 'children_0_4'?" in text
    assert "first_1001_days" in text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"children_per_home": {"babies": 1}}, "'babies' is not one of births, children_0_4"),
        ({"children_per_home": {"planned_homes": 1}}, "'planned_homes' is not one of births"),
        ({"children_per_home": {"births": -0.1}}, "births is -0.1, not a number from 0"),
        ({"children_per_home": {"births": float("nan")}}, "should be a finite number"),
        ({"years": 0}, "greater than 0"),
        ({"label": ""}, "at least 1 character"),
        ({"home": "planned_homes"}, "Extra inputs"),
    ],
)
def test_a_scenario_that_will_not_do_is_refused(fields, expected):
    assert expected in faults_of(ValueError, lambda: Growth.model_validate({"label": "Plan", "years": 5, **fields}))


# ---- the catalogue


def test_the_catalogue_has_every_kind_and_keeps_the_labels_of_the_first_two():
    assert list(kinds()) == [
        "births",
        "first_1001_days",
        "children_0_4",
        "children_5_19",
        "children_0_19",
        "send_to_25",
        "low_income_children",
    ]
    assert kinds()["births"].label == "births a year"
    assert kinds()["children_0_4"].label == "children aged 0 to 4"
    assert set(columns()) == {c for c in TOWN.columns if c != "lsoa21cd"}
    assert len({k.label for k in kinds().values()}) == len(kinds())


def test_the_first_1001_days_are_1001_days():
    (years,) = kinds()["first_1001_days"].columns.values()
    assert years == round(1001 / 365.25, 2)
    assert years == pytest.approx(0.75 + 2, abs=0.011)


def test_what_a_kind_takes_for_granted_is_told_with_its_source():
    told = assumptions("send_to_25", growth=PLAN)
    assert len(told) == 6
    assert "to 25 with SEND" in told[0]
    assert presets()["send_share_pct"].source in told[1]
    assert "0.6 %" in told[1]
    assert "Local plan, within 10 years" in told[2]
    assert "0.138. Assumption of this toolkit" in told[3]
    own = Growth(label="Dense", years=5, children_per_home={"births": 0.3})
    assert assumptions("births", growth=own)[-1].endswith("home: 0.3. The assessment's own figure.")
    assert assumptions("send_to_25", send_share_pct=3)[1].endswith("SEND: 3 %. The assessment's own figure.")
    assert len(assumptions("births")) == 1


def catalogue() -> dict:
    return tomllib.loads((CATALOGUE / "demand.toml").read_text("utf-8"))


def test_presets_are_labelled_as_assumptions():
    sources = [p.source for p in presets().values()]
    sources += [c.per_home_source for c in columns().values() if c.per_home is not None]
    assert len(sources) == 6
    assert all("Assumption of this toolkit" in s for s in sources)


@pytest.mark.parametrize(
    ("table", "entry", "change", "expected"),
    [
        ("kind", 0, {"columns": {}}, "[[kind]] births columns: Dictionary should have at least 1"),
        ("kind", 0, {"columns": {"births": 0}}, "the weight of births must be over 0"),
        ("kind", 0, {"columns": {"births": float("inf")}}, "births: Input should be a finite number"),
        ("kind", 0, {"columns": {"babies": 1}}, "kind 'births' counts 'babies', not one of births"),
        ("kind", 0, {"columns": {"planned_homes": 1}}, "counts 'planned_homes', of which per_home is not given"),
        ("kind", 0, {"shares": {"births": "send_share_pct"}}, "births stands in both columns and shares"),
        ("kind", 0, {"shares": {"people_20_24": "half"}}, "takes the share 'half', which is no preset"),
        ("kind", 0, {"id": "children_0_4"}, "2 kinds have the id 'children_0_4'"),
        ("kind", 0, {"source": "ONS"}, "[[kind]] births source"),
        ("column", 0, {"id": "children_0_4"}, "2 columns have the id 'children_0_4'"),
        ("column", 0, {"per_home": None}, "[[column]] births: give both per_home and per_home_source"),
        ("column", 0, {"per_home": -1}, "[[column]] births per_home"),
        ("column", 0, {"id": "Births"}, "[[column]] Births id"),
        ("preset", 0, {"value": 101}, "[[preset]] send_share_pct value"),
        ("preset", 0, {"unit": "share"}, "[[preset]] send_share_pct unit"),
        ("preset", 0, {"colour": "red"}, "[[preset]] send_share_pct colour: there is no such setting"),
    ],
)
def test_faults_of_the_catalogue_are_told_where_they_stand(table, entry, change, expected):
    content = catalogue()
    content[table][entry] |= change
    text = faults_of(SettingsError, lambda: read_catalogue(content))
    assert "demand.toml" in text
    assert expected in text


def test_the_catalogue_as_it_stands_reads():
    assert read_catalogue(catalogue()) == room._catalogue()


@pytest.mark.data
def test_the_presets_are_those_of_england(real_data):
    folder = real_data / "england"
    ages = pd.read_parquet(folder / "lsoa11_mid2020_single_year.parquet")
    homes = pd.read_csv(folder / "household_tenure21_lsoa21_england.csv.gz")["total_households"].sum()
    poor = pd.read_csv(folder / "cilif_ahc_ward_england.csv.gz")["n_fye2025"].sum()

    def aged(low: int, high: int) -> int:
        return int(ages[[str(a) for a in range(low, high + 1)]].to_numpy().sum())

    people = {"births": aged(0, 0), "children_0_4": aged(0, 4), "children_5_19": aged(5, 19)}
    people |= {"people_20_24": aged(20, 24), "low_income_children": int(poor)}
    assert homes == 23_436_382
    for name, number in people.items():
        assert columns()[name].per_home == round(number / homes, 3)
        assert f"{number:,}" in columns()[name].per_home_source
    aged_20_25 = aged(20, 25)
    assert f"{aged_20_25:,}" in presets()["send_share_pct"].source
    low, middle, high = (100 * p * 390_100 / aged_20_25 for p in (0.055, 0.06, 0.065))
    assert (round(low, 2), round(middle, 1), round(high, 2)) == (0.51, presets()["send_share_pct"].value, 0.6)


@pytest.mark.data
def test_the_demand_of_england_adds_up(real_data):
    ages = pd.read_parquet(real_data / "england" / "lsoa11_mid2020_single_year.parquet")
    table = pd.DataFrame(
        {
            "lsoa21cd": ages["lsoa11_code"],
            "births": ages["0"],
            "children_0_4": ages[[str(a) for a in range(5)]].sum(axis=1),
            "children_5_19": ages[[str(a) for a in range(5, 20)]].sum(axis=1),
        }
    )
    totals = {kind: demand(table, kind)["demand"].sum() for kind in ("births", "first_1001_days", "children_0_19")}
    assert totals == pytest.approx(
        {"births": 601_913, "first_1001_days": 601_913 * 2.74, "children_0_19": 13_330_355}, rel=1e-12
    )
