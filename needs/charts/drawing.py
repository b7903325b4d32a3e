"""Draw on an SVG of one width: text, marks, patterns, keys, axes; write it out with ids of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from needs.charts.chart import Chart
from needs.charts.words import clean, coordinate, number, safe, shorten, text_width
from needs.errors import InputError, fail

WIDTH = 360.0  # units; about the pixels of a narrow phone
NARROWEST = 280.0
TEXT, SMALL = 13.0, 12.0  # sizes of text in units
LINE = 16.0  # from one line of text to the next
MARGIN = 2.0
_GROW = 1.35  # a chart is shown at most this much larger than drawn
_TOKEN = "\x00"  # noqa: S105 - stands for the chart's own id until the drawing is done; no text can hold it (`words.clean`)
FAINT, GRID = 0.78, 0.22  # opacities of lesser text and of grid lines

# Luminances between 0.117 and 0.30 keep 3:1 on white and on #111; dark and light take turns, for greyscale prints.
PALETTE = ("#2073bc", "#e0751a", "#007f5f", "#d5679a", "#8c5a3c", "#3a93d4", "#7a52b8", "#8f8f2f")
_STRIPES = (
    "",
    "M-2,2L2,-2M0,8L8,0M6,10L10,6",
    "M2,2h2v2h-2zM6,6h2v2h-2z",
    "M-2,6L2,10M0,0L8,8M6,-2L10,2",
    "M0,2h8M0,6h8",
    "M2,0v8M6,0v8",
    "M0,0L8,8M0,8L8,0",
    "M0,4h8",
)
_DOTS = 2
SHAPES = ("circle", "diamond", "square", "triangle", "ring", "cross")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "5 2 1 2 1 2", "3 6", "14 3 3 3")

Value = str | float


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: str) -> str:
    """Black or white, whichever stands out more on a colour (at least 4.5:1)."""
    return "#ffffff" if 1.05 / (luminance(colour) + 0.05) > (luminance(colour) + 0.05) / 0.05 else "#000000"


@dataclass(frozen=True)
class Scale:
    """Values to places on the drawing, in proportion."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> tuple[list[float], int]:
        """Round values within the scale, and the decimals that they need."""
        rough = (self.high - self.low) / max(about, 1)
        tens = 10.0 ** math.floor(math.log10(rough))
        step = next(m for m in (1, 2, 5, 10) if m * tens >= 0.8 * rough) * tens
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        return [round(k * step, decimals) for k in range(first, last + 1)], decimals


def scale(values: Sequence[float], start: float, end: float, *, zero: bool = True) -> Scale:
    """Fit a scale to the finite values; `zero` keeps zero within it. One value alone gets room."""
    known = [v for v in values if math.isfinite(v)] + ([0.0] if zero or not len(values) else [])
    low, high = min(known, default=0.0), max(known, default=0.0)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-12):
        room = max(1.0, 0.1 * abs(low))
        low, high = (low, low + room) if zero else (low - room, high + room)
    return Scale(low, high, start, end)


class Drawing:
    """An SVG being drawn, from the top down.

    Parameters
    ----------
    width
        Width in units.
    """

    def __init__(self, width: float) -> None:
        self.width = max(float(width), NARROWEST)
        self.parts: list[str] = []
        self._patterns: set[int] = set()

    def add(self, name: str, hover: str = "", inside: str = "", /, **attributes: Value | None) -> None:
        """Add an element; `hover` is its `<title>`, `inside` is SVG already written."""
        self.parts.append(element(name, hover, inside, **attributes))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        limit: float | None = None,
        size: float = TEXT,
        anchor: str = "start",
        bold: bool = False,
        faint: bool = False,
        ink: str | None = None,
        halo: str | None = None,
        class_: str | None = None,
    ) -> None:
        """Write a text whose baseline is y, within `limit` (else within the drawing); cut texts are whole on hover.

        `ink` is its colour where it stands on a mark, `halo` the colour that keeps a pattern away from it.
        """
        room = {"start": self.width - x, "end": x, "middle": 2 * min(x, self.width - x)}[anchor]
        shown = shorten(words, min(room, limit or room), size, bold=bold)
        self.add(
            "text",
            words if shown != words else "",
            safe(shown),
            class_=class_,
            x=x,
            y=y,
            font_size=size if size != TEXT else None,
            text_anchor=anchor if anchor != "start" else None,
            font_weight="bold" if bold else None,
            fill=ink,
            fill_opacity=FAINT if faint else None,
            stroke=halo,
            stroke_width=3.0 if halo else None,
            stroke_linejoin="round" if halo else None,
            paint_order="stroke" if halo else None,
            pointer_events="none" if ink else None,
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, **attributes: Value | None) -> None:
        """Draw a line in the colour of the text."""
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": "currentColor", **attributes})

    def fill(self, series: int) -> str:
        """Fill of the k-th series: a colour, with a pattern of its own from the second on."""
        at = series % len(PALETTE)
        kind = (series + series // len(PALETTE)) % len(_STRIPES)
        if not _STRIPES[kind]:
            return PALETTE[at]
        code = at * len(_STRIPES) + kind
        self._patterns.add(code)
        return f"url(#{_TOKEN}p{code})"

    def swatch(self, x: float, y: float, series: int) -> None:
        """Draw the sample of a series for a key, 22 units wide, centred on y."""
        self.add(
            "rect", x=x, y=y - 6, width=22, height=12, fill=self.fill(series), stroke=PALETTE[series % len(PALETTE)]
        )

    def key(self, y: float, items: Sequence[tuple[Callable[[float, float], None], str]], sample: float = 28.0) -> float:
        """Write a key from y down, as many items on a line as fit; return where it ends. `sample` is their room."""
        x = MARGIN
        for draw, words in items:
            wide = sample + min(text_width(words, SMALL), self.width - 2 * MARGIN - sample)
            if x > MARGIN and x + wide > self.width - MARGIN:
                x, y = MARGIN, y + LINE + 2
            draw(x, y + LINE / 2)
            self.text(x + sample, y + LINE / 2 + 4, words, size=SMALL)
            x += wide + 14
        return y + LINE + 8 if items else y

    def axis_x(
        self, place: Scale, top: float, bottom: float, *, unit: str = "", ticks: list[float] | None = None
    ) -> float:
        """Draw lines from top to bottom at round values, and the values below them; return where the axis ends."""
        values, decimals = place.ticks(max(2, min(5, int((place.end - place.start) / 48))))
        edge = -math.inf
        for value in ticks or values:
            x, words = place(value), number(value, 0 if ticks else decimals) + unit
            self.line(x, top, x, bottom, stroke_opacity=GRID)
            half = text_width(words, SMALL) / 2
            centre = min(max(x, half), self.width - half)
            if centre - half > edge:
                self.text(centre, bottom + 13, words, size=SMALL, anchor="middle", faint=True)
                edge = centre + half + 4
        return bottom + 18

    def finish(
        self, height: float, *, title: str, description: str, data: pd.DataFrame, headings: Sequence[str]
    ) -> Chart:
        """Write the drawing out. Its ids come from a hash of all that it holds, so that charts share a page."""
        title = clean(title)
        if not title:
            fail(InputError, "chart", "has no title", "say in a few words what it shows")
        body = "".join(
            [
                f'<title id="{_TOKEN}t">{safe(title)}</title><desc id="{_TOKEN}d">{safe(description)}</desc>',
                *([f"<defs>{''.join(map(_pattern, sorted(self._patterns)))}</defs>"] if self._patterns else []),
                *self.parts,
            ]
        )
        size = f"{coordinate(self.width)} {coordinate(height)}"
        own = "chart-" + hashlib.sha256((size + body).encode()).hexdigest()[:12] + "-"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="100%" role="img"'
            f' aria-labelledby="{own}t" aria-describedby="{own}d" preserveAspectRatio="xMinYMin meet"'
            f' style="display:block;max-width:{coordinate(self.width * _GROW)}px;height:auto"'
            f' font-family="Arial, Helvetica, sans-serif" font-size="{coordinate(TEXT)}" fill="currentColor">'
        )
        return Chart(head + body.replace(_TOKEN, own) + "</svg>", title, description, data, tuple(headings))


