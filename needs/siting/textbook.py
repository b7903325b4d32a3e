"""Put a council's case through the classical models, and set their sites beside a plan's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from needs.errors import Faults, InputError, fail
from needs.location import classical
from needs.location.rules import Bools
from needs.siting.case import Case
from needs.siting.plan import Plan
from needs.siting.tables import html

_MODELS: dict[str, Callable[..., classical.Result]] = {
    "p-median": classical.p_median,
    "p-center": classical.p_center,
    "LSCP": classical.lscp,
    "MCLP": classical.mclp,
    "backup": classical.backup,
}


@dataclass(frozen=True)
class Textbook:
    """A classical model's answer by site.

    Attributes
    ----------
    result
        As `needs.location.classical` gives it.
    sites
        One row a site of ours that may be a hub, by site_id: site_id, name, open, points, weight (points, and
        need-weighted families, whose nearest open site within reach it is).
    """

    result: classical.Result
    sites: pd.DataFrame

    def _repr_html_(self) -> str:
        shown = self.sites[self.sites["open"]]
        headings = {"name": "Site", "points": "Places served", "weight": "Need-weighted families"}
        return html(shown, headings, title=self.result.summary)


def solve(case: Case, model: str, **asked: Any) -> Textbook:
    """Solve a classical model on a case: its families weighted by need, their minutes, and sites that may be hubs.

    Parameters
    ----------
    case
        With minutes.
    model
        "p-median", "p-center", "LSCP", "MCLP" or "backup".
    asked
        What the model asks for: p, radius or cutoff (minutes), as in `needs.location.classical`. Sites that must be
        hubs are forced.

    Raises
    ------
    InputError
        If there are no minutes or no such model, and with every fault of what is asked.
    InfeasibleError
        As the model.
    """
    faults = Faults()
    if model not in _MODELS:
        faults.add("model", f"it is {model!r}", f"give one of {', '.join(_MODELS)}")
    if not np.isfinite(case.minutes).any():
        faults.add("case", "there are no minutes", "make the plan with minutes from each point to each site")
    faults.raise_if_any()
    able = _able(case)
    minutes = np.where(np.isfinite(case.minutes), case.minutes, np.nan)[:, able]
    weights = case.points["weight"].to_numpy(float)
    forced = (case.sites["must"] == "hub").to_numpy()[able]
    result = _MODELS[model](minutes, weights=weights, forced=forced, **asked)
    served = result.served[result.served >= 0]
    table = case.sites.loc[able, ["site_id", "name"]].assign(
        open=result.opened,
        points=np.bincount(served, minlength=len(result.opened)),
        weight=np.bincount(served, weights[result.served >= 0], minlength=len(result.opened)),
    )
    return Textbook(result, table.reset_index(drop=True))


def _able(case: Case) -> Bools:
    """Sites that may be a hub."""
    able: Bools = ~case.model.rules.closed[::2]
    return able


@dataclass(frozen=True)
class SideBySide:
    """A plan beside answers of classical models.

    Attributes
    ----------
    sites
        One row a site that any of them opens, by site_id: site_id, name, `plan` (hub or outreach), and a column an
        answer: hub where it is open.
    measures
        Index as these columns: hubs, outreach, need_met_pct (by the plan's own measure, neighbours' sites included),
        mean_min (need-weighted, to the nearest hub of ours, over families that some hub reaches), within_pct (of need,
        within the radius of such a hub).
    radius_min
        That radius.
    """

    sites: pd.DataFrame
    measures: pd.DataFrame
    radius_min: float

    def _repr_html_(self) -> str:
        others = [c for c in self.sites.columns if c not in {"site_id", "name", "plan"}]
        heads = {"hubs": "Hubs", "outreach": "Outreach", "need_met_pct": "Need met (%)", "mean_min": "Mean minutes"}
        heads |= {"within_pct": f"Within {self.radius_min:g} minutes (%)"}
        return html(self.sites, {"name": "Site", "plan": "The plan"} | {c: c for c in others}, title="Sites") + html(
            self.measures.reset_index(names="answer"), {"answer": "Answer"} | heads, title="Measures"
        )


def side_by_side(plan: Plan, answers: Mapping[str, Textbook], *, radius_min: float) -> SideBySide:
    """Set answers of classical models, solved on the plan's case, beside the plan, each by every measure.

    Raises
    ------
    InputError
        If an answer is about other sites than the plan.
    """
    case, able = plan.case, _able(plan.case)
    opened = {"plan": plan.solution.opened}
    for label, answer in answers.items():
        if answer.sites["site_id"].to_list() != case.sites.loc[able, "site_id"].to_list():
            fail(InputError, f"answer '{label}'", "is about other sites than the plan", "solve it on the plan's case")
        hubs = np.zeros(len(able), bool)
        hubs[able] = answer.result.opened
        opened[label] = np.column_stack([hubs, np.zeros(len(able), bool)]).ravel()
    sites = case.sites[["site_id", "name"]].assign(
        **{
            label: np.where(choices[::2], "hub", np.where(choices[1::2], "outreach", ""))
            for label, choices in opened.items()
        }
    )
    some = np.any([choices.reshape(-1, 2).any(axis=1) for choices in opened.values()], axis=0)
    measures = pd.DataFrame({label: _measures(case, choices, radius_min) for label, choices in opened.items()}).T
    return SideBySide(sites[some].reset_index(drop=True), measures, radius_min)


def _measures(case: Case, opened: Bools, radius_min: float) -> dict[str, float]:
    weights = case.points["weight"].to_numpy(float)
    need = math.fsum(weights)
    away = case.minutes[:, opened[::2]].min(axis=1, initial=np.inf)
    reached = np.isfinite(away)
    weight = math.fsum(weights[reached])
    return {
        "hubs": float(opened[::2].sum()),
        "outreach": float(opened[1::2].sum()),
        "need_met_pct": 100 * case.model.objective(opened) / need if need > 0 else math.nan,
        "mean_min": math.fsum(weights[reached] * away[reached]) / weight if weight > 0 else math.nan,
        "within_pct": 100 * math.fsum(weights[away <= radius_min]) / need if need > 0 else math.nan,
    }
