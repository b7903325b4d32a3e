"""Draw the charts of the report as plain SVG text: they need no network, no script and no plotting library."""

from __future__ import annotations

from needs.charts.bars import bars
from needs.charts.chart import Chart
from needs.charts.contributions import contribution_bars
from needs.charts.heatmap import correlation_heatmap
from needs.charts.lines import lines
from needs.charts.places import places
from needs.charts.ranks import rank_intervals
from needs.charts.scatter import national_local

__all__ = [
    "Chart",
    "bars",
    "contribution_bars",
    "correlation_heatmap",
    "lines",
    "national_local",
    "places",
    "rank_intervals",
]
