"""Sites placed by coordinates or postcode, lists of England cut to a council: every row a site, a reject or counted."""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import Point, box

from needs import assessment, sites
from needs.assessment import Area, Input
from needs.errors import Faults
from needs.schemas.postcodes import POSTCODE, written
from needs.sites.rejects import reject_table
from needs.sources import files
from tests.town import ORIGIN

SQUARE = box(ORIGIN[0], ORIGIN[1], ORIGIN[0] + 5000, ORIGIN[1] + 5000)  # a council of 5 km by 5 km
ZONES = gpd.GeoDataFrame(geometry=[SQUARE], crs="EPSG:27700")
KNOWN = {"LE15 6HW": (1000, 1000), "LE15 6AA": (1100, 1000), "LE15 7DH": (2000, 2000), "PE9 4HR": (-3000, 100)}
POSTCODES = gpd.GeoDataFrame(
    {"postcode": list(KNOWN)},
    geometry=[Point(ORIGIN[0] + x, ORIGIN[1] + y) for x, y in KNOWN.values()],
    crs="EPSG:27700",
)
METRES = {"x": "e", "y": "n", "postcode": "pc"}


def read(tmp_path, rows, *, columns, name="s.csv", **more) -> tuple[gpd.GeoDataFrame | None, Input, list[str]]:
    """Write rows as a file and read them as sites."""
    path = tmp_path / name
    frame = pd.DataFrame(rows)
    if name.endswith(".csv"):
        frame.to_csv(path, index=False)
    elif name.endswith(".xlsx"):
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path)
    common = {"table": "sites", "title": "Register", "publisher": "a test", "licence": "CC0-1.0", "date": "2026"}
    has_type = "site_type" in columns
    values = {} if has_type else {"values": {"site_type": "library"}}
    given_input = Input.model_validate(
        {"id": "s", "path": name, "columns": {"name": "site", **columns}, **values, **common, **more}
    )
    faults = Faults()
    return files.read_table(given_input, path, faults), given_input, [str(f) for f in faults.found]


def gather(
    tmp_path, rows, *, columns=METRES, crs="EPSG:27700", postcodes=POSTCODES, margin_km=10.0, zones=ZONES, **more
):
    """Read rows and gather them; say the faults as text."""
    table, given_input, told = read(tmp_path, rows, columns=columns, **({"crs": crs} if crs else {}), **more)
    if told:
        return None, told
    faults = Faults()
    found = sites.gather(
        [given_input],
        {"s": table},
        faults,
        council=sites.Surroundings.of(zones, margin_km),
        gazetteer=sites.Gazetteer.of(postcodes, "Postcodes of 2025"),
    )
    return found, [str(f) for f in faults.found]


def at(x, y, **more) -> dict:
    return {"site": "A", "e": ORIGIN[0] + x, "n": ORIGIN[1] + y, "pc": None, **more}


def metres_of(found) -> list[tuple[int, int]]:
    return [(round(p.x - ORIGIN[0]), round(p.y - ORIGIN[1])) for p in found.sites.geometry]


@pytest.mark.parametrize(
    ("given_text", "text"),
    [
        ("OX1 3DW", "OX1 3DW"),
        ("ox1  3dw", "OX1 3DW"),
        (" OX13DW ", "OX1 3DW"),
        ("AB101AB", "AB10 1AB"),
        ("OX1\u00a03DW.", "OX1 3DW"),
        ("CH1 1 RL", "CH1 1RL"),
        ("W1A 1AA", "W1A 1AA"),
        ("[Unknown]", "[Unknown]"),
        ("OX1", "OX1"),
        ("", ""),
        ("OX1 3DWX", "OX1 3DWX"),
    ],
)
def test_postcodes_are_written_one_way(given_text, text):
    assert written(pd.Series([given_text]))[0] == text


def test_a_blank_postcode_stays_blank():
    assert written(pd.Series(["OX13DW", None])).isna().tolist() == [False, True]


