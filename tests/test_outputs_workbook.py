"""The committee's workbook: what it says is what the tables say, nothing in it runs, the same bytes every time."""

from __future__ import annotations

import re
import time
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import outputs
from needs.outputs.committee import Assessed
from needs.outputs.workbook import About, Column, Sheet, clean
from tests import page_data
from tests.test_outputs_maps import ORIGIN

TITLES = [
    "Summary", "Recommended sites", "Neighbourhoods", "Who gains and who loses", "Groups of families", "Alternatives",
    "Frontier", "Assumptions", "Sources", "Notes",
]  # fmt: skip


def assessed(**replaced) -> Assessed:
    council = page_data.council()
    change = {
        "scenario": "plan", "lsoa21cd": "E01900001", "zone_name": page_data.HOSTILE[0], "families": 12.5,
        "before_site": None, "before_offer": None, "after_site": "=1+1", "after_offer": "hub", "need": 8.25,
        **{f"{m}_min_{e}": np.nan for m in page_data.MODES for e in ("before", "after")},
    }  # fmt: skip
    frontier = pd.DataFrame(
        {
            "limit": ["max_hubs"] * 4 + ["max_outreach"] * 2,
            "value": [0, 1, 2, 3, 0, 2],
            "met_pct": [np.nan, 60.0, 75.0, 80.0, 70.0, 75.0],
            **{c: [np.nan] + [50.0] * 5 for c in ("hub_pct", "outreach_pct", "none_pct")},
            "hubs": [np.nan, 1, 2, 3, 2, 2],
            "outreach": [np.nan, 2, 2, 2, 0, 2],
            "status": ["impossible"] + ["optimal"] * 5,
        }
    )
    parts = {
        "finding": council.finding, "answer": council.answer, "demand_label": council.demand_label,
        "totals": council.totals, "modes": council.modes,
        "sites": council.sites.assign(ours=council.sites["status"] != "neighbour", unmet_if_lost=1.5, chosen_in=3,
                                      alternatives=4),
        "zones": council.zones, "groups": council.groups, "losses": pd.DataFrame([change]).iloc[:0],
        "gains": pd.DataFrame([change]), "frontier": frontier,
        "alternatives": pd.DataFrame({"number": [1], "sentence": ["@SUM(A1)"], "rise_pct": [0.4]}),
        "buys": ["With one hub 60 %"], "others": ["@SUM(A1)", "No other plan"], "sure": ["Sure"],
        "assumptions": council.assumptions, "notes": council.notes,
    }  # fmt: skip
    return Assessed(**{**parts, **replaced})


def write(path, found=None):
    sheets = outputs.committee(found or assessed(), ORIGIN)
    outputs.workbook_writer(sheets, title=ORIGIN.title, made_by="a test")(path)
    return path


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return openpyxl.load_workbook(write(tmp_path_factory.mktemp("book") / "assessment.xlsx"))


def table(sheet) -> list[dict]:
    """Rows under the heading row, which is the one above the frozen pane."""
    head = int(re.search(r"\d+", sheet.freeze_panes)[0]) - 1
    names = [c.value for c in sheet[head] if c.value]
    rows = []
    for row in sheet.iter_rows(min_row=head + 1, max_col=len(names)):
        if all(c.value is None for c in row):
            break
        rows.append(dict(zip(names, (c.value for c in row), strict=True)))
    return rows


def test_every_sheet_is_there_and_laid_out_for_print(book):
    assert book.sheetnames == TITLES
    for sheet in book:
        head = int(re.search(r"\d+", sheet.freeze_panes)[0]) - 1
        assert sheet.print_title_rows == f"${head}:${head}"
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert all(c.font.bold and c.fill.fgColor.rgb == "FF12436D" for c in sheet[head] if c.value)
        assert sheet["A1"].value
        assert sheet["A1"].font.bold


def test_the_summary_says_what_the_totals_say(book):
    council = page_data.council()
    rows = {r["What"]: r for r in table(book["Summary"])}
    for when, column in (("today", "Today"), ("plan", "With the plan")):
        demand = council.zones["demand"].sum()
        hub = council.zones[f"hub_{when}"].sum()
        assert rows["Reached by a hub, %"][column] == pytest.approx(100 * hub / demand)
        assert rows["Births a year reached by a hub"][column] == pytest.approx(hub)
        worst = council.zones[council.zones["need_fifth_england"] == 1]
        share = 100 * worst[f"virtual_{when}"].sum() / worst["demand"].sum()
        assert rows["Reached online alone, %, England's neediest fifth"][column] == pytest.approx(share)
    change = rows["Unmet need, need-weighted families"]
    assert change["Change"] == pytest.approx(change["With the plan"] - change["Today"])
    assert book["Summary"]["A1"].value == council.finding
    assert book["Summary"]["A2"].value == council.answer


def test_a_fifth_without_anybody_is_left_out(tmp_path):
    totals = {
        w: {**t, "worst_fifth": {**t["worst_fifth"], "demand": 0.0}} for w, t in page_data.council().totals.items()
    }
    found = openpyxl.load_workbook(write(tmp_path / "a.xlsx", assessed(totals=totals)))
    assert not [r for r in table(found["Summary"]) if "neediest" in r["What"]]


