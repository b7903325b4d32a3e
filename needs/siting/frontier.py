"""Say how much need is met, and how far families travel, for each number of sites and each budget."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from needs.assessment.plan import COSTS
from needs.charts import Chart, lines
from needs.charts.words import listing
from needs.errors import Faults, InfeasibleError
from needs.location.model import Model
from needs.location.solve import Solution, solve
from needs.location.values import Bools, Floats
from needs.siting.alternatives import spent
from needs.siting.case import Case
from needs.siting.places import Offered
from needs.siting.words import count

_SAME = 1e-9  # relative: below this two figures are equal
_SHOWN = 0.05  # points of need met: what shows at one decimal
_FAR = 0.95  # share of families whose journeys the long one is not shorter than
WORDS = {
    "max_hubs": "hub{}",
    "max_outreach": "outreach site{}",
    "opening_budget_gbp": "pound{} to open sites",
    "yearly_budget_gbp": "pound{} a year",
    "staff_days": "staff day{} a week",
}
_OFFER = {"max_hubs": "hub", "max_outreach": "outreach"}
_NTH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True)
class Frontier:
    """The best plan for each value of a limit, the other limits as they are.

    Plans are chosen as the recommended one is, the presumption against closure included, and their need met is told
    without it. A plan for a lower limit is begun from for the next, so what plans are chosen by (`objective`) never
    falls; need met may fall by a little where one place more lets a site that exists stay.

    Attributes
    ----------
    table
        One row a value: limit (the setting that changes: max_hubs, max_outreach or a budget), value; objective, met
        (need-weighted families), met_pct (of all need); gain_pct (points of need met that it has over the row
        before), gain_per_one (that, for each one more of what is limited); hub_pct, outreach_pct, none_pct (families
        within reach of a hub, of outreach beyond the hubs, of neither, those beyond a standard in part: they add up
        to 100; where sites can be full, families with a place there), turned_away_pct (of none_pct: full sites have
        no place for them); p95_min and farthest_min (minutes to the nearest site that is open, a neighbour's included,
        within which 95 % and all of the families lie that have minutes); without_pct (families without); hubs, outreach
        (how many are open), hub_names, outreach_names (which: their names, by site_id, with "; " between them); asked
        (whether the value is the settings'); opening_gbp, yearly_gbp, staff_days (NaN where not known); offers (dict
        by site_id, None where no plan is possible); status (as of a proof, or "impossible"), gap; knee. Sorted by
        limit, in the order of `WORDS`, then by value.
    names
        Of the sites, by site_id.
    """

    table: pd.DataFrame
    names: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def knee(self) -> dict[str, float]:
        """Value at the knee of each limit's curve; a curve that has no knee is left out.

        The knee is the point farthest above the chord from the curve's first point to its last, both axes scaled to
        the curve's extent; of equals the first (Satopaa et al. 2011, doi:10.1109/ICDCSW.2011.20). The curve begins
        with the first plan that opens anything, and ends with the first that meets as much need as any: without hubs
        nothing runs, which would put every knee at one hub, and a flat end would move it.
        """
        found = self.table[self.table["knee"]]
        return dict(zip(found["limit"], found["value"], strict=True))

    def sentences(self) -> list[str]:
        """Say in plain English what each limit buys: from the first plan to the last, and where more adds little."""
        return [
            sentence
            for limit, curve in self.table.groupby("limit", sort=False)
            for sentence in _told(WORDS[str(limit)], curve.to_dict("records"), self.names)
        ]


def _told(word: str, curve: list[dict[Any, Any]], names: Mapping[str, str]) -> Iterator[str]:
    """Say what a limit buys."""
    rows = [row for row in curve if row["status"] != "impossible"]
    if len(rows) < len(curve):
        most = max(row["value"] for row in curve if row["status"] == "impossible")
        yield f"No plan keeps to the rules with at most {_much(most, word)}"
    if not rows:
        return
    if all(math.isnan(row["met_pct"]) for row in rows):
        yield f"Nobody is counted here, so that more {word.format('s')} change nothing"
        return
    said = [f"with at most {_much(row['value'], word)} {row['met_pct']:.1f} % of need is met" for row in rows]
    yield _sentence(said[0]) + (f", {said[-1]}" if len(rows) > 1 else "")
    for before, knee, after, words in zip(rows, rows[1:], rows[2:], said[1:], strict=False):
        if knee["knee"]:
            yield (
                f"{_sentence(words)}, and from there on more adds less: the step from {_figure(before['value'])} adds "
                f"{_points(knee['gain_pct'])}, the step to {_figure(after['value'])} {_points(after['gain_pct'])}"
            )
    asked, bend = (next((row for row in rows if row[c]), None) for c in ("asked", "knee"))
    if asked and bend and asked["value"] > bend["value"]:
        more, gained = asked["value"] - bend["value"], asked["met_pct"] - bend["met_pct"]
        yield f"The last {_much(more, word)} of what was asked for {'adds' if more == 1 else 'add'} {_points(gained)}"
    for before, after in pairwise(rows):
        if before["asked"] and before["limit"] in _OFFER:
            yield _one_more(before, after, names)
    gaps = [row["gap"] for row in rows if row["status"] != "optimal"]
    if gaps:
        widest = f"the widest gap is {100 * max(gaps):.2g} %" if math.isfinite(max(gaps)) else "some have no bound"
        yield f"{len(gaps)} of {len(rows)} points are not proven to be the best: {widest}"


def _one_more(now: dict[Any, Any], more: dict[Any, Any], names: Mapping[str, str]) -> str:
    """Say what the next step beyond the settings' limit on hubs or on outreach adds, and where."""
    offer = _OFFER[more["limit"]]
    had, has = ({s for s, o in row["offers"].items() if o == offer} for row in (now, more))
    new, gone = ([names.get(s, s) for s in sorted(sites)] for sites in (has - had, had - has))
    if more["value"] == now["value"] + 1 and more["value"] <= len(_NTH):
        what = f"A {_NTH[int(more['value']) - 1]} {WORDS[more['limit']].format('')}"
    else:
        what = f"{_much(more['value'], WORDS[more['limit']])} instead of {_figure(now['value'])}"
    if more["gain_pct"] < _SHOWN:
        return f"{what} would add nothing, or next to nothing"
    moved = f", and none at {listing(gone)}" if gone else ""
    return f"{what} would add {_points(more['gain_pct'])}{f', at {listing(new)}' if new else ''}{moved}"


