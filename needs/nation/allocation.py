"""Share new hubs among councils, choose them for the whole nation at once, and say what each way gains and for whom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array

from needs.charts.words import listing, plural
from needs.errors import SHOWN, Faults, InfeasibleError, fail
from needs.location.costs import Bools, Floats
from needs.location.nearest import Found
from needs.location.rules import Ints
from needs.nation.each import ForEach, Task, here
from needs.nation.needed import SAME
from needs.nation.reach import COUNTS, Reach, best_hubs, names
from needs.siting.words import count

_GROUPS = ("ruc21cd", "fifth_england")
_OWN_TOLERANCE = 1e-5  # of a council's need: how near to its bound its own plan is brought
_OWN_EFFORT = 1e9  # entries touched for it at most, about ten seconds
_NEED = "need-weighted family"


@dataclass(frozen=True)
class Share:
    """A rule by which new hubs are shared among councils: in proportion to what is counted there."""

    label: str
    source: str


# Nobody says how hubs are to be shared among councils ("numbers of hubs will vary depending on local needs", written
# answer 75577): these are presets. The first is the default: it counts what the plans themselves are chosen by, so
# that what national choice gains is gained by where hubs go and not by counting otherwise.
SHARES = {
    "weight": Share("families weighted by need", "preset of this toolkit: what plans maximise"),
    "zones": Share("zones (LSOA 2021)", "the national pace of `needs.drafting`: England's hubs, zone by zone"),
    "children": Share("children in need", "preset of this toolkit: children in need, as the index counts them"),
}


@dataclass(frozen=True)
class Allocation:
    """So many new hubs, shared among councils who each choose for themselves, and chosen for all of them at once.

    Both ways stand on the same data: each family counts by its best cover, whichever council's hub that is.

    Attributes
    ----------
    new
        How many new hubs there are to give.
    share
        The rule by which they are shared.
    sites
        One row a site that is a hub in any way, sorted by site_id: site_id, name, council, and whether it is a hub
        today, own (in its council's own plan), national.
    councils
        One row a council, sorted by code: council, name, families, need (families weighted by need); hubs_today,
        hubs_own, hubs_national; today_pct, own_pct, national_pct (families reached); families_gain, need_gain and,
        where known, children_gain (reached by national choice beyond the council's own plan, below 0 for fewer);
        reason (of the difference, a sentence without its stop).
    totals
        One row a way, today, own and national: way, hubs, new, and for each of families, need and children, where
        known, how many are reached, and in per cent (`_pct`).
    groups
        One row a rural-urban class and a fifth of need, where families have them: kind (ruc21cd, fifth_england),
        group, families, need; today_pct, own_pct, national_pct (of need); need_gain (national choice beyond own
        plans); own_share_pct, national_share_pct (of all need newly reached that way, the group's part).
    bound
        No choice of so many new hubs reaches more need.
    gap
        (bound - need reached by national choice) / need reached.
    status
        How the search ended, as of `location.nearest.Found`.
    own_gap
        The same of councils' own plans, each for its own families, in sum.
    """

    new: int
    share: Share
    sites: pd.DataFrame
    councils: pd.DataFrame
    totals: pd.DataFrame
    groups: pd.DataFrame
    bound: float
    gap: float
    status: str
    own_gap: float

    @property
    def losers(self) -> pd.DataFrame:
        """Councils of whose need national choice reaches less than their own plans do, the greatest loss first."""
        less = self.councils[self.councils["need_gain"] < 0]
        return less.sort_values(["need_gain", "council"], ignore_index=True)

    def sentences(self) -> list[str]:
        """Say in plain English what national choice gains, how sure that is, and who would lose."""
        today, own, national = self.totals.to_dict("records")
        shared = (
            f"{plural(self.new, 'new hub')}, shared by {self.share.label}, each council choosing for itself: families "
            f"reached rise from {today['families_pct']:.1f} % to {own['families_pct']:.1f} %, need from "
            f"{today['need_pct']:.1f} % to {own['need_pct']:.1f} %"
        )
        at_once = (
            f"Chosen for all councils at once they reach {national['families_pct']:.1f} % of families and "
            f"{national['need_pct']:.1f} % of need: {count(national['need'] - own['need'], _NEED)} more"
        )
        if "children" in national:
            more = national["children"] - own["children"]
            at_once += f", and {count(abs(more))} {'more' if more >= 0 else 'fewer'} children in need"
        proof = "No choice reaches more need than that"
        if self.status != "optimal":
            proof += f" by over {100 * self.gap:.2g} % (proven)"
        said = [shared, at_once, proof]
        losers, better = self.losers, int((self.councils["need_gain"] > 0).sum())
        told = [
            f"{row['name']} by {count(-row['need_gain'])} "
            f"({plural(row['hubs_national'], 'hub')} instead of {row['hubs_own']})"
            for row in losers.head(SHOWN).to_dict("records")
        ]
        rest = [f"{len(losers) - SHOWN} more"] if len(losers) > SHOWN else []
        said.append(
            f"{plural(better, 'council')} would have more need reached than by their own plans, {len(losers)} less"
            + (f", in need-weighted families: {listing([*told, *rest])}" if told else "")
        )
        return said + self._equity()

    def _equity(self) -> list[str]:
        """Say what part of the need newly reached is rural, and what part the neediest zones'."""
        if self.groups.empty or self.groups[["own_share_pct", "national_share_pct"]].isna().any(axis=None):
            return []
        rural = (self.groups["kind"] == "ruc21cd") & self.groups["group"].astype(str).str.startswith("R")
        neediest = (self.groups["kind"] == "fifth_england") & (self.groups["group"] == 1)
        parts = {"rural zones": rural, "the neediest fifth of England's zones": neediest}
        shares = {who: self.groups[inside] for who, inside in parts.items() if inside.any()}
        said = [
            f"{rows['national_share_pct'].sum():.0f} % lives in {who} "
            f"({rows['own_share_pct'].sum():.0f} % by councils' own plans)"
            for who, rows in shares.items()
        ]
        return [f"Of the need that national choice newly reaches, {listing(said)}"] if said else []


def allocate(
    reach: Reach,
    new: int,
    *,
    share: str = "weight",
    gap: float = 1e-4,
    effort: float = 2e10,
    for_each: ForEach = here,
) -> Allocation:
    """Give new hubs to a nation in two ways, and compare them.

    Hubs of today stay. Nationally, the sum over families of weight x best cover is made greatest with at most so many
    new hubs in all. In the other way the sites that must become hubs come first, the rest is shared among councils
    by the largest remainder (of equals the first by code; never more than a council has buildings for), and each
    council chooses best for its own families, neighbours' hubs of today counting.

    Parameters
    ----------
    reach
        All councils' families and sites.
    new
        New hubs in all, those that must open included.
    share
        One of `SHARES`.
    gap
        Of all need: how near to its bound the national choice is brought.
    effort
        Entries touched for it at most, about; a hundred million take about a second.
    for_each
        Who makes the councils' own plans.

    Raises
    ------
    InputError
        If there is no such rule of sharing, the number is below 0, or children are not known.
    InfeasibleError
        If more sites must become hubs than there are new hubs.
    """
    _check(reach, new, share)
    opened, own_gap = _own(reach, shares(reach, new, share), for_each)
    national, bound, status = _national(reach, new, opened, gap, effort)
    hubs = {"today": reach.today, "own": reach.kept | opened, "national": reach.kept | national}
    best = {way: reach.best(each) for way, each in hubs.items()}
    reached = reach.reached(hubs["national"], "weight")
    shown = np.logical_or.reduce(list(hubs.values()))
    marks = {way: each[shown] for way, each in hubs.items()}
    return Allocation(
        new,
        SHARES[share],
        reach.sites.loc[shown, ["site_id", "name", "council"]].assign(**marks).reset_index(drop=True),
        _by_council(reach, hubs, best),
        _totals(reach, hubs, best),
        _by_group(reach, best),
        bound,
        (bound - reached) / reached if reached > 0 else 0.0,
        status,
        own_gap,
    )


def shares(reach: Reach, new: int, share: str = "weight") -> dict[str, int]:
    """Share new hubs among councils: by code, how many each has, those that must open included."""
    where = reach.sites["council"]
    codes = list(reach.councils)
    musts, may = (
        where[mark].value_counts().reindex(codes, fill_value=0).to_numpy() for mark in (reach.musts, reach.may)
    )
    groups = reach.families.groupby("council")
    counted = groups["lsoa21cd"].nunique() if share == "zones" else groups[share].sum()
    amounts = np.asarray(counted.reindex(codes), float)
    given = musts + largest_remainder(amounts, new - int(musts.sum()), may - musts)
    return dict(zip(codes, given.tolist(), strict=True))


def largest_remainder(amounts: Floats, number: int, most: Ints) -> Ints:
    """Share a number of things in proportion to amounts, none getting more than its most (Hamilton's method).

    Whose part would pass its most gets that, and what is left is shared among the others; of equal remainders the
    first comes first. What has no amount gets nothing.
    """
    given = np.zeros(len(amounts), np.intp)
    free = (amounts > 0) & (most > 0)
    while free.any():
        left = number - int(given.sum())
        part = np.where(free, left * amounts / amounts[free].sum(), 0.0)
        full = free & (part >= most * (1.0 - SAME))
        if not full.any():
            given[free] = np.floor(part[free] + SAME)
            order = np.lexsort((np.arange(len(part)), -np.round(part - given, 9), ~free))
            given[order[: number - int(given.sum())]] += 1
            break
        given[full] = most[full]
        free &= ~full
    return given


def _check(reach: Reach, new: int, share: str) -> None:
    faults = Faults()
    if share not in SHARES:
        faults.add("share", f"there is no rule {share!r}", f"use one of {', '.join(SHARES)}")
    elif share == "children" and "children" not in reach.families:
        faults.add("share", "children in need are not known", "give families a column children, or share otherwise")
    if new < 0:
        faults.add("new", f"it is {new}", "give 0 or more")
    faults.raise_if_any()
    if reach.musts.sum() > new:
        what = f"{reach.musts.sum()} sites must become hubs and there are {new} new hubs"
        fail(InfeasibleError, "new", what, "force fewer or allow more")


@dataclass(frozen=True)
class _Own:
    """A council's own plan: sites opened, need reached of its own families, and at most so much more."""

    opened: list[str]
    reached: float
    lacking: float


def _own(reach: Reach, given: dict[str, int], for_each: ForEach) -> tuple[Bools, float]:
    """Let each council choose; and by how much more all of them could reach of their own need at most, in part."""
    tasks = [Task(c, partial(_asked, reach, c, number), f"{number} new") for c, number in given.items()]
    found: list[_Own] = list(for_each("own", _own_plan, tasks).values())
    opened = reach.sites["site_id"].isin([site for own in found for site in own.opened]).to_numpy(bool)
    reached, lacking = (math.fsum(getattr(own, of) for own in found) for of in ("reached", "lacking"))
    return opened, lacking / reached if reached > 0 else 0.0


def _asked(reach: Reach, council: str, number: int) -> tuple[Reach, int]:
    return reach.within(council), number


def _own_plan(asked: tuple[Reach, int]) -> _Own:
    part, number = asked
    found, every = _solved(part, number, _OWN_TOLERANCE, _OWN_EFFORT)
    return _Own(part.sites.loc[found.opened, "site_id"].tolist(), every - found.paid, found.paid - found.bound)


def _national(reach: Reach, new: int, own: Bools, gap: float, effort: float) -> tuple[Bools, float, str]:
    """Choose for all at once; councils' own plans are a choice as well, and stay if none better is found."""
    found, every = _solved(reach, new, gap, effort)
    reached = {k: reach.reached(reach.kept | mark, "weight") for k, mark in enumerate((found.opened, own))}
    opened = own if reached[1] > reached[0] else found.opened
    return opened, max(every - found.bound, *reached.values()), found.status


def _solved(part: Reach, new: int, tolerance: float, effort: float) -> tuple[Found, float]:
    """Find what reaches most need, to a tolerance of all need; and what is reached when nothing is lacking."""
    costs, every = part.costs("weight")
    lacked = math.fsum(costs.outside)
    gap = tolerance * math.fsum(part.amounts("weight")) / lacked if lacked > 0 else 0.0
    return best_hubs(part, costs, new, gap=gap, effort=effort), every


def _counts(reach: Reach) -> dict[str, Floats]:
    """Give what is counted of families, by the name that tables have."""
    called = {"demand": "families", "weight": "need", "children": "children"}
    return {called[c]: reach.amounts(c) for c in COUNTS if c in reach.families}


def _percent(part: Any, whole: Any) -> Any:
    return 100.0 * np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)


def _totals(reach: Reach, hubs: dict[str, Bools], best: dict[str, Floats]) -> pd.DataFrame:
    rows = []
    for way, marks in hubs.items():
        row: dict[str, Any] = {"way": way, "hubs": int(marks.sum()), "new": int((marks & ~reach.today).sum())}
        for name, amounts in _counts(reach).items():
            row[name] = math.fsum(amounts * best[way])
            row[f"{name}_pct"] = float(_percent(row[name], math.fsum(amounts)))
        rows.append(row)
    return pd.DataFrame(rows)


def _by_council(reach: Reach, hubs: dict[str, Bools], best: dict[str, Floats]) -> pd.DataFrame:
    codes = list(reach.councils)
    at = pd.Index(codes).get_indexer(pd.Index(reach.families["council"]))
    called, where = names(codes), reach.sites["council"]
    table = pd.DataFrame({"council": codes, "name": [called[c] for c in codes]})
    sums = {
        name: {way: np.bincount(at, amounts * each, len(codes)) for way, each in best.items()}
        | {"all": np.bincount(at, amounts, len(codes))}
        for name, amounts in _counts(reach).items()
    }
    table = table.assign(families=sums["families"]["all"], need=sums["need"]["all"])
    for way, marks in hubs.items():
        table[f"hubs_{way}"] = where[marks].value_counts().reindex(codes, fill_value=0).to_numpy()
    for way in hubs:
        table[f"{way}_pct"] = _percent(sums["families"][way], sums["families"]["all"])
    for name, each in sums.items():
        gain = each["national"] - each["own"]
        table[f"{name}_gain"] = np.where(np.abs(gain) > SAME * each["all"], gain, 0.0)
    return table.assign(reason=_reasons(reach, hubs["national"], table, best["national"]))


def _by_group(reach: Reach, best: dict[str, Floats]) -> pd.DataFrame:
    need, families = reach.amounts("weight"), reach.amounts("demand")
    newly = {way: math.fsum(need * (best[way] - best["today"])) for way in ("own", "national")}
    rows: list[dict[str, Any]] = []
    for kind in (k for k in _GROUPS if k in reach.families):
        for group, inside in reach.families.groupby(kind, sort=True).indices.items():
            whole = math.fsum(need[inside])
            got = {way: math.fsum(need[inside] * each[inside]) for way, each in best.items()}
            row: dict[str, Any] = {"kind": kind, "group": group, "families": math.fsum(families[inside]), "need": whole}
            row |= {f"{way}_pct": float(_percent(value, whole)) for way, value in got.items()}
            row |= {"need_gain": got["national"] - got["own"]}
            row |= {f"{w}_share_pct": float(_percent(got[w] - got["today"], newly[w])) for w in newly}
            rows.append(row)
    return pd.DataFrame(rows)


def _reasons(reach: Reach, hubs: Bools, table: pd.DataFrame, best: Floats) -> list[str]:
    """Say why national choice gives a council more, fewer, or as many as its share, from what hubs add one by one."""
    adds, loses = _one_more(reach, hubs, best), _one_less(reach, hubs)
    new = hubs & ~reach.kept
    price = loses[new & ~reach.musts].min(initial=math.inf)
    where = reach.sites["council"].to_numpy()
    told = []
    for row in table.to_dict("records"):
        here = where == row["council"]
        own, national = row["hubs_own"], row["hubs_national"]
        text = f"National choice has {plural(national, 'hub')} here, the council's own plan {own}"
        if national > own:
            least = loses[new & here].min()
            text += f": the least of the new ones still reaches {count(least, _NEED)} whom no other hub covers as well"
        elif national < own:
            most = adds[here].max(initial=0.0)
            text += f": one more here would reach {count(most, _NEED)} more"
            if math.isfinite(price):
                text += f", the least of those opened anywhere reaches {count(price)}"
        elif row["need_gain"]:
            text = f"As many hubs either way, {national}: other buildings, or neighbours' hubs, make the difference"
        else:
            text = f"As many hubs either way, {national}, and as many families reached"
        if row["need_gain"] * (national - own) < 0:
            text += f"; other buildings, or neighbours' hubs, reach {'less' if national > own else 'more'} all the same"
        told.append(text)
    return told


def _one_more(reach: Reach, hubs: Bools, best: Floats) -> Floats:
    """Give the need that each site which is no hub, and may be one, would reach beside those that are."""
    entries, need = coo_array(reach.cover), reach.amounts("weight")
    more = np.maximum(entries.data - best[entries.row], 0.0) * need[entries.row]
    adds: Floats = np.where(reach.may & ~hubs, np.bincount(entries.col, more, len(hubs)), 0.0)
    return adds


def _one_less(reach: Reach, hubs: Bools) -> Floats:
    """Give the need that each hub reaches beyond what the others do."""
    entries, need = coo_array(reach.cover), reach.amounts("weight")
    order = np.lexsort((-entries.data, entries.row))
    order = order[hubs[entries.col[order]]]
    row, site, cover = entries.row[order], entries.col[order], entries.data[order]
    first = np.append(True, row[1:] != row[:-1]) if len(row) else np.zeros(0, bool)
    following = np.append(np.where(first[1:], 0.0, cover[1:]), 0.0) if len(row) else cover
    lost = np.bincount(site[first], ((cover - following) * need[row])[first], len(hubs))
    return np.asarray(lost, float)
