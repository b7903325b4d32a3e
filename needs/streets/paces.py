"""Judge a street by its tags: may a mode use it, in which direction, how fast."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from needs.streets.rules import FERRY, Mode

KPH_PER_MPH = 1.609344
_TO_METRES = {"": 1.0, "m": 1.0, "cm": 0.01, "km": 1000.0, "ft": 0.3048, "'": 0.3048}
_YES, _AGAINST = frozenset({"yes", "1", "true"}), frozenset({"-1", "reverse"})


@dataclass(frozen=True)
class Pace:
    """How a mode goes along a street.

    Attributes
    ----------
    highway
        OpenStreetMap's class, or "ferry".
    forward_kph, backward_kph
        Speed along and against the street's direction; 0 where the mode may not go.
    refused
        Why the mode may not use the street at all; empty where it may.
    ferry, toll
        Flags.
    crossing_min
        Minutes for the whole way, instead of the speeds (a ferry's `duration`).
    """

    highway: str
    forward_kph: float = 0.0
    backward_kph: float = 0.0
    refused: str = ""
    ferry: bool = False
    toll: bool = False
    crossing_min: float | None = None


def pace(tags: dict[str, str], mode: Mode) -> Pace:
    """Judge a way by its tags.

    The slowest of the surface rules counts, not their product. Where the map says how steep a street is and the mode
    asks for it, speeds follow Tobler's hiking function (W. Tobler, Three presentations on geographical analysis and
    modeling, NCGIA 93-1, 1993) relative to the level.
    """
    highway = tags.get("highway", "")
    ferry = highway not in mode.highways and tags.get("route") == "ferry"
    toll = tags.get("toll") == "yes"
    refused = _refused(tags, mode, ferry=ferry, toll=toll)
    if refused:
        return Pace(FERRY if ferry else highway, refused=refused, ferry=ferry, toll=toll)
    forward, backward = _allowed(tags, mode)
    if ferry:
        speeds = [mode.ferry_kph, mode.ferry_kph]
    else:
        factor = min((r.factor for r in mode.slow if r.fits(tags)), default=1.0)
        cap = min((r.kph for r in mode.slow if r.kph is not None and r.fits(tags)), default=math.inf)
        speeds = [
            min(_level_kph(tags, mode, way), cap) * factor * (_tobler(tags, sign) if mode.gradient else 1.0)
            for way, sign in (("forward", 1.0), ("backward", -1.0))
        ]
    return Pace(
        FERRY if ferry else highway,
        speeds[0] if forward else 0.0,
        speeds[1] if backward else 0.0,
        ferry=ferry,
        toll=toll,
        crossing_min=crossing_min(tags.get("duration", "")) if ferry else None,
    )


def denied(tags: dict[str, str], mode: Mode) -> bool:
    """Say whether the access tags, the most special one that is there, keep a mode out."""
    said = next((tags[k] for k in mode.access if k in tags), "")
    return all(value.strip() in mode.denied for value in said.split(";"))  # a list bars those whom all of it bars


def legal_kph(tags: dict[str, str], mode: Mode, direction: str) -> float | None:
    """Read the speed limit, by number ("30 mph", "50") or by name ("GB:nsl_single"); None where none is usable.

    Parameters
    ----------
    tags
        Of the way.
    direction
        "forward" or "backward".
    """
    for key in (f"maxspeed:{direction}", "maxspeed", "maxspeed:type", "source:maxspeed"):
        text = tags.get(key, "").strip().casefold()
        match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)\s*(mph|km/h|kmh|kph)?", text)
        if match and float(match[1]) > 0:
            return float(match[1]) * (KPH_PER_MPH if match[2] == "mph" else 1.0)
        sign = next((s for s in mode.sign if text in s.names and s.fits(tags)), None)
        if sign:
            return sign.mph * KPH_PER_MPH
    return None


def incline_pct(text: str) -> float | None:
    """Read a slope along the way: "10%", "-3 °", or a bare number, taken for percent; None for "up" and the like."""
    match = re.fullmatch(r"([+-]?\d{1,3}(?:\.\d{1,6})?)\s*(%|°)?", text.strip())
    if match is None:
        return None
    value = float(match[1])
    if match[2] == "°":
        return 100.0 * math.tan(math.radians(value)) if abs(value) < 90 else None
    return value


def width_m(text: str) -> float | None:
    """Read a width: "2", "2 m", "90 cm", "6 ft"; None for anything else."""
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,4})?)\s*(m|cm|km|ft|')?", text.strip())
    return float(match[1]) * _TO_METRES[match[2] or ""] if match else None


def crossing_min(text: str) -> float | None:
    """Read a duration: minutes ("20"), "hh:mm", "hh:mm:ss" or ISO 8601 ("PT1H30M"); None for anything else."""
    text = text.strip()
    if re.fullmatch(r"\d{1,4}", text):
        minutes = float(text)
    elif match := re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", text):
        minutes = int(match[1]) * 60 + int(match[2]) + int(match[3] or 0) / 60
    elif match := re.fullmatch(r"PT(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:(\d{1,5})S)?", text):
        minutes = int(match[1] or 0) * 60 + int(match[2] or 0) + int(match[3] or 0) / 60
    else:
        return None
    return minutes if minutes > 0 else None


_READ = {"incline": lambda text: None if (pct := incline_pct(text)) is None else abs(pct), "width": width_m}


def _refused(tags: dict[str, str], mode: Mode, *, ferry: bool, toll: bool) -> str:
    """Name the rule that keeps the mode out."""
    if not ferry and tags.get("highway", "") not in mode.highways:
        return "class"
    if denied(tags, mode):
        return "access"
    if (ferry and not mode.ferries) or (toll and not mode.tolls):
        return "ferry" if ferry and not mode.ferries else "toll"
    for rule in mode.refuse:
        if rule.fits(tags):
            return "_".join(sorted(rule.when))
    for limit in mode.limit:
        value = _READ[limit.tag](tags.get(limit.tag, ""))
        if value is not None and not limit.least <= value <= limit.most:
            return limit.tag
    return ""


def _allowed(tags: dict[str, str], mode: Mode) -> tuple[bool, bool]:
    """Directions that one-ways leave open: along and against."""
    if not mode.oneway:
        return True, True
    said = next((tags[k] for k in mode.oneways if k in tags), "")
    bound = said in _YES or (said != "no" and any(r.fits(tags) for r in mode.oneway_where))
    if said not in _AGAINST and not bound:
        return True, True
    if any(r.fits(tags) for r in mode.contraflow):
        return True, True
    return said not in _AGAINST, said in _AGAINST


def _level_kph(tags: dict[str, str], mode: Mode, direction: str) -> float:
    highway = tags["highway"]
    speed = mode.kph or mode.typical_kph[highway]
    if mode.maxspeed:
        speed = min(legal_kph(tags, mode, direction) or speed, mode.ceiling_kph.get(highway, math.inf))
    return speed


def _tobler(tags: dict[str, str], sign: float) -> float:
    slope = sign * (incline_pct(tags.get("incline", "")) or 0.0) / 100.0
    return math.exp(-3.5 * (abs(slope + 0.05) - 0.05))
