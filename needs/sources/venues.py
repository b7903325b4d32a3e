"""Find venues in an OpenStreetMap extract by their tags, as the catalogue names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import geopandas as gpd
import osmium
import shapely
from pydantic import Field

from needs.assessment import Input
from needs.settings import CATALOGUE, CRS_WEB
from needs.sources import layouts
from needs.sources.layouts import Plan
from needs.sources.tabular import UnreadableError
from needs.toml import Strict, checked, load

FILE = "venues.toml"
ENDINGS = (".osm.pbf", ".osm")
COLUMNS = ("site_id", "name", "site_type", "postcode")  # ours; the headings of what is read are the same

Tags = Mapping[str, str]
Wanted = dict[str, str | list[str]]


class Venue(Strict):
    """A kind of venue, and the tags that it is known by."""

    id: str
    label: str = Field(min_length=3)
    site_type: str
    tags: tuple[Wanted, ...] = Field(min_length=1)
    without: Wanted = {}
    source: str = Field(min_length=20)


class _Catalogue(Strict):
    gone: tuple[str, ...]
    closed: Wanted
    venue: tuple[Venue, ...]

    def known_by(self) -> set[str]:
        """List the keys that a venue is known by."""
        return {key for venue in self.venue for group in venue.tags for key in group}


@cache
def _catalogue() -> _Catalogue:
    return checked(_Catalogue, load(CATALOGUE / FILE), file=FILE)


def venues() -> tuple[Venue, ...]:
    """Kinds of venue of the catalogue, in the order in which they are tried."""
    return _catalogue().venue


def holds(spec: Input) -> bool:
    """Whether an input is sites that stand in an OpenStreetMap extract."""
    return spec.table == "sites" and spec.path.lower().endswith(ENDINGS)


def plan(spec: Input) -> Plan:
    """Say how such an input is read: its columns need no mapping, though they may have one."""
    given = layouts.plan(spec)
    return replace(given, columns={**{name: (name,) for name in COLUMNS}, **given.columns})


def read(path: Path) -> gpd.GeoDataFrame:
    """Read the venues of an extract.

    Parameters
    ----------
    path
        `.osm.pbf` or `.osm`.

    Returns
    -------
    geopandas.GeoDataFrame
        site_id (osm-n, osm-w or osm-r and the number of the node, way or relation), name, venue, site_type, postcode,
        and a point in EPSG:4326: the node, or the centroid of the area. Sorted as in the file; the index counts from 1.

    Raises
    ------
    UnreadableError
        If the file cannot be read.
    """
    try:
        rows = list(_found(path))
    except (RuntimeError, OSError, ValueError) as error:
        raise UnreadableError(str(error), "give a whole .osm.pbf or .osm extract of OpenStreetMap") from None
    columns = ["site_id", "name", "venue", "site_type", "postcode"]
    made = gpd.GeoDataFrame([r[:-1] for r in rows], columns=columns, geometry=[r[-1] for r in rows], crs=CRS_WEB)
    made.index += 1
    return made


def _found(path: Path) -> Iterator[tuple[str, str, str, str, str | None, shapely.Point]]:
    keys = osmium.filter.KeyFilter(*sorted(_catalogue().known_by()))
    for item in osmium.FileProcessor(str(path)).with_areas(keys).with_filter(keys):
        if not isinstance(item, osmium.osm.Node | osmium.osm.Area):
            continue
        tags = {t.k: t.v for t in item.tags}
        kind = venue_of(tags)
        if kind is None:
            continue
        if isinstance(item, osmium.osm.Node):
            number, at = f"n{item.id}", shapely.Point(item.lon, item.lat)
        else:
            number, at = f"{'w' if item.from_way() else 'r'}{item.orig_id()}", _centroid(item)
        yield f"osm-{number}", tags["name"].strip(), kind.id, kind.site_type, tags.get("addr:postcode"), at


def _centroid(area: osmium.osm.Area) -> shapely.Point:
    """Give the centre of an area's outlines; holes are small beside them."""
    return shapely.MultiPolygon(
        [shapely.Polygon([(n.lon, n.lat) for n in ring]) for ring in area.outer_rings()]
    ).centroid


def venue_of(tags: Tags) -> Venue | None:
    """Say what kind of venue tags describe; None if none, or without a name, or closed to the public, or no more."""
    known = _catalogue()
    if not tags.get("name", "").strip() or any(_has(tags, k, v) for k, v in known.closed.items()):
        return None
    if any(tags.get(prefix, "no") != "no" for prefix in known.gone):
        return None
    past = {key for prefix in known.gone for key in known.known_by() if f"{prefix}:{key}" in tags}
    if past - set(tags):
        return None
    return next((v for v in known.venue if _fits(tags, v)), None)


def _fits(tags: Tags, venue: Venue) -> bool:
    return any(all(_has(tags, k, v) for k, v in group.items()) for group in venue.tags) and not any(
        _has(tags, k, v) for k, v in venue.without.items()
    )


def _has(tags: Tags, key: str, values: str | list[str]) -> bool:
    """Whether one of a tag's values, joined by semicolons, is one of those looked for."""
    own = {v.strip() for v in tags.get(key, "").split(";")}
    return not own.isdisjoint([values] if isinstance(values, str) else values)
