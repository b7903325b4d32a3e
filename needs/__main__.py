"""Run the toolkit from the command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer
from rich.console import Console

from needs import assessment, councils, demo, pipeline, report, scenarios
from needs.errors import NeedsError, SettingsError, SourceError, fail
from needs.settings import Paths
from needs.sources import files

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
_out = Console(soft_wrap=True, highlight=False, markup=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


Stage = Literal["data", "need", "travel", "plan", "map"]
Area = Annotated[str, typer.Argument(help="Name, slug or code of an area, or the path of an assessment TOML")]
Raw = Annotated[Path, typer.Option(help="Folder of the raw files")]
Processed = Annotated[Path, typer.Option(help="Folder for tables")]
Maps = Annotated[Path, typer.Option(help="Folder for pages")]

INTERRUPTED = 130  # the exit code of a program stopped by Ctrl-C
_DEFAULT = Paths()


@app.command()
def build(
    area: Area,
    raw: Raw = _DEFAULT.raw,
    processed: Processed = _DEFAULT.processed,
    maps: Maps = _DEFAULT.maps,
    until: Annotated[Stage, typer.Option(help="Last stage to run")] = "map",
) -> None:
    """Build an area: tables, plan and page."""
    built = pipeline.build(area, paths=Paths(raw, processed, maps), until=until, say=_out.print)
    _out.print(f"tables: {built.folder}")
    if built.page:
        _out.print(f"page:   {built.page}")


@app.command(name="demo")
def build_demo(raw: Raw = _DEFAULT.raw, processed: Processed = _DEFAULT.processed, maps: Maps = _DEFAULT.maps) -> None:
    """Build two synthetic councils, rural and urban, offline."""
    folder = raw / "demo"
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
def data(area: Area, raw: Raw = _DEFAULT.raw) -> None:
    """List an area's inputs: which file, from whom, and whether it is there."""
    settings = assessment.read(assessment.find(area))
    protected = report.protected_files(settings, {i.id: raw / i.path for i in settings.inputs})
    for spec in settings.inputs:
        path = raw / spec.path
        state = "MISSING" if not path.is_file() else "present" if path in protected else files.sha256(path)[:12]
        _out.print(f"{state:<12}  {spec.id:<26} {spec.path} ({spec.publisher})")


@app.command()
def check(area: Area, raw: Raw = _DEFAULT.raw) -> None:
    """Check an area's inputs and its travel times, and write nothing."""
    for line in pipeline.check(area, paths=Paths(raw=raw)):
        _out.print(line)


@app.command()
def compare(
    first: Area,
    second: Area,
    raw: Raw = _DEFAULT.raw,
    processed: Processed = _DEFAULT.processed,
    maps: Maps = _DEFAULT.maps,
) -> None:
    """Set the plans of two assessments of one council side by side on a page."""
    page = pipeline.compare(first, second, paths=Paths(raw, processed, maps), say=_out.print)
    _out.print(f"page:   {page}")


@app.command()
def explain(area: Area, code: str, processed: Processed = _DEFAULT.processed) -> None:
    """Explain a zone (by LSOA code or name) or a site (by its identifier or name) of a built area."""
    folder = processed / area.strip().casefold()
    if not (folder / "plan.json").is_file():  # then it is not the name of what was built, such as a demo's
        folder = processed / assessment.read(assessment.find(area)).area.slug
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


def main() -> None:
    """Run a command; exit 0 when done, 2 for bad input, 3 for a source that could not be had, 130 when interrupted."""
    try:
        app()
    except NeedsError as error:
        _err.print(str(error))
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            _err.print("interrupted: finished stages are kept, the same command goes on from there")
        raise


if __name__ == "__main__":
    main()
