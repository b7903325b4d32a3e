"""Write the numbers and names of charts: escaped, measured, shortened, with a true minus and dash."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable, Sequence

NO_VALUE = "no value"
MINUS, DASH, ELLIPSIS = "\u2212", "\u2013", "\u2026"

# Backtick, dollar, backslash and braces are entities too, so that a page built from templates can hold a chart.
_ENTITIES = str.maketrans({c: f"&#{ord(c)};" for c in "`$\\{}"})

# Widths of characters in em, rounded up, of the Arial metrics (Liberation Sans and Helvetica share them).
_WIDTHS = {c: w for w, cs in ((0.3, "ijl!,.:;'|ftI[]/\\() "), (0.36, 'r-"*`'), (0.52, "cksvxyzJ"),
                              (0.86, "mM%"), (1.04, "W@\u2026")) for c in cs}  # fmt: skip
_LOWER, _UPPER, _OTHER, _WIDE = 0.58, 0.75, 0.66, 1.15
_BOLD = 1.08
_SAFETY = 1.04  # another system font may run wider


def coordinate(value: float) -> str:
    """Write a coordinate with at most two decimals, the same on every machine."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written in {"-0", ""} else written


def clean(text: object) -> str:
    """Replace what cannot be printed (controls, direction overrides, lone surrogates) by spaces, and join spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def safe(text: object) -> str:
    """Escape a text for XML, HTML, attributes and templates."""
    return html.escape(clean(text)).translate(_ENTITIES)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate the width of a text, in units of the drawing, without asking a font: rather too wide than too narrow."""
    return sum(map(_width, text)) * size * _SAFETY * (_BOLD if bold else 1)


def _width(character: str) -> float:
    known = _WIDTHS.get(character)
    if known is not None:
        return known
    if ord(character) < 0x250:
        return _UPPER if character.isupper() else _LOWER
    if unicodedata.combining(character):
        return 0.0
    return _WIDE if ord(character) > 0x2E80 else _OTHER


def shorten(text: str, limit: float, size: float, *, bold: bool = False) -> str:
    """Cut a text to a width, with an ellipsis where something was cut."""
    if text_width(text, size, bold=bold) <= limit + 0.01:
        return text
    room, kept = limit - text_width(ELLIPSIS, size, bold=bold), 0
    for character in text:
        room -= text_width(character, size, bold=bold)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + ELLIPSIS


def brief(text: str, characters: int = 60) -> str:
    """Cut a text to a number of characters, for use within a sentence."""
    return text if len(text) <= characters else text[: characters - 1].rstrip() + ELLIPSIS


def wrap(text: str, limit: float, size: float, *, lines: int) -> list[str]:
    """Break a text at spaces into lines of a width; the last of them is shortened where the text is too long."""
    words, made = text.split(), [""]
    for at, word in enumerate(words):
        longer = f"{made[-1]} {word}".strip()
        if not made[-1] or text_width(longer, size) <= limit:
            made[-1] = longer
        elif len(made) < lines:
            made.append(word)
        else:
            made[-1] = " ".join([made[-1], *words[at:]])
            break
    return [shorten(line, limit, size) for line in made]


def decimals_for(values: Iterable[float]) -> int:
    """How many decimals values are written with: none for whole numbers and hundreds, one for tens, else two."""
    known = [abs(v) for v in values if math.isfinite(v)]
    largest = max(known, default=0.0)
    if all(v == round(v) for v in known) or largest >= 100:
        return 0
    if largest >= 10:
        return 1
    return 2 if largest >= 0.1 else min(6, 1 - math.floor(math.log10(largest)))


def number(value: float, decimals: int) -> str:
    """Write a number: `1,234`, `−0.31`, `25m` from a hundred million on; NaN is `no value`."""
    if math.isnan(value):
        return NO_VALUE
    large = abs(value) >= 1e8
    written = f"{abs(value) / 1e6:,.0f}m" if large else f"{abs(value):,.{decimals}f}"
    return f"{MINUS}{written}" if value < 0 and any(c in written for c in "123456789") else written


def signed(value: float, decimals: int) -> str:
    """Write a number with its sign: `+0.82`, `−0.31`, `0.00`."""
    written = number(value, decimals)
    return f"+{written}" if value > 0 and any(c in written for c in "123456789") else written


def within(text: str) -> str:
    """Begin with a small letter, for use within a sentence; abbreviations stay."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def span(low: float, high: float, decimals: int) -> str:
    """Write a range with an en dash, or with "to" where a minus would stand beside the dash."""
    between = DASH if low >= 0 and high >= 0 else " to "
    return f"{number(low, decimals)}{between}{number(high, decimals)}"


def with_unit(value: float, decimals: int, unit: str) -> str:
    """Write a number and what follows it; NaN is `no value`, without a unit."""
    return NO_VALUE if math.isnan(value) else number(value, decimals) + unit


def gaps(count: int, one: str) -> str:
    """Say in a sentence how many things have no value; nothing when none."""
    return f" {plural(count, one)} {'has' if count == 1 else 'have'} {NO_VALUE}." if count else ""


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write `1 zone`, `80 zones`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listing(parts: Sequence[str]) -> str:
    """Write `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def share_words(share: float) -> str:
    """Name a share of zones: `fifth`, `tenth`, `30%`."""
    named = {0.1: "tenth", 0.2: "fifth", 0.25: "quarter", 0.5: "half"}
    return next((name for known, name in named.items() if math.isclose(share, known)), f"{100 * share:.3g}%")
