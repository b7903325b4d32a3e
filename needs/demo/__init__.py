"""Make two synthetic councils, rural and urban, whose raw files run the whole chain offline."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from needs.demo import buildings, network, osm, people, plans, timetable, towns
from needs.demo.assessments import assessment_toml
from needs.demo.ground import Bend
from needs.settings import SEED

_EXISTING = ("family_hub", "childrens_centre")


def write(folder: Path) -> list[Path]:
    """Write the raw files of Ruralshire and Rivermouth, and an assessment file for each.

    Everything is invented and labelled synthetic; the same bytes are written every time.

    Parameters
    ----------
    folder
        Raw folder that the assessment files' paths are relative to; made if absent.

    Returns
    -------
    list of Path
        The two assessment files: ruralshire.toml and rivermouth.toml in `folder`. Beside what they name, each
        council's folder holds `timetable.zip`, a GTFS feed.
    """
    councils = (plans.ruralshire(), plans.rivermouth())
    zones = [_write_council(folder, plan, seed) for seed, plan in enumerate(councils, 1)]
    england = folder / "england"
    england.mkdir(parents=True, exist_ok=True)
    _csv(people.england(zones, np.random.default_rng([SEED, 0])), england / "indicators.csv")
    files = []
    for plan in councils:
        files.append(folder / f"{plan.slug}.toml")
        files[-1].write_text(assessment_toml(plan), encoding="utf-8", newline="\n")
    return files


def _write_council(folder: Path, plan: plans.Plan, seed: int) -> gpd.GeoDataFrame:
    """Write one council's files and return its zones, with people and hardship, for the indicators of England."""

    def chance(stage: int) -> np.random.Generator:
        return np.random.default_rng([SEED, seed, stage])

    home = folder / plan.slug
    home.mkdir(parents=True, exist_ok=True)
    bend = Bend(plan.corner, chance(1), scale=1.0 if plan.lanes else 0.55)
    drawing = towns.draw(plan, chance(2))
    streets = network.build(plan, drawing, bend, chance(3))
    settled = people.settle(plan, streets, bend, drawing.built, chance(4))
    zones, points = settled.zones, settled.points
    sites = buildings.place_sites(plan, streets, bend, points, chance(5))
    osm.write_osm(home / plan.streets_file, plan, streets, drawing, bend, chance(6), first_id=seed * 1_000_000)
    timetable.write_gtfs(home / "timetable.zip", plan, streets, bend)
    _geojson(zones[["lsoa21cd", "zone_name", "lad24cd", "geometry"]], home / "zones.geojson")
    _csv(zones[["lsoa21cd", "ruc21cd"]], home / "rural_urban.csv")
    _csv(people.demand(zones, chance(7)), home / "demand.csv")
    _csv(people.cars(zones, chance(8)), home / "cars.csv")
    _csv(people.deprived_children(zones, chance(9)), home / "deprived_children.csv")
    _csv(people.digital(zones, chance(10)), home / "digital.csv")
    at = points.geometry.get_coordinates()
    table = pd.DataFrame({"postcode": points["point_id"], "lsoa21cd": points["lsoa21cd"], "people": points["weight"]})
    _csv(table.assign(easting=at["x"], northing=at["y"]), home / "points.csv")
    existing = sites["site_type"].isin(_EXISTING)
    columns = sites.drop(columns="ours")
    _csv(columns[existing & sites["ours"]], home / "sites_existing.csv")
    _csv(columns[~existing], home / "sites_candidates.csv")
    _csv(columns[~sites["ours"]], home / "sites_neighbours.csv")
    return zones


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _geojson(zones: gpd.GeoDataFrame, path: Path) -> None:
    """Write polygons in EPSG:4326, a feature a line; shared borders stay shared because both sides round alike."""
    lines = []
    shapes = shapely.to_geojson(shapely.transform(zones.geometry.array, osm.degrees))
    for fields, shape in zip(zones.drop(columns="geometry").to_dict("records"), shapes, strict=True):
        lines.append(json.dumps({"type": "Feature", "properties": fields, "geometry": json.loads(shape)}))
    body = ",\n".join(lines)
    path.write_text(f'{{"type": "FeatureCollection", "features": [\n{body}\n]}}\n', encoding="utf-8", newline="\n")
