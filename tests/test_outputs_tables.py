"""Data dictionary, data package, Open Referral UK, site register: checked against what is written and published."""

from __future__ import annotations

import json
import re
import uuid

import jsonschema
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import assessment, outputs, pipeline
from needs.demand import columns as demand_columns
from needs.outputs import open_referral
from needs.outputs.dictionary import HEADINGS, describe
from needs.schemas import SITE_COSTS, TABLES
from needs.settings import Paths
from tests import page_data
from tests.test_outputs_maps import ORIGIN
from tests.test_pipeline import write_town
from tests.town import places

SITES = places(
    "site_id",
    {"lib": (0, 0), "ark": (900, 10), "old": (1200, 0)},
    name=["Hall, the", 'The "Ark"', page_data.HOSTILE[0]],
    offer=["hub", "outreach", "outreach"],
    status=["keep", "open", "convert"],
    parent_name=[None, "Hall, the", "Hall, the"],
)


def build(root, births: list[int]):
    """Build the hand-made town with small counts that may not be shown, prices and draws; give its folder."""
    raw = root / "raw"
    raw.mkdir(parents=True)
    path = write_town(raw)
    demand = pd.read_csv(raw / "demand.csv").assign(births=births)
    demand.to_csv(raw / "demand.csv", index=False)
    text = path.read_text().replace("[plan]\n", "[plan]\nprices = true\n")
    path.write_text(text.replace('table = "demand"\n', 'table = "demand"\ndisclosure = { below = 5 }\n'))
    return pipeline.build(path, paths=Paths(raw, root / "p", root / "m")).folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("exports"), [3, 2, 40])


def csv_files(folder) -> dict[str, pd.DataFrame]:
    return {
        str(p.relative_to(folder)): pd.read_csv(p, dtype=str, keep_default_na=False)
        for p in sorted(folder.rglob("*.csv"))
    }


MATCH = {
    "integer": r"[-+]?\d+",
    "number": r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?",
    "boolean": r"True|False",
    "string": r"(?s).*",
}


def test_every_column_that_is_written_has_an_entry_that_fits_it(built):
    folder = built
    found = csv_files(folder)
    said = pd.read_csv(folder / "data_dictionary.csv", keep_default_na=False)
    assert list(said.columns) == list(HEADINGS)
    assert not said.duplicated(["file", "column"]).any()
    assert {(f, c) for f, t in found.items() for c in t.columns} == set(zip(said["file"], said["column"], strict=True))
    blank = said[(said["meaning"] == "") | (said["source"] == "")]
    assert blank.empty, f"say in columns.toml what these hold: {blank[['file', 'column']].to_numpy().tolist()}"
    for row in said.itertuples():
        values = found[row.file][row.column]
        wrong = [v for v in values if v and not re.fullmatch(MATCH[row.type], v)]
        assert not wrong, f"{row.file} {row.column} is said to be {row.type}: {wrong[:3]}"


