"""Open the page in headless Chromium: no request, no message, controls that work, keyboard, narrow window, print."""

import csv
import io
import re
import shutil
import subprocess
import zlib

import pytest

from needs.webmap.index_page import render_index
from needs.webmap.page import render
from tests.browser import CHROMIUM
from tests.page_data import HOSTILE, council

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (looked for chromium, google-chrome)"),
]

NO_TOOLTIP = "!document.querySelector('.leaflet-tooltip')"
FILLS = "[...document.querySelectorAll('path.zone')].map(p => getComputedStyle(p).fill)"


@pytest.fixture(scope="module")
def data():
    return council()


@pytest.fixture(scope="module")
def file(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "gridshire.html"
    path.write_text(render(data), "utf-8")
    return path


@pytest.fixture
def tab(browser, file):
    browser.open(file)
    yield browser
    assert browser.messages == []
    assert browser.requests == [file.resolve().as_uri()]


def click(tab, control):
    tab.run(f"document.querySelector('input[value={control}], input[name={control}]').click()")


def count(tab, selector):
    return tab.run(f"document.querySelectorAll('{selector}').length")


def test_every_layer_is_drawn(tab, data):
    assert count(tab, "path.zone") == len(data.zones) == count(tab, "#zones tbody tr")
    assert count(tab, ".leaflet-marker-icon.pin") == 6  # all but the building that was only considered
    for name in ("road_main", "road_mid", "road_minor", "rail", "water", "green", "edge"):
        assert count(tab, f"path.{name}") == 1
    assert count(tab, "path.river") == 0


def test_radio_buttons_change_the_shading_and_its_key(tab, data):
    colours = {}
    for shading in ("need", "demand", "unmet_today", "unmet_plan", "change", "minutes_walk", "minutes_drive"):
        click(tab, shading)
        fills = tab.run(FILLS)
        assert len(fills) == len(data.zones)
        colours[shading] = fills
        assert tab.run("[...document.querySelectorAll('.key div:not([hidden])')].map(d => d.dataset.key)") == [shading]
        swatches = tab.run(
            "[...document.querySelectorAll('.key div:not([hidden]) .swatch')]"
            ".map(s => getComputedStyle(s).backgroundColor)"
        )
        counts = [
            int(n)
            for n in tab.run(
                "[...document.querySelectorAll('.key div:not([hidden]) .count')].map(s => s.textContent.slice(1, -1))"
            )
        ]
        assert [fills.count(s) for s in swatches] == counts
    assert len({tuple(c) for c in colours.values()}) == 7


def test_check_boxes_show_and_hide(tab):
    line = "document.querySelector('[data-key={}]').hidden"
    assert (count(tab, "path.reach.hub"), count(tab, "path.reach.outreach")) == (1, 0)
    click(tab, "outreach_reach")
    click(tab, "hub_reach")
    assert (count(tab, "path.reach.hub"), count(tab, "path.reach.outreach")) == (0, 1)
    assert tab.run(line.format("hub_reach"))
    assert not tab.run(line.format("outreach_reach"))
    click(tab, "considered")
    assert count(tab, ".leaflet-marker-icon.pin") == 7
    assert not tab.run(line.format("considered"))
    click(tab, "recommended")
    assert count(tab, ".leaflet-marker-icon.pin") == 3
    assert count(tab, ".figure") == 0
    click(tab, "numbers")
    numbers = tab.run("[...document.querySelectorAll('.figure')].map(e => e.textContent).sort().join('')")
    assert numbers == tab.run("[...document.querySelectorAll('path.zone')].map(p => p.dataset.class).sort().join('')")
    click(tab, "outlines")
    assert tab.run("getComputedStyle(document.querySelector('path.zone')).strokeWidth") == "0px"
    click(tab, "places")
    assert tab.run("getComputedStyle(document.querySelector('.place')).display") == "none"


def test_reach_follows_mode_and_minutes(tab):
    def outline():
        return tab.run("document.querySelector('path.reach').getAttribute('d')")

    def choose(name, value):
        tab.run(
            f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('change', {{bubbles: true}})); }})"
            f"(controls.elements.{name})"
        )

    seen = set()
    for mode in ("walk", "drive"):
        for minutes in (10, 20, 30):
            choose("mode", mode)
            choose("minutes", minutes)
            seen.add(outline())
            words = tab.run("document.querySelector('[data-key=hub_reach]').textContent").strip()
            spoken = {"walk": "walking with a pram", "drive": "driving"}[mode]
            assert words == f"Within {minutes} minutes of a hub: {spoken}"
    assert len(seen) == 6


