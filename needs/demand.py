"""Count whom a plan is to serve: births, children by age, children in low-income families, and planned homes."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from functools import cache

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from needs.errors import Faults, InputError, SettingsError, fail
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

ID = r"^[a-z0-9]+(_[a-z0-9]+)*$"
_FILE = "demand.toml"
_TABLE = "table 'demand'"
_ABSURD = 1e12  # people: more than can be read
_AT_MOST = (  # a sum of columns that cannot pass another, over all zones together; and what may be the matter
    (("births",), ("children_0_4",), "that the columns are not swapped and that births are those of one year"),
    (("low_income_children",), ("children_0_4", "children_5_19"), "that they are children, not families or people"),
)


class Column(Strict):
    """A column that the table `demand` may hold; `per_home` is how many live in a home, for planned homes."""

    id: str = Field(pattern=ID)
    meaning: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    per_home: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    per_home_source: str | None = Field(default=None, min_length=20)

    @model_validator(mode="after")
    def _number_and_source(self) -> Column:
        if (self.per_home is None) != (self.per_home_source is None):
            msg = "give both per_home and per_home_source, or neither"
            raise ValueError(msg)
        return self


class Preset(Strict):
    """A share, per cent, that kinds are made with and that an assessment may replace."""

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    value: float = Field(ge=0, le=100)
    unit: str = Field(pattern="^%$")
    source: str = Field(min_length=20)


class Kind(Strict):
    """A way to count demand: a weighted sum of columns.

    `columns` says what one of each counts for; `shares` names columns of which the share of a preset counts.
    """

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    columns: dict[str, float] = Field(min_length=1)
    shares: dict[str, str] = {}
    unit: str = Field(min_length=1)
    source: str = Field(min_length=20)
    caveat: str = Field(min_length=1)

    @model_validator(mode="after")
    def _weights_count(self) -> Kind:
        wrong = [c for c, w in self.columns.items() if not 0 < w < np.inf]
        if wrong:
            msg = f"the weight of {', '.join(wrong)} must be over 0"
            raise ValueError(msg)
        twice = sorted(set(self.columns) & set(self.shares))
        if twice:
            msg = f"{', '.join(twice)} stands in both columns and shares"
            raise ValueError(msg)
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that the table must hold for this kind."""
        return (*self.columns, *self.shares)

    def weights(self, presets: dict[str, float]) -> dict[str, float]:
        """Say what one of each column counts for, with shares in per cent by preset."""
        return {**self.columns, **{column: presets[preset] / 100 for column, preset in self.shares.items()}}


