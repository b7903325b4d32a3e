"""Say in plain English why a site was chosen or closed, with the figures behind each sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from needs.charts.words import listing
from needs.location.rules import Bools, Floats, Ints
from needs.siting.case import Case
from needs.siting.words import A, count, share

_SAME = 1e-9  # relative to all need: below this two choices do equally well
_NEED = "need-weighted family"
_SHOWN = 3  # sites named one by one
_EXCLUDED = {"closed": "The settings say that it must be closed"}
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
    tell = {
        "keep": story.chosen,
        "convert": story.chosen,
        "open": story.chosen,
        "close": story.closed,
        "none": story.rejected,
    }
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
        self.neighbours = case.today & np.repeat(~case.sites["ours"].to_numpy(bool), 2)
        worths = case.worths
        self.best = _best_choice(worths, opened | self.neighbours, case.minutes)
        self.best_today = _best_choice(worths, case.today, case.minutes)

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
        sentences = [self._origin(s, is_hub), *self._reach(within, reached), *self._alone(c, within)]
        run = [o for o in np.flatnonzero(self.opened[1::2]).tolist() if self._parent(o)[0] == s]
        if is_hub:
            if run:
                sentences.append(f"Runs the outreach at {listing([self.names[o] for o in run])}")
        else:
            hub, minutes = self._parent(s)
            row |= {"parent_hub_id": self.ids[hub], "parent_min": minutes}
            sentences.append(f"Run from {self.names[hub]}, {count(round(minutes), 'minute')} by car")
        sentences.append(self._loss_words(lost))
        other, rise = self._next_best(c)
        if other is not None:
            row |= {"next_best_site_id": self.ids[other], "next_best_unmet": rise}
            instead = " as a hub, no longer as outreach" if self.opened[2 * other : 2 * other + 2].any() else ""
            words = self._rise_words(rise, self.case.keep_worth(s, hub=is_hub))
            sentences.append(f"In its place the best would be {self.names[other]}{instead}, {words}")
        elif self.case.sites["must"][s]:
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
        sentences = [f"Keeping it as well would leave {count(saved, _NEED)} fewer unmet"]
        if served.any():
            sentences.append(self._where_next(served, self.case.covers[:, c]))
        else:
            sentences.append("Even today another site is as good or better for every family")
        return {"reasons": sentences}

    def rejected(self, s: int) -> dict[str, Any]:
        """Reasons of a site that offers nothing today and nothing in the plan."""
        able = [c for c in (2 * s, 2 * s + 1) if not self.model.rules.closed[c]]
        if not able:
            return {
                "reasons": [_EXCLUDED.get(str(self.case.sites["must"].iloc[s]), "It may be neither hub nor outreach")]
            }
        gains = {c: self._gain(c) for c in able}
        c = max(able, key=lambda c: (gains[c], -c))  # of equals a hub
        within = self.demand * self.case.covers[:, c]
        if not within.any():
            return {"reasons": ["It would reach no family within the standards"]}
        offer = A["hub" if c % 2 == 0 else "outreach"]
        everyone = math.fsum(self.demand)
        sentences = [f"As {offer} it would cover {count(math.fsum(within))} of {count(everyone)} {self.label}"]
        sentences += self._alone(c, within, would=True)
        if gains[c] <= _SAME * self.need:
            return {"reasons": [*sentences, "The plan serves all of them as well or better without it"]}
        sentences.append(f"With it as well, {count(gains[c], _NEED)} fewer would go unmet: {self._bar(c)}")
        out, rise = self._best_exchange(c)
        if out is not None:
            words = self._rise_words(rise, self.case.keep_worth(out, hub=bool(self.opened[2 * out])))
            sentences.append(f"It would best take the place of {self.names[out]}, {words}")
        return {"reasons": sentences}

    def _gain(self, c: int) -> float:
        """Need met more if a choice opened besides, whatever the limits."""
        more = self.opened.copy()
        more[c] = True
        return max(0.0, self.model.objective(more) - self.met)

    def _bar(self, c: int) -> str:
        """Say what keeps a choice from opening besides."""
        rules = self.model.rules
        more = self.opened.copy()
        more[c] = True
        full = [limit.name for limit in rules.limits if limit.amounts[c] > 0 and not limit.met(more)]
        if full:
            return f"{listing(full)} {'does' if len(full) == 1 else 'do'} not allow it"
        if not rules.hung(more):
            return f"no hub of the plan lies within {self.case.settings.parent_limit_min:g} minutes of it by car"
        if any(c in group and more[group].sum() > 1 for group in rules.apart):
            return "it lies too near to a hub of the plan"
        return "other plans do better"

    def _best_exchange(self, c: int) -> tuple[int | None, float]:
        """Site whose place a choice would take at least cost, and the rise in unmet need."""
        found: tuple[int | None, float] = (None, np.nan)
        for out in np.flatnonzero(self.opened).tolist():
            swap = self.opened.copy()
            swap[out] = False
            swap[c] = True
            if self.model.feasible(swap):
                rise = self.met - self.model.objective(swap)
                if found[0] is None or rise < found[1] - _SAME * self.need:
                    found = (out // 2, rise)
        return found

    def _alone(self, c: int, within: Floats, *, would: bool = False) -> list[str]:
        """Say how many of those that a choice covers nobody else of the plan does."""
        others = self.opened | self.neighbours
        others[[c, c ^ 1]] = False
        covered = self.case.covers[:, others].max(axis=1, initial=0.0)
        alone = math.fsum(np.maximum(within - self.demand * covered, 0.0))
        if alone <= _SAME * math.fsum(within):
            return [f"Other sites of the plan cover all of these{'' if would else ' too'}"]
        return [f"Of these, {count(alone)} are covered by no {'' if would else 'other '}site of the plan"]

    def _origin(self, s: int, is_hub: bool) -> str:
        offer = A["hub" if is_hub else "outreach"]
        today = self.case.sites["today"][s]
        if today == "none":
            return f"Offers nothing today: opens as {offer}"
        was = A[today]
        return (
            f"Stays what it is today, {offer}"
            if was == offer
            else f"Already {was}: becomes {offer}, converted, not built"
        )

    def _reach(self, within: Floats, reached: float) -> list[str]:
        total, everyone = math.fsum(within), math.fsum(self.demand)
        text = f"Covers {count(total)} of {count(everyone)} {self.label}"
        text += f" ({share(total, everyone)})" if everyone > 0 else ""
        text += ", those beyond the standard in part"
        worst = self.case.points["fifth_england"] == 1 if "fifth_england" in self.case.points else None
        if worst is not None and self.demand[worst].any():
            text += f"; {count(math.fsum(within[worst]))} of them in the fifth of England with the highest need"
        return [text, f"The best or nearest choice for {count(reached)} of them"]

    def _loss_words(self, lost: float) -> str:
        unmet = self.need - self.met
        digits = 1 if lost < 10 else 0
        more, now = f"{unmet + lost:,.{digits}f}", f"{unmet:,.{digits}f}"
        if more == now:
            return f"Without it unmet need would hardly rise: by {count(lost, _NEED)}"
        return f"Without it {more} instead of {now} need-weighted families would go unmet"

    def _rise_words(self, rise: float, worth: float) -> str:
        if abs(rise) <= _SAME * self.need:
            return "which would do as well"
        words = f"which would leave {count(abs(rise), _NEED)} {'more' if rise > 0 else 'fewer'} unmet"
        if rise < 0 and worth > 0:
            words += f"; closing a site that exists must save {count(worth)}, so it stays"
        return words

    def _parent(self, outreach: int) -> tuple[int, float]:
        """Nearest open hub of an open outreach, the first by site_id of equals, and the minutes."""
        able = self.case.near[outreach] & self.opened[::2]
        minutes = np.where(able, self.case.parent_min[outreach], np.inf)
        hub = int(np.argmin(minutes))
        return hub, float(minutes[hub])

    def _next_best(self, c: int) -> tuple[int | None, float]:
        """Site that would take the place of a choice at least cost, and the rise in unmet need."""
        swaps: dict[int, tuple[float, Bools]] = {}
        for other in range(c % 2, len(self.opened), 2):
            swap = self.opened.copy()
            swap[[c, other ^ 1]] = False  # an outreach that becomes the hub ends as outreach
            swap[other] = True
            if not self.opened[other] and self.model.feasible(swap):
                swaps[other] = self.model.most(swap), swap
        if not swaps:
            return None, np.nan
        # Those that can get the most are evaluated first: with capacities evaluation is long.
        known: dict[int, float] = {}
        for other, (at_most, swap) in sorted(swaps.items(), key=lambda item: -item[1][0]):
            if known and at_most < max(known.values()) - _SAME * self.need:
                break
            known[other] = self.model.objective(swap)
        most = max(known.values())
        # Equal but for rounding is equal: the first by site_id.
        first = min(other for other, met in known.items() if met >= most - _SAME * self.need)
        return first // 2, self.met - known[first]

    def _where_next(self, served: Floats, cover: Floats) -> str:
        """Who serves next the families that a closed site serves best today; `cover` is what it gives them."""
        now = np.where(self.best >= 0, self.case.covers[np.arange(len(self.best)), self.best], 0.0)
        moved = served * np.divide(np.minimum(now, cover), cover, out=np.zeros_like(cover), where=cover > 0)
        takers = np.unique(self.best[moved > 0] // 2).tolist()
        flows = sorted((-math.fsum(moved[self.best // 2 == t]), t) for t in takers)
        parts = [f"{count(-families)} go next to {self.names[t]}" for families, t in flows[:_SHOWN]]
        if len(flows) > _SHOWN:
            parts.append(f"{count(-math.fsum(f for f, _ in flows[_SHOWN:]))} to other sites")
        total = math.fsum(served)
        left = total - math.fsum(moved)
        if left > _SAME * total:
            parts.append(f"{count(left)} are left outside every standard")
        return f"Of the {count(total)} {self.label} that it serves best today, {listing(parts)}"


def _best_choice(values: Floats, opened: Bools, minutes: Floats) -> Ints:
    """Open choice that gives each row the most, of equals the nearest, then the first; -1 for none; shape (rows,)."""
    choices = np.flatnonzero(opened)
    if not len(choices):
        return np.full(len(values), -1)
    mine = values[:, choices]
    most = mine.max(axis=1)
    known = np.minimum(minutes[:, choices // 2], np.finfo(float).max)  # out of reach: still before what is not equal
    away = np.where(mine >= most[:, None] - _SAME, known, np.inf)
    return np.where(most > 0, choices[away.argmin(axis=1)], -1)
