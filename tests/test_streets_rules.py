"""Rules of the modes, by example: where each may go, how fast, what parts or delays it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.streets import modes
from needs.streets.paces import crossing_min, incline_pct, legal_kph, pace, width_m
from needs.streets.pieces import _blocks
from needs.streets.rules import ANY, FERRY, mark_tags, way_tags

NO = (0.0, 0.0)


def speeds(mode: str, **tags: str) -> tuple[float, float]:
    found = pace({k.replace("__", ":"): v for k, v in tags.items()}, modes()[mode])
    assert bool(found.refused) == (found.forward_kph == found.backward_kph == 0)
    return found.forward_kph, found.backward_kph


def why(mode: str, **tags: str) -> str:
    return pace(tags, modes()[mode]).refused


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (4.0, 4.0)),
        ({"highway": "residential", "oneway": "yes"}, (4.0, 4.0)),  # a pram walks both ways
        ({"highway": "steps"}, NO),
        ({"highway": "steps", "ramp__stroller": "yes"}, (1.6, 1.6)),
        ({"highway": "motorway"}, NO),
        ({"highway": "footway", "access": "private"}, NO),
        ({"highway": "service", "access": "private", "foot": "yes"}, (4.0, 4.0)),  # the special tag decides
        ({"highway": "trunk", "foot": "no"}, NO),
        ({"highway": "trunk", "motorroad": "yes"}, NO),
        ({"highway": "proposed"}, NO),
        ({"highway": "path", "surface": "grass"}, (3.0, 3.0)),
        ({"highway": "path", "surface": "grass;asphalt"}, (3.0, 3.0)),  # a list: any value counts
        ({"highway": "path", "surface": "grass", "smoothness": "bad"}, (2.8, 2.8)),  # the slowest, not the product
        ({"highway": "path", "surface": "mud"}, NO),
        ({"highway": "path", "smoothness": "impassable"}, NO),
        ({"highway": "path", "width": "0.5 m"}, NO),
        ({"highway": "path", "width": "60 cm"}, (4.0, 4.0)),  # <= everywhere
        ({"highway": "path", "stroller": "no"}, NO),
        ({"highway": "path", "incline": "30%"}, NO),
        ({"highway": "path", "incline": "up"}, (4.0, 4.0)),  # says nothing that can be counted
    ],
)
def test_walking_with_a_pram(tags, expected):
    assert speeds("walk", **tags) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "steps"}, (2.88, 2.88)),
        ({"highway": "path", "surface": "mud"}, (4.8, 4.8)),
        ({"highway": "footway", "width": "0.5"}, (4.8, 4.8)),
        ({"highway": "motorway_link"}, NO),
    ],
)
def test_an_adult_alone(tags, expected):
    assert speeds("foot", **tags) == pytest.approx(expected)


def test_slopes_follow_toblers_hiking_function():
    def tobler(slope: float) -> float:
        return 6.0 * math.exp(-3.5 * abs(slope + 0.05))

    up, down = speeds("foot", highway="footway", incline="10%")
    assert up == pytest.approx(4.8 * tobler(0.10) / tobler(0.0))
    assert down == pytest.approx(4.8 * tobler(-0.10) / tobler(0.0))
    assert speeds("foot", highway="footway", incline="-10 %") == pytest.approx((down, up))
    assert speeds("foot", highway="footway", incline="-5%")[0] == pytest.approx(4.8 * math.exp(3.5 * 0.05))
    assert speeds("cycle", highway="residential", incline="10%") == (14.0, 14.0)  # the mode does not ask for it


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "footway"}, (3.6, 3.6)),
        ({"highway": "footway", "wheelchair": "no"}, NO),
        ({"highway": "footway", "wheelchair": "limited"}, (3.6, 3.6)),
        ({"highway": "steps"}, NO),
        ({"highway": "footway", "incline": "8%"}, (3.6, 3.6)),
        ({"highway": "footway", "incline": "-9%"}, NO),
        ({"highway": "footway", "incline": "5°"}, NO),  # 8.7 %
        ({"highway": "footway", "width": "0.9"}, (3.6, 3.6)),
        ({"highway": "footway", "width": "0.8"}, NO),
        ({"highway": "footway", "surface": "gravel"}, NO),
        ({"highway": "footway", "surface": "gravel", "wheelchair": "yes"}, (3.6, 3.6)),
        ({"highway": "footway", "surface": "compacted"}, (2.88, 2.88)),
        ({"highway": "footway", "smoothness": "bad"}, NO),
        ({"highway": "footway", "access": "private", "wheelchair": "yes"}, NO),
    ],
)
def test_by_wheelchair(tags, expected):
    assert speeds("wheelchair", **tags) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "cycleway"}, (14.0, 14.0)),
        ({"highway": "motorway"}, NO),
        ({"highway": "footway"}, (4.0, 4.0)),  # pushed
        ({"highway": "footway", "bicycle": "yes"}, (14.0, 14.0)),
        ({"highway": "path", "bicycle": "no"}, NO),
        ({"highway": "cycleway", "bicycle": "dismount"}, (4.0, 4.0)),
        ({"highway": "residential", "oneway": "yes"}, (14.0, 0.0)),
        ({"highway": "residential", "oneway": "-1"}, (0.0, 14.0)),
        ({"highway": "residential", "oneway": "yes", "oneway__bicycle": "no"}, (14.0, 14.0)),
        ({"highway": "residential", "oneway": "no", "oneway__bicycle": "yes"}, (14.0, 0.0)),
        ({"highway": "residential", "oneway": "yes", "cycleway": "opposite_lane"}, (14.0, 14.0)),
        ({"highway": "residential", "oneway": "yes", "cycleway__left": "opposite_track"}, (14.0, 14.0)),
        ({"highway": "residential", "oneway": "yes", "cycleway": "lane"}, (14.0, 0.0)),
        ({"highway": "tertiary", "junction": "roundabout"}, (14.0, 0.0)),
        ({"highway": "trunk", "motorroad": "yes"}, NO),
        ({"highway": "track", "tracktype": "grade5", "surface": "grass"}, (8.4, 8.4)),
        ({"highway": "steps"}, NO),
    ],
)
def test_cycling(tags, expected):
    assert speeds("cycle", **tags) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "residential"}, (32.0, 32.0)),
        ({"highway": "residential", "maxspeed": "20 mph"}, (32.18688, 32.18688)),
        ({"highway": "primary", "maxspeed": "60 mph"}, (96.56064, 96.56064)),
        ({"highway": "unclassified", "maxspeed": "60 mph"}, (64.0, 64.0)),  # a lane: the ceiling holds
        ({"highway": "primary", "maxspeed__forward": "40 mph", "maxspeed__backward": "50"}, (64.37376, 50.0)),
        ({"highway": "primary", "maxspeed": "30 mph", "maxspeed__forward": "40 mph"}, (64.37376, 48.28032)),
        ({"highway": "primary", "oneway": "yes"}, (64.0, 0.0)),
        ({"highway": "primary", "oneway": "-1"}, (0.0, 64.0)),
        ({"highway": "primary", "oneway": "yes", "oneway__motor_vehicle": "no"}, (64.0, 64.0)),
        ({"highway": "primary", "oneway": "reversible"}, NO),
        ({"highway": "tertiary", "junction": "roundabout"}, (48.0, 0.0)),
        ({"highway": "tertiary", "junction": "circular", "oneway": "no"}, (48.0, 48.0)),
        ({"highway": "motorway"}, (105.0, 0.0)),
        ({"highway": "motorway", "oneway": "no"}, (105.0, 105.0)),
        ({"highway": "footway"}, NO),
        ({"highway": "residential", "motor_vehicle": "no"}, NO),
        ({"highway": "residential", "access": "no", "motor_vehicle": "yes"}, (32.0, 32.0)),
        ({"highway": "residential", "motor_vehicle": "yes", "motorcar": "no"}, NO),
        ({"highway": "service", "area": "yes"}, NO),
        ({"highway": "trunk", "motorroad": "yes"}, (80.0, 80.0)),
    ],
)
def test_driving(tags, expected):
    assert speeds("drive", **tags) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tags", "mph"),
    [
        ({"maxspeed": "30 mph"}, 30),
        ({"maxspeed": "30mph"}, 30),
        ({"maxspeed": "national"}, 60),
        ({"maxspeed": "National", "dual_carriageway": "yes"}, 70),
        ({"maxspeed": "national", "highway": "motorway"}, 70),
        ({"maxspeed": "GB:nsl_single"}, 60),
        ({"maxspeed:type": "GB_nsl:single"}, 60),
        ({"maxspeed:type": "GB:nsl_dual"}, 70),
        ({"maxspeed:type": "GB:nsl_restricted"}, 30),
        ({"maxspeed:type": "GB:zone20"}, 20),
        ({"source:maxspeed": "GB:national"}, 60),
        ({"maxspeed:type": "GB:motorway", "highway": "motorway"}, 70),
        ({"maxspeed": "40 mph", "maxspeed:type": "GB:nsl_dual"}, 40),  # the number first
        ({"maxspeed": "signals", "maxspeed:type": "GB:nsl_dual"}, 70),
        ({"maxspeed": "none"}, None),
        ({"maxspeed": ""}, None),
        ({"maxspeed": "0"}, None),
        ({"maxspeed": "30;40 mph"}, None),
        ({"maxspeed": "-30 mph"}, None),
        ({"maxspeed": "1e9"}, None),
        ({}, None),
    ],
)
def test_speed_limits(tags, mph):
    found = legal_kph({"highway": "primary", **tags}, modes()["drive"], "forward")
    assert found == (pytest.approx(mph * 1.609344) if mph else None)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"highway": "proposed"}, "class"),
        ({"highway": "residential", "access": "no"}, "access"),
        ({"highway": "steps"}, "highway"),
        ({"highway": "path", "surface": "sand"}, "surface"),
        ({"highway": "path", "width": "0.3"}, "width"),
        ({"route": "bus"}, "class"),
    ],
)
def test_what_refuses_is_named(tags, reason):
    assert why("walk", **tags) == reason


def test_ferries_and_tolls():
    rule = modes()["walk"]
    ferry = pace({"route": "ferry", "duration": "00:20", "toll": "yes"}, rule)
    assert (ferry.highway, ferry.ferry, ferry.toll, ferry.crossing_min) == ("ferry", True, True, 20.0)
    assert pace({"route": "ferry"}, rule).forward_kph == rule.ferry_kph
    assert pace({"route": "ferry"}, rule.model_copy(update={"ferries": False})).refused == "ferry"
    assert pace({"highway": "service", "toll": "yes"}, rule.model_copy(update={"tolls": False})).refused == "toll"
    assert pace({"route": "ferry", "foot": "no"}, rule).refused == "access"
    assert why("drive", route="ferry") == "route"
    assert why("drive", route="ferry", motor_vehicle="yes") == ""
    road = pace({"highway": "residential", "route": "ferry"}, rule)
    assert (road.highway, road.ferry) == ("residential", False)


@pytest.mark.parametrize(
    ("mode", "tags", "blocked"),
    [
        ("walk", {"barrier": "kissing_gate"}, True),
        ("walk", {"barrier": "stile", "wheelchair": "yes"}, False),
        ("walk", {"barrier": "gate"}, False),
        ("walk", {"barrier": "gate", "access": "private"}, True),
        ("walk", {"barrier": "gate", "access": "private", "foot": "yes"}, False),
        ("walk", {"access": "private"}, False),  # not a barrier
        ("walk", {"barrier": "bollard"}, False),
        ("walk", {"kerb": "raised"}, False),
        ("walk", {"highway": "crossing"}, False),
        ("foot", {"barrier": "stile"}, False),
        ("foot", {"barrier": "wall"}, True),
        ("foot", {"barrier": "fence", "foot": "yes"}, False),
        ("drive", {"barrier": "fence", "foot": "yes"}, True),
        ("drive", {"barrier": "gate", "access": "no;private"}, True),
        ("drive", {"barrier": "gate", "access": "yes;private"}, False),
        ("wheelchair", {"kerb": "raised"}, True),
        ("wheelchair", {"kerb": "lowered"}, False),
        ("wheelchair", {"barrier": "kerb"}, True),
        ("wheelchair", {"barrier": "kerb", "kerb": "flush"}, False),
        ("wheelchair", {"barrier": "gate", "wheelchair": "no"}, True),
        ("wheelchair", {"barrier": "cycle_barrier"}, True),
        ("cycle", {"barrier": "bollard"}, False),
        ("cycle", {"barrier": "kissing_gate"}, True),
        ("drive", {"barrier": "bollard"}, True),
        ("drive", {"barrier": "bollard", "motor_vehicle": "yes"}, False),
        ("drive", {"barrier": "gate"}, False),
        ("drive", {"barrier": "lift_gate", "motor_vehicle": "private"}, True),
    ],
)
def test_barriers(mode, tags, blocked):
    assert _blocks(tags, modes()[mode]) is blocked


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10%", 10), ("-0%", 0), (" -8.5 % ", -8.5), ("45°", 100), ("7", 7), ("up", None), ("90°", None), ("1:12", None)],
)
def test_inclines(text, expected):
    assert incline_pct(text) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "expected"), [("2", 2), ("2m", 2), ("90 cm", 0.9), ("6 ft", 1.8288), ("wide", None), ("-1", None)]
)
def test_widths(text, expected):
    assert width_m(text) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", 20),
        ("01:30", 90),
        ("00:01:30", 1.5),
        ("PT1H5M", 65),
        ("PT30S", 0.5),
        ("0", None),
        ("PT", None),
        ("x", None),
    ],
)
def test_durations(text, expected):
    assert crossing_min(text) == expected


def test_every_rule_holds_for_a_mode_and_can_be_read():
    for mode in modes().values():
        assert mode.kph or set(mode.typical_kph) == set(mode.highways)
        assert set(mode.ceiling_kph) <= mode.highways
        for rule in (*mode.refuse, *mode.slow, *mode.oneway_where, *mode.contraflow, *mode.block, *mode.delay):
            assert rule.modes <= set(modes())
            named = set(rule.when) | set(rule.unless)
            assert named <= (way_tags() | mark_tags())
        for rule in (*mode.refuse, *mode.slow, *mode.block):
            example = {k: "anything" if v == {ANY} else min(v) for k, v in rule.when.items()}
            assert rule.fits(example)
            for key, values in rule.unless.items():
                assert not rule.fits({**example, key: min(values)})
            assert not rule.fits({})
    for mode in modes().values():
        assert {*mode.access, *mode.oneways} <= way_tags()


def said(mode) -> set[str]:
    rules = (*mode.refuse, *mode.slow, *mode.oneway_where, *mode.contraflow, *mode.block)
    return {v for r in rules for values in (*r.when.values(), *r.unless.values()) for v in values}


VALUES = sorted(
    {v for m in modes().values() for v in {*said(m), *m.highways, *m.denied}} | {"yes", "-1", FERRY, "national"}
)


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(modes())),
    st.dictionaries(
        st.sampled_from(sorted(way_tags())),
        st.sampled_from(VALUES) | st.text(max_size=6) | st.from_regex(r"-?[0-9]{1,4}(\.[0-9])?( mph|%|°|m| cm)?"),
        max_size=8,
    ),
    st.sampled_from(VALUES),
)
def test_whatever_the_tags_say_a_pace_is_a_pace(name, tags, highway):
    mode = modes()[name]
    found = pace({"highway": highway, **tags}, mode)
    both = (found.forward_kph, found.backward_kph)
    assert all(math.isfinite(kph) and kph >= 0 for kph in both)
    assert bool(found.refused) == (max(both) == 0)
    assert mode.oneway or found.refused or min(both) > 0
    assert found.refused or found.ferry or found.highway in mode.highways
    assert found.crossing_min is None or (found.ferry and found.crossing_min > 0)
