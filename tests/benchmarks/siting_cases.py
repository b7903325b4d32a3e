"""Make the cases that siting is measured on: OR-Library files, random graphs of their kind, and places like England.

A place is arrays only: towns of very different size and country between them, families of unequal need, sites among
them, and minutes by crow distance, slower where zones lie dense. All are the same on every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import floyd_warshall
from scipy.spatial import cKDTree

from needs.location.costs import Bools, Costs, Floats, Places, Starts
from needs.location.rules import Ints, Limit, Links, Rules
from needs.settings import SEED

DETOUR = 1.2  # streets against the crow
DOOR_MIN = 1.0  # from the street to the door
RURAL_SHARE = 0.12
OUTREACH_WORTH = 0.6  # of what a hub is worth to a family
_BLOCK = 1024  # zones whose sites are looked up at once


@dataclass(frozen=True)
class Case:
    """Zones with need, sites, and the minutes between them.

    Attributes
    ----------
    name
        For tables.
    cut_min
        Minutes beyond which nothing is listed.
    weights
        Births times need; shape (zones,).
    fifth
        Of the zones by need: 1 (greatest) to 5; shape (zones,).
    start, site, minutes
        Entries of zone i are start[i] : start[i + 1], by site; minutes in steps of 0.1.
    site_zone
        Zone at which each site stands, ascending; shape (sites,).
    may_hub
        Sites that may be hubs: half of them; shape (sites,).
    """

    name: str
    cut_min: float
    weights: Floats
    fifth: Ints
    start: Starts
    site: Places
    minutes: Floats
    site_zone: Ints
    may_hub: Bools

    @property
    def zones(self) -> int:
        """How many there are."""
        return len(self.weights)

    @property
    def sites(self) -> int:
        """How many there are."""
        return len(self.site_zone)

    @property
    def row(self) -> Places:
        """Give the zone of each entry."""
        return np.repeat(np.arange(self.zones, dtype=np.int32), np.diff(self.start))

    def between(self) -> csr_array:
        """Minutes between sites within the cut-off, in steps of 0.1; shape (sites, sites)."""
        listed = csr_array((self.minutes, self.site, self.start), shape=(self.zones, self.sites))
        return listed[self.site_zone]


def council() -> Case:
    """Make 1,000 zones and 200 sites."""
    return place("council", zones=1_000, sites=200, side_km=16.0, towns=12, cut_min=60.0, seed=SEED)


def county() -> Case:
    """Make 10,000 zones and 2,000 sites."""
    return place("county", zones=10_000, sites=2_000, side_km=60.0, towns=110, cut_min=45.0, seed=SEED)


def england() -> Case:
    """Make 190,000 zones and 20,000 sites, with about twenty million entries."""
    return place("England", zones=190_000, sites=20_000, side_km=360.0, towns=2_500, cut_min=25.0, seed=SEED)


def town() -> Case:
    """Make 800 zones each of which may have a site."""
    return place("town", zones=800, sites=800, side_km=12.0, towns=8, cut_min=45.0, seed=SEED)


def place(name: str, *, zones: int, sites: int, side_km: float, towns: int, cut_min: float, seed: int) -> Case:
    """Make a place of any size; zones near each other are numbered alike."""
    rng = np.random.default_rng(seed)
    at = _settle(zones, side_km, towns, rng)
    pace = _pace(at)
    need = _need(at, side_km, rng)
    site_zone = np.sort(rng.choice(zones, sites, replace=False, p=need / need.sum()))
    may_hub = np.zeros(sites, bool)
    may_hub[rng.choice(sites, sites // 2, replace=False)] = True
    rank = np.empty(zones, np.intp)
    rank[np.argsort(-need, kind="stable")] = np.arange(zones)
    start, site, minutes = _entries(at, pace, site_zone, cut_min)
    return Case(
        name=name,
        cut_min=cut_min,
        weights=np.round(rng.poisson(3.2, zones) * need, 2),
        fifth=1 + rank * 5 // zones,
        start=start,
        site=site,
        minutes=minutes,
        site_zone=site_zone,
        may_hub=may_hub,
    )


def _settle(zones: int, side_km: float, towns: int, rng: np.random.Generator) -> Floats:
    """Put zones in towns whose sizes follow Zipf's law, and some anywhere; kilometres, shape (zones, 2)."""
    size = 1.0 / np.arange(1, towns + 1) ** 0.85
    size /= size.sum()
    town = rng.choice(towns, zones, p=size)
    spread_km = 0.55 * np.sqrt(size * zones * (1 - RURAL_SHARE) / (6 * np.pi))  # some six zones to a square kilometre
    at = rng.uniform(0.0, side_km, (towns, 2))[town] + rng.normal(size=(zones, 2)) * spread_km[town, None]
    rural = rng.random(zones) < RURAL_SHARE
    at[rural] = rng.uniform(0.0, side_km, (int(rural.sum()), 2))
    at = np.clip(at, 0.0, side_km)
    order = gpd.GeoSeries(gpd.points_from_xy(*at.T)).hilbert_distance().to_numpy()
    return at[np.argsort(order, kind="stable")]


