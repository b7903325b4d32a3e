"""Turn counts into rates that can be trusted: intervals, standardisation, shrinkage, reliability.

`events` and `n` (people, or person-years) are scalars, arrays or Series, or one of them a scalar. Two Series must have
the same labels in the same order: nothing is joined by position. Counts need not be whole (one that was shared out
between zones is not). A missing count (NaN) gives a missing answer; nobody in a zone (n = 0) is never an error. A
count suppressed for being small is not missing by chance: compute with its lowest and its highest value. Tables keep
the index of a Series. Every function raises `InputError` with all faults at once: text, infinite or negative counts,
shapes or labels that differ, a table asked of more than one column, a confidence outside 0.5 to 1, and, where events
are part of n (`wilson`, `proportion`, `shrink`, `reliability`), events over n.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from needs.errors import Faults

Floats = npt.NDArray[np.float64]

RELIABLE = 0.5  # a raw rate less reliable than this says more about chance than about the zone
FEW_EVENTS = 10  # below: exact limits in place of Byar's, and no standardised rate (OHID)

# European Standard Population 2013 (Eurostat 2013): people aged 0-4, 5-9, ... 85-89, 90 and over; 100,000 in all
ESP2013 = (
    5000.0, 5500.0, 5500.0, 5500.0, 6000.0, 6000.0, 6500.0, 7000.0, 7000.0, 7000.0,
    7000.0, 6500.0, 6000.0, 5500.0, 5000.0, 4000.0, 2500.0, 1500.0, 1000.0,
)  # fmt: skip


def wilson(events: npt.ArrayLike, n: npt.ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a proportion by Wilson's score method: inside 0 to 1, and sound for small numbers.

    Parameters
    ----------
    events, n
        People with the attribute, and people; any shape.
    confidence
        0.5 to under 1.

    Returns
    -------
    tuple of numpy.ndarray
        Lower and upper limit, 0 to 1; events / n lies between. Where n is 0 nothing is known: 0 and 1.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; OHID's method for proportions.
    """
    x, m, _ = _checked("wilson", {"events": events, "n": n}, confidence, share=True)
    # The textbook form times its conjugate: no nearly equal numbers are subtracted, so that no event gives exactly 0
    # and all events give exactly 1.
    z, p, y = -special.ndtri((1 - confidence) / 2), _ratio(x, m), m - x
    root = z * np.sqrt(z * z + 4 * x * (1 - p))
    low = p * (2 * x / (2 * x + z * z + root))
    high = np.maximum(1 - (1 - p) * (2 * y / (2 * y + z * z + root)), p)
    nobody = (m == 0) & ~np.isnan(x)
    return np.where(nobody, 0.0, low), np.where(nobody, 1.0, high)


