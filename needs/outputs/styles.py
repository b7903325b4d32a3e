"""Draw layers in a GIS as the page draws them: QGIS styles (QML) and Styled Layer Descriptors (SLD)."""

from __future__ import annotations

from functools import cache
from typing import Literal
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
from pydantic import Field, model_validator

from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

_FILE = "styles.toml"
_QGIS = "3.28.0"  # a version that writes styles in this form; older and newer ones read it
_SYMBOL_LAYERS = {"fill": "SimpleFill", "line": "SimpleFill", "marker": "SimpleMarker"}
_SHAPES = {"circle": "circle", "diamond": "diamond", "square": "square", "x": "cross2"}  # as QGIS calls them
_KNOWN_MARKS = {"diamond": "square"}  # SLD has no diamond: a square on its corner
_DASHES_PX = {"dash": "14 7", "dot": "4 5"}
_PIXELS_PER_MM = 1 / 0.28  # SLD's pixel is 0.28 mm wide (OGC 05-077r4, section 6)


class Class(Strict):
    """One value of a style's attribute and how it looks; colours by name, sizes in millimetres."""

    value: int | str
    words: str
    fill: str | None = None
    line: str
    width: float = Field(gt=0)
    shape: Literal["circle", "diamond", "square", "x"] = "circle"
    size: float = Field(default=3.0, gt=0)
    dash: Literal["solid", "dash", "dot"] = "solid"


class Style(Strict):
    """How a layer is shown: a class for each value of an attribute."""

    layer: str
    name: str = Field(max_length=30)  # what layer_styles can hold
    description: str
    attribute: str
    kind: Literal["fill", "line", "marker"]
    label: str | None = None
    classes: tuple[Class, ...]


class _Styles(Strict):
    colours: dict[str, str]
    styles: tuple[Style, ...] = Field(alias="style")

    @model_validator(mode="after")
    def _colours_known(self) -> _Styles:
        used = {c for s in self.styles for k in s.classes for c in (k.fill, k.line) if c}
        if unknown := sorted(used - set(self.colours)):
            msg = f"colour {', '.join(unknown)} is not among [colours]"
            raise ValueError(msg)
        return self


@cache
def _catalogue() -> _Styles:
    return checked(_Styles, load(CATALOGUE / _FILE), file=_FILE)


def colours() -> dict[str, str]:
    """Give the colours of maps by name, as #rrggbb: c1 to c5 are the fifths of need, 1 = highest."""
    return dict(_catalogue().colours)


def styles() -> dict[str, Style]:
    """Give the styles of the catalogue, by layer."""
    return {s.layer: s for s in _catalogue().styles}


