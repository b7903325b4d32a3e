"""Lay an assessment out for a committee: summary, sites with reasons, who gains and loses, alternatives, sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from needs.outputs.origin import SOURCE_COLUMNS, Origin
from needs.outputs.workbook import About, Chart, Column, Sheet
from needs.scenarios import NO_HUB, with_hub

_STATUS = {
    "keep": "stays",
    "convert": "changes its offer",
    "open": "opens",
    "close": "closes",
    "neighbour": "another council's",
    "none": "not chosen",
}
_WAYS = {"hub": "by a hub", "outreach": "by outreach alone", "virtual": "online alone"}
_LIMITS = {
    "max_hubs": "Hubs at most",
    "max_outreach": "Outreach sites at most",
    "opening_budget_gbp": "Pounds to open sites",
    "yearly_budget_gbp": "Pounds a year",
    "staff_days": "Staff days a week",
}
_WHEN = ("today", "plan")
_NEEDIEST = "England's neediest fifth"


@dataclass(frozen=True)
class Assessed:
    """Finished tables of an assessment, computed from protected counts.

    Attributes
    ----------
    finding, answer
        In a title and in a sentence.
    demand_label
        What is counted, such as "births a year".
    totals
        For "today" and "plan": `scenarios.totals`, and under `worst_fifth` the same for the neediest fifth of England.
    modes
        Words for each mode.
    sites, zones, groups
        As the plan stage leaves them.
    losses, gains
        As `scenarios.Comparison` has them.
    frontier, alternatives
        Their tables; alternatives may be None.
    buys, others, sure
        What the frontier, the alternatives and the draws say, in sentences.
    assumptions
        `what`, `value`, `source`.
    notes
        What was left out or changed on the way, in sentences.
    """

    finding: str
    answer: str
    demand_label: str
    totals: Mapping[str, Any]
    modes: Mapping[str, str]
    sites: pd.DataFrame
    zones: pd.DataFrame
    groups: pd.DataFrame
    losses: pd.DataFrame
    gains: pd.DataFrame
    frontier: pd.DataFrame
    alternatives: pd.DataFrame | None
    buys: Sequence[str]
    others: Sequence[str]
    sure: Sequence[str]
    assumptions: Sequence[Mapping[str, str]] = field(repr=False)
    notes: Sequence[str] = field(repr=False)


def committee(found: Assessed, origin: Origin) -> list[Sheet]:
    """Make the sheets of the committee's workbook."""
    return [
        _summary(found, origin),
        _sites(found),
        _zones(found),
        _changes(found),
        _groups(found),
        _alternatives(found),
        _frontier(found),
        Sheet(
            "Assumptions",
            ["Every assumption, and where it comes from"],
            [Column("What", width=46), Column("Value", width=46), Column("Source", width=60)],
            [[a["what"], a["value"], a["source"]] for a in found.assumptions],
        ),
        _sources(origin),
        _notes(found, origin),
    ]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _summary(found: Assessed, origin: Origin) -> Sheet:
    rows: list[list[Any]] = []
    whole = [found.totals[when] for when in _WHEN]
    neediest = [t["worst_fifth"] for t in whole]
    for name, (today, plan) in (("", whole), (f", {_NEEDIEST}", neediest)):
        if not today["demand"] > 0:
            continue
        for way, words in _WAYS.items():
            pair = [t[f"{way}_pct"] for t in (today, plan)]
            rows.append([f"Reached {words}, %{name}", *pair, pair[1] - pair[0]])
    ways = len(_WAYS)
    counts: list[list[Any]] = []
    for name, key in (
        *((f"{_sentence(found.demand_label)} reached {words}", way) for way, words in _WAYS.items()),
        (f"{_sentence(found.demand_label)} in all", "demand"),
        ("Unmet need, need-weighted families", "unmet"),
    ):
        pair = [t[key] for t in whole]
        counts.append([name, *pair, pair[1] - pair[0]])
    lines = [found.finding, found.answer, origin.title]
    lines += ["Synthetic data: no real place, person or service."] if origin.synthetic else []
    lines += [origin.warning] if origin.warning else []
    columns = [Column("What", width=58), Column("Today", "count", 14), Column("With the plan", "count", 14)]
    chart = Chart(f"How {found.demand_label} are reached, per cent", "bars", 0, (1, 2), (0, ways), ("", "per cent"))
    return Sheet("Summary", lines, [*columns, Column("Change", "change", 14)], [*rows, *counts], charts=[chart])


