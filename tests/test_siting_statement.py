"""What the settings of a plan ask for, on a town worked by hand, and how a plan shows itself."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from shapely import Point

from needs import charts, scenarios
from needs.assessment.plan import Cost, PlanSettings, ReachFloor
from needs.errors import InfeasibleError, InputError, SettingsError
from needs.siting import alternatives, draws, plan

# Four villages in a row, ten minutes apart, 100 families each but the last (40); one building in each. A hub reaches
# its own village and half of each next one; an outreach its own village alone.
POINTS = pd.DataFrame(
    {
        "point_id": list("ABCD"),
        "lsoa21cd": [f"E0100000{i}" for i in range(4)],
        "demand": [100.0, 100, 100, 40],
        "weight": [100.0, 100, 150, 80],
        "fifth_england": [5, 4, 2, 1],
        "ruc21cd": ["UN1", "UN1", "RSF1", "RSF1"],
        "car": [True, True, True, False],
    }
)
IDS = ["A1", "B1", "C1", "D1"]
SITES = pd.DataFrame(
    {
        "site_id": IDS,
        "name": ["Library", "Centre", "Hall", "School"],
        "site_type": "library",
        "today": ["none", "hub", "none", "none"],
        "keep": False,
        "ours": True,
        "may_hub": True,
        "may_outreach": True,
    }
)
AWAY = pd.DataFrame(np.abs(np.subtract.outer(range(4), range(4))) * 10.0, index=IDS, columns=IDS)
NEAR = AWAY.set_axis(list("ABCD"), axis=0)
HUB = NEAR.map(lambda m: {0.0: 1.0, 10.0: 0.5}.get(m, 0.0))
OUTREACH = NEAR.map(lambda m: float(m == 0))


SETTINGS = PlanSettings(max_hubs=1, max_outreach=1, keep_hub_pct=0, keep_outreach_pct=0, outreach_value=0.6)


def recommend(sites=SITES, **settings) -> plan.Plan:
    return plan.recommend(POINTS, sites, HUB, OUTREACH, AWAY, SETTINGS.changed(**settings), minutes=NEAR)


def offers(found: plan.Plan) -> str:
    return " ".join(f"{s}={o}" for s, o in found.offers.items() if o != "none")


# Hub C1 meets B 50 + C 150 + D 40 = 240; outreach at A1 (20 minutes off, as far as may be) adds 60: 300.
# Hub B1 meets 50 + 100 + 75 = 225, outreach D1 (20 minutes off) adds 48: 273.


def test_the_plan_without_further_rules():
    found = recommend()
    assert offers(found) == "A1=outreach C1=hub"
    assert found.proof.objective == pytest.approx(300)


def test_sites_that_must_be_something():
    assert offers(recommend(must={"B1": "hub"})) == "B1=hub D1=outreach"
    assert offers(recommend(must={"C1": "closed"})) == "B1=hub D1=outreach"
    # Of plans with B1 as outreach hub C1 is best: B has 60 instead of 50.
    assert offers(recommend(must={"B1": "convert"})) == "B1=outreach C1=hub"
    assert offers(recommend(must={"D1": "open"})) == "B1=hub D1=outreach"
    with pytest.raises(InputError, match=r"A11: there is no such site -> did you mean 'A1'\?") as raised:
        recommend(must={"A11": "hub", "A1": "convert"})
    assert "A1: offers nothing today" in str(raised.value)


def test_money_and_staff_days():
    costs = {
        "hub": Cost(opening_gbp=100, yearly_gbp=50, staff_days=5),
        "outreach": Cost(opening_gbp=10, yearly_gbp=5, staff_days=1),
        "closing_gbp": 30,
    }
    # Hub C1 and outreach A1 cost 110 and closing the Centre 30; keeping the Centre as the hub costs only the outreach.
    assert offers(recommend(**costs, opening_budget_gbp=140)) == "A1=outreach C1=hub"
    assert offers(recommend(**costs, opening_budget_gbp=139)) == "B1=hub D1=outreach"
    assert offers(recommend(**costs, opening_budget_gbp=9)) == "B1=hub"
    assert offers(recommend(**costs, yearly_budget_gbp=54)) == "C1=hub"
    assert offers(recommend(**costs, staff_days=4.9)) == ""
    # The school's own figure comes before the settings'; C1 then adds 90 - 75 and A1 60 - 50.
    dear = SITES.assign(outreach_opening_gbp=[np.nan, np.nan, np.nan, 50.0])
    assert offers(recommend(dear, **costs, opening_budget_gbp=20)) == "B1=hub C1=outreach"
    with pytest.raises(InputError, match="yearly_gbp is not known for A1, B1, C1, D1 -> give yearly_gbp under"):
        recommend(yearly_budget_gbp=100)


def test_hubs_keep_their_distance():
    # A1 and C1, or B1 and C1, meet 340: of equals the Centre stays. Twenty minutes apart are enough, ten are not.
    assert offers(recommend(max_hubs=2, max_outreach=0, hubs_apart_min=10)) == "B1=hub C1=hub"
    assert offers(recommend(max_hubs=2, max_outreach=0, hubs_apart_min=20)) == "A1=hub C1=hub"
    far = recommend(max_hubs=2, max_outreach=0, hubs_apart_min=20.1)
    assert offers(far) == "A1=hub D1=hub"
    with pytest.raises(InfeasibleError):
        recommend(max_hubs=2, hubs_apart_min=11, must={"A1": "hub", "B1": "hub"})


def test_hubs_that_must_be_and_may_not_be_so_near_are_named():
    with pytest.raises(InfeasibleError) as raised:
        recommend(max_hubs=2, hubs_apart_min=11, must={"C1": "hub", "D1": "hub"})
    (fault,) = raised.value.faults
    assert fault.where == "must, C1; must, D1; hubs_apart_min"
    assert fault.fix == (
        "any one would mend it: must, C1: unset must for Hall (Hall must be a hub); or must, D1: unset must for School "
        "(School must be a hub); or hubs_apart_min: lower it to 10 (Hall and School are 10 minutes apart, where 11 "
        "minutes are asked for)"
    )
    assert "free" not in str(raised.value)  # it is so already
    with pytest.raises(InfeasibleError) as raised:  # A1 and B1 are too near as well: both pairs must give way
        recommend(max_hubs=4, hubs_apart_min=11, must=dict.fromkeys(IDS, "hub"))
    (fault,) = raised.value.faults
    assert "must, B1; must, D1: unset must for Centre and unset must for School (Centre must be a hub and" in fault.fix
    assert fault.fix.count("10 minutes apart") == 3
    recommend(max_hubs=2, hubs_apart_min=10, must={"C1": "hub", "D1": "hub"})


def test_what_must_close_clashes_with_keeping_all():
    with pytest.raises(InputError, match=r'B1: must close, but existing = "keep" lets no site that exists close'):
        recommend(existing="keep", must={"B1": "closed"})
    assert offers(recommend(must={"B1": "closed"})) == "A1=outreach C1=hub"
    with pytest.raises(InputError, match=r"libraries-nowhere: there is no such site -> give a site_id"):
        recommend(sites=SITES.assign(site_id=["A1", "B1", "C1", "libraries-oakham-library"]),
                  must={"libraries-nowhere": "hub"})  # fmt: skip


def test_floors_are_reached_or_refused():
    # Without a car: D alone. It must be reached whole: a hub or an outreach in D.
    floor = ReachFloor(group="car", values=[False], reach_pct=100)
    assert offers(recommend(floor=[floor])) == "B1=hub D1=outreach"
    # By a hub: only D1 as a hub does, with an outreach 20 minutes off at most.
    assert offers(recommend(floor=[floor.model_copy(update={"offer": "hub"})])) == "B1=outreach D1=hub"
    # A hub in C and an outreach in D reach both; nothing reaches A and D with one hub and one outreach but B1, D1.
    rural = ReachFloor(group="ruc21cd", values=["RSF1"], reach_pct=100)
    assert offers(recommend(floor=[rural])) == "C1=hub D1=outreach"
    everybody = ReachFloor(group="fifth_england", values=[1, 2, 4, 5], reach_pct=90)
    with pytest.raises(InfeasibleError) as raised:
        recommend(floor=[everybody])
    # The most is reached by hub B1 and outreach D1: 50 + 100 + 50 + 40 = 240 of 340; C1, A1: 100 + 50 + 100 + 20 = 270.
    assert "no plan reaches more than 79.411 % of them, and 90 % is asked for" in str(raised.value)
    (fault,) = raised.value.faults  # one clash, three ways out
    assert fault.where == "max_hubs; max_outreach; floor of 90 % for fifth_england 1, 2, 4, 5"
    assert "max_hubs: raise it to 2 (the other constraints need 2, but at most 1 may be); or " in fault.fix
    with pytest.raises(InputError, match="no family is in this group -> give some of 1, 2, 4, 5"):
        recommend(floor=[ReachFloor(group="fifth_england", values=[3], reach_pct=10)])


def test_a_floor_for_the_neediest_here():
    """England's neediest fifth may live elsewhere: here C is the neediest, and must be reached whole."""
    floor = {"group": "fifth_here", "values": [1], "reach_pct": 100}
    here = POINTS.assign(fifth_england=4, fifth_here=[3, 2, 1, 5])
    chosen = SETTINGS.changed(max_outreach=0)
    free = plan.recommend(here, SITES, HUB, OUTREACH, AWAY, chosen)
    held = plan.recommend(here, SITES, HUB, OUTREACH, AWAY, chosen.changed(floor=[floor]))
    # One hub: at B1 50 + 100 + 75 = 225, at C1 50 + 150 + 40 = 240, at D1 75 + 80 = 155.
    assert (offers(free), offers(held)) == ("C1=hub", "C1=hub")
    chosen = chosen.changed(floor=[floor | {"values": [3]}])  # of A only A1 reaches all
    assert offers(plan.recommend(here, SITES, HUB, OUTREACH, AWAY, chosen)) == "A1=hub"
    with pytest.raises(InputError, match="floor of 100 % for fifth_here 1: the families have no column fifth_here"):
        recommend(floor=[ReachFloor(**floor)])


