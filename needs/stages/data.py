"""Read every input of an assessment and check it, one against the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import geopandas as gpd
import pandas as pd
import shapely

from needs import areas, indicators, rural, scenarios, sites, streets, transit, travel
from needs import councils as register
from needs.assessment import Assessment, Input
from needs.assessment.naming import naming_files
from needs.errors import Faults, NeedsError
from needs.indicators import Cells, IndexSpec
from needs.schemas import TABLES
from needs.settings import CRS
from needs.sources import files
from needs.streets import Graph, Ways
from needs.transit import Feed

T = TypeVar("T")

_SHOWN = {"boundaries": 0.01, "postcodes": 0.0}  # tables that are only drawn or searched: least share inside

BUS_WALK_M = 400.0  # how far a stop may be for its buses to count, straight line


@dataclass(frozen=True)
class Data:
    """Checked tables of one area, and the cells of the whole reference."""

    zones: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    rejected: pd.DataFrame
    networks: dict[str, travel.Network]
    spec: IndexSpec
    reference: Cells
    context: pd.DataFrame
    snapping: pd.DataFrame
    feed: Feed | None
    boundaries: gpd.GeoDataFrame
    postcodes: gpd.GeoDataFrame
    notes: list[str]

    @property
    def summary(self) -> str:
        """Say in a line what was read."""
        existing = int((self.sites["today"] != "none").sum())
        return (
            f"{len(self.zones)} zones, {len(self.points):,} points, {existing} existing and "
            f"{len(self.sites) - existing} candidate sites, "
            + ", ".join(
                f"{m}: {travel.ESTIMATE}" if isinstance(g, travel.StraightLines) else f"{len(g.x):,} {m} nodes"
                for m, g in self.networks.items()
            )
        )

    @property
    def estimated(self) -> bool:
        """Whether travel is estimated in straight lines."""
        return any(isinstance(network, travel.StraightLines) for network in self.networks.values())


@naming_files
def data(settings: Assessment, raw: dict[str, Path]) -> Data:
    """Read every input and check it, one against the other.

    Tables of another geography are carried to the zones, sensitive counts are protected, and only then is anything
    joined or computed.

    Raises
    ------
    InputError
        With every fault of every input.
    """
    faults = Faults()
    tables = {i.id: _read(i, raw[i.id], faults) for i in settings.inputs if i.table not in {"streets", "timetable"}}
    networks = _networks(settings, raw, faults)
    spec = indicators.read_spec(settings.need.index)
    have = {name: table for name, table in tables.items() if table is not None}
    read = [note for table in have.values() for note in table.attrs.pop("notes", [])]
    have = areas.completed(settings, have, faults)
    carried = areas.to_zones(settings, have, spec, faults)
    faults.raise_if_any()
    have = carried.tables

    def one(name: str) -> Any:
        return next((have[i.id] for i in settings.of(name)), None)

    councils = one("zones").set_index("lsoa21cd")["lad24cd"]
    classes = one("rural_urban").set_index("lsoa21cd")["ruc21cd"]
    safe = areas.protect_inputs(
        settings, have, spec, councils=councils, classes=classes, faults=faults, bounds=carried.bounds
    )
    safe = areas.filled(settings, safe, councils)
    have = safe.tables
    zones = areas.select_zones(one("zones"), settings.area.codes, where=_where(settings, "zones"), faults=faults)
    feed, usual = _feed(settings, raw, zones, faults)
    first = next(iter(networks.values()), None)
    if isinstance(first, Graph) and len(zones):
        graph, box = first, tuple(zones.total_bounds)
        _attempt(
            lambda: streets.check_place(graph, where=_where(settings, "streets"), bounds=box), faults, otherwise=None
        )
    zones = areas.attach(
        zones,
        rural_urban=one("rural_urban"),
        demand=[have[i.id] for i in settings.of("demand")],
        cars=one("cars"),
        digital=one("digital"),
        settings=settings.demand,
        faults=faults,
    )
    zones = zones.assign(count_hidden=zones["lsoa21cd"].isin(safe.hidden))
    zones = _with_deprived_children(settings, zones, one("deprived_children"), safe.bounds, faults)
    zones = _with_idaci_decile(zones, [have[i.id] for i in settings.of("indicators")], faults)
    homes = "planned_homes" in zones and settings.demand.growth is None
    read += ["Planned homes are given and not counted: there is no [demand.growth]."] if homes else []
    known = set(councils.index) | set(classes.index)
    points = areas.place_families(one("points"), zones, known, where=_where(settings, "points"), faults=faults)
    known_codes = sites.Gazetteer.of(one("postcodes"), next((i.title for i in settings.of("postcodes")), ""))
    gathered = sites.gather(
        settings.of("sites"),
        have,
        faults,
        council=sites.Surroundings.of(zones, settings.area.margin_km),
        gazetteer=known_codes,
    )
    reference = _reference(settings, safe, spec, zones, classes, carried.columns, faults)
    faults.raise_if_any()
    cells = cast("Cells", reference)  # where there is none, that was a fault
    found, snapping, more = travel.check_reach(points, gathered.sites, networks, faults)
    faults.raise_if_any()
    zones = _with_buses(settings, feed, zones, points)
    buses = [*usual, *(f"{feed.name}, {note}." for note in feed.notes)] if feed else []
    told = [*read, *gathered.notes, *more, *carried.notes, *safe.notes, *cells.notes, *buses]
    lines, codes = (_shown(settings, have, zones, table, share) for table, share in _SHOWN.items())
    about = _context(settings, have)
    rejected = gathered.rejected
    return Data(zones, points, found, rejected, networks, spec, cells, about, snapping, feed, lines, codes, told)


def _read(given: Input, path: Path, faults: Faults) -> pd.DataFrame | None:
    """Read a table; one that is at fault goes no further, so that nothing is computed of it."""
    own = Faults()
    table = files.read_table(given, path, own)
    faults.found += own.found
    return None if own.found else table


def _reference(
    settings: Assessment,
    safe: areas.ProtectedInputs,
    spec: IndexSpec,
    zones: gpd.GeoDataFrame,
    classes: pd.Series[str],
    carried: dict[str, str],
    faults: Faults,
) -> Cells | None:
    """Bring the indicators of the whole reference together: of England, or of the area where the index says so."""
    have = safe.tables
    tables = {i.id: have[i.id] for i in settings.of("indicators")}
    bounds = {c: ends for name in tables for c, ends in safe.bounds.get(name, {}).items()}
    if spec.index.reference == "area":
        mine = set(zones["lsoa21cd"])
        tables = {name: t[t["lsoa21cd"].isin(mine)] for name, t in tables.items()}
    councils: dict[str, str] = {}
    for given in settings.of("indicators"):
        if "lad24cd" in have[given.id]:
            councils.update(zip(have[given.id]["lsoa21cd"], have[given.id]["lad24cd"], strict=True))
    councils.update(zip(zones["lsoa21cd"], zones["lad24cd"], strict=True))
    groups = pd.DataFrame({"class": classes})
    if any("council" in rule for i in spec.indicators for rule in (i.smoothing, i.missing)):
        groups["council"] = groups.index.map(councils)
    cells = _attempt(
        lambda: indicators.indicator_values(tables, spec, groups=groups, carried=frozenset(carried), bounds=bounds),
        faults,
        otherwise=None,
    )
    if cells is None:
        return None
    for code in sorted(set(zones["lsoa21cd"]) - set(cells.values.index)):
        faults.add("table 'indicators'", f"has no row for zone {code}", "add it, or correct the zone's code")
    return cells


def _with_deprived_children(
    settings: Assessment,
    zones: gpd.GeoDataFrame,
    table: pd.DataFrame | None,
    bounds: areas.Bounds,
    faults: Faults,
) -> gpd.GeoDataFrame:
    """Join the children in need of each zone, with bounds where a count is blank or under disclosure control."""
    if table is None:
        return zones
    given = settings.of("deprived_children")[0]
    where = _where(settings, "deprived_children")
    counts = table.set_index("lsoa21cd")["deprived_children"].reindex(zones["lsoa21cd"])
    absent = sorted(set(zones["lsoa21cd"]) - set(table["lsoa21cd"]))
    faults.add_each(where, [("", f"has no row for zone {code}") for code in absent], "add it; blank where few")
    none = pd.DataFrame({"low": [], "high": []}, dtype=float)
    ends = bounds.get(given.id, {}).get("deprived_children", none).reindex(counts.index)
    unknown = counts.isna() & ends["low"].isna()
    if unknown.any() and not absent:
        fix = "say what a blank hides, such as blank = [0, 9]"
        faults.add(where, f"the count of {int(unknown.sum())} zones is blank", fix)
    bounded = rural.with_bounds(counts, low=ends["low"], high=ends["high"], hidden=ends["low"].notna())
    bounded = bounded.add_prefix("deprived_").reset_index()
    return zones.merge(bounded, on="lsoa21cd", how="left")


def _with_idaci_decile(zones: gpd.GeoDataFrame, tables: list[pd.DataFrame], faults: Faults) -> gpd.GeoDataFrame:
    """Join each zone's published decile of deprived children, where a table of the whole of England has it."""
    none = pd.Series(dtype="Int64")
    decile = zones["lsoa21cd"].map(_attempt(lambda: scenarios.idaci_decile(tables), faults, otherwise=none))
    return zones.assign(idaci_decile=decile.astype("Int64")) if decile.notna().any() else zones


