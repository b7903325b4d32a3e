"""Read TOML into checked models, and tell every fault of a file at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from needs.errors import Fault, SettingsError, fail


class Strict(BaseModel):
    """A model that refuses keys it does not know and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(SettingsError, path.name, f"is not valid TOML: {error}", "correct the file")


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
        raise SettingsError([f for e in error.errors() for f in _faults(file, content, e, fix)]) from None


def _faults(file: str, content: dict[str, Any], error: Any, fix: str) -> list[Fault]:
    place = list(error["loc"])
    if len(place) > 1 and isinstance(place[1], int):
        entry = content[place[0]][place[1]]
        name = entry.get("id", place[1] + 1) if isinstance(entry, dict) else place[1] + 1
        place[:2] = [f"[[{place[0]}]] {name}"]
    where = f"{file}, {' '.join(map(str, place))}" if place else file
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in {"missing", "extra_forbidden", "value_error"}:
        message += f" (it is {error['input']!r})"
    fixes = {"missing": "add it", "extra_forbidden": "remove it or correct its spelling"}
    return [Fault(where, line, fixes.get(error["type"], fix)) for line in message.splitlines()]
