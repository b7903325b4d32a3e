"""Write the tables of sites: what is recommended, closes, counts across the border or was considered, and why."""

from __future__ import annotations

from typing import Any

import pandas as pd

from needs.webmap.content import PageData, Sides
from needs.webmap.layers import parent_words, row_ids, status_words
from needs.webmap.table import Column, sentence, table
from needs.webmap.text import Html, join, number, percent, share, tag


def recommended(data: PageData) -> Html:
    """Recommended sites with the reasons for each, and how often other assumptions choose them."""
    sites = data.sites[data.sites["status"].isin(["keep", "convert", "open"])].sort_values(["number", "site_id"])
    sure = [column for column in _SURE if column in sites]
    columns = [
        Column("No.", "number"), Column("Site", "head"), Column("What happens"), Column("Families reached", "number"),
        *(Column(_SURE[c], "number") for c in sure), Column("Why"),
    ]  # fmt: skip
    rows = [
        (
            "" if pd.isna(site["number"]) else str(int(site["number"])),
            _named(site),
            _happens(site, data.sides),
            number(site["families_reached"]),
            *(_chosen(site, column) for column in sure),
            _reasons(site),
        )
        for site in sites.to_dict("records")
    ]
    return table(
        f"{data.sides.chosen_all}, numbered as on the map; each family is counted once, at its best or nearest site, "
        "and in part where that is beyond the standard",
        columns,
        rows,
        name="recommended",
        ids=_ids(data, sites),
    )


_SURE = {"chosen_in": "As here in tests", "drawn_pct": "As here in draws"}
_AS_HUB = {"chosen_in": "hub_in", "drawn_pct": "drawn_hub_pct"}


def _chosen(site: dict[Any, Any], column: str) -> str:
    """Say how often other assumptions choose a site for the same offer."""
    if not site["alternatives"] > 0:
        return "settings decide"
    hub = site[_AS_HUB[column]]
    same = hub if site["offer"] == "hub" else site[column] - hub
    return percent(same) if column == "drawn_pct" else f"{same:.0f} of {site['alternatives']:.0f}"


def _named(site: dict[Any, Any]) -> Html:
    return join([site["name"], tag("span", site["site_type_label"], class_="code")], " ")


def _happens(site: dict[Any, Any], sides: Sides) -> Html:
    words = [sentence(status_words(site, sides))]
    if site["offer"] == "outreach" and parent_words(site):
        words.append(tag("span", f"Run from {parent_words(site)}", class_="code"))
    return join(words, " ")


def _status(site: dict[Any, Any], sides: Sides) -> Html:
    """Say what happens to a site that the plan does not have; of a building that was considered, as what."""
    words = [sentence(status_words(site, sides))]
    if site["status"] == "none" and "may_hub" in site:
        could = [offer for may, offer in (("may_hub", "a hub"), ("may_outreach", "outreach")) if site[may]]
        words.append(tag("span", f"Could be {' or '.join(could) or 'neither'}", class_="code"))
    return join(words, " ")


def _reasons(site: dict[Any, Any]) -> Html:
    return tag("ul", *(tag("li", reason) for reason in site["reasons"])) if site["reasons"] else Html()


def _ids(data: PageData, sites: pd.DataFrame) -> list[str]:
    ids = row_ids(data.sites)
    return [ids[s] for s in sites["site_id"]]


def other_sites(data: PageData, status: str, caption: str) -> Html:
    """Sites that close, a neighbouring council's, or buildings that were considered."""
    sites = data.sites[data.sites["status"] == status].sort_values(["name", "site_id"])
    columns = [Column("Site", "head"), Column("What happens"), Column("Why")]
    rows: list[tuple[object, ...]] = [
        (_named(s), _status(s, data.sides), _reasons(s)) for s in sites.to_dict("records")
    ]
    if not any(sites["reasons"]):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return table(caption, columns, rows, name=status, ids=_ids(data, sites))


def frontier(data: PageData) -> Html:
    """Set the best plans for each number of hubs and of outreach sites beside one another."""
    columns = [
        Column("At most", "head"), Column("Need met", "number"), Column("More than the row before", "number"),
        Column("By a hub", "number", "Families reached"), Column("By outreach only", "number", "Families reached"),
        Column("Online only", "number", "Families reached"), Column("Hubs"), Column("Outreach sites"),
    ]  # fmt: skip
    rows = [
        (
            join([row["limit"], tag("span", "the plan's", class_="code")] if row["asked"] else [row["limit"]], " "),
            share(row["met_pct"]),
            "" if pd.isna(row["gain_pct"]) else f"{share(row['gain_pct'])} points".replace("%", ""),
            *(percent(row[c]) for c in ("hub_pct", "outreach_pct", "none_pct")),
            row["hub_names"] or "none",
            row["outreach_names"] or "none",
        )
        for row in data.frontier.to_dict("records")
    ]
    return table("The best plan for each number of sites, all else as it is", columns, rows, name="frontier")


def site_sheet(data: PageData) -> pd.DataFrame:
    """Sites for download, with easting and northing."""
    frame = pd.DataFrame(data.sites.drop(columns="geometry"))
    frame["reasons"] = ["; ".join(reasons) for reasons in frame["reasons"]]
    return frame.assign(easting=data.sites.geometry.x.round(0), northing=data.sites.geometry.y.round(0))
