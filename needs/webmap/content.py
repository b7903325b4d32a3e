"""Say what a page is made from: finished tables, and nothing to be computed but their wording."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import geopandas as gpd
import pandas as pd

from needs.charts import Chart
from needs.settings import CRS


class Sourced(Protocol):
    """A page's data, as far as it says where they come from."""

    @property
    def synthetic(self) -> bool:
        """Whether the place is made up."""

    @property
    def sources(self) -> list[dict[str, Any]]:
        """`title`, `publisher`, `licence`, `date`, `url`, `path`, `sha256`, `caveat` of every file read."""


@dataclass(frozen=True)
class Sides:
    """What the page sets against each other, and what may happen to a site between the two, in words.

    The fields and columns of `PageData` are named `today` and `plan` whatever stands there. {today} and {offer} stand
    for what a site offers in each; with {a_today} and {a_offer} the article comes before.
    """

    today: str = "Today"
    plan: str = "Plan"
    said_today: str = "today"
    said_plan: str = "with the plan"
    keep: str = "stays {a_offer}"
    convert: str = "changes from {today} to {offer}"
    open: str = "new {offer}"
    close: str = "closes, {a_today} today"
    new: str = "Dashed edge: new there"
    gone: str = "Site to close"
    gone_all: str = "Sites to close"
    chosen_all: str = "Recommended sites"

    @property
    def heads(self) -> dict[str, str]:
        """Headings by the name of the columns."""
        return {"today": self.today, "plan": self.plan}


