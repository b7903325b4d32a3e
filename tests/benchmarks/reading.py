"""Compare reading streets from a file with osmnx: CPU seconds and memory."""

from __future__ import annotations

from pathlib import Path

import osmium
import osmnx

from needs import streets
from tests.benchmarks.meter import apart, cpu_s, measured, peak_mib, short, table

MODES = ("walk", "drive")


def reading(name: str, path: Path, folder: Path) -> None:
    """Print what it takes to make graphs of one place's streets, each engine in a process of its own.

    osmnx cannot read `.osm.pbf`, and makes streets of all that an XML file holds: it gets one of highways only, and
    writing that is not counted.
    """
    plain = folder / f"{path.name}.osm"
    _write_highways(path, plain)
    own = apart(_own, path)
    theirs_s, theirs_mib, size = apart(_osmnx, plain)
    rows = []
    for mode, (read_s, build_s, said) in own.items():
        peak = apart(_own_peak, path, mode)
        ratio = theirs_s / (read_s + build_s)
        rows.append([f"ours, {mode}", said, short(read_s), short(build_s), short(peak), short(ratio)])
    rows.append(["osmnx, all highways", size, short(theirs_s), "-", short(theirs_mib), "1"])
    table(
        f"Reading {name}: {path.name}, {path.stat().st_size / 1e6:.1f} MB, to graphs with times",
        ["engine", "graph", "read CPU s", "build CPU s", "MiB above start", "x osmnx"],
        rows,
        ["osmnx: graph_from_xml, simplified, with edge speeds and travel times", "ours: the middle of 3 runs, warm"],
    )


def _own(path: Path) -> dict[str, tuple[float, float, str]]:
    streets.build(streets.read_ways(path), MODES[0])  # compiled before it is timed
    found = {}
    for mode in MODES:
        read_s, ways = measured(lambda: streets.read_ways(path), 3)
        build_s, graph = measured(lambda ways=ways, mode=mode: streets.build(ways, mode), 3)
        said = f"{graph.arcs.nodes:,} junctions, {len(graph.arcs.head):,} arcs"
        found[mode] = (read_s, build_s, said)
    return found


def _own_peak(path: Path, mode: str) -> float:
    start = peak_mib()
    streets.build(streets.read_ways(path), mode)
    return peak_mib() - start


def _osmnx(path: Path) -> tuple[float, float, str]:
    start, begin = peak_mib(), cpu_s()
    graph = osmnx.add_edge_travel_times(osmnx.add_edge_speeds(osmnx.graph_from_xml(path)))
    size = f"{len(graph):,} junctions, {graph.number_of_edges():,} arcs"
    return cpu_s() - begin, peak_mib() - start, size


def _write_highways(source: Path, target: Path) -> None:
    wanted = osmium.filter.KeyFilter("highway")
    ways = osmium.FileProcessor(str(source), osmium.osm.WAY).with_filter(wanted)
    nodes = {node.ref for way in ways for node in way.nodes}
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for item in osmium.FileProcessor(str(source), osmium.osm.NODE | osmium.osm.WAY):
            if item.id in nodes if isinstance(item, osmium.osm.Node) else "highway" in item.tags:
                writer.add(item)
