"""Hold the catalogue of sources against what is on disk, and against the services as they are today."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from needs.assessment import Area, Input
from needs.connectors import arcgis, files, nomis, twins
from needs.connectors.asking import Ask
from needs.connectors.catalogue import Source, sources
from needs.connectors.client import Client
from needs.errors import Faults, NeedsError
from needs.sources.files import read_table

HEAD_BYTES = 64 * 1024  # of a file, to see what it is
SAMPLE = Area(name="Rutland", slug="rutland", codes=["E06000017"])  # for whom services are asked

_TABLES = (".csv",)  # whose first lines are a table already


@dataclass(frozen=True)
class Finding:
    """What was found of one source or file: whether all is well, and what there is to say."""

    name: str
    well: bool
    what: str

    def __str__(self) -> str:
        return f"{'ok' if self.well else 'WRONG':<6} {self.name:<24} {self.what}"


def on_disk(raw: Path) -> Iterator[Finding]:
    """Check every file of the catalogue's sources in a folder: that it is what its twin says."""
    for name, source in sources().items():
        found = sorted(raw.glob(source.path.replace("{slug}", "*").replace("{region}", "*")))
        if not found:
            yield Finding(name, True, "not fetched")
        yield from (_file(name, raw, path) for path in found)


def _file(name: str, raw: Path, path: Path) -> Finding:
    where = path.relative_to(raw).as_posix()
    try:
        twin = twins.read(path)
    except NeedsError as error:
        return Finding(name, False, error.faults[0].what)
    if twin is None:
        return Finding(name, False, f"{where}: has no twin; needs data AREA writes one for what was put there by hand")
    if not twins.fits(path, twin):
        return Finding(name, False, f"{where}: is not what its twin says: it was changed after it was fetched")
    return Finding(name, True, f"{where}: {twin.bytes:,} bytes, {twin.url}, {twin.fetched}")


def live(client: Client, raw: Path) -> Iterator[Finding]:
    """Ask each service for a little, and say whether it answers as the catalogue says.

    Parameters
    ----------
    client
        Who asks.
    raw
        Folder of the raw files, for what is asked by codes of another source: what is not there yet is not asked.
    """
    for name, source in sources().items():
        ask = Ask(name, source, SAMPLE, raw, client)
        if source.kind == "by_hand":
            yield Finding(name, True, f"fetched by hand from {source.page}")
            continue
        try:
            yield Finding(name, True, _LIVE[source.kind](ask))
        except NeedsError as error:
            yield Finding(name, False, "; ".join(f.what for f in error.faults))


def _layer(ask: Ask) -> str:
    rows = arcgis.sample(ask)
    return f"{rows:,} rows; has {', '.join(ask.source.fields)}"


def _table(ask: Ask) -> str:
    return f"{nomis.sample(ask):,} records; last updated {nomis.version(ask) or 'on a day that it does not say'}"


def _download(ask: Ask) -> str:
    said: list[str] = []
    for url in files.addresses(ask):
        try:
            head, answer = ask.client.head(url, HEAD_BYTES)
        except NeedsError as error:
            said.append(error.faults[0].what)
            continue
        _check_head(ask, head)
        size = f"{answer.bytes:,} bytes" if answer.bytes else "of a size that it does not say"
        return f"{size}, {answer.last_modified or 'of a day that it does not say'} ({answer.url})"
    raise ask.fault("; ".join(said) or "has no address")


def _index(ask: Ask) -> str:
    head, answer = ask.client.head(ask.source.urls[0], HEAD_BYTES)
    if b'"FeatureCollection"' not in head:
        raise ask.changed("the index is no list of extracts")
    return f"index of extracts, {answer.last_modified or 'of a day that it does not say'}"


def _check_head(ask: Ask, head: bytes) -> None:
    """Look at the first bytes of a file: of the right kind, and with the headings of its layout."""
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / ask.path.name
        whole = ask.path.suffix in _TABLES
        part.write_bytes(head[: head.rfind(b"\n") + 1] if whole else head)
        files.check_begin(ask, part)
        if not whole or ask.source.layout is None:
            return
        faults = Faults()
        read_table(_spec(ask.name, ask.source), part, faults)
        told = [f.what for f in faults.found if "column" in f.what or "heading" in f.what or "cannot be read" in f.what]
    if told:
        raise ask.changed("; ".join(told))


def _spec(name: str, source: Source) -> Input:
    return Input.model_validate({"id": "checked", "source": name, "path": source.path})


_LIVE = {"arcgis": _layer, "nomis": _table, "file": _download, "geofabrik": _index}
