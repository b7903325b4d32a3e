"""Measure minutes by every mode."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from needs import travel
from needs.assessment import Assessment
from needs.stages.data import Data


@dataclass(frozen=True)
class Travel:
    """Minutes by mode, from points and zones to sites, and by car from site to site."""

    minutes: dict[str, pd.DataFrame]
    zones: pd.DataFrame
    between_sites: pd.DataFrame

    @property
    def summary(self) -> str:
        """Say in a line what was measured."""
        return ", ".join(
            f"{m}: {int(t.notna().to_numpy().sum()):,} of {t.size:,} journeys within reach"
            for m, t in self.minutes.items()
        )


def measure(settings: Assessment, ground: Data) -> Travel:
    """Measure minutes by every mode."""
    minutes = {m: travel.minutes(ground.points, ground.sites, ground.graphs[m]) for m in settings.travel.modes}
    zones = pd.concat([travel.by_zone(t, ground.points, mode=m) for m, t in minutes.items()], ignore_index=True)
    by_car = ground.graphs.get("drive") or next(iter(ground.graphs.values()))
    return Travel(minutes, zones, travel.site_minutes(ground.sites, by_car))
