"""What publishers ship is read by naming its layout: every layout on a file with the publisher's own headings."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections import defaultdict
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from needs.assessment import Input, inputs
from needs.errors import Faults, SettingsError
from needs.schemas import CODES, TABLES, code_pattern
from needs.settings import CATALOGUE
from needs.sources import files, layouts
from needs.toml import load

ALL = layouts.layouts()
PLACES = {"sites", "postcodes", "points", "zones", "boundaries"}  # see test_layouts_places.py
WIDE = [n for n, x in ALL.items() if x.reader == "wide" and x.table not in {*PLACES, "context"}]
UNSAID = {  # what a layout leaves to the input
    "nomis": {"vintage": "LSOA21"},
    "dwp_statxplore": {"vintage": "WD24"},
    "ons_lsoa21_lad24": {"table": "indicators"},
    **{n: {"values": {"site_type": "library"}} for n, x in ALL.items() if x.table == "sites"},
    "ons_wards": {"values": {"kind": "Wards"}},
    "dfe_eyfsp": {"values": {"indicator": "gld", "label": "Good level of development"}},
}
NAN = float("nan")


def spec_of(layout: str, path: str, **fields: object) -> Input:
    return Input.model_validate({"id": "thing", "path": path, "layout": layout, **UNSAID.get(layout, {}), **fields})


def read(layout: str, path: Path, **fields: object) -> tuple[pd.DataFrame | None, list[str]]:
    faults = Faults()
    return files.read_table(spec_of(layout, path.name, **fields), path, faults), [str(f) for f in faults.found]


def save(folder: Path, rows: list[list[object]], name: str, *, mark: bool = False) -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8-sig" if mark else "utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def a_code(vintage: str | None, i: int) -> str:
    start = {"LSOA": "E01", "MSOA": "E02", "WD": "E05", "LAD": "E06", "UTLA": "E06", "OA": "E00"}
    return f"{start[(vintage or 'LSOA21').rstrip('0123456789')]}{i:06d}"


@pytest.fixture
def own_catalogue(tmp_path, monkeypatch):
    """Put one layout, made of the lines given, in the place of the catalogue's."""
    head = 'label = "l"\npublisher = "p"\nlicence = "l"\ndate = "d"\nsource = "a book of the publisher"\n'

    def put(text: str) -> None:
        (tmp_path / "layouts").mkdir(exist_ok=True)
        (tmp_path / "site_types.toml").write_bytes((CATALOGUE / "site_types.toml").read_bytes())
        (tmp_path / "layouts" / "own.toml").write_text(f"[layout.x]\n{head}{text}\n")
        monkeypatch.setattr(layouts, "CATALOGUE", tmp_path)
        monkeypatch.setattr("needs.assessment.inputs.CATALOGUE", tmp_path)
        forget()

    def forget() -> None:
        layouts.layouts.cache_clear()
        inputs._known.cache_clear()

    yield put
    forget()


# --- the catalogue ---