def test_hostile_names_are_shown_as_text(tab):
    shown = tab.run(
        "[...document.querySelectorAll('.leaflet-marker-icon.pin')].map(e => e.querySelector('.unseen').textContent)"
    )
    for name in HOSTILE[:6]:
        assert any(name in words for words in shown)
    assert tab.run("document.querySelectorAll('img').length") == 0
    facts = []
    for i in range(6):
        tab.run(f"document.querySelectorAll('.leaflet-marker-icon.pin')[{i}].focus()")
        assert tab.wait("document.querySelectorAll('.leaflet-tooltip').length === 1")
        facts.append(tab.run("document.querySelector('.leaflet-tooltip b').textContent"))
    assert {f.split(" ", 1)[1] for f in facts[:4]} == set(HOSTILE[:4])
    assert set(facts[4:]) == set(HOSTILE[4:6])


def test_no_handler_runs_even_if_markup_slipped_in(browser, file):
    browser.open(file)
    browser.run(
        "document.body.insertAdjacentHTML('beforeend', '<b id=x onclick=\"window.pwned = 1\">x</b>'); x.click()"
    )
    assert browser.run("window.pwned") is None
    assert any("Content Security Policy" in m for m in browser.messages)
    refused = "fetch('https://example.org/').then(() => 'fetched', () => 'refused')"
    assert browser.run(refused) == "refused"


def zone_point(tab, k):
    """Where in the window a zone can be pointed at."""
    where = f"(r => [r.x + r.width / 4, r.y + r.height / 4])(document.querySelectorAll('path.zone')[{k}]"
    return tab.run(where + ".getBoundingClientRect())")


def card(tab):
    """The card's title and its facts; {} where it is shut."""
    facts = tab.run(
        "(box => box.hidden ? [] : [...box.querySelectorAll('dt')]"
        ".map(t => [t.textContent, t.nextSibling.textContent]))"
        "(document.getElementById('card'))"
    )
    return tab.run("document.getElementById('card-title').textContent"), dict(facts)


def test_a_neighbourhood_tells_its_class_and_opens_a_card_of_its_row(tab, data):
    x, y = zone_point(tab, 9)
    tab.hover(x - 4, y)
    tab.hover(x, y)
    zone = data.zones.iloc[9]
    name = f"{zone['zone_name']} {zone['lsoa21cd']}"
    assert tab.run("document.querySelector('.leaflet-tooltip strong').textContent") == name
    told = tab.run("document.querySelector('.leaflet-tooltip').textContent")
    words = ["highest need", "high", "middle", "low", "lowest need"][zone["need_fifth_england"] - 1]
    assert f"Need, Need score: class {zone['need_fifth_england']} of 5: {words}" in told
    tab.press("Escape")
    assert tab.wait(NO_TOOLTIP)
    assert card(tab)[1] == {}
    tab.page.mouse.click(x, y)
    title, facts = card(tab)
    assert title == name
    assert facts["Class on the map"] == f"{zone['need_fifth_england']} of 5: {words}"
    assert facts["Births a year"] == f"{zone['births']:.0f}"
    assert facts["Need"] == (
        f"score {zone['need_score']:.1f}, rank in England {zone['need_rank_england']:,}, "
        f"rank in 9 of 10 draws {zone['need_rank_low']:,}–{zone['need_rank_high']:,}, "
        f"fifth of England {zone['need_fifth_england']}, fifth here {zone['need_fifth_area']}"
    )
    assert float(facts["Poor children"]) == zone["deprived_children"]
    assert re.fullmatch(r"today \S+, plan \S+, change \S+", facts["Unmet need"])
    assert facts["Minutes to a hub: driving"].startswith(f"today {zone['hub_drive_min_today']:.0f}, plan")
    parts = data.contributions[data.contributions["lsoa21cd"] == zone["lsoa21cd"]]
    for label, points in zip(parts["label"], parts["contribution"], strict=True):
        assert facts[label] == f"{points:.1f}"
    assert count(tab, "path.zone.chosen") == 1
    tab.press("Escape")
    assert card(tab)[1] == {}


def test_a_site_opens_a_card_with_its_reasons(tab):
    tab.run("document.querySelectorAll('.leaflet-marker-icon.pin')[0].focus()")
    tab.press("Enter")
    title, facts = card(tab)
    assert title.strip() == HOSTILE[0]
    assert facts["What happens"] == "Stays a hub"
    assert facts["Families reached"] == "210"
    assert facts["As here in tests"] == "9 of 9"
    assert facts["Why"] == f"Reaches most{HOSTILE[0]}"
    assert count(tab, "#card li") == 2
    tab.run("document.querySelector('#card button').click()")
    assert tab.run("document.activeElement.classList.contains('pin')")  # back where one came from


