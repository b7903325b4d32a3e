"""Keep a user's private key: it tells own work from foreign, and stands in where a plain hash would tell too much."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from needs import outputs
from needs.alone import alone
from needs.errors import OutputError, fail

_KEY = re.compile(r"[0-9a-f]{64}")


def key() -> bytes:
    """Give this user's key, made when it is first asked for; nobody else may read it.

    Raises
    ------
    OutputError
        If it cannot be kept.
    """
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "needs"
    file = folder / "key"
    try:
        if (found := _read(file)) is not None:
            return found
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(folder, "makes the key in"):  # of two that ask at once, both get the first one's
            return _read(file) or _make(file)
    except OSError as error:
        told = "cannot be kept; it is your private key, which tells your own files from foreign ones"
        fail(OutputError, str(file), f"{told} ({error.strerror or error})", "name a folder in XDG_STATE_HOME=FOLDER")


def _read(file: Path) -> bytes | None:
    """Read a whole key; half of one is none, and is made anew. One that others may read is closed to them."""
    if not file.is_file():
        return None
    text = file.read_text("ascii", "replace")
    if file.stat().st_mode & 0o077:
        with suppress(PermissionError):
            file.chmod(0o600)
    return text.encode() if _KEY.fullmatch(text) else None


def _make(file: Path) -> bytes:
    made = secrets.token_hex(32)
    outputs.write_file(file, made, mode=0o600)
    return made.encode()


def signature(content: bytes, *purpose: str) -> bytes:
    """Sign with this user's key (HMAC-SHA256, 32 bytes): what was signed for one purpose is not good for another."""
    signed = hmac.new(key(), digestmod="sha256")
    for part in purpose:
        signed.update(f"{len(part)}:{part}\n".encode())
    signed.update(content)
    return signed.digest()
