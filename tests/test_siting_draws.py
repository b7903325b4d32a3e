"""A plan tested by draws: hand-made councils, brute force over their plans, and counts by plain Python."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, spearmanr

from needs import catchments
from needs.assessment.plan import PlanSettings, ReachFloor
from needs.errors import InputError, SettingsError
from needs.siting import plan
from needs.siting.case import Case
from needs.siting.draws import draws
from needs.siting.redrawn import Ground
from needs.siting.uncertainty import Assumption, Uncertainty, assume, presets
from needs.toml import checked

MODES = ["drive", "walk"]
RULES = pd.DataFrame(
    [(o, m, "UN1", f, z, "") for o, m, f, z in (
        ("hub", "walk", 10.0, 20.0), ("hub", "drive", 8.0, 16.0), ("outreach", "walk", 8.0, 16.0)
    )],
    columns=["offer", "mode", "ruc21cd", "full_min", "zero_min", "source"],
)  # fmt: skip


class Council:
    """Places in a square of minutes, some sites among them."""

    def __init__(self, seed: int, *, places=8, sites=4, **more):
        lots = np.random.default_rng(seed)
        at, site_at = lots.random((places, 2)) * 40, lots.random((sites, 2)) * 40
        self.places = [f"P{i:02d}" for i in range(places)]
        self.ids = [f"S{j}" for j in range(sites)]
        walk = np.hypot(*(at[:, None] - site_at[None]).transpose(2, 0, 1))
        walk = np.where(walk > 30, np.nan, walk)
        self.minutes = {
            "walk": pd.DataFrame(walk, self.places, self.ids),
            "drive": pd.DataFrame(0.4 * walk + 3, self.places, self.ids),
        }
        points = pd.DataFrame(
            {
                "point_id": self.places,
                "lsoa21cd": [f"E{i // 2}" for i in range(places)],
                "share": 0.5,
                "demand": lots.integers(0, 30, places).astype(float),
                "no_car_pct": lots.choice([0.0, 20.0, 60.0], places),
                "ruc21cd": "UN1",
            }
        )
        families = catchments.split_by_car(points)
        zones = sorted(families["lsoa21cd"].unique())
        self.percentile = pd.Series(lots.random(len(zones)), index=zones)
        self.settings = PlanSettings(**({"max_hubs": 1, "max_outreach": 1, "parent_limit_min": 25.0} | more))
        need = catchments.need_multiplier(families["lsoa21cd"].map(self.percentile), self.settings.need_strength)
        self.families = families.assign(weight=families["demand"] * need, fifth_england=1)
        self.sites = pd.DataFrame(
            {
                "site_id": self.ids,
                "name": [f"Site <{i}>" for i in self.ids],
                "site_type": "library",
                "today": lots.choice(["none", "hub", "outreach"], sites),
                "keep": False,
                "ours": [True] * (sites - 1) + [False],
                "may_hub": True,
                "may_outreach": lots.random(sites) < 0.8,
            }
        )
        between = np.hypot(*(site_at[:, None] - site_at[None]).transpose(2, 0, 1))
        self.between = pd.DataFrame(between, self.ids, self.ids)
        self.hub = catchments.cover(self.minutes, self.families, RULES, offer="hub")
        self.outreach = catchments.cover(self.minutes, self.families, RULES, offer="outreach")
        self.tables = (self.families, self.sites, self.hub, self.outreach, self.between, self.settings)
        self.case = Case.of(*self.tables)
        self.offers = plan.recommend(*self.tables).offers
        self.build = Ground.of(self.case, self.minutes, RULES, self.percentile)

    def test(self, **more):
        return draws(self.case, self.offers, self.build, MODES, **({"count": 12} | more))


@pytest.mark.parametrize("seed", range(3))
def test_with_nothing_uncertain_the_plan_itself_comes_out_in_every_draw(seed):
    council = Council(seed)
    neutral = council.build(assume(Uncertainty(), 0, outreach_value=0.6, modes=MODES))
    order = council.case.points["point_id"]
    np.testing.assert_allclose(neutral.demand, council.case.points["demand"], rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(neutral.weight, council.case.points["weight"], rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(neutral.hub, council.hub.reindex(index=order, columns=council.ids))
    np.testing.assert_array_equal(neutral.outreach, council.outreach.reindex(index=order, columns=council.ids))
    found = council.test(uncertainty=Uncertainty(), count=3)
    assert (found.draws["regret"] == 0).all()
    mine = {s: o for s, o in council.offers.items() if s in found.sites.index}
    chosen = found.plans[found.pooled.best[0]]
    gain = found.draws["best"].iloc[0]
    assert gain == pytest.approx(plan.recommend(*council.tables).proof.objective, rel=1e-9)
    if (found.pooled.best == found.pooled.best[0]).all() and dict(chosen.drop("S3")) == mine:
        assert (found.sites["chosen_share"] == [float(o != "none") for o in found.sites["offer"]]).all()
    assert found.drivers.empty


def every_offer(council):
    """Plans that keep the rules, by loops."""
    ours = council.ids[:-1]
    last = council.ids[-1]
    may = council.sites.set_index("site_id")["may_outreach"]
    for choice in itertools.product(("none", "hub", "outreach"), repeat=len(ours)):
        offers = dict(zip(ours, choice, strict=True))
        hubs = [s for s in ours if offers[s] == "hub"]
        outreach = [s for s in ours if offers[s] == "outreach"]
        if len(hubs) <= 1 and len(outreach) <= 1 and all(may[s] for s in outreach):
            near = all(any(council.between.loc[o, h] <= 25.0 and o != h for h in hubs) for o in outreach)
            if near:
                yield {**offers, last: council.sites["today"].iloc[-1]}


def gained(council, drawn, value, offers) -> float:
    """What a plan is worth in a draw, by loops: need met, and what the sites that go on are worth."""
    total = 0.0
    for i, weight in enumerate(drawn.weight):
        best = 0.0
        for j, site in enumerate(council.ids):
            if offers[site] == "hub":
                best = max(best, drawn.hub[i, j])
            elif offers[site] == "outreach":
                best = max(best, value * drawn.outreach[i, j])
        total += weight * best
    kept = 0.0
    for site in council.sites.itertuples():
        if site.ours and site.today != "none" and offers[site.site_id] != "none":
            still = site.today == offers[site.site_id] == "hub"
            kept += council.settings.keep_hub_pct if still else council.settings.keep_outreach_pct
    return total + sum(drawn.weight) * kept / 100


@pytest.mark.parametrize("seed", range(3))
def test_every_draw_agrees_with_brute_force(seed):
    council = Council(seed)
    found = council.test()
    times, as_planned = (dict.fromkeys(found.sites.index, 0) for _ in range(2))
    for k in range(12):
        assumed = assume(presets(), k, outreach_value=0.6, modes=MODES)
        drawn = council.build(assumed)
        plans = {tuple(o.items()): gained(council, drawn, assumed.outreach_value, o) for o in every_offer(council)}
        best, mine = max(plans.values()), gained(council, drawn, assumed.outreach_value, council.offers)
        row = found.draws.loc[k]
        assert row["best"] == pytest.approx(best, rel=1e-8, abs=1e-9)
        assert row["bound"] >= best * (1 - 1e-9)
        assert row["worth"] == pytest.approx(mine, rel=1e-9, abs=1e-9)
        assert row["regret"] == pytest.approx(best - mine, rel=1e-6, abs=1e-7)
        assert row["regret_pct"] == pytest.approx(100 * (best - mine) / best if best else 0, rel=1e-6, abs=1e-6)
        chosen = found.plans[found.pooled.best[k]]
        for site in times:
            times[site] += chosen[site] != "none"
            as_planned[site] += chosen[site] == council.offers[site]
    shares = {site: n / 12 for site, n in times.items()}
    assert found.sites["chosen_share"].to_dict() == pytest.approx(shares)
    assert (found.sites["hub_share"] + found.sites["outreach_share"]).to_dict() == pytest.approx(shares)
    for site, share in shares.items():
        sure = share if council.offers[site] == "none" else as_planned[site] / 12
        assert found.sites.loc[site, "role"] == ("core" if sure >= 0.9 else "out" if sure <= 0.1 else "marginal")
        assert found.sites.loc[site, "chosen_low"] - 1e-12 <= share <= found.sites.loc[site, "chosen_high"] + 1e-12
    for name, row in found.drivers.iterrows():
        if found.draws["regret_pct"].nunique() > 1:
            expected = spearmanr(found.draws[name], found.draws["regret_pct"]).statistic
            assert row["correlation"] == pytest.approx(expected)


def test_more_draws_leave_the_first_as_they_were_and_runs_agree():
    council = Council(3)
    few, many = council.test(count=5), council.test(count=9)
    columns = ["need_strength", "demand", "time_walk", "best", "worth", "regret"]
    pd.testing.assert_frame_equal(few.draws[columns], many.draws.loc[:4, columns], rtol=1e-9)
    again = council.test(count=9)
    pd.testing.assert_frame_equal(many.draws, again.draws, check_exact=True)
    assert many.sentences == again.sentences
    assert council.test(count=5, seed=1).draws["need_strength"].tolist() != few.draws["need_strength"].tolist()


def test_tables_in_another_order_give_the_same():
    council = Council(4)
    lots = np.random.default_rng(0)
    mixed = [t.iloc[lots.permutation(len(t))] for t in (council.families, council.sites)]
    case = Case.of(*mixed, council.hub, council.outreach, council.between, council.settings)
    minutes = {m: t.iloc[::-1, ::-1] for m, t in council.minutes.items()}
    build = Ground.of(case, minutes, RULES, council.percentile.iloc[::-1])
    other = draws(case, council.offers, build, MODES, count=6)
    found = council.test(count=6)
    pd.testing.assert_frame_equal(other.draws, found.draws, check_exact=True)
    pd.testing.assert_frame_equal(other.sites, found.sites)


def test_what_is_drawn_follows_its_distribution():
    made = [assume(presets(), k, outreach_value=0.6, modes=MODES) for k in range(2000)]
    for name, low, high in (("need_strength", 0, 2), ("standards", 0.75, 1.25), ("outreach_value", 0.4, 0.8)):
        values = [getattr(a, name) for a in made]
        assert kstest(values, "uniform", (low, high - low)).pvalue > 1e-3
    assert kstest(np.log([a.time["drive"] for a in made]) / 0.15, "norm").pvalue > 1e-3
    drawn = np.array([[a.need_strength, a.standards, a.time["walk"], a.time["drive"]] for a in made])
    assert (np.abs(np.corrcoef(drawn.T) - np.eye(4)) < 0.1).all()
    alone = assume(presets().only("standards"), 7, outreach_value=0.6, modes=MODES)
    assert alone.standards == made[7].standards
    assert (alone.need_strength, alone.time, alone.demand_years) == (1.0, {}, None)


def test_counts_vary_by_zone_as_poisson_counts_and_protected_ones_do_not():
    council = Council(2)
    build = Ground.of(council.case, council.minutes, RULES, council.percentile, protected={"E1"})
    zone = council.case.points["lsoa21cd"]
    only = presets().only("demand")
    totals = []
    for k in range(600):
        families = build(assume(only, k, outreach_value=0.6, modes=MODES)).demand
        totals.append(pd.Series(families).groupby(zone.to_numpy()).sum())
    totals = pd.DataFrame(totals)
    counted = council.case.points.groupby("lsoa21cd")["demand"].sum()
    np.testing.assert_allclose(totals["E1"], counted["E1"], rtol=1e-12)
    for code in ("E0", "E2", "E3"):
        assert totals[code].mean() == pytest.approx(counted[code], rel=0.05)
        assert totals[code].var() == pytest.approx(counted[code], rel=0.2)
        np.testing.assert_allclose(totals[code], np.rint(totals[code]), atol=1e-9)


@given(number=st.integers(0, 500), seed=st.integers(0, 30))
@settings(max_examples=20)
def test_families_and_cover_keep_their_bounds(number, seed):
    council = Council(seed % 3)
    assumed = assume(presets(), number, outreach_value=0.6, modes=MODES, seed=seed)
    drawn = council.build(assumed)
    for cover in (drawn.hub, drawn.outreach):
        assert ((cover >= 0) & (cover <= 1)).all()
    points = council.case.points
    fewer = drawn.demand[~points["car"].to_numpy()]
    of_place = pd.Series(drawn.demand).groupby(points["place_id"].to_numpy()).transform("sum").to_numpy()
    least = of_place[~points["car"].to_numpy()] * assumed.no_car_pct / 100
    assert (fewer >= least - 1e-9).all()
    out_of_reach = council.minutes["walk"].reindex(index=points["place_id"], columns=council.ids).isna().to_numpy()
    assert (drawn.hub[out_of_reach] == 0).all()


def test_need_drawn_by_the_index_is_taken_draw_by_draw():
    council = Council(1)
    ranked = pd.DataFrame({k: council.percentile * (k % 2) for k in range(4)})
    build = Ground.of(council.case, council.minutes, RULES, ranked)
    for k in (0, 1, 2, 5):
        drawn = build(assume(Uncertainty(), k, outreach_value=0.6, modes=MODES))
        need = 1 + council.case.points["lsoa21cd"].map(council.percentile) * (k % 2)
        np.testing.assert_allclose(drawn.weight, council.case.points["demand"] * need)


def test_draws_in_which_a_floor_is_missed_are_counted_and_told():
    floor = ReachFloor(group="fifth_england", values=[1], reach_pct=40)
    council = Council(5, max_hubs=1, max_outreach=0, floor=[floor])
    found = council.test(uncertainty=presets().only("time_common"), count=12)
    missed = found.draws["misses"]
    assert 0 < missed.sum() < 12
    assert found.draws.loc[missed, ["worth", "regret", "regret_pct"]].isna().all(axis=None)
    assert f"In {missed.sum()} of 12 draws the plan misses what must be reached." in found.sentences


def test_sentences_say_what_the_tables_say():
    council = Council(3)
    found = council.test(count=20)
    worst = found.draws["regret_pct"].idxmax()
    text = " ".join(found.sentences)
    assert "In 20 draws" in text
    assert "proven optimal" in text
    assert found.draws["regret_pct"].max() > 0
    row = found.draws.loc[worst]
    assert f"It gives up most, {row['regret_pct']:.1f} % ({row['regret']:,.1f} families weighed by need), where" in text
    # What lies farthest out among the draws: by how many draws lie on either side, ties in half.
    names = list(found.draws.columns[: found.draws.columns.get_loc("best")])
    sides = {c: abs((found.draws[c] < row[c]).sum() - (found.draws[c] > row[c]).sum()) for c in names}
    said = {"need_strength": f"need counts {row['need_strength']:.1f}", "demand": f"in all are {row['demand']:.2f}"}
    said |= {"standards": f"standards are {row['standards']:.2f}", "no_car": f"at least {row['no_car']:.0f} %"}
    said |= {"outreach_value": f"session is worth {row['outreach_value']:.2f}", "fading": f"over {row['fading']:.2f}"}
    told = {c for c in names if said.get(c, f"by {c.removeprefix('time_')} takes {row[c]:.2f}") in text}
    assert sorted(sides[c] for c in told) == sorted(sides.values())[-3:]
    assert f"{found.draws['regret_pct'].mean():.1f} % of need met on average" in text
    strongest = found.drivers.iloc[0]
    assert strongest["label"] in text
    assert abs(strongest["correlation"]) == found.drivers["correlation"].abs().max()
    html = found._repr_html_()
    assert "Site &lt;S0&gt;" in html
    assert "<S0>" not in html
    column, worst_pct = found.least_regret
    regret = found.pooled.regret(column) / np.abs(found.pooled.most)
    assert 100 * regret.max() == pytest.approx(worst_pct)
    assert worst_pct <= found.draws["regret_pct"].max() + 1e-9


def test_an_interruption_tells_how_many_draws_are_sure():
    council = Council(3)
    calls = []

    def stop(done, of):
        calls.append(done)
        if len(calls) == 2:
            raise KeyboardInterrupt

    found = council.test(progress=stop)
    assert found.pooled.status == "interrupted"
    sure = int((found.pooled.gap <= 1e-9).sum())
    assert f"in {sure} of 12 draws; the others were not finished" in found.sentences[-1]


def test_faults_are_told():
    council = Council(1)
    with pytest.raises(InputError) as told:
        draws(council.case, dict.fromkeys(council.ids, "hub"), council.build, MODES, count=0, seed=-1)
    assert all(w in str(told.value) for w in ("count: is 0", "seed: is -1", "break the rules"))
    with pytest.raises(InputError, match="minutes, walk: have no site"):
        Ground.of(council.case, {"walk": council.minutes["walk"][["S0"]]}, RULES, council.percentile)
    with pytest.raises(InputError, match=r"no need of zones \(1\): E0"):
        Ground.of(council.case, council.minutes, RULES, council.percentile.drop("E0"))
    with pytest.raises(InputError, match="no spread_pct for hovercraft"):
        assume(presets(), 0, outreach_value=0.6, modes=["hovercraft"])
    with pytest.raises(SettingsError) as refused:
        checked(
            Uncertainty,
            {
                "assumption": [
                    {"id": "standards", "label": "a", "unit": "b", "low": 2.0, "high": 1.0, "source": "a test's own"},
                    {"id": "demand", "label": "a", "unit": "b", "low": 2.0, "high": 3.0, "source": "a test's own"},
                ]
            },
            file="x.toml",
        )
    assert all(w in str(refused.value) for w in ("low 2 is over high 1", "demand is drawn by years"))
    one = presets().assumption[0]
    with pytest.raises(ValueError, match="need_strength stands twice"):
        Uncertainty(assumption=[one, one])
    assert all(len(a.source) > 20 and isinstance(a, Assumption) for a in presets().assumption)
