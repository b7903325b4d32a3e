"""Write a folder in one move, and texts: all or nothing, the same bytes for the same inputs."""

from __future__ import annotations

import errno
import glob
import json
import math
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pyogrio

from needs.errors import NeedsError, OutputError, fail
from needs.sources.files import sha256

Writer = Callable[[Path], None]

_PART = ".part"  # ending of a file that is being written


@contextmanager
def refusals(where: Path) -> Iterator[None]:
    """Say of what a disk refuses which file it is and what to do.

    Raises
    ------
    OutputError
        In place of the system's error, and of what writers of geodata say.
    """
    try:
        yield
    except NeedsError:
        raise
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        told = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        refused(getattr(error, "filename", None) or where, f"cannot be written: {told}")


def refused(where: Path | str, what: str) -> NoReturn:
    """Raise what `refusals` raises."""
    fix = "make room, let it be written to, or name another folder; then the same command goes on"
    fail(OutputError, str(where), what, fix)


def write_folder(folder: Path, writers: dict[str, Writer]) -> dict[str, str]:
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

    Raises
    ------
    OutputError
        If the disk refuses.
    """
    with folder_to_be(folder, writers) as move:
        hashes = {name: sha256(_new(folder) / name) for name in writers}
        move()
    return hashes


@contextmanager
def folder_to_be(folder: Path, writers: dict[str, Writer]) -> Iterator[Callable[[], None]]:
    """Write a folder of files beside the old one, all bytes on the disk; what is yielded puts it in its place.

    Raises
    ------
    OutputError
        If the disk refuses.
    """
    tidy(folder)
    new, old = _new(folder), _old(folder)

    def move() -> None:
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        _keep(folder.parent)

    with refusals(folder):
        try:
            new.mkdir(parents=True)
            for name, write in writers.items():
                path = new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with refusals(path):
                    write(path)
                    _keep(path)
            yield move
        finally:
            tidy(folder)


def tidy(*places: Path) -> None:
    """Remove what writers that were stopped left beside files and folders, and put back a folder being replaced.

    Only for who works there alone: it would take away what another is writing.
    """
    for place in places:
        with refusals(place):
            if _old(place).exists() and not place.exists():
                _old(place).rename(place)
            for rest in _left(place):
                if rest.is_dir():
                    shutil.rmtree(rest, ignore_errors=True)
                else:
                    rest.unlink(missing_ok=True)


def untidy(*places: Path) -> bool:
    """Whether there is something for `tidy` to do."""
    return any(_left(place) for place in places)


def _left(place: Path) -> list[Path]:
    folders = [p for p in (_new(place), _old(place)) if p.exists()]
    return [*folders, *place.parent.glob(f".{glob.escape(place.name)}.*{_PART}")]


def _new(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.new")


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def write_file(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Write a file in one move; its bytes are on the disk before it has its name.

    Parameters
    ----------
    path
        Where it goes; what stands there is replaced.
    content
        A text, or bytes.
    mode
        Who may read it; by default whoever may read other files.

    Raises
    ------
    OutputError
        If the disk refuses.
    """
    with file_to_be(path, content, mode=mode) as move:
        move()


@contextmanager
def file_to_be(path: Path, content: str | bytes, *, mode: int | None = None) -> Iterator[Callable[[], None]]:
    """Write a file beside its place, all bytes on the disk; what is yielded puts it there."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PART}")  # no other writer's, if there is one

    def move() -> None:
        os.replace(part, path)  # noqa: PTH105 - Path.replace is the same call; os.replace says that it is atomic
        _keep(path.parent)

    with refusals(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or 0o666), "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            yield move
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _keep(path: Path) -> None:
    """See that a file, or a folder's list of names, is on the disk; where a system keeps no such promise, go on."""
    with suppress(PermissionError):
        held = os.open(path, os.O_RDONLY)
        try:
            os.fsync(held)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
                raise
        finally:
            os.close(held)


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


def text_writer(text: str) -> Writer:
    """Write a text."""

    def write(path: Path) -> None:
        path.write_text(text, "utf-8", newline="\n")

    return write
