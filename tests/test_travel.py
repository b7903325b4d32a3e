"""Travel times: towns computed by hand, doors, summaries by zone, buses, broken networks found."""

from __future__ import annotations

import math
from datetime import date

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
import shapely.affinity
from hypothesis import given
from hypothesis import strategies as st

from needs import routing, sanity, streets, transit, travel
from needs.errors import Faults, InputError
from needs.settings import CRS, CRS_WEB
from needs.streets import REASONS
from tests.town import places, write_osm
from tests.zips import zipped

# A cross: 1,980 m of street from west to east, a oneway spur of 990 m going north from its middle and no way back
# for cars but round by a lane of 1,980 m. Where three streets meet, cars lose a second.
CROSS = {1: (0, 0), 2: (990, 0), 3: (1980, 0), 4: (990, 990), 5: (1980, 990)}
CROSS_WAYS = [
    ([1, 2, 3], {"highway": "residential", "maxspeed": "20 mph"}),
    ([2, 4], {"highway": "residential", "maxspeed": "20 mph", "oneway": "yes"}),
    ([4, 5, 3], {"highway": "residential", "maxspeed": "20 mph"}),
]
KPH_20 = 20 * 1.609344
JUNCTION_MIN = 1 / 60


@pytest.fixture
def cross(tmp_path):
    ways = streets.read_ways(write_osm(tmp_path / "cross.osm", CROSS, CROSS_WAYS))
    return {mode: streets.build(ways, mode) for mode in ("walk", "drive")}


def test_minutes_of_a_town_computed_by_hand(cross):
    homes = places("point_id", {"west": (0, 0), "north": (990, 990)})
    sites = places("site_id", {"north_hall": (990, 990), "west_hall": (0, 0)}, ours=True)
    walk = travel.minutes(homes, sites, cross["walk"])
    drive = travel.minutes(homes, sites, cross["drive"])
    # west to north: 990 + 990 m on foot at 4 km/h; the same by car at 20 mph
    assert walk.loc["west", "north_hall"] == pytest.approx(1980 / 4000 * 60, rel=1e-3)
    by_car = 1980 / 1000 / KPH_20 * 60 + JUNCTION_MIN
    assert drive.loc["west", "north_hall"] == pytest.approx(by_car, rel=1e-3)
    # north to west: on foot the way one came; by car against the oneway only round: 990 + 990 + 1,980 m
    assert walk.loc["north", "west_hall"] == pytest.approx(1980 / 4000 * 60, rel=1e-3)
    round_about = 3960 / 1000 / KPH_20 * 60 + JUNCTION_MIN
    assert drive.loc["north", "west_hall"] == pytest.approx(round_about, rel=1e-3)
    assert walk.loc["north", "north_hall"] == pytest.approx(0, abs=0.01)
    back = travel.minutes_back(homes, sites, cross["drive"])
    assert back.loc["west", "north_hall"] == pytest.approx(round_about, rel=1e-3)
    assert back.loc["north", "west_hall"] == pytest.approx(by_car, rel=1e-3)
    between = travel.site_minutes(sites, cross["drive"])
    assert between.loc["north_hall", "west_hall"] == pytest.approx(round_about, rel=1e-3)
    assert between.index.name == "site_id"


def test_the_way_to_the_street_is_counted_and_capped(cross):
    homes = places("point_id", {"near": (0, -120), "far": (0, -520)})
    sites = places("site_id", {"s": (0, 0)}, ours=True)
    walk = travel.minutes(homes, sites, cross["walk"])
    assert walk.loc["near", "s"] == pytest.approx(120 / 4000 * 60, abs=0.01)
    assert math.isnan(walk.loc["far", "s"])  # further than the 500 m that the mode allows


def test_doors_on_one_street_need_no_junction(cross):
    """Half way along a street to three quarters along it: not by way of its ends."""
    homes = places("point_id", {"a": (400, 30), "b": (990, 300)})
    sites = places("site_id", {"c": (600, -30), "d": (990, 500)}, ours=True)
    walk = travel.minutes(homes, sites, cross["walk"])
    assert walk.loc["a", "c"] == pytest.approx((30 + 200 + 30) / 4000 * 60, rel=1e-3)
    assert walk.loc["b", "d"] == pytest.approx(200 / 4000 * 60, rel=1e-3)
    drive = travel.minutes(homes, sites, cross["drive"])
    assert drive.loc["b", "d"] == pytest.approx(200 / 1000 / KPH_20 * 60, rel=1e-3)  # along the oneway
    back = travel.minutes_back(homes, sites, cross["drive"])
    round_about = (490 + 1980 + 990 + 300) / 1000 / KPH_20 * 60 + JUNCTION_MIN  # against it, only round
    assert back.loc["b", "d"] == pytest.approx(round_about, rel=1e-3)


