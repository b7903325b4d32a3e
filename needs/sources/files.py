"""Read a raw file of any common format into the columns of its table, with every fault named by row."""

from __future__ import annotations

import csv
import hashlib
import re
import string
import zipfile
import zlib
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten
from xml.etree.ElementTree import ParseError  # of a broken workbook; nothing is parsed here

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyogrio

from needs.assessment import Input
from needs.errors import Faults
from needs.schemas import LSOA_CODE, TABLES, Table, check_table, code_pattern, kind_of, of_vintage
from needs.schemas.postcodes import written
from needs.sources import cells, fingertips, layouts, nomis, tabular, venues
from needs.sources.cells import Marked, Place
from needs.sources.layouts import Plan
from needs.sources.placing import placed
from needs.sources.tabular import Raw, words

_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, csv.Error, ParseError, pa.ArrowException,
    openpyxl.utils.exceptions.InvalidFileException, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError,
)  # fmt: skip
_VALUE = re.compile(r"is (?:'[^']*'|-?\d[\d.,e+-]*)")
_NEAR = 3  # headings offered for one that is missing
_LISTED = 15  # headings of a file listed in a message
_WIDE = 80  # characters of each


def resolve(spec: Input, raw: Path, faults: Faults) -> Path | None:
    """Give the path of a raw file, or note that it is not there."""
    path = raw / spec.path
    if path.is_file():
        return path
    faults.add_missing(
        f"input '{spec.id}'",
        f"{spec.path} ({spec.title}, {spec.publisher}) is not in {raw}",
        f"put it there{f' (from {spec.url})' if spec.url else ''}, name its folder with --raw, or correct its path",
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
        CSV (also gzipped; UTF-8, UTF-16 or Windows-1252), XLSX, Parquet, GeoJSON, GeoPackage or another vector file;
        JSON of the Nomis API.
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
        faults.add(
            fault.where, _VALUE.sub("is a value not shown here, since the table is protected", fault.what), fault.fix
        )
    return found


def _read_table(spec: Input, path: Path, faults: Faults) -> pd.DataFrame | None:
    table = of_vintage(TABLES[spec.table], spec.vintage)
    plan = venues.plan(spec) if venues.holds(spec) else layouts.plan(spec)
    where = f"{spec.path} (input '{spec.id}')"
    try:
        raw = _open(path, spec, plan)
        columns = _columns(raw, plan, spec, where, faults)
        if columns is None:
            return None
        _filter(raw, columns, spec, plan)
    except tabular.UnreadableError as error:
        faults.add(where, f"cannot be read: {error}", error.fix)
        return None
    except _UNREADABLE as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        faults.add(where, f"cannot be read: {told}", tabular.REOPEN)
        return None
    if raw.frame.empty:
        faults.add(where, "has no rows" + (" that meet 'where'" if spec.where else ""), "correct 'where', or the file")
        return None
    if not _only_codes(raw, columns, spec, plan, where, faults):
        return None
    place = Place(where, raw.label, faults)
    marked = Marked()
    frame = _named(raw, columns, spec, plan, table, marked, place)
    if "postcode" in frame:
        frame["postcode"] = written(frame["postcode"])
    if table.geometry:
        shaped = placed(frame, spec, table, place, raw.notes)
        if shaped is None:
            return None
        frame = shaped
    if spec.table == "lookup":
        frame = _pairs(frame, raw)
    checked = check_table(frame, table, where=where, row_label=raw.label, faults=faults)
    if table.stray == "kept":
        checked["row"] = [raw.label(int(i)) for i in checked.index]
    checked = checked.reset_index(drop=True)
    checked.attrs["notes"] = [f"{spec.title}: {note}" for note in (*raw.notes, *marked.notes())]
    return checked


def _open(path: Path, spec: Input, plan: Plan) -> Raw:
    name = path.name.lower()
    wanted = plan.wanted(spec.where)
    by_code = plan.reader in {"by_code", "nomis"}
    pattern = code_pattern(spec.vintage or "") or r"^[EW]\d{8}$"
    find = tabular.code_score(pattern) if by_code else tabular.heading_score(wanted)
    if plan.reader == "nomis" and name.endswith((".json", ".json.gz")):
        return nomis.read_json(tabular.decode(tabular.read_bytes(path), plan.encoding), spec, plan)
    if venues.holds(spec):
        return Raw(venues.read(path), unit="venue")
    if name.endswith((".csv", ".csv.gz")):
        rows = tabular.csv_rows(tabular.decode(tabular.read_bytes(path), plan.encoding), find)
    elif name.endswith(tabular.BOOKS):
        rows = tabular.book_rows(tabular.read_bytes(path), sheet=spec.sheet, hint=plan.sheet, find=find)
    elif name.endswith((".parquet", ".geoparquet", *tabular.GEO)):
        return Raw(tabular.records(path, spec.layer), unit="record")
    else:
        msg = f"{path.suffix or 'no ending'} is not a format that is read"
        raise tabular.UnreadableError(msg, "save it as CSV, XLSX, Parquet, GeoJSON or GeoPackage")
    if plan.reader == "nomis":
        return nomis.read_csv(rows, spec, plan)
    if plan.reader == "by_code":
        return Raw(tabular.around_codes(rows, pattern)[0])
    return Raw(tabular.under_headings(rows, wanted, plan.rows_above))


def _columns(raw: Raw, plan: Plan, spec: Input, where: str, faults: Faults) -> dict[str, list[int]] | None:
    """Find where in the file each of our columns stands; note what is missing or stands twice."""
    places: dict[str, list[int]] = {}
    for i, heading in enumerate(raw.frame.columns):
        places.setdefault(words(heading), []).append(i)
    for other, heading in raw.aliases.items():
        if heading in places:
            places.setdefault(words(other), places[heading])
    found: dict[str, list[int]] = {}
    absent: list[str] = []
    missing: list[str] = []
    count = len(faults.found)
    asked = [(name, heading) for name, headings in plan.columns.items() for heading in headings]
    for name, heading in [*asked, *(("", h) for h in ([] if raw.filtered else spec.where))]:
        at = next((places[words(w)] for w in plan.words_for(heading) if words(w) in places), [])
        if len(at) == 1:
            found.setdefault(name, []).append(at[0])
        elif at:
            fix = "rename one of them in the file, so that it is plain which is meant"
            faults.add(where, f"heading {heading!r} stands over {len(at)} columns", fix)
        elif name in plan.optional:
            absent.append(name)
        else:
            missing.append(heading)
    for heading in dict.fromkeys(missing):
        told = _missing(heading, plan, places, whole=heading == missing[-1])
        faults.add(where, told, "correct the heading in the assessment file, or the file")
    if len(faults.found) > count:
        return None
    if absent:
        raw.notes.append(f"The file lacks {', '.join(dict.fromkeys(absent))}, which its layout would bring.")
    return {name: at for name, at in found.items() if name not in absent}


def _missing(heading: str, plan: Plan, places: dict[str, list[int]], *, whole: bool) -> str:
    """Say which heading is missing and what is near; the headings that are there, for the last one only."""
    others = plan.words_for(heading)[1:]
    or_else = f" (or {', or '.join(map(repr, others))})" if others else ""
    there = [h for h in places if h]
    near = get_close_matches(words(heading), there, n=_NEAR, cutoff=0.6)
    told = [f"nearest {'are' if len(near) > 1 else 'is'} {', '.join(map(repr, near))}"] if near else []
    if whole:
        more = ", ..." if len(there) > _LISTED else ""
        told.append(f"the file has {', '.join(repr(shorten(h, _WIDE)) for h in there[:_LISTED])}{more}")
    return "; ".join([f"column {heading!r}{or_else} is missing", *told])


def _filter(raw: Raw, columns: dict[str, list[int]], spec: Input, plan: Plan) -> None:
    """Keep the rows that count."""
    if not raw.filtered:
        keep = np.ones(len(raw.frame), dtype=bool)
        for at, values in zip(columns.pop("", []), spec.where.values(), strict=True):
            keep &= raw.frame.iloc[:, at].map(words).isin(values).to_numpy()
        raw.frame = raw.frame[keep]
    if spec.drop_unnamed:
        raw.frame = raw.frame[raw.frame.iloc[:, columns["name"][0]].notna()]
    if plan.reader == "fingertips" and not raw.frame.empty:
        raw.frame.columns = pd.Index([words(h) for h in raw.frame.columns])
        fingertips.chosen(raw, all_periods=fingertips.PERIOD in spec.where)


def _only_codes(raw: Raw, columns: dict[str, list[int]], spec: Input, plan: Plan, where: str, faults: Faults) -> bool:
    """Drop rows that are no part of the table: notes above and below it, and where the layout says so all others."""
    at = columns.get("lsoa21cd") or columns.get("code")
    if at is None or not (plan.codes_only or (raw.unit == "line" and spec.table != "points")):
        return True
    pattern = LSOA_CODE if "lsoa21cd" in columns else code_pattern(spec.vintage or "") or LSOA_CODE
    codes = raw.frame.iloc[:, at[0]]
    if plan.codes_only:
        text = codes.map(words)
        keep = text.str.match(pattern).to_numpy(dtype=bool)
        if not keep.any():
            sample = ", ".join(map(repr, list(dict.fromkeys(text))[:_NEAR]))
            faults.add(where, f"no code is of {spec.vintage}: they are like {sample}", "correct 'vintage', or the file")
            return False
        what = f"whose code is not of {spec.vintage}, such as {text[~keep].iloc[0]!r}," if not keep.all() else ""
    else:
        used = sorted({i for places in columns.values() for i in places})
        keep, what = _of_table(raw.frame.iloc[:, used], codes), "above or below the table"
    if not keep.all():
        raw.notes.append(f"{int((~keep).sum()):,} rows {what} are left out.")
        raw.frame = raw.frame[keep]
    return True


def _of_table(frame: pd.DataFrame, codes: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell the table from notes above and below it: rows with next to nothing in them, and no code."""
    keep = np.ones(len(frame), dtype=bool)
    for order in (range(len(frame)), reversed(range(len(frame)))):
        for i in order:
            if re.search(r"\d{6}", words(codes.iloc[i])) or sum(words(c) != "" for c in frame.iloc[i]) > 1:
                break
            keep[i] = False
    return keep if keep.any() else ~keep


def _named(
    raw: Raw, columns: dict[str, list[int]], spec: Input, plan: Plan, table: Table, marked: Marked, place: Place
) -> pd.DataFrame:
    """Put our names to the columns, add up, add constants, and turn the text of a file into numbers and flags."""
    parts_of_shares = {n for s in plan.shares.values() for n in (s.of, s.among)} - set(table.columns)
    made: dict[str, pd.Series] = {}
    for name, at in columns.items():
        parts = [raw.frame.iloc[:, i] for i in at]
        if name in parts_of_shares or kind_of(table, name) == "number":
            read = [cells.numbers(p, name, marks=plan.marks, marked=marked, place=place) for p in parts]
            made[name] = pd.concat(read, axis=1).sum(axis=1, skipna=False) if len(read) > 1 else read[0]
        else:
            made[name] = parts[0]
    for name, share in plan.shares.items():
        if share.of in made and share.among in made and name not in made:
            made[name] = 100 * made[share.of] / made[share.among].where(made[share.among] > 0)
    result = pd.DataFrame({**made, **spec.values}, index=raw.frame.index)
    _rename(result, spec)
    for name in map(str, result.columns):
        kind = "number" if name in parts_of_shares else kind_of(table, name)
        if kind == "flag":
            result[name] = cells.flags(result[name], name, place)
        elif kind == "number" and name in spec.values:
            result[name] = cells.numbers(result[name], name, marks=(), marked=marked, place=place)
        elif kind == "text":
            result[name] = result[name].map(lambda v: v.strip() or None if isinstance(v, str) else v)
    if isinstance(raw.frame, gpd.GeoDataFrame):
        result = gpd.GeoDataFrame(result, geometry=raw.frame.geometry, crs=raw.frame.crs)
    return result


def _pairs(frame: pd.DataFrame, raw: Raw) -> pd.DataFrame:
    """Keep one row for each pair of codes: some lookups have a row for every output area of the pair."""
    again = frame.duplicated()
    if again.any():
        raw.notes.append(f"{int(again.sum()):,} rows say again what another row says, and are left out.")
    return frame[~again]


def _rename(result: pd.DataFrame, spec: Input) -> None:
    """Change the names of sites as the input asks; a blank name stays blank."""
    if spec.title_case:
        result["name"] = result["name"].map(string.capwords, na_action="ignore")
    if spec.name_suffix:
        bare = result["name"].map(lambda n: str(n).removesuffix(spec.name_suffix), na_action="ignore")
        result["name"] = bare + spec.name_suffix