def test_the_catalogue_is_sound_and_every_layout_names_its_source():
    assert len(ALL) >= 20
    for name, layout in ALL.items():
        key = {"sites": "name", "postcodes": "postcode"}.get(str(layout.table))
        assert {"code", "lsoa21cd", "lad24cd", key} & set(layout.columns), name
        if layout.table:
            assert layout.table in TABLES


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ('like = "none"', "is no other layout"),
        ('like = "x"', "is no other layout"),
        ('table = "zonez"', "'zonez' is not one of"),
        ('vintage = "WARD24"', "has no codes"),
        ('required = ["a", "births"]', "births is named and is no column"),
        ('shares = { a_pct = { of = "b", among = "a" } }', "b is named and is no column"),
        ('alternatives = { B = ["C"] }', "'B', which is no heading"),
        ('readr = "wide"', "readr"),
        ('reader = "tall"', "reader"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(own_catalogue, extra, words):
    own_catalogue(f'columns = {{ a = "A" }}\n{extra}')
    with pytest.raises(SettingsError, match=words):
        layouts.layouts()


def test_naming_the_layout_is_enough():
    spec = spec_of("iod2025_file7", "f.csv")
    raw = load(CATALOGUE / "layouts")["layout"]["iod2025_file7"]
    assert (spec.table, spec.vintage, spec.licence) == ("indicators", "LSOA21", "OGL-UK-3.0")
    assert spec.title == raw["label"]
    assert spec.url == raw["url"]


def test_what_the_input_says_goes_before_the_layout():
    columns = {"births": "2022", "children_0_4": "2021"}
    spec = spec_of("nomis_births", "f.csv", vintage="LSOA11", title="Ours", columns=columns)
    plan = layouts.plan(spec)
    assert (spec.vintage, spec.title, spec.table) == ("LSOA11", "Ours", "demand")
    assert plan.columns == {"code": ("code",), "births": ("2022",), "children_0_4": ("2021",)}
    assert "children_0_4" not in plan.optional


def test_codes_under_a_heading_of_the_councils_own(tmp_path):
    rows, expected = generated("iod2025_file1")
    rows[0] = ["Zone" if h == "LSOA code (2021)" else h for h in rows[0]]
    table, faults = read("iod2025_file1", save(tmp_path, rows, "f.csv"), columns={"lsoa21cd": "Zone"})
    assert faults == []
    assert table["lsoa21cd"].tolist() == expected["code"]


def test_a_layout_without_a_vintage_needs_one_from_the_input():
    with pytest.raises(ValidationError, match="vintage is missing"):
        spec_of("nomis", "f.csv", vintage=None)


def test_names_are_those_that_the_catalogue_of_indices_asks_for():
    asked = set()
    for path in (CATALOGUE / "indices").glob("*.toml"):
        for indicator in load(path)["indicator"]:
            asked.add(indicator.get("value"))
    ranks = {a for a in asked if a and a.endswith("_rank")}
    assert len(ranks) >= 7
    assert ranks <= set(ALL["iod2025_file7"].columns)
    base = next(i for i in load(CATALOGUE / "bases" / "gathered.toml")["input"] if i["id"] == "indices_of_deprivation")
    assert set(base["columns"]) - {"lsoa21cd"} <= set(ALL["iod2025_file7"].columns)


# --- wide layouts: a generated file with the publisher's headings, read back ---


def generated(name: str, *, alternative: int | None = None) -> tuple[list[list[object]], dict[str, list[object]]]:
    """A file with every heading of a layout (or another word for it), and what each column must be."""
    layout = ALL[name]
    rows: list[list[object]] = [[] for _ in range(5)]
    made: dict[str, list[object]] = {}
    expected: dict[str, list[object]] = {}
    for at, (column, heading) in enumerate(layout.columns.items()):
        assert isinstance(heading, str)
        if heading not in made:
            if column in {"code", "from_code"}:
                made[heading] = [a_code(layout.vintage, 10 + i) for i in range(4)]
            elif column in {"lsoa21cd", "lad24cd"}:
                made[heading] = [a_code(column.upper().removesuffix("CD"), 50 + i) for i in range(4)]
            elif column == "ruc21cd":
                made[heading] = ["UN1", "RLF1", "RSN1", "UF1"]
            elif column == "change":
                made[heading] = ["U", "S", "M", "X"]
            else:
                made[heading] = [float(1000 * at + i) for i in range(4)]
            words = [heading, *layout.alternatives.get(heading, [])]
            rows[0].append(words[0] if alternative is None else words[min(alternative, len(words) - 1)])
            for row, value in zip(rows[1:], made[heading], strict=True):
                row.append(value)
        expected[column] = made[heading]
    return rows, expected


@pytest.mark.parametrize("alternative", [None, 1, 2])
@pytest.mark.parametrize("name", WIDE)
def test_every_wide_layout_reads_its_headings_and_the_other_words_for_them(tmp_path, name, alternative):
    rows, expected = generated(name, alternative=alternative)
    path = save(tmp_path, [["Title of the release"], [], *rows, [], ["Notes"]], "f.csv", mark=True)
    table, faults = read(name, path)
    assert faults == []
    if ALL[name].vintage == "LSOA21" and "code" in expected:
        expected["lsoa21cd"] = expected.pop("code")
    assert set(table.columns) == set(expected)
    for column, values in expected.items():
        assert table[column].tolist() == values, column


@pytest.mark.parametrize("name", WIDE)
def test_columns_in_another_order_and_with_others_between_give_the_same(tmp_path, name):
    rows, _ = generated(name)
    first, _ = read(name, save(tmp_path, rows, "a.csv"))
    order = list(range(len(rows[0])))
    random.Random(7).shuffle(order)  # noqa: S311  # any order will do
    mixed = [["Something else" if r is rows[0] else "x", *(r[i] for i in order)] for r in rows]
    second, faults = read(name, save(tmp_path, mixed, "b.csv"))
    assert faults == []
    pd.testing.assert_frame_equal(first, second[first.columns])


@pytest.mark.parametrize("name", WIDE)
def test_a_required_heading_that_is_missing_is_named_with_the_nearest(tmp_path, name):
    rows, _ = generated(name)
    layout = ALL[name]
    required = [c for c in (layout.required or layout.columns) if c not in {"change"}]
    gone = required[-1]
    heading = layout.columns[gone]
    rows[0] = [f"{h} revised" if h == heading else h for h in rows[0]]
    table, faults = read(name, save(tmp_path, rows, "f.csv"))
    assert table is None
    assert len(faults) == 1
    assert f"column {heading!r}" in faults[0]
    assert f"'{heading} revised'" in faults[0]


def test_an_extract_without_the_sub_domains_is_read_and_says_what_it_lacks(tmp_path):
    rows, _ = generated("iod2025_file7")
    keep = [i for i, h in enumerate(rows[0]) if "Sub-domain" not in str(h)]
    table, faults = read("iod2025_file7", save(tmp_path, [[r[i] for i in keep] for r in rows], "f.csv"))
    assert faults == []
    assert "idaci_rank" in table.columns
    assert "indoors_rank" not in table.columns
    (note,) = table.attrs["notes"]
    assert "lacks children_young_people_score" in note
    assert "indoors_rank" in note


def test_the_indices_of_2019_are_not_taken_for_those_of_2025(tmp_path):
    rows, _ = generated("iod2019_file7")
    _, faults = read("iod2025_file7", save(tmp_path, rows, "f.csv"))
    assert len(faults) == 1
    assert "column 'LSOA code (2021)' is missing; nearest is 'LSOA code (2011)'" in faults[0] or (
        "column 'LSOA code (2021)' is missing; nearest are 'LSOA code (2011)'" in faults[0]
    )


def test_districts_of_2019_are_not_taken_for_those_of_2024():
    assert "lad24cd" in ALL["iod2025_file7"].columns
    assert "lad24cd" not in ALL["iod2019_file7"].columns


def test_codes_of_2019_come_as_code(tmp_path):
    rows, _ = generated("iod2019_file7")
    table, faults = read("iod2019_file7", save(tmp_path, rows, "f.csv"))
    assert faults == []
    assert "lsoa21cd" not in table.columns
    assert table["code"].tolist() == [a_code("LSOA11", 10 + i) for i in range(4)]


def test_population_is_taken_from_file_7(tmp_path):
    rows, expected = generated("iod2025_file7")
    table, faults = read("iod2025_file7", save(tmp_path, rows, "f.csv"), table="population")
    assert faults == []
    assert list(table.columns) == ["lsoa21cd", "people"]
    assert table["people"].tolist() == expected["people"]


def test_file_8_is_read_from_its_sheet_and_its_marks_counted(tmp_path):
    work = openpyxl.Workbook()
    work.active.title = "Notes"
    layout = ALL["iod2025_file8_income"]
    others = ["LSOA name (2021)", "Local Authority District code (2024)", "Local Authority District name (2024)"]
    draft = work.create_sheet("Draft")  # has the headings as well, and comes first: the layout's sheet goes before it
    draft.append(list(dict.fromkeys(layout.columns.values())))
    draft.append(["E01000009", 1, 1, 1])
    for title, headings in (
        ("IoD25 Employment Domain", ["LSOA code (2021)", *others, "Employment Domain numerator"]),
        ("IoD25 Income Domain", ["LSOA code (2021)", *others, *list(dict.fromkeys(layout.columns.values()))[1:]]),
    ):
        sheet = work.create_sheet(title)
        sheet.append(headings)
        sheet.append(["E01000001", "a", "E09000001", "b", 20, "*", None][: len(headings)])
        sheet.append(["E01000002", "a", "E09000001", "b", 30, 10, 15][: len(headings)])
    work.save(tmp_path / "f.xlsx")
    table, faults = read("iod2025_file8_income", tmp_path / "f.xlsx")
    assert faults == []
    assert table["income_numerator"].tolist() == [20, 30]
    assert table["idaci_numerator"].tolist() == pytest.approx([NAN, 10], nan_ok=True)
    assert table["idaopi_numerator"].tolist() == pytest.approx([NAN, 15], nan_ok=True)
    assert any("idaci_numerator: 1 figures are suppressed or missing ('*' 1 times)" in n for n in table.attrs["notes"])


def test_children_in_income_deprivation_keep_their_blanks(tmp_path):
    rows, _ = generated("iod2025_underlying")
    at = rows[0].index(ALL["iod2025_underlying"].columns["deprived_children"])
    rows[2][at] = "*"
    table, faults = read("iod2025_underlying", save(tmp_path, rows, "f.csv"), table="deprived_children")
    assert faults == []
    assert list(table.columns) == ["lsoa21cd", "deprived_children"]
    assert table["deprived_children"].isna().tolist() == [False, True, False, False]


def test_a_layout_may_say_its_encoding_and_how_many_lines_stand_above(tmp_path, own_catalogue):
    own_catalogue(
        'table = "indicators"\nvintage = "LSOA21"\nencoding = "cp437"\nrows_above = 2\n'
        'columns = { code = "code", n = "é" }'
    )
    path = tmp_path / "f.csv"
    path.write_bytes("code,é\nE01000009,1\ncode,é\nE01000001,5\n".encode("cp437"))
    table, faults = read("x", path)
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 5.0]]