def frontier(
    case: Case,
    *,
    hubs: Sequence[int] = (),
    outreach: Sequence[int] = (),
    budgets: Mapping[str, Sequence[float]] | None = None,
) -> Frontier:
    """Solve a case for each number of hubs, each number of outreach sites and each budget, one limit at a time.

    Parameters
    ----------
    case
        The tables and their model.
    hubs, outreach
        Numbers to take for max_hubs and max_outreach.
    budgets
        By name of a budget that the settings set (opening_budget_gbp, yearly_budget_gbp, staff_days): amounts.

    Raises
    ------
    InputError
        If a number is below 0, or a budget is not set.
    InfeasibleError
        If no value of a limit allows a plan: what clashes for the greatest.
    """
    asked: dict[str, Sequence[float]] = {"max_hubs": hubs, "max_outreach": outreach, **(budgets or {})}
    model = case.presuming()
    _check(asked, model)
    rows = [row for limit in WORDS for row in _curve(case, model, limit, sorted(set(asked.get(limit, ()))))]
    names = dict(zip(case.sites["site_id"], case.sites["name"], strict=True))
    return Frontier(pd.DataFrame(rows, columns=list(_BLANK)), names)


def words(limit: str, value: float) -> str:
    """Say how much of what a limit counts, such as "2 hubs"."""
    return _much(value, WORDS[limit])


def chart(found: Frontier, limit: str, *, title: str) -> Chart:
    """Draw need met against a limit, the knee marked.

    Parameters
    ----------
    found
        The frontier.
    limit
        Whose curve: a value of its table's `limit`.
    title
        What the chart says.
    """
    curve = found.table[found.table["limit"] == limit]
    word = WORDS[limit]
    mark = [
        f"{_much(v, word)}: more adds less" if knee else ""
        for v, knee in zip(curve["value"], curve["knee"], strict=True)
    ]
    table = pd.DataFrame({"x": curve["value"].to_numpy(float), "y": curve["met_pct"].to_numpy(float), "mark": mark})
    return lines(
        table,
        title=title,
        x_label=_sentence(word.format("s")) + ", at most",
        y_label="Need met",
        y_unit="%",
        zero=False,
    )


_BLANK: dict[str, Any] = {
    "limit": "",
    "value": np.nan,
    **dict.fromkeys(("objective", "met", "met_pct", "gain_pct", "gain_per_one"), np.nan),
    **dict.fromkeys(
        ("hub_pct", "outreach_pct", "none_pct", "turned_away_pct", "p95_min", "farthest_min", "without_pct"), np.nan
    ),
    **dict.fromkeys(("hubs", "outreach", *COSTS), np.nan),
    **dict.fromkeys(("hub_names", "outreach_names"), ""),
    "asked": False,
    "offers": None,
    "status": "impossible",
    "gap": np.nan,
    "knee": False,
}


