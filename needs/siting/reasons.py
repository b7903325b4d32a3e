"""Say in plain English why a site was chosen or closed, with the figures behind each sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from needs.charts.words import listing
from needs.location.rules import Bools, Floats, Ints
from needs.schemas import OFFERS
from needs.siting.aims import aim_of
from needs.siting.case import Case
from needs.siting.places import Offered
from needs.siting.words import MUST, A, count, limit_words, share

Merit = tuple[float, ...]

_SAME = 1e-9  # relative to all need: below this two choices do equally well
_NEED = "need-weighted family"
_PARTS = " (part cover counts in part)"
_SHOWN = 3  # sites named one by one
_NOTHING = "It may be neither hub nor outreach"
_NOBODY = "No family is within its standard"
_AS_WELL = "The plan serves all of them as well or better without it"
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
        self.need = math.fsum(case.points["weight"])
        self.aim = aim_of(case)
        self.merit = self._merit(opened)
        self.met = self.merit[-1]
        self.neighbours = case.today & np.repeat(~case.sites["ours"].to_numpy(bool), 2)
        self.open = opened | self.neighbours
        self.given_today = self._given(case.today)
        self.given = self._given(self.open, (self.given_today * case.worths).sum(axis=1))

    def _given(self, opened: Bools, before: Floats | None = None) -> Floats:
        """Part of each point's families that goes to each choice, as `plan.evaluate` has it; shape (points, choices).

        `before` is the part of their need that was met before.
        """
        case, given = self.case, np.zeros(self.case.covers.shape)
        if self.model.capacity is None:
            best = _best_choice(case.worths, opened, case.minutes)
            known = np.flatnonzero(best >= 0)
            given[known, best[known]] = 1.0
            return given
        choices = np.flatnonzero(opened)
        sites = [self.ids[c // 2] for c in choices]
        offered = Offered(sites, choices % 2 == 0, case.covers[:, choices], case.worths[:, choices])
        given[:, choices] = offered.shares(case.points, case.families(opened), before)
        return given

    def _merit(self, opened: Bools) -> Merit:
        """Give what a plan reaches of the goals that come first, in their order, and the need that it meets."""
        best = self.model.best(opened)
        return (*(goal.reached(best) for goal in self.model.first), math.fsum(self.model.weights * best))

    def chosen(self, s: int) -> dict[str, Any]:
        """Figures and reasons of a site that is hub or outreach."""
        c = int(np.flatnonzero(self.opened[2 * s : 2 * s + 2])[0]) + 2 * s
        is_hub = c % 2 == 0
        within = self.demand * self.case.covers[:, c]
        reached = math.fsum(within * self.given[:, c])
        without, hung = self._without(c)
        left = self._merit(without)
        lost = max(0.0, self.met - left[-1])
        row = {"families_reached": reached, "families_within": math.fsum(within), "unmet_if_lost": lost}
        must = str(self.case.sites["must"][s])
        sentences = [f"The settings say that it {MUST[must]}"] if must else []
        sentences.append(self._origin(s, is_hub))
        if within.any():
            sentences += [self._cover(within), *self._alone(c, within), self._reach(s, reached)]
        else:
            sentences.append(_NOBODY)
        if is_hub:
            run = [o for o in np.flatnonzero(self.opened[1::2]).tolist() if self._parent(o)[0] == s]
            if run:
                sentences.append(f"Runs the outreach at {listing([self.names[o] for o in run])}")
        else:
            hub, minutes = self._parent(s)
            row |= {"parent_hub_id": self.ids[hub], "parent_min": minutes}
            sentences.append(f"Run from {self.names[hub]}, {count(round(minutes), 'minute')} by car")
        sentences.append(self._loss_words(left, lost, hung))
        other, swap = self._next_best(c)
        if other is not None and swap is not None:
            merit = self._merit(swap)
            row |= {"next_best_site_id": self.ids[other], "next_best_unmet": self.met - merit[-1]}
            instead = " as a hub, no longer as outreach" if self.opened[2 * other : 2 * other + 2].any() else ""
            words = self._rise_words(swap, merit)
            sentences.append(
                f"In its place, all else as it is, the best would be {self.names[other]}{instead}, {words}"
            )
        elif not must:
            sentences.append(f"No other site could take its place{' and run its outreach' if is_hub and hung else ''}")
        return row | {"reasons": sentences}

    def closed(self, s: int) -> dict[str, Any]:
        """Reasons of a site that is open today and not in the plan."""
        c = 2 * s + int(self.case.today[2 * s + 1])
        first = self._excluded(s)
        if not first and self.model.rules.closed[c]:
            first = [f"It may not go on as {A[OFFERS[c % 2]]}"]
        merit = self._merit(self._with(c))
        saved = merit[-1] - self.met
        kept = "Keeping it as well would meet no more need"
        if saved > _SAME * self.need:
            kept = f"Keeping it as well would leave {count(saved, _NEED)} fewer unmet"
        kept += self._also(merit)
        sentences = [*first, kept] if first else [f"{kept}: {self._bar(c, merit)}"]
        cover = self.case.covers[:, c]
        within, served = self.demand * cover, self.demand * cover * self.given_today[:, c]
        if not within.any():
            sentences.append(_NOBODY)
        elif served.any():
            sentences.append(self._where_next(served, cover))
        elif self.model.capacity is None:
            sentences.append("Even today another site is as good or better for every family")
        else:
            sentences.append("Even today every family that it covers is served elsewhere, or finds no place")
        return {"reasons": sentences}

    def rejected(self, s: int) -> dict[str, Any]:
        """Reasons of a site that offers nothing today and nothing in the plan."""
        excluded = self._excluded(s)
        if excluded:
            return {"reasons": excluded}
        able = [c for c in (2 * s, 2 * s + 1) if not self.model.rules.closed[c]]
        merits = {c: self._merit(self._with(c)) for c in able}
        most = max(merit[-1] for merit in merits.values())
        equal = [c for c in able if merits[c][-1] >= most - _SAME * self.need]
        c = max(equal, key=lambda c: (bool(self.case.covers[self.demand > 0, c].any()), -c))  # of equals a hub
        within = self.demand * self.case.covers[:, c]
        if not within.any():
            return {"reasons": ["It would reach no family within the standards"]}
        everyone = math.fsum(self.demand)
        covered = f"{count(math.fsum(within))} of {count(everyone)} {self.label}"
        sentences = [f"As {A[OFFERS[c % 2]]} it would cover {covered}", *self._alone(c, within, would=True)]
        gain, moved = max(0.0, merits[c][-1] - self.met), self._also(merits[c])
        if gain <= _SAME * self.need and not moved:
            served = "No more need would be met with it" if self.model.capacity else _AS_WELL
            return {"reasons": [*sentences, served]}
        bar = self._bar(c, merits[c])
        sentences.append(f"With it as well, {count(gain, _NEED)} fewer would go unmet{moved}: {bar}")
        out, swap = self._best_exchange(c)
        if out is not None and swap is not None:
            words = self._rise_words(swap, self._merit(swap))
            sentences.append(f"It would best take the place of {self.names[out]}, all else as it is, {words}")
        return {"reasons": sentences}

    def _excluded(self, s: int) -> list[str]:
        """Say that the settings rule a site out altogether."""
        if self.case.sites["must"][s] == "closed":
            return [f"The settings say that it {MUST['closed']}"]
        return [_NOTHING] if self.model.rules.closed[[2 * s, 2 * s + 1]].all() else []

    def _with(self, c: int) -> Bools:
        """Add a choice to the plan, whatever the limits."""
        more = self.opened.copy()
        more[c] = True
        return more

    def _without(self, c: int) -> tuple[Bools, list[str]]:
        """Take a choice from the plan, and the outreach that no other hub of it could run; name these."""
        left, rules = self.opened.copy(), self.model.rules
        left[c] = False
        if rules.links is None:
            return left, []
        alone = left & rules.hangs & (rules.links.open_parents(left) == 0)
        return left & ~alone, [self.names[o // 2] for o in np.flatnonzero(alone).tolist()]

    def _bar(self, c: int, merit: Merit) -> str:
        """Say what keeps a choice from opening besides."""
        rules, settings, more = self.model.rules, self.case.settings, self._with(c)
        full = [
            limit_words(limit.name, settings) for limit in rules.limits if limit.amounts[c] > 0 and not limit.met(more)
        ]
        if full:
            return listing(full)
        if not rules.hung(more):
            return f"no hub of the plan lies within {settings.parent_limit_min:g} minutes of it by car"
        if any(c in group and more[group].sum() > 1 for group in rules.apart):
            return "it lies too near to a hub of the plan"
        if merit[-1] - self.met <= _SAME * self.need and not self._moved(merit):
            return "of plans that do as well the one with fewest sites is taken"
        return "the search for better plans ended before this one was looked at"

    def _best_exchange(self, c: int) -> tuple[int | None, Bools | None]:
        """Site whose place a choice would take at least cost, and the plan then."""
        swaps = {}
        for out in np.flatnonzero(self.opened).tolist():
            swap = self._with(c)
            swap[out] = False
            if self.model.feasible(swap):
                swaps[out] = swap
        return self._best(swaps)

    def _next_best(self, c: int) -> tuple[int | None, Bools | None]:
        """Site that would take the place of a choice at least cost, and the plan then."""
        swaps = {}
        for other in range(c % 2, len(self.opened), 2):
            swap = self.opened.copy()
            swap[[c, other ^ 1]] = False  # an outreach that becomes the hub ends as outreach
            swap[other] = True
            if not self.opened[other] and self.model.feasible(swap):
                swaps[other] = swap
        return self._best(swaps)

    def _best(self, swaps: dict[int, Bools]) -> tuple[int | None, Bools | None]:
        """Site of the best of some plans by the choice that makes each: goals first, of equals the first choice."""
        if not swaps:
            return None, None
        # Those that can get the most are evaluated first: with capacities evaluation is long.
        most = {c: self.model.most(swap) for c, swap in swaps.items()}
        known: dict[int, Merit] = {}
        for c in sorted(swaps, key=lambda c: -most[c]):
            if not self.model.first and known and most[c] < max(known.values())[-1] - _SAME * self.need:
                break
            known[c] = self._merit(swaps[c])
        left = sorted(known)
        for k, own in enumerate(self.merit):
            best = max(known[c][k] for c in left)
            slack = _SAME * (self.need if k == len(self.merit) - 1 else abs(own))
            left = [c for c in left if known[c][k] >= best - slack]  # equal but for rounding is equal
        return left[0] // 2, swaps[left[0]]

    def _moved(self, merit: Merit) -> str:
        """Say how what is asked first would move; nothing where it stays."""
        if self.aim is None or abs(merit[0] - self.merit[0]) <= _SAME * max(abs(self.merit[0]), _SAME):
            return ""
        return self.aim.change(self.merit[0], merit[0])

    def _also(self, merit: Merit) -> str:
        moved = self._moved(merit)
        return f", and {moved}" if moved else ""

    def _alone(self, c: int, within: Floats, *, would: bool = False) -> list[str]:
        """Say how many of those that a choice covers nobody else of the plan does."""
        others = self.open.copy()
        others[[c, c ^ 1]] = False
        covered = self.case.covers[:, others].max(axis=1, initial=0.0)
        alone = math.fsum(np.maximum(within - self.demand * covered, 0.0))
        if alone <= _SAME * math.fsum(within):
            return [f"Other sites of the plan cover all of these{'' if would else ' too'}"]
        return [f"Of these, {count(alone)} are covered by no {'' if would else 'other '}site of the plan{_PARTS}"]

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

    def _cover(self, within: Floats) -> str:
        total, everyone = math.fsum(within), math.fsum(self.demand)
        text = f"Covers {count(total)} of {count(everyone)} {self.label}"
        text += f" ({share(total, everyone)})" if everyone > 0 else ""
        text += ", those beyond the standard in part"
        worst = self.case.points["fifth_england"] == 1 if "fifth_england" in self.case.points else None
        if worst is not None and self.demand[worst].any():
            text += f"; {count(math.fsum(within[worst]))} of them in the fifth of England with the highest need"
        return text

    def _reach(self, s: int, reached: float) -> str:
        if self.model.capacity is None:
            return f"The best or nearest choice for {count(reached)} of those that it covers"
        places = self.case.families(self.opened).get(self.ids[s])
        has = "" if places is None else f"Has {count(places, 'place')}, and "
        told = f"{has}serves {count(reached)} of those that it covers"
        return f"{told[0].upper()}{told[1:]}"

    def _loss_words(self, left: Merit, lost: float, hung: list[str]) -> str:
        unmet = self.need - self.met
        digits = 1 if lost < 10 else 0
        more, now = f"{unmet + lost:,.{digits}f}", f"{unmet:,.{digits}f}"
        without = f"Without it{f', and so without the outreach at {listing(hung)}' if hung else ''}, all else as it is,"
        if lost <= _SAME * self.need:
            return f"{without} as much need would be met{self._also(left)}"
        if more == now:
            return f"{without} unmet need would hardly rise: by {count(lost, _NEED)}{self._also(left)}"
        return f"{without} {more} instead of {now} need-weighted families would go unmet{self._also(left)}"

    def _rise_words(self, swap: Bools, merit: Merit) -> str:
        """Say what another plan would do, and why it is not the plan."""
        rise, same, moved = self.met - merit[-1], _SAME * self.need, self._moved(merit)
        words = f"which would leave {count(abs(rise), _NEED)} {'more' if rise > 0 else 'fewer'} unmet"
        if abs(rise) <= same:
            words = "which would do as well" if not moved else "which would leave as much need unmet"
        if moved and rise <= same and merit < self.merit:
            return f"{words}, but {moved}, which comes first"
        kept = self._kept(self.opened) - self._kept(swap)
        if rise <= same and kept > same and -rise <= kept + same:
            words += f"; closing a site that exists must save {count(kept)}, so it stays"
        return words + self._also(merit)

    def _kept(self, opened: Bools) -> float:
        """Add up what it is worth that sites go on."""
        return math.fsum(self.case.keep_worth(c // 2, hub=c % 2 == 0) for c in np.flatnonzero(opened).tolist())

    def _parent(self, outreach: int) -> tuple[int, float]:
        """Nearest open hub of an open outreach, the first by site_id of equals, and the minutes."""
        able = self.case.near[outreach] & self.opened[::2]
        minutes = np.where(able, self.case.parent_min[outreach], np.inf)
        hub = int(np.argmin(minutes))
        return hub, float(minutes[hub])

    def _where_next(self, served: Floats, cover: Floats) -> str:
        """Who serves next the families that a closed site serves today; `cover` is what it gives them."""
        covers = self.case.covers
        parts = covers * self.given
        reach = covers[:, self.open].max(axis=1, initial=0.0)
        if self.model.capacity is None:  # those beyond what is best for the others go where the standard reaches them
            widest = np.where(self.open, covers, 0.0).argmax(axis=1)
            parts[np.arange(len(parts)), widest] += reach - parts.sum(axis=1)
        total, found = math.fsum(served), parts.sum(axis=1)
        of_cover = np.divide(served, cover, out=np.zeros_like(cover), where=cover > 0)
        moved = of_cover * np.minimum(found, cover)
        each = parts * np.divide(moved, found, out=np.zeros_like(found), where=found > 0)[:, None]
        takers = each.sum(axis=0).reshape(-1, 2).sum(axis=1)
        flows = sorted((-families, t) for t, families in enumerate(takers.tolist()) if families > _SAME * total)
        told = [f"{count(-families)} go next to {self.names[t]}" for families, t in flows[:_SHOWN]]
        if len(flows) > _SHOWN:
            told.append(f"{count(-math.fsum(f for f, _ in flows[_SHOWN:]))} to other sites")
        beyond = total - math.fsum(of_cover * np.minimum(reach, cover))
        away = total - beyond - math.fsum(moved)
        if away > _SAME * total:
            told.append(f"{count(away)} find no place, for the sites that cover them are full")
        if beyond > _SAME * total:
            told.append(f"{count(beyond)} are left outside every standard")
        best = "best " if self.model.capacity is None else ""
        return f"Of the {count(total)} {self.label} that it serves {best}today, {listing(told)}"


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
