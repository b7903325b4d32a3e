"""Keep one site for each building, whatever number of lists it stands in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely import STRtree

from needs.errors import listed
from needs.schemas import OFFERS
from needs.sites.names import ALIKE, similarity, taken_apart
from needs.sites.rejects import Reject
from needs.sites.types import GIVEN, site_types, with_offers

SAME_PLACE_M = 60.0  # sites nearer than this are one building (in towns a postcode places a site to about 50 m)
ALIKE_M = 250.0  # sites nearer than this are one building if their names are alike
SAME_CODE_M = 2_000.0  # farther apart, one UPRN or postcode stands for two places: one of them is wrong
_RULES = ("same UPRN", "same postcode and like names", f"within {SAME_PLACE_M:.0f} m", "like names near by")


@dataclass(frozen=True)
class _Match:
    """Two sites that are one building: by which rule, how far apart, how like by name (NaN where that does not matter)."""

    rule: int
    metres: float
    similarity: float = np.nan

    def told(self, site: pd.Series[object]) -> str:
        apart = f"{self.metres:.0f} m apart"
        alike = f"names alike ({self.similarity:.2f} of 1)"
        return (
            f"same UPRN {site.get('uprn')}, {apart}",
            f"same postcode {site.get('postcode')}, {alike}, {apart}",
            f"{apart}, which is within {SAME_PLACE_M:.0f} m",
            f"{alike}, {apart}, which is within {ALIKE_M:.0f} m",
        )[self.rule]


def one_per_building(sites: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Reject], list[str]]:
    """Merge the sites that are one building into the one of them that goes first.

    Existing sites go before others, then a neighbour's before ours, then by type and identifier; each site is held
    against those that are kept before it, so that buildings never chain. Of two lists of what exists, two sites are one
    only if their UPRN, or name and place, are the same; of one list never.

    Parameters
    ----------
    sites
        All sites, EPSG:27700, with site_id, name, site_type, today, keep, ours, source, row; index 0, 1, ...

    Returns
    -------
    sites : geopandas.GeoDataFrame
        One per building, sorted by site_id: the best type and the most that any offers today, `also` (names of the
        others) and `sources` (ids of all inputs); what is blank is filled from the others.
    merged : list of Reject
        The others.
    notes : list of str
        How many, by rule; UPRNs that stand for two places.
    """
    order = _order(sites)
    heads, found = _matched(sites, order)
    postcode = _keys(sites, "postcode")
    merged = [
        Reject(
            str(row["source"]), str(row["row"]), str(row["name"]), postcode[i], _RULES[match.rule],
            f"taken for the same building as {sites['name'].iloc[heads[i]]}: {match.told(row)}",
            "nothing, if it is; if they are two, give each its own UPRN and exact coordinates",
            str(sites["site_id"].iloc[heads[i]]),
        )
        for i, match, row in ((i, m, sites.loc[i]) for i, m in found.items())
    ]  # fmt: skip
    kept = _together(sites, order, heads)
    counts = Counter(_RULES[m.rule] for m in found.values())
    told = ", ".join(f"{rule} {counts[rule]:,}" for rule in _RULES if rule in counts)
    note = f"Entries taken for a building that another entry is about: {told}; rejected_sites.csv lists them."
    notes = [note] if merged else []
    return kept.sort_values("site_id", ignore_index=True), merged, [*notes, *_doubtful(sites)]


def _order(sites: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Say which site goes first: its place in the order, 0 the first."""
    rank = sites["site_type"].map({t: n for n, t in enumerate(site_types())})
    first = sites.assign(idle=sites["today"] == "none", rank=rank).sort_values(
        ["idle", "ours", "rank", "site_id"], kind="stable"
    )
    place = np.empty(len(sites), dtype=np.int64)
    place[first.index] = np.arange(len(sites))
    return place


