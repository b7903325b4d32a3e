"""Name every way of travelling: along streets, and by a timetable."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import Field

from needs import streets
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

BUS = "bus"


class Window(Strict):
    """Departures within some hours of a day; every minute of them counts.

    `day` is the school day that the assessment names, or the Saturday after it.
    """

    label: str
    start: str = Field(pattern=r"^\d\d:\d\d$")
    end: str = Field(pattern=r"^\d\d:\d\d$")
    day: Literal["school day", "saturday"]


class ByTimetable(Strict):
    """Travelling by bus, on foot to the stop, between stops and from the stop."""

    label: str
    source: str
    walk: str
    walk_min: float = Field(gt=0)
    change_walk_min: float = Field(gt=0)
    change_s: int = Field(ge=1)
    limit_min: float = Field(gt=0)
    window: dict[str, Window]


class Words(Strict):
    """What people are told of a mode."""

    label: str
    speed: str
    source: str


@cache
def by_timetable() -> ByTimetable:
    """Read the catalogue's rules for buses."""
    file = "timetables.toml"
    return checked(ByTimetable, load(CATALOGUE / file)[BUS], file=file)


@cache
def words() -> dict[str, Words]:
    """Describe every mode for people, by its name."""
    found = {
        name: Words(
            label=m.label,
            speed=f"{f'{m.kph:g} km/h' if m.kph else 'speed by road'}; beyond the limit over {m.limit_min:g} minutes",
            source=m.source,
        )
        for name, m in streets.modes().items()
    }
    bus = by_timetable()
    first = next(iter(bus.window.values()))
    speed = f"{first.label}; beyond the limit over {bus.limit_min:g} minutes"
    return {**found, BUS: Words(label=bus.label, speed=speed, source=bus.source)}


def needs_car(mode: str) -> bool:
    """Whether only a family with a car can travel so."""
    return mode != BUS and streets.modes()[mode].car
