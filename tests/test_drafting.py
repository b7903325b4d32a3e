"""Drafts: they read as they stand, and every setting that they show as a comment is the one that holds."""

from __future__ import annotations

import re
import tomllib

import pytest

from needs import assessment, councils
from needs.assessment import Area, DemandSettings, NeedSettings, TravelSettings
from needs.assessment.inputs import filled
from needs.assessment.plan import Cost, PlanSettings
from needs.demand import Growth
from needs.drafting import OUTREACH_A_HUB, Today, draft, meanings


def settings_of(text: str, tmp_path):
    path = tmp_path / "draft.toml"
    path.write_text(text, "utf-8")
    return assessment.read(path)


@pytest.mark.parametrize("name", ["Rutland", "Staffordshire", "Halton + Rutland", "Cumbria", "Bristol"])
def test_a_draft_is_an_assessment_of_that_council(tmp_path, name):
    council = councils.resolve(name)
    settings = settings_of(draft(council), tmp_path)
    assert tuple(settings.area.codes) == council.codes
    assert settings.area.slug == council.slug
    assert {i.table for i in settings.inputs} >= {"zones", "demand", "sites", "streets", "points", "indicators"}
    assert all(i.source for i in settings.inputs)


def test_taking_away_the_hashes_changes_nothing(tmp_path):
    """What a comment shows as a default is the default; examples of what is not set stay comments."""
    text = draft(councils.resolve("Rutland"), Today(26, 1, 2))
    head, _, rest = text.partition("# Minutes that count")
    bare = re.sub(r"^# (\w+ = (?!.*# an example).*)$", r"\1", head, flags=re.M)
    bare = bare.replace("# [demand.growth]", "").replace('homes = "planned_homes"\n', "")
    bare = re.sub(r"^children_per_home.*$|^(group|values|reach_pct|offer) = .*$", "", bare, flags=re.M)
    assert bare.count("\nexisting = ") == 1
    assert settings_of(bare + "# " + rest, tmp_path) == settings_of(text, tmp_path)


def test_every_setting_is_shown_with_its_meaning():
    text = draft(councils.resolve("Rutland"))
    for model in (Area, DemandSettings, NeedSettings, TravelSettings, PlanSettings, Cost, Growth):
        told = meanings(model) if model is not Cost else dict.fromkeys(Cost.model_fields, "")
        for name in set(model.model_fields) - {"floor", "hub", "outreach", "growth", "synthetic"}:
            assert re.search(rf"^(# )?{name} = ", text, flags=re.M), name
            assert name in told, name


def test_standards_are_shown_as_they_hold(tmp_path):
    text = draft(councils.resolve("Rutland"))
    _, _, rest = text.partition("# Department for Education.\n" if "# Department for" in text else "Education.\n")
    block = rest.partition("# Inputs that come")[0]
    shown = tomllib.loads(re.sub(r"^# ?", "", block, flags=re.M))["standard"]
    held = tomllib.loads((assessment.CATALOGUE / "standards.toml").read_text("utf-8"))["standard"]
    assert shown == held


@pytest.mark.parametrize(
    ("today", "hubs", "outreach"),
    [
        (Today(26, 0, 1), 1, OUTREACH_A_HUB),
        (Today(80, 6, 2), 6, 6 * OUTREACH_A_HUB),  # today's six are more than the pace
        (Today(525, 11, 60), 16, 60),  # 525 x 1,000 / 33,755 = 15.55
        (Today(33_755, 0, 0), 1_000, 3_000),
    ],
)
def test_what_to_ask_for_at_first(today, hubs, outreach):
    assert (today.max_hubs, today.max_outreach) == (hubs, outreach)


def test_what_belongs_to_an_area_is_filled_in():
    assert filled("a/{slug}.csv", slug="x", codes=[]) == "a/x.csv"
    assert filled("{region}", slug="x", codes=["E06000017"]) == "east_midlands"
    assert filled("{region}", slug="x", codes=["E06000017", "E06000006"]) == "all"
    assert filled("{upper}", slug="x", codes=["E07000192", "E07000193"]) == "E10000028"


def test_a_name_with_odd_letters_stays_text(tmp_path):
    council = councils.Council('A "B" \\ C\n[plan]', "abc", ("E06000017",), ("E06000017",), ("E12000004",))
    assert settings_of(draft(council), tmp_path).area.name == council.name
