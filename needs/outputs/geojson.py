"""Write a layer as GeoJSON (RFC 7946): degrees, rings the right way round, six decimals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from needs.outputs.origin import Origin
from needs.outputs.writing import as_json
from needs.settings import CRS_WEB

DECIMALS = 6  # of a degree: 0.11 m, RFC 7946 section 11.2


def geojson_writer(layer: gpd.GeoDataFrame, origin: Origin, *, name: str) -> Callable[[Path], None]:
    """Write a layer (any CRS) as a FeatureCollection in EPSG:4326, a feature a line.

    Outer rings run anticlockwise and holes clockwise. Attributes that are not known are null. What the file says of
    itself stands in the foreign members `name` and `provenance`.

    Source: RFC 7946, sections 3.1.6, 4, 6.1 and 11.2.
    """

    def write(path: Path) -> None:
        degrees = shapely.transform(layer.geometry.to_crs(CRS_WEB).array, lambda xy: np.round(xy, DECIMALS) + 0.0)
        shapes = map(json.loads, shapely.to_geojson(shapely.orient_polygons(degrees)))
        fields = layer.drop(columns=layer.geometry.name).to_dict("records")
        lines = ",\n".join(
            f'{{"type": "Feature", "properties": {as_json(row, indent=None).strip()}, "geometry": {json.dumps(shape)}}}'
            for row, shape in zip(fields, shapes, strict=True)
        )
        head: dict[str, Any] = {"type": "FeatureCollection", "name": name, "provenance": origin.as_dict()}
        if len(layer):
            head["bbox"] = [float(v) for v in shapely.total_bounds(degrees)]
        path.write_text(
            f'{as_json(head, indent=None).strip()[:-1]}, "features": [\n{lines}\n]}}\n', "utf-8", newline="\n"
        )

    return write
