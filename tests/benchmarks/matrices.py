"""Compare many-to-many times: with other libraries, as networks grow, and with what memory allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from needs.routing import MAX_LIMIT_MS, UNREACHED, Arcs, Ends, Hierarchy, Task, build, order, sweep, times_ms
from tests.benchmarks.meter import apart, bytes_per_s, cpu_s, measured, peak_mib, quiet, short, table
from tests.benchmarks.networks import Network, draw
from tests.benchmarks.peers import PEERS, Peer, whole_ms

LIMIT_MS = 30 * 60_000
LIMITS = (None, LIMIT_MS)
NODES = 264_000
OWN_COSTING = (
    "{}: streets and costing of its own, so its answers are not compared pair by pair (the middle of its times over "
    "ours is given); finding each place's street is in its time"
)


@dataclass(frozen=True)
class Question:
    """A network, and some of its nodes, drawn at random, as sources and targets."""

    network: Network
    sources: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, network: Network, sources: int, targets: int) -> Question:
        """Draw the nodes."""
        rng = np.random.default_rng(2)
        nodes = network.arcs.nodes
        return cls(network, *(rng.choice(nodes, min(k, nodes), replace=False) for k in (sources, targets)))

    def task(self, limit_ms: int | None, sources: int | None = None) -> Task:
        """Ask it of our own routing, from the first of the sources."""
        limit = MAX_LIMIT_MS if limit_ms is None else limit_ms
        return Task(self.network.arcs, Ends.at(self.sources[:sources]), Ends.at(self.targets), limit)

    @property
    def size(self) -> str:
        """Its size in words."""
        arcs = self.network.arcs
        return f"{arcs.nodes:,} junctions, {len(arcs.head):,} arcs, {len(self.sources)} x {len(self.targets):,}"


@dataclass
class Own:
    """Our own routing over a network, prepared once, with what that took."""

    network: Network
    order_s: float = field(init=False)
    build_s: float = field(init=False)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Prepare; the arrays of the network that are made at first use belong to it."""
        self.order_s, rank = measured(lambda: order(self.network.arcs))
        self.build_s, made = measured(lambda: build(self.network.arcs, rank))
        return made

    def sweep_s(self, task: Task, runs: int = 3) -> tuple[float, np.ndarray]:
        """CPU seconds and times of a sweep over what is prepared."""
        hierarchy = self.hierarchy
        return measured(lambda: times_ms(task, way="sweep", prepared=hierarchy), runs)


def search_s(task: Task, runs: int = 1) -> tuple[float, np.ndarray]:
    """CPU seconds and times of searches."""
    return measured(lambda: times_ms(task, way="search"), runs)


def warm() -> None:
    """Have everything compiled before anything is timed."""
    small = Question.of(draw(3000), 80, 200)
    for limit in LIMITS:
        search_s(small.task(limit))
        Own(small.network).sweep_s(small.task(limit))
    far = Arcs.of(3, [0, 1, 2], [1, 2, 0], [2**24] * 3)
    times_ms(Task(far, Ends.at([0, 1]), Ends.at([1, 2, 0])), way="sweep")


@dataclass
class Row:
    """One engine's figures: preparation, and milliseconds of CPU per source for each limit."""

    name: str
    sources: int
    prepare: str
    each_ms: list[float]
    differs: list[str]
    bounded: bool = True


def against_peers(nodes: int = NODES, sources: int = 480, targets: int = 5_000) -> Own:
    """Print what every engine takes for one large question; give our own, prepared."""
    question = Question.of(draw(nodes), sources, targets)
    own = Own(question.network)
    swept = [own.sweep_s(question.task(limit)) for limit in LIMITS]
    truth = [found for _, found in swept]
    searched = [search_s(question.task(limit)) for limit in LIMITS]
    rows, notes = [], []
    for peer in PEERS:
        if peer.missing:
            notes.append(peer.missing)
        else:
            rows.append(_asked(peer, question, truth, sources=peer.sources))
    for name, prepare, done in (
        ("ours, search", "0", searched),
        ("ours, sweep", f"{own.order_s:.1f} order + {own.build_s:.1f} build", swept),
    ):
        differs = [_difference(found, right) for (_, found), right in zip(done, truth, strict=True)]
        rows.append(Row(name, sources, prepare, [1000 * spent / sources for spent, _ in done], differs))
    _print(f"Many to many: {question.size}; CPU milliseconds per source", rows, notes)
    return own


