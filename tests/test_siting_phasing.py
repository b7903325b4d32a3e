"""Phasing: the best of all years by brute force, its ties, its clashes, its money and its words."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import InfeasibleError, InputError
from needs.siting.phasing import phase

SAME = 1e-9


def tables(rows, weights, values, today):
    """Build the tables: rows are (site_id, offer, status, cost, parent); values and today map site_id to a column."""
    ids = [f"P{i}" for i in range(len(weights))]
    changes = pd.DataFrame(rows, columns=["site_id", "offer", "status", "cost", "parent_hub_id"])
    changes.insert(1, "name", "Site " + changes["site_id"])
    points = pd.DataFrame({"point_id": ids, "weight": np.array(weights, float)})
    frames = [pd.DataFrame(columns, index=ids, dtype=float) for columns in (values, today)]
    return points, *frames, changes


def random_case(seed: int):
    """Small tables with steps (many ties) or without, sites that stay, a neighbour's, closings and conversions."""
    lots = np.random.default_rng(seed)
    n, count = int(lots.integers(1, 6)), int(lots.integers(1, 5))
    steps = lots.random() < 0.5

    def column():
        values = lots.random(n) * (lots.random(n) < 0.8)
        return np.round(values * 2) / 2 if steps else values

    rows, values, today, hubs = [], {}, {}, []
    if lots.random() < 0.5:
        rows.append(("K", "hub", "keep", 0.0, None))
        values["K"] = column() * (lots.random() < 0.7)
        hubs.append("K")
    for k in lots.permutation(count).tolist():
        status = str(lots.choice(["open", "open", "convert", "close"]))
        offer = "none" if status == "close" else "outreach" if hubs and lots.random() < 0.5 else "hub"
        parent = str(lots.choice(hubs)) if offer == "outreach" else None
        cost = float(lots.integers(0, 4) * 10) + 0.1 * float(lots.integers(0, 2))
        rows.append((f"S{k}", offer, status, cost, parent))
        if offer == "hub":
            hubs.append(f"S{k}")
        if status != "close":
            values[f"S{k}"] = column()
        if status != "open":
            today[f"S{k}"] = column()
    if hubs and lots.random() < 0.4:
        rows.append(("O", "outreach", "keep", 0.0, str(lots.choice(hubs))))
        values["O"] = column() / 2
    if lots.random() < 0.3:
        today["N"] = column() / 2
    weights = np.where(lots.random(n) < 0.2, 0.0, lots.integers(1, 9, n))
    budgets = [float(b) for b in lots.integers(0, 5, int(lots.integers(1, 4))) * 10 + 0.1]
    rule = {"carry_over": bool(lots.random() < 0.5), "most_per_year": [None, 1, 2][int(lots.integers(3))]}
    links = [(row[0], row[4]) for row in rows if row[4]]
    ended = [row[0] for row in rows if row[2] == "close" or row[1:3] == ("outreach", "convert")]
    links += [(i, j) for i, _ in links for j in ended if i != j and lots.random() < 0.5]  # hubs of today
    rule["parents"] = pd.DataFrame(links, columns=["site_id", "parent_hub_id"], dtype=object)
    return (*tables(rows, weights, values, today), budgets), rule


def run(case, rule, site, done) -> bool:
    """Whether a hub that can run an outreach site is open when some sites are done."""
    rows = case[3].set_index("site_id")
    for hub in rule["parents"].loc[rule["parents"]["site_id"] == site, "parent_hub_id"]:
        changed = rows.at[hub, "status"] == "keep" or hub in done
        if changed == (rows.at[hub, "offer"] == "hub"):
            return True
    return False


def met_of(case, rule, done):
    """Need met and value of each point when some sites are done, in plain Python; outreach counts with a hub."""
    points, values, today, changes, _ = case
    best = []
    for point in points["point_id"]:
        got = [0.0, *(today.at[point, i] for i in today if i not in set(changes["site_id"]))]
        for row in changes.itertuples():
            if row.status == "keep" or (
                row.site_id in done
                and row.status != "close"
                and (row.offer == "hub" or run(case, rule, row.site_id, done))
            ):
                got.append(values.at[point, row.site_id])
            if row.status in ("convert", "close") and row.site_id not in done:
                got.append(today.at[point, row.site_id])
        best.append(max(got))
    return math.fsum(w * b for w, b in zip(points["weight"], best, strict=True)), best


