"""Councils: every name and code of England since 2009, against the lists of ONS where they are at hand."""

from __future__ import annotations

import re
from itertools import product

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs import __main__ as cli
from needs import councils
from needs.councils import regions_of, resolve, search
from needs.councils.register import read, registered
from needs.errors import SettingsError
from needs.settings import CATALOGUE

SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
ENTRIES = councils.councils()
FORMER = registered().others

one = st.sampled_from(ENTRIES)
several = st.lists(one, min_size=1, max_size=5, unique=True)


def faults(text: str) -> list[str]:
    """What is said of a text that names no council."""
    with pytest.raises(SettingsError) as error:
        resolve(text)
    return [str(f) for f in error.value.faults]


def table(folder, name: str) -> pd.DataFrame:
    path = folder / "england" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the real open data")
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)


def english(frame: pd.DataFrame, code: str) -> pd.DataFrame:
    return frame[frame[code].str.startswith("E", na=False)]


# ---- Against the lists of ONS


def test_the_register_has_all_districts_and_upper_tiers():
    districts = [e.code for e in ENTRIES if not e.is_county]
    assert len(set(districts)) == len(districts) == 296
    assert {kind: sum(c.startswith(kind) for c in districts) for kind in ("E06", "E07", "E08", "E09")} == {
        "E06": 63, "E07": 164, "E08": 36, "E09": 33,
    }  # fmt: skip
    assert len({code for c in districts for code in resolve(c).upper}) == 153


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "name", "code"),
    [
        ("england_ltla24.parquet", "ltla24_name", "ltla24_code"),
        ("lookup_lsoa21_ward24_ltla24.csv.gz", "ltla24_name", "ltla24_code"),
    ],
)
def test_districts_of_2024_resolve_by_code_and_name(real_data, file, name, code):
    frame = english(table(real_data, file), code)[[name, code]].drop_duplicates()
    assert len(frame) == 296
    assert set(frame[code]) == {e.code for e in ENTRIES if not e.is_county}
    for title, district in frame.itertuples(index=False):
        assert resolve(district).codes == resolve(title).codes == (district,), title


@pytest.mark.data
def test_upper_tiers_resolve_to_their_districts(real_data):
    frame = english(table(real_data, "ltla_utla_2023.csv"), "UTLA23CD")
    groups = frame.groupby(["UTLA23CD", "UTLA23NM"])["LTLA23CD"].agg(lambda c: tuple(sorted(c)))
    assert len(groups) == 153
    for (code, name), districts in groups.items():
        assert resolve(code).codes == resolve(name).codes == districts, name
        assert {upper for d in districts for upper in resolve(d).upper} == {code}


@pytest.mark.data
def test_every_code_of_the_history_leads_to_the_active_one(real_data):
    frame = table(real_data, "la_all_codes.csv")
    england = english(frame, "LADCD")
    for row in england.itertuples():
        found = resolve(row.LADCD)
        assert found.codes == resolve(row.LADCD_ACTIVE).codes == resolve(row.LADNM_ACTIVE).codes, row.LADCD
        assert found.upper == resolve(row.UTLACD).upper, row.LADCD
        assert found.regions == (row.RGNCD,)
        assert regions_of([row.LADCD]) == {row.RGNCD: row.RGNNM}
        assert resolve(row.LADNM).codes == found.codes, row.LADNM
        told = row.LADCD not in found.codes or row.LADCD.startswith("E07") or row.LADNM == "Dorset"
        assert bool(found.notes) == told, row.LADCD
    assert {c for code in england["LADCD_ACTIVE"] for c in resolve(code).codes} == {
        e.code for e in ENTRIES if not e.is_county
    }
    for region, group in england.groupby("RGNCD"):
        of_region = {c for code in group["LADCD_ACTIVE"] for c in resolve(code).codes}
        assert of_region == {e.code for e in ENTRIES if e.region == region and not e.is_county}
    for row in frame[~frame["LADCD"].str.startswith("E")].itertuples():
        for told in (row.LADCD, row.LADNM):
            (fault,) = faults(told)
            assert f"lies in {row.CTRYNM}" in fault
            assert "England alone" in fault


