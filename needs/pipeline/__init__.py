"""Run the stages in order, each remembered by the hash of what went in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from needs import comparing, outputs, preparing, report
from needs.alone import alone, worked_in
from needs.connectors import Client
from needs.pipeline.england import england as england
from needs.pipeline.index import index_page as index_page
from needs.pipeline.raw import bundle as bundle
from needs.pipeline.raw import check as check
from needs.pipeline.raw import draft as draft
from needs.pipeline.raw import fetch as fetch
from needs.pipeline.raw import today_of
from needs.pipeline.records import STAGES, is_done
from needs.pipeline.work import Work, alone_with_store
from needs.settings import Paths
from needs.sources import files

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


def build(
    area: str | Path,
    *,
    paths: Paths,
    until: str = "map",
    client: Client | None = None,
    say: Say = lambda _: None,
) -> Built:
    """Build an area from its raw files to its page; of two programs that build it at once, one waits for the other.

    Parameters
    ----------
    area
        Name or code of an English council, of several ("Rutland + Melton"), or the path of an assessment TOML.
    paths
        Folders of raw files, tables and pages.
    until
        The last stage to run.
    client
        Who fetches the raw files that are missing; None to do without a network.
    say
        Told, line by line, how far it has come.

    Raises
    ------
    NeedsError
        With every fault of the input; nothing is written then.
    KeyboardInterrupt
        If it is interrupted; stages that were finished are kept, and the next build goes on from there.
    """
    preparing.check_no_nation(area, paths.raw)
    with _working(area, paths, client, say) as work:
        slug, name = work.settings.area.slug, work.settings.area.name
        folder, page = paths.processed / slug, paths.maps / f"{slug}.html"
        wanted = list(STAGES)[: list(STAGES).index(until) + 1]
        kept = paths.processed / ".stages" / slug
        prints = {s: work.prints[s] for s in wanted}
        ran: list[str] | None = None
        if worked_in(kept) or outputs.untidy(folder, page) or not is_done(folder, page, prints):
            with alone_with_store(kept, say=say) as store:
                outputs.tidy(folder, page)
                if not is_done(folder, page, prints):
                    results, ran = work.run(wanted, store, say)
                    writers = report.writers(work.settings, results, work.raw)
                    _publish(folder, page, writers, work.provenance(wanted), results)
        if ran is None:
            say(f"{name}: nothing has changed, nothing to do")
        if until == "map":
            index_page(paths)
        return Built(folder, page if until == "map" else None, tuple(ran or ()))


@contextmanager
def _working(area: str | Path, paths: Paths, client: Client | None, say: Say) -> Iterator[Work]:
    """Prepare an area. A council without a file of its own gets one, once it is known what it has today."""
    with preparing.prepared(area, paths.raw, client, say) as ready:
        work = Work.of(ready)
        if ready.council is None:
            yield work
            return
        with alone_with_store(paths.processed / ".stages" / work.settings.area.slug, say=say) as store:
            ground = work.run(["data"], store, say)[0]["data"]
            kept = preparing.keep(ready, paths.raw, today_of(ground))
        say(f"{ready.council.name}: its settings are in {kept}; change them there")
    with preparing.prepared(kept, paths.raw, None) as ready:
        yield Work.of(ready)


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
    with ExitStack() as stack:
        works = [stack.enter_context(_working(area, paths, None, say)) for area in (first, second)]
        comparing.check(*((w.path, w.settings) for w in works))
        stages_ = [s for s in STAGES if s != "map"]
        kept = [paths.processed / ".stages" / w.place for w in works]
        done = []
        for work, own in zip(works, kept, strict=True):
            with alone_with_store(own, *kept, say=say) as store:
                done.append(work.run(stages_, store, say)[0])
        sides = [comparing.Side(w.path, w.settings, w.raw, results) for w, results in zip(works, done, strict=True)]
        page = paths.maps / f"{report.BETWEEN.join(w.path.stem for w in works)}.html"
        text = comparing.page(*sides)
    with alone(paths.maps, "writes pages in"):
        outputs.tidy(page)
        outputs.write_file(page, text)
    index_page(paths)
    return page


def _publish(
    folder: Path,
    page: Path,
    writers: dict[str, Callable[[Path], None]],
    provenance: dict[str, Any],
    results: dict[str, Any],
) -> None:
    """Write tables and page beside the old ones, then put both in their places, as near to one move as there is.

    The record of what was written goes with the tables, and names the page by its hash: whoever finds the one new and
    the other old can tell.
    """
    text = results["map"].html.encode() if "map" in results else None

    def record(path: Path) -> None:
        here = {name: files.sha256(path.parent / name) for name in writers}
        done = {**provenance, "outputs": here}
        if text is not None:
            done["page_sha256"] = hashlib.sha256(text).hexdigest()
        path.write_text(outputs.as_json(done), "utf-8", newline="\n")

    with ExitStack() as stack:
        moves = [stack.enter_context(outputs.folder_to_be(folder, {**writers, "provenance.json": record}))]
        if text is not None:
            moves.append(stack.enter_context(outputs.file_to_be(page, text)))
        for move in moves:
            move()
