"""Choose hubs and outreach, test the choice, and set it against today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from needs import catchments, demand, isochrones, scenarios, travel
from needs.assessment import Assessment
from needs.assessment.plan import PlanSettings
from needs.siting import aims, robustness, rulebook
from needs.siting import plan as siting
from needs.siting.alternatives import spent
from needs.siting.draws import Robustness, draws
from needs.siting.redrawn import Ground
from needs.siting.uncertainty import presets
from needs.stages.data import Data
from needs.stages.families import Families, families_and_cover, weighed
from needs.stages.need import Need, with_need
from needs.stages.study import Study, study
from needs.stages.travel import Travel


@dataclass(frozen=True)
class Planned:
    """Today, the plan, and how they differ.

    `proof` is a `Proof` as plain values, with `asked` (what the plan is chosen by), `told` (what is proven of it) and
    `steps` (as `aims.steps` lists them) in words; `rules` are those of `rulebook.rules`; `cost` is `alternatives.spent`
    with `told` in words; `tested` tells of tests without a plan.
    """

    zones: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    groups: pd.DataFrame
    inequality: pd.DataFrame
    totals: dict[str, Any]
    proof: dict[str, Any]
    reach: gpd.GeoDataFrame
    isochrones: gpd.GeoDataFrame
    standards: pd.DataFrame
    turned_away: float
    tests: list[str]
    tested: tuple[str, ...]
    rules: list[rulebook.Rule]
    cost: dict[str, Any]
    study: Study
    finding: str
    answer: str

    @property
    def summary(self) -> str:
        """Say in a line what is recommended."""
        return self.finding


def plan(settings: Assessment, ground: Data, needs: Need, times: Travel) -> Planned:
    """Choose hubs and outreach, test the choice, and set it against today."""
    label = demand.kinds()[settings.demand.count].label
    rules = catchments.standards(settings.standards)
    base = families_and_cover(settings, ground, needs, times)
    chosen = siting.recommend(
        base.families,
        ground.sites,
        base.hub,
        base.outreach,
        times.between_sites,
        settings.plan,
        minutes=catchments.quickest(times.minutes, base.families),
        demand_label=label,
    )
    tests = _tests(settings, ground, needs, times, rules)
    chosen = robustness.with_robustness(chosen, ground.sites, times.between_sites, tests)
    drawn = _drawn(settings, ground, needs, times, rules, chosen)
    if drawn is not None:
        chosen = robustness.with_draws(chosen, drawn)
    beta = settings.plan.outreach_value
    today = siting.today_offers(ground.sites)
    offers = chosen.offers
    places = chosen.case.families(chosen.case.today), chosen.families
    before = siting.evaluate(base.families, base.hub, base.outreach, today, beta, places[0])
    after = siting.evaluate(base.families, base.hub, base.outreach, offers, beta, places[1], before)
    change = scenarios.compare(*(scenarios.by_zone(o, base.families) for o in (before, after)))
    zones = with_need(ground, needs).merge(change.reset_index(), on="lsoa21cd", validate="one_to_one")
    zones = _with_nearest(zones, times.minutes, ground.points, {"today": today, "plan": offers})
    recommended = _described(ground.sites, chosen)
    worst = zones[zones["need_fifth_england"] == 1]
    need = float(base.families["weight"].sum())
    whole = {s: {"need": need, **scenarios.totals(zones, s)} for s in ("today", "plan")}
    finding, answer = scenarios.headline(
        settings.area.name,
        recommended[recommended["ours"]].sort_values("number"),
        whole["today"],
        whole["plan"],
        demand_label=label,
        neighbours=_neighbours(ground, base, today, beta, places[1]),
    )
    return Planned(
        zones=zones,
        sites=recommended,
        groups=_groups(base.families, before, after),
        inequality=scenarios.inequality(
            zones,
            _measures(times),
            {s: list(o.values()).count("hub") for s, o in {"today": today, "plan": offers}.items()},
        ),
        totals={s: {**sums, "worst_fifth": scenarios.totals(worst, s)} for s, sums in whole.items()},
        proof=chosen.proof.as_dict()
        | {
            "asked": aims.asked(chosen.case),
            "told": chosen.proven,
            "steps": aims.steps(chosen.case, chosen.proof),
        },
        reach=_reach(settings, ground, offers),
        isochrones=_isochrones(settings, ground, offers),
        standards=rules,
        turned_away=chosen.turned_away,
        tests=[a.label for a in tests],
        tested=chosen.tested,
        rules=rulebook.rules(chosen.case),
        cost=spent(chosen.case, chosen.solution.opened)
        | {"told": rulebook.cost_words(chosen.case, chosen.solution.opened)},
        study=study(
            settings,
            ground,
            chosen,
            base.families,
            {"hub": base.hub, "outreach": base.outreach},
            times.minutes,
            drawn=drawn,
            demand_label=label,
        ),
        finding=f"{finding} ({travel.ESTIMATE})" if ground.estimated else finding,
        answer=answer,
    )


def _neighbours(
    ground: Data, base: Families, today: dict[str, str], beta: float, places: dict[str, float]
) -> dict[str, float] | None:
    """Add up what the neighbours' sites alone would give; None where they have none."""
    theirs = {s: o for s, o in today.items() if s in set(ground.sites.loc[~ground.sites["ours"], "site_id"])}
    if not any(offer != "none" for offer in theirs.values()):
        return None
    found = siting.evaluate(base.families, base.hub, base.outreach, theirs, beta, places).add_suffix("_alone")
    return scenarios.totals(found.assign(demand=base.families["demand"].to_numpy()), "alone")


