"""Connectors against publishers that page, limit, redirect, refuse, break off and change their minds."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import os
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import requests

from needs.assessment import Area
from needs.connectors import arcgis, files, nomis
from needs.connectors.answers import UnavailableError
from needs.connectors.asking import Ask
from needs.connectors.catalogue import Source, sources
from needs.connectors.client import PACE_S, TRIES, Client
from needs.errors import NeedsError, SourceError
from tests.publishers import ARCGIS, NOMIS, Asked, File, Layer, NomisTable, Reply, as_json, page, serving

URL = "https://data.example.org/a/file.csv"
PLACE = "data.example.org/a/file.csv"
TEXT = "code,value\n" + "".join(f"E0100{n:04d},{n}\n" for n in range(40_000))


@pytest.fixture
def publishers(monkeypatch):
    with serving() as stand_in:
        monkeypatch.setenv("NEEDS_MIRROR", stand_in.address)
        monkeypatch.delenv("NOMIS_API_KEY", raising=False)
        yield stand_in


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits) -> Client:
    return Client(sleep=waits.append)


def told(caught) -> str:
    return str(caught.value)


# --- The client ------------------------------------------------------------------------------------------------------


def test_a_file_comes_whole(publishers, client, tmp_path):
    publishers.services[PLACE] = File(TEXT.encode())
    answer = client.download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_text() == TEXT
    assert (answer.bytes, answer.last_modified) == (len(TEXT), "Sun, 01 Nov 2026 08:00:00 GMT")
    assert [p.name for p in tmp_path.iterdir()] == ["part"]
    assert publishers.log[0].headers["user-agent"].startswith("needs/")


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_a_busy_service_asks(publishers, client, waits, tmp_path, status):
    publishers.services[PLACE] = File(TEXT.encode())
    publishers.trouble(PLACE, Reply(b"busy", status, {"Retry-After": "7"}), Reply(b"busy", status))
    client.download(URL, tmp_path / "part")
    asked = [w for w in waits if w >= 1]
    assert asked == [7, 2]
    assert (tmp_path / "part").read_text() == TEXT


def test_publishers_are_asked_at_a_polite_pace_and_a_mirror_at_once(monkeypatch, client, waits):
    answer = requests.Response()
    answer.status_code, answer.raw = 200, io.BytesIO()
    monkeypatch.setattr(client._session, "request", lambda *_, **__: answer)

    def ask(*hosts: str) -> int:
        waits.clear()
        for host in hosts:
            with client._ask(f"https://{host}/x", {}):
                pass
        assert all(0 < w <= PACE_S for w in waits)
        return len(waits)

    monkeypatch.delenv("NEEDS_MIRROR", raising=False)
    assert ask("a.org", "b.org", "a.org", "b.org", "b.org") == 3
    monkeypatch.setenv("NEEDS_MIRROR", "http://127.0.0.1:1")
    assert ask("a.org", "a.org") == 0


def test_it_does_not_wait_for_hours(publishers, client, waits, tmp_path):
    publishers.trouble(PLACE, Reply(b"", 429, {"Retry-After": "7200"}))
    with pytest.raises(UnavailableError, match="asks to wait 7,200 seconds"):
        client.download(URL, tmp_path / "part")
    assert not [w for w in waits if w >= 1]


def test_it_gives_up_after_some_tries_and_says_what_it_heard(publishers, client, waits, tmp_path):
    publishers.trouble(PLACE, *[Reply(b"", 503)] * TRIES)
    with pytest.raises(UnavailableError, match=f"503 Service Unavailable, {TRIES} times"):
        client.download(URL, tmp_path / "part")
    assert [w for w in waits if w >= 1] == [1, 2, 4, 8]


def test_it_does_not_ask_again_for_what_is_not_there(publishers, client, tmp_path):
    with pytest.raises(UnavailableError, match="404 Not Found"):
        client.download(URL, tmp_path / "part")
    assert len(publishers.log) == 1


def test_a_cut_connection_is_gone_on_with(publishers, client, tmp_path):
    publishers.services[PLACE] = File(TEXT.encode())
    publishers.cut(PLACE, 98_304, times=3)
    client.download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_text() == TEXT
    ranges = [a.headers.get("range") for a in publishers.log]
    assert ranges == [None, "bytes=98304-", "bytes=196608-", "bytes=294912-"]


def test_a_broken_off_download_is_gone_on_with_in_the_next_run(publishers, waits, tmp_path):
    publishers.services[PLACE] = File(TEXT.encode())
    publishers.cut(PLACE, 98_304)
    publishers.trouble(PLACE, *[Reply(b"", 503)] * TRIES)
    with pytest.raises(UnavailableError):
        Client(sleep=waits.append).download(URL, tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 98_304
    Client(sleep=waits.append).download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_text() == TEXT
    assert publishers.log[-1].headers["range"] == "bytes=98304-"


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(publishers, waits, tmp_path):
    publishers.services[PLACE] = File(TEXT.encode())
    publishers.cut(PLACE, 98_304)
    publishers.trouble(PLACE, *[Reply(b"", 503)] * TRIES)
    with pytest.raises(UnavailableError):
        Client(sleep=waits.append).download(URL, tmp_path / "part")
    publishers.services[PLACE] = File(TEXT.upper().encode())
    Client(sleep=waits.append).download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_text() == TEXT.upper()


@pytest.mark.parametrize("marks", [{"etag": "", "modified": None}, {"etag": 'W/"weak"', "modified": None}])
def test_without_a_mark_of_its_version_a_file_is_not_gone_on_with(publishers, client, tmp_path, marks):
    publishers.services[PLACE] = File(TEXT.encode(), **marks)
    publishers.cut(PLACE, 98_304)
    client.download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_text() == TEXT
    assert "range" not in publishers.log[-1].headers


def test_a_server_that_knows_no_ranges_gives_it_all_again(publishers, client, tmp_path):
    publishers.services[PLACE] = File(TEXT.encode(), ranges=False)
    publishers.cut(PLACE, 98_304)
    client.download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_text() == TEXT


def _parts_of(content: bytes, **headers: str):
    """A server that gives the rest of a file, whatever If-Range says."""

    def answer(asked):
        first = int(asked.headers["range"].removeprefix("bytes=").removesuffix("-"))
        said = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        return Reply(content[first:], 206, {**headers, **said})

    return answer


@pytest.mark.parametrize(
    ("more", "headers"),
    [(b"", {"ETag": '"another"'}), (b"", {"Last-Modified": "Mon, 02 Nov 2026 08:00:00 GMT"}), (b"more", {})],
)
def test_a_part_of_another_file_is_not_taken_on_by_a_server_that_does_not_heed_if_range(
    publishers, client, tmp_path, more, headers
):
    newer = TEXT.replace("E0100", "E0900").encode() + more
    publishers.services[PLACE] = File(TEXT.encode())
    publishers.cut(PLACE, 98_304)
    publishers.trouble(PLACE, _parts_of(newer, **headers))
    publishers.trouble(PLACE, File(newer))
    client.download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == newer


def test_what_comes_packed_in_spite_of_all_is_not_gone_on_with(publishers, client, tmp_path):
    content = b"".join(hashlib.sha256(n.to_bytes(4)).digest() for n in range(10_000))
    packed = gzip.compress(content)
    publishers.services[PLACE] = lambda _: Reply(packed, headers={"ETag": '"x"', "Content-Encoding": "gzip"})
    publishers.cut(PLACE, 150_000)
    client.download(URL, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == content
    assert "range" not in publishers.log[-1].headers


def test_a_connection_that_breaks_now_early_now_late_is_given_up(publishers, client, tmp_path):
    for n in range(40):
        publishers.trouble(PLACE, Reply(TEXT.encode(), cut=40_000 if n % 2 else 90_000))
    with pytest.raises(UnavailableError, match="broke off"):
        client.download(URL, tmp_path / "part")
    assert len(publishers.log) <= 2 * TRIES


def _only_here(send):
    def checked(self, request, *args, **kwargs):
        assert request.url.startswith("http://127.0.0.1"), "was asked"
        return send(self, request, *args, **kwargs)

    return checked


def test_a_redirect_to_what_is_not_encrypted_is_not_followed(publishers, client, monkeypatch):
    monkeypatch.setattr("requests.adapters.HTTPAdapter.send", _only_here(requests.adapters.HTTPAdapter.send))
    publishers.trouble(PLACE, Reply(b"", 302, {"Location": "http://elsewhere.example.org/x?uid=hunter2"}))
    with pytest.raises(UnavailableError, match="not encrypted, and was not asked") as caught:
        client.read(f"{URL}?uid=hunter2")
    assert "hunter2" not in told(caught)


def test_the_signature_of_a_store_s_address_is_not_kept(publishers, client, tmp_path):
    publishers.services["store.example.org/x"] = File(b"abc")
    publishers.trouble(PLACE, Reply(b"", 307, {"Location": f"{publishers.address}/store.example.org/x?sig=hunter2"}))
    assert client.download(URL, tmp_path / "part").url.endswith("store.example.org/x")


def test_a_host_that_never_answers_is_asked_once_more_and_no_oftener(monkeypatch, client, waits):
    monkeypatch.setenv("NEEDS_MIRROR", "http://127.0.0.1:9")
    for n, patience in enumerate([TRIES - 1, 0, 0]):
        waits.clear()
        with pytest.raises(UnavailableError, match="cannot be reached"):
            client.read(f"https://data.example.org/{n}")
        assert len([w for w in waits if w >= 1]) == patience


def test_a_certificate_that_is_not_trusted_is_told_at_once(monkeypatch, client, waits):
    def refuse(*_, **__):
        msg = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in chain"
        raise requests.exceptions.SSLError(msg)

    monkeypatch.setattr(requests.Session, "request", refuse)
    with pytest.raises(UnavailableError, match=r"does not trust -> .*REQUESTS_CA_BUNDLE"):
        client.read(URL)
    assert not [w for w in waits if w >= 1]


def test_redirects_are_followed(publishers, client, tmp_path):
    publishers.services["store.example.org/x"] = File(b"abc")
    publishers.trouble(PLACE, Reply(b"", 307, {"Location": f"{publishers.address}/store.example.org/x"}))
    assert client.download(URL, tmp_path / "part").url.endswith("store.example.org/x")
    assert (tmp_path / "part").read_bytes() == b"abc"


def test_what_is_not_encrypted_is_not_asked(client, tmp_path, monkeypatch):
    monkeypatch.delenv("NEEDS_MIRROR", raising=False)
    with pytest.raises(UnavailableError, match="not encrypted"):
        client.download("http://data.example.org/x", tmp_path / "part")
    monkeypatch.setenv("NEEDS_MIRROR", "http://mirror.example.org")
    with pytest.raises(UnavailableError, match="not encrypted"):
        client.download(URL, tmp_path / "part")


def test_a_service_that_cannot_be_reached_is_named(monkeypatch, client, tmp_path):
    monkeypatch.setenv("NEEDS_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"data\.example\.org/a/file\.csv: cannot be reached"):
        client.download(URL, tmp_path / "part")


def test_a_file_too_large_for_the_disk_is_not_begun(publishers, client, tmp_path, monkeypatch):
    publishers.services[PLACE] = File(TEXT.encode())
    monkeypatch.setattr("needs.connectors.client.SPARE_BYTES", 10**18)
    with pytest.raises(UnavailableError, match="MB free"):
        client.download(URL, tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_keys_are_never_told(publishers, client):
    publishers.trouble(PLACE, Reply(b"", 403))
    with pytest.raises(UnavailableError) as caught:
        client.read(f"{URL}?uid=hunter2&x=1")
    assert "hunter2" not in told(caught)
    assert "x=1" in told(caught)


def test_whether_there_is_a_new_version_is_asked_without_fetching(publishers, client, tmp_path):
    publishers.services[PLACE] = File(TEXT.encode())
    known = client.download(URL, tmp_path / "part")
    assert client.peek(URL, known=known) is None
    publishers.services[PLACE] = File(b"other")
    found = client.peek(URL, known=known)
    assert found is not None
    assert found.version != known.version


# --- Files -----------------------------------------------------------------------------------------------------------


def ask_for(tmp_path, client, **fields) -> Ask:
    common = {
        "title": "A table", "publisher": "An office", "licence": "OGL-UK-3.0", "date": "2026", "page": "https://example.org/",
        "path": "office/table.csv", "urls": [URL], "rhythm": "every year", "purpose": "a test of connectors",
        "proof": "made up for a test of connectors",
    }  # fmt: skip
    area = Area(name="Testshire", slug="testshire", codes=["E06000099"])
    return Ask("thing", Source.model_validate({**common, **fields}), area, tmp_path, client)


@pytest.mark.parametrize(
    ("content", "name", "what"),
    [
        (b"", "t.csv", "an empty file"),
        (b"  \n ", "t.csv", "an empty file"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>Sign in</p>", "t.csv", "a web page"),
        (b"<HTML>", "t.zip", "a web page"),
        (b"code,value\n", "t.xlsx", "no workbook"),
        (b"PK\x03\x04 and then nothing", "t.zip", "cut short"),
        (b"code,value\n", "t.osm.pbf", "no OpenStreetMap extract"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused_and_dropped(publishers, client, tmp_path, content, name, what):
    publishers.services[PLACE] = File(content)
    ask = ask_for(tmp_path, client, path=f"office/{name}")
    with pytest.raises(SourceError, match=what) as caught:
        files.fetch(ask, tmp_path / "part")
    assert f"fetch it by hand from https://example.org/ and save it as {ask.path}" in told(caught)
    assert not (tmp_path / "part").exists()


def test_the_next_address_is_tried_and_what_each_said_is_told(publishers, client, tmp_path):
    other = "https://mirror.example.org/file.csv"
    publishers.services["mirror.example.org/file.csv"] = File(b"a,b\n")
    ask = ask_for(tmp_path, client, urls=[URL, other])
    assert files.fetch(ask, tmp_path / "part").url.endswith("mirror.example.org/file.csv")
    publishers.services.clear()
    with pytest.raises(SourceError) as caught:
        files.fetch(ask, tmp_path / "part")
    assert "data.example.org" in told(caught)
    assert "mirror.example.org" in told(caught)


def test_a_file_of_the_day_may_be_some_days_old(publishers, client, tmp_path, monkeypatch):
    ask = ask_for(tmp_path, client, urls=["https://data.example.org/all{date}.csv"])
    days = list(files.addresses(ask))
    assert len(days) == 8
    publishers.services[days[2].removeprefix("https://")] = File(b"a,b\n")
    assert files.fetch(ask, tmp_path / "part").url.endswith(days[2].removeprefix("https://"))


def test_a_checksum_that_the_catalogue_knows_is_held_against_the_file(publishers, client, tmp_path):
    publishers.services[PLACE] = File(b"a,b\n")
    with pytest.raises(SourceError, match="SHA-256"):
        files.fetch(ask_for(tmp_path, client, sha256="0" * 64), tmp_path / "part")


# --- ArcGIS ----------------------------------------------------------------------------------------------------------

LAYER = f"{ARCGIS}/THINGS/FeatureServer/0"


def rows_of(count: int) -> list[dict[str, object]]:
    return [{"CODE": f"E01{n:06d}", "NAME": f"Zone {n}"} for n in reversed(range(count))]


def layer_ask(tmp_path, client, **fields) -> Ask:
    return ask_for(
        tmp_path, client, **{"kind": "arcgis", "urls": [f"https://{LAYER}"], "fields": ["CODE", "NAME"], **fields}
    )


@pytest.mark.parametrize(("count", "limit"), [(0, 10), (7, 10), (20, 10), (25, 10), (25, 1), (2001, 2000)])
def test_a_layer_comes_whole_whatever_its_pages(publishers, client, tmp_path, count, limit):
    publishers.services[LAYER] = Layer(rows_of(count) or [], limit=limit)
    if not count:
        publishers.services[LAYER] = Layer([{"CODE": "x", "NAME": "y"}], limit=limit)
        publishers.services[LAYER].rows.clear()  # a layer whose fields are gone with its rows
        with pytest.raises(SourceError, match="has no column"):
            arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
        return
    got = arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    frame = pd.read_csv(tmp_path / "part")
    assert frame["CODE"].tolist() == [f"E01{n:06d}" for n in range(count)]
    assert got.edited == "1761984000000"
    pages = [a for a in publishers.asked(f"{LAYER}/query") if "resultOffset" in a.params]
    assert [int(p.params["resultOffset"]) for p in pages] == list(range(0, count, limit))
    assert not list(tmp_path.glob("*.pages"))


def test_shapes_are_asked_for_and_written_in_the_british_national_grid(publishers, client, tmp_path):
    shapes = [{"type": "Point", "coordinates": [480_000.5 + n, 310_000.25]} for n in range(5)]
    publishers.services[LAYER] = Layer(rows_of(5), shapes, limit=2)
    path = tmp_path / "part.geojson"
    arcgis.fetch(layer_ask(tmp_path, client, geometry=True), path)
    found = gpd.read_file(path)
    assert found.crs.to_epsg() == 27700
    assert found["CODE"].is_monotonic_increasing
    assert found.geometry.x.tolist() == [480_004.5 - n for n in range(5)]


def test_rows_of_some_codes_are_asked_for_in_questions_of_bearable_length(publishers, client, tmp_path):
    codes = [f"E01{n:06d}" for n in range(450)]
    known = pd.DataFrame({"LSOA21CD": codes, "LAD24CD": ["E06000099"] * 430 + ["E06000098"] * 20})
    publishers.services[LAYER] = Layer(rows_of(1000), limit=150)
    ask = layer_ask(tmp_path, client, codes={"field": "CODE", "source": "ons_lsoa21_lad24", "column": "LSOA21CD"})
    lookup = tmp_path / sources()["ons_lsoa21_lad24"].path
    lookup.parent.mkdir(parents=True)
    known.to_csv(lookup, index=False)
    arcgis.fetch(ask, tmp_path / "part")
    assert pd.read_csv(tmp_path / "part")["CODE"].tolist() == [f"E01{n:06d}" for n in range(430)]
    questions = {a.params["where"] for a in publishers.asked(f"{LAYER}/query")}
    assert len(questions) == 3
    assert {a.method for a in publishers.asked(f"{LAYER}/query")} == {"POST"}


def test_a_layer_that_breaks_off_goes_on_at_its_page(publishers, client, tmp_path):
    publishers.services[LAYER] = Layer(rows_of(50), limit=10)
    for _ in range(2):  # count, first page
        publishers.trouble(f"{LAYER}/query", publishers._service(LAYER))
    publishers.trouble(f"{LAYER}/query", publishers._service(LAYER), *[Reply(b"", 503)] * TRIES)
    with pytest.raises(SourceError, match="503"):
        arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    publishers.log.clear()
    arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    offsets = [int(a.params["resultOffset"]) for a in publishers.asked(f"{LAYER}/query") if "resultOffset" in a.params]
    assert offsets == [20, 30, 40]
    assert len(pd.read_csv(tmp_path / "part")) == 50


def test_pages_of_an_older_state_of_the_layer_count_for_nothing(publishers, client, tmp_path):
    publishers.services[LAYER] = Layer(rows_of(30), limit=10)
    publishers.trouble(f"{LAYER}/query", *[publishers._service(LAYER)] * 3, *[Reply(b"", 503)] * TRIES)
    with pytest.raises(SourceError):
        arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    newer = [{**r, "NAME": "new"} for r in rows_of(30)]
    publishers.services[LAYER] = Layer(newer, limit=10, edited=1_761_984_000_001)
    arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    assert set(pd.read_csv(tmp_path / "part")["NAME"]) == {"new"}


def test_a_field_that_is_gone_names_the_column_and_the_line_of_the_catalogue(publishers, client, tmp_path):
    publishers.services[LAYER] = Layer([{"CODE": "E01000001", "LABEL": "x"}])
    with pytest.raises(SourceError) as caught:
        arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    assert "no column 'NAME'; it has CODE, FID, LABEL" in told(caught)
    assert "[source.thing]" in told(caught)


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (
            as_json({"error": {"code": 499, "message": "Token Required"}}),
            "error 499: Token Required",
        ),
        (page(), "gives no JSON; it begins '<!DOCTYPE html>"),
        (Reply(b'{"features": null}'), "count"),
        (Reply(b"[]"), "no object"),
    ],
)
def test_errors_that_come_with_status_200_are_errors(publishers, client, tmp_path, reply, what):
    publishers.services[LAYER] = Layer(rows_of(5))
    publishers.trouble(f"{LAYER}/query", reply)
    with pytest.raises(SourceError, match=what):
        arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_rows_that_never_come_are_missed(publishers, client, tmp_path):
    layer = Layer(rows_of(25), limit=10)
    publishers.services[LAYER] = layer

    def nothing(asked):
        return layer(asked) if "resultOffset" not in asked.params else Reply(b'{"features": []}')

    publishers.trouble(f"{LAYER}/query", *[nothing] * 9)
    with pytest.raises(SourceError, match="gave 0 of 25 rows"):
        arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")


def test_an_answer_that_is_no_good_today_is_not_kept_for_tomorrow(publishers, client, tmp_path):
    """A page without rows, or with the rows of another: the next run asks anew, and does not find the same again."""
    layer = Layer(rows_of(20), limit=10)
    publishers.services[LAYER] = layer
    ask = layer_ask(tmp_path, client)
    publishers.trouble(f"{LAYER}/query", layer, Reply(b'{"features": []}'))
    with pytest.raises(SourceError, match="and then no more"):
        arcgis.fetch(ask, tmp_path / "part")

    def first_again(asked):
        return layer(Asked(asked.method, asked.path, {**asked.params, "resultOffset": "0"}, asked.headers))

    publishers.trouble(f"{LAYER}/query", layer, layer, first_again)
    with pytest.raises(SourceError, match="rows twice"):
        arcgis.fetch(ask, tmp_path / "part")
    arcgis.fetch(ask, tmp_path / "part")
    assert len(pd.read_csv(tmp_path / "part")) == 20


def test_a_layer_that_is_edited_while_it_is_fetched_is_not_mixed(publishers, client, tmp_path):
    old, new = Layer(rows_of(20), limit=10), Layer([{**r, "NAME": "new"} for r in rows_of(20)], limit=10, edited=5)
    publishers.services[LAYER] = new
    publishers.trouble(LAYER, old, old, old)  # what it is, count, first page
    with pytest.raises(SourceError, match="edited while it was fetched"):
        arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    assert set(pd.read_csv(tmp_path / "part")["NAME"]) == {"new"}


def test_a_service_that_says_with_status_200_that_it_is_busy_is_asked_again(publishers, client, waits, tmp_path):
    publishers.services[LAYER] = Layer(rows_of(5))
    busy = as_json({"error": {"code": 429, "message": "Too many requests"}})
    publishers.trouble(f"{LAYER}/query", busy, busy)
    arcgis.fetch(layer_ask(tmp_path, client), tmp_path / "part")
    assert [w for w in waits if w >= 1] == [1, 2]


def test_shapes_that_come_in_degrees_all_the_same_are_said_to_be(publishers, client, tmp_path):
    layer = Layer(rows_of(3), [{"type": "Polygon", "coordinates": [[[-1, 52], [-1, 53], [0, 52], [-1, 52]]]}] * 3)
    publishers.services[LAYER] = layer
    path = tmp_path / "part.geojson"
    arcgis.fetch(layer_ask(tmp_path, client, geometry=True), path)
    assert gpd.read_file(path).crs.to_epsg() in {4326, None}
    west, south, *_ = gpd.read_file(path).to_crs(27700).total_bounds
    assert 460_000 < west < 480_000
    assert 230_000 < south < 240_000


def coded(tmp_path, client, codes: list[str], *, districts: list[str] | None = None) -> Ask:
    """Ask a layer for the codes of a lookup that is there."""
    lookup = tmp_path / sources()["ons_lsoa21_lad24"].path
    lookup.parent.mkdir(parents=True)
    frame = pd.DataFrame({"LSOA21CD": codes, "LAD24CD": districts or ["E06000099"] * len(codes)})
    frame.to_csv(lookup, index=False)
    return layer_ask(tmp_path, client, codes={"field": "CODE", "source": "ons_lsoa21_lad24", "column": "LSOA21CD"})


def test_a_code_that_the_layer_does_not_have_is_missed(publishers, client, tmp_path):
    publishers.services[LAYER] = Layer(rows_of(3))
    with pytest.raises(SourceError, match="nothing of 1 of 4 values of CODE: E01000003"):
        arcgis.fetch(coded(tmp_path, client, [f"E01{n:06d}" for n in range(4)]), tmp_path / "part")


def test_a_district_without_zones_is_named_though_others_have_some(publishers, client, tmp_path):
    publishers.services[LAYER] = Layer(rows_of(2))
    ask = coded(tmp_path, client, ["E01000000", "E01000001"])
    area = Area(name="Testshire", slug="testshire", codes=["E06000099", "E06000098"])
    with pytest.raises(SourceError, match="has no zone of E06000098"):
        arcgis.fetch(dataclasses.replace(ask, area=area), tmp_path / "part")


def test_a_source_that_needs_another_says_which(publishers, client, tmp_path):
    publishers.services[LAYER] = Layer(rows_of(2))
    ask = coded(tmp_path, client, ["E01000000"])
    lookup = tmp_path / sources()["ons_lsoa21_lad24"].path
    for content in (b"", b"\xff\xfe\x00"):
        lookup.write_bytes(content)
        with pytest.raises(SourceError, match="cannot be read"):
            arcgis.fetch(dataclasses.replace(ask), tmp_path / "part")
    lookup.unlink()
    with pytest.raises(SourceError, match=r"needs LSOA 2021 to wards .* which is not there"):
        arcgis.fetch(dataclasses.replace(ask), tmp_path / "part")
    with pytest.raises(SourceError, match="needs LSOA 2021 boundaries"):
        _ = ask.outline


# --- Nomis -----------------------------------------------------------------------------------------------------------

TABLE = f"{NOMIS}/NM_1_1"
SELECT = "date,geography_code,c_age,c_age_name,obs_value,obs_status,record_count"


def nomis_table(zones: int, ages: int = 2, **more) -> NomisTable:
    names = {str(101 + a): f"Age {a}" for a in range(ages)}
    figures = {(f"E01{z:06d}", code): float(z + a) for z in range(zones) for a, code in enumerate(names)}
    return NomisTable(figures, {"C_AGE": names}, **more)


def nomis_ask(tmp_path, client, **params) -> Ask:
    asked = {"geography": "TYPE151", "date": "latest", "measures": "20100", "select": SELECT, **params}
    return ask_for(tmp_path, client, kind="nomis", urls=[f"https://{TABLE}.data.csv"], params=asked)


@pytest.mark.parametrize(("zones", "limit"), [(10, 25_000), (10, 7), (10, 10), (10, 20), (1, 1)])
def test_a_table_comes_whole_whatever_its_pages(publishers, client, tmp_path, zones, limit):
    publishers.services[TABLE] = nomis_table(zones, limit=limit)
    got = nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    frame = pd.read_csv(tmp_path / "part")
    assert len(frame) == 2 * zones
    assert frame["OBS_VALUE"].sum() == 2 * sum(range(zones)) + zones
    assert got.edited == "2026-01-15 09:30:00"
    offsets = [int(a.params["RecordOffset"]) for a in publishers.asked(f"{TABLE}.data.csv")]
    assert offsets == list(range(0, 2 * zones, limit))


def test_an_england_of_cells_takes_two_pages_of_a_guest(publishers, client, tmp_path):
    publishers.services[TABLE] = nomis_table(35_672, ages=1)
    nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    assert len(pd.read_csv(tmp_path / "part")) == 35_672
    assert len(publishers.asked(f"{TABLE}.data.csv")) == 2


def test_only_the_ages_asked_for_come(publishers, client, tmp_path):
    publishers.services[TABLE] = nomis_table(3, ages=9)
    nomis.fetch(nomis_ask(tmp_path, client, c_age="103...105,109"), tmp_path / "part")
    assert sorted(set(pd.read_csv(tmp_path / "part")["C_AGE"])) == [103, 104, 105, 109]


def test_a_key_is_sent_and_never_kept(publishers, client, tmp_path, monkeypatch):
    monkeypatch.setenv("NOMIS_API_KEY", "0xhunter2")
    publishers.services[TABLE] = nomis_table(3)
    got = nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    assert publishers.asked(f"{TABLE}.data.csv")[0].params["uid"] == "0xhunter2"
    assert "hunter2" not in repr(got)
    for reply in (Reply(b"", 403), Reply(b"The uid 0xhunter2 is not known")):
        publishers.trouble(f"{TABLE}.data.csv", reply)
        with pytest.raises(SourceError) as caught:
            nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
        assert "hunter2" not in told(caught)
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"hunter2" in p.read_bytes()]


def test_a_table_that_breaks_off_goes_on_at_its_page(publishers, client, tmp_path):
    publishers.services[TABLE] = nomis_table(10, limit=5)
    publishers.trouble(f"{TABLE}.data.csv", *[publishers._service(TABLE)] * 2, *[Reply(b"", 503)] * TRIES)
    with pytest.raises(SourceError, match="503"):
        nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    publishers.log.clear()
    nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    assert [a.params["RecordOffset"] for a in publishers.asked(f"{TABLE}.data.csv")] == ["10", "15"]


def test_a_table_that_was_updated_since_it_broke_off_is_fetched_from_the_start(publishers, client, tmp_path):
    publishers.services[TABLE] = nomis_table(10, limit=5, date="2023")
    publishers.trouble(f"{TABLE}.data.csv", *[publishers._service(TABLE)] * 2, *[Reply(b"", 503)] * TRIES)
    with pytest.raises(SourceError, match="503"):
        nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    publishers.services[TABLE] = nomis_table(10, limit=5, date="2024", updated="2026-11-20")
    nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    assert set(pd.read_csv(tmp_path / "part")["DATE"]) == {2024}


def test_a_table_that_is_updated_while_it_is_fetched_is_not_mixed(publishers, client, tmp_path):
    old = nomis_table(10, limit=5, date="2023")
    publishers.services[TABLE] = nomis_table(10, limit=5, date="2024", updated="2026-11-20")
    publishers.trouble(TABLE, old, old)  # when it was updated, first page
    with pytest.raises(SourceError, match="updated while it was fetched"):
        nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    assert set(pd.read_csv(tmp_path / "part")["DATE"]) == {2024}


def test_a_table_comes_though_nobody_says_when_it_was_updated(publishers, client, tmp_path):
    publishers.services[TABLE] = nomis_table(3)
    publishers.services[f"{TABLE}.def"] = lambda _: page("Not found", 404)
    assert nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part").edited == ""
    assert len(pd.read_csv(tmp_path / "part")) == 6


def test_questions_fit_into_an_address(publishers, client, tmp_path):
    """2,048 characters of a question are what Microsoft's web server takes where nobody says otherwise."""
    codes = [f"E01{n:06d}" for n in range(250)]
    publishers.services[TABLE] = nomis_table(250, ages=1)
    ask = coded(tmp_path, client, codes)
    table = nomis_ask(tmp_path, client)
    both = table.source.model_copy(update={"codes": ask.source.codes, "params": sources()["nomis_ages"].params})
    publishers.services[TABLE].names.clear()
    long = []
    send = requests.Session.request
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            requests.Session, "request",
            lambda s, how, url, **more: long.append(requests.Request(how, url, params=more.get("params")).prepare().url)
            or send(s, how, url, **more),
        )  # fmt: skip
        patch.setenv("NOMIS_API_KEY", "0x" + "f" * 40)
        with pytest.raises(SourceError):  # the stand-in knows no ages
            nomis.fetch(dataclasses.replace(table, source=both), tmp_path / "part")
    assert 1_000 < max(map(len, long)) < 2_000


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"Cannot create query. The geography is not known.", "Cannot create query"),
        (b"", "gives no table"),
        (b"<!DOCTYPE html><html>", "gives no table"),
        (b'"DATE","GEOGRAPHY_CODE","VALUE","RECORD_COUNT"\n2024,"E01000001",3,1\n', "no column 'OBS_VALUE'"),
        (b'"DATE","GEOGRAPHY_CODE","OBS_VALUE","RECORD_COUNT"\n2024,"E01000001"', "record 1 is cut short"),
        (b'"DATE","GEOGRAPHY_CODE","OBS_VALUE","RECORD_COUNT"\n', "gives no record"),
        (b'"DATE","GEOGRAPHY_CODE","OBS_VALUE","RECORD_COUNT"\n2024,"E01000001",3,""\n', "RECORD_COUNT is ''"),
    ],
)
def test_what_is_no_table_is_refused(publishers, client, tmp_path, content, what):
    publishers.services[TABLE] = nomis_table(3)
    publishers.trouble(f"{TABLE}.data.csv", Reply(content))
    with pytest.raises(SourceError, match=what):
        nomis.fetch(nomis_ask(tmp_path, client), tmp_path / "part")
    assert not (tmp_path / "part").exists()


# --- The catalogue ---------------------------------------------------------------------------------------------------


def test_every_source_says_how_it_is_known_and_what_for():
    for name, source in sources().items():
        assert len(source.proof) > 20, name
        assert source.page.startswith("https://"), name
        assert all(url.startswith("https://") for url in source.urls), name
    assert len({s.path for s in sources().values()}) == len(sources())


def test_paths_stay_in_the_folder():
    with pytest.raises(ValueError, match="leads out"):
        ask_for(Path(), Client(), path="a/../../b.csv")
    with pytest.raises(ValueError, match="path"):
        ask_for(Path(), Client(), path="/etc/passwd")


def test_no_test_reaches_out(publishers):
    assert os.environ["NEEDS_MIRROR"].startswith("http://127.0.0.1")
    assert issubclass(UnavailableError, NeedsError)
