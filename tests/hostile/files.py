"""Broken files of every format: cut short, of another kind, larger than they say, leading out, not files at all."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable

import geopandas as gpd
import openpyxl
import pandas as pd

from tests import workbooks
from tests.hostile.harness import Case, Ground, named
from tests.zips import zipped

BIRTHS = "births.csv"
HTML = b"<!DOCTYPE html><html><body>Service unavailable</body></html>"
AGAIN = "download it again"
Make = Callable[[bytes], bytes]


def births(name: str, ending: str, make: Make, *says: str, more: str = "") -> Case:
    """Give the table of births in another file, made of its text."""
    file = f"b.{ending}"

    def breaks(ground: Ground) -> None:
        ground.instead(BIRTHS, file, make(ground.path(BIRTHS).read_bytes()))
        if more:
            ground.more("births", more)

    return Case(f"{ending}: {name}", breaks, (f"{file} (input 'births')", *says))


def place(name: str, change: Callable[[Ground], object], *says: str, code: int = 2) -> Case:
    return Case(name, change, ("births", *says), code)


def swap(change: Callable[[Ground], object]) -> Callable[[Ground], object]:
    """Take the file away, and put something else in its place."""

    def breaks(ground: Ground) -> None:
        ground.path(BIRTHS).unlink()
        change(ground)

    return breaks


def rows_of(text: bytes) -> list[list[object]]:
    head, *rest = (line.split(",") for line in text.decode().splitlines())
    return [list(head), *([row[0], *map(float, row[1:])] for row in rest)]


def frame(text: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(text))


def book(text: bytes, change: Callable[[openpyxl.worksheet.worksheet.Worksheet], object] | None = None) -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows_of(text):
        made.active.append(row)
    if change:
        change(made.active)
    made.save(out)
    return out.getvalue()


def parquet(text: bytes) -> bytes:
    out = io.BytesIO()
    frame(text).to_parquet(out)
    return out.getvalue()


def packed(text: bytes) -> bytes:
    return zipped({"b.csv": text})


def bomb(size: int) -> bytes:
    """Make a zip of a few kilobytes that says that it holds little and holds much, or says the truth."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("b.csv", "w", force_zip64=True) as file,
    ):
        block = b"0" * 2**20
        for _ in range(size // 2**20):
            file.write(block)
    return out.getvalue()


def lying(text: bytes, claimed: int) -> bytes:
    """Let an archive say another size than its file has."""
    whole = packed(text)
    size = struct.pack("<I", len(text))
    return whole.replace(size, struct.pack("<I", claimed))


def encrypted(text: bytes) -> bytes:
    whole = bytearray(packed(text))
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    return bytes(whole)


def gz_bomb(size: int) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"0" * 2**20
    return b"".join([*(deflate.compress(block) for _ in range(size // 2**20)), deflate.flush()])


def formula(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    sheet["B3"] = "=B4*2"


def features(text: bytes) -> bytes:
    held = [{"type": "Feature", "properties": row, "geometry": None} for row in frame(text).to_dict("records")]
    return json.dumps({"type": "FeatureCollection", "features": held}).encode()


def gpkg(ground: Ground, cut: int | None = None) -> None:
    """Give the zones as a GeoPackage, cut short."""
    path = ground.path("z.gpkg")
    gpd.read_file(ground.path("zones.geojson")).to_file(path)
    ground.edit("mudport.toml", 'path = "zones.geojson"', 'path = "z.gpkg"')
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] if cut else whole[:100] + bytes(len(whole) - 100))


def zones(name: str, make: Make, *says: str) -> Case:
    def breaks(ground: Ground) -> None:
        ground.write("zones.geojson", make(ground.path("zones.geojson").read_bytes()))

    return Case(f"geojson: {name}", breaks, ("zones.geojson (input 'zones')", *says))


def device(ground: Ground) -> None:
    """Make a file that cannot be read, for whoever runs the tests."""
    ground.path(BIRTHS).unlink()
    ground.path(BIRTHS).symlink_to("/proc/self/mem")


TEXT = named(
    "csv",
    births("empty", "csv", lambda t: b"", "it is empty", AGAIN),
    births("white space", "csv", lambda t: b" \r\n\t\r\n", "it is empty"),
    births("NUL bytes alone", "csv", lambda t: bytes(1000), "it is"),
    births("a NUL byte", "csv", lambda t: t.replace(b"20", b"2\x000", 1), "line 2 holds a zero byte"),
    births("a web page", "csv", lambda t: HTML, "it holds a web page, not a table", "the address has changed"),
    births("the error of a service", "csv", lambda t: b'{"error": {"code": 500, "message": "Busy"}}', "the answer of a service: 500 Busy"),
    births("XML", "csv", lambda t: b"<?xml version='1.0'?><Error/>", "it holds XML"),
    births("JSON", "csv", lambda t: b'[{"lsoa21cd": "E01000001"}]', "it holds JSON", "give it the ending"),
    births("a PDF", "csv", lambda t: b"%PDF-1.7\n" + t, "it is a PDF"),
    births("a workbook", "csv", book, "it is a zip archive or a workbook, not text", "give it the ending"),
    births("an old workbook", "csv", lambda t: workbooks.xls({"a": rows_of(t)}), "it is an old Excel workbook", "give it the ending .xls"),
    births("Parquet", "csv", parquet, "it is Parquet, not text", "give it the ending .parquet"),
    births("pure noise", "csv", lambda t: bytes(range(256)) * 40, "->"),
    births("half of UTF-16", "csv", lambda t: t.decode().encode("utf-16")[:-1], "->"),
    births("UTF-16 without its headings", "csv", lambda t: t.decode().replace("births", "b").encode("utf-16"), "column 'births' is missing"),
    births("a mark, and a heading amiss", "csv", lambda t: b"\xef\xbb\xbf" + t.replace(b"births", b"b"), "column 'births' is missing"),
    births("Windows-1252 with a byte that is none", "csv", lambda t: t.replace(b"E01900701", b"\x81\x8d"), "line 2 holds byte 0x81", "save it as UTF-8"),
    births("a quote never closed", "csv", lambda t: t.replace(b"E01900703", b'"E01900703'), "line 4: a quote is opened and never closed", "close the quote"),
    births("text behind a quote", "csv", lambda t: t.replace(b"E01900703", b'"E01900703"x'), "line 4: text follows a closing quote"),
    births("10 MB on one line", "csv", lambda t: b"a" * 10_000_000, "->"),
    births("10 MB of commas", "csv", lambda t: b"," * 10_000_000, "line 1 has 10,000,001 cells, and 16,384 are the most", "check that it is the file that is meant"),
    births("10 MB in a quote", "csv", lambda t: t + b'"' + b"a" * 10_000_000 + b'"', "longer than 131,072 characters", "close the quote"),
    births("mixed line ends, and a word", "csv", lambda t: t.replace(b"\n", b"\r\n", 2).replace(b",22,", b",two,"), "line 4", "'two': must be a number"),
    births("line ends of old Macs, and a word", "csv", lambda t: t.replace(b"\n", b"\r").replace(b",22,", b",two,"), "line 4", "'two': must be a number"),
    births("line ends within quotes, and a word", "csv", lambda t: t.replace(b"E01900701", b'"E01900701\n"').replace(b",22,", b",two,"), "line 5", "'two': must be a number"),
    births("no headings", "csv", lambda t: t.split(b"\n", 1)[1], "column 'lsoa21cd' is missing", "the file has"),
    births("headings alone", "csv", lambda t: t.split(b"\n", 1)[0] + b"\n", "has no rows"),
    births("headings without an end of line", "csv", lambda t: t.split(b"\n", 1)[0], "has no rows"),
    births("semicolons, and a decimal comma", "csv", lambda t: t.replace(b",", b";").replace(b"20;", b"20,5;"), "'20,5': must be a number", "decimal comma"),
    births("bars for commas", "csv", lambda t: t.replace(b",", b"|"), "column 'lsoa21cd' is missing"),
    births("100,000 columns", "csv", lambda t: b",".join(b"c%d" % k for k in range(100_000)) + b"\n", "line 1 has 100,000 cells, and 16,384 are the most"),
    births("names that steer a terminal", "csv", lambda t: t.replace(b",20,", b",\x1b[31mred,"), "line 2", "must be a number"),
)  # fmt: skip

PACKED = named(
    "packed",
    births("half", "csv.gz", lambda t: gzip.compress(t)[:-20], "it is only a part of a gzip file", AGAIN),
    births("head alone", "csv.gz", lambda t: gzip.compress(t)[:10], "it is", AGAIN),
    births("a wrong sum", "csv.gz", lambda t: gzip.compress(t)[:-8] + bytes(8), "it is only a part of a gzip file, or damaged", AGAIN),
    births("a bomb", "csv.gz", lambda t: gz_bomb(2**26 + 2**21), "larger than 67 MB once unpacked"),
    births("no gzip, and half a table", "csv.gz", lambda t: t.replace(b"births", b"b"), "column 'births' is missing"),
    births("half", "zip", lambda t: packed(t)[:-30], "it is no zip archive, or only a part of one", AGAIN),
    births("empty", "zip", lambda t: zipped({}), "it holds no file that is read", "it is empty"),
    births("no archive", "zip", lambda t: t, "it is no zip archive"),
    births("two tables", "zip", lambda t: zipped({"a.csv": t, "b.csv": t}), "it holds 2 files: 'a.csv', 'b.csv'", "say which is meant with member"),
    births("no such member", "zip", packed, "no file 'x.csv'; there are 'b.csv'", "correct 'member'", more='member = "x.csv"'),
    births("a member that leads out", "zip", packed, "no file '../../etc/passwd'", more='member = "../../etc/passwd"'),
    births("a name that leads out, and a bad table", "zip", lambda t: zipped({"../../../tmp/evil.csv": t.replace(b"births", b"b")}), "column 'births' is missing"),
    births("a zip in a zip", "zip", lambda t: zipped({"b.zip": packed(t)}), "it holds no file that is read"),
    births("a table gzipped in a zip", "zip", lambda t: zipped({"b.csv.gz": gzip.compress(t)}), "is an archive itself" , "unpack it", more='member = "b.csv.gz"'),
    births("encrypted", "zip", encrypted, "'b.csv' in it is encrypted", "unpack it with its password"),
    births("more than it says", "zip", lambda t: lying(t, 10), "->"),
    births("less than it says", "zip", lambda t: lying(t, len(t) + 10), "->"),
    births("a bomb", "zip", lambda t: bomb(2**26 + 2**21), "'b.csv' in it is larger than 67 MB once unpacked"),
    births("a wrong sum", "zip", lambda t: packed(t).replace(struct.pack("<I", zlib.crc32(t)), b"abcd"), "'b.csv' in it is damaged", AGAIN),
    births("folders alone", "zip", lambda t: zipped({"a/": b"", "b/": b""}), "it is empty"),
)  # fmt: skip

BOOKS = named(
    "workbook",
    births("half", "xlsx", lambda t: book(t)[:3000], "it is a damaged workbook, or only a part of one", AGAIN),
    births("text", "xlsx", lambda t: t, "it is no workbook", "if it is CSV, give it the ending .csv"),
    births("empty", "xlsx", lambda t: b"", "it is empty", AGAIN),
    births("a zip of nothing", "xlsx", lambda t: zipped({"a.txt": "x"}), "it is a damaged workbook", AGAIN),
    births("a formula never calculated", "xlsx", lambda t: book(t, formula), "line 3", "'=B4*2': must be a number", "it is a formula that was never calculated"),
    births("an error of a formula", "xlsx", lambda t: book(t, lambda s: s.__setitem__("B3", "#N/A")), "line 3", "'#N/A'", "mend the formula"),
    births("a date for a number", "xlsx", lambda t: book(t, lambda s: s.__setitem__("B3", pd.Timestamp("2021-03-04").to_pydatetime())), "line 3", "it is a date"),
    births("yes for a number", "xlsx", lambda t: book(t, lambda s: s.__setitem__("B3", True)), "line 3", "True: must be a number"),
    births("no such sheet", "xlsx", book, "it has no sheet 'Births'; there are 'Sheet'", "correct 'sheet'", more='sheet = "Births"'),
    births("a bomb", "xlsx", lambda t: bomb(2**26 + 2**21), "it would unpack to 69 MB"),
    births("an XML bomb", "xlsx", lambda t: zipped({"[Content_Types].xml": "<x/>", "xl/workbook.xml": '<!DOCTYPE a [<!ENTITY b "' + "c" * 1000 + '">' + "".join(f'<!ENTITY b{k} "{"&b;" * 100 if k == 0 else f"&b{k - 1};" * 100}">' for k in range(8)) + "]><a>&b7;</a>"}), "it is a damaged workbook", AGAIN),
    births("half", "ods", lambda t: workbooks.ods({"a": rows_of(t)})[:-100], "it is a damaged workbook", AGAIN),
    births("no table in it", "ods", lambda t: workbooks.ods({"a": []}), "->"),
    births("half", "xls", lambda t: workbooks.xls({"a": rows_of(t)})[:700], "->"),
    births("a page of an office", "xls", lambda t: HTML, "it holds a web page"),
)  # fmt: skip

COLUMNS = named(
    "columns",
    births("half", "parquet", lambda t: parquet(t)[:200], "it is a damaged parquet file, or only a part of one", AGAIN),
    births("its first four bytes", "parquet", lambda t: b"PAR1" + b"x" * 100, "it is a damaged parquet file", AGAIN),
    births("CSV", "parquet", lambda t: t, "it is no parquet file, by its first bytes"),
    births("without its column", "parquet", lambda t: parquet(t.replace(b"births", b"b")), "column 'births' is missing"),
    births("half", "geojson", lambda t: features(t)[:-100], "cannot be read", AGAIN),
    births("cut off by its service", "geojson", lambda t: features(t).replace(b'"features"', b'"exceededTransferLimit": true, "features"'), "the service cut it off", "resultOffset"),
    births("half", "shp", lambda t: b"\x00\x00\x27\x0a" + bytes(90), "it is a damaged shp file", AGAIN),
    births("half", "fgb", lambda t: b"fgb\x03" + bytes(90), "it is a damaged fgb file", AGAIN),
    births("of no format", "tsv", lambda t: t, ".tsv is not a format that is read", "save it as CSV"),
    births("of no ending", "x" * 3, lambda t: t, "is not a format that is read"),
    births("a layer of what has none", "csv", lambda t: t.replace(b"births", b"b"), "column 'births' is missing", more='layer = "x"'),
    Case("gpkg: half", lambda g: gpkg(g, 40_000), ("z.gpkg (input 'zones')", "it is a damaged gpkg file", AGAIN)),
    Case("gpkg: all zeros behind its head", gpkg, ("z.gpkg (input 'zones')", "it is a damaged gpkg file", AGAIN)),
    zones("half of the zones", lambda t: t[: len(t) // 2], "cannot be read", AGAIN),
    zones("empty", lambda t: b"", "it is empty", AGAIN),
    zones("a list of numbers", lambda t: b"[1, 2, 3]", "cannot be read", AGAIN),
    zones("a page", lambda t: HTML, "it holds a web page", "the address has changed"),
    zones("NaN for a coordinate", lambda t: t.replace(b"[[[", b"[[[NaN, NaN], [", 1), "->"),
    zones("deep nesting", lambda t: b'{"type":' + b"[" * 100_000, "cannot be read", AGAIN),
    zones("another crs", lambda t: t.replace(b'{"type": "FeatureCollection"', b'{"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "EPSG:27700"}}', 1), "lies outside England", "coordinate system"),
)  # fmt: skip

PLACES = named(
    "place",
    place("not there", lambda g: g.path(BIRTHS).unlink(), "births.csv (Made-up births, a test) is not in", "put it there", code=3),
    place("a folder", swap(lambda g: g.path(BIRTHS).mkdir()), "is not in", "put it there", code=3),
    place("a pipe that nobody writes to", swap(lambda g: os.mkfifo(g.path(BIRTHS))), "is not in", "put it there", code=3),
    place("a link to nothing", swap(lambda g: g.path(BIRTHS).symlink_to("nothing.csv")), "is not in", code=3),
    place("a link to itself", swap(lambda g: g.path(BIRTHS).symlink_to(BIRTHS)), "is not in", code=3),
    place("a link to a folder outside", swap(lambda g: g.path(BIRTHS).symlink_to("/")), "is not in", code=3),
    place("a link to an endless device", swap(lambda g: g.path(BIRTHS).symlink_to("/dev/zero")), "is not in", code=3),
    place("a link to a file of another kind outside", swap(lambda g: g.path(BIRTHS).symlink_to("/etc/passwd")), "births.csv (input 'births'): cannot be read", "->"),
    place("cannot be read", device, "input 'births'", "births.csv", "cannot be read: Input/output error", "let it be read"),
    place("upper case", lambda g: g.path(BIRTHS).rename(g.path("BIRTHS.csv")), "is not in", code=3),
    place("a twin that is no TOML", lambda g: g.write("births.csv.toml", "[["), "births.csv.toml", "is no twin of a raw file", "delete it"),
    place("a twin of zeros", lambda g: g.write("births.csv.toml", bytes(50)), "births.csv.toml", "is no twin of a raw file"),
    place("a twin of other words", lambda g: g.write("births.csv.toml", "a = 1\n"), "births.csv.toml", "is no twin of a raw file"),
    place("a twin of wrong kinds", lambda g: g.write("births.csv.toml", twin(fetched="soon", bytes='"many"')), "births.csv.toml", "is no twin of a raw file"),
    place("a twin of a day that is none", lambda g: g.write("births.csv.toml", twin(fetched="soon")), "births.csv.toml", "is no twin of a raw file"),
    place("a twin in Latin-1", lambda g: g.write("births.csv.toml", 'title = "é"'.encode("latin-1")), "births.csv.toml", "is no twin of a raw file"),
)  # fmt: skip


def twin(**changed: str) -> str:
    """Write a twin, as the connectors do, with some of it changed."""
    whole = {
        **dict.fromkeys(("source", "title", "publisher", "licence", "date", "page", "url"), '"a test"'),
        "sha256": f'"{"0" * 64}"', "bytes": "1", "fetched": '"2026-01-02T03:04:05+00:00"',
        **{k: v if v.startswith(('"', "[")) or v.isdigit() else f'"{v}"' for k, v in changed.items()},
    }  # fmt: skip
    return "\n".join(f"{k} = {v}" for k, v in whole.items())


CASES = {**TEXT, **PACKED, **BOOKS, **COLUMNS, **PLACES}
