"""Raw files of an assessment: put in place whole and with the right twin, kept, refreshed, by one program at a time."""

from __future__ import annotations

import dataclasses
import threading
import tomllib
from contextlib import closing
from types import SimpleNamespace

import pytest
import tomli_w

from needs.alone import alone
from needs.assessment import Area, Input
from needs.connectors import files, openstreetmap, providing, refresh, twins
from needs.connectors.answers import Answer
from needs.connectors.asking import Ask, Got
from needs.connectors.catalogue import Source
from needs.connectors.client import TRIES, Client
from needs.connectors.stamp import twin_of
from needs.errors import SourceError
from tests.publishers import File, Reply, serving

AREA = Area(name="Testshire", slug="testshire", codes=["E06000099"])
HOST = "data.example.org"


def source(name: str, **fields) -> Source:
    common = {
        "title": f"Table {name}", "publisher": "An office", "licence": "OGL-UK-3.0", "date": "2026",
        "page": f"https://example.org/{name}", "path": f"office/{name}.zip", "urls": [f"https://{HOST}/{name}.zip"],
        "rhythm": "every year", "purpose": "a test of connectors", "proof": "made up for a test of connectors",
    }  # fmt: skip
    return Source.model_validate({**common, **fields})


def spec(name: str, **fields) -> Input:
    said = {
        "id": name, "table": "timetable", "path": f"office/{name}.zip", "title": name, "publisher": "An office",
        "licence": "OGL-UK-3.0", "date": "2026",
    }  # fmt: skip
    return Input.model_validate({**said, **fields}).model_copy(update={"source": name})


def zipped(text: str) -> bytes:
    return b"PK\x05\x06" + bytes(16) + len(text).to_bytes(2, "little") + text.encode()


@pytest.fixture
def publishers(monkeypatch):
    known = {name: source(name) for name in "abc"}
    monkeypatch.setattr(providing, "sources", lambda: known)
    with serving() as stand_in:
        monkeypatch.setenv("NEEDS_MIRROR", stand_in.address)
        stand_in.services |= {f"{HOST}/{n}.zip": File(zipped(n)) for n in known}
        yield stand_in


@pytest.fixture
def client() -> Client:
    return Client(sleep=lambda _: None)


def settings(*specs: Input, **more) -> SimpleNamespace:
    return SimpleNamespace(area=AREA, inputs=list(specs or (spec(n) for n in "abc")), **more)


