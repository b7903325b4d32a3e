"""No network is asked unless somebody asks for it, and a key that is given is in nothing that is written or said."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap

import pytest

from needs.pipeline.store import Store
from tests import audit
from tests.audit import OfflineError
from tests.conftest import ROOT
from tests.open_services import serve
from tests.publishers import Reply, serving
from tests.test_pipeline import write_town

GUARD = """
    import os, sys
    def hook(event, arguments):
        if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"}:
            with open(os.environ["NEEDS_TEST_ASKED"], "a") as file:
                file.write(f"{event} {arguments!r}\\n")
            raise PermissionError(event)
    sys.addaudithook(hook)
"""


def test_a_build_from_given_files_asks_no_network(tmp_path):
    """A town, in a process that may ask nobody, nor may its children; whoever tries is told."""
    (tmp_path / "raw").mkdir()
    area = write_town(tmp_path / "raw")
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(textwrap.dedent(GUARD))
    asked = tmp_path / "asked.txt"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "guard"), str(ROOT)]),
        "NEEDS_TEST_ASKED": str(asked),
    }
    probe = "import socket; socket.create_connection(('127.0.0.1', 9))"
    assert subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, check=False).returncode
    assert "socket.getaddrinfo" in asked.read_text(), "the guard sees nothing"
    asked.unlink()
    command = [sys.executable, "-m", "needs", "build", area, "--raw", area.parent, "--processed", "p", "--maps", "m"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not asked.exists(), asked.read_text()


@pytest.mark.data
@pytest.mark.slow
def test_a_key_is_sent_and_neither_written_nor_said(real_data, tmp_path):
    secret = "0xmarked5ecret"  # noqa: S105 - made up
    environment = {**os.environ, "NOMIS_API_KEY": secret, "PYTHONPATH": str(ROOT)}
    with serving() as publishers:
        serve(publishers, real_data)
        environment["NEEDS_MIRROR"] = publishers.address

        def needs(*arguments: str) -> str:
            command = [sys.executable, "-m", "needs", *arguments]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr

        echo = Reply(f"The uid {secret} is not known".encode(), 403)
        publishers.trouble("www.nomisweb.co.uk", echo, echo, Reply(f"Cannot create query for uid={secret}".encode()))
        refused = needs("data", "Rutland")
        assert "nomisweb.co.uk" in refused
        said = refused + needs("build", "Rutland", "--until", "data")
        assert any(a.params.get("uid") == secret for a in publishers.log)
    assert "MISSING" not in said.rpartition("fetching")[2]
    assert secret not in said
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {"provenance.json", "births.csv.toml"} & {p.name for p in written}
    assert [p for p in written if secret.encode() in p.read_bytes()] == []
    results = tmp_path / "data" / "processed" / ".stages" / "rutland"
    kept = sorted(results.glob("*.stage"))
    assert kept
    for file in kept:
        held = Held(results).content(file.name)
        assert secret.encode() not in held


class Held(Store):
    """What a store holds, packed out."""

    def content(self, name: str) -> bytes:
        import io

        import joblib

        return pickle.dumps(joblib.load(io.BytesIO((self.folder / name).read_bytes()[58:])))


PINS = ["a==1", "b==2", "c==3"]


def answers(**faults: list[dict]) -> audit.Ask:
    def ask(pins):
        return [
            {"name": p[0], "version": p[3], "vulns": faults.get(p[0], [])}
            if p[0] != "c"
            else {"name": "c", "skip_reason": "unknown"}
            for p in pins
        ]

    return ask


def test_packages_without_known_faults_pass():
    assert audit.audit(PINS, answers()) == (0, "audit of packages: no known fault in 2 of 3")


def test_a_package_with_a_known_fault_fails():
    code, told = audit.audit(PINS, answers(b=[{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]))
    assert code == 1
    assert told.splitlines() == [
        "audit of packages: 1 known faults in 2 packages",
        "  b 2: PYSEC-1, mended in 2.1, 3",
    ]


def test_without_a_network_the_audit_is_skipped_and_says_so():
    asked = []

    def nobody(pins):
        asked.append(pins)
        raise OfflineError("no route")

    assert audit.audit(PINS, nobody) == (0, "audit of packages: skipped, it cannot be asked (no route)")

    def ignorant(pins):
        asked.append(pins)
        return [{"name": p, "skip_reason": "unknown"} for p in pins]

    assert audit.audit(PINS, ignorant)[0] == 0
    assert asked == [PINS[:1], PINS[:1]], "nobody is asked about the rest"


def test_every_package_is_pinned_and_every_pin_is_read():
    pins = audit.pins_of(ROOT / "constraints.txt")
    assert len(pins) > 100
    assert all(len(pin.split("==")) == 2 for pin in pins)
