"""Keep results of stages on disk, by the fingerprint of what went in; take back none that is not this user's own."""

from __future__ import annotations

import hmac
import io
import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib

from needs import outputs
from needs.pipeline.key import signature

FORMAT = 1
ENDING = ".stage"
LOG = "log.jsonl"
_HEAD = struct.Struct(">16sHQ32s")  # what it is, the version of this format, bytes that follow, their signature
_MAGIC = b"needs stage file"

Say = Callable[[str], None]


class Store:
    """Results of stages on disk, by fingerprint; only the latest of each stage is kept.

    A file holds pickled objects, which can do anything when they are loaded: one is looked at only if it is whole and
    signed with this user's private key, for this stage and fingerprint. Any other is as if it were not there.

    Parameters
    ----------
    folder
        Where they are kept.
    beside
        Folders where the same may have been found for another file.
    say
        Told of a file that is not looked at.
    """

    def __init__(self, folder: Path, *beside: Path, say: Say = lambda _: None) -> None:
        self.folder = folder
        self.beside = beside
        self.say = say

    def load(self, stage: str, fingerprint: str) -> Any:
        """Give a stage's result of that fingerprint, or None."""
        for folder in (self.folder, *self.beside):
            path = folder / _name(stage, fingerprint)
            if path.is_file():
                content = self._verified(path, stage, fingerprint)
                if content is not None:
                    return joblib.load(io.BytesIO(content))
        return None

    def _verified(self, path: Path, stage: str, fingerprint: str) -> bytes | None:
        """Read what a file holds if it is whole and this user's own."""
        try:
            with path.open("rb") as file:
                head, content = file.read(_HEAD.size), file.read()
            magic, version, size, signed = _HEAD.unpack(head)
            own = (magic, version, size) == (_MAGIC, FORMAT, len(content))
            if own and hmac.compare_digest(signed, _signed(content, stage, fingerprint)):
                return content
            why = "is damaged, or was not kept by you"
        except struct.error:
            why = "is damaged"
        except OSError as error:
            why = f"cannot be read ({error.strerror or error})"
        self.say(f"{path} {why}: it is not used, and its stage is done again")
        return None

    def save(self, stage: str, fingerprint: str, result: Any) -> None:
        """Keep a stage's result in place of an older one.

        Raises
        ------
        OutputError
            If the disk refuses.
        """
        packed = io.BytesIO()
        joblib.dump(result, packed, compress=1)
        content = packed.getvalue()
        head = _HEAD.pack(_MAGIC, FORMAT, len(content), _signed(content, stage, fingerprint))
        path = self.folder / _name(stage, fingerprint)
        outputs.write_file(path, head + content)
        with outputs.refusals(self.folder):
            others = [p for p in self.folder.glob(f"{stage}-*") if p != path]
            for other in others:
                other.unlink(missing_ok=True)
        outputs.tidy(path, *others)

    def note(self, stage: str, fingerprint: str, **figures: float) -> None:
        """Note beside the results what a stage took: it differs from run to run, and so stands in no output."""
        with outputs.refusals(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            line = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "stage": stage, "of": fingerprint[:32]}
            with (self.folder / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, **{k: round(v, 3) for k, v in figures.items()}}) + "\n")


def _name(stage: str, fingerprint: str) -> str:
    return f"{stage}-{fingerprint[:32]}{ENDING}"


def _signed(content: bytes, stage: str, fingerprint: str) -> bytes:
    return signature(content, "result of a stage", str(FORMAT), stage, fingerprint)
