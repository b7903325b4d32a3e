"""House the people of a council along its streets, gather them into zones, and say how they live."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from needs.demo.ground import Bend, Coordinates
from needs.demo.network import Network
from needs.demo.plans import Plan
from needs.settings import CRS

_HOMES_ON = ("primary", "secondary", "tertiary", "unclassified", "residential")
_PEOPLE_A_POINT = 75
_PEOPLE_A_ZONE = 1_520
_OTHER_ZONES = 1_889  # reference zones of the invented England outside the two councils
_FIRST_OTHER = 910_001
_RANKS = ("idaci_rank", "income_rank", "education_rank", "health_rank", "barriers_rank")
_HOUSEHOLDS = ("overcrowded_1", "overcrowded_2", "bedrooms_ideal", "spare_1", "spare_2")
ENGLAND_COLUMNS = (*_RANKS, *(f"{name}_households" for name in _HOUSEHOLDS))


@dataclass(frozen=True)
class People:
    """Postcodes and zones of a council.

    Attributes
    ----------
    points
        point_id, lsoa21cd, weight (people), settlement, geometry (EPSG:27700).
    zones
        lsoa21cd, zone_name, lad24cd, ruc21cd, people, hardship (standard deviations), geometry (EPSG:27700).
    """

    points: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame


def settle(plan: Plan, network: Network, bend: Bend, built: shapely.Geometry, rng: np.random.Generator) -> People:
    """House people in postcodes along the streets of their settlement and gather postcodes into zones."""
    homes, place, people = _homes(plan, network, bend, built, rng)
    group = _groups(plan, place, homes, people)
    zone_of = _ordered(group, homes)
    shapes = _tile(plan, bend, homes, zone_of, rng)
    codes = [f"E01{plan.first_zone + k:06d}" for k in range(len(shapes))]
    points = gpd.GeoDataFrame(
        {
            "point_id": _postcodes(plan.postcode, zone_of),
            "lsoa21cd": np.array(codes)[zone_of],
            "weight": people,
            "settlement": place,
        },
        geometry=gpd.points_from_xy(homes[:, 0], homes[:, 1]),
        crs=CRS,
    )
    hardship, ruc = _character(plan, bend, homes, place, zone_of, people, rng)
    zones = gpd.GeoDataFrame(
        {
            "lsoa21cd": codes,
            "zone_name": [f"{plan.name} {k // 5 + 1:03d}{'ABCDE'[k % 5]}" for k in range(len(codes))],
            "lad24cd": plan.code,
            "ruc21cd": ruc,
            "people": np.bincount(zone_of, weights=people).astype(int),
            "hardship": hardship,
        },
        geometry=shapes,
        crs=CRS,
    )
    return People(points, zones)


def _homes(
    plan: Plan, network: Network, bend: Bend, built: shapely.Geometry, rng: np.random.Generator
) -> tuple[Coordinates, NDArray[np.int64], NDArray[np.int64]]:
    """Place postcodes at even steps along the streets of each settlement, a few metres off the road."""
    pairs, _ = network.pieces(_HOMES_ON)
    tail, head = network.nodes[pairs[:, 0]], network.nodes[pairs[:, 1]]
    middle = (tail + head) / 2
    ground = bend.shape(built.intersection(plan.outline.buffer(-60)))
    inside = shapely.contains_xy(ground, middle[:, 0], middle[:, 1])
    tail, head, middle = tail[inside], head[inside], middle[inside]
    centres = bend(np.array([(s.x, s.y) for s in plan.settlements]))
    bank = _bank(plan, bend, middle)
    far = bank[:, None] != _bank(plan, bend, centres)[None, :]
    distance = np.hypot(middle[:, None, 0] - centres[None, :, 0], middle[:, None, 1] - centres[None, :, 1])
    nearest = np.where(far, np.inf, distance).argmin(axis=1)
    homes, place, people = [], [], []
    for k, settlement in enumerate(plan.settlements):
        own = np.flatnonzero(nearest == k)
        if settlement.kind == "neighbour":
            continue
        step = head[own] - tail[own]
        length = np.hypot(*step.T)
        ends = np.cumsum(length)
        count = max(3, round(settlement.people / _PEOPLE_A_POINT))
        at = (np.arange(count) + rng.uniform(0.2, 0.8, size=count)) * ends[-1] / count
        edge = np.searchsorted(ends, at)
        share = 1 - (ends[edge] - at) / length[edge]
        side = rng.choice([-1, 1], size=count) * rng.uniform(7, 14, size=count)
        across = np.column_stack([-step[edge, 1], step[edge, 0]]) / length[edge, None]
        homes.append(tail[own][edge] + share[:, None] * step[edge] + side[:, None] * across)
        place.append(np.full(count, k))
        drawn = rng.gamma(9.0, size=count)
        people.append(np.maximum(8, np.round(drawn / drawn.sum() * settlement.people)).astype(np.int64))
    return np.round(np.vstack(homes), 1), np.concatenate(place), np.concatenate(people)


def _bank(plan: Plan, bend: Bend, points: Coordinates) -> NDArray[np.int64]:
    """1 north of the river's centreline, else 0."""
    if plan.river is None:
        return np.zeros(len(points), dtype=np.int64)
    line = np.asarray(bend.shape(plan.river).coords)
    top = line[:, 1].max() + 50_000
    north = shapely.Polygon([*line, (line[-1, 0], top), (line[0, 0], top)])
    return np.asarray(shapely.contains_xy(north, points[:, 0], points[:, 1]), dtype=np.int64)