@pytest.mark.data
def test_older_lists_resolve_by_code_and_name(real_data):
    old = english(table(real_data, "lookup_lsoa11_ltla21.csv.gz"), "ltla21_code")
    for name, code in old[["ltla21_name", "ltla21_code"]].drop_duplicates().itertuples(index=False):
        assert resolve(code).codes == resolve(name).codes, name
    upper = english(table(real_data, "eyfsp_la_2021_22.csv.gz"), "new_la_code")
    upper = upper[["la_name", "new_la_code", "region_code"]].drop_duplicates()
    assert len(upper) == 152
    for name, code, region in upper.itertuples(index=False):
        assert resolve(code).codes == resolve(name).codes, name
        assert resolve(code).regions == ("E12000007" if region.startswith("E13") else region,)


# ---- By hand


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Rutland County Council", ("E06000017",)),
        ("BOROUGH COUNCIL OF KING’S LYNN & WEST NORFOLK", ("E07000146",)),
        ("king s lynn and west norfolk", ("E07000146",)),
        ("Bristol, City of", ("E06000023",)),
        ("Bristol, City of UA", ("E06000023",)),
        ("Herefordshire, County of", ("E06000019",)),
        ("Hull City Council", ("E06000010",)),
        ("Royal Borough of Kensington & Chelsea", ("E09000020",)),
        ("City of Westminster", ("E09000033",)),
        ("London Borough of City of London", ("E09000001",)),
        ("City of London Council", ("E09000001",)),
        ("City of London Corporation", ("E09000001",)),
        ("Council of the Isles of Scilly", ("E06000053",)),
        ("City of Bradford Metropolitan District Council", ("E08000032",)),
        ("Durham County Council", ("E06000047",)),
        ("Saint Helens", ("E08000013",)),
        ("St. Hélens", ("E08000013",)),
        ("Bedford", ("E06000055",)),
        ("e06000017", ("E06000017",)),
        # Counties of two tiers that are no more
        ("Cumbria", ("E06000063", "E06000064")),
        ("Northamptonshire", ("E06000061", "E06000062")),
        ("Cheshire", ("E06000049", "E06000050")),
        ("Bedfordshire", ("E06000055", "E06000056")),
        ("E10000009", ("E06000058", "E06000059")),
        ("Dorset County Council", ("E06000058", "E06000059")),
        ("Dorset", ("E06000059",)),
        ("Dorset Council", ("E06000059",)),
        ("E10000022", ("E06000057",)),
        ("E10000023", ("E06000065",)),
        # Codes that are older, or newer, than those of 2024
        ("E06000048", ("E06000057",)),
        ("E07000157", ("E06000057",)),
        ("E07000025", ("E06000053",)),
        ("E07000097", ("E07000242",)),
        ("E07000100", ("E07000240",)),
        ("E07000101", ("E07000243",)),
        ("E07000104", ("E07000241",)),
        ("E08000020", ("E08000037",)),
        ("E08000038", ("E08000016",)),
        ("E08000039", ("E08000019",)),
        ("E07000246", ("E06000066",)),
        ("Taunton Deane", ("E06000066",)),
        ("Shepway", ("E07000112",)),
        # Several as one
        ("Rutland + Halton", ("E06000006", "E06000017")),
        ("Rutland, Halton, and Leeds", ("E06000006", "E06000017", "E08000035")),
        ("E06000017 & E07000026", ("E06000017", "E06000063")),
        ("rutland-halton", ("E06000006", "E06000017")),
        ("Bournemouth, Christchurch and Poole", ("E06000058",)),
        ("Bournemouth, Christchurch, Poole and Brighton & Hove and Rutland", ("E06000017", "E06000043", "E06000058")),
        ("Bath and North East Somerset and North Somerset", ("E06000022", "E06000024")),
        ("Kingston upon Hull, City of, Herefordshire, County of; Telford & Wrekin",
         ("E06000010", "E06000019", "E06000020")),
    ],
)  # fmt: skip
def test_names_and_codes_resolve(text, codes):
    found = resolve(text)
    assert found.codes == codes
    assert SLUG.match(found.slug)


def test_a_county_a_district_and_a_unitary_council():
    county, district, unitary = resolve("staffordshire"), resolve("Stafford Borough Council"), resolve("Rutland")
    assert (county.name, county.slug, county.upper) == ("Staffordshire", "staffordshire", ("E10000028",))
    assert county.codes == tuple(f"E0700019{n}" for n in range(2, 10))
    (note,) = county.notes
    assert note.startswith("Staffordshire is a county of 8 districts: Cannock Chase, East Staffordshire, Lichfield, ")
    assert (district.name, district.codes, district.upper) == ("Stafford", ("E07000197",), ("E10000028",))
    assert "Staffordshire (E10000028)" in district.notes[0]
    assert (unitary.upper, unitary.regions, unitary.notes) == (("E06000017",), ("E12000004",), ())
    assert regions_of([*county.codes, "E06000017"]) == {"E12000004": "East Midlands", "E12000005": "West Midlands"}


