"""Streets against plain Python: the same ways without contraction, and places put in as nodes of their own."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import networkx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from needs.errors import InputError
from needs.streets import NO_WAY, Ways, build, direct, modes, snap

MPH = 1.609344
# tags, km/h along and against: what the drive mode should make of them, stated here once more
PALETTE = [
    ({"highway": "residential"}, 32, 32),
    ({"highway": "residential", "oneway": "yes"}, 32, 0),
    ({"highway": "tertiary", "oneway": "-1"}, 0, 48),
    ({"highway": "primary", "maxspeed": "30 mph"}, 30 * MPH, 30 * MPH),
    ({"highway": "primary", "toll": "yes"}, 64, 64),
    ({"highway": "service", "junction": "roundabout"}, 16, 0),
    ({"route": "ferry", "motor_vehicle": "yes"}, 12, 12),
    ({"highway": "footway"}, 0, 0),
]
MINOR = {"residential", "tertiary", "service"}
MARKS = [None, None, None, {"highway": "traffic_signals"}, {"highway": "give_way", "direction": "forward"},
         {"barrier": "bollard"}, {"barrier": "gate"}]  # fmt: skip


def ways_of(nodes, ways, marks) -> Ways:
    """Lay out ways from node coordinates (metres), lists of node numbers and tags, and a mark per node or None."""
    tags = [tuple(sorted(t.items())) for _, t in ways]
    distinct = list(dict.fromkeys(tags))
    said = list(dict.fromkeys(tuple(sorted(m.items())) for m in marks if m))
    return Ways(
        tuple(distinct),
        np.array([distinct.index(t) for t in tags], dtype=np.int32),
        np.concatenate([[0], np.cumsum([len(w) for w, _ in ways])]),
        np.array([n for w, _ in ways for n in w], dtype=np.int32),
        np.arange(len(nodes)),
        np.array([450_000.0 + x for x, _ in nodes]),
        np.array([300_000.0 + y for _, y in nodes]),
        tuple(said),
        np.array([said.index(tuple(sorted(m.items()))) if m else -1 for m in marks], dtype=np.int32),
        "a town",
    )


class Plain:
    """Every piece of street as it is drawn; a node is (number,) or, beyond a barrier, (number, piece, side)."""

    def __init__(self, nodes, ways, marks):
        drawn = []
        for path, tags in ways:
            along, against = next((a, b) for t, a, b in PALETTE if t == tags)
            if along or against:
                drawn += [(u, v, tags, along, against) for u, v in itertools.pairwise(path) if u != v]
        meeting = defaultdict(int)
        for u, v, *_ in drawn:
            meeting[u] += 1
            meeting[v] += 1
        self.pieces = []  # tail, head, seconds along, seconds against, metres
        self.nodes = nodes
        for k, (u, v, tags, along, against) in enumerate(drawn):
            metres = math.dist(nodes[u], nodes[v])
            times = []
            for kph, into, way in ((along, v, "forward"), (against, u, "backward")):
                mark = marks[into] or {}
                stop = {"traffic_signals": 6.0, "give_way": 4.0 if way == "forward" else 0.0}
                wait = stop.get(mark.get("highway"), 0.0)
                if tags.get("highway") in MINOR and meeting[into] >= 3:
                    wait = max(wait, 1.0)
                times.append(metres / kph * 3.6 + wait if kph else math.inf)
            ends = [(n, k, s) if (marks[n] or {}).get("barrier") == "bollard" else (n,) for s, n in enumerate((u, v))]
            self.pieces.append((*ends, *times, metres))

    def graph(self) -> networkx.DiGraph:
        found = networkx.DiGraph()
        for u, v, along, against, _ in self.pieces:
            found.add_nodes_from([u, v])
            for a, b, seconds in ((u, v, along), (v, u, against)):
                if seconds < math.inf:
                    old = found.get_edge_data(a, b, {"s": math.inf})["s"]
                    found.add_edge(a, b, s=min(old, seconds))
        return found

    def parts(self) -> list[tuple[float, set]]:
        strong = list(networkx.strongly_connected_components(self.graph()))
        metres = [sum(m for u, v, *_, m in self.pieces if u in p and v in p) for p in strong]
        return sorted(zip(metres, strong, strict=True), key=lambda p: -p[0])


@st.composite
def towns(draw):
    count = draw(st.integers(3, 12))
    spots = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=count, max_size=count))
    # no two nodes quite at one place, so that each can be told by where it is; a micrometre takes no time
    nodes = [(100.0 * x + i * 2.0**-20, 130.0 * y) for i, (x, y) in enumerate(spots)]
    number = st.integers(0, count - 1)
    ways = draw(
        st.lists(st.tuples(st.lists(number, min_size=2, max_size=5), st.sampled_from([t for t, _, _ in PALETTE])),
                 min_size=2, max_size=9)
    )  # fmt: skip
    marks = draw(st.lists(st.sampled_from(MARKS), min_size=count, max_size=count))
    return nodes, ways, marks


def built(town):
    """Graph and plain pieces of a town; towns without streets, or with two largest parts, are passed over."""
    plain = Plain(*town)
    assume(plain.pieces)
    parts = plain.parts()
    assume(parts[0][0] > 0.01)
    assume(len(parts) == 1 or parts[0][0] > parts[1][0] + 0.01)
    return build(ways_of(*town), "drive"), plain, parts[0][1]


def node_times_ms(graph) -> np.ndarray:
    """All shortest times over the arcs, by Floyd and Warshall in plain form."""
    n = graph.arcs.nodes
    times = np.full((n, n), np.inf)
    np.fill_diagonal(times, 0.0)
    times[graph.arcs.tail, graph.arcs.head] = np.minimum(times[graph.arcs.tail, graph.arcs.head], graph.arcs.ms)
    for k in range(n):
        times = np.minimum(times, times[:, k, None] + times[None, k, :])
    return times


@settings(max_examples=150)
@given(towns())
def test_times_between_junctions_are_those_without_contraction(town):
    graph, plain, main = built(town)
    by_place = defaultdict(list)
    for n in main:
        by_place[tuple(np.add(town[0][n[0]], (450_000.0, 300_000.0)))].append(n)
    here = list(zip(graph.x.tolist(), graph.y.tolist(), strict=True))
    known = {i: by_place[p][0] for i, p in enumerate(here) if len(by_place[p]) == 1}
    assert all(by_place[p] for p in here)
    ours, pieces = node_times_ms(graph), plain.graph()
    assert np.isfinite(ours).all()
    for i, u in known.items():
        seconds = networkx.single_source_dijkstra_path_length(pieces, u, weight="s")
        for j, v in known.items():
            assert ours[i, j] == pytest.approx(1000 * seconds[v], abs=0.5 * len(here) + 1e-3)


@settings(max_examples=150)
@given(towns())
def test_no_street_is_lost(town):
    graph, plain, main = built(town)
    metres = sum(m for u, v, *_, m in plain.pieces if u in main and v in main)
    everything = sum(m for *_, m in plain.pieces)
    lines, islands = graph.lines, graph.islands
    assert graph.edges.metres.sum() == pytest.approx(metres)
    assert graph.report["km"] * 1000 == pytest.approx(metres)
    assert np.hypot(np.diff(lines.x), np.diff(lines.y)).sum() == pytest.approx(metres)
    assert islands.metres.sum() == pytest.approx(everything - metres, abs=1e-6)
    drawn = np.hypot(np.diff(islands.line_x), np.diff(islands.line_y)).ravel()
    each = np.bincount(islands.line_island, weights=drawn, minlength=len(islands))
    assert each == pytest.approx(islands.metres)
    assert len(islands.line_x) + len(lines) == len(plain.pieces)


@settings(max_examples=100)
@given(towns())
def test_edges_hold_together(town):
    graph, _, _ = built(town)
    edges, lines = graph.edges, graph.lines
    assert ((edges.forward_ms >= 0) | (edges.backward_ms >= 0)).all()
    for e, (a, b) in enumerate(itertools.pairwise(lines.first.tolist())):
        assert (lines.edge[a:b] == e).all()
        assert (lines.x[a, 0], lines.y[a, 0]) == (graph.x[edges.start[e]], graph.y[edges.start[e]])
        assert (lines.x[b - 1, 1], lines.y[b - 1, 1]) == (graph.x[edges.end[e]], graph.y[edges.end[e]])
        assert (lines.x[a + 1 : b, 0] == lines.x[a : b - 1, 1]).all()
        for ms, away, far, near in (
            (edges.forward_ms[e], lines.to_end_s[a:b], (0, 0), (-1, 1)),
            (edges.backward_ms[e], lines.to_start_s[a:b], (-1, 1), (0, 0)),
        ):
            if ms == NO_WAY:
                assert np.isinf(away).all()
            else:
                assert away[near] == 0
                assert ms == pytest.approx(1000 * away[far], abs=0.51)
                assert away[1:, 0] == pytest.approx(away[:-1, 1], abs=1e-6)
                assert (away >= 0).all()


@settings(max_examples=150)
@given(towns(), st.lists(st.tuples(st.floats(-50, 450), st.floats(-50, 570)), min_size=2, max_size=6))
def test_door_to_door_is_as_if_the_places_were_nodes(town, spots):
    graph, plain, _ = built(town)
    x, y = np.array(spots).T + np.array([[450_000.0], [300_000.0]])
    on = snap(graph, x, y).edge >= 0  # the others stand on islands
    places = snap(graph, x[on], y[on])
    assert (places.edge >= 0).all()
    whole = with_places(graph, plain, places)
    walk = 1000 * places.metres / modes()["drive"].connector_kph * 3.6
    ours = door_to_door_ms(graph, places)
    for i in range(len(places)):
        seconds = networkx.single_source_dijkstra_path_length(whole, ("place", i), weight="s")
        for j in range(len(places)):
            expected = 1000 * seconds[("place", j)] + walk[i] + walk[j]
            assert ours[i, j] == pytest.approx(expected, abs=0.5 * len(graph.x) + 1.5)


def door_to_door_ms(graph, places) -> np.ndarray:
    between, leave, arrive = node_times_ms(graph), places.leave(), places.arrive()
    best = np.full((len(places), len(places)), np.inf)
    for i, j in itertools.product(range(len(places)), repeat=2):
        for a, b in itertools.product(range(2), repeat=2):
            u, v = leave.node[i, a], arrive.node[j, b]
            if u >= 0 and v >= 0:
                best[i, j] = min(best[i, j], leave.ms[i, a] + between[u, v] + arrive.ms[j, b])
    for i, j, ms in zip(*direct(places, places), strict=True):
        best[i, j] = min(best[i, j], ms)
    return best


def with_places(graph, plain, places) -> networkx.DiGraph:
    """The plain graph with every place as a node of its own on the piece that it stands on."""
    lines = graph.lines
    free = defaultdict(list)  # pieces by where they run: twins are told apart by being used once each
    for k, (u, v, along, against, _) in enumerate(plain.pieces):
        ends = [tuple(np.add(plain.nodes[n[0]], (450_000.0, 300_000.0))) for n in (u, v)]
        free[tuple(ends)].append((k, False, along, against))
        free[tuple(ends[::-1])].append((k, True, against, along))
    used, on_piece = set(), defaultdict(list)
    for n in range(len(lines)):
        there = [
            float(a - b) if np.isfinite(a) else math.inf for a, b in (lines.to_end_s[n], lines.to_start_s[n, ::-1])
        ]
        ends = tuple((lines.x[n, s], lines.y[n, s]) for s in (0, 1))
        k, turned, *_ = next(
            f for f in free[ends] if f[0] not in used and there == [pytest.approx(t, abs=1e-6) for t in f[2:]]
        )
        used.add(k)
        for i in np.flatnonzero(places.line == n):
            on_piece[k].append((1 - places.share[i] if turned else places.share[i], int(i)))
    whole = plain.graph()
    for k, stops in on_piece.items():
        u, v, along, against, _ = plain.pieces[k]
        chain = [(0.0, u), *((s, ("place", i)) for s, i in sorted(stops)), (1.0, v)]
        for (s, a), (t, b) in itertools.pairwise(chain):
            same = s == t  # two doors at one spot, or a door on a junction
            if same or along < math.inf:
                whole.add_edge(a, b, s=0.0 if same else (t - s) * along)
            if same or against < math.inf:
                whole.add_edge(b, a, s=0.0 if same else (t - s) * against)
    return whole


@settings(max_examples=100)
@given(towns(), st.lists(st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000)), min_size=1, max_size=8))
def test_places_are_brought_to_the_nearest_line(town, spots):
    graph, _, _ = built(town)
    x, y = np.array(spots).T + np.array([[450_000.0], [300_000.0]])
    places = snap(graph, x, y)
    lines = graph.lines
    classes = [graph.highways[graph.edges.highway[e]] for e in lines.edge]
    bare = [c in {"motorway", "motorway_link", "ferry"} for c in classes]
    if all(bare):
        bare = [False] * len(bare)
    for i in range(len(places)):
        far = [math.inf if bare[n] else distance(lines.x[n], lines.y[n], x[i], y[i]) for n in range(len(lines))]
        assert places.metres[i] == pytest.approx(min(far), abs=2e-3)  # a millimetre from a junction is on it
        away = [distance(*line, x[i], y[i]) for line in zip(graph.islands.line_x, graph.islands.line_y, strict=True)]
        island = min(away, default=math.inf)
        if abs(island + 10 - min(far)) < 0.01 or abs(min(far) - 100) < 0.01:
            continue  # on the brink
        across = island <= 1000 and island + 10 < min(far)
        if min(far) > (100 if across else 1000):
            assert (places.edge[i], places.line[i]) == (-1, -1)
            assert places.reason[i] == (2 if across else 1)
            assert (places.leave().node[i] == -1).all()
            assert (places.arrive().node[i] == -1).all()
        else:
            assert far[places.line[i]] == pytest.approx(min(far), abs=2e-3)
            assert places.edge[i] == lines.edge[places.line[i]]


def distance(xs, ys, x, y) -> float:
    dx, dy = xs[1] - xs[0], ys[1] - ys[0]
    share = min(max(((x - xs[0]) * dx + (y - ys[0]) * dy) / (dx * dx + dy * dy), 0), 1) if dx or dy else 0
    return math.hypot(xs[0] + share * dx - x, ys[0] + share * dy - y)


def test_a_town_of_one_way_streets_that_never_lead_back_is_refused():
    town = ways_of([(0, 0), (9, 0), (18, 0)], [([0, 1, 2], {"highway": "residential", "oneway": "yes"})], [None] * 3)
    with pytest.raises(InputError, match="none leads back"):
        build(town, "drive")
