"""Search outwards from each origin: exact, bounded, no preparation; the way of small work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.routing.arcs import Arcs, Ends

UNREACHED = np.int32(2**31 - 1)  # where there is no way within the limit
MAX_LIMIT_MS = 2**30 - 1  # 12 days: a limit and one more arc, or place, stay in 32 bits
_MAX_BUCKETS = 4096  # in the ring, so that it stays in the nearest cache
_ONE, _TWO = np.uint64(1), np.uint64(2)  # with unsigned places no index is looked at for being negative


@kernel
def _search(  # noqa: C901  one loop, kept whole
    first: NDArray[np.int64],
    arc: NDArray[np.int32],
    seed_node: NDArray[np.int32],
    seed_ms: NDArray[np.int32],
    limit: int,
    shift: int,
    state: NDArray[np.int32],
    touched: NDArray[np.uint32],
    entry: NDArray[np.int32],
    bucket: NDArray[np.int32],
) -> tuple[int, int]:
    """Settle all nodes within the limit; give how many were touched, and how many scans it took.

    Nodes wait in a ring of buckets, each 2 ** shift ms wide (Dial 1969, Communications of the ACM 12). Within a
    bucket they are scanned in any order, and anew when their time falls: exact whatever the width.

    `arc` is `Arcs.packed`. `state` holds, node after node, its time (limit + 1 on entry) and the bucket in which it
    waits (-1). `entry` holds a node and the entry after it; one whose node waits in another bucket by now is passed
    over. A node is scanned in one bucket only, so that an arc makes at most two entries that wait at one time.
    """
    mask, shift32 = np.int32(len(bucket) - 1), np.int32(shift)
    nowhere = np.int32(limit + 1)
    count, scans, waiting = 0, 0, 0
    free, fresh = np.int32(-1), np.int32(0)
    low = np.int32(nowhere >> shift32)
    for k in range(len(seed_node)):
        if seed_node[k] < 0 or seed_ms[k] > limit:
            continue
        v, time = np.uint64(seed_node[k]), seed_ms[k]
        if time >= state[_TWO * v]:
            continue
        if state[_TWO * v] == nowhere:
            touched[np.uint64(count)] = v
            count += 1
        state[_TWO * v] = time
        place = np.int32(time >> shift32)
        if state[_TWO * v + _ONE] != place:
            state[_TWO * v + _ONE] = place
            slot, e = np.uint64(np.uint32(place & mask)), np.uint64(np.uint32(fresh))
            entry[_TWO * e], entry[_TWO * e + _ONE] = v, bucket[slot]
            bucket[slot] = fresh
            fresh = np.int32(fresh + 1)
            waiting += 1
        low = min(low, place)
    while waiting > 0:
        slot = np.uint64(np.uint32(low & mask))
        top = bucket[slot]
        if top < 0:
            low = np.int32(low + 1)
            continue
        e = np.uint64(np.uint32(top))
        v = np.uint64(np.uint32(entry[_TWO * e]))
        bucket[slot] = entry[_TWO * e + _ONE]
        entry[_TWO * e + _ONE] = free
        free = top
        waiting -= 1
        if state[_TWO * v + _ONE] != low:
            continue
        state[_TWO * v + _ONE] = -1
        scans += 1
        here = state[_TWO * v]
        for a in range(np.uint64(first[v]), np.uint64(first[v + _ONE])):
            head = arc[_TWO * a]
            u = np.uint64(np.uint32(head if head >= 0 else ~head))
            time = np.int32(here + arc[_TWO * a + _ONE])
            known = state[_TWO * u]
            if time < known:
                if known == nowhere:
                    touched[np.uint64(count)] = u
                    count += 1
                state[_TWO * u] = time
                place = np.int32(time >> shift32)
                if head >= 0 and state[_TWO * u + _ONE] != place:
                    state[_TWO * u + _ONE] = place
                    if free >= 0:
                        top = free
                        free = entry[_TWO * np.uint64(np.uint32(top)) + _ONE]
                    else:
                        top = fresh
                        fresh = np.int32(fresh + 1)
                    e, slot = np.uint64(np.uint32(top)), np.uint64(np.uint32(place & mask))
                    entry[_TWO * e], entry[_TWO * e + _ONE] = u, bucket[slot]
                    bucket[slot] = top
                    waiting += 1
    return count, scans


@kernel
def many_to_many(
    first: NDArray[np.int64],
    arc: NDArray[np.int32],
    origin_node: NDArray[np.int32],
    origin_ms: NDArray[np.int32],
    end_node: NDArray[np.int32],
    end_ms: NDArray[np.int32],
    limit: int,
    shift: int,
    buckets: int,
    out: NDArray[np.int32],
    at: NDArray[np.int64],
) -> int:
    """Fill out[at[i], j] with the time from origin i to destination j; give the number of scans."""
    state, touched, entry, bucket = _room(len(first) - 1, len(arc) + 2, limit, buckets)
    total = 0
    for i in range(len(origin_node)):
        count, scans = _search(first, arc, origin_node[i], origin_ms[i], limit, shift, state, touched, entry, bucket)
        total += scans
        for j in range(len(end_node)):
            best = np.int32(limit + 1)
            for k in range(2):
                if end_node[j, k] >= 0:
                    best = min(best, np.int32(state[_TWO * np.uint64(end_node[j, k])] + end_ms[j, k]))
            out[at[i], j] = best if best <= limit else UNREACHED
        for k in range(count):
            state[_TWO * np.uint64(touched[k])] = limit + 1
    return total


@kernel
def _one_to_all(
    first: NDArray[np.int64],
    arc: NDArray[np.int32],
    seed_node: NDArray[np.int32],
    seed_ms: NDArray[np.int32],
    limit: int,
    shift: int,
    buckets: int,
) -> NDArray[np.int32]:
    state, touched, entry, bucket = _room(len(first) - 1, len(arc) + len(seed_node), limit, buckets)
    _search(first, arc, seed_node, seed_ms, limit, shift, state, touched, entry, bucket)
    times = state[::2].copy()
    for v in range(len(times)):
        if times[v] > limit:
            times[v] = UNREACHED
    return times


@kernel
def _room(
    nodes: int, entries: int, limit: int, buckets: int
) -> tuple[NDArray[np.int32], NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32]]:
    state = np.full(2 * nodes, -1, np.int32)
    state[::2] = limit + 1
    return state, np.empty(nodes, np.uint32), np.empty(2 * entries, np.int32), np.full(buckets, -1, np.int32)


def ring(arcs: Arcs, longest_seed_ms: int = 0) -> tuple[int, int]:
    """Choose the width of the buckets, as a power of two of milliseconds, and how many there are, another power.

    About a third of the usual arc: then few nodes are scanned twice, and few buckets are empty. All that can wait at
    one time must fit in the ring.
    """
    longest = max(arcs.longest_ms, longest_seed_ms)
    shift = max((arcs.usual_ms // 3).bit_length() - 1, 0)
    while (longest >> shift) + 2 > _MAX_BUCKETS:
        shift += 1
    return shift, 1 << ((longest >> shift) + 1).bit_length()


def from_nearest_ms(arcs: Arcs, places: Ends, *, limit_ms: int) -> NDArray[np.int32]:
    """Time to every node from whichever place reaches it soonest.

    Parameters
    ----------
    arcs
        Network; turned round for times from every node to a place.
    places
        Where to start.
    limit_ms
        Longer times are not searched; at most MAX_LIMIT_MS.

    Returns
    -------
    ndarray of int32
        Milliseconds, one per node; UNREACHED beyond the limit.
    """
    nodes, times = places.node.ravel(), places.ms.ravel()
    shift, buckets = ring(arcs, int(times.max(initial=0)))
    return _one_to_all(arcs.first, arcs.packed, nodes, times, min(limit_ms, MAX_LIMIT_MS), shift, buckets)
