"""Many versions of a problem together: every gap against all plans by brute force, in plain Python."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import InfeasibleError, InputError, NeedsError
from needs.location.costs import Costs
from needs.location.model import Floor, Goal, Model
from needs.location.multipliers import Dual
from needs.location.pooling import certify, minimax
from needs.location.rules import Limit, Links, Rules
from needs.location.values import Values
from needs.location.versions import Varied, Weighted

SEEDS = st.integers(0, 10**6)


def every_plan(rules):
    for bits in itertools.product((False, True), repeat=rules.choices):
        plan = np.array(bits)
        if rules.feasible(plan):
            yield plan


def joint_rules(lots, m) -> Rules:
    """Counts, money, buildings with two offers, outreach that hangs on hubs, something closed."""
    hubs = np.arange(m) < (m + 1) // 2
    near = np.zeros((m, m), bool)
    near[~hubs] = hubs & (lots.random((m - hubs.sum(), m)) < 0.8)
    apart = (np.array([0, m - 1]),) if m > 1 else ()
    limits = [Limit(hubs.astype(float), 2.0, "hubs")]
    limits.append(
        Limit(lots.integers(1, 5, m).astype(float), 6.0, "money")
        if lots.random() < 0.5
        else Limit((~hubs).astype(float), 1.0, "outreach")
    )
    return Rules(m, tuple(limits), apart, closed=lots.random(m) < 0.1, hangs=~hubs, links=Links.of(near))


def weighted_case(seed, *, joint=False):
    lots = np.random.default_rng(seed)
    n, m, draws = int(lots.integers(1, 7)), int(lots.integers(2, 6)), int(lots.integers(1, 8))
    whole = lots.random() < 0.5
    cost = lots.integers(0, 12, (n, m)).astype(float) if whole else lots.random((n, m)) * 12
    cost[lots.random((n, m)) < 0.2] = np.nan
    outside = lots.integers(0, 12, n).astype(float)
    weights = lots.integers(0, 5, (draws, n)).astype(float) if whole else lots.lognormal(0, 0.5, (draws, n))
    rules = joint_rules(lots, m) if joint else Rules.at_most(m, int(lots.integers(0, m + 1)))
    return cost, outside, weights, rules


def paid(cost, outside, weights, plan) -> float:
    """What rows pay, by loops."""
    total = 0.0
    for i, most in enumerate(outside):
        open_costs = [cost[i][j] for j in range(len(plan)) if plan[j] and cost[i][j] == cost[i][j]]
        total += weights[i] * min([most, *open_costs])
    return total


@given(seed=SEEDS, joint=st.booleans(), gap=st.sampled_from([0.0, 0.02, 0.3]))
@settings(max_examples=80)
def test_every_version_is_within_its_gap_of_the_best_of_all_plans(seed, joint, gap):
    cost, outside, weights, rules = weighted_case(seed, joint=joint)
    found = certify(Weighted(Costs.dense(cost, outside), weights, rules), gap=gap)
    assert found.status == "certified"
    for k, row in enumerate(weights):
        least = min(paid(cost, outside, row, plan) for plan in every_plan(rules))
        mine = paid(cost, outside, row, found.plans[found.best[k]])
        assert rules.feasible(found.plans[found.best[k]])
        assert mine == pytest.approx(-found.most[k], rel=1e-12, abs=1e-12)
        assert mine <= least + max(gap, 1e-8) * mine + 1e-9
        assert -found.bound[k] <= least * (1 + 1e-9) + 1e-9
        assert found.gap[k] <= max(gap, 1e-9)
        for plan, worth in zip(found.plans, found.worth[:, k], strict=True):
            assert -worth == pytest.approx(paid(cost, outside, row, plan), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_rows_served_from_far_beyond_what_lies_near_them_are_bounded_too(seed):
    lots = np.random.default_rng(seed)
    cost, outside = lots.random((60, 14)) * 10, np.full(60, 20.0)
    weights = np.where(lots.random(60) < 0.2, 1.0, 0.01) * lots.lognormal(0, 0.5, (4, 60))
    found = certify(Weighted(Costs.dense(cost, outside), weights, Rules.at_most(14, 4)), gap=0.0)
    every = [cost[:, list(plan)].min(axis=1) for plan in itertools.combinations(range(14), 4)]
    ranks = cost.argsort(axis=1).argsort(axis=1)
    assert any(ranks[:, found.plans[b]].min(axis=1).max() >= 8 for b in found.best)  # that are listed
    for k, row in enumerate(weights):
        least = min(float(row @ paid_by) for paid_by in every)
        assert -found.most[k] == pytest.approx(least, rel=1e-9)
        assert -found.bound[k] <= least * (1 + 1e-9)


@given(seed=SEEDS, joint=st.booleans())
@settings(max_examples=50)
def test_any_multipliers_bound_every_version(seed, joint):
    cost, outside, weights, rules = weighted_case(seed, joint=joint)
    lots = np.random.default_rng(seed + 1)
    versions = Weighted(Costs.dense(cost, outside), weights, rules)
    sides = len(versions._frame.side_most)
    dual = Dual(lots.random(len(outside)), lots.random(sides) * 0.2, np.zeros(rules.choices), 1.0)
    which = np.flatnonzero(lots.random(len(weights)) < 0.7)
    bounds = versions.bounds(dual, which)
    models = Varied(tuple(as_model(cost, outside, row, rules) for row in weights))
    tops = [row @ outside for row in weights]
    others = models.bounds(dual, which)
    for k, bound, other in zip(which, bounds, others, strict=True):
        least = min(paid(cost, outside, weights[k], plan) for plan in every_plan(rules))
        assert -bound <= least + 1e-9
        assert tops[k] - other <= least + 1e-9


def as_model(cost, outside, weights, rules, **more) -> Model:
    """State the same by what choices save."""
    saved = np.where(np.isnan(cost), 0.0, np.maximum(outside[:, None] - np.nan_to_num(cost), 0.0))
    return Model(Values.dense(saved), weights, np.zeros(len(outside)), rules, **more)


@given(seed=SEEDS, gap=st.sampled_from([0.0, 0.05]))
@settings(max_examples=30)
def test_values_and_floors_may_differ_by_version(seed, gap):
    lots = np.random.default_rng(seed)
    n, m = int(lots.integers(2, 6)), int(lots.integers(2, 5))
    rules = joint_rules(lots, m)
    tables = lots.random((5, n, m)) * (lots.random((5, n, m)) < 0.7)
    weights, counts = lots.random((5, n)), (lots.random(n) < 0.5).astype(float)
    most = min(max(float(counts @ np.max(t * plan, axis=1)) for plan in every_plan(rules)) for t in tables)
    floor = Floor(counts, 0.6 * most, "some")
    models = [Model(Values.dense(t), w, np.zeros(n), rules, (floor,)) for t, w in zip(tables, weights, strict=True)]
    found = certify(Varied(tuple(models)), gap=gap)
    for k, (t, w) in enumerate(zip(tables, weights, strict=True)):
        allowed = [p for p in every_plan(rules) if counts @ np.max(t * p, axis=1) >= floor.least * (1 - 1e-9)]
        best = max(float(w @ np.max(t * p, axis=1)) for p in allowed)
        mine = found.plans[found.best[k]]
        assert any((mine == p).all() for p in allowed)
        worth = float(w @ np.max(t * mine, axis=1))
        assert best - worth <= max(gap, 1e-8) * worth + 1e-9
        assert found.bound[k] >= best - 1e-9
        for plan, known in zip(found.plans, found.worth[:, k], strict=True):
            assert np.isfinite(known) == any((plan == p).all() for p in allowed)


@pytest.mark.parametrize("seed", range(8))
def test_goals_that_come_first_are_held_in_each_version(seed):
    lots = np.random.default_rng(seed)
    tables, rules = lots.random((4, 5, 4)), Rules.at_most(4, 2)
    weights, first = lots.random(5), Goal(lots.random((5, 2)), "both groups")
    found = certify(
        Varied.of(4, lambda k: Model(Values.dense(tables[k]), weights, np.zeros(5), rules, first=(first,))), gap=0.0
    )
    for k, t in enumerate(tables):

        def least(plan, t=t):
            return min(float(group @ np.max(t * plan, axis=1)) for group in first.amounts.T)

        highest = max(least(p) for p in every_plan(rules))
        allowed = [p for p in every_plan(rules) if least(p) >= highest * (1 - 1e-9)]
        best = max(float(weights @ np.max(t * p, axis=1)) for p in allowed)
        assert least(found.plans[found.best[k]]) == pytest.approx(highest, rel=1e-8)
        assert found.most[k] == pytest.approx(best, rel=1e-8)


def a_case(draws=12):
    lots = np.random.default_rng(5)
    cost = lots.random((30, 9)) * 10
    versions = Weighted(Costs.dense(cost, np.full(30, 8.0)), lots.lognormal(0, 0.8, (draws, 30)), Rules.at_most(9, 3))
    return versions, certify(versions, gap=0.0)


def test_versions_in_another_order_have_the_same_answers():
    versions, found = a_case()
    order = np.random.default_rng(1).permutation(versions.count)
    other = certify(Weighted(versions.costs, versions.weights[order], versions.rules), gap=0.0)
    again = certify(versions, gap=0.0)
    for k, old in enumerate(order):
        assert (other.plans[other.best[k]] == found.plans[found.best[old]]).all()
        assert other.most[k] == found.most[old]
    assert (again.best == found.best).all()
    assert (again.worth == found.worth).all()
    assert (again.bound == found.bound).all()


def test_shares_and_regret_are_those_counted_by_hand():
    versions, found = a_case()
    for j in range(9):
        times = sum(bool(found.plans[found.best[k]][j]) for k in range(versions.count))
        assert found.shares()[j] == pytest.approx(times / versions.count)
    assert len(set(found.best.tolist())) > 1
    worst = {}
    for n in range(len(found.plans)):
        regret = found.regret(n)
        assert (regret >= 0).all()
        shares = [regret[k] / min(-found.worth[n, k] for n in range(len(found.plans))) for k in range(versions.count)]
        worst[n] = max(shares)
    least = minimax(found)
    assert least.regret == pytest.approx(min(worst.values()))
    assert worst[least.plan] == pytest.approx(least.regret)
    assert found.regret(least.plan)[least.version] / -found.most[least.version] == pytest.approx(least.regret)


def test_equal_versions_are_solved_once():
    versions, _ = a_case(1)
    same = Weighted(versions.costs, np.repeat(versions.weights, 20, axis=0), versions.rules)
    found = certify(same, gap=0.05)
    assert found.solved.sum() == 1
    assert len(set(found.best.tolist())) == 1
    assert found.gap.max() <= 0.05


@pytest.mark.parametrize("when", [1, 3, 7])
def test_an_interruption_leaves_what_is_certified(when):
    versions, whole = a_case()
    calls = []

    def stop(done, of):
        calls.append((done, of))
        if len(calls) == when:
            raise KeyboardInterrupt

    found = certify(versions, gap=0.0, progress=stop)
    assert found.status == "interrupted"
    assert (found.solved.sum()) == when
    assert calls == sorted(calls)
    assert (found.most <= whole.most + 1e-9).all()
    assert (found.bound >= whole.most - 1e-9).all()
    assert (found.gap[found.solved] <= 1e-9).all()


def test_an_interruption_before_any_plan_says_so(monkeypatch):
    versions, _ = a_case()

    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Weighted, "solve", stop)
    with pytest.raises(NeedsError, match="before any plan"):
        certify(versions)
    nothing = np.zeros(9, bool)
    found = certify(versions, start=[nothing])
    assert found.status == "interrupted"
    assert (found.best == 0).all()
    assert not found.solved.any()


def test_faults_of_the_input_are_told_together():
    costs, rules = Costs.dense(np.ones((2, 3)), np.full(2, 5.0)), Rules.at_most(3, 1)
    with pytest.raises(InputError) as told:
        Weighted(costs, np.array([[1.0, -1.0, np.nan]]), Rules.at_most(4, 1))
    assert all(words in str(told.value) for words in ("shape (1, 3)", "below 0", "4 choices"))
    versions = Weighted(costs, np.ones((2, 2)), rules)
    with pytest.raises(InputError) as told:
        certify(versions, gap=-1.0, start=[np.ones(3, bool)])
    assert all(words in str(told.value) for words in ("is -1.0", "plan 0: does not keep the rules"))
    with pytest.raises(InputError, match="model 1: has other rules"):
        Varied(
            tuple(Model(Values.dense(np.ones((2, 3))), np.ones(2), np.zeros(2), Rules.at_most(3, p)) for p in (1, 2))
        )
    with pytest.raises(InputError, match="there is none"):
        Varied(())
    out_of_reach = Model(
        Values.dense(np.ones((2, 3))), np.ones(2), np.zeros(2), rules, (Floor(np.ones(2), 9.0, "all"),)
    )
    with pytest.raises(InfeasibleError):
        certify(Varied((out_of_reach,)))
