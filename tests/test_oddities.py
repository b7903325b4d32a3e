"""What is possible and odd is told; what is usual is not."""

from __future__ import annotations

import geopandas as gpd
from shapely import Point, box

from needs import oddities

CODES = [f"E0100000{n}" for n in range(5)]


def zones(**changed):
    usual = {
        "lsoa21cd": CODES, "demand": [20.0, 22.0, 18.0, 25.0, 19.0], "births": [20.0, 22.0, 18.0, 25.0, 19.0],
        "children_0_4": [100.0, 105.0, 95.0, 120.0, 99.0], "no_car_pct": [10.0, 20.0, 30.0, 40.0, 12.0],
        "no_car_source": "table",
    }  # fmt: skip
    return gpd.GeoDataFrame({**usual, **changed}, geometry=[box(0, 0, 1, 1)] * 5, crs=27700)


def sites(**changed):
    usual = {"name": ["A", "B", "C"], "today": ["hub", "none", "none"], "ours": [True, True, True]}
    spots = changed.pop("spots", [(0, 0), (500, 0), (0, 500)])
    return gpd.GeoDataFrame({**usual, **changed}, geometry=[Point(p) for p in spots], crs=27700)


def told(z=None, s=None) -> list[str]:
    return list(oddities.look(zones() if z is None else z, sites() if s is None else s))


def test_what_is_usual_is_not_told():
    assert told() == []


def test_zones():
    assert any("without anybody" in t and CODES[0] in t for t in told(zones(demand=[0.0, 1, 1, 1, 1])))
    assert any("6 times" in t and CODES[4] in t for t in told(zones(demand=[1.0, 1, 1, 1, 9])))
    assert any("every birth" in t and "(1)" in t for t in told(zones(children_0_4=[100.0, 105, 95, 120, 30])))
    assert any("no car" in t and CODES[3] in t for t in told(zones(no_car_pct=[10.0, 20, 30, 99, 12])))
    assert any("same in every zone: 7" in t for t in told(zones(births=[7.0] * 5, children_0_4=[35.0] * 5)))


def test_a_share_that_is_a_default_is_not_held_against_anybody():
    assert told(zones(no_car_pct=[99.0] * 5, no_car_source="default")) == []


def test_zones_without_births_are_no_division_by_zero():
    assert any("anybody" in t for t in told(zones(demand=[0.0] * 5, births=[0.0, 22, 18, 25, 19])))


def test_sites():
    assert any("a hub today" in t for t in told(s=sites(today=["none"] * 3)))
    assert any("a hub today" in t for t in told(s=sites(ours=[False, True, True])))
    assert any("several buildings bear" in t and "A" in t for t in told(s=sites(name=["A", "a ", "C"])))
    assert any("same spot" in t and "A, B" in t for t in told(s=sites(spots=[(0, 0), (0.2, 0.1), (9, 9)])))
