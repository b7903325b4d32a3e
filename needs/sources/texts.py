"""Tell what a file's bytes are, whatever its name says, and turn them into text."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

from needs.sources.tabular import UnreadableError

HEAD = 1000  # bytes by which a file is known
_SMALL = 2**20  # bytes of an answer that may be an error and no data
_SHOWN = 60  # characters of a file in a message
_AGAIN = "download it again"
_MOVED = "download it again: the address has changed, or asks for a login"
ZIP, GZIP, OLE = b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LEAST = 4  # bytes by which anything of an encoding can be told
_UTF16_SHARE = 0.4  # of the bytes at even or odd places that are zero, by which UTF-16 without its mark is known
_SIGNS = (  # first bytes, what they are of, and what to do
    (ZIP, "a zip archive or a workbook, not text", "give it the ending .zip or .xlsx"),
    (OLE, "an old Excel workbook, not text", "give it the ending .xls"),
    (b"%PDF", "a PDF, not a table", "download the table, or save it as CSV"),
    (b"PAR1", "Parquet, not text", "give it the ending .parquet"),
    (b"SQLite format 3", "a GeoPackage or database, not text", "give it the ending .gpkg"),
)


def refuse_no_data(content: bytes) -> None:
    """Refuse a file that is empty, a web page or an error, as failed downloads are.

    Raises
    ------
    UnreadableError
        Saying which.
    """
    head = _bare(content[:HEAD])
    if not head or not content.strip():
        msg = "it is empty"
        raise UnreadableError(msg, _AGAIN)
    low = head.lower()
    if low.startswith((b"<!doctype", b"<head", b"<body")) or (low.startswith(b"<") and b"<html" in low):
        msg = "it holds a web page, not a table"
        raise UnreadableError(msg, _MOVED)
    if low.startswith((b"<?xml", b"<error")):
        msg = f"it holds XML, not a table: {begins(content)}"
        raise UnreadableError(msg, _MOVED)
    if head.startswith(b"{") and len(content) < _SMALL:
        told = error_of(_parsed(content))
        if told:
            msg = f"it is no data but the answer of a service: {told}"
            raise UnreadableError(msg, "correct the address or the query, and download it again")


def refuse_no_text(content: bytes) -> None:
    """Refuse what is no text: other formats in the clothes of CSV.

    Raises
    ------
    UnreadableError
        Saying what it is by its first bytes.
    """
    for sign, what, fix in _SIGNS:
        if content.startswith(sign):
            raise UnreadableError(f"it is {what}", fix)
    head = _bare(content[:HEAD])
    if re.match(rb"\{\s*\"|\[\s*\{", head):
        msg = f"it holds JSON, not a table: {begins(content)}"
        raise UnreadableError(msg, "download it as CSV, or give it the ending .json or .geojson")


def begins(content: bytes) -> str:
    """Say how a file begins."""
    return f"it begins {_words(_bare(content[:HEAD]))[:_SHOWN]!r}"


def error_of(given: Any) -> str | None:
    """Give the message of an error that a service answered with in place of data, or None if it is none.

    ArcGIS answers {"error": {"code": 400, "message": "...", "details": [...]}}, Nomis {"error": "..."}.
    """
    error = given.get("error") if isinstance(given, dict) else None
    if not error:
        return None
    if not isinstance(error, dict):
        return _words(str(error))
    details = error.get("details")
    parts = [error.get("code"), error.get("message"), *(details if isinstance(details, list) else [])]
    return " ".join(_words(str(p)) for p in parts if p not in (None, "")) or "an error without a message"


def parse(content: bytes) -> Any:
    """Parse JSON.

    Raises
    ------
    UnreadableError
        If it is none, or nested too deep.
    """
    try:
        return json.loads(decode(content, None))
    except (ValueError, RecursionError) as error:
        msg = f"it is no JSON, or only a part of it ({_words(str(error))[:120]})"
        raise UnreadableError(msg, _AGAIN) from error


def decode(content: bytes, encoding: str | None) -> str:
    """Turn bytes into text.

    A mark at the start says the encoding before anything else does. Without a mark, and if none is given: UTF-16 by its
    zeros, or else UTF-8 in which a byte that cannot be is read as Windows-1252, so that a file that people of several
    programs have edited comes out right.

    Parameters
    ----------
    content
        The whole file.
    encoding
        Where it is known.

    Raises
    ------
    UnreadableError
        If it is no text.
    """
    marked = next((mark for mark in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        encoding = "utf-8-sig" if marked == codecs.BOM_UTF8 else "utf-16"
    elif encoding is None:
        encoding = _without_mark(content) or "utf-8"
    try:
        text = content.decode(encoding, errors="windows_1252" if encoding.startswith("utf-8") else "strict")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        of = "UTF-8 or Windows-1252" if encoding.startswith("utf-8") else encoding
        msg = f"line {line:,} holds byte 0x{content[error.start]:02x}, which is no character of {of}"
        raise UnreadableError(msg, "save it as UTF-8") from error
    if "\x00" in text:
        msg = f"it is not text: line {text.count(chr(10), 0, text.index(chr(0))) + 1:,} holds a zero byte"
        raise UnreadableError(msg)
    return text


def _without_mark(content: bytes) -> str | None:
    """Know UTF-16 without its mark: every second byte of Latin text is zero."""
    head = content[: HEAD // 2 * 2]
    low, high = head[1::2].count(0), head[::2].count(0)
    least = max(1, int(_UTF16_SHARE * len(head) / 2))
    if len(content) % 2 or len(head) < _LEAST or max(low, high) < least or min(low, high) > least // 4:
        return None
    return "utf-16-le" if low > high else "utf-16-be"


def _windows(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are no UTF-8 as Windows-1252, where they are characters of it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    try:
        return error.object[error.start : error.end].decode("cp1252"), error.end
    except UnicodeDecodeError:
        raise error from None


codecs.register_error("windows_1252", _windows)


def _bare(head: bytes) -> bytes:
    """Leave the mark and white space at the start away."""
    for mark in _MARKS:
        head = head.removeprefix(mark)
    return head.replace(b"\x00", b"").strip() if b"\x00" in head[:4] else head.strip()


def _parsed(content: bytes) -> Any:
    try:
        return parse(content)
    except UnreadableError:
        return None


def _words(text: str | bytes) -> str:
    return " ".join((text.decode("utf-8", errors="replace") if isinstance(text, bytes) else text).split())
