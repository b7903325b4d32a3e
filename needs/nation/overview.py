"""Say what the overview of all England shows: the map, the councils, and what follows from all of them."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from needs import demand, travel
from needs.assessment import Assessment
from needs.nation.allocation import Allocation
from needs.nation.choosing import Chosen
from needs.nation.first import First
from needs.nation.needed import Needed
from needs.nation.tables import RURAL_CLASSES, National
from needs.rural import RURAL_URBAN_LABELS
from needs.webmap.overview import More, OverviewData
from needs.webmap.shading import Shading
from needs.webmap.table import Column
from needs.webmap.text import number, percent, plural

_SHOWN = 20  # councils of a ranking
_FIFTHS = ("highest need", "high", "middle", "low", "lowest need")
_COVER = ("nobody, or not known", "up to a third", "up to two thirds", "most", "everybody")
_MINUTES = ("over 45 minutes or out of reach", "over 30 to 45", "over 20 to 30", "over 10 to 20", "up to 10 minutes")
_EDGES_MIN = (10.0, 20.0, 30.0, 45.0)


def overview(
    settings: Assessment,
    shapes: gpd.GeoDataFrame,
    found: National,
    chosen: Chosen | None,
    *,
    estimated: bool,
    warning: str | None,
    sources: list[dict[str, Any]],
    command: str,
    pages: set[str],
) -> OverviewData:
    """Put the page's content together.

    Parameters
    ----------
    settings
        Of the nation.
    shapes
        lsoa21cd and polygons, EPSG:27700.
    found, chosen
        The national tables, and what was chosen from them, if that was asked.
    estimated, warning, sources, command
        As of a council's page.
    pages
        Slugs of the councils that have a page.
    """
    label = demand.kinds()[settings.demand.count].label
    zones = gpd.GeoDataFrame(found.zones.merge(shapes, on="lsoa21cd", validate="one_to_one"), crs=shapes.crs)
    zones = zones.assign(
        lad24cd=zones["council"],
        cover_today_pct=100 * zones["cover_today"],
        cover_possible_pct=100 * zones["cover_possible"],
        kind=zones["ruc21cd"].map(RURAL_URBAN_LABELS),
    )
    figures = {
        "need_rank_england": "Need: rank in England",
        "demand": f"Families: {label}",
        "cover_today_pct": "Covered today",
        "cover_possible_pct": "Covered with a hub in every listed building",
        **{f"hub_{m}_min_today": f"To the nearest hub of today, {_mode(m)}" for m in settings.travel.modes},
        **{f"site_{m}_min": f"To the nearest building that could be a hub, {_mode(m)}" for m in settings.travel.modes},
        "kind": "Rural or urban",
    }
    councils = _councils(found, pages)
    finding, answer = _headline(found, zones, label)
    return OverviewData(
        name=settings.area.name,
        slug=settings.area.slug,
        synthetic=settings.area.synthetic,
        estimated=estimated,
        finding=finding,
        answer=answer,
        demand_label=label,
        zones=zones,
        shadings=_shadings(zones, settings.travel.modes),
        figures=figures,
        councils=councils,
        sources=sources,
        command=command,
        warning=warning,
        notes=_notes(found),
        more=[
            _ranking("children", "Children in need beyond reach", found, "rank_children"),
            _by_class(found),
            *([_needed(chosen.needed, found), _allocated(chosen.allocation, found)] if chosen is not None else []),
            *([_first(chosen.first, found)] if chosen is not None and chosen.first is not None else []),
        ],
    )


def _headline(found: National, zones: gpd.GeoDataFrame, label: str) -> tuple[str, str]:
    """Say who has the greatest unmet need, and how many are covered; where today is not known, no more than holds."""
    councils, families = found.councils, float(zones["demand"].sum())
    worst, known = councils.iloc[0]["name"], len(_known(found))
    possible = percent(100 * float((zones["demand"] * zones["cover_possible"]).sum()) / families)
    most = f"with a hub in every building that is listed as able to be one, {possible} would be"
    if known < len(councils):
        finding = f"What there is today is known of {known} of {plural(len(councils), 'council')}"
        if_none = f"Unmet need is given as if the others had nothing: at most so much. {worst} then has the greatest."
        return finding, f"{if_none} Of {number(families)} {label}, {most} covered."
    today = percent(100 * float((zones["demand"] * zones["cover_today"]).sum()) / families)
    finding = f"{worst} has the greatest unmet need of {plural(len(councils), 'council')}"
    return finding, f"Of {number(families)} {label}, {today} are covered today; {most}."


def _known(found: National) -> frozenset[str]:
    """Give the councils of which it is known what they have today."""
    councils = found.councils
    return frozenset(councils.loc[councils["today_known"].fillna(False).astype(bool), "council"])


def _counted(found: National) -> list[str]:
    """Say how those count of whom it is not known what they have today."""
    unknown = len(found.councils) - len(_known(found))
    if not unknown:
        return []
    verb = "counts" if unknown == 1 else "count"
    return [f"{plural(unknown, 'council')} of which it is not known what there is today {verb} as having nothing."]


def _mode(mode: str) -> str:
    label = travel.words()[mode].label
    return label[:1].lower() + label[1:]


def _shadings(zones: gpd.GeoDataFrame, modes: list[str]) -> list[Shading]:
    keyed = zones.set_index("lsoa21cd")
    fifth = keyed["need_fifth_england"].astype(int)
    made = [Shading("need", "Need", "Need", "Need: fifths of England", "amount", fifth, _FIFTHS)]
    covers = [("cover_today", "Cover today", "Families covered today")]
    covers += [("cover_plan", "Cover with plans", "Families covered with every council's plan")] * (
        "cover_plan" in zones
    )
    for column, label, title in covers:
        made.append(Shading(column, "Reach", label, title, "amount", _cover(keyed[column]), _COVER))
    for mode in modes:
        title = f"Minutes to the nearest building that could be a hub, {_mode(mode)}"
        classes = 5 - keyed[f"site_{mode}_min"].map(lambda v: int(np.digitize(v, _EDGES_MIN, right=True)))
        made.append(Shading(f"site-{mode}", "Reach", f"Minutes, {_mode(mode)}", title, "amount", classes, _MINUTES))
    return made


def _cover(cover: pd.Series[float]) -> pd.Series[int]:
    """Class of a cover: 1 for none, 5 for whole."""
    some = 2 + np.digitize(cover.fillna(0.0), [1 / 3, 2 / 3], right=True)
    classes = np.where(cover >= 1 - 1e-9, 5, np.where(cover > 0, some, 1)).astype(int)
    return pd.Series(classes, index=cover.index)


def _councils(found: National, pages: set[str]) -> pd.DataFrame:
    """Turn the table of councils into that of the page."""
    table = found.councils
    notes = found.missing.groupby("council")["what"].agg(" ".join)
    return pd.DataFrame(
        {
            "lad24cd": table["council"],
            "name": table["name"],
            "slug": table["slug"].where(table["slug"].isin(pages), None),
            "zones": table["zones"],
            "families": table["families"],
            "reached_pct": table["reached_today_pct"],
            "unmet": table["unmet_today"],
            "note": table["council"].map(notes).fillna(""),
        }
    )


def _notes(found: National) -> list[str]:
    """Say of how many councils each thing is missing; who they are stands in the table and in missing.csv."""
    counts = found.missing["what"].value_counts()
    return [f"{plural(int(count), 'council')}: {what}" for what, count in counts.items()]


def _ranking(name: str, heading: str, found: National, rank: str) -> More:
    if rank not in found.councils:
        return More(name, heading, ["Children in need are not known."])
    table = found.councils.sort_values([rank, "council"]).head(_SHOWN)
    columns = [Column("Rank", "number"), Column("Council", "head"), Column("Children in need", "number"),
               Column("beyond reach today", "number"), Column("Reached today", "number")]  # fmt: skip
    rows = [
        [number(r[rank]), r["name"], number(r["children"]), number(r["children_beyond_today"]),
         percent(r["reached_today_pct"])]
        for r in table.to_dict("records")
    ]  # fmt: skip
    said = [
        f"The {len(rows)} councils with the most children in need beyond every standard today; councils.csv has all.",
        *_counted(found),
    ]
    return More(name, heading, said, columns, rows)


def _by_class(found: National) -> More:
    columns = [Column("Rural class", "head"), Column("Councils", "number"), Column("Families", "number"),
               Column("Reached today", "number"), Column("Unmet need", "number"),
               Column("Greatest unmet need in")]  # fmt: skip
    rows = []
    for name, part in sorted(found.councils.groupby("rural_class"), key=lambda of: RURAL_CLASSES.index(str(of[0]))):
        known = part[part["council"].isin(_known(found))]
        families = known["families"].sum()
        reached = percent((known["families"] * known["reached_today_pct"]).sum() / families if families else np.nan)
        of = f" of {plural(len(known), 'council')}" if 0 < len(known) < len(part) else ""
        worst = ", ".join(part.sort_values("rank_in_class")["name"].head(3))
        rows.append(
            [str(name), number(len(part)), number(part["families"].sum()), f"{reached}{of}",
             number(part["unmet_today"].sum()), worst]
        )  # fmt: skip
    return More("rural", "Rural and urban councils", _counted(found), columns, rows)


def _needed(needed: Needed, found: National) -> More:
    shares = sorted(needed.table["share_pct"].unique())
    columns = [Column("Council", "head"), Column("Hubs today", "number"),
               *(Column(f"{share:g} %", "number", "Hubs needed for families covered") for share in shares),
               Column("Most that can be covered", "number")]  # fmt: skip
    keyed, known = needed.table.set_index(["council", "share_pct"]), _known(found)
    rows = []
    for code, name in zip(found.councils["council"], found.councils["name"], strict=True):
        if code not in keyed.index:
            continue
        mine = [keyed.loc[(code, share)] for share in shares]
        today = number(mine[0]["hubs_today"] if code in known else np.nan)
        rows.append([name, today, *map(_hubs, mine), percent(mine[0]["most_pct"])])
    proven = int((needed.table["status"] == "proven").sum())
    out = int((needed.table["status"] == "out of reach").sum())
    said = [
        "The fewest hubs with which so many families are covered, today's kept; cover in part counts in part.",
        f"{proven} of {len(needed.table)} are proven; where two numbers stand the truth lies between them.",
        f"{out} are out of reach of the buildings that are listed (–).",
        *_counted(found),
    ]
    return More("needed", "Hubs that each council needs", said, columns, rows)


def _hubs(row: pd.Series[Any]) -> str:
    if pd.isna(row["hubs"]):
        return "–"
    return number(row["hubs"]) if row["status"] == "proven" else f"{number(row['at_least'])}–{number(row['hubs'])}"


def _allocated(found: Allocation, whole: National) -> More:
    columns = [Column("Council", "head"), Column("today", "number", "Hubs"), Column("own plan", "number", "Hubs"),
               Column("national", "number", "Hubs"), Column("today", "number", "Families reached"),
               Column("own plan", "number", "Families reached"), Column("national", "number", "Families reached"),
               Column("Need reached more", "number"), Column("Why")]  # fmt: skip
    order = found.councils.sort_values(["need_gain", "council"])
    shown = pd.concat([order.head(_SHOWN // 2), order.tail(_SHOWN // 2)]) if len(order) > _SHOWN else order
    today = ["hubs_today", "today_pct"]
    shown = shown.assign(**shown[today].where(shown["council"].isin(_known(whole))))
    rows = [
        [r["name"], number(r["hubs_today"]), number(r["hubs_own"]), number(r["hubs_national"]), percent(r["today_pct"]),
         percent(r["own_pct"]), percent(r["national_pct"]), number(r["need_gain"]), r["reason"]]
        for r in shown.to_dict("records")
    ]  # fmt: skip
    said = [*(f"{words}." for words in found.sentences()), *_counted(whole)]
    if len(order) > _SHOWN:
        said.append("The table shows those who lose most and gain most; allocation_councils.csv has all.")
    heading = f"{number(found.new)} new hubs: chosen for all councils at once, or by each for itself"
    return More("allocation", heading, said, columns, rows)


def _first(found: First, whole: National) -> More:
    columns = [Column("Order", "number"), Column("Council", "head"), Column("New hubs", "number"),
               Column("Need newly reached", "number"), Column("Families in rural zones", "number"),
               Column("Why")]  # fmt: skip
    rows = [
        [number(r["order"]), r["name"], number(r["new"]), number(r["gain"]), percent(r["rural_pct"]), r["reason"]]
        for r in found.areas.to_dict("records")
    ]
    said = [*(f"{words}." for words in found.sentences()), *_counted(whole)]
    return More("first", "Which areas first", said, columns, rows)
