"""Name the files of a table in the faults that were found of the table as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from needs.assessment import Assessment, Input
from needs.errors import Fault, NeedsError
from needs.settings import ZONE_VINTAGE

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=NeedsError)


def naming_files(work: Callable[Concatenate[Assessment, P], R]) -> Callable[Concatenate[Assessment, P], R]:
    """Let the faults that some work finds in tables, lookups and inputs name the files that these were read from."""

    @wraps(work)
    def named(settings: Assessment, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(settings, *args, **kwargs)
        except NeedsError as error:
            raise type(error)([_named(f, settings) for f in error.faults] or str(error)) from None

    return named


def _named(fault: Fault, settings: Assessment) -> Fault:
    files = list(dict.fromkeys(f"{i.path} (input '{i.id}')" for i in _inputs(fault.where, settings)))
    if not files or any(f in fault.where for f in files):
        return fault
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return replace(fault, where=f"{', '.join(files[:3])}{more}, {fault.where}")


def _inputs(where: str, settings: Assessment) -> Iterator[Input]:
    """Find the inputs that a place speaks of: by table, by id, by the vintage that a lookup leads from."""
    tables = re.findall(r"^tables? '(\w+)'", where)
    indices = [t for t in ("indicators",) if where.startswith("indicator '")]
    for given in settings.inputs:
        led = f"lookup {given.vintage} to {ZONE_VINTAGE}"
        if given.table in {*tables, *indices} or where == given.id or (given.table == "lookup" and where == led):
            yield given