def _sites(found: Assessed) -> Sheet:
    columns = [
        Column("Number", "whole", 8),
        Column("Site", width=30),
        Column("Kind of building", width=20),
        Column("Offers today", width=11),
        Column("Recommended", width=13),
        Column("What happens", width=14),
        Column("Run from", width=24),
        Column("Minutes by car from it", width=12),
        Column(f"{_sentence(found.demand_label)} reached", "count", 12),
        Column("Need unmet without it", "count", 12),
        Column("Chosen in so many tests", width=12),
        Column("Reasons", width=80),
    ]
    mine = found.sites[found.sites["ours"] & ((found.sites["offer"] != "none") | (found.sites["status"] == "close"))]
    rows = [
        [
            s["number"],
            s["name"],
            s["site_type_label"],
            s["today"],
            s["offer"],
            _STATUS[s["status"]],
            s["parent_name"],
            "" if pd.isna(s["parent_min"]) else f"{s['parent_min']:.0f}",
            s["families_reached"],
            s["unmet_if_lost"],
            f"{s['chosen_in']} of {s['alternatives']}" if s["alternatives"] else "settings decide",
            "\n".join(s["reasons"]),
        ]
        for s in mine.sort_values(["number", "site_id"]).to_dict("records")
    ]
    lines = ["Recommended sites, and sites to close", "Numbers are those on the map."]
    return Sheet("Recommended sites", lines, columns, rows)


def _zones(found: Assessed) -> Sheet:
    fields = [(f"{way}_{when}", f"Reached {words}, {_when(when)}") for way, words in _WAYS.items() for when in _WHEN]
    modes = [
        (f"hub_{mode}_min_{when}", f"Minutes to a hub, {words.lower()}, {_when(when)}", when)
        for mode, words in found.modes.items()
        for when in _WHEN
    ]
    hubs = with_hub(found.sites)
    ordered = found.zones.sort_values(["need_rank_england", "lsoa21cd"])
    rows = []
    for z in ordered.to_dict("records"):
        families = [About(z[c]) if z["count_hidden"] else z[c] for c in ("demand", *(f for f, _ in fields))]
        need = [z["need_score"], z["need_rank_england"], z["need_fifth_england"], z["need_fifth_area"]]
        unmet = [z["unmet_today"], z["unmet_plan"], z["unmet_change"]]
        times = [z[m] if when in hubs else NO_HUB for m, _, when in modes]
        rows.append([z["zone_name"], z["lsoa21cd"], z["ruc21cd"], *need, *families, *unmet, *times])
    columns = [
        Column("Neighbourhood", width=24),
        Column("Code", width=12),
        Column("Rural-urban class", width=9),
        Column("Need score", "points", 9),
        Column("Rank in England", "whole", 9),
        Column("Fifth of England", "whole", 9),
        Column("Fifth of the area", "whole", 9),
        Column(_sentence(found.demand_label), "count", 11),
        *(Column(words, "count", 11) for _, words in fields),
        Column("Unmet need today", "count", 11),
        Column("Unmet need with the plan", "count", 11),
        Column("Change", "change", 10),
        *(Column(words, "minutes", 13) for _, words, _ in modes),
    ]
    hidden = int(found.zones["count_hidden"].sum())
    lines = ["Neighbourhoods, highest need first", "Rank 1 and fifth 1 are the highest need."]
    stands = "a mean of those hidden, or the middle of what a blank may hide, stands in"
    lines += [f"≈ marks {hidden} whose counts are hidden: {stands}."] if hidden else []
    return Sheet("Neighbourhoods", lines, columns, rows)


def _when(when: str) -> str:
    return {"today": "today", "plan": "with the plan"}[when]


