"""Streets: files of every kind, exact seconds, junctions, barriers, the largest part, snapping, osmnx."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import osmium
import osmnx
import pytest
from scipy.sparse import coo_matrix, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from needs import streets
from needs.errors import InputError
from needs.streets import ISLAND, NO_WAY, ON, TOO_FAR
from needs.streets.pieces import cut
from tests.test_streets_oracle import door_to_door_ms, node_times_ms, ways_of
from tests.town import ORIGIN, write_osm

LINE = {1: (0, 0), 2: (990, 0), 3: (1980, 0)}
STREET = {"highway": "residential"}
PRIMARY = {"highway": "primary"}


def graph_of(nodes, ways, mode="walk", marks=None) -> streets.Graph:
    """Build from node coordinates in metres; marks by node number."""
    return streets.build(ways_of(nodes, ways, [(marks or {}).get(n) for n in range(len(nodes))]), mode)


def at(graph, *spots) -> streets.Snapped:
    x, y = np.array(spots, dtype=float).T + np.array(ORIGIN)[:, None]
    return streets.snap(graph, x, y)


def test_a_straight_street_is_one_edge_with_exact_seconds(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], STREET)])
    graph = streets.build(streets.read_ways(path), "walk")
    assert (len(graph.x), len(graph.edges), len(graph.lines)) == (2, 1, 2)
    assert graph.edges.forward_ms == pytest.approx(
        1980 / 4.0 * 3600, abs=5
    )  # degrees have nine digits here, seven in OSM
    assert graph.edges.backward_ms.tolist() == graph.edges.forward_ms.tolist()
    assert graph.lines.to_end_s.ravel() == pytest.approx([1782.0, 891.0, 891.0, 0.0], abs=0.01)
    assert graph.highways == ("residential",)
    assert graph.arcs.ms.tolist() == graph.edges.forward_ms.tolist() * 2


def test_the_quickest_of_parallel_streets_counts_and_all_are_kept():
    ways = [([0, 1], STREET), ([0, 1], PRIMARY), ([1, 0], {"highway": "service"})]
    graph = graph_of([(0, 0), (40, 0)], ways, "drive")
    assert len(graph.edges) == 3
    assert graph.arcs.ms.tolist() == [2250, 2250]  # 40 m at 64 km/h: main roads wait at no junction
    assert sorted(graph.edges.forward_ms.tolist()) == [2250, 4500 + 1000, 9000 + 1000]


def test_a_piece_of_no_length_changes_nothing():
    nodes = [(0, 0), (100, 0), (100, 0), (200, 0)]
    graph = graph_of(nodes, [([0, 1, 2, 3], STREET), ([1, 2], STREET)])
    assert node_times_ms(graph).max() == 200 / 4.0 * 3600
    assert graph.report["km"] == pytest.approx(0.2)
    ends = at(graph, (100, 30))
    assert ends.metres.tolist() == [30.0]
    assert np.sort(ends.leave().ms[0]).tolist() in ([27_000, 27_000], [27_000, 117_000])


def test_rings_and_loops_survive():
    ring = [(0, 0), (100, 0), (100, 100), (0, 100)]
    graph = graph_of(ring, [([0, 1, 2, 3, 0], {"highway": "service", "junction": "roundabout"})], "drive")
    assert (len(graph.x), len(graph.edges), len(graph.lines), graph.arcs.nodes) == (1, 1, 4, 1)
    assert graph.edges.backward_ms.tolist() == [NO_WAY]
    assert len(graph.arcs.ms) == 0
    places = at(graph, (50, 0), (100, 50))  # both are on the ring: a quarter on, three quarters back
    times = door_to_door_ms(graph, places)
    assert times[0, 1] == pytest.approx(100 / 16 * 3600, abs=1)
    assert times[1, 0] == pytest.approx(300 / 16 * 3600, abs=2)
    lollipop = graph_of([*ring, (-50, 0)], [([0, 1, 2, 3, 0], STREET), ([0, 4], STREET)])
    assert sorted(lollipop.edges.metres.tolist()) == [50.0, 400.0]
    assert (lollipop.edges.start == lollipop.edges.end).sum() == 1


def test_chains_break_where_class_direction_ferry_or_toll_change():
    nodes = [(100 * k, 0) for k in range(5)] + [(200, 300)]
    back = ([4, 5, 0], {"highway": "primary"})
    same = graph_of(nodes, [([0, 1, 2], PRIMARY), ([2, 3, 4], {**PRIMARY, "maxspeed": "30 mph"}), back], "drive")
    assert (len(same.edges), len(same.x)) == (1, 1)  # a ring of one class: speeds may differ within an edge
    for other in (STREET, {**PRIMARY, "oneway": "yes"}, {**PRIMARY, "toll": "yes"}):
        assert len(graph_of(nodes, [([0, 1, 2], PRIMARY), ([2, 3, 4], other), back], "drive").edges) == 2
    ferry = {"route": "ferry", "motor_vehicle": "yes", "duration": "10"}
    graph = graph_of(nodes, [([0, 1, 2], PRIMARY), ([2, 3, 4], ferry), back], "drive")
    assert graph.report["ferries"] == 1
    over = int(np.flatnonzero(graph.edges.ferry)[0])
    assert graph.highways[graph.edges.highway[over]] == "ferry"
    assert graph.edges.forward_ms[over] == 600_000
    tolled = graph_of(nodes, [([0, 1, 2], PRIMARY), ([2, 3, 4], {**PRIMARY, "toll": "yes"}), back], "drive")
    assert tolled.report["tolls"] == tolled.edges.toll.sum() == 1


def test_islands_and_dead_ends_of_oneways_are_left_out_and_told():
    nodes = [(0, 0), (45, 0), (90, 0), (900, 900), (940, 900)]
    ways = [
        ([0, 1], STREET),
        ([1, 2], {**STREET, "oneway": "yes"}),  # a car at the end never comes back
        ([3, 4], STREET),
    ]
    drive, walk = (graph_of(nodes, ways, m) for m in ("drive", "walk"))
    assert (len(drive.x), len(walk.x)) == (2, 2)
    assert walk.report["islands"] == 1
    assert walk.report["island_nodes"] == 2
    assert walk.islands.metres.tolist() == [40.0]
    assert (walk.islands.x[0] - ORIGIN[0], walk.islands.y[0] - ORIGIN[1]) == (900.0, 900.0)
    assert drive.islands.nodes.tolist() == [1, 2]
    assert drive.islands.metres.tolist() == [45.0, 40.0]


def test_a_barrier_parts_the_street_and_leaves_two_dead_ends():
    nodes = [(0, 0), (100, 0), (200, 0), (200, 90), (0, 90)]
    ways = [([0, 1, 2], STREET), ([2, 3, 4, 0], STREET)]
    for mode, parted in (("walk", False), ("drive", True)):
        graph = graph_of(nodes, ways, mode, {1: {"barrier": "bollard"}})
        assert graph.report["barriers"] == parted
        assert graph.report["km"] == pytest.approx(0.58)
        places = at(graph, (90, 0), (110, 0))
        far = door_to_door_ms(graph, places)[0, 1]
        kph = 32 if parted else 4
        assert far == pytest.approx((90 + 380 + 90 if parted else 20) / kph * 3600, abs=3)


@pytest.mark.parametrize(
    ("direction", "there", "back"), [(None, 6, 6), ("forward", 6, 0), ("backward", 0, 6), ("both", 6, 6)]
)
def test_signals_delay_those_who_enter_them(direction, there, back):
    mark = {"highway": "traffic_signals"} | ({"traffic_signals:direction": direction} if direction else {})
    graph = graph_of([(0, 0), (160, 0), (320, 0)], [([0, 1, 2], PRIMARY)], "drive", {1: mark})
    assert graph.edges.forward_ms.tolist() == [18_000 + 1000 * there]
    assert graph.edges.backward_ms.tolist() == [18_000 + 1000 * back]
    assert len(graph.edges) == 1


def test_minor_roads_wait_at_junctions_and_main_roads_do_not():
    nodes = [(0, 0), (160, 0), (320, 0), (160, 80)]
    graph = graph_of(nodes, [([0, 1, 2], PRIMARY), ([3, 1], STREET)], "drive")
    into = {(graph.highways[h], f - b) for h, f, b in zip(
        graph.edges.highway, graph.edges.forward_ms, graph.edges.backward_ms, strict=True)}  # fmt: skip
    assert ("primary", 0) in into
    assert abs(next(d for name, d in into if name == "residential")) == 1000


def test_what_takes_longer_than_a_journey_is_broken_or_refused():
    nodes = [(15_000 * k, 0) for k in range(4)]
    graph = graph_of(nodes, [([0, 1, 2, 3], STREET)])  # 45 km: 11 hours with a pram
    assert (len(graph.edges), len(graph.x)) == (3, 4)
    with pytest.raises(InputError, match="no street can be used"):
        graph_of([(0, 0), (30_000, 0)], [([0, 1], STREET)])


def test_a_way_is_broken_where_the_extract_leaves_a_node_out(tmp_path):
    nodes = {1: (0, 0), 2: (100, 0), 4: (300, 0), 5: (400, 0), 7: (600, 0)}
    path = write_osm(tmp_path / "a.osm", nodes, [([1, 2, 3, 4, 5, 6, 7], STREET), ([3, 4], STREET)])
    ways = streets.read_ways(path)
    assert [ways.osm_id[ways.node[a:b]].tolist() for a, b in zip(ways.first, ways.first[1:], strict=False)] == [
        [1, 2],
        [4, 5],
    ]
    assert streets.build(ways, "walk").report["islands"] == 1


def test_marks_of_nodes_are_read(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], STREET)])
    said = '<tag k="barrier" v="stile"/><tag k="name" v="x"/></node>'
    text = path.read_text("utf-8").splitlines()
    text[3] = text[3].replace("/>", f">{said}")
    path.write_text("\n".join(text), "utf-8")
    ways = streets.read_ways(path)
    assert ways.marks == ((("barrier", "stile"),),)
    assert ways.mark.tolist() == [-1, 0, -1]
    assert streets.build(ways, "foot").report["islands"] == 0
    assert streets.build(ways, "walk").report["islands"] == 1


def test_a_place_off_an_island_says_so():
    nodes = [(0, 0), (2000, 0), (500, 300), (600, 300), (1000, 900), (1040, 900)]
    graph = graph_of(nodes, [([0, 1], STREET), ([2, 3], STREET), ([4, 5], STREET)])
    places = at(graph, (550, 290), (1000, 5), (1020, 880), (0, 5000), (550, 152), (550, 154))
    assert places.reason.tolist() == [ISLAND, ON, ISLAND, TOO_FAR, ON, ON]
    assert places.edge.tolist() == [-1, 0, -1, -1, 0, 0]
    assert places.metres.tolist() == [290, 5, 880, 5000, 152, 154]
    assert places.leave().node[2].tolist() == [-1, -1]
    assert at(graph, (550, 160)).reason.tolist() == [ISLAND]  # 140 m against 160 m
    near = graph_of([(0, 0), (2000, 0), (500, 100), (600, 101)], [([0, 1], STREET), ([2, 3], STREET)])
    found = at(near, (500, 100), (600, 101))  # a gate may be what parts them, or a railway
    assert found.edge.tolist() == [0, -1]
    assert found.reason.tolist() == [ON, ISLAND]


def test_no_door_opens_on_a_motorway_or_a_ferry():
    ways = [([0, 1], {"highway": "motorway"}), ([1, 2], {"highway": "motorway"}), ([2, 0], {"highway": "motorway"})]
    ways += [([0, 3], STREET), ([3, 4], {"route": "ferry", "motorcar": "yes"}), ([4, 5], STREET)]
    graph = graph_of([(0, 0), (1000, 0), (500, 300), (0, -200), (0, -1200), (0, -1400)], ways, "drive")
    places = at(graph, (60, 0), (10, -900))
    assert places.metres.tolist() == [60, pytest.approx(300.2, abs=0.1)]
    assert [graph.highways[graph.edges.highway[e]] for e in places.edge] == ["residential", "residential"]
    only = graph_of([(0, 0), (1000, 0), (500, 300)], ways[:3], "drive")
    assert at(only, (60, 0)).metres.tolist() == [0]  # where there is nothing else


def test_no_places_are_brought_nowhere():
    graph = graph_of([(0, 0), (100, 0)], [([0, 1], STREET)])
    places = streets.snap(graph, np.empty(0), np.empty(0))
    assert len(places) == len(places.leave()) == len(places.arrive()) == 0
    assert [len(c) for c in streets.direct(places, at(graph, (5, 5)))] == [0, 0, 0]


def test_a_place_without_coordinates_is_refused():
    graph = graph_of([(0, 0), (100, 0)], [([0, 1], STREET)])
    with pytest.raises(ValueError, match="place 1 has no coordinates"):
        at(graph, (5, 5), (np.nan, 5))


def test_of_lines_equally_near_the_lowest_counts():
    nodes = [(0, 0), (100, 0), (0, 50), (100, 50)]
    graph = graph_of(nodes, [([0, 1], STREET), ([2, 3], STREET), ([0, 2], STREET)])
    places = at(graph, (60, 25))
    assert places.metres.tolist() == [25.0]
    assert places.line.tolist() == [min(n for n in range(len(graph.lines)) if np.ptp(graph.lines.y[n]) == 0)]


def test_one_ways_bind_between_doors_on_one_street():
    nodes = [(0, 0), (320, 0), (160, 400)]
    graph = graph_of(nodes, [([0, 1], {**PRIMARY, "oneway": "yes"}), ([1, 2, 0], PRIMARY)], "drive")
    a, b = (at(graph, (x, 0)) for x in (80, 240))
    assert [c.tolist() for c in streets.direct(a, b)] == [[0], [0], [9000]]
    assert [c.tolist() for c in streets.direct(b, a)] == [[], [], []]
    assert (a.leave().node >= 0).sum() == (a.arrive().node >= 0).sum() == 1
    assert a.leave().ms.max() == 240 / 64 * 3600
    assert a.arrive().ms.max() == 80 / 64 * 3600
    corner = at(graph, (0, 0))  # on the junction: one may go both ways from it
    assert 0 in corner.leave().ms[corner.leave().node >= 0]
    assert 0 in corner.arrive().ms[corner.arrive().node >= 0]


@pytest.mark.parametrize("text", ["", "<osm", "<html>not found</html>", '<osm version="0.6"></osm>'])
@pytest.mark.parametrize("suffix", [".osm", ".graphml"])
def test_empty_or_broken_extract_is_refused(tmp_path, text, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"a\{suffix}"):
        streets.read_ways(path)


def test_a_missing_file_and_a_strange_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        streets.read_ways(tmp_path / "a.osm.pbf")
    (tmp_path / "a.csv").write_text("a,b")
    with pytest.raises(InputError, match=r"a\.csv: cannot be read"):
        streets.read_ways(tmp_path / "a.csv")


def test_a_truncated_pbf_is_refused(tmp_path):
    whole = tmp_path / "whole.osm.pbf"
    with osmium.SimpleWriter(str(whole)) as writer:
        for k in range(2000):
            writer.add_node(osmium.osm.mutable.Node(id=k, location=(-1 + 1e-4 * k * k % 1, 52 + 1e-5 * k)))
        writer.add_way(osmium.osm.mutable.Way(id=1, nodes=list(range(2000)), tags=STREET))
    assert streets.build(streets.read_ways(whole), "walk").report["osm_nodes"] == 2000
    for size in (10, 500, whole.stat().st_size - 5):
        part = tmp_path / "cut.osm.pbf"
        part.write_bytes(whole.read_bytes()[:size])
        with pytest.raises(InputError, match=r"cut\.osm\.pbf: cannot be read"):
            streets.read_ways(part)


def test_a_mode_without_streets_is_refused(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], {"highway": "footway"})])
    with pytest.raises(InputError, match=r"a\.osm, mode 'drive': no street can be used"):
        streets.build(streets.read_ways(path), "drive")


def test_streets_of_another_place_are_refused():
    graph = graph_of([(0, 0), (990, 0), (1980, 0)], [([0, 1, 2], STREET)])
    streets.check_place(graph, where="a.osm", bounds=(449_000, 299_000, 453_000, 301_000))
    streets.check_place(graph, where="a.osm", bounds=(450_500, 299_000, 450_600, 301_000))  # only passes through
    with pytest.raises(InputError, match=r"a\.osm.*450, 300, 452, 300 against 549, 299, 553, 301"):
        streets.check_place(graph, where="a.osm", bounds=(549_000, 299_000, 553_000, 301_000))


def test_streets_off_the_map_are_refused(tmp_path):
    path = tmp_path / "a.osm"
    nodes = [
        f'<node id="{k}" version="1" lat="{lat}" lon="{lon}"/>' for k, lat, lon in ((1, -33, 151), (2, -33, 151.01))
    ]
    path.write_text(
        f'<osm version="0.6">{"".join(nodes)}<way id="1" version="1"><nd ref="1"/><nd ref="2"/>'
        '<tag k="highway" v="residential"/></way></osm>'
    )
    with pytest.raises(InputError, match=r"a\.osm.*elsewhere"):
        streets.check_place(streets.build(streets.read_ways(path), "drive"), where="a.osm", bounds=(0, 0, 1, 1))


def osmnx_town(tmp_path) -> Path:
    nodes = {1: (0, 0), 2: (300, 40), 3: (590, 0), 4: (590, 395), 5: (0, 395)}
    ways = [
        ([1, 2, 3], {"highway": "primary", "maxspeed": "40 mph"}),
        ([3, 4], {"highway": "residential", "oneway": "yes"}),
        ([4, 5, 1], {"highway": "tertiary"}),
        ([1, 5], {"highway": "footway"}),
    ]
    return write_osm(tmp_path / "a.osm", nodes, ways)


@pytest.mark.parametrize("simplify", [False, True])
@pytest.mark.parametrize("mode", ["walk", "drive"])
def test_an_osmnx_graph_gives_the_same_streets(tmp_path, simplify, mode):
    path = osmnx_town(tmp_path)
    other = streets.from_osmnx(osmnx.graph_from_xml(path, simplify=simplify, retain_all=True))
    a, b = (streets.build(w, mode) for w in (streets.read_ways(path), other))
    assert len(a.x) == len(b.x)
    assert b.arcs.ms.sum() == pytest.approx(a.arcs.ms.sum(), rel=1e-4)  # osmnx rounds degrees
    assert sorted(np.round(b.x, 2)) == pytest.approx(sorted(np.round(a.x, 2)), abs=0.02)


def test_a_projected_osmnx_graph_is_refused(tmp_path):
    graph = osmnx.project_graph(osmnx.graph_from_xml(osmnx_town(tmp_path), retain_all=True))
    with pytest.raises(InputError, match="not in EPSG:4326"):
        streets.from_osmnx(graph)


def test_graphml_is_read(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], STREET)])
    osmnx.save_graphml(osmnx.graph_from_xml(path, simplify=True, retain_all=True), tmp_path / "a.graphml")
    graph = streets.build(streets.read_ways(tmp_path / "a.graphml"), "walk")
    assert graph.arcs.ms.sum() == pytest.approx(2 * 1980 / 4.0 * 3600, rel=1e-5)


def test_osmnx_finds_our_shortest_times(tmp_path):
    graph = streets.build(streets.read_ways(osmnx_town(tmp_path)), "drive")
    given = streets.to_osmnx(graph)
    ours = node_times_ms(graph)
    for u, v in ((a, b) for a in given for b in given if a != b):
        route = osmnx.shortest_path(given, u, v, weight="travel_time")
        seconds = osmnx.routing.route_to_gdf(given, route, weight="travel_time")["travel_time"].sum()
        assert 1000 * seconds == pytest.approx(ours[u, v], abs=1e-6)
    nodes, edges = osmnx.graph_to_gdfs(given)
    assert len(nodes) == len(graph.x)
    assert nodes.crs == edges.crs == "EPSG:4326"
    assert edges.to_crs("EPSG:27700").length.to_numpy() == pytest.approx(edges["length"].to_numpy(), abs=1e-3)
    assert edges["osmid"].nunique() == len(graph.edges)
    again = streets.build(streets.from_osmnx(given), "walk")
    assert again.report["km"] == pytest.approx(graph.report["km"], rel=1e-6)
    osmnx.save_graphml(given, tmp_path / "b.graphml")
    assert streets.build(streets.read_ways(tmp_path / "b.graphml"), "walk").report["km"] == pytest.approx(
        graph.report["km"], rel=1e-6
    )


@pytest.mark.data
def test_without_its_bridges_halton_falls_in_two(real_data):
    file = real_data / "halton" / "halton-proxy.osm.pbf"
    ways = streets.read_ways(file)
    raw = osmium.FileProcessor(str(file))
    bridges = {tuple(n.ref for n in o.nodes) for o in raw if o.is_way() and o.tags.get("bridge") == "yes"}
    assert len(bridges) == 2
    paths = [tuple(p.tolist()) for p in np.split(ways.osm_id[ways.node], ways.first[1:-1])]
    rest = ways.taking(np.array([p not in bridges for p in paths]))
    assert len(ways) - len(rest) == 2
    inner = np.setdiff1d(np.arange(len(rest.node)), rest.first[1:] - 1)
    ends = (rest.node[inner], rest.node[inner + 1])
    links = coo_matrix((np.ones(len(inner)), ends), shape=(len(rest.x), len(rest.x)))
    _, part = connected_components(links, directed=False)
    assert sorted(np.bincount(part), reverse=True)[:2] == [1542, 1514]  # published with the data
    whole, parted = streets.build(ways, "drive"), streets.build(rest, "drive")
    assert whole.report["islands"] == 0
    assert parted.report["islands"] == 1
    assert parted.report["km"] + parted.report["island_km"] < whole.report["km"]


@pytest.mark.data
@pytest.mark.parametrize("mode", ["walk", "foot", "wheelchair", "cycle", "drive"])
def test_rutland_times_are_those_without_contraction(real_data, mode):
    ways = streets.read_ways(real_data / "rutland" / "rutland-2022-07-20.osm.pbf")
    graph = streets.build(ways, mode)
    if mode == "drive":
        assert graph.report["osm_nodes"] == pytest.approx(30_032, rel=0.1)  # the data's README, by another's rules
    assert graph.report["island_nodes"] < 0.08 * graph.report["nodes"]
    pieces = cut(ways, streets.modes()[mode])
    both = np.isfinite(pieces.seconds)
    tail, head = (np.concatenate([a[both[:, 0]], b[both[:, 1]]])
                  for a, b in ((pieces.tail, pieces.head), (pieces.head, pieces.tail)))  # fmt: skip
    seconds = np.concatenate([pieces.seconds[both[:, 0], 0], pieces.seconds[both[:, 1], 1]])
    order = np.lexsort((seconds, head, tail))
    _, first = np.unique(np.stack([tail, head])[:, order], axis=1, return_index=True)  # the quickest of parallel ones
    chosen = order[first]
    size = len(pieces.x)
    plain = csr_array((np.maximum(seconds[chosen], 1e-9), (tail[chosen], head[chosen])), shape=(size, size))
    number = defaultdict(list)  # a barrier's dead ends stand at one place: they are passed over
    for n in np.unique(np.concatenate([tail, head])).tolist():
        number[pieces.x[n], pieces.y[n]].append(n)
    here = [number[p] for p in zip(graph.x.tolist(), graph.y.tolist(), strict=True)]
    known = [k for k, n in enumerate(here) if len(n) == 1]
    assert len(known) > 0.95 * len(here)
    ours = csr_array((np.maximum(graph.arcs.ms, 1e-9), (graph.arcs.tail, graph.arcs.head)), shape=(len(here),) * 2)
    for begin in known[:: len(known) // 5]:
        found = dijkstra(ours, indices=begin)
        assert np.isfinite(found).all()
        expected = dijkstra(plain, indices=here[begin][0])[[here[k][0] for k in known]]
        assert found[known] == pytest.approx(1000 * expected, abs=100, rel=0)  # 200 edges, half a millisecond each


@pytest.mark.data
def test_rutland_is_found_from_every_door(real_data):
    ways = streets.read_ways(real_data / "rutland" / "rutland-2022-07-20.osm.pbf")
    graph = streets.build(ways, "drive")
    chance = np.random.default_rng(1)
    rows = chance.choice(len(graph.lines), 300)
    share = chance.random(300)
    x, y = (c[rows, 0] + share * (c[rows, 1] - c[rows, 0]) for c in (graph.lines.x, graph.lines.y))
    places = streets.snap(graph, x, y)
    assert (places.reason == ON).all()
    assert places.metres.max() < 0.01
    for ends in (places.leave(), places.arrive()):
        assert (ends.node >= 0).any(axis=1).all()
