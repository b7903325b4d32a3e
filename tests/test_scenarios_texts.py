"""The equality table and the consultation texts: hand-computed, traceable, plain, and safe with any name."""

from __future__ import annotations

import html
import math
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import box

from needs import assessment, demand, scenarios
from needs.areas import attach
from needs.errors import Faults, InputError, SettingsError
from needs.scenarios.consultation import words
from needs.scenarios.equality import duties
from needs.schemas import TABLES, check_table
from tests.test_scenarios_comparison import FAMILIES, HOSTILE, MINUTES, OFFLINE, PLAN, TODAY, covers, scenario, town

COUNTS = pd.DataFrame(
    {
        "lsoa21cd": ["W", "E"],
        "births": [40.0, 10.0],
        "children_0_4": [60.0, 100.0],
        "people_20_24": [200.0, 100.0],
    }
)
SITES = pd.DataFrame(
    {
        "site_id": ["a", "b", "c"],
        "name": ["Ark Hub", "Bell Library", "Corn Hall"],
        "offer": ["none", "hub", "outreach"],
        "ours": [True, True, True],
        "reasons": [["Keeping it would help few"], ["Reaches most", "Stands on a bus route"], ["Near"]],
        "chosen_in": [2, 9, 7],
        "alternatives": [9, 9, 9],
    }
)


# ---- equality


def test_equality_by_hand():
    table = scenarios.equality(town(counts=COUNTS), send_share_pct=5.0)
    everybody = table.iloc[0]
    assert (everybody["duty"], everybody["who"], everybody["families"]) == ("Everybody", "All births a year", 50.0)
    assert everybody["met_before_pct"] == pytest.approx(100 * (40 + 10 * 0.6) / 50)
    assert everybody["met_after_pct"] == pytest.approx(100 * (10 + 8 + 1.2) / 50)
    row = table.set_index("who").loc["Without a car"]
    assert (row["families"], row["lose"], row["gain"]) == (22.0, 20.0, 0.0)
    assert row["lose_pct"] == pytest.approx(100 * 20 / 22)
    assert (row["hub_before_pct"], row["hub_after_pct"]) == pytest.approx((100 * 20 / 22, 0.0))
    assert row["online_after_pct"] == pytest.approx(100 * 20 / 22)
    change = 100 * (1.2 - 21.2) / 22
    assert row["difference_points"] == pytest.approx(change)
    assert row["against_all_points"] == pytest.approx(change - 100 * (19.2 - 46) / 50)
    assert row["worse"]
    assert row["finding"] == "Loses; fares worse than everybody; is less well served afterwards"
    rural = table.set_index("who").loc["Smaller rural, nearer a city"]
    assert not rural["worse"]
    assert rural["finding"] == "Gains; fares better than everybody; is better served afterwards"


def test_equality_shares_those_with_send_out_of_all_young_people():
    table = scenarios.equality(town(counts=COUNTS), send_share_pct=5.0).set_index("duty")
    send, young = table.loc["Disability"], table.loc["Age"].iloc[1]
    assert young["who"] == "Young people aged 20 to 24"
    assert (send["families"], young["families"]) == pytest.approx((15.0, 300.0))
    assert send["lose"] == pytest.approx(0.05 * young["lose"])
    assert send["met_after_pct"] == young["met_after_pct"]
    assert "5 %" in send["evidence"]
    preset = scenarios.equality(town(counts=COUNTS)).set_index("duty").loc["Disability"]
    assert preset["families"] == pytest.approx(3.0 * demand.presets()["send_share_pct"].value)
    with pytest.raises(SettingsError, match="send_share_pct"):
        scenarios.equality(town(), send_share_pct=101.0)


def test_equality_says_plainly_what_is_not_known():
    table = scenarios.equality(town())
    protected = table[table["protected"]]
    assert protected["duty"].tolist() == [
        "Age", "Disability", "Gender reassignment", "Marriage and civil partnership", "Pregnancy and maternity",
        "Race", "Religion or belief", "Sex", "Sexual orientation",
    ]  # fmt: skip
    assert (protected["who"] == "Not known").all()  # neither ages nor births were given
    assert protected["families"].isna().all()
    assert protected["worse"].isna().all()
    assert (table["not_known"].iloc[1:].str.len() > 20).all()
    given = scenarios.equality(town(counts=COUNTS))
    without, with_share = (t.set_index("duty").loc["Disability", "not_known"] for t in (table, given))
    assert "share" not in without  # there is none to speak of
    assert with_share.endswith("cannot show that they fare otherwise than other young people.")
    silent = set(given.loc[given["who"] == "Not known", "duty"])
    assert {"Race", "Religion or belief", "Sex", "Sexual orientation"} <= silent
    assert not {"Age", "Disability", "Pregnancy and maternity"} & silent
    assert not table.loc[table["duty"].str.startswith("Deprivation"), "protected"].any()


