"""Read one assessment's settings from TOML, check them, and report every fault at once."""

from __future__ import annotations

import re
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from needs.errors import Fault, SettingsError, fail
from needs.schemas import DISTRICT_CODE, TABLES
from needs.settings import CATALOGUE, ZONE_VINTAGE
from needs.toml import Strict, checked, load

LOOKUPS = {
    "LSOA11": "the ONS exact-fit lookup LSOA 2011 to LSOA 2021 (LSOA11_LSOA21_LAD22_EW_LU)",
    "OA11": "the ONS lookup OA 2011 to OA 2021, then to LSOA 2021",
    "OA21": "the ONS lookup OA 2021 to LSOA 2021 (OA21_LSOA21_MSOA21_LAD22_EW_LU)",
    "MSOA21": "a population-weighted lookup MSOA 2021 to LSOA 2021",
    "WARD": "a population-weighted lookup of that year's wards to LSOA 2021",
}
KINDS = (*TABLES, "streets", "timetable")


class Area(Strict):
    """Whose assessment it is."""

    name: str = Field(min_length=1)
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    codes: list[str] = Field(min_length=1)
    base: str | None = None
    synthetic: bool = False
    warning: str | None = None  # shown at the top of the page

    @model_validator(mode="after")
    def _codes_look_right(self) -> Area:
        for code in self.codes:
            if not re.match(DISTRICT_CODE, code):
                msg = f"{code!r} is not the code of an English district, such as E06000017"
                raise ValueError(msg)
        return self


class DemandSettings(Strict):
    """Who is to be served."""

    count: Literal["births", "children_0_4"] = "births"
    no_car_urban_pct: float = Field(default=23.0, ge=0, le=100)
    no_car_rural_pct: float = Field(default=14.0, ge=0, le=100)
    no_car_source: str = (
        "Assumption where no table of car availability is given: 23 % urban, 14 % rural "
        "(Shropshire, a rural county, had 13.8 % in Census 2021)"
    )


class NeedSettings(Strict):
    """How need is scored."""

    index: str = "family-hubs"


class TravelSettings(Strict):
    """How travel is measured."""

    modes: list[str] = Field(default=["walk", "drive"], min_length=1)
    bands_min: list[float] = Field(default=[10.0, 20.0, 30.0], min_length=1)
    timetable_date: date | None = None  # a school day; needed where a timetable is given

    @model_validator(mode="after")
    def _modes_known(self) -> TravelSettings:
        known = load(CATALOGUE / "modes.toml")["mode"]
        unknown = [m for m in self.modes if m not in known]
        if unknown:
            msg = f"mode {', '.join(map(repr, unknown))} is not in the catalogue: {', '.join(known)}"
            raise ValueError(msg)
        return self


class PlanSettings(Strict):
    """What a plan may be.

    `need_strength` is how much more a family counts in England's neediest zone than in its least needy: 1 counts it
    twice. `outreach_value` is what a session near by is worth against a hub near by (1). `keep_hub_pct` and
    `keep_outreach_pct` are the presumption against closure: closing a hub, or an outreach site, that exists today
    must cut unmet need by more than this share of all need; making a hub an outreach site, by the difference.
    `parent_limit_min` is how far by car an outreach site may lie from the hub that runs it.
    """

    max_hubs: int = Field(ge=0)
    max_outreach: int = Field(ge=0)
    existing: Literal["free", "keep"] = "free"
    keep_hub_pct: float = Field(default=1.0, ge=0, le=100)
    keep_outreach_pct: float = Field(default=0.25, ge=0, le=100)
    need_strength: float = Field(default=1.0, ge=0)
    outreach_value: float = Field(default=0.6, gt=0, lt=1)
    parent_limit_min: float = Field(default=20.0, gt=0)
    time_limit_s: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _hub_outweighs_outreach(self) -> PlanSettings:
        if self.keep_outreach_pct > self.keep_hub_pct:
            msg = f"keep_outreach_pct {self.keep_outreach_pct:g} is over keep_hub_pct {self.keep_hub_pct:g}"
            raise ValueError(msg)
        return self


