"""Find the columns that an index asks for in the raw tables, as numbers by zone, and tell every fault of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs.errors import Faults
from needs.indicators.spec import IndexSpec

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ends = tuple[Floats, Floats]  # least and greatest count by zone, NaN where the cell is no interval

_SHOWN = 5  # zones or cells listed in a message


def find_columns(
    tables: Mapping[str, pd.DataFrame],
    spec: IndexSpec,
    faults: Faults,
    bounds: Mapping[str, pd.DataFrame] | None = None,
) -> tuple[pd.Index[str], dict[str, Floats], dict[str, Ends]]:
    """Gather the columns of an index from the tables that hold them.

    Parameters
    ----------
    tables
        Wide tables by input id, each with `lsoa21cd`; columns that the index does not ask for are ignored.
    spec
        The declared index.
    faults
        Collector of what is wrong: a column in no table or in two; text, negative counts, blanks that no rule of the
        index allows; a zone that stands twice; zones that one table has and another lacks; bounds that are none.
    bounds
        By column of counts: index `lsoa21cd`, `low` and `high` of the cells that are known only to lie between them.

    Returns
    -------
    zones : pandas.Index
        Codes of all zones, in order.
    columns : dict
        Numbers by zone, shape (zones,), of each column that is in exactly one table; NaN where blank.
    ends : dict
        Least and greatest count by zone, shape (zones,) each, of the columns that have bounds; NaN for other cells.
    """
    found: dict[str, str] = {}  # column -> the table that holds it
    for name, indicator in {c: i for i in reversed(spec.indicators) for c in i.columns}.items():
        holders = [key for key, table in tables.items() if name in table.columns]
        if len(holders) == 1:
            found[name] = holders[0]
        elif holders:
            fix = "leave it out of all but one of them (columns of the [[input]])"
            faults.add(f"column '{name}'", f"is in {len(holders)} tables: {', '.join(holders)}", fix)
        else:
            fix = f'map it in an [[input]] whose table is "indicators": columns.{name} = "<heading>"'
            what = f"is in none of the tables ({', '.join(tables) or 'there are none'})"
            faults.add(f"column '{name}' of indicator '{indicator.id}'", what, f"{fix} ({indicator.label})")
    codes = {  # as objects: many times quicker to look up than text in Arrow's form
        key: pd.Index(tables[key]["lsoa21cd"].to_numpy(dtype=object), dtype=object)
        for key in dict.fromkeys(found.values())
    }
    zones = pd.Index(sorted(set().union(*(own.tolist() for own in codes.values()))), dtype=object)
    rows = {key: _rows(own, zones, key, faults) for key, own in codes.items()}
    counts = {c for i in spec.indicators for c in i.numerator + i.denominator}
    full = _never_blank(spec)
    columns, ends = {}, {}
    for name, key in found.items():
        between: Flags = np.zeros(len(codes[key]), dtype=bool)
        if bounds and name in counts and name in bounds:
            ends[name] = _ends(bounds[name], zones, name, faults)
            between = codes[key].isin(bounds[name].index)
        number = _numbers(tables[key][name], codes[key], name in counts, name in full, between, key, faults)
        columns[name] = np.append(number, np.nan)[rows[key]]  # row -1, no row, takes the NaN at the end
    return zones.astype(str).rename("lsoa21cd"), columns, ends


def _never_blank(spec: IndexSpec) -> set[str]:
    """Columns of which a blank is a fault: an indicator needs them, and no rule says what a blank stands for."""
    return {
        c
        for i in spec.indicators
        if i.missing == "error"
        for c in i.columns
        if i.suppressed is None or c not in i.numerator
    }


def _rows(own: pd.Index[str], zones: pd.Index[str], where: str, faults: Faults) -> npt.NDArray[np.intp]:
    """Row of each zone in a table, -1 where it has none."""
    if own.equals(zones):
        return np.arange(len(own))
    twice = own.duplicated()
    faults.add_codes(where, "has a zone twice", set(own[twice]), "keep one row for each")
    first = np.flatnonzero(~twice)
    rows = np.append(first, -1)[own[first].get_indexer(zones)]
    faults.add_codes(where, "lacks zones that other tables have", zones[rows < 0], "complete the table")
    return rows


def _ends(given: pd.DataFrame, zones: pd.Index[str], name: str, faults: Faults) -> Ends:
    """Bounds of a column in the order of the zones."""
    where, fix = f"bounds of '{name}'", "give the least and the greatest count, from 0, in this order"
    twice = given.index.duplicated()
    faults.add_codes(where, "have a zone twice", set(given.index[twice]), "keep one row for each")
    first = given[~twice]
    low, high = first["low"].to_numpy(dtype=float), first["high"].to_numpy(dtype=float)
    wrong = ~((low >= 0) & (low <= high) & np.isfinite(high))
    faults.add_codes(where, "are not in order", set(first.index[wrong]), fix)
    rows = pd.Index(first.index.to_numpy(dtype=object), dtype=object).get_indexer(zones)
    return np.append(low, np.nan)[rows], np.append(high, np.nan)[rows]


def _numbers(
    raw: pd.Series[Any],
    zones: pd.Index[str],
    is_count: bool,
    is_full: bool,
    between: Flags,
    where: str,
    faults: Faults,
) -> Floats:
    name = raw.name
    plain = isinstance(raw.dtype, np.dtype) and raw.dtype.kind in "biuf"
    number = (raw if plain else pd.to_numeric(raw, errors="coerce")).to_numpy(dtype=float, na_value=np.nan)
    usable = np.isfinite(number)
    if usable.all() and not (is_count and (number < 0).any()):
        return number
    blank = raw.isna().to_numpy()
    text = ~usable & ~blank
    sample = ", ".join(repr(v) for v in list(dict.fromkeys(raw[text]))[:_SHOWN])
    fix = "give a number, or a blank, of which the index says what it is (suppressed or missing)"
    faults.add_codes(where, f"'{name}' is no number ({sample})", zones[text], fix)
    if is_full:
        fix = "fill it in, or say in the index what a blank is (suppressed or missing): no value is guessed"
        faults.add_codes(where, f"'{name}' is blank", zones[blank & ~between], fix)
    if is_count:
        faults.add_codes(where, f"'{name}' is a negative count", zones[number < 0], "correct it")
        usable &= number >= 0
    return np.where(usable, number, np.nan)
