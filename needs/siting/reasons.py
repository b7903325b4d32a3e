"""Say in plain English why a site was chosen or closed, with the figures behind each sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from needs.siting.case import Case
from needs.siting.model import Bools, Floats, Ints

_SAME = 1e-9  # relative to all need: below this two choices do equally well
_OFFER_WORDS = {"hub": "a hub", "outreach": "an outreach site"}
_BLANK: dict[str, Any] = {
    "parent_hub_id": None,
    "parent_min": np.nan,
    "families_reached": np.nan,
    "families_within": np.nan,
    "unmet_if_lost": np.nan,
    "next_best_site_id": None,
    "next_best_unmet": np.nan,
    "reasons": None,
}


def explain(case: Case, opened: Bools, statuses: list[str], *, demand_label: str) -> pd.DataFrame:
    """Give parents, figures and reasons for every site of a plan.

    Parameters
    ----------
    case
        The plan's tables and model.
    opened
        Open choices; shape (2 x sites,).
    statuses
        Of the sites, in the case's order.
    demand_label
        What a family counted is called.

    Returns
    -------
    pandas.DataFrame
        In the order of the case's sites: the columns from parent_hub_id on that `plan.Plan` describes.
    """
    story = _Story(case, opened, demand_label)
    tell = {"keep": story.chosen, "convert": story.chosen, "open": story.chosen, "close": story.closed}
    rows = [_BLANK | (tell[status](s) if status in tell else {"reasons": []}) for s, status in enumerate(statuses)]
    table = pd.DataFrame(rows, columns=list(_BLANK))
    return table.astype({name: "str" if name.endswith("_id") else float for name in _BLANK if name != "reasons"})


class _Story:
    """One plan, and what is asked about each of its sites."""

    def __init__(self, case: Case, opened: Bools, demand_label: str) -> None:
        self.case, self.model, self.opened, self.label = case, case.model, opened, demand_label
        self.ids, self.names = case.sites["site_id"].to_list(), case.sites["name"].to_list()
        self.demand = case.points["demand"].to_numpy(float)
        self.met = self.model.objective(opened)
        self.need = math.fsum(case.points["weight"])
        neighbours = case.today & np.repeat(~case.sites["ours"].to_numpy(bool), 2)
        self.best = _best_choice(self.model.values, opened | neighbours)
        self.best_today = _best_choice(self.model.values, case.today)

    def chosen(self, s: int) -> dict[str, Any]:
        """Figures and reasons of a site that is hub or outreach."""
        c = int(np.flatnonzero(self.opened[2 * s : 2 * s + 2])[0]) + 2 * s
        is_hub = c % 2 == 0
        within = self.demand * self.case.covers[:, c]
        reached = math.fsum(within[self.best == c])
        without = self.opened.copy()
        without[c] = False
        lost = max(0.0, self.met - self.model.objective(without))
        row = {"families_reached": reached, "families_within": math.fsum(within), "unmet_if_lost": lost}
        sentences = [self._origin(s, is_hub), *self._reach(within, reached)]
        run = [o for o in np.flatnonzero(self.opened[1::2]).tolist() if self._parent(o)[0] == s]
        if is_hub:
            if run:
                sentences.append(f"Runs the outreach at {_listed([self.names[o] for o in run])}")
        else:
            hub, minutes = self._parent(s)
            row |= {"parent_hub_id": self.ids[hub], "parent_min": minutes}
            sentences.append(f"Run from {self.names[hub]}, {minutes:.0f} minutes by car")
        sentences.append(f"Without it unmet need would rise by {self._need_words(lost)}")
        other, rise = self._next_best(c)
        if other is not None:
            row |= {"next_best_site_id": self.ids[other], "next_best_unmet": rise}
            sentences.append(f"Next best: {self.names[other]}, {self._rise_words(rise)}")
        elif self.case.sites["stays"][s]:
            sentences.append("The settings keep it open, so nothing may take its place")
        else:
            sentences.append(f"No other site could take its place{' and run its outreach' if run else ''}")
        return row | {"reasons": sentences}

    def closed(self, s: int) -> dict[str, Any]:
        """Reasons of a site that is open today and not in the plan."""
        c = 2 * s + int(self.case.today[2 * s + 1])
        kept = self.opened.copy()
        kept[c] = True
        saved = max(0.0, self.model.objective(kept) - self.met)
        served = self.demand * self.case.covers[:, c]
        served[self.best_today != c] = 0.0
        sentences = [f"Keeping it as well would lower unmet need by {self._need_words(saved)}"]
        if served.any():
            sentences.append(self._where_next(served, self.case.covers[:, c]))
        else:
            sentences.append("Even today another site is as good or better for every family")
        return {"reasons": sentences}

    def _origin(self, s: int, is_hub: bool) -> str:
        offer = _OFFER_WORDS["hub" if is_hub else "outreach"]
        today = self.case.sites["today"][s]
        if today == "none":
            return f"Offers nothing today: opens as {offer}"
        was = _OFFER_WORDS[today]
        return (
            f"Stays what it is today, {offer}"
            if was == offer
            else f"Already {was}: becomes {offer}, converted, not built"
        )

    def _reach(self, within: Floats, reached: float) -> list[str]:
        total, everyone = math.fsum(within), math.fsum(self.demand)
        text = f"Within the standard for {_count(total)} of {_count(everyone)} {self.label}"
        text += f" ({_share(total, everyone)})" if everyone > 0 else ""
        if "fifth_england" in self.case.points:
            worst = math.fsum(within[self.case.points["fifth_england"].to_numpy(float, na_value=np.nan) == 1])
            text += f", {_count(worst)} of them in the most deprived fifth of England"
        return [text, f"The best choice for {_count(reached)} of them"]

    def _need_words(self, need: float) -> str:
        unmet = self.need - self.met
        share = f" ({_share(need, unmet)})" if unmet > _SAME * self.need else ""
        return f"{_count(need)} need-weighted families{share}"

    def _rise_words(self, rise: float) -> str:
        if abs(rise) <= _SAME * self.need:
            return "which would do as well"
        return f"which would leave {_count(abs(rise))} {'more' if rise > 0 else 'fewer'} need-weighted families unmet"

    def _parent(self, outreach: int) -> tuple[int, float]:
        """Nearest open hub of an open outreach, the first by site_id of equals, and the minutes."""
        able = self.case.near[outreach] & self.opened[::2]
        minutes = np.where(able, self.case.parent_min[outreach], np.inf)
        hub = int(np.argmin(minutes))
        return hub, float(minutes[hub])

    def _next_best(self, c: int) -> tuple[int | None, float]:
        """Site that would take the place of a choice at least cost, and the rise in unmet need."""
        without = self.opened.copy()
        without[c] = False
        rest = self.model.best(without)[:, None]
        swaps = {o: without | _only(o, len(without)) for o in range(c % 2, len(without), 2) if not self.opened[o]}
        others = [o for o, swap in swaps.items() if self.model.feasible(swap)]
        if not others:
            return None, np.nan
        met = self.model.weights @ np.maximum(rest, self.model.values[:, others])
        # Equal but for rounding is equal: the first by site_id.
        first = int(np.flatnonzero(met >= met.max() - _SAME * self.need)[0])
        return others[first] // 2, self.met - self.model.objective(swaps[others[first]])

    def _where_next(self, served: Floats, cover: Floats) -> str:
        """Who serves next the families that a closed site serves best today; `cover` is what it gives them."""
        now = np.where(self.best >= 0, self.case.covers[np.arange(len(self.best)), self.best], 0.0)
        moved = served * np.divide(np.minimum(now, cover), cover, out=np.zeros_like(cover), where=cover > 0)
        takers = np.unique(self.best[moved > 0] // 2).tolist()
        flows = sorted((-math.fsum(moved[self.best // 2 == t]), t) for t in takers)
        parts = [f"{_count(-families)} go next to {self.names[t]}" for families, t in flows]
        total = math.fsum(served)
        left = total - math.fsum(moved)
        if left > _SAME * total:
            parts.append(f"{_count(left)} are left outside every standard")
        return f"Of the {_count(total)} {self.label} that it serves best today, {_listed(parts)}"


def _best_choice(values: Floats, opened: Bools) -> Ints:
    """Open choice that gives each row the most, the first of equals, -1 for none; shape (rows,)."""
    choices = np.flatnonzero(opened)
    if not len(choices):
        return np.full(len(values), -1)
    first = values[:, choices].argmax(axis=1)
    return np.where(values[np.arange(len(values)), choices[first]] > 0, choices[first], -1)


def _only(choice: int, choices: int) -> Bools:
    only: Bools = np.arange(choices) == choice
    return only


def _count(families: float) -> str:
    return "fewer than 1" if 0 < families < 0.5 else f"{families:,.0f}"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
