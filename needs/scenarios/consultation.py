"""Write what to tell and to ask the people whom a change at a site would affect, from the figures of a comparison."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from needs import travel
from needs.charts.words import clean, listing
from needs.errors import Faults
from needs.scenarios.comparison import Comparison
from needs.scenarios.families import middle_min
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

_FILE = "consultation.toml"
_NAMED = 5  # sites that a text names before it counts the rest
_NOBODY = 0.05  # families: fewer are none
_MARKS = str.maketrans({c: f"\\{c}" for c in "\\`*_[]{}|~#$"})
_ENTITY = re.compile(r"&(?=\\?#?\w+;)")
_COLUMNS = ["site_id", "name", "status", "title", "text", "figures"]


class Change(Strict):
    """The standing words about sites that close, change or open."""

    id: str
    title: str
    proposal: tuple[str, ...]
    questions: tuple[str, ...]


class Common(Strict):
    """What every text says."""

    not_known: tuple[str, ...]
    may_change: tuple[str, ...]
    questions: tuple[str, ...]


class Words(Strict):
    """The catalogue of consultation."""

    law: str
    estimate: str
    offers: dict[str, str]
    headings: dict[str, str]
    change: tuple[Change, ...]
    common: Common


@cache
def words() -> Words:
    """Read the catalogue's standing words."""
    return checked(Words, load(CATALOGUE / _FILE), file=_FILE)


def consultation(comparison: Comparison, sites: pd.DataFrame, scenario: str | None = None) -> pd.DataFrame:
    """Write a text for each site of ours that would close, change or open.

    Parameters
    ----------
    comparison
        Best of scenarios made by `Scenario.of` with minutes, so that families are counted at the nearest of equals.
    sites
        site_id, name, reasons (list of sentences of the scenario's plan), and perhaps offer (checked against the
        scenario), ours (False: a neighbour's), chosen_in and alternatives (`siting.robustness`).
    scenario
        The one proposed; the next to the first by default.

    Returns
    -------
    pandas.DataFrame
        site_id, name, status (close, convert, open), title, text (Markdown; names are escaped), figures (dict): every
        figure in the text, the reasons' apart. Sites that close come first, then those that change, then those that
        open, each by site_id. figures: before_offer and after_offer; families (whose best or nearest site it is: today,
        or, of a site that opens, then), families_pct, highest_need and without_car (of them; None where not known);
        turned_away (of them: the site has no place for them); gain, lose, same; journeys (the other site of each:
        site_id, name, offer, families, turned_away (of them, by full sites), by_car: for families with a car, without,
        or all where that is not known, car, families, within_before and within_after (a standard of any site), minutes
        by mode before and after); beyond_before, beyond_after (beyond every standard), full_before, full_after (turned
        away by full sites) and offline_after (of both then, without the internet; None: not known); kept (sites),
        chosen_in and alternatives (None where not tested).

    Raises
    ------
    InputError
        With every fault of `sites`.

    Source: duty to consult on children's centres, Childcare Act 2006, section 5D.
    """
    key = comparison.other(scenario)
    before, after = comparison.scenarios[comparison.first].offers, comparison.scenarios[key].offers
    ids = sorted({*before, *after})
    status = {s: _status(before.get(s, "none"), after.get(s, "none")) for s in ids}
    changed = [s for s in ids if status[s]]
    own = _checked(sites, changed, dict(after))
    order = [c.id for c in words().change]
    changed = sorted((s for s in changed if own[s].get("ours", True)), key=lambda s: (order.index(str(status[s])), s))
    kept = [
        s
        for s in ids
        if s in own and own[s].get("ours", True) and before.get(s, "none") == after.get(s, "none") != "none"
    ]
    rows = []
    for site in changed:
        figures = _figures(comparison, key, own[site], kept)
        kind = str(status[site])
        title, text = _text(comparison, kind, own[site], figures)
        rows.append((site, own[site]["name"], kind, title, text, figures))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _status(before: str, after: str) -> str | None:
    if before == after:
        return None
    if before == "none":
        return "open"
    return "close" if after == "none" else "convert"


