"""What is doubtful and still goes on: blanks that hide counts, files that were changed, words that nobody uses."""

from __future__ import annotations

import hashlib
import os

import pandas as pd
import pytest

from needs import stages
from needs.assessment import read
from needs.connectors import changed
from needs.preparing import prepared
from tests.hostile import harness, tables
from tests.hostile.council import NEEDED, ZONES
from tests.hostile.files import twin
from tests.hostile.harness import Case, Ground


@pytest.fixture
def ground(tmp_path):
    made = harness.Ground(*(tmp_path / n for n in ("raw", "raw/mudport.toml", "processed", "maps")))
    for folder in (made.raw, made.processed, made.maps):
        folder.mkdir()
    harness.council.write(made.raw)
    made.toml.write_text(harness.council.assessment(NEEDED), "utf-8")
    return made


def data(ground: Ground) -> stages.Data:
    with prepared(ground.toml, ground.raw, None) as ready:
        return stages.data(ready.settings, ready.raw)


def blank(ground: Ground, *lines: int) -> None:
    """Leave the births of some lines out."""

    def change(held: list[str]) -> list[str]:
        return [f"{x.split(',')[0]},,{x.split(',')[2]}" if k in lines else x for k, x in enumerate(held, 1)]

    ground.lines("births.csv", change)


# --- blanks of demand ---


def test_a_suppressed_count_of_demand_is_the_middle_of_its_interval_and_marked(ground):
    whole = data(ground).zones.set_index("lsoa21cd")
    blank(ground, 3, 5)
    ground.more("births", "blank = [1, 4]")
    found = data(ground)
    zones = found.zones.set_index("lsoa21cd")
    hidden = [ZONES[1], ZONES[3]]
    assert zones.loc[hidden, "demand"].tolist() == [2.5, 2.5]
    assert zones.index[zones["count_hidden"]].tolist() == hidden
    others = zones.index.difference(hidden)
    pd.testing.assert_series_equal(zones.loc[others, "demand"], whole.loc[others, "demand"])
    assert not whole["count_hidden"].any()
    told = "Made-up births: births of 2 zones is not published, together 2 to 8; the middle of each is counted."
    assert told in found.notes


def test_blanks_under_a_rule_are_protected_first_and_keep_the_rest_of_the_sum(ground):
    ground.lines("births.csv", lambda held: [held[0], *(f"{z},{2 + k},90" for k, z in enumerate(ZONES))])
    blank(ground, 2)
    ground.more("births", "blank = [0, 4]\ndisclosure = { below = 5 }")
    zones = data(ground).zones.set_index("lsoa21cd")
    small = ZONES[:3]  # a blank, 3 and 4
    assert set(small) <= set(zones.index[zones["count_hidden"]])
    assert zones["demand"].notna().all()
    low, high = 3 + 4 + 0, 3 + 4 + 4
    rest = sum(range(5, 2 + len(ZONES)))
    assert low <= zones["demand"].sum() - rest <= high


def test_a_blank_that_nobody_explains_is_refused_and_says_how(ground):
    blank(ground, 3)
    outcome = harness.run(harness.BUILD, ground)
    assert outcome.code == 2
    assert "births.csv (input 'births'), line 3: 'births' of table 'demand' is blank" in outcome.err
    assert "say of the input what a blank hides: blank = [0, 4]" in outcome.err


# --- twins that do not fit ---


def fetched(ground: Ground, **more: str) -> None:
    """Let the streets be a file that was fetched."""
    ground.more("streets", 'source = "openstreetmap"')
    content = ground.path("streets.osm").read_bytes()
    told = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": str(len(content)), "url": "https://example.org"}
    ground.write("streets.osm.toml", twin(**told, **more))


def test_a_file_that_was_changed_after_it_was_fetched_is_refused(ground):
    fetched(ground)
    assert harness.run(harness.BUILD, ground).code == 0
    before = harness.listing(ground.processed)
    ground.edit("streets.osm", "residential", "residentiel")  # as many bytes
    moved = os.stat(ground.path("streets.osm.toml")).st_mtime_ns + 10**9  # noqa: PTH116
    os.utime(ground.path("streets.osm"), ns=(moved, moved))
    outcome = harness.run(harness.BUILD, ground)
    assert outcome.code == 2
    assert "input 'streets': streets.osm is not what its twin says: it was changed after it was fetched" in outcome.err
    assert "or delete its twin if the change is meant" in outcome.err
    assert harness.listing(ground.processed) == before
    ground.path("streets.osm.toml").unlink()
    assert harness.run(harness.BUILD, ground).code == 0


def test_a_file_as_it_was_fits_whatever_its_time_and_one_of_another_size_never(ground):
    fetched(ground)
    path = ground.path("streets.osm")
    for day in (10**9, 2 * 10**18):
        os.utime(path, ns=(day, day))
        assert not changed(path)
    path.write_bytes(path.read_bytes() + b"\n")
    os.utime(path, ns=(10**9, 10**9))
    assert changed(path)


def test_what_a_person_put_there_may_be_put_anew(ground):
    fetched(ground)
    text = ground.path("streets.osm.toml").read_text()
    ground.write("streets.osm.toml", text.replace("https://example.org", "put there by hand"))
    ground.path("streets.osm").write_bytes(ground.path("streets.osm").read_bytes() + b"\n")
    assert not changed(ground.path("streets.osm"))


def test_a_file_of_other_councils_or_another_margin_is_not_listed_as_there(ground):
    listing = Case("list", lambda g: None, (), 0, ("data", "{toml}", "--raw", "{raw}", "--offline"))
    for more, why in (
        ({"codes": '["E06000017"]'}, "was asked for other councils (E06000017)"),
        ({"margin_km": "3"}, "reaches 3 km beyond the area, and not 5"),
    ):
        ground.toml.write_text(harness.council.assessment(NEEDED), "utf-8")
        fetched(ground, **more)
        outcome = harness.run(listing.argv, ground)
        line = next(x for x in outcome.out.splitlines() if " streets " in x)
        assert line.startswith("MISSING")
        assert line.endswith(f"; {why}")
        assert outcome.code == 3


# --- words ---


def test_a_word_of_types_that_no_row_has_is_told(ground):
    ground.toml.write_text(harness.council.assessment([*NEEDED, "rooms", "postcodes"]), "utf-8")
    assert not any("No row has" in note for note in data(ground).notes)
    ground.edit(
        "mudport.toml", '"Hall" = "community_centre"', '"Hall" = "community_centre", "Hal" = "community_centre"'
    )
    assert "Made-up rooms: No row has the word 'Hal' of 'types': is it spelt as in the file?" in data(ground).notes


def test_a_mark_of_the_byte_order_before_the_settings_does_not_matter(ground):
    ground.toml.write_bytes(b"\xef\xbb\xbf" + ground.toml.read_bytes().replace(b"\n", b"\r\n"))
    assert read(ground.toml).area.name == "Mudport"


def test_an_outline_of_which_one_corner_has_a_height_is_as_without(ground):
    flat = data(ground).zones

    def raised(held: list[dict]) -> None:
        held[0]["geometry"]["coordinates"][0][1] += [12.5]

    tables.features(ground, "zones.geojson", raised)
    assert data(ground).zones.geometry.geom_equals_exact(flat.geometry, 0.0).all()
    assert not data(ground).zones.has_z.any()
