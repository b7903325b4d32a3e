"""Combine points of indicators into domains and a score, and split every score back into contributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

import numpy as np
import numpy.typing as npt

from needs.errors import InputError, fail
from needs.index.checks import override
from needs.index.points import Scale
from needs.index.weights import factor_weights
from needs.indicators import Aggregation, Domain, IndexSpec, Indicator

Floats = npt.NDArray[np.float64]

_FLOOR = 0.01  # a geometric mean takes points 0 to 100 as 1 to 100: no single domain may wipe out the score


@dataclass(frozen=True)
class _Node:
    """A domain: its parts (True and a column of points, or False and a position among the nodes) and their weights."""

    parts: tuple[tuple[bool, int], ...]
    weights: Floats
    scale: Scale | None
    lowest: Floats  # least value of each part over the reference, from which shares are counted


@dataclass(frozen=True)
class Combined:
    """What a set of zones comes to.

    Attributes
    ----------
    score
        Shape (zones,).
    values, points
        Shape (zones, domains): each domain before and after its own transform.
    contributions
        Shape (zones, indicators): adds up to the score in each row.
    """

    score: Floats
    values: Floats
    points: Floats
    contributions: Floats


class Tree:
    """Domains and weights of an index, frozen on the points of a reference.

    The value of a domain is the weighted sum of its parts; where a part is missing the others stand in, in
    proportion to their weights. The score is the weighted sum of the top domains, or their weighted geometric mean
    (of 1 + 0.99 x points, weights made to sum to 1).

    Contributions of an arithmetic index without transforms of domains are weight x points. A domain that is
    transformed hands its points down in proportion to weight x (value - least value in the reference). A geometric
    mean y is handed to the domains by the logarithmic mean decomposition of Ang (2004, Energy Policy 32:1131)
    against the typical zone y0 of the reference (the median of every domain): w y0 + L(y, y0) w ln(x / x0), where L
    is the logarithmic mean; this adds up exactly.
    """

    def __init__(
        self, spec: IndexSpec, points: Floats, *, aggregation: Aggregation, weights: Mapping[str, float] | None = None
    ) -> None:
        self.spec, self.aggregation = spec, aggregation
        self.order = _children_first(spec)
        self._place = {domain: k for k, domain in enumerate(self.order)}
        self._column = {i: k for k, i in enumerate(spec.ids)}
        self._declared = dict(weights or {})
        self._nodes: list[_Node] = []
        levels: list[Floats] = []
        for domain in self.order:
            node = self._fit(next(d for d in spec.domains if d.id == domain), points, levels)
            self._nodes.append(node)
            levels.append(self._level(node, points, levels)[1])
        tops = [d for d in spec.domains if d.parent is None]
        self.tops = [self._place[d.id] for d in tops]
        of_top = np.array([self._weight_of(d) for d in tops])
        if aggregation == "geometric" or spec.index.normalise_weights:
            of_top = of_top / of_top.sum()
        self.top_weights = of_top
        self._linear = aggregation == "arithmetic" and not any(d.transform for d in spec.domains)
        top_points = np.column_stack([levels[k] for k in self.tops])
        self._typical = lifted(np.median(top_points, axis=0))

    @property
    def weights(self) -> dict[str, float]:
        """Share of the score of each indicator: the product of the weights on its way up."""
        return dict(zip(self.spec.ids, self._products().tolist(), strict=True))

    @property
    def part_weights(self) -> dict[str, dict[str, float]]:
        """Weight of each part within its domain."""
        names = {d: [p.id for p in self.spec.parts(d)] for d in self.order}
        return {d: dict(zip(names[d], self._nodes[k].weights.tolist(), strict=True)) for d, k in self._place.items()}

    def combine(self, points: Floats) -> Combined:
        """Score zones by their points, shape (zones, indicators), and split the scores into contributions."""
        values: list[Floats] = []
        levels: list[Floats] = []
        for node in self._nodes:
            value, level = self._level(node, points, levels)
            values.append(value)
            levels.append(level)
        top = np.column_stack([levels[k] for k in self.tops])
        if self._linear:
            contributions = self._linear_contributions(points)
            score = _row_sums(contributions)
        else:
            score, of_tops = self._score(top)
            contributions = np.zeros_like(points)
            for k, share in zip(self.tops, of_tops.T, strict=True):
                self._hand_down(k, share, points, levels, contributions)
        return Combined(score, np.column_stack(values), np.column_stack(levels), contributions)

    def scores(self, points: Floats, top_weights: Floats | None = None) -> Floats:
        """Score zones quickly, without contributions; equal to `combine` but for the last bits."""
        levels: list[Floats] = []
        for node in self._nodes:
            levels.append(self._level(node, points, levels)[1])
        top = np.column_stack([levels[k] for k in self.tops])
        weights = self.top_weights if top_weights is None else top_weights
        if self.aggregation == "geometric":
            return np.asarray(np.exp(np.log(lifted(top)) @ (weights / weights.sum())))
        return np.asarray(top @ weights)

    def _fit(self, domain: Domain, points: Floats, levels: list[Floats]) -> _Node:
        parts = self.spec.parts(domain.id)
        places = tuple(
            (False, self._place[p.id]) if isinstance(p, Domain) else (True, self._column[p.id]) for p in parts
        )
        columns = self._columns(places, points, levels)
        weights = np.array([self._weight_of(p) for p in parts])
        touched = any(override(self._declared, p, self.spec) is not None for p in parts)
        if domain.weighting == "equal" and not touched:
            weights = np.full(len(parts), 1 / len(parts))
        elif domain.weighting == "factor" and not touched:
            weights = factor_weights(columns, where=f"domain '{domain.id}'")
        elif self.spec.index.normalise_weights or touched:
            weights = weights / weights.sum()
        lowest = np.nanmin(columns, axis=0)
        node = _Node(places, weights, None, lowest)
        if domain.transform is None:
            return node
        value = self._level(node, points, levels)[0]
        return _Node(places, weights, Scale.fit(domain.transform, value), lowest)

    def _weight_of(self, part: Domain | Indicator) -> float:
        replaced = override(self._declared, part, self.spec)
        return part.weight if replaced is None else float(replaced)

    def _columns(self, places: tuple[tuple[bool, int], ...], points: Floats, levels: list[Floats]) -> Floats:
        return np.column_stack([points[:, k] if of_indicator else levels[k] for of_indicator, k in places])

    def _level(self, node: _Node, points: Floats, levels: list[Floats]) -> tuple[Floats, Floats]:
        columns = self._columns(node.parts, points, levels)
        value = np.sort(columns * node.weights, axis=1).sum(axis=1)  # sorted: the order of the columns leaves no trace
        gaps = np.isnan(columns)
        if gaps.any():
            present = np.where(gaps, 0.0, node.weights).sum(axis=1)
            if (present == 0).any():
                fail(InputError, "need index", "a zone has no value in a whole domain", "complete the table")
            value = np.nansum(columns * node.weights, axis=1) * (node.weights.sum() / present)
        return value, value if node.scale is None else node.scale.points(value)

    def _score(self, top: Floats) -> tuple[Floats, Floats]:
        """Score, and what each top domain contributes, shape (zones, top domains)."""
        if self.aggregation == "arithmetic":
            parts = top * self.top_weights
            return _row_sums(parts), parts
        raised, weights, typical = lifted(top), self.top_weights, self._typical
        score = np.exp(np.log(raised) @ weights)
        base = float(np.exp(np.log(typical) @ weights))
        ratio = np.log(raised / typical)
        mean = _logarithmic_mean(score, base)
        return score, weights * base + mean[:, None] * weights * ratio

    def _products(self) -> Floats:
        products = np.zeros(len(self._column))
        upon = np.zeros(len(self._nodes))
        upon[self.tops] = self.top_weights
        for k in reversed(range(len(self._nodes))):
            node = self._nodes[k]
            for (of_indicator, place), weight in zip(node.parts, node.weights, strict=True):
                (products if of_indicator else upon)[place] = upon[k] * weight
        return products

    def _linear_contributions(self, points: Floats) -> Floats:
        if not np.isnan(points).any():
            return points * self._products()
        contributions = np.zeros_like(points)

        def hand_down(k: int, upon: Floats) -> None:
            node = self._nodes[k]
            columns = [points[:, place] if of_indicator else None for of_indicator, place in node.parts]
            gaps = np.column_stack([np.zeros(len(points), bool) if c is None else np.isnan(c) for c in columns])
            stand_in = node.weights.sum() / np.where(gaps, 0.0, node.weights).sum(axis=1)
            for (_, place), weight, column in zip(node.parts, node.weights, columns, strict=True):
                if column is None:
                    hand_down(place, upon * stand_in * weight)
                else:
                    contributions[:, place] = upon * stand_in * weight * np.nan_to_num(column)

        for k, weight in zip(self.tops, self.top_weights, strict=True):
            hand_down(k, np.full(len(points), weight))
        return contributions

    def _hand_down(self, k: int, share: Floats, points: Floats, levels: list[Floats], into: Floats) -> None:
        node = self._nodes[k]
        columns = self._columns(node.parts, points, levels)
        gaps = np.isnan(columns)
        above = np.where(gaps, 0.0, node.weights * np.maximum(columns - node.lowest, 0.0))
        total = above.sum(axis=1)
        present = np.where(gaps, 0.0, node.weights)
        flat = total == 0
        above[flat] = present[flat]
        portions = above / above.sum(axis=1, keepdims=True) * share[:, None]
        for (of_indicator, place), portion in zip(node.parts, portions.T, strict=True):
            if of_indicator:
                into[:, place] = portion
            else:
                self._hand_down(place, portion, points, levels, into)


def _children_first(spec: IndexSpec) -> list[str]:
    order: list[str] = []

    def visit(domain: str) -> None:
        for part in spec.parts(domain):
            if isinstance(part, Domain):
                visit(part.id)
        order.append(domain)

    for top in (d for d in spec.domains if d.parent is None):
        visit(top.id)
    return order


def lifted(points: Floats) -> Floats:
    """Bring points 0 to 100 to 1 to 100, as a geometric mean takes them."""
    return np.asarray(1 + (1 - _FLOOR) * points)


def _logarithmic_mean(a: Floats, b: float) -> Floats:
    """Give (a - b) / ln(a / b), which is a where both are equal."""
    ratio = np.log(a / b)
    near = np.abs(ratio) < 1e-8
    safe = np.where(near, 1.0, ratio)
    return np.where(near, (a + b) / 2, (a - b) / safe)


def _row_sums(rows: Floats) -> Floats:
    """Correctly rounded sums, which depend on no order of columns: equal contributions tie."""
    return np.array([fsum(row) for row in rows.tolist()])
