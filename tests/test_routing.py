"""Shortest times: every way of finding them against a plain search, on networks of every shape."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from needs import streets
from needs.routing import (
    MAX_ARC_MS,
    MAX_LIMIT_MS,
    UNREACHED,
    Arcs,
    Ends,
    Task,
    blocks,
    build,
    from_nearest_ms,
    hierarchy,
    order,
    search,
    times_ms,
    write_times,
)
from tests.benchmarks.networks import draw


def plain(nodes: int, rows: list[tuple[int, int, int]], seeds: list[tuple[int, int]]) -> list[float]:
    """Dijkstra's search with a heap over lists, from places given as (node, ms)."""
    best = [float("inf")] * nodes
    heap = [(ms, node) for node, ms in seeds if node >= 0]
    heapq.heapify(heap)
    while heap:
        time, v = heapq.heappop(heap)
        if time >= best[v]:
            continue
        best[v] = time
        for tail, head, ms in rows:
            if tail == v and time + ms < best[head]:
                heapq.heappush(heap, (time + ms, head))
    return best


def expected(nodes: int, rows: list[tuple[int, int, int]], origins: Ends, ends: Ends, limit: int) -> np.ndarray:
    out = np.full((len(origins), len(ends)), UNREACHED, dtype=np.int64)
    for i in range(len(origins)):
        best = plain(nodes, rows, list(zip(origins.node[i].tolist(), origins.ms[i].tolist(), strict=True)))
        for j in range(len(ends)):
            pairs = zip(ends.node[j].tolist(), ends.ms[j].tolist(), strict=True)
            time = min((best[v] + ms for v, ms in pairs if v >= 0), default=float("inf"))
            if time <= limit:
                out[i, j] = time
    return out


@st.composite
def cases(draw_from):
    """Networks with one-ways, loops, parallel arcs, arcs of no time, parts that do not meet; places of every kind."""
    nodes = draw_from(st.integers(1, 14))
    node = st.integers(0, nodes - 1)
    time = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 100_000), st.integers(0, MAX_ARC_MS))
    rows = draw_from(st.lists(st.tuples(node, node, time), max_size=40))
    if draw_from(st.booleans()):
        rows += [(head, tail, ms) for tail, head, ms in rows]
    place = st.tuples(st.integers(-1, nodes - 1), st.integers(0, 5_000))

    def ends(most: int) -> Ends:
        some = draw_from(st.lists(st.tuples(place, place), max_size=most))
        both = np.array(some, dtype=np.int32).reshape(-1, 2, 2)
        return Ends(np.ascontiguousarray(both[:, :, 0]), np.ascontiguousarray(both[:, :, 1]))

    limit = draw_from(st.one_of(st.integers(0, 200), st.integers(0, 300_000), st.just(MAX_LIMIT_MS)))
    return nodes, rows, ends(5), ends(40), limit


@settings(max_examples=300)
@given(cases(), st.sampled_from(["search", "sweep", None]), st.booleans())
def test_every_way_is_exact(case, way, turn):
    nodes, rows, origins, ends, limit = case
    arcs = Arcs.of(nodes, *(np.array([r[k] for r in rows], dtype=np.int64) for k in range(3)))
    if turn:  # the side with fewer places is searched from: have it both ways
        origins, ends = ends, origins
    want = expected(nodes, rows, origins, ends, limit)
    assert np.array_equal(times_ms(Task(arcs, origins, ends, limit), way=way), want)


@settings(max_examples=100)
@given(cases(), st.randoms(use_true_random=False))
def test_any_order_of_the_nodes_gives_the_same_times(case, chance):
    nodes, rows, origins, ends, limit = case
    arcs = Arcs.of(nodes, *(np.array([r[k] for r in rows], dtype=np.int64) for k in range(3)))
    rank = np.arange(nodes, dtype=np.int32)
    chance.shuffle(rank)
    prepared = build(arcs, rank)
    assert np.array_equal(np.sort(prepared.rank), np.arange(nodes))
    want = expected(nodes, rows, origins, ends, limit)
    assert np.array_equal(times_ms(Task(arcs, origins, ends, limit), prepared=prepared), want)


