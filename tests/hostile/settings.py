"""Broken settings: the assessment file, the index, councils that are none."""

from __future__ import annotations

import os

from tests.hostile.council import DISTRICT, NEEDED, assessment, entry
from tests.hostile.harness import BUILD, Case, Ground, edited, named

TOML = "mudport.toml"


def replaced(name: str, old: str, new: str, *says: str, **more: object) -> Case:
    return edited(name, TOML, old, new, "mudport.toml", *says, **more)


def added(name: str, section: str, line: str, *says: str, **more: object) -> Case:
    """Add a line below the head of a section."""
    return replaced(name, f"[{section}]\n", f"[{section}]\n{line}\n", *says, **more)


def index(name: str, old: str, new: str, *says: str) -> Case:
    return edited(name, "index.toml", old, new, "index.toml", *says)


def whole(name: str, content: str | bytes, *says: str) -> Case:
    return Case(name, lambda g: g.write(TOML, content), ("mudport.toml", *says))


def other(area: str) -> tuple[str, ...]:
    return tuple(area if part == "{toml}" else part for part in BUILD)


def area(name: str, given: str, *says: str, code: int = 2) -> Case:
    return Case(name, lambda g: None, says, code, argv=other(given))


def fifo(ground: Ground) -> None:
    ground.toml.unlink()
    os.mkfifo(ground.toml)


def folder(ground: Ground) -> None:
    ground.toml.unlink()
    ground.toml.mkdir()


def circle(ground: Ground) -> None:
    ground.toml.unlink()
    ground.toml.symlink_to(ground.toml.name)


FILE = named(
    "assessment file",
    whole("empty", "", "area", "add it", "plan", "input"),
    whole("white space", " \n\t\n", "area", "Field required"),
    whole("not TOML", "[area\nname = 1\n", "is not valid TOML", "line 1", "correct the file"),
    whole("JSON", '{"area": {"name": "x"}}', "is not valid TOML", "line 1"),
    whole("a key twice", '[area]\nname = "a"\nname = "b"\n', "is not valid TOML", "line 3"),
    whole("a table twice", '[area]\nname = "a"\n[plan]\n[area]\n', "is not valid TOML", "line 4"),
    whole("UTF-16", '[area]\nname = "a"\n'.encode("utf-16"), "is not valid TOML", "UTF-8"),
    whole("a mark of the byte order", b"\xef\xbb\xbf[area]\n", "area name", "add it"),
    whole("Windows-1252", '[area]\nname = "Wärme"\n'.encode("cp1252"), "is not valid TOML", "UTF-8"),
    whole("NUL bytes", b'[area]\nname = "a\x00b"\n', "is not valid TOML", "line 2"),
    whole("bytes of nothing", bytes(range(256)) * 4, "is not valid TOML"),
    whole("deep nesting", "a = " + "[" * 20_000 + "]" * 20_000, "nested too deep"),
    whole("deep keys", ".".join("a" * 20_000) + " = 1", "nested too deep"),
    whole("huge", b"# nothing\n" * 2_000_000, "has 20,000,000 bytes", "is it the right file"),
    whole("a number of a million digits", "[area]\nname = " + "9" * 1_000_000, "is not valid TOML"),
    whole("a month 13", "[travel]\ntimetable_date = 2026-13-01\n", "is not valid TOML", "line 2"),
    whole("area is a number", "area = 3\n", "area", "(it is 3)"),
    whole("area is a list", "[[area]]\nname = 'a'\n", "area", "valid dictionary"),
    whole("input is a table", "[input]\nid = 'a'\n", "input", "must be a list of tables", "[[input]]"),
    whole("input is a text", "input = 'a'\n", "input", "must be a list of tables"),
    whole("input holds numbers", "input = [1, 2]\n", "input", "must be a list of tables"),
    Case("a folder", folder, ("mudport.toml", "there is no such file", "give the path of an assessment TOML")),
    Case("a pipe that nobody writes to", fifo, ("mudport.toml", "there is no such file")),
    Case("a link to itself", circle, ("mudport.toml", "there is no such file")),
    Case("gone", lambda g: g.toml.unlink(), ("mudport.toml", "there is no such file")),
)  # fmt: skip

