"""Read a raw file of any common format into the columns of its table, with every fault named by row."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa

from needs.assessment import Input
from needs.errors import SHOWN, Faults
from needs.schemas import TABLES, Table, check_table, of_vintage, with_blanks
from needs.schemas.postcodes import written
from needs.sources import columns, formats, layouts, venues
from needs.sources.cells import Marked, Place
from needs.sources.layouts import Plan
from needs.sources.placing import placed
from needs.sources.tabular import REOPEN, Parts, UnreadableError

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, MemoryError, pa.ArrowException)
_HIDDEN = "is a value not shown here, since the table is protected"
_VALUE = re.compile(r"is (?:'[^']*'|-?\d[\d.,e+-]*)|(?<=it )begins .*", re.DOTALL)


def resolve(spec: Input, raw: Path, faults: Faults) -> Path | None:
    """Give the path of a raw file, or note that it is not there or cannot be read."""
    path = raw / spec.path
    if path.is_file():
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            fix = "let it be read, or put another copy there"
            faults.add(f"input '{spec.id}'", f"{spec.path} cannot be read: {error.strerror}", fix)
            return None
        return path
    by_hand = (
        f"put it there{f' (from {spec.url})' if spec.url else ''}, name its folder with --raw, or correct its path"
    )
    fetched = f"fetch it with `needs data`, or by hand from {spec.url}; or name its folder with --raw"
    faults.add_missing(
        f"input '{spec.id}'",
        f"{spec.path} ({spec.title}, {spec.publisher}) is not in {raw}",
        fetched if spec.source else by_hand,
    )
    return None


def sha256(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_table(spec: Input, path: Path, faults: Faults) -> pd.DataFrame | None:
    """Read one input and check it against the contract of its table.

    Parameters
    ----------
    spec
        The input: its layout, which column is what, which rows count, which values hold for all rows.
    path
        A file of any format that `formats.tables` reads.
    faults
        Collector of what is wrong.

    Returns
    -------
    pandas.DataFrame or None
        The table's columns; a GeoDataFrame in EPSG:27700 where the table has geometry. A table of zones whose codes
        are of another vintage has `code` in place of `lsoa21cd`. `attrs["notes"]` is a list of sentences: what was
        suppressed, left out or not there. Sites are as `placing.placed` leaves them, with `row`: where each stands in
        the file. None if the file could not be read or a mapped column is not in it.
    """
    if spec.disclosure is None:
        return _read_table(spec, path, faults)
    own = Faults()
    found = _read_table(spec, path, own)
    for fault in own.found:  # small counts must not get out by messages either
        faults.add(fault.where, _VALUE.sub(_HIDDEN, fault.what), fault.fix)
    return found


def _read_table(spec: Input, path: Path, faults: Faults) -> pd.DataFrame | None:
    table = of_vintage(TABLES[spec.table], spec.vintage)
    if spec.table == "demand" and spec.blank is not None:
        table = with_blanks(table)
    plan = venues.plan(spec) if venues.holds(spec) else layouts.plan(spec)
    parts, notes = Parts(), Counter[str]()
    place = Place(f"{spec.path} (input '{spec.id}')", parts.label, faults)
    marked = Marked()
    try:
        frames = _frames(spec, path, plan, table, parts, marked, place, notes)
    except UnreadableError as error:
        faults.add(place.where, f"cannot be read: {error}", error.fix)
        return None
    except _UNREADABLE as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        faults.add(place.where, f"cannot be read: {told}", REOPEN)
        return None
    if frames is None:
        return None
    if not frames:
        of = " that meet 'where'" if plan.where else ""
        faults.add(place.where, f"has no rows{of}", "correct 'where', or the file")
        return None
    frame = frames[0] if len(frames) == 1 else pd.concat(frames)
    if "postcode" in frame:
        frame["postcode"] = written(frame["postcode"])
    if table.geometry:
        left_out: list[str] = []
        shaped = placed(frame, spec, table, place, left_out)
        if shaped is None:
            return None
        frame = shaped
        notes.update(left_out)
    if spec.table == "lookup":
        frame = _pairs(frame, notes)
    checked = check_table(frame, table, where=place.where, row_label=parts.label, faults=faults)
    if table.stray == "kept":
        checked["row"] = [parts.label(int(i)) for i in checked.index]
    checked = checked.reset_index(drop=True)
    said = [note if files == 1 else f"{note} (in {files} files)" for note, files in notes.items()]
    checked.attrs["notes"] = [f"{spec.title}: {note}" for note in (*said, *marked.notes())]
    return checked


def _frames(
    spec: Input, path: Path, plan: Plan, table: Table, parts: Parts, marked: Marked, place: Place, notes: Counter[str]
) -> list[pd.DataFrame] | None:
    """Read the rows that count of each file; None if a file is not laid out as it must be, which is noted."""
    frames = []
    before = len(place.faults.found)
    for raw in formats.tables(path, spec, plan):
        parts.add(raw)
        where = f"{place.where}, {raw.member}" if raw.member else place.where
        at = columns.find(raw, plan, where, place.faults)
        if at is None:
            return None
        columns.keep(raw, at, plan, named_only=spec.drop_unnamed)
        if not columns.only_codes(raw, at, spec, plan, where, place.faults):
            return None
        if not raw.frame.empty:
            frames.append(columns.named(raw, at, spec, plan, table, marked, place))
        notes.update(raw.notes)
        if len(place.faults.found) > before + SHOWN:
            break
    return frames


def _pairs(frame: pd.DataFrame, notes: Counter[str]) -> pd.DataFrame:
    """Keep one row for each pair of codes: some lookups have a row for every output area of the pair."""
    again = frame.duplicated()
    if again.any():
        notes[f"{int(again.sum()):,} rows say again what another row says, and are left out."] += 1
    return frame[~again]