# --- Nomis ---

CARS = {0: "Total: All households", 1: "No cars or vans in household", 2: "1 car or van in household"}
API = [
    "DATE", "DATE_NAME", "DATE_CODE", "DATE_TYPE", "DATE_TYPECODE", "DATE_SORTORDER", "GEOGRAPHY", "GEOGRAPHY_NAME",
    "GEOGRAPHY_CODE", "GEOGRAPHY_TYPE", "GEOGRAPHY_TYPECODE", "GEOGRAPHY_SORTORDER", "C2021_CARS_5",
    "C2021_CARS_5_NAME", "C2021_CARS_5_CODE", "C2021_CARS_5_TYPE", "C2021_CARS_5_TYPECODE", "C2021_CARS_5_SORTORDER",
    "MEASURES", "MEASURES_NAME", "OBS_VALUE", "OBS_STATUS", "OBS_STATUS_NAME", "OBS_CONF", "OBS_CONF_NAME", "URN",
    "RECORD_OFFSET", "RECORD_COUNT",
]  # fmt: skip
HOUSEHOLDS = {"E01000001": (200, 50, 150), "E01000002": (80, 20, 60), "E01000003": (90, 0, 90)}


def api_rows(**changes: object) -> list[dict[str, object]]:
    """Records as the API gives them, all columns, two measures."""
    rows = []
    for code, counts in HOUSEHOLDS.items():
        for (category, name), count in zip(CARS.items(), counts, strict=True):
            for measure, label in ((20100, "Value"), (20301, "Percent")):
                value = count if measure == 20100 else round(100 * count / counts[0], 1)
                rows.append(
                    {
                        "DATE": 2021, "DATE_NAME": 2021, "DATE_CODE": 2021, "DATE_TYPE": "date", "DATE_TYPECODE": 0,
                        "DATE_SORTORDER": 0, "GEOGRAPHY": 633345696, "GEOGRAPHY_NAME": "A 001A",
                        "GEOGRAPHY_CODE": code, "GEOGRAPHY_TYPE": "2021 super output areas - lower layer",
                        "GEOGRAPHY_TYPECODE": 151, "GEOGRAPHY_SORTORDER": 0, "C2021_CARS_5": category,
                        "C2021_CARS_5_NAME": name, "C2021_CARS_5_CODE": category,
                        "C2021_CARS_5_TYPE": "Number of cars or vans", "C2021_CARS_5_TYPECODE": 1000,
                        "C2021_CARS_5_SORTORDER": category, "MEASURES": measure, "MEASURES_NAME": label,
                        "OBS_VALUE": value, "OBS_STATUS": "A", "OBS_STATUS_NAME": "Normal Value", "OBS_CONF": False,
                        "OBS_CONF_NAME": "Free (free for publication)", "URN": "Nm-2063d1d32249e0d633345696",
                        "RECORD_OFFSET": len(rows), "RECORD_COUNT": 18,
                    }
                )  # fmt: skip
    return [{**r, **changes} for r in rows]


def save_api(
    folder: Path, rows: list[dict[str, object]], headings: list[str] | None = None, name: str = "f.csv"
) -> Path:
    headings = headings or list(rows[0])
    return save(folder, [headings, *[[r[h] for h in headings] for r in rows]], name)


def no_car(folder: Path, path: Path, **fields: object) -> dict[str, float]:
    table, faults = read("census2021_ts045", path, **fields)
    assert faults == []
    assert list(table.columns) == ["lsoa21cd", "no_car_pct"]
    return dict(zip(table["lsoa21cd"], table["no_car_pct"], strict=True))


EXPECTED = {"E01000001": 25.0, "E01000002": 25.0, "E01000003": 0.0}


def test_cars_from_the_api_with_every_column(tmp_path):
    assert no_car(tmp_path, save_api(tmp_path, api_rows(), API)) == EXPECTED


@pytest.mark.parametrize(
    "headings",
    [
        ["GEOGRAPHY_CODE", "C2021_CARS_5_NAME", "MEASURES", "OBS_VALUE"],
        ["GEOGRAPHY_CODE", "C2021_CARS_5", "MEASURES_NAME", "OBS_VALUE"],
        ["DATE_NAME", "GEOGRAPHY_NAME", "GEOGRAPHY_CODE", "C2021_CARS_5_CODE", "MEASURES", "OBS_VALUE", "OBS_STATUS"],
    ],
)
def test_cars_from_the_api_with_few_columns_selected(tmp_path, headings):
    assert no_car(tmp_path, save_api(tmp_path, api_rows(), headings)) == EXPECTED


