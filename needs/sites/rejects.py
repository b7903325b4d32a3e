"""List the rows of a file that are no site of their own, each with its reason and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import pandas as pd


@dataclass(frozen=True)
class Reject:
    """One row that is not used.

    Attributes
    ----------
    source
        Id of its input.
    row
        Where it stands in the file.
    name, postcode
        As given; "" where blank.
    kind
        The reason in a few words, to be counted.
    reason, to_do
        What is wrong with it, and what mends it.
    kept_as
        site_id of the site that it is counted with; "" where it cannot be used.
    """

    source: str
    row: str
    name: str
    postcode: str
    kind: str
    reason: str
    to_do: str
    kept_as: str = ""


def reject_table(rejects: Iterable[Reject]) -> pd.DataFrame:
    """Give rejects as a table: source, row, name, postcode, reason, to_do, kept_as."""
    columns = [f.name for f in fields(Reject) if f.name != "kind"]
    return pd.DataFrame([asdict(r) for r in rejects], columns=columns)


def counted(rejects: Iterable[Reject]) -> str:
    """Count rejects by kind, the most frequent first."""
    kinds = Counter(r.kind for r in rejects)
    return ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items(), key=lambda k: (-k[1], k[0])))
