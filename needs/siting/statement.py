"""State the tables of a plan as a model: rules, floors, and what is asked first."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from needs.assessment.plan import PlanSettings, ReachFloor
from needs.errors import Faults
from needs.location.capacity import Capacity
from needs.location.model import Floor, Goal, Model
from needs.location.rules import Ints, Limit, Links, Rules, Wish
from needs.location.values import Bools, Floats, Values

OFFERS = ("hub", "outreach")  # of choices 2 s and 2 s + 1
_DECILE = 0.1


def musts(sites: pd.DataFrame, settings: PlanSettings, faults: Faults) -> pd.Series[str]:
    """Say what each site must be: a word of the settings' `must`, "stay", or "" for nothing.

    The settings come before what the table says; a site that stays is what it is today, or becomes a hub.
    """
    today, ours = sites["today"].to_numpy(), sites["ours"].to_numpy(bool)
    stays = ours & (today != "none") & (sites["keep"].to_numpy(bool) | (settings.existing == "keep"))
    words = pd.Series(np.where(stays, "stay", ""), index=sites["site_id"], dtype=object)
    for site_id, word in settings.must.items():
        where = f"must, {site_id}"
        if site_id not in words.index:
            near = get_close_matches(site_id, list(words.index), n=1, cutoff=0.8)
            faults.add(where, "there is no such site", f"did you mean {near[0]!r}?" if near else "give a site_id")
            continue
        s = words.index.tolist().index(site_id)
        if not ours[s]:
            faults.add(where, "is a neighbour's site, about which this plan does not decide", "take it out")
        elif word == "convert" and today[s] == "none":
            faults.add(where, "offers nothing today, so it cannot be converted", 'say "open", "hub" or "outreach"')
        elif word == "closed" and today[s] != "none" and settings.existing == "keep":
            fix = 'drop one of the two: with existing = "free", keep sites by their column keep or by must = "open"'
            faults.add(where, 'must close, but existing = "keep" lets no site that exists close', fix)
        words[site_id] = word
    return words


def model(
    points: pd.DataFrame,
    sites: pd.DataFrame,
    covers: Floats,
    minutes: Floats,
    between: Floats,
    settings: PlanSettings,
    *,
    may: Bools,
    today: Bools,
    faults: Faults,
) -> Model:
    """State it, with the points as the first rows.

    Parameters
    ----------
    points, sites, covers, minutes, between
        As in `case.Case`; sites with `must`.
    settings
        What a plan may be.
    may, today
        Choices that are possible, and those that are what their site offers today; shape (2 x sites,).
    faults
        Collector of what cannot be stated.
    """
    worth = np.tile([1.0, settings.outreach_value], len(sites))
    neighbours = today & np.repeat(~sites["ours"].to_numpy(bool), 2)
    values = covers * worth
    weights = points["weight"].to_numpy(float)
    entries = Values.dense(values)
    stated = Model(
        values=entries,
        weights=weights,
        base=values[:, neighbours].max(axis=1, initial=0.0),
        rules=_rules(sites, between, settings, may=may, today=today, faults=faults),
        kept=today & may,
        capacity=_capacity(points, covers, entries, places(sites, settings, faults), settings, faults),
    )
    first = _aim(points, settings, faults)
    if settings.aim == "worst_decile_travel":
        chosen = neediest(points)
        if not np.isfinite(minutes[chosen]).any():
            faults.add("aim", "'worst_decile_travel' needs minutes", "give the minutes from each point to each site")
        stated = _measured(stated, _nearness(minutes[chosen], may | neighbours), neighbours)
        first = (Goal(stated.below(points["demand"].to_numpy(float)[chosen])[:, None], "travel of the neediest tenth"),)
    stated = replace(stated, first=first)
    for floor in settings.floor:
        stated = _with_floor(stated, floor, points, covers, neighbours, faults)
    return stated


def _rules(
    sites: pd.DataFrame, between: Floats, settings: PlanSettings, *, may: Bools, today: Bools, faults: Faults
) -> Rules:
    count = len(sites)
    hubs = np.tile([True, False], count)
    required, required_why, closed = _required(sites, today)
    near, near_why = _apart(sites, between, settings, may)
    parents = np.zeros((2 * count, 2 * count), bool)
    parents[1::2, ::2] = near_hubs(between, may, settings)
    return Rules(
        choices=2 * count,
        limits=(
            Limit(hubs.astype(float), settings.max_hubs, "max_hubs"),
            Limit((~hubs).astype(float), settings.max_outreach, "max_outreach"),
            *_budgets(sites, settings, may=may, today=today, faults=faults),
        ),
        apart=(*(np.array([2 * s, 2 * s + 1]) for s in range(count)), *near),
        required=required,
        closed=~may | closed,
        hangs=~hubs,
        links=Links.of(parents),
        apart_why=(*[None] * count, *near_why),
        required_why=required_why,
        links_why=Wish(
            "parent_limit_min", "outreach hangs on a hub near by", "raise it, or add sites that may be hubs"
        ),
    )


def near_hubs(between: Floats, may: Bools, settings: PlanSettings) -> Bools:
    """Say whether an outreach at the site of a row may hang on a hub at that of a column; shape (sites, sites)."""
    near: Bools = (between <= settings.parent_limit_min) & may[::2] & ~np.eye(len(between), dtype=bool)
    return near


def _required(sites: pd.DataFrame, today: Bools) -> tuple[tuple[Ints, ...], tuple[Wish, ...], Bools]:
    """Give groups of choices of which one must open and why, and choices that may not, by what each site must be."""
    groups, closed = [], np.zeros(len(today), bool)
    for s, must in enumerate(sites["must"]):
        hub, outreach = 2 * s, 2 * s + 1
        if must == "hub" or (must == "stay" and today[hub]) or (must == "convert" and today[outreach]):
            groups.append(np.array([hub]))
        elif must == "outreach" or (must == "convert" and today[hub]):
            groups.append(np.array([outreach]))
        elif must in {"open", "stay"}:
            groups.append(np.array([hub, outreach]))
        closed[[hub, outreach]] |= must == "closed"
    return tuple(groups), tuple(_wish(sites, int(group[0]) // 2) for group in groups), closed


def _wish(sites: pd.DataFrame, s: int) -> Wish:
    """Say why a site must be something."""
    name, must = sites["name"].iloc[s], sites["must"].iloc[s]
    if must != "stay":
        words = {"hub": "be a hub", "outreach": "be an outreach site", "open": "be open", "convert": "convert"}[must]
        return Wish(f"must, {sites['site_id'].iloc[s]}", f"{name} must {words}", f"unset must for {name}")
    if sites["keep"].iloc[s]:
        return Wish(f"keep, {sites['site_id'].iloc[s]}", f"{name} must stay", f"unset keep for {name}")
    return Wish("existing", f"{name} must stay", 'set existing = "free"')


def _budgets(sites: pd.DataFrame, settings: PlanSettings, *, may: Bools, today: Bools, faults: Faults) -> list[Limit]:
    """State money and staff days; what closing costs is saved by a site that goes on."""
    limits = []
    for name, cost, most in settings.budgets():
        amounts = np.column_stack([cost_of(sites, settings, offer, cost) for offer in OFFERS]).ravel()
        unknown = np.isnan(amounts) & may
        if unknown.any():
            where = sites["site_id"].to_numpy()[np.unique(np.flatnonzero(unknown) // 2)]
            shown = ", ".join(where[:5]) + (f" and {len(where) - 5} more" if len(where) > 5 else "")
            faults.add(
                name,
                f"is set, but {cost} is not known for {shown}",
                f"give {cost} under [plan.hub] and [plan.outreach], or hub_{cost} and outreach_{cost} of the sites",
            )
            continue
        amounts = np.where(may, amounts, 0.0)
        if cost == "opening_gbp":
            amounts = np.where(today, 0.0, amounts)
            closes = (today[::2] | today[1::2]) & sites["ours"].to_numpy(bool)
            closing = np.where(closes, own_or(sites, "closing_gbp", settings.closing_gbp), 0.0)
            amounts, most = amounts - np.repeat(closing, 2), most - float(closing.sum())
        limits.append(Limit(amounts, most, name))
    return limits


def cost_of(sites: pd.DataFrame, settings: PlanSettings, offer: str, cost: str) -> Floats:
    """Say what an offer costs at each site: its own figure, or the settings'; NaN where neither says."""
    return own_or(sites, f"{offer}_{cost}", getattr(getattr(settings, offer), cost))


