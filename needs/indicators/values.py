"""Read the specification of an index, and bring raw tables to one indicator value per zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from needs.errors import Faults, InputError, SettingsError, fail
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

ID = r"^[a-z0-9]+([_-][a-z0-9]+)*$"
_SHOWN = 5  # zones or cells listed in a message
_TOLERANCE = 1e-9  # by which declared weights may miss their sum

Transform = Literal["imd_exp", "rank"]


class IndexHead(Strict):
    """What the index is, and on what it is fitted."""

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    version: str = Field(min_length=1)
    geography: Literal["LSOA21"]
    reference: str = Field(min_length=1)
    transform: Transform
    source: str = Field(min_length=1)


class Domain(Strict):
    """A side of need, and its share of the score (used as declared, never renormalised)."""

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    weight: float = Field(gt=0, le=1, allow_inf_nan=False)
    rationale: str = Field(min_length=1)


class Indicator(Strict):
    """One measured thing per zone: a column, or a sum of columns over a sum of columns.

    `weight` is the share within the domain. A `scale` of "rank" is a published rank, 1 = most need, and is used as
    published. `transform` replaces the index's own.
    """

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    domain: str
    weight: float = Field(gt=0, le=1, allow_inf_nan=False)
    value: str | None = None
    numerator: tuple[str, ...] = ()
    denominator: tuple[str, ...] = ()
    scale: Literal["rank", "value"]
    direction: Literal["higher_is_need", "lower_is_need"]
    transform: Transform | None = None
    unit: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    vintage: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_meaning(self) -> Indicator:
        counts = bool(self.numerator), bool(self.denominator)
        if counts != ((False, False) if self.value else (True, True)):
            msg = "give either value, or both numerator and denominator"
            raise ValueError(msg)
        for columns in (self.numerator, self.denominator):
            if len(set(columns)) < len(columns):
                msg = f"a column is counted twice in {', '.join(columns)}"
                raise ValueError(msg)
        if self.scale == "rank" and not self.value:
            msg = 'scale "rank" is a published rank: give its column as value'
            raise ValueError(msg)
        if self.scale == "rank" and self.direction != "lower_is_need":
            msg = 'scale "rank" counts from 1 = most need: direction must be "lower_is_need"'
            raise ValueError(msg)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the value is made of, each once."""
        return (self.value,) if self.value else tuple(dict.fromkeys(self.numerator + self.denominator))


