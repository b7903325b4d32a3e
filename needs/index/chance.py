"""Draw the values of counted indicators afresh: chance in the counts, suppressed cells, rounded counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit, ndtri

from needs.index.points import RANK_POINTS, Scale
from needs.indicators import RANKED, Cells, Indicator, Transform

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

_FINE = 8  # buckets for each zone of the reference, in which its values are looked up
_STEPS = 2**16
_NORMAL = ndtri((np.arange(_STEPS) + 0.5) / _STEPS).astype(np.float32)
_FURTHEST = 4.5  # more than any of them


def normal(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Draw standard normal numbers, each one of the 65,536 middle quantiles of the normal curve with equal chance.

    Four times as fast as exact ones, and the same on every machine; their standard deviation is 0.99999, and none is
    beyond 4.33. Between two of them lies less than a tenth of a rank among the zones of England.
    """
    return np.asarray(_NORMAL.take(rng.integers(0, _STEPS, count, dtype=np.uint16)))


@dataclass(frozen=True)
class Sources:
    """Random numbers for each source of doubt about a cell; None holds the source still."""

    counts: np.random.Generator | None
    suppressed: np.random.Generator | None
    rounding: np.random.Generator | None


STILL = Sources(None, None, None)


@dataclass(frozen=True)
class Doubt:
    """What is not known of the cells of one counted indicator, zone by zone.

    Attributes
    ----------
    value
        Shape (zones,), in the indicator's unit.
    low, high
        Bounds that a suppressed cell is drawn from, evenly; elsewhere both are the value.
    step
        Most that rounding of one numerator may shift the value.
    spread
        Standard deviation of chance: of the log-odds for a proportion, of the logarithm for a rate.
    least, most
        Share (rate) at which the centre of chance is held off 0 (off 1).
    none, every
        Share (rate) up to which a draw counts as no case, and from which as all; 0, and 1 or infinity, where smoothed.
    """

    value: Floats
    low: Floats
    high: Floats
    step: Floats
    spread: Floats
    least: Floats
    most: Floats
    none: Floats
    every: Floats

    @property
    def hidden(self) -> npt.NDArray[np.bool_]:
        """Which cells are drawn between bounds."""
        return self.high > self.low

    @property
    def moves(self) -> npt.NDArray[np.bool_]:
        """Which cells differ between draws."""
        return self.hidden | (self.step > 0) | (self.spread > 0)