NOTES = {
    "Allerdale": "Allerdale was abolished on 1 April 2023; its area is part of Cumberland (E06000063), "
    "which is taken whole.",
    "E08000038": "E08000038 is the code of Barnsley from 1 April 2025; tables of 2024 use E08000016.",
    "E06000048": "E06000048 was the code of Northumberland until 1 April 2013; tables of 2024 use E06000057.",
    "Cheshire": "Until 1 April 2009 Cheshire was a county of districts; its area is now Cheshire East (E06000049) and "
    "Cheshire West and Chester (E06000050).",
    "E10000009": "Until 1 April 2019 Dorset was a county of districts; its area is now Dorset (E06000059) and part of "
    "Bournemouth, Christchurch and Poole (E06000058), which is taken whole.",
    "E07000002": "Bedford became a council of one tier on 1 April 2009: Bedford (E06000055).",
    "West Somerset": "West Somerset was abolished on 1 April 2019 and became part of Somerset West and Taunton. "
    "Somerset West and Taunton was abolished on 1 April 2023; its area is part of Somerset (E06000066), "
    "which is taken whole.",
    "Shepway": "Shepway is called Folkestone and Hythe since 1 April 2018.",
}


@pytest.mark.parametrize("text", list(NOTES))
def test_notes_say_what_was_understood(text):
    assert resolve(text).notes[0] == NOTES[text]


@pytest.mark.parametrize(
    ("text", "name", "slug"),
    [
        ("Allerdale", "Cumberland", "cumberland"),
        ("Taunton Deane", "Somerset", "somerset"),
        ("Cumbria County Council", "Cumbria", "cumbria"),
        ("E10000009", "Dorset and Bournemouth, Christchurch and Poole", "dorset-bournemouth-christchurch-and-poole"),
        ("Leeds, Hull and B&NES", "Leeds, Kingston upon Hull and Bath and North East Somerset",
         "leeds-kingston-upon-hull-bath-and-north-east-somerset"),
    ],
)  # fmt: skip
def test_names_and_slugs(text, name, slug):
    found = resolve(text)
    assert (found.name, found.slug) == (name, slug)


def test_today_s_dorset_tells_of_the_county_before():
    assert any("E10000009" in note for note in resolve("Dorset").notes)


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("Rutland + rutland", "Rutland", "Rutland is meant more than once and counts once."),
        ("Stafford + Staffordshire", "Staffordshire", "Stafford lies within Staffordshire and counts once."),
        ("Staffordshire + Stafford + Leeds", "Staffordshire and Leeds",
         "Stafford lies within Staffordshire and counts once."),
        ("Cumberland + Cumbria", "Cumbria", "Cumberland lies within Cumbria and counts once."),
        ("Bournemouth and Poole", "Bournemouth, Christchurch and Poole",
         "Bournemouth, Christchurch and Poole is meant more than once and counts once."),
    ],
)  # fmt: skip
def test_what_is_named_twice_counts_once(text, name, note):
    found = resolve(text)
    assert found.name == name
    assert note in found.notes
    assert len(set(found.codes)) == len(found.codes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Newcastle", ["could be several", "Newcastle upon Tyne (E08000021) or Newcastle-under-Lyme (E07000195)"]),
        ("Richmond", ["could be several", "Richmond upon Thames (E09000027)", "Richmondshire (E07000166, until"]),
        ("Sussex", ["East Sussex", "Mid Sussex", "West Sussex"]),
        ("North", ["could be several", "more, which `needs areas` lists"]),
        ("Stafordshire", ["no English council", "did you mean Staffordshire (E10000028)", "Hertfordshire"]),
        ("Brigton & Hove", ["'Brigton & Hove'", "did you mean Brighton and Hove (E06000043)?"]),
        ("Hammersmith", ["did you mean Hammersmith and Fulham"]),
        ("newcastle-under-lime", ["'newcastle-under-lime'", "Newcastle-under-Lyme"]),
        ("London", ["is a region of 33 councils"]),
        ("London Borough Council", ["is a region of 33 councils"]),
        ("Yorkshire & the Humber", ["is a region of 15 councils"]),
        ("E12000004", ["is a region of 35 councils, counties aside"]),
        ("Wales", ["lies in Wales", "England alone"]),
        ("Glasgow City Council", ["lies in Scotland"]),
        ("Comhairle nan Eilean Siar", ["no English council"]),
        ("S12000099", ["lies in Scotland"]),
        ("E06000099", ["no English council's code", "needs areas"]),
        ("E01013790", ["no English council's code"]),
        ("", ["names no council"]),
        (" + , ", ["names no council"]),
        ("Council", ["no English council"]),
        ("+;,&", ["names no council"]),
        ("(((", ["no English council"]),
        ("x" * 5000, ["no English council"]),
    ],
)
def test_what_is_unknown_or_unclear_is_told(text, told):
    (fault,) = faults(text)
    assert all(word in fault for word in told), fault


