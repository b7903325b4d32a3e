"""Turn the cells of a column into numbers and flags, with every cell that cannot be turned named by its row."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from needs.errors import Faults

_COMMAS = ",\u00a0\u202f\u2009"  # between thousands: a comma, or a space at which no line breaks
_THOUSANDS = "|".join(rf"^[+-]?\d{{1,3}}({c}\d{{3}})+(\.\d+)?$" for c in _COMMAS)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_KNOWN_MARKS = frozenset({"*", "**", "-", "--", ".", "..", "...", ":", "~", "c", "s", "u", "x", "z", "n/a", "na"})
_HINTS = (  # what a text that is no number may be, and what to do then
    (r"%$", "take the % away"),
    (r"^[-+(]?[£$€]|[£$€]$", "take the sign of the currency away"),
    (r"^[+-]?\d+,\d+$", "write a point where the comma is, if it is a decimal comma"),
    (r"\d\s+\d", "take the space inside the number away"),
    (r"^\(\d[\d.,]*\)$", "write a minus where the brackets are"),
    (r"^=", "it is a formula that was never calculated: open the workbook, and save it again"),
    (r"^#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!)", "mend the formula, or leave the cell blank"),
    (r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", "it is a date: is the column the right one?"),
)
_PLAIN = {str, int, float, type(None)}
_FLAGS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


@dataclass
class Marked:
    """How many cells of each column held a text that stands for a suppressed or missing figure, by that text."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, texts: pd.Series[str]) -> None:
        """Count the marks of a column."""
        own = self.counts.setdefault(name, {})
        for text, count in texts.value_counts().sort_index().items():
            own[str(text)] = own.get(str(text), 0) + int(count)

    def notes(self) -> list[str]:
        """Say what was read as blank, one sentence per column."""
        return [
            f"{name}: {sum(own.values()):,} figures are suppressed or missing ("
            + ", ".join(f"{text!r} {count:,} times" for text, count in own.items())
            + ") and read as blank."
            for name, own in self.counts.items()
            if own
        ]


@dataclass(frozen=True)
class Place:
    """Where the cells stand, for messages: the file, and how to name a row of it."""

    where: str
    label: Callable[[int], str]
    faults: Faults


def numbers(
    values: pd.Series[Any], name: str, *, marks: Collection[str], marked: Marked, place: Place
) -> pd.Series[float]:
    """Read the numbers of a column.

    Parameters
    ----------
    values
        Cells: text or numbers. "1,234" is a number, also with a space at which no line breaks for the comma; "1,5",
        "12%", "£5", a date or a yes is none.
    name
        Our name of the column.
    marks
        Texts, casefolded, that are read as blank and counted.
    marked
        Counter of the marks.
    place
        Where faults are noted.

    Returns
    -------
    pandas.Series
        Same index, NaN for a blank cell or a mark. A cell that is no number is a fault (and 0 in the result, so that
        it is not told once more as a blank).
    """
    found = _plain(values)
    if found is not None:
        return found
    texts = values.astype(object)
    is_text = texts.map(lambda c: isinstance(c, str)).astype(bool)
    text = texts.where(is_text, "").astype(str).str.strip()
    hit = is_text & text.str.casefold().isin(set(marks))
    marked.add(name, text[hit])
    blank = texts.isna() | hit | (is_text & (text == ""))
    text = text.where(~text.str.match(_THOUSANDS), text.str.replace(f"[{_COMMAS}]", "", regex=True))
    plain = texts.map(lambda c: isinstance(c, int | float | np.number) and not isinstance(c, bool)).astype(bool)
    fine = plain | (is_text & text.str.match(_NUMBER))
    found = pd.to_numeric(texts.where(~is_text, text).where(fine & ~blank), errors="coerce").astype(float)
    bad = ~blank & (found.isna() | found.isin([np.inf, -np.inf]))
    told = [(place.label(int(i)), f"'{name}' is {texts[i]!r}: must be a number") for i in values.index[bad]]
    odd = sorted({str(v).strip() for v in values[bad] if str(v).strip("[]() \t").casefold() in _KNOWN_MARKS})
    listed = ", ".join(f'"{text}"' for text in odd)
    hint = f"; if it stands for a suppressed or missing figure, add marks = [{listed}]" if odd else ""
    place.faults.add_each(place.where, told, f"correct it, or leave it blank{hint}{_hints(values[bad])}")
    return found.where(~bad, 0.0)


def _hints(bad: pd.Series[Any]) -> str:
    """Say what the cells may be that are no numbers."""
    seen = [str(v).strip() for v in bad]
    fixes = [fix for pattern, fix in _HINTS if any(re.search(pattern, text) for text in seen)]
    return "".join(f"; {fix}" for fix in fixes)


def _plain(values: pd.Series[Any]) -> pd.Series[float] | None:
    """Read a column in which every cell is a plain number or blank, which most are; None for any other."""
    if pd.api.types.is_bool_dtype(values):
        return None
    if pd.api.types.is_numeric_dtype(values):
        read = values.to_numpy(dtype=float, na_value=np.nan)
    else:
        try:
            texts = pa.array(values, pa.string(), from_pandas=True)
            read = np.array(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False))
        except pa.ArrowException:  # not all of them texts, or not all of these numbers
            if not set(map(type, values)) <= _PLAIN:
                return None
            read = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    fine = np.isfinite(read) | (np.isnan(read) & values.isna().to_numpy())
    return pd.Series(read, index=values.index) if bool(fine.all()) else None


def flags(values: pd.Series[Any], name: str, place: Place) -> pd.Series[bool]:
    """Read yes and no (also true, false, 1, 0); anything else is a fault."""
    found = values.map(lambda v: _FLAGS.get(str(v).strip().casefold()))
    told = [(place.label(int(i)), f"'{name}' is {values[i]!r}: must be yes or no") for i in values.index[found.isna()]]
    place.faults.add_each(place.where, told, "correct it")
    return found.fillna(value=False).astype(bool)
