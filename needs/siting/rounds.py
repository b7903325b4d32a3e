"""Draw up an outreach timetable: which venues on which days, driving counted, every venue often enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from needs.charts.words import listing, plural, safe
from needs.errors import Faults, InfeasibleError
from needs.location.program import Clock
from needs.location.rules import Ints
from needs.location.solve import Proof
from needs.siting.plan import Plan
from needs.siting.rounds_model import Program, Round, Slot, Task, Team
from needs.siting.tables import codes, has, html, known, numbers

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_VENUES = ("site_id", "name", "families")
_TEAMS = ("team", "hub_id", "weekdays", "start_min", "day_min", "session_min")


@dataclass(frozen=True)
class Timetable:
    """Who is where on every day of the cycle, and how sure it is that no other timetable does better.

    Attributes
    ----------
    table
        One row a visit, by week, weekday, team and order: week (from 1), weekday, team, order (from 1), site_id, name,
        arrive_min, leave_min (minutes after midnight), drive_min (to it from the stop before).
    venues
        One row a venue, by site_id: site_id, name, families (need-weighted), wanted (sessions), visits,
        longest_gap_weeks (between visits, around the end of the cycle too), drive_min (to it, in the cycle), when.
    days
        One row a team-day: week, weekday, team, visits, session_min, drive_min (back to the hub included), slack_min,
        day_min; the three add up to the day.
    teams
        One row a team: team, days, days_out, visits, session_min, drive_min, slack_min, used_pct (of its minutes).
    proof
        Its objective is the sum over the visits of need-weighted families.
    drive_bound_min
        No timetable that does equally well has fewer minutes of driving in the cycle.
    sentences
        The timetable in plain words.
    """

    table: pd.DataFrame
    venues: pd.DataFrame
    days: pd.DataFrame
    teams: pd.DataFrame
    proof: Proof
    drive_bound_min: float
    sentences: list[str]

    def _repr_html_(self) -> str:
        told = "".join(f"<li>{safe(sentence)}</li>" for sentence in self.sentences)
        grids = "".join(self._grid(str(team)) for team in self.teams["team"])
        venues = {"name": "Venue", "visits": "Sessions", "wanted": "Wanted", "when": "When"}
        venues |= {"longest_gap_weeks": "Longest gap (weeks)", "drive_min": "Minutes driven to it"}
        return f"<ul>{told}</ul>{grids}{html(self.venues, venues, title='Venues')}"

    def _grid(self, team: str) -> str:
        """Draw one team's weeks, a column each weekday that it works."""
        mine, visits = self.days[self.days["team"] == team], self.table[self.table["team"] == team]
        worked = [day for day in WEEKDAYS if (mine["weekday"] == day).any()]
        said = [f"{_clock(at)} {name}" for at, name in zip(visits["arrive_min"], visits["name"], strict=True)]
        cells = visits.assign(said=said).groupby(["week", "weekday"])["said"].agg("; ".join).to_dict()
        weeks = sorted(set(self.days["week"]))
        grid = pd.DataFrame({day: [cells.get((week, day), "") for week in weeks] for day in worked}, dtype=object)
        grid.insert(0, "week", weeks)
        return html(grid, {"week": "Week"} | {day: day for day in worked}, title=team)