class IndexSpec(Strict):
    """A declared index: head, domains, indicators."""

    index: IndexHead
    domains: tuple[Domain, ...] = Field(alias="domain", min_length=1)
    indicators: tuple[Indicator, ...] = Field(alias="indicator", min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> IndexSpec:
        wrong: list[str] = []
        known = [d.id for d in self.domains]
        for kind, ids in (("domains", known), ("indicators", [i.id for i in self.indicators])):
            wrong += [f"{n} {kind} have the id {i!r}" for i, n in Counter(ids).items() if n > 1]
        for indicator in self.indicators:
            if indicator.domain not in known:
                names = ", ".join(known)
                wrong.append(f"indicator {indicator.id!r} is of domain {indicator.domain!r}, not one of {names}")
        for domain in dict.fromkeys(known):
            total = sum(i.weight for i in self.indicators if i.domain == domain)
            if abs(total - 1) > _TOLERANCE:
                wrong.append(f"the weights of the indicators of domain {domain!r} sum to {total:.6g}, not to 1")
        total = sum(d.weight for d in self.domains)
        if total > 1 + _TOLERANCE:
            wrong.append(f"the weights of the domains sum to {total:.6g}, over 1: a score would pass 100")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def ids(self) -> list[str]:
        """Ids of the indicators, in the order of the file."""
        return [i.id for i in self.indicators]

    @property
    def weights(self) -> dict[str, float]:
        """Share of the score that each indicator declares: domain weight x weight within the domain."""
        of_domain = {d.id: d.weight for d in self.domains}
        return {i.id: of_domain[i.domain] * i.weight for i in self.indicators}

    @property
    def transforms(self) -> dict[str, Transform]:
        """Transform of each indicator: its own, or else the index's."""
        return {i.id: i.transform or self.index.transform for i in self.indicators}


def read_spec(id_or_path: str | Path) -> IndexSpec:
    """Read and check a specification: an id of the catalogue, or the path of a TOML file.

    Raises
    ------
    SettingsError
        With every fault of the file.
    """
    path = Path(id_or_path)
    if path.suffix != ".toml":
        path = CATALOGUE / "indices" / f"{id_or_path}.toml"
    if not path.is_file():
        known = sorted(p.stem for p in (CATALOGUE / "indices").glob("*.toml"))
        near = get_close_matches(path.stem, known, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{meant}known: {', '.join(known)}; or give the path of a TOML file"
        fail(SettingsError, f"index {str(id_or_path)!r}", "is not in the catalogue and not a file", fix)
    return checked(IndexSpec, load(path), file=path.name)


def indicator_values(tables: Mapping[str, pd.DataFrame], spec: IndexSpec) -> pd.DataFrame:
    """Value of every indicator for every zone.

    Parameters
    ----------
    tables
        Wide tables by input id, each with `lsoa21cd` (contract `indicators` of `needs.schemas`, already checked) and
        further columns; columns that the index does not ask for are ignored.
    spec
        The declared index.

    Returns
    -------
    pandas.DataFrame
        Index `lsoa21cd` in code order; one float column per indicator in the order of the index, in the
        indicator's own unit. No value is missing.

    Raises
    ------
    InputError
        With every fault: a column in no table or in two; text, blanks, negative counts; a numerator over its
        denominator; a zero denominator (its value would be missing); ranks that are no whole numbers from 1 (that
        none passes the number of zones is for the index to check, which knows its reference); zones that one
        table has and another lacks. A missing value is never filled in.
    """
    faults = Faults(InputError)
    columns: dict[str, pd.Series[float]] = {}
    sources: dict[str, pd.Index[str]] = {}
    wanted = {c: i for i in reversed(spec.indicators) for c in i.columns}  # by column, the first indicator that asks
    counts = {c for i in spec.indicators for c in i.numerator + i.denominator}
    for name, indicator in wanted.items():
        holders = [key for key, table in tables.items() if name in table.columns]
        if len(holders) == 1:
            table = tables[holders[0]]
            sources[holders[0]] = pd.Index(table["lsoa21cd"])
            columns[name] = _numbers(table, name, is_count=name in counts, where=holders[0], faults=faults)
        elif holders:
            fix = "leave it out of all but one of them (columns of the [[input]])"
            faults.add(f"column '{name}'", f"is in {len(holders)} tables: {', '.join(holders)}", fix)
        else:
            fix = f'map it in an [[input]] whose table is "indicators": columns.{name} = "<heading>"'
            what = f"is in none of the tables ({', '.join(tables) or 'there are none'})"
            faults.add(f"column '{name}' of indicator '{indicator.id}'", what, f"{fix} ({indicator.label})")
    zones = pd.Index(sorted(set().union(*sources.values())), name="lsoa21cd")
    for key, own in sources.items():
        note_zones(faults, key, "lacks zones that other tables have", zones.difference(own), "complete the table")
    values = {
        i.id: _value(i, pd.DataFrame({c: columns[c].reindex(zones) for c in i.columns}), faults)
        for i in spec.indicators
        if set(i.columns) <= set(columns)
    }
    faults.raise_if_any()
    return pd.DataFrame(values, index=zones)


def _numbers(table: pd.DataFrame, name: str, *, is_count: bool, where: str, faults: Faults) -> pd.Series[float]:
    raw = table.set_index("lsoa21cd")[name]
    number = pd.to_numeric(raw, errors="coerce").astype(float)
    usable = np.isfinite(number)
    text = raw[raw.notna() & ~usable]
    sample = ", ".join(repr(v) for v in list(dict.fromkeys(text))[:_SHOWN])
    fix = "give a number: a suppressed cell cannot be scored"
    note_zones(faults, where, f"'{name}' is no number ({sample})", text.index, fix)
    fix = "fill it in: a missing value is never guessed"
    note_zones(faults, where, f"'{name}' is blank", raw.index[raw.isna()], fix)
    if is_count:
        note_zones(faults, where, f"'{name}' is a negative count", raw.index[number < 0], "correct it")
        usable &= number >= 0
    return number.where(usable)


def _value(indicator: Indicator, columns: pd.DataFrame, faults: Faults) -> pd.Series[float]:
    where = f"indicator '{indicator.id}'"
    if indicator.value:
        value = columns[indicator.value]
        if indicator.scale == "rank":
            wrong = value.index[(value < 1) | (value % 1 > 0)]
            note_zones(faults, where, f"'{indicator.value}' is no rank: whole, from 1", wrong, "map the published rank")
        return value
    above, below = (columns[list(p)].sum(axis=1, skipna=False) for p in (indicator.numerator, indicator.denominator))
    note_zones(faults, where, "the numerator is over the denominator", above.index[above > below], "correct the counts")
    fix = "a missing value is never guessed: leave the zone out, or merge it with a neighbour"
    note_zones(faults, where, "the denominator is 0", below.index[below == 0], fix)
    return above / below


def note_zones(faults: Faults, where: str, what: str, zones: Iterable[str], fix: str) -> None:
    """Note one fault for all the zones that share it, if any do."""
    codes = sorted(zones)
    if codes:
        more = ", ..." if len(codes) > _SHOWN else ""
        plural = "s" if len(codes) > 1 else ""
        faults.add(where, f"{what}: {len(codes)} zone{plural}, {', '.join(codes[:_SHOWN])}{more}", fix)