@settings(max_examples=100)
@given(cases())
def test_the_nearest_place_to_every_node(case):
    nodes, rows, places, _, limit = case
    arcs = Arcs.of(nodes, *(np.array([r[k] for r in rows], dtype=np.int64) for k in range(3)))
    seeds = list(zip(places.node.ravel().tolist(), places.ms.ravel().tolist(), strict=True))
    want = [UNREACHED if t > limit else t for t in plain(nodes, rows, seeds)]
    assert from_nearest_ms(arcs, places, limit_ms=limit).tolist() == want


@pytest.fixture(scope="module")
def county():
    return draw(4_000, seed=7)


def test_ways_agree_on_a_county(county):
    rng = np.random.default_rng(3)
    arcs = county.arcs
    origins, ends = Ends.at(rng.choice(arcs.nodes, 100)), Ends.at(rng.choice(arcs.nodes, 900))
    for limit in (60_000, 900_000, MAX_LIMIT_MS):
        task = Task(arcs, origins, ends, limit)
        searched, swept = times_ms(task, way="search"), times_ms(task, way="sweep")
        assert np.array_equal(searched, swept)
        assert np.array_equal(times_ms(task.turned), swept.T)
        assert (searched[searched != UNREACHED] <= limit).all()
    assert (swept != UNREACHED).all()  # every node reaches every other
    assert np.array_equal(Ends.at([5])[:].node, [[5, -1]])


@pytest.mark.parametrize("way", ["search", "sweep"])
def test_long_times_are_exact_and_end_at_the_limit(way):
    """A chain of 320 arcs of an hour and an odd millisecond: the last are beyond the 12 days that can be asked for."""
    steps, ms = 320, 3_600_001
    arcs = Arcs.of(steps + 1, np.arange(steps), np.arange(1, steps + 1), np.full(steps, ms))
    task = Task(arcs, Ends.at([0, 3]), Ends.at(np.arange(steps + 1)))
    found = times_ms(task, way=way)
    last = MAX_LIMIT_MS // ms
    assert found[0].tolist() == [k * ms for k in range(last + 1)] + [UNREACHED] * (steps - last)
    assert found[1, :3].tolist() == [UNREACHED] * 3
    assert found[1, 3 : last + 4].tolist() == [k * ms for k in range(last + 1)]


def test_triangle_inequality_and_one_way_back(county):
    places = Ends.at(np.arange(0, county.arcs.nodes, 61))
    there = times_ms(Task(county.arcs, places, places), way="sweep").astype(np.int64)
    assert (np.diag(there) == 0).all()
    assert (there[:, :, None] + there[None, :, :] >= there[:, None, :]).all()
    back = times_ms(Task(county.arcs.reversed, places, places), way="search")
    assert np.array_equal(back, there.T)
    assert (there != there.T).any()  # one-way streets


def test_the_way_is_chosen_by_the_work(county, monkeypatch):
    used = []
    monkeypatch.setattr(hierarchy, "order", lambda *a, f=order, **k: used.append("sweep") or f(*a, **k))
    few, many = Ends.at(np.arange(20)), Ends.at(np.arange(3_000))
    times_ms(Task(county.arcs, few, many))
    assert used == []
    told: list[str] = []
    times_ms(Task(county.arcs, many, many), say=told.append)
    assert used == ["sweep"]
    assert told[0] == "preparing 4,000 junctions"
    assert "of 3,000 searched from" in told[-1]


