"""Keep the page that lists every page."""

from __future__ import annotations

from pathlib import Path

from needs import outputs, report
from needs.alone import alone, worked_in
from needs.pipeline.records import published_plan
from needs.settings import Paths


def index_page(paths: Paths) -> Path:
    """Write the page that lists every area whose tables and page are whole and belong together, if it has changed."""
    path = paths.maps / "index.html"

    def text() -> str:
        folders = sorted(p.parent for p in paths.processed.glob("*/plan.json"))
        plans = (published_plan(folder, paths.maps / f"{folder.name}.html") for folder in folders)
        return report.index([plan for plan in plans if plan is not None], paths.maps)

    if worked_in(paths.maps) or outputs.untidy(path) or not path.is_file() or path.read_bytes() != text().encode():
        with alone(paths.maps, "writes pages in"):
            outputs.tidy(path)
            outputs.write_file(path, text())
    return path
