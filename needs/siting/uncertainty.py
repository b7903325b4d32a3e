"""Say what a plan cannot know for sure, and draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from needs.errors import InputError, fail
from needs.settings import CATALOGUE, SEED
from needs.toml import Strict, checked, load

Id = Literal[
    "need_strength", "demand", "time_common", "time_pair", "standards", "fading", "outreach_value", "no_car"
]  # fmt: skip
_FILE = "uncertainty.toml"
_NEUTRAL = {"need_strength": 1.0, "standards": 1.0, "fading": 1.0, "no_car": 0.0}


class Assumption(Strict):
    """Something that is not known for sure: drawn evenly from `low` to `high`, or by `spread_pct`, or by `years`.

    `spread_pct` is, by mode of travel, 100 times the standard deviation of the logarithm of a factor with median 1.
    `years` are those that counts are of: they vary as Poisson counts do.
    """

    id: Id
    label: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    low: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    high: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    spread_pct: dict[str, float] | None = None
    years: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    source: str = Field(min_length=10)

    @model_validator(mode="after")
    def _drawn_in_one_way(self) -> Assumption:
        wanted = {"demand": "years", "time_common": "spread_pct", "time_pair": "spread_pct"}.get(self.id, "low")
        given = [n for n in ("low", "spread_pct", "years") if getattr(self, n) is not None]
        faults = []
        if given != [wanted] or (self.low is None) != (self.high is None):
            faults.append(f"{self.id} is drawn by {'low and high' if wanted == 'low' else wanted}, and by that alone")
        elif self.low is not None and self.high is not None and self.low > self.high:
            faults.append(f"low {self.low:g} is over high {self.high:g}")
        if self.spread_pct and not all(0 <= s < np.inf for s in self.spread_pct.values()):
            faults.append("a spread is below 0")
        if self.id == "outreach_value" and not ((self.low or 0) > 0 and (self.high or 1) < 1):
            faults.append("outreach_value lies over 0 and under 1")
        if self.id == "no_car" and (self.high or 0) > 100:
            faults.append("no_car is at most 100")
        if faults:
            raise ValueError("\n".join(faults))
        return self


class Uncertainty(Strict):
    """All that is varied at once; what is not listed stays as the plan has it."""

    assumption: list[Assumption] = []

    @model_validator(mode="after")
    def _each_once(self) -> Uncertainty:
        ids = [a.id for a in self.assumption]
        if len(set(ids)) < len(ids):
            msg = f"{next(i for i in ids if ids.count(i) > 1)} stands twice"
            raise ValueError(msg)
        return self

    def of(self, which: Id) -> Assumption | None:
        """Give an assumption, if it is varied."""
        return next((a for a in self.assumption if a.id == which), None)

    def only(self, *which: Id) -> Uncertainty:
        """Vary these alone."""
        return Uncertainty(assumption=[a for a in self.assumption if a.id in which])

    def with_spread(self, which: Id, spread_pct: Mapping[str, float]) -> Uncertainty:
        """Draw an assumption with other spreads, by mode, where it is varied."""
        changed = {"spread_pct": dict(spread_pct)}
        return Uncertainty(assumption=[a.model_copy(update=changed) if a.id == which else a for a in self.assumption])


@cache
def presets() -> Uncertainty:
    """Read the catalogue's."""
    return checked(Uncertainty, load(CATALOGUE / _FILE), file=_FILE)


@dataclass(frozen=True)
class Assumed:
    """What one draw takes for true.

    Attributes
    ----------
    number
        Of the draw, from 0.
    need_strength, standards, fading
        Times what the plan has.
    outreach_value
        What a session is worth of a hub.
    no_car_pct
        At least so many of a place's families have no car.
    time
        Times the minutes measured, by mode.
    pair_pct
        Spread of single journeys about that, by mode.
    demand_years
        Counts vary as those of so many years; None where they do not.
    """

    number: int
    need_strength: float
    standards: float
    fading: float
    outreach_value: float
    no_car_pct: float
    time: dict[str, float]
    pair_pct: dict[str, float]
    demand_years: float | None
    seed: int

    def chance(self, of: str) -> np.random.Generator:
        """Random numbers for one thing of this draw, the same whatever else is drawn."""
        return _chance(self.seed, self.number, of)

    def parameters(self) -> dict[str, float]:
        """Give what is one number, by name: modes of travel as time_ and the mode."""
        plain = {n: float(getattr(self, n)) for n in ("need_strength", "standards", "fading", "outreach_value")}
        return plain | {"no_car": self.no_car_pct} | {f"time_{m}": f for m, f in sorted(self.time.items())}


def assume(
    uncertainty: Uncertainty, number: int, *, outreach_value: float, modes: list[str], seed: int = SEED
) -> Assumed:
    """Make a draw: the same for its number and seed, however many are made and whatever else is varied.

    Parameters
    ----------
    uncertainty
        What is varied.
    number
        Of the draw, from 0.
    outreach_value
        Of the plan: for where it is not varied.
    modes
        Of travel.
    seed
        0 or more.

    Raises
    ------
    InputError
        If a mode has no spread.
    """
    values = {**_NEUTRAL, "outreach_value": outreach_value}
    for name in values:
        varied = uncertainty.of(name)  # type: ignore[arg-type]
        if varied is not None and varied.low is not None and varied.high is not None:
            share = _chance(seed, number, name).random()
            values[name] = varied.low + (varied.high - varied.low) * share
    common, pair = (_spreads(uncertainty, which, modes) for which in ("time_common", "time_pair"))
    demand = uncertainty.of("demand")
    return Assumed(
        number=number,
        need_strength=values["need_strength"],
        standards=values["standards"],
        fading=values["fading"],
        outreach_value=values["outreach_value"],
        no_car_pct=values["no_car"],
        time={m: float(np.exp(s / 100 * _chance(seed, number, f"time_{m}").normal())) for m, s in common.items()},
        pair_pct=pair,
        demand_years=None if demand is None else demand.years,
        seed=seed,
    )


def _spreads(uncertainty: Uncertainty, which: Id, modes: list[str]) -> dict[str, float]:
    varied = uncertainty.of(which)
    if varied is None:
        return {}
    spreads = varied.spread_pct or {}
    absent = [m for m in modes if m not in spreads]
    if absent:
        fail(InputError, f"uncertainty, {which}", f"has no spread_pct for {', '.join(absent)}", "give one (0: none)")
    return {m: spreads[m] for m in modes}


def _chance(seed: int, number: int, of: str) -> np.random.Generator:
    return np.random.default_rng([seed, number, *of.encode()])
