"""Keep results of stages on disk, by the fingerprint of what went in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib


class Store:
    """Results of stages on disk, by fingerprint; only the latest of each stage is kept."""

    def __init__(self, folder: Path, *beside: Path) -> None:
        self.folder = folder
        self.beside = beside  # where the same may have been found for another file

    def load(self, stage: str, fingerprint: str) -> Any:
        """Give a stage's result of that fingerprint, or None."""
        places = (f / f"{stage}-{fingerprint[:32]}.joblib" for f in (self.folder, *self.beside))
        return next((joblib.load(path) for path in places if path.is_file()), None)

    def save(self, stage: str, fingerprint: str, result: Any) -> None:
        """Keep a stage's result in place of an older one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{stage}-{fingerprint[:32]}.joblib"
        part = path.with_suffix(".part")
        joblib.dump(result, part, compress=1)
        part.replace(path)
        for other in self.folder.glob(f"{stage}-*.joblib"):
            if other != path:
                other.unlink()