@given(st.text(alphabet="OX013dw .-", max_size=12))
def test_a_postcode_as_written_stays_as_it_is(text):
    once = written(pd.Series([text]))
    assert written(once)[0] == once[0]
    assert once[0] == text or re.fullmatch(POSTCODE, once[0])


def test_a_site_without_coordinates_stands_at_its_postcode(tmp_path):
    rows = [
        at(3000, 3000),
        {"site": "B", "e": None, "n": None, "pc": "le15  6hw"},
        {"site": "C", "e": 1, "n": None, "pc": "LE157DH"},
    ]
    found, faults = gather(tmp_path, rows)
    assert faults == []
    assert metres_of(found) == [(3000, 3000), (1000, 1000), (2000, 2000)]
    assert found.sites["postcode"].to_list()[1:] == ["LE15 6HW", "LE15 7DH"]
    assert found.rejected.empty


def test_a_file_with_postcodes_alone_needs_no_coordinates(tmp_path):
    columns = {"postcode": "pc", "uprn": "u"}
    found, faults = gather(tmp_path, [{"site": "B", "pc": "LE15 6HW", "u": 1}], columns=columns, crs=None)
    assert faults == []
    assert metres_of(found) == [(1000, 1000)]


REJECTS = [
    (
        {"pc": "LE15 6ZZ"},
        "postcode LE15 6ZZ is not in 'Postcodes of 2025', though others of LE15 6 are: retired, newer than that",
        "correct it",
    ),
    (
        {"pc": "LE15 9AA"},
        "postcode LE15 9AA is not in 'Postcodes of 2025', and none of LE15 9 is, though others of LE15 are",
        "correct it",
    ),
    (
        {"pc": "OX1 3DW"},
        "postcode OX1 3DW is not in 'Postcodes of 2025', and none of OX1 is: elsewhere, or mistyped",
        "correct it",
    ),
    ({"pc": "LEI5 6HW"}, "postcode 'LEI5 6HW' is not known, and LE15 6HW is", "is it LE15 6HW?"),
    ({"pc": "LE1S 6HW"}, "postcode 'LE1S 6HW' is not known, and LE15 6HW is", "is it LE15 6HW?"),
    ({"pc": "[Unknown]"}, "'[Unknown]' is not a postcode, and there are no coordinates", "correct it"),
    ({"u": "100012345678.0"}, "it has only a UPRN (100012345678), and no table of these is read", "OS Open UPRN"),
    ({}, "it has neither coordinates nor a postcode", "fill in one of them"),
    ({"e": 0, "n": 0}, "its coordinates are 0, 0, which is no place in England", "correct them"),
    ({"e": 0, "n": 0, "pc": "LE15 6HW"}, "its coordinates are 0, 0, which is no place in England", "leave them blank"),
    ({"e": 302_000, "n": 451_000, "pc": "LE15 6HW"}, "its coordinates 302000, 451000 look swapped", "swap the two"),
    ({"e": 302_000, "n": 451_000}, "its coordinates 302000, 451000 look swapped", "swap the two"),
    ({"e": 302_000, "n": 800_000}, "its coordinates 302000, 800000 (EPSG:27700) lie outside England", "crs"),
    ({"e": -0.73, "n": 52.67}, "its coordinates -0.73, 52.67 (EPSG:27700) lie outside England", "crs"),
]


@pytest.mark.parametrize(("row", "reason", "to_do"), REJECTS, ids=[str(r[0]) for r in REJECTS])
def test_a_row_without_a_place_is_rejected_with_its_reason(tmp_path, row, reason, to_do):
    blank = {"site": "Odd", "e": None, "n": None, "pc": None, "u": None}
    found, faults = gather(tmp_path, [at(3000, 3000, u="1"), {**blank, **row}], columns={**METRES, "uprn": "u"})
    assert faults == []
    assert metres_of(found) == [(3000, 3000)]
    (told,) = found.rejected.to_dict("records")
    assert (told["source"], told["row"], told["name"], told["kept_as"]) == ("s", "line 3", "Odd", "")
    assert told["reason"].startswith(reason)
    assert to_do in told["to_do"]
    assert found.notes[-1].startswith("Register: 1 rows are no site, since they cannot be placed (")


