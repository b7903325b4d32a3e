"""What an area's name leads to: a file, one of the catalogue, one's own, or a draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from needs import assessment, preparing
from needs.errors import SettingsError


@pytest.mark.parametrize("name", ["rutland", "Rutland", "RUTLAND", "E06000017", "e06000017", "Rutland County Council"])
def test_areas_are_found_by_name_slug_or_code(tmp_path, name):
    found = preparing.find(name, tmp_path)
    assert not isinstance(found, Path)
    assert (found.slug, found.codes) == ("rutland", ("E06000017",))


def test_an_unknown_area_says_what_was_perhaps_meant(tmp_path):
    with pytest.raises(SettingsError, match="Halton"):
        preparing.find("haltn", tmp_path)
    with pytest.raises(SettingsError, match="no such file"):
        preparing.find("haltn.toml", tmp_path)


def test_the_catalogue_s_own_assessment_is_taken_where_its_files_are(tmp_path):
    assert not isinstance(preparing.find("rutland", tmp_path), Path)
    (tmp_path / "rutland").mkdir()
    (tmp_path / "rutland/rutland_lsoa21.geojson").write_text("{}")
    assert preparing.find("E06000017", tmp_path) == assessment.known_areas()["rutland"]


def test_a_council_s_own_file_goes_before_the_catalogue_s(tmp_path):
    (tmp_path / "rutland").mkdir()
    (tmp_path / "rutland/rutland_lsoa21.geojson").write_text("{}")
    own = tmp_path / "areas/rutland/rutland.toml"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert preparing.find("Rutland", tmp_path) == own
