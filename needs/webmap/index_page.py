"""Write the index of pages: one line per area, its finding and its headline figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from needs.webmap.assets import HERE, document
from needs.webmap.page import SYNTHETIC
from needs.webmap.table import Column, table
from needs.webmap.text import join, number, percent, tag


def render_index(entries: list[dict[str, Any]], compared: Sequence[str] = (), many: Sequence[str] = ()) -> str:
    """Write the index.

    Parameters
    ----------
    entries
        One per page: `name`, `slug` (the page is `<slug>.html` beside the index), `synthetic`, `finding`, `demand`,
        `demand_label`, `hubs`, `outreach` (sites in the plan), `hub_pct_today`, `hub_pct_plan`, `virtual_pct`.
    compared
        File names, beside the index, of pages that set two plans side by side.
    many
        Folders, beside the index, with the overview of many councils.

    Returns
    -------
    str
        A whole HTML document that asks the network for nothing; areas by name, real ones first.
    """
    columns = [
        Column("Area", "head"), Column("Finding"), Column("Families", "number"), Column("Hubs", "number"),
        Column("Outreach sites", "number"), Column("Today", "number", "Reached by a hub"),
        Column("Plan", "number", "Reached by a hub"), Column("Online only", "number"),
    ]  # fmt: skip
    rows = []
    for e in sorted(entries, key=lambda e: (e["synthetic"], e["name"], e["slug"])):
        name = [tag("a", e["name"], href=f"{e['slug']}.html")]
        name += [tag("span", SYNTHETIC, class_="code")] if e["synthetic"] else []
        families = join([number(e["demand"]), tag("span", e["demand_label"], class_="code")], " ")
        rows.append(
            [join(name, " "), e["finding"], families, number(e["hubs"]), number(e["outreach"]),
             percent(e["hub_pct_today"]), percent(e["hub_pct_plan"]), percent(e["virtual_pct"])]
        )  # fmt: skip
    title = "Family hub plans"
    links = [tag("li", tag("a", Path(file).stem.replace("_", " "), href=quote(file))) for file in sorted(compared)]
    both = [tag("h2", "Two plans side by side"), tag("ul", *links)] if links else []
    areas = table("Areas, with the plan for each", columns, rows, name="areas")
    whole = [
        tag("li", tag("a", name.replace("-", " ").capitalize(), href=f"{quote(name)}/index.html")) for name in many
    ]
    nations = [tag("h2", "Many councils at once"), tag("ul", *whole)] if whole else []
    main = tag("main", tag("h1", title), areas, *both, *nations)
    return document(title, main, styles=[(HERE / "style.css").read_text("utf-8")], scripts=[])
