"""All of England: tasks against a council's own build, conservation, a cluster, what goes wrong on the way."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from needs import __main__ as cli
from needs import pipeline
from needs.errors import Fault, NeedsError, SettingsError
from needs.nation import running, tasks
from needs.nation.choosing import Question
from needs.nation.each import Here, Refused, Task
from needs.settings import Paths
from needs.travel import ESTIMATE
from tests import small_england
from tests.browser import CHROMIUM, Browser
from tests.killing import Moment, left, run, serving, tree

QUESTION = Question(new_hubs=4, areas=2)
TASKS = 3 * 5  # councils; reach, needed, own, first, plan
BUSY_S = 0.3
PATIENCE_S = 120


def build(file: Path, top: Path, runner=None, **more):
    paths = Paths(file.parent, top / "processed", top / "maps")
    told: list[str] = []
    more = {"question": QUESTION, "say": told.append, **more}
    return pipeline.england(file, paths=paths, runner=runner or Here(), **more), told, paths


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    top = tmp_path_factory.mktemp("england")
    file = small_england.write(top / "raw")
    built, told, paths = build(file, top)
    return file, built, told, paths


def table(small, name: str) -> pd.DataFrame:
    return pd.read_csv(small[1].folder / name)


def test_families_are_conserved_from_input_to_nation(small):
    births = pd.read_csv(small[0].parent / "demand.csv")["births"].sum()
    zones, councils = table(small, "zones.csv"), table(small, "councils.csv")
    assert len(zones) == 48
    assert zones["lsoa21cd"].is_monotonic_increasing
    for sums in (zones["demand"], councils["families"]):
        assert sums.sum() == pytest.approx(births)
    for when in ("today", "plan"):
        ways_of = [f"{way}_{when}" for way in ("hub", "outreach", "virtual")]
        np.testing.assert_allclose(zones[ways_of].sum(axis=1), zones["demand"], rtol=1e-4)
    assert councils["unmet_today"].sum() == pytest.approx(zones["unmet_today"].sum(), rel=1e-4)
    ways = table(small, "allocation_totals.csv").set_index("way")
    covered = (zones["demand"] * zones["cover_today"]).sum()
    assert ways.loc["today", "families"] == pytest.approx(covered, rel=1e-4)


def test_councils_stand_in_the_order_of_their_unmet_need(small):
    councils = table(small, "councils.csv")
    assert councils["unmet_today"].is_monotonic_decreasing
    assert councils["rank_unmet"].tolist() == [1, 2, 3]
    by_children = councils.sort_values("children_beyond_today", ascending=False)
    assert by_children["rank_children"].tolist() == [1, 2, 3]
    assert set(councils["rural_class"]) == {"mainly rural", "mainly urban"}
    assert councils.set_index("name").loc["Rutland", "rank_in_class"] == 1
    assert (councils["children_low"] <= councils["children"]).all()
    assert (councils["children"] <= councils["children_high"]).all()


def test_hubs_needed_are_those_of_every_set_of_buildings(small):
    """Brute force in plain Python over the council's own buildings, with the covers that the standards give by hand."""
    needed = table(small, "hubs_needed.csv")
    frontier = table(small, "frontier.csv")
    assert set(needed["share_pct"]) == {70, 80, 90}
    for _, rows in needed.groupby("council"):
        assert rows.sort_values("share_pct")["hubs"].dropna().is_monotonic_increasing
    assert (needed["hubs"].dropna() >= needed["at_least"].dropna()).all()
    assert (frontier["bound_pct"] >= frontier["reached_pct"] - 1e-3).all()
    for _, rows in frontier.groupby("council"):
        assert rows["reached_pct"].is_monotonic_increasing


