"""State the contract of every table: columns, units, ranges, key; report all faults of a table at once."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
import pandera.pandas as pa

from needs import demand
from needs.errors import Faults
from needs.settings import ZONE_VINTAGE

LSOA_CODE = r"^[EW]01\d{6}$"  # published tables often hold Wales as well
DISTRICT_CODE = r"^E0[6789]\d{6}$"
COUNCIL_CODE = r"^E(0[6-9]|10|92)\d{6}$"  # counties as well, and England to compare with
CODES = {  # the codes of a geography, by the letters that its vintage starts with: LSOA11, WD24 (Register of GSS codes)
    "OA": r"^[EW]00\d{6}$",
    "LSOA": LSOA_CODE,
    "MSOA": r"^[EW]02\d{6}$",
    "WD": r"^[EW]05\d{6}$",
    "LAD": DISTRICT_CODE,
    "UTLA": r"^E(0[689]|10)\d{6}$",
}
RURAL_URBAN_CODES = ("UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1")
RURAL = tuple(c for c in RURAL_URBAN_CODES if c.startswith("R"))
OFFERS = ("hub", "outreach", "none")
SITE_COSTS = {
    **{
        f"{offer}_{name}": f"As {words}: {what}"
        for offer, words in (("hub", "a hub"), ("outreach", "an outreach site"))
        for name, what in (
            ("opening_gbp", "pounds to open or convert it, once"),
            ("yearly_gbp", "pounds a year"),
            ("staff_days", "staff days a week"),
            ("families", "families that it can take on at most, counted as the demand is"),
        )
    },
    "closing_gbp": "Pounds that closing it costs, once",
}
_NUMBER = {"kind": "number"}


@dataclass(frozen=True)
class Table:
    """The contract of one table.

    Attributes
    ----------
    name
        What the table is called in assessment files and in messages.
    key
        Columns that identify a row; no two rows share them.
    columns
        Pandera column by name; `description` of each says meaning and unit.
    geometry
        "point", "polygon" or None; geometry is in EPSG:27700 once read.
    extra
        Whether other columns are kept (a wide indicator table) or dropped.
    stray
        What becomes of a row without a place in England: a "fault"; "left out", and counted in a note; "kept", to be
        judged where the table is used.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, Any]
    geometry: str | None = None
    extra: bool = False
    stray: Literal["fault", "left out", "kept"] = "fault"

    @property
    def required(self) -> list[str]:
        """Columns that must be there."""
        return [name for name, column in self.columns.items() if column.required]


def _code(pattern: str, description: str, *, required: bool = True) -> Any:
    check = pa.Check.str_matches(pattern, error=f"must look like {pattern}")
    return pa.Column(str, check, required=required, description=description)


def _count(description: str, *, required: bool = True, high: float | None = None) -> Any:
    checks = [pa.Check.ge(0, error="must not be negative")]
    if high is not None:
        checks.append(pa.Check.le(high, error=f"must not be over {high:g}"))
    return pa.Column(float, checks, required=required, description=description, metadata=_NUMBER)


def _figure(description: str, *, required: bool = True) -> Any:
    return pa.Column(float, required=required, nullable=not required, description=description, metadata=_NUMBER)


def _amount(description: str) -> Any:
    check = pa.Check.ge(0, error="must not be negative")
    return pa.Column(float, check, required=False, nullable=True, description=description, metadata=_NUMBER)


def _text(description: str, *, required: bool = True, nullable: bool = False) -> Any:
    return pa.Column(str, required=required, nullable=nullable, description=description)


def _one_of(values: tuple[str, ...], description: str, *, required: bool = True) -> Any:
    check = pa.Check.isin(values, error=f"must be one of {', '.join(values)}")
    return pa.Column(str, check, required=required, description=description)


def _flag(description: str) -> Any:
    return pa.Column(bool, required=False, description=description, metadata={"kind": "flag"})


_LSOA = _code(LSOA_CODE, "LSOA 2021 code (ONS)")

