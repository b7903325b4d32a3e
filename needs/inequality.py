"""Measure how a thing is shared between zones: slope and concentration index, Gini, Atkinson, deprivation quantiles.

`values` are what each person of a zone has (a rate, minutes, a score), `populations` how many people those are, and
`rank_by` places zones from the MOST deprived (lowest) to the least: a rank or decile of the Indices of Deprivation as
published, or a score with its sign turned. All are arrays or Series of one number a zone; Series must have the same
labels in the same order. Zones of equal `rank_by` share one place, the middle of the people they have together, so
that cutting a zone in two moves nothing. A zone with nobody in it has no say, whatever its value. Where nobody is
counted at all, or there is nothing to share, the answer is NaN. Every function raises `InputError` with all faults at
once: text, missing or infinite numbers, negative ones where they mean nothing, lengths or labels that differ, a
confidence outside 0.5 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from needs.errors import Faults

Floats = npt.NDArray[np.float64]
Scale = Literal["log", "logit"] | None
Rule = Literal["mhclg", "ohid"]
Demand = tuple[Callable[[Floats], npt.NDArray[np.bool_]], str]  # what holds, and what is wrong where it does not

_ANY: Demand = (lambda v: np.full(v.shape, fill_value=True), "")
_NOT_NEGATIVE: Demand = (lambda v: v >= 0, "is negative")
_SCALES: dict[Scale, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats], Demand]] = {
    None: (np.asarray, np.asarray, _ANY),
    "log": (np.log, np.exp, (lambda v: v > 0, "is not above 0: it has no logarithm")),
    "logit": (special.logit, special.expit, (lambda v: (v > 0) & (v < 1), "is not between 0 and 1: it has no logit")),
}


@dataclass(frozen=True)
class SlopeIndex:
    """Slope and relative index of inequality of a measure.

    Attributes
    ----------
    sii
        Slope index: `least_deprived` - `most_deprived`, in the measure's unit. Above 0 the least deprived have more of
        it (life expectancy), below 0 the most deprived (obesity).
    rii
        Relative index: `least_deprived` / `most_deprived`; NaN if the straight line falls to 0 or below at an end.
    most_deprived, least_deprived
        The fitted measure at the two ends of the scale: of the very most deprived (OHID's intercept), and the least.
    sii_low, sii_high, rii_low, rii_high
        Confidence limits; NaN without standard errors.
    """

    sii: float
    rii: float
    most_deprived: float
    least_deprived: float
    sii_low: float = np.nan
    sii_high: float = np.nan
    rii_low: float = np.nan
    rii_high: float = np.nan


def slope_index(
    values: npt.ArrayLike,
    populations: npt.ArrayLike,
    rank_by: npt.ArrayLike,
    transform: Scale = None,
    standard_errors: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    repetitions: int = 100_000,
    seed: int | np.random.Generator = 0,
) -> SlopeIndex:
    """Slope of a measure from the most to the least deprived person, along a straight line through the zones.

    A zone stands at b, the middle of its people in the cumulative share of all, most deprived first, and weighs its
    share a of the people: y sqrt(a) ~ sqrt(a) + b sqrt(a) by least squares. OHID asks for 5 to 100 quantiles. That a
    straight line suits the data is not checked.

    Parameters
    ----------
    values, populations, rank_by
        One of each per zone or quantile. Values above 0 for "log", between 0 and 1 for "logit".
    transform
        Scale on which the line is straight: None (life expectancy), "log" (OHID: rates) or "logit" (OHID: proportions).
        The two ends of the line are brought back to the measure's unit before they are compared.
    standard_errors
        Of the values, on the transformed scale (`standard_error` finds them). If given, limits are simulated.
    confidence
        0.5 to under 1.
    repetitions
        Number of lines simulated.
    seed
        Seed or generator: the same seed gives the same limits.

    Returns
    -------
    SlopeIndex
        All NaN where fewer than two places are told apart.

    Source: OHID, PHEindicatormethods, documentation of phe_sii; Low and Low (2004), J. Public Health 26, 388-395. OHID
    redraws every value. The ends of the line are sums of the values, so that drawing the two ends from the normal
    distribution that the values give them is the same, and quicker. An end drawn below 0 counts as 0 in the relative
    index: its upper limit may be infinite, and both are NaN once a whole line is drawn below 0.
    """
    where, faults = "slope_index", Faults()
    scale = _scale(where, transform, confidence, faults)
    if not repetitions >= 1:
        faults.add(f"{where}, repetitions", f"is {repetitions}", "simulate one line or more, such as 100000")
    given = {"values": values, "populations": populations, "rank_by": rank_by}
    given |= {"standard_errors": 0.0 if standard_errors is None else standard_errors}
    demands = {"values": scale[2], "standard_errors": _NOT_NEGATIVE}
    v, a, rank, errors = _zones(where, given, demands, faults)
    if len(np.unique(rank)) < 2:
        return SlopeIndex(np.nan, np.nan, np.nan, np.nan)
    apart = _places(a, rank) - 0.5  # people stand at 0.5 on average
    slope = a * apart / (a @ apart**2)
    at_ends = np.array([a - 0.5 * slope, a + 0.5 * slope])  # each end of the line is the sum of these times the values
    fitted = at_ends @ scale[0](v)
    most, least = map(float, scale[1](fitted))
    rii = least / most if most > 0 and least > 0 else np.nan
    if standard_errors is None:
        return SlopeIndex(least - most, rii, most, least)
    spread = (at_ends * errors**2) @ at_ends.T  # covariance of the two ends
    follows = spread[0, 1] / spread[0, 0] if spread[0, 0] > 0 else 0.0
    alone = np.sqrt(max(spread[1, 1] - follows * spread[0, 1], 0.0))
    first, second = np.random.default_rng(seed).standard_normal((2, int(repetitions)))
    moved = first * np.sqrt(spread[0, 0])
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ends = scale[1](fitted[:, None] + np.array([moved, follows * moved + alone * second]))
        slopes, above = ends[1] - ends[0], np.maximum(ends, 0.0)
        ratios = above[1] / above[0] if rii > 0 else np.array([np.nan])
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    limits = (float(x) for drawn in (slopes, ratios) for x in np.quantile(drawn, tails, method="inverted_cdf"))
    return SlopeIndex(least - most, rii, most, least, *limits)


def standard_error(
    low: npt.ArrayLike, high: npt.ArrayLike, confidence: float = 0.95, transform: Scale = None
) -> Floats:
    """Find the standard errors of values from their confidence limits: (high - low) / 2z, on the transformed scale.

    NaN where a limit is missing, or has no logarithm or logit (the lower limit of no events is 0): merge such a zone
    with its neighbour in rank. Source: OHID, PHEindicatormethods, documentation of phe_sii.
    """
    where, faults = "standard_error", Faults()
    there, _, (holds, _) = _scale(where, transform, confidence, faults)
    below, above = (_numbers(f"{where}, {name}", v, faults) for name, v in (("low", low), ("high", high)))
    if below.ndim and above.ndim and below.shape != above.shape:
        faults.add(where, f"the shapes are low {below.shape}, high {above.shape}", "give both limits of every value")
    faults.raise_if_any()
    lower, upper = (there(np.where(holds(v), v, np.nan)) for v in np.broadcast_arrays(below, above))
    return np.asarray((upper - lower) / (-2 * special.ndtri((1 - confidence) / 2)))


def concentration_index(values: npt.ArrayLike, populations: npt.ArrayLike, rank_by: npt.ArrayLike) -> float:
    """Twice the area between the line of equality and the concentration curve: -1 to 1.

    C = 2 sum(a v b) / mean - 1 = 2 cov(v, b) / mean, with the share a of people and their place b as in `slope_index`.
    Below 0 the measure is concentrated among the most deprived, above 0 among the least; 0 is even.

    Parameters
    ----------
    values, populations, rank_by
        One of each per zone; values 0 or more, and such that their total means something.

    Source: Kakwani, Wagstaff and van Doorslaer (1997), J. Econometrics 77, 87-103; World Bank, Quantitative Techniques
    for Health Equity Analysis, technical note 7. On ties: Chen and Roy (2009), J. Health Econ. 28, 169-175.
    """
    given = {"values": values, "populations": populations, "rank_by": rank_by}
    v, a, rank = _zones("concentration_index", given, {"values": _NOT_NEGATIVE}, Faults())
    return _concentration(v, a, rank)


def concentration_curve(values: npt.ArrayLike, populations: npt.ArrayLike, rank_by: npt.ArrayLike) -> pd.DataFrame:
    """Points of the concentration curve, most deprived first, for a chart.

    Returns
    -------
    pandas.DataFrame
        `people_share` and `measure_share`, cumulative from 0 to 1: the origin, then a row for each place (zones of
        equal `rank_by` are one). `concentration_index` is 1 less twice the area under it. `measure_share` is NaN where
        there is nothing to share, and there are no rows without people.
    """
    given = {"values": values, "populations": populations, "rank_by": rank_by}
    v, a, rank = _zones("concentration_curve", given, {"values": _NOT_NEGATIVE}, Faults())
    places, at = np.unique(rank, return_inverse=True)
    ends = np.zeros((2, len(places) + 1 if len(places) else 0))
    for row, part in zip(ends, (a, a * v), strict=True):
        if len(row):
            row[1:] = np.cumsum(np.bincount(at, weights=part))
            row /= row[-1] if row[-1] > 0 else np.nan
    return pd.DataFrame({"people_share": ends[0], "measure_share": ends[1]})


def gini(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Gini coefficient: 0 if all have the same, towards 1 the more a few have it all.

    Half of the mean difference between two people drawn with replacement, over the mean: no correction for few zones,
    so that one of n who has it all gives 1 - 1 / n.

    Parameters
    ----------
    values
        One per zone, 0 or more.
    weights
        People of each zone; each zone counts once if not given.

    Source: Gini (1914); the weighted form is `concentration_index` with zones ranked by the measure itself.
    """
    given = {"values": values, "weights": 1.0 if weights is None else weights}
    v, a = _zones("gini", given, {"values": _NOT_NEGATIVE}, Faults())
    return max(_concentration(v, a, v), 0.0) if v.any() else np.nan


def atkinson(values: npt.ArrayLike, epsilon: float, weights: npt.ArrayLike | None = None) -> float:
    """Atkinson's index: the share of the measure that could be given up for nothing, were the rest shared evenly.

    1 - (mean of v^(1 - epsilon))^(1 / (1 - epsilon)) / mean of v, and 1 - geometric mean / mean for epsilon 1. Anyone
    who has nothing makes it 1 from epsilon 1 on.

    Parameters
    ----------
    values
        One per zone, 0 or more, of something good to have.
    epsilon
        Aversion to inequality, 0 (none) or more.
    weights
        People of each zone; each zone counts once if not given.

    Source: Atkinson (1970), J. Econ. Theory 2, 244-263.
    """
    faults = Faults()
    if not 0 <= epsilon < np.inf:
        faults.add("atkinson, epsilon", f"is {epsilon}", "give a number, 0 or more, such as 0.5")
    given = {"values": values, "weights": 1.0 if weights is None else weights}
    v, a = _zones("atkinson", given, {"values": _NOT_NEGATIVE}, faults)
    if not v.any():
        return np.nan
    if epsilon >= 1 and not v.all():
        return 1.0
    k, has = 1 - epsilon, v > 0
    logs = np.log(v[has] / (a @ v))
    if k == 0:
        return float(np.clip(-np.expm1(a @ logs), 0.0, 1.0))
    # Around the largest term: neither a great epsilon nor one close to 1 loses digits.
    most = (k * logs).max()
    mean = a[has] @ np.expm1(k * logs - most) - a[~has].sum()
    return float(np.clip(-np.expm1((most + np.log1p(mean)) / k), 0.0, 1.0))


def quantiles(rank_by: npt.ArrayLike, q: int = 10, rule: Rule = "mhclg") -> pd.Series[int]:
    """Quantile 1 (most deprived) to q of each zone, zones weighing the same.

    Parameters
    ----------
    rank_by
        As for all of this room: lowest is most deprived. Equal zones share the smallest rank.
    q
        Number of quantiles: 10 for deciles.
    rule
        "mhclg", the rule of the published deciles of the Indices of Deprivation: rank / (n / q) rounded up. Or "ohid":
        q + 1 - (n + 1 - rank) / (n / q) rounded up, at least 1. They differ for a few zones at the borders (5 of 33,755
        in deciles); prefer published deciles to either.

    Returns
    -------
    pandas.Series
        Whole numbers (Int64), with the index of a Series; missing where `rank_by` is, which then does not count in n.

    Source: MHCLG, English Indices of Deprivation, deciles; OHID, Fingertips Public Health Technical Guidance, assigning
    deprivation categories.
    """
    faults = Faults()
    number = _numbers("quantiles, rank_by", rank_by, faults)
    _note(faults, "quantiles, rank_by", rank_by, np.isinf(number), "is no finite number")
    if number.ndim != 1:
        faults.add("quantiles, rank_by", f"has the shape {number.shape}", "give one number for every zone")
    if not (q >= 1 and q % 1 == 0):
        faults.add("quantiles, q", f"is {q}", "give a whole number, 1 or more")
    if rule not in ("mhclg", "ohid"):
        faults.add("quantiles, rule", f"is {rule!r}", "give mhclg or ohid")
    faults.raise_if_any()
    index = rank_by.index if isinstance(rank_by, pd.Series) else None
    rank = pd.Series(number, index=index, name="quantile").rank(method="min").astype("Int64")
    n, parts = max(int(rank.count()), 1), int(q)  # in whole numbers, so that no border is missed by rounding
    if rule == "mhclg":
        return -(-rank * parts // n)
    return (parts + 1 + -(n + 1 - rank) * parts // n).clip(lower=1)


def _places(a: Floats, rank: Floats) -> Floats:
    """Place 0 to 1 of each zone: the middle of the people of equal rank in the cumulative share of all."""
    _, at = np.unique(rank, return_inverse=True)
    share = np.bincount(at, weights=a)
    return np.asarray((np.cumsum(share) - share / 2)[at])


def _concentration(v: Floats, a: Floats, rank: Floats) -> float:
    if not v.any():
        return np.nan
    return float(np.clip(2 * (a * v) @ (_places(a, rank) - 0.5) / (a @ v), -1.0, 1.0))


def _scale(
    where: str, transform: Scale, confidence: float, faults: Faults
) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats], Demand]:
    if not 0.5 <= confidence < 1:
        faults.add(f"{where}, confidence", f"is {confidence}", "give a share from 0.5 to under 1, such as 0.95")
    if transform not in _SCALES:
        faults.add(f"{where}, transform", f"is {transform!r}", "give None, log or logit")
    return _SCALES.get(transform, _SCALES[None])


def _zones(
    where: str, given: Mapping[str, npt.ArrayLike], demands: Mapping[str, Demand], faults: Faults
) -> list[Floats]:
    """Check the columns (the second counts people); keep the zones with people; turn these into shares of all."""
    arrays = {name: _numbers(f"{where}, {name}", values, faults) for name, values in given.items()}
    people = list(arrays)[1]
    shapes = {name: a.shape for name, a in arrays.items() if a.ndim or name not in ("weights", "standard_errors")}
    if set(map(len, shapes.values())) != {1} or len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        faults.add(where, f"the shapes are {told}", "give one number of each for every zone")
        faults.raise_if_any()
    labels = {name: values.index for name, values in given.items() if isinstance(values, pd.Series)}
    for name, index in labels.items():
        first = next(iter(labels))
        if not index.equals(labels[first]):
            fix = "bring all to the same labels in the same order (reindex): nothing is joined by position"
            faults.add(where, f"{first} and {name} have different labels", fix)
    columns = dict(zip(arrays, np.broadcast_arrays(*arrays.values()), strict=True))
    lived = columns[people] > 0
    for name, column in columns.items():
        holds, what = demands.get(name, _NOT_NEGATIVE if name == people else _ANY)
        counts, finite = lived | (name == people), np.isfinite(column)
        _note(faults, f"{where}, {name}", given[name], counts & ~finite, "is no finite number")
        _note(faults, f"{where}, {name}", given[name], counts & finite & ~holds(column), what)
    faults.raise_if_any()
    kept = {name: column[lived] for name, column in columns.items()}
    return [part / part.sum() if name == people else part for name, part in kept.items()]


def _numbers(where: str, values: object, faults: Faults) -> Floats:
    """Turn what came into numbers, missing ones into NaN; note text."""
    raw = np.asarray(values)
    flat = pd.Series(raw.ravel(), dtype=object)
    number = np.asarray(pd.to_numeric(flat, errors="coerce"), dtype=np.float64).reshape(raw.shape)
    _note(faults, where, values, np.isnan(number) & ~pd.isna(flat).to_numpy().reshape(raw.shape), "is no finite number")
    return number


def _note(faults: Faults, where: str, values: object, wrong: npt.NDArray[np.bool_], what: str) -> None:
    raw = np.broadcast_to(np.asarray(values), wrong.shape).ravel()
    at = [int(i) for i in np.flatnonzero(wrong)]
    labels = [str(values.index[i]) if isinstance(values, pd.Series) else f"position {i}" for i in at]
    found = [(label, f"{raw[i]!s} {what}") for label, i in zip(labels, at, strict=True)]
    faults.add_each(where, found, "correct it, or leave the zone out of all columns")
