"""The synthetic councils: labelled, repeatable, and such as the real chain would meet."""

from __future__ import annotations

import hashlib
import io
import itertools
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
import shapely
from pyproj import Transformer
from scipy.stats import spearmanr

from needs import assessment, demo
from needs.demo import ground, plans
from needs.settings import CRS, CRS_WEB, ENGLAND_M

COUNCILS = ("ruralshire", "rivermouth")
CAR = {"trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "service"}


@dataclass
class Map:
    """What plain osmium finds in a file: nodes in EPSG:27700 by id, tags of nodes, ways as (nodes, tags)."""

    place: dict[int, tuple[float, float]]
    node_tags: dict[int, dict[str, str]]
    ways: list[tuple[list[int], dict[str, str]]]

    @property
    def streets(self):
        return [(nodes, tags) for nodes, tags in self.ways if "highway" in tags]

    def line(self, nodes):
        return shapely.LineString([self.place[n] for n in nodes])

    def areas(self, key, value):
        closed = [nodes for nodes, tags in self.ways if tags.get(key) == value and nodes[0] == nodes[-1]]
        return [shapely.Polygon([self.place[n] for n in nodes]) for nodes in closed]


@dataclass
class Council:
    folder: Path
    settings: assessment.Assessment
    zones: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    map: Map


def read_map(path: Path) -> Map:
    ids, lonlat, node_tags, ways = [], [], {}, []
    for item in osmium.FileProcessor(str(path)):
        if item.is_node():
            ids.append(item.id)
            lonlat.append((item.lon, item.lat))
            if len(item.tags):
                node_tags[item.id] = dict(item.tags)
        elif item.is_way():
            ways.append(([n.ref for n in item.nodes], dict(item.tags)))
    assert ids == sorted(set(ids))
    x, y = Transformer.from_crs(CRS_WEB, CRS, always_xy=True).transform(*np.array(lonlat).T)
    return Map(dict(zip(ids, zip(x, y, strict=True), strict=True)), node_tags, ways)


def placed(table: pd.DataFrame) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["easting"], table["northing"]), crs=CRS)


def components(streets) -> list[set[int]]:
    """Union-find over the nodes of ways; pieces, the largest first."""
    root: dict[int, int] = {}

    def find(n):
        root.setdefault(n, n)
        while root[n] != n:
            root[n] = root[root[n]]
            n = root[n]
        return n

    for nodes, _ in streets:
        for a, b in itertools.pairwise(nodes):
            root[find(a)] = find(b)
    pieces: dict[int, set[int]] = {}
    for n in list(root):
        pieces.setdefault(find(n), set()).add(n)
    return sorted(pieces.values(), key=len, reverse=True)


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    files = demo.write(folder)
    assert files == [folder / "ruralshire.toml", folder / "rivermouth.toml"]
    return folder


@pytest.fixture(scope="module")
def councils(raw) -> dict[str, Council]:
    found = {}
    for slug in COUNCILS:
        settings = assessment.read(raw / f"{slug}.toml")
        home = raw / slug
        sites = [pd.read_csv(raw / i.path).assign(source=i.id) for i in settings.of("sites")]
        found[slug] = Council(
            home,
            settings,
            gpd.read_file(home / "zones.geojson").to_crs(CRS),
            placed(pd.read_csv(home / "points.csv")),
            placed(pd.concat(sites, ignore_index=True)),
            read_map(raw / settings.of("streets")[0].path),
        )
    return found


@pytest.fixture(scope="module", params=COUNCILS)
def council(request, councils) -> Council:
    return councils[request.param]


def test_the_same_bytes_twice(raw, tmp_path):
    demo.write(tmp_path / "again")
    assert digest(raw) == digest(tmp_path / "again")


def test_everything_is_labelled_synthetic(council):
    assert council.settings.area.synthetic
    assert council.settings.area.base is None
    for entry in council.settings.inputs:
        assert entry.title.startswith("Synthetic ")
        assert (entry.publisher, entry.licence) == ("needs demonstration data", "CC0-1.0")
        assert "Invented" in (entry.caveat or "")
        assert (council.folder.parent / entry.path).is_file()


def test_mapped_columns_are_in_the_files(council):
    for entry in council.settings.inputs:
        if entry.path.endswith(".csv"):
            head = set(pd.read_csv(council.folder.parent / entry.path, nrows=0).columns)
            assert set(entry.columns.values()) <= head


