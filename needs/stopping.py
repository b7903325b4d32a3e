"""Answer Ctrl-C and a request to end: work that was broken off is never taken for finished."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heeded() -> Iterator[list[int]]:
    """Make a KeyboardInterrupt of SIGINT and SIGTERM alike; the second ends the program at once, as the system does.

    Yields
    ------
    list of int
        The signal that came, once one did. Signals that the program was started to ignore are ignored.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def stop(number: int, _: FrameType | None) -> None:
        came.append(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {s: signal.getsignal(s) for s in SIGNALS}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, stop)
    try:
        yield came
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def whole() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end if one came in between, though the work inside made do with what it had.

    Searches give the best so far when they are interrupted, and some callbacks lose an interruption: what they gave is
    no result to keep. In threads, where no signal arrives, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {s: h for s in SIGNALS if callable(h := signal.getsignal(s))}

    def hear(number: int, frame: FrameType | None) -> None:
        came.append(number)
        before[signal.Signals(number)](number, frame)

    for each in before:
        signal.signal(each, hear)
    try:
        yield
    finally:
        for each, handler in before.items():
            if signal.getsignal(each) is hear:
                signal.signal(each, handler)
    if came:
        raise KeyboardInterrupt
