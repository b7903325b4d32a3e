"""Write small street networks as OpenStreetMap XML, laid out in metres so that minutes can be computed by hand."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import pyproj

ORIGIN = (450_000.0, 300_000.0)  # EPSG:27700; the grid's scale here is within 0.04 % of the ground's
_DEGREES = pyproj.Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)


def write_osm(path: Path, nodes: dict[int, tuple[float, float]], ways: list[tuple[list[int], dict[str, str]]]) -> Path:
    """Write nodes (metres from ORIGIN) and ways (node ids, tags) as .osm XML."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6" generator="test">']
    for node, (x, y) in nodes.items():
        lon, lat = _DEGREES.transform(ORIGIN[0] + x, ORIGIN[1] + y)
        lines.append(f'<node id="{node}" version="1" lat="{lat:.9f}" lon="{lon:.9f}"/>')
    for number, (members, tags) in enumerate(ways, 1):
        lines.append(f'<way id="{number}" version="1">')
        lines += [f'<nd ref="{m}"/>' for m in members]
        lines += [f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items()]
        lines.append("</way>")
    path.write_text("\n".join([*lines, "</osm>"]), "utf-8")
    return path


def places(column: str, at: dict[str, tuple[float, float]], **more: object) -> gpd.GeoDataFrame:
    """Put named places at metres from ORIGIN."""
    xs = [ORIGIN[0] + x for x, _ in at.values()]
    ys = [ORIGIN[1] + y for _, y in at.values()]
    return gpd.GeoDataFrame({column: list(at), **more}, geometry=gpd.points_from_xy(xs, ys), crs="EPSG:27700")
