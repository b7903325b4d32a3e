"""Give tests what they share: where the real open data are, and a town small enough to compute by hand."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

from needs.assessment import Input
from tests.browser import Browser

ROOT = Path(__file__).parents[1]
settings.register_profile("house", deadline=None)  # a busy machine is no fault
settings.load_profile("house")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs behind; tests send Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real open data, or a skip."""
    if not DATA.is_dir():
        pytest.skip("the real open data are not beside the project (../shared/data)")
    return DATA


@pytest.fixture(scope="module")  # two of Playwright's loops cannot run at once: it ends with the module
def browser():
    """Open a tab of headless Chromium for a module's tests."""
    with Browser() as tab:
        yield tab


@pytest.fixture(autouse=True, scope="session")
def state(tmp_path_factory):
    """Keep the key of protected digests, and orders of networks, out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def make_input():
    """Build an [[input]] with what every input needs."""

    def make(**fields: object) -> Input:
        common = {"id": "thing", "title": "A table", "publisher": "a test", "licence": "CC0-1.0", "date": "2026"}
        return Input.model_validate({**common, "vintage": "LSOA21", **fields})

    return make
