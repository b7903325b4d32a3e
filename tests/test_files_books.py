"""Reading workbooks: every format gives the same table, and nothing in a sheet is taken for a blank that is none."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import Faults
from needs.sources import books, files
from needs.sources.tabular import UnreadableError
from tests import workbooks

COLUMNS = {"lsoa21cd": "code", "n": "n"}
TABLE: workbooks.Rows = [["code", "name", "n"], ["E01000001", "Péré & Söhne", 1234.5], ["E01000002", "x", 7]]


def xlsx(sheets: dict[str, workbooks.Rows], hidden: tuple[str, ...] = ()) -> bytes:
    work = openpyxl.Workbook()
    work.remove(work.active)
    for title, rows in sheets.items():
        sheet = work.create_sheet(title)
        sheet.sheet_state = "hidden" if title in hidden else "visible"
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    work.save(out)
    return out.getvalue()


def rewritten(content: bytes, part: str, change) -> bytes:
    """The workbook with one of its files changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == part else data)
    return out.getvalue()


WRITERS = {"xlsx": xlsx, "ods": workbooks.ods, "xls": lambda sheets, hidden=(): workbooks.xls(sheets)}


def rows_of(content: bytes, sheet: str | None = None, hint: str | None = None) -> list[list[object]]:
    found = books.rows(content, sheet=sheet, hint=hint, find=lambda rows: sum("code" in r for r in rows.cells))
    assert found.numbers == list(range(1, len(found.cells) + 1))
    return [list(r) for r in found.cells]


@pytest.fixture
def read(tmp_path, make_input):
    def read_content(content: bytes, name: str = "d.xlsx", columns=COLUMNS, **fields):
        path = tmp_path / name
        path.write_bytes(content)
        faults = Faults()
        spec = make_input(table="indicators", path=name, columns=columns, **fields)
        return files.read_table(spec, path, faults), [str(f) for f in faults.found]

    return read_content


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_table(read, kind):
    table, faults = read(WRITERS[kind]({"Notes": [["about", "n"]], "Data": TABLE}), f"d.{kind}")
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 1234.5], ["E01000002", 7.0]]


@pytest.mark.parametrize("kind", WRITERS)
def test_the_format_is_known_by_the_content(read, kind):
    for other in WRITERS:
        assert read(WRITERS[kind]({"Data": TABLE}), f"d.{other}")[0]["n"].tolist() == [1234.5, 7.0]


@pytest.mark.parametrize("kind", WRITERS)
def test_cells_are_what_was_written_and_whole_numbers_whole(kind):
    rows: workbooks.Rows = [
        ["code", None, "n"],
        [None, None, None],
        ["  x ", 12, 0.5],
        [True, -3, 1e20],
        [None, 0, "7"],
    ]
    found = rows_of(WRITERS[kind]({"a": rows}))
    assert trimmed(found) == trimmed(rows)
    assert [type(c) for c in found[2]] == [str, int, float]
    assert found[3][0] is True


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_date_is_no_number(read, kind):
    rows: workbooks.Rows = [["code", "n"], ["E01000001", dt.date(2024, 1, 2)]]
    _, faults = read(WRITERS[kind]({"a": rows}), f"d.{kind}")
    assert len(faults) == 1
    assert "line 2: 'n' is datetime.date" in faults[0]
    assert "it is a date: is the column the right one?" in faults[0]


def test_a_workbook_of_excel_is_read_alike_by_both_libraries(monkeypatch):
    rows: workbooks.Rows = [["code", "n", None], [None, " a\n b", 12], ["E01000001", 0.1, True], ["x", None, 3]]
    content = xlsx({"first": [["code"]], "a": rows})
    quick = rows_of(content, "a")
    monkeypatch.setattr(books, "_loses", lambda _: True)
    assert trimmed(rows_of(content, "a")) == trimmed(quick) == trimmed(rows)


