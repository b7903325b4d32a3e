"""Ask Nomis for a table, 25,000 cells at a time, and put its pages together to one CSV."""

from __future__ import annotations

import csv
import io
import os
from datetime import date
from pathlib import Path
from typing import Any

from needs.connectors.asking import Ask, Got
from needs.connectors.pages import beside
from needs.errors import SourceError

CELLS = 25_000  # a call of a guest gives (Nomis API, usage limits)
KEY = "NOMIS_API_KEY"  # environment: a key of one's own, for services that ask for one; never written anywhere
ZONES_A_QUESTION = 100  # codes of zones in one address, which stays under 2,000 characters
FIGURE, TOTAL = "OBS_VALUE", "RECORD_COUNT"


def fetch(ask: Ask, part: Path) -> Got:
    """Bring a table as CSV.

    Each page begins at the record after the last that came (RecordOffset), and the records in the end are held against
    the count that each of them carries (RECORD_COUNT).

    Raises
    ------
    SourceError
        If the service fails, the answer is no table of figures, or records are missing.
    """
    url = ask.source.urls[0]
    geographies = _geographies(ask)
    updated = _version(ask)
    state = {"url": url, "params": ask.source.params, "geography": geographies}
    kept = beside(part, {**state, "updated": updated or f"{date.today()}"})
    headings: list[str] = []
    rows: list[list[str]] = []
    number = 0
    for geography in geographies:
        got, want = 0, -1
        while want < 0 or got < want:
            params = {**ask.source.params, "geography": geography, "RecordOffset": str(got), "RecordLimit": str(CELLS)}
            content = kept.get(number)
            content = _asked(ask, url, params) if content is None else content
            head, new = _table(ask, content)
            if headings and head != headings:
                raise kept.odd(ask, "changes its headings from page to page")
            headings = head
            if not new and want < 0:
                break  # the table has nothing for these areas
            if not new:
                raise kept.odd(ask, f"gave {got:,} of {want:,} records and then no more")
            want = _count(ask, head, new)
            kept.put(number, content)
            number += 1
            got += len(new)
            rows += new
            ask.client.progress(ask.source.title, len(rows), None)
        if got != max(want, 0):
            raise kept.odd(ask, f"gave {got:,} records where it counts {want:,}")
    if updated and _version(ask) not in {"", updated}:
        raise kept.odd(ask, "was updated while it was fetched")
    if not rows:
        raise ask.fault("gives no record: the table has none for these areas or this date", "check its parameters")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    part.write_text(out.getvalue(), "utf-8", newline="\n")
    kept.drop()
    asked = "; ".join(f"{k}={v}" for k, v in ask.source.params.items())
    where = f"{len(ask.codes)} zones" if ask.source.codes else ask.source.params.get("geography", "")
    return Got(url=url, asked=f"{asked}; {where}", edited=updated)


def version(ask: Ask) -> str:
    """Ask when the table was last updated; "" where the service does not say."""
    url = ask.source.urls[0].removesuffix(".data.csv") + ".def.sdmx.json"
    found = ask.client.json(url)
    notes = _find(found, "annotation")
    said = {str(n.get("annotationtitle")): str(n.get("annotationtext")) for n in notes if isinstance(n, dict)}
    return said.get("LastUpdated", said.get("Last updated", ""))


def sample(ask: Ask) -> int:
    """Ask for one record, and give how many there are."""
    where = {"geography": ask.source.params.get("geography", "TYPE151"), "RecordLimit": "1"}
    head, rows = _table(ask, _asked(ask, ask.source.urls[0], {**ask.source.params, **where}))
    if not rows:
        raise ask.fault("gives no record", "check its parameters")
    return _count(ask, head, rows)


def _version(ask: Ask) -> str:
    """Ask when the table was last updated, and do without where that cannot be had: the figures can."""
    try:
        return version(ask)
    except SourceError:
        return ""


def _count(ask: Ask, head: list[str], rows: list[list[str]]) -> int:
    said = rows[0][head.index(TOTAL)]
    if not said.isdigit():
        raise ask.changed(f"{TOTAL} is {said!r}, and no count of records")
    return int(said)


def _geographies(ask: Ask) -> list[str]:
    if ask.source.codes is None:
        return [ask.source.params["geography"]]
    codes = ask.codes
    return [",".join(codes[i : i + ZONES_A_QUESTION]) for i in range(0, len(codes), ZONES_A_QUESTION)]


def _asked(ask: Ask, url: str, params: dict[str, str]) -> bytes:
    key = os.environ.get(KEY)
    return ask.client.read(url, {**params, **({"uid": key} if key else {})})


def _table(ask: Ask, content: bytes) -> tuple[list[str], list[list[str]]]:
    text = content.decode("utf-8-sig", "replace")
    rows = [r for r in csv.reader(io.StringIO(text)) if r]
    head = [h.strip().upper() for h in rows[0]] if rows else []
    absent = [h for h in (FIGURE, TOTAL, "GEOGRAPHY_CODE") if h not in head]
    if absent and len(head) > 2:
        raise ask.changed(f"the answer has no column {', '.join(map(repr, absent))}; it has {', '.join(head)[:200]}")
    if absent:
        told = " ".join(text.replace(os.environ.get(KEY) or KEY, "...").split())[:120]
        raise ask.fault(f"gives no table; it says {told!r}", "check its parameters")
    broken = next((i for i, r in enumerate(rows) if len(r) != len(head)), None)
    if broken is not None:
        raise ask.fault(f"record {broken} is cut short", "run the same command again later")
    return head, rows[1:]


def _find(said: Any, name: str) -> list[Any]:
    """Find a list by its name, however deep."""
    if isinstance(said, dict):
        if isinstance(said.get(name), list):
            return list(said[name])
        return next((f for v in said.values() if (f := _find(v, name))), [])
    if isinstance(said, list):
        return next((f for v in said if (f := _find(v, name))), [])
    return []