def test_what_breaks_off_before_the_twin_is_not_taken_for_a_file_put_there_by_hand(
    publishers, client, tmp_path, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(twins, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            providing.provide(settings(), tmp_path, client)
    providing.provide(settings(), tmp_path, client)
    providing.describe_by_hand(settings(), tmp_path)
    assert {twins.read(tmp_path / f"office/{n}.zip").url.rpartition("/")[2] for n in "abc"} == {
        "a.zip", "b.zip", "c.zip",
    }  # fmt: skip


def test_a_file_that_is_replaced_goes_before_its_twin_and_a_new_one_after_it(tmp_path, client):
    """So that what breaks off in between is asked for anew."""
    ask = Ask("a", source("a", path="areas/{slug}/a.zip"), AREA, tmp_path, client)
    (tmp_path / "part").write_bytes(b"x")
    twin = twin_of(ask, tmp_path / "part", Got("https://example.org/a"))
    order = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twins, "write", lambda path, _: order.append(path.is_file() and path.read_bytes()))
        providing.put(tmp_path / "part", tmp_path / "a.zip", twin)
        (tmp_path / "part").write_bytes(b"y")
        providing.put(tmp_path / "part", tmp_path / "a.zip", twin)
    assert order == [False, b"y"]


def test_two_programs_do_not_fetch_the_same(publishers, client, tmp_path):
    said: list[str] = []
    with alone(tmp_path, "fetches into"):
        other = threading.Thread(target=lambda: providing.provide(settings(), tmp_path, client, say=said.append))
        other.start()
        other.join(1.0)
        assert other.is_alive()
        assert publishers.log == []
        providing_now = [a for a, _ in providing.asks(settings(), tmp_path, client)]
        for ask in providing_now:
            providing.fetch(ask, [], lambda _: None)
        count = len(publishers.log)
    other.join(30.0)
    assert not other.is_alive()
    assert len(publishers.log) == count == 3
    assert "another program fetches" in said[0]


def test_what_is_there_is_told_without_waiting_for_anyone(publishers, client, tmp_path):
    providing.provide(settings(), tmp_path, client)
    with alone(tmp_path, "fetches into"):
        other = threading.Thread(target=lambda: providing.provide(settings(), tmp_path, client), daemon=True)
        other.start()
        other.join(30.0)
        assert not other.is_alive()


def test_a_folder_that_cannot_be_written_is_said_and_the_rest_fetched(publishers, client, tmp_path, monkeypatch):
    known = {**providing.sources(), "b": source("b", path="blocked/b.zip")}
    monkeypatch.setattr(providing, "sources", lambda: known)
    (tmp_path / "blocked").write_text("a file")
    with pytest.raises(SourceError, match=r"cannot be read or written .*blocked.* -> make room") as caught:
        providing.provide(settings(spec("a"), spec("b", path="blocked/b.zip"), spec("c")), tmp_path, client)
    assert len(caught.value.faults) == 1
    assert (tmp_path / "office/c.zip").is_file()
    with pytest.raises(SourceError, match=r"cannot be read or written .*blocked/raw/office.*another folder with --raw"):
        providing.provide(settings(), tmp_path / "blocked/raw", client)


def test_a_service_that_is_down_says_where_to_put_the_file_by_hand(publishers, client, tmp_path):
    publishers.trouble(f"{HOST}/b.zip", Reply(b"", 404))
    with pytest.raises(SourceError, match=rf"404.*by hand from https://example.org/b and save it as {tmp_path}"):
        providing.provide(settings(), tmp_path, client)


def test_an_input_with_a_path_of_its_own_is_the_user_s(publishers, client, tmp_path):
    providing.provide(settings(spec("a"), spec("b", path="mine/b.zip")), tmp_path, client)
    assert [a.path for a in publishers.log] == [f"{HOST}/a.zip"]


def test_streets_cut_for_another_margin_are_not_those_that_are_asked_for(client, tmp_path):
    osm = source("osm", kind="geofabrik", path="areas/{slug}/x.osm.pbf")
    ask = Ask("osm", osm, AREA, tmp_path, client)
    ask.path.parent.mkdir(parents=True)
    ask.path.write_bytes(b"x")
    twins.write(ask.path, twin_of(ask, ask.path, Got("https://example.org/x")))
    assert providing.there(ask)
    wider = AREA.model_copy(update={"margin_km": 0.0})
    other = Ask("osm", osm, wider, tmp_path, client)
    assert not providing.there(other)
    assert providing.unfit(ask.path, wider) == "reaches 10 km beyond the area, and not 0"
    twins.write(ask.path, twin_of(other, ask.path, Got("https://example.org/x")))
    assert providing.there(other)
    assert not providing.there(ask)
    twins.write(ask.path, twin_of(other, ask.path, None))  # put there by hand: whoever did it knows
    assert providing.there(ask)


def test_a_file_put_there_by_hand_gets_another_twin_with_another_content(tmp_path, client, publishers):
    path = tmp_path / "office/a.zip"
    path.parent.mkdir()
    for content in (b"", b"one", b"two"):
        path.write_bytes(content)
        providing.describe_by_hand(settings(), tmp_path)
        assert twins.fits(path, twins.read(path))
        assert twins.read(path).url == twins.BY_HAND


# --- What has changed since -------------------------------------------------------------------------------------------


def updated(tmp_path, client, say=lambda _: None) -> tuple[list[str], str]:
    names, told = [], ""
    try:
        with closing(refresh.update(settings(), tmp_path, client, say=say)) as changes:
            names.extend(c.ask.name for c in changes)
    except SourceError as error:
        told = str(error)
    return names, told


def test_one_service_that_fails_does_not_keep_the_news_of_the_others_back(publishers, client, tmp_path):
    providing.provide(settings(), tmp_path, client)
    for name in "ac":
        publishers.services[f"{HOST}/{name}.zip"] = File(zipped(f"new {name}"))
    publishers.trouble(f"{HOST}/b.zip", *[Reply(b"", 503)] * TRIES)
    names, told = updated(tmp_path, client)
    assert names == ["a", "c"]
    assert "b.zip" in told
    assert "503" in told
    for name in "ac":
        new, old = tmp_path / f"office/{name}.zip", tmp_path / f"before/office/{name}.zip"
        assert (new.read_bytes(), old.read_bytes()) == (zipped(f"new {name}"), zipped(name))
        assert twins.fits(new, twins.read(new))
        assert twins.fits(old, twins.read(old))
    assert not [p for p in tmp_path.rglob(".*") if p.is_file()]


def test_what_was_before_stays_where_nothing_came_of_it(publishers, client, tmp_path):
    """Bytes fetched anew that are the same, and a file that is refused, do not take the place of what was before."""
    providing.provide(settings(), tmp_path, client)
    publishers.services[f"{HOST}/a.zip"] = File(zipped("new a"))
    assert updated(tmp_path, client)[0] == ["a"]
    publishers.services[f"{HOST}/a.zip"] = File(zipped("new a"), modified=None, etag="")
    said: list[str] = []
    assert updated(tmp_path, client, said.append)[0] == []
    assert "its bytes are the same" in "\n".join(said)
    publishers.services[f"{HOST}/a.zip"] = File(b"<html>", modified=None, etag="")
    assert "a web page" in updated(tmp_path, client)[1]
    assert (tmp_path / "before/office/a.zip").read_bytes() == zipped("a")
    assert (tmp_path / "office/a.zip").read_bytes() == zipped("new a")


def test_a_disk_without_hard_links_keeps_what_was_as_well(publishers, client, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    providing.provide(settings(), tmp_path, client)
    publishers.services[f"{HOST}/a.zip"] = File(zipped("new a"))
    assert updated(tmp_path, client)[0] == ["a"]
    assert (tmp_path / "before/office/a.zip").read_bytes() == zipped("a")


def test_where_today_s_file_is_not_there_yet_the_days_before_are_asked(publishers, client, tmp_path):
    ask = Ask("day", source("day", urls=[f"https://{HOST}/all{{date}}.zip"]), AREA, tmp_path, client)
    days = [u.removeprefix("https://") for u in files.addresses(ask)]
    publishers.services[days[1]] = File(b"x")
    found = files.another(ask, Answer("", 1, '"old"'))
    assert found is not None
    assert found.url.endswith(days[1])
    publishers.services.clear()
    with pytest.raises(SourceError) as caught:
        files.another(ask, Answer("", 1, '"old"'))
    assert len(caught.value.faults) == len(days)


def test_an_extract_that_came_for_another_area_is_news_for_this_one(publishers, client, tmp_path):
    url = f"https://{HOST}/county.osm.pbf"
    publishers.services[f"{HOST}/county.osm.pbf"] = File(b"x")
    ask = Ask("osm", source("osm", kind="geofabrik", path="areas/{slug}/x.osm.pbf"), AREA, tmp_path, client)
    whole = tmp_path / openstreetmap.FOLDER / "county.osm.pbf"
    whole.parent.mkdir()
    answer = client.download(url, whole)
    twin = twin_of(ask, whole, Got(url, etag=answer.etag, made_of=(url,)))
    early, late = (dataclasses.replace(twin, fetched=f"2026-11-{day}T08:00:00+00:00") for day in (20, 21))
    twins.write(whole, early)
    assert openstreetmap.newer(ask, late) is None
    twins.write(whole, late)
    assert "county.osm.pbf" in openstreetmap.newer(ask, early)


def test_the_assessment_of_before_has_a_name_of_its_own_and_finds_its_index(tmp_path):
    path = tmp_path / "mine.toml"
    own = {"area": {"name": "x"}, "need": {"index": "my.toml"}, "input": [{"id": "a", "source": "a"}]}
    path.write_text(tomli_w.dumps(own))
    mine = settings(need=SimpleNamespace(index=str(tmp_path / "my.toml")))
    ask = Ask("a", source("a"), AREA, tmp_path, Client())
    changes = [refresh.Change(ask, [spec("a")], ["x"])]
    before = refresh.assessment_before(path, mine, changes, tmp_path / "raw")
    assert before.stem != path.stem
    said = tomllib.loads(before.read_text())
    assert said["need"]["index"] == str(tmp_path / "my.toml")
    assert said["input"] == [{"id": "a", "source": "a", "path": "before/office/a.zip"}]