def timetable(
    venues: pd.DataFrame,
    drive_min: pd.DataFrame,
    teams: pd.DataFrame,
    *,
    weeks: int,
    every_weeks: int,
    time_limit_s: float = 120.0,
) -> Timetable:
    """Choose which team visits which venues on which day, so that the need-weighted sessions are greatest.

    Every venue is visited at least once in any `every_weeks` weeks in a row, around the end of the cycle too, and not
    more often than is wanted; no weeks in a row have more than their share of the sessions wanted, rounded up, so that
    visits are spread. A team drives from its hub to at most three venues and back, and sessions and driving fit its
    day. Of timetables that do equally well (within 1e-9) one with little driving is looked for; days are then put so
    that venues keep their weekday.

    Parameters
    ----------
    venues
        site_id, name, families (need-weighted, within reach), and perhaps sessions (wanted in a cycle; not given: of
        the venue with most families one a week, of others in proportion, rounded up, none fewer than `every_weeks`
        asks), parent_hub_id (only teams of this hub visit it; blank: any team) and closed_weekdays (a list of names).
    drive_min
        Minutes by car, index and columns codes of venues and hubs; NaN is out of reach. Both directions are used.
    teams
        team, hub_id, weekdays (a list of names), start_min (minutes after midnight at which its day begins), day_min,
        session_min (of one session, with setting up).
    weeks
        Of the cycle, after which it begins again.
    every_weeks
        Longest gap between visits.
    time_limit_s
        Seconds after which the best timetable so far is returned, with its bound and gap.

    Raises
    ------
    InputError
        With every fault of the tables.
    InfeasibleError
        Naming the venues that no team can visit within a day, or how many team-days more would do.
    """
    faults = Faults()
    for name, number in (("weeks", weeks), ("every_weeks", every_weeks)):
        if number < 1:
            faults.add(name, f"is {number}", "give 1 or more")
    whole = has(venues, _VENUES, name="venues", faults=faults)
    whole &= has(teams, _TEAMS, name="teams", faults=faults)
    if not whole:
        faults.raise_if_any()
    _check(venues, teams, faults)
    faults.raise_if_any()
    venues = venues.sort_values("site_id", ignore_index=True)
    teams = teams.sort_values("team", ignore_index=True)
    task = _task(venues, drive_min, teams, weeks, every_weeks, faults)
    faults.raise_if_any()
    program = Program(task)
    _check_reach(task, program.slots, venues, teams)
    made, proof, least_min = program.solve(Clock(time_limit_s))
    return _told(task, venues, _placed(task, program.slots, made), proof, least_min)


def timetable_of(
    plan: Plan,
    *,
    weekdays: list[str],
    weeks: int,
    every_weeks: int,
    start_min: float = 540.0,
    day_min: float = 420.0,
    session_min: float = 120.0,
    time_limit_s: float = 120.0,
) -> Timetable:
    """Draw up the timetable of a plan's outreach, with a team at every hub that runs some, all alike.

    Parameters
    ----------
    plan
        As `plan.recommend` makes it: venues are its outreach sites, their families those whose best site they are.
    weekdays
        Names of the days that a team works.
    weeks, every_weeks, time_limit_s
        As in `timetable`.
    start_min, day_min, session_min
        Of every team, as in `timetable`.

    Raises
    ------
    InputError, InfeasibleError
        As in `timetable`.
    """
    case, opened = plan.case, plan.solution.opened
    best = np.where(opened, case.worths, 0.0).argmax(axis=1)
    taken = case.points["weight"].to_numpy(float) * case.covers[np.arange(len(best)), best]
    served = np.bincount(best, taken, minlength=len(opened))
    venues = plan.sites.loc[opened[1::2], ["site_id", "name", "parent_hub_id"]].assign(
        families=served[1::2][opened[1::2]]
    )
    names = dict(zip(plan.sites["site_id"], plan.sites["name"], strict=True))
    same = {"weekdays": weekdays, "start_min": start_min, "day_min": day_min, "session_min": session_min}
    hubs = sorted(set(venues["parent_hub_id"]))
    teams = pd.DataFrame([{"team": f"Team of {names[hub]} ({hub})", "hub_id": hub} | same for hub in hubs])
    ids = case.sites["site_id"].to_list()
    drive_min = pd.DataFrame(case.parent_min, index=ids, columns=ids)
    return timetable(
        venues.reset_index(drop=True),
        drive_min,
        teams,
        weeks=weeks,
        every_weeks=every_weeks,
        time_limit_s=time_limit_s,
    )


