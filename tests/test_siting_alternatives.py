"""Alternatives and prices: a town worked by hand, and every plan of small random tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from needs.assessment.plan import Cost
from needs.errors import InfeasibleError, InputError
from needs.siting.alternatives import alternatives, prices, spent
from needs.siting.case import Case
from tests.test_siting import allowed, every_plan, need_met, random_case, worth_of_keeping
from tests.test_siting_town import HUB, MINUTES, OUTREACH, POINTS, SETTINGS, SITES

TIE = 1e-9


def town(**more):
    case = Case.of(POINTS, SITES, HUB, OUTREACH, MINUTES, SETTINGS.model_copy(update=more))
    return case, case.solve()


def solved(seed: int):
    """A random case, its solution, and every plan that it allows with its objective and need met."""
    tables = random_case(seed)
    points, sites, hub, outreach, between, chosen = tables
    case = Case.of(*tables)
    try:
        solution = case.solve()
    except InfeasibleError:
        return None
    rows = between.to_dict("index")
    plans = []
    for offers in every_plan(sites):
        if allowed(sites, rows, chosen, offers):
            met = need_met(points, hub, outreach, offers)
            plans.append((met + worth_of_keeping(points, sites, chosen, offers), met, offers))
    return case, solution, plans


# Need met with every plan of the town is worked out in test_siting_town; kept: 1.5 for an existing site that goes on
# (0.6 % of 250), 2.5 for S2 as a hub (1 %). So 173.5 for S1 hub and S3 outreach, then 130 + 2.5 + 1.5 = 134 for S2
# hub and S1 outreach, 124 + 1.5 + 1.5 = 127 for S1 hub and S2 outreach, 122.5 for S2 alone, 110 for S3.
def test_alternatives_of_the_town_are_those_found_by_hand():
    case, plan = town()
    found = alternatives(case, plan, within_pct=30.0, differ=1, most=9)  # down to 121.45
    assert found.table["number"].tolist() == [1, 2, 3]
    assert found.table["offers"].tolist() == [
        {"S1": "outreach", "S2": "hub", "S3": "none"},
        {"S1": "hub", "S2": "outreach", "S3": "none"},
        {"S1": "none", "S2": "hub", "S3": "none"},
    ]
    first = found.table.iloc[0]
    assert (first["comes_in"], first["goes_out"], first["changes"]) == (["S2"], ["S3"], ["S1"])
    assert first[["met", "unmet", "rise_unmet", "rise_pct", "lost"]].tolist() == pytest.approx(
        [130, 120, 42, 16.8, 39.5]
    )
    assert found.table["lost"].tolist() == pytest.approx([39.5, 46.5, 51])
    assert found.table["aim_lost"].isna().all()
    assert found.sentences() == [
        (
            "Keeps Old Centre (hub) in place of Village Hall and makes Library an outreach site, not a hub: leaves 42 "
            "more need-weighted families unmet (17 points of need met), though it keeps more of what exists today, "
            "which counts for 2.5"
        ),
        (
            "Keeps Old Centre (outreach) in place of Village Hall: leaves 48 more need-weighted families unmet (19 "
            "points of need met), though it keeps more of what exists today, which counts for 1.5"
        ),
        (
            "Keeps Old Centre (hub) in place of Library and Village Hall: leaves 52 more need-weighted families unmet "
            "(21 points of need met), though it keeps more of what exists today, which counts for 1"
        ),
        (
            "These are all: no other plan differs in 1 site or more and comes within 30 % of the plan in need met "
            "and what keeping existing sites counts for"
        ),
    ]
    none = alternatives(case, plan, within_pct=1.0)
    assert none.table.empty
    assert none.sentences() == [
        (
            "No plan differs in 1 site or more and comes within 1 % of the plan in need met "
            "and what keeping existing sites counts for"
        )
    ]


def test_an_alternative_may_meet_more_need_and_lose_on_the_presumption_against_closure():
    case, plan = town(keep_hub_pct=20.0)  # closing S2, a hub, must save 50: 130 + 50 + 1.5 beats 172 + 1.5
    assert case.offers(plan.opened) == ["outreach", "hub", "none"]
    found = alternatives(case, plan, within_pct=5.0, most=1)
    row = found.table.iloc[0]
    assert row[["rise_unmet", "lost"]].tolist() == pytest.approx([-42, 8])
    assert row["sentence"] == (
        "Opens Village Hall (outreach) in place of Old Centre and makes Library a hub, not an outreach site: leaves 42 "
        "fewer need-weighted families unmet (17 points of need met), but it closes or changes what exists today: it "
        "would have to leave 50 fewer unmet"
    )
    assert found.status == "most found"
    assert found.least_lost == pytest.approx(8.0)
    assert found.sentences()[-1] == (
        "There may be others of which each differs in 1 site or more and comes within 5 % of the plan in need met "
        "and what keeping existing sites counts for; any other loses at least 8 need-weighted families"
    )


def test_prices_of_the_town_are_those_found_by_hand():
    case, plan = town()
    table = prices(case, plan).set_index(["site_id", "forced"])
    best = {  # the best plan with each site as asked, by need met and what is kept
        ("S1", "hub"): 173.5,
        ("S1", "outreach"): 134.0,
        ("S1", "none"): 122.5,
        ("S2", "hub"): 134.0,
        ("S2", "outreach"): 127.0,
        ("S2", "none"): 173.5,
        ("S3", "hub"): 110.0,
        ("S3", "outreach"): 173.5,
        ("S3", "none"): 134.0,
    }
    assert table["lost"].to_dict() == pytest.approx({key: 173.5 - value for key, value in best.items()})
    assert (table["status"] == "as planned").sum() == 3
    assert table["lost"].is_monotonic_increasing
    assert table.loc[("S1", "hub"), "sentence"] == "As in the plan"
    impossible = prices(*town(must={"S1": "hub"})).set_index(["site_id", "forced"]).loc[("S1", "none")]
    assert impossible["status"] == "impossible"
    assert np.isnan(impossible["lost"])
    assert impossible["sentence"] == "Library cannot be left out: no plan keeps to the rules then"


@pytest.mark.parametrize("seed", range(25))
def test_alternatives_are_those_of_every_plan(seed):
    made = solved(seed)
    if made is None:
        return
    case, solution, plans = made
    points, sites, hub, outreach, _, _ = random_case(seed)
    found = alternatives(case, solution, within_pct=40.0, differ=1, most=400)
    best = max(value for value, _, _ in plans)
    near = {tuple(sorted(o.items())): (v, m) for v, m, o in plans if v >= 0.6 * best * (1 - TIE)}
    recommended = dict(zip(case.sites["site_id"], case.offers(solution.opened), strict=True))
    listed = [tuple(sorted(o.items())) for o in found.table["offers"]]
    assert {*listed, tuple(sorted(recommended.items()))} == set(near)
    assert len(listed) == len(near) - 1
    assert found.status == "complete"
    met = need_met(points, hub, outreach, recommended)
    for key, row in zip(listed, found.table.itertuples(), strict=True):
        assert row.met == pytest.approx(near[key][1], rel=1e-12, abs=1e-12)
        assert row.rise_unmet == pytest.approx(met - near[key][1], abs=1e-9)
        assert row.lost == pytest.approx(best - near[key][0], abs=1e-9)
        assert row.met + row.unmet == pytest.approx(points["weight"].sum())
        offers = dict(key)
        for s in sites["site_id"]:
            kind = (recommended[s] == "none", offers[s] == "none", recommended[s] != offers[s])
            assert (s in row.comes_in) == (kind == (True, False, True))
            assert (s in row.goes_out) == (kind == (False, True, True))
            assert (s in row.changes) == (kind == (False, False, True))


@pytest.mark.parametrize("seed", range(25))
def test_prices_are_those_of_every_plan(seed):
    made = solved(seed)
    if made is None:
        return
    case, solution, plans = made
    best = max(value for value, _, _ in plans)
    table = prices(case, solution)
    ours = case.sites[case.sites["ours"].astype(bool)]
    expected = {
        (r.site_id, offer) for r in ours.itertuples() for offer in ("hub", "outreach") if getattr(r, f"may_{offer}")
    }
    assert set(zip(table["site_id"], table["forced"], strict=True)) == expected | {(s, "none") for s in ours["site_id"]}
    for row in table.itertuples():
        values = [value for value, _, offers in plans if offers[row.site_id] == row.forced]
        if not values:
            assert row.status == "impossible"
            continue
        assert row.lost == pytest.approx(best - max(values), abs=1e-9)
        assert row.offers[row.site_id] == row.forced
        assert (row.status == "as planned") == (row.offer == row.forced)


def test_what_a_plan_costs_is_opening_closing_and_each_year():
    costs = {
        "hub": Cost(opening_gbp=1000.0, yearly_gbp=300.0, staff_days=5.0),
        "outreach": Cost(opening_gbp=100.0, yearly_gbp=30.0),
        "closing_gbp": 7.0,
    }
    case, plan = town(**costs)  # S1 becomes a hub, S3 opens as outreach, S2 closes
    total = spent(case, plan.opened)
    assert (total["opening_gbp"], total["yearly_gbp"]) == (1107.0, 330.0)
    assert np.isnan(total["staff_days"])
    found = alternatives(case, plan, within_pct=25.0, most=1).table.iloc[0]  # S1 and S2 stay as they are
    assert found["opening_gbp"] == -1107.0
    assert found["yearly_gbp"] == 0.0
    assert found["sentence"].endswith("; £1,107 less to open")


def test_order_of_rows_and_columns_changes_nothing():
    points, sites, hub, outreach, between, chosen = random_case(3)
    straight = Case.of(points, sites, hub, outreach, between, chosen)
    mixed = Case.of(
        points.sample(frac=1, random_state=1),
        sites.sample(frac=1, random_state=2),
        hub.sample(frac=1, axis=1, random_state=3),
        outreach.sample(frac=1, random_state=4),
        between.sample(frac=1, random_state=5),
        chosen,
    )
    one, other = ((c, c.solve()) for c in (straight, mixed))
    pd.testing.assert_frame_equal(prices(*one), prices(*other))
    pd.testing.assert_frame_equal(
        alternatives(*one, within_pct=60.0, differ=2).table, alternatives(*other, within_pct=60.0, differ=2).table
    )


def test_an_aim_that_comes_first_has_its_loss_told():
    case, plan = town(aim="worst_fifth")  # B, the only point of the worst fifth: a hub at S3 covers it
    assert case.offers(plan.opened)[2] == "hub"
    row = prices(case, plan).set_index(["site_id", "forced"]).loc[("S3", "outreach")]
    assert row["aim_lost"] == pytest.approx(0.4)  # of 1 with the hub, 0.6 with outreach
    assert row["lost"] == pytest.approx(110 - 173.5)


def test_a_wrong_argument_is_refused():
    with pytest.raises(InputError, match="differ: is 0"):
        alternatives(*town(), differ=0)
