"""What is said of a plan: true for every aim, for what the settings force, and for sites that are full."""

from __future__ import annotations

import numpy as np
import pytest

from needs.assessment.plan import PlanSettings
from needs.siting import aims, plan, rulebook
from needs.siting.alternatives import alternatives, prices
from tests.test_siting import near, points_of, settings_of, sites_of, table

FIFTH = "the share of need met in England's neediest fifth of neighbourhoods"
NOW = "Without it, all else as it is, "


def recommended(demand, hub, settings, *, outreach=None, fifths=None, minutes=None, **columns):
    """A plan of sites A, B, ... whose covers are given as rows of the places."""
    points = points_of(demand)
    if fifths is not None:
        points = points.assign(fifth_england=fifths)
    sites = sites_of("ABCDEF"[: len(hub[0])], **columns)
    covers = [table(c, points, sites) for c in (hub, np.zeros(np.shape(hub)) if outreach is None else outreach)]
    away = None if minutes is None else table(minutes, points, sites)
    return plan.recommend(points, sites, *covers, near(sites), settings, minutes=away)


def worst_first(**columns):
    """Ten families of the neediest fifth near A, 100 others near B, and one hub."""
    asked = settings_of(1, 0, aim="worst_fifth")
    return recommended([10, 100], [[1, 0], [0, 1]], asked, fifths=[1, 5], may_outreach=False, **columns)


def test_what_is_asked_first_is_the_reason_and_not_the_presumption():
    # Keeping A, a hub today, counts for 1 % of 110: 1.1. B would leave 90 fewer unmet, far more than that.
    reasons = worst_first(today=["hub", "none"]).sites["reasons"]
    but = f"which would leave 90 need-weighted families fewer unmet, but {FIFTH} would fall from 100 to 0 %"
    assert (
        reasons[0][-2]
        == f"{NOW}110 instead of 100 need-weighted families would go unmet, and {FIFTH} would fall from 100 to 0 %"
    )
    assert reasons[0][-1] == f"In its place, all else as it is, the best would be Site B, {but}, which comes first"
    assert reasons[1][-1] == f"It would best take the place of Site A, all else as it is, {but}, which comes first"


def test_the_next_best_is_that_which_keeps_what_is_asked_first():
    # C would serve 90 more, B keeps half of the neediest fifth.
    asked = settings_of(1, 0, aim="worst_fifth")
    hub = [[1, 0.5, 0], [0, 0, 1]]
    found = recommended([10, 100], hub, asked, fifths=[1, 5], may_outreach=False).sites.set_index("site_id")
    assert found.loc["A", "next_best_site_id"] == "B"
    assert found.loc["A", "next_best_unmet"] == 5
    assert found.loc["A", "reasons"][-1].endswith(
        f"which would leave 5 need-weighted families more unmet, and {FIFTH} would fall from 100 to 50 %"
    )


def test_alternatives_and_prices_say_what_is_lost_of_what_is_asked_first():
    found = worst_first()
    table_ = prices(found.case, found.solution).set_index(["site_id", "forced"])
    assert table_.loc[("B", "hub"), "sentence"] == (
        "With all else chosen anew, the best plan then: opens Site B (hub) in place of Site A: leaves 90 fewer "
        f"need-weighted families unmet (82 points of need met), but {FIFTH} would fall from 100 to 0 %"
    )
    other = alternatives(found.case, found.solution, within_pct=5.0)
    assert other.sentences() == [
        ("No plan differs in 1 site or more and comes within 5 % of the plan in what is asked first, and in need met")
    ]
    assert alternatives(found.case, found.solution, most=0).sentences() == []


