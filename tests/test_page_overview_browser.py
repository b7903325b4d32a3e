"""Open the overview in headless Chromium: every zone drawn in its colour, controls, search, card, keyboard, print."""

import csv
import io
import json
import re
import zlib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from needs.webmap.overview import ESTIMATE, render_overview
from needs.webmap.text import number
from tests.browser import CHROMIUM
from tests.overview_data import CRS, DRAWN, STEP_M, county, england
from tests.page_data import HOSTILE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (looked for chromium, google-chrome)"),
]


@pytest.fixture(scope="module")
def data():
    return county()


@pytest.fixture(scope="module")
def file(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "overview.html"
    path.write_text(render_overview(data), "utf-8")
    return path


@pytest.fixture
def tab(browser, file):
    browser.open(file)
    assert browser.wait(DRAWN)
    yield browser
    assert browser.messages == []
    assert browser.requests[:1] == [file.resolve().as_uri()]
    assert all(r.startswith("blob:") for r in browser.requests[1:])  # tables that are saved


def pixels(tab, latlngs):
    """Colours of the canvas at places, as `rgb(r, g, b)`."""
    return tab.run(
        "(places => { const from = document.querySelector('#map canvas'), to = document.createElement('canvas');"
        " const box = map_1.getContainer(), r = from.getBoundingClientRect(), b = box.getBoundingClientRect();"
        " [to.width, to.height] = [from.width, from.height];"
        " const copy = to.getContext('2d', {willReadFrequently: true}); copy.drawImage(from, 0, 0);"
        " return places.map(p => { const q = map_1.latLngToContainerPoint(p);"
        " const x = Math.round(q.x + b.x + box.clientLeft - r.x), y = Math.round(q.y + b.y + box.clientTop - r.y);"
        " return 'rgb(' + copy.getImageData(x, y, 1, 1).data.slice(0, 3).join(', ') + ')'; }); })"
        f"({json.dumps(latlngs)})"
    )


def inner_places(data):
    """Four places inside every zone, away from its crooked sides and its middle: latitude, longitude."""
    corners = data.zones.geometry.apply(lambda g: shapely.Point(np.round(shapely.get_coordinates(g)[0])))
    found = []
    for dx, dy in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        moved = gpd.GeoSeries(corners, crs=CRS).translate(dx * STEP_M, dy * STEP_M).to_crs("EPSG:4326")
        found.append([[p.y, p.x] for p in moved])
    return found


def swatches(tab):
    """Colours of the key that is shown."""
    return tab.run(
        "[...document.querySelectorAll('.key div:not([hidden]) .swatch')].map(s => getComputedStyle(s).backgroundColor)"
    )


def choose(tab, shading):
    tab.run(f"document.querySelector('input[value={shading}]').click()")
    tab.settle()


def find(tab, words):
    tab.page.fill("[name=wanted]", words)
    tab.page.press("[name=wanted]", "Enter")
    tab.page.wait_for_timeout(400)  # the map may glide there
    return tab.run("document.getElementById('found').textContent")


def card(tab):
    """The card's title and its facts; {} where it is shut."""
    facts = tab.run(
        "(box => box.hidden ? [] : [...box.querySelectorAll('dt')]"
        ".map(t => [t.textContent, t.nextSibling.textContent]))(document.getElementById('card'))"
    )
    return tab.run("document.getElementById('card-title').textContent"), dict(facts)


def test_every_zone_is_drawn_in_the_colour_of_its_class(tab, data):
    places, seen = inner_places(data), []
    assert tab.run(DRAWN) == str(len(data.zones))
    for shading in data.shadings:
        choose(tab, shading.id)
        colours = swatches(tab)
        expected = [colours[k - 1] for k in shading.classes[data.zones["lsoa21cd"]]]
        found = [pixels(tab, some) for some in places]  # a name or number may lie on one
        hit = [e in got for e, got in zip(expected, zip(*found, strict=True), strict=True)]
        assert all(hit), hit.count(False)
        keys = "[...document.querySelectorAll('.key div:not([hidden])')].map(d => d.dataset.key)"
        assert tab.run(keys) == [shading.id]
        seen.append(tuple(found[0]))
    assert len(set(seen)) == 3
    assert pixels(tab, [[52.63, -2.005]]) == ["rgb(0, 0, 0)"]  # west of the county nothing is drawn


def test_the_table_follows_the_shading(tab, data):
    for shading in [*data.shadings, data.shadings[0]]:
        choose(tab, shading.id)
        shown = tab.run(
            "[...document.querySelectorAll('#councils tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
        )
        counts = pd.crosstab(data.zones["lad24cd"], data.zones["lsoa21cd"].map(shading.classes))
        for row, code in zip(shown, data.councils["lad24cd"], strict=True):
            mine = counts.loc[code].reindex(range(1, 6), fill_value=0).tolist() if code in counts.index else [0] * 5
            assert [int(c) for c in row[6:]] == mine
        assert tab.run("document.querySelector('#councils .group').textContent") == shading.title


def test_headings_sort_the_table(tab, data):
    column = "[...document.querySelectorAll('#councils tbody tr')].map(r => r.cells[{}].textContent)"
    press = "[...document.querySelectorAll('#councils thead button')][{}].click()"
    sorts = "[...document.querySelectorAll('#councils th')].map(h => h.getAttribute('aria-sort')).filter(Boolean)"
    assert tab.run(sorts) == []
    families = data.councils["families"].dropna().map(number)
    for order, down in (("descending", True), ("ascending", False)):
        tab.run(press.format(2))
        wanted = sorted(families, key=lambda w: float(w.replace(",", "")), reverse=down)
        assert tab.run(column.format(2)) == [*wanted, "not known"]
        assert tab.run(sorts) == [order]
    tab.run(press.format(0))
    assert tab.run(column.format(0)) == sorted(data.councils["name"], key=str.lower)
    tab.run(press.format(10))  # zones in class 5
    for shading in ("minutes", "need"):
        choose(tab, shading)
        counts = [int(n) for n in tab.run(column.format(10))]
        assert counts == sorted(counts, reverse=True)
    assert len(tab.run(column.format(0))) == len(data.councils)


def test_search_moves_the_map(tab, data):
    whole = tab.run("map_1.getZoom()")
    assert find(tab, "gridwold 7").startswith("Gridwold 7: ")
    mine = data.zones[data.zones["lad24cd"] == "E07000007"].to_crs("EPSG:4326").total_bounds
    west, south, east, north = tab.run("map_1.getBounds().toBBoxString().split(',').map(Number)")
    assert west < mine[0] < mine[2] < east
    assert south < mine[1] < mine[3] < north
    assert tab.run("map_1.getZoom()") > whole
    assert find(tab, "Nowhereshire") == "Nowhereshire has none on the map."
    zone = data.zones.iloc[123]
    council = data.councils.set_index("lad24cd").at[zone["lad24cd"], "name"]
    assert find(tab, "e01000123") == f"Gridshire 00123A is in {council}."
    title, facts = card(tab)
    assert title == "Gridshire 00123A E01000123"
    level = data.shadings[0].classes["E01000123"]
    assert facts == {
        "Council": council,
        "Class on the map": f"{level} of 5: {data.shadings[0].words[level - 1]}",
        "Births a year": number(zone["births"]),
        "Minutes to a hub": f"{zone['hub_min']:.0f}",
        "Covered": f"{zone['covered_pct']:.0f}%",
        HOSTILE[1]: zone["rural"],
    }
    assert tab.run("document.activeElement.id") == "card"
    choose(tab, "change")
    assert card(tab)[1]["Class on the map"].startswith(f"{1 + 123 % 5} of 5: ")
    tab.run("document.getElementById('card').focus()")
    tab.press("Escape")
    assert card(tab)[1] == {}
    assert tab.run("document.activeElement.name") == "wanted"


def test_search_lists_what_it_finds(tab):
    assert find(tab, "gridshire 0001") == "10 found:"
    assert tab.run("[...document.querySelectorAll('#matches button')].map(b => b.textContent)") == [
        f"Gridshire 0001{k}A" for k in range(10)
    ]
    tab.page.click("#matches button >> nth=4")
    assert card(tab)[0] == "Gridshire 00014A E01000014"
    assert find(tab, "gridshire").endswith("found, the first 12 are listed:")
    assert tab.run("document.querySelectorAll('#matches button').length") == 12
    assert find(tab, "no such place").startswith("“no such place” was not found: try")
    assert tab.run("document.getElementById('matches').hidden")
    assert find(tab, HOSTILE[6]).startswith(HOSTILE[6])  # a council is found before a zone of that name
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("window.pwned") is None


def test_pointing_tells_and_clicking_opens(tab, data):
    place = inner_places(data)[0][77]
    x, y = tab.run(
        "(p => (q => (b => [b.x + q.x + 1, b.y + q.y + 1])(map_1.getContainer().getBoundingClientRect()))"
        f"(map_1.latLngToContainerPoint(p)))({place})"
    )
    tab.hover(x - 3, y)
    tab.hover(x, y)
    told = tab.run("document.querySelector('.leaflet-tooltip').textContent")
    level = data.shadings[0].classes["E01000077"]
    assert told.startswith("Gridshire 00077A")
    assert f"Class {level} of 5: {data.shadings[0].words[level - 1]}" in told
    tab.press("Escape")
    assert tab.wait("!document.querySelector('.leaflet-tooltip')")
    tab.page.mouse.click(x, y)
    tab.page.wait_for_timeout(400)  # a click may be the first of two
    assert card(tab)[0] == "Gridshire 00077A E01000077"
    for _ in range(3):
        tab.run("map_1.setZoom(map_1.getZoom() + 1, {animate: false})")
    assert 0 < int(tab.run(DRAWN)) < 60  # only what is in view


def test_all_zones_can_be_saved(tab, data):
    with tab.page.expect_download() as waiting:
        tab.page.click("text=Save 300 neighbourhoods (CSV)")
    assert waiting.value.suggested_filename == "gridland-neighbourhoods.csv"
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    assert [r["code"] for r in rows] == data.zones["lsoa21cd"].tolist()
    assert [r["class: Need: fifths of England"] for r in rows] == [*map(str, data.shadings[0].classes)]
    assert [r[f"Births a year ({ESTIMATE}s)"] for r in rows] == [*map(number, data.zones["births"])]


def test_axe_finds_nothing_and_nothing_scrolls_sideways(browser, file):
    for width in (1280, 320):
        browser.open(file, width=width)
        assert browser.wait(DRAWN)
        assert browser.run("document.documentElement.scrollWidth") == width
        assert browser.violations() == []
        find(browser, "gridshire 0001")
        assert browser.violations() == []
        find(browser, "E01000011")
        browser.run("document.querySelector('#councils thead button').click()")
        assert browser.violations() == []


def test_keyboard_alone(tab):
    stops = []
    for _ in range(8):
        tab.press("Tab")
        stops.append(tab.run(
            "(e => e.classList.contains('folium-map') ? 'map' : e.name || e.className || e.type)"
            "(document.activeElement)"
        ))  # fmt: skip
    assert stops == ["skip", "skip", "wanted", "submit", "shading", "map", *stops[6:]]
    assert [s.startswith("leaflet-control-zoom") for s in stops[6:]] == [True, True]


@pytest.mark.parametrize("width", [1280, 320])
def test_the_first_printed_page_holds_finding_key_and_map(browser, file, data, width):
    browser.open(file, width=width)
    assert browser.wait(DRAWN)
    pdf = browser.pdf()
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert [(round(float(w)), round(float(h))) for w, h in sizes] == [(842, 595)] * 3  # A4 landscape; map, table, rest
    drawn = [
        zlib.decompressobj().decompress(s)
        for s in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
        if s[:1] == b"\x78"
    ]
    assert max(s.count(b" l\n") for s in drawn) > 4 * len(data.zones)  # the zones, as lines
    assert browser.run("map_1.getContainer().style.width") == ""  # as before
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.page.emulate_media(media="print")
    browser.page.set_viewport_size({"width": 1047, "height": 718})
    browser.settle()
    try:
        inside = (
            "(r => r.top >= 0 && r.bottom <= 718 && r.right <= 1047)"
            "(document.querySelector('{}').getBoundingClientRect())"
        )
        assert [browser.run(inside.format(s)) for s in ("h1", ".key", ".board", ".folium-map")] == [True] * 4
    finally:
        browser.page.emulate_media(media="screen")


def test_an_old_browser_is_told_where_the_figures_are(browser, file):
    old = browser.page.context.new_page()
    try:
        old.add_init_script("delete window.DecompressionStream")
        old.goto(file.resolve().as_uri())
        old.wait_for_function("document.getElementById('found').textContent")
        assert old.text_content("#found").startswith("This browser is too old to draw the map. The table")
    finally:
        old.close()


def test_five_thousand_zones(browser, tmp_path):
    many, path = county(100, 50, bends=1), tmp_path / "many.html"
    path.write_text(render_overview(many), "utf-8")
    assert path.stat().st_size < 1_000_000
    browser.open(path)
    assert browser.wait(DRAWN)
    assert browser.run(DRAWN) == "5000"
    assert browser.run("document.getElementById('map').dataset.outlined") == "0"
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.messages == []
    colours = swatches(browser)
    expected = [colours[k - 1] for k in many.shadings[0].classes]
    found = zip(*(pixels(browser, some) for some in inner_places(many)), strict=True)
    right = [e in got for e, got in zip(expected, found, strict=True)]
    assert np.mean(right) > 0.9  # a zone is about ten pixels wide here, and names lie on some
    find(browser, "Gridshire 02500A")
    assert int(browser.run("document.getElementById('map').dataset.outlined")) > 0


@pytest.mark.data
@pytest.mark.slow
def test_england_is_drawn_whole_in_under_five_megabytes(browser, real_data, tmp_path):
    whole, path = england(real_data / "england"), tmp_path / "england.html"
    path.write_text(render_overview(whole), "utf-8")
    assert path.stat().st_size < 5_000_000
    browser.open(path)
    assert browser.wait(DRAWN)
    assert browser.run(DRAWN) == "33755"
    assert browser.messages == []
    assert browser.requests == [path.resolve().as_uri()]
    assert find(browser, "Halton 001A").startswith("Halton 001A is in Halton")