def _pace(at: Floats) -> Floats:
    """Minutes a kilometre at each zone: 17 to 62 km/h, the slower the denser; shape (zones,)."""
    far_km = cKDTree(at).query(at, k=9)[0][:, 8]
    per_km2 = 8 / (np.pi * np.maximum(far_km, 1e-6) ** 2)
    return 60.0 / np.clip(62.0 - 9.0 * np.log1p(4.0 * per_km2), 17.0, 62.0)


def _need(at: Floats, side_km: float, rng: np.random.Generator) -> Floats:
    """Need of zones, 0.25 to 1.75: a smooth field and chance; shape (zones,)."""
    centres, heights = rng.uniform(0.0, side_km, (60, 2)), rng.normal(size=60)
    field = np.zeros(len(at))
    for centre, height in zip(centres, heights, strict=True):
        field += height * np.exp(-((at - centre) ** 2).sum(axis=1) * 32.0 / side_km**2)
    field += rng.normal(0.0, 0.7 * field.std(), len(at))
    rank = np.argsort(np.argsort(field, kind="stable"), kind="stable") / len(at)
    return 0.25 + 1.5 * rank**1.5


def _entries(at: Floats, pace: Floats, site_zone: Ints, cut_min: float) -> tuple[Starts, Places, Floats]:
    """Sites and minutes of every zone within the cut-off, in blocks of zones of like pace, which look equally far."""
    tree = cKDTree(at[site_zone])
    count = np.zeros(len(at), np.int64)
    blocks = []
    order = np.argsort(pace, kind="stable")
    for k in range(0, len(order), _BLOCK):
        zones = order[k : k + _BLOCK]
        far_km = 2.0 * (cut_min - DOOR_MIN) / (DETOUR * (pace[zones[0]] + pace[site_zone].min()))
        pairs = cKDTree(at[zones]).sparse_distance_matrix(tree, far_km, output_type="ndarray")
        zone, site = zones[pairs["i"]], pairs["j"].astype(np.int32)
        # Half of the way is at the pace of each end.
        minutes = DOOR_MIN + pairs["v"] * DETOUR * (pace[zone] + pace[site_zone[site]]) / 2.0
        tenths = np.rint(10.0 * minutes).astype(np.int16)
        near = tenths <= round(10 * cut_min)
        zone, site, tenths = zone[near], site[near], tenths[near]
        by = np.lexsort((site, zone))
        zones = np.sort(zones)
        count[zones] = np.bincount(np.searchsorted(zones, zone), minlength=len(zones))
        blocks.append((zones, site[by], tenths[by]))
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    site, minutes = np.empty(start[-1], np.int32), np.empty(start[-1])
    for zones, sites, tenths in blocks:
        size = count[zones]
        slots = np.arange(len(sites)) + np.repeat(start[zones] - (np.cumsum(size) - size), size)
        site[slots], minutes[slots] = sites, tenths / 10.0
    return start, site, minutes


def draws(case: Case, count: int, spread: float = 0.2) -> Floats:
    """Draw weights anew: chance in each zone, and how much each fifth's need counts; shape (count, zones)."""
    rng = np.random.default_rng(SEED)
    fifths = rng.normal(0.0, spread, (count, 5))
    return case.weights * np.exp(rng.normal(0.0, spread, (count, case.zones)) + fifths[:, case.fifth - 1])


def median(case: Case) -> Costs:
    """State the p-median: weighted minutes, at the cut-off for zones that no open site reaches."""
    row = case.row
    weights = case.weights
    return Costs.of(row, case.site, weights[row] * case.minutes, weights * case.cut_min, case.sites)


def cover(case: Case, minutes: float) -> Costs:
    """State maximal covering: the weight of zones farther than so many minutes from every open site."""
    near = case.minutes <= minutes
    row = case.row[near]
    return Costs.of(row, case.site[near], np.zeros(len(row)), case.weights.copy(), case.sites)


