"""Say what of OpenStreetMap is kept, as the catalogue names it."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import Field

from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

Kind = Literal["node", "way", "relation"]
_FILE = "openstreetmap.toml"
_ANY = "*"


class Keep(Strict):
    """A sort of objects that is kept: those with one of some tags."""

    what: str
    kinds: frozenset[Kind]
    any: dict[str, frozenset[str]] = Field(min_length=1)
    named: bool = False
    on_ways: bool = False

    def fits(self, tags: Any) -> bool:
        """Say whether an object with these tags (to be asked by `get`) is such."""
        if self.named and not tags.get("name"):
            return False
        for key, values in self.any.items():
            value = tags.get(key)
            if value is not None and (_ANY in values or any(v.strip() in values for v in value.split(";"))):
                return True
        return False


class _Catalogue(Strict):
    keep: tuple[Keep, ...]


@cache
def kept(kind: Kind) -> tuple[Keep, ...]:
    """Give the rules that hold for nodes, for ways or for relations."""
    return tuple(k for k in checked(_Catalogue, load(CATALOGUE / _FILE), file=_FILE).keep if kind in k.kinds)


@cache
def telling(kind: Kind) -> tuple[str, ...]:
    """Name tags of which a kept object has at least one."""
    return tuple(sorted({key for k in kept(kind) for key in (["name"] if k.named else k.any)}))
