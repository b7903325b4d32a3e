"""Check the tables of a plan, line them up by code, and state them as a model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.assessment.plan import PlanSettings
from needs.errors import Faults, InfeasibleError
from needs.location.model import Model
from needs.location.rules import Ints
from needs.location.solve import Solution, solve
from needs.location.values import Bools, Floats, Values
from needs.schemas import OFFERS
from needs.siting import statement

_POINT_COLUMNS = ("point_id", "lsoa21cd", "demand", "weight")
_SITE_COLUMNS = ("site_id", "name", "site_type", "today", "keep", "ours", "may_hub", "may_outreach")


@dataclass(frozen=True)
class Case:
    """The tables of one plan in order of their codes, and their model.

    Choice 2 s is a hub at site s and choice 2 s + 1 an outreach there.

    Attributes
    ----------
    points
        Sorted by point_id.
    sites
        Sorted by site_id, with `must`: what the site must be ("hub", "outreach", "open", "convert", "closed"; "stay":
        what it is today, or a hub; "" for nothing).
    covers
        Cover of each point by each choice, 0 to 1; shape (points, 2 x sites). 0 where an offer is not possible.
    today
        Choices that are what their site offers today; shape (2 x sites,).
    minutes
        From each point to each site; shape (points, sites); infinite where out of reach or not given.
    parent_min
        Minutes by car from each site to each; shape (sites, sites); NaN is out of reach.
    near
        Whether an outreach at the site of a row may hang on a hub at that of a column; shape (sites, sites).
    settings
        Of the plan.
    model
        Its first rows are the points. Their values are covers, an outreach's times `settings.outreach_value`;
        neighbours' sites are in its base.
    """

    points: pd.DataFrame
    sites: pd.DataFrame
    covers: Floats
    today: Bools
    minutes: Floats
    parent_min: Floats
    near: Bools
    settings: PlanSettings
    model: Model

    @staticmethod
    def of(
        points: pd.DataFrame,
        sites: pd.DataFrame,
        hub_cover: pd.DataFrame,
        outreach_cover: pd.DataFrame,
        parent_min: pd.DataFrame,
        settings: PlanSettings,
        minutes: pd.DataFrame | None = None,
    ) -> Case:
        """Line up the tables that `plan.recommend` describes.

        Raises
        ------
        InputError
            With every fault of the tables.
        """
        faults = Faults()
        _check_points(points, faults)
        _check_sites(sites, faults)
        faults.raise_if_any()
        points = points.sort_values("point_id", ignore_index=True)
        sites = sites.sort_values("site_id", ignore_index=True)
        today = sites["today"].to_numpy()
        ours = sites["ours"].to_numpy(bool)
        sites = sites.assign(must=statement.musts(sites, settings, faults).to_numpy())
        may = np.column_stack([ours & sites["may_hub"].to_numpy(bool), ours & sites["may_outreach"].to_numpy(bool)])
        offered = np.column_stack([today == "hub", today == "outreach"])
        covers = np.zeros((len(points), 2 * len(sites)))
        for k, (name, cover) in enumerate((("hub_cover", hub_cover), ("outreach_cover", outreach_cover))):
            used = may[:, k] | offered[:, k]
            wanted = sites["site_id"].to_numpy()[used]
            covers[:, k::2][:, used] = aligned(cover, points["point_id"], wanted, name=name, faults=faults)
        faults.raise_if_any()
        ids = list(sites["site_id"])
        away = pd.DataFrame(index=points["point_id"], columns=ids, dtype=float) if minutes is None else minutes
        away_min = away.reindex(index=list(points["point_id"]), columns=ids).fillna(np.inf).to_numpy(float)
        between = parent_min.reindex(index=ids, columns=ids).to_numpy(float)
        model = statement.model(
            points,
            sites,
            covers,
            away_min,
            between,
            settings,
            may=may.ravel(),
            today=offered.ravel(),
            faults=faults,
        )
        faults.raise_if_any()
        near = statement.near_hubs(between, may.ravel(), settings)
        return Case(points, sites, covers, offered.ravel(), away_min, between, near, settings, model)

    @property
    def worths(self) -> Floats:
        """Give what each choice is worth to each point: a hub its cover, an outreach its cover times what it counts."""
        worths: Floats = self.covers * np.tile([1.0, self.settings.outreach_value], len(self.sites))
        return worths

    def keep_worth(self, s: int, *, hub: bool) -> float:
        """Say what it is worth that an existing site of ours goes on, as a hub or not, in need-weighted families.

        An outreach site that becomes a hub is worth no more than one that goes on.
        """
        if not self.sites["ours"][s] or not self.today[2 * s : 2 * s + 2].any():
            return 0.0
        percent = self.settings.keep_hub_pct if hub and self.today[2 * s] else self.settings.keep_outreach_pct
        return math.fsum(self.points["weight"]) * percent / 100.0

    def presuming(self) -> Model:
        """State the model with the presumption against closure: a row for each site, worth what keeping it is."""
        count = len(self.sites)
        rows = np.zeros((count, self.model.choices))
        for s in range(count):
            rows[s, 2 * s : 2 * s + 2] = self.keep_worth(s, hub=True), self.keep_worth(s, hub=False)
        rows = rows[rows.any(axis=1)]
        return self.model.with_rows(Values.dense(rows), np.ones(len(rows)), np.zeros(len(rows)))

    def solve(self) -> Solution:
        """Solve the model with the presumption against closure.

        Raises
        ------
        InfeasibleError
            Naming every clash of constraints, and what would mend it.
        """
        self._check_clashes()
        return solve(self.presuming(), time_limit_s=self.settings.time_limit_s, gap=self.settings.gap)

    def offers(self, opened: Bools) -> list[str]:
        """Say what each site is when some choices are open: hub, outreach or none; a neighbour's as it is today."""
        ours = np.where(opened[::2], "hub", np.where(opened[1::2], "outreach", "none"))
        offers: list[str] = np.where(self.sites["ours"], ours, self.sites["today"]).tolist()
        return offers

    def left_to(self, s: int) -> list[str]:
        """Say what the settings leave a site to be: hub, outreach, none, or some of these."""
        rules = self.model.rules
        able = [c for c in (2 * s, 2 * s + 1) if not rules.closed[c]]
        required = [group.tolist() for group in rules.required if group[0] // 2 == s]
        able = [c for c in able if all(c in group for group in required)]
        return [OFFERS[c % 2] for c in able] + ([] if required else ["none"])

    def decided(self) -> list[bool]:
        """Whether the settings leave each site nothing to choose."""
        return [len(self.left_to(s)) <= 1 for s in range(len(self.sites))]

    def families(self, opened: Bools) -> dict[str, float]:
        """Say by site_id how many families the sites that are open can take on, where something says."""
        most = np.where(opened, statement.places(self.sites, self.settings, Faults()), np.inf)
        ids = self.sites["site_id"].to_list()
        return {ids[c // 2]: float(most[c]) for c in np.flatnonzero(np.isfinite(most)).tolist()}

    def _check_clashes(self) -> None:
        """Find what each site must be and cannot."""
        sites = self.sites
        faults = Faults(error=InfeasibleError)
        closed = self.model.rules.closed
        hung: list[bool] = np.asarray(self.near.any(axis=1)).tolist()
        for group, why in zip(self.model.rules.required, self.model.rules.required_why, strict=True):
            s = int(group[0]) // 2
            where = f"site {sites['site_id'][s]}"
            able: Ints = group[~closed[group]]
            if not len(able):
                flags = [f"may_{OFFERS[int(c) % 2]}" for c in group]
                what = f"{why.what}, but may not: {' and '.join(flags)} {'is' if len(flags) == 1 else 'are'} false"
                faults.add(where, what, f"set {' or '.join(flags)} for it, or {why.mend}")
            elif (able % 2 == 1).all() and not hung[s]:
                faults.add(
                    where,
                    f"{why.what}, but no site that may be a hub lies within "
                    f"{self.settings.parent_limit_min:g} minutes of it by car{self._nearest_possible_hub(s)}",
                    f"raise parent_limit_min, add a site that may be a hub, or {why.mend}",
                )
        faults.raise_if_any()

    def _nearest_possible_hub(self, site: int) -> str:
        minutes = np.where(
            self.model.rules.closed[::2] | (np.arange(len(self.sites)) == site), np.nan, self.parent_min[site]
        )
        if np.isnan(minutes).all():
            return ""
        nearest = int(np.nanargmin(minutes))
        return f"; the nearest is {self.sites['name'][nearest]}, {minutes[nearest]:.0f} minutes away"


def aligned(
    cover: pd.DataFrame, point_ids: pd.Series[str], site_ids: list[str], *, name: str, faults: Faults
) -> Floats:
    """Look up covers by code.

    Parameters
    ----------
    cover
        Index point_id, columns site_id, values 0 to 1.
    point_ids, site_ids
        Rows and columns wanted, in order.
    name, faults
        For messages, and their collector.

    Returns
    -------
    numpy.ndarray
        Shape (points, sites).
    """
    for labels, wanted, kind in ((cover.index, point_ids, "point"), (cover.columns, site_ids, "site")):
        if not labels.is_unique:
            faults.add(name, f"{kind} {labels[labels.duplicated()][0]} stands twice", "keep one")
            return np.zeros((len(point_ids), len(site_ids)))
        absent = [i for i in wanted if i not in labels]
        if absent:
            faults.add(name, f"has no {kind} {_list(absent)}", "make covers of the same points and sites as the plan")
            return np.zeros((len(point_ids), len(site_ids)))
    values = cover.reindex(index=list(point_ids), columns=list(site_ids)).to_numpy(float)
    wrong = ~((values >= 0) & (values <= 1))
    for i, j in np.argwhere(wrong)[:5]:
        faults.add(
            name,
            f"is {values[i, j]:g} for point {list(point_ids)[i]} and site {list(site_ids)[j]}",
            "give a share from 0 to 1 (0 where the site is out of reach)",
        )
    return values


def _check_points(points: pd.DataFrame, faults: Faults) -> None:
    if not _has(points, _POINT_COLUMNS, "points", faults):
        return
    _check_unique(points["point_id"], "points", faults)
    for column in ("demand", "weight"):
        values = points[column].to_numpy(float)
        for i in np.flatnonzero(~(np.isfinite(values) & (values >= 0)))[:5]:
            faults.add(
                f"points, {points['point_id'].iloc[i]}", f"{column} is {values[i]:g}", "give a number that is 0 or more"
            )


def _check_sites(sites: pd.DataFrame, faults: Faults) -> None:
    if not _has(sites, _SITE_COLUMNS, "sites", faults):
        return
    _check_unique(sites["site_id"], "sites", faults)
    for row in sites[~sites["today"].isin(OFFERS)].head(5).itertuples():
        faults.add(f"sites, {row.site_id}", f"today is {row.today!r}", f"use one of {', '.join(OFFERS)}")


def _has(frame: pd.DataFrame, columns: tuple[str, ...], name: str, faults: Faults) -> bool:
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        faults.add(name, f"lacks column {', '.join(absent)}", "add it")
    return not absent


def _check_unique(ids: pd.Series[str], name: str, faults: Faults) -> None:
    for i in sorted(set(ids[ids.duplicated()]))[:5]:
        faults.add(name, f"{ids.name} {i} stands twice", "keep one row for each")


def _list(words: list[str], shown: int = 8) -> str:
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return ", ".join(map(str, words[:shown])) + more
