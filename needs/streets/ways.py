"""Hold the streets of an OpenStreetMap extract as arrays."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyproj
from numpy.typing import NDArray

from needs.errors import InputError, fail
from needs.settings import CRS, CRS_WEB
from needs.streets.rules import MARKS, mark_tags

Tags = tuple[tuple[str, str], ...]  # sorted by key


@dataclass(frozen=True)
class Ways:
    """Streets as they stand in OpenStreetMap.

    Attributes
    ----------
    tags
        The distinct sets of tags; way w has `tags[kind[w]]`.
    kind
        Shape (w,).
    first
        Way w passes the nodes `node[first[w]:first[w + 1]]`, in its direction, shape (w + 1,).
    node
        Index into the nodes.
    osm_id
        OpenStreetMap's number of each node, ascending; negative for bends that have none, shape (n,).
    x, y
        Of each node, metres, EPSG:27700.
    marks
        The distinct sets of tags of nodes; node n has `marks[mark[n]]`, none where `mark[n]` is -1.
    mark
        Shape (n,).
    where
        What to call the streets in messages.
    """

    tags: tuple[Tags, ...]
    kind: NDArray[np.int32]
    first: NDArray[np.int64]
    node: NDArray[np.int32]
    osm_id: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    marks: tuple[Tags, ...]
    mark: NDArray[np.int32]
    where: str

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """Way that each entry of `node` belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    def taking(self, rows: NDArray[np.bool_]) -> Ways:
        """Take some of the ways, with all nodes."""
        counts = np.diff(self.first)[rows]
        return Ways(
            self.tags,
            self.kind[rows],
            np.concatenate([[0], np.cumsum(counts)]),
            self.node[rows[self.owner]],
            self.osm_id,
            self.x,
            self.y,
            self.marks,
            self.mark,
            self.where,
        )


@dataclass
class Gathered:
    """Ways on their way into arrays.

    Attributes
    ----------
    where
        What to call the streets in messages.
    ids, lon, lat
        Number and place (degrees, EPSG:4326) of the nodes of all ways, one way after the other; `lon` and `lat` may
        instead be counted in a unit of so many degrees.
    """

    where: str
    ids: array[int] = field(default_factory=lambda: array("q"))
    lon: array[float] | array[int] = field(default_factory=lambda: array("d"))
    lat: array[float] | array[int] = field(default_factory=lambda: array("d"))
    counts: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    tags: dict[Tags, int] = field(default_factory=dict)
    marks: dict[int, Tags] = field(default_factory=dict)

    def end_way(self, tags: Iterable[tuple[str, str]], nodes: int) -> None:
        """Close a way whose nodes have been added."""
        self.counts.append(nodes)
        self.kinds.append(self.tags.setdefault(tuple(sorted(tags)), len(self.tags)))

    def mark(self, node: int, tags: Mapping[str, str]) -> None:
        """Note what a node says."""
        if any(k in tags for k in MARKS):
            self.marks[node] = tuple(sorted((k, v) for k, v in tags.items() if k in mark_tags()))

    def done(self, *, unit: float = 1.0) -> Ways:
        """Put everything into arrays.

        Raises
        ------
        InputError
            If there is no street, or a street lies where the British National Grid does not reach.
        """
        if not self.counts:
            fail(
                InputError,
                self.where,
                "holds no street",
                "check that it is an extract of the right place, with its highways and their nodes",
            )
        osm_id, at, node = np.unique(np.array(self.ids), return_index=True, return_inverse=True)
        degrees = pyproj.Transformer.from_crs(CRS_WEB, CRS, always_xy=True)
        x, y = degrees.transform(np.array(self.lon)[at] * unit, np.array(self.lat)[at] * unit)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            fail(
                InputError,
                self.where,
                "the streets lie elsewhere than Great Britain",
                "give the extract of the right place",
            )
        distinct = {tags: k for k, tags in enumerate(dict.fromkeys(self.marks.values()))}
        mark = np.full(len(osm_id), -1, dtype=np.int32)
        marked = np.fromiter(self.marks, dtype=np.int64, count=len(self.marks))
        spot = np.minimum(np.searchsorted(osm_id, marked), len(osm_id) - 1)
        known = osm_id[spot] == marked
        says = np.array([distinct[t] for t in self.marks.values()], dtype=np.int32)
        mark[spot[known]] = says[known]
        return Ways(
            tuple(self.tags),
            np.array(self.kinds, dtype=np.int32),
            np.concatenate([[0], np.cumsum(self.counts)]),
            node.astype(np.int32),
            osm_id,
            x,
            y,
            tuple(distinct),
            mark,
            self.where,
        )
