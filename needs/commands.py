"""The commands: what can be asked of the toolkit from a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from needs import assessment, connectors, councils, demo, pipeline, preparing, scenarios
from needs.errors import Fault, InputError, SettingsError, SourceError, fail
from needs.nation import choosing, running
from needs.settings import Paths

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
_out = Console(soft_wrap=True, highlight=False, markup=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


Stage = Literal["data", "need", "travel", "plan", "map"]
Step = Literal["reach", "choice", "pages"]
Share = Literal["weight", "zones", "children"]
Area = Annotated[
    str, typer.Argument(help="Name or code of a council, of several (Rutland + Melton), or the path of a TOML file")
]
Offline = Annotated[bool, typer.Option("--offline", help="Download nothing")]
Raw = Annotated[Path | None, typer.Option(help="Folder of the raw files; where it is given, nothing is downloaded")]
Processed = Annotated[Path, typer.Option(help="Folder for tables")]
Maps = Annotated[Path, typer.Option(help="Folder for pages")]

_DEFAULT = Paths()


@app.command()
def build(
    area: Area,
    raw: Raw = None,
    processed: Processed = _DEFAULT.processed,
    maps: Maps = _DEFAULT.maps,
    until: Annotated[Stage, typer.Option(help="Last stage to run")] = "map",
    offline: Offline = False,
) -> None:
    """Build an area: raw files, tables, plan and page."""
    paths = Paths(raw or _DEFAULT.raw, processed, maps)
    with _client(online=raw is None and not offline) as client:
        built = pipeline.build(area, paths=paths, until=until, client=client, say=_out.print)
    _out.print(f"tables: {built.folder}")
    if built.page:
        _out.print(f"page:   {built.page}")


@app.command()
def england(
    settings: Annotated[
        str, typer.Option(help="An assessment TOML of many councils, in place of all of England")
    ] = "England",
    new_hubs: Annotated[
        int | None, typer.Option(min=0, help="New hubs for the nation; up to 1,000 in all by default")
    ] = None,
    share: Annotated[Share, typer.Option(help="How councils share them who choose for themselves")] = "weight",
    first: Annotated[int, typer.Option(min=0, help="How many councils come first")] = 10,
    first_hubs: Annotated[int | None, typer.Option(min=0, help="New hubs that these have together")] = None,
    first_rural: Annotated[int, typer.Option(min=0, help="How many of these are mainly rural, at least")] = 0,
    until: Annotated[
        Step, typer.Option(help="Last step: what is reached today; the national choice; plans and pages")
    ] = "pages",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes on this machine; 0: one after the other in this one")
    ] = None,
    memory_gb: Annotated[float, typer.Option(min=0.5, help="Memory of each of these processes")] = running.WORKER_GB,
    raw: Raw = None,
    processed: Processed = _DEFAULT.processed,
    maps: Maps = _DEFAULT.maps,
    offline: Offline = False,
) -> None:
    """Build all of England: every council, hubs needed, the national choice, an overview and a page per council."""
    question = choosing.Question(new_hubs, share, first, first_hubs, first_rural)
    paths = Paths(raw or _DEFAULT.raw, processed, maps)
    with (
        _client(online=raw is None and not offline) as client,
        running.runner(scheduler=scheduler, workers=workers, memory_gb=memory_gb) as runner,
    ):
        built = pipeline.england(
            settings, paths=paths, runner=runner, question=question, until=until, client=client, say=_out.print
        )
    _out.print(f"tables: {built.folder}")
    if built.missing:
        _out.print(f"{built.missing} things are not known, or did not work, of councils: missing.csv lists them")
    _out.print(f"page:   {built.page} ({built.pages} councils have one beside it)")


@contextmanager
def _client(*, online: bool) -> Iterator[connectors.Client | None]:
    """Ask publishers, with a bar for each download where someone watches."""
    if not online:
        yield None
        return
    with Progress(
        TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), console=_err, transient=True
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name[:40], total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield connectors.Client(say=_err.print, progress=progress)


@app.command()
def init(
    area: Area,
    to: Annotated[Path | None, typer.Option(help="Where to write it; <council>.toml by default")] = None,
    raw: Raw = None,
    offline: Offline = False,
) -> None:
    """Write a council's assessment file with every setting, its default and what it means."""
    with _client(online=raw is None and not offline) as client:
        path = pipeline.draft(area, to=to, paths=Paths(raw=raw or _DEFAULT.raw), client=client, say=_out.print)
    _out.print(f"written: {path}")