def _checked(sites: pd.DataFrame, changed: list[str], offers: dict[str, str]) -> dict[str, dict[Any, Any]]:
    faults = Faults()
    absent = [c for c in ("site_id", "name", "reasons") if c not in sites]
    faults.add_codes("table of sites", "has no column", absent, "give the sites of the plan")
    faults.raise_if_any()
    twice = sites.loc[sites["site_id"].duplicated(), "site_id"]
    faults.add_codes("table of sites", "stands twice", twice, "keep one row for each")
    own = {row["site_id"]: row for row in sites.to_dict("records")}
    faults.add_codes("table of sites", "has no row for the site", set(changed) - set(own), "give every site")
    other = [s for s in own if "offer" in sites and own[s]["offer"] != offers.get(s, "none")]
    faults.add_codes("table of sites", "offers other than in the scenario", other, "give the sites of that plan")
    faults.raise_if_any()
    return own


def _figures(comparison: Comparison, key: str, site: dict[Any, Any], kept: list[str]) -> dict[str, Any]:
    """Everything that the text about a site says in figures."""
    name, first, rows = site["site_id"], comparison.first, comparison.rows
    offers = {when: comparison.scenarios[s].offers.get(name, "none") for when, s in (("before", first), ("after", key))}
    here, there = (key, first) if offers["before"] == "none" else (first, key)
    users = rows[(rows[f"site_id_{here}"] == name) & (rows["demand"] > 0)]
    families, whole = float(users["demand"].sum()), comparison.totals[first]["demand"]
    offline = float(users[f"virtual_offline_{key}"].sum(skipna=False))
    full = {s: float(users[f"turned_away_{s}"].sum()) for s in (first, key)}
    tested = site.get("alternatives", 0)
    return {
        "before_offer": offers["before"],
        "after_offer": offers["after"],
        "families": families,
        "families_pct": 100.0 * families / whole if whole > 0 else 0.0,
        "highest_need": _part(users, "fifth_england", 1),
        "without_car": _part(users, "car", wanted=False),
        "turned_away": full[here],
        **{way: float(users[f"{way}_{key}"].sum()) for way in ("gain", "lose", "same")},
        "journeys": _journeys(comparison, users, first, key, there),
        "beyond_before": float(users[f"virtual_{first}"].sum()) - full[first],
        "beyond_after": float(users[f"virtual_{key}"].sum()) - full[key],
        "full_before": full[first],
        "full_after": full[key],
        "offline_after": None if math.isnan(offline) else offline,
        "kept": [comparison.site_names.get(s, s) for s in kept],
        "chosen_in": int(site["chosen_in"]) if tested else None,
        "alternatives": int(tested) if tested else None,
    }


def _part(users: pd.DataFrame, column: str, wanted: Any) -> float | None:
    return float(users.loc[users[column] == wanted, "demand"].sum()) if column in users else None


def _journeys(comparison: Comparison, users: pd.DataFrame, first: str, key: str, there: str) -> list[dict[str, Any]]:
    """Part a site's families by where they go in the other scenario (None: nowhere), the most first, then by id."""
    found = []
    nowhere_full = users[f"site_id_{there}"].isna() & (users[f"turned_away_{there}"] > 0)
    for (other, _), part in users.groupby([users[f"site_id_{there}"].fillna(""), nowhere_full], sort=True):
        site = str(other) or None
        found.append(
            {
                "site_id": site,
                "name": None if site is None else comparison.site_names.get(site, site),
                "offer": None if site is None else comparison.scenarios[there].offers[site],
                "families": float(part["demand"].sum()),
                "turned_away": float(part[f"turned_away_{there}"].sum()),
                "by_car": [_by_car(comparison, own, car, first, key) for car, own in _cars(part)],
            }
        )
    return sorted(found, key=lambda j: -j["families"])


def _cars(part: pd.DataFrame) -> list[tuple[bool | None, pd.DataFrame]]:
    """Part families by whether they have a car, those without first; None where that is not known."""
    if "car" not in part:
        return [(None, part)]
    return [(bool(car), own) for car, own in part.groupby(part["car"].astype(bool), sort=True)]