def own_or(sites: pd.DataFrame, column: str, preset: float | None) -> Floats:
    """Give each site's own figure, or a preset; NaN where there is neither."""
    given = sites[column].to_numpy(float) if column in sites else np.full(len(sites), np.nan)
    return np.where(np.isnan(given), np.nan if preset is None else preset, given)


def places(sites: pd.DataFrame, settings: PlanSettings, faults: Faults) -> Floats:
    """Say how many families each choice can take on; infinite where nothing says, and at neighbours' sites.

    Shape (2 x sites,).
    """
    given = np.column_stack([cost_of(sites, settings, offer, "families") for offer in OFFERS])
    for s, k in np.argwhere(given < 0)[:5]:
        faults.add(
            f"sites, {sites['site_id'].iloc[s]}",
            f"{OFFERS[k]}_families is {given[s, k]:g}",
            "give the families that it can take on, 0 or more, or leave it empty where nothing limits it",
        )
    limited = ~np.isnan(given) & sites["ours"].to_numpy(bool)[:, None]
    most: Floats = np.where(limited, given, np.inf).ravel()
    return most


def _capacity(
    points: pd.DataFrame, covers: Floats, values: Values, most: Floats, settings: PlanSettings, faults: Faults
) -> Capacity | None:
    """State that a family within an offer's standard takes a place there; None where no choice can ever be full.

    A point's families that go to a choice take up as many places as the choice covers of them, whatever an outreach is
    worth: those beyond the standard are not served there, so they take none.
    """
    capacity = Capacity.of(values, most, points["demand"].to_numpy(float)[:, None] * covers)
    if capacity is not None:
        asked = [floor.label for floor in settings.floor]
        asked += [f"aim {settings.aim!r}"] if settings.aim != "total" else []
        for where in asked:
            faults.add(
                where,
                "cannot be asked for together with families (what an offer can take on, of [plan.hub], [plan.outreach] "
                "or the sites' hub_families and outreach_families), for it would count families that are turned away",
                "drop one of the two",
            )
    return capacity