def _curve(case: Case, model: Model, limit: str, values: list[float]) -> list[dict[str, Any]]:
    """Solve for each value of a limit, rising, each begun from the plan before."""
    rows: list[dict[str, Any]] = []
    start: Bools | None = None
    clash: InfeasibleError | None = None
    had = Offered.by(case, case.today).reach(case.points, case.families(case.today)).value
    for value in values:
        row = _BLANK | {"limit": limit, "value": value, "asked": value == getattr(case.settings, limit)}
        try:
            asked = case.settings
            limited = _limited(case, model, limit, value)
            found = solve(limited, time_limit_s=asked.time_limit_s, gap=asked.gap, start=start)
        except InfeasibleError as error:
            clash = error
        else:
            start = found.opened
            row |= _figures(case, found, had)
        if rows:
            row["gain_pct"] = row["met_pct"] - rows[-1]["met_pct"]
            row["gain_per_one"] = row["gain_pct"] / (value - rows[-1]["value"])
        rows.append(row)
    if clash is not None and start is None:
        raise clash
    running = [row for row in rows if row["hubs"] + row["outreach"] > 0]
    at = _knee(np.array([r["value"] for r in running]), np.array([r["met_pct"] for r in running]))
    if at is not None:
        running[at]["knee"] = True
    return rows


def _limited(case: Case, model: Model, limit: str, value: float) -> Model:
    """State the model with another value of a limit."""
    # A limit of the model may be less than its setting: what closing all costs stands on the other side.
    shift = value - getattr(case.settings, limit)
    limits = tuple(replace(m, most=m.most + shift) if m.name == limit else m for m in model.rules.limits)
    return replace(model, rules=replace(model.rules, limits=limits))


def _figures(case: Case, found: Solution, had: Floats) -> dict[str, Any]:
    demand, need = case.points["demand"].to_numpy(float), math.fsum(case.points["weight"])
    families = math.fsum(demand)
    opened = found.opened | (case.today & np.repeat(~case.sites["ours"].to_numpy(bool), 2))
    reach = Offered.by(case, opened).reach(case.points, case.families(opened), had)
    minutes = case.minutes[:, opened.reshape(-1, 2).any(axis=1)].min(axis=1, initial=np.inf)
    p95, farthest = _journeys(minutes, demand)
    met = case.model.objective(found.opened)
    names = case.sites["name"].to_numpy()

    def share(each: Floats) -> float:
        return 100.0 * math.fsum(demand * each) / families if families > 0 else np.nan

    return {
        "objective": found.proof.objective,
        "met": met,
        "met_pct": 100.0 * met / need if need > 0 else np.nan,
        "hub_pct": share(reach.hub),
        "outreach_pct": share(reach.reached - reach.hub),
        "none_pct": share(1.0 - reach.reached),
        "turned_away_pct": share(reach.away),
        "p95_min": p95,
        "farthest_min": farthest,
        "without_pct": share(np.isinf(minutes).astype(float)),
        "hubs": int(found.opened[::2].sum()),
        "outreach": int(found.opened[1::2].sum()),
        **{f"{name}_names": "; ".join(names[found.opened[k::2]]) for k, name in enumerate(("hub", "outreach"))},
        **spent(case, found.opened),
        "offers": dict(zip(case.sites["site_id"], case.offers(found.opened), strict=True)),
        "status": found.proof.status,
        "gap": found.proof.gap,
    }


def _journeys(minutes: Floats, demand: Floats) -> tuple[float, float]:
    """Minutes within which 95 % of the families that have minutes lie, and all; NaN where none has."""
    known = np.isfinite(minutes) & (demand > 0)
    if not known.any():
        return np.nan, np.nan
    order = np.argsort(minutes[known], kind="stable")
    sorted_min, within = minutes[known][order], np.cumsum(demand[known][order])
    at = int(np.searchsorted(within, _FAR * within[-1] * (1.0 - _SAME)))
    return float(sorted_min[at]), float(sorted_min[-1])


def _knee(values: Floats, met: Floats) -> int | None:
    """Point farthest above the chord from the first point to the first of the highest; None if none lies above it."""
    if not len(met) or not met.max() - met[0] > _SAME * met.max():
        return None
    end = int(np.argmax(met >= met.max() * (1.0 - _SAME))) + 1
    x, y = values[:end], met[:end]
    above = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    return int(np.argmax(above >= above.max() - _SAME)) if above.max() > _SAME else None


def _check(asked: Mapping[str, Sequence[float]], model: Model) -> None:
    faults = Faults()
    limits = {limit.name for limit in model.rules.limits}
    for name, values in asked.items():
        if name not in WORDS:
            faults.add("frontier", f"there is no limit {name!r}", f"use one of {', '.join(WORDS)}")
        elif name not in limits:
            faults.add("frontier", f"the settings set no {name}", "set it, so that its costs are known and checked")
        wrong = [v for v in values if not (math.isfinite(v) and v >= 0)]
        if wrong:
            faults.add(f"frontier, {name}", f"has {wrong[0]:g}", "give numbers of 0 or more")
    faults.raise_if_any()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _much(value: float, word: str) -> str:
    """Say how many, in the singular where it is one."""
    return f"{_figure(value)} {word.format('' if value == 1 else 's')}"


def _points(value: float) -> str:
    return f"{'-' if value < 0 else ''}{count(abs(value), 'point')}"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]