def doubt_of(indicator: Indicator, cells: Cells, *, counts: bool, suppressed: bool, rounding: bool) -> Doubt:
    """Say what is not known of an indicator's cells.

    - A proportion r / n has normal log-odds of variance (n + 1)(n + 2) / (n (r + 1)(n - r + 1)); the logarithm of a
      rate of r events has variance 1 / (r + 1), the same for rare events. The median is the value; no events count
      as half a case (as do all but none), so that their share is .5 / (n + 1).
    - The values of the reference are shares of whole cases, and a zone without a case ties with all that have none,
      be need highest there or lowest. So a draw of half a case or less counts as none, and its value is 0: half of
      the draws of a zone without a case. One that lacks half a case or less counts as all. Where numerators were
      rounded and are drawn, it is half of `rounding`; of a count of less than a whole, half of the count.
    - A smoothed value is the centre as it stands, and its deviation is sqrt(w) times the above: the posterior of a
      normal mean whose prior has w / (1 - w) times the variance of chance, so that the value is w x the raw one and
      (1 - w) x the target. w is the cell's `weight`, and its `reliability` where that is not known.
    - A suppressed cell lies anywhere between its bounds with equal chance, and chance comes on top.
    - Each published numerator lies anywhere within half of `rounding`; smoothing keeps w of it.

    Cells that stand in for missing ones, and indicators that are no proportions or rates, stay as they are.

    Source: Gart and Zweifel (1967), Biometrika 54, 181-187 (variance of corrected log-odds); Carlin and Louis (2008),
    Bayesian Methods for Data Analysis, section 2.2 (posterior of a normal mean).
    """
    column = {name: getattr(cells, name)[indicator.id].to_numpy(dtype=float) for name in _NUMBERS}
    value, n = column["values"], column["denominator"]
    of_people = indicator.measure == "proportion"
    r = np.clip(column["numerator"], 0.0, n if of_people else np.inf)
    state = cells.state[indicator.id]
    hidden = ((state == "suppressed") & suppressed).to_numpy() & (column["high"] > column["low"])
    counted = (state != "imputed").to_numpy() & np.isfinite(value) & np.isfinite(r) & (n > 0) & indicator.has_error
    n, r = np.where(counted, n, 1.0), np.where(counted, r, 0.0)
    trust = np.ones(len(n)) if indicator.smoothing == "none" else _kept(column["reliability"], cells, indicator.id)
    chance = (n + 1) * (n + 2) / (n * (r + 1) * (n - r + 1)) if of_people else 1 / (r + 1)
    spread = np.where(counted & counts, np.sqrt(chance * trust), 0.0)
    rounded = counted & ~hidden & rounding
    raw = (spread > 0) & (indicator.smoothing == "none")
    below, above = _half(r, 1.0), _half(n - r, 1.0)
    whole = np.where(rounded, max(indicator.rounding, 1.0), 1.0)
    few, rest = _half(r, whole), _half(n - r, whole)
    top = 1.0 if of_people else np.inf
    return Doubt(
        value=value,
        low=np.where(hidden, column["low"], value),
        high=np.where(hidden, column["high"], value),
        step=np.where(rounded, trust * indicator.per * indicator.rounding / 2 / n, 0.0),
        spread=spread,
        least=np.where(raw, below / (n + of_people), 0.0),
        most=np.where(raw & of_people, 1 - above / (n + 1), top),
        none=np.where(raw, few / (n + of_people), 0.0),
        every=np.where(raw & of_people, 1 - rest / (n + 1), top),
    )


_NUMBERS = ("values", "low", "high", "numerator", "denominator", "reliability")


def _kept(reliability: Floats, cells: Cells, name: str) -> Floats:
    """Share 0 to 1 of a raw value that smoothing kept."""
    weight = np.full(len(reliability), np.nan) if cells.weight is None else cells.weight[name].to_numpy(dtype=float)
    kept = np.where(np.isfinite(weight), weight, reliability)
    return np.where(np.isfinite(kept), np.clip(kept, 0.0, 1.0), 1.0)


def _half(count: Floats, whole: Floats | float) -> Floats:
    """Half of a whole case, or of the count where that is less, but for no count at all."""
    return np.asarray(np.where(count > 0, np.minimum(count, whole), whole) / 2)


class Lookup:
    """Place numbers among N others, fast for many: exact, by buckets of equal width.

    A binary search over all of England takes more than ten times as long for values in no order.

    Attributes
    ----------
    counts
        By place, how many of the N are at or below.
    """

    def __init__(self, numbers: Floats) -> None:
        self._distinct, counts = np.unique(numbers, return_counts=True)
        self.counts = np.concatenate([[0], np.cumsum(counts)])
        finite = self._distinct[np.isfinite(self._distinct)]
        self._buckets = _FINE * len(numbers)
        self._start = float(finite[0]) if len(finite) else 0.0
        width = float(finite[-1]) - self._start if len(finite) else 0.0
        per_unit = self._buckets / width if width > 0 else 0.0
        self._per_unit = per_unit if 0 < per_unit < np.inf else 1.0
        self._next = np.append(self._distinct, np.nan)  # after the last there is none
        self._first = np.searchsorted(self._bucket(self._distinct), np.arange(self._buckets + 1))
        self._first = self._first.astype(np.min_scalar_type(len(self._distinct)))  # small, so that it stays at hand

    def _bucket(self, x: Floats) -> Whole:
        # Rounding cannot break the order: a lower number is never in a higher bucket.
        with np.errstate(over="ignore"):
            place = (x - self._start) * self._per_unit
        return np.asarray(np.clip(place, 0, self._buckets, out=place).astype(np.intp))

    def places(self, x: Floats) -> Whole:
        """Count the distinct numbers at or below each x."""
        place = self._first.take(self._bucket(x)).astype(np.intp)
        place += self._next.take(place) <= x
        more = np.flatnonzero(self._next.take(place) <= x)
        place[more] = np.searchsorted(self._distinct, x[more], side="right")
        return place