def test_cars_from_the_website_and_in_bulk_and_as_json(tmp_path):
    table = [[c, *HOUSEHOLDS[c]] for c in HOUSEHOLDS]
    website = [
        ["TS045 - Car or van availability"],
        ["ONS Crown Copyright Reserved [from Nomis on 21 November 2026]"],
        [],
        ["Population :", "All households"],
        ["Units      :", "Households"],
        ["Date       :", "2021"],
        [],
        ["2021 super output area - lower layer", "mnemonic", *CARS.values()],
        [],
        *[[f"A 00{i}A", *r] for i, r in enumerate(table)],
        [],
        ["In order to protect against disclosure of personal information, records have been swapped."],
    ]
    assert no_car(tmp_path, save(tmp_path, website, "website.csv")) == EXPECTED
    joined = [["2021 super output area - lower layer", *CARS.values()], *[[f"{c} : A 00A", *n] for c, *n in table]]
    assert no_car(tmp_path, save(tmp_path, [*website[:7], *joined], "joined.csv")) == EXPECTED
    heads = [f"Number of cars or vans: {n}" for n in CARS.values()]
    bulk = [["date", "geography", "geography code", *heads], *[[2021, "A 001A", *r] for r in table]]
    wales = [[2021, "Cardiff 001A", "W01000001", 10, 5, 5]]
    assert no_car(tmp_path, save(tmp_path, [*bulk, *wales], "bulk.csv")) == {**EXPECTED, "W01000001": 50.0}
    measured = [[*bulk[0][:3], *[f"{h}; measures: Value" for h in heads]], *bulk[1:]]
    assert no_car(tmp_path, save(tmp_path, measured, "measured.csv")) == EXPECTED
    observations = [
        {
            "dataset": {"value": "NM_2063_1", "description": "TS045"},
            "geography": {"value": 633345696, "description": "A", "geogcode": r["GEOGRAPHY_CODE"]},
            "c2021_cars_5": {"value": r["C2021_CARS_5"], "description": r["C2021_CARS_5_NAME"]},
            "measures": {"value": r["MEASURES"], "description": r["MEASURES_NAME"]},
            "time": {"value": "2021", "description": "2021"},
            "obs_value": {"value": r["OBS_VALUE"]},
            "obs_status": {"value": "A", "description": "Normal Value"},
        }
        for r in api_rows()
    ]
    path = tmp_path / "api.json"
    path.write_text(json.dumps({"header": {"truncated": "false"}, "obs": observations}))
    assert no_car(tmp_path, path) == EXPECTED
    path.write_text(json.dumps(api_rows()))
    assert no_car(tmp_path, path) == EXPECTED


def test_a_workbook_of_the_website_is_read_as_its_csv(tmp_path):
    work = openpyxl.Workbook()
    for row in (["TS045"], [], ["2021 super output area - lower layer", "mnemonic", *CARS.values()]):
        work.active.append(row)
    for code, counts in HOUSEHOLDS.items():
        work.active.append(["A 001A", code, *counts])
    work.save(tmp_path / "f.xlsx")
    assert no_car(tmp_path, tmp_path / "f.xlsx") == EXPECTED


def test_a_zone_without_households_has_no_share(tmp_path):
    gone = {("E01000002", 0), ("E01000003", 0), ("E01000003", 1)}  # perturbed: none at all, yet some without a car
    rows = [{**r, "OBS_VALUE": 0} if (r["GEOGRAPHY_CODE"], r["C2021_CARS_5"]) in gone else r for r in api_rows()]
    _, faults = read("census2021_ts045", save_api(tmp_path, rows))
    assert [f.split(" -> ")[0] for f in faults] == [
        f"f.csv (input 'thing'), line {line}: 'no_car_pct' of table 'cars' is blank" for line in (8, 14)
    ]


def test_other_areas_are_left_out_and_counted(tmp_path):
    rows = api_rows() + [
        {**r, "GEOGRAPHY_CODE": "E06000017", "GEOGRAPHY_TYPE": "x", "GEOGRAPHY_TYPECODE": 154} for r in api_rows()[:6]
    ]
    rows = [{**r, "RECORD_COUNT": len(rows)} for r in rows]
    path = save_api(tmp_path, rows)
    assert no_car(tmp_path, path) == EXPECTED
    table, _ = read("census2021_ts045", path)
    assert any(
        "1 rows whose code is not of LSOA21, such as 'E06000017', are left out" in n for n in table.attrs["notes"]
    )
    (tmp_path / "f.json").write_text(json.dumps(rows))
    assert no_car(tmp_path, tmp_path / "f.json") == EXPECTED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RECORD_COUNT": 71344}, "holds 18 of 71,344 records: the download was cut off"),
        ({"MEASURES": 20301, "MEASURES_NAME": "Percent"}, r"its measure is 20301, and counts are needed"),
        ({"GEOGRAPHY_TYPECODE": 298}, r"its areas are LSOA11 \('298'\) and the input says LSOA21"),
        ({"GEOGRAPHY_TYPE": "2011 super output areas - lower layer"}, "its areas are LSOA11"),
        ({"GEOGRAPHY_TYPE": "2021 super output areas - middle layer"}, "its areas are MSOA21"),
        ({"GEOGRAPHY_CODE": "E02000001"}, "no code is of LSOA21: they are like 'E02000001'"),
        ({"GEOGRAPHY_CODE": None}, "no records"),
        ({"C2021_CARS_5": 0, "C2021_CARS_5_CODE": 0, "C2021_CARS_5_NAME": "Total"}, "has several figures for the same"),
        ({"OBS_VALUE": "many"}, "'households' is 'many': must be a number"),
    ],
)
def test_downloads_that_would_mislead_are_refused(tmp_path, changes, words):
    rows = api_rows(**changes)
    if changes.get("GEOGRAPHY_CODE"):
        rows = [{**r, "RECORD_COUNT": 3} for r in rows if r["MEASURES"] == 20100][:3]
    _, faults = read("census2021_ts045", save_api(tmp_path, rows, API))
    assert faults
    assert any(re.search(words, f) for f in faults), faults


def test_the_year_of_the_areas_is_seen_in_the_heading_of_the_website(tmp_path):
    rows = [["2011 super output area - lower layer", "mnemonic", *CARS.values()], ["A", "E01000001", 3, 2, 1]]
    _, faults = read("census2021_ts045", save(tmp_path, rows, "f.csv"))
    assert len(faults) == 1
    assert "its areas are LSOA11" in faults[0]


