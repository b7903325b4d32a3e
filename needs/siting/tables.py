"""Check columns, codes and numbers of the tables that are joined by code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from needs.charts.words import DASH, decimals_for, number, safe
from needs.errors import Faults
from needs.location.rules import Floats


def has(table: pd.DataFrame, columns: Sequence[str], *, name: str, faults: Faults) -> bool:
    """Note the columns that a table lacks; return whether it has them all."""
    absent = [c for c in columns if c not in table.columns]
    faults.add_codes(name, "lacks columns", absent, "add them")
    return not absent


def codes(column: pd.Series, *, name: str, faults: Faults) -> list[str]:
    """Read codes, each of which may stand once; note those that are blank or stand twice."""
    if column.isna().any():
        faults.add(name, f"{int(column.isna().sum())} rows have no {column.name}", "give each row its code")
    faults.add_codes(
        name, f"{column.name} stands twice", column[column.duplicated() & column.notna()], "keep one row for each"
    )
    return [str(code) for code in column.dropna()]


def numbers(
    table: pd.DataFrame, column: str, *, name: str, faults: Faults, least: float = 0.0, above: bool = False
) -> Floats:
    """Read a column of finite numbers of at least (or, with `above`, of more than) `least`, and note all others.

    The first column of the table names the row in messages.
    """
    read: Floats = pd.to_numeric(table[column], errors="coerce").to_numpy(float, na_value=np.nan)
    right = np.isfinite(read) & ((read > least) if above else (read >= least))
    rows = [(str(table.iloc[i, 0]), f"{column} is {table[column].iloc[i]!s}") for i in np.flatnonzero(~right).tolist()]
    faults.add_each(name, rows, f"give a number {'over' if above else 'of at least'} {least:g}")
    return read


def known(wanted: Iterable[str], there: Iterable[str], *, name: str, what: str, faults: Faults, fix: str) -> None:
    """Note the codes that are wanted but not there."""
    faults.add_codes(name, what, set(wanted) - set(there), fix)


def html(table: pd.DataFrame, headings: dict[str, str], *, title: str) -> str:
    """Write some columns of a table as HTML, under headings in words; every text is escaped.

    Whole numbers of a column without fractions are written as such; NaN is a dash.
    """
    written = []
    for column in headings:
        if pd.api.types.is_numeric_dtype(table[column].dtype):
            read = table[column].to_numpy(float, na_value=np.nan)
            decimals = decimals_for(read)
            cells = [DASH if np.isnan(v) else number(v, decimals) for v in read]
            written.append([f'<td style="text-align:right">{cell}</td>' for cell in cells])
        else:
            written.append([f'<td style="text-align:left">{safe(v)}</td>' for v in table[column]])
    heads = "".join(f'<th scope="col">{safe(words)}</th>' for words in headings.values())
    rows = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*written, strict=True))
    return f"<table><caption>{safe(title)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
