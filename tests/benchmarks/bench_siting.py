"""Print what siting takes, ours and other libraries', in CPU seconds and ratios, with what each proves, in one run.

Run with `make bench`, or by itself: `python -m tests.benchmarks.bench_siting --help`. Other libraries than those of
the project are compared where they are installed (`pip install -e '.[bench]'`). Machines differ, ratios less.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from needs.kernels import cores
from needs.location import joint, narrowing, nearest
from needs.location.costs import Bools, Costs, Floats
from needs.location.model import Floor, Goal, Model
from needs.location.pooling import certify
from needs.location.rules import Rules
from needs.location.solve import solve
from needs.location.values import Values
from needs.location.versions import Weighted
from tests.benchmarks import siting_cases as cases
from tests.benchmarks.meter import apart, cpu_s, measured, peak_mib, short, table
from tests.benchmarks.siting_peers import PEERS, Answer, Question, ask_highs, ask_program, asked
from tests.conftest import DATA

LIMIT_S = 60.0  # for a library
LIBRARY = DATA / "location"
ASKED_OF_PEERS = (10, 16)  # files of the library: large and small p
SIZES = (600, 700, 800, 900)  # nodes of random graphs
STANDARDS = (6.0, 3.0, 10.0)  # minutes to a hub, to outreach, from outreach to its hub: tight, a third are virtual
WIDE = (8.0, 4.0, 12.0)  # the same of the county
HUBS, OUTREACH, BUDGET = 4, 8, 1_700.0  # of the council; thousands of pounds a year
UNMET_MOST = 0.22  # of the worst fifth's need: below what the best plan without a floor leaves
DRAWS, DRAWS_AFRESH = 1_000, 2

COLUMNS = ["engine", "CPU s", "x ours", "MiB", "value", "off %", "proven gap %", "it says"]


@dataclass(frozen=True)
class Judged:
    """An engine's answer, valued on the data: `value` of its plan, and what it proves; NaN where it has none."""

    engine: str
    spent_s: float
    value: float
    bound: float
    said: str
    peak_mib: float = math.nan

    def row(self, best: float, own_s: float) -> list[str]:
        """Write a line of a table, against the best value that anyone has and our seconds."""
        off = 100 * abs(self.value - best) / best
        off = 0.0 if off < 1e-7 else off
        return [
            self.engine,
            figure(self.spent_s),
            figure(self.spent_s / own_s),
            figure(self.peak_mib),
            f"{self.value:,.1f}" if math.isfinite(self.value) else "none",
            figure(off),
            self.gap(),
            self.said,
        ]

    def gap(self) -> str:
        """Write the gap between plan and bound: of a bound that its own plan passes, that it is wrong."""
        apart = abs(self.bound - self.value) / abs(self.value)
        if self.bound * self.value < 0:
            return "wrong sign"
        return figure(0.0 if apart <= 1e-9 else 100 * apart)


def figure(value: float) -> str:
    """Write a figure, or a dash where there is none."""
    return short(value) if math.isfinite(value) else "-"


def own(costs: Costs, p: int, *, covering: bool, gap: float = 0.0) -> tuple[Judged, nearest.Found]:
    """Ask ours; of covering, what is not paid counts, and so does the gap."""
    spent_s, found = measured(lambda: nearest.solve(costs, most=p, gap=gap))
    most = math.fsum(costs.outside) if covering else 0.0
    value, bound = abs(most - found.paid), abs(most - found.bound)
    return Judged("ours", spent_s, value, bound, found.status), found


def against_peers(question: Question) -> float:
    """Print what everyone takes for a question; give how many times ahead of the faster spopt we are."""
    mine, found = own(question.costs, question.p, covering=question.covering)
    assert math.isclose(mine.value, question.value(found.opened), rel_tol=1e-9), "ours must be what the data say"
    able = [peer for peer in PEERS if not peer.missing and peer.answers(question)]
    theirs = [judged(peer.name, asked(peer, question, LIMIT_S), question.value, question.p) for peer in able]
    show(question.name, [mine, *theirs], covering=question.covering)
    return min((peer.spent_s for peer in theirs if peer.engine.startswith("spopt")), default=math.nan) / mine.spent_s


