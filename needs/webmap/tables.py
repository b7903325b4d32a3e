"""Write the tables of the page: everything that the map says, and where it comes from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from needs.scenarios import LABELS, NO_HUB, with_hub
from needs.webmap.content import PageData, Sourced
from needs.webmap.shading import Shading
from needs.webmap.table import Column, sentence, table
from needs.webmap.text import Html, change, figure, join, link, minutes, number, percent, plural, points, share, tag

RURAL_URBAN = {
    "UN1": "Urban, nearer",
    "UF1": "Urban, further",
    "RLN1": "Larger rural, nearer",
    "RLF1": "Larger rural, further",
    "RSN1": "Smaller rural, nearer",
    "RSF1": "Smaller rural, further",
}
ON_FOOT_MIN = 0.5  # walking that takes no longer than this more is as quick as the bus


def figures(data: PageData) -> Html:
    """Key figures, today against the plan."""
    columns = [Column("", "head"), *(Column(head, "number") for head in data.sides.heads.values())]
    sites = data.sites[data.sites["status"] != "neighbour"]
    counts = [
        (words, *(number(int((sites[column] == offer).sum())) for column in ("today", "offer")))
        for offer, words in (("hub", "Hubs"), ("outreach", "Outreach sites"))
    ]
    both = [data.totals["today"], data.totals["plan"]]
    reached = [(words, *(_share(t, key) for t in both)) for key, words in _REACHED.items()]
    if any(t.get("turned_away") for t in both):
        reached.append(("Of them turned away: sites are full", *(_share(t, "turned_away") for t in both)))
    rows: list[tuple[object, ...]] = [*counts, *reached, *_by_hub(data)]
    rows.append(("Unmet need (weighted)", *(number(t["unmet"]) for t in both)))
    if both[0].get("need"):
        rows.append(("Need met", *(share(100 * (1 - t["unmet"] / t["need"])) for t in both)))
    caption = f"Families ({number(both[0]['demand'])} {data.demand_label}; beyond a standard they count in part)"
    return table(caption, columns, rows, name="figures", scrolls=False)


def _by_hub(data: PageData) -> list[tuple[object, ...]]:
    """Share of those who need a hub near by most: without a car, and in England's neediest fifth, if there are any."""
    cars = data.groups[data.groups["group"] == LABELS["car"][False]].to_dict("records")
    rows: list[tuple[object, ...]] = [
        (f"{g['group']}: by a hub", *(percent(g[f"hub_pct_{when}"]) for when in data.sides.heads)) for g in cars
    ]
    worst = [data.totals[when]["worst_fifth"] for when in data.sides.heads]
    if all(t["demand"] for t in worst):
        rows.append(("Highest-need fifth: by a hub", *(_share(t, "hub") for t in worst)))
    return rows


_REACHED = {"hub": "Reached by a hub", "outreach": "By outreach only", "virtual": "Online only"}


def _share(totals: dict[str, Any], key: str) -> Html:
    return join([f"{number(totals[key])} ", tag("small", f"({percent(totals[f'{key}_pct'])})")])


def key(shadings: Sequence[Shading]) -> Html:
    """Key of the neighbourhoods: for each shading its five numbered classes and how many zones are in each."""
    blocks = []
    for i, shading in enumerate(shadings):
        items = []
        for k, words in enumerate(shading.words, 1):
            swatch = tag("span", k, class_=f"swatch {shading.palette}-{k}")
            count = tag("span", f"({shading.count(k)})", class_="count")
            items.append(tag("li", swatch, " ", words, " ", count))
        heading = tag("h3", shading.title, " ", tag("small", "(number of neighbourhoods)"))
        blocks.append(tag("div", heading, tag("ol", *items), data_key=shading.id, hidden=i > 0))
    return join(blocks)