def _by_car(comparison: Comparison, own: pd.DataFrame, car: bool | None, first: str, key: str) -> dict[str, Any]:
    """Measure families' journeys as they would make them: by car where they have one, else by other ways."""
    modes = [mode for mode in comparison.minutes if car is None or travel.needs_car(mode) == car]
    when = {"before": first, "after": key}
    within = {s: own["demand"] - own[f"virtual_{s}"] + own[f"turned_away_{s}"] for s in when.values()}
    return {
        "car": car,
        "families": float(own["demand"].sum()),
        **{f"within_{w}": float(within[s].sum()) for w, s in when.items()},
        "minutes": {
            mode: {
                w: middle_min(own, comparison.minutes[mode], own[f"site_id_{s}"].iloc[0], mode) for w, s in when.items()
            }
            for mode in modes or comparison.minutes
        },
    }


def _text(comparison: Comparison, kind: str, site: dict[Any, Any], figures: Mapping[str, Any]) -> tuple[str, str]:
    said = words()
    change = next(c for c in said.change if c.id == kind)
    name = _safe(site["name"])
    filled = {"site": name, **{when: said.offers[figures[f"{when}_offer"]] for when in ("before", "after")}}
    ending = "_open" if kind == "open" else ""
    label = _safe(comparison.demand_label)
    parts = {
        "proposal": [" ".join([*(s.format(**filled) for s in change.proposal), said.law])],
        "why": _bullets(
            [f"{_safe(_masked(r, comparison.demand_label, comparison.few))}." for r in site["reasons"]]
            or ["The plan gives no reason."]
        ),
        f"users{ending}": [" ".join([*_users(figures, label, comparison.few), said.estimate])],
        f"journeys{ending}": _bullets(_routes(figures, label, comparison.few, site["site_id"])),
        "outside": [" ".join(_outside(figures, label, comparison.few))],
        "same": [" ".join(_same(figures, label, comparison.few))],
        "not_known": _bullets([*said.common.not_known, *_gaps(comparison, figures)]),
        "may_change": _bullets([*said.common.may_change, *_tests(figures)]),
        "questions": [
            f"{n}. {q.format(**filled)}" for n, q in enumerate((*change.questions, *said.common.questions), 1)
        ],
    }
    text = "\n\n".join(f"### {said.headings[head]}\n\n" + "\n".join(lines) for head, lines in parts.items())
    return change.title.format(**filled), text + "\n"


