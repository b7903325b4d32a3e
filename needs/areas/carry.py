"""Carry the tables of an assessment that were published for another geography to the zones of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from needs import vintages
from needs.assessment import Assessment, Input
from needs.errors import Faults, NeedsError
from needs.indicators import IndexSpec
from needs.settings import ZONE_VINTAGE
from needs.vintages import Lookup


@dataclass(frozen=True)
class Carried:
    """Tables of the zones of today.

    Attributes
    ----------
    tables
        By input id, each with `lsoa21cd`.
    columns
        Columns that were carried, and the vintage that they were published for.
    notes
        What was carried and what that takes for granted, in sentences.
    """

    tables: dict[str, pd.DataFrame]
    columns: dict[str, str]
    notes: list[str]


def to_zones(
    settings: Assessment, tables: Mapping[str, pd.DataFrame], spec: IndexSpec | None, faults: Faults
) -> Carried:
    """Carry every table whose codes are not those of the zones, by the lookup that the assessment gives.

    Counts are split by population and summed on merger, so that totals are kept; rates are copied on a split and
    averaged by denominator on merger (`needs.vintages.Lookup`). Which column is which follows from the table and, for
    indicators, from the index. A published rank cannot be carried.

    Parameters
    ----------
    settings
        Its inputs of table "lookup" (vintage = where it leads from) and "population" are used.
    tables
        By input id: what was read; tables of another vintage have `code` in place of `lsoa21cd`.
    spec
        The declared index; None if it could not be read.
    faults
        Collector: codes that the lookup does not know, published ranks, a lookup without weights.
    """
    made = dict(tables)
    columns: dict[str, str] = {}
    lookups, notes = _lookups(settings, tables, faults)
    for given in settings.inputs:
        table = tables.get(given.id)
        if table is None or "code" not in table.columns or given.table in {"lookup", "context"}:
            continue
        vintage = str(given.vintage)
        where = f"{given.path} (input '{given.id}')"
        if vintage not in lookups:
            continue  # the lookup itself is at fault, which is told
        counts, rates = _kinds(given, table, spec, where, faults)
        try:
            made[given.id] = _carried(table, lookups[vintage], counts, rates, where)
        except NeedsError as error:
            faults.take(error)
            continue
        columns |= dict.fromkeys([*counts, *rates], vintage)
        notes.append(
            f"{given.title}: published for {vintage} and carried to {ZONE_VINTAGE}. Within an area of {vintage} it "
            "shows where people live, not where more or fewer of them are counted."
        )
    return Carried(made, columns, notes)


def _lookups(
    settings: Assessment, tables: Mapping[str, pd.DataFrame], faults: Faults
) -> tuple[dict[str, Lookup], list[str]]:
    found: dict[str, Lookup] = {}
    notes: list[str] = []
    people = next((tables[i.id] for i in settings.of("population") if i.id in tables), None)
    population = None if people is None else people.set_index("lsoa21cd")["people"]
    for given in settings.of("lookup"):
        table = tables.get(given.id)
        if table is None:
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
        return ([], columns) if given.table == "cars" else (columns, [])
    if spec is None:
        return [], []
    counts = {c for i in spec.indicators for c in (*i.numerator, *i.denominator)}
    ranks = {i.value for i in spec.indicators if i.measure == "rank"}
    fix = f"use a source by {ZONE_VINTAGE}, or an index of the values behind the ranks"
    for column in columns:
        if column in ranks:
            faults.add(where, f"'{column}' is a published rank among {given.vintage}: it cannot be carried", fix)
    values = {i.value for i in spec.indicators if i.measure == "value"}
    return [c for c in columns if c in counts], [c for c in columns if c in values]


def _carried(table: pd.DataFrame, lookup: Lookup, counts: list[str], rates: list[str], where: str) -> pd.DataFrame:
    source = table.set_index("code")
    parts = []
    if counts:
        parts.append(lookup.counts(source[counts], where=where))
    if rates:
        parts.append(lookup.rates(source[rates], where=where))
    if not parts:
        return pd.DataFrame({"lsoa21cd": []})
    return pd.concat(parts, axis=1).rename_axis("lsoa21cd").reset_index()
