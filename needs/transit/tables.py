"""Read the files of a GTFS timetable, leaving out and counting the rows that are not what they must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.errors import SHOWN, Fault, Faults, InputError
from needs.transit.texts import Block, Texts

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


Keep = Callable[[Block], NDArray[np.bool_]]  # which rows of a block are read


def check_headers(texts: Texts, reading: Reading) -> None:
    """See that every file and column is there before anything long is read.

    Raises
    ------
    InputError
        With every file that is missing or whose heading is unreadable, and every column that is missing.
    """
    for name, columns in FILES.items():
        bare = name.strip("()")
        if bare in texts:
            try:
                header = texts.header(bare)
            except InputError as error:
                reading.faults.take(error)
                continue
            for column in (c for c in columns if "(" not in c and c not in header):
                what = f"column '{column}' is missing"
                reading.faults.add(f"{reading.name}, {bare}", what, "add it: GTFS requires it")
        elif bare == name:
            fix = "add it: a GTFS feed needs it, in the zip's top folder"
            reading.faults.add(reading.name, f"has no {bare}", fix)
    if "calendar.txt" not in texts and "calendar_dates.txt" not in texts:
        what = "has neither calendar.txt nor calendar_dates.txt"
        reading.faults.add(reading.name, what, "add one: nothing says which days run")
    reading.faults.raise_if_any()


def read_table(texts: Texts, name: str, reading: Reading, *, keep: Keep | None = None) -> pd.DataFrame:
    """Read one file as text and leave out malformed rows; an absent optional file is an empty table.

    Parameters
    ----------
    texts
        The feed's files, with all their columns.
    name
        One of FILES, without brackets.
    reading
        Told what was left out. A row that `keep` refuses is not looked at.
    keep
        Which rows to read; by default all.

    Returns
    -------
    pandas.DataFrame
        Every column of FILES, as text without outer blanks, "" where blank or absent; index: the line in the file.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    columns = {c.strip("()"): c for c in next(cs for n, cs in FILES.items() if n.strip("()") == name)}
    wrong: dict[str, list[str]] = {c: [] for c in columns}
    parts: dict[str, list[NDArray[np.object_]]] = {c: [np.empty(0, dtype=object)] for c in columns}
    lines = [np.empty(0, dtype=np.int64)]
    broken: set[str] = set()
    odd: list[str] = []
    long: list[str] = []
    for block in texts.blocks(name, tuple(columns)) if name in texts else ():
        odd += [f"line {n}" for n in block.odd]
        long += [f"line {n}" for n in block.long]
        rows = keep(block) if keep else np.ones(len(block.lines), dtype=bool)
        if not rows.any():
            continue
        line = block.lines[rows]
        right = np.ones(len(line), dtype=bool)
        found = {column: block.texts(column, rows) for column in columns}
        for column in columns.keys() & block.columns.keys():
            values, code = found[column]
            good = _well_formed(values, column, columns[column])[code]
            wrong[column] += [f"line {line[k]} {values[code[k]]!r}" for k in np.flatnonzero(~good)]
            right &= good
        if "trip_id" in found:
            values, code = found["trip_id"]
            broken.update(values[code[~right]])
        lines.append(line[right])
        for column, (values, code) in found.items():
            parts[column].append(values[code[right]])
    reading.note(name, "lines with a quote that does not end, left out", odd)
    reading.note(name, "lines with more fields than the header, left out", long)
    for column, names in wrong.items():
        reading.note(name, f"rows left out: '{column}' must be {_form(column)[1]}", names)
    reading.broken[name] = broken
    table = {column: np.concatenate(p) for column, p in parts.items()}
    return pd.DataFrame(table, index=np.concatenate(lines), dtype=object)


def _form(column: str) -> tuple[str, str]:
    """Give what a column holds: pattern and meaning."""
    return next((p, m) for names, p, m in _FORMS if re.fullmatch(names, column))


def _well_formed(values: NDArray[np.object_], column: str, listed: str) -> NDArray[np.bool_]:
    """Tell which values are what their column holds; an optional column may be blank."""
    pattern = re.compile(_form(column)[0])
    blank = listed != column or column in _MAY_BE_BLANK
    return np.array([bool(pattern.fullmatch(v)) or (blank and v == "") for v in values], dtype=bool)