def _groups(plan: Plan, place: NDArray[np.int64], homes: Coordinates, people: NDArray[np.int64]) -> NDArray[np.int64]:
    """Split each town or suburb by itself, and the country as a whole, into parts of about one zone's people."""
    country = np.array([s.kind == "village" for s in plan.settlements])
    label = np.where(country[place], -1, place)
    group = np.zeros(len(place), dtype=np.int64)
    used = 0
    for value in np.unique(label):
        own = np.flatnonzero(label == value)
        parts = max(1, round(people[own].sum() / _PEOPLE_A_ZONE))
        for part in _split(own, homes, people, parts):
            group[part] = used
            used += 1
    return group


def _split(
    own: NDArray[np.int64], homes: Coordinates, people: NDArray[np.int64], parts: int
) -> list[NDArray[np.int64]]:
    """Halve along the longer axis, again and again, cutting at the widest gap near the fair share."""
    if parts == 1:
        return [own]
    spot = homes[own] - homes[own].mean(axis=0)
    axis = np.linalg.svd(spot, full_matrices=False)[2][0]
    along = spot @ (axis * (1 if abs(axis[0]) > abs(axis[1]) else np.sign(axis[1])))
    order = np.argsort(along, kind="stable")
    share = np.cumsum(people[own][order])[:-1] / people[own].sum() * parts
    fair = parts // 2
    gap = np.diff(along[order])
    best = int(np.argmax(np.where(np.abs(share - fair) <= 0.13, gap, -np.abs(share - fair))))
    left, right = own[order[: best + 1]], own[order[best + 1 :]]
    return [*_split(left, homes, people, fair), *_split(right, homes, people, parts - fair)]


def _ordered(group: NDArray[np.int64], homes: Coordinates) -> NDArray[np.int64]:
    """Renumber groups from north to south in belts, as the ONS numbers its areas."""
    count = int(group.max()) + 1
    middle = np.array([homes[group == g].mean(axis=0) for g in range(count)])
    belt = -np.floor(middle[:, 1] / 2_000)
    number = np.empty(count, dtype=np.int64)
    number[np.lexsort([middle[:, 0], belt])] = np.arange(count)
    return number[group]