def test_zones_tile_the_council(council):
    plan = {p.slug: p for p in (plans.ruralshire(), plans.rivermouth())}[council.settings.area.slug]
    shapes = council.zones.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    whole = shapely.union_all(shapes)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert shapely.area(shapes).sum() == pytest.approx(whole.area, rel=1e-9)
    for water in council.map.areas("natural", "water"):
        inside = whole if plan.river is None else whole.buffer(3_500)  # a river goes on beyond the border
        assert inside.contains(water)
    west, south, east, north = whole.bounds
    assert ENGLAND_M[0] < west < east < ENGLAND_M[2]
    assert ENGLAND_M[1] < south < north < ENGLAND_M[3]
    size_km = sorted(((east - west) / 1000, (north - south) / 1000), reverse=True)
    assert size_km == pytest.approx([25, 20] if plan.river is None else [10, 8], rel=0.1)


def test_codes_are_invented_and_distinct(councils):
    codes = [c for council in councils.values() for c in council.zones["lsoa21cd"]]
    assert len(codes) == len(set(codes))
    assert all(code.startswith("E019") and len(code) == 9 for code in codes)  # real ones end at E01035...
    assert 30 <= len(councils["ruralshire"].zones) <= 40
    assert 70 <= len(councils["rivermouth"].zones) <= 80


def test_points_lie_in_their_zone_on_land_in_settlements(council):
    points = council.points
    assert points["postcode"].is_unique
    zones = council.zones.set_index("lsoa21cd").geometry
    assert shapely.contains(zones.loc[points["lsoa21cd"]].to_numpy(), points.geometry.to_numpy()).all()
    counts = points.groupby("lsoa21cd").size()
    assert set(counts.index) == set(zones.index)
    assert counts.between(12, 28).all()
    for water in council.map.areas("natural", "water"):
        assert not shapely.contains(water, points.geometry.to_numpy()).any()
    built = shapely.union_all(council.map.areas("landuse", "residential")).buffer(40)
    assert shapely.contains(built, points.geometry.to_numpy()).all()


def test_people_and_births_are_plausible(council):
    people = council.points.groupby("lsoa21cd")["people"].sum()
    assert people.between(1_000, 2_000).all()
    assert people.mean() == pytest.approx(1_500, rel=0.05)
    demand = pd.read_csv(council.folder / "demand.csv").set_index("lsoa21cd")
    assert set(demand.index) == set(council.zones["lsoa21cd"])
    assert demand["births"].between(10, 32).all()
    assert (demand["children_0_4"] / demand["births"]).between(4.5, 5.5).all()
    rate = demand["births"].sum() / people.sum() * 1_000
    assert 8 < rate < 16  # England: about 10 births for 1,000 people
    town = council.zones.set_index("lsoa21cd").geometry.area
    ruc = pd.read_csv(council.folder / "rural_urban.csv").set_index("lsoa21cd")["ruc21cd"]
    assert ruc.isin(["UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1"]).all()
    if council.settings.area.slug == "ruralshire":
        assert town[ruc.str.startswith("U")].median() < town[ruc.str.startswith("RS")].median() / 5


def test_families_without_a_car_live_where_hardship_is(councils, raw):
    england = pd.read_csv(raw / "england/indicators.csv").set_index("lsoa21cd")
    means = {}
    for slug, council in councils.items():
        cars = pd.read_csv(council.folder / "cars.csv").set_index("lsoa21cd")["no_car_pct"]
        assert cars.between(3, 62).all()
        assert spearmanr(cars, england.loc[cars.index, "income_rank"]).statistic < -0.5
        means[slug] = cars.mean()
    assert means["ruralshire"] < 16 < 22 < means["rivermouth"]


def test_ranks_of_england(councils, raw):
    table = pd.read_csv(raw / "england/indicators.csv")
    assert table["lsoa21cd"].is_unique
    assert table["lsoa21cd"].str.fullmatch(r"E019\d{5}").all()
    ranks = ["idaci_rank", "income_rank", "education_rank", "health_rank", "barriers_rank"]
    for name in ranks:
        assert sorted(table[name]) == list(range(1, len(table) + 1))
    for council in councils.values():
        assert set(council.zones["lsoa21cd"]) <= set(table["lsoa21cd"])
    agreement = pd.DataFrame(spearmanr(table[ranks]).statistic, ranks, ranks)
    alike = agreement.loc[ranks[:4], ranks[:4]].to_numpy()[np.triu_indices(4, 1)]
    assert ((alike > 0.78) & (alike < 0.95)).all()
    assert np.mean(alike) == pytest.approx(0.87, abs=0.04)
    assert agreement.loc["barriers_rank", ranks[:4]].abs().max() < 0.4
    rural = table["lsoa21cd"].isin(councils["ruralshire"].zones["lsoa21cd"])
    assert table.loc[rural, "barriers_rank"].median() < 0.25 * len(table)  # remote: barriers are high
    assert table.loc[rural, "income_rank"].median() > 0.5 * len(table)  # and hardship low
    crowded = table[["overcrowded_1_households", "overcrowded_2_households"]].sum(axis=1)
    share = crowded / table.filter(like="_households").sum(axis=1)
    assert 0.02 < share.mean() < 0.06  # England, Census 2021: 4.3 %
    assert spearmanr(share, table["income_rank"]).statistic < -0.5


