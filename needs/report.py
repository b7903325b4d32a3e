"""Turn finished results into an area's files, its page and the list of pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import pandas as pd

from needs import assessment, demand, exports, outputs, stages, travel
from needs.assessment import Assessment
from needs.charts import Chart
from needs.scenarios.display import chart as gains
from needs.scenarios.groupings import LABELS
from needs.sites import site_types
from needs.siting import frontier as curve
from needs.sources import files
from needs.stages import Data, Need, Planned, Study
from needs.webmap import basemap, index_page
from needs.webmap import page as webpage

Table = TypeVar("Table", bound=pd.DataFrame)

BETWEEN = "-and-"  # the names of two assessments, in the file name of the page that compares them


@dataclass(frozen=True)
class Page:
    """The page of one area."""

    html: str = field(repr=False)

    @property
    def summary(self) -> str:
        """Say in a line how large it is."""
        return f"{len(self.html.encode()) / 1e6:.2f} MB, no network needed"


def page(
    settings: Assessment,
    results: dict[str, Any],
    *,
    sources: list[dict[str, Any]],
    command: str,
    background: dict[str, Any] | None = None,
) -> Page:
    """Draw the page from finished tables.

    Parameters
    ----------
    settings, results
        Of the area; results by stage.
    sources
        As `sources` lists them.
    command
        How to build the page again.
    background
        As `basemap.read_basemap` gives it; None where there are no streets.
    """
    ground, needs, planned = results["data"], results["need"], results["plan"]
    modes = {m: travel.words()[m].label for m in results["travel"].minutes}
    content = webpage.PageData(
        name=settings.area.name,
        slug=settings.area.slug,
        synthetic=settings.area.synthetic,
        finding=planned.finding,
        answer=planned.answer,
        warning=caution(settings, ground),
        estimated=ground.estimated,
        demand_label=demand.kinds()[settings.demand.count].label,
        zones=planned.zones,
        modes=modes,
        contributions=needs.explanation.contributions,
        sites=planned.sites,
        reach=planned.reach,
        totals=planned.totals,
        groups=planned.groups,
        where=needs.where,
        inequality=planned.inequality,
        methods=needs.methods,
        varied=needs.varied,
        context=ground.context,
        proof=planned.proof,
        basemap=basemap.empty_basemap() if background is None else background,
        sources=sources,
        assumptions=_assumptions(settings, ground, planned, needs, modes),
        notes=_notes(results),
        command=command,
        others=planned.study.alternatives.sentences() if planned.study.alternatives else [],
        buys=[*filter(None, [planned.cost["told"]]), *planned.study.frontier.sentences()],
        sure=_sure(planned),
        lead=_lead(planned),
        frontier=_frontier(planned.study),
        charts=_charts(planned.study),
        postcodes=ground.postcodes,
        boundaries=ground.boundaries,
    )
    return Page(webpage.render(content))


def caution(settings: Assessment, ground: Data) -> str | None:
    """Say what must be known before any figure is used."""
    return " ".join(filter(None, [settings.area.warning, travel.CAUTION if ground.estimated else None])) or None


def background(streets: Path | None, zones: gpd.GeoDataFrame) -> dict[str, Any] | None:
    """Read the base map around zones where there are streets."""
    return None if streets is None else basemap.read_basemap(streets, tuple(zones.total_bounds))


def streets_of(settings: Assessment, raw: dict[str, Path]) -> Path | None:
    """Give the file of the streets, where there is one."""
    return next((raw[i.id] for i in settings.of("streets")), None)


def _lead(planned: Planned) -> list[str]:
    """Say what a headline must not hide: how families without a car fare, and how sure the plan is."""
    told = []
    cars = planned.groups[planned.groups["group"] == LABELS["car"][False]]
    for g in cars[cars["demand"] > 0].to_dict("records"):
        guess = " How many these are is an assumption." if (planned.zones["no_car_source"] == "default").any() else ""
        told.append(
            f"Of families without a car {g['hub_pct_plan']:.0f}% would have a hub within reach "
            f"(today {g['hub_pct_today']:.0f}%), and {g['virtual_pct_plan']:.0f}% only the online offer.{guess}"
        )
    return [*told, *(planned.study.robustness.sentences[:1] if planned.study.robustness else [])]


def _frontier(study: Study) -> pd.DataFrame:
    """Say of each row how much of what is allowed; rows without a plan have no figures."""
    table = study.frontier.table[study.frontier.table["status"] != "impossible"]
    words = [curve.words(limit, value) for limit, value in zip(table["limit"], table["value"], strict=True)]
    return table.drop(columns="offers").assign(limit=words)


def _charts(study: Study) -> dict[str, list[Chart]]:
    """Draw what the page shows beside its tables: the functions that notebooks use."""
    drawn = {
        "max_hubs": "Need met by the best plan for each number of hubs",
        "max_outreach": "Need met by the best plan for each number of outreach sites",
    }
    limits = set(study.frontier.table["limit"])
    compared = gains(study.comparison, "plan")
    return {
        "buys": [curve.chart(study.frontier, limit, title=title) for limit, title in drawn.items() if limit in limits],
        "sure": [study.robustness.chart()] if study.robustness else [],
        "groups": [compared] if compared else [],
    }


def sources(settings: Assessment, raw: dict[str, Path]) -> list[dict[str, Any]]:
    """Say of every file that is read what it is and whose; of files that are protected, no hash."""
    protected = protected_files(settings, raw)
    return [
        {
            **i.model_dump(include={"title", "publisher", "licence", "date", "url", "path", "caveat", "attribution"}),
            "sha256": "not published" if raw[i.id] in protected else files.sha256(raw[i.id]),
        }
        for i in settings.inputs
    ]


def protected_files(settings: Assessment, raw: dict[str, Path]) -> set[Path]:
    """List the raw files of which no plain hash may be published: an input that they serve has a disclosure rule."""
    resolved = {i.id: raw[i.id].resolve() for i in settings.inputs}
    sensitive = {resolved[i.id] for i in settings.inputs if i.disclosure}
    return {raw[i] for i, path in resolved.items() if path in sensitive}


def _notes(results: dict[str, Any]) -> list[str]:
    return [*results["data"].notes, *results["travel"].notes, *_street_notes(results["data"])]


def writers(settings: Assessment, results: dict[str, Any], raw: dict[str, Path]) -> dict[str, Callable[[Path], None]]:
    """Say which files the stages that have run leave, and how each is written."""
    made: dict[str, Callable[[Path], None]] = {}
    area = settings.area
    ground: Data = results["data"]
    origin = outputs.Origin(
        area.name, area.slug, area.codes, area.synthetic, sources(settings, raw), warning=caution(settings, ground)
    )
    zones: gpd.GeoDataFrame = ground.zones
    if "need" in results:
        zones = stages.with_need(ground, results["need"])
        made["contributions.csv"] = outputs.csv_writer(results["need"].explanation.contributions)
        made |= _need_writers(results["need"])
        made["index_weights.csv"] = outputs.csv_writer(results["need"].explanation.weights.reset_index())
    if "travel" in results:
        made["travel.parquet"] = outputs.parquet_writer(_said(results["travel"].zones, ground))
        if len(results["travel"].buses):
            made["buses.csv"] = outputs.csv_writer(results["travel"].buses)
        if len(ground.snapping):
            made["snapping.csv"] = outputs.csv_writer(ground.snapping)
    sites_table: gpd.GeoDataFrame = ground.sites
    layers = {}
    if "plan" in results:
        planned: Planned = results["plan"]
        zones, sites_table = _said(planned.zones, ground), _said(planned.sites, ground)
        layers["reach"] = _said(planned.reach, ground)
        made["isochrones.gpkg"] = outputs.geopackage_writer({"isochrones": _said(planned.isochrones, ground)}, origin)
        made["inequality.csv"] = outputs.csv_writer(_said(planned.inequality, ground))
        made["groups.csv"] = outputs.csv_writer(_said(planned.groups, ground))
        made |= _study_writers(planned.study, ground)
        made["plan.json"] = outputs.text_writer(outputs.as_json(_plan_json(settings, planned)))
        made |= exports.referrals(planned, origin)
        made["site_register.csv"] = outputs.csv_writer(outputs.site_register(sites_table))
        modes = {m: travel.words()[m].label for m in results["travel"].minutes}
        assumed = _assumptions(settings, ground, planned, results["need"], modes)
        label = demand.kinds()[settings.demand.count].label
        made["assessment.xlsx"] = exports.workbook(planned, origin, label, modes, assumed, _notes(results))
    if len(ground.context):
        made["context.csv"] = outputs.csv_writer(ground.context)
    made["zones.csv"] = outputs.csv_writer(zones)
    made["sites.csv"] = outputs.csv_writer(sites_table)
    if len(ground.rejected):
        made["rejected_sites.csv"] = outputs.csv_writer(ground.rejected)
    return outputs.documented(made | exports.layers({"zones": zones, "sites": sites_table, **layers}, origin), origin)


def _said(table: Table, ground: Data) -> Table:
    """Say in every row of a table that rests on travel where that is an estimate."""
    return table.assign(travel=travel.ESTIMATE) if ground.estimated else table


def _need_writers(needs: Need) -> dict[str, Callable[[Path], None]]:
    """Write what scrutiny asks of the scores: what they are made of, how the parts go together, how sure they are."""
    found = needs.explanation
    tables = {
        "specification": found.specification.reset_index(),
        "correlations": found.pairs,
        "reliability": needs.reliability.reset_index(),
        "doubtful_cells": found.cells,
        "other_methods": needs.methods,
        "where_children_live": needs.where,
    }
    return {f"need/{name}.csv": outputs.csv_writer(t) for name, t in tables.items() if len(t)}


def _study_writers(study: Study, ground: Data) -> dict[str, Callable[[Path], None]]:
    """Write what else there could be, and whom the plan changes what for."""
    compared = study.comparison
    tables = {
        "frontier": study.frontier.table.drop(columns="offers"),
        "losses": compared.losses,
        "gains": compared.gains,
        "equality": study.equality,
    }
    texts = "\n\n".join(f"# {row.title}\n\n{row.text}" for row in study.consultation.itertuples())
    if study.alternatives is not None:
        tables["alternatives"] = study.alternatives.table.drop(columns="offers")
    if study.prices is not None:
        tables["site_prices"] = study.prices.drop(columns="offers")
    if study.robustness:
        tables["robustness"] = study.robustness.sites.reset_index()
        tables["draws"] = study.robustness.draws.reset_index()
    made = {f"plan/{name}.csv": outputs.csv_writer(_said(t, ground)) for name, t in tables.items()}
    return made | {"plan/consultation.md": outputs.text_writer(texts + "\n")}


def index(plans: Sequence[dict[str, Any]], maps: Path) -> str:
    """Draw the list of areas that have a page, from what their plan.json says, and of pages that compare two."""
    entries = []
    for record in plans:
        totals = record["totals"]
        entries.append(
            {
                **{k: record["area"][k] for k in ("name", "slug", "synthetic")},
                "finding": record["finding"],
                "demand": totals["plan"]["demand"],
                "demand_label": record["demand_counts"],
                "hubs": sum(s["offer"] == "hub" for s in record["sites"]),
                "outreach": sum(s["offer"] == "outreach" for s in record["sites"]),
                "hub_pct_today": totals["today"]["hub_pct"],
                "hub_pct_plan": totals["plan"]["hub_pct"],
                "virtual_pct": totals["plan"]["virtual_pct"],
            }
        )
    own = {f"{e['slug']}.html" for e in entries}  # an area may have such a name too
    compared = {file.name for file in maps.glob(f"*{BETWEEN}*.html")} - own
    many = sorted(page.parent.name for page in maps.glob("[!.]*/index.html"))
    return index_page.render_index(entries, sorted(compared), many)


def _sure(planned: Planned) -> list[str]:
    """Say how sure the plan is: tests without a plan, then the draws."""
    return [*planned.tested, *(planned.study.robustness.sentences if planned.study.robustness else ())]


def _plan_json(settings: Assessment, planned: Planned) -> dict[str, Any]:
    columns = ["site_id", "name", "site_type", "offer", "status", "parent_hub_id", "parent_min", "families_reached"]
    columns += ["unmet_if_lost", "chosen_in", "hub_in", "alternatives", "reasons"]
    columns += [c for c in ("drawn_pct", "drawn_hub_pct") if c in planned.sites]
    mine = planned.sites[planned.sites["ours"]]
    return {
        "area": settings.area.model_dump(include={"name", "slug", "codes", "synthetic"}),
        "finding": planned.finding,
        "answer": planned.answer,
        "demand_counts": demand.kinds()[settings.demand.count].label,
        "sites": mine.loc[mine["offer"] != "none", columns].to_dict("records"),
        "close": mine.loc[mine["status"] == "close", ["site_id", "name", "today", "reasons"]].to_dict("records"),
        "aim": {"id": settings.plan.aim, "asked": planned.proof["asked"], "steps": planned.proof["steps"]},
        "rules": [{"what": what, "value": value, "source": source} for what, value, source in planned.rules],
        "cost": planned.cost,
        "proven": planned.proof["told"],
        "status": planned.proof["status"],
        "objective": planned.proof["objective"],
        "bound": planned.proof["bound"],
        "gap": planned.proof["gap"],
        "solver_nodes": planned.proof["nodes"],
        "totals": planned.totals,
        "tested_against": planned.tests,
        "alternatives": planned.study.alternatives.sentences() if planned.study.alternatives else [],
        "turned_away": planned.turned_away,
        "frontier": planned.study.frontier.sentences(),
        "robustness": _sure(planned),
    }


def _assumptions(
    settings: Assessment, ground: Data, planned: Planned, needs: Need, modes: dict[str, str]
) -> list[dict[str, str]]:
    counted = settings.demand
    rows = [
        ("Who is counted", demand.kinds()[counted.count].label, "Assessment file"),
        *(
            ("Counting them", told, "Catalogue of demand")
            for told in demand.assumptions(counted.count, send_share_pct=counted.send_share_pct, growth=counted.growth)
        ),
        *(
            ("Counted from", f"{i.title}, {i.date}{f'. {i.caveat}' if i.caveat else ''}", i.publisher)
            for i in settings.of("demand")
        ),
        *planned.rules,
    ]
    for name in sorted(set(planned.sites.loc[planned.sites["today"] != "none", "site_type"])):
        kind = site_types()[name]
        rows.append((f"What a {kind.label.lower()} counts as today", kind.today, kind.source))
    if (planned.zones["no_car_source"] == "default").any():
        share = f"{counted.no_car_urban_pct:g}% in urban, {counted.no_car_rural_pct:g}% in rural zones"
        rows.append(("Households without a car", share, counted.no_car_source))
    if "offline_pct" not in planned.zones:
        rows.append(
            ("Families without the internet", "not known: no table of digital access is given", "Assessment file")
        )
    for mode in modes:
        told = travel.words()[mode]
        day = f"timetable of {settings.travel.timetable_date:%A %d %B %Y}, " if mode == travel.BUS else ""
        network = ground.networks.get(mode)
        if isinstance(network, travel.StraightLines):
            rows.append((told.label, network.words, network.source))
            continue
        rows.append((told.label, day + told.speed, told.source))
    same = planned.standards.groupby(["mode", "offer", "full_min", "zero_min", "source"], sort=False)["ruc21cd"].agg(
        ", ".join
    )
    for row in same.reset_index().to_dict("records"):
        if row["mode"] in modes:
            what = f"Standard: {row['offer']} by {modes[row['mode']].lower()}, {row['ruc21cd']}"
            value = f"{row['full_min']:g} minutes in full, fading to none at {row['zero_min']:g}"
            rows.append((what, value, row["source"]))
    rows.append(("Tested under other assumptions", "; ".join(planned.tests), "Declared by this toolkit"))
    weights = "; ".join(f"{r.label} {r.weight:.0%}" for r in needs.explanation.weights.reset_index().itertuples())
    rows.append(("Weights of the need index", weights, f"Index '{Path(settings.need.index).name}'"))
    return [{"what": w, "value": v, "source": s} for w, v, s in rows]


def _street_notes(ground: Data) -> list[str]:
    notes = []
    for mode, graph in ground.networks.items():
        if isinstance(graph, travel.StraightLines):
            continue
        label, snapped = travel.words()[mode].label, ground.snapping[ground.snapping["mode"] == mode]
        metres = snapped.set_index("places")["median_m"]
        off = snapped.loc[snapped["places"] == "points", "off_network"].sum()
        notes.append(
            f"{label}: {graph.report['islands']} parts of the street network that do not connect to the rest, "
            f"{graph.report['island_nodes']} nodes against {graph.report['nodes']:,}, are left out. "
            f"Half of all homes lie within {metres['points']:.0f} m of a street, half of all sites within "
            f"{metres['sites']:.0f} m."
        )
        if off:
            notes.append(
                f"{label}: {off} places where families live are too far from any such street and count as out of reach."
            )
    return notes


def command(settings: Assessment, path: Path) -> str:
    """Say how the page is built again."""
    if settings.area.synthetic:
        return "make demo"
    known = assessment.known_areas().get(settings.area.slug)
    return f"make assess AREA={settings.area.slug if known == path else path.name} RAW=<folder of the raw files>"
