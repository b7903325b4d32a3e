"""Choose, in a download from Fingertips, one figure for each council, indicator and period."""

from __future__ import annotations

import re

import pandas as pd

from needs.schemas import COUNCIL_CODE
from needs.sources.tabular import Raw, UnreadableError, words

AREA, INDICATOR, PERIOD, VALUE = "Area Code", "Indicator ID", "Time period", "Value"
_ORDER = "Time period Sortable"
_TOLD = 3


def chosen(raw: Raw, *, all_periods: bool) -> Raw:
    """Keep the figures that stand for a whole council.

    Rows of other areas (regions, practices), of a category (deprivation deciles, ethnic groups) and without a value
    are left out and counted; of the sexes, "Persons" counts where there is such a row; a council that stands under
    several parents counts once. Councils only: Fingertips has next to nothing by LSOA, so nothing of it is a score.

    Parameters
    ----------
    raw
        The table as downloaded, already filtered by the input's `where`.
    all_periods
        Keep every period; else the latest of each indicator.

    Returns
    -------
    Raw
        With the headings of the download.

    Raises
    ------
    UnreadableError
        If an indicator still has several figures for a council and period (several ages, or sexes without a total).
    """
    frame = raw.frame
    for heading in ("Category Type", "Category"):
        if heading in frame.columns:
            frame = _kept(frame, frame[heading].map(words) == "", "of a category, such as a deprivation decile", raw)
    councils = frame[AREA].map(lambda c: bool(re.match(COUNCIL_CODE, words(c)))).astype(bool)
    frame = _kept(frame, councils, "of areas that are no councils", raw)
    frame = _kept(frame, frame[VALUE].map(words) != "", "without a value", raw)
    if "Sex" in frame.columns:
        total = frame["Sex"].map(words) == "Persons"
        has_total = total.groupby(frame[INDICATOR]).transform("any")
        frame = _kept(frame, total | ~has_total, "of one sex, where there are persons", raw)
    if not all_periods:
        order = frame[_ORDER if _ORDER in frame.columns else PERIOD].map(words)
        latest = order.groupby(frame[INDICATOR]).transform("max")
        frame = _kept(frame, order == latest, "of earlier periods", raw)
    raw.frame = _one_each(frame)
    return raw


def _kept(frame: pd.DataFrame, keep: pd.Series[bool], what: str, raw: Raw) -> pd.DataFrame:
    left = int((~keep).sum())
    if left:
        raw.notes.append(f"{left:,} rows {what} are left out.")
    return frame[keep]


def _one_each(frame: pd.DataFrame) -> pd.DataFrame:
    key = [AREA, INDICATOR, PERIOD]
    named = [c for c in ("Sex", "Age") if c in frame.columns]
    once = frame[~frame[[*key, *named, VALUE]].map(words).duplicated()]
    clash = once[once[key].map(words).duplicated(keep=False)]
    if len(clash):
        told = []
        for indicator, rows in clash.groupby(INDICATOR):
            kinds = sorted({" / ".join(words(v) for v in row) for row in rows[named].to_numpy()})
            told.append(f"{indicator} ({', '.join(kinds[:_TOLD])})")
        msg = f"several figures for one council and period, of {', '.join(told[:_TOLD])}"
        raise UnreadableError(msg, 'say which are meant, such as where = { Sex = ["Female"], Age = ["<18 yrs"] }')
    return once
