"""Carry the tables of an assessment that were published for another geography to the zones of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from needs import vintages
from needs.assessment import Assessment, Input
from needs.errors import Faults, NeedsError
from needs.indicators import IndexSpec
from needs.settings import ZONE_VINTAGE
from needs.vintages import Lookup

Bounds = dict[str, dict[str, pd.DataFrame]]  # by input id and column: `low` and `high` of cells, index lsoa21cd

_COUNTED = ("indicators", "demand", "deprived_children")  # tables of counts
_RATES = ("cars", "digital")  # tables of shares


@dataclass(frozen=True)
class Carried:
    """Tables of the zones of today.

    Attributes
    ----------
    tables
        By input id, each with `lsoa21cd`.
    columns
        Columns of indicators that were carried, and the vintage that they were published for.
    notes
        What was carried and what that takes for granted, in sentences.
    bounds
        By input id and column: `low` and `high` of the cells that are blank in `tables` and known to lie between
        bounds. A part that was left blank makes the cell of a merged or split zone such a one.
    """

    tables: dict[str, pd.DataFrame]
    columns: dict[str, str]
    notes: list[str]
    bounds: Bounds = field(default_factory=dict)


def to_zones(
    settings: Assessment, tables: Mapping[str, pd.DataFrame], spec: IndexSpec | None, faults: Faults
) -> Carried:
    """Carry every table whose codes are not those of the zones, by the lookup that the assessment gives.

    Counts are split by population and summed on merger, so that totals are kept; rates are copied on a split
    (`needs.vintages.Lookup`). Where areas merge, a rate is refused: how many people each is a rate of is not in the
    table. Which column is which follows from the table and, for indicators, from the index. A published rank cannot
    be carried.

    A blank count that its publisher left out lies between bounds (`bounds_of_blank`). Least and greatest counts are
    carried as counts are, so that the true count of each zone lies between its own bounds, which add up to those of
    the areas.

    Parameters
    ----------
    settings
        Its inputs of table "lookup" (vintage = where it leads from) and "population" are used.
    tables
        By input id: what was read; tables of another vintage have `code` in place of `lsoa21cd`.
    spec
        The declared index; None if it could not be read.
    faults
        Collector: codes that the lookup does not know, published ranks, rates of areas that merge, a lookup without
        weights.
    """
    tables = _near(settings, tables)
    made = dict(tables)
    columns: dict[str, str] = {}
    bounds: Bounds = {}
    lookups, notes = _lookups(settings, tables, faults)
    for given in settings.inputs:
        table = tables.get(given.id)
        if table is None or given.table in {"lookup", "context"}:
            continue
        if "code" not in table.columns:
            bounds[given.id] = _bounds_as_published(given, table, spec)
            continue
        vintage = str(given.vintage)
        where = f"{given.path} (input '{given.id}')"
        if vintage not in lookups:
            continue  # the lookup itself is at fault, which is told
        counts, rates = _kinds(given, table, spec, where, faults)
        if rates and _merges(given, table, lookups[vintage], rates, where, faults):
            continue
        ends = {c: found for c in counts if (found := bounds_of_blank(given, c, spec)) is not None}
        try:
            made[given.id], bounds[given.id] = _carried(table, lookups[vintage], counts, rates, ends, where)
        except NeedsError as error:
            faults.take(error)
            continue
        if given.table == "indicators":
            columns |= dict.fromkeys([*counts, *rates], vintage)
        notes.append(
            f"{given.title}: published for {vintage} and carried to {ZONE_VINTAGE}. Within an area of {vintage} it "
            "shows where people live, not where more or fewer of them are counted."
        )
    return Carried(made, columns, notes, bounds)


def _near(settings: Assessment, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Leave out what is not needed of tables and lookups of the nation: areas that no zone of the council lies in.

    Tables of indicators are kept whole, since an index is fitted on all of them.
    """
    near = dict(tables)
    places = [tables[i.id] for i in settings.of("zones") if i.id in tables]
    mine = {z for t in places for z in t.loc[t["lad24cd"].isin(settings.area.codes), "lsoa21cd"]}
    for lookup in settings.of("lookup"):
        pairs = tables.get(lookup.id)
        if pairs is None or not mine:
            continue
        touching = set(pairs.loc[pairs["lsoa21cd"].isin(mine), "from_code"])
        needed = set(touching)
        for given in settings.inputs:
            table = tables.get(given.id)
            if table is None or given.vintage != lookup.vintage or "code" not in table.columns:
                continue
            if given.table == "indicators":
                needed |= set(table["code"])
            else:
                near[given.id] = table[table["code"].isin(touching)].reset_index(drop=True)
        if not str(lookup.vintage).startswith("LSOA"):  # whether an exact fit is whole is checked on all of it
            near[lookup.id] = pairs[pairs["from_code"].isin(needed)].reset_index(drop=True)
    return near


def bounds_of_blank(given: Input, column: str, spec: IndexSpec | None) -> tuple[float, float] | None:
    """Least and most that a blank count hides, or None where nobody says.

    That is `blank` of the input; else `suppressed` of the indicators that have the column in their numerator: the
    least and the greatest, should they differ.
    """
    if given.blank is not None:
        return given.blank
    if given.table != "indicators" or spec is None:
        return None
    told = [i.suppressed for i in spec.indicators if i.suppressed is not None and column in i.numerator]
    return (min(s.low for s in told), max(s.high for s in told)) if told else None


