"""Set the plans of two assessments of one council against each other, on a page like that of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from needs import demand, report, travel
from needs.assessment import Assessment
from needs.errors import SettingsError, fail
from needs.stages import Planned
from needs.webmap import basemap
from needs.webmap import page as webpage
from needs.webmap.content import Sides
from needs.webmap.text import change, number, percent, plural

_OWN = {"area", "inputs"}  # settings that two assessments of one council need not share to be compared


@dataclass(frozen=True)
class Side:
    """One assessment and what its stages found."""

    path: Path
    settings: Assessment
    raw: dict[str, Path]
    results: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called on the page: its file."""
        return f"“{re.sub('[_{}]', ' ', self.path.stem)}”"  # braces are place holders in the page's words

    @property
    def planned(self) -> Planned:
        """Its plan."""
        planned: Planned = self.results["plan"]
        return planned


def check(first: tuple[Path, Assessment], second: tuple[Path, Assessment]) -> None:
    """Refuse what cannot be compared.

    Raises
    ------
    SettingsError
        If the assessments are of different councils, or have the same file name.
    """
    (one, a), (two, b) = first, second
    where = f"{one.name} and {two.name}"
    if set(a.area.codes) != set(b.area.codes):
        codes = f"{', '.join(a.area.codes)} and {', '.join(b.area.codes)}"
        fail(SettingsError, where, f"are of different councils ({codes})", "compare two assessments of one council")
    if one.stem == two.stem:
        fail(SettingsError, where, "have the same name", "name one of the files otherwise: the page calls them so")


def page(first: Side, second: Side) -> str:
    """Draw the page: the first plan stands where the page of one has today, the second where it has the plan.

    Each plan's figures are those of its own assessment; what the settings differ in is the page's caution.
    """
    a, b = first.planned, second.planned
    settings, ground = second.settings, second.results["data"]
    label = demand.kinds()[settings.demand.count].label
    totals = {"today": a.totals["plan"], "plan": b.totals["plan"]}
    zones, sites = _zones(a, b), _sites(first, second)
    modes = {m: travel.words()[m].label for m in second.results["travel"].minutes}
    content = webpage.PageData(
        name=settings.area.name,
        slug=f"{first.path.stem}-and-{second.path.stem}",
        synthetic=settings.area.synthetic,
        finding=_finding(first, second, totals, label),
        answer=_answer(second, totals, zones, sites),
        warning=" ".join(filter(None, [report.caution(settings, ground), _caution(first, second)])) or None,
        estimated=any(side.results["data"].estimated for side in (first, second)),
        demand_label=label,
        zones=zones,
        modes={m: words for m, words in modes.items() if f"hub_{m}_min_today" in zones},
        contributions=second.results["need"].explanation.contributions,
        sites=sites,
        reach=b.reach,
        totals=totals,
        groups=_groups(a, b),
        where=pd.DataFrame(),
        inequality=_inequality(a, b),
        methods=pd.DataFrame(),
        varied=[],
        context=pd.DataFrame(),
        proof=None,
        basemap=report.background(report.streets_of(settings, second.raw), zones) or basemap.empty_basemap(),
        sources=report.sources(settings, second.raw),
        assumptions=[_told(row, first, second) for row in _differences(first.settings, second.settings)],
        notes=[],
        command=f"python -m needs compare {first.path.name} {second.path.name}",
        postcodes=ground.postcodes,
        boundaries=ground.boundaries,
        sides=Sides(
            today=first.name,
            plan=second.name,
            said_today=f"with {first.name}",
            said_plan=f"with {second.name}",
            keep="{a_offer} in both",
            convert="{today} in " + first.name + ", {offer} in " + second.name,
            open="{a_offer}, only in " + second.name,
            close="{a_today}, only in " + first.name,
            new=f"Dashed edge: only {second.name} has it",
            gone=f"Site that only {first.name} has",
            gone_all=f"Sites that only {first.name} has",
            chosen_all=f"Sites of {second.name}",
        ),
    )
    return webpage.render(content)


def _zones(a: Planned, b: Planned) -> gpd.GeoDataFrame:
    """Zones of the second, with the first plan's figures where today's stood."""
    figures = [c.removesuffix("_plan") for c in b.zones if c.endswith("_plan") and c in a.zones]
    theirs = a.zones.set_index("lsoa21cd")[[f"{c}_plan" for c in figures]]
    mine = b.zones.drop(columns=[c for c in b.zones if c.endswith("_today")])
    merged = mine.join(theirs.rename(columns={f"{c}_plan": f"{c}_today" for c in figures}), on="lsoa21cd")
    return merged.assign(unmet_change=merged["unmet_plan"] - merged["unmet_today"])


