"""Draft a council's assessment file: its codes, and every setting with its default, meaning and source."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import tomli_w
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from needs.assessment import Area, DemandSettings, NeedSettings, TravelSettings
from needs.assessment.inputs import SOURCES_FILE, source_fields
from needs.assessment.plan import Cost, PlanSettings
from needs.councils import Council, councils
from needs.demand import Growth
from needs.settings import CATALOGUE
from needs.toml import load

BASE = "england"
HUBS_OF_ENGLAND = 1_000  # "up to 1,000 hubs by end 2028" (Department for Education, July 2025)
ZONES_OF_ENGLAND = 33_755  # LSOA 2021
OUTREACH_A_HUB = 3  # preset of this toolkit: no standard for it was found
_WIDE = 116
_UNSET = {  # what stands as an example where a setting has no default
    "base": '"england"',
    "warning": '"The streets are from 2022."',
    "send_share_pct": "4.0",
    "timetable_date": "2026-11-24",
    "hubs_apart_min": "10.0",
    "opening_budget_gbp": "500_000.0",
    "yearly_budget_gbp": "900_000.0",
    "staff_days": "40.0",
    "opening_gbp": "150_000.0",
    "yearly_gbp": "210_000.0",
    "families": "900.0",
    "label": '"Local plan to 2031"',
    "years": "6.0",
}
_LEFT = {"name", "slug", "codes", "max_hubs", "max_outreach", "hub", "outreach", "floor", "growth", "synthetic"}


@dataclass(frozen=True)
class Today:
    """What a council has: its zones, and sites that offer something.

    Attributes
    ----------
    zones, hubs, outreach
        How many.
    """

    zones: int
    hubs: int
    outreach: int

    @property
    def pace(self) -> int:
        """Hubs that the council would have at the national pace, rounded up."""
        return -(-self.zones * HUBS_OF_ENGLAND // ZONES_OF_ENGLAND)

    @property
    def max_hubs(self) -> int:
        """Hubs to ask for at first: as many as today, or the national pace, whichever is more."""
        return max(1, self.hubs, self.pace)

    @property
    def max_outreach(self) -> int:
        """Outreach sites to ask for at first: as many as today, or some to every hub, whichever is more."""
        return max(self.outreach, OUTREACH_A_HUB * self.max_hubs)


def draft(council: Council, today: Today | None = None) -> str:
    """Write a council's assessment file.

    Parameters
    ----------
    council
        Whose it is.
    today
        What it has, where that is known: it says how many hubs to ask for at first.

    Returns
    -------
    str
        TOML. What is not commented out is needed; every other setting stands as a comment with its default.
    """
    parts = [
        _heading(council),
        _area(council),
        _plan(today),
        _section("plan.hub", Cost, "What a hub costs and can take on, where a site does not say otherwise."),
        _section("plan.outreach", Cost, "The same for an outreach site."),
        _FLOOR,
        _section("demand", DemandSettings),
        "# " + _section("demand.growth", Growth),
        _section("need", NeedSettings),
        _section("travel", TravelSettings),
        _standards(),
        _inputs(),
    ]
    return "\n".join(parts)


def _heading(council: Council) -> str:
    how = (
        'Lines that begin with "# " show what holds unless it is changed: take the "# " away and put another value. '
        "`needs check` on this file says whether all is well."
    )
    return _comment(f"Assessment of {council.name}.", how, *council.notes) + "\n"


def _area(council: Council) -> str:
    names = {entry.code: entry.name for entry in councils()}
    codes = "".join(f'    "{code}",  # {names[code]}\n' for code in council.codes)
    name, slug = (tomli_w.dumps({"x": v}).removeprefix("x = ").strip() for v in (council.name, council.slug))
    own = f'[area]\nname = {name}\nslug = {slug}\ncodes = [\n{codes}]\nbase = "{BASE}"\n'
    return own + _settings(Area, skip={"base"})


def _plan(today: Today | None) -> str:
    if today is None:
        counted = "How many hubs there are today is not known yet: put what is to be asked for."
        hubs, outreach = 1, OUTREACH_A_HUB
    else:
        hubs, outreach = today.max_hubs, today.max_outreach
        counted = (
            f"{today.hubs} hubs and {today.outreach} outreach sites today, in {today.zones} zones. England's up to "
            f"{HUBS_OF_ENGLAND:,} hubs (Department for Education) would be {today.pace} here, zone by zone; nobody "
            f"says how many a council must have. Outreach: {OUTREACH_A_HUB} to a hub, a preset of this toolkit."
        )
    own = f"[plan]\n{_comment(counted)}\nmax_hubs = {hubs}\nmax_outreach = {outreach}\n"
    return own + _settings(PlanSettings)


_FLOOR = """# [[plan.floor]]                 # a group that must be reached; as many as are wanted
# group = "car"                  # fifth_england, fifth_here, ruc21cd or car
# values = [false]
# reach_pct = 80.0
# offer = "any"                  # or "hub"
"""


def _section(name: str, model: type[BaseModel], more: str = "") -> str:
    head = f"[{name}]\n" + (_comment(more, deep="#   ") + "\n" if more else "")
    return head + _settings(model)


def _settings(model: type[BaseModel], skip: set[str] | frozenset[str] = frozenset()) -> str:
    """List a model's settings as comments: meaning, then default."""
    told = meanings(model)
    lines: list[str] = []
    said = ""
    for name, field in model.model_fields.items():
        if name in _LEFT | skip:
            continue
        meaning = told.get(name, "")
        if meaning and meaning != said:
            lines.append(_comment(meaning, deep="#   "))
        said = meaning
        default = field.get_default(call_default_factory=True)
        unset = default is None or default is PydanticUndefined
        value = _UNSET.get(name, "...") if unset else _value(default)
        lines.append(f"# {name} = {value}" + ("        # an example: not set" if unset else ""))
    return "\n".join(lines) + "\n"


