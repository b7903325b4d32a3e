"""Ask other libraries which sites to open, each as its users would, within a limit of CPU seconds.

What a library says is not taken on trust: its sites are valued on the data, and its bound is held against that.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import multiprocessing
import re
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, eye_array, hstack, kron

from needs.location.costs import Bools, Costs, Floats
from needs.location.rules import Rules
from needs.settings import SEED
from tests.benchmarks.meter import cpu_s, peak_mib, quiet
from tests.benchmarks.siting_cases import everywhere

_GRACE_S = 10  # to a peer that does not keep to its limit, before it is ended
_MOMENTS = [
    highspy.cb.HighsCallbackType.kCallbackMipInterrupt,
    highspy.cb.HighsCallbackType.kCallbackSimplexInterrupt,
    highspy.cb.HighsCallbackType.kCallbackIpmInterrupt,
]
_SMALL = 200  # points and sites beyond which trying combinations one by one is hopeless


@dataclass(frozen=True)
class Question:
    """Open p sites: for the least total cost (p-median), or for the most weight within a radius (maximal covering).

    Attributes
    ----------
    name
        For tables.
    cost
        Finite; shape (points, sites).
    weights
        Of the points; shape (points,).
    p
        Sites to open.
    radius
        Of covering, which counts costs equal to it; None for the p-median.
    """

    name: str
    cost: Floats
    weights: Floats
    p: int
    radius: float | None = None

    @property
    def covering(self) -> bool:
        """Whether more is better."""
        return self.radius is not None

    @property
    def costs(self) -> Costs:
        """The same as sparse costs."""
        if self.covering:
            return Costs.dense(np.where(self.cost <= self.radius, 0.0, np.nan), self.weights.copy())
        return everywhere(self.weights[:, None] * self.cost)

    def value(self, opened: Bools) -> float:
        """Weight covered or total cost of a set of sites, on the data."""
        nearest = self.cost[:, opened].min(axis=1, initial=np.inf)
        return math.fsum(self.weights * (nearest <= self.radius if self.covering else nearest))


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes
    ----------
    opened
        Sites, shape (sites,); None if there is no plan.
    bound
        No plan is better, says the library; NaN if it says nothing.
    said
        Its own words for how it ended.
    spent_s
        CPU seconds, of the processes that it starts too, without importing it.
    peak_mib
        Memory above the start; NaN where it was ended.
    """

    opened: Bools | None
    bound: float
    said: str
    spent_s: float = math.nan
    peak_mib: float = math.nan


@dataclass(frozen=True)
class Peer:
    """A library, and how it is asked: a function of a question and of the seconds that it may take."""

    name: str
    ask: Callable[[Question, float], Answer]
    modules: tuple[str, ...] = ()  # that need not be there
    answers: Callable[[Question], bool] = lambda question: True

    @property
    def missing(self) -> str:
        """Why it cannot be asked; empty if it can."""
        try:
            for module in self.modules:
                importlib.import_module(module)
        except ImportError as error:
            return f"{self.name} skipped: {error}"
        return ""