def test_pairs_within_a_limit_are_those_of_the_matrix(cross):
    rng = np.random.default_rng(4)
    homes = places("point_id", {f"h{k}": tuple(xy) for k, xy in enumerate(rng.uniform(0, 1980, (40, 2)))})
    sites = places("site_id", {f"s{k}": tuple(xy) for k, xy in enumerate(rng.uniform(0, 1980, (7, 2)))})
    a, b = (travel.snap_places(p, cross["walk"]) for p in (homes, sites))
    whole = travel.door_to_door_ms(a, b, limit_ms=900_000)
    i, j, ms = travel.within_ms(a, b, limit_ms=900_000)
    listed = np.full(whole.shape, routing.UNREACHED)
    listed[i, j] = ms
    assert np.array_equal(listed, whole)
    assert (whole != routing.UNREACHED).sum() == len(ms) > 20


def test_beyond_the_limit_is_nan_and_the_limit_itself_is_not(tmp_path):
    nodes = {1: (0, 0), 2: (3990, 0), 3: (4010, 0)}
    path = write_osm(tmp_path / "a.osm", nodes, [([1, 2, 3], {"highway": "residential"})])
    graph = streets.build(streets.read_ways(path), "walk")
    homes = places("point_id", {"in": (3990, 0), "out": (4010, 0), "door": (3950, 60)})
    walk = travel.minutes(homes, places("site_id", {"s": (0, 0)}, ours=True), graph)
    assert math.isnan(walk.loc["door", "s"])  # 59.25 minutes along the street, but 0.9 more from the door
    assert walk.loc["in", "s"] == pytest.approx(59.85, abs=0.05)
    assert math.isnan(walk.loc["out", "s"])


def by_hand_quantile(values: list[float], weights: list[float], q: float) -> float:
    ranked = sorted(zip(values, weights, strict=True), key=lambda p: (math.isnan(p[0]), p[0]))
    total, running = sum(weights), 0.0
    for value, weight in ranked:
        running += weight
        if running >= q * total - 1e-12:
            return value
    return ranked[-1][0]


@given(
    st.lists(st.tuples(st.floats(0, 100) | st.just(math.nan), st.floats(0.01, 10)), min_size=1, max_size=12),
    st.sampled_from([0.1, 0.5, 0.9]),
)
def test_weighted_quantile(pairs, q):
    values, weights = [p[0] for p in pairs], [p[1] for p in pairs]
    found = travel.weighted_quantile(np.array(values)[:, None], np.array(weights), q)[0]
    expected = by_hand_quantile(values, weights, q)
    assert found == pytest.approx(expected, nan_ok=True)


def test_zone_minutes_are_the_middle_familys():
    minutes = pd.DataFrame({"s": [5.0, 20.0, np.nan], "t": [np.nan, np.nan, 3.0]}, index=["a", "b", "c"])
    minutes.columns.name = "site_id"
    points = pd.DataFrame({"point_id": ["c", "a", "b"], "lsoa21cd": "E01000001", "share": [0.2, 0.3, 0.5]})
    table = travel.by_zone(minutes, points, mode="walk").set_index("site_id")
    assert table.loc["s", "minutes"] == 20.0  # 0.3 at 5 minutes, 0.8 within 20
    assert math.isnan(table.loc["s", "p90_min"])  # one family in five is out of reach
    assert table.loc["s", "within_limit_pct"] == pytest.approx(80.0)
    assert math.isnan(table.loc["t", "minutes"])
    assert table.loc["t", "within_limit_pct"] == pytest.approx(20.0)


def test_a_site_off_the_streets_is_a_fault_and_a_neighbours_a_note(cross):
    homes = places("point_id", {"west": (0, 0)})
    at = {"mine": (0, 9000), "theirs": (0, -9000), "good": (10, 0)}
    sites = places("site_id", at, name=["My Hall", "Their Hub", "Good"], source="test", ours=[True, False, True])
    faults = Faults()
    kept, report, notes = travel.check_reach(homes, sites, cross, faults)
    assert kept["site_id"].tolist() == ["good"]
    assert [f.where for f in faults.found] == ["test (1 of 3 sites), site 'My Hall'"]
    assert "8.1 km" in faults.found[0].what
    assert len(notes) == 1
    assert "Their Hub" in notes[0]
    assert report.loc[report["places"] == "points", "off_network"].tolist() == [0, 0]


