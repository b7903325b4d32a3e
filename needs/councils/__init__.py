"""Find English councils by name, former name or code, and say which districts they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache

from needs.councils.register import Entry as Entry
from needs.councils.register import bare, forms, key, listed, registered, slug
from needs.errors import Faults, SettingsError, fail

ENGLAND = "E92000001"  # the code of the whole (Register of Geographic Codes)
_CODE = re.compile(r"[ENSW]\d{8}")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_APART = re.compile(r"[+;\n]")  # never within a name
_MAYBE_APART = re.compile(r",|&|\band\b", re.IGNORECASE)  # within some names, between others
_LONGEST = 8  # pieces of a name, with room
_LONGEST_NAME = 100  # characters, with room: likeness takes long to tell of more
_SHOWN = 6  # names that are suggested
_ALIKE = 0.7  # of difflib: worth suggesting
_MEANT = 0.8  # of difflib: surely a slip of the pen
_COUNTRIES = {"N": "Northern Ireland", "S": "Scotland", "W": "Wales"}  # by the first letter of a code


@dataclass(frozen=True)
class Council:
    """One council, or several that are assessed as one.

    Attributes
    ----------
    name
        Several names are joined as "A and B" or "A, B and C", in the order given.
    slug
        The names in small letters, digits and hyphens: of folders, files and pages.
    codes
        Of the districts and councils of one tier, in the register's vintage (LAD 2024), sorted.
    upper
        Of the councils that run children's services there: counties, or councils of one tier; sorted.
    regions
        Of the regions (E12), sorted; `regions_of` names them.
    notes
        How what was asked for was understood, in plain sentences.
    """

    name: str
    slug: str
    codes: tuple[str, ...]
    upper: tuple[str, ...]
    regions: tuple[str, ...]
    notes: tuple[str, ...] = ()


def councils() -> tuple[Entry, ...]:
    """List the districts, councils of one tier and counties of the register's vintage, by name."""
    return tuple(sorted(registered().today.values(), key=lambda e: (e.name, e.code)))


def upper_tier() -> tuple[Entry, ...]:
    """List the councils that run children's services: counties, and councils of one tier; by code."""
    return tuple(e for e in sorted(registered().today.values(), key=lambda e: e.code) if not e.county)


@cache
def england() -> Council:
    """Give all of England, as `resolve` gives a council."""
    return replace(_made(["England"], [c for e in upper_tier() for c in e.districts], ()), slug="england")


def search(text: str) -> tuple[Entry, ...]:
    """List every council, today's first, of which a word of the name, or the code, begins as told.

    Where there is none, the text is read as `resolve` reads it.

    Raises
    ------
    SettingsError
        As `resolve`.
    """
    code = text.strip().upper()
    everyone = (*councils(), *sorted(registered().others, key=lambda e: (e.name, e.code)))
    found = tuple(e for e in everyone if _begins(text, e) or (code and e.code.startswith(code)))
    return found or tuple(registered().today[c] for c in resolve(text).codes)


def regions_of(codes: Iterable[str]) -> dict[str, str]:
    """Name the regions of councils: names by code (E12), sorted by code.

    Raises
    ------
    SettingsError
        For codes that are no English council's.
    """
    known, found, faults = registered(), set(), Faults(SettingsError)
    for code in codes:
        if code in known.by_code:
            found.add(known.by_code[code].region)
        else:
            faults.add(f"area {code!r}", *_fault(code))
    faults.raise_if_any()
    return {code: known.region[code] for code in sorted(found)}


def resolve(text: str) -> Council:
    """Find a council by name, slug or code, of today or since 2009, or several, joined by "+", "," or "and".

    "England" is all of them. Case, accents, punctuation and words of legal style ("Borough Council", "City of") do not
    matter. Of one name, the council of today is meant; a former council gives the councils that hold its area, whole.

    Raises
    ------
    SettingsError
        For names that are unknown, or could be several councils', with what was perhaps meant; all of them at once.
    """
    if key(text) == "england" or text.strip().upper() == ENGLAND:
        return england()
    faults, found = Faults(SettingsError), []
    for part in filter(None, map(str.strip, _APART.split(text))):
        groups = _grouped(part)
        unknown = [name for name, entry in groups if entry is None]
        if unknown and (_SLUG.fullmatch(part.casefold()) or _elsewhere(part) or _alike(part, _MEANT)):
            unknown = [part]  # it is one name, of which some words may be names as well
        for name in unknown:
            faults.add(f"area {name!r}", *_fault(name))
        found += [_council(entry) for _, entry in groups if entry is not None]
    faults.raise_if_any()
    if not found:
        fail(SettingsError, f"area {text!r}", "names no council", "give a name or a code; `needs areas` lists them")
    return _together(found)


def _lookup(text: str) -> Entry | None:
    """Find the one council of a name or code."""
    known, code, name = registered(), text.strip().upper(), key(text)
    if _CODE.fullmatch(code):
        return known.by_code.get(code)
    if name.endswith(" county council") and bare(name) in known.ended_counties:
        return known.ended_counties[bare(name)]
    return next((known.by_name[form] for form in forms(name) if form in known.by_name), None)


