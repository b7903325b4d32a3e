"""Score an area and the frozen reference again and again, under other weights, methods and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs.errors import Faults, InputError, fail
from needs.index.chance import STILL, Moving, Sources, doubt_of, moving_cells
from needs.index.checks import checked_values, frame_of
from needs.index.explain import variant
from needs.index.points import RANK_POINTS, Ranks, Scale, rank_among
from needs.index.tree import Tree, lifted
from needs.indicators import RANKED, Aggregation, Cells, Domain, IndexSpec, Transform

if TYPE_CHECKING:
    from needs.index.estimator import NeedIndex

Floats = npt.NDArray[np.float64]
Transformation = Transform | Literal["declared"]
Mean = Aggregation | Literal["declared"]
MEANS: tuple[Aggregation, ...] = ("arithmetic", "geometric")

_TIE = 1e-12  # share of the highest score within which two scores are the same: rounding parts no equal zones
_WHOLE = 1e-9  # by which weights may miss a sum of 1


@dataclass(frozen=True)
class Weights:
    """Weights of the top domains, and of the parts of every domain in the order of `Tree.order`."""

    top: Floats
    parts: tuple[Floats, ...]

    @classmethod
    def of(cls, tree: Tree) -> Weights:
        """Take the weights of a fitted index."""
        parts = tuple(np.array(list(tree.part_weights[d].values())) for d in tree.order)
        return cls(tree.top_weights, parts)

    def noisy(self, spread: float, rng: np.random.Generator) -> Weights:
        """Multiply every weight by 1 + U(-spread, spread); weights within a domain that sum to 1 do so again.

        Source: the perturbation of weights of COINr (Becker et al. 2022, J. Open Source Softw. 7, 4567).
        """
        top = self.top * rng.uniform(1 - spread, 1 + spread, len(self.top))
        parts = []
        for own in self.parts:
            made = own * rng.uniform(1 - spread, 1 + spread, len(own))
            parts.append(made / made.sum() if abs(own.sum() - 1) <= _WHOLE else made)
        return Weights(top, tuple(parts))

    def equal(self) -> Weights:
        """Give every domain the same weight, and every part within it."""
        return Weights(
            np.full(len(self.top), 1 / len(self.top)), tuple(np.full(len(p), 1 / len(p)) for p in self.parts)
        )

    def without(self, top: int) -> Weights:
        """Take the weight from one of the top domains."""
        return Weights(np.where(np.arange(len(self.top)) == top, 0.0, self.top), self.parts)


@dataclass(frozen=True)
class Method:
    """One way to turn values into points, and the means by which domains may be combined then.

    Attributes
    ----------
    name
        The transform, or "declared".
    aggregations
        Those that its points allow.
    reference, area
        Points, shape (indicators, zones), 0 where a value is missing.
    weights
        Without noise.
    """

    name: str
    index: NeedIndex
    aggregations: tuple[Aggregation, ...]
    reference: Floats
    area: Floats
    weights: Weights


@dataclass(frozen=True)
class Draw:
    """One set of choices: a method by number, a mean, weights, and random numbers for the cells."""

    method: int
    aggregation: Aggregation
    weights: Weights
    sources: Sources = STILL


def usable_transformations(index: NeedIndex) -> list[Transform]:
    """List the transforms that every indicator of an index can take: by rank always, others only with the values."""
    indicators = index.spec_.indicators
    known = all(i.measure != "rank" for i in indicators)
    posts = all(i.goalposts for i in indicators)
    return [t for t in get_args(Transform) if t in RANKED or (known and (t != "goalposts" or posts))]


class Rescorer:
    """An index and an area, ready to be scored many times.

    Parameters
    ----------
    index
        Fitted. The values of its reference stay as they are; its points follow the method.
    cells
        The zones of the area.
    transformations
        Methods to make ready, besides the index's own ("declared"). Those that come to the same thing are one.
    counts, suppressed, rounding
        Which doubts about cells may move them.

    Attributes
    ----------
    aggregation
        The index's own.
    methods
        The index's own first.
    zones
        Codes in ascending order, in which all that follows is; nothing depends on the order of the rows given.
    declared
        Of each zone, as `NeedIndex.assess`: `score`, and rank in `england` and in the `area`.
    moving
        The cells that are drawn afresh.

    Raises
    ------
    InputError
        If a method is not to be had, or the cells do not fit the index.
    """

    def __init__(
        self,
        index: NeedIndex,
        cells: Cells,
        *,
        transformations: Sequence[Transformation] = ("declared",),
        counts: bool = False,
        suppressed: bool = False,
        rounding: bool = False,
    ) -> None:
        self._spec: IndexSpec = index.spec_
        self._n = len(index.reference_)
        check_methods(index, transformations=transformations)
        _check_cells(cells, f"index '{self._spec.index.id}'")
        self.aggregation: Aggregation = index.tree_.aggregation
        classes = set(index.reference_["class"]) if "class" in index.reference_ else set()
        table = checked_values(frame_of(cells, self._spec), self._spec, self._n, is_reference=False, classes=classes)
        table = table.sort_index()
        cells = cells.select(table.index.tolist())
        self.zones = table.index
        score = index.tree_.combine(index.points(table)).score
        found = {
            "score": score,
            "england": rank_among(score, index.reference_scores_),
            "area": rank_among(score, score),
        }
        self.declared = pd.DataFrame(found, index=table.index)
        self._set_nodes(index.tree_)
        gaps = (index.reference_[self._spec.ids], table[self._spec.ids])
        self._gaps = [{k: c for k, c in enumerate(t.isna().to_numpy().T) if c.any()} for t in gaps]
        self._tables = {t: RANK_POINTS[t](np.arange(1, self._n + 1), self._n) for t in RANKED}
        self._number: dict[str, int] = {}
        self.methods = self._methods(index, table, ("declared", *transformations))
        doubts = [
            doubt_of(i, cells, counts=counts, suppressed=suppressed, rounding=rounding) if i.has_error else None
            for i in self._spec.indicators
        ]
        self.moving: list[Moving] = moving_cells(
            self._spec.indicators,
            doubts,
            lambda i: [m.index.scales_[i.id] for m in self.methods],
            index.limits_,
            table.get("class"),
        )

    def options(
        self, transformations: Sequence[Transformation], aggregations: Sequence[Mean]
    ) -> list[tuple[int, tuple[Aggregation, ...]]]:
        """List methods that were made ready by number, each with those of the means that it allows, the own first.

        Raises
        ------
        InputError
            If none of the methods allows any of the means.
        """
        asked = {self.aggregation if a == "declared" else a for a in aggregations}
        in_order = [a for a in sorted(MEANS, key=lambda a: a != self.aggregation) if a in asked]
        numbers = dict.fromkeys(self._number[t] for t in transformations)
        found = [(k, tuple(a for a in in_order if a in self.methods[k].aggregations)) for k in numbers]
        if not any(means for _, means in found):
            what = "none of the transforms keeps points at 0 or above, as a geometric mean needs"
            fix = "allow an arithmetic mean, or a transform such as rank"
            fail(InputError, f"index '{self._spec.index.id}'", what, fix)
        return [(k, means) for k, means in found if means]

    def scores(self, draw: Draw) -> tuple[Floats, Floats]:
        """Score the reference and the area in one draw (a geometric mean by its logarithm)."""
        method = self.methods[draw.method]
        columns = list(method.reference), list(method.area)
        for cells in self.moving if draw.sources != STILL else ():
            column = columns[1][cells.column] = columns[1][cells.column].copy()
            column[cells.zones] = cells.points(draw.sources, draw.method)
        levels: tuple[list[Floats], list[Floats]] = ([], [])
        for parts, transform, weights in zip(self._parts, self._transforms, draw.weights.parts, strict=True):
            both = [self._value(parts, weights, *side) for side in zip(columns, levels, self._gaps, strict=True)]
            for level, value in zip(
                levels, both if transform is None else self._rescaled(transform, *both), strict=True
            ):
                level.append(value)
        reference, area = ([level[k] for k in self._tops] for level in levels)
        if draw.aggregation == "geometric":
            reference, area = ([np.log(lifted(part)) for part in side] for side in (reference, area))
        return _weighted(reference, draw.weights.top), _weighted(area, draw.weights.top)

    def ranks(self, draw: Draw) -> tuple[Ranks, Ranks]:
        """Rank the area's zones among the reference and among themselves in one draw, as `rank_among`."""
        reference, area = self.scores(draw)
        reference = np.sort(reference)
        order = np.argsort(area)
        ordered = area[order]
        slack = _slack(reference)
        ranks = np.empty((2, len(area)), dtype=np.int64)
        for k, (others, tie) in enumerate(((reference, slack), (ordered, slack))):
            higher = len(others) - np.searchsorted(others, ordered + tie, side="right")
            ranks[k, order] = np.minimum(1 + higher, len(others))
        return ranks[0], ranks[1]

    def _set_nodes(self, tree: Tree) -> None:
        domain = {d.id: d for d in self._spec.domains}
        place = {d: k for k, d in enumerate(tree.order)}
        column = {i: k for k, i in enumerate(self._spec.ids)}
        self._parts = [
            [(False, place[p.id]) if isinstance(p, Domain) else (True, column[p.id]) for p in self._spec.parts(d)]
            for d in tree.order
        ]
        self._transforms = [domain[d].transform for d in tree.order]
        self._tops = tree.tops

    def _methods(self, index: NeedIndex, table: pd.DataFrame, names: Sequence[Transformation]) -> list[Method]:
        found: list[Method] = []
        seen: list[dict[str, Transform]] = []
        for name in dict.fromkeys(names):
            transforms = effective_transforms(index, name)
            if transforms in seen:
                self._number[name] = seen.index(transforms)
                continue
            self._number[name] = len(seen)
            seen.append(transforms)
            # Fitted for its points and its weights; the means that these allow are taken later.
            other = index if name == "declared" else variant(index, transformation=name, aggregation="arithmetic")
            means = MEANS[:1] if _falls_below_zero(self._spec, transforms) else MEANS
            points = (np.nan_to_num(p.T) for p in (other.reference_points_, other.points(table)))
            reference, area = (np.ascontiguousarray(p) for p in points)
            found.append(Method(name, other, means, reference, area, Weights.of(other.tree_)))
        return found

    def _value(
        self,
        parts: list[tuple[bool, int]],
        weights: Floats,
        columns: list[Floats],
        levels: list[Floats],
        gaps: dict[int, npt.NDArray[np.bool_]],
    ) -> Floats:
        taken = [columns[k] if of_indicator else levels[k] for of_indicator, k in parts]
        value = _weighted(taken, weights)
        absent = [
            (w, gaps[k]) for w, (of_indicator, k) in zip(weights, parts, strict=True) if of_indicator and k in gaps
        ]
        if not absent:
            return value
        lost = np.zeros(len(value))
        for weight, gap in absent:
            lost += weight * gap
        return np.asarray(value * (weights.sum() / (weights.sum() - lost)))

    def _rescaled(self, transform: Transform, reference: Floats, area: Floats) -> tuple[Floats, Floats]:
        """Turn the values of a domain into points among the reference, refitted in every draw."""
        if transform not in RANKED:
            scale = Scale.fit(transform, reference)
            return scale.points(reference), scale.points(area)
        ordered = np.sort(reference)
        return self._by_rank(transform, reference, ordered), self._by_rank(transform, area, ordered)

    def _by_rank(self, transform: Transform, values: Floats, ordered: Floats) -> Floats:
        n, slack = self._n, _slack(ordered)
        order = np.argsort(values)  # a search for numbers in order is several times as fast
        sought = values[order]
        right = np.searchsorted(ordered, sought + slack, side="right")
        points = np.empty(len(values))
        if transform == "normal_score":
            left = np.searchsorted(ordered, sought - slack, side="left")
            points[order] = RANK_POINTS[transform](np.clip(n - (left + right) / 2 + 0.5, 1, n), n)
        else:
            points[order] = self._tables[transform].take(np.minimum(n - right, n - 1))
        return points