class Catalogue(Strict):
    """Columns, presets and kinds that fit together."""

    columns: tuple[Column, ...] = Field(alias="column", min_length=1)
    presets: tuple[Preset, ...] = Field(default=(), alias="preset")
    kinds: tuple[Kind, ...] = Field(alias="kind", min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> Catalogue:
        wrong = [
            f"{n} {name} have the id {i!r}"
            for name, entries in (("columns", self.columns), ("presets", self.presets), ("kinds", self.kinds))
            for i, n in Counter(e.id for e in entries).items()
            if n > 1
        ]
        per_home = {c.id: c.per_home for c in self.columns}
        presets = [p.id for p in self.presets]
        for kind in self.kinds:
            for name in kind.needs:
                if name not in per_home:
                    wrong.append(f"kind {kind.id!r} counts {name!r}, not one of {', '.join(per_home)}")
                elif per_home[name] is None:
                    wrong.append(f"kind {kind.id!r} counts {name!r}, of which per_home is not given")
            unknown = sorted(set(kind.shares.values()) - set(presets))
            wrong += [f"kind {kind.id!r} takes the share {p!r}, which is no preset" for p in unknown]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self


class Growth(Strict):
    """A scenario of planned homes, whose children are added to those of today.

    Attributes
    ----------
    label
        What the scenario is called.
    years
        In how many years they will be lived in (told, not computed with).
    homes
        The column of the table that counts the homes.
    children_per_home
        Replaces the presets per home, by column: births a year, children aged 0 to 4, and so on, per home.
    """

    label: str = Field(min_length=1)
    years: float = Field(gt=0, allow_inf_nan=False)
    homes: str = "planned_homes"
    children_per_home: dict[str, float] = {}

    @model_validator(mode="after")
    def _known(self) -> Growth:
        known = [c.id for c in _catalogue().columns if c.per_home is not None]
        wrong = [
            f"children_per_home: {c!r} is not one of {', '.join(known)}"
            for c in self.children_per_home
            if c not in known
        ]
        wrong += [
            f"children_per_home: {c} is {n:g}, not a number from 0"
            for c, n in self.children_per_home.items()
            if not 0 <= n < np.inf
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def per_home(self, column: str) -> float:
        """Say how many of a column live in a home: the scenario's own number, or the preset."""
        return self.children_per_home.get(column, columns()[column].per_home or 0.0)


def read_catalogue(content: dict[str, object], *, file: str = _FILE) -> Catalogue:
    """Check the content of a catalogue of demand.

    Raises
    ------
    SettingsError
        With every fault.
    """
    return checked(Catalogue, content, file=file)


@cache
def _catalogue() -> Catalogue:
    return read_catalogue(load(CATALOGUE / _FILE))


def kinds() -> dict[str, Kind]:
    """Kinds of demand of the catalogue, by id."""
    return {k.id: k for k in _catalogue().kinds}


def columns() -> dict[str, Column]:
    """Columns that the table `demand` may hold, by id."""
    return {c.id: c for c in _catalogue().columns}


def presets() -> dict[str, Preset]:
    """Shares that an assessment may replace, by id."""
    return {p.id: p for p in _catalogue().presets}


def kind_named(kind: str) -> Kind:
    """Give a kind of the catalogue by its id.

    Raises
    ------
    SettingsError
        If there is none, with what was perhaps meant.
    """
    known = kinds()
    if kind not in known:
        near = get_close_matches(kind, known, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        fail(SettingsError, f"demand {kind!r}", "is not in the catalogue", f"{meant}known: {', '.join(known)}")
    return known[kind]


def demand(
    table: pd.DataFrame, kind: str, *, send_share_pct: float | None = None, growth: Growth | None = None
) -> pd.DataFrame:
    """Count the demand of every zone.

    demand_today is the sum of the kind's columns, each times what one counts for. demand_growth is planned homes
    times what a home adds to that sum. demand is both together. Nothing is rounded.

    Parameters
    ----------
    table
        Table `demand`: `lsoa21cd` and the columns that the kind needs (`kinds()[kind].needs`), in their units; with
        `growth` also its column of homes.
    kind
        Id of a kind of the catalogue.
    send_share_pct
        Share of people aged 20 to 24 who have SEND, per cent 0 to 100, in place of the preset. Only the kinds that
        take it look at it.
    growth
        Planned homes to be added, or none.

    Returns
    -------
    pandas.DataFrame
        Index `lsoa21cd` in the order of the table; `demand`, `demand_today`, `demand_growth` in the kind's unit.

    Raises
    ------
    SettingsError
        For a kind that is unknown, or a share that is not 0 to 100.
    InputError
        With every fault of the table: a column that is needed and absent; text, blanks, negative numbers; zones that
        stand twice; in all zones together more births in a year than children under 5, or more children in low-income
        families than children.
    """
    chosen, weights = kind_named(kind), _weights(kind, send_share_pct)
    faults = Faults(InputError)
    zones = table.set_index("lsoa21cd") if "lsoa21cd" in table.columns else table
    faults.add_codes(_TABLE, "stands twice", zones.index[zones.index.duplicated()], "keep one row for each zone")
    homes = (growth.homes,) if growth else ()
    reasons = {**dict.fromkeys(chosen.needs, f"demand {kind!r} counts it"), **dict.fromkeys(homes, "growth counts it")}
    numbers = {name: _numbers(zones, name, why, faults) for name, why in reasons.items()}
    _note_impossible_sums(zones, faults)
    faults.raise_if_any()
    today = sum((w * numbers[c] for c, w in weights.items()), pd.Series(0.0, index=zones.index))
    added = pd.Series(0.0, index=zones.index)
    if growth:
        added = numbers[growth.homes] * sum(w * growth.per_home(c) for c, w in weights.items())
    result = pd.DataFrame({"demand": today + added, "demand_today": today, "demand_growth": added})
    return result.rename_axis("lsoa21cd")


def assumptions(kind: str, *, send_share_pct: float | None = None, growth: Growth | None = None) -> list[str]:
    """Say in sentences what a count of demand takes for granted, each with its source.

    Parameters
    ----------
    kind, send_share_pct, growth
        As `demand`.
    """
    chosen, known = kind_named(kind), columns()
    told = [f"Demand is {chosen.label}. {chosen.source} {chosen.caveat}"]
    weights = _weights(kind, send_share_pct)
    for column, preset in chosen.shares.items():
        source = presets()[preset].source if send_share_pct is None else "The assessment's own figure."
        told.append(f"{presets()[preset].label}: {100 * weights[column]:g} %. {source}")
    if growth:
        told.append(f"Planned homes are added: {growth.label}, within {growth.years:g} years.")
        for column in chosen.needs:
            own = column in growth.children_per_home
            source = "The assessment's own figure." if own else str(known[column].per_home_source)
            told.append(f"{known[column].meaning}, for each planned home: {growth.per_home(column):g}. {source}")
    return told


def _weights(kind: str, send_share_pct: float | None) -> dict[str, float]:
    if send_share_pct is not None and not 0 <= send_share_pct <= 100:
        fail(SettingsError, "send_share_pct", f"is {send_share_pct:g}", "give a share in per cent, 0 to 100")
    shares = {p.id: p.value for p in presets().values()}
    if send_share_pct is not None:
        shares["send_share_pct"] = send_share_pct
    return kind_named(kind).weights(shares)


def _numbers(zones: pd.DataFrame, name: str, why: str, faults: Faults) -> pd.Series[float]:
    """Give one column as numbers; note every fault in it."""
    if name not in zones.columns:
        known = columns().get(name)
        meaning = f" ({known.meaning}; {known.unit})" if known else ""
        fix = f'map it in the [[input]] whose table is "demand": columns.{name} = "<heading>"{meaning}'
        faults.add(_TABLE, f"has no column '{name}': {why}", fix)
        return pd.Series(dtype=float)
    raw = zones[name]
    number = pd.to_numeric(raw, errors="coerce").astype(float)
    fix = (
        "fill it in, with 0 where there are none; or say of the input what a blank hides, such as blank = [0, 4]: a "
        "missing value is never guessed"
    )
    faults.add_codes(_TABLE, f"'{name}' is blank", raw.index[raw.isna()], fix)
    faults.add_codes(_TABLE, f"'{name}' is no number", raw.index[raw.notna() & ~np.isfinite(number)], "give a number")
    faults.add_codes(_TABLE, f"'{name}' is negative", raw.index[number < 0], "correct it")
    return number


def _note_impossible_sums(zones: pd.DataFrame, faults: Faults) -> None:
    for part, whole, check in _AT_MOST:
        if faults.found or not {*part, *whole} <= set(zones.columns):
            continue
        low, high = (
            sum(float(pd.to_numeric(zones[c], errors="coerce").sum()) for c in names) for names in (part, whole)
        )
        if low > high:
            names = " and ".join(columns()[c].meaning.lower() for c in whole)
            what = f"{_told(low)} {columns()[part[0]].meaning.lower()} are more than the {_told(high)} {names}"
            faults.add(_TABLE, what, f"check {check}")


def _told(count: float) -> str:
    return f"{count:,.0f}" if count < _ABSURD else f"{count:.3g}"
