"""Turn a finished plan into what others open: layers for a GIS, a workbook, Open Referral UK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import geopandas as gpd

from needs import outputs
from needs.outputs import Origin, open_referral
from needs.outputs.committee import Assessed
from needs.stages import Planned

Writers = dict[str, Callable[[Path], None]]


def layers(by_name: Mapping[str, gpd.GeoDataFrame], origin: Origin) -> Writers:
    """Write layers to one GeoPackage with styles, and each to a GeoJSON file."""
    shown = {name: outputs.with_symbols(layer) if name == "sites" else layer for name, layer in by_name.items()}
    each = {f"{name}.geojson": outputs.geojson_writer(layer, origin, name=name) for name, layer in shown.items()}
    return {"assessment.gpkg": outputs.geopackage_writer(shown, origin), **each}


def referrals(planned: Planned, origin: Origin) -> Writers:
    """Write the recommended sites as Open Referral UK: tables, their data package, and JSON."""
    mine = planned.sites[planned.sites["ours"] & (planned.sites["offer"] != "none")]
    tables, paths = open_referral.tables(origin, mine), open_referral.paths()
    return {
        **{f"open_referral/{paths[name]}": outputs.csv_writer(table) for name, table in tables.items()},
        "open_referral/datapackage.json": outputs.text_writer(outputs.as_json(open_referral.package(origin))),
        "open_referral/services.json": outputs.text_writer(outputs.as_json(open_referral.services(tables))),
    }


def workbook(
    planned: Planned,
    origin: Origin,
    demand_label: str,
    modes: Mapping[str, str],
    assumptions: Sequence[Mapping[str, str]],
    notes: Sequence[str],
) -> Callable[[Path], None]:
    """Write the committee's workbook."""
    study = planned.study
    found = Assessed(
        finding=planned.finding,
        answer=planned.answer,
        demand_label=demand_label,
        totals=planned.totals,
        modes=modes,
        sites=planned.sites,
        zones=planned.zones,
        groups=planned.groups,
        losses=study.comparison.losses,
        gains=study.comparison.gains,
        frontier=study.frontier.table,
        alternatives=study.alternatives.table if study.alternatives else None,
        buys=study.frontier.sentences(),
        others=study.alternatives.sentences() if study.alternatives else [],
        sure=study.robustness.sentences if study.robustness else [],
        assumptions=assumptions,
        notes=notes,
    )
    return outputs.workbook_writer(outputs.committee(found, origin), title=origin.title, made_by=origin.made_by)
