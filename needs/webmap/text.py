"""Turn values into text for the page: one escape for every string, one rounding for every number."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

NOT_KNOWN = "not known"
BEYOND = "beyond the limit"

# Backtick, dollar and backslash end or enter JavaScript template strings; braces are read again by folium's templates.
_ENTITIES = str.maketrans({c: f"&#{ord(c)};" for c in "`$\\{}"})
_VOID = {"br", "col", "input", "meta"}


class Html(str):
    """Text that may stand in the page as it is."""

    __slots__ = ()


def safe(text: object) -> Html:
    """Escape a text for HTML, attributes, JavaScript template strings and Jinja templates.

    Characters that cannot be printed (control, direction overrides, lone surrogates) become spaces. `Html` passes
    unchanged.
    """
    if isinstance(text, Html):
        return text
    printable = "".join(c if c.isprintable() else " " for c in str(text))
    return Html(html.escape(printable).translate(_ENTITIES))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """Write one element; every child and attribute that is not `Html` is escaped.

    Parameters
    ----------
    name
        Element name.
    *children
        Texts or elements.
    **attributes
        An underscore at the end is dropped, others become hyphens; True writes the bare attribute, None and False
        nothing.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        written.append(f" {label}" if value is True else f' {label}="{safe(value)}"')
    start = f"<{name}{''.join(written)}>"
    return Html(start) if name in _VOID else Html(f"{start}{join(children)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Join texts and elements, escaping the texts."""
    return Html(between.join(safe(p) for p in parts))


def link(words: str, url: str | None) -> Html:
    """Write a link to a web address; anything but http and https stays plain words."""
    return tag("a", words, href=url) if url and url.startswith(("https://", "http://")) else safe(words)


def rounded(value: float) -> float:
    """Round to whole numbers from 10 on, to one decimal below: what the page shows is what it classes."""
    tenth = round(float(value), 1)
    return tenth if abs(tenth) < 10 else float(round(float(value)))


def number(value: Any) -> str:
    """Write a count: `1,234`, `7`, `3.4`; missing is `not known`."""
    if pd.isna(value):
        return NOT_KNOWN
    shown = rounded(value)
    words = f"{abs(shown):,.0f}" if shown.is_integer() else f"{abs(shown):,.1f}"
    return f"−{words}" if shown < 0 else words


def figure(value: Any) -> str:
    """Write a measure with three significant digits: `0.123`, `−4.56`, `1,230`; missing is `not known`."""
    if value is None or pd.isna(value):
        return NOT_KNOWN
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{float(value):,.{decimals}f}".replace("-", "−")


def change(value: Any) -> str:
    """Write a change with its sign: `+3.4`, `−12`, `0`."""
    words = number(value)
    return f"+{words}" if pd.notna(value) and rounded(value) > 0 else words


def points(value: float) -> str:
    """Write points of the need score, one decimal."""
    return f"{value:.1f}"


def percent(value: Any) -> str:
    """Write a percentage in whole per cent; missing (a share of nobody) is `not known`."""
    return NOT_KNOWN if pd.isna(value) else f"{round(float(value)):.0f}%"


def share(value: Any) -> str:
    """Write a percentage with one decimal; missing is `not known`."""
    return (
        NOT_KNOWN if pd.isna(value) else f"{round(float(value), 1) + 0.0:.1f}%".replace("-", "−")
    )  # none below 0 is 0


def minutes(value: Any) -> str:
    """Write minutes, whole; NaN is beyond the limit of the mode."""
    return BEYOND if pd.isna(value) else f"{float(value):.0f}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write `1 hub`, `2 hubs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def gap(value: Any) -> str:
    """Write a gap (a share) in per cent, never rounded down to none."""
    if value is None or math.isnan(value):
        return NOT_KNOWN
    return "0%" if value <= 0 else "under 0.1%" if value < 0.001 else f"{100 * value:.1f}%"


def csv_uri(frame: pd.DataFrame) -> str:
    """Write a table as a data URI of a CSV file that spreadsheets open safely.

    Texts that a spreadsheet would run as a formula get an apostrophe in front.
    """
    guarded = frame.apply(lambda column: column.map(_no_formula))
    text = guarded.to_csv(index=False, lineterminator="\r\n")
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode("utf-8-sig", "replace")).decode()


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