def test_all_faults_of_a_list_are_told_at_once():
    found = faults("Rutlnd, Halton + Haltn + Newport + E06000099")
    assert len(found) == 4
    assert [re.search(r"'(.*?)'", f)[1] for f in found] == ["Rutlnd", "Haltn", "Newport", "E06000099"]


def test_regions_of_tells_every_unknown_code():
    with pytest.raises(SettingsError) as error:
        regions_of(["E06000017", "W06000001", "E06000099"])
    assert len(error.value.faults) == 2


# ---- Properties

STYLES = (
    "{}", "{} Council", "{} Borough Council", "{} District Council", "{}, City of", "City of {}", "The {} (B)",
    "Royal Borough of {}", "London Borough of {}", "Metropolitan Borough of {} Council",
)  # fmt: skip
GAPS = st.sampled_from([" ", "  ", "-", " - ", ".", ". ", "_", "\t", " – ", "/"])
CASES = st.sampled_from([str.upper, str.lower, str.title, str.swapcase, str])
ACCENTS = st.sampled_from(["", "\u0301", "\u0308"])


@st.composite
def variants(draw):
    """A council, and its name written in some other way."""
    entry = draw(one)
    words = [draw(CASES)(word).replace("'", draw(st.sampled_from(["", "’", "'"]))) for word in entry.name.split()]
    words = [draw(st.sampled_from(["&", "and", "AND"])) if word.casefold() == "and" else word for word in words]
    text = words[0] + "".join(draw(GAPS) + word for word in words[1:]) + draw(ACCENTS)
    return entry, f"{draw(st.sampled_from(['', ' ', '“']))}{draw(st.sampled_from(STYLES)).format(text)}{draw(GAPS)}"


@given(variants())
def test_any_way_of_writing_a_name_resolves_to_it(variant):
    entry, text = variant
    assert resolve(text).codes == tuple(sorted(entry.districts)), text


@given(several, st.data())
def test_councils_join_in_any_order(entries, data):
    signs = st.sampled_from([" + ", "+", ", ", "; ", " and ", " & ", ", and "])
    names = [data.draw(st.sampled_from([e.name, e.code, councils.resolve(e.code).slug])) for e in entries]
    for listed in (names, data.draw(st.permutations(names))):
        text = listed[0] + "".join(data.draw(signs) + name for name in listed[1:])
        found = resolve(text)
        assert set(found.codes) == {c for e in entries for c in e.districts}, text
        assert list(found.codes) == sorted(set(found.codes))
        assert found.regions == tuple(sorted({e.region for e in entries}))


@given(several)
def test_names_and_slugs_of_what_was_found_find_it_again(entries):
    found = resolve(" + ".join(e.code for e in entries))
    for text in (found.name, found.slug, " + ".join(found.codes)):
        assert resolve(text).codes == found.codes, text
    assert resolve(found.slug).slug == found.slug
    assert SLUG.match(found.slug)


def test_each_council_is_found_again_by_slug_name_and_code():
    slugs = [resolve(e.code).slug for e in ENTRIES]
    assert len(set(slugs)) == len(slugs)
    for entry, slug in zip(ENTRIES, slugs, strict=True):
        assert SLUG.match(slug)
        assert resolve(slug) == resolve(entry.code) == resolve(entry.name)


def test_no_two_pairs_of_councils_have_one_slug():
    """So that a slug of two can be read in one way."""
    slugs = {e.code: resolve(e.code).slug for e in ENTRIES}
    joined = [f"{a}-{b}" for (x, a), (y, b) in product(slugs.items(), repeat=2) if x != y]
    assert len(set(joined)) == len(joined)
    assert not set(joined) & set(slugs.values())


