"""Place sites by their coordinates, or offline by their postcode, and reject what has no place."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from needs.assessment import Input
from needs.errors import Faults, listed
from needs.schemas.postcodes import POSTCODE
from needs.settings import CRS, ENGLAND_M
from needs.sites.postcodes import Gazetteer
from needs.sites.rejects import Reject, counted
from needs.sites.surroundings import Surroundings

FAR_M = 2_000.0  # coordinates so far from their own postcode are told
_UPRN = r"0*([1-9]\d{0,11})(?:\.0+)?"  # a workbook gives it as 100012345678.0, a database with zeros before it

_Where = tuple[NDArray[np.float64], NDArray[np.float64]]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Placed:
    """What became of the rows of one input.

    Attributes
    ----------
    sites
        Those that have a place, EPSG:27700; `uprn` in digits, where the input has it.
    rejects
        Those that have none.
    elsewhere
        How many rows of a national list have no place, and by what they say are none of the council's.
    notes
        What is doubtful.
    """

    sites: gpd.GeoDataFrame
    rejects: list[Reject] = field(default_factory=list)
    elsewhere: int = 0
    notes: list[str] = field(default_factory=list)


def place(
    table: gpd.GeoDataFrame, given: Input, *, gazetteer: Gazetteer, council: Surroundings, faults: Faults
) -> Placed:
    """Give every site of an input its place.

    Coordinates go before the postcode. A row whose coordinates are wrong is rejected though its postcode be known,
    since nobody can tell which of the two is right.

    Parameters
    ----------
    table
        Table `sites`, typed: geometry in the coordinates of the file, None where blank.
    given
        Its input.
    gazetteer
        Where postcodes are.
    council
        Where the council is: there lie the coordinates of its sites, if need be read the other way round.
    faults
        Collector: no row at all can be placed.
    """
    full, notes = _with_uprn(table.reset_index(drop=True))
    found = _Rows.of(full, given, gazetteer, council)
    x, y = (np.where(found.good, a, b) for a, b in zip(found.own, found.posted, strict=True))
    lost = np.flatnonzero(~found.settled)
    mine = lost[found.may_be_ours(lost)] if given.national else lost
    if len(lost) == len(full) == len(mine):
        told = [found.reject(int(i)) for i in mine]
        why = f"none of its {len(full):,} rows can be placed: {counted(told)}; the first {told[0].reason}"
        faults.add(f"{given.path} (input '{given.id}')", why, told[0].to_do)
    sites = gpd.GeoDataFrame(
        pd.DataFrame(full.drop(columns="geometry"))[found.settled],
        geometry=gpd.points_from_xy(x[found.settled], y[found.settled]),
        crs=CRS,
    )
    rejects = [found.reject(int(i)) for i in mine]
    return Placed(sites.reset_index(drop=True), rejects, len(lost) - len(mine), [*notes, *found.far_notes()])


@dataclass(frozen=True)
class _Rows:
    """The rows of one input, and all that is known of their places.

    Attributes
    ----------
    table, given, gazetteer, council
        As of `place`.
    postcode
        As written; "" where blank.
    odd
        The kind of a geometry that is no point; "" where it is one, or blank.
    raw, own, mirrored, posted
        Coordinates as given; in EPSG:27700; read the other way round; of the postcode. NaN or infinite for none.
    there, zero, swapped, good, settled
        Whether a row has coordinates; whether they are 0, 0; whether they are swapped; whether they stand; whether they
        or its postcode place it.
    """

    table: gpd.GeoDataFrame
    given: Input
    gazetteer: Gazetteer
    council: Surroundings
    postcode: NDArray[np.object_]
    odd: NDArray[np.object_]
    raw: _Where
    own: _Where
    mirrored: _Where
    posted: _Where
    there: _Mask
    zero: _Mask
    swapped: _Mask
    good: _Mask
    settled: _Mask

    @classmethod
    def of(cls, table: gpd.GeoDataFrame, given: Input, gazetteer: Gazetteer, council: Surroundings) -> _Rows:
        blank = table.geometry.isna() | table.geometry.is_empty
        point = (table.geom_type == "Point").to_numpy() & ~blank.to_numpy()
        odd = table.geom_type.where(~blank & ~point, "").to_numpy(dtype=object)
        raw = tuple(np.full(len(table), np.nan) for _ in "xy")
        for axis, values in zip(raw, (table.geometry[point].x, table.geometry[point].y), strict=True):
            axis[point] = values
        across = pyproj.Transformer.from_crs(table.crs, CRS, always_xy=True)
        own, mirrored = across.transform(*raw), across.transform(*raw[::-1])
        codes = table["postcode"].fillna("") if "postcode" in table else pd.Series("", index=table.index)
        postcode = codes.to_numpy(dtype=object)
        posted = gazetteer.find(postcode)
        zero = point & (raw[0] == 0) & (raw[1] == 0)
        inside = point & ~zero & _in_england(own)
        astray = inside & (_apart(own, posted) > FAR_M)
        turned = point & ~inside & ~zero & _in_england(mirrored)
        turned |= astray & (_apart(mirrored, posted) <= FAR_M)
        if not given.national:
            alone = inside & ~np.isfinite(posted[0])
            turned |= alone & ~council.margin(*own) & council.margin(*mirrored)
        good = inside & ~turned
        settled = good | (blank.to_numpy() & np.isfinite(posted[0]))
        return cls(
            table, given, gazetteer, council, postcode, odd, raw, own, mirrored, posted, point, zero, turned, good, settled
        )  # fmt: skip

    def may_be_ours(self, rows: NDArray[np.intp]) -> _Mask:
        """Whether rows of a national list that have no place may be the council's, or another's that counts.

        They are judged by where their coordinates were perhaps meant, then by their postcode, then by others of its
        sector or district. What says nothing at all may be anywhere.
        """
        offers = (self.table["today"] != "none").to_numpy()[rows]
        perhaps = [np.where(self.swapped, m, p)[rows] for m, p in zip(self.mirrored, self.posted, strict=True)]
        ours = np.where(offers, self.council.margin(*perhaps), self.council.inside(*perhaps))
        known = {offer: self.gazetteer.near(self.council, margin=offer) for offer in set(offers)}
        for k in np.flatnonzero(~np.isfinite(perhaps[0])):
            i, text = rows[k], str(self.postcode[rows[k]])
            sectors, districts = known[offers[k]]
            if not pd.Series([text]).str.fullmatch(POSTCODE)[0]:
                ours[k] = not self.there[i] or self.zero[i]
            elif text[:-2] in self.gazetteer.sectors:
                ours[k] = text[:-2] in sectors
            else:
                ours[k] = text[:-4] in districts
        return ours

    def reject(self, i: int) -> Reject:
        """Say why a row has no place."""
        row, postcode = self.table.iloc[i], str(self.postcode[i])
        return Reject(self.given.id, str(row["row"]), str(row["name"]), postcode, *self._why(i, postcode))

    def _why(self, i: int, postcode: str) -> tuple[str, str, str]:
        uprn = self.table["uprn"].iloc[i] if "uprn" in self.table else None
        at = f"{self.raw[0][i]:.7g}, {self.raw[1][i]:.7g}"
        if self.odd[i]:
            return "no point", f"it is a {self.odd[i]}, and a point is needed", "give the place of its door"
        if self.zero[i]:
            known = np.isfinite(self.posted[0][i])
            fix = "leave them blank: then its postcode places it" if known else "correct them"
            return "coordinates 0, 0", "its coordinates are 0, 0, which is no place in England", fix
        if self.swapped[i]:
            why = f"its coordinates {at} look swapped: the other way round they fit"
            return "coordinates swapped", why, "swap the two in the file, or columns.x and columns.y of the input"
        if self.there[i]:
            why = f"its coordinates {at} ({self.table.crs.to_string()}) lie outside England"
            return "outside England", why, "check them, and the crs of the input"
        if postcode:
            return self.gazetteer.why_not(postcode)
        if isinstance(uprn, str):
            why = f"it has only a UPRN ({uprn}), and no table of these is read"
            return "UPRN alone", why, "add its postcode, or its coordinates from OS Open UPRN"
        return "no place", "it has neither coordinates nor a postcode", "fill in one of them"

    def far_notes(self) -> list[str]:
        """Tell of coordinates that stand and are far from their own postcode."""
        apart = _apart(self.own, self.posted)
        far = self.good & (apart > FAR_M)
        if self.given.national:
            far &= self.council.margin(*self.own) | self.council.margin(*self.posted)
        told = [
            f"{self.table['name'].iloc[i]} at {self.own[0][i]:.0f}, {self.own[1][i]:.0f} is {apart[i] / 1000:,.1f} km from "
            f"its postcode {self.postcode[i]} at {self.posted[0][i]:.0f}, {self.posted[1][i]:.0f}"
            for i in np.flatnonzero(far)
        ]
        return [f"Sites far from their own postcode, of which the coordinates count: {listed(told)}."] if told else []


def _with_uprn(table: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Write UPRNs in digits; count what is none."""
    if "uprn" not in table:
        return table, []
    digits = table["uprn"].str.replace(" ", "").str.extract(f"^{_UPRN}$", expand=False).astype(object)
    digits = digits.where(digits.notna(), None)
    odd = table["uprn"][table["uprn"].notna() & digits.isna()]
    told = f"{len(odd):,} UPRNs are no number of up to 12 digits, such as {odd.iloc[0]!r}, and do not count." if len(odd) else ""
    return table.assign(uprn=digits), [told] if told else []


def _in_england(at: _Where) -> _Mask:
    west, south, east, north = ENGLAND_M
    return (at[0] >= west) & (at[0] <= east) & (at[1] >= south) & (at[1] <= north)


def _apart(a: _Where, b: _Where) -> NDArray[np.float64]:
    """Give the metres between places, NaN where there is not both."""
    metres = np.hypot(*(np.where(np.isfinite(p) & np.isfinite(q), p, np.nan) - np.where(np.isfinite(q), q, np.nan) for p, q in zip(a, b, strict=True)))
    return np.asarray(metres)
