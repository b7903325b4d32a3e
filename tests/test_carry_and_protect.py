"""Tables of other geographies carried, and sensitive counts protected, before anything is computed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from needs import areas, assessment, demo, pipeline, stages
from needs.disclosure import Rule
from needs.errors import Faults, InputError, SettingsError
from needs.settings import Paths
from tests.test_index_methods import index_of, part

OLD, NEW = "E0100001", "E0100002"
COUNTED = index_of(
    [{"id": "d"}],
    [
        part("poor", "d", weight=0.5, measure="proportion", value=None, numerator=["a"], denominator=["b"]),
        part("rate", "d", weight=0.5),
    ],
)


def settings(*inputs: dict) -> assessment.Assessment:
    """An assessment with the given inputs; those that every assessment needs stand in untouched."""
    common = {"title": "T", "publisher": "a test", "licence": "CC0-1.0", "date": "2026"}
    have = {i["table"] for i in inputs}
    needed = ("zones", "points", "demand", "indicators", "rural_urban", "sites", "streets")
    rest = [{"id": f"{t}_", "table": t, "path": t, "vintage": "LSOA21"} for t in needed if t not in have]
    return assessment.Assessment.model_validate(
        {
            "area": {"name": "T", "slug": "t", "codes": ["E06000001"]},
            "plan": {"max_hubs": 1, "max_outreach": 1},
            "input": [{**common, "path": i["id"], **i} for i in [*inputs, *rest]],
        }
    )


def carried(tables: dict[str, pd.DataFrame], *inputs: dict) -> tuple[areas.Carried, list[str]]:
    faults = Faults(InputError)
    return areas.to_zones(settings(*inputs), tables, COUNTED, faults), [str(f) for f in faults.found]


LOOKUP = {"id": "lookup", "table": "lookup", "vintage": "LSOA11"}
PAIRS = pd.DataFrame(
    {
        "from_code": [f"{OLD}1", f"{OLD}2", f"{OLD}2", f"{OLD}3", f"{OLD}4"],
        "lsoa21cd": [f"{OLD}1", f"{NEW}1", f"{NEW}2", f"{NEW}3", f"{NEW}3"],
        "change": ["U", "S", "S", "M", "M"],
        "weight": [100.0, 300, 100, 50, 50],
    }
)
TABLE = pd.DataFrame({"code": [f"{OLD}{k}" for k in (1, 2, 3, 4)], "a": [10.0, 40, 6, 2], "b": [50.0, 80, 20, 20]})


def test_counts_split_by_people_and_merge_by_sum():
    tables = {"old": TABLE.assign(other=1.0), "lookup": PAIRS}
    found, faults = carried(tables, {"id": "old", "table": "indicators", "vintage": "LSOA11"}, LOOKUP)
    assert faults == []
    zones = found.tables["old"].set_index("lsoa21cd")
    assert list(zones.columns) == ["a", "b"], "a column that the index does not use is dropped, not guessed at"
    assert zones["a"].to_dict() == {f"{OLD}1": 10, f"{NEW}1": 30, f"{NEW}2": 10, f"{NEW}3": 8}
    assert zones.sum().to_dict() == {"a": 58, "b": 170}
    assert found.columns == {"a": "LSOA11", "b": "LSOA11"}
    assert "published for LSOA11" in found.notes[0]


def test_rates_are_copied_and_a_rank_is_refused():
    wards = pd.DataFrame({"code": ["E05000001", "E05000002"], "rate": [0.2, 0.5]})
    pairs = pd.DataFrame(
        {"from_code": ["E05000001", "E05000001", "E05000002"], "lsoa21cd": [f"{NEW}{k}" for k in (1, 2, 3)]}
    )
    people = pd.DataFrame({"lsoa21cd": [f"{NEW}{k}" for k in (1, 2, 3)], "people": [10.0, 30, 5]})
    inputs = [
        {"id": "wards", "table": "indicators", "vintage": "WD24"},
        {"id": "lookup", "table": "lookup", "vintage": "WD24"},
        {"id": "people", "table": "population", "vintage": "LSOA21"},
    ]
    found, faults = carried({"wards": wards, "lookup": pairs, "people": people}, *inputs)
    assert faults == []
    assert found.tables["wards"]["rate"].tolist() == [0.2, 0.2, 0.5]
    found, faults = carried({"wards": wards.rename(columns={"rate": "a"}), "lookup": pairs, "people": people}, *inputs)
    assert found.tables["wards"]["a"].tolist() == pytest.approx([0.05, 0.15, 0.5])
    _, faults = carried({"wards": wards, "lookup": pairs}, *inputs[:2])
    assert "has no weight to share counts" in faults[0]
    ranked = index_of([{"id": "d"}], [part("rate", "d", measure="rank", direction="lower_is_need")])
    told = Faults(InputError)
    areas.to_zones(settings(*inputs), {"wards": wards, "lookup": pairs, "people": people}, ranked, told)
    assert "a published rank among WD24: it cannot be carried" in str(told.found[0])


def test_a_vintage_without_a_lookup_is_refused_with_the_lookup_named():
    with pytest.raises(ValueError, match=r"exact-fit lookup LSOA 2011 to LSOA 2021"):
        settings({"id": "old", "table": "demand", "vintage": "LSOA11"})
    with pytest.raises(ValueError, match=r"more than one .* lookup from LSOA11"):
        settings({"id": "old", "table": "demand", "vintage": "LSOA11"}, LOOKUP, {**LOOKUP, "id": "again"})
    with pytest.raises(ValueError, match="disclosure is for tables of counts"):
        settings({"id": "z", "table": "zones", "vintage": "LSOA21", "disclosure": {"below": 5}})
    with pytest.raises(ValueError, match="is not the least and the most"):
        settings({"id": "d", "table": "deprived_children", "vintage": "LSOA21", "blank": [9, 0]})


# ---- protection


def protected(table: pd.DataFrame, kind: str = "demand", **more: object) -> tuple:
    given = {"id": "own", "table": kind, "vintage": "LSOA21", "disclosure": {"below": 5}, **more}
    codes, faults = table["lsoa21cd"], Faults(InputError)
    places = pd.Series("E06000001", index=codes)
    classes = pd.Series(np.where(np.arange(len(codes)) < len(codes) // 2, "UN1", "RSF1"), index=codes)
    made = areas.protect_inputs(
        settings(given), {"own": table}, COUNTED, councils=places, classes=classes, faults=faults
    )
    return *made, [str(f) for f in faults.found]


BIRTHS = pd.DataFrame({"lsoa21cd": [f"E01{k:06}" for k in range(20)], "births": [3.0, 2, 4, 1] * 2 + [11.0, 12] * 6})


def test_small_counts_are_hidden_and_totals_kept():
    tables, hidden, notes, faults = protected(BIRTHS)
    assert faults == []
    assert hidden >= set(BIRTHS["lsoa21cd"][:8])
    after = tables["own"].set_index("lsoa21cd")["births"]
    before = BIRTHS.set_index("lsoa21cd")["births"]
    assert abs(after.sum() - before.sum()) <= 6
    shown = ~after.index.isin(hidden)
    assert (after[shown] == before[shown]).all()
    assert len(set(after[~shown].round(9))) <= 4, "by class one value for small zones, one for others hidden"
    assert any("hidden" in note for note in notes)


def test_a_rate_cannot_be_protected():
    rates = pd.DataFrame({"lsoa21cd": BIRTHS["lsoa21cd"], "rate": 0.2, "a": 3.0, "b": 50.0})
    *_, faults = protected(rates, "indicators")
    assert "rate is no count that the index uses" in faults[0]
    _, hidden, _, faults = protected(rates.drop(columns="rate"), "indicators")
    assert faults == []
    assert hidden


@pytest.fixture(scope="module")
def sensitive(tmp_path_factory) -> tuple[Path, str]:
    """The demo's urban borough with small counts of births, which may not be shown."""
    raw = tmp_path_factory.mktemp("sensitive")
    file = next(p for p in demo.write(raw) if p.stem == "rivermouth")
    text = file.read_text()
    at = text.index('table = "demand"')
    file.write_text(
        text[:at] + text[at:].replace("\ncolumns", "\ndisclosure = { below = 5, round_to = 1 }\ncolumns", 1)
    )
    births = pd.read_csv(raw / "rivermouth" / "demand.csv")
    births.loc[births.index % 4 == 0, "births"] = [1 + k % 4 for k in range((births.index % 4 == 0).sum())]
    births.to_csv(raw / "rivermouth" / "demand.csv", index=False)
    return raw, file.name