def _tests(
    settings: Assessment, ground: Data, needs: Need, times: Travel, rules: pd.DataFrame
) -> list[robustness.Alternative]:
    """Other assumptions that a reasonable person might hold: the plan is made anew under each."""
    own, count = settings.plan, ground.zones.set_index("lsoa21cd")["demand"]
    slow = {m: t * (1.25 if travel.needs_car(m) else 1.0) for m, t in times.minutes.items()}

    def scaled(factor: float) -> pd.DataFrame:
        return rules.assign(full_min=rules["full_min"] * factor, zero_min=rules["zero_min"] * factor)

    def changed(**change: float) -> PlanSettings:
        return own.model_copy(update=change)

    cases: list[tuple[str, PlanSettings, pd.DataFrame, dict[str, pd.DataFrame], pd.Series[float], float | None]] = [
        (
            "every family counts the same, whatever its zone's need",
            changed(need_strength=0.0),
            rules,
            times.minutes,
            count,
            None,
        ),
        ("need counts twice as much", changed(need_strength=2 * own.need_strength), rules, times.minutes, count, None),
        ("standards a quarter shorter", own, scaled(0.75), times.minutes, count, None),
        ("standards a quarter longer", own, scaled(1.25), times.minutes, count, None),
        ("driving takes a quarter longer", own, rules, slow, count, None),
        ("half of all families have no car in the daytime", own, rules, times.minutes, count, 50.0),
        ("a session is worth 0.4 of a hub", changed(outreach_value=0.4), rules, times.minutes, count, None),
        ("a session is worth 0.8 of a hub", changed(outreach_value=0.8), rules, times.minutes, count, None),
    ]
    other = _other_demand(settings, ground.zones)
    if other is not None:
        label, demanded = other
        cases.append((f"demand is {label}", own, rules, times.minutes, demanded, None))
    made = []
    for label, plan_settings, case_rules, minutes, case_count, no_car in cases:
        inputs = weighed(ground, needs, minutes, case_rules, plan_settings, case_count, no_car)
        away = catchments.quickest(minutes, inputs.families)
        made.append(robustness.Alternative(label, inputs.families, inputs.hub, inputs.outreach, plan_settings, away))
    return made


def _drawn(
    settings: Assessment, ground: Data, needs: Need, times: Travel, rules: pd.DataFrame, chosen: siting.Plan
) -> Robustness | None:
    """Draw all that is uncertain; every draw's best plan is proven, for nearly best plans would favour the plan."""
    if not settings.plan.draws or chosen.case.model.capacity is not None:
        return None
    protected = ground.zones.loc[ground.zones["count_hidden"], "lsoa21cd"]
    made_of = Ground.of(chosen.case, times.minutes, rules, needs.zones["percentile"], protected=list(protected))
    varied = presets()
    if ground.estimated:
        spread = {m: n.pace.spread_pct for m, n in ground.networks.items() if isinstance(n, travel.StraightLines)}
        varied = varied.with_spread("time_pair", spread)
    return draws(
        chosen.case, chosen.offers, made_of, list(times.minutes), uncertainty=varied, count=settings.plan.draws
    )


