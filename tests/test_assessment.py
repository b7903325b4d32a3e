"""Assessment files: the catalogue's are sound, areas are found, every fault is told at once."""

from __future__ import annotations

import pytest

from needs import assessment
from needs.errors import SettingsError

MINIMAL = """
[area]
name = "Testshire"
slug = "testshire"
codes = ["E06000099"]

[plan]
max_hubs = 1
max_outreach = 2
"""


def an_input(kind: str, **fields: str) -> str:
    lines = {"id": f'"{kind}"', "table": f'"{kind}"', "path": f'"{kind}.csv"', "title": '"t"', "publisher": '"p"'}
    lines |= {"licence": '"l"', "date": '"d"', "vintage": '"LSOA21"'} | fields
    return "\n[[input]]\n" + "\n".join(f"{k} = {v}" for k, v in lines.items()) + "\n"


TABLES = ("zones", "points", "demand", "indicators", "rural_urban", "sites", "streets")


def read(tmp_path, text: str) -> assessment.Assessment:
    path = tmp_path / "testshire.toml"
    path.write_text(text)
    return assessment.read(path)


def faults(tmp_path, text: str) -> str:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text)
    return str(error.value)


@pytest.mark.parametrize("slug", list(assessment.known_areas()))
def test_areas_of_the_catalogue_are_sound(slug):
    settings = assessment.read(assessment.known_areas()[slug])
    assert settings.area.slug == slug
    stood_in = {"streets"} if settings.travel.straight_lines else set()
    assert {i.table for i in settings.inputs} | stood_in >= set(TABLES)


def test_a_minimal_file_is_enough_and_has_labelled_defaults(tmp_path):
    settings = read(tmp_path, MINIMAL + "".join(an_input(t) for t in TABLES))
    assert settings.plan.existing == "free"
    assert settings.demand.count == "births"
    assert "Assumption" in settings.demand.no_car_source


def test_inputs_of_the_base_are_replaced_by_id(tmp_path):
    text = MINIMAL.replace('codes = ["E06000099"]', 'codes = ["E06000099"]\nbase = "gathered"')
    own = an_input("demand", id='"births"', path='"mine.csv"')
    settings = read(tmp_path, text + own + "".join(an_input(t) for t in ("zones", "points", "sites", "streets")))
    assert [i.path for i in settings.of("demand")] == ["mine.csv"]
    assert len(settings.of("indicators")) == 2


def test_every_fault_is_told_at_once(tmp_path):
    text = MINIMAL.replace("E06000099", "Testshire").replace("max_hubs = 1", "max_hubs = -1\nmax_hubz = 3")
    text += "".join(an_input(t) for t in TABLES) + an_input("cars", table='"carz"')
    told = faults(tmp_path, text)
    for words in ("'Testshire' is not the code", "max_hubs", "max_hubz", "'carz' is not one of"):
        assert words in told
    assert told.startswith("4 faults")


@pytest.mark.parametrize(
    ("vintage", "mend"),
    [
        ("LSOA11", "exact-fit lookup LSOA 2011"),
        ("WD22", "wards of that year"),
        ("MSOA21", "MSOA and LSOA 2021"),
        ("LSOA01", "a lookup from LSOA01 to LSOA21"),
    ],
)
def test_a_wrong_vintage_names_the_lookup_that_would_mend_it(tmp_path, vintage, mend):
    inputs = [an_input(t, **({"vintage": f'"{vintage}"'} if t == "demand" else {})) for t in TABLES]
    told = faults(tmp_path, MINIMAL + "".join(inputs))
    assert f"input 'demand' is by {vintage}, which cannot be joined to LSOA21" in told
    assert mend in told


def test_what_is_no_vintage_is_refused(tmp_path):
    inputs = [an_input(t, **({"vintage": '"WARD22"'} if t == "demand" else {})) for t in TABLES]
    assert "[[input]] demand: vintage 'WARD22' is not OA, LSOA" in faults(tmp_path, MINIMAL + "".join(inputs))


def test_what_is_missing_is_named(tmp_path):
    told = faults(tmp_path, MINIMAL + an_input("zones") + an_input("points"))
    assert "demand, indicators, rural_urban, sites, streets" in told


def test_two_tables_of_one_kind_are_refused(tmp_path):
    told = faults(tmp_path, MINIMAL + "".join(an_input(t) for t in TABLES) + an_input("zones", id='"zones2"'))
    assert "more than one [[input]] for table zones" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[area", "not valid TOML"),
        (MINIMAL.replace('slug = "testshire"', 'slug = "testshire"\nbase = "wales"'), "base 'wales' is not in"),
        (MINIMAL + an_input("zones") * 2, "two inputs have the id 'zones'"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, words):
    assert words in faults(tmp_path, text)


def whole(travel: str, *, more: str = "") -> str:
    inputs = "".join(map(an_input, TABLES))
    return MINIMAL + "\n[travel]\n" + travel + "\n" + inputs + more


TIMETABLE = an_input("timetable")
CYCLE = """
[[standard]]
offer = "hub"
mode = "cycle"
rural_urban = ["UN1"]
full_min = 10
zero_min = 20
source = "Cabinet paper, May 2026"
"""


@pytest.mark.parametrize(
    ("travel", "more", "words"),
    [
        ('modes = ["walk", "drive", "cycle"]', "", "mode 'cycle' has no standard, so that its minutes would not count"),
        ('modes = ["walk", "walk", "drive"]', "", "mode 'walk' stands twice"),
        ('modes = ["walk"]', "", 'add "drive" to [travel] modes'),
        ("", TIMETABLE, "set timetable_date, a school day, under [travel]"),
        ('modes = ["drive"]\ntimetable_date = 2026-05-12', TIMETABLE, "a bus is reached on foot: add 'walk'"),
        ("timetable_date = 2026-05-10", TIMETABLE, "is a Sunday: give a school day"),
        ("bands_min = [0.0]", "", "bands_min"),
        ("bands_min = [nan]", "", "bands_min"),
        ("bands_min = [1e9]", "", "bands_min"),
    ],
)
def test_travel_that_would_count_for_nothing_is_refused(tmp_path, travel, more, words):
    assert words in faults(tmp_path, whole(travel, more=more))


def test_travel_that_counts_is_taken(tmp_path):
    assert read(tmp_path, whole('modes = ["walk", "drive", "cycle"]', more=CYCLE)).travel.modes[2] == "cycle"
    assert read(tmp_path, whole("timetable_date = 2026-05-12", more=TIMETABLE)).travel.timetable_date is not None
