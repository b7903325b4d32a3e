"""Read one assessment's settings from TOML, check them, and report every fault at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, field_validator, model_validator

from needs.assessment.inputs import CARRIED, filled, source_path
from needs.assessment.inputs import KINDS as KINDS
from needs.assessment.inputs import Input as Input
from needs.assessment.plan import PlanSettings as PlanSettings
from needs.assessment.plan import ReachFloor as ReachFloor
from needs.councils import ENGLAND, england
from needs.demand import Growth, kinds
from needs.errors import Fault, SettingsError, fail
from needs.schemas import DISTRICT_CODE, RURAL_URBAN_CODES
from needs.settings import CATALOGUE, ZONE_VINTAGE
from needs.toml import Strict, checked, load
from needs.vintages import mend

_REQUIRED = ("zones", "points", "demand", "indicators", "rural_urban", "sites")
_SINGLE = (
    "zones", "councils", "points", "streets", "rural_urban", "cars", "digital", "timetable", "population",
    "deprived_children", "postcodes",
)  # fmt: skip
_WEEKEND = 5  # of date.weekday()

T = TypeVar("T", str, float)


def twice(values: Sequence[T]) -> list[T]:
    """List what stands more than once."""
    return sorted({v for v in values if values.count(v) > 1})


class Area(Strict):
    """Whose assessment it is.

    Attributes
    ----------
    name
        As it stands on the page.
    slug
        The output folder and the page's file name.
    codes
        Districts or unitaries, by their codes of 2024; E92000001 alone stands for all of England's.
    base
        A list of inputs that this file adds to: "england" are the open sources, "gathered" tables gathered by others.
    margin_km
        How far beyond the council streets, and other councils' sites, count.
    synthetic
        Whether it is made up.
    warning
        Shown at the top of the page.
    """

    name: str = Field(min_length=1)
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    codes: list[str] = Field(min_length=1)
    base: str | None = None
    margin_km: float = Field(default=10.0, ge=0, le=50)
    synthetic: bool = False
    warning: str | None = None

    @field_validator("codes")
    @classmethod
    def _each_district(cls, codes: list[str]) -> list[str]:
        return list(england().codes) if codes == [ENGLAND] else codes

    @model_validator(mode="after")
    def _codes_look_right(self) -> Area:
        wrong = [
            f"{code!r} is not the code of an English district, such as E06000017"
            for code in self.codes
            if not re.fullmatch(DISTRICT_CODE.removesuffix("$"), code)
        ]
        wrong += [f"the code {code} stands twice" for code in twice(self.codes)]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self


class DemandSettings(Strict):
    """Who is to be served.

    Attributes
    ----------
    count
        A kind of the catalogue's demand.toml: births, first_1001_days, children_0_4, children_5_19, children_0_19,
        send_to_25, low_income_children.
    send_share_pct
        Of young people of 20 to 24, those with special educational needs or disabilities.
    growth
        Planned homes, as [demand.growth]; without it they are not counted.
    no_car_urban_pct, no_car_rural_pct, no_car_source
        Households without a car where no table of car availability is given.
    """

    count: str = "births"
    send_share_pct: float | None = Field(default=None, ge=0, le=100)
    growth: Growth | None = None
    no_car_urban_pct: float = Field(default=23.0, ge=0, le=100)
    no_car_rural_pct: float = Field(default=14.0, ge=0, le=100)
    no_car_source: str = (
        "Assumption where no table of car availability is given: 23 % urban, 14 % rural "
        "(Shropshire, a rural county, had 13.8 % in Census 2021)"
    )

    @field_validator("count")
    @classmethod
    def _kind_known(cls, count: str) -> str:
        if count not in kinds():
            near = get_close_matches(count, kinds(), n=1)
            meant = f": did you mean {near[0]!r}?" if near else ""
            msg = f"{count!r} is not one of {', '.join(kinds())}{meant}"
            raise ValueError(msg)
        return count


class NeedSettings(Strict):
    """How need is scored.

    Attributes
    ----------
    index
        One of the catalogue, or the path of a TOML file, from the folder of the assessment file.
    draws
        How often ranks are drawn anew to say how sure they are.
    """

    index: str = "family-hubs"
    draws: int = Field(default=1000, ge=0, le=100_000)


class TravelSettings(Strict):
    """How travel is measured.

    Attributes
    ----------
    modes
        Of the catalogue's modes.toml: walk, drive, foot, wheelchair, cycle; each must have a standard.
    bands_min
        Minutes of the reach that the page shows.
    timetable_date
        A school day; needed where a timetable is given.
    straight_lines
        Whether travel is estimated in straight lines where no streets are given; every table and page then says so.
    """

    modes: list[str] = Field(default=["walk", "drive"], min_length=1)
    bands_min: list[Annotated[float, Field(gt=0, le=120)]] = Field(default=[10.0, 20.0, 30.0], min_length=1)
    timetable_date: date | None = None
    straight_lines: bool = False

    @model_validator(mode="after")
    def _modes_known(self) -> TravelSettings:
        known = load(CATALOGUE / "modes.toml")["mode"]
        unknown = [m for m in self.modes if m not in known]
        if unknown:
            msg = f"mode {', '.join(map(repr, unknown))} is not in the catalogue: {', '.join(known)}"
            raise ValueError(msg)
        if again := twice(self.modes):
            msg = f"mode {', '.join(map(repr, again))} stands twice"
            raise ValueError(msg)
        if bands := twice(self.bands_min):
            msg = f"bands_min: {', '.join(f'{b:g}' for b in bands)} stands twice"
            raise ValueError(msg)
        if self.timetable_date and self.timetable_date.weekday() >= _WEEKEND:
            msg = f"timetable_date {self.timetable_date} is a {self.timetable_date:%A}: give a school day"
            raise ValueError(msg)
        return self


class StandardOverride(Strict):
    """A council's own standard in place of the catalogue's."""

    offer: Literal["hub", "outreach"]
    mode: str
    rural_urban: list[str] = Field(min_length=1)
    full_min: float = Field(gt=0)
    zero_min: float = Field(gt=0)
    source: str

    @model_validator(mode="after")
    def _in_order_and_known(self) -> StandardOverride:
        wrong = []
        if self.zero_min < self.full_min:
            wrong.append(f"zero_min {self.zero_min:g} is below full_min {self.full_min:g}")
        modes = [*load(CATALOGUE / "modes.toml")["mode"], *load(CATALOGUE / "timetables.toml")]
        known: tuple[tuple[str, list[str], Sequence[str]], ...] = (
            ("mode", [self.mode], modes),
            ("rural_urban", self.rural_urban, RURAL_URBAN_CODES),
        )
        for name, given, may_be in known:
            wrong += [f"{name} {g!r} is not one of {', '.join(may_be)}" for g in given if g not in may_be]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self


class Assessment(Strict):
    """Everything that one assessment is told."""

    area: Area
    plan: PlanSettings
    demand: DemandSettings = DemandSettings()
    need: NeedSettings = NeedSettings()
    travel: TravelSettings = TravelSettings()
    inputs: list[Input] = Field(alias="input", min_length=1)
    standards: list[StandardOverride] = Field(default=[], alias="standard")

    @model_validator(mode="after")
    def _complete(self) -> Assessment:
        have = {i.table for i in self.inputs}
        required = _REQUIRED if self.travel.straight_lines else (*_REQUIRED, "streets")
        absent = [t for t in required if t not in have]
        instead = " (or set straight_lines = true under [travel] for an estimate)" if "streets" in absent else ""
        wrong = [f"no [[input]] for table {', '.join(absent)}{instead}"] if absent else []
        wrong += [
            f"more than one [[input]] for table {t}" for t in _SINGLE if sum(i.table == t for i in self.inputs) > 1
        ]
        wrong += self._travel_faults()
        leads = [i.vintage for i in self.of("lookup")]
        wrong += [
            f"more than one [[input]] for a lookup from {v}"
            for v in sorted({str(v) for v in leads})
            if leads.count(v) > 1
        ]
        for given in self.inputs:
            if given.table in CARRIED and given.vintage not in {ZONE_VINTAGE, *leads}:
                fix = f'give an [[input]] with table = "lookup": {mend(str(given.vintage))}'
                wrong.append(
                    f"input {given.id!r} is by {given.vintage}, which cannot be joined to {ZONE_VINTAGE}: {fix}"
                )
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _travel_faults(self) -> list[str]:
        """Say where times would be measured that count for nothing, or would not be measured though they could be."""
        travel, wrong = self.travel, []
        preset = {str(s["mode"]) for s in load(CATALOGUE / "standards.toml")["standard"]}
        bare = [m for m in travel.modes if m not in preset | {s.mode for s in self.standards}]
        if bare:
            fix = "add a [[standard]] for it, or take it out of [travel] modes"
            names = ", ".join(map(repr, bare))
            wrong.append(f"mode {names} has no standard, so that its minutes would not count: {fix}")
        if "drive" not in travel.modes:
            fix = 'add "drive" to [travel] modes'
            wrong.append(f"how far an outreach site may be from its hub is measured by car: {fix}")
        if self.of("timetable") and not self.of("streets"):
            wrong.append(
                "a timetable is given without streets: add an [[input]] for table streets, to walk to the stops"
            )
        if self.of("timetable") and travel.timetable_date is None:
            wrong.append("a timetable is given without a day: set timetable_date, a school day, under [travel]")
        walk = load(CATALOGUE / "timetables.toml")["bus"]["walk"]
        if self.of("timetable") and walk not in travel.modes:
            wrong.append(f"a bus is reached on foot: add {walk!r} to [travel] modes")
        return wrong

    def of(self, table: str) -> list[Input]:
        """List the inputs of one table, in the order of the file."""
        return [i for i in self.inputs if i.table == table]


def known_areas() -> dict[str, Path]:
    """Assessment files of the catalogue, by slug."""
    return {p.stem: p for p in sorted((CATALOGUE / "areas").glob("*.toml"))}


def read(path: Path) -> Assessment:
    """Read and check an assessment file; a base that it names is read first, and inputs replace the base's by id.

    Raises
    ------
    SettingsError
        With every fault of the file.
    """
    own = load(path)
    given = own.get("input", [])
    if not (isinstance(given, list) and all(isinstance(i, dict) for i in given)):
        fail(SettingsError, f"{path.name}, input", "must be a list of tables", "write [[input]] above each")
    base_name = own.get("area", {}).get("base") if isinstance(own.get("area"), dict) else None
    base: dict[str, Any] = {}
    if base_name is not None:
        known = {p.stem: p for p in sorted((CATALOGUE / "bases").glob("*.toml"))}
        if not (isinstance(base_name, str) and base_name in known):
            what = f"base {base_name!r} is not in the catalogue"
            fail(SettingsError, path.name, what, f"use one of {', '.join(known)}")
        base = load(known[base_name])
    inputs = _merge_inputs(base.get("input", []), given, path)
    merged = {**base, **own, "input": [_of_area(i, own) for i in inputs]}
    settings = checked(Assessment, merged, file=path.name)
    beside = path.parent / settings.need.index
    if settings.need.index.endswith(".toml") and beside.is_file():
        settings = settings.model_copy(update={"need": settings.need.model_copy(update={"index": str(beside)})})
    return settings


def _merge_inputs(base: list[dict[str, Any]], own: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    ids = [i.get("id") for i in own]
    twice = sorted({str(i) for i in ids if ids.count(i) > 1})
    if twice:
        raise SettingsError([Fault(path.name, f"two inputs have the id {i!r}", "give each its own id") for i in twice])
    return [*(i for i in base if i.get("id") not in ids), *own]


def _of_area(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Name the file of an input that has a source: its own, or the source's, which may be the area's."""
    path = given.get("path", source_path(given.get("source")))
    area = own.get("area")
    if not isinstance(path, str) or not given.get("source") or not isinstance(area, dict):
        return given
    codes = [str(c) for c in area["codes"]] if isinstance(area.get("codes"), list) else []
    return {**given, "path": filled(path, slug=str(area.get("slug")), codes=codes)}