def test_settings_are_changed_with_the_checks_of_the_file():
    chosen = SETTINGS.changed(max_hubs=3, hub={"families": 90}, must={"A1": "hub"})
    assert (chosen.max_hubs, chosen.hub.families, chosen.must) == (3, 90.0, {"A1": "hub"})
    assert chosen.changed(max_hubs=SETTINGS.max_hubs, hub=SETTINGS.hub, must={}) == SETTINGS
    assert chosen.changed(floor=[ReachFloor(group="car", values=[False], reach_pct=60)]).floor[0].label == (
        "floor of 60 % for car False"
    )
    wrong = {"max_hub": 3, "must": {"A1": "hubb"}, "aim": "fifth", "hubs_apart_min": "ten", "max_outreach": -1}
    with pytest.raises(SettingsError) as caught:
        SETTINGS.changed(**wrong, floor=[{"group": "cars", "values": [False], "reach_pct": 60}])
    assert {f.where for f in caught.value.faults} == {
        "plan, max_hub", "plan, must A1", "plan, aim", "plan, hubs_apart_min", "plan, max_outreach",
        "plan, [[floor]] 1 group",
    }  # fmt: skip
    assert "(it is 'hubb')" in str(caught.value)
    assert {f.fix for f in caught.value.faults} == {"remove it or correct its spelling", "give another value"}
    with pytest.raises(SettingsError, match=r"keep_outreach_pct 5 is over keep_hub_pct 0"):
        SETTINGS.changed(keep_outreach_pct=5)


