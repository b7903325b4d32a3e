"""Read the columns that a chart needs from a table, and tell every fault of the table at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs.charts.words import clean
from needs.errors import Faults, InputError

Floats = npt.NDArray[np.float64]

MAX_MARKS = 2_000  # more marks than this are no chart, and make a page heavy
_LARGEST = 1e12


class Columns:
    """Columns of one table, with the faults found so far.

    Parameters
    ----------
    table
        One row per mark.
    chart
        Name of the chart, for messages.
    """

    def __init__(self, table: pd.DataFrame, chart: str) -> None:
        named = [n for n in table.index.names if n is not None and n not in table.columns]
        self.table = table.reset_index() if named and len(named) == table.index.nlevels else table
        self.chart = chart
        self.faults = Faults(InputError)
        if len(table) > MAX_MARKS:
            fix = f"draw one area at a time, or thin it to {MAX_MARKS:,} rows"
            self.faults.add(f"chart '{chart}'", f"its table has {len(table):,} rows", fix)

    def has(self, name: str) -> bool:
        """Whether the table has a column, or an index, of this name."""
        return name in self.table.columns

    def numbers(self, name: str, *, low: float = -_LARGEST, high: float = _LARGEST) -> Floats:
        """Read a column of numbers; NaN stays NaN, all else must lie within `low` and `high`."""
        column = self._column(name)
        read = pd.to_numeric(column, errors="coerce").astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        self._note(
            name, "is not a number", np.isnan(read) & column.notna().to_numpy(), "give numbers, NaN for no value"
        )
        with np.errstate(invalid="ignore"):
            outside = (read < low) | (read > high)
        self._note(name, f"is not within {low:,g} and {high:,g}", outside, "correct the table")
        return np.asarray(read, dtype=float)

    def words(self, name: str) -> list[str]:
        """Read a column of texts; missing ones are empty."""
        column = self._column(name)
        return ["" if gone else clean(value) for value, gone in zip(column, column.isna(), strict=True)]

    def labels(self, *names: str) -> list[str]:
        """Name every row by the first of these columns that is there and not empty, else by the index."""
        found = [str(v) for v in self.table.index]
        for name in reversed(names):
            if self.has(name):
                found = [own or other for own, other in zip(self.words(name), found, strict=True)]
        return [clean(f) or "no name" for f in found]

    def zones(self) -> list[str]:
        """Name every zone: by `zone_name`, else `lsoa21cd`, else the index; note zones that stand twice."""
        codes = self.words("lsoa21cd") if self.has("lsoa21cd") else [clean(v) for v in self.table.index]
        self.unique("zone", codes)
        return self.labels("zone_name", "lsoa21cd")

    def unique(self, what: str, keys: Sequence[object]) -> None:
        """Note keys that stand twice."""
        twice = pd.Series(list(keys), dtype=object).duplicated().to_numpy()
        self.faults.add_each(
            f"chart '{self.chart}'",
            [(f"row {i + 1}", f"{what} {clean(keys[i])!r} stands twice") for i in np.flatnonzero(twice).tolist()],
            "keep one row for each",
        )

    def order(self, below: str, above: str, low: Floats, high: Floats) -> None:
        """Note rows where one column passes another."""
        with np.errstate(invalid="ignore"):
            self._note(below, f"is over {above!r}", low > high, "correct the table")

    def _column(self, name: str) -> pd.Series[Any]:
        if name in self.table.columns and isinstance(column := self.table[name], pd.Series):
            return column
        what = "has two columns of this name" if self.has(name) else "is not a column of the table"
        self.faults.add(f"chart '{self.chart}', column '{name}'", what, "give it, or name the column that holds it")
        return pd.Series([np.nan] * len(self.table), dtype=object)

    def _note(self, name: str, what: str, wrong: npt.NDArray[np.bool_], fix: str) -> None:
        rows = [(f"row {i + 1}", f"{clean(self.table[name].iloc[i])!r} {what}") for i in np.flatnonzero(wrong).tolist()]
        self.faults.add_each(f"chart '{self.chart}', column '{name}'", rows, fix)

    def raise_if_any(self) -> None:
        """Raise every fault, or return."""
        self.faults.raise_if_any()
