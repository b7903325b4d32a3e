"""Put every neighbourhood into one of five numbered classes, and say in words what each class is."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from needs.settings import CATALOGUE
from needs.webmap.content import PageData
from needs.webmap.text import number, rounded

CLASSES = (1, 2, 3, 4, 5)
PALETTES = ("amount", "change")  # sets of colours of style.css: one way, and two ways from the middle


@dataclass(frozen=True)
class Shading:
    """One way to colour the map.

    Attributes
    ----------
    id, group, label, title
        Its name, the words over its group of radio buttons, those of its own, and the heading of its key.
    palette
        Which colours it has.
    classes
        Class 1 to 5 by LSOA code.
    words
        What each class means, class 1 first.
    """

    id: str
    group: str
    label: str
    title: str
    palette: str
    classes: pd.Series[int]
    words: tuple[str, ...]

    def count(self, k: int) -> int:
        """How many zones are in a class."""
        return int((self.classes == k).sum())


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Read what the map can show from layers.toml."""
    return tomllib.loads((CATALOGUE / "layers.toml").read_text("utf-8"))


def shadings(data: PageData) -> list[Shading]:
    """Every shading of the catalogue, applied to the page's zones."""
    zones = data.zones.set_index("lsoa21cd")
    made = []
    for row in catalogue()["shading"]:
        modes = list(data.modes.items()) if row.get("each") == "mode" else [("", "")]
        for mode, words in modes:
            fills = {"{mode}": mode, "{words}": words.lower(), "{demand_label}": data.demand_label}
            fills |= {"{today}": data.sides.said_today, "{plan}": data.sides.said_plan}
            fills |= {"{from}": data.sides.today.lower(), "{to}": data.sides.plan.lower()}
            told = {k: _filled(v, fills) for k, v in row.items()}
            rule = next(RULES[name] for name in RULES if name in told)
            classes, meaning = rule(zones, told)
            own = {k: told[k] for k in ("id", "group", "label", "title")}
            palette = told.get("palette", PALETTES[0])
            made.append(Shading(**own, palette=palette, classes=classes.astype(int), words=meaning))
    return made


def _filled(value: Any, fills: dict[str, str]) -> Any:
    """Put words for their place holders."""
    if isinstance(value, str):
        for holder, words in fills.items():
            value = value.replace(holder, words)
    return value


Classed = tuple["pd.Series[int]", tuple[str, ...]]


def _given(zones: pd.DataFrame, row: dict[str, Any]) -> Classed:
    return zones[row["classes"]], tuple(row["words"])


def _fifths(zones: pd.DataFrame, row: dict[str, Any]) -> Classed:
    lowest = thresholds(zones[row["fifths_of"]])
    return zones[row["value"]].map(lambda v: class_of(v, lowest)), class_words(lowest)


def thresholds(values: pd.Series[float]) -> tuple[float, ...]:
    """Lowest value of classes 1 to 4, so that the values above zero fall into five classes of equal count.

    Values are taken as shown (`text.rounded`); equal values fall into the same class, the higher one. Zero is always in
    class 5. Empty where no value is above zero.
    """
    shown = sorted((rounded(v) for v in values if rounded(v) > 0), reverse=True)
    return tuple(shown[math.ceil(k * len(shown) / 5) - 1] for k in CLASSES[:4]) if shown else ()


def class_of(value: float, lowest: tuple[float, ...]) -> int:
    """Class of a value, given the lowest values of classes 1 to 4."""
    return next((k for k, low in enumerate(lowest, 1) if rounded(value) >= low), CLASSES[-1])


def class_words(lowest: tuple[float, ...]) -> tuple[str, ...]:
    """Say the bounds of the five classes."""
    if not lowest:
        return ("none", "none", "none", "none", "all zero")
    words = [f"{number(lowest[0])} or more"]
    for low, above in zip(lowest[1:], lowest[:-1], strict=True):
        words.append(f"{number(low)} to under {number(above)}" if low < above else "none")
    return (*words, f"under {number(lowest[-1])}")


def _bounded(zones: pd.DataFrame, row: dict[str, Any]) -> Classed:
    """Class minutes, as shown in whole ones, by fixed bounds; out of reach is class 1 too."""
    bounds = [float(b) for b in row["at_most"]]

    def of(value: float) -> int:
        return 1 if math.isnan(value) else CLASSES[-1] - sum(round(value) > b for b in bounds)

    words = [f"over {bounds[-1]:g} minutes, or out of reach"]
    words += [f"over {low:g} to {high:g}" for low, high in zip(bounds[-2::-1], bounds[:0:-1], strict=True)]
    return zones[row["value"]].map(of), (*words, f"up to {bounds[0]:g} minutes")


def _changed(zones: pd.DataFrame, row: dict[str, Any]) -> Classed:
    """Class changes, as shown, about none: much is beyond the middle one of those that are not none."""
    shown = zones[row["value"]].map(rounded)
    sizes = sorted(abs(v) for v in shown if v)
    much = sizes[len(sizes) // 2] if sizes else 0.0

    def of(value: float) -> int:
        if not value:
            return 3
        return (1 if value > 0 else 5) if abs(value) >= much else (2 if value > 0 else 4)

    if not sizes:
        return shown.map(of), ("none", "none", "no change", "none", "none")
    far, near = f"{number(much)} or more", f"less than {number(much)}"
    words = (f"rises by {far}", f"rises by {near}", "about the same", f"falls by {near}", f"falls by {far}")
    return shown.map(of), words


RULES: dict[str, Callable[[pd.DataFrame, dict[str, Any]], Classed]] = {
    "classes": _given,
    "fifths_of": _fifths,
    "at_most": _bounded,
    "change": _changed,
}
