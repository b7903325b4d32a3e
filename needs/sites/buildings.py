"""Keep one site for each building, whatever number of lists it stands in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely import STRtree

from needs.errors import listed
from needs.schemas import OFFERS
from needs.sites.names import ALIKE, similarity, taken_apart
from needs.sites.rejects import Reject
from needs.sites.types import GIVEN, site_types, texts, with_offers

SAME_PLACE_M = 60.0  # sites nearer than this are one building (in towns a postcode places a site to about 50 m)
ALIKE_M = 250.0  # sites nearer than this are one building if their names are alike
SAME_CODE_M = 2_000.0  # farther apart, one UPRN or postcode stands for two places: one of them is wrong
_RULES = ("same UPRN", "same postcode and like names", f"within {SAME_PLACE_M:.0f} m", "like names near by")


@dataclass(frozen=True, order=True)
class _Match:
    """Why two sites are one building: the rule, and how far they are apart; then the site that is kept.

    `similarity` is that of their names, where the rule asks for it.
    """

    rule: int
    metres: float
    place: int  # of the kept site in the order
    head: int
    similarity: float = 0.0

    def told(self, uprn: str, postcode: str) -> str:
        apart = f"{self.metres:.0f} m apart"
        alike = f"names alike ({self.similarity:.2f} of 1)"
        return (
            f"same UPRN {uprn}, {apart}",
            f"same postcode {postcode}, {alike}, {apart}",
            f"{apart}, which is within {SAME_PLACE_M:.0f} m",
            f"{alike}, {apart}, which is within {ALIKE_M:.0f} m",
        )[self.rule]


def one_per_building(sites: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Reject], list[str]]:
    """Merge the sites that are one building into the one of them that goes first.

    Existing sites go before others, then a neighbour's before ours, then by type, then the council's own lists before
    England's, coordinates before postcodes, then by identifier. Each site is held against those kept before it,
    so that buildings never chain. Of two lists of what exists, two sites are one only if their UPRN, or name and place,
    are the same; of one list never.

    Parameters
    ----------
    sites
        All sites, EPSG:27700, with site_id, name, site_type, today, keep, ours, source, row, national (of a list of all
        England), by_postcode; index 0, 1, ...

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
    found = _matched(sites, order)
    uprn, postcode = texts(sites, "uprn"), texts(sites, "postcode")
    source, row, name, site_id = (sites[c].to_numpy(dtype=object) for c in ("source", "row", "name", "site_id"))
    merged = [
        Reject(
            source[i], row[i], name[i], postcode[i], _RULES[m.rule],
            f"taken for the same building as {name[m.head]}: {m.told(uprn[i], postcode[i])}",
            "nothing, if it is; if they are two, give both their exact coordinates, and each its own UPRN",
            site_id[m.head],
        )
        for i, m in found.items()
    ]  # fmt: skip
    counts = Counter(_RULES[m.rule] for m in found.values())
    told = ", ".join(f"{rule} {counts[rule]:,}" for rule in _RULES if rule in counts)
    note = f"Entries taken for a building that another entry is about: {told}; rejected_sites.csv lists them."
    kept = _together(sites, order, found).sort_values("site_id", ignore_index=True)
    return kept, merged, [*([note] if merged else []), *_doubtful(sites)]