def test_a_group_that_gains_and_stays_better_served_is_not_flagged_worse():
    """With a car 90 % to 100 %, without 40 % to 80 %: the former gain less, and stand better; all 65 % to 90 %."""
    families = FAMILIES.assign(demand=[25.0, 25.0, 25.0, 25.0], weight=25.0)
    ids = families["point_id"].tolist()

    def outcome(values):
        part = np.array(values) * 25
        table = pd.DataFrame({"point_id": ids, "lsoa21cd": families["lsoa21cd"], "value": values, "hub": part})
        table = table.assign(outreach=0.0, virtual=25 - part, turned_away=0.0, unmet=25 - part, best_site_id=None)
        return scenarios.Scenario("T", {}, table)

    both = {"today": outcome([0.9, 0.4, 0.9, 0.4]), "plan": outcome([1.0, 0.8, 1.0, 0.8])}
    told = scenarios.equality(scenarios.before_and_after(families, both, demand_label="births")).set_index("who")
    assert not told.loc["With a car", "worse"]
    assert told.loc["With a car", "finding"] == "Gains; gains less than everybody; is better served afterwards"
    assert not told.loc["Without a car", "worse"]
    both["plan"] = outcome([1.0, 0.4, 1.0, 0.4])
    told = scenarios.equality(scenarios.before_and_after(families, both, demand_label="births")).set_index("who")
    assert told.loc["Without a car", "worse"]
    both["plan"] = outcome([1.0, 0.41, 1.0, 0.41])  # a gain of one point, and far below everybody
    told = scenarios.equality(scenarios.before_and_after(families, both, demand_label="births")).set_index("who")
    assert told.loc["Without a car", "worse"]


def test_equality_takes_every_group_of_the_comparison_once():
    found = town(counts=COUNTS)
    table = scenarios.equality(found)
    asked = [kind for duty in duties() if not duty.share for kind in duty.groups]
    known = found.groups[found.groups["kind"].isin(asked)]
    told = table.loc[table["families"].notna() & (table["duty"] != "Everybody") & (table["duty"] != "Disability")]
    assert sorted(told["who"]) == sorted(known["group"])
    assert told["families"].sum() == pytest.approx(known["demand"].sum())


def test_equality_flags_few_and_names_the_source_given():
    table = scenarios.equality(town(few=15.0), evidence={"car": "Census 2021, TS045"}).set_index("who")
    assert table.loc["Fourth fifth", "few"]
    assert not table.loc["Without a car", "few"]
    assert table.loc["With a car", "evidence"] == "Census 2021, TS045"


# ---- consultation


def texts(**more) -> pd.DataFrame:
    return scenarios.consultation(town(**more), SITES).set_index("site_id")


def test_consultation_by_hand():
    table = texts()
    assert table.index.tolist() == ["a", "b"]  # the one that closes first; c stays what it is
    assert table["status"].tolist() == ["close", "open"]
    closing, opening = table.loc["a", "figures"], table.loc["b", "figures"]
    assert (closing["before_offer"], closing["after_offer"]) == ("hub", "none")
    assert (closing["families"], closing["families_pct"]) == (40.0, 80.0)
    assert (closing["highest_need"], closing["without_car"]) == (40.0, 20.0)
    assert (closing["gain"], closing["lose"], closing["same"]) == (0.0, 40.0, 0.0)
    assert (closing["beyond_before"], closing["beyond_after"]) == (0.0, 30.0)
    assert closing["offline_after"] == pytest.approx(3.0)
    assert closing["kept"] == ["C"]
    assert (closing["chosen_in"], closing["alternatives"]) == (2, 9)
    nowhere, there = closing["journeys"]
    assert (nowhere["site_id"], nowhere["families"]) == (None, 20.0)
    (on_foot,) = nowhere["by_car"]
    assert (on_foot["car"], on_foot["within_before"], on_foot["within_after"]) == (False, 20.0, 0.0)
    assert set(on_foot["minutes"]) == {"walk"}  # none of them has a car
    assert on_foot["minutes"]["walk"]["before"] == 5.0
    assert math.isnan(on_foot["minutes"]["walk"]["after"])
    assert (there["site_id"], there["offer"], there["families"]) == ("b", "hub", 20.0)
    (driving,) = there["by_car"]  # who has a car is not told how long a walk would be
    assert (driving["car"], driving["within_before"], driving["within_after"]) == (True, 20.0, 10.0)
    assert driving["minutes"] == {"drive": {"before": 2.0, "after": 8.0}}
    assert opening["families"] == 28.0
    assert [(j["name"], j["families"]) for j in opening["journeys"]] == [("A", 20.0), ("C", 8.0)]


