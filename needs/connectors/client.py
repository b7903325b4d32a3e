"""Ask services over HTTP: politely, over TLS, with patience, and go on with a download where it broke off."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from needs.connectors.answers import (
    Answer,
    Plain,
    RefusedError,
    bare,
    continues,
    fault,
    kind,
    plain,
    said_of,
    total_of,
)
from needs.settings import AGENT

MIRROR = "NEEDS_MIRROR"  # environment: a server that stands in for all publishers, by <mirror>/<host>/<path>
TRIES = 5  # in a row without a byte gained
FIRST_WAIT_S = 1.0  # doubled at every try
LONGEST_WAIT_S = 120.0  # a service that asks for more is asked another day
TIMEOUT_S = (10.0, 60.0)  # to connect, and between bytes
PACE_S = 0.2  # between requests to one host
ANSWER_BYTES = 64 * 1024**2  # largest answer that is taken into memory
FILE_BYTES = 4 * 1024**3  # largest file that is taken to disk
BLOCK = 16 * 1024  # what a broken connection loses at most
SPARE_BYTES = 512 * 1024**2  # left free on the disk

_BUSY = {408, 425, 429, 500, 502, 503, 504}
_GONE = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_OK, _PART, _SAME, _BEYOND = 200, 206, 304, 416

T = TypeVar("T")
Progress = Callable[[str, int, int | None], None]  # name, bytes so far, bytes in all where that is known


@dataclass
class Client:
    """One polite user of the publishers' services.

    Parameters
    ----------
    say
        Told in a line what is waited for.
    progress
        Told of a download's bytes.
    sleep
        How to wait.
    """

    say: Callable[[str], None] = lambda _: None
    progress: Progress = lambda _name, _done, _total: None
    sleep: Callable[[float], None] = time.sleep
    _session: requests.Session = field(default_factory=requests.Session, repr=False)
    _last: dict[str, float] = field(default_factory=dict, repr=False)
    _silent: set[str] = field(default_factory=set, repr=False)  # hosts that were asked and have not answered yet

    def __post_init__(self) -> None:
        self._session.headers["User-Agent"] = AGENT
        self._session.mount("http://", Plain())

    def read(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        post: bool = False,
        busy: Callable[[bytes], str] = lambda _: "",
    ) -> bytes:
        """Get an answer that fits into memory; long questions go by POST.

        Parameters
        ----------
        url, params, post
            What is asked.
        busy
            Finds in an answer of status 200 that the service is busy, and says so; "" where it is not.

        Raises
        ------
        UnavailableError
            With what the service said.
        """

        def take(reply: requests.Response) -> bytes:
            parts, size = [], 0
            for block in reply.iter_content(BLOCK):
                size += len(block)
                if size > ANSWER_BYTES:
                    raise fault(url, f"answers with over {ANSWER_BYTES >> 20} MiB", "check the address")
                parts.append(block)
            return b"".join(parts)

        def work() -> bytes:
            with self._ask(url, dict(params or {}), post=post) as reply:
                content = take(reply)
                if told := busy(content):
                    raise RefusedError(reply, told)
                return content

        return self._patiently(url, work)

    def json(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        post: bool = False,
        busy: Callable[[bytes], str] = lambda _: "",
    ) -> dict[str, Any]:
        """Get a JSON object.

        Raises
        ------
        UnavailableError
            If it is none, such as a web page.
        """
        content = self.read(url, params, post=post, busy=busy)
        try:
            found = json.loads(content)
        except ValueError:
            begins = content[:80].decode("utf-8", "replace").strip()
            raise fault(url, f"gives no JSON; it begins {begins!r}", "try again later, or check the address") from None
        if not isinstance(found, dict):
            raise fault(url, "gives JSON that is no object", "check the address")
        return found

    def peek(self, url: str, *, known: Answer | None = None) -> Answer | None:
        """Ask whether there is another version of a file than the one known; None where it is the same.

        Raises
        ------
        UnavailableError
            If it cannot be told.
        """
        headers = {}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        elif known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified

        def work() -> Answer | None:
            with self._ask(url, {}, headers=headers) as reply:
                return None if reply.status_code == _SAME else said_of(reply)

        return self._patiently(url, work)

    def head(self, url: str, size: int) -> tuple[bytes, Answer]:
        """Get the first bytes of a file, and what the service says of it.

        Raises
        ------
        UnavailableError
            If it cannot be had.
        """
        headers = {"Range": f"bytes=0-{size - 1}", "Accept-Encoding": "identity"}

        def work() -> tuple[bytes, Answer]:
            with self._ask(url, {}, headers=headers) as reply:
                begin = b""
                for block in reply.iter_content(BLOCK):
                    begin += block
                    if len(begin) >= size:
                        break
                said = said_of(reply)
                return begin[:size], replace(said, bytes=total_of(reply)) if reply.status_code == _PART else said

        return self._patiently(url, work)

    def download(self, url: str, part: Path, *, name: str = "") -> Answer:
        """Bring a file to disk, going on where an earlier try broke off if it is still the same file.

        Parameters
        ----------
        url
            Where it is.
        part
            Where it goes; what is known of an unfinished one stands beside it, in `<part>.json`.
        name
            What it is called in messages.

        Raises
        ------
        UnavailableError
            If it cannot be had, is too large for the disk, or breaks off time and again; what came stays.
        """
        label = name or part.name
        return self._patiently(url, lambda: self._download(url, part, label), progress=lambda: _size(part))

    def _download(self, url: str, part: Path, label: str) -> Answer:
        beside = part.with_name(f"{part.name}.json")
        known = _unfinished(url, part, beside)
        have = _size(part) if known else 0
        headers = {"Accept-Encoding": "identity"}
        if known and have:
            headers |= {"Range": f"bytes={have}-", "If-Range": str(known.version)}
        with self._ask(url, {}, headers=headers, fine=(_BEYOND,)) as reply:
            whole, goes_on = said_of(reply), reply.status_code == _PART
            if reply.status_code == _BEYOND or (goes_on and (known is None or not continues(reply, known, have))):
                beside.unlink(missing_ok=True)  # another file by now: from the start
                raise requests.ConnectionError
            if goes_on and known:
                whole = Answer(whole.url, total_of(reply) or known.bytes, known.etag, known.last_modified)
            _room(url, part, whole.bytes)
            part.parent.mkdir(parents=True, exist_ok=True)
            if not goes_on:
                part.unlink(missing_ok=True)
                beside.unlink(missing_ok=True)
                if plain(reply):  # else its bytes are not those that a range counts
                    beside.write_text(json.dumps({"asked": bare(url), **asdict(whole)}), "utf-8")
            self._write(reply, part, have if goes_on else 0, whole, label)
        if whole.bytes and _size(part) != whole.bytes:
            raise requests.ConnectionError  # cut short without a word: go on from there
        beside.unlink(missing_ok=True)
        return Answer(whole.url, _size(part), whole.etag, whole.last_modified)

    def _write(self, reply: requests.Response, part: Path, done: int, whole: Answer, label: str) -> None:
        with part.open("ab") as file:
            for block in reply.iter_content(BLOCK):
                file.write(block)
                done += len(block)
                if done > FILE_BYTES:
                    raise fault(whole.url, f"is over {FILE_BYTES >> 30} GiB", "fetch it by hand if that is right")
                self.progress(label, done, whole.bytes or None)

    @contextmanager
    def _ask(
        self,
        url: str,
        params: dict[str, str],
        *,
        post: bool = False,
        headers: Mapping[str, str] | None = None,
        fine: tuple[int, ...] = (),
    ) -> Iterator[requests.Response]:
        address = _address(url)
        host = urlsplit(address).netloc
        wait = self._last.get(host, -PACE_S) + PACE_S - time.monotonic()
        if wait > 0 and address == url:  # a mirror is one's own
            self.sleep(wait)
        how = {"data": params} if post else {"params": params or None}
        self._silent.add(urlsplit(url).netloc)
        reply = self._session.request(
            "POST" if post else "GET", address, stream=True, timeout=TIMEOUT_S, headers=headers, **how
        )
        self._silent.discard(urlsplit(url).netloc)
        self._last[host] = time.monotonic()
        with reply:
            if reply.status_code not in {_OK, _PART, _SAME, *fine}:
                raise RefusedError(reply)
            yield reply

    def _patiently(self, url: str, work: Callable[[], T], progress: Callable[[], int] = lambda: 0) -> T:
        """Do something again after a while where a service is busy or the connection breaks.

        A host that never answered is asked once more for what else it has, and no oftener.
        """
        tries, have = 0, progress()
        most = 1 if urlsplit(url).netloc in self._silent else TRIES
        while True:
            reason, asked = "", None
            try:
                return work()
            except RefusedError as refusal:
                reason, asked = f"answers {refusal.told}", refusal.retry_after
                if refusal.status not in _BUSY:
                    raise fault(url, reason, "check the address in a browser, or put the file there by hand") from None
            except _GONE as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    what = "has a certificate that this machine does not trust"
                    fix = "if your network reads encrypted traffic, name its certificate in REQUESTS_CA_BUNDLE=FILE"
                    raise fault(url, what, fix) from None
                reason = f"cannot be reached or broke off ({kind(error)})"
            except requests.RequestException as error:
                raise fault(url, f"cannot be asked: {kind(error)}", "check the address") from None
            tries = 1 if progress() > have else tries + 1
            have = max(have, progress())
            wait = asked if asked is not None else FIRST_WAIT_S * 2 ** (tries - 1)
            if tries >= most or wait > LONGEST_WAIT_S:
                when = f"; it asks to wait {wait:,.0f} seconds" if asked else ""
                often = f", {tries} times" if tries > 1 else ""
                raise fault(url, f"{reason}{often}{when}", "run the same command again later: it goes on")
            self.say(f"{urlsplit(url).netloc} {reason}: trying again in {wait:,.0f} s")
            self.sleep(wait)


def _address(url: str) -> str:
    """Give the address to ask: the publisher's own, or the mirror's."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return url
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}{f'?{parts.query}' if parts.query else ''}"


def _unfinished(url: str, part: Path, beside: Path) -> Answer | None:
    """Tell what is known of an unfinished file of the same address; None where it cannot be gone on with."""
    try:
        said = json.loads(beside.read_text("utf-8"))
        if said.pop("asked") != bare(url) or not part.is_file():
            return None
        known = Answer(**said)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    weak = known.etag is not None and known.etag.startswith("W/")
    return None if known.version is None or weak else known


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _room(url: str, part: Path, size: int) -> None:
    folder = next(p for p in part.parents if p.is_dir())
    free = shutil.disk_usage(folder).free
    if size - _size(part) + SPARE_BYTES > free:
        what = f"is {size / 1e6:,.0f} MB, and {folder} has {free / 1e6:,.0f} MB free"
        raise fault(url, what, "make room, or name another folder with --raw")
