"""Do the work of each stage: tables in, tables out, nothing read but raw files and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import pandas as pd

from needs import (
    areas,
    catchments,
    indicators,
    isochrones,
    scenarios,
    sites,
    streets,
    transit,
    travel,
)
from needs import index as need_index
from needs.assessment import Assessment, PlanSettings
from needs.errors import Faults, NeedsError
from needs.siting import plan as siting
from needs.siting import robustness
from needs.sources import files
from needs.streets import Graph, Way

T = TypeVar("T")

DEMAND_LABELS = {"births": "births a year", "children_0_4": "children aged 0 to 4"}
BUS_WALK_M = 400.0  # how far a stop may be for its buses to count, straight line


@dataclass(frozen=True)
class Data:
    """Checked tables of one area."""

    zones: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    graphs: dict[str, Graph]
    reference: pd.DataFrame
    snapping: pd.DataFrame
    notes: list[str]

    @property
    def summary(self) -> str:
        """Say in a line what was read."""
        existing = int((self.sites["today"] != "none").sum())
        return (
            f"{len(self.zones)} zones, {len(self.points):,} points, {existing} existing and "
            f"{len(self.sites) - existing} candidate sites, "
            + ", ".join(f"{len(g.x):,} {m} nodes" for m, g in self.graphs.items())
        )


@dataclass(frozen=True)
class Need:
    """Need of each zone, and what it is made of."""

    zones: pd.DataFrame
    contributions: pd.DataFrame
    weights: pd.DataFrame
    correlations: pd.DataFrame

    @property
    def summary(self) -> str:
        """Say in a line what was found."""
        worst = int((self.zones["fifth_england"] == 1).sum())
        return f"{worst} of {len(self.zones)} zones in the fifth of England with the highest need"


@dataclass(frozen=True)
class Travel:
    """Minutes by mode, from points and zones to sites, and by car from site to site."""

    minutes: dict[str, pd.DataFrame]
    zones: pd.DataFrame
    between_sites: pd.DataFrame

    @property
    def summary(self) -> str:
        """Say in a line what was measured."""
        return ", ".join(
            f"{m}: {int(t.notna().to_numpy().sum()):,} of {t.size:,} journeys within reach"
            for m, t in self.minutes.items()
        )


@dataclass(frozen=True)
class Planned:
    """Today, the plan, and how they differ."""

    zones: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    groups: pd.DataFrame
    totals: dict[str, Any]
    proof: dict[str, Any]
    reach: gpd.GeoDataFrame
    standards: pd.DataFrame
    alternatives: list[str]
    finding: str
    answer: str

    @property
    def summary(self) -> str:
        """Say in a line what is recommended."""
        return self.finding


@dataclass(frozen=True)
class Page:
    """The page of one area."""

    html: str = field(repr=False)

    @property
    def summary(self) -> str:
        """Say in a line how large it is."""
        return f"{len(self.html.encode()) / 1e6:.2f} MB, no network needed"


def data(settings: Assessment, raw: dict[str, Path]) -> Data:
    """Read every input and check it, one against the other.

    Raises
    ------
    InputError
        With every fault of every input.
    """
    faults = Faults()
    tables = {
        i.id: files.read_table(i, raw[i.id], faults) for i in settings.inputs if i.table not in {"streets", "timetable"}
    }
    graphs = _graphs(settings, raw, faults)
    spec = indicators.read_spec(settings.need.index)
    faults.raise_if_any()
    have = {name: table for name, table in tables.items() if table is not None}

    def one(name: str) -> Any:
        return next((have[i.id] for i in settings.of(name)), None)

    zones = areas.select_zones(one("zones"), settings.area.codes, where=_where(settings, "zones"), faults=faults)
    zones = areas.attach(
        zones,
        rural_urban=one("rural_urban"),
        demand=one("demand"),
        cars=one("cars"),
        settings=settings.demand,
        faults=faults,
    )
    known = set(one("zones")["lsoa21cd"]) | set(one("rural_urban")["lsoa21cd"])
    points = areas.place_families(one("points"), zones, known, where=_where(settings, "points"), faults=faults)
    found, notes = sites.gather({i.id: have[i.id] for i in settings.of("sites")}, faults)
    values = {i.id: have[i.id] for i in settings.of("indicators")}
    reference = _attempt(lambda: indicators.indicator_values(values, spec), faults, otherwise=pd.DataFrame())
    for code in sorted(set(zones["lsoa21cd"]) - set(reference.index)) if len(reference) else []:
        faults.add("table 'indicators'", f"has no row for zone {code}", "add it, or correct the zone's code")
    faults.raise_if_any()
    found, snapping, more = travel.check_reach(points, found, graphs, faults)
    faults.raise_if_any()
    zones = _with_buses(settings, raw, zones, points)
    return Data(zones, points, found, graphs, reference, snapping, [*notes, *more])


def need(settings: Assessment, ground: Data) -> Need:
    """Fit the index on the reference and apply it to the area."""
    index = need_index.NeedIndex.from_toml(settings.need.index).fit(ground.reference)
    mine = ground.reference.loc[ground.zones["lsoa21cd"]]
    return Need(index.assess(mine), index.contributions(mine), index.effective_weights(), index.correlations())


def measure(settings: Assessment, ground: Data) -> Travel:
    """Measure minutes by every mode."""
    minutes = {m: travel.minutes(ground.points, ground.sites, ground.graphs[m]) for m in settings.travel.modes}
    zones = pd.concat([travel.by_zone(t, ground.points, mode=m) for m, t in minutes.items()], ignore_index=True)
    by_car = ground.graphs.get("drive") or next(iter(ground.graphs.values()))
    return Travel(minutes, zones, travel.site_minutes(ground.sites, by_car))


def plan(settings: Assessment, ground: Data, needs: Need, times: Travel) -> Planned:
    """Choose hubs and outreach, test the choice, and set it against today."""
    label = DEMAND_LABELS[settings.demand.count]
    rules = catchments.standards(settings.standards)
    base = _demand_and_cover(ground, needs, times.minutes, rules, settings.plan, settings.demand.count)
    chosen = siting.recommend(
        base.families,
        ground.sites,
        base.hub,
        base.outreach,
        times.between_sites,
        settings.plan,
        minutes=catchments.quickest(times.minutes, base.families),
        demand_label=label,
    )
    alternatives = _alternatives(settings, ground, needs, times, rules)
    chosen = robustness.with_robustness(chosen, ground.sites, times.between_sites, alternatives)
    beta = settings.plan.outreach_value
    today = siting.today_offers(ground.sites)
    offers = chosen.offers
    before = siting.evaluate(base.families, base.hub, base.outreach, today, beta)
    after = siting.evaluate(base.families, base.hub, base.outreach, offers, beta)
    change = scenarios.compare(*(scenarios.by_zone(o, base.families) for o in (before, after)))
    zones = with_need(ground, needs).merge(change.reset_index(), on="lsoa21cd", validate="one_to_one")
    zones = _with_nearest(zones, times.minutes, ground.points, {"today": today, "plan": offers})
    recommended = _described(ground.sites, chosen)
    worst = zones[zones["need_fifth_england"] == 1]
    whole = {s: scenarios.totals(zones, s) for s in ("today", "plan")}
    finding, answer = scenarios.headline(
        settings.area.name,
        recommended[recommended["ours"]].sort_values("number"),
        whole["today"],
        whole["plan"],
        demand_label=label,
    )
    return Planned(
        zones=zones,
        sites=recommended,
        groups=_groups(base.families, before, after),
        totals={s: {**sums, "worst_fifth": scenarios.totals(worst, s)} for s, sums in whole.items()},
        proof=chosen.proof.as_dict(),
        reach=_reach(settings, ground, offers),
        standards=rules,
        alternatives=[a.label for a in alternatives],
        finding=finding,
        answer=answer,
    )


def _graphs(settings: Assessment, raw: dict[str, Path], faults: Faults) -> dict[str, Graph]:
    file = raw[settings.of("streets")[0].id]
    nothing: list[Way] = []
    ways = _attempt(lambda: streets.read_ways(file), faults, otherwise=nothing)
    graphs = {}
    for mode in settings.travel.modes if ways else []:
        try:
            graphs[mode] = streets.build(ways, mode)
        except NeedsError as error:
            faults.take(error)
    return graphs


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
    settings: Assessment, raw: dict[str, Path], zones: gpd.GeoDataFrame, points: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Count, for the families of each zone, the buses that leave near them on the day of the timetable."""
    given = settings.of("timetable")
    if not given or settings.travel.timetable_date is None:
        return zones
    stops = transit.departures(transit.read_feed(raw[given[0].id]), settings.travel.timetable_date)
    near = transit.departures_near(points, stops, walk_m=BUS_WALK_M).set_index("point_id")["bus_departures"]
    weighted = points["share"] * points["point_id"].map(near)
    return zones.assign(bus_departures=zones["lsoa21cd"].map(weighted.groupby(points["lsoa21cd"]).sum()))


