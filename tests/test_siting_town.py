"""A town of four points and three sites, worked by hand, and the reasons that it gives."""

from __future__ import annotations

import pandas as pd
import pytest

from needs.assessment.plan import PlanSettings
from needs.siting import plan

# Families (and need-weighted families): A 100 (100), B 50 (100), C 40 (40), D 10 (10), so 200 (250) in all.
POINTS = pd.DataFrame(
    {
        "point_id": ["A", "B", "C", "D"],
        "lsoa21cd": ["E01000001", "E01000002", "E01000003", "E01000004"],
        "demand": [100.0, 50.0, 40.0, 10.0],
        "weight": [100.0, 100.0, 40.0, 10.0],
        "fifth_england": [3, 1, 2, 5],
    }
)
SITES = pd.DataFrame(
    {
        "site_id": ["S1", "S2", "S3"],
        "name": ["Library", "Old Centre", "Village Hall"],
        "site_type": ["library", "childrens_centre", "community_centre"],
        "today": ["outreach", "hub", "none"],
        "keep": False,
        "ours": True,
        "may_hub": True,
        "may_outreach": True,
    }
)
HUB = pd.DataFrame(
    {"S1": [1, 0, 0, 0], "S2": [0.5, 0.5, 0.5, 0], "S3": [0, 1, 0.25, 0]}, index=list("ABCD"), dtype=float
)
OUTREACH = pd.DataFrame({"S1": [1, 0, 0, 0], "S2": [0, 0, 1, 0], "S3": [0, 1, 0.5, 0]}, index=list("ABCD"), dtype=float)
MINUTES = pd.DataFrame(
    [[0, 10, 30], [10, 0, 30], [10, 30, 0]], index=["S1", "S2", "S3"], columns=["S1", "S2", "S3"], dtype=float
)
SETTINGS = PlanSettings(
    max_hubs=1, max_outreach=1, outreach_value=0.6, parent_limit_min=20.0, keep_hub_pct=1, keep_outreach_pct=0.6
)

# Every plan with a hub (an outreach must lie within 20 minutes of it), by need met:
#   hub S1: A 100 x 1 = 100.  With outreach S3: + B 100 x 0.6 x 1 = 60, + C 40 x 0.6 x 0.5 = 12, so 172.
#                             With outreach S2: + C 40 x 0.6 x 1 = 24, so 124.
#   hub S2: A 50 + B 50 + C 20 = 120.  With outreach S1: A 100 x max(0.5, 0.6) = 60, so 130.  S3 is 30 minutes off.
#   hub S3: B 100 + C 10 = 110.  S1 and S2 are 30 minutes off.
# Best: hub S1 and outreach S3, 172 of 250; unmet 78. Keeping S1 (an outreach today) earns 0.6 % of 250 = 1.5.


def recommended(**more) -> plan.Plan:
    return plan.recommend(
        POINTS, SITES, HUB, OUTREACH, MINUTES, SETTINGS.model_copy(update=more), demand_label="births a year"
    )


def test_the_best_plan_is_the_one_found_by_hand():
    found = recommended()
    assert found.offers == {"S1": "hub", "S2": "none", "S3": "outreach"}
    assert found.sites["status"].tolist() == ["convert", "close", "open"]
    assert found.proof.as_dict() | {"seconds": 0, "nodes": 0} == {
        "status": "optimal",
        "objective": pytest.approx(173.5),
        "bound": pytest.approx(173.5),
        "gap": pytest.approx(0.0, abs=1e-9),
        "seconds": 0,
        "nodes": 0,
        "ties": "none",
        "steps": (),
    }
    assert (found.need, found.unmet) == (250.0, pytest.approx(78.0))
    assert found.sites["parent_hub_id"].tolist()[2] == "S1"
    assert found.sites["parent_min"].tolist()[2] == 10.0


def test_an_outreach_exactly_at_the_limit_counts_as_near():
    # At 30 minutes or more hub S3 may run outreach S1: B 100 + C 10 + A 60 = 170, still below 172; without S3 as an
    # outreach place, 170 is best.
    sites = SITES.assign(may_outreach=[True, True, False])
    for limit, offers in ((30.0, ["outreach", "none", "hub"]), (29.9, ["outreach", "hub", "none"])):
        chosen = SETTINGS.model_copy(update={"parent_limit_min": limit})
        assert list(plan.recommend(POINTS, sites, HUB, OUTREACH, MINUTES, chosen).offers.values()) == offers


