"""Zones joined by code, families placed: conservation, and every hostile input told."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from needs import areas
from needs.assessment import DemandSettings
from needs.demand import Growth
from needs.errors import Faults
from tests.town import ORIGIN, places

A, B = "E01000001", "E01000002"


def zones() -> gpd.GeoDataFrame:
    x, y = ORIGIN
    shapes = [box(x, y, x + 1000, y + 1000), box(x + 1000, y, x + 2000, y + 1000)]
    return gpd.GeoDataFrame(
        {"lsoa21cd": [A, B], "zone_name": ["A", "B"], "lad24cd": "E06000001"}, geometry=shapes, crs="EPSG:27700"
    )


CLASS = pd.DataFrame({"lsoa21cd": [B, A], "ruc21cd": ["RSN1", "UN1"]})
DEMAND = pd.DataFrame({"lsoa21cd": [B, A], "births": [10.0, 30.0], "children_0_4": [55.0, 140.0]})


def attached(**tables: pd.DataFrame | None) -> tuple[gpd.GeoDataFrame, list[str]]:
    faults = Faults()
    given = {"rural_urban": CLASS, "demand": DEMAND, "cars": None, **tables}
    settings = DemandSettings(count=tables.get("count", "births")) if "count" in tables else DemandSettings()
    given.pop("count", None)
    given["demand"] = [given["demand"]]
    return areas.attach(zones(), **given, settings=settings, faults=faults), [str(f) for f in faults.found]


def test_tables_join_by_code_whatever_their_order():
    table, faults = attached()
    assert faults == []
    assert table.set_index("lsoa21cd")["births"].to_dict() == {A: 30.0, B: 10.0}
    assert table.set_index("lsoa21cd")["ruc21cd"].to_dict() == {A: "UN1", B: "RSN1"}


def test_share_without_a_car_is_a_labelled_default_by_class_or_the_table():
    table, _ = attached()
    assert table.set_index("lsoa21cd")["no_car_pct"].to_dict() == {A: 23.0, B: 14.0}
    assert set(table["no_car_source"]) == {"default"}
    given, _ = attached(cars=pd.DataFrame({"lsoa21cd": [A, B], "no_car_pct": [41.0, 9.0]}))
    assert given["no_car_pct"].tolist() == [41.0, 9.0]
    assert set(given["no_car_source"]) == {"table"}


def test_a_zone_without_a_row_is_told_with_the_lookup():
    _, faults = attached(demand=DEMAND[DEMAND["lsoa21cd"] == A])
    assert len(faults) == 1
    assert B in faults[0]
    assert "LSOA 2011" in faults[0]


def test_zones_without_planned_homes_have_none():
    growth = Growth(label="Local plan", years=5)
    homes = pd.DataFrame({"lsoa21cd": [B], "planned_homes": [100.0]})
    faults = Faults()
    settings = DemandSettings(growth=growth)
    tables = {"rural_urban": CLASS, "demand": [DEMAND, homes], "cars": None}
    found = areas.attach(zones(), **tables, settings=settings, faults=faults).set_index("lsoa21cd")
    assert faults.found == []
    assert found["demand_growth"].to_dict() == {A: 0.0, B: pytest.approx(100 * growth.per_home("births"))}
    assert found["demand"].to_dict() == {A: 30.0, B: pytest.approx(10 + 100 * growth.per_home("births"))}


def test_no_demand_at_all_is_told():
    _, faults = attached(demand=DEMAND.assign(births=0.0))
    assert "add up to nothing" in faults[0]


def test_an_unknown_district_is_told():
    faults = Faults()
    areas.select_zones(zones(), ["E06000009"], where="z.geojson", faults=faults)
    assert "E06000009" in str(faults.found[0])
    assert "E06000001" in str(faults.found[0])


def placed(at, codes, known=frozenset({A, B, "E01000009"}), **more):
    faults = Faults()
    table = areas.place_families(
        places("point_id", at, lsoa21cd=codes, **more), attached()[0], set(known), where="p.csv", faults=faults
    )
    return table, [str(f) for f in faults.found]


def test_demand_is_shared_among_points_and_conserved():
    table, faults = placed(
        {"a1": (100, 100), "a2": (200, 200), "b1": (1500, 500), "other": (9000, 9000)},
        [A, A, B, "E01000009"],
        weight=[3.0, 1.0, 0.0, 5.0],
    )
    assert faults == []
    assert table["point_id"].tolist() == ["a1", "a2", "b1"]  # another council's point is dropped
    assert table["share"].tolist() == [0.75, 0.25, 1.0]  # no weight in zone B: its points count alike
    assert table["demand"].tolist() == [22.5, 7.5, 10.0]
    assert table.groupby("lsoa21cd")["demand"].sum().to_dict() == {A: 30.0, B: 10.0}


@pytest.mark.parametrize(
    ("at", "codes", "words"),
    [
        ({"a": (1, 1), "b": (1500, 1)}, [A, "E01999999"], "unknown"),
        ({"a": (1, 1)}, [A], "has no point"),
        ({"a": (1, 1), "b": (5000, 1)}, [A, B], "3,000 m from its zone"),
    ],
)
def test_faults_of_points_are_told(at, codes, words):
    _, faults = placed(at, codes)
    assert any(words in f for f in faults)


def test_more_births_than_young_children_are_told():
    _, faults = attached(demand=DEMAND.rename(columns={"births": "children_0_4", "children_0_4": "births"}))
    assert len(faults) == 1
    assert "195 live births in a year are more than the 40 children aged 0 to 4" in faults[0]
    assert "swapped" in faults[0]
