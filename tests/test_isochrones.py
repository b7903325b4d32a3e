"""Isochrones: streets computed by hand, rivers, one-ways, and what must hold on any plan of streets."""

from __future__ import annotations

import functools
import heapq
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import demo, isochrones, streets
from needs.isochrones.ground import FINE_M
from needs.streets import Graph, snap
from tests.town import ORIGIN, places, write_osm

BANDS = [5.0, 10.0, 20.0]
M_MIN = 4000 / 60  # metres a minute with a pram, on the street and off it
NEAR_M = FINE_M[1]
SLACK_M = 25.0  # of an outline: a cell


def town(nodes: dict, ways: list, mode: str = "walk") -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        return streets.build(streets.read_ways(write_osm(Path(folder) / "t.osm", nodes, ways)), mode)


def site(x: float, y: float) -> gpd.GeoDataFrame:
    return places("site_id", {"s": (x, y)})


def inside(shape: shapely.MultiPolygon, x: float, y: float) -> bool:
    return bool(shape.covers(shapely.Point(ORIGIN[0] + x, ORIGIN[1] + y)))


# A cross of 2 x 4 km with its middle at the origin.
CROSS = {1: (0, 0), 2: (2000, 0), 3: (-2000, 0), 4: (0, 2000), 5: (0, -2000)}
CROSS_WAYS = [([3, 1, 2], {"highway": "residential"}), ([4, 1, 5], {"highway": "residential"})]


@pytest.fixture(scope="module")
def cross() -> Graph:
    return town(CROSS, CROSS_WAYS)


@pytest.mark.parametrize("at", [(0, 0), (500, 0), (500, 40)])
def test_a_cross_computed_by_hand(cross, at):
    reach = isochrones.reach(site(*at), cross, bands_min=BANDS)
    assert list(reach.columns) == ["mode", "minutes", "geometry"]
    for band, shape in zip(BANDS, reach.geometry, strict=True):
        left = band * M_MIN - at[1]
        for dx, dy in ((1, 0), (-1, 0)):  # east and west of the site along its own street, past no junction or one
            for metres, expected in ((left - SLACK_M, True), (left + SLACK_M, False)):
                assert inside(shape, at[0] + dx * metres, dy * metres) is (
                    expected and abs(at[0] + dx * metres) <= 2000
                )
        up = left - at[0]  # north of the middle
        if up > SLACK_M:
            assert inside(shape, 0, up - SLACK_M)
        assert not inside(shape, 0, max(up, 0) + SLACK_M + (NEAR_M if up < NEAR_M else 0))
        # a door aside of the street, 60 m: that much sooner the end; and none beyond NEAR_M
        assert inside(shape, at[0] + left - 60 - SLACK_M, 60)
        assert not inside(shape, at[0] + left - 60 + 1.5 * SLACK_M, 60)
        assert not inside(shape, at[0] + left / 2, NEAR_M + SLACK_M)
        assert inside(shape, at[0] + left / 2, -NEAR_M + SLACK_M) is (left / 2 > NEAR_M)


def test_a_long_street_reached_from_both_ends_and_from_its_middle():
    # A rectangle of 1,000 x 300 m. The site is in the middle of the south side; the north side's middle is farthest.
    nodes = {1: (0, 0), 2: (1000, 0), 3: (1000, 300), 4: (0, 300)}
    graph = town(nodes, [([1, 2, 3, 4, 1], {"highway": "residential"})])
    reach = isochrones.reach(site(500, 0), graph, bands_min=[3.0, 15.0, 22.0])
    at_3, at_15, at_22 = reach.geometry
    assert inside(at_3, 500 + 3 * M_MIN - SLACK_M, 0)
    assert inside(at_3, 500 - 3 * M_MIN + SLACK_M, 0)
    assert not inside(at_3, 500 + 3 * M_MIN + SLACK_M, 0)
    left = 15 * M_MIN - 800  # along the north side from its corners
    for metres, expected in ((left - SLACK_M, True), (left + SLACK_M, False)):
        assert inside(at_15, metres, 300) is expected
        assert inside(at_15, 1000 - metres, 300) is expected
    assert not inside(at_15, 500, 300)
    assert inside(at_22, 500, 300)
    assert not inside(at_22, 500, 150)  # the middle of the block is no street's


