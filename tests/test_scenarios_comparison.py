"""Who gains and who loses: a hand-computed town, a plain second implementation, laws that hold for any scenarios."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import scenarios
from needs.errors import InputError
from needs.scenarios import Scenario
from needs.siting.plan import evaluate

BETA = 0.6
OFFERS = ("hub", "outreach", "none")

# Two zones. West has one place, half of its 40 families without a car; East has two places, all with a car but 2.
FAMILIES = pd.DataFrame(
    [
        ("w, with a car", "w", "W", True, 0.5, 20.0, 40.0, 1, "UN1"),
        ("w, without a car", "w", "W", False, 0.5, 20.0, 40.0, 1, "UN1"),
        ("e1, with a car", "e1", "E", True, 0.8, 8.0, 8.0, 4, "RSN1"),
        ("e2, without a car", "e2", "E", False, 0.2, 2.0, 2.0, 4, "RSN1"),
    ],
    columns=["point_id", "place_id", "lsoa21cd", "car", "share", "demand", "weight", "fifth_england", "ruc21cd"],
)
IDS = FAMILIES["point_id"].to_list()
SITES = ["a", "b", "c"]


def covers(hub: list[list[float]], outreach: list[list[float]] | None = None) -> dict[str, pd.DataFrame]:
    both = {"hub": hub, "outreach": outreach or hub}
    return {o: pd.DataFrame(v, index=pd.Index(IDS), columns=SITES) for o, v in both.items()}


# Site a stands in the West, b between, c in the East: families reach with a car what they do not on foot.
COVERS = covers([[1, 0.5, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]])
MINUTES = {
    "walk": pd.DataFrame([[5.0, 40, math.nan], [math.nan, 20, 10], [math.nan, 30, 10]], ["w", "e1", "e2"], SITES),
    "drive": pd.DataFrame([[2.0, 8, 20], [20, 5, 3], [21, 6, 3]], ["w", "e1", "e2"], SITES),
}
TODAY = {"a": "hub", "b": "none", "c": "outreach"}
PLAN = {"a": "none", "b": "hub", "c": "outreach"}
OFFLINE = pd.Series({"W": 10.0, "E": 25.0})


def scenario(label: str, offers: dict[str, str], **more) -> Scenario:
    return Scenario.of(label, offers, FAMILIES, COVERS, BETA, minutes=MINUTES, **more)


def town(**more) -> scenarios.Comparison:
    both = {"today": scenario("Today", TODAY), "plan": scenario("The plan", PLAN)}
    given_ = {"zone_names": {"W": "West", "E": "East"}, "minutes": MINUTES, "offline_pct": OFFLINE, **more}
    return scenarios.before_and_after(
        FAMILIES, both, demand_label="births a year", site_names={"a": "A", "b": "B", "c": "C"}, **given_
    )


def test_town_by_hand():
    """West: 20 drive from a hub (1) to half a hub (0.5), 20 on foot lose it (1 to 0). East: 8 rise from 0.6 to 1."""
    found = town()
    rows = found.rows.set_index("point_id")
    assert rows["value_today"].tolist() == [1, 1, 0.6, 0.6]
    assert rows["value_plan"].tolist() == [0.5, 0, 1, 0.6]
    total = found.totals["plan"]
    assert (total["gain"], total["lose"], total["same"]) == (8, 40, 2)
    assert total["need_gained"] == pytest.approx(8 * 0.4)
    assert total["need_lost"] == pytest.approx(40 * 0.5 + 40 * 1)
    assert found.totals["today"]["unmet"] == pytest.approx(10 * 0.4)
    assert total["unmet"] == pytest.approx(10 * 0.4 - 3.2 + 60)
    assert total["virtual"] == pytest.approx(20 * 0.5 + 20)
    assert total["virtual_offline"] == pytest.approx(3.0)
    assert total["met_pct"] == pytest.approx(100 * (10 + 8 + 2 * 0.6) / 50)
    assert "gain" not in found.totals["today"]
    assert found.summary == (
        "The plan, against Today: of 50 births a year, 8 gain, 40 lose and 2 are as well off. "
        "A change of up to 0.05 counts as none, a hub near by being 1."
    )


def test_zones_by_hand():
    zones = town().zones.set_index("lsoa21cd")
    assert zones.index.tolist() == ["E", "W"]
    assert zones["zone_name"].tolist() == ["East", "West"]
    assert zones["cover_today"].tolist() == pytest.approx([0.6, 1.0])
    assert zones["cover_plan"].tolist() == pytest.approx([0.8 * 1 + 0.2 * 0.6, 0.25])
    assert zones["lose_plan"].tolist() == [0, 40]
    assert zones["unmet_change_plan"].tolist() == pytest.approx([-3.2, 60])
    assert zones["virtual_offline_plan"].tolist() == pytest.approx([0.0, 3.0])
    assert zones["hub_walk_min_today"].isna().tolist() == [True, False]
    assert zones["hub_walk_min_plan"].tolist() == [20.0, 40.0]  # East: four in five live at e1
    assert zones["any_walk_min_plan"].tolist() == [10.0, 40.0]
    assert zones["hub_drive_min_plan"].tolist() == [5.0, 8.0]


def test_groups_by_hand():
    groups = town().groups.set_index(["kind", "group"])
    assert groups.loc[("car", "Without a car"), "demand"] == 22
    assert groups.loc[("car", "Without a car"), "lose_plan"] == 20
    assert groups.loc[("car", "Without a car"), "hub_pct_today"] == pytest.approx(100 * 20 / 22)
    assert groups.loc[("car", "Without a car"), "virtual_pct_plan"] == pytest.approx(100 * 20 / 22)
    assert groups.loc[("fifth_england", "Fourth fifth"), "gain_plan"] == 8
    assert groups.loc[("ruc21cd", "Urban, nearer a city"), "virtual_offline_plan"] == pytest.approx(3.0)
    assert not groups["few"].any()
    assert "Second fifth" not in groups.index.get_level_values("group")  # nobody lives there


def test_losses_and_gains_are_named_the_largest_first():
    found = town()
    losses, gains = found.losses.to_dict("records"), found.gains.to_dict("records")
    assert [r["families"] for r in losses] == [20, 20]
    assert [r["need"] for r in losses] == pytest.approx([40, 20])
    worst, next_ = losses
    assert (worst["zone_name"], worst["before_site"], worst["before_offer"]) == ("West", "A", "hub")
    assert pd.isna([worst["after_site_id"], worst["after_site"], worst["after_offer"]]).all()
    assert (worst["before_value"], worst["after_value"], worst["without_car"]) == (1.0, 0.0, 20.0)
    assert worst["walk_min_before"] == 5.0
    assert math.isnan(worst["walk_min_after"])
    assert math.isnan(worst["drive_min_before"])  # none of them can drive
    assert (next_["after_site"], next_["after_offer"], next_["after_value"]) == ("B", "hub", 0.5)
    assert (next_["drive_min_before"], next_["drive_min_after"], next_["walk_min_after"]) == (2.0, 8.0, 40.0)
    assert [(r["zone_name"], r["before_site"], r["after_site"], r["families"]) for r in gains] == [
        ("East", "C", "B", 8.0)
    ]


def test_of_equally_good_sites_a_family_is_counted_at_the_nearest():
    offers = {"a": "none", "b": "hub", "c": "hub"}
    near = scenario("All", offers).outcome.set_index("point_id")["best_site_id"]
    assert near["e1, with a car"] == "c"
    plain = Scenario.of("All", offers, FAMILIES, COVERS, BETA).outcome.set_index("point_id")["best_site_id"]
    assert plain["e1, with a car"] == "b"
    pd.testing.assert_frame_equal(
        scenario("All", offers).outcome.drop(columns="best_site_id"),
        evaluate(FAMILIES, COVERS["hub"], COVERS["outreach"], offers, BETA).drop(columns="best_site_id"),
    )


def test_without_any_site_nobody_is_reached():
    nothing = scenario("Nothing", dict.fromkeys(SITES, "none"))
    both = {"today": scenario("Today", TODAY), "none": nothing}
    found = scenarios.before_and_after(FAMILIES, both, demand_label="births", minutes=MINUTES)
    assert found.totals["none"]["virtual"] == found.totals["none"]["lose"] == 50
    assert found.zones["any_drive_min_none"].isna().all()
    assert found.losses["after_site"].isna().all()


def test_digital_access_is_known_or_it_is_told_that_it_is_not():
    known = town()
    assert known.totals["plan"]["virtual_offline"] == pytest.approx(3.0)
    for gone in (None, pd.Series({"E": 25.0}), pd.Series({"W": np.nan, "E": 25.0})):
        found = town(offline_pct=gone)
        assert math.isnan(found.totals["plan"]["virtual_offline"])
        assert "not known" in found._repr_html_()
        groups = found.groups.set_index("group")
        assert math.isnan(groups.loc["Without a car", "virtual_offline_plan"])
        assert groups.loc["Fourth fifth", "virtual_offline_plan"] == 0  # nobody there is beyond reach
    assert "not known" not in known._repr_html_()


def test_people_of_another_count_live_where_the_demand_does():
    counts = pd.DataFrame({"lsoa21cd": ["E", "W"], "children_0_4": [100.0, 60.0], "births": [10.0, 40.0]})
    groups = town(counts=counts).groups.set_index("kind")
    child = groups.loc["children_0_4"]
    assert (child["group"], child["demand"], child["left_out"]) == ("Children aged 0 to 4", 160.0, 0.0)
    assert child["lose_plan"] == pytest.approx(60)
    assert child["gain_plan"] == pytest.approx(80)
    assert child["hub_pct_plan"] == pytest.approx(100 * (80 + 30 * 0.5) / 160)
    assert groups.loc["births", "lose_plan"] == town().totals["plan"]["lose"]


def test_people_where_there_is_no_demand_are_left_out_and_counted():
    empty = FAMILIES.assign(demand=FAMILIES["demand"] * (FAMILIES["lsoa21cd"] == "W")).assign(
        weight=lambda t: t["weight"] * (t["demand"] > 0)
    )
    both = {k: Scenario.of(k, o, empty, COVERS, BETA, minutes=MINUTES) for k, o in (("today", TODAY), ("plan", PLAN))}
    counts = pd.DataFrame({"lsoa21cd": ["E", "W"], "children_0_4": [100.0, 60.0], "births": [7.0, 0.0]})
    found = scenarios.before_and_after(empty, both, demand_label="births", counts=counts)
    groups = found.groups.set_index("kind")
    assert groups.loc["children_0_4", ["demand", "left_out"]].tolist() == [60.0, 100.0]
    assert groups.loc["births", ["demand", "left_out"]].tolist() == pytest.approx([0.0, 7.0])
    assert math.isnan(groups.loc["births", "hub_pct_plan"])
    assert "Fourth fifth" not in set(groups["group"])


def test_groups_that_are_not_labelled_or_not_known_still_add_up():
    families = FAMILIES.assign(
        band=["0 to 4", None, "5 to 19", "x"], idaci_decile=pd.array([1, 1, None, None], "Int64")
    )
    both = {"today": scenario("Today", TODAY), "plan": scenario("Plan", PLAN)}
    found = scenarios.before_and_after(
        families, both, demand_label="births", groups={"band": {"5 to 19": "Older", "0 to 4": "Younger"}}, few=10
    )
    band = found.groups[found.groups["kind"] == "band"]
    assert band["group"].tolist() == ["Older", "Younger", "x", "Not known"]
    assert band["few"].tolist() == [True, False, True, False]
    deciles = found.groups[found.groups["kind"] == "idaci_decile"]
    assert deciles["group"].tolist() == ["IDACI decile 1 (most deprived tenth of England)", "Not known"]
    assert deciles["demand"].tolist() == [40, 10]


# ---- any scenarios


@st.composite
def instances(draw):
    n, sites = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    steps = st.sampled_from([0.0, 0.25, 0.5, 0.97, 1.0])
    demand = draw(st.lists(st.sampled_from([0.0, 1.0, 3.0, 7.5]), min_size=n, max_size=n))
    zone = draw(st.lists(st.sampled_from("XYZ"), min_size=n, max_size=n))
    strength = draw(st.lists(st.sampled_from([1.0, 1.5, 2.0]), min_size=n, max_size=n))
    families = pd.DataFrame(
        {
            "point_id": [f"p{i}" for i in range(n)],
            "lsoa21cd": zone,
            "share": 1 / n,
            "demand": demand,
            "weight": np.multiply(demand, strength),
            "car": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
            "fifth_england": draw(st.lists(st.sampled_from([1, 2, math.nan]), min_size=n, max_size=n)),
        }
    )
    names = [f"s{j}" for j in range(sites)]
    matrix = st.lists(st.lists(steps, min_size=sites, max_size=sites), min_size=n, max_size=n)
    cover = {o: pd.DataFrame(draw(matrix), families["point_id"].to_list(), names) for o in ("hub", "outreach")}
    times = st.lists(
        st.lists(st.sampled_from([1.0, 5.0, 9.0, math.nan]), min_size=sites, max_size=sites), min_size=n, max_size=n
    )
    minutes = {m: pd.DataFrame(draw(times), families["point_id"].to_list(), names) for m in ("walk", "drive")}
    plans = draw(st.lists(st.lists(st.sampled_from(OFFERS), min_size=sites, max_size=sites), min_size=2, max_size=3))
    offline = pd.Series({z: draw(st.sampled_from([0.0, 10.0, 50.0, math.nan])) for z in "XYZ"})
    return (
        families.assign(place_id=families["point_id"]),
        cover,
        minutes,
        [dict(zip(names, p, strict=True)) for p in plans],
        offline,
    )


def compared(
    instance, order: list[int] | None = None, *, tolerance: float = 0.05, timed: bool = False
) -> scenarios.Comparison:
    families, cover, minutes, plans, offline = instance
    minutes = minutes if timed else None
    order = list(range(len(plans))) if order is None else order
    made = {f"s{i}": Scenario.of(f"S{i}", plans[i], families, cover, BETA, minutes=minutes) for i in order}
    return scenarios.before_and_after(
        families, made, demand_label="births", minutes=minutes, offline_pct=offline, tolerance=tolerance
    )


def plain(instance, i: int, tolerance: float) -> list[dict]:
    """Gains and losses of scenario i against the first, family by family, in plain Python from covers and offers."""
    families, cover, _, plans, offline = instance
    rows = []
    for f in families.to_dict("records"):
        values, beyond = [], []
        for offers in (plans[0], plans[i]):
            hub = max([cover["hub"].at[f["point_id"], s] for s, o in offers.items() if o == "hub"], default=0.0)
            out = max(
                [cover["outreach"].at[f["point_id"], s] for s, o in offers.items() if o == "outreach"], default=0.0
            )
            values.append(max(hub, BETA * out))
            beyond.append(f["demand"] * (1 - max(hub, out)))
        change = values[1] - values[0]
        state = "gain" if change > tolerance else "lose" if change < -tolerance else "same"
        need = f["weight"] * change
        rows.append(
            {
                **f, "state": state, "gained": max(need, 0.0), "lost": max(-need, 0.0), "beyond": beyond[1],
                "offline": beyond[1] * offline[f["lsoa21cd"]] / 100 if beyond[1] > 0 else 0.0,
            }
        )  # fmt: skip
    return rows


@settings(max_examples=25)
@given(instances(), st.sampled_from([0.0, 0.05, 0.3]))
def test_equals_a_plain_second_implementation(instance, tolerance):
    found = compared(instance, tolerance=tolerance)
    for i in range(1, len(instance[3])):
        rows, key = plain(instance, i, tolerance), f"s{i}"
        total = found.totals[key]
        for state in ("gain", "lose", "same"):
            assert total[state] == pytest.approx(sum(r["demand"] for r in rows if r["state"] == state))
        assert total["need_gained"] == pytest.approx(sum(r["gained"] for r in rows))
        assert total["need_lost"] == pytest.approx(sum(r["lost"] for r in rows))
        assert total["virtual"] == pytest.approx(sum(r["beyond"] for r in rows))
        assert total["virtual_offline"] == pytest.approx(sum(r["offline"] for r in rows), nan_ok=True)
        for zone in found.zones.to_dict("records"):
            own = [r for r in rows if r["lsoa21cd"] == zone["lsoa21cd"]]
            assert zone[f"lose_{key}"] == pytest.approx(sum(r["demand"] for r in own if r["state"] == "lose"))
            assert zone[f"virtual_offline_{key}"] == pytest.approx(sum(r["offline"] for r in own), nan_ok=True)
        for car, words in ((True, "With a car"), (False, "Without a car")):
            own = [r for r in rows if r["car"] == car]
            group = found.groups[found.groups["group"] == words] if len(found.groups) else found.groups
            assert len(group) == (sum(r["demand"] for r in own) > 0)
            for row in group.to_dict("records"):
                assert row[f"gain_{key}"] == pytest.approx(sum(r["demand"] for r in own if r["state"] == "gain"))
    conserved(found)


def conserved(found: scenarios.Comparison) -> None:
    for key in found.others:
        total, before = found.totals[key], found.totals["s0"]
        assert total["gain"] + total["lose"] + total["same"] == pytest.approx(total["demand"])
        assert total["hub"] + total["outreach"] + total["virtual"] == pytest.approx(total["demand"])
        assert total["need_gained"] - total["need_lost"] == pytest.approx(before["unmet"] - total["unmet"])
        tables = [found.zones] + [g for _, g in found.groups.groupby("kind")] if len(found.groups) else [found.zones]
        for table in tables:
            assert table["demand"].sum() == pytest.approx(total["demand"])
            for name in ("gain", "lose", "same", "need_gained", "need_lost", "hub", "outreach", "virtual", "unmet"):
                assert table[f"{name}_{key}"].sum() == pytest.approx(total[name])
        for table, way in ((found.losses, "lose"), (found.gains, "gain")):
            assert table.loc[table["scenario"] == key, "families"].sum() == pytest.approx(total[way])


@settings(max_examples=12)
@given(instances())
def test_the_other_order_swaps_gains_and_losses(instance):
    there, back = compared(instance, [0, 1]), compared(instance, [1, 0])
    forth, home = there.totals["s1"], back.totals["s0"]
    for one, other in (("gain", "lose"), ("lose", "gain"), ("same", "same"), ("need_gained", "need_lost")):
        assert forth[one] == pytest.approx(home[other])
    names = {
        f"{p}_{w}": f"{q}_{w}" for p, q in (("before", "after"), ("after", "before")) for w in ("site_id", "offer")
    }
    order = ["lsoa21cd", *names]
    lost = there.losses[[*order, "families"]].sort_values(order, ignore_index=True)
    won = back.gains.rename(columns=names)[[*order, "families"]].sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(lost, won)


@settings(max_examples=12)
@given(instances())
def test_a_scenario_against_itself_changes_nothing(instance):
    families, cover, minutes, plans, offline = instance
    found = compared((families, cover, minutes, [plans[0], plans[0]], offline))
    total = found.totals["s1"]
    assert total["gain"] == total["lose"] == total["need_gained"] == total["need_lost"] == 0
    assert len(found.losses) == len(found.gains) == 0
    assert "nobody loses" in found._repr_html_()
    assert not found.zones["unmet_change_s1"].any()


@settings(max_examples=6)
@given(instances(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(instance, random):
    families, cover, minutes, plans, offline = instance
    order = list(range(len(families)))
    random.shuffle(order)
    one = compared(instance, timed=True)
    other = compared((families.iloc[order], cover, minutes, plans, offline), timed=True)
    pd.testing.assert_frame_equal(one.zones, other.zones)
    pd.testing.assert_frame_equal(one.groups, other.groups)
    pd.testing.assert_frame_equal(one.losses, other.losses)


def test_inputs_are_left_alone():
    families, offline = FAMILIES.copy(), OFFLINE.copy()
    today, plan = scenario("Today", TODAY), scenario("Plan", PLAN)
    outcome = plan.outcome.copy()
    scenarios.before_and_after(
        families, {"today": today, "plan": plan}, demand_label="x", minutes=MINUTES, offline_pct=offline
    )
    pd.testing.assert_frame_equal(families, FAMILIES)
    pd.testing.assert_frame_equal(plan.outcome, outcome)
    pd.testing.assert_series_equal(offline, OFFLINE)


# ---- hostile input


def broken(**change) -> Scenario:
    good = scenario("Plan", PLAN)
    return Scenario("Plan", change.pop("offers", PLAN), good.outcome.assign(**change))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: {"today": scenario("Today", TODAY)}, ["there are 1"]),
        (lambda: {"today": scenario("T", TODAY), "The plan": scenario("P", PLAN)}, ["its name ends columns"]),
        (lambda: {"today": scenario("T", TODAY), "p": broken(value=2.0)}, ["value is not 0 to 1", "unmet is not"]),
        (lambda: {"today": scenario("T", TODAY), "p": broken(virtual=np.nan)}, ["do not add up to the demand"]),
        (lambda: {"today": scenario("T", TODAY), "p": broken(point_id="x")}, ["lacks families", "not among those"]),
        (lambda: {"today": scenario("T", TODAY), "p": broken(offers={"a": "shop"})}, ["shop"]),
        (
            lambda: {"today": scenario("T", TODAY), "p": Scenario("P", PLAN, pd.DataFrame({"point_id": IDS}))},
            ["its outcome has no column", "best_site_id"],
        ),
        (
            lambda: {"today": broken(value=-1.0), "p": broken(hub=-5.0)},
            ["scenario 'today'", "scenario 'p'"],
        ),
    ],
)
def test_faults_of_scenarios_come_all_at_once(call, told):
    with pytest.raises(InputError) as error:
        scenarios.before_and_after(FAMILIES, call(), demand_label="births")
    for words in told:
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("families", "more", "told"),
    [
        (FAMILIES.drop(columns="weight"), {}, "weight"),
        (FAMILIES.assign(demand=-1.0), {}, "'demand' is no number from 0"),
        (FAMILIES.assign(share=np.nan), {}, "'share' is no number from 0"),
        (pd.concat([FAMILIES, FAMILIES.head(1)]), {}, "stands twice"),
        (FAMILIES, {"tolerance": -0.1}, "tolerance"),
        (FAMILIES, {"tolerance": math.nan}, "tolerance"),
        (FAMILIES, {"offline_pct": pd.Series({"W": 101.0})}, "offline_pct"),
        (FAMILIES, {"groups": {"nothing": {}}}, "nothing"),
        (FAMILIES, {"counts": pd.DataFrame({"lsoa21cd": ["W"], "births": [1.0]})}, "no row for zone E"),
        (FAMILIES, {"counts": pd.DataFrame({"lsoa21cd": ["W", "E"], "cats": [1.0, 2.0]})}, "cats is not counted"),
        (FAMILIES, {"minutes": {"walk": MINUTES["walk"][["a"]]}}, "has no column for the site"),
        (FAMILIES, {"minutes": {"walk": MINUTES["walk"].iloc[:1]}}, "has no row for the place"),
    ],
)
def test_faults_of_tables_are_told(families, more, told):
    both = {"today": scenario("Today", TODAY), "plan": scenario("Plan", PLAN)}
    with pytest.raises(InputError, match=re.escape(told)):
        scenarios.before_and_after(families, both, demand_label="births", **more)


def test_a_scenario_is_asked_for_by_its_name():
    with pytest.raises(InputError, match="give plan"):
        town().other("today")
    assert town().other(None) == town().other("plan") == "plan"


# ---- deciles


def test_published_deciles_are_taken_and_ranks_turned_only_where_all_of_england_lies_before_us():
    codes = [f"E{i:03d}" for i in range(20)]
    ranks = pd.DataFrame({"lsoa21cd": codes, "idaci_rank": range(1, 21)})
    assert scenarios.idaci_decile([ranks]).tolist() == [d for d in range(1, 11) for _ in range(2)]
    published = ranks.assign(idaci_decile=[3.0, math.nan, *[10.0] * 18])
    assert scenarios.idaci_decile([ranks, published]).head(2).tolist() == [3, pd.NA]
    assert scenarios.idaci_decile([ranks.tail(5)]).isna().all()
    assert len(scenarios.idaci_decile([ranks[["lsoa21cd"]]])) == 0
    with pytest.raises(InputError, match="idaci_decile"):
        scenarios.idaci_decile([published.assign(idaci_decile=0.0)])


@pytest.mark.data
def test_deciles_from_ranks_are_those_published(real_data):
    head = "Income Deprivation Affecting Children Index (IDACI)"
    rank, decile = (f"{head} {w}" for w in ("Rank (where 1 is most deprived)", "Decile"))
    path = real_data / "england" / "iod2025_lsoa21_all.parquet"
    table = pd.read_parquet(path)
    decile = next((c for c in table if str(c).startswith(decile)), None)
    if decile is None:
        pytest.skip("the table has no published decile of IDACI")
    made = scenarios.idaci_decile([table.rename(columns={rank: "idaci_rank", "LSOA code (2021)": "lsoa21cd"})])
    assert (made.to_numpy() == table[decile].to_numpy()).all()


# ---- in a notebook


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]


HOSTILE = "<img src=x onerror=alert(1)>\"'`${1}"


def test_in_a_notebook_every_name_is_escaped_and_nothing_runs():
    both = {"today": scenario(HOSTILE, TODAY), "plan": scenario(f"B {HOSTILE}", PLAN)}
    found = scenarios.before_and_after(
        FAMILIES.assign(band=[HOSTILE, HOSTILE, "x", "x"]), both, demand_label=HOSTILE, zone_names={"W": HOSTILE},
        site_names={"a": HOSTILE, "b": HOSTILE}, minutes=MINUTES, groups={"band": {}},
    )  # fmt: skip
    page = Tags()
    page.feed(found._repr_html_())
    assert not {"img", "script", "iframe", "link", "style"} & set(page.names)
    assert not [a for a in page.attributes if a.startswith("on")]
    assert {"table", "svg"} <= set(page.names)


def test_in_a_notebook_the_figures_are_those_of_the_tables():
    text = re.sub(r"<[^>]+>", " ", town()._repr_html_())
    for words in ("8 gain, 40 lose and 2 are as well off", "hub at A", "online only", "hub at B", "Neighbourhood"):
        assert words in text
