"""Shape invented ground: wobbly outlines, wandering roads, and the bend that makes a flat sheet look grown."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

Coordinates = NDArray[np.float64]

# The bend: waves of these lengths and heights in metres. The sum of 2 pi height / length stays below 1, so that
# the sheet never folds over itself.
_WAVES_M = ((9_000.0, 330.0), (3_700.0, 90.0), (1_300.0, 26.0), (520.0, 6.0))


def blob(
    centre: tuple[float, float], a: float, b: float, *, wobble: float, phase: float, count: int, power: float = 2.0
) -> Polygon:
    """Draw a superellipse with a wavy edge.

    Parameters
    ----------
    centre
        Middle, metres.
    a, b
        Half axes east and north, metres.
    wobble
        Height of the waves as a share of the radius.
    phase
        Turns the waves, radians.
    count
        Vertices.
    power
        2 is an ellipse; 4 is nearly a rectangle.
    """
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    waves = sum(np.sin(k * angle + t * phase) / k**0.7 for k, t in ((2, 1), (3, 2.1), (5, -1.4), (9, 3.3), (16, 0.6)))
    radius = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1 / power) * (1 + wobble * waves)
    return Polygon(np.column_stack([centre[0] + a * radius * np.cos(angle), centre[1] + b * radius * np.sin(angle)]))


def shore(shape: Any, step_m: float, *, round_m: float, bays: float = 1.0) -> Polygon:
    """Give a water body a natural shore: corners rounded, a vertex every `step_m`, small bays and points.

    Parameters
    ----------
    shape
        Polygon in metres, wider than twice `round_m` everywhere.
    step_m
        Distance between vertices.
    round_m
        Radius of the rounding.
    bays
        Depth of the bays against the usual 50 m.
    """
    ring = shapely.segmentize(shape.buffer(round_m).buffer(-2 * round_m).buffer(round_m).exterior, step_m)
    line = np.asarray(ring.coords)[:-1]
    along = np.arange(len(line)) * step_m
    ahead, behind = np.roll(line, -1, axis=0), np.roll(line, 1, axis=0)
    tangent = (ahead - behind) / np.linalg.norm(ahead - behind, axis=1)[:, None]
    depth = bays * (26 * np.sin(along / 310) + 17 * np.sin(along / 127 + 1.3) + 8 * np.sin(along / 61 + 0.4))
    moved = Polygon(line + np.column_stack([tangent[:, 1], -tangent[:, 0]]) * depth[:, None]).buffer(0)
    return max(shapely.get_parts(moved), key=lambda part: part.area)


def wander(points: Coordinates, rng: np.random.Generator, *, sway: float = 0.07, leg_m: float = 170.0) -> LineString:
    """Lead a road through points in bends: the middle of each leg moves sideways, again and again.

    Parameters
    ----------
    points
        n x 2 metres; the road passes through each.
    rng
        Source of chance.
    sway
        Standard deviation of a move as a share of the leg.
    leg_m
        Legs shorter than this are left alone.
    """

    def bend(a: Coordinates, b: Coordinates) -> list[Coordinates]:
        step = b - a
        if np.hypot(*step) < leg_m:
            return [a]
        middle = (a + b) / 2 + np.array([-step[1], step[0]]) * np.clip(rng.normal(0, sway), -2 * sway, 2 * sway)
        return [*bend(a, middle), *bend(middle, b)]

    points = np.asarray(points, dtype=float)
    path = [p for a, b in itertools.pairwise(points) for p in bend(a, b)]
    return LineString([*path, points[-1]])


class Bend:
    """Move points of a council's flat sheet to EPSG:27700, bending the sheet on the way.

    Parameters
    ----------
    corner
        Easting and northing of the sheet's origin.
    rng
        Source of the waves' directions.
    scale
        Height of the waves against those for a county: smaller for a borough.
    """

    def __init__(self, corner: tuple[float, float], rng: np.random.Generator, scale: float) -> None:
        self.corner = np.array(corner)
        self.waves = [
            (2 * np.pi / length, height * scale, rng.uniform(0, 2 * np.pi, size=4)) for length, height in _WAVES_M
        ]

    def __call__(self, points: Coordinates) -> Coordinates:
        """Bend n x 2 sheet metres to EPSG:27700, to the centimetre."""
        points = np.asarray(points, dtype=float)
        moved = points.copy()
        for number, height, (turn, other, early, late) in self.waves:
            for axis, (direction, phase) in enumerate(((turn, early), (other, late))):
                along = points @ np.array([np.cos(direction), np.sin(direction)])
                moved[:, axis] += height * np.sin(number * along + phase)
        result: Coordinates = np.round(moved + self.corner, 2)
        return result

    def shape(self, geometry: Any, step_m: float = 60.0) -> Any:
        """Bend a geometry, with a vertex every `step_m` so that long edges bend too."""
        return shapely.transform(shapely.segmentize(geometry, step_m), self)
