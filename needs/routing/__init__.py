"""Find shortest times, many to many, on arrays: the fast core, which knows no streets."""

from needs.routing.arcs import MAX_ARC_MS, Arcs, Ends, quickest, row_starts
from needs.routing.hierarchy import Hierarchy, build, order
from needs.routing.matrix import Task, blocks, times_ms, write_times
from needs.routing.search import MAX_LIMIT_MS, UNREACHED, from_nearest_ms

__all__ = [
    "MAX_ARC_MS",
    "MAX_LIMIT_MS",
    "UNREACHED",
    "Arcs",
    "Ends",
    "Hierarchy",
    "Task",
    "blocks",
    "build",
    "from_nearest_ms",
    "order",
    "quickest",
    "row_starts",
    "times_ms",
    "write_times",
]
