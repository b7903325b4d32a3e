"""Layers for a GIS: styled GeoPackage and GeoJSON, read back by other means than they were written with."""

from __future__ import annotations

import json
import re
import sqlite3
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from needs import exports, outputs
from needs.outputs import styles
from tests import page_data
from tests.conftest import ROOT
from tests.town import places

SOURCE = {
    "title": 'Boundaries "of" <zones>', "publisher": "A publisher", "licence": "OGL-UK-3.0", "date": "2021",
    "url": "https://example.org/", "path": "zones.geojson", "sha256": "ab" * 32, "caveat": None,
}  # fmt: skip
ORIGIN = outputs.Origin("Gridshire", "gridshire", ["E06000099"], synthetic=True, sources=[SOURCE])
OFFERS = ("hub", "outreach", "none")
STATUS = ("keep", "convert", "open", "close", "neighbour", "none")


@pytest.fixture(scope="module")
def council():
    return page_data.council()


@pytest.fixture(scope="module")
def written(council, tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps") / "out"
    layers = {"zones": council.zones, "sites": council.sites, "reach": council.reach}
    outputs.write_folder(folder, exports.layers(layers, ORIGIN))
    return folder


@pytest.fixture
def package(written):
    connection = sqlite3.connect(f"file:{written / 'assessment.gpkg'}?mode=ro", uri=True)
    yield connection
    connection.close()


def test_the_geopackage_is_whole_and_its_tables_are_registered(package):
    assert package.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert package.execute("PRAGMA application_id").fetchone() == (0x47504B47,)  # "GPKG", OGC 12-128r18, requirement 2
    kinds = dict(package.execute("SELECT table_name, data_type FROM gpkg_contents"))
    assert kinds == {
        "zones": "features", "sites": "features", "reach": "features", "sources": "attributes",
        "layer_styles": "attributes",
    }  # fmt: skip
    about = package.execute("SELECT description FROM gpkg_contents WHERE table_name = 'zones'").fetchone()[0]
    assert "Open Government Licence" in about
    assert "Synthetic" in about
    columns = [row[1] for row in package.execute("PRAGMA table_info(layer_styles)")]
    assert columns == [
        "id", "f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column", "styleName", "styleQML",
        "styleSLD", "useAsDefault", "description", "owner", "ui", "update_time",
    ]  # fmt: skip
    assert package.execute("SELECT title, sha256 FROM sources").fetchall() == [(SOURCE["title"], SOURCE["sha256"])]


def test_qgis_finds_one_default_style_for_each_layer(package):
    """The question that QGIS asks of the table, by catalog, schema, table and geometry column."""
    for layer in ("zones", "sites", "reach"):
        geometry = package.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
        ).fetchone()[0]
        found = package.execute(
            "SELECT styleQML FROM layer_styles WHERE f_table_catalog = '' AND f_table_schema = '' AND f_table_name = ?"
            " AND f_geometry_column = ? AND useAsDefault ORDER BY update_time DESC",
            (layer, geometry),
        ).fetchall()
        assert len(found) == 1


ATTRIBUTE = {"zones": "need_fifth_england", "sites": "symbol", "reach": "offer"}


@pytest.mark.parametrize("layer", ATTRIBUTE)
def test_styles_have_a_category_for_every_value_that_is_drawn(package, layer):
    text, described = package.execute(
        "SELECT styleQML, styleSLD FROM layer_styles WHERE f_table_name = ?", (layer,)
    ).fetchone()
    root = ET.fromstring(text)  # noqa: S314 - our own
    renderer = root.find("renderer-v2")
    assert renderer.get("type") == "categorizedSymbol"
    assert renderer.get("attr") == ATTRIBUTE[layer]
    categories = {c.get("value"): c.get("symbol") for c in renderer.iter("category")}
    symbols = {s.get("name"): s for s in renderer.find("symbols")}
    assert set(categories.values()) == set(symbols)
    drawn = {str(v) for (v,) in package.execute(f"SELECT DISTINCT {ATTRIBUTE[layer]} FROM {layer}")}  # noqa: S608
    assert drawn
    assert drawn <= set(categories)
    sld = ET.fromstring(described)  # noqa: S314 - our own
    space = {"ogc": "http://www.opengis.net/ogc", "se": "http://www.opengis.net/se"}
    assert [e.text for e in sld.findall(".//ogc:Literal", space) if e.text != "45"] == list(categories)
    assert {e.text for e in sld.findall(".//ogc:PropertyName", space)} == {ATTRIBUTE[layer]}
    for symbol in symbols.values():
        for fill in symbol.findall("layer"):
            new = {o.get("name"): o.get("value") for o in fill.findall("Option/Option")}
            assert new == {p.get("k"): p.get("v") for p in fill.findall("prop")}


