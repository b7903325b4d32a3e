"""Say what a phasing does year by year, and why each change is made when it is."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from needs.charts.words import listing, plural
from needs.location.rules import Bools, Ints
from needs.location.solve import Proof
from needs.siting.phasing_model import SAME, Changes, Hang, money

_WORDS = {"open": ("opens", "open"), "convert": ("converts", "convert"), "close": ("closes", "close")}


class Story:
    """One phasing, and what is asked about each of its changes."""

    def __init__(self, read: Changes, done: Bools) -> None:
        self.read, self.done = read, done
        self.names = read.table["name"].astype(str).to_list()
        self.year: Ints = done.shape[1] - done.sum(axis=1)
        none = np.zeros(len(done), bool)
        self.states = [none, *done.T]  # before year 1, and at the end of each
        self.met = [read.met(state) for state in self.states]
        self.gain = read.met(~none) - self.met[0]  # of the whole plan
        self.new = done & ~np.column_stack(self.states[:-1])
        self.spent = [int(read.pence[made].sum()) for made in self.new.T]
        self.once = done.shape[1] * (self.met[0] + self.gain)
        self.need = math.fsum(read.weights)
        self.same = SAME * max(self.need, 1e-300)

    def table(self) -> pd.DataFrame:
        """Make the row of each change."""
        each = range(len(self.names))
        table = self.read.table[["site_id", "name", "offer", "status"]].assign(
            year=self.year + 1,
            cost=self.read.pence / 100,
            need_met_after=[self.met[t + 1] for t in self.year],
            alone=[self._alone(s) for s in each],
            adds=[self._adds(s) for s in each],
            why=[self._why(s) for s in each],
        )
        return table.sort_values(["year", "site_id"], ignore_index=True)

    def years(self) -> pd.DataFrame:
        """Make the row of each year."""
        met, years = np.array(self.met[1:]), len(self.spent)
        return pd.DataFrame(
            {
                "year": np.arange(1, years + 1),
                "budget": np.array(self.read.budgets) / 100,
                "cost": np.array(self.spent) / 100,
                "left": np.array([self._left(t) for t in range(years)]) / 100,
                "openings": (self.new & self.read.opens[:, None]).sum(axis=0),
                "need_met": met,
                "gain_pct": 100 * (met - self.met[0]) / self.gain if self.gain > self.same else np.nan,
            }
        )

    def sentences(self, proof: Proof) -> list[str]:
        """Tell the phasing year by year, and what it is worth."""
        return [*self._yearly(), *self._against(proof)]

    def _alone(self, s: int) -> float:
        return self.read.met(np.arange(len(self.names)) == s) - self.met[0]

    def _adds(self, s: int) -> float:
        """Need met at the end of a change's year that there would not be without it."""
        return -self._loss(s, self.states[self.year[s] + 1])

    def _left(self, t: int) -> int:
        """Pence left at the end of a year."""
        spent = self.done[:, t] if self.read.carry_over or t == 0 else self.done[:, t] & ~self.done[:, t - 1]
        return self.read.purse(t) - int(self.read.pence[spent].sum())

    def _why(self, s: int) -> str:
        t = int(self.year[s])
        waits = f"; {self._waits(s, t)}" if t else ""
        if self.read.opens[s]:
            return f"{self.names[s]} in year {t + 1}: {self._gains(s)}{waits}"
        loss = self._loss(s, self.states[t + 1])
        missed = (
            "from then on nobody gets more from it than from the sites that are open"
            if loss <= self.same
            else f"from then on {_families(loss, 'need')} goes unmet that it would meet"
        )
        return f"{self.names[s]} closes in year {t + 1}: {missed}{waits}"

    def _gains(self, s: int) -> str:
        """Say what an opening adds by itself, and beside what is open by the end of its year."""
        alone, adds = self._alone(s), self._adds(s)
        first = f"alone it adds {_families(alone, 'need met')}" if alone > self.same else "alone it adds no need met"
        if any(h.state == s and not self._stands(h.hubs, self.states[0]) for h in self.read.hangs):
            first = "alone it adds nothing, for no hub that is open today can run it"
        elif alone > self.same and self.gain > self.same:
            first += f", {_share(alone, self.gain)} of what the whole plan adds"
        if abs(adds - alone) <= self.same:
            return first
        beside = _families(adds, "need met") if adds > self.same else "no need met"
        return f"{first}; beside what is open at the end of that year it adds {beside}"

    def _stands(self, states: list[int], done: Bools) -> bool:
        return bool(np.append(done, ~done)[states].any())

    def _loss(self, s: int, state: Bools) -> float:
        """Need met that is lost when a change is made, all else as in a state."""
        here = np.arange(len(state)) == s
        return self.read.met(state & ~here) - self.read.met(state | here)

    def _waits(self, s: int, t: int) -> str:
        """Say why a change could not be made a year earlier, or would have done harm."""
        read, before = self.read, self.states[t]
        count, last = len(self.names), t - 1
        moved = before | (np.arange(count) == s)
        for hang in read.hangs:
            if not self._stands(hang.guard(count), moved):
                return self._waits_for_hub(hang, s, t)
        broken = [guard for guard in read.guards() if not self._stands(guard, moved)]
        if broken:
            return f"before {self._come(broken, t)} is open, families would be without either"
        openings = int((before & ~self.states[last] & read.opens).sum())
        if read.opens[s] and read.most_per_year is not None and openings >= read.most_per_year:
            return f"year {t} has its {plural(openings, 'opening')} already"
        if read.pence[s] > self._left(last):
            return f"year {t} has {money(self._left(last))} left and it costs {money(int(read.pence[s]))}" + self._kept(
                s, last
            )
        loss = self._loss(s, before)
        if loss > self.same:
            return f"until then it meets {_families(loss, 'need')} that nothing else open meets"
        return "a year earlier it would add nothing" if read.opens[s] and loss >= -self.same else ""

    def _waits_for_hub(self, hang: Hang, s: int, t: int) -> str:
        """Say which hub comes first, or which outreach site goes first."""
        count = len(self.names)
        if hang.state == s:
            hubs = listing([self.names[h % count] for h in hang.hubs if self._stands([h], self.states[t + 1])])
            return f"it cannot open before {hubs}, which runs it"
        if hang.state is not None and hang.state >= count and self.done[hang.state - count, t]:
            return f"until {hang.name} changes too, it alone can run it"
        return f"before {self._come([hang.hubs], t)} is open, no hub could run {hang.name}"

    def _come(self, guards: list[list[int]], t: int) -> str:
        """Name what sets of states wait for: the changes among them that are made in a year."""
        come = {j for guard in guards for j in guard if j < len(self.names) and self.new[j, t]}
        return listing([self.names[j] for j in sorted(come)])

    def _saved(self, t: int) -> tuple[int, int]:
        """Pence left by a year that later years need beside their own, and the year by which they need them."""
        need, by, short = 0, t, 0
        for u in range(t + 1, len(self.spent) if self.read.carry_over else 0):
            short += self.spent[u] - self.read.budgets[u]
            if short > need:
                need, by = short, u
        return need, by

    def _saved_for(self, t: int) -> str:
        """Name what the money of a year is saved for, and when that is done."""
        by = self._saved(t)[1]
        dear = np.flatnonzero(self.new[:, by] & (self.read.pence > 0)).tolist()
        return f"saved for {listing([self.names[s] for s in dear])} in year {by + 1}"

    def _kept(self, s: int, last: int) -> str:
        """Say what the latest year that left enough for a change saved it for; nothing if no year did."""
        for u in range(last - 1, -1, -1):
            if self._saved(u)[0] and self._left(u) >= self.read.pence[s]:
                return f"; the {money(self._left(u))} left in year {u + 1} is {self._saved_for(u)}"
        return ""

    def _rest(self, t: int) -> str:
        """Say what becomes of the money that a year leaves."""
        left, (saved, _) = self._left(t), self._saved(t)
        if not left or t == len(self.spent) - 1:
            return ""
        if not self.read.carry_over:
            return f"; {money(left)} is left and lapses"
        if not saved:
            return f"; {money(left)} is left, which no later year needs"
        part = "" if saved == left else f" {money(saved)} of it"
        return f"; {money(left)} is left,{part} {self._saved_for(t)}"

    def _yearly(self) -> list[str]:
        sentences = []
        for t, cost in enumerate(self.spent):
            parts = []
            for status, (one, many) in _WORDS.items():
                members = np.flatnonzero(self.new[:, t] & (self.read.table["status"] == status).to_numpy(bool))
                if len(members):
                    parts.append(f"{listing([self.names[s] for s in members])} {one if len(members) == 1 else many}")
            done = f"{'; '.join(parts) or 'nothing changes'}; {money(cost)} spent{self._rest(t)}"
            sentences.append(
                f"Year {t + 1}: {done}. Need met goes from {self.met[t]:,.1f} to "
                f"{self.met[t + 1]:,.1f} need-weighted families{self._so_far(t)}."
            )
        return sentences

    def _so_far(self, t: int) -> str:
        """Say how far need met has come at a year's end; it may pass the plan while sites are open that will close."""
        gain = self.met[t + 1] - self.met[0]
        if self.gain <= self.same:
            return ""
        return (
            ", more than under the whole plan, since sites that close later are still open"
            if gain > self.gain + self.same
            else f", {_share(gain, self.gain)} of what the whole plan adds"
        )

    def _against(self, proof: Proof) -> list[str]:
        change = proof.objective - self.once
        word, years = "less" if change < 0 else "more", plural(self.done.shape[1], "year")
        against = (
            f"All at once in year 1 it would cost {money(int(self.read.pence.sum()))} in that year; over {years} this "
            f"order meets {_families(abs(change), 'need')} {word}, added up year by year, than that would."
        )
        proven = (
            "No other order within the budgets meets more need."
            if proof.status == "optimal"
            else f"No other order can meet more than {100 * proof.gap:.2f} % more need; the search was stopped."
        )
        return [against, proven]


def _families(number: float, what: str) -> str:
    return f"{what} of {number:,.1f} need-weighted families"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"