SECTIONS = named(
    "setting",
    added("unknown section", "area", 'x = 1\n[nonsense]\ny = 1', "nonsense", "remove it or correct its spelling"),
    added("unknown key of area", "area", "colour = 'red'", "area colour", "remove it or correct its spelling"),
    added("a key nearly right", "plan", "max_hub = 3", "plan max_hub", "did you mean 'max_hubs'?"),
    added("a section nearly right", "area", "[travle]\nmodes = ['walk']", "travle", "did you mean 'travel'?"),
    replaced("name is blank", 'name = "Mudport"', 'name = ""', "area name", "at least 1 character"),
    replaced("name is a number", 'name = "Mudport"', "name = 3", "area name", "valid string", "(it is 3)"),
    replaced("name is missing", 'name = "Mudport"\n', "", "area name", "add it"),
    replaced("slug leads out", '"mudport"', '"../../etc"', "area slug", "pattern"),
    replaced("slug with a space", '"mudport"', '"mud port"', "area slug", "pattern"),
    replaced("slug with a NUL", '"mudport"', '"mud\\u0000port"', "area slug", "pattern"),
    replaced("slug ends a line", '"mudport"', '"mudport\\n"', "area slug", "pattern"),
    replaced("no code", f'["{DISTRICT}"]', "[]", "area codes", "at least 1 item"),
    replaced("code of Scotland", DISTRICT, "S12000033", "'S12000033' is not the code of an English district"),
    replaced("code of Wales", DISTRICT, "W06000015", "'W06000015' is not the code of an English district"),
    replaced("code of a county", DISTRICT, "E10000028", "'E10000028' is not the code of an English district"),
    replaced("code with an end of line", DISTRICT, f"{DISTRICT}\\n", "is not the code of an English district"),
    replaced("code twice", f'"{DISTRICT}"]', f'"{DISTRICT}", "{DISTRICT}"]', "stands twice", DISTRICT),
    replaced("codes is a text", f'["{DISTRICT}"]', f'"{DISTRICT}"', "area codes", "valid list"),
    replaced("codes holds a number", f'["{DISTRICT}"]', "[6]", "area codes 0", "valid string"),
    added("unknown base", "area", 'base = "wales"', "base 'wales' is not in the catalogue", "use one of"),
    added("base leads out", "area", 'base = "../areas/rutland"', "is not in the catalogue", "use one of"),
    added("base is a number", "area", "base = 3", "is not in the catalogue", "use one of"),
    added("base is a list", "area", 'base = ["england"]', "is not in the catalogue", "use one of"),
    replaced("margin below 0", "margin_km = 5.0", "margin_km = -1", "area margin_km", "(it is -1)"),
    replaced("margin over 50", "margin_km = 5.0", "margin_km = 51", "area margin_km", "(it is 51)"),
    replaced("margin is no number", "margin_km = 5.0", "margin_km = nan", "area margin_km"),
    replaced("margin is endless", "margin_km = 5.0", "margin_km = inf", "area margin_km", "(it is inf)"),
    replaced("synthetic is a word", "synthetic = true", 'synthetic = "perhaps"', "area synthetic", "valid boolean"),
    replaced("unknown count", '"births"', '"brths"', "demand count", "did you mean 'births'?"),
    added("share over 100", "demand", "send_share_pct = 101", "demand send_share_pct", "(it is 101)"),
    added("growth without a label", "demand", "growth = { years = 3 }", "demand growth label", "add it"),
    added("growth in no years", "demand", "growth = { label = 'a', years = 0 }", "demand growth years"),
    added("growth of unknown children", "demand", "growth = {label='a', years=3, children_per_home={x=1}}", "'x' is not one of"),
    added("cars below 0", "demand", "no_car_urban_pct = -1", "demand no_car_urban_pct", "(it is -1)"),
    edited("index unknown", TOML, '"index.toml"', '"family-hub"', "index 'family-hub'", "did you mean 'family-hubs'?"),
    edited("index is not there", TOML, '"index.toml"', '"other.toml"', "other.toml", "is not in the catalogue"),
    edited("index is a folder", TOML, '"index.toml"', '"/"', "index '/'", "is not in the catalogue"),
    replaced("draws below 0", "draws = 10", "draws = -1", "need draws", "(it is -1)"),
    replaced("draws beyond all", "draws = 10", "draws = 10000000", "need draws", "(it is 10000000)"),
    replaced("draws of half", "draws = 10", "draws = 1.5", "need draws", "(it is 1.5)"),
    replaced("unknown mode", '["walk", "drive"]', '["walk", "drive", "hover"]', "mode 'hover' is not in the catalogue"),
    replaced("mode twice", '["walk", "drive"]', '["walk", "drive", "walk"]', "mode 'walk' stands twice"),
    replaced("no mode", '["walk", "drive"]', "[]", "travel modes", "at least 1 item"),
    replaced("no driving", '["walk", "drive"]', '["walk"]', 'add "drive" to [travel] modes'),
    replaced("mode without a standard", '["walk", "drive"]', '["walk", "drive", "cycle"]', "has no standard", "add a [[standard]]"),
    replaced("bands below 0", "[10.0, 20.0]", "[-10.0, 20.0]", "travel bands_min 0"),
    replaced("bands without end", "[10.0, 20.0]", "[1e9]", "travel bands_min 0"),
    replaced("no bands", "[10.0, 20.0]", "[]", "travel bands_min"),
    replaced("band twice", "[10.0, 20.0]", "[10.0, 10.0]", "bands_min", "stands twice"),
    replaced("day of a weekend", "2026-05-12", "2026-05-16", "is a Saturday: give a school day"),
    replaced("day is a word", "2026-05-12", '"soon"', "travel timetable_date"),
    Case("no day for the timetable", lambda g: g.edit(TOML, "timetable_date = 2026-05-12\n", ""),
         ("mudport.toml", "a timetable is given without a day", "set timetable_date"), uses=("buses",)),
    replaced("hubs below 0", "max_hubs = 2", "max_hubs = -2", "plan max_hubs", "(it is -2)"),
    replaced("hubs of half", "max_hubs = 2", "max_hubs = 2.5", "plan max_hubs", "(it is 2.5)"),
    replaced("hubs is a word", "max_hubs = 2", 'max_hubs = "two"', "plan max_hubs", "(it is 'two')"),
    replaced("hubs missing", "max_hubs = 2\n", "", "plan max_hubs", "add it"),
    replaced("hubs beyond numbers", "max_hubs = 2", "max_hubs = 99999999999999999999", "plan max_hubs"),
    added("existing otherwise", "plan", 'existing = "burn"', "plan existing", "'free' or 'keep'"),
    added("must otherwise", "plan", 'must = { hub = "perhaps" }', "plan must hub"),
    added("outreach above a hub", "plan", "keep_hub_pct = 1.0\nkeep_outreach_pct = 2.0", "keep_outreach_pct 2 is over keep_hub_pct 1"),
    added("outreach worth 1", "plan", "outreach_value = 1.0", "plan outreach_value"),
    added("budget below 0", "plan", "opening_budget_gbp = -1.0", "plan opening_budget_gbp"),
    added("budget is no number", "plan", "opening_budget_gbp = nan", "plan opening_budget_gbp"),
    added("aim unknown", "plan", 'aim = "moon"', "plan aim"),
    added("floor of 101 per cent", "plan", 'floor = [{ group = "car", values = [false], reach_pct = 101 }]', "plan floor 0 reach_pct"),
    added("floor of an unknown group", "plan", 'floor = [{ group = "shoe", values = [1], reach_pct = 1 }]', "plan floor 0 group"),
    added("floor of nobody", "plan", 'floor = [{ group = "car", values = [], reach_pct = 1 }]', "plan floor 0 values"),
    added("no time", "plan", "time_limit_s = 0", "plan time_limit_s"),
    added("endless time", "plan", "time_limit_s = inf", "plan time_limit_s"),
    added("unknown key of a cost", "plan", "hub = { openning_gbp = 1.0 }", "plan hub openning_gbp", "did you mean 'opening_gbp'?"),
    replaced("standard upside down", "zero_min = 8", "zero_min = 3", "[[standard]]", "zero_min 3 is below full_min 4"),
    replaced("standard without a source", 'source = "a test"\n', "", "[[standard]] 1 source", "add it"),
    replaced("standard of no class", '["RSN1"]', '["XX9"]', "'XX9'", "UN1"),
    replaced("standard of no mode", 'mode = "drive"', 'mode = "fly"', "'fly'"),
    replaced("standard of no offer", 'offer = "hub"', 'offer = "tent"', "[[standard]] 1 offer"),
    replaced("standard in no time", "full_min = 4", "full_min = 0", "[[standard]] 1 full_min"),
)  # fmt: skip

