"""Find where postcodes are, and say why one is not known."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from needs.schemas.postcodes import POSTCODE
from needs.settings import CRS
from needs.sites.surroundings import Surroundings

_CONFUSED = {a: a + b for a, b in zip("0O1I5S8B2Z", "O0I1S5B8Z2", strict=True)}  # taken for one another
_SECTOR, _DISTRICT = -2, -4  # where a written postcode is cut: "OX1 3DW" to "OX1 3" and "OX1"


@dataclass(frozen=True)
class Gazetteer:
    """Where the postcodes of an input are.

    Attributes
    ----------
    title
        Of the input, for messages; "" where there is none.
    at
        Points in EPSG:27700 by postcode as written.
    """

    title: str
    at: gpd.GeoSeries = field(repr=False)

    @classmethod
    def of(cls, postcodes: gpd.GeoDataFrame | None, title: str = "") -> Gazetteer:
        """Make one of table `postcodes`, or without it one that knows nothing."""
        if postcodes is None:
            return cls("", gpd.GeoSeries([], index=pd.Index([], dtype="str"), crs=CRS))
        once = postcodes.drop_duplicates("postcode")
        return cls(title, gpd.GeoSeries(once.geometry.to_numpy(), index=pd.Index(once["postcode"]), crs=CRS))

    @cached_property
    def sectors(self) -> frozenset[str]:
        """Sectors of which a postcode is known, such as "OX1 3"."""
        return frozenset(self.at.index.str.slice(stop=_SECTOR))

    @cached_property
    def districts(self) -> frozenset[str]:
        """Districts of which a postcode is known, such as "OX1"."""
        return frozenset(self.at.index.str.slice(stop=_DISTRICT))

    @cached_property
    def xy(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Eastings and northings, and NaN after the last, for what is not known."""
        return np.append(self.at.x.to_numpy(), np.nan), np.append(self.at.y.to_numpy(), np.nan)

    def find(self, postcodes: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the eastings and northings of written postcodes, NaN where one is not known."""
        places = self.at.index.get_indexer(pd.Index(postcodes, dtype=self.at.index.dtype))
        return self.xy[0][places], self.xy[1][places]

    def near(self, council: Surroundings, *, margin: bool) -> tuple[frozenset[str], frozenset[str]]:
        """List the sectors and the districts that have a postcode in the council, or in its margin too."""
        within = council.margin if margin else council.inside
        some = self.at.index[within(self.xy[0][:-1], self.xy[1][:-1])]
        return frozenset(some.str.slice(stop=_SECTOR)), frozenset(some.str.slice(stop=_DISTRICT))

    def why_not(self, text: str) -> tuple[str, str, str]:
        """Say why a postcode is not known: in a few words, in full, and what to do."""
        fix = "correct it, or give the coordinates"
        meant = self._meant(text)
        if meant:
            return "postcode mistyped", f"postcode {text!r} is not known, and {meant} is", f"is it {meant}? {fix}"
        if not re.fullmatch(POSTCODE, text):
            return "no postcode", f"{text!r} is not a postcode, and there are no coordinates", fix
        if not self.title:
            todo = "give an [[input]] for table 'postcodes' (Code-Point Open), or the coordinates"
            return "no table of postcodes", f"has only its postcode {text}, and there is no input of postcodes", todo
        sector, district = text[:_SECTOR], text[:_DISTRICT]
        if sector in self.sectors:
            why = f"though others of {sector} are: retired, newer than that, or mistyped"
        elif district in self.districts:
            why = f"and none of {sector} is, though others of {district} are: mistyped, or long retired"
        else:
            why = f"and none of {district} is: elsewhere, or mistyped"
        return "postcode not known", f"postcode {text} is not in '{self.title}', {why}", fix

    def _meant(self, text: str) -> str | None:
        """Find the known postcode that differs least by letters and figures that are taken for one another."""
        bare = re.sub(r"[^A-Z0-9]", "", text.upper())
        if not 5 <= len(bare) <= 7:
            return None
        options = itertools.product(*(_CONFUSED.get(c, c) for c in bare))
        ways = sorted((sum(a != b for a, b in zip(way, bare, strict=True)), "".join(way)) for way in options)
        return next((p for p in (f"{w[:-3]} {w[-3:]}" for _, w in ways) if p in self.at.index), None)
