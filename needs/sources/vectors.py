"""Read Parquet and vector files as a table, one row per record."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq

from needs.sources import texts
from needs.sources.tabular import UnreadableError

JSON = (".geojson", ".json")
PARQUET = (".parquet", ".geoparquet")
_SIGNS = {  # first bytes: a file is handed to no reader but that of its own format
    ".gpkg": b"SQLite format 3\x00",
    ".fgb": b"fgb\x03",
    ".shp": b"\x00\x00\x27\x0a",
    ".parquet": b"PAR1",
    ".geoparquet": b"PAR1",
}
ENDINGS = (*JSON, *_SIGNS)
_HEAD = 4096
_CUT = b'"exceededTransferLimit":true'  # ArcGIS: there are more records than one answer may hold


def records(source: Path | bytes, name: str, layer: str | None) -> pd.DataFrame:
    """Read records; they are numbered from 1.

    Parameters
    ----------
    source
        The file, or what is in it (JSON only).
    name
        Its name, in lower case: the ending is its format.
    layer
        Of a GeoPackage.

    Raises
    ------
    UnreadableError
        If it is empty, a web page, the error of a service, of another format than its ending says, or only a part.
    """
    ending = next(e for e in ENDINGS if name.endswith(e))
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(0, source.stat().st_size - _HEAD))
            tail = file.read()
    else:
        head, tail = source[:_HEAD], source[-_HEAD:]
    texts.refuse_no_data(head)
    if ending in JSON:
        _refuse_part(head, tail)
    elif not head.startswith(_SIGNS[ending]):
        msg = f"it is no {ending[1:]} file, by its first bytes"
        raise UnreadableError(msg, "give it the ending of what it is, or download it again")
    try:
        frame = _read(source, ending, layer)
    except Exception as error:  # the libraries raise anything where a file is damaged
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"it is a damaged {ending[1:]} file, or only a part of one ({told})"
        raise UnreadableError(msg, "download it again, or correct 'layer'") from error
    if frame.empty:
        msg = "it holds no records"
        raise UnreadableError(msg, "correct what was asked of the service, and download it again")
    frame = frame.reset_index(drop=True)
    frame.index += 1
    return frame


def _read(source: Path | bytes, ending: str, layer: str | None) -> pd.DataFrame:
    opened = io.BytesIO(source) if isinstance(source, bytes) else source
    frame: pd.DataFrame
    if ending in PARQUET:
        with pq.ParquetFile(opened) as table:
            spatial = b"geo" in (table.schema_arrow.metadata or {})
        opened = io.BytesIO(source) if isinstance(source, bytes) else source
        frame = gpd.read_parquet(opened) if spatial else pd.read_parquet(opened)
        return frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what GDAL makes of odd fields; the table is checked after
        frame = gpd.read_file(opened, **({"layer": layer} if layer else {}))
        return frame


def _refuse_part(head: bytes, tail: bytes) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith((b"{", b"[")):
        msg = f"it is no JSON: {texts.begins(head)}"
        raise UnreadableError(msg, "download it again, or give it the ending of what it is")
    if _CUT in (head + tail).replace(b" ", b""):
        msg = "it holds only the first records: the service cut it off (exceededTransferLimit)"
        raise UnreadableError(msg, "fetch the rest with resultOffset, and put the records in one file")
