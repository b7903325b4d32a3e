"""Draw what an index found: charts for the notebook and the page, from the tables that explain it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from needs import charts
from needs.charts import Chart
from needs.errors import InputError, fail

if TYPE_CHECKING:
    from needs.index.explain import Explanation, WhatIf
    from needs.index.perturb import RankUncertainty

_ROWS = 10  # zones that a result shows by itself
Names = Mapping[str, str] | None


def contribution_bars(found: Explanation, zone: str, names: Names = None) -> Chart:
    """Draw what the score of one zone is made of, domain by domain, against England's median zone."""
    mine = found.contributions[found.contributions["lsoa21cd"] == zone]
    if mine.empty:
        fail(InputError, f"zone {zone!r}", "is not among the zones explained", "give the code of one of them")
    rows = mine.groupby("domain", sort=False, as_index=False)["contribution"].sum()
    rows = rows.assign(lsoa21cd=zone, zone_name=_name(zone, names), comparison=rows["domain"].map(found.typical))
    rows["domain"] = rows["domain"].map(found.domains)
    score, rank = float(found.scores["score"][zone]), int(found.scores["rank_england"][zone])
    place = f"need score {score:.1f}, rank {rank:,} in England"
    return charts.contribution_bars(rows, title=f"{_name(zone, names)}: {place}")


def weight_bars(found: Explanation) -> Chart:
    """Draw the weight that each indicator declares, and its share of what sets zones apart."""
    both = found.weights.reset_index()
    total = both["weight"].sum()
    parts = [
        pd.DataFrame({"label": both["label"], "value": 100 * column, "series": series})
        for series, column in (("declared", both["weight"] / total), ("in effect", both["variance_share"]))
    ]
    table = pd.concat(parts).sort_index(kind="stable")
    return charts.bars(table, title="Weight declared, and say in effect", unit="%", label_label="Indicator")


def correlation_heatmap(found: Explanation) -> Chart:
    """Draw how closely the indicators go together, domains side by side."""
    label = {str(i): str(w) for i, w in found.weights["label"].items()}
    matrix = found.correlations.rename(index=label, columns=label)
    domain = {label[str(i)]: found.domains[d] for i, d in found.weights["domain"].items()}
    return charts.correlation_heatmap(
        matrix, title="How closely the indicators go together (Spearman, England)", groups=domain
    )


def national_local(found: Explanation, names: Names = None) -> Chart:
    """Draw every zone's place in England against its rank in the area."""
    table = found.scores[["percentile", "rank_area"]].assign(zone_name=_names(found.scores.index, names))
    if len(found.cells):
        doubtful = set(found.cells.loc[found.cells["state"].isin(["suppressed", "imputed"]), "lsoa21cd"])
        table["flag"] = ["suppressed or imputed" if z in doubtful else "" for z in table.index]
    return charts.national_local(table.rename_axis("lsoa21cd"), title="Need in England and in the area")


def rank_intervals(drawn: RankUncertainty, reference: int, names: Names = None) -> Chart:
    """Draw the national rank of every zone with the interval in which it lies when choices and chance vary.

    `reference` is the number of zones that are ranked.
    """
    table = drawn.table.assign(zone_name=_names(drawn.table.index, names)).rename_axis("lsoa21cd")
    return charts.rank_intervals(
        table, title="How sure the ranks are", n=reference
    )  # fmt: skip


def explanation_html(found: Explanation) -> str:
    """Write the neediest zones, the weights and the correlations."""
    shown = found.scores.sort_values(["rank_england"]).head(_ROWS)
    more = f"<p>{len(found.scores) - len(shown):,} more zones in <code>.scores</code>.</p>"
    parts = [_table(shown), more if len(found.scores) > len(shown) else ""]
    parts += [weight_bars(found).to_html(table=False)]
    if len(found.correlations) > 1:
        parts.append(correlation_heatmap(found).to_html(table=False))
    return "".join(parts)


def uncertainty_html(drawn: RankUncertainty) -> str:
    """Write what was varied, the neediest zones with their intervals, and the other methods."""
    told = "".join(f"<li>{_safe(sentence)}</li>" for sentence in drawn.what)
    shown = drawn.table.sort_values("rank_declared").head(_ROWS)
    return f"<ul>{told}</ul>{_table(shown)}{_table(drawn.methods)}"


def what_if_html(found: WhatIf) -> str:
    """Write the sentence, and the zones that move most."""
    order = found.table["moved"].abs().sort_values(ascending=False, kind="stable").index
    return f"<p>{_safe(found.summary)}</p>{_table(found.table.loc[order].head(_ROWS))}"


def _table(table: pd.DataFrame) -> str:
    return str(table.to_html(float_format="{:,.3g}".format, border=0))


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _name(zone: str, names: Names) -> str:
    return (names or {}).get(zone, zone)


def _names(zones: pd.Index[str], names: Names) -> list[str]:
    return [_name(z, names) for z in zones]
