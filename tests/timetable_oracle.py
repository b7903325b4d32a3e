"""Find journeys a second time, slowly: plain Python over the raw text of a feed, forwards, one departure at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
NEVER = float("inf")
Seconds = dict[str, int]


@dataclass
class Call:
    stop: str
    arrives: int
    departs: int
    board: bool
    alight: bool


class Oracle:
    """The runs of some days around one, each a list of calls in seconds after that day's midnight."""

    def __init__(self, files: dict[str, str], day: date) -> None:
        self.rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}
        self.day = day
        self.runs: list[list[Call]] = []
        for trip in self.rows["trips.txt"]:
            calls = self._calls(trip["trip_id"])
            often = [r for r in self.rows.get("frequencies.txt", []) if r["trip_id"] == trip["trip_id"]]
            for shift in (-2, -1, 0, 1):
                if self._runs(trip["service_id"], day + timedelta(days=shift)):
                    moves = [0]
                    if often:
                        moves = []
                        for r in often:
                            start = clock(r["start_time"])
                            while start < clock(r["end_time"]):
                                moves.append(start - calls[0].departs)
                                start += int(r["headway_secs"])
                    for move in moves:
                        by = move + shift * 86_400
                        self.runs.append(
                            [Call(c.stop, c.arrives + by, c.departs + by, c.board, c.alight) for c in calls]
                        )

    def _runs(self, service: str, when: date) -> bool:
        stamp = when.strftime("%Y%m%d")
        for r in self.rows.get("calendar_dates.txt", []):
            if (r["service_id"], r["date"]) == (service, stamp):
                return r["exception_type"] == "1"
        for r in self.rows.get("calendar.txt", []):
            if r["service_id"] == service:
                return r[DAYS[when.weekday()]] == "1" and r["start_date"] <= stamp <= r["end_date"]
        return False

    def _calls(self, trip: str) -> list[Call]:
        rows = [r for r in self.rows["stop_times.txt"] if r["trip_id"] == trip]
        rows.sort(key=lambda r: int(r["stop_sequence"]))
        calls = []
        for k, r in enumerate(rows):
            if r["departure_time"]:
                arrives, departs = clock(r["arrival_time"]), clock(r["departure_time"])
            else:
                low = max(i for i in range(k) if rows[i]["departure_time"])
                high = min(i for i in range(k + 1, len(rows)) if rows[i]["departure_time"])
                a, b = clock(rows[low]["departure_time"]), clock(rows[high]["arrival_time"])
                arrives = departs = a + (b - a) * (k - low) // (high - low)
            calls.append(
                Call(r["stop_id"], arrives, departs, r.get("pickup_type") != "1", r.get("drop_off_type") != "1")
            )
        return calls

    def changes(self, walks: dict[tuple[str, str], int], change_s: int) -> dict[tuple[str, str], int]:
        """Seconds of every possible change, the rules of transfers.txt included."""
        stops = self.rows["stops.txt"]
        found = {(r["stop_id"], r["stop_id"]): change_s for r in stops}
        for pair, s in walks.items():
            found[pair] = max(change_s, s) if pair[0] != pair[1] else change_s
        if not self.rows.get("transfers.txt"):
            return found
        station = {r["stop_id"]: r.get("parent_station", "") for r in stops}
        for i in station:
            for j in station:
                rules = []
                for r in self.rows.get("transfers.txt", []):
                    a, b = r["from_stop_id"], r["to_stop_id"]
                    if a in (i, station[i]) and b in (j, station[j]) and r["transfer_type"] in "23":
                        rules.append(((a == i) + (b == j), r))
                nearest = [r for rank, r in rules if rank == max(rank for rank, _ in rules)]
                if any(r["transfer_type"] == "3" for r in nearest):
                    found.pop((i, j), None)
                elif nearest:
                    least = max(int(r["min_transfer_time"]) for r in nearest)
                    found[i, j] = max(found.get((i, j), change_s), least)
        return found

    def by_bus(
        self, leave: int, access: Seconds, egresses: Iterable[Seconds], changes: dict[tuple[str, str], int], until: int
    ) -> list[tuple[float, int]]:
        """Earliest arrival at each site and the fewest vehicles that it takes, leaving the door at one second."""
        egresses = list(egresses)
        best: list[tuple[float, int]] = [(NEVER, 0)] * len(egresses)
        ready = {stop: leave + s for stop, s in access.items()}  # at the kerb, able to board
        runs = [r for r in self.runs if r[-1].departs >= leave and r[0].departs <= until]
        vehicles = 0
        fresh = True
        while fresh:
            vehicles += 1
            arrived: dict[str, int] = {}
            for run in runs:
                aboard = False
                for call in run:
                    if aboard and call.alight and call.arrives < arrived.get(call.stop, until + 1):
                        arrived[call.stop] = call.arrives
                    aboard = aboard or (call.board and ready.get(call.stop, NEVER) <= call.departs)
            for k, egress in enumerate(egresses):
                there = min((arrived[s] + e for s, e in egress.items() if s in arrived), default=NEVER)
                if there < best[k][0]:
                    best[k] = (there, vehicles)
            fresh = False
            for (i, j), s in changes.items():
                if i in arrived and arrived[i] + s < ready.get(j, NEVER):
                    ready[j] = arrived[i] + s
                    fresh = True
        return best

    def services(
        self,
        window: tuple[int, int],
        access: Seconds,
        egress: Seconds,
        changes: dict[tuple[str, str], int],
        foot: float,
        limit: int,
    ) -> int:
        """Seconds of the window after which one arrives later, by bus and sooner than on foot."""
        moments = {c.departs - access[c.stop] for run in self.runs for c in run if c.stop in access and c.board}
        found = 0
        for leave in moments:
            if window[0] <= leave <= window[1]:
                until = window[1] + limit
                now, later = (self.by_bus(t, access, [egress], changes, until)[0][0] for t in (leave, leave + 1))
                shorter = not foot <= limit or now - leave < foot  # NaN is too far
                found += now < later and now - leave <= limit and shorter
        return found


def clock(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds
