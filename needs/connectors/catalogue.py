"""Say where each raw file comes from: publisher, addresses, licence, vintage, layout, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from needs.assessment.inputs import SOURCES_FILE, source_fields
from needs.errors import SettingsError, fail
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

Kind = Literal["file", "arcgis", "nomis", "geofabrik", "by_hand"]
ARCGIS = "https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services"  # Open Geography portal


class Codes(Strict):
    """Which rows of a service are asked for: those whose `field` is a code in column `column` of another source."""

    field: str
    source: str
    column: str


class Source(Strict):
    """Where a raw file comes from.

    Attributes
    ----------
    kind
        "file": downloaded as it is. "arcgis": a layer of the Open Geography portal, page by page. "nomis": a table of
        Nomis, 25,000 cells at a time. "geofabrik": OpenStreetMap's extracts around the area, put together. "by_hand":
        a person fetches it.
    path
        Where it goes in the folder of raw files; `{slug}` makes it an area's own, others serve every area.
    urls
        Addresses, the fallbacks after the first; `{region}`, `{date}` (today, then the days before) and `{upper}`
        (codes of the area's upper-tier councils) are filled in.
    page
        Where a person finds it.
    fields, geometry, codes
        Of a layer: the fields that are asked for, whether with shapes (EPSG:27700), and of which codes.
    params
        Of Nomis: its parameters.
    bytes
        About how large it is.
    rows
        Least and most rows that are plausible.
    sha256
        Where the publisher never changes the file under this address.
    rhythm
        How often there is a new one.
    purpose
        What it is for.
    proof
        How what stands here is known.
    licence, attribution
        Its licence, and the line that the publisher asks for where that is not the licence's own.
    input
        What an [[input]] takes over from it besides.
    """

    title: str
    publisher: str
    licence: str
    date: str
    kind: Kind = "file"
    path: str = Field(pattern=r"^[A-Za-z0-9_{}][A-Za-z0-9_{}./-]*$")
    page: str = Field(pattern=r"^https://")
    urls: list[str] = []
    vintage: str | None = None
    layout: str | None = None
    attribution: str | None = None
    fields: list[str] = []
    geometry: bool = False
    codes: Codes | None = None
    params: dict[str, str] = {}
    bytes: int | None = Field(default=None, gt=0)
    rows: tuple[int, int] | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    rhythm: str = Field(min_length=3)
    purpose: str = Field(min_length=5)
    proof: str = Field(min_length=20)
    caveat: str | None = None
    input: dict[str, Any] = {}

    @model_validator(mode="after")
    def _can_be_asked(self) -> Source:
        wrong = []
        if (self.kind == "by_hand") != (not self.urls):
            wrong.append("urls are for all kinds but by_hand")
        wrong += [f"{url} is not https" for url in self.urls if not url.startswith("https://")]
        if ".." in self.path:
            wrong.append(f"path {self.path!r} leads out of the folder")
        if self.kind == "arcgis" and not self.fields:
            wrong.append("a layer needs fields")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def of_area(self) -> bool:
        """Whether each area has its own file."""
        return "{slug}" in self.path


class _Catalogue(Strict):
    regions: dict[str, str]
    source: dict[str, Source]


@cache
def sources() -> Mapping[str, Source]:
    """Read the sources of the catalogue.

    Raises
    ------
    SettingsError
        With every fault of the catalogue's file.
    """
    content = load(CATALOGUE / SOURCES_FILE)
    raw = content["source"]
    own = set(Source.model_fields)
    whole = {n: {**{k: v for k, v in source_fields(entry).items() if k in own}, **entry} for n, entry in raw.items()}
    found = checked(_Catalogue, {**content, "source": whole}, file=SOURCES_FILE).source
    for name, entry in found.items():
        if entry.codes and entry.codes.source not in found:
            fail(SettingsError, f"{SOURCES_FILE}, {name}", f"no source {entry.codes.source!r}", "name one that is")
    return found
