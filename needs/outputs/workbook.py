"""Write a workbook that a committee can open, print and trust: texts stay texts, the same bytes every time."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference, ScatterChart, Series
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from needs.outputs.styles import colours

Kind = Literal["text", "count", "whole", "points", "percent", "change", "minutes", "pounds"]
FORMATS: dict[str, str] = {
    "text": "@",
    "count": "[>=10]#,##0;[<=-10]-#,##0;0.0",  # as on the page: whole from 10 on, one decimal below
    "whole": "#,##0",
    "points": "0.0",
    "percent": '0"%"',
    "change": "+#,##0.0;-#,##0.0;0.0",
    "minutes": "0",
    "pounds": '"£"#,##0',
}
ABOUT = '"≈ "#,##0.0'
NOT_KNOWN, BEYOND = "not known", "beyond the limit"
_LONGEST = 32_767  # characters that a cell can hold
_STAMP = (2026, 1, 1, 0, 0, 0)  # fixed, so that the same inputs give the same bytes
_FONT, _SIZE, _HEADING_SIZE = "Arial", 10, 14
_LINE = 120.0  # characters of a line of text, about
_CHART_CM, _CHART_ROWS = (16.0, 8.5), 19


@dataclass(frozen=True)
class About:
    """A number that stands in for one that is hidden; shown with ≈."""

    value: float


@dataclass(frozen=True)
class Column:
    """A column of a sheet; width in characters."""

    heading: str
    kind: Kind = "text"
    width: float = 12.0


@dataclass(frozen=True)
class Chart:
    """A chart of a sheet's table: bars over the texts of a column, or lines over its numbers.

    `across` is the position of that column, `series` of those that are drawn, `rows` the first row of the table and
    the one after the last.
    """

    title: str
    kind: Literal["bars", "lines"]
    across: int
    series: tuple[int, ...]
    rows: tuple[int, int]
    axes: tuple[str, str]


@dataclass(frozen=True)
class Sheet:
    """A sheet: lines of text (the first is its heading), a table under them, more lines and charts under that."""

    title: str
    lines: Sequence[str]
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    after: Sequence[str] = field(default=())
    charts: Sequence[Chart] = field(default=())


def workbook_writer(sheets: Sequence[Sheet], *, title: str, made_by: str) -> Callable[[Path], None]:
    """Write sheets as an Excel workbook (.xlsx).

    No text becomes a formula, whatever it begins with. Each sheet is laid out for A4 landscape, one page wide, its
    heading row repeated and frozen. Nothing in the file tells when it was made.
    """

    def write(path: Path) -> None:
        book = Workbook()
        book.remove(book.active)
        for sheet in sheets:
            _fill(book.create_sheet(sheet.title), sheet, title)
        book.properties.title, book.properties.creator = clean(title), made_by
        book.properties.created = datetime(*_STAMP)
        packed = io.BytesIO()
        book.save(packed)
        path.write_bytes(_without_times(packed.getvalue()))

    return write


def clean(text: object) -> str:
    """Give a text as a cell can hold it: what cannot be printed becomes a space, what is too long ends in …."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in str(text))
    return printable if len(printable) <= _LONGEST else printable[: _LONGEST - 1] + "…"


def _fill(page: Worksheet, sheet: Sheet, title: str) -> None:
    for number, line in enumerate(sheet.lines, 1):
        _line(page, sheet, number, line, heading=number == 1)
    head = len(sheet.lines) + 2
    edge = Side(style="thin", color=_argb("grey"))
    for at, column in enumerate(sheet.columns, 1):
        cell = _text(page, head, at, column.heading)
        cell.font = Font(name=_FONT, size=_SIZE, bold=True, color=_argb("paper"))
        cell.fill = PatternFill("solid", fgColor=_argb("c1"))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.border = Border(bottom=edge)
        page.column_dimensions[get_column_letter(at)].width = column.width
    for number, row in enumerate(sheet.rows, head + 1):
        for at, (column, value) in enumerate(zip(sheet.columns, row, strict=True), 1):
            _write(page, number, at, column, value)
    if not sheet.rows:
        _text(page, head + 1, 1, "None")
    below = head + max(len(sheet.rows), 1) + 2
    for number, line in enumerate(sheet.after, below):
        _line(page, sheet, number, line)
    below += len(sheet.after) + bool(sheet.after)
    for place, chart in enumerate(sheet.charts):
        page.add_chart(_chart(page, sheet, chart, head), f"A{below + place * _CHART_ROWS}")
    _lay_out(page, head, title)


