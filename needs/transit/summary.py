"""Find the journeys by bus and on foot from origins to sites, over every minute of a window of leaving times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from needs.kernels import pool
from needs.routing import quickest, row_starts
from needs.transit import search
from needs.transit.connections import Timetable
from needs.transit.feed import IMPOSSIBLE

PERCENTILES = (10, 50, 90)
_BLOCK = 4_096  # origins at once: bounds memory to their minutes

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]  # compressed rows: first, end, seconds
Take = Callable[[int, slice, NDArray[np.int64], NDArray[np.int32]], None]  # site, origins, their minutes, services


@dataclass(frozen=True)
class Walks:
    """Walks from i to j in s seconds: arrays of one length, in any order; of two for one pair the quicker counts."""

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    s: NDArray[np.int32]

    @classmethod
    def of(cls, start: ArrayLike, end: ArrayLike, s: ArrayLike) -> Walks:
        """Take walks as any numbers; part seconds are rounded up, so that no one is early for a bus."""
        rows, columns = (np.asarray(a).astype(np.int32) for a in (start, end))
        return cls(rows, columns, np.ceil(np.asarray(s, dtype=np.float64)).astype(np.int32))

    def rows(self, count: int, columns: int, what: str) -> Rows:
        """Sort into compressed rows: where each start's walks begin, shape (count + 1,), their ends and their seconds.

        Raises
        ------
        ValueError
            If a walk starts or ends at a place that is not there, or takes less than no time.
        """
        for places, known in ((self.start, count), (self.end, columns)):
            if len(places) and not 0 <= places.min() <= places.max() < known:
                msg = f"{what}: places {places.min()} to {places.max()} are not all of the {known:,} that there are"
                raise ValueError(msg)
        if len(self.s) and self.s.min() < 0:
            msg = f"{what}: a walk takes {self.s.min()} seconds"
            raise ValueError(msg)
        order = quickest(self.start, self.end, self.s)
        end, s = self.end[order].astype(np.int32), self.s[order].astype(np.int32)
        return row_starts(self.start[order], count), end, s


@dataclass(frozen=True)
class Journeys:
    """Journeys from every origin to every site, over the window: arrays of shape (origins, sites).

    A journey starts at the door at one of the minutes of `Timetable.leaves_s` and its minutes count from then: the wait
    for the first bus is part of it. It is the earliest arrival, of equal ones that with the fewest vehicles; walking
    all the way is always an alternative, and preferred where it is as quick. What takes longer than the limit counts as
    no journey.

    Attributes
    ----------
    p10_min, median_min, p90_min
        The smallest minutes that are not exceeded on 10, 50 and 90 % of the departure minutes: an observed value, never
        the mean of two. Minutes without a journey rank last; NaN where the percentile falls on one.
    changes
        Changes on the median journey (of equally long ones, that with the fewest), 0 also where it is on foot; NaN
        where there is none.
    services
        Useful departures within the window: moments to leave the door, between its start and its end, for which one
        arrives earlier than by leaving at any later moment, and sooner than on foot.
    on_foot_share_pct
        Share of the departure minutes at which walking all the way is as quick as any bus.
    """

    p10_min: NDArray[np.float64]
    median_min: NDArray[np.float64]
    p90_min: NDArray[np.float64]
    changes: NDArray[np.float64]
    services: NDArray[np.int32]
    on_foot_share_pct: NDArray[np.float64]


def journeys(
    timetable: Timetable,
    access: Walks,
    egress: Walks,
    transfers: Walks,
    on_foot_s: NDArray[np.float64],
    *,
    change_s: int = 60,
    limit_s: int,
) -> Journeys:
    """Find the journeys of every minute of the window, and sum them up.

    A journey walks to a stop, rides, changes any number of times with exactly one walk between two vehicles (none is a
    walk of no length at the same stop), rides, and walks to the site. A change takes the longest of `change_s`, the
    walk between the two stops, and the least time that the timetable gives for them; a least time opens a change that
    the walks do not have; a change that it rules out is none. Boarding the first bus takes no time beyond the walk.

    Parameters
    ----------
    timetable
        Connections of the day.
    access
        From origin to stop.
    egress
        From stop to site.
    transfers
        From stop to stop, on foot; changing at the same stop is always possible.
    on_foot_s
        Seconds of walking all the way, rounded up to whole ones; NaN where too far; shape (origins, sites).
    change_s
        Least seconds of a change, 1 or more.
    limit_s
        Longest journey; at most the timetable's `reach_s`.

    Raises
    ------
    ValueError
        If a walk leads to or from a place that is not there, or the numbers are out of these ranges.
    """
    minutes = len(timetable.leaves_s)
    ranks = [-(-p * minutes // 100) - 1 for p in PERCENTILES]
    shape = on_foot_s.shape[::-1]
    quantile = np.full((len(PERCENTILES), *shape), np.nan)
    changes, services, on_foot = np.full(shape, np.nan), np.zeros(shape, np.int32), np.zeros(shape)

    def sum_up(site: int, block: slice, found: NDArray[np.int64], counted: NDArray[np.int32]) -> None:
        vehicles = found & (2**search.VEHICLE_BITS - 1)
        on_foot[site, block] = 100.0 * ((found < search.UNREACHED) & (vehicles == 0)).mean(axis=1)
        services[site, block] = counted
        search.sorted_rows(found)
        for k, rank in enumerate(ranks):
            quantile[k, site, block] = _seconds(found[:, rank]) / 60.0
        median = found[:, ranks[PERCENTILES.index(50)]]
        ridden = median & (2**search.VEHICLE_BITS - 1)
        changes[site, block] = np.where(median < search.UNREACHED, np.maximum(ridden - 1, 0), np.nan)

    _each_site(timetable, access, egress, transfers, on_foot_s, change_s, limit_s, sum_up)
    p10, p50, p90 = (np.ascontiguousarray(q.T) for q in quantile)
    return Journeys(p10, p50, p90, *(np.ascontiguousarray(a.T) for a in (changes, services, on_foot)))


def minute_by_minute(
    timetable: Timetable,
    access: Walks,
    egress: Walks,
    transfers: Walks,
    on_foot_s: NDArray[np.float64],
    *,
    change_s: int = 60,
    limit_s: int,
) -> NDArray[np.float64]:
    """Give what `journeys` sums up: the seconds of every departure minute, NaN where there is no journey.

    Parameters and errors are those of `journeys`.

    Returns
    -------
    ndarray of float
        Seconds from leaving the door to arriving, shape (origins, sites, minutes); the minutes are
        `timetable.leaves_s`.
    """
    seconds = np.full((*on_foot_s.shape, len(timetable.leaves_s)), np.nan)

    def keep(site: int, block: slice, found: NDArray[np.int64], _: NDArray[np.int32]) -> None:
        seconds[block, site] = _seconds(found)

    _each_site(timetable, access, egress, transfers, on_foot_s, change_s, limit_s, keep)
    return seconds


def _each_site(
    timetable: Timetable,
    access: Walks,
    egress: Walks,
    transfers: Walks,
    on_foot_s: NDArray[np.float64],
    change_s: int,
    limit_s: int,
    take: Take,
) -> None:
    """Search from every site and hand over what is found; one site and one block of origins at a time per thread."""
    if change_s < 1 or not 0 <= limit_s <= timetable.reach_s:
        msg = f"a change takes 1 second or more, not {change_s}; the limit is 0 to {timetable.reach_s}, not {limit_s}"
        raise ValueError(msg)
    t, stops = timetable, len(timetable.stop_ids)
    origins, sites = on_foot_s.shape
    first, stop, walk_s = access.rows(origins, stops, "access")
    changes = _changes(timetable, transfers, change_s)
    out = Walks(egress.end, egress.start, egress.s).rows(sites, stops, "egress")
    room = row_starts(t.start[t.board], stops)
    runs = int(t.run.max(initial=-1)) + 1
    foot = np.where(np.isnan(on_foot_s), float(search.UNREACHED), np.ceil(on_foot_s)).astype(np.int64)

    def one(site: int) -> None:
        egress_s = np.full(stops, -1, dtype=np.int32)
        egress_s[out[1][out[0][site] : out[0][site + 1]]] = out[2][out[0][site] : out[0][site + 1]]
        count, departure, label = search.profiles(
            *(t.run, t.start, t.end, t.departs_s, t.arrives_s, t.board, t.alight),
            *(room, *changes, egress_s, runs, limit_s),
        )
        on_foot = np.where(foot[:, site] <= limit_s, foot[:, site], search.UNREACHED)
        for low in range(0, origins, _BLOCK):
            block = slice(low, min(low + _BLOCK, origins))
            found = np.empty((block.stop - low, len(t.leaves_s)), dtype=np.int64)
            services = np.empty(block.stop - low, dtype=np.int32)
            search.minutes_to(
                *(first[low : block.stop + 1], stop, walk_s, room, count, departure, label, on_foot[block]),
                *(t.start_s, t.end_s, limit_s, found, services),
            )
            take(site, block, found, services)

    with pool() as threads:
        list(threads.map(one, range(sites)))


def _changes(timetable: Timetable, transfers: Walks, change_s: int) -> Rows:
    """Put together the walks between stops, changes at the same stop, and the timetable's own rules."""
    stops = len(timetable.stop_ids)
    everywhere = np.arange(stops, dtype=np.int32)
    opened = timetable.rule_s != IMPOSSIBLE
    far = np.iinfo(np.int32).max  # a walk that only a rule opens gives way to any other
    first, end, seconds = Walks(
        np.concatenate([transfers.start, everywhere, timetable.rule_start[opened]]).astype(np.int32),
        np.concatenate([transfers.end, everywhere, timetable.rule_end[opened]]).astype(np.int32),
        np.concatenate([transfers.s, np.zeros(stops), np.full(opened.sum(), far)]).astype(np.int32),
    ).rows(stops, stops, "transfers")
    start = np.repeat(everywhere, np.diff(first)).astype(np.int64)
    seconds = np.maximum(np.where(seconds == far, 0, seconds), change_s)
    pair, ruled = start * stops + end, timetable.rule_start.astype(np.int64) * stops + timetable.rule_end
    at = np.searchsorted(pair, ruled[opened])  # pairs are sorted, each once, and every opened rule is among them
    seconds[at] = np.maximum(seconds[at], timetable.rule_s[opened])
    kept = ~np.isin(pair, ruled[~opened])
    return row_starts(start[kept], stops), end[kept], seconds[kept].astype(np.int32)


def _seconds(found: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(found < search.UNREACHED, (found >> search.VEHICLE_BITS).astype(np.float64), np.nan)