def test_one_ways_count_towards_the_site():
    # A ring of 4 x 600 m driven anticlockwise at 20 mph, with a stub outside so that it has a node at each corner.
    nodes = {1: (0, 0), 2: (600, 0), 3: (600, 600), 4: (0, 600)}
    tags = {"highway": "residential", "maxspeed": "20 mph", "oneway": "yes"}
    graph = town(nodes, [([1, 2, 3, 4, 1], tags)], "drive")
    metres_min = 20 * 1609.344 / 60
    reach = isochrones.reach(site(300, 0), graph, bands_min=[0.5, 2.0])
    short, long = reach.geometry
    assert inside(short, 300 - 0.5 * metres_min + SLACK_M, 0)  # families west of the site drive east to it
    assert not inside(short, 300 + NEAR_M + SLACK_M, 0)  # those just past it must go all the way round
    assert inside(long, 0, 600)  # 900 m before the site
    behind = 2 * metres_min - 900  # on the north side, driven west, as far as this from its west end
    assert inside(long, behind - SLACK_M, 600)
    assert not inside(long, behind + 2 * SLACK_M, 600)
    assert not inside(long, 600, 300)


@pytest.mark.parametrize("wide", [300, 70])
def test_a_river_is_crossed_by_its_bridge_only(wide):
    nodes = {1: (0, 0), 2: (1500, 0), 3: (1500, wide), 4: (0, wide)}
    ways = [
        ([1, 2], {"highway": "residential"}),
        ([2, 3], {"highway": "footway"}),
        ([3, 4], {"highway": "residential"}),
    ]
    reach = isochrones.reach(site(0, 0), town(nodes, ways), bands_min=[20.0, 30.0])
    at_20, at_30 = reach.geometry
    for x in range(0, 1300, 50):
        assert inside(at_20, x, 0)
        assert not inside(at_20, x, wide)
    left = 30 * M_MIN - 1500 - wide
    assert inside(at_30, 1500 - left + SLACK_M, wide)
    assert not inside(at_30, 1500 - left - SLACK_M, wide)


def test_no_family_lives_on_a_ferry():
    nodes = {1: (0, 0), 2: (300, 0), 3: (1300, 0), 4: (1600, 0)}
    ways = [([1, 2], {"highway": "residential"}), ([2, 3], {"route": "ferry", "duration": "00:05"})]
    graph = town(nodes, [*ways, ([3, 4], {"highway": "residential"})])
    (shape,) = isochrones.reach(site(0, 0), graph, bands_min=[30.0]).geometry
    assert inside(shape, 1500, 0)
    assert not inside(shape, 800, 0)


def test_no_site_on_the_streets_reaches_nothing(cross):
    for far in (site(90_000, 0), site(0, 0)[:0]):
        reach = isochrones.reach(far, cross, bands_min=BANDS)
        assert reach["minutes"].tolist() == BANDS
        assert reach.geometry.is_empty.all()
    both = pd.concat([site(90_000, 0).assign(site_id="far"), site(0, 0)])
    shapes = isochrones.per_site(both, cross, bands_min=BANDS).set_index("site_id")
    assert shapes.loc["far"].geometry.is_empty.all()
    assert shapes.loc["far", ["missed_pct", "false_pct"]].isna().all(axis=None)
    assert not shapes.loc["s"].geometry.is_empty.any()
    assert len(isochrones.per_site(both[:0], cross, bands_min=BANDS)) == 0


@pytest.mark.parametrize("bands", [[], [0.0], [-5.0], [float("nan")], [float("inf")]])
def test_bands_that_are_none_are_refused(cross, bands):
    with pytest.raises(ValueError, match="bands_min is"):
        isochrones.reach(site(0, 0), cross, bands_min=bands)


