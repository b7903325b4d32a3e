"""Look after an area's raw files and settings before anything is built: fetch, bundle, draft, check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from needs import connectors, councils, drafting, oddities, outputs, preparing, sanity, stages
from needs.assessment import Assessment
from needs.connectors import Client
from needs.drafting import Today
from needs.errors import SettingsError, SourceError, fail
from needs.settings import Paths

Say = Callable[[str], None]


def fetch(
    area: str | Path, *, raw: Path, client: Client | None, update: bool = False, say: Say = lambda _: None
) -> bool:
    """Fetch an area's raw files and list them; whether all are there.

    Parameters
    ----------
    area, client, say
        As of `build`.
    raw
        Folder of the raw files.
    update
        Whether to fetch what the publishers have changed; what was there before is kept, and an assessment that reads
        it is written, so that the two can be compared.

    Raises
    ------
    SourceError
        With everything that could not be had.
    """
    with preparing.settled(area, raw, say) as (path, settings, _):
        if client is not None and update:
            changes = []
            try:
                with closing(connectors.update(settings, raw, client, say=say)) as found:
                    for change in found:
                        changes.append(change)
                        for line in change.told:
                            say(f"  {line}")
            finally:  # what has changed is told, be it that another service fails or that someone is in a hurry
                if changes:
                    before = connectors.assessment_before(path, settings, changes, raw)
                    say(f'what that does to the plan: needs compare "{before}" "{area}" --raw "{raw}"')
        if client is not None:
            connectors.provide(settings, raw, client, say=say)
            connectors.describe_by_hand(settings, raw)
        for line in preparing.listing(settings, raw):
            say(line)
        return all(i.optional or preparing.unusable(i, settings, raw) is None for i in settings.inputs)


def bundle(area: str | Path, *, raw: Path, file: Path) -> list[connectors.Packed]:
    """Pack an area's raw files, their twins and its own assessment file; tables under disclosure control stay here.

    Raises
    ------
    SourceError
        If a file is missing.
    InputError
        If one is not what its twin says, or lies outside the folder.
    """
    with preparing.settled(area, raw) as (path, settings, _):
        secret = {raw / i.path for i in settings.inputs if i.disclosure}
        wanted = {raw / i.path for i in settings.inputs if not i.optional or (raw / i.path).is_file()} - secret
        own = {path} if path.resolve().is_relative_to(raw.resolve()) else set()
        return connectors.pack(raw, wanted | own, file, area=settings.area.name)


def draft(area: str, *, to: Path | None, paths: Paths, client: Client | None, say: Say = lambda _: None) -> Path:
    """Write a council's assessment file, with what it has today counted where its raw files are there or can be had.

    Raises
    ------
    SettingsError
        If there is no such council, or the file is there already.
    """
    council = councils.resolve(area)
    path = to or Path(f"{council.slug}.toml")
    if path.exists():
        fail(SettingsError, str(path), "is there already", "give another path with --to, or move it away")
    today = None
    try:
        with preparing.prepared(area, paths.raw, client, say) as ready:
            today = today_of(stages.data(ready.settings, ready.raw))
    except SourceError as error:
        say(f"{council.name}: what it has today is not counted, since {len(error.faults)} raw files are missing")
    outputs.write_file(path, drafting.draft(council, today))
    return path


def check(area: str | Path, *, paths: Paths) -> Iterator[str]:
    """Read and check an area's inputs and measure its travel times, without writing anything; tell what was found.

    Raises
    ------
    NeedsError
        With every fault.
    """
    with preparing.settled(area, paths.raw) as (_, settings, _council):
        yield from preparing.listing(settings, paths.raw)
    with preparing.prepared(area, paths.raw, None) as ready:
        yield from (f"note: {note}" for note in ready.notes)
        yield from _told(ready.settings, stages.data(ready.settings, ready.raw))


def _told(settings: Assessment, ground: stages.Data) -> Iterator[str]:
    yield f"no fault found: {ground.summary}"
    yield from (f"odd: {line}" for line in oddities.look(ground.zones, ground.sites))
    times = stages.measure(settings, ground)
    yield times.summary
    yield from (f"note: {note}" for note in (*ground.notes, *times.notes))
    yield "From door to street (metres, straight):"
    for row in ground.snapping.itertuples():
        far = f"middle {row.median_m:.0f}, furthest {row.max_m:.0f}; {row.off_network} of {row.count} off the network"
        yield f"  {row.mode:<11} {row.places}: {far}"
    looked = sanity.look(ground.points, ground.zones, ground.sites, ground.networks, times.minutes, times.zones)
    yield from looked.lines()


def today_of(ground: stages.Data) -> Today:
    """Count what a council has today."""
    offers = ground.sites.loc[ground.sites["ours"], "today"]
    return Today(len(ground.zones), int((offers == "hub").sum()), int((offers == "outreach").sum()))