def test_swapped_degrees_are_told_row_by_row(tmp_path):
    rows = [{"site": "A", "e": -1.26, "n": 52.60}, {"site": "B", "e": 52.61, "n": -1.25}]
    found, faults = gather(tmp_path, rows, columns={"x": "e", "y": "n"}, crs="EPSG:4326")
    assert faults == []
    assert found.sites["name"].to_list() == ["A"]
    assert found.rejected["reason"].to_list() == [
        "its coordinates 52.61, -1.25 look swapped: the other way round they fit"
    ]


def test_an_input_of_which_no_row_has_a_place_stops_the_build(tmp_path):
    rows = [{"site": "A", "e": 1, "n": 2, "pc": None}, {"site": "B", "e": 0, "n": 0, "pc": None}]
    found, faults = gather(tmp_path, rows)
    assert len(found.sites) == 0
    assert len(faults) == 1
    assert (
        "s.csv (input 's'): none of its 2 rows can be placed (coordinates 0, 0 1, outside England 1); line 2: "
        in faults[0]
    )
    no_table, told = gather(
        tmp_path, [{"site": "B", "pc": "LE15 6HW"}], columns={"postcode": "pc"}, crs=None, postcodes=None
    )
    assert len(no_table.sites) == 0
    assert "there is no input of postcodes -> give an [[input]] for table 'postcodes' (Code-Point Open)" in told[0]
    _, told = gather(tmp_path, [{"site": "B", "u": 7}], columns={"uprn": "u"}, crs=None)
    assert "has only a UPRN (7), and no table of these is read" in told[0]


def test_a_file_that_says_nothing_of_places_is_a_fault(tmp_path):
    _, faults = gather(tmp_path, [{"site": "A"}], columns={}, crs=None)
    assert len(faults) == 1
    assert "map columns.postcode and give an [[input]] of postcodes" in faults[0]
    _, faults = gather(tmp_path, [at(1, 1)], columns={"x": "e", "postcode": "pc"})
    assert "needs geometry and the file has none" in faults[0]
    _, faults = gather(tmp_path, [at(1, 1)], crs=None)
    assert "crs is missing" in faults[0]


def test_coordinates_far_from_their_postcode_stand_and_are_told(tmp_path):
    rows = [at(3000, 3000, pc="LE15 6HW"), at(1000, 2900, pc="LE15 6HW", site="B")]
    found, faults = gather(tmp_path, rows)
    assert faults == []
    told = "A at 453000, 303000 is 2.8 km from its postcode LE15 6HW at 451000, 301000."
    assert found.notes == [f"Register: Sites far from their own postcode, of which the coordinates count: {told}"]


