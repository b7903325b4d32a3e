"""Hostile files of every format: whatever the bytes are, the answer is a table or a fault, no crash and no warning."""

from __future__ import annotations

import gzip
import io
import json
import random
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from needs.assessment import Input
from needs.errors import Faults
from needs.sources import files
from tests import workbooks
from tests.zips import zipped

GOOD = b"code,n\nE01000001,5\n"
HTML = b"<!DOCTYPE html><html><head><title>Service unavailable</title></head></html>"
ERROR = json.dumps({"error": {"code": 400, "message": "Invalid URL", "details": ["Invalid URL"]}}).encode()
ENDINGS = (
    "csv", "csv.gz", "zip", "csv.zip", "xlsx", "xlsm", "xls", "ods", "json", "json.gz", "geojson", "parquet", "gpkg",
    "fgb", "shp",
)  # fmt: skip


def features(*properties: dict[str, object], shape: object = None, **more: object) -> bytes:
    held = [{"type": "Feature", "properties": p, "geometry": shape} for p in properties]
    return json.dumps({"type": "FeatureCollection", "features": held, **more}).encode()


def packed(content: bytes, name: str = "a.csv") -> bytes:
    return zipped({name: content})


def spec(name: str, **fields: object) -> Input:
    given = {"id": "t", "title": "t", "publisher": "p", "licence": "l", "date": "d", "vintage": "LSOA21", "path": name}
    columns = {"lsoa21cd": "code", "n": "n"}
    return Input.model_validate({**given, "table": "indicators", "columns": columns, **fields})


def read(folder: Path, content: bytes, name: str, **fields: object) -> tuple[pd.DataFrame | None, list[str]]:
    path = folder / name
    path.write_bytes(content)
    faults = Faults()
    return files.read_table(spec(name, **fields), path, faults), [str(f) for f in faults.found]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HTML, "it holds a web page"),
        (b"\xef\xbb\xbf\r\n" + HTML, "it holds a web page"),
        (ERROR, "the answer of a service: 400 Invalid URL"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "it holds XML"),
        (b"", "it is empty"),
        (b" \r\n\t\n", "it is empty"),
    ],
    ids=["page", "page with a mark", "error", "xml", "nothing", "white space"],
)  # fmt: skip
def test_what_failed_downloads_are_is_said_whatever_the_ending(tmp_path, ending, content, words):
    table, faults = read(tmp_path, content, f"d.{ending}")
    assert table is None
    assert len(faults) == 1
    assert faults[0].startswith(f"d.{ending} (input 't'): cannot be read: it ")
    assert words in faults[0]
    assert "download it again" in faults[0]


@pytest.mark.parametrize("ending", [e for e in ENDINGS if not e.startswith("csv")])
def test_a_table_in_the_clothes_of_another_format_is_told(tmp_path, ending):
    table, faults = read(tmp_path, GOOD, f"d.{ending}")
    assert table is None
    assert len(faults) == 1
    assert "cannot be read: it is no " in faults[0]


# --- JSON ---


def test_records_without_geometry_are_a_table(tmp_path):
    """As ArcGIS gives lookups: with a geometry of null."""
    for name in ("d.geojson", "d.json", "d.json.gz", "d.zip"):
        content = features({"code": "E01000001", "n": 5}, {"code": "E01000002", "n": None})
        whole = {"gz": gzip.compress(content), "zip": packed(content, "x.geojson")}.get(name.rsplit(".")[-1], content)
        table, faults = read(tmp_path, whole, name)
        assert faults == []
        assert table["lsoa21cd"].tolist() == ["E01000001", "E01000002"]
        assert table["n"].isna().tolist() == [False, True]


