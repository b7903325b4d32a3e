"""Sweep down a hierarchy from many origins at once, over the nodes that matter for some destinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.routing.arcs import Ends
from needs.routing.hierarchy import NO_ARC, Hierarchy
from needs.routing.search import UNREACHED

LANES = 32  # origins at once: their times fill two cache lines
_NEVER = NO_ARC  # with one more arc or place it stays in 32 bits
_TILE = 64  # destinations
_SMALLEST_SUBTREE = 24  # to look whether it can be passed over


@dataclass(frozen=True)
class Selection:
    """The part of a hierarchy that some destinations hang on: them, and all above them in the elimination tree.

    Rows run from the highest rank down, so that a sweep reads everything forwards, and a subtree is the run of rows
    that its root begins.

    Attributes
    ----------
    place
        Of each rank, its row here; -1 where it is left out.
    first, head, ms
        Arcs to each row from those before it.
    near_first, near
        The rows before it that each row is linked to.
    size
        Rows in the subtree of each row, itself included.
    end, end_ms
        Of each destination, the rows of its nodes (-1: none) and the time from there, shape (k, 2).
    """

    place: NDArray[np.int32]
    first: NDArray[np.int64]
    head: NDArray[np.int32]
    ms: NDArray[np.int32]
    near_first: NDArray[np.int64]
    near: NDArray[np.int32]
    size: NDArray[np.int32]
    end: NDArray[np.int32]
    end_ms: NDArray[np.int32]


def select(hierarchy: Hierarchy, destinations: Ends) -> Selection:
    """Choose what a sweep to some destinations must visit (RPHAST: Delling, Goldberg, Werneck 2011, ATMOS)."""
    on = destinations.node >= 0
    ranks = np.unique(hierarchy.rank[destinations.node[on]])
    wanted = _with_ancestors(hierarchy.parent, ranks)
    rows = np.flatnonzero(wanted)[::-1].copy()
    place = np.full(len(wanted), -1, dtype=np.int32)
    place[rows] = np.arange(len(rows))
    first, head, ms = _rows_of(*hierarchy.down, rows, place)
    near_first, near, _ = _rows_of(hierarchy.near_first, hierarchy.near, hierarchy.near, rows, place)
    above = hierarchy.parent[rows]
    end = np.full(destinations.node.shape, -1, dtype=np.int32)
    end[on] = place[hierarchy.rank[destinations.node[on]]]
    return Selection(
        place,
        first,
        head,
        ms,
        near_first,
        near,
        _subtree_sizes(np.where(above >= 0, place[above], -1).astype(np.int32)),
        end,
        destinations.ms,
    )


def sweep(
    hierarchy: Hierarchy,
    selection: Selection,
    origins: Ends,
    *,
    limit_ms: int,
    out: NDArray[np.int32],
    at: NDArray[np.int64],
) -> None:
    """Write the time from every origin to every destination of a selection.

    Parameters
    ----------
    hierarchy, selection
        Of the same network.
    origins
        Best given in the order of their ranks: neighbours share what they may pass over.
    limit_ms
        Longer times are UNREACHED.
    out, at
        Milliseconds from origin i are written to row at[i] of `out`, a column for every destination.
    """
    seeds = np.where(origins.node >= 0, hierarchy.rank[origins.node], -1)
    _sweep(
        hierarchy.up,
        hierarchy.parent,
        (seeds, origins.ms),
        selection.place,
        (selection.first, selection.head, selection.ms),
        (selection.near_first, selection.near, selection.size),
        (selection.end, selection.end_ms),
        np.int32(limit_ms),
        out,
        at,
    )


@kernel
def _climb(
    up: Any,
    parent: Any,
    seeds: Any,
    seed_ms: Any,
    limit: Any,
    climbed: Any,
    place: Any,
    rows: Any,
    lane: int,
    stamp: Any,
    batch: int,
) -> None:
    """Relax all arcs upward from one origin, along its way up the elimination tree; leave the times in its lane."""
    first, head, ms = up
    for k in range(2):
        if seeds[k] >= 0:
            climbed[seeds[k]] = min(climbed[seeds[k]], seed_ms[k])
    a, b = np.int64(seeds[0]), np.int64(seeds[1])
    while a >= 0 or b >= 0:
        v = a if b < 0 or (0 <= a < b) else b
        time = climbed[v]
        if time <= limit:
            for e in range(first[v], first[v + 1]):
                climbed[head[e]] = min(climbed[head[e]], np.int32(time + ms[e]))
        row = place[v]
        if row >= 0:
            if stamp[row] != batch:
                stamp[row] = batch
                rows[row, :] = _NEVER
            rows[row, lane] = time
        climbed[v] = _NEVER
        above = np.int64(parent[v])
        if a == v:
            a = above
        if b == v:
            b = above


@kernel
def _sweep(
    up: Any, parent: Any, origins: Any, place: Any, down: Any, tree: Any, ends: Any, limit: Any, out: Any, at: Any
) -> None:
    first, head, ms = down
    near_first, near, size = tree
    seeds, seed_ms = origins
    count = len(first) - 1
    rows = np.full((count + 1, LANES), _NEVER, np.int32)  # the last stands for a place that is not there
    stamp = np.full(count, -1, np.int32)
    alive = np.empty(count, np.bool_)
    climbed = np.full(len(parent), _NEVER, np.int32)
    tile = np.empty((_TILE, LANES), np.int32)
    for batch in range((len(seeds) + LANES - 1) // LANES):
        here = min(LANES, len(seeds) - batch * LANES)
        for lane in range(here):
            i = batch * LANES + lane
            _climb(up, parent, seeds[i], seed_ms[i], limit, climbed, place, rows, lane, stamp, batch)
        v = 0
        while v < count:
            fresh = stamp[v] != batch
            alive[v] = _relax(rows, head, ms, first[v], first[v + 1], v, fresh, limit)
            stamp[v] = batch
            if fresh and not alive[v] and size[v] >= _SMALLEST_SUBTREE and _cut_off(v, near_first, near, alive):
                v += size[v]
            else:
                v += 1
        _hand_over(rows, stamp, batch, ends, limit, tile, out, at[batch * LANES : batch * LANES + here])


@kernel
def _hand_over(rows: Any, stamp: Any, batch: int, ends: Any, limit: Any, tile: Any, out: Any, at: Any) -> None:
    """Write the times of all destinations, a tile at a time, so that rows are turned in the nearest cache."""
    end, end_ms = ends
    nowhere = len(rows) - 1
    for begin in range(0, len(end), _TILE):
        wide = min(_TILE, len(end) - begin)
        for j in range(wide):
            a, b = end[begin + j, 0], end[begin + j, 1]
            a = a if a >= 0 and stamp[a] == batch else nowhere
            b = b if b >= 0 and stamp[b] == batch else nowhere
            _hand_over_lanes(rows, a, end_ms[begin + j, 0], b, end_ms[begin + j, 1], limit, UNREACHED, tile, j)
        for lane in range(len(at)):
            for j in range(wide):
                out[at[lane], begin + j] = tile[j, lane]


@kernel
def _cut_off(v: int, near_first: Any, near: Any, alive: Any) -> bool:
    """Whether no origin can come into the subtree of v within the limit: the ways in are v and what v is linked to."""
    for e in range(near_first[v], near_first[v + 1]):  # noqa: SIM110  a generator is not compiled
        if alive[near[e]]:
            return False
    return True


@kernel
def _with_ancestors(parent: NDArray[np.int32], ranks: NDArray[np.int32]) -> NDArray[np.bool_]:
    wanted = np.zeros(len(parent), np.bool_)
    for r in ranks:
        v = np.int64(r)
        while v >= 0 and not wanted[v]:
            wanted[v] = True
            v = np.int64(parent[v])
    return wanted


@kernel
def _rows_of(
    first: NDArray[np.int64],
    head: NDArray[np.int32],
    ms: NDArray[np.int32],
    rows: NDArray[np.int64],
    place: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Take some rows of compressed rows, with heads renumbered; whatever a row is linked to is taken too."""
    start = np.zeros(len(rows) + 1, np.int64)
    for i in range(len(rows)):
        start[i + 1] = start[i] + first[rows[i] + 1] - first[rows[i]]
    to = np.empty(start[-1], np.int32)
    time = np.empty(start[-1], np.int32)
    for i in range(len(rows)):
        for k in range(first[rows[i] + 1] - first[rows[i]]):
            to[start[i] + k] = place[head[first[rows[i]] + k]]
            time[start[i] + k] = ms[first[rows[i]] + k]
    return start, to, time