def byar(events: npt.ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a count by Byar's approximation, at least 0. Source: Breslow and Day (1987), IARC volume II."""
    x, _, _ = _checked("byar", {"events": events}, confidence)
    z, more = -special.ndtri((1 - confidence) / 2), x + 1
    some = np.maximum(x, 1e-9)  # the lower limit of fewer still is 0 all the same
    low = x * np.maximum(1 - 1 / (9 * some) - z / (3 * np.sqrt(some)), 0.0) ** 3
    return np.asarray(low), np.asarray(more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3)


def exact_poisson(events: npt.ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits of a count with a Poisson distribution. Source: Garwood (1936), Biometrika 28, 437-442."""
    x, _, _ = _checked("exact_poisson", {"events": events}, confidence)
    tail = (1 - confidence) / 2
    return np.where(x < 1e-9, 0.0, special.gammaincinv(x, tail)), np.asarray(special.gammainccinv(x + 1, tail))


def poisson_limits(events: npt.ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a count: exact under 10 events, Byar's from 10. Source: OHID, Fingertips Technical Guidance."""
    x, _, _ = _checked("poisson_limits", {"events": events}, confidence)
    few = x < FEW_EVENTS
    exact, byars = exact_poisson(np.where(few, x, 0.0), confidence), byar(x, confidence)
    return np.where(few, exact[0], byars[0]), np.where(few, exact[1], byars[1])


def proportion(events: npt.ArrayLike, n: npt.ArrayLike, confidence: float = 0.95) -> pd.DataFrame:
    """Share of people with an attribute: `value`, `low`, `high`, 0 to 1, with the limits of `wilson`.

    One row per zone. Where n is 0 the value is NaN and the limits are 0 and 1.
    """
    x, m, index = _checked("proportion", {"events": events, "n": n}, confidence, share=True, table=True)
    low, high = wilson(x, m, confidence)
    return pd.DataFrame({"value": _ratio(x, m), "low": low, "high": high}, index=index)


def rate(events: npt.ArrayLike, n: npt.ArrayLike, per: float = 1000.0, confidence: float = 0.95) -> pd.DataFrame:
    """Events per `per` people or person-years: `value`, `low`, `high`, with `poisson_limits`.

    One row per zone; all NaN where n is 0. Events may outnumber n.
    """
    x, m, index = _checked("rate", {"events": events, "n": n}, confidence, per, table=True)
    low, high = poisson_limits(x, confidence)
    return pd.DataFrame({"value": x, "low": low, "high": high}, index=index).mul(per * _ratio(1.0, m), axis=0)


def directly_standardised(
    events: npt.ArrayLike,
    population: npt.ArrayLike,
    standard: npt.ArrayLike = ESP2013,
    per: float = 100_000.0,
    confidence: float = 0.95,
    min_events: float = FEW_EVENTS,
) -> pd.DataFrame:
    """Rate per `per` people that an area would have if its people were as old as the standard population.

    Parameters
    ----------
    events, population
        Areas by age bands (a DataFrame keeps its index), or the age bands of one area.
    standard
        People in each age band of the standard population, in the same order.
    min_events
        An area with fewer events in all has no rate worth telling: it is suppressed.

    Returns
    -------
    pandas.DataFrame
        `value`, `low`, `high` (at least 0), `events` in all, and `enough_events`; a row per area. The first three are
        NaN where events are too few, where a count is missing, and where nobody is in an age band that the standard
        counts (merge it with the next). Without any event (if `min_events` allows it) the limits are NaN.

    Source: Dobson, Kuulasmaa, Eberle and Scherer (1991), Stat. Med. 10, 457-462; the rule of 10 events is OHID's.
    """
    where, faults = "directly_standardised", Faults()
    x, m, index = _checked(where, {"events": events, "population": population}, confidence, per, faults=faults)
    weights = _numbers(f"{where}, standard", standard, faults)
    if x.ndim not in (1, 2) or weights.shape != x.shape[-1:] or not weights.sum() > 0:
        what = f"has the shape {weights.shape} and the sum {weights.sum():g}; the events have the shape {x.shape}"
        faults.add(f"{where}, standard", what, "give areas by age bands, and the standard's people in each band")
    faults.raise_if_any()
    areas = index if x.ndim == 2 else None
    x, m = np.atleast_2d(x), np.atleast_2d(m)
    share = weights / weights.sum()
    factor = np.where(share > 0, share * _ratio(1.0, m), 0.0)  # what one event adds to the rate
    total = x.sum(axis=1)
    enough = total >= min_events
    value = np.where(enough, (factor * x).sum(axis=1), np.nan)
    stretch = np.sqrt(_ratio((factor**2 * x).sum(axis=1), total))  # standard error of the rate over that of the count
    low, high = (value + stretch * (limit - total) for limit in poisson_limits(total, confidence))
    columns = {"value": per * value, "low": per * np.maximum(low, 0.0), "high": per * high, "events": total}
    return pd.DataFrame(columns, index=areas).assign(enough_events=enough)


@dataclass(frozen=True)
class Prior:
    """What is known before a zone is looked at: the mean of the true rates, per person, and their variance."""

    mean: float
    variance: float


def marshall_prior(events: npt.ArrayLike, n: npt.ArrayLike) -> Prior:
    """Mean and variance of the true rates of many zones, such as England's, to apply to an area's.

    m = sum(e) / sum(n) and s2 = sum(n (r - m)^2) / sum(n) - m / mean(n), at least 0, over the zones with people and a
    known count; NaN without any. Source: Marshall (1991), Appl. Statist. 40, 283-294, the global estimator.
    """
    x, m, _ = _checked("marshall_prior", {"events": events, "n": n}, table=True)
    mean, variance = _marshall(x, m, np.zeros(x.size, dtype=np.intp))
    return Prior(float(mean[0]), float(variance[0])) if x.size else Prior(np.nan, np.nan)


def empirical_bayes(
    events: npt.ArrayLike, n: npt.ArrayLike, prior: Prior | None = None, groups: Iterable[Hashable] | None = None
) -> pd.DataFrame:
    """Draw each zone's rate towards the mean, the more so the less its own count can say.

    value = mean + weight (raw - mean), with weight = s2 / (s2 + mean / n). For proportions, and for rates over
    person-years that events may outnumber.

    Parameters
    ----------
    prior
        Mean and variance of a reference; those of these very zones (`marshall_prior`) if not given.
    groups
        Each zone's group (council, rural-urban class, or both in a tuple): mean and variance are then those of the
        zone's own group. Not together with `prior`.

    Returns
    -------
    pandas.DataFrame
        `raw`, `target` (the mean), `weight` (0 to 1, the reliability of the raw rate), `value`; rates per person, a row
        per zone. The value lies between raw and target whatever the numbers: a variance that comes out below 0 counts
        as 0, and gives every zone the mean. Where n is 0 the weight is 0 and the value the mean.

    Source: Marshall (1991), Appl. Statist. 40, 283-294.
    """
    where, faults = "empirical_bayes", Faults()
    x, m, index = _checked(where, {"events": events, "n": n}, table=True, faults=faults)
    codes = _codes(where, groups, x.size, index, faults)
    if prior and (groups is not None or not (0 <= prior.mean < np.inf and 0 <= prior.variance < np.inf)):
        what = f"is {prior}, with{'out' if groups is None else ''} groups"
        faults.add(f"{where}, prior", what, "give a known mean and variance, 0 or more, and no groups beside them")
    faults.raise_if_any()
    mean, variance = (np.array([prior.mean]), np.array([prior.variance])) if prior else _marshall(x, m, codes)
    target, signal = mean[codes], variance[codes] * m
    weight = _ratio(signal, signal + target, otherwise=0.0)
    return _drawn(x, m, target, weight, target + weight * (_ratio(x, m) - target), index)


def shrink(events: npt.ArrayLike, n: npt.ArrayLike, groups: Iterable[Hashable]) -> pd.DataFrame:
    """Draw each zone's proportion towards its group's on the logit scale, as the Indices of Deprivation have done.

    With r events of n in the zone and R of N in its group of k zones: z = ln((r + .5) / (n - r + .5)), of variance
    s2 = (n + 1)(n + 2) / (n (r + 1)(n - r + 1)); Z = ln((R + .5) / (N - R + .5)); t2 = sum((z - Z)^2) / (k - 1) over
    the group; weight = t2 / (t2 + s2); the value has the logit weight z + (1 - weight) Z.

    This algebra is as described for the Scottish Indices of Deprivation 2003; it has NOT been verified against the
    English Indices, whose denominators were not to be had. Scotland dropped shrinkage in 2006 after an evaluation: it
    can hide a deprived zone within a better-off council. Choose the groups with that in mind.

    Parameters
    ----------
    groups
        Each zone's group: council, rural-urban class, or both in a tuple.

    Returns
    -------
    pandas.DataFrame
        As `empirical_bayes`, with R / N as `target`. The value always lies between the raw proportion and the target:
        the corrections of .5 are not let past either. A group of one zone, or without spread, gives the target.

    Source: Scottish Executive (2003), Scottish Indices of Deprivation 2003, Appendix 1; on its use, Scottish Executive
    (2005), Evaluation of Statistical Techniques in the Scottish Index of Multiple Deprivation.
    """
    where, faults = "shrink", Faults()
    x, m, index = _checked(where, {"events": events, "n": n}, share=True, table=True, faults=faults)
    codes = _codes(where, groups, x.size, index, faults)
    faults.raise_if_any()
    known, r, people = _known(x, m)
    all_r, all_people, zones = (_sums(codes, part) for part in (r, people, known))
    own = np.log((r + 0.5) / (people - r + 0.5))
    common = np.log((all_r + 0.5) / (all_people - all_r + 0.5))[codes]
    spread = _ratio(_sums(codes, known * (own - common) ** 2), zones - 1, otherwise=0.0)[codes]
    chance = _ratio((people + 1) * (people + 2), people * (r + 1) * (people - r + 1), otherwise=1.0)
    weight = known * spread / (spread + chance)
    drawn = special.expit(weight * own + (1 - weight) * common)
    return _drawn(x, m, _ratio(all_r, all_people)[codes], weight, drawn, index)


def between_area_variance(events: npt.ArrayLike, n: npt.ArrayLike) -> float:
    """Variance of the true proportions of zones: their spread with chance taken off, at least 0.

    With p = sum(e) / N of k zones: (sum(n (r - p)^2) - (k - 1) p (1 - p)) / (N - sum(n^2) / N - (k - 1)); 0 where the
    counts cannot tell (no zone, one zone, one person in each).

    Source: Kleinman (1973), J. Am. Stat. Assoc. 68, 46-54: moments, each zone weighted by its people.
    """
    x, m, _ = _checked("between_area_variance", {"events": events, "n": n}, share=True, table=True)
    known, r, people = (part[_known(x, m)[0]] for part in _known(x, m))
    total, spare = people.sum(), known.sum() - 1.0
    p = _ratio(r.sum(), total, otherwise=0.0)
    above = (people * (_ratio(r, people) - p) ** 2).sum() - spare * p * (1 - p)
    below = total - _ratio((people**2).sum(), total, otherwise=0.0) - spare
    return max(float(_ratio(above, below, otherwise=0.0)), 0.0) if spare > 0 else 0.0


def reliability(events: npt.ArrayLike, n: npt.ArrayLike, between_variance: float | None = None) -> pd.Series[float]:
    """Share of the spread of raw proportions that is real: s2 / (s2 + p (1 - p) / n), with p of all zones together.

    Parameters
    ----------
    between_variance
        s2; `between_area_variance` of these very zones if not given.

    Returns
    -------
    pandas.Series
        0 to 1 for each zone; 0 where n is 0 and where nothing varies at all. Below `RELIABLE` a raw proportion should
        not be shown or ranked by itself: pool years, take larger zones, or shrink it.

    Source: Adams (2009), The Reliability of Provider Profiling, RAND TR-653 (signal over signal and noise).
    """
    where, faults = "reliability", Faults()
    x, m, index = _checked(where, {"events": events, "n": n}, share=True, table=True, faults=faults)
    if between_variance is not None and not 0 <= between_variance < np.inf:
        faults.add(f"{where}, between_variance", f"is {between_variance}", "give a known variance, 0 or more")
    faults.raise_if_any()
    _, r, people = _known(x, m)
    p = _ratio(r.sum(), people.sum(), otherwise=0.0)
    signal = m * (between_area_variance(x, m) if between_variance is None else between_variance)
    share = _ratio(signal, signal + p * (1 - p), otherwise=0.0)
    return pd.Series(np.where(np.isnan(x), np.nan, share), index=index, name="reliability")


def _ratio(above: npt.ArrayLike, below: npt.ArrayLike, otherwise: float = np.nan) -> Floats:
    """Divide where the divisor is above 0, else give `otherwise`; what is missing on either side stays missing."""
    top, bottom = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    result = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), otherwise)
    return np.where(np.isnan(top) | np.isnan(bottom), np.nan, result)


