"""Measure pages: bytes, CPU seconds to write, seconds from navigation to the drawn map in headless Chromium.

Run with `make bench`. A council's page of 42 zones and the overview of 5,000 synthetic ones are always there; the
overview of England's 33,755 zones, shaded by fifths of the Indices of Deprivation, where the real open data are.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from needs.settings import CRS
from needs.webmap.overview import OverviewData, render_overview
from needs.webmap.page import render
from needs.webmap.shading import Shading, class_of, class_words, thresholds
from tests.benchmarks.meter import measured, short, table
from tests.browser import CHROMIUM, Browser
from tests.conftest import DATA
from tests.overview_data import LEVELS, county
from tests.page_data import council

RUNS = 5
DRAWN = "document.getElementById('map').dataset.drawn"  # set by the overview's script when it has drawn
_SINCE = (
    "new Promise(done => (function look() {{ if ({ready}) {{"
    " requestAnimationFrame(() => setTimeout(() => done(performance.now()))); }}"
    " else {{ setTimeout(look, 5); }} }})())"
)


def england(folder: Path) -> OverviewData:
    """Make the overview of England from open data: need by fifths, births, rural class; no travel."""
    shapes = gpd.read_parquet(folder / "england_lsoa21.parquet").to_crs(CRS)
    need = pd.read_parquet(folder / "iod2025_lsoa21_all.parquet")
    rank = "Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)"
    need = need[[c for k, c in enumerate(need.columns) if k in {0, 2, 3} or c == rank]]
    need.columns = pd.Index(["lsoa21cd", "lad24cd", "council", "rank"])
    births = pd.read_csv(folder / "lsoa21_births_proxy_age0_mid2020_derived.csv.gz")
    rural = pd.read_csv(folder / "ruc2021_lsoa21.csv.gz")
    zones = shapes.rename(columns={"lsoa21_code": "lsoa21cd", "lsoa21_name": "zone_name"})
    zones = zones.merge(need, on="lsoa21cd", validate="one_to_one")
    zones = zones.merge(births.rename(columns={"LSOA21CD": "lsoa21cd", "age0_mid2020": "births"}), on="lsoa21cd")
    zones = zones.merge(rural.rename(columns={"lsoa21_code": "lsoa21cd"}), on="lsoa21cd")
    keyed = zones.set_index("lsoa21cd")
    fifth = np.ceil(keyed["rank"] / len(zones) * 5).astype(int)
    bounds = thresholds(keyed["births"])
    ordered = ["UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1"]
    remote = 6 - keyed["ruc21_code"].map(lambda c: max(1, ordered.index(c)))
    kinds = ("smaller rural, further", "smaller rural, nearer", "larger rural, further", "larger rural, nearer", "urban")
    grouped = zones.groupby(["lad24cd", "council"])
    sums = pd.DataFrame({"zones": grouped.size(), "families": grouped["births"].sum()}).reset_index()
    sums["worst"] = sums["lad24cd"].map(zones[fifth.to_numpy() == 1].groupby("lad24cd")["births"].sum()).fillna(0.0)
    sums = sums.sort_values(["worst", "lad24cd"], ascending=[False, True], ignore_index=True)
    return OverviewData(
        name="England",
        slug="england",
        synthetic=False,
        estimated=False,
        finding=f"{sums['worst'].sum() / sums['families'].sum():.0%} of births are in the fifth with the highest need",
        answer=f"{sums['council'][0]} has the most: {sums['worst'][0]:,.0f} births a year.",
        demand_label="births a year",
        zones=zones,
        shadings=[
            Shading("need", "Need", "Deprivation", "Need: fifths of England", "amount", fifth, LEVELS),
            Shading("births", "Need", "Families", "Births a year: fifths of England's neighbourhoods", "amount",
                    keyed["births"].map(lambda v: class_of(v, bounds)), class_words(bounds)),
            Shading("rural", "Place", "Rural or urban", "Rural Urban Classification 2021", "amount", remote, kinds),
        ],
        figures={"rank": "Rank in England", "births": "Births a year", "classification": "Rural or urban"},
        councils=sums.rename(columns={"council": "name"}).assign(
            slug=None, reached_pct=np.nan, unmet=np.nan, note="Not yet planned"
        ),
        sources=[],
        command="python -m needs england",
    )  # fmt: skip


def loading_s(path: Path, ready: str) -> float:
    """Seconds from navigation until the map is drawn and shown: the middle of several runs in one warm browser."""
    spent = []
    with Browser() as tab:
        for _ in range(RUNS + 1):
            tab.page.goto("about:blank")
            tab.page.goto(path.resolve().as_uri(), wait_until="commit")
            spent.append(tab.run(_SINCE.format(ready=ready)) / 1000)
    return statistics.median(spent[1:])


def row(folder: Path, label: str, ready: str, write: Callable[[], str]) -> list[str]:
    """Measure one page."""
    spent, text = measured(write)
    path = folder / "page.html"
    path.write_text(text, "utf-8")
    loaded = "no browser" if CHROMIUM is None else short(loading_s(path, ready))
    return [label, short(path.stat().st_size / 1e6), short(spent), loaded]


def main() -> None:
    """Run all that is there."""
    render(council())  # folium's templates are read before anything is timed
    notes = []
    with tempfile.TemporaryDirectory() as name:
        folder, grid, area = Path(name), county(100, 50, bends=5), council()
        rows = [
            row(folder, "council's page, 42 zones", "document.querySelector('path.zone')", lambda: render(area)),
            row(folder, "overview, 5,000 zones x 24 points", DRAWN, lambda: render_overview(grid)),
        ]
        if (DATA / "england").is_dir():
            whole = england(DATA / "england")
            rows.append(row(folder, f"overview, England's {len(whole.zones):,} zones", DRAWN,
                            lambda: render_overview(whole)))  # fmt: skip
        else:
            notes.append("England skipped: the real open data are not beside the project (../shared/data)")
    if CHROMIUM is None:
        notes.append("loading skipped: no Chromium is installed (looked for chromium, google-chrome)")
    table("Pages", ["page", "MB", "write CPU s", f"load s (middle of {RUNS})"], rows, notes)


if __name__ == "__main__":
    main()