def test_rows_are_sorted_and_a_band_does_not_hang_on_the_others(cross):
    two = places("site_id", {"b": (700, 0), "a": (0, 900)})
    shapes = isochrones.per_site(two, cross, bands_min=[20, 5, 10, 5])
    assert list(shapes.columns) == ["site_id", "mode", "minutes", "geometry", "missed_pct", "false_pct"]
    assert shapes["site_id"].tolist() == ["a"] * 3 + ["b"] * 3
    assert shapes["minutes"].tolist() == BANDS * 2
    assert shapes.crs == two.crs
    for band, shape in zip(BANDS, shapes.geometry[:3], strict=True):
        assert isochrones.reach(two[two["site_id"] == "a"], cross, bands_min=[band]).geometry[0].equals(shape)


@functools.cache
def plan(seed: int) -> Graph:
    """A grid of streets with bends, gaps, one-ways and a few short cuts."""
    rng = np.random.default_rng(seed)
    n, step = 6, int(rng.integers(60, 260))
    at = {
        i * n + j + 1: (i * step + rng.uniform(-0.3, 0.3) * step, j * step + rng.uniform(-0.3, 0.3) * step)
        for i in range(n)
        for j in range(n)
    }
    ways = []
    for i in range(n):
        for j in range(n):
            for other in ((i + 1, j), (i, j + 1)):
                if max(other) < n and rng.random() < 0.8:
                    oneway = {"oneway": "yes"} if rng.random() < 0.2 else {}
                    kind = rng.choice(["residential", "tertiary"])
                    ways.append(([i * n + j + 1, other[0] * n + other[1] + 1], {"highway": str(kind), **oneway}))
    return town(at, ways, "drive" if seed % 2 else "walk")


def plain_times(graph: Graph, place: gpd.GeoDataFrame) -> np.ndarray:
    """Seconds from every junction to the soonest of the places, by a plain search."""
    edges, ends = graph.edges, snap(graph, place.geometry.x.to_numpy(), place.geometry.y.to_numpy()).arrive()
    into: dict[int, list[tuple[int, int]]] = {}
    for a, b, go, back in zip(edges.start, edges.end, edges.forward_ms, edges.backward_ms, strict=True):
        if go >= 0:
            into.setdefault(int(b), []).append((int(a), int(go)))
        if back >= 0:
            into.setdefault(int(a), []).append((int(b), int(back)))
    queue = [(int(t), int(v)) for v, t in zip(ends.node.ravel(), ends.ms.ravel(), strict=True) if v >= 0]
    heapq.heapify(queue)
    best = np.full(len(graph.x), np.inf)
    while queue:
        time, v = heapq.heappop(queue)
        if np.isinf(best[v]):
            best[v] = time
            for u, more in into.get(v, []):
                heapq.heappush(queue, (time + more, u))
    return best / 1000


@settings(max_examples=15)
@given(st.integers(0, 11), st.lists(st.tuples(st.integers(-50, 1300), st.integers(-50, 1300)), min_size=1, max_size=3))
def test_on_any_plan_outlines_are_valid_nested_and_true(seed, at):
    graph = plan(seed)
    sites = places("site_id", {str(k): xy for k, xy in enumerate(at)})
    bands = [1.0, 2.0, 4.0, 8.0]
    reach, single = (f(sites, graph, bands_min=bands) for f in (isochrones.reach, isochrones.per_site))
    nodes = shapely.points(graph.x, graph.y)
    streets_near = shapely.union_all(
        shapely.buffer(shapely.linestrings(np.stack([graph.lines.x, graph.lines.y], 2)), NEAR_M)
    )
    assert reach.is_valid.all()
    assert single.is_valid.all()
    for table in (reach, *(t for _, t in single.groupby("site_id"))):
        for small, large in zip(table.geometry[:-1], table.geometry[1:], strict=True):
            assert small.is_empty or large.covers(small)
    for band, whole in zip(bands, reach.geometry, strict=True):
        rows = single[single["minutes"] == band]
        parts = shapely.union_all(rows.geometry.to_numpy())
        assert parts.difference(whole.buffer(0.01)).is_empty
        # the soonest of several fields is contoured: no more than a sliver along the line where two of them meet
        assert whole.difference(parts.buffer(SLACK_M)).area <= 10_000
        assert whole.difference(streets_near.buffer(SLACK_M)).area <= 10_000 * 4  # but for holes that are filled
        for site_id, shape, missed, false in rows[["site_id", "geometry", "missed_pct", "false_pct"]].to_numpy():
            reached = plain_times(graph, sites[sites["site_id"] == site_id]) <= band * 60
            within = shapely.covers(shape, nodes)
            for found, some, every in ((missed, reached & ~within, reached), (false, within & ~reached, within)):
                if every.any():
                    assert found == pytest.approx(100 * some.sum() / every.sum())
                else:
                    assert np.isnan(found)


