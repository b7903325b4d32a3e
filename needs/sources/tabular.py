"""Open a raw file of any format as rows of cells, and find the table among them by its headings or its codes."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow.parquet as pq

LOOKED_AT = 60  # rows from the top among which the headings are looked for
GEO = (".geojson", ".json", ".gpkg", ".shp", ".fgb")
BOOKS = (".xlsx", ".xlsm")
_WEB = (b"<!doctype", b"<html", b"<head", b"<body")
REOPEN = "open it in the program that made it and save it again, or correct 'path', 'sheet' or 'layer'"
_DELIMITERS = (",", ";", "\t")
_HEAD = 1000  # bytes by which a web page is known
_TOLD = 3  # rows named in a message
_WIDE = 60  # characters of a cell in a message

Row = Sequence[object]


class UnreadableError(ValueError):
    """The file cannot be read as a table: why, and what to do."""

    def __init__(self, why: str, fix: str = REOPEN) -> None:
        super().__init__(why)
        self.fix = fix


@dataclass
class Rows:
    """Rows of cells as they stand in a file or on a sheet; `numbers` are the lines they start on, from 1."""

    numbers: list[int]
    cells: list[Row]
    ragged: bool = False  # whether a row longer than the headings is a fault (CSV) or a note at the side (a workbook)

    def top(self) -> Rows:
        """Give the first rows only."""
        return Rows(self.numbers[:LOOKED_AT], self.cells[:LOOKED_AT], self.ragged)


@dataclass
class Raw:
    """A file's table before our names are put to it.

    Attributes
    ----------
    frame
        One column per heading, in the order of the file; headings may stand twice. The index says where a row stands.
    unit
        What the index counts: "line" or "record", from 1.
    aliases
        Other words for a heading, that the reader knows of.
    notes
        What was left out on the way.
    filtered
        Whether the input's `where` was applied already.
    """

    frame: pd.DataFrame
    unit: str = "line"
    aliases: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    filtered: bool = False

    def label(self, index: int) -> str:
        """Say where a row stands in the file."""
        return f"{self.unit} {index}"


Find = Callable[[Rows], int]  # how much of the table a reader sees in the rows: 0 is nothing


def words(cell: object) -> str:
    """Give a cell's text with every run of white space as one space."""
    return " ".join(str(cell).split()) if cell is not None else ""


def _filled(row: Row) -> bool:
    return any(c is not None and c != "" and not (isinstance(c, str) and c.isspace()) for c in row)


def read_bytes(path: Path) -> bytes:
    """Read a file, unpacked if its name ends in .gz.

    Raises
    ------
    UnreadableError
        If it is empty, or a web page.
    """
    content = path.read_bytes()
    if content and path.name.lower().endswith(".gz"):
        content = gzip.decompress(content)
    refuse_no_table(content[:_HEAD])
    return content


def refuse_no_table(head: bytes) -> None:
    """Refuse a file that is empty or a web page, as failed downloads are, by its first bytes."""
    if not head.strip():
        msg = "it is empty"
        raise UnreadableError(msg, "download it again")
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_WEB):
        msg = "it holds a web page, not a table"
        raise UnreadableError(msg, "download it again: the address has changed, or asks for a login")


def decode(content: bytes, encoding: str | None) -> str:
    """Turn bytes into text: the encoding given, or else UTF-16 by its mark, UTF-8, or Windows-1252."""
    if encoding is None and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    if encoding is not None:
        return content.decode(encoding)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    if "\x00" in text[:1000]:
        msg = "it is not text"
        raise UnreadableError(msg)
    return text


def csv_rows(text: str, find: Find) -> Rows:
    """Split CSV into rows; semicolons and tabs are tried where commas show nothing of the table."""
    best = Rows([], [])
    for delimiter in _DELIMITERS:
        rows = _split(text, delimiter)
        if find(rows.top()):
            return rows
        best = best if best.cells else rows
    return best


