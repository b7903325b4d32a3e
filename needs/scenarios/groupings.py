"""Name the groups of families that scenarios are compared by, and find the deprivation decile of zones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from needs.errors import InputError, fail
from needs.inequality import quantiles
from needs.rural import RURAL_URBAN_LABELS

NOT_KNOWN = "Not known"
_DECILES = range(1, 11)

# By column of the families: the words for each of its values, in the order to show.
LABELS: dict[str, dict[Any, str]] = {
    "fifth_england": {
        1: "Fifth of England with the highest need",
        2: "Second fifth",
        3: "Third fifth",
        4: "Fourth fifth",
        5: "Fifth of England with the lowest need",
    },
    "fifth_here": {
        1: "Fifth of the zones here with the highest need",
        2: "Second fifth here",
        3: "Third fifth here",
        4: "Fourth fifth here",
        5: "Fifth of the zones here with the lowest need",
    },
    "idaci_decile": {d: f"IDACI decile {d}" for d in _DECILES}
    | {1: "IDACI decile 1 (most deprived tenth of England)", 10: "IDACI decile 10 (least deprived tenth of England)"},
    "ruc21cd": dict(RURAL_URBAN_LABELS),
    "car": {True: "With a car", False: "Without a car"},
}


def idaci_decile(tables: Iterable[pd.DataFrame]) -> pd.Series[int]:
    """Find the decile of every zone by the Income Deprivation Affecting Children Index, 1 = most deprived.

    The published decile is taken where a table has it. Else it follows from the published rank by the rule of the
    Indices of Deprivation, rank / (zones / 10) rounded up, which holds only where every zone that was ranked is in
    the table: of a part of England the decile is not known.

    Parameters
    ----------
    tables
        Tables `indicators`: lsoa21cd, and perhaps idaci_decile or idaci_rank (1 = most deprived); all zones that the
        publisher ranked.

    Returns
    -------
    pandas.Series
        Index lsoa21cd, whole numbers 1 to 10 (Int64), missing where not known; empty where no table has either.

    Raises
    ------
    InputError
        If a published decile is not a whole number from 1 to 10.

    Source: MHCLG, English Indices of Deprivation, deciles (`needs.inequality.quantiles`).
    """
    found = {c: t for t in tables for c in ("idaci_decile", "idaci_rank") if c in t}
    if "idaci_decile" in found:
        decile = found["idaci_decile"].set_index("lsoa21cd")["idaci_decile"]
        wrong = decile[decile.notna() & ~decile.isin(_DECILES)]
        if len(wrong):
            what = f"'idaci_decile' of {wrong.index[0]} is {wrong.iloc[0]:g}"
            fix = "map the published decile: a whole number, 1 (most deprived) to 10"
            fail(InputError, "table 'indicators'", what, fix)
        return decile.astype("Int64")
    if "idaci_rank" not in found:
        return pd.Series(dtype="Int64", name="idaci_decile", index=pd.Index([], dtype=object, name="lsoa21cd"))
    rank = found["idaci_rank"].set_index("lsoa21cd")["idaci_rank"]
    decile = quantiles(rank).rename("idaci_decile")
    return decile if rank.max() <= rank.count() else decile.mask(decile.notna())


def members(table: pd.DataFrame, column: str, words: Mapping[Any, str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Part a table by a column so that the parts add up to it: labelled values, then others, then those not known.

    Parameters
    ----------
    table
        With the column; NaN is not known.
    column
        To part by.
    words
        Label of each value, in the order to show; other values are called by themselves, in the order of their text.
    """
    own = set(table[column].dropna())
    others = {value: str(value) for value in sorted(own - set(words), key=str)}
    for value, label in {**words, **others}.items():
        if value in own:
            yield label, table[table[column] == value]
    unknown = table[column].isna()
    if unknown.any():
        yield NOT_KNOWN, table[unknown]