def _apart(sites: pd.DataFrame, between: Floats, settings: PlanSettings, may: Bools) -> tuple[list[Ints], list[Wish]]:
    """Give pairs of hubs that are nearer to each other than they may be, and by how much."""
    if settings.hubs_apart_min is None:
        return [], []
    shorter = np.fmin(between, between.T)
    nearer = shorter < settings.hubs_apart_min
    stay = sites["must"].isin(["stay", "hub"]).to_numpy() & (sites["today"] == "hub").to_numpy()
    nearer &= np.outer(may[::2], may[::2]) & ~np.outer(stay, stay)
    pairs, names = np.argwhere(np.triu(nearer, 1)).tolist(), sites["name"].tolist()
    asked = f"{settings.hubs_apart_min:g} minutes are asked for"
    whys = []
    for a, b in pairs:
        least = f"{np.floor(10 * shorter[a, b]) / 10:g}"
        whys.append(
            Wish(
                "hubs_apart_min",
                f"{names[a]} and {names[b]} are {least} minutes apart, where {asked}",
                f"lower it to {least}",
            )
        )
    return [np.array([2 * a, 2 * b]) for a, b in pairs], whys


def _aim(points: pd.DataFrame, settings: PlanSettings, faults: Faults) -> tuple[Goal, ...]:
    """Give goals over the points' need met."""
    if settings.aim not in {"fifths", "worst_fifth"}:
        return ()
    if "fifth_england" not in points:
        faults.add("aim", f"{settings.aim!r} needs the fifth of each point", "give points with fifth_england")
        return ()
    weights, fifth = points["weight"].to_numpy(float), points["fifth_england"].to_numpy()
    groups = [1] if settings.aim == "worst_fifth" else range(1, 6)
    shares = [np.where(fifth == g, weights, 0.0) for g in groups]
    shares = [s / s.sum() for s in shares if s.sum() > 0]
    if not shares:
        faults.add("aim", "no family lives in England's neediest fifth", 'use aim = "fifths" or "worst_decile_travel"')
        return ()
    names = {"fifths": "least share of need met in any fifth of England", "worst_fifth": "need met in the worst fifth"}
    return (Goal(np.column_stack(shares), names[settings.aim]),)


