"""Stand in for the publishers' services on loopback: their paging, limits, errors, encodings and redirects.

Written from what the services say of themselves: ArcGIS REST API (Query, Feature Service/Layer), Nomis API help,
RFC 9110 (ranges, conditions, Retry-After). The address of a service is /<host>/<path>, as the toolkit asks a mirror.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from urllib.parse import parse_qsl, urlsplit

ARCGIS = "services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services"
NOMIS = "www.nomisweb.co.uk/api/v01/dataset"
DAY = "Sun, 01 Nov 2026 08:00:00 GMT"
TIMES = 1_761_984_000_000  # of a layer's last edit, milliseconds


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class Reply:
    """What goes back; `cut` breaks the connection after so many bytes."""

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


Service = Callable[[Asked], Reply]


def as_json(content: object, status: int = 200) -> Reply:
    return Reply(json.dumps(content).encode(), status, {"Content-Type": "application/json;charset=utf-8"})


@dataclass
class Layer:
    """A layer of a FeatureServer: at most `limit` rows a page, whatever is asked for."""

    rows: list[dict[str, object]]
    shapes: list[dict[str, object]] | None = None  # GeoJSON geometries in EPSG:27700, one for each row
    limit: int = 2000
    edited: int = TIMES

    def __call__(self, asked: Asked) -> Reply:
        fields = ["FID", *(self.rows[0] if self.rows else {})]
        if not asked.path.endswith("/query"):
            types = [{"name": f, "type": "esriFieldTypeString"} for f in fields]
            about = {"maxRecordCount": self.limit, "fields": types, "objectIdField": "FID"}
            return as_json({**about, "editingInfo": {"lastEditDate": self.edited}})
        params = asked.params
        try:
            chosen = self._where(params.get("where", ""), fields)
            out = params.get("outFields", "*").split(",")
            unknown = [f for f in [*out, *filter(None, [params.get("orderByFields", "")])] if f not in {*fields, "*"}]
            assert not unknown, f"'Invalid field: {unknown[0]}' parameter is invalid"
        except AssertionError as error:
            told = {"code": 400, "message": "Cannot perform query. Invalid query parameters.", "details": [str(error)]}
            return as_json({"error": told})  # with status 200, as the service does
        if params.get("returnCountOnly") == "true":
            return as_json({"count": len(chosen)})
        begin = int(params.get("resultOffset", 0))
        size = min(self.limit, int(params.get("resultRecordCount", self.limit)))
        page, more = chosen[begin : begin + size], len(chosen) > begin + size
        keep = fields if out == ["*"] else out
        rows = [{f: ({"FID": i + 1} | self.rows[i])[f] for f in keep} for i in page]
        if params.get("f") != "geojson":
            features = [{"attributes": row} for row in rows]
            return as_json({"objectIdFieldName": "FID", "features": features, "exceededTransferLimit": more})
        assert self.shapes is None or params.get("outSR") == "27700"
        shapes = [self.shapes[i] if self.shapes else None for i in page]
        features = [
            {"type": "Feature", "id": i + 1, "geometry": shape, "properties": row}
            for i, row, shape in zip(page, rows, shapes, strict=True)
        ]
        crs = {"type": "name", "properties": {"name": f"EPSG:{params['outSR']}"}}
        return as_json(
            {
                "type": "FeatureCollection",
                "crs": crs,
                "properties": {"exceededTransferLimit": more},
                "features": features,
            }
        )

    def _where(self, where: str, fields: list[str]) -> list[int]:
        if where == "1=1":
            return list(range(len(self.rows)))
        found = re.fullmatch(r"(\w+) IN \((.*)\)", where)
        assert found, "'where' clause is invalid"
        assert found[1] in fields, f"'Invalid field: {found[1]}' parameter is invalid"
        wanted = {w.strip().strip("'") for w in found[2].split(",")}
        return [i for i, row in enumerate(self.rows) if row[found[1]] in wanted]


@dataclass
class NomisTable:
    """A table of Nomis: figures by zone and the codes of its dimensions, 25,000 cells a call for a guest."""

    figures: dict[tuple[str, ...], float]  # (zone, code of each dimension) -> figure
    names: dict[str, dict[str, str]] = field(default_factory=dict)  # dimension -> code -> name
    date: str = "2024"
    limit: int = 25_000
    updated: str = "2026-01-15 09:30:00"

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.endswith(".def.sdmx.json"):
            notes = [{"annotationtitle": "LastUpdated", "annotationtext": self.updated}]
            return as_json({"structure": {"keyfamilies": {"keyfamily": [{"annotations": {"annotation": notes}}]}}})
        params = {k.lower(): v for k, v in asked.params.items()}
        zones = list(dict.fromkeys(key[0] for key in self.figures))
        if not params["geography"].startswith("TYPE"):
            wanted = set(params["geography"].split(","))
            zones = [z for z in zones if z in wanted]
        codes = [self._codes(params.get(d.lower()), list(names)) for d, names in self.names.items()]
        cells = [(z, *c) for z in zones for c in product(*codes) if (z, *c) in self.figures]
        begin, size = int(params.get("recordoffset", 0)), min(self.limit, int(params.get("recordlimit", self.limit)))
        select = [s.upper() for s in params["select"].split(",")]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(select)
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        for cell in cells[begin : begin + size]:
            row: dict[str, object] = {
                "DATE": int(self.date),
                "GEOGRAPHY_CODE": cell[0],
                "GEOGRAPHY_NAME": f"Zone {cell[0]}",
            }
            for (dimension, names), code in zip(self.names.items(), cell[1:], strict=True):
                row |= {dimension: int(code), f"{dimension}_NAME": names[code]}
            row |= {"OBS_VALUE": self.figures[cell], "OBS_STATUS": "A", "RECORD_COUNT": len(cells)}
            writer.writerow([row[s] for s in select])
        return Reply(out.getvalue().encode(), headers={"Content-Type": "text/csv"})

    @staticmethod
    def _codes(said: str | None, known: list[str]) -> list[str]:
        wanted: list[str] = []
        for part in (said or "").split(","):
            first, _, last = part.partition("...")
            wanted += [str(n) for n in range(int(first), int(last) + 1)] if last else [first]
        return [k for k in known if k in wanted] if said else known


@dataclass
class File:
    """A file as a web server keeps it: its version, ranges, conditions."""

    content: bytes
    etag: str | None = None
    modified: str | None = DAY
    ranges: bool = True
    kind: str = "application/octet-stream"

    def __call__(self, asked: Asked) -> Reply:
        etag = self.etag if self.etag is not None else f'"{hashlib.md5(self.content).hexdigest()}"'  # noqa: S324
        marks = {"ETag": etag} if etag else {}
        marks |= {"Last-Modified": self.modified} if self.modified else {}
        marks |= {"Content-Type": self.kind, **({"Accept-Ranges": "bytes"} if self.ranges else {})}
        wants = asked.headers
        if (etag and wants.get("if-none-match") == etag) or (
            self.modified and "if-none-match" not in wants and wants.get("if-modified-since") == self.modified
        ):
            return Reply(status=304, headers=marks)
        begins = re.fullmatch(r"bytes=(\d+)-", wants.get("range", ""))
        if self.ranges and begins and wants.get("if-range", etag) in {etag, self.modified}:
            first, size = int(begins[1]), len(self.content)
            if first >= size:
                return Reply(status=416, headers={"Content-Range": f"bytes */{size}"})
            said = {"Content-Range": f"bytes {first}-{size - 1}/{size}"}
            return Reply(self.content[first:], 206, {**marks, **said})
        return Reply(self.content, headers=marks)


def page(text: str = "Sorry, the service is unavailable", status: int = 200) -> Reply:
    """A web page where something else was asked for."""
    return Reply(f"<!DOCTYPE html><html><body>{text}</body></html>".encode(), status, {"Content-Type": "text/html"})


@dataclass
class Publishers:
    """Services by /<host>/<path>, and what goes wrong before each answers rightly."""

    address: str = ""
    services: dict[str, Service] = field(default_factory=dict)
    troubles: dict[str, list[Service]] = field(default_factory=dict)  # the next answers under an address, in order
    log: list[Asked] = field(default_factory=list)

    def trouble(self, path: str, *replies: Reply | Service) -> None:
        """Answer the next requests under an address otherwise."""
        ways = [r if callable(r) else (lambda _, r=r: r) for r in replies]
        self.troubles.setdefault(path, []).extend(ways)

    def cut(self, path: str, after: int, *, times: int = 1) -> None:
        """Break off the next answers after so many bytes."""

        def broken(asked: Asked) -> Reply:
            reply = self._service(asked.path)(asked)
            return Reply(reply.content, reply.status, reply.headers, cut=after)

        self.trouble(path, *[broken] * times)

    def asked(self, path: str) -> list[Asked]:
        """List the requests under an address."""
        return [a for a in self.log if a.path.startswith(path)]

    def answer(self, asked: Asked) -> Reply:
        self.log.append(asked)
        for path, ways in self.troubles.items():
            if ways and asked.path.startswith(path):
                return ways.pop(0)(asked)
        return self._service(asked.path)(asked)

    def _service(self, path: str) -> Service:
        fits = [p for p in self.services if path.startswith(p)]
        return self.services[max(fits, key=len)] if fits else lambda _: page("Not found", 404)


@contextmanager
def serving() -> Iterator[Publishers]:
    """Serve on a free port of this machine."""
    publishers = Publishers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._serve(dict(parse_qsl(body, keep_blank_values=True)))

        def _serve(self, body: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            params = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **body}
            headers = {k.lower(): v for k, v in self.headers.items()}
            reply = publishers.answer(Asked(self.command, parts.path.lstrip("/"), params, headers))
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content if reply.cut is None else reply.content[: reply.cut])
            if reply.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that have heard enough."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    publishers.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield publishers
    finally:
        server.shutdown()
        server.server_close()
