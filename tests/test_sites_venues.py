"""Venues read from OpenStreetMap by their tags: which count, where they are, and what real extracts hold."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs import sites
from needs.assessment import Input
from needs.errors import Faults
from needs.sources import files, venues

HALL = {"amenity": "community_centre", "name": "Hall"}


def venue(**tags: str) -> str | None:
    found = venues.venue_of({k.replace("__", ":"): v for k, v in tags.items()})
    return found.id if found else None


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"amenity": "community_centre"}, "community_centre"),
        ({"amenity": "community_centre", "community_centre": "village_hall"}, "village_hall"),
        ({"building": "village_hall"}, "village_hall"),
        ({"building": "village_hall", "amenity": "theatre"}, "village_hall"),
        ({"amenity": "community_centre", "community_centre": "parish_hall"}, "parish_hall"),
        ({"amenity": "townhall"}, "town_hall"),
        ({"amenity": "library;cafe"}, "library"),
        ({"amenity": "cafe; library"}, "library"),
        ({"amenity": "doctors"}, "doctors"),
        ({"amenity": "clinic"}, "clinic"),
        ({"amenity": "place_of_worship", "building": "church"}, "place_of_worship"),
        ({"leisure": "sports_centre"}, "sports_centre"),
        ({"leisure": "sports_centre", "sport": "swimming;squash"}, None),
        ({"leisure": "sports_centre", "sport": "golf"}, None),
        ({"amenity": "pub"}, None),
        ({"building": "church"}, None),
        ({"name": ""}, None),
        # Private, or no more; but a hall that was a chapel is a hall.
        ({"amenity": "library", "access": "private"}, None),
        ({"amenity": "library", "access": "yes"}, "library"),
        ({"amenity": "library", "disused": "yes"}, None),
        ({"amenity": "library", "disused": "no"}, "library"),
        ({"disused__amenity": "library"}, None),
        ({"building": "village_hall", "abandoned__amenity": "community_centre"}, None),
        ({"building": "village_hall", "demolished__building": "barn"}, "village_hall"),
        ({"amenity": "community_centre", "disused__amenity": "place_of_worship"}, "community_centre"),
        ({"amenity": "community_centre", "disused__railway": "rail"}, "community_centre"),
    ],
)
def test_tags_say_what_a_venue_is(tags, kind):
    assert venue(**{"name": "The Old Mill", **tags}) == kind
    assert venue(**{**tags, "name": " "}) is None


KEYS = st.dictionaries(
    st.sampled_from(
        ["amenity", "building", "leisure", "community_centre", "access", "disused", "sport", "disused:amenity"]
    ),
    st.sampled_from(["library", "village_hall", "sports_centre", "place_of_worship", "private", "yes", "golf", ""]),
)


@given(KEYS, st.sampled_from(["wheelchair", "note", "addr:street", "disused:railway"]))
def test_tags_that_no_rule_names_change_nothing(tags, other):
    named = {"name": "x", **tags}
    assert venues.venue_of(named) == venues.venue_of({**named, other: "library"})


def test_every_kind_of_the_catalogue_is_a_type_that_sites_have():
    assert {v.site_type for v in venues.venues()} <= set(sites.site_types())
    assert len({v.id for v in venues.venues()}) == len(venues.venues())


def write(path: Path, nodes, ways=(), relations=()) -> Path:
    """Write an extract: nodes (id, lon, lat, tags), ways (id, nodes, tags), relations (id, members, tags)."""

    def tagged(tags) -> str:
        return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())

    lines = ['<osm version="0.6">']
    lines += [f'<node id="{i}" version="1" lon="{x}" lat="{y}">{tagged(t)}</node>' for i, x, y, t in nodes]
    for i, refs, tags in ways:
        lines.append(
            f'<way id="{i}" version="1">' + "".join(f'<nd ref="{r}"/>' for r in refs) + tagged(tags) + "</way>"
        )
    for i, members, tags in relations:
        inside = "".join(f'<member type="way" ref="{r}" role="{role}"/>' for r, role in members)
        lines.append(f'<relation id="{i}" version="1">{inside}{tagged(tags)}</relation>')
    path.write_text("\n".join([*lines, "</osm>"]), "utf-8")
    return path


CORNERS = [(1, 0, 0), (2, 4, 0), (3, 4, 2), (4, 0, 2), (5, 1, 0.5), (6, 3, 0.5), (7, 3, 1.5), (8, 1, 1.5)]
RING = [(i, -0.73 + x / 1000, 52.67 + y / 1000, {}) for i, x, y in CORNERS]


def test_nodes_areas_and_multipolygons_have_their_place(tmp_path):
    node = (20, -0.72, 52.66, {**HALL, "name": " Node Hall ", "addr:postcode": "le15 6hw"})
    ways = [
        (30, [1, 2, 3, 4, 1], {**HALL, "name": "Way Hall"}),
        (31, [1, 2, 3], {**HALL, "name": "Open line"}),
        (32, [5, 6, 7, 8, 5], {}),
        (33, [1, 2, 99, 4, 1], {**HALL, "name": "Cut at the edge of the extract"}),
    ]
    ring = (40, [(30, "outer"), (32, "inner")], {"type": "multipolygon", "amenity": "library", "name": "Ring"})
    found = venues.read(write(tmp_path / "v.osm", [*RING, node], ways, [ring])).set_index("site_id")
    assert found["name"].to_dict() == {"osm-n20": "Node Hall", "osm-w30": "Way Hall", "osm-r40": "Ring"}
    assert found["venue"].to_dict() == {
        "osm-n20": "community_centre",
        "osm-w30": "community_centre",
        "osm-r40": "library",
    }
    for name in ("osm-w30", "osm-r40"):
        assert found.geometry[name].x == pytest.approx(-0.728)
        assert found.geometry[name].y == pytest.approx(52.671)


def osm_input(path: str, **more) -> Input:
    common = {
        "id": "osm",
        "table": "sites",
        "title": "OpenStreetMap",
        "publisher": "p",
        "licence": "ODbL-1.0",
        "date": "2022",
    }
    return Input.model_validate({**common, "path": path, **more})


def read(path: Path, **more):
    faults = Faults()
    return files.read_table(osm_input(path.name, **more), path, faults), [str(f) for f in faults.found]


def test_an_extract_is_an_input_of_sites_without_a_mapping(tmp_path):
    tags = [
        {**HALL, "addr:postcode": "le15 6hw", "community_centre": "village_hall"},
        {"amenity": "library", "name": "Library"},
        {"amenity": "place_of_worship", "name": "All Saints"},
    ]
    path = write(tmp_path / "v.osm", [(k, -0.7 - k / 100, 52.6, t) for k, t in enumerate(tags, 1)])
    table, faults = read(path)
    assert faults == []
    assert table["site_type"].to_list() == ["community_centre", "library", "place_of_worship"]
    assert table["row"].to_list() == ["venue 1", "venue 2", "venue 3"]
    assert table["postcode"].to_list()[0] == "LE15 6HW"
    some, _ = read(path, where={"venue": ["village_hall", "library"]})
    assert some["name"].to_list() == ["Hall", "Library"]
    mapped, _ = read(path, columns={"site_type": "venue"})  # for `types` to choose from
    assert mapped["site_type"].to_list() == ["village_hall", "library", "place_of_worship"]


@pytest.mark.parametrize("content", [b"", b"<html>no such extract</html>", b"\x00\x00\x00\x0d broken"])
@pytest.mark.parametrize("name", ["v.osm", "v.osm.pbf"])
def test_a_broken_extract_is_a_fault(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    _, faults = read(tmp_path / name)
    assert len(faults) == 1
    assert "cannot be read" in faults[0] or "has no rows" in faults[0]


@pytest.mark.data
def test_rutlands_extract_holds_the_venues_that_another_reader_found(real_data):
    """Against Geofabrik's layers of the same extract, by the number of the element."""
    found = venues.read(real_data / "rutland" / "rutland-2022-07-20.osm.pbf")
    found["osm_id"] = found["site_id"].str.extract(r"(\d+)", expand=False).astype(int)
    theirs = pd.read_csv(real_data / "rutland" / "rutland_osm_venues_2022.csv").dropna(subset="name")
    theirs["fclass"] = theirs["fclass"].where(~theirs["fclass"].str.startswith("christian"), "worship")
    same = {
        "community_centre": ["community_centre", "village_hall"],
        "town_hall": ["town_hall"],
        "library": ["library"],
        "doctors": ["doctors"],
        "clinic": ["clinic"],
        "sports_centre": ["sports_centre"],
        "worship": ["place_of_worship"],
    }
    ours = {c: dict(found.loc[found["venue"].isin(k), ["osm_id", "name"]].to_numpy().tolist()) for c, k in same.items()}
    listed = {c: dict(theirs.loc[theirs["fclass"] == c, ["osm_id", "name"]].to_numpy().tolist()) for c in same}
    more = {c: sorted(n for i, n in ours[c].items() if i not in listed[c]) for c in same}
    fewer = {c: sorted(n for i, n in listed[c].items() if i not in ours[c]) for c in same}
    assert {c: len(v) for c, v in ours.items()} == {
        "community_centre": 27,
        "town_hall": 2,
        "library": 4,
        "doctors": 3,
        "clinic": 2,
        "sports_centre": 4,
        "worship": 61,
    }
    assert {c: names for c, names in more.items() if names} == {"community_centre": ["Empingham Village Audit Hall"]}
    assert {c: names for c, names in fewer.items() if names} == {
        # The grounds of one sport are left out on purpose; an airsoft hall too.
        "sports_centre": [
            "Luffenham Heath Golf Club",
            "Market Overton Bowls Club",
            "The Gaol Events",
            "Uppingham Town Cricket CLub",
        ],
        # A private school's, a building that is not said to be a place of worship, and one that is not in the extract.
        "worship": ["Chapel", "Exton Park Chapel", "Ryhall Methodist Church"],
    }
    both = found.merge(theirs, on="osm_id")
    assert (both["name_x"] == both["name_y"].str.strip()).all()
    east = (both.geometry.x - both["lon"]).abs().max() * 67_500  # metres in a degree at 52.65 north
    north = (both.geometry.y - both["lat"]).abs().max() * 111_300
    assert max(east, north) < 20