def _bullets(lines: list[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def _users(figures: Mapping[str, Any], label: str, few: float) -> list[str]:
    told = [f"It is the best or the nearest site for {_people(figures['families'], label, few)}"]
    if figures["families"] >= few:
        told[0] += f", {figures['families_pct']:.0f}% of all"
    told[0] += "."
    if figures["turned_away"] >= _NOBODY:
        told.append(f"It is full: {_number(figures['turned_away'], few)} of them have no place there or near by.")
    if figures["highest_need"] is not None and figures["families"] >= _NOBODY:
        told.append(f"{_upper(_number(figures['highest_need'], few))} are in the fifth of England with the most need.")
    if figures["without_car"] is not None and figures["families"] >= _NOBODY:
        told.append(f"{_upper(_number(figures['without_car'], few))} are in homes without a car.")
    return told


def _routes(figures: Mapping[str, Any], label: str, few: float, own: str) -> list[str]:
    journeys, opens = figures["journeys"], figures["before_offer"] == "none"
    told = []
    for journey in journeys[:_NAMED]:
        people = _upper(_people(journey["families"], label, few))
        if journey["site_id"] is None:
            full = journey["turned_away"] >= _NOBODY
            why = "the sites in reach are full" if full else "no site is in reach"
            on_foot = sum(g["families"] for g in journey["by_car"] if g["car"] is False)
            told.append(f"{people}: {why}{'' if opens else ' then'}.")
            told[-1] += f" {_upper(_number(on_foot, few))} of them have no car." if on_foot >= _NOBODY else ""
            continue
        stay = (
            "stay here"
            if journey["site_id"] == own
            else f"{_safe(journey['name'])}, {words().offers[journey['offer']]}"
        )
        away = journey["turned_away"]
        full = [f"{_upper(_number(away, few))} of them have no place, for want of room."] if away >= _NOBODY else []
        told.append(" ".join([f"{people}: {stay}.", *full, *(s for g in journey["by_car"] for s in _times(g, few))]))
    rest = journeys[_NAMED:]
    if rest:
        told.append(f"{_upper(_people(sum(j['families'] for j in rest), label, few))}: {len(rest)} other places.")
    return told or ["Nobody, by our figures."]


def _times(group: Mapping[str, Any], few: float) -> list[str]:
    labels = {mode: told.label for mode, told in travel.words().items()}
    who = {None: "All of them", True: "Families with a car", False: "Families without a car"}[group["car"]]
    then = _number(group["within_after"], few)
    return [
        f"{who} ({_number(group['families'], few)}):",
        *(
            f"{_safe(labels.get(mode, mode))}: {_minutes(t['before'])} now, {_minutes(t['after'])} then."
            for mode, t in group["minutes"].items()
        ),
        f"Near enough to a site: {_number(group['within_before'], few)} now, {then} then.",
    ]


def _minutes(value: float) -> str:
    if math.isnan(value):
        return "out of reach"
    return f"{value:.0f} minute{'' if f'{value:.0f}' == '1' else 's'}"


def _outside(figures: Mapping[str, Any], label: str, few: float) -> list[str]:
    now, then = figures["beyond_before"], figures["beyond_after"]
    told = [
        f"Of these families, {_people(now, label, few)} are too far from any site now, and {_number(then, few)} then."
    ]
    full_now, full_then = figures["full_before"], figures["full_after"]
    if max(full_now, full_then) >= _NOBODY:
        told.append(
            f"For {_number(full_now, few)} the sites in reach are full now, and for {_number(full_then, few)} then."
        )
    if then + full_then >= _NOBODY:
        told.append("They could only be helped online or at home.")
        if figures["offline_after"] is not None:
            offline = _upper(_number(figures["offline_after"], few))
            told.append(f"{offline} would have no internet, if they are like others near by.")
    return told


def _same(figures: Mapping[str, Any], label: str, few: float) -> list[str]:
    told = [f"For {_people(figures['same'], label, few)} what is near by would be about as good as now."]
    told.append(
        f"It would be better for {_number(figures['gain'], few)} and worse for {_number(figures['lose'], few)}."
    )
    kept = [_safe(k) for k in figures["kept"]]
    if kept:
        more = [f"{len(kept) - _NAMED} more"] if len(kept) > _NAMED else []
        sites = "This site" if len(kept) == 1 else "These sites"
        told.append(f"{sites} would stay as now: {listing([*kept[:_NAMED], *more])}.")
    return told


def _gaps(comparison: Comparison, figures: Mapping[str, Any]) -> list[str]:
    told = [] if travel.BUS in comparison.minutes else ["How long it takes by bus."]
    if figures["offline_after"] is None:
        told.append("How many of those out of reach have the internet at home.")
    return told


def _tests(figures: Mapping[str, Any]) -> list[str]:
    if figures["alternatives"] is None:
        return []
    tests, chosen = figures["alternatives"], figures["chosen_in"]
    tested = f"We tested the plan {tests} times with other starting points."
    return [f"{tested} In {chosen} of these tests this site had a part in the plan."]


def _number(families: float, few: float) -> str:
    if families < _NOBODY:
        return "none"
    return f"fewer than {few:g}" if families < few else f"about {families:,.0f}"


def _people(families: float, label: str, few: float) -> str:
    return f"no {label}" if families < _NOBODY else f"{_number(families, few)} {label}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _masked(reason: str, label: str, few: float) -> str:
    """Hide a count of fewer families in a sentence of a plan's reasons, and the share that would tell it."""
    number = r"(?<![\w.,])(?P<n>(?:fewer than )?\d[\d,]*(?:\.\d+)?)"
    people = re.escape(label)
    things = rf"of them|of those|find|of \d[\d,.]* {people}|{people}|are|go|to other|need-weighted|instead of"

    def hidden(found: re.Match[str]) -> str:
        count = float(found["n"].removeprefix("fewer than ").replace(",", ""))
        return found["n"] if count == 0 or count >= few else f"fewer than {few:g}"

    told = re.sub(rf"{number}(?= (?:{things})\b)", hidden, reason)
    return told if told == reason else re.sub(r" \(\d+ %\)", "", told)


def _safe(text: object) -> str:
    """Escape a name for Markdown, and for the HTML that it becomes; an ampersand that begins no entity stays."""
    escaped = _ENTITY.sub("&amp;", clean(text).translate(_MARKS))
    return escaped.replace("<", "&lt;").replace(">", "&gt;")
