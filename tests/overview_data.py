"""Make overviews to test: a synthetic county of crooked zones that fit together, and England from open data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from needs.webmap.overview import OverviewData
from needs.webmap.shading import Shading, class_of, class_words, thresholds
from tests.page_data import HOSTILE

CRS = "EPSG:27700"
STEP_M = 600.0
WEST_M, SOUTH_M = 400_000.0, 300_000.0
LEVELS = ("highest need", "high", "middle", "low", "lowest need")
TIMES = ("over 45 minutes", "over 30 to 45", "over 20 to 30", "over 10 to 20", "up to 10 minutes")
_RNG_SEED = 11
DRAWN = "document.getElementById('map').dataset.drawn"  # set by the page's script when it has drawn: how many zones


def crooked(columns: int, rows: int, bends: int) -> list[shapely.Polygon]:
    """Cells of a grid whose sides are the same crooked lines for both neighbours; `bends` points a side."""
    rng = np.random.default_rng(_RNG_SEED)
    part = np.linspace(0, 1, bends + 2)[:-1]
    bent = np.r_[0.0, np.ones(bends)] * 0.12

    def sides(shape: tuple[int, int], along: int) -> np.ndarray:
        """Lines from each corner to the next, without their end."""
        corner = np.stack(np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij"), -1).astype(float)
        lines = np.repeat(corner[:, :, None, :], len(part), axis=2)
        lines[..., along] += part
        lines[..., 1 - along] += rng.uniform(-1, 1, lines.shape[:-1]) * bent
        return lines

    east, north = sides((columns, rows + 1), 0), sides((columns + 1, rows), 1)
    ends = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1]])
    cells = []
    for i in range(columns):
        for j in range(rows):
            corner = ends + np.array([i, j])
            ring = [east[i, j], north[i + 1, j], corner[2:3], east[i, j + 1][:0:-1], corner[3:4], north[i, j][:0:-1]]
            cells.append(shapely.Polygon(np.concatenate(ring) * STEP_M + (WEST_M, SOUTH_M)))
    return cells


def county(columns: int = 20, rows: int = 15, *, bends: int = 2, blocks: int = 4, **replaced: Any) -> OverviewData:
    """Make the whole county of columns x rows zones in `blocks` x 2 councils, and one without a zone."""
    n, rng = columns * rows, np.random.default_rng(_RNG_SEED + 1)
    i, j = np.divmod(np.arange(n), rows)
    council = (i * blocks // columns) * 2 + (2 * j >= rows)
    names = [HOSTILE[k] if k < len(HOSTILE) else f"Gridwold {k}" for k in range(2 * blocks)]
    births, minutes = rng.integers(3, 40, n).astype(float), rng.gamma(2.0, 9.0, n)
    zones = gpd.GeoDataFrame(
        {
            "lsoa21cd": [f"E01{k:06d}" for k in range(n)],
            "zone_name": [HOSTILE[k] if k < len(HOSTILE) else f"Gridshire {k:05d}A" for k in range(n)],
            "lad24cd": [f"E07{k:06d}" for k in council],
            "rural": np.where(rng.uniform(size=n) < 0.3, "Larger rural, nearer", "Urban, nearer"),
            "births": births,
            "hub_min": np.where(minutes > 60, np.nan, minutes),
            "covered_pct": rng.uniform(0, 100, n),
        },
        geometry=crooked(columns, rows, bends),
        crs=CRS,
    )
    fifth = pd.Series(rng.integers(1, 6, n), index=zones["lsoa21cd"])
    time = pd.Series(5 - np.digitize(minutes, [10, 20, 30, 45], right=True), index=zones["lsoa21cd"])
    change = pd.Series(1 + np.arange(n) % 5, index=zones["lsoa21cd"])
    grouped = zones.groupby("lad24cd")
    sums = pd.DataFrame({"zones": grouped.size(), "families": grouped["births"].sum()}).reset_index()
    councils = sums.assign(
        name=names,
        slug=[f"council-{k}" if k % 2 else None for k in range(2 * blocks)],
        reached_pct=np.linspace(20, 90, 2 * blocks),
        unmet=np.round(sums["families"] * np.linspace(2, 0.1, 2 * blocks), 3),
        note=[HOSTILE[0] if k == 0 else "" for k in range(2 * blocks)],
    )
    bare = {"lad24cd": "E07999999", "name": "Nowhereshire", "slug": None, "zones": 0, "families": np.nan,
            "reached_pct": np.nan, "unmet": np.nan, "note": "No boundaries were given"}  # fmt: skip
    parts: dict[str, Any] = {
        "name": "Gridland",
        "slug": "gridland",
        "synthetic": True,
        "estimated": True,
        "finding": "Most families in Gridland are near a hub",
        "answer": "6 in 10 families could reach a hub today.",
        "demand_label": "births a year",
        "zones": zones,
        "shadings": [
            Shading("need", "Need", "Need score", "Need: fifths of England", "amount", fifth, LEVELS),
            Shading("minutes", "Travel", "Minutes to a hub", "Minutes to the nearest hub", "amount", time, TIMES),
            Shading("change", "Travel", "Change", f"Change {HOSTILE[0]}", "change", change, LEVELS),
        ],
        "figures": {"births": "Births a year", "hub_min": "Minutes to a hub", "covered_pct": "Covered",
                    "rural": HOSTILE[1]},
        "councils": pd.concat([councils, pd.DataFrame([bare])], ignore_index=True),
        "sources": [
            {
                "title": "Boundaries <b>", "publisher": "Office for National Statistics", "licence": "OGL-UK-3.0",
                "date": "December 2021", "url": "https://geoportal.statistics.gov.uk/", "path": "zones.geojson",
                "sha256": "ab" * 32, "caveat": None,
            }
        ],
        "command": "python -m needs england",
    }  # fmt: skip
    return OverviewData(**{**parts, **replaced})


def england(folder: Path) -> OverviewData:
    """Make the overview of England from open data: need by fifths, births, rural class; no travel."""
    shapes = gpd.read_parquet(folder / "england_lsoa21.parquet").to_crs(CRS)
    need = pd.read_parquet(folder / "iod2025_lsoa21_all.parquet")
    rank = "Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)"
    need = need[[c for k, c in enumerate(need.columns) if k in {0, 2, 3} or c == rank]]
    need.columns = pd.Index(["lsoa21cd", "lad24cd", "council", "rank"])
    births = pd.read_csv(folder / "lsoa21_births_proxy_age0_mid2020_derived.csv.gz")
    rural = pd.read_csv(folder / "ruc2021_lsoa21.csv.gz")
    zones = shapes.rename(columns={"lsoa21_code": "lsoa21cd", "lsoa21_name": "zone_name"})
    zones = zones.merge(need, on="lsoa21cd", validate="one_to_one")
    zones = zones.merge(births.rename(columns={"LSOA21CD": "lsoa21cd", "age0_mid2020": "births"}), on="lsoa21cd")
    zones = zones.merge(rural.rename(columns={"lsoa21_code": "lsoa21cd"}), on="lsoa21cd")
    keyed = zones.set_index("lsoa21cd")
    fifth = np.ceil(keyed["rank"] / len(zones) * 5).astype(int)
    bounds = thresholds(keyed["births"])
    ordered = ["UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1"]
    remote = 6 - keyed["ruc21_code"].map(lambda c: max(1, ordered.index(c)))
    kinds = (
        "smaller rural, further",
        "smaller rural, nearer",
        "larger rural, further",
        "larger rural, nearer",
        "urban",
    )
    grouped = zones.groupby(["lad24cd", "council"])
    sums = pd.DataFrame({"zones": grouped.size(), "families": grouped["births"].sum()}).reset_index()
    sums["worst"] = sums["lad24cd"].map(zones[fifth.to_numpy() == 1].groupby("lad24cd")["births"].sum()).fillna(0.0)
    sums = sums.sort_values(["worst", "lad24cd"], ascending=[False, True], ignore_index=True)
    return OverviewData(
        name="England",
        slug="england",
        synthetic=False,
        estimated=False,
        finding=f"{sums['worst'].sum() / sums['families'].sum():.0%} of births are in the fifth with the highest need",
        answer=f"{sums['council'][0]} has the most: {sums['worst'][0]:,.0f} births a year.",
        demand_label="births a year",
        zones=zones,
        shadings=[
            Shading("need", "Need", "Deprivation", "Need: fifths of England", "amount", fifth, LEVELS),
            Shading("births", "Need", "Families", "Births a year: fifths of England's neighbourhoods", "amount",
                    keyed["births"].map(lambda v: class_of(v, bounds)), class_words(bounds)),
            Shading("rural", "Place", "Rural or urban", "Rural Urban Classification 2021", "amount", remote, kinds),
        ],
        figures={"rank": "Rank in England", "births": "Births a year", "classification": "Rural or urban"},
        councils=sums.rename(columns={"council": "name"}).assign(
            slug=None, reached_pct=np.nan, unmet=np.nan, note="Not yet planned"
        ),
        sources=[],
        command="python -m needs england",
    )  # fmt: skip
