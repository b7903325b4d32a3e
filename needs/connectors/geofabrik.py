"""Choose the extracts of OpenStreetMap, as Geofabrik cuts them, that cover a council and a margin around it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

from needs.errors import InputError, SourceError, fail
from needs.settings import CRS, CRS_WEB

COUNTRIES = ("england", "wales", "scotland")  # as the index names them: streets go on across the border
_SLIVER_M = 100.0  # a strip narrower than this needs no extract: borders drawn twice do not meet exactly
_STEP_DEG = 0.02  # long straight borders are bent like this when they are brought to metres
_FIX = "download https://download.geofabrik.de/index-v1.json again, and not the index without geometries"


@dataclass(frozen=True, order=True)
class Extract:
    """One file that Geofabrik offers.

    Attributes
    ----------
    id, name
        As the index has them: "rutland", "Rutland".
    url
        Of the .osm.pbf.
    """

    id: str
    name: str
    url: str


def extracts_for(index: Path | Mapping[str, Any], outline: shapely.Geometry, margin_m: float) -> list[Extract]:
    """Choose the fewest extracts that together cover an outline and a margin around it.

    The smallest pieces are taken into which the index divides England, Wales and Scotland, be they counties or regions.
    The sea belongs to none of them, and what belongs to none needs none.

    Parameters
    ----------
    index
        Geofabrik's index-v1.json, or its content: GeoJSON in degrees, one feature for each extract, with the properties
        id, parent, name and urls.
    outline
        Of the council, EPSG:27700.
    margin_m
        How far around it, metres.

    Returns
    -------
    list of Extract
        Sorted by id. Of several sets of the fewest, the first by id.

    Raises
    ------
    SourceError
        If there is no such file.
    InputError
        If the index is another file, or none of its extracts reaches the outline.
    """
    if np.abs(outline.bounds).max() <= 360.0:
        fail(InputError, "the outline", "is in degrees", f"give it in {CRS}")
    area = shapely.buffer(outline, margin_m)
    parts: dict[Extract, shapely.Geometry] = {}
    for extract, shape in _leaves(index):
        part = shapely.intersection(shape, area)
        if _matters(part):
            parts[extract] = part
    if not any(shapely.intersects(part, outline) for part in parts.values()):
        what = "lies in no extract that Geofabrik offers of England, Wales or Scotland"
        fail(InputError, "the outline", what, f"give the outline of an English council, in {CRS}")
    return _fewest(parts)


def _fewest(parts: dict[Extract, shapely.Geometry]) -> list[Extract]:
    """Find the fewest whose parts leave nothing out that the others have."""

    def missed(chosen: set[Extract]) -> bool:
        have = shapely.union_all([parts[e] for e in chosen])
        rest = shapely.union_all([parts[e] for e in every if e not in chosen])
        return _matters(shapely.difference(rest, have))

    every = sorted(parts)
    needed = {e for e in every if missed({*every} - {e})}
    spare = [e for e in every if e not in needed]
    sets = (needed | {*some} for count in range(len(spare) + 1) for some in combinations(spare, count))
    return sorted(next(chosen for chosen in sets if not missed(chosen)))


def _matters(shape: shapely.Geometry) -> bool:
    return not shapely.is_empty(shapely.buffer(shape, -_SLIVER_M / 2))


@cache
def _metres() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(CRS_WEB, CRS, always_xy=True)


def _leaves(index: Path | Mapping[str, Any]) -> Iterator[tuple[Extract, shapely.Geometry]]:
    """Give the extracts that are not divided further, with what they cover in EPSG:27700."""
    where = index.name if isinstance(index, Path) else "Geofabrik's index"
    found = _properties(index, where)
    parents = {name: str(said.get("parent")) for name, (said, _) in found.items()}
    if COUNTRIES[0] not in parents:
        fail(InputError, where, f"lists no {COUNTRIES[0]!r}", _FIX)
    divided = set(parents.values())
    for name in sorted(found):
        if name in divided or not _within(name, parents):
            continue
        said, geometry = found[name]
        try:
            extract = Extract(name, str(said["name"]), str(said["urls"]["pbf"]))
            shape = shapely.segmentize(shapely.make_valid(shapely.geometry.shape(geometry)), _STEP_DEG)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, shapely.GEOSException) as error:
            fail(InputError, f"{where}, {name!r}", f"has no name, address or outline ({error!r})", _FIX)
        bent = shapely.transform(shape, lambda xy: np.column_stack(_metres().transform(xy[:, 0], xy[:, 1])))
        yield extract, shapely.make_valid(bent)


def _properties(index: Path | Mapping[str, Any], where: str) -> dict[str, tuple[Mapping[str, Any], Any]]:
    """Read what the index says of each extract, and its geometry, by id."""
    content: Any = index
    if isinstance(index, Path):
        if not index.is_file():
            fail(SourceError, where, "there is no such index", _FIX)
        try:
            content = json.loads(index.read_bytes())
        except ValueError as error:
            fail(InputError, where, f"is no JSON: {error}", _FIX)
    try:
        features = [(f["properties"], f.get("geometry")) for f in content["features"]]
        return {str(said["id"]): (said, geometry) for said, geometry in features}
    except (KeyError, TypeError, AttributeError) as error:
        fail(InputError, where, f"is not an index of extracts, or of another shape ({error!r})", _FIX)


def _within(name: str, parents: Mapping[str, str]) -> bool:
    """Say whether an extract is one of the countries or a part of one."""
    seen: set[str] = set()
    here = name
    while here in parents and here not in seen:
        if here in COUNTRIES:
            return True
        seen.add(here)
        here = parents[here]
    return False