INPUTS = named(
    "input",
    replaced("id twice", 'id = "classes"', 'id = "zones"', "two inputs have the id 'zones'", "give each its own id"),
    replaced("id with a path", 'id = "classes"', 'id = "../x"', "[[input]] ../x id", "pattern"),
    replaced("id is a number", 'id = "classes"', "id = 3", "[[input]] 3 id", "valid string"),
    replaced("id is a list", 'id = "classes"', "id = [1]", "id", "valid string"),
    replaced("no id", 'id = "classes"\n', "", "[[input]] 2 id", "add it"),
    replaced("unknown table", 'table = "rural_urban"', 'table = "rural"', "table 'rural' is not one of"),
    replaced("table is a number", 'table = "rural_urban"', "table = 7", "[[input]] classes table", "valid string"),
    Case("a table missing", lambda g: g.toml.write_text(assessment(set(NEEDED) - {"classes"})), ("mudport.toml", "no [[input]] for table rural_urban", "correct the file")),
    Case("a table twice", lambda g: g.toml.write_text(g.toml.read_text() + entry("more", "zones", "zones.geojson", "LSOA21", "lsoa21cd", "")), ("mudport.toml", "more than one [[input]] for table zones")),
    replaced("unknown key", 'path = "classes.csv"', 'path = "classes.csv"\nfile = "x"', "[[input]] classes file"),
    replaced("path is a list", '"classes.csv"', '["a.csv", "b.csv"]', "[[input]] classes path", "valid string"),
    replaced("path leads out", '"classes.csv"', '"../classes.csv"', "'../classes.csv' leads out of the folder"),
    replaced("path of its own root", '"classes.csv"', '"/etc/passwd"', "'/etc/passwd' leads out of the folder"),
    replaced("path of a drive", '"classes.csv"', '"C:\\\\secret.csv"', "leads out of the folder"),
    replaced("path with a NUL", '"classes.csv"', '"classes\\u0000.csv"', "[[input]] classes", "control character"),
    replaced("path is blank", '"classes.csv"', '""', "[[input]] classes path", "is no path of a file"),
    replaced("path of a folder", '"classes.csv"', '"classes/"', "[[input]] classes path", "is no path of a file"),
    replaced("column nearly right", 'ruc21cd = "ruc21cd"', 'ruc21cd = "ruc21cd", lsoa21 = "x"', "columns.lsoa21 is no column of table 'rural_urban': did you mean 'lsoa21cd'?"),
    replaced("path too long", '"classes.csv"', '"' + "a" * 5000 + '.csv"', "[[input]] classes", "is too long for a path"),
    Case("path through a file", lambda g: g.edit(TOML, '"classes.csv"', '"classes.csv/x.csv"'), ("input 'classes'", "is not in", "correct its path"), 3),
    replaced("unknown vintage", 'table = "rural_urban"\npath = "classes.csv"\nvintage = "LSOA21"', 'table = "rural_urban"\npath = "classes.csv"\nvintage = "LSOA11"', "vintage 'LSOA11' cannot be joined to LSOA21", "->"),
    replaced("no vintage", 'path = "classes.csv"\nvintage = "LSOA21"\n', 'path = "classes.csv"\n', "vintage is missing"),
    replaced("vintage without its lookup", 'path = "births.csv"\nvintage = "LSOA21"\n', 'path = "births.csv"\nvintage = "LSOA11"\n', "map them as columns.code"),
    replaced("unknown source", 'id = "classes"', 'id = "classes"\nsource = "ons_ruc"', "source 'ons_ruc' is not in the catalogue"),
    replaced("source is a number", 'id = "classes"', 'id = "classes"\nsource = 3', "[[input]] classes source", "valid string"),
    replaced("unknown layout", 'id = "classes"', 'id = "classes"\nlayout = "exel"', "layout 'exel' is not in the catalogue"),
    replaced("columns is a list", '{ lsoa21cd = "lsoa21cd", ruc21cd = "ruc21cd" }', '["a"]', "[[input]] classes columns", "valid dictionary"),
    replaced("heading is a number", 'ruc21cd = "ruc21cd"', "ruc21cd = 3", "[[input]] classes columns ruc21cd"),
    edited("heading not in the file", TOML, 'ruc21cd = "ruc21cd"', 'ruc21cd = "class"', "classes.csv (input 'classes')", "'class'", "ruc21cd"),
    replaced("no headings for a number", 'births = "births"', "births = []", "columns.births is an empty list"),
    replaced("headings of a text", 'ruc21cd = "ruc21cd"', 'ruc21cd = ["ruc21cd", "lsoa21cd"]', "columns.ruc21cd is a list of headings to add up"),
    replaced("blank upside down", 'id = "births"', 'id = "births"\nblank = [4, 0]', "blank [4.0, 0.0] is not the least and the most"),
    replaced("blank of three", 'id = "births"', 'id = "births"\nblank = [0, 4, 9]', "[[input]] births blank"),
    replaced("blank without end", 'id = "births"', 'id = "births"\nblank = [0, inf]', "[[input]] births", "blank"),
    replaced("blank for a place", 'id = "classes"', 'id = "classes"\nblank = [0, 4]', "blank is for tables of counts"),
    replaced("types for zones", 'id = "zones"', 'id = "zones"\ntypes = { a = "library" }', "types is for table 'sites'"),
    replaced("unknown type", 'id = "buildings"', 'id = "buildings"\ntypes = { a = "castle" }', "'castle' is no type of site"),
    replaced("rule for zones", 'id = "zones"', 'id = "zones"\ndisclosure = { under = 5 }', "[[input]] zones", "disclosure"),
    edited("unknown crs", TOML, 'crs = "EPSG:27700"', 'crs = "EPSG:99999999"', "[[input]] points crs", "'EPSG:99999999'", "use EPSG:27700"),
    edited("crs is nonsense", TOML, 'crs = "EPSG:27700"', 'crs = "somewhere"', "'somewhere'", "crs", "EPSG:27700"),
    edited("crs without a plane", TOML, 'crs = "EPSG:27700"', 'crs = "EPSG:5703"', "'EPSG:5703'", "crs", "EPSG:27700"),
    replaced("where is a text", 'id = "classes"', 'id = "classes"\nwhere = "all"', "[[input]] classes where"),
    edited("where that nothing meets", TOML, 'id = "classes"', 'id = "classes"\nwhere = { ruc21cd = ["UN1"] }', "classes.csv (input 'classes')", "has no rows that meet 'where'"),
    edited("where of no heading", TOML, 'id = "classes"', 'id = "classes"\nwhere = { nothing = ["UN1"] }', "classes.csv (input 'classes')", "'nothing'"),
    edited("values beyond a contract", TOML, 'id = "births"', 'id = "births"\nvalues = { births = "many" }', "births.csv (input 'births')", "'births'", "'many'"),
    edited("values of no column", TOML, 'id = "births"', 'id = "births"\nvalues = { shoes = 3 }', "births", "values.shoes is no column of table 'demand'"),
)  # fmt: skip

