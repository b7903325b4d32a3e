"""Bring places to the nearest street, and say how long it takes from there to the street's ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from needs.routing.arcs import Ends
from needs.streets.graph import Graph
from needs.streets.rules import modes

ON, TOO_FAR, ISLAND = 0, 1, 2  # codes of Snapped.reason
REASONS = ("on the network", "too far from any street", "nearest street is on an island cut off from the rest")

NEARER_M = 10.0  # an island this much nearer than the rest is where the place stands
ACROSS_M = 100.0  # from an island to the rest: nearer, a gate or a gap in the map is likelier than a barrier
AT_NODE_M = 0.001  # a place this near to the end of a street stands on the junction


@dataclass(frozen=True)
class Snapped:
    """Places brought to the streets of one mode.

    Attributes
    ----------
    graph
        The streets.
    edge, line
        What each place stands on; -1 where no street is near enough, shape (k,).
    share
        How far along that line, 0 to 1.
    metres
        Straight distance to the nearest street of the network, also where it is too far.
    reason
        Index into REASONS. A place on an island, cut off by a river or a railway perhaps, is off the network, unless
        the rest is within ACROSS_M: then a gate or a gap in the map is taken to be what parts them.
    """

    graph: Graph
    edge: NDArray[np.int32]
    line: NDArray[np.int32]
    share: NDArray[np.float64]
    metres: NDArray[np.float64]
    reason: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.edge)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Snapped:
        """Take some of the places."""
        kept = (getattr(self, name)[rows] for name in ("edge", "line", "share", "metres", "reason"))
        return Snapped(self.graph, *kept)

    @property
    def connector_s(self) -> NDArray[np.float64]:
        """Seconds between each place and its street."""
        return self.metres / modes()[self.graph.mode].connector_kph * 3.6

    def leave(self) -> Ends:
        """Time from each place to the two ends of its street, rounded to milliseconds once."""
        to_start, to_end = self._to_ends()
        return self._ends(to_start, to_end)

    def arrive(self) -> Ends:
        """Time to each place from the two ends of its street, rounded to milliseconds once."""
        lines = self.graph.lines
        to_start, to_end = self._to_ends()
        edge = np.maximum(self.edge, 0)
        forward_s = lines.to_end_s[lines.first[edge], 0]
        backward_s = lines.to_start_s[lines.first[edge + 1] - 1, 1]
        return self._ends(_less(forward_s, to_end), _less(backward_s, to_start))

    def _to_ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds along the street to its start and to its end, without the connector; inf where not allowed."""
        lines, line = self.graph.lines, np.maximum(self.line, 0)
        return _between(lines.to_start_s[line], self.share), _between(lines.to_end_s[line], self.share)

    def _ends(self, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> Ends:
        """Hang the places on their junctions; one that stands on a junction is there whatever the one-way says."""
        lines, edges, edge = self.graph.lines, self.graph.edges, np.maximum(self.edge, 0)
        at_start = (self.line == lines.first[edge]) & (self.share == 0)
        at_end = (self.line == lines.first[edge + 1] - 1) & (self.share == 1)
        street_s = np.column_stack([np.where(at_start, 0.0, start_s), np.where(at_end, 0.0, end_s)])
        there = np.isfinite(street_s) & (self.edge >= 0)[:, None]
        ms = np.rint(1000 * (np.where(there, street_s, 0.0) + self.connector_s[:, None]))
        node = np.column_stack([edges.start[edge], edges.end[edge]])
        return Ends(np.where(there, node, -1).astype(np.int32), np.where(there, ms, 0).astype(np.int32))


def snap(graph: Graph, x: NDArray[np.float64], y: NDArray[np.float64]) -> Snapped:
    """Bring places to the nearest point of the nearest line.

    Parameters
    ----------
    graph
        Streets of one mode, which says how far is too far (`max_snap_m`).
    x, y
        Places, metres, EPSG:27700, shape (k,).

    Returns
    -------
    Snapped
        Of lines equally near the lowest counts.

    Raises
    ------
    ValueError
        If a place has no coordinates.
    """
    nowhere = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if len(nowhere):
        msg = f"place {nowhere[0]} has no coordinates"
        raise ValueError(msg)
    places = shapely.points(x, y)
    cap = modes()[graph.mode].max_snap_m
    lines = graph.lines
    row, found = graph.tree.query_nearest(places, all_matches=True)
    found = graph.fronts[found]
    line = np.full(len(places), np.iinfo(np.int64).max)
    np.minimum.at(line, row, found)
    share, metres = _foot(lines.x[line], lines.y[line], np.asarray(x, float), np.asarray(y, float))
    island_m = np.full(len(places), np.inf)
    if len(graph.islands):
        (row, _), near = graph.islands.tree.query_nearest(places, all_matches=False, return_distance=True)
        island_m[row] = near
    on_island = (island_m <= cap) & (island_m + NEARER_M < metres)
    near_enough = metres <= np.where(on_island, min(ACROSS_M, cap), cap)
    reason = np.where(near_enough, ON, np.where(on_island, ISLAND, TOO_FAR)).astype(np.int8)
    return Snapped(
        graph,
        np.where(near_enough, lines.edge[line], -1).astype(np.int32),
        np.where(near_enough, line, -1).astype(np.int32),
        share,
        metres,
        reason,
    )


def direct(origins: Snapped, destinations: Snapped) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Time between places on the same street, along it, without passing its ends; both connectors included.

    Returns
    -------
    origin, destination : ndarray of int
        Pairs on one street that can go along it, in order of origin, then destination.
    ms : ndarray of int
        Milliseconds, rounded once.
    """
    order = np.argsort(destinations.edge, kind="stable")
    begin = np.searchsorted(destinations.edge[order], origins.edge, side="left")
    count = np.searchsorted(destinations.edge[order], origins.edge, side="right") - begin
    count[origins.edge < 0] = 0
    i = np.repeat(np.arange(len(origins)), count)
    j = order[np.repeat(begin - np.cumsum(count) + count, count) + np.arange(count.sum())]
    a, b = (p.line + p.share for p in (origins, destinations))
    (start_a, end_a), (start_b, end_b) = origins._to_ends(), destinations._to_ends()
    ahead = _less(end_a[i], end_b[j])
    behind = _less(start_a[i], start_b[j])
    street_s = np.where(a[i] < b[j], ahead, np.where(a[i] > b[j], behind, 0.0))
    ms = 1000 * (street_s + origins.connector_s[i] + destinations.connector_s[j])
    can = np.isfinite(street_s)
    return i[can], j[can], np.rint(ms[can]).astype(np.int32)


def _foot(
    x: NDArray[np.float64], y: NDArray[np.float64], at_x: NDArray[np.float64], at_y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nearest point of each line: its share of the line, and its distance."""
    dx, dy = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
    length = np.hypot(dx, dy)
    along = (at_x - x[:, 0]) * dx + (at_y - y[:, 0]) * dy
    share = np.clip(np.divide(along, length**2, out=np.zeros_like(along), where=length > 0), 0.0, 1.0)
    share[share * length <= AT_NODE_M] = 0.0
    share[((1 - share) * length <= AT_NODE_M) & (length > 0)] = 1.0
    return share, np.hypot(x[:, 0] + share * dx - at_x, y[:, 0] + share * dy - at_y)


def _between(ends: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate between two times, both finite or both endless."""
    finite = np.isfinite(ends[:, 0])
    known = np.where(finite[:, None], ends, 0.0)
    return np.where(finite, known[:, 0] + share * (known[:, 1] - known[:, 0]), np.inf)


def _less(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take one time from another, endless where both are; what rounding makes negative is 0."""
    finite = np.isfinite(a) & np.isfinite(b)
    return np.where(finite, np.maximum(np.where(finite, a, 0.0) - np.where(finite, b, 0.0), 0.0), np.inf)