@pytest.mark.data
def test_runcorn_reaches_widnes_over_a_bridge_only(real_data):
    """Runcorn library to Widnes library: 2.2 km as the crow flies over the Mersey, further by its bridges."""
    file = real_data / "halton" / "halton-proxy.osm.pbf"
    ways = streets.read_ways(file)
    homes = places("point_id", {"runcorn": (351_275 - 450_000, 383_071 - 300_000)})
    sites = places("site_id", {"widnes": (351_296 - 450_000, 385_280 - 300_000)}, ours=True)
    on_bridge = np.array([w.tags.get("bridge") == "yes" for w in osmium.FileProcessor(file) if w.is_way()])
    assert on_bridge.sum() == 2
    for mode, kph in (("walk", 4.0), ("drive", 80.0)):
        minutes = travel.minutes(homes, sites, streets.build(ways, mode)).loc["runcorn", "widnes"]
        assert minutes > 2.2 / kph * 60
        cut = streets.build(ways.taking(~on_bridge), mode)
        assert math.isnan(travel.minutes(homes, sites, cut).loc["runcorn", "widnes"])


def test_places_on_streets_that_are_cut_off_are_told_so(tmp_path):
    nodes = {1: (0, 0), 2: (2000, 0), 3: (0, 400), 4: (300, 400)}
    ways = [([1, 2], {"highway": "residential"}), ([3, 4], {"highway": "residential"})]
    graphs = {"walk": streets.build(streets.read_ways(write_osm(tmp_path / "a.osm", nodes, ways)), "walk")}
    homes = places("point_id", {"here": (500, 0), "there": (100, 400)})
    sites = places("site_id", {"s": (200, 410)}, name=["Far Bank Hall"], source="halls", ours=[True])
    faults = Faults()
    _, report, notes = travel.check_reach(homes, sites, graphs, faults)
    (fault,) = faults.found
    assert fault.where == "halls (1 of 1 sites), site 'Far Bank Hall'"
    assert fault.what.startswith("stands on streets that are cut off from all others, 0.4 km from")
    told = "stand on streets that are cut off from all others, and count as out of reach: there"
    assert notes == [f"1 places where families live {told}"]
    assert report["on_islands"].tolist() == [1, 1]


# ---------------------------------------------------------------- buses

SCHOOL_DAY = date(2026, 5, 12)  # a Tuesday


def long_road(folder, km=8):
    """A straight road of so many kilometres with a stop at each end, and a bus between them every 20 minutes."""
    nodes = {k + 1: (100 * k, 0) for k in range(10 * km + 1)}
    file = write_osm(folder / "road.osm", nodes, [(list(nodes), {"highway": "residential"})])
    stops = gpd.GeoSeries.from_xy([450_000, 450_000 + 1000 * km], [300_000, 300_000], crs=CRS).to_crs(CRS_WEB)
    calls, trips = [], []
    for start in range(7 * 60, 20 * 60, 20):
        trips.append(f"t{start},week\n")
        for name, minute, number in (("A", start, 1), ("B", start + 12, 2)):
            clock = f"{minute // 60:02d}:{minute % 60:02d}:00"
            calls.append(f"t{start},{clock},{clock},{name},{number}\n")
    texts = {
        "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n"
        + "".join(f"{n},{n},{p.y:.8f},{p.x:.8f}\n" for n, p in zip("AB", stops, strict=True)),
        "trips.txt": "trip_id,service_id\n" + "".join(trips),
        "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n" + "".join(calls),
        "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "week,1,1,1,1,1,0,0,20260501,20260515\n",
    }
    (folder / "feed.zip").write_bytes(zipped(texts))
    return streets.build(streets.read_ways(file), "walk"), transit.read_feed(folder / "feed.zip")


