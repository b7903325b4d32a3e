"""Say whence an assessment's files come: the area, what was read, under which licences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
from pydantic import Field

from needs import __version__
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

_FILE = "licences.toml"
SOURCE_COLUMNS = ("title", "publisher", "licence", "date", "url", "path", "sha256", "caveat")


class Licence(Strict):
    """A licence under which inputs come, and the line that it asks for."""

    id: str
    title: str
    url: str
    statement: str = ""


class _Licences(Strict):
    licences: list[Licence] = Field(alias="licence")


@cache
def licences() -> dict[str, Licence]:
    """Read the catalogue's licences, by id."""
    return {entry.id: entry for entry in checked(_Licences, load(CATALOGUE / _FILE), file=_FILE).licences}


@dataclass(frozen=True)
class Origin:
    """What every exported file says of itself; no date of the build, so that the same inputs give the same bytes.

    Attributes
    ----------
    area, slug, codes
        The council's name, its name in file names, its district codes.
    synthetic
        Whether the place is made up.
    sources
        Inputs: title, publisher, licence, date, url, path, sha256 ("not published" where an input has a disclosure
        rule), caveat.
    warning
        What must be known before any figure is used, or None.
    """

    area: str
    slug: str
    codes: Sequence[str]
    synthetic: bool
    sources: Sequence[dict[str, Any]]
    warning: str | None = None

    @property
    def title(self) -> str:
        """Name the assessment, and say so where the place is made up."""
        return f"{self.area}: needs assessment for family hubs" + (" (synthetic data)" if self.synthetic else "")

    @property
    def made_by(self) -> str:
        """Name the toolkit and its version."""
        return f"needs {__version__}"

    @property
    def licences(self) -> list[str]:
        """Licences of the inputs, in the order of the catalogue; others after them."""
        mine = {str(s["licence"]) for s in self.sources}
        return [*(i for i in licences() if i in mine), *sorted(mine - set(licences()))]

    def attribution(self) -> list[str]:
        """Give the lines that whoever passes the files on must pass on with them."""
        known = licences()
        asked = [known[i].statement for i in self.licences if i in known and known[i].statement]
        asked += dict.fromkeys(str(s["attribution"]) for s in self.sources if s.get("attribution"))
        read = [f"{s['title']}: {s['publisher']}, {s['date']}, {s['licence']}." for s in self.sources]
        notes = ["Synthetic data: no real place, person or service."] if self.synthetic else []
        return [*notes, *([self.warning] if self.warning else []), *asked, *read]

    def table(self) -> pd.DataFrame:
        """Give the inputs as a table of texts."""
        rows = [{c: "" if s.get(c) is None else str(s[c]) for c in SOURCE_COLUMNS} for s in self.sources]
        return pd.DataFrame(rows, columns=list(SOURCE_COLUMNS))

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "title": self.title,
            "area": {"name": self.area, "codes": list(self.codes), "synthetic": self.synthetic},
            "made_by": self.made_by,
            "attribution": self.attribution(),
            "inputs": self.table().to_dict("records"),
        }
