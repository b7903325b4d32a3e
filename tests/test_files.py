"""Reading raw files: every format gives the same table, every fault is named with its file and row."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from needs.assessment import Input
from needs.errors import Faults, InputError, SourceError
from needs.sources import files

ROWS = pd.DataFrame(
    {"code": ["E01000001", "E01000002", "E01000003"], "live births": [12, 7, 30], "under 5": [60, 33, 140]}
)
COLUMNS = {"lsoa21cd": "code", "births": "live births", "children_0_4": "under 5"}


def read(spec, path: Path):
    faults = Faults()
    return files.read_table(spec, path, faults), [str(f) for f in faults.found]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.xlsx", "t.parquet"])
def test_formats_agree(tmp_path, make_input, name):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(ROWS.to_csv(index=False).encode()))
    elif name.endswith(".csv"):
        ROWS.to_csv(path, index=False)
    elif name.endswith(".xlsx"):
        ROWS.to_excel(path, index=False)
    else:
        ROWS.to_parquet(path)
    table, faults = read(make_input(table="demand", path=name, columns=COLUMNS), path)
    assert faults == []
    assert table["births"].tolist() == [12.0, 7.0, 30.0]
    assert table["lsoa21cd"].tolist() == ROWS["code"].tolist()


def test_windows_encoding_is_read(tmp_path, make_input):
    path = tmp_path / "s.csv"
    path.write_bytes("site,kind,e,n\nCafé Père,library,400000,300000\n".encode("cp1252"))
    spec = make_input(
        table="sites", path="s.csv", crs="EPSG:27700", columns={"name": "site", "site_type": "kind", "x": "e", "y": "n"}
    )
    table, faults = read(spec, path)
    assert faults == []
    assert table["name"].tolist() == ["Café Père"]


def test_every_fault_of_a_table_is_named_with_its_line(tmp_path, make_input):
    path = tmp_path / "d.csv"
    path.write_text(
        "code,live births,under 5\nE01000001,12,60\nE01000001,3,9\nS01000003,-4,140\nE01000004,*,1\nE01000005,,1\n"
    )
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    where = "d.csv (input 'thing'), line"
    assert sorted(f.split(" -> ")[0] for f in faults) == [
        f"{where} 3: lsoa21cd E01000001 stands twice",
        f"{where} 4: 'births' is -4.0: must not be negative",
        f"{where} 4: 'lsoa21cd' is 'S01000003': must look like ^[EW]01\\d{{6}}$",
        f"{where} 5: 'births' is '*': must be a number",
        f"{where} 6: 'births' of table 'demand' is blank",
    ]


def test_a_key_that_stands_twice_is_a_fault(tmp_path, make_input):
    path = tmp_path / "d.csv"
    path.write_text("code,live births,under 5\nE01000001,12,60\nE01000002,3,9\nE01000001,3,9\n")
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert faults == [
        "d.csv (input 'thing'), line 4: lsoa21cd E01000001 stands twice -> keep one row for each",
    ]


def test_missing_column_names_those_there_are(tmp_path, make_input):
    path = tmp_path / "d.csv"
    ROWS.rename(columns={"live births": "births 2023"}).to_csv(path, index=False)
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert len(faults) == 1
    assert "'live births' is missing" in faults[0]
    assert "'births 2023'" in faults[0]


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.geojson", "t.csv.gz", "t.gpkg", "t.docx"])
def test_unreadable_file_is_a_fault(tmp_path, make_input, name):
    path = tmp_path / name
    path.write_bytes(b"<html>Service unavailable</html>")
    _, faults = read(make_input(table="demand", path=name, columns=COLUMNS), path)
    assert len(faults) == 1
    assert "cannot be read" in faults[0]


def test_absent_file_is_a_source_that_could_not_be_had(tmp_path, make_input):
    faults = Faults()
    assert files.resolve(make_input(table="demand", path="none.csv"), tmp_path, faults) is None
    with pytest.raises(SourceError, match=r"none.csv"):
        faults.raise_if_any()
    assert SourceError.exit_code == 3
    assert InputError.exit_code == 2


def points(tmp_path, make_input, x, y, crs="EPSG:4326"):
    path = tmp_path / "p.csv"
    pd.DataFrame({"pc": ["A", "B"], "zone": ["E01000001"] * 2, "x": x, "y": y}).to_csv(path, index=False)
    return read(
        make_input(
            table="points", path="p.csv", crs=crs, columns={"point_id": "pc", "lsoa21cd": "zone", "x": "x", "y": "y"}
        ),
        path,
    )


def test_coordinates_come_out_in_metres(tmp_path, make_input):
    # The Ordnance Survey's own example: the Royal Observatory, Greenwich, lies near easting 538,885, northing 177,322.
    table, faults = points(tmp_path, make_input, [-0.0015, -0.0015], [51.4779, 51.4779])
    assert faults == []
    assert table.crs.to_epsg() == 27700
    assert table.geometry.x[0] == pytest.approx(538_885, abs=60)
    assert table.geometry.y[0] == pytest.approx(177_322, abs=60)


def test_swapped_latitude_and_longitude_are_told(tmp_path, make_input):
    _, faults = points(tmp_path, make_input, [52.67, 52.66], [-0.73, -0.72])
    assert len(faults) == 1
    assert "swapped" in faults[0]


def test_points_outside_england_are_told(tmp_path, make_input):
    _, faults = points(tmp_path, make_input, [-3.19, -0.7], [55.95, 52.6])  # Edinburgh, Rutland
    assert len(faults) == 1
    assert "line 2" in faults[0]
    assert "outside England" in faults[0]


def test_geometry_without_crs_is_told(tmp_path, make_input):
    path = tmp_path / "z.parquet"
    square = gpd.GeoSeries.from_wkt(["POLYGON((0 0,1 0,1 1,0 1,0 0))"])
    gpd.GeoDataFrame({"c": ["E01000001"], "n": ["a"], "d": ["E06000001"]}, geometry=square).to_parquet(path)
    columns = {"lsoa21cd": "c", "zone_name": "n", "lad24cd": "d"}
    _, faults = read(make_input(table="zones", path="z.parquet", columns=columns), path)
    assert len(faults) == 1
    assert "no coordinate system" in faults[0]


def test_where_values_and_flags(tmp_path, make_input):
    path = tmp_path / "s.csv"
    path.write_text(
        "n,type,stay,e,n2\nOakham,Static Library,Yes,486253,308656\nStocken,Prison Library,No,495832,317422\n"
        "Uppingham,Static Library,no,486775,299655\n"
    )
    spec = make_input(
        table="sites",
        path="s.csv",
        crs="EPSG:27700",
        columns={"name": "n", "keep": "stay", "x": "e", "y": "n2"},
        where={"type": ["Static Library"]},
        values={"site_type": "library", "ours": False},
        name_suffix=" Library",
    )
    table, faults = read(spec, path)
    assert faults == []
    assert table["name"].tolist() == ["Oakham Library", "Uppingham Library"]
    assert table["keep"].tolist() == [True, False]
    assert table["ours"].tolist() == [False, False]
    assert table["site_type"].tolist() == ["library", "library"]


def test_a_blank_coordinate_is_told_once(tmp_path, make_input):
    _, faults = points(tmp_path, make_input, [450_000, None], [300_000, 300_000], crs="EPSG:27700")
    assert [f.split(" -> ")[0] for f in faults] == ["p.csv (input 'thing'), line 3: has no coordinates"]


def test_a_blank_name_stays_blank_whatever_is_added_to_names(tmp_path, make_input):
    path = tmp_path / "s.csv"
    path.write_text("n,e,n2\nOAKHAM,486253,308656\n,486775,299655\n")
    spec = make_input(
        table="sites",
        path="s.csv",
        crs="EPSG:27700",
        columns={"name": "n", "x": "e", "y": "n2"},
        values={"site_type": "library"},
        name_suffix=" Library",
        title_case=True,
    )
    table, faults = read(spec, path)
    assert table["name"][0] == "Oakham Library"
    assert [f.split(" -> ")[0] for f in faults] == ["s.csv (input 'thing'), line 3: 'name' of table 'sites' is blank"]


def test_many_faults_of_one_kind_are_listed_first_and_counted_after(tmp_path, make_input):
    path = tmp_path / "d.csv"
    rows = "".join(f"E010000{i:02d},-1,5\n" for i in range(25))
    path.write_text("code,live births,under 5\n" + rows)
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert len(faults) == 11
    assert "line 2: 'births' is -1.0" in faults[0]
    assert "line 11: 'births' is -1.0" in faults[9]
    assert "the like in 15 more places, first line 12: 'births' is -1.0" in faults[10]


def write(tmp_path: Path, text: str, name: str = "d.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def book(tmp_path: Path, sheets: dict[str, list[list[object]]], name: str = "d.xlsx") -> Path:
    work = openpyxl.Workbook()
    work.remove(work.active)
    for title, rows in sheets.items():
        sheet = work.create_sheet(title)
        for row in rows:
            sheet.append(row)
    work.save(tmp_path / name)
    return tmp_path / name


BIRTHS = "code,live births,under 5\nE01000001,12,60\nE01000002,7,33\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"], ids=["plain", "with a mark", "Windows", "Excel's Unicode"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_give_the_same_table(tmp_path, make_input, encoding, delimiter):
    path = write(tmp_path, BIRTHS.replace(",", delimiter).replace("under 5", "under 5 – né"), encoding=encoding)
    columns = {**COLUMNS, "children_0_4": "under 5 – né"}
    table, faults = read(make_input(table="demand", path="d.csv", columns=columns), path)
    assert faults == []
    assert table["children_0_4"].tolist() == [60.0, 33.0]


def test_headings_are_added_up_and_a_blank_part_leaves_a_blank(tmp_path, make_input):
    path = write(tmp_path, 'code,Age 0,Age 1,Age 2\nE01000001,"1,012",20,3\nE01000002,5,,6\nE01000003,0,0,0\n')
    columns = {"lsoa21cd": "code", "children_0_2": ["Age 0", "Age 1", "Age 2"], "children_0": "Age 0"}
    table, faults = read(make_input(table="indicators", path="d.csv", columns=columns), path)
    assert faults == []
    assert table["children_0_2"].tolist() == pytest.approx([1035.0, float("nan"), 0.0], nan_ok=True)
    assert table["children_0"].tolist() == [1012.0, 5.0, 0.0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"lsoa21cd": ["a", "b"]}, "columns.lsoa21cd is a list of headings to add up, and holds no numbers"),
        ({"births": ["a", "a"]}, "columns.births is an empty list, or names a heading twice"),
        ({"births": []}, "columns.births is an empty list"),
    ],
)
def test_only_numbers_are_added_up(make_input, columns, words):
    with pytest.raises(ValidationError, match=words):
        make_input(table="demand", path="d.csv", columns=columns)


def test_a_blank_part_of_a_count_that_must_be_there_is_told(tmp_path, make_input):
    path = write(tmp_path, "code,live births,a,b\nE01000001,12,1,\n")
    columns = {**COLUMNS, "children_0_4": ["a", "b"]}
    _, faults = read(make_input(table="demand", path="d.csv", columns=columns), path)
    assert [f.split(" -> ")[0] for f in faults] == [
        "d.csv (input 'thing'), line 2: 'children_0_4' of table 'demand' is blank"
    ]


def test_marks_are_read_as_blank_and_counted(tmp_path, make_input):
    path = write(tmp_path, "ward,n\nE05000001,*\nE05000002,n/A\nE05000003, * \nE05000004,0\nE05000005,\n")
    spec = make_input(
        table="indicators", path="d.csv", vintage="WD24", columns={"code": "ward", "n": "n"}, marks=["*", "N/a"]
    )
    table, faults = read(spec, path)
    assert faults == []
    assert list(table.columns) == ["code", "n"]
    assert table["n"].tolist() == pytest.approx([float("nan")] * 3 + [0.0, float("nan")], nan_ok=True)
    assert table.attrs["notes"] == [
        "A table: n: 3 figures are suppressed or missing ('*' 2 times, 'n/A' 1 times) and read as blank."
    ]


def test_a_mark_that_nobody_declared_is_a_fault_that_says_how(tmp_path, make_input):
    path = write(tmp_path, "ward,n\nE01000001,[c]\nE01000002,5\n")
    _, faults = read(make_input(table="indicators", path="d.csv", columns={"lsoa21cd": "ward", "n": "n"}), path)
    assert len(faults) == 1
    assert "line 2: 'n' is '[c]': must be a number" in faults[0]
    assert 'add marks = ["[c]"]' in faults[0]


def test_marks_leave_text_and_keys_alone(tmp_path, make_input):
    path = write(tmp_path, "id,zone\n-,E01000001\n")
    spec = make_input(
        table="lookup", path="d.csv", vintage="LSOA11", marks=["-"], columns={"from_code": "id", "lsoa21cd": "zone"}
    )
    _, faults = read(spec, path)
    assert [f.split(" -> ")[0] for f in faults] == [
        r"d.csv (input 'thing'), line 2: 'from_code' is '-': must look like ^[EW]01\d{6}$"
    ]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1,234", 1234), ("1,234,567.5", 1234567.5), ("-1,000", -1000), (" 12 ", 12), ("1e3", 1000), (".5", 0.5),
        ("+7", 7), ("0012", 12),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(tmp_path, make_input, cell, number):
    path = write(tmp_path, f'code,n\nE01000001,"{cell}"\n')
    table, faults = read(make_input(table="indicators", path="d.csv", columns={"lsoa21cd": "code", "n": "n"}), path)
    assert faults == []
    assert table["n"].tolist() == [number]


@pytest.mark.parametrize(
    "cell",
    ["12,34", "1,2345", "12%", "£5", "inf", "nan", "NaN", "0x10", "1_000", "1 234", "True", "1e999", "٣", "1.2.3"],
)
def test_what_is_no_number_is_told(tmp_path, make_input, cell):
    path = write(tmp_path, f'code,n\nE01000001,"{cell}"\nE01000002,1\n')
    _, faults = read(make_input(table="indicators", path="d.csv", columns={"lsoa21cd": "code", "n": "n"}), path)
    assert [f.split(" -> ")[0] for f in faults] == [f"d.csv (input 'thing'), line 2: 'n' is {cell!r}: must be a number"]


@pytest.mark.parametrize("cell", [dt.datetime(2024, 1, 2), True, "=1/0", "#N/A"])
def test_a_cell_of_a_workbook_that_is_no_number_is_told(tmp_path, make_input, cell):
    path = book(tmp_path, {"a": [["code", "n"], ["E01000001", cell], ["E01000002", 3]]})
    _, faults = read(make_input(table="indicators", path="d.xlsx", columns={"lsoa21cd": "code", "n": "n"}), path)
    assert len(faults) == 1  # a formula that was never calculated stands as itself: a blank would hide it
    assert "line 2: 'n' is" in faults[0]
    assert isinstance(cell, dt.datetime) or repr(cell) in faults[0]


def test_parquet_with_whole_numbers_and_blanks(tmp_path, make_input):
    path = tmp_path / "d.parquet"
    codes = ["E01000001", "E01000002"]
    pd.DataFrame({"code": codes, "n": pd.array([3, None], dtype="Int64"), "b": [True, False]}).to_parquet(path)
    spec = make_input(table="indicators", path="d.parquet", columns={"lsoa21cd": "code", "n": "n", "b": "b"})
    table, faults = read(spec, path)
    assert table["n"].tolist() == pytest.approx([3.0, float("nan")], nan_ok=True)
    assert sorted(f.split(" -> ")[0] for f in faults) == [
        "d.parquet (input 'thing'), record 1: 'b' is True: must be a number",
        "d.parquet (input 'thing'), record 2: 'b' is False: must be a number",
    ]


TITLES = """Births in Testshire
Source: a council,,

