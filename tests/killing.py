"""Run a command, stop it at a chosen moment by a real signal, and tell what it left.

Commands run as processes that are forked from one which has imported everything: a real process with real signals, that
costs no imports. `needs` is the program; any command line of it will do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE_S = 300.0  # after which a process that should have ended is a failure
_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}  # os.rename is of os.replace too


@dataclass(frozen=True)
class Moment:
    """When a process is stopped, and how: at its n-th step on the disk, or a share of the way after its n-th line."""

    number: signal.Signals
    step: int | None = None
    line: int = 0
    wait_s: float = 0.0


@dataclass
class Ended:
    """How a process ended: exit code (minus the signal where it was killed), what it said, steps that it made."""

    code: int
    out: str
    err: str
    steps: int
    times: list[float] = field(default_factory=list)  # of its lines, seconds from its start
    seconds: float = 0.0


class Server:
    """Starts commands; see `serving`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def start(
        self, argv: list[str], log: Path, watch: list[Path], moment: Moment | None = None, most: int | None = None
    ) -> int:
        """Fork a process that runs `needs` with these arguments; give its number. No file may be over `most` bytes."""
        at = [int(moment.number), moment.step] if moment is not None and moment.step is not None else None
        self._tell({"argv": argv, "log": str(log), "watch": [str(p) for p in watch], "at": at, "most": most})
        return int(self._hear())

    def wait(self, process: int) -> int:
        """Wait for a process that was started; give its exit code, minus the signal where it was killed."""
        self._tell({"wait": process})
        return int(self._hear())

    def _tell(self, what: dict[str, object]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def _hear(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the server has ended"
        return line


@contextmanager
def serving(**environment: str) -> Iterator[Server]:
    """Start a server of commands, in an environment."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.killing"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(PATIENCE_S)


def run(
    server: Server,
    argv: list[str],
    log: Path,
    watch: list[Path],
    moment: Moment | None = None,
    most: int | None = None,
) -> Ended:
    """Run a command to its end, be it that of a moment; its lines and steps are in files named after `log`."""
    out, steps = log.with_suffix(".out"), log.with_suffix(".steps")
    for file in (out, steps, log.with_suffix(".err")):
        file.unlink(missing_ok=True)
    begin = time.monotonic()
    process = server.start(argv, log, watch, moment, most)
    times: list[float] = []
    sent = moment is None or moment.step is not None
    while _lives(process):
        now = time.monotonic() - begin
        assert now < PATIENCE_S, f"still running: {argv}"
        lines = out.read_bytes().count(b"\n") if out.exists() else 0
        times += [now] * (lines - len(times))
        if not sent and moment is not None and len(times) >= moment.line:
            since = now - (times[moment.line - 1] if moment.line else 0.0)
            if since >= moment.wait_s:
                os.kill(process, moment.number)
                sent = True
        time.sleep(0.002)
    code = server.wait(process)
    told = [p.read_text("utf-8") if p.exists() else "" for p in (out, log.with_suffix(".err"), steps)]
    return Ended(code, told[0], told[1], len(told[2]), times, time.monotonic() - begin)


def _lives(process: int) -> bool:
    """Whether a process has not ended; one whose end nobody has asked for yet has."""
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def tree(*folders: Path) -> dict[str, str]:
    """Hash every file of folders, by its path; what stands in `.stages` is the program's own affair."""
    files = (p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file())
    return {
        str(p.relative_to(folder.parent)): _sha256(p)
        for p in files
        for folder in folders
        if p.is_relative_to(folder) and ".stages" not in p.parts
    }


def odd(processed: Path, maps: Path) -> list[str]:
    """Say what is published and not whole: tables held against their record, pages against their own hashes."""
    told = []
    for folder in processed.iterdir() if processed.is_dir() else ():
        if folder.name.startswith("."):
            continue
        record = json.loads((folder / "provenance.json").read_text("utf-8"))["outputs"]
        found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        found.pop("provenance.json")
        told += [f"{folder.name}: {name} is not of its record" for name in found.keys() ^ record.keys()]
        told += [
            f"{folder.name}: {n} is broken" for n in found.keys() & record.keys() if _sha256(found[n]) != record[n]
        ]
    for page in maps.glob("[!.]*") if maps.is_dir() else ():
        text = page.read_text("utf-8")
        scripts = re.findall(r"<script(?: [^>]*)?>(.*?)</script>", text, re.DOTALL)
        hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts}
        asked = set(re.findall(r"'sha256-([^']+)'", text.partition("</head>")[0]))
        if not asked <= hashes or not text.rstrip().endswith("</html>"):
            told.append(f"{page.name} is broken")
        for link in re.findall(r'href="([^"#:]+[.]html)"', text):
            told += [] if (maps / link).is_file() else [f"{page.name} leads to {link}, which is not there"]
    return told


def left(*folders: Path) -> list[str]:
    """List hidden files and folders that are no results: locks, parts, and what was to be put in place."""
    return [
        str(p)
        for folder in folders
        for p in sorted(folder.rglob(".*"))
        if p.name != ".stages" or any(".stages" in q.name for q in p.parents)
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _serve() -> None:
    from needs import __main__ as cli
    from needs import commands  # noqa: F401 - now, and not in every child

    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("wait"):
            status = os.waitpid(asked["wait"], 0)[1]
            _answer(os.waitstatus_to_exitcode(status))
            continue
        child = os.fork()
        if child:
            _answer(child)
            continue
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started all this with it ignored
        log = Path(asked["log"])
        for stream, ending in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(log.with_suffix(ending), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _count(log.with_suffix(".steps"), asked["watch"], asked["at"])
        if asked["most"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (asked["most"], resource.RLIM_INFINITY))
        sys.argv = ["needs", *asked["argv"]]
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException:  # noqa: BLE001 - as the interpreter would end
            sys.excepthook(*sys.exc_info())
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _count(log: Path, watch: list[str], at: list[int] | None) -> None:
    """Count what is done to files in some folders, and send the process a signal before a step is done."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    done = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal done
        if event not in _EVENTS or not isinstance(arguments[0], (str, os.PathLike)):
            return
        path = os.path.abspath(os.fspath(arguments[0]))  # noqa: PTH100 - the name as it is, whatever it links to
        if not any(path.startswith(w) for w in watch):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        done += 1
        os.write(file, b".")
        if at is not None and done == at[1]:
            os.kill(os.getpid(), at[0])

    sys.addaudithook(hook)


if __name__ == "__main__":
    _serve()
