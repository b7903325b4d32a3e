"""Run the toolkit from the command line: what a command ends with, whatever happens to it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path

from needs import stopping
from needs.errors import Fault, NeedsError, PlaceError

INTERRUPTED = 130  # the exit code of a program stopped by Ctrl-C
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR}
DEBUG = "NEEDS_DEBUG"  # environment: a fault of this program is shown with all that led to it


def main() -> None:
    """Run a command; exit 0 when done, 2 for bad input, 3 for a source that could not be had.

    What Ctrl-C stops exits with 130, what is asked to end (SIGTERM) with 143; the second ends at once. Exit code 1 is a
    fault of the toolkit itself.
    """
    with stopping.heeded() as came:
        try:
            from needs.commands import app  # here, since it takes seconds, in which Ctrl-C is answered too

            app()
        except NeedsError as error:
            _end(str(error), error.exit_code)
        except SystemExit as stop:
            if stop.code != INTERRUPTED:
                raise
            _interrupted(came)
        except Exception as error:
            if came:  # what was broken off may fail in any way
                _interrupted(came)
            if os.environ.get(DEBUG):
                raise
            if isinstance(error, OSError) and (error.filename or error.errno in _DISK):
                told = _refused(error)
                _end(str(told), told.exit_code)
            _end(_own_fault(error), 1)
        except KeyboardInterrupt:
            _interrupted(came)


def _interrupted(came: list[int]) -> None:
    told = "interrupted: finished stages are kept, the same command goes on from there"
    _end(told, 128 + came[0] if came else INTERRUPTED)


def _end(told: str, code: int) -> None:
    sys.stderr.write(f"{told}\n")
    sys.exit(code)


def _refused(error: OSError) -> PlaceError:
    fix = "make room, let it be read and written to, or name other folders (--raw, --processed, --maps)"
    where = str(error.filename or "the disk")
    return PlaceError([Fault(where, f"cannot be read or written: {error.strerror}", fix)])


def _own_fault(error: Exception) -> str:
    """Say in a line what went wrong and where, of an error that nobody foresaw."""
    here = Path(__file__).parent
    steps = [s for s in traceback.extract_tb(error.__traceback__) if Path(s.filename).is_relative_to(here)]
    place = f"{Path(steps[-1].filename).relative_to(here).as_posix()}, line {steps[-1].lineno}" if steps else "needs"
    told = " ".join(f"{type(error).__name__}: {error}".split())
    fix = f"report it; {DEBUG}=1 before the command shows what led to it"
    return f"this is a fault of the toolkit: {place}: {told} -> {fix}"


if __name__ == "__main__":
    main()
