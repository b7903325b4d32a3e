"""Search a timetable backwards from one site: for every stop the useful departures, for every origin the minutes.

The method is the profile connection scan of Dibbelt, Pajor, Strasser and Wagner, "Connection Scan Algorithm", ACM
Journal of Experimental Algorithmics 23 (2018), with the number of vehicles carried as a second, lesser criterion.

A label is one integer, `arrival << VEHICLE_BITS | vehicles`, so that the smaller label is the earlier arrival, and of
equal arrivals the one with fewer vehicles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel

TIME_BITS, VEHICLE_BITS = 22, 19
LABEL_BITS = TIME_BITS + VEHICLE_BITS
UNREACHED = np.int64(2**62)  # a label, or a number of seconds, beyond all others
_VEHICLES = 2**VEHICLE_BITS - 1
_LABEL = 2**LABEL_BITS - 1
_LAST_S = 2**TIME_BITS - 1


@kernel
def profiles(
    run: NDArray[np.int32],
    start: NDArray[np.int32],
    end: NDArray[np.int32],
    departs_s: NDArray[np.int32],
    arrives_s: NDArray[np.int32],
    board: NDArray[np.bool_],
    alight: NDArray[np.bool_],
    room: NDArray[np.int64],
    change_first: NDArray[np.int64],
    change_to: NDArray[np.int32],
    change_s: NDArray[np.int32],
    egress_s: NDArray[np.int32],
    runs: int,
    limit_s: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Find, for every stop, the departures that are worth boarding on the way to one site.

    Parameters
    ----------
    run, start, end, departs_s, arrives_s, board, alight
        Connections sorted by departure, then run, then along the run.
    room
        The departures of stop i are kept from `room[i]` on, shape (stops + 1,).
    change_first, change_to, change_s
        Changes from stop i: `change_first[i]` to `change_first[i + 1]`; seconds, 1 or more.
    egress_s
        Seconds from each stop to the site; -1 where too far.
    runs
        Number of runs.
    limit_s
        Longest journey, seconds.

    Returns
    -------
    count, departure, label : ndarray
        Stop i has `count[i]` departures from `room[i]` on: the later first, each with an earlier arrival (or fewer
        vehicles) than all later ones.
    """
    count = np.zeros(len(room) - 1, np.int64)
    departure = np.empty(room[-1], np.int32)
    label = np.empty(room[-1], np.int64)
    seated = np.full(runs, UNREACHED)
    # A connection depends only on later ones: those further along its run, which stand after it, and, since a change
    # takes a second or more, on departures that are later than its own.
    for c in range(len(run) - 1, -1, -1):
        best = seated[run[c]]
        if alight[c]:
            there = end[c]
            if egress_s[there] >= 0:
                best = min(best, (np.int64(arrives_s[c]) + egress_s[there]) << VEHICLE_BITS)
            for k in range(change_first[there], change_first[there + 1]):
                first = room[change_to[k]]
                last = first + count[change_to[k]]
                if last == first or label[last - 1] >= best:
                    continue
                ready_s = arrives_s[c] + change_s[k]
                low, high = first, last
                while low < high:
                    middle = (low + high) // 2
                    if departure[middle] >= ready_s:
                        low = middle + 1
                    else:
                        high = middle
                if low > first:
                    best = min(best, label[low - 1])
            seated[run[c]] = best
        if not board[c] or best == UNREACHED or (best >> VEHICLE_BITS) - departs_s[c] > limit_s:
            continue
        boarded = best + 1
        at = room[start[c]] + count[start[c]]
        if at == room[start[c]] or boarded < label[at - 1]:
            if at > room[start[c]] and departure[at - 1] == departs_s[c]:
                at -= 1
            departure[at], label[at] = departs_s[c], boarded
            count[start[c]] = at + 1 - room[start[c]]
    return count, departure, label