def test_junctions_lie_on_the_right_side_but_for_a_cell():
    checked = 0
    for seed in range(12):
        graph = plan(seed)
        (shape,) = isochrones.reach(site(400, 400), graph, bands_min=[4.0]).geometry
        seconds = plain_times(graph, site(400, 400))
        within = shapely.covers(shape, shapely.points(graph.x, graph.y))
        slack_s = 2 * SLACK_M / (4 if graph.mode == "walk" else 15) * 3.6
        assert within[seconds <= 240 - slack_s].all()
        checked += int(within.sum())
    assert checked > 50


def test_demand_inside_is_counted_once_and_kept(cross):
    shapes = isochrones.reach(site(0, 0), cross, bands_min=[5.0, 40.0])
    rng = np.random.default_rng(3)
    x = rng.uniform(-1900, 1900, 200)
    homes = places("point_id", {str(k): (v, 0) if k % 2 else (0, v) for k, v in enumerate(x)})
    homes["demand"] = rng.uniform(0, 3, 200)
    found = isochrones.with_demand(shapes, homes)
    assert list(found.columns) == [*shapes.columns, "demand"]
    assert "demand" not in shapes
    assert found["demand"][1] == pytest.approx(homes["demand"].sum(), rel=1e-12)  # the ends are 30 minutes away
    by_hand = sum(d for p, d in zip(homes.geometry, homes["demand"], strict=True) if shapes.geometry[0].covers(p))
    assert found["demand"][0] == pytest.approx(by_hand)
    assert 0 < by_hand < homes["demand"].sum()
    corner = shapely.Point(shapely.get_coordinates(shapes.geometry[0])[0])
    edge = gpd.GeoDataFrame({"point_id": ["e"], "demand": [7.0]}, geometry=[corner], crs=shapes.crs)
    assert isochrones.with_demand(shapes, edge)["demand"].tolist() == [7.0, 7.0]
    nothing = isochrones.with_demand(isochrones.reach(site(90_000, 0), cross, bands_min=[5.0]), homes)
    assert nothing["demand"].tolist() == [0.0]


def quality(graph: Graph, count: int = 12) -> pd.DataFrame:
    node = np.random.default_rng(5).choice(len(graph.x), count, replace=False)
    points = gpd.points_from_xy(graph.x[node], graph.y[node])
    sites = gpd.GeoDataFrame({"site_id": np.arange(count).astype(str)}, geometry=points, crs="EPSG:27700")
    shapes = isochrones.per_site(sites, graph, bands_min=[10.0, 30.0])
    assert shapes.is_valid.all()
    assert all(b.covers(a) for a, b in zip(shapes.geometry[::2], shapes.geometry[1::2], strict=True))
    return shapes[shapes["minutes"] == 30.0]


def test_quality_on_the_demo(tmp_path):
    for path in (p for p in demo.write(tmp_path) for p in sorted(p.parent.rglob("*.osm*"))):
        found = quality(streets.build(streets.read_ways(path), "walk"))
        assert found["missed_pct"].mean() <= 0.5
        assert found["false_pct"].mean() <= 2.0


@pytest.mark.data
@pytest.mark.parametrize("name", ["newport", "rutland"])
def test_quality_on_real_streets(real_data, name):
    (path,) = sorted((real_data / name).glob("*.osm.pbf"))[:1]
    found = quality(streets.build(streets.read_ways(path), "walk"))
    assert found["missed_pct"].mean() <= 0.5
    assert found["false_pct"].mean() <= 2.0
