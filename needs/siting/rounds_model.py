"""State which venues a team visits on which day of a cycle as a mixed-integer program over day rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations, product
from typing import NoReturn

import numpy as np

from needs.charts.words import listing, plural
from needs.errors import InfeasibleError, fail
from needs.location.milp import Milp
from needs.location.program import TIE, Clock, Row
from needs.location.rules import Floats, Ints
from needs.location.solve import Proof, Proved

MOST_VENUES = 3  # that one team visits on one day
_ROUNDING = 1e-9  # minutes by which a day may be passed
_SCALE = 1e5  # what all wanted sessions are scaled to: HiGHS' absolute tolerances then lie far below TIE
_NODES = 200  # of the search for the least driving, which is work without a proof


@dataclass(frozen=True)
class Team:
    """A team: its hub (position in the minutes), its days (0 is Monday), and its minutes."""

    name: str
    hub: int
    weekdays: tuple[int, ...]
    start_min: float
    day_min: float
    session_min: float


@dataclass(frozen=True)
class Round:
    """One day's venues in the order of the visits, and the minutes driven: to each, and back to the hub."""

    venues: tuple[int, ...]
    drives_min: tuple[float, ...]

    @property
    def drive_min(self) -> float:
        """Minutes driven in all."""
        return math.fsum(self.drives_min)


@dataclass(frozen=True)
class Task:
    """What is to be planned; venues stand in order of site_id, teams in order of their names.

    Attributes
    ----------
    families
        Need-weighted families of each venue.
    wanted
        Sessions of each venue in a cycle at most.
    allowed
        For each team and weekday that it works, in order: the venues that it may visit then.
    teams
        The staff.
    minutes
        By car from each place to each; the first places are the venues; infinite is out of reach.
    weeks, every_weeks
        Of the cycle; and the longest gap between visits.
    """

    families: Floats
    wanted: Ints
    allowed: dict[tuple[int, int], tuple[int, ...]]
    teams: tuple[Team, ...]
    minutes: Floats
    weeks: int
    every_weeks: int

    def rounds(self, team: Team, venues: tuple[int, ...]) -> list[Round]:
        """Every set of venues that fits a team's day, each in the order that takes least driving.

        Of orders that take equally long, the first by site_id.
        """
        found = []
        for size in range(1, MOST_VENUES + 1):
            room = team.day_min - size * team.session_min + _ROUNDING
            for members in combinations(venues, size) if room >= 0 else ():
                best = min((self.legs(team, order) for order in permutations(members)), key=_length)
                if best.drive_min <= room:
                    found.append(best)
        return found

    def legs(self, team: Team, order: tuple[int, ...]) -> Round:
        """Drive from the hub to venues in an order, and back."""
        stops = (team.hub, *order, team.hub)
        return Round(order, tuple(float(self.minutes[a, b]) for a, b in pairwise(stops)))


def _length(way: Round) -> float:
    return round(way.drive_min, 9)


@dataclass(frozen=True)
class Slot:
    """Team-days of a week that are alike, as (team, weekday), and the rounds that each of them may make."""

    members: tuple[tuple[int, int], ...]
    rounds: tuple[Round, ...]


def slots_of(task: Task) -> list[Slot]:
    """Put team-days that are alike together: the program need not tell them apart.

    They are kept apart by weekday where a venue may be visited twice in a week, since that is never on one day.
    """
    daily = bool((task.wanted > task.weeks).any())
    groups: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for (t, day), venues in task.allowed.items():
        team = task.teams[t]
        key = (team.hub, team.day_min, team.session_min, venues, day if daily else None)
        groups.setdefault(key, []).append((t, day))
    return [
        Slot(tuple(members), tuple(task.rounds(task.teams[members[0][0]], task.allowed[members[0]])))
        for members in groups.values()
    ]


