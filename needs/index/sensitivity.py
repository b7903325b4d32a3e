"""Say which choice moves ranks most: variance-based sensitivity of the ranks of an area."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats.qmc import Sobol

from needs.errors import Faults, InputError
from needs.index.chance import Sources
from needs.index.perturb import TRANSFORMATIONS, Options, Progress, check_settings, each
from needs.index.rescoring import MEANS, Draw, Mean, Rescorer, Transformation
from needs.indicators import Cells
from needs.settings import SEED

if TYPE_CHECKING:
    from needs.index.estimator import NeedIndex

Floats = npt.NDArray[np.float64]
Factor = Literal["weights", "transformation", "aggregation", "counts", "suppressed", "rounding"]
FACTORS: tuple[Factor, ...] = get_args(Factor)

_RESAMPLED = 200  # times that rows are drawn again, for standard errors
_SEEDS = 2**32  # that a number from 0 to 1 may stand for


def sobol(f: Callable[[Floats], npt.ArrayLike], d: int, n: int, seed: int = SEED) -> pd.DataFrame:
    """First-order and total Sobol indices of a function of d numbers, each even from 0 to 1 and independent.

    Two samples A and B of n rows come from one scrambled Sobol sequence in 2d dimensions; AB_i is A with column i of
    B. First-order S_i = mean(f(B) (f(AB_i) - f(A))) / V, total T_i = mean((f(A) - f(AB_i))^2) / (2 V), V the variance
    of f(A) and f(B) together; f counts from its mean, which leaves S_i the same but for less noise.

    Parameters
    ----------
    f
        Takes shape (rows, d), gives shape (rows,); called once with n (d + 2) rows.
    d
        Number of factors.
    n
        Size of each sample, a power of 2.
    seed
        Of the sequence, and of the standard errors.

    Returns
    -------
    pandas.DataFrame
        Index `factor`, 0 to d - 1; `first`, `first_se`, `total`, `total_se` (standard errors by drawing rows again,
        200 times; they overstate the error of a Sobol sequence). NaN where f is the same everywhere.

    Raises
    ------
    InputError
        If a number is out of range, or f gives the wrong shape.

    Source: Saltelli et al. (2010), Comput. Phys. Commun. 181, 259-270 (first-order); Jansen (1999), Comput. Phys.
    Commun. 117, 35-43 (total); Sobol' (1993).
    """
    faults = Faults(InputError)
    if d < 1:
        faults.add("sobol, d", f"is {d}", "give 1 factor or more")
    _note_size("sobol", n, faults)
    faults.raise_if_any()
    rows = Sobol(2 * d, rng=np.random.default_rng(seed)).random(n)
    a, b = rows[:, :d], rows[:, d:]
    mixed = np.repeat(a[None], d, axis=0)
    for i in range(d):
        mixed[i, :, i] = b[:, i]
    found = np.asarray(f(np.concatenate([a, b, mixed.reshape(-1, d)])), dtype=float)
    if found.shape != (n * (d + 2),) or not np.isfinite(found).all():
        faults.add("sobol, f", f"gives the shape {found.shape}, or no numbers", "give one number for each row")
        faults.raise_if_any()
    y = (found - found[: 2 * n].mean()).reshape(d + 2, n)
    rng = np.random.default_rng(seed)
    again = np.stack([_indices(y[:, rng.integers(n, size=n)]) for _ in range(_RESAMPLED)])
    first, total = _indices(y)
    first_se, total_se = again.std(axis=0, ddof=1)
    columns = {"first": first, "first_se": first_se, "total": total, "total_se": total_se}
    return pd.DataFrame(columns, index=pd.RangeIndex(d, name="factor"))


def _indices(y: Floats) -> Floats:
    """First-order and total indices, shape (2, d), of f at A, B, AB_1 ... AB_d, shape (d + 2, n)."""
    a, b, mixed = y[0], y[1], y[2:]
    variance = float(y[:2].var())
    if variance <= 0:
        return np.full((2, len(mixed)), np.nan)
    return np.stack([(b * (mixed - a)).mean(axis=1), ((a - mixed) ** 2).mean(axis=1) / 2]) / variance


def sensitivity(
    index: NeedIndex,
    cells: Cells,
    *,
    n: int = 128,
    factors: Sequence[Factor] = FACTORS,
    weights: float = 0.25,
    transformations: Sequence[Transformation] = TRANSFORMATIONS,
    aggregations: Sequence[Mean] = MEANS,
    seed: int = SEED,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Share out the doubt about an area's ranks: which choice, or which chance, moves them most.

    The outcome is the mean, over the zones, of how far the rank among the reference moves from the declared one. Each
    factor varies as in `needs.index.perturb.perturb`, driven by one number from 0 to 1: a choice is taken by it; of
    weights, counts, suppressed cells and rounding it is the seed of all their random numbers.

    Parameters
    ----------
    index, cells
        As for `perturb`.
    n
        Size of a sample, a power of 2; the area is scored n (factors + 2) times.
    factors
        Those that vary; the others stay as declared. "suppressed" is suppressed cells, "rounding" rounded numerators.
    weights, transformations, aggregations, seed, jobs, progress
        As for `perturb`.

    Returns
    -------
    pandas.DataFrame
        Index `factor`; `first` (share of the variance that the factor sets by itself), `total` (with its part in
        what it sets together with others), and their standard errors `first_se` and `total_se`, as `sobol`. A factor
        that cannot vary here has no row: `attrs["what"]` says in sentences which, why, and what the numbers mean.

    Raises
    ------
    InputError
        With every fault of the settings; or of the cells.

    Source: Saisana, Saltelli and Tarantola (2005), J. R. Stat. Soc. A 168, 307-323; OECD and JRC (2008), Handbook on
    Constructing Composite Indicators, step 7; the outcome is that of COINr (Becker et al. 2022).
    """
    faults = Faults(InputError)
    _note_size("sensitivity", n, faults)
    for name in [factors] if isinstance(factors, str) else [f for f in factors if f not in FACTORS]:
        faults.add("sensitivity, factors", f"{name!r} is not known", f"give a list of {', '.join(FACTORS)}")
    try:
        check_settings(
            index, weights=weights, seed=seed, jobs=jobs, transformations=transformations, means=aggregations
        )
    except InputError as error:
        faults.take(error)
    faults.raise_if_any()
    rescorer = Rescorer(
        index,
        cells,
        transformations=transformations,
        counts="counts" in factors,
        suppressed="suppressed" in factors,
        rounding="rounding" in factors,
    )
    options = rescorer.options(
        transformations if "transformation" in factors else ("declared",),
        aggregations if "aggregation" in factors else ("declared",),
    )
    still = _still(rescorer, options, weights)
    varied = [f for f in FACTORS if f in factors and f not in still]
    told = [f"Left out: {name}: {why}." for name, why in still.items() if name in factors]
    if not varied:
        return _told(pd.DataFrame(columns=_COLUMNS, index=pd.Index([], name="factor"), dtype=float), told)
    declared = rescorer.declared["england"].to_numpy()

    def outcome(rows: Floats) -> Floats:
        shifts = np.empty(len(rows))

        def shift(k: int) -> None:
            place = dict(zip(varied, rows[k].tolist(), strict=True))
            ranks = rescorer.ranks(_draw(rescorer, options, weights, place, seed))[0]
            shifts[k] = np.abs(ranks - declared).mean()

        each(shift, len(rows), jobs=jobs, progress=progress)
        return shifts

    found = sobol(outcome, len(varied), n, seed)
    found.index = pd.Index(varied, name="factor")
    return _told(found, [*_MEANING, *told])