def test_the_order_is_kept_and_a_damaged_one_made_anew(county, tmp_path, monkeypatch):
    rank = order(county.arcs, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(hierarchy.pymetis, "nested_dissection", None)  # would fail if it were asked
        assert np.array_equal(order(county.arcs, folder=tmp_path), rank)
        slower = Arcs(county.arcs.first, county.arcs.head, county.arcs.ms * 2)
        assert np.array_equal(order(slower, folder=tmp_path), rank)  # hangs on the links alone
    for damage in (b"", file.read_bytes()[:-8], b"\0" * 400):
        file.write_bytes(damage)
        assert np.array_equal(order(county.arcs, folder=tmp_path), rank)
    np.save(file, np.zeros(county.arcs.nodes, dtype=np.int32))
    assert np.array_equal(order(county.arcs, folder=tmp_path), rank)
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_a_matrix_on_disk_equals_the_one_in_memory(county, tmp_path):
    rng = np.random.default_rng(5)
    origins, ends = Ends.at(rng.choice(county.arcs.nodes, 2_500)), Ends.at(rng.choice(county.arcs.nodes, 30))
    task = Task(county.arcs, origins, ends, 1_200_000)
    want = times_ms(task)
    path = tmp_path / "times.parquet"
    told: list[str] = []

    def stop(words: str) -> None:
        told.append(words)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_times(task, path, say=stop)
    assert not path.exists()
    assert told == ["2,048 of 2,500 origins"]
    write_times(task, path, say=told.append)
    assert told[1:] == ["2,500 of 2,500 origins"]  # the finished block is not done again
    assert [p.name for p in tmp_path.iterdir()] == ["times.parquet"]
    table = pd.read_parquet(path)
    found = np.full(want.shape, UNREACHED, dtype=np.int32)
    found[table["origin"], table["destination"]] = table["ms"]
    assert np.array_equal(found, want)
    assert len(table) == (want != UNREACHED).sum()


def test_nothing_asked_is_nothing_found(county):
    none, some = Ends.at([]), Ends.at([1, -1])
    assert times_ms(Task(county.arcs, none, some)).shape == (0, 2)
    assert times_ms(Task(county.arcs, some, none)).shape == (2, 0)
    assert list(blocks(Task(county.arcs, none, some))) == []
    assert times_ms(Task(county.arcs, some, some)).tolist() == [[0, UNREACHED], [UNREACHED, UNREACHED]]
    empty = Arcs.of(3, [], [], [])
    for way in ("search", "sweep"):
        assert times_ms(Task(empty, some, some), way=way).tolist() == [[0, UNREACHED], [UNREACHED, UNREACHED]]


@pytest.mark.parametrize(
    ("tail", "head", "ms", "words"),
    [
        ([0], [3], [1], "not one of the 3"),
        ([-1], [0], [1], "not one of the 3"),
        ([0], [1], [-1], "-1 to -1 ms"),
        ([0, 1], [1, 2], [0, MAX_ARC_MS + 1], "not 0 to"),
    ],
)
def test_arcs_that_cannot_be(tail, head, ms, words):
    with pytest.raises(ValueError, match=words):
        Arcs.of(3, tail, head, ms)


def test_tasks_that_cannot_be(county):
    good = Ends.at([0])
    for limit in (-1, MAX_LIMIT_MS + 1):
        with pytest.raises(ValueError, match="limit_ms is"):
            Task(county.arcs, good, good, limit)
    with pytest.raises(ValueError, match="destinations stand on nodes"):
        Task(county.arcs, good, Ends.at([4_000]))
    with pytest.raises(ValueError, match="origins are -1 to"):
        Task(county.arcs, Ends(good.node, good.ms - 1), good)


def test_the_ring_holds_whatever_can_wait():
    for longest in (0, 1, 1_000, MAX_ARC_MS):
        arcs = Arcs.of(3, [0, 1], [1, 2], [min(longest, 7), longest])
        shift, buckets = search.ring(arcs)
        assert (longest >> shift) + 1 < buckets <= 8_192


@pytest.mark.data
@pytest.mark.parametrize(
    ("place", "mode"),
    [("rutland/rutland-2022-07-20.osm.pbf", "drive"), ("newport/newport-2023-06-13.osm.pbf", "walk")],
)
def test_real_streets_equal_scipy(real_data, place, mode):
    arcs = streets.build(streets.read_ways(real_data / place), mode).arcs
    rng = np.random.default_rng(8)
    origins, ends = rng.choice(arcs.nodes, 40, replace=False), rng.choice(arcs.nodes, 400, replace=False)
    matrix = csr_matrix((arcs.ms.astype(float), arcs.head, arcs.first), shape=(arcs.nodes, arcs.nodes))
    assert matrix.data.all()  # scipy takes an arc of no time for none
    for limit in (600_000, 3_600_000, MAX_LIMIT_MS):
        want = dijkstra(matrix, indices=origins, limit=limit)[:, ends]
        want = np.where(np.isinf(want), UNREACHED, want)
        for way in ("search", "sweep"):
            found = times_ms(Task(arcs, Ends.at(origins), Ends.at(ends), limit), way=way)
            assert np.array_equal(found, want)
    assert (found != UNREACHED).all()
