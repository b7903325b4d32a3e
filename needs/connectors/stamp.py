"""Make the twin of a file that was fetched, from the catalogue and from what its service said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from needs.connectors import twins
from needs.connectors.asking import Ask, Got
from needs.connectors.twins import Twin
from needs.sources.files import sha256


def twin_of(ask: Ask, path: Path, got: Got | None, *, title: str | None = None) -> Twin:
    """Write down what a file is; of one that a person put there (`got` is None), not where from."""
    source = ask.source
    margin_km = ask.area.margin_km if got and source.kind == "geofabrik" and source.of_area else None
    got = got or Got(twins.BY_HAND)
    return Twin(
        source=ask.name,
        title=title or source.title,
        publisher=source.publisher,
        licence=source.licence,
        attribution=source.attribution or "",
        vintage=source.vintage or "",
        date=source.date,
        page=source.page,
        url=got.url,
        fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        sha256=sha256(path),
        bytes=path.stat().st_size,
        asked=got.asked,
        etag=got.etag,
        last_modified=got.last_modified,
        edited=got.edited,
        made_of=got.made_of,
        codes=tuple(sorted(ask.area.codes)) if source.of_area else (),
        margin_km=margin_km,
    )