def small(
    name: str,
    network: Network,
    engines: Sequence[Peer] = (),
    *,
    sources: int = 50,
    targets: int = 500,
    runs: int = 7,
) -> None:
    """Print what one council takes without preparation, and what engines take that prepare the file by themselves."""
    question = Question.of(network, sources, targets)
    searched = [search_s(question.task(limit), runs) for limit in LIMITS]
    truth = [found for _, found in searched]
    rows = [_asked(p, question, truth, runs=runs if p.name == "scipy" else 1) for p in PEERS if p.bounded]
    rows += [_asked(engine, question, truth) for engine in engines if not engine.missing]
    rows.append(Row("ours, search", sources, "0", [1000 * s / sources for s, _ in searched], ["-", "-"]))
    notes = [engine.missing or OWN_COSTING.format(engine.name) for engine in engines]
    _print(f"One council, nothing prepared, {name}: {question.size}; CPU milliseconds per source", rows, notes)


def _asked(
    peer: Peer, question: Question, truth: list[np.ndarray], *, sources: int | None = None, runs: int = 1
) -> Row:
    some = question.sources[:sources]
    with quiet():
        prepare_s, ask = measured(lambda: peer.prepare(question.network))
    each, differs = [], []
    for limit, right in zip(LIMITS, truth, strict=True):
        if limit is None or peer.bounded:
            spent, found = measured(lambda limit=limit: ask(some, question.targets, limit), runs)
        each.append(1000 * spent / len(some))
        answers = _ratio if peer.own_costing else _difference
        differs.append(answers(whole_ms(found, limit), right[: len(some)]))
    return Row(peer.name, len(some), f"{prepare_s:.1f}", each, differs, peer.bounded)


def _difference(found: np.ndarray, right: np.ndarray) -> str:
    """Say how far times are from ours."""
    if np.array_equal(found, right):
        return "equal"
    both = (found != UNREACHED) & (right != UNREACHED)
    most = int(np.abs(found[both].astype(np.int64) - right[both]).max(initial=0))
    other = int(((found != UNREACHED) != (right != UNREACHED)).sum())
    return f"to {most:,} ms" + (f", {other:,} pairs on the other side of the limit" if other else "")


def _ratio(found: np.ndarray, right: np.ndarray) -> str:
    """Say how long times of an engine with its own costing are, in the middle."""
    both = (found != UNREACHED) & (right != UNREACHED) & (right > 0)
    return f"own costing, x {np.median(found[both] / right[both]):.2f}"


def _print(heading: str, rows: list[Row], notes: list[str]) -> None:
    others = [row for row in rows if not row.name.startswith("ours")]
    best = [min(row.each_ms[k] for row in others) for k in range(len(LIMITS))]
    plain = next((row.each_ms for row in others if row.name == "networkx"), [np.nan] * len(LIMITS))
    lines = []
    for row in rows:
        cells = [row.name, row.prepare, str(row.sources)]
        for k in range(len(LIMITS)):
            star = "" if k == 0 or row.bounded else "*"
            ratios = [short(best[k] / row.each_ms[k]), short(plain[k] / row.each_ms[k])]
            cells += [short(row.each_ms[k]) + star, *ratios, row.differs[k]]
        lines.append(cells)
    columns = ["engine", "prepare s", "sources"]
    for limit in ("no limit", "30 min"):
        columns += [limit, "x best", "x networkx", "answers"]
    unbounded = any(not row.bounded for row in rows)
    stars = ["* cannot stop at a limit: the time without one, answers cut off afterwards"] if unbounded else []
    about = "x best: times as fast as the best other library; answers: compared with ours, pair by pair"
    table(heading, columns, lines, [about, *stars, *notes])


