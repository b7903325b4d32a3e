"""Tell one state of this toolkit from another."""

from __future__ import annotations

import hashlib
from pathlib import Path


def code_hash() -> str:
    """Hash the code and the catalogue: SHA-256 over the names and contents of the files."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in here.rglob("*") if p.suffix in {".py", ".toml", ".css", ".js", ".html"}):
        digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