def test_buses_by_hand(tmp_path):
    """From 200 m before the road's end to 200 m short of its other end: walk 3, wait, ride 12, walk 3 minutes."""
    graph, feed = long_road(tmp_path)
    homes = places("point_id", {"h": (200, 0), "far": (4000, 0)}, lsoa21cd="E01000001", share=[0.7, 0.3])
    sites = places("site_id", {"s": (7800, 0), "near": (1000, 0)}, name="S", ours=True)
    found, notes = travel.by_bus(homes, sites, graph, feed, school_day=SCHOOL_DAY)
    assert list(found) == ["weekday_morning", "school_run"]
    assert len(notes) == 1
    assert notes[0].startswith("No times for a Saturday morning")
    assert "2026-05-16" in notes[0]
    assert "2026-05-15" in notes[0]
    morning = found["weekday_morning"]
    # leaving at each of 121 minutes: walks of 180 and a bit, rounded up to 181 seconds, and what is left of the 20
    # minutes between buses
    leaves = [60 * m for m in range(9 * 60 + 30, 11 * 60 + 31)]
    spread = sorted((-(-(t + 181) // 1200) * 1200 + 12 * 60 + 181 - t) / 60 for t in leaves)
    assert morning.minutes.loc["h", "s"] == pytest.approx(spread[60])
    assert morning.minutes.loc["h", "near"] == pytest.approx(12.0, abs=0.05)  # 800 m on foot
    assert morning.minutes.loc["far", "s"] == pytest.approx(57.0, abs=0.05)  # far from either stop: all on foot
    row = morning.zones.set_index("site_id").loc["s"]
    assert row["minutes"] == pytest.approx(spread[60])
    assert row["quick_min"] == pytest.approx(spread[12])
    assert row["slow_min"] == pytest.approx(spread[108])
    assert row["changes"] == 0
    assert row["services"] == 6
    assert row["on_foot_pct"] == 0
    assert morning.zones["window"].unique().tolist() == ["weekday_morning"]


def test_a_saturday_without_buses_is_told_and_gives_no_times(tmp_path):
    graph, feed = long_road(tmp_path)
    longer = type(feed)(**{**vars(feed), "calendar": feed.calendar.assign(end_date="20260531")})
    homes = places("point_id", {"h": (200, 0)}, lsoa21cd="E01000001", share=1.0)
    sites = places("site_id", {"s": (7800, 0)}, ours=True)
    found, (note,) = travel.by_bus(homes, sites, graph, longer, school_day=SCHOOL_DAY)
    assert list(found) == ["weekday_morning", "school_run"]
    assert "has no bus on 2026-05-16: the nearest days with buses are 2026-05-15 and 2026-05-14" in note


def test_a_timetable_of_another_time_is_refused(tmp_path):
    graph, feed = long_road(tmp_path)
    homes = places("point_id", {"h": (200, 0)}, lsoa21cd="E01000001", share=1.0)
    with pytest.raises(InputError, match="2026-05-01 to 2026-05-15"):
        travel.by_bus(homes, homes.rename(columns={"point_id": "site_id"}), graph, feed, school_day=date(2027, 1, 5))


def test_stops_far_from_any_street_are_told(tmp_path):
    graph, feed = long_road(tmp_path)
    moved = feed.stops.assign(
        geometry=[shapely.affinity.translate(p, 0, y) for p, y in zip(feed.stops.geometry, (0, 2_000), strict=True)]
    )
    feed = type(feed)(**{**vars(feed), "stops": moved})
    homes = places("point_id", {"h": (200, 0)}, lsoa21cd="E01000001", share=1.0)
    sites = places("site_id", {"s": (7800, 0)}, ours=True)
    found, notes = travel.by_bus(homes, sites, graph, feed, school_day=SCHOOL_DAY)
    assert notes[0] == "feed.zip: 1 of 2 stops are far from any street and are not used."
    assert found["weekday_morning"].minutes.isna().all(axis=None)


def test_all_columns_are_of_the_middle_family(tmp_path):
    """Three families at 200, 600 and 1,300 m: the middle one walks 9 minutes to the stop; its row is its own."""
    graph, feed = long_road(tmp_path)
    at = {"a": (200, 0), "b": (600, 0), "c": (1300, 0)}
    homes = places("point_id", at, lsoa21cd="E01000001", share=[0.4, 0.35, 0.25])
    sites = places("site_id", {"s": (7800, 0)}, ours=True)
    found, _ = travel.by_bus(homes, sites, graph, feed, school_day=SCHOOL_DAY)
    whole = found["weekday_morning"].zones.iloc[0]
    alone, _ = travel.by_bus(homes.iloc[[1]].assign(share=1.0), sites, graph, feed, school_day=SCHOOL_DAY)
    assert whole.to_dict() == alone["weekday_morning"].zones.iloc[0].to_dict()


def test_ferries_and_tolls_are_told(tmp_path):
    nodes = {1: (0, 0), 2: (500, 0), 3: (1500, 0), 4: (2000, 0), 5: (2500, 0)}
    ways = [([1, 2], {"highway": "residential"}), ([2, 3], {"route": "ferry", "motorcar": "yes", "foot": "yes"})]
    ways += [([3, 4], {"highway": "primary", "toll": "yes"}), ([4, 5], {"highway": "residential"})]
    read = streets.read_ways(write_osm(tmp_path / "f.osm", nodes, ways))
    assert travel.crossings({"drive": streets.build(read, "drive")}) == [
        "Driving: 1 streets (1.0 km) are by ferry, sailing at any moment without a wait.",
        "Driving: 1 streets (0.5 km) are with a toll, taken as any other street.",
    ]
    plain = streets.read_ways(write_osm(tmp_path / "p.osm", nodes, ways[:1]))
    assert travel.crossings({"drive": streets.build(plain, "drive")}) == []


def test_every_mode_has_words_and_one_needs_a_car():
    words = travel.words()
    assert set(words) == {*streets.modes(), "bus"}
    assert all(w.label and w.speed and len(w.source) > 20 for w in words.values())
    assert [m for m in words if travel.needs_car(m)] == ["drive"]


# ---------------------------------------------------------------- sanity


def looked_at(cross, homes, sites, **changed):
    zones = pd.DataFrame({"lsoa21cd": sorted(set(homes["lsoa21cd"])), "ruc21cd": "UN1"})
    minutes = {m: travel.minutes(homes, sites, g) for m, g in cross.items()} | changed
    back = {m: travel.minutes_back(homes, sites, g) for m, g in cross.items()}
    table = pd.concat([travel.by_zone(t, homes, mode=m, back=back[m]) for m, t in minutes.items()])
    return sanity.look(homes, zones, sites, cross, minutes, table)


def test_a_sound_network_raises_no_doubt_and_a_broken_one_does(cross):
    at = {"w": (0, 0), "m": (990, 500), "e": (1980, 500)}
    codes = ["E01000001", "E01000002", "E01000003"]
    homes = places("point_id", at, lsoa21cd=codes, share=1.0)
    sites = places("site_id", {"s": (1980, 990)}, name="East Hall", ours=True)
    good = looked_at(cross, homes, sites)
    speeds = good.speeds.set_index("mode")
    assert (speeds["doubt"] == "").all()
    straight = math.hypot(1980, 990)
    walked = 2970 / 4000 * 60
    assert speeds.loc["walk", "journeys"] == 2  # the third home is less than 500 m away
    assert speeds.loc["walk", "slow_kph"] >= straight / 1000 / (walked / 60) * 0.999
    assert speeds.loc["walk", "top_kph"] <= 4.0
    assert not len(good.unreachable)
    wide = good.differences.query("quicker == 'driving' and slower == 'walking with a pram'").iloc[0]
    assert (wide["lsoa21cd"], wide["site_name"]) == ("E01000001", "East Hall")
    assert wide["slower_min"] == pytest.approx(walked, rel=1e-3)
    one_way = good.differences[good.differences["slower"] == "driving, home"].iloc[0]
    assert one_way["lsoa21cd"] == "E01000002"  # up the oneway to the hall, round the cross to come home
    # times a hundred times too short, and a zone from which nothing is reached
    fast = travel.minutes(homes, sites, cross["drive"]) / 100
    broken = looked_at(cross, homes, sites, drive=fast)
    assert "cannot be" in broken.speeds.set_index("mode").loc["drive", "doubt"]
    text = "\n".join(broken.lines())
    assert "<- over 113 km/h cannot be" in text
    assert "none" in text


def test_detours_by_hand(tmp_path):
    """Round three sides of a square of 600 m, where short lanes make its corners junctions."""
    square = {1: (0, 0), 2: (0, -600), 3: (600, -600), 4: (600, 0)}
    stubs = {5: (-20, -600), 6: (620, -600)}
    ways = [([1, 2, 3, 4], {"highway": "residential"}), ([2, 5], {"highway": "residential"})]
    ways.append(([3, 6], {"highway": "residential"}))
    graph = {"walk": streets.build(streets.read_ways(write_osm(tmp_path / "u.osm", square | stubs, ways)), "walk")}
    homes = places("point_id", {"h": (0, -100)}, lsoa21cd="E01000001", share=1.0)
    sites = places("site_id", {"s": (600, -100)}, name="Hall", ours=True)
    (row,) = looked_at(graph, homes, sites).detours.itertuples()
    # from the two ends of the left side to those of the right one: 1,800, 1,200, 1,200 and 600 m
    ratios = [1800 / 600, 1200 / math.hypot(600, 600), 1200 / math.hypot(600, 600), 600 / 600]
    assert row.journeys == 4
    assert row.middle == pytest.approx(np.median(ratios), rel=1e-3)
    assert row.high == pytest.approx(np.quantile(ratios, 0.95), rel=1e-3)
    assert row.doubt == ""
    walled = {"walk": streets.build(streets.read_ways(write_osm(tmp_path / "v.osm", square, ways[:1])), "walk")}
    (row,) = looked_at(walled, homes, sites).detours.itertuples()
    assert row.middle == pytest.approx(3.0, rel=1e-3)
    assert row.doubt.startswith("unusual")


def test_a_mode_whose_way_home_is_not_measured_is_not_compared_with_itself(cross):
    homes = places("point_id", {"w": (0, 0)}, lsoa21cd="E01000001", share=1.0)
    sites = places("site_id", {"s": (1980, 990)}, name="East Hall", ours=True)
    minutes = travel.minutes(homes, sites, cross["walk"])
    table = pd.concat(
        [travel.by_zone(minutes, homes, mode="walk", back=minutes), travel.by_zone(minutes / 2, homes, mode="bus")]
    )
    zones = pd.DataFrame({"lsoa21cd": ["E01000001"], "ruc21cd": "UN1"})
    both = {"walk": minutes, "bus": minutes / 2}
    found = sanity.look(homes, zones, sites, {"walk": cross["walk"]}, both, table).differences
    assert found[["quicker", "slower"]].to_numpy().tolist() == [["bus and walking", "walking with a pram"]]


def cross_with_hill(folder):
    """Two towns that a road joins on which nobody may walk."""
    nodes = {1: (0, 0), 2: (100, 0), 3: (250, 0), 4: (350, 0), 5: (400, 0)}
    ways = [([1, 2], {"highway": "residential"}), ([2, 3], {"highway": "primary", "foot": "no"})]
    ways.append(([3, 4, 5], {"highway": "residential"}))
    read = streets.read_ways(write_osm(folder / "hill.osm", nodes, ways))
    return {mode: streets.build(read, mode) for mode in ("walk", "drive")}


def test_zones_out_of_reach_say_why(tmp_path):
    nodes = {1: (0, 0), 2: (900, 0), 3: (9_000, 0), 4: (0, 3_000), 5: (300, 3_000), 6: (0, 900), 7: (0, 2_000)}
    ways = [([1, 2, 3], {"highway": "residential"}), ([4, 5], {"highway": "footway"})]
    graph = {"walk": streets.build(streets.read_ways(write_osm(tmp_path / "a.osm", nodes, ways)), "walk")}
    at = {"far": (8_900, 0), "island": (100, 3_000), "field": (0, 5_000), "near": (300, 0)}
    homes = places("point_id", at, lsoa21cd=[f"E0100000{k}" for k in range(4)], share=1.0)
    sites = places("site_id", {"s": (0, 0)}, name="Hall", ours=True)
    found = looked_at(graph, homes, sites)
    assert dict(zip(found.unreachable["lsoa21cd"], found.unreachable["reason"], strict=True)) == {
        "E01000000": "no site within 60 minutes",
        "E01000001": REASONS[2],
        "E01000002": REASONS[1],
    }
    assert sum("E01000001" in line for line in found.lines()) == 1
    beyond = looked_at(cross_with_hill(tmp_path), homes.iloc[[3]].reset_index(drop=True), sites).differences.iloc[0]
    assert (beyond["quicker"], beyond["slower"]) == ("driving", "walking with a pram")
    assert math.isnan(beyond["slower_min"])  # a missing footway shows first
    nothing = looked_at(graph, homes.iloc[[0]].reset_index(drop=True), sites)
    assert nothing.speeds["doubt"].str.startswith("no journey at all").all()
