"""Read a sheet of a workbook: Excel, old Excel or OpenDocument."""

from __future__ import annotations

import io
import posixpath
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from xml.etree import ElementTree
from xml.parsers import expat

import openpyxl
import xlrd
from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from needs.sources import texts
from needs.sources.archives import LARGEST, LARGEST_ALL
from needs.sources.tabular import REOPEN, Find, Row, Rows, UnreadableError

ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods")
MOST_CELLS = 30_000_000  # of a sheet, blank ones included; England's zones with 100 columns are 3 million
_MOST_ROWS = 2**20  # of a sheet of Excel
_WHOLE = 1e15  # below which a number of a cell that is whole is one
_LOCKED = "EncryptedPackage".encode("utf-16-le")  # stream of a workbook with a password (MS-OFFCRYPTO)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

# What calamine reads as blank: an error such as #N/A, and a formula that was never calculated.
_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_NO_VALUE = re.compile(rb"(?:</f>|<f\b[^>]*/>)\s*(?:</c>|<v\s*/>|<v>\s*</v>)")
_NO_VALUE_ODS = re.compile(rb"<table:table-cell\b(?=[^>]*\stable:formula=)(?![^>]*\soffice:value-type=)[^>]*>")
_REFERENCE = re.compile(rb'\sr="([A-Z]{1,3})(\d{1,7})"')
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")


@dataclass(frozen=True)
class _Sheet:
    name: str
    shown: bool
    rows: Callable[[], list[Row]]


def rows(content: bytes, *, sheet: str | None, hint: str | None, find: Find) -> Rows:
    """Read one sheet: the one named, or the one hinted at, or else the first of those shown that shows most.

    An error stands as its text (#N/A) in the cells, and a formula of Excel that was never calculated as the formula, so
    that neither is taken for a blank.

    Parameters
    ----------
    content
        The workbook.
    sheet
        Name of the sheet that must be there.
    hint
        Name of one that may be.
    find
        How much of the table is seen in the rows of a sheet.

    Raises
    ------
    UnreadableError
        If there is no sheet of that name, or the workbook is damaged, locked or too large.
    """
    with _reading(content) as packed:
        best, most = Rows([], []), -1
        for candidate in _candidates(_new(content, packed) if packed else _old(content), sheet, hint):
            cells = candidate.rows()
            found = Rows(list(range(1, len(cells) + 1)), cells)
            seen = find(found.top())
            if seen > most:  # the first of equals
                best, most = found, seen
        return best


@contextmanager
def _reading(content: bytes) -> Iterator[zipfile.ZipFile | None]:
    """Open a workbook as the archive that it is, unless it is an old one; say in plain words what is wrong with it."""
    if not content.startswith((texts.ZIP, texts.OLE)):
        msg = f"it is no workbook: {texts.begins(content)}"
        raise UnreadableError(msg, "if it is CSV, give it the ending .csv")
    locked = UnreadableError("it is locked with a password", "open it with its password, and save it without")
    if content.startswith(texts.OLE) and _LOCKED in content:
        raise locked
    try:
        if content.startswith(texts.OLE):
            yield None
            return
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            sizes = [entry.file_size for entry in packed.infolist()]
            if max(sizes, default=0) > LARGEST or sum(sizes) > LARGEST_ALL:
                msg = f"it would unpack to {sum(sizes) / 1e6:,.0f} MB"
                raise UnreadableError(msg, "check that it is the file that is meant")
            _check_parts(packed)
            yield packed
    except UnreadableError:
        raise
    except PasswordError as error:
        raise locked from error
    except Exception as error:  # the libraries raise anything where a workbook is damaged
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"it is a damaged workbook, or only a part of one ({told})"
        raise UnreadableError(msg, f"download it again, or {REOPEN}") from error


def _check_parts(packed: zipfile.ZipFile) -> None:
    """Raise where a file inside is no whole XML: calamine may wait for ever for an end that does not come."""
    for name in packed.namelist():
        if name.lower().endswith((".xml", ".rels")):
            expat.ParserCreate().Parse(packed.read(name), True)  # all of it


def _candidates(sheets: Sequence[_Sheet], sheet: str | None, hint: str | None) -> list[_Sheet]:
    """List the sheets to look at; hidden ones only if no other is there, or one is named."""
    for name in (sheet, hint):
        named = [s for s in sheets if s.name == name]
        if named:
            return named
        if name is not None and name == sheet:
            msg = f"it has no sheet {sheet!r}; there are {', '.join(repr(s.name) for s in sheets)}"
            raise UnreadableError(msg, "correct 'sheet'")
    return [s for s in sheets if s.shown] or list(sheets)