def test_the_data_package_describes_what_is_there(built):
    folder = built
    package = json.loads((folder / "datapackage.json").read_text("utf-8"))
    assert re.fullmatch(r"[a-z0-9._/-]+", package["name"])
    names = [r["name"] for r in package["resources"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert {r["path"] for r in package["resources"]} == there - {"datapackage.json", "provenance.json"}
    for resource in package["resources"]:
        if resource["format"] == "csv":
            head = pd.read_csv(folder / resource["path"], nrows=0).columns
            assert [f["name"] for f in resource["schema"]["fields"]] == list(head)
            assert all(len(f["description"]) > 3 for f in resource["schema"]["fields"])
    provenance = json.loads((folder / "provenance.json").read_text("utf-8"))
    hashes = [i["sha256"] or "not published" for i in provenance["inputs"]]
    assert [s["sha256"] for s in package["sources"]] == hashes
    assert package["licenses"]


def test_what_is_hidden_leaves_no_trace_in_any_export(built, tmp_path):
    """Other true counts behind the same protected ones give the same bytes, and each stand-in is marked as one."""
    other = build(tmp_path, [2, 3, 40])
    names = {str(p.relative_to(built)) for p in built.rglob("*") if p.is_file()}
    assert names == {str(p.relative_to(other)) for p in other.rglob("*") if p.is_file()}
    assert {"assessment.xlsx", "zones.geojson", "assessment.gpkg", "datapackage.json"} < names
    told = {"provenance.json", "plan.json"}  # digests under a key of the builder's own, and the solver's seconds
    assert [n for n in sorted(names - told) if (built / n).read_bytes() != (other / n).read_bytes()] == []
    features = json.loads((built / "zones.geojson").read_text("utf-8"))["features"]
    zones = {f["properties"]["zone_name"]: f["properties"] for f in features}
    assert [zones[z]["births"] for z in ("West", "Middle", "East")] == [2.5, 2.5, 40]
    assert [zones[z]["count_hidden"] for z in ("West", "Middle", "East")] == [True, True, False]
    sheet = openpyxl.load_workbook(built / "assessment.xlsx")["Neighbourhoods"]
    shown = {row[0].value: row[7].number_format[:2] for row in sheet.iter_rows(min_row=6)}
    assert shown == {"West": '"≈', "Middle": '"≈', "East": "[>"}
    sources = json.loads((built / "datapackage.json").read_text("utf-8"))["sources"]
    assert [s["sha256"] for s in sources].count("not published") == 1


def test_families_of_headings_are_described_by_their_words():
    found = describe("zones.csv", "hub_bus_min_plan")
    assert found
    assert found.unit == "minutes"
    assert "with the plan" in found.meaning
    assert describe("plan/gains.csv", "walk_min_before").unit == "minutes"
    assert describe("zones.csv", "hub_teleport_min_plan") is None
    assert describe("zones.csv", "hub_walk_min_yesterday") is None
    assert describe("groups.csv", "gini") is None
    assert describe("plan/gains.csv", "families").meaning != describe("plan/equality.csv", "families").meaning


def test_whatever_inputs_may_bring_is_described():
    assert all(describe("zones.csv", column) for column in demand_columns())
    assert all(describe("sites.csv", column) for column in (*SITE_COSTS, "postcode"))
    assert all(
        describe("zones.csv", f"hub_{m}_min_today") for m in ("walk", "foot", "wheelchair", "cycle", "drive", "bus")
    )
    cells = ("lsoa21cd", "indicator", "state", "value", "low", "high", "reliability")  # indicators.cell_flags
    buses = ("lsoa21cd", "site_id", "window", "minutes", "quick_min", "slow_min", "changes", "services", "on_foot_pct")
    assert all(describe("need/doubtful_cells.csv", column) for column in cells)
    assert all(describe("buses.csv", column) for column in buses)  # travel.Buses.zones
    assert all(describe("need/where_children_live.csv", column) for column in page_data.council().where)
    assert all(describe("need/other_methods.csv", column) for column in (*page_data.council().methods, "kind"))
    assert all(describe("context.csv", column) for column in TABLES["context"].columns)


def test_an_unknown_column_is_left_open_not_made_up():
    made = outputs.documented({"x.csv": outputs.csv_writer(pd.DataFrame({"mystery": [1]}))}, ORIGIN)
    table = made["data_dictionary.csv"].table
    assert table.loc[table["column"] == "mystery", "meaning"].tolist() == [""]


# What Open Referral UK asks for, stated here apart from the catalogue: required in JSON, and required in CSV besides
# (schemas of the UK profile 3.0 and of its validator); the address of each table.
REQUIRED = {
    "organization": ("organizations.csv", {"id", "name", "description"}, set()),
    "service": ("services.csv", {"id", "name", "status"}, {"organization_id"}),
    "location": ("locations.csv", {"id", "location_type"}, set()),
    "service_at_location": ("service_at_location.csv", {"id"}, {"service_id", "location_id"}),
    "attribute": ("attribute.csv", {"id"}, {"link_id", "taxonomy_term_id", "link_entity"}),
    "taxonomy_term": ("taxonomy_terms.csv", {"id", "name", "description", "taxonomy"}, set()),
}
CHECK = jsonschema.FormatChecker(["uuid"])


def validator(table: str):
    schema = open_referral.schema(table)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=CHECK)


@pytest.mark.parametrize("table", REQUIRED)
def test_the_schema_asks_for_what_the_standard_asks_for(table):
    path, in_json, in_csv = REQUIRED[table]
    assert set(open_referral.schema(table)["required"]) == in_json
    resource = next(r for r in open_referral.package(ORIGIN)["resources"] if r["name"] == table)
    assert resource["path"] == path
    must = {f["name"] for f in resource["schema"]["fields"] if f.get("constraints", {}).get("required")}
    assert must == in_json | in_csv


def test_services_are_valid_and_say_what_the_tables_say():
    tables = open_referral.tables(ORIGIN, SITES)
    page = json.loads(outputs.as_json(open_referral.services(tables)))
    check = validator("service")
    assert page["total_items"] == len(page["contents"]) == len(SITES)
    for service, site in zip(page["contents"], SITES.itertuples(), strict=True):
        check.validate(service)
        (at,) = service["service_at_locations"]
        assert at["location"]["name"] == site.name
        assert at["location_id"] == at["location"]["id"]
        assert at["service_id"] == service["id"]
        assert service["organization"]["name"] == "Gridshire"
        assert service["attributes"][0]["link_id"] == service["id"]
    assert [s["status"] for s in page["contents"]] == ["active", "inactive", "inactive"]
    assert page["contents"][1]["description"].endswith("Run from Hall, the.")
    empty = open_referral.services(open_referral.tables(ORIGIN, SITES.iloc[:0]))
    assert empty["empty"]
    assert empty["contents"] == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"id": "service-1"}, "is not a 'uuid'"),
        ({"status": "open"}, "is not one of"),
        ({"name": None}, "is not of type"),
        ({"service_at_locations": [{"id": "x"}]}, "is not a 'uuid'"),
        ({"organization": {"id": str(uuid.uuid4()), "name": "a"}}, "'description' is a required property"),
    ],
)
def test_the_schema_refuses_what_the_standard_refuses(change, wrong):
    service = open_referral.services(open_referral.tables(ORIGIN, SITES))["contents"][0]
    with pytest.raises(jsonschema.ValidationError, match=wrong):
        validator("service").validate({**service, **change})


