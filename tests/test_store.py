"""Results of stages: only one's own are looked at, and only whole ones; the key that tells them is private."""

from __future__ import annotations

import os
import pickle
import stat
import threading

import joblib
import pytest

from needs.errors import OutputError
from needs.pipeline import store as stores
from needs.pipeline.key import key, signature
from needs.pipeline.store import Store

PRINT = "ab" * 32


class Trap:
    """Something that does harm when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path, said) -> Store:
    return Store(tmp_path / "stages", say=said.append)


def file_of(store: Store):
    [file] = [p for p in store.folder.iterdir() if p.suffix == stores.ENDING]
    return file


def test_what_is_kept_comes_back(store, said):
    store.save("need", PRINT, {"a": [1.5, None]})
    assert store.load("need", PRINT) == {"a": [1.5, None]}
    assert store.load("plan", PRINT) is None
    assert store.load("need", "cd" * 32) is None
    assert said == []


def test_the_latest_of_each_stage_is_kept_and_what_a_stopped_run_left_goes(store):
    (store.folder).mkdir()
    (store.folder / f".need-{PRINT[:32]}{stores.ENDING}.0a1b.part").write_bytes(b"half")
    store.save("need", "cd" * 32, 1)
    store.save("plan", PRINT, 2)
    store.save("need", PRINT, 3)
    assert sorted(p.name for p in store.folder.iterdir()) == [
        f"{stage}-{PRINT[:32]}{stores.ENDING}" for stage in ("need", "plan")
    ]


def forged(content: bytes, signed: bytes) -> bytes:
    return stores._HEAD.pack(stores._MAGIC, stores.FORMAT, len(content), signed) + content


def plant(store: Store, tmp_path, how: str) -> None:
    """Put a file in the place of a stage's result that would make a folder if it were loaded."""
    store.save("need", PRINT, "good")
    file, harm = file_of(store), pickle.dumps(Trap(tmp_path / "harm"))
    match how:
        case "a plain pickle":
            file.write_bytes(harm)
        case "a file of joblib":
            joblib.dump(Trap(tmp_path / "harm"), file)
        case "a made-up signature":
            file.write_bytes(forged(harm, b"\1" * 32))
        case "the signature of another":
            file.write_bytes(forged(harm, file.read_bytes()[stores._HEAD.size - 32 : stores._HEAD.size]))
        case "signed for another purpose":
            file.write_bytes(forged(harm, signature(harm)))
        case "another stage":
            Store(tmp_path / "other").save("plan", PRINT, Trap(tmp_path / "harm"))
            file.write_bytes(file_of(Store(tmp_path / "other")).read_bytes())
        case "another fingerprint":
            Store(tmp_path / "other").save("need", "cd" * 32, Trap(tmp_path / "harm"))
            file.write_bytes(file_of(Store(tmp_path / "other")).read_bytes())


WAYS = ["a plain pickle", "a file of joblib", "a made-up signature", "the signature of another"]
WAYS += ["signed for another purpose", "another stage", "another fingerprint"]


@pytest.mark.parametrize("how", WAYS)
def test_nothing_foreign_is_ever_loaded(store, said, tmp_path, how):
    plant(store, tmp_path, how)
    assert store.load("need", PRINT) is None
    assert not (tmp_path / "harm").exists()
    assert len(said) == 1
    assert "it is not used, and its stage is done again" in said[0]
    assert str(file_of(store)) in said[0]


def test_what_another_user_kept_is_not_loaded(store, said, tmp_path, monkeypatch):
    store.save("need", PRINT, "good")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    assert store.load("need", PRINT) is None
    assert "was not kept by you" in said[0]


def test_half_a_file_and_any_changed_byte_is_as_if_it_were_not_there(store, said):
    store.save("need", PRINT, list(range(5)))
    file = file_of(store)
    whole = file.read_bytes()
    for size in {0, 1, stores._HEAD.size - 1, stores._HEAD.size, len(whole) - 1}:
        file.write_bytes(whole[:size])
        assert store.load("need", PRINT) is None
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert store.load("need", PRINT) is None
    file.write_bytes(whole + b"\0")
    assert store.load("need", PRINT) is None
    file.write_bytes(whole)
    assert store.load("need", PRINT) == list(range(5))
    assert all("is damaged" in line for line in said)


def test_the_key_is_private_and_one(home):
    keys, gate = [], threading.Barrier(8)

    def ask():
        gate.wait()
        keys.append(key())

    before = os.umask(0)
    try:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.umask(before)
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) == 64
    assert stat.S_IMODE((home / "needs").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "needs" / "key").stat().st_mode) == 0o600
    assert [p.name for p in (home / "needs").iterdir()] == ["key"]


@pytest.mark.parametrize("text", ["", "abc", "0" * 63, "z" * 64])
def test_half_a_key_is_none(home, text):
    (home / "needs").mkdir(parents=True)
    (home / "needs" / "key").write_text(text)
    made = key()
    assert len(made) == 64
    assert made != text.encode()
    assert key() == made


def test_a_key_that_others_may_read_is_closed_to_them(home):
    made = key()
    (home / "needs" / "key").chmod(0o644)
    assert key() == made
    assert stat.S_IMODE((home / "needs" / "key").stat().st_mode) == 0o600


def test_a_key_that_cannot_be_kept_says_where_else(home):
    home.write_text("a file")
    with pytest.raises(OutputError, match=r"key: cannot be kept.* -> name a folder in XDG_STATE_HOME=FOLDER"):
        key()


def test_what_a_stage_took_stands_in_a_log(store):
    store.note("plan", PRINT, seconds=1.23456, solver_s=0.5)
    store.note("map", PRINT, seconds=2)
    first, second = (store.folder / stores.LOG).read_text().splitlines()
    assert '"stage": "plan", "of": "' + PRINT[:32] + '", "seconds": 1.235, "solver_s": 0.5}' in first
    assert '"stage": "map"' in second
