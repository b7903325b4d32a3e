"""Say numbers of families and sites, and what is limited, in plain English."""

from __future__ import annotations

from needs.assessment.plan import PlanSettings

MUST = {
    "closed": "must be closed",
    "hub": "must be a hub",
    "outreach": "must be an outreach site",
    "open": "must be open",
    "convert": "must become something else",
    "stay": "must stay",
}
A = {"hub": "a hub", "outreach": "an outreach site"}


def limit_words(name: str, settings: PlanSettings) -> str:
    """Say a limit of the settings, by its name there, as what may not be passed."""
    most = getattr(settings, name)
    if name in {"max_hubs", "max_outreach"}:
        return f"the plan may have at most {count(most, 'hub' if name == 'max_hubs' else 'outreach site')}"
    if name == "staff_days":
        return f"the {count(most, 'staff day')} a week do not suffice"
    return f"the £{most:,.0f} {'to open and close sites' if name == 'opening_budget_gbp' else 'a year'} do not suffice"


def count(number: float, word: str = "") -> str:
    """Say a number of things, singular or plural; small numbers to a tenth."""
    said = (
        "fewer than 0.1"
        if 0 < number < 0.05
        else f"{number:,.0f}"
        if number >= 9.95
        else f"{number:.1f}".removesuffix(".0")
    )
    if not word:
        return said
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{said} {word if said == '1' else plural}"


def share(part: float, whole: float) -> str:
    """Say a share in per cent."""
    return f"{100 * part / whole:.0f} %"
