"""Files: all or nothing, the same bytes, no NaN in JSON, tables that read back."""

from __future__ import annotations

import json
import math
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from needs import outputs
from tests.town import places

SITES = places(
    "site_id",
    {"a": (0, 0), "b": (900, 10)},
    name=["Hall, the", 'The "Ark"'],
    offer=["hub", "outreach"],
    status=["keep", "open"],
    reasons=[["one", "two"], ["three"]],
)
ORIGIN = outputs.Origin("Testshire", "testshire", ["E06900099"], synthetic=True, sources=[])


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "area"
    outputs.write_folder(folder, {"a.txt": outputs.text_writer("old")})

    def fail(path):
        path.write_text("half")
        msg = "disk full"
        raise OSError(msg)

    with pytest.raises(OSError, match="disk full"):
        outputs.write_folder(folder, {"a.txt": outputs.text_writer("new"), "b.txt": fail})
    assert (folder / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["area"]
    outputs.write_folder(folder, {"sub/c.txt": outputs.text_writer("new")})
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*.txt")] == ["sub/c.txt"]


def test_a_build_stopped_at_the_worst_moment_loses_nothing(tmp_path):
    folder = tmp_path / "area"
    outputs.write_folder(folder, {"a.txt": outputs.text_writer("old")})
    folder.rename(tmp_path / ".area.old")  # stopped after the old folder was moved away

    def fail(path):
        msg = "disk full"
        raise OSError(msg)

    with pytest.raises(OSError, match="disk full"):
        outputs.write_folder(folder, {"a.txt": fail})
    assert (folder / "a.txt").read_text() == "old"


def test_the_same_tables_give_the_same_bytes(tmp_path):
    writers = {
        "a.gpkg": outputs.geopackage_writer({"sites": SITES, "more": SITES}, ORIGIN),
        "a.csv": outputs.csv_writer(SITES),
        "a.parquet": outputs.parquet_writer(pd.DataFrame(SITES.drop(columns=["geometry", "reasons"]))),
    }
    first = outputs.write_folder(tmp_path / "one", writers)
    time.sleep(1.1)  # a time stamp would differ by now
    assert outputs.write_folder(tmp_path / "two", writers) == first


def test_tables_read_back(tmp_path):
    outputs.write_folder(
        tmp_path / "x", {"s.csv": outputs.csv_writer(SITES), "s.gpkg": outputs.geopackage_writer({"s": SITES}, ORIGIN)}
    )
    table = pd.read_csv(tmp_path / "x" / "s.csv")
    assert table["name"].tolist() == SITES["name"].tolist()
    assert table["reasons"].tolist() == ["one; two", "three"]
    assert table["latitude"].between(52, 53).all()
    layer = gpd.read_file(tmp_path / "x" / "s.gpkg", layer="s")
    assert layer.crs.to_epsg() == 27700
    assert layer.geometry.geom_equals_exact(SITES.geometry, 1e-6).all()


def test_json_has_null_for_what_cannot_be_reached():
    text = outputs.as_json(
        {"a": math.nan, "b": np.float64(1 / 3), "c": [np.int64(2), pd.NA], "d": np.bool_(True), "é": "é"}
    )
    assert json.loads(text) == {"a": None, "b": 0.333333, "c": [2, None], "d": True, "é": "é"}
    assert "NaN" not in text


def test_a_cell_without_a_list_among_lists_is_blank(tmp_path):
    table = pd.DataFrame({"sites": [["a", "b"], None, []], "n": [1, 2, 3]})
    outputs.csv_writer(table)(tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "sites,n\na; b,1\n,2\n,3\n"