def test_tables_keep_their_keys():
    tables = open_referral.tables(ORIGIN, SITES)
    for resource in open_referral.package(ORIGIN)["resources"]:
        table, schema = tables[resource["name"]], resource["schema"]
        assert [f["name"] for f in schema["fields"]] == list(table.columns)
        assert table[schema["primaryKey"]].is_unique
        for field in schema["fields"]:
            rules = field.get("constraints", {})
            assert not rules.get("required") or table[field["name"]].notna().all()
            assert set(table[field["name"]]) <= set(rules.get("enum", table[field["name"]]))
            if field.get("format") == "uuid":
                assert {uuid.UUID(v).version for v in table[field["name"]]} == {5}
        for key in schema.get("foreignKeys", []):
            target = tables[key["reference"]["resource"]][key["reference"]["fields"]]
            assert set(table[key["fields"]]) <= set(target)


def test_identifiers_are_stable_and_of_the_council_and_the_site_alone():
    first = open_referral.tables(ORIGIN, SITES)
    renamed = SITES.assign(name="Other", offer="hub", status="open").iloc[::-1]
    second = open_referral.tables(ORIGIN, renamed)
    assert set(first["service"]["id"]) == set(second["service"]["id"])
    ids = [i for t in first.values() for i in t["id"]]
    assert len(set(ids)) == len(ids)
    elsewhere = open_referral.tables(outputs.Origin("Gridshire", "gridshire", ["E06000098"], True, []), SITES)
    assert not set(elsewhere["service"]["id"]) & set(first["service"]["id"])
    space = uuid.uuid5(uuid.NAMESPACE_URL, "https://docs.openreferral.org/en/v3.0/")
    assert first["service"]["id"][0] == str(uuid.uuid5(space, "E06000099/service/lib"))


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=4))
def test_names_of_any_kind_are_valid_services(names):
    sites = places("site_id", {str(i): (i * 10.0, 0.0) for i in range(len(names))}).assign(
        name=names, offer="hub", status="open"
    )
    page = json.loads(outputs.as_json(open_referral.services(open_referral.tables(ORIGIN, sites))))
    check = validator("service")
    for service, name in zip(page["contents"], names, strict=True):
        check.validate(service)
        assert service["name"] == f"Family hub, {name}"


