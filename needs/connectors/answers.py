"""Read what a service answers: of which file, of which version of it, from where on; or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from needs.errors import Fault, SourceError

SECRETS = ("uid",)  # parameters that are keys: never told, never written

_HOME = ("127.0.0.1", "localhost", "::1")


class UnavailableError(SourceError):
    """A service did not give what was asked, after patience."""


@dataclass(frozen=True)
class Answer:
    """What a service said of a file: its address in the end, size and marks of its version."""

    url: str
    bytes: int
    etag: str | None = None
    last_modified: str | None = None

    @property
    def version(self) -> str | None:
        """What tells this state of the file from another."""
        return self.etag or self.last_modified


class Plain(HTTPAdapter):
    """Ask nobody without encryption but this machine, be it by a redirect: the question may hold a key."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send what may be sent."""
        url = str(request.url)
        if urlsplit(url).hostname not in _HOME:
            raise fault(url, "is not encrypted, and was not asked", "use https")
        return super().send(request, *args, **kwargs)


class RefusedError(Exception):
    """A status that is no success; or the same told in an answer of status 200, by a service that is busy."""

    def __init__(self, reply: requests.Response, busy: str = "") -> None:
        self.status = 429 if busy else reply.status_code
        self.told = busy or f"{reply.status_code} {reply.reason or ''}".strip()
        said = reply.headers.get("Retry-After")
        try:
            self.retry_after = urllib3.Retry().parse_retry_after(said) if said else None
        except urllib3.exceptions.InvalidHeader:
            self.retry_after = None
        super().__init__(self.told)


def fault(url: str, what: str, fix: str) -> UnavailableError:
    """Say what is wrong with an address."""
    return UnavailableError([Fault(bare(url), what, fix)])


def bare(url: str) -> str:
    """Give an address without keys."""
    parts = urlsplit(url)
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in SECRETS])
    return urlunsplit(parts._replace(query=query))


def said_of(reply: requests.Response) -> Answer:
    """Read what a reply says of its file."""
    headers = reply.headers
    length = headers.get("Content-Length", "")
    etag = headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None
    size = int(length) if plain(reply) and length.isdigit() else 0
    url = bare(reply.url)
    if reply.history:  # a store's address is signed for the moment: that is a key, and of no use later
        url = urlunsplit(urlsplit(url)._replace(query=""))
    return Answer(url, size, strong or etag, headers.get("Last-Modified"))


def plain(reply: requests.Response) -> bool:
    """Whether the bytes that come are those of the file, and not packed on the way."""
    return bool(reply.headers.get("Content-Encoding", "identity") == "identity")


def continues(reply: requests.Response, known: Answer, have: int) -> bool:
    """Whether a part goes on where we are and is of the same file: not every server heeds If-Range (RFC 9110)."""
    said, total = said_of(reply), total_of(reply)
    pairs = ((known.etag, said.etag), (known.last_modified, said.last_modified), (known.bytes, total))
    return plain(reply) and _begins(reply) == have and all(a == b for a, b in pairs if a and b)


def _begins(reply: requests.Response) -> int:
    """Read where a part begins, of `bytes 100-199/200`."""
    said = reply.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(said) if said.isdigit() else -1


def total_of(reply: requests.Response) -> int:
    """Read how large the whole is of which a part came, of `bytes 100-199/200`; 0 where that is not said."""
    said = reply.headers.get("Content-Range", "").rpartition("/")[2]
    return int(said) if said.isdigit() else 0


def kind(error: Exception) -> str:
    """Name what went wrong without the address, which may hold a key."""
    return type(error).__name__.removesuffix("Error").removesuffix("Exception") or "no answer"
