"""Place sites by their coordinates, or offline by their postcode, and reject what has no place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
from needs.sites.types import texts

FAR_M = 2_000.0  # coordinates so far from their own postcode are told
_UPRN = r"0*([1-9]\d{0,11})(?:\.0+)?"  # a workbook gives it as 100012345678.0, a database with zeros before it

_Where = tuple[NDArray[np.float64], NDArray[np.float64]]  # eastings and northings, or longitudes and latitudes
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Placed:
    """What became of the rows of one input.

    Attributes
    ----------
    sites
        Those that have a place, EPSG:27700; `uprn` in digits, where the input has it; by_postcode.
    rejects
        Those that have none.
    elsewhere
        How many rows of a national list have no place, and by what they say are none of the council's.
    notes
        What is doubtful.
    """

    sites: gpd.GeoDataFrame
    rejects: list[Reject]
    elsewhere: int
    notes: list[str]


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
    full = table.reset_index(drop=True)
    if "uprn" in full:
        full["uprn"] = _digits(full["uprn"])
    found = _Rows(full, given, gazetteer, council)
    lost = np.flatnonzero(~found.settled)
    mine = lost[found.may_be_ours(lost)] if given.national else lost
    rejects = [found.reject(int(i)) for i in mine]
    if len(lost) == len(full) == len(mine):
        why = (
            f"none of its {len(full):,} rows can be placed ({counted(rejects)}); {rejects[0].row}: {rejects[0].reason}"
        )
        faults.add(f"{given.path} (input '{given.id}')", why, rejects[0].to_do)
    x, y = (np.where(found.good, a, b) for a, b in zip(found.own, found.posted, strict=True))
    counts = found.settled & (council.margin(x, y) if given.national else True)
    notes = _odd_uprns(texts(table, "uprn")[counts], texts(full, "uprn")[counts])
    kept = pd.DataFrame(full.drop(columns="geometry"))[found.settled]
    points = gpd.points_from_xy(x[found.settled], y[found.settled])
    kept["by_postcode"] = ~found.good[found.settled]
    sites = gpd.GeoDataFrame(kept, geometry=points, crs=CRS).reset_index(drop=True)
    return Placed(sites, rejects, len(lost) - len(mine), [*notes, *found.far_notes()])


@dataclass(frozen=True)
class _Rows:
    """The rows of one input, and all that is known of their places: arguments as of `place`."""

    table: gpd.GeoDataFrame
    given: Input
    gazetteer: Gazetteer
    council: Surroundings

    @cached_property
    def there(self) -> _Mask:
        """Whether a row has coordinates."""
        return np.asarray(~self.blank & (self.table.geom_type == "Point"))

    @cached_property
    def blank(self) -> _Mask:
        """Whether it has no geometry at all."""
        return np.asarray(self.table.geometry.isna() | self.table.geometry.is_empty)

    @cached_property
    def raw(self) -> _Where:
        """Coordinates as given."""
        points = self.table.geometry.where(self.there)
        return points.x.to_numpy(), points.y.to_numpy()

    @cached_property
    def own(self) -> _Where:
        """Coordinates in EPSG:27700, not finite where there are none."""
        return self._across(*self.raw)

    @cached_property
    def mirrored(self) -> _Where:
        """Coordinates in EPSG:27700, if they are read the other way round."""
        return self._across(*self.raw[::-1])

    def _across(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> _Where:
        found = pyproj.Transformer.from_crs(self.table.crs, CRS, always_xy=True).transform(x, y)
        return np.asarray(found[0]), np.asarray(found[1])

    @cached_property
    def postcode(self) -> NDArray[np.object_]:
        """Postcodes as written, "" where blank."""
        return texts(self.table, "postcode")

    @cached_property
    def posted(self) -> _Where:
        """Where the postcodes are, NaN where they are not known."""
        return self.gazetteer.find(self.postcode)

    @cached_property
    def zero(self) -> _Mask:
        """Whether the coordinates are 0, 0."""
        nought: _Mask = (self.raw[0] == 0) & (self.raw[1] == 0)
        return self.there & nought

    @cached_property
    def swapped(self) -> _Mask:
        """Whether the coordinates fit only the other way round: into England, to the postcode, or to the council."""
        inside = _in_england(self.own)
        turned = ~inside & _in_england(self.mirrored)
        turned |= (_apart(self.own, self.posted) > FAR_M) & (_apart(self.mirrored, self.posted) <= FAR_M)
        if not self.given.national:
            alone = inside & ~np.isfinite(self.posted[0])
            turned |= alone & ~self.council.margin(*self.own) & self.council.margin(*self.mirrored)
        return self.there & ~self.zero & turned

    @cached_property
    def good(self) -> _Mask:
        """Whether the coordinates stand."""
        return self.there & ~self.zero & ~self.swapped & _in_england(self.own)

    @cached_property
    def settled(self) -> _Mask:
        """Whether the coordinates, or where they are blank the postcode, place a row."""
        return self.good | (self.blank & np.isfinite(self.posted[0]))

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
            if not re.fullmatch(POSTCODE, text):
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
        uprn = texts(self.table, "uprn")[i]
        at = f"{self.raw[0][i]:.7g}, {self.raw[1][i]:.7g}"
        if not self.there[i] and not self.blank[i]:
            shape = self.table.geometry.iloc[i].geom_type
            return "no point", f"it is a {shape}, and a point is needed", "give the place of its door"
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
        if uprn:
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
            f"{self.table['name'].iloc[i]} at {self.own[0][i]:.0f}, {self.own[1][i]:.0f} is {apart[i] / 1000:,.1f} km "
            f"from its postcode {self.postcode[i]} at {self.posted[0][i]:.0f}, {self.posted[1][i]:.0f}"
            for i in np.flatnonzero(far)
        ]
        return [f"Sites far from their own postcode, of which the coordinates count: {listed(told)}."] if told else []


def _digits(uprn: pd.Series[Any]) -> pd.Series[Any]:
    """Write UPRNs in digits, None where one is none."""
    digits = uprn.str.replace(" ", "").str.extract(f"^{_UPRN}$", expand=True)[0].astype(object)
    return digits.where(digits.notna(), None)


def _odd_uprns(given: NDArray[np.object_], digits: NDArray[np.object_]) -> list[str]:
    """Tell how many UPRNs are none."""
    odd = given[(given != "") & (digits == "")]
    return (
        [f"{len(odd):,} UPRNs are not numbers of up to 12 digits, such as {odd[0]!r}: left blank."] if len(odd) else []
    )


def _in_england(at: _Where) -> _Mask:
    west, south, east, north = ENGLAND_M
    return (at[0] >= west) & (at[0] <= east) & (at[1] >= south) & (at[1] <= north)


def _apart(a: _Where, b: _Where) -> NDArray[np.float64]:
    """Give the metres between places, NaN where there are not both."""
    both = np.isfinite(a[0]) & np.isfinite(b[0])
    metres = np.full(len(both), np.nan)
    metres[both] = np.hypot(a[0][both] - b[0][both], a[1][both] - b[1][both])
    return metres
