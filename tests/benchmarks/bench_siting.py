"""Time proven maximal gradual cover against the textbook assignment formulation on the same solver: seconds, ratio.

Run with `make bench`.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, hstack, identity, kron

from needs.location.model import Limit, Model
from needs.location.solve import solve

SIZES = ((200, 30, 4), (400, 60, 6))  # points, sites, sites to choose


def town(points: int, sites: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradual cover of random homes by random sites on a square of 10 km, and weights."""
    rng = np.random.default_rng(1)
    homes, places = rng.uniform(0, 10, (points, 2)), rng.uniform(0, 10, (sites, 2))
    km = np.linalg.norm(homes[:, None] - places[None], axis=2)
    return np.clip((4.0 - km) / 2.5, 0.0, 1.0), rng.integers(1, 40, points).astype(float)


def assignment(values: np.ndarray, weights: np.ndarray, p: int) -> float:
    """Assign each point to one open site: y binary, 0 <= x_ij <= y_j, sum_j x_ij <= 1."""
    n, m = values.shape
    gain = (weights[:, None] * values).ravel()
    one_each = hstack([csr_matrix((n, m)), kron(identity(n), np.ones((1, m)))])
    only_open = hstack([-kron(np.ones((n, 1)), identity(m)), identity(n * m)])
    count = hstack([csr_matrix(np.ones((1, m))), csr_matrix((1, n * m))])
    rules = [LinearConstraint(matrix, -np.inf, most) for matrix, most in ((one_each, 1), (only_open, 0), (count, p))]
    kinds = np.concatenate([np.ones(m), np.zeros(n * m)])
    found = milp(np.concatenate([np.zeros(m), -gain]), integrality=kinds, bounds=Bounds(0, 1), constraints=rules)
    return -float(found.fun)


def main() -> None:
    """Run every size."""
    for points, sites, p in SIZES:
        values, weights = town(points, sites)
        begin = time.perf_counter()
        limit = Limit(np.ones(sites, bool), p)
        own = solve(Model(values, weights, np.zeros(points), np.arange(sites), limits=(limit,)))
        middle = time.perf_counter()
        plain = assignment(values, weights, p)
        end = time.perf_counter()
        assert abs(own.proof.objective - plain) < 1e-6 * plain, "the two must agree"
        ratio = (end - middle) / (middle - begin)
        print(f"{points} points x {sites} sites, p={p}: {middle - begin:6.2f} s")
        print(f"  assignment form: {end - middle:6.2f} s   ratio {ratio:5.1f}")


if __name__ == "__main__":
    main()
