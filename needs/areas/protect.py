"""Protect the sensitive tables of an assessment right after they are read, before anything is computed or kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from needs.areas.carry import Bounds, bounds_of_blank, count_columns
from needs.assessment import Assessment, Input
from needs.disclosure import Protected, Rule, protect
from needs.errors import Faults, NeedsError
from needs.indicators import IndexSpec


@dataclass(frozen=True)
class ProtectedInputs:
    """The tables of an assessment, protected where they are sensitive.

    Attributes
    ----------
    tables
        By input id. Hidden counts are replaced by their mean in a group of zones (`needs.disclosure`).
    bounds
        By input id and column: `low` and `high` of the cells that are known only to lie between them, index
        `lsoa21cd`: hidden counts, and the blanks of tables without a rule.
    hidden
        Zones of which a count is hidden, by a rule or (`filled`) by its publisher.
    notes
        What was done, in sentences.
    """

    tables: dict[str, pd.DataFrame]
    bounds: Bounds
    hidden: set[str]
    notes: list[str]


@dataclass(frozen=True)
class _Sensitive:
    """Counts of one input, zones x columns, with the bounds of their blanks (NaN where nobody says)."""

    given: Input
    rule: Rule
    counts: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame

    @property
    def columns(self) -> list[str]:
        """Names of the columns of counts."""
        return list(map(str, self.counts.columns))


def protect_inputs(
    settings: Assessment,
    tables: Mapping[str, pd.DataFrame],
    spec: IndexSpec | None,
    *,
    councils: pd.Series[str],
    classes: pd.Series[str],
    faults: Faults,
    bounds: Bounds | None = None,
) -> ProtectedInputs:
    """Apply the disclosure rule of every input that has one (`needs.disclosure.protect`).

    What is computed, kept and written afterwards is a function of the protected counts alone.

    Inputs with the same rule and the same zones are protected together: two tables that hide different zones and keep
    the same sums would tell by subtraction what either hides (Hundepool et al. 2012, Statistical Disclosure Control,
    section 5: linked tables). Equal columns of them are one. Inputs that overlap in part, or under different rules,
    are refused.

    Parameters
    ----------
    tables
        By input id, keyed by `lsoa21cd`.
    councils, classes
        District and rural-urban class by zone: counts are kept by both together, then by district.
    faults
        Collector: columns that are no counts, inputs that cannot be protected together, counts that cannot be hidden.
    bounds
        By input id and column: bounds of blank cells, as `needs.areas.to_zones` gives them. Other blanks have those of
        the input or the index (`needs.areas.carry.bounds_of_blank`), or else of the rule.
    """
    made = ProtectedInputs(dict(tables), {k: dict(v) for k, v in (bounds or {}).items()}, set(), [])
    sensitive = [
        found
        for given in settings.inputs
        if (found := _sensitive(given, tables.get(given.id), spec, made.bounds, faults)) is not None
    ]
    groups: list[list[_Sensitive]] = []
    for own in sensitive:
        same = (g for g in groups if g[0].rule == own.rule and g[0].counts.index.equals(own.counts.index))
        home = next(same, None)
        if home is None:
            groups.append([own])
        else:
            home.append(own)
    _note_overlaps(groups, faults)
    if faults.found:
        return made
    for group in groups:
        try:
            _protect_together(group, councils, classes, made)
        except NeedsError as error:
            faults.take(error)
    return made


def _sensitive(
    given: Input, table: pd.DataFrame | None, spec: IndexSpec | None, bounds: Bounds, faults: Faults
) -> _Sensitive | None:
    """Take the counts of an input that has a rule, in the order of the zones' codes; None for other inputs."""
    if given.disclosure is None or table is None or "lsoa21cd" not in table.columns:
        return None
    columns = [c for c in table.columns if c != "lsoa21cd"]
    if given.table == "indicators":
        used = count_columns(table, spec)
        rest = [c for c in columns if c not in used]
        if rest and spec:
            what = f"has a disclosure rule, and {', '.join(rest)} is no count that the index uses"
            fix = "give the counts behind it (numerator and denominator), or leave the column out"
            faults.add(f"input '{given.id}'", what, fix)
        columns = used
    if not columns:
        return None
    counts = table.set_index("lsoa21cd")[columns].sort_index()
    low, high = (pd.DataFrame(np.nan, counts.index, columns) for _ in range(2))
    for c in columns:
        blank = counts[c].isna()
        usual = bounds_of_blank(given, c, spec)
        if usual is not None:
            low.loc[blank, c], high.loc[blank, c] = usual
        told = bounds.get(given.id, {}).get(c)
        if told is not None:
            low[c], high[c] = (
                told[end].reindex(counts.index).where(blank).fillna(usual_end[c])
                for end, usual_end in (("low", low), ("high", high))
            )
    return _Sensitive(given, given.disclosure, counts, low, high)


