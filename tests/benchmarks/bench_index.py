"""Time an index of England's size, fitted, applied and perturbed, against a plain way: seconds, ratio, memory.

The plain way ranks a column with pandas and scores with a matrix product, draw after draw, as a notebook would.

Run with `make bench`, or by itself with two numbers: zones and draws.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from needs.index import NeedIndex, imd_exp
from needs.index.perturb import perturb
from needs.indicators import Cells, IndexSpec
from needs.vintages import exact_fit

ZONES, INDICATORS, DOMAINS, DRAWS = 33_755, 20, 5, 1_000
PLAIN_DRAWS = 5  # of the plain way, from which the rest is reckoned
AREA = 80  # zones of a council


def england(zones: int) -> tuple[IndexSpec, Cells]:
    """Make an index of proportions and their counts, some of them suppressed."""
    rng = np.random.default_rng(1)
    ids = [f"i{k}" for k in range(INDICATORS)]
    codes = pd.Index([f"E01{k:06}" for k in range(zones)], name="lsoa21cd")
    common = {"weight": 1.0 / (INDICATORS // DOMAINS), "measure": "proportion", "unit": "share", "source": "s"}
    parts = [
        {
            **common, "id": i, "label": i, "domain": f"d{k % DOMAINS}", "numerator": [f"{i}_events"],
            "denominator": ["people"], "direction": "higher_is_need", "suppressed": {"low": 0, "high": 9},
        }
        for k, i in enumerate(ids)
    ]  # fmt: skip
    domains = [{"id": f"d{k}", "label": "D", "weight": 1 / DOMAINS, "rationale": "Made."} for k in range(DOMAINS)]
    head = {"id": "made", "label": "M", "version": "1", "geography": "LSOA21", "reference": "England"}
    spec = IndexSpec.model_validate(
        {
            "index": {**head, "transform": "imd_exp", "source": "Made."},
            "source": [{"id": "s", "title": "T", "publisher": "P", "period": "1", "geography": "L", "licence": "CC0"}],
            "domain": domains,
            "indicator": parts,
        }
    )
    need = rng.normal(size=(zones, 1))
    people = rng.integers(60, 500, (zones, INDICATORS)).astype(float)
    share = expit(-1.7 + 0.5 * need + 0.4 * rng.normal(size=people.shape))
    events = rng.binomial(people.astype(int), share).astype(float)
    hidden = events < 10

    def table(values: object) -> pd.DataFrame:
        return pd.DataFrame(values, index=codes, columns=ids)

    values = table(events / people)
    state = table(np.where(hidden, "suppressed", "measured"))
    low, high = (table(np.where(hidden, end / people, values)) for end in (0, 9))
    known = table(0.5)
    return spec, Cells(values, low, high, table(events), table(people), values, state, known, pd.DataFrame(index=codes))


def carry(zones: int) -> float:
    """Carry 30 columns of counts from as many old zones, a tenth of them split in two; give the seconds."""
    old = np.arange(zones - zones // 11)
    again = np.concatenate([old, old[: zones // 11]])
    code = pd.Series([f"E01{k:06}" for k in range(2 * zones)])
    pairs = pd.DataFrame({"from_code": code[again].to_numpy(), "to_code": code[zones : zones + len(again)].to_numpy()})
    pairs["change"] = np.where(again < zones // 11, "S", "U")
    lookup = exact_fit(pairs, pd.Series(1000.0, index=pairs["to_code"]))
    table = pd.DataFrame(np.ones((len(old), 30)), index=code[old])
    begin = time.perf_counter()
    lookup.counts(table)
    return time.perf_counter() - begin


def plain(cells: Cells, draws: int) -> float:
    """Score and perturb as a notebook would, column by column; give the seconds of one draw."""
    rng = np.random.default_rng(1)
    n, r, zones = cells.denominator, cells.numerator, len(cells.values)
    spread = np.sqrt((n + 1) * (n + 2) / (n * (r + 1) * (n - r + 1)))
    centre = logit((r + 0.5) / (n + 1))
    begin = time.perf_counter()
    for _ in range(draws):
        weights = rng.uniform(0.75, 1.25, INDICATORS)
        value = expit(centre + spread * rng.standard_normal(n.shape))
        score = pd.DataFrame(imd_exp(value.rank(ascending=False, method="min"), zones)) @ weights
        score.rank(ascending=False, method="min")
    return (time.perf_counter() - begin) / draws


def main() -> None:
    """Run all, and print a table."""
    zones, draws = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (ZONES, DRAWS)
    spec, cells = england(zones)
    rows = []
    begin = time.perf_counter()
    index = NeedIndex(spec).fit(cells)
    index.transform(cells)
    rows.append(("fit and transform", time.perf_counter() - begin, 1.0))
    one = plain(cells, PLAIN_DRAWS)
    begin = time.perf_counter()
    perturb(index, cells, draws=draws)
    rows.append((f"perturb all, {draws:,} draws", time.perf_counter() - begin, 30.0))
    begin = time.perf_counter()
    perturb(index, cells.select(cells.values.index[:AREA]), draws=draws)
    rows.append((f"perturb {AREA} zones, {draws:,} draws", time.perf_counter() - begin, 5.0))
    rows.append(("carry 30 columns to new zones", carry(zones), 1.0))
    print(f"{zones:,} zones x {INDICATORS} indicators, all of them counts")
    for name, seconds, goal in rows:
        print(f"{name:32} {seconds:7.2f} s   goal {goal:4.0f} s")
    print(f"{'plain way, one draw':32} {one:7.2f} s   ratio {one * draws / rows[1][1]:4.1f} for {draws:,} draws of all")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform.startswith("linux") else 2**30)
    print(f"{'peak memory':32} {peak:7.2f} GiB goal    2 GiB")


if __name__ == "__main__":
    main()
