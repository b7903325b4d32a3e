"""Say in plain words how sure a plan is, and write it for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

_NAMED = 8  # sites that a sentence names
_ROWS = 20  # sites that a result shows by itself
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
    sites: pd.DataFrame, draws: pd.DataFrame, drivers: pd.DataFrame, *, status: str, gap: float, least_pct: float
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
    """
    planned = sites[sites["offer"] != "none"]
    parts = {role: planned[planned["role"] == role]["name"].tolist() for role in ("core", "marginal", "out")}
    first = (
        f"In {len(draws):,} draws, in which all that is not known for sure changes at once, {len(parts['core'])} of "
        f"the plan's {_count(len(planned), 'site')} are chosen nine times in ten or more, and are safe to begin with"
        f"{_listed(parts['core'])}."
    )
    told = [first]
    if parts["marginal"]:
        told.append(f"Chosen in some draws and not in others: {_names(parts['marginal'])}.")
    if parts["out"]:
        told.append(f"In the plan, but chosen in one draw in ten or fewer: {_names(parts['out'])}.")
    rivals = sites[(sites["offer"] == "none") & (sites["role"] != "out")]
    if len(rivals):
        rivals = rivals.sort_values("chosen_share", ascending=False, kind="stable")
        shares = [f"{name} ({100 * s:.0f} %)" for name, s in rivals[["name", "chosen_share"]].to_numpy()]
        told.append(f"Not in the plan, but chosen in more than one draw in ten: {_names(shares)}.")
    return (*told, *_of_regret(draws, drivers, least_pct), _of_proof(draws, status, gap))


def _of_regret(draws: pd.DataFrame, drivers: pd.DataFrame, least_pct: float) -> list[str]:
    known = draws[~draws["misses"]]
    told = []
    missed = int(draws["misses"].sum())
    if missed:
        told.append(f"In {missed:,} of {len(draws):,} draws the plan misses what must be reached.")
    if known.empty:
        return told
    share, families = known["regret_pct"], known["regret"]
    if share.max() == 0:
        told.append("In none of them would another plan that is known have served more.")
        return told
    high = share.quantile(0.95, interpolation="higher")
    told.append(
        f"Against the best plan of each draw it gives up {share.mean():.1f} % of need met on average "
        f"({families.mean():,.1f} families weighed by need), and {high:.1f} % or less in 95 draws of 100."
    )
    worst = int(share.to_numpy().argmax())
    row = known.iloc[worst]
    told.append(
        f"It gives up most, {row['regret_pct']:.1f} % ({row['regret']:,.1f}), in draw {row.name}, where "
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


def _assumed(draws: pd.DataFrame, row: pd.Series[float]) -> str:
    told = []
    for name in draws.columns[: draws.columns.get_loc("best")]:
        if draws[name].min() < draws[name].max():
            mode = str(name).removeprefix("time_")
            words = _WORDS.get(str(name), f"travel by {mode} takes {{:.2f}} times as long")
            told.append(words.format(row[name]))
    return ", ".join(told) or "single counts and journeys differ"


def _of_proof(draws: pd.DataFrame, status: str, gap: float) -> str:
    within = "optimal" if gap == 0 else f"within {100 * gap:g} % of the best"
    if status == "certified":
        return f"The best plan of every draw is proven {within}."
    sure = int((draws["bound"] - draws["best"] <= max(gap, 1e-9) * draws["best"].abs()).sum())
    return f"The best plan is proven {within} in {sure:,} of {len(draws):,} draws; the others were not finished."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    return f": {_names(names)}" if names else ""


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def html(told: Sequence[str], sites: pd.DataFrame, drivers: pd.DataFrame) -> str:
    """Write the sentences, the sites chosen most often, and what drives regret."""
    shown = sites.sort_values("chosen_share", ascending=False, kind="stable")
    shown = shown[(shown["chosen_share"] > 0) | (shown["offer"] != "none")]
    more = f"<p>{len(shown) - _ROWS:,} more sites in <code>.sites</code>.</p>" if len(shown) > _ROWS else ""
    listed = "".join(f"<li>{_safe(sentence)}</li>" for sentence in told)
    return f"<ul>{listed}</ul>{_table(shown.head(_ROWS))}{more}{_table(drivers)}"


def _table(table: pd.DataFrame) -> str:
    return str(table.to_html(float_format="{:,.3g}".format, border=0))


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
