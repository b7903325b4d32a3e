"""Reading what is packed: a zip's files as one table, gzip, and archives that are damaged, locked or dishonest."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from needs.errors import Faults
from needs.sources import archives, files
from tests.zips import zipped

COLUMNS = {"lsoa21cd": "code", "n": "n"}
GOOD = b"code,n\nE01000001,5\n"
MORE = b"n,code\n7,E01000002\n8,E01000003\n"  # its columns stand the other way round


@pytest.fixture
def read(tmp_path, make_input):
    def read_content(content: bytes, name: str = "d.zip", **fields):
        path = tmp_path / name
        path.write_bytes(content)
        faults = Faults()
        spec = make_input(table="indicators", path=name, columns=COLUMNS, **fields)
        return files.read_table(spec, path, faults), [str(f) for f in faults.found]

    return read_content


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["d.zip", "d.csv.zip", "D.ZIP"])
def test_a_zip_with_one_table_needs_no_member(read, method, name):
    entries = {"folder/": b"", "folder/t.csv": GOOD, "readme.txt": b"about", "__MACOSX/folder/._t.csv": b"\x00"}
    table, faults = read(zipped(entries, method), name)
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 5.0]]


@pytest.mark.parametrize(
    "member", ["Data/CSV/*.csv", "data/csv/??.csv", "[ab]?.csv", "*.CSV"], ids=["all", "other case", "name only", "any"]
)
def test_several_files_make_one_table_in_the_order_of_their_names(read, member):
    entries = {"Data/CSV/bb.csv": MORE, "Doc/headers.txt": b"x", "Data/CSV/ab.csv": GOOD}
    table, faults = read(zipped(entries), member=member)
    assert faults == []
    assert table.to_numpy().tolist() == [["E01000001", 5.0], ["E01000002", 7.0], ["E01000003", 8.0]]
    assert table.index.tolist() == [0, 1, 2]


def test_a_fault_names_the_file_in_the_archive_and_its_line(read):
    entries = {"a.csv": GOOD, "b.csv": b"code,n\nE01000004,x\nE01000001,1\n", "c.csv": b"code,n\n\nE01000005,-\n"}
    _, faults = read(zipped(entries), member="*.csv")
    assert [f.split(" -> ")[0] for f in faults] == [
        "d.zip (input 'thing'), b.csv, line 2: 'n' is 'x': must be a number",
        "d.zip (input 'thing'), c.csv, line 3: 'n' is '-': must be a number",
        "d.zip (input 'thing'), b.csv, line 3: lsoa21cd E01000001 stands twice",
    ]


def test_a_file_that_lacks_a_column_is_named(read):
    _, faults = read(zipped({"a.csv": GOOD, "b.csv": b"code,m\nE01000002,5\n"}), member="*.csv")
    assert len(faults) == 1
    assert faults[0].startswith("d.zip (input 'thing'), b.csv: column 'n' is missing")


def test_reading_stops_where_there_are_more_faults_than_are_listed(read):
    bad = b"code,n\n" + b"".join(b"E01%06d,x\n" % i for i in range(30))
    _, faults = read(zipped({f"{i:02d}.csv": bad for i in range(40)}), member="*.csv")
    assert sum("must be a number" in f for f in faults) == 11


def test_notes_of_several_files_are_said_once_with_their_number(read):
    with_notes = [b"A title,\n" + b"code,n\nE0100000%d,5\nNotes,\n" % i for i in range(3)]
    table, faults = read(zipped({f"{i}.csv": c for i, c in enumerate(with_notes)}), member="*.csv")
    assert faults == []
    assert table.attrs["notes"] == ["A table: 1 rows above or below the table are left out. (in 3 files)"]


def test_a_workbook_and_a_json_in_a_zip_are_read(tmp_path, make_input, read):
    work = openpyxl.Workbook()
    for row in (["code", "n"], ["E01000001", 5]):
        work.active.append(row)
    out = io.BytesIO()
    work.save(out)
    assert read(zipped({"t.xlsx": out.getvalue()}))[0]["n"].tolist() == [5]
    properties = b'{"code":"E01000001","n":5}'
    feature = (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":%s,"geometry":null}]}' % properties
    )
    assert read(zipped({"t.geojson": feature}))[0]["n"].tolist() == [5]


def test_gzip_is_known_by_its_bytes_and_not_by_the_name(read):
    for name, content in (("a.csv.gz", GOOD), ("a.csv", gzip.compress(GOOD)), ("a.csv.gz", gzip.compress(GOOD))):
        table, faults = read(content, name)
        assert faults == []
        assert table["n"].tolist() == [5]
    two = gzip.compress(GOOD) + gzip.compress(b"E01000002,6\n")  # members one after another are one file (RFC 1952)
    assert read(two, "a.csv.gz")[0]["n"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("content", "fields", "words"),
    [
        (zipped({"a.csv": GOOD, "b.csv": GOOD}), {}, "it holds 2 files: 'a.csv', 'b.csv' -> say which is meant"),
        (zipped({"a.csv": GOOD}), {"member": "b.csv"}, "it holds no file 'b.csv'; there are 'a.csv' ->"),
        (zipped({"x/a.csv": GOOD}), {"member": "y/*.csv"}, "it holds no file 'y/*.csv'; there are 'x/a.csv'"),
        (zipped({}), {}, "it is empty"),
        (zipped({"a.docx": b"x"}), {}, "it holds no file that is read (.csv, "),
        (zipped({"a.zip": zipped({"a.csv": GOOD})}), {"member": "*.zip"}, "'a.zip' in it is an archive itself"),
        (zipped({"a.csv": zipped({"a.csv": GOOD})}), {}, "'a.csv' in it: it is a zip archive or a workbook, not text"),
        (zipped({"a.csv": b"<html>login"}), {}, "'a.csv' in it: it holds a web page, not a table"),
        (zipped({"a.csv": b""}), {}, "'a.csv' in it: it is empty"),
        (zipped({"a.gpkg": b"x"}), {}, "'a.gpkg' in it: .gpkg is not read inside an archive -> unpack it"),
        (zipped({"a.txt": GOOD}), {"member": "a.txt"}, "'a.txt' in it: .txt is not a format that is read"),
        (zipped({"a.csv": GOOD})[:-30], {}, "it is no zip archive, or only a part of one"),
        (zipped({"a.csv": GOOD})[30:], {}, "'a.csv' in it is damaged"),
        (b"<!doctype html><title>503", {}, "it holds a web page"),
        (b'{"error":{"code":404,"message":"no such file"}}', {}, "the answer of a service: 404 no such file"),
        (b"", {}, "it is empty"),
        (GOOD, {}, "it is no zip archive"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_of_an_archive_is_one_clear_fault(read, content, fields, words):
    table, faults = read(content, **fields)
    assert table is None
    assert len(faults) == 1
    assert faults[0].startswith("d.zip (input 'thing'): cannot be read: ")
    assert words in faults[0]


def test_a_changed_byte_is_noticed(read):
    whole = bytearray(zipped({"a.csv": GOOD * 50}))
    whole[45] ^= 0xFF
    _, faults = read(bytes(whole))
    assert len(faults) == 1
    assert "'a.csv' in it is damaged" in faults[0]
    assert "download it again" in faults[0]


def test_an_encrypted_file_is_told(read):
    whole = bytearray(zipped({"a.csv": GOOD}))
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # flags of the local and the central entry (APPNOTE)
        at = whole.index(start) + offset
        whole[at] |= 1
    _, faults = read(bytes(whole))
    assert len(faults) == 1
    assert "'a.csv' in it is encrypted -> unpack it with its password" in faults[0]


def test_a_name_that_leads_out_of_the_folder_leads_nowhere(tmp_path, read):
    table, faults = read(zipped({"../../evil.csv": GOOD, "/abs/evil.txt": b"x"}))
    assert faults == []
    assert table["n"].tolist() == [5]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.zip"]
    assert not (tmp_path.parent / "evil.csv").exists()


def declaring(size: int) -> bytes:
    """A zip whose one file says that it unpacks to a size that it does not have."""
    whole = bytearray(zipped({"a.csv": GOOD}))
    for start, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = whole.index(start) + offset
        whole[at : at + 4] = struct.pack("<I", size)
    return bytes(whole)


def test_a_bomb_is_refused_by_the_size_that_it_declares_and_by_the_one_that_it_has(read, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 10_000)
    bomb = zipped({"a.csv": b"code,n\n" + b"0" * 1_000_000})
    assert len(bomb) < 3_000
    _, faults = read(bomb)
    assert "'a.csv' in it is larger than 0 MB once unpacked" in faults[0]
    _, faults = read(declaring(20_000))
    assert "'a.csv' in it is larger than" in faults[0]
    for size in (1, len(GOOD) - 1, len(GOOD) + 1, 9_000):
        table, faults = read(declaring(size))
        assert table is None
        assert "'a.csv' in it" in faults[0]
    _, faults = read(gzip.compress(b"code,n\n" + b"0" * 1_000_000), "a.csv.gz")
    assert "it is larger than" in faults[0]
    _, faults = read(b"code,n\n" + b"0" * 20_000, "a.csv")
    assert "it is larger than" in faults[0]


def test_many_files_that_are_each_small_enough_are_refused_together(read, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_ALL", 100)
    _, faults = read(zipped({f"{i}.csv": GOOD for i in range(9)}), member="*.csv")
    assert "its 9 files would unpack to 0 MB -> ask for fewer with 'member'" in faults[0]
    assert read(zipped({"1.csv": GOOD}), member="*.csv")[1] == []


def test_a_name_that_stands_twice_is_refused(read):
    twice = zipped({"a.csv": GOOD, "b.csv": MORE}).replace(b"b.csv", b"a.csv")
    _, faults = read(twice, member="a.csv")
    assert "'a.csv' stands in it twice" in faults[0]


def test_a_member_of_what_is_no_archive_is_a_fault(read, make_input):
    _, faults = read(GOOD, "a.csv", member="a.csv")
    assert "it is no zip archive, and the input names 'a.csv' in one -> remove 'member'" in faults[0]
    with pytest.raises(ValidationError, match="member"):
        make_input(table="indicators", path="a.zip", member="")


@settings(max_examples=60)
@given(
    st.dictionaries(st.text("abc/.", min_size=1, max_size=6), st.binary(max_size=60), max_size=4),
    st.sampled_from([None, "*", "*.csv", "a*"]),
    st.data(),
)
def test_members_are_those_whose_names_match_whatever_happens_to_the_bytes(tmp_path_factory, entries, wanted, data):
    path = tmp_path_factory.mktemp("any") / "d.zip"
    whole = bytearray(zipped({f"{k}.csv": v for k, v in entries.items()}))
    change = data.draw(st.none() | st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)))
    if change:
        whole[change[0]] = change[1]
    path.write_bytes(whole)
    found = {}
    with contextlib.suppress(archives.UnreadableError):  # and nothing else
        found = dict(archives.members(path, wanted, (".csv",)))
    if not change:
        assert all(entries[name.removesuffix(".csv")] == content for name, content in found.items())


def test_the_size_of_a_file_is_known_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(archives.LARGEST + 1)  # a hole: nothing is written
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    with pytest.raises(archives.UnreadableError, match="larger than"):
        archives.read(path)