@pytest.mark.parametrize(("name", "code"), [("Rutland", "E06000017"), ("Knowsley", "E08000011")])
def test_a_council_in_england_is_the_council_by_itself(small, tmp_path, name, code):
    """The same stages: what a council's own build says of the same raw files stands in the national tables."""
    file = small[0]
    councils = table(small, "councils.csv").set_index("council")
    plan = {"max_hubs": max(1, int(councils.loc[code, "hubs_today"])), "max_outreach": 0}
    zones = table(small, "zones.csv")
    text = file.read_text()
    text = re.sub(r"codes = \[.*\]", f'codes = ["{code}"]', text)
    text = text.replace('slug = "small-england"', 'slug = "alone"').replace("Small England", name)
    plan["max_outreach"] = 3 * plan["max_hubs"]
    for key, value in plan.items():
        text = re.sub(rf"{key} = \d+", f"{key} = {value}", text)
    own = file.parent / f"{name.lower()}-alone.toml"
    own.write_text(text)
    paths = Paths(file.parent, tmp_path / "processed", tmp_path / "maps")
    alone = pd.read_csv(pipeline.build(own, paths=paths).folder / "zones.csv").set_index("lsoa21cd")
    here = zones[zones["council"] == code].set_index("lsoa21cd")
    assert here.index.tolist() == alone.index.tolist()
    same = ["need_score", "need_rank_england", "demand", "cover_today", "hub_today", "unmet_today"]
    same += ["hub_walk_min_today", "hub_drive_min_today", "cover_plan", "hub_plan", "outreach_plan", "unmet_plan"]
    for column in same:
        np.testing.assert_allclose(here[column], alone[column], rtol=1e-5, atol=1e-6, err_msg=column)


def test_every_table_says_that_travel_is_an_estimate_and_every_column_what_it_is(small):
    folder = small[1].folder
    names = {p.name for p in folder.glob("*.csv")} - {"data_dictionary.csv", "missing.csv"}
    assert {"zones.csv", "councils.csv", "hubs_needed.csv", "frontier.csv", "allocation_councils.csv"} <= names
    for name in names:
        assert set(pd.read_csv(folder / name)["travel"]) == {ESTIMATE}, name
    told = pd.read_csv(folder / "data_dictionary.csv")
    assert told.loc[told["meaning"].isna(), ["file", "column"]].to_numpy().tolist() == []


def test_the_overview_links_a_page_for_every_council(small):
    _, built, _, _ = small
    assert built.pages == 3
    page = built.page.read_text("utf-8")
    for slug in ("halton", "knowsley", "rutland"):
        assert f'href="{slug}.html"' in page
        own = (built.page.parent / f"{slug}.html").read_text("utf-8")
        assert ESTIMATE in re.search(r"<h1>(.*?)</h1>", own)[1]
    assert "Which areas first" in page
    missing = table(small, "missing.csv")
    assert set(missing["what"]) == {"No street network: travel is a straight-line estimate."}


