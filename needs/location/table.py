"""Check a table of costs from rows to sites, and say what open sites give each row."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from needs.errors import Faults
from needs.location.covering import Cover, cover
from needs.location.program import Clock

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

# What each number given to a model may be, in code and in words.
_NUMBERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "p": (lambda x: isinstance(x, numbers.Integral) and int(x) >= 1, "a whole number of 1 or more"),
    "radius": (lambda x: x >= 0, "0 or more"),
    "cutoff": (lambda x: 0 <= x < np.inf, "0 or more, or none"),
    "gap": (lambda x: 0 <= x < np.inf, "0 or more, such as 0.01 for 1 %"),
    "time_limit_s": (lambda x: x >= 0, "seconds, 0 or more"),
}


@dataclass(frozen=True)
class Table:
    """What it costs each site to serve each row, and which sites may open.

    Attributes
    ----------
    cost
        NaN is out of reach, and so is every site that may not open; shape (rows, sites).
    weights
        Shape (rows,).
    forced, closed
        Sites that open in any case, and that may not; shape (sites,).
    """

    cost: Floats
    weights: Floats
    forced: Bools
    closed: Bools

    @staticmethod
    def of(cost: Any, weights: Any, forced: Any, closed: Any, **given: Any) -> Table:
        """Check what was given to a model; weights, forced or closed of None are all ones, none and none.

        Parameters
        ----------
        cost, weights, forced, closed
            As in `needs.location.classical.p_median`.
        given
            The model's numbers, by name; None is not looked at.

        Raises
        ------
        InputError
            With every fault.
        """
        faults = Faults()
        costs = _floats("cost", cost, faults)
        if costs.ndim != 2 or not costs.shape[1]:
            faults.add("cost", f"its shape is {costs.shape}", "give (rows, sites), with a site or more")
            faults.raise_if_any()
        rows, sites = costs.shape
        wrong = np.argwhere((costs < 0) | np.isinf(costs)).tolist()
        cells = [(f"row {i}, site {j}", f"{costs[i, j]:g}") for i, j in wrong]
        faults.add_each("cost", cells, "give 0 or more, and NaN where a site is out of reach")
        weight = np.ones(rows) if weights is None else _floats("weights", weights, faults)
        if weight.shape != (rows,):
            faults.add("weights", f"the shape is {weight.shape}", f"give one weight for each of the {rows:,} rows")
        odd = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)).ravel()).tolist()
        faults.add_each("weights", [(f"row {i}", f"{weight.ravel()[i]:g}") for i in odd], "give 0 or more")
        for name, value in given.items():
            may, wanted = _NUMBERS[name]
            number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if value is not None and not (number and may(value)):
                faults.add(name, f"it is {value!r}", f"give {wanted}")
        opens, stays = (_marks(*pair, sites, faults) for pair in (("forced", forced), ("closed", closed)))
        both = np.flatnonzero(opens & stays).tolist()
        faults.add_codes("forced", "sites that are closed as well", both, "force or close a site, not both")
        if not faults.found and given.get("p") is not None and opens.sum() > given["p"]:
            faults.add("p", f"it is {given['p']}, but {opens.sum()} sites are forced", "raise p or force fewer")
        faults.raise_if_any()
        return Table(np.where(stays, np.nan, costs), weight, opens, stays)

    def asking(self, reach: float) -> Bools:
        """Mark rows of some weight that a site reaches at a cost of at most `reach`; shape (rows,)."""
        asking: Bools = (self.weights > 0) & (self.cost <= reach).any(axis=1)
        return asking

    def times(self, opened: Bools, reach: float) -> Ints:
        """Count the open sites within reach of each row; shape (rows,)."""
        times: Ints = np.count_nonzero(self.cost[:, opened] <= reach, axis=1)
        return times

    def least(self, opened: Bools) -> Floats:
        """Give the cost of each row's cheapest open site, infinite where there is none; shape (rows,)."""
        least: Floats = np.fmin.reduce(self.cost[:, opened], axis=1, initial=np.inf)
        return least

    def paid(self, opened: Bools, cutoff: float) -> Floats:
        """Give weight x cost of each row, which pays the cutoff at most; shape (rows,)."""
        paid = np.zeros(len(self.weights))
        some = self.weights > 0
        paid[some] = self.weights[some] * np.minimum(self.least(opened)[some], cutoff)
        return paid

    def served(self, opened: Bools, reach: float) -> Ints:
        """Name each row's cheapest open site within reach, of equals the first; -1 for none; shape (rows,)."""
        usable = np.where(opened & (self.cost <= reach), self.cost, np.inf)
        served: Ints = np.where(np.isfinite(usable).any(axis=1), usable.argmin(axis=1), -1)
        return served

    def covered(self, reach: float, clock: Clock, *, most: int | None = None) -> Cover:
        """Open the fewest sites, those forced included, that reach every asking row (see `cover` for `most`)."""
        within = self.cost[self.asking(reach)] <= reach
        left = within[~within[:, self.forced].any(axis=1)] & ~self.forced
        held = int(self.forced.sum())
        found = cover(left, clock, most=None if most is None else most - held)
        return Cover(found.opened | self.forced, found.bound + held, found.status)


def _floats(name: str, value: Any, faults: Faults) -> Floats:
    try:
        return np.asarray(value, float)
    except (TypeError, ValueError):
        faults.add(name, "it holds something that is not a number", "give numbers")
        return np.zeros(np.shape(value) if isinstance(value, np.ndarray) else 0)


def _marks(name: str, value: Any, sites: int, faults: Faults) -> Bools:
    marks = np.zeros(sites, bool) if value is None else np.asarray(value)
    if marks.shape != (sites,) or marks.dtype != bool:
        what = f"it has the shape {marks.shape} and is of type {marks.dtype}"
        faults.add(name, what, f"give True or False for each of the {sites:,} sites")
        return np.zeros(sites, bool)
    return marks