@dataclass(frozen=True)
class _Inputs:
    """What siting needs: families with weights, and how far each site covers them as hub and as outreach."""

    families: pd.DataFrame
    hub: pd.DataFrame
    outreach: pd.DataFrame


def _demand_and_cover(
    ground: Data,
    needs: Need,
    minutes: dict[str, pd.DataFrame],
    rules: pd.DataFrame,
    settings: PlanSettings,
    count: str,
    no_car_pct: float | None = None,
) -> _Inputs:
    points = pd.DataFrame(ground.points.drop(columns="geometry"))
    zone = ground.zones.set_index("lsoa21cd")
    points["demand"] = points["share"] * points["lsoa21cd"].map(zone[count])
    if no_car_pct is not None:
        points["no_car_pct"] = points["no_car_pct"].clip(lower=no_car_pct)
    families = catchments.split_by_car(points)
    code = families["lsoa21cd"]
    multiplier = catchments.need_multiplier(code.map(needs.zones["percentile"]), settings.need_strength)
    families = families.assign(
        weight=families["demand"] * multiplier, fifth_england=code.map(needs.zones["fifth_england"])
    )
    return _Inputs(
        families,
        catchments.cover(minutes, families, rules, offer="hub"),
        catchments.cover(minutes, families, rules, offer="outreach"),
    )


