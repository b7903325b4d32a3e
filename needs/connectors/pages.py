"""Keep the pages of a long answer on disk, so that an interrupted download goes on at the page where it stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from needs.connectors.asking import Ask
from needs.errors import SourceError


@dataclass
class Pages:
    """Pages of one answer, in order; of another question or another state of the service they count for nothing.

    Parameters
    ----------
    folder
        Where they are kept until the answer is whole.
    state
        What was asked, and the mark of the service's version.
    """

    folder: Path
    state: str

    def __post_init__(self) -> None:
        mark = self.folder / "state"
        if not mark.is_file() or mark.read_text("utf-8") != self.state:
            self.drop()
            self.folder.mkdir(parents=True)
            mark.write_text(self.state, "utf-8")

    def get(self, number: int) -> bytes | None:
        """Give a page that is there."""
        path = self._path(number)
        return path.read_bytes() if path.is_file() else None

    def put(self, number: int, content: bytes) -> None:
        """Keep a page, whole or not at all."""
        part = self._path(number).with_suffix(".part")
        part.write_bytes(content)
        part.replace(self._path(number))

    def odd(self, ask: Ask, what: str) -> SourceError:
        """Say that pages do not fit together, and keep none of them: they would not fit the next time either."""
        self.drop()
        return ask.fault(what, "run the same command again later")

    def drop(self) -> None:
        """Remove them all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}"


def beside(part: Path, state: object) -> Pages:
    """Keep the pages of a file beside it, hidden."""
    return Pages(part.with_name(f"{part.name}.pages"), json.dumps(state, sort_keys=True))