def test_a_workbook_of_assets_is_read_as_it_is(tmp_path):
    book = openpyxl.Workbook()
    for row in [
        ["Asset register, March 2026"],
        ["Site", "Use", "Postcode", "Easting", "Northing", "UPRN"],
        ["Old Mill", "Library", " le15 6hw", None, None, 100012345678.0],
        ["New Mill", "Hall", None, "453,000", "303000", "000100012345679"],
        ["Hut", "Depot", "LE15 7DH", None, None, None],
        ["Shed", "Hall", "LE15 7DH", None, None, "A12"],
    ]:
        book.active.append(row)
    book.save(tmp_path / "b.xlsx")
    spec = Input.model_validate(
        {
            "id": "b",
            "table": "sites",
            "path": "b.xlsx",
            "title": "Register",
            "publisher": "p",
            "licence": "l",
            "date": "d",
            "columns": {
                "name": "Site",
                "site_type": "Use",
                "postcode": "Postcode",
                "x": "Easting",
                "y": "Northing",
                "uprn": "UPRN",
            },
            "crs": "EPSG:27700",
            "types": {"Library": "library", "Hall": "community_centre"},
        }
    )
    faults = Faults()
    table = files.read_table(spec, tmp_path / "b.xlsx", faults)
    gazetteer = sites.Gazetteer.of(POSTCODES, "x")
    found = sites.gather([spec], {"b": table}, faults, council=sites.Surroundings.of(ZONES, 10), gazetteer=gazetteer)
    assert faults.found == []
    by = found.sites.set_index("name")
    assert by["uprn"].where(by["uprn"].notna(), None).to_dict() == {
        "New Mill": "100012345679",
        "Old Mill": "100012345678",
        "Shed": None,
    }
    assert by["site_type"].to_dict() == {
        "New Mill": "community_centre",
        "Old Mill": "library",
        "Shed": "community_centre",
    }
    assert sorted(metres_of(found)) == [(1000, 1000), (2000, 2000), (3000, 3000)]
    assert found.notes == [
        "Register: 1 rows of other kinds are left out: Depot 1.",
        "Register: 1 UPRNs are not numbers of up to 12 digits, such as 'A12': left blank.",
    ]


def test_shapes_of_a_vector_file(tmp_path):
    shapes = [SQUARE.centroid, SQUARE, None]
    gpd.GeoDataFrame({"site": ["Point", "Square", "None"]}, geometry=shapes, crs="EPSG:27700").to_parquet(
        tmp_path / "v.parquet"
    )
    spec = {
        "id": "s",
        "table": "sites",
        "path": "v.parquet",
        "title": "t",
        "publisher": "p",
        "licence": "l",
        "date": "d",
    }
    given_input = Input.model_validate({**spec, "columns": {"name": "site"}, "values": {"site_type": "library"}})
    faults = Faults()
    table = files.read_table(given_input, tmp_path / "v.parquet", faults)
    council, gazetteer = sites.Surroundings.of(ZONES, 10), sites.Gazetteer.of(None)
    found = sites.gather([given_input], {"s": table}, faults, council=council, gazetteer=gazetteer)
    assert faults.found == []
    assert found.sites["name"].to_list() == ["Point"]
    assert found.rejected["reason"].to_list() == [
        "it is a Polygon, and a point is needed",
        "it has neither coordinates nor a postcode",
    ]


def test_postcodes_of_other_nations_or_without_a_place_are_left_out(tmp_path, make_input):
    path = tmp_path / "p.csv"
    path.write_text("pc,e,n\nAB101AB,394251,806376\nle156hw,486253,308656\nLE15 9XX,0,0\nLE15 9XY,,\n")
    spec = make_input(
        table="postcodes", path="p.csv", vintage=None, crs="EPSG:27700", columns={"postcode": "pc", "x": "e", "y": "n"}
    )
    faults = Faults()
    table = files.read_table(spec, path, faults)
    assert faults.found == []
    assert table["postcode"].to_list() == ["LE15 6HW"]
    assert table.attrs["notes"] == ["A table: 3 rows have no place in England, and are left out."]


ROW = st.fixed_dictionaries(
    {
        "e": st.sampled_from([None, 0, 451_000, 302_000, 460_000, 52.6, 700_000]),
        "n": st.sampled_from([None, 0, 301_000, 451_000, 900_000, -1.2]),
        "pc": st.sampled_from([None, "", *KNOWN, "le156hw", "OX1 3DW", "LE15 6ZZ", "LEI5 6HW", "none", "ZZ"]),
        "u": st.sampled_from([None, "7", "x"]),
        "kind": st.sampled_from(["Library", "Hub", "Pub"]),
    }
)


