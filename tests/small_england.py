"""Make an England small enough to build in seconds: three real councils' codes on made-up ground."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import box

from tests.test_pipeline import INDEX

COUNCILS = {"E06000006": "Halton", "E06000017": "Rutland", "E08000011": "Knowsley"}
SIDE, STEP_M, WEST_M, SOUTH_M = 4, 2_500.0, 400_000.0, 300_000.0
KINDS = ("primary_school", "library", "library")
TOML = """
[area]
name = "Small England"
slug = "small-england"
codes = {codes}
synthetic = true
margin_km = 5.0

[need]
index = "index.toml"
draws = 20

[plan]
max_hubs = 1
max_outreach = 1
draws = 0
alternatives = 0
frontier = 0

[travel]
straight_lines = true
"""
TABLES = {
    "zones": ("zones.geojson", ""),
    "rural_urban": ("class.csv", ""),
    "demand": ("demand.csv", ""),
    "deprived_children": ("children.csv", "blank = [0, 9]\n"),
    "points": ("points.csv", 'crs = "EPSG:27700"\n'),
    "indicators": ("indicators.csv", ""),
    "sites": ("sites.csv", 'crs = "EPSG:27700"\nnational = true\n'),
}


def write(folder: Path, *, side: int = SIDE) -> Path:
    """Write raw files of three councils beside each other, each of side x side zones, and their assessment."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(8)
    rows = [(code, k, i, j) for k, code in enumerate(COUNCILS) for i in range(side) for j in range(side)]
    west = np.array([WEST_M + STEP_M * (side * k + i) for _, k, i, _ in rows])
    south = np.array([SOUTH_M + STEP_M * j for *_, j in rows])
    codes = [f"E019{n:05d}" for n in range(len(rows))]
    districts = [row[0] for row in rows]
    names = [f"{COUNCILS[c]} {n:03d}A" for n, c in enumerate(districts)]
    shapes = [box(x, y, x + STEP_M, y + STEP_M) for x, y in zip(west, south, strict=True)]
    zones = gpd.GeoDataFrame(
        {"lsoa21cd": codes, "zone_name": names, "lad24cd": districts}, geometry=shapes, crs="EPSG:27700"
    )
    zones.to_crs("EPSG:4326").to_file(folder / "zones.geojson", driver="GeoJSON", COORDINATE_PRECISION=9)
    n, half = len(rows), STEP_M / 2
    rural = np.where(np.array(districts) == "E06000017", "RSN1", "UN1")
    poor = rng.integers(0, 60, n)
    places = rng.permutation(n)[: n // 2]
    tables = {
        "class.csv": {"lsoa21cd": codes, "ruc21cd": rural},
        "demand.csv": {"lsoa21cd": codes, "births": rng.integers(5, 60, n), "children_0_4": rng.integers(30, 300, n)},
        "children.csv": {"lsoa21cd": codes, "deprived_children": np.where(poor < 10, np.nan, poor)},
        "points.csv": {"point_id": [f"p{c}" for c in codes], "lsoa21cd": codes, "x": west + half, "y": south + half},
        "indicators.csv": {"lsoa21cd": codes, "r_rank": rng.permutation(n) + 1},
        "sites.csv": {
            "name": [f"Building {k}" for k in range(len(places))],
            "site_type": ["family_hub" if k % 8 == 0 else KINDS[k % 3] for k in range(len(places))],
            "x": west[places] + 900,
            "y": south[places] + 700,
        },
    }  # fmt: skip
    for name, columns in tables.items():
        pd.DataFrame(columns).to_csv(folder / name, index=False)
    (folder / "index.toml").write_text(INDEX)
    text = TOML.format(codes=list(COUNCILS))
    for table, (path, more) in TABLES.items():
        known = ["lsoa21cd", "zone_name", "lad24cd"] if path.endswith("json") else list(tables[path])
        columns = "{ " + ", ".join(f'{c} = "{c}"' for c in known) + " }"
        text += f'\n[[input]]\nid = "{table}"\ntable = "{table}"\npath = "{path}"\ntitle = "{table}"\n'
        text += (
            f'publisher = "a test"\nlicence = "CC0-1.0"\ndate = "2026"\nvintage = "LSOA21"\n{more}columns = {columns}\n'
        )
    file = folder / "small-england.toml"
    file.write_text(text)
    return file