def judged(name: str, answer: Answer, value: Callable[[Bools], float], most: float = math.inf) -> Judged:
    """Value the plan of a library, if it opens no more than it may."""
    opened = 0 if answer.opened is None else int(answer.opened.sum())
    worth = math.nan if answer.opened is None or opened > most else value(answer.opened)
    said = f"{answer.said}, but opens {opened}" if opened > most else answer.said
    return Judged(name, answer.spent_s, worth, answer.bound, said, answer.peak_mib)


def show(heading: str, rows: Sequence[Judged], *, covering: bool, notes: Sequence[str] = ()) -> None:
    """Print a table; the first row is ours."""
    best = (np.nanmax if covering else np.nanmin)([r.value for r in rows])
    table(heading, COLUMNS, [r.row(best, rows[0].spent_s) for r in rows], notes)


def goal(said: str, spent_s: float, most_s: float, met: bool = True) -> None:
    """Print a goal and whether it is met."""
    kept = "met" if met and spent_s <= most_s else "MISSED"
    print(f"  goal: {said}, {most_s:g} s; here {short(spent_s)} s: {kept}", flush=True)


@dataclass
class Watch:
    """Note after how many CPU seconds each gap was reached, and end the work when all are, or at a limit.

    Attributes
    ----------
    gaps
        Wanted, widest first, as shares of the plan's value.
    most
        What covering and joint plans are counted from; 0 where costs are what counts.
    limit_s
        CPU seconds after which it ends.
    """

    gaps: Sequence[float]
    most: float
    limit_s: float

    def __post_init__(self) -> None:
        self.begin, self.reached = cpu_s(), dict.fromkeys(self.gaps, math.inf)

    def __call__(self, paid: float, bound: float) -> None:
        spent_s, value = cpu_s() - self.begin, abs(self.most - paid)
        for gap in self.gaps:
            if paid - bound <= gap * value:
                self.reached[gap] = min(self.reached[gap], spent_s)
        if spent_s > self.limit_s or math.isfinite(max(self.reached.values())):
            raise KeyboardInterrupt

    def show(self, heading: str, goals_s: Sequence[float], paid: float, bound: float, said: str) -> None:
        """Print when each gap was reached, and how it ended."""
        spent_s, value = cpu_s() - self.begin, abs(self.most - paid)
        print(f"\n{heading}")
        print(f"  value {value:,.1f}, bound {abs(self.most - bound):,.1f}, {short(spent_s)} CPU s; it says: {said}")
        for gap, goal_s in zip(self.gaps, goals_s, strict=True):
            goal(f"within {100 * gap:g} %", self.reached[gap], goal_s)
        print(f"  gap at the end {100 * (paid - bound) / value:.3f} %")


def pmed() -> None:
    """The OR-Library's p-median files 1 to 20."""
    if not LIBRARY.is_dir():
        print("\nOR-Library skipped: the open data are not beside the project (location)")
        return
    known = json.loads((LIBRARY / "expected.json").read_text())["orlib_pmed"]["p_median_optimum"]
    rows, total = [], 0.0
    for name, best in known.items():
        cost, p = cases.orlib(LIBRARY / "orlib_pmed" / f"{name}.txt")
        mine, found = own(cases.everywhere(cost), p, covering=False)
        total += mine.spent_s
        agrees = "equal" if mine.value == best else f"{mine.value - best:+g}"
        rows.append(
            [name, f"{len(cost)}", f"{p}", short(mine.spent_s), f"{best:,}", agrees, mine.said, f"{found.nodes}"]
        )
    table("OR-Library, ours", ["file", "nodes", "p", "CPU s", "published", "ours", "it says", "tree nodes"], rows)
    proven = all(row[5:7] == ["equal", "optimal"] for row in rows)
    goal("all twenty proven equal to what is published, in all", total, 5.0, proven)
    for k in ASKED_OF_PEERS:
        cost, p = cases.orlib(LIBRARY / "orlib_pmed" / f"pmed{k}.txt")
        against_peers(Question(f"pmed{k}: {len(cost)} nodes, p = {p}", cost, np.ones(len(cost)), p))


