"""Two plans of one town side by side: figures computed by hand, what happens to each site, and what is refused."""

import re

import pytest

from needs import pipeline
from needs.errors import SettingsError
from needs.settings import Paths
from tests.test_page import Page, table_rows
from tests.test_pipeline import CODES, KM3_MIN, write_town


@pytest.fixture
def towns(tmp_path):
    """One town in two files: with a session at the school, and without."""
    raw = tmp_path / "raw"
    raw.mkdir()
    one = write_town(raw)
    two = one.with_name("no_sessions.toml")
    two.write_text(one.read_text().replace("max_outreach = 1", "max_outreach = 0"))
    return one, two, Paths(raw, tmp_path / "processed", tmp_path / "maps")


def plain(cell):
    return re.sub("<[^>]*>", "", cell)


def test_a_town_in_two_plans_by_hand(towns):
    one, two, paths = towns
    said = []
    file = pipeline.compare(one, two, paths=paths, say=said.append)
    assert file == paths.maps / "handtown-and-no_sessions.html"
    assert not (paths.processed / "handtown").exists()  # nothing but the page
    assert "handtown-and-no_sessions.html" in (paths.maps / "index.html").read_text("utf-8")
    assert [line.split()[1] for line in said if "unchanged" in line] == ["data", "need", "travel"]
    text = file.read_text("utf-8")
    # As in the test of one plan: the library reaches the west whole and 90 % of the middle in part; the school, which
    # only the first plan has, reaches the east's ten families.
    part = (8 - KM3_MIN) / 4
    hub = 40 + 18 * part
    figures = {row[0]: [plain(c) for c in row[1:]] for row in table_rows(text, "figures")}
    assert figures["Hubs"] == ["1", "1"]
    assert figures["Outreach sites"] == ["1", "0"]
    assert figures["Reached by a hub"] == [f"{hub:.0f} ({100 * hub / 70:.0f}%)"] * 2
    assert figures["By outreach only"] == [f"10 ({100 * 10 / 70:.0f}%)", "0 (0%)"]
    unmet = 80 + 20 + 15 - 80 - 18 * part
    assert figures["Unmet need (weighted)"] == [f"{unmet - 9:.0f}", f"{unmet:.0f}"]
    page = Page(text)
    assert page.all("h1")[0]["text"] == (
        f"Handtown: “no sessions” would reach {100 * hub / 70:.0f}% of births, “handtown” {100 * (hub + 10) / 70:.0f}%"
    )
    answer = f"“no sessions” has 1 site fewer; unmet need is {unmet:.0f} against {unmet - 9:.0f}: "
    answer += "less in 0 neighbourhoods, more in 1."
    assert answer in page.all("main")[0]["text"]
    zones = {re.search(r"E01\d{6}", row[0]).group(): [plain(c) for c in row] for row in table_rows(text, "zones")}
    # Online only: none, all ten. Unmet: 15 x 0.4, 15.
    assert zones[CODES[2]][12:17] == ["0", "10", "6", "15", "+9"]
    assert [plain(c) for c in table_rows(text, "close")[0][:2]] == [
        "East School Primary school", "An outreach site, only in “handtown”",
    ]  # fmt: skip
    assert plain(table_rows(text, "recommended")[0][2]) == "A hub in both"
    assert [[plain(c) for c in row[:2]] for row in table_rows(text, "assumptions")] == [
        ["plan.max_outreach", "“handtown”: 1; “no sessions”: 0"]
    ]
    assert "do not count alike" not in text
    again = file.read_bytes()
    assert pipeline.compare(one, two, paths=paths).read_bytes() == again


def test_figures_that_do_not_count_alike_are_told(towns):
    one, two, paths = towns
    two.write_text(two.read_text().replace("[plan]", '[demand]\ncount = "children_0_4"\n\n[plan]'))
    text = pipeline.compare(one, two, paths=paths).read_text("utf-8")
    assert "The two do not count alike, for they differ in demand.count: each plan" in plain(text)


def test_what_cannot_be_compared_is_refused(towns, tmp_path):
    one, two, paths = towns
    other = tmp_path / "elsewhere"
    other.mkdir()
    same = other / one.name
    same.write_text(one.read_text())
    with pytest.raises(SettingsError, match="have the same name"):
        pipeline.compare(one, same, paths=paths)
    two.write_text(two.read_text().replace("E06900099", "E06900098"))
    with pytest.raises(SettingsError, match=r"different councils \(E06900099 and E06900098\)"):
        pipeline.compare(one, two, paths=paths)
    assert not paths.maps.exists()
