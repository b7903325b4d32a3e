"""Run the stages in order, each remembered by the hash of what went in."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from needs import __version__, assessment, comparing, outputs, report, sanity, stages
from needs.assessment import Assessment
from needs.errors import Faults
from needs.indicators import read_spec
from needs.settings import Paths
from needs.sources import files

# Each stage, and the stages and settings that it reads.
STAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "data": ((), ("area", "inputs", "demand", "need", "travel")),
    "need": (("data",), ()),
    "travel": (("data",), ()),
    "plan": (("data", "need", "travel"), ("plan", "standards")),
    "map": (("data", "need", "travel", "plan"), ()),
}
_PACKAGES = (
    "geopandas",
    "highspy",
    "numba",
    "numpy",
    "osmium",
    "pandas",
    "pymetis",
    "pyproj",
    "scikit-learn",
    "scipy",
    "shapely",
    "folium",
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """What a build left behind.

    Attributes
    ----------
    folder
        The area's tables.
    page
        The area's page, if the build went that far.
    ran
        Stages that had to run; empty where nothing had changed.
    """

    folder: Path
    page: Path | None
    ran: tuple[str, ...]


def build(area: str | Path, *, paths: Paths, until: str = "map", say: Say = lambda _: None) -> Built:
    """Build an area from its raw files to its page.

    Parameters
    ----------
    area
        Name, slug or code of a catalogue area, or the path of an assessment TOML.
    paths
        Folders of raw files, tables and pages.
    until
        The last stage to run.
    say
        Told, line by line, how far it has come.

    Raises
    ------
    NeedsError
        With every fault of the input; nothing is written then.
    """
    work = _Work.of(area, paths)
    slug, name = work.settings.area.slug, work.settings.area.name
    folder, page = paths.processed / slug, paths.maps / f"{slug}.html"
    wanted = list(STAGES)[: list(STAGES).index(until) + 1]
    if _is_done(folder, page, {s: work.prints[s] for s in wanted}):
        say(f"{name}: nothing has changed, nothing to do")
        return Built(folder, page if until == "map" else None, ())
    results, ran = work.run(wanted, _Store(paths.processed / ".stages" / slug), say)
    writers = report.writers(work.settings, results, work.raw)
    _publish(folder, page, writers, work.provenance(wanted), results, paths)
    return Built(folder, page if until == "map" else None, tuple(ran))


def compare(first: str | Path, second: str | Path, *, paths: Paths, say: Say = lambda _: None) -> Path:
    """Make a page that sets the plans of two assessments of one council side by side; nothing else is written.

    Parameters
    ----------
    first, second
        Assessments, as `build` takes them; their file names say which is which.
    paths, say
        As of `build`.

    Raises
    ------
    NeedsError
        With every fault of either; or if they are not of one council.
    """
    works = [_Work.of(area, paths) for area in (first, second)]
    comparing.check(*((w.path, w.settings) for w in works))
    stages_ = [s for s in STAGES if s != "map"]
    kept = [paths.processed / ".stages" / w.place for w in works]
    done = [w.run(stages_, _Store(own, *kept), say)[0] for w, own in zip(works, kept, strict=True)]
    sides = [comparing.Side(w.path, w.settings, w.raw, results) for w, results in zip(works, done, strict=True)]
    page = paths.maps / f"{report.BETWEEN.join(w.path.stem for w in works)}.html"
    outputs.write_file(page, comparing.page(*sides))
    index_page(paths)
    return page


@dataclass(frozen=True)
class _Work:
    """One assessment, its raw files, and the fingerprint of each stage."""

    path: Path
    settings: Assessment
    raw: dict[str, Path]
    hashes: dict[str, str]
    prints: dict[str, str]

    @classmethod
    def of(cls, area: str | Path, paths: Paths) -> _Work:
        path = assessment.find(area)
        settings = assessment.read(path)
        raw = _raw_files(settings, paths.raw)
        hashes = _digests(settings, raw)
        index = read_spec(settings.need.index).model_dump(mode="json")
        return cls(path, settings, raw, hashes, _fingerprints(settings, hashes, index))

    @property
    def place(self) -> str:
        """Where its results are kept: several files may be about one area."""
        slug = self.settings.area.slug
        return slug if self.path.stem == slug else f"{slug}-{self.path.stem}"

    def run(self, wanted: list[str], store: _Store, say: Say) -> tuple[dict[str, Any], list[str]]:
        """Run stages, or take what an earlier run of the same left; say which had to run."""
        results: dict[str, Any] = {}
        ran = []
        for stage in wanted:
            begin = time.perf_counter()
            found = store.load(stage, self.prints[stage])
            if found is None:
                found = _run(stage, self.settings, self.raw, results, self.path, say)
                store.save(stage, self.prints[stage], found)
                ran.append(stage)
            results[stage] = found
            state = f"{time.perf_counter() - begin:5.1f} s" if stage in ran else "unchanged"
            say(f"{self.settings.area.name}: {stage:<6} {state:>9}   {found.summary}")
        return results, ran

    def provenance(self, wanted: list[str]) -> dict[str, Any]:
        """Record what went in."""
        prints = {s: self.prints[s] for s in wanted}
        return _provenance(self.settings, self.path, self.raw, self.hashes, prints)


def check(area: str | Path, *, paths: Paths) -> Iterator[str]:
    """Read and check an area's inputs and measure its travel times, without writing anything; tell what was found.

    Raises
    ------
    NeedsError
        With every fault.
    """
    settings = assessment.read(assessment.find(area))
    return _told(settings, stages.data(settings, _raw_files(settings, paths.raw)))


def _told(settings: Assessment, ground: stages.Data) -> Iterator[str]:
    yield f"no fault found: {ground.summary}"
    times = stages.measure(settings, ground)
    yield times.summary
    yield from (f"note: {note}" for note in (*ground.notes, *times.notes))
    yield "From door to street (metres, straight):"
    for row in ground.snapping.itertuples():
        far = f"middle {row.median_m:.0f}, furthest {row.max_m:.0f}; {row.off_network} of {row.count} off the network"
        yield f"  {row.mode:<11} {row.places}: {far}"
    yield from sanity.look(ground.points, ground.zones, ground.sites, ground.graphs, times.minutes, times.zones).lines()


def index_page(paths: Paths) -> Path:
    """Write the page that lists every built area, from the tables that they left."""
    path = paths.maps / "index.html"
    outputs.write_file(path, report.index(paths.processed, paths.maps))
    return path


def _raw_files(settings: Assessment, raw: Path) -> dict[str, Path]:
    faults = Faults()
    if not raw.is_dir():
        faults.add_missing(
            "raw files", f"there is no folder {raw}", "name the folder of the raw files: RAW=... or --raw"
        )
        faults.raise_if_any()
    found = {i.id: files.resolve(i, raw, faults) for i in settings.inputs}
    faults.raise_if_any()
    return {i: p for i, p in found.items() if p is not None}


def _digests(settings: Assessment, raw: dict[str, Path]) -> dict[str, str]:
    """Tell one state of a raw file from another: its SHA-256, or a keyed digest where its counts are protected.

    Small counts are so few that a plain hash of their file would give them away to whoever tries them all. The key
    stays with the user who builds, apart from all outputs.
    """
    protected = report.protected_files(settings, raw)
    if not protected:
        return {i: files.sha256(p) for i, p in raw.items()}
    key = _key()
    return {
        i: hmac.new(key, p.read_bytes(), "sha256").hexdigest() if p in protected else files.sha256(p)
        for i, p in raw.items()
    }


def _key() -> bytes:
    """Give this user's key, made when it is first asked for."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "needs"
    file = folder / "key"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        outputs.write_file(file, secrets.token_hex(32))
        file.chmod(0o600)
    return file.read_text("utf-8").encode()


