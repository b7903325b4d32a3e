"""Gather existing and candidate sites: checked, typed, one per building."""

from __future__ import annotations

import re
from functools import cache

import geopandas as gpd
import pandas as pd
from shapely import STRtree

from needs.errors import Faults
from needs.schemas import SITE_COSTS
from needs.settings import CATALOGUE
from needs.toml import Strict, load

SAME_BUILDING_M = 60.0  # two sites nearer than this are taken for one building (postcodes place a site to about 50 m)


class SiteType(Strict):
    """What a building of one type may become."""

    label: str
    today: str
    may_be: tuple[str, ...]
    source: str


@cache
def site_types() -> dict[str, SiteType]:
    """Types of the catalogue, in the order in which they are preferred."""
    entries = load(CATALOGUE / "site_types.toml")["site_type"]
    return {name: SiteType.model_validate(entry) for name, entry in entries.items()}


def gather(tables: dict[str, gpd.GeoDataFrame], faults: Faults) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Put the site tables together and keep one site per building.

    Parameters
    ----------
    tables
        Table `sites` by input id, EPSG:27700.
    faults
        Collector of what is wrong: unknown types, identifiers used twice.

    Returns
    -------
    sites : geopandas.GeoDataFrame
        site_id, name, site_type, site_type_label, today, keep, ours, may_hub, may_outreach, source (input id),
        postcode and costs where given, also (names of other entries for the building), geometry; sorted by site_id.
    notes : list of str
        What was merged.
    """
    types = site_types()
    frames = []
    for source, table in tables.items():
        unknown = sorted(set(table["site_type"]) - set(types))
        for name in unknown:
            faults.add(f"input '{source}'", f"site type {name!r} is unknown", f"use one of {', '.join(types)}")
        if unknown:
            continue
        frames.append(_completed(table, source, types))
    if not frames:
        return gpd.GeoDataFrame(), []
    sites = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=frames[0].crs)
    sites["site_id"] = _identifiers(sites)
    for site_id in sites.loc[sites["site_id"].duplicated(), "site_id"]:
        faults.add("table 'sites'", f"site_id {site_id!r} stands in more than one input", "give each site its own")
    return _one_per_building(sites, list(types))


def _completed(table: gpd.GeoDataFrame, source: str, types: dict[str, SiteType]) -> gpd.GeoDataFrame:
    """Fill what the file leaves out from the type."""
    full = table.copy()
    full["source"] = source
    full["site_type_label"] = [types[t].label for t in full["site_type"]]
    if "today" not in full:
        full["today"] = [types[t].today for t in full["site_type"]]
    for flag, default in (("keep", False), ("ours", True)):
        if flag not in full:
            full[flag] = default
    for offer in ("hub", "outreach"):
        by_type = full["site_type"].map({t: offer in entry.may_be for t, entry in types.items()})
        full[f"may_{offer}"] = by_type.astype(bool) | (full["today"] == offer)
    if "site_id" not in full:
        full["site_id"] = pd.Series([None] * len(full), index=full.index, dtype=object)
    columns = [
        "site_id",
        "name",
        "site_type",
        "site_type_label",
        "today",
        "keep",
        "ours",
        "may_hub",
        "may_outreach",
        "source",
    ]
    return full[[*columns, *(c for c in ("postcode", *SITE_COSTS) if c in full), "geometry"]]


def _identifiers(sites: gpd.GeoDataFrame) -> list[str]:
    """Keep given identifiers; make others from the input and the name, numbered where a name recurs."""
    seen: dict[str, int] = {}
    order = (
        sites.assign(x=sites.geometry.x, y=sites.geometry.y)
        .sort_values(["source", "name", "x", "y"], kind="stable")
        .index
    )
    made: dict[int, str] = {}
    for i in order:
        given = sites.at[i, "site_id"]
        if isinstance(given, str) and given:
            continue
        slug = re.sub(r"[^a-z0-9]+", "-", str(sites.at[i, "name"]).casefold()).strip("-")
        stem = f"{sites.at[i, 'source']}-{slug}"
        seen[stem] = seen.get(stem, 0) + 1
        made[i] = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
    return [made.get(i) or str(sites.at[i, "site_id"]) for i in sites.index]


def _one_per_building(sites: gpd.GeoDataFrame, preference: list[str]) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Drop candidates that stand where an existing or a preferred site stands; existing sites are never dropped."""
    existing = sites["today"] != "none"
    rank = sites["site_type"].map({t: n for n, t in enumerate(preference)})
    order = sites.assign(existing=existing, rank=rank).sort_values(
        ["ours", "existing", "rank", "site_id"], ascending=[True, False, True, True], kind="stable"
    )
    near = STRtree(sites.geometry.to_numpy()).query(
        sites.geometry.to_numpy(), predicate="dwithin", distance=SAME_BUILDING_M
    )
    neighbours: dict[int, list[int]] = {}
    for a, b in near.T:
        neighbours.setdefault(int(a), []).append(int(b))
    kept: dict[int, list[str]] = {}
    notes = []
    for i in order.index:
        other = next((j for j in sorted(neighbours[i], key=lambda j: order.index.get_loc(j)) if j in kept), None)
        if other is None or existing[i]:
            kept[i] = []
        else:
            kept[other].append(str(sites.at[i, "name"]))
            notes.append(
                f"{sites.at[i, 'name']} ({sites.at[i, 'site_type_label']}) is taken to be the same building as "
                f"{sites.at[other, 'name']}: within {SAME_BUILDING_M:.0f} m of it"
            )
    result = sites.loc[sorted(kept)].assign(also=[", ".join(kept[i]) for i in sorted(kept)])
    return result.sort_values("site_id", ignore_index=True), sorted(notes)
