"""Search outwards from each origin: exact, bounded, no preparation; the way of small work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.routing.arcs import Arcs, Ends

UNREACHED = np.int32(2**31 - 1)  # where there is no way within the limit
MAX_LIMIT_MS = 2**30  # sums of a limit and one more arc stay in 32 bits
_MAX_BUCKETS = 4096  # in the ring, so that it stays in the nearest cache


@kernel
def _search(  # noqa: C901  one loop, kept whole
    first: NDArray[np.int64],
    arc: NDArray[np.int32],
    seed_node: NDArray[np.int32],
    seed_ms: NDArray[np.int32],
    limit: int,
    shift: int,
    state: NDArray[np.int32],
    touched: NDArray[np.int32],
    entry: NDArray[np.int32],
    bucket: NDArray[np.int32],
) -> tuple[int, int]:
    """Settle all nodes within the limit; give how many were touched, and how many scans it took.

    Nodes wait in a ring of buckets, each 2 ** shift ms wide (Dial 1969, Communications of the ACM 12). Within a
    bucket they are scanned in any order, and anew when their time falls: exact whatever the width.

    `state` holds, side by side for the cache, a node's time (UNREACHED on entry) and the bucket in which it waits
    (-1). `entry` holds a node and the entry after it; one whose node waits in another bucket by now is passed over. A
    node is scanned in one bucket only, so that an arc makes at most two entries that wait at one time.
    """
    mask = len(bucket) - 1
    count, scans, waiting = 0, 0, 0
    free, fresh = -1, 0
    low = np.int64(limit >> shift) + 1
    for k in range(len(seed_node)):
        v, time = seed_node[k], seed_ms[k]
        if v < 0 or time > limit or time >= state[v, 0]:
            continue
        if state[v, 0] == UNREACHED:
            touched[count] = v
            count += 1
        state[v, 0] = time
        place = time >> shift
        if state[v, 1] != place:
            state[v, 1] = place
            entry[fresh, 0], entry[fresh, 1] = v, bucket[place & mask]
            bucket[place & mask] = fresh
            fresh += 1
            waiting += 1
        low = min(low, np.int64(place))
    while waiting > 0:
        e = bucket[low & mask]
        if e < 0:
            low += 1
            continue
        v = entry[e, 0]
        bucket[low & mask] = entry[e, 1]
        entry[e, 1], free = free, e
        waiting -= 1
        if state[v, 1] != low:
            continue
        state[v, 1] = -1
        scans += 1
        here = state[v, 0]
        for a in range(first[v], first[v + 1]):
            u, time = arc[a, 0], here + arc[a, 1]
            known = state[u, 0]
            if time < known and time <= limit:
                if known == UNREACHED:
                    touched[count] = u
                    count += 1
                state[u, 0] = time
                place = time >> shift
                if state[u, 1] != place:
                    state[u, 1] = place
                    if free >= 0:
                        e, free = free, entry[free, 1]
                    else:
                        e = fresh
                        fresh += 1
                    entry[e, 0], entry[e, 1] = u, bucket[place & mask]
                    bucket[place & mask] = e
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
) -> int:
    """Fill out[i, j] with the time from origin i to destination j; give the number of scans."""
    nodes = len(first) - 1
    state = np.empty((nodes, 2), np.int32)
    state[:, 0] = UNREACHED
    state[:, 1] = -1
    touched = np.empty(nodes, np.int32)
    entry = np.empty((2 * len(arc) + 2, 2), np.int32)
    bucket = np.full(buckets, -1, np.int32)
    total = 0
    for i in range(len(origin_node)):
        count, scans = _search(first, arc, origin_node[i], origin_ms[i], limit, shift, state, touched, entry, bucket)
        total += scans
        for j in range(len(end_node)):
            best = np.int64(limit) + 1
            for k in range(2):
                v = end_node[j, k]
                if v >= 0 and state[v, 0] != UNREACHED:
                    best = min(best, np.int64(state[v, 0]) + end_ms[j, k])
            out[i, j] = best if best <= limit else UNREACHED
        for k in range(count):
            state[touched[k], 0] = UNREACHED
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
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    nodes = len(first) - 1
    state = np.empty((nodes, 2), np.int32)
    state[:, 0] = UNREACHED
    state[:, 1] = -1
    touched = np.empty(nodes, np.int32)
    entry = np.empty((2 * len(arc) + len(seed_node), 2), np.int32)
    bucket = np.full(buckets, -1, np.int32)
    count, _ = _search(first, arc, seed_node, seed_ms, limit, shift, state, touched, entry, bucket)
    return state[:, 0].copy(), touched[:count].copy()


def ring(arcs: Arcs, longest_seed_ms: int = 0) -> tuple[int, int]:
    """Choose the width of the buckets, as a power of two of milliseconds, and how many there are, another power.

    About a third of the usual arc: then few nodes are scanned twice, and few buckets are empty. All that can wait at
    one time must fit in the ring.
    """
    usual = int(np.median(arcs.ms)) if len(arcs.ms) else 0
    longest = max(int(arcs.ms.max(initial=0)), longest_seed_ms)
    shift = max((usual // 3).bit_length() - 1, 0)
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
    found, _ = _one_to_all(arcs.first, arcs.packed, nodes, times, min(limit_ms, MAX_LIMIT_MS), shift, buckets)
    return np.asarray(found)
