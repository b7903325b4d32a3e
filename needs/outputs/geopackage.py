"""Write layers to a GeoPackage that opens coloured in QGIS and says where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyogrio

from needs.outputs.origin import Origin
from needs.outputs.styles import layer_styles
from needs.outputs.tables import listless

_FIXED_DATE = "2026-01-01T00:00:00.000Z"  # GeoPackage stamps its tables: a fixed stamp keeps the bytes the same
_GEOMETRY = "geom"


def geopackage_writer(layers: dict[str, gpd.GeoDataFrame], origin: Origin) -> Callable[[Path], None]:
    """Write layers (EPSG:27700) to one GeoPackage.

    Beside the layers there are two tables without geometry: `sources` (what was read) and, where a layer has a style
    in the catalogue, `layer_styles`.
    """

    def write(path: Path) -> None:
        path.unlink(missing_ok=True)  # layers are added to what is there
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_DATE})
        try:
            for name, layer in layers.items():
                about = {"DESCRIPTION": " ".join(origin.attribution()), "GEOMETRY_NAME": _GEOMETRY}
                pyogrio.write_dataframe(
                    listless(layer), path, layer=name, driver="GPKG", append=path.exists(), layer_options=about
                )
            styled = layer_styles(layers, geometry_column=_GEOMETRY, update_time=_FIXED_DATE)
            for name, table, key in (("sources", origin.table(), "fid"), ("layer_styles", styled, "id")):
                if len(table):
                    pyogrio.write_dataframe(
                        table, path, layer=name, driver="GPKG", append=True, layer_options={"FID": key}
                    )
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})

    return write