def growth(sizes: tuple[int, ...] = (14_000, 56_000, 264_000, 1_000_000), targets: int = 5_000) -> pd.DataFrame:
    """Print what a pair costs on larger and larger networks; give the points of a chart."""
    rows, points = [], []
    for nodes in sizes:
        pair_ns, prepared = _pair_ns(Question.of(draw(nodes), 480, targets))
        rows.append([f"{nodes:,}", *(short(ns) for ns in pair_ns.values()), prepared])
        points += [{"series": name, "x": np.log10(nodes), "y": np.log10(ns)} for name, ns in pair_ns.items()]
    table(
        f"Growth: nanoseconds of CPU per pair, {targets:,} targets, no limit",
        ["junctions", *pair_ns, "order + build s"],
        rows,
        ["scipy from 4 to 32 sources and the search from 32: what they take for each is the same however many"],
    )
    return pd.DataFrame(points)


def _pair_ns(question: Question) -> tuple[dict[str, float], str]:
    few = max(4, min(32, 3_200_000 // question.network.arcs.nodes))
    own = Own(question.network)
    ask = next(peer for peer in PEERS if peer.name == "scipy").prepare(question.network)
    spent = {
        "scipy": (measured(lambda: ask(question.sources[:few], question.targets, None))[0], few),
        "search": (search_s(question.task(None, 32))[0], 32),
        "sweep, 32 sources": (own.sweep_s(question.task(None, 32))[0], 32),
        "sweep, 480 sources": (own.sweep_s(question.task(None))[0], 480),
    }
    pairs = len(question.targets)
    return {n: 1e9 * s / (k * pairs) for n, (s, k) in spent.items()}, f"{own.order_s:.1f} + {own.build_s:.1f}"


def floor(own: Own, sources: int = 480, targets: int = 5_000) -> None:
    """Print how far a sweep is from the time that memory alone would need."""
    question = Question.of(own.network, sources, targets)
    task, hierarchy = question.task(None), own.hierarchy
    whole, _ = own.sweep_s(task)
    picked, selection = measured(lambda: sweep.select(hierarchy, task.destinations), 3)
    batches = -(-sources // sweep.LANES)
    rows, arcs = len(selection.first) - 1, len(selection.head)
    touched = batches * (rows * sweep.LANES * 4 + arcs * 8) + 4 * sources * targets
    speed = bytes_per_s()
    least = touched / speed
    table(
        f"Distance from the floor: {question.size}, no limit; {rows:,} rows and {arcs:,} arcs matter for the targets",
        ["work", "MB touched", "GB/s copying", "floor CPU ms", "CPU ms", "times from it"],
        [
            [name, short(touched / 1e6), short(speed / 1e9), short(1000 * least), short(1000 * s), short(s / least)]
            for name, s in (("sweep, all", whole), ("without choosing rows", whole - picked))
        ],
        [f"touched: for each {sweep.LANES} sources every row's lanes and every arc once, and all the answers once"],
    )


def large(nodes: int = 4_000_000, sources: int = 32, targets: int = 40_000) -> None:
    """Print what a network of England's size takes, in a process of its own."""
    table(
        f"England's size: {nodes:,} junctions, {sources} x {targets:,}",
        ["step", "CPU s", "peak GiB so far"],
        apart(_large, apart(draw, nodes), sources, targets),
    )


def _large(network: Network, sources: int, targets: int) -> list[list[str]]:
    warm()
    rows = []

    def note(name: str, begin: float) -> None:
        rows.append([name, f"{cpu_s() - begin:.1f}", f"{peak_mib() / 1024:.2f}"])

    note("network in memory", cpu_s())
    question, own = Question.of(network, sources, targets), Own(network)
    begin = cpu_s()
    _ = own.hierarchy
    note(f"prepare ({own.order_s:.0f} order, {own.build_s:.0f} build)", begin)
    for name, limit in (("no limit", None), ("60 min", 2 * LIMIT_MS), ("30 min", LIMIT_MS)):
        begin = cpu_s()
        own.sweep_s(question.task(limit), 1)
        note(f"times, {name}", begin)
    return rows
