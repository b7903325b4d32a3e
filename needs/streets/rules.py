"""Hold how people travel: where each mode may go and how fast, as the catalogue says."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import Field

from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

_FILE = "modes.toml"
ANY = "*"  # in a rule: whatever the value
FERRY = "ferry"  # the class of a ferry's route, beside OpenStreetMap's highway classes


class Rule(Strict):
    """What holds where OpenStreetMap's tags say `when`, and do not say `unless`."""

    modes: frozenset[str]
    when: dict[str, frozenset[str]] = {}
    unless: dict[str, frozenset[str]] = {}
    source: str = Field(min_length=10)

    def fits(self, tags: dict[str, str]) -> bool:
        """Say whether the rule holds for a way or node; a value may be a list parted by semicolons."""
        return all(_has(tags, k, v) for k, v in self.when.items()) and not any(
            _has(tags, k, v) for k, v in self.unless.items()
        )


class Slow(Rule):
    """A surface or the like on which the mode is slower."""

    factor: float = Field(default=1.0, gt=0, le=1)
    kph: float | None = Field(default=None, gt=0)


class Sign(Rule):
    """A speed limit known by name."""

    names: frozenset[str]
    mph: float = Field(gt=0)


class Delay(Rule):
    """Seconds added on the piece of street that enters a node."""

    seconds: float = Field(gt=0)
    meeting: int = Field(default=0, ge=0)
    highways: frozenset[str] = frozenset()


class Limit(Strict):
    """Bounds of what a mode can pass: incline in percent, width in metres."""

    modes: frozenset[str]
    tag: str = Field(pattern="^(incline|width)$")
    least: float = 0.0
    most: float = float("inf")
    source: str = Field(min_length=10)


class Mode(Strict):
    """One way of travelling: where it may go and how fast."""

    label: str
    source: str
    highways: frozenset[str]
    access: tuple[str, ...]
    denied: frozenset[str]
    oneways: tuple[str, ...] = ()
    maxspeed: bool = False
    gradient: bool = False
    car: bool = False
    ferries: bool
    tolls: bool
    kph: float | None = Field(default=None, gt=0)
    typical_kph: dict[str, float] = {}
    ceiling_kph: dict[str, float] = {}
    ferry_kph: float = Field(gt=0)
    connector_kph: float = Field(gt=0)
    max_snap_m: float = Field(gt=0)
    limit_min: float = Field(gt=0)
    refuse: tuple[Rule, ...] = ()
    limit: tuple[Limit, ...] = ()
    slow: tuple[Slow, ...] = ()
    oneway_where: tuple[Rule, ...] = ()
    contraflow: tuple[Rule, ...] = ()
    sign: tuple[Sign, ...] = ()
    block: tuple[Rule, ...] = ()
    delay: tuple[Delay, ...] = ()

    @property
    def oneway(self) -> bool:
        """Whether the mode obeys one-way streets."""
        return bool(self.oneways)


class Doors(Strict):
    """Classes of streets on which no door opens."""

    none_on: frozenset[str]
    source: str = Field(min_length=10)


class _Catalogue(Strict):
    """The whole of modes.toml: a rule stands once and names the modes that it holds for."""

    classes: dict[str, frozenset[str]]
    ferry: dict[str, Any]
    doors: Doors
    mode: dict[str, dict[str, Any]]
    refuse: tuple[Rule, ...]
    limit: tuple[Limit, ...]
    slow: tuple[Slow, ...]
    oneway: tuple[Rule, ...]
    contraflow: tuple[Rule, ...]
    sign: tuple[Sign, ...]
    block: tuple[Rule, ...]
    delay: tuple[Delay, ...]


@cache
def _catalogue() -> _Catalogue:
    return checked(_Catalogue, load(CATALOGUE / _FILE), file=_FILE)


@cache
def doorless() -> frozenset[str]:
    """Name the classes of streets on which no door opens."""
    return _catalogue().doors.none_on


@cache
def modes() -> dict[str, Mode]:
    """Read the catalogue's ways of travelling."""
    whole, found = _catalogue(), {}
    for name, entry in whole.mode.items():
        classes = [whole.classes.get(h, {h}) for h in entry.get("highways", ())]
        content = {
            **entry,
            "highways": frozenset().union(*classes),
            "ferry_kph": whole.ferry["kph"],
            "oneway_where": _of(name, whole.oneway),
            **{kind: _of(name, getattr(whole, kind)) for kind in _KINDS},
        }
        found[name] = checked(Mode, content, file=f"{_FILE}, [mode.{name}]")
    return found


@cache
def way_tags() -> frozenset[str]:
    """Name the tags of ways that any rule looks at."""
    named = {"highway", "route", "toll", "duration", "maxspeed", "maxspeed:forward", "maxspeed:backward"}
    named |= {"maxspeed:type", "source:maxspeed", "incline", "width"}
    for mode in modes().values():
        named |= {*mode.access, *mode.oneways}
        for rule in (*mode.refuse, *mode.slow, *mode.oneway_where, *mode.contraflow, *mode.sign):
            named |= {*rule.when, *rule.unless}
    return frozenset(named)


@cache
def mark_tags() -> frozenset[str]:
    """Name the tags of nodes that any rule looks at."""
    named = {"barrier", "direction", "traffic_signals:direction"}
    for mode in modes().values():
        named |= set(mode.access)
        for rule in (*mode.block, *mode.delay):
            named |= {*rule.when, *rule.unless}
    return frozenset(named)


MARKS = ("highway", "barrier", "kerb")  # a node without any of these tags has nothing to say

_KINDS = ("refuse", "limit", "slow", "contraflow", "sign", "block", "delay")

R = TypeVar("R", Rule, Slow, Sign, Delay, Limit)


def _of(mode: str, rules: tuple[R, ...]) -> tuple[R, ...]:
    return tuple(r for r in rules if mode in r.modes)


def _has(tags: dict[str, str], key: str, values: frozenset[str]) -> bool:
    text = tags.get(key)
    if text is None:
        return False
    return ANY in values or text in values or (";" in text and any(v.strip() in values for v in text.split(";")))
