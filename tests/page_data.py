"""Make a synthetic council for the tests of the page: 42 zones on a grid, sites with hostile names, reach, figures."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, Point, Polygon, box

from needs import charts, scenarios
from needs.rural import where_children_live
from needs.webmap.page import PageData

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "${1+1}",
    "O`Brien Hall",
    "</script><script>alert(2)</script>",
    "{{ 7*7 }} {% raw %}",
    "\" onfocus=alert(3) x='",
    "C:\\u003cb\\x3e",
]
CRS = "EPSG:27700"
STEP_M = 1500.0
MODES = {"walk": "Walking with a pram", "drive": "Driving"}


def _zones(rng: np.random.Generator) -> gpd.GeoDataFrame:
    columns, rows = 7, 6
    n = columns * rows
    west, south = 480_000.0, 300_000.0
    shapes = [
        box(west + STEP_M * (i % columns), south + STEP_M * (i // columns), west + STEP_M * (i % columns + 1),
            south + STEP_M * (i // columns + 1))
        for i in range(n)
    ]  # fmt: skip
    births = rng.integers(4, 31, n).astype(float)
    score = np.round(rng.gamma(2.0, 12.0, n), 3)
    rank = (33_755 * np.exp(-score / 20)).astype(int) + np.arange(n)
    zones = gpd.GeoDataFrame(
        {
            "lsoa21cd": [f"E01{90_000_0 + i:06d}" for i in range(n)],
            "zone_name": [HOSTILE[i] if i < len(HOSTILE) else f"Gridshire {i:03d}A" for i in range(n)],
            "ruc21cd": ["UN1", "RLF1", "RSF1"] * (n // 3),
            "births": births,
            "children_0_4": births * 5,
            "demand": births,
            "no_car_pct": np.round(rng.uniform(5, 40, n), 1),
            "count_hidden": [i == 3 for i in range(n)],
            "need_rank_low": (rank * 0.8).astype(int) + 1,
            "need_rank_high": (rank * 1.2).astype(int).clip(max=33_755),
            "need_worst_fifth_pct": np.where(rank < 6751, 97.0, 4.0),
            "deprived_children": births * 2,
            "deprived_children_low": births * 2 - 2 * (births < 9),
            "deprived_children_high": births * 2 + 2 * (births < 9),
            "need_score": score,
            "need_rank_england": rank,
            "need_fifth_england": np.ceil(rank / 33_755 * 5).astype(int).clip(1, 5),
            "need_rank_area": pd.Series(rank).rank(method="first").astype(int),
            "need_fifth_area": np.ceil(pd.Series(rank).rank(method="first") / n * 5).astype(int),
        },
        geometry=shapes,
        crs=CRS,
    )
    for when, hubs in (("today", [0]), ("plan", [0, 24])):
        away = np.array([min(abs(i % 7 - h % 7) + abs(i // 7 - h // 7) for h in hubs) for i in range(n)], dtype=float)
        hub = np.clip(1.2 - 0.3 * away, 0, 1)
        outreach = np.where(hub < 1, (1 - hub) * (0.4 if when == "plan" else 0.1), 0)
        zones[f"cover_{when}"] = np.clip(hub + outreach, 0, 1)
        zones[f"hub_{when}"] = births * hub
        zones[f"outreach_{when}"] = births * outreach
        zones[f"virtual_{when}"] = births - zones[f"hub_{when}"] - zones[f"outreach_{when}"]
        zones[f"turned_away_{when}"] = 0.0
        zones[f"unmet_{when}"] = births * (1 + score / score.max()) * (1 - zones[f"cover_{when}"])
        zones[f"hub_walk_min_{when}"] = np.where(away > 2, np.nan, 4 + 18 * away)
        zones[f"hub_drive_min_{when}"] = 2 + 3.4 * away
    zones["unmet_plan"] += np.where(np.arange(n) == 40, 2.0 + zones["unmet_today"] - zones["unmet_plan"], 0)
    zones["unmet_change"] = zones["unmet_plan"] - zones["unmet_today"]
    return zones


def _sites() -> gpd.GeoDataFrame:
    at = [(481_200, 300_900), (485_800, 305_000), (482_500, 303_300), (488_000, 301_500), (487_000, 307_900),
          (478_500, 300_500), (484_000, 301_000)]  # fmt: skip
    return gpd.GeoDataFrame(
        {
            "site_id": [f"s{i}" for i in range(7)],
            "name": HOSTILE,
            "site_type_label": ["Family hub", "Library", "Children's centre", "Primary school", "Children's centre",
                                "Family hub", "GP practice"],
            "today": ["hub", "none", "hub", "none", "outreach", "hub", "none"],
            "offer": ["hub", "hub", "outreach", "outreach", "none", "hub", "none"],
            "status": ["keep", "open", "convert", "open", "close", "neighbour", "none"],
            "number": pd.array([1, 2, 3, 4, pd.NA, pd.NA, pd.NA], dtype="Int64"),
            "parent_hub_id": [None, None, "s0", "s1", None, None, None],
            "parent_name": [None, None, HOSTILE[0], HOSTILE[1], None, None, None],
            "parent_min": [np.nan, np.nan, 8.2, np.nan, np.nan, np.nan, np.nan],
            "families_reached": [210.4, 151.0, 44.8, 9.4, np.nan, np.nan, np.nan],
            "chosen_in": [9, 7, 4, 9, 2, np.nan, 1],
            "alternatives": [9, 9, 9, 0, 9, np.nan, 9],
            "hub_in": [9, 6, 1, 0, 1, np.nan, 0],
            "drawn_hub_pct": [90.0, 39.0, 3.0, 0.0, 0.0, np.nan, 0.0],
            "may_hub": [True, True, True, False, True, True, True],
            "may_outreach": [True, True, True, True, True, True, False],
            "drawn_pct": [91.2, 40.0, 33.0, 100.0, 0.0, np.nan, 2.0],
            "reasons": [["Reaches most", HOSTILE[0]], ["Reaches 151"], ["Near"], [], ["Reached from 1"], [],
                        ["Too far from most"]],
        },
        geometry=[Point(p) for p in at],
        crs=CRS,
    )  # fmt: skip


def _reach(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows = [
        (offer, mode, minutes, sites[sites["status"].isin(["keep", "open", "convert"]) & (sites["offer"] == offer)]
         .buffer(minutes * pace).union_all())
        for offer in ("hub", "outreach")
        for mode, pace in (("walk", 50), ("drive", 180))
        for minutes in (10, 20, 30)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["offer", "mode", "minutes", "geometry"])
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=CRS)


def _totals(zones: gpd.GeoDataFrame, when: str) -> dict[str, Any]:
    def of(part: gpd.GeoDataFrame) -> dict[str, Any]:
        demand = float(part["demand"].sum())
        sums = {k: float(part[f"{k}_{when}"].sum()) for k in ("hub", "outreach", "virtual", "unmet")}
        shares = {f"{k}_pct": 100 * sums[k] / demand if demand else math.nan for k in ("hub", "outreach", "virtual")}
        return {"demand": demand, **sums, **shares}

    return {**of(zones), "worst_fifth": of(zones[zones["need_fifth_england"] == 1])}


def basemap() -> dict[str, Any]:
    """A few roads, a railway, a lake, a wood and places with hostile names."""
    lines = {
        "road_main": [LineString([(478_000, 304_000), (493_000, 304_500)])],
        "road_mid": [LineString([(484_000, 298_000), (485_000, 311_000)])],
        "road_minor": [LineString([(480_000, 301_000 + 900 * i), (490_000, 302_000 + 900 * i)]) for i in range(6)],
        "rail": [LineString([(478_000, 299_000), (492_000, 310_000)])],
        "river": [],
    }
    base: dict[str, Any] = {k: gpd.GeoSeries(v, crs=CRS) for k, v in lines.items()}
    base["water"] = gpd.GeoSeries([Polygon([(486_000, 302_000), (487_500, 302_300), (486_900, 303_900)])], crs=CRS)
    base["green"] = gpd.GeoSeries([box(478_000, 300_000, 481_500, 302_000)], crs=CRS)
    places = {"name": [HOSTILE[0], "Gridham", "O`Grid"], "place": ["town", "city", "village"]}
    points = [Point(482_000, 306_000), Point(485_000, 303_000), Point(489_500, 307_500)]
    base["places"] = gpd.GeoDataFrame(places, geometry=points, crs=CRS)
    return base


def council(**replaced: Any) -> PageData:
    """The whole council; any part can be replaced."""
    zones = _zones(np.random.default_rng(7))
    sites = _sites()
    thirds = [("a", "Children in low income"), ("b", HOSTILE[0]), ("c", "Overcrowding")]
    shares = (0.5, 0.3, 0.2)
    parts: dict[str, Any] = {
        "name": "Gridshire",
        "postcodes": gpd.GeoDataFrame(
            {"postcode": ["GR1 1AA", "gr12bb", "GR9 9ZZ"]},
            geometry=[Point(480_700, 300_700), Point(489_800, 308_600), Point(470_000, 300_000)],
            crs=CRS,
        ),
        "boundaries": gpd.GeoDataFrame(
            {"kind": ["Wards", "Wards", "Districts"], "name": ["West", HOSTILE[2], "Gridshire"]},
            geometry=[
                box(480_000, 300_000, 485_000, 309_000),
                box(485_000, 300_000, 490_500, 309_000),
                box(480_000, 300_000, 490_500, 309_000),
            ],
            crs=CRS,
        ),
        "charts": {
            "sure": [
                charts.bars(pd.DataFrame({"label": HOSTILE[:2], "value": [91.0, 40.0]}), title="How often", unit="%")
            ]
        },
        "sure": ["Chosen in nearly all draws: two sites."],
        "slug": "gridshire",
        "synthetic": True,
        "finding": "Two hubs and two outreach sites would reach most families",
        "answer": "With the plan 7 in 10 families could reach a hub, against 4 in 10 today; nobody <b>loses</b> a hub.",
        "warning": None,
        "demand_label": "births a year",
        "zones": zones,
        "modes": MODES,
        "contributions": pd.DataFrame(
            [
                (code, i, label, score * share)
                for code, score in zip(zones["lsoa21cd"], zones["need_score"], strict=True)
                for (i, label), share in zip(thirds, shares, strict=True)
            ],
            columns=["lsoa21cd", "indicator", "label", "contribution"],
        ),
        "sites": sites,
        "reach": _reach(sites),
        "totals": {when: {"need": 1000.0, **_totals(zones, when)} for when in ("today", "plan")},
        "lead": ["Of families without a car 1% would <have> a hub."],
        "groups": scenarios.groups(
            zones.assign(kind=np.where(np.arange(len(zones)) % 2, "odd", "even")),
            {"kind": {"odd": HOSTILE[0], "even": "Without a car"}},
        ),
        "where": where_children_live(
            pd.DataFrame(
                {
                    **{c: zones[f"deprived_{c}"].to_numpy() for c in ("children", "children_low", "children_high")},
                    **{c: zones[f"need_{c}"].to_numpy() for c in ("fifth_england", "fifth_area")},
                    "ruc21cd": zones["ruc21cd"].to_numpy(),
                }
            )
        ),
        "inequality": scenarios.inequality(zones, {"cover": "Cover (0 to 1)", "hub_walk_min": "Minutes <walking>"}),
        "methods": pd.DataFrame(
            {
                "change": ["points by plain rank", HOSTILE[0]],
                "spearman": [0.991, 0.87],
                "largest_shift": [310, 4210],
                "worst_fifth": [9, 9],
                "worst_fifth_kept": [9, 7],
            }
        ),
        "varied": ["Every weight by a quarter.", HOSTILE[1]],
        "context": pd.DataFrame(
            {
                "lad24cd": ["E06000099", "E92000001"],
                "label": ["Breastfeeding <b> at 6 to 8 weeks"] * 2,
                "period": ["2023/24"] * 2,
                "value": [41.2, 52.7],
                "low": [39.0, np.nan],
                "high": [43.4, np.nan],
            }
        ),
        "proof": {"status": "optimal", "objective": 312.4, "bound": 312.4, "gap": 0.0,
                  "asked": "As much need as can be is met.", "told": "No choice of sites does better: proven."},
        "frontier": pd.DataFrame(
            {
                "limit": ["1 hub", "2 hubs"], "value": [1.0, 2.0], "met_pct": [40.04, 61.26],
                "gain_pct": [np.nan, 21.22], "hub_pct": [30.0, 39.0], "outreach_pct": [10.0, 24.0],
                "none_pct": [60.0, 37.0], "hub_names": [HOSTILE[0], f"{HOSTILE[0]}; {HOSTILE[1]}"],
                "outreach_names": ["", HOSTILE[3]], "asked": [False, True],
            }
        ),
        "basemap": basemap(),
        "sources": [
            {
                "title": "Boundaries <b>", "publisher": "Office for National Statistics", "licence": "OGL-UK-3.0",
                "date": "December 2021", "url": "https://geoportal.statistics.gov.uk/", "path": "zones.geojson",
                "sha256": "ab" * 32, "caveat": None,
            },
            {
                "title": "Halls", "publisher": "OpenStreetMap contributors", "licence": "ODbL-1.0", "date": "2022",
                "url": "javascript:alert(4)", "path": "halls.csv", "sha256": "cd" * 32, "caveat": "Cut at the border",
            },
        ],
        "assumptions": [{"what": "Walking speed", "value": "4.0 km/h", "source": "Preset"}],
        "notes": ["One hall could not be reached: O`Brien Hall."],
        "command": "make assess AREA=gridshire",
    }  # fmt: skip
    return PageData(**{**parts, **replaced})