def _sites(first: Side, second: Side) -> gpd.GeoDataFrame:
    """Sites of both; what happens to each from the first plan to the second."""
    a, b = (side.planned.sites for side in (first, second))
    gone = a[~a["site_id"].isin(b["site_id"])].assign(offer="none", number=pd.NA)
    table = gpd.GeoDataFrame(pd.concat([b, gone], ignore_index=True), crs=b.crs) if len(gone) else b
    before, why = a.set_index("site_id")["offer"], a.set_index("site_id")["reasons"]
    had = table["site_id"].map(before).fillna("none")
    status = pd.Series("keep", index=table.index)
    status[had != table["offer"]] = "convert"
    status[had == "none"] = "open"
    status[table["offer"] == "none"] = "close"
    status[(had == "none") & (table["offer"] == "none")] = "none"
    status[~table["ours"]] = "neighbour"
    told = []
    for site, s, reasons in zip(table["site_id"], status, table["reasons"], strict=True):
        gone, new = [f"Only {first.name} has it", *why.get(site, [])], [f"Only {second.name} has it", *reasons]
        told.append({"close": gone, "open": new}.get(s, reasons))
    return table.assign(today=had, status=status, reasons=told, number=table["number"].astype("Int64"))


def _groups(a: Planned, b: Planned) -> pd.DataFrame:
    keys = ["kind", "group"]
    theirs = a.groups[[*keys, *(c for c in a.groups.columns.astype(str) if c.endswith("_plan"))]]
    mine = b.groups[[c for c in b.groups.columns.astype(str) if not c.endswith("_today")]]
    return mine.merge(theirs.rename(columns=lambda c: c.replace("_plan", "_today")), on=keys, validate="one_to_one")


def _inequality(a: Planned, b: Planned) -> pd.DataFrame:
    rows = [p.inequality[p.inequality["scenario"] == "plan"].assign(scenario=s) for s, p in (("today", a), ("plan", b))]
    both = pd.concat(rows, ignore_index=True)
    order = {measure: k for k, measure in enumerate(both["measure"].unique())}
    return both.sort_values("measure", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def _finding(first: Side, second: Side, totals: dict[str, Any], label: str) -> str:
    shares = [percent(t["hub_pct"] + t["outreach_pct"]) for t in (totals["today"], totals["plan"])]
    name, label = second.settings.area.name, label.removesuffix(" a year")
    if shares[0] == shares[1]:
        return f"{name}: {second.name} and {first.name} would both reach {shares[1]} of {label}"
    return f"{name}: {second.name} would reach {shares[1]} of {label}, {first.name} {shares[0]}"


def _answer(second: Side, totals: dict[str, Any], zones: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> str:
    unmet = [t["unmet"] for t in (totals["today"], totals["plan"])]
    shown = zones["unmet_change"].map(change)
    less, more = (int(shown.str.startswith(sign).sum()) for sign in ("−", "+"))
    counts = sites["status"].value_counts()
    moved = [
        f"{plural(int(counts.get(s, 0)), 'site')} {words}"
        for s, words in (("open", "more"), ("close", "fewer"), ("convert", "with another offer"))
        if counts.get(s, 0)
    ]
    differ = f"has {', '.join(moved)}" if moved else "has the same sites"
    return (
        f"{second.name} {differ}; unmet need is {number(unmet[1])} against "
        f"{number(unmet[0])}: less in {plural(less, 'neighbourhood')}, more in {more:,}."
    )


def _differences(a: Assessment, b: Assessment) -> Iterator[tuple[str, str, str]]:
    """List settings in which two assessments differ, by their place in the file, and the two values."""
    left, right = (dict(_flat(s.model_dump(mode="json", exclude=_OWN))) for s in (a, b))
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            yield name, str(left.get(name, "not set")), str(right.get(name, "not set"))
    one, two = ({i.path for i in s.inputs} for s in (a, b))
    if one != two:
        yield "input", ", ".join(sorted(one - two)) or "none besides", ", ".join(sorted(two - one)) or "none besides"


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _told(row: tuple[str, str, str], first: Side, second: Side) -> dict[str, str]:
    what, one, two = row
    return {"what": what, "value": f"{first.name}: {one}; {second.name}: {two}", "source": "Assessment files"}


def _caution(first: Side, second: Side) -> str:
    """Say what else but the rules of the plan differs: the figures then do not count the same."""
    other = [name for name, *_ in _differences(first.settings, second.settings) if not name.startswith("plan.")]
    if not other:
        return ""
    return f"The two do not count alike, for they differ in {', '.join(other)}: each plan's figures are its own."