def test_a_figure_that_nomis_marks_as_missing_is_blank_and_counted(tmp_path):
    rows = [r for r in api_rows() if r["MEASURES"] == 20100]
    rows[1] = {**rows[1], "OBS_STATUS": "Q", "OBS_STATUS_NAME": "These figures are missing.", "OBS_VALUE": 0}
    rows = [{**r, "RECORD_COUNT": len(rows)} for r in rows]
    columns = {"no_car": "C2021_CARS_5=1"}
    table, faults = read("nomis", save_api(tmp_path, rows, API), vintage="LSOA21", columns=columns)
    assert faults == []
    assert table["no_car"].tolist() == pytest.approx([NAN, 20, 0], nan_ok=True)
    assert "A table of Nomis: 1 figures are marked by Nomis as missing, and read as blank." in table.attrs["notes"]


def test_pages_put_one_below_the_other_are_one_table(tmp_path):
    text = save_api(tmp_path, api_rows(), API).read_text().splitlines()
    pages = [*text[:8], text[0], *text[8:], text[-1]]  # a heading between, and a record of the overlap twice
    path = tmp_path / "p.csv"
    path.write_text("\n".join(pages))
    assert no_car(tmp_path, path) == EXPECTED


def test_a_heading_between_pages_is_no_record(tmp_path):
    rows = [["GEOGRAPHY_CODE", "OBS_VALUE"], ["E01000001", 5], ["GEOGRAPHY_CODE", "OBS_VALUE"], ["E01000002", 6]]
    columns = {"n": "OBS_VALUE"}
    table, faults = read("nomis", save(tmp_path, rows, "f.csv"), vintage="LSOA21", columns=columns)
    assert faults == []
    assert table["n"].tolist() == [5, 6]
    assert table.attrs["notes"] == []


def test_exactly_as_many_records_as_a_guest_gets_raise_a_doubt(tmp_path):
    rows = [["GEOGRAPHY_CODE", "OBS_VALUE"], *[[f"E01{i:06d}", i] for i in range(25_000)]]
    columns = {"n": "OBS_VALUE"}
    table, faults = read("nomis", save(tmp_path, rows, "f.csv"), vintage="LSOA21", columns=columns)
    assert faults == []
    assert "exactly 25,000 records" in table.attrs["notes"][0]
    table, _ = read("nomis", save(tmp_path, rows[:-1], "f.csv"), vintage="LSOA21", columns=columns)
    assert table.attrs["notes"] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"error": "Query is too large"}, "the answer of a service: Query is too large"),
        ({"header": {"truncated": "true"}, "obs": [{"geography": {"geogcode": "E01000001"}}]}, "cut it off"),
        ({"obs": []}, "not the JSON of the Nomis API"),
        ({"obs": [1]}, "not the JSON of the Nomis API"),
        ({"obs": [{"geography": {}}], "header": []}, "has no GEOGRAPHY_CODE or OBS_VALUE"),
        ("text", "not the JSON of the Nomis API"),
        ({"version": "2.0", "class": "dataset", "value": [1]}, "not the JSON of the Nomis API"),
        ([], "not the JSON of the Nomis API"),
        ({"obs": [{"geography": {"value": 1}, "obs_value": {"value": 1}}]}, "has no GEOGRAPHY_CODE"),
    ],
)  # fmt: skip
def test_json_that_holds_no_table_says_so(tmp_path, content, words):
    path = tmp_path / "f.json"
    path.write_text(json.dumps(content))
    _, faults = read("census2021_ts045", path)
    assert len(faults) == 1
    assert words in faults[0]


@pytest.mark.parametrize("text", ["{not json", "", "<html>x"])
def test_a_file_that_is_no_json_is_a_fault(tmp_path, text):
    path = tmp_path / "f.json"
    path.write_text(text)
    _, faults = read("census2021_ts045", path)
    assert len(faults) == 1
    assert "cannot be read" in faults[0]


AGES = {200: "All Ages", **{101 + a: f"Age {a}" for a in range(5)}, 201: "Aged 0 to 15"}


def population_rows(genders: dict[int, str]) -> list[dict[str, object]]:
    return [
        {
            "DATE": 2024, "GEOGRAPHY_CODE": f"E0100000{z}", "GENDER": gender, "GENDER_NAME": name, "C_AGE": age,
            "C_AGE_NAME": label, "MEASURES": 20100, "OBS_VALUE": 1000 * z + (age if gender == 0 else age / 2),
            "OBS_STATUS": "A",
        }
        for z in (1, 2) for gender, name in genders.items() for age, label in AGES.items()
    ]  # fmt: skip


@pytest.mark.parametrize("genders", [{0: "Total"}, {0: "Total", 1: "Male", 2: "Female"}])
def test_children_are_added_up_over_single_years_and_both_genders(tmp_path, genders):
    table, faults = read("nomis_population", save_api(tmp_path, population_rows(genders)), table="indicators")
    assert faults == []
    assert table["children_0_4"].tolist() == [sum(1000 * z + 101 + a for a in range(5)) for z in (1, 2)]
    assert table["people"].tolist() == [1200, 2200]
    assert table["children_0"].tolist() == [1101, 2101]


def test_children_of_one_gender_are_not_taken_for_all(tmp_path):
    _, faults = read("nomis_population", save_api(tmp_path, population_rows({1: "Male"})))
    assert len(faults) == 1
    assert "no record has GENDER '0' or 'Total'; there are Male" in faults[0]
    website = [["Gender:", "Male"], [], ["area", "mnemonic", *AGES.values()], ["a", "E01000001", *range(7)]]
    _, faults = read("nomis_population", save(tmp_path, website, "w.csv"))
    assert len(faults) == 1
    assert "its gender is 'Male'" in faults[0]
    website[0] = ["Gender:", "Total"]
    assert read("nomis_population", save(tmp_path, website, "w.csv"))[1] == []


def births_rows() -> list[dict[str, object]]:
    return [
        {"DATE": year, "GEOGRAPHY_CODE": f"E0100000{z}", "MEASURES": 20100, "OBS_VALUE": 10 * z + year - 2020}
        for year in (2023, 2024) for z in (1, 2)
    ]  # fmt: skip


def test_births_of_several_years_want_a_year(tmp_path):
    path = save_api(tmp_path, births_rows())
    _, faults = read("nomis_births", path, table="indicators")
    assert len(faults) == 1
    assert "column 'OBS_VALUE' is missing" in faults[0]
    assert "'2023', '2024'" in faults[0]
    table, faults = read("nomis_births", path, table="indicators", columns={"births": "2024"})
    assert faults == []
    assert table["births"].tolist() == [14, 24]
    table, _ = read("nomis_births", path, table="indicators", where={"DATE": ["2023"]})
    assert table["births"].tolist() == [13, 23]
    table, _ = read("nomis_births", path, table="indicators", columns={"births": ["2023", "2024"]})
    assert table["births"].tolist() == [27, 47]


