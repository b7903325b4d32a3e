"""Carry the raw files of an assessment to a machine without a network: pack them, and unpack what can be trusted."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from needs.alone import alone
from needs.connectors import twins
from needs.errors import Faults, InputError, SourceError, fail
from needs.sources.files import sha256

MANIFEST = "manifest.json"
FORMAT = 1
MOST_FILES = 10_000
MOST_BYTES = 50 * 1024**3  # of all files, unpacked
MANIFEST_BYTES = 16 * 1024**2
_PREFIX = ".bundle-"  # of the folder in which files are unpacked first
_BLOCK = 1024**2
_PACKED = (".zip", ".gz", ".pbf", ".xlsx", ".ods", ".parquet")  # would not become smaller
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same files
_REGULAR = stat.S_IFREG | 0o644
_BROKEN = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError)
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
_RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10))}  # of Windows


@dataclass(frozen=True)
class Packed:
    """One file of a bundle."""

    path: str
    bytes: int
    sha256: str


def pack(raw: Path, paths: Iterable[Path], file: Path, *, area: str) -> list[Packed]:
    """Pack raw files with their twins; the bundle appears whole or not at all.

    Parameters
    ----------
    raw
        Folder of the raw files.
    paths
        Files in it.
    file
        The bundle to write.
    area
        Whose it is, for the manifest.

    Raises
    ------
    SourceError
        If a file is not there.
    InputError
        If one lies outside the folder, or is not what its twin says; or if the bundle cannot be written.
    """
    wanted = sorted(set(paths))
    faults = Faults()
    for path in wanted:
        if not path.is_file():
            faults.add_missing(str(path), "is not there", "fetch the area's data first")
        elif not path.resolve().is_relative_to(raw.resolve()):
            faults.add(str(path), f"lies outside {raw}", "copy it into the folder")
        elif (twin := twins.read(path)) is not None and not twins.fits(path, twin):
            faults.add(str(path), "is not what its twin says: it was changed", "fetch it anew, or delete the twin")
    faults.raise_if_any()
    whole = sorted({p for path in wanted for p in (path, twins.place(path)) if p.is_file()})
    names = {p: p.resolve().relative_to(raw.resolve()).as_posix() for p in whole}
    listed = [Packed(names[p], p.stat().st_size, sha256(p)) for p in whole]
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w") as archive:
            manifest = {"format": FORMAT, "area": area, "files": [vars(entry) for entry in listed]}
            archive.writestr(_entry(MANIFEST), json.dumps(manifest, indent=1), zipfile.ZIP_DEFLATED)
            for path in whole:
                with path.open("rb") as source, archive.open(_entry(names[path]), "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, _BLOCK)
        part.replace(file)
    except OSError as error:
        fail(InputError, str(file), f"cannot be written: {error.strerror}", "make room, or give another path")
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return listed


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.external_attr = _REGULAR << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
    return entry


def unpack(file: Path, raw: Path) -> list[Packed]:
    """Unpack a bundle: all files are checked first, and none is put in place if one of them is wrong.

    Parameters
    ----------
    file
        A bundle.
    raw
        Folder of the raw files. A file that is there already must be the same.

    Raises
    ------
    SourceError
        If the bundle is not there.
    InputError
        With everything that is wrong: no bundle, damaged, names that lead out of the folder, links, sizes or hashes
        that are not those of the manifest, other files in the place of its files.
    """
    if not file.is_file():
        fail(SourceError, str(file), "there is no such file", "give the path of a bundle")
    try:
        with zipfile.ZipFile(file) as archive:
            listed = _manifest(file, archive)
            _check_names(file, archive, listed)
            with alone(raw, "fetches into"):
                raw.mkdir(parents=True, exist_ok=True)
                for left in raw.glob(f"{_PREFIX}*"):  # of an unpacking that was killed
                    shutil.rmtree(left, ignore_errors=True)
                _check_room(file, raw, listed)
                with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=raw) as folder:
                    _extract(file, archive, listed, Path(folder))
                    _place(file, listed, Path(folder), raw)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            what = f"cannot be written: {error.strerror}"
            fail(InputError, str(raw), what, "make room, let it be written to, or name another folder with --raw")
        fix = "copy it again, or make it anew: needs data AREA --bundle FILE"
        fail(InputError, str(file), f"cannot be read as a bundle: {error}", fix)
    return listed


def _manifest(file: Path, archive: zipfile.ZipFile) -> list[Packed]:
    fix = "give a file that was made by needs data AREA --bundle FILE"
    try:
        about = archive.getinfo(MANIFEST)
        if about.file_size > MANIFEST_BYTES:
            fail(InputError, str(file), "has a manifest of absurd size", fix)
        said = json.loads(archive.read(about))
        if said["format"] != FORMAT:
            fail(InputError, str(file), f"is a bundle of format {said['format']}, not {FORMAT}", "use the same version")
        listed = [Packed(str(f["path"]), int(f["bytes"]), str(f["sha256"])) for f in said["files"]]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        fail(InputError, str(file), f"is no bundle: its manifest is missing or broken ({error})", fix)
    if len(listed) > MOST_FILES:
        fail(InputError, str(file), f"lists {len(listed):,} files, over {MOST_FILES:,}", fix)
    return listed


def _check_names(file: Path, archive: zipfile.ZipFile, listed: list[Packed]) -> None:
    faults = Faults()
    fix = "do not use this bundle: it was not made by this toolkit, or was tampered with"
    entries = [e for e in archive.infolist() if e.filename != MANIFEST]
    wanted = {f.path: f for f in listed}
    there = [e.filename for e in entries]
    for name in sorted({n for n in there if there.count(n) > 1} | {n for n in there if n not in wanted}):
        faults.add(str(file), f"holds {name!r}, which its manifest does not list once", fix)
    for name in sorted(set(wanted) - set(there)):
        faults.add(str(file), f"lacks {name!r}, which its manifest lists", "copy the bundle again, or make it anew")
    plain: dict[str, str] = {}
    for name in sorted(wanted):
        if (why := _unsafe(name)) is not None:
            faults.add(str(file), f"the name {name!r} {why}", fix)
        if plain.setdefault(name.casefold(), name) != name:
            faults.add(str(file), f"{name!r} and {plain[name.casefold()]!r} are one file on some machines", fix)
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            faults.add(str(file), f"{entry.filename!r} is a link or no plain file", fix)
        if entry.flag_bits & 1:
            faults.add(str(file), f"{entry.filename!r} is encrypted", "make the bundle anew")
        if entry.filename in wanted and entry.file_size != wanted[entry.filename].bytes:
            faults.add(str(file), f"{entry.filename!r} is not of the size that the manifest says", fix)
    faults.raise_if_any()


def _unsafe(name: str) -> str | None:
    """Say why a name may not be unpacked, if so."""
    parts = PurePosixPath(name).parts
    if not name or name.endswith("/") or not parts:
        return "is no file"
    if name.startswith("/") or "\\" in name or ":" in name:
        return "is not a path inside a folder"
    if any(p in {"..", "."} for p in name.split("/")) or "//" in name:
        return "leads out of the folder"
    if any(ord(c) < 32 for c in name):
        return "holds control characters"
    if any(p.split(".")[0].casefold() in _RESERVED or p.endswith((" ", ".")) for p in parts):
        return "is no file name on some machines"
    return None


def _check_room(file: Path, raw: Path, listed: list[Packed]) -> None:
    size = sum(f.bytes for f in listed)
    free = shutil.disk_usage(raw).free
    if size > min(MOST_BYTES, free):
        what = f"unpacks to {size / 1e6:,.0f} MB, and {raw} has {free / 1e6:,.0f} MB free"
        fail(InputError, str(file), what, "make room, or name another folder with --raw")


def _extract(file: Path, archive: zipfile.ZipFile, listed: list[Packed], folder: Path) -> None:
    """Unpack to a folder of its own, no byte more than the manifest says, and hold each file against its hash."""
    faults = Faults()
    for wanted in listed:
        path = folder / wanted.path
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, left = hashlib.sha256(), wanted.bytes
        with archive.open(wanted.path) as source, path.open("wb") as target:
            while block := source.read(min(_BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                target.write(block)
        if left or digest.hexdigest() != wanted.sha256:
            fix = "copy the bundle again, or make it anew"
            faults.add(str(file), f"{wanted.path!r} is damaged: its bytes are not those of the manifest", fix)
    faults.raise_if_any()


def _place(file: Path, listed: list[Packed], folder: Path, raw: Path) -> None:
    faults = Faults()
    for wanted in listed:
        target = raw / wanted.path
        if target.exists() and not (target.is_file() and sha256(target) == wanted.sha256):
            faults.add(
                str(target), f"is there and is not what {file.name} holds", "move it away, or give another --raw"
            )
        if not target.resolve().is_relative_to(raw.resolve()):
            faults.add(str(target), "leads out of the folder by a link", "remove the link")
    faults.raise_if_any()
    for wanted in listed:
        target = raw / wanted.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / wanted.path).replace(target)
