"""Cover and unmet need: hand-computed values, limits that count, properties."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import catchments
from needs.assessment import StandardOverride

RULES = catchments.standards([])


def covers(walk: float, drive: float, *, offer: str = "hub", ruc: str = "UN1") -> tuple[float, float]:
    """Cover of families with a car and of families without one."""
    index, columns = pd.Index(["p"], name="point_id"), pd.Index(["s"], name="site_id")
    minutes = {m: pd.DataFrame([[t]], index=index, columns=columns) for m, t in (("walk", walk), ("drive", drive))}
    points = pd.DataFrame({"point_id": ["p"], "ruc21cd": [ruc], "no_car_pct": [20.0], "share": 1.0, "demand": 10.0})
    found = catchments.cover(minutes, catchments.split_by_car(points), RULES, offer=offer)["s"]
    return found["p, with a car"], found["p, without a car"]


@pytest.mark.parametrize(
    ("walk", "drive", "ruc", "with_car", "without"),
    [
        (10, 3, "UN1", 1.0, 1.0),
        (15, 3, "UN1", 1.0, 1.0),  # the standard itself counts
        (22.5, 3, "UN1", 1.0, 0.5),  # on foot half way between 15 and 30 minutes
        (math.nan, 10, "UN1", 1.0, 0.0),
        (math.nan, 15, "UN1", 0.5, 0.0),
        (math.nan, 15, "RSN1", 1.0, 0.0),  # villages: a 15-minute drive is the standard
        (math.nan, 22.5, "RSF1", 0.5, 0.0),
        (20, math.nan, "UN1", 10 / 15, 10 / 15),  # those with a car walk too
        (30, 20, "UN1", 0.0, 0.0),
        (math.nan, math.nan, "RLN1", 0.0, 0.0),
    ],
)
def test_cover_by_hand(walk, drive, ruc, with_car, without):
    assert covers(walk, drive, ruc=ruc) == pytest.approx((with_car, without))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1), st.floats(0, 500)), min_size=1, max_size=8))
def test_splitting_by_car_conserves_families(rows):
    points = pd.DataFrame(rows, columns=["no_car_pct", "share", "demand"]).assign(
        point_id=[f"p{i}" for i in range(len(rows))]
    )
    halves = catchments.split_by_car(points)
    assert halves["point_id"].is_unique
    sums = halves.groupby("place_id")[["share", "demand"]].sum()
    assert sums["demand"].to_numpy() == pytest.approx(points["demand"].to_numpy())
    assert sums["share"].to_numpy() == pytest.approx(points["share"].to_numpy())
    without = halves[~halves["car"]].set_index("place_id")["demand"]
    assert without.to_numpy() == pytest.approx(points["demand"].to_numpy() * points["no_car_pct"].to_numpy() / 100)


def test_every_offer_and_class_has_a_standard_with_a_source():
    have = RULES.groupby(["offer", "mode"])["ruc21cd"].apply(set)
    for offer in ("hub", "outreach"):
        for mode in ("walk", "drive"):
            assert have[offer, mode] == {"UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1"}
    assert (RULES["source"].str.len() > 10).all()
    assert (RULES["zero_min"] >= RULES["full_min"]).all()


def test_a_councils_own_standard_replaces_the_preset():
    own = StandardOverride(
        offer="hub", mode="walk", rural_urban=["UN1"], full_min=20, zero_min=20, source="Cabinet paper, May 2026"
    )
    rules = catchments.standards([own]).set_index(["offer", "mode", "ruc21cd"])
    assert rules.loc[("hub", "walk", "UN1"), "full_min"] == 20
    assert rules.loc[("hub", "walk", "UN1"), "source"] == "Cabinet paper, May 2026"
    assert rules.loc[("hub", "walk", "UF1"), "full_min"] == 15
    # a standard that does not fade: 20 minutes count, 20.001 do not
    step = catchments.gradual(np.array([20.0, 20.001, np.nan]), np.array([20.0] * 3), np.array([20.0] * 3))
    assert step.tolist() == [1.0, 0.0, 0.0]


@settings(max_examples=40)
@given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 20), st.sampled_from(["hub", "outreach"]))
def test_cover_lies_between_0_and_1_and_never_rises_with_time(walk, drive, later, offer):
    with_car, without = covers(walk, drive, offer=offer)
    assert 0.0 <= without <= with_car <= 1.0  # a car never makes it worse
    for slower in (covers(walk + later, drive, offer=offer), covers(walk, drive + later, offer=offer)):
        assert slower[0] <= with_car + 1e-12
        assert slower[1] <= without + 1e-12


def test_nearest_minutes_of_the_middle_family():
    minutes = pd.DataFrame(
        {"s": [5.0, 30.0, 40.0], "t": [25.0, 12.0, np.nan]}, index=pd.Index(["a", "b", "c"], name="point_id")
    ).rename_axis("site_id", axis=1)
    points = pd.DataFrame(
        {"point_id": ["a", "b", "c"], "lsoa21cd": ["E01000001", "E01000001", "E01000002"], "share": [0.4, 0.6, 1.0]}
    )
    both = catchments.nearest_minutes(minutes, points, ["s", "t"])
    assert both.to_dict() == {"E01000001": 12.0, "E01000002": 40.0}
    assert catchments.nearest_minutes(minutes, points, []).isna().all()
    assert math.isnan(catchments.nearest_minutes(minutes, points, ["t"])["E01000002"])


def test_need_multiplier():
    percentile = pd.Series([0.0, 0.5, 1.0])
    assert catchments.need_multiplier(percentile, 1.0).tolist() == [1.0, 1.5, 2.0]
    assert catchments.need_multiplier(percentile, 0.0).tolist() == [1.0, 1.0, 1.0]
