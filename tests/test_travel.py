"""Travel times: a town computed by hand, exactness against plain Dijkstra, summaries by zone."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from needs import routing, streets, travel
from needs.errors import Faults
from needs.streets import Graph
from tests.town import places, write_osm

# A cross: 1,980 m of street from west to east, a oneway spur of 990 m going north from its middle and no way back
# for cars but round by a lane of 1,500 m.
CROSS = {1: (0, 0), 2: (990, 0), 3: (1980, 0), 4: (990, 990), 5: (1980, 990)}
CROSS_WAYS = [
    ([1, 2, 3], {"highway": "residential", "maxspeed": "20 mph"}),
    ([2, 4], {"highway": "residential", "maxspeed": "20 mph", "oneway": "yes"}),
    ([4, 5, 3], {"highway": "residential", "maxspeed": "20 mph"}),
]
KPH_20 = 20 * 1.609344


@pytest.fixture
def cross(tmp_path):
    ways = streets.read_ways(write_osm(tmp_path / "cross.osm", CROSS, CROSS_WAYS))
    return {mode: streets.build(ways, mode) for mode in ("walk", "drive")}


def test_minutes_of_a_town_computed_by_hand(cross):
    homes = places("point_id", {"west": (0, 0), "north": (990, 990)})
    sites = places("site_id", {"north_hall": (990, 990), "west_hall": (0, 0)}, ours=True)
    walk = travel.minutes(homes, sites, cross["walk"])
    drive = travel.minutes(homes, sites, cross["drive"])
    # west to north: 990 + 990 m on foot at 4 km/h; the same by car at 20 mph
    assert walk.loc["west", "north_hall"] == pytest.approx(1980 / 4000 * 60, rel=1e-3)
    assert drive.loc["west", "north_hall"] == pytest.approx(1980 / 1000 / KPH_20 * 60, rel=1e-3)
    # north to west: on foot the way one came; by car against the oneway only round: 990 + 990 + 1,980 m
    assert walk.loc["north", "west_hall"] == pytest.approx(1980 / 4000 * 60, rel=1e-3)
    assert drive.loc["north", "west_hall"] == pytest.approx(3960 / 1000 / KPH_20 * 60, rel=1e-3)
    assert walk.loc["north", "north_hall"] == pytest.approx(0, abs=0.01)


def test_the_way_to_the_street_is_counted_and_capped(cross):
    homes = places("point_id", {"near": (0, -120), "far": (0, -520)})
    sites = places("site_id", {"s": (0, 0)}, ours=True)
    walk = travel.minutes(homes, sites, cross["walk"])
    assert walk.loc["near", "s"] == pytest.approx(120 / 4000 * 60, abs=0.01)
    assert math.isnan(walk.loc["far", "s"])  # further than the 500 m that the mode allows


def test_beyond_the_limit_is_nan_and_the_limit_itself_is_not(tmp_path):
    nodes = {1: (0, 0), 2: (3990, 0), 3: (4010, 0)}
    path = write_osm(tmp_path / "a.osm", nodes, [([1, 2, 3], {"highway": "residential"})])
    graph = streets.build(streets.read_ways(path), "walk")
    homes = places("point_id", {"in": (3990, 0), "out": (4010, 0), "door": (3950, 60)})
    walk = travel.minutes(homes, places("site_id", {"s": (0, 0)}, ours=True), graph)
    assert math.isnan(walk.loc["door", "s"])  # 59.25 minutes along the street, but 0.9 more from the door
    assert walk.loc["in", "s"] == pytest.approx(59.85, abs=0.05)
    assert math.isnan(walk.loc["out", "s"])


def plain_dijkstra(edges: dict[int, list[tuple[int, float]]], start: int) -> dict[int, float]:
    best, queue = {}, [(0.0, start)]
    while queue:
        time, node = heapq.heappop(queue)
        if node in best:
            continue
        best[node] = time
        for to, seconds in edges.get(node, []):
            if to not in best:
                heapq.heappush(queue, (time + seconds, to))
    return best


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 25), st.floats(5, 200))
def test_times_agree_with_plain_dijkstra(seed, n, limit_s):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 4 * n))
    pairs = {
        (int(a), int(b)): float(w)
        for a, b, w in zip(*rng.integers(0, n, (2, m)), rng.uniform(1, 90, m), strict=True)
        if a != b
    }
    edges: dict[int, list[tuple[int, float]]] = {}
    for (a, b), w in pairs.items():
        edges.setdefault(a, []).append((b, w))
    matrix = csr_matrix((list(pairs.values()), tuple(zip(*pairs, strict=True))) if pairs else (n, n), shape=(n, n))
    graph = Graph("walk", rng.uniform(0, 1, n), rng.uniform(0, 1, n), matrix)
    origins = np.append(rng.integers(0, n, 5), -1)
    ends = np.append(rng.integers(0, n, 4), -1)
    found = routing.times_s(graph, origins, ends, limit_s=limit_s)
    for i, a in enumerate(origins):
        truth = plain_dijkstra(edges, int(a)) if a >= 0 else {}
        for j, b in enumerate(ends):
            expected = truth.get(int(b), math.inf)
            if expected <= limit_s:
                assert found[i, j] == pytest.approx(expected)
            else:
                assert math.isnan(found[i, j])
    extra = rng.uniform(0, 30, len(ends))
    nearest = routing.nearest_s(graph, ends, extra, limit_s=limit_s)
    for a in range(n):
        truth = plain_dijkstra(edges, a)
        expected = min((truth.get(int(b), math.inf) + extra[j] for j, b in enumerate(ends) if b >= 0), default=math.inf)
        # a street leg over the limit is not searched, however little is added after it
        assert (nearest[a] == pytest.approx(expected)) if expected <= limit_s else math.isnan(nearest[a])


def by_hand_quantile(values: list[float], weights: list[float], q: float) -> float:
    ranked = sorted(zip(values, weights, strict=True), key=lambda p: (math.isnan(p[0]), p[0]))
    total, running = sum(weights), 0.0
    for value, weight in ranked:
        running += weight
        if running >= q * total - 1e-12:
            return value
    return ranked[-1][0]


@given(
    st.lists(st.tuples(st.floats(0, 100) | st.just(math.nan), st.floats(0.01, 10)), min_size=1, max_size=12),
    st.sampled_from([0.1, 0.5, 0.9]),
)
def test_weighted_quantile(pairs, q):
    values, weights = [p[0] for p in pairs], [p[1] for p in pairs]
    found = travel.weighted_quantile(np.array(values)[:, None], np.array(weights), q)[0]
    expected = by_hand_quantile(values, weights, q)
    assert found == pytest.approx(expected, nan_ok=True)


def test_zone_minutes_are_the_middle_familys():
    minutes = pd.DataFrame({"s": [5.0, 20.0, np.nan], "t": [np.nan, np.nan, 3.0]}, index=["a", "b", "c"])
    minutes.columns.name = "site_id"
    points = pd.DataFrame({"point_id": ["c", "a", "b"], "lsoa21cd": "E01000001", "share": [0.2, 0.3, 0.5]})
    table = travel.by_zone(minutes, points, mode="walk").set_index("site_id")
    assert table.loc["s", "minutes"] == 20.0  # 0.3 at 5 minutes, 0.8 within 20
    assert math.isnan(table.loc["s", "p90_min"])  # one family in five is out of reach
    assert table.loc["s", "within_limit_pct"] == pytest.approx(80.0)
    assert math.isnan(table.loc["t", "minutes"])
    assert table.loc["t", "within_limit_pct"] == pytest.approx(20.0)


def test_a_site_off_the_streets_is_a_fault_and_a_neighbours_a_note(cross):
    homes = places("point_id", {"west": (0, 0)})
    at = {"mine": (0, 9000), "theirs": (0, -9000), "good": (10, 0)}
    sites = places("site_id", at, name=["My Hall", "Their Hub", "Good"], source="test", ours=[True, False, True])
    faults = Faults()
    kept, report, notes = travel.check_reach(homes, sites, cross, faults)
    assert kept["site_id"].tolist() == ["good"]
    assert [f.where for f in faults.found] == ["site 'My Hall' (test)"]
    assert "8.1 km" in faults.found[0].what
    assert len(notes) == 1
    assert "Their Hub" in notes[0]
    assert report.loc[report["places"] == "points", "off_network"].tolist() == [0, 0]


@pytest.mark.data
def test_runcorn_reaches_widnes_over_a_bridge_only(real_data):
    """Runcorn library to Widnes library: 2.2 km as the crow flies over the Mersey, further by its bridges."""
    ways = streets.read_ways(real_data / "halton" / "halton-proxy.osm.pbf")
    homes = places("point_id", {"runcorn": (351_275 - 450_000, 383_071 - 300_000)})
    sites = places("site_id", {"widnes": (351_296 - 450_000, 385_280 - 300_000)}, ours=True)
    bridged = {tuple(sorted(w.nodes)) for w in ways if dict(w.tags).get("highway") in {"primary", "trunk"}}
    assert len(bridged) == 2  # the two bridges are the only streets of these classes
    for mode, kph in (("walk", 4.0), ("drive", 80.0)):
        graph = streets.build(ways, mode)
        minutes = travel.minutes(homes, sites, graph).loc["runcorn", "widnes"]
        assert minutes > 2.2 / kph * 60
        cut = streets.build([w for w in ways if tuple(sorted(w.nodes)) not in bridged], mode)
        assert math.isnan(travel.minutes(homes, sites, cut).loc["runcorn", "widnes"])