def _check(venues: pd.DataFrame, teams: pd.DataFrame, faults: Faults) -> None:
    codes(venues["site_id"], name="venues", faults=faults)
    codes(teams["team"], name="teams", faults=faults)
    numbers(venues[["site_id", "families"]], "families", name="venues", faults=faults)
    if "sessions" in venues:
        sessions = numbers(venues[["site_id", "sessions"]], "sessions", name="venues", faults=faults, least=1.0)
        if (np.isfinite(sessions) & (sessions % 1 != 0)).any():
            faults.add("venues", "sessions are not whole numbers", "round them")
    for column, above in (("start_min", False), ("day_min", True), ("session_min", True)):
        numbers(teams[["team", column]], column, name="teams", faults=faults, above=above)
    if not len(venues) or not len(teams):
        faults.add("venues and teams", f"{len(venues)} venues and {len(teams)} teams", "give one of each at least")
    for table, name, column in ((venues, "venues", "closed_weekdays"), (teams, "teams", "weekdays")):
        given = [] if column not in table else [*zip(table.iloc[:, 0], table[column], strict=True)]
        wrong = [(str(code), f"{column} is {days!r}") for code, days in given if not _are_days(days)]
        faults.add_each(name, wrong, f"give a list of some of {', '.join(WEEKDAYS)}")


def _are_days(days: Any) -> bool:
    return isinstance(days, list | tuple | set | frozenset) and all(day in WEEKDAYS for day in days)


