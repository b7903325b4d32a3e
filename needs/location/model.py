"""State a siting problem: rows, what choices give them, what is asked first, and the rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from needs.location.capacity import Capacity, share, shared
from needs.location.rules import Rules
from needs.location.values import Bools, Floats, Values


@dataclass(frozen=True)
class Floor:
    """The amounts of the rows times their best values add up to at least `least`.

    Attributes
    ----------
    amounts
        Of the rows, at least 0; shape (rows,).
    least
        At least 0.
    name
        For messages.
    per_cent
        What a sum of 1 is in per cent of the most that could be, for messages.
    """

    amounts: Floats
    least: float
    name: str = ""
    per_cent: float = 1.0


@dataclass(frozen=True)
class Goal:
    """What is to be greatest: the least, over groups of rows, of the sum of amount times best value.

    Attributes
    ----------
    amounts
        Of the rows in each group, at least 0; shape (rows, groups). One group makes it a plain sum.
    name
        For messages.
    """

    amounts: Floats
    name: str = ""

    def reached(self, best: Floats) -> float:
        """Evaluate it on what each row gets, summed without rounding error."""
        return min(math.fsum(column * best) for column in self.amounts.T)


@dataclass(frozen=True)
class Model:
    """Maximise the weighted value that rows get from the best open choice, within rules.

    With binary y_j (choice j is open) and u_i (what row i gets):

        maximise    sum_i weight_i u_i
        subject to  u_i = max(base_i, max over open j of value_ij)
                    sum_j amount_kj y_j <= most_k           each limit: counts, money, staff days
                    sum of y over a group <= 1              apart: the offers of one building, hubs too near
                    sum of y over a group >= 1              required: sites that must stay or be chosen
                    y_o <= sum of y over o's parents        links: an outreach site and the hubs that can run it
                    sum_i amount_i u_i >= least             floors: cover of the worst-off fifth, of rural families
                    y_j = 0                                 closed

    Goals in `first` come before it, in their order: each is brought as high as it can be, and then held. A row that
    counts in no weight may still count in a floor or a goal, so that what is promised may be measured otherwise than
    what is maximised. Only y is whole in the programme; each u is a sum of gains of sets of choices
    (`needs.location.terms`).

    With a capacity a row is shared among the open choices, so that all rows together get the most, and what it gets is
    u_i = base_i + sum_j (value_ij - base_i) z_ij (`needs.location.capacity`); a model then has neither floors nor
    goals that come first.

    Sources: nested hierarchical maximal covering, Moore and ReVelle (1982), Geographical Analysis 14;
    gradual cover, Berman, Krass and Drezner (2003), European
    Journal of Operational Research 151.

    Attributes
    ----------
    values
        Of the rows.
    weights
        Of the rows, at least 0; shape (rows,).
    base
        What each row gets when nothing is open; shape (rows,).
    rules
        Which choices may be open together.
    floors, first
        As above.
    kept
        Choices that are what their site offers today (for ties); shape (choices,).
    capacity
        How much each choice can take on; None where none can ever be full.
    """

    values: Values
    weights: Floats
    base: Floats
    rules: Rules
    floors: tuple[Floor, ...] = ()
    first: tuple[Goal, ...] = ()
    kept: Bools = field(default_factory=lambda: np.zeros(0, bool))
    capacity: Capacity | None = None

    def __post_init__(self) -> None:
        if not len(self.kept):
            object.__setattr__(self, "kept", np.zeros(self.choices, bool))

    @property
    def choices(self) -> int:
        """How many choices there are."""
        return self.values.choices

    @property
    def total(self) -> Goal:
        """What is maximised last: the weighted value of all rows."""
        return Goal(self.weights[:, None], "the total")

    def best(self, opened: Bools) -> Floats:
        """Value that each row gets from a set of open choices; shape (rows,)."""
        best = self.values.best(opened, self.base)
        if self.capacity is None or self.capacity.holds(self.values, self.base, opened):
            return best
        parts = share(self.values, self.base, self.weights, self.capacity, opened.astype(float))
        return shared(self.values, self.base, parts.share)

    def objective(self, opened: Bools) -> float:
        """Weighted value of a set of open choices, summed without rounding error."""
        return math.fsum(self.weights * self.best(opened))

    def most(self, opened: Bools) -> float:
        """Bound the weighted value of a set of open choices, quickly: what it would be if none could be full."""
        return math.fsum(self.weights * self.values.best(opened, self.base))

    def met(self, opened: Bools, *, slack: float = 0.0) -> bool:
        """Whether a set of open choices reaches every floor, but for a share of it."""
        if not self.floors:
            return True
        best = self.best(opened)
        return all(math.fsum(floor.amounts * best) >= floor.least * (1 - slack) for floor in self.floors)

    def feasible(self, opened: Bools, *, slack: float = 0.0) -> bool:
        """Whether a set of open choices keeps to the rules and reaches every floor, but for a share of it."""
        return self.rules.feasible(opened) and self.met(opened, slack=slack)

    def with_rows(self, values: Values, weights: Floats, base: Floats) -> Model:
        """Put rows below, which count nothing in the floors and goals so far and take up no places."""
        wider = replace(
            self,
            values=self.values.below(values),
            weights=np.concatenate([self.weights, weights]),
            base=np.concatenate([self.base, base]),
            capacity=None if self.capacity is None else self.capacity.with_entries(len(values.choice)),
        )
        return replace(
            wider,
            floors=tuple(replace(f, amounts=wider.padded(f.amounts)) for f in self.floors),
            first=tuple(replace(g, amounts=wider.padded(g.amounts)) for g in self.first),
        )

    def padded(self, amounts: Floats) -> Floats:
        """Count nothing for the rows that amounts, shape (rows, ...), do not reach to."""
        missing = [(0, self.values.rows - len(amounts))] + [(0, 0)] * (amounts.ndim - 1)
        padded: Floats = np.pad(amounts, missing)
        return padded

    def below(self, amounts: Floats) -> Floats:
        """Count amounts, shape (some,), for the last rows only."""
        return np.concatenate([np.zeros(self.values.rows - len(amounts)), amounts])

    def holding(self, goal: Goal, level: float) -> Model:
        """State the model in which each group of a goal gets at least a level, and the goal is asked for no more."""
        floors = tuple(Floor(column, level, goal.name) for column in goal.amounts.T)
        return replace(self, floors=self.floors + floors, first=tuple(g for g in self.first if g is not goal))
