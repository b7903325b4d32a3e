"""Add up numerators and denominators by zone, and bound the counts that a publisher has suppressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs.errors import Faults
from needs.indicators.columns import note_zones
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
class Counts:
    """Sums of one indicator's columns by zone, before anything is put in place of suppressed cells.

    Attributes
    ----------
    known
        Sum of the numerator's cells that are not blank; NaN where a blank one is not declared as suppressed.
    base
        Sum of the denominator's cells but for suppressed ones; NaN where one is missing.
    inside, apart
        How many suppressed cells the numerator has that the denominator counts too, and that it does not.
    missing
        Whether the zone has no value.
    """

    indicator: Indicator
    known: Floats
    base: Floats
    inside: Floats
    apart: Floats
    missing: Flags

    def pooled_rate(self) -> float:
        """Sum of numerators over sum of denominators of the zones without a suppressed cell; NaN if there are none."""
        whole = ~self.missing & (self.inside + self.apart == 0)
        below = float(self.base[whole].sum())
        return float(self.known[whole].sum()) / below if below else np.nan

    def filled(self) -> Filled:
        """Put counts in the place of suppressed cells.

        Each suppressed cell holds from `low` to `high`, in a proportion no more than its denominator leaves room
        for. As used, each holds the same count, such that the zone has the pooled rate of the zones without a
        suppressed cell, or the bound that is next to it (the middle of the bounds where there is no such zone). Where
        only few events are suppressed that is mostly the upper bound: need is not understated.
        """
        hidden = self.inside + self.apart
        suppressed = (hidden > 0) & ~self.missing
        known, base = (np.where(self.missing, np.nan, a) for a in (self.known, self.base))
        if not suppressed.any() or self.indicator.suppressed is None:
            pair = known, base
            return Filled(pair, pair, pair, suppressed, self.missing)
        low, high = self.indicator.suppressed.low, self.indicator.suppressed.high

        def pair_at(each: Floats | float, each_apart: Floats | float) -> Pair:
            above, below = known + self.inside * each + self.apart * each_apart, base + self.inside * each
            return (np.minimum(above, below) if self.indicator.measure == "proportion" else above), below

        used = self._expected(hidden, low, high)
        ends = [[pair_at(each, end) for each in (low, high)] for end in (low, high)]
        return Filled(pair_at(used, used), _least(ends[0], 1), _least(ends[1], -1), suppressed, self.missing)

    def _expected(self, hidden: Floats, low: float, high: float) -> Floats:
        """Count x in each suppressed cell that makes known + hidden x = rate (base + inside x), or comes nearest."""
        rate = self.pooled_rate()
        if np.isnan(rate):
            return np.full(len(hidden), (low + high) / 2)
        gap, slope = rate * self.base - self.known, hidden - rate * self.inside
        root = np.divide(gap, slope, out=np.full(len(hidden), np.nan), where=slope != 0)
        off = []  # from the rate, at either end: the ratio runs one way in between
        for end in (low, high):
            below = self.base + self.inside * end
            off.append(np.abs(np.divide(gap - slope * end, below, out=np.full(len(below), np.inf), where=below > 0)))
        return np.where((root >= low) & (root <= high), root, np.where(off[0] <= off[1], low, high))


def _least(pairs: list[Pair], sign: int) -> Pair:
    """Take by zone the pair with the least ratio (sign -1: the greatest).

    A ratio of two sums runs one way in a count that is part of both, so its ends are at the ends of the count.
    """
    (a, b), (c, d) = pairs
    first = sign * a * d <= sign * c * b  # a / b against c / d, with b and d over 0
    return np.where(first, a, c), np.where(first, b, d)


def add_up(indicator: Indicator, columns: Mapping[str, Floats], zones: pd.Index[str], faults: Faults) -> Counts:
    """Add up the columns of a counted indicator, and note its faults.

    A zone has no value where a cell is blank that no rule declares as suppressed, or where the denominator is 0 or
    under `min_denominator` (at the least count that a suppressed part of it may be).

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
    """
    hides = indicator.suppressed
    known, base, inside, apart = (np.zeros(len(zones)) for _ in range(4))
    for name in indicator.numerator:
        cell = columns[name]
        blank = np.isnan(cell)
        known += np.where(blank, 0.0 if hides else np.nan, cell)
        if hides:
            (inside if name in indicator.denominator else apart)[blank] += 1
    for name in indicator.denominator:
        cell = columns[name]
        base += np.where(np.isnan(cell), 0.0, cell) if hides and name in indicator.numerator else cell
    over = np.zeros(len(zones), dtype=bool)
    if indicator.measure == "proportion":
        known, over = _within(indicator, known, base, zones, faults)
    least = base + inside * (hides.low if hides else 0.0)
    told = ~np.isnan(known) & ~np.isnan(base)  # a blank is told where it stands
    empty = told & (least == 0) & ~over
    small = told & (least > 0) & (least < indicator.min_denominator)
    if indicator.missing == "error":
        where, fix = f"indicator '{indicator.id}'", "say in the index what stands for a missing value (missing)"
        note_zones(faults, where, "the denominator is 0", zones[empty], fix)
        what = f"the denominator is under {indicator.min_denominator:g}"
        note_zones(faults, where, what, zones[small], fix)
    return Counts(indicator, known, base, inside, apart, ~told | empty | small)


def _within(
    indicator: Indicator, known: Floats, base: Floats, zones: pd.Index[str], faults: Faults
) -> tuple[Floats, Flags]:
    """Hold numerators of a proportion to their denominators; where they are over by more than rounding is a fault."""
    rounded = sum(name not in indicator.denominator for name in indicator.numerator)
    over = known > base + indicator.rounding / 2 * rounded
    fix = 'correct the counts; or declare measure = "rate" if an event may come more than once or the sources differ'
    note_zones(faults, f"indicator '{indicator.id}'", "the numerator is over the denominator", zones[over], fix)
    return np.where(np.isnan(base), known, np.minimum(known, base)), over
