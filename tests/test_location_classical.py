"""The classical location models against brute force, enumeration and published optima."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import LinearConstraint, milp
from scipy.sparse.csgraph import shortest_path

from needs.errors import InfeasibleError, InputError
from needs.location.classical import backup, lscp, mclp, p_center, p_median
from needs.location.covering import _Core, cover
from needs.location.program import Clock

few = settings(max_examples=40)

# ---- published optima


@pytest.fixture(scope="module")
def expected(real_data):
    return json.loads((real_data / "location" / "expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def san_francisco(real_data):
    """Distance of 205 tracts to 16 stores, and their people, joined by name."""
    folder = real_data / "location" / "spopt_sf"
    long = pd.read_csv(
        folder / "SF_network_distance_candidateStore_16_censusTract_205_new.csv", dtype={"DestinationName": str}
    )
    cost = long.pivot(index="DestinationName", columns="name", values="distance")
    people = pd.read_csv(folder / "SF_demand_205_centroid_uniform_weight.csv", dtype={"NAME": str})
    weights = people.set_index("NAME")["POP2000"].reindex(cost.index)
    assert not weights.isna().any()
    return cost.to_numpy(), weights.to_numpy(float)


@pytest.fixture(scope="module")
def network(real_data):
    """Lengths of shortest paths between all nodes of an OR-Library network, and its p."""

    def read(number):
        text = (real_data / "location" / "orlib_pmed" / f"pmed{number}.txt").read_text("utf-8")
        numbers = [int(word) for word in text.split()]
        nodes, edges, p = numbers[:3]
        length = np.full((nodes, nodes), np.inf)
        for i, j, far in np.array(numbers[3 : 3 + 3 * edges]).reshape(-1, 3):  # of an edge given twice the last holds
            length[i - 1, j - 1] = length[j - 1, i - 1] = far
        return shortest_path(length), p

    return read


@pytest.mark.data
def test_san_francisco_p_median(san_francisco, expected):
    answer = expected["spopt_sf_205x16"]["p_median_p4"]
    found = p_median(*san_francisco, p=4)
    assert found.objective == pytest.approx(answer["objective"], rel=1e-12)
    assert np.flatnonzero(found.opened).tolist() == answer["cols"]
    assert (found.status, found.gap, len(found.left_out)) == ("optimal", 0.0, 0)


@pytest.mark.data
def test_san_francisco_p_center(san_francisco, expected):
    found = p_center(san_francisco[0], p=4)
    assert found.objective == pytest.approx(expected["spopt_sf_205x16"]["p_center_p4"], rel=1e-12)
    assert found.status == "optimal"


@pytest.mark.data
def test_san_francisco_covering(san_francisco, expected):
    cost, weights = san_francisco
    most = mclp(cost, weights, radius=5000, p=4)
    assert most.objective == most.bound == expected["spopt_sf_205x16"]["mclp_r5000_p4"]["covered_pop"]
    assert np.flatnonzero(most.opened).tolist() == expected["spopt_sf_205x16"]["mclp_r5000_p4"]["cols"]
    fewest = lscp(cost, radius=5000)
    assert fewest.objective == fewest.bound == expected["spopt_sf_205x16"]["lscp_r5000"]["min_sites"]
    covers = cost <= 5000
    sets = [s for s in itertools.combinations(range(16), 8) if covers[:, s].any(axis=1).all()]
    assert len(sets) == expected["spopt_sf_205x16"]["lscp_r5000"]["n_optimal_sets"]
    assert tuple(np.flatnonzero(fewest.opened)) in sets


@pytest.mark.data
def test_san_francisco_backup(san_francisco, expected):
    covers = san_francisco[0] <= 5000
    found = backup(san_francisco[0], np.ones(205), radius=5000)
    assert found.status == "optimal"
    assert found.opened.sum() == expected["spopt_sf_205x16"]["lscp_r5000"]["min_sites"]
    sets = [s for s in itertools.combinations(range(16), 8) if covers[:, s].any(axis=1).all()]
    assert found.objective == max((covers[:, s].sum(axis=1) > 1).sum() for s in sets) == 145
    # The published share counts rows that a single site can ever cover as if they were covered twice.
    counted = found.objective + (covers.sum(axis=1) == 1).sum()
    assert 100 * counted / 205 == pytest.approx(
        expected["spopt_sf_205x16"]["lscpb_r5000_backup_pct_from_spopt_test"], rel=1e-12
    )


@pytest.mark.data
@pytest.mark.parametrize("number", range(1, 21))
def test_or_library(network, number, expected):
    cost, p = network(number)
    median, center = p_median(cost, np.ones(len(cost)), p=p), p_center(cost, p=p)
    assert median.objective == median.bound == expected["orlib_pmed"]["p_median_optimum"][f"pmed{number}"]
    assert center.objective == center.bound == expected["orlib_pmed"]["p_center_optimum"][f"pmed{number}"]
    assert median.status == center.status == "optimal"
    assert max(median.opened.sum(), center.opened.sum()) <= p


# ---- brute force


@st.composite
def cases(draw, *, rows=7, sites=5):
    """Costs with ties, unreachable pairs, weights of zero, sites forced and closed, and a p that holds the forced."""
    n, m = draw(st.integers(0, rows)), draw(st.integers(1, sites))
    scale = draw(st.sampled_from([1.0, 0.1, 1 / 3]))
    cell = st.one_of(st.integers(0, 6), st.just(math.nan))
    cost = np.array(draw(st.lists(cell, min_size=n * m, max_size=n * m)), float).reshape(n, m) * scale
    weights = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 0.7, 5.0]), min_size=n, max_size=n)))
    kind = np.array(
        draw(st.lists(st.sampled_from(["free", "free", "free", "forced", "closed"]), min_size=m, max_size=m))
    )
    forced, closed = kind == "forced", kind == "closed"
    p = draw(st.integers(max(1, int(forced.sum())), m + 1))
    radius = draw(st.integers(0, 6)) * scale
    return cost, weights, {"forced": forced, "closed": closed}, p, radius


def plans(case, most=None):
    """Every set of sites that may be open, of at most p."""
    cost, _, marks, p, _ = case
    for bits in itertools.product((False, True), repeat=cost.shape[1]):
        opened = np.array(bits)
        marked = opened[marks["forced"]].all() and not (opened & marks["closed"]).any()
        if marked and sum(bits) <= (p if most is None else most):
            yield opened


def nearest(case, opened, i):
    """Cost of the cheapest open site to a row, and which it is, the first of equals; infinite and -1 for none."""
    found = [(c, j) for j, c in enumerate(case[0][i].tolist()) if opened[j] and not math.isnan(c)]
    return min(found, default=(math.inf, -1))


def asking(case, reach=math.inf):
    """Rows of some weight that a site which may open reaches."""
    everything = ~case[2]["closed"]
    least = [nearest(case, everything, i)[0] for i in range(len(case[0]))]
    return [i for i, c in enumerate(least) if case[1][i] > 0 and c <= reach and c < math.inf]


def check(case, found, best, *, reach=math.inf):
    """What holds of every proven result."""
    _, weights, marks, _, _ = case
    assert found.status == "optimal"
    assert found.gap == 0
    assert found.objective == found.bound == pytest.approx(best, rel=1e-9, abs=1e-12)
    assert found.opened[marks["forced"]].all()
    assert not (found.opened & marks["closed"]).any()
    ask = asking(case, reach)
    assert found.left_out.tolist() == [i for i in range(len(weights)) if weights[i] > 0 and i not in ask]
    for i, j in enumerate(found.served.tolist()):
        least, first = nearest(case, found.opened, i)
        assert j == (first if least <= reach else -1)
    assert f"{found.opened.sum()} of {len(found.opened)} sites open" in found.summary


@few
@given(cases(), st.sampled_from([None, 0.0, 1.0, 2.5]))
def test_p_median_is_the_best_of_all_plans(case, cutoff):
    cost, weights, marks, p, _ = case
    reach = math.inf if cutoff is None else cutoff
    need = [i for i in range(len(cost)) if weights[i] > 0]
    paid = [math.fsum(weights[i] * min(nearest(case, plan, i)[0], reach) for i in need) for plan in plans(case)]
    best = min(paid, default=math.inf)
    if best == math.inf:
        with pytest.raises(InfeasibleError):
            p_median(cost, weights, p=p, cutoff=cutoff, **marks)
        return
    found = p_median(cost, weights, p=p, cutoff=cutoff, **marks)
    check(case, found, best, reach=reach)
    assert found.opened.sum() <= p


@few
@given(cases())
def test_p_center_is_the_best_of_all_plans(case):
    cost, weights, marks, p, _ = case
    best = min(
        (max((nearest(case, plan, i)[0] for i in asking(case)), default=0.0) for plan in plans(case)),
        default=math.inf,
    )
    if best == math.inf:
        with pytest.raises(InfeasibleError):
            p_center(cost, p=p, weights=weights, **marks)
        return
    found = p_center(cost, p=p, weights=weights, **marks)
    check(case, found, best)
    assert found.opened.sum() <= p


def covered(case, plan, times=1):
    """Rows that so many open sites cover."""
    near = (case[0][:, plan] <= case[4]).sum(axis=1)
    return {i for i in range(len(near)) if near[i] >= times}


@few
@given(cases())
def test_lscp_is_the_least_of_all_covers(case):
    cost, weights, marks, _, radius = case
    ask = set(asking(case, radius))
    best = min(plan.sum() for plan in plans(case, most=99) if ask <= covered(case, plan))
    found = lscp(cost, radius=radius, weights=weights, **marks)
    check(case, found, best, reach=radius)
    assert ask <= covered(case, found.opened)
    free = np.flatnonzero(~found.opened & ~marks["closed"])
    for j in np.flatnonzero(found.opened & ~marks["forced"]):
        for k in free[free < j]:
            other = found.opened.copy()
            other[[j, k]] = False, True
            assert not ask <= covered(case, other)


@few
@given(cases())
def test_mclp_is_the_best_of_all_plans(case):
    cost, weights, marks, p, radius = case
    best = max(math.fsum(weights[i] for i in covered(case, plan)) for plan in plans(case))
    found = mclp(cost, weights, radius=radius, p=p, **marks)
    check(case, found, best, reach=radius)
    assert found.opened.sum() <= p


@few
@given(cases(), st.booleans())
def test_backup_is_the_best_of_all_covers(case, fewest):
    cost, weights, marks, p, radius = case
    ask = set(asking(case, radius))
    covers = [plan for plan in plans(case, most=99) if ask <= covered(case, plan)]
    least = min(plan.sum() for plan in covers)
    most = least if fewest else p
    twice = [math.fsum(weights[i] for i in covered(case, plan, 2)) for plan in covers if plan.sum() <= most]
    if not twice:
        with pytest.raises(InfeasibleError, match=f"allow p = {least},"):
            backup(cost, weights, radius=radius, p=p, **marks)
        return
    found = backup(cost, weights, radius=radius, p=None if fewest else p, **marks)
    check(case, found, max(twice), reach=radius)
    assert found.opened.sum() <= most
    assert ask <= covered(case, found.opened)


@few
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(1, 9), st.sampled_from([0.15, 0.3, 0.6]))
def test_covers_and_questions_of_enough(seed, rows, columns, share):
    covers = np.random.default_rng(seed).random((rows, columns)) < share
    covers = covers[covers.any(axis=1)]
    sets = itertools.chain.from_iterable(itertools.combinations(range(columns), k) for k in range(columns + 1))
    best = next(len(s) for s in sets if covers[:, list(s)].any(axis=1).all())
    found = cover(covers, Clock(60.0))
    assert (found.count, found.bound, found.status) == (best, best, "optimal")
    assert covers[:, found.opened].any(axis=1).all()
    for most in range(columns + 1):
        asked = cover(covers, Clock(60.0), most=most)
        assert asked.bound <= best <= asked.count
        assert covers[:, asked.opened].any(axis=1).all()
        assert asked.count <= most if best <= most else asked.bound > most
        assert asked.status == ("optimal" if asked.count == asked.bound else "enough")


# ---- laws


def town(seed, rows=40, sites=12):
    lots = np.random.default_rng(seed)
    places = lots.random((rows + sites, 2)) * 10
    cost = np.hypot(*(places[:rows, None] - places[rows:]).transpose(2, 0, 1))
    return np.where(cost > 7, np.nan, cost), lots.integers(0, 5, rows).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_more_of_anything_never_harms(seed):
    cost, weights = town(seed)
    met = [mclp(cost, weights, radius=2.0, p=p).objective for p in range(1, 7)]
    assert met == sorted(met)
    paid = [p_median(cost, weights, p=p, cutoff=5.0).objective for p in range(1, 7)]
    assert paid == sorted(paid, reverse=True)
    few = cost[:, :8]
    assert mclp(few, weights, radius=2.0, p=3).objective <= met[2]
    assert p_median(few, weights, p=3, cutoff=5.0).objective >= paid[2]
    reached = (few <= 4).any(axis=1).astype(float)
    sizes = [lscp(cost, radius=radius, weights=reached).objective for radius in (4.0, 4.5, 5.0, 6.0, 7.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert lscp(few, radius=4.0, weights=reached).objective >= sizes[0]


@pytest.mark.parametrize("seed", range(3))
def test_order_changes_no_objective(seed):
    cost, weights = town(seed)
    lots = np.random.default_rng(seed)
    rows, sites = lots.permutation(len(cost)), lots.permutation(cost.shape[1])
    other, mixed = cost[rows][:, sites], weights[rows]
    for solve in (
        lambda c, w: p_median(c, w, p=4, cutoff=5.0),
        lambda c, w: p_center(c, p=7, weights=w),
        lambda c, w: lscp(c, radius=3.0, weights=w),
        lambda c, w: mclp(c, w, radius=2.0, p=4),
        lambda c, w: backup(c, w, radius=4.0),
    ):
        assert solve(cost, weights).objective == pytest.approx(solve(other, mixed).objective, rel=1e-12)


def test_the_same_call_gives_the_same_sites():
    cost, weights = town(9)
    for solve in (lambda: lscp(cost, radius=3.0, weights=weights), lambda: backup(cost, weights, radius=4.0)):
        assert solve().opened.tolist() == solve().opened.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_covers_are_as_small_as_another_solver_finds(seed):
    covers = np.random.default_rng(seed).random((90, 60)) < 0.08
    covers = covers[covers.any(axis=1)]
    found = milp(np.ones(60), constraints=LinearConstraint(covers.astype(float), lb=1), integrality=1, bounds=(0, 1))
    best = round(found.fun)
    assert (cover(covers, Clock(60.0)).count, cover(covers, Clock(60.0)).bound) == (best, best)
    assert cover(covers, Clock(60.0), most=best).count == best
    assert cover(covers, Clock(60.0), most=best - 1).bound == best


@pytest.mark.parametrize("seed", range(30))
def test_columns_are_ruled_out_only_if_no_cover_so_small_has_them(seed):
    covers = np.random.default_rng(seed).random((10, 8)) < 0.3
    covers = covers[covers.any(axis=1)]
    sets = [np.array(bits) for bits in itertools.product((False, True), repeat=8)]
    sets = [bits for bits in sets if covers[:, bits].any(axis=1).all()]
    best = min(bits.sum() for bits in sets)
    core = _Core.of(sparse.csr_array(covers))
    dual = core.dual(9)
    assert dual.value - 1e-6 <= dual.bound <= best
    for goal in (best, best + 1):
        smaller = core.without(dual, goal)
        kept = np.isin(np.arange(8), np.append(smaller.column, smaller.certain))
        for bits in sets:
            if bits.sum() <= goal:
                assert bits[smaller.certain].all()
                assert not (bits & ~kept).any()
        found, bound = core.finished(goal, dual, Clock(60.0), any_one=False)
        assert (found.sum(), bound) == (best, best)
        assert covers[:, found].any(axis=1).all()
    assert core.finished(best - 1, dual, Clock(60.0), any_one=True) == (None, best)


def test_a_cover_is_proven_where_the_relaxed_one_is_far_below():
    # Of nine points five are needed to meet the twelve lines, where thirds of them all would do: 3 in all.
    points = list(itertools.product(range(3), repeat=2))
    lines = [t for t in itertools.combinations(range(9), 3) if not np.any(np.sum([points[k] for k in t], axis=0) % 3)]
    covers = np.array([[k in line for k in range(9)] for line in lines])
    assert covers.shape == (12, 9)
    found = cover(covers, Clock(60.0))
    assert (found.count, found.bound, found.status) == (5, 5, "optimal")
    assert cover(covers, Clock(60.0), most=4).bound == 5


def test_without_time_there_is_still_a_cover_and_a_bound():
    lots = np.random.default_rng(3)
    covers = lots.random((300, 120)) < 0.05
    covers = covers[covers.any(axis=1)]
    found = cover(covers, Clock(0.0))
    assert covers[:, found.opened].any(axis=1).all()
    assert found.status == "time limit"
    assert 0 < found.bound < found.count
    cost = np.where(covers, 1.0, np.nan)
    result = lscp(cost, radius=1.0, time_limit_s=0.0)
    assert (result.status, result.bound, result.objective) == ("time limit", found.bound, found.count)
    assert result.gap == pytest.approx(1 - found.bound / found.count)
    assert f"time limit; the bound is {found.bound}" in result.summary


# ---- small cases by hand, and what is refused


def test_the_radius_itself_counts_and_the_unreachable_never():
    cost = np.array([[10.0, np.nan], [10.1, 3.0], [np.nan, np.nan]])
    weights = np.array([5.0, 2.0, 100.0])
    assert mclp(cost, weights, radius=10.0, p=1).objective == 5.0
    assert mclp(cost, weights, radius=9.9, p=1).objective == 2.0
    found = lscp(cost, radius=10.0)
    assert (found.opened.tolist(), found.left_out.tolist(), found.served.tolist()) == ([True, True], [2], [0, 1, -1])
    assert found.summary == (
        "LSCP: 2 of 2 sites open, number of sites 2 (proven least). 2 of 3 rows are served; 1 that no site reaches "
        "are left out."
    )
    center = p_center(cost, p=2)
    assert (center.objective, center.left_out.tolist()) == (10.0, [2])


def test_forced_and_closed_sites_are_kept_to():
    cost = np.array([[1.0, 5.0, 2.0], [9.0, 4.0, 2.0]])
    nothing = np.zeros(3, bool)
    third, second = np.array([False, False, True]), np.array([False, True, False])
    assert p_center(cost, p=1).opened.tolist() == third.tolist()
    assert p_center(cost, p=1, closed=third).objective == 5.0
    assert p_center(cost, p=2, forced=second, closed=third).objective == 4.0
    assert lscp(cost, radius=4.0, forced=second).objective == 2
    assert lscp(cost, radius=4.0, forced=nothing, closed=nothing).opened.tolist() == third.tolist()


def test_the_infeasible_is_named_with_what_would_mend_it():
    cost = np.array([[1.0, np.nan, np.nan], [np.nan, 2.0, np.nan], [np.nan, np.nan, 3.0]])
    for solve in (
        lambda p: p_median(cost, np.ones(3), p=p),
        lambda p: p_center(cost, p=p),
        lambda p: backup(cost, np.ones(3), radius=3.0, p=p),
    ):
        with pytest.raises(InfeasibleError, match=r"2 sites cannot reach every row; .* row \d .*allow p = 3,"):
            solve(2)
        assert solve(3).opened.all()
    assert p_median(cost, np.ones(3), p=2, cutoff=4.0).objective == 7.0
    far = np.array([[1.0], [np.nan], [np.nan]])
    with pytest.raises(InfeasibleError, match=r"no site reaches row 1 .*give a cutoff"):
        p_median(far, np.array([1.0, 1.0, 0.0]), p=1)
    assert p_median(far, np.array([1.0, 0.0, 0.0]), p=1).objective == 1.0


def test_every_fault_is_named_at_once():
    cost = np.array([[1.0, -2.0], [np.inf, np.nan]])
    with pytest.raises(InputError) as told:
        p_median(
            cost,
            np.array([np.nan, -1.0]),
            p=0,
            cutoff=-1.0,
            gap=np.nan,
            time_limit_s=-1.0,
            forced=np.array([True, True]),
            closed=np.array([False, True]),
        )
    text = str(told.value)
    for part in (
        "cost, row 0, site 1: -2",
        "cost, row 1, site 0: inf",
        "weights, row 0: nan",
        "weights, row 1: -1",
        "p: it is 0 ",
        "cutoff: it is -1.0",
        "gap: it is nan",
        "time_limit_s: it is -1.0",
        "closed as well (1): 1",
    ):
        assert part in text
    assert len(told.value.faults) == 9


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"cost": np.ones(3)}, r"cost: its shape is \(3,\)"),
        ({"cost": np.ones((3, 0))}, r"cost: its shape is \(3, 0\)"),
        ({"cost": [["a"]]}, "cost: it holds something that is not a number"),
        ({"weights": np.ones(4)}, r"weights: the shape is \(4,\)"),
        ({"p": 1.5}, "p: it is 1.5 "),
        ({"p": True}, "p: it is True "),
        ({"radius": np.nan}, "radius: it is nan"),
        ({"forced": np.array([0])}, r"forced: it has the shape \(1,\)"),
        ({"closed": np.array([0, 1])}, "closed: .* type int64 -> give True or False"),
        ({"forced": np.array([True, True])}, "p: it is 1, but 2 sites are forced"),
    ],
)
def test_what_is_refused(given, what):
    usual = {"cost": np.ones((3, 2)), "weights": np.ones(3), "radius": 1.0, "p": 1}
    with pytest.raises(InputError, match=what):
        mclp(**{**usual, **given})


def test_inputs_are_left_as_they_were():
    cost, weights = town(1)
    before = cost.copy(), weights.copy()
    closed = np.arange(12) == 0
    backup(cost, weights, radius=5.0, closed=closed)
    p_center(cost, p=11, closed=closed)
    assert np.array_equal(cost, before[0], equal_nan=True)
    assert np.array_equal(weights, before[1])
