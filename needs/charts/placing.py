"""Find room for labels beside marks, so that no label lies on a mark, a line or another label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needs.charts.drawing import SMALL, Drawing
from needs.charts.tables import Floats
from needs.charts.words import text_width

_ABOVE, _BELOW = 9.0, 3.5  # of a line of small text, from its baseline
_SAMPLES = 240  # points that stand for a line


class Placer:
    """Room that is taken on a drawing.

    Parameters
    ----------
    drawing
        Where labels are written.
    points
        Array (n, 2) of places that labels must not cover, such as marks and samples of lines.
    box
        Left, top, right, bottom that labels must not leave.
    """

    def __init__(self, drawing: Drawing, points: Floats, box: tuple[float, float, float, float]) -> None:
        self.drawing, self.points, self.box = drawing, points, box
        self.taken: list[tuple[float, float, float, float]] = []

    def write(
        self,
        anchors: Sequence[tuple[float, float]],
        words: str,
        gap: float,
        *,
        bold: bool = False,
        strangers: Floats | None = None,
    ) -> bool:
        """Write a label beside the first anchor that has room: right, left, above or below. Say whether one had.

        `strangers` are places of other things, to which the label must not seem to belong: it keeps twice the gap.
        """
        wide = text_width(words, SMALL, bold=bold)
        for x, y in anchors:
            sides = (
                (x + gap, y + 4, "start", x + gap),
                (x - gap, y + 4, "end", x - gap - wide),
                (x, y - gap - _BELOW, "middle", x - wide / 2),
                (x, y + gap + _ABOVE, "middle", x - wide / 2),
                (x + gap * 0.7, y - gap * 0.5 - _BELOW, "start", x + gap * 0.7),
                (x + gap * 0.7, y + gap * 0.5 + _ABOVE, "start", x + gap * 0.7),
                (x - gap * 0.7, y - gap * 0.5 - _BELOW, "end", x - gap * 0.7 - wide),
                (x - gap * 0.7, y + gap * 0.5 + _ABOVE, "end", x - gap * 0.7 - wide),
            )
            for tx, base, anchor, left in sides:
                place = (left, base - _ABOVE, left + wide, base + _BELOW)
                if self._free(place) and (strangers is None or not _near(strangers, place, 2 * gap)):
                    self.taken.append(place)
                    self.drawing.text(tx, base, words, size=SMALL, anchor=anchor, bold=bold, class_="chart-label")
                    return True
        return False

    def _free(self, place: tuple[float, float, float, float]) -> bool:
        x1, y1, x2, y2 = place
        a, b, c, d = self.box
        if x1 < a or y1 < b or x2 > c or y2 > d:
            return False
        if any(x1 < t[2] and t[0] < x2 and y1 < t[3] and t[1] < y2 for t in self.taken):
            return False
        return not _near(self.points, place, 1.0)


def _near(points: Floats, place: tuple[float, float, float, float], by: float) -> bool:
    """Whether any point lies within a place or nearer to it than `by`."""
    x1, y1, x2, y2 = place
    x, y = points[:, 0], points[:, 1]
    return bool(((x > x1 - by) & (x < x2 + by) & (y > y1 - by) & (y < y2 + by)).any())


def samples(points: Sequence[tuple[float, float]]) -> Floats:
    """Places evenly along an open line, for a `Placer` to keep free."""
    at = np.asarray(points, dtype=float).reshape(-1, 2)
    if len(at) < 2:
        return at
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
    where = np.linspace(0, along[-1], _SAMPLES)
    return np.column_stack([np.interp(where, along, at[:, 0]), np.interp(where, along, at[:, 1])])
