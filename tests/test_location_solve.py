"""The core against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from needs.errors import InfeasibleError
from needs.location.model import Model
from needs.location.program import Clock, Program
from needs.location.rules import Limit, Links, Rules
from needs.location.solve import solve
from needs.location.terms import terms
from needs.location.values import Values


def random_model(seed: int) -> Model:
    lots = np.random.default_rng(seed)
    sites, rows = int(lots.integers(1, 6)), int(lots.integers(0, 9))
    count = 2 * sites
    values = lots.random((rows, count)) * (lots.random((rows, count)) < 0.6)
    values = np.round(values * 4) / 4 if seed % 2 else values
    hubs = np.arange(count) % 2 == 0
    parents = np.zeros((count, count), bool)
    parents[np.ix_(~hubs, hubs)] = lots.random((sites, sites)) < 0.5
    picked = [s for s in range(sites) if lots.random() < 0.15]
    # The lots are drawn in one order whatever becomes of them.
    weights = np.where(lots.random(rows) < 0.2, 0.0, lots.integers(0, 5, rows)).astype(float)
    base = np.where(lots.random(rows) < 0.3, 0.4, 0.0)
    rules = Rules(
        count,
        limits=(
            Limit(hubs.astype(float), int(lots.integers(0, 4)), "hubs"),
            Limit((~hubs).astype(float), int(lots.integers(0, 4)), "outreach"),
        ),
        apart=tuple(np.array([2 * s, 2 * s + 1]) for s in range(sites)),
        required=tuple(np.array([2 * s, 2 * s + 1][: int(lots.integers(1, 3))]) for s in picked),
        closed=lots.random(count) < 0.1,
        hangs=~hubs,
        links=Links.of(parents),
    )
    return Model(Values.dense(values), weights, base, rules, kept=lots.random(count) < 0.2)


def every_set(model: Model):
    for code in itertools.product((0, 1, 2), repeat=model.choices // 2):
        yield np.array([code[j // 2] == 1 + j % 2 for j in range(model.choices)], bool)


@pytest.mark.parametrize("seed", range(80))
def test_core_against_every_set_of_choices(seed):
    model = random_model(seed)
    sets = [opened for opened in every_set(model) if model.feasible(opened)]
    if not sets:
        with pytest.raises(InfeasibleError):
            solve(model)
        return
    met = [float(model.weights @ model.best(opened)) for opened in sets]
    tied = [opened for opened, value in zip(sets, met, strict=True) if value >= max(met) * (1 - 1e-9)]
    # Of binary vectors of equal sum the greatest opens the first choice in which they differ.
    rule = max(tied, key=lambda opened: (-opened.sum(), (opened & model.kept).sum(), opened.tolist()))
    found = solve(model)
    assert found.opened.tolist() == rule.tolist()
    assert found.proof.status == "optimal"
    assert found.proof.objective == pytest.approx(max(met), rel=1e-12)
    assert found.proof.ties == ("none" if len(tied) == 1 else "broken")


@pytest.mark.parametrize("seed", range(20))
def test_terms_give_every_set_of_choices_its_objective(seed):
    model = random_model(seed)
    sure = np.zeros(model.choices, bool)
    closed = model.rules.closed
    amounts = np.column_stack([model.weights, np.arange(len(model.weights)) % 3])
    reduced = terms(model.values, model.base, amounts, certain=sure, closed=closed)
    for opened in every_set(model):
        if not (opened & closed).any():
            sums = reduced.constant + opened @ reduced.alone + reduced.met(opened) @ reduced.gains
            assert sums == pytest.approx(amounts.T @ model.best(opened), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_choices_are_ruled_out_only_if_no_plan_as_good_has_them(seed):
    model = random_model(seed)
    met = [(model.objective(opened), opened) for opened in every_set(model) if model.feasible(opened)]
    nothing = np.zeros(model.choices, bool)
    program = Program(model, model.total, certain=nothing, closed=nothing, reach=model.objective(~nothing))
    relaxed = program.run(Clock(60.0), whole=False)
    if not met:
        return  # the relaxed program may still have an answer
    values = sorted(value for value, _ in met)
    assert relaxed.bound >= values[-1] * (1 - 1e-9)
    for objective in (values[-1], values[-len(values) // 4]):
        smaller = program.ruled_out(relaxed, objective)
        for value, opened in met:
            if value >= objective:
                assert not (opened & smaller.closed).any()
                assert opened[smaller.certain].all()


def test_the_plan_of_least_code_among_equals_holds_over_many_sites():
    # 60 equal pairs of buildings: of each pair the first must be taken, though all 2 ** 60 plans do as well.
    values = np.repeat(np.eye(60), 2, axis=1)
    model = Model(Values.dense(values), np.ones(60), np.zeros(60), Rules(120, (Limit(np.ones(120), 60.0),)))
    found = solve(model)
    assert found.opened.tolist() == [True, False] * 60
    assert found.proof.ties == "broken"
