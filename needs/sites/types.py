"""Type sites: what a building of each type may become, and what the words of a file mean."""

from __future__ import annotations

from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.assessment import Input
from needs.errors import Faults
from needs.schemas import SITE_COSTS
from needs.settings import CATALOGUE
from needs.sources.tabular import words
from needs.toml import Strict, load

GIVEN = ("postcode", "uprn", *SITE_COSTS)  # columns that an input may have


class SiteType(Strict):
    """What a building of one type may become."""

    label: str
    today: str
    may_be: tuple[str, ...]
    source: str


@cache
def site_types() -> dict[str, SiteType]:
    """Types of the catalogue, in the order in which they are preferred."""
    entries = load(CATALOGUE / "site_types.toml")["site_type"]
    return {name: SiteType.model_validate(entry) for name, entry in entries.items()}


def typed(table: gpd.GeoDataFrame, given: Input, faults: Faults) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Turn the file's own words into our types, and fill from the type what the file leaves out.

    Parameters
    ----------
    table
        Table `sites` as it was read.
    given
        Its input: `types` says which of its words are which type; rows of other words are left out.
    faults
        Collector: types that are unknown, or words of which none is in the file.

    Returns
    -------
    table : geopandas.GeoDataFrame
        With site_type, today, keep and source; without rows if something was a fault.
    notes : list of str
        How many rows are left out, by their word, and words that no row has.
    """
    known, where = site_types(), f"{given.path} (input '{given.id}')"
    notes: list[str] = []
    blank = table["site_type"].isna()
    if blank.any() and not given.types:
        told = [(str(row), "'site_type' of table 'sites' is blank") for row in table["row"][blank]]
        faults.add_each(where, told, "fill it in, or drop the row")
        return table.iloc[:0], notes
    if given.types:
        word = table["site_type"].map(words).where(~blank, "(blank)")
        others = word[~word.isin(set(given.types))].value_counts()
        table = table.assign(site_type=word.map(given.types))[word.isin(set(given.types))]
        counted = ", ".join(f"{name} {count:,}" for name, count in sorted(others.items(), key=lambda p: (-p[1], p[0])))
        if table.empty:
            faults.add(where, f"no row has a word of 'types'; they have {counted}", "correct 'types'")
        elif counted:
            notes.append(f"{int(others.sum()):,} rows of other kinds are left out: {counted}.")
        if unused := sorted(set(given.types) - set(word)):
            notes.append(f"No row has the word {', '.join(map(repr, unused))} of 'types': is it spelt as in the file?")
    unknown = sorted(set(table["site_type"]) - set(known))
    for name in unknown:
        fix = f"use one of {', '.join(known)}, or say by 'types' which of them it is"
        faults.add(where, f"site type {name!r} is unknown", fix)
    if unknown:
        return table.iloc[:0], notes
    full = table.assign(source=given.id)
    if "today" not in full:
        full["today"] = full["site_type"].map({name: kind.today for name, kind in known.items()})
    if "keep" not in full:
        full["keep"] = False
    return full, notes


def with_offers(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Say of each site its type in words, and what it may become: what it or its type may, and what it is today."""
    known = site_types()
    made: dict[str, pd.Series] = {"site_type_label": sites["site_type"].map({t: k.label for t, k in known.items()})}
    for offer in ("hub", "outreach"):
        by_type = sites["site_type"].map({t: offer in k.may_be for t, k in known.items()}).astype(bool)
        given = sites[f"may_{offer}"].astype(bool) if f"may_{offer}" in sites else by_type
        made[f"may_{offer}"] = given | (sites["today"] == offer)
    return sites.assign(**made)


def texts(sites: pd.DataFrame, column: str) -> NDArray[np.object_]:
    """Give a column of texts, "" where blank or not there."""
    if column not in sites:
        return np.full(len(sites), "", dtype=object)
    return np.asarray(sites[column].fillna(""), dtype=object)
