"""Tell one state of an area's inputs from another, and record what went into its results."""

from __future__ import annotations

import hashlib
import hmac
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from needs import __version__, report
from needs.assessment import Assessment
from needs.indicators import read_spec
from needs.pipeline.key import key
from needs.sources import files
from needs.toolkit import code_hash

# Each stage, and the stages and settings that it reads.
STAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "data": ((), ("area", "inputs", "demand", "need", "travel")),
    "need": (("data",), ()),
    "travel": (("data",), ()),
    "plan": (("data", "need", "travel"), ("plan", "standards")),
    "map": (("data", "need", "travel", "plan"), ()),
}
_PACKAGES = (
    "contourpy",
    "folium",
    "geopandas",
    "highspy",
    "numba",
    "numpy",
    "openpyxl",
    "osmium",
    "pandas",
    "pyarrow",
    "pymetis",
    "pyogrio",
    "pyproj",
    "python-calamine",
    "scikit-learn",
    "scipy",
    "shapely",
    "xlrd",
)


def digests(settings: Assessment, raw: dict[str, Path]) -> dict[str, str]:
    """Tell one state of a raw file from another: its SHA-256, or a keyed digest where its counts are protected.

    Small counts are so few that a plain hash of their file would give them away to whoever tries them all. The key
    stays with the user who builds, apart from all outputs.
    """
    protected = report.protected_files(settings, raw)
    if not protected:
        return {i: files.sha256(p) for i, p in raw.items()}
    secret = key()
    return {
        i: hmac.new(secret, p.read_bytes(), "sha256").hexdigest() if p in protected else files.sha256(p)
        for i, p in raw.items()
    }


def fingerprints(settings: Assessment, hashes: dict[str, str], index: dict[str, Any]) -> dict[str, str]:
    """Hash, for each stage, its settings, the stages before it, the raw files, the code and the packages."""
    parts = settings.model_dump(mode="json")
    parts["need"]["index"] = index["index"]["id"]  # its content is in the ground; where it lies does not count
    ground = {
        "inputs": hashes,
        "index": index,
        "code": code_hash(),
        "packages": _packages(),
        "python": platform.python_version(),
    }
    prints: dict[str, str] = {}
    for stage, (before, names) in STAGES.items():
        content = {"stage": stage, "before": [prints[b] for b in before], "settings": {n: parts[n] for n in names}}
        text = json.dumps({**content, **ground}, sort_keys=True)
        prints[stage] = hashlib.sha256(text.encode()).hexdigest()
    return prints


def _packages() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}


def is_done(folder: Path, page: Path, prints: dict[str, str]) -> bool:
    """Whether what was published comes from these fingerprints and nobody has touched it since."""
    record = _record(folder)
    return (
        record is not None
        and {stage: record["stages"].get(stage) for stage in prints} == prints
        and _fits(folder, record["outputs"])
        and ("map" not in prints or _fits(page.parent, {page.name: record.get("page_sha256")}))
    )


def published_plan(folder: Path, page: Path) -> dict[str, Any] | None:
    """Read an area's plan.json if it and the page are those that were published together; None if not."""
    record = _record(folder)
    try:
        content = (folder / "plan.json").read_bytes()
    except OSError:
        return None
    own = hashlib.sha256(content).hexdigest()
    if record is None or own != record["outputs"].get("plan.json"):
        return None
    if not _fits(page.parent, {page.name: record.get("page_sha256")}):
        return None
    plan: dict[str, Any] = json.loads(content)
    return plan


def _record(folder: Path) -> dict[str, Any] | None:
    """Read the record of what was published; None where there is none that can be read."""
    try:
        record = json.loads((folder / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    good = isinstance(record, dict) and all(isinstance(record.get(k), dict) for k in ("stages", "outputs"))
    return record if good else None


def _fits(folder: Path, hashes: dict[str, Any]) -> bool:
    try:
        return all(files.sha256(folder / name) == digest for name, digest in hashes.items())
    except OSError:
        return False


def provenance(
    settings: Assessment, path: Path, raw: dict[str, Path], hashes: dict[str, str], prints: dict[str, str]
) -> dict[str, Any]:
    """Record what went in: settings, raw files, code and packages."""
    protected = report.protected_files(settings, raw)
    index = json.dumps(read_spec(settings.need.index).model_dump(mode="json"), sort_keys=True)
    return {
        "area": settings.area.model_dump(mode="json"),
        "index_sha256": hashlib.sha256(index.encode()).hexdigest(),
        "toolkit": {"name": "needs", "version": __version__, "code_sha256": code_hash()},
        "python": platform.python_version(),
        "packages": _packages(),
        "assessment_file": path.name,
        "assessment_sha256": files.sha256(path),
        "settings": {
            **settings.model_dump(mode="json", exclude={"inputs", "area"}),
            "need": {**settings.need.model_dump(mode="json"), "index": Path(settings.need.index).name},
        },
        "inputs": [
            {
                **i.model_dump(mode="json"),
                **({"sha256": None} if raw[i.id] in protected else _state(raw[i.id], hashes[i.id])),
            }
            for i in settings.inputs
        ],
        "stages": prints,
    }


def _state(path: Path, digest: str) -> dict[str, Any]:
    return {"sha256": digest, "bytes": path.stat().st_size}
