"""Time England from the real open data: councils a minute with one and two workers, memory, cost as zones grow.

Run with `make bench`, or by itself with numbers of zones. Nothing is measured where the real data are not beside the
project.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from needs.councils import upper_tier
from needs.settings import CATALOGUE
from tests.benchmarks.meter import table

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SIZES = (1_000, 4_000, 33_755)
ZONES_A_DISTRICT = 114  # England's zones over its districts, to choose about so many


def settings(folder: Path, zones: int) -> Path:
    """Write an assessment of about so many zones: councils in the order of their codes."""
    codes: list[str] = []
    for entry in upper_tier():
        if len(codes) * ZONES_A_DISTRICT < zones:
            codes += entry.districts
    text = (CATALOGUE / "areas" / "england.toml").read_text("utf-8")
    text = text.replace('codes = ["E92000001"]', f"codes = {codes}".replace("'", '"'))
    path = folder / f"zones-{zones}.toml"
    path.write_text(text, "utf-8")
    return path


def run(zones: int, workers: int, until: str = "reach") -> list[str]:
    """Build so far from nothing, in a process of its own; give a row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "needs", "england", "--settings", str(settings(folder, zones))]
        command += ["--raw", str(DATA), "--processed", str(folder / "p"), "--maps", str(folder / "m")]
        begin = time.perf_counter()
        process = subprocess.Popen([*command, "--workers", str(workers), "--until", until], stdout=subprocess.PIPE)
        assert process.stdout
        told = process.stdout.read().decode()
        _, state, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        assert state == 0, told
        found = re.search(r"data +([\d.]+) s +([\d,]+) zones", told)
        spent = re.search(r"reach +([\d.]+) s", told)
        councils = len(re.findall(r"reach +\d+ of", told))
        assert found
        assert spent
        rate = 60 * councils / float(spent[1])
        return [
            f"{found[2]}", f"{councils}", f"{workers}", f"{rate:.0f}", f"{wall_s:.0f}",
            f"{used.ru_utime + used.ru_stime:.0f}", f"{used.ru_maxrss / 1024:,.0f}",
        ]  # fmt: skip


def main() -> None:
    """Run all, and print a table."""
    if not DATA.is_dir():
        print("the real open data are not beside the project (../shared/data): nothing measured")
        return
    sizes = [int(a) for a in sys.argv[1:]] or list(SIZES)
    rows = [run(zones, workers) for zones in sizes for workers in (1, 2)]
    head = ["zones", "councils", "workers", "councils a minute", "wall s", "CPU s", "MiB, largest process"]
    table("England to what is reached today, straight lines", head, rows)


if __name__ == "__main__":
    main()
