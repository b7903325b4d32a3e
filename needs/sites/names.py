"""Tell whether two names are of one building: by their words, of which common ones count for little."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from pydantic import field_validator

from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

FILE = "site_names.toml"
ALIKE = 0.8  # names at least so similar are of one building, if it stands near enough
LIGHT = 0.2  # weight of a common word, of 1
_SPELT = 0.85  # words so similar are one word, misspelt
_SHORT = 3  # letters up to which a word keeps its s
_LONG = 5  # letters from which a misspelt word is known


class _Kind(Strict):
    words: tuple[str, ...]
    types: tuple[str, ...]


class _Words(Strict):
    light: frozenset[str]
    rivals: frozenset[str]
    same: dict[str, str]
    kind: dict[str, _Kind]

    @field_validator("light", "rivals")
    @classmethod
    def _stemmed(cls, words: frozenset[str]) -> frozenset[str]:
        return frozenset(_stems(" ".join(words)))


@dataclass(frozen=True)
class Name:
    """A name taken apart.

    Attributes
    ----------
    weights
        Its words, and what each counts for; "=library" for words that name a kind of place.
    kinds
        What kinds of place the name and the type of its site tell: "family", "library".
    """

    weights: dict[str, float]
    kinds: frozenset[str]


@cache
def _catalogue() -> _Words:
    return checked(_Words, load(CATALOGUE / FILE), file=FILE)


@cache
def _phrases() -> dict[tuple[str, ...], tuple[str, ...]]:
    """List what is written otherwise, by its words."""
    return {_stems(a): _stems(b) for a, b in _catalogue().same.items()}


@cache
def _kinds() -> dict[tuple[str, ...], str]:
    """List the words that name a kind of place."""
    return {_stems(w): name for name, kind in _catalogue().kind.items() for w in kind.words}


@cache
def taken_apart(name: str, site_type: str) -> Name:
    """Take a name apart.

    Parameters
    ----------
    name
        As given: "St. Mary's C of E Primary School, Oakham".
    site_type
        Tells the kind of place as well: "Oakham" in a list of libraries is one.
    """
    head, tail = (_words(part) for part in _halves(name))
    if not head:
        head, tail = tail, []
    known = _catalogue()
    kinds = {kind for kind, entry in known.kind.items() if site_type in entry.types}
    weights: dict[str, float] = {}
    for some, most in ((head, 1.0), (tail, LIGHT)):
        for i, j in reversed(_find(some, _kinds())):
            kind = _kinds()[tuple(some[i:j])]
            kinds.add(kind)
            some[i:j] = [f"={kind}"]
        for word in some:
            weight = LIGHT if word.startswith("=") or word in known.light else most
            weights[word] = max(weight, weights.get(word, 0.0))
    return Name(weights, frozenset(kinds))


def similarity(a: Name, b: Name) -> float:
    """Say how alike two names are, from 0 to 1.

    It is Dice's coefficient of their words, each with its weight; a longer word that is nearly the same counts as the
    same in the measure that it is. 0 where they name different kinds of place, or rival denominations.

    Source: L. R. Dice, Measures of the amount of ecologic association between species, Ecology 26 (1945).
    """
    rivals = _catalogue().rivals
    ours, theirs = (rivals & set(n.weights) for n in (a, b))
    if (a.kinds or b.kinds) and not a.kinds & b.kinds:
        return 0.0
    if ours and theirs and not ours & theirs:
        return 0.0
    first, second = sorted((a.weights, b.weights), key=lambda w: sorted(w.items()))
    both = first.keys() & second.keys()
    shared = sum(min(first[w], second[w]) for w in sorted(both))
    left = sorted(second.keys() - both)
    for word in sorted(first.keys() - both):
        score, match = max(((_spelt(word, other), other) for other in left), default=(0.0, ""))
        if score >= _SPELT:
            shared += score * min(first[word], second[match])
            left.remove(match)
    whole = sum(first.values()) + sum(second.values())
    return 2 * shared / whole if whole else 0.0


def _spelt(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio() if min(len(a), len(b)) >= _LONG else 0.0


def _halves(name: str) -> tuple[str, str]:
    """Part a name at its first comma or bracket."""
    head, *rest = re.split(r"[,(\[]", name, maxsplit=1)
    return head, " ".join(rest)


def _words(text: str) -> list[str]:
    """Give the words of a text, each written the one way: no accents, apostrophes, dots or final s."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’‘`.")
    some = list(_stems(" ".join(re.findall(r"[a-z0-9]+", plain))))
    found = _find(some, _phrases())
    for i, j in reversed(found):
        some[i:j] = _phrases()[tuple(some[i:j])]
    return some


def _stems(text: str) -> tuple[str, ...]:
    """Part words, without the s of a plural or a possessive: "St Marys" is "St Mary's" and "St Mary"."""
    return tuple(w[:-1] if len(w) > _SHORT and w.endswith("s") else w for w in text.split())


def _find(some: list[str], known: Collection[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Find known phrases among words, from the left, the longest first: where each begins and ends."""
    longest = max(map(len, known))
    found, i = [], 0
    while i < len(some):
        j = next((j for j in range(min(i + longest, len(some)), i, -1) if tuple(some[i:j]) in known), i)
        if j > i:
            found.append((i, j))
        i = max(j, i + 1)
    return found
