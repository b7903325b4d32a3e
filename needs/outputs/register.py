"""Fill the site register of the quarterly return as far as an assessment can."""

from __future__ import annotations

from functools import cache

import pandas as pd

from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

_FILE = "register.toml"


class _Register(Strict):
    fields: tuple[str, ...]
    active: str
    planned: str
    type_of_outreach: str
    co_located: str
    co_located_with: dict[str, str]


@cache
def _register() -> _Register:
    return checked(_Register, load(CATALOGUE / _FILE), file=_FILE)


def site_register(sites: pd.DataFrame) -> pd.DataFrame:
    """List the council's delivery locations, today's and the plan's, with the fields of the quarterly return.

    The return tells what is: a site that exists is described as it is today, though the plan may change it, and only
    what does not exist yet as planned.

    Parameters
    ----------
    sites
        site_id, name, site_type, today, ours, offer, status, and perhaps postcode and uprn.

    Returns
    -------
    pandas.DataFrame
        A row for each site of ours that offers something today or in the plan, sorted by site_id: the fields of the
        catalogue's register.toml as texts, blank where an assessment cannot know; site_id; recommendation.
    """
    facts = _register()
    mine = sites[sites["ours"] & ((sites["today"] != "none") | (sites["offer"] != "none"))].sort_values("site_id")
    exists = mine["today"] != "none"
    outreach = mine["today"].where(exists, mine["offer"]) == "outreach"
    shared = mine["site_type"].map(facts.co_located_with).where(outreach)
    known = {
        "FHS01_public_name": mine["name"].astype(str),
        "FHS02_postcode": mine.get("postcode", ""),
        "FHS03_uprn": mine.get("uprn", ""),
        "FHS04_status": exists.map({True: facts.active, False: facts.planned}),
        "FHS07_type": outreach.map({True: facts.type_of_outreach, False: ""}),
        "FHS10_co_located": shared.notna().map({True: facts.co_located, False: ""}),
        "FHS11_co_located_with": shared,
    }
    table = pd.DataFrame({field: known.get(field, "") for field in facts.fields}, index=mine.index, dtype=object)
    return table.fillna("").assign(site_id=mine["site_id"], recommendation=mine["status"]).reset_index(drop=True)
