"""Compile loops over arrays to machine code, once, keep it for the next run, and run it on every core."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function of arrays and numbers; it lets other threads run while it works.

    The machine code is kept until the function's own file changes: it may call no kernel of another file.
    """
    return cast("F", numba.njit(cache=True, nogil=True)(function))


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool() -> ThreadPoolExecutor:
    """Open as many threads as there are cores, for kernels that let each other run."""
    return ThreadPoolExecutor(cores())
