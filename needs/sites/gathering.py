"""Put the sites of every input together: typed, placed, cut to the council, one per building."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from needs.assessment import Input
from needs.errors import Faults
from needs.settings import CRS
from needs.sites.buildings import one_per_building
from needs.sites.geocoding import place
from needs.sites.national import cut
from needs.sites.postcodes import Gazetteer
from needs.sites.rejects import Reject, counted, reject_table
from needs.sites.surroundings import Surroundings
from needs.sites.types import GIVEN, typed, with_offers

_COLUMNS = [
    "site_id", "name", "site_type", "site_type_label", "today", "keep", "ours", "may_hub", "may_outreach", "source",
]  # fmt: skip


@dataclass(frozen=True)
class Gathered:
    """The sites of an assessment.

    Attributes
    ----------
    sites
        One per building, sorted by site_id, EPSG:27700: site_id, name, site_type, site_type_label, today, keep, ours,
        may_hub, may_outreach, source (id of its input), postcode, uprn and costs where given, also (names of other
        entries for the building), sources (ids of all inputs that it stands in).
    rejected
        Rows that have no place, and those that are another's building: source, row, name, postcode, reason, to_do,
        kept_as (site_id).
    notes
        What was left out, rejected and merged.
    """

    sites: gpd.GeoDataFrame
    rejected: pd.DataFrame
    notes: list[str]


def gather(
    inputs: Sequence[Input],
    tables: Mapping[str, gpd.GeoDataFrame],
    faults: Faults,
    *,
    council: Surroundings,
    gazetteer: Gazetteer,
) -> Gathered:
    """Put the site tables together and keep one site per building.

    Parameters
    ----------
    inputs
        Those of table `sites`.
    tables
        By input id, as `files.read_table` leaves them.
    faults
        Collector of what is wrong: unknown types, inputs of which no row has a place, identifiers used twice.
    council
        Where the council is, and how far beyond it others' sites count.
    gazetteer
        Where postcodes are.
    """
    frames, rejects, notes = [], [], []
    for given in inputs:
        own = Faults()
        found, refused, told = _from_input(given, tables[given.id], own, council=council, gazetteer=gazetteer)
        faults.found.extend(own.found)
        notes += [f"{given.title}: {note}" for note in told]
        if not own.found:
            frames.append(found)
            rejects += refused
    if not any(map(len, frames)):
        if len(frames) == len(inputs):
            fix = "see the notes of `needs check`, and correct area.codes or the inputs of table 'sites'"
            faults.add("table 'sites'", "no input has a site in the council or its margin", fix)
        return Gathered(gpd.GeoDataFrame(geometry=[], crs=CRS), reject_table(rejects), notes)
    sites = gpd.GeoDataFrame(pd.concat([f for f in frames if len(f)], ignore_index=True), crs=CRS)
    sites["site_id"] = _identifiers(sites)
    for site_id in sites.loc[sites["site_id"].duplicated(), "site_id"]:
        faults.add("table 'sites'", f"site_id {site_id!r} stands in more than one input", "give each site its own")
    kept, merged, more = one_per_building(sites)
    shown = kept[[*_COLUMNS, *(c for c in GIVEN if c in kept), "also", "sources", "geometry"]]
    return Gathered(shown, reject_table([*rejects, *merged]), [*notes, *more])


def _from_input(
    given: Input, table: gpd.GeoDataFrame, faults: Faults, *, council: Surroundings, gazetteer: Gazetteer
) -> tuple[gpd.GeoDataFrame, list[Reject], list[str]]:
    """Type, place and cut the sites of one input."""
    full, notes = typed(table, given, faults)
    if faults.found:
        return full, [], notes
    placed = place(full, given, gazetteer=gazetteer, council=council, faults=faults)
    notes += placed.notes
    if placed.rejects:
        notes.append(
            f"{len(placed.rejects):,} rows are no site, since they cannot be placed ({counted(placed.rejects)}); "
            "rejected_sites.csv lists them."
        )
    sites = placed.sites
    if given.national:
        sites, told = cut(sites, council, elsewhere=placed.elsewhere)
        notes += told
    elif "ours" not in sites:
        sites = sites.assign(ours=True)
    if "site_id" not in sites:
        sites = sites.assign(site_id=pd.Series([None] * len(sites), index=sites.index, dtype=object))
    sites = with_offers(sites).assign(national=given.national)
    columns = [*_COLUMNS, "row", "national", "by_postcode", *(c for c in GIVEN if c in sites), "geometry"]
    return sites[columns], placed.rejects, notes


def _identifiers(sites: gpd.GeoDataFrame) -> list[str]:
    """Keep given identifiers; make others from the input and the name, numbered where a name recurs."""
    by_place = sites.drop(columns="geometry").assign(x=sites.geometry.x, y=sites.geometry.y)
    first = ["source", "name", "x", "y"]
    order = by_place.sort_values([*first, *(c for c in by_place if c not in {*first, "row"})], kind="stable").index
    source, name = sites["source"].to_list(), sites["name"].to_list()
    made: list[str] = sites["site_id"].to_list()
    seen: dict[str, int] = {}
    for i in order:
        if isinstance(made[i], str) and made[i]:
            continue
        stem = f"{source[i]}-{re.sub(r'[^a-z0-9]+', '-', name[i].casefold()).strip('-')}"
        seen[stem] = seen.get(stem, 0) + 1
        made[i] = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
    return made
