"""Write a folder in one move, and texts: all or nothing, the same bytes for the same inputs."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from needs.sources.files import sha256


def write_folder(folder: Path, writers: dict[str, Callable[[Path], None]]) -> dict[str, str]:
    """Write a folder of files in one move: either all of them are there afterwards, or the old folder is untouched.

    Parameters
    ----------
    folder
        Where the files go; what stands there is replaced.
    writers
        By file name: a function that writes it to the path it is given.

    Returns
    -------
    dict
        SHA-256 by file name, in the order of `writers`.
    """
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    if old.exists() and not folder.exists():  # a build was stopped between the two renames below
        old.rename(folder)
    for rest in (new, old):
        shutil.rmtree(rest, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        for name, write in writers.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    hashes = {name: sha256(new / name) for name in writers}
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return hashes


def write_file(path: Path, text: str) -> None:
    """Write a text file in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8", newline="\n")
    os.replace(part, path)  # noqa: PTH105 - Path.replace is the same call; os.replace says that it is atomic


def as_json(content: Any, *, indent: int | None = 2) -> str:
    """Give JSON text with numbers to six decimals and no NaN (null stands for unreachable)."""
    return json.dumps(_plain(content), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if value is pd.NA or value is None:
        return None
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def text_writer(text: str) -> Callable[[Path], None]:
    """Write a text."""

    def write(path: Path) -> None:
        path.write_text(text, "utf-8", newline="\n")

    return write
