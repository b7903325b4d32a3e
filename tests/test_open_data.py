"""From a council's name to its page: the publishers stood in for, then without a network, packed, updated, by hand."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from needs import __main__ as cli
from needs import assessment, comparing, connectors, councils, drafting, pipeline, preparing
from needs.connectors import Client, live, on_disk, sources, twins
from needs.connectors.client import TRIES
from needs.errors import SourceError
from needs.settings import Paths
from tests.open_services import serve
from tests.publishers import NOMIS, NomisTable, Reply, page, serving

pytestmark = [pytest.mark.data, pytest.mark.slow]
RUTLAND = "areas/rutland"


@pytest.fixture(scope="module")
def services(real_data):
    with serving() as stand_in:
        serve(stand_in, real_data)
        yield stand_in


@pytest.fixture(scope="module")
def online(services):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEEDS_MIRROR", services.address)
        yield services


@pytest.fixture(scope="module")
def fetched(online, tmp_path_factory) -> Path:
    """Raw files of Rutland, fetched once."""
    raw = tmp_path_factory.mktemp("fetched") / "raw"
    said: list[str] = []
    assert pipeline.fetch("Rutland", raw=raw, client=Client(sleep=lambda _: None), say=said.append)
    assert not [s for s in said if s.startswith("MISSING")]
    return raw


@pytest.fixture
def raw(fetched, tmp_path) -> Path:
    """A copy of one's own."""
    return Path(shutil.copytree(fetched, tmp_path / "raw"))


