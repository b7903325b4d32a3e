"""Describe every column of every CSV file: a data dictionary, and a Frictionless data package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from needs import travel
from needs.outputs.origin import Origin, licences
from needs.outputs.tables import CsvWriter, csv_writer
from needs.outputs.writing import as_json, text_writer
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

DICTIONARY, PACKAGE = "data_dictionary.csv", "datapackage.json"
HEADINGS = ("file", "column", "type", "unit", "meaning", "source")
_FILE = "columns.toml"
_FORMATS = {
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "json": "application/json",
    "md": "text/markdown",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PLACE = re.compile(r"\{(\w+)\}")

Writer = Callable[[Path], None]


class _Told(Strict):
    type: Literal["string", "integer", "number", "boolean"] = "string"
    unit: str = ""
    meaning: str = Field(min_length=4)


class _Group(Strict):
    """Headings, or families of headings, of certain files (glob patterns) or of all."""

    files: tuple[str, ...] = Field(default=(), alias="in")
    source: str = Field(min_length=4)
    columns: dict[str, _Told]


class _Columns(Strict):
    words: dict[str, dict[str, str]]
    groups: tuple[_Group, ...] = Field(alias="group")


@dataclass(frozen=True)
class Column:
    """What a heading means; `type` as in a Table Schema, `unit` "" where it has none."""

    type: str
    unit: str
    meaning: str
    source: str


@cache
def _catalogue() -> _Columns:
    """Read the catalogue: groups of certain files first, and the modes among the words that headings vary by."""
    found = checked(_Columns, load(CATALOGUE / _FILE), file=_FILE)
    modes = {mode: told.label[:1].lower() + told.label[1:] for mode, told in travel.words().items()}
    ordered = tuple(sorted(found.groups, key=lambda g: not g.files))
    return found.model_copy(update={"groups": ordered, "words": {**found.words, "mode": modes}})


@cache
def _pattern(name: str) -> re.Pattern[str]:
    parts, words = _PLACE.split(name), _catalogue().words
    literal = [re.escape(p) for p in parts[::2]]
    places = [f"(?P<{p}>{'|'.join(map(re.escape, words[p]))})" for p in parts[1::2]]
    return re.compile("".join(a + b for a, b in zip(literal, [*places, ""], strict=True)))


@cache
def describe(file: str, heading: str) -> Column | None:
    """Say what a column of a CSV file means.

    Parameters
    ----------
    file
        Path within the area's folder, such as "plan/losses.csv".
    heading
        The column's heading.

    Returns
    -------
    Column or None
        The first entry of the catalogue that is about it, those for certain files first; None if there is none.
    """
    for group in _catalogue().groups:
        if group.files and not any(fnmatchcase(file, pattern) for pattern in group.files):
            continue
        for name, told in group.columns.items():
            if found := _pattern(name).fullmatch(heading):
                said = {place: _catalogue().words[place][value] for place, value in found.groupdict().items()}
                return Column(told.type, told.unit, told.meaning.format(**said), group.source)
    return None


def documented(made: Mapping[str, Writer], origin: Origin) -> dict[str, Writer]:
    """Add a data dictionary and a data package that describe the files to be written.

    Parameters
    ----------
    made
        By path within the folder: the writer of a file.
    origin
        Whence it all comes.

    Returns
    -------
    dict
        The same writers, and those of `data_dictionary.csv` and `datapackage.json`.

    Source: Frictionless Data, Data Package and Table Schema (specs.frictionlessdata.io), version 1.
    """
    rows = [row for file, columns in _tables(made) for row in _rows(file, columns)]
    own = pd.DataFrame([*rows, *_rows(DICTIONARY, list(HEADINGS))], columns=list(HEADINGS))
    full: dict[str, Writer] = {**made, DICTIONARY: csv_writer(own)}
    package = {
        "name": f"needs-{origin.slug}",
        "title": origin.title,
        "profile": "data-package",
        "created_by": origin.made_by,
        "description": " ".join(origin.attribution()),
        "licenses": licences_of(origin),
        "sources": [
            {"title": f"{s['title']} ({s['publisher']}, {s['date']})", **_path(s), "sha256": s["sha256"]}
            for s in origin.table().to_dict("records")
        ],
        "resources": [_resource(file, writer) for file, writer in full.items()],
    }
    return {**full, PACKAGE: text_writer(as_json(package))}


def licences_of(origin: Origin) -> list[dict[str, str]]:
    """Give the licences of what was read, as a data package names them."""
    known = licences()
    return [
        {"name": i, "path": known[i].url, "title": known[i].title} if i in known else {"name": i, "title": i}
        for i in origin.licences
    ]


def _path(source: Mapping[Any, Any]) -> dict[str, str]:
    return {"path": source["url"]} if source["url"].startswith(("http://", "https://")) else {}


def _tables(made: Mapping[str, Writer]) -> Iterator[tuple[str, list[str]]]:
    for file, writer in made.items():
        if isinstance(writer, CsvWriter):
            yield file, writer.columns


def _rows(file: str, headings: list[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for heading in headings:
        found = describe(file, heading)
        rest = (found.type, found.unit, found.meaning, found.source) if found else ("string", "", "", "")
        rows.append((file, heading, *rest))
    return rows


def _resource(file: str, writer: Writer) -> dict[str, Any]:
    """Describe a file; of a CSV file every column."""
    path = PurePosixPath(file)
    kind = path.suffix[1:]
    name = re.sub(r"[^a-z0-9]+", "-", file.lower()).strip("-")
    head = {"name": name, "path": file, "format": kind, "mediatype": _FORMATS.get(kind, "application/octet-stream")}
    if not isinstance(writer, CsvWriter):
        return head
    fields = [
        {"name": heading, "type": type_, "description": meaning, **({"unit": unit} if unit else {})}
        for _, heading, type_, unit, meaning, _ in _rows(file, writer.columns)
    ]
    schema = {"fields": fields, "missingValues": [""]}
    return {**head, "profile": "tabular-data-resource", "encoding": "utf-8", "schema": schema}
