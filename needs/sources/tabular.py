"""Find a table among rows of cells, by its headings or its codes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from textwrap import shorten

import pandas as pd

LOOKED_AT = 60  # rows from the top among which the headings are looked for
REOPEN = "open it in the program that made it and save it again, or correct 'path', 'sheet' or 'layer'"
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
    member
        File inside an archive that it is.
    aliases
        Other words for a heading, that the reader knows of.
    notes
        What was left out on the way.
    filtered
        Whether the input's `where` was applied already.
    """

    frame: pd.DataFrame
    unit: str = "line"
    member: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    filtered: bool = False


@dataclass
class Parts:
    """Where rows stand, in a table of one file or of several: the rows of each are numbered after those before it."""

    starts: list[int] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    rows: int = 0

    def add(self, raw: Raw) -> None:
        """Let the rows of a further file follow."""
        self.starts.append(self.rows)
        self.units.append(f"{raw.member}, {raw.unit}" if raw.member else raw.unit)
        last = int(raw.frame.index.max()) if len(raw.frame) else 0
        raw.frame.index = raw.frame.index + self.rows
        self.rows += last

    def label(self, index: int) -> str:
        """Say where a row stands: in which file, on which line."""
        part = bisect_right(self.starts, index - 1) - 1
        return f"{self.units[part]} {index - self.starts[part]}"


Find = Callable[[Rows], int]  # how much of the table a reader sees in the rows: 0 is nothing


def words(cell: object) -> str:
    """Give a cell's text with every run of white space as one space."""
    return " ".join(str(cell).split()) if cell is not None else ""


def _filled(row: Row) -> bool:
    return any(c is not None and c != "" and not (isinstance(c, str) and c.isspace()) for c in row)


def heading_score(wanted: Sequence[Sequence[str]]) -> Find:
    """Make a function that counts how many of the wanted headings stand in one row of headings."""
    return lambda rows: _best(rows, wanted)[0]


def heading_rows(rows: Rows, wanted: Sequence[Sequence[str]], rows_above: int | None) -> tuple[int, int]:
    """Find the row of headings: which it is, and how many rows it is deep."""
    return (rows_above, 1) if rows_above is not None else _best(rows.top(), wanted)[1:]


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
    first, deep = heading_rows(rows, wanted, rows_above)
    headings = merged(rows.cells[first : first + deep])
    below = slice(first + deep, None)
    return _frame(headings, Rows(rows.numbers[below], rows.cells[below], rows.ragged))


def by_position(rows: Rows, headings: Sequence[str]) -> pd.DataFrame:
    """Give the table of a file without headings, its columns named by their place.

    Raises
    ------
    UnreadableError
        If a row is not as wide as the headings.
    """
    odd = [(n, r) for n, r in zip(rows.numbers, rows.cells, strict=True) if _filled(r) and len(r) != len(headings)]
    if odd:
        msg = f"a row has {len(headings)} cells in this layout, which has no headings; others are {_wide(odd)}"
        raise UnreadableError(msg, "check that it is the file that is meant, or correct the layout's 'headings'")
    return _frame(list(headings), rows)


def _best(rows: Rows, wanted: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    """Find the row, or pair of rows, with most of the wanted headings: how many, where it starts, how deep it is."""
    sets = [frozenset(map(words, options)) for options in wanted]
    filled = [i for i, row in enumerate(rows.cells) if _filled(row)]
    best = (0, filled[0] if filled else 0, 1)
    for deep in (1, 2):
        for i in filled:
            there = set(merged(rows.cells[i : i + deep]))
            score = sum(not options.isdisjoint(there) for options in sets)
            if score > best[0]:
                best = (score, i, deep)
    return best


def merged(rows: Sequence[Row]) -> list[str]:
    """Make one row of headings of several: the lowest text of each column."""
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
            msg = f"the headings are {width} cells wide, and wider are {_wide(long)}"
            raise UnreadableError(msg, "put text with a comma in quotes, and head every column")
    padded = [r[:width] if len(r) >= width else [*r, *[None] * (width - len(r))] for _, r in kept]
    cells = [[None if c == "" else c for c in r] for r in padded]
    index = pd.Index([n for n, _ in kept], dtype=int)
    return pd.DataFrame(cells, index=index, columns=pd.Index(headings, dtype=object), dtype=object)


def _wide(rows: Sequence[tuple[int, Row]]) -> str:
    """List rows with their numbers of cells."""
    told = ", ".join(f"line {n} ({len(r)})" for n, r in rows[:_TOLD])
    return told + (f" and {len(rows) - _TOLD:,} more" if len(rows) > _TOLD else "")


def code_of(cell: object, pattern: str) -> str | None:
    """Find the code in a cell such as "E01006946" or "E01006946 : Sefton 001A"."""
    text = cell.lstrip() if isinstance(cell, str) else words(cell)
    found = _code(pattern).match(text)
    return found[0] if found else None


@cache
def _code(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removesuffix("$") + r"(?=\s*$|\s*[:\-])")


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
    frame = _frame(merged([rows.cells[i] for i in head]), lines)
    place = max(range(max(map(len, found))), key=lambda j: sum(j < len(c) and c[j] is not None for c in found))
    codes = [c[place] if place < len(c) else None for c in (found[i] for i in at)]
    frame = frame.loc[:, frame.columns != "code"]
    frame.insert(0, "code", pd.Series(codes, index=frame.index, dtype=object))
    return frame, {t[0].rstrip(" :").casefold(): t[1] for t in titles if len(t) == 2}