def test_dates_too_are_read_alike_but_for_their_time(monkeypatch):
    content = xlsx({"a": [["code"], [dt.datetime(2024, 1, 2, 3, 4)], [dt.date(2024, 1, 2)]]})
    quick = rows_of(content)
    monkeypatch.setattr(books, "_loses", lambda _: True)
    slow = rows_of(content)
    assert quick == [["code"], [dt.datetime(2024, 1, 2, 3, 4)], [dt.date(2024, 1, 2)]]
    assert slow == [["code"], [dt.datetime(2024, 1, 2, 3, 4)], [dt.datetime(2024, 1, 2)]]


def test_an_error_of_old_excel_is_told_as_well(read):
    content = workbooks.xls({"a": [["code", "n"], ["E01000001", True]]})
    record = b"\x05\x02\x08\x00\x01\x00\x01\x00\x00\x00"  # BOOLERR of B2; then its value, and whether it is an error
    content = content.replace(record + b"\x01\x00", record + b"\x2a\x01")
    _, faults = read(content, "d.xls")
    assert "line 2: 'n' is '#N/A': must be a number" in faults[0]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_an_error_in_a_cell_is_told_and_not_blank(read, error):
    _, faults = read(xlsx({"a": [["code", "n"], ["E01000001", error], ["E01000002", 3]]}))
    assert len(faults) == 1
    assert f"line 2: 'n' is {error!r}: must be a number" in faults[0]
    assert "mend the formula" in faults[0]


def test_a_formula_without_a_value_stands_as_itself_and_one_with_a_value_as_that(read):
    content = xlsx({"a": [["code", "n"], ["E01000001", "=1+1"], ["E01000002", "=2+2"], ["E01000003", 3]]})
    _, faults = read(content)
    assert [f.split(" -> ")[0] for f in faults] == [
        "d.xlsx (input 'thing'), line 2: 'n' is '=1+1': must be a number",
        "d.xlsx (input 'thing'), line 3: 'n' is '=2+2': must be a number",
    ]
    assert "never calculated: open the workbook, and save it again" in faults[0]
    calculated = rewritten(
        content, "xl/worksheets/sheet1.xml", lambda x: re.sub(rb"(</f>)<v\s*/>|(</f>)<v></v>", rb"</f><v>9</v>", x)
    )
    table, faults = read(calculated)
    assert faults == []
    assert table["n"].tolist() == [9, 9, 3]


def test_a_formula_without_a_value_in_open_document_is_refused(read):
    cell = '<table:table-cell table:formula="of:=1+1"/>'
    row = workbooks.ods_row
    sheet = row(["code", "n"]) + f"<table:table-row>{workbooks.ods_cell('E01000001')}{cell}</table:table-row>"
    _, faults = read(workbooks.ods({"a": sheet}), "d.ods")
    assert "it holds formulas that were never calculated -> open it in the program" in faults[0]
    with_value = sheet.replace(
        "/></table:table-row>", ' office:value-type="float" office:value="2"/></table:table-row>'
    )
    assert read(workbooks.ods({"a": with_value}), "d.ods")[0]["n"].tolist() == [2]


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_hidden_sheets_are_read_only_when_named(read, kind):
    old, new = [["code", "n"], ["E01000001", 1]], [["code", "n"], ["E01000001", 2]]
    content = WRITERS[kind]({"Old": old, "New": new}, hidden=("Old",))
    assert read(content, f"d.{kind}")[0]["n"].tolist() == [2]
    assert read(content, f"d.{kind}", sheet="Old")[0]["n"].tolist() == [1]


def test_a_chart_is_no_sheet(read):
    work = openpyxl.Workbook()
    for row in ([], ["code", "n"], ["E01000001", 4]):
        work.active.append(row)
    work.create_chartsheet("Chart", 0)
    out = io.BytesIO()
    work.save(out)
    assert read(out.getvalue())[0]["n"].tolist() == [4]
    _, faults = read(out.getvalue(), sheet="Chart")
    assert "it has no sheet 'Chart'; there are 'Sheet' -> correct 'sheet'" in faults[0]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_sheet_that_is_not_there_is_told(read, kind):
    _, faults = read(WRITERS[kind]({"Notes": [["x"]], "Data": TABLE}), f"d.{kind}", sheet="Dat")
    assert len(faults) == 1
    assert "it has no sheet 'Dat'; there are 'Notes', 'Data' -> correct 'sheet'" in faults[0]


