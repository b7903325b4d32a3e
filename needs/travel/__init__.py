"""Measure minutes from where families live to every site, per way of travelling."""

from needs.travel.buses import Buses, by_bus
from needs.travel.doors import (
    Network,
    door_to_door_ms,
    limit_ms,
    minutes,
    minutes_back,
    site_minutes,
    snap_places,
    within_ms,
)
from needs.travel.modes import BUS, by_timetable, needs_car, words
from needs.travel.places import check_reach, crossings
from needs.travel.straight import CAUTION, ESTIMATE, StraightLines
from needs.travel.summary import by_zone, weighted_quantile

__all__ = [
    "BUS",
    "CAUTION",
    "ESTIMATE",
    "Buses",
    "Network",
    "StraightLines",
    "by_bus",
    "by_timetable",
    "by_zone",
    "check_reach",
    "crossings",
    "door_to_door_ms",
    "limit_ms",
    "minutes",
    "minutes_back",
    "needs_car",
    "site_minutes",
    "snap_places",
    "weighted_quantile",
    "within_ms",
    "words",
]