def zones(data: PageData) -> Html:
    """Every zone with everything that the map can show of it; highest need first."""
    columns = [
        Column("Neighbourhood", "head"), Column("Rural or urban"), Column(sentence(data.demand_label), "number"),
        Column("Score", "number", "Need"), Column("Rank in England", "number", "Need"),
        *([Column("Rank in 9 of 10 draws", "number", "Need")] if "need_rank_low" in data.zones else []),
        Column("Fifth of England", "number", "Need"), Column("Fifth here", "number", "Need"),
        *([Column("Poor children", "number")] if "deprived_children" in data.zones else []),
    ]  # fmt: skip
    fields = [
        ("hub", "Families by a hub"), ("outreach", "Families by outreach"), ("virtual", "Families online only"),
        ("unmet", "Unmet need"),
    ]  # fmt: skip
    for _, words in fields:
        columns += [Column(t, "number", words) for t in data.sides.heads.values()]
    columns.append(Column("Change", "number", "Unmet need"))
    for words in data.modes.values():
        columns += [Column(t, "number", f"Minutes to a hub: {words.lower()}") for t in data.sides.heads.values()]
    buses = "bus_departures" in data.zones
    if buses:
        columns.append(Column("Buses near by, a day", "number"))
    ordered = by_need(data)
    hubs = with_hub(data.sites)
    rows = []
    for z in ordered.to_dict("records"):
        name = join([z["zone_name"], tag("span", z["lsoa21cd"], class_="code")], " ")
        kind = RURAL_URBAN.get(z["ruc21cd"], z["ruc21cd"])
        need: list[object] = [points(z["need_score"]), f"{int(z['need_rank_england']):,}"]
        if "need_rank_low" in z:
            need.append(between(z["need_rank_low"], z["need_rank_high"]))
        need += [str(int(z["need_fifth_england"])), str(int(z["need_fifth_area"]))]
        if "deprived_children" in z:
            need.append(between(z["deprived_children_low"], z["deprived_children_high"]))
        families = [number(z[f"{field}_{t}"]) for field, _ in fields for t in data.sides.heads]
        travel = [_hub_minutes(z, mode, t) if t in hubs else NO_HUB for mode in data.modes for t in data.sides.heads]
        people = join(["≈ ", number(z["demand"])]) if z["count_hidden"] else number(z["demand"])
        row = [name, kind, people, *need, *families, change(z["unmet_change"]), *travel]
        rows.append([*row, number(z["bus_departures"])] if buses else row)
    ids = [f"zone-{code}" for code in ordered["lsoa21cd"]]
    caption = f"All {plural(len(rows), 'neighbourhood')}, highest need first"
    return table(caption, columns, rows, name="zones", ids=ids)


def _hub_minutes(zone: dict[Hashable, Any], mode: str, scenario: str) -> object:
    """Write minutes to the nearest hub; by bus only where that is quicker than walking all the way."""
    found, walked = zone[f"hub_{mode}_min_{scenario}"], zone.get(f"hub_walk_min_{scenario}")
    if mode == "bus" and walked is not None and walked <= found + ON_FOOT_MIN:
        return "on foot"
    return minutes(found)


def between(low: float, high: float) -> str:
    """Write a whole number, or the two between which it lies."""
    return f"{low:,.0f}" if low == high else f"{low:,.0f}–{high:,.0f}"


def by_need(data: PageData) -> pd.DataFrame:
    """Zones without geometry, highest need first, ties by code."""
    frame = pd.DataFrame(data.zones.drop(columns="geometry"))
    return frame.sort_values(["need_rank_england", "lsoa21cd"])


def groups(data: PageData) -> Html:
    """Who gains and who loses, group by group, in per cent of each group's families."""
    columns = [Column("Families", "head"), Column(sentence(data.demand_label), "number")]
    fields = {"hub_pct": "By a hub", "outreach_pct": "By outreach only", "virtual_pct": "Online only"}
    columns += [Column(time, "number", words) for words in fields.values() for time in data.sides.heads.values()]
    rows = [
        [
            g["group"],
            number(g["demand"]),
            *(percent(g[f"{field}_{time}"]) for field in fields for time in data.sides.heads),
        ]
        for g in data.groups.to_dict("records")
    ]
    return table("Who is reached, in per cent of each group's families", columns, rows, name="groups")


def losers(data: PageData) -> Html:
    """Neighbourhoods with more unmet need than today, the most first; a sentence where there is none."""
    worse = data.zones[data.zones["unmet_change"].map(lambda v: change(v).startswith("+"))]
    better = int(data.zones["unmet_change"].map(lambda v: change(v).startswith("−")).sum())
    gains = tag("p", f"Unmet need falls in {better} of {plural(len(data.zones), 'neighbourhood')}.")
    if worse.empty:
        return join([gains, tag("p", "It rises in none.")])
    ordered = pd.DataFrame(worse.drop(columns="geometry")).sort_values(
        ["unmet_change", "lsoa21cd"], ascending=[False, True]
    )
    columns = [Column("Neighbourhood", "head"), *(Column(h, "number") for h in (*data.sides.heads.values(), "Change"))]
    rows = [
        (z["zone_name"], number(z["unmet_today"]), number(z["unmet_plan"]), change(z["unmet_change"]))
        for z in ordered.to_dict("records")
    ]
    return join(
        [
            gains,
            table(f"Neighbourhoods with more unmet need than {data.sides.said_today}", columns, rows, name="losers"),
        ]
    )


