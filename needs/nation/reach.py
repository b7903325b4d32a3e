"""Join what councils know: their families, the buildings near them, and how far each would cover them as a hub."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from needs.councils import councils
from needs.errors import Faults, InputError, fail
from needs.location.costs import Bools, Costs, Floats
from needs.location.nearest import Found, solve
from needs.schemas import OFFERS
from needs.siting.case import aligned

COUNTS = ("demand", "weight", "children")  # of families; the last where it is known
_FAMILIES = ("point_id", "lsoa21cd", "council", "demand", "weight")
_SITES = ("site_id", "name", "council", "today", "can_be_hub", "forced", "closed")
_UPPER = re.compile(r"E(06|08|09|10)\d{6}")  # of England's councils that run children's services
_ABROAD = re.compile(r"(W06|S12)\d{6}")


@dataclass(frozen=True, eq=False)
class Reach:
    """Families of one council or of many, and the buildings that are hubs near them or could be.

    Attributes
    ----------
    families
        One row a group of families at a place, sorted by point_id: point_id, lsoa21cd, council (code of the upper
        tier: whoever runs children's services), demand (families), weight (demand x need multiplier); perhaps
        children (in need), ruc21cd, fifth_england.
    sites
        One row a building, sorted by site_id: site_id, name, council (whose it is), today (hub, outreach, none),
        can_be_hub, forced (must be a hub), closed (must not be one, even if it is one today).
    cover
        Share of the families within the standard of a hub at each site, over 0 and up to 1; shape (families, sites).
    """

    families: pd.DataFrame
    sites: pd.DataFrame
    cover: csr_array

    @staticmethod
    def of(families: pd.DataFrame, sites: pd.DataFrame, cover: pd.DataFrame) -> Reach:
        """Take a council's tables.

        Parameters
        ----------
        families, sites
            As above, in any order. The sites of neighbours that its families reach stand among them.
        cover
            Index point_id, columns site_id, 0 to 1 (0 is out of reach). Sites that neither are hubs nor could be
            need none.

        Raises
        ------
        InputError
            With every fault of the tables.
        """
        faults = Faults()
        _check_families(families, "families", faults)
        _check_sites(sites, "sites", faults)
        faults.raise_if_any()
        used = ((sites["today"] == "hub") | sites["can_be_hub"]).to_numpy(bool)
        table = np.zeros((len(families), len(sites)))
        wanted = sites["site_id"].to_numpy()[used].tolist()
        table[:, used] = aligned(cover, families["point_id"], wanted, name="cover", faults=faults)
        faults.raise_if_any()
        return Reach.joined([Reach(families, sites, csr_array(table))])

    @staticmethod
    def joined(parts: Sequence[Reach]) -> Reach:
        """Join the parts of councils: families below each other, sites matched by code.

        A site near a border stands in its own council's part and in those of neighbours who reach it, with the same
        facts. The order of parts, rows and sites changes nothing.

        Raises
        ------
        InputError
            With every fault: a family or a site that stands twice, a site with other facts in another part, a cover
            outside 0 to 1, a code that is no council's, a column that only some parts have.
        """
        faults = Faults()
        if not parts:
            fail(InputError, "nation", "there is no council", "give the part of one or more")
        for k, part in enumerate(parts):
            _check(part, f", part {k + 1}" if len(parts) > 1 else "", faults)
        faults.raise_if_any()
        families, sites = _together(parts, faults)
        faults.raise_if_any()
        place = pd.Index(sites["site_id"])
        row, column, value, begin = [], [], [], 0
        for part in parts:
            entries = coo_array(part.cover)
            at = place.get_indexer(pd.Index(part.sites["site_id"]))
            row.append(entries.row + begin)
            column.append(at[entries.col])
            value.append(entries.data)
            begin += len(part.families)
        order = np.argsort(families["point_id"].to_numpy(str), kind="stable")
        to = np.empty(len(order), np.intp)
        to[order] = np.arange(len(order))
        where = to[np.concatenate(row)], np.concatenate(column)
        cover = csr_array(coo_array((np.concatenate(value), where), shape=(len(families), len(sites))))
        cover.eliminate_zeros()
        return Reach(families.iloc[order].reset_index(drop=True), sites, cover)

    def within(self, council: str) -> Reach:
        """Give one council's families, its sites, and the hubs that neighbours have today near its families.

        They count because families cross borders (Childcare Act 2006, s5A(3)); whether neighbours open more is not
        the council's to say.

        Raises
        ------
        InputError
            If no family is of that council.
        """
        rows = (self.families["council"] == council).to_numpy()
        if not rows.any():
            fail(InputError, "council", f"there are no families of {council!r}", "give the code of one that is there")
        cover = self.cover[np.flatnonzero(rows)]
        reached = np.zeros(len(self.sites), bool)
        reached[cover.indices] = True
        mine = (self.sites["council"] == council).to_numpy() | (self.kept & reached)
        return Reach(
            self.families[rows].reset_index(drop=True),
            self.sites[mine].reset_index(drop=True),
            csr_array(cover[:, np.flatnonzero(mine)]),
        )

    @cached_property
    def councils(self) -> tuple[str, ...]:
        """Codes of those whose families are here, sorted."""
        return tuple(sorted(self.families["council"].unique()))

    @cached_property
    def today(self) -> Bools:
        """Sites that are hubs today, neighbours' included; shape (sites,)."""
        return (self.sites["today"] == "hub").to_numpy(bool)

    @cached_property
    def kept(self) -> Bools:
        """Hubs of today that stay; shape (sites,)."""
        kept: Bools = self.today & ~self.sites["closed"].to_numpy(bool)
        return kept

    @cached_property
    def may(self) -> Bools:
        """Sites that may become hubs, all of councils whose families are here; shape (sites,)."""
        free = self.sites["can_be_hub"].to_numpy(bool) & ~self.sites["closed"].to_numpy(bool) & ~self.kept
        may: Bools = free & self.sites["council"].isin(self.councils).to_numpy(bool)
        return may

    @cached_property
    def musts(self) -> Bools:
        """Sites that must become hubs; shape (sites,)."""
        musts: Bools = self.may & self.sites["forced"].to_numpy(bool)
        return musts

    def amounts(self, by: str) -> Floats:
        """Give a count of the families, such as demand or weight; shape (families,)."""
        return self.families[by].to_numpy(float)

    def best(self, hubs: Bools) -> Floats:
        """Give each family's best cover when the sites marked are hubs; shape (families,)."""
        if not hubs.any():
            return np.zeros(len(self.families))
        best: Floats = self.cover[:, np.flatnonzero(hubs)].max(axis=1).toarray().ravel()
        return best

    def reached(self, hubs: Bools, by: str) -> float:
        """Count the families reached, each by its best cover, when the sites marked are hubs."""
        return math.fsum(self.amounts(by) * self.best(hubs))

    def costs(self, by: str) -> tuple[Costs, float]:
        """State which new hubs reach most, today's staying, as costs: what each family lacks of its best cover.

        Returns
        -------
        Costs, float
            Its choices are the sites, of which only those that may become hubs are listed; and what is reached when
            nothing is lacking, so that the difference is what the open hubs reach.
        """
        amounts, base = self.amounts(by), self.best(self.kept)
        top = self.best(self.kept | self.may)
        entries = coo_array(self.cover)
        new = self.may[entries.col]
        row, site = entries.row[new], entries.col[new]
        cost = amounts[row] * (top[row] - entries.data[new])
        return Costs.of(row, site, cost, amounts * (top - base), len(self.sites)), math.fsum(amounts * top)


def best_hubs(reach: Reach, costs: Costs, new: int, *, gap: float, effort: float, start: Found | None = None) -> Found:
    """Open at most so many new hubs, those that must among them, at which families lack least (`location.nearest`).

    Parameters
    ----------
    reach, costs
        Whose sites may and must open, and its `costs`.
    new, gap, effort
        As `most`, `gap` and `effort` there.
    start
        An answer for another number of hubs, to go on from.

    Raises
    ------
    KeyboardInterrupt
        Where that ended the search: what comes after it shall not go on.
    """
    found = solve(costs, most=new, forced=reach.musts, closed=~reach.may, gap=gap, effort=effort, start=start)
    if found.status == "interrupted":
        raise KeyboardInterrupt
    return found


def names(codes: Sequence[str]) -> dict[str, str]:
    """Name councils, by code; a code that is not in the register is its own name."""
    known = {entry.code: entry.name for entry in councils()}
    return {code: known.get(code, code) for code in codes}


def _together(parts: Sequence[Reach], faults: Faults) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put families below each other, in the order of the parts, and each site once."""
    every = [frozenset(str(c) for c in part.families.columns) for part in parts]
    some = frozenset[str]().union(*every) - every[0].intersection(*every)
    faults.add_codes("families", "columns that only some parts have", some, "give them to all parts or to none")
    families = pd.concat([part.families for part in parts], ignore_index=True)
    twice = families.loc[families["point_id"].duplicated(), "point_id"]
    faults.add_codes("families", "stand in more than one part", twice, "give each council its own families only")
    sites = pd.concat([part.sites[list(_SITES)] for part in parts], ignore_index=True).drop_duplicates()
    sites = sites.sort_values(["site_id", "council", "name"], ignore_index=True)
    for site in sites.loc[sites["site_id"].duplicated(), "site_id"].unique():
        rows = sites[sites["site_id"] == site]
        differ = [c for c in _SITES if len(rows[c].unique()) > 1]
        told = "; ".join(f"{c} is {' and '.join(sorted(map(repr, rows[c].unique())))}" for c in differ)
        faults.add(f"site {site}", f"has other facts in another part: {told}", "let all parts read one table of sites")
    return families, sites


def _check(part: Reach, which: str, faults: Faults) -> None:
    before = len(faults.found)
    _check_families(part.families, f"families{which}", faults)
    _check_sites(part.sites, f"sites{which}", faults)
    where, shape = f"cover{which}", (len(part.families), len(part.sites))
    if part.cover.shape != shape:
        faults.add(where, f"its shape is {part.cover.shape}", f"give {shape}: families by sites")
    elif len(faults.found) == before:
        entries = coo_array(part.cover)
        entries.sum_duplicates()
        odd = np.flatnonzero(~((entries.data >= 0) & (entries.data <= 1))).tolist()
        point, site = part.families["point_id"].to_numpy(), part.sites["site_id"].to_numpy()
        told = [
            (f"family {point[entries.row[e]]} and site {site[entries.col[e]]}", f"is {entries.data[e]:g}") for e in odd
        ]
        faults.add_each(where, told, "give a share from 0 to 1 (0 where the site is out of reach)")


def _check_families(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    if not _has(frame, _FAMILIES, where, faults):
        return
    _check_ids(frame["point_id"], where, faults)
    for column in (c for c in COUNTS if c in frame):
        values = pd.to_numeric(frame[column], errors="coerce").to_numpy(float)
        odd = np.flatnonzero(~(np.isfinite(values) & (values >= 0))).tolist()
        told = [(str(frame["point_id"].iloc[i]), f"{column} is {frame[column].iloc[i]!r}") for i in odd]
        faults.add_each(where, told, "give a number that is 0 or more")
    wrong = [c for c in _each(frame["council"]) if not _UPPER.fullmatch(c)]
    faults.add_codes(where, "codes of no council of England's upper tier", wrong, "give that of the county or unitary")


def _check_sites(frame: pd.DataFrame, where: str, faults: Faults) -> None:
    if not _has(frame, _SITES, where, faults):
        return
    _check_ids(frame["site_id"], where, faults)
    wrong = [c for c in _each(frame["council"]) if not (_UPPER.fullmatch(c) or _ABROAD.fullmatch(c))]
    faults.add_codes(where, "codes of no council of the upper tier", wrong, "give that of the county or unitary")
    flags = ("can_be_hub", "forced", "closed")
    unclear = [c for c in flags if frame[c].dtype != bool]
    faults.add_codes(where, "columns that are not flags", unclear, "give True or False in every row")
    sites = frame["site_id"]
    odd = sites[~frame["today"].isin(OFFERS)]
    faults.add_codes(where, "sites whose offer today is none of hub, outreach and none", odd, "give one of these")
    if unclear:
        return
    faults.add_codes(where, "sites both forced and closed", sites[frame["forced"] & frame["closed"]], "decide which")
    unable = frame["forced"] & ~frame["can_be_hub"] & (frame["today"] != "hub")
    faults.add_codes(where, "sites forced that can be no hub", sites[unable], "set can_be_hub, or do not force them")


def _check_ids(ids: pd.Series[str], where: str, faults: Faults) -> None:
    faults.add_codes(where, f"{ids.name} that stand twice", ids[ids.duplicated()], "keep one row for each")
    if ids.isna().any():
        faults.add(where, f"{ids.name} is blank in {int(ids.isna().sum()):,} rows", "fill it in")


def _has(frame: pd.DataFrame, columns: tuple[str, ...], where: str, faults: Faults) -> bool:
    absent = [c for c in columns if c not in frame]
    faults.add_codes(where, "columns that are missing", absent, "add them")
    return not absent


def _each(codes: pd.Series[str]) -> Iterator[str]:
    """Give every code once, blanks as text."""
    return map(str, codes.unique())
