"""The plan: the best of all plans by brute force, its ties, its clashes, its figures."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.assessment.plan import PlanSettings
from needs.errors import InfeasibleError, InputError
from needs.siting import plan

BETA = 0.6
LIMIT_MIN = 20.0


def settings_of(hubs: int, outreach: int, **more) -> PlanSettings:
    return PlanSettings(max_hubs=hubs, max_outreach=outreach, outreach_value=BETA, parent_limit_min=LIMIT_MIN, **more)


def points_of(demand, weight=None) -> pd.DataFrame:
    ids = [f"P{i}" for i in range(len(demand))]
    weight = demand if weight is None else weight
    return pd.DataFrame(
        {
            "point_id": ids,
            "lsoa21cd": [f"E0100000{i}" for i in range(len(ids))],
            "demand": np.array(demand, float),
            "weight": np.array(weight, float),
        }
    )


def sites_of(ids, **columns) -> pd.DataFrame:
    plain = {"today": "none", "keep": False, "ours": True, "may_hub": True, "may_outreach": True}
    frame = pd.DataFrame({"site_id": list(ids), "name": [f"Site {i}" for i in ids], "site_type": "library"})
    return frame.assign(**(plain | columns))


def table(values, points, sites) -> pd.DataFrame:
    return pd.DataFrame(np.array(values, float), index=points["point_id"].tolist(), columns=sites["site_id"].tolist())


def minutes(values, sites) -> pd.DataFrame:
    ids = sites["site_id"].tolist()
    return pd.DataFrame(np.array(values, float), index=ids, columns=ids)


def near(sites, at=5.0) -> pd.DataFrame:
    return minutes(np.full((len(sites), len(sites)), at), sites)


def random_case(seed: int):
    """Small tables with steps (many ties) or without, neighbours, kept sites, and parents out of reach."""
    lots = np.random.default_rng(seed)
    n, m = int(lots.integers(1, 7)), int(lots.integers(1, 6))
    steps = lots.random() < 0.5

    def covers():
        values = lots.random((n, m)) * (lots.random((n, m)) < 0.7)
        return np.round(values * 2) / 2 if steps else values

    demand = np.where(lots.random(n) < 0.2, 0.0, lots.integers(0, 9, n))
    points = points_of(demand, demand * (1 + lots.integers(0, 2, n)))
    sites = sites_of(
        [f"S{j}" for j in range(m)],
        today=lots.choice(["none", "none", "hub", "outreach"], m),
        keep=lots.random(m) < 0.2,
        ours=lots.random(m) < 0.85,
        may_hub=lots.random(m) < 0.7,
        may_outreach=lots.random(m) < 0.8,
    )
    between = np.where(lots.random((m, m)) < 0.2, np.nan, lots.choice([10.0, LIMIT_MIN, 20.1], (m, m)))
    chosen = settings_of(
        int(lots.integers(0, 3)),
        int(lots.integers(0, 3)),
        existing=str(lots.choice(["free", "free", "keep"])),
        **dict(
            zip(("keep_outreach_pct", "keep_hub_pct"), np.sort(lots.choice([0.0, 1.0, 10.0, 40.0], 2)), strict=True)
        ),
    )
    return (
        points,
        sites,
        table(covers(), points, sites),
        table(covers(), points, sites),
        minutes(between, sites),
        chosen,
    )


def need_met(points, hub, outreach, offers) -> float:
    """Plain loops, no arrays: what the plan is to maximise."""
    return met_by(points, hub.to_dict(), outreach.to_dict(), offers)


def met_by(points, hub, outreach, offers) -> float:
    total = 0.0
    for point, weight in zip(points["point_id"].tolist(), points["weight"].tolist(), strict=True):
        best = 0.0
        for site, offer in offers.items():
            if offer == "hub":
                best = max(best, hub[site][point])
            elif offer == "outreach":
                best = max(best, BETA * outreach[site][point])
        total += weight * best
    return total


def worth_of_keeping(points, sites, chosen, offers) -> float:
    """What a plan earns for sites that stay what they are today, become hubs, or go on as outreach."""
    kept = 0.0
    for site in sites.itertuples():
        if site.ours and site.today != "none" and offers[site.site_id] != "none":
            still_hub = site.today == offers[site.site_id] == "hub"
            kept += chosen.keep_hub_pct if still_hub else chosen.keep_outreach_pct
    return sum(points["weight"]) * kept / 100


def allowed(sites, between, chosen, offers) -> bool:
    ours = [s for s in sites.itertuples() if s.ours]
    hubs = [s.site_id for s in ours if offers[s.site_id] == "hub"]
    outreach = [s.site_id for s in ours if offers[s.site_id] == "outreach"]
    if len(hubs) > chosen.max_hubs or len(outreach) > chosen.max_outreach:
        return False
    for s in ours:
        offer = offers[s.site_id]
        if (offer == "hub" and not s.may_hub) or (offer == "outreach" and not s.may_outreach):
            return False
        stays = s.today != "none" and (s.keep or chosen.existing == "keep")
        if stays and (offer == "none" or (s.today == "hub" and offer != "hub")):
            return False
    return all(any(between[o][h] <= chosen.parent_limit_min for h in hubs) for o in outreach)


def every_plan(sites):
    ids = sites["site_id"].tolist()
    options = [("hub", "outreach", "none") if s.ours else (s.today,) for s in sites.itertuples()]
    for offers in itertools.product(*options):
        yield dict(zip(ids, offers, strict=True))


def best_plan(points, sites, hub, outreach, between, chosen):
    """The greatest need met with what is kept, and the plan that the rule of ties takes."""
    hub, outreach, between = hub.to_dict(), outreach.to_dict(), between.to_dict("index")
    plans = [
        (met_by(points, hub, outreach, offers) + worth_of_keeping(points, sites, chosen, offers), offers)
        for offers in every_plan(sites)
        if allowed(sites, between, chosen, offers)
    ]
    if not plans:
        return None
    most = max(met for met, _ in plans)
    today = plan.today_offers(sites)

    ours = sorted(sites["site_id"][sites["ours"]])

    def rule(offers):
        opened = [s for s in ours if offers[s] != "none"]
        kept = [s for s in opened if offers[s] == today[s]]
        # Of plans with as many open and kept the first difference decides, a hub before an outreach.
        return len(opened), -len(kept), [offers[s] != offer for s in ours for offer in ("hub", "outreach")]

    tied = [offers for met, offers in plans if met >= most - 1e-9 * most]
    return most, min(tied, key=rule)


@pytest.mark.parametrize("seed", range(60))
def test_plan_is_the_best_of_all_plans_and_ties_follow_the_rule(seed):
    case = random_case(seed)
    expected = best_plan(*case)
    if expected is None:
        with pytest.raises(InfeasibleError):
            plan.recommend(*case)
        return
    found = plan.recommend(*case)
    points, sites, hub, outreach, _, chosen = case
    met, kept = need_met(points, hub, outreach, found.offers), worth_of_keeping(points, sites, chosen, found.offers)
    assert met + kept == pytest.approx(expected[0], rel=1e-9, abs=1e-12)
    assert found.offers == expected[1]
    assert found.proof.status == "optimal"
    assert 0 <= found.proof.gap <= 1e-9
    assert found.proof.objective == pytest.approx(expected[0], rel=1e-12, abs=1e-12)
    assert found.unmet == pytest.approx(points["weight"].sum() - met, abs=1e-9)


@pytest.mark.parametrize("seed", range(16))
def test_figures_of_each_site_are_those_of_plans_with_it_changed(seed):
    points, sites, hub, outreach, between, chosen = random_case(seed)
    sites, chosen = sites.assign(keep=False), chosen.model_copy(update={"existing": "free"})  # an empty plan is a plan
    found = plan.recommend(points, sites, hub, outreach, between, chosen)
    met = need_met(points, hub, outreach, found.offers)
    for row in found.sites.itertuples():
        if row.status not in {"keep", "convert", "open"}:
            assert math.isnan(row.unmet_if_lost)
            continue
        without = {**found.offers, row.site_id: "none"}
        hubs = [s for s in sites["site_id"][sites["ours"]] if without[s] == "hub"]
        alone = [
            o
            for o in sites["site_id"][sites["ours"]]
            if without[o] == "outreach" and not any(between.loc[o, h] <= LIMIT_MIN for h in hubs)
        ]
        left = {**without, **dict.fromkeys(alone, "none")}  # an outreach goes with the only hub that can run it
        assert row.unmet_if_lost == pytest.approx(met - need_met(points, hub, outreach, left), abs=1e-9)
        swaps = {
            other: met - need_met(points, hub, outreach, {**without, other: row.offer})
            for other in sites["site_id"][sites["ours"]]
            if found.offers[other] != row.offer
            and other != row.site_id
            and allowed(sites, between.to_dict("index"), chosen, {**without, other: row.offer})
        }
        if swaps:
            assert row.next_best_unmet == pytest.approx(min(swaps.values()), abs=1e-9)
            assert row.next_best_site_id == min(o for o, rise in swaps.items() if rise <= min(swaps.values()) + 1e-9)
        else:
            assert pd.isna(row.next_best_site_id)
        if row.offer == "outreach":
            parents = {
                h: between.loc[row.site_id, h]
                for h in sites["site_id"][sites["ours"]]
                if found.offers[h] == "hub" and between.loc[row.site_id, h] <= chosen.parent_limit_min
            }
            assert row.parent_min == min(parents.values())
            assert row.parent_hub_id == min(h for h, at in parents.items() if at == row.parent_min)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40)
def test_families_add_up_to_demand(seed):
    points, sites, hub, outreach, _, _ = random_case(seed)
    offers = plan.today_offers(sites)
    result = plan.evaluate(points, hub, outreach, offers, BETA)
    np.testing.assert_allclose(result["hub"] + result["outreach"] + result["virtual"], points["demand"], atol=1e-12)
    assert (result[["hub", "outreach", "virtual", "unmet"]] >= 0).all(axis=None)
    met = need_met(points, hub, outreach, offers)
    assert result["unmet"].sum() == pytest.approx(points["weight"].sum() - met, abs=1e-9)
    assert (result["best_site_id"].isna() == (result["value"] == 0)).all()


@pytest.mark.parametrize("seed", range(10))
def test_one_more_site_never_raises_unmet_need(seed):
    points, sites, hub, outreach, between, chosen = random_case(seed)
    sites = sites.assign(keep=False)
    chosen = chosen.model_copy(update={"existing": "free"})
    last = sites["site_id"].iloc[-1]
    sites.loc[sites["site_id"] == last, ["ours", "today"]] = [True, "none"]
    fewer = plan.recommend(points, sites[sites["site_id"] != last], hub, outreach, between, chosen)
    more = plan.recommend(points, sites, hub, outreach, between, chosen)
    assert more.unmet <= fewer.unmet + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_order_of_rows_and_columns_changes_nothing(seed):
    points, sites, hub, outreach, between, chosen = random_case(seed + 500)
    sites, chosen = sites.assign(keep=False), chosen.model_copy(update={"existing": "free"})
    straight = plan.recommend(points, sites, hub, outreach, between, chosen)
    mixed = plan.recommend(
        points.sample(frac=1, random_state=1),
        sites.sample(frac=1, random_state=2),
        hub.sample(frac=1, random_state=3).sample(frac=1, axis=1, random_state=4),
        outreach.sample(frac=1, random_state=5).sample(frac=1, axis=1, random_state=6),
        between.sample(frac=1, random_state=7).sample(frac=1, axis=1, random_state=8),
        chosen,
    )
    pd.testing.assert_frame_equal(straight.sites, mixed.sites)
    assert straight.proof.objective == mixed.proof.objective


def test_two_equal_buildings_keep_the_one_in_use_then_the_first_by_code():
    points, sites = points_of([10]), sites_of("ABC", today=["none", "none", "hub"])
    cover = table([[1, 1, 1]], points, sites)
    assert plan.recommend(points, sites, cover, cover, near(sites), settings_of(1, 0)).offers == {
        "A": "none",
        "B": "none",
        "C": "hub",
    }
    assert plan.recommend(points, sites.assign(today="none"), cover, cover, near(sites), settings_of(2, 2)).offers == {
        "A": "hub",
        "B": "none",
        "C": "none",
    }


def test_points_without_need_or_out_of_reach_do_not_count():
    points, sites = points_of([0, 5, 7]), sites_of("AB")
    cover = table([[0, 1], [1, 0], [0, 0]], points, sites)
    found = plan.recommend(points, sites, cover, cover, near(sites), settings_of(2, 0))
    assert found.offers == {"A": "hub", "B": "none"}  # B serves only the point without need
    assert found.unmet == 7


def test_nothing_allowed_or_nobody_to_serve_gives_an_empty_plan():
    points, sites = points_of([3, 4]), sites_of("AB")
    cover = table([[1, 0], [0, 1]], points, sites)
    for demand, chosen in ((points, settings_of(0, 5)), (points.assign(demand=0.0, weight=0.0), settings_of(2, 2))):
        found = plan.recommend(demand, sites, cover, cover, near(sites), chosen)
        assert set(found.offers.values()) == {"none"}
        assert found.proof.status == "optimal"
        assert found.unmet == demand["weight"].sum()


def test_a_neighbours_hub_serves_but_runs_nothing_and_is_not_counted():
    points = points_of([10, 10])
    sites = sites_of("ANO", ours=[True, False, True], today=["none", "hub", "none"], may_hub=[True, True, False])
    hub = table([[0.5, 1, 0], [0.2, 0, 0]], points, sites)
    outreach = table([[0, 0, 0], [0, 0, 1]], points, sites)
    between = minutes([[0, 5, 30], [5, 0, 5], [30, 5, 0]], sites)
    found = plan.recommend(points, sites, hub, outreach, between, settings_of(1, 1))
    assert found.offers == {"A": "hub", "N": "hub", "O": "none"}  # O is near the neighbour's hub only
    assert found.sites.set_index("site_id").loc["N", "status"] == "neighbour"
    assert found.proof.objective == pytest.approx(10 * 1 + 10 * 0.2)


def test_out_of_time_says_so_and_gives_a_valid_bound():
    points, sites, hub, outreach, between, _ = random_case(8)
    sites = sites.assign(today="none", ours=True, may_hub=True)
    chosen = settings_of(2, 1, time_limit_s=1e-9)
    found = plan.recommend(points, sites, hub, outreach, between, chosen)
    best, _ = best_plan(points, sites, hub, outreach, between, chosen)
    assert found.proof.status == "time limit"
    assert found.proof.ties == "not checked"
    assert found.proof.objective <= best <= found.proof.bound
    assert found.proof.gap == pytest.approx((found.proof.bound - found.proof.objective) / found.proof.objective)
    assert found.proof.gap > 0


CLASHES = [
    (
        {"today": "hub"},
        settings_of(2, 9, existing="keep"),
        5.0,
        'raise it to 4 (the other constraints need 4, but at most 2 may be); or existing: set existing = "free" (Site',
    ),
    (
        {"today": "outreach", "may_hub": [False, False, False, True]},
        settings_of(1, 2, existing="keep"),
        5.0,
        "max_outreach: raise it to 3 (the other constraints need 3, but at most 2 may be); or existing",
    ),
    (
        {"today": ["outreach", "none", "none", "none"], "keep": True, "may_hub": [False, True, True, True]},
        settings_of(3, 3),
        27.0,
        "no site that may be a hub lies within 20 minutes of it by car; the nearest is Site B, 27 minutes away",
    ),
    (
        {"today": ["outreach", "none", "none", "none"], "keep": True, "may_hub": False},
        settings_of(3, 3),
        5.0,
        "no site that may be a hub lies within 20 minutes of it by car -> raise parent_limit_min",
    ),
    (
        {"today": "outreach", "keep": True},
        settings_of(1, 3),
        27.0,
        "max_hubs: raise it to 4 (the other constraints need 4, but at most 1 may be); or parent_limit_min: raise it",
    ),
    (
        {"today": ["hub", "none", "none", "none"], "keep": True, "may_hub": False},
        settings_of(1, 1),
        5.0,
        "Site A must stay, but may not: may_hub is false -> set may_hub for it, or unset keep for Site A",
    ),
    (
        {"today": "outreach", "keep": True},
        settings_of(2, 1),
        5.0,
        "2 (the other constraints need 2, but at most 1 may be); or keep, A: unset keep for Site A (Site A must stay)",
    ),
]


@pytest.mark.parametrize(("columns", "chosen", "apart", "words"), CLASHES)
def test_clashes_are_named_with_what_would_mend_them(columns, chosen, apart, words):
    points, sites = points_of([1, 2]), sites_of("ABCD", **columns)
    cover = table(np.ones((2, 4)), points, sites)
    with pytest.raises(InfeasibleError) as raised:
        plan.recommend(points, sites, cover, cover, near(sites, apart), chosen)
    assert words in str(raised.value)


def test_every_fault_of_the_tables_is_told_at_once():
    points, sites = points_of([1, 2]), sites_of("AB")
    cover = table([[1, 2], [0, np.nan]], points, sites)
    with pytest.raises(InputError) as raised:
        plan.recommend(points, sites, cover, cover.drop(columns="B"), near(sites), settings_of(1, 1))
    assert {f.what for f in raised.value.faults} == {
        "is 2 for point P0 and site B",
        "is nan for point P1 and site B",
        "has no site B",
    }
    with pytest.raises(InputError, match="weight is -1"):
        plan.recommend(points.assign(weight=-1.0), sites, cover, cover, near(sites), settings_of(1, 1))
    with pytest.raises(InputError, match="site_id A stands twice"):
        plan.recommend(points, pd.concat([sites, sites.head(1)]), cover, cover, near(sites), settings_of(1, 1))