def run(args: list[str], capsys) -> tuple[int, str]:
    """Run a command as a user would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["needs", *args])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    told = capsys.readouterr()
    return int(stop.value.code or 0), told.out + told.err


def test_every_file_has_a_twin_that_says_what_it_is(fetched):
    files = [p for p in fetched.rglob("*") if p.is_file() and p.suffix != ".toml"]
    assert len(files) >= 18
    assert not [p for p in files if p.name.startswith(".")]
    for path in files:
        twin = twins.read(path)
        assert twin is not None, path
        assert twins.fits(path, twin), path
        assert twin.publisher
        assert twin.licence
        assert twin.url.startswith("http")
    assert all(f.well for f in on_disk(fetched))
    extract = twins.read(fetched / RUTLAND / "openstreetmap.osm.pbf")
    assert extract.made_of == ("https://download.geofabrik.de/europe/united-kingdom/england/rutland-latest.osm.pbf",)
    assert extract.codes == ("E06000017",)


def test_what_is_there_is_not_fetched_again(online, fetched):
    online.log.clear()
    pipeline.fetch("Rutland", raw=fetched, client=Client())
    assert online.log == []


def test_another_council_shares_what_is_england_s(online, raw):
    online.log.clear()
    pipeline.fetch("Halton", raw=raw, client=Client())
    asked = {a.path for a in online.log}
    assert not [p for p in asked if "iod2025" in p.lower() or "gias" in p or "NM_206_1" in p]
    assert (raw / "areas/halton/lsoa21.geojson").is_file()


def test_the_build_and_the_same_without_a_network_elsewhere(online, raw, tmp_path, monkeypatch):
    here = Paths(raw, tmp_path / "processed", tmp_path / "maps")
    pipeline.build("Rutland", paths=here, client=Client(), until="data")
    drafted = raw / RUTLAND / "rutland.toml"
    settings = tomllib.loads(drafted.read_text())
    drafted.write_text(drafted.read_text().replace("[plan]\n", "[plan]\ndraws = 5\n"))  # a hundred take their time
    built = pipeline.build("Rutland", paths=here, client=Client())
    assert settings["plan"] == {"max_hubs": 1, "max_outreach": 3, "hub": {}, "outreach": {}}
    record = json.loads((built.folder / "provenance.json").read_text())
    assert all(i["sha256"] and "fetched" in i["date"] for i in record["inputs"])
    sites = pd.read_csv(built.folder / "sites.csv")
    assert (sites["today"] != "none").sum() >= 1
    assert {"library", "community_centre", "primary_school", "gp_practice"} <= set(sites["site_type"])
    text = built.page.read_text()
    assert "Get Information about Schools" in text
    assert "fetched" in text
    bundle = tmp_path / "rutland.zip"
    pipeline.bundle("Rutland", raw=raw, file=bundle)
    monkeypatch.delenv("NEEDS_MIRROR")
    there = Paths(tmp_path / "b/raw", tmp_path / "b/processed", tmp_path / "b/maps")
    connectors.unpack(bundle, there.raw)
    again = pipeline.build("Rutland", paths=there)
    assert again.page.read_bytes() == built.page.read_bytes()
    assert pipeline.build("Rutland", paths=there).ran == ()


def test_what_could_not_be_had_is_listed_and_the_rest_kept(online, tmp_path, capsys):
    for name in ("iod2025_file7", "gp_practices"):
        online.trouble(sources()[name].urls[0].removeprefix("https://").partition("?")[0], *[Reply(b"", 503)] * TRIES)
    raw = tmp_path / "raw"
    with pytest.raises(SourceError) as caught:
        pipeline.fetch("Rutland", raw=raw, client=Client(sleep=lambda _: None))
    told = str(caught.value)
    assert "503" in told
    assert len(caught.value.faults) == 2
    assert (raw / "mhclg/iod2025_file8.xlsx").is_file()
    assert not (raw / "mhclg/iod2025_file7.csv").exists()
    assert pipeline.fetch("Rutland", raw=raw, client=Client())


def test_what_is_optional_is_done_without_and_said(online, raw, tmp_path):
    (raw / "ohid/fingertips_utla.csv").unlink()
    with preparing.prepared("Rutland", raw, None) as ready:
        assert [n for n in ready.notes if "Fingertips" in n]
        assert not ready.settings.of("context")


def test_a_file_put_there_by_hand_gets_a_twin(online, raw):
    path = raw / "nhs/epraccur.csv"
    twins.place(path).unlink()
    online.log.clear()
    pipeline.fetch("Rutland", raw=raw, client=Client())
    assert online.log == []
    assert twins.read(path).url == twins.BY_HAND


def test_a_web_page_in_place_of_a_table_and_a_changed_column_are_not_taken(online, raw):
    place = sources()["gp_practices"].urls[0].removeprefix("https://").partition("?")[0]
    path = raw / "nhs/epraccur.csv"
    path.unlink()
    online.trouble(place, page())
    with pytest.raises(SourceError, match="a web page"):
        pipeline.fetch("Rutland", raw=raw, client=Client())
    assert not path.exists()
    hubs = sources()["family_hubs"].urls[0].removeprefix("https://")
    (raw / "dfe/family_hubs.csv").unlink()
    online.trouble(hubs, Reply(b"Region,Hub,Place\nx,y,z\n"))
    with pytest.raises(SourceError) as caught:
        pipeline.fetch("Rutland", raw=raw, client=Client())
    assert "Family_Hub" in str(caught.value)
    assert "[source.family_hubs]" in str(caught.value)
    assert (raw / "dfe/family_hubs.csv.refused").read_bytes().startswith(b"Region,Hub")


def test_an_update_tells_what_changed_and_keeps_what_was(online, raw, capsys):
    said: list[str] = []
    pipeline.fetch("Rutland", raw=raw, client=Client(), update=True, say=said.append)
    assert len([s for s in said if "unchanged" in s]) >= 15
    gp_practices = sources()["gp_practices"].urls[0].removeprefix("https://").partition("?")[0]
    online.trouble(gp_practices, *[Reply(b"", 503)] * TRIES)  # the news of the others is told all the same
    older = online.services[f"{NOMIS}/NM_206_1"]
    mine = set(pd.read_csv(raw / RUTLAND / "ages.csv")["GEOGRAPHY_CODE"])
    newer = {k: n + (k[0] in mine) for k, n in older.figures.items()}
    online.services[f"{NOMIS}/NM_206_1"] = NomisTable(newer, updated="2026-11-20 09:30:00")
    said.clear()
    try:
        with pytest.raises(SourceError, match="503"):
            pipeline.fetch("Rutland", raw=raw, client=Client(sleep=lambda _: None), update=True, say=said.append)
    finally:
        online.services[f"{NOMIS}/NM_206_1"] = older
    told = "\n".join(said)
    assert "the table was updated 2026-11-20 09:30:00" in told
    assert "births: births differs in 26 of 33,755 rows" in told
    assert "needs compare" in told
    own = preparing.own_file(councils.resolve("Rutland"), raw)
    own.write_text(drafting.draft(councils.resolve("Rutland")))
    with preparing.settled(raw / "before/rutland-before.toml", raw) as (before, settings, _council):
        comparing.check((before, settings), (own, assessment.read(own)))
        assert {i.path for i in settings.inputs if i.path.startswith("before/")} == {"before/nomis/births_lsoa21.csv"}
    both = ("before/nomis/births_lsoa21.csv", "nomis/births_lsoa21.csv")
    old, new = (pd.read_csv(raw / p)["OBS_VALUE"].sum() for p in both)
    assert new - old == 26


def test_streets_of_another_margin_are_fetched_anew_and_not_used_without_a_network(online, raw):
    council = councils.resolve("Rutland")
    own = preparing.own_file(council, raw)
    own.write_text(drafting.draft(council).replace("# margin_km = 10.0", "margin_km = 5.0"))
    what = r"openstreetmap\.osm\.pbf reaches 10 km beyond the area, and not 5"
    with pytest.raises(SourceError, match=what), preparing.prepared("Rutland", raw, None):
        pass
    pipeline.fetch("Rutland", raw=raw, client=Client())
    assert twins.read(raw / RUTLAND / "openstreetmap.osm.pbf").margin_km == 5.0
    with preparing.prepared("Rutland", raw, None) as ready:
        assert ready.settings.area.margin_km == 5.0


def test_every_service_answers_as_the_catalogue_says(online, fetched):
    found = {f.name: f for f in live(Client(sleep=lambda _: None), fetched)}
    assert set(found) == set(sources())
    stood_in = set(sources()) - {"iod2019_file7", "bods_timetable"}
    assert [str(f) for n, f in found.items() if n in stood_in and not f.well] == []
    assert "404" in found["bods_timetable"].what


def test_the_commands(online, raw, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, told = run(["sources"], capsys)
    assert code == 0
    assert "Code-Point Open" in told
    code, told = run(["sources", "--check", "--raw", str(raw)], capsys)
    assert code == 0
    (raw / "dfe/gias.csv").write_text("x")
    code, told = run(["sources", "--check", "--raw", str(raw)], capsys)
    assert code == 2
    assert "changed after it was fetched" in told
    code, told = run(["data", "Rutland", "--raw", str(tmp_path / "none"), "--offline"], capsys)
    assert code == 3
    assert "MISSING" in told
    code, told = run(["data"], capsys)
    assert code == 2
    code, told = run(["build", "Rutland", "--raw", str(tmp_path / "none")], capsys)
    assert code == 3
    code, told = run(["check", "Rutlnd", "--raw", str(raw)], capsys)
    assert code == 2
    assert "Rutland" in told


def test_a_draft_counts_what_there_is_and_does_not_overwrite(raw, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _ = run(["init", "Rutland", "--raw", str(raw)], capsys)
    assert code == 0
    text = Path("rutland.toml").read_text()
    assert "0 hubs and 1 outreach sites today, in 26 zones" in text
    code, told = run(["init", "Rutland", "--raw", str(raw)], capsys)
    assert code == 2
    assert "is there already" in told
