"""Draw the map: one function per kind of layer, stacked so that no fill changes colour under another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import MacroElement
from folium.template import Template
from folium.utilities import JsCode

from needs.settings import CRS, CRS_WEB
from needs.webmap.assets import OfflineMap
from needs.webmap.basemap import PLACES, tolerance_m
from needs.webmap.content import PageData, Sides
from needs.webmap.shading import Shading, catalogue
from needs.webmap.text import BEYOND, Html, join, minutes, number, safe, tag

# From the bottom up. Fills are opaque; what helps to find one's way lies over them.
PANES = {"green": 350, "zones": 400, "streets": 430, "reach": 450, "names": 590, "pins": 600}
STREETS = ("river", "water", "road_minor", "road_mid", "road_main", "rail")
PINS = ("hub", "outreach", "close")  # shapes that make room for one another; the others are small
OFFER_WORDS = {"hub": "hub", "outreach": "outreach site"}


class _Start(MacroElement):
    """Hand the map and its layers to the page's own script."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "page.start({{ this._parent.get_name() }}, {{ this.layers|tojavascript }}, {{ this.bounds|tojson }});"
        "{% endmacro %}"
    )

    def __init__(self, layers: dict[str, folium.GeoJson], bounds: list[list[float]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers = layers
        self.bounds = bounds


def area_map(data: PageData, shadings: list[Shading]) -> OfflineMap:
    """Build the map of an area.

    Parameters
    ----------
    data
        What the page shows.
    shadings
        The ways to colour the zones; each zone carries its class in every one.

    Returns
    -------
    OfflineMap
        With every layer, controlled by the page's own script.
    """
    south_west, north_east = bounds_deg(data.zones)
    area = OfflineMap(
        location=[(south_west[0] + north_east[0]) / 2, (south_west[1] + north_east[1]) / 2],
        tiles=None, control_scale=True, zoom_snap=0.1, scroll_wheel_zoom=False, max_zoom=18,
    )  # fmt: skip
    area.options["maxZoom"] = 18
    for pane, z_index in PANES.items():
        folium.map.CustomPane(pane, z_index=z_index, pointer_events=pane in {"zones", "pins"}).add_to(area)
    drawn = {
        "green": _shapes(_outside(data.basemap["green"], data.zones), "green", "green"),
        "zones": _layer(zone_features(data.zones, shadings), pane="zones", class_name="zone", smooth_factor=0),
        "edge": _shapes(_edge(data.zones), "edge", "zones"),
        **{name: _shapes(data.basemap[name], name, "streets") for name in STREETS},
        **{name: _shapes(lines, f"boundary {name}", "streets") for name, lines in boundary_lines(data).items()},
        "reach": _layer(reach_features(data.reach), show=False, pane="reach", interactive=False, smooth_factor=0),
        "places": _layer(place_features(data.basemap["places"]), point_to_layer=JsCode("page.place")),
        "sites": _layer(site_features(data.sites, data.sides), show=False, point_to_layer=JsCode("page.pin")),
    }
    for layer in drawn.values():
        layer.add_to(area)
    handed = {name: drawn[name] for name in ("zones", "reach", "places", "sites")}
    _Start(handed, [south_west, north_east]).add_to(area)
    return area


def bounds_deg(frame: gpd.GeoDataFrame) -> list[list[float]]:
    """South-west and north-east corner as latitude, longitude."""
    west, south, east, north = (round(float(v), 5) for v in frame.to_crs(CRS_WEB).total_bounds)
    return [[south, west], [north, east]]


def boundary_lines(data: PageData) -> dict[str, gpd.GeoSeries]:
    """Lines of wards, districts and the like, by a class of the style sheet, in the order of their kinds."""
    lines = {}
    for k, (_, rows) in enumerate(data.boundaries.groupby("kind", sort=True)):
        slim = rows.geometry.simplify_coverage(tolerance_m(data.zones.total_bounds))
        lines[f"boundary-{k}"] = gpd.GeoSeries([shapely.union_all(slim.boundary.to_numpy())], crs=CRS)
    return lines


def zone_features(zones: gpd.GeoDataFrame, shadings: list[Shading]) -> list[dict[str, Any]]:
    """Zones with their code, their class in each shading, and where the class number goes.

    Outlines are simplified together, so that neighbours still share their edges. No name is in here: tooltips take
    their text from the table.
    """
    slim = zones.geometry.simplify_coverage(tolerance_m(zones.total_bounds))
    middle = _degrees(zones.geometry.representative_point())
    features = []
    for code, outline, point in zip(zones["lsoa21cd"], _degrees(slim), middle, strict=True):
        classes = {s.id: int(s.classes[code]) for s in shadings}
        features.append(_feature(outline, code=str(code), at=[point.y, point.x], **classes))
    return features


def reach_features(reach: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Reach outlines with the offer, mode and minutes by which the controls choose them."""
    if reach.empty:
        return []
    slim = _degrees(reach.geometry.simplify(2 * tolerance_m(reach.total_bounds)))
    rows = zip(slim, reach["offer"], reach["mode"], reach["minutes"], strict=True)
    return [_feature(g, offer=str(offer), mode=str(mode), minutes=int(band)) for g, offer, mode, band in rows]


def place_features(places: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Place names, the most important first: the order in which they get room on the map."""
    ordered = places.assign(rank=[PLACES.index(p) for p in places["place"]]).sort_values(["rank", "name"])
    rows = zip(_degrees(ordered.geometry), ordered["name"], ordered["place"], ordered["rank"], strict=True)
    return [
        _feature(point, html=tag("span", name, class_=f"place {kind}", aria_hidden="true"), rank=int(rank))
        for point, name, kind, rank in rows
    ]


def site_features(sites: gpd.GeoDataFrame, sides: Sides) -> list[dict[str, Any]]:
    """Pins: shape by what the site becomes, number, accessible name, facts; grouped by their check box."""
    group = {status: row["id"] for row in catalogue()["sites"] for status in row["status"]}
    features = []
    rows = row_ids(sites)
    ordered = sites.sort_values(["number", "site_id"])
    for site, point in zip(ordered.to_dict("records"), _degrees(ordered.geometry), strict=True):
        shape = shape_of(site)
        figure = "" if pd.isna(site["number"]) else str(int(site["number"]))
        spoken = f"{figure} {site['name']}: {status_words(site, sides)}".strip()
        html = join([tag("span", spoken, class_="unseen"), tag("b", figure or "×", aria_hidden="true")])
        features.append(
            _feature(
                point,
                group=group[site["status"]],
                shape=shape,
                moves=shape in PINS,
                new=site["status"] == "open",
                html=html,
                name=site["name"],
                row=rows[site["site_id"]],
                facts=_site_facts(site, figure, sides),
            )
        )
    return features


def row_ids(sites: gpd.GeoDataFrame) -> dict[Any, str]:
    """Name the table row of each site; site ids may hold anything."""
    return {site: f"site-{k}" for k, site in enumerate(sorted(sites["site_id"]), 1)}


def shape_of(site: Mapping[Any, Any]) -> str:
    """Which pin a site gets: hub, outreach, close, neighbour or none."""
    return str(site["offer"] if site["status"] in {"keep", "convert", "open"} else site["status"])


def status_words(site: Mapping[Any, Any], sides: Sides) -> str:
    """Say what happens to a site."""
    today, offer = (OFFER_WORDS.get(site[k], "nothing") for k in ("today", "offer"))
    told = {"neighbour": "a neighbouring council's {today}", "none": "considered, not chosen"}
    words = told.get(site["status"]) or str(getattr(sides, site["status"]))
    return words.format(today=today, offer=offer, a_today=_a(today), a_offer=_a(offer))


def parent_words(site: Mapping[Any, Any]) -> str:
    """Say which hub runs an outreach site; empty where none does."""
    if pd.isna(site["parent_name"]):
        return ""
    away = minutes(site["parent_min"])
    return f"{site['parent_name']} ({away if away == BEYOND else f'{away} min by car'})"


def _a(words: str) -> str:
    return f"an {words}" if words.startswith("outreach") else f"a {words}"


def _site_facts(site: Mapping[Any, Any], figure: str, sides: Sides) -> Html:
    words = status_words(site, sides)
    lines = [tag("b", f"{figure} {site['name']}".strip()), f"{site['site_type_label']}: {words}"]
    if pd.notna(site["families_reached"]) and site["status"] not in {"close", "none"}:
        lines.append(f"Families reached: {number(site['families_reached'])}")
    if parent_words(site):
        lines.append(f"Run from {parent_words(site)}")
    return join(lines, "<br>")


def _outside(green: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Take from the woods and parks what the fills would hide."""
    cover = shapely.union_all(zones.geometry.buffer(0).to_numpy())
    left = shapely.get_parts(shapely.difference(green.to_numpy(), cover))
    return gpd.GeoSeries([p for p in left if p.geom_type == "Polygon" and p.area > 0], crs=CRS)


def _edge(zones: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Outer edge of the council."""
    slim = zones.geometry.simplify_coverage(tolerance_m(zones.total_bounds))
    return gpd.GeoSeries([shapely.union_all(slim.to_numpy())], crs=CRS)


def _shapes(shapes: gpd.GeoSeries, name: str, pane: str) -> folium.GeoJson:
    """One feature of all shapes of a class, styled by the style sheet."""
    parts = shapely.get_parts(_degrees(shapes))
    whole: Any = None
    if len(parts) and parts[0].geom_type == "Polygon":
        whole = shapely.multipolygons(parts)
    elif len(parts):
        whole = shapely.multilinestrings([p for p in parts if p.geom_type == "LineString"])
    return _layer([] if whole is None else [_feature(whole)], pane=pane, class_name=name, interactive=False)


def _layer(features: list[dict[str, Any]], **options: Any) -> folium.GeoJson:
    return folium.GeoJson({"type": "FeatureCollection", "features": features}, control=False, **options)


def _feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    texts = {k: safe(v) if isinstance(v, str) else v for k, v in properties.items()}
    return {"type": "Feature", "properties": texts, "geometry": json.loads(shapely.to_geojson(geometry))}


def _degrees(shapes: gpd.GeoSeries) -> Any:
    """Shapes in WGS 84, to five decimals (about a metre)."""
    if shapes.empty:
        return np.array([], dtype=object)
    return shapely.transform(shapes.to_crs(CRS_WEB).to_numpy(), lambda xy: np.round(xy, 5))
