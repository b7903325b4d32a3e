"""Hold what is true for the whole toolkit: coordinate systems, bounds, folders, seeds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from needs import __version__

CRS = "EPSG:27700"  # British National Grid, metres: everything inside
CRS_WEB = "EPSG:4326"  # WGS 84 degrees: only pages and exports for the web

# Where England lies, with a margin: west, south, east, north.
ENGLAND_M = (80_000.0, 4_000.0, 660_000.0, 660_000.0)  # metres, EPSG:27700
ENGLAND_DEG = (-6.5, 49.8, 1.9, 55.9)  # degrees, EPSG:4326

ZONE_VINTAGE = "LSOA21"  # the one vintage that tables are joined in
SEED = 20_260_401  # of every random draw
AGENT = f"needs/{__version__} (family hub needs assessment; open source)"  # who asks services

CATALOGUE = Path(__file__).parent / "catalogue"


def cache_folder() -> Path:
    """Where this user's work is kept that can always be done again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "needs"


@dataclass(frozen=True)
class Paths:
    """The three folders that a build reads and writes."""

    raw: Path = Path("data/raw")
    processed: Path = Path("data/processed")
    maps: Path = Path("maps")