def test_aim_and_proof_are_said_in_words():
    found = worst_first(today=["hub", "none"])
    assert aims.asked(found.case) == (
        f"First {FIFTH} is made as great as it can be; of the plans that reach that, as much need as can be is met in "
        "all, a family counting more where need is higher."
    )
    assert found.proven == (
        f"In this plan {FIFTH} is 100.0 %; under these inputs and rules no choice of sites does better in that: that "
        "is proven. Of the choices that reach as much there, no choice of sites does better in need met and what "
        "keeping existing sites counts for: that is proven."
    )
    step = aims.steps(found.case, found.proof)[0]
    assert (step["reached"], step["bound"], step["unit"], step["status"]) == (100.0, 100.0, "%", "optimal")
    assert f"{FIFTH}: 100.0 %; 9.1 % of need-weighted demand met; proven best" in found.summary
    plain = recommended([10], [[1]], settings_of(1, 0))
    assert plain.proven == "Under these inputs and rules no choice of sites does better in need met: that is proven."
    assert aims.steps(plain.case, plain.proof) == []


def test_journeys_that_come_first_are_said_in_minutes():
    # The neediest tenth are the ten families of the first place, 5 minutes from A and 20 from B.
    points = points_of([10, 90], [20, 90])
    sites = sites_of("AB", may_outreach=False)
    cover = table([[0, 0], [0, 1]], points, sites)
    away = table([[5, 20], [30, 1]], points, sites)
    asked = settings_of(1, 0, aim="worst_decile_travel")
    found = plan.recommend(points, sites, cover, cover, near(sites), asked, minutes=away)
    assert found.offers == {"A": "hub", "B": "none"}
    aim = "the average journey to a site of the tenth of families in the neediest neighbourhoods"
    assert found.proven.startswith(f"In this plan {aim} is 5.0 minutes; ")
    assert found.sites["reasons"][1][-1].endswith(
        f"90 need-weighted families fewer unmet, but {aim} would rise from 5 to 20 minutes, which comes first"
    )


def test_out_of_time_the_proof_says_how_far_it_goes():
    rng = np.random.default_rng(3)
    covers = rng.random((30, 6))
    found = recommended(rng.integers(1, 9, 30), covers, settings_of(2, 0, time_limit_s=1e-9), outreach=covers)
    if found.proof.status == "optimal":
        pytest.skip("solved at once")
    assert f"more than {100 * found.proof.gap:.2g} % better in need met; this plan is the best found." in found.proven


def test_a_site_that_the_settings_force_says_so_first():
    hub = [[1, 0], [0, 1]]
    asked = settings_of(2, 1, must={"A": "closed", "B": "hub"})
    reasons = recommended([100, 50], hub, asked, today=["hub", "none"]).sites["reasons"]
    assert reasons[0] == [
        "The settings say that it must be closed",
        "Keeping it as well would leave 100 need-weighted families fewer unmet",
        "Of the 100 families that it serves best today, 100 are left outside every standard",
    ]
    assert reasons[1][0] == "The settings say that it must be a hub"
    assert reasons[1][-1].startswith(NOW)  # and not a word on what could take its place
    barred = recommended([100, 50], hub, settings_of(2, 0), today=["hub", "none"], may_hub=[False, True])
    assert barred.sites["reasons"][0][0] == "It may not go on as a hub"
    barred = recommended(
        [100, 50], hub, settings_of(2, 0), today=["hub", "none"], may_hub=[False, True], may_outreach=False
    )
    assert barred.sites["reasons"][0][0] == "It may be neither hub nor outreach"


def test_closing_a_site_that_nobody_reaches_says_that():
    reasons = recommended([100], [[0, 1]], settings_of(1, 0), today=["hub", "none"]).sites["reasons"][0]
    assert reasons == [
        "Keeping it as well would meet no more need: the plan may have at most 1 hub",
        "No family is within its standard",
    ]