@settings(max_examples=25)
@given(st.lists(ROW, min_size=1, max_size=8), st.booleans())
def test_every_row_is_a_site_a_reject_or_counted(tmp_path_factory, rows, national):
    rows = [{"site": f"S{k}", **row} for k, row in enumerate(rows)]
    found, faults = gather(
        tmp_path_factory.mktemp("rows"),
        rows,
        columns={**METRES, "uprn": "u", "site_type": "kind"},
        national=national,
        types={"Library": "library", "Hub": "family_hub"},
    )
    others = sum(r["kind"] == "Pub" for r in rows)
    if faults:
        assert len(faults) == 1
        assert re.search("no row has a word|can be placed|no input has a site", faults[0])
        return
    away = r"(\d+) are (?:others' within 10 km that offer nothing|farther off), and left out"
    left_out = sum(int(count) for note in found.notes for count in re.findall(away, note))
    assert len(found.sites) + len(found.rejected) + others + left_out == len(rows)
    names = [*found.sites["name"], *found.rejected["name"]]
    assert len(set(names)) == len(names)
    assert found.sites.geometry.notna().all()
    assert set(found.rejected["kept_as"]) <= {"", *found.sites["site_id"]}


def test_a_national_list_is_cut_to_the_council_and_its_margin(tmp_path):
    kinds = ["library", "family_hub"]
    places = {
        "in": (2500, 2500),
        "edge": (-199, 100),
        "near": (-201, 100),
        "margin": (-9999, 100),
        "far": (-10_001, 100),
    }
    rows = [at(x, y, site=f"{name} {kind}", k=kind) for name, (x, y) in places.items() for kind in kinds]
    rows = [{**r, "e": r["e"], "n": r["n"] + 100 * (r["k"] == "library")} for r in rows]
    columns = {"x": "e", "y": "n", "site_type": "k"}
    found, faults = gather(tmp_path, rows, columns=columns, national=True)
    assert faults == []
    ours = found.sites.set_index("name")["ours"].to_dict()
    assert ours == {
        "in library": True,
        "in family_hub": True,
        "edge library": True,
        "edge family_hub": True,
        "near family_hub": False,
        "margin family_hub": False,
    }
    assert len(found.notes) == 1
    assert found.notes[0].startswith(
        "Register: Of 10 sites listed 4 are the council's, 2 are others' within 10 km of it that offer"
    )
    assert found.notes[0].endswith(
        "2 are others' within 10 km that offer nothing, and left out, 2 are farther off, and left out."
    )
    narrow, _ = gather(tmp_path, rows, columns=columns, national=True, margin_km=0)
    assert narrow.sites["ours"].all()
    assert len(narrow.sites) == 4


def test_whose_a_site_is_can_be_given_for_a_national_list(tmp_path):
    rows = [
        at(100, 100, site="theirs", mine="no"),
        at(-5000, 100, site="ours", mine="yes"),
        at(-11_000, 1, site="far", mine="yes"),
    ]
    found, _ = gather(tmp_path, rows, columns={"x": "e", "y": "n", "ours": "mine"}, national=True)
    assert found.sites.set_index("name")["ours"].to_dict() == {"ours": True}  # a neighbour's library is nobody's option


def test_a_row_of_a_national_list_is_a_reject_only_where_it_may_count(tmp_path):
    postcodes = {
        "unknown in our sector": "LE15 6ZZ",
        "of our district": "LE15 9ZZ",
        "elsewhere": "OX1 3DW",
        "of a neighbour": "PE9 4ZZ",
        "no postcode": "[Unknown]",
    }
    rows = [{"site": name, "pc": pc, "k": kind} for name, pc in postcodes.items() for kind in ("library", "family_hub")]
    rows.append({"site": "in", "pc": "LE15 6HW", "k": "library"})
    columns = {"postcode": "pc", "site_type": "k"}
    found, faults = gather(tmp_path, rows, columns=columns, crs=None, national=True)
    assert faults == []
    ours, theirs = (found.rejected["row"].isin([f"line {k}" for k in range(i, 12, 2)]) for i in (2, 3))
    assert set(found.rejected["name"][ours]) == {"unknown in our sector", "of our district", "no postcode"}
    assert set(found.rejected["name"][theirs]) == {*postcodes} - {"elsewhere"}  # a neighbour's hub would count
    assert "Of 4 sites listed 1 are the council's, 3 are farther off, and left out." in found.notes[-1]