def with_symbols(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add what a map shows of each site, `symbol`, to sites with a plan (offer, status); others stay as they are."""
    if not {"offer", "status"} <= set(sites):
        return sites
    keep = sites["status"].isin(["keep", "convert", "open"]) & sites["offer"].isin(["hub", "outreach"])
    abroad = (sites["status"] == "neighbour") & sites["offer"].isin(["hub", "outreach"])
    symbol = pd.Series("not chosen", index=sites.index, dtype=object)
    symbol = symbol.mask(sites["status"] == "close", "close")
    symbol = symbol.mask(abroad, "neighbour " + sites["offer"])
    return sites.assign(symbol=symbol.mask(keep, sites["offer"] + " " + sites["status"]))


def layer_styles(layers: dict[str, gpd.GeoDataFrame], *, geometry_column: str, update_time: str) -> pd.DataFrame:
    """Make the table `layer_styles`, in which QGIS looks for how to show the layers of a GeoPackage.

    Parameters
    ----------
    layers
        By name; those without a style, or without its attribute, get none.
    geometry_column
        Name of the geometry in every layer's table.
    update_time
        ISO 8601; of several default styles QGIS takes the latest.

    Source: QGIS GeoPackage layer styles (github.com/pka/qgpkg, qgis_geopackage_extension.md).
    """
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": name,
            "f_geometry_column": geometry_column,
            "styleName": style.name,
            "styleQML": qml(style),
            "styleSLD": sld(style),
            "useAsDefault": True,
            "description": style.description,
            "owner": "",
            "ui": "",
        }
        for name, style in styles().items()
        if name in layers and style.attribute in layers[name]
    ]
    return pd.DataFrame(rows).assign(update_time=pd.Timestamp(update_time).tz_localize(None))


def qml(style: Style) -> str:
    """Write a style for QGIS 3: a categorized renderer, each class a simple symbol, and labels."""
    root = ET.Element(
        "qgis", version=_QGIS, styleCategories="Symbology|Labeling", labelsEnabled=str(int(bool(style.label)))
    )
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=style.attribute, symbollevels="0")
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for i, one in enumerate(style.classes):
        kind = "integer" if isinstance(one.value, int) else "string"
        ET.SubElement(
            categories, "category", value=str(one.value), type=kind, symbol=str(i), label=one.words, render="true"
        )
        of = "marker" if style.kind == "marker" else "fill"
        symbol = ET.SubElement(symbols, "symbol", name=str(i), type=of, alpha="1", clip_to_extent="1", force_rhr="0")
        drawn = {"class": _SYMBOL_LAYERS[style.kind], "enabled": "1", "locked": "0", "pass": "0"}
        _properties(ET.SubElement(symbol, "layer", drawn), _symbol(style, one))
    if style.label:
        _label(root, style.label)
    ET.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode") + "\n"


def _symbol(style: Style, one: Class) -> dict[str, str]:
    named = colours()
    edge = {
        "outline_color": _rgba(named[one.line]),
        "outline_style": one.dash,
        "outline_width": f"{one.width:g}",
        "outline_width_unit": "MM",
    }
    if style.kind == "marker":
        shape = {"name": _SHAPES[one.shape], "size": f"{one.size:g}", "size_unit": "MM"}
        return {"color": _rgba(named[one.fill or "paper"]), **shape, **edge}
    inside = {"color": _rgba(named[one.fill]), "style": "solid"} if one.fill else {"style": "no"}
    return {**inside, **edge}


def _properties(layer: ET.Element, values: dict[str, str]) -> None:
    """Write properties as QGIS does from 3.20 on, and as it did before."""
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(options, "Option", name=name, value=value, type="QString")
    for name, value in values.items():
        ET.SubElement(layer, "prop", k=name, v=value)


def _label(root: ET.Element, attribute: str) -> None:
    """Write an attribute on the map: dark on a white halo, so that it can be read on every class."""
    settings = ET.SubElement(ET.SubElement(root, "labeling", type="simple"), "settings")
    ink, paper = (_rgba(colours()[c]) for c in ("ink", "paper"))
    text = ET.SubElement(
        settings, "text-style", fieldName=attribute, isExpression="0", fontSize="8", fontSizeUnit="Point", textColor=ink
    )
    ET.SubElement(text, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor=paper)


def _rgba(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},255"


_SLD = {
    "xmlns": "http://www.opengis.net/sld",
    "xmlns:se": "http://www.opengis.net/se",
    "xmlns:ogc": "http://www.opengis.net/ogc",
    "version": "1.1.0",
}


def sld(style: Style) -> str:
    """Write a style as a Styled Layer Descriptor 1.1 (OGC 05-078r4) for other programs."""
    root = ET.Element("StyledLayerDescriptor", _SLD)
    layer = ET.SubElement(root, "NamedLayer")
    ET.SubElement(layer, "se:Name").text = style.layer
    user = ET.SubElement(layer, "UserStyle")
    ET.SubElement(user, "se:Name").text = style.name
    features = ET.SubElement(user, "se:FeatureTypeStyle")
    for one in style.classes:
        rule = ET.SubElement(features, "se:Rule")
        ET.SubElement(rule, "se:Name").text = one.words
        same = ET.SubElement(ET.SubElement(rule, "ogc:Filter"), "ogc:PropertyIsEqualTo")
        ET.SubElement(same, "ogc:PropertyName").text = style.attribute
        ET.SubElement(same, "ogc:Literal").text = str(one.value)
        if style.kind == "marker":
            graphic = ET.SubElement(ET.SubElement(rule, "se:PointSymbolizer"), "se:Graphic")
            mark = ET.SubElement(graphic, "se:Mark")
            ET.SubElement(mark, "se:WellKnownName").text = _KNOWN_MARKS.get(one.shape, one.shape)
            _paint(mark, one)
            ET.SubElement(graphic, "se:Size").text = f"{one.size * _PIXELS_PER_MM:.1f}"
            if one.shape in _KNOWN_MARKS:
                ET.SubElement(ET.SubElement(graphic, "se:Rotation"), "ogc:Literal").text = "45"
        else:
            _paint(ET.SubElement(rule, "se:PolygonSymbolizer"), one)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _paint(symbol: ET.Element, one: Class) -> None:
    named = colours()
    if one.fill:
        ET.SubElement(ET.SubElement(symbol, "se:Fill"), "se:SvgParameter", name="fill").text = named[one.fill]
    stroke = ET.SubElement(symbol, "se:Stroke")
    ET.SubElement(stroke, "se:SvgParameter", name="stroke").text = named[one.line]
    ET.SubElement(stroke, "se:SvgParameter", {"name": "stroke-width"}).text = f"{one.width * _PIXELS_PER_MM:.1f}"
    if one.dash != "solid":
        ET.SubElement(stroke, "se:SvgParameter", {"name": "stroke-dasharray"}).text = _DASHES_PX[one.dash]