@pytest.mark.parametrize(
    ("wanted", "title", "found"),
    [
        ("Gridham", "Gridshire 017A", "The middle of Gridham is in Gridshire 017A"),
        ("gr1 1aa", HOSTILE[0], f"GR1 1AA is in {HOSTILE[0]}"),
        ("GR12BB", "Gridshire 041A", "GR12BB is in Gridshire 041A"),
        ("GR9 9ZZ", None, "GR9 9ZZ is outside the council."),
        ("gridshire 020a", "Gridshire 020A", ""),
        (HOSTILE[3], HOSTILE[3], f"{HOSTILE[3]}: new outreach site."),
        ("nowhere at all", None, "“nowhere at all” was not found: try the name of a place"),
    ],
)
def test_the_search_finds_and_opens(tab, wanted, title, found):
    tab.page.fill("[name=wanted]", wanted)
    tab.page.press("[name=wanted]", "Enter")
    tab.settle()
    said = tab.run("document.getElementById('found').textContent")
    assert said.startswith(found)
    shown, facts = card(tab)
    if title is None:
        assert facts == {}
    else:
        assert facts
        assert shown.strip().startswith(title)


def test_every_table_can_be_saved_as_it_stands(tab, data):
    with tab.page.expect_download() as waiting:
        tab.page.click("#recommended >> xpath=ancestor::section >> text=Save this table")
    text = waiting.value.path().read_text("utf-8-sig")
    assert waiting.value.suggested_filename == "gridshire-recommended.csv"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["No."] for row in rows] == ["1", "2", "3", "4"]
    assert [row["Families reached"] for row in rows] == ["210", "151", "45", "9.4"]
    assert rows[0]["Why"] == f"Reaches most; {HOSTILE[0]}"
    assert rows[2]["Site"] == f"{HOSTILE[2]}; Children's centre"
    links = "[...document.querySelectorAll('.tables a')].filter(a => a.textContent.startsWith('Save')).length"
    assert tab.run(links) == count(tab, ".tables table") == 16
    with tab.page.expect_download() as waiting:
        tab.page.click("#zones >> xpath=ancestor::section >> text=Save this table")
    saved = list(csv.reader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    assert len(saved) == len(data.zones) + 1
    assert "Unmet need: Change" in saved[0]
    rank = saved[0].index("Need: Rank in England")
    assert sorted(int(row[rank]) for row in saved[1:]) == sorted(data.zones["need_rank_england"])
    change = saved[0].index("Unmet need: Change")
    assert {c[0] for row in saved[1:] if (c := row[change])} <= set("+-0123456789")


def test_axe_finds_nothing(browser, file):
    for width in (1280, 320):
        browser.open(file, width=width)
        assert browser.violations() == []
        browser.page.fill("[name=wanted]", "Gridham")
        browser.page.press("[name=wanted]", "Enter")
        browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert browser.violations() == []


def test_axe_sees_what_is_wrong(browser, file, tmp_path):
    path = tmp_path / "worse.html"
    path.write_text(file.read_text("utf-8").replace('<html lang="en-GB">', "<html>"), "utf-8")
    browser.open(path)
    assert any(words.startswith("html-has-lang") for words in browser.violations())


def test_text_at_twice_its_size_and_a_dark_system_do_no_harm(browser, file):
    browser.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    try:
        browser.open(file, width=640)  # 1280 at 200 %
        assert browser.run("document.documentElement.scrollWidth") == 640
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert browser.violations() == []
    finally:
        browser.page.emulate_media(color_scheme="light", reduced_motion="no-preference")


def test_boundaries_are_drawn_when_asked_for(tab):
    seen = "[...document.querySelectorAll('path.boundary')].map(p => getComputedStyle(p).display)"
    assert tab.run(seen) == ["none", "none"]
    click(tab, "boundaries")
    assert tab.run(seen) == ["inline", "inline"]
    assert tab.run("[...document.querySelectorAll('[data-key=boundaries]')].map(e => e.textContent.trim())") == [
        "Districts", "Wards",
    ]  # fmt: skip


def test_keyboard_alone(tab):
    stops = []
    for _ in range(40):
        tab.press("Tab")
        stops.append(tab.run(
            "(e => e.classList.contains('pin') ? 'pin ' + e.textContent : e.classList.contains('folium-map') ? 'map'"
            " : e.id || e.dataset.kind || e.name || e.className || e.tagName)(document.activeElement)"
        ))  # fmt: skip
        if stops[-1] == "leaflet-control-zoom-out":
            break
    assert stops[:4] == ["skip", "skip", "wanted", "BUTTON"]
    assert stops[4:16] == ["shading", *["sites"] * 4, *["detail"] * 4, *["reach"] * 2, "mode"]
    assert stops[16:18] == ["minutes", "map"]
    pins = [s for s in stops if s.startswith("pin ")]
    assert [s[4] for s in pins[:4]] == ["1", "2", "3", "4"]  # in the order of their numbers
    assert len(pins) == 6
    assert tab.wait(NO_TOOLTIP)  # focus has moved on
    tab.run("document.querySelector('[name=shading]').focus()")
    tab.press("ArrowDown")
    assert tab.run("document.querySelector('[name=shading]:checked').value") == "demand"
    tab.run("document.querySelector('[name=considered]').focus()")
    tab.press(" ")
    assert count(tab, ".leaflet-marker-icon.pin") == 7


def test_pins_do_not_hide_one_another(browser, data, tmp_path):
    sites = data.sites.copy()
    sites.geometry = [sites.geometry.iloc[0]] * len(sites)  # all in one building
    path = tmp_path / "crowd.html"
    path.write_text(render(council(sites=sites)), "utf-8")
    browser.open(path)
    boxes = browser.run(
        "[...document.querySelectorAll('.leaflet-marker-icon.pin:not(.neighbour)')]"
        ".map(e => (r => [r.x, r.y])(e.getBoundingClientRect()))"
    )
    assert len(boxes) == 5
    for i, (x, y) in enumerate(boxes):
        assert all(abs(x - u) >= 28 or abs(y - v) >= 28 for u, v in boxes[:i])
    assert count(browser, "path.lead:not(.casing)") == 4


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_nothing_scrolls_sideways(browser, file, width):
    browser.open(file, width=width)
    assert browser.run("document.documentElement.scrollWidth") == width
    assert browser.run("document.querySelector('.folium-map').getBoundingClientRect().width") <= width - 24


def test_finding_key_and_map_stand_on_one_screen(tab):
    assert tab.run("document.querySelector('main').getBoundingClientRect().width") == 1000
    assert tab.run("document.querySelector('.folium-map').getBoundingClientRect().bottom") <= 850


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is not installed")
def test_everything_is_printed_folded_parts_too(browser, file, data, tmp_path):
    browser.open(file)
    path = tmp_path / "page.pdf"
    path.write_bytes(browser.pdf())
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True).stdout.decode()
    assert "Too far from most" in text  # of a building that was considered: folded on the screen
    for heading in ("Where poor children live", "Neighbourhoods", "Method", "Assumptions", "Sources"):
        assert re.search(rf"^\s*{heading}$", text, re.M), heading
    last = browser.run("[...document.querySelectorAll('footer p')].at(-1).textContent")
    assert last.split("(")[0].strip() in text
    assert browser.run("document.querySelectorAll('details[open]').length") == 0  # folded again