def test_where_today_is_not_known_nothing_says_that_it_is_nothing(tmp_path):
    file = small_england.write(tmp_path / "raw")
    file.write_text(file.read_text().replace("national = true\n", ""))
    sites = pd.read_csv(file.parent / "sites.csv")
    of = ((sites["x"] - small_england.WEST_M) // (small_england.STEP_M * small_england.SIDE)).astype(int)
    sites["site_type"] = np.where(of < 2, "family_hub", "library")  # nobody lists Knowsley's hubs
    sites.loc[sites.index[::2], "site_type"] = "library"
    sites.to_csv(file.parent / "sites.csv", index=False)
    built, _, _ = build(file, tmp_path)
    for name in ("hubs_needed.csv", "frontier.csv", "allocation_councils.csv", "first_areas.csv", "councils.csv"):
        found = pd.read_csv(built.folder / name)
        assert found["today_known"].tolist() == (found["council"] != "E08000011").tolist(), name
    page = built.page.read_text("utf-8")
    for part in ("children", "rural", "needed", "allocation", "first"):
        section = page.partition(f'id="{part}"')[2].partition("<section")[0]
        assert "1 council of which it is not known what there is today counts as having nothing." in section, part
    for part, unknown in (("needed", 1), ("allocation", 2)):
        row = page.partition(f'id="{part}"')[2].partition(">Knowsley<")[2].partition("</tr>")[0]
        assert row.count("not known") == unknown, part
    cautions = {slug: "is not known, and counts as nothing" in (built.page.parent / f"{slug}.html").read_text("utf-8")
                for slug in ("halton", "knowsley", "rutland")}  # fmt: skip
    assert cautions == {"halton": False, "knowsley": True, "rutland": False}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_overview_opens_without_a_network(small):
    with Browser() as tab:
        tab.open(small[1].page)
        assert [url for url in tab.requests if not url.startswith("file:")] == []
        assert tab.messages == []


def test_a_second_run_does_nothing_and_a_changed_question_does_only_what_hangs_on_it(small):
    file, _, _, paths = small
    before = tree(paths.processed / "small-england", paths.maps)
    again, told, _ = build(file, paths.processed.parent)
    assert again.ran == 0
    assert told[-1] == "Small England: nothing has changed, nothing to do"
    other, told, _ = build(file, paths.processed.parent, question=Question(new_hubs=2, areas=1))
    assert {"reach", "needed", "plan"} <= {line.split()[2] for line in told if line.endswith("unchanged")}
    assert 0 < other.ran <= 6  # own plans where a council's share is another, and what each gains if it comes first
    assert any("choice" in line for line in told)
    build(file, paths.processed.parent)
    assert tree(paths.processed / "small-england", paths.maps) == before


class Stopping:
    """A runner that is interrupted after so many tasks."""

    told = "until it is interrupted"

    def __init__(self, after: int) -> None:
        self.after = after

    def each(self, work, given):
        for task in given:
            if not self.after:
                raise KeyboardInterrupt
            self.after -= 1
            yield task.council, work(task.make())


@pytest.mark.parametrize("after", [4, 8])
def test_an_interrupted_run_goes_on_where_it_stopped_and_ends_with_the_same_bytes(small, tmp_path, after):
    file, built, _, paths = small
    with pytest.raises(KeyboardInterrupt):
        build(file, tmp_path, Stopping(after))
    assert not (tmp_path / "processed" / "small-england").exists()
    assert not (tmp_path / "maps").exists()
    again, _, own = build(file, tmp_path)
    assert again.ran == TASKS - after
    folders = [(p.processed / "small-england", p.maps) for p in (own, paths)]
    assert tree(*folders[0]) == tree(*folders[1])
    assert built.pages == again.pages


def test_an_interruption_that_a_task_makes_do_with_is_no_result():
    """Searches give the best they have by then; that is not what the whole task would have given."""

    def searching(part):
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return f"the best {part} by then"

    results = Here().each(searching, iter([Task("E06000017", lambda: "plan"), Task("E06000006", lambda: "plan")]))
    with pytest.raises(KeyboardInterrupt):
        next(results)


def test_a_national_choice_without_a_council_is_none(small, tmp_path):
    class Losing(Here):
        def each(self, work, given):
            for code, found in super().each(work, given):
                lost = running.work_name(work) == "_own_plan" and code == "E06000017"
                yield code, Refused((pipeline_fault(),)) if lost else found

    with pytest.raises(NeedsError, match="broken on purpose -> mend it"):
        build(small[0], tmp_path, Losing())
    assert not (tmp_path / "processed" / "small-england").exists()
    built, _, own = build(small[0], tmp_path)  # what was refused is asked again, and what was found is not
    assert 0 < built.ran < TASKS - 5
    assert tree(own.processed / "small-england", own.maps) == tree(small[3].processed / "small-england", small[3].maps)


def refused_for(code, real):
    def work(part, *given, **named):
        if part.council.code == code:
            return Refused((pipeline_fault(),))
        return real(part, *given, **named)

    return work


def pipeline_fault():
    return Fault("table 'points'", "is broken on purpose", "mend it")


def test_a_council_that_could_not_be_measured_is_in_the_choice_once_it_can_be(small, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "reach", refused_for("E06000017", tasks.reach))
        built, _, own = build(small[0], tmp_path)
    assert "E06000017" not in set(pd.read_csv(built.folder / "hubs_needed.csv")["council"])
    build(small[0], tmp_path)
    assert tree(own.processed / "small-england", own.maps) == tree(small[3].processed / "small-england", small[3].maps)


def test_a_council_that_fails_is_told_and_stops_nobody_else(small, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "plan", refused_for("E06000017", tasks.plan))
        built, told, own = build(small[0], tmp_path)
    assert built.pages == 2
    missing = pd.read_csv(built.folder / "missing.csv")
    [what] = missing.loc[missing["what"].str.startswith("Not planned"), "what"]
    assert what == "Not planned: table 'points': is broken on purpose -> mend it"
    assert any("Rutland" in line and "broken on purpose" in line for line in told)
    councils = pd.read_csv(built.folder / "councils.csv").set_index("name")
    assert np.isnan(councils.loc["Rutland", "plan_hubs"])
    assert councils.loc["Halton", "plan_hubs"] >= 1
    assert 'href="rutland.html"' not in built.page.read_text("utf-8")
    again, _, _ = build(small[0], tmp_path)  # it is asked again
    assert again.ran == 1
    assert again.pages == 3
    assert tree(own.processed / "small-england", own.maps) == tree(small[3].processed / "small-england", small[3].maps)
    assert build(small[0], tmp_path)[0].ran == 0


def test_commands_refuse_what_makes_no_sense(small, tmp_path, capsys, monkeypatch):
    def run(*more: str) -> int:
        folders = ["--processed", str(tmp_path / "p"), "--maps", str(tmp_path / "m"), "--raw", str(small[0].parent)]
        monkeypatch.setattr(sys, "argv", ["needs", "england", "--settings", str(small[0]), *folders, *more])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return int(stop.value.code)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    assert run("--until", "nowhere") == 2
    assert run("--workers", "-1") == 2
    monkeypatch.setattr(running, "ANSWER_S", 1)
    assert run("--scheduler", address) == 2
    told = capsys.readouterr().err
    assert f"--scheduler {address}: no scheduler answers" in told
    assert "-> start it: dask scheduler" in told
    monkeypatch.setattr(running, "_installed", lambda: False)
    assert run("--workers", "2") == 2
    assert "needs Dask, which is not installed -> install it: pip install 'needs[cluster]'" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_without_dask_or_with_one_core_tasks_are_done_here(monkeypatch):
    monkeypatch.setattr(running, "_installed", lambda: False)
    with running.runner() as found:
        assert isinstance(found, Here)
    monkeypatch.setattr(running, "_installed", lambda: True)
    monkeypatch.setattr(running.kernels, "cores", lambda: 1)
    with running.runner() as found:
        assert isinstance(found, Here)


def test_england_from_the_open_sources_names_what_is_missing(tmp_path, capsys, monkeypatch):
    (tmp_path / "raw").mkdir()
    folders = ["--raw", str(tmp_path / "raw"), "--processed", str(tmp_path / "p"), "--maps", str(tmp_path / "m")]
    monkeypatch.setattr(sys, "argv", ["needs", "england", "--workers", "0", *folders])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 3
    told = capsys.readouterr().err
    for source in ("input 'births'", "input 'hubs'", "input 'zones'", "input 'postcodes'"):
        assert source in told
    assert "input 'streets'" not in told  # straight lines stand in
    assert not (tmp_path / "p" / "england").exists()


def test_england_is_no_area_of_a_build(tmp_path):
    with pytest.raises(SettingsError, match="needs england"):
        pipeline.build("England", paths=Paths(tmp_path, tmp_path / "p", tmp_path / "m"))


# ---------------------------------------------------------------- stopped at any moment


@contextmanager
def undisturbed(top: Path):
    """Build the small England with nobody to disturb it, by a real process; give how to do so again."""
    file = small_england.write(top / "raw", side=2)
    folders = top / "processed", top / "maps"
    argv = ["england", "--settings", str(file), "--raw", str(file.parent), "--workers", "0", "--new-hubs", "2"]
    argv += ["--first", "1", "--processed", str(folders[0]), "--maps", str(folders[1])]
    with serving(XDG_STATE_HOME=str(top / "state"), XDG_CACHE_HOME=str(top / "cache")) as server:

        def again(moment: Moment | None = None):
            return run(server, argv, top / "log", list(folders), moment)

        first = again()
        assert first.code == 0, first.err
        yield again, folders, tree(*folders), first.steps


def stopped(top: Path, count: int, seed: int) -> None:
    lots = np.random.default_rng(seed)
    with undisturbed(top) as (again, folders, good, steps):
        assert len(good) > 15
        for k in range(count):
            for folder in folders:
                shutil.rmtree(folder)
            number = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[k % 4]
            moment = Moment(number, step=1 + int(lots.integers(steps)))
            ended = again(moment)
            assert ended.code in {-signal.SIGKILL, 143, 130}, (moment, ended.err)
            shown = {path: digest for path, digest in tree(*folders).items() if "/." not in path}
            for unit in {Path(*Path(path).parts[:2]) for path in good}:  # tables, pages, the list of pages
                found, own = ({p: h for p, h in of.items() if Path(p).is_relative_to(unit)} for of in (shown, good))
                assert found in ({}, own), (moment, unit)
            assert shown.items() <= good.items(), moment
            ended = again()
            assert ended.code == 0, (moment, ended.err)
            assert tree(*folders) == good, moment
            assert left(*folders) == [], moment


def test_england_that_is_stopped_goes_on_to_the_same_bytes(tmp_path):
    stopped(tmp_path, 2, seed=1)


@pytest.mark.soak
def test_england_is_stopped_at_many_moments(tmp_path):
    stopped(tmp_path, 40, seed=2)


# ---------------------------------------------------------------- a cluster


@contextmanager
def cluster(folder: Path, workers: int = 2):
    """Open a real scheduler and workers without nannies, each a process of its own, on loopback."""
    code = "import sys; from distributed.cli.{} import main; main(sys.argv[1:])"
    file, processes = folder / "scheduler.json", []
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONWARNINGS": "ignore"}

    def start(kind: str, *arguments: str) -> None:
        command = [sys.executable, "-c", code.format(kind), "--scheduler-file", str(file), *arguments]
        log = (folder / f"log-{len(processes)}.txt").open("w")
        processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))

    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    for _ in range(workers):
        more = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1", "--memory-limit", "2GB"]
        start("dask_worker", *more, "--local-directory", str(folder))
    try:
        end = time.monotonic() + PATIENCE_S
        while not file.is_file() and time.monotonic() < end:
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        from distributed import Client

        with Client(address, timeout=PATIENCE_S) as client:
            client.wait_for_workers(workers, timeout=PATIENCE_S)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_killed_worker_costs_its_task_only_and_the_answer_is_the_same(small, tmp_path):
    file, _, _, paths = small
    killed = []
    with cluster(tmp_path) as (address, workers), running.runner(scheduler=address) as runner:

        def say(line: str) -> None:
            if "reach    1 of 3" in line and not killed:  # tasks are under way
                workers[0].send_signal(signal.SIGKILL)
                killed.append(workers[0].wait())

        built, _, own = build(file, tmp_path, runner, say=say)
    assert killed == [-signal.SIGKILL]
    assert built.ran == TASKS
    folders = [(p.processed / "small-england", p.maps) for p in (own, paths)]
    assert tree(*folders[0]) == tree(*folders[1])


