"""Tables carried between geographies: conserved, never guessed, and refused where the vintage is wrong."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs.errors import Faults, InputError
from needs.vintages import Lookup, down, exact_fit, mend, pool, refuse

NAN = float("nan")
some = settings(deadline=None, max_examples=60)


def code(kind: str, n: int) -> str:
    return f"E{kind}{n:06}"


def old(n: int) -> str:
    return code("01", n)


def new(n: int) -> str:
    return code("01", 900_000 + n)


def pairs_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["from_code", "to_code", "change"])


def lookup_of(source: str, *rows: tuple[str, str, float]) -> Lookup:
    pairs = pd.DataFrame(rows, columns=["from_code", "to_code", "share_of_count"]).assign(change="")
    return Lookup(source, "LSOA21", pairs)


def faults_of(call) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def column(table: pd.DataFrame, name: str = "n") -> dict[str, float]:
    return dict(zip(table.index, table[name].tolist(), strict=True))


# A town of every kind of change: one unchanged; one split in two; two merged; three irregular into two.
U, S, M1, M2, X1, X2, X3 = (old(n) for n in range(1, 8))
S1, S2, M, Y1, Y2 = (new(n) for n in range(1, 6))
PAIRS = pairs_of(
    (U, U, "U"),
    (S, S1, "S"),
    (S, S2, "S"),
    (M1, M, "M"),
    (M2, M, "M"),
    (X1, Y1, "X"),
    (X1, Y2, "X"),
    (X2, Y1, "X"),
    (X3, Y2, "X"),
)
PEOPLE = pd.Series({S1: 300.0, S2: 100.0, Y1: 60.0, Y2: 40.0})
TOWN = exact_fit(PAIRS, PEOPLE)


def town_table(**values: float) -> pd.DataFrame:
    names = {"U": U, "S": S, "M1": M1, "M2": M2, "X1": X1, "X2": X2, "X3": X3}
    return pd.DataFrame({"n": values}).rename(index=names)


# ---- by hand


def test_counts_of_the_town_by_hand():
    table = town_table(U=7, S=10, M1=3, M2=4, X1=20, X2=1, X3=2)
    carried = TOWN.counts(table)
    assert column(carried) == {U: 7, S1: 7.5, S2: 2.5, M: 7, Y1: 13, Y2: 10}
    assert carried.index.name == "lsoa21cd"
    assert carried["n"].sum() == table["n"].sum()
    assert TOWN.notes == ()


def test_a_whole_number_that_is_split_stays_a_fraction():
    assert column(TOWN.counts(town_table(S=1))) == {S1: 0.75, S2: 0.25}


def test_rates_of_the_town_by_hand():
    table = town_table(U=70, S=10, M1=30, M2=40, X1=20, X2=50, X3=80)
    people = pd.Series({M1: 100, M2: 300, X1: 200, X2: 30, X3: 20})
    carried = column(TOWN.rates(table, people))
    # Y1: 200 x 0.6 people at 20 and 30 at 50; Y2: 200 x 0.4 at 20 and 20 at 80
    expected = {U: 70, S1: 10, S2: 10, M: 37.5, Y1: (120 * 20 + 30 * 50) / 150, Y2: (80 * 20 + 20 * 80) / 100}
    assert carried == pytest.approx(expected, rel=1e-12)


def test_a_rate_of_the_merged_area_is_the_sum_of_cases_over_the_sum_of_people():
    cases, people = town_table(M1=12, M2=9), town_table(M1=40, M2=300)
    rate = TOWN.rates(100 * cases / people, people["n"])
    assert rate["n"].item() == pytest.approx((100 * TOWN.counts(cases) / TOWN.counts(people))["n"].item(), rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(100.0, 100.0), (1 / 3, 1 / 3), (0.1, 0.1)])
def test_the_mean_of_equal_rates_is_that_rate_to_the_last_digit(low, high):
    for people in ((49, 3), (0.1, 0.7), (1e9, 7)):
        rate = TOWN.rates(town_table(M1=low, M2=high), pd.Series({M1: people[0], M2: people[1]}))
        assert rate["n"].item() == low


def test_a_target_with_a_missing_part_is_missing_and_no_other():
    table = town_table(U=7, S=NAN, M1=3, M2=NAN, X1=20, X2=NAN, X3=2)
    people = pd.Series({M1: 1, M2: 1, X1: 1, X2: 1, X3: 1})
    for carried in (TOWN.counts(table), TOWN.rates(table, people)):
        assert set(carried.index[carried["n"].isna()]) == {S1, S2, M, Y1}


def test_a_part_without_weight_is_no_part_even_when_missing():
    empty = exact_fit(PAIRS, pd.Series({S1: 5.0, S2: 0.0, Y1: 10.0, Y2: 0.0}))
    assert column(empty.counts(town_table(S=NAN, X1=NAN, X2=1, X3=2))) == pytest.approx(
        {S1: NAN, S2: 0, Y1: NAN, Y2: 2}, nan_ok=True
    )
    assert column(empty.counts(town_table(X3=2))) == {Y2: 2}  # nothing of X1 goes there, so it need not be given
    rate = TOWN.rates(town_table(M1=NAN, M2=40), pd.Series({M1: 0, M2: 10}))
    assert column(rate) == {M: 40}


def test_a_rate_of_nobody_is_missing():
    rate = TOWN.rates(town_table(U=5, M1=3, M2=40), pd.Series({M1: 0, M2: 0}))
    assert column(rate) == pytest.approx({U: 5, M: NAN}, nan_ok=True)


def test_an_area_whose_zones_are_all_empty_is_shared_equally_and_noted():
    empty = exact_fit(PAIRS, pd.Series({S1: 0.0, S2: 0.0, Y1: 3.0, Y2: 1.0}))
    assert column(empty.counts(town_table(S=9))) == {S1: 4.5, S2: 4.5}
    assert len(empty.notes) == 1
    assert S in empty.notes[0]
    assert X1 not in empty.notes[0]


def test_wards_go_down_by_population_and_rates_are_copied():
    a, b, c = (code("05", n) for n in (1, 2, 3))
    pairs = pd.DataFrame({"from_code": [a, a, b, c, c], "to_code": [old(n) for n in range(5)]})
    people = pd.Series({old(0): 30, old(1): 10, old(2): 5, old(3): 0, old(4): 0})
    wards = down(pairs, people, source="WD24")
    table = pd.DataFrame({"n": {a: 8, b: 6, c: 3}})
    assert column(wards.counts(table)) == {old(0): 6, old(1): 2, old(2): 6, old(3): 1.5, old(4): 1.5}
    assert column(wards.rates(table)) == {old(0): 8, old(1): 8, old(2): 6, old(3): 3, old(4): 3}
    assert c in wards.notes[0]


def test_several_columns_and_rows_in_any_order_give_the_same_bits():
    table = pd.DataFrame({"n": np.linspace(0.1, 9, 7), "m": np.linspace(7, 0.3, 7)}, index=[U, S, M1, M2, X1, X2, X3])
    carried = TOWN.counts(table)
    pd.testing.assert_frame_equal(TOWN.counts(table.iloc[::-1]), carried, check_exact=True)
    shuffled = exact_fit(PAIRS.iloc[[4, 8, 1, 0, 7, 2, 6, 5, 3]], PEOPLE)
    pd.testing.assert_frame_equal(shuffled.counts(table), carried, check_exact=True)
    pd.testing.assert_series_equal(TOWN.counts(table[["m"]])["m"], carried["m"], check_exact=True)
    three = [(M1, M, "M"), (M2, M, "M"), (X1, M, "M")]  # (0.1 + 0.2) + 0.3 is not 0.1 + (0.2 + 0.3) in floating point
    tenths = town_table(M1=0.1, M2=0.2, X1=0.3)
    sums = {
        exact_fit(pairs_of(*rows)).counts(tenths)["n"].item() for rows in (three, three[::-1], three[1:] + three[:1])
    }
    assert len(sums) == 1


def test_nothing_in_nothing_out():
    for carried in (TOWN.counts(town_table(U=1).iloc[:0]), TOWN.rates(town_table(U=1).iloc[:0])):
        assert carried.shape == (0, 1)


def test_nullable_numbers_and_whole_numbers_are_numbers():
    table = pd.DataFrame({"n": pd.array([5, None], dtype="Int64"), "m": [1, 2]}, index=[U, S])
    carried = TOWN.counts(table)
    assert column(carried) == pytest.approx({U: 5, S1: NAN, S2: NAN}, nan_ok=True)
    assert column(carried, "m") == {U: 1, S1: 1.5, S2: 0.5}


# ---- random lookups


@st.composite
def lookups(draw: st.DrawFn) -> tuple[Lookup, dict[str, dict[str, float]]]:
    """Draw a lookup of U, S, M and X blocks, with its shares as plain Python works them out."""
    rows, people, expected = [], {}, {}
    n = iter(range(1, 10_000))
    for change in draw(st.lists(st.sampled_from("USMX"), min_size=1, max_size=8)):
        sources = [old(next(n)) for _ in range(1 if change in "US" else draw(st.integers(2, 4)))]
        targets = [new(next(n)) for _ in range(1 if change in "UM" else draw(st.integers(2, 4)))]
        people |= {t: draw(st.integers(0, 40)) for t in targets}
        for source in sources:
            mine = targets
            if change == "X" and source != sources[0]:
                mine = draw(st.lists(st.sampled_from(targets), min_size=1, unique=True))
            total = sum(people[t] for t in mine)
            expected[source] = {t: people[t] / total if total else 1 / len(mine) for t in mine}
            rows += [(source, t, change) for t in mine]
    pairs = pairs_of(*draw(st.permutations(rows)))
    return exact_fit(pairs, pd.Series(people, dtype=float)), expected


@some
@given(st.data())
def test_counts_agree_with_plain_python_and_totals_are_conserved(data):
    lookup, shares = data.draw(lookups())
    counts = {s: data.draw(st.integers(0, 500)) for s in shares}
    carried = column(lookup.counts(pd.DataFrame({"n": counts})))
    expected: dict[str, float] = {}
    for source, own in shares.items():
        for target, share in own.items():
            expected[target] = expected.get(target, 0) + counts[source] * share
    assert carried == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert list(carried) == sorted(expected)
    assert math.fsum(carried.values()) == pytest.approx(sum(counts.values()), rel=1e-12, abs=1e-9)


@some
@given(st.data())
def test_rates_agree_with_plain_python_and_stay_between_their_parts(data):
    lookup, shares = data.draw(lookups())
    rates = {s: data.draw(st.floats(0, 100)) for s in shares}
    people = {s: data.draw(st.integers(0, 500)) for s in shares}
    carried = column(lookup.rates(pd.DataFrame({"n": rates}), pd.Series(people, dtype=float)))
    parts: dict[str, list[tuple[float, float]]] = {}
    for source, own in shares.items():
        for target, share in own.items():
            parts.setdefault(target, []).append((rates[source], people[source] * share))
    for target, of in parts.items():
        total = sum(w for _, w in of)
        if len(of) == 1:
            assert carried[target] == of[0][0]
        elif total == 0:
            assert math.isnan(carried[target])
        else:
            assert carried[target] == pytest.approx(sum(r * w for r, w in of) / total, rel=1e-9, abs=1e-9)
            weighing = [r for r, w in of if w > 0]
            assert min(weighing) <= carried[target] <= max(weighing)


@some
@given(st.data())
def test_an_interval_stays_an_interval_around_the_value(data):
    lookup, shares = data.draw(lookups())
    cells = {s: sorted(data.draw(st.tuples(*[st.floats(0, 1e6)] * 3))) for s in shares}
    low, value, high = (pd.DataFrame({"n": {s: c[i] for s, c in cells.items()}}) for i in range(3))
    people = pd.Series({s: float(data.draw(st.integers(0, 9))) for s in shares})
    for carry in (lookup.counts, lambda t: lookup.rates(t, people)):
        ends = [carry(t)["n"] for t in (low, value, high)]
        known = ends[1].notna()
        assert (ends[0] <= ends[1])[known].all()
        assert (ends[1] <= ends[2])[known].all()


@some
@given(st.data())
def test_missing_means_exactly_the_targets_that_a_missing_source_weighs_in(data):
    lookup, shares = data.draw(lookups())
    gone = data.draw(st.sets(st.sampled_from(sorted(shares))))
    counts = pd.DataFrame({"n": {s: NAN if s in gone else 3.0 for s in shares}})
    carried = lookup.counts(counts)
    expected = {t for s in gone for t, share in shares[s].items() if share > 0}
    assert set(carried.index[carried["n"].isna()]) == expected


@some
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=5), st.integers(0, 10_000))
def test_split_and_merged_again_a_count_is_as_it_was(people, count):
    zones = [new(n) for n in range(len(people))]
    there = exact_fit(pairs_of(*((S, z, "S") for z in zones)), pd.Series(people, index=zones, dtype=float))
    back = exact_fit(pairs_of(*((z, S, "M") for z in zones)))
    table = pd.DataFrame({"n": {S: count}})
    assert back.counts(there.counts(table))["n"].item() == pytest.approx(count, rel=1e-12)
    shared = there.rates(table)
    assert back.rates(shared, pd.Series(1.0, index=zones))["n"].item() == count


# ---- what is refused


def test_a_lookup_of_unchanged_and_merged_areas_needs_no_population():
    plain = exact_fit(pairs_of((U, U, "U"), (M1, M, "M"), (M2, M, "M")))
    assert column(plain.counts(town_table(U=1, M1=2, M2=3))) == {U: 1, M: 5}


def test_splits_without_a_population_say_what_is_needed():
    text = faults_of(lambda: exact_fit(PAIRS))
    assert "1 fault" in text
    assert "population by LSOA21: needed and missing (codes of LSOA11 are split among these) (4)" in text
    assert S1 in text
    assert M not in text


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (
            {S1: 300.0, S2: NAN, Y1: 1.0, Y2: 1.0},
            f"needed and missing (codes of LSOA11 are split among these) (1): {S2}",
        ),
        ({S1: -1.0, S2: 1.0, Y1: 1.0, Y2: 1.0}, f"negative or infinite (1): {S1}"),
        ({S1: 1.0, S2: 1.0, Y1: math.inf, Y2: 1.0}, f"negative or infinite (1): {Y1}"),
    ],
)
def test_a_population_that_will_not_do_is_refused(people, expected):
    assert expected in faults_of(lambda: exact_fit(PAIRS, pd.Series(people)))


def test_a_population_with_a_zone_twice_is_refused():
    twice = pd.concat([PEOPLE, PEOPLE[[S2]]])
    assert f"stand twice (1): {S2}" in faults_of(lambda: exact_fit(PAIRS, twice))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (pairs_of((U, U, "S")), U),
        (pairs_of((U, U, "X")), U),
        (pairs_of((U, U, "?")), U),
        (pairs_of((S, S1, "U"), (S, S2, "U")), S),
        (pairs_of((S, S1, "S")), S),  # cut to a list of zones
        (pairs_of((M1, M, "M")), M1),
        (pairs_of((M1, M, "S"), (M2, M, "S")), M1),
        (pairs_of((X1, Y1, "S"), (X1, Y2, "S"), (X2, Y1, "S")), X2),
    ],
)
def test_flags_that_the_pairs_contradict_are_refused(wrong, named):
    text = faults_of(lambda: exact_fit(wrong, PEOPLE))
    assert "are not U, S, M or X as flagged" in text
    assert named in text
    assert "exact-fit lookup" in text


def test_a_best_fit_lookup_is_told_from_the_exact_fit():
    text = faults_of(lambda: exact_fit(PAIRS.drop(columns="change"), PEOPLE))
    assert "column 'change' is missing" in text
    assert "best-fit" in text


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (PAIRS.iloc[:0], "has no rows"),
        (pairs_of((U, None, "U")), "a code is blank"),
        (pairs_of((U, U, "U"), (U, U, "U")), f"stand twice with one target (1): {U}"),
    ],
)
def test_pairs_that_will_not_do_are_refused(pairs, expected):
    assert expected in faults_of(lambda: exact_fit(pairs, PEOPLE))


def test_a_zone_in_two_wards_is_refused():
    pairs = pd.DataFrame({"from_code": [code("05", 1), code("05", 2)], "to_code": [U, U]})
    assert f"lie in more than one area (1): {U}" in faults_of(lambda: down(pairs, PEOPLE, source="WD24"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(U, U, 0.9)], f"shares do not add up to 1 (1): {U}"),
        ([(S, S1, 1.5), (S, S2, -0.5)], f"a share is not 0 to 1 (1): {S}"),
        ([(U, U, NAN)], f"a share is not 0 to 1 (1): {U}"),
        ([(U, U, "half")], f"a share is not 0 to 1 (1): {U}"),
    ],
)
def test_shares_that_do_not_share_out_are_refused(rows, expected):
    assert expected in faults_of(lambda: lookup_of("LSOA11", *rows))


def test_every_fault_of_a_table_is_told_at_once():
    bad = pd.DataFrame({"n": [-9.0, 1, 2, math.inf, 3], "name": list("abcde")}, index=[U, S, S, X2, old(77)])
    text = faults_of(lambda: TOWN.counts(bad, where="births.csv"))
    for expected in (
        f"births.csv: stand twice (1): {S}",
        "columns without numbers (1): name",
        f"hold a negative or infinite count (2): {U}, {X2}",
        f"holds codes that the lookup LSOA11 to LSOA21 does not know (1): {old(77)}",
    ):
        assert expected in text
    assert "4 faults" in text


def test_a_rate_may_be_negative_and_a_flag_is_no_number():
    assert column(TOWN.rates(town_table(U=-5))) == {U: -5}
    assert "columns without numbers (1): n" in faults_of(lambda: TOWN.rates(pd.DataFrame({"n": [True]}, index=[U])))
    assert "hold an infinite rate" in faults_of(lambda: TOWN.rates(town_table(U=-math.inf)))


@pytest.mark.parametrize("carry", ["counts", "rates"])
def test_part_of_a_merged_zone_is_not_taken_for_the_zone(carry):
    text = faults_of(lambda: getattr(TOWN, carry)(town_table(U=1, M1=5, X2=4)))
    assert f"lacks codes that share a zone with codes that it has (2): {M2}, {X1}" in text


def test_merged_rates_need_denominators_and_only_those():
    table = town_table(U=1, S=2, M1=3, M2=4)
    text = faults_of(lambda: TOWN.rates(table, where="rates.csv"))
    assert (
        f"denominators of rates.csv: needed and missing (lookup LSOA11 to LSOA21 merges these) (2): {M1}, {M2}" in text
    )
    assert f"(1): {M2}" in faults_of(lambda: TOWN.rates(table, pd.Series({M1: 3, M2: -1})))
    assert column(TOWN.rates(table.iloc[:2])) == {U: 1, S1: 2, S2: 2}


def test_an_lsoa_2021_table_taken_for_2011_is_recognised_and_the_other_way_round():
    table = pd.DataFrame({"n": 1.0}, index=[U, S1, S2, M])
    text = faults_of(lambda: TOWN.counts(table))
    assert f"holds codes of LSOA21, not of LSOA11 (3): {S1}, {S2}, {M}" in text
    faults = Faults(InputError)
    refuse([U, S, M1], "LSOA21", lookup=TOWN, where="imd.csv", faults=faults)
    told = f"imd.csv: holds codes of LSOA11, not of LSOA21 (2): {S}, {M1} -> carry the table to LSOA21 with "
    assert [str(f) for f in faults.found] == [told + mend("LSOA11")]


def test_codes_that_did_not_change_pass_for_either_year():
    faults = Faults(InputError)
    for vintage in ("LSOA11", "LSOA21"):
        refuse([U], vintage, lookup=TOWN, where="t", faults=faults)
    assert faults.found == []


@pytest.mark.parametrize(
    ("codes", "expected", "told"),
    [
        (["E05000001", "E02000001"], "LSOA21", ["holds WD codes, not LSOA21 codes (1): E05", "holds MSOA codes"]),
        (["E00000001"], "LSOA21", ["holds OA codes, not LSOA21 codes"]),
        (["E06000017", "E09000001"], "WD24", ["holds LAD codes, not WD24 codes (2)"]),
        (["Oakham", "95GG", "S01000001"], "LSOA21", ["holds unknown codes, not LSOA21 codes (3): 95GG, Oakham, S01"]),
        ([None, "E01000001"], "LSOA21", ["the code is blank"]),
        ([], "LSOA21", []),
        (["W01000001"], "LSOA11", []),
    ],
)
def test_codes_are_told_apart_by_their_form(codes, expected, told):
    faults = Faults(InputError)
    refuse(codes, expected, where="t", faults=faults)
    assert len(faults.found) == len(told)
    assert all(any(t in str(f) for f in faults.found) for t in told)


def test_codes_of_another_form_name_the_lookup_that_would_mend_it():
    faults = Faults(InputError)
    refuse(["E05000001"], "LSOA21", where="t", faults=faults)
    assert mend("WD24") in faults.found[0].fix
    assert mend("WD24") == mend("WD22") != mend("MSOA21")
    assert "CHGIND" in mend("lsoa11")
    assert mend("POSTCODE") == "a lookup from POSTCODE to LSOA21"


# ---- births over the years


def births(**values: float) -> pd.Series:
    return town_table(**values)["n"]


def test_births_pool_over_the_change_of_geography_by_hand():
    one, two = births(U=10, S=8, M1=3, M2=4), births(U=12, S=4, M1=1, M2=0)
    three = pd.Series({U: 11, S1: 5, S2: 1, M: 6})
    pooled = pool({2023: three, 2021: one, 2022: two}, TOWN)
    assert pooled["births"].to_dict() == {U: 33, S1: 6 + 3 + 5, S2: 2 + 1 + 1, M: 14}
    assert pooled["births_a_year"].to_dict() == pytest.approx({U: 11, S1: 14 / 3, S2: 4 / 3, M: 14 / 3})
    assert pooled["years"].tolist() == [3] * 4
    assert pooled.index.name == "lsoa21cd"
    assert pooled["births"].sum() == one.sum() + two.sum() + three.sum()


def test_years_by_lsoa_2021_alone_need_no_lookup():
    pooled = pool({2023: pd.Series({M: 2, U: 1}), 2024: pd.Series({M: 1, U: 1})})
    assert list(pooled["births"].items()) == [(U, 2), (M, 3)]


def test_the_vintage_of_a_year_can_be_told():
    assert pool({2021: (pd.Series({U: 1, M: 2}), "LSOA21")})["births"].to_dict() == {U: 1, M: 2}
    late = pool({2024: (births(U=1, M1=1, M2=1), "LSOA11")}, TOWN)
    assert late["births"].to_dict() == {U: 1, M: 2}


def test_mixed_vintages_without_the_lookup_are_refused_with_its_name():
    text = faults_of(lambda: pool({2022: births(U=1), 2023: pd.Series({U: 1})}))
    assert f"births of 2022: are by LSOA11, not by LSOA21 -> give the lookup: {mend('LSOA11')}" in text
    wards = (pd.Series({"E05000001": 1}), "WD24")
    assert f"give the lookup: {mend('WD24')}" in faults_of(lambda: pool({2023: wards}, TOWN))


def test_births_of_the_wrong_vintage_are_recognised_in_either_direction():
    text = faults_of(lambda: pool({2022: pd.Series({U: 1, M: 2}), 2023: births(U=1, M1=2, M2=3)}, TOWN))
    assert f"births of 2022: holds codes of LSOA21, not of LSOA11 (1): {M}" in text
    assert f"births of 2023: holds codes of LSOA11, not of LSOA21 (2): {M1}, {M2}" in text


def test_a_zone_missing_in_a_year_is_a_fault_and_so_is_a_blank():
    text = faults_of(lambda: pool({2022: births(U=1, S=2), 2023: pd.Series({U: 1, S1: 2})}, TOWN))
    assert f"births of 2023: lack zones that other years have (1): {S2}" in text
    text = faults_of(lambda: pool({2023: pd.Series({U: 1, S1: NAN}), 2024: pd.Series({U: -1, S1: 1})}, TOWN))
    assert f"births of 2023: are blank (1): {S1}" in text
    assert f"births of 2024: hold a negative or infinite count (1): {U}" in text
    assert "there is no year" in faults_of(lambda: pool({}))


def test_the_ends_of_suppressed_births_pool_in_order():
    low, high = births(U=0, S=8, M1=0, M2=4), births(U=2, S=8, M1=2, M2=4)
    after = pd.Series({U: 11, S1: 5, S2: 1, M: 6})
    ends = [pool({2022: end, 2023: after}, TOWN)["births"] for end in (low, high)]
    assert (ends[0] <= ends[1]).all()
    assert (ends[1] - ends[0]).to_dict() == {U: 2, S1: 0, S2: 0, M: 2}


# ---- all of England


@pytest.fixture(scope="module")
def england(real_data):
    folder = real_data / "england"
    raw = pd.read_csv(folder / "lsoa11_lsoa21_exact_fit_lad22_v3.csv.gz")
    pairs = raw.rename(columns={"LSOA11CD": "from_code", "LSOA21CD": "to_code", "CHGIND": "change"})
    ages = pd.read_csv(folder / "lsoa21_census2021_age_groups.csv.gz", index_col="lsoa21_code")
    single = pd.read_parquet(folder / "lsoa11_mid2020_single_year.parquet").set_index("lsoa11_code")
    return {
        "pairs": pairs[pairs["from_code"].str.startswith("E")],
        "under_16": ages["Aged 15 years and under"],
        "everyone": ages.drop(columns="lsoa21_name").sum(axis=1),
        "single": single.drop(columns="lsoa11_name"),
        "proxy": pd.read_csv(folder / "lsoa21_births_proxy_age0_mid2020_derived.csv.gz", index_col="LSOA21CD"),
    }


@pytest.mark.data
def test_the_exact_fit_lookup_of_england_has_the_known_changes(england):
    lookup = exact_fit(england["pairs"], england["under_16"])
    groups = lookup.pairs.groupby("change")
    sizes = {c: (g["from_code"].nunique(), g["to_code"].nunique()) for c, g in groups}
    assert sizes == {"U": (31_810, 31_810), "S": (834, 1_842), "M": (194, 97), "X": (6, 6)}
    assert lookup.notes == ()
    assert "needed and missing (codes of LSOA11 are split among these) (1,848)" in faults_of(
        lambda: exact_fit(england["pairs"])
    )


@pytest.mark.data
def test_every_age_of_england_is_conserved(england):
    lookup = exact_fit(england["pairs"], england["under_16"])
    ages = england["single"].iloc[:, :30]
    carried = lookup.counts(ages)
    assert carried.shape == (33_755, 30)
    assert carried.sum().to_numpy() == pytest.approx(ages.sum().to_numpy(), rel=1e-12)
    assert carried["0"].sum() == pytest.approx(601_913, rel=1e-12)


@pytest.mark.data
def test_the_births_proxy_is_given_back(england):
    """It was split by Census 2021 residents under 16, and rounded to two places; U and M agree whatever the split."""
    proxy, age_0 = england["proxy"], england["single"][["0"]]
    for name, agreeing in (("under_16", "USMX"), ("everyone", "UM")):
        carried = exact_fit(england["pairs"], england[name]).counts(age_0)["0"]
        off = (carried - proxy["age0_mid2020"]).abs()
        assert off[proxy["change"].isin(list("UM"))].max() == 0
        assert off[proxy["change"].isin(list(agreeing))].max() < 0.0051
        assert (off[~proxy["change"].isin(list(agreeing))].max() > 1) == (name == "everyone")
        assert carried.sum() == pytest.approx(601_913, rel=1e-12)


@pytest.mark.data
def test_an_england_of_the_wrong_year_is_refused(england):
    lookup = exact_fit(england["pairs"], england["under_16"])
    text = faults_of(lambda: lookup.counts(england["proxy"][["age0_mid2020"]]))
    assert "holds codes of LSOA21, not of LSOA11 (1,945)" in text
    faults = Faults(InputError)
    refuse(england["single"].index, "LSOA21", lookup=lookup, where="mid-2020", faults=faults)
    assert "holds codes of LSOA11, not of LSOA21 (1,034)" in str(faults.found[0])


@pytest.mark.data
def test_births_of_england_pool_over_the_change(england):
    lookup = exact_fit(england["pairs"], england["under_16"])
    pooled = pool({2020: england["single"]["0"], 2023: england["proxy"]["age0_mid2020"]}, lookup)
    assert len(pooled) == 33_755
    assert pooled["births_a_year"].sum() == pytest.approx(601_913, abs=0.1)


@pytest.fixture(scope="module")
def wards(real_data, england):
    folder = real_data / "england"
    raw = pd.read_csv(folder / "lookup_lsoa21_ward24_ltla24.csv.gz")
    pairs = raw.rename(columns={"ward24_code": "from_code", "lsoa21_code": "to_code"})
    poor = pd.read_csv(folder / "cilif_ahc_ward_england.csv.gz", index_col="ward_code")
    england_pairs = pairs[pairs["to_code"].str.startswith("E")]
    return down(england_pairs, england["under_16"], source="WD24"), poor[["n_fye2025"]]


@pytest.mark.data
def test_wards_without_a_zone_are_named_and_the_rest_is_conserved(wards):
    lookup, poor = wards
    text = faults_of(lambda: lookup.counts(poor, where="low income"))
    assert "1 fault" in text
    assert "holds codes that the lookup WD24 to LSOA21 does not know (18): E05009291, E05009292" in text
    known = poor.index.isin(lookup.pairs["from_code"])
    assert poor.loc[~known, "n_fye2025"].sum() == 468
    carried = lookup.counts(poor[known])
    assert carried["n_fye2025"].sum() == pytest.approx(poor.loc[known, "n_fye2025"].sum(), rel=1e-12)
    assert len(carried) == 33_754  # the table lacks one ward of the lookup, E05009312 in the City of London
    missing = lookup.pairs["from_code"][lookup.pairs["to_code"].isin(carried.index[carried["n_fye2025"].isna()])]
    assert set(missing) == set(poor.index[known & poor["n_fye2025"].isna()])


@pytest.mark.data
def test_wards_of_2022_are_refused_by_a_lookup_of_2024(real_data, wards):
    older = pd.read_parquet(real_data / "england" / "england_wards22.parquet", columns=["ward22_code"])
    faults = Faults(InputError)
    refuse(older["ward22_code"], "WD24", lookup=wards[0], where="wards of 2022", faults=faults)
    assert len(faults.found) == 1
    assert "does not know (1,643)" in faults.found[0].what
    assert "the lookup of the table's own year" in faults.found[0].fix
