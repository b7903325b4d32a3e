"""Bring raw tables to one value per zone and indicator, with what is known of each: bounds, state, reliability."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs import rates
from needs.errors import Faults, InputError
from needs.indicators.cells import GROUPS, STATES, Cells
from needs.indicators.columns import Ends, find_columns
from needs.indicators.counts import Counts, Flags, Floats, Pair, add_up
from needs.indicators.spec import IndexSpec, Indicator

Codes = npt.NDArray[np.int64]

_MEASURED, _SUPPRESSED, _IMPUTED, _CARRIED = range(len(STATES))
_CLOSE = 1e-6  # relative: closer to its target, the distance of a value from it is lost in rounding
_GROUPS_OF = {"council": ("council",), "class": ("class",), "council_class": ("council", "class")}


def indicator_values(
    tables: Mapping[str, pd.DataFrame],
    spec: IndexSpec,
    *,
    groups: pd.DataFrame | None = None,
    carried: Collection[str] = frozenset(),
    bounds: Mapping[str, pd.DataFrame] | None = None,
) -> Cells:
    """Value of every indicator for every zone, and what is known of it.

    All is computed over all zones of the tables, which are the reference (England): what rates are steadied
    towards, and what stands in for a missing value, is the reference's, the council's or the class's, whatever area
    is looked at afterwards.

    A counted value is `per` x sum of the numerator / sum of the denominator. A blank numerator that is declared as
    suppressed is never read as 0: `needs.indicators.counts.Counts.filled` says what it is taken for, and its bounds.
    A zone whose denominator is 0, or under `min_denominator`, has no value.

    Smoothing draws the ratio towards the reference (`needs.rates.empirical_bayes`, Marshall 1991), or towards the
    group: a proportion by `needs.rates.shrink`, as the Indices of Deprivation; a rate, which may pass 1, by
    `empirical_bayes` within the group. A bound is steadied by as much as the value is, towards the same target.

    A missing value becomes the mean of its group: of counts, the sum of the numerators over the sum of the
    denominators, suppressed zones as used; of published values, the plain mean of the zones. Where no zone of the
    group has a value, the mean of the reference stands in, and a note says so. By "domain_mean" it stays NaN, for
    the index to leave out.

    Parameters
    ----------
    tables
        Wide tables by input id, each with `lsoa21cd` (contract `indicators` of `needs.schemas`, already checked) and
        further columns, NaN where blank; columns that the index does not ask for are ignored.
    spec
        The declared index.
    groups
        Index `lsoa21cd`; `council` (district code) and `class` (rural-urban class): needed where a rule asks for them.
    carried
        Columns that were published for another geography and carried to this one.
    bounds
        By column of counts: index `lsoa21cd`, `low` and `high` of the cells that are known only to lie between them,
        such as a suppressed count that was carried, or a count hidden by disclosure control. Such a cell is blank in
        its table, or has its stand-in there; it is "suppressed", whether the index declares `suppressed` or not, and
        blank cells that are not named here have the bounds that the index declares. Other zones and columns than
        those of the tables are ignored.

    Returns
    -------
    Cells
        Rows in the order of the zones' codes, columns in the order of the index. Of an imputed cell the numerator,
        raw value and reliability are NaN. The reliability of a proportion is `needs.rates.reliability`, that of a
        rate the weight of its own count in `needs.rates.empirical_bayes`, both over all zones.

    Raises
    ------
    InputError
        With every fault: a column in no table or in two; text, negative counts, a blank that no rule allows; a
        numerator over the denominator of a proportion, a denominator of 0 where no rule says what then stands; ranks
        that are no whole numbers from 1 (that none passes the number of zones is for the index to check, which knows
        its reference); an indicator without a value in any zone; zones that one table has and another lacks; a rule
        that needs the council or class of zones where that is not given; bounds that are not in order.
    """
    faults = Faults(InputError)
    zones, columns, ends = find_columns(tables, spec, faults, bounds)
    found = _groups(groups, spec, zones, faults)
    ready = {i.id: _read(i, columns, ends, zones, faults) for i in spec.indicators if set(i.columns) <= set(columns)}
    faults.raise_if_any()
    notes: list[str] = []
    made = []
    for indicator in spec.indicators:
        start = ready[indicator.id]
        column = _from_counts(start, found, notes) if isinstance(start, Counts) else _as_published(start)
        column = _with_imputed(indicator, column, found, notes)
        if not set(indicator.columns).isdisjoint(carried):
            column = replace(column, state=np.where(column.state == _MEASURED, _CARRIED, column.state))
        made.append(column)

    def table(name: str) -> pd.DataFrame:
        return pd.DataFrame(np.vstack([getattr(column, name) for column in made]).T, index=zones, columns=spec.ids)

    names = pd.array(STATES, dtype="str")
    state = pd.DataFrame({i: names.take(column.state) for i, column in zip(spec.ids, made, strict=True)}, index=zones)
    kept = pd.DataFrame(index=zones) if groups is None else groups.reindex(zones)[[g for g in GROUPS if g in groups]]
    kinds = ("values", "low", "high", "numerator", "denominator", "raw", "reliability")
    return Cells(**{kind: table(kind) for kind in kinds}, state=state, groups=kept, notes=tuple(notes))


@dataclass(frozen=True)
class _Column:
    """The cells of one indicator, shape (zones,) each, as in `Cells`; `state` by its place among STATES."""

    values: Floats
    low: Floats
    high: Floats
    numerator: Floats
    denominator: Floats
    raw: Floats
    state: Codes
    reliability: Floats
    weight: Floats


# ---- reading, with faults


def _read(
    indicator: Indicator,
    columns: Mapping[str, Floats],
    ends: Mapping[str, Ends],
    zones: pd.Index[str],
    faults: Faults,
) -> Counts | Floats:
    """Give counts, or published values by zone, and note their faults."""
    where, before = f"indicator '{indicator.id}'", len(faults.found)
    start: Counts | Floats
    if indicator.counted:
        start = add_up(indicator, columns, zones, faults, ends)
        missing = start.missing
    else:
        start = columns[str(indicator.value)]
        missing = np.isnan(start)
        if indicator.measure == "rank":
            wrong = zones[(start < 1) | (start % 1 > 0)]
            fix = "map the published rank"
            faults.add_codes(where, f"'{indicator.value}' is no rank: whole, from 1", wrong, fix)
    if missing.all() and indicator.missing != "error" and len(faults.found) == before:
        faults.add(where, "has no value in any zone", "correct the table, or leave the indicator out of the index")
    return start


def _groups(
    groups: pd.DataFrame | None, spec: IndexSpec, zones: pd.Index[str], faults: Faults
) -> dict[str, tuple[Codes, list[str]]]:
    """Group of each zone by number, and the names of the groups, for every grouping that a rule asks for."""
    asked = {name: rule for i in reversed(spec.indicators) for name, rule in _asked(i).items()}
    found: dict[str, tuple[Codes, list[str]]] = {"reference": (np.zeros(len(zones), dtype=np.int64), ["reference"])}
    if groups is not None and groups.index.has_duplicates:
        twice = set(groups.index[groups.index.duplicated()])
        faults.add_codes("groups of zones", "has a zone twice", twice, "keep one row for each")
        return found
    keys: dict[str, pd.Series[str]] = {}
    fix = "give the council and the rural-urban class of every zone of the reference, or choose another rule"
    for part in GROUPS:
        users = [f"{rule} of indicator '{i}'" for name, (i, rule) in asked.items() if part in _GROUPS_OF[name]]
        if not users:
            continue
        if groups is None or part not in groups:
            faults.add(f"groups of zones, asked for by {users[0]}", f"the {part} of the zones is not given", fix)
            continue
        keys[part] = groups[part].reindex(zones)
        absent = zones[keys[part].isna()]
        faults.add_codes(f"groups of zones, asked for by {users[0]}", f"'{part}' is not known", absent, fix)
    for name in asked:
        if set(_GROUPS_OF[name]) <= set(keys):
            key = [keys[part].fillna("").astype(str) for part in _GROUPS_OF[name]]
            codes, names = pd.factorize(key[0] if len(key) == 1 else key[0] + " " + key[1], sort=True)
            found[name] = codes.astype(np.int64), list(names)
    return found


def _asked(indicator: Indicator) -> dict[str, tuple[str, str]]:
    """Name the groupings that the rules of an indicator ask for; of each the indicator and the rule."""
    rules = {
        indicator.smoothing.removeprefix("shrink:"): f'smoothing "{indicator.smoothing}"',
        indicator.missing.removeprefix("mean_of:"): f'missing "{indicator.missing}"',
        str(indicator.within): f'within "{indicator.within}"',
    }
    return {name: (indicator.id, rule) for name, rule in rules.items() if name in _GROUPS_OF}


# ---- values


def _as_published(value: Floats) -> _Column:
    none = np.full(len(value), np.nan)
    state = np.zeros(len(value), dtype=np.int64)
    return _Column(value, value, value, none, none, value, state, none, np.ones(len(value)))


def _from_counts(counts: Counts, groups: Mapping[str, tuple[Codes, list[str]]], notes: list[str]) -> _Column:
    indicator = counts.indicator
    filled = counts.filled()
    if (filled.suppressed & counts.free).any() and np.isnan(counts.pooled_rate()):
        notes.append(f"{indicator.label}: every zone is suppressed; the middle of the bounds is used.")
    raw = _ratio(filled.used)
    low, high = np.minimum(_ratio(filled.low), raw), np.maximum(_ratio(filled.high), raw)  # but for the last bit
    drawn = _drawn(indicator, filled.used, groups)
    value = raw
    if drawn is not None:
        value, low, high = _steadied(drawn, raw, low, high)
    state = np.where(filled.suppressed, _SUPPRESSED, _MEASURED)
    reliability = _reliability(indicator, filled.used, drawn)
    per = indicator.per
    numerator = filled.used[0]
    denominator = np.where(counts.missing, counts.base, filled.used[1])
    kept = np.ones(len(raw)) if drawn is None else drawn["weight"].to_numpy(dtype=float)
    return _Column(value * per, low * per, high * per, numerator, denominator, raw * per, state, reliability, kept)


def _ratio(pair: Pair) -> Floats:
    above, below = pair
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def _drawn(indicator: Indicator, pair: Pair, groups: Mapping[str, tuple[Codes, list[str]]]) -> pd.DataFrame | None:
    if indicator.smoothing == "none":
        return None
    if indicator.smoothing == "eb":
        return rates.empirical_bayes(*pair)
    draw = rates.shrink if indicator.measure == "proportion" else rates.empirical_bayes
    return draw(*pair, groups=groups[indicator.smoothing.removeprefix("shrink:")][0].tolist())


def _steadied(drawn: pd.DataFrame, raw: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """Move the bounds as far, in proportion, as smoothing moved the value: towards the same target."""
    value, target, weight = (drawn[name].to_numpy(dtype=float) for name in ("value", "target", "weight"))
    apart = raw - target
    far = np.abs(apart) > _CLOSE * target  # a suppressed count is often taken to be just the target
    kept = np.divide(value - target, apart, out=weight.copy(), where=far)  # share of the distance that is left

    def bound(end: Floats) -> Floats:
        return np.asarray(np.clip(value + kept * (end - raw), np.fmin(end, target), np.fmax(end, target)))

    return np.asarray(value), bound(low), bound(high)


def _reliability(indicator: Indicator, pair: Pair, drawn: pd.DataFrame | None) -> Floats:
    if indicator.measure == "proportion":
        return np.asarray(rates.reliability(*pair), dtype=float)
    if indicator.measure == "rate":
        over_all = drawn if drawn is not None and indicator.smoothing == "eb" else rates.empirical_bayes(*pair)
        return np.asarray(over_all["weight"], dtype=float)
    return np.full(len(pair[0]), np.nan)


def _with_imputed(
    indicator: Indicator, column: _Column, groups: Mapping[str, tuple[Codes, list[str]]], notes: list[str]
) -> _Column:
    missing: Flags = np.isnan(column.values)
    if not missing.any():
        return column
    state = np.where(missing, _IMPUTED, column.state)
    if indicator.missing == "domain_mean":
        return replace(column, state=state)
    name = indicator.missing.removeprefix("mean_of:")
    codes, names = groups[name]
    means = _means(indicator, column, codes, len(names), ~missing)
    bare = np.isnan(means)
    if bare.any():
        everywhere = _means(indicator, column, np.zeros(len(codes), dtype=np.int64), 1, ~missing)[0]
        left = [n for n, is_bare in zip(names, bare, strict=True) if is_bare]
        filled = int((missing & bare[codes]).sum())
        notes.append(
            f"{indicator.label}: no zone of {name.replace('_', ' and ')} {', '.join(left)} has a value; the mean of "
            f"the whole reference stands in for {filled:,} zone{'s' if filled != 1 else ''}."
        )
        means = np.where(bare, everywhere, means)
    values, low, high = (np.where(missing, means[codes], a) for a in (column.values, column.low, column.high))
    return replace(column, values=values, low=low, high=high, state=state)


def _means(indicator: Indicator, column: _Column, codes: Codes, count: int, has: Flags) -> Floats:
    """Mean of each group over the zones that have a value; NaN where none has."""
    above, below = (column.numerator, column.denominator) if indicator.counted else (column.raw, np.ones(len(codes)))
    above, below = (np.bincount(codes[has], weights=a[has], minlength=count).astype(float) for a in (above, below))
    return _ratio((above, below)) * indicator.per
