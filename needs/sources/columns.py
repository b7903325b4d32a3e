"""Put our names to the columns of a file, keep the rows that count, and turn their text into numbers and flags."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from difflib import get_close_matches
from textwrap import shorten
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from needs.assessment import Input
from needs.errors import Faults
from needs.schemas import LSOA_CODE, Table, code_pattern, kind_of
from needs.sources import cells, fingertips
from needs.sources.cells import Marked, Place
from needs.sources.layouts import Plan
from needs.sources.tabular import Raw, words

Where = Mapping[str, list[int]]  # our name = the columns of the file that it is made of
_NEAR = 3  # headings offered for one that is missing
_LISTED = 15  # headings of a file listed in a message
_WIDE = 80  # characters of each
_CODE = r"^[a-z]\d{8}$"  # an ONS code that lost its capital


def find(raw: Raw, plan: Plan, where: str, faults: Faults) -> Where | None:
    """Find where in the file each of our columns stands, and under "" those by which rows are chosen.

    Returns
    -------
    mapping or None
        None if a heading is missing or stands twice, which is noted; what the file may lack is said in the notes.
    """
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
    for name, heading in [*asked, *(("", h) for h in ([] if raw.filtered else plan.where))]:
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


def keep(raw: Raw, columns: Where, plan: Plan, *, named_only: bool) -> None:
    """Keep the rows that count: those that the layout and the input ask for, and those with a name where it must be."""
    if not raw.filtered:
        kept = np.ones(len(raw.frame), dtype=bool)
        for at, values in zip(columns.get("", []), plan.where.values(), strict=True):
            kept &= texts(raw.frame.iloc[:, at]).isin(values).to_numpy()
        raw.frame = raw.frame[kept]
    if named_only:
        raw.frame = raw.frame[raw.frame.iloc[:, columns["name"][0]].notna()]
    if plan.reader == "fingertips" and not raw.frame.empty:
        raw.frame.columns = pd.Index([words(h) for h in raw.frame.columns])
        fingertips.chosen(raw, all_periods=fingertips.PERIOD in plan.where)


def texts(values: pd.Series[Any]) -> pd.Series[str]:
    """Give the words of each cell; what is written often is put into words once."""
    try:
        place, different = pd.factorize(values, use_na_sentinel=False)
    except TypeError:  # cells that are lists, of a vector file
        return values.map(words)
    said = np.array(["" if pd.isna(v) else words(v) for v in different], dtype=object)
    return pd.Series(said[place] if len(said) else [], index=values.index, dtype=object)


def only_codes(raw: Raw, columns: Where, spec: Input, plan: Plan, where: str, faults: Faults) -> bool:
    """Drop rows that are no part of the table: notes above and below it, and where the layout says so all others."""
    at = columns.get("lsoa21cd") or columns.get("code")
    if at is None or raw.frame.empty or not (plan.codes_only or (raw.unit == "line" and spec.table != "points")):
        return True
    pattern = LSOA_CODE if "lsoa21cd" in columns else code_pattern(spec.vintage or "") or LSOA_CODE
    codes = raw.frame.iloc[:, at[0]]
    if plan.codes_only:
        text = texts(codes).str.upper()
        kept = text.str.match(pattern).to_numpy(dtype=bool)
        if not kept.any():
            sample = ", ".join(map(repr, list(dict.fromkeys(text))[:_NEAR]))
            faults.add(where, f"no code is of {spec.vintage}: they are like {sample}", "correct 'vintage', or the file")
            return False
        what = f"whose code is not of {spec.vintage}, such as {text[~kept].iloc[0]!r}," if not kept.all() else ""
    else:
        used = sorted({i for places in columns.values() for i in places})
        kept, what = _of_table(raw.frame.iloc[:, used], codes), "above or below the table"
    if not kept.all():
        raw.notes.append(f"{int((~kept).sum()):,} rows {what} are left out.")
        raw.frame = raw.frame[kept]
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


def named(
    raw: Raw, columns: Where, spec: Input, plan: Plan, table: Table, marked: Marked, place: Place
) -> pd.DataFrame:
    """Put our names to the columns, add up, add constants, and turn the text of a file into numbers and flags."""
    parts_of_shares = {n for s in plan.shares.values() for n in (s.of, s.among)} - set(table.columns)
    made: dict[str, pd.Series] = {}
    for name, at in columns.items():
        if not name:
            continue
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
            result[name] = _stripped(result[name])
    if isinstance(raw.frame, gpd.GeoDataFrame):
        result = gpd.GeoDataFrame(result, geometry=raw.frame.geometry, crs=raw.frame.crs)
    return result


def _stripped(values: pd.Series[Any]) -> pd.Series[Any]:
    """Take the white space around texts away, and give codes their capital; what is left blank is missing."""
    try:
        array = pa.array(values, pa.string(), from_pandas=True)
    except pa.ArrowException:  # not all of them texts
        return values.map(lambda v: v.strip() or None if isinstance(v, str) else v)
    bare = pc.utf8_trim_whitespace(array)
    bare = pc.if_else(pc.match_substring_regex(bare, _CODE), pc.utf8_upper(bare), bare)
    bare = pc.if_else(pc.equal(bare, ""), pa.scalar(None, pa.string()), bare)
    return pd.Series(bare.to_numpy(zero_copy_only=False), index=values.index)


def _rename(result: pd.DataFrame, spec: Input) -> None:
    """Change the names of sites as the input asks; a blank name stays blank."""
    if spec.title_case:
        result["name"] = result["name"].map(string.capwords, na_action="ignore")
    if spec.name_suffix:
        bare = result["name"].map(lambda n: str(n).removesuffix(spec.name_suffix), na_action="ignore")
        result["name"] = bare + spec.name_suffix
