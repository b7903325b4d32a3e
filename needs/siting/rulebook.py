"""Say in plain words every rule that a plan was made under, and what the plan itself costs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from needs.assessment.plan import Cost, ReachFloor
from needs.charts.words import listing
from needs.location.rules import Bools
from needs.siting import aims
from needs.siting.alternatives import spent
from needs.siting.case import Case
from needs.siting.words import MUST, A, count

SETTINGS = "Assessment file"
PRESET = "Preset of this toolkit, unless the assessment file says otherwise"
_PRESUMED = "The presumption against closing children's centres (statutory guidance, 2013); the figures are presets"
_EXISTING = {"free": "may be kept, converted or closed", "keep": "must stay"}
_GROUPS: dict[tuple[str, int | str | bool], str] = {
    ("car", True): "families with a car",
    ("car", False): "families without a car",
    ("fifth_england", 1): "families in England's neediest fifth of neighbourhoods",
}
_COLUMNS = {
    "car": "having a car",
    "fifth_england": "fifth of England by need (1 is the highest)",
    "ruc21cd": "rural-urban class",
}
_COST = {"opening_gbp": "£{} to open", "yearly_gbp": "£{} a year", "staff_days": "{} staff days a week"}
_BUDGETS = {
    "opening_budget_gbp": ("Money for opening, converting and closing, at most", "£{}"),
    "yearly_budget_gbp": ("Money for running the sites, at most", "£{} a year"),
    "staff_days": ("Staff, at most", "{} days a week"),
}
Rule = tuple[str, str, str]  # what, value, source


def rules(case: Case) -> list[Rule]:
    """List what was set for a plan: what, value and source, in the words of a planner.

    Parameters
    ----------
    case
        The plan's tables and settings.
    """
    asked = case.settings
    strength, worth = f"{1 + asked.need_strength:g} times", f"{asked.outreach_value:g}"
    saved = f"{asked.keep_hub_pct:g}% of all need for a hub, {asked.keep_outreach_pct:g}% for outreach"
    apart = asked.hubs_apart_min
    return [
        ("What is asked of the plan", aims.asked(case), SETTINGS),
        ("Hubs at most", str(asked.max_hubs), SETTINGS),
        ("Outreach sites at most", str(asked.max_outreach), SETTINGS),
        ("Existing sites", _EXISTING[asked.existing], SETTINGS),
        *_musts(case),
        *(("Who must be reached", floor_words(floor), floor.source) for floor in asked.floor),
        *(
            (_BUDGETS[name][0], _BUDGETS[name][1].format(f"{most:,.10g}"), SETTINGS)
            for name, _, most in asked.budgets()
        ),
        *_costs(case),
        ("What a family counts in England's neediest zone, against one in its least needy", strength, PRESET),
        ("What closing a site that exists today must save", saved, _PRESUMED),
        ("What an outreach session near by is worth against a hub near by", worth, PRESET),
        ("Furthest an outreach site may be from its hub, by car", f"{asked.parent_limit_min:g} minutes", PRESET),
        *([("Hubs must be apart, by car", f"{apart:g} minutes or more", SETTINGS)] if apart is not None else []),
    ]


def floor_words(floor: ReachFloor) -> str:
    """Say who must be reached."""
    groups = [_GROUPS.get((floor.group, v), f"families whose {_COLUMNS[floor.group]} is {v}") for v in floor.values]
    by = "a hub" if floor.offer == "hub" else "a hub or an outreach site"
    return f"at least {floor.reach_pct:g}% of {listing(groups)} within reach of {by}"


def _musts(case: Case) -> Iterator[Rule]:
    """Say what sites must be one by one, but for those that stay because all that exist must."""
    sites = case.sites
    for name, must, keep in zip(sites["name"], sites["must"], sites["keep"], strict=True):
        if must and (must != "stay" or case.settings.existing != "keep"):
            yield f"What {name} must be", MUST[must], "The table of sites" if must == "stay" and keep else SETTINGS


def _costs(case: Case) -> Iterator[Rule]:
    """Say what each offer costs and can take on where a site does not say otherwise, and what closing costs."""
    for offer, words in (("hub", "hub"), ("outreach", "outreach site")):
        cost: Cost = getattr(case.settings, offer)
        told = [
            form.format(f"{value:,.10g}") for name, form in _COST.items() if (value := getattr(cost, name)) is not None
        ]
        if told:
            yield f"What {A[offer]} costs, where a site says nothing else", listing(told), SETTINGS
        if cost.families is not None:
            yield (
                f"How many families {A[offer]} can take on, where a site says nothing else",
                f"{cost.families:,.10g}",
                SETTINGS,
            )
        own = [
            c for c in (*_COST, "families") if f"{offer}_{c}" in case.sites and case.sites[f"{offer}_{c}"].notna().any()
        ]
        if own:
            known = case.sites[[f"{offer}_{c}" for c in own]].notna().any(axis=1)
            what = f"Sites with costs or places of their own as {words}"
            yield what, f"{count(int(known.sum()), 'site')}, as the table of sites says", "The table of sites"
    if case.settings.closing_gbp:
        yield "What closing a site costs, where it says nothing else", f"£{case.settings.closing_gbp:,.10g}", SETTINGS


def cost_words(case: Case, opened: Bools) -> str:
    """Say what a plan costs, as far as that is known; nothing if no cost is."""
    forms = {
        "opening_gbp": "£{} for opening, converting and closing",
        **{k: _COST[k] for k in ("yearly_gbp", "staff_days")},
    }
    told = [
        forms[k].format(f"{v:,.0f}" if v >= 10 else f"{v:,.3g}")
        for k, v in spent(case, opened).items()
        if not math.isnan(v)
    ]
    return f"The plan costs {listing(told)}." if told else ""
