"""Ask whether packages have known faults: fails on one, says in a line when it cannot be asked (`make lint`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[[list[str]], list[dict[str, Any]]]


class OfflineError(Exception):
    """Nobody answers; its text says why."""


def audit(pins: list[str], ask: Ask) -> tuple[int, str]:
    """Audit pinned packages; give an exit code, and what to say.

    One package is asked about first: where nothing is known of that, be it for want of a network, the rest is not.
    """
    try:
        ask_first = [found for found in ask(pins[:1]) if "skip_reason" not in found]
        if not ask_first:
            return 0, "audit of packages: skipped, the package index here tells of no faults"
        found = ask(pins)
    except OfflineError as error:
        return 0, f"audit of packages: skipped, it cannot be asked ({error})"
    wrong = [
        f"  {package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or '-'}"
        for package in found
        for fault in package.get("vulns", [])
    ]
    known = sum("skip_reason" not in package for package in found)
    if wrong:
        return 1, "\n".join([f"audit of packages: {len(wrong)} known faults in {known} packages", *wrong])
    return 0, f"audit of packages: no known fault in {known} of {len(pins)}"


def pip_audit(pins: list[str]) -> list[dict[str, Any]]:
    """Ask pip-audit, which asks the package index.

    Raises
    ------
    OfflineError
        If it got no answer.
    """
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json", "--timeout", "10"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", "--requirement", "/dev/stdin"],
        input="\n".join(pins),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise OfflineError((done.stderr.strip().splitlines() or ["no answer"])[-1][:200]) from None
    return found


def pins_of(file: Path) -> list[str]:
    """List the pinned packages of a constraints file."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if line]


if __name__ == "__main__":
    code, told = audit(pins_of(Path(sys.argv[1])), pip_audit)
    sys.stdout.write(f"{told}\n")
    sys.exit(code)