def effective_transforms(index: NeedIndex, name: Transformation) -> dict[str, Transform]:
    """Transform of each indicator of an index under another one by name: a published rank keeps one by rank."""
    declared, wanted = index.spec_.transforms, index.transformation if name == "declared" else name
    return {
        i.id: wanted if wanted and (i.measure != "rank" or wanted in RANKED) else declared[i.id]
        for i in index.spec_.indicators
    }


def _falls_below_zero(spec: IndexSpec, transforms: dict[str, Transform]) -> bool:
    switched = tuple(i.model_copy(update={"transform": transforms[i.id]}) for i in spec.indicators)
    changed = spec.model_copy(update={"indicators": switched})
    return any(changed.reaches_below_zero(d.id) for d in spec.domains if d.parent is None)


def check_methods(
    index: NeedIndex,
    *,
    transformations: Sequence[Transformation] = ("declared",),
    aggregations: Sequence[Mean] = ("declared",),
) -> None:
    """Refuse methods that are not known, or that an index cannot take.

    Raises
    ------
    InputError
        With every fault.
    """
    faults = Faults(InputError)
    where = f"index '{index.spec_.index.id}'"
    usable = usable_transformations(index)
    for kind, known, can, given in (
        ("transformations", get_args(Transform), usable, transformations),
        ("aggregations", MEANS, MEANS, aggregations),
    ):
        for name in [given] if isinstance(given, str) else given:
            if name not in ("declared", *can):
                reason = "needs the value, or the goalposts, of every indicator" if name in known else "is not known"
                faults.add(f"{where}, {kind}", f"{name!r} {reason}", f"use some of declared, {', '.join(can)}")
        if isinstance(given, str) or not given:
            faults.add(f"{where}, {kind}", f"is {given!r}, not a list of choices", 'give one, such as ["declared"]')
    faults.raise_if_any()


def _check_cells(cells: object, where: str) -> None:
    if not isinstance(cells, Cells):
        fix = "give the Cells that needs.indicators.indicator_values makes for this index"
        fail(InputError, where, f"a {type(cells).__name__} has no counts and bounds", fix)


def _weighted(columns: Sequence[Floats], weights: Floats) -> Floats:
    """Sum columns by weight, column after column: zones with the same values get the same bits."""
    if len(columns) == 1 and weights[0] == 1:
        return columns[0]
    total: Floats = columns[0] * weights[0]
    buffer = np.empty_like(total)
    for column, weight in zip(columns[1:], weights[1:], strict=True):
        total += np.multiply(column, weight, out=buffer)
    return total


def _slack(ordered: Floats) -> float:
    return _TIE * max(abs(float(ordered[0])), abs(float(ordered[-1])), 1e-300)