def _grouped(part: str) -> list[tuple[str, Entry | None]]:
    """Cut a text into names, so that as few as can be are unknown and the names are as few, and so as long, as can be.

    Between names stand ",", "&" or "and", which stand within names as well; in a slug, hyphens.
    """
    if _SLUG.fullmatch(part.casefold()):
        pieces, glue = [word for word in part.split("-") if word.casefold() != "and"], "-"
    else:
        pieces, glue = [piece for piece in map(str.strip, _MAYBE_APART.split(part)) if piece], ", "
    best: list[tuple[int, int, list[tuple[str, Entry | None]]]] = [(0, 0, [])]
    for end in range(1, len(pieces) + 1):
        ways = []
        for start in range(max(0, end - _LONGEST), end):
            name = glue.join(pieces[start:end])
            entry = _lookup(name)
            if entry or end - start == 1:
                unknown, names, before = best[start]
                ways.append((unknown + (entry is None), names + 1, [*before, (name, entry)]))
        best.append(min(ways, key=lambda way: way[:2]))
    return best[-1][2]


def _council(entry: Entry) -> Council:
    """Make a council of an entry of the register.

    A former one is called after the council that holds its area; where there are several, it keeps its own name
    unless a council of today has it.
    """
    known = registered()
    is_today = known.today.get(entry.code) is entry
    heirs = [entry] if is_today else [known.today[c] for c in entry.districts]
    keeps_name = len(heirs) > 1 and known.by_name.get(key(entry.name)) is entry
    notes = [entry.note, *(_place(h) for h in heirs)]
    before = known.ended_counties.get(key(entry.name))
    if is_today and before and set(before.districts) != set(entry.districts):
        notes.append(f"{before.note} Give {before.code} to assess that area.")
    return _made([entry.name] if keeps_name else [h.name for h in heirs], entry.districts, filter(None, notes))


def _place(entry: Entry) -> str:
    """Say where a council of today stands between county and district."""
    known = registered()
    if entry.is_county:
        within = ", ".join(known.today[c].name for c in entry.districts)
        return f"{entry.name} is a county of {len(entry.districts)} districts: {within}."
    if entry.county:
        county = known.today[known.county_of[entry.code]]
        return f"{entry.name} is a district of {county.label}, which runs children's services there."
    return ""


def _made(names: list[str], codes: Iterable[str], notes: Iterable[str]) -> Council:
    known, codes = registered(), tuple(sorted(codes))
    upper = tuple(sorted({known.county_of.get(c, c) for c in codes}))
    slugs = "-".join(map(slug, names))
    return Council(listed(names), slugs, codes, upper, tuple(regions_of(codes)), tuple(dict.fromkeys(notes)))


def _together(found: list[Council]) -> Council:
    """Join councils to one; what lies within the others counts once."""
    if len(found) == 1:
        return found[0]
    kept: list[Council] = []
    notes = [note for council in found for note in council.notes]
    for council in sorted(found, key=lambda c: -len(c.codes)):
        holders = [k.name for k in kept if set(k.codes) & set(council.codes)]
        if not holders:
            kept.append(council)
        elif council.name in holders:
            notes.append(f"{council.name} is meant more than once and counts once.")
        else:
            notes.append(f"{council.name} lies within {listed(holders)} and counts once.")
    kept.sort(key=found.index)
    return _made([k.name for k in kept], [c for k in kept for c in k.codes], notes)


def _begins(text: str, entry: Entry) -> bool:
    """Say whether a word of a council's name begins as told."""
    name = bare(key(text))
    return bool(name and re.search(rf"\b{re.escape(name)}", key(entry.name)))


def _alike(text: str, cutoff: float) -> list[Entry]:
    """List the councils whose names are much like a text, the likest first."""
    if len(text) > _LONGEST_NAME:
        return []
    names = registered().by_name
    return [names[n] for n in get_close_matches(bare(key(text)), names, n=_SHOWN, cutoff=cutoff)]


def _elsewhere(text: str) -> str:
    """Say what a text names instead of an English council: a region, another country or a council there; or ""."""
    known, code, name = registered().elsewhere_by_name, text.strip().upper(), key(text)
    if _CODE.fullmatch(code) and code[0] in _COUNTRIES:
        return f"lies in {_COUNTRIES[code[0]]}"
    return known.get(code) or known.get(name) or known.get(bare(name), "")


def _fault(text: str) -> tuple[str, str]:
    """Say what is wrong with a name or code that is no council's, and what to do."""
    code, elsewhere = _CODE.fullmatch(text.strip().upper()), _elsewhere(text)
    if elsewhere.startswith("lies"):
        return elsewhere, "England alone is covered: name an English council"
    if elsewhere or code:
        fix = "name councils of it, joined by +" if elsewhere else "these begin with E06 to E10"
        return elsewhere or "is no English council's code since 2009", f"{fix}; `needs areas` lists them"
    begun = [e for e in dict.fromkeys(registered().by_name.values()) if _begins(text, e)]
    if len(begun) > 1:
        more = f" or {len(begun) - _SHOWN} more, which `needs areas` lists" * (len(begun) > _SHOWN)
        labels = sorted(e.label for e in begun)[:_SHOWN]
        return "could be several councils", f"give one of {', '.join(labels) + more if more else listed(labels, 'or')}"
    near = dict.fromkeys([*begun, *_alike(text, _ALIKE)])
    meant = f"did you mean {listed([e.label for e in near][:_SHOWN], 'or')}?"
    return "is no English council", meant if near else "`needs areas` lists them"
