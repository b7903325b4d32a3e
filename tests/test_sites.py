"""One site per building, typed: by UPRN, postcode, name and distance, whatever the order, with nothing lost."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import box

from needs import sites
from needs.assessment import Input
from needs.errors import Faults
from needs.outputs import dictionary
from needs.sites.names import ALIKE, similarity, taken_apart
from needs.sites.rejects import reject_table
from tests.town import ORIGIN, places

ZONES = gpd.GeoDataFrame(geometry=[box(ORIGIN[0], ORIGIN[1], ORIGIN[0] + 9000, ORIGIN[1] + 9000)], crs="EPSG:27700")
COUNCIL = sites.Surroundings.of(ZONES, 5.0)


def an_input(name: str = "a", **more) -> Input:
    common = {
        "table": "sites",
        "path": f"{name}.csv",
        "title": f"List {name}",
        "publisher": "a test",
        "licence": "CC0-1.0",
    }
    return Input.model_validate({"id": name, "date": "2026", **common, **more})


def gather(tables, inputs=None, *, gazetteer=None, council=COUNCIL):
    """Gather tables by input id; say the faults as text."""
    faults = Faults()
    given_inputs = inputs or [an_input(name) for name in tables]
    full = {
        name: t if "row" in t else t.assign(row=[f"line {k + 2}" for k in range(len(t))]) for name, t in tables.items()
    }
    found = sites.gather(given_inputs, full, faults, council=council, gazetteer=gazetteer or sites.Gazetteer.of(None))
    return found, [str(f) for f in faults.found]


def listed(at, **more) -> gpd.GeoDataFrame:
    """Sites by name, at metres from the origin."""
    return places("name", at, **more)


def test_types_say_what_a_building_may_become():
    found, faults = gather(
        {
            "x": listed(
                {"Hub": (0, 0), "Centre": (500, 0), "Hall": (1000, 0), "Library": (1500, 0)},
                site_type=["family_hub", "childrens_centre", "community_centre", "library"],
            )
        }
    )
    assert faults == []
    by = found.sites.set_index("name")
    assert by["today"].to_dict() == {"Hub": "hub", "Centre": "outreach", "Hall": "none", "Library": "none"}
    assert by["may_hub"].to_dict() == {"Hub": True, "Centre": True, "Hall": False, "Library": True}
    assert by.loc["Hall", "site_id"] == "x-hall"
    assert by["ours"].all()
    assert not by["keep"].any()
    assert (by["sources"] == "x").all()


def test_one_site_per_building_and_existing_sites_of_one_list_stay():
    existing = listed({"Hub": (0, 0), "Old Centre": (30, 0)}, site_type=["family_hub", "childrens_centre"])
    candidates = listed(
        {"School": (40, 20), "Hall": (1000, 0), "Surgery": (1030, 0)},
        site_type=["primary_school", "community_centre", "gp_practice"],
    )
    found, _ = gather({"a": existing, "b": candidates})
    assert set(found.sites["name"]) == {"Hub", "Old Centre", "Hall"}
    assert found.sites.set_index("name").loc["Hall", "also"] == "Surgery"
    merged = found.rejected.set_index("name")
    assert merged["kept_as"].to_dict() == {"School": "a-old-centre", "Surgery": "b-hall"}  # the nearest of two
    assert merged.loc["Surgery", "reason"] == "taken for the same building as Hall: 30 m apart, which is within 60 m"
    assert "within 60 m 2" in found.notes[-1]


def test_the_same_names_get_different_and_stable_identifiers():
    at = {"one": (0, 0), "two": (5000, 0), "three": (9000, 0)}
    named = places("k", at, name="St Mary's", site_type="primary_school").drop(columns="k")
    ids = gather({"s": named})[0].sites
    again = gather({"s": named.iloc[::-1].reset_index(drop=True)})[0].sites
    assert ids["site_id"].tolist() == ["s-st-mary-s", "s-st-mary-s-2", "s-st-mary-s-3"]
    assert again.geometry.x.tolist() == ids.geometry.x.tolist()


def test_unknown_type_blank_type_and_repeated_identifier_are_told_at_once():
    odd = listed({"Pub": (0, 0)}, site_type="pub")
    blank = listed({"Hut": (0, 0), "Shed": (9, 0)}, site_type=["library", None])
    one = listed({"A": (0, 900)}, site_type="library", site_id="l1")
    two = listed({"B": (900, 0)}, site_type="library", site_id="l1")
    _, faults = gather({"odd": odd, "blank": blank, "one": one, "two": two})
    assert len(faults) == 3
    assert any("'pub' is unknown" in f for f in faults)
    assert any("blank.csv (input 'blank'), line 3: 'site_type' of table 'sites' is blank" in f for f in faults)
    assert any("'l1' stands in more than one input" in f for f in faults)


def test_the_words_of_a_file_become_our_types_and_others_are_counted():
    table = listed(
        {"A": (0, 0), "B": (500, 0), "C": (1000, 0), "D": (1500, 0), "E": (2000, 0)},
        site_type=["Primary", " Nursery ", "Secondary", "Secondary", None],
    )
    words = {"Primary": "primary_school", "Nursery": "nursery_school"}
    found, faults = gather({"s": table}, [an_input("s", types=words)])
    assert faults == []
    assert found.sites.set_index("name")["site_type"].to_dict() == {"A": "primary_school", "B": "nursery_school"}
    assert found.notes == ["List s: 3 rows of other kinds are left out: Secondary 2, (blank) 1."]
    _, faults = gather({"s": table}, [an_input("s", types={"Infant": "primary_school"})])
    assert len(faults) == 1
    assert "no row has a word of 'types'; they have Secondary 2, " in faults[0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"types": {"Primary": "primry_school"}}, "'primry_school' is no type of site"),
        (
            {"table": "demand", "vintage": "LSOA21", "national": True},
            "national is for table 'sites', not for table 'demand'",
        ),
        ({"table": "demand", "vintage": "LSOA21", "types": {"a": "library"}}, "types is for table 'sites'"),
    ],
)
def test_settings_that_are_for_sites_are_refused_elsewhere(more, words):
    with pytest.raises(ValidationError, match=words):
        an_input(**more)


NAMES = [
    ("Oakham Library", "library", "Oakham C of E Primary School", "primary_school", False),
    ("Ryhall Library", "library", "Ryhall Village Hall", "community_centre", False),
    ("Ryhall", "library", "Ryhall Village Hall", "community_centre", False),
    ("Windmill Hill Children's Centre", "childrens_centre", "Windmill Hill Family Hub", "family_hub", True),
    ("Brookvale Family Hub", "family_hub", "Brookvale Children’s Centre", "childrens_centre", True),
    ("Halton Brook Children's Centre", "childrens_centre", "Halton Lodge Family Hub", "family_hub", False),
    (
        "St. Mary's CofE School",
        "primary_school",
        "Saint Marys Church of England Primary, Runcorn",
        "primary_school",
        True,
    ),
    ("St Mary's RC Primary School", "primary_school", "St Mary's CE Primary School", "primary_school", False),
    ("St Mary's Primary School", "primary_school", "St John's Primary School", "primary_school", False),
    ("Greenfield Infant School", "primary_school", "Greenfield Junior School", "primary_school", True),
    ("OAKHAM MEDICAL PRACTICE", "gp_practice", "Oakham Medical Centre", "gp_practice", True),
    ("Windmil Hill Primary", "primary_school", "Windmill Hill Primary School", "primary_school", True),
    ("Oakham Methodist Church", "place_of_worship", "Oakham Baptist Church", "place_of_worship", False),
    ("Church of St Peter & St Paul", "place_of_worship", "St. Peter and St. Paul's Church", "place_of_worship", True),
    ("St Peter", "place_of_worship", "St Peter & St Paul", "place_of_worship", False),
    ("Café Père Hall", "community_centre", "CAFE PERE VILLAGE HALL", "community_centre", True),
    ("Village Hall", "community_centre", "Ryhall Village Hall", "community_centre", False),
    ("Ryhall", "network_site", "Ryhall Library", "library", False),  # a network site may be in any building
    ("The Orchard", "network_site", "Orchard Centre", "network_site", True),
    ("!!!", "library", "???", "library", False),
]


@pytest.mark.parametrize(("a", "a_type", "b", "b_type", "alike"), NAMES, ids=[f"{n[0]} - {n[2]}" for n in NAMES])
def test_names_are_alike_by_what_is_their_own(a, a_type, b, b_type, alike):
    score = similarity(taken_apart(a, a_type), taken_apart(b, b_type))
    assert (score >= ALIKE) is alike


def test_similarity_is_dice_of_the_weighted_words():
    # oakham 1 and what kind of place it is 0.2, against oakham 1, kind 0.2 and road 1: 2 x 1.2 / (1.2 + 2.2)
    score = similarity(taken_apart("Oakham Surgery", "gp_practice"), taken_apart("Oakham Road Surgery", "gp_practice"))
    assert score == pytest.approx(2.4 / 3.4)


WORDS = st.lists(
    st.sampled_from(
        ["Oakham", "Ketton", "St", "Mary's", "C of E", "RC", "Library", "Primary", "School", "Hall", ",", "&", "Oakhan"]
    ),
    max_size=6,
).map(" ".join)
TYPES = st.sampled_from(["library", "primary_school", "community_centre", "family_hub", "network_site"])


@given(WORDS, TYPES, WORDS, TYPES)
def test_similarity_is_a_symmetric_share(a, a_type, b, b_type):
    first, second = taken_apart(a, a_type), taken_apart(b, b_type)
    score = similarity(first, second)
    assert 0 <= score <= 1 + 1e-12
    assert score == similarity(second, first)
    if first.weights and len({"ce", "rc"} & set(first.weights)) < 2:
        assert similarity(first, first) == pytest.approx(1)


def pair(first: dict, second: dict, metres: float, *, inputs=("a", "b")):
    """Gather two sites so far apart, of two lists or of one."""
    one, two = (
        gpd.GeoDataFrame(
            [{"name": "?", "site_type": "library", **row}],
            geometry=listed({"": (at, 0)}).geometry.to_list(),
            crs="EPSG:27700",
        )
        for row, at in ((first, 0.0), (second, metres))
    )
    if inputs[0] == inputs[1]:
        return gather({inputs[0]: pd.concat([one, two], ignore_index=True)})[0]
    return gather({inputs[0]: one, inputs[1]: two})[0]


OAKHAM, SCHOOL = {"name": "Oakham Library"}, {"name": "Oakham C of E Primary School", "site_type": "primary_school"}


@pytest.mark.parametrize(
    ("first", "second", "metres", "words"),
    [
        (OAKHAM, SCHOOL, 60, "60 m apart, which is within 60 m"),
        (OAKHAM, SCHOOL, 61, None),
        (OAKHAM, {"name": "Oakham Public Library"}, 250, "names alike (0.92 of 1), 250 m apart, which is within 250 m"),
        (OAKHAM, {"name": "Oakham Public Library"}, 251, None),
        (OAKHAM | {"uprn": "7"}, SCHOOL | {"uprn": "7"}, 1999, "same UPRN 7, 1999 m apart"),
        (OAKHAM | {"uprn": "7"}, SCHOOL | {"uprn": "7"}, 2001, None),
        (OAKHAM | {"uprn": "7"}, SCHOOL | {"uprn": "8"}, 61, None),
        (
            OAKHAM | {"postcode": "LE15 6HW"},
            OAKHAM | {"postcode": "LE15 6HW"},
            700,
            "same postcode LE15 6HW, names alike (1.00 of 1), 700 m apart",
        ),
        (OAKHAM | {"postcode": "LE15 6HW"}, SCHOOL | {"postcode": "LE15 6HW"}, 61, None),
        (OAKHAM | {"postcode": ""}, OAKHAM | {"postcode": ""}, 700, None),
    ],
)
def test_each_rule_holds_up_to_its_distance(first, second, metres, words):
    found = pair(first, second, metres)
    assert len(found.sites) == (2 if words is None else 1)
    assert found.rejected["reason"].str.removeprefix("taken for the same building as Oakham Library: ").to_list() == (
        [words] if words else []
    )


def test_one_uprn_in_two_places_is_told():
    found = pair(OAKHAM | {"uprn": "7"}, SCHOOL | {"uprn": "7"}, 5300)
    assert found.notes == ["UPRNs that stand for places too far apart to be one building: 7 (5.3 km)."]


def test_a_hub_in_another_list_is_the_same_hub_and_two_of_one_list_are_two():
    hub = {"name": "Brookvale Family Hub", "site_type": "family_hub"}
    centre = {"name": "Brookvale Children's Centre", "site_type": "childrens_centre"}
    merged = pair(hub, centre, 20)
    assert merged.sites[["name", "today", "site_type", "sources", "also"]].to_numpy().tolist() == [
        ["Brookvale Family Hub", "hub", "family_hub", "a; b", "Brookvale Children's Centre"]
    ]
    assert len(pair(hub, centre, 20, inputs=("a", "a")).sites) == 2
    assert len(pair(hub, centre | {"name": "Visions"}, 20).sites) == 2  # another name: perhaps two services


def test_a_building_has_the_best_of_its_lists():
    centre = {"name": "Ditton Centre", "site_type": "community_centre", "today": "outreach", "keep": False}
    library = {
        "name": "Ditton Library",
        "site_type": "library",
        "today": "hub",
        "keep": True,
        "uprn": "12",
        "postcode": "WA8 8HR",
    }
    found = pair(centre | {"hub_yearly_gbp": 5.0}, library | {"hub_yearly_gbp": 7.0}, 10, inputs=("a", "b"))
    assert len(found.sites) == 2  # both exist, under names that are not alike
    found = pair(centre | {"hub_yearly_gbp": 5.0}, library | {"today": "none", "hub_yearly_gbp": 7.0}, 10)
    assert found.sites.drop(columns="geometry").to_dict("records") == [
        {
            "site_id": "a-ditton-centre",
            "name": "Ditton Centre",
            "site_type": "library",
            "site_type_label": "Library",
            "today": "outreach",
            "keep": True,
            "ours": True,
            "may_hub": True,
            "may_outreach": True,
            "source": "a",
            "postcode": "WA8 8HR",
            "uprn": "12",
            "hub_yearly_gbp": 5.0,
            "also": "Ditton Library",
            "sources": "a; b",
        }
    ]


def test_a_neighbours_idle_building_is_dropped_for_our_hub_and_its_hub_stays_beside_ours():
    hub = {"name": "Our Hub", "site_type": "family_hub"}
    assert pair(hub, {"name": "Their Library", "ours": False}, 10).sites["name"].to_list() == ["Our Hub"]
    theirs = {"name": "Their Hub", "site_type": "family_hub", "ours": False}
    assert pair(hub, theirs, 10).sites.set_index("name")["ours"].to_dict() == {"Our Hub": True, "Their Hub": False}


ROWS = st.fixed_dictionaries(
    {
        "list": st.sampled_from("abc"),
        "name": st.sampled_from(
            [
                "Oakham Library",
                "Oakham Family Hub",
                "Oakham Children's Centre",
                "Ryhall Hall",
                "Ryhall",
                "Oakham School",
            ]
        ),
        "site_type": st.sampled_from(
            ["library", "family_hub", "childrens_centre", "community_centre", "primary_school"]
        ),
        "x": st.sampled_from([0, 40, 59, 61, 130, 240, 255, 500, 1900, 2300]),
        "uprn": st.sampled_from([None, None, "1", "2"]),
        "postcode": st.sampled_from([None, "LE15 6HW", "LE15 6HX"]),
        "ours": st.booleans(),
    }
)


def of_rows(rows) -> dict[str, gpd.GeoDataFrame]:
    tables = {}
    for k, row in enumerate(rows):
        tables.setdefault(row["list"], []).append({**row, "row": f"line {k}", "site_id": f"s{k:02d}"})
    made = {}
    for name, some in tables.items():
        frame = pd.DataFrame(some).drop(columns=["list", "x"])
        points = gpd.points_from_xy([ORIGIN[0] + r["x"] for r in some], [ORIGIN[1]] * len(some))
        made[name] = gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:27700")
    return made


def one_by_one(rows) -> dict[str, str]:
    """Say which site each is kept as: every site against every kept one, by the rules as they are told."""
    types = list(sites.site_types())
    entries = [
        {**row, "id": f"s{k:02d}", "exists": sites.site_types()[row["site_type"]].today != "none"}
        for k, row in enumerate(rows)
    ]
    entries.sort(key=lambda e: (not e["exists"], e["ours"], types.index(e["site_type"]), e["id"]))
    kept, heads, lists = [], {}, set()
    for e in entries:
        options = []
        for place, head in enumerate(kept):
            metres = abs(e["x"] - head["x"])
            alike = similarity(*(taken_apart(s["name"], s["site_type"]) for s in (e, head))) >= ALIKE
            both = e["exists"] and head["exists"]
            holds = (
                e["uprn"] is not None and e["uprn"] == head["uprn"] and metres <= 2000,
                e["postcode"] is not None and e["postcode"] == head["postcode"] and metres <= 2000 and alike,
                metres <= 60 and not both,
                metres <= 250 and alike,
            )
            if any(holds) and not (both and (head["id"], e["list"]) in lists):
                options.append((holds.index(True), metres, place, head["id"]))
        heads[e["id"]] = min(options)[3] if options else e["id"]
        if not options:
            kept.append(e)
        if e["exists"]:
            lists.add((heads[e["id"]], e["list"]))
    return heads


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_buildings_are_those_of_the_rules_whatever_the_order_and_nothing_is_lost(rows, chance):
    tables = of_rows(rows)
    found, faults = gather(tables)
    assert faults == []
    heads = one_by_one(rows)
    assert set(found.sites["site_id"]) == set(heads.values())
    merged = dict(zip(found.rejected["row"].str.replace("line ", "s0"), found.rejected["kept_as"], strict=True))
    assert merged == {s: head for s, head in heads.items() if s != head}
    assert (found.sites["today"] == "hub").any() == any(r["site_type"] == "family_hub" for r in rows)
    for name, table in tables.items():  # no existing site of a list is dropped for another of the same list
        existing = [
            s
            for s, t in zip(table["site_id"], table["site_type"], strict=True)
            if sites.site_types()[t].today != "none"
        ]
        assert len({heads[s] for s in existing}) == len(existing), name
    shuffled = {name: table.sample(frac=1, random_state=chance.randrange(99)) for name, table in tables.items()}
    names = chance.sample(sorted(shuffled), len(shuffled))
    again, _ = gather({n: shuffled[n].reset_index(drop=True) for n in names})
    pd.testing.assert_frame_equal(pd.DataFrame(again.sites), pd.DataFrame(found.sites))


def test_a_crowd_at_one_place_is_one_building():
    crowd = listed({f"Room {k}": (0, 0) for k in range(500)}, site_type="community_centre", postcode="LE15 6HW")
    found, _ = gather({"a": crowd})
    assert found.sites["name"].to_list() == ["Room 0"]
    assert len(found.rejected) == 499


def test_every_type_of_the_catalogue_is_known_by_its_kind():
    for name in sites.site_types():
        kinds = taken_apart("", name).kinds
        assert (not kinds) is (name == "network_site")


def test_every_column_of_rejected_sites_is_described():
    assert all(dictionary.describe("rejected_sites.csv", c) for c in reject_table([]).columns)
