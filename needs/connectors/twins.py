"""Say in a text twin beside each raw file what it is: publisher, address, licence, dates, bytes, SHA-256, vintage."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from textwrap import shorten

import tomli_w
from pydantic import TypeAdapter

from needs.errors import InputError, fail
from needs.sources.files import sha256

ENDING = ".toml"  # of the twin, after the whole name of the file
BY_HAND = "put there by hand"
_SHOWN = 200  # characters of what is wrong


@dataclass(frozen=True)
class Twin:
    """What is known of a raw file.

    Attributes
    ----------
    source
        Its id in the catalogue's sources.toml; "" where it is of none.
    title, publisher, licence, attribution, vintage, date, page
        As in the catalogue.
    url
        The address that gave it, or "put there by hand".
    asked
        What was asked of a service, where the address does not say it: layer and codes, parameters.
    fetched
        When (UTC, ISO 8601).
    sha256, bytes
        Of the file.
    etag, last_modified, edited
        What the service said of its version.
    made_of
        Where several files were put together: the address of each.
    codes
        Of an area's own file: the districts that it was asked for.
    margin_km
        Of what was cut around an area: how far beyond it.
    """

    source: str
    title: str
    publisher: str
    licence: str
    attribution: str
    vintage: str
    date: str
    page: str
    url: str
    fetched: str
    sha256: str
    bytes: int
    asked: str = ""
    etag: str = ""
    last_modified: str = ""
    edited: str = ""
    made_of: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    margin_km: float | None = None


def place(path: Path) -> Path:
    """Give the twin's own path."""
    return path.with_name(path.name + ENDING)


def write(path: Path, twin: Twin) -> None:
    """Write the twin of a file, in one move."""
    said = {k: v for k, v in asdict(twin).items() if v not in ("", (), None)}
    text = tomli_w.dumps({k: list(v) if isinstance(v, tuple) else v for k, v in said.items()})
    target = place(path)
    part = target.with_name(f".{target.name}.part")
    part.write_text(f"# What {path.name} is.\n{text}", "utf-8", newline="\n")
    part.replace(target)


def read(path: Path) -> Twin | None:
    """Read the twin of a file; None where it has none.

    Raises
    ------
    InputError
        If it is not what `write` writes.
    """
    file = place(path)
    if not file.is_file():
        return None
    try:
        said = tomllib.loads(file.read_text("utf-8"))
        blank = {"attribution": "", "vintage": "", "source": ""}
        lists = {name: tuple(said.get(name, ())) for name in ("made_of", "codes")}
        twin = Twin(**{**blank, **said, **lists})
        TypeAdapter(Twin).validate_python(asdict(twin))
        if twin.fetched:
            datetime.fromisoformat(twin.fetched)
    except (ValueError, TypeError, RecursionError, OSError) as error:
        told = shorten(str(error), _SHOWN)
        fail(InputError, str(file), f"is no twin of a raw file: {told}", "delete it, and fetch the file anew")
    return twin


def fits(path: Path, twin: Twin) -> bool:
    """Whether a file is still the one that its twin tells of."""
    return path.stat().st_size == twin.bytes and sha256(path) == twin.sha256


def unchanged(path: Path, twin: Twin) -> bool:
    """Whether a file is still the one that its twin tells of, without reading one that is older than its twin.

    A file that is fetched or unpacked is whole before its twin, or comes under its name after it and keeps its time.
    """
    state = path.stat()
    if state.st_size != twin.bytes:
        return False
    return state.st_mtime_ns <= place(path).stat().st_mtime_ns or fits(path, twin)