Zone,Counts,
code,live births,under 5
,Number,
E01000001,12,60
E01000002,7,33
,,
Total,,
"Rounded to the nearest 1, see notes"
"""


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_titles_units_and_notes_around_a_table_are_left_out_and_said(tmp_path, make_input, kind):
    rows = [list(r) for r in csv.reader(TITLES.splitlines())]
    if kind == "csv":
        path = write(tmp_path, TITLES)
    else:
        path = book(tmp_path, {"Notes": [["Read me"]], "Data": [[c or None for c in r] for r in rows]})
    table, faults = read(make_input(table="demand", path=path.name, columns=COLUMNS), path)
    assert faults == []
    assert table["births"].tolist() == [12.0, 7.0]
    assert table.index.tolist() == [0, 1]
    assert table.attrs["notes"] == ["A table: 3 rows above or below the table are left out."]


def test_lines_are_named_as_they_stand_in_the_file_whatever_is_above(tmp_path, make_input):
    text = 'A title\n"two\nlines",\n\ncode,live births,under 5\nE01000001,x,60\n\nE01000002,7,y\n'
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), write(tmp_path, text))
    assert [f.split(" -> ")[0] for f in faults] == [
        "d.csv (input 'thing'), line 6: 'births' is 'x': must be a number",
        "d.csv (input 'thing'), line 8: 'children_0_4' is 'y': must be a number",
    ]


def test_a_heading_that_stands_once_more_further_down_hides_no_rows(tmp_path, make_input):
    text = BIRTHS + "code,live births,under 5\nE01000003,1,2\n"
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), write(tmp_path, text))
    assert sorted(f.split(" -> ")[0] for f in faults) == [
        "d.csv (input 'thing'), line 4: 'births' is 'live births': must be a number",
        "d.csv (input 'thing'), line 4: 'children_0_4' is 'under 5': must be a number",
        r"d.csv (input 'thing'), line 4: 'lsoa21cd' is 'code': must look like ^[EW]01\d{6}$",
    ]


def test_headings_in_two_rows(tmp_path, make_input):
    text = "Area,2023,2023\ncode,live births,under 5\nE01000001,12,60\n"
    text2 = "code,,\n,live births,under 5\nE01000001,12,60\n"
    for each in (text, text2):
        table, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), write(tmp_path, each))
        assert faults == []
        assert table["births"].tolist() == [12.0]


def test_the_sheet_that_has_the_headings_is_read(tmp_path, make_input):
    good = [["code", "live births", "under 5"], ["E01000001", 12, 60]]
    path = book(tmp_path, {"Notes": [["about"]], "Old": [["code", "births"], ["E01000001", 1]], "New": good})
    table, faults = read(make_input(table="demand", path="d.xlsx", columns=COLUMNS), path)
    assert faults == []
    assert table["births"].tolist() == [12.0]
    _, faults = read(make_input(table="demand", path="d.xlsx", columns=COLUMNS, sheet="Old"), path)
    assert "'live births' is missing" in faults[0]
    _, faults = read(make_input(table="demand", path="d.xlsx", columns=COLUMNS, sheet="Newest"), path)
    assert "it has no sheet 'Newest'; there are 'Notes', 'Old', 'New'" in faults[0]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.xlsx", "t.parquet", "t.geojson"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>no</html>", "a web page"),
        (b"<HTML><body>login", "a web page"),
    ],
)
def test_an_empty_file_and_a_web_page_are_named_as_such(tmp_path, make_input, name, content, words):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") and content else content)
    _, faults = read(make_input(table="demand", path=name, columns=COLUMNS), path)
    assert len(faults) == 1
    assert "cannot be read: it " in faults[0]
    assert words in faults[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "code,live births,under 5\nE01000001,Oakham, Rutland,60,9\n",
            "wider are line 2 (5) -> put text with a comma in quotes",
        ),
        (
            'code,live births,under 5\nE01000001,"12,60\nE01000002,7,33\n',
            "line 2: a quote is opened and never closed -> close the quote",
        ),
        ("code,live births,under 5\n", "has no rows"),
        (",,\n,,\n", "it holds no table"),
        ("\x00\x01\x02binary", "it is not text"),
        ("code,under 5,under 5,live births\nE01000001,1,2,3\n", "heading 'under 5' stands over 2 columns"),
    ],
)
def test_broken_csv_is_one_clear_fault(tmp_path, make_input, text, words):
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), write(tmp_path, text))
    assert len(faults) == 1
    assert words in faults[0]


def test_every_missing_heading_is_told_and_what_is_near(tmp_path, make_input):
    path = write(tmp_path, "code,live birth,others\nE01000001,12,60\n")
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert [f.split(" -> ")[0].split(": ", 1)[1] for f in faults] == [
        "column 'live births' is missing; nearest is 'live birth'",
        "column 'under 5' is missing; the file has 'code', 'live birth', 'others'",
    ]


def test_white_space_in_a_heading_does_not_matter_and_case_does(tmp_path, make_input):
    path = book(tmp_path, {"a": [["code ", "live\nbirths", " under  5"], ["E01000001", 1, 2]]})
    _, faults = read(make_input(table="demand", path="d.xlsx", columns=COLUMNS), path)
    assert faults == []
    path = write(tmp_path, BIRTHS.replace("code", "CODE"))
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert "'code' is missing" in faults[0]


@pytest.mark.parametrize(
    ("vintage", "good", "bad"),
    [
        ("LSOA11", "E01000001", "E02000001"),
        ("LSOA11", "W01000001", "E05000001"),
        ("WD24", "E05000001", "E01000001"),
        ("MSOA21", "E02000001", "E05000001"),
        ("LAD24", "E06000017", "E10000001"),
        ("UTLA24", "E10000001", "E07000001"),
        ("OA21", "E00000001", "E01000001"),
    ],
)
def test_codes_of_another_vintage_come_as_code_and_must_look_right(tmp_path, make_input, vintage, good, bad):
    path = write(tmp_path, f"area,b,c\n{good},1,2\n{bad},3,4\n")
    columns = {"code": "area", "births": "b", "children_0_4": "c"}
    table, faults = read(make_input(table="demand", path="d.csv", vintage=vintage, columns=columns), path)
    assert [f.split(": must look")[0] for f in faults] == [f"d.csv (input 'thing'), line 3: 'code' is '{bad}'"]
    assert list(table.columns) == ["code", "births", "children_0_4"]


def test_code_is_lsoa21cd_where_the_vintage_is_that_of_the_zones(tmp_path, make_input):
    columns = {"code": "code", "births": "live births", "children_0_4": "under 5"}
    table, faults = read(make_input(table="demand", path="d.csv", columns=columns), write(tmp_path, BIRTHS))
    assert faults == []
    assert table["lsoa21cd"].tolist() == ["E01000001", "E01000002"]


def test_a_key_of_another_vintage_that_stands_twice_is_a_fault(tmp_path, make_input):
    path = write(tmp_path, "area,n\nE05000001,1\nE05000001,2\n")
    spec = make_input(table="indicators", path="d.csv", vintage="WD24", columns={"code": "area", "n": "n"})
    assert "line 3: code E05000001 stands twice" in read(spec, path)[1][0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"table": "rural_urban", "vintage": "LSOA11"}, "cannot be joined to LSOA21.*exact-fit lookup"),
        ({"table": "population", "vintage": "MSOA21"}, "cannot be joined to LSOA21"),
        ({"table": "indicators", "vintage": "WARD24"}, "'WARD24' is not OA, LSOA, MSOA, WD, LAD, UTLA and two digits"),
        ({"table": "cars", "vintage": "LSOA2011"}, "'LSOA2011' is not"),
        ({"table": "indicators", "vintage": None}, "vintage is missing"),
        ({"table": "indicators", "vintage": "LSOA11", "columns": {"lsoa21cd": "a"}}, "map them as columns.code"),
        ({"table": "lookup", "vintage": "LSOA21"}, "say which geography the lookup leads from"),
        ({"table": "lookup", "vintage": None}, "vintage is missing"),
        ({"table": "indicators", "layout": "iod2025_file9"}, "layout 'iod2025_file9' is not in the catalogue.*did you"),
    ],
)
def test_vintages_and_layouts_that_cannot_be_are_refused(make_input, fields, words):
    with pytest.raises(ValidationError, match=words):
        make_input(**{"path": "d.csv", **fields})


def test_a_lookup_keeps_each_pair_once(tmp_path, make_input):
    path = write(tmp_path, "oa,msoa,lsoa\n1,E02000001,E01000001\n2,E02000001,E01000001\n3,E02000001,E01000002\n")
    columns = {"from_code": "msoa", "lsoa21cd": "lsoa"}
    table, faults = read(make_input(table="lookup", path="d.csv", vintage="MSOA21", columns=columns), path)
    assert faults == []
    assert table.to_numpy().tolist() == [["E02000001", "E01000001"], ["E02000001", "E01000002"]]
    assert table.attrs["notes"] == ["A table: 1 rows say again what another row says, and are left out."]


def test_a_lookup_that_says_two_things_of_a_pair_is_a_fault(tmp_path, make_input):
    path = write(tmp_path, "from,to,c\nE01000001,E01000001,U\nE01000001,E01000001,S\n")
    columns = {"from_code": "from", "lsoa21cd": "to", "change": "c"}
    _, faults = read(make_input(table="lookup", path="d.csv", vintage="LSOA11", columns=columns), path)
    assert "stands twice" in faults[0]


def test_population_and_context(tmp_path, make_input):
    path = write(tmp_path, "code,n\nE01000001,1500\nE01000002,-1\n")
    _, faults = read(make_input(table="population", path="d.csv", columns={"lsoa21cd": "code", "people": "n"}), path)
    assert "line 3: 'people' is -1.0: must not be negative" in faults[0]
    path = write(tmp_path, "a,i,l,p,v,lo\nE06000017,90631,GLD,2023/24,70.1,\nE10000018,90631,GLD,2023/24,71,65\n")
    columns = {"lad24cd": "a", "indicator": "i", "label": "l", "period": "p", "value": "v", "low": "lo"}
    table, faults = read(make_input(table="context", path="d.csv", vintage="LAD24", columns=columns), path)
    assert faults == []
    assert table["indicator"].tolist() == ["90631", "90631"]
    assert table["low"].tolist() == pytest.approx([float("nan"), 65.0], nan_ok=True)


CELLS = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), st.none(), st.just("*")
)


@settings(max_examples=40)
@given(st.lists(CELLS, min_size=1, max_size=12), st.integers(0, 3))
def test_csv_and_workbook_give_the_same_numbers_as_were_written(tmp_path_factory, values, titles):
    folder = tmp_path_factory.mktemp("same")
    rows = [["a title"]] * titles + [["code", "n"]]
    rows += [[f"E01{i:06d}", v] for i, v in enumerate(values)]
    with (folder / "d.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[f"{c:,}" if isinstance(c, int) else c for c in row] for row in rows])
    book(folder, {"a": rows})
    common = {"id": "t", "table": "indicators", "vintage": "LSOA21", "title": "t", "publisher": "p", "licence": "l"}
    for name in ("d.csv", "d.xlsx"):
        columns = {"lsoa21cd": "code", "n": "n"}
        spec = Input.model_validate({**common, "date": "d", "path": name, "columns": columns, "marks": ["*"]})
        table, faults = read(spec, folder / name)
        assert faults == []
        expected = [float("nan") if v is None or v == "*" else float(v) for v in values]
        assert table["n"].tolist() == pytest.approx(expected, nan_ok=True)
