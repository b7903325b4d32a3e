"""Put every neighbourhood into one of five numbered classes, and say in words what each class is."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from typing import Any

import pandas as pd

from needs.settings import CATALOGUE
from needs.webmap.content import PageData
from needs.webmap.text import number, rounded

CLASSES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Shading:
    """One way to colour the map.

    Attributes
    ----------
    id, label, title
        Its name, the words of its radio button, and the heading of its key.
    classes
        Class 1 (most) to 5 (least) by LSOA code.
    words
        What each class means, class 1 first.
    """

    id: str
    label: str
    title: str
    classes: pd.Series[int]
    words: tuple[str, ...]

    def count(self, k: int) -> int:
        """How many zones are in a class."""
        return int((self.classes == k).sum())


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Read what the map can show from layers.toml."""
    return tomllib.loads((CATALOGUE / "layers.toml").read_text("utf-8"))


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


def shadings(data: PageData) -> list[Shading]:
    """Every shading of the catalogue, applied to the page's zones."""
    zones = data.zones.set_index("lsoa21cd")
    made = []
    for row in catalogue()["shading"]:
        if "classes" in row:
            classes = zones[row["classes"]].astype(int)
            words = tuple(row["words"])
        else:
            lowest = thresholds(zones[row["bounds_from"]])
            classes = zones[row["value"]].map(lambda v, lowest=lowest: class_of(v, lowest))
            words = class_words(lowest)
        title = row["title"].replace("{demand_label}", data.demand_label)
        made.append(Shading(row["id"], row["label"], title, classes, words))
    return made