WORDS = st.sampled_from(["Rutland", "and", ",", "+", "&", "City", "of", "E06000017", "-", "Hove", "Bath", "North"])


@given(st.text(max_size=40) | st.lists(WORDS).map(" ".join))
def test_any_text_is_a_council_or_told_to_be_none(text):
    try:
        codes = set(resolve(text).codes)
    except SettingsError as error:
        codes = set()
        told = error.faults
    else:
        told = []
    assert bool(codes) != bool(told)
    assert codes <= {e.code for e in ENTRIES if not e.is_county}


# ---- The register


def test_former_councils_lead_to_today():
    today = {e.code for e in ENTRIES}
    assert len({e.code for e in FORMER}) == len(FORMER)
    for entry in FORMER:
        assert set(entry.districts) <= today
        assert entry.note
        assert tuple(sorted(entry.districts)) == resolve(entry.code).codes
    ended = {e.name: set(e.districts) for e in FORMER if e.is_county}
    for name, heirs in ended.items():
        of_it = {d for e in FORMER if e.county == name for d in e.districts}
        assert of_it == heirs, name


BROKEN = {
    "code E07000008 stands twice": ('E06000002 = "Middlesbrough"', 'E07000008 = "Middlesbrough"'),
    "name 'leeds' stands twice": ('"Wakefield"', '"LEEDS"'),
    "code E06000099 is no council's": ("into.E06000060.E07000004", "into.E06000099.E07000004"),
    "region E12000010 is not named": ("[one_tier.E12000009]", "[one_tier.E12000010]"),
    "of E08000098 and E08000099 not one is today's": ('codes.E08000016 = "E08000038"', 'codes.E08000098 = "E08000099"'),
    "E07000246 ended before others went into it": (
        'on = 2023-04-01\norder = "The Som',
        'on = 2019-04-01\norder = "The Som',
    ),
    "should match pattern": ('code = "E07000112"', 'code = "E7"'),
    "there is no such setting: did you mean 'vintage'?": ("vintage = 2024", "vintage = 2024\nvintages = 2024"),
}


@pytest.mark.parametrize("told", list(BROKEN))
def test_a_wrong_register_is_refused(tmp_path, told):
    text, (right, wrong) = (CATALOGUE / "councils.toml").read_text("utf-8"), BROKEN[told]
    assert text.count(right) == 1
    text = text.replace(right, wrong)
    path = tmp_path / "councils.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=re.escape(told)):
        read(path)


# ---- The command


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["needs", "areas", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_areas_lists_every_council_once(capsys):
    code, out, _ = run(capsys)
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines] == [e.code for e in ENTRIES]
    rows = {line.split()[0]: line for line in lines}
    assert re.fullmatch(r"E07000197 +Stafford +Staffordshire +West Midlands", rows["E07000197"])
    assert re.fullmatch(r"E10000028 +Staffordshire +county +West Midlands", rows["E10000028"])
    assert re.fullmatch(r"E08000035 +Leeds +unitary +Yorkshire and The Humber", rows["E08000035"])
    assert [c for c, line in rows.items() if "assessment" in line] == ["E06000006", "E06000017"]


@pytest.mark.parametrize(
    ("text", "codes", "told"),
    [
        ("stafford", ["E07000193", "E07000196", "E07000197", "E10000028", "E07000198"], "Moorlands"),
        ("Carlisle City Council", ["E07000028"], "its area is part of Cumberland (E06000063)"),
        ("e08000038", ["E08000038"], "tables of 2024 use E08000016"),
        ("durham", ["E06000047", "E07000056", "E10000010"], "1 April 2009"),
        ("shepway", ["E07000112"], "Folkestone and Hythe"),
        ("BCP", ["E06000058"], "Bournemouth, Christchurch and Poole"),
        ("Rutland + Halton", ["E06000006", "E06000017"], "assessment"),
    ],
)
def test_areas_searches_names_and_codes_of_now_and_then(capsys, text, codes, told):
    code, out, _ = run(capsys, text)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == codes
    assert told in out
    assert [e.code for e in search(text)] == codes


def test_areas_that_finds_nothing_ends_with_2_and_a_hint(capsys):
    code, out, err = run(capsys, "Stafordshire")
    assert (code, out) == (2, "")
    assert "did you mean Staffordshire (E10000028)" in err
