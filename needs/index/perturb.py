"""Say how sure a rank is: score again under other weights, methods and counts, many times, and count what happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from needs.errors import Faults, InputError
from needs.index import display
from needs.index.chance import Moving, Sources
from needs.index.rescoring import MEANS, Draw, Mean, Rescorer, Transformation, check_methods, usable_transformations
from needs.indicators import Aggregation, Cells
from needs.settings import SEED

if TYPE_CHECKING:
    from needs.index.estimator import NeedIndex

TRANSFORMATIONS: tuple[Transformation, ...] = ("declared", "rank", "normal_score")
SURE = 0.95  # share of the draws from which a zone is in, or out of, the most needy fifth for sure
_LOW, _HIGH = 5, 95  # per cent of the draws
_ZONES = 2048  # whose draws are sorted at a time

Options = list[tuple[int, tuple[Aggregation, ...]]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RankUncertainty:
    """How far ranks depend on what could have been chosen, or have come about, otherwise.

    Attributes
    ----------
    table
        One row per zone, in the order given. Among the reference (England): `rank_declared`; `rank_median`,
        `rank_low`, `rank_high` (50th, 5th, 95th percentile of the draws, each a rank that came up: the least that
        at least this share of the draws does not pass); `p_worst_fifth` (share of the draws in the most needy
        fifth); `stable` ("in" the most needy fifth in 95% of the draws or more, "out" of it in as many, else
        "unsure"). The same among the zones of the area: `rank_area_declared`, `rank_area_median`, `rank_area_low`,
        `rank_area_high`, `p_worst_fifth_area`, `stable_area`.
    methods
        One row per single change of method, all else as declared; index `change`: `kind` ("transformation",
        "aggregation", "domain", "weights"), `spearman` (rank correlation of the area's scores with the declared
        ones; NaN where they are all the same), `largest_shift` and `largest_shift_area` (ranks in the reference and
        in the area), `worst_fifth` (zones in the area's most needy fifth as declared) and `worst_fifth_kept` (how
        many of them the change leaves there).
    draws, seed
        Number of draws, and what they were drawn with.
    what
        Sentences that say what was varied, how, and what was not.
    """

    table: pd.DataFrame
    methods: pd.DataFrame
    draws: int
    seed: int
    what: tuple[str, ...]

    def _repr_html_(self) -> str:
        return display.uncertainty_html(self)


def perturb(
    index: NeedIndex,
    cells: Cells,
    *,
    draws: int = 1000,
    weights: float = 0.25,
    transformations: Sequence[Transformation] = TRANSFORMATIONS,
    aggregations: Sequence[Mean] = MEANS,
    counts: bool = True,
    suppressed: bool = True,
    rounding: bool = True,
    seed: int = SEED,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> RankUncertainty:
    """Rank zones again and again under other weights, methods and counts, all drawn together.

    The reference keeps its values; every draw scores it afresh under the draw's weights and method, and the rank of
    a zone is its place among it. The same arguments give the same bytes, whatever `jobs` is and in whatever order the
    zones come: every draw has random numbers of its own, and zones take them in the order of their values and codes.

    Parameters
    ----------
    index
        Fitted.
    cells
        The zones of one area, or of all of England.
    draws
        How many; each takes 4 bytes of memory per zone (8 where there are more than 65,535 zones).
    weights
        f from 0 to under 1: every weight of a top domain, and of every part of a domain, is multiplied by 1 +
        U(-f, f); weights within a domain that sum to 1 are made to do so again.
    transformations
        How values may become points: each draw takes one, with equal chance. "declared" is the index's own; a
        published rank takes only transforms by rank.
    aggregations
        How domains may be combined: each draw takes one of those that the transform allows (a geometric mean needs
        points of 0 or more), with equal chance.
    counts, suppressed, rounding
        Whether proportions and rates vary by chance, suppressed cells between their bounds, rounded numerators
        within half of what they are rounded to (`needs.index.chance.doubt_of` has the formulas).
    seed
        0 or more.
    jobs
        Threads; all processors if not given.
    progress
        Called with the number of draws done and of all draws.

    Raises
    ------
    InputError
        With every fault of the settings; or of the cells, as `NeedIndex.assess`.

    Source: OECD and JRC (2008), Handbook on Constructing Composite Indicators, step 7 (uncertainty analysis); Saisana,
    Saltelli and Tarantola (2005), J. R. Stat. Soc. A 168, 307-323.
    """
    check_settings(index, weights=weights, seed=seed, jobs=jobs, transformations=transformations, means=aggregations)
    if not (isinstance(draws, int) and draws >= 1):
        faults = Faults(InputError)
        faults.add("perturb, draws", f"is {draws!r}", "give a whole number of 1 or more")
        faults.raise_if_any()
    others: list[Transformation] = [t for t in usable_transformations(index) if t not in ("none", "goalposts")]
    rescorer = Rescorer(
        index,
        cells,
        transformations=[*transformations, *others],
        counts=counts,
        suppressed=suppressed,
        rounding=rounding,
    )
    options = rescorer.options(transformations, aggregations)
    own = np.random.SeedSequence(seed).spawn(draws)
    size = len(rescorer.zones)
    small = np.min_scalar_type(max(len(index.reference_), size))
    england, area = np.empty((draws, size), small), np.empty((draws, size), small)

    def rank(k: int) -> None:
        england[k], area[k] = rescorer.ranks(drawn(rescorer, options, weights, own[k]))

    each(rank, draws, jobs=jobs, progress=progress)
    found = pd.concat(
        [
            _summary(england, rescorer.declared["england"], len(index.reference_), ""),
            _summary(area, rescorer.declared["area"], size, "_area"),
        ],
        axis=1,
    )
    said = what_varies(rescorer, options, index=index, cells=cells, weights=weights)
    return RankUncertainty(
        table=found.loc[cells.values.index],
        methods=method_changes(rescorer),
        draws=draws,
        seed=seed,
        what=(f"{draws:,} draws with the seed {seed}; in each, all that varies changes at once.", *said, _INTERVAL),
    )


_INTERVAL = (
    f"Low and high ranks are the {_LOW}th and {_HIGH}th percentile of the draws: whole ranks that came up. "
    "They hold what is varied here and nothing else."
)


def drawn(rescorer: Rescorer, options: Options, spread: float, seed: np.random.SeedSequence) -> Draw:
    """Make one draw; methods, weights, counts, suppressed cells and rounding have random numbers of their own."""
    methods, weights, *cells = (np.random.default_rng(s) for s in seed.spawn(5))
    method, means = options[methods.integers(len(options))]
    mean = means[methods.integers(len(means))]
    return Draw(method, mean, rescorer.methods[method].weights.noisy(spread, weights), Sources(*cells))


def each(work: Callable[[int], None], count: int, *, jobs: int | None, progress: Progress | None) -> None:
    """Do a piece of work for 0 to count - 1 in threads; an interruption ends all of them after the piece at hand."""
    threads = jobs or os.cpu_count() or 1
    block = max(1, min(32, count // (4 * threads)))
    stop = Event()

    def run(start: int) -> int:
        numbers = range(start, min(start + block, count))
        for k in numbers:
            if stop.is_set():
                break
            work(k)
        return len(numbers)

    done = 0
    with ThreadPoolExecutor(threads) as pool:
        try:
            for part in as_completed([pool.submit(run, start) for start in range(0, count, block)]):
                done += part.result()
                if progress:
                    progress(done, count)
        finally:
            stop.set()


def _summary(ranks: npt.NDArray[np.integer], declared: pd.Series[int], n: int, of: str) -> pd.DataFrame:
    draws, zones = ranks.shape
    at = [-(-draws * p // 100) - 1 for p in (50, _LOW, _HIGH)]
    middle, low, high = (np.empty(zones, np.int64) for _ in at)
    share = np.empty(zones)
    for start in range(0, zones, _ZONES):
        mine = slice(start, start + _ZONES)
        ordered = np.sort(ranks[:, mine], axis=0)
        middle[mine], low[mine], high[mine] = ordered[at]
        share[mine] = (ordered <= n // 5).mean(axis=0)  # rank / (n / 5) rounded up is 1
    return pd.DataFrame(
        {
            f"rank{of}_declared": declared,
            f"rank{of}_median": middle,
            f"rank{of}_low": low,
            f"rank{of}_high": high,
            f"p_worst_fifth{of}": share,
            f"stable{of}": np.select([share >= SURE, share <= 1 - SURE + 1e-12], ["in", "out"], "unsure"),
        },
        index=declared.index,
    )


def method_changes(rescorer: Rescorer) -> pd.DataFrame:
    """Change one method at a time (`RankUncertainty.methods`), of those that a rescorer holds ready."""
    base = rescorer.methods[0]
    own = Draw(0, rescorer.aggregation, base.weights)
    changes = [
        (f"points by {m.name}", "transformation", Draw(k, rescorer.aggregation, m.weights))
        for k, m in enumerate(rescorer.methods)
        if k and rescorer.aggregation in m.aggregations
    ]
    changes += [
        (f"{mean} mean of domains", "aggregation", Draw(0, mean, base.weights))
        for mean in base.aggregations
        if mean != rescorer.aggregation and len(base.weights.top) > 1
    ]
    tops = [d.id for d in base.index.spec_.domains if d.parent is None]
    changes += [
        (f"without {domain}", "domain", Draw(0, rescorer.aggregation, base.weights.without(k)))
        for k, domain in enumerate(tops)
        if len(tops) > 1
    ]
    changes.append(("equal weights", "weights", Draw(0, rescorer.aggregation, base.weights.equal())))
    score, (england, area) = rescorer.scores(own)[1], rescorer.ranks(own)
    worst = area <= len(area) // 5
    rows = []
    for label, kind, draw in changes:
        other, (in_england, in_area) = rescorer.scores(draw)[1], rescorer.ranks(draw)
        rows.append(
            {
                "change": label,
                "kind": kind,
                "spearman": _spearman(score, other),
                "largest_shift": int(np.abs(in_england - england).max()),
                "largest_shift_area": int(np.abs(in_area - area).max()),
                "worst_fifth": int(worst.sum()),
                "worst_fifth_kept": int((worst & (in_area <= len(area) // 5)).sum()),
            }
        )
    return pd.DataFrame(rows).set_index("change")


def _spearman(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def check_settings(
    index: NeedIndex,
    *,
    weights: float,
    seed: int,
    jobs: int | None,
    transformations: Sequence[Transformation],
    means: Sequence[Mean],
) -> None:
    """Refuse settings that make no sense, all at once."""
    faults = Faults(InputError)
    if not 0 <= weights < 1:
        faults.add("perturb, weights", f"is {weights}", "give a share from 0 to under 1, such as 0.25")
    if not (isinstance(seed, int) and seed >= 0):
        faults.add("perturb, seed", f"is {seed!r}", "give a whole number of 0 or more")
    if jobs is not None and not (isinstance(jobs, int) and jobs >= 1):
        faults.add("perturb, jobs", f"is {jobs!r}", "give a whole number of 1 or more, or leave it out")
    try:
        check_methods(index, transformations=transformations, aggregations=means)
    except InputError as error:
        faults.take(error)
    faults.raise_if_any()


def what_varies(
    rescorer: Rescorer, options: Options, *, index: NeedIndex, cells: Cells, weights: float
) -> tuple[str, ...]:
    """Say in sentences what is varied, how, and what is not."""
    said = []
    if weights:
        said.append(
            f"Every weight is multiplied by a number drawn evenly from {1 - weights:g} to {1 + weights:g}; weights "
            "within a domain that sum to 1 are made to do so again."
        )
    names = [_words(rescorer.methods[k].name) for k, _ in options]
    if len(names) > 1:
        said.append(f"Values become points by one of these, with equal chance: {', '.join(names)}.")
    said += _of_means(rescorer, options)
    said += _of_cells(rescorer.moving)
    still = {"rank": "published ranks", "value": "published figures", "ratio": "ratios without an error of their own"}
    for measure, words in still.items():
        labels = [i.label for i in index.spec_.indicators if i.measure == measure]
        if labels:
            said.append(f"Not varied: {', '.join(labels)}: {words}, of which no error is known.")
    imputed = int((cells.state[index.spec_.ids] == "imputed").to_numpy().sum())
    if imputed:
        said.append(f"Not varied: {imputed:,} cells that stand in for missing values.")
    said.append(
        f"Not varied: the values of the {len(index.reference_):,} zones of the reference, among which every draw ranks "
        "a zone, and the numbers of people in denominators."
    )
    return tuple(said)


def _of_means(rescorer: Rescorer, options: Options) -> list[str]:
    every = list(dict.fromkeys(m for _, means in options for m in means))
    if every == [rescorer.aggregation] or len(rescorer.methods[0].weights.top) == 1:
        return []
    chance = ", with equal chance" if len(every) > 1 else ""
    said = [f"Domains are combined by {' or '.join(f'a weighted {m} mean' for m in every)}{chance}."]
    short = [(_words(rescorer.methods[k].name), means[0]) for k, means in options if len(means) < len(every)]
    said += [f"With points by {name}, which fall below 0, by a weighted {mean} mean only." for name, mean in short]
    return said


def _of_cells(moving: Sequence[Moving]) -> list[str]:
    said = []
    chancy, hidden, rounded = (_listed(moving, kind) for kind in ("chancy", "hidden", "rounded"))
    if chancy:
        said.append(
            "Counts vary by chance, proportions on the scale of log-odds and rates on that of logarithms; what comes "
            f"to no more than half a case counts as none: {chancy}."
        )
    if hidden:
        said.append(f"Suppressed cells are drawn evenly between their bounds: {hidden}.")
    if rounded:
        said.append(f"Rounded numerators are drawn evenly within half of what they are rounded to: {rounded}.")
    return said


def _listed(moving: Sequence[Moving], kind: str) -> str:
    cells: dict[str, int] = {}
    for m in moving:
        cells[m.indicator.label] = cells.get(m.indicator.label, 0) + int(getattr(m, kind))
    return ", ".join(f"{label} ({n:,} zone{'s' if n != 1 else ''})" for label, n in cells.items() if n)


def _words(transform: str) -> str:
    return {"declared": "as declared", "imd_exp": "the exponential transform of the IMD"}.get(
        transform, transform.replace("_", " ")
    )