def _alternatives(
    settings: Assessment, ground: Data, needs: Need, times: Travel, rules: pd.DataFrame
) -> list[robustness.Alternative]:
    """Other assumptions that a reasonable person might hold: the plan is made anew under each."""
    own, count = settings.plan, settings.demand.count
    other = "children_0_4" if count == "births" else "births"
    slow = {m: t * (1.25 if m == "drive" else 1.0) for m, t in times.minutes.items()}

    def scaled(factor: float) -> pd.DataFrame:
        return rules.assign(full_min=rules["full_min"] * factor, zero_min=rules["zero_min"] * factor)

    def changed(**change: float) -> PlanSettings:
        return own.model_copy(update=change)

    cases: list[tuple[str, PlanSettings, pd.DataFrame, dict[str, pd.DataFrame], str, float | None]] = [
        (
            "every family counts the same, whatever its zone's need",
            changed(need_strength=0.0),
            rules,
            times.minutes,
            count,
            None,
        ),
        ("need counts twice as much", changed(need_strength=2 * own.need_strength), rules, times.minutes, count, None),
        ("standards a quarter shorter", own, scaled(0.75), times.minutes, count, None),
        ("standards a quarter longer", own, scaled(1.25), times.minutes, count, None),
        ("driving takes a quarter longer", own, rules, slow, count, None),
        ("half of all families have no car in the daytime", own, rules, times.minutes, count, 50.0),
        ("a session is worth 0.4 of a hub", changed(outreach_value=0.4), rules, times.minutes, count, None),
        ("a session is worth 0.8 of a hub", changed(outreach_value=0.8), rules, times.minutes, count, None),
        (f"demand is {DEMAND_LABELS[other]}", own, rules, times.minutes, other, None),
    ]
    made = []
    for label, plan_settings, case_rules, minutes, case_count, no_car in cases:
        inputs = _demand_and_cover(ground, needs, minutes, case_rules, plan_settings, case_count, no_car)
        made.append(robustness.Alternative(label, inputs.families, inputs.hub, inputs.outreach, plan_settings))
    return made


