"""Extracts of OpenStreetMap merged and cut: a second time with sets, real ones halved and joined, hostile ones."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import numpy as np
import osmium
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from needs import streets
from needs.connectors import osm
from needs.errors import InputError, SourceError
from needs.streets.rules import MARKS
from needs.webmap.basemap import read_basemap
from tests.town import ORIGIN

DEGREES = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
METRES = Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True)
COUNCIL = shapely.box(*ORIGIN, ORIGIN[0] + 1_000, ORIGIN[1] + 1_000)
STREET = {"highway": "residential"}
HALL = {"amenity": "community_centre", "name": "Hall"}


@dataclass
class Map:
    """An extract by hand: by number the version, then what it is. Places are metres from ORIGIN."""

    nodes: dict[int, tuple[int, tuple[float, float], dict[str, str]]] = field(default_factory=dict)
    ways: dict[int, tuple[int, list[int], dict[str, str]]] = field(default_factory=dict)
    relations: dict[int, tuple[int, list[int], dict[str, str]]] = field(default_factory=dict)

    def saved(self, path: Path) -> Path:
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="test">']
        for n, (version, (x, y), tags) in sorted(self.nodes.items()):
            lon, lat = DEGREES.transform(ORIGIN[0] + x, ORIGIN[1] + y)
            lines += [f'<node id="{n}" version="{version}" lat="{lat:.7f}" lon="{lon:.7f}">', *tagged(tags), "</node>"]
        for n, (version, nodes, tags) in sorted(self.ways.items()):
            refs = [f'<nd ref="{r}"/>' for r in nodes]
            lines += [f'<way id="{n}" version="{version}">', *refs, *tagged(tags), "</way>"]
        for n, (version, ways, tags) in sorted(self.relations.items()):
            refs = [f'<member type="way" ref="{r}" role="outer"/>' for r in ways]
            lines += [f'<relation id="{n}" version="{version}">', *refs, *tagged(tags), "</relation>"]
        path.write_text("\n".join([*lines, "</osm>"]), "utf-8")
        return path


def tagged(tags: dict[str, str]) -> list[str]:
    return [f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items()]


def content(path: Path) -> tuple[dict, dict, dict]:
    """Read a file back: nodes (metres to the nearest decimetre, tags), ways (nodes, tags), relations (ways, tags)."""
    nodes, ways, relations, order = {}, {}, {}, []
    for item in osmium.FileProcessor(str(path)):
        order.append(("nwr".index(item.type_str()), item.id))
        tags = {t.k: t.v for t in item.tags}
        if item.is_node():
            x, y = METRES.transform(item.location.lon, item.location.lat)
            nodes[item.id] = (round(x - ORIGIN[0], 1), round(y - ORIGIN[1], 1)), tags
        elif item.is_way():
            ways[item.id] = [n.ref for n in item.nodes], tags
        else:
            relations[item.id] = [m.ref for m in item.members], tags
    assert order == sorted(set(order))
    return nodes, ways, relations


def wanted(kind: str, tags: dict[str, str]) -> bool:
    return any(rule.fits(tags) for rule in osm.kept(kind))


def course(m: Map, way: list[int]) -> shapely.Geometry:
    places = [shapely.Point(ORIGIN[0] + x, ORIGIN[1] + y) for x, y in (m.nodes[n][1] for n in way if n in m.nodes)]
    return shapely.LineString(places) if len(places) > 1 else shapely.MultiPoint(places)


def cut_again(maps: list[Map], area: shapely.Geometry) -> tuple[dict, dict, dict]:
    """Do it a second time, with sets and one object at a time."""

    def newest(kind: str) -> dict[int, tuple]:
        found: dict[int, tuple] = {}
        for m in maps:
            for n, item in getattr(m, kind).items():
                if n not in found or item[0] > found[n][0]:
                    found[n] = item
        return found

    def near(m: Map, way: list[int]) -> bool:
        return bool(course(m, way).intersects(area))

    nodes, ways, relations = newest("nodes"), newest("ways"), newest("relations")
    touching = {n for m in maps for n, w in m.ways.items() if w[0] == ways[n][0] and near(m, w[1])}
    rings = {
        n: r
        for n, r in relations.items()
        if r[2].get("type") in {"multipolygon", "boundary"} and wanted("relation", r[2]) and touching & {*r[1]}
    }
    kept = {n for n in touching if wanted("way", ways[n][2])} | {w for r in rings.values() for w in r[1] if w in ways}
    areas = [r for m in maps for r in m.relations.values() if r[2].get("type") in {"multipolygon", "boundary"}]
    members = {w for r in areas if wanted("relation", r[2]) for w in r[1]}

    def alone(node: tuple) -> bool:
        here = area.intersects(shapely.Point(ORIGIN[0] + node[1][0], ORIGIN[1] + node[1][1]))
        return here and any(r.fits(node[2]) for r in osm.kept("node") if not r.on_ways)

    def said(node: tuple) -> tuple:
        return node[1], node[2] if wanted("node", node[2]) else {}

    found = {}
    on_kept = {n for k in kept for n in ways[k][1] if n in nodes}
    for n in nodes:  # an extract speaks of the nodes of its ways nearby; where two differ, the newest of all counts
        speak = [
            m.nodes[n]
            for m in maps
            if n in m.nodes
            and (
                alone(m.nodes[n])
                or any(
                    n in w[1] and (k in members or (wanted("way", w[2]) and near(m, w[1]))) for k, w in m.ways.items()
                )
            )
        ]
        node = speak[0] if all(said(v) == said(speak[0]) for v in speak) and speak else nodes[n]
        if n in on_kept or (speak and alone(node)):
            found[n] = said(node)
    return found, {n: ways[n][1:] for n in kept}, {n: r[1:] for n, r in rings.items()}


WAY_TAGS = (
    *(STREET, {"highway": "footway", "name": "Lane"}, {"route": "ferry"}, {"building": "yes"}, {}, HALL),
    *({"natural": "water"}, {"waterway": "river"}, {"building": "church", "name": "St Mary"}, {"railway": "disused"}),
    *({"leisure": "park;garden"}, {"landuse": "meadow"}, {"shop": "bakery"}, {"shop": "bakery", "name": "Bun"}),
)
MARKED = ({"highway": "crossing"}, {"barrier": "gate", "access": "private"}, {"power": "tower"}, {"kerb": "raised"})
PLACES = (HALL, {"place": "village", "name": "Wing"}, {"place": "village"}, {"amenity": "bench"}, {"shop": "x"}, HALL)
RING_TAGS = (
    *({"type": "multipolygon", "natural": "wood"}, {"type": "boundary", "leisure": "nature_reserve"}),
    *({"type": "route", "natural": "wood"}, {"type": "multipolygon", "landuse": "farmland"}),
    {"type": "multipolygon", "amenity": "school"},
)


def maps(seed: int) -> list[Map]:
    """Draw two or three extracts of one land, some objects in several and not all of one age."""
    r = random.Random(seed)  # noqa: S311

    def spot() -> tuple[float, float]:
        return float(r.randint(-40, 60) * 50 + 7), float(r.randint(-40, 60) * 50 + 7)

    count, found = r.randint(2, 3), []
    nodes = {n: spot() for n in range(1, 60)}
    marks = {n: r.choice(MARKED) for n in nodes if r.random() < 0.2}
    ways = {n: (r.choices([*nodes], k=r.choice([1, 2, 2, 3, 4])), r.choice(WAY_TAGS)) for n in range(1, 40)}
    rings = {n: (r.sample(range(1, 45), r.randint(1, 3)), r.choice(RING_TAGS)) for n in range(1, 6)}
    places = {n: (spot(), r.choice(PLACES)) for n in range(60, 80)}
    version = dict.fromkeys(nodes, 1)
    for age in range(count):
        m = Map()
        for n, (refs, tags) in ways.items():
            if r.random() < 0.7:
                m.ways[n] = age + 1, refs, tags
            if r.random() < 0.15:  # changed since
                ways[n] = r.choices([*nodes], k=3), r.choice(WAY_TAGS)
                m.ways[n] = age + 2, *ways[n]
        for n in nodes:
            if age and r.random() < 0.15:
                version[n], nodes[n] = age + 1, spot()
                marks[n] = r.choice([*MARKED, {}])
        m.nodes = {n: (version[n], nodes[n], marks.get(n, {})) for _, refs, _ in m.ways.values() for n in refs}
        m.nodes |= {n: (1, *p) for n, p in places.items() if r.random() < 0.6}
        m.relations = {n: (age + 1, *ring) for n, ring in rings.items() if r.random() < 0.7}
        found.append(m)
    r.shuffle(found)
    return found


@given(st.integers(0, 10**9))
@settings(max_examples=40)
def test_small_maps_are_merged_and_cut_as_with_sets(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("maps")
    drawn = maps(seed)
    margins = [course(m, w[1]).distance(COUNCIL) for m in drawn for w in m.ways.values()]
    assume(all(abs(d - 230) > 3 for d in margins))  # straight in degrees is not quite straight in metres
    files = [m.saved(folder / f"{k}.osm") for k, m in enumerate(drawn)]
    expected = cut_again(drawn, COUNCIL.buffer(230))
    out = folder / "out.osm.pbf"
    if not expected[1]:
        with pytest.raises(InputError, match="no way touches"):
            osm.cut(files, COUNCIL, 230, out)
        return
    summary = osm.cut(files[::-1], COUNCIL, 230, out)
    assert content(out) == expected
    assert (summary.nodes, summary.ways, summary.relations) == tuple(map(len, expected))
    assert summary.bytes == out.stat().st_size
    assert summary.ways_read == sum(len(m.ways) for m in drawn)


def test_small_maps_have_what_is_to_be_tested():
    """A check on the generator: extracts differ in every way, and objects of each kind are kept and left out."""
    seen = Counter()
    for seed in range(40):
        drawn = maps(seed)
        nodes, ways, relations = cut_again(drawn, COUNCIL.buffer(230))
        first, second = drawn[:2]
        for kind, kept in (("nodes", nodes), ("ways", ways), ("relations", relations)):
            both = getattr(first, kind).keys() & getattr(second, kind).keys()
            seen[kind, "changed"] += sum(getattr(first, kind)[n][1:] != getattr(second, kind)[n][1:] for n in both)
            seen[kind, "kept"] += len(kept)
            seen[kind, "gone"] += len((getattr(first, kind).keys() | getattr(second, kind).keys()) - kept.keys())
        seen["nodes", "tagged"] += sum(bool(tags) for _, tags in nodes.values())
        seen["ways", "members only"] += sum(not wanted("way", tags) for _, tags in ways.values())
    assert all(n > 20 for k, n in seen.items() if k != ("relations", "changed")), seen
    assert len(seen) == 11


def test_a_way_that_only_crosses_a_corner_is_kept_whole(tmp_path):
    m = Map(
        {1: (1, (-900, 500), {}), 2: (1, (500, 1_900), {}), 3: (1, (3_000, 1_900), {}), 4: (1, (-900, 2_000), {})},
        {1: (1, [1, 2, 3], STREET), 2: (1, [1, 4], STREET)},
    )
    file = m.saved(tmp_path / "a.osm")
    osm.cut([file], COUNCIL, 300, tmp_path / "out.osm.pbf")  # 283 m beyond the corner
    nodes, ways, _ = content(tmp_path / "out.osm.pbf")
    assert ways == {1: ([1, 2, 3], STREET)}
    assert nodes[3] == ((3_000.0, 1_900.0), {})
    with pytest.raises(InputError, match=r"a\.osm: no way touches the council or its margin"):
        osm.cut([file], COUNCIL, 270, tmp_path / "out.osm.pbf")
    assert len(content(tmp_path / "out.osm.pbf")[1]) == 1  # what was there before is as it was


def test_nodes_that_one_extract_lacks_come_from_the_other(tmp_path):
    whole = Map({n: (1, (400.0 * n, 500.0), {}) for n in range(1, 6)}, {1: (1, [1, 2, 3, 4, 5], STREET)})
    left, right = (Map({n: whole.nodes[n] for n in some}, whole.ways) for some in ((1, 2, 3), (3, 5)))
    files = left.saved(tmp_path / "left.osm"), right.saved(tmp_path / "right.osm")
    osm.cut(files, COUNCIL, 0, tmp_path / "out.osm.pbf")
    nodes, ways, _ = content(tmp_path / "out.osm.pbf")
    assert sorted(nodes) == [1, 2, 3, 5]
    assert ways == {1: ([1, 2, 3, 4, 5], STREET)}


def test_hostile_extracts_are_named_and_write_nothing(tmp_path):
    good = Map({1: (1, (10, 10), {}), 2: (1, (500, 500), {})}, {1: (1, [1, 2], STREET)}).saved(tmp_path / "good.osm")
    out = tmp_path / "out" / "cut.osm.pbf"
    out.parent.mkdir()
    with pytest.raises(SourceError) as caught:
        osm.cut([good, tmp_path / "a.osm.pbf", tmp_path / "b.osm.pbf"], COUNCIL, 0, out)
    assert [f.where for f in caught.value.faults] == ["a.osm.pbf", "b.osm.pbf"]
    with pytest.raises(InputError, match="the extracts: are none"):
        osm.cut([], COUNCIL, 0, out)
    osm.cut([good], COUNCIL, 0, tmp_path / "whole.osm.pbf")
    whole = (tmp_path / "whole.osm.pbf").read_bytes()
    hostile = {
        "page.osm.pbf": b"<!DOCTYPE html><html><body>Not found</body></html>",
        "empty.osm.pbf": b"",
        "cut.osm.pbf": whole[: len(whole) * 2 // 3],
        "noise.osm.pbf": random.Random(1).randbytes(4_000),  # noqa: S311
        "cut.osm": good.read_bytes()[:-30],
    }
    for name, body in hostile.items():
        bad = tmp_path / name
        bad.write_bytes(body)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            osm.cut([good, bad], COUNCIL, 0, out)
    twice = tmp_path / "twice.osm"
    text = good.read_text()
    way = text[text.index("<way") : text.index("</osm>")]
    twice.write_text(text.replace(way, way + way))
    with pytest.raises(InputError, match=r"twice\.osm: is not sorted by number, or holds a way twice"):
        osm.cut([good, twice], COUNCIL, 0, out)
    with pytest.raises(InputError, match="no way touches"):
        osm.cut([good], shapely.transform(COUNCIL, lambda xy: xy + 50_000), 0, out)
    with pytest.raises(InputError, match="is empty or lies elsewhere"):
        osm.cut([good], shapely.Polygon(), 0, out)
    assert list(out.parent.iterdir()) == []


def test_an_interrupted_cut_leaves_what_was_there(tmp_path, monkeypatch):
    good = Map({1: (1, (10, 10), {}), 2: (1, (500, 500), {})}, {1: (1, [1, 2], STREET)}).saved(tmp_path / "good.osm")
    out = tmp_path / "cut.osm.pbf"
    out.write_bytes(b"of yesterday")

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("needs.connectors.osm.cutting._merged", stopped)
    with pytest.raises(KeyboardInterrupt):
        osm.cut([good], COUNCIL, 0, out)
    assert out.read_bytes() == b"of yesterday"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.osm.pbf", "good.osm"]


def test_what_streets_read_is_kept():
    """A check on the catalogue: the streets' own list of what a node may say, and ferries."""
    on_ways = [rule for rule in osm.kept("node") if rule.on_ways]
    assert {key for rule in on_ways for key in rule.any} == {*MARKS}
    assert all(values == {"*"} for rule in on_ways for values in rule.any.values())
    assert wanted("way", {"highway": "anything"})
    assert wanted("way", {"route": "ferry"})
    assert not wanted("way", {"building": "house", "addr:street": "Lane"})


