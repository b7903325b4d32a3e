"""What results show by themselves in a notebook: charts of the very numbers, and tables that hold nothing hostile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from needs.errors import InputError
from needs.index import NeedIndex, display
from tests.test_index_methods import TREE, cells_of, codes, random_table

NAMES = {c: f"Zone <{k}>" for k, c in enumerate(codes(40))}


@pytest.fixture(scope="module")
def found():
    table = random_table(40, "abcde")
    low, high = table.copy(), table.copy()
    high.iloc[2, 1] += 1
    index = NeedIndex(TREE).fit(table)
    cells = cells_of(table, low, high)
    return index, cells, index.explain(cells)


def test_bars_of_a_zone_add_up_to_its_score_beside_the_median(found):
    index, _, explanation = found
    zone = explanation.scores["score"].idxmax()
    chart = display.contribution_bars(explanation, zone, NAMES)
    numbers = chart.data.select_dtypes("number")
    assert numbers.iloc[:, 0].sum() == pytest.approx(explanation.scores["score"][zone])
    parts = pd.DataFrame(index.transform(index.reference_), columns=list("abcde"))
    medians = [parts[["a", "b", "c"]].sum(axis=1).median(), parts[["d", "e"]].sum(axis=1).median()]
    assert sorted(explanation.typical.values()) == pytest.approx(sorted(medians))
    assert "Zone &lt;" in chart.to_html()
    assert "<0>" not in chart.to_html()
    with pytest.raises(InputError, match="is not among the zones explained"):
        display.contribution_bars(explanation, "E01999999")


def test_charts_show_the_tables_that_they_are_made_of(found):
    index, cells, explanation = found
    weights = display.weight_bars(explanation)
    shown = sorted(weights.data.select_dtypes("number").to_numpy().ravel())
    both = [*(100 * explanation.weights["weight"]), *(100 * explanation.weights["variance_share"])]
    assert np.isin(np.round(sorted(both), 6), np.round(shown, 6)).all()
    assert (
        "+0." in display.correlation_heatmap(explanation).svg or "−0." in display.correlation_heatmap(explanation).svg
    )
    scatter = display.national_local(explanation, NAMES)
    assert "suppressed or imputed" in scatter.to_html()
    drawn = index.perturb(cells, draws=20)
    chart = display.rank_intervals(drawn, len(index.reference_), NAMES)
    assert len(chart.data) == 40


def test_results_show_themselves(found):
    index, cells, explanation = found
    drawn = index.perturb(cells, draws=20)
    assert "20 draws" in drawn._repr_html_()
    assert "geometric" in drawn._repr_html_()
    assert "30 more zones" in explanation._repr_html_()
    assert explanation._repr_html_().count("<svg") == 2
    html = index.what_if(cells, drop=["damp"])._repr_html_()
    assert "without damp" in html
    assert "<script" not in html