def test_a_mark_in_front_of_json_does_not_matter(tmp_path):
    table, faults = read(tmp_path, b"\xef\xbb\xbf" + features({"code": "E01000001", "n": 5}), "d.geojson")
    assert faults == []
    assert table["n"].tolist() == [5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (features({"code": "E01000001", "n": 5}, exceededTransferLimit=True), "the service cut it off"),
        (features({"code": "E01000001", "n": 5}, properties={"exceededTransferLimit": True}), "the service cut it off"),
        (features({"code": "E01000001", "n": 5})[:-9], "cannot be read"),
        (features({"code": "E01000001"}), "column 'n' is missing"),
        (features(), "it holds no records -> correct what was asked"),
        (b'{"error": "Query is too large"}', "the answer of a service: Query is too large"),
        (b'{"error": {"code": 499, "message": "Token Required", "details": []}}', "service: 499 Token Required ->"),
        (b"{}", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"features": 1}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"null", "it is no JSON: it begins 'null'"),
        (GOOD, "it is no JSON: it begins 'code,n E01000001,5'"),
        ("code".encode("utf-16"), "it is no JSON"),
    ],
)  # fmt: skip
def test_json_that_is_no_table_is_one_clear_fault(tmp_path, content, words):
    table, faults = read(tmp_path, content, "d.geojson")
    assert table is None
    assert 1 <= len(faults) <= 2
    assert words in faults[0]


def test_a_virtual_file_is_not_opened(tmp_path):
    """A driver of GDAL would follow what it says to another file or address."""
    other = tmp_path / "other.csv"
    other.write_bytes(GOOD)
    layer = f'<OGRVRTLayer name="other"><SrcDataSource>{other}</SrcDataSource></OGRVRTLayer>'
    virtual = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    for ending in ("geojson", "json", "gpkg", "shp", "fgb"):
        table, faults = read(tmp_path, virtual.encode(), f"d.{ending}")
        assert table is None
        assert len(faults) == 1


def test_two_shapes_of_one_zone_and_a_shape_that_crosses_itself_are_told(tmp_path):
    square = shapely.box(450_000, 300_000, 451_000, 301_000)
    bow = shapely.Polygon([(450_000, 300_000), (451_000, 301_000), (451_000, 300_000), (450_000, 301_000)])
    zones = gpd.GeoDataFrame(
        {"c": ["E01000001", "E01000001", "e01000002"], "n": ["a", "a", "b"], "d": ["E06000001"] * 3},
        geometry=[square, square, bow], crs="EPSG:27700",
    )  # fmt: skip
    path = tmp_path / "z.gpkg"
    zones.to_file(path)
    columns = {"lsoa21cd": "c", "zone_name": "n", "lad24cd": "d"}
    _, faults = read(tmp_path, path.read_bytes(), "z.gpkg", table="zones", columns=columns)
    assert [f.split(" -> ")[0] for f in faults] == [
        "z.gpkg (input 't'), record 3: its outline crosses itself",
        "z.gpkg (input 't'), record 2: lsoa21cd E01000001 stands twice",
    ]


# --- whatever the bytes are ---


def whole_files() -> dict[str, bytes]:
    frame = pd.DataFrame({"code": ["E01000001", "E01000002"], "n": [5, 6]})
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    rows: workbooks.Rows = [["code", "n"], ["E01000001", 5], ["E01000002", "x"]]
    book = io.BytesIO()
    frame.to_excel(book, index=False)
    return {
        "csv": b'"code",n\r\nE01000001,5\r\n"E01000002","6"\r\n', "csv.gz": gzip.compress(GOOD), "zip": packed(GOOD),
        "csv.zip": packed(GOOD), "xlsx": book.getvalue(), "ods": workbooks.ods({"a": rows}),
        "xls": workbooks.xls({"a": rows}),
        "json": features({"code": "E01000001", "n": 5}), "parquet": parquet.getvalue(),
        "geojson": features({"code": "E01000001", "n": 5}, shape={"type": "Point", "coordinates": [-0.7, 52.6]}),
        "json.gz": gzip.compress(features({"code": "E01000001", "n": 5})),
    }  # fmt: skip


