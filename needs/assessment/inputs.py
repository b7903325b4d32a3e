"""Say which raw file is what: one [[input]] of an assessment, with what its layout brings."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic import Field, model_validator

from needs.disclosure import Rule
from needs.schemas import CODES, TABLES, code_pattern, kind_of, of_vintage
from needs.settings import CATALOGUE, ZONE_VINTAGE
from needs.toml import Strict, load
from needs.vintages import mend

CARRIED = ("indicators", "demand", "cars", "digital", "deprived_children")  # may be of another vintage, given a lookup
_COUNTS = ("demand", "indicators", "deprived_children")  # may be protected
_UNCODED = ("streets", "timetable", "sites", "context", "boundaries", "postcodes")  # not joined by code of a zone
KINDS = (*TABLES, "streets", "timetable")


class Input(Strict):
    """Which raw file is what.

    Attributes
    ----------
    layout
        How the publisher ships the file, by its id in the catalogue's layouts.toml: it brings `columns`, `marks` and
        a reader, and `table`, `vintage`, `title`, `publisher`, `licence`, `date` and `url` where they are not given.
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
    vintage
        Which geography and year the codes are: "LSOA21" are the zones; "LSOA11", "WD24", "MSOA21" come with
        `columns.code` instead of `columns.lsoa21cd`. Of a lookup: which geography it leads from.
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
    layout: str | None = None
    columns: dict[str, str | list[str]] = {}
    values: dict[str, str | bool | float] = {}
    where: dict[str, list[str]] = {}
    marks: list[str] = []
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
    blank: tuple[float, float] | None = None
    disclosure: Rule | None = None
    name_suffix: str = ""
    drop_unnamed: bool = False
    title_case: bool = False
    national: bool = False
    types: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _of_layout(cls, given: object) -> object:
        name = given.get("layout") if isinstance(given, dict) else None
        if not isinstance(given, dict) or not isinstance(name, str):
            return given
        known = load(CATALOGUE / "layouts.toml")["layout"]
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f": did you mean {near[0]!r}?" if near else ""
            msg = f"layout {name!r} is not in the catalogue ({', '.join(known)}){meant}"
            raise ValueError(msg)
        layout = known[name]
        brought = ("table", "vintage", "publisher", "licence", "date", "url")
        return {**{k: layout[k] for k in brought if k in layout}, "title": layout["label"], **given}

    @model_validator(mode="after")
    def _known(self) -> Input:
        wrong = [*self._vintage_faults(), *self._sum_faults(), *self._count_faults(), *self._site_faults()]
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

    def _sum_faults(self) -> list[str]:
        wrong = []
        for name, headings in self.columns.items():
            if isinstance(headings, list) and self.table in TABLES:
                if kind_of(of_vintage(TABLES[self.table], self.vintage), name) != "number":
                    wrong.append(f"columns.{name} is a list of headings to add up, and holds no numbers: give one")
                if not headings or len(set(headings)) < len(headings):
                    wrong.append(f"columns.{name} is an empty list, or names a heading twice")
        return wrong
