"""Say what a plan may be: how many sites, for how much, who must be reached, and what is asked first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from needs.toml import Strict, checked

Aim = Literal["total", "fifths", "worst_fifth", "worst_decile_travel"]
Must = Literal["hub", "outreach", "open", "convert", "closed"]
COSTS = ("opening_gbp", "yearly_gbp", "staff_days")


class Cost(Strict):
    """What an offer costs where a site does not say otherwise, and whom it can serve.

    A site's own columns (`hub_opening_gbp`, `outreach_staff_days` and so on) come before it. Opening is paid once by a
    site that offers nothing or something else today; `staff_days` are a week's; `families` are those that it can take
    on at most, counted as the demand is.
    """

    opening_gbp: float | None = Field(default=None, ge=0)
    yearly_gbp: float | None = Field(default=None, ge=0)
    staff_days: float | None = Field(default=None, ge=0)
    families: float | None = Field(default=None, gt=0)


class ReachFloor(Strict):
    """At least so many per cent of a group's families must be reached, by a hub or by any offer.

    `group` is a column of the families: fifth_england, fifth_here (fifths of the zones by need, of England or of this
    council alone; 1 = highest need), ruc21cd or car; `values` are those of its values that make up the group. What is
    counted is cover within the standards: an outreach counts in full.
    """

    group: Literal["fifth_england", "fifth_here", "ruc21cd", "car"]
    values: list[int | str | bool] = Field(min_length=1)
    reach_pct: float = Field(gt=0, le=100)
    offer: Literal["hub", "any"] = "any"
    source: str = "The council's own floor."

    @property
    def label(self) -> str:
        """Name it for messages."""
        return f"floor of {self.reach_pct:g} % for {self.group} {', '.join(map(str, self.values))}"


class PlanSettings(Strict):
    """What a plan may be.

    Attributes
    ----------
    max_hubs, max_outreach
        How many there may be.
    existing
        Whether sites that exist may close ("free") or must all stay ("keep").
    must
        By site_id: "hub" or "outreach" (it must be that), "open" (either), "convert" (another offer than today's) or
        "closed" (neither; refused of a site that exists where `existing` is "keep"). It goes before `existing` and
        before what the sites' column keep says.
    keep_hub_pct, keep_outreach_pct
        The presumption against closure: closing a hub, or an outreach site, that exists today must cut unmet need by
        more than this share of all need; making a hub an outreach site, by the difference.
    need_strength
        How much more a family counts in England's neediest zone than in its least needy: 1 counts it twice.
    outreach_value
        What a session near by is worth against a hub near by (1).
    parent_limit_min
        How far by car an outreach site may lie from the hub that runs it.
    hubs_apart_min
        Hubs must lie further from each other than this, by car, the shorter way; those that exist and must stay may be
        nearer.
    opening_budget_gbp, yearly_budget_gbp, staff_days
        What may be spent once (opening, converting and closing), each year, and of staff days a week, on the sites of
        the plan.
    hub, outreach
        What each costs where a site does not say otherwise.
    closing_gbp
        What closing a site costs where it does not say otherwise.
    aim
        What is asked first; the total follows. "total": need met. "fifths": the least of the shares of need met in
        the fifths of England by need, as high as can be. "worst_fifth": need met in the neediest fifth.
        "worst_decile_travel": the least travel to the nearest site of the plan for the tenth of families in the
        neediest zones.
    floor
        Groups that must be reached.
    alternatives, differ
        How many other plans to list that do nearly as well, and in how many sites they must differ.
    prices
        Whether to find what each site costs if it is forced in or out: two solves a site.
    frontier
        At how many numbers of hubs, and of outreach sites, at most to say what more or fewer would do; 0 for none.
    draws
        How many times all that is uncertain is drawn at once to see whether the plan holds; 0 for none.
    gap_pct
        The search ends once a plan is proven to be no further than this from the best that could be, in per cent of
        its need met; 0 for the proven best.
    time_limit_s
        Seconds after which the best plan so far is taken, with its bound.
    """

    max_hubs: int = Field(ge=0, le=100_000)
    max_outreach: int = Field(ge=0, le=100_000)
    existing: Literal["free", "keep"] = "free"
    must: dict[str, Must] = {}
    keep_hub_pct: float = Field(default=1.0, ge=0, le=100)
    keep_outreach_pct: float = Field(default=0.25, ge=0, le=100)
    need_strength: float = Field(default=1.0, ge=0)
    outreach_value: float = Field(default=0.6, gt=0, lt=1)
    parent_limit_min: float = Field(default=20.0, gt=0)
    hubs_apart_min: float | None = Field(default=None, gt=0)
    opening_budget_gbp: float | None = Field(default=None, ge=0)
    yearly_budget_gbp: float | None = Field(default=None, ge=0)
    staff_days: float | None = Field(default=None, ge=0)
    hub: Cost = Cost()
    outreach: Cost = Cost()
    closing_gbp: float = Field(default=0.0, ge=0)
    aim: Aim = "total"
    floor: list[ReachFloor] = []
    alternatives: int = Field(default=3, ge=0, le=50)
    differ: int = Field(default=3, ge=1)
    prices: bool = False
    frontier: int = Field(default=40, ge=0, le=1000)
    draws: int = Field(default=100, ge=0, le=100_000)
    gap_pct: float = Field(default=0.0, ge=0, le=20)
    time_limit_s: float = Field(default=120.0, gt=0)

    @property
    def gap(self) -> float:
        """The gap as a share."""
        return self.gap_pct / 100

    @model_validator(mode="after")
    def _hub_outweighs_outreach(self) -> PlanSettings:
        if self.keep_outreach_pct > self.keep_hub_pct:
            msg = f"keep_outreach_pct {self.keep_outreach_pct:g} is over keep_hub_pct {self.keep_hub_pct:g}"
            raise ValueError(msg)
        return self

    def changed(self, **values: Any) -> PlanSettings:
        """Give these settings with some of them replaced, checked as an assessment file is.

        ``settings.changed(max_hubs=3, floor=[{"group": "car", "values": [False], "reach_pct": 80}])``; tables are
        replaced whole.

        Raises
        ------
        SettingsError
            With every fault: names that are no setting, and values that may not be.
        """
        return checked(PlanSettings, self.model_dump() | values, file="plan", fix="give another value")

    def budgets(self) -> Iterator[tuple[str, str, float]]:
        """Give each budget that is set: its name, the cost that it is for, and how much there is."""
        for name, cost, most in (
            ("opening_budget_gbp", "opening_gbp", self.opening_budget_gbp),
            ("yearly_budget_gbp", "yearly_gbp", self.yearly_budget_gbp),
            ("staff_days", "staff_days", self.staff_days),
        ):
            if most is not None:
                yield name, cost, most