WHOLE = whole_files()
AT = {"point_id": "code", "lsoa21cd": "code", "x": "n", "y": "n"}
SITES = {"table": "sites", "columns": {}, "values": {"site_type": "library"}, "crs": "EPSG:4326"}
LAYOUTS = {  # how the bytes are taken, besides a plain table
    "plain": {},
    "where": {"where": {"n": ["5"]}},
    "points": {"table": "points", "crs": "EPSG:4326", "columns": AT},
    "nomis": {"layout": "nomis", "columns": {"n": "OBS_VALUE"}},
    "by code": {"layout": "dwp_statxplore", "columns": {"n": "n"}},
    "by place": {"layout": "nhs_epraccur", **SITES},
    "context": {"layout": "fingertips", "table": "context", "columns": {}},
    "member": {"member": "*"},
}


def taken(folder: Path, content: bytes, ending: str, how: str) -> None:
    """Read the bytes: a table, or faults, each with a place and what to do."""
    if how == "member" and not ending.endswith("zip"):
        how = "plain"
    table, faults = read(folder, content, f"d.{ending}", **LAYOUTS[how])
    assert (table is None) <= bool(faults)
    for fault in faults:
        assert fault.startswith(f"d.{ending} (input 't')")
        assert " -> " in fault


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200), st.sampled_from(ENDINGS), st.sampled_from(sorted(LAYOUTS)))
def test_any_bytes_give_a_table_or_faults(tmp_path_factory, content, ending, how):
    taken(tmp_path_factory.getbasetemp(), content, ending, how)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(WHOLE)), st.sampled_from(sorted(LAYOUTS)), st.integers(0, 2**32))
def test_a_file_with_some_bytes_changed_gives_a_table_or_faults(tmp_path_factory, ending, how, seed):
    order = random.Random(seed)  # noqa: S311  # any order will do
    content = bytearray(WHOLE[ending])
    for _ in range(order.randint(1, 5)):
        at = order.randrange(len(content))
        kind = order.randrange(4)
        if kind == 0:
            content[at] = order.randrange(256)
        elif kind == 1:
            del content[at : at + order.randint(1, 20)]
        elif kind == 2:
            content[at:at] = content[: order.randint(1, 40)]
        else:
            content[at : at + 1] = order.choice([b"\x00", b'"', b"\r", b",", b"\xff", b"{", b"NaN", b"1e999"])
        content = content or bytearray(b" ")
    taken(tmp_path_factory.getbasetemp(), bytes(content), ending, how)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats() | st.text("E01\x00é", max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["obs", "header", "geography", "geogcode", "obs_value", "value", "truncated", "error", "type", "features",
             "properties", "geometry", "coordinates", "code", "n", "GEOGRAPHY_CODE", "OBS_VALUE"]
        ),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, st.sampled_from(["json", "geojson", "json.gz"]), st.sampled_from(["plain", "nomis", "points"]))
def test_any_json_gives_a_table_or_faults(tmp_path_factory, given_json, ending, how):
    content = json.dumps(given_json).encode()
    taken(tmp_path_factory.getbasetemp(), gzip.compress(content) if ending.endswith("gz") else content, ending, how)


CELL = st.sampled_from(
    ["code", "n", "E01000001", "e01000002", "5", "x", "", "OBS_VALUE", "GEOGRAPHY_CODE", "DATE", "Area Code", "Value"]
)
TABULAR = st.lists(st.lists(CELL, max_size=4), max_size=6)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(TABULAR, st.sampled_from([",", ";"]), st.sampled_from(sorted(LAYOUTS)))
def test_any_rows_give_a_table_or_faults(tmp_path_factory, rows, delimiter, how):
    content = "\n".join(delimiter.join(r) for r in rows).encode()
    taken(tmp_path_factory.getbasetemp(), content, "csv", how)
