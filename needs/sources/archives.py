"""Unpack raw files, however they are packed, without trusting what an archive says of itself."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from needs.sources import texts
from needs.sources.tabular import UnreadableError

LARGEST = 2**30  # bytes of one file once unpacked; a national table by small area has a tenth of it
LARGEST_ALL = 4 * 2**30  # bytes of all files of one archive that are read
_CHUNK = 2**20
_TOLD = 6  # names listed in a message
_JUNK = ("__macosx/", "._", ".ds_store", "thumbs.db")
_PACKED = (".zip", ".gz", ".7z", ".bz2", ".xz", ".tar", ".rar")
_DAMAGED = (
    OSError, ValueError, EOFError, RuntimeError, NotImplementedError, IndexError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError, struct.error,
)  # fmt: skip
_AGAIN = "download it again: it was cut off on the way, or damaged"
_ENCRYPTED = 0x1  # flag of a zip's entry (APPNOTE 4.4.4)


def read(path: Path) -> bytes:
    """Read a file, unpacked if it is compressed with gzip, whatever its name says.

    Raises
    ------
    UnreadableError
        If it is damaged, cut off, or larger than `LARGEST`.
    """
    _refuse_large(path.stat().st_size)
    content = path.read_bytes()
    if not content.startswith(texts.GZIP):
        return content
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.open(io.BytesIO(content)) as file:
            while part := file.read(_CHUNK):
                size += len(part)
                _refuse_large(size)
                parts.append(part)
    except UnreadableError:
        raise
    except _DAMAGED as error:
        msg = f"it is only a part of a gzip file, or damaged ({_told(error)})"
        raise UnreadableError(msg, _AGAIN) from error
    return b"".join(parts)


def members(path: Path, wanted: str | None, endings: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Give the files of a zip that are asked for, one after another, by name.

    Nothing is written, so a path inside the archive leads nowhere; each file is read to the size that the archive
    declares for it and no further.

    Parameters
    ----------
    path
        The zip.
    wanted
        Name of one file inside, or a pattern such as "Data/CSV/*.csv"; without a "/" it is looked for in every
        folder; case does not matter. None: the archive must hold exactly one file of a format that is read.
    endings
        Those formats.

    Yields
    ------
    tuple
        Name inside the archive, and the file's bytes.

    Raises
    ------
    UnreadableError
        If the archive or a file in it is damaged, encrypted, an archive itself or too large, or no such file is there.
    """
    with path.open("rb") as file:
        texts.refuse_no_data(file.read(texts.HEAD))
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGED as error:
        msg = f"it is no zip archive, or only a part of one ({_told(error)})"
        raise UnreadableError(msg, _AGAIN) from error
    with archive:
        chosen = _chosen(archive.infolist(), wanted, endings)
        total = sum(entry.file_size for entry in chosen)
        if total > LARGEST_ALL:
            msg = f"its {len(chosen):,} files would unpack to {total / 1e6:,.0f} MB"
            raise UnreadableError(msg, "ask for fewer with 'member'")
        for entry in chosen:
            yield entry.filename, _content(archive, entry)


def _chosen(entries: Sequence[zipfile.ZipInfo], wanted: str | None, endings: Sequence[str]) -> list[zipfile.ZipInfo]:
    held = [e for e in entries if not e.is_dir() and not _is_junk(e.filename)]
    if wanted is None:
        found = [e for e in held if e.filename.lower().endswith(tuple(endings))]
        if len(found) > 1:
            msg = f"it holds {len(found):,} files: {_listed(found)}"
            raise UnreadableError(msg, 'say which is meant with member = "<name>", or a pattern such as "*.csv"')
    else:
        pattern = wanted.lower()
        found = [e for e in held if fnmatchcase(_compared(e.filename, pattern), pattern)]
    if not found:
        what = f"no file {wanted!r}" if wanted is not None else f"no file that is read ({', '.join(endings)})"
        there = f"; there are {_listed(held)}" if held else "; it is empty"
        raise UnreadableError(f"it holds {what}{there}", "correct 'member', or download it again")
    found.sort(key=lambda e: e.filename)
    for one, other in pairwise(found):
        if one.filename == other.filename:
            msg = f"{one.filename!r} stands in it twice"
            raise UnreadableError(msg, _AGAIN)
    return found


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    name = repr(entry.filename)
    if entry.flag_bits & _ENCRYPTED:
        msg = f"{name} in it is encrypted"
        raise UnreadableError(msg, "unpack it with its password, and give the file itself")
    if entry.filename.lower().endswith(_PACKED):
        msg = f"{name} in it is an archive itself"
        raise UnreadableError(msg, "unpack it, and give the file inside")
    _refuse_large(entry.file_size, f"{name} in it")
    try:
        with archive.open(entry) as file:
            content = file.read(entry.file_size + 1)
    except _DAMAGED as error:
        msg = f"{name} in it is damaged ({_told(error)})"
        raise UnreadableError(msg, _AGAIN) from error
    if len(content) != entry.file_size:
        msg = f"{name} in it has {len(content):,} bytes and not {entry.file_size:,} as the archive says"
        raise UnreadableError(msg, _AGAIN)
    return content


def _refuse_large(size: int, what: str = "it") -> None:
    if size > LARGEST:
        msg = f"{what} is larger than {LARGEST / 1e6:,.0f} MB once unpacked"
        raise UnreadableError(msg, "cut it to your area, or check that it is the file that is meant")


def _compared(name: str, pattern: str) -> str:
    return name.lower() if "/" in pattern else name.lower().rsplit("/", 1)[-1]


def _is_junk(name: str) -> bool:
    lower = name.lower()
    return lower.startswith(_JUNK) or lower.rsplit("/", 1)[-1].startswith(_JUNK)


def _listed(entries: Sequence[zipfile.ZipInfo]) -> str:
    more = f" and {len(entries) - _TOLD:,} more" if len(entries) > _TOLD else ""
    return ", ".join(repr(e.filename) for e in entries[:_TOLD]) + more


def _told(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
