"""Say what is asked of a publisher for one area, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from needs.assessment import Area
from needs.assessment.inputs import filled
from needs.connectors.catalogue import Source, sources
from needs.connectors.client import Client
from needs.errors import Fault, SourceError, fail
from needs.settings import CRS


class ChangedError(SourceError):
    """A service's answer is not laid out as the catalogue says."""


@dataclass(frozen=True)
class Got:
    """What a connector brought, for the twin.

    Attributes
    ----------
    url
        The address that gave it.
    asked
        What was asked there.
    etag, last_modified, edited
        Marks of its version.
    made_of
        Addresses of the files that it was put together from.
    """

    url: str
    asked: str = ""
    etag: str = ""
    last_modified: str = ""
    edited: str = ""
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ask:
    """One source asked for one area.

    Attributes
    ----------
    name
        The source's id in the catalogue.
    source
        What the catalogue says of it.
    area
        Whose assessment it is for; codes of districts.
    raw
        Folder of the raw files.
    client
        Who asks.
    """

    name: str
    source: Source
    area: Area
    raw: Path
    client: Client

    @property
    def path(self) -> Path:
        """Where the file goes."""
        return self.raw / filled(self.source.path, slug=self.area.slug, codes=self.area.codes)

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return f"{self.source.title} ({self.source.publisher})"

    def of(self, name: str) -> Ask:
        """Ask another source for the same area."""
        return Ask(name, sources()[name], self.area, self.raw, self.client)

    @cached_property
    def codes(self) -> list[str]:
        """Codes that the source is asked for: of the area's zones, or of what lies in them, in order."""
        wanted = self.source.codes
        if wanted is None:
            return []
        first = self._there(wanted.source)
        frame = _read(first.path)
        column = _column(frame, wanted.column, first)
        frame = frame.dropna(subset=column)
        if first.source.of_area:
            return sorted(set(frame[column]))
        district = next((c for c in frame.columns if c.upper().startswith("LAD") and c.upper().endswith("CD")), None)
        if district is None:
            fail(SourceError, first.source.path, "has no column of districts (LAD..CD)", "fetch it anew")
        without = sorted(set(self.area.codes) - set(frame[district]))
        if without:
            fail(
                SourceError,
                first.source.path,
                f"has no zone of {', '.join(without)}",
                "check the codes: districts of the year that its column says",
            )
        return sorted(set(frame.loc[frame[district].isin(self.area.codes), column]))

    @cached_property
    def outline(self) -> shapely.Geometry:
        """Outline of the area, EPSG:27700, from its zones."""
        zones = _shapes(self._there("ons_lsoa21_boundaries").path).to_crs(CRS)
        return shapely.union_all(zones.geometry.to_numpy())

    def _there(self, name: str) -> Ask:
        """Give another source whose file this one needs."""
        other = self.of(name)
        if not other.path.is_file():
            raise self.fault(f"needs {other.label}, which is not there", "see to that first, then run it again")
        return other

    def fault(self, what: str, fix: str = "") -> SourceError:
        """Name what is wrong with this source, and the way round it."""
        return SourceError([Fault(self.label, what, fix or by_hand(self.source, self.path))])

    def changed(self, what: str) -> ChangedError:
        """Say that the answer is not laid out as the catalogue says, and which line of it that is."""
        fix = f"correct [source.{self.name}] in the catalogue's sources.toml; or {by_hand(self.source, self.path)}"
        return ChangedError([Fault(self.label, what, fix)])


def by_hand(source: Source, path: Path) -> str:
    """Say how a person puts a file there."""
    return f"fetch it by hand from {source.page} and save it as {path}"


def _read(path: Path) -> pd.DataFrame:
    if path.suffix != ".csv":
        return pd.DataFrame(_shapes(path, ignore_geometry=True))
    try:
        return pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        fail(SourceError, str(path), f"cannot be read: {error}", "delete it, so that it is fetched anew")


def _shapes(path: Path, **how: Any) -> Any:
    try:
        return gpd.read_file(path, **how)
    except (OSError, ValueError, RuntimeError) as error:
        fail(SourceError, str(path), f"cannot be read: {error}", "delete it, so that it is fetched anew")


def _column(frame: pd.DataFrame, name: str, ask: Ask) -> str:
    found = next((c for c in frame.columns if c.upper() == name.upper()), None)
    if found is None:
        fail(SourceError, ask.source.path, f"has no column {name!r}", "delete it, so that it is fetched anew")
    return str(found)