class Input(Strict):
    """Which raw file is what."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    table: str
    path: str
    columns: dict[str, str] = {}
    values: dict[str, str | bool | float] = {}
    where: dict[str, list[str]] = {}
    sheet: str | None = None
    layer: str | None = None
    crs: str | None = None
    vintage: str | None = None
    title: str
    publisher: str
    licence: str
    date: str
    url: str | None = None
    caveat: str | None = None
    name_suffix: str = ""
    drop_unnamed: bool = False
    title_case: bool = False

    @model_validator(mode="after")
    def _known(self) -> Input:
        if self.table not in KINDS:
            msg = f"table {self.table!r} is not one of {', '.join(KINDS)}"
            raise ValueError(msg)
        if self.table not in {"streets", "timetable", "sites"} and self.vintage is None:
            msg = f"vintage is missing: say which geography the codes are, such as {ZONE_VINTAGE!r}"
            raise ValueError(msg)
        if self.vintage is not None and self.vintage != ZONE_VINTAGE:
            mend = next((t for k, t in LOOKUPS.items() if self.vintage.upper().startswith(k)), "a lookup to LSOA 2021")
            msg = f"vintage {self.vintage!r} cannot be joined to {ZONE_VINTAGE}: convert it first with {mend}"
            raise ValueError(msg)
        return self


class StandardOverride(Strict):
    """A council's own standard in place of the catalogue's."""

    offer: Literal["hub", "outreach"]
    mode: str
    rural_urban: list[str]
    full_min: float = Field(gt=0)
    zero_min: float = Field(gt=0)
    source: str

    @model_validator(mode="after")
    def _in_order(self) -> StandardOverride:
        if self.zero_min < self.full_min:
            msg = f"zero_min {self.zero_min:g} is below full_min {self.full_min:g}"
            raise ValueError(msg)
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
        absent = [
            t for t in ("zones", "points", "demand", "indicators", "rural_urban", "sites", "streets") if t not in have
        ]
        if absent:
            msg = f"no [[input]] for table {', '.join(absent)}"
            raise ValueError(msg)
        for table in ("zones", "points", "streets", "rural_urban", "demand", "cars", "timetable"):
            if sum(i.table == table for i in self.inputs) > 1:
                msg = f"more than one [[input]] for table {table}"
                raise ValueError(msg)
        return self

    def of(self, table: str) -> list[Input]:
        """List the inputs of one table, in the order of the file."""
        return [i for i in self.inputs if i.table == table]


def known_areas() -> dict[str, Path]:
    """Assessment files of the catalogue, by slug."""
    return {p.stem: p for p in sorted((CATALOGUE / "areas").glob("*.toml"))}


def find(area: str | Path) -> Path:
    """Find an assessment file by the area's name, slug or code, or take a path to one.

    Raises
    ------
    SettingsError
        If there is none, with what was perhaps meant.
    """
    path = Path(area)
    if path.suffix == ".toml":
        if not path.is_file():
            fail(SettingsError, str(area), "there is no such file", "give the path of an assessment TOML")
        return path
    known = known_areas()
    names: dict[str, Path] = {}
    for slug, file in known.items():
        head = load(file).get("area", {})
        for name in (slug, head.get("name", slug), *head.get("codes", [])):
            names[str(name).casefold()] = file
    wanted = str(area).strip().casefold()
    if wanted in names:
        return names[wanted]
    near = [] if re.match(DISTRICT_CODE, wanted.upper()) else get_close_matches(wanted, names, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    fail(
        SettingsError,
        f"area {str(area)!r}",
        "is not in the catalogue",
        f"{meant}known: {', '.join(known)}; or write an assessment file (see the README) and give its path",
    )


def read(path: Path) -> Assessment:
    """Read and check an assessment file; a base that it names is read first, and inputs replace the base's by id.

    Raises
    ------
    SettingsError
        With every fault of the file.
    """
    own = load(path)
    base_name = own.get("area", {}).get("base") if isinstance(own.get("area"), dict) else None
    base: dict[str, Any] = {}
    if base_name is not None:
        base_path = CATALOGUE / "bases" / f"{base_name}.toml"
        if not base_path.is_file():
            fail(
                SettingsError,
                path.name,
                f"base {base_name!r} is not in the catalogue",
                f"use one of {', '.join(p.stem for p in sorted((CATALOGUE / 'bases').glob('*.toml')))}",
            )
        base = load(base_path)
    merged = {**base, **own, "input": _merge_inputs(base.get("input", []), own.get("input", []), path)}
    return checked(Assessment, merged, file=path.name)


def _merge_inputs(base: list[dict[str, Any]], own: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    ids = [i.get("id") for i in own]
    twice = sorted({str(i) for i in ids if ids.count(i) > 1})
    if twice:
        raise SettingsError([Fault(path.name, f"two inputs have the id {i!r}", "give each its own id") for i in twice])
    return [*(i for i in base if i.get("id") not in ids), *own]
