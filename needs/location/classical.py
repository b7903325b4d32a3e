"""Solve the classical location models, as special cases of the one model."""

from __future__ import annotations

import numpy as np

from needs.errors import InputError, fail
from needs.location.model import Model
from needs.location.rules import Rules
from needs.location.solve import Solution, solve
from needs.location.values import Floats, Values


def p_median(cost: Floats, weights: Floats, *, p: int, time_limit_s: float = 120.0) -> tuple[Solution, float]:
    """Open p sites so that the weighted cost from each row to its nearest open site is least (Hakimi 1964).

    Stated for the one model by the cost that a site saves against the row's dearest site.

    Parameters
    ----------
    cost
        Of reaching each site, finite; shape (rows, sites).
    weights
        Of the rows, at least 0; shape (rows,).
    p
        Sites to open; a site that saves nothing is left out.
    time_limit_s
        As in `solve`.

    Returns
    -------
    Solution, float
        The open sites, shape (sites,), with the proof in cost saved; and the total weighted cost.

    Raises
    ------
    InputError
        If a cost is not finite, or p is below 1.
    """
    if p < 1 or not np.isfinite(cost).all():
        fail(
            InputError,
            "p_median",
            "p is below 1 or a cost is not finite",
            "give p of 1 or more and a cost to every site",
        )
    solution = solve(_choose(cost.max(axis=1, keepdims=True) - cost, weights, p), time_limit_s=time_limit_s)
    return solution, float(weights @ cost[:, solution.opened].min(axis=1))


def mclp(cost: Floats, weights: Floats, *, radius: float, p: int, time_limit_s: float = 120.0) -> Solution:
    """Open p sites so that the weight within a radius of an open site is greatest (Church and ReVelle 1974).

    Parameters
    ----------
    cost
        Of reaching each site; NaN is out of reach; shape (rows, sites).
    weights
        Of the rows, at least 0; shape (rows,).
    radius
        A row is covered when its cost is at most this.
    p
        Sites to open; a site that adds nothing is left out.
    time_limit_s
        As in `solve`.

    Returns
    -------
    Solution
        The objective of its proof is the weight covered.
    """
    return solve(_choose((cost <= radius).astype(float), weights, p), time_limit_s=time_limit_s)


def lscp(cost: Floats, *, radius: float, time_limit_s: float = 120.0) -> Solution:
    """Open the fewest sites that cover every row that any site covers (Toregas et al. 1971).

    All sites may open and every row counts one: of the plans that cover most, the rule of ties takes the fewest sites.
    The number is proven when the proof's `ties` are not "not checked".

    Parameters
    ----------
    cost, radius, time_limit_s
        As in `mclp`.

    Returns
    -------
    Solution
        The objective of its proof is the number of rows covered.
    """
    return mclp(cost, np.ones(len(cost)), radius=radius, p=cost.shape[1], time_limit_s=time_limit_s)


def _choose(values: Floats, weights: Floats, p: int) -> Model:
    rows, sites = values.shape
    return Model(Values.dense(values), np.asarray(weights, float), np.zeros(rows), Rules.at_most(sites, p))
