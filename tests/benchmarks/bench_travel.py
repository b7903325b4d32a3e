"""Print what travel times take, ours and other libraries', in CPU seconds and ratios, in one run.

Run with `make bench`, or by itself: `python -m tests.benchmarks.bench_travel --help`. Other libraries than those of
the project are compared where they are installed (`pip install -e '.[bench]'`). Machines differ, ratios less.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from needs import charts, demo, streets
from tests.benchmarks import matrices
from tests.benchmarks.meter import cpu_s
from tests.benchmarks.networks import Network
from tests.benchmarks.peers import Peer, valhalla
from tests.benchmarks.reading import reading
from tests.conftest import DATA

NEWPORT = DATA / "newport" / "newport-2023-06-13.osm.pbf"
RUTLAND = DATA / "rutland" / "rutland-2022-07-20.osm.pbf"
PARTS = ("matrix", "council", "reading", "growth", "floor", "large")


def councils(folder: Path) -> Iterator[tuple[str, Network, list[Peer]]]:
    """Give the walking networks of one synthetic council and, where the open data are, of Newport, and engines for it.

    Valhalla reads PBF only, so it is not asked about the synthetic council.
    """
    demo.write(folder)
    for name, path in (("Ruralshire (synthetic)", folder / "ruralshire" / "streets.osm"), ("Newport", NEWPORT)):
        if path.is_file():
            graph = streets.build(streets.read_ways(path), "walk")
            engines = [valhalla(path, streets.modes()["walk"].kph)] if path.suffix == ".pbf" else []
            yield f"{name}, walking", Network(graph.arcs, graph.x, graph.y), engines
        else:
            print(f"\n{name} skipped: the open data are not beside the project ({path.name})")


def read_places(folder: Path) -> None:
    """Compare reading on a synthetic council, and on Rutland where the open data are."""
    demo.write(folder)
    reading("Ruralshire (synthetic)", folder / "ruralshire" / "streets.osm", folder)
    if RUTLAND.is_file():
        reading("Rutland", RUTLAND, folder)
    else:
        print(f"\nRutland skipped: the open data are not beside the project ({RUTLAND.name})")


def main() -> None:
    """Run the parts that are asked for, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all but the last when none is named"
    )
    parser.add_argument("--full", action="store_true", help="all, with a network of England's size (minutes)")
    parser.add_argument("--chart", type=Path, help="where to write the growth of the cost per pair, as SVG")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    parts = PARTS if options.full else options.parts or PARTS[:-1]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"CPU: user and system seconds, all threads; {cores} cores; numpy {np.__version__}")
    matrices.warm()
    own = None
    if "matrix" in parts or "floor" in parts:
        own = matrices.against_peers() if "matrix" in parts else matrices.Own(matrices.draw(matrices.NODES))
    with tempfile.TemporaryDirectory() as name:
        if "council" in parts:
            for label, network, engines in councils(Path(name)):
                matrices.small(label, network, engines)
        if "reading" in parts:
            read_places(Path(name))
    if "floor" in parts and own:
        matrices.floor(own)
    if "growth" in parts:
        points = matrices.growth()
        if options.chart:
            drawn = charts.lines(
                points,
                title="What a pair costs as networks grow",
                x_label="junctions, as a power of ten",
                y_label="nanoseconds of CPU per pair, as a power of ten",
                zero=False,
            )
            options.chart.write_text(drawn.svg)
    if "large" in parts:
        matrices.large()
    print(f"\n{cpu_s():.0f} CPU seconds in all")


if __name__ == "__main__":
    main()