def asked(peer: Peer, question: Question, limit_s: float) -> Answer:
    """Ask in a process of its own, which is ended when it has taken well over its limit of CPU seconds."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe(duplex=False)
    begin = cpu_s()
    process = context.Process(target=_work, args=(peer.name, question, limit_s, far))
    process.start()
    far.close()
    started = math.nan
    try:
        started = near.recv()
        answer: Answer = near.recv()
    except EOFError:
        answer = Answer(None, math.nan, "failed")
    process.join()
    if process.exitcode == -signal.SIGXCPU:
        answer = replace(answer, said="did not end")
    return answer if np.isfinite(answer.spent_s) else replace(answer, spent_s=cpu_s() - begin - started)


def _work(name: str, question: Question, limit_s: float, far: Connection) -> None:
    peer = next(p for p in PEERS if p.name == name)
    for module in peer.modules:
        importlib.import_module(module)
    start, begin = peak_mib(), cpu_s()
    far.send(begin)
    soft = math.ceil(begin + limit_s) + _GRACE_S
    resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 1))
    with quiet():
        answer = peer.ask(question, limit_s)
    far.send(replace(answer, spent_s=cpu_s() - begin, peak_mib=peak_mib() - start))


def assignment(question: Question) -> dict[str, Any]:
    """State the program of the textbooks: ReVelle and Swain (1970) for the p-median, Church and ReVelle (1974)."""
    n, m = question.cost.shape
    count = csr_array(np.ones((1, m)))
    if question.covering:
        near = csr_array((question.cost <= question.radius).astype(float))
        covered_by = hstack([-near, eye_array(n)])
        count = hstack([count, csr_array((1, n))])
        rules = [LinearConstraint(covered_by, -np.inf, 0.0), LinearConstraint(count, -np.inf, question.p)]
        c = np.concatenate([np.zeros(m), -question.weights])
    else:
        each_once = hstack([csr_array((n, m)), kron(eye_array(n), np.ones((1, m)))])
        only_open = hstack([kron(-np.ones((n, 1)), eye_array(m)), eye_array(n * m)])
        count = hstack([count, csr_array((1, n * m))])
        rules = [
            LinearConstraint(each_once.tocsr(), 1.0, 1.0),
            LinearConstraint(only_open.tocsr(), -np.inf, 0.0),
            LinearConstraint(count, question.p, question.p),
        ]
        c = np.concatenate([np.zeros(m), (question.weights[:, None] * question.cost).ravel()])
    return {"c": c, "constraints": rules, "bounds": Bounds(0, 1), "integrality": np.arange(len(c)) < m}


def ask_scipy(question: Question, limit_s: float) -> Answer:
    """SciPy's interface to HiGHS, whose limit is on the clock."""
    found = milp(**assignment(question), options={"time_limit": limit_s, "mip_rel_gap": 0.0})
    sign = -1.0 if question.covering else 1.0
    opened = None if found.x is None else found.x[: question.cost.shape[1]] > 0.5
    bound = math.nan if found.mip_dual_bound is None else sign * found.mip_dual_bound
    return Answer(opened, bound, {0: "optimal", 1: "time limit"}.get(found.status, found.message))


def ask_highs(question: Question, limit_s: float) -> Answer:
    """HiGHS itself on the program that suits it best."""
    costs = question.costs
    answer = ask_program(costs, Rules.at_most(costs.choices, question.p), limit_s)
    return replace(answer, bound=float(costs.outside.sum()) - answer.bound) if question.covering else answer


def ask_program(
    costs: Costs, rules: Rules, limit_s: float, *, shares: Floats | None = None, most: float | None = None
) -> Answer:
    """Let HiGHS solve any costs and rules, in the radius form (Elloumi 2010, doi:10.1007/s10878-008-9183-4).

    A row pays its cheapest cost and, level by level, the step to the next cost unless a choice so far is open.

    Parameters
    ----------
    costs, rules
        The problem.
    limit_s
        Seconds that it may take.
    shares
        Weights of the rows in groups, for what each group pays; shape (rows, groups).
    most
        That a group may pay; if None, the most that any group pays is to be least, and nothing else.
    """
    end_s = time.process_time() + limit_s
    m, row = costs.choices, costs.row
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (costs.cost[1:] != costs.cost[:-1])
    at = np.flatnonzero(first)
    level, owner = np.cumsum(first) - 1, row[at]
    begins = np.ones(len(at), bool)
    begins[1:] = owner[1:] != owner[:-1]
    ends = np.append(begins[1:], True)
    step = np.where(ends, costs.outside[owner], np.append(costs.cost[at][1:], 0.0)) - costs.cost[at]
    base = costs.outside.copy()
    base[owner[begins]] = costs.cost[at[begins]]
    k, later = np.arange(len(at)), np.flatnonzero(~begins)
    entries = [(level, costs.choice, np.ones(len(row))), (k, m + k, np.ones(len(k))), (later, m + later - 1, -1.0)]
    fairest = shares is not None and most is None
    rows = _Rows(m + len(at) + fairest)
    rows.add(entries, begins.astype(float), np.inf)
    for limit in rules.limits:
        rows.add([(0, np.arange(m), limit.amounts)], -np.inf, np.array([limit.most]))
    for group in rules.apart:
        rows.add([(0, group, 1.0)], -np.inf, np.ones(1))
    for group in rules.required:
        rows.add([(0, group, 1.0)], np.ones(1), np.inf)
    if rules.links is not None:
        child = np.flatnonzero(rules.hangs)
        parents = [rules.links.parents(j) for j in child.tolist()]
        which = np.repeat(np.arange(len(child)), [len(p) for p in parents])
        rows.add([(np.arange(len(child)), child, 1.0), (which, np.concatenate(parents), -1.0)], -np.inf, child * 0.0)
    for share in () if shares is None else shares.T:
        paid = (0, m + k, share[owner] * step)
        worst = (0, m + len(at), -1.0)
        rows.add([paid, worst] if fairest else [paid], -np.inf, np.array([(0.0 if fairest else most) - share @ base]))
    cost = np.concatenate([np.zeros(m), step * (not fairest), np.ones(int(fairest))])
    upper = np.concatenate([1.0 - rules.closed, np.ones(len(at)), np.full(int(fairest), np.inf)])
    answer = rows.solve(cost, upper, m, end_s)
    return answer if fairest else replace(answer, bound=answer.bound + math.fsum(base))


