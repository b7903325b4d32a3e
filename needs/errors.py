"""Name what can go wrong, and collect every fault of an input before stopping."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

SHOWN = 10  # faults of one kind that are listed one by one


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with an input.

    Attributes
    ----------
    where
        The file, table or setting, and the row where one is to blame.
    what
        What is wrong, with the offending value.
    fix
        What the reader should do about it.
    ways
        Where any one of several changes would do: each as a fault of its own, all of which `fix` tells.
    """

    where: str
    what: str
    fix: str
    ways: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {self.what} -> {self.fix}"


class NeedsError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 2
    heading = "nothing was written"

    def __init__(self, faults: str | list[Fault]) -> None:
        self.faults: list[Fault] = [] if isinstance(faults, str) else list(dict.fromkeys(faults))
        if isinstance(faults, str):
            message = faults
        else:
            count = len(self.faults)
            head = f"{count} fault{'s' if count != 1 else ''} found, {self.heading}:"
            message = "\n".join([head, *(f"  {n}. {f}" for n, f in enumerate(self.faults, 1))])
        super().__init__(message)


class InputError(NeedsError, ValueError):
    """The data given are wrong; every fault is listed."""


class SettingsError(NeedsError, ValueError):
    """The assessment file or the catalogue is wrong; every fault is listed."""


class SourceError(NeedsError, FileNotFoundError):
    """A source could not be had; what others gave by then is kept."""

    exit_code = 3
    heading = "no table or page was written"


class PlaceError(NeedsError, OSError):
    """A file or folder cannot be read or written, found in the midst of the work; what was finished is kept."""

    heading = "what was finished before is kept"


class OutputError(NeedsError, OSError):
    """What was to be written could not be; what was there before is still there."""


class InfeasibleError(NeedsError, ValueError):
    """No plan meets the constraints; the message names those that clash."""


@dataclass
class Faults:
    """Collect faults, then raise them all at once."""

    error: type[NeedsError] = InputError
    found: list[Fault] = field(default_factory=list)
    missing: list[Fault] = field(default_factory=list)

    def add(self, where: str, what: str, fix: str) -> None:
        """Note one fault."""
        self.found.append(Fault(where, what, fix))

    def add_each(self, where: str, found: Sequence[tuple[str, str]], fix: str) -> None:
        """Note faults of one kind: the first SHOWN one by one, the rest counted.

        Parameters
        ----------
        where
            The file or table.
        found
            For each fault the row (or "") and what is wrong there.
        fix
            What to do about any of them.
        """
        for row, what in found[:SHOWN]:
            self.add(f"{where}, {row}" if row else where, what, fix)
        if len(found) > SHOWN:
            row, what = found[SHOWN]
            first = f"{row}: {what}" if row else what
            self.add(where, f"the like in {len(found) - SHOWN:,} more places, first {first}", fix)

    def add_codes(self, where: str, what: str, codes: Iterable[Hashable], fix: str) -> None:
        """Note one fault for all the codes that share it (zones, wards, columns), if any do; the first are listed."""
        names = sorted(set(map(str, codes)))
        if names:
            self.add(where, f"{what} ({len(names):,}): {listed(names)}", fix)

    def add_missing(self, where: str, what: str, fix: str) -> None:
        """Note a source that is not there (exit code 3 when nothing else is wrong)."""
        self.missing.append(Fault(where, what, fix))

    def take(self, error: NeedsError) -> None:
        """Note every fault of an error that was raised further down."""
        target = self.missing if isinstance(error, SourceError) else self.found
        target.extend(error.faults or [Fault("input", str(error), "see the message")])

    def raise_if_any(self) -> None:
        """Raise what was collected, or return."""
        if self.found:
            raise self.error(self.found + self.missing)
        if self.missing:
            raise SourceError(self.missing)


def listed(names: Sequence[str]) -> str:
    """Write the first names, and count the rest."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def fail(error: type[NeedsError], where: str, what: str, fix: str) -> NoReturn:
    """Raise one error with one fault."""
    raise error([Fault(where, what, fix)])
