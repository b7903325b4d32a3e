"""Layouts of buildings, postcodes, zones and their like: each read from a file laid out as its publisher's."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import Faults
from needs.sources import delimited, files, layouts
from tests import workbooks
from tests.test_layouts import ALL, UNSAID, save, spec_of

LIBRARY = {"values": {"site_type": "library"}}
SCHOOL = {"values": {"site_type": "primary_school"}}


def read(layout: str, path: Path, **fields: object) -> tuple[pd.DataFrame | None, list[str]]:
    faults = Faults()
    return files.read_table(spec_of(layout, path.name, **fields), path, faults), [str(f) for f in faults.found]


def archive(folder: Path, entries: dict[str, str | bytes], name: str = "d.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as out:
        for inside, content in entries.items():
            out.writestr(inside, content)
    return folder / name


def text_of(rows: list[list[object]], quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting).writerows(rows)
    return out.getvalue()


# --- how each layout is known ---


@pytest.mark.parametrize("name", list(ALL))
def test_every_layout_says_how_it_is_known(name):
    source = ALL[name].source
    assert re.search(r"program|file|table|release|package|verified|Nomis NM_", source, re.IGNORECASE)


def test_what_is_a_guess_says_so():
    guessed = {name for name, layout in ALL.items() if "not verified" in layout.source}
    assert guessed == {"dfe_family_hubs", "ace_libraries", "gias_childrens_centres", "dwp_cilif_ward_ods"}


# --- Get Information about Schools ---

GIAS = [
    "URN", "LA (code)", "LA (name)", "EstablishmentNumber", "EstablishmentName", "TypeOfEstablishment (code)",
    "TypeOfEstablishment (name)", "EstablishmentTypeGroup (name)", "EstablishmentStatus (code)",
    "EstablishmentStatus (name)", "PhaseOfEducation (code)", "PhaseOfEducation (name)", "NumberOfPupils", "Street",
    "Postcode", "GSSLACode (name)", "Easting", "Northing", "LSOA (name)", "UPRN", "MSOA (code)", "LSOA (code)",
]  # fmt: skip


def school(**fields: object) -> list[object]:
    common = {
        "URN": 100000, "LA (name)": "Rutland", "EstablishmentName": "St Paul’s Café School", "Postcode": "LE15 6HP",
        "TypeOfEstablishment (name)": "Community school", "EstablishmentStatus (name)": "Open",
        "PhaseOfEducation (name)": "Primary", "GSSLACode (name)": "E06000017", "Easting": 486253, "Northing": 308656,
        "UPRN": 10002635512,
    }  # fmt: skip
    given = {**common, **{k.replace("_", " "): v for k, v in fields.items()}}
    return [given.get(h, "") for h in GIAS]


def test_the_register_of_schools_gives_open_establishments(tmp_path):
    rows = [
        school(), school(**{"URN": 2, "EstablishmentStatus (name)": "Closed"}),
        school(**{"URN": 3, "EstablishmentStatus (name)": "Open, but proposed to close", "EstablishmentName": "B"}),
        school(**{"URN": 4, "EstablishmentStatus (name)": "Proposed to open"}),
    ]  # fmt: skip
    path = tmp_path / "edubasealldata20261101.csv"
    for encoding in ("cp1252", "utf-8-sig", "utf-8"):
        path.write_bytes(text_of([GIAS, *rows], csv.QUOTE_ALL).encode(encoding))
        table, faults = read("gias", path, **SCHOOL)
        assert faults == []
        assert table["site_id"].tolist() == ["100000", "3"]
        assert table["name"].tolist() == ["St Paul’s Café School", "B"]
        assert table["postcode"].tolist() == ["LE15 6HP"] * 2
        assert table.crs.to_epsg() == 27700
        assert (table.geometry.x[0], table.geometry.y[0]) == (486253, 308656)


def test_the_phase_is_what_the_register_says_of_a_site(tmp_path):
    path = save(tmp_path, [GIAS, school(), school(URN=2, **{"PhaseOfEducation (name)": "Nursery"})], "f.csv")
    table, faults = read("gias", path, values={})
    assert faults == []
    assert table["site_type"].tolist() == ["Primary", "Nursery"]
    table, _ = read("gias", path, values={}, where={"PhaseOfEducation (name)": ["Nursery"]})
    assert table["site_type"].tolist() == ["Nursery"]


def test_another_status_can_be_asked_for(tmp_path):
    path = save(tmp_path, [GIAS, school(), school(URN=2, **{"EstablishmentStatus (name)": "Closed"})], "f.csv")
    table, _ = read("gias", path, **SCHOOL, where={"EstablishmentStatus (name)": ["Closed"]})
    assert table["site_id"].tolist() == ["2"]


def test_childrens_centres_are_known_by_their_type_and_need_no_phase(tmp_path):
    heads = [h for h in GIAS if "Phase" not in h]
    rows = [
        dict(zip(GIAS, school(URN=1, **{"TypeOfEstablishment (name)": "Children's centre"}), strict=True)),
        dict(zip(GIAS, school(URN=2, **{"TypeOfEstablishment (name)": "Children's centre linked site"}), strict=True)),
    ]
    path = save(tmp_path, [heads, *[[r[h] for h in heads] for r in rows]], "f.csv")
    table, faults = read("gias_childrens_centres", path, values={})
    assert faults == []
    assert table["site_type"].tolist() == ["Children's centre", "Children's centre linked site"]
    _, faults = read("gias", path, values={})
    assert (
        "column 'PhaseOfEducation (name)' is missing" not in faults[0]
    )  # it may lack; then the input must say the type
    assert "'site_type'" in faults[0]


def test_a_register_with_a_changed_column_names_it(tmp_path):
    rows = [["Name of establishment" if h == "EstablishmentName" else h for h in GIAS], school()]
    _, faults = read("gias", save(tmp_path, rows, "f.csv"), **SCHOOL)
    assert len(faults) == 1
    assert "column 'EstablishmentName' is missing" in faults[0]
    assert "'Name of establishment'" in faults[0]


# --- hubs, libraries, GP practices ---


def test_the_list_of_family_hubs(tmp_path):
    heads = ["Region", "Local_Authority", "Family_Hub", "Postcode"]
    rows = [heads, ["North West", "Halton", "Ditton Family Hub", "WA8 8DF "], ["North West", "Halton", "Kingsway", ""]]
    path = save(tmp_path, rows, "f.csv", mark=True)
    layout = layouts.plan(spec_of("dfe_family_hubs", "f.csv", values={"site_type": "family_hub"}))
    assert layout.columns == {"name": ("Family_Hub",), "postcode": ("Postcode",)}
    _, faults = read("dfe_family_hubs", path, values={"site_type": "family_hub"})
    assert all("geometry" in f or "placed" in f or "place" in f for f in faults)  # the list has postcodes only
    renamed = [["Region", "Local authority", "Family hub name", "Post code"], *rows[1:]]
    raw = delimited.under_headings(text_of(renamed), layout.wanted(), lambda _: 1)
    found = next(w for w in layout.words_for("Family_Hub") if w in raw.columns)
    assert raw[found].tolist() == ["Ditton Family Hub", "Kingsway"]


def library(**fields: object) -> dict[str, object]:
    common = {
        "Reporting service": "Rutland", "Reporting service code": "E06000017", "Name": "Oakham",
        "Type": "Static Library",
        "Postcode": "LE15 6HP", "Unique property reference number": "100032045", "Easting": 486253.5,
        "Northing": 308656, "Upper tier local authority": "Rutland", "Operation in 2023": "LA", "Year closed": "",
    }  # fmt: skip
    return {**common, **fields}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "ods"])
def test_libraries_that_are_open_and_stand_still(tmp_path, kind):
    rows = [
        library(), library(Name="Van", Type="Mobile Library"), library(Name="Gone", **{"Year closed": "2014"}),
        library(Name="Uppingham", Easting=486775, Northing=299655),
    ]  # fmt: skip
    table_of = [list(rows[0]), *[list(r.values()) for r in rows]]
    path = tmp_path / f"f.{kind}"
    if kind == "csv":
        save(tmp_path, table_of, "f.csv")
    elif kind == "ods":
        path.write_bytes(workbooks.ods({"Notes": [["About"]], "Data": [[c or None for c in r] for r in table_of]}))
    else:
        work = openpyxl.Workbook()
        for row in table_of:
            work.active.append([c or None for c in row])
        work.save(path)
    table, faults = read("ace_libraries", path, **LIBRARY, name_suffix=" Library")
    assert faults == []
    assert table["name"].tolist() == ["Oakham Library", "Uppingham Library"]
    assert table.geometry.x.tolist() == [486253.5, 486775]


def practice(code: str, name: str, *, status: str = "ACTIVE", setting: str = "RO76") -> list[object]:
    row: list[object] = [""] * 27
    row[0], row[1], row[9], row[12], row[13], row[25] = code, name, "TS18 1HU", status, "B", setting
    return row


@pytest.mark.parametrize("old", [False, True])
def test_gp_practices_are_the_active_ones_of_that_setting(tmp_path, old):
    a, gp = ("A", "4") if old else ("ACTIVE", "RO76")
    rows = [
        practice("A81001", "THE DENSHAM SURGERY", status=a, setting=gp),
        practice("A81002", "CLOSED", status="C" if old else "INACTIVE", setting=gp),
        practice("A81003", "A PRISON", status=a, setting="9" if old else "RO82"),
    ]
    if not old:
        rows.append(practice("A81004", "A WALK-IN CENTRE AND PRACTICE", setting="RO76|RO87"))
    content = text_of(rows, csv.QUOTE_ALL if old else csv.QUOTE_MINIMAL)
    path = archive(tmp_path, {"epraccur.csv": content, "epraccur.pdf": b"%PDF"}) if old else tmp_path / "epraccur.csv"
    if not old:
        path.write_text(content, newline="")
    plan = layouts.plan(spec_of("nhs_epraccur", path.name))
    text = zipfile.ZipFile(path).read("epraccur.csv").decode() if old else path.read_text()
    needed = delimited.Needed(None, {(h,): v for h, v in plan.where.items()})
    raw = delimited.without_headings(text, plan.headings, needed)
    assert raw["Organisation Code"].tolist() == ["A81001"] if old else ["A81001", "A81004"]
    assert raw["Postcode"].iloc[0] == "TS18 1HU"


def test_a_report_with_a_column_more_is_refused(tmp_path):
    path = save(tmp_path, [[*practice("A81001", "A"), ""]], "f.csv")
    _, faults = read("nhs_epraccur", path)
    assert len(faults) == 1
    assert "a row has 27 cells in this layout, which has no headings; others are line 1 (28)" in faults[0]


def test_what_is_asked_of_a_file_without_headings_must_stand_among_the_layouts():
    given = {**ALL["os_code_point_open"].model_dump(), "headings": ["Postcode", "Eastings", "Northings"]}
    with pytest.raises(ValueError, match="'Country_code', 'Positional_quality_indicator' must stand once among"):
        layouts.Layout.model_validate(given)
    with pytest.raises(ValueError, match="'Eastings' must stand once among"):
        layouts.Layout.model_validate(
            {**given, "where": {}, "headings": ["Postcode", "Eastings", "Eastings", "Northings"]}
        )


# --- Code-Point Open ---


def postcode(code: str, *, quality: int = 10, x: int = 486253, y: int = 308656, **fields: str) -> list[object]:
    given = {"country": "E92000001", "district": "E06000017", **fields}
    return [code, quality, x, y, given["country"], "E40000011", "E54000015", "", given["district"], "E05013150"]


def bare(table: pd.DataFrame) -> list[str]:
    return table["postcode"].str.replace(" ", "").tolist()


def code_point(folder: Path, areas: dict[str, list[list[object]]]) -> Path:
    heads = "PC,PQ,EA,NO,CY,RH,LH,CC,DC,WC\r\nPostcode,Positional_quality_indicator\r\n"
    entries = {f"Data/CSV/{a}.csv": text_of(rows, csv.QUOTE_NONNUMERIC) for a, rows in areas.items()}
    return archive(folder, {"Doc/Code-Point_Open_Column_Headers.csv": heads, "Doc/licence.txt": "OGL", **entries})


def test_postcodes_of_every_area_with_a_position_in_england(tmp_path):
    path = code_point(
        tmp_path,
        {
            "le": [
                postcode("LE15 6HP"), postcode("LE15 9ZZ", quality=90, x=0, y=0),
                postcode("LE159QQ", x=486775, y=299655),
            ],
            "ab": [postcode("AB10 1AB", country="S92000003")],
            "pe": [postcode("PE9  1AA", quality=50, x=502_000, y=307_000, district="E07000141")],
        },
    )  # fmt: skip
    table, faults = read("os_code_point_open", path)
    assert faults == []
    assert bare(table) == ["LE156HP", "LE159QQ", "PE91AA"]
    assert table.geometry.x.tolist() == [486253, 486775, 502000]
    table, _ = read("os_code_point_open", path, where={"Admin_district_code": ["E06000017"]})
    assert bare(table) == ["LE156HP", "LE159QQ"]
    table, _ = read("os_code_point_open", path, member="Data/CSV/pe.csv")
    assert bare(table) == ["PE91AA"]


def test_one_areas_postcodes_out_of_the_archive_are_read_as_well(tmp_path):
    path = tmp_path / "le.csv"
    path.write_text(text_of([postcode("LE15 6HP")]), newline="")
    table, faults = read("os_code_point_open", path)
    assert faults == []
    assert table["postcode"].tolist() == ["LE15 6HP"]


def test_faults_of_postcodes_name_the_area_and_the_line(tmp_path):
    odd = postcode("LE15 6HP")
    odd[2] = "x"
    path = code_point(tmp_path, {"ab": [postcode("AB1 1AA")], "le": [postcode("LE15 6HN"), odd, postcode("AB1 1AA")]})
    _, faults = read("os_code_point_open", path)
    assert [f.split(" -> ")[0] for f in faults if "outside" not in f] == [
        "d.zip (input 'thing'), Data/CSV/le.csv, line 2: 'x' is 'x': must be a number",
        "d.zip (input 'thing'), Data/CSV/le.csv, line 3: postcode AB1 1AA stands twice",
    ]
    short = archive(tmp_path, {"Data/CSV/a.csv": text_of([postcode("LE15 6HP")]), "Data/CSV/b.csv": "LE15 6HN,10\r\n"})
    _, faults = read("os_code_point_open", short)
    assert len(faults) == 1
    assert "'Data/CSV/b.csv' in it: a row has 10 cells in this layout" in faults[0]
    assert "others are line 1 (2)" in faults[0]


@settings(max_examples=20)
@given(
    st.dictionaries(
        st.sampled_from(["aa", "bb", "cc", "dd"]),
        st.lists(st.tuples(st.sampled_from([10, 50, 90]), st.booleans(), st.booleans()), min_size=1, max_size=4),
        min_size=1,
    )
)  # fmt: skip
def test_postcodes_are_those_that_a_plain_loop_finds(tmp_path_factory, areas):
    folder = tmp_path_factory.mktemp("codes")
    rows: dict[str, list[list[object]]] = {}
    expected = []
    for area in sorted(areas):
        rows[area] = []
        for i, (quality, english, ours) in enumerate(areas[area]):
            country, district = ("E92000001" if english else "W92000004"), ("E06000017" if ours else "E07000141")
            code = f"{area.upper()}{i} 1AA"
            rows[area].append(postcode(code, quality=quality, x=450_000 + i, country=country, district=district))
            if quality != 90 and english and ours:
                expected.append((code, 450_000 + i))
    table, faults = read("os_code_point_open", code_point(folder, rows), where={"Admin_district_code": ["E06000017"]})
    if expected:
        assert faults == []
        assert list(zip(bare(table), table.geometry.x, strict=True)) == [(c.replace(" ", ""), x) for c, x in expected]
    else:
        assert len(faults) == 1
        assert "has no rows that meet 'where'" in faults[0]


# --- zones, their class, centres, wards ---


def geojson(folder: Path, rows: list[dict[str, object]], shape: shapely.Geometry | None, name: str) -> Path:
    """As ArcGIS gives it: FID and measures beside the fields, coordinates in the system asked for."""
    outline = shape and shapely.geometry.mapping(shape)
    held = [
        {"type": "Feature", "id": i, "properties": {"FID": i, **r, "Shape__Area": 1.5}, "geometry": outline}
        for i, r in enumerate(rows, 1)
    ]  # fmt: skip
    crs = {"type": "name", "properties": {"name": "EPSG:27700"}}
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": held}))
    return path


SQUARE = shapely.box(486_000, 308_000, 487_000, 309_000)


def test_zones_from_the_open_geography_portal(tmp_path):
    rows = [{"LSOA21CD": "E01000001", "LSOA21NM": "City of London 001A"}]
    path = geojson(tmp_path, rows, SQUARE, "f.geojson")
    table, faults = read("ons_lsoa21_boundaries", path)
    assert [f for f in faults if "lad24cd" not in f] == []
    with_district = geojson(tmp_path, [{**rows[0], "LAD24CD": "E09000001"}], SQUARE, "g.geojson")
    table, faults = read("ons_lsoa21_boundaries", with_district)
    assert faults == []
    assert table.crs.to_epsg() == 27700
    assert table.geometry[0].equals(SQUARE)
    assert table.drop(columns="geometry").to_numpy().tolist() == [["E01000001", "City of London 001A", "E09000001"]]


def test_the_class_of_zones_as_layer_and_as_csv(tmp_path):
    rows = [
        {"LSOA21CD": "E01000001", "LSOA21NM": "a", "RUC21CD": "UN1", "RUC21NM": "Urban", "Urban_rural_flag": "Urban"}
    ]
    path = geojson(tmp_path, rows, None, "f.geojson")
    for each in (path, save(tmp_path, [list(rows[0]), list(rows[0].values())], "f.csv", mark=True)):
        table, faults = read("ons_lsoa21_ruc21", each)
        assert faults == []
        assert table.to_numpy().tolist() == [["E01000001", "UN1"]]


def test_centres_of_zones_as_layer_and_as_csv(tmp_path):
    path = geojson(tmp_path, [{"LSOA21CD": "E01000001"}], shapely.Point(486_253, 308_656), "f.geojson")
    rows = [["FID", "LSOA21CD", "GlobalID", "x", "y"], [1, "E01000001", "g", 486253, 308656]]
    gathered = [["LSOA21CD", "easting", "northing"], ["E01000001", 486253, 308656]]
    for each in (path, save(tmp_path, rows, "f.csv"), save(tmp_path, gathered, "g.csv")):
        table, faults = read("ons_lsoa21_centroids", each)
        assert faults == []
        assert table["point_id"].tolist() == table["lsoa21cd"].tolist() == ["E01000001"]
        assert (table.geometry.x[0], table.geometry.y[0]) == (486253, 308656)


@pytest.mark.parametrize("year", [24, 25, 23])
def test_wards_of_any_year(tmp_path, year):
    path = geojson(tmp_path, [{f"WD{year}CD": "E05000001", f"WD{year}NM": "Oakham"}], SQUARE, "f.geojson")
    table, faults = read("ons_wards", path)
    assert faults == []
    assert table[["kind", "code", "name"]].to_numpy().tolist() == [["Wards", "E05000001", "Oakham"]]


def test_output_areas_to_zones_in_capitals_and_small(tmp_path):
    for heads in (["OA21CD", "LSOA21CD", "LSOA21NM"], ["oa21cd", "lsoa21cd", "lsoa21nm"]):
        path = save(tmp_path, [heads, ["E00000001", "E01000001", "Ynys Môn"]], "f.csv")
        path.write_bytes(path.read_text("utf-8").encode("cp1252"))  # as the file of 2022 is
        table, faults = read("ons_oa21_lsoa21", path)
        assert faults == []
        assert table.to_numpy().tolist() == [["E00000001", "E01000001"]]


# --- more of the census; low-income families; good level of development ---


def test_occupancy_ratings_in_bulk_and_from_the_api(tmp_path):
    names = {
        "+2 or more": "spare_2_households", "+1": "spare_1_households", "0": "bedrooms_ideal_households",
        "-1": "overcrowded_1_households", "-2 or less": "overcrowded_2_households",
    }  # fmt: skip
    counts = dict(zip(names, [136, 223, 455, 24, 2], strict=True))
    head = "Occupancy rating for bedrooms: "
    heads = ["date", "geography", "geography code", f"{head}Total: All households"]
    bulk = [
        [*heads, *[f"{head}Occupancy rating of bedrooms: {n}" for n in names]],
        [2021, "a", "E01000001", 840, *counts.values()],
    ]
    path = archive(tmp_path, {"census2021-ts052-oa.csv": "x", "census2021-ts052-lsoa.csv": text_of(bulk)})
    table, faults = read("census2021_ts052", path)
    assert faults == []
    expected = {ours: float(counts[theirs]) for theirs, ours in names.items()}
    assert table.set_index("lsoa21cd").loc["E01000001"].to_dict() == expected
    api = [["GEOGRAPHY_CODE", "C2021_OCCRAT_BEDROOMS_6", "C2021_OCCRAT_BEDROOMS_6_NAME", "MEASURES", "OBS_VALUE"]]
    api += [["E01000001", i, f"Occupancy rating of bedrooms: {n}", 20100, counts[n]] for i, n in enumerate(names, 1)]
    again, faults = read("census2021_ts052", save(tmp_path, api, "api.csv"))
    assert faults == []
    pd.testing.assert_frame_equal(table[again.columns], again)


def test_names_of_overcrowding_are_those_of_the_gathered_table():
    base = layouts.load(layouts.CATALOGUE / "bases" / "gathered.toml")["input"]
    gathered = next(i for i in base if i["id"] == "overcrowding")["columns"]
    assert set(gathered) - {"lsoa21cd"} == set(ALL["census2021_ts052"].columns) - {"code"}


def test_usual_residents_in_bulk(tmp_path):
    heads = ["date", "geography", "geography code", "Residence type: Total; measures: Value"]
    path = archive(tmp_path, {"census2021-ts001-lsoa.csv": text_of([heads, [2021, "a", "E01000001", 1500]])})
    table, faults = read("census2021_ts001", path)
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 1500.0]]


@pytest.mark.parametrize("kind", ["ods", "xlsx"])
def test_low_income_families_from_the_releases_workbook(tmp_path, kind):
    titles: workbooks.Rows = [[f"Line {i} of the title"] for i in range(8)]
    heads = [
        "Local Authority [note 2]", "Area Code", "Ward [note 2]", "Area Code", "Number of children FYE 2024",
        "Number of children FYE 2025", "Percentage of children FYE 2024 (%)",
        "Percentage of children FYE 2025 (%) [note 3]",
    ]  # fmt: skip
    wards: workbooks.Rows = [
        ["Hartlepool", "E06000001", "Burn Valley", "E05013038", 506, 488, 0.343, 0.326],
        ["Hartlepool", "E06000001", "De Bruce", "E05013039", 807, "[low]", 0.41, "[x]"],
        ["Aberdeen City", "S12000033", "Dyce", "S13002835", 100, 90, 0.1, 0.1],
    ]
    sheets = {"Cover": [["Children in low income families"]], "4_AHC_Relative_Ward": [*titles, heads, *wards]}
    path = tmp_path / f"f.{kind}"
    if kind == "ods":
        path.write_bytes(workbooks.ods(sheets))
    else:
        work = openpyxl.Workbook()
        for name, rows in sheets.items():
            for row in rows:
                work[name].append(row) if name in work.sheetnames else work.create_sheet(name).append(row)
        work.save(path)
    table, faults = read("dwp_cilif_ward_ods", path)
    assert faults == []
    assert table["code"].tolist() == ["E05013038", "E05013039"]
    assert table["low_income_children_2024"].tolist() == [506, 807]
    assert table["low_income_children"].isna().tolist() == [False, True]
    assert any("'[low]' 1 times" in n for n in table.attrs["notes"])


@pytest.mark.parametrize("old", [False, True])
def test_good_level_of_development_of_councils(tmp_path, old):
    kinds = ["characteristic_type", "characteristic", "gender"] if old else ["breakdown_topic", "breakdown", "sex"]
    heads = [
        "time_period",
        "geographic_level",
        "new_la_code",
        *kinds,
        "gld_percentage" if old else "gld_children_percent",
    ]
    total = ["Total", "Total", "Total"]
    rows = [
        ["202324", "Local authority", "E06000017", *total, "71.5"],
        ["202425", "Local authority", "E06000017", *total, "72"],
        ["202425", "Local authority", "E06000006", *total, "z"], ["202425", "National", "", *total, "68.3"],
        ["202425", "Local authority", "E06000017", "Total", "Total", "Girls", "77"],
        ["202425", "Local authority", "E06000017", "FSM status", "FSM", "Total", "51"],
    ]  # fmt: skip
    table, faults = read("dfe_eyfsp", save(tmp_path, [heads, *rows], "f.csv"))
    assert [f.split(" -> ")[0] for f in faults] == [
        "f.csv (input 'thing'), line 4: 'value' of table 'context' is blank"
    ]
    table, faults = read("dfe_eyfsp", save(tmp_path, [heads, *rows], "f.csv"), where={"new_la_code": ["E06000017"]})
    assert faults == []
    assert table[["lad24cd", "period", "value"]].to_numpy().tolist() == [
        ["E06000017", "202324", 71.5], ["E06000017", "202425", 72.0],
    ]  # fmt: skip


# --- hostile files, and the real ones ---


def test_layouts_of_a_folder_are_one_catalogue(tmp_path):
    (tmp_path / "layouts").mkdir()
    for name in ("a", "b"):
        (tmp_path / "layouts" / f"{name}.toml").write_text(f'[layout.{name}]\nlabel = "{name}"\n')
    assert layouts.load(tmp_path / "layouts") == {"layout": {"a": {"label": "a"}, "b": {"label": "b"}}}
    (tmp_path / "layouts" / "c.toml").write_text('[layout.a]\nlabel = "again"\n')
    with pytest.raises(ValueError, match=r"layouts/c.toml, a: stands in two files -> keep one"):
        layouts.load(tmp_path / "layouts")


def test_what_layouts_leave_to_an_input_is_little():
    left = {name: set(fields) for name, fields in UNSAID.items()}
    assert all(fields <= {"vintage", "table", "values"} for fields in left.values())


@pytest.mark.data
def test_real_libraries(real_data, tmp_path):
    gathered = pd.read_csv(real_data / "england/libraries_england_2023.csv.gz", dtype=str)
    gathered["easting"], gathered["northing"] = "486253", "308656"
    path = tmp_path / "libraries.csv"
    gathered.to_csv(path, index=False)
    table, faults = read("ace_libraries", path, **LIBRARY)
    static = gathered["type"].str.split().str.join(" ") == "Static Library"
    open_static = gathered[static & (gathered["closed"].fillna("").str.strip() == "")]
    assert [f for f in faults if "blank" not in f] == []
    assert len(table) == len(open_static) > 2_500


@pytest.mark.data
def test_real_classes_and_centres(real_data, tmp_path):
    classes, faults = read("ons_lsoa21_ruc21", real_data / "england/ruc2021_lsoa21.csv.gz")
    assert faults == []
    assert len(classes) == 35_672  # England and Wales
    plain = pd.read_csv(real_data / "england/lsoa21_pwc_ew.csv.gz")
    english = plain[plain["LSOA21CD"].str.startswith("E")]
    path = tmp_path / "centres.csv"
    english.to_csv(path, index=False)
    centres, faults = read("ons_lsoa21_centroids", path)
    assert faults == []
    assert centres["lsoa21cd"].tolist() == english["LSOA21CD"].tolist()
    assert centres.geometry.x.tolist() == english["easting"].tolist()
