"""Hold the streets that one mode can use: junctions, the streets between them, the lines they consist of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from needs.errors import InputError, fail
from needs.routing.arcs import Arcs
from needs.streets.rules import doorless

NO_WAY = -1  # milliseconds of a direction that is not allowed


@dataclass(frozen=True)
class Edges:
    """Undirected streets between two junctions; one may lead back to where it begins.

    Attributes
    ----------
    start, end
        Nodes, shape (e,).
    forward_ms, backward_ms
        Milliseconds from start to end and back, NO_WAY where not allowed, shape (e,). Seconds are added up exactly
        along the street and rounded here, once.
    metres
        Along the street, EPSG:27700.
    highway
        Index into the graph's `highways`.
    ferry, toll
        Flags.
    """

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    forward_ms: NDArray[np.int32]
    backward_ms: NDArray[np.int32]
    metres: NDArray[np.float64]
    highway: NDArray[np.int16]
    ferry: NDArray[np.bool_]
    toll: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.start)

    def arcs(self, nodes: int, forward: NDArray[Any], backward: NDArray[Any]) -> Arcs:
        """Make the directed network of the permitted directions, with whatever each way along an edge costs."""
        go, back = self.forward_ms != NO_WAY, self.backward_ms != NO_WAY
        return Arcs.of(
            nodes,
            np.concatenate([self.start[go], self.end[back]]),
            np.concatenate([self.end[go], self.start[back]]),
            np.concatenate([forward[go], backward[back]]),
        )


@dataclass(frozen=True)
class Lines:
    """The straight pieces that edges consist of: edge by edge, each from its start to its end.

    Attributes
    ----------
    x, y
        First and last point, metres, EPSG:27700, shape (l, 2).
    edge
        Ascending, shape (l,).
    to_start_s, to_end_s
        Seconds from each of the two points back to the edge's start and on to its end; inf where not allowed, shape
        (l, 2). Between the two points time runs evenly: a delay at a node is spread over the piece that enters it.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    edge: NDArray[np.int32]
    to_start_s: NDArray[np.float64]
    to_end_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.edge)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Edge e has the lines `first[e]` to `first[e + 1]`."""
        return np.concatenate([np.flatnonzero(np.diff(self.edge, prepend=-1)), [len(self.edge)]])


@dataclass(frozen=True)
class Islands:
    """Streets left out, because from them one cannot both come from and go to the rest.

    Attributes
    ----------
    nodes
        Junctions of each island, shape (i,).
    metres
        Length of its streets, with the one-way streets that join it to the rest.
    x, y
        A point of each, EPSG:27700.
    line_x, line_y
        First and last point of the lines of all islands, shape (l, 2).
    line_island
        Island that each line belongs to.
    """

    nodes: NDArray[np.int32]
    metres: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    line_x: NDArray[np.float64]
    line_y: NDArray[np.float64]
    line_island: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The islands' lines, to be searched by place."""
        return tree_of(self.line_x, self.line_y)


@dataclass(frozen=True)
class Graph:
    """Streets that one mode can use: the largest part in which every place reaches every other.

    Attributes
    ----------
    mode
        Name of the mode.
    x, y
        Junctions, metres, EPSG:27700, shape (n,).
    arcs
        The directed network of the junctions: the edges without loops, of parallel ones the quickest.
    edges
        All streets between the junctions.
    lines
        What the edges consist of.
    highways
        OpenStreetMap's classes, and "ferry".
    islands
        What was left out.
    report
        Counts: ways, osm_nodes, nodes, edges, km, islands, island_nodes, island_km, barriers (nodes that part a
        street), ferries and tolls (edges), refused_* (ways that a rule refuses, by the tag it looks at;
        refused_length: pieces that take longer than any journey).
    """

    mode: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    arcs: Arcs
    edges: Edges
    lines: Lines
    highways: tuple[str, ...]
    islands: Islands
    report: dict[str, int | float]

    @cached_property
    def fronts(self) -> NDArray[np.int64]:
        """Lines on which doors may open: those of all classes but `doorless`; all, where there are no others."""
        bare = np.isin(self.edges.highway, [k for k, name in enumerate(self.highways) if name in doorless()])
        some = np.flatnonzero(~bare[self.lines.edge])
        return some if len(some) else np.arange(len(self.lines))

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The fronts, in their order, to be searched by place."""
        return tree_of(self.lines.x[self.fronts], self.lines.y[self.fronts])


def tree_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> shapely.STRtree:
    """Index lines given by their two points, shape (l, 2)."""
    return shapely.STRtree(shapely.linestrings(np.stack([x, y], axis=2)))


def check_place(graph: Graph, *, where: str, bounds: tuple[float, float, float, float]) -> None:
    """Refuse streets of another place; they may reach beyond the council but must touch it.

    Parameters
    ----------
    graph
        Any mode's graph.
    where
        What to call the streets in messages.
    bounds
        West, south, east, north of the council, metres, EPSG:27700.

    Raises
    ------
    InputError
        If no street touches the council's bounds.
    """
    x, y = graph.lines.x, graph.lines.y
    west, south, east, north = bounds
    inside = (x.max(axis=1) >= west) & (x.min(axis=1) <= east) & (y.max(axis=1) >= south) & (y.min(axis=1) <= north)
    if not inside.any():
        fail(
            InputError,
            where,
            f"the streets lie elsewhere than the council's zones: {_box(x.min(), y.min(), x.max(), y.max())} "
            f"against {_box(*bounds)} (west, south, east, north; km, EPSG:27700)",
            "give the extract of the right place",
        )


def _box(*bounds: float) -> str:
    return ", ".join(f"{b / 1000:,.0f}" for b in bounds)
