"""Read TOML into checked models, and tell every fault of a file at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from needs.errors import Fault, SettingsError, fail

LARGEST = 2**20  # bytes of a file; the catalogue's largest has a tenth of it
_SHOWN = 80  # characters of a value in a message
_LONG_NAME = re.compile(r"""(?<!["'\w-])(?:["'\w-]+\s*\.\s*){50}""")  # parsing takes as long as its square


class Strict(BaseModel):
    """A model that refuses keys it does not know, and numbers without end, and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def load(path: Path) -> dict[str, Any]:
    """Read a TOML file, or all those of a folder as one: their tables of the same name are put together.

    Raises
    ------
    SettingsError
        If it is not TOML, or two files of a folder hold an entry of the same name.
    """
    if path.is_dir():
        whole: dict[str, Any] = {}
        for file in sorted(path.glob("*.toml")):
            for kind, entries in load(file).items():
                own = whole.setdefault(kind, {})
                for name in own.keys() & entries.keys():
                    fail(SettingsError, f"{path.name}/{file.name}, {name}", "stands in two files", "keep one")
                own.update(entries)
        return whole
    try:
        return tomllib.loads(_text(path))
    except RecursionError:
        fail(SettingsError, path.name, "is not valid TOML: it is nested too deep", "correct the file")
    except ValueError as error:  # of TOML, or a number of more digits than Python reads
        fail(SettingsError, path.name, f"is not valid TOML: {shorten(str(error), _SHOWN * 2)}", "correct the file")


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        what = f"has {path.stat().st_size:,} bytes, and {LARGEST:,} are the most: is it the right file?"
        fail(SettingsError, path.name, what, "give a file of settings")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"is not valid TOML: byte 0x{error.object[error.start]:02x} at {error.start:,} is no UTF-8"
        fail(SettingsError, path.name, what, "save it as UTF-8")
    except OSError as error:
        fail(SettingsError, path.name, f"cannot be read: {error.strerror}", "let it be read, or give another file")
    if _LONG_NAME.search(text):
        fail(SettingsError, path.name, "is not valid TOML: a name is nested too deep", "correct the file")
    return text


def checked(model: type[M], content: dict[str, Any], *, file: str, fix: str = "correct the file") -> M:
    """Turn a file's content into a model; `fix` is what to do where nothing more is known.

    Raises
    ------
    SettingsError
        With every fault; entries of a list of tables are named by their id. A rule that finds several faults puts
        each on a line of its own.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise SettingsError([f for e in error.errors() for f in _faults(model, file, content, e, fix)]) from None


def _faults(model: type[BaseModel], file: str, content: dict[str, Any], error: Any, fix: str) -> list[Fault]:
    place = list(error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(place[-1]), _names(model, place[:-1]), n=1)
        message = "there is no such setting" + (f": did you mean {near[0]!r}?" if near else "")
    elif error["type"] not in {"missing", "value_error"}:
        message += f" (it is {_shown(error['input'])})"
    if len(place) > 1 and isinstance(place[1], int):
        entry = content[place[0]][place[1]]
        name = entry.get("id", place[1] + 1) if isinstance(entry, dict) else place[1] + 1
        place[:2] = [f"[[{place[0]}]] {_told(name)}"]
    where = f"{file}, {' '.join(map(_told, place))}" if place else file
    fixes = {"missing": "add it", "extra_forbidden": "remove it or correct its spelling"}
    return [Fault(where, line, fixes.get(error["type"], fix)) for line in message.splitlines()]


def _shown(value: object) -> str:
    """Write a value that a message is about, as far as it is worth reading."""
    try:
        text = repr(value)
    except RecursionError:
        text = "nested too deep"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _told(name: object) -> str:
    """Write a name in one short line."""
    return " ".join(str(name).split())[:_SHOWN]


def _names(annotation: object, place: Iterable[object]) -> list[str]:
    """List the names that a model knows at a place: of its settings, and down from there."""
    models = list(_models(annotation))
    for step in place:
        fields = [f for m in models for n, f in m.model_fields.items() if step in {n, f.alias}]
        models = [inner for f in fields for inner in _models(f.annotation)] if fields else models
    return [field.alias or name for m in models for name, field in m.model_fields.items()]


def _models(annotation: object) -> Iterable[type[BaseModel]]:
    """Find the models in an annotation, such as those of a list or of what may be left out."""
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
