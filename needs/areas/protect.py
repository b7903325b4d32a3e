"""Protect the sensitive tables of an assessment right after they are read, before anything is computed or kept."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from needs.assessment import Assessment
from needs.disclosure import protect
from needs.errors import Faults, NeedsError
from needs.indicators import IndexSpec


def protect_inputs(
    settings: Assessment,
    tables: Mapping[str, pd.DataFrame],
    spec: IndexSpec | None,
    *,
    councils: pd.Series[str],
    classes: pd.Series[str],
    faults: Faults,
) -> tuple[dict[str, pd.DataFrame], set[str], list[str]]:
    """Apply the disclosure rule of every input that has one (`needs.disclosure.protect`).

    What is computed, kept and written afterwards is a function of the protected counts alone.

    Parameters
    ----------
    tables
        By input id, keyed by `lsoa21cd`.
    councils, classes
        District and rural-urban class by zone: counts are kept by both together, then by district.

    Returns
    -------
    tables : dict
        With protected counts.
    hidden : set of str
        Zones of which a count is hidden.
    notes : list of str
        What was done, in sentences.
    """
    made = dict(tables)
    hidden: set[str] = set()
    notes: list[str] = []
    for given in settings.inputs:
        rule, table = given.disclosure, tables.get(given.id)
        if rule is None or table is None or "lsoa21cd" not in table.columns:
            continue
        where = f"input '{given.id}'"
        counts = [c for c in table.columns if c != "lsoa21cd"]
        if given.table == "indicators":
            used = {c for i in spec.indicators for c in (*i.numerator, *i.denominator)} if spec else set()
            rest = [c for c in counts if c not in used]
            counts = [c for c in counts if c in used]
            if rest and spec:
                fix = "give the counts behind it (numerator and denominator), or leave the column out"
                faults.add(where, f"has a disclosure rule, and {', '.join(rest)} is no count that the index uses", fix)
        if not counts or faults.found:
            continue
        zones = table.set_index("lsoa21cd")
        council = councils.reindex(zones.index).fillna("elsewhere").astype(str)
        both = council + " " + classes.reindex(zones.index).fillna("").astype(str)
        bounds = None
        if given.blank:
            low, high = (pd.DataFrame(b, zones.index, counts, dtype=float) for b in given.blank)
            bounds = low, high
        try:
            done = protect(zones[counts], pd.DataFrame({"both": both, "council": council}), rule, bounds=bounds)
        except NeedsError as error:
            faults.take(error)
            continue
        made[given.id] = zones.assign(**{c: done.values[c] for c in counts}).reset_index()
        hidden |= set(zones.index[done.hidden.any(axis=1)])
        notes += [f"{given.title}: {note}" for note in done.notes]
    return made, hidden, notes