@kernel
def _worth_leaving_for(
    stops: NDArray[np.int32],
    walk_s: NDArray[np.int32],
    room: NDArray[np.int64],
    count: NDArray[np.int64],
    departure: NDArray[np.int32],
    label: NDArray[np.int64],
    start_s: int,
    end_s: int,
    limit_s: int,
    found: NDArray[np.int64],
) -> int:
    """Merge the departures within a walk of one origin into the moments at which leaving the door is worth it.

    They are written to `found` as `(_LAST_S - moment) << LABEL_BITS | label`, the latest first, each with a better
    label than all later ones; returned is their number.
    """
    n = 0
    for a in range(len(stops)):
        for p in range(room[stops[a]], room[stops[a]] + count[stops[a]]):
            leave_s = np.int64(departure[p]) - walk_s[a]
            if leave_s < start_s:
                break
            arrival_s = label[p] >> VEHICLE_BITS
            if arrival_s - leave_s <= limit_s and arrival_s <= end_s + limit_s:
                found[n] = (_LAST_S - leave_s) << LABEL_BITS | label[p]
                n += 1
    found[:n].sort()
    kept, best = 0, UNREACHED
    for q in range(n):
        if found[q] & _LABEL < best:
            best = found[q] & _LABEL
            found[kept] = found[q]
            kept += 1
    return kept


@kernel
def _durations(
    found: NDArray[np.int64], on_foot_s: int, start_s: int, limit_s: int, minutes: NDArray[np.int64]
) -> None:
    """Write, for each minute of the window, the best `seconds << VEHICLE_BITS | vehicles`, or UNREACHED."""
    next_one = 0
    for m in range(len(minutes) - 1, -1, -1):
        leave_s = start_s + 60 * m
        while next_one < len(found) and _LAST_S - (found[next_one] >> LABEL_BITS) >= leave_s:
            next_one += 1
        minutes[m] = UNREACHED
        if next_one > 0:
            best = found[next_one - 1] & _LABEL
            if (best >> VEHICLE_BITS) - leave_s <= limit_s:
                minutes[m] = best - (leave_s << VEHICLE_BITS)
        if on_foot_s <= limit_s:
            minutes[m] = min(minutes[m], on_foot_s << VEHICLE_BITS)


@kernel
def minutes_to(
    access_first: NDArray[np.int64],
    access_stop: NDArray[np.int32],
    access_s: NDArray[np.int32],
    room: NDArray[np.int64],
    count: NDArray[np.int64],
    departure: NDArray[np.int32],
    label: NDArray[np.int64],
    on_foot_s: NDArray[np.int64],
    start_s: int,
    end_s: int,
    limit_s: int,
    minutes: NDArray[np.int64],
    services: NDArray[np.int32],
) -> None:
    """Find, for every origin, the best journey of every minute, and count the services.

    Parameters
    ----------
    access_first, access_stop, access_s
        Walks from origin i: `access_first[i]` to `access_first[i + 1]`.
    room, count, departure, label
        Of `profiles`.
    on_foot_s
        Seconds of walking all the way, shape (origins,); UNREACHED where too far.
    start_s, end_s, limit_s
        Window of leaving, and the longest journey.
    minutes
        Written: `seconds << VEHICLE_BITS | vehicles`, or UNREACHED, shape (origins, minutes).
    services
        Written: moments within the window at which leaving is worth it: one arrives earlier than by leaving any later,
        and sooner than on foot, shape (origins,).
    """
    most = 0
    for i in range(len(services)):
        size = 0
        for a in range(access_first[i], access_first[i + 1]):
            size += count[access_stop[a]]
        most = max(most, size)
    room_for_all = np.empty(most, np.int64)
    for i in range(len(services)):
        near = slice(access_first[i], access_first[i + 1])
        size = _worth_leaving_for(
            access_stop[near], access_s[near], room, count, departure, label, start_s, end_s, limit_s, room_for_all
        )
        found = room_for_all[:size]
        _durations(found, on_foot_s[i], start_s, limit_s, minutes[i])
        services[i] = 0
        arrived_s = UNREACHED
        for q in range(size):
            leave_s = _LAST_S - (found[q] >> LABEL_BITS)
            arrival_s = (found[q] & _LABEL) >> VEHICLE_BITS
            if arrival_s < arrived_s and leave_s <= end_s and arrival_s - leave_s < on_foot_s[i]:
                services[i] += 1
            arrived_s = arrival_s


@kernel
def sorted_rows(minutes: NDArray[np.int64]) -> None:
    """Sort every row in place: the quickest minutes first, of equal ones those with fewer vehicles."""
    for i in range(len(minutes)):
        minutes[i].sort()