def element(name: str, hover: str = "", inside: str = "", /, **attributes: Value | None) -> str:
    """Write one SVG element; numbers are coordinates, underscores become hyphens, None writes nothing."""
    written = []
    for key, value in attributes.items():
        if value is not None:
            shown = value if isinstance(value, str) else coordinate(value)
            written.append(f' {key.rstrip("_").replace("_", "-")}="{shown}"')
    children = (f"<title>{safe(hover)}</title>" if hover else "") + inside
    return f"<{name}{''.join(written)}>{children}</{name}>" if children else f"<{name}{''.join(written)}/>"


def marker(
    shape: str, x: float, y: float, r: float, colour: str, hover: str = "", *, class_: str | None = "chart-mark"
) -> str:
    """Write a marker, of about equal area for every shape; a ring is hollow, a cross has no area."""
    drawn: dict[str, Value | None] = {"class_": class_, "fill": colour}
    if shape in {"ring", "cross"}:
        drawn = {"class_": class_, "fill": "none", "stroke": colour, "stroke_width": 1.8}
    if shape in {"circle", "ring"}:
        return element("circle", hover, cx=x, cy=y, r=r if shape == "circle" else 0.9 * r, **drawn)
    if shape == "cross":
        d = _path([(x - r, y - r), (x + r, y + r)]) + _path([(x - r, y + r), (x + r, y - r)])
        return element("path", hover, d=d, **drawn)
    a, b = 1.3 * r, 0.9 * r
    corners = {
        "diamond": [(x, y - a), (x + a, y), (x, y + a), (x - a, y)],
        "square": [(x - b, y - b), (x + b, y - b), (x + b, y + b), (x - b, y + b)],
        "triangle": [(x, y - a), (x + a, y + b), (x - a, y + b)],
    }[shape]
    return element("path", hover, d=_path(corners) + "z", **drawn)


def polyline(points: Sequence[tuple[float, float]], **attributes: Value | None) -> str:
    """Write an open line through points."""
    return element("path", d=_path(points), fill="none", stroke_linejoin="round", **attributes)


def nothing(title: str, data: pd.DataFrame, headings: Sequence[str], width: float) -> Chart:
    """Say that there is nothing to draw."""
    drawing = Drawing(width)
    drawing.text(MARGIN, 24, "Nothing to draw: the table is empty.", faint=True)
    words = "Nothing to draw: the table is empty."
    return drawing.finish(40, title=title, description=words, data=data, headings=headings)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)


def _pattern(code: int) -> str:
    colour, kind = PALETTE[code // len(_STRIPES)], code % len(_STRIPES)
    white: dict[str, Value | None] = {"fill": "none", "stroke": "#ffffff", "stroke_width": 1.4}
    if kind == _DOTS:
        white = {"fill": "#ffffff"}
    inside = element("rect", width=8.0, height=8.0, fill=colour) + element(
        "path", d=_STRIPES[kind], opacity=0.6, **white
    )
    name = f"{_TOKEN}p{code}"
    return element("pattern", "", inside, id=name, width=8.0, height=8.0, patternUnits="userSpaceOnUse")