def test_what_is_asked_first():
    worst = recommend(aim="worst_fifth")
    assert worst.proof.steps[0].reached == pytest.approx(1.0)  # D is met whole by a hub of its own
    assert offers(worst) == "B1=outreach D1=hub"  # C half, and an outreach within 20 minutes: B 60 before C 90 - 75
    # Shares of need met by village: C1 and A1 give .6 .5 1 .5, any other pair of sites leaves some below .5.
    fair = recommend(aim="fifths")
    assert fair.proof.steps[0].reached == pytest.approx(0.5)
    assert offers(fair) == "A1=outreach C1=hub"
    # The tenth of families in the neediest place live in D: the nearest site there is.
    near = recommend(aim="worst_decile_travel")
    assert near.proof.steps[0].reached == pytest.approx(40.0)
    with pytest.raises(InputError, match="no family lives in England's neediest fifth"):
        plan.recommend(
            POINTS.assign(fifth_england=3), SITES, HUB, OUTREACH, AWAY,
            PlanSettings(max_hubs=1, max_outreach=1, aim="worst_fifth"),
        )  # fmt: skip


def test_settings_refuse_what_they_do_not_know():
    for wrong in ({"must": {"A1": "perhaps"}}, {"aim": "best"}, {"staff_days": -1}, {"floor": [{"group": "age"}]}):
        with pytest.raises(ValidationError):
            PlanSettings(max_hubs=1, max_outreach=1, **wrong)


