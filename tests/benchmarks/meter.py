"""Measure work as CPU seconds, peak memory and memory bandwidth, and print tables of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def cpu_s() -> float:
    """User and system seconds of this process, all its threads, and the children it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measured(work: Callable[[], T], runs: int = 1) -> tuple[float, T]:
    """CPU seconds of the middle of several runs, and what the last one gave."""
    spent = []
    for _ in range(runs):
        begin = cpu_s()
        result = work()
        spent.append(cpu_s() - begin)
    return statistics.median(spent), result


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep compiled libraries, which write to the terminal past Python, from doing so."""
    sys.stdout.flush()
    terminal = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(terminal, 1)
        os.close(terminal)


def peak_mib() -> float:
    """Most memory that this process has held; a new program starts from nothing, which getrusage does not see."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def apart(work: Callable[..., T], *values: object) -> T:
    """Do work in a process of its own, so that its peak of memory is its own; `work` is a module's function."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, values)


def bytes_per_s(size: int = 2**28, runs: int = 5) -> float:
    """Bandwidth of the memory for one core: bytes read and written by numpy copying a large array."""
    source, target = np.ones(size // 8), np.empty(size // 8)
    spent, _ = measured(lambda: np.copyto(target, source), runs)
    return 2 * source.nbytes / spent


def table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()) -> None:
    """Print a table: words to the left, figures to the right, under a heading that says what they belong to."""
    written = [columns, *rows]
    wide = [max(len(row[k]) for row in written) for k in range(len(columns))]
    print(f"\n{heading}")
    for row in written:
        print("  " + "  ".join(c.rjust(w) if k else c.ljust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True))))
    for note in notes:
        print(f"  {note}")
    sys.stdout.flush()


def short(value: float) -> str:
    """Write a figure with three digits that count."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    return f"{value:,.{max(0, 2 - int(np.floor(np.log10(abs(value)))))}f}"
