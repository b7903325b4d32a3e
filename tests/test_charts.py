"""Check the charts as text: valid, inert, legible, and every mark where its number says."""

import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from needs.charts import (
    Chart,
    bars,
    contribution_bars,
    correlation_heatmap,
    lines,
    national_local,
    rank_intervals,
)
from needs.charts import words as w
from needs.charts.drawing import PALETTE, Drawing, ink_on, scale
from needs.charts.heatmap import cell_colour
from needs.charts.placing import Placer
from needs.errors import InputError
from tests.browser import CHROMIUM, Browser
from tests.page_data import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
DOMAINS = ("Income", "Education, skills and training", "Health")


def contributions(zones=3, **more):
    rng = np.random.default_rng(1)
    rows = [
        {"lsoa21cd": f"E0{i}", "zone_name": f"Zone {i}", "domain": d, "contribution": float(rng.uniform(0.5, 20))}
        for i in range(zones)
        for d in DOMAINS
    ]
    return pd.DataFrame(rows).assign(**more)


def ranked(n=10, of=10):
    middle = np.linspace(1, of, n).round()
    table = pd.DataFrame({"zone_name": [f"Zone {i}" for i in range(n)], "rank_median": middle})
    table["rank_low"], table["rank_high"] = np.maximum(middle - 1, 1), np.minimum(middle + 1, of)
    return table.set_index(pd.Index([f"E{i:08d}" for i in range(n)], name="lsoa21cd"))


def placed(n=12):
    index = pd.Index([f"E{i:08d}" for i in range(n)], name="lsoa21cd")
    rank = np.arange(1, n + 1)
    table = pd.DataFrame({"percentile": 1 - rank / (n + 1), "rank_area": rank}, index=index)
    return table.assign(flag=["imputed" if i % 5 == 2 else "" for i in range(n)])


def correlated(names=("a", "b", "c", "d")):
    rng = np.random.default_rng(2)
    return pd.DataFrame(rng.normal(size=(30, len(names))), columns=list(names)).corr()


def curves():
    x = np.linspace(0, 1, 11)
    return pd.concat(
        [pd.DataFrame({"series": s, "x": x, "y": x**p, "mark": ""}) for s, p in (("today", 0.3), ("plan", 3))]
    )


def shares():
    return pd.DataFrame(
        {"label": ["Urban", "Rural", "Village"], "value": [47.9, 13.6, 3.4], "low": [45, 12, 2], "high": [50, 15, 5]}
    )


def hostile_charts():
    """One chart of every kind in which every text comes from someone who means harm."""
    bad = [*HOSTILE, "x" * 200, "&amp; <tspan>", "a\u202eb\x00c"]
    n, first = len(bad), bad[0]
    rows = contributions(n)
    rows["zone_name"] = np.repeat(bad, 3)
    rows["domain"] = np.tile(bad[:3], n)
    line = pd.DataFrame({"series": np.repeat(bad, 3), "x": np.tile([1, 2, 3], n), "y": range(3 * n), "mark": ""})
    line.loc[4, "mark"] = bad[3]
    scatter = placed(n).assign(zone_name=bad, flag=bad)
    return [
        contribution_bars(rows, title=first, unit=bad[1], comparison_label=bad[2]),
        contribution_bars(rows[rows["lsoa21cd"] == "E00"].assign(comparison=1), title=first, comparison_label=bad[2]),
        rank_intervals(ranked(n).assign(zone_name=bad), title=first, n=10, interval_label=bad[1]),
        correlation_heatmap(correlated(bad), title=first, groups={b: bad[i % 3] for i, b in enumerate(bad)}),
        correlation_heatmap(correlated(bad).iloc[:3], title=first),
        national_local(scatter, title=first, x_label=bad[3], y_label=bad[4]),
        bars(
            pd.DataFrame({"label": bad, "value": 1.0, "series": bad, "low": 0.5, "high": 2}),
            title=first, unit=bad[1], reference=1.5, reference_label=bad[2], interval_label=bad[3], value_label=bad[4],
        ),
        lines(line, title=first, x_label=bad[1], y_label=bad[2], x_unit=bad[5], y_unit=bad[6], diagonal=bad[3]),
    ]  # fmt: skip


def plain_charts():
    """One chart of every kind and variant, of ordinary data."""
    gaps = shares()
    gaps.loc[1, "value":] = np.nan
    return [
        contribution_bars(contributions(1, comparison=5.0), title="One zone"),
        contribution_bars(contributions(3), title="Three zones"),
        contribution_bars(contributions(60), title="Sixty zones"),
        rank_intervals(ranked(), title="Ten zones", n=10),
        rank_intervals(ranked(80, 33755), title="Eighty zones", n=33755),
        correlation_heatmap(correlated(), title="Four", groups={"a": "A", "b": "B", "c": "A", "d": "B"}),
        correlation_heatmap(correlated().iloc[:2], title="Two by four"),
        national_local(placed(), title="Twelve zones"),
        bars(shares(), title="Shares", unit="%", reference=20, reference_label="England"),
        bars(gaps, title="Gaps"),
        bars(pd.DataFrame({"label": list("abab"), "series": list("sstt"), "value": [1, -2, 3, 4]}), title="T"),
        lines(curves(), title="Curves", x_label="x", y_label="y", diagonal="equality"),
        lines(pd.DataFrame({"x": [1, 2, 3], "y": [1, 4, 6], "mark": ["", "knee", ""]}), title="Steps", x_label="hubs",
              y_label="cover", step=True),
    ]  # fmt: skip


def root(chart):
    return ElementTree.fromstring(chart.svg)  # noqa: S314 - our own text


def tag(element):
    return element.tag.removeprefix(SVG)


def marks(chart, name="rect", kind="chart-mark"):
    found = [e for e in root(chart).iter(SVG + name) if e.get("class") == kind]
    return [{k: float(v) if re.fullmatch(r"-?[\d.]+", v) else v for k, v in e.attrib.items()} for e in found]


def hovers(chart):
    return [e.text for e in root(chart).iter(SVG + "title")]


def texts(chart):
    return list(root(chart).iter(SVG + "text"))


def written(chart):
    return [t.text or "".join(t.itertext()) for t in texts(chart)]


