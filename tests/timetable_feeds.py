"""Make small timetables for tests: by hand, or generated with every oddity that GTFS allows."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from needs import transit
from needs.transit import Walks

DAY = date(2026, 5, 12)  # a Tuesday
NAMES = "ABCDEFGHI"
DAY_S = 86_400


def text(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def hms(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def saved(folder: Path, files: dict[str, str]) -> transit.Feed:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, rows in files.items():
        (folder / name).write_text(rows, encoding="utf-8")
    return transit.read_feed(folder)


HEADS = {
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon,parent_station",
    "trips.txt": "trip_id,service_id",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
    "calendar_dates.txt": "service_id,date,exception_type",
    "frequencies.txt": "trip_id,start_time,end_time,headway_secs",
    "transfers.txt": "from_stop_id,to_stop_id,transfer_type,min_transfer_time",
}
MONTH = "20260501,20260531"


@dataclass
class Town:
    """A generated feed around midnight of DAY or before it, two origins, two sites, and how to walk."""

    files: dict[str, str]
    start: int
    access: list[dict[str, int]]
    egress: list[dict[str, int]]
    transfers: dict[tuple[str, str], int]
    foot: NDArray[np.float64]
    change_s: int


def town(seed: int) -> Town:
    """Draw a town: loops, hops of no time, blanks, headways, exceptions, rules for changing and all."""
    r = random.Random(seed)  # noqa: S311
    base = r.choice([0, DAY_S - 900])
    rows: dict[str, list[str]] = {name: [head] for name, head in HEADS.items()}
    for k, name in enumerate(NAMES):
        rows["stops.txt"].append(f"{name},Stop,{52 + k / 100},-1.0,{r.choice(['', 'P', 'Q'])}")
    rows["stops.txt"] += ["P,Station,52,-1,", "Q,Station,52,-1,"]
    rows["calendar.txt"] += [f"all,1,1,1,1,1,1,1,{MONTH}", f"tue,0,1,0,0,0,0,0,{MONTH}", f"mon,1,0,0,0,0,0,0,{MONTH}"]
    exceptions = ["tue,20260512,2", "mon,20260511,2", "odd,20260512,1", "odd,20260511,1", "odd,20260520,1"]
    rows["calendar_dates.txt"] += [e for e in exceptions if r.random() < 0.4 or e.endswith("20,1")]
    for k in range(r.randint(6, 20)):
        rows["trips.txt"].append(f"t{k},{r.choice(['all', 'all', 'all', 'tue', 'mon', 'odd'])}")
        part = r.choice([NAMES, NAMES[:4], NAMES[2:7], NAMES[5:]])  # most lines serve one part: one has to change
        stops = r.sample(part, r.randint(2, 4)) if r.random() < 0.7 else r.choices(part, k=r.randint(2, 5))
        t = base + r.choice([0, 0, 0, DAY_S]) + 60 * r.randint(0, 40)
        for n, stop in enumerate(stops):
            arrives = t + (r.choice([0, 37, 120, 300, 601]) if n else 0)
            t = arrives + r.choice([0, 0, 45])
            times = "," if 0 < n < len(stops) - 1 and r.random() < 0.2 else f"{hms(arrives)},{hms(t)}"
            flags = [r.choice(["", "0", "0", "1"]) if r.random() < 0.3 else "" for _ in range(2)]
            rows["stop_times.txt"].append(f"t{k},{times},{stop},{3 * n + 1},{','.join(flags)}")
        if r.random() < 0.5:
            start = base + 60 * r.randint(0, 30)
            rows["frequencies.txt"].append(
                f"t{k},{hms(start)},{hms(start + r.choice([1, 900, 1800]))},{r.choice([300, 700])}"
            )
    for _ in range(r.choice([0, 0, 1, 3])):
        kind = r.choice("2230")
        least = r.choice([0, 90, 400]) if kind == "2" else ""
        rows["transfers.txt"].append(f"{r.choice(NAMES + 'PQ')},{r.choice(NAMES + 'PQ')},{kind},{least}")

    def near(part: str) -> dict[str, int]:
        return {s: r.randint(0, 400) for s in r.sample(part, r.choice([1, 1, 2]))}

    pairs = {(r.choice(NAMES), r.choice(NAMES)) for _ in range(r.randint(0, 8))}
    return Town(
        files={name: text(*lines) for name, lines in rows.items()},
        start=base + 60 * r.randint(0, 10),
        access=[near(NAMES), near(NAMES[:3])],
        egress=[near(NAMES), near(NAMES[6:])],
        transfers={p: r.randint(0, 400) for p in sorted(pairs)},
        foot=np.array([[r.choice([math.nan, math.nan, 600.0, 1_500.0, 9_000.0]) for _ in range(2)] for _ in range(2)]),
        change_s=r.choice([1, 60, 150]),
    )


SEEDS = st.integers(0, 10**9)


def search(
    feed: transit.Feed, day: date, window: tuple[int, int], made: Town, *, limit_s: int
) -> tuple[NDArray[np.float64], transit.Journeys]:
    """Search a town both ways: every minute, and summed up."""
    table = transit.timetable(feed, day, start=window[0], end=window[1], reach_s=limit_s)
    row = {s: k for k, s in enumerate(feed.stops["stop_id"])}
    access = [(o, row[s], t) for o, near in enumerate(made.access) for s, t in near.items() if s in row]
    egress = [(row[s], o, t) for o, near in enumerate(made.egress) for s, t in near.items() if s in row]
    between = [(row[i], row[j], t) for (i, j), t in made.transfers.items() if i in row and j in row]
    steps = [Walks.of(*np.array(w, dtype=int).reshape(-1, 3).T) for w in (access, egress, between)]
    settings = {"change_s": made.change_s, "limit_s": limit_s}
    every = transit.minute_by_minute(table, *steps, made.foot, **settings)
    return every, transit.journeys(table, *steps, made.foot, **settings)