# Real extracts --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rutland(real_data) -> Path:
    return real_data / "rutland" / "rutland-2022-07-20.osm.pbf"


@pytest.fixture(scope="module")
def outline(real_data) -> shapely.Geometry:
    return gpd.read_file(real_data / "rutland" / "rutland_lsoa21.geojson").to_crs(27700).union_all()


def same_graph(one: streets.Ways, other: streets.Ways, mode: str) -> None:
    a, b = (streets.build(w, mode) for w in (one, other))
    assert a.report == b.report
    for name in ("x", "y"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("tail", "head", "ms"):
        np.testing.assert_array_equal(getattr(a.arcs, name), getattr(b.arcs, name))


@pytest.mark.data
def test_rutland_with_a_wide_margin_is_as_it_was(rutland, outline, tmp_path):
    out, told = tmp_path / "cut.osm.pbf", []
    summary = osm.cut([rutland], outline, 60_000, out, say=told.append)
    assert summary.date == "2022-07-20T20:21:45Z"
    assert summary.bytes < 0.6 * rutland.stat().st_size
    assert len(told) == 1
    whole, cut = (streets.read_ways(p) for p in (rutland, out))
    for mode in ("walk", "drive"):
        same_graph(whole, cut, mode)
    before, after = (read_basemap(p, outline.bounds) for p in (rutland, out))
    for name, layer in before.items():
        assert layer.equals(after[name]), name
        assert len(layer) > 20, name
    venues = {item.id for item in osmium.FileProcessor(str(rutland)) if "amenity" in item.tags and "name" in item.tags}
    assert len(venues) > 200
    assert venues == {item.id for item in osmium.FileProcessor(str(out)) if item.id in venues and "name" in item.tags}


def halves(source: Path, folder: Path, west: float, east: float) -> list[Path]:
    """Write what lies west and what lies east of a longitude, ways complete, as the publisher would."""
    lon, ways = {}, {}
    for item in osmium.FileProcessor(str(source), osmium.osm.NODE | osmium.osm.WAY):
        if item.is_node():
            lon[item.id] = item.location.lon
        else:
            ways[item.id] = [n.ref for n in item.nodes]
    files = [folder / "west.osm.pbf", folder / "east.osm.pbf"]
    header = osmium.FileProcessor(str(source)).header
    for file, inside in zip(files, (lambda x: x < west, lambda x: x > east), strict=True):
        own = {n for n, refs in ways.items() if any(inside(lon[r]) for r in refs)}
        nodes = {n for n, x in lon.items() if inside(x)} | {r for n in own for r in ways[n]}
        with osmium.SimpleWriter(str(file), header=header) as writer:
            for item in osmium.FileProcessor(str(source)):
                if item.is_relation() or item.id in (nodes if item.is_node() else own):
                    writer.add(item)
    return files


@pytest.mark.data
def test_two_halves_of_rutland_join_to_the_whole(rutland, tmp_path):
    outline = shapely.Point(490_000, 308_800).buffer(4_000)  # Oakham to Rutland Water
    west, east = halves(rutland, tmp_path, -0.65, -0.68)
    outs = [tmp_path / f"{k}.osm.pbf" for k in range(4)]
    summaries = [
        osm.cut(files, outline, 500, out)
        for files, out in zip(([rutland], [west, east], [east, west], [east]), outs, strict=True)
    ]
    whole, joined, turned, alone = (out.read_bytes() for out in outs)
    assert whole == joined == turned != alone
    assert summaries[1].ways_read > summaries[0].ways_read
    assert 0 < summaries[3].ways < summaries[0].ways < summaries[0].ways_read


@pytest.mark.data
def test_a_narrow_cut_of_rutland_holds_what_touches_it(rutland, outline, tmp_path):
    town = shapely.Point(486_000, 308_800).buffer(2_000)  # Oakham
    out = tmp_path / "cut.osm.pbf"
    osm.cut([rutland], town, 500, out)
    whole, cut = (streets.read_ways(p) for p in (rutland, out))
    lines = shapely.linestrings(np.column_stack([whole.x, whole.y])[whole.node], indices=whole.owner)
    near = whole.taking(shapely.intersects(lines, town.buffer(500)))
    assert 500 < len(near) < 0.5 * len(whole)

    def ways(these: streets.Ways) -> Counter:
        runs = np.split(these.osm_id[these.node], these.first[1:-1])
        return Counter((these.tags[k], *run.tolist()) for k, run in zip(these.kind, runs, strict=True))

    assert ways(cut) == ways(near)


@pytest.mark.data
def test_places_far_apart_are_joined_as_both(rutland, real_data, tmp_path):
    halton = real_data / "halton" / "halton-proxy.osm.pbf"
    out = tmp_path / "both.osm.pbf"
    osm.cut([rutland, halton], shapely.box(330_000, 280_000, 530_000, 400_000), 0, out)
    one, other, both = (streets.read_ways(p) for p in (rutland, halton, out))
    assert len(both) == len(one) + len(other)
    assert not {*one.osm_id.tolist()} & {*other.osm_id.tolist()}
    assert {*both.osm_id.tolist()} == {*one.osm_id.tolist(), *other.osm_id.tolist()}
    reports = (streets.build(w, "drive").report for w in (one, other, both))
    first, second, together = (r["km"] + r["island_km"] for r in reports)
    assert first + second == pytest.approx(together)
