"""Check the base map against a small extract written by hand, and the real one where it is."""

from itertools import pairwise

import geopandas as gpd
import pytest
from pyproj import Transformer

from needs.errors import InputError, SourceError
from needs.webmap.basemap import MARGIN_M, empty_basemap, read_basemap, tolerance_m

BOUNDS = (480_000.0, 300_000.0, 484_000.0, 304_000.0)
TO_DEGREES = Transformer.from_crs(27700, 4326, always_xy=True)


def extract(path, ways, nodes=()):
    """Write an OpenStreetMap XML file: ways and nodes as (points or point in metres, tags)."""
    lines, number = [], 0

    def tags(values):
        return "".join(f'<tag k="{k}" v="{v}"/>' for k, v in values.items())

    def node(point, values):
        nonlocal number
        number += 1
        lon, lat = TO_DEGREES.transform(*point)
        lines.append(f'<node id="{number}" lat="{lat:.9f}" lon="{lon:.9f}" version="1">{tags(values)}</node>')
        return number

    for point, values in nodes:
        node(point, values)
    drawn = []
    for points, values in ways:
        ids = {p: node(p, {}) for p in dict.fromkeys(points)}
        drawn.append(([ids[p] for p in points], values))
    for i, (ids, values) in enumerate(drawn, 1):
        refs = "".join(f'<nd ref="{n}"/>' for n in ids)
        lines.append(f'<way id="{i}" version="1">{refs}{tags(values)}</way>')
    path.write_text(f'<?xml version="1.0"?><osm version="0.6" generator="test">{"".join(lines)}</osm>')
    return path


def square(x, y, side):
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]


def test_classes_by_hand(tmp_path):
    road = [(481_000.0, 301_000.0), (482_000.0, 301_000.0)]
    far = [(495_000.0, 301_000.0), (499_000.0, 301_000.0)]
    path = extract(
        tmp_path / "town.osm",
        [
            (road, {"highway": "primary"}),
            ([(482_000.0, 302_000.0), (500_000.0, 302_000.0)], {"highway": "tertiary"}),
            (road, {"highway": "footway"}),
            (far, {"highway": "residential"}),
            (road, {"railway": "rail"}),
            (road, {"railway": "abandoned"}),
            (square(481_000.0, 302_000.0, 300.0), {"natural": "water"}),
            (square(482_500.0, 302_500.0, 10.0), {"natural": "water"}),
            (square(483_000.0, 300_500.0, 200.0), {"natural": "wood"}),
            (square(483_100.0, 300_500.0, 200.0), {"landuse": "forest"}),
            (square(480_500.0, 303_000.0, 300.0), {"landuse": "farmland"}),
        ],
        [
            ((481_500.0, 301_500.0), {"place": "village", "name": "O`Ham"}),
            ((481_600.0, 301_600.0), {"place": "village"}),
            ((481_700.0, 301_700.0), {"place": "farm", "name": "Farm"}),
        ],
    )
    base = read_basemap(path, BOUNDS)
    assert base.keys() == empty_basemap().keys()
    assert base["road_main"].length.sum() == pytest.approx(1000, abs=1)
    assert base["road_mid"].length.sum() == pytest.approx(484_000 + MARGIN_M - 482_000, abs=2)  # cut at the margin
    assert base["road_minor"].empty  # lies beyond the margin
    assert base["river"].empty
    assert base["rail"].length.sum() == pytest.approx(1000, abs=1)
    assert base["water"].area.tolist() == [pytest.approx(90_000, rel=0.01)]  # the pond is too small to see
    assert base["green"].area.tolist() == [pytest.approx(60_000, rel=0.01)]  # overlapping woods are one
    assert base["places"][["name", "place"]].to_numpy().tolist() == [["O`Ham", "village"]]
    assert all(shapes.crs.to_epsg() == 27700 for shapes in base.values())


def test_ways_are_joined_end_to_end(tmp_path):
    points = [(480_500.0 + 500 * i, 301_000.0) for i in range(5)]
    ways = [([a, b], {"highway": "primary"}) for a, b in pairwise(points)]
    base = read_basemap(extract(tmp_path / "joined.osm", ways), BOUNDS)
    assert len(base["road_main"]) == 1
    assert base["road_main"].count_coordinates().tolist() == [2]


def test_a_crossed_outline_is_mended_and_an_open_one_is_no_lake(tmp_path):
    bow = [(481_000.0, 301_000.0), (481_400.0, 301_400.0), (481_400.0, 301_000.0), (481_000.0, 301_400.0)]
    path = extract(tmp_path / "bow.osm", [([*bow, bow[0]], {"natural": "water"}), (bow, {"natural": "water"})])
    base = read_basemap(path, BOUNDS)
    assert base["water"].is_valid.all()
    assert base["water"].area.sum() == pytest.approx(80_000, rel=0.01)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"none\.osm\.pbf"):
        read_basemap(tmp_path / "none.osm.pbf", BOUNDS)
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"not OpenStreetMap")
    with pytest.raises(InputError, match=r"broken\.osm\.pbf: cannot be read"):
        read_basemap(broken, BOUNDS)


@pytest.mark.data
def test_rutland(real_data):
    bounds = gpd.read_file(real_data / "rutland/rutland_lsoa21.geojson").to_crs(27700).total_bounds
    base = read_basemap(real_data / "rutland/rutland-2022-07-20.osm.pbf", bounds)
    assert {"Oakham", "Uppingham"} <= set(base["places"]["name"])
    assert base["water"].area.max() == pytest.approx(11e6, rel=0.15)  # Rutland Water, about 11 square kilometres
    assert all(len(base[name]) for name in base)
    vertices = sum(int(base[name].geometry.count_coordinates().sum()) for name in base)
    assert vertices < 30_000
    assert tolerance_m(bounds) == pytest.approx(6.65, abs=0.1)


@pytest.mark.data
def test_halton_stand_in_has_streets_and_nothing_else(real_data):
    bounds = gpd.read_file(real_data / "halton/halton_lsoa21.geojson").to_crs(27700).total_bounds
    base = read_basemap(real_data / "halton/halton-proxy.osm.pbf", bounds)
    assert {name for name in base if len(base[name])} == {"road_main", "road_mid", "road_minor"}