@settings(max_examples=40)
@given(st.integers(-15_000, 20_000), st.integers(-15_000, 20_000), st.sampled_from([0.0, 0.1, 3.0, 10.0]))
def test_the_margin_is_the_distance_from_the_council(x, y, margin_km):
    council = sites.Surroundings.of(ZONES, margin_km)
    away = np.hypot(max(-x, 0, x - 5000), max(-y, 0, y - 5000))
    here = np.array([ORIGIN[0] + x, np.nan]), np.array([ORIGIN[1] + y, np.nan])
    assert council.inside(*here).tolist() == [away <= 200, False]
    assert council.margin(*here).tolist() == [away <= max(1000 * margin_km, 200), False]


def test_no_site_at_all_is_a_fault(tmp_path):
    _, faults = gather(tmp_path, [at(30_000, 0)], columns={"x": "e", "y": "n"}, national=True)
    assert len(faults) == 1
    assert "no input has a site in the council or its margin" in faults[0]


@pytest.mark.parametrize(("margin", "fine"), [(0, True), (50, True), (-1, False), (51, False)])
def test_the_margin_has_bounds(margin, fine):
    area = {"name": "A", "slug": "a", "codes": ["E06000017"], "margin_km": margin}
    if fine:
        assert Area.model_validate(area).margin_km == margin
    else:
        with pytest.raises(ValidationError):
            Area.model_validate(area)


def national_inputs() -> list[Input]:
    """England's lists as they lie in the folder of real data."""
    common = {
        "table": "sites",
        "publisher": "p",
        "licence": "OGL-UK-3.0",
        "date": "2025",
        "national": True,
        "crs": "EPSG:27700",
    }
    place = {"x": "easting", "y": "northing"}
    entries = [
        {
            "id": "hubs",
            "path": "family_hubs_childrens_centres_halton_rutland_neighbours.csv",
            "columns": {"name": "name", "site_type": "kind", "postcode": "postcode", **place},
        },
        {
            "id": "schools",
            "path": "england/gias_schools_open_2025-05-24_england.parquet",
            "columns": {"name": "establishment_name", "site_type": "education_phase", **place},
            "types": {"Primary": "primary_school", "Nursery": "nursery_school"},
        },
        {
            "id": "libraries",
            "path": "england/libraries_england_2023.csv.gz",
            "crs": None,
            "columns": {"name": "name", "postcode": "postcode", "uprn": "uprn"},
            "values": {"site_type": "library"},
            "where": {
                "type": ["Static Library", "Static library"],
                "operation_23": ["LA", "CR", "C", "c", "ICL", "LAU"],
            },
            "name_suffix": " Library",
        },
        {
            "id": "gp_practices",
            "path": "england/gp_practices_dec2023_england.csv.gz",
            "title_case": True,
            "columns": {"name": "name", "postcode": "postcode", **place},
            "values": {"site_type": "gp_practice"},
        },
    ]
    return [Input.model_validate({**common, "title": e["id"], **e}) for e in entries]


@pytest.fixture(scope="module")
def england(real_data) -> dict[str, gpd.GeoDataFrame]:
    faults = Faults()
    tables = {i.id: files.read_table(i, real_data / i.path, faults) for i in national_inputs()}
    assert faults.found == []
    return tables


