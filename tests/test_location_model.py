"""The general model with money, floors and goals that come first, against every set of choices."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs.errors import InfeasibleError
from needs.location import mending
from needs.location.model import Floor, Goal, Model
from needs.location.program import Clock
from needs.location.rules import Limit, Links, Rules, Wish
from needs.location.solve import solve
from needs.location.values import Values


def general_model(seed: int) -> Model:
    """Up to five buildings, each hub or outreach, with money, staff days, hubs too near, floors and goals."""
    lots = np.random.default_rng(seed)
    sites, rows = int(lots.integers(1, 6)), int(lots.integers(1, 9))
    count = 2 * sites
    values = lots.random((rows, count)) * (lots.random((rows, count)) < 0.6)
    if seed % 2:
        values = np.round(values * 4) / 4
    hubs = np.arange(count) % 2 == 0
    parents = np.zeros((count, count), bool)
    parents[np.ix_(~hubs, hubs)] = (lots.random((sites, sites)) < 0.6) & ~np.eye(sites, dtype=bool)
    money = lots.integers(0, 9, count).astype(float)
    near = [np.array([2 * a, 2 * b]) for a, b in itertools.combinations(range(sites), 2) if lots.random() < 0.2]
    rules = Rules(
        count,
        limits=(
            Limit(hubs.astype(float), float(lots.integers(0, 4)), "hubs"),
            Limit((~hubs).astype(float), float(lots.integers(0, 4)), "outreach"),
            Limit(money, float(lots.integers(0, 25)), "money"),
        ),
        apart=(*(np.array([2 * s, 2 * s + 1]) for s in range(sites)), *near),
        required=tuple(np.array([2 * s, 2 * s + 1]) for s in range(sites) if lots.random() < 0.1),
        closed=lots.random(count) < 0.1,
        hangs=~hubs,
        links=Links.of(parents),
    )
    base = np.where(lots.random(rows) < 0.3, 0.2, 0.0)
    weights = lots.integers(0, 5, rows).astype(float)
    groups = np.column_stack([(np.arange(rows) % 3 == g).astype(float) for g in range(3)])
    floors = (Floor(lots.integers(0, 3, rows).astype(float), float(lots.random() * 2), "floor"),)
    first = (Goal(groups[:, groups.any(axis=0)], "the worst-off"),)
    return Model(
        Values.dense(values),
        weights,
        base,
        rules,
        floors=floors if seed % 3 else (),
        first=first if seed % 4 == 0 else (Goal(weights[::-1, None], "another sum"),) if seed % 4 == 1 else (),
        kept=lots.random(count) < 0.2,
    )


def allowed(model: Model, opened: tuple[bool, ...]) -> bool:
    """Check the rules and floors in plain loops."""
    rules = model.rules
    chosen = [j for j, on in enumerate(opened) if on]
    if any(rules.closed[j] for j in chosen):
        return False
    if any(sum(limit.amounts[j] for j in chosen) > limit.most + 1e-9 for limit in rules.limits):
        return False
    if any(sum(opened[j] for j in group) > 1 for group in rules.apart):
        return False
    if any(not any(opened[j] for j in group) for group in rules.required):
        return False
    for j in chosen:
        if rules.hangs[j] and not any(opened[p] for p in rules.links.parents(j)):
            return False
    got = gets(model, opened)
    return all(sum(a * g for a, g in zip(f.amounts, got, strict=True)) >= f.least * (1 - 1e-9) for f in model.floors)


def gets(model: Model, opened: tuple[bool, ...]) -> list[float]:
    table = model.values.table().tolist()
    return [
        max([base, *(v for v, on in zip(row, opened, strict=True) if on)])
        for row, base in zip(table, model.base.tolist(), strict=True)
    ]


def levels(model: Model, opened: tuple[bool, ...]) -> list[float]:
    got = gets(model, opened)
    goals = [[float(np.dot(column, got)) for column in goal.amounts.T] for goal in model.first]
    return [*(min(goal) for goal in goals), math.fsum(w * g for w, g in zip(model.weights, got, strict=True))]


@pytest.mark.parametrize("seed", range(150))
def test_the_general_model_against_every_set_of_choices(seed):
    model = general_model(seed)
    plans = [p for p in itertools.product((False, True), repeat=model.choices) if allowed(model, p)]
    if not plans:
        with pytest.raises(InfeasibleError):
            solve(model)
        return
    found = solve(model)
    assert allowed(model, tuple(found.opened.tolist()))
    assert found.proof.status == "optimal"
    left = plans
    for k in range(len(model.first) + 1):
        most = max(levels(model, p)[k] for p in left)
        left = [p for p in left if levels(model, p)[k] >= most - 1e-7 * max(1.0, most)]
        reached = levels(model, tuple(found.opened.tolist()))[k]
        assert reached == pytest.approx(most, rel=1e-6, abs=1e-7)
        said = found.proof.steps[k].reached if k < len(model.first) else found.proof.objective
        assert said == pytest.approx(most, rel=1e-6, abs=1e-7)


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(seed, random):
    model = general_model(seed)
    order = list(range(model.values.rows))
    random.shuffle(order)
    mixed = replace(
        model,
        values=Values.dense(model.values.table()[order]),
        weights=model.weights[order],
        base=model.base[order],
        floors=tuple(replace(f, amounts=f.amounts[order]) for f in model.floors),
        first=tuple(replace(g, amounts=g.amounts[order]) for g in model.first),
    )
    try:
        found = solve(model)
    except InfeasibleError:
        with pytest.raises(InfeasibleError):
            solve(mixed)
        return
    assert solve(mixed).proof.objective == pytest.approx(found.proof.objective, rel=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_a_looser_constraint_never_gives_less(seed):
    model = replace(general_model(seed), first=())
    try:
        tight = solve(model).proof.objective
    except InfeasibleError:
        return
    for k, limit in enumerate(model.rules.limits):
        limits = (*model.rules.limits[:k], replace(limit, most=limit.most + 2), *model.rules.limits[k + 1 :])
        assert solve(replace(model, rules=replace(model.rules, limits=limits))).proof.objective >= tight - 1e-9
    assert solve(replace(model, floors=())).proof.objective >= tight - 1e-9


def mended(model: Model, where: str, what: str) -> Model:
    """Do what a message says."""
    number = float(what.split("need ")[1].split(",")[0]) if "need " in what else 0.0
    limits = tuple(replace(li, most=number) if li.name == where else li for li in model.rules.limits)
    rules = replace(model.rules, limits=limits)
    if where == "links":
        rules = replace(rules, links=None, hangs=np.zeros(model.choices, bool))
    if where == "required":
        groups = [[int(j) for j in part.removeprefix("one of choices ").removesuffix(" must open").split(", ")]
                  for part in what.split(" and ")]  # fmt: skip
        rules = replace(rules, required=tuple(g for g in rules.required if g.tolist() not in groups))
    floors = model.floors
    if where == "floor":
        most = float(what.split("more than ")[1].split(" %")[0])
        floors = tuple(replace(f, least=most) for f in floors)
    return replace(model, rules=rules, floors=floors)


@pytest.mark.parametrize("seed", range(200, 320))
def test_each_mend_that_is_named_mends_alone(seed):
    model = replace(general_model(seed), first=())
    try:
        solve(model)
    except InfeasibleError as error:
        told = error.faults
    else:
        return
    faults = mending.mends(model, Clock(60.0))
    assert len(told) == 1 or (not faults and all("even without" in f.what for f in told))
    assert all(fault.fix in told[0].fix for fault in faults)
    for fault in faults:
        ways = fault.what.split(" or ") if fault.where == "required" else [fault.what]
        for what in ways:
            solve(mended(model, fault.where, what))


def many(limits: tuple[Limit, ...], required: tuple[np.ndarray, ...] = ()) -> Model:
    """More choices than the solver is given at once: 220 buildings, each of which serves a row of its own."""
    count = 220
    return Model(Values.dense(np.eye(count)), np.ones(count), np.zeros(count), Rules(count, limits, required=required))


def test_many_choices_that_clash_are_told_what_would_mend_them():
    three = tuple(np.array([j]) for j in (4, 50, 120))
    with pytest.raises(InfeasibleError) as raised:
        solve(many((Limit(np.ones(220), 2.0, "hubs"),), three))
    (fault,) = raised.value.faults
    assert fault.where == "hubs; required"
    assert fault.fix.startswith("any one would mend it: hubs: raise it to 3 (the other constraints need 3, but at most")


def test_of_many_pairs_those_that_clash_are_named():
    """Hubs 0 to 79 stand in a row, next ones too near; 4 and 5 must open, and so must 50."""
    count = 220
    pairs = tuple(np.array([j, j + 1]) for j in range(79))
    whys = tuple(Wish("apart", f"{j} and {j + 1} are too near", "let them") for j in range(79))
    required = tuple(np.array([j]) for j in (4, 5, 50))
    rules = Rules(count, (Limit(np.ones(count), 9.0, "hubs"),), apart=pairs, apart_why=whys, required=required)
    with pytest.raises(InfeasibleError) as raised:
        solve(Model(Values.dense(np.eye(count)), np.ones(count), np.zeros(count), rules))
    (fault,) = raised.value.faults
    assert fault.where == "required; apart"
    assert (
        "one of choices 4 must open or one of choices 5 must open); or apart: let them (4 and 5 are too near)"
        in fault.fix
    )
    assert "50" not in fault.fix


def test_many_choices_keep_to_a_limit_below_nothing():
    # Each open building spares 2 of what closing would cost, and at least 5 must be spared; at most 4 may open of
    # those that spare anything, but three of them are enough.
    spared = np.where(np.arange(220) < 10, -2.0, 0.0)
    model = many((Limit(spared, -5.0, "pounds"), Limit(np.ones(220), 4.0, "hubs")))
    found = solve(model)
    assert found.opened.sum() == 4
    assert found.opened[:10].sum() >= 3
    assert found.proof.objective == 4