TABLES = {
    t.name: t
    for t in (
        Table(
            "zones",
            ("lsoa21cd",),
            {
                "lsoa21cd": _LSOA,
                "zone_name": _text("Name of the zone (ONS)"),
                "lad24cd": _code(DISTRICT_CODE, "District or unitary code", required=False),
            },
            geometry="polygon",
        ),
        Table(
            "councils",
            ("lsoa21cd",),
            {"lsoa21cd": _LSOA, "lad24cd": _code(r"^[EW]0[6789]\d{6}$", "District or unitary code")},
        ),
        Table(
            "rural_urban",
            ("lsoa21cd",),
            {"lsoa21cd": _LSOA, "ruc21cd": _one_of(RURAL_URBAN_CODES, "Rural Urban Classification 2021")},
        ),
        Table(
            "demand",
            ("lsoa21cd",),
            {"lsoa21cd": _LSOA, **{c.id: _count(c.meaning, required=False) for c in demand.columns().values()}},
        ),
        Table(
            "deprived_children",
            ("lsoa21cd",),
            {
                "lsoa21cd": _LSOA,
                "deprived_children": pa.Column(
                    float,
                    pa.Check.ge(0, error="must not be negative"),
                    nullable=True,
                    description="Children in income deprivation; blank where few",
                    metadata=_NUMBER,
                ),
            },
        ),
        Table(
            "cars",
            ("lsoa21cd",),
            {"lsoa21cd": _LSOA, "no_car_pct": _count("Households without a car or van, per cent", high=100)},
        ),
        Table(
            "digital",
            ("lsoa21cd",),
            {
                "lsoa21cd": _LSOA,
                "offline_pct": _count(
                    "Households, adults or premises (the input's title says which) that do not use the internet or "
                    "have no usable line, per cent",
                    high=100,
                ),
            },
        ),
        Table(
            "points",
            ("point_id",),
            {
                "point_id": _text("Postcode or output area code"),
                "lsoa21cd": _LSOA,
                "weight": _count(
                    "People or households at the point; only its share within the zone counts", required=False
                ),
            },
            geometry="point",
        ),
        Table(
            "indicators",
            ("lsoa21cd",),
            {"lsoa21cd": _LSOA, "lad24cd": _code(DISTRICT_CODE, "District or unitary code", required=False)},
            extra=True,
        ),
        Table("population", ("lsoa21cd",), {"lsoa21cd": _LSOA, "people": _count("People who live there")}),
        Table(
            "lookup",
            ("from_code", "lsoa21cd"),
            {
                "from_code": _text("Code of the geography that the input's vintage names"),
                "lsoa21cd": _LSOA,
                "change": _text("Change flag CHGIND of ONS: U, S, M or X", required=False, nullable=True),
                "weight": _count("Share or count by which a code is shared among its zones", required=False),
            },
        ),
        Table(
            "context",
            ("lad24cd", "indicator", "period"),
            {
                "lad24cd": _code(COUNCIL_CODE, "Code of a district, unitary or county, or of England"),
                "indicator": _text("Identifier of the indicator"),
                "label": _text("Name of the indicator"),
                "period": _text("When it was measured, as published"),
                "value": _figure("The indicator's value, in its own unit"),
                "low": _figure("Lower 95 per cent confidence limit", required=False),
                "high": _figure("Upper 95 per cent confidence limit", required=False),
            },
        ),
        Table(
            "boundaries",
            ("kind", "code"),
            {
                "kind": _text("What they are, in the plural: Wards, Districts"),
                "code": _text("Code of the ward, district ..."),
                "name": _text("Its name", required=False, nullable=True),
            },
            geometry="polygon",
        ),
        Table("postcodes", ("postcode",), {"postcode": _text("Postcode")}, geometry="point", stray="left out"),
        Table(
            "sites",
            ("site_id",),
            {
                "site_id": _text("Stable identifier of the building", required=False),
                "name": _text("Public name"),
                "site_type": _text(
                    "A type of the catalogue's site_types.toml", nullable=True
                ),  # told where types are known
                "today": _one_of(OFFERS, "What the site offers today: hub, outreach or none", required=False),
                "keep": _flag("The site must stay"),
                "ours": _flag("The council may decide about it; false for a neighbour's site"),
                "may_hub": _flag("It could be a hub; if not given, what its type says"),
                "may_outreach": _flag("It could be an outreach site; if not given, what its type says"),
                "postcode": _text("Postcode", required=False, nullable=True),
                "uprn": _text("Unique Property Reference Number, digits", required=False, nullable=True),
                **{name: _amount(what) for name, what in SITE_COSTS.items()},
            },
            geometry="point",
            stray="kept",
        ),
    )
}


def code_pattern(vintage: str) -> str | None:
    """Give the pattern of a vintage's codes (LSOA11: E01 or W01 and six digits), or None if it is no vintage."""
    geography = vintage.rstrip("0123456789")
    return CODES.get(geography) if len(vintage) == len(geography) + 2 else None


def of_vintage(table: Table, vintage: str | None) -> Table:
    """Give the contract of a table whose codes are of a vintage.

    A table of zones is keyed by `code` instead of `lsoa21cd` where its codes are not those of the zones, and points
    have it in its place; the `from_code` of a lookup must look like a code of the geography that it leads from.
    """
    pattern = code_pattern(vintage) if vintage and vintage != ZONE_VINTAGE else None
    if pattern is None:
        return table
    if "from_code" in table.columns:
        codes = {"from_code": _code(pattern, f"Code of {vintage}")}
        return replace(table, columns={**table.columns, **codes})
    if "lsoa21cd" in table.columns and table.key != ("lsoa21cd",):  # points: the zone is looked up by their code
        columns = {n: c for n, c in table.columns.items() if n != "lsoa21cd"}
        return replace(table, columns={**columns, "code": _code(pattern, f"Code of {vintage}")})
    if table.key != ("lsoa21cd",):
        return table
    rest = {n: _blank_allowed(c) for n, c in table.columns.items() if n != "lsoa21cd"}
    return replace(table, key=("code",), columns={"code": _code(pattern, f"Code of {vintage}"), **rest})