def _changes(found: Assessed) -> Sheet:
    rows = []
    for word, table in (("Lose", found.losses), ("Gain", found.gains)):
        for r in table.to_dict("records"):
            sites = [r["before_site"], r["before_offer"], r["after_site"], r["after_offer"]]
            times = [r[f"{mode}_min_{edge}"] for mode in found.modes for edge in ("before", "after")]
            rows.append([word, r["zone_name"], r["lsoa21cd"], r["families"], *sites, *times, r["need"]])
    columns = [
        Column("Who", width=8),
        Column("Neighbourhood", width=24),
        Column("Code", width=12),
        Column(_sentence(found.demand_label), "count", 11),
        Column("Site today", width=28),
        Column("Its offer", width=10),
        Column("Site with the plan", width=28),
        Column("Its offer", width=10),
        *(
            Column(f"Minutes {words.lower()}, {when}", "minutes", 13)
            for words in found.modes.values()
            for when in ("today", "with the plan")
        ),
        Column("Need-weighted families", "count", 12),
    ]
    lost, won = (t["families"].sum() for t in (found.losses, found.gains))
    lines = ["Who gains and who loses, by neighbourhood and site", f"{won:,.0f} gain and {lost:,.0f} lose."]
    return Sheet("Who gains and who loses", lines, columns, rows)


def _groups(found: Assessed) -> Sheet:
    fields = [
        (f"{way}_pct_{when}", f"{_sentence(words)}, {_when(when)}, %") for way, words in _WAYS.items() for when in _WHEN
    ]
    rows = [[g["group"], g["demand"], *(g[f] for f, _ in fields)] for g in found.groups.to_dict("records")]
    columns = [Column("Families", width=40), Column(_sentence(found.demand_label), "count", 12)]
    columns += [Column(words, "percent", 13) for _, words in fields]
    chart = [Chart("Reached by a hub, per cent of each group", "bars", 0, (2, 3), (0, len(rows)), ("", "per cent"))]
    lines = ["Groups of families: how each is reached, in per cent of its families"]
    return Sheet("Groups of families", lines, columns, rows, charts=chart if rows else [])


def _alternatives(found: Assessed) -> Sheet:
    table = found.alternatives
    rows = [] if table is None else [[a["number"], a["sentence"], a["rise_pct"]] for a in table.to_dict("records")]
    columns = [
        Column("Number", "whole", 8),
        Column("Other plan", width=100),
        Column("Points of need less met", "points", 12),
    ]
    after = [*found.others[len(rows) :], *found.sure]
    return Sheet("Alternatives", ["Other plans that do nearly as well"], columns, rows, after)


def _frontier(found: Assessed) -> Sheet:
    table = found.frontier.reset_index(drop=True)
    columns = [
        Column("What changes", width=26),
        Column("To", "whole", 12),
        Column("Need met, %", "points", 12),
        Column("Reached by a hub, %", "percent", 12),
        Column("By outreach alone, %", "percent", 12),
        Column("By neither, %", "percent", 12),
        Column("Hubs", "whole", 8),
        Column("Outreach sites", "whole", 10),
        Column("How sure", width=14),
    ]
    fields = ["value", "met_pct", "hub_pct", "outreach_pct", "none_pct", "hubs", "outreach", "status"]
    rows = [[_LIMITS[r["limit"]], *(r[f] for f in fields)] for r in table.to_dict("records")]
    charts = [
        Chart(
            f"Need met and reach of hubs, per cent, by {_LIMITS[limit].lower()}",
            "lines",
            1,
            (2, 3),
            (int(at[0]), int(at[-1]) + 1),
            (_LIMITS[limit], "per cent"),
        )
        for limit in ("max_hubs", "max_outreach")
        if len(at := np.flatnonzero((table["limit"] == limit) & table["met_pct"].notna())) > 1
    ]
    return Sheet("Frontier", ["What more or fewer sites would buy"], columns, rows, found.buys, charts)


def _sources(origin: Origin) -> Sheet:
    widths = {"title": 44, "publisher": 32, "caveat": 60, "url": 40, "sha256": 24, "path": 30}
    columns = [
        Column(c.upper() if c in {"url", "sha256"} else _sentence(c), width=widths.get(c, 16)) for c in SOURCE_COLUMNS
    ]
    return Sheet("Sources", ["Data, dates and licences"], columns, origin.table().to_numpy().tolist())


def _notes(found: Assessed, origin: Origin) -> Sheet:
    made = f"Made by {origin.made_by}; provenance.json beside this file has every setting and version."
    rows = [[note] for note in (*found.notes, *origin.attribution(), made)]
    return Sheet("Notes", ["What to know before a figure is used"], [Column("Note", width=140)], rows)
