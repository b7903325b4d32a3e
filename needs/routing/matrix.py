"""Answer many to many: choose between searching and sweeping, use every core, and keep memory bounded."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from needs.kernels import cores, pool
from needs.routing import hierarchy, search, sweep
from needs.routing.arcs import Arcs, Ends
from needs.routing.hierarchy import Hierarchy

Say = Callable[[str], None]
Way = Literal["search", "sweep"]

_SEARCHES = 16  # the first, after which the way is chosen
_SCANS = 4_000_000  # in one go, about: a quarter of a second, so that Ctrl-C is soon heard
_SWEPT = 8 * sweep.LANES  # origins in one go
# Preparing a network takes about as long as so many scans of a search per node; with its order kept, the second.
# Measured by tests/benchmarks/bench_travel.py: 15 and 4 microseconds a node, 45 nanoseconds a scan.
_PREPARE_SCANS, _BUILD_SCANS = 300, 90

Block = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True)
class Task:
    """What is asked: a network, where from, where to, and the longest time that counts.

    Attributes
    ----------
    arcs
        Network.
    origins, destinations
        Places on it.
    limit_ms
        Longer times, from place to place, are `UNREACHED`; at most MAX_LIMIT_MS.
    """

    arcs: Arcs
    origins: Ends
    destinations: Ends
    limit_ms: int = search.MAX_LIMIT_MS

    def __post_init__(self) -> None:
        if not 0 <= self.limit_ms <= search.MAX_LIMIT_MS:
            msg = f"limit_ms is {self.limit_ms:,}, not 0 to {search.MAX_LIMIT_MS:,}"
            raise ValueError(msg)
        for name, places in (("origins", self.origins), ("destinations", self.destinations)):
            if len(places) and (places.node.min() < -1 or places.node.max() >= self.arcs.nodes):
                msg = f"{name} stand on nodes that are not among the {self.arcs.nodes:,} of the network"
                raise ValueError(msg)
            if len(places) and not 0 <= places.ms.min() <= places.ms.max() <= search.MAX_LIMIT_MS:
                msg = f"{name} are {places.ms.min():,} to {places.ms.max():,} ms from their nodes"
                raise ValueError(msg)

    @property
    def turned(self) -> Task:
        """The same journeys, asked from their ends."""
        return Task(self.arcs.reversed, self.destinations, self.origins, self.limit_ms)

    @property
    def key(self) -> str:
        """Tell this task from any other."""
        digest = hashlib.sha256(str(self.limit_ms).encode())
        places = (self.origins.node, self.origins.ms, self.destinations.node, self.destinations.ms)
        for array in (self.arcs.first, self.arcs.head, self.arcs.ms, *places):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def times_ms(
    task: Task,
    *,
    way: Way | None = None,
    prepared: Hierarchy | None = None,
    folder: Path | None = None,
    say: Say = lambda _: None,
) -> NDArray[np.int32]:
    """Time from every origin to every destination, exact.

    Parameters
    ----------
    task
        What is asked. The side with fewer places is searched from.
    way
        "search" (bounded, no preparation) or "sweep" (over a prepared hierarchy); None chooses by the work that a
        first block of searches took. Both give the same times.
    prepared
        Hierarchy of `task.arcs`, where there is one: then the work is swept.
    folder
        Where the order of a network, the slowest part of preparing it, is kept.
    say
        Told how far it has come.

    Returns
    -------
    ndarray of int32
        Whole milliseconds, shape (origins, destinations); `UNREACHED` where there is no way within the limit.
    """
    turn = len(task.destinations) < len(task.origins)
    if turn:
        task = task.turned
        prepared = replace(prepared, up=prepared.down, down=prepared.up) if prepared else None
    found = np.empty((len(task.origins), len(task.destinations)), dtype=np.int32)
    for _ in _answers(task, found, way, prepared, folder, say):
        pass  # every row has been written to its place
    return np.ascontiguousarray(found.T) if turn else found


def blocks(
    task: Task,
    *,
    way: Way | None = None,
    prepared: Hierarchy | None = None,
    folder: Path | None = None,
    say: Say = lambda _: None,
) -> Iterator[Block]:
    """Answer a task some origins at a time: their indices, and their rows of the matrix; parameters as `times_ms`."""
    return _answers(task, None, way, prepared, folder, say)


def _answers(
    task: Task,
    whole: NDArray[np.int32] | None,
    way: Way | None,
    prepared: Hierarchy | None,
    folder: Path | None,
    say: Say,
) -> Iterator[Block]:
    """Give block by block, or write each to its rows of a whole matrix, which then is what is given."""

    def room(rows: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        if whole is not None:
            return whole, rows
        return np.empty((len(rows), len(task.destinations)), dtype=np.int32), np.arange(len(rows))

    count = len(task.origins)
    if not count or not len(task.destinations):
        return
    begin = 0
    if prepared is None and way != "sweep":
        rows = np.arange(min(_SEARCHES, count))
        block, scans = _searched(task, rows, *room(rows))
        yield rows, block
        begin = len(rows)
        work = scans / len(rows) * (count - begin)
        known = hierarchy.kept_order(task.arcs, folder) is not None
        if way == "search" or work <= task.arcs.nodes * (_BUILD_SCANS if known else _PREPARE_SCANS):
            size = max(1, int(_SCANS * len(rows) / max(scans, 1)))
            parts = _parts(np.arange(begin, count), min(size, 4096))
            yield from _all(lambda rows: _searched(task, rows, *room(rows))[0], parts, begin, count, say)
            return
    if begin == count:
        return
    if prepared is None:
        say(f"preparing {task.arcs.nodes:,} junctions")
        prepared = hierarchy.build(task.arcs, hierarchy.order(task.arcs, folder=folder))
    ready, selection = prepared, sweep.select(prepared, task.destinations)
    rest = np.arange(begin, count)
    near = rest[np.argsort(_lowest_rank(ready, task.origins[rest]), kind="stable")]
    yield from _all(
        lambda rows: _swept(task, ready, selection, rows, *room(rows)), _parts(near, _SWEPT), begin, count, say
    )


def write_times(
    task: Task, path: Path, *, way: Way | None = None, folder: Path | None = None, say: Say = lambda _: None
) -> Path:
    """Write a matrix that need not fit in memory: one row for each pair within the limit.

    Finished blocks are kept beside the file; the same task, started again after an interruption, goes on from there.

    Parameters
    ----------
    path
        Parquet file: origin, destination (indices), ms. It appears when it is whole.
    task, way, folder, say
        As `times_ms`.
    """
    parts = path.with_name(f".{path.name}.{task.key[:16]}")
    parts.mkdir(parents=True, exist_ok=True)
    done = {int(p.stem) for p in parts.glob("*.parquet")}
    ways = _parts(np.arange(len(task.origins)), 8 * _SWEPT)
    prepared = None
    if way == "sweep" or (way is None and len(ways) > 1):
        prepared = hierarchy.build(task.arcs, hierarchy.order(task.arcs, folder=folder))
    for number, rows in enumerate(ways):
        if number in done:
            continue
        some = Task(task.arcs, task.origins[rows], task.destinations, task.limit_ms)
        found = times_ms(some, way=way, prepared=prepared, folder=folder)
        origin, destination = np.nonzero(found != search.UNREACHED)
        table = pa.table(
            {
                "origin": rows[origin].astype(np.int32),
                "destination": destination.astype(np.int32),
                "ms": found[origin, destination],
            }
        )
        part = parts / f"{number}.part"
        pq.write_table(table, part)
        part.replace(parts / f"{number}.parquet")
        say(f"{rows[-1] + 1:,} of {len(task.origins):,} origins")
    whole = parts / "whole.part"
    with pq.ParquetWriter(whole, _SCHEMA) as writer:
        for number in range(len(ways)):
            writer.write_table(pq.read_table(parts / f"{number}.parquet"))
    whole.replace(path)
    for file in parts.iterdir():
        file.unlink()
    parts.rmdir()
    return path


_SCHEMA = pa.schema([(name, pa.int32()) for name in ("origin", "destination", "ms")])


def _searched(
    task: Task, rows: NDArray[np.int64], out: NDArray[np.int32], at: NDArray[np.int64]
) -> tuple[NDArray[np.int32], int]:
    arcs, some, ends = task.arcs, task.origins[rows], task.destinations
    ring = search.ring(arcs, int(some.ms.max(initial=0)))
    places = (some.node, some.ms, ends.node, ends.ms)
    scans = search.many_to_many(arcs.first, arcs.packed, *places, task.limit_ms, *ring, out, at)
    return out, int(scans)


def _swept(
    task: Task,
    prepared: Hierarchy,
    selection: sweep.Selection,
    rows: NDArray[np.int64],
    out: NDArray[np.int32],
    at: NDArray[np.int64],
) -> NDArray[np.int32]:
    sweep.sweep(prepared, selection, task.origins[rows], limit_ms=task.limit_ms, out=out, at=at)
    return out


def _lowest_rank(prepared: Hierarchy, places: Ends) -> NDArray[np.int64]:
    ranks = np.where(places.node >= 0, prepared.rank[places.node], np.iinfo(np.int64).max)
    return np.asarray(ranks.min(axis=1))


def _parts(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [rows[begin : begin + size] for begin in range(0, len(rows), size)]


def _all(
    work: Callable[[NDArray[np.int64]], NDArray[np.int32]],
    parts: list[NDArray[np.int64]],
    done: int,
    count: int,
    say: Say,
) -> Iterator[Block]:
    """Do the parts on every core, hand them over in their order, and hold no more than two a core at a time."""
    if len(parts) < 2:
        yield from ((rows, work(rows)) for rows in parts)
        return
    with pool() as threads:
        waiting: deque[tuple[NDArray[np.int64], Future[NDArray[np.int32]]]] = deque()
        try:
            for rows in parts:
                waiting.append((rows, threads.submit(work, rows)))
                if len(waiting) >= 2 * cores():
                    first, future = waiting.popleft()
                    yield first, future.result()
                    done += len(first)
                    say(f"{done:,} of {count:,} searched from")
            for first, future in waiting:
                yield first, future.result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