def with_blanks(table: Table) -> Table:
    """Give the contract of a table whose numbers may be blank, since its publisher leaves small ones out."""
    columns = {n: _blank_allowed(c) if kind_of(table, n) == "number" else c for n, c in table.columns.items()}
    return replace(table, columns=columns)


def _blank_allowed(column: Any) -> Any:
    """Allow blanks for now: what is blank elsewhere in the nation does not matter, what is blank here is told later."""
    allowed = copy(column)
    allowed.nullable = True
    return allowed


def kind_of(table: Table, name: str) -> str:
    """Say what a column holds: "text", "number" or "flag"; what a wide table adds to its contract is a number."""
    column = table.columns.get(name)
    if column is None:
        return "number" if table.extra or name in {"x", "y"} else "text"
    return str((column.metadata or {}).get("kind", "text"))


def check_table(
    frame: pd.DataFrame, table: Table, *, where: str, row_label: Callable[[int], str], faults: Faults
) -> pd.DataFrame:
    """Coerce and check a table against its contract; note every fault found.

    Parameters
    ----------
    frame
        Rows with the contract's column names (already mapped), RangeIndex in file order.
    table
        The contract.
    where
        The file's name, for messages.
    row_label
        Turns a position in `frame` into the reader's own way to find the row, such as "line 7".
    faults
        Collector of what is wrong.

    Returns
    -------
    pandas.DataFrame
        The columns of the contract (and any others when `extra`), coerced. Only meaningful if nothing was added
        to `faults`.
    """
    absent = [c for c in table.required if c not in frame.columns]
    for name in absent:
        faults.add(
            where,
            f"column '{name}' of table '{table.name}' is missing; there are {', '.join(map(str, frame.columns[:12]))}",
            f'map it in the assessment file: columns.{name} = "<heading>" ({table.columns[name].description})',
        )
    if absent:
        return frame
    schema = pa.DataFrameSchema({n: c for n, c in table.columns.items() if n in frame.columns}, coerce=True)
    wanted = (
        list(frame.columns)
        if table.extra
        else [*schema.columns, *(["geometry"] if "geometry" in frame.columns else [])]
    )
    frame = frame[wanted]
    for name, column in schema.columns.items():
        _check_blank(frame[name], column, table, where, row_label, faults)
    try:
        checked = schema.validate(pd.DataFrame(frame.drop(columns="geometry", errors="ignore")), lazy=True)
    except pa.errors.SchemaErrors as error:
        _note_failures(error.failure_cases, table, where, row_label, faults)
        checked = frame
    _check_key(checked, table, where, row_label, faults)
    if table.geometry:
        placed: pd.DataFrame = gpd.GeoDataFrame(checked, geometry=frame["geometry"], crs=frame.crs)
        return placed
    return checked


def _check_blank(
    values: pd.Series[Any],
    column: Any,
    table: Table,
    where: str,
    row_label: Callable[[int], str],
    faults: Faults,
) -> None:
    if column.nullable:
        return
    blank = [
        (row_label(int(i)), f"'{values.name}' of table '{table.name}' is blank") for i in values.index[values.isna()]
    ]
    hides = "; or say of the input what a blank hides: blank = [0, 4]" if table.name == "demand" else ""
    number = kind_of(table, str(values.name)) == "number"
    faults.add_each(where, blank, f"fill it in, or drop the row{hides if number else ''}")


def _note_failures(
    cases: pd.DataFrame, table: Table, where: str, row_label: Callable[[int], str], faults: Faults
) -> None:
    cases = cases[~cases["check"].astype(str).str.startswith("not_nullable")]
    for key, group in cases.groupby(["column", "check"], sort=True, dropna=False):
        column, check = map(str, key)
        dtype = check.startswith(("coerce_dtype", "dtype"))
        rule = "must be a number" if dtype else check
        rows = group[group["failure_case"].notna()].to_dict("records")
        told = [
            (row_label(int(r["index"])) if pd.notna(r["index"]) else "", f"'{column}' is {r['failure_case']!r}: {rule}")
            for r in rows
        ]
        faults.add_each(where, told, f"correct it ({table.columns[column].description})")


def _check_key(frame: pd.DataFrame, table: Table, where: str, row_label: Callable[[int], str], faults: Faults) -> None:
    if not set(table.key) <= set(frame.columns):
        return
    again = frame.loc[frame.duplicated(list(table.key)), list(table.key)]
    told = [
        (row_label(int(str(i))), f"{', '.join(table.key)} {', '.join(map(str, values))} stands twice")
        for i, *values in again.itertuples()
    ]
    faults.add_each(where, told, "keep one row for each")
