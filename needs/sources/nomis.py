"""Read what Nomis gives: the CSV and JSON of its API, the tables of its website, and the Census in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from needs.assessment import Input
from needs.schemas import code_pattern
from needs.sources import texts
from needs.sources.layouts import Plan
from needs.sources.tabular import Raw, Rows, UnreadableError, around_codes, words

VALUE = "20100"  # the code of measure "Value"; 20301 is "Percent" (Nomis API)
GUEST_LIMIT = 25_000  # records that one call of the API gives to a guest
TYPES = {"150": "OA21", "151": "LSOA21", "152": "MSOA21", "298": "LSOA11", "297": "MSOA11", "299": "OA11"}
_MISSING = ("H", "L", "M", "O", "Q")  # observation status of SDMX: kinds of missing; Nomis gives Q, "missing"
_LAYERS = {
    "super output area - lower layer": "LSOA",
    "super output areas - lower layer": "LSOA",
    "super output area - middle layer": "MSOA",
    "super output areas - middle layer": "MSOA",
    "output area": "OA",
    "output areas": "OA",
}
_IN_PARTS = "fetch the rest with RecordOffset and put it below, or sign in to Nomis"
_NOT_A_DIMENSION = ("DATE", "TIME", "GEOGRAPHY", "MEASURES", "OBS", "URN", "RECORD", "FREQ", "UNIT", "CURRENCY")
_ENDS = ("_NAME", "_CODE", "_TYPE", "_TYPECODE", "_SORTORDER")
_HEADS = frozenset({"GEOGRAPHY_CODE", "OBS_VALUE"})
_TOLD = 5


@dataclass(frozen=True)
class Dimension:
    """One dimension of a Nomis table: the columns that hold its codes and its names."""

    id: str
    code: str | None
    name: str

    @property
    def identity(self) -> str:
        """Column that tells its categories apart."""
        return self.code or self.name


def read_csv(rows: Rows, spec: Input, plan: Plan) -> Raw:
    """Read CSV from Nomis, whichever of three kinds it is.

    1. The API's: one record per area, date, category and measure, with headings such as DATE, GEOGRAPHY_CODE,
       C2021_CARS_5_NAME, MEASURES, OBS_VALUE, OBS_STATUS, RECORD_COUNT.
    2. A table of the website: title lines such as "Date","2021", a heading such as "2021 super output area - lower
       layer","mnemonic", categories across, notes below; codes alone or as "E01006946 : Sefton 001A".
    3. The Census in bulk: "date","geography","geography code" and categories across.

    Parameters
    ----------
    rows
        The whole file.
    spec, plan
        The input; its `where` and its layout's `keep` are applied to the records of the first kind.

    Returns
    -------
    Raw
        One row per area and one column per category, headed by the category's name as published. Several dimensions
        are joined by "; ", and so is the date where there are several: "Total; Age 0; 2023". Where nothing but the
        date varies the heading is the date, or with one date "OBS_VALUE". Codes do as well as names:
        "C2021_CARS_5=1". Codes of areas are in column "code".

    Raises
    ------
    UnreadableError
        If the download was cut off, holds no counts, another year's areas than the input says, or one figure twice.
    """
    head = next((i for i, row in enumerate(rows.cells) if any(words(c) for c in row)), None)
    if head is not None and {words(c).upper() for c in rows.cells[head]} >= _HEADS:
        names = [words(c).upper() for c in rows.cells[head]]
        records = [
            [None if c == "" else c for c in row[: len(names)]] + [None] * (len(names) - len(row))
            for row in rows.cells[head + 1 :]
        ]
        return _wide(pd.DataFrame(records, columns=names, index=rows.numbers[head + 1 :], dtype=object), spec, plan)
    frame, titles = around_codes(rows, code_pattern(spec.vintage or "") or r"^[EW]\d{8}$")
    _check_layer(" ".join(map(str, frame.columns)).casefold(), spec)
    for dimension, accepted in plan.keep.items():
        given = titles.get(dimension.casefold())
        if given is not None and given not in accepted:
            msg = f"its {dimension.casefold()} is {given!r}"
            raise UnreadableError(msg, f"download {' or '.join(map(repr, accepted))}")
    return Raw(frame)


def read_json(given: bytes, spec: Input, plan: Plan) -> Raw:
    """Read JSON from Nomis into the same table as its CSV.

    Two shapes are read: the API's `.data.json`, {"header": {"truncated": ...}, "obs": [...]} where each observation
    holds its dimensions as {"value": code, "description": name}, the area's code as geography.geogcode and the figure
    as obs_value.value (as seen in programs that read it; the API's help describes the calls, not the answer); and a
    plain list of records with the headings of the API's CSV. Its JSON-stat is not read: it names areas by numbers of
    Nomis's own.

    Raises
    ------
    UnreadableError
        As `read_csv`, and if it is neither shape.
    """
    content = texts.parse(given)
    found = content.get("obs") if isinstance(content, dict) else content
    if isinstance(found, list) and found and all(isinstance(o, dict) for o in found):
        head = content.get("header") if isinstance(content, dict) else None
        if isinstance(head, dict) and str(head.get("truncated")).casefold() == "true":
            msg = "Nomis cut it off (header.truncated)"
            raise UnreadableError(msg, _IN_PARTS)
        frame = pd.DataFrame([_flat(o) for o in found], dtype=object)
    else:
        msg = 'it is not the JSON of the Nomis API: there are no observations in "obs"'
        raise UnreadableError(msg, "download it as CSV")
    frame = frame.where(frame.notna(), None)
    frame.index += 1
    if not set(frame.columns) >= _HEADS:
        msg = f"it has no {' or '.join(sorted(_HEADS - set(frame.columns)))} (the code of an area, its figure)"
        raise UnreadableError(msg)
    raw = _wide(frame, spec, plan)
    raw.unit = "record"
    return raw


def _flat(observation: dict[str, object]) -> dict[str, object]:
    """Give one observation of the JSON the headings of the CSV."""
    record: dict[str, object] = {}
    for key, entry in observation.items():
        name = "DATE" if key.casefold() == "time" else key.upper()
        if not isinstance(entry, dict):
            record[name] = entry
            continue
        if name == "GEOGRAPHY" and "geogcode" in entry:
            record["GEOGRAPHY_CODE"] = entry["geogcode"]
        record[name] = entry.get("value")
        if "description" in entry:
            record[f"{name}_NAME"] = entry["description"]
    return record


def _wide(records: pd.DataFrame, spec: Input, plan: Plan) -> Raw:
    notes: list[str] = []
    records = records[records["GEOGRAPHY_CODE"].notna() & (records["GEOGRAPHY_CODE"] != "GEOGRAPHY_CODE")]
    if records.empty:
        msg = "it holds no records"
        raise UnreadableError(msg)
    _check_complete(records, notes)
    for column in ("GEOGRAPHY_TYPE", "GEOGRAPHY_TYPECODE"):
        if column in records.columns:
            for kind in records[column].dropna().astype(str).unique():
                _check_layer(kind.casefold(), spec)
    records = _only(_values_only(records), plan)
    date = next((c for c in ("DATE", "DATE_NAME") if c in records.columns), None)
    dimensions = _dimensions(records)
    _blank_missing(records, notes)
    return _pivot(records, dimensions, date, notes)


def _check_complete(records: pd.DataFrame, notes: list[str]) -> None:
    if "RECORD_COUNT" in records.columns:
        count = pd.to_numeric(records["RECORD_COUNT"], errors="coerce").max()
        if count > len(records):
            msg = f"it holds {len(records):,} of {int(count):,} records: the download was cut off"
            raise UnreadableError(msg, _IN_PARTS)
    elif len(records) % GUEST_LIMIT == 0:
        notes.append(f"It holds exactly {len(records):,} records, where Nomis cuts off a guest: is it complete?")


def _check_layer(text: str, spec: Input) -> None:
    """Refuse areas of another year than the input says: the codes of LSOA 2011 and LSOA 2021 look alike."""
    told = TYPES.get(text.removeprefix("type"))
    for layer, geography in _LAYERS.items():
        for year in ("2011", "2021"):
            if f"{year} {layer}" in text:
                told = f"{geography}{year[2:]}"
    if told is not None and spec.vintage is not None and told != spec.vintage:
        msg = f"its areas are {told} ({text.strip()!r}) and the input says {spec.vintage}"
        raise UnreadableError(msg, "correct vintage, or download the other areas")


def _values_only(records: pd.DataFrame) -> pd.DataFrame:
    for column, wanted in (("MEASURES", VALUE), ("MEASURES_NAME", "value")):
        if column in records.columns:
            measure = records[column].map(lambda m: words(m).casefold())
            if not (measure == wanted).any():
                there = ", ".join(sorted({words(m) for m in records[column]}))
                msg = f"its measure is {there}, and counts are needed"
                raise UnreadableError(msg, f"download measures={VALUE} (Value)")
            return records[measure == wanted]
    return records


def _only(records: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    for heading, values in plan.where.items():
        column = heading.upper()
        if column not in records.columns:
            msg = f"column {heading!r} of 'where' is missing; it has {', '.join(records.columns[:20])}"
            raise UnreadableError(msg, "correct 'where'")
        records = records[records[column].map(words).isin(values)]
        if records.empty:
            msg = f"no record has {' or '.join(map(repr, values))} in {heading!r} of 'where'"
            raise UnreadableError(msg, "correct 'where'")
    for dimension, accepted in plan.keep.items():
        columns = [c for c in (dimension, f"{dimension}_NAME", f"{dimension}_CODE") if c in records.columns]
        if columns:
            fits = pd.concat([records[c].map(words).isin(accepted) for c in columns], axis=1).any(axis=1)
            if not fits.any():
                there = ", ".join(sorted(set(records[columns[-1]].map(words)))[:_TOLD])
                msg = f"no record has {dimension} {' or '.join(map(repr, accepted))}; there are {there}"
                raise UnreadableError(msg, "download it as well")
            records = records[fits]
    return records.copy()


def _dimensions(records: pd.DataFrame) -> list[Dimension]:
    found: dict[str, Dimension] = {}
    for column in records.columns:
        stem = next(
            (column.removesuffix(e) for e in sorted(_ENDS, key=len, reverse=True) if column.endswith(e)), column
        )
        if stem in found or stem.startswith(tuple(f"{n}_" for n in _NOT_A_DIMENSION)) or stem in _NOT_A_DIMENSION:
            continue
        code = next((c for c in (stem, f"{stem}_CODE") if c in records.columns), None)
        name = next((c for c in (f"{stem}_NAME", stem, f"{stem}_CODE") if c in records.columns), None)
        if name is not None:
            found[stem] = Dimension(stem, code, name)
    return list(found.values())


def _blank_missing(records: pd.DataFrame, notes: list[str]) -> None:
    missing = pd.Series(data=False, index=records.index)
    if "OBS_STATUS" in records.columns:
        missing |= records["OBS_STATUS"].map(words).isin(_MISSING)
    if "OBS_STATUS_NAME" in records.columns:
        missing |= records["OBS_STATUS_NAME"].map(words).str.contains("missing|suppress|not available", case=False)
    records.loc[missing, "OBS_VALUE"] = None
    if missing.any():
        notes.append(f"{int(missing.sum()):,} figures are marked by Nomis as missing, and read as blank.")


def _pivot(records: pd.DataFrame, dimensions: list[Dimension], date: str | None, notes: list[str]) -> Raw:
    """Put the categories side by side, one row per area."""
    keys = [d.identity for d in dimensions] + ([date] if date else [])
    text = records[keys].apply(lambda column: column.map(words))
    group = text.groupby(keys, sort=False).ngroup() if keys else pd.Series(0, index=records.index)
    cells = pd.DataFrame({"code": records["GEOGRAPHY_CODE"].map(words), "group": group, "figure": records["OBS_VALUE"]})
    cells = _once(cells, notes)
    first = records.loc[group.index[~group.duplicated()]]
    varying = [d for d in dimensions if text.loc[first.index, d.identity].duplicated().sum() < len(first) - 1]
    many = bool(date) and len(set(text[date])) > 1
    forms = [_forms(record, dimensions, varying, date, many=many) for _, record in first.iterrows()]
    short = [f[0] for f in forms]
    headings = [f[0] if short.count(f[0]) == 1 else f[-1] for f in forms]  # two codes may have one name
    place, codes = pd.factorize(cells["code"])
    table = np.full((len(codes), len(headings)), None, dtype=object)
    table[place, cells["group"].to_numpy()] = cells["figure"].to_numpy()
    lines = cells.index[~cells["code"].duplicated()]
    wide = pd.DataFrame(table, index=lines, columns=pd.Index(headings, dtype=object))
    wide.insert(0, "code", codes)
    meant: dict[str, set[str]] = {}
    for heading, form in zip(headings, forms, strict=True):
        for other in form:
            meant.setdefault(other, set()).add(heading)
    aliases = {other: min(h) for other, h in meant.items() if len(h) == 1 and other not in headings}
    return Raw(wide, aliases={**aliases, "GEOGRAPHY_CODE": "code"}, notes=notes, filtered=True)


def _once(cells: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Count a figure that is given twice once; refuse two figures for the same thing."""
    again = cells.duplicated(["code", "group"], keep=False)
    if not again.any():
        return cells
    told = cells[again].assign(figure=cells["figure"].map(words)).drop_duplicates()
    clash = told.loc[told.duplicated(["code", "group"]), "code"]
    if len(clash):
        msg = f"{clash.iloc[0]} has several figures for the same thing"
        fix = "download it with every dimension (one is missing from the file), or keep two downloads apart"
        raise UnreadableError(msg, fix)
    kept = cells.drop_duplicates(["code", "group"])
    notes.append(f"{len(cells) - len(kept):,} records stand twice and count once.")
    return kept


def _forms(
    record: pd.Series[str], dimensions: list[Dimension], varying: list[Dimension], date: str | None, *, many: bool
) -> list[str]:
    """List the ways to name one column: by names or codes, of what varies or of all dimensions, with its date."""
    day = words(record[date]) if date else ""
    forms = []
    for used, by_code in product((varying, dimensions), (False, True)):
        if by_code and any(d.code is None for d in used):
            continue
        label = "; ".join(
            f"{d.id}={words(record[d.code])}" if by_code and d.code else words(record[d.name]) for d in used
        )
        dated = "; ".join(t for t in (label, day) if t)
        forms += [dated] if many else [label or "OBS_VALUE", dated]
    return [f for f in dict.fromkeys(forms) if f]