class Moving:
    """Cells of one indicator that are drawn afresh, all scored on one scale: points for any draw, for every method.

    Parameters
    ----------
    indicator
        A proportion or a rate.
    column
        Its place among the indicators.
    doubt
        What is not known of each zone.
    zones
        Places of the zones whose cells move and that are scored on the scale.
    scales
        The scale of each method, all of the same reference.
    limits
        Least and greatest value kept, where outliers are drawn in.

    Attributes
    ----------
    hidden, rounded, chancy
        Number of cells that are drawn between bounds, that were rounded, and whose count is a matter of chance.
    """

    def __init__(
        self,
        indicator: Indicator,
        column: int,
        doubt: Doubt,
        zones: Whole,
        scales: Sequence[Scale],
        limits: tuple[float, float] | None,
    ) -> None:
        self.indicator, self.column, self.zones = indicator, column, zones
        self._scales, self._limits = scales, limits
        self._sign = 1.0 if indicator.direction == "higher_is_need" else -1.0
        self._per, self._cells = indicator.per, max(len(indicator.numerator), 1)
        self._top = indicator.per if indicator.measure == "proportion" else np.inf
        self._of_people = indicator.measure == "proportion"
        own = Doubt(**{name: table[zones] for name, table in vars(doubt).items()})
        hidden, rounded = np.flatnonzero(own.hidden), np.flatnonzero(own.step > 0)  # no cell is both
        self.hidden, self.rounded, self.chancy = len(hidden), len(rounded), int((own.spread > 0).sum())
        self._linked = self.chancy > 0
        self._fresh = np.concatenate([hidden, rounded])
        self._part = Doubt(**{name: table[self._fresh] for name, table in vars(own).items()})
        self._spread, self._centre = own.spread, self._link(own.value, own.least, own.most).copy()
        self._centre[self._fresh] = 0.0
        none, every = self._link(np.array([0.0, self._top]))
        self._none, self._all = float(none), float(every)
        self._set_reach(own)
        ordered = self._sign * scales[0].ordered
        self._lookup = Lookup(self._sign * self._link(ordered))
        by_count = [None if limits else _points_by_count(s.transform, len(ordered)) for s in scales]
        self._tables = [None if t is None else t[self._lookup.counts] for t in by_count]
        ends = self._sign * np.array([0.0, self._top])
        self._ends = [s.points(ends).tolist() if s.transform == "normal_score" else None for s in scales]

    def values(self, sources: Sources) -> Floats:
        """Draw the values of the zones, in the indicator's unit; no cell moves by a source that is held still."""
        return self._unlink(self._drawn(sources))

    def points(self, sources: Sources, method: int) -> Floats:
        """Draw the values of the zones and turn them into points by one of the methods."""
        drawn, table = self._drawn(sources), self._tables[method]
        if table is not None:
            found = np.asarray(table.take(self._lookup.places(drawn if self._sign > 0 else -drawn)))
            if ends := self._ends[method]:  # equal values share the mean of their ranks there
                found[drawn == self._none], found[drawn == self._all] = ends
            return found
        value = self._unlink(drawn)
        return self._scales[method].points(self._sign * (np.clip(value, *self._limits) if self._limits else value))

    def _drawn(self, sources: Sources) -> Floats:
        if self._linked and sources.counts:
            made: Floats = self._spread * normal(sources.counts, len(self.zones))
            made += self._centre
        else:
            made = self._centre.copy()
        if len(self._fresh):
            value, part, rest = self._part.value.copy(), self._part, slice(self.hidden, None)
            if sources.suppressed:
                low, high = part.low[: self.hidden], part.high[: self.hidden]
                value[: self.hidden] = low + sources.suppressed.random(self.hidden) * (high - low)
            if sources.rounding and self.rounded:
                shift = 2 * sources.rounding.random((self._cells, self.rounded)) - 1
                value[rest] = (value[rest] + part.step[rest] * shift.sum(axis=0)).clip(0.0, self._top)
            made[self._fresh] += self._link(value, part.least, part.most)
        if self._low.stop:
            few = made[self._low]
            few[few <= self._at_most] = self._none
        if self._high.stop:
            many = made[self._high]
            many[many >= self._at_least] = self._all
        return made

    def _set_reach(self, own: Doubt) -> None:
        """Find the zones, first to last, that a draw can take to no case at all, or to all: few, of many people."""
        self._low = self._high = slice(0, 0)
        if not self._linked:
            return
        far, shift = _FURTHEST * own.spread, self._cells * own.step
        lowest = self._link(np.clip(own.low - shift, 0.0, self._top), own.least, own.most) - far
        highest = self._link(np.clip(own.high + shift, 0.0, self._top), own.least, own.most) + far
        none, every = self._of_share(own.none), self._of_share(own.every)
        self._low, self._high = (_span(x & (own.none > 0)) for x in (lowest <= none, highest >= every))
        if not self._of_people:
            self._high = slice(0, 0)
        self._at_most, self._at_least = none[self._low], every[self._high]

    def _link(self, value: Floats, least: Floats | float = 0.0, most: Floats | float = np.inf) -> Floats:
        """Turn values into log-odds or logarithms, in which chance is normal; a value at rest stays a value."""
        if not self._linked:
            return value
        return self._of_share(np.clip(value / self._per, least, most))

    def _of_share(self, share: Floats) -> Floats:
        if self._of_people:
            return np.asarray(logit(share))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(share))

    def _unlink(self, drawn: Floats) -> Floats:
        if not self._linked:
            return drawn
        return np.asarray((expit(drawn) if self._of_people else np.exp(drawn)) * self._per)