def beasley() -> None:
    """Random graphs of the OR-Library's kind, 600 to 900 nodes."""
    rows, slowest, proven = [], 0.0, True
    for n in SIZES:
        cost, _ = cases.beasley(n, 1)
        for p in (5, 10, n // 10, n // 5, n // 3):
            mine, found = own(cases.everywhere(cost), p, covering=False)
            slowest, proven = max(slowest, mine.spent_s), proven and found.status == "optimal"
            rows.append(
                [f"{n}", f"{p}", short(mine.spent_s), f"{mine.value:,.0f}", mine.gap(), mine.said, f"{found.nodes}"]
            )
    heading = "Random graphs of the OR-Library's kind, ours"
    table(heading, ["nodes", "p", "CPU s", "value", "gap %", "it says", "tree nodes"], rows)
    goal("each proven, the slowest", slowest, 6.0, proven)
    cost, _ = cases.beasley(600, 5)
    against_peers(Question("Random graph: 600 nodes, p = 5", cost, np.ones(600), 5))


def written_out(case: cases.Case) -> Floats:
    """Minutes of every zone to every site, the cut-off for what is farther; shape (zones, sites)."""
    minutes = np.full((case.zones, case.sites), case.cut_min)
    minutes[case.row, case.site] = case.minutes
    return minutes


def cover() -> None:
    """Maximal covering of 800 zones by 800 sites, the p-median of the council, and what is small enough for all."""
    town, council = cases.town(), cases.council()
    for p in (5, 10, 20):
        name = f"Maximal covering: {town.zones} zones x {town.sites} sites within 4 min, p = {p}"
        ahead = against_peers(Question(name, written_out(town), town.weights, p, 4.0))
        if math.isfinite(ahead):
            print(f"  goal: 20 times ahead of spopt; here {short(ahead)}: {'met' if ahead >= 20 else 'MISSED'}")
    name = f"p-median: {council.zones:,} zones x {council.sites} sites, p = 10"
    against_peers(Question(name, written_out(council), council.weights, 10))
    village = cases.place("village", zones=150, sites=60, side_km=10.0, towns=4, cut_min=60.0, seed=cases.SEED)
    name = f"p-median: {village.zones} zones x {village.sites} sites, p = 5"
    against_peers(Question(name, written_out(village), village.weights, 5))


@dataclass(frozen=True)
class Ask:
    """A joint problem of the council: its rules, what comes before the total, and what HiGHS is told besides.

    `shares` are weights of rows in groups, shape (rows, groups): with `most`, what a group may leave unmet; without,
    the group that is met least comes first.
    """

    name: str
    rules: Rules
    goal_s: float
    shares: Floats | None = None
    most: float | None = None

    @property
    def fairest(self) -> bool:
        """Whether the worst-off group comes first."""
        return self.shares is not None and self.most is None

    def model(self, costs: Costs) -> Model:
        """State it as the general model has it: shares of need met, weighted."""
        values = Values.of(
            costs.row,
            costs.choice,
            1.0 - costs.cost / costs.outside[costs.row],
            rows=costs.rows,
            choices=costs.choices,
        )
        plain = Model(values, costs.outside, np.zeros(costs.rows), self.rules)
        if self.shares is None:
            return plain
        amounts = self.shares * costs.outside[:, None]
        if self.fairest:
            return replace(plain, first=(Goal(amounts, "the worst-off group"),))
        return replace(plain, floors=(Floor(amounts[:, 0], 1.0 - self.most, "the group"),))

    def value(self, costs: Costs, opened: Bools) -> float:
        """Per cent of need met by a plan: in all, or in the group that is met least."""
        paid = costs.paid(opened)
        shares = self.shares if self.fairest else np.ones((costs.rows, 1)) / costs.outside.sum()
        return 100.0 * (1.0 - float((paid @ shares).max()))


def both_offers() -> None:
    """Hubs and outreach at once in a council, with tight standards."""
    case = cases.council()
    both = cases.joint(case, *STANDARDS)
    inside = case.fifth[:, None] == np.arange(1, 6)
    shares = inside / (case.weights @ inside)
    counted, priced = both.counted(HUBS, OUTREACH), both.priced(BUDGET)
    asks = (
        Ask("counts", counted, 5.0),
        Ask("a budget", priced, 5.0),
        Ask("a budget and a floor for the worst fifth", priced, 5.0, shares[:, :1], UNMET_MOST),
        Ask("counts, the worst-off fifth first", counted, 15.0, shares),
        Ask("a budget, the worst-off fifth first", priced, 15.0, shares),
    )
    costs, whole = both.costs, math.fsum(case.weights)
    for ask in asks:
        model = ask.model(costs)
        spent_s, found = measured(lambda model=model: solve(model, ties=False, time_limit_s=4 * LIMIT_S))
        bound = found.proof.steps[0].bound if ask.fairest else found.proof.bound / whole
        mine = Judged("ours", spent_s, ask.value(costs, found.opened), 100 * bound, found.proof.status)
        spent_s, answer = measured(lambda k=ask: ask_program(costs, k.rules, LIMIT_S, shares=k.shares, most=k.most))
        bound = 100 * (1.0 - answer.bound / (1.0 if ask.fairest else whole))
        told = replace(answer, spent_s=spent_s, bound=bound)
        peer = judged("HiGHS, radius form", told, partial(ask.value, costs))
        what = "of the worst-off fifth; ours brings the total up after it" if ask.fairest else "of all"
        heading = f"Hubs and outreach, {case.zones:,} zones x {case.sites} sites: {ask.name}"
        show(heading, [mine, peer], covering=True, notes=[f"value: need met, %, {what}"])
        goal("proven", mine.spent_s, ask.goal_s, mine.said == "optimal")


def large(name: str, costs: Costs, p: int, gaps: Sequence[float], goals_s: Sequence[float], *, covering: bool) -> None:
    """Ask ours what is too large for others, and print when it is how near."""
    watch = Watch(gaps, math.fsum(costs.outside) if covering else 0.0, max(goals_s))
    found = nearest.solve(costs, most=p, progress=watch)
    watch.show(name, goals_s, found.paid, found.bound, found.status)


def county() -> None:
    """The p-median, maximal covering, and hubs and outreach, of 10,000 zones x 2,000 sites."""
    case = cases.county()
    size = f"{case.zones:,} zones x {case.sites:,} sites"
    large(f"p-median, {size}, p = 100", cases.median(case), 100, (0.01, 0.003), (60.0, 150.0), covering=False)
    costs = cases.cover(case, 6.0)
    large(f"Maximal covering within 6 min, {size}, p = 60", costs, 60, (0.01, 0.003), (60.0, 150.0), covering=True)
    answer = ask_program(costs, Rules.at_most(costs.choices, 60), LIMIT_S)
    most = math.fsum(costs.outside)
    peer = judged("HiGHS", answer, lambda opened: most - math.fsum(costs.paid(opened)))
    print(f"  HiGHS, radius form, in {LIMIT_S:g} CPU s: value {figure(peer.value)}, bound {figure(most - peer.bound)}")
    both = cases.joint(case, *WIDE)
    for what, rules in (
        ("40 hubs and 120 outreach", both.counted(40, 120)),
        ("20 million pounds", both.priced(20_000.0)),
    ):
        watch = Watch((0.03, 0.01), math.fsum(both.costs.outside), 150.0)
        found = joint.solve(both.costs, rules, progress=watch)
        assert rules.feasible(found.opened), "the plan must keep to the rules"
        watch.show(f"Hubs and outreach, {size}, {what}", (150.0, 150.0), found.paid, found.bound, found.status)


def england() -> None:
    """The p-median and maximal covering of a place of England's size, each in a process of its own."""
    for covering, gap in ((False, 0.003), (True, 0.01)):
        peak = apart(_england, covering, gap)
        print(f"  peak of memory {peak / 2**10:.2f} GiB; goal 3 GiB: {'met' if peak <= 3 * 2**10 else 'MISSED'}")


def _england(covering: bool, gap: float) -> float:
    warm()
    spent_s, case = measured(cases.england)
    size = f"{case.zones:,} zones x {case.sites:,} sites, {len(case.site):,} entries, p = 1,000"
    print(f"\n{size}: made in {short(spent_s)} CPU s, {peak_mib() / 2**10:.2f} GiB")
    begin = cpu_s()
    costs = cases.cover(case, 10.0) if covering else cases.median(case)
    del case
    print(f"  stated in {short(cpu_s() - begin)} CPU s")
    gaps, goals_s = ((0.01,), (150.0,)) if covering else ((0.01, gap), (150.0, 150.0))
    what = "Maximal covering within 10 min" if covering else "p-median"
    large(f"England, {what}", costs, 1_000, gaps, goals_s, covering=covering)
    return peak_mib()


def draws() -> None:
    """The council's p-median under many draws of its weights, against HiGHS afresh for a few of them."""
    case = cases.council()
    weights = cases.draws(case, DRAWS)
    costs = cases.median(replace(case, weights=np.ones(case.zones)))
    versions = Weighted(costs, weights, Rules.at_most(case.sites, 10))
    rows = []
    for gap in (0.01, 0.0):
        spent_s, found = measured(lambda gap=gap: certify(versions, gap=gap))
        worst, known = 100 * found.gap.max(), len(np.unique(found.best))
        said = "exactly" if gap == 0 else f"within {100 * gap:g} %"
        rows.append([said, short(spent_s), f"{int(found.solved.sum()):,}", f"{known}", figure(worst), found.status])
    heading = f"{DRAWS:,} draws of weights, p-median, {case.zones:,} zones x {case.sites} sites, p = 10"
    table(heading, ["draws proven", "CPU s", "solved", "plans that are best", "worst gap %", "it says"], rows)
    for (said, spent, *_, how), most_s in zip(rows, (5.0, 90.0), strict=True):
        goal(f"all proven {said}", float(spent.replace(",", "")), most_s, how == "certified")
    highs = next(peer for peer in PEERS if peer.ask is ask_highs)
    minutes = written_out(case)
    spent = [asked(highs, Question("draw", minutes, w, 10), LIMIT_S) for w in weights[:DRAWS_AFRESH]]
    told = ", ".join(f"{short(a.spent_s)} s ({a.said})" for a in spent)
    print(f"  HiGHS, radius form, afresh for {DRAWS_AFRESH} draws: {told}")


PARTS: dict[str, Callable[[], None]] = {
    "pmed": pmed,
    "beasley": beasley,
    "cover": cover,
    "joint": both_offers,
    "draws": draws,
    "county": county,
    "england": england,
}
LARGE = ("county", "england")  # minutes


def warm() -> None:
    """Compile what is measured."""
    case = cases.place("hamlet", zones=60, sites=12, side_km=5.0, towns=2, cut_min=30.0, seed=1)
    nearest.solve(cases.median(case), most=3)
    nearest.solve(cases.everywhere(cases.beasley(120, 10)[0]), most=10)  # branches
    town = cases.place("town", zones=300, sites=narrowing.FEW, side_km=9.0, towns=5, cut_min=30.0, seed=1)
    both = cases.joint(town, *STANDARDS)
    solve(Ask("warm", both.counted(2, 2), 0.0).model(both.costs))


def main() -> None:
    """Run the parts that are asked for, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    listed = f"of {', '.join(PARTS)}; all but {' and '.join(LARGE)} when none is named"
    parser.add_argument("parts", nargs="*", metavar="part", help=listed)
    parser.add_argument("--full", action="store_true", help="all (half an hour)")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    parts = list(PARTS) if options.full else options.parts or [part for part in PARTS if part not in LARGE]
    print(f"CPU: user and system seconds, all threads; {cores()} cores; libraries have {LIMIT_S:g} CPU s on one")
    for missing in filter(None, (peer.missing for peer in PEERS)):
        print(missing)
    warm()
    for part in parts:
        PARTS[part]()
    print(f"\n{cpu_s():.0f} CPU seconds in all")


if __name__ == "__main__":
    main()
