"""Zones that do not say their district, and points of output areas: joined by code through another table."""

from __future__ import annotations

import pandas as pd
import pytest

from needs import areas
from needs.assessment import Assessment
from needs.errors import Faults

ZONES = ["E01000001", "E01000002"]


def settings_of(make_input, *extra):
    common = {"layout": None, "path": "x.csv"}
    base = [("zones", "LSOA21"), ("demand", "LSOA21"), ("indicators", "LSOA21"), ("rural_urban", "LSOA21")]
    inputs = [make_input(id=t, table=t, vintage=v, **common) for t, v in base]
    inputs += [make_input(id=t, table=t, vintage=None, **common) for t in ("sites", "streets")]
    inputs += [make_input(id=i, table=t, vintage=v, **common) for i, t, v in extra]
    return Assessment.model_validate(
        {
            "area": {"name": "T", "slug": "t", "codes": ["E06000099"]},
            "plan": {"max_hubs": 1, "max_outreach": 1},
            "input": [i.model_dump() for i in inputs],
        }
    )


@pytest.fixture
def given(make_input):
    return settings_of(
        make_input, ("councils", "councils", "LSOA21"), ("points", "points", "OA21"), ("pairs", "lookup", "OA21")
    )


def tables(**more):
    return {
        "zones": pd.DataFrame({"lsoa21cd": ZONES, "zone_name": ["a", "b"]}),
        "councils": pd.DataFrame({"lsoa21cd": ZONES[::-1], "lad24cd": ["E06000098", "E06000099"]}),
        "points": pd.DataFrame({"point_id": ["p", "q"], "code": ["E00000002", "E00000001"]}),
        "pairs": pd.DataFrame({"from_code": ["E00000001", "E00000002"], "lsoa21cd": ZONES}),
        **more,
    }


def test_zones_get_their_district_and_points_their_zone(given):
    faults = Faults()
    made = areas.completed(given, tables(), faults)
    assert not faults.found
    assert made["zones"]["lad24cd"].tolist() == ["E06000099", "E06000098"]
    assert made["points"]["lsoa21cd"].tolist() == ["E01000002", "E01000001"]
    assert "code" not in made["points"]


def test_a_zone_without_a_district_and_a_point_without_a_zone_are_named(given):
    faults = Faults()
    short = tables(councils=pd.DataFrame({"lsoa21cd": ZONES[:1], "lad24cd": ["E06000099"]}))
    short["pairs"] = short["pairs"].iloc[:1]
    areas.completed(given, short, faults)
    told = [str(f) for f in faults.found]
    assert any("E01000002" in t and "district" in t for t in told)
    assert any("E00000002" in t and "lookup" in t for t in told)


def test_an_output_area_in_two_zones_is_refused(given):
    faults = Faults()
    twice = pd.DataFrame({"from_code": ["E00000001"] * 2 + ["E00000002"], "lsoa21cd": [*ZONES, ZONES[0]]})
    areas.completed(given, tables(pairs=twice), faults)
    assert [f.what for f in faults.found] == ["these areas lie in several zones (1): E00000001"]


def test_zones_without_any_district_say_what_would_mend_it(make_input):
    faults = Faults()
    own = settings_of(make_input, ("points", "points", "LSOA21"))
    areas.completed(own, {"zones": tables()["zones"]}, faults)
    assert 'table = "councils"' in faults.found[0].fix


def test_what_says_it_itself_stays_as_it_is(given):
    faults = Faults()
    zones = tables()["zones"].assign(lad24cd="E06000097")
    points = pd.DataFrame({"point_id": ["p"], "lsoa21cd": ["E01000001"]})
    made = areas.completed(given, tables(zones=zones, points=points), faults)
    assert made["zones"]["lad24cd"].tolist() == ["E06000097"] * 2
    assert made["points"] is points
    assert not faults.found