def _note_overlaps(groups: Sequence[Sequence[_Sensitive]], faults: Faults) -> None:
    """Note inputs that have zones in common and cannot be protected together."""
    for first, second in combinations(groups, 2):
        shared = first[0].counts.index.intersection(second[0].counts.index)
        if shared.empty:
            continue
        a, b = first[0], second[0]
        apart = "different disclosure rules" if a.rule != b.rule else "different zones"
        faults.add(
            f"inputs '{a.given.id}' and '{b.given.id}'",
            f"are sensitive and share {len(shared):,} zones, such as {shared[0]}, but have {apart}: protected apart, "
            "one could tell by subtraction what the other hides",
            "give both the same disclosure rule and the same zones, or put their columns into one file",
        )


def _protect_together(
    group: Sequence[_Sensitive], councils: pd.Series[str], classes: pd.Series[str], made: ProtectedInputs
) -> None:
    """Protect inputs of one rule and the same zones in one go, and put what comes of it in their place."""
    names: dict[tuple[str, str], str] = {}  # of the column that stands for that of the input
    cells: dict[str, tuple[pd.Series[float], pd.Series[float], pd.Series[float]]] = {}
    for own in group:
        for c in own.columns:
            mine = own.counts[c].astype(float), own.low[c], own.high[c]
            equal = (n for n, known in cells.items() if all(a.equals(b) for a, b in zip(mine, known, strict=True)))
            name = next(equal, f"{own.given.id} {c}")
            names[own.given.id, c] = name
            cells.setdefault(name, mine)
    counts, low, high = (pd.DataFrame({n: column[k] for n, column in cells.items()}) for k in range(3))
    council = councils.reindex(counts.index).fillna("elsewhere").astype(str)
    both = council + " " + classes.reindex(counts.index).fillna("").astype(str)
    strata = pd.DataFrame({"both": both, "council": council})
    done = protect(counts, strata, group[0].rule, bounds=(low, high))
    for own in group:
        given = own.given
        mine_of = {c: names[given.id, c] for c in own.columns}
        zones = made.tables[given.id].set_index("lsoa21cd")
        values = {c: done.values[name] for c, name in mine_of.items()}
        made.tables[given.id] = zones.assign(**values).reset_index()
        made.bounds[given.id] = {c: ends for c, name in mine_of.items() if len(ends := _ends(done, name))}
    made.hidden.update(done.hidden.index[done.hidden.any(axis=1)])
    titles = " and ".join(dict.fromkeys(own.given.title for own in group))
    made.notes.extend(f"{titles}: {note}" for note in done.notes)


def filled(settings: Assessment, safe: ProtectedInputs, councils: pd.Series[str]) -> ProtectedInputs:
    """Put the middle between its bounds in the place of each count of demand that is still blank, and say so.

    A suppressed count is an interval, never 0: its bounds stay in `bounds`, and its zone is among `hidden`.

    Parameters
    ----------
    safe
        As `protect_inputs` gives it.
    councils
        District by zone: notes count the zones of the assessment's own.
    """
    mine = set(councils.index[councils.isin(settings.area.codes)])
    tables, hidden, notes = dict(safe.tables), set(safe.hidden), list(safe.notes)
    for given in settings.of("demand"):
        zones = tables[given.id].set_index("lsoa21cd")
        for column, ends in safe.bounds.get(given.id, {}).items():
            blank = zones.index[zones[column].isna()].intersection(ends.index)
            if blank.empty:
                continue
            low, high = (ends.loc[blank, end] for end in ("low", "high"))
            zones.loc[blank, column] = (low + high) / 2
            hidden |= set(blank)
            here = blank[blank.isin(mine)]
            if len(here):
                between = f"{low[here].sum():,.0f} to {high[here].sum():,.0f}"
                what = f"{column} of {len(here):,} zones is not published"
                notes.append(f"{given.title}: {what}, together {between}; the middle of each is counted.")
        tables[given.id] = zones.reset_index()
    return replace(safe, tables=tables, hidden=hidden, notes=notes)


def _ends(done: Protected, column: str) -> pd.DataFrame:
    """Bounds of the hidden cells of a column."""
    hidden = done.hidden[column]
    return pd.DataFrame({"low": done.low.loc[hidden, column], "high": done.high.loc[hidden, column]})