def allowed(case, rule, years) -> bool:
    """Whether years (by site_id, from 0) keep to every rule, in plain Python."""
    points, _, _, changes, budgets = case
    movers = {row.site_id: row for row in changes.itertuples() if row.status != "keep"}
    now, final = met_of(case, rule, set())[1], met_of(case, rule, set(movers))[1]
    left = 0
    for t, budget in enumerate(budgets):
        made = [movers[i] for i in movers if years[i] == t]
        left = round(100 * budget) - sum(round(100 * row.cost) for row in made) + (left if rule["carry_over"] else 0)
        if left < 0:
            return False
        if rule["most_per_year"] and sum(row.status != "close" for row in made) > rule["most_per_year"]:
            return False
        here = met_of(case, rule, {i for i in movers if years[i] <= t})[1]
        for weight, value, first, last in zip(points["weight"], here, now, final, strict=True):
            if weight > 0 and value < min(first, last) - SAME:
                return False
    return all(
        run(case, rule, row.site_id, {i for i in movers if years[i] <= t})
        for row in changes.itertuples()
        if row.offer == "outreach"
        for t in range(years.get(row.site_id, 0), len(budgets))
    )


def brute_force(case, rule):
    """Return the greatest need met, and the first years by site_id that give it; None where none keeps the rules."""
    ids = sorted(i for i, status in zip(case[3]["site_id"], case[3]["status"], strict=True) if status != "keep")
    span = range(len(case[4]))
    found = []
    for years in itertools.product(span, repeat=len(ids)):
        chosen = dict(zip(ids, years, strict=True))
        if allowed(case, rule, chosen):
            found.append((math.fsum(met_of(case, rule, {i for i in ids if chosen[i] <= t})[0] for t in span), years))
    if not found:
        return None
    most = max(met for met, _ in found)
    return most, dict(zip(ids, min(years for met, years in found if met >= most * (1 - SAME)), strict=True))


def years_of(found) -> dict[str, int]:
    return {i: y - 1 for i, y in zip(found.table["site_id"], found.table["year"], strict=True)}


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_brute_force_gives_the_same_years(seed):
    case, rule = random_case(seed)
    expected = brute_force(case, rule)
    if expected is None:
        with pytest.raises(InfeasibleError):
            phase(*case, **rule)
        return
    found = phase(*case, **rule)
    assert found.proof.status == "optimal"
    assert found.proof.objective == pytest.approx(expected[0], rel=1e-9)
    assert years_of(found) == expected[1]


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_money_and_need_add_up(seed):
    case, rule = random_case(seed)
    try:
        found = phase(*case, **rule)
    except InfeasibleError:
        return
    years, table = found.years, found.table
    assert years["cost"].sum() == pytest.approx(table["cost"].sum())
    brought = years["left"].shift(fill_value=0.0) if rule["carry_over"] else 0.0
    assert years["left"].to_numpy() == pytest.approx((years["budget"] + brought - years["cost"]).to_numpy())
    assert years["left"].min() >= -SAME
    assert found.proof.objective == pytest.approx(math.fsum(years["need_met"]))
    assert years["openings"].sum() == (table["status"] != "close").sum()
    everything = set(table["site_id"])
    assert years["need_met"].iloc[-1] == pytest.approx(met_of(case, rule, everything)[0])
    assert found.today == pytest.approx(met_of(case, rule, set())[0])
    assert found.all_at_once == pytest.approx(len(years) * met_of(case, rule, everything)[0])
    for row in table.itertuples():
        assert row.need_met_after == years["need_met"].iloc[row.year - 1]
        assert row.alone == pytest.approx(met_of(case, rule, {row.site_id})[0] - found.today)
        by_then = set(table.loc[table["year"] <= row.year, "site_id"])
        without = met_of(case, rule, by_then - {row.site_id})[0]
        assert row.adds == pytest.approx(met_of(case, rule, by_then)[0] - without)