def _split(text: str, delimiter: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    numbers, cells, start = [], [], 1
    for row in reader:
        numbers.append(start)
        cells.append(row)
        start = reader.line_num + 1
    return Rows(numbers, list(cells), ragged=True)


def book_rows(content: bytes, *, sheet: str | None, hint: str | None, find: Find) -> Rows:
    """Read one sheet of a workbook: the one named, or the one hinted at, or else the first that shows most.

    Raises
    ------
    UnreadableError
        If there is no sheet of that name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of styles and extensions that do not matter here
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        names = [s.title for s in book.worksheets]
        if sheet is not None and sheet not in names:
            msg = f"it has no sheet {sheet!r}; there are {', '.join(map(repr, names))}"
            raise UnreadableError(msg)
        wanted = sheet or (hint if hint in names else None)
        chosen = wanted or max(names, key=lambda name: find(_sheet(book, name, LOOKED_AT)))  # the first of equals
        rows = _sheet(book, chosen, None)
        book.close()
        return rows


def _sheet(book: openpyxl.Workbook, name: str, last: int | None) -> Rows:
    sheet = book[name]
    sheet.reset_dimensions()  # some programs write a size that is wrong
    cells: list[Row] = list(sheet.iter_rows(max_row=last, values_only=True))
    return Rows(list(range(1, len(cells) + 1)), cells)


def records(path: Path, layer: str | None) -> pd.DataFrame:
    """Read Parquet or a vector file; the rows are numbered from 1."""
    with path.open("rb") as file:
        refuse_no_table(file.read(_HEAD))
    if path.name.lower().endswith((".parquet", ".geoparquet")):
        with pq.ParquetFile(path) as table:
            spatial = b"geo" in (table.schema_arrow.metadata or {})
        frame: pd.DataFrame = gpd.read_parquet(path) if spatial else pd.read_parquet(path)
    else:
        frame = gpd.read_file(path, **({"layer": layer} if layer else {}))
    frame = frame.reset_index(drop=True)
    frame.index += 1
    return frame


def heading_score(wanted: Sequence[Sequence[str]]) -> Find:
    """Make a function that counts how many of the wanted headings stand in one row of headings."""
    return lambda rows: _best(rows, wanted)[0]


def under_headings(rows: Rows, wanted: Sequence[Sequence[str]], rows_above: int | None = None) -> pd.DataFrame:
    """Give the table under its headings, wherever those stand.

    Parameters
    ----------
    rows
        A whole sheet or file.
    wanted
        Headings looked for, each with its alternatives; the row that has most of them is the row of headings. Two
        rows count as one where that shows more: the lower one's text, or where it is blank the upper one's.
    rows_above
        Lines above the headings, where that is known.

    Returns
    -------
    pandas.DataFrame
        One column per heading, blank cells as None, wholly blank rows dropped; index: line in the file.

    Raises
    ------
    UnreadableError
        If there is no row, or rows are longer than the headings.
    """
    if not any(map(_filled, rows.cells)):
        msg = "it holds no table"
        raise UnreadableError(msg)
    if rows_above is not None:
        first, deep = rows_above, 1
    else:
        _, first, deep = _best(rows.top(), wanted)
    headings = _merged(rows.cells[first : first + deep])
    below = slice(first + deep, None)
    return _frame(headings, Rows(rows.numbers[below], rows.cells[below], rows.ragged))


def _best(rows: Rows, wanted: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    """Find the row, or pair of rows, with most of the wanted headings: how many, where it starts, how deep it is."""
    sets = [frozenset(map(words, options)) for options in wanted]
    filled = [i for i, row in enumerate(rows.cells) if _filled(row)]
    best = (0, filled[0] if filled else 0, 1)
    for deep in (1, 2):
        for i in filled:
            there = set(_merged(rows.cells[i : i + deep]))
            score = sum(not options.isdisjoint(there) for options in sets)
            if score > best[0]:
                best = (score, i, deep)
    return best


def _merged(rows: Sequence[Row]) -> list[str]:
    width = max((len(r) for r in rows), default=0)
    texts = [[words(c) for c in r] + [""] * (width - len(r)) for r in rows]
    return [next((t[i] for t in reversed(texts) if t[i]), "") for i in range(width)]


def _frame(headings: list[str], rows: Rows) -> pd.DataFrame:
    while headings and not headings[-1]:
        headings = headings[:-1]
    width = len(headings)
    kept = [(n, r) for n, r in zip(rows.numbers, rows.cells, strict=True) if _filled(r)]
    if rows.ragged:
        long = [(n, r) for n, r in kept if len(r) > width and _filled(r[width:])]
        if long:
            told = ", ".join(f"line {n} ({len(r)})" for n, r in long[:_TOLD])
            more = f" and {len(long) - _TOLD:,} more" if len(long) > _TOLD else ""
            msg = f"the headings are {width} cells wide, and wider are {told}{more}"
            raise UnreadableError(msg, "put text with a comma in quotes, and head every column")
    padded = [r[:width] if len(r) >= width else [*r, *[None] * (width - len(r))] for _, r in kept]
    cells = [[None if c == "" else c for c in r] for r in padded]
    index = pd.Index([n for n, _ in kept], dtype=int)
    return pd.DataFrame(cells, index=index, columns=pd.Index(headings, dtype=object), dtype=object)


def code_of(cell: object, pattern: str) -> str | None:
    """Find the code in a cell such as "E01006946" or "E01006946 : Sefton 001A"."""
    found = re.match(pattern.removesuffix("$") + r"(?=$|\s*[:\-])", words(cell))
    return found[0] if found else None


def code_score(pattern: str) -> Find:
    """Make a function that counts the rows with a code."""
    return lambda rows: sum(any(code_of(c, pattern) for c in row) for row in rows.cells)


def around_codes(rows: Rows, pattern: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Give the table whose rows hold codes, with title lines above, notes below and totals left out.

    The headings are the last filled row above the first code, and where a cell of it is blank, the row right above
    that one.

    Parameters
    ----------
    rows
        A whole sheet or file.
    pattern
        What a code looks like.

    Returns
    -------
    pandas.DataFrame
        A column "code" and one per heading; index: line in the file.
    dict
        Title lines of two cells above the table, such as "Date" and "2021".

    Raises
    ------
    UnreadableError
        If no cell holds such a code.
    """
    found = [[code_of(c, pattern) for c in row] for row in rows.cells]
    at = [i for i, codes in enumerate(found) if any(codes)]
    if not at:
        sample = [words(c) for row in rows.cells for c in row if words(c)][:6]
        begins = ", ".join(repr(shorten(text, _WIDE)) for text in sample)
        msg = f"no cell holds a code like {pattern}; it begins {begins}"
        fix = "areas are joined by code, never by name: download it with codes, and check the vintage"
        raise UnreadableError(msg, fix)
    above = [i for i in range(at[0]) if _filled(rows.cells[i])]
    head = above[-1:] if above else []
    if head and head[0] - 1 in above:
        head = [head[0] - 1, head[0]]
    titles = [[words(c) for c in rows.cells[i] if words(c)] for i in above if i not in head]
    lines = Rows([rows.numbers[i] for i in at], [rows.cells[i] for i in at], rows.ragged)
    frame = _frame(_merged([rows.cells[i] for i in head]), lines)
    place = max(range(max(map(len, found))), key=lambda j: sum(j < len(c) and c[j] is not None for c in found))
    codes = [c[place] if place < len(c) else None for c in (found[i] for i in at)]
    frame = frame.loc[:, frame.columns != "code"]
    frame.insert(0, "code", pd.Series(codes, index=frame.index, dtype=object))
    return frame, {t[0].rstrip(" :").casefold(): t[1] for t in titles if len(t) == 2}
