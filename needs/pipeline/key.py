"""Keep this user's private key: it tells own work from foreign, and stands in where a plain hash would tell too much."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path

from needs import outputs
from needs.alone import alone

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
    if (found := _read(file)) is not None:
        return found
    with outputs.refusals(file):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(folder, "makes the key in"):  # of two that ask at once, both get the first one's
        if (found := _read(file)) is None:
            outputs.write_file(file, secrets.token_hex(32), mode=0o600)
            found = _read(file)
    if found is None:
        outputs.refused(file, "holds another text than was written")
    return found


def _read(file: Path) -> bytes | None:
    """Read a whole key; half of one is none, and is made anew."""
    with outputs.refusals(file):
        try:
            text = file.read_text("ascii", "replace")
        except FileNotFoundError:
            return None
        if not _KEY.fullmatch(text):
            return None
        if file.stat().st_mode & 0o077 and hasattr(os, "getuid") and file.stat().st_uid == os.getuid():
            file.chmod(0o600)
    return text.encode()


def signature(content: bytes, *purpose: str) -> bytes:
    """Sign with this user's key (HMAC-SHA256, 32 bytes): what was signed for one purpose is not good for another."""
    signed = hmac.new(key(), digestmod="sha256")
    for part in purpose:
        signed.update(f"{len(part)}:{part}\n".encode())
    signed.update(content)
    return signed.digest()