def test_streets_are_one_network(council):
    streets = council.map.streets
    assert len(components(streets)) == 1
    cars = [w for w in streets if w[1]["highway"] in CAR]
    assert len(components(cars)) == 1
    assert 5_000 <= len({n for nodes, _ in streets for n in nodes}) <= 20_000
    size = (council.folder.parent / council.settings.of("streets")[0].path).stat().st_size
    assert size < 3_000_000


def test_one_way_streets_trap_nobody(council):
    """Forward and backward flood from one node reach every node that cars use."""
    ahead: dict[int, list[int]] = {}
    behind: dict[int, list[int]] = {}
    one_way = 0
    for nodes, tags in council.map.streets:
        if tags["highway"] in CAR:
            one_way += "oneway" in tags
            for a, b in itertools.pairwise(nodes):
                for tail, head in ((a, b), (b, a)) if "oneway" not in tags else ((a, b),):
                    ahead.setdefault(tail, []).append(head)
                    behind.setdefault(head, []).append(tail)
    assert one_way >= 8
    everyone = set(ahead) | set(behind)
    start = min(everyone)
    for graph in (ahead, behind):
        seen, todo = {start}, [start]
        while todo:
            for n in graph.get(todo.pop(), ()):
                if n not in seen:
                    seen.add(n)
                    todo.append(n)
        assert seen == everyone


def test_two_bridges_hold_rivermouth_together(councils):
    found = councils["rivermouth"].map
    bridges = [(nodes, tags) for nodes, tags in found.streets if tags.get("bridge") == "yes"]
    assert sorted(tags["foot"] for _, tags in bridges) == ["no", "yes"]
    (motorroad,) = [tags for _, tags in bridges if tags["foot"] == "no"]
    assert (motorroad["highway"], motorroad["motorroad"]) == ("trunk", "yes")
    rest = [w for w in found.streets if "bridge" not in w[1]]
    halves = components(rest)
    assert len(halves) == 2
    assert min(map(len, halves)) > 2_000
    for nodes, _ in bridges:
        assert sum(nodes[0] in half for half in halves) == sum(nodes[-1] in half for half in halves) == 1
        assert not any(nodes[0] in half and nodes[-1] in half for half in halves)
    (water,) = found.areas("natural", "water")
    wet = [tags for nodes, tags in found.streets if found.line(nodes).intersects(water)]
    assert sorted(t["name"] for t in wet) == ["Estuary Crossing", "Old Bridge"]


def test_no_road_crosses_the_reservoir(councils):
    found = councils["ruralshire"].map
    (water,) = found.areas("natural", "water")
    assert water.area > 5e6
    assert not any(found.line(nodes).intersects(water) for nodes, _ in found.streets)
    middle = shapely.union_all(councils["ruralshire"].zones.geometry.to_numpy()).centroid
    assert water.convex_hull.contains(middle)


def test_streets_carry_the_tags_that_a_reader_must_understand(council):
    classes = Counter(tags["highway"] for _, tags in council.map.streets)
    assert {"trunk", "primary", "tertiary", "unclassified", "residential", "footway", "steps", "service"} <= set(
        classes
    )
    assert classes["residential"] > 0.4 * sum(classes.values())
    limits = Counter(tags.get("maxspeed") for _, tags in council.map.streets)
    assert limits[None] > 0
    assert {"20 mph", "30 mph", "60 mph"} <= set(limits)
    assert any(tags.get("access") == "private" for _, tags in council.map.streets)
    assert any(tags.get("railway") == "rail" for _, tags in council.map.ways)
    assert len(council.map.areas("natural", "wood")) >= 5
    kinds = Counter(tags["place"] for tags in council.map.node_tags.values())
    assert kinds == ({"town": 4, "village": 35} if council.settings.area.slug == "ruralshire" else kinds)
    assert kinds["village"] >= 1


