"""Read the files of a GTFS timetable, leaving out and counting the rows that are not what they must be."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.errors import SHOWN, Fault, Faults, InputError, SourceError, fail

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# Columns that are read, by file. A file in brackets may be absent, a column in brackets too; one of the two calendars
# must be there. Source: GTFS Schedule Reference, gtfs.org.
FILES: dict[str, tuple[str, ...]] = {
    "stops.txt": ("stop_id", "(stop_name)", "stop_lat", "stop_lon", "(parent_station)"),
    "trips.txt": ("trip_id", "service_id"),
    "stop_times.txt": (
        *("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time", "(pickup_type)", "(drop_off_type)"),
    ),
    "(calendar.txt)": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "(calendar_dates.txt)": ("service_id", "date", "exception_type"),
    "(frequencies.txt)": ("trip_id", "start_time", "end_time", "headway_secs"),
    "(transfers.txt)": (
        *("(from_stop_id)", "(to_stop_id)", "(transfer_type)", "(min_transfer_time)"),
        *("(from_route_id)", "(to_route_id)", "(from_trip_id)", "(to_trip_id)"),
    ),
}
# What a column holds: names, form, meaning. Columns not listed hold any text that is not blank.
_FORMS = (
    (r"min_transfer_time", r"\d{1,6}", "a whole number of seconds"),
    (r".*_time", r"\d{1,3}:[0-5]\d:[0-5]\d", "a time such as 07:30:00, or 25:10:00 after midnight"),
    (r"(start_|end_)?date", r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", "a date such as 20260401"),
    (r"stop_(lat|lon)", r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", "a number"),
    (r"stop_sequence", r"\d{1,9}", "a whole number"),
    (r"headway_secs", r"0*[1-9]\d{0,5}", "a whole number of seconds above 0"),
    (r"(pickup|drop_off)_type", r"[0-3]", "0, 1, 2 or 3"),
    (r"transfer_type", r"[0-5]", "0 to 5"),
    ("|".join(WEEKDAYS), r"[01]", "0 or 1"),
    (r"exception_type", r"[12]", "1 (added) or 2 (removed)"),
    (r".*", r".+", "given"),
)
_MAY_BE_BLANK = {"stop_lat", "stop_lon", "arrival_time", "departure_time"}


@dataclass(frozen=True)
class Note:
    """Parts of a feed that were left out, or mended, because something is wrong with them.

    Attributes
    ----------
    where
        The file.
    what
        What is wrong with these parts, and what became of them.
    count
        How many.
    names
        The first few, each once, as the file names them.
    """

    where: str
    what: str
    count: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > SHOWN == len(self.names) else ""
        return f"{self.where}: {self.what} ({self.count:,}): {', '.join(self.names)}{more}"


@dataclass
class Reading:
    """A feed being read: what it is called, and what was found wrong on the way."""

    name: str
    faults: Faults = field(default_factory=Faults)
    notes: list[Note] = field(default_factory=list)
    broken: dict[str, set[str]] = field(default_factory=dict)  # by file: trips that a malformed row speaks of

    def note(self, where: str, what: str, names: Iterable[object]) -> None:
        """Note the parts with one thing wrong, if there are any."""
        found = [str(n) for n in names]
        if found:
            self.notes.append(Note(where, what, len(found), tuple(dict.fromkeys(found))[:SHOWN]))

    def stop(self, what: str, fix: str) -> None:
        """Give up on a feed of which nothing is left, with all that is wrong with it."""
        raise InputError([Fault(self.name, what, fix), *(Fault(self.name, str(n), "correct it") for n in self.notes)])


def read_tables(path: Path) -> tuple[dict[str, pd.DataFrame], Reading]:
    """Read the files of a feed as text.

    Parameters
    ----------
    path
        Zip file, or folder of its text files.

    Returns
    -------
    tables : dict of pandas.DataFrame
        By file name; every column of FILES, as text without outer blanks, "" where blank; an absent file is empty. Rows
        with a malformed value are left out; index: the line in its file.
    reading : Reading
        The notes on what was left out.

    Raises
    ------
    SourceError
        If there is nothing at `path`.
    InputError
        If the zip cannot be read, or with every file that is missing or unreadable and every column that is missing.
    """
    texts = _texts(path)
    reading = Reading(path.name)
    tables = {name.strip("()"): _table(texts, name, columns, reading) for name, columns in FILES.items()}
    if "calendar.txt" not in texts and "calendar_dates.txt" not in texts:
        what = "has neither calendar.txt nor calendar_dates.txt"
        reading.faults.add(path.name, what, "add one: nothing says which days run")
    reading.faults.raise_if_any()
    return tables, reading


def _texts(path: Path) -> dict[str, bytes]:
    """Bytes of the files that are read, by name."""
    wanted = [name.strip("()") for name in FILES]
    if path.is_dir():
        return {name: (path / name).read_bytes() for name in wanted if (path / name).is_file()}
    if not path.is_file():
        fail(SourceError, path.name, "there is no such timetable", "give a GTFS zip, or the folder of its files")
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in wanted if name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        fail(InputError, path.name, f"cannot be read as a zip: {error}", "download the timetable again")


def _table(texts: dict[str, bytes], name: str, columns: tuple[str, ...], reading: Reading) -> pd.DataFrame:
    """Read one file as text and leave out malformed rows; an absent optional file is an empty table."""
    bare = name.strip("()")
    empty = pd.DataFrame({c.strip("()"): pd.Series(dtype=object) for c in columns})
    where = f"{reading.name}, {bare}"
    if bare not in texts:
        if bare == name:
            reading.faults.add(reading.name, f"has no {bare}", "add it: a GTFS feed needs it, in the zip's top folder")
        return empty
    try:
        table = _lines(texts[bare], columns, bare, reading)
    except (UnicodeDecodeError, csv.Error) as error:
        what = f"cannot be read as CSV in UTF-8: {error}"
        reading.faults.add(where, what, "save it again as comma-separated UTF-8")
        return empty
    absent = [c for c in columns if "(" not in c and c not in table]
    for column in absent:
        reading.faults.add(where, f"column '{column}' is missing", "add it: GTFS requires it")
    if absent:
        return empty
    kept = np.ones(len(table), dtype=bool)
    for column in columns:
        name = column.strip("()")
        if name in table:
            blank = name != column or column in _MAY_BE_BLANK
            kept &= _well_formed(table[name], name, blank=blank, where=bare, reading=reading)
        else:
            table[name] = ""
    if "trip_id" in table:
        reading.broken[bare] = set(table["trip_id"][~kept])
    return table[kept]


def _lines(text: bytes, columns: tuple[str, ...], file: str, reading: Reading) -> pd.DataFrame:
    """Read comma-separated text, one row a line as GTFS has it; lines that cannot be told into columns are left out."""
    lines = text.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    numbers = [i for i, line in enumerate(lines) if line.strip() and line.count('"') % 2 == 0]
    odd = [f"line {i + 1}" for i, line in enumerate(lines) if line.count('"') % 2]
    reading.note(file, "lines with a quote that does not end, left out", odd)
    rows = list(csv.reader(lines[i] for i in numbers))
    header = [name.strip() for name in rows[0]] if rows else []
    wide = len(header)
    long = [k for k, row in enumerate(rows) if len(row) > wide and any(cell.strip() for cell in row[wide:])]
    reading.note(file, "lines with more fields than the header, left out", [f"line {numbers[k] + 1}" for k in long])
    left_out = {0, *long}
    kept = [k for k in range(len(rows)) if k not in left_out]
    found = {}
    for name in (c.strip("()") for c in columns):
        if name in header:
            i = header.index(name)
            found[name] = [rows[k][i].strip() if i < len(rows[k]) else "" for k in kept]
    return pd.DataFrame(found, index=[numbers[k] + 1 for k in kept], dtype=object)


def _well_formed(
    values: pd.Series[Any], column: str, *, blank: bool, where: str, reading: Reading
) -> NDArray[np.bool_]:
    """Tell which values are what their column holds, and note those that are not."""
    pattern, meaning = next((p, m) for names, p, m in _FORMS if re.fullmatch(names, column))
    code, texts = pd.factorize(values)
    right = np.array([bool(re.fullmatch(pattern, t)) or (blank and t == "") for t in texts], dtype=bool)[code]
    if not right.all():
        names = [f"line {line} {value!r}" for line, value in values[~right].items()]
        reading.note(where, f"rows left out: '{column}' must be {meaning}", names)
    return right
