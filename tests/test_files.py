"""Reading raw files: every format gives the same table, every fault is named with its file and row."""

from __future__ import annotations

import gzip
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from needs.errors import Faults, InputError, SourceError
from needs.sources import files

ROWS = pd.DataFrame(
    {"code": ["E01000001", "E01000002", "E01000003"], "live births": [12, 7, 30], "under 5": [60, 33, 140]}
)
COLUMNS = {"lsoa21cd": "code", "births": "live births", "children_0_4": "under 5"}


def read(spec, path: Path):
    faults = Faults()
    return files.read_table(spec, path, faults), [str(f) for f in faults.found]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.xlsx", "t.parquet"])
def test_formats_agree(tmp_path, make_input, name):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(ROWS.to_csv(index=False).encode()))
    elif name.endswith(".csv"):
        ROWS.to_csv(path, index=False)
    elif name.endswith(".xlsx"):
        ROWS.to_excel(path, index=False)
    else:
        ROWS.to_parquet(path)
    table, faults = read(make_input(table="demand", path=name, columns=COLUMNS), path)
    assert faults == []
    assert table["births"].tolist() == [12.0, 7.0, 30.0]
    assert table["lsoa21cd"].tolist() == ROWS["code"].tolist()


def test_windows_encoding_is_read(tmp_path, make_input):
    path = tmp_path / "s.csv"
    path.write_bytes("site,kind,e,n\nCafé Père,library,400000,300000\n".encode("cp1252"))
    spec = make_input(
        table="sites", path="s.csv", crs="EPSG:27700", columns={"name": "site", "site_type": "kind", "x": "e", "y": "n"}
    )
    table, faults = read(spec, path)
    assert faults == []
    assert table["name"].tolist() == ["Café Père"]


def test_every_fault_of_a_table_is_named_with_its_line(tmp_path, make_input):
    path = tmp_path / "d.csv"
    path.write_text(
        "code,live births,under 5\nE01000001,12,60\nE01000001,3,9\nS01000003,-4,140\nE01000004,*,1\nE01000005,,1\n"
    )
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    where = "d.csv (input 'thing'), line"
    assert sorted(f.split(" -> ")[0] for f in faults) == [
        f"{where} 3: lsoa21cd E01000001 stands twice",
        f"{where} 4: 'births' is -4.0: must not be negative",
        f"{where} 4: 'lsoa21cd' is 'S01000003': must look like ^[EW]01\\d{{6}}$",
        f"{where} 5: 'births' is '*': must be a number",
        f"{where} 6: 'births' of table 'demand' is blank",
    ]


def test_a_key_that_stands_twice_is_a_fault(tmp_path, make_input):
    path = tmp_path / "d.csv"
    path.write_text("code,live births,under 5\nE01000001,12,60\nE01000002,3,9\nE01000001,3,9\n")
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert faults == [
        "d.csv (input 'thing'), line 4: lsoa21cd E01000001 stands twice -> keep one row for each",
    ]


def test_missing_column_names_those_there_are(tmp_path, make_input):
    path = tmp_path / "d.csv"
    ROWS.rename(columns={"live births": "births 2023"}).to_csv(path, index=False)
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert len(faults) == 1
    assert "'live births' is missing" in faults[0]
    assert "'births 2023'" in faults[0]


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.geojson", "t.csv.gz", "t.gpkg", "t.docx"])
def test_unreadable_file_is_a_fault(tmp_path, make_input, name):
    path = tmp_path / name
    path.write_bytes(b"<html>Service unavailable</html>")
    _, faults = read(make_input(table="demand", path=name, columns=COLUMNS), path)
    assert len(faults) == 1
    assert "cannot be read" in faults[0]


def test_absent_file_is_a_source_that_could_not_be_had(tmp_path, make_input):
    faults = Faults()
    assert files.resolve(make_input(table="demand", path="none.csv"), tmp_path, faults) is None
    with pytest.raises(SourceError, match=r"none.csv"):
        faults.raise_if_any()
    assert SourceError.exit_code == 3
    assert InputError.exit_code == 2


def points(tmp_path, make_input, x, y, crs="EPSG:4326"):
    path = tmp_path / "p.csv"
    pd.DataFrame({"pc": ["A", "B"], "zone": ["E01000001"] * 2, "x": x, "y": y}).to_csv(path, index=False)
    return read(
        make_input(
            table="points", path="p.csv", crs=crs, columns={"point_id": "pc", "lsoa21cd": "zone", "x": "x", "y": "y"}
        ),
        path,
    )


