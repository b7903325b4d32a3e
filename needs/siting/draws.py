"""Test a plan by drawing all that is not known for sure at once, many times, with every draw's best plan proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from needs.charts import Chart
from needs.errors import Faults, InputError
from needs.location.model import Model
from needs.location.pooling import Pooled, certify, minimax, relative
from needs.location.rules import Bools, Floats
from needs.location.versions import Varied
from needs.rates import wilson
from needs.schemas import OFFERS
from needs.settings import SEED
from needs.siting import statement, telling
from needs.siting.case import Case
from needs.siting.redrawn import Redrawn
from needs.siting.uncertainty import Assumed, Uncertainty, assume, presets

CORE, OUT = 0.9, 0.1  # shares of the draws from which a site is sure to be chosen, and under which it is sure not to
_NOBODY = 1e-12  # families
_NONE = 1e-9  # regret, relative to the best, that counts as none

Build = Callable[[Assumed], Redrawn]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Robustness:
    """How a plan fares where the truth is like one of many draws.

    Attributes
    ----------
    sites
        Index site_id: name, offer (in the plan), hub_share, outreach_share, chosen_share (of the draws whose best
        plan has it as a hub, as outreach, as either; of those that have a plan), chosen_low, chosen_high (95 % limits
        of the last, for the draws are a sample; Wilson), role (by the share that has it as the plan does; of a site
        that is not in the plan, by the share that chooses it at all: "core" from 90 %, "out" up to 10 %, "marginal";
        "decided" where the settings leave no choice). Neighbours' sites are left out.
    draws
        Index draw: a column for each thing assumed (`Assumed.parameters`) and `demand` (families drawn against those
        counted); `best` (the most that any known plan gains, in need-weighted families, kept sites' worth included),
        `bound` (what no plan passes), `worth` (of the plan), `regret` (best - worth), `regret_pct` (of best), `misses`
        (whether the plan misses a floor or a goal that comes first there; its regret is NaN then), `no_plan` (whether
        every plan misses a floor there; best and bound are NaN then).
    drivers
        Index as the columns assumed: label, correlation (Spearman, of what is assumed with regret_pct; NaN where
        either does not vary), the strongest first.
    plans
        Offers in each plan met; index site_id, columns 0, 1, ... as in `pooled`.
    pooled
        Plans, their worth in every draw, and the proof.
    gap
        Every draw's best plan is proven within this gap, relative, if `pooled.status` is "certified".
    least_regret
        Column of `plans` whose worst regret over the draws is least, among the plans met; and that regret, per cent
        (NaN where no draw has a plan).
    sentences
        What a planner should know.
    """

    sites: pd.DataFrame
    draws: pd.DataFrame
    drivers: pd.DataFrame
    plans: pd.DataFrame
    pooled: Pooled
    gap: float
    least_regret: tuple[int, float]
    sentences: tuple[str, ...]

    def _repr_html_(self) -> str:
        return telling.html(self.sentences, self.sites, self.drivers)

    def chart(self) -> Chart:
        """Draw how often the best plan of a draw has each site."""
        return telling.chart(self.sites)


def draws(
    case: Case,
    offers: dict[str, str],
    build: Build,
    modes: list[str],
    *,
    uncertainty: Uncertainty | None = None,
    count: int = 1000,
    gap: float = 0.0,
    seed: int = SEED,
    progress: Progress = lambda _done, _all: None,
) -> Robustness:
    """Draw, find the best plan of every draw, and set the plan against it.

    The rules of a plan, times between sites among them, are those of the case in every draw. Random numbers hang on
    the seed and the number of the draw alone: more draws leave those before them as they were. A draw in which no plan
    reaches the floors is counted as such.

    Parameters
    ----------
    case
        The tables of the plan.
    offers
        The plan, by site_id (`Plan.offers`).
    build
        Families and covers of a draw, such as `redrawn.Ground.of(case, ...)`.
    modes
        Of travel, whose times are drawn.
    uncertainty
        What is varied; the catalogue's presets if not given.
    count
        How many draws.
    gap
        Relative gap within which every draw's best plan is proven. Shares are of the best plans found: over 0 they
        lean to plans that are nearly the best of many draws.
    seed
        0 or more.
    progress
        Told how many draws are certified, and of how many. A KeyboardInterrupt while they are ends with what is
        certified by then.

    Raises
    ------
    InputError
        If the count or the seed makes no sense, or the plan breaks the case's rules.
    Source: draws of all inputs at once, Saltelli and others (2008), Global Sensitivity Analysis: The Primer.
    """
    varied = presets() if uncertainty is None else uncertainty
    opened = _opened(case, offers)
    _check(case, opened, count, seed)
    own = case.settings.outreach_value
    case = replace(case, sites=pd.DataFrame(case.sites[[c for c in case.sites if c != "geometry"]]))
    assumed = [assume(varied, k, outreach_value=own, modes=modes, seed=seed) for k in range(count)]
    families = np.empty(count)

    def make(k: int) -> Model:
        drawn = build(assumed[k])
        families[k] = drawn.demand.sum()
        return under(case, drawn, assumed[k].outreach_value)

    versions = Varied.of(count, make, time_limit_s=case.settings.time_limit_s)
    pooled = certify(versions, gap=gap, start=[opened], progress=progress)
    counted = float(case.points["demand"].sum())
    table = pd.DataFrame([a.parameters() for a in assumed]).assign(demand=families / counted if counted > 0 else 1.0)
    table = _with_regret(table.rename_axis("draw"), pooled, opened)
    sites = _sites(case, pooled, offers)
    drivers = _drivers(table, varied)
    ids = pd.Index(case.sites["site_id"], name="site_id")
    plans = pd.DataFrame({n: case.offers(plan) for n, plan in enumerate(pooled.plans)}, index=ids)
    least = (0, np.nan)
    if (pooled.best >= 0).any():
        best = minimax(pooled)
        least = (best.plan, 100.0 * best.regret)
    aims = case.settings.aim != "total"
    told = telling.sentences(sites, table, drivers, status=pooled.status, gap=gap, least_pct=least[1], aims=aims)
    return Robustness(sites, table, drivers, plans, pooled, gap, least, told)


def under(case: Case, drawn: Redrawn, outreach_value: float) -> Model:
    """State a case's model with the families and covers of a draw, and the presumption against closure."""
    sites, today = case.sites, case.today
    ours = sites["ours"].to_numpy(bool)
    may = np.column_stack([ours & sites[f"may_{offer}"].to_numpy(bool) for offer in OFFERS[:2]]).ravel()
    covers = np.empty(case.covers.shape)
    covers[:, ::2], covers[:, 1::2] = drawn.hub, drawn.outreach
    covers[:, ~(may | today)] = 0.0
    # Whom a floor is about is so the same in every draw: nobody at a place today, or by chance, is still a row.
    points = case.points.assign(demand=np.maximum(drawn.demand, _NOBODY), weight=drawn.weight)
    settings = case.settings.model_copy(update={"outreach_value": outreach_value})
    faults = Faults()
    stated = statement.model(
        points, sites, covers, case.minutes, case.parent_min, settings, may=may, today=today, faults=faults
    )
    faults.raise_if_any()
    return replace(case, points=points, covers=covers, settings=settings, model=stated).presuming()


def _opened(case: Case, offers: dict[str, str]) -> Bools:
    """Choices that a plan opens."""
    mine = [offers.get(s, "none") if ours else "none" for s, ours in case.sites[["site_id", "ours"]].to_numpy()]
    return np.array([[offer == "hub", offer == "outreach"] for offer in mine], bool).reshape(-1)


def _check(case: Case, opened: Bools, count: int, seed: int) -> None:
    faults = Faults(InputError)
    if not (isinstance(count, int) and count >= 1):
        faults.add("draws, count", f"is {count!r}", "give a whole number of 1 or more")
    if not (isinstance(seed, int) and seed >= 0):
        faults.add("draws, seed", f"is {seed!r}", "give a whole number of 0 or more")
    if case.model.capacity is not None:
        faults.add("draws", "sites can be full, for which nothing is drawn", "leave the capacities out")
    if not case.model.rules.feasible(opened):
        faults.add("draws, offers", "break the rules of the case", "give a plan made under the same settings")
    faults.raise_if_any()


def _with_regret(table: pd.DataFrame, pooled: Pooled, opened: Bools) -> pd.DataFrame:
    mine = int(np.flatnonzero((pooled.plans == opened).all(axis=1))[0])
    worth, none = pooled.worth[mine], pooled.best < 0
    most, bound = (np.where(none, np.nan, x) for x in (pooled.most, pooled.bound))
    misses = ~np.isfinite(worth)
    worth = np.where(misses, np.nan, worth)
    regret = np.where(most - worth > _NONE * np.abs(most), most - worth, np.where(misses, np.nan, 0.0))
    share = np.where(misses, np.nan, relative(np.nan_to_num(regret), most))
    return table.assign(
        best=most,
        bound=bound,
        worth=worth,
        regret=regret,
        regret_pct=100.0 * share,
        misses=misses,
        no_plan=none & ~np.isfinite(pooled.bound),
    )


def _sites(case: Case, pooled: Pooled, offers: dict[str, str]) -> pd.DataFrame:
    known = int(np.count_nonzero(pooled.best >= 0))
    shares = pooled.shares()
    chosen = shares[::2] + shares[1::2]
    low, high = wilson(np.minimum(np.rint(chosen * known), known), known)
    planned = [offers.get(s, "none") for s in case.sites["site_id"]]
    of_offer = {"hub": shares[::2], "outreach": shares[1::2], "none": chosen}
    role: list[Literal["core", "marginal", "out", "decided"]] = [
        "decided" if decided else _role(round(float(of_offer[offer][s]), 12))
        for s, (offer, decided) in enumerate(zip(planned, case.decided(), strict=True))
    ]
    table = pd.DataFrame(
        {
            "name": case.sites["name"].to_numpy(),
            "offer": planned,
            "hub_share": shares[::2],
            "outreach_share": shares[1::2],
            "chosen_share": chosen,
            "chosen_low": low,
            "chosen_high": high,
            "role": role,
        },
        index=pd.Index(case.sites["site_id"], name="site_id"),
    )
    return table[case.sites["ours"].to_numpy(bool)]


def _role(share: float) -> Literal["core", "marginal", "out"]:
    return "core" if share >= CORE else "out" if share <= OUT else "marginal"


def _drivers(table: pd.DataFrame, varied: Uncertainty) -> pd.DataFrame:
    """Correlate by rank what each draw assumes with the regret there."""
    assumed = list(table.columns[: table.columns.get_loc("best")])
    known = table["regret_pct"].notna().to_numpy()
    labels = {str(a.id): a.label for a in varied.assumption}
    rows = {
        name: {
            "label": f"{labels.get('time_common', 'travel times everywhere')}, {name.removeprefix('time_')}"
            if name.startswith("time_")
            else labels.get(name, name),
            "correlation": _spearman(table[name].to_numpy(float)[known], table["regret_pct"].to_numpy()[known]),
        }
        for name in assumed
        if table[name].min() < table[name].max()
    }
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["label", "correlation"]).rename_axis("assumed")
    order = found["correlation"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    return found.loc[order]


def _spearman(a: Floats, b: Floats) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