def _measures(times: Travel) -> dict[str, str]:
    modes = {m: travel.words()[m].label.lower() for m in times.minutes}
    minutes = {f"hub_{m}_min": f"Minutes to the nearest hub, {words}" for m, words in modes.items()}
    return {"cover": "Cover (0 to 1)", **minutes}


def _other_demand(settings: Assessment, zones: pd.DataFrame) -> tuple[str, pd.Series[float]] | None:
    """Count demand in another way, by the first kind of the catalogue that the columns given allow."""
    asked = settings.demand
    own = set(demand.kinds()[asked.count].needs)
    homes = [asked.growth.homes] if asked.growth else []
    for kind in demand.kinds().values():
        if set(kind.needs) <= set(zones) and set(kind.needs) != own:
            table = pd.DataFrame(zones[["lsoa21cd", *kind.needs, *(h for h in homes if h not in kind.needs)]])
            found = demand.demand(table, kind.id, send_share_pct=asked.send_share_pct, growth=asked.growth)["demand"]
            if found.sum() > 0:
                return kind.label, found
    return None


def _with_nearest(
    zones: gpd.GeoDataFrame, minutes: dict[str, pd.DataFrame], points: pd.DataFrame, offers: dict[str, dict[str, str]]
) -> gpd.GeoDataFrame:
    """Add minutes to the nearest hub by mode, today and with the plan."""
    result = zones
    for scenario, by_site in offers.items():
        hubs = sorted(s for s, offer in by_site.items() if offer == "hub")
        for mode, table in minutes.items():
            nearest = catchments.nearest_minutes(table, points, hubs)
            result = result.assign(**{f"hub_{mode}_min_{scenario}": result["lsoa21cd"].map(nearest)})
    return result


def _described(all_sites: gpd.GeoDataFrame, chosen: siting.Plan) -> gpd.GeoDataFrame:
    """Join the plan to the sites and number what is recommended: hubs first, then outreach, by families reached."""
    known = {*all_sites, "x", "y"} - {"site_id"}
    plan_columns = chosen.sites.drop(columns=[c for c in chosen.sites if c in known])
    table = all_sites.merge(plan_columns, on="site_id", validate="one_to_one")
    ranked = table[(table["offer"] != "none") & table["ours"]].sort_values(
        ["offer", "families_reached", "site_id"], ascending=[True, False, True]
    )
    number = pd.Series(range(1, len(ranked) + 1), index=ranked.index, dtype="Int64")
    names = table.set_index("site_id")["name"]
    return table.assign(number=number.reindex(table.index), parent_name=table["parent_hub_id"].map(names)).sort_values(
        ["number", "site_id"], ignore_index=True
    )


def _groups(families: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    labels = {column: words for column, words in scenarios.LABELS.items() if column in families}
    columns = [*scenarios.FAMILIES, scenarios.AWAY, "unmet"]
    change = scenarios.compare(*(o.set_index("point_id")[columns] for o in (before, after)))
    return scenarios.groups(families.join(change, on="point_id"), labels)


def _reach(settings: Assessment, ground: Data, offers: dict[str, str]) -> gpd.GeoDataFrame:
    """Outline the reach of the plan's hubs, and of its outreach, by mode."""
    frames = []
    for offer in ("hub", "outreach"):
        members = ground.sites[ground.sites["site_id"].map(offers) == offer]
        for mode in settings.travel.modes:
            shapes = isochrones.reach(members, ground.networks[mode], bands_min=settings.travel.bands_min)
            frames.append(shapes.assign(offer=offer))
    return pd.concat(frames, ignore_index=True)[["offer", "mode", "minutes", "geometry"]]


def _isochrones(settings: Assessment, ground: Data, offers: dict[str, str]) -> gpd.GeoDataFrame:
    """Outline the reach of each site that offers something, today or in the plan, and count the families inside."""
    offered = ground.sites["site_id"].map(offers)
    members = ground.sites[(ground.sites["today"] != "none") | (offered != "none")]
    demand_of = ground.zones.set_index("lsoa21cd")["demand"]
    points = ground.points.assign(demand=ground.points["share"] * ground.points["lsoa21cd"].map(demand_of))
    frames = [
        isochrones.per_site(members, ground.networks[mode], bands_min=settings.travel.bands_min)
        for mode in settings.travel.modes
    ]
    return isochrones.with_demand(pd.concat(frames, ignore_index=True), points)
