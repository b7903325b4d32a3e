"""The house: imports go one way, catalogue and README in step with the code, nothing that the project forbids."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from needs import assessment, catchments, sites, streets
from needs.assessment import Assessment
from needs.schemas import TABLES
from tests.conftest import ROOT

PACKAGE = ROOT / "needs"

# Rooms from the ground floor up: a room imports only from rooms before it.
ROOMS = (
    "errors", "settings", "toolkit", "stopping", "alone",
    "toml", "kernels", "rates", "inequality", "charts", "disclosure", "demand", "vintages",
    "schemas", "councils", "assessment", "drafting", "sources", "connectors", "indicators", "areas", "index", "rural",
    "sites", "routing", "streets", "transit", "travel", "sanity", "oddities", "isochrones", "catchments", "location",
    "siting", "scenarios", "outputs", "webmap", "stages", "exports", "report", "preparing", "comparing", "nation",
    "pipeline", "demo", "commands", "__main__",
)  # fmt: skip


def imported_rooms(path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "needs":
            rooms |= {a.name for a in node.names if (PACKAGE / a.name).is_dir() or (PACKAGE / f"{a.name}.py").is_file()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("needs."):
            rooms.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("needs.")}
    return rooms


def test_every_room_is_listed():
    found = {p.stem for p in PACKAGE.glob("*.py")} | {
        p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file()
    }
    assert found - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_import_only_from_rooms_before_them(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts == ("__init__",):
        return
    here = ROOMS.index(parts[0])
    above = {room for room in imported_rooms(path) if ROOMS.index(room) > here}
    assert not above, f"{path.name} imports from {above}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_say_what_they_do_and_stay_small(path):
    text = path.read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    assert first, "no docstring"
    assert len(first[0]) > 20
    assert first[0].endswith(".")
    assert text.count("\n") <= 420


def test_the_assessment_file_of_the_readme_is_complete(tmp_path):
    block = re.search(r"```toml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert block
    path = tmp_path / "testshire.toml"
    path.write_text(block[1])
    settings = assessment.read(path)
    assert isinstance(settings, Assessment)
    assert {i.table for i in settings.inputs} >= {"zones", "points", "streets", "sites", "demand", "indicators"}


def test_the_readme_lists_every_table_and_command():
    text = (ROOT / "README.md").read_text("utf-8")
    for name in (*TABLES, "streets", "timetable"):
        assert f"| `{name}`" in text
    for command in ("make demo", "make test", "make help", "make assess", "make check"):
        assert command in text


def test_every_preset_of_the_catalogue_names_its_source():
    assert all(len(m.source) > 20 for m in streets.modes().values())
    assert all(len(t.source) > 20 for t in sites.site_types().values())
    assert all(len(s.source) > 10 for s in catchments.preset_standards())
    for mode in streets.modes().values():
        assert mode.kph or set(mode.typical_kph) == set(mode.highways)


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return listing.stdout.splitlines()


def test_top_level_is_as_designed():
    top = {name.split("/")[0] for name in tracked()}
    visible = {name for name in top if not name.startswith(".")}
    folders = {"needs", "notebooks", "data", "maps", "tests"}
    assert visible == folders | {"pyproject.toml", "Makefile", "README.md", "LICENSE", "constraints.txt"}


def test_no_data_and_no_third_party_file_is_tracked():
    odd = [
        n
        for n in tracked()
        if n.endswith((".csv", ".parquet", ".gpkg", ".pbf", ".osm", ".xlsx", ".ipynb", ".html", ".zip"))
    ]
    assert odd == []


def kernels_of(path) -> dict[str, ast.FunctionDef]:
    """Functions of a module that are compiled."""
    found = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.FunctionDef)]
    return {n.name: n for n in found if any(isinstance(d, ast.Name) and d.id == "kernel" for d in n.decorator_list)}


def test_compiled_functions_call_none_of_another_file():
    """Machine code is kept until its own file changes: a change elsewhere would leave it stale."""
    everywhere = {p: kernels_of(p) for p in PACKAGE.rglob("*.py")}
    assert sum(map(len, everywhere.values())) > 20
    for path, own in everywhere.items():
        others = {name for p, names in everywhere.items() if p != path for name in names} - set(own)
        for name, function in own.items():
            called = {n.func.id for n in ast.walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
            assert not called & others, f"{path.name}: {name} calls {called & others}"


LOADERS = {"pickle", "_pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal", "yaml", "jsonpickle"}
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "read_pickle",
    "to_pickle",
    "system",
    "popen",
    "extractall",
    "extract",
    "unpack_archive",
}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_data_is_loaded_that_could_be_a_program(path):
    """Pickles are read in one place, which looks at whose they are; nothing else turns data into code."""
    if path.relative_to(PACKAGE).as_posix() == "pipeline/store.py":
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found = LOADERS & {name.split(".")[0] for name in names}
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            owner = getattr(getattr(function, "value", None), "id", "")
            options = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            found |= {name} & CALLS if (owner or isinstance(function, ast.Name)) and owner != "re" else set()
            if name == "load" and owner in {"np", "numpy"} and options.get("allow_pickle") is not False:
                found.add("np.load that may unpickle")
            if name == "query" and any(isinstance(a, (ast.JoinedStr, ast.BinOp)) for a in node.args[:1]):
                found.add("a query that is put together")  # pandas evaluates it
            if options.get("shell") is True or owner == "subprocess":
                found.add("another program")
        assert not found, f"line {getattr(node, 'lineno', 0)}: {found}"
