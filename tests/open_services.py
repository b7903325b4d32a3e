"""The open sources of England as their publishers' services would give them, made of the data beside the project.

What those data lack is stood in for, the same every time: households without a car, young people by single year of age
where the zones of 2011 are others, and the rows of postcodes, which are only those of Rutland and Halton and of the
surgeries of England.
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import geopandas as gpd
import openpyxl
import osmium
import pandas as pd

from needs.connectors import sources
from needs.sources.layouts import layouts
from tests.publishers import NOMIS, File, Layer, NomisTable, Publishers, Service
from tests.zips import zipped

COUNCILS = {"rutland": "rutland-2022-07-20.osm.pbf", "halton": "halton-proxy.osm.pbf"}
GEOFABRIK = "download.geofabrik.de"


def serve(publishers: Publishers, data: Path) -> None:
    """Let the publishers answer with the data beside the project."""
    england = data / "england"
    publishers.services |= {
        **_lookups(england),
        **_shapes(data, england),
        **_deprivation(england),
        **_nomis(data, england),
        **_buildings(data, england),
        **_streets(data),
        _place("fingertips"): File(_fingertips()),
    }


def _place(name: str) -> str:
    return sources()[name].urls[0].removeprefix("https://").partition("?")[0]


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    return frame.to_dict("records")


def _lookups(england: Path) -> dict[str, Service]:
    zones = pd.read_csv(england / "lookup_lsoa21_ward24_ltla24.csv.gz")
    zones = zones.rename(
        columns={
            "lsoa21_code": "LSOA21CD", "lsoa21_name": "LSOA21NM", "ward24_code": "WD24CD", "ward24_name": "WD24NM",
            "ltla24_code": "LAD24CD", "ltla24_name": "LAD24NM",
        }
    )  # fmt: skip
    classes = pd.read_csv(england / "ruc2021_lsoa21.csv.gz")
    classes = classes.rename(
        columns={
            "lsoa21_code": "LSOA21CD", "ruc21_code": "RUC21CD", "classification": "RUC21NM", "ruc": "Urban_rural_flag"
        }
    ).assign(LSOA21NM="")  # fmt: skip
    fields = ["LSOA21CD", "LSOA21NM", "WD24CD", "WD24NM", "LAD24CD", "LAD24NM"]
    return {
        _place("ons_lsoa21_lad24"): Layer(_records(zones[fields])),
        _place("ons_lsoa21_ruc21"): Layer(_records(classes)),
    }


def _shapes(data: Path, england: Path) -> dict[str, Service]:
    zones = pd.concat([gpd.read_file(data / c / f"{c}_lsoa21.geojson").to_crs(27700) for c in COUNCILS])
    wards = pd.concat([gpd.read_file(data / c / f"{c}_ward.geojson").to_crs(27700) for c in COUNCILS])
    homes = pd.concat([pd.read_csv(data / c / f"{c}_oa11_mid2015.csv") for c in COUNCILS])
    places = gpd.GeoSeries(gpd.points_from_xy(homes["lon"], homes["lat"], crs=4326)).to_crs(27700)
    ward_rows = wards[["WD25CD", "WD25NM"]].set_axis(["WD24CD", "WD24NM"], axis=1)
    pairs = homes[["OA11CD", "LSOA21CD"]].set_axis(["OA21CD", "LSOA21CD"], axis=1)
    return {
        _place("ons_lsoa21_boundaries"): Layer(_records(zones[["LSOA21CD", "LSOA21NM"]]), _geometries(zones.geometry)),
        _place("ons_wd24_boundaries"): Layer(_records(ward_rows), _geometries(wards.geometry)),
        _place("ons_oa21_lsoa21"): Layer(_records(pairs)),
        _place("ons_oa21_centroids"): Layer(_records(pairs[["OA21CD"]]), _geometries(places)),
    }


def _geometries(shapes: gpd.GeoSeries) -> list[dict[str, object]]:
    return [json.loads(json.dumps(s.__geo_interface__)) for s in shapes]


def _deprivation(england: Path) -> dict[str, Service]:
    whole = pd.read_parquet(england / "iod2025_lsoa21_all.parquet")
    layout = layouts()["iod2025_file7"]
    held = {"barriers": "Housing_and_Services", "living_environment": "Environment"}
    table = pd.DataFrame({str(layout.columns["code"]): whole["LSOA code (2021)"]})
    for name, heading in layout.columns.items():
        stem, _, what = name.rpartition("_")
        ours = f"{held.get(stem, stem.capitalize())}_{what}"
        if heading in whole.columns:
            table[str(heading)] = whole[heading]
        elif ours in whole.columns:
            table[str(heading)] = whole[ours]
    book = openpyxl.Workbook(write_only=True)
    book.create_sheet("Notes").append(["Indices of Deprivation 2025"])
    sheet = book.create_sheet("IoD25 Income Domain")
    file8 = layouts()["iod2025_file8_income"]
    counts = pd.read_csv(england / "iod2025_underlying_indicators.csv.gz")
    names = {
        "code": "lsoa21_code",
        "income_numerator": "income_domain_numerator",
        "idaci_numerator": "income_deprivation_affecting_children_index_idaci_numerator",
        "idaopi_numerator": "income_deprivation_affecting_older_people_index_idaopi_numerator",
    }
    sheet.append([str(file8.columns[n]) for n in names])
    for row in counts[list(names.values())].astype(object).itertuples(index=False):
        sheet.append([None if v != v else v for v in row])
    out = io.BytesIO()
    book.save(out)
    text = "\ufeff" + table.to_csv(index=False)  # with a byte order mark, as the publisher's
    return {_place("iod2025_file7"): File(text.encode()), _place("iod2025_file8"): File(out.getvalue())}


def _nomis(data: Path, england: Path) -> dict[str, Service]:
    births = pd.read_csv(england / "lsoa21_births_proxy_age0_mid2020_derived.csv.gz")
    ages = pd.read_parquet(england / "lsoa11_mid2020_single_year.parquet").set_index("lsoa11_code")
    zones = pd.concat([gpd.read_file(data / c / f"{c}_lsoa21.geojson") for c in COUNCILS])["LSOA21CD"]
    known = {z: z if z in ages.index else ages.index[n] for n, z in enumerate(zones)}
    names = {str(101 + a): f"Age {a}" for a in range(25)} | {"200": "All Ages"}
    people = {(z, str(101 + a)): float(ages.at[old, str(a)]) for z, old in known.items() for a in range(25)}
    people |= {(z, "200"): float(ages.at[old, "total_population"]) for z, old in known.items()}
    rooms = pd.read_csv(england / "household_overcrowding21_lsoa21_england.csv.gz")
    stem = "Occupancy rating for bedrooms: Occupancy rating of bedrooms: "
    ratings = {
        "+2 or more (under-occupied)": "+2 or more", "+1 (under-occupied)": "+1", "0 (ideal)": "0",
        "-1 (overcrowded)": "-1", "-2 or less (overcrowded)": "-2 or less",
    }  # fmt: skip
    bulk = pd.DataFrame({"date": 2021, "geography": rooms["lsoa21_code"], "geography code": rooms["lsoa21_code"]})
    rated = bulk.assign(**{stem + new: rooms[old] for old, new in ratings.items()})
    cars = bulk.assign(
        **{
            "Number of cars or vans: Total: All households": rooms["total_households"],
            "Number of cars or vans: No cars or vans in household": rooms["total_households"] // 5,
        }
    )
    born = zip(births["LSOA21CD"], births["age0_mid2020"].astype(float), strict=True)
    return {
        f"{NOMIS}/NM_206_1": NomisTable({(z,): n for z, n in born}),
        f"{NOMIS}/NM_2014_1": NomisTable(
            {(z, "0", a): n for (z, a), n in people.items()}, {"GENDER": {"0": "Total"}, "C_AGE": names}
        ),
        _place("census2021_ts052"): File(
            zipped({"census2021-ts052-lsoa.csv": rated.to_csv(index=False), "metadata/ts052.txt": "x"})
        ),
        _place("census2021_ts045"): File(zipped({"census2021-ts045-lsoa.csv": cars.to_csv(index=False)})),
    }


def _buildings(data: Path, england: Path) -> dict[str, Service]:
    schools = pd.read_parquet(england / "gias_schools_open_2025-05-24_england.parquet")
    gias = pd.DataFrame(
        {
            "URN": schools["urn"].astype(int), "EstablishmentName": schools["establishment_name"],
            "TypeOfEstablishment (name)": schools["establishment_type"], "EstablishmentStatus (name)": "Open",
            "PhaseOfEducation (name)": schools["education_phase"], "Postcode": "",
            "Easting": schools["easting"], "Northing": schools["northing"], "UPRN": "",
        }
    )  # fmt: skip
    hubs = pd.read_csv(data / "family_hubs_childrens_centres_halton_rutland_neighbours.csv")
    listed = hubs[hubs["kind"] == "family_hub"]
    kinds = {"childrens_centre": "Children's centre", "childrens_centre_linked_site": "Children's centre linked site"}
    centres = hubs[hubs["kind"] != "family_hub"]
    register = pd.DataFrame(
        {
            "URN": range(20001, 20001 + len(centres)), "EstablishmentName": centres["name"],
            "TypeOfEstablishment (name)": centres["kind"].map(kinds), "EstablishmentStatus (name)": "Open",
            "Postcode": centres["postcode"], "Easting": centres["easting"], "Northing": centres["northing"],
        }
    )  # fmt: skip
    surgeries = pd.read_csv(england / "gp_practices_dec2023_england.csv.gz", dtype=str)
    epraccur = pd.DataFrame("", index=surgeries.index, columns=range(27))
    for at, column in {0: "ods_code", 1: "name", 4: "addr1", 9: "postcode"}.items():
        epraccur[at] = surgeries[column]
    epraccur[12], epraccur[25] = "ACTIVE", "RO76"
    gias_urls = [sources()[n].urls[0].removeprefix("https://") for n in ("gias", "gias_childrens_centres")]
    hub_rows = listed.assign(
        Region="", Local_Authority=listed["la_name"], Family_Hub=listed["name"], Postcode=listed["postcode"]
    )
    return {
        gias_urls[0].partition("{")[0]: File(gias.to_csv(index=False).encode("cp1252", "replace")),
        gias_urls[1].partition("{")[0]: File(register.to_csv(index=False).encode("cp1252")),
        _place("family_hubs"): File(
            hub_rows[["Region", "Local_Authority", "Family_Hub", "Postcode"]].to_csv(index=False).encode()
        ),
        _place("gp_practices"): File(epraccur.to_csv(index=False, header=False).encode()),
        _place("code_point_open"): File(_code_point(data, surgeries, hubs)),
    }


def _code_point(data: Path, surgeries: pd.DataFrame, hubs: pd.DataFrame) -> bytes:
    homes = pd.concat([pd.read_csv(data / c / f"{c}_postcodes.csv.gz") for c in COUNCILS])
    known = pd.concat(
        [
            homes[["postcode", "easting", "northing"]],
            surgeries[["postcode", "easting", "northing"]],
            hubs[["postcode", "easting", "northing"]],
        ]
    )
    known = known.dropna().drop_duplicates("postcode")
    known["postcode"] = (
        known["postcode"].str.replace(" ", "").map(lambda p: f"{p[:-3]:<4}{p[-3:]}" if len(p) < 8 else p)
    )
    rows = pd.DataFrame(
        {
            0: known["postcode"], 1: 10, 2: known["easting"].astype(float).astype(int),
            3: known["northing"].astype(float).astype(int),
            4: "E92000001", 5: "", 6: "", 7: "", 8: "", 9: "",
        }
    )  # fmt: skip
    areas = rows.groupby(rows[0].str.extract(r"^([A-Z]+)")[0].str.lower())
    files: dict[str, str | bytes] = {
        f"Data/CSV/{name}.csv": part.to_csv(index=False, header=False) for name, part in areas
    }
    return zipped({"Doc/licence.txt": "OGL", **files})


def _streets(data: Path) -> dict[str, Service]:
    features, made = [], {}
    for name, file in COUNCILS.items():
        area = gpd.read_file(data / name / f"{name}_lsoa21.geojson").to_crs(27700).union_all().buffer(15_000)
        shape = gpd.GeoSeries([area], crs=27700).to_crs(4326).iloc[0]
        url = f"https://{GEOFABRIK}/europe/united-kingdom/england/{name}-latest.osm.pbf"
        said = {"id": name, "parent": "england", "name": name.capitalize(), "urls": {"pbf": url}}
        features.append({"type": "Feature", "properties": said, "geometry": shape.__geo_interface__})
        libraries = None if name == "rutland" else data / name / f"{name}_libraries.csv"
        made[url.removeprefix("https://")] = File(_extract(data / name / file, libraries))
    whole = gpd.GeoSeries.from_wkt(["POLYGON((-6 50,2 50,2 56,-6 56,-6 50))"]).iloc[0].__geo_interface__
    parents = (("europe", None), ("united-kingdom", "europe"), ("england", "united-kingdom"))
    for name, parent in parents:
        said = {"id": name, "name": name, "urls": {"pbf": f"https://{GEOFABRIK}/{name}.osm.pbf"}}
        said |= {"parent": parent} if parent else {}
        features.append({"type": "Feature", "properties": said, "geometry": whole})
    index = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return {**made, f"{GEOFABRIK}/index-v1.json": File(index)}


def _extract(path: Path, libraries: Path | None) -> bytes:
    """Give an extract; where it has streets alone, with libraries as venues."""
    if libraries is None:
        return path.read_bytes()
    venues = pd.read_csv(libraries)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.osm.pbf"
        with osmium.SimpleWriter(str(made)) as writer:
            waiting = list(enumerate(venues.itertuples(), 9_000_000_000))
            for item in osmium.FileProcessor(str(path)):
                while waiting and not isinstance(item, osmium.osm.Node):
                    number, row = waiting.pop(0)
                    tags = {"amenity": "library", "name": f"{row.name} Library"}
                    writer.add_node(osmium.osm.mutable.Node(id=number, location=(row.lon, row.lat), tags=tags))
                writer.add(item)
        return made.read_bytes()


def _fingertips() -> bytes:
    head = (
        "Indicator ID,Indicator Name,Parent Code,Parent Name,Area Code,Area Name,Area Type,Sex,Age,Category Type,"
        "Category,Time period,Value,Lower CI 95.0 limit,Upper CI 95.0 limit,Time period Sortable"
    )
    said = (("E06000017", "Rutland", 71.2), ("E06000006", "Halton", 61.4), ("E92000001", "England", 67.7))
    rows = [
        f"90631,Good level of development,E92000001,England,{code},{name},Upper tier,Persons,5 yrs,,,2023/24,"
        f"{value},{value - 2},{value + 2},20230000"
        for code, name, value in said
    ]
    return "\n".join([head, *rows, ""]).encode()
