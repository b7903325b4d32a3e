"""Show a comparison in a notebook: a sentence, the totals, who gains and loses by group, and the largest losses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from needs import charts
from needs.charts import Chart
from needs.charts.words import number, safe

if TYPE_CHECKING:
    from needs.scenarios.comparison import Comparison

_ROWS = 10  # losses that a comparison shows by itself
_PARTS = 6  # groups of one kind that a chart shows
_UNKNOWN = "not known"
_TOTALS = {
    "hub_pct": ("Reached by a hub", "%"),
    "outreach_pct": ("By outreach only", "%"),
    "virtual_pct": ("Online only", "%"),
    "turned_away_pct": ("Of all, turned away by full sites", "%"),
    "virtual_offline": ("Online only, without the internet", ""),
    "unmet": ("Unmet need (weighted)", ""),
    "gain": ("Gain", ""),
    "lose": ("Lose", ""),
    "same": ("As well off", ""),
}


def summary(found: Comparison) -> str:
    """Say how many gain and lose in each scenario, and what a change is."""
    before = found.scenarios[found.first].label
    told = [
        f"{found.scenarios[key].label}, against {before}: of {_count(found.totals[key]['demand'])} "
        f"{found.demand_label}, {_count(found.totals[key]['gain'])} gain, {_count(found.totals[key]['lose'])} lose "
        f"and {_count(found.totals[key]['same'])} are as well off."
        for key in found.others
    ]
    rule = f"A change of up to {found.tolerance:g} counts as none, a hub near by being 1."
    return " ".join([*told, rule])


def comparison_html(found: Comparison) -> str:
    """Write the sentence, the totals, a chart of gains and losses by group, and the largest losses."""
    parts = [f"<p>{safe(summary(found))}</p>", _totals(found)]
    parts += [drawn.to_html(table=False) for key in found.others if (drawn := chart(found, key))]
    return "".join([*parts, *(_losses(found, key) for key in found.others)])


def _totals(found: Comparison) -> str:
    rows = [
        [words, *(_figure(found.totals[key].get(name), unit) for key in found.scenarios)]
        for name, (words, unit) in _TOTALS.items()
    ]
    heads = ["", *(s.label for s in found.scenarios.values())]
    return _table(f"Of {_count(found.totals[found.first]['demand'])} {found.demand_label}", heads, rows)


def chart(found: Comparison, key: str) -> Chart | None:
    """Draw the share of each group that gains, and that loses; groups of many parts stand in the tables alone.

    Parameters
    ----------
    found
        The comparison.
    key
        Of the scenario that is set against the first.
    """
    shown = found.groups[found.groups["demand"] > 0]
    shown = shown[shown.groupby("kind")["group"].transform("size").between(2, _PARTS)]
    if shown.empty:
        return None
    twice = shown["group"].duplicated(keep=False)
    label = shown["group"].where(~twice, shown["group"] + " (" + shown["kind"] + ")")
    ways = [("gain", 1.0), *([("lose", -1.0)] if (shown[f"lose_{key}"] != 0).any() else [])]
    bars = [
        pd.DataFrame({"label": label, "value": sign * 100.0 * shown[f"{way}_{key}"] / shown["demand"], "series": way})
        for way, sign in ways
    ]
    nobody = "" if len(ways) > 1 else ", and nobody loses"
    title = f"{found.scenarios[key].label}: how much better off each group is{nobody}"
    table = pd.concat(bars).sort_index(kind="stable")
    return charts.bars(table, title=title, unit="%", label_label="Families")


def _losses(found: Comparison, key: str) -> str:
    mine = found.losses[found.losses["scenario"] == key]
    label = found.scenarios[key].label
    if mine.empty:
        return f"<p>{safe(label)}: nobody loses.</p>"
    rows = [
        [r["zone_name"], _count(r["families"]), *(_had(r[f"{when}_offer"], r[f"{when}_site"]) for when in _WHEN)]
        for r in mine.head(_ROWS).to_dict("records")
    ]
    shown = f"{label}: the {'largest ' if len(mine) > _ROWS else ''}losses (of {len(mine):,})"
    return _table(shown, ["Neighbourhood", found.demand_label, "Had", "Would get"], rows)


_WHEN = ("before", "after")


def _had(offer: Any, site: Any) -> str:
    return "online only" if pd.isna(site) else f"{offer} at {site}"


def _count(value: float) -> str:
    return number(value, 0 if value >= 9.95 or value == round(value) else 1)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return _UNKNOWN if math.isnan(value) else f"{number(value, 1) if unit else _count(value)}{unit}"


def _table(caption: str, heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{safe(h)}</th>' for h in heads)
    body = "".join(
        f'<tr><th scope="row">{safe(row[0])}</th>'
        + "".join(f'<td style="text-align:right">{safe(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><caption>{safe(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