def test_the_text_of_a_site_that_closes():
    row = texts().loc["a"]
    assert row["title"] == "Closing Ark Hub"
    for sentence in (
        "Today Ark Hub is a family hub. We propose to close it. Nothing has been decided.",
        "(Childcare Act 2006, section 5D)",
        "- Keeping it would help few.",
        "It is the best or the nearest site for about 40 births a year, 80% of all.",
        "About 20 are in homes without a car.",
        "- About 20 births a year: no site is in reach then.",
        "- About 20 births a year: B, a family hub. Families with a car (about 20): Driving: 2 minutes now, 8 min",
        "8 minutes then. Near enough to a site: about 20 now, about 10 then.",
        "Of these families, no births a year are too far from any site now, and about 30 then.",
        "Fewer than 5 would have no internet",
        "It would be better for none and worse for about 40.",
        "This site would stay as now: C.",
        "- How long it takes by bus.",
        "We tested the plan 9 times with other starting points. In 2 of these tests this site had a part in the plan.",
        "1. Do you use Ark Hub? What for, and how often?",
    ):
        assert sentence in row["text"]
    assert "internet at home" not in row["text"]


def test_a_site_that_changes_its_offer_keeps_some_of_its_families():
    offers = {"a": "outreach", "b": "none", "c": "outreach"}
    both = {"today": scenario("Today", TODAY), "plan": scenario("Plan", offers)}
    found = scenarios.before_and_after(FAMILIES, both, demand_label="births a year")
    sites = SITES.assign(offer=SITES["site_id"].map(offers)).drop(columns=["chosen_in", "alternatives", "ours"])
    row = scenarios.consultation(found, sites).iloc[0]
    assert (row["status"], row["title"]) == ("convert", "Changing Ark Hub")
    assert "We propose to make it an outreach site" in row["text"]
    assert "About 40 births a year: stay here." in row["text"]
    assert row["figures"]["lose"] == 40.0
    assert row["figures"]["chosen_in"] is None
    assert "tested the plan" not in row["text"]


def figures_in(value: object) -> set[str]:
    """Every way in which a figure may be written."""
    if isinstance(value, dict):
        return {w for v in value.values() for w in figures_in(v)}
    if isinstance(value, list):
        return {w for v in value for w in figures_in(v)} | {str(len(value)), str(len(value) - 5)}
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return {f"{value:,.0f}"}
    return set()