@dataclass(frozen=True)
class PageData:
    """Everything that the page of one area shows.

    Attributes
    ----------
    name, slug
        The area's name and its name in file names.
    synthetic
        Whether the place is made up; the page says so at its top, in its title and in its footer.
    finding
        The heading: what was found, in a few words.
    answer
        One sentence under the heading.
    lead
        What else must be said there: sentences.
    warning
        What must be known before any figure is used, or None.
    demand_label
        What `demand` counts, such as "births a year".
    zones
        One row per zone, EPSG:27700: `lsoa21cd`, `zone_name`, `ruc21cd`, `births`, `children_0_4`, `demand`,
        `count_hidden` (whether its counts stand under disclosure control), `no_car_pct`, `need_score`,
        `need_rank_england`, `need_fifth_england` (1 = highest need), `need_rank_area`, `need_fifth_area`,
        `unmet_change`, and for `today` and `plan`: `cover_*` (0 to 1), `hub_*`, `outreach_*`, `virtual_*` (families),
        `unmet_*`, and per mode `hub_<mode>_min_*` (minutes to the nearest hub, NaN = beyond the limit). Where there
        is a timetable also `bus_departures` (that leave near the zone's families in a day); where ranks were drawn
        `need_rank_low`, `need_rank_high` and `need_worst_fifth_pct`; where poor children are counted
        `deprived_children`, `deprived_children_low` and `deprived_children_high`.
    modes
        Words for each mode, such as `{"walk": "Walking with a pram"}`.
    contributions
        `lsoa21cd`, `indicator`, `label`, `contribution` (points; they add up to the zone's `need_score`).
    sites
        One row per site, points in EPSG:27700: `site_id`, `name`, `site_type_label`, `today` and `offer` (hub,
        outreach, none), `status` (keep, convert, open, close, neighbour, none), `number` (on the pin, or NA),
        `parent_hub_id`, `parent_name`, `parent_min`, `families_reached`, `reasons` (list of texts). Where the plan
        was tested under other assumptions also `chosen_in` of `alternatives` tests (0 where the settings decide);
        where it was drawn many times `drawn_pct` of the draws; `hub_in` and `drawn_hub_pct` are of these as a hub.
        `may_hub`, `may_outreach`: what a building could be.
    reach
        (Multi)polygons in EPSG:27700 with `offer` (hub, outreach), `mode`, `minutes`: within so many minutes of any
        recommended site with that offer.
    totals
        For "today" and "plan": `need` (all, weighted), `demand`, `hub`, `outreach`, `virtual`, `unmet`, `hub_pct`,
        `outreach_pct`, `virtual_pct`, and under `worst_fifth` the same for the fifth of England with the highest need.
    groups
        Who gains and who loses: `kind` (what the groups are told apart by), `group`, `demand`, and for `today` and
        `plan` `hub_pct_*`, `outreach_pct_*`, `virtual_pct_*` of the group's demand and `unmet_*`.
    where
        Poor children by class, as `needs.rural.where_children_live` gives them; may be empty.
    inequality
        As `needs.scenarios.inequality` gives it.
    methods
        Other methods of scoring and how far they move ranks: `change`, `spearman`, `largest_shift`, `worst_fifth`,
        `worst_fifth_kept` (`needs.index.perturb`); may be empty.
    varied
        What was varied to find the intervals of the ranks, in sentences.
    context
        Council-level figures: `label`, `period`, `lad24cd`, `value`, `low`, `high`; may be empty.
    proof
        `status`, `objective`, `bound`, `gap` (a share) of the solver, and in sentences `asked` (what the plan is chosen
        by) and `told` (what is proven of it); None where two plans are compared.
    basemap
        As `basemap.read_basemap` returns it.
    sources
        `title`, `publisher`, `licence`, `date`, `url`, `path`, `sha256`, `caveat` of every file read.
    assumptions
        `what`, `value`, `source` of every preset.
    notes
        What was left out, in sentences.
    command
        How to build the page again.
    others, buys, sure
        In sentences: other plans that do nearly as well; what more or fewer sites would buy; how sure the plan is.
    frontier
        What more or fewer sites would do, a row a number: `limit` (what is counted, in words), `value`, `met_pct` (of
        need), `gain_pct` (points over the row before), `hub_pct`, `outreach_pct`, `none_pct` (of families),
        `hub_names`, `outreach_names`, `asked` (whether it is the plan's); may be empty.
    charts
        Drawings by the section that they stand in: `groups`, `others`, `buys`, `sure`.
    postcodes
        Postcodes that can be searched for, points in EPSG:27700: `postcode`.
    boundaries
        Wards, districts and the like, polygons in EPSG:27700: `kind` (plural, for the key), `name`.
    sides
        Today and the plan, unless two plans are compared.
    estimated
        Whether travel was estimated in straight lines; every heading and table of figures then says so.
    """

    name: str
    slug: str
    synthetic: bool
    finding: str
    answer: str
    warning: str | None
    demand_label: str
    zones: gpd.GeoDataFrame
    modes: dict[str, str]
    contributions: pd.DataFrame
    sites: gpd.GeoDataFrame
    reach: gpd.GeoDataFrame
    totals: dict[str, Any]
    groups: pd.DataFrame
    where: pd.DataFrame
    inequality: pd.DataFrame
    methods: pd.DataFrame
    varied: list[str]
    context: pd.DataFrame
    proof: dict[str, Any] | None
    basemap: dict[str, Any]
    sources: list[dict[str, Any]]
    assumptions: list[dict[str, Any]]
    notes: list[str]
    command: str
    others: list[str] = field(default_factory=list)
    buys: list[str] = field(default_factory=list)
    sure: list[str] = field(default_factory=list)
    lead: list[str] = field(default_factory=list)
    frontier: pd.DataFrame = field(default_factory=pd.DataFrame)
    charts: dict[str, list[Chart]] = field(default_factory=dict)
    postcodes: gpd.GeoDataFrame = field(default_factory=lambda: _no("postcode"))
    sides: Sides = field(default_factory=Sides)
    boundaries: gpd.GeoDataFrame = field(default_factory=lambda: _no("kind", "name"))
    estimated: bool = False


def _no(*columns: str) -> gpd.GeoDataFrame:
    """Return a table without rows."""
    return gpd.GeoDataFrame({c: [] for c in columns}, geometry=[], crs=CRS)