@dataclass(frozen=True)
class Joint:
    """Hubs and outreach at once: choices are a hub at each site that may have one, then outreach at every site.

    Attributes
    ----------
    costs
        Weight not met: nothing with a hub in reach, a part with outreach only.
    site
        Of each choice; shape (choices,).
    hangs
        Choices that are outreach, which need a hub near; shape (choices,).
    apart
        Hub and outreach at one site, pair by pair.
    links
        Hubs on which each outreach may hang.
    price
        Of each choice a year, thousands of pounds; shape (choices,).
    """

    costs: Costs
    site: Ints
    hangs: Bools
    apart: tuple[Ints, ...]
    links: Links
    price: Floats

    def rules(self, *limits: Limit) -> Rules:
        """Join limits to what always holds."""
        return Rules(len(self.site), limits, self.apart, hangs=self.hangs, links=self.links)

    def counted(self, hubs: int, outreach: int) -> Rules:
        """Allow so many of each."""
        return self.rules(
            Limit((~self.hangs).astype(float), float(hubs), "hubs"),
            Limit(self.hangs.astype(float), float(outreach), "outreach"),
        )

    def priced(self, budget: float) -> Rules:
        """Allow what so many thousands of pounds a year pay for."""
        return self.rules(Limit(self.price, float(budget), "budget"))


def joint(case: Case, hub_min: float, outreach_min: float, parent_min: float) -> Joint:
    """State the joint problem of a case.

    Parameters
    ----------
    case
        The place.
    hub_min, outreach_min
        Standards: minutes within which each offer counts as reached.
    parent_min
        Minutes within which outreach may hang on a hub.
    """
    hub_sites = np.flatnonzero(case.may_hub)
    hubs = len(hub_sites)
    hub_of = np.full(case.sites, -1)
    hub_of[hub_sites] = np.arange(hubs)
    row = case.row
    by_hub = (case.minutes <= hub_min) & case.may_hub[case.site]
    by_outreach = case.minutes <= outreach_min
    part = (1.0 - OUTREACH_WORTH) * case.weights
    costs = Costs.of(
        np.concatenate([row[by_hub], row[by_outreach]]),
        np.concatenate([hub_of[case.site[by_hub]], hubs + case.site[by_outreach]]),
        np.concatenate([np.zeros(int(by_hub.sum())), part[row[by_outreach]]]),
        case.weights.copy(),
        hubs + case.sites,
    )
    near = case.between().tocoo()
    parent = (near.data <= parent_min) & case.may_hub[near.col]
    child = near.row[parent]
    count = np.concatenate([np.zeros(hubs, np.int64), np.bincount(child, minlength=case.sites)])
    by = np.lexsort((near.col[parent], child))
    links = Links(np.concatenate([[0], np.cumsum(count)]), hub_of[near.col[parent][by]].astype(np.int32))
    rng = np.random.default_rng(SEED)
    return Joint(
        costs=costs,
        site=np.concatenate([hub_sites, np.arange(case.sites)]),
        hangs=np.arange(hubs + case.sites) >= hubs,
        apart=tuple(np.array([k, hubs + j]) for k, j in enumerate(hub_sites.tolist())),
        links=links,
        price=np.concatenate([np.rint(rng.uniform(250, 450, hubs)), np.rint(rng.uniform(30, 90, case.sites))]),
    )


def orlib(path: Path) -> tuple[Floats, int]:
    """Read a p-median file of the OR-Library (Beasley 1990, doi:10.1057/jors.1990.166).

    Its first line has the nodes, the edges and p; every other one an edge and its cost. Of edges given twice the last
    holds.

    Returns
    -------
    Floats, int
        Cost of the cheapest way between all nodes, shape (nodes, nodes); and p.
    """
    nodes, _edges, p, *rest = (int(word) for word in path.read_text().split())
    cost = np.full((nodes, nodes), np.inf)
    for a, b, c in np.array(rest).reshape(-1, 3).tolist():
        cost[a - 1, b - 1] = cost[b - 1, a - 1] = c
    return floyd_warshall(cost, directed=False), p


def beasley(nodes: int, p: int, seed: int = SEED) -> tuple[Floats, int]:
    """Draw a graph of the OR-Library's kind: nodes^2 / 50 edges of cost 1 to 100, connected; answer as `orlib`."""
    rng = np.random.default_rng([seed, nodes])
    child = np.arange(1, nodes)
    tree = rng.integers(0, child) * nodes + child  # each node hangs on one before it
    a, b = np.triu_indices(nodes, 1)
    others = np.setdiff1d(a * nodes + b, tree)
    more = max(0, nodes**2 // 50 - len(tree))
    edge = np.concatenate([tree, rng.choice(others, more, replace=False)])
    cost = np.full((nodes, nodes), np.inf)
    cost[edge // nodes, edge % nodes] = rng.integers(1, 101, len(edge))
    return floyd_warshall(np.minimum(cost, cost.T), directed=False), p


def everywhere(cost: Floats) -> Costs:
    """State the p-median of a table of finite costs, where to be served by none is dearer than by any."""
    return Costs.dense(cost, cost.max(axis=1) + 1.0)
