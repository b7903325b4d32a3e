"""Whatever the bytes are: a table that keeps its contract, or faults with place, reason and remedy; nothing else.

NEEDS_SOAK=100 makes a hundred times as many examples.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import geopandas as gpd
import osmium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from needs import assessment, connectors, transit
from needs.assessment import Input
from needs.connectors import twins
from needs.errors import Fault, Faults, NeedsError
from needs.schemas import TABLES, check_table
from needs.sources import archives, books, files
from tests.hostile import commands, council
from tests.hostile.files import twin
from tests.hostile.workers import Crew
from tests.zips import zipped

SCALE = int(os.environ.get("NEEDS_SOAK", "1"))
PAYLOADS = (
    b"\x00", b'"', b"\r", b"\n", b",", b";", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"inf", b"-1", b"1e999", b"99:99:99",
    b"<", b"[[", b"]", b"{", b"}", b"=", b"'''", b"\x1b[31m", b"../", b"0", b"E01900701", b" ", b"\xc3", b"9" * 40,
)  # fmt: skip
KINDS = ("cut", "flip", "put", "drop", "copy", "lines", "columns")
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.floats(0, 1), st.floats(0, 1), st.sampled_from(PAYLOADS)),
    min_size=1, max_size=4,
)  # fmt: skip
_NUMBER = count()


def fuzzed(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(max_examples=examples * SCALE, deadline=None, suppress_health_check=list(HealthCheck))


def mutated(content: bytes, mutations: list[tuple[str, float, float, bytes]]) -> bytes:
    """Cut off, flip a bit, put in, drop, copy, swap two lines, swap two columns; one after the other."""
    for kind, first, second, payload in mutations:
        size = len(content)
        a, b = sorted((int(first * size), int(second * size)))
        lines = content.split(b"\n") if kind in {"lines", "columns"} else []
        if not size:
            return payload
        match kind:
            case "cut":
                content = content[:a]
            case "flip":
                at = min(a, size - 1)
                content = content[:at] + bytes([content[at] ^ (1 << b % 8)]) + content[at + 1 :]
            case "put":
                content = content[:a] + payload + content[a:]
            case "drop":
                content = content[:a] + content[min(b, a + 40) :]
            case "copy":
                content = content[:b] + content[a : a + 200] + content[b:]
            case "lines":
                i, j = int(first * (len(lines) - 1)), int(second * (len(lines) - 1))
                lines[i], lines[j] = lines[j], lines[i]
                content = b"\n".join(lines)
            case _:
                content = b"\n".join(swapped(line, first, second) for line in lines)
    return content


def swapped(line: bytes, first: float, second: float) -> bytes:
    cells = line.split(b",")
    i, j = int(first * (len(cells) - 1)), int(second * (len(cells) - 1))
    cells[i], cells[j] = cells[j], cells[i]
    return b",".join(cells)


def told(faults: list[Fault]) -> None:
    """See that every fault has a place, a reason and a remedy."""
    assert faults
    for fault in faults:
        assert fault.where.strip()
        assert fault.what.strip()
        assert fault.fix.strip()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    council.write(folder)
    whole = folder / "whole.osm.pbf"
    with osmium.SimpleWriter(str(whole)) as writer:
        for item in osmium.FileProcessor(str(folder / "streets.osm")):
            writer.add(item)
    gpd.read_file(folder / "zones.geojson").to_file(folder / "zones.gpkg")
    with pytest.MonkeyPatch.context() as patch:
        for module in (archives, books):
            patch.setattr(module, "LARGEST", 2**26)
        yield folder


@pytest.fixture(scope="module")
def crew():
    made = Crew()
    yield made
    made.end()


def put(home: Path, name: str, content: bytes) -> Path:
    """Write bytes to a file of its own, so that nothing is kept of the one before."""
    folder = home / "out"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    path = folder / f"{next(_NUMBER)}-{name}"
    path.write_bytes(content)
    return path


# --- tables ---

TABLES_READ = {
    entry[0]: Input.model_validate(
        {
            "id": entry[0], "table": entry[1], "path": entry[2], "vintage": entry[3] or None, "title": "t",
            "publisher": "p", "licence": "l", "date": "d", "crs": "EPSG:27700",
            "columns": {ours: theirs or ours for ours, _, theirs in (h.partition("=") for h in entry[4].split())},
        }
    )
    for entry in council.INPUTS
    if entry[2].endswith(".csv")
}  # fmt: skip


@fuzzed(150)
@given(st.sampled_from(sorted(TABLES_READ)), MUTATIONS)
def test_a_table_keeps_its_contract_or_is_at_fault(home, name, mutations):
    spec = TABLES_READ[name]
    path = put(home, spec.path, mutated((home / spec.path).read_bytes(), mutations))
    faults = Faults()
    table = files.read_table(spec, path, faults)
    if faults.found:
        return told(faults.found)
    assert table is not None
    again = Faults()
    if spec.vintage in {"LSOA21", None} and spec.table != "sites":  # which are judged later
        contract = TABLES[spec.table]
        kept = table.drop(columns=["row", "geometry"], errors="ignore")
        flat = {n: c for n, c in contract.columns.items() if n in kept}
        plain = type(contract)(contract.name, tuple(k for k in contract.key if k in kept), flat, extra=True)
        check_table(kept, plain, where="again", row_label=str, faults=again)
    assert again.found == []
    return None


# --- settings ---


@fuzzed(200)
@given(st.one_of(MUTATIONS, st.binary(max_size=300)))
def test_settings_are_read_or_refused(home, given_):
    whole = (home / "mudport.toml").read_bytes()
    path = put(home, "a.toml", given_ if isinstance(given_, bytes) else mutated(whole, given_))
    try:
        found = assessment.read(path)
    except NeedsError as error:
        return told(error.faults)
    assert found.area.codes
    assert {i.table for i in found.inputs} >= {"zones", "points", "demand", "streets", "sites"}
    return None


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SECTIONS = ("area", "plan", "demand", "need", "travel", "input", "standard")


@fuzzed(100)
@given(st.sampled_from(SECTIONS), st.sampled_from(["name", "codes", "base", "slug", "id", "path", "source", "layout",
       "columns", "must", "hub", "floor", "growth", "modes", "blank", "crs", "where", "types", "x", ""]), VALUE)  # fmt: skip
def test_any_value_of_any_setting_is_taken_or_refused(home, section, key, value):
    """The content is changed behind the parser: what TOML cannot say is no harm."""
    load = assessment.load
    whole = load(home / "mudport.toml")
    held = whole[section][0] if isinstance(whole.get(section), list) else whole.setdefault(section, {})
    if key:
        held[key] = value
    else:
        whole[section] = value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assessment, "load", lambda path: whole if path.name == "mudport.toml" else load(path))
        try:
            assessment.read(home / "mudport.toml")
        except NeedsError as error:
            told(error.faults)


# --- timetables ---


@fuzzed(60)
@given(st.sampled_from(["stops.txt", "trips.txt", "stop_times.txt", "calendar.txt", ""]), MUTATIONS)
def test_a_timetable_keeps_its_contract_or_is_at_fault(home, name, mutations):
    whole = (home / "buses.zip").read_bytes()
    if name:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            held = {n: archive.read(n) for n in archive.namelist()}
        whole = zipped({**held, name: mutated(held[name], mutations)})
    else:
        whole = mutated(whole, mutations)
    try:
        feed = transit.read_feed(put(home, "buses.zip", whole))
    except NeedsError as error:
        return told(error.faults)
    calls = feed.stop_times
    assert (calls.groupby("trip_id").size() >= 2).all()
    assert (calls["departs_s"] >= calls["arrives_s"]).all()
    assert (calls.groupby("trip_id")["arrives_s"].diff().dropna() >= 0).all()
    assert set(calls["stop_id"]) == set(feed.stops["stop_id"])
    assert set(calls["trip_id"]) == set(feed.trips["trip_id"])
    return None


# --- libraries in C, in a process of their own ---


def came(found: list[tuple[str, str, str]] | str) -> None:
    if found != "read":
        told([Fault(*fault) for fault in found])


@fuzzed(80)
@given(st.sampled_from(["streets.osm", "whole.osm.pbf"]), MUTATIONS)
def test_streets_are_read_or_at_fault(home, crew, name, mutations):
    came(crew.read("streets", put(home, name, mutated((home / name).read_bytes(), mutations))))


@fuzzed(150)
@given(st.sampled_from(["zones.geojson", "zones.gpkg"]), MUTATIONS)
def test_zones_are_read_or_at_fault(home, crew, name, mutations):
    came(crew.read("zones", put(home, name, mutated((home / name).read_bytes(), mutations))))


# --- twins and bundles ---


@fuzzed(150)
@given(st.one_of(MUTATIONS, st.binary(max_size=200)))
def test_a_twin_is_read_or_refused(home, given_):
    whole = twin(codes='["E06000017"]', margin_km="3").encode()
    path = put(home, "a.csv", b"x")
    twins.place(path).write_bytes(given_ if isinstance(given_, bytes) else mutated(whole, given_))
    try:
        found = twins.read(path)
        assert found is not None
        assert isinstance(found.bytes, int)
        connectors.changed(path)
    except NeedsError as error:
        told(error.faults)


@fuzzed(150)
@given(st.one_of(MUTATIONS, st.binary(max_size=200)), st.booleans())
def test_a_bundle_is_unpacked_whole_or_not_at_all(home, given_, inside):
    held = {"areas/a.csv": b"a,b\n1,2\n", "b.csv": b"c\n3\n"}
    if isinstance(given_, bytes):
        content = given_
    elif inside:
        content = zipped({"manifest.json": mutated(commands.manifest(held), given_), **held})
    else:
        content = mutated(commands.whole(held), given_)
    file = put(home, "in.zip", content)
    raw = home / f"raw-{next(_NUMBER)}"
    try:
        listed = connectors.unpack(file, raw)
    except NeedsError as error:
        told(error.faults)
        assert not any(p.is_file() for p in raw.rglob("*"))
        return
    there = {p.relative_to(raw).as_posix(): p.read_bytes() for p in raw.rglob("*") if p.is_file()}
    assert set(there) == {f.path for f in listed}
    for entry in listed:
        assert hashlib.sha256(there[entry.path]).hexdigest() == entry.sha256
    json.dumps([vars(entry) for entry in listed])
