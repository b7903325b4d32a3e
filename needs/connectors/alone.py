"""Let one program at a time fetch into a folder of raw files: two would write into each other's unfinished files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from needs.errors import SourceError, fail


@contextmanager
def alone(folder: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Wait until no other program fetches into a folder, and keep others waiting.

    The system lets go of it when a program ends, however it ends. Where a file system, or Windows, has no such locks,
    nobody waits.

    Parameters
    ----------
    folder
        Of the raw files; made if it is not there.
    say
        Told that it waits.

    Raises
    ------
    SourceError
        If the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(SourceError, str(folder), f"cannot be made: {error.strerror}", "name another folder with --raw")
    if sys.platform == "win32":
        yield
        return
    import fcntl

    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another program fetches into {folder}: waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        except OSError:
            pass  # no locks here
        yield
    finally:
        os.close(held)