def neediest(points: pd.DataFrame) -> Ints:
    """Rows of the tenth of families with the greatest need each, whole points, of equal need by point_id."""
    demand, weight = points["demand"].to_numpy(float), points["weight"].to_numpy(float)
    need = np.divide(weight, demand, out=np.zeros(len(points)), where=demand > 0)
    order = np.argsort(-need, kind="stable")
    before = np.cumsum(demand[order]) - demand[order]
    chosen: Ints = np.sort(order[(before < _DECILE * demand.sum()) & (demand[order] > 0)])
    return chosen


def _nearness(minutes: Floats, usable: Bools) -> Floats:
    """Turn minutes to each site into what a choice there is worth: 1 at the door, 0 at the farthest minutes known."""
    near = np.where(np.isfinite(minutes), 1.0 - minutes / farthest_min(minutes), 0.0)
    return np.repeat(near, 2, axis=1) * usable


def farthest_min(minutes: Floats) -> float:
    """Give the greatest minutes known, over 0: what a family that reaches no site counts as."""
    return max(float(minutes[np.isfinite(minutes)].max(initial=0.0)), 1e-9)


def _with_floor(
    stated: Model, floor: ReachFloor, points: pd.DataFrame, covers: Floats, neighbours: Bools, faults: Faults
) -> Model:
    """Add rows that measure how far a group's families are reached, whatever an offer is worth, and demand a share."""
    demand = points["demand"].to_numpy(float)
    if floor.group not in points:
        faults.add(floor.label, f"the families have no column {floor.group}", "add it, or drop the floor")
        return stated
    group = points[floor.group]
    rows = np.flatnonzero((demand > 0) & group.isin(floor.values).to_numpy())
    if not len(rows):
        known: list[Any] = sorted(group.dropna().unique().tolist())
        faults.add(floor.label, "no family is in this group", f"give some of {', '.join(map(str, known)) or 'nothing'}")
        return stated
    counted = np.tile([1.0, float(floor.offer == "any")], len(neighbours) // 2)
    stated = _measured(stated, covers[rows] * counted, neighbours)
    least = floor.reach_pct / 100.0 * float(demand[rows].sum())
    return replace(
        stated,
        floors=(
            *stated.floors,
            Floor(stated.below(demand[rows]), least, floor.label, 100.0 / float(demand[rows].sum())),
        ),
    )


def _measured(stated: Model, values: Floats, neighbours: Bools) -> Model:
    """Put rows below that count in no weight, for a floor or a goal to measure."""
    base = values[:, neighbours].max(axis=1, initial=0.0)
    return stated.with_rows(Values.dense(values), np.zeros(len(values)), base)
