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


def cover(walk: float, drive: float, *, offer: str = "hub", ruc: str = "UN1", no_car: float = 20.0) -> float:
    index, columns = pd.Index(["p"], name="point_id"), pd.Index(["s"], name="site_id")
    minutes = {m: pd.DataFrame([[t]], index=index, columns=columns) for m, t in (("walk", walk), ("drive", drive))}
    points = pd.DataFrame({"point_id": ["p"], "ruc21cd": [ruc], "no_car_pct": [no_car]})
    return float(catchments.cover(minutes, points, RULES, offer=offer).loc["p", "s"])


@pytest.mark.parametrize(
    ("walk", "drive", "ruc", "expected"),
    [
        (10, 3, "UN1", 1.0),  # everyone
        (15, 3, "UN1", 1.0),  # the standard itself counts
        (22.5, 3, "UN1", 0.8 * 1.0 + 0.2 * 0.5),  # families without a car half way between 15 and 30 minutes
        (math.nan, 10, "UN1", 0.8),  # only by car
        (math.nan, 15, "UN1", 0.8 * 0.5),
        (math.nan, 15, "RSN1", 0.8),  # villages: a 15-minute drive is the standard
        (math.nan, 22.5, "RSF1", 0.8 * 0.5),
        (20, math.nan, "UN1", 10 / 15),  # those with a car walk too
        (30, 20, "UN1", 0.0),
        (math.nan, math.nan, "RLN1", 0.0),
    ],
)
def test_cover_by_hand(walk, drive, ruc, expected):
    assert cover(walk, drive, ruc=ruc) == pytest.approx(expected)


def test_families_without_a_car_are_not_averaged_away():
    assert cover(math.nan, 5, no_car=100.0) == 0.0
    assert cover(math.nan, 5, no_car=0.0) == 1.0


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


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 100), st.floats(0, 20))
def test_cover_lies_between_0_and_1_and_never_rises_with_time(walk, drive, no_car, later):
    base = cover(walk, drive, no_car=no_car)
    assert 0.0 <= base <= 1.0
    assert cover(walk + later, drive, no_car=no_car) <= base + 1e-12
    assert cover(walk, drive + later, no_car=no_car) <= base + 1e-12


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