def test_what_must_stay_stays_and_an_outreach_may_become_a_hub():
    assert recommended(existing="keep").offers == {"S1": "outreach", "S2": "hub", "S3": "none"}  # 130, the best with S2
    kept = plan.recommend(POINTS, SITES.assign(keep=[True, False, False]), HUB, OUTREACH, MINUTES, SETTINGS)
    assert kept.offers == {"S1": "hub", "S2": "none", "S3": "outreach"}
    assert kept.sites["reasons"][0][0] == "The settings say that it must stay"
    assert kept.sites["reasons"][0][-1].startswith("Without it")  # nothing may take its place


def test_families_are_counted_by_who_reaches_them():
    result = plan.evaluate(POINTS, HUB, OUTREACH, recommended().offers, 0.6).set_index("point_id")
    assert result["value"].tolist() == pytest.approx([1.0, 0.6, 0.3, 0.0])
    assert result["hub"].tolist() == [100, 0, 0, 0]
    assert result["outreach"].tolist() == [0, 50, 20, 0]
    assert result["virtual"].tolist() == [0, 0, 20, 10]
    assert result["unmet"].tolist() == pytest.approx([0, 40, 28, 10])
    assert result["best_site_id"].tolist()[:3] == ["S1", "S3", "S3"]
    assert pd.isna(result["best_site_id"]["D"])


def test_hub_beyond_outreach_is_not_counted_twice():
    # Today: hub S2, outreach S1. A: hub 0.5 x 100 = 50, outreach reaches all 100, so 50 beyond; 0.6 beats 0.5.
    result = plan.evaluate(POINTS, HUB, OUTREACH, plan.today_offers(SITES), 0.6).set_index("point_id")
    assert result.loc["A", ["hub", "outreach", "virtual"]].tolist() == [50, 50, 0]
    assert result["best_site_id"].tolist()[:3] == ["S1", "S2", "S2"]


def test_reasons_give_the_figures():
    reasons = dict(zip(SITES["site_id"], recommended().sites["reasons"], strict=True))
    # Without S1 no hub can run S3: all 250 unmet. S2 in its place is 30 minutes from S3; S3 alone meets 110.
    assert reasons["S1"] == [
        "Already an outreach site: becomes a hub, converted, not built",
        (
            "Covers 100 of 200 births a year (50 %), those beyond the standard in part; "
            "0 of them in the fifth of England with the highest need"
        ),
        "Of these, 100 are covered by no other site of the plan (part cover counts in part)",
        "The best or nearest choice for 100 of those that it covers",
        "Runs the outreach at Village Hall",
        (
            "Without it, and so without the outreach at Village Hall, all else as it is, 250 instead of 78 "
            "need-weighted families would go unmet"
        ),
        (
            "In its place, all else as it is, the best would be Village Hall as a hub, no longer as outreach, "
            "which would leave 62 need-weighted families more unmet"
        ),
    ]
    # Without S3: 78 + 72 = 150. S2 in its place: 172 - 124 = 48.
    assert reasons["S3"] == [
        "Offers nothing today: opens as an outreach site",
        (
            "Covers 70 of 200 births a year (35 %), those beyond the standard in part; "
            "50 of them in the fifth of England with the highest need"
        ),
        "Of these, 70 are covered by no other site of the plan (part cover counts in part)",
        "The best or nearest choice for 70 of those that it covers",
        "Run from Library, 10 minutes by car",
        "Without it, all else as it is, 150 instead of 78 need-weighted families would go unmet",
        (
            "In its place, all else as it is, the best would be Old Centre, which would leave 48 need-weighted "
            "families more unmet"
        ),
    ]
    # S2 as well: C 40 x (0.5 - 0.3) = 8. Today it serves B 25 and C 20 best (A is better off at S1, 0.6).
    # Both go to S3, whose cover is as great.
    assert reasons["S2"] == [
        "Keeping it as well would leave 8 need-weighted families fewer unmet: the plan may have at most 1 hub",
        "Of the 45 births a year that it serves best today, 45 go next to Village Hall",
    ]


