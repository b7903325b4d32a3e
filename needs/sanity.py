"""Look for broken networks in the times that they give: speeds, zones out of reach, detours, odd differences."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs import routing
from needs.rural import RURAL_URBAN_LABELS
from needs.streets import REASONS, Graph, Snapped, modes
from needs.travel import BUS, Network, snap_places, words

DOWNHILL = 1.2  # Tobler's hiking function is highest at a slope of 5 % downhill: e ** (3.5 x 0.05)
MIN_STRAIGHT_M = 500.0  # journeys shorter than this say more of connectors than of streets
ORIGINS, TARGETS = 400, 200  # junctions from and to which detours are measured, at most
DETOUR_RANGE = (1.1, 1.8)  # of the middle journey: street networks of towns and country lie within
SHOWN = 3  # differences of each pair of modes


@dataclass(frozen=True)
class Sanity:
    """What an analyst should see before a councillor does.

    Attributes
    ----------
    speeds
        mode, journeys, slow_kph, middle_kph, fast_kph, top_kph: straight-line kilometres over door-to-door hours, of
        journeys of 500 m or more; slow and fast are the 5th and 95th percentile; doubt.
    unreachable
        mode, lsoa21cd, reason: zones where no family reaches any site by the mode.
    detours
        mode, ruc21cd, journeys, middle, high, doubt: metres along the shortest way over straight metres (circuity),
        between junctions near families and near sites; high is the 95th percentile.
    differences
        quicker, slower (modes), lsoa21cd, site_id, site_name, quicker_min, slower_min: where two modes, or the ways
        there and back, differ most; first those that one mode never reaches (slower_min NaN), nearest by the other.
    """

    speeds: pd.DataFrame
    unreachable: pd.DataFrame
    detours: pd.DataFrame
    differences: pd.DataFrame

    def lines(self) -> Iterator[str]:
        """Say it in words, a line at a time."""
        yield "Implied speed, straight line over door-to-door time (km/h):"
        for r in self.speeds.itertuples():
            told = f"{r.slow_kph:.1f} to {r.fast_kph:.1f}, middle {r.middle_kph:.1f}, top {r.top_kph:.1f}"
            yield f"  {r.mode:<11} {told} ({r.journeys:,} journeys){_doubt(r.doubt)}"
        usual = " to ".join(f"{d:g}" for d in DETOUR_RANGE)
        yield f"Shortest way over straight line (circuity; {usual} is usual):"
        for r in self.detours.itertuples():
            told = f"middle {r.middle:.2f}, 95th percentile {r.high:.2f}"
            yield f"  {r.mode:<11} {RURAL_URBAN_LABELS[str(r.ruc21cd)]}: {told} ({r.journeys:,} pairs){_doubt(r.doubt)}"
        yield "Zones where no family reaches any site:"
        for (mode, reason), rows in self.unreachable.groupby(["mode", "reason"], sort=False):
            codes = rows["lsoa21cd"].tolist()
            more = f" and {len(codes) - 5} more" if len(codes) > 5 else ""
            yield f"  {mode:<11} {len(codes)}: {reason}: {', '.join(codes[:5])}{more}"
        if not len(self.unreachable):
            yield "  none"
        yield "Largest differences (middle family of the zone, minutes):"
        for row in self.differences.to_dict("records"):
            slow = "beyond its limit" if np.isnan(row["slower_min"]) else f"{row['slower_min']:.0f}"
            where = f"{row['lsoa21cd']} to {row['site_name']}"
            yield f"  {row['slower']} {slow}, {row['quicker']} {row['quicker_min']:.0f}: {where}"
        doubts = int((self.speeds["doubt"] != "").sum() + (self.detours["doubt"] != "").sum())
        yield f"{doubts} doubts, marked <- above" if doubts else "no doubt about speeds and detours"


def look(
    points: gpd.GeoDataFrame,
    zones: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    networks: Mapping[str, Network],
    minutes: Mapping[str, pd.DataFrame],
    by_zone: pd.DataFrame,
) -> Sanity:
    """Look at the times of an area.

    Parameters
    ----------
    points
        point_id, lsoa21cd, share, geometry (EPSG:27700).
    zones
        lsoa21cd, ruc21cd.
    sites
        site_id, name, geometry (EPSG:27700).
    networks
        Streets by mode; of straight lines no detours are measured.
    minutes
        By mode: index point_id, columns site_id, NaN beyond the limit.
    by_zone
        Of `travel.by_zone`, all modes.
    """
    graphs = {mode: graph for mode, graph in networks.items() if isinstance(graph, Graph)}
    return Sanity(
        _speeds(points, sites, graphs, minutes),
        _unreachable(points, graphs, minutes),
        _detours(points, zones, sites, graphs),
        _differences(by_zone, sites),
    )


def _doubt(text: object) -> str:
    return f"  <- {text}" if text else ""


def _straight_m(a: gpd.GeoDataFrame, b: gpd.GeoDataFrame) -> NDArray[np.float64]:
    dx = a.geometry.x.to_numpy()[:, None] - b.geometry.x.to_numpy()[None, :]
    dy = a.geometry.y.to_numpy()[:, None] - b.geometry.y.to_numpy()[None, :]
    return np.asarray(np.hypot(dx, dy))


def _speeds(
    points: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame,
    graphs: Mapping[str, Graph],
    minutes: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    rows = []
    far = _straight_m(points, sites)
    for mode, table in minutes.items():
        times = table.loc[points["point_id"], sites["site_id"]].to_numpy()
        use = np.isfinite(times) & (far >= MIN_STRAIGHT_M)
        kph = far[use] / 1000 / np.maximum(times[use] / 60, 1e-9)
        low, middle, high, top = np.quantile(kph, [0.05, 0.5, 0.95, 1.0]) if len(kph) else [np.nan] * 4
        most = _top_kph(mode, graphs.get(mode))
        doubt = f"over {most:.0f} km/h cannot be: look for wrong coordinates or speeds" if top > most + 0.1 else ""
        doubt = doubt if len(kph) else "no journey at all: look at the streets and the sites"
        rows.append((mode, len(kph), low, middle, high, top, doubt))
    names = ["mode", "journeys", "slow_kph", "middle_kph", "fast_kph", "top_kph", "doubt"]
    return pd.DataFrame(rows, columns=names)


def _top_kph(mode: str, graph: Graph | None) -> float:
    """Speed that no door-to-door journey by a mode can pass."""
    if mode == BUS:
        return 100.0  # coaches are held to 62 mph by their limiters
    rule = modes()[mode]
    own = [rule.kph] if rule.kph else [*rule.typical_kph.values(), *(s.mph * 1.609344 for s in rule.sign)]
    downhill = DOWNHILL if rule.gradient else 1.0
    ferry = rule.ferry_kph if graph is not None and graph.edges.ferry.any() else 0.0
    return max(*(kph * downhill for kph in own), rule.connector_kph, ferry)


def _unreachable(
    points: gpd.GeoDataFrame, graphs: Mapping[str, Graph], minutes: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    rows = []
    for mode, table in minutes.items():
        got = table.loc[points["point_id"]].notna().any(axis=1).to_numpy()
        reached = pd.Series(got).groupby(points["lsoa21cd"].to_numpy()).any()
        lost = sorted(reached.index[~reached])
        if not lost:
            continue
        snapped = snap_places(points, graphs[mode]) if mode in graphs else None
        for code in lost:
            here = np.flatnonzero(points["lsoa21cd"].to_numpy() == code)
            reason = "no bus within a walk, or none that gets there in time"
            if snapped is not None:
                off = snapped.reason[here][snapped.edge[here] < 0]
                reason = f"no site within {modes()[mode].limit_min:g} minutes"
                if 2 * len(off) >= len(here):
                    reason = REASONS[np.bincount(off).argmax()]
            rows.append((mode, code, reason))
    return pd.DataFrame(rows, columns=["mode", "lsoa21cd", "reason"])


def _detours(
    points: gpd.GeoDataFrame, zones: pd.DataFrame, sites: gpd.GeoDataFrame, graphs: Mapping[str, Graph]
) -> pd.DataFrame:
    rows = []
    classes = points["lsoa21cd"].map(zones.set_index("lsoa21cd")["ruc21cd"]).to_numpy()
    for mode, graph in graphs.items():
        home, site = snap_places(points, graph), snap_places(sites, graph)
        ends = _junctions(site, site.edge >= 0, TARGETS)
        for name in sorted(set(classes)):
            start = _junctions(home, (classes == name) & (home.edge >= 0), ORIGINS)
            along = _metres(graph, start, ends)
            straight = np.hypot(
                graph.x[start][:, None] - graph.x[ends][None, :], graph.y[start][:, None] - graph.y[ends][None, :]
            )
            use = np.isfinite(along) & (straight >= MIN_STRAIGHT_M)
            if not use.any():
                continue
            middle, high = np.quantile(along[use] / straight[use], [0.5, 0.95])
            odd = not DETOUR_RANGE[0] <= middle <= DETOUR_RANGE[1]
            doubt = "unusual: look for missing streets, or for places that are not joined" if odd else ""
            rows.append((mode, name, int(use.sum()), middle, high, doubt))
    return pd.DataFrame(rows, columns=["mode", "ruc21cd", "journeys", "middle", "high", "doubt"])


def _junctions(places: Snapped, use: NDArray[np.bool_], most: int) -> NDArray[np.int32]:
    """Take junctions at the ends of the streets that places stand on, evenly through all of them."""
    edges = places.graph.edges
    both = np.unique(np.concatenate([edges.start[places.edge[use]], edges.end[places.edge[use]]]))
    return both[:: max(1, -(-len(both) // most))]


def _metres(graph: Graph, start: NDArray[np.int32], end: NDArray[np.int32]) -> NDArray[np.float64]:
    """Metres of the shortest way between junctions; NaN where there is none."""
    decimetres = np.rint(graph.edges.metres * 10).astype(np.int64)
    arcs = graph.edges.arcs(len(graph.x), decimetres, decimetres)
    found = routing.times_ms(routing.Task(arcs, routing.Ends.at(start), routing.Ends.at(end)))
    return np.where(found == routing.UNREACHED, np.nan, found / 10)


def _differences(by_zone: pd.DataFrame, sites: pd.DataFrame) -> pd.DataFrame:
    """Pair the modes, and the ways there and back, and take the zones and sites where they differ most."""
    wide = by_zone.set_index(["lsoa21cd", "site_id", "mode"])[["minutes", "back_min"]].unstack("mode")  # noqa: PD010
    label = {mode: words()[str(mode)].label.lower() for mode in by_zone["mode"].unique()}
    pairs = [
        (label[a], wide["minutes", a], label[b], wide["minutes", b])
        for a, b in itertools.combinations(by_zone["mode"].unique(), 2)
    ]
    pairs += [
        (f"{label[m]}, there", wide["minutes", m], f"{label[m]}, home", wide["back_min", m])
        for m in by_zone["mode"].unique()
        if wide["back_min", m].notna().any()
    ]
    rows, names = [], sites.set_index("site_id")["name"]
    for one, minutes, other, others in pairs:
        for a, x, b, y in ((one, minutes, other, others), (other, others, one, minutes)):
            never = x[x.notna() & y.isna()].sort_values(kind="stable")
            gap = (y - x).dropna()
            gap = gap[gap >= 1.0].sort_values(ascending=False, kind="stable")
            for key in (*never.index[:SHOWN], *gap.index[:SHOWN]):
                zone, site = key
                rows.append((a, b, zone, site, names[site], float(x[key]), float(y[key])))
    columns = ["quicker", "slower", "lsoa21cd", "site_id", "site_name", "quicker_min", "slower_min"]
    return pd.DataFrame(rows, columns=columns)
