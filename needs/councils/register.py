"""Read the register of England's councils: names and codes since 2009, and what each former council became."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

RegionCode = Annotated[str, Field(pattern=r"^E12\d{6}$")]
CountyCode = Annotated[str, Field(pattern=r"^E10\d{6}$")]
DistrictCode = Annotated[str, Field(pattern=r"^E0[6-9]\d{6}$")]
Name = Annotated[str, Field(min_length=1)]
Names = dict[DistrictCode, Name]

_STYLE = (
    "(?:metropolitan|county|city|district|borough|boro|unitary|royal|council|corporation|authority|ua|b|london(?= bor))"
)
_BEFORE = re.compile(f"^(?:{_STYLE} )+of ")
_AFTER = re.compile(f"(?: {_STYLE})+(?: of)?$")


def key(text: str) -> str:
    """Reduce a name to what tells it from others: small letters without accents and signs, no "and", no "the"."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("&", " and ")
    kept = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’‘`")
    words = re.sub(r"[\W_]+", " ", kept).split()
    joined = " ".join("st" if w == "saint" else w for w in words if w not in {"and", "the"})
    return joined.replace(" s ", "s ")  # of an apostrophe that was written as a space


def forms(name_key: str) -> list[str]:
    """List a key and what is left of it as words of legal style are taken away: "Council", then "London Borough of"."""
    found = [name_key]
    for style in (_AFTER, _BEFORE) * 2:  # twice, as in "Bristol, City of UA"
        found.append(style.sub("", found[-1]))
    return found


def bare(name_key: str) -> str:
    """Take all words of legal style from a key."""
    return forms(name_key)[-1]


def slug(name: str) -> str:
    """Write a name in small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold().replace("'", "")).strip("-")


def day(when: date) -> str:
    """Write a date as 1 April 2023."""
    return f"{when.day} {when:%B %Y}"


def listed(names: list[str], last: str = "and") -> str:
    """Write names as "A", "A and B" or "A, B and C"."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@dataclass(frozen=True)
class Entry:
    """One council of the register: a district, a council of one tier, or a county.

    Attributes
    ----------
    code, name
        Of the council.
    region
        Code of its region (E12).
    districts
        Codes of the districts of the register's vintage that make it up; of a former council, those that hold its area.
    county
        Name of the county whose district it is; "" for a county and for a council of one tier.
    until
        The day from which it was no more under that name or code; None for what is in use today.
    note
        What became of it, or which code tables of the vintage use, in plain sentences; "" for a council of the vintage.
    """

    code: str
    name: str
    region: str
    districts: tuple[str, ...]
    county: str = ""
    until: date | None = None
    note: str = ""

    @property
    def is_county(self) -> bool:
        """Whether it is, or was, the upper of two tiers."""
        return self.code.startswith("E10")

    @property
    def label(self) -> str:
        """Name and code, to choose by."""
        return f"{self.name} ({self.code}{f', until {day(self.until)}' if self.until else ''})"


class _County(Strict):
    name: Name
    region: RegionCode
    districts: Names = Field(min_length=1)


class _Reorganised(Strict):
    """Councils merged into others, named by code; `county` where they were the districts of one, which ended."""

    on: date
    order: Name
    county: dict[CountyCode, Name] = Field(default={}, max_length=1)
    into: dict[DistrictCode, Names] = Field(min_length=1)


class _Recoded(Strict):
    """Codes that became others, the council staying what it was."""

    on: date
    order: Name
    codes: dict[DistrictCode, DistrictCode] = Field(min_length=1)


class _Renamed(Strict):
    """A name that a council gave up."""

    on: date
    code: DistrictCode
    name: Name


class Register(Strict):
    """The councils of England, as the catalogue's councils.toml has them."""

    vintage: int
    region: dict[RegionCode, Name]
    one_tier: dict[RegionCode, Names]
    county: dict[CountyCode, _County]
    reorganised: list[_Reorganised]
    recoded: list[_Recoded]
    renamed: list[_Renamed]
    also: dict[DistrictCode, list[Name]]
    elsewhere: dict[str, list[Name]]

    @model_validator(mode="after")
    def _consistent(self) -> Register:
        today = [c for _, names in self._named() for c in names]
        merged = [c for r in self.reorganised for names in r.into.values() for c in names]
        ended = [c for r in self.reorganised for c in r.county]
        once = [*today, *merged, *self.county, *ended]
        known = {*today, *merged, *(c for pair in self._pairs() for c in pair)}
        used = [*(c for r in self.reorganised for c in r.into), *(r.code for r in self.renamed), *self.also]
        wrong = [f"code {c} stands twice" for c in sorted({c for c in once if once.count(c) > 1})]
        wrong += [f"code {c} is no council's" for c in sorted(set(used) - known)]
        wrong += [f"region {r} is not named" for r in sorted({r for r, _ in self._named()} - set(self.region))]
        wrong += [f"of {a} and {b} not one is today's" for a, b in self._pairs() if (a in today) == (b in today)]
        ends = {c: r.on for r in self.reorganised for names in r.into.values() for c in names}
        late = [c for r in self.reorganised for c in r.into if c in ends and ends[c] <= r.on]
        wrong += [f"{c} ended before others went into it" for c in late]
        names = [n for _, districts in self._named() for n in districts.values()]
        names += [c.name for c in self.county.values()] + [n for also in self.also.values() for n in also]
        names = [key(n) for n in names]
        wrong += [f"name {n!r} stands twice" for n in sorted({n for n in names if names.count(n) > 1})]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _named(self) -> Iterator[tuple[str, Names]]:
        """Give each group of today's districts, with its region."""
        yield from self.one_tier.items()
        yield from ((c.region, c.districts) for c in self.county.values())

    def _pairs(self) -> list[tuple[str, str]]:
        """List codes that became others, old and new."""
        return [pair for r in self.recoded for pair in r.codes.items()]

    def _kept(self, code: str) -> str:
        """Give the code of the vintage for one that is older or newer."""
        if code in self.today:
            return code
        return next((old if new == code else new for old, new in self._pairs() if code in (old, new)), code)

    @cached_property
    def today(self) -> dict[str, Entry]:
        """The districts and counties of the vintage, by code."""
        found: dict[str, Entry] = {}
        for region, names in self.one_tier.items():
            found |= {c: Entry(c, name, region, (c,)) for c, name in names.items()}
        for code, county in self.county.items():
            found |= {c: Entry(c, n, county.region, (c,), county.name) for c, n in county.districts.items()}
            found[code] = Entry(code, county.name, county.region, tuple(sorted(county.districts)))
        return found

    @cached_property
    def others(self) -> tuple[Entry, ...]:
        """What is not of the vintage: councils that ended, codes given up or given since, names given up."""
        became = {c: (r, into) for r in self.reorganised for into, names in r.into.items() for c in names}
        merged: dict[str, Entry] = {}
        for code in sorted(became, key=lambda c: became[c][0].on, reverse=True):  # what it went into stands before it
            change, into = became[code]
            merged[code] = _merged(code, change, into, self.today.get(self._kept(into)) or merged[into])
        ended = [self._ended(c, n, r) for r in self.reorganised for c, n in r.county.items()]
        recoded = [self._recoded(r.on, *pair) for r in self.recoded for pair in r.codes.items()]
        return (*merged.values(), *ended, *recoded, *(self._renamed(r) for r in self.renamed))

    def _ended(self, code: str, name: str, change: _Reorganised) -> Entry:
        """Say what became of a county; what unitary councils joined too, which were never of it, is more than it."""
        heirs = {self.today[self._kept(c)]: any(o.startswith("E06") for o in olds) for c, olds in change.into.items()}
        wholes_first = sorted(heirs, key=heirs.__getitem__)
        now = [f"{'part of ' * heirs[h]}{h.label}" for h in wholes_first]
        taken = ", which is taken whole" * any(heirs.values())
        note = f"Until {day(change.on)} {name} was a county of districts; its area is now {listed(now)}{taken}."
        return Entry(code, name, wholes_first[0].region, tuple(h.code for h in wholes_first), "", change.on, note)

    def _recoded(self, on: date, old: str, new: str) -> Entry:
        now = self.today[self._kept(old)]
        code, verb, until = (new, "is", None) if now.code == old else (old, "was", on)
        term = f"{'until' if until else 'from'} {day(on)}"
        note = f"{code} {verb} the code of {now.name} {term}; tables of {self.vintage} use {now.code}."
        return Entry(code, now.name, now.region, now.districts, now.county, until, note)

    def _renamed(self, change: _Renamed) -> Entry:
        now = self.today[change.code]
        note = f"{change.name} is called {now.name} since {day(change.on)}."
        return Entry(change.code, change.name, now.region, now.districts, now.county, change.on, note)

    @cached_property
    def by_code(self) -> dict[str, Entry]:
        """Every entry by its code."""
        return {e.code: e for e in self.others} | self.today

    @cached_property
    def by_name(self) -> dict[str, Entry]:
        """Every entry by the key of its name, with and without words of style; today's names come first."""
        today = self.today.values()
        names = {key(e.name): e for e in today} | {key(n): self.today[c] for c, also in self.also.items() for n in also}
        for entry in (*today, *self.others):
            for name in (key(entry.name), bare(key(entry.name))):
                if name not in self.elsewhere_by_name:  # "London" is the region, not the City
                    names.setdefault(name, entry)
        return names

    @cached_property
    def elsewhere_by_name(self) -> dict[str, str]:
        """What regions (also by code), other countries and their councils are, by the key of their names."""
        found: dict[str, str] = {}
        for code, name in self.region.items():
            size = sum(e.region == code and not e.is_county for e in self.today.values())
            found |= dict.fromkeys((code, key(name)), f"is a region of {size} councils, counties aside")
        for country, names in self.elsewhere.items():
            found |= {k: f"lies in {country}" for n in (country, *names) for k in (key(n), bare(key(n)))}
        return found

    @cached_property
    def ended_counties(self) -> dict[str, Entry]:
        """Counties whose districts became councils of one tier, by the key of their names."""
        return {key(e.name): e for e in self.others if e.is_county}

    @cached_property
    def county_of(self) -> dict[str, str]:
        """The code of the county, by the code of its district."""
        return {d: code for code, county in self.county.items() for d in county.districts}


def _merged(code: str, change: _Reorganised, into: str, heir: Entry) -> Entry:
    """Say what became of a council that went into another, and of that one if it ended as well."""
    name, county = change.into[into][code], heir.county or next(iter(change.county.values()), "")
    if len(change.into[into]) == 1:
        note = f"{name} became a council of one tier on {day(change.on)}: {heir.label}."
    elif heir.until:
        note = f"{name} was abolished on {day(change.on)} and became part of {heir.name}. {heir.note}"
    else:
        note = f"{name} was abolished on {day(change.on)}; its area is part of {heir.label}, which is taken whole."
    county = "" if code.startswith("E06") else county
    return Entry(code, name, heir.region, heir.districts, county, change.on, note)


def read(path: Path) -> Register:
    """Read and check a register.

    Raises
    ------
    SettingsError
        With every fault of the file.
    """
    return checked(Register, load(path), file=path.name)


@lru_cache(maxsize=1)
def registered() -> Register:
    """Read the catalogue's register, once."""
    return read(CATALOGUE / "councils.toml")
