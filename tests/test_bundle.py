"""Bundles: what was packed comes out, and what was tampered with does not."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs.connectors import bundle, twins
from needs.connectors.bundle import FORMAT, MANIFEST, pack, unpack
from needs.connectors.twins import Twin
from needs.errors import InputError, SourceError


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    for name, content in {"ons/a.csv": b"a,b\n" * 1000, "areas/x/b.zip": b"PK", "c.csv": b""}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    a = folder / "ons/a.csv"
    size, digest = a.stat().st_size, hashlib.sha256(a.read_bytes()).hexdigest()
    twins.write(
        a,
        Twin(
            "s",
            "A",
            "An office",
            "OGL-UK-3.0",
            "",
            "LSOA21",
            "2026",
            "https://e.org",
            "https://e.org/a",
            "2026-01-02T03:04:05+00:00",
            digest,
            size,
        ),
    )
    return folder


def files_of(folder) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def packed(raw, tmp_path, name="bundle.zip"):
    file = tmp_path / name
    pack(raw, [p for p in raw.rglob("*") if p.is_file() and p.suffix != ".toml"], file, area="x")
    return file


def test_what_goes_in_comes_out_with_its_twins(raw, tmp_path):
    file = packed(raw, tmp_path)
    listed = unpack(file, tmp_path / "other")
    assert files_of(tmp_path / "other") == files_of(raw)
    assert {f.path for f in listed} == {"ons/a.csv", "ons/a.csv.toml", "areas/x/b.zip", "c.csv"}
    assert twins.read(tmp_path / "other/ons/a.csv").publisher == "An office"


def test_what_a_killed_unpacking_left_is_cleared(raw, tmp_path):
    left = tmp_path / "other" / f"{bundle._PREFIX}abc" / "half.csv"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    unpack(packed(raw, tmp_path), tmp_path / "other")
    assert files_of(tmp_path / "other") == files_of(raw)


def test_the_same_files_make_the_same_bundle(raw, tmp_path):
    assert packed(raw, tmp_path).read_bytes() == packed(raw, tmp_path, "again.zip").read_bytes()


def test_unpacking_twice_changes_nothing_and_another_file_is_not_overwritten(raw, tmp_path):
    file, other = packed(raw, tmp_path), tmp_path / "other"
    unpack(file, other)
    unpack(file, other)
    (other / "c.csv").write_text("mine")
    (other / "areas/x/b.zip").unlink()
    with pytest.raises(InputError, match=r"c\.csv: is there and is not what bundle\.zip holds"):
        unpack(file, other)
    assert (other / "c.csv").read_text() == "mine"
    assert not (other / "areas/x/b.zip").exists()
    assert not list(other.glob(".bundle-*"))


def test_what_is_missing_or_changed_is_not_packed(raw, tmp_path):
    (raw / "ons/a.csv").write_text("changed")
    with pytest.raises(InputError, match="not what its twin says"):
        packed(raw, tmp_path)
    with pytest.raises(SourceError, match="is not there"):
        pack(raw, [raw / "none.csv"], tmp_path / "b.zip", area="x")
    (tmp_path / "out.csv").write_text("x")
    with pytest.raises(InputError, match="outside"):
        pack(raw, [tmp_path / "out.csv"], tmp_path / "b.zip", area="x")
    assert not list(tmp_path.glob("*.zip*"))


def test_a_disk_that_is_full_is_no_fault_of_the_bundle(raw, tmp_path, monkeypatch):
    file = packed(raw, tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match="other: cannot be written: No space left on device -> make room"):
        unpack(file, tmp_path / "other")
    assert files_of(tmp_path / "other") == {}
    with pytest.raises(InputError, match=r"again\.zip: cannot be written: No space"):
        packed(raw, tmp_path, "again.zip")
    monkeypatch.undo()
    assert not list(tmp_path.glob("*again*"))
    with pytest.raises(InputError, match=r"c\.csv/b\.zip: cannot be written"):
        pack(raw, [raw / "c.csv"], raw / "c.csv/b.zip", area="x")


def made(tmp_path, entries, listed=None, *, mode=0, manifest=None):
    """Write an archive by hand; what is listed is what is in it, if not said otherwise."""
    file = tmp_path / "evil.zip"
    listed = dict(entries) if listed is None else listed
    said = [{"path": n, "bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in listed.items()]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps({"format": FORMAT, "area": "x", "files": said}) if manifest is None else manifest
        archive.writestr(MANIFEST, text)
        for name, content in entries:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename, entry.external_attr = name, mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return file


@pytest.mark.parametrize(
    "name",
    [
        "../out.csv", "a/../../out.csv", "/etc/out.csv", "a\\..\\..\\out.csv", "C:/out.csv", "a//b.csv", "./a.csv",
        "a/./b", "folder/", "con", "aux.csv", "a/nul.txt", "a.", "a /b", "a\nb", "..",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    file = made(tmp_path, [("fine.csv", b"x"), (name, b"x")])
    with pytest.raises(InputError, match="do not use this bundle"):
        unpack(file, tmp_path / "raw")
    assert files_of(tmp_path) == {"evil.zip": file.read_bytes()}


def test_links_are_refused(tmp_path):
    file = made(tmp_path, [("a.csv", b"/etc/passwd")], mode=stat.S_IFLNK | 0o777)
    with pytest.raises(InputError, match="link"):
        unpack(file, tmp_path / "raw")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "raw").mkdir(exist_ok=True)
    (tmp_path / "raw/areas").symlink_to(outside)
    with pytest.raises(InputError, match="by a link"):
        unpack(made(tmp_path, [("areas/a.csv", b"x")]), tmp_path / "raw")
    assert not list(outside.iterdir())


def test_files_of_one_name_on_some_machines_and_files_twice_are_refused(tmp_path):
    with pytest.raises(InputError, match="one file on some machines"):
        unpack(made(tmp_path, [("A.csv", b"x"), ("a.csv", b"y")]), tmp_path / "raw")
    with pytest.warns(UserWarning, match="Duplicate"):
        file = made(tmp_path, [("a.csv", b"x"), ("a.csv", b"x")])
    with pytest.raises(InputError, match="does not list once"):
        unpack(file, tmp_path / "raw")


def test_a_bomb_is_refused_before_it_goes_off(tmp_path, monkeypatch):
    bomb = b"\0" * 5_000_000
    with pytest.raises(InputError, match="not of the size"):
        unpack(made(tmp_path, [("a.csv", bomb)], {"a.csv": b"x"}), tmp_path / "raw")
    monkeypatch.setattr(bundle, "MOST_BYTES", 1_000_000)
    with pytest.raises(InputError, match="unpacks to 5 MB"):
        unpack(made(tmp_path, [("a.csv", bomb)]), tmp_path / "raw")
    monkeypatch.setattr(bundle, "MOST_FILES", 1)
    with pytest.raises(InputError, match="lists 2 files"):
        unpack(made(tmp_path, [("a.csv", b""), ("b.csv", b"")]), tmp_path / "raw")


def test_a_size_that_lies_is_found_while_unpacking(tmp_path):
    """The header says 10 bytes and so does the manifest; more come out."""
    file = made(tmp_path, [("a.csv", b"0123456789" * 1000)])
    content = file.read_bytes()
    small = content.replace((10_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    said = hashlib.sha256(b"0123456789" * 1000).hexdigest().encode()
    assert small != content
    assert said in zipfile.ZipFile(file).read(MANIFEST)
    file.write_bytes(small)
    with pytest.raises(InputError):
        unpack(file, tmp_path / "raw")
    assert not [p for p in (tmp_path / "raw").rglob("*") if p.is_file()] if (tmp_path / "raw").exists() else True


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "cannot be read"), (b"<!DOCTYPE html>", "cannot be read"), (b"PK\x03\x04", "cannot be read")],
)
def test_what_is_no_archive_is_said(tmp_path, content, what):
    file = tmp_path / "b.zip"
    file.write_bytes(content)
    with pytest.raises(InputError, match=what):
        unpack(file, tmp_path / "raw")
    with pytest.raises(SourceError, match="no such file"):
        unpack(tmp_path / "none.zip", tmp_path / "raw")


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "files": [{"path": 1}]}', "\xff"])
def test_a_broken_manifest_is_said(tmp_path, manifest):
    with pytest.raises(InputError, match="manifest"):
        unpack(made(tmp_path, [("a.csv", b"x")], manifest=manifest), tmp_path / "raw")


def test_another_format_and_no_manifest_are_said(tmp_path):
    with pytest.raises(InputError, match="format 9"):
        unpack(made(tmp_path, [], manifest='{"format": 9, "files": []}'), tmp_path / "raw")
    file = tmp_path / "plain.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "x")
    with pytest.raises(InputError, match="manifest"):
        unpack(file, tmp_path / "raw")


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=3))
def test_any_damage_is_found_or_harmless(tmp_path_factory, where, garbage):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "raw").mkdir()
    (folder / "raw/a.csv").write_bytes(b"a,b\n" * 50)
    file = folder / "b.zip"
    pack(folder / "raw", [folder / "raw/a.csv"], file, area="x")
    content = bytearray(file.read_bytes())
    at = where % len(content)
    content[at : at + len(garbage)] = garbage
    file.write_bytes(bytes(content))
    try:
        unpack(file, folder / "other")
    except InputError:
        assert not [p for p in (folder / "other").rglob("*") if p.is_file()]
    else:
        assert files_of(folder / "other") == files_of(folder / "raw")
