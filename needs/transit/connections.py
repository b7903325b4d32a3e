"""Lay out the buses of a day as connections from stop to stop: arrays, sorted by departure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.errors import InputError, fail
from needs.transit.feed import Feed
from needs.transit.services import runs, window

LAST_S = 2**22  # 48 days: times are kept in 22 bits
LONGEST_S = 2**19  # 6 days: so are, in 19, the vehicles of a journey, since each change takes a second or more


@dataclass(frozen=True)
class Timetable:
    """The connections of a day that can matter for leaving within a window. Seconds count from midnight of the day.

    A connection is one vehicle's way from a call to its next. They are sorted by departure, then run, then along the
    run. A run's connections are those of one vehicle on one trip: to stay seated beyond it (block_id) is not known.

    Attributes
    ----------
    stop_ids
        The feed's stops; every stop below is a row of these (and of `feed.stops`).
    start_s, end_s
        Window of leaving the door, both included.
    reach_s
        Connections that arrive up to this long after the window are there.
    run, start, end
        Vehicle, stop left and stop reached of each connection, shape (m,).
    departs_s, arrives_s
        Seconds, shape (m,); a connection may take none.
    board, alight
        Whether one may get on where the connection starts, and off where it ends, shape (m,).
    rule_start, rule_end, rule_s
        Changes with a rule of their own: from stop, to stop, least seconds (feed.IMPOSSIBLE: not allowed).
    """

    stop_ids: NDArray[np.object_]
    start_s: int
    end_s: int
    reach_s: int
    run: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    departs_s: NDArray[np.int32]
    arrives_s: NDArray[np.int32]
    board: NDArray[np.bool_]
    alight: NDArray[np.bool_]
    rule_start: NDArray[np.int32]
    rule_end: NDArray[np.int32]
    rule_s: NDArray[np.int32]

    @property
    def leaves_s(self) -> NDArray[np.int64]:
        """Every minute of the window: start_s, start_s + 60, ... up to end_s, which is included."""
        return np.arange(self.start_s, self.end_s + 1, 60)


def timetable(feed: Feed, day: date, *, start: str | int, end: str | int, reach_s: int) -> Timetable:
    """Lay out the connections of a day.

    Parameters
    ----------
    feed
        Timetable.
    day
        Calendar day. Runs of the day before that are still on the road are there, and those of the days after.
    start, end
        Window of leaving the door, both included: "07:00", past 24:00 for the night after, or seconds.
    reach_s
        The longest journey of interest, seconds.

    Raises
    ------
    InputError
        If the feed does not cover the day, or the times are none or in the wrong order.
    """
    first_s, last_s = window(start, end)
    if not 0 <= reach_s < LONGEST_S or last_s + reach_s >= LAST_S:
        what = f"journeys of up to {reach_s:,} seconds from {end} reach too far"
        fail(InputError, f"window {start} to {end}", what, f"stay under {LONGEST_S:,} seconds")
    until_s = last_s + reach_s
    stop_ids = feed.stops["stop_id"].to_numpy(dtype=object)
    number = pd.Series(np.arange(len(stop_ids), dtype=np.int32), index=stop_ids)
    calls = feed.stop_times
    here = np.flatnonzero(calls["trip_id"].to_numpy()[1:] == calls["trip_id"].to_numpy()[:-1])
    stop = number.loc[calls["stop_id"]].to_numpy()
    legs = pd.DataFrame(
        {
            "trip_id": calls["trip_id"].to_numpy()[here],
            "start": stop[here],
            "end": stop[here + 1],
            "departs_s": calls["departs_s"].to_numpy()[here],
            "arrives_s": calls["arrives_s"].to_numpy()[here + 1],
            "board": calls["board"].to_numpy()[here],
            "alight": calls["alight"].to_numpy()[here + 1],
            "along": here,
        }
    )
    day_runs = _in_time(runs(feed, day, until_s=until_s), legs, first_s, until_s)
    every = legs.merge(day_runs.assign(number=np.arange(len(day_runs))), on="trip_id")
    every = every.assign(
        departs_s=every["departs_s"] + every["shift_s"], arrives_s=every["arrives_s"] + every["shift_s"]
    )
    every = every[(every["departs_s"] >= first_s) & (every["arrives_s"] <= until_s)]
    every = every.sort_values(["departs_s", "number", "along"])
    rules = feed.transfers
    return Timetable(
        stop_ids=stop_ids,
        start_s=first_s,
        end_s=last_s,
        reach_s=reach_s,
        run=every["number"].to_numpy(dtype=np.int32),
        start=every["start"].to_numpy(dtype=np.int32),
        end=every["end"].to_numpy(dtype=np.int32),
        departs_s=every["departs_s"].to_numpy(dtype=np.int32),
        arrives_s=every["arrives_s"].to_numpy(dtype=np.int32),
        board=every["board"].to_numpy(dtype=bool),
        alight=every["alight"].to_numpy(dtype=bool),
        rule_start=number.loc[rules["from_stop_id"]].to_numpy().astype(np.int32),
        rule_end=number.loc[rules["to_stop_id"]].to_numpy().astype(np.int32),
        rule_s=rules["least_s"].to_numpy(dtype=np.int32),
    )


def _in_time(day_runs: pd.DataFrame, legs: pd.DataFrame, first_s: int, until_s: int) -> pd.DataFrame:
    """Keep the runs that are on the road between two moments; memory is then bounded by what can matter."""
    spans = legs.groupby("trip_id").agg(departs_s=("departs_s", "max"), arrives_s=("arrives_s", "min"))
    spans = spans.reindex(day_runs["trip_id"]).set_axis(day_runs.index)
    shift = day_runs["shift_s"]
    return day_runs[(spans["departs_s"] + shift >= first_s) & (spans["arrives_s"] + shift <= until_s)]
