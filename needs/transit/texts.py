"""Read the text files of a GTFS timetable in blocks, so that memory does not grow with them."""

from __future__ import annotations

import codecs
import csv
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from needs.errors import InputError, SourceError, fail

_BLOCK = 2**24  # bytes that are read at once
_NO_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


@dataclass(frozen=True)
class Column:
    """Texts, without outer blanks: row k has `values[code[k]]`."""

    values: list[str]
    code: NDArray[np.int64]

    def taken(self, rows: NDArray[np.bool_]) -> NDArray[np.object_]:
        """Give the texts of some rows."""
        values = np.empty(len(self.values), dtype=object)
        values[:] = self.values
        return values[self.code[rows]]


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes
    ----------
    lines
        The line of each row in its file, from 1.
    columns
        Those of the columns asked for that the file has.
    odd, long
        Lines that cannot be told into columns: with a quote that does not end; with more fields than the header.
    """

    lines: NDArray[np.int64]
    columns: dict[str, Column]
    odd: list[int]
    long: list[int]

    def among(self, column: str, wanted: Collection[str]) -> NDArray[np.bool_]:
        """Say which rows have one of some values in a column; none where the file has not the column."""
        entry = self.columns.get(column)
        if entry is None:
            return np.zeros(len(self.lines), dtype=bool)
        return np.array([v in wanted for v in entry.values], dtype=bool)[entry.code]


class Texts:
    """The files of a feed, in a zip or a folder.

    Raises
    ------
    SourceError
        If there is nothing at the path.
    InputError
        If it is a file and no zip.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.is_dir():
            self._names = frozenset(p.name for p in path.iterdir() if p.is_file())
            return
        if not path.is_file():
            fail(SourceError, path.name, "there is no such timetable", "give a GTFS zip, or the folder of its files")
        with self._zip() as archive:
            self._names = frozenset(archive.namelist())

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def header(self, name: str) -> list[str]:
        """Give the names of a file's columns; none where it is empty.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        return next(self._bodies(name), (0, "", []))[2]

    def blocks(self, name: str, columns: tuple[str, ...]) -> Iterator[Block]:
        """Read a file, one row a line as GTFS has it.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        for first, text, header in self._bodies(name):
            at = {c: header.index(c) for c in columns if c in header}
            yield _quickly(text, first, len(header), at) or self._line_by_line(name, text, first, len(header), at)

    def _line_by_line(self, name: str, text: str, first: int, wide: int, at: dict[str, int]) -> Block:
        lines = text.split("\n")
        odd = [first + k for k, line in enumerate(lines) if line.count('"') % 2]
        numbers = [first + k for k, line in enumerate(lines) if line.strip() and line.count('"') % 2 == 0]
        try:
            rows = list(csv.reader(lines[n - first] for n in numbers))
        except csv.Error as error:
            self._fail(name, error)
        long = {k for k, row in enumerate(rows) if len(row) > wide and any(cell.strip() for cell in row[wide:])}
        kept = [k for k in range(len(rows)) if k not in long]
        found = {}
        for column, i in at.items():
            texts = np.array([rows[k][i].strip() if i < len(rows[k]) else "" for k in kept], dtype=object)
            code, values = pd.factorize(texts)
            found[column] = Column(values.tolist(), code)
        return Block(
            np.array([numbers[k] for k in kept], dtype=np.int64), found, odd, [numbers[k] for k in sorted(long)]
        )

    def _bodies(self, name: str) -> Iterator[tuple[int, str, list[str]]]:
        """Give what stands below the heading, in blocks of whole lines: number of the first, text, and the heading."""
        header: list[str] | None = None
        first = 1
        try:
            for raw in self._whole_lines(name):
                text = raw.decode("utf-8")
                if header is None:
                    header, text, first = _headed(text, first)
                if header is not None:
                    yield first, text, header
                first += text.count("\n")
        except (UnicodeDecodeError, csv.Error) as error:
            self._fail(name, error)

    def _whole_lines(self, name: str) -> Iterator[bytes]:
        """Read a file in blocks that end with a line's end, without the mark of its byte order."""
        rest, begun = b"", False
        with self._opened(name) as file:
            while more := file.read(_BLOCK):
                rest += more
                if not begun:
                    rest, begun = rest.removeprefix(codecs.BOM_UTF8), True
                cut = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, len(rest) - 1)) + 1  # a last \r may belong to a \n
                yield rest[:cut].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                rest = rest[cut:]
        yield rest.replace(b"\r", b"\n")

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        if self._path.is_dir():
            with (self._path / name).open("rb") as file:
                yield file
        else:
            with self._zip() as archive, archive.open(name) as member:
                yield member

    @contextmanager
    def _zip(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self._path) as archive:
                yield archive
        except _NO_ZIP as error:
            fail(InputError, self._path.name, f"cannot be read as a zip: {error}", "download the timetable again")

    def _fail(self, name: str, error: Exception) -> NoReturn:
        what = f"cannot be read as CSV in UTF-8: {error}"
        fail(InputError, f"{self._path.name}, {name}", what, "save it again as comma-separated UTF-8")


def _headed(text: str, first: int) -> tuple[list[str] | None, str, int]:
    """Part a heading from what stands below it, and give the number of the line below."""
    lines = text.split("\n")
    for k, line in enumerate(lines):
        if line.strip() and line.count('"') % 2 == 0:
            return [c.strip() for c in next(csv.reader([line]))], "\n".join(lines[k + 1 :]), first + k + 1
    return None, text, first


def _quickly(text: str, first: int, wide: int, at: dict[str, int]) -> Block | None:
    """Read rows that are all as they should be: without quotes, and with as many fields as the heading; else none."""
    body = text.rstrip("\n")
    if not body:
        return Block(np.arange(0), {c: Column([], np.arange(0)) for c in at}, [], [])
    if wide < 2 or '"' in body or "\n\n" in body or body.startswith("\n"):
        return None
    raw = body.encode()
    names = [str(i) for i in range(wide)]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(raw),
            pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(raw) + 1),
            pyarrow.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                include_columns=[names[i] for i in at.values()],
                column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    found = {}
    for column, i in at.items():
        entry = table.column(names[i]).combine_chunks()
        values = [v.strip() for v in entry.dictionary.to_pylist()]
        found[column] = Column(values, entry.indices.to_numpy().astype(np.int64))
    return Block(np.arange(first, first + table.num_rows), found, [], [])