def test_where_of_a_long_table_names_what_is_wrong(tmp_path):
    path = save_api(tmp_path, births_rows())
    _, faults = read("nomis_births", path, where={"YEAR": ["2023"]})
    assert "column 'YEAR' of 'where' is missing" in faults[0]
    _, faults = read("nomis_births", path, where={"DATE": ["2019"]})
    assert "no record has '2019' in 'DATE'" in faults[0]


def test_lone_parents_and_families(tmp_path):
    names = {
        0: "Total: All households",
        5: "Single family household: Married or civil partnership couple: Dependent children",
        8: "Single family household: Cohabiting couple family: With dependent children",
        10: "Single family household: Lone parent family: With dependent children",
        13: "Other household types: With dependent children", 1: "One-person household: Aged 66 years and over",
    }  # fmt: skip
    counts = {0: 200, 5: 30, 8: 10, 10: 20, 13: 5, 1: 7}
    rows = [
        {
            "GEOGRAPHY_CODE": "E01000001",
            "C2021_HHCOMP_15": c,
            "C2021_HHCOMP_15_NAME": n,
            "MEASURES": 20100,
            "OBS_VALUE": counts[c],
        }
        for c, n in names.items()
    ]
    table, faults = read("census2021_ts003", save_api(tmp_path, rows))
    assert faults == []
    row = table.iloc[0]
    assert (row["households"], row["lone_parent_households"], row["dependent_children_households"]) == (200, 20, 65)
    assert row["lone_parent_pct"] == 10
    assert row["lone_parent_of_families_pct"] == pytest.approx(100 * 20 / 65)
    bulk_names = ["Household composition: Total; measures: Value"]
    bulk_names += [f"Household composition: {n}; measures: Value" for c, n in names.items() if c in (5, 8, 10, 13)]
    bulk = [["date", "geography", "geography code", *bulk_names], [2021, "a", "E01000001", 200, 30, 10, 20, 5]]
    again, faults = read("census2021_ts003", save(tmp_path, bulk, "b.csv"))
    assert faults == []
    pd.testing.assert_frame_equal(table[again.columns], again)


RECORDS = st.dictionaries(
    st.tuples(st.integers(1, 4), st.integers(0, 2), st.integers(0, 1), st.integers(2021, 2023)),
    st.one_of(st.integers(0, 999), st.none()),
    min_size=1,
)


