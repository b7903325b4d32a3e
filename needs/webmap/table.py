"""Write one table of the page: caption, grouped headings, rows that can be looked up, a region that scrolls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from needs.webmap.text import Html, tag


@dataclass(frozen=True)
class Column:
    """Heading of a column; columns of one group stand under a common heading. `kind`: text, number or head."""

    head: str
    kind: str = "text"
    group: str = ""


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    *,
    name: str,
    ids: Sequence[str] = (),
    scrolls: bool = True,
) -> Html:
    """Write a table.

    Parameters
    ----------
    caption
        What the table shows.
    columns
        Headings; a column of kind "head" heads its rows.
    rows
        Cells in the order of the columns; texts are escaped.
    name
        `id` of the table.
    ids
        `id` of each row, where rows are looked up.
    scrolls
        Whether it stands in a region that scrolls by itself; for tables that may be wider than the window.
    """
    body = []
    for i, row in enumerate(rows):
        cells = [_cell(column, cell) for column, cell in zip(columns, row, strict=True)]
        body.append(tag("tr", *cells, id=ids[i] if ids else None))
    whole = tag("table", tag("caption", caption), tag("thead", *_head(columns)), tag("tbody", *body), id=name)
    return tag("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0") if scrolls else whole


def _cell(column: Column, cell: object) -> Html:
    if column.kind == "head":
        return tag("th", cell, scope="row")
    return tag("td", cell, class_="n" if column.kind == "number" else None)


def _head(columns: Sequence[Column]) -> list[Html]:
    """One row of headings, or two where columns are grouped."""
    grouped = any(c.group for c in columns)
    upper, lower = [], []
    for i, column in enumerate(columns):
        kind = "n" if column.kind == "number" else None
        if not column.head:
            upper.append(tag("td"))
            continue
        if not column.group:
            upper.append(tag("th", column.head, scope="col", rowspan="2" if grouped else None, class_=kind))
            continue
        if i == 0 or columns[i - 1].group != column.group:
            span = sum(c.group == column.group for c in columns)
            upper.append(tag("th", column.group, scope="colgroup", colspan=str(span), class_="group"))
        lower.append(tag("th", column.head, scope="col", class_=kind))
    return [tag("tr", *upper), *([tag("tr", *lower)] if grouped else [])]


def sentence(words: str) -> str:
    """Begin with a capital."""
    return words[:1].upper() + words[1:]