def _value(default: Any) -> str:
    text = tomli_w.dumps({"x": default if not isinstance(default, BaseModel) else default.model_dump()})
    return " ".join(text.removeprefix("x = ").split()) if text.startswith("x = ") else "{}"


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Read what the settings of a model mean from its docstring: section Attributes, `a, b` above what they are."""
    text = inspect.getdoc(model) or ""
    _, found, listed = text.partition("Attributes\n----------\n")
    told: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines() if found else ():
        if line and not line.startswith(" "):
            names = [n.strip() for n in line.split(",")]
        elif names and line.strip():
            for name in names:
                told[name] = f"{told.get(name, '')} {line.strip()}".strip()
    return told


def _standards() -> str:
    rows = load(CATALOGUE / "standards.toml")["standard"]
    told = (
        "Minutes that count as reached, in full up to full_min and fading to nothing at zero_min. One that is given "
        "here takes the place of the preset for its offer, mode and classes of place. None is a rule of the Department "
        "for Education."
    )
    lines = [_comment(told)]
    for row in rows:
        lines += ["#", "# [[standard]]", *(f"# {k} = {_value(v)}" for k, v in row.items())]
    return "\n".join(lines) + "\n"


def _inputs() -> str:
    catalogue = load(CATALOGUE / SOURCES_FILE)["source"]
    base = load(CATALOGUE / "bases" / f"{BASE}.toml")["input"]
    told = ["Inputs that come with the base; an [[input]] of the same id takes the place of one, others are added."]
    for given in base:
        source = source_fields(catalogue[given["source"]])
        maybe = ", optional" if given.get("optional") else ""
        told.append(f"  {given['id']}: {source['title']} ({source['publisher']}, {source['date']}{maybe})")
    return _comment(*told) + "\n" + _EXAMPLES


_EXAMPLES = """
# [[input]]                      # the council's own buildings: CSV or Excel, placed by coordinates or postcode
# id = "buildings"
# table = "sites"
# path = "buildings.xlsx"
# title = "Asset register"
# publisher = "The council"
# licence = "internal"
# date = "2026"
# columns = { name = "Building", postcode = "Postcode", uprn = "UPRN", site_type = "Use" }
# types = { "Library" = "library", "Community centre" = "community_centre" }

# [[input]]                      # buses; set timetable_date under [travel] as well
# id = "timetable"
# source = "bods_timetable"

# [[input]]                      # the council's own births in place of the published ones; small counts are protected
# id = "births"
# table = "demand"
# path = "births.csv"
# vintage = "LSOA21"
# title = "Births by LSOA"
# publisher = "The council"
# licence = "internal"
# date = "2025"
# columns = { lsoa21cd = "LSOA", births = "Births" }
# disclosure = { below = 5, round_to = 5 }
"""


def _comment(*lines: str, deep: str = "# ") -> str:
    wrapped = (
        piece
        for line in lines
        for piece in wrap(line, _WIDE, initial_indent=deep, subsequent_indent=deep + " " * _indent(line))
    )
    return "\n".join(wrapped)


def _indent(line: str) -> int:
    found = re.match(r" *", line)
    return len(found[0]) + 2 if found and found[0] else 0