@pytest.mark.parametrize("width", [1280, 500])
def test_the_first_printed_page_holds_finding_key_and_map(browser, file, data, width):
    browser.open(file, width=width)
    pdf = browser.pdf()
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {(842, 595)}  # A4 landscape, points
    assert 3 <= len(sizes) <= 14
    # a stream may end in the very byte that the pattern takes for the line's end: what is there is enough
    drawn = [
        zlib.decompressobj().decompress(s)
        for s in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
        if s[:1] == b"\x78"
    ]
    fills = [s for s in drawn if s.count(b" rg") + s.count(b" scn") > len(data.zones)]
    assert fills
    browser.page.emulate_media(media="print")
    browser.page.set_viewport_size({"width": 1047, "height": 718})
    browser.settle()
    try:
        inside = (
            "(s => (r => r.top >= 0 && r.bottom <= 718 && r.right <= 1047)"
            "(document.querySelector(s).getBoundingClientRect()))"
        )
        assert [browser.run(f"{inside}('{s}')") for s in ("h1", ".key", ".folium-map")] == [True] * 3
        assert browser.run("getComputedStyle(document.querySelector('form')).display") == "none"
        frame, drawn = browser.run(
            "['.folium-map', 'path.edge'].map(s => (r => [r.left, r.top, r.right, r.bottom])"
            "(document.querySelector(s).getBoundingClientRect()))"
        )
        assert all(a <= b for a, b in zip(frame[:2], drawn[:2], strict=True))
        assert all(a >= b for a, b in zip(frame[2:], drawn[2:], strict=True))
    finally:
        browser.page.emulate_media(media="screen")


def test_index_opens(browser, tmp_path):
    entry = {
        "name": HOSTILE[0], "slug": "gridshire", "synthetic": True, "finding": HOSTILE[3], "demand": 271.0,
        "demand_label": "births a year", "hubs": 2, "outreach": 8, "hub_pct_today": 20.0, "hub_pct_plan": 61.7,
        "virtual_pct": 9.6,
    }  # fmt: skip
    path = tmp_path / "index.html"
    path.write_text(render_index([entry]), "utf-8")
    browser.open(path, width=320)
    assert browser.requests == [path.resolve().as_uri()]
    assert browser.messages == []
    assert browser.run("document.documentElement.scrollWidth") == 320
    assert browser.run("document.querySelector('#areas a').textContent") == HOSTILE[0]
