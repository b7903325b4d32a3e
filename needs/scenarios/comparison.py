"""Compare scenarios family by family: who gains, who loses, in which zones and groups, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from needs import demand, travel
from needs.errors import InputError, fail
from needs.scenarios import display
from needs.scenarios.changes import changes
from needs.scenarios.families import CHANGES, SUMS, Scenario, check, side_by_side
from needs.scenarios.groupings import LABELS, members
from needs.scenarios.tables import by_zone, totals

TOLERANCE = 0.05  # of value, 1 being a hub near by: less than a minute's walk beyond a preset standard
FEW = 5.0  # families: a smaller group is flagged ("a count of less than 5 needs extra care", BINOCAR)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What other scenarios change against the first.

    Columns of a scenario end in its name. A family gains when its value (0 to 1, a hub near by being 1) rises by more
    than `tolerance`, and loses when it falls by more. In every table, need_gained - need_lost is the fall in unmet
    need, and gain + lose + same is the demand.

    Attributes
    ----------
    scenarios
        By name; the first is the one compared against.
    demand_label
        What is counted, such as "births a year".
    tolerance
        Change in value that counts as none.
    few
        Groups of fewer families are flagged.
    rows
        One row of families each, as `families.side_by_side` returns them, with zone_name.
    zones
        One row a zone, sorted by lsoa21cd: lsoa21cd, zone_name, demand; for each scenario cover (0 to 1), hub,
        outreach, virtual, turned_away, unmet, virtual_offline, and with minutes `hub_{mode}_min` and `any_{mode}_min`
        (of the middle family to the nearest hub, and to the nearest site); for each but the first gain, lose, same,
        need_gained, need_lost, unmet_change (below 0: less unmet need).
    groups
        One row a group that has people: kind (the column that tells groups apart, or the column of people counted),
        group, demand, few, left_out (people of another count who live where nobody of the demand does, so that it is
        not known how they are reached), and for each scenario the figures of `totals`.
    losses, gains
        As `changes.changes` lists them.
    totals
        By scenario: demand, hub, outreach, virtual (families; they add up to the demand), turned_away (of the virtual:
        full sites have no place for them) and each in per cent, met_pct (mean value in per cent), unmet,
        virtual_offline (NaN: not known); and of each but the first gain, lose, same, need_gained, need_lost.
    site_names
        By site_id.
    minutes
        By mode: index place_id, columns site_id.
    """

    scenarios: Mapping[str, Scenario]
    demand_label: str
    tolerance: float
    few: float
    rows: pd.DataFrame = field(repr=False)
    zones: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    losses: pd.DataFrame = field(repr=False)
    gains: pd.DataFrame = field(repr=False)
    totals: dict[str, dict[str, float]] = field(repr=False)
    site_names: Mapping[str, str] = field(repr=False)
    minutes: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def first(self) -> str:
        """Name of the scenario compared against."""
        return next(iter(self.scenarios))

    @property
    def others(self) -> list[str]:
        """Names of the other scenarios."""
        return list(self.scenarios)[1:]

    @property
    def summary(self) -> str:
        """Say in a sentence or more who gains and who loses."""
        return display.summary(self)

    def other(self, scenario: str | None) -> str:
        """Give a scenario other than the first by its name; the next to the first by default.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        name = scenario or self.others[0]
        if name not in self.others:
            fail(InputError, f"scenario {name!r}", "is not among those compared", f"give {', '.join(self.others)}")
        return name

    def _repr_html_(self) -> str:
        return display.comparison_html(self)


def before_and_after(
    families: pd.DataFrame,
    scenarios: Mapping[str, Scenario],
    *,
    demand_label: str,
    zone_names: Mapping[str, str] | pd.Series[str] | None = None,
    site_names: Mapping[str, str] | pd.Series[str] | None = None,
    minutes: Mapping[str, pd.DataFrame] | None = None,
    groups: Mapping[str, Mapping[Any, str]] | None = None,
    counts: pd.DataFrame | None = None,
    offline_pct: pd.Series[float] | None = None,
    tolerance: float = TOLERANCE,
    few: float = FEW,
) -> Comparison:
    """Compare scenarios with the first of them, family by family.

    Parameters
    ----------
    families
        As `catchments.split_by_car` returns it, with weight: point_id, lsoa21cd, share (of the zone's demand), demand,
        weight, and perhaps place_id (where `minutes` are measured from; point_id without it), car and the other
        columns of `groupings.LABELS`.
    scenarios
        By name (small letters and digits); the first is the one compared against.
    demand_label
        What is counted.
    zone_names, site_names
        By code and by site_id; codes stand for names that are not given.
    minutes
        By mode: index place_id, columns site_id, NaN beyond the limit.
    groups
        Further columns of `families` to compare by, with the words for their values.
    counts
        lsoa21cd, and columns of the table `demand` (`demand.columns()`): other people who live in each zone. They are
        taken to live in it where its demand does, and to be reached as it is.
    offline_pct
        By lsoa21cd: who has no internet, per cent. None, or NaN: not known.
    tolerance
        Change in value that counts as none.
    few
        Groups of fewer families are flagged.

    Raises
    ------
    InputError
        With every fault of the tables.
    """
    times = dict(minutes or {})
    offline = None if offline_pct is None else offline_pct.astype(float)
    check(families, scenarios, times, offline, tolerance)
    words = {**{c: w for c, w in LABELS.items() if c in families}, **(groups or {})}
    _check_groups(families, words, counts)
    rows = side_by_side(families, scenarios, offline, tolerance)
    zones, names = _names(zone_names), _names(site_names)
    rows = rows.assign(zone_name=[zones.get(code, code) for code in rows["lsoa21cd"]])
    return Comparison(
        scenarios=dict(scenarios),
        demand_label=demand_label,
        tolerance=tolerance,
        few=few,
        rows=rows,
        zones=_zones(rows, scenarios, times),
        groups=_groups(rows, list(scenarios), words, counts, few),
        losses=changes(rows, scenarios, "lose", minutes=times, site_names=names),
        gains=changes(rows, scenarios, "gain", minutes=times, site_names=names),
        totals={key: _sums(rows, key, changed=i > 0) for i, key in enumerate(scenarios)},
        site_names=names,
        minutes=times,
    )


def _names(given: Mapping[str, str] | pd.Series[str] | None) -> dict[str, str]:
    return {} if given is None else {str(code): str(name) for code, name in given.items()}


def _check_groups(families: pd.DataFrame, words: Mapping[str, Any], counts: pd.DataFrame | None) -> None:
    absent = [c for c in words if c not in families]
    if absent:
        fail(InputError, "families", f"has no column {', '.join(absent)}", "give it, or leave the group out")
    if counts is None:
        return
    known = demand.columns()
    odd = [c for c in counts if c not in {"lsoa21cd", *known}]
    if odd:
        fail(InputError, "counts", f"{', '.join(map(str, odd))} is not counted", f"give {', '.join(known)}")
    missing = sorted(set(families["lsoa21cd"]) - set(counts["lsoa21cd"]))
    if missing:
        fail(InputError, "counts", f"has no row for zone {missing[0]}", "give every zone of the families")


def _sums(rows: pd.DataFrame, key: str, *, changed: bool) -> dict[str, float]:
    """Add up a scenario over families; virtual_offline is NaN unless it is known of all who are beyond reach."""
    found = totals(rows, key)
    met = float((rows["demand"] * rows[f"value_{key}"]).sum())
    found["met_pct"] = 100.0 * met / found["demand"] if found["demand"] > 0 else 0.0
    found["virtual_offline"] = float(rows[f"virtual_offline_{key}"].sum(skipna=False))
    return found | {c: float(rows[f"{c}_{key}"].sum()) for c in CHANGES if changed}


def _zones(rows: pd.DataFrame, scenarios: Mapping[str, Scenario], minutes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    first, *others = scenarios
    zones = rows.groupby("lsoa21cd").agg(zone_name=("zone_name", "first"), demand=("demand", "sum"))
    by_code = rows.groupby("lsoa21cd")
    for key, scenario in scenarios.items():
        outcome = scenario.outcome.set_index("point_id").reindex(rows["point_id"]).reset_index()
        zones = zones.join(by_zone(outcome.assign(lsoa21cd=rows["lsoa21cd"]), rows).add_suffix(f"_{key}"))
        zones[f"virtual_offline_{key}"] = by_code[f"virtual_offline_{key}"].agg(lambda v: v.sum(skipna=False))
    if minutes:
        zones = zones.join(_nearest(rows, scenarios, minutes))
    for key in others:
        zones = zones.join(by_code[[f"{c}_{key}" for c in CHANGES]].sum())
        zones[f"unmet_change_{key}"] = zones[f"unmet_{key}"] - zones[f"unmet_{first}"]
    return zones.sort_index().reset_index()


def _nearest(
    rows: pd.DataFrame, scenarios: Mapping[str, Scenario], minutes: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Measure the middle family's minutes to the nearest hub, and to any site, in every scenario by every mode."""
    own = "place_id" if "place_id" in rows else "point_id"
    points = rows.groupby([own, "lsoa21cd"])["share"].sum().rename_axis(index={own: "point_id"}).reset_index()
    near = {}
    for key, scenario in scenarios.items():
        for what, offers in (("hub", {"hub"}), ("any", {"hub", "outreach"})):
            sites = [s for s, offer in scenario.offers.items() if offer in offers]
            for mode, table in minutes.items():
                near[f"{what}_{mode}_min_{key}"] = table.reindex(points["point_id"])[sites].min(axis=1)
    found = travel.by_zone(pd.DataFrame(near).rename_axis(columns="site_id"), points, mode="")
    columns = {name: part.set_index("lsoa21cd")["minutes"] for name, part in found.groupby("site_id")}
    return pd.DataFrame({name: columns[name] for name in near})


def _groups(
    rows: pd.DataFrame,
    keys: list[str],
    words: Mapping[str, Mapping[Any, str]],
    counts: pd.DataFrame | None,
    few: float,
) -> pd.DataFrame:
    parts = [(kind, label, part, 0.0) for kind, own in words.items() for label, part in members(rows, kind, own)]
    if counts is not None:
        known, people = demand.columns(), counts.set_index("lsoa21cd")
        parts += [(c, known[c].meaning, *_counted(rows, people[c])) for c in known if c in people]
    found = []
    for kind, label, part, left_out in parts:
        families = float(part["demand"].sum())
        if not families + left_out > 0:
            continue
        row: dict[str, Any] = {"kind": kind, "group": label, "demand": families, "few": families < few}
        row["left_out"] = left_out
        for i, key in enumerate(keys):
            figures = {f"{c}_{key}": v for c, v in _sums(part, key, changed=i > 0).items() if c != "demand"}
            row |= figures if families > 0 else dict.fromkeys(figures, np.nan)  # of nobody, 0 would be a figure
        found.append(row)
    names = [f"{c}_{key}" for i, key in enumerate(keys) for c in _sums(rows, key, changed=i > 0) if c != "demand"]
    return pd.DataFrame(found, columns=["kind", "group", "demand", "few", "left_out", *names])


def _counted(rows: pd.DataFrame, people: pd.Series[float]) -> tuple[pd.DataFrame, float]:
    """Count other people in place of the demand: its rows in proportion, and how many live where there is no demand."""
    own = rows["share"] * rows["lsoa21cd"].map(people)
    none = rows["demand"] <= 0
    ratio = (own / rows["demand"].mask(none)).fillna(0.0)
    names = [c for c in map(str, rows) if c.rpartition("_")[0] in {*SUMS, *CHANGES}]
    scaled = rows[["demand", *names]].mul(ratio, axis=0)
    return rows.assign(**scaled)[~none], float(np.sum(own[none]))
