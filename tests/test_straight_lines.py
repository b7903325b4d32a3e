"""Travel without streets: minutes by hand, against real streets, and an estimate that says so wherever it stands."""

from __future__ import annotations

import json
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest

from needs import isochrones, pipeline, streets, travel
from needs.errors import SettingsError
from needs.settings import Paths
from needs.travel import ESTIMATE, StraightLines
from tests.test_pipeline import write_town

CRS = "EPSG:27700"
NOT_BY_TRAVEL = {"contributions.csv", "index_weights.csv", "context.csv", "rejected_sites.csv", "site_register.csv"}


def places(column: str, xs: list[float], **more: object) -> gpd.GeoDataFrame:
    names = {column: [f"{column}{k}" for k in range(len(xs))]}
    return gpd.GeoDataFrame({**names, **more}, geometry=gpd.points_from_xy(xs, [0.0] * len(xs)), crs=CRS)


def test_minutes_by_hand_in_towns_and_in_the_country():
    points = places("point_id", [0, 0], ruc21cd=["UN1", "RSF1"])
    sites = places("site_id", [0, 2_000, 100_000])
    found = StraightLines("drive").minutes(points, sites)
    assert found.index.tolist() == ["point_id0", "point_id1"]
    np.testing.assert_allclose(found.iloc[:, :2], [[2.2, 2.2 + 2 * 1.5], [2.2, 2.2 + 2 * 1.1]])
    assert found.iloc[:, 2].isna().all()  # 100 km are beyond the hour
    walk = StraightLines("walk").minutes(points, sites)
    np.testing.assert_allclose(walk.iloc[:, 1], 2.6 + 2 * 18.0)
    assert travel.minutes_back(points, sites, StraightLines("walk")).equals(walk)


def test_reach_is_a_circle_that_ends_where_the_minutes_do():
    sites = places("site_id", [0, 50_000])
    line = StraightLines("walk")
    rows = isochrones.per_site(sites, line, bands_min=[1, 15, 30])
    assert rows.query("minutes == 1").geometry.is_empty.all()  # nobody is out of the door yet
    edge = rows.query("minutes == 15").geometry.iloc[0].bounds[2]
    [minutes] = line.minutes(places("point_id", [edge]), sites.iloc[:1]).to_numpy().ravel()
    assert minutes == pytest.approx(15)
    both = isochrones.reach(sites, line, bands_min=[15, 30])
    assert [len(shape.geoms) for shape in both.geometry] == [2, 2]
    assert both.geometry.iloc[0].within(both.geometry.iloc[1])
    assert isochrones.reach(sites.iloc[:0], line, bands_min=[15]).geometry.is_empty.all()


@pytest.mark.data
@pytest.mark.parametrize(("mode", "top_km"), [("walk", 3.0), ("drive", 20.0)])
def test_the_paces_are_those_of_real_streets(mode, top_km, real_data):
    graph = streets.build(streets.read_ways(real_data / "rutland/rutland-2022-07-20.osm.pbf"), mode)
    lots = np.random.default_rng(1)
    ends = [lots.choice(len(graph.x), 300, replace=False) for _ in range(2)]
    points, sites = (
        gpd.GeoDataFrame(
            {name: [str(k) for k in range(len(at))], "ruc21cd": "RSN1"},
            geometry=gpd.points_from_xy(graph.x[at], graph.y[at]),
            crs=CRS,
        )
        for name, at in zip(("point_id", "site_id"), ends, strict=True)
    )
    measured = travel.minutes(points, sites, graph).to_numpy()
    estimated = StraightLines(mode).minutes(points, sites).to_numpy()
    km = np.hypot(*(graph_[ends[0]][:, None] - graph_[ends[1]] for graph_ in (graph.x, graph.y))) / 1000
    use = np.isfinite(measured) & np.isfinite(estimated) & (km > 0.1) & (km < top_km)
    low, middle, high = np.quantile(measured[use] / estimated[use], [0.1, 0.5, 0.9])
    assert 0.7 <= low <= high <= 1.5  # four in five, as the catalogue says
    assert 0.94 <= middle <= 1.06