def _tile(
    plan: Plan, bend: Bend, homes: Coordinates, zone_of: NDArray[np.int64], rng: np.random.Generator
) -> list[shapely.Geometry]:
    """Tile the council: every bit of ground goes to the zone of the nearest postcode on its own bank.

    The ground is cut into the Voronoi cells of postcodes, of a jittered grid, and of pairs of points mirrored in
    the river's centreline, so that zones part in mid-river and their borders wind.
    """
    outline = bend.shape(plan.outline)
    west, south, east, north = outline.bounds
    gap = np.sqrt(outline.area / 5_000)
    x, y = np.meshgrid(np.arange(west, east + gap, gap), np.arange(south, north + gap, gap))
    fill = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.42, 0.42, size=(x.size, 2)) * gap
    if plan.river is not None:
        line = shapely.segmentize(bend.shape(plan.river), 60)
        vertices = np.asarray(line.coords)
        middle, step = (vertices[1:] + vertices[:-1]) / 2, np.diff(vertices, axis=0)
        across = np.column_stack([-step[:, 1], step[:, 0]]) / np.hypot(*step.T)[:, None] * 45
        fill = fill[shapely.distance(shapely.points(fill), line) > 110]
        fill = np.vstack([fill, middle + across, middle - across])
    fill = np.round(fill, 2)
    bank, home_bank = _bank(plan, bend, fill), _bank(plan, bend, homes)
    owner = np.empty(len(fill), dtype=np.int64)
    for side in np.unique(home_bank):
        near = np.flatnonzero(home_bank == side)
        owner[bank == side] = zone_of[near[cKDTree(homes[near]).query(fill[bank == side])[1]]]
    seeds = shapely.MultiPoint(np.vstack([homes, fill]))
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=outline.buffer(500), ordered=True))
    zone = np.concatenate([zone_of, owner])
    shapely.prepare(outline)
    edge = ~shapely.contains(outline, cells)
    cells[edge] = shapely.intersection(cells[edge], outline)
    clipped = shapely.transform(cells, lambda c: np.round(c, 2))
    return [
        shapely.coverage_union_all(clipped[(zone == z) & (shapely.area(clipped) > 0)])
        for z in range(int(zone_of.max()) + 1)
    ]


def _postcodes(area: str, zone_of: NDArray[np.int64]) -> list[str]:
    """Invented postcodes: the district follows the zone, five zones to a district; no real area starts with Q."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    seen: dict[int, int] = {}
    codes = []
    for zone in zone_of:
        district = int(zone) // 5 + 1
        k = seen.get(district, 0)
        seen[district] = k + 1
        codes.append(f"{area}{district} {k // 400 + 1}{letters[k // 20 % 20]}{letters[k % 20]}")
    return codes


def _character(
    plan: Plan,
    bend: Bend,
    homes: Coordinates,
    place: NDArray[np.int64],
    zone_of: NDArray[np.int64],
    people: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], list[str]]:
    """Hardship of each zone and its rural-urban class: that of the settlement where most of its people live."""
    count = int(zone_of.max()) + 1
    centres = bend(np.array([(s.x, s.y) for s in plan.settlements]))
    turn = rng.uniform(0, 2 * np.pi, size=len(centres))
    reach = np.array([s.radius_m for s in plan.settlements])[place]
    slope = ((homes - centres[place]) * np.column_stack([np.cos(turn), np.sin(turn)])[place]).sum(axis=1) / reach
    spread = np.array([s.spread for s in plan.settlements])[place]
    level = np.array([s.hardship for s in plan.settlements])[place] + spread * np.clip(slope, -1, 1)
    total = np.bincount(zone_of, weights=people)
    mean = np.bincount(zone_of, weights=people * level) / total
    ruc = []
    for zone in range(count):
        own = zone_of == zone
        ruc.append(plan.settlements[int(np.bincount(place[own], weights=people[own]).argmax())].ruc)
    return mean + rng.normal(0, 0.25, size=count), ruc


def demand(zones: gpd.GeoDataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Births in a year (more where hardship is greater, 10 to 32 a zone) and children aged 0 to 4 and 5 to 19."""
    expected = zones["people"] / 1_000 * (11.0 + 2.0 * zones["hardship"])
    births = np.clip(rng.poisson(np.clip(expected, 10, 30)), 10, 32)
    children = np.round(births * rng.uniform(4.7, 5.3, size=len(births))).astype(int)
    older = np.round(children * rng.uniform(2.8, 3.4, size=len(births))).astype(int)
    return pd.DataFrame(
        {"lsoa21cd": zones["lsoa21cd"], "births": births, "children_0_4": children, "children_5_19": older}
    )