def _matched(sites: gpd.GeoDataFrame, order: NDArray[np.int64]) -> tuple[dict[int, int], dict[int, _Match]]:
    """Find for each site, in order, the kept one whose building it is: by the first rule that holds, then the nearest.

    Returns
    -------
    heads : dict
        The kept site of every site; its own, where it is kept.
    found : dict
        How the others were matched.
    """
    x, y = sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy()
    uprn, postcode = (_keys(sites, c) for c in ("uprn", "postcode"))
    existing, source = (sites["today"] != "none").to_numpy(), sites["source"].to_numpy()
    names = [taken_apart(n, t) for n, t in zip(sites["name"], sites["site_type"], strict=True)]

    @cache
    def alike(i: int, j: int) -> float:
        return similarity(names[i], names[j])

    def match(i: int, j: int) -> _Match | None:
        both = bool(existing[i] and existing[j])
        if both and source[i] == source[j]:
            return None
        metres = float(np.hypot(x[i] - x[j], y[i] - y[j]))
        if uprn[i] and uprn[i] == uprn[j] and metres <= SAME_CODE_M:
            return _Match(0, metres)
        if postcode[i] and postcode[i] == postcode[j] and metres <= SAME_CODE_M and alike(i, j) >= ALIKE:
            return _Match(1, metres, alike(i, j))
        if metres <= SAME_PLACE_M and not both:
            return _Match(2, metres)
        if metres <= ALIKE_M and alike(i, j) >= ALIKE:
            return _Match(3, metres, alike(i, j))
        return None

    before = _pairs(sites, order, uprn, postcode)
    heads: dict[int, int] = {}
    found: dict[int, _Match] = {}
    for i in np.argsort(order).tolist():
        options = ((match(i, j), j) for j in before.get(i, ()) if heads[j] == j)
        best = min(((m.rule, m.metres, order[j], j, m) for m, j in options if m), default=None)
        heads[i] = i if best is None else best[3]
        if best is not None:
            found[i] = best[4]
    return heads, found


def _keys(sites: gpd.GeoDataFrame, column: str) -> NDArray[np.object_]:
    """Give a column that joins, "" where blank."""
    return sites[column].fillna("").to_numpy(dtype=object) if column in sites else np.full(len(sites), "", dtype=object)


def _pairs(
    sites: gpd.GeoDataFrame, order: NDArray[np.int64], *keys: NDArray[np.object_]
) -> dict[int, list[int]]:
    """List for each site those that go before it and are near it, or share a key with it."""
    points = sites.geometry.to_numpy()
    found = [STRtree(points).query(points, predicate="dwithin", distance=ALIKE_M)]
    for key in keys:
        shared = pd.Series(np.arange(len(sites)), index=key)
        shared = shared[(shared.index != "") & shared.index.duplicated(keep=False)].rename("i")
        both = pd.merge(shared, shared.rename("j"), left_index=True, right_index=True)
        found.append(both[["i", "j"]].to_numpy().T)
    later, sooner = np.hstack(found)
    later, sooner = (a[order[sooner] < order[later]] for a in (later, sooner))
    pairs: dict[int, list[int]] = {}
    for i, j in sorted(set(zip(later.tolist(), sooner.tolist(), strict=True))):
        pairs.setdefault(i, []).append(j)
    return pairs


def _together(sites: gpd.GeoDataFrame, order: NDArray[np.int64], heads: dict[int, int]) -> gpd.GeoDataFrame:
    """Give each kept site what the others of its building know."""
    members: dict[int, list[int]] = {}
    for i in np.argsort(order).tolist():
        members.setdefault(heads[i], []).append(i)
    kept = sites.loc[list(members)].assign(also="", sources=sites["source"])
    preferred = list(site_types())
    filled = [c for c in GIVEN if c in sites]
    for head, some in members.items():
        if len(some) == 1:
            continue
        group = sites.loc[some]
        kept.at[head, "site_type"] = min(group["site_type"], key=preferred.index)
        kept.at[head, "today"] = min(group["today"], key=OFFERS.index)
        kept.at[head, "keep"] = bool(group["keep"].any())
        others = dict.fromkeys(str(n) for n in group["name"] if str(n).casefold() != str(group["name"].iloc[0]).casefold())
        kept.at[head, "also"] = ", ".join(others)
        kept.at[head, "sources"] = "; ".join(dict.fromkeys(group["source"]))
        for column in filled:
            known = group[column].dropna()
            if len(known):
                kept.at[head, column] = known.iloc[0]
    return with_offers(kept)


def _doubtful(sites: gpd.GeoDataFrame) -> list[str]:
    """Tell of UPRNs that stand for places too far apart to be one."""
    if "uprn" not in sites:
        return []
    at = pd.DataFrame({"x": sites.geometry.x, "y": sites.geometry.y, "uprn": sites["uprn"]}).dropna().groupby("uprn")
    wide = np.hypot(at["x"].max() - at["x"].min(), at["y"].max() - at["y"].min())
    wide = wide[wide > SAME_CODE_M]
    told = [f"{uprn} ({metres / 1000:,.1f} km)" for uprn, metres in wide.items()]
    return [f"UPRNs that stand for places too far apart to be one building: {listed(told)}."] if told else []
