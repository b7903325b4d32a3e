"""Make small nations for tests: councils with a few families and buildings, and covers that cross their borders."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from scipy.sparse import csr_array

from needs.nation.reach import Reach

CODES = ("E06000001", "E06000002", "E10000003", "E08000004")


def families(rows, **more):
    """Families from (point_id, council, demand, weight)."""
    point, council, demand, weight = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "point_id": point,
            "lsoa21cd": [f"E01{sum(p.encode()):06}" for p in point],
            "council": council,
            "demand": np.array(demand, float),
            "weight": np.array(weight, float),
            **more,
        }
    )


def sites(rows):
    """Sites from (site_id, council, today) or with marks after that: can_be_hub, forced, closed as letters."""
    table = [(i, c, t, *m) for i, c, t, *m in rows]
    return pd.DataFrame(
        {
            "site_id": [r[0] for r in table],
            "name": [f"House {r[0]}" for r in table],
            "council": [r[1] for r in table],
            "today": [r[2] for r in table],
            "can_be_hub": ["x" not in "".join(r[3:]) for r in table],
            "forced": ["f" in "".join(r[3:]) for r in table],
            "closed": ["c" in "".join(r[3:]) for r in table],
        }
    )


def nation(seed, *, councils=3, most=3, marks=True):
    """Draw a nation: one part for each council, of which neighbours' sites that it reaches are a part as well."""
    rng = np.random.default_rng(seed)
    codes = CODES[:councils]
    houses = []
    for code in codes:
        for k in range(rng.integers(1, most + 1)):
            mark = rng.choice(["", "x", "c", "f"], p=[0.82, 0.06, 0.06, 0.06]) if marks else ""
            today = rng.choice(["hub", "outreach", "none"], p=[0.25, 0.15, 0.6])
            if mark == "f" and today == "hub":
                mark = ""
            houses.append((f"{code[-1]}{k}", code, today, mark))
    every = sites(houses)
    parts = []
    for code in codes:
        count = int(rng.integers(1, most + 2))
        demand = rng.integers(0, 20, count)
        own = families(
            [(f"{code[-1]}p{k}", code, d, d * (1 + rng.integers(0, 3) / 2)) for k, d in enumerate(demand)],
            children=demand * 0.5,
            ruc21cd=rng.choice(["UN1", "RSN1"], count),
            fifth_england=rng.integers(1, 6, count),
        )
        cover = np.where(rng.random((count, len(every))) < 0.5, rng.integers(1, 5, (count, len(every))) / 4, 0.0)
        here = (every["council"] == code).to_numpy() | cover.any(axis=0)
        parts.append(Reach(own, every[here].reset_index(drop=True), csr_array(cover[:, here])))
    return parts


seeds = st.integers(0, 2**32)


def reached(reach, marks, by):
    """What families reach in plain Python."""
    table, amounts = reach.cover.toarray().tolist(), reach.families[by].tolist()
    return sum(
        a * max([0.0, *(c for c, m in zip(r, marks, strict=True) if m)]) for a, r in zip(amounts, table, strict=True)
    )


def plans(reach, new):
    """Every set of at most so many new hubs, those that must open included, with today's that stay."""
    kept, may, musts = (np.asarray(m).tolist() for m in (reach.kept, reach.may, reach.musts))
    free = [j for j, (a, b) in enumerate(zip(may, musts, strict=True)) if a and not b]
    for k in range(new - sum(musts) + 1):
        for chosen in itertools.combinations(free, k):
            yield [a or b or j in chosen for j, (a, b) in enumerate(zip(kept, musts, strict=True))]


def most(reach, new, by):
    """The most that so many new hubs reach; minus infinity where more must open."""
    return max((reached(reach, plan, by) for plan in plans(reach, new)), default=-np.inf)