@kernel
def _subtree_sizes(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    size = np.ones(len(parent), np.int32)
    for v in range(len(parent) - 1, -1, -1):
        if parent[v] >= 0:
            size[parent[v]] += size[v]
    return size


# What follows computes on all lanes of a row at once, in the vector registers of the processor. The compiler does not
# see that a row stays the same while arcs are relaxed into it, and stores it every time; here the vector instructions
# are given by hand. They are of no one processor: LLVM makes of them what it has. They stand in this file because a
# change in another would not tell the kept machine code that it is stale.

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


class _Rows:
    """A table with a row of lanes for every node, as the code that is being written sees it."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        self.builder = builder
        self.data = _data(context, builder, kind, value)
        self.lanes = ir.VectorType(context.get_value_type(kind.dtype), LANES)

    def address(self, row: Any) -> Any:
        first = self.builder.gep(self.data, [self.builder.mul(row, ir.Constant(_INT64, LANES))])
        return self.builder.bitcast(first, self.lanes.as_pointer())

    def load(self, row: Any) -> Any:
        return self.builder.load(self.address(row), align=4)

    def store(self, lanes: Any, row: Any) -> None:
        self.builder.store(lanes, self.address(row), align=4)


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value=value).data


def _in_all_lanes(builder: Any, value: Any) -> Any:
    nothing = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES))


def _sooner(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, b), a, b)


@intrinsic
def _relax(_typing: Any, rows: Any, head: Any, ms: Any, begin: Any, end: Any, row: Any, fresh: Any, limit: Any) -> Any:
    """Lower rows[row] to the least of rows[head] + ms over the arcs begin to end; a fresh row starts from infinity.

    Gives whether any lane of the row is within the limit.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table = _Rows(context, builder, signature.args[0], args[0])
        heads, times = (_data(context, builder, signature.args[k], args[k]) for k in (1, 2))
        best = cgutils.alloca_once(builder, table.lanes)
        with builder.if_else(args[6]) as (new, known):
            with new:
                builder.store(_in_all_lanes(builder, ir.Constant(_INT32, int(_NEVER))), best)
            with known:
                builder.store(table.load(args[5]), best)
        with cgutils.for_range_slice(builder, args[3], args[4], ir.Constant(_INT64, 1)) as (arc, _):
            above = builder.zext(builder.load(builder.gep(heads, [arc])), _INT64)
            time = _in_all_lanes(builder, builder.load(builder.gep(times, [arc])))
            way = builder.add(table.load(above), time)
            builder.store(_sooner(builder, way, builder.load(best)), best)
        lowest = builder.load(best)
        table.store(lowest, args[5])
        inside = builder.icmp_signed("<=", lowest, _in_all_lanes(builder, args[7]))
        mask = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(inside, mask), ir.Constant(mask, 0))

    each = (types.int64, types.int64, types.int64, types.boolean)
    return types.boolean(rows, head, ms, *each, rows.dtype), emit


@intrinsic
def _hand_over_lanes(
    _typing: Any, rows: Any, a: Any, more_a: Any, b: Any, more_b: Any, limit: Any, beyond: Any, tile: Any, j: Any
) -> Any:
    """Write min(rows[a] + more_a, rows[b] + more_b) to tile[j] in whole milliseconds; `beyond` where over the limit."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table = _Rows(context, builder, signature.args[0], args[0])
        target = _Rows(context, builder, signature.args[7], args[7])
        ways = (builder.add(table.load(args[k]), _in_all_lanes(builder, args[k + 1])) for k in (1, 3))
        best = _sooner(builder, *ways)
        inside = builder.icmp_signed("<=", best, _in_all_lanes(builder, args[5]))
        target.store(builder.select(inside, best, _in_all_lanes(builder, args[6])), args[8])
        return context.get_dummy_value()

    number = rows.dtype
    return types.void(rows, types.int64, number, types.int64, number, number, types.int32, tile, types.int64), emit
