"""Streets from Overpass: a local server that answers, is busy, breaks off and remarks, as the real one does."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import numpy as np
import osmium
import osmnx
import pytest
import shapely

from needs import streets
from needs.errors import SourceError
from tests.town import ORIGIN, write_osm

NODES = {1: (0, 0), 2: (300, 40), 3: (590, 0), 4: (590, 395), 5: (900, 395)}
WAYS = [
    ([1, 2, 3], {"highway": "primary", "foot": "no"}),
    ([3, 4], {"highway": "residential", "oneway": "yes"}),
    ([4, 1], {"highway": "tertiary", "motor_vehicle": "no"}),
    ([4, 5], {"route": "ferry", "motor_vehicle": "yes", "duration": "00:05"}),
]
TOWN = shapely.box(ORIGIN[0] - 100, ORIGIN[1] - 100, ORIGIN[0] + 700, ORIGIN[1] + 500)
FREE = "Connected as: 1\nCurrent time: {now}\nAnnounced endpoint: none\nRate limit: 2\n2 slots available now.\n"
TAKEN = FREE.replace("2 slots available now.", "Slot available after: {then}, in 7 seconds.")
TIMED_OUT = 'runtime error: Query timed out in "query" at line 1 after 181 seconds.'


class Overpass(BaseHTTPRequestHandler):
    """Answers with what `server.script` holds next (status, headers, body), else with all elements."""

    def do_GET(self):
        self.server.statuses += 1
        now = datetime.now(UTC)
        stamps = {"now": f"{now:%Y-%m-%dT%H:%M:%SZ}", "then": f"{now + timedelta(seconds=7):%Y-%m-%dT%H:%M:%SZ}"}
        text = self.server.status.pop(0) if self.server.status else FREE
        self.answer(200, {"Content-Type": "text/plain"}, text.format(**stamps).encode())

    def do_POST(self):
        query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["data"][0]
        self.server.asked.append((query, self.headers["User-Agent"], self.path))
        step = self.server.script.pop(0) if self.server.script else None
        if step is None:
            kind = "highway" if '["highway"]' in query else "route"
            ways = [e for e in self.server.elements if e["type"] == "way" and kind in e["tags"]]
            used = {n for w in ways for n in w["nodes"]}
            nodes = [e for e in self.server.elements if e["type"] == "node" and e["id"] in used]
            step = 200, {}, whole([*nodes, *ways])
        self.answer(*step)

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def whole(elements, **more) -> bytes:
    return json.dumps({"version": 0.6, "elements": elements, **more}).encode()


@pytest.fixture
def overpass(monkeypatch, tmp_path):
    """A local server that answers as Overpass does; waits are told and not waited."""
    server = HTTPServer(("127.0.0.1", 0), Overpass)
    server.script, server.status, server.asked, server.statuses, server.waits = [], [], [], 0, []
    server.elements = elements_of(write_osm(tmp_path / "town.osm", NODES, WAYS))
    server.url = f"http://127.0.0.1:{server.server_port}/api"
    monkeypatch.setattr(time, "sleep", server.waits.append)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def elements_of(file) -> list[dict]:
    found = []
    for item in osmium.FileProcessor(str(file)):
        shared = {"id": item.id, "tags": dict(item.tags)}
        if item.is_way():
            found.append({"type": "way", "nodes": [n.ref for n in item.nodes], **shared})
        else:
            if item.id == 2:
                shared["tags"] = {"highway": "traffic_signals"}
            found.append({"type": "node", "lat": item.location.lat, "lon": item.location.lon, **shared})
    return found


def fetch(server, tmp_path, outline=TOWN, **more):
    return streets.download(outline, tmp_path / "a.graphml", endpoint=server.url, **more)


def left(tmp_path) -> list[str]:
    return sorted(p.name for p in tmp_path.iterdir() if p.name != "town.osm")


@pytest.mark.parametrize("by_setting", [False, True])
def test_streets_are_fetched_with_the_tags_that_the_rules_need(overpass, tmp_path, monkeypatch, by_setting):
    if by_setting:
        monkeypatch.setattr(osmnx.settings, "overpass_url", overpass.url)
    names = [n for n in vars(osmnx.settings) if n[0].islower()]
    usual = {n: getattr(osmnx.settings, n) for n in names}
    look_up = socket.getaddrinfo
    path = streets.download(TOWN, tmp_path / "a.graphml", endpoint=None if by_setting else overpass.url)
    assert usual == {n: getattr(osmnx.settings, n) for n in names}
    assert socket.getaddrinfo is look_up
    assert [re.search(r'way(\["\w+"[^(]*)', q)[1] for q, _, _ in overpass.asked] == ['["highway"]', '["route"="ferry"]']
    assert {agent.split("/")[0] for _, agent, _ in overpass.asked} == {"needs"}
    assert {p for _, _, p in overpass.asked} == {"/api/interpreter"}
    assert overpass.statuses == 2  # asked whether it is free before every question
    assert left(tmp_path) == ["a.graphml"]
    own, fetched = (streets.build(streets.read_ways(p), "walk") for p in (tmp_path / "town.osm", path))
    assert fetched.arcs.ms.sum() == pytest.approx(own.arcs.ms.sum(), rel=1e-4)
    assert fetched.report["ferries"] == own.report["ferries"] == 1
    drive = streets.build(streets.read_ways(path), "drive")
    assert drive.edges.forward_ms.max() == pytest.approx(
        6_000 + (np.hypot(300, 40) + np.hypot(290, 40)) / 64 * 3600, rel=1e-3
    )


def test_a_large_place_is_asked_for_in_pieces(overpass, tmp_path):
    wide = shapely.box(ORIGIN[0] - 100, ORIGIN[1] - 100, ORIGIN[0] + 60_000, ORIGIN[1] + 20_000)
    fetch(overpass, tmp_path, wide, margin_m=0)
    corners = {re.search(r'poly:["\']([^"\']+)', q)[1] for q, _, _ in overpass.asked}
    assert len(overpass.asked) == 2 * len(corners)
    assert len(corners) >= 3
    for text in corners:
        lat, lon = np.array(text.split(), dtype=float).reshape(-1, 2).T
        assert np.ptp(lat) * 111.2 < 26
        assert np.ptp(lon) * 111.2 * np.cos(np.radians(lat.mean())) < 26


def test_the_status_is_waited_for(overpass, tmp_path):
    overpass.status = [TAKEN, FREE]
    fetch(overpass, tmp_path)
    assert overpass.waits[0] == pytest.approx(7, abs=1)
    assert not any(overpass.waits[1:])


LATER = {"Retry-After": "in 200 seconds, as a date"}
PAGE = b"<html><body>Dispatcher_Client::request_read_and_idx::timeout. The server is probably too busy.</body></html>"


@pytest.mark.parametrize(
    ("step", "wait_s", "words"),
    [
        ((429, {"Retry-After": "12"}, b"Too Many Requests"), 12, "status 429"),
        ((429, {}, b""), 30, "status 429"),
        ((429, {"Retry-After": "soon"}, b""), 30, "status 429"),
        ((503, LATER, b""), 200, "status 503"),
        ((504, {"Content-Type": "text/html"}, PAGE), 30, "status 504"),
        ((200, {"Content-Type": "text/html"}, PAGE), 30, "a page instead of streets"),
        ((200, {}, whole([], remark=TIMED_OUT)), 30, "half an answer: runtime error: Query timed out"),
        ((200, {"Content-Length": "5000"}, whole([])), 30, "IncompleteRead"),  # the connection breaks
    ],
)
def test_a_busy_server_is_asked_again(overpass, tmp_path, step, wait_s, words):
    expected = fetch(overpass, tmp_path).read_bytes()
    overpass.asked.clear()
    overpass.waits.clear()
    if step[1] is LATER:
        then = datetime.now(UTC) + timedelta(seconds=200)
        step = step[0], {"Retry-After": format_datetime(then, usegmt=True)}, step[2]
    overpass.script, told = [None, step], []
    assert fetch(overpass, tmp_path, say=told.append).read_bytes() == expected
    assert [w for w in overpass.waits if w] == [pytest.approx(wait_s, abs=15 if wait_s == 200 else 0)]
    assert len(overpass.asked) == 3  # highways once, and ferries twice
    assert len(told) == 1
    assert words in told[0]
    assert left(tmp_path) == ["a.graphml"]


def test_a_remark_is_never_half_a_network(overpass, tmp_path):
    """A question that ran out of time is answered with status 200 and what was found so far."""
    half = whole([e for e in overpass.elements if e["id"] in {1, 2, 3}][:4], remark=TIMED_OUT)
    overpass.script = [(200, {}, half)] * 5
    with pytest.raises(SourceError, match=r"it was busy 5 times in a row \(half an answer: runtime error") as caught:
        fetch(overpass, tmp_path)
    assert caught.value.exit_code == 3
    assert [w for w in overpass.waits if w] == [30, 60, 120, 240]
    assert left(tmp_path) == []


def test_another_call_goes_on_where_the_first_one_ended(overpass, tmp_path):
    overpass.script = [None, *[(504, {}, b"")] * 5]
    with pytest.raises(SourceError, match=r"busy 5 times in a row .status 504.* -> try again later: what has been had"):
        fetch(overpass, tmp_path)
    assert left(tmp_path) == [".a.graphml.pieces"]
    overpass.asked.clear()
    fetch(overpass, tmp_path)
    assert ['["highway"]' in q for q, _, _ in overpass.asked] == [False]  # the ferries, and no more
    assert left(tmp_path) == ["a.graphml"]


def test_what_was_had_days_ago_is_asked_for_again(overpass, tmp_path):
    overpass.script = [None, (429, {"Retry-After": "86400"}, b"")]
    with pytest.raises(SourceError, match="it asks to wait 86,400 seconds"):
        fetch(overpass, tmp_path)
    (piece,) = (tmp_path / ".a.graphml.pieces").iterdir()
    os.utime(piece, (time.time() - 90_000,) * 2)
    overpass.asked.clear()
    fetch(overpass, tmp_path)
    assert len(overpass.asked) == 2


def test_an_interrupted_call_keeps_what_was_had(overpass, tmp_path, monkeypatch):
    (tmp_path / "a.graphml").write_text("of yesterday")
    overpass.script = [None, (429, {"Retry-After": "12"}, b"")]

    def stopped(seconds):
        if seconds:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", stopped)
    with pytest.raises(KeyboardInterrupt):
        fetch(overpass, tmp_path)
    assert left(tmp_path) == [".a.graphml.pieces", "a.graphml"]
    assert (tmp_path / "a.graphml").read_text() == "of yesterday"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ((200, {}, whole([])), "No data elements"),  # the sea
        ((400, {"Content-Type": "text/html"}, b"parse error: ';' expected"), "status 400: parse error"),
        ((403, {}, b"{}"), "status 403"),
        ((500, {}, whole([])), "status 500"),
        ((200, {}, b"[1, 2]"), "an answer without elements"),
    ],
)
def test_no_streets_from_overpass_is_a_source_that_could_not_be_had(overpass, tmp_path, step, words):
    overpass.script = [step] * 2
    with pytest.raises(
        SourceError, match=rf"Overpass at {overpass.url}: gave no streets: .*{words.split(':')[-1]}|{words}"
    ):
        fetch(overpass, tmp_path)
    assert left(tmp_path) == []
    assert not any(overpass.waits)
    assert osmnx.settings.overpass_url != overpass.url


def test_no_server_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with socket.socket() as taken:  # a port on which nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with pytest.raises(SourceError, match="gave no streets"):
            streets.download(TOWN, tmp_path / "a.graphml", endpoint=url)
    assert list(tmp_path.iterdir()) == []