def _run(stage: str, settings: Assessment, raw: dict[str, Path], results: dict[str, Any], path: Path, say: Say) -> Any:
    match stage:
        case "data":
            return stages.data(settings, raw)
        case "need":
            return stages.need(settings, results["data"])
        case "travel":
            return stages.measure(settings, results["data"], say=say)
        case "plan":
            return stages.plan(settings, results["data"], results["need"], results["travel"])
        case _:
            return report.page(settings, raw, results, path)


def _fingerprints(settings: Assessment, hashes: dict[str, str], index: dict[str, Any]) -> dict[str, str]:
    """Hash, for each stage, its settings, the stages before it, the raw files, the code and the packages."""
    parts = settings.model_dump(mode="json")
    parts["need"]["index"] = index["index"]["id"]  # its content is in the ground; where it lies does not count
    ground = {
        "inputs": hashes,
        "index": index,
        "code": _code_hash(),
        "packages": _packages(),
        "python": platform.python_version(),
    }
    prints: dict[str, str] = {}
    for stage, (before, names) in STAGES.items():
        content = {"stage": stage, "before": [prints[b] for b in before], "settings": {n: parts[n] for n in names}}
        text = json.dumps({**content, **ground}, sort_keys=True)
        prints[stage] = hashlib.sha256(text.encode()).hexdigest()
    return prints