def test_a_hub_takes_with_it_the_outreach_that_only_it_can_run():
    flags = {"may_hub": [True, False], "may_outreach": [False, True]}
    found = recommended([10, 100], [[1, 0], [0, 0]], settings_of(1, 1), outreach=[[0, 0], [0, 1]], **flags)
    # 10 at the hub and 0.6 x 100 at the outreach are met: 40 unmet. Without the hub all 110 are unmet.
    assert found.sites["unmet_if_lost"].tolist() == pytest.approx([70, 60])
    assert (
        "Without it, and so without the outreach at Site B, all else as it is, 110 instead of 40 need-weighted "
        "families would go unmet"
    ) in found.sites["reasons"][0]


def test_families_whom_an_outreach_covers_are_not_left_outside():
    # Of B's 100 the hub A covers 65 (worth 0.65, over 0.6), and the outreach C all of them.
    flags = {
        "may_hub": [True, False, False],
        "may_outreach": [False, True, True],
        "today": ["none", "outreach", "none"],
    }
    hub, outreach = [[0.65, 0, 0], [1, 0, 0]], [[0, 1, 1], [0, 0, 0]]
    asked = settings_of(1, 1, must={"B": "closed", "C": "outreach"}, keep_outreach_pct=0)
    reasons = recommended([100, 100], hub, asked, outreach=outreach, **flags).sites["reasons"]
    assert (
        reasons[1][-1] == "Of the 100 families that it serves best today, 65 go next to Site A and 35 go next to Site C"
    )
    alone = settings_of(1, 0, keep_outreach_pct=0)
    reasons = recommended([100, 100], hub, alone, outreach=outreach, **flags).sites["reasons"]
    assert reasons[1][-1].endswith("65 go next to Site A and 35 are left outside every standard")


def test_of_offers_that_add_as_much_the_one_that_reaches_families_is_told():
    # A covers everybody, so that B adds nothing as a hub, which covers nobody, or as outreach, which covers all.
    found = recommended([10, 10], [[1, 0], [1, 0]], settings_of(1, 1), outreach=[[0, 1], [0, 1]])
    assert found.sites["reasons"][1] == [
        "As an outreach site it would cover 20 of 20 families",
        "Other sites of the plan cover all of these",
        "The plan serves all of them as well or better without it",
    ]


def test_a_site_that_is_full_is_not_said_to_be_too_far():
    # Two hubs of 100 places for 200 families at the door of both; the plan may keep one, and all have an equal share.
    flags = {"today": "hub", "may_outreach": False, "hub_families": 100.0}
    found = recommended([100, 100], [[1, 1], [1, 1]], settings_of(1, 0), **flags).sites.set_index("site_id")
    kept, closed = (found[found["status"] == s].iloc[0] for s in ("keep", "close"))
    assert kept["families_reached"] == pytest.approx(100)
    assert kept["families_within"] == 200
    assert "Has 100 places, and serves 100 of those that it covers" in kept["reasons"]
    assert closed["reasons"][-1] == (
        "Of the 100 families that it serves today, 50 go next to Site A and 50 find no place, for the sites that cover "
        "them are full"
    )


def test_full_sites_families_served_add_up_to_those_evaluated():
    rng = np.random.default_rng(5)
    points, sites = points_of(rng.integers(1, 20, 12)), sites_of("ABCD", hub_families=25.0, outreach_families=9.0)
    hub, outreach = (table(rng.random((12, 4)), points, sites) for _ in range(2))
    found = plan.recommend(points, sites, hub, outreach, near(sites), settings_of(2, 1))
    after = plan.evaluate(points, hub, outreach, found.offers, 0.6, found.families)
    assert found.sites["families_reached"].sum() == pytest.approx(after[["hub", "outreach"]].sum().sum(), rel=1e-6)
    assert (found.sites["families_reached"].dropna() <= 25 + 1e-6).all()


