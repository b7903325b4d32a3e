"""Time isochrones against unions of buffered streets and Valhalla's: CPU milliseconds a site, ratios, faults of each.

Run with `make bench`. The synthetic council is always there; Newport is added where the real open data are. Valhalla
is compared where it is installed (`pip install -e '.[bench]'`), walking, on files it can read (PBF). It has streets
and costing of its own, so the faults of its outlines are counted against its own times to our junctions.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from needs import demo, isochrones, streets
from needs.routing import from_nearest_ms
from needs.streets import Graph, snap
from tests.benchmarks.peers import Valhalla, degrees, valhalla
from tests.conftest import DATA

BANDS_MIN = (5.0, 10.0, 15.0, 20.0, 30.0)
SITES, USUAL_SITES, BUFFER_M = 50, 3, 50.0
SAMPLE = 1000  # junctions that an engine is asked about one by one
FAULTS = ["minutes", "missed_pct", "false_pct"]


def cpu_ms(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU milliseconds, all threads, and what came out."""
    begin = time.process_time()
    result = work()
    return (time.process_time() - begin) * 1000, result


def buffered(graph: Graph, sites: gpd.GeoDataFrame, bands_min: Sequence[float]) -> pd.DataFrame:
    """Unite the buffers of all streets both of whose ends are within each band: the usual way."""
    lines, edges = graph.lines, graph.edges
    course = np.concatenate([np.stack([lines.x[:, 0], lines.y[:, 0]], 1), np.stack([lines.x[:, 1], lines.y[:, 1]], 1)])
    place = np.concatenate([2 * np.arange(len(lines)), 2 * np.arange(len(lines)) + 1])
    edge = np.tile(lines.edge, 2)
    order = np.lexsort((place, edge))
    drawn = shapely.linestrings(course[order], indices=edge[order])
    nodes = shapely.points(graph.x, graph.y)
    rows = []
    for place in sites.geometry:
        seed = snap(graph, np.array([place.x]), np.array([place.y])).arrive()
        ms = from_nearest_ms(graph.arcs.reversed, seed, limit_ms=int(max(bands_min) * 60_000))
        for band in bands_min:
            reached = ms <= band * 60_000
            some = reached[edges.start] & reached[edges.end]
            shape = shapely.union_all(shapely.buffer(drawn[some], BUFFER_M))
            shapely.prepare(shape)
            inside = shapely.intersects(shape, nodes)
            rows.append((band, *faults_pct(reached, inside)))
    return pd.DataFrame(rows, columns=FAULTS)


def faults_pct(reached: np.ndarray, inside: np.ndarray) -> list[float]:
    """Junctions reached but outside, of all reached, and inside but not reached, of all inside."""
    return [100 * (a & ~b).sum() / max(a.sum(), 1) for a, b in ((reached, inside), (inside, reached))]


def engine_faults(engine: Valhalla, at: np.ndarray, found: dict[int, dict[float, dict[str, Any]]]) -> pd.DataFrame:
    """Measure outlines by an engine's own times from some junctions, all in degrees, to the nodes of the sites."""
    some, rows = np.random.default_rng(2).choice(at, min(SAMPLE, len(at)), replace=False), []
    for node, outlines in found.items():
        ms = engine.times_ms(some, at[[node]])[:, 0]
        for band, outline in outlines.items():
            inside = shapely.intersects_xy(shapely.geometry.shape(outline), *some.T)
            rows.append((band, *faults_pct(ms <= band * 60_000, inside)))
    return pd.DataFrame(rows, columns=FAULTS)


def against_valhalla(path: Path, graph: Graph, node: np.ndarray, own_ms: float) -> None:
    """Print what Valhalla takes for the same sites and bands, walking."""
    kph = streets.modes()[graph.mode].kph
    missing = valhalla(path, kph).missing
    if missing:
        print(missing)
        return
    engine, at = Valhalla.of(path, kph), degrees(graph.x, graph.y)
    engine.reach(at[node[0]], BANDS_MIN)  # reads its tiles
    spent, found = cpu_ms(lambda: {k: engine.reach(at[k], BANDS_MIN) for k in node.tolist()})
    print(f"{'valhalla, own costing':28}{spent / len(node):10.1f}   {spent / len(node) / own_ms:.1f} times ours")
    some = dict(list(found.items())[:USUAL_SITES])
    faults("valhalla", engine_faults(engine, at, some), " by its own times")


def faults(label: str, table: pd.DataFrame, about: str = "") -> None:
    """Print the faults of the largest band."""
    last = table.loc[table["minutes"] == BANDS_MIN[-1], ["missed_pct", "false_pct"]].mean()
    print(f"  {label:8} at 30 min: missed {last['missed_pct']:.2f} %, false {last['false_pct']:.2f} %{about}")


def bench(name: str, path: Path) -> None:
    """Print one council's figures."""
    ways = streets.read_ways(path)
    for mode in ("walk", "drive"):
        graph = streets.build(ways, mode)
        node = np.random.default_rng(1).choice(len(graph.x), SITES, replace=False)
        points = gpd.points_from_xy(graph.x[node], graph.y[node])
        sites = gpd.GeoDataFrame({"site_id": np.arange(SITES).astype(str)}, geometry=points, crs="EPSG:27700")
        isochrones.per_site(sites[:1], graph, bands_min=BANDS_MIN)  # compiles, and indexes the streets
        own, shapes = cpu_ms(lambda g=graph, s=sites: isochrones.per_site(s, g, bands_min=BANDS_MIN))
        one, _ = cpu_ms(lambda g=graph, s=sites: isochrones.per_site(s[:1], g, bands_min=BANDS_MIN))
        union, _ = cpu_ms(lambda g=graph, s=sites: isochrones.reach(s, g, bands_min=BANDS_MIN))
        usual, theirs = cpu_ms(lambda g=graph, s=sites: buffered(g, s[:USUAL_SITES], BANDS_MIN))
        own, usual = own / SITES, usual / USUAL_SITES
        print(f"\n{name}, {mode}: {len(graph.x):,} junctions, bands {BANDS_MIN} min, CPU ms a site")
        print(f"{'per_site, ' + str(SITES) + ' sites':28}{own:10.1f}")
        print(f"{'per_site, one site':28}{one:10.1f}")
        print(f"{'reach, union of all':28}{union:10.1f}   (whole call)")
        print(f"{'union of buffers':28}{usual:10.1f}   {usual / own:.0f} times ours")
        for label, table in (("ours", shapes), ("buffers", theirs)):
            faults(label, table)
        if mode == "walk" and path.suffix == ".pbf":
            against_valhalla(path, graph, node, own)


def main() -> None:
    """Run all that is there."""
    with tempfile.TemporaryDirectory() as folder:
        demo.write(Path(folder))
        for path in sorted(Path(folder).rglob("*.osm*")):
            bench(f"synthetic {path.parent.name}", path)
    newport = sorted((DATA / "newport").glob("*.osm.pbf"))
    if newport:
        bench("Newport", newport[0])
    else:
        print("\nNewport skipped: the real open data are not beside the project (../shared/data)")


if __name__ == "__main__":
    main()