def shown_words(chart):
    """Texts as they are seen, without what appears on hover."""
    return [(t.text or "") + "".join(c.tail or "" for c in t) for t in root(chart).iter(SVG + "text")]


def numbers_in(path):
    return [float(v) for v in re.findall(r"-?\d+\.?\d*", path)]


def wcag_luminance(colour):
    """Written again from the definition in WCAG 2.2."""
    total = 0.0
    for weight, at in ((0.2126, 1), (0.7152, 3), (0.0722, 5)):
        c = int(colour[at : at + 2], 16) / 255
        total += weight * (c / 12.92 if c <= 0.04045 else math.pow((c + 0.055) / 1.055, 2.4))
    return total


def contrast(one, two):
    high, low = sorted((wcag_luminance(one), wcag_luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def extent(element):
    """Left, top, right, bottom of a drawn element, from its attributes."""
    a = {k: float(v) for k, v in element.attrib.items() if re.fullmatch(r"-?[\d.]+", v)}
    match tag(element):
        case "rect":
            return a["x"], a["y"], a["x"] + a["width"], a["y"] + a["height"]
        case "circle":
            return a["cx"] - a["r"], a["cy"] - a["r"], a["cx"] + a["r"], a["cy"] + a["r"]
        case "line":
            return min(a["x1"], a["x2"]), min(a["y1"], a["y2"]), max(a["x1"], a["x2"]), max(a["y1"], a["y2"])
    x, y, xs, ys = 0.0, 0.0, [], []
    for step, rest in re.findall(r"([MLHVvz])([^MLHVvz]*)", element.get("d")):
        n = numbers_in(rest)
        if step in "ML":
            x, y = n
        elif step == "H":
            x = n[0]
        elif step == "v":
            y += n[0]
        xs.append(x)
        ys.append(y)
    return min(xs), min(ys), max(xs), max(ys)


def assert_sound(chart):
    """What holds of every chart: valid, self-contained, all within its box."""
    tree = root(chart)
    assert tree.get("role") == "img"
    assert [tag(e) for e in tree][:2] == ["title", "desc"]
    ids = {e.get("id"): e for e in tree.iter() if e.get("id")}
    assert ids[tree.get("aria-labelledby")].text == chart.title
    assert (ids[tree.get("aria-describedby")].text or "") == w.clean(chart.description)
    assert not set(chart.svg) & set("`$\\{}\x00")
    for e in tree.iter():
        assert tag(e) in {"svg", "title", "desc", "defs", "pattern", "rect", "path", "line", "circle", "g", "text"}
        for key, value in e.attrib.items():
            assert not key.lower().startswith(("on", "href", "src", "xlink", "{")), (key, value)
            if "(" in value:
                assert re.fullmatch(r"url\(#[\w-]+\)", value)
                assert value[5:-1] in ids
            assert not re.search(r"nan|inf|\d\.\d{3,}", value) or key in {"id", "style"} or "#" in value, (key, value)
    left, top, width, height = map(float, tree.get("viewBox").split())
    assert (left, top) == (0, 0)
    drawn = [e for e in tree.iter() if tag(e) in {"rect", "path", "line", "circle"}]
    inside_patterns = {id(c) for p in tree.iter(SVG + "pattern") for c in p}
    for e in drawn:
        if id(e) in inside_patterns:
            continue
        x1, y1, x2, y2 = extent(e)
        assert -0.01 <= x1 <= x2 <= width + 0.01, (chart.title, e.attrib)
        assert -0.01 <= y1 <= y2 <= height + 0.01, (chart.title, e.attrib)
    for t in texts(chart):
        assert 0 <= float(t.get("x")) <= width
        assert 8 <= float(t.get("y")) <= height
    assert chart.description.endswith(".")
    return tree


def test_every_chart_is_sound():
    for chart in plain_charts() + hostile_charts():
        assert_sound(chart)
        assert len(chart.headings) == chart.data.shape[1]


def test_hostile_names_are_only_text():
    for chart in hostile_charts():
        heard = " ".join(filter(None, [*hovers(chart), *shown_words(chart)]))
        assert chart.title == HOSTILE[0]
        assert "onerror" in heard  # the name is there, and as text
        assert "<img" not in chart.svg
        assert "<script" not in chart.svg.lower()
        assert "\u202e" not in chart.to_html()


class Tags(HTMLParser):
    """Collect elements with their attributes and text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.found, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.found.append({"tag": tag, "attrs": dict(attrs), "text": ""})
        if tag not in {"br"}:
            self.open.append(self.found[-1])

    def handle_startendtag(self, tag, attrs):
        self.found.append({"tag": tag, "attrs": dict(attrs), "text": ""})

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for e in self.open:
            e["text"] += data

    def all(self, tag):
        return [e for e in self.found if e["tag"] == tag]


def test_the_table_twin_says_the_same_numbers():
    chart = bars(shares().assign(value=[1234.5, np.nan, -3.25]), title="A <title>")
    page = Tags(chart.to_html())
    assert [e["text"] for e in page.all("th")] == [
        "Item", "Value", "90% interval, low", "90% interval, high", "Urban", "Rural", "Village",
    ]  # fmt: skip
    assert [e["text"] for e in page.all("td")] == ["1,234", "45", "50", "no value", "12", "15", "\u22123", "2", "5"]
    assert {e["attrs"]["scope"] for e in page.all("th")} == {"col", "row"}
    assert page.all("caption")[0]["text"] == "A <title>"
    assert page.all("summary")
    assert chart._repr_html_() == chart.to_html()
    assert not Tags(chart.to_html(table=False)).all("table")


def test_hostile_tables_hold_only_text():
    for chart in hostile_charts():
        page = Tags(chart.to_html())
        allowed = "figure figcaption strong br details summary div table caption thead tbody tr th td svg title desc"
        allowed += " defs pattern rect path line circle g text"
        assert {e["tag"] for e in page.found} <= set(allowed.split())
        assert not [k for e in page.found for k in e["attrs"] if k.startswith("on")]
        assert not set(chart.to_html()) & set("`$\\{}")


def test_ids_are_unique_on_a_page_of_many_charts():
    ids = [e.get("id") for c in plain_charts() + hostile_charts() for e in root(c).iter() if e.get("id")]
    assert len(ids) > 40
    assert len(ids) == len(set(ids))
    one, two = (bars(shares().assign(value=[1, 2, v]), title="Same title") for v in (3.0, 3.000001))
    assert root(one).get("aria-labelledby") == root(bars(shares().assign(value=[1, 2, 3.0]), title="Same title")).get(
        "aria-labelledby"
    )
    assert "aria-labelledby" in two.svg


def test_bytes_are_the_same_in_another_process():
    code = "import tests.test_charts as t; print(''.join(c.to_html() for c in t.plain_charts() + t.hostile_charts()))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[1],
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1
    assert len(found.pop()) > 50_000


def test_marks_stand_out_on_white_and_on_black():
    colours = set(PALETTE)
    for chart in plain_charts() + hostile_charts():
        for e in root(chart).iter():
            if e.get("class") in {"chart-mark", "chart-line", "chart-interval"} and e.get("stroke") != "#767676":
                colours |= {v for v in (e.get("fill"), e.get("stroke")) if v and v.startswith("#")}
    assert len(colours) > len(PALETTE)
    for colour in colours:
        assert contrast(colour, "#ffffff") >= 3, colour
        assert contrast(colour, "#111111") >= 3, colour


def test_neighbouring_series_differ_without_colour():
    for one, two in pairwise(PALETTE):
        assert contrast(one, two) >= 1.4
    drawing = Drawing(360)
    fills = [drawing.fill(k) for k in range(40)]
    assert len(set(fills)) == 40
    table = pd.DataFrame({"label": "a", "series": [f"s{k}" for k in range(16)], "value": 1.0})
    patterns = root(bars(table, title="t")).findall(f"{SVG}defs/{SVG}pattern")
    assert len({ElementTree.tostring(p).split(b"id=")[1].split(b'"', 2)[2] for p in patterns}) == len(patterns) == 14


@given(st.floats(-1, 1))
def test_numbers_in_cells_can_be_read(r):
    assert contrast(cell_colour(r), ink_on(cell_colour(r))) >= 4.5


def test_darker_cells_are_stronger_correlations():
    for sign in (1, -1):
        depth = [wcag_luminance(cell_colour(sign * r)) for r in np.linspace(0, 1, 21)]
        assert all(a > b for a, b in pairwise(depth))
    assert cell_colour(0.7) != cell_colour(-0.7)


# --- bars ---------------------------------------------------------------------------------------------------------


def test_bars_are_as_long_as_their_values():
    table = pd.DataFrame({"label": list("abcd"), "value": [10.0, 25.0, -5.0, 0.0]})
    drawn = marks(bars(table, title="t"))
    per_unit = drawn[0]["width"] / 10
    zero = drawn[0]["x"]
    assert [round(m["width"] / per_unit, 1) for m in drawn] == [10, 25, 5, 0]
    assert drawn[1]["x"] == zero
    assert drawn[2]["x"] == pytest.approx(zero - 5 * per_unit, abs=0.02)
    assert per_unit > 3
    said = [words for words in shown_words(bars(table, title="t")) if re.fullmatch(r"[\u2212\d.]+", words)]
    assert said[:4] == ["10", "25", "\u22125", "0"]


def test_the_axis_says_where_values_lie():
    chart = bars(pd.DataFrame({"label": ["a"], "value": [47.0]}), title="t")
    [m] = marks(chart)
    axis = [t for t in texts(chart) if t.get("text-anchor") == "middle"]
    assert [t.text for t in axis] == ["0", "10", "20", "30", "40"]
    for t in axis[1:]:
        assert float(t.get("x")) == pytest.approx(m["x"] + float(t.text) * m["width"] / 47, abs=0.02)


def test_whiskers_and_the_reference_line_stand_at_their_values():
    chart = bars(shares(), title="t", unit="%", reference=20, reference_label="England")
    drawn = marks(chart)
    zero, per_unit = drawn[0]["x"], drawn[0]["width"] / 47.9
    for m, low, high in zip(marks(chart, "path", "chart-interval"), [45, 12, 2], [50, 15, 5], strict=True):
        ends = extent(ElementTree.Element(SVG + "path", {"d": m["d"]}))
        assert (ends[0] - zero) / per_unit == pytest.approx(low, abs=0.02)
        assert (ends[2] - zero) / per_unit == pytest.approx(high, abs=0.02)
    [line] = marks(chart, "line", "chart-reference")
    assert (line["x1"] - zero) / per_unit == pytest.approx(20, abs=0.02)
    assert "England: 20.0%" in shown_words(chart)
    assert "47.9%" in shown_words(chart)
    assert "1 of 3 is over 20.0% (England)." in chart.description
    assert "Highest Urban, 47.9%; lowest Village, 3.4%." in chart.description
    assert "Urban: 47.9%, 90% interval 45.0\u201350.0%" in hovers(chart)


def test_values_do_not_stand_on_the_reference_line():
    chart = bars(pd.DataFrame({"label": list("ab"), "value": [40.0, 90.0]}), title="t", reference=42)
    [line] = marks(chart, "line", "chart-reference")
    value = next(t for t in texts(chart) if t.text == "40")
    assert float(value.get("x")) > line["x1"]


def test_two_series_stand_side_by_side():
    table = pd.DataFrame(
        {
            "label": ["Income", "Income", "Barriers", "Barriers"],
            "series": ["weight", "say"] * 2,
            "value": [22.5, 27, 9.3, 2],
        }
    )
    chart = bars(table, title="t", unit="%")
    drawn = marks(chart)
    assert [round(m["width"] / drawn[0]["width"] * 22.5, 1) for m in drawn] == [22.5, 27, 9.3, 2]
    assert drawn[0]["fill"] == drawn[2]["fill"] != drawn[1]["fill"]
    assert shown_words(chart)[:2] == ["weight", "say"]
    assert drawn[1]["y"] - drawn[0]["y"] < drawn[2]["y"] - drawn[1]["y"]
    assert "Widest apart: Barriers, 9.3% against 2.0%." in chart.description


def test_a_missing_bar_is_written_not_drawn():
    chart = bars(pd.DataFrame({"label": list("abc"), "value": [1.0, np.nan, 0.0]}), title="t")
    assert len(marks(chart)) == 2
    assert shown_words(chart).count("no value") == 1
    assert "1 bar has no value." in chart.description
    assert math.isnan(chart.data["value"].iloc[1])


def test_long_labels_are_shortened_and_whole_on_hover():
    name = "A" * 200
    chart = bars(pd.DataFrame({"label": [name, "b"], "value": [1, 2]}), title="t")
    cut = [s for s in shown_words(chart) if s.endswith("\u2026")]
    assert len(cut) == 1
    assert 10 < len(cut[0]) < 60
    assert name in hovers(chart)


# --- contributions ------------------------------------------------------------------------------------------------


def test_stacked_parts_follow_one_another_and_add_up():
    table = contributions(4)
    chart = contribution_bars(table, title="t")
    drawn = marks(chart)
    assert len(drawn) == 12
    values = table["contribution"].tolist()
    per_point = sum(m["width"] for m in drawn) / sum(values)
    for i, m in enumerate(drawn):
        assert m["width"] == pytest.approx(values[i] * per_point, abs=0.02)
        if i % 3:
            assert m["x"] == pytest.approx(drawn[i - 1]["x"] + drawn[i - 1]["width"], abs=0.02)
            assert m["y"] == drawn[i - 1]["y"]
        else:
            assert m["x"] == drawn[0]["x"]
    assert shown_words(chart)[:3] == list(DOMAINS)
    totals = table.groupby("lsoa21cd")["contribution"].sum()
    bold = [t.text for t in texts(chart) if t.get("font-weight") == "bold"]
    assert bold == [f"{t:.1f}" for t in totals]
    high = f"Zone {totals.to_numpy().argmax()}"
    assert f"Highest: {high}, {totals.max():.1f} points" in chart.description


def test_indicators_of_a_domain_are_summed_in_declared_order():
    rows = pd.DataFrame(
        {
            "lsoa21cd": ["E1"] * 3 + ["E2"] * 3,
            "domain": ["b", "a", "b"] * 2,
            "domain_label": ["Bees", "Ants", "Bees"] * 2,
            "contribution": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    )
    chart = contribution_bars(rows, title="t")
    assert chart.data["value"].tolist() == [4, 2, 10, 5]
    assert shown_words(chart)[:2] == ["Bees", "Ants"]
    rows["domain"] = pd.Categorical(rows["domain"], ["a", "b"])
    ordered = contribution_bars(rows, title="t")
    assert ordered.data["value"].tolist() == [2, 4, 5, 10]
    assert shown_words(ordered)[:2] == ["Ants", "Bees"]


def test_parts_below_zero_stack_to_the_left():
    rows = contributions(2)
    rows["contribution"] = [5.0, -2.0, 3.0, 1.0, -4.0, -1.0]
    chart = contribution_bars(rows, title="t")
    drawn = marks(chart)
    zero, per_point = drawn[0]["x"], drawn[0]["width"] / 5
    spans = [((m["x"] - zero) / per_point, (m["x"] + m["width"] - zero) / per_point) for m in drawn]
    assert np.allclose(spans, [(0, 5), (-2, 0), (5, 8), (0, 1), (-4, 0), (-5, -4)], atol=0.01)


def test_one_zone_has_a_bar_and_a_tick_for_every_part():
    rows = contributions(1, comparison=[2.0, 4.0, 6.0])
    chart = contribution_bars(rows, title="t", comparison_label="England's median")
    drawn, ticks = marks(chart), marks(chart, "line", "chart-tick")
    zero, per_point = drawn[0]["x"], drawn[0]["width"] / rows["contribution"][0]
    assert [round((t["x1"] - zero) / per_point, 1) for t in ticks] == [2, 4, 6]
    assert [m["width"] for m in drawn] == pytest.approx(rows["contribution"] * per_point, abs=0.02)
    assert f"Score: {rows['contribution'].sum():.1f} points, the sum of the bars" in shown_words(chart)
    assert chart.description.startswith(f"Zone 0: score {rows['contribution'].sum():.1f} points.")
    assert list(chart.data.columns)[-1] == "comparison"


def test_a_comparison_beyond_every_bar_has_room():
    chart = contribution_bars(contributions(1, contribution=[1.0, 2.0, 3.0], comparison=[90.0, 5.0, 6.0]), title="t")
    assert_sound(chart)
    zero, per_point = marks(chart)[0]["x"], marks(chart)[0]["width"]
    far = marks(chart, "line", "chart-tick")[0]["x1"]
    assert (far - zero) / per_point == pytest.approx(90, abs=0.5)
    value = next(t for t in texts(chart) if t.text == "1.0")
    assert float(value.get("x")) > far


def test_a_part_without_value_is_left_out_and_said():
    one = contribution_bars(contributions(1, contribution=[1.0, np.nan, 2.0]), title="t")
    assert "no value" in shown_words(one)
    assert "without 1 part that has no value" in shown_words(one)
    assert "score 3.0 points without 1 part" in one.description
    two = contributions(2)
    two.loc[[0, 3, 4, 5], "contribution"] = np.nan
    stacked = contribution_bars(two, title="t")
    assert len(marks(stacked)) == 2
    assert f"{two['contribution'].sum():.1f} (1 no value)" in shown_words(stacked)
    assert "no value" in shown_words(stacked)


# --- ranks --------------------------------------------------------------------------------------------------------


def test_ranks_stand_in_proportion_and_in_order():
    table = ranked(9, 40).sample(frac=1, random_state=3)
    chart = rank_intervals(table, title="t", n=40)
    rows = root(chart).findall(f"{SVG}g")
    names = [g.find(f"{SVG}title").text for g in rows]
    order = table.sort_values("rank_median")
    assert [re.match(r"(.*): rank", n)[1] for n in names] == order["zone_name"].tolist()
    assert [s for s in shown_words(chart) if s.startswith("Zone")] == order["zone_name"].tolist()
    middles, tops = [], []
    for g in rows:
        mark = next(e for e in g if e.get("class") == "chart-mark")
        x1, y1, x2, y2 = extent(mark)
        middles.append((x1 + x2) / 2)
        tops.append((y1 + y2) / 2)
    assert tops == sorted(tops)
    slope, start = np.polyfit(order["rank_median"], middles, 1)
    assert np.allclose(start + slope * order["rank_median"], middles, atol=0.02)
    assert slope > 4
    for g, low, high in zip(rows, order["rank_low"], order["rank_high"], strict=True):
        ends = extent(next(e for e in g if e.get("class") == "chart-interval"))
        assert (ends[0] - start) / slope == pytest.approx(low, abs=0.02)
        if high < 40:  # the last ends inside its hollow marker
            assert (ends[2] - start) / slope == pytest.approx(high, abs=0.02)
    [line] = marks(chart, "line", "chart-boundary")
    assert (line["x1"] - start) / slope == pytest.approx(8.5, abs=0.02)


@pytest.mark.parametrize(
    ("n", "share", "last"), [(10, 0.2, 2), (26, 0.2, 5), (33, 0.2, 6), (80, 0.2, 16), (30, 0.1, 3)]
)
def test_the_shape_says_whether_a_zone_is_surely_in(n, share, last):
    table = ranked(1, n).assign(rank_median=1.0, rank_low=1.0, rank_high=1.0)
    cases = [
        (1, last, "in"),
        (last, last, "in"),
        (last, last + 1, "in or out"),
        (last + 1, n, "out"),
        (1, n, "in or out"),
    ]
    for low, high, meant in cases:
        chart = rank_intervals(
            table.assign(rank_median=low, rank_low=low, rank_high=high), title="t", n=n, worst_share=share
        )
        assert chart.data["class"].tolist() == [meant]
        [mark] = [e for e in root(chart).find(f"{SVG}g") if e.get("class") == "chart-mark"]
        shape = {"in": ("circle", False), "in or out": ("path", False), "out": ("circle", True)}[meant]
        assert (tag(mark), mark.get("fill") == "none") == shape
    words = {0.2: "fifth", 0.1: "tenth"}[share]
    assert f"worst {words}: rank 1\u2013{last}" in shown_words(chart)


def test_many_zones_are_thin_and_still_named_on_hover():
    chart = rank_intervals(ranked(80, 33755), title="t", n=33755)
    assert not [s for s in shown_words(chart) if s.startswith("Zone")]
    assert len(root(chart).findall(f"{SVG}g")) == 80
    assert sum(h.startswith("Zone") for h in hovers(chart)) == 80
    height = float(root(chart).get("viewBox").split()[3])
    assert height < 700
    count = chart.data["class"].value_counts()
    assert f"{count['in']} surely in the worst fifth, {count.get('in or out', 0)} may be" in chart.description
    assert f"{count['out']} surely out" in chart.description


def test_a_zone_without_a_rank_has_no_mark():
    table = ranked(70, 70)
    table.iloc[3, 1:] = np.nan
    for rows, shown in ((table, "1 zone: no value"), (table.iloc[:9], "no value")):
        chart = rank_intervals(rows, title="t", n=70)
        assert len(root(chart).findall(f"{SVG}g")) == len(rows) - 1
        assert shown in shown_words(chart)
        assert "1 zone has no value." in chart.description
        assert chart.data["class"].iloc[-1] == "no value"


# --- heat map -----------------------------------------------------------------------------------------------------


def test_every_pair_is_printed_once_with_its_sign():
    matrix = pd.DataFrame(
        [[1, 0.826, -0.314], [0.826, 1, 0.0], [-0.314, 0.0, 1]], index=list("abc"), columns=list("abc")
    )
    chart = correlation_heatmap(matrix, title="t")
    cells = [s for s in shown_words(chart) if "." in s]
    assert cells == ["+0.83", "\u22120.31", "0.00"]
    drawn = marks(chart)
    assert [m["fill"] for m in drawn] == [cell_colour(r) for r in (0.826, -0.314, 0)]
    assert drawn[0]["x"] == drawn[1]["x"] < drawn[2]["x"]
    assert drawn[0]["y"] < drawn[1]["y"] == drawn[2]["y"]
    assert "Highest: b and a, +0.83. Lowest: c and a, \u22120.31." in chart.description
    assert "1 pair of 3 is at +0.80 or more." in chart.description
    assert chart.data["correlation"].tolist() == [0.826, -0.314, 0.0]


def test_domains_stand_together_with_lines_between():
    names = list("abcd")
    chart = correlation_heatmap(correlated(names), title="t", groups={"a": "P", "b": "Q", "c": "P", "d": "Q"})
    labels = [s for s in shown_words(chart) if re.match(r"\d [abcd]$|[PQ]$", s)]
    assert labels == ["P", "1 a", "2 c", "Q", "3 b", "4 d"]
    assert len(marks(chart, "line", "chart-separator")) == 1
    assert chart.data[["row", "column"]].to_numpy().tolist() == [
        ["c", "a"], ["b", "a"], ["b", "c"], ["d", "a"], ["d", "c"], ["d", "b"],
    ]  # fmt: skip


def test_a_matrix_that_is_not_symmetric_is_drawn_whole():
    matrix = pd.DataFrame([[0.5, np.nan], [-0.25, 0.75]], index=["a", "b"], columns=["score", "births"])
    chart = correlation_heatmap(matrix, title="t")
    assert len(marks(chart)) == 4
    assert {"+0.50", "\u2013", "\u22120.25", "+0.75", "1 score", "2 births", "\u2013 no value"} <= set(
        shown_words(chart)
    )
    assert "a with births: no value" in hovers(chart)
    assert "1 pair has no value." in chart.description


# --- nation against area ------------------------------------------------------------------------------------------


def test_places_are_linear_with_most_need_at_the_top_right():
    table = placed(12)
    chart = national_local(table, title="t")
    circles = marks(chart, "circle")
    plain = table[table["flag"] == ""]
    assert len(circles) == len(plain)
    for key, column, sign in (("cx", "percentile", 1), ("cy", "rank_area", 1)):
        found = [c[key] for c in circles]
        slope, start = np.polyfit(plain[column], found, 1)
        assert np.allclose(start + slope * plain[column], found, atol=0.02)
        assert slope * sign > 5
    flagged = marks(chart, "path")
    assert len(flagged) == (table["flag"] != "").sum()
    assert "imputed" in shown_words(chart)
    assert "3 zones: imputed" not in chart.description
    assert f"{len(flagged)} zones: imputed." in chart.description


@pytest.mark.parametrize("n", [5, 12, 26, 33, 80])
def test_the_lines_part_the_fifths_as_the_index_does(n):
    chart = national_local(placed(n).assign(flag=""), title="t")
    ys = [c["cy"] for c in marks(chart, "circle")]
    edges = sorted(f["y1"] for f in marks(chart, "line", "chart-fifth") if f["y1"] == f["y2"])
    fifths = [1 + sum(y > e for e in edges) for y in ys]
    assert fifths == [-(-rank * 5 // n) for rank in range(1, n + 1)]
    xs = [f["x1"] for f in marks(chart, "line", "chart-fifth") if f["x1"] == f["x2"]]
    assert len(xs) == 4
    assert np.allclose(np.diff(xs), xs[1] - xs[0], atol=0.02)


def test_names_of_the_outermost_do_not_overlap():
    table = placed(80).assign(zone_name=[f"A zone named {i}" for i in range(80)])
    chart = national_local(table, title="t", labels=6)
    named = [e for e in root(chart).iter(SVG + "text") if e.get("class") == "chart-label"]
    assert len(named) == 6
    assert "A zone named 0" in [e.text for e in named]
    boxes = []
    for e in named:
        wide, x, y = 0.5 * 12 * len(e.text), float(e.get("x")), float(e.get("y"))
        left = x - {"end": wide, "middle": wide / 2}.get(e.get("text-anchor"), 0)
        boxes.append((left, y - 9, left + wide, y + 3))
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for m in marks(chart, "circle"):
            assert not (a[0] < m["cx"] < a[2] and a[1] < m["cy"] < a[3])


def test_zones_without_a_place_are_counted_not_drawn():
    table = placed(12).assign(flag="")
    table.iloc[[1, 2], 0] = np.nan
    chart = national_local(table, title="t")
    assert len(marks(chart, "circle")) == 10
    assert "2 zones: no value" in shown_words(chart)
    assert "2 zones have no value." in chart.description


# --- lines --------------------------------------------------------------------------------------------------------


def path_points(d):
    return [tuple(numbers_in(p)) for p in re.findall(r"[ML]([^ML]*)", d)]


def test_lines_go_through_their_points():
    table = pd.DataFrame({"x": [3, 1, 2, 4], "y": [30.0, 10, 20, 60]})
    chart = lines(table, title="t", x_label="hubs", y_label="cover", y_unit="%")
    [path] = marks(chart, "path", "chart-line")
    points = np.array(path_points(path["d"]))
    for column, values in ((0, [1, 2, 3, 4]), (1, [10, 20, 30, 60])):
        slope, start = np.polyfit(values, points[:, column], 1)
        assert np.allclose(start + slope * np.array(values), points[:, column], atol=0.02)
        assert (slope > 0) == (column == 0)
    assert [(c["cx"], c["cy"]) for c in marks(chart, "circle")] == [tuple(p) for p in points]
    assert "From 10% at 1 to 60% at 4." in chart.description


def test_steps_hold_until_the_next_value():
    chart = lines(pd.DataFrame({"x": [1, 2, 4], "y": [1, 5, 6]}), title="t", x_label="x", y_label="y", step=True)
    points = path_points(marks(chart, "path", "chart-line")[0]["d"])
    assert len(points) == 5
    assert [a[1] == b[1] for a, b in pairwise(points)] == [True, False, True, False]
    assert [a[0] == b[0] for a, b in pairwise(points)] == [False, True, False, True]


def test_a_missing_value_breaks_the_line():
    table = pd.DataFrame({"x": [1, 2, 3, 4, 5], "y": [1, 2, np.nan, 4, 5]})
    chart = lines(table, title="t", x_label="x", y_label="y")
    assert [len(path_points(m["d"])) for m in marks(chart, "path", "chart-line")] == [2, 2]
    assert "1 point: no value" in shown_words(chart)


def test_the_diagonal_is_where_both_are_equal():
    table = pd.DataFrame({"x": [0, 0.25, 1], "y": [0, 0.5, 1], "series": "hubs"})
    chart = lines(table, title="t", x_label="children", y_label="hubs", diagonal="equality")
    (x1, y1), (x2, y2) = path_points(marks(chart, "path", "chart-diagonal")[0]["d"])
    points = path_points(marks(chart, "path", "chart-line")[0]["d"])
    assert points[0] == (x1, y1)
    assert points[2] == (x2, y2)
    assert (points[1][0] - x1) / (x2 - x1) == pytest.approx(0.25, abs=0.001)
    assert (points[1][1] - y1) / (y2 - y1) == pytest.approx(0.5, abs=0.001)
    assert "Hubs: above the line of equality, farthest with 0.50 at 0.25." in chart.description
    assert "equality" in shown_words(chart)


def test_the_diagonal_stays_one_to_one_when_a_curve_ends_below_it():
    chart = lines(pd.DataFrame({"x": [0, 1], "y": [0, 0.5]}), title="t", x_label="x", y_label="y", diagonal="equality")
    (_, y1), (x2, y2) = path_points(marks(chart, "path", "chart-diagonal")[0]["d"])
    end = path_points(marks(chart, "path", "chart-line")[0]["d"])[1]
    assert end[0] == x2
    assert (end[1] - y1) / (y2 - y1) == pytest.approx(0.5, abs=0.001)


def test_a_second_label_keeps_off_the_first():
    drawing = Drawing(360)
    placer = Placer(drawing, np.empty((0, 2)), (0, 12, 360, 30))
    assert [placer.write([(180, 20)], "same place", 5) for _ in range(3)] == [True, True, False]
    assert len({re.search(r'x="([\d.]+)"', p)[1] for p in drawing.parts}) == 2


def test_far_lines_are_named_beside_themselves_and_near_ones_in_a_key():
    x = np.linspace(0, 10, 11)
    far = pd.concat([pd.DataFrame({"series": s, "x": x, "y": x * k}) for s, k in (("steep", 5), ("flat", 1))])
    chart = lines(far, title="t", x_label="x", y_label="y")
    places = {t.text: (float(t.get("x")), float(t.get("y"))) for t in texts(chart) if t.get("class") == "chart-label"}
    assert set(places) == {"steep", "flat"}
    curves = [np.array(path_points(m["d"])) for m in marks(chart, "path", "chart-line")]
    for k, name in enumerate(("steep", "flat")):
        away = [np.hypot(*(c - places[name]).T).min() for c in curves]
        assert away[k] == min(away)
    near = pd.concat([far, far.assign(series=far["series"] + " too", y=far["y"] + 0.01)])
    keyed = lines(near, title="t", x_label="x", y_label="y")
    assert not [t for t in texts(keyed) if t.get("class") == "chart-label"]
    assert shown_words(keyed)[:4] == ["steep", "flat", "steep too", "flat too"]
    drawn = [m for m in marks(keyed, "path", "chart-line") if len(path_points(m["d"])) > 2]
    assert len({(m["stroke"], m.get("stroke-dasharray")) for m in drawn}) == 4
    assert len({m.get("stroke-dasharray") for m in drawn}) == 4  # told apart without colour


def test_the_knee_is_ringed_and_named():
    table = pd.DataFrame({"x": [1, 2, 3, 4], "y": [10, 70, 75, 78], "mark": ["", "2 hubs: more add little", "", ""]})
    chart = lines(table, title="t", x_label="hubs", y_label="cover")
    [ring] = marks(chart, "circle", "chart-knee")
    point = marks(chart, "circle")[1]
    assert (ring["cx"], ring["cy"]) == (point["cx"], point["cy"])
    assert "2 hubs: more add little" in shown_words(chart)
    assert "At 2: 2 hubs: more add little." in chart.description


# --- what every chart refuses or says -----------------------------------------------------------------------------


def empty_charts():
    def none(*names):
        return pd.DataFrame({n: pd.Series(dtype=float) for n in names})

    return [
        contribution_bars(none("lsoa21cd", "domain", "contribution"), title="t"),
        rank_intervals(none("rank_median", "rank_low", "rank_high"), title="t", n=5),
        correlation_heatmap(pd.DataFrame(), title="t"),
        national_local(none("percentile", "rank_area"), title="t"),
        national_local(pd.DataFrame({"percentile": [np.nan], "rank_area": [1]}), title="t"),
        bars(none("label", "value"), title="t"),
        lines(none("x", "y"), title="t", x_label="x", y_label="y"),
        lines(pd.DataFrame({"x": [1.0], "y": [np.nan]}), title="t", x_label="x", y_label="y"),
    ]


def test_nothing_to_draw_is_said():
    for chart in empty_charts():
        assert_sound(chart)
        assert any("Nothing to draw" in s for s in shown_words(chart))
        assert "Nothing to draw" in chart.description
        assert "<table>" in chart.to_html()


def faults_of(draw):
    with pytest.raises(InputError) as caught:
        draw()
    return [str(f) for f in caught.value.faults]


def test_every_fault_of_a_table_is_told_at_once():
    table = pd.DataFrame({"label": ["a", "a"], "value": ["much", 1], "low": [5, 1], "high": [1, np.inf]})
    found = faults_of(lambda: bars(table, title="t"))
    assert len(found) == 4
    for words in ("'much' is not a number", "'5' is over 'high'", "'inf' is not within", "label 'a' stands twice"):
        assert sum(words in f for f in found) == 1, (words, found)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: bars(pd.DataFrame({"label": ["a"]}), title="t"), "column 'value'"),
        (lambda: bars(shares(), title="  "), "has no title"),
        (lambda: bars(pd.DataFrame({"label": range(2001), "value": 1}), title="t"), "2,001 rows"),
        (lambda: bars(pd.DataFrame([["a", 1, 2]], columns=["label", "value", "value"]), title="t"), "two columns"),
        (lambda: rank_intervals(ranked(), title="t", n=9), "not within 1 and 9"),
        (lambda: rank_intervals(ranked().assign(rank_low=0), title="t", n=10), "not within 1 and 10"),
        (lambda: rank_intervals(ranked().assign(rank_low=9.5), title="t", n=10), "is over 'rank_high'"),
        (lambda: rank_intervals(ranked(), title="t", n=0), "0 zones"),
        (lambda: rank_intervals(ranked(), title="t", n=10, worst_share=1.0), "share of 1.0"),
        (lambda: rank_intervals(pd.concat([ranked(2), ranked(1)]), title="t", n=10), "'E00000000' stands twice"),
        (lambda: correlation_heatmap(correlated() * 2, title="t"), "not within -1 and 1"),
        (lambda: correlation_heatmap(correlated(), title="t", groups={"a": "A"}), "'d' has no group"),
        (lambda: correlation_heatmap(correlated(["a", "a"]), title="t"), "row 'a' stands twice"),
        (lambda: correlation_heatmap(pd.DataFrame(np.eye(41)), title="t"), "41 by 41"),
        (lambda: national_local(placed().drop(columns="percentile"), title="t"), "'percentile'"),
        (lambda: national_local(placed(), title="t", n=11), "not within 1 and 11"),
        (lambda: contribution_bars(contributions(1, comparison=1).assign(domain="a").assign(comparison=[1, 2, 1]),
                                   title="t"), "two comparisons"),
        (lambda: lines(pd.DataFrame({"x": [1]}), title="t", x_label="x", y_label="y"), "column 'y'"),
    ],
)  # fmt: skip
def test_wrong_tables_are_refused(draw, words):
    assert any(words in f for f in faults_of(draw))


def test_numbers_are_written_as_a_printer_would():
    assert w.number(1234567, 0) == "1,234,567"
    assert w.number(-0.314, 2) == "\u22120.31"
    assert w.number(-0.004, 2) == "0.00"
    assert w.number(math.nan, 2) == "no value"
    assert w.number(-2.5e9, 0) == "\u22122,500m"
    assert w.signed(0.826, 2) == "+0.83"
    assert w.signed(0.001, 2) == "0.00"
    assert w.span(5, 12, 0) == "5\u201312"
    assert w.span(-5, 12, 0) == "\u22125 to 12"
    assert w.share_words(0.2) == "fifth"
    assert w.share_words(0.3) == "30%"
    assert w.listing(["a", "b", "c"]) == "a, b and c"
    assert [w.decimals_for(v) for v in ([1, 2], [0.5], [12.5], [123.4, 1], [0.004], [], [math.nan])] == [
        0,
        2,
        1,
        0,
        4,
        0,
        0,
    ]


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_few_and_within(low, size):
    place = scale([low, low + size], 0, 100, zero=False)
    ticks, decimals = place.ticks()
    assert 1 <= len(ticks) <= 9
    assert all(place.low - 1e-6 * size <= t <= place.high + 1e-6 * size for t in ticks)
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[0] if len(steps) else 0)
    if len(steps):
        lead = float(f"{steps[0]:.6e}".split("e")[0])
        assert min(abs(lead - k) for k in (1, 2, 5, 10)) < 1e-3
    assert all(float(f"{t:.{decimals}f}") == pytest.approx(t, abs=1e-9 * max(1, abs(t))) for t in ticks)


@given(st.text(max_size=60), st.floats(5, 400), st.integers(1, 4))
def test_shortened_texts_fit_and_begin_as_the_whole(text, limit, most):
    short = w.shorten(text, limit, 12)
    assert short == text or (short.endswith("\u2026") and text.startswith(short[:-1].rstrip()))
    assert w.text_width(short, 12) <= max(limit, w.text_width("\u2026", 12)) + 0.02
    rows = w.wrap(w.clean(text), limit, 12, lines=most)
    assert 1 <= len(rows) <= most
    if not any(r.endswith("\u2026") for r in rows):
        assert " ".join(rows).strip() == w.clean(text)


VALUES = st.one_of(st.floats(-1e12, 1e12), st.just(math.nan), st.integers(-5, 5).map(float), st.floats(-1e-6, 1e-6))
NAMES = st.text(max_size=30)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, NAMES), max_size=8), st.sampled_from([280, 360, 900]), NAMES)
@QUICK
def test_any_bars_are_sound(rows, width, unit):
    table = pd.DataFrame(rows, columns=["value", "low", "high", "label"], dtype=object)
    table["label"] = [f"{i} {w.clean(n)}" for i, n in enumerate(table["label"])]
    table[["low", "high"]] = np.sort(table[["low", "high"]].to_numpy(dtype=float), axis=1)
    for less in (table, table.drop(columns=["low", "high"])):
        assert_sound(bars(less, title="t", unit=unit, width=width, reference=3))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), VALUES, NAMES), max_size=12))
@QUICK
def test_any_contributions_are_sound_and_add_up(rows):
    table = pd.DataFrame(rows, columns=["lsoa21cd", "domain", "contribution", "zone_name"])
    chart = contribution_bars(table, title="t")
    assert_sound(chart)
    sums = table.groupby(["lsoa21cd", "domain"])["contribution"].agg(lambda v: math.fsum(v)).to_numpy(dtype=float)
    found = chart.data["value"].to_numpy(dtype=float)
    assert np.allclose(np.sort(sums), np.sort(found), equal_nan=True)
    if rows:
        assert len(marks(chart)) == np.isfinite(found).sum()


@given(st.integers(1, 40_000), st.data())
@QUICK
def test_any_ranks_are_sound(n, data):
    rank = st.one_of(st.floats(1, n), st.just(math.nan), st.integers(1, n).map(float))
    rows = data.draw(st.lists(st.tuples(rank, rank, rank, NAMES), max_size=70))
    table = pd.DataFrame(rows, columns=["rank_low", "rank_median", "rank_high", "zone_name"])
    table.iloc[:, :3] = np.sort(table.iloc[:, :3].to_numpy(dtype=float), axis=1)
    assert_sound(rank_intervals(table, title="t", n=n, worst_share=data.draw(st.floats(0.01, 0.99))))


@given(st.integers(0, 7), st.integers(0, 7), st.booleans(), st.data())
@QUICK
def test_any_heatmap_is_sound(rows, cols, same, data):
    cell = st.one_of(st.floats(-1, 1), st.just(math.nan))
    shape = (rows, rows if same else cols)
    values = np.array(data.draw(st.lists(cell, min_size=rows * shape[1], max_size=rows * shape[1]))).reshape(shape)
    names = [f"{i} {w.clean(data.draw(NAMES))}" for i in range(max(shape))]
    values = (values + values.T) / 2 if same else values
    matrix = pd.DataFrame(values, index=names[:rows], columns=names[: shape[1]])
    groups = {n: data.draw(NAMES) for n in names} if data.draw(st.booleans()) else None
    assert_sound(correlation_heatmap(matrix, title="t", groups=groups))


@given(st.lists(st.tuples(VALUES, st.one_of(st.floats(1, 500), st.just(math.nan)), NAMES, NAMES), max_size=30))
@QUICK
def test_any_scatter_is_sound(rows):
    table = pd.DataFrame(rows, columns=["percentile", "rank_area", "zone_name", "flag"])
    assert_sound(national_local(table, title="t", x_fifths=[1, 2]))


@given(
    st.lists(st.tuples(VALUES, VALUES, st.integers(0, 4), NAMES), max_size=30),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@QUICK
def test_any_lines_are_sound(rows, step, zero, diagonal):
    table = pd.DataFrame(rows, columns=["x", "y", "series", "mark"])
    chart = lines(
        table, title="t", x_label="x", y_label="y", step=step, zero=zero, diagonal="equal" if diagonal else ""
    )
    assert_sound(chart)


def test_charts_are_frozen():
    chart = bars(shares(), title="t")
    assert isinstance(chart, Chart)
    with pytest.raises(AttributeError):
        chart.svg = ""


PROBE = """(() => {
  const lost = [];
  for (const svg of document.querySelectorAll('svg[role=img]')) {
    const box = svg.viewBox.baseVal;
    for (const t of svg.querySelectorAll('text')) {
      const b = t.getBBox();
      if (b.x < -1 || b.y < -1 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 1) {
        lost.push(t.textContent);
      }
    }
  }
  return {lost, wide: document.documentElement.scrollWidth, charts: document.querySelectorAll('svg[role=img]').length,
          run: window.hit === undefined};
})()"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (looked for chromium, google-chrome)")
def test_a_browser_shows_them_without_asking_for_anything(tmp_path):
    charts = plain_charts() + hostile_charts()
    path = tmp_path / "charts.html"
    head = f'''<!doctype html><html lang="en"><meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="{POLICY}">'''
    path.write_text(head + "<title>t</title><body>" + "".join(c.to_html() for c in charts), "utf-8")
    with Browser() as browser:
        for width in (320, 900):
            browser.open(path, width=width)
            found = browser.run(PROBE)
            assert found == {"lost": [], "wide": width, "charts": len(charts), "run": True}
            assert browser.messages == []
            assert browser.requests == [path.resolve().as_uri()]