def contributions(data: PageData) -> Html:
    """How the need score of every zone is made up."""
    wide = data.contributions.pivot_table(index="lsoa21cd", columns="indicator", values="contribution", aggfunc="sum")
    labels = data.contributions.drop_duplicates("indicator").set_index("indicator")["label"]
    columns = [Column("Neighbourhood", "head"), *(Column(w, "number") for w in labels), Column("Need score", "number")]
    ordered = by_need(data)
    rows = [
        [z["zone_name"], *(points(wide.loc[z["lsoa21cd"], i]) for i in labels.index), points(z["need_score"])]
        for z in ordered.to_dict("records")
    ]
    ids = [f"points-{code}" for code in ordered["lsoa21cd"]]
    return table("Points of the need score by indicator", columns, rows, name="contributions", ids=ids)


def where(data: PageData) -> Html:
    """Show in which class of place poor children live, and how many of them a target of worst fifths would miss."""
    columns = [
        Column("Where", "head"), Column("Neighbourhoods", "number"), Column("Poor children", "number"),
        Column("Share", "number"), Column("England’s neediest fifth", "number", "Of them in a neighbourhood of"),
        Column("The neediest fifth here", "number", "Of them in a neighbourhood of"),
    ]  # fmt: skip
    rows = [
        (
            r["group"],
            number(r["zones"]),
            between(r["children_low"], r["children_high"]),
            percent(r["share_pct"]),
            percent(r["worst_fifth_england_pct"]),
            percent(r["worst_fifth_area_pct"]),
        )
        for r in data.where.to_dict("records")
    ]
    return table("Poor children by kind of place", columns, rows, name="where")


_UNEVEN = ("mean", "most_needy", "least_needy", "slope_index", "concentration_index")


def inequality(data: PageData) -> Html:
    """Set families in the neediest neighbourhoods against those in the least needy, today and with the plan."""
    columns = [
        Column("Measure", "head"), Column("When"), Column("Mean", "number"), Column("Where need is highest", "number"),
        Column("Where it is lowest", "number"), Column("Slope index", "number"),
        Column("Concentration index", "number"), Column("Neighbourhoods left out", "number"),
    ]  # fmt: skip
    rows = [
        (
            r["measure"],
            data.sides.heads[r["scenario"]],
            *(figure(r.get(c)) if r["zones"] else r["note"] for c in _UNEVEN),
            number(r["left_out"]),
        )
        for r in data.inequality.to_dict("records")
    ]
    return table("How evenly it is shared between high and low need", columns, rows, name="inequality")


def methods(data: PageData) -> Html:
    """Show what another method of scoring would change."""
    columns = [
        Column("Other method", "head"), Column("Rank correlation", "number"), Column("Largest move in ranks", "number"),
        Column("Of the neediest fifth here, stay in it", "number"),
    ]  # fmt: skip
    rows = [
        (
            r["change"],
            figure(r["spearman"]),
            number(r["largest_shift"]),
            f"{r['worst_fifth_kept']:,.0f} of {r['worst_fifth']:,.0f}",
        )
        for r in data.methods.to_dict("records")
    ]
    return table("Need scored by other methods", columns, rows, name="methods")


def context(data: PageData) -> Html:
    """Show council-level figures that are not part of any score."""
    columns = [
        Column("Indicator", "head"), Column("Period"), Column("Where"), Column("Value", "number"),
        Column("95% limits", "number"),
    ]  # fmt: skip
    rows = [
        (
            r["label"],
            r["period"],
            "England" if r["lad24cd"].startswith("E92") else data.name,
            figure(r["value"]),
            "" if pd.isna(r.get("low")) else f"{figure(r['low'])}–{figure(r['high'])}",
        )
        for r in data.context.to_dict("records")
    ]
    return table("The council as a whole, for context; no part of any score", columns, rows, name="context")


def assumptions(data: PageData) -> Html:
    """Every preset and where it comes from."""
    columns = [Column("What", "head"), Column("Value"), Column("Source")]
    rows = [(a["what"], a["value"], a["source"]) for a in data.assumptions]
    return table("Assumptions, each of which can be changed", columns, rows, name="assumptions")


def sources(data: Sourced) -> Html:
    """Every file read."""
    columns = [
        Column("Data", "head"), Column("Publisher"), Column("Licence"), Column("Date"),
        Column("File and start of its SHA-256"), Column("Caveat"),
    ]  # fmt: skip
    rows = [
        (link(s["title"], s["url"]), s["publisher"], s["licence"], s["date"],
         join([s["path"], tag("span", s["sha256"][:13], class_="code")], " "), s["caveat"] or "")
        for s in data.sources
    ]  # fmt: skip
    return table("Data read", columns, rows, name="sources")


def zone_sheet(data: PageData) -> pd.DataFrame:
    """Zones for download, every column."""
    return by_need(data)
