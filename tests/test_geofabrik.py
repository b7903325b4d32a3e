"""Geofabrik's extracts: the fewest that cover a council and its margin, whatever the index divides England into."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from needs.connectors.geofabrik import Extract, extracts_for
from needs.errors import InputError, SourceError

DEGREES = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
BASE = "https://download.geofabrik.de/europe"


@cache
def shape(west: float, south: float, east: float, north: float) -> dict:
    """A rectangle in kilometres of the British grid, drawn as the index does."""
    ring = shapely.segmentize(shapely.box(west, south, east, north), 5).exterior.coords
    lon, lat = DEGREES.transform(*(np.array(ring) * 1_000).T)
    return {"type": "MultiPolygon", "coordinates": [[np.column_stack([lon, lat]).tolist()]]}


def feature(name: str, parent: str | None, geometry: object, path: str = "") -> dict:
    urls = {"pbf": f"{BASE}/{path}{name}-latest.osm.pbf", "shp": f"{BASE}/{name}.shp.zip"}
    said = {"id": name, "name": name.title(), "urls": urls}
    return {"type": "Feature", "properties": said | ({"parent": parent} if parent else {}), "geometry": geometry}


def index(leaves: dict[str, tuple[float, float, float, float]], *more: dict) -> dict:
    """An index as Geofabrik's: continent, kingdom, countries, and leaves of England."""
    whole = shape(0, 0, 700, 1_300)
    features = [
        feature("europe", None, whole),
        feature("united-kingdom", "europe", whole),
        feature("great-britain", "europe", whole),  # overlaps: another cut of the same land
        feature("england", "united-kingdom", whole),
        *(feature(name, "england", shape(*box), "united-kingdom/england/") for name, box in leaves.items()),
        *more,
    ]
    return {"type": "FeatureCollection", "features": features}


# Two rows of three counties, 50 km wide; the sea lies west of 300 and east of 450.
GRID = {
    "ashire": (300, 300, 350, 350), "bshire": (350, 300, 400, 350), "cshire": (400, 300, 450, 350),
    "dshire": (300, 350, 350, 400), "eshire": (350, 350, 400, 400), "fshire": (400, 350, 450, 400),
}  # fmt: skip
WALES = feature("wales", "united-kingdom", shape(200, 200, 300.5, 400), "united-kingdom/")
SCOTLAND = feature("scotland", "united-kingdom", shape(200, 400, 500, 900), "united-kingdom/")
ELSEWHERE = feature("rutland", "germany", shape(300, 300, 450, 400))  # of that name, in another country