@app.command(name="demo")
def build_demo(raw: Raw = None, processed: Processed = _DEFAULT.processed, maps: Maps = _DEFAULT.maps) -> None:
    """Build two synthetic councils, rural and urban, offline."""
    folder = (raw or _DEFAULT.raw) / "demo"
    _out.print(f"Writing the raw files of two synthetic councils to {folder} ...")
    paths = Paths(folder, processed, maps)
    pages = [pipeline.build(file, paths=paths, say=_out.print).page for file in demo.write(folder)]
    _out.print("\nOpen in a browser (no network needed):")
    for page in (*pages, paths.maps / "index.html"):
        _out.print(f"  {page}")


@app.command()
def areas(
    text: Annotated[str, typer.Argument(help="Begin of a word of a name, or of a code; of today or since 2009")] = "",
) -> None:
    """List England's councils, or those that a name or code finds, and what former ones became."""
    written = {tuple(sorted(assessment.read(path).area.codes)) for path in assessment.known_areas().values()}
    for entry in councils.search(text) if text else councils.councils():
        tier = entry.county or ("county" if entry.is_county else "unitary")
        known = entry.note or ", ".join(councils.regions_of(entry.districts).values())
        if entry.districts in written and not entry.note:
            known += ", with an assessment in the catalogue"
        _out.print(f"{entry.code}  {entry.name:<35} {tier:<16} {known}")


