"""State a siting problem as rows, choices and constraints, and reduce it exactly to terms."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Limit:
    """At most `most` of the `members` may be open."""

    members: Bools
    most: int


@dataclass(frozen=True)
class Model:
    """Maximise the weighted value that rows get from the best open choice.

    A row gets ``max(base, values of the open choices)``. Choices stand in the order in which ties prefer them.

    Attributes
    ----------
    values
        What each row gets from each choice if it is open, at least 0; shape (rows, choices). No NaN: a row that a
        choice cannot reach has 0.
    weights
        Of the rows, at least 0; shape (rows,).
    base
        What each row gets when nothing is open; shape (rows,).
    site
        Position of the site that each choice stands at; one choice per site may open; shape (choices,).
    limits
        How many choices of a group may open.
    required
        Groups of choices of which at least one must open.
    closed
        Choices that may not open; shape (choices,).
    parents
        Row j says on which choices j may hang; shape (choices, choices), or None.
    hangs
        Choices that open only if one of their parents is open; shape (choices,).
    kept
        Choices that are what their site offers today (for ties); shape (choices,).
    """

    values: Floats
    weights: Floats
    base: Floats
    site: Ints
    limits: tuple[Limit, ...] = ()
    required: tuple[Ints, ...] = ()
    closed: Bools = field(default_factory=lambda: np.zeros(0, bool))
    parents: Bools | None = None
    hangs: Bools = field(default_factory=lambda: np.zeros(0, bool))
    kept: Bools = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        for name in ("closed", "hangs", "kept"):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(self.choices, bool))

    @property
    def choices(self) -> int:
        """How many choices there are."""
        return int(self.values.shape[1])

    def best(self, opened: Bools) -> Floats:
        """Value that each row gets from a set of open choices; shape (rows,)."""
        best: Floats = np.maximum(self.base, self.values[:, opened].max(axis=1, initial=0.0))
        return best

    def objective(self, opened: Bools) -> float:
        """Weighted value of a set of open choices, summed without rounding error."""
        return math.fsum(self.weights * self.best(opened))

    def fits(self, opened: Bools) -> bool:
        """Whether a set of open choices keeps to the limits, though it may lack what is required."""
        sites = self.site[opened]
        return bool(
            not (opened & self.closed).any()
            and len(np.unique(sites)) == len(sites)
            and all((opened & limit.members).sum() <= limit.most for limit in self.limits)
        )

    def hung(self, opened: Bools) -> bool:
        """Whether every open choice that needs an open parent has one."""
        return bool(self.parents is None or (self.parents[opened & self.hangs] @ opened).all())

    def feasible(self, opened: Bools) -> bool:
        """Whether a set of open choices meets every constraint."""
        return self.fits(opened) and self.hung(opened) and all(opened[group].any() for group in self.required)


@dataclass(frozen=True)
class Terms:
    """A model as a sum of gains, each had when at least one choice of a set is open.

    Attributes
    ----------
    constant
        Weighted value when nothing but what is certain is open.
    alone
        Gain of each choice for sets that hold only it; shape (choices,).
    sets
        The other sets, each as the bits of an integer.
    gains
        Of the other sets.
    links
        For each other set: the position of a smaller set inside it (-1 for none; -2 - j for choice j alone), and
        the choices that it has besides.
    """

    constant: float
    alone: Floats
    sets: list[int]
    gains: Floats
    links: list[tuple[int, Ints]]

    def met(self, opened: Bools) -> Floats:
        """1 for each set that holds an open choice, else 0."""
        bits = sum(1 << int(j) for j in np.flatnonzero(opened))
        return np.array([float(bool(s & bits)) for s in self.sets])


def terms(model: Model, *, certain: Bools, closed: Bools) -> Terms:
    """Reduce a model to terms, exactly.

    A row's value is a staircase: it gains ``level - next lower level`` when at least one choice that reaches the
    level is open. Stairs of different rows with the same set of choices become one term, which merges equal rows,
    and more (radius form of Elloumi 2010, doi:10.1007/s10878-008-9183-4, stated for gains; a set is linked to the
    next smaller one of its row, so that the program stays sparse).

    Parameters
    ----------
    model
        The problem.
    certain
        Choices known to open: what they give is not a stair; shape (choices,).
    closed
        Choices known not to open; shape (choices,).
    """
    floor = model.best(certain)
    usable = ~(certain | closed | model.closed)
    position: dict[int, int] = {}
    gains: list[float] = []
    links: list[tuple[int, Ints]] = []
    alone = np.zeros(model.choices)
    for i in np.flatnonzero(model.weights > 0):
        row: Any = model.values[i]
        above = np.flatnonzero(usable & (row > floor[i]))
        order = above[np.argsort(-row[above], kind="stable")]
        levels = row[order]
        ends = [*(np.flatnonzero(levels[1:] < levels[:-1]) + 1).tolist(), len(order)] if len(order) else []
        start, bits, last = 0, 0, -1
        for end in ends:
            added = order[start:end]
            below = levels[end] if end < len(order) else floor[i]
            gain = float(model.weights[i] * (levels[start] - below))
            for j in added.tolist():
                bits |= 1 << j
            if end == 1:
                alone[added[0]] += gain
                last = -2 - int(added[0])
            else:
                k = position.setdefault(bits, len(gains))
                if k == len(gains):
                    gains.append(0.0)
                    links.append((last, added))
                gains[k] += gain
                last = k
            start = end
    return Terms(math.fsum(model.weights * floor), alone, list(position), np.array(gains), links)
