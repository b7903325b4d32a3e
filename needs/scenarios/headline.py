"""Say the finding of a plan in a title and in one sentence."""

from __future__ import annotations

import pandas as pd

_NAMED = 6  # sites that a sentence names before it counts the rest
_SHOWN = 0.5  # per cent: what shows as a whole number
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def headline(
    name: str,
    sites: pd.DataFrame,
    today: dict[str, float],
    plan: dict[str, float],
    *,
    demand_label: str,
    neighbours: dict[str, float] | None = None,
) -> tuple[str, str]:
    """Say the finding in a title and in one sentence.

    Parameters
    ----------
    name
        The area's.
    sites
        Recommended sites: name, offer.
    today, plan
        As `totals` returns them.
    demand_label
        What is counted, such as "births a year".
    neighbours
        As `totals` returns them where the neighbours' sites alone are open; None where they have none.

    Returns
    -------
    finding, answer : str
    """
    label = demand_label.removesuffix(" a year")  # a share is of no time
    hubs = list(sites.loc[sites["offer"] == "hub", "name"])
    outreach = list(sites.loc[sites["offer"] == "outreach", "name"])
    parts = [f"{_count(len(hubs), 'hub')}", f"{_count(len(outreach), 'outreach site')}"]
    alone = 100.0 - neighbours["virtual_pct"] if neighbours else 0.0
    helped = alone >= _SHOWN
    where = f"Hubs: {_listed(hubs)}" if len(hubs) > 1 else f"Hub: {_listed(hubs)}" if hubs else "No hub"
    with_outreach = f", with outreach at {_listed(outreach)}" if outreach else ""
    if not plan["demand"] > 0:
        return f"{name}: {' and '.join(parts)}", f"{where}{with_outreach}. No {demand_label} are counted here."
    with_them = ", with the neighbours' sites," if helped else ""
    reach = f"would{with_them} reach {100.0 - plan['virtual_pct']:.0f}%"
    finding = f"{name}: {' and '.join(parts)} {reach} of {label}"
    answer = (
        f"{where}{with_outreach}: a hub would be within reach for {plan['hub_pct']:.0f}% of {label} "
        f"(today {today['hub_pct']:.0f}%), outreach alone for {plan['outreach_pct']:.0f}% "
        f"(today {today['outreach_pct']:.0f}%), and the online offer alone for {plan['virtual_pct']:.0f}% "
        f"(today {today['virtual_pct']:.0f}%)."
    )
    if helped:
        answer += f" The neighbours' sites count in this; they alone would reach {alone:.0f}%."
    if plan["turned_away_pct"] >= _SHOWN:
        answer += f" Of all, {plan['turned_away_pct']:.0f}% would find the sites in reach full."
    return finding, answer


def _count(n: int, word: str) -> str:
    number = _WORDS[n] if n < len(_WORDS) else str(n)
    return f"{number} {word}{'' if n == 1 else 's'}"


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{_count(len(names) - _NAMED + 1, 'more').removesuffix('s')}"]
    return f"{', '.join(names[:-1])} and {names[-1]}"
