"""Check the page as a file: nothing from outside, nothing hostile, the table says what the map says."""

import base64
import dataclasses
import hashlib
import html
import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import shape

from needs.errors import NeedsError
from needs.settings import ENGLAND_DEG
from needs.webmap import assets
from needs.webmap.basemap import empty_basemap
from needs.webmap.index_page import render_index
from needs.webmap.layers import bounds_deg
from needs.webmap.page import SYNTHETIC, render
from needs.webmap.shading import catalogue, class_of, class_words, shadings, thresholds
from tests.page_data import HOSTILE, council

VOID = {"meta", "input", "br", "link", "img", "hr", "col"}


class Page(HTMLParser):
    """Read a page into a flat list of elements, each with attributes, text and the path that leads to it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[dict] = []
        self.open: list[dict] = []
        self.feed(text)
        self.close()
        assert not self.open, [e["tag"] for e in self.open]

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "attrs": dict(attrs), "path": [e["tag"] for e in self.open]}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1]["tag"] == tag
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attrs):
        return [e for e in self.elements if e["tag"] == tag and all(e["attrs"].get(k) == v for k, v in attrs.items())]


@pytest.fixture(scope="module")
def data():
    return council()


@pytest.fixture(scope="module")
def text(data):
    return render(data)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def collections(text):
    """Every GeoJSON collection in the script."""
    found = [json.loads(m) for m in re.findall(r'_add\((\{.*"FeatureCollection".*\})\);', text)]
    assert found
    return found


def drawn_zones(text):
    collection = next(c for c in collections(text) if c["features"] and "code" in c["features"][0]["properties"])
    return {f["properties"]["code"]: f for f in collection["features"]}


def table_rows(text, name):
    """Cells of the body of a table, read with a second parser."""
    body = re.search(rf'<table id="{name}">.*?<tbody>(.*?)</tbody>', text, re.S).group(1)
    return [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.S)
    ]


def test_nothing_is_asked_of_the_network(page, text):
    for element in page.elements:
        assert element["tag"] not in {"link", "img", "iframe", "object", "embed", "base", "source", "image", "use"}
        for name in ("src", "srcset", "action", "formaction", "data", "poster", "background"):
            assert name not in element["attrs"], element
        href = element["attrs"].get("href")
        if href is not None:
            assert element["tag"] == "a"
            assert href.startswith(("#", "https://", "data:text/csv;")), href
        assert not [name for name in element["attrs"] if name.startswith("on")], element
    styles = "".join(e["text"] for e in page.all("style"))
    assert "@import" not in styles
    assert {u[:15] for u in re.findall(r"url\(([^)]*)\)", styles)} == {"data:image/png;", "#default#VML"}
    assert "sourceMappingURL" not in text
    assert "cdn." not in text


def test_the_policy_allows_only_the_scripts_of_the_page(page):
    [policy] = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(e["text"].encode()).digest()).decode() + "'"
        for e in page.all("script")
        if "type" not in e["attrs"]  # what has one is data, and never run
    ]
    assert len(hashes) == 3
    assert policy["attrs"]["content"] == (
        f"default-src 'none'; script-src 'unsafe-inline' {' '.join(hashes)}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_leaflet_is_the_tested_one_and_its_notice_is_kept(text, tmp_path):
    for name, known in assets.SHA256.items():
        assert hashlib.sha256((assets.LEAFLET / name).read_bytes()).hexdigest() == known
    assert "Leaflet 1.9.3, a JS library" in text
    assert "Redistribution and use in source and binary forms" in text
    (tmp_path / "leaflet.js").write_text("changed")
    with pytest.raises(NeedsError, match=r"leaflet\.js: is missing or not the tested file"):
        assets.leaflet_file("leaflet.js", tmp_path)
    with pytest.raises(NeedsError, match=r"leaflet\.css"):
        assets.leaflet_file("leaflet.css", tmp_path)


def test_a_folium_element_from_the_web_is_refused():
    class Linked(assets.OfflineMap):
        default_js = (*assets.OfflineMap.default_js, ("more", "https://example.org/more.js"))

    with pytest.raises(NeedsError, match=r"https://example\.org/more\.js"):
        assets.map_parts(Linked(tiles=None))


def test_two_processes_write_the_same_bytes(text):
    root = Path(__file__).parents[1]
    code = "import sys; from tests.page_data import council; from needs.webmap.page import render;"
    code += "sys.stdout.buffer.write(render(council()).encode())"
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    again = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, check=True, capture_output=True)
    assert hashlib.sha256(again.stdout).hexdigest() == hashlib.sha256(text.encode()).hexdigest()


def test_input_is_not_changed():
    data = council()
    before = [data.zones.copy(), data.sites.copy(), data.contributions.copy()]
    render(data)
    pd.testing.assert_frame_equal(pd.DataFrame(before[0]), pd.DataFrame(data.zones))
    pd.testing.assert_frame_equal(pd.DataFrame(before[1]), pd.DataFrame(data.sites))
    pd.testing.assert_frame_equal(before[2], data.contributions)


def test_hostile_names_are_inert(page, text):
    for name in HOSTILE:
        assert any(e["text"].startswith(name) for e in page.all("th", scope="row")), name
    body = text[text.index("<body>") :]
    markup = re.sub(r"<script>.*?</script>", "", body, flags=re.S)
    assert "<img" not in markup
    assert "alert(2)</script>" not in text
    assert "javascript:" not in markup
    for data in [*collections(text), *collections(text)[0]["features"]]:
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(data, ensure_ascii=False))
        assert not [s for s in strings if re.search(r"[`${}]|<img|<script|onerror=[^&]*[\"']", s)]
    assert "{{ 7*7 }}" not in text  # folium's templates are rendered twice: braces must not reach them
    assert "49 " not in "".join(row[0] for row in table_rows(text, "zones"))


def test_the_page_has_a_language_a_title_and_its_parts(page, data):
    assert page.all("html")[0]["attrs"]["lang"] == "en-GB"
    [title] = [e for e in page.all("title") if e["path"] == ["html", "head"]]  # charts have titles too
    assert data.name in title["text"]
    [h1] = page.all("h1")
    assert h1["text"] == data.finding
    assert "main" in h1["path"]
    assert len(page.all("main")) == 1
    [viewport] = page.all("meta", name="viewport")
    assert viewport["attrs"]["content"] == "width=device-width, initial-scale=1"
    first = [e for e in page.elements if e["path"] == ["html", "body"]][:2]
    assert [e["attrs"] for e in first] == [{"href": h, "class": "skip"} for h in ("#tables", "#search")]
    known = {e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]}
    inner = [e["attrs"]["href"] for e in page.all("a") if e["attrs"]["href"].startswith("#")]
    assert len(inner) > 15
    assert {h[1:] for h in inner} <= known
    ids = Counter(e["attrs"]["id"] for e in page.elements if "id" in e["attrs"])
    assert set(ids.values()) == {1}
    levels = [int(e["tag"][1]) for e in page.elements if e["tag"] in {"h1", "h2", "h3"}]
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_tables_and_controls_are_labelled(page):
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) == 17
    assert all(e["attrs"].get("scope") in {"col", "row", "colgroup"} for e in page.all("th"))
    for control in [*page.all("input"), *page.all("select")]:
        assert control["path"][-1] == "label"
    for label in page.all("label"):
        assert label["text"].strip()
    assert [e["text"] for e in page.all("legend")] == [
        "Shade by need", "Shade by unmet need", "Shade by minutes to a hub", "Show", "Reach of",
    ]  # fmt: skip
    assert len(page.all("fieldset")) == 5


def test_a_synthetic_place_says_so_three_times_and_a_real_one_never(page, data):
    assert SYNTHETIC in page.all("header")[0]["text"]
    assert SYNTHETIC.lower() in page.all("title")[0]["text"]
    assert SYNTHETIC in page.all("footer")[0]["text"]
    assert "synthetic" not in Page(render(dataclasses.replace(data, synthetic=False))).all("body")[0]["text"].lower()


def test_the_key_lists_every_class_and_symbol_that_is_drawn(page, text, data):
    zones = drawn_zones(text).values()
    shaded = shadings(data)
    assert [s.id for s in shaded] == [
        "need", "demand", "unmet_today", "unmet_plan", "change", "minutes_walk", "minutes_drive",
    ]  # fmt: skip
    assert {row["id"].replace("{mode}", m) for row in catalogue()["shading"] for m in data.modes} == {
        s.id for s in shaded
    }
    for shading in shaded:
        [block] = page.all("div", **{"data-key": shading.id})
        drawn = Counter(f["properties"][shading.id] for f in zones)
        counts = [int(n) for n in re.findall(r"\((\d+)\)", block["text"])]
        assert counts == [drawn[k] for k in (1, 2, 3, 4, 5)]
        assert sum(counts) == len(data.zones)
        swatches = re.search(rf'data-key="{shading.id}".*?<ol>(.*?)</ol>', text, re.S).group(1)
        found = re.findall(rf'class="swatch {shading.palette}-(\d)">(\d)<', swatches)
        assert found == [(str(k), str(k)) for k in range(1, 6)]
    lines = {(e["attrs"].get("data-key"), e["text"].strip(" 12×")) for e in page.all("li")}
    assert {("recommended", "Hub"), ("recommended", "Outreach site"), ("close", "Site to close")} <= lines
    assert {("neighbour", "Neighbouring council’s site"), ("considered", "Other building considered")} <= lines
    assert {key for key, _ in lines if key} >= {"hub_reach", "outreach_reach"}


def test_the_table_says_what_the_map_says(text, data):
    rows = table_rows(text, "zones")
    drawn = drawn_zones(text)
    codes = [re.search(r"E01\d{6}", row[0]).group() for row in rows]
    assert sorted(codes) == sorted(drawn) == sorted(data.zones["lsoa21cd"])
    zones = data.zones.set_index("lsoa21cd")
    assert [zones.loc[c, "need_rank_england"] for c in codes] == sorted(zones["need_rank_england"])
    for code, row in zip(codes, rows, strict=True):
        zone = zones.loc[code]
        assert int(row[6]) == drawn[code]["properties"]["need"] == zone["need_fifth_england"]
        assert int(row[7]) == zone["need_fifth_area"]
        assert row[5].replace(",", "") == f"{zone['need_rank_low']}–{zone['need_rank_high']}"
        low, high = zone["deprived_children_low"], zone["deprived_children_high"]
        assert row[8] == (f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}")
        assert row[2].startswith("≈") == zone["count_hidden"]
        assert int(row[4].replace(",", "")) == zone["need_rank_england"]
        assert row[3] == f"{zone['need_score']:.1f}"
        assert float(row[2].removeprefix("≈ ")) == pytest.approx(zone["demand"], abs=0.5)
        for i, column in enumerate(["hub", "outreach", "virtual", "unmet"]):
            for k, when in enumerate(["today", "plan"]):
                assert float(row[9 + 2 * i + k]) == pytest.approx(zone[f"{column}_{when}"], abs=0.5)
        for cell, mode, when in zip(row[18:], ["walk", "walk", "drive", "drive"], ["today", "plan"] * 2, strict=True):
            value = zone[f"hub_{mode}_min_{when}"]
            assert cell == ("beyond the limit" if np.isnan(value) else f"{value:.0f}")


def test_what_scrutiny_asks_of_the_need_score_is_on_the_page(text, data):
    rows = table_rows(text, "where")
    assert [r[0] for r in rows][-2:] == ["All rural", "All"]
    assert rows[-1][1] == "42"
    for row, group in zip(table_rows(text, "inequality"), data.inequality.to_dict("records"), strict=True):
        assert row[1] == {"today": "Today", "plan": "Plan"}[group["scenario"]]
        assert float(row[6].replace("−", "-")) == pytest.approx(group["concentration_index"], rel=0.005)
        assert int(row[7]) == group["left_out"]
    assert [r[3] for r in table_rows(text, "methods")] == ["9 of 9", "7 of 9"]
    assert "1 neighbourhood whose counts are hidden" in text
    assert [r[2] for r in table_rows(text, "context")] == ["Gridshire", "England"]
    without = render(dataclasses.replace(data, where=pd.DataFrame(), methods=pd.DataFrame(), varied=[],
                                         context=pd.DataFrame()))  # fmt: skip
    for name in ("where", "methods", "context"):
        assert f'id="{name}"' not in without


def test_classes_hold_the_values_that_the_key_gives_them(text, data):
    """The bounds are read back from the words of the key, and every zone is placed by them."""
    drawn = drawn_zones(text)
    zones = data.zones.set_index("lsoa21cd")
    for shading in shadings(data)[1:4]:
        column = shading.id
        lowest = [float(w.split()[0]) for w in shading.words[:4]]
        assert lowest == sorted(lowest, reverse=True)
        for code, feature in drawn.items():
            value = zones.loc[code, column]
            shown = round(value, 1) if round(value, 1) < 10 else round(value)
            expected = sum(shown < low for low in lowest) + 1
            assert feature["properties"][shading.id] == expected


def test_minutes_and_changes_are_classed_by_hand(data):
    minutes = [9.9, 10.4, 10.6, 20, 30.4, 31, 45.49, 45.5, np.nan]
    changes = [0.04, -0.04, 3.0, 1.0, -1.0, -3.0, -9.0, 0.0, 0.0]  # sizes as shown: 1, 1, 3, 3, 9; the middle is 3
    zones = data.zones.head(9).assign(hub_walk_min_plan=minutes, unmet_change=changes)
    found = {s.id: s for s in shadings(dataclasses.replace(data, zones=zones))}
    assert found["minutes_walk"].classes.tolist() == [5, 5, 4, 4, 3, 2, 2, 1, 1]
    assert found["minutes_walk"].words == (
        "over 45 minutes, or out of reach", "over 30 to 45", "over 20 to 30", "over 10 to 20", "up to 10 minutes",
    )  # fmt: skip
    assert found["change"].classes.tolist() == [3, 3, 1, 2, 4, 5, 5, 3, 3]
    assert found["change"].words[0] == "rises by 3 or more"
    assert found["change"].words[3] == "falls by less than 3"
    assert found["change"].palette == "change"
    still = shadings(dataclasses.replace(data, zones=zones.assign(unmet_change=0.0)))[4]
    assert set(still.classes) == {3}
    assert still.words[2] == "no change"


def test_thresholds_by_hand():
    # Ten values above zero: two in each class; the zeros join class 5.
    values = pd.Series([0.0, 0, 0, *range(1, 11)], dtype=float)
    assert thresholds(values) == (9, 7, 5, 3)
    assert [class_of(v, (9, 7, 5, 3)) for v in (12, 9, 8.96, 8.9, 7, 3, 2.9, 0)] == [1, 1, 1, 2, 2, 4, 5, 5]
    assert class_words((9, 7, 5, 3)) == ("9 or more", "7 to under 9", "5 to under 7", "3 to under 5", "under 3")
    # Equal values share the higher class, and the class they leave is said to be empty.
    assert thresholds(pd.Series([4.0] * 5)) == (4, 4, 4, 4)
    assert class_words((4, 4, 4, 4)) == ("4 or more", "none", "none", "none", "under 4")
    assert thresholds(pd.Series([0.0, 0.04])) == ()
    assert class_of(0.0, ()) == 5


def test_today_and_plan_share_the_classes_of_today(data):
    today, plan = shadings(data)[2:4]
    assert today.words == plan.words
    same = data.zones.assign(unmet_plan=data.zones["unmet_today"])
    today, plan = shadings(dataclasses.replace(data, zones=same))[2:4]
    pd.testing.assert_series_equal(today.classes, plan.classes, check_names=False)


def test_headline_figures_are_the_totals_of_the_zones(text, data):
    rows = {row[0]: row[1:] for row in table_rows(text, "figures")}
    assert rows["Hubs"] == ["2", "2"]  # one keeps, one opens, one becomes outreach; the neighbour's is not counted
    assert rows["Outreach sites"] == ["1", "2"]
    for label, column in (("Reached by a hub", "hub"), ("By outreach only", "outreach"), ("Online only", "virtual")):
        for cell, when in zip(rows[label], ("today", "plan"), strict=True):
            total = data.zones[f"{column}_{when}"].sum()
            share = 100 * total / data.zones["demand"].sum()
            assert re.sub("<[^>]*>", "", cell) == f"{total:,.0f} ({share:.0f}%)"
    car = data.groups.set_index("group").loc["Without a car"]
    assert rows["Without a car: by a hub"] == [f"{car[f'hub_pct_{when}']:.0f}%" for when in ("today", "plan")]
    met = [100 - data.zones[f"unmet_{when}"].sum() / 10 for when in ("today", "plan")]
    assert rows["Need met"] == [f"{m:.1f}%" for m in met]  # of 1,000 in all
    assert [float(c) for c in rows["Unmet need (weighted)"]] == [
        pytest.approx(data.zones[f"unmet_{when}"].sum(), abs=0.5) for when in ("today", "plan")
    ]


def test_contributions_are_joined_by_code_and_add_up(text, data):
    shuffled = data.contributions.sample(frac=1, random_state=3)
    again = dataclasses.replace(data, contributions=shuffled, zones=data.zones.iloc[::-1].reset_index(drop=True))
    for whole in (text, render(again)):
        for row in table_rows(whole, "contributions"):
            *parts, score = [float(c) for c in row[1:]]
            assert sum(parts) == pytest.approx(score, abs=0.05 * (len(parts) + 1))


def test_losers_are_named(text, data):
    rows = table_rows(text, "losers")
    worse = data.zones[data.zones["unmet_change"] >= 0.05]
    assert len(rows) == len(worse) == 1
    assert rows[0][3] == "+2"
    better = data.zones.assign(unmet_change=-1.0)
    assert "It rises in none." in render(dataclasses.replace(data, zones=better))


def test_every_recommended_site_stands_in_the_table_with_its_reasons(page, text, data):
    rows = table_rows(text, "recommended")
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    pins = [f["properties"] for c in collections(text) for f in c["features"] if "shape" in f["properties"]]
    assert Counter(p["shape"] for p in pins) == {"hub": 2, "outreach": 2, "close": 1, "neighbour": 1, "none": 1}
    assert [Page(p["html"]).all("b")[0]["text"] for p in pins] == ["1", "2", "3", "4", "×", "×", "×"]
    assert len([p for p in pins if p["group"] == "recommended"]) == len(rows)
    assert [e["text"] for e in page.all("li") if e["text"] == "Reaches 151"] == ["Reaches 151"]
    assert "changes from hub to outreach site" in pins[2]["html"].lower()
    assert [row[4:6] for row in rows] == [
        ["9 of 9", "90%"], ["6 of 9", "39%"], ["3 of 9", "30%"], ["settings decide"] * 2,
    ]  # fmt: skip
    assert "min by car" in rows[2][2]
    assert "beyond the limit" in rows[3][2]  # a parent hub that cannot be reached is not passed off as near


def test_the_map_lies_in_england_and_loses_nothing(text, data):
    west, south, east, north = ENGLAND_DEG
    box = bounds_deg(data.zones)
    for collection in collections(text):
        for feature in collection["features"]:
            x0, y0, x1, y1 = shape(feature["geometry"]).bounds
            assert west < x0 <= x1 < east
            assert south < y0 <= y1 < north
    drawn = drawn_zones(text)
    shapes = gpd.GeoSeries([shape(drawn[c]["geometry"]) for c in data.zones["lsoa21cd"]], crs=4326)
    assert shapes.is_valid.all()
    assert shapes.total_bounds == pytest.approx([box[0][1], box[0][0], box[1][1], box[1][0]], abs=2e-5)
    change = shapes.to_crs(27700).area.to_numpy() / data.zones.area.to_numpy() - 1
    assert np.abs(change).max() < 0.01
    for code, feature in drawn.items():
        lat, lon = feature["properties"]["at"]
        assert shapes[data.zones["lsoa21cd"] == code].contains(gpd.points_from_xy([lon], [lat])[0]).all()


def test_a_page_without_base_map_reach_closures_or_proof(data):
    bare = render(
        dataclasses.replace(
            data,
            basemap=empty_basemap(),
            reach=data.reach.iloc[:0],
            sites=data.sites[data.sites["status"].isin(["keep", "open"])],
            notes=[],
            sources=[],
            proof={**data.proof, "bound": float("nan"), "gap": None, "told": "Nothing is proven."},
        )
    )
    page = Page(bare)
    assert not page.all("select")
    assert [e["attrs"]["name"] for e in page.all("input", **{"data-kind": "sites"})] == ["recommended"]
    for words in ("The plan closes no site.", "None was counted.", "Nothing is proven.", "Nothing."):
        assert words in page.all("main")[0]["text"]
    assert not page.all("div", id="map")[0]["attrs"]["data-credit"]


def test_what_is_asked_and_proven_stands_in_the_method(data):
    said = Page(render(data)).all("main")[0]["text"]
    assert "As much need as can be is met. The plan keeps to the numbers" in said
    assert "No choice of sites does better: proven. (optimal; objective 312, bound 312, gap 0%;" in said


def test_the_frontier_stands_as_a_table(text):
    rows = [[re.sub("<[^>]*>", "", c) for c in row] for row in table_rows(text, "frontier")]
    assert [row[:6] for row in rows] == [
        ["1 hub", "40.0%", "", "30%", "10%", "60%"],
        ["2 hubs the plan&#x27;s", "61.3%", "21.2 points", "39%", "24%", "37%"],
    ]
    assert rows[0][7] == "none"


def test_nobody_in_the_worst_fifth_is_said_and_not_divided(data):
    none = {**data.totals["today"]["worst_fifth"], "demand": 0.0, "hub": 0.0, "hub_pct": float("nan")}
    totals = {when: {**data.totals[when], "worst_fifth": none} for when in ("today", "plan")}
    rows = {row[0]: row[1:] for row in table_rows(render(dataclasses.replace(data, totals=totals)), "figures")}
    assert "Highest-need fifth: by a hub" not in rows
    assert "Highest-need fifth: by a hub" in {row[0] for row in table_rows(render(data), "figures")}


def _luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _contrast(one, other):
    high, low = sorted([_luminance(one), _luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_keep_their_order_in_grey_and_words_stand_out():
    style = (assets.HERE / "style.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", style))
    fills = [colours[f"c{k}"] for k in (1, 2, 3, 4, 5)]
    assert [_luminance(c) for c in fills] == sorted(_luminance(c) for c in fills)
    assert all(_contrast(a, b) > 1.4 for a, b in pairwise(fills))
    assert all(_contrast(c, "#ffffff") >= 4.5 for c in (*fills[:2], colours["grey"], colours["hub"]))
    assert all(_contrast(c, colours["ink"]) >= 4.5 for c in (*fills[2:], colours["outreach"], colours["water"]))
    for line in ("hub", "outreach-line", "ink"):
        assert _contrast(colours[line], "#ffffff") >= 3  # beside its white casing


def test_sizes(text):
    assert len(text.encode()) < 400_000


def test_downloads_hold_every_row(page, data):
    sheets = {}
    for link in page.all("a"):
        if "download" in link["attrs"]:
            encoded = link["attrs"]["href"].split(",", 1)[1]
            sheets[link["attrs"]["download"]] = base64.b64decode(encoded).decode("utf-8-sig")
    assert set(sheets) == {"gridshire-neighbourhoods.csv", "gridshire-sites.csv"}
    zones = pd.read_csv(pd.io.common.StringIO(sheets["gridshire-neighbourhoods.csv"]))
    assert sorted(zones["lsoa21cd"]) == sorted(data.zones["lsoa21cd"])
    assert zones["demand"].sum() == pytest.approx(data.zones["demand"].sum())
    sites = pd.read_csv(pd.io.common.StringIO(sheets["gridshire-sites.csv"]))
    assert sites["easting"].tolist() == data.sites.geometry.x.tolist()
    assert sites["name"].tolist() == HOSTILE


def test_index():
    entry = {
        "name": HOSTILE[0], "slug": "a", "synthetic": True, "finding": HOSTILE[3], "demand": 271.0,
        "demand_label": "births a year", "hubs": 2, "outreach": 8, "hub_pct_today": float("nan"),
        "hub_pct_plan": 61.7, "virtual_pct": 9.6,
    }  # fmt: skip
    real = {**entry, "name": "Zedshire", "slug": "zedshire", "synthetic": False}
    text = render_index([entry, real])
    page = Page(text)
    assert [e["attrs"]["href"] for e in page.all("a")] == ["zedshire.html", "a.html"]
    assert [e["text"] for e in page.all("a")] == ["Zedshire", HOSTILE[0]]
    assert not page.all("script")
    assert "default-src 'none'" in page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["attrs"]["content"]
    rows = table_rows(text, "areas")
    assert SYNTHETIC in rows[1][0]
    assert SYNTHETIC not in rows[0][0]
    assert rows[0][3:] == ["2", "8", "not known", "62%", "10%"]
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert render_index([real, entry]) == text
    both = Page(render_index([real], ["a b-and-c_d.html"]))
    assert [(e["attrs"]["href"], e["text"]) for e in both.all("a")][1:] == [("a%20b-and-c_d.html", "a b-and-c d")]


def test_groups_are_reached_by_hub_outreach_or_online_alone(text, data):
    rows = table_rows(text, "groups")
    assert [html.unescape(row[0]) for row in rows] == data.groups["group"].tolist() == [HOSTILE[0], "Without a car"]
    for row in rows:
        shares = [float(cell.rstrip("%")) for cell in row[2:]]
        assert sum(shares[0::2]) == pytest.approx(100, abs=2)  # today: three whole per cents
        assert sum(shares[1::2]) == pytest.approx(100, abs=2)  # with the plan


def test_buses_are_shown_only_where_they_were_counted(text, data):
    assert "Buses near by" not in text
    counted = council(zones=data.zones.assign(bus_departures=7.0))
    assert "Buses near by, a day" in render(counted)
