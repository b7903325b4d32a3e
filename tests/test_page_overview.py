"""Check the overview as a file: nothing from outside, nothing hostile, outlines in place, table equals map."""

import base64
import dataclasses
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from needs.errors import InputError
from needs.webmap.outlines import CRS_SCREEN, encoded, outlines, simplified, tolerance_m
from needs.webmap.overview import ESTIMATE, render_overview
from needs.webmap.text import number
from tests.overview_data import CRS, county
from tests.page_data import HOSTILE
from tests.test_page import Page, table_rows


@pytest.fixture(scope="module")
def data():
    return county()


@pytest.fixture(scope="module")
def text(data):
    return render_overview(data)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture(scope="module")
def told(text):
    """What the page's script reads."""
    block = re.search(r'<script type="application/octet-stream" id="packed">([A-Za-z0-9+/=]+)</script>', text).group(1)
    return json.loads(gzip.decompress(base64.b64decode(block)))


def shapes(told, corner, step):
    """Polygons back from their numbers, in EPSG:3857: rings that run clockwise are outer ones."""
    at = np.cumsum(np.array(told["xy"]).reshape(-1, 2), axis=0) * step * (1, -1) + corner
    ends = np.cumsum(told["points"])
    rings = np.split(at, ends[:-1])
    made = []
    for start, count in zip(np.cumsum([0, *told["rings"][:-1]]), told["rings"], strict=True):
        mine = [shapely.LinearRing(r) for r in rings[start : start + count]]
        outer = [shapely.Polygon(r) for r in mine if not r.is_ccw]
        holes = [shapely.Polygon(r) for r in mine if r.is_ccw]
        made.append(shapely.difference(shapely.union_all(outer), shapely.union_all(holes)))
    return np.array(made)


def test_nothing_is_asked_of_the_network(page, text):
    for element in page.elements:
        assert element["tag"] not in {"link", "img", "iframe", "object", "embed", "base", "source", "image", "use"}
        assert not {"src", "srcset", "action", "formaction", "data", "poster", "background"} & set(element["attrs"])
        assert not [name for name in element["attrs"] if name.startswith("on")], element
        href = element["attrs"].get("href", "#")
        assert href.startswith(("#", "https://", "data:text/csv;")) or re.fullmatch(r"council-\d\.html", href), href
    [policy] = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    scripts = [e["text"] for e in page.all("script") if "type" not in e["attrs"]]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts]
    assert len(hashes) == 3
    assert policy["attrs"]["content"] == (
        f"default-src 'none'; script-src 'unsafe-inline' {' '.join(hashes)}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert "switch(" not in scripts[2]  # folium's styles by a list of cases take time with the square of the zones


def test_two_processes_write_the_same_bytes_and_inputs_stay(data, text):
    code = "import sys; from tests.overview_data import county; from needs.webmap.overview import render_overview;"
    code += "sys.stdout.buffer.write(render_overview(county()).encode())"
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    root = Path(__file__).parents[1]
    again = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, check=True, capture_output=True)
    assert hashlib.sha256(again.stdout).hexdigest() == hashlib.sha256(text.encode()).hexdigest()
    pd.testing.assert_frame_equal(pd.DataFrame(county().zones), pd.DataFrame(data.zones))
    pd.testing.assert_frame_equal(county().councils, data.councils)


def test_hostile_names_are_inert(page, text, told):
    shown = [e["text"] for e in page.all("th", scope="row")]
    for name in HOSTILE:
        assert name in shown
        assert name in told["names"]
    markup = re.sub(r"<script>.*?</script>", "", text[text.index("<body>") :], flags=re.S)
    assert "<img" not in markup
    assert "alert(2)</script>" not in text
    assert "{{ 7*7 }}" not in text
    assert "javascript:" not in markup


def test_every_heading_of_figures_says_what_is_estimated(page, data):
    heads = [e["text"] for tag in ("title", "h1", "h2", "caption") for e in page.all(tag)]
    bare = [h for h in heads if ESTIMATE not in h]
    assert len(heads) == 11
    assert bare == [  # no figures stand under these
        "Sources", "What was left out", "Accessibility of this page", "How to build this page again", "Data read",
    ]  # fmt: skip
    columns = [e["text"] for e in page.all("th", scope="col")]
    assert {"Reached (estimate)", "Unmet need (estimate)"} <= set(columns)
    assert "estimated in straight lines" in page.all("p", **{"class": "caution"})[0]["text"]
    plain = Page(render_overview(dataclasses.replace(data, estimated=False)))
    assert "estimate" not in plain.all("main")[0]["text"].lower()


def test_the_page_has_its_parts(page, data):
    assert page.all("html")[0]["attrs"]["lang"] == "en-GB"
    assert [e["text"] for e in page.all("h1")] == [f"{data.finding} ({ESTIMATE})"]
    assert len(page.all("main")) == 1
    known = {e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]}
    assert {e["attrs"]["href"][1:] for e in page.all("a") if e["attrs"]["href"].startswith("#")} <= known
    for control in page.all("input"):
        assert control["path"][-1] == "label"
    assert [e["text"] for e in page.all("legend")] == ["Shade by need", "Shade by travel"]
    for shading in data.shadings:
        [block] = page.all("div", **{"data-key": shading.id})
        counts = [int(n) for n in re.findall(r"\((\d+)\)", block["text"])][-5:]  # a title may hold anything
        assert counts == [(shading.classes == k).sum() for k in (1, 2, 3, 4, 5)]
        assert sum(counts) == len(data.zones)