def test_headings_in_merged_cells(read):
    work = openpyxl.Workbook()
    sheet = work.active
    for row in (["Births by zone", None, None], ["code", "Children", None], [None, "n", "m"], ["E01000001", 5, 6]):
        sheet.append(row)
    for area in ("A1:C1", "A2:A3", "B2:C2"):
        sheet.merge_cells(area)
    out = io.BytesIO()
    work.save(out)
    table, faults = read(out.getvalue(), columns={**COLUMNS, "m": "m"})
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 5, 6]]


def test_numbers_that_are_text_are_numbers_and_blanks_around_codes_go(read):
    content = xlsx({"a": [["code", "n"], [" e01000001 ", "1,234"], ["E01000002\xa0", " 5 "]]})
    table, faults = read(content)
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 1234.0], ["E01000002", 5.0]]


def test_a_wrong_size_that_a_program_wrote_does_not_matter(read):
    wrong = rewritten(
        xlsx({"a": TABLE}),
        "xl/worksheets/sheet1.xml",
        lambda x: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:A1"', x),
    )
    assert read(wrong)[0]["n"].tolist() == [1234.5, 7.0]


def test_very_many_columns(read):
    heads = ["code", *[f"column {i}" for i in range(5_000)], "n"]
    table, faults = read(xlsx({"a": [heads, ["E01000001", *range(5_000), 3]]}))
    assert faults == []
    assert table["n"].tolist() == [3]
    _, faults = read(xlsx({"a": [heads[:-1], ["E01000001", *range(5_000)]]}))
    assert len(faults) == 1
    assert "column 'n' is missing" in faults[0]
    assert len(faults[0]) < 1_000


@pytest.mark.parametrize("cell", ["XFD20000", "B20000", "XFD3"])
def test_a_cell_far_off_the_table_takes_no_memory(read, monkeypatch, cell):
    work = openpyxl.Workbook()
    for row in (["code", "n"], ["E01000001", 3]):
        work.active.append(row)
    work.active[cell] = "x"
    out = io.BytesIO()
    work.save(out)
    monkeypatch.setattr(books, "MOST_CELLS", 30_000)
    table, faults = read(out.getvalue())
    assert faults == []
    assert table["n"].tolist() == [3]


def test_a_sheet_with_more_cells_than_can_be_is_refused(read, monkeypatch):
    monkeypatch.setattr(books, "MOST_CELLS", 5)
    for rows in (TABLE, [*TABLE, ["E01000003", "x", "#N/A"]]):  # read by the one library, and by the other
        _, faults = read(xlsx({"a": rows}))
        assert "sheet 'a' has more than 0 million cells, blank ones included -> delete what lies far off" in faults[0]


def test_open_document_that_says_a_row_often_is_bounded(read, monkeypatch):
    row = workbooks.ods_row
    often = ' table:number-rows-repeated="{}"'
    wide = workbooks.ods_cell("x", ' table:number-columns-repeated="16384"')
    head = row(["code", "n"]) + row(["E01000001", 3])
    last = row([None], often.format(1_048_500))  # as LibreOffice writes the rest of a sheet
    assert read(workbooks.ods({"a": head + last}), "d.ods")[0]["n"].tolist() == [3]
    bomb = head + f"<table:table-row{often.format(1_048_576)}>{wide}</table:table-row>"
    _, faults = read(workbooks.ods({"a": bomb}), "d.ods")
    assert len(faults) == 1
    assert "cannot be read" in faults[0]
    monkeypatch.setattr(books, "MOST_CELLS", 1_000)
    _, faults = read(workbooks.ods({"a": head + row(["x", "y"], often.format(2_000))}), "d.ods")
    assert "sheet 'a' has more than" in faults[0]


