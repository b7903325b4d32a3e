"""Run the stages of one assessment, each taken from an earlier run where the same went in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from needs import report, stages, stopping
from needs.alone import alone
from needs.assessment import Assessment
from needs.indicators import read_spec
from needs.pipeline.records import digests, fingerprints, provenance
from needs.pipeline.store import Store
from needs.preparing import Ready

Say = Callable[[str], None]


@contextmanager
def alone_with_store(folder: Path, *beside: Path, say: Say) -> Iterator[Store]:
    """Work on results of stages, and let nobody else do so meanwhile."""
    with alone(folder, "builds in", say):
        yield Store(folder, *beside, say=say)


@dataclass(frozen=True)
class Work:
    """One assessment, its raw files, and the fingerprint of each stage."""

    path: Path
    settings: Assessment
    raw: dict[str, Path]
    hashes: dict[str, str]
    prints: dict[str, str]

    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, ready: Ready) -> Work:
        """Take an assessment whose raw files are there."""
        settings, raw = ready.settings, ready.raw
        hashes = digests(settings, raw)
        index = read_spec(settings.need.index).model_dump(mode="json")
        return cls(ready.path, settings, raw, hashes, fingerprints(settings, hashes, index), ready.notes)

    @property
    def place(self) -> str:
        """Where its results are kept: several files may be about one area."""
        slug = self.settings.area.slug
        return slug if self.path.stem == slug else f"{slug}-{self.path.stem}"

    def run(self, wanted: list[str], store: Store, say: Say) -> tuple[dict[str, Any], list[str]]:
        """Run stages, or take what an earlier run of the same left; say which had to run."""
        results: dict[str, Any] = {}
        ran = []
        for stage in wanted:
            begin = time.perf_counter()
            found = store.load(stage, self.prints[stage])
            if found is None:
                with stopping.whole():
                    found = self._stage(stage, results, say)
                store.save(stage, self.prints[stage], found)
                ran.append(stage)
            results[stage] = found
            took_s = time.perf_counter() - begin
            if stage in ran:
                proof = {"solver_s": found.proof["seconds"]} if stage == "plan" else {}
                store.note(stage, self.prints[stage], seconds=took_s, **proof)
            state = f"{took_s:5.1f} s" if stage in ran else "unchanged"
            say(f"{self.settings.area.name}: {stage:<6} {state:>9}   {found.summary}")
        return results, ran

    def _stage(self, stage: str, results: dict[str, Any], say: Say) -> Any:
        match stage:
            case "data":
                ground = stages.data(self.settings, self.raw)
                return replace(ground, notes=[*self.notes, *ground.notes])
            case "need":
                return stages.need(self.settings, results["data"])
            case "travel":
                return stages.measure(self.settings, results["data"], say=say)
            case "plan":
                return stages.plan(self.settings, results["data"], results["need"], results["travel"])
            case _:
                return report.page(
                    self.settings,
                    results,
                    sources=report.sources(self.settings, self.raw),
                    command=report.command(self.settings, self.path),
                    background=report.background(report.streets_of(self.settings, self.raw), results["plan"].zones),
                )

    def provenance(self, wanted: list[str]) -> dict[str, Any]:
        """Record what went in."""
        prints = {s: self.prints[s] for s in wanted}
        return provenance(self.settings, self.path, self.raw, self.hashes, prints)
