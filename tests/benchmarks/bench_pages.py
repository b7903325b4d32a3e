"""Measure pages: bytes, CPU seconds to write, seconds from navigation to the drawn map in headless Chromium.

Run with `make bench`. A council's page of 42 zones and the overview of 5,000 synthetic ones are always there; the
overview of England's 33,755 zones, shaded by fifths of the Indices of Deprivation, where the real open data are.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from needs.webmap.overview import render_overview
from needs.webmap.page import render
from tests.benchmarks.meter import measured, short, table
from tests.browser import CHROMIUM, Browser
from tests.conftest import DATA
from tests.overview_data import DRAWN, county, england
from tests.page_data import council

RUNS = 5
_SINCE = (
    "new Promise(done => (function look() {{ if ({ready}) {{"
    " requestAnimationFrame(() => setTimeout(() => done(performance.now()))); }}"
    " else {{ setTimeout(look, 5); }} }})())"
)


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
