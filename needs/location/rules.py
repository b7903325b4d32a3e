"""State which sets of choices may be open together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

_ROUNDING = 1e-9  # relative to a limit, or to 1: amounts that pass it by less keep to it


@dataclass(frozen=True)
class Limit:
    """The amounts of the open choices add up to at most `most`.

    Attributes
    ----------
    amounts
        1 for a choice that counts, or what it costs; below 0 where opening it spares a cost, as of closing; shape
        (choices,).
    most
        Below 0 where something must be spared.
    name
        For messages.
    """

    amounts: Floats
    most: float
    name: str = ""

    def met(self, opened: Bools) -> bool:
        """Whether a set of open choices keeps to it."""
        return bool(self.amounts[opened].sum() <= self.most + _ROUNDING * max(1.0, abs(self.most)))


@dataclass(frozen=True)
class Wish:
    """Why a rule is there, for messages where rules clash.

    Attributes
    ----------
    where
        The setting.
    what
        What it asks, as a sentence without its stop.
    mend
        How to give way.
    """

    where: str
    what: str
    mend: str


_HANGING = Wish("links", "an outreach site hangs on certain hubs only", "let it hang on hubs that are further away")


@dataclass(frozen=True)
class Links:
    """On which choices each choice may hang: those of choice j are parent[start[j] : start[j + 1]], ascending."""

    start: NDArray[np.int64]
    parent: NDArray[np.int32]

    @staticmethod
    def of(near: Bools) -> Links:
        """Take a table, shape (choices, choices): row j says on which choices j may hang."""
        start = np.concatenate([[0], np.cumsum(near.sum(axis=1))]).astype(np.int64)
        return Links(start, np.nonzero(near)[1].astype(np.int32))

    def parents(self, j: int) -> NDArray[np.int32]:
        """Choices on which choice j may hang."""
        return self.parent[self.start[j] : self.start[j + 1]]

    def open_parents(self, opened: Bools) -> NDArray[np.int64]:
        """How many open choices each choice may hang on; shape (choices,)."""
        counted = np.concatenate([[0], np.cumsum(opened[self.parent])])
        found: NDArray[np.int64] = counted[self.start[1:]] - counted[self.start[:-1]]
        return found


@dataclass(frozen=True)
class Rules:
    """Which sets of choices may be open. Choices stand in the order in which ties prefer them.

    Attributes
    ----------
    choices
        How many there are.
    limits
        On sums over the open choices: counts, money, staff days.
    apart
        Groups of choices of which at most one may open: the offers of one building, hubs too near to each other.
    required
        Groups of choices of which at least one must open.
    closed
        Choices that may not open; shape (choices,).
    hangs
        Choices that open only if one of their parents in `links` is open; shape (choices,). None of them is a parent.
    links
        Parents of the choices that hang; None where none hangs.
    apart_why, required_why, links_why
        For messages: why each group of `apart` and of `required` is a rule, and why choices hang. Where a group of
        `apart` has no reason it can never give way, as the offers of one building.
    """

    choices: int
    limits: tuple[Limit, ...] = ()
    apart: tuple[Ints, ...] = ()
    required: tuple[Ints, ...] = ()
    closed: Bools = field(default_factory=lambda: np.zeros(0, bool))
    hangs: Bools = field(default_factory=lambda: np.zeros(0, bool))
    links: Links | None = None
    apart_why: tuple[Wish | None, ...] = ()
    required_why: tuple[Wish, ...] = ()
    links_why: Wish = _HANGING

    def __post_init__(self) -> None:
        for name in ("closed", "hangs"):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(self.choices, bool))

    @staticmethod
    def at_most(choices: int, most: int) -> Rules:
        """Allow any set of so many choices or fewer."""
        return Rules(choices, (Limit(np.ones(choices), float(most)),))

    def fits(self, opened: Bools) -> bool:
        """Whether a set of open choices keeps to the limits and apart, though it may lack what is required."""
        return bool(
            not (opened & self.closed).any()
            and all(limit.met(opened) for limit in self.limits)
            and self._apart.most(opened) <= 1
        )

    def hung(self, opened: Bools) -> bool:
        """Whether every open choice that needs an open parent has one."""
        return self.links is None or bool((self.links.open_parents(opened)[opened & self.hangs] > 0).all())

    def feasible(self, opened: Bools) -> bool:
        """Whether a set of open choices keeps to every rule."""
        return self.fits(opened) and self.hung(opened) and self._required.least(opened) >= 1

    @cached_property
    def _apart(self) -> _Groups:
        return _Groups.of(self.apart)

    @cached_property
    def _required(self) -> _Groups:
        return _Groups.of(self.required)


@dataclass(frozen=True)
class _Groups:
    """Groups of choices, one after the other, so that all are counted in one pass.

    Attributes
    ----------
    members
        Choices of the first group, of the second, ...
    start
        Where each group that has members begins among them; shape (groups,).
    empty
        Whether a group has none.
    """

    members: Ints
    start: Ints
    empty: bool

    @classmethod
    def of(cls, groups: Sequence[Ints]) -> _Groups:
        full = [np.asarray(group, np.intp) for group in groups if len(group)]
        if not full:
            return cls(np.zeros(0, np.intp), np.zeros(0, np.intp), bool(groups))
        start = np.cumsum([0, *(len(group) for group in full[:-1])])
        return cls(np.concatenate(full), start.astype(np.intp), len(full) < len(groups))

    def _open(self, opened: Bools) -> Ints:
        """How many of each group are open; shape (groups,)."""
        found: Ints = np.add.reduceat(opened[self.members].astype(np.intp), self.start)
        return found

    def most(self, opened: Bools) -> int:
        """Count the open ones of the group that has most, 0 without groups."""
        return int(self._open(opened).max()) if len(self.start) else 0

    def least(self, opened: Bools) -> int:
        """Count the open ones of the group that has fewest, 1 without groups."""
        if self.empty:
            return 0
        return int(self._open(opened).min()) if len(self.start) else 1