def _until(end_s: float) -> Callable[..., None]:
    """Give what stops HiGHS at a CPU second of this process: its own limit is on the clock, which others share."""

    def look(_moment: object, _message: str, _told: object, back: Any, _user: object) -> None:
        back.user_interrupt = time.process_time() > end_s

    return look


class _Rows:
    """The constraints of a program, gathered block by block."""

    def __init__(self, columns: int) -> None:
        self.columns, self.blocks, self.low, self.high = columns, [], [], []

    def add(self, entries: list[tuple[Any, Any, Any]], low: Floats | float, high: Floats | float) -> None:
        """Add rows: their entries as row in the block, column and value; and their limits."""
        count = len(low) if isinstance(low, np.ndarray) else len(high)
        whole = [np.broadcast_arrays(*map(np.atleast_1d, entry)) for entry in entries]
        row, column, value = (np.concatenate([entry[i] for entry in whole]) for i in range(3))
        self.blocks.append(coo_array((value.astype(float), (row + sum(map(len, self.low)), column))))
        self.low.append(np.broadcast_to(low, count))
        self.high.append(np.broadcast_to(high, count))

    def solve(self, cost: Floats, upper: Floats, whole: int, end_s: float) -> Answer:
        """Minimise, the first columns in whole numbers, on one thread and without a tolerance, until a CPU second."""
        count = sum(map(len, self.low))
        row, column, value = (
            np.concatenate([part(block) for block in self.blocks])
            for part in (lambda b: b.row, lambda b: b.col, lambda b: b.data)
        )
        matrix = csr_array((value, (row, column)), shape=(count, self.columns))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = self.columns, count
        program.col_cost_, program.col_lower_, program.col_upper_ = cost, np.zeros(self.columns), upper
        program.row_lower_, program.row_upper_ = np.concatenate(self.low), np.concatenate(self.high)
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_ = matrix.indptr.astype(np.int32)
        program.a_matrix_.index_ = matrix.indices.astype(np.int32)
        program.a_matrix_.value_ = matrix.data
        kinds = (highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous)
        program.integrality_ = [kinds[0]] * whole + [kinds[1]] * (self.columns - whole)
        solver = highspy.Highs()
        for name, setting in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0)):
            solver.setOptionValue(name, setting)
        solver.setCallback(_until(end_s), None)
        for moment in _MOMENTS:
            solver.startCallback(moment)
        solver.passModel(program)
        solver.run()
        info = solver.getInfo()
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        opened = np.array(solver.getSolution().col_value)[:whole] > 0.5 if found else None
        return Answer(opened, info.mip_dual_bound, solver.modelStatusToString(solver.getModelStatus()).lower())


def ask_spopt(question: Question, limit_s: float, *, cbc: bool) -> Answer:
    """The models of spopt, solved by what PuLP calls."""
    locate, pulp = importlib.import_module("spopt.locate"), importlib.import_module("pulp")
    end_s = time.process_time() + limit_s
    common = {"cost_matrix": question.cost, "weights": question.weights, "p_facilities": question.p}
    if question.covering:
        model = locate.MCLP.from_cost_matrix(**common, service_radius=question.radius)
    else:
        model = locate.PMedian.from_cost_matrix(**common)
    left_s = end_s - time.process_time()
    if left_s <= 0.0:
        return Answer(None, math.nan, "stating took all the time")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        settings = {"msg": False, "threads": 1, "gapRel": 0.0}
        if cbc:
            solver = pulp.PULP_CBC_CMD(**settings, timeLimit=left_s, timeMode="cpu", logPath=str(log))
        else:
            solver = pulp.HiGHS(**settings, callbackTuple=(_until(end_s), None), callbacksToActivate=_MOMENTS)
        with contextlib.suppress(RuntimeError):  # its word for no plan
            model.solve(solver, results=False)
        problem = model.problem
        said = pulp.LpSolution[problem.sol_status].lower()
        if not cbc:
            bound = problem.solverModel.getInfo().mip_dual_bound
        elif problem.sol_status == pulp.LpSolutionOptimal:
            bound = pulp.value(problem.objective)
        else:
            told = re.findall(r"(?:Lower|Upper) bound: +(\S+)", log.read_text() if log.is_file() else "")
            bound = float(told[-1]) if told else math.nan
    values = [v.value() for v in model.fac_vars]
    opened = None if None in values else np.array(values) > 0.5
    return Answer(opened, bound, said)


