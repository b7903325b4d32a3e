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
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from needs.errors import InputError, SourceError, fail

_BLOCK = 2**24  # bytes that are read at once
_BLANKS = (b" ", b"\t", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")  # that may stand around a text
_NO_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


@dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Attributes
    ----------
    lines
        The line of each row in its file, from 1.
    columns
        Texts without outer blanks, by name: those of the columns asked for that the file has.
    odd, long
        Lines that cannot be told into columns: with a quote that does not end; with more fields than the header.
    """

    lines: NDArray[np.int64]
    columns: dict[str, pa.StringArray]
    odd: list[int]
    long: list[int]

    def among(self, column: str, wanted: Collection[str]) -> NDArray[np.bool_]:
        """Say which rows have one of some texts in a column; none where the file has not the column."""
        if column not in self.columns:
            return np.zeros(len(self.lines), dtype=bool)
        found = pc.is_in(self.columns[column], value_set=pa.array(list(wanted), pa.string()))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)

    def texts(self, column: str, rows: NDArray[np.bool_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        """Give the texts of some rows, each once, and which of them each row has; "" where there is not the column."""
        if column not in self.columns:
            return np.array([""], dtype=object), np.zeros(int(rows.sum()), dtype=np.int64)
        found = self.columns[column].filter(pa.array(rows)).dictionary_encode()
        values = np.empty(len(found.dictionary), dtype=object)
        values[:] = found.dictionary.to_pylist()
        return values, found.indices.to_numpy().astype(np.int64)


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
        for first, raw, header in self._bodies(name):
            at = {c: header.index(c) for c in columns if c in header}
            yield _quickly(raw, first, len(header), at) or self._line_by_line(name, raw, first, len(header), at)

    def _line_by_line(self, name: str, raw: bytes, first: int, wide: int, at: dict[str, int]) -> Block:
        lines = raw.decode().split("\n")
        odd = [first + k for k, line in enumerate(lines) if line.count('"') % 2]
        numbers = [first + k for k, line in enumerate(lines) if line.strip() and line.count('"') % 2 == 0]
        try:
            rows = list(csv.reader(lines[n - first] for n in numbers))
            if len(rows) < len(numbers):  # a quote within a text has run on into the next line
                rows = [next(csv.reader([lines[n - first]])) for n in numbers]
        except csv.Error as error:
            self._fail(name, error)
        long = {k for k, row in enumerate(rows) if len(row) > wide and any(cell.strip() for cell in row[wide:])}
        kept = [k for k in range(len(rows)) if k not in long]
        texts = {c: [rows[k][i].strip() if i < len(rows[k]) else "" for k in kept] for c, i in at.items()}
        columns = {c: pa.array(t, pa.string()) for c, t in texts.items()}
        lines_kept = np.array([numbers[k] for k in kept], dtype=np.int64)
        return Block(lines_kept, columns, odd, [numbers[k] for k in sorted(long)])

    def _bodies(self, name: str) -> Iterator[tuple[int, bytes, list[str]]]:
        """Give what stands below the heading, in blocks of whole lines: number of the first, text, and the heading."""
        header: list[str] | None = None
        first = 1
        try:
            for raw in self._whole_lines(name):
                if not raw.isascii():
                    raw.decode()  # refuses what is not UTF-8
                body, above = raw, 0
                if header is None:
                    header, body, above = _headed(raw)
                first += above
                if header is not None:
                    yield first, body, header
                first += body.count(b"\n")
        except (UnicodeDecodeError, csv.Error) as error:
            self._fail(name, error)

    def _whole_lines(self, name: str) -> Iterator[bytes]:
        """Read a file in blocks that end with a line's end, without the mark of its byte order."""
        with self._opened(name) as file:
            rest = file.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
            while more := file.read(_BLOCK):
                rest += more
                cut = max(rest.rfind(b"\n"), rest.rfind(b"\r", 0, len(rest) - 1)) + 1  # a last \r may belong to a \n
                yield _one_end(rest[:cut])
                rest = rest[cut:]
        yield _one_end(rest)

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


def _one_end(raw: bytes) -> bytes:
    """Let every line end as on Unix."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in raw else raw


def _headed(raw: bytes) -> tuple[list[str] | None, bytes, int]:
    """Part a heading from what stands below it, and count the lines above that."""
    start = 0
    for k, line in enumerate(raw.split(b"\n"), 1):
        start += len(line) + 1
        if line.strip() and line.count(b'"') % 2 == 0:
            return [c.strip() for c in next(csv.reader([line.decode()]))], raw[start:], k
    return None, raw, 0


def _quickly(raw: bytes, first: int, wide: int, at: dict[str, int]) -> Block | None:
    """Read rows that are all as they should be: without quotes, and with as many fields as the heading; else none."""
    body = raw.rstrip(b"\n")
    if wide < 2 or not body or b'"' in body or b"\n\n" in body or body.startswith(b"\n"):
        return None
    names = [str(i) for i in range(wide)]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(body),
            pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(body) + 1),
            pyarrow.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                include_columns=[names[i] for i in at.values()],
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    columns = {c: table.column(names[i]).combine_chunks() for c, i in at.items()}
    if not body.isascii() or any(blank in body for blank in _BLANKS):
        columns = {c: pc.utf8_trim_whitespace(t) for c, t in columns.items()}
    return Block(np.arange(first, first + table.num_rows), columns, [], [])