@pytest.fixture(scope="module")
def estimated(tmp_path_factory):
    """The town without its streets: three hamlets 3 km apart."""
    top = tmp_path_factory.mktemp("lines")
    raw = top / "raw"
    raw.mkdir()
    path = write_town(raw)
    text = path.read_text()
    begin = text.index('[[input]]\nid = "streets"')
    path.write_text(
        text[:begin]
        .replace("[plan]", "[travel]\nstraight_lines = true\n\n[plan]", 1)
        .replace("draws = 3\n", "draws = 20\n", 1)
    )
    paths = Paths(raw, top / "processed", top / "maps")
    return pipeline.build(path, paths=paths), path, paths


def test_a_town_without_streets_computed_by_hand(estimated):
    built, _, _ = estimated
    zones = pd.read_csv(built.folder / "zones.csv").set_index("zone_name")
    # The hub is West Library: 3 km are 2.2 + 3 x 1.1 = 5.5 minutes by car (cover (8 - 5.5) / 4), 6 km 8.8 (none).
    drive = [2.2, 5.5, 8.8]
    walk = [2.6, 2.6 + 3 * 18, np.nan]
    order = ["West", "Middle", "East"]
    np.testing.assert_allclose(zones.loc[order, "hub_drive_min_plan"], drive)
    np.testing.assert_allclose(zones.loc[order, "hub_walk_min_plan"], walk)
    assert zones.loc["West", "cover_plan"] == pytest.approx(1.0)


def test_every_table_and_heading_says_that_it_is_an_estimate(estimated):
    built, _, _ = estimated
    tables = [p for p in built.folder.rglob("*.csv") if p.parent.name in (built.folder.name, "plan")]
    by_travel = [p for p in tables if p.name not in NOT_BY_TRAVEL and not p.name.startswith("data_")]
    assert {"zones.csv", "sites.csv", "groups.csv", "inequality.csv", "frontier.csv"} <= {p.name for p in by_travel}
    for path in by_travel:
        assert set(pd.read_csv(path)["travel"].dropna()) <= {ESTIMATE}, path
        assert "travel" in pd.read_csv(path, nrows=0).columns, path
    assert set(pd.read_parquet(built.folder / "travel.parquet")["travel"]) == {ESTIMATE}
    for layer, _ in pyogrio.list_layers(built.folder / "assessment.gpkg"):
        if layer in {"zones", "sites", "reach"}:
            assert set(gpd.read_file(built.folder / "assessment.gpkg", layer=layer)["travel"]) == {ESTIMATE}
    plan = json.loads((built.folder / "plan.json").read_text())
    assert ESTIMATE in plan["finding"]
    package = json.loads((built.folder / "datapackage.json").read_text())
    assert "estimated in straight lines" in package["description"]
    page = built.page.read_text()
    body = page[page.index("<main") :]
    assert ESTIMATE in re.search(r"<h1>(.*?)</h1>", body)[1]
    captions = re.findall(r"<caption>(.*?)</caption>", body)
    said = [c for c in captions if ESTIMATE in c]
    assert len(said) >= 5
    assert "Nothing is assumed to be reachable in a straight line" not in body
    assert "nobody can. Do not choose between two sites by these figures." in body
    assert not (built.folder / "snapping.csv").exists()


def test_without_streets_or_leave_to_estimate_nothing_is_built(estimated, tmp_path):
    _, path, paths = estimated
    bare = tmp_path / "bare.toml"
    bare.write_text(path.read_text().replace("straight_lines = true", "straight_lines = false"))
    with pytest.raises(SettingsError, match=r"for table streets .or set straight_lines = true"):
        pipeline.build(bare, paths=Paths(paths.raw, tmp_path / "processed", tmp_path / "maps"))
    assert not (tmp_path / "processed").exists()


def test_streets_are_used_where_they_are_there(estimated, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    path = write_town(raw)
    path.write_text(path.read_text().replace("[plan]", "[travel]\nstraight_lines = true\n\n[plan]", 1))
    built = pipeline.build(path, paths=Paths(raw, tmp_path / "processed", tmp_path / "maps"), until="travel")
    assert "travel" not in pd.read_parquet(built.folder / "travel.parquet")
    assert (built.folder / "snapping.csv").is_file()
    missing = path.read_text().replace('path = "streets.osm"', 'path = "none.osm"\noptional = true')
    path.write_text(missing)
    built = pipeline.build(path, paths=Paths(raw, tmp_path / "processed", tmp_path / "maps"), until="travel")
    assert set(pd.read_parquet(built.folder / "travel.parquet")["travel"]) == {ESTIMATE}