def test_the_map_holds_every_zone_with_its_class_and_figures(told, data):
    zones = data.zones.set_index("lsoa21cd")
    assert told["codes"] == sorted(zones.index)
    for shading in data.shadings:
        assert [int(c) for c in told["classes"][shading.id]] == shading.classes[told["codes"]].tolist()
    councils = data.councils["lad24cd"].tolist()
    assert [councils[c] for c in told["council"]] == zones.loc[told["codes"], "lad24cd"].tolist()
    assert list(told["figures"]) == list(data.figures.values())
    for k, code in enumerate(told["codes"]):
        zone = zones.loc[code]
        minutes = "beyond the limit" if np.isnan(zone["hub_min"]) else f"{zone['hub_min']:.0f}"
        expected = [number(zone["births"]), minutes, f"{zone['covered_pct']:.0f}%", zone["rural"]]
        assert [words[k] for words in told["figures"].values()] == expected


def test_the_table_says_what_the_map_says(text, told, data):
    rows = table_rows(text, "councils")
    assert len(rows) == len(data.councils)
    for k, (row, council) in enumerate(zip(rows, data.councils.to_dict("records"), strict=True)):
        mine = [c for c, of in zip(told["classes"]["need"], told["council"], strict=True) if of == k]
        assert int(row[1]) == len(mine) == council["zones"]
        assert [int(cell) for cell in row[6:]] == [mine.count(c) for c in "12345"]
        assert row[2] == number(council["families"])
        assert row[4] == number(council["unmet"])
        assert ('href="council-' in row[0]) == pd.notna(council["slug"])
    assert rows[-1][1:6] == ["0", "not known", "not known", "not known", "No boundaries were given"]


def test_outlines_lie_where_the_zones_are_and_share_their_edges(told, data):
    drawn = gpd.GeoSeries(shapes(told["zones"], told["corner"], told["step"]), crs=CRS_SCREEN).to_crs(CRS)
    zones = data.zones.set_index("lsoa21cd").loc[told["codes"]].geometry.reset_index(drop=True)
    moved = tolerance_m(len(zones)) * 1.2
    off = drawn.symmetric_difference(zones)
    assert (off.area < moved * zones.length).all()
    assert (drawn.hausdorff_distance(zones) < 3 * moved).all()
    assert drawn.area.sum() == pytest.approx(zones.area.sum(), rel=0.002)
    assert shapely.coverage_is_valid(shapes(told["zones"], told["corner"], told["step"]))
    borders = shapes(told["borders"], told["corner"], told["step"])
    assert len(borders) == 8
    areas = gpd.GeoSeries(borders, crs=CRS_SCREEN).to_crs(CRS).area
    assert areas.to_numpy() == pytest.approx(data.zones.dissolve("lad24cd").area.to_numpy(), rel=0.01)


