"""Compile loops over arrays to machine code, once, and keep it for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function of arrays and numbers; it lets other threads run while it works.

    The machine code is kept until the function's own file changes: it may call no kernel of another file.
    """
    return cast("F", numba.njit(cache=True, nogil=True)(function))
