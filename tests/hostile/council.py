"""Write the raw files of a council of nine zones, small enough to be built hundreds of times."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pyproj

from tests.town import ORIGIN, write_osm
from tests.zips import zipped

DISTRICT = "E06900077"
ZONES = [f"E01900{n}" for n in range(701, 710)]
REST = [f"E01900{n}" for n in range(711, 731)]  # the rest of an invented England
SIDE_M = 1000.0
_DEGREES = pyproj.Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)

INDEX = """
[index]
id = "own"
label = "Two figures"
version = "1"
geography = "LSOA21"
reference = "an invented England"
transform = "rank"
source = "a test"

[[source]]
id = "made"
title = "Two figures"
publisher = "a test"
period = "2026"
geography = "LSOA21"
licence = "CC0-1.0"

[[domain]]
id = "poverty"
label = "Poverty"
weight = 0.5
rationale = "a test"

[[domain]]
id = "crowding"
label = "Crowding"
weight = 0.5
rationale = "a test"

[[indicator]]
id = "rank"
label = "Rank"
domain = "poverty"
value = "poverty_rank"
measure = "rank"
direction = "lower_is_need"
unit = "rank"
source = "made"

[[indicator]]
id = "crowded"
label = "Crowded households"
domain = "crowding"
numerator = ["crowded"]
denominator = ["households"]
measure = "proportion"
direction = "higher_is_need"
unit = "share"
source = "made"
"""

HEAD = f"""
[area]
name = "Mudport"
slug = "mudport"
codes = ["{DISTRICT}"]
margin_km = 5.0
synthetic = true

[demand]
count = "births"

[need]
index = "index.toml"
draws = 10

[travel]
modes = ["walk", "drive"]
bands_min = [10.0, 20.0]
timetable_date = 2026-05-12

[plan]
max_hubs = 2
max_outreach = 2
draws = 0