INDEX = named(
    "index file",
    index("not TOML", "[index]", "[index", "is not valid TOML", "correct the file"),
    index("unknown key", 'id = "own"', 'id = "own"\ncolour = 1', "index colour", "remove it"),
    index("no head", "[index]", "[head]", "index", "add it"),
    index("unknown transform", '"rank"\nsource', '"magic"\nsource', "index transform", "'imd_exp'"),
    index("weights over 1", "weight = 0.5", "weight = 0.6", "the weights of the domains sum to 1.1, over 1"),
    index("weight below 0", "weight = 0.5", "weight = -0.5", "[[domain]] poverty weight"),
    index("weight without end", "weight = 0.5", "weight = inf", "[[domain]] poverty weight"),
    index("domain twice", 'id = "crowding"', 'id = "poverty"', "2 domains have the id 'poverty'"),
    index("domain within itself", 'id = "poverty"', 'id = "poverty"\nparent = "poverty"', "domain 'poverty' lies within itself"),
    index("domain of nothing", 'domain = "crowding"', 'domain = "poverty"', "domain 'crowding' is empty"),
    index("indicator of no domain", 'domain = "crowding"', 'domain = "health"', "indicator 'crowded' is of domain 'health'"),
    index("indicator of no source", 'source = "made"', 'source = "bought"', "is of source 'bought'"),
    index("rank the other way", 'direction = "lower_is_need"', 'direction = "higher_is_need"', "counts from 1 = most need"),
    index("nothing to divide by", 'denominator = ["households"]\n', "", "made of a numerator and a denominator"),
    index("column twice", '["crowded"]', '["crowded", "crowded"]', "a column is counted twice in crowded"),
    index("no winsorising of ranks", 'measure = "rank"', 'measure = "rank"\nwinsorise = 3', "leave out within, winsorise"),
    index("a geography of no vintage", 'geography = "LSOA21"\nreference', 'geography = ""\nreference', "index geography"),
    edited("column not in a table", "index.toml", '"poverty_rank"', '"wealth_rank"', "wealth_rank", "indicator"),
    Case("an index of zeros", lambda g: g.write("index.toml", b"\x00" * 100), ("index.toml", "is not valid TOML")),
    Case("a pipe", lambda g: (g.path("index.toml").unlink(), os.mkfifo(g.path("index.toml"))), ("index.toml", "is not in the catalogue")),
)  # fmt: skip

COUNCILS = named(
    "council",
    area("no council", "Atlantis", "Atlantis", "is no English council", "needs areas"),
    area("nearly one", "Rutlnad", "Rutlnad", "did you mean Rutland"),
    area("nothing", "", "names no council", "give a name or a code"),
    area("white space", "   ", "names no council"),
    area("of Scotland", "S12000033", "S12000033", "Scotland"),
    area("of Wales", "W06000015", "W06000015", "Wales"),
    area("a code of nothing", "E06999999", "E06999999", "is no English council"),
    area("control characters", "Rut\x1b[31mland", "is no English council"),
    area("a page of text", "Rutland " * 300, "is no English council"),
    area("a path of a folder", "{raw}", "is no English council"),
    area("a file of another kind", "{raw}/births.csv", "is no English council"),
    area("a file that is not there", "{raw}/other.toml", "other.toml", "there is no such file"),
    area("a name too long", "{raw}/" + "a" * 5000 + ".toml", "there is no such file"),
    area("a NUL", "Rutland\x00.toml", "there is no such file"),
    area("half of them", "Rutland + Atlantis", "Atlantis", "is no English council"),
)  # fmt: skip

CASES = {**FILE, **SECTIONS, **INPUTS, **INDEX, **COUNCILS}
