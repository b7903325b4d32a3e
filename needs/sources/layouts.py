"""Say how each publisher lays out its files: headings, marks and reader, declared in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from needs.assessment import Input
from needs.errors import SettingsError, fail
from needs.schemas import TABLES, code_pattern
from needs.settings import CATALOGUE, ZONE_VINTAGE
from needs.toml import Strict, checked, load

FOLDER = "layouts"
_OWN = frozenset(
    {"required", "like", "only", "without", "sheet", "member"}
)  # what a layout does not take over from another
Reader = Literal["wide", "by_code", "nomis", "fingertips"]


class Share(Strict):
    """A share in per cent of two columns: 100 x `of` / `among`; blank where either is, or `among` is 0."""

    of: str
    among: str


class Layout(Strict):
    """How a publisher ships a file.

    Attributes
    ----------
    reader
        "wide": one row per area under one row of headings, wherever that row stands. "by_code": the table is found by
        the codes of its areas, above and below it there may be anything. "nomis", "fingertips": see those modules.
    columns
        Our name = heading, or headings to add up.
    headings
        Of a file without any: what stands in each column, in their order. Every row must be as wide.
    where
        Heading = values: only these rows count, unless an input says otherwise for the heading.
    required
        Our names that must be there (all, where it is not given): a file without the others is read without them.
    alternatives
        Heading = other words for the same in other releases of the file.
    marks
        Texts that stand for a suppressed or missing figure.
    shares
        Our name = a share of two of our columns.
    keep
        Dimension of a Nomis table = the codes or names of it that count (the total of all genders).
    codes_only
        Drop, and count, rows whose code is not of the vintage: totals, regions, the other country.
    rows_above
        Lines above the heading, where the heading is not to be looked for.
    sheet, member
        Where the table is in a workbook, and which file it is of a zip (or a pattern, for several that make one
        table); either is looked for only where the file is such.
    crs
        Coordinate system of columns x and y.
    like, only, without
        Take over what another layout says, and of its columns only these, or all but these.
    source
        Where the layout was read.
    """

    label: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    date: str = Field(min_length=1)
    url: str | None = None
    table: str | None = None
    vintage: str | None = None
    reader: Reader = "wide"
    columns: dict[str, str | list[str]] = {}
    headings: list[str] = []
    where: dict[str, list[str]] = {}
    required: list[str] | None = None
    alternatives: dict[str, list[str]] = {}
    marks: list[str] = []
    shares: dict[str, Share] = {}
    keep: dict[str, list[str]] = {}
    codes_only: bool = False
    sheet: str | None = None
    member: str | None = None
    crs: str | None = None
    encoding: str | None = None
    rows_above: int | None = Field(default=None, ge=0)
    like: str | None = None
    only: list[str] | None = None
    without: list[str] = []
    source: str = Field(min_length=20)

    @field_validator("table")
    @classmethod
    def _table_known(cls, value: str | None) -> str | None:
        if value is not None and value not in TABLES:
            msg = f"table {value!r} is not one of {', '.join(TABLES)}"
            raise ValueError(msg)
        return value

    @field_validator("vintage")
    @classmethod
    def _vintage_known(cls, value: str | None) -> str | None:
        if value is not None and code_pattern(value) is None:
            msg = f"vintage {value!r} has no codes"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _names_are_columns(self) -> Layout:
        named = {*(self.required or []), *(self.only or [])}
        for share in self.shares.values():
            named |= {share.of, share.among}
        odd = sorted(named - set(self.columns))
        if odd:
            msg = f"{', '.join(odd)} is named and is no column of the layout"
            raise ValueError(msg)
        asked = {h for hs in self.columns.values() for h in headings_of(hs)} | set(self.where)
        strange = sorted(set(self.alternatives) - asked)
        if strange:
            msg = f"alternatives are given for {', '.join(map(repr, strange))}, which is no heading of the layout"
            raise ValueError(msg)
        unplaced = sorted(asked - set(self.headings)) if self.headings else []
        twice = sorted(h for h in asked if self.headings.count(h) > 1)
        if unplaced or twice:
            msg = f"{', '.join(map(repr, unplaced + twice))} must stand once among the layout's 'headings'"
            raise ValueError(msg)
        return self


class _Catalogue(Strict):
    layout: dict[str, Layout]


@dataclass(frozen=True)
class Plan:
    """How one input's file is read: the layout and the input's own words brought together.

    Attributes
    ----------
    columns
        Our name = the headings whose cells are added up (one, where nothing is added).
    optional
        Our names that the file may lack.
    alternatives, headings, shares, keep, codes_only, sheet, member, encoding, rows_above
        As in `Layout`.
    marks
        Texts that are read as blank, casefolded.
    where
        Heading = values: only these rows count.
    """

    reader: Reader
    columns: dict[str, tuple[str, ...]]
    optional: frozenset[str]
    alternatives: Mapping[str, list[str]]
    marks: frozenset[str]
    shares: Mapping[str, Share]
    keep: Mapping[str, list[str]]
    where: Mapping[str, list[str]]
    headings: tuple[str, ...]
    codes_only: bool
    sheet: str | None
    member: str | None
    encoding: str | None
    rows_above: int | None

    def words_for(self, heading: str) -> tuple[str, ...]:
        """List a heading and the other words for it."""
        return (heading, *self.alternatives.get(heading, ()))

    def wanted(self) -> list[tuple[str, ...]]:
        """List what is looked for in a row of headings, each with its alternatives."""
        headings = [h for hs in self.columns.values() for h in hs]
        return [self.words_for(h) for h in dict.fromkeys([*headings, *self.where])]


def headings_of(columns: str | list[str]) -> tuple[str, ...]:
    """List the headings that make a column."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