def _old(content: bytes) -> list[_Sheet]:
    """List the sheets of a workbook of Excel 97 to 2003."""
    book = xlrd.open_workbook(file_contents=content, logfile=io.StringIO(), ragged_rows=True)

    def cell(kind: int, value: object) -> object:
        if kind == xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code.get(value, "#N/A")
        if kind == xlrd.XL_CELL_DATE:
            return xlrd.xldate_as_datetime(value, book.datemode)
        return bool(value) if kind == xlrd.XL_CELL_BOOLEAN else _plain(value)

    def read(sheet: xlrd.sheet.Sheet) -> list[Row]:
        lines = ((sheet.row_types(i), sheet.row_values(i)) for i in range(sheet.nrows))
        return _counted(([*map(cell, *line)] for line in lines), sheet.name)

    return [_Sheet(s.name, s.visibility == 0, partial(read, s)) for s in book.sheets()]


def _new(content: bytes, packed: zipfile.ZipFile) -> list[_Sheet]:
    """List the sheets of a workbook of Excel or OpenDocument.

    Calamine reads a sheet in a tenth of openpyxl's time, and takes errors and formulas without a value for blanks; what
    holds such is left to openpyxl.
    """
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    parts = set(packed.namelist())

    def read(name: str) -> list[Row]:
        if "xl/workbook.xml" in parts:
            part = _part(packed, name)
            if part not in parts or _loses(packed.read(part)):
                return _exactly(content, name)
        elif "content.xml" in parts and _NO_VALUE_ODS.search(packed.read("content.xml")):
            msg = "it holds formulas that were never calculated"
            raise UnreadableError(msg, "open it in the program that made it, and save it again")
        sheet = book.get_sheet_by_name(name)
        if (sheet.total_height + 1) * (sheet.total_width + 1) > MOST_CELLS:
            raise _too_large(name)
        return [[_plain(c) for c in row] for row in sheet.to_python(skip_empty_area=False)]

    return [
        _Sheet(s.name, s.visible is SheetVisibleEnum.Visible, partial(read, s.name))
        for s in book.sheets_metadata
        if s.typ is SheetTypeEnum.WorkSheet
    ]


def _part(packed: zipfile.ZipFile, name: str) -> str:
    """Find the file inside a workbook of Excel that holds a sheet."""
    book = ElementTree.fromstring(packed.read("xl/workbook.xml"))  # noqa: S314  # expat limits what entities unfold to
    links = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    for sheet in book.findall(".//{*}sheet"):
        if sheet.get("name") == name:
            target = next((r.get("Target", "") for r in links if r.get("Id") == sheet.get(_RELATION)), "")
            return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return ""


def _loses(xml: bytes) -> bool:
    """Whether calamine would lose something of a sheet, or take up more memory than the sheet is worth."""
    found = _REFERENCE.findall(xml)
    if _ERROR.search(xml) or _NO_VALUE.search(xml) or len(found) < sum(1 for _ in _CELL.finditer(xml)):
        return True
    widest = max((_column(letters) for letters in {letters for letters, _ in found}), default=0)
    deepest = max((int(number) for number in {number for _, number in found}), default=0)
    return widest * deepest > MOST_CELLS


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _exactly(content: bytes, name: str) -> list[Row]:
    """Read a sheet with openpyxl: errors as their text, formulas without a value as the formula."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of styles and extensions that do not matter here
        values, formulas = (
            openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=only) for only in (True, False)
        )
        lines = zip(_lines(values, name), _lines(formulas, name), strict=True)
        return _counted(([*map(_or_formula, *line)] for line in lines), name)


def _lines(book: openpyxl.Workbook, name: str) -> Iterator[Row]:
    sheet = book[name]
    sheet.reset_dimensions()  # some programs write a size that is wrong
    yield from sheet.iter_rows(values_only=True)


def _or_formula(value: object, formula: object) -> object:
    return getattr(formula, "text", formula) if value is None else value


def _counted(lines: Iterator[Row], name: str) -> list[Row]:
    """List rows until there are more cells than there may be."""
    kept: list[Row] = []
    size = 0
    for row in lines:
        size += len(row)
        if size > MOST_CELLS or len(kept) >= _MOST_ROWS:
            raise _too_large(name)
        kept.append(row)
    return kept


def _plain(cell: object) -> object:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE:
        return int(cell)
    return None if cell == "" else cell


def _too_large(name: str) -> UnreadableError:
    msg = f"sheet {name!r} has more than {MOST_CELLS / 1e6:.0f} million cells, blank ones included"
    return UnreadableError(msg, "delete what lies far off the table, or save the table as CSV")