def test_simplifying_goes_by_the_number_of_zones_and_keeps_a_coverage():
    assert tolerance_m(33_755) == 60
    assert tolerance_m(33_755 // 4) == pytest.approx(30, rel=1e-3)
    assert tolerance_m(1) == 4
    zones = county(40, 40, bends=6).zones.geometry
    slim = simplified(zones)
    assert shapely.coverage_is_valid(slim.to_numpy())
    assert shapely.get_num_coordinates(slim.to_numpy()).sum() < shapely.get_num_coordinates(zones.to_numpy()).sum()
    assert slim.area.sum() == pytest.approx(zones.area.sum(), rel=0.01)


def test_holes_stay_islets_go_and_no_zone_is_lost():
    big, inner = shapely.box(400_000, 300_000, 410_000, 310_000), shapely.box(404_000, 304_000, 405_000, 305_000)
    islet, speck = shapely.box(411_000, 300_000, 411_003, 300_003), shapely.box(412_000, 300_000, 412_001, 300_001)
    ring = shapely.multipolygons([shapely.difference(big, inner), islet])
    zones = gpd.GeoSeries([ring, inner, speck], crs=CRS)
    drawn = outlines(zones, np.array([0, 0, 1]))
    assert drawn.zones["rings"] == [2, 1, 1]  # the islet is gone, hole and speck are not
    made = gpd.GeoSeries(shapes(drawn.zones, drawn.corner, drawn.step), crs=CRS_SCREEN).to_crs(CRS)
    assert made.area[0] == pytest.approx(99e6, rel=0.002)
    assert made.area[1] == pytest.approx(1e6, rel=0.01)
    assert made[2].distance(speck) < 3
    nothing = np.array([shapely.box(0.1, -0.2, 0.2, -0.1), shapely.box(8, -9, 9, -8), shapely.box(20.1, -0.2, 20.2, 0)])
    small = encoded(nothing, (0.0, 0.0), 1.0)  # two of the three are smaller than a unit
    assert small == {"rings": [1, 1, 1], "points": [3, 4, 3],
                     "xy": [0, 0, 1, 0, -1, 1, *small["xy"][6:14], *small["xy"][14:]]}  # fmt: skip
    at = np.cumsum(np.array(small["xy"]).reshape(-1, 2), axis=0)
    assert set(map(tuple, at[3:7].tolist())) == {(8, 8), (9, 8), (9, 9), (8, 9)}
    assert at[7:].tolist() == [[20, 0], [21, 0], [20, 1]]


def test_tables_that_disagree_are_refused_with_every_fault(data):
    zones = data.zones.copy()
    zones.loc[3, "lad24cd"] = "E07000077"
    councils = data.councils.assign(slug=["../up", *data.councils["slug"][1:]])
    need = dataclasses.replace(data.shadings[0], classes=data.shadings[0].classes.replace(2, 6))
    wrong = dataclasses.replace(data, zones=zones, councils=councils, shadings=[need])
    with pytest.raises(InputError) as caught:
        render_overview(wrong)
    told = [str(f) for f in caught.value.faults]
    assert len(told) == 4
    assert "are in councils without a row (1): E07000077" in told[0]
    assert "have another number of zones than the map (1): E07000000" in told[1]
    assert "have a slug that is no file name (1): ../up" in told[2]
    assert "shading need: zones have no class" in told[3]
    with pytest.raises(InputError, match="columns are missing"):
        render_overview(dataclasses.replace(data, figures={"nothing_min": "None"}))
    with pytest.raises(InputError, match="EPSG:4326, not in EPSG:27700"):
        render_overview(dataclasses.replace(data, zones=data.zones.to_crs("EPSG:4326")))
    with pytest.raises(InputError, match="no outline"):
        render_overview(dataclasses.replace(data, zones=data.zones.assign(geometry=shapely.Polygon())))
