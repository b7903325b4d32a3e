"""Journeys by bus: generated feeds and the real one of Newport, searched a second time in plain Python."""

from __future__ import annotations

import math
import zipfile
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import transit
from tests.timetable_feeds import DAY, HEADS, SEEDS, Town, saved, search, town
from tests.timetable_oracle import Oracle


def agree(
    feed: transit.Feed,
    oracle: Oracle,
    window: tuple[int, int],
    access: list[dict[str, int]],
    egress: list[dict[str, int]],
    transfers: dict[tuple[str, str], int],
    foot: np.ndarray,
    *,
    change_s: int,
    limit_s: int,
    services: bool = True,
) -> int:
    """Compare every minute, percentile, change and service with the oracle; give the number of bus minutes."""
    made = Town({}, window[0], access, egress, transfers, foot, change_s)
    found, summed = search(feed, oracle.day, window, made, limit_s=limit_s)
    changes = oracle.changes(transfers, change_s)
    leaves = list(range(window[0], window[1] + 1, 60))
    ridden = 0
    for o, near in enumerate(access):
        best = [oracle.by_bus(t, near, egress, changes, t + limit_s) for t in leaves]
        for s in range(len(egress)):
            keys = []
            for t, row in zip(leaves, best, strict=True):
                options = [(row[s][0] - t, row[s][1]), (foot[o, s], 0)]
                keys.append(min([k for k in options if k[0] <= limit_s], default=(math.inf, 0)))
            here = [math.nan if math.isinf(k[0]) else k[0] for k in keys]
            np.testing.assert_array_equal(found[o, s], here)
            ranked = sorted(keys)
            for p, values in ((10, summed.p10_min), (50, summed.median_min), (90, summed.p90_min)):
                wanted = next(k for n, k in enumerate(ranked, 1) if 100 * n >= p * len(ranked))
                expected = math.nan if math.isinf(wanted[0]) else wanted[0] / 60
                np.testing.assert_equal(values[o, s], expected)
                if p == 50:
                    said = math.nan if math.isinf(wanted[0]) else max(wanted[1] - 1, 0)
                    np.testing.assert_equal(summed.changes[o, s], said)
            walked = sum(k[1] == 0 and not math.isinf(k[0]) for k in keys)
            assert summed.on_foot_share_pct[o, s] == pytest.approx(100 * walked / len(keys))
            ridden += sum(k[1] > 0 for k in keys)
            if services:
                wanted_services = oracle.services(window, near, egress[s], changes, foot[o, s], limit_s)
                assert summed.services[o, s] == wanted_services
    return ridden


@given(SEEDS, st.sampled_from([600, 3_600]))
@settings(max_examples=30)
def test_generated_towns_searched_again(tmp_path_factory, seed, limit_s):
    made = town(seed)
    feed = saved(tmp_path_factory.getbasetemp() / "made", made.files)
    agree(
        *(feed, Oracle(made.files, DAY), (made.start, made.start + 900), made.access, made.egress, made.transfers),
        made.foot,
        change_s=made.change_s,
        limit_s=limit_s,
    )


def test_generated_towns_have_what_is_to_be_tested(tmp_path):
    """A check on the generator: of two dozen towns many can be crossed by bus, and some only with changes."""
    changes = []
    for seed in range(25):
        made = town(seed)
        feed = saved(tmp_path, made.files)
        assert feed.notes == () or {n.what for n in feed.notes} == {"trips of a service without days, left out"}
        changes.append(search(feed, DAY, (made.start, made.start + 900), made, limit_s=3_600)[1].changes.ravel())
    found = np.concatenate(changes)
    assert (found == 0).sum() > 30
    assert (found == 1).sum() > 5
    assert (found >= 2).sum() > 0


@pytest.mark.data
def test_newport_searched_again(real_data):
    path = real_data / "newport" / "newport-20230613_gtfs.zip"
    feed = transit.read_feed(path)
    assert feed.notes == ()
    with zipfile.ZipFile(path) as archive:
        wanted = [n for n in archive.namelist() if n in HEADS]
        oracle = Oracle({n: archive.read(n).decode("utf-8-sig") for n in wanted}, date(2023, 6, 13))
    x, y = feed.stops.geometry.x.to_numpy(), feed.stops.geometry.y.to_numpy()
    names = feed.stops["stop_id"].to_numpy()
    s_per_m = 1.3 / (4.0 / 3.6)  # 4 km/h, and 30 % further than the bird flies

    def walk_to_stops(px: float, py: float, most_m: float) -> dict[str, int]:
        metres = np.hypot(x - px, y - py)
        return {names[k]: math.ceil(metres[k] * s_per_m) for k in np.flatnonzero(metres <= most_m)}

    rng = np.random.default_rng(20_230_613)
    city = np.flatnonzero((np.abs(x - 331_000) < 5_000) & (np.abs(y - 188_000) < 5_000))
    near = rng.choice(city, 15)
    place = sorted((x[k] + e, y[k] + n) for k, e, n in zip(near, *rng.normal(0, 150, (2, 15)), strict=True))
    origins, sites = place[:3], place[3:]  # the westernmost three: the buses have a way to go
    foot = np.ceil([[math.hypot(a - c, b - d) * s_per_m for c, d in sites] for a, b in origins])
    foot[foot > 2_400] = math.nan
    transfers = {
        (i, j): s for i, px, py in zip(names, x, y, strict=True) for j, s in walk_to_stops(px, py, 250).items()
    }
    access, egress = ([walk_to_stops(*p, 500) for p in places] for places in (origins, sites))
    steps = {"change_s": 60, "limit_s": 5_400}
    ridden = 0
    for window in ((8 * 3600, 9 * 3600 + 1_800), (22 * 3600 + 1800, 23 * 3600)):
        ridden += agree(feed, oracle, window, access, egress, transfers, foot, **steps, services=False)
    assert ridden > 200
    agree(feed, oracle, (8 * 3600, 8 * 3600 + 900), access[:1], egress[:2], transfers, foot[:1, :2], **steps)