def test_a_site_that_is_not_chosen_says_why():
    # S2 offers nothing today: it may be a hub or an outreach beside hub S1 and outreach S3 (172 of 250 met).
    sites = SITES.assign(today=["outreach", "none", "none"])

    def told(**more) -> list[str]:
        chosen = SETTINGS.model_copy(update=more)
        return plan.recommend(POINTS, sites, HUB, OUTREACH, MINUTES, chosen).sites["reasons"][1]

    # As a hub it covers A 50, B 50 and C 20 of 200; C has 0.5 of 40 from S3, so it adds 40 x (0.5 - 0.3) = 8; as an
    # outreach it covers C whole and adds 40 x (0.6 - 0.3) = 12. Its own: C 40 less the 20 that S3 covers.
    # In the place of S3 it loses 60 + 12 and wins 24: 48.
    assert told() == [
        "As an outreach site it would cover 40 of 200 families",
        "Of these, 20 are covered by no site of the plan (part cover counts in part)",
        "With it as well, 12 need-weighted families fewer would go unmet: the plan may have at most 1 outreach site",
        (
            "It would best take the place of Village Hall, all else as it is, which would leave 48 need-weighted "
            "families more unmet"
        ),
    ]
    assert told(must={"S2": "closed"}) == ["The settings say that it must be closed"]


def test_figures_of_the_sites_stand_in_the_table():
    table = recommended().sites.set_index("site_id")
    assert table["families_reached"].tolist()[0::2] == [100, 70]
    assert table["families_within"].tolist()[0::2] == [100, 70]
    assert table["unmet_if_lost"].tolist()[0::2] == pytest.approx([172, 72])
    assert table.loc["S3", "next_best_site_id"] == "S2"
    assert table.loc["S3", "next_best_unmet"] == pytest.approx(48)
    assert table.loc["S2", ["families_reached", "unmet_if_lost", "parent_min"]].isna().all()


def test_an_existing_hub_stays_unless_closing_it_saves_enough():
    # The best plan with hub S2 meets 130, that with S1 meets 172: 42 more. S1 stays in both, as outreach or as hub.
    worth = 42 / 250 * 100
    assert recommended(keep_hub_pct=worth * 0.99).offers["S2"] == "none"
    stays = recommended(keep_hub_pct=worth * 1.01)
    assert stays.offers == {"S1": "outreach", "S2": "hub", "S3": "none"}
    assert stays.unmet == pytest.approx(120.0)  # the presumption is no need met


def test_a_site_that_stays_by_presumption_says_what_it_costs():
    # Without outreach: hub S2 meets 120, S3 110. S3 is the hub today; closing it must save 4.8 % of 250 = 12.
    sites = SITES.assign(today=["none", "none", "hub"])
    chosen = SETTINGS.model_copy(update={"max_outreach": 0, "keep_hub_pct": 4.8})
    found = plan.recommend(POINTS, sites, HUB, OUTREACH, MINUTES, chosen)
    assert found.offers == {"S1": "none", "S2": "none", "S3": "hub"}
    assert found.sites["reasons"][2][-1] == (
        "In its place, all else as it is, the best would be Old Centre, which would leave 10 need-weighted families "
        "fewer unmet; "
        "closing a site that exists must save 12, so it stays"
    )


def test_families_whom_several_sites_serve_equally_are_counted_at_the_nearest():
    both = pd.DataFrame({"S1": [1.0] * 4, "S2": [1.0] * 4, "S3": [0.0] * 4}, index=list("ABCD"))
    away = pd.DataFrame({"S1": [9.0, 2, 9, None], "S2": [1.0, 8, 1, None], "S3": 0.0}, index=list("ABCD"))
    sites = SITES.assign(today=["hub", "hub", "none"], keep=True)
    chosen = SETTINGS.model_copy(update={"max_hubs": 2, "max_outreach": 0})
    found = plan.recommend(POINTS, sites, both, both, MINUTES, chosen, minutes=away)
    # B is nearer S1; A and C are nearer S2; D cannot reach either in time, so the first by site_id counts it.
    assert found.sites["families_reached"].tolist()[:2] == [50 + 10, 100 + 40]
    without = plan.recommend(POINTS, sites, both, both, MINUTES, chosen)
    assert without.sites["families_reached"].tolist()[:2] == [200, 0]