[[standard]]
offer = "hub"
mode = "drive"
rural_urban = ["RSN1"]
full_min = 4
zero_min = 8
source = "a test"
"""

# id, table, file, vintage, headings (ours = theirs where they differ), lines of its own
INPUTS = (
    ("zones", "zones", "zones.geojson", "LSOA21", "lsoa21cd zone_name lad24cd", ""),
    ("classes", "rural_urban", "classes.csv", "LSOA21", "lsoa21cd ruc21cd", ""),
    ("births", "demand", "births.csv", "LSOA21", "lsoa21cd births children_0_4", ""),
    ("poor", "deprived_children", "poor.csv", "LSOA21", "lsoa21cd deprived_children", "blank = [0, 9]"),
    ("cars", "cars", "cars.csv", "LSOA21", "lsoa21cd no_car_pct", ""),
    ("digital", "digital", "digital.csv", "LSOA11", "code=lsoa11cd offline_pct", ""),
    ("points", "points", "points.csv", "LSOA21", "point_id lsoa21cd weight x y", 'crs = "EPSG:27700"'),
    ("figures", "indicators", "figures.csv", "LSOA21", "lsoa21cd poverty_rank crowded households", ""),
    ("lookup", "lookup", "lookup.csv", "LSOA11", "from_code lsoa21cd change", ""),
    ("people", "population", "people.csv", "LSOA21", "lsoa21cd people", ""),
    ("context", "context", "context.csv", "LAD24", "lad24cd indicator label period value", ""),
    ("wards", "boundaries", "wards.geojson", "", "kind code name", ""),
    ("postcodes", "postcodes", "postcodes.csv", "", "postcode x y", 'crs = "EPSG:27700"'),
    ("buildings", "sites", "buildings.csv", "", "site_id name site_type today x y", 'crs = "EPSG:27700"'),
    (
        *("rooms", "sites", "rooms.csv", "", "name site_type postcode"),
        'types = { "Library" = "library", "Hall" = "community_centre" }',
    ),
    ("streets", "streets", "streets.osm", "", "", ""),
    ("buses", "timetable", "buses.zip", "", "", ""),
)

NEEDED = ("zones", "classes", "births", "points", "figures", "buildings", "streets")


def write(folder: Path) -> Path:
    """Write the raw files and the assessment file, which lies beside them; give the assessment file."""
    west, south = ORIGIN
    places = [(west + SIDE_M * (k % 3), south + SIDE_M * (k // 3)) for k in range(len(ZONES))]
    middles = [(x + SIDE_M / 2, y + SIDE_M / 2) for x, y in places]
    squares = [square(x, y, SIDE_M) for x, y in places]
    named = [{"lsoa21cd": code, "zone_name": f"Mudport 00{k}A", "lad24cd": DISTRICT} for k, code in enumerate(ZONES, 1)]
    write_features(folder / "zones.geojson", zip(named, squares, strict=True))
    ward = {"kind": "Wards", "code": "E05900001", "name": "Quay"}
    write_features(folder / "wards.geojson", [(ward, square(west, south, 3 * SIDE_M))])
    old = [code.replace("E019007", "E019006") for code in ZONES]
    points = [(f"QM1 {k}A{half}", z, 20, x + d, y + d) for k, (z, (x, y)) in enumerate(zip(ZONES, middles, strict=True))
              for half, d in (("A", -100), ("B", 100))]  # fmt: skip
    tables: dict[str, tuple[Sequence[str], Iterable[Sequence[object]]]] = {
        "classes.csv": (("lsoa21cd", "ruc21cd"), [(z, "RSN1") for z in ZONES]),
        "births.csv": (
            ("lsoa21cd", "births", "children_0_4"), [(z, 20 + k, 101 + k) for k, z in enumerate(ZONES)]
        ),
        "poor.csv": (
            ("lsoa21cd", "deprived_children"), [(z, "" if k == 3 else 10 * k) for k, z in enumerate(ZONES)]
        ),
        "cars.csv": (("lsoa21cd", "no_car_pct"), [(z, 10.5 + k) for k, z in enumerate(ZONES)]),
        "digital.csv": (("lsoa11cd", "offline_pct"), [(z, 4.5 + k) for k, z in enumerate(old)]),
        "points.csv": (("point_id", "lsoa21cd", "weight", "x", "y"), points),
        "figures.csv": (
            ("lsoa21cd", "poverty_rank", "crowded", "households"),
            [(z, k, 10 + k, 500 + k) for k, z in enumerate([*ZONES, *REST], 1)],
        ),
        "lookup.csv": (("from_code", "lsoa21cd", "change"), [(o, z, "U") for o, z in zip(old, ZONES, strict=True)]),
        "people.csv": (("lsoa21cd", "people"), [(z, 1500 + k) for k, z in enumerate(ZONES)]),
        "context.csv": (
            ("lad24cd", "indicator", "label", "period", "value"),
            [(DISTRICT, "gld", "Good development", "2025", 66.5), ("E92000001", "gld", "Good development", "2025", 67)],
        ),
        "postcodes.csv": (("postcode", "x", "y"), [(p, x, y) for p, _, _, x, y in points]),
        "buildings.csv": (
            ("site_id", "name", "site_type", "today", "x", "y"),
            [
                ("hub", "Quay Family Hub", "family_hub", "hub", *middles[0]),
                ("school", "Quay School", "primary_school", "none", *middles[8]),
            ],
        ),
        "rooms.csv": (
            ("name", "site_type", "postcode"),
            [("Quay Library", "Library", points[8][0]), ("Mud Hall", "Hall", points[12][0])],
        ),
    }  # fmt: skip
    for name, (heading, rows) in tables.items():
        write_table(folder / name, heading, rows)
    write_streets(folder / "streets.osm")
    write_zip(folder / "buses.zip", timetable(middles))
    (folder / "index.toml").write_text(INDEX, "utf-8")
    path = folder / "mudport.toml"
    path.write_text(assessment([given[0] for given in INPUTS]), "utf-8")
    return path


def assessment(inputs: Collection[str]) -> str:
    """Give the assessment file with some of the inputs."""
    return "\n".join([HEAD, *(entry(*given) for given in INPUTS if given[0] in inputs)])


def entry(name: str, table: str, file: str, vintage: str, headings: str, more: str) -> str:
    """Write one [[input]]."""
    pairs = [heading.partition("=") for heading in headings.split()]
    columns = ", ".join(f'{ours} = "{theirs or ours}"' for ours, _, theirs in pairs)
    lines = [
        "[[input]]",
        f'id = "{name}"',
        f'table = "{table}"',
        f'path = "{file}"',
        *([f'vintage = "{vintage}"'] if vintage else []),
        f'title = "Made-up {name}"',
        'publisher = "a test"',
        'licence = "CC0-1.0"',
        'date = "2026"',
        *([f"columns = {{ {columns} }}"] if columns else []),
        *([more] if more else []),
    ]
    return "\n".join([*lines, ""])


def write_table(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])


def square(x: float, y: float, side: float) -> list[list[float]]:
    """Give the corners of a square, degrees."""
    corners = ((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y))
    return [[round(d, 7) for d in _DEGREES.transform(*corner)] for corner in corners]


def write_features(path: Path, given: Iterable[tuple[Mapping[str, object], object]]) -> None:
    """Write polygons as GeoJSON, a feature a line."""
    lines = [
        json.dumps(
            {"type": "Feature", "properties": fields, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        )
        for fields, ring in given
    ]  # fmt: skip
    path.write_text('{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n", "utf-8")


def write_streets(path: Path) -> None:
    """Write a lattice of streets, 500 m apart."""
    number = {(i, j): 1 + 7 * j + i for i in range(7) for j in range(7)}
    nodes = {n: (500.0 * i, 500.0 * j) for (i, j), n in number.items()}
    rows = [[number[i, j] for i in range(7)] for j in range(7)]
    columns = [[number[i, j] for j in range(7)] for i in range(7)]
    write_osm(path, nodes, [(line, {"highway": "residential"}) for line in (*rows, *columns)])


def timetable(middles: Sequence[tuple[float, float]]) -> dict[str, str]:
    """Give the files of a timetable: a bus an hour through three zones, on school days."""
    stops = [(f"s{k}", *_DEGREES.transform(*middles[k])) for k in (0, 4, 8)]
    hours = range(7, 19)
    days = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    calls = [
        f"t{hour},{hour:02d}:{10 * k:02d}:00,{hour:02d}:{10 * k:02d}:30,{stop},{k + 1}"
        for hour in hours
        for k, (stop, *_) in enumerate(stops)
    ]
    return {
        "stops.txt": _lines("stop_id,stop_name,stop_lat,stop_lon", (f"{s},Stop {s},{y:.6f},{x:.6f}" for s, x, y in stops)),
        "routes.txt": _lines("route_id,route_type", ["r,3"]),
        "trips.txt": _lines("route_id,service_id,trip_id", (f"r,school,t{hour}" for hour in hours)),
        "stop_times.txt": _lines("trip_id,arrival_time,departure_time,stop_id,stop_sequence", calls),
        "calendar.txt": _lines(f"service_id,{days},start_date,end_date", ["school,1,1,1,1,1,0,0,20260101,20261231"]),
    }  # fmt: skip


def _lines(heading: str, rows: Iterable[str]) -> str:
    return "\n".join([heading, *rows, ""])


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> None:
    """Write a zip."""
    path.write_bytes(zipped(members))