@app.command()
def data(
    area: Annotated[str | None, typer.Argument(help="As of build; not needed with --from")] = None,
    raw: Annotated[Path, typer.Option(help="Folder of the raw files")] = _DEFAULT.raw,
    bundle: Annotated[Path | None, typer.Option(help="Pack the raw files for a machine without a network")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Unpack such a bundle")] = None,
    update: Annotated[bool, typer.Option("--update", help="Fetch what the publishers have changed since")] = False,
    offline: Offline = False,
) -> None:
    """Fetch an area's raw files, and list them: which file, from whom, and whether it is there."""
    if update and offline:
        what = "--update asks the publishers, and --offline forbids it"
        fail(SettingsError, "needs data", what, "leave one of them out")
    if from_ is not None:
        for entry in connectors.unpack(from_, raw):
            _out.print(f"{entry.sha256[:12]}  {raw / entry.path}")
    if area is None:
        if from_ is None:
            fail(SettingsError, "needs data", "which area is not said", "name it: needs data Rutland")
        return
    with _client(online=not offline) as client:
        whole = pipeline.fetch(area, raw=raw, client=client, update=update, say=_out.print)
    if bundle is not None:
        packed = pipeline.bundle(area, raw=raw, file=bundle)
        _out.print(f"bundle: {bundle} ({len(packed)} files)")
    if not whole:
        fail(SourceError, area, "files are missing (see above)", "fetch them, or put them there by hand")


@app.command()
def sources(
    raw: Annotated[Path, typer.Option(help="Folder of the raw files")] = _DEFAULT.raw,
    check: Annotated[bool, typer.Option("--check", help="Hold what is on disk against its twins")] = False,
    live_check: Annotated[bool, typer.Option("--live-check", help="Ask each service for a little")] = False,
) -> None:
    """List where raw files come from; check what is on disk, or the services themselves."""
    if not check and not live_check:
        for name, source in connectors.sources().items():
            _out.print(f"{name}: {source.title}")
            _out.print(f"  {source.publisher}, {source.date}, {source.licence}; {source.rhythm}; for {source.purpose}")
            for url in source.urls or [f"by hand from {source.page}"]:
                _out.print(f"  {url}")
            _out.print(f"  known: {source.proof}")
        return
    found = list(connectors.on_disk(raw)) if check else []
    if live_check:
        with _client(online=True) as client:
            assert client is not None  # noqa: S101
            for finding in connectors.live(client, raw):
                found.append(finding)
    for finding in found:
        _out.print(str(finding))
    wrong = [f for f in found if not f.well]
    if wrong:
        kind = SourceError if live_check else InputError
        raise kind([Fault(f.name, f.what, "see `needs sources` for where it comes from") for f in wrong])


@app.command()
def check(area: Area, raw: Raw = None) -> None:
    """Check an area's inputs and its travel times, and write nothing."""
    for line in pipeline.check(area, paths=Paths(raw=raw or _DEFAULT.raw)):
        _out.print(line)


@app.command()
def compare(
    first: Area,
    second: Area,
    raw: Raw = None,
    processed: Processed = _DEFAULT.processed,
    maps: Maps = _DEFAULT.maps,
) -> None:
    """Set the plans of two assessments of one council side by side on a page."""
    page = pipeline.compare(first, second, paths=Paths(raw or _DEFAULT.raw, processed, maps), say=_out.print)
    _out.print(f"page:   {page}")


@app.command()
def explain(area: Area, code: str, processed: Processed = _DEFAULT.processed) -> None:
    """Explain a zone (by LSOA code or name) or a site (by its identifier or name) of a built area."""
    folder = processed / preparing.built(area, processed, _DEFAULT.raw)
    if not (folder / "plan.json").is_file():
        fail(SourceError, str(folder), "holds no plan", "build the area first")
    zones = pd.read_csv(folder / "zones.csv").set_index("lsoa21cd")
    sites = pd.read_csv(folder / "sites.csv").set_index("site_id")
    code = _code_of(code, zones["zone_name"], sites["name"])
    if code in zones.index:
        parts = pd.read_csv(folder / "contributions.csv").query("lsoa21cd == @code")
        _explain_zone(zones.loc[[code]].iloc[0], parts, scenarios.with_hub(sites))
    elif code in sites.index:
        _explain_site(sites.loc[[code]].iloc[0])
    else:
        fail(SettingsError, code, f"is neither a zone nor a site of {folder.name}", "see zones.csv and sites.csv")


def _code_of(wanted: str, *names: pd.Series[str]) -> str:
    """Find the code of a zone or site by its name, whatever its case; what is no one's name stays as it is."""
    found = [str(code) for table in names for code, name in table.items() if str(name).casefold() == wanted.casefold()]
    return found[0] if len(found) == 1 else wanted


def _explain_zone(zone: pd.Series[Any], contributions: pd.DataFrame, hubs: set[str]) -> None:
    rank = f"rank {zone['need_rank_england']:,.0f} in England (1 = highest need)"
    _out.print(f"{zone['zone_name']}: need {zone['need_score']:.1f}, {rank}")
    if "need_rank_low" in zone:
        sure = f"{zone['need_rank_low']:,.0f} to {zone['need_rank_high']:,.0f}"
        _out.print(f"  9 in 10 draws of weights, methods and chance: rank {sure}")
    _out.print("Points of the score:")
    for row in contributions.sort_values("contribution", ascending=False).to_dict("records"):
        _out.print(f"  {row['contribution']:6.2f}  {row['label']} (weight {row['weight']:.0%})")
    _out.print(f"Families counted: {zone['demand']:.1f}; reached by a hub, by outreach, by the online offer alone:")
    for scenario, label in (("today", "today"), ("plan", "with the plan")):
        reached = ", ".join(f"{zone[f'{way}_{scenario}']:.1f}" for way in ("hub", "outreach", "virtual"))
        times = {str(c).split("_")[1]: v for c, v in zone.items() if str(c).endswith(f"_min_{scenario}")}
        words = ", ".join(f"{m} {'beyond the limit' if pd.isna(v) else f'{v:.0f}'}" for m, v in times.items())
        words = words if scenario in hubs else scenarios.NO_HUB
        _out.print(f"  {label}: {reached}; minutes to the nearest hub: {words}")
    fifths = f"{zone['need_fifth_england']:.0f} of England, {zone['need_fifth_area']:.0f} here (1 = highest need)"
    _out.print(f"Fifth {fifths}")
    if "deprived_children" in zone:
        low, high = zone["deprived_children_low"], zone["deprived_children_high"]
        _out.print(f"Poor children: {low:,.0f}" + ("" if low == high else f" to {high:,.0f}"))


def _explain_site(site: pd.Series[Any]) -> None:
    state = f"{site['today']} today, {site['offer']} in the plan ({site['status']})"
    _out.print(f"{site['name']} ({site['site_type_label']}): {state}")
    for reason in [] if pd.isna(site["reasons"]) else re.split(r"; (?=[A-Z])", site["reasons"]):
        _out.print(f"  - {reason}")