def test_a_plan_shows_itself_and_escapes_names():
    hostile = SITES.assign(name=["<b>Library</b>", "Centre", "Hall", "School"])
    points = gpd.GeoDataFrame(hostile, geometry=[Point(450_000 + 1000 * i, 300_000) for i in range(4)], crs=27700)
    found = recommend(points)
    shown = found._repr_html_()
    assert found.summary == ("1 hubs, 1 outreach sites, 1 closed; 69.8 % of need-weighted demand met; proven best")
    assert "&lt;b&gt;Library&lt;/b&gt;" in shown
    assert "<b>Library" not in shown
    assert shown.count("<svg") == 1
    assert "<script" not in shown
    assert "<svg" not in recommend()._repr_html_()  # without places there is no map


def test_a_map_of_sites_keeps_distances_and_counts():
    table = pd.DataFrame(
        {
            "site_id": ["a", "b", "c"],
            "name": ["A", "B", "C"],
            "kind": ["hub", "outreach", "close"],
            "x": [0.0, 3000.0, 0.0],
            "y": [0.0, 0.0, 4000.0],
            "parent_hub_id": [None, "a", None],
        }
    )
    drawn = charts.places(table, title="Sites")
    assert drawn.svg.count("<line") >= 2  # the outreach's tie and the bar
    assert "1 hub, 1 outreach, 1 closes" in drawn.description
    assert drawn.data["run_from"].tolist() == ["", "A", ""]  # what closes lies lowest, hubs on top
    assert "Nothing to draw" in charts.places(table.head(0), title="Sites").description


def test_full_sites_are_counted_as_full_before_and_after():
    settings = PlanSettings(
        max_hubs=1, max_outreach=1, keep_hub_pct=0, keep_outreach_pct=0, hub=Cost(families=120), must={"C1": "hub"}
    )
    found = plan.recommend(POINTS, SITES, HUB, OUTREACH, AWAY, settings, minutes=NEAR)
    covers = {"hub": HUB, "outreach": OUTREACH}
    made = scenarios.Scenario.of("Plan", found.offers, POINTS, covers, 0.6, minutes={}, places=found.families)
    # Hub C1 could take B 50, C 100 and D 20 of the families; it has 120 places.
    assert found.families == {"C1": 120.0}
    assert made.outcome["hub"].sum() == pytest.approx(120)
    assert made.outcome[["hub", "outreach", "virtual"]].sum(axis=1).tolist() == pytest.approx([100, 100, 100, 40])
    assert made.outcome["unmet"].sum() == pytest.approx(found.unmet)
    assert found.turned_away > 0
    for ask in (
        lambda: alternatives.alternatives(found.case, found.solution),
        lambda: draws.draws(found.case, found.offers, lambda _: None, []),
    ):
        with pytest.raises(InputError, match="sites can be full"):
            ask()