def km(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    return shapely.box(*(1_000 * v for v in (west, south, east, north)))


@pytest.mark.parametrize(
    ("outline", "margin_m", "wanted"),
    [
        (km(360, 310, 370, 320), 5_000, "bshire"),
        (km(360, 310, 370, 320), 10_100, "ashire bshire"),
        (km(340, 340, 360, 360), 0, "ashire bshire dshire eshire"),
        (km(430, 310, 449, 340), 5_000, "cshire"),  # the rest of the margin is sea
        (km(430, 310, 480, 340), 5_000, "cshire"),  # and part of the council
        (km(360, 380, 390, 395), 10_000, "eshire scotland"),
        (km(301, 310, 320, 390), 10_000, "ashire dshire wales"),
        (km(301, 310, 320, 390), 0, "ashire dshire"),  # Wales is drawn half a kilometre into England, and not needed
        (km(300, 300, 450, 400), 0, "ashire bshire cshire dshire eshire fshire"),
        (km(350, 300, 400, 350), 0, "bshire"),  # neighbours share its border and no more
    ],
)
def test_the_extracts_that_are_needed(outline, margin_m, wanted):
    found = extracts_for(index(GRID, WALES, SCOTLAND, ELSEWHERE), outline, margin_m)
    assert " ".join(e.id for e in found) == wanted


def test_an_extract_says_where_it_is(tmp_path):
    (tmp_path / "index-v1.json").write_text(json.dumps(index(GRID)), "utf-8")
    (found,) = extracts_for(tmp_path / "index-v1.json", km(360, 310, 370, 320), 0)
    assert found == Extract("bshire", "Bshire", f"{BASE}/united-kingdom/england/bshire-latest.osm.pbf")


def test_leaves_are_found_at_any_depth():
    """Counties within regions, regions alone, or England undivided: the smallest pieces that there are."""
    regions = {"north": (300, 350, 450, 400), "south": (300, 300, 450, 350)}
    assert [e.id for e in extracts_for(index(regions), km(360, 340, 370, 345), 10_000)] == ["north", "south"]
    counties = [feature(n, "south", shape(*GRID[n])) for n in ("ashire", "bshire", "cshire")]
    both = index(regions, *counties)
    assert [e.id for e in extracts_for(both, km(360, 340, 370, 345), 10_000)] == ["bshire", "north"]
    assert [e.id for e in extracts_for(index({}), km(360, 340, 370, 345), 10_000)] == ["england"]


def test_of_several_sets_the_smallest_counts():
    """Three narrow extracts cover the council, and so do two broad ones; and each narrow one lies within a broad."""
    narrow = {f"a{k}": (300 + 20 * k, 300, 320 + 20 * k, 320) for k in range(3)}
    broad = {"w": (300, 300, 330, 320), "x": (330, 300, 360, 320)}
    assert [e.id for e in extracts_for(index(narrow | broad), km(300, 300, 360, 320), 0)] == ["w", "x"]
    one = broad | {"z": (300, 300, 360, 320), "y": (299, 300, 361, 320)}
    assert [e.id for e in extracts_for(index(narrow | one), km(300, 300, 360, 320), 0)] == ["y"]


boxes = st.tuples(st.integers(30, 40), st.integers(30, 40), st.integers(1, 6), st.integers(1, 6))


@given(st.lists(boxes, min_size=1, max_size=6), boxes)
@settings(max_examples=40)
def test_drawn_extracts_are_the_fewest_by_trying_all(drawn, council):
    def rectangle(box):
        x, y, w, h = box
        return 10 * x, 10 * y, 10 * (x + w), 10 * (y + h)

    leaves = {f"e{k}": rectangle(box) for k, box in enumerate(drawn)}
    outline = km(*rectangle(council))
    shapes = {n: km(*box).intersection(outline) for n, box in leaves.items()}
    shapes = {n: s for n, s in shapes.items() if s.area > 1e6}
    if not shapes:
        with pytest.raises(InputError, match="lies in no extract"):
            extracts_for(index(leaves), outline, 0)
        return
    land = shapely.union_all([*shapes.values()])
    sizes = (
        [*some]
        for count in range(1, len(shapes) + 1)
        for some in combinations(sorted(shapes), count)
        if land.difference(shapely.union_all([shapes[n] for n in some])).area < 1e6
    )
    fewest = next(sizes)
    found = [e.id for e in extracts_for(index(leaves), outline, 0)]
    assert len(found) == len(fewest)
    assert land.difference(shapely.union_all([shapes[n] for n in found])).area < 1e6
    assert found == [e.id for e in extracts_for(index(dict(reversed(leaves.items()))), outline, 0)]


def without(key: str) -> dict:
    found = index(GRID)
    for f in found["features"]:
        f["properties"].pop(key)
    return found


NO_SHAPES = index(GRID)
for f in NO_SHAPES["features"]:
    f["geometry"] = None
OUTSIDE = {"type": "Polygon", "coordinates": [[[0, 0], [1, "north"]]]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (NO_SHAPES, r"'ashire': has no name, address or outline"),
        (index(GRID, feature("gshire", "england", OUTSIDE)), r"'gshire': has no name, address or outline"),
        (without("urls"), r"'ashire': has no name, address or outline .*urls"),
        (without("id"), r"is not an index of extracts"),
        ({"type": "FeatureCollection", "features": []}, r"lists no 'england'"),
        ({"extracts": []}, r"is not an index of extracts"),
        ([1, 2], r"is not an index of extracts"),
        ({"features": {"a": 1}}, r"is not an index of extracts"),
    ],
)
def test_an_index_of_another_shape_is_refused(tmp_path, content, words):
    path = tmp_path / "index-v1.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match=rf"index-v1\.json.*{words}"):
        extracts_for(path, km(360, 310, 370, 320), 0)


def test_what_is_no_index_and_what_is_no_council(tmp_path):
    page = tmp_path / "page.json"
    page.write_text("<!DOCTYPE html>", "utf-8")
    with pytest.raises(InputError, match=r"page\.json: is no JSON"):
        extracts_for(page, km(360, 310, 370, 320), 0)
    with pytest.raises(SourceError, match=r"none\.json: there is no such index"):
        extracts_for(tmp_path / "none.json", km(360, 310, 370, 320), 0)
    with pytest.raises(InputError, match="lies in no extract"):
        extracts_for(index(GRID), km(500, 310, 510, 320), 10_000)
    with pytest.raises(InputError, match="lies in no extract"):
        extracts_for(index(GRID), km(455, 310, 470, 320), 10_000)  # at sea: only its margin reaches land
    with pytest.raises(InputError, match=r"is in degrees -> give it in EPSG:27700"):
        extracts_for(index(GRID), shapely.box(-1.5, 52.5, -1.0, 53.0), 10_000)


def test_parents_that_go_in_circles_are_passed_over():
    loop = [feature("p", "q", shape(350, 300, 400, 350)), feature("q", "p", shape(350, 300, 400, 350))]
    assert [e.id for e in extracts_for(index(GRID, *loop), km(360, 310, 370, 320), 0)] == ["bshire"]