def test_zones_have_the_colours_of_the_page(package):
    """One palette: what QGIS fills a class with is what the page's style sheet says, whoever changes either."""
    sheets = "\n".join(p.read_text("utf-8") for p in sorted((ROOT / "needs" / "webmap").rglob("*.css")))
    page = {int(k): colour.lower() for k, colour in re.findall(r"--c([1-5]):\s*(#[0-9a-fA-F]{6})", sheets)[:5]}
    text = package.execute("SELECT styleQML FROM layer_styles WHERE f_table_name = 'zones'").fetchone()[0]
    root = ET.fromstring(text)  # noqa: S314 - our own
    symbols = {s.get("name"): s for s in root.find("renderer-v2/symbols")}
    for category in root.iter("category"):
        paint = symbols[category.get("symbol")].find("layer/prop[@k='color']").get("v")
        red, green, blue, alpha = map(int, paint.split(","))
        assert f"#{red:02x}{green:02x}{blue:02x}" == page[int(category.get("value"))]
        assert alpha == 255
        assert category.get("label").startswith(category.get("value")), "classes are numbered: colour is never alone"


def test_every_offer_and_status_has_a_symbol():
    pairs = [(o, s) for o in OFFERS for s in STATUS]
    sites = places("site_id", {str(i): (i, 0) for i in range(len(pairs))}).assign(
        offer=[o for o, _ in pairs], status=[s for _, s in pairs]
    )
    known = {c.value for c in styles.styles()["sites"].classes}
    symbols = outputs.with_symbols(sites)["symbol"]
    assert set(symbols) <= known
    said = dict(zip(pairs, symbols, strict=True))
    assert said["hub", "open"] == "hub open"
    assert said["none", "close"] == "close"
    assert said["outreach", "neighbour"] == "neighbour outreach"
    assert said["none", "none"] == "not chosen"
    assert "symbol" not in outputs.with_symbols(sites.drop(columns="offer"))


def test_layers_read_back_in_metres(written, council):
    for name, layer in (("zones", council.zones), ("sites", council.sites), ("reach", council.reach)):
        back = pyogrio.read_dataframe(written / "assessment.gpkg", layer=name)
        assert back.crs.to_epsg() == 27700
        assert len(back) == len(layer)
        assert back.geometry.geom_equals(layer.geometry.reset_index(drop=True)).all()
    sites = pyogrio.read_dataframe(written / "assessment.gpkg", layer="sites")
    assert sites["name"].tolist() == page_data.HOSTILE


@pytest.mark.parametrize("name", ["zones", "sites", "reach"])
def test_geojson_keeps_to_rfc_7946(written, council, name):
    text = (written / f"{name}.geojson").read_text("utf-8")
    content = json.loads(text, parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    layer = getattr(council, name)
    assert content["type"] == "FeatureCollection"
    assert "crs" not in content, "section 4: no other reference system, and none named"
    assert len(content["features"]) == len(layer)
    assert content["provenance"]["inputs"][0]["sha256"] == SOURCE["sha256"]
    for feature in content["features"]:
        assert set(feature) == {"type", "properties", "geometry"}
        shape = shapely.geometry.shape(feature["geometry"])
        for polygon in getattr(shape, "geoms", [shape]):
            if polygon.geom_type == "Polygon":
                assert polygon.exterior.is_ccw
                assert not any(hole.is_ccw for hole in polygon.interiors)
    numbers = re.findall(r'"coordinates":(.*?)\}', text)
    assert numbers
    assert not re.search(r"\.\d{7}", "".join(numbers)), "six decimals at most"
    west, south, east, north = content["bbox"]
    assert -6.5 < west < east < 1.9
    assert 49.8 < south < north < 55.9
    back = gpd.read_file(written / f"{name}.geojson")
    assert back.crs.to_epsg() == 4326
    away = back.geometry.to_crs(27700).hausdorff_distance(layer.geometry.reset_index(drop=True))
    assert away.max() < 0.15  # metres: half of 1e-6 degrees each way


def test_what_is_not_known_is_null_and_reasons_are_a_list(written):
    features = json.loads((written / "sites.geojson").read_text("utf-8"))["features"]
    closed = next(f["properties"] for f in features if f["properties"]["status"] == "close")
    assert closed["families_reached"] is None
    assert closed["number"] is None
    assert features[0]["properties"]["reasons"] == ["Reaches most", page_data.HOSTILE[0]]


def test_the_same_layers_give_the_same_bytes(written, council, tmp_path):
    layers = {"zones": council.zones, "sites": council.sites, "reach": council.reach}
    hashes = outputs.write_folder(tmp_path / "again", exports.layers(layers, ORIGIN))
    assert all((written / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in hashes)


def test_layers_before_the_plan_are_written_without_a_style_that_they_lack(tmp_path):
    zones = gpd.GeoDataFrame({"lsoa21cd": ["E01000001"]}, geometry=[box(5e5, 3e5, 5.01e5, 3.01e5)], crs=27700)
    outputs.write_folder(tmp_path / "x", exports.layers({"zones": zones}, ORIGIN))
    layers = {name for name, _ in pyogrio.list_layers(tmp_path / "x" / "assessment.gpkg")}
    assert layers == {"zones", "sources"}


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=4))
def test_names_of_any_kind_come_back_from_geojson(tmp_path_factory, names):
    sites = places("site_id", {str(i): (i * 10.0, 0.0) for i in range(len(names))}).assign(name=names)
    path = tmp_path_factory.mktemp("g") / "sites.geojson"
    outputs.geojson_writer(sites, ORIGIN, name="sites")(path)
    content = json.loads(path.read_bytes().decode("utf-8"))
    assert [f["properties"]["name"] for f in content["features"]] == names
    assert np.shape([f["geometry"]["coordinates"] for f in content["features"]]) == (len(names), 2)
