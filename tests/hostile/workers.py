"""Read bytes in a process of its own, so that a crash of a library in C is seen as one."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

DEADLINE_S = 60.0


class Crew:
    """One process that reads what it is given; a crash breaks it, and is the test's failure."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def read(self, what: str, path: Path, crs: str | None = None) -> list[tuple[str, str, str]] | str:
        """Read streets or zones: what came of it in a word, or the faults as (where, what, fix)."""
        return self._pool.submit(_read, what, path, crs).result(timeout=DEADLINE_S)

    def end(self) -> None:
        """Let the process go."""
        self._pool.shutdown(cancel_futures=True)


def _read(what: str, path: Path, crs: str | None) -> list[tuple[str, str, str]] | str:
    from needs.errors import NeedsError

    try:
        return _streets(path) if what == "streets" else _zones(path, crs)
    except NeedsError as error:
        return [(f.where, f.what, f.fix) for f in error.faults]


def _streets(path: Path) -> str:
    """Read streets and build a graph of them, and see that both keep what they promise."""
    import numpy as np

    from needs import streets

    ways = streets.read_ways(path)
    assert len(ways)
    assert np.isfinite(ways.x).all()
    assert np.isfinite(ways.y).all()
    assert (np.diff(ways.first) >= 2).all()
    assert (np.diff(ways.osm_id) > 0).all()
    graph = streets.build(ways, "walk")
    assert len(graph.x) >= 1
    return "read"


def _zones(path: Path, crs: str | None) -> str:
    """Read zones, and see that the table keeps its contract."""
    from needs.assessment import Input
    from needs.errors import Faults
    from needs.sources import files

    about = {"title": "t", "publisher": "p", "licence": "l", "date": "d", "vintage": "LSOA21"}
    columns = {c: c for c in ("lsoa21cd", "zone_name", "lad24cd")}
    spec = Input.model_validate(
        {**about, "id": "z", "table": "zones", "path": path.name, "columns": columns, "crs": crs}
    )
    faults = Faults()
    table = files.read_table(spec, path, faults)
    if not faults.found:
        assert table is not None
        assert table["lsoa21cd"].is_unique
        assert table.geometry.is_valid.all()
        assert table.crs.to_epsg() == 27700
    faults.raise_if_any()
    return "read"