def deprived_children(zones: gpd.GeoDataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Children in income deprivation, as the Indices publish them: to the nearest 5, fewer than 10 left blank."""
    share = 0.16 * np.exp(0.7 * zones["hardship"])
    children = rng.binomial(np.round(zones["people"] * 0.18).astype(int), np.clip(share, 0.01, 0.8))
    shown = pd.Series(5 * np.round(children / 5), index=zones.index)
    return pd.DataFrame({"lsoa21cd": zones["lsoa21cd"], "children": shown.where(children >= 10).astype("Int64")})


def cars(zones: gpd.GeoDataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Households without a car, per cent: most in poor urban zones, least in villages."""
    urban = zones["ruc21cd"].str.startswith("U")
    middle = np.where(urban, 21.0 + 9.0 * zones["hardship"], 11.0 + 5.0 * zones["hardship"])
    without = np.clip(middle + rng.normal(0, 2.0, size=len(zones)), 3, 62)
    return pd.DataFrame({"lsoa21cd": zones["lsoa21cd"], "no_car_pct": np.round(without, 1)})


def digital(zones: gpd.GeoDataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Households that do not use the internet, per cent: more where hardship is greater, and in villages."""
    villages = zones["ruc21cd"].str.startswith("RS")
    middle = 6.0 + 2.5 * zones["hardship"] + 3.0 * villages
    offline = np.clip(middle + rng.normal(0, 1.0, size=len(zones)), 1, 30)
    return pd.DataFrame({"lsoa21cd": zones["lsoa21cd"], "offline_pct": np.round(offline, 1)})


def england(councils: list[gpd.GeoDataFrame], rng: np.random.Generator) -> pd.DataFrame:
    """Ranks and overcrowding of every reference zone of an invented England, the councils' own among them.

    One latent hardship drives income, children, education and health, so that their ranks agree (about 0.85, as in
    the English Indices); barriers to services follow remoteness more than hardship.
    """
    known = pd.concat([z[["lsoa21cd", "ruc21cd", "people", "hardship"]] for z in councils], ignore_index=True)
    other = pd.DataFrame(
        {
            "lsoa21cd": [f"E01{_FIRST_OTHER + k:06d}" for k in range(_OTHER_ZONES)],
            "ruc21cd": rng.choice(
                ["UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1"],
                size=_OTHER_ZONES,
                p=[0.72, 0.11, 0.05, 0.03, 0.05, 0.04],
            ),
            "people": rng.integers(1_150, 2_250, size=_OTHER_ZONES),
        }
    )
    rural = ~other["ruc21cd"].str.startswith("U")
    other["hardship"] = rng.normal(0, 1, size=_OTHER_ZONES) * np.where(rural, 0.6, 1.0) - 0.5 * rural
    zones = pd.concat([known, other], ignore_index=True)
    count = len(zones)
    remote = zones["ruc21cd"].map({"UN1": -0.3, "UF1": 0.1, "RLN1": 0.5, "RLF1": 0.8, "RSN1": 1.6, "RSF1": 2.0})
    hardship = zones["hardship"].to_numpy()
    scores = {
        "idaci_rank": hardship + rng.normal(0, 0.30, size=count),
        "income_rank": hardship + rng.normal(0, 0.25, size=count),
        "education_rank": hardship + rng.normal(0, 0.42, size=count),
        "health_rank": hardship + rng.normal(0, 0.42, size=count),
        "barriers_rank": 0.25 * hardship + 0.8 * remote.to_numpy() + rng.normal(0, 0.7, size=count),
    }
    table = pd.DataFrame({"lsoa21cd": zones["lsoa21cd"]})
    for name in _RANKS:
        rank = np.empty(count, dtype=np.int64)
        rank[np.argsort(-scores[name], kind="stable")] = np.arange(1, count + 1)
        table[name] = rank
    households = np.round(zones["people"].to_numpy() / 2.36).astype(np.int64)
    crowded = 0.032 * np.exp(0.55 * hardship - 0.35 * (remote.to_numpy() > 0.3))
    shares = np.column_stack([0.8 * crowded, 0.2 * crowded, np.full(count, 0.23), np.full(count, 0.34)])
    shares = np.column_stack([shares, 1 - shares.sum(axis=1)])
    drawn = np.vstack([rng.multinomial(n, p) for n, p in zip(households, shares, strict=True)])
    for k, name in enumerate(_HOUSEHOLDS):
        table[f"{name}_households"] = drawn[:, k]
    return table.sort_values("lsoa21cd", ignore_index=True)