@settings(max_examples=12)
@given(st.integers(0, 10**6))
def test_a_looser_budget_never_gives_less_and_order_is_no_matter(seed):
    case, rule = random_case(seed)
    try:
        found = phase(*case, **rule)
    except InfeasibleError:
        return
    *rest, budgets = case
    looser = [
        phase(*rest, [b + 10 for b in budgets], **rule),
        phase(*case, **rule | {"carry_over": True}),
        phase(*case, **rule | {"most_per_year": None}),
    ]
    assert all(more.proof.objective >= found.proof.objective * (1 - SAME) for more in looser)
    points, values, today, changes = rest
    turned = phase(
        points[::-1],
        values.iloc[::-1, ::-1],
        today.iloc[::-1, ::-1],
        changes.sample(frac=1.0, random_state=1),
        budgets,
        **rule,
    )
    pd.testing.assert_frame_equal(turned.table, found.table)
    pd.testing.assert_frame_equal(turned.years, found.years)
    assert turned.sentences == found.sentences


def county():
    """Oakham alone reaches 60 of 100, Uppingham 30, its outreach Lyddington 10 more; one hub a year can be paid."""
    rows = [
        ("A", "hub", "open", 100.0, None),
        ("B", "hub", "open", 100.0, None),
        ("C", "outreach", "open", 10.0, "B"),
        ("D", "none", "close", 0.0, None),
    ]
    values = {"A": [1, 0, 0], "B": [0, 1, 0], "C": [0, 0, 1]}
    case = tables(rows, [60, 30, 10], values, {"D": [0, 0.5, 0]})
    case[3]["name"] = ["Oakham", "Uppingham", "Lyddington", "Manton"]
    return case


def test_a_county_by_hand():
    found = phase(*county(), [100.0, 110.0])
    assert years_of(found) == {"A": 0, "B": 1, "C": 1, "D": 1}  # Manton serves Uppingham until its hub is there
    assert found.years["need_met"].tolist() == [75.0, 100.0]
    assert (found.today, found.all_at_once, found.proof.objective) == (15.0, 200.0, 175.0)
    assert found.years["gain_pct"].tolist() == pytest.approx([100 * 60 / 85, 100.0])
    why = dict(zip(found.table["site_id"], found.table["why"], strict=True))
    assert why["A"] == (
        "Oakham in year 1: alone it adds need met of 60.0 need-weighted families, 71 % of what the whole plan adds"
    )
    assert why["C"].startswith(  # nobody runs it before Uppingham is a hub
        "Lyddington in year 2: alone it adds nothing, for no hub that is open today can run it; beside what is open at "
        "the end of that year it adds need met of 10.0 need-weighted families"
    )
    table = found.table.set_index("site_id")
    assert table["alone"].to_dict() == {"A": 60.0, "B": 15.0, "C": 0.0, "D": -15.0}
    assert table["adds"].to_dict() == {"A": 60.0, "B": 40.0, "C": 10.0, "D": 0.0}  # without Uppingham no Lyddington
    assert why["B"].endswith("; year 1 has £0 left and it costs £100")
    assert why["C"].endswith("; it cannot open before Uppingham, which runs it")
    assert why["D"].endswith("; before Uppingham is open, families would be without either")
    assert found.sentences[0].startswith("Year 1: Oakham opens; £100 spent. Need met goes from 15.0 to 75.0")
    assert "meets need of 25.0 need-weighted families less" in found.sentences[2]


def test_a_site_that_nobody_would_miss_closes_at_once():
    points, values, today, changes = county()
    found = phase(points, values.assign(A=[1, 1, 0]), today, changes, [100.0, 110.0])
    assert years_of(found)["D"] == 0
    assert (
        found.table.set_index("site_id")
        .at["D", "why"]
        .endswith("from then on nobody gets more from it than from the sites that are open")
    )