@cache
def layouts() -> dict[str, Layout]:
    """Read the layouts of the catalogue, each complete with what it takes over from another.

    Raises
    ------
    SettingsError
        With every fault of the catalogue's file.
    """
    raw = load(CATALOGUE / FOLDER)["layout"]
    entries = {name: _with_parent(name, entry, raw) for name, entry in raw.items()}
    return checked(_Catalogue, {"layout": entries}, file=FOLDER).layout


def _with_parent(name: str, entry: dict[str, Any], raw: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "like" not in entry:
        return entry
    parent = raw.get(entry["like"])
    if parent is None or entry["like"] == name:
        fail(SettingsError, f"{FOLDER}, {name}", f"like = {entry['like']!r} is no other layout", "name one that is")
    parent = _with_parent(entry["like"], parent, raw)
    whole = {**{k: v for k, v in parent.items() if k not in _OWN}, **entry}
    columns = {**parent.get("columns", {}), **entry.get("columns", {})}
    kept = set(entry.get("only", columns)) - set(entry.get("without", ()))
    columns = {n: headings for n, headings in columns.items() if n in kept}
    used = {h for headings in columns.values() for h in headings_of(headings)} | set(whole.get("where", ()))
    spare = {**parent.get("alternatives", {}), **entry.get("alternatives", {})}
    return {**whole, "columns": columns, "alternatives": {h: w for h, w in spare.items() if h in used}}


def plan(spec: Input) -> Plan:
    """Bring an input and its layout together; the input's own words go first.

    Columns named `code` hold the codes: they become `lsoa21cd` where the input's codes are those of the zones.
    """
    layout = layouts()[spec.layout] if spec.layout else None
    own = {name: headings_of(headings) for name, headings in spec.columns.items()}
    brought = {name: headings_of(headings) for name, headings in layout.columns.items()} if layout else {}
    if "lsoa21cd" in own:
        brought.pop("code", None)
    columns = {**brought, **own}
    if spec.vintage == ZONE_VINTAGE and "code" in columns and "lsoa21cd" not in columns:
        columns = {("lsoa21cd" if name == "code" else name): headings for name, headings in columns.items()}
    required = set(own) | {"lsoa21cd", "code"}
    if layout:
        required |= set(layout.columns if layout.required is None else layout.required)
    return Plan(
        reader=layout.reader if layout else "wide",
        columns=columns,
        optional=frozenset(set(columns) - required),
        alternatives=layout.alternatives if layout else {},
        marks=frozenset(m.strip().casefold() for m in [*spec.marks, *(layout.marks if layout else [])]),
        shares=layout.shares if layout else {},
        keep=layout.keep if layout else {},
        where={**(layout.where if layout else {}), **spec.where},
        headings=tuple(layout.headings) if layout else (),
        codes_only=layout.codes_only if layout else False,
        sheet=spec.sheet or (layout.sheet if layout else None),
        member=spec.member or (layout.member if layout else None),
        encoding=layout.encoding if layout else None,
        rows_above=layout.rows_above if layout else None,
    )
