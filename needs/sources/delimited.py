"""Read CSV: as rows of cells, and where it is plain straight into columns, which is many times faster."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from needs.sources import tabular
from needs.sources.tabular import LOOKED_AT, Find, Row, Rows, UnreadableError, heading_rows, merged, words

_DELIMITERS = (",", ";", "\t")
_QUOTE, _LF, _CR = 34, 10, 13
_MANY = 2_000  # columns, from which on the quick way is none
_MOST = 16_384  # columns, which are as many as Excel has
_QUOTES = "close the quote, and double a quote that is part of a text"
_WRONG = (  # what Python's reader says, in plain words
    ("unexpected end of data", "a quote is opened and never closed"),
    ("expected after", "text follows a closing quote"),
    ("field larger than", f"a cell is longer than {csv.field_size_limit():,} characters: is a quote never closed?"),
)


@dataclass(frozen=True)
class Needed:
    """What of a file is needed; what is not may come out blank, or not at all.

    Attributes
    ----------
    headings
        Of the columns that are needed; None is all.
    where
        Heading (or one of several words for it) = values: no other rows are needed.
    """

    headings: Collection[str] | None = None
    where: Mapping[tuple[str, ...], Collection[str]] = field(default_factory=dict)


ALL = Needed()


def rows(text: str, find: Find) -> Rows:
    """Split CSV into rows; semicolons and tabs are tried where commas show nothing of the table.

    Raises
    ------
    UnreadableError
        With the line where quotes are not as they must be, or that is far too wide.
    """
    return _split(text, _delimiter(text, find))


def under_headings(
    text: str, wanted: Sequence[Sequence[str]], find: Find, rows_above: int | None = None, needed: Needed = ALL
) -> pd.DataFrame:
    """Give the table under its headings, as `tabular.under_headings` does.

    Parameters
    ----------
    text
        The whole file.
    wanted, find, rows_above
        The headings looked for, how they are counted, and where they stand if that is known.
    needed
        What of it is needed.
    """
    delimiter = _delimiter(text, find)
    top = _top(text, delimiter)
    if top.cells and (rows_above is None or rows_above < len(top.cells)):
        first, deep = heading_rows(top, wanted, rows_above)
        headings = merged(top.cells[first : first + deep])
        while headings and not headings[-1]:
            headings.pop()
        if headings and first + deep < len(top.cells):
            lines = top.numbers[first + deep] - 1
            found = _columns(text, delimiter, lines, headings, len(top.cells[first + deep]), needed)
            if found is not None:
                return found
    return tabular.under_headings(_split(text, delimiter), wanted, rows_above)


def without_headings(text: str, headings: Sequence[str], needed: Needed = ALL) -> pd.DataFrame:
    """Give the table of a file without headings, its columns named by their place; see `tabular.by_position`."""
    delimiter = _delimiter(text, lambda top: sum(len(row) == len(headings) for row in top.cells))
    found = _columns(text, delimiter, 0, list(headings), len(headings), needed)
    return tabular.by_position(_split(text, delimiter), headings) if found is None else found


def _delimiter(text: str, find: Find) -> str:
    return next((d for d in _DELIMITERS if find(_top(text, d))), _DELIMITERS[0])


def _top(text: str, delimiter: str) -> Rows:
    """Read the first rows, as far as they can be read."""
    found = Rows([], [], ragged=True)
    try:
        for number, row in islice(_numbered(text, delimiter), LOOKED_AT):
            found.numbers.append(number)
            found.cells.append(row)
    except UnreadableError:
        pass
    return found


def _split(text: str, delimiter: str) -> Rows:
    numbered = list(_numbered(text, delimiter))
    return Rows([n for n, _ in numbered], [r for _, r in numbered], ragged=True)


def _numbered(text: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    """Give each row with the line that it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for row in reader:
            if len(row) > _MOST:
                msg = f"line {start:,} has {len(row):,} cells, and {_MOST:,} are the most"
                raise UnreadableError(msg, "check that it is the file that is meant")
            yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        plain = next((said for sign, said in _WRONG if sign in str(error)), str(error))
        msg = f"line {start:,}: {plain}"
        raise UnreadableError(msg, _QUOTES) from error


def _columns(
    text: str, delimiter: str, lines: int, headings: list[str], width: int, needed: Needed
) -> pd.DataFrame | None:
    """Read the rows below a line straight into columns, exactly as they would come out row by row.

    None if the rows are not plain: not all equally wide, with line ends or quotes inside quotes, with blank lines
    between, or with more cells than headings.
    """
    start = 0
    for _ in range(lines):
        start = text.find("\n", start) + 1
        if not start:
            return None
    if not len(headings) <= width <= _MANY or "\r" in text[:start].replace("\r\n", ""):
        return None
    body = text[start:].rstrip("\r\n").encode()
    if not body or not _plain(body, delimiter):
        return None
    names = [str(i) for i in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            arrow_csv.ReadOptions(column_names=names, block_size=max(1 << 20, min(len(body), 1 << 26))),
            arrow_csv.ParseOptions(delimiter=delimiter, double_quote=False, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowException:
        return None
    if any(pc.any(_shown(table[i])).as_py() for i in range(len(headings), width)):
        return None
    chosen = _chosen(table, headings, needed.where)
    lines_of = np.flatnonzero(chosen) + lines + 1
    blank = np.full(len(lines_of), None, dtype=object)
    cells = {
        i: _objects(table[i].filter(chosen)) if needed.headings is None or words(heading) in needed.headings else blank
        for i, heading in enumerate(headings)
    }
    frame = pd.DataFrame(cells, dtype=object)
    frame.index = pd.Index(lines_of)
    frame.columns = pd.Index(headings, dtype=object)
    return frame


def _chosen(
    table: pa.Table, headings: list[str], where: Mapping[tuple[str, ...], Collection[str]]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which rows hold anything, and what they must to be needed."""
    chosen = np.zeros(table.num_rows, dtype=bool)
    for i in range(len(headings)):
        chosen |= _shown(table[i]).to_numpy(zero_copy_only=False).astype(bool)
        if chosen.all():
            break
    there = [words(heading) for heading in headings]
    for options, values in where.items():
        at = next((words(o) for o in options if words(o) in there), None)
        if at is not None and there.count(at) == 1:  # else that is a fault, which is told elsewhere
            coded = table[there.index(at)].combine_chunks().dictionary_encode()
            fits = np.array([words(v) in values for v in coded.dictionary.to_pylist()], dtype=bool)
            chosen &= fits[coded.indices.to_numpy(zero_copy_only=False)]
    return chosen


def _objects(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Give the cells of a column as Python's strings, blank ones as None."""
    texts = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=object)


def _shown(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Tell which cells hold more than white space."""
    return pc.not_equal(pc.utf8_trim_whitespace(column), "")


def _plain(body: bytes, delimiter: str) -> bool:
    """Whether every line is a row, and every quote stands at the start or the end of a cell."""
    if b"\r" in body and body.count(b"\r") != body.count(b"\r\n"):
        return False
    if body[:1] in b"\r\n" or b"\n\n" in body or b"\n\r\n" in body:
        return False
    if b'"' not in body:
        return True
    data = np.frombuffer(body, dtype=np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes) % 2:
        return False
    opens, closes = quotes[::2], quotes[1::2]
    beside = np.concatenate([data[opens[opens > 0] - 1], data[closes[closes < len(data) - 1] + 1]])
    if not ((beside == ord(delimiter)) | (beside == _LF) | (beside == _CR)).all():
        return False
    breaks = np.flatnonzero(data == _LF)
    return not (np.searchsorted(quotes, breaks) % 2).any()
