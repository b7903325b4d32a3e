"""Check what the page does to every string and number."""

import base64
import html
import math
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.webmap import text
from tests.page_data import HOSTILE


class Reader(HTMLParser):
    """Collect the tags and the text of a fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(name):
    escaped = text.safe(name)
    assert Reader(escaped).tags == []
    assert Reader(escaped).text == name
    assert not set(escaped) & set("<>`$\\{}\"'")


@given(st.text())
@settings(max_examples=100)
def test_any_text_survives_in_content_and_in_an_attribute(name):
    shown = "".join(c if c.isprintable() else " " for c in name)
    read = Reader(text.tag("p", name, title=name))
    assert read.text == shown
    assert read.tags == [("p", {"title": shown})]
    assert text.safe(name).encode().decode() == text.safe(name)  # no lone surrogate is left


def test_direction_overrides_and_controls_cannot_hide_a_name():
    assert text.safe("a\u202eb\x00c\ud800") == "a b c "


def test_html_is_not_escaped_twice():
    assert text.tag("p", text.tag("b", "a & b")) == "<p><b>a &amp; b</b></p>"


def test_attributes():
    written = text.tag("input", type="radio", checked=True, hidden=False, data_key="k", class_=None)
    assert written == '<input type="radio" checked data-key="k">'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (0.04, "0"), (0.05001, "0.1"), (7, "7"), (3.44, "3.4"), (9.94, "9.9"), (9.96, "10"), (10.4, "10"),
        (1234.5, "1,234"), (-3.44, "−3.4"), (-0.01, "0"), (math.nan, "not known"), (None, "not known"),
    ],
)  # fmt: skip
def test_counts(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(2.26, "+2.3"), (-2.26, "−2.3"), (0.04, "0"), (-0.04, "0"), (12.4, "+12")]
)
def test_changes(value, shown):
    assert text.change(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0%"), (1e-6, "under 0.1%"), (0.0234, "2.3%"), (None, "not known"), (math.nan, "not known")],
)
def test_a_gap_is_never_rounded_down_to_none(share, shown):
    assert text.gap(share) == shown


def test_minutes_and_percent():
    assert [text.minutes(v) for v in (12.4, 0.0, math.nan)] == ["12", "0", "beyond the limit"]
    assert [text.percent(v) for v in (61.7, math.nan, -0.4)] == ["62%", "not known", "0%"]
    assert [text.share(v) for v in (61.74, -2.38, -0.04, math.nan)] == ["61.7%", "−2.4%", "0.0%", "not known"]


def test_only_web_addresses_become_links():
    assert text.link("a", "https://example.org/?a=1&b=2") == '<a href="https://example.org/?a=1&amp;b=2">a</a>'
    for url in ("javascript:alert(1)", "data:text/html,x", "//example.org", None):
        assert text.link("a", url) == "a"


def test_csv_opens_safely_in_a_spreadsheet():
    frame = pd.DataFrame({"name": ["=1+1", "@x", "-2", "Hall, “old”"], "n": [-1.5, 2.0, math.nan, 0.0]})
    uri = text.csv_uri(frame)
    head, data = uri.split(",", 1)
    assert head == "data:text/csv;charset=utf-8;base64"
    lines = base64.b64decode(data).decode("utf-8-sig").split("\r\n")
    assert lines == ["name,n", "'=1+1,-1.5", "'@x,2.0", "'-2,", '"Hall, “old”",0.0', ""]
    assert html.escape(uri) == uri