def test_a_closing_that_hurts_waits_for_the_last_year():
    case = tables(
        [("A", "hub", "open", 5.0, None), ("B", "none", "close", 0.0, None)], [10], {"A": [0.4]}, {"B": [0.9]}
    )
    found = phase(*case, [5.0, 0.0, 0.0])
    assert years_of(found) == {"A": 0, "B": 2}
    assert "until then it meets need of 5.0 need-weighted families that nothing else open meets" in " ".join(
        found.table["why"]
    )
    assert found.years["gain_pct"].isna().all()  # the plan takes away in all


def test_any_hub_that_can_run_an_outreach_site_will_do():
    parents = pd.DataFrame({"site_id": ["C", "C"], "parent_hub_id": ["A", "B"]})
    points, values, today, changes = county()
    found = phase(points, values, today, changes.drop(columns="parent_hub_id"), [110.0, 100.0], parents=parents)
    assert years_of(found) == {"A": 0, "B": 1, "C": 0, "D": 1}


def kept_outreach(parents):
    """Hub A closes, B (100 pounds) opens; Hall O is kept: A runs it today, B will; C is far from it."""
    rows = [
        ("A", "none", "close", 0.0, None),
        ("B", "hub", "open", 100.0, None),
        ("C", "hub", "keep", 0.0, None),
        ("O", "outreach", "keep", 0.0, "B"),
    ]
    values = {"B": [0, 1, 0], "C": [1, 0, 0], "O": [0, 0, 0.6]}
    case = tables(rows, [10, 10, 10], values, {"A": [1, 0, 0]})
    return case, pd.DataFrame({"site_id": "O", "parent_hub_id": parents})


def test_a_kept_outreach_has_a_hub_every_year():
    case, parents = kept_outreach(["A", "B"])
    found = phase(*case, [0.0, 100.0], parents=parents)
    assert years_of(found) == {"A": 1, "B": 1}  # nobody would miss A itself: C serves its families
    why = found.table.set_index("site_id")["why"]
    assert why["A"].endswith("; before Site B is open, no hub could run Site O")
    assert years_of(phase(*case, [100.0, 0.0], parents=parents)) == {"A": 0, "B": 0}
    with pytest.raises(InfeasibleError) as caught:  # nothing says that A can run it
        phase(*case, [0.0, 100.0], parents=parents[1:])
    (fault,) = caught.value.faults
    assert fault.where == "parents, O"
    assert fault.what == (
        "Site O is kept, but of Site B, which can run it, none can open in year 1: it has £0 and the cheapest "
        "costs £100"
    )
    assert fault.fix.startswith("add £100 in year 1, or name as its parent the hub of today")
    case, parents = kept_outreach(["B", None])  # somebody else runs it until then
    assert years_of(phase(*case, [0.0, 100.0], parents=parents)) == {"A": 0, "B": 1}


def test_an_outreach_that_ends_has_its_hub_until_then():
    rows = [("A", "none", "close", 0.0, None), ("B", "hub", "open", 5.0, None), ("O", "none", "close", 0.0, None)]
    today = {"A": [0.0, 0.0], "O": [0.0, 0.6]}  # O is missed until B is open; nobody would miss A
    case = tables(rows, [1, 1], {"B": [0.0, 1.0]}, today)
    assert years_of(phase(*case, [0.0, 5.0])) == {"A": 0, "B": 1, "O": 1}
    parents = pd.DataFrame({"site_id": ["O"], "parent_hub_id": ["A"]})
    found = phase(*case, [0.0, 5.0], parents=parents)
    assert years_of(found) == {"A": 1, "B": 1, "O": 1}
    assert found.table.set_index("site_id").at["A", "why"].endswith("; until Site O changes too, it alone can run it")


def test_money_that_waits_is_explained():
    rows = [("H", "hub", "open", 60.0, None), ("V", "hub", "open", 10.0, None)]
    case = tables(rows, [90, 5], {"H": [1, 0], "V": [0, 1]}, {})
    found = phase(*case, [40.0, 20.0, 10.0])
    assert years_of(found) == {"H": 1, "V": 2}
    assert found.sentences[0].startswith("Year 1: nothing changes; £0 spent; £40 is left, saved for Site H in year 2.")
    why = found.table.set_index("site_id")["why"]
    assert why["H"].endswith("; year 1 has £40 left and it costs £60")
    assert why["V"].endswith(
        "; year 2 has £0 left and it costs £10; the £40 left in year 1 is saved for Site H in year 2"
    )
    found = phase(*case, [75.0, 0.0])
    assert "£70 spent; £5 is left, which no later year needs." in found.sentences[0]
    found = phase(*case, [65.0, 10.0], carry_over=False)
    assert "£60 spent; £5 is left and lapses." in found.sentences[0]


