"""Let one program at a time work in a folder: two would write into each other's unfinished files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".lock"  # in the folder, for as long as somebody works there
_TRIES = 1000  # at a lock file that is removed again by whoever had it


@contextmanager
def alone(folder: Path, does: str, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Wait until no other program works in a folder, and keep others waiting.

    The system lets go of the lock when a program ends, however it ends; the file that is locked is removed again, and
    so is a folder that was made for it and stayed empty. Where a folder is only read, or a file system or Windows has
    no such locks, nobody waits, and that is said.

    Parameters
    ----------
    folder
        Where the work is done; made if it is not there.
    does
        What such programs do, as in "another program <does> <folder>".
    say
        Told that it waits, or cannot.
    """
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    held = None
    try:
        held = _hold(folder, lambda: say(f"another program {does} {folder}: waiting for it"))
    except OSError as error:
        say(f"{folder} cannot be locked ({error.strerror or error}): see that no other program {does} it")
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                (folder / LOCK).unlink()  # before others get it: whoever waited looks whether it is still there
            os.close(held)
        for path in made:
            with suppress(OSError):
                path.rmdir()  # an empty one


def worked_in(folder: Path) -> bool:
    """Whether somebody works in a folder, or was stopped there."""
    return (folder / LOCK).exists()


def _hold(folder: Path, wait: Callable[[], None]) -> int | None:
    """Open and lock the file; None on Windows."""
    if sys.platform == "win32":
        return None
    import fcntl

    for _ in range(_TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # the folder was removed meanwhile
            continue
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
                fcntl.flock(held, fcntl.LOCK_EX)
            if _is(folder / LOCK, held):
                return held
        except BaseException:
            os.close(held)
            raise
        os.close(held)
    msg = "its lock is taken away time and again"
    raise OSError(msg)


def _is(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False