def deadly(_part):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_task_that_ends_every_worker_is_given_up_and_told():
    with running.runner(workers=1, memory_gb=1.0) as runner:
        [(name, found)] = runner.each(deadly, iter([Task("Nowhere", lambda: None)]))
        [(_, well)] = runner.each(len, iter([Task("Somewhere", lambda: [1, 2, 3])]))
    assert name == "Nowhere"
    assert isinstance(found, Refused)
    assert "its task ended 3 workers" in found.faults[0].what
    assert well == 3


@pytest.mark.data
@pytest.mark.slow
def test_real_councils_beside_each_other(real_data, tmp_path):
    """Three of England's councils, of which one has streets."""
    text = (Path(pipeline.__file__).parents[1] / "catalogue" / "areas" / "england.toml").read_text()
    text = text.replace('codes = ["E92000001"]', 'codes = ["E06000006", "E06000017", "E08000011"]')
    file = tmp_path / "three.toml"
    file.write_text(text.replace("[plan]", "[need]\ndraws = 0\n\n[plan]", 1))
    paths = Paths(real_data, tmp_path / "processed", tmp_path / "maps")
    built = pipeline.england(file, paths=paths, runner=Here(), until="reach")
    zones = pd.read_csv(built.folder / "zones.csv")
    assert zones.groupby("council").size().to_dict() == {"E06000006": 80, "E06000017": 26, "E08000011": 100}
    how = zones.groupby("council")["travel"].agg(set).to_dict()
    assert how["E06000017"] == {tasks.STREETS}
    assert how["E08000011"] == {ESTIMATE}
    published = pd.read_parquet(real_data / "england/iod2025_lsoa21_all.parquet")
    assert zones["lsoa21cd"].isin(published["LSOA code (2021)"]).all()
    councils = pd.read_csv(built.folder / "councils.csv").set_index("name")
    assert councils.loc["Halton", "hubs_today"] == 6
    assert councils.loc["Rutland", "hubs_today"] <= 1
    missing = pd.read_csv(built.folder / "missing.csv").set_index("name")["what"]
    assert "The streets are a stand-in" in missing["Halton"]
    assert np.isclose(councils.loc["Halton", "families"], zones.loc[zones["council"] == "E06000006", "demand"].sum())