def test_a_row_with_a_number_beyond_all_rows_is_bounded(read):
    """One library would give blank rows up to it."""
    far = xlsx({"a": [*TABLE, ["E01000003", "x", "#N/A"]]})
    far = rewritten(far, "xl/worksheets/sheet1.xml", lambda x: x.replace(b'<row r="4"', b'<row r="99999999999"'))
    _, faults = read(far)
    assert "delete what lies far off the table" in faults[0]


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_xml_that_ends_before_its_end_is_refused(read, kind):
    """One library would wait for the end for ever."""
    part = {"xlsx": "xl/worksheets/sheet1.xml", "ods": "content.xml"}[kind]
    cut = rewritten(WRITERS[kind]({"a": TABLE}), part, lambda x: x[: x.rindex(b"7")])
    _, faults = read(cut, f"d.{kind}")
    assert len(faults) == 1
    assert "it is a damaged workbook, or only a part of one" in faults[0]


def test_a_workbook_that_would_unpack_to_too_much_is_refused(read, monkeypatch):
    monkeypatch.setattr(books, "LARGEST", 100)
    _, faults = read(xlsx({"a": TABLE}))
    assert "it would unpack to 0 MB -> check that it is the file that is meant" in faults[0]


def test_a_locked_workbook_is_told(read):
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)
    for name in ("d.xlsx", "d.xls"):
        _, faults = read(locked, name)
        assert "it is locked with a password -> open it with its password, and save it without" in faults[0]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_part_of_a_workbook_is_no_workbook(read, kind, share):
    whole = WRITERS[kind]({"a": TABLE})
    table, faults = read(whole[: int(share * len(whole))], f"d.{kind}")
    if kind == "xls" and table is not None:  # what is cut off may be the padding
        assert table["n"].tolist() == [1234.5, 7.0]
    else:
        assert len(faults) == 1
        assert "cannot be read: it is a damaged workbook, or only a part of one" in faults[0]


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9).map(lambda x: round(x, 6)),
    st.text(st.characters(codec="latin-1", exclude_categories=("Cc", "Cs", "Zs")), min_size=1, max_size=8).filter(
        lambda t: t[0] not in "=#"
    ),
)  # fmt: skip


def trimmed(rows: list[list[object]]) -> list[list[object]]:
    """Rows without the blank cells and rows at the end, that no program keeps."""
    cut = [list(r) for r in rows]
    for row in cut:
        while row and row[-1] is None:
            row.pop()
    while cut and not cut[-1]:
        cut.pop()
    return cut


@settings(max_examples=60)
@given(st.lists(st.lists(PLAIN, max_size=5), min_size=1, max_size=6), st.sampled_from(sorted(WRITERS)))
def test_what_was_written_is_what_is_read(rows, kind):
    rows = [["code"], *rows]
    found = books.rows(WRITERS[kind]({"a": rows}), sheet=None, hint=None, find=lambda _: 1)
    expected = trimmed(rows)
    assert trimmed([list(r) for r in found.cells]) == [
        [int(c) if isinstance(c, float) and c.is_integer() else c for c in row] for row in expected
    ]


WHOLE = {kind: write({"Notes": [["x"]], "a": TABLE}) for kind, write in WRITERS.items()}


@settings(max_examples=150)
@given(st.sampled_from(sorted(WRITERS)), st.data())
def test_a_damaged_workbook_gives_a_table_or_says_why_not(kind, data):
    whole = bytearray(WHOLE[kind])
    if kind == "xls" or data.draw(st.booleans()):
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        content = bytes(whole)
    else:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            part = data.draw(st.sampled_from(sorted(archive.namelist())))
            inside = bytearray(archive.read(part))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, max(0, len(inside) - 1)))
            inside[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=5))
        content = rewritten(bytes(whole), part, lambda _: bytes(inside))
    try:
        found = books.rows(content, sheet=None, hint="a", find=lambda _: 1)
    except UnreadableError as error:
        assert str(error)  # noqa: PT017  # whether it is raised is left open
    else:
        assert len(found.numbers) == len(found.cells)
