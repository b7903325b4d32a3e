"""Time reading streets and minutes to sites against osmnx with networkx, in one run: seconds and ratios.

Run with `make bench`. The synthetic council is always there; Rutland is added where the real open data are.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import osmium
import osmnx

from needs import demo, routing, streets
from tests.conftest import DATA

SOURCES, TARGETS, LIMIT_S, RUNS = 10, 500, 1800.0, 3


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    """Middle of several runs, and what the last one gave."""
    times, result = [], None
    for _ in range(RUNS):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times), result


def networkx_times(graph: nx.DiGraph, origins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Time from every origin to every end by networkx, as users of osmnx compute it."""
    found = np.full((len(origins), len(ends)), np.nan)
    for j, end in enumerate(ends):
        reached = nx.single_source_dijkstra_path_length(graph, end, cutoff=LIMIT_S, weight="weight")
        found[:, j] = [reached.get(o, np.nan) for o in origins]
    return found


def bench(name: str, path: Path, folder: Path) -> None:
    """Print one council's figures."""
    plain = folder / "plain.osm"
    plain.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(plain)) as writer:
        for item in osmium.FileProcessor(str(path)):
            writer.add(item)
    own_read, ways = seconds(lambda: streets.read_ways(path))
    own_build, graph = seconds(lambda: streets.build(ways, "walk"))
    their_read, _ = seconds(lambda: osmnx.graph_from_xml(plain, simplify=False, retain_all=True))
    rng = np.random.default_rng(1)
    origins = rng.choice(len(graph.x), min(TARGETS, len(graph.x)), replace=False)
    ends = rng.choice(len(graph.x), SOURCES, replace=False)
    own, a = seconds(lambda: routing.times_s(graph, origins, ends, limit_s=LIMIT_S))
    reverse = nx.from_scipy_sparse_array(graph.seconds.T, create_using=nx.DiGraph)
    theirs, b = seconds(lambda: networkx_times(reverse, origins, ends))
    assert np.allclose(a, b, equal_nan=True), "the two must agree"
    size = f"{len(graph.x):,} walk nodes, {len(origins)} origins x {len(ends)} sites"
    print(f"{name}: {size}, within {LIMIT_S / 60:.0f} min")
    read = own_read + own_build
    print(f"  read   {read:7.3f} s   osmnx    {their_read:7.3f} s   ratio {their_read / read:6.1f}")
    print(f"  times  {own:7.3f} s   networkx {theirs:7.3f} s   ratio {theirs / own:6.1f}")


def main() -> None:
    """Run every council there is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo.write(folder)
        bench("Ruralshire", folder / "ruralshire" / "streets.osm", folder)
        rutland = DATA / "rutland" / "rutland-2022-07-20.osm.pbf"
        if rutland.is_file():
            bench("Rutland", rutland, folder)


if __name__ == "__main__":
    main()