class Program:
    """A task as a mixed-integer program: how often each round is made in each slot and week.

    Weeks differ by nothing but their order around the cycle, so that the venue with most families has a visit in the
    first week: a cycle can be begun with any of its weeks.
    """

    def __init__(self, task: Task) -> None:
        self.task, self.slots, self.milp = task, slots_of(task), Milp()
        weeks, venues = task.weeks, len(task.families)
        self.made = [
            self.milp.variables(weeks, len(slot.rounds), upper=float(len(slot.members))) for slot in self.slots
        ]
        self.visits = self.milp.variables(venues, weeks, upper=float(max(task.wanted, default=1)))
        # Team-days more that would make the rules fit: none but where asked for.
        self.more = self.milp.variables(len(self.slots), weeks, upper=0.0)
        for w in range(weeks):
            for k, slot in enumerate(self.slots):
                days = np.append(np.ones(len(slot.rounds)), -1.0)
                self.milp.at_most(np.append(self.made[k][w], self.more[k, w]), days, float(len(slot.members)))
            self._count(w)
        self._spread()

    def _count(self, w: int) -> None:
        """Count the visits of a week, at most one a day to a venue."""
        for i in range(len(self.task.families)):
            by_day: dict[int, list[int]] = {}
            members: list[int] = []
            for slot, made in zip(self.slots, self.made, strict=True):
                here = [int(v) for v, way in zip(made[w], slot.rounds, strict=True) if i in way.venues]
                members += here
                by_day.setdefault(slot.members[0][1], []).extend(here)
            signs = np.append(np.ones(len(members)), -1.0)
            both = [*members, int(self.visits[i, w])]
            self.milp.at_most(both, signs, 0.0)
            self.milp.at_least(both, signs, 0.0)
            if self.task.wanted[i] > self.task.weeks:
                for here in by_day.values():
                    self.milp.at_most(here, 1.0, 1.0)

    def _spread(self) -> None:
        """Let no gap be too long, and no weeks in a row have more than their share of what is wanted, rounded up."""
        weeks = self.task.weeks
        gap = min(self.task.every_weeks, weeks)
        for i, wanted in enumerate(self.task.wanted.tolist()):
            for length, w in product(range(1, weeks + 1), range(weeks)):
                window = self.visits[i, np.arange(w, w + length) % weeks]
                self.milp.at_most(window, 1.0, float(-(-wanted * length // weeks)))
                if length == gap:
                    self.milp.at_least(window, 1.0, 1.0)
        if len(self.task.families):
            self.milp.at_least(self.visits[np.argmax(self.task.families), :1], 1.0, 1.0)

    def solve(self, clock: Clock) -> tuple[list[list[list[Round]]], Proof, float]:
        """Find the rounds of each slot and week, with a proof that no timetable has more need-weighted sessions.

        Of timetables that do equally well one with little driving is looked for; no other has less than the minutes
        that are returned last.
        """
        families = self.task.families
        reach = math.fsum(families * self.task.wanted)
        scale = _SCALE / reach if reach > 0 else 1.0
        gains = {int(v): -float(families[i]) * scale for i, vs in enumerate(self.visits) for v in vs}
        outcome = self.milp.run(gains, clock)
        if outcome.status == "infeasible":
            self._name_days_needed(clock)
        found = outcome.answer("timetable", clock)
        objective = self._objective(found)
        bound = max(objective, -outcome.bound / scale)
        least = -objective * (1 - TIE) * scale
        as_good = Row(np.array(list(gains), np.intp), np.array(list(gains.values())), least)
        driven = {
            int(v): way.drive_min
            for slot, made in zip(self.slots, self.made, strict=True)
            for row in made
            for v, way in zip(row, slot.rounds, strict=True)
        }
        shorter = self.milp.run(driven, clock, start=found, most_nodes=_NODES, extra=(as_good,))
        x = found if shorter.x is None else shorter.x
        gap = 0.0 if bound == objective else (bound - objective) / objective if objective > 0 else float("inf")
        status: Proved = (
            "optimal" if gap <= TIE else "time limit" if outcome.status == "time limit" else "solver stopped"
        )
        proof = Proof(status, self._objective(x), bound, gap, clock.spent_s(), clock.nodes, "not checked")
        return self._read(x), proof, max(0.0, shorter.bound)

    def _objective(self, x: Floats) -> float:
        return math.fsum(self.task.families * x[self.visits].sum(axis=1))

    def _read(self, x: Floats) -> list[list[list[Round]]]:
        return [
            [
                [way for way, times in zip(slot.rounds, x[made[w]], strict=True) for _ in range(round(times))]
                for w in range(self.task.weeks)
            ]
            for slot, made in zip(self.slots, self.made, strict=True)
        ]

    def _name_days_needed(self, clock: Clock) -> NoReturn:
        """Find the fewest team-days more with which the rules fit, and say so."""
        upper = np.array(self.milp.upper)
        most = float(self.task.wanted.sum())
        upper[self.more] = most
        for made in self.made:
            upper[made] = most
        outcome = Milp(upper.tolist(), self.milp.whole, self.milp.rows).run(
            dict.fromkeys(self.more.ravel().tolist(), 1.0), clock
        )
        if outcome.x is None:
            fail(InfeasibleError, "timetable", "no timetable keeps to the rules", "raise every_weeks or add a team")
        parts = []
        for slot, more in zip(self.slots, outcome.x[self.more].sum(axis=1), strict=True):
            if more > 0:
                names = sorted({self.task.teams[t].name for t, _ in slot.members})
                parts.append(f"{plural(round(more), 'day')} of {' or '.join(names)}")
        days = sum(len(slot.members) for slot in self.slots) * self.task.weeks
        fail(
            InfeasibleError,
            "teams",
            f"{plural(days, 'team-day')} in {plural(self.task.weeks, 'week')} are too few to visit every venue at "
            f"least every {plural(self.task.every_weeks, 'week')}",
            f"add {plural(round(outcome.x[self.more].sum()), 'team-day')} ({listing(parts)}): no fewer would do; "
            "or raise every_weeks",
        )
