"""A plan under other assumptions: tests and draws without a plan, what the settings decide, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest

from needs.siting import plan, robustness
from needs.siting.draws import draws
from needs.siting.redrawn import Redrawn
from tests.test_siting import near, points_of, settings_of, sites_of, table

FLOOR = {"group": "fifth_england", "values": [1]}


def two(demand=(100, 90), **columns):
    """Two places and two sites, each of which covers one of them, as a hub or as outreach."""
    points, sites = points_of(demand).assign(fifth_england=1), sites_of("AB", **columns)
    cover = table([[1, 0], [0, 1]], points, sites)
    return points, sites, cover


def drawn(found, cover, families, count=10):
    """Draws in which the places have the families of `families(draw)`."""

    def build(assumed):
        each = np.array(families(assumed.number), float)
        return Redrawn(each, each, cover.to_numpy(), cover.to_numpy())

    return draws(found.case, found.offers, build, ["walk"], count=count)


def test_robustness_counts_the_alternatives_that_choose_a_site():
    points, sites = points_of([10, 6]), sites_of("AB")
    hub = table([[1, 0], [0, 1]], points, sites)
    none = table(np.zeros((2, 2)), points, sites)
    base = settings_of(1, 0)
    found = plan.recommend(points, sites, hub, none, near(sites), base)
    alternatives = [
        robustness.Alternative("two hubs", points, hub, none, settings_of(2, 0)),
        robustness.Alternative("need at B", points.assign(weight=[1.0, 9.0]), hub, none, base),
        robustness.Alternative("no hub, outreach of none", points, hub, none, settings_of(0, 1)),
        robustness.Alternative("as it is", points, hub, none, base),
    ]
    tested = robustness.with_robustness(found, sites, near(sites), alternatives)
    rows = tested.sites.set_index("site_id")
    assert rows["chosen_in"].to_dict() == {"A": 2, "B": 2}  # A: two hubs, as it is; B: two hubs, need at B
    assert rows["hub_in"].to_dict() == {"A": 2, "B": 2}
    assert set(rows["alternatives"]) == {4}
    assert rows.loc["A", "reasons"][-1] == "Chosen in 2 of 4 tests of other assumptions"
    assert rows.loc["B", "reasons"][-1] == "Chosen in 2 of 4 tests of other assumptions"  # why it is not chosen, too
    assert "chosen_in" not in found.sites
    assert tested.tested == ()
    under = robustness.offers_under(alternatives, sites, near(sites))
    assert robustness.shares(under.offers).loc["A"].to_dict() == {"chosen": 0.5, "hub": 0.5}


def test_tests_without_a_plan_are_counted_and_told():
    points, sites, cover = two(may_outreach=False)
    chosen = settings_of(1, 0, floor=[FLOOR | {"reach_pct": 52}])
    found = plan.recommend(points, sites, cover, cover, near(sites), chosen)  # A reaches 100 of 190: 52.6 %
    alternatives = [
        robustness.Alternative("as many in both", points.assign(demand=95.0), cover, cover, chosen),
        robustness.Alternative("as it is", points, cover, cover, chosen),
    ]
    tested = robustness.with_robustness(found, sites, near(sites), alternatives)
    assert tested.sites["chosen_in"].tolist() == [1, 0]
    assert tested.sites["alternatives"].tolist() == [1, 1]
    assert tested.sites["reasons"][0][-1] == "Chosen in 1 of 1 tests of other assumptions"
    told = (
        "In 1 of 2 tests of other assumptions no plan keeps to the rules: as many in both (at least 52% of "
        "families in England's neediest fifth of neighbourhoods within reach of a hub or an outreach site: with the "
        "other constraints as they are no plan reaches more than 50 % of them, and 52 % is asked for)."
    )
    assert tested.tested == (told,)
    none = robustness.with_robustness(found, sites, near(sites), alternatives[:1])
    assert none.sites["reasons"].tolist() == found.sites["reasons"].tolist()
    assert none.sites["alternatives"].tolist() == [0, 0]


def test_draws_without_a_plan_are_counted_and_told():
    points, sites, cover = two(may_outreach=False)
    chosen = settings_of(1, 0, floor=[FLOOR | {"reach_pct": 52}])
    found = plan.recommend(points, sites, cover, cover, near(sites), chosen)
    # One hub reaches 100 of 190 or 52.6 %; 95 of 190 or 50 %: no plan; in the third the plan misses, B does not.
    result = drawn(found, cover, lambda k: [(100, 90), (95, 95), (90, 100)][k % 3], count=6)
    assert result.draws["no_plan"].tolist() == [False, True, False] * 2
    assert result.draws["misses"].tolist() == [False, True, True] * 2
    assert result.draws["best"].isna().tolist() == [False, True, False] * 2
    assert result.sites["chosen_share"].tolist() == [0.5, 0.5]
    assert result.pooled.status == "certified"
    assert result.sentences[0].startswith("In the 4 of 6 draws that have a plan, in which all")
    assert "In 4 of 6 draws the plan misses what must be reached; in 2 of these no plan reaches it." in result.sentences
    assert result.sentences[-1] == "The best plan of every draw that has one is proven optimal."
    nothing = drawn(found, cover, lambda k: (95, 95), count=3)
    assert nothing.sentences == ("In none of 3 draws was a plan found that reaches what must be reached.",)
    assert np.isnan(nothing.least_regret[1])
    added = robustness.with_draws(found, nothing)
    assert added.sites["reasons"].tolist() == found.sites["reasons"].tolist()


def test_a_site_that_is_chosen_as_something_else_is_not_sure():
    points, sites, cover = two()
    chosen = settings_of(1, 1)
    found = plan.recommend(points, sites, cover, cover, near(sites), chosen)
    assert found.offers == {"A": "hub", "B": "outreach"}
    result = drawn(found, cover, lambda k: (90, 100))  # B has more families: the hub is there, and A is outreach
    assert result.sites["chosen_share"].tolist() == [1.0, 1.0]
    assert result.sites["role"].tolist() == ["out", "out"]
    assert "0 of the plan's 2 sites are chosen, as in the plan," in result.sentences[0]
    assert result.sentences[1] == (
        "In the plan, but chosen so in one draw in ten or fewer: Site A (100 %, as a hub 0 %), "
        "Site B (100 %, as an outreach site 0 %)."
    )
    told = robustness.with_draws(found, result).sites
    assert told["drawn_pct"].tolist() == [100.0, 100.0]
    assert told["drawn_hub_pct"].tolist() == [0.0, 100.0]
    assert told["reasons"][0][-1] == (
        "Chosen in 100 % of 10 draws, in 0 % as a hub, where all that is not known for sure changes at once"
    )
    other = [robustness.Alternative(f"{k}", points_of([90, 100]), cover, cover, chosen) for k in range(9)]
    tested = robustness.with_robustness(found, sites, near(sites), other).sites
    assert tested["reasons"][0][-1] == "Chosen in 9 of 9 tests of other assumptions, in 0 as a hub"
    assert tested["reasons"][1][-1] == "Chosen in 9 of 9 tests of other assumptions, in 0 as an outreach site"
    assert tested["hub_in"].tolist() == [0, 9]


def test_what_the_settings_decide_is_not_tested():
    points, sites, cover = two(today=["hub", "none"])
    chosen = settings_of(2, 1, must={"A": "closed"})
    found = plan.recommend(points, sites, cover, cover, near(sites), chosen)
    assert [found.case.left_to(s) for s in (0, 1)] == [["none"], ["hub", "outreach", "none"]]
    alternative = robustness.Alternative("as it is", points, cover, cover, chosen)
    tested = robustness.with_robustness(found, sites, near(sites), [alternative]).sites
    assert tested["reasons"][0][-1] == "Not tested: the settings decide"
    assert tested["reasons"][1][-1] == "Chosen in 1 of 1 tests of other assumptions"
    assert tested["alternatives"].tolist() == [0, 1]
    result = drawn(found, cover, lambda k: (100, 90))
    assert result.sites["role"].tolist() == ["decided", "core"]
    told = robustness.with_draws(found, result).sites
    assert np.isnan(told["drawn_pct"][0])
    assert told["reasons"][0] == found.sites["reasons"][0]
    forced = settings_of(2, 1, must={"A": "hub", "B": "outreach"})
    both = plan.recommend(points, sites, cover, cover, near(sites), forced)
    sentences = drawn(both, cover, lambda k: (100, 90)).sentences
    assert sentences[0] == "Not tested, for the settings decide: Site A, Site B."


@pytest.mark.parametrize(
    ("settings", "site", "left"),
    [
        ({"must": {"A": "hub"}}, "A", ["hub"]),
        ({"must": {"A": "outreach"}}, "A", ["outreach"]),
        ({"must": {"A": "open"}}, "A", ["hub", "outreach"]),
        ({"must": {"A": "convert"}}, "A", ["outreach"]),  # it is a hub today
        ({"existing": "keep"}, "A", ["hub"]),
        ({"existing": "keep"}, "C", ["hub", "outreach"]),  # an outreach site that stays may become a hub
        ({}, "A", ["hub", "outreach", "none"]),
        ({}, "B", ["none"]),  # may be neither
    ],
)
def test_the_settings_leave_a_site_so_much(settings, site, left):
    sites = sites_of("ABC", today=["hub", "none", "outreach"], may_hub=[True, False, True])
    sites = sites.assign(may_outreach=[True, False, True])
    points = points_of([1])
    cover = table([[1, 1, 1]], points, sites)
    case = plan.recommend(points, sites, cover, cover, near(sites), settings_of(2, 2, **settings)).case
    assert case.left_to("ABC".index(site)) == left