def _order(sites: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Say which site goes first: its place in the order, 0 the first."""
    rank = sites["site_type"].map({t: n for n, t in enumerate(site_types())})
    first = sites.assign(idle=sites["today"] == "none", rank=rank).sort_values(
        ["idle", "ours", "rank", "national", "by_postcode", "site_id"], kind="stable"
    )
    place = np.empty(len(sites), dtype=np.int64)
    place[first.index] = np.arange(len(sites))
    return place


def _matched(sites: gpd.GeoDataFrame, order: NDArray[np.int64]) -> dict[int, _Match]:
    """Find for each site, in order, a kept one whose building it is: by the first rule that holds, then the nearest."""
    x, y = sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy()
    uprn, postcode = texts(sites, "uprn"), texts(sites, "postcode")
    existing, source = (sites["today"] != "none").to_numpy(), sites["source"].to_numpy(dtype=object)
    name, kind = (sites[c].to_numpy(dtype=object) for c in ("name", "site_type"))
    lists: set[tuple[int, str]] = set()  # kept sites, and the lists in which something that exists is kept as them

    def match(i: int, j: int) -> _Match | None:
        both = bool(existing[i] and existing[j])
        if both and (j, source[i]) in lists:
            return None
        metres = float(np.hypot(x[i] - x[j], y[i] - y[j]))
        here = (metres, int(order[j]), j)
        if uprn[i] and uprn[i] == uprn[j] and metres <= SAME_CODE_M:
            return _Match(0, *here)
        code = bool(postcode[i]) and postcode[i] == postcode[j] and metres <= SAME_CODE_M
        near = metres <= SAME_PLACE_M and not both
        if not code and (near or metres > ALIKE_M):
            return _Match(2, *here) if near else None
        alike = similarity(taken_apart(name[i], kind[i]), taken_apart(name[j], kind[j]))
        if alike >= ALIKE and code:
            return _Match(1, *here, alike)
        if near:
            return _Match(2, *here)
        return _Match(3, *here, alike) if alike >= ALIKE and metres <= ALIKE_M else None

    before = _pairs(sites, order, uprn, postcode)
    found: dict[int, _Match] = {}
    for i in np.argsort(order).tolist():
        matches = (match(i, j) for j in before[i].tolist() if j not in found) if i in before else ()
        best = min((m for m in matches if m), default=None)
        if best is not None:
            found[i] = best
        if existing[i]:
            lists.add((best.head if best else i, source[i]))
    return found


def _pairs(
    sites: gpd.GeoDataFrame, order: NDArray[np.int64], *keys: NDArray[np.object_]
) -> dict[int, NDArray[np.int64]]:
    """List for each site those that go before it and are near it, or share a key with it."""
    points = sites.geometry.to_numpy()
    found = [STRtree(points).query(points, predicate="dwithin", distance=ALIKE_M)]
    for key in keys:
        shared = pd.Series(np.arange(len(sites)), index=key)
        shared = shared[(shared.index != "") & shared.index.duplicated(keep=False)].rename("i")
        both = shared.to_frame().join(shared.rename("j"))
        found.append(both[["i", "j"]].to_numpy().T)
    later, sooner = np.hstack(found).astype(np.int64)
    once = np.unique((later * len(sites) + sooner)[order[sooner] < order[later]])
    later, sooner = np.divmod(once, len(sites))
    ends = np.flatnonzero(np.diff(later)) + 1
    return {int(i[0]): j for i, j in zip(np.split(later, ends), np.split(sooner, ends), strict=True) if len(i)}


def _together(sites: gpd.GeoDataFrame, order: NDArray[np.int64], found: dict[int, _Match]) -> gpd.GeoDataFrame:
    """Give each kept site what the others of its building know."""
    first = np.argsort(order)
    head = np.arange(len(sites))
    head[list(found)] = [m.head for m in found.values()]
    types, offers = list(site_types()), list(OFFERS)
    ranked = sites.assign(site_type=sites["site_type"].map(types.index), today=sites["today"].map(offers.index))
    groups = pd.DataFrame(ranked.drop(columns="geometry")).assign(head=head).iloc[first].groupby("head")
    also, sources = ([[v] for v in sites[c]] for c in ("name", "source"))
    for i in (i for i in first.tolist() if i in found):
        also[head[i]].append(sites["name"].iloc[i])
        sources[head[i]].append(sites["source"].iloc[i])
    kept = sites.assign(also=[_others(names) for names in also], sources=["; ".join(dict.fromkeys(s)) for s in sources])
    kept = kept.drop(index=list(found)).assign(
        site_type=groups["site_type"].min().map(types.__getitem__),
        today=groups["today"].min().map(offers.__getitem__),
        keep=groups["keep"].any(),
        **{c: groups[c].any() for c in ("may_hub", "may_outreach")},
        **{c: groups[c].first() for c in GIVEN if c in sites},  # the first that is not blank
    )
    return with_offers(kept)


def _others(names: list[str]) -> str:
    """List the names after the first that are not the same."""
    return ", ".join(dict.fromkeys(n for n in names[1:] if n.casefold() != names[0].casefold()))


def _doubtful(sites: gpd.GeoDataFrame) -> list[str]:
    """Tell of UPRNs that stand for places too far apart to be one."""
    if "uprn" not in sites:
        return []
    box = sites.geometry.bounds.groupby(sites["uprn"]).agg({"minx": "min", "miny": "min", "maxx": "max", "maxy": "max"})
    box["metres"] = np.hypot(box["maxx"] - box["minx"], box["maxy"] - box["miny"])
    told = [f"{r.Index} ({r.metres / 1000:,.1f} km)" for r in box[box["metres"] > SAME_CODE_M].itertuples()]
    return [f"UPRNs that stand for places too far apart to be one building: {listed(told)}."] if told else []
