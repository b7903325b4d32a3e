"""Say which raw file is what: one [[input]] of an assessment, with what its layout brings."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pyproj
from pydantic import Field, field_validator, model_validator

from needs.councils import resolve
from needs.disclosure import Rule
from needs.schemas import CODES, TABLES, code_pattern, kind_of, of_vintage
from needs.settings import CATALOGUE, ZONE_VINTAGE
from needs.toml import Strict, load
from needs.vintages import mend

# Tables that may be of another vintage, given a lookup.
CARRIED = ("indicators", "demand", "cars", "digital", "deprived_children", "points")
_COUNTS = ("demand", "indicators", "deprived_children")  # may be protected
_UNCODED = ("streets", "timetable", "sites", "context", "boundaries", "postcodes")  # not joined by code of a zone
KINDS = (*TABLES, "streets", "timetable")
_LONGEST = 255  # bytes of a name in a path, on most file systems

LAYOUTS_FILE = "layouts"  # a folder of them
SOURCES_FILE = "sources.toml"
_OF_SOURCE = ("path", "layout", "title", "publisher", "licence", "date", "vintage", "caveat", "attribution")
_OF_LAYOUT = ("table", "vintage", "publisher", "licence", "date", "url", "crs")


@cache
def _known(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)[kind]
    return found


def _entry(kind: str, name: str) -> dict[str, Any]:
    """Give an entry of the catalogue's layouts or sources."""
    known = _known(CATALOGUE / {"layout": LAYOUTS_FILE, "source": SOURCES_FILE}[kind], kind)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        meant = f": did you mean {near[0]!r}?" if near else ""
        msg = f"{kind} {name!r} is not in the catalogue ({', '.join(known)}){meant}"
        raise ValueError(msg)
    return known[name]


def _of_layout(name: str) -> dict[str, Any]:
    layout = _entry("layout", name)
    return {**{k: layout[k] for k in _OF_LAYOUT if k in layout}, "title": layout["label"]}


def source_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Complete an entry of the catalogue's sources with what its layout says."""
    return {**(_of_layout(entry["layout"]) if "layout" in entry else {}), **entry}


def source_path(name: object) -> str | None:
    """Give the path of a source's file in the folder of raw files, if there is such a source."""
    found = load(CATALOGUE / SOURCES_FILE)["source"].get(name) if isinstance(name, str) else None
    return str(found["path"]) if found else None


def filled(text: str, *, slug: str, codes: Sequence[str]) -> str:
    """Fill in what belongs to an area in a path or address of the catalogue: {slug}, {region}, {upper}.

    `region` is the area's, as the Bus Open Data Service names it, or "all" where it lies in several; `upper` are the
    codes of its upper-tier councils.
    """
    if "{region}" not in text and "{upper}" not in text:
        return text.replace("{slug}", slug)
    found = [resolve(code) for code in codes]
    regions = {r for council in found for r in council.regions}
    words: dict[str, str] = load(CATALOGUE / SOURCES_FILE)["regions"]
    region = words[regions.pop()] if len(regions) == 1 else "all"
    upper = ",".join(sorted({u for council in found for u in council.upper}))
    return text.replace("{slug}", slug).replace("{region}", region).replace("{upper}", upper)