def _line(page: Worksheet, sheet: Sheet, row: int, line: str, *, heading: bool = False) -> None:
    """Write a line across the sheet, as high as it needs."""
    cell = _text(page, row, 1, line)
    size = _HEADING_SIZE if heading else _SIZE
    cell.font = Font(name=_FONT, size=size, bold=heading)
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    across = min(len(sheet.columns), 1 + int(np.searchsorted(np.cumsum([c.width for c in sheet.columns]), _LINE)))
    page.merge_cells(start_row=row, start_column=1, end_row=row, end_column=across)
    width = sum(c.width for c in sheet.columns[:across]) * _SIZE / size
    page.row_dimensions[row].height = 1.4 * size * math.ceil(len(line) / width)


def _write(page: Worksheet, row: int, at: int, column: Column, value: Any) -> None:
    """Write a value: a number in the column's format, anything else as a text."""
    about = isinstance(value, About)
    value = value.value if isinstance(value, About) else value
    if column.kind != "text" and isinstance(value, (int, float, np.number)) and np.isfinite(float(value)):
        cell = page.cell(row, at, float(value) if isinstance(value, (float, np.floating)) else int(value))
        cell.number_format = ABOUT if about else FORMATS[column.kind]
        cell.alignment = Alignment(vertical="top", horizontal="right")
    else:
        blank = NOT_KNOWN if column.kind != "text" else ""
        missing = value is None or (not isinstance(value, str) and pd.isna(value))
        cell = _text(page, row, at, (BEYOND if column.kind == "minutes" else blank) if missing else value)
        cell.alignment = Alignment(
            wrap_text=True, vertical="top", horizontal="left" if column.kind == "text" else "right"
        )
    cell.font = Font(name=_FONT, size=_SIZE)


def _text(page: Worksheet, row: int, at: int, text: object) -> Any:
    """Write a text that stays one: never a formula or an error, nor when somebody edits the cell."""
    cell = page.cell(row, at)
    cell.value = clean(text)
    cell.data_type = "s"
    cell.number_format = FORMATS["text"]
    cell.quotePrefix = True
    return cell


def _chart(page: Worksheet, sheet: Sheet, chart: Chart, head: int) -> Any:
    first, last = head + 1 + chart.rows[0], head + chart.rows[1]
    across = Reference(page, min_col=chart.across + 1, min_row=first, max_row=last)
    drawn = BarChart() if chart.kind == "bars" else ScatterChart()
    for place, at in enumerate(chart.series):
        values = Reference(page, min_col=at + 1, min_row=first, max_row=last)
        name = clean(sheet.columns[at].heading)
        series = Series(values, across, title=name) if chart.kind == "lines" else Series(values, title=name)
        paint = colours()["hub" if place else "c2"][1:]
        if chart.kind == "lines":
            series.graphicalProperties.line.solidFill = paint
            series.smooth = False
            series.marker.symbol, series.marker.size = "circle", 6
            series.marker.graphicalProperties.solidFill = paint
        else:
            series.graphicalProperties.solidFill = paint
        drawn.series.append(series)
    if chart.kind == "bars":
        drawn.set_categories(across)
    else:
        drawn.style, drawn.scatterStyle = 13, "lineMarker"
    drawn.title, (drawn.x_axis.title, drawn.y_axis.title) = chart.title, chart.axes
    for words in (drawn.title, drawn.x_axis.title, drawn.y_axis.title):
        if words is not None:
            words.overlay = False
    drawn.x_axis.delete = drawn.y_axis.delete = False
    drawn.y_axis.scaling.min = 0
    drawn.width, drawn.height = _CHART_CM
    drawn.legend = drawn.legend if len(chart.series) > 1 else None
    return drawn


def _lay_out(page: Worksheet, head: int, title: str) -> None:
    page.freeze_panes = page.cell(head + 1, 1)
    page.print_title_rows = f"{head}:{head}"
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.oddFooter.left.text = clean(title).replace("&", "&&")[:200]
    page.oddFooter.right.text = "&A, page &P of &N"
    page.sheet_view.showGridLines = False


def _argb(name: str) -> str:
    return "FF" + colours()[name][1:].upper()


def _without_times(packed: bytes) -> bytes:
    """Give every file of the package one time stamp, and the document one date."""
    fixed = io.BytesIO()
    stamp = f"{datetime(*_STAMP).isoformat()}Z".encode()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            entry = zipfile.ZipInfo(name, date_time=_STAMP)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 0
            new.writestr(entry, content)
    return fixed.getvalue()
