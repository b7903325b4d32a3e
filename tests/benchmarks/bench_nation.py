"""Time the choice of hubs for a nation of England's size: seconds, memory and gap, against HiGHS on the same form.

Run with `make bench`, or by itself with two numbers: places and new hubs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from needs.nation.allocation import allocate
from needs.nation.first import first_areas
from needs.nation.needed import hubs_needed
from needs.nation.reach import Reach
from tests.benchmarks.meter import apart, cpu_s, peak_mib, short, table

PLACES, BUILDINGS, COUNCILS, NEAR = 33_755, 4_500, 153, 60
HUBS_TODAY, NEW = 300, 1_000
AREAS, AREAS_HUBS = 10, 60
LIMIT_S = 60.0  # for HiGHS


def england(places: int = PLACES, seed: int = 1) -> Reach:
    """Make a nation: towns of all sizes, councils around the largest, buildings where people live.

    Families with a car are covered in full by the buildings in a tenth of the way to the last near them, fading out to
    last; those without one have a third of that reach.
    """
    rng = np.random.default_rng(seed)
    share = places / PLACES
    buildings, councils = (max(2, round(share * k)) for k in (BUILDINGS, COUNCILS))
    towns = rng.random((8 * councils, 2))
    size = rng.pareto(1.2, len(towns)) + 0.2
    home = rng.choice(len(towns), places, p=size / size.sum())
    at = towns[home] + rng.normal(0, 0.004, (places, 2)) * np.sqrt(size[home])[:, None]
    seats = cKDTree(towns[np.argsort(-size, kind="stable")[:councils]])
    codes = np.array([f"E109{k:05}" for k in range(councils)])
    stands = at[rng.choice(places, buildings, replace=False)] + rng.normal(0, 0.002, (buildings, 2))
    away, site = cKDTree(stands).query(at, k=min(NEAR, buildings))
    cover = []
    for part in (1.0, 1 / 3):
        furthest = part * away[:, -1:]
        cover.append(np.clip((furthest - away) / (0.9 * furthest), 0.0, 1.0))
    rows = np.tile(np.arange(2 * places), (away.shape[1], 1)).T
    near = csr_array((np.vstack(cover).ravel(), (rows.ravel(), np.vstack([site, site]).ravel())))
    near.resize((2 * places, buildings))
    near.eliminate_zeros()
    births, no_car = rng.integers(5, 40, places), rng.random(places) * 0.5
    demand = np.concatenate([births * (1 - no_car), births * no_car])
    need = 1.0 + rng.beta(1, 2, len(towns))[home]
    name = [f"E01{k:06}" for k in range(places)]
    families = pd.DataFrame(
        {
            "point_id": [f"{n}, {w} a car" for w in ("with", "without") for n in name],
            "lsoa21cd": name * 2,
            "council": codes[np.tile(seats.query(at)[1], 2)],
            "demand": demand,
            "weight": demand * np.tile(need, 2),
            "children": demand * np.tile(need - 1.0, 2),
            "ruc21cd": np.where(np.tile(size[home], 2) > 1.0, "UN1", "RSN1"),
            "fifth_england": np.tile(5 - np.digitize(need, np.quantile(need, [0.2, 0.4, 0.6, 0.8])), 2),
        }
    )
    ids = np.arange(buildings)
    sites = pd.DataFrame(
        {
            "site_id": [f"s{k:05}" for k in ids],
            "name": [f"Building {k}" for k in ids],
            "council": codes[seats.query(stands)[1]],
            "today": np.where(rng.permutation(buildings) < share * HUBS_TODAY, "hub", "none"),
            "can_be_hub": True,
            "forced": False,
            "closed": False,
        }
    )
    return Reach.joined([Reach(families, sites, near)])


def _nationally(reach: Reach, new: int) -> tuple[str, str]:
    found = allocate(reach, new)
    own, national = found.totals["need"][1:]
    return f"{national:,.0f}", f"gap {100 * found.gap:.2g} %, {100 * (national / own - 1):.2f} % over own plans"


def _needed(reach: Reach, _: int) -> tuple[str, str]:
    found = hubs_needed(reach)
    counts = found.table["status"].value_counts().to_dict()
    return f"{len(found.frontier):,} points", ", ".join(f"{n} {status}" for status, n in counts.items())


def _first(reach: Reach, _: int) -> tuple[str, str]:
    found = first_areas(reach, AREAS, hubs=AREAS_HUBS)
    return f"{found.gain:,.0f}", f"gap {100 * found.gap:.2g} %"


def _highs(reach: Reach, new: int) -> tuple[str, str]:
    """Ask HiGHS for the national choice: each family has a part of what a new hub adds to its cover today."""
    entries, base, need = coo_array(reach.cover), reach.best(reach.kept), reach.amounts("weight")
    gain = need[entries.row] * (entries.data - base[entries.row])
    used = reach.may[entries.col] & (gain > 0)
    row, site, gain = entries.row[used], entries.col[used], gain[used]
    count, sites, each = len(gain), len(reach.sites), np.arange(used.sum())
    line = np.concatenate([each, each, count + row, np.full(sites, count + len(need))])
    column = np.concatenate([sites + each, site, sites + each, np.arange(sites)])
    value = np.concatenate([np.ones(count), -np.ones(count), np.ones(count + sites)])
    most = np.concatenate([np.zeros(count), np.ones(len(need)), [new]])
    answer = milp(
        np.concatenate([np.zeros(sites), -gain]),
        constraints=LinearConstraint(csr_array((value, (line, column)), (len(most), sites + count)), ub=most),
        integrality=np.concatenate([np.ones(sites), np.zeros(count)]),
        bounds=Bounds(0, np.concatenate([reach.may, np.ones(count)])),
        options={"time_limit": LIMIT_S, "mip_rel_gap": 1e-4},
    )
    today = math.fsum(need * base)
    value_of = "none" if answer.x is None else f"{today - answer.fun:,.0f}"
    bound = "no bound" if answer.mip_dual_bound is None else f"bound {today - answer.mip_dual_bound:,.0f}"
    return value_of, f"{bound}; {answer.message.splitlines()[0][:60]}"


def _measured(work: Callable[[Reach, int], tuple[str, str]], places: int, new: int) -> tuple[float, float, str, str]:
    """Do work on a nation in a process of its own, compiled beforehand on a small one."""
    work(england(400), 5)
    reach = england(places)
    begin = cpu_s()
    value, said = work(reach, new)
    return cpu_s() - begin, peak_mib(), value, said


def main() -> None:
    """Run all, and print a table."""
    places, new = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (PLACES, NEW)
    reach = england(places)
    rows = []
    for name, work in (
        (f"{new:,} new hubs, both ways", _nationally),
        (f"the same in HiGHS, {LIMIT_S:g} s", _highs),
        ("hubs needed, every council", _needed),
        (f"{AREAS} areas first, {AREAS_HUBS} hubs", _first),
    ):
        spent, peak, value, said = apart(_measured, work, places, new)
        rows.append([name, short(spent), f"{peak:,.0f}", value, said])
    head = f"{len(reach.families):,} rows of families, {len(reach.sites):,} buildings, {len(reach.councils)} councils"
    table(f"{head}, {reach.cover.nnz:,} covers", ["work", "CPU s", "MiB", "found", "proof"], rows)


if __name__ == "__main__":
    main()