@settings(max_examples=25)
@given(RECORDS, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_a_long_table_is_what_a_plain_dictionary_makes_of_it(tmp_path_factory, records, order, codes_too, as_json):
    folder = tmp_path_factory.mktemp("long")
    rows = []
    for (zone, age, gender, year), value in records.items():
        row = {
            "DATE": year,
            "GEOGRAPHY_CODE": f"E0100000{zone}",
            "C_AGE_NAME": f"Age {age}",
            "GENDER_NAME": "MF"[gender],
        }
        rows.append({**row, **({"C_AGE": 101 + age, "GENDER": gender} if codes_too else {}), "OBS_VALUE": value})
    order.shuffle(rows)
    if as_json:
        path = folder / "f.json"
        path.write_text(json.dumps(rows))
    else:
        path = save_api(folder, rows)
    oracle: dict[tuple[int, int, int], dict[str, float]] = defaultdict(dict)
    for (zone, age, gender, year), value in records.items():
        oracle[age, gender, year][f"E0100000{zone}"] = NAN if value is None else float(value)
    ages, genders, years = ({k[i] for k in oracle} for i in range(3))
    zones = sorted({f"E0100000{k[0]}" for k in records})
    asked: dict[str, dict[str, float]] = {}
    for (age, gender, year), figures in oracle.items():
        parts = [f"Age {age}"] * (len(ages) > 1) + ["MF"[gender]] * (len(genders) > 1) + [str(year)] * (len(years) > 1)
        asked["; ".join(parts) or "OBS_VALUE"] = figures
        asked[f"Age {age}; {'MF'[gender]}; {year}"] = figures
        if codes_too:
            asked[f"C_AGE={101 + age}; GENDER={gender}; {year}"] = figures
    columns = {f"n{i}": heading for i, heading in enumerate(asked)}
    table, faults = read("nomis", path, vintage="LSOA21", columns=columns)
    assert faults == []
    assert sorted(table["lsoa21cd"]) == zones
    for i, figures in enumerate(asked.values()):
        found = table.set_index("lsoa21cd")[f"n{i}"]
        assert found[zones].tolist() == pytest.approx([figures.get(z, NAN) for z in zones], nan_ok=True)


# --- Stat-Xplore, children in low-income families ---


def test_stat_xplore_with_its_titles_two_rows_of_headings_total_and_notes(tmp_path):
    rows = [
        ["Children In Low Income Families - Relative Low Income"],
        ["National - Regional - LA - Wards by Year"],
        ["Counting: Relative Low Income"],
        [],
        ["Filters:"],
        ["Default Summation", "Relative Low Income"],
        [],
        ["Year", "2023/24", "2024/25 (p)", ""],
        ["National - Regional - LA - Wards", "", "", ""],
        ["E05013038", "506", "1,488", ""],
        ["E05013039", "..", "755", ""],
        ["Total", "506", "2243", ""],
        [],
        ["INFO", "Statistical disclosure control has been applied to this table"],
        ["(c) Copyright"],
    ]
    columns = {"low_income": "2024/25 (p)", "low_income_2024": "2023/24"}
    path = save(tmp_path, rows, "f.csv")
    table, faults = read("dwp_statxplore", path, vintage="WD24", columns=columns)
    assert faults == []
    assert table["code"].tolist() == ["E05013038", "E05013039"]
    assert table["low_income"].tolist() == [1488, 755]
    assert table["low_income_2024"].tolist() == pytest.approx([506, NAN], nan_ok=True)
    assert any("low_income_2024: 1 figures are suppressed or missing ('..' 1 times)" in n for n in table.attrs["notes"])
    names = [[r[0].replace("E0501303", "Ward ") if r else "", *r[1:]] for r in rows]
    _, faults = read("dwp_statxplore", save(tmp_path, names, "n.csv"), vintage="WD24", columns=columns)
    assert len(faults) == 1
    assert "areas are joined by code, never by name" in faults[0]


def test_a_councils_own_table_by_ward_with_marks(tmp_path):
    text = "Breastfeeding at 6 to 8 weeks,,\n,,\nWard,Ward code,Babies,Breastfed\nA,E05000001,40,22\nB,E05000002,c,c\n"
    path = tmp_path / "f.csv"
    path.write_text(text)
    spec = Input.model_validate(
        {
            "id": "bf", "table": "indicators", "path": "f.csv", "vintage": "WD24", "title": "Breastfeeding",
            "publisher": "Testshire", "licence": "internal", "date": "2026", "marks": ["c"],
            "columns": {"code": "Ward code", "babies": "Babies", "breastfed": "Breastfed"},
        }
    )  # fmt: skip
    faults = Faults()
    table = files.read_table(spec, path, faults)
    assert faults.found == []
    assert table["breastfed"].tolist() == pytest.approx([22, NAN], nan_ok=True)
    assert len(table.attrs["notes"]) == 2


# --- Fingertips ---

TIPS = [
    "Indicator ID", "Indicator Name", "Parent Code", "Parent Name", "Area Code", "Area Name", "Area Type", "Sex",
    "Age", "Category Type", "Category", "Time period", "Value", "Lower CI 95.0 limit", "Upper CI 95.0 limit",
    "Lower CI 99.8 limit", "Upper CI 99.8 limit", "Count", "Denominator", "Value note", "Recent Trend",
    "Compared to England value or percentiles", "Compared to Regions (statistical) value or percentiles",
    "Time period Sortable", "New data", "Compared to goal", "Time period range",
]  # fmt: skip


def tip(indicator: str, area: str, period: str, value: object, **fields: object) -> list[object]:
    common: dict[str, object] = dict.fromkeys(TIPS, "")
    common |= {
        "Indicator ID": indicator, "Indicator Name": f"Indicator {indicator}", "Area Code": area, "Sex": "Persons",
        "Age": "5 yrs", "Time period": period, "Value": value, "Lower CI 95.0 limit": 1, "Upper CI 95.0 limit": 99,
        "Time period Sortable": f"{period[:4]}0000",
    }  # fmt: skip
    return [{**common, **{k.replace("_", " "): v for k, v in fields.items()}}[h] for h in TIPS]


def tips(folder: Path, *rows: list[object]) -> Path:
    return save(folder, [TIPS, *rows], "f.csv", mark=True)


def test_fingertips_keeps_councils_totals_and_the_latest_period(tmp_path):
    path = tips(
        tmp_path,
        tip("90631", "E92000001", "2022/23", 67.2),
        tip("90631", "E92000001", "2023/24", 67.7),
        tip("90631", "E06000017", "2022/23", 70.0),
        tip("90631", "E06000017", "2023/24", 71.5, Parent_Code="E12000004"),
        tip("90631", "E06000017", "2023/24", 71.5, Parent_Code="E92000001"),
        tip("90631", "E06000017", "2023/24", 75.0, Sex="Female"),
        tip("90631", "E06000017", "2023/24", 50.0, Category_Type="FSM", Category="Yes"),
        tip("90631", "E12000004", "2023/24", 66.0),
        tip("90631", "E06000006", "2023/24", "", Value_note="Value suppressed"),
        tip("93085", "E06000017", "2021/22", 8.1, Sex="Female"),
    )
    table, faults = read("fingertips", path)
    assert faults == []
    assert list(table.columns) == ["lad24cd", "indicator", "label", "period", "value", "low", "high"]
    assert {(r.lad24cd, r.indicator, r.period): r.value for r in table.itertuples()} == {
        ("E92000001", "90631", "2023/24"): 67.7,
        ("E06000017", "90631", "2023/24"): 71.5,
        ("E06000017", "93085", "2021/22"): 8.1,
    }
    assert table["label"].tolist()[0] == "Indicator 90631"
    told = " ".join(table.attrs["notes"])
    for words in (
        "1 rows of a category",
        "1 rows of areas that are no",
        "1 rows without a value",
        "1 rows of one sex",
        "2 rows of earlier",
    ):
        assert words in told


def test_fingertips_of_the_period_and_indicator_that_are_asked_for(tmp_path):
    rows = [tip(i, "E06000017", p, 1) for i in ("1", "2") for p in ("2021/22", "2022/23", "2023/24")]
    where = {"Indicator ID": ["2"], "Time period": ["2021/22", "2022/23"]}
    table, faults = read("fingertips", tips(tmp_path, *rows), where=where)
    assert faults == []
    assert sorted(zip(table["indicator"], table["period"], strict=True)) == [("2", "2021/22"), ("2", "2022/23")]


def test_several_figures_for_a_council_are_refused_and_can_be_told_apart(tmp_path):
    rows = [tip("5", "E06000017", "2023", 1, Age="<18 yrs"), tip("5", "E06000017", "2023", 2, Age="18+ yrs")]
    _, faults = read("fingertips", tips(tmp_path, *rows))
    assert len(faults) == 1
    assert "several figures for one council and period, of 5 (Persons / 18+ yrs, Persons / <18 yrs)" in faults[0]
    table, faults = read("fingertips", tips(tmp_path, *rows), where={"Age": ["18+ yrs"]})
    assert faults == []
    assert table["value"].tolist() == [2]
    male = [tip("6", "E06000017", "2023", 1, Sex="Male"), tip("6", "E06000017", "2023", 2, Sex="Female")]
    assert "say which are meant" in read("fingertips", tips(tmp_path, *male))[1][0]


def test_fingertips_without_a_council_or_a_heading(tmp_path):
    _, faults = read("fingertips", tips(tmp_path, tip("5", "E38000006", "2023", 1)))
    assert len(faults) == 1
    assert "has no rows" in faults[0]
    rows = [[h for h in TIPS if h != "Value"], [1] * (len(TIPS) - 1)]
    _, faults = read("fingertips", save(tmp_path, rows, "f.csv"))
    assert "column 'Value' is missing" in faults[0]


# --- hostile files, whatever the layout ---


KINDS = (  # of every reader, and of every kind of table
    "census2021_ts045", "dwp_cilif_ward_ods", "dfe_eyfsp", "fingertips", "gias", "iod2025_file7", "nhs_epraccur",
    "nomis_births", "ons_lsoa11_lsoa21", "ons_lsoa21_boundaries", "os_code_point_open",
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "content", [b"", b"<html><h1>503</h1></html>", b"a,b\n1,2\n", b"{}", b'"', b"\x00\x01", b"Total,\n", b"\xff\xfe"],
)  # fmt: skip
def test_hostile_files_are_faults_and_never_a_crash(tmp_path, name, content):
    for ending in ("csv", "xlsx", "json", "parquet", "csv.gz"):
        path = tmp_path / f"f.{ending}"
        path.write_bytes(content)
        table, faults = read(name, path)
        assert table is None
        assert faults
        assert all(f.startswith(f"{path.name} (input 'thing')") for f in faults)


def test_every_vintage_of_the_catalogue_has_codes():
    for layout in ALL.values():
        assert layout.vintage is None or code_pattern(layout.vintage) in CODES.values()
    assert code_pattern("LSOA") is None
    assert code_pattern("LSOA2021") is None
    assert code_pattern("") is None


# --- the real files ---


def real(data: Path, layout: str, path: str, **fields: object) -> pd.DataFrame:
    faults = Faults()
    table = files.read_table(spec_of(layout, path, **fields), data / path, faults)
    assert [str(f) for f in faults.found] == []
    return table


@pytest.mark.data
def test_files_1_and_3_of_2025_agree_with_the_gathered_table(real_data):
    gathered = pd.read_parquet(real_data / "england/iod2025_lsoa21_all.parquet").set_index("LSOA code (2021)")
    one = real(real_data, "iod2025_file1", "england/File_1_IoD2025_Index_of_Multiple_Deprivation.xlsx")
    three = real(real_data, "iod2025_file3", "england/File_3_IoD2025_Supplementary_Indices_IDACI_and_IDAOPI.xlsx")
    assert len(one) == len(three) == 33_755
    ranks = gathered["IMD_rank"].reindex(one["lsoa21cd"]).to_numpy()
    assert (one["imd_rank"].to_numpy() == ranks).all()
    assert sorted(one["imd_decile"].unique()) == list(range(1, 11))
    heading = "Income Deprivation Affecting Children Index (IDACI) Rank (where 1 is most deprived)"
    assert (three["idaci_rank"].to_numpy() == gathered[heading].reindex(three["lsoa21cd"]).to_numpy()).all()
    assert three.attrs["notes"] == []


@pytest.mark.data
@pytest.mark.parametrize(("year", "blank"), [(2025, 815), (2019, 4553)])
def test_numerators_are_multiples_of_5_and_blank_under_10(real_data, year, blank):
    table = real(real_data, f"iod{year}_underlying", f"england/iod{year}_underlying_indicators.csv.gz")
    numerators = table["idaci_numerator"]
    assert int(numerators.isna().sum()) == blank
    assert numerators.min() == 10
    assert (numerators.dropna() % 5 == 0).all()
    assert len(table) == {2025: 33_755, 2019: 32_844}[year]
    assert ("code" in table.columns) == (year == 2019)
    assert table.attrs["notes"] == []


@pytest.mark.data
def test_file_7_of_2025_with_the_publishers_headings(real_data, tmp_path):
    gathered = pd.read_parquet(real_data / "england/iod2025_lsoa21_all.parquet").iloc[::40]
    layout = ALL["iod2025_file7"].columns
    ours = {"barriers": "Housing_and_Services", "living_environment": "Environment"}
    made = pd.DataFrame({layout["code"]: gathered["LSOA code (2021)"]})
    for domain in ("imd", "income", "employment", "education", "health", "crime", "barriers", "living_environment"):
        made[layout[f"{domain}_rank"]] = gathered[
            f"{ours.get(domain, domain.capitalize() if domain != 'imd' else 'IMD')}_rank"
        ]
    made[layout["idaci_rank"]] = gathered[layout["idaci_rank"]]
    for sub in ("adult_skills", "geographical_barriers", "wider_barriers", "indoors", "outdoors"):
        made[layout[f"{sub}_rank"]] = gathered[f"{sub}_rank"]
    path = tmp_path / "File_7.csv"
    made.to_csv(path, index=False, encoding="utf-8-sig")
    table, faults = read("iod2025_file7", path)
    assert faults == []
    assert table["lsoa21cd"].tolist() == gathered["LSOA code (2021)"].tolist()
    assert table["barriers_rank"].tolist() == gathered["Housing_and_Services_rank"].tolist()
    assert table["outdoors_rank"].tolist() == gathered["outdoors_rank"].tolist()


@pytest.mark.data
def test_the_denominators_of_2019_and_the_lookups(real_data):
    people = real(real_data, "iod2019_file6", "england/File_6_-_IoD2019_Population_Denominators.csv")
    assert len(people) == 32_844
    assert (people["children_0_15"] + people["people_16_59"] + people["people_60_over"]).equals(people["people"])
    assert people.set_index("code").loc["E01000001", "people"] == 1296
    pairs = real(real_data, "ons_lsoa11_lsoa21", "england/lsoa11_lsoa21_exact_fit_lad22_v3.csv.gz")
    counts = {"U": 33_647, "S": 1_900, "M": 239, "X": 10}  # England and Wales, as ONS counts them
    assert pairs["change"].value_counts().to_dict() == counts
    wards = real(real_data, "ons_lsoa21_ward24", "england/lookup_lsoa21_ward24_ltla24.csv.gz")
    assert wards["lsoa21cd"].is_unique


@pytest.mark.data
def test_children_in_low_income_families_by_ward(real_data):
    table = real(real_data, "dwp_cilif_ward", "england/cilif_ahc_ward_england.csv.gz")
    plain = pd.read_csv(real_data / "england/cilif_ahc_ward_england.csv.gz")
    assert table["code"].tolist() == plain["ward_code"].tolist()
    assert table["low_income_children"].sum() == plain["n_fye2025"].sum()
    assert int(table["low_income_children"].isna().sum()) == 6
    assert table.set_index("code").loc["E05013038", "low_income_children_pct"] == 32.6


@pytest.mark.data
@pytest.mark.parametrize("council", ["halton", "rutland"])
def test_a_councils_extract_of_file_7(real_data, council):
    path = f"{council}/{council}_iod2025_file7_layout.csv"
    table = real(real_data, "iod2025_file7", path)
    with (real_data / path).open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(io.StringIO(file.read())))
    heading = "Income Deprivation Affecting Children Index (IDACI) Score (rate)"
    assert table["idaci_score_rate"].tolist() == [float(r[heading]) for r in rows]
    assert len(table) == {"halton": 80, "rutland": 26}[council]