def ask_spopt_highs(question: Question, limit_s: float) -> Answer:
    """The models of spopt with HiGHS."""
    return ask_spopt(question, limit_s, cbc=False)


def ask_spopt_cbc(question: Question, limit_s: float) -> Answer:
    """The models of spopt with CBC, which PuLP brings."""
    return ask_spopt(question, limit_s, cbc=True)


def ask_kmedoids(question: Question, limit_s: float) -> Answer:
    """FasterPAM, started afresh as often as a tenth of the limit lets it."""
    kmedoids = importlib.import_module("kmedoids")
    best, lowest, begin, run = None, np.inf, time.process_time(), 0
    while time.process_time() - begin < limit_s / 10:
        found = kmedoids.fasterpam(question.cost, question.p, init="random", random_state=SEED + run, n_cpu=1)
        run += 1
        if found.loss < lowest:
            best, lowest = np.asarray(found.medoids, dtype=np.intp), found.loss
    return Answer(np.isin(np.arange(question.cost.shape[1]), best), math.nan, f"best of {run} starts")


def ask_lokigi(question: Question, limit_s: float, *, strategy: str) -> Answer:
    """The searches of lokigi, which value combinations of sites one by one."""
    site = importlib.import_module("lokigi.site")
    points, sites = question.cost.shape
    zone, place = [f"z{i}" for i in range(points)], [f"s{j}" for j in range(sites)]
    problem = site.SiteProblem()
    problem.add_demand(pd.DataFrame({"zone": zone, "need": question.weights}), "need", "zone")
    problem.add_sites(pd.DataFrame({"place": place, "lat": 53.0, "long": -1.0}), "place", crs="EPSG:4326")
    problem.add_travel_matrix(pd.DataFrame(question.cost, index=zone, columns=place).reset_index(names="zone"), "zone")
    aim = {"objectives": "mclp", "threshold_for_coverage": question.radius} if question.covering else {}
    found = problem.solve(p=question.p, search_strategy=strategy, show_progress=False, random_seed=SEED, **aim)
    chosen = found.solution_df.iloc[0]["site_indices"]
    return Answer(np.isin(np.arange(sites), list(chosen)), math.nan, strategy)


def ask_lokigi_greedy(question: Question, limit_s: float) -> Answer:
    """Site by site."""
    return ask_lokigi(question, limit_s, strategy="greedy")


def ask_lokigi_grasp(question: Question, limit_s: float) -> Answer:
    """Site by site with chance, and swaps."""
    return ask_lokigi(question, limit_s, strategy="grasp")


def _alike(question: Question) -> bool:
    """Whether points and sites are the same and weigh the same, as clustering has it."""
    return not question.covering and len(set(question.cost.shape)) == 1 and len(np.unique(question.weights)) == 1


def _small(question: Question) -> bool:
    return max(question.cost.shape) <= _SMALL


PEERS = (
    Peer("spopt, HiGHS", ask_spopt_highs, ("spopt.locate", "pulp")),
    Peer("spopt, CBC", ask_spopt_cbc, ("spopt.locate", "pulp")),
    Peer("scipy milp", ask_scipy),
    Peer("HiGHS, radius form", ask_highs),
    Peer("kmedoids", ask_kmedoids, ("kmedoids",), _alike),
    Peer("lokigi, greedy", ask_lokigi_greedy, ("lokigi.site",), _small),
    Peer("lokigi, GRASP", ask_lokigi_grasp, ("lokigi.site",), _small),
)