def test_sites_come_with_their_reasons(book):
    rows = table(book["Recommended sites"])
    assert [r["Number"] for r in rows] == [1, 2, 3, 4, "not known"]
    assert rows[0]["Site"] == page_data.HOSTILE[0]
    assert rows[0]["Reasons"] == f"Reaches most\n{page_data.HOSTILE[0]}"
    assert rows[2]["Run from"] == page_data.HOSTILE[0]
    assert rows[4]["What happens"] == "closes"
    assert not [r for r in rows if r["Site"] == page_data.HOSTILE[5]], "a neighbour's site is not recommended"


def test_neighbourhoods_are_the_zones_and_hidden_counts_are_marked(book):
    zones = page_data.council().zones.set_index("lsoa21cd")
    sheet = book["Neighbourhoods"]
    rows = table(sheet)
    assert [r["Rank in England"] for r in rows] == sorted(zones["need_rank_england"])
    for r in rows:
        zone = zones.loc[r["Code"]]
        assert r["Births a year"] == zone["demand"]
        assert r["Change"] == pytest.approx(zone["unmet_change"])
        walk = r["Minutes to a hub, walking with a pram, today"]
        assert walk == (pytest.approx(zone["hub_walk_min_today"]) if pd.notna(zone["hub_walk_min_today"])
                        else "beyond the limit")  # fmt: skip
    marked = {row[1].value for row in sheet.iter_rows(min_row=5) if row[7].number_format.startswith('"≈')}
    assert marked == set(zones.index[zones["count_hidden"]])


def test_frontier_and_summary_have_native_charts(tmp_path):
    path = write(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as packed:
        charts = {n: packed.read(n).decode() for n in packed.namelist() if n.startswith("xl/charts/chart")}
    assert len(charts) == 4
    points = [re.findall(r"<(?:c:)?f>([^<]*)</", c) for c in charts.values()]
    at = {ref for refs in points for ref in refs if "Frontier" in ref}
    book = openpyxl.load_workbook(path)
    drawn = sorted([[c.value for (c,) in book["Frontier"][ref.split("!")[1].replace("$", "")]] for ref in at], key=str)
    assert drawn == [[0, 2], [1, 2, 3], [50, 50, 50], [50, 50], [60, 75, 80], [70, 75]]


def test_no_text_is_ever_a_formula(book):
    values = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in values} <= {"s", "inlineStr", "n"}
    said = [c for c in values if isinstance(c.value, str) and c.value[0] in "=@"]
    assert {c.value for c in said} == {"=1+1", "@SUM(A1)"}
    assert all(c.quotePrefix for c in said)


HOSTILE = st.one_of(
    st.text(max_size=30),
    st.text(max_size=8).map(lambda t: "=" + t),
    st.sampled_from(["=cmd|' /C calc'!A0", "+1", "-2+3", "@A1", "#N/A", "\tx", "\r\n=1", "TRUE", "1e5", "\x00\x1f",
                     "\ud800", "&C&P", "x" * 40_000]),
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(HOSTILE, min_size=1, max_size=5))
def test_texts_of_any_kind_stay_texts(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("x") / "a.xlsx"
    sheet = Sheet("S", [texts[0]], [Column("T"), Column("N", "count")], [[t, t] for t in texts])
    outputs.workbook_writer([sheet], title=texts[0], made_by="a test")(path)
    back = openpyxl.load_workbook(path)["S"]
    for row, text in enumerate(texts, 4):
        for at in (1, 2):
            cell = back.cell(row, at)
            assert (cell.value or "") == clean(text)
            assert cell.data_type in {"s", "inlineStr"} or cell.value is None


def test_what_is_missing_is_said(tmp_path):
    columns = [Column("A"), Column("B", "count"), Column("C", "minutes"), Column("D", "count")]
    sheet = Sheet(
        "S", ["Title"], columns, [[None, np.nan, np.nan, About(2.5)], ["x", pd.NA, np.float64(3.5), np.int64(7)]]
    )
    outputs.workbook_writer([sheet], title="t", made_by="a test")(tmp_path / "a.xlsx")
    back = openpyxl.load_workbook(tmp_path / "a.xlsx")["S"]
    assert [c.value for c in back[4]] == [None, "not known", "beyond the limit", 2.5]
    assert [c.value for c in back[5]] == ["x", "not known", 3.5, 7]


def test_the_same_tables_give_the_same_bytes_and_no_date_of_the_build(tmp_path):
    first = write(tmp_path / "a.xlsx").read_bytes()
    time.sleep(2.1)  # a zip stamps to two seconds
    assert write(tmp_path / "b.xlsx").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "b.xlsx") as packed:
        assert {i.date_time for i in packed.infolist()} == {(2026, 1, 1, 0, 0, 0)}
        core = packed.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+", core)) == {"2026-01-01T00:00:00"}
    assert "a test" in core


def test_a_table_without_rows_says_so(tmp_path):
    found = assessed(alternatives=None, others=[], groups=page_data.council().groups.iloc[:0])
    book = openpyxl.load_workbook(write(tmp_path / "a.xlsx", found))
    assert table(book["Alternatives"])[0]["Number"] == "None"
    assert table(book["Groups of families"])[0]["Families"] == "None"
