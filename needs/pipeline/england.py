"""Build all of England: its tables once, every council as a task, what follows from all of them, and the pages."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from needs import assessment, outputs, preparing, report, stopping
from needs.connectors import Client
from needs.councils import Entry, resolve, upper_tier
from needs.errors import NeedsError, SettingsError, fail
from needs.nation import tasks
from needs.nation.choosing import Chosen, Question, choose
from needs.nation.cutting import Nation, Streets, cut
from needs.nation.each import Does, Refused, Runner, Task
from needs.nation.overview import overview
from needs.nation.reach import Reach
from needs.nation.tables import National, by_file, gathered, joined
from needs.nation.tasks import Planned
from needs.pipeline.index import index_page
from needs.pipeline.records import is_done
from needs.pipeline.store import Store
from needs.pipeline.work import Work, alone_with_store
from needs.preparing import Ready
from needs.settings import Paths
from needs.sources import files
from needs.webmap.overview import render_overview

Say = Callable[[str], None]
INDEX = "index.html"
STEPS = ("reach", "choice", "pages")  # what each council has and could have; the national choice; plans and pages


@dataclass(frozen=True)
class BuiltNation:
    """What a build of England left behind.

    Attributes
    ----------
    folder
        The national tables.
    page
        The overview; beside it the councils' pages.
    pages
        How many councils have one.
    ran
        How many tasks had to run.
    missing
        How many things are not known, or did not work, of councils (missing.csv).
    """

    folder: Path
    page: Path
    pages: int
    ran: int
    missing: int


def england(
    area: str | Path,
    *,
    paths: Paths,
    runner: Runner,
    question: Question | None = None,
    until: str = "pages",
    client: Client | None = None,
    say: Say = lambda _: None,
) -> BuiltNation:
    """Build England from raw files to an overview and a page per council.

    Parameters
    ----------
    area
        "England", or the path of an assessment TOML of many councils.
    paths
        Folders of raw files, tables and pages.
    runner
        Who does the councils' tasks.
    question
        What is asked of all councils together.
    until
        "reach": needs, minutes and cover today; "choice": also hubs needed and the national choice; "pages": also every
        council's plan and page.
    client
        Who fetches raw files that are missing.
    say
        Told, line by line, how far it has come.

    Raises
    ------
    NeedsError
        With every fault of the input; nothing is written then. A fault of one council alone is told in missing.csv.
    KeyboardInterrupt
        If it is interrupted; what was finished is kept, and the next build goes on from there.
    """
    with preparing.prepared(area, paths.raw, client, say) as ready:
        build = _Build.of(ready, paths, question or Question(), until)
        with alone_with_store(build.kept, say=say) as store:
            outputs.tidy(build.folder, build.pages)
            if build.is_done():
                say(f"{build.name}: nothing has changed, nothing to do")
                built = build.built(0)
            else:
                built = build.run(runner, store, say)
        index_page(paths)
        return built


@dataclass(frozen=True)
class _Build:
    """A build of England: what goes in, and where results lie."""

    ready: Ready
    work: Work
    paths: Paths
    question: Question
    until: str
    streets: dict[str, Streets]

    @classmethod
    def of(cls, ready: Ready, paths: Paths, question: Question, until: str) -> _Build:
        if until not in STEPS:
            fail(SettingsError, "--until", f"{until!r} is no step", f"use one of {', '.join(STEPS)}")
        return cls(ready, Work.of(ready), paths, question, until, _streets(paths.raw))

    @property
    def name(self) -> str:
        return self.work.settings.area.name

    @property
    def slug(self) -> str:
        return self.work.settings.area.slug

    @property
    def kept(self) -> Path:
        return self.paths.processed / ".stages" / self.slug

    @property
    def folder(self) -> Path:
        return self.paths.processed / self.slug

    @property
    def pages(self) -> Path:
        return self.paths.maps / self.slug

    def prints(self) -> dict[str, str]:
        """Fingerprint what was published: of the inputs, and of the question."""
        asked = json.dumps([vars(self.question), self.until, sorted(self._street_hashes().items())])
        text = self.work.prints["map"] + asked
        return {"england": hashlib.sha256(text.encode()).hexdigest(), "map": self.work.prints["map"]}

    def _street_hashes(self) -> dict[str, str]:
        return {code: f"{own.source['sha256']} {own.warning}" for code, own in self.streets.items()}

    def is_done(self) -> bool:
        """Whether what was published comes from the same, and nobody has touched it since."""
        return is_done(self.folder, self.pages / INDEX, self.prints())

    def built(self, ran: int) -> BuiltNation:
        pages = sorted(p for p in self.pages.glob("*.html") if p.name != INDEX)
        missing = len(pd.read_csv(self.folder / "missing.csv"))
        return BuiltNation(self.folder, self.pages / INDEX, len(pages), ran, missing)

    def run(self, runner: Runner, store: Store, say: Say) -> BuiltNation:
        """Do all that has not been done."""
        results, _ = self.work.run(["data"], store, say)
        nation = self._nation(results["data"], store, say)
        council = _Councils(self, nation, runner, say)
        parts = [Task(e.code, partial(cut, nation, e, self.streets.get(e.code))) for e in nation.councils]
        reached = council.each("reach", tasks.reach, parts)
        reach = joined(reached)
        say(f"{self.name}: {len(reach.families):,} groups of families, {len(reach.sites):,} buildings for hubs")
        chosen = None if self.until == "reach" else self._chosen(reach, council, store, say)
        planned: Mapping[str, Planned | Refused] = {}
        if self.until == "pages":
            read = report.sources(self.work.settings, self.work.raw)
            work = partial(tasks.plan, sources=read, command=self.command)
            planned = council.each("plan", work, parts)
        found = gathered(nation.councils, reached, planned, None if chosen is None else chosen.needed)
        self._publish(nation, found, chosen, council)
        return self.built(council.ran)

    @property
    def command(self) -> str:
        return "needs england --raw <folder of the raw files>"

    def _nation(self, ground: Any, store: Store, say: Say) -> Nation:
        """Fit the index and draw ranks, or take what an earlier run left."""
        begin = time.perf_counter()
        found: Nation | None = store.load("nation", self.work.prints["need"])
        if found is None:
            with stopping.whole():
                found = Nation.of(self.work.settings, ground)
            store.save("nation", self.work.prints["need"], found)
        say(f"{self.name}: need   {time.perf_counter() - begin:5.1f} s   {len(found.councils)} councils")
        return found

    def _chosen(self, reach: Reach, council: _Councils, store: Store, say: Say) -> Chosen:
        """Make the national choice, or take what an earlier run left."""
        begin = time.perf_counter()
        asked = f"{self.prints()['england']} {reach.councils}"  # without those that were refused
        mark = hashlib.sha256(asked.encode()).hexdigest()
        chosen: Chosen | None = store.load("choice", mark)
        if chosen is None:
            with stopping.whole():
                chosen = choose(reach, self.question, for_each=council.every)
            store.save("choice", mark, chosen)
        say(f"{self.name}: choice {time.perf_counter() - begin:5.1f} s   {chosen.allocation.sentences()[1]}")
        return chosen

    def _publish(
        self,
        nation: Nation,
        found: National,
        chosen: Chosen | None,
        council: _Councils,
    ) -> None:
        """Write tables, pages and the overview, each whole; the record of what was written goes with the tables."""
        settings, raw = self.work.settings, self.work.raw
        estimated = bool((found.zones["travel"] != tasks.STREETS).any())
        warning = report.caution(settings, nation.ground)
        mine = {entry.code for entry in nation.councils}
        read = [*report.sources(settings, raw), *(own.source for code, own in self.streets.items() if code in mine)]
        origin = outputs.Origin(self.name, self.slug, ["E92000001"], settings.area.synthetic, read, warning=warning)
        pages = {e.code: f"{_slug(e)}.html" for e in nation.councils if e.code in council.planned}
        page = render_overview(
            overview(
                settings, nation.ground.zones[["lsoa21cd", "geometry"]], found, chosen,
                estimated=estimated, warning=settings.area.warning, sources=read, command=self.command,
                pages={Path(p).stem for p in pages.values()},
            )
        ).encode()  # fmt: skip
        made = {name: outputs.csv_writer(table) for name, table in by_file(found, chosen).items()}
        writers = outputs.documented(made, origin)

        def record(path: Path) -> None:
            here = {name: files.sha256(path.parent / name) for name in writers}
            done = self.work.provenance(["data", "need", "map"])
            done["stages"] |= self.prints()
            if council.refused:
                done["stages"]["england"] = (
                    f"refused: {', '.join(sorted(set(council.refused)))}"  # asked anew next time
                )
            done["outputs"] = here
            done["page_sha256"] = hashlib.sha256(page).hexdigest()
            done["question"] = vars(self.question) | {"until": self.until}
            path.write_text(outputs.as_json(done), "utf-8", newline="\n")

        html = {name: partial(council.write_page, code) for code, name in pages.items()}
        with ExitStack() as stack:
            moves = [
                stack.enter_context(outputs.folder_to_be(self.folder, {**writers, "provenance.json": record})),
                stack.enter_context(
                    outputs.folder_to_be(self.pages, {**html, INDEX: lambda path: _written(path, page)})
                ),
            ]
            for move in moves:
                move()


class _Councils:
    """The councils' tasks of one build, each result remembered by what went into the nation and into it."""

    def __init__(self, build: _Build, nation: Nation, runner: Runner, say: Say) -> None:
        self.build, self.runner, self.say = build, runner, say
        self.ran = 0
        self.refused: list[str] = []
        self.planned: dict[str, str] = {}  # fingerprints of plans, by code
        self._councils = {entry.code: entry for entry in nation.councils}
        self._streets = build._street_hashes()
        zones = nation.ground.zones["lad24cd"].value_counts()
        self._zones = {e.code: int(zones.reindex(e.districts).sum()) for e in nation.councils}

    def each(self, step: str, work: Does, tasks: Sequence[Task]) -> dict[str, Any]:
        """Do a step for every council whose result is not there; give all results, by code, in the order of tasks.

        Pages stay on the disk.
        """
        results: dict[str, Any] = {}
        begin = time.perf_counter()
        marks = {task.council: self._print(step, task) for task in tasks}
        todo = []
        for task in tasks:
            code = task.council
            found = self._store(code).load(step, marks[code])
            if found is None:
                todo.append(task)
            else:
                results[code] = self._light(code, marks[code], found)
        todo.sort(key=lambda task: -self._zones[task.council])  # so that nobody waits for a large one at the end
        for code, found in self.runner.each(work, iter(todo)):
            if isinstance(found, Refused):
                self.refused.append(code)  # not kept: with more memory, say, it may come to its end
            else:
                self._store(code).save(step, marks[code], found)
            results[code] = self._light(code, marks[code], found)
            self.ran += 1
            told = f"{found.faults[0]}" if isinstance(found, Refused) else ""
            count = f"{len(results):>3} of {len(tasks)}"
            self.say(f"{self.build.name}: {step:<6} {count}   {self._councils[code].name}   {told}".rstrip())
        state = f"{time.perf_counter() - begin:5.1f} s, {self.runner.told}" if todo else "unchanged"
        self.say(f"{self.build.name}: {step:<6} {state}")
        return {task.council: results[task.council] for task in tasks}

    def every(self, step: str, work: Does, tasks: Sequence[Task], /) -> dict[str, Any]:
        """Do a step of which no council may be wanting.

        Raises
        ------
        NeedsError
            With what kept councils from it.
        """
        results = self.each(step, work, tasks)
        refused = [fault for found in results.values() if isinstance(found, Refused) for fault in found.faults]
        if refused:
            raise NeedsError(refused)
        return results

    def write_page(self, code: str, path: Path) -> None:
        """Write a council's page from what is kept."""
        _written(path, self._store(code).load("plan", self.planned[code]).page.encode())

    def _light(self, code: str, mark: str, found: Any) -> Any:
        if not isinstance(found, Planned):
            return found
        self.planned[code] = mark
        return replace(found, page="")

    def _store(self, code: str) -> Store:
        return Store(self.build.kept / _slug(self._councils[code]), say=self.say)

    def _print(self, step: str, task: Task) -> str:
        text = f"{self.build.work.prints['plan']} {step} {task.council} {self._streets.get(task.council)} {task.asked}"
        return hashlib.sha256(text.encode()).hexdigest()


def _slug(entry: Entry) -> str:
    return resolve(entry.code).slug


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _streets(raw: Path) -> dict[str, Streets]:
    """Find the streets that councils of the upper tier have of their own: those of an assessment of all of it."""
    found = {}
    for entry in upper_tier():
        path = preparing.find(entry.code, raw)
        if not isinstance(path, Path):
            continue
        try:
            settings = assessment.read(path)
        except NeedsError:
            continue  # its own build says what is wrong with it
        if set(settings.area.codes) != set(resolve(entry.code).codes):
            continue
        for given in (i for i in settings.of("streets") if (raw / i.path).is_file()):
            only = settings.model_copy(update={"inputs": [given]})
            [source] = report.sources(only, {given.id: raw / given.path})
            found[entry.code] = Streets(raw / given.path, source, settings.area.warning)
    return found