@pytest.mark.parametrize("offline", [OFFLINE, None])
def test_every_number_of_a_text_is_among_its_figures(offline):
    for row in texts(offline_pct=offline).to_dict("records"):
        text = row["text"].replace("section 5D", "").replace("Act 2006", "")
        said = re.sub(r"### Why\n\n.*?\n\n", "", text, flags=re.S)
        numbers = set(re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", re.sub(r"^\d\. ", "", said, flags=re.M)))
        assert numbers <= figures_in(row["figures"]) | {"5"}  # "fewer than 5"


def test_what_is_not_known_is_said():
    row = texts(offline_pct=None).loc["a"]
    assert row["figures"]["offline_after"] is None
    assert "How many of those out of reach have the internet at home." in row["text"]
    assert "have no internet" not in row["text"]


def test_few_families_are_not_counted_out():
    row = texts(few=25.0).loc["a"]
    assert "Fewer than 25 are in homes without a car." in row["text"]
    assert "about 20" not in row["text"].lower()


def test_small_counts_are_hidden_in_the_reasons_as_in_the_rest():
    """Counts of families under the limit, and the shares that tell them; minutes, tests and names stay."""
    reasons = [
        "Covers 3.8 of 120 births a year (3 %), those beyond the standard in part; 0.4 of them in the fifth of England",
        "The best or nearest choice for 4.9 of those that it covers",
        "Has 3 places, and serves 2.9 of those that it covers",
        "Of the 12 births a year that it serves today, 2 find no place, for the sites that cover them are full",
        "Of these, 2 are covered by no other site of the plan",
        "Of the 12 births a year that it serves best today, 11 go next to Site 2, 0.1 to other sites and 0.9 are left",
        "Run from Hub 3, 4 minutes by car",
        "Chosen in 3 of 9 tests",
        "With it as well, fewer than 0.1 need-weighted families fewer would go unmet: max_hubs does not allow it",
        "Covers 60 of 120 births a year (50 %)",
        "Of these, 0 are covered by no other site of the plan",
    ]
    text = scenarios.consultation(town(), SITES.assign(reasons=[reasons] * 3)).set_index("site_id").loc["a", "text"]
    why = text.split("### Why\n\n")[1].split("\n\n")[0].replace("\\", "").splitlines()
    assert why == [
        (
            "- Covers fewer than 5 of 120 births a year, those beyond the standard in part; fewer than 5 of them in "
            "the fifth of England."
        ),
        "- The best or nearest choice for fewer than 5 of those that it covers.",
        "- Has 3 places, and serves fewer than 5 of those that it covers.",
        (
            "- Of the 12 births a year that it serves today, fewer than 5 find no place, for the sites that cover them "
            "are full."
        ),
        "- Of these, fewer than 5 are covered by no other site of the plan.",
        (
            "- Of the 12 births a year that it serves best today, 11 go next to Site 2, fewer than 5 to other sites "
            "and fewer than 5 are left."
        ),
        "- Run from Hub 3, 4 minutes by car.",
        "- Chosen in 3 of 9 tests.",
        "- With it as well, fewer than 5 need-weighted families fewer would go unmet: max_hubs does not allow it.",
        "- Covers 60 of 120 births a year (50 %).",
        "- Of these, 0 are covered by no other site of the plan.",
    ]


def test_families_turned_away_by_full_sites_are_not_called_too_far_away():
    """A and B are at every door, 50 places each for 100 families; A closes, and half of all have no place at B."""
    families = FAMILIES.assign(demand=25.0, weight=25.0, share=[0.5, 0.5, 0.5, 0.5])
    ones = covers([[1, 1, 0]] * 4)
    places = {"a": 50.0, "b": 50.0}
    today = scenarios.Scenario.of("T", dict.fromkeys("ab", "hub"), families, ones, 0.6, minutes=MINUTES, places=places)
    later = scenarios.Scenario.of(
        "P", {"a": "none", "b": "hub"}, families, ones, 0.6, minutes=MINUTES, places=places, before=today
    )
    assert later.outcome["value"].tolist() == pytest.approx([0.5] * 4)
    found = scenarios.before_and_after(families, {"today": today, "plan": later}, demand_label="births")
    assert found.totals["plan"]["turned_away_pct"] == pytest.approx(50.0)
    assert found.totals["today"]["turned_away"] == pytest.approx(0.0)
    assert found.zones["turned_away_plan"].tolist() == pytest.approx([25.0, 25.0])
    row = scenarios.consultation(found, SITES.assign(offer=["none", "hub", "none"])).iloc[0]
    figures = row["figures"]
    assert figures["families"] == pytest.approx(2 * figures["full_after"])
    assert (figures["beyond_after"], figures["full_before"]) == pytest.approx((0.0, 0.0))
    assert "no births are too far from any site now, and none then" in row["text"]
    assert f"For none the sites in reach are full now, and for about {figures['full_after']:.0f} then." in row["text"]
    assert "of them have no place, for want of room." in row["text"]


def test_an_ampersand_in_a_heading_stays_one():
    found = scenarios.consultation(town(), SITES.assign(name="Ark & Dove <Hub> &lt;"))
    assert found["title"].iloc[0] == "Closing Ark & Dove &lt;Hub&gt; &amp;lt;"


def syllables(word: str) -> int:
    groups = re.findall(r"[aeiouy]+", word.lower())
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and len(groups) > 1
    return max(1, len(groups) - silent)


def test_the_texts_are_plain_enough_for_readers_of_11_to_13_and_promise_nothing():
    """Flesch-Kincaid grade 7 is age 12 to 13 (Kincaid and others, 1975)."""
    for text in texts()["text"]:
        plain = re.sub(r"### Why\n\n.*?\n\n|\(Childcare Act 2006, section 5D\)", "", text, flags=re.S)
        plain = re.sub(r"^(### .*|- |\d\. )", "", plain, flags=re.M)
        sentences = [s for s in re.split(r"[.?:]\s", plain) if s.strip()]
        found = re.findall(r"[A-Za-z']+", plain)
        grade = 0.39 * len(found) / len(sentences) + 11.8 * sum(map(syllables, found)) / len(found) - 15.59
        assert grade < 7
        assert max(len(s.split()) for s in sentences) <= 32
        assert not re.search(r"\b(will|guarantee|promise|ensure)\b", plain)


def test_hostile_names_stay_names():
    name = f"{HOSTILE} [x](javascript:alert(1)) **b** # {{site}} |\n\n### Fake heading"
    both = {"today": scenario("Today", TODAY), "plan": scenario("Plan", PLAN)}
    found = scenarios.before_and_after(
        FAMILIES, both, demand_label=name, site_names={"a": name, "b": name, "c": name}, zone_names={"W": name}
    )
    sites = SITES.assign(name=name, reasons=[[name]] * 3)
    table = scenarios.consultation(found, sites)
    headings = set(words().headings.values())
    for text in [*table["text"], *table["title"]]:
        assert "<" not in text
        assert not re.search(r"(?<!\\)[\[\]`*_$|]", text)
        assert {line[4:] for line in text.splitlines() if line.startswith("#")} <= headings
        assert html.escape("&lt;", quote=False) not in text  # escaped once
    assert table["name"].tolist() == [name, name]


@pytest.mark.parametrize(
    ("sites", "told"),
    [
        (SITES.drop(columns="reasons"), "reasons"),
        (SITES.iloc[1:], "has no row for the site (1): a"),
        (pd.concat([SITES, SITES.head(1)]), "stands twice"),
        (SITES.assign(offer="hub"), "offers other than in the scenario (2): a, c"),
    ],
)
def test_faults_of_the_sites_are_told(sites, told):
    with pytest.raises(InputError, match=re.escape(told)):
        scenarios.consultation(town(), sites)


def test_a_neighbours_site_is_no_matter_of_ours():
    table = scenarios.consultation(town(), SITES.assign(ours=[False, True, True]))
    assert table["site_id"].tolist() == ["b"]


def test_where_nothing_changes_there_is_nothing_to_consult_on():
    both = {"today": scenario("Today", TODAY), "plan": scenario("Plan", TODAY)}
    found = scenarios.before_and_after(FAMILIES, both, demand_label="births")
    table = scenarios.consultation(found, SITES.assign(offer=SITES["site_id"].map(TODAY)))
    assert table.columns.tolist() == ["site_id", "name", "status", "title", "text", "figures"]
    assert len(table) == 0


# ---- digital access, from file to zone


def digital(values: list[object]) -> tuple[pd.DataFrame, list[str]]:
    faults = Faults()
    frame = pd.DataFrame({"lsoa21cd": [f"E0100000{i}" for i in range(len(values))], "offline_pct": values})
    found = check_table(frame, TABLES["digital"], where="d.csv", row_label=lambda i: f"line {i}", faults=faults)
    return found, [str(f) for f in faults.found]


def test_the_table_of_digital_access_is_a_share():
    table, faults = digital(["0", 12.5, 100])
    assert faults == []
    assert table["offline_pct"].tolist() == [0.0, 12.5, 100.0]
    for wrong, told in ((101.0, "over 100"), (-1.0, "negative"), (np.nan, "blank"), ("many", "number")):
        _, faults = digital([5.0, wrong])
        assert any(told in fault for fault in faults)


def test_digital_access_is_joined_where_it_is_given_and_absent_where_not():
    codes = ["E01000001", "E01000002"]
    zones = gpd.GeoDataFrame({"lsoa21cd": codes}, geometry=[box(0, 0, 1, 1)] * 2, crs="EPSG:27700")
    given = {
        "rural_urban": pd.DataFrame({"lsoa21cd": codes, "ruc21cd": "UN1"}),
        "demand": [pd.DataFrame({"lsoa21cd": codes, "births": [1.0, 2.0]})],
        "cars": None,
        "settings": assessment.DemandSettings(),
    }
    table = pd.DataFrame({"lsoa21cd": codes[::-1], "offline_pct": [7.0, 3.0]})
    faults = Faults()
    assert attach(zones, **given, digital=table, faults=faults)["offline_pct"].tolist() == [3.0, 7.0]
    assert "offline_pct" not in attach(zones, **given, faults=faults)
    assert not faults.found
    attach(zones, **given, digital=table.head(1), faults=faults)
    assert "table 'digital' (offline_pct): has no row for zone E01000001" in str(faults.found[0])