def _code_hash() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in here.rglob("*") if p.suffix in {".py", ".toml", ".css", ".js", ".html"}):
        digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _packages() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES}


def _is_done(folder: Path, page: Path, prints: dict[str, str]) -> bool:
    """Whether what was published comes from these fingerprints and nobody has touched it since."""
    file = folder / "provenance.json"
    if not file.is_file():
        return False
    record = json.loads(file.read_text("utf-8"))
    if any(record["stages"].get(stage) != print_ for stage, print_ in prints.items()):
        return False
    published = {folder / name: digest for name, digest in record["outputs"].items()}
    if "map" in prints:
        published[page] = record["page_sha256"]
    return all(p.is_file() and files.sha256(p) == digest for p, digest in published.items())


def _provenance(
    settings: Assessment, path: Path, raw: dict[str, Path], hashes: dict[str, str], prints: dict[str, str]
) -> dict[str, Any]:
    protected = report.protected_files(settings, raw)
    index = json.dumps(read_spec(settings.need.index).model_dump(mode="json"), sort_keys=True)
    return {
        "area": settings.area.model_dump(mode="json"),
        "index_sha256": hashlib.sha256(index.encode()).hexdigest(),
        "toolkit": {"name": "needs", "version": __version__, "code_sha256": _code_hash()},
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


def _publish(
    folder: Path,
    page: Path,
    writers: dict[str, Callable[[Path], None]],
    provenance: dict[str, Any],
    results: dict[str, Any],
    paths: Paths,
) -> None:
    """Write the tables, then the page, then the list of pages; the record of what was written goes with the tables."""
    text = results["map"].html if "map" in results else None

    def record(path: Path) -> None:
        here = {name: files.sha256(path.parent / name) for name in writers}
        done = {**provenance, "outputs": here}
        if text is not None:
            done["page_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        path.write_text(outputs.as_json(done), "utf-8", newline="\n")

    outputs.write_folder(folder, {**writers, "provenance.json": record})
    if text is not None:
        outputs.write_file(page, text)
        index_page(paths)


class _Store:
    """Results of stages on disk, by fingerprint; only the latest of each stage is kept."""

    def __init__(self, folder: Path, *beside: Path) -> None:
        self.folder = folder
        self.beside = beside  # where the same may have been found for another file

    def load(self, stage: str, fingerprint: str) -> Any:
        places = (f / f"{stage}-{fingerprint[:32]}.joblib" for f in (self.folder, *self.beside))
        return next((joblib.load(path) for path in places if path.is_file()), None)

    def save(self, stage: str, fingerprint: str, result: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{stage}-{fingerprint[:32]}.joblib"
        part = path.with_suffix(".part")
        joblib.dump(result, part, compress=1)
        part.replace(path)
        for other in self.folder.glob(f"{stage}-*.joblib"):
            if other != path:
                other.unlink()
