"""Download a file as its publisher ships it, from the first of its addresses that gives the right thing."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from needs.assessment.inputs import filled
from needs.connectors.answers import Answer
from needs.connectors.asking import Ask, Got
from needs.errors import Fault, NeedsError, SourceError
from needs.sources.files import sha256

DAYS_BACK = 7  # a file of the day may be a few days old

_BEGINS = {
    ".zip": ((b"PK\x03\x04", b"PK\x05\x06"), "zip archive"),
    ".xlsx": ((b"PK\x03\x04",), "workbook"),
    ".ods": ((b"PK\x03\x04",), "workbook"),
    ".gz": ((b"\x1f\x8b",), "gzip file"),
    ".parquet": ((b"PAR1",), "Parquet file"),
}
_PBF = b"OSMHeader"
_WEB = (b"<!doctype html", b"<html", b"<head", b"<?xml")


def fetch(ask: Ask, part: Path) -> Got:
    """Download a file.

    Raises
    ------
    SourceError
        If no address gives it; the message has what each of them said.
    """
    said: list[NeedsError] = []
    for url in addresses(ask):
        try:
            answer = ask.client.download(url, part, name=ask.source.title)
            check_kind(ask, part)
        except SourceError as error:
            said.append(error)
            continue
        return Got(answer.url, etag=answer.etag or "", last_modified=answer.last_modified or "")
    told = [f for error in said for f in error.faults]
    raise SourceError(told) if told else ask.fault("has no address", "")


def addresses(ask: Ask) -> Iterator[str]:
    """List the addresses of a file, what belongs to the area and the day filled in."""
    for url in ask.source.urls:
        if "{date}" in url:
            days = (date.today() - timedelta(days=n) for n in range(DAYS_BACK + 1))
            yield from (url.format(date=f"{day:%Y%m%d}") for day in days)
        else:
            yield filled(url, slug=ask.area.slug, codes=ask.area.codes)


def check_kind(ask: Ask, part: Path) -> None:
    """Refuse a file that is not what its name says: a web page in a table's clothes, half an archive, nothing.

    Raises
    ------
    SourceError
        With what it is; the file is removed, so that it is not gone on with.
    """
    wrong = _begins(ask, part) or _whole(ask, part)
    if wrong:
        part.unlink(missing_ok=True)
        raise ask.fault(wrong)


def check_begin(ask: Ask, part: Path) -> None:
    """Refuse the first bytes of a file that is not what its name says.

    Raises
    ------
    SourceError
        With what it is.
    """
    wrong = _begins(ask, part)
    if wrong:
        raise ask.fault(wrong)


def _begins(ask: Ask, part: Path) -> str | None:
    with part.open("rb") as file:
        head = file.read(4096)
    name = ask.path.name.lower()
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not lowered:
        return "gave an empty file"
    if lowered.startswith(_WEB) and not name.endswith((".osm", ".xml")):
        return "gave a web page in place of the file: the address has changed, or asks for a login"
    if name.endswith(".pbf"):
        return None if _PBF in head[:64] else "gave what is no OpenStreetMap extract"
    for ending, (begins, what) in _BEGINS.items():
        if name.endswith(ending) and not head.startswith(begins):
            return f"gave what is no {what}"
    return None


def _whole(ask: Ask, part: Path) -> str | None:
    name = ask.path.name.lower()
    if name.endswith((".zip", ".xlsx", ".ods")) and not zipfile.is_zipfile(part):
        return "gave an archive that is cut short"
    if ask.source.sha256 and sha256(part) != ask.source.sha256:
        return f"gave a file whose SHA-256 is not {ask.source.sha256[:12]}..., which the catalogue expects"
    return None


def another(ask: Ask, known: Answer) -> Answer | None:
    """Ask whether the publisher has another version of a file; None where it is the same.

    Raises
    ------
    SourceError
        If no address answers; the message has what each of them said.
    """
    said: list[Fault] = []
    for url in addresses(ask):
        try:
            return ask.client.peek(url, known=known)
        except SourceError as error:
            said += error.faults
    raise SourceError(said)
