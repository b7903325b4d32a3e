"""Weigh the parts of a domain: as declared, equally, or by the loadings of one common factor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import FactorAnalysis

from needs.errors import InputError, fail

Floats = npt.NDArray[np.float64]

_TOLERANCE, _ROUNDS = 1e-10, 10_000  # of the factor analysis: far below what any published weight shows


def factor_weights(points: Floats, *, where: str) -> Floats:
    """Weigh columns by how strongly they share one common factor: loadings over their sum.

    One factor by maximum likelihood on standardised columns. The health and crime domains of the Indices of
    Deprivation 2019 and 2025 are given back by these weights on normal scores; weights by factor-score coefficients
    do not give them back.

    Parameters
    ----------
    points
        Shape (zones, parts), the reference, none missing.
    where
        The domain, for messages.

    Raises
    ------
    InputError
        If a column is the same everywhere, or one runs against the common factor: a negative weight would turn need
        into its opposite.
    """
    spread = points.std(axis=0)
    if points.shape[1] == 1:
        return np.ones(1)
    if (spread == 0).any() or np.isnan(points).any():
        fail(InputError, where, "a part is the same everywhere or missing", 'set weighting = "given" or "equal"')
    together = np.corrcoef(points, rowvar=False)
    if np.linalg.eigvalsh(together)[0] < _TOLERANCE:
        fail(InputError, where, "a part follows from the others", "leave it out, or set weighting to given or equal")
    root = np.linalg.cholesky(together).T * np.sqrt(points.shape[1])
    few = np.vstack([root, -root])  # rows with the same means and correlations, which are all that a factor depends on
    model = FactorAnalysis(n_components=1, tol=_TOLERANCE, max_iter=_ROUNDS, svd_method="lapack").fit(few)
    loadings = model.components_[0] * np.sign(model.components_[0].sum())
    if (loadings <= 0).any():
        found = ", ".join(f"{v:.3f}" for v in loadings)
        fail(
            InputError,
            where,
            f"its parts do not share one factor: loadings {found}",
            'turn the direction of the odd one, leave it out, or set weighting = "given"',
        )
    return np.asarray(loadings / loadings.sum())
