"""Streets: rules of the modes, exact seconds, the largest part, files of every kind."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import osmium
import osmnx
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from shapely import box

from needs import streets
from needs.errors import InputError, SourceError
from needs.streets import _legal_kph, _speeds_kph
from tests.town import ORIGIN, write_osm

LINE = {1: (0, 0), 2: (990, 0), 3: (1980, 0)}


def speeds(mode: str, **tags: str) -> tuple[float, float]:
    return _speeds_kph(tuple(sorted(tags.items())), mode)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (4.0, 4.0)),
        ({"highway": "residential", "oneway": "yes"}, (4.0, 4.0)),  # a pram walks both ways
        ({"highway": "steps"}, (0.0, 0.0)),
        ({"highway": "motorway"}, (0.0, 0.0)),
        ({"highway": "footway", "access": "private"}, (0.0, 0.0)),
        ({"highway": "service", "access": "private", "foot": "yes"}, (4.0, 4.0)),  # the special tag decides
        ({"highway": "trunk", "foot": "no"}, (0.0, 0.0)),
        ({"highway": "trunk", "motorroad": "yes"}, (0.0, 0.0)),
        ({"highway": "proposed"}, (0.0, 0.0)),
    ],
)
def test_rules_of_walking_with_a_pram(tags, expected):
    assert speeds("walk", **tags) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (32.0, 32.0)),
        ({"highway": "residential", "maxspeed": "20 mph"}, (32.18688, 32.18688)),
        ({"highway": "primary", "maxspeed": "60 mph"}, (96.56064, 96.56064)),
        ({"highway": "unclassified", "maxspeed": "60 mph"}, (64.0, 64.0)),  # a lane: the ceiling holds
        ({"highway": "primary", "oneway": "yes"}, (64.0, 0.0)),
        ({"highway": "primary", "oneway": "-1"}, (0.0, 64.0)),
        ({"highway": "tertiary", "junction": "roundabout"}, (48.0, 0.0)),
        ({"highway": "motorway"}, (105.0, 0.0)),
        ({"highway": "motorway", "oneway": "no"}, (105.0, 105.0)),
        ({"highway": "footway"}, (0.0, 0.0)),
        ({"highway": "residential", "motor_vehicle": "no"}, (0.0, 0.0)),
        ({"highway": "residential", "access": "no", "motor_vehicle": "yes"}, (32.0, 32.0)),
        ({"highway": "service", "area": "yes"}, (0.0, 0.0)),
    ],
)
def test_rules_of_driving(tags, expected):
    assert speeds("drive", **tags) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "kph"),
    [
        ("30 mph", 48.28032),
        ("50", 50.0),
        ("GB:nsl_single", 96.56064),
        ("none", None),
        ("", None),
        ("0", None),
        ("30;40 mph", None),
    ],
)
def test_maxspeed(text, kph):
    assert _legal_kph(text) == (pytest.approx(kph) if kph else None)


def test_seconds_of_a_straight_street_with_a_pram(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], {"highway": "residential"})])
    graph = streets.build(streets.read_ways(path), "walk")
    assert len(graph.x) == 41  # 1,980 m cut into 40 edges of 49.5 m
    assert graph.seconds.sum() == pytest.approx(2 * 1980 / 4.0 * 3.6, rel=1e-5)
    assert graph.seconds.data.max() == pytest.approx(49.5 / 4.0 * 3.6, rel=1e-4)


def test_the_quickest_of_parallel_streets_counts(tmp_path):
    nodes = {1: (0, 0), 2: (40, 0)}
    ways = [([1, 2], {"highway": "residential"}), ([1, 2], {"highway": "primary"}), ([2, 1], {"highway": "service"})]
    graph = streets.build(streets.read_ways(write_osm(tmp_path / "a.osm", nodes, ways)), "drive")
    assert graph.seconds.nnz == 2
    assert graph.seconds.sum() == pytest.approx(2 * 40 / 64.0 * 3.6, rel=1e-4)


def test_islands_and_dead_ends_of_oneways_are_left_out(tmp_path):
    nodes = {1: (0, 0), 2: (45, 0), 3: (90, 0), 8: (900, 900), 9: (940, 900)}
    ways = [
        ([1, 2], {"highway": "residential"}),
        ([2, 3], {"highway": "residential", "oneway": "yes"}),  # a car at 3 never comes back
        ([8, 9], {"highway": "residential"}),
    ]
    path = write_osm(tmp_path / "a.osm", nodes, ways)
    drive, walk = (streets.build(streets.read_ways(path), m) for m in ("drive", "walk"))
    assert len(drive.x) == 2
    assert len(walk.x) == 3
    assert walk.report["islands"] == 1
    assert walk.report["island_nodes"] == 2


def test_osmnx_graph_gives_the_same_streets(tmp_path):
    nodes = {1: (0, 0), 2: (300, 40), 3: (590, 0), 4: (590, 395), 5: (0, 395)}
    ways = [
        ([1, 2, 3], {"highway": "primary", "maxspeed": "40 mph"}),
        ([3, 4], {"highway": "residential", "oneway": "yes"}),
        ([4, 5, 1], {"highway": "tertiary"}),
        ([1, 5], {"highway": "footway"}),
    ]
    path = write_osm(tmp_path / "a.osm", nodes, ways)
    own = streets.read_ways(path)
    for simplify in (False, True):
        other = streets.from_osmnx(osmnx.graph_from_xml(path, simplify=simplify, retain_all=True))
        for mode in ("walk", "drive"):
            a, b = streets.build(own, mode), streets.build(other, mode)
            assert len(a.x) == len(b.x)
            assert b.seconds.sum() == pytest.approx(a.seconds.sum(), rel=1e-4)  # osmnx rounds degrees
            assert sorted(np.round(b.x, 2)) == pytest.approx(sorted(np.round(a.x, 2)), abs=0.02)


def test_graphml_is_read(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], {"highway": "residential"})])
    osmnx.save_graphml(osmnx.graph_from_xml(path, simplify=True, retain_all=True), tmp_path / "a.graphml")
    graph = streets.build(streets.read_ways(tmp_path / "a.graphml"), "walk")
    assert graph.seconds.sum() == pytest.approx(2 * 1980 / 4.0 * 3.6, rel=1e-5)


@pytest.mark.parametrize("text", ["", "<osm", "<html>not found</html>", '<osm version="0.6"></osm>'])
def test_empty_or_broken_extract_is_refused(tmp_path, text):
    path = tmp_path / "a.osm"
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.osm"):
        streets.read_ways(path)


def test_a_mode_without_streets_is_refused(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], {"highway": "footway"})])
    with pytest.raises(InputError, match="drive"):
        streets.build(streets.read_ways(path), "drive")


def test_streets_of_another_place_are_refused(tmp_path):
    path = write_osm(tmp_path / "a.osm", LINE, [([1, 2, 3], {"highway": "residential"})])
    graph = streets.build(streets.read_ways(path), "walk")
    streets.check_place(graph, where="a.osm", bounds=(449_000, 299_000, 453_000, 301_000))
    with pytest.raises(InputError, match="elsewhere"):
        streets.check_place(graph, where="a.osm", bounds=(549_000, 299_000, 553_000, 301_000))


@pytest.mark.data
def test_without_its_bridges_halton_falls_in_two(real_data):
    ways = streets.read_ways(real_data / "halton" / "halton-proxy.osm.pbf")
    raw = osmium.FileProcessor(str(real_data / "halton" / "halton-proxy.osm.pbf"))
    bridges = {tuple(n.ref for n in o.nodes) for o in raw if o.is_way() and o.tags.get("bridge") == "yes"}
    assert len(bridges) == 2
    cut = [w for w in ways if tuple(w.nodes) not in bridges]
    codes, inverse = np.unique(np.concatenate([w.nodes for w in cut]), return_inverse=True)
    ends = np.cumsum([len(w.nodes) for w in cut])
    inner = np.setdiff1d(np.arange(len(inverse)), ends - 1)
    links = coo_matrix((np.ones(len(inner)), (inverse[inner], inverse[inner + 1])), shape=(len(codes), len(codes)))
    _, part = connected_components(links, directed=False)
    assert sorted(np.bincount(part), reverse=True)[:2] == [1542, 1514]  # published with the data
    whole, parted = streets.build(ways, "drive"), streets.build(cut, "drive")
    assert whole.report["islands"] == 0
    assert parted.report["islands"] == 1


@pytest.mark.data
def test_rutland_has_the_nodes_it_is_said_to_have(real_data):
    ways = streets.read_ways(real_data / "rutland" / "rutland-2022-07-20.osm.pbf")
    graph = streets.build(ways, "drive")
    assert graph.report["osm_nodes"] == pytest.approx(30_032, rel=0.1)  # the data's README, by another reader's rules
    assert graph.report["island_nodes"] < 0.05 * graph.report["nodes"]


@pytest.fixture
def overpass(monkeypatch):
    """A local server that answers as Overpass does, with the streets that the test gives it."""
    answer: dict[str, object] = {"status": 200, "elements": []}

    class Overpass(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"version": 0.6, "elements": answer["elements"]}).encode()
            self.send_response(answer["status"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Overpass)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "overpass_url": f"http://127.0.0.1:{server.server_port}/api",
        "overpass_rate_limit": False,
        "use_cache": False,
    }.items():
        monkeypatch.setattr(osmnx.settings, name, value)
    yield answer
    server.shutdown()
    thread.join()
    server.server_close()


def test_streets_are_fetched_with_the_tags_that_the_rules_need(overpass, tmp_path):
    nodes = {1: (0, 0), 2: (300, 40), 3: (590, 0), 4: (590, 395)}
    ways = [
        ([1, 2, 3], {"highway": "primary", "foot": "no"}),
        ([3, 4], {"highway": "residential", "oneway": "yes"}),
        ([4, 1], {"highway": "tertiary", "motor_vehicle": "no"}),
    ]
    file = write_osm(tmp_path / "a.osm", nodes, ways)
    elements = []
    for item in osmium.FileProcessor(str(file)):
        shared = {"id": item.id, "tags": dict(item.tags)}
        if item.is_way():
            elements.append({"type": "way", "nodes": [n.ref for n in item.nodes], **shared})
        else:
            elements.append({"type": "node", "lat": item.location.lat, "lon": item.location.lon, **shared})
    overpass["elements"] = elements
    x, y = ORIGIN
    usual = list(osmnx.settings.useful_tags_way)
    path = streets.download(box(x - 100, y - 100, x + 700, y + 500), tmp_path / "a.graphml")
    assert list(osmnx.settings.useful_tags_way) == usual
    for mode in ("walk", "drive"):
        own, fetched = (streets.build(streets.read_ways(p), mode) for p in (file, path))
        assert fetched.seconds.sum() == pytest.approx(own.seconds.sum(), rel=1e-4)


@pytest.mark.parametrize("status", [200, 400])
def test_no_streets_from_overpass_is_a_source_that_could_not_be_had(overpass, tmp_path, status):
    overpass["status"] = status
    with pytest.raises(SourceError, match="gave no streets"):
        streets.download(box(*ORIGIN, ORIGIN[0] + 500, ORIGIN[1] + 500), tmp_path / "a.graphml")
    assert list(tmp_path.iterdir()) == []
