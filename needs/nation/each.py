"""Do a step council by council: what a task is, what becomes of it, and how it is done in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from needs import stopping
from needs.errors import Fault

Does = Callable[[Any], Any]


@dataclass(frozen=True)
class Task:
    """What a step has to do for one council.

    Attributes
    ----------
    council
        Its code.
    make
        Gives what the work is done on. It is called when the task's turn has come: its tables are large.
    asked
        What is asked of it beside its own tables, in text: a result that is kept is taken for that only.
    """

    council: str
    make: Callable[[], Any]
    asked: str = ""


@dataclass(frozen=True)
class Refused:
    """What kept a council's task from its end.

    Attributes
    ----------
    faults
        Each with its remedy.
    """

    faults: tuple[Fault, ...]


class Runner(Protocol):
    """Does tasks, in any order."""

    @property
    def told(self) -> str:
        """Say where tasks are done."""

    def each(self, work: Does, tasks: Iterator[Task]) -> Iterator[tuple[str, Any]]:
        """Do `work` on what each task makes, and give results as they come, by council."""


@dataclass(frozen=True)
class Here:
    """One after the other, in this process."""

    told: str = "in this process"

    def each(self, work: Does, tasks: Iterator[Task]) -> Iterator[tuple[str, Any]]:
        """Do tasks in their order."""
        for task in tasks:
            with stopping.whole():
                found = work(task.make())
            yield task.council, found


class ForEach(Protocol):
    """Does a step for councils, and may remember what it found."""

    def __call__(self, step: str, work: Does, tasks: Sequence[Task], /) -> Mapping[str, Any]:
        """Give results by council, in the order of the tasks."""


def here(step: str, work: Does, tasks: Sequence[Task], /) -> Mapping[str, Any]:  # noqa: ARG001 - nothing is remembered
    """Do a step in this process, and remember nothing."""
    return dict(Here().each(work, iter(tasks)))
