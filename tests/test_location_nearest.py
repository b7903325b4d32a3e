"""Nearest-choice models: against brute force, linear programs by scipy, and published optima; every bound is valid."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse.csgraph import shortest_path

from needs.errors import InfeasibleError, InputError
from needs.location import nearest
from needs.location.branching import Part
from needs.location.costs import Costs
from needs.location.frame import frame
from needs.location.rules import Limit, Links, Rules
from needs.location.saddle import bound_at, relax

COUNTED = [f"pmed{k}" for k in range(1, 21)]


def table_of(rng, rows, choices, *, whole, absent=0.3):
    """A table of costs, NaN where a row does not list a choice, and outside costs; a few rows count for nothing."""
    cost = rng.integers(0, 9, (rows, choices)).astype(float) if whole else rng.random((rows, choices)) * 9
    outside = rng.integers(1, 12, rows).astype(float) if whole else rng.random(rows) * 12
    outside[rng.random(rows) < 0.1] = 0.0
    cost[rng.random(cost.shape) < absent] = np.nan
    return cost, outside


def paid_by(cost, outside, opened):
    """What rows pay, in plain Python."""
    return math.fsum(
        min([out, *(c for c, j in zip(row, opened, strict=True) if j and not math.isnan(c))])
        for row, out in zip(cost.tolist(), outside.tolist(), strict=True)
    )


def sets_of(choices):
    return (np.array(s, bool) for s in itertools.product([False, True], repeat=choices))


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, choices = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    cost, outside = table_of(
        rng, rows, choices, whole=draw(st.booleans()), absent=draw(st.sampled_from([0.0, 0.3, 0.8]))
    )
    if draw(st.booleans()) and choices > 1:
        cost[:, -1] = cost[:, 0]  # two choices alike
    state = rng.choice(3, choices, p=[0.7, 0.15, 0.15])
    forced, closed = state == 1, state == 2
    return cost, outside, forced, closed, int(forced.sum()) + draw(st.integers(0, 4))


@settings(max_examples=300)
@given(problems())
def test_no_set_pays_less(problem):
    cost, outside, forced, closed, most = problem
    found = nearest.solve(Costs.dense(cost, outside), most=most, forced=forced, closed=closed)
    allowed = [s for s in sets_of(len(forced)) if s.sum() <= most and s[forced].all() and not s[closed].any()]
    best = min(paid_by(cost, outside, s) for s in allowed)
    assert any((found.opened == s).all() for s in allowed)
    assert found.paid == pytest.approx(paid_by(cost, outside, found.opened), rel=1e-14)
    assert found.status == "optimal"
    assert found.paid <= best * (1 + 1e-9)
    assert found.bound <= best * (1 + 1e-12)
    assert found.gap == (found.paid - found.bound) / found.paid if found.paid else found.gap == 0
    assert found.relaxed.bound <= best * (1 + 1e-12)


@settings(max_examples=100)
@given(problems())
def test_nothing_open_can_be_left_out_or_be_exchanged_for_an_earlier_choice(problem):
    cost, outside, forced, closed, most = problem
    opened = nearest.solve(Costs.dense(cost, outside), most=most, forced=forced, closed=closed).opened
    paid = paid_by(cost, outside, opened)
    for out in np.flatnonzero(opened & ~forced):
        less = opened.copy()
        less[out] = False
        assert paid_by(cost, outside, less) > paid * (1 + 1e-13)
        for j in np.flatnonzero(~opened[:out] & ~closed[:out]):
            other = less.copy()
            other[j] = True
            assert paid_by(cost, outside, other) > paid * (1 + 1e-13)


@settings(max_examples=60)
@given(problems(), st.integers(0, 2**32))
def test_order_of_rows_and_choices_changes_no_total(problem, seed):
    cost, outside, forced, closed, most = problem
    rng = np.random.default_rng(seed)
    rows, choices = rng.permutation(len(outside)), rng.permutation(len(forced))
    found = nearest.solve(Costs.dense(cost, outside), most=most, forced=forced, closed=closed)
    by_row = nearest.solve(Costs.dense(cost[rows], outside[rows]), most=most, forced=forced, closed=closed)
    by_choice = nearest.solve(
        Costs.dense(cost[:, choices], outside), most=most, forced=forced[choices], closed=closed[choices]
    )
    assert by_row.paid == pytest.approx(found.paid, rel=1e-9)
    assert by_choice.paid == pytest.approx(found.paid, rel=1e-9)


@settings(max_examples=60)
@given(problems())
def test_another_choice_or_a_greater_number_never_costs_more(problem):
    cost, outside, _, closed, most = problem
    fewer = nearest.solve(Costs.dense(cost[:, :-1], outside), most=most, closed=closed[:-1])
    more = nearest.solve(Costs.dense(cost, outside), most=most, closed=closed)
    greater = nearest.solve(Costs.dense(cost, outside), most=most + 1, closed=closed)
    assert more.paid <= fewer.paid * (1 + 1e-9)
    assert greater.paid <= more.paid * (1 + 1e-9)


def joint(rng, rows, choices):
    """Hubs, and outreach that hangs on them: two counts, money, one building, one district that must have a hub."""
    hubs = choices // 2
    near = np.zeros((choices, choices), bool)
    near[hubs:, :hubs] = rng.random((choices - hubs, hubs)) < 0.5
    is_hub = np.arange(choices) < hubs
    return Rules(
        choices,
        limits=(
            Limit(is_hub.astype(float), 2.0, "hubs"),
            Limit((~is_hub).astype(float), 2.0, "outreach"),
            Limit(rng.random(choices) * 3 + 0.2, 5.0, "money"),
        ),
        apart=(np.array([0, choices - 1]),),
        required=(np.arange(hubs),) if rng.random() < 0.5 else (),
        closed=rng.random(choices) < 0.05,
        hangs=~is_hub,
        links=Links.of(near),
    )


def relaxed_by_scipy(costs, rules):
    """Least that is paid when choices may open in part, by linear programming; NaN when nothing keeps the rules."""
    m, entries, n = rules.choices, len(costs.cost), costs.rows
    sides = [(limit.amounts, limit.most) for limit in rules.limits]
    sides += [(np.isin(np.arange(m), g).astype(float), 1.0) for g in rules.apart]
    sides += [(-np.isin(np.arange(m), g).astype(float), -1.0) for g in rules.required]
    for j in np.flatnonzero(rules.hangs):
        side = -np.isin(np.arange(m), rules.links.parents(j)).astype(float)
        side[j] = 1.0
        sides.append((side, 0.0))
    above = np.zeros((len(sides) + entries, m + entries + n))
    for k, (side, _) in enumerate(sides):
        above[k, :m] = side
    for e in range(entries):
        above[len(sides) + e, m + e], above[len(sides) + e, costs.choice[e]] = 1.0, -1.0
    each = np.zeros((n, m + entries + n))
    each[costs.row, m + np.arange(entries)] = 1.0
    each[np.arange(n), m + entries + np.arange(n)] = 1.0
    answer = linprog(
        np.concatenate([np.zeros(m), costs.cost, costs.outside]),
        A_ub=above,
        b_ub=np.concatenate([[b for _, b in sides], np.zeros(entries)]),
        A_eq=each,
        b_eq=np.ones(n),
        bounds=[(0, 0 if shut else 1) for shut in rules.closed] + [(0, None)] * (entries + n),
    )
    return answer.fun if answer.status == 0 else np.nan


@pytest.mark.parametrize("seed", range(40))
def test_the_bound_of_joint_rules_meets_the_linear_program(seed):
    rng = np.random.default_rng(seed)
    cost, outside = table_of(rng, int(rng.integers(3, 14)), int(rng.integers(4, 9)), whole=False)
    costs = Costs.dense(cost, outside)
    rules = joint(rng, costs.rows, costs.choices)
    program = relaxed_by_scipy(costs, rules)
    relaxed = relax(costs, rules, steps=20_000)
    kept = [s for s in sets_of(rules.choices) if rules.feasible(s)]
    if kept:
        least = min(paid_by(cost, outside, s) for s in kept)
        assert relaxed.bound <= program * (1 + 1e-9)
        assert program <= least * (1 + 1e-9)
        assert relaxed.bound >= program * (1 - 1e-6)
        # Anything goes as multipliers.
        shape = frame(rules)
        rows = rng.random(costs.rows) * outside * 1.5
        bound, rewards = bound_at(costs, rules, rows, rng.random(len(shape.side_most)) * 3 - 0.5)
        assert bound <= least
        assert len(rewards) == rules.choices
        again, _ = bound_at(costs, rules, relaxed.rows, relaxed.side)
        assert again == pytest.approx(relaxed.bound, rel=1e-12)


def test_side_rows_come_in_the_order_that_is_stated():
    near = np.zeros((4, 4), bool)
    near[3, [0, 1]] = True
    rules = Rules(
        4,
        limits=(Limit(np.array([1.0, 1, 0, 0]), 1.0), Limit(np.array([5.0, 7, 1, 0]), 9.0), Limit(np.ones(4), 3.0)),
        apart=(np.array([2, 3]),),
        required=(np.array([0, 1, 2]),),
        hangs=np.array([False, False, False, True]),
        links=Links.of(near),
    )
    shape = frame(rules, forced=np.array([True, False, False, False]))
    assert shape.cap.tolist() == [0, np.inf]
    assert [shape.member[a:b].tolist() for a, b in itertools.pairwise(shape.start)] == [[1], [2, 3]]
    sides = [
        dict(zip(shape.side_choice[a:b].tolist(), shape.side_value[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(shape.side_start)
    ]
    assert sides == [
        {0: 5, 1: 7, 2: 1},
        {0: 1, 1: 1, 2: 1, 3: 1},
        {2: 1, 3: 1},
        {0: -1, 1: -1, 2: -1},
        {3: 1, 0: -1, 1: -1},
    ]
    assert shape.side_most == pytest.approx([9, 3, 1, -1, 0])


@pytest.mark.parametrize("seed", range(20))
def test_a_narrowed_part_pays_and_bounds_the_same(seed):
    rng = np.random.default_rng(seed)
    cost, outside = table_of(rng, 60, 9, whole=True, absent=0.7)
    costs = Costs.dense(cost, outside)
    certain = np.isin(np.arange(9), [2])
    closed = np.isin(np.arange(9), [5, 8])
    part = Part.whole(costs, 4).narrow(closed, certain)
    assert part.costs.rows < costs.rows
    assert (part.most, part.ids.tolist()) == (3, [0, 1, 3, 4, 6, 7])
    for here in sets_of(6):
        opened = part.opened(here, 9)
        assert part.constant + part.costs.paid(here).sum() == paid_by(cost, outside, opened)
    rows = rng.random(part.costs.rows) * part.costs.outside
    bound, rewards = bound_at(part.costs, Rules.at_most(6, 3), rows)
    rules = Rules(9, Rules.at_most(9, 4).limits, closed=closed)
    whole, all_rewards = bound_at(costs, rules, part.spread(costs, rows), forced=certain)
    assert whole == pytest.approx(bound + part.constant, rel=1e-9)
    assert all_rewards[part.ids] == pytest.approx(rewards, abs=1e-9)


def test_nothing_to_decide():
    costs = Costs.dense(np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([5.0, 5.0]))
    none = nearest.solve(costs, most=0)
    assert (none.paid, none.bound, none.status, none.opened.sum()) == (10, 10, "optimal", 0)
    both = nearest.solve(costs, most=9)
    assert (both.paid, both.status, both.opened.tolist()) == (2, "optimal", [True, True])
    empty = nearest.solve(Costs.dense(np.full((3, 2), np.nan), np.ones(3)), most=1)
    assert (empty.paid, empty.status, empty.opened.sum()) == (3, "optimal", 0)
    equal = nearest.solve(Costs.dense(np.ones((4, 5)), np.full(4, 2.0)), most=3)
    assert (equal.paid, equal.opened.tolist()) == (4, [True, False, False, False, False])
    free = nearest.solve(Costs.dense(np.zeros((4, 5)), np.ones(4)), most=3)
    assert (free.paid, free.gap, free.status, free.opened.sum()) == (0, 0, "optimal", 1)


def test_what_cannot_be_is_told():
    costs = Costs.dense(np.ones((2, 3)), np.full(2, 2.0))
    with pytest.raises(InfeasibleError, match=r"2 must open and at most 1 may(.|\n)*both must and may not"):
        nearest.solve(costs, most=1, forced=np.array([True, True, False]), closed=np.array([True, False, False]))
    with pytest.raises(InfeasibleError, match="2 must open and at most 1 may"):
        relax(costs, Rules.at_most(3, 1), forced=np.array([True, True, False]), steps=16)
    for cost, outside in (([[-1.0]], [1.0]), ([[1.0]], [np.nan]), ([[1.0]], [-1.0])):
        with pytest.raises(InputError, match="below 0 or not a number"):
            Costs.dense(np.array(cost), np.array(outside))


def hard(seed=5, rows=150, choices=60):
    """Random costs without any plane: much is left open by the bound."""
    rng = np.random.default_rng(seed)
    return Costs.dense(rng.integers(1, 1000, (rows, choices)).astype(float), np.full(rows, 1000.0))


def test_an_interrupt_gives_the_best_so_far():
    costs, told = hard(), []

    def stop(paid, bound):
        told.append((paid, bound))
        if len(told) == 3:
            raise KeyboardInterrupt

    found = nearest.solve(costs, most=10, progress=stop)
    assert found.status == "interrupted"
    assert found.paid == math.fsum(costs.paid(found.opened)) == told[-1][0]
    assert 0 < found.bound < found.paid
    assert found.relaxed.bound == pytest.approx(found.bound, rel=1e-9)


def test_effort_and_gap_end_the_work_alike_on_every_run():
    costs = hard()
    spent = [nearest.solve(costs, most=10, effort=5e6) for _ in range(2)]
    assert spent[0].status == "effort spent"
    assert (spent[0].paid, spent[0].bound, spent[0].opened.tolist()) == (
        spent[1].paid,
        spent[1].bound,
        spent[1].opened.tolist(),
    )
    rough = nearest.solve(costs, most=10, gap=0.2)
    assert rough.status == "gap reached"
    assert rough.gap <= 0.2
    late = nearest.solve(costs, most=10, time_limit_s=0.0)
    assert late.status == "time limit"
    assert late.bound <= spent[0].paid


def test_an_answer_serves_as_the_start_of_the_next():
    rng = np.random.default_rng(3)
    at, sites = rng.random((200, 2)), rng.random((40, 2))
    minutes = np.hypot(*(at[:, None] - sites).transpose(2, 0, 1)) * 60
    weights = rng.random(200)
    base = nearest.solve(Costs.dense(weights[:, None] * minutes, weights * 40), most=6)
    other = weights * rng.uniform(0.9, 1.1, 200)
    costs = Costs.dense(other[:, None] * minutes, other * 40)
    afresh, warm = nearest.solve(costs, most=6), nearest.solve(costs, most=6, start=base)
    assert warm.status == afresh.status == "optimal"
    assert warm.paid == pytest.approx(afresh.paid, rel=1e-9)
    # The multipliers of the first, brought to the new weights, bound the second.
    bound, _ = bound_at(costs, Rules.at_most(40, 6), base.relaxed.rows * other / weights)
    assert 0.95 * warm.paid <= bound <= warm.paid


def test_a_start_that_ended_before_any_step_raises_no_bar():
    rng = np.random.default_rng(4)
    at, sites = rng.random((60, 2)), rng.random((12, 2))
    costs = Costs.dense(np.hypot(*(at[:, None] - sites).transpose(2, 0, 1)), np.full(60, 2.0))
    hasty = nearest.solve(costs, most=3, effort=0.0)
    assert hasty.relaxed.ratio == 0
    assert nearest.solve(costs, most=4, start=hasty).status == "optimal"


def read_library(path):
    """Read an OR-Library file: of edges named twice the last counts (Beasley 1985)."""
    numbers = np.array(path.read_text().split(), int)
    nodes, edges, most = numbers[:3]
    length = np.full((nodes, nodes), np.inf)
    for a, b, c in numbers[3 : 3 + 3 * edges].reshape(-1, 3):
        length[a - 1, b - 1] = length[b - 1, a - 1] = c
    return shortest_path(length, directed=False), int(most)


@pytest.mark.data
@pytest.mark.parametrize("name", COUNTED)
def test_published_optima_are_proven(real_data, name):
    folder = real_data / "location"
    cost, most = read_library(folder / "orlib_pmed" / f"{name}.txt")
    published = json.loads((folder / "expected.json").read_text())["orlib_pmed"]["p_median_optimum"][name]
    found = nearest.solve(Costs.dense(cost, np.full(len(cost), cost.max() + 1)), most=most)
    assert (found.paid, found.bound, found.status) == (published, published, "optimal")
    assert found.opened.sum() == most