def test_most_openings_in_a_year():
    found = phase(*county(), [300.0, 0.0, 0.0], most_per_year=1)
    assert years_of(found) == {"A": 0, "B": 1, "C": 2, "D": 1}
    assert "year 1 has its 1 opening already" in found.table.set_index("site_id").at["B", "why"]


def test_clashes_are_all_named_with_their_amounts():
    with pytest.raises(InfeasibleError) as caught:
        phase(*county(), [60.0, 60.0], carry_over=False, most_per_year=1)
    text = str(caught.value)
    assert "cost £210 in all, but the 2 years have £120: £90 too little" in text
    assert "Oakham costs £100, £40 more than any year has" in text
    assert "Uppingham costs £100" in text
    assert "3 sites open or convert, but 2 years with 1 each allow 2" in text


def test_a_clash_of_years_tells_the_least_that_mends_it():
    budgets = [105.0, 105.0]  # enough in all, but £110 must fit one of the years
    points, values, today, changes = county()
    changes = changes[changes["site_id"] != "D"]
    with pytest.raises(InfeasibleError, match=r"add £5 in year \d: no less would do") as caught:
        phase(points, values, today[[]], changes, budgets, carry_over=False)
    year = int(str(caught.value).split("in year ")[1][0]) - 1
    budgets[year] += 4.99
    with pytest.raises(InfeasibleError):
        phase(points, values, today[[]], changes, budgets, carry_over=False)
    budgets[year] += 0.01
    assert phase(points, values, today[[]], changes, budgets, carry_over=False).proof.status == "optimal"


def test_conversions_that_wait_for_each_other_need_one_year():
    rows = [("A", "hub", "convert", 0.0, None), ("B", "hub", "convert", 0.0, None)]
    case = tables(rows, [1, 1], {"A": [0, 1], "B": [1, 0]}, {"A": [1, 0], "B": [0, 1]})
    with pytest.raises(InfeasibleError, match="raise most_per_year to 2"):
        phase(*case, [0.0, 0.0], most_per_year=1)


def test_every_fault_is_told_at_once():
    points, values, today, changes = county()
    points = pd.concat([points, points.iloc[:1]]).assign(weight=[1, np.nan, -1, 2])
    changes = changes.assign(cost=[-1.0, np.inf, 1, 1], status=["open", "shut", "open", "close"], offer="hub")
    with pytest.raises(InputError) as caught:
        phase(points, values, today, changes, [np.nan], most_per_year=0)
    text = str(caught.value)
    for fault in ("P0", "weight is nan", "weight is -1", "cost is -1", "cost is inf", "status is shut",
                  "offer is hub where status is close", "year 1 has nan", "most_per_year"):  # fmt: skip
        assert fault in text
    points, values, today, changes = county()
    with pytest.raises(InputError) as caught:
        phase(points, values.drop(columns="B"), today * 4, changes.assign(parent_hub_id=[None, None, "Z", None]), [1.0])
    text = str(caught.value)
    for fault in (
        "values: has no site B",
        "today_values: is 2 for point P1 and site D",
        "no hub of the plan, nor one of today (1): Z",
    ):
        assert fault in text
    with pytest.raises(InputError, match=r"points: lacks columns \(1\): weight"):
        phase(points[["point_id"]], values, today, changes, [1.0])
    with pytest.raises(InputError, match="no site opens, converts or closes"):
        phase(points, values, today, changes[:0], [1.0])


def test_names_are_escaped_and_inputs_left_alone():
    case = county()
    case[3].loc[0, "name"] = "<script>alert(1)</script>"
    before = [frame.copy() for frame in case]
    page = phase(*case, [100.0, 110.0])._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "Uppingham" in page
    for frame, copy in zip(case, before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)