def _span(flags: npt.NDArray[np.bool_]) -> slice:
    at = np.flatnonzero(flags)
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)


def _points_by_count(transform: Transform, n: int) -> Floats | None:
    """Points of a zone that 0 to n zones of the reference are at or below; None where points need the value."""
    if transform not in RANKED:
        return None
    higher = n - np.arange(n + 1)
    if transform == "normal_score":  # between two ranks, as a drawn value lies between two zones
        return RANK_POINTS[transform](np.clip(higher + 0.5, 1, n), n)
    return RANK_POINTS[transform](np.minimum(1 + higher, n), n)


def moving_cells(
    indicators: Sequence[Indicator],
    doubts: Sequence[Doubt | None],
    scales: Callable[[Indicator], Sequence[dict[str, Scale]]],
    limits: dict[str, tuple[float, float]],
    classes: pd.Series[str] | None,
) -> list[Moving]:
    """Bring together the cells that move, one group for each indicator and for each class that it is scored within.

    Zones of a group are in the order of their values, which speeds up the look-up, equal ones in the order given.
    """
    found = []
    for column, (indicator, doubt) in enumerate(zip(indicators, doubts, strict=True)):
        if doubt is None:
            continue
        by_method = scales(indicator)
        for name in by_method[0]:
            mine = doubt.moves if name == "" or classes is None else doubt.moves & (classes == name).to_numpy()
            zones = np.flatnonzero(mine)
            if len(zones):
                zones = zones[np.argsort(doubt.value[zones], kind="stable")]
                of_name = [s[name] for s in by_method]
                found.append(Moving(indicator, column, doubt, zones, of_name, limits.get(indicator.id)))
    return found
