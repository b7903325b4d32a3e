"""Broken rows and cells of every kind of table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from tests.hostile.council import DISTRICT, ZONES, square
from tests.hostile.harness import Case, Ground, named

FIRST, SECOND = ZONES[:2]
OLD = FIRST.replace("E019007", "E019006")
EXTRA = {  # inputs that a table's case reads besides the needed ones
    "digital": ("digital", "lookup", "people"), "lookup": ("digital", "lookup", "people"),
    "people": ("digital", "lookup", "people"), "rooms": ("rooms", "postcodes"),
}  # fmt: skip

Rows = list[list[str]]


def rows(ground: Ground, name: str, change: Callable[[Rows], object]) -> None:
    """Change the rows of a CSV file."""
    path = ground.path(name)
    cells = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    change(cells)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(cells)
    path.write_text(out.getvalue(), "utf-8")


def cell(kind: str, column: str, value: str, *says: str, name: str = "", line: int = 3) -> Case:
    """Put a value into a cell of a line."""

    def change(cells: Rows) -> None:
        cells[line - 1][cells[0].index(column)] = value

    file = f"{kind}.csv"
    told = (f"{file} (input '{kind}'), line {line}", *says)
    return Case(name or f"{column} is {value!r}", lambda g: rows(g, file, change), told, uses=EXTRA.get(kind, (kind,)))


def changed(kind: str, name: str, change: Callable[[Rows], object], *says: str) -> Case:
    file = f"{kind}.csv"
    return Case(name, lambda g: rows(g, file, change), (file, *says), uses=EXTRA.get(kind, (kind,)))


def common(kind: str, heading: str, key: str, number: str = "") -> list[Case]:
    """Break what every table of rows has: a column, a key, a number."""
    where = f"{kind}.csv (input '{kind}')"
    found = [
        changed(kind, "a column is missing", lambda c: c[0].__setitem__(c[0].index(heading), "other"), where, f"'{heading}'", "the file has", "correct the heading"),
        changed(kind, "a heading twice", lambda c: [row.append(row[c[0].index(heading)]) for row in c], where, f"heading '{heading}' stands over 2 columns", "rename one of them"),
        changed(kind, "a row twice", lambda c: c.append(c[2]), where, "stands twice", "keep one row for each"),
        cell(kind, key, "", "is blank", "fill it in, or drop the row", name="the key is blank"),
        changed(kind, "headings alone", lambda c: c.__delitem__(slice(1, None)), where, "has no rows", "correct"),
        changed(kind, "a cell too many", lambda c: c[2].append("more"), where, "wider are line 3", "head every column"),
    ]  # fmt: skip
    if number:
        found += [
            cell(kind, number, "many", "'many': must be a number", "correct it"),
            cell(kind, number, "inf", "'inf': must be a number"),
        ]
    if kind == "births":
        found += [
            cell(kind, number, "1.2.3", "'1.2.3': must be a number"),
            cell(kind, number, "NaN", "'NaN': must be a number", "correct it"),
            cell(kind, number, "1e999", "must be a number"),
            cell(kind, number, "=SUM(A1:A9)", "it is a formula that was never calculated"),
            cell(kind, number, "12%", "take the % away"),
            cell(kind, number, "£5", "take the sign of the currency away"),
            cell(kind, number, "1,5", "write a point where the comma is"),
            cell(kind, number, "2021-03-04", "it is a date"),
            cell(kind, number, "*", 'add marks = ["*"]'),
        ]
    return found


def features(ground: Ground, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    path = ground.path(name)
    whole = json.loads(path.read_text("utf-8"))
    change(whole["features"])
    path.write_text(json.dumps(whole), "utf-8")


def shape(kind: str, name: str, given: object, *says: str, record: str = "record 2") -> Case:
    file = f"{kind}.geojson"

    def change(held: list[dict[str, Any]]) -> None:
        held[min(1, len(held) - 1)]["geometry"] = given

    return Case(name, lambda g: features(g, file, change), (f"{file} (input '{kind}')", record, *says), uses=(kind,))


def field(kind: str, name: str, key: str, value: object, *says: str) -> Case:
    file = f"{kind}.geojson"

    def change(held: list[dict[str, Any]]) -> None:
        held[min(1, len(held) - 1)]["properties"][key] = value

    return Case(name, lambda g: features(g, file, change), (f"{file} (input '{kind}')", *says), uses=(kind,))


def polygon(ring: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [ring]}


def bow(x: float, y: float) -> list[list[float]]:
    ring = square(x, y, 1000.0)
    return [ring[0], ring[2], ring[1], ring[3], ring[0]]


HERE = square(451_000, 300_000, 1000.0)
SWAPPED = [[y, x] for x, y in HERE]
FAR = [[x + 100, y] for x, y in HERE]
KEY = ("line 3", "must look like")

ZONES_ = named(
    "zones",
    shape("zones", "no shape", None, "has no geometry", "give it one, or drop the row"),
    shape("zones", "an empty shape", {"type": "Polygon", "coordinates": []}, "has no geometry"),
    shape("zones", "a point for a shape", {"type": "Point", "coordinates": HERE[0]}, "is a Point", "a polygon is needed"),
    shape("zones", "an outline that crosses itself", polygon(bow(451_000, 300_000)), "its outline crosses itself", "make_valid"),
    shape("zones", "an outline of two points", polygon([HERE[0], HERE[1]]), "->", record=""),
    shape("zones", "a shape in Australia", polygon(FAR), "lies outside England", "check the coordinates"),
    shape("zones", "latitude for longitude, once", polygon(SWAPPED), "lies outside England"),
    Case(
        "metres without saying so",
        lambda g: features(g, "zones.geojson", lambda f: [
            x["geometry"].update(coordinates=[[[450_000, 300_000], [451_000, 300_000], [451_000, 301_000], [450_000, 300_000]]]) for x in f]),
        ("zones.geojson (input 'zones'), record 1", "lies outside England", "coordinate system"),
    ),
    shape("zones", "coordinates that are words", polygon([["a", "b"]] * 4), "->", record=""),
    shape("zones", "numbers without end", polygon([[1e308, 1e308], [-1e308, 1e308], [0, 0], [1e308, 1e308]]), "->"),
    Case(
        "latitude for longitude, everywhere",
        lambda g: features(g, "zones.geojson", lambda f: [
            x["geometry"].update(coordinates=[[p[::-1] for p in x["geometry"]["coordinates"][0]]]) for x in f]),
        ("zones.geojson (input 'zones')", "latitude and longitude look swapped", "swap"),
    ),
    Case(
        "outlines that do not close",
        lambda g: features(g, "zones.geojson", lambda f: [
            x["geometry"].update(coordinates=[[p[:] for p in x["geometry"]["coordinates"][0][:-1]]]) for x in f]),
        ("zones.geojson (input 'zones')", "cannot be read", "closed", "download it again"),
    ),
    field("zones", "a code of Scotland", "lsoa21cd", "S01000001", "record 2", "'S01000001'", "must look like"),
    field("zones", "a code that is a number", "lsoa21cd", 1900702, "record 2", "'lsoa21cd'"),
    field("zones", "a code twice", "lsoa21cd", FIRST, f"lsoa21cd {FIRST} stands twice", "keep one row for each"),
    Case("a code that nothing else has", lambda g: g.edit("zones.geojson", SECOND, "E01999999"), ("E01999999", "has no row for", "->")),
    field("zones", "no code", "lsoa21cd", None, "record 2", "'lsoa21cd' of table 'zones' is blank"),
    field("zones", "no name", "zone_name", None, "record 2", "'zone_name' of table 'zones' is blank"),
    field("zones", "a district of Wales", "lad24cd", "W06000001", "record 2", "'W06000001'", "must look like"),
    Case("zones of another council", lambda g: g.edit("zones.geojson", DISTRICT, "E06000017", every=True),
         ("zones.geojson (input 'zones')", f"no zone belongs to district {DISTRICT}", "correct area.codes")),
    Case("no district", lambda g: g.edit("zones.geojson", "lad24cd", "other", every=True), ("zones.geojson (input 'zones')", "'lad24cd'", "->")),
    Case("no zone", lambda g: features(g, "zones.geojson", lambda f: f.clear()), ("zones.geojson (input 'zones')", "it holds no records", "->")),
    Case("two zones on one spot", lambda g: features(g, "zones.geojson", lambda f: f[1].update(geometry=f[0]["geometry"])),
         ("zones.geojson (input 'zones')", f"zones {FIRST} and {SECOND} share 100% of the smaller one's ground", "zones lie beside each other")),
)  # fmt: skip

CLASSES = named(
    "rural_urban",
    *common("classes", "ruc21cd", "lsoa21cd"),
    cell("classes", "ruc21cd", "", "'ruc21cd' of table 'rural_urban' is blank"),
    cell("classes", "ruc21cd", "A1", "'A1': must be one of UN1"),
    cell("classes", "lsoa21cd", "E01000", "'E01000'", "must look like"),
    cell("classes", "lsoa21cd", "95AA01S1", "'95AA01S1'", "must look like", name="a code of Northern Ireland"),
    changed("classes", "a zone without a class", lambda c: c.__delitem__(2), SECOND, "no row for zone", "->"),
    changed("classes", "codes of 2011", lambda c: [r.__setitem__(0, r[0].replace("E019007", "E019006")) for r in c[1:]], FIRST, "no row for zone", "->"),
)  # fmt: skip

DEMAND = named(
    "demand",
    *common("births", "births", "lsoa21cd", "births"),
    cell("births", "births", "", "'births' of table 'demand' is blank", "blank = [0, 4]"),
    cell("births", "births", "-3", "'births' is -3", "must not be negative"),
    changed("births", "births beyond all", lambda c: c[2].__setitem__(1, "1e308"), "1e+308 live births in a year are more than the 945", "check that the columns are not swapped"),
    changed("births", "more births than children", lambda c: [r.__setitem__(1, "5000") for r in c[1:]], "births", "are more than the", "check that the columns are not swapped"),
    changed("births", "nobody at all", lambda c: [r.__setitem__(1, "0") for r in c[1:]], "births", "->"),
    changed("births", "a zone without a row", lambda c: c.__delitem__(2), SECOND, "no row for zone", "->"),
    changed("births", "codes of Wales", lambda c: [r.__setitem__(0, "W" + r[0][1:]) for r in c[1:]], FIRST, "->"),
    Case("a rule that is none", lambda g: g.more("births", "disclosure = { least = -5 }"), ("mudport.toml", "[[input]] births disclosure least", "->")),
    Case("a rule that is a word", lambda g: g.more("births", 'disclosure = "strict"'), ("mudport.toml", "[[input]] births disclosure", "->")),
)  # fmt: skip

DEPRIVED = named(
    "deprived_children",
    *common("poor", "deprived_children", "lsoa21cd", "deprived_children"),
    cell("poor", "deprived_children", "-1", "must not be negative"),
    Case("a blank that nobody explains", lambda g: g.edit("mudport.toml", "blank = [0, 9]\n", ""), ("poor.csv (input 'poor')", "is blank", "blank = [0, 9]"), uses=("poor",)),
    changed("poor", "a zone without a row", lambda c: c.__delitem__(2), f"has no row for zone {SECOND}", "blank where few"),
)  # fmt: skip

CARS = named(
    "cars",
    *common("cars", "no_car_pct", "lsoa21cd", "no_car_pct"),
    cell("cars", "no_car_pct", "", "'no_car_pct' of table 'cars' is blank"),
    cell("cars", "no_car_pct", "101", "must not be over 100"),
    cell("cars", "no_car_pct", "-0.5", "must not be negative"),
    changed("cars", "a zone without a row", lambda c: c.__delitem__(2), SECOND, "no row for zone", "->"),
)  # fmt: skip

DIGITAL = named(
    "digital, of 2011",
    *common("digital", "offline_pct", "lsoa11cd", "offline_pct"),
    cell("digital", "offline_pct", "101", "must not be over 100"),
    cell("digital", "lsoa11cd", "E02000001", "'E02000001'", "must look like"),
    changed("digital", "a code that the lookup does not know", lambda c: c[2].__setitem__(0, "E01999998"), "->"),
    Case("codes of 2011 under the name of 2021", lambda g: g.edit("mudport.toml", 'path = "digital.csv"\nvintage = "LSOA11"', 'path = "digital.csv"\nvintage = "LSOA21"'),
         (FIRST, "no row for zone", "->"), uses=("digital", "lookup", "people")),
    Case("no lookup", lambda g: None, ("mudport.toml", "input 'digital' is by LSOA11", 'table = "lookup"'), uses=("digital",)),
)  # fmt: skip

LOOKUP = named(
    "lookup",
    *common("lookup", "from_code", "lsoa21cd")[:2],
    cell("lookup", "lsoa21cd", "", "is blank"),
    cell("lookup", "from_code", "E05000001", "'E05000001'", "must look like"),
    changed("lookup", "split without people", lambda c: c.append([c[1][0], SECOND, "S"]), "->"),
    Case("half of it", lambda g: g.lines("lookup.csv", lambda lines: lines[:4]), ("digital.csv (input 'digital')", f"has no row for zone {ZONES[8]}", "exact-fit lookup"), uses=EXTRA["lookup"]),
    changed("lookup", "flags of no meaning", lambda c: [r.__setitem__(2, "Q") for r in c[1:]], "->"),
    changed("lookup", "unchanged, and to two zones", lambda c: c.append([c[1][0], SECOND, "U"]), "->"),
)  # fmt: skip

POPULATION = named(
    "population",
    *common("people", "people", "lsoa21cd", "people")[:8],
    cell("people", "people", "-1", "must not be negative"),
)

POINTS = named(
    "points",
    *common("points", "weight", "point_id", "x"),
    changed("points", "a zone that nobody knows", lambda c: c[2].__setitem__(1, "E01999999"), "zone E01999999 of 1 point(s), such as QM1 0AB, is unknown", "LSOA 2011"),
    cell("points", "x", "", "has no coordinates", "fill them in, or drop the row"),
    cell("points", "x", "0", "lies outside England", "check the coordinates"),
    cell("points", "x", "1e308", "->"),
    cell("points", "weight", "-1", "must not be negative"),
    cell("points", "weight", "", "'weight' of table 'points' is blank"),
    changed("points", "a place far from its zone", lambda c: c[2].__setitem__(3, "500000"), "point QM1 0AB lies", f"m from its zone {FIRST}", "check its coordinates"),
    changed("points", "x for y", lambda c: c.__setitem__(0, ["point_id", "lsoa21cd", "weight", "y", "x"]), "points.csv (input 'points')", "->"),
    changed("points", "a zone without a point", lambda c: c.__delitem__(slice(1, 3)), f"zone {FIRST} has no point", "add its postcodes"),
    Case("degrees said of metres", lambda g: g.edit("mudport.toml", 'crs = "EPSG:27700"', 'crs = "EPSG:4326"'), ("points.csv (input 'points'), line 2", "lies outside England", "coordinate system")),
    Case("no crs", lambda g: g.edit("mudport.toml", 'crs = "EPSG:27700"\n', ""), ("points.csv (input 'points')", "crs is missing for columns x and y", 'add crs = "EPSG:27700"')),
)  # fmt: skip

INDICATORS = named(
    "indicators",
    *common("figures", "poverty_rank", "lsoa21cd", "households"),
    changed("figures", "fewer than nobody", lambda c: c[2].__setitem__(2, "-1"), "crowded", SECOND, "->"),
    changed("figures", "more crowded than there are", lambda c: c[2].__setitem__(2, "9999"), "crowded", SECOND, "->"),
    changed("figures", "households of nobody", lambda c: c[2].__setitem__(3, "0"), "crowded", SECOND, "->"),
    changed("figures", "a rank of 0", lambda c: c[2].__setitem__(1, "0"), "rank", "->"),
    changed("figures", "a rank of half", lambda c: c[2].__setitem__(1, "1.5"), "rank", "->"),
    changed("figures", "a rank that is blank", lambda c: c[2].__setitem__(1, ""), "rank", SECOND, "->"),
    changed("figures", "a zone without figures", lambda c: c.__delitem__(2), f"has no row for zone {SECOND}", "->"),
    changed("figures", "codes of 2011 in a table of 2021", lambda c: [r.__setitem__(0, r[0].replace("E019007", "E019006")) for r in c[1:]], f"has no row for zone {FIRST}", "->"),
)  # fmt: skip

CONTEXT = named(
    "context",
    *common("context", "period", "indicator", "value"),
    cell("context", "lad24cd", "S12000033", "'S12000033'", "must look like"),
    cell("context", "value", "", "'value' of table 'context' is blank"),
)

WARDS = named(
    "boundaries",
    shape("wards", "no shape", None, "has no geometry", record="record 1"),
    shape("wards", "crossed", polygon(bow(450_000, 300_000)), "its outline crosses itself", record="record 1"),
    shape("wards", "a line for a shape", {"type": "LineString", "coordinates": HERE}, "is a LineString", record="record 1"),
    shape("wards", "far away", polygon(FAR), "lies outside England", record="record 1"),
    field("wards", "no code", "code", None, "'code' of table 'boundaries' is blank"),
    field("wards", "a kind that is nothing", "kind", "", "'kind' of table 'boundaries' is blank"),
)  # fmt: skip

POSTCODES = named(
    "postcodes",
    *common("postcodes", "postcode", "postcode", "x")[:8],
    changed("postcodes", "none of England", lambda c: [r.__setitem__(1, "-500000") for r in c[1:]], "postcodes.csv (input 'postcodes'), line 2", "lies outside England"),
    Case("no crs", lambda g: g.lines("mudport.toml", lambda lines: [x for k, x in enumerate(lines) if not (x.startswith("crs") and 'id = "buildings"' in "".join(lines[k:k + 5]))]),
         ("postcodes.csv (input 'postcodes')", "crs is missing", "add crs"), uses=("postcodes",)),
)  # fmt: skip

SITES = named(
    "sites",
    *common("buildings", "name", "name", "x"),
    changed("buildings", "a type that is none", lambda c: c[2].__setitem__(2, "castle"), "buildings.csv (input 'buildings')", "castle", "->"),
    changed("buildings", "no type", lambda c: c[2].__setitem__(2, ""), "buildings.csv (input 'buildings')", "->"),
    cell("buildings", "today", "perhaps", "'perhaps': must be one of hub, outreach, none", line=2),
    cell("buildings", "today", "", "'today' of table 'sites' is blank"),
    changed("buildings", "an id twice", lambda c: c[2].__setitem__(0, "hub"), "site_id hub stands twice"),
    changed("buildings", "nowhere at all", lambda c: [r.__setitem__(4, "0") or r.__setitem__(5, "0") for r in c[1:]], "none of its 2 rows can be placed", "0, 0", "->"),
    changed("buildings", "all in France", lambda c: [r.__setitem__(5, "-90000") for r in c[1:]], "none of its 2 rows can be placed", "lie outside England"),
    changed("buildings", "all swapped", lambda c: c.__setitem__(0, ["site_id", "name", "site_type", "today", "y", "x"]), "none of its 2 rows can be placed", "look swapped"),
    Case("neither place nor postcode", lambda g: g.edit("mudport.toml", ', today = "today", x = "x", y = "y"', ""), ("buildings.csv (input 'buildings')", "needs geometry", "map columns.x and columns.y")),
    Case("postcodes and nobody who knows them", lambda g: None, ("rooms.csv (input 'rooms')", "none of its 2 rows can be placed", "postcodes"), uses=("rooms",)),
    changed("rooms", "postcodes of nowhere", lambda c: [r.__setitem__(2, "ZZ99 9ZZ") for r in c[1:]], "none of its 2 rows can be placed", "ZZ99 9ZZ"),
    Case("one id in two inputs", lambda g: (g.edit("mudport.toml", 'columns = { name = "name"', 'columns = { site_id = "postcode", name = "name"'), g.edit("buildings.csv", "school,", "QM1 4AA,")), ("site_id 'QM1 4AA' stands in more than one input", "give each site its own"), uses=("rooms", "postcodes")),
)  # fmt: skip

CASES = {
    **ZONES_, **CLASSES, **DEMAND, **DEPRIVED, **CARS, **DIGITAL, **LOOKUP, **POPULATION, **POINTS, **INDICATORS, **CONTEXT,
    **WARDS, **POSTCODES, **SITES,
}  # fmt: skip