@pytest.fixture(scope="module")
def councils(real_data, england):
    """Candidates of each council by the files gathered for it, and by England's lists."""
    made = {}
    for slug in ("rutland", "halton"):
        faults = Faults()
        known = assessment.read(assessment.known_areas()[slug])
        own = {
            i.id: files.read_table(i, real_data / i.path, faults)
            for i in known.inputs
            if i.table in {"sites", "zones", "postcodes"}
        }
        setting = {
            "council": sites.Surroundings.of(own["zones"], known.area.margin_km),
            "gazetteer": sites.Gazetteer.of(own["postcodes"], "Code-Point Open"),
        }
        gathered = sites.gather([i for i in known.of("sites") if i.id != "halls"], own, faults, **setting)
        national = sites.gather(national_inputs(), england, faults, **setting)
        assert faults.found == []
        made[slug] = (gathered, national)
    return made


@pytest.mark.data
@pytest.mark.parametrize(
    ("slug", "more"),
    [
        ("rutland", set()),
        # Both stand in Liverpool, within 200 m of Halton's generalised outline; no list says whose they are.
        ("halton", {"The Margaret Thompson Med Centre", "St Ambrose Catholic Academy"}),
    ],
)
def test_englands_lists_give_the_candidates_that_were_gathered_by_hand(councils, slug, more):
    gathered, national = (found.sites[found.sites["ours"]].set_index("name") for found in councils[slug])
    assert set(national.index) - set(gathered.index) == more
    assert set(gathered.index) <= set(national.index)
    both = national.loc[gathered.index]
    for column in ("today", "site_type", "may_hub", "may_outreach", "also"):
        assert both[column].to_list() == gathered[column].to_list(), column
    assert shapely.distance(both.geometry.to_numpy(), gathered.geometry.to_numpy()).max() < 1
    abroad = councils[slug][1].sites.loc[lambda t: ~t["ours"]]
    assert len(abroad) == {"rutland": 4, "halton": 10}[slug]
    assert (abroad["today"] != "none").all()


@pytest.mark.data
def test_libraries_of_rutland_keep_their_uprn_and_those_beyond_the_postcodes_are_told(councils):
    found = councils["rutland"][1]
    uprns = found.sites.set_index("name")["uprn"].dropna().to_dict()
    assert uprns == {
        "Ketton Library": "10023897593",
        "Oakham Library": "10008625592",
        "Ryhall Library": "100032176621",
        "Uppingham Library": "100032047313",
    }
    lost = found.rejected[found.rejected["kept_as"] == ""]
    assert set(lost["name"]) == {"Stamford Library", "Market Harborough Library"}  # just across the county line
    assert list(reject_table([]).columns) == list(found.rejected.columns)


@pytest.mark.data
def test_a_library_stands_where_openstreetmap_has_it_and_keeps_the_uprn_of_the_list(real_data, england):
    faults = Faults()
    known = assessment.read(assessment.known_areas()["rutland"])
    own = {
        i.id: files.read_table(i, real_data / i.path, faults) for i in known.inputs if i.id in {"zones", "postcodes"}
    }
    extract = {
        "id": "venues",
        "path": "rutland/rutland-2022-07-20.osm.pbf",
        "where": {"venue": ["library", "village_hall"]},
    }
    common = {
        "table": "sites",
        "title": "OSM",
        "publisher": "p",
        "licence": "ODbL-1.0",
        "date": "2022",
        "national": True,
    }
    given_inputs = [*(i for i in national_inputs() if i.id == "libraries"), Input.model_validate({**common, **extract})]
    tables = {**england, "venues": files.read_table(given_inputs[1], real_data / given_inputs[1].path, faults)}
    found = sites.gather(
        given_inputs,
        tables,
        faults,
        council=sites.Surroundings.of(own["zones"], 10),
        gazetteer=sites.Gazetteer.of(own["postcodes"], "Code-Point Open"),
    ).sites.set_index("name")
    assert faults.found == []
    assert found.loc["Ryhall Library", ["site_id", "uprn", "sources"]].to_list() == [
        "osm-w482732349",
        "100032176621",
        "venues; libraries",
    ]
    assert found.loc["Ketton Library", "sources"] == "venues; libraries"
    assert {"Oakham Library", "Rutland County Library"} <= set(found.index)  # one building under two unlike names