def _shown(
    settings: Assessment, have: dict[str, pd.DataFrame], zones: gpd.GeoDataFrame, table: str, least_share: float
) -> gpd.GeoDataFrame:
    """Put together what is only drawn or searched for, of the council; without an input, nothing."""
    given = [have[i.id] for i in settings.of(table)]
    if not given:
        return gpd.GeoDataFrame({c: [] for c in TABLES[table].columns}, geometry=[], crs=CRS)
    return areas.around(gpd.GeoDataFrame(pd.concat(given, ignore_index=True), crs=CRS), zones, least_share=least_share)


def _context(settings: Assessment, have: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the council-level tables together: the rows of the council, of the county of its districts, of England."""
    tables = [have[i.id] for i in settings.of("context")]
    if not tables:
        return pd.DataFrame(columns=["lad24cd", "indicator", "label", "period", "value"])
    both = pd.concat(tables, ignore_index=True)
    own = set(settings.area.codes)
    counties = {c.code for c in register.councils() if c.is_county and own & set(c.districts)}
    return both[both["lad24cd"].isin({*own, *counties, "E92000001"})].reset_index(drop=True)


def _networks(settings: Assessment, raw: dict[str, Path], faults: Faults) -> dict[str, travel.Network]:
    """Read the streets of every mode; straight lines stand in where none are given, and the settings allow it."""
    if not settings.of("streets"):
        if not settings.travel.straight_lines:
            fix = "fetch it, or set straight_lines = true under [travel] for an estimate that says so"
            faults.add_missing("table 'streets'", "there is no file of it", fix)
        return {mode: travel.StraightLines(mode) for mode in settings.travel.modes}
    file = raw[settings.of("streets")[0].id]
    nothing: Ways | None = None
    ways = _attempt(lambda: streets.read_ways(file), faults, otherwise=nothing)
    networks: dict[str, travel.Network] = {}
    if ways is None:
        return networks
    for mode in settings.travel.modes:
        try:
            networks[mode] = streets.build(ways, mode)
        except NeedsError as error:
            faults.take(error)
    return networks


def _feed(
    settings: Assessment, raw: dict[str, Path], zones: gpd.GeoDataFrame, faults: Faults
) -> tuple[Feed | None, list[str]]:
    """Read the timetable of the council and a margin, and see that it runs on the day that is asked for."""
    given, day = settings.of("timetable"), settings.travel.timetable_date
    if not given or day is None or zones.empty:  # without zones that is a fault already
        return None, []
    area = shapely.box(*zones.total_bounds).buffer(1000 * settings.area.margin_km)
    nothing: Feed | None = None
    feed = _attempt(lambda: transit.read_feed(raw[given[0].id], within=area), faults, otherwise=nothing)
    return feed, _attempt(lambda: transit.check_day(feed, day), faults, otherwise=[]) if feed else []


def _attempt(work: Callable[[], T], faults: Faults, *, otherwise: T) -> T:
    """Do something; where it fails note what is wrong, go on with a stand-in, and let the faults stop the build."""
    try:
        return work()
    except NeedsError as error:
        faults.take(error)
        return otherwise


def _where(settings: Assessment, table: str) -> str:
    found = settings.of(table)[0]
    return f"{found.path} (input '{found.id}')"


def _with_buses(
    settings: Assessment, feed: Feed | None, zones: gpd.GeoDataFrame, points: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Count, for the families of each zone, the buses that leave near them on the day of the timetable."""
    if feed is None or settings.travel.timetable_date is None:
        return zones
    stops = transit.departures(feed, settings.travel.timetable_date)
    near = transit.departures_near(points, stops, walk_m=BUS_WALK_M).set_index("point_id")["bus_departures"]
    weighted = points["share"] * points["point_id"].map(near)
    return zones.assign(bus_departures=zones["lsoa21cd"].map(weighted.groupby(points["lsoa21cd"]).sum()))