def test_points_and_sites_are_near_a_street(council):
    streets = [(nodes, tags) for nodes, tags in council.map.streets if tags["highway"] in CAR - {"trunk", "service"}]
    tree = shapely.STRtree([council.map.line(nodes) for nodes, _ in streets])
    for places in (council.points, council.sites):
        _, gap = tree.query_nearest(places.geometry.to_numpy(), return_distance=True, all_matches=False)
        assert gap.max() <= 60


def test_sites_are_such_that_a_plan_can_improve(councils):
    rural, urban = councils["ruralshire"], councils["rivermouth"]
    assert rural.sites.loc[rural.sites["source"] == "existing", "site_type"].tolist() == ["childrens_centre"]
    hubs = urban.sites[(urban.sites["source"] == "existing") & (urban.sites["today"] == "hub")]
    assert 5 <= len(hubs) <= 6
    apart = [a.distance(b) for i, a in enumerate(hubs.geometry) for b in hubs.geometry[i + 1 :]]
    assert sorted(d < 600 for d in apart).count(True) == 1  # one hub stands beside another
    river = next(nodes for nodes, tags in urban.map.ways if tags.get("waterway") == "river")
    line = urban.map.line(river)
    north = shapely.Polygon([*line.coords, (line.coords[-1][0], 4e5), (line.coords[0][0], 4e5)])
    assert 2 <= north.contains(hubs.geometry.to_numpy()).sum() <= 4
    for council in (rural, urban):
        sites = council.sites
        assert sites["site_id"].is_unique
        assert sites["name"].is_unique
        assert {"library", "community_centre", "primary_school", "gp_practice", "nursery_school"} <= set(
            sites["site_type"]
        )
        nearest = [min(a.distance(b) for b in sites.geometry if b is not a) for a in sites.geometry]
        assert min(nearest) > 60
        whole = shapely.union_all(council.zones.geometry.to_numpy())
        neighbours = sites["source"] == "neighbours"
        assert neighbours.any()
        assert not whole.contains(sites.geometry[neighbours].to_numpy()).any()
        assert whole.distance(sites.geometry[neighbours].to_numpy()).max() < 4_000
        assert whole.contains(sites.geometry[~neighbours].to_numpy()).all()
        for water in council.map.areas("natural", "water"):
            assert not water.contains(sites.geometry.to_numpy()).any()


def test_timetable_calls_at_the_streets_and_keeps_time(council):
    with zipfile.ZipFile(council.folder / "timetable.zip") as archive:
        read = {n: pd.read_csv(io.BytesIO(archive.read(n)), dtype=str) for n in archive.namelist()}
    routes = {"ruralshire": 3, "rivermouth": 5}[council.settings.area.slug]
    assert len(read["routes.txt"]) == routes
    calendar = read["calendar.txt"].set_index("service_id")
    assert calendar.loc["weekday", "monday":"sunday"].tolist() == list("1111100")
    assert calendar.loc["saturday", "monday":"sunday"].tolist() == list("0000010")
    calls = read["stop_times.txt"]
    seconds = calls["departure_time"].str.split(":", expand=True).astype(int) @ [3600, 60, 1]
    assert (seconds.groupby(calls["trip_id"]).diff().dropna() > 0).all()
    assert (seconds.max() > 86_400) == (council.settings.area.slug == "rivermouth")  # one runs past midnight
    assert set(calls["stop_id"]) == set(read["stops.txt"]["stop_id"])
    at = gpd.points_from_xy(read["stops.txt"]["stop_lon"], read["stops.txt"]["stop_lat"], crs=CRS_WEB).to_crs(CRS)
    tree = shapely.STRtree([council.map.line(nodes) for nodes, _ in council.map.streets])
    _, gap = tree.query_nearest(np.asarray(at), return_distance=True, all_matches=False)
    assert gap.max() < 1


def test_the_sheet_never_folds():
    """The bend keeps orientation everywhere: every small triangle of a fine net stays the same way round."""
    for seed in range(5):
        bend = ground.Bend((0.0, 0.0), np.random.default_rng(seed), scale=1.0)
        x, y = (a.ravel() for a in np.meshgrid(np.arange(0, 26_000, 130.0), np.arange(0, 20_000, 130.0)))
        at, right, up = (bend(np.column_stack([x + dx, y + dy])) for dx, dy in ((0, 0), (40, 0), (0, 40)))
        (ax, ay), (bx, by) = (right - at).T, (up - at).T
        assert (ax * by - ay * bx > 0).all()
