"""Joint plans against brute force and a mixed-integer program; rules checked anew in plain Python."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from needs.errors import InfeasibleError, InputError
from needs.location import joint
from needs.location.costs import Costs
from needs.location.frame import frame
from needs.location.rules import Limit, Links, Rules
from needs.location.saddle import Relaxed, bound_at, relax


def tiny(seed: int, *, required: bool = True) -> tuple[Costs, Rules]:
    """Draw whole costs and rules of every kind for a few choices; the rules may clash."""
    rng = np.random.default_rng(seed)
    rows, choices = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    outside = rng.integers(0, 30, rows).astype(float)
    cost = np.where(rng.random((rows, choices)) < 0.6, rng.integers(0, 25, (rows, choices)), np.nan)
    limits = []
    if rng.random() < 0.6:
        limits.append(Limit((rng.random(choices) < 0.6).astype(float), float(rng.integers(0, 4)), "count"))
    if rng.random() < 0.6:
        limits.append(Limit(np.round(rng.random(choices) * 9, 1), float(rng.integers(4, 20)), "money"))
    groups = [np.sort(rng.choice(choices, int(rng.integers(1, min(choices, 3) + 1)), replace=False)) for _ in range(4)]
    near = np.zeros((choices, choices), bool)
    hubs = int(rng.integers(1, choices + 1))
    hangs = (np.arange(choices) >= hubs) & (rng.random(choices) < 0.8)
    near[:, :hubs] = rng.random((choices, hubs)) < 0.5
    near[~hangs] = False
    rules = Rules(
        choices,
        tuple(limits),
        tuple(groups[: int(rng.integers(0, 3))]),
        tuple(groups[2 : 2 + int(rng.integers(0, 3))]) if required else (),
        rng.random(choices) < 0.1,
        hangs,
        Links.of(near),
    )
    return Costs.dense(cost, outside), rules


def keeps(rules: Rules, opened) -> bool:
    """Check every rule one by one."""
    there = {int(j) for j in np.flatnonzero(opened)}
    return (
        not any(rules.closed[j] for j in there)
        and all(math.fsum(limit.amounts[j] for j in there) <= limit.most + 1e-9 for limit in rules.limits)
        and all(len(there & set(group.tolist())) <= 1 for group in rules.apart)
        and all(there & set(group.tolist()) for group in rules.required)
        and all(there & set(rules.links.parents(j).tolist()) for j in there if rules.hangs[j])
    )


def pays(costs: Costs, opened) -> float:
    """Add up the least of each row."""
    total = 0.0
    for i in range(costs.rows):
        entries = range(costs.start[i], costs.start[i + 1])
        total += min([costs.outside[i], *(costs.cost[e] for e in entries if opened[costs.choice[e]])])
    return total


def plans(costs: Costs, rules: Rules) -> dict[tuple[bool, ...], float]:
    """List every plan that keeps the rules, and what it pays."""
    every = itertools.product((False, True), repeat=rules.choices)
    return {plan: pays(costs, plan) for plan in every if keeps(rules, np.array(plan))}


@settings(max_examples=150)
@given(st.integers(0, 10**9))
def test_answers_keep_the_rules_and_bounds_hold(seed):
    costs, rules = tiny(seed)
    every = plans(costs, rules)
    if not every:
        with pytest.raises(InfeasibleError):
            joint.solve(costs, rules)
        return
    found = joint.solve(costs, rules)
    best = min(every.values())
    assert found.paid == every[tuple(found.opened.tolist())]  # else it breaks a rule
    assert found.bound <= best * (1 + 1e-9)
    assert best <= found.paid
    gained = costs.outside.sum() - found.paid
    assert found.gap == (
        pytest.approx((found.paid - found.bound) / gained) if gained else 0 if found.bound == found.paid else math.inf
    )
    assert (found.status == "optimal") <= (found.paid == best)
    # Nothing better is one choice, or one exchange, away; and no open choice could be left out for nothing.
    for plan, paid in every.items():
        apart = np.flatnonzero(found.opened != np.array(plan))
        exchanged = len(apart) == 2 and plan[apart[0]] != plan[apart[1]]
        if len(apart) == 1 or exchanged:
            assert paid >= found.paid
        if len(apart) == 1 and found.opened[apart[0]]:
            assert paid > found.paid


@settings(max_examples=100)
@given(st.integers(0, 10**9), st.integers(0, 2))
def test_what_is_ruled_out_leaves_a_best_plan(seed, slices):
    costs, rules = tiny(seed)
    every = plans(costs, rules)
    if not every:
        return
    rng = np.random.default_rng(seed)
    if slices:
        relaxed = relax(costs, rules, steps=200 * slices)
    else:  # any multipliers
        rows, side = rng.random(costs.rows) * costs.outside, rng.random(len(frame(rules).side_most)) * 5
        bound, rewards = bound_at(costs, rules, rows, side)
        relaxed = Relaxed(bound, rows, side, np.zeros(rules.choices), np.inf, rewards, 1.0, 0.0)
    best = min(every.values())
    known = float(rng.choice(list(every.values())))
    closed, certain = joint.reduced(costs, rules, relaxed, known)
    left = [
        paid for plan, paid in every.items() if not (np.array(plan) & closed).any() and np.array(plan)[certain].all()
    ]
    assert closed[rules.closed].all()
    assert min(left) == best
    # No plan that pays as little as the known one is ruled out.
    assert len(left) >= sum(paid <= known for paid in every.values())


def test_what_is_ruled_out_is_most_of_it_when_the_bound_is_close():
    place = np.random.default_rng(5).integers(0, 100, (52, 2))
    costs = Costs.dense(np.abs(place[:40, None] - place[None, 40:]).sum(axis=2).astype(float), np.full(40, 300.0))
    rules = Rules.at_most(12, 3)
    found = joint.solve(costs, rules)
    assert found.relaxed is not None
    closed, certain = joint.reduced(costs, rules, found.relaxed, found.paid)
    best = min(plans(costs, rules).values())
    assert found.paid == best
    assert not (closed & found.opened).any()
    assert (certain & ~closed)[found.opened].sum() == certain.sum()
    assert closed.sum() >= 4


def test_tiny_problems_are_nearly_all_solved():  # 483 of 484 other ones, when measured
    met = solved = 0
    for seed in range(150):
        costs, rules = tiny(seed)
        every = plans(costs, rules)
        if every:
            solved += 1
            met += joint.solve(costs, rules).paid == min(every.values())
    assert solved > 60
    assert met >= 0.98 * solved


def council(rows: int, sites: int, hubs: int, outreach: int, seed: int) -> tuple[Costs, Rules]:
    """Draw a place: hubs reach far, outreach near and is worth less, and hangs on a hub not too far."""
    rng = np.random.default_rng(seed)
    zone, site = rng.random((rows, 2)), rng.random((sites, 2))
    far = np.hypot(*(zone[:, None] - site[None]).transpose(2, 0, 1))
    weight = rng.integers(1, 40, rows).astype(float)
    cost = np.hstack([np.where(far <= 0.2, 0.0, np.nan), np.where(far <= 0.12, 0.4 * weight[:, None], np.nan)])
    between = np.hypot(*(site[:, None] - site[None]).transpose(2, 0, 1)) <= 0.35
    near = np.zeros((2 * sites, 2 * sites), bool)
    near[sites:, :sites] = between
    hangs = np.arange(2 * sites) >= sites
    rules = Rules(
        2 * sites,
        (Limit((~hangs).astype(float), float(hubs), "hubs"), Limit(hangs.astype(float), float(outreach), "outreach")),
        tuple(np.array([k, sites + k]) for k in range(sites)),
        hangs=hangs,
        links=Links.of(near),
    )
    return Costs.dense(cost, weight), rules


def program(costs: Costs, rules: Rules) -> float:
    """Least that is paid, by a mixed-integer program: each row is served once, by an open choice or from outside."""
    n, entries = rules.choices, len(costs.cost)
    rows, most = [], []

    def at_most(terms, value):
        line = np.zeros(n + entries)
        for k, by in terms:
            line[k] += by
        rows.append(line)
        most.append(value)

    for i in range(costs.rows):
        at_most([(n + e, 1.0) for e in range(costs.start[i], costs.start[i + 1])], 1.0)
    for e in range(entries):
        at_most([(n + e, 1.0), (int(costs.choice[e]), -1.0)], 0.0)
    for limit in rules.limits:
        at_most(list(enumerate(limit.amounts)), limit.most)
    for group in rules.apart:
        at_most([(int(j), 1.0) for j in group], 1.0)
    for j in np.flatnonzero(rules.hangs):
        at_most([(int(j), 1.0), *((int(h), -1.0) for h in rules.links.parents(int(j)))], 0.0)
    saved = costs.outside[costs.row] - costs.cost
    answer = milp(
        np.concatenate([np.zeros(n), -saved]),
        integrality=np.concatenate([np.ones(n), np.zeros(entries)]).astype(int),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(np.array(rows), ub=np.array(most)),
    )
    return float(costs.outside.sum() + answer.fun)


@pytest.mark.parametrize("money", [False, True])
def test_councils_against_a_program(money):
    for seed in range(3):
        costs, rules = council(60, 16, 3, 5, seed)
        if money:
            rng = np.random.default_rng(seed)
            price = np.where(rules.hangs, rng.integers(20, 60, 32), rng.integers(150, 300, 32)).astype(float)
            rules = replace(rules, limits=(Limit(price, 900.0, "money"),))
        found = joint.solve(costs, rules)
        least = program(costs, rules)
        assert keeps(rules, found.opened)
        assert found.bound <= least + 1e-6
        assert found.paid == pytest.approx(least)
        assert found.gap < 0.15


def test_the_order_of_rows_changes_nothing():
    costs, rules = council(120, 20, 3, 6, 7)
    first = joint.solve(costs, rules, effort=2e7)
    order = np.random.default_rng(1).permutation(costs.rows)
    place = np.argsort(order)
    mixed = Costs.of(place[costs.row], costs.choice, costs.cost, costs.outside[order], costs.choices)
    second = joint.solve(mixed, rules, effort=2e7)
    assert (first.opened == second.opened).all()
    assert (first.paid, first.bound, first.status) == (second.paid, second.bound, second.status)
    assert first.relaxed is not None
    assert second.relaxed is not None
    assert bound_at(mixed, rules, second.relaxed.rows, second.relaxed.side)[0] == pytest.approx(first.relaxed.bound)
    again = joint.solve(costs, rules, effort=2e7)
    assert (first.opened == again.opened).all()
    assert (first.paid, first.bound) == (again.paid, again.bound)


def test_nothing_that_is_given_is_changed():
    costs, rules = council(60, 16, 3, 5, 2)
    start = np.zeros(rules.choices, bool)
    start[[0, 1]] = True
    before = [x.copy() for x in (costs.cost, costs.outside, rules.closed, rules.hangs, rules.links.parent, start)]
    joint.solve(costs, rules, start=start, effort=1e6)
    after = (costs.cost, costs.outside, rules.closed, rules.hangs, rules.links.parent, start)
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_a_start_is_never_made_worse():
    costs, rules = council(60, 16, 3, 5, 3)
    best = joint.solve(costs, rules)
    again = joint.solve(costs, rules, start=best.opened, effort=1.0)
    assert again.paid <= best.paid
    everything = joint.solve(costs, rules, start=np.ones(rules.choices, bool), effort=1.0)  # as far as the rules let
    assert keeps(rules, everything.opened)


def test_an_interrupt_gives_the_best_so_far():
    costs, rules = council(120, 20, 3, 6, 4)
    whole = joint.solve(costs, rules)
    told = []

    def stop(paid, bound):
        told.append((paid, bound))
        if len(told) == 4:
            raise KeyboardInterrupt

    found = joint.solve(costs, rules, progress=stop)
    assert found.status == "interrupted"
    assert keeps(rules, found.opened)
    assert found.bound <= whole.paid <= found.paid <= told[-1][0]
    assert found.bound >= told[-1][1] > 0


def test_work_ends_as_asked():
    costs, rules = council(120, 20, 3, 6, 4)
    assert joint.solve(costs, rules, time_limit_s=0.0).status == "time limit"
    assert joint.solve(costs, rules, effort=1.0).status == "effort spent"
    near = joint.solve(costs, rules, gap=0.5)
    assert near.status == "gap reached"
    assert near.gap <= 0.5


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            Rules(4, (Limit(np.ones(4), 1.0, "hubs"),), required=(np.array([0]), np.array([1, 2]), np.array([3]))),
            ["hubs: raise it to 3"],
        ),
        (
            Rules(3, (Limit(np.array([5.0, 9.0, 9.0]), 4.5, "money"),), required=(np.array([0, 1]),)),
            ["money: raise it to 5", "one of choices 0, 1 must open"],
        ),
        (
            Rules(3, apart=(np.array([0, 2]),), required=(np.array([0]), np.array([1]), np.array([2]))),
            ["one of choices 0 must open or one of choices 2 must open"],
        ),
        (Rules(2, required=(np.array([1]),), closed=np.array([False, True])), ["one of choices 1 must open"]),
        (
            Rules(2, required=(np.array([1]),), hangs=np.array([False, True]), links=Links.of(np.zeros((2, 2), bool))),
            ["links; required", "one of choices 1 must open"],
        ),
        (Rules(2, required=(np.zeros(0, np.intp),)), ["one of choices  must open"]),
    ],
)
def test_rules_that_clash_are_named(rules, said):
    costs = Costs.dense(np.ones((2, rules.choices)), np.full(2, 3.0))
    with pytest.raises(InfeasibleError) as error:
        joint.solve(costs, rules)
    assert all(words in str(error.value) for words in said)
    assert len(error.value.faults) == 1


def test_required_choices_open_with_a_parent_however_little_they_gain():
    near = np.zeros((4, 4), bool)
    near[3, 1] = True
    rules = Rules(
        4, (Limit(np.ones(4), 2.0),), required=(np.array([3]),), hangs=np.arange(4) == 3, links=Links.of(near)
    )
    costs = Costs.dense(np.array([[0.0, np.nan, np.nan, np.nan], [np.nan, np.nan, 0.0, np.nan]]), np.full(2, 9.0))
    found = joint.solve(costs, rules)
    assert np.flatnonzero(found.opened).tolist() == [1, 3]
    assert (found.paid, found.status) == (18.0, "optimal")


def test_edges():
    nothing = joint.solve(Costs.dense(np.zeros((0, 2)), np.zeros(0)), Rules.at_most(2, 1))
    assert (nothing.paid, nothing.gap, nothing.status, nothing.opened.any()) == (0.0, 0.0, "optimal", False)
    none = joint.solve(Costs.dense(np.zeros((2, 0)), np.ones(2)), Rules(0))
    assert (none.paid, none.bound, none.status) == (2.0, 2.0, "optimal")
    unreached = joint.solve(Costs.dense(np.full((2, 2), np.nan), np.array([0.3, 0.4])), Rules.at_most(2, 1))
    assert (unreached.paid, unreached.status, unreached.opened.any()) == (0.7, "optimal", False)
    shut = joint.solve(Costs.dense(np.zeros((2, 2)), np.ones(2)), Rules.at_most(2, 0))
    assert (shut.paid, shut.status) == (2.0, "optimal")
    twins = joint.solve(Costs.dense(np.zeros((3, 4)), np.ones(3)), Rules.at_most(4, 4))
    assert (twins.paid, twins.opened.sum(), twins.status) == (0.0, 1, "optimal")
    costs = Costs.dense(np.zeros((2, 2)), np.ones(2))
    with pytest.raises(InputError, match="2 with costs and 3 with rules"):
        joint.solve(costs, Rules.at_most(3, 1))
    with pytest.raises(InputError):
        joint.solve(costs, Rules.at_most(2, 1), start=np.zeros(3, bool))