class Input(Strict):
    """Which raw file is what.

    Attributes
    ----------
    source
        Where it comes from, by its id in the catalogue's sources.toml: it brings `path`, `layout`, `title`,
        `publisher`, `licence`, `date`, `url`, `vintage` and whatever else the source says
        of its inputs, and can be downloaded.
    optional
        Without its file the assessment goes on, and says so.
    layout
        How the publisher ships the file, by its id in the catalogue's layouts: it brings `columns`, `where`, `marks`
        and a reader, and `table`, `vintage`, `title`, `publisher`, `licence`, `date`, `url` and `crs` where they are
        not given.
    columns
        Our name = the heading in the file, or a list of headings whose numbers are added (blank if any is blank).
        Adds to the layout's columns and overrides them.
    values
        Our name = one value for every row.
    where
        Heading = values; only these rows count.
    marks
        Texts that stand for a suppressed or missing figure ("*", "c"): read as blank, and counted in the notes.
    sheet, layer
        Of a workbook (else the first sheet that has the headings) or a GeoPackage.
    member
        Of a zip: name of the file in it, or a pattern such as "Data/CSV/*.csv" for several that make one table. Not
        needed where the zip holds one file.
    vintage
        Which geography and year the codes are: "LSOA21" are the zones; "LSOA11", "WD24", "MSOA21" come with
        `columns.code` instead of `columns.lsoa21cd`. Of a lookup: which geography it leads from.
    attribution
        The line that its publisher asks for, where that is more than the licence's own.
    blank
        Least and most that a blank count hides.
    disclosure
        What may be shown of counts that are not published (`needs.disclosure.Rule`); published counts need no rule.
    national
        Of sites: the file lists all of England. What lies beyond the council and its margin is left out; in the council
        it is ours, in the margin another's, and counts there only if it offers something today.
    types
        Of sites: the file's own word in the column `site_type` = our type; rows with other words are left out.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    table: str
    path: str
    source: str | None = None
    optional: bool = False
    layout: str | None = None
    columns: dict[str, str | list[str]] = {}
    values: dict[str, str | bool | float] = {}
    where: dict[str, list[str]] = {}
    marks: list[str] = []
    sheet: str | None = None
    layer: str | None = None
    member: str | None = Field(default=None, min_length=1)
    crs: str | None = None
    vintage: str | None = None
    title: str
    publisher: str
    licence: str
    date: str
    url: str | None = None
    caveat: str | None = None
    attribution: str | None = None
    blank: tuple[float, float] | None = None
    disclosure: Rule | None = None
    name_suffix: str = ""
    drop_unnamed: bool = False
    title_case: bool = False
    national: bool = False
    types: dict[str, str] = {}

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        msg = None
        if not parts or path.endswith("/"):
            msg = f"{path!r} is no path of a file"
        elif ".." in parts or PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor:
            msg = f"{path!r} leads out of the folder of raw files: copy the file into it, and say where it is there"
        elif any(unicodedata.category(c) == "Cc" for c in path):
            msg = f"{path!r} holds a control character"
        elif any(len(part.encode()) > _LONGEST for part in parts):
            msg = f"{path[:_LONGEST]!r}... is too long for a path"
        if msg:
            raise ValueError(msg)
        return path

    @field_validator("crs")
    @classmethod
    def _flat(cls, crs: str | None) -> str | None:
        if crs is None:
            return None
        try:
            found = pyproj.CRS.from_user_input(crs)
        except pyproj.exceptions.CRSError:
            found = None
        if found is None or not (found.is_projected or found.is_geographic):
            msg = f"{crs!r} is no coordinate system of places: use EPSG:27700 (metres) or EPSG:4326 (degrees)"
            raise ValueError(msg)
        return crs

    @model_validator(mode="before")
    @classmethod
    def _brought(cls, given: object) -> object:
        """Take over what the source and the layout say, where the input itself says nothing."""
        if not isinstance(given, dict):
            return given
        if isinstance(given.get("source"), str):
            source = _entry("source", given["source"])
            common = {k: source[k] for k in _OF_SOURCE if k in source}
            given = {**common, "url": source["page"], **source.get("input", {}), **given}
        if isinstance(given.get("layout"), str):
            given = {**_of_layout(given["layout"]), **given}
        return given

    @model_validator(mode="after")
    def _known(self) -> Input:
        wrong = [
            *(self._vintage_faults() + self._name_faults() + self._sum_faults()),
            *(self._count_faults() + self._site_faults()),
        ]
        if self.table not in KINDS:
            wrong = [f"table {self.table!r} is not one of {', '.join(KINDS)}"]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _vintage_faults(self) -> list[str]:
        if self.vintage is None:
            if self.table in _UNCODED:
                return []
            return [f"vintage is missing: say which geography the codes are, such as {ZONE_VINTAGE!r}"]
        if self.table == "lookup":
            leads = code_pattern(self.vintage) is not None and self.vintage != ZONE_VINTAGE
            fix = "say which geography the lookup leads from, such as 'LSOA11' or 'WD24'"
            return [] if leads else [f"vintage {self.vintage!r} of a lookup to {ZONE_VINTAGE}: {fix}"]
        if self.vintage == ZONE_VINTAGE or self.table == "context":
            return []
        if self.table not in CARRIED:
            fix = f"convert it first with {mend(self.vintage)}"
            return [f"vintage {self.vintage!r} cannot be joined to {ZONE_VINTAGE}: {fix}"]
        if code_pattern(self.vintage) is None:
            return [f"vintage {self.vintage!r} is not {', '.join(CODES)} and two digits of its year, such as 'LSOA11'"]
        if "lsoa21cd" in self.columns:
            return [f"the codes are {self.vintage}, not LSOA 2021: map them as columns.code, not columns.lsoa21cd"]
        return []

    def _count_faults(self) -> list[str]:
        wrong = []
        if self.disclosure and self.table not in _COUNTS:
            wrong.append(f"disclosure is for tables of counts ({', '.join(_COUNTS)}), not for table {self.table!r}")
        if self.blank and self.table not in _COUNTS:
            wrong.append(f"blank is for tables of counts ({', '.join(_COUNTS)}), not for table {self.table!r}")
        if self.blank and not 0 <= self.blank[0] <= self.blank[1]:
            wrong.append(f"blank {list(self.blank)} is not the least and the most that a blank count hides")
        return wrong

    def _site_faults(self) -> list[str]:
        given = [name for name, told in (("national", self.national), ("types", self.types)) if told]
        if given and self.table != "sites":
            return [f"{' and '.join(given)} is for table 'sites', not for table {self.table!r}"]
        known = load(CATALOGUE / "site_types.toml")["site_type"]
        unknown = sorted({t for t in self.types.values() if t not in known})
        listed = f"use one of {', '.join(known)}"
        return [f"types: {name!r} is no type of site: {listed}" for name in unknown]

    def _name_faults(self) -> list[str]:
        """Find names that the table does not know: what they are given would go unread."""
        table = TABLES.get(self.table)
        if table is None or table.extra:
            return []
        brought = _entry("layout", self.layout).get("columns", {}) if self.layout else {}
        known = {*of_vintage(table, self.vintage).columns, *brought, "code", *(("x", "y") if table.geometry else ())}
        wrong = []
        for setting, given in (("columns", self.columns), ("values", self.values)):
            for name in sorted(set(given) - known):
                near = get_close_matches(name, known, n=1)
                meant = f": did you mean {near[0]!r}?" if near else f", which has {', '.join(table.columns)}"
                wrong.append(f"{setting}.{name} is no column of table {self.table!r}{meant}")
        return wrong

    def _sum_faults(self) -> list[str]:
        wrong = []
        for name, headings in self.columns.items():
            if isinstance(headings, list) and self.table in TABLES:
                if kind_of(of_vintage(TABLES[self.table], self.vintage), name) != "number":
                    wrong.append(f"columns.{name} is a list of headings to add up, and holds no numbers: give one")
                if not headings or len(set(headings)) < len(headings):
                    wrong.append(f"columns.{name} is an empty list, or names a heading twice")
        return wrong