def test_the_register_tells_what_is_and_leaves_blank_what_it_cannot_know():
    sites = pd.DataFrame(
        {
            "site_id": ["a", "b", "c", "d", "e", "f"],
            "name": ["Hub", "Library", "Centre", "Over the border", "Hall", "Surgery"],
            "site_type": ["family_hub", "library", "childrens_centre", "family_hub", "community_centre", "gp_practice"],
            "today": ["hub", "none", "outreach", "hub", "none", "none"],
            "offer": ["hub", "hub", "none", "hub", "none", "outreach"],
            "status": ["keep", "open", "close", "neighbour", "none", "open"],
            "ours": [True, True, True, False, True, True],
            "postcode": ["LE15 6AA", None, "LE15 6AB", "X", "Y", np.nan],
        }
    )
    table = outputs.site_register(sites).set_index("site_id")
    assert list(table.index) == ["a", "b", "c", "f"], (
        "a neighbour's site and a mere candidate are not the council's sites"
    )
    assert table["FHS04_status"].tolist() == ["Active", "Planned to be opened", "Active", "Planned to be opened"]
    assert table["recommendation"].tolist() == ["keep", "open", "close", "open"]
    assert table["FHS07_type"].tolist() == ["", "", "Network Site", "Network Site"]
    assert table["FHS02_postcode"].tolist() == ["LE15 6AA", "", "LE15 6AB", ""]
    assert table["FHS11_co_located_with"].tolist() == ["", "", "", "GP practice"]
    assert table["FHS10_co_located"].tolist() == ["", "", "", "Yes"]
    known = {"FHS01_public_name", "FHS02_postcode", "FHS04_status", "FHS07_type", "FHS10_co_located"}
    rest = [c for c in table if c.startswith("FHS") and c not in known | {"FHS11_co_located_with"}]
    assert (table[rest] == "").all(axis=None)
    assert len(rest) == 12
    for column in table.reset_index():
        assert "quarterly Management Information" in describe("site_register.csv", column).source or "FHS" not in column


def test_a_build_leaves_valid_referrals_and_a_register(built):
    folder = built
    page = json.loads((folder / "open_referral" / "services.json").read_text("utf-8"))
    check = validator("service")
    for service in page["contents"]:
        check.validate(service)
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    assert {s["name"] for s in plan["sites"]} == {
        s["service_at_locations"][0]["location"]["name"] for s in page["contents"]
    }
    register = pd.read_csv(folder / "site_register.csv", keep_default_na=False)
    assert {s["site_id"] for s in plan["sites"]} <= set(register["site_id"])
    assert {s["site_id"] for s in plan["close"]} <= set(register["site_id"])


def test_attribution_and_hashes_come_from_the_assessment(tmp_path):
    read = assessment.read(write_town(tmp_path))
    source = {"licence": "ODbL-1.0", "title": "Streets", "publisher": "OSM", "date": "2026", "url": None}
    origin = outputs.Origin(read.area.name, "handtown", read.area.codes, True, [source], warning="Not for decisions.")
    lines = origin.attribution()
    assert lines[:3] == [
        "Synthetic data: no real place, person or service.", "Not for decisions.",
        "© OpenStreetMap contributors, Open Database License.",
    ]  # fmt: skip
    assert origin.table()["url"].tolist() == [""]
    assert origin.licences == ["ODbL-1.0"]
    unknown = outputs.Origin("A", "a", [], False, [{**source, "licence": "By permission"}])
    assert unknown.licences == ["By permission"]