def outputs_of(raw: Path, name: str, to: Path) -> dict[str, bytes]:
    built = pipeline.build(raw / name, paths=Paths(raw, to / "p", to / "m"))
    assert built.page
    files = {str(p.relative_to(built.folder)): p.read_bytes() for p in built.folder.rglob("*") if p.is_file()}
    record = json.loads(files.pop("provenance.json"))
    assert record["settings"]["demand"]["count"] == "births"
    plan = json.loads(files.pop("plan.json"))
    plan.pop("solver_seconds")
    own = next(i for i in record["inputs"] if i["id"] == "births")
    assert not {"sha256", "bytes"} & set(own), "a hash of a file of small counts gives them away to whoever tries all"
    digest = hashlib.sha256((raw / own["path"]).read_bytes()).hexdigest()
    page = built.page.read_bytes()
    everything = json.dumps(record).encode() + page + b"".join(files.values())
    assert digest[:12].encode() not in everything
    key = (built.folder.parent / ".stages" / "key").read_bytes()
    assert key not in everything
    return {**files, "plan.json": json.dumps(plan).encode(), "page": page}


@pytest.mark.slow
def test_what_is_hidden_leaves_no_trace_in_anything_written(sensitive, tmp_path):
    """Non-interference: other true counts behind the same protected ones give the same bytes, page included."""
    raw, name = sensitive
    first = outputs_of(raw, name, tmp_path / "first")
    table = pd.read_csv(raw / "rivermouth" / "demand.csv")
    small = table["births"] < 5
    zones = pd.read_csv(raw / "rivermouth" / "rural_urban.csv").set_index("lsoa21cd")["ruc21cd"]
    other = table.copy()
    for _, group in table[small].groupby(table["lsoa21cd"].map(zones)):
        other.loc[group.index, "births"] = group["births"].to_numpy()[::-1]
    assert (other["births"] != table["births"]).sum() > 5
    other.to_csv(raw / "rivermouth" / "demand.csv", index=False)
    second = outputs_of(raw, name, tmp_path / "second")
    assert first.keys() == second.keys()
    assert [k for k in first if first[k] != second[k]] == []
    table.to_csv(raw / "rivermouth" / "demand.csv", index=False)
    shown = pd.read_csv(tmp_path / "first" / "p" / "rivermouth" / "zones.csv").set_index("lsoa21cd")
    truth = table.set_index("lsoa21cd")["births"]
    hidden = shown["count_hidden"]
    assert hidden[truth[truth < 5].index].all()
    assert (shown.loc[~hidden, "births"] == truth.reindex(shown.index)[~hidden]).all()
    assert "≈" in first["page"].decode()


def test_protected_counts_are_all_that_stages_ever_keep(sensitive):
    raw, name = sensitive
    read = assessment.read(raw / name)
    ground = stages.data(read, {i.id: raw / i.path for i in read.inputs})
    truth = pd.read_csv(raw / "rivermouth" / "demand.csv").set_index("lsoa21cd")["births"]
    kept = ground.zones.set_index("lsoa21cd")
    small = truth[truth < 5].index
    assert kept.loc[small, "count_hidden"].all()
    assert not (kept.loc[small, "births"] == truth[small]).all()
    assert any("hidden" in note for note in ground.notes)
    assert Rule(below=5).least == 1


def test_one_small_zone_alone_is_refused_not_leaked(tmp_path):
    raw = tmp_path
    file = next(p for p in demo.write(raw) if p.stem == "ruralshire")
    text = file.read_text()
    at = text.index('table = "demand"')
    file.write_text(text[:at] + text[at:].replace("\ncolumns", "\ndisclosure = { below = 2 }\ncolumns", 1))
    with pytest.raises(SettingsError, match="below = 2 hides the count 1 alone"):
        assessment.read(file)