def test_coordinates_come_out_in_metres(tmp_path, make_input):
    # The Ordnance Survey's own example: the Royal Observatory, Greenwich, lies near easting 538,885, northing 177,322.
    table, faults = points(tmp_path, make_input, [-0.0015, -0.0015], [51.4779, 51.4779])
    assert faults == []
    assert table.crs.to_epsg() == 27700
    assert table.geometry.x[0] == pytest.approx(538_885, abs=60)
    assert table.geometry.y[0] == pytest.approx(177_322, abs=60)


def test_swapped_latitude_and_longitude_are_told(tmp_path, make_input):
    _, faults = points(tmp_path, make_input, [52.67, 52.66], [-0.73, -0.72])
    assert len(faults) == 1
    assert "swapped" in faults[0]


def test_points_outside_england_are_told(tmp_path, make_input):
    _, faults = points(tmp_path, make_input, [-3.19, -0.7], [55.95, 52.6])  # Edinburgh, Rutland
    assert len(faults) == 1
    assert "line 2" in faults[0]
    assert "outside England" in faults[0]


def test_geometry_without_crs_is_told(tmp_path, make_input):
    path = tmp_path / "z.parquet"
    square = gpd.GeoSeries.from_wkt(["POLYGON((0 0,1 0,1 1,0 1,0 0))"])
    gpd.GeoDataFrame({"c": ["E01000001"], "n": ["a"], "d": ["E06000001"]}, geometry=square).to_parquet(path)
    columns = {"lsoa21cd": "c", "zone_name": "n", "lad24cd": "d"}
    _, faults = read(make_input(table="zones", path="z.parquet", columns=columns), path)
    assert len(faults) == 1
    assert "no coordinate system" in faults[0]


def test_where_values_and_flags(tmp_path, make_input):
    path = tmp_path / "s.csv"
    path.write_text(
        "n,type,stay,e,n2\nOakham,Static Library,Yes,486253,308656\nStocken,Prison Library,No,495832,317422\n"
        "Uppingham,Static Library,no,486775,299655\n"
    )
    spec = make_input(
        table="sites",
        path="s.csv",
        crs="EPSG:27700",
        columns={"name": "n", "keep": "stay", "x": "e", "y": "n2"},
        where={"type": ["Static Library"]},
        values={"site_type": "library", "ours": False},
        name_suffix=" Library",
    )
    table, faults = read(spec, path)
    assert faults == []
    assert table["name"].tolist() == ["Oakham Library", "Uppingham Library"]
    assert table["keep"].tolist() == [True, False]
    assert table["ours"].tolist() == [False, False]
    assert table["site_type"].tolist() == ["library", "library"]


def test_a_blank_coordinate_is_told_once(tmp_path, make_input):
    _, faults = points(tmp_path, make_input, [450_000, None], [300_000, 300_000], crs="EPSG:27700")
    assert [f.split(" -> ")[0] for f in faults] == ["p.csv (input 'thing'), line 3: has no coordinates"]


def test_a_blank_name_stays_blank_whatever_is_added_to_names(tmp_path, make_input):
    path = tmp_path / "s.csv"
    path.write_text("n,e,n2\nOAKHAM,486253,308656\n,486775,299655\n")
    spec = make_input(
        table="sites",
        path="s.csv",
        crs="EPSG:27700",
        columns={"name": "n", "x": "e", "y": "n2"},
        values={"site_type": "library"},
        name_suffix=" Library",
        title_case=True,
    )
    table, faults = read(spec, path)
    assert table["name"][0] == "Oakham Library"
    assert [f.split(" -> ")[0] for f in faults] == ["s.csv (input 'thing'), line 3: 'name' of table 'sites' is blank"]


def test_many_faults_of_one_kind_are_listed_first_and_counted_after(tmp_path, make_input):
    path = tmp_path / "d.csv"
    rows = "".join(f"E010000{i:02d},-1,5\n" for i in range(25))
    path.write_text("code,live births,under 5\n" + rows)
    _, faults = read(make_input(table="demand", path="d.csv", columns=COLUMNS), path)
    assert len(faults) == 11
    assert "line 2: 'births' is -1.0" in faults[0]
    assert "line 11: 'births' is -1.0" in faults[9]
    assert "the like in 15 more places, first line 12: 'births' is -1.0" in faults[10]
