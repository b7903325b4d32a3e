"""Find what is within reach of a place: times at junctions, and the pieces of streets between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.routing import UNREACHED, from_nearest_ms
from needs.streets import Snapped

# Line of each piece; seconds at the two ends of its edge, inf where it is not left that way; the part of the line.
Pieces = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Search:
    """Seconds from every junction to the soonest of some places, inf beyond the limit."""

    places: Snapped
    node_s: NDArray[np.float64]
    limit_s: float

    @classmethod
    def of(cls, places: Snapped, limit_s: float) -> Search:
        """Search against the direction of travel."""
        arcs = places.graph.arcs.reversed
        ms = from_nearest_ms(arcs, places.arrive(), limit_ms=int(np.ceil(limit_s * 1000)))
        return cls(places, np.where(ms == UNREACHED, np.inf, ms / 1000), limit_s)

    def pieces(self) -> Pieces:
        """Find what is within the limit by either end of its street, and then along a place's own street."""
        graph, on = self.places.graph, np.flatnonzero(self.places.edge >= 0)
        edges, lines = graph.edges, graph.lines
        place = (self.places.line[on], self.places.share[on], self.places.connector_s[on])
        ways = (lines.first, lines.to_start_s, lines.to_end_s)
        by_ends: Pieces = _by_ends(edges.start, edges.end, *ways, self.node_s, self.limit_s)
        direct: Pieces = _direct(self.places.edge[on], *place, *ways, self.limit_s)
        line, ends_s, part = (np.concatenate(both) for both in zip(by_ends, direct, strict=True))
        return line, ends_s, part


@kernel
def _between(at_s: NDArray[np.float64], share: float) -> float:
    """Interpolate between two times, both finite or both endless."""
    return at_s[0] + share * (at_s[1] - at_s[0]) if np.isfinite(at_s[0]) else np.inf


@kernel
def _by_ends(
    start: NDArray[np.int32],
    end: NDArray[np.int32],
    first: NDArray[np.int64],
    to_start_s: NDArray[np.float64],
    to_end_s: NDArray[np.float64],
    node_s: NDArray[np.float64],
    limit_s: float,
) -> Pieces:
    most = 0
    for e in range(len(start)):
        if min(node_s[start[e]], node_s[end[e]]) <= limit_s:
            most += first[e + 1] - first[e]
    line, ends_s, part = np.empty(most, np.int64), np.empty((most, 2)), np.empty((most, 2))
    count = 0
    for e in range(len(start)):
        by_start, by_end = node_s[start[e]], node_s[end[e]]
        if min(by_start, by_end) > limit_s:
            continue
        for i in range(first[e], first[e + 1]):
            if min(by_start + to_start_s[i, 0], by_end + to_end_s[i, 1]) <= limit_s:
                line[count], ends_s[count, 0], ends_s[count, 1] = i, by_start, by_end
                part[count, 0], part[count, 1] = 0.0, 1.0
                count += 1
    return line[:count], ends_s[:count], part[:count]


@kernel
def _direct(
    at_edge: NDArray[np.int32],
    at_line: NDArray[np.int32],
    at_share: NDArray[np.float64],
    at_s: NDArray[np.float64],
    first: NDArray[np.int64],
    to_start_s: NDArray[np.float64],
    to_end_s: NDArray[np.float64],
    limit_s: float,
) -> Pieces:
    """List the lines of the places' own edges, cut where the places stand.

    The seconds at the edge's ends are such that those on the way to the place come out: they may be negative.
    """
    most = 0
    for k in range(len(at_edge)):
        most += first[at_edge[k] + 1] - first[at_edge[k]] + 1
    line, ends_s, part = np.empty(most, np.int64), np.full((most, 2), np.inf), np.empty((most, 2))
    count = 0
    for k in range(len(at_edge)):
        here = at_line[k]
        by_start = at_s[k] - _between(to_start_s[here], at_share[k])
        by_end = at_s[k] - _between(to_end_s[here], at_share[k])
        for i in range(first[at_edge[k]], first[at_edge[k] + 1]):
            till = at_share[k] if i == here else 1.0
            if i <= here and by_end > -np.inf and by_end + _between(to_end_s[i], till) <= limit_s:
                line[count], ends_s[count, 1] = i, by_end
                part[count, 0], part[count, 1] = 0.0, till
                count += 1
            since = at_share[k] if i == here else 0.0
            if i >= here and by_start > -np.inf and by_start + _between(to_start_s[i], since) <= limit_s:
                line[count], ends_s[count, 0] = i, by_start
                part[count, 0], part[count, 1] = since, 1.0
                count += 1
    return line[:count], ends_s[:count], part[:count]


@kernel
def lay(
    line: NDArray[np.int64],
    ends_s: NDArray[np.float64],
    part: NDArray[np.float64],
    to_start_s: NDArray[np.float64],
    to_end_s: NDArray[np.float64],
    first: NDArray[np.int64],
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    share: NDArray[np.float32],
    metres: NDArray[np.float32],
    south: int,
    west: int,
    free_m: float,
    speed: float,
    seconds: NDArray[np.float64],
) -> None:
    """Give every point the least of the times at its doors, with the way to the street.

    The first `free_m` of that way are not counted: a point stands for what is around it, on the street too.
    """
    for p in range(len(line)):
        i = line[p]
        for d in range(first[i], first[i + 1]):
            if part[p, 0] <= share[d] <= part[p, 1]:
                by_start = ends_s[p, 0] + _between(to_start_s[i], share[d])
                by_end = ends_s[p, 1] + _between(to_end_s[i], share[d])
                time = min(by_start, by_end) + max(metres[d] - free_m, 0.0) / speed
                r, c = row[d] - south, column[d] - west
                seconds[r, c] = min(seconds[r, c], time)