def _known(x: Floats, m: Floats) -> tuple[npt.NDArray[np.bool_], Floats, Floats]:
    """Which zones can teach anything, and their counts (0 elsewhere)."""
    known = (m > 0) & ~np.isnan(x)
    return known, np.where(known, x, 0.0), np.where(known, m, 0.0)


def _sums(codes: npt.NDArray[np.intp], part: npt.ArrayLike) -> Floats:
    return np.asarray(np.bincount(codes, weights=np.asarray(part)), dtype=np.float64)


def _marshall(x: Floats, m: Floats, codes: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    known, r, people = _known(x, m)
    total, zones = _sums(codes, people), _sums(codes, known)
    mean = _ratio(_sums(codes, r), total)
    apart = np.where(known, _ratio(r, people) - mean[codes], 0.0)
    return mean, np.maximum(_ratio(_sums(codes, people * apart**2) - mean * zones, total), 0.0)


def _drawn(x: Floats, m: Floats, target: Floats, weight: Floats, drawn: Floats, index: pd.Index | None) -> pd.DataFrame:
    """Tabulate what shrinkage gave, held between the raw rate and the target."""
    raw, missing = _ratio(x, m), np.isnan(x) | np.isnan(m)
    value = np.where(weight > 0, np.clip(drawn, np.minimum(raw, target), np.maximum(raw, target)), target)
    columns = {"raw": raw, "target": target, "weight": weight, "value": value}
    return pd.DataFrame(columns, index=index).mask(missing[:, None] & [False, False, True, True])


def _checked(
    where: str,
    given: Mapping[str, npt.ArrayLike],
    confidence: float = 0.95,
    per: float = 1.0,
    *,
    share: bool = False,
    table: bool = False,
    faults: Faults | None = None,
) -> tuple[Floats, Floats, pd.Index | None]:
    """Turn one or two counts into arrays of one shape, and find their index; raise, unless the caller collects."""
    noted = Faults() if faults is None else faults
    if not 0.5 <= confidence < 1:
        noted.add(f"{where}, confidence", f"is {confidence}", "give a share from 0.5 to under 1, such as 0.95")
    if not 0 < per < np.inf:
        noted.add(f"{where}, per", f"is {per}", "give a number above 0, such as 1000")
    arrays = [_numbers(f"{where}, {name}", values, noted) for name, values in given.items()]
    labels = [values.axes for values in given.values() if isinstance(values, pd.Series | pd.DataFrame)]
    names, index = " and ".join(given), labels[0][0] if labels else None
    if len({a.shape for a in arrays if a.ndim}) > 1:
        what = f"{names} have the shapes {arrays[0].shape} and {arrays[1].shape}"
        noted.add(where, what, "give one of each for every zone")
        arrays = [arrays[0], arrays[0]]
    elif len(labels) == 2 and not all(a.equals(b) for a, b in zip(*labels, strict=True)):
        fix = "bring both to the same labels in the same order (reindex): nothing is joined by position"
        noted.add(where, f"{names} have different labels", fix)
    x, m = np.broadcast_arrays(arrays[0], arrays[-1])
    if table:
        x, m = np.atleast_1d(x, m)
        if x.ndim > 1:
            noted.add(where, f"{names} have the shape {x.shape}", "give one column at a time")
    if share:
        over = [(_place(given["events"], at), f"{x[at]:g} of {m[at]:g}") for at in map(tuple, np.argwhere(x > m))]
        noted.add_each(f"{where}, events", over, "correct the counts: a part is not over the whole")
    if faults is None:
        noted.raise_if_any()
    return x, m, index


def _numbers(where: str, values: object, faults: Faults) -> Floats:
    """Turn what came into numbers; note text, infinite and negative ones, each by its place."""
    raw = np.asarray(values)
    if raw.dtype.kind in "fiu":
        number, unread = raw.astype(np.float64), np.zeros(raw.shape, dtype=bool)
    else:
        flat = pd.Series(raw.ravel(), dtype=object)
        number = np.asarray(pd.to_numeric(flat, errors="coerce"), dtype=np.float64).reshape(raw.shape)
        unread = np.isnan(number) & flat.notna().to_numpy().reshape(raw.shape)
    fix = "correct it: a count is a number, 0 or more, or NaN where it is missing or suppressed"
    for wrong, what in ((unread, "is no number"), (np.isinf(number), "is infinite"), (number < 0, "is negative")):
        found = [(_place(values, at), f"{raw[at]!s} {what}") for at in map(tuple, np.argwhere(wrong))]
        faults.add_each(where, found, fix)
    return number


def _place(values: object, at: tuple[int, ...]) -> str:
    if isinstance(values, pd.Series | pd.DataFrame):
        return ", ".join(str(axis[i]) for axis, i in zip(values.axes, at, strict=True))
    return f"position {', '.join(map(str, at))}" if at else ""


def _codes(
    where: str, groups: Iterable[Hashable] | None, size: int, index: pd.Index | None, faults: Faults
) -> npt.NDArray[np.intp]:
    """Give each zone the number of its group; one group if there are no labels."""
    labels = pd.Series([0] * size if groups is None else list(groups), dtype=object)
    place = f"{where}, groups"
    if len(labels) != size:
        faults.add(place, f"has {len(labels)} labels for {size} zones", "give one label for each zone")
    elif isinstance(groups, pd.Series) and index is not None and not groups.index.equals(index):
        faults.add(place, "its rows are not those of the counts", "reindex it: nothing is joined by position")
    absent = [(f"position {i}", "the zone has no group") for i in labels.index[labels.isna()]]
    faults.add_each(place, absent, "give every zone a label")
    return np.asarray(pd.factorize(labels)[0], dtype=np.intp)