def _task(
    venues: pd.DataFrame, drive_min: pd.DataFrame, teams: pd.DataFrame, weeks: int, every_weeks: int, faults: Faults
) -> Task:
    """Line the tables up by code."""
    hubs = sorted(set(teams["hub_id"]))
    places = [*venues["site_id"], *(hub for hub in hubs if hub not in set(venues["site_id"]))]
    for labels, kind in ((drive_min.index, "rows"), (drive_min.columns, "columns")):
        faults.add_codes("drive_min", f"{kind} stand twice", labels[labels.duplicated()], "keep one for each")
        fix = "give the minutes between all venues and hubs, NaN where out of reach"
        known(places, labels, name="drive_min", what=f"{kind} are missing", faults=faults, fix=fix)
    faults.raise_if_any()
    minutes = drive_min.reindex(index=places, columns=places).to_numpy(float)
    negative = [(f"{places[a]} to {places[b]}", f"is {minutes[a, b]:g}") for a, b in np.argwhere(minutes < 0)]
    faults.add_each("drive_min", negative, "give minutes, 0 or more")
    least = -(-weeks // every_weeks)
    families = venues["families"].to_numpy(float)
    if "sessions" in venues:
        wanted = venues["sessions"].to_numpy(int)
        few = [
            (str(venues["site_id"][i]), f"{wanted[i]} sessions are wanted, fewer than {least}")
            for i in np.flatnonzero(wanted < least).tolist()
        ]
        faults.add_each("venues", few, f"want {least} or more, or raise every_weeks")
    else:
        share = families / families.max() if families.max() > 0 else np.ones(len(families))
        wanted = np.maximum(least, np.ceil(np.round(weeks * share, 9))).astype(np.intp)
    closed = venues["closed_weekdays"] if "closed_weekdays" in venues else [()] * len(venues)
    parents = venues["parent_hub_id"].to_list() if "parent_hub_id" in venues else [None] * len(venues)
    staff = tuple(
        Team(
            name=str(row["team"]),
            hub=places.index(row["hub_id"]),
            weekdays=tuple(d for d, day in enumerate(WEEKDAYS) if day in row["weekdays"]),
            **{column: float(row[column]) for column in ("start_min", "day_min", "session_min")},
        )
        for row in teams.to_dict("records")
    )
    allowed = {
        (t, day): tuple(
            i
            for i, (parent, shut) in enumerate(zip(parents, closed, strict=True))
            if (pd.isna(parent) or parent == teams["hub_id"][t]) and WEEKDAYS[day] not in shut
        )
        for t, team in enumerate(staff)
        for day in team.weekdays
    }
    unreached = np.where(np.isnan(minutes), np.inf, minutes)
    return Task(families, wanted, allowed, staff, unreached, weeks, every_weeks)


def _check_reach(task: Task, slots: list[Slot], venues: pd.DataFrame, teams: pd.DataFrame) -> None:
    """Name the venues that no team can visit within a day."""
    faults = Faults(error=InfeasibleError)
    reached = {i for slot in slots for way in slot.rounds for i in way.venues}
    for i, site in enumerate(venues["site_id"]):
        if i in reached:
            continue
        parent = venues["parent_hub_id"][i] if "parent_hub_id" in venues else None
        mine = [t for t, hub in enumerate(teams["hub_id"]) if pd.isna(parent) or hub == parent]
        able = sorted({t for (t, _), allowed in task.allowed.items() if i in allowed})
        where, name = f"venues, {site}", venues["name"][i]
        if not mine:
            faults.add(where, f"no team is based at {parent}, the hub that runs {name}", "base a team there")
        elif not able:
            names = listing([task.teams[t].name for t in mine])
            faults.add(where, f"{name} is closed on every day that {names} works", "open it, or add a weekday")
        else:
            over, driven, t = min(_overrun(task, i, t) for t in able)
            team = task.teams[t]
            faults.add(
                where,
                f"{name} cannot be reached by car"
                if math.isinf(driven)
                else f"{name} takes {driven:g} minutes there and back, with a session of {team.session_min:g} more "
                f"than the {team.day_min:g} of {team.name}'s day, by {over:g}",
                "base a team nearer, or change its minutes",
            )
    faults.raise_if_any()


def _overrun(task: Task, venue: int, t: int) -> tuple[float, float, int]:
    """By how many minutes a visit to one venue passes a team's day, and the minutes driven for it."""
    team = task.teams[t]
    driven = task.legs(team, (venue,)).drive_min
    return driven + team.session_min - team.day_min, driven, t


def _placed(task: Task, slots: list[Slot], made: list[list[list[Round]]]) -> dict[tuple[int, int, int], Round]:
    """Give the rounds of a slot to its team-days, so that venues keep their weekday; by (week, weekday, team)."""
    placed: dict[tuple[int, int, int], Round] = {}
    seen = np.zeros((len(task.families), len(WEEKDAYS)))
    for w in range(task.weeks):
        now = np.zeros_like(seen)
        for slot, weekly in zip(slots, made, strict=True):
            ways = sorted(weekly[w], key=lambda way: way.venues)
            kept = np.array([[seen[list(way.venues), day].sum() for _, day in slot.members] for way in ways])
            rows, columns = linear_sum_assignment(-kept.reshape(len(ways), len(slot.members)))
            for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
                t, day = slot.members[c]
                placed[w, day, t] = ways[r]
                now[list(ways[r].venues), day] += 1
        seen += now
    return placed


def _told(
    task: Task, venues: pd.DataFrame, placed: dict[tuple[int, int, int], Round], proof: Proof, least_min: float
) -> Timetable:
    """Put the tables and the words together."""
    visits, days = [], []
    names, ids = venues["name"].astype(str).to_list(), venues["site_id"].to_list()
    for w in range(task.weeks):
        for day, t in sorted((day, t) for t, team in enumerate(task.teams) for day in team.weekdays):
            team, way = task.teams[t], placed.get((w, day, t), Round((), ()))
            at = team.start_min
            for order, (i, drive) in enumerate(zip(way.venues, way.drives_min, strict=False), 1):
                arrive, at = at + drive, at + drive + team.session_min
                visits.append((w + 1, WEEKDAYS[day], team.name, order, ids[i], names[i], arrive, at, drive))
            sessions = len(way.venues) * team.session_min
            slack = team.day_min - sessions - way.drive_min
            days.append(
                (w + 1, WEEKDAYS[day], team.name, len(way.venues), sessions, way.drive_min, slack, team.day_min)
            )
    columns = ["week", "weekday", "team", "order", "site_id", "name", "arrive_min", "leave_min", "drive_min"]
    table = pd.DataFrame(visits, columns=columns)
    totals = ["visits", "session_min", "drive_min", "slack_min", "day_min"]
    by_day = pd.DataFrame(days, columns=["week", "weekday", "team", *totals])
    by_team = by_day.groupby("team", as_index=False)[totals].sum()
    by_team.insert(1, "days", by_day.groupby("team")["week"].count().to_numpy())
    by_team.insert(2, "days_out", by_day.groupby("team")["visits"].agg(lambda v: int((v > 0).sum())).to_numpy())
    by_team["used_pct"] = 100 * (1 - by_team["slack_min"] / by_team["day_min"])
    mine = [table[table["site_id"] == i] for i in ids]
    by_venue = venues[["site_id", "name", "families"]].assign(
        wanted=task.wanted,
        visits=[len(rows) for rows in mine],
        longest_gap_weeks=[_longest_gap(rows["week"].to_numpy(int), task.weeks) for rows in mine],
        drive_min=[math.fsum(rows["drive_min"]) for rows in mine],
        when=[_when(rows, task.weeks) for rows in mine],
    )
    by_team = by_team.drop(columns="day_min")
    sentences = _sentences(task, by_venue, by_team, proof)
    return Timetable(table, by_venue, by_day, by_team, proof, least_min, sentences)


def _longest_gap(weeks: Ints, cycle: int) -> int:
    """Weeks between one visit and the next at most, from the last visit to the first of the next cycle too."""
    met = np.unique(weeks)
    return int(np.diff(np.append(met, met[0] + cycle)).max())


def _when(rows: pd.DataFrame, weeks: int) -> str:
    """Say on which weekdays of which weeks a venue is visited."""
    parts = []
    for day in WEEKDAYS:
        met = sorted(set(rows.loc[rows["weekday"] == day, "week"]))
        if len(met) == weeks:
            parts.append(f"every {day}")
        elif met:
            parts.append(f"{day} of week{'s' if len(met) > 1 else ''} {listing([str(week) for week in met])}")
    return "; ".join(parts)


def _sentences(task: Task, venues: pd.DataFrame, teams: pd.DataFrame, proof: Proof) -> list[str]:
    reach = math.fsum(task.families * task.wanted)
    share = f"; weighted by need, {100 * proof.objective / reach:.0f} % of what is wanted" if reach > 0 else ""
    wanted, cycle = plural(int(task.wanted.sum()), "session"), plural(task.weeks, "week")
    sentences = [
        f"{venues['visits'].sum()} of the {wanted} wanted take place in {cycle}{share}.",
        "No other timetable of these teams has more need-weighted sessions."
        if proof.status == "optimal"
        else f"No other timetable can have more than {100 * proof.gap:.2f} % more; the search was stopped.",
    ]
    sentences += [
        f"{team['team']} is out on {team['days_out']} of {plural(team['days'], 'day')}: "
        f"{team['session_min']:,.0f} minutes of sessions, {team['drive_min']:,.0f} of driving, "
        f"{team['slack_min']:,.0f} to spare."
        for team in teams.to_dict("records")
    ]
    for venue in venues.to_dict("records"):
        short = f"; {venue['wanted']} are wanted" if venue["visits"] < venue["wanted"] else ""
        sentences.append(
            f"{venue['name']}: {plural(venue['visits'], 'session')} ({venue['when']}), never more than "
            f"{plural(venue['longest_gap_weeks'], 'week')} apart{short}."
        )
    return sentences


def _clock(minutes: float) -> str:
    return f"{int(minutes + 0.5) // 60:02d}:{int(minutes + 0.5) % 60:02d}"