def test_the_second_figure_of_whom_a_site_covers_is_part_of_the_first():
    # The hub covers 65 of 100 and is best (0.65 over 0.6); the outreach covers all: 35 of these nobody else does.
    hub, outreach = [[0.65, 0]], [[0, 1]]
    flags = {"may_hub": [True, False], "may_outreach": [False, True]}
    must = settings_of(1, 1, must={"B": "outreach"})
    reasons = recommended([100], hub, must, outreach=outreach, **flags).sites["reasons"][1]
    at = reasons.index("Covers 100 of 100 families (100 %), those beyond the standard in part")
    assert reasons[at + 1 : at + 3] == [
        "Of these, 35 are covered by no other site of the plan (part cover counts in part)",
        "The best or nearest choice for 0 of those that it covers",
    ]


def test_every_rule_that_was_set_is_listed():
    asked = PlanSettings(
        max_hubs=2,
        max_outreach=3,
        must={"A": "hub", "B": "closed"},
        floor=[{"group": "fifth_england", "values": [1], "reach_pct": 5, "offer": "hub", "source": "Our strategy."}],
        opening_budget_gbp=300000,
        staff_days=20,
        hub={"opening_gbp": 100000, "staff_days": 5},
        outreach={"opening_gbp": 5000, "staff_days": 0.5},
        closing_gbp=1000,
        hubs_apart_min=4,
    )
    found = recommended([10, 5], [[1, 0], [0, 1]], asked, fifths=[1, 5], today=["none", "hub"])
    told = {what: (value, source) for what, value, source in rulebook.rules(found.case)}
    assert told["Hubs at most"][0] == "2"
    assert told["Outreach sites at most"][0] == "3"
    assert told["Existing sites"][0] == "may be kept, converted or closed"
    assert told["What Site A must be"] == ("must be a hub", "Assessment file")
    assert told["What Site B must be"][0] == "must be closed"
    reach = "at least 5% of families in England's neediest fifth of neighbourhoods within reach of a hub"
    assert told["Who must be reached"] == (reach, "Our strategy.")
    assert told["Money for opening, converting and closing, at most"][0] == "£300,000"
    assert told["Staff, at most"][0] == "20 days a week"
    assert told["What a hub costs, where a site says nothing else"][0] == "£100,000 to open and 5 staff days a week"
    outreach = "£5,000 to open and 0.5 staff days a week"
    assert told["What an outreach site costs, where a site says nothing else"][0] == outreach
    assert told["What closing a site costs, where it says nothing else"][0] == "£1,000"
    assert told["Hubs must be apart, by car"][0] == "4 minutes or more"
    assert told["Furthest an outreach site may be from its hub, by car"][0] == "20 minutes"
    assert told["What is asked of the plan"][0].startswith("As much need as can be is met in all")
    # A opens as a hub and B closes: 100,000 + 1,000, and 5 staff days; what a year costs is not known.
    words = rulebook.cost_words(found.case, found.solution.opened)
    assert words == "The plan costs £101,000 for opening, converting and closing and 5 staff days a week."


def test_places_and_what_sites_say_themselves_are_listed():
    asked = PlanSettings(max_hubs=1, max_outreach=1, outreach={"families": 20})
    found = recommended([10], [[1, 0]], asked, hub_families=[100.0, np.nan], keep=[True, False], today=["hub", "none"])
    told = {what: value for what, value, _ in rulebook.rules(found.case)}
    assert told["How many families an outreach site can take on, where a site says nothing else"] == "20"
    assert told["Sites with costs or places of their own as hub"] == "1 site, as the table of sites says"
    assert told["What Site A must be"] == "must stay"
    assert rulebook.cost_words(found.case, found.solution.opened) == (
        "The plan costs £0 for opening, converting and closing."
    )


def test_reasons_name_no_setting():
    asked = settings_of(1, 0, hub={"opening_gbp": 5}, opening_budget_gbp=5)
    found = recommended([10, 5], [[1, 0], [0, 1]], asked, may_outreach=False)
    text = " ".join(told for reasons in found.sites["reasons"] for told in reasons)
    assert "the plan may have at most 1 hub and the £5 to open and close sites do not suffice" in text
    assert "_" not in text