_COLUMNS = ("first", "first_se", "total", "total_se")
_MEANING = (
    "The outcome is the mean shift of the area's ranks among the reference away from the declared ranks.",
    "first: share of its variance that a factor sets by itself; total: together with what it sets jointly with others.",
    "Of weights, counts, suppressed cells and rounding, one number stands for all random numbers of the kind.",
)


def _still(rescorer: Rescorer, options: Options, weights: float) -> dict[Factor, str]:
    """Say of each factor that cannot vary why."""
    still: dict[Factor, str] = {}
    parts = rescorer.methods[0].weights
    if weights == 0 or all(len(w) == 1 for w in (parts.top, *parts.parts)):
        still["weights"] = "no weight varies"
    if len(options) == 1:
        still["transformation"] = "there is one transform only"
    if len(parts.top) == 1 or all(len(means) == 1 for _, means in options):
        still["aggregation"] = "there is one mean only"
    if not any(m.chancy for m in rescorer.moving):
        still["counts"] = "no indicator is a count whose chance is known"
    if not any(m.hidden for m in rescorer.moving):
        still["suppressed"] = "no cell is suppressed"
    if not any(m.rounded for m in rescorer.moving):
        still["rounding"] = "no count is rounded"
    return still


def _draw(rescorer: Rescorer, options: Options, spread: float, place: dict[Factor, float], seed: int) -> Draw:
    """Make the draw that one number per factor stands for; a factor without one stays as declared."""

    def choice(name: Factor, count: int) -> int:
        return min(int(place.get(name, 0.0) * count), count - 1)

    def random(name: Factor) -> np.random.Generator | None:
        if name not in place:
            return None
        return np.random.default_rng([seed, FACTORS.index(name), int(place[name] * _SEEDS)])

    method, means = options[choice("transformation", len(options))]
    mean = means[choice("aggregation", len(means))]
    weights, rng = rescorer.methods[method].weights, random("weights")
    sources = Sources(random("counts"), random("suppressed"), random("rounding"))
    return Draw(method, mean, weights.noisy(spread, rng) if rng else weights, sources)


def _told(table: pd.DataFrame, sentences: Sequence[str]) -> pd.DataFrame:
    table.attrs["what"] = tuple(sentences)
    return table


def _note_size(where: str, n: int, faults: Faults) -> None:
    if not (isinstance(n, int) and n >= 2 and n & (n - 1) == 0):
        faults.add(f"{where}, n", f"is {n!r}", "give a power of 2, such as 128")
