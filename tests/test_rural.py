"""Poor children by rural-urban class: the published figures of England, and a town by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs.rural import RURAL_URBAN_LABELS, where_children_live, with_bounds
from needs.schemas import RURAL_URBAN_CODES


def test_blanks_are_bounds_and_never_nothing():
    found = with_bounds(pd.Series([10.0, np.nan]), low=0, high=9)
    assert found["children"].tolist() == [10, 4.5]
    assert found["children_low"].tolist() == [10, 0]
    assert found["children_high"].tolist() == [10, 9]
    assert found["children_hidden"].tolist() == [False, True]


def test_a_county_by_hand():
    zones = pd.DataFrame(
        {
            "ruc21cd": ["UN1", "UN1", "RLN1", "RSF1", "RSF1"],
            "fifth_england": [1, 2, 3, 4, 1],
            "fifth_area": [1, 1, 2, 3, 5],
        }
    ).join(with_bounds(pd.Series([60.0, 20, 10, np.nan, 10]), low=0, high=9))
    found = where_children_live(zones).set_index("group")
    assert found.index.tolist() == [
        "Urban, nearer a city", "Larger rural, nearer a city", "Smaller rural, further from a city", "All rural", "All",
    ]  # fmt: skip
    assert found["zones"].tolist() == [2, 1, 2, 3, 5]
    assert found["children"].tolist() == [80, 10, 14.5, 24.5, 104.5]
    assert found["children_low"].tolist() == [80, 10, 10, 20, 100]
    assert found["children_high"].tolist() == [80, 10, 19, 29, 109]
    assert found["worst_fifth_england_pct"].tolist() == pytest.approx([75, 0, 1000 / 14.5, 1000 / 24.5, 7000 / 104.5])
    assert found["worst_fifth_area_pct"].tolist() == pytest.approx([100, 0, 0, 0, 8000 / 104.5])
    assert found["share_pct"]["All"] == 100


@given(st.lists(st.tuples(st.sampled_from(RURAL_URBAN_CODES), st.integers(1, 5), st.integers(0, 99)), min_size=1))
def test_classes_add_up(rows):
    zones = pd.DataFrame(rows, columns=["ruc21cd", "fifth_england", "children"]).assign(fifth_area=1)
    zones = zones.drop(columns="children").join(with_bounds(zones["children"].astype(float), low=0, high=9))
    found = where_children_live(zones).set_index("group")
    classes = found[found.index.isin(RURAL_URBAN_LABELS.values())]
    for column in ("zones", "children", "children_low", "children_high"):
        assert classes[column].sum() == found[column]["All"]
    if found["children"]["All"]:
        assert classes["share_pct"].sum() == pytest.approx(100)
        assert found["worst_fifth_area_pct"]["All"] == 100
    else:
        assert found["share_pct"].isna().all()


@pytest.mark.data
def test_income_deprived_children_of_england_2025(real_data):
    folder = real_data / "england"
    imd = pd.read_parquet(folder / "iod2025_lsoa21_all.parquet").set_index("LSOA code (2021)")["IMD_decile"]
    under = pd.read_csv(folder / "iod2025_underlying_indicators.csv.gz").set_index("lsoa21_code")
    ruc = pd.read_csv(folder / "ruc2021_lsoa21.csv.gz").set_index("lsoa21_code")["ruc21_code"]
    counts = under["income_deprivation_affecting_children_index_idaci_numerator"]
    zones = pd.DataFrame({"fifth_england": (imd + 1) // 2, "ruc21cd": ruc.reindex(imd.index)}).assign(fifth_area=5)
    found = where_children_live(zones.join(with_bounds(counts, low=0, high=9))).set_index("group")
    shares = found.loc[list(RURAL_URBAN_LABELS.values()), "share_pct"]
    assert shares.tolist() == pytest.approx([85.2, 5.4, 4.0, 1.9, 2.1, 1.4], abs=0.1)
    worst = found["worst_fifth_england_pct"]
    assert worst[list(RURAL_URBAN_LABELS.values())].tolist() == pytest.approx(
        [47.9, 37.5, 13.6, 14.0, 3.4, 2.4], abs=0.2
    )
    assert worst["All rural"] == pytest.approx(9.6, abs=0.1)
    assert found["share_pct"]["All rural"] == pytest.approx(9.4, abs=0.1)
    assert found["zones"]["All"] == 33_755