def with_need(ground: Data, needs: Need) -> gpd.GeoDataFrame:
    """Join each zone's need, by code, in columns that begin with need_."""
    columns = needs.zones.add_prefix("need_").rename_axis("lsoa21cd").reset_index()
    return ground.zones.merge(columns, on="lsoa21cd", validate="one_to_one")


def _with_nearest(
    zones: gpd.GeoDataFrame, minutes: dict[str, pd.DataFrame], points: pd.DataFrame, offers: dict[str, dict[str, str]]
) -> gpd.GeoDataFrame:
    """Add minutes to the nearest hub by mode, today and with the plan."""
    result = zones
    for scenario, by_site in offers.items():
        hubs = sorted(s for s, offer in by_site.items() if offer == "hub")
        for mode, table in minutes.items():
            nearest = catchments.nearest_minutes(table, points, hubs)
            result = result.assign(**{f"hub_{mode}_min_{scenario}": result["lsoa21cd"].map(nearest)})
    return result


def _described(all_sites: gpd.GeoDataFrame, chosen: siting.Plan) -> gpd.GeoDataFrame:
    """Join the plan to the sites and number what is recommended: hubs first, then outreach, by families reached."""
    plan_columns = chosen.sites.drop(columns=[c for c in chosen.sites if c in all_sites and c != "site_id"])
    table = all_sites.merge(plan_columns, on="site_id", validate="one_to_one")
    ranked = table[(table["offer"] != "none") & table["ours"]].sort_values(
        ["offer", "families_reached", "site_id"], ascending=[True, False, True]
    )
    number = pd.Series(range(1, len(ranked) + 1), index=ranked.index, dtype="Int64")
    names = table.set_index("site_id")["name"]
    return table.assign(number=number.reindex(table.index), parent_name=table["parent_hub_id"].map(names)).sort_values(
        ["number", "site_id"], ignore_index=True
    )


def _groups(families: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    fifths = {1: "Fifth of England with the highest need", 2: "Second fifth", 3: "Third fifth", 4: "Fourth fifth"}
    labels: dict[str, dict[Any, str]] = {
        "fifth_england": fifths | {5: "Fifth of England with the lowest need"},
        "ruc21cd": areas.RURAL_URBAN_LABELS,
        "car": {True: "With a car", False: "Without a car"},
    }
    columns = [*scenarios.FAMILIES, "unmet"]
    change = scenarios.compare(*(o.set_index("point_id")[columns] for o in (before, after)))
    return scenarios.groups(families.join(change, on="point_id"), labels)


def _reach(settings: Assessment, ground: Data, offers: dict[str, str]) -> gpd.GeoDataFrame:
    """Outline the reach of the plan's hubs, and of its outreach, by mode."""
    frames = []
    for offer in ("hub", "outreach"):
        members = ground.sites[ground.sites["site_id"].map(offers) == offer]
        for mode in settings.travel.modes:
            shapes = isochrones.reach(members, ground.graphs[mode], bands_min=settings.travel.bands_min)
            frames.append(shapes.assign(offer=offer))
    return pd.concat(frames, ignore_index=True)[["offer", "mode", "minutes", "geometry"]]
