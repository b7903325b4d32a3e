"""Choose which areas should have their hubs first, and how many each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from needs.charts.words import listing, plural
from needs.errors import Faults, InfeasibleError, fail
from needs.location.milp import Milp
from needs.location.program import Clock, Row
from needs.nation.each import ForEach, Task, here
from needs.nation.needed import SAME, Step, steps
from needs.nation.reach import Reach, names
from needs.siting.words import count

MAINLY_RURAL_PCT = 50.0  # of families in rural zones: preset of this toolkit
_LIMIT_S = 120.0  # for HiGHS
_SCALE = 1e5  # what the most that could be gained is scaled to: HiGHS' absolute tolerances then lie far below it
_NEED = "need-weighted family"


@dataclass(frozen=True)
class First:
    """The areas that come first, and how many new hubs each.

    Attributes
    ----------
    areas
        One row an area, in the order in which they matter: order, council, name, new (hubs), need (families weighted
        by need), beyond (of them, not reached today), gain (of them, reached with the new hubs), gain_per_hub,
        next_gain (what one hub more would add; NaN where there is no building for it), total_gain (with the areas
        before), rural_pct (of families in rural zones; NaN where not known), reason (a sentence without its stop).
        What an area gains does not hang on the others: the greatest gain comes first, of equals the first by code.
    gain
        Need newly reached in all: by each area's hubs among its own families.
    bound
        No choice of so many areas and hubs gains more.
    gap
        (bound - gain) / gain.
    runner_up
        The best choice that has another area: one row for each area that would come in or go: council, name, new
        (hubs it would have), chosen (hubs it has in the choice made). Empty where no other area gains anything.
    missed_by
        What that choice gains less; NaN where there is none.
    floor_cost
        What asking for rural areas costs in need newly reached; 0 where nothing was asked or it costs nothing.
    """

    areas: pd.DataFrame
    gain: float
    bound: float
    gap: float
    runner_up: pd.DataFrame
    missed_by: float
    floor_cost: float

    def sentences(self) -> list[str]:
        """Say in plain English which areas come first, what they gain, and who just missed."""
        chosen = [f"{row['name']} ({row['new']})" for row in self.areas.to_dict("records")]
        hubs = plural(int(self.areas["new"].sum()), "new hub")
        said = [
            f"First {'comes' if len(chosen) == 1 else 'come'}, with {hubs} in all, {listing(chosen)}"
            if chosen
            else "No area would gain by a new hub",
            f"They reach {count(self.gain, _NEED)} more than today; no other areas or numbers reach more"
            + (f" by over {100 * self.gap:.2g} %" if self.gap > SAME else ""),
        ]
        came = self.runner_up[self.runner_up["chosen"] == 0]["name"].tolist() if len(self.runner_up) else []
        if came:
            went = self.runner_up[self.runner_up["new"] == 0]["name"].tolist()
            place = f" in place of {listing(went)}" if went else ""
            said.append(
                f"The next best choice has {listing(came)}{place}, and reaches {count(self.missed_by, _NEED)} fewer"
            )
        if self.floor_cost > 0:
            said.append(f"Asking for mainly rural areas costs {count(self.floor_cost, _NEED)}")
        return said


@dataclass(frozen=True)
class _Area:
    """What an area can gain, by number of new hubs."""

    council: str
    rural: bool
    gains: dict[int, float]
    bounds: dict[int, float]


_Gains = tuple[dict[int, float], dict[int, float]]  # as of an area, and their bounds


def first_areas(
    reach: Reach,
    areas: int,
    *,
    hubs: int | None = None,
    each: int | None = None,
    rural_areas: int = 0,
    for_each: ForEach = here,
) -> First:
    """Choose at most so many areas and their numbers of new hubs, so that most need is newly reached.

    A multiple-choice knapsack over the areas' frontiers, solved to a proof by HiGHS (Sinha and Zoltners 1979,
    doi:10.1287/opre.27.3.503); areas stand in the order of their codes, so that the same areas always give the same
    answer. Each area's new hubs count for its own families, and hubs of today for all who reach them.

    Parameters
    ----------
    reach
        All areas' families and sites.
    areas
        How many may come first.
    hubs
        New hubs for all of them together.
    each
        Instead of that: new hubs for each (or as many as it has buildings for).
    rural_areas
        At least so many of the areas are mainly rural: half of their families or more (`MAINLY_RURAL_PCT`) live in
        rural zones (`ruc21cd` begins with R).
    for_each
        Who finds the areas' frontiers.

    Raises
    ------
    InputError
        If a number is out of range, both or neither of `hubs` and `each` are given, or `ruc21cd` is needed and
        missing.
    InfeasibleError
        If fewer mainly rural areas could gain than are asked for.
    """
    _check(reach, areas, hubs, each, rural_areas)
    rural = _rural_pct(reach)
    most = each if each is not None else hubs or 0
    tasks = [Task(c, partial(reach.within, c), f"{most} new {each is None}") for c in reach.councils]
    gained: Mapping[str, _Gains] = for_each("first", partial(_gains, most=most, fewer=each is None), tasks)
    known = [_Area(code, rural[code] >= MAINLY_RURAL_PCT, *found) for code, found in gained.items()]
    able = sum(bool(area.gains) for area in known if area.rural)
    if able < rural_areas:
        what = f"{rural_areas} areas must be mainly rural, and {able} that are could have new hubs"
        fail(InfeasibleError, "rural_areas", what, "ask for fewer")
    every = areas * most if each is not None else most
    problem = _Choice(known, areas, every, rural_areas)
    chosen = problem.best() or {}
    gain = problem.gain(chosen)
    bound = max(gain, problem.bound())
    other = problem.best(without=chosen)
    free = _Choice(known, areas, every, 0) if rural_areas else problem
    return First(
        _table(reach, known, chosen, rural),
        gain,
        bound,
        (bound - gain) / gain if gain > 0 else 0.0,
        _others(chosen, other),
        math.nan if other is None else gain - problem.gain(other),
        max(0.0, free.gain(free.best() or {}) - gain) if rural_areas else 0.0,
    )


class _Choice:
    """The program: each area has one of its numbers of hubs, or none."""

    def __init__(self, known: list[_Area], areas: int, hubs: int, rural: int) -> None:
        self._known = {area.council: area for area in known}
        self._options = [(area, new) for area in known for new in area.gains]
        self._milp = Milp()
        each = self._milp.variables(len(self._options))
        for area in known:
            own = [v for v, (of, _) in zip(each, self._options, strict=True) if of is area]
            self._milp.at_most(own, 1.0, 1.0)
        self._milp.at_most(each, 1.0, float(areas))
        self._milp.at_most(each, [float(new) for _, new in self._options], float(hubs))
        if rural:
            inside = [v for v, (area, _) in zip(each, self._options, strict=True) if area.rural]
            self._milp.at_least(inside, 1.0, float(rural))
        self._scale = _SCALE / max(1e-300, math.fsum(max(area.gains.values(), default=0.0) for area in known))

    def best(self, *, without: dict[str, int] | None = None) -> dict[str, int] | None:
        """Give the new hubs of the areas chosen, by code; of choices that have an area that another lacks, if asked.

        None where there is no such choice.
        """
        extra: tuple[Row, ...] = ()
        if without is not None:
            others = [k for k, (area, _) in enumerate(self._options) if area.council not in without]
            extra = (Row(others, [-1.0] * len(others), -1.0),)
            if not others:
                return None
        if not self._options:
            return {}
        clock = Clock(_LIMIT_S)
        outcome = self._milp.run(self._costs("gains"), clock, extra=extra)
        if outcome.status == "infeasible":
            return None
        x = outcome.answer("areas first", clock)
        return {area.council: new for (area, new), v in zip(self._options, x, strict=True) if v > 0.5}

    def bound(self) -> float:
        """Give what no choice gains more than."""
        return -self._milp.run(self._costs("bounds"), Clock(_LIMIT_S)).bound / self._scale if self._options else 0.0

    def gain(self, chosen: dict[str, int]) -> float:
        """Add up what the areas chosen gain."""
        return math.fsum(self._known[code].gains[new] for code, new in chosen.items())

    def _costs(self, of: str) -> dict[int, float]:
        return {k: -getattr(area, of)[new] * self._scale for k, (area, new) in enumerate(self._options)}


def _gains(part: Reach, most: int, *, fewer: bool) -> _Gains:
    """Find what one area can gain with up to so many new hubs; unless fewer will do, with that many or all it has."""
    most = min(int(part.may.sum()), most)
    if part.musts.sum() > most:
        return {}, {}
    today = part.reached(part.kept, "weight")
    told = _told(steps(part, "weight", most=most), today, SAME * math.fsum(part.amounts("weight")))
    if not fewer:
        told = told[-1:]
    return {s.new: s.reached - today for s in told}, {s.new: s.bound - today for s in told}


def _told(found: list[Step], today: float, least: float) -> list[Step]:
    """Leave out numbers of hubs that reach no more than fewer do."""
    kept: list[Step] = []
    for step in found:
        if step.reached > (kept[-1].reached if kept else today) + least:
            kept.append(step)
    return kept


def _rural_pct(reach: Reach) -> dict[str, float]:
    """Give by council the families in rural zones, in per cent; NaN where not known."""
    if "ruc21cd" not in reach.families:
        return dict.fromkeys(reach.councils, math.nan)
    rural = reach.families["ruc21cd"].str.startswith("R", na=False) * reach.families["demand"]
    inside, every = (s.groupby(reach.families["council"]).sum() for s in (rural, reach.families["demand"]))
    return {c: 100.0 * inside[c] / every[c] if every[c] > 0 else math.nan for c in reach.councils}


def _table(reach: Reach, known: Iterable[_Area], chosen: dict[str, int], rural: dict[str, float]) -> pd.DataFrame:
    called, total = names(reach.councils), 0.0
    rows: list[dict[str, Any]] = []
    picked = [area for area in known if area.council in chosen]
    for k, area in enumerate(sorted(picked, key=lambda a: (-a.gains[chosen[a.council]], a.council)), 1):
        part, new = reach.within(area.council), chosen[area.council]
        need, gain = math.fsum(part.amounts("weight")), area.gains[new]
        beyond = need - part.reached(part.kept, "weight")
        more = next((area.gains[n] - gain for n in sorted(area.gains) if n > new), math.nan)
        total += gain
        rows.append(
            {
                "order": k,
                "council": area.council,
                "name": called[area.council],
                "new": new,
                "need": need,
                "beyond": beyond,
                "gain": gain,
                "gain_per_hub": gain / new,
                "next_gain": more,
                "total_gain": total,
                "rural_pct": rural[area.council],
                "reason": _reason(new, beyond, gain, more, mainly_rural=area.rural),
            }
        )
    columns = [
        *("order", "council", "name", "new", "need", "beyond", "gain", "gain_per_hub", "next_gain", "total_gain"),
        *("rural_pct", "reason"),
    ]
    return pd.DataFrame(rows, columns=columns)


def _reason(new: int, beyond: float, gain: float, more: float, *, mainly_rural: bool) -> str:
    text = (
        f"{count(beyond, _NEED)} {'is' if beyond == 1 else 'are'} beyond reach today; {plural(new, 'new hub')} "
        f"would reach {count(gain)} of them, {count(gain / new)} each"
    )
    if not math.isnan(more):
        text += f"; one more would add {count(more)}"
    return text + ("; most families live in rural zones" if mainly_rural else "")


def _others(chosen: dict[str, int], other: dict[str, int] | None) -> pd.DataFrame:
    """List the areas that come in or go in the next best choice."""
    differ = [] if other is None else sorted(set(other) ^ set(chosen))
    called = names(differ)
    rows = [(c, called[c], (other or {}).get(c, 0), chosen.get(c, 0)) for c in differ]
    return pd.DataFrame(rows, columns=["council", "name", "new", "chosen"])


def _check(reach: Reach, areas: int, hubs: int | None, each: int | None, rural_areas: int) -> None:
    faults = Faults()
    if (hubs is None) == (each is None):
        faults.add("areas first", "hubs and each are both given, or neither is", "give one of the two")
    for name, number in (("areas", areas), ("hubs", hubs), ("each", each)):
        if number is not None and number < 1:
            faults.add(name, f"it is {number}", "give 1 or more")
    if not 0 <= rural_areas <= areas:
        faults.add("rural_areas", f"it is {rural_areas}", f"give 0 to {areas}")
    elif rural_areas and "ruc21cd" not in reach.families:
        faults.add(
            "rural_areas", "rural-urban classes are not known", "give families a column ruc21cd, or ask for none"
        )
    faults.raise_if_any()
