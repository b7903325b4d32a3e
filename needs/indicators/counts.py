"""Add up numerators and denominators by zone, and bound the counts that a publisher has suppressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs.errors import Faults
from needs.indicators.columns import Ends
from needs.indicators.spec import Indicator

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Pair = tuple[Floats, Floats]  # numerator, denominator


@dataclass(frozen=True)
class Filled:
    """Numerator and denominator by zone, each NaN where missing: as used, and at either end of what is possible.

    `low` and `high` are the pairs that give the least and the greatest ratio; they differ from `used` only where
    `suppressed`.
    """

    used: Pair
    low: Pair
    high: Pair
    suppressed: Flags
    missing: Flags


@dataclass(frozen=True)
class Span:
    """Sum by zone of the cells of some columns that are known only to lie between bounds; 0 where there is none.

    `low` and `high` are the ends of what is possible. As used, the sum lies between `first` and `last`, which are the
    same for cells that have a stand-in.
    """

    low: Floats
    high: Floats
    first: Floats
    last: Floats

    @classmethod
    def none(cls, zones: int) -> Span:
        """No such cell in any zone."""
        return cls(*(np.zeros(zones) for _ in range(4)))

    def plus(self, low: Floats, high: Floats, first: Floats, last: Floats) -> Span:
        """Add the cells of one more column; NaN in a zone where it has none."""
        more = (low, high, first, last)
        return Span(
            *(a + np.nan_to_num(b) for a, b in zip((self.low, self.high, self.first, self.last), more, strict=True))
        )

    def used(self, share: Floats) -> Floats:
        """Sum where each cell lies that share of the way up, 0 to 1."""
        return self.first + share * (self.last - self.first)


@dataclass(frozen=True)
class Counts:
    """Sums of one indicator's columns by zone, before anything is put in place of suppressed cells.

    Attributes
    ----------
    known
        Sum of the numerator's cells that are known; NaN where a blank one is not declared as suppressed.
    base
        Sum of the denominator's cells that are known; NaN where one is missing.
    inside, apart, below
        Suppressed cells of the numerator that the denominator counts too; those that it does not; those of the
        denominator alone.
    hidden, free
        Whether the zone has a suppressed cell, and one in the numerator that has no stand-in.
    missing
        Whether the zone has no value.
    """

    indicator: Indicator
    known: Floats
    base: Floats
    inside: Span
    apart: Span
    below: Span
    hidden: Flags
    free: Flags
    missing: Flags

    def pooled_rate(self) -> float:
        """Sum of numerators over sum of denominators of the zones without a suppressed cell; NaN if there are none."""
        whole = ~self.missing & ~self.hidden
        below = float(self.base[whole].sum())
        return float(self.known[whole].sum()) / below if below else np.nan

    def filled(self) -> Filled:
        """Put counts in the place of suppressed cells.

        Each suppressed cell holds from its least to its greatest count, in a proportion no more than its denominator
        leaves room for. One that came with a stand-in (the mean of counts that were hidden together) has that, held
        within the bounds. Of others, in a numerator, each lies the same share of the way from its least to its
        greatest count, such that the zone has the pooled rate of the zones without a suppressed cell, or the bound
        that is next to it (the middle of the bounds where there is no such zone); in a denominator, in the middle.
        Where only few events are suppressed that is mostly the upper bound: need is not understated.

        A denominator that is itself suppressed is no less than 1, or than `min_denominator`: the zone has a value.
        """
        suppressed = self.hidden & ~self.missing
        known, base = (np.where(self.missing, np.nan, a) for a in (self.known, self.base))
        if not suppressed.any():
            pair = known, base
            return Filled(pair, pair, pair, suppressed, self.missing)
        inside, apart, below = self.inside, self.apart, self.below

        def pair_at(both: Floats, over: Floats, under: Floats, least: Floats | float = 0.0) -> Pair:
            above, beneath = known + both + over, np.maximum(base + both + under, least)
            return (np.minimum(above, beneath) if self.indicator.measure == "proportion" else above), beneath

        share = self._expected()
        used = pair_at(inside.used(share), apart.used(share), below.first)
        floor = np.where(below.high > below.low, max(1.0, self.indicator.min_denominator), 0.0)
        least = np.minimum(floor, used[1])
        low = [pair_at(both, apart.low, below.high, least) for both in (inside.low, inside.high)]
        high = [pair_at(both, apart.high, below.low, least) for both in (inside.low, inside.high)]
        return Filled(used, _least(low, 1), _least(high, -1), suppressed, self.missing)

    def _expected(self) -> Floats:
        """Share of the way up at which the zone has the pooled rate, or comes nearest, 0 to 1."""
        rate, inside, apart = self.pooled_rate(), self.inside, self.apart
        if np.isnan(rate):
            return np.full(len(self.known), 0.5)
        both, over = inside.last - inside.first, apart.last - apart.first
        least = self.base + inside.first + self.below.first
        gap, slope = rate * least - (self.known + inside.first + apart.first), both + over - rate * both
        root = np.divide(gap, slope, out=np.full(len(gap), np.nan), where=slope != 0)
        off = []  # from the rate, at either end: the ratio runs one way in between
        for end in (0.0, 1.0):
            below = least + both * end
            off.append(np.abs(np.divide(gap - slope * end, below, out=np.full(len(below), np.inf), where=below > 0)))
        return np.where((root >= 0) & (root <= 1), root, np.where(off[0] <= off[1], 0.0, 1.0))


def _least(pairs: list[Pair], sign: int) -> Pair:
    """Take by zone the pair with the least ratio (sign -1: the greatest).

    A ratio of two sums runs one way in a count that is part of both, so its ends are at the ends of the count.
    """
    (a, b), (c, d) = pairs
    first = sign * a * d <= sign * c * b  # a / b against c / d, with b and d over 0
    return np.where(first, a, c), np.where(first, b, d)


def add_up(
    indicator: Indicator,
    columns: Mapping[str, Floats],
    zones: pd.Index[str],
    faults: Faults,
    bounds: Mapping[str, Ends] | None = None,
) -> Counts:
    """Add up the columns of a counted indicator, and note its faults.

    A zone has no value where a cell is blank that no rule declares as suppressed, or where the denominator is 0 or
    under `min_denominator` (at the least count that a suppressed part of the numerator may be, and at what is used of
    other parts).

    Parameters
    ----------
    indicator
        Of measure "proportion", "rate" or "ratio".
    columns
        Its columns by name, shape (zones,); NaN where blank.
    zones
        Their codes.
    faults
        Collector: a numerator over the denominator of a proportion, by more than rounding can do; a denominator of 0
        or under the least, if no rule says what then stands for the value.
    bounds
        By column, least and greatest count of the cells that are known only so, NaN for others. Such a cell is blank,
        or has its stand-in in `columns`. Blank cells of a numerator without bounds here take those that the indicator
        declares.
    """
    declared = indicator.suppressed
    known, base = np.zeros(len(zones)), np.zeros(len(zones))
    hidden, free = np.zeros(len(zones), dtype=bool), np.zeros(len(zones), dtype=bool)
    spans = {kind: Span.none(len(zones)) for kind in ("inside", "apart", "below")}
    for name in indicator.columns:
        cell, above, under = columns[name], name in indicator.numerator, name in indicator.denominator
        blank = np.isnan(cell)
        unknown = np.full(len(zones), np.nan)
        low, high = (bounds or {}).get(name, (unknown, unknown))
        if declared and above:
            plain = blank & np.isnan(low)
            low, high = np.where(plain, declared.low, low), np.where(plain, declared.high, high)
        between = ~np.isnan(low)
        if between.any():
            stand_in = np.where(blank, (low + high) / 2, np.clip(cell, low, high))
            first, last = (np.where(blank & above, end, stand_in) for end in (low, high))
            kind = "below" if not above else "inside" if under else "apart"
            spans[kind] = spans[kind].plus(low, high, first, last)
            hidden |= between
            free |= between & blank & above
        exact = np.where(between, 0.0, cell)
        known += exact if above else 0.0
        base += exact if under else 0.0
    over = np.zeros(len(zones), dtype=bool)
    if indicator.measure == "proportion":
        known, over = _within(indicator, known, base + spans["below"].high, zones, faults)
    least = base + spans["inside"].first + spans["below"].first
    told = ~np.isnan(known) & ~np.isnan(base)  # a blank is told where it stands
    empty = told & (least == 0) & ~over
    small = told & (least > 0) & (least < indicator.min_denominator)
    if indicator.missing == "error":
        where, fix = f"indicator '{indicator.id}'", "say in the index what stands for a missing value (missing)"
        faults.add_codes(where, "the denominator is 0", zones[empty], fix)
        what = f"the denominator is under {indicator.min_denominator:g}"
        faults.add_codes(where, what, zones[small], fix)
    return Counts(indicator, known, base, **spans, hidden=hidden, free=free, missing=~told | empty | small)


def _within(
    indicator: Indicator, known: Floats, base: Floats, zones: pd.Index[str], faults: Faults
) -> tuple[Floats, Flags]:
    """Hold numerators of a proportion to their denominators; where they are over by more than rounding is a fault."""
    rounded = sum(name not in indicator.denominator for name in indicator.numerator)
    over = known > base + indicator.rounding / 2 * rounded
    fix = 'correct the counts; or declare measure = "rate" if an event may come more than once or the sources differ'
    faults.add_codes(f"indicator '{indicator.id}'", "the numerator is over the denominator", zones[over], fix)
    return np.where(np.isnan(base), known, np.minimum(known, base)), over