def count_columns(table: pd.DataFrame, spec: IndexSpec | None) -> list[str]:
    """List the columns of a table of indicators that the index uses as counts."""
    used = {c for i in spec.indicators for c in (*i.numerator, *i.denominator)} if spec else set()
    return [c for c in table.columns if c in used]


def _bounds_as_published(given: Input, table: pd.DataFrame, spec: IndexSpec | None) -> dict[str, pd.DataFrame]:
    """Bounds of the blanks of a table by today's zones, where its input says what a blank hides."""
    if given.blank is None or given.table not in _COUNTED:
        return {}
    counts = [c for c in table.columns if c != "lsoa21cd"]
    if given.table == "indicators":
        counts = count_columns(table, spec)
    low, high = given.blank
    blanks = {c: pd.Index(table.loc[table[c].isna(), "lsoa21cd"], dtype=object) for c in counts}
    return {c: pd.DataFrame({"low": low, "high": high}, index=zones) for c, zones in blanks.items() if len(zones)}


def _merges(given: Input, table: pd.DataFrame, lookup: Lookup, rates: list[str], where: str, faults: Faults) -> bool:
    """Note that rates of areas that merge cannot be carried, where there are such areas; say whether there are."""
    pairs = lookup.pairs
    merged = pairs["to_code"].duplicated(keep=False) & pairs["from_code"].isin(set(table["code"]))
    codes = sorted(set(pairs.loc[merged, "to_code"]))
    if not codes:
        return False
    fix = f"give a table by {ZONE_VINTAGE}, or leave the input out: the shares in the settings then stand in"
    if given.table == "indicators":
        fix = (
            'give counts and a denominator (measure "proportion" or "rate"), which can be added up, or a table by '
            + ZONE_VINTAGE
        )
    what = f"{', '.join(rates)}: areas merge into {len(codes):,} of the zones, such as {codes[0]}, and rates cannot be"
    faults.add(where, f"{what} averaged without the counts that they are rates of", fix)
    return True


def _lookups(
    settings: Assessment, tables: Mapping[str, pd.DataFrame], faults: Faults
) -> tuple[dict[str, Lookup], list[str]]:
    found: dict[str, Lookup] = {}
    notes: list[str] = []
    used = {i.vintage for i in settings.inputs if i.id in tables and "code" in tables[i.id].columns}
    people = next((tables[i.id] for i in settings.of("population") if i.id in tables), None)
    population = None if people is None else people.set_index("lsoa21cd")["people"]
    for given in settings.of("lookup"):
        table = tables.get(given.id)
        if table is None or given.vintage not in used:
            continue
        own = population
        if "weight" in table.columns:
            own = table.drop_duplicates("lsoa21cd").set_index("lsoa21cd")["weight"]
        pairs = table.rename(columns={"lsoa21cd": "to_code"}).drop(columns="weight", errors="ignore")
        vintage = str(given.vintage)
        try:
            if vintage.startswith("LSOA"):
                lookup = vintages.exact_fit(pairs, own)
            elif own is None:
                fix = 'map columns.weight, or give an [[input]] with table = "population"'
                faults.add(f"input '{given.id}'", "has no weight to share counts of large areas by", fix)
                continue
            else:
                lookup = vintages.down(pairs, own, source=vintage)
        except NeedsError as error:
            faults.take(error)
            continue
        found[vintage] = lookup
        notes += lookup.notes
    return found, notes


def _kinds(
    given: Input, table: pd.DataFrame, spec: IndexSpec | None, where: str, faults: Faults
) -> tuple[list[str], list[str]]:
    """Tell counts from rates; columns that nothing asks for are in neither."""
    columns = [c for c in table.columns if c != "code"]
    if given.table != "indicators":
        return ([], columns) if given.table in _RATES else (columns, [])
    if spec is None:
        return [], []
    ranks = {i.value for i in spec.indicators if i.measure == "rank"}
    fix = f"use a source by {ZONE_VINTAGE}, or an index of the values behind the ranks"
    for column in columns:
        if column in ranks:
            faults.add(where, f"'{column}' is a published rank among {given.vintage}: it cannot be carried", fix)
    values = {i.value for i in spec.indicators if i.measure == "value"}
    return count_columns(table, spec), [c for c in columns if c in values]


def _carried(
    table: pd.DataFrame,
    lookup: Lookup,
    counts: list[str],
    rates: list[str],
    ends: Mapping[str, tuple[float, float]],
    where: str,
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Carry a table, and the bounds of its blanks where these are known (`ends`, by column)."""
    source = table.set_index("code")
    parts, bounds = [], {}
    if counts:
        carried = lookup.counts(source[counts], where=where)
        parts.append(carried)
        blank = [c for c in ends if source[c].isna().any()]
        if blank:
            low, high = (
                lookup.counts(source[blank].fillna({c: ends[c][k] for c in blank}), where=where) for k in (0, 1)
            )
            for c in blank:
                cells = carried.index[carried[c].isna()]
                bounds[c] = pd.DataFrame({"low": low.loc[cells, c], "high": high.loc[cells, c]})
    if rates:
        parts.append(lookup.rates(source[rates], where=where))
    if not parts:
        return pd.DataFrame({"lsoa21cd": []}), bounds
    return pd.concat(parts, axis=1).rename_axis("lsoa21cd").reset_index(), bounds
