"""Say in plain words how sure a plan is, and write it for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from needs.charts import Chart, bars
from needs.charts.words import safe
from needs.siting.words import A

_NAMED = 8  # sites that a sentence names
_ROWS = 20  # sites that are drawn
_TOLD = 3  # assumptions of the worst draw that a sentence tells
_STRONG = 0.1  # rank correlations under this say little
_WORDS = {
    "need_strength": "need counts {:.1f} times as much as in the plan",
    "standards": "standards are {:.2f} times the plan's minutes",
    "fading": "reach fades over {:.2f} times as many minutes",
    "outreach_value": "a session is worth {:.2f} of a hub",
    "no_car": "at least {:.0f} % of families have no car in the daytime",
    "demand": "families in all are {:.2f} times those counted",
}


def sentences(
    sites: pd.DataFrame,
    draws: pd.DataFrame,
    drivers: pd.DataFrame,
    *,
    status: str,
    gap: float,
    least_pct: float,
    aims: bool = False,
) -> tuple[str, ...]:
    """Say what a planner should know of a plan's test by draws.

    Parameters
    ----------
    sites, draws, drivers
        As `draws.Robustness` has them.
    status
        Of the pool.
    gap
        That was asked for.
    least_pct
        Worst regret of the plan whose worst regret is least.
    aims
        Whether something is asked before the total, which every draw's best plan brings as high as it can be.
    """
    having = int(draws["best"].notna().sum())
    if not having:
        return (f"In none of {len(draws):,} draws was a plan found that reaches what must be reached.",)
    planned, decided = (sites[(sites["offer"] != "none") & ((sites["role"] == "decided") == d)] for d in (False, True))
    parts = {role: _with_shares(planned[planned["role"] == role]) for role in ("core", "marginal", "out")}
    those = f"{having:,} draws" if having == len(draws) else f"the {having:,} of {len(draws):,} draws that have a plan"
    left = " that the settings leave open" if len(decided) else ""
    is_ = "is" if len(parts["core"]) == 1 else "are"
    first = (
        f"In {those}, in which all that is not known for sure changes at once, {len(parts['core'])} of the plan's "
        f"{_count(len(planned), 'site')}{left} {is_} chosen, as in the plan, nine times in ten or more, and {is_} "
        f"safe to begin with{_listed(parts['core'])}."
    )
    told = [first] if len(planned) or not len(decided) else []
    if len(decided):
        told.append(f"Not tested, for the settings decide: {_names(decided['name'].tolist())}.")
    if parts["marginal"]:
        told.append(f"Chosen as in the plan in some draws and not in others: {_names(parts['marginal'])}.")
    if parts["out"]:
        told.append(f"In the plan, but chosen so in one draw in ten or fewer: {_names(parts['out'])}.")
    rivals = sites[(sites["offer"] == "none") & sites["role"].isin(["core", "marginal"])]
    if len(rivals):
        rivals = rivals.sort_values("chosen_share", ascending=False, kind="stable")
        told.append(f"Not in the plan, but chosen in more than one draw in ten: {_names(_with_shares(rivals))}.")
    return (*told, *_of_regret(draws, drivers, least_pct, aims=aims), _of_proof(draws, status, gap))


def _of_regret(draws: pd.DataFrame, drivers: pd.DataFrame, least_pct: float, *, aims: bool) -> list[str]:
    known = draws[~draws["misses"]]
    told = []
    missed, none = int(draws["misses"].sum()), int(draws["no_plan"].sum())
    if missed:
        misses = "falls short of another plan in what is asked first, or misses" if aims else "misses"
        told.append(
            f"In {missed:,} of {len(draws):,} draws the plan {misses} what must be reached{_whoever(missed, none)}."
        )
    if known.empty:
        return told
    share, families = known["regret_pct"], known["regret"]
    if share.max() == 0:
        told.append(
            f"In none of the {'others' if missed else 'draws'} would another plan that is known have served more."
        )
        return told
    high = share.quantile(0.95, interpolation="higher")
    told.append(
        f"Against the best plan of each draw it gives up {share.mean():.1f} % of need met on average "
        f"({families.mean():,.1f} families weighed by need), and {high:.1f} % or less in 95 draws of 100."
    )
    worst = int(share.to_numpy().argmax())
    row = known.iloc[worst]
    told.append(
        f"It gives up most, {row['regret_pct']:.1f} % ({row['regret']:,.1f} families weighed by need), where "
        f"{_assumed(draws, row)}."
    )
    strong = drivers[drivers["correlation"].abs() >= _STRONG]
    if len(strong):
        first = strong.iloc[0]
        more = "more" if first["correlation"] > 0 else "less"
        told.append(
            f"What it gives up depends most on this: {first['label']}. The higher, the {more} is given up "
            f"(rank correlation {first['correlation']:.2f})."
        )
    if least_pct < share.max() - 0.05 and not missed:
        told.append(f"Among the plans met, the most cautious gives up {least_pct:.1f} % at worst.")
    return told


def _whoever(missed: int, none: int) -> str:
    """Say in how many of the draws that a plan misses any other would miss too."""
    if not none:
        return ""
    return f"; in {'all' if none == missed else f'{none:,}'} of these no plan reaches it"


def _with_shares(sites: pd.DataFrame) -> list[str]:
    """Name sites with the share of the draws that choose them, and as what, where that is not the same."""
    told = []
    for name, offer, *of_draws in sites[["name", "offer", "chosen_share", "hub_share", "outreach_share"]].to_numpy():
        chosen, hub, outreach = (f"{100 * s:.0f} %" for s in of_draws)
        own = {"hub": hub, "outreach": outreach}.get(offer, chosen)
        told.append(f"{name} ({own})" if own == chosen else f"{name} ({chosen}, as {A[offer]} {own})")
    return told


def _assumed(draws: pd.DataFrame, row: pd.Series[float]) -> str:
    """Name what is assumed in a draw, the few things that lie farthest out among all draws, in their order."""
    columns = draws.columns[: draws.columns.get_loc("best")]
    varied = [str(c) for c in columns if draws[c].min() < draws[c].max()]
    outlying = {c: abs(float((draws[c] < row[c]).mean() + (draws[c] <= row[c]).mean()) - 1.0) for c in varied}
    few = sorted(varied, key=lambda c: -outlying[c])[:_TOLD]
    told = [
        _WORDS.get(c, f"travel by {c.removeprefix('time_')} takes {{:.2f}} times as long").format(row[c])
        for c in varied
        if c in few
    ]
    return ", ".join(told) or "single counts and journeys differ"


def _of_proof(draws: pd.DataFrame, status: str, gap: float) -> str:
    draws = draws[~draws["no_plan"]]
    within = "optimal" if gap == 0 else f"within {100 * gap:g} % of the best"
    if status == "certified":
        return f"The best plan of every draw that has one is proven {within}."
    sure = int((draws["bound"] - draws["best"] <= max(gap, 1e-9) * draws["best"].abs()).sum())
    return f"The best plan is proven {within} in {sure:,} of {len(draws):,} draws; the others were not finished."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return f": {_names(names)}" if names else ""


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def chart(sites: pd.DataFrame) -> Chart:
    """Draw how often the best plan of a draw has each site, as the plan has it or with another offer.

    Parameters
    ----------
    sites
        As of `draws.Robustness`; the rarest beyond 20 that were ever chosen are left out.
    """
    offer, any_share = sites["offer"], sites["chosen_share"]
    same = sites["hub_share"].where(offer == "hub", sites["outreach_share"].where(offer == "outreach", 0.0))
    order = pd.DataFrame({"same": same, "any": any_share}).sort_values(["same", "any"], ascending=False, kind="stable")
    order = order[(order["any"] > 0) | (offer.reindex(order.index) != "none")].head(_ROWS)
    shown = sites.loc[order.index]
    name = shown["name"].where(~shown["name"].duplicated(keep=False), shown["name"] + " (" + shown.index + ")")
    label = name + shown["offer"].map({"hub": ", hub", "outreach": ", outreach", "none": ", not in the plan"})
    parts = [
        pd.DataFrame({"label": label, "value": 100.0 * share, "series": words, "row": range(len(label))})
        for words, share in (("as in the plan", order["same"]), ("with another offer", order["any"] - order["same"]))
    ]
    table = pd.concat(parts)
    table = table[(table["value"] > 0) | (table["series"] == "as in the plan")].sort_values("row", kind="stable")
    title = "How often the best plan of a draw has each site"
    return bars(table.drop(columns="row"), title=title, unit="%", decimals=0, label_label="Site", value_label="Draws")


def html(told: Sequence[str], sites: pd.DataFrame, drivers: pd.DataFrame) -> str:
    """Write the sentences, how often each site is chosen, and what drives regret."""
    listed = "".join(f"<li>{safe(sentence)}</li>" for sentence in told)
    table = str(drivers.to_html(float_format="{:,.3g}".format, border=0))
    return f"<ul>{listed}</ul>{chart(sites).to_html()}{table}"
