"""Measure minutes by every mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from needs import travel
from needs.assessment import Assessment
from needs.stages.data import Data
from needs.streets import Graph


@dataclass(frozen=True)
class Travel:
    """Minutes by mode, from points and zones to sites, and by car from site to site.

    Attributes
    ----------
    minutes
        By mode: index point_id, columns site_id; where there is a timetable also by bus, of its first window.
    zones
        As `travel.by_zone` gives it, for every mode.
    buses
        As `travel.Buses.zones`, for every window.
    between_sites
        Index and columns site_id.
    notes
        What to know about the times.
    """

    minutes: dict[str, pd.DataFrame]
    zones: pd.DataFrame
    buses: pd.DataFrame
    between_sites: pd.DataFrame
    notes: list[str]

    @property
    def summary(self) -> str:
        """Say in a line what was measured."""
        return ", ".join(
            f"{m}: {int(t.notna().to_numpy().sum()):,} of {t.size:,} journeys within reach"
            for m, t in self.minutes.items()
        )


def measure(settings: Assessment, ground: Data, *, say: Callable[[str], None] = lambda _: None) -> Travel:
    """Measure minutes by every mode; where that takes long, tell how far it has come."""
    minutes, zones = along(settings, ground, say=say), []
    for mode in settings.travel.modes:
        network = ground.networks[mode]
        back = travel.minutes_back(ground.points, ground.sites, network, say=say)
        zones.append(travel.by_zone(minutes[mode], ground.points, mode=mode, back=back))
    buses, notes = _by_bus(settings, ground)
    if buses:
        minutes[travel.BUS] = next(iter(buses.values())).minutes
        zones.append(travel.by_zone(minutes[travel.BUS], ground.points, mode=travel.BUS))
    windows = [b.zones for b in buses.values()]
    by_car = ground.networks.get("drive") or next(iter(ground.networks.values()))
    return Travel(
        minutes,
        pd.concat(zones, ignore_index=True),
        pd.concat(windows, ignore_index=True) if windows else pd.DataFrame(),
        travel.site_minutes(ground.sites, by_car),
        [*travel.crossings(ground.networks), *notes],
    )


def along(
    settings: Assessment, ground: Data, *, say: Callable[[str], None] = lambda _: None
) -> dict[str, pd.DataFrame]:
    """Measure minutes from every place to every site by the modes that need no timetable."""
    return {
        mode: travel.minutes(ground.points, ground.sites, ground.networks[mode], say=say)
        for mode in settings.travel.modes
    }


def _by_bus(settings: Assessment, ground: Data) -> tuple[dict[str, travel.Buses], list[str]]:
    """Measure by bus, where there are a timetable, its day, and streets to walk to the stops."""
    day, walk = settings.travel.timetable_date, ground.networks.get(travel.by_timetable().walk)
    if ground.feed is None or day is None or not isinstance(walk, Graph):
        return {}, []
    return travel.by_bus(ground.points, ground.sites, walk, ground.feed, school_day=day)
