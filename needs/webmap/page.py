"""Put the page of one area together: finding, figures, key, controls, map, tables, method, sources."""

from __future__ import annotations

from typing import Any

from needs.webmap import tables
from needs.webmap.assets import HERE, LICENCE, document, leaflet_script, leaflet_style, map_parts
from needs.webmap.content import PageData
from needs.webmap.layers import area_map
from needs.webmap.shading import Shading, catalogue, shadings
from needs.webmap.text import Html, csv_uri, gap, join, number, plural, tag

__all__ = ["PageData", "render"]

SYNTHETIC = "Synthetic demonstration data: not a real place"
DEFAULT_BAND_MIN = 20  # the reach that is drawn first, where it is among the bands
_ATTRIBUTION = {
    "OGL-UK-3.0": "Contains public sector information licensed under the Open Government Licence v3.0.",
    "ODbL-1.0": "Roads, places and buildings © OpenStreetMap contributors, under the Open Database Licence.",
}
_ONS = (
    "Source: Office for National Statistics licensed under the Open Government Licence v3.0. "
    "Contains OS data © Crown copyright and database right."
)


def render(data: PageData) -> str:
    """Write the page of an area.

    Parameters
    ----------
    data
        Finished tables; nothing is computed here but wording, rounding and the classes of the key.

    Returns
    -------
    str
        A whole HTML document that asks the network for nothing. The same data give the same text.

    Raises
    ------
    NeedsError
        If Leaflet's installed files are not the tested ones.
    """
    shaded = shadings(data)
    element, script = map_parts(area_map(data, shaded))
    title = f"{data.name}: family hub plan" + (f" ({SYNTHETIC.lower()})" if data.synthetic else "")
    main = tag(
        "main",
        tag("p", f"Family hub plan for {data.name}", class_="kicker"),
        tag("h1", data.finding),
        tag("p", data.answer, class_="answer"),
        *([tag("p", tag("strong", "Caution."), " ", data.warning, class_="caution")] if data.warning else []),
        tag("div", _side(data, shaded), _map(data, shaded, element), class_="board"),
        _tables(data),
        id="main",
    )
    body = join(
        [tag("a", "Skip to the tables", href="#tables", class_="skip"), _banner(data), main, _footer(data)], "\n"
    )
    return document(
        title,
        body,
        styles=[leaflet_style(), _own("style.css")],
        scripts=[leaflet_script(), _own("page.js"), script],
        head_note=LICENCE,
    )


def _own(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _banner(data: PageData) -> Html:
    return tag("header", tag("p", SYNTHETIC), class_="synthetic") if data.synthetic else Html()


def _side(data: PageData, shaded: list[Shading]) -> Html:
    """Beside the map: the figures and the key."""
    return tag(
        "div",
        tag("section", tag("h2", "Today and the plan", class_="unseen"), tables.figures(data)),
        tag("section", tag("h2", "Key"), tables.key(shaded), tag("ul", *_symbols(data)), class_="key"),
        class_="side",
    )


def _symbols(data: PageData) -> list[Html]:
    """Key of pins and outlines; each line goes with its check box."""
    pins = [
        ("hub", "1", "Hub", "recommended"), ("outreach", "2", "Outreach site", "recommended"),
        ("close", "×", "Site to close", "close"), ("neighbour", "", "Neighbouring council’s site", "neighbour"),
        ("none", "", "Other building considered", "considered"),
    ]  # fmt: skip
    rows = _site_rows(data)
    shown = {row["id"]: row["shown"] for row in rows}
    lines = [
        tag("li", tag("span", tag("b", figure), class_=f"pin {shape}", aria_hidden="true"), " ", words, data_key=group,
            hidden=not shown[group])
        for shape, figure, words, group in pins
        if group in shown
    ]  # fmt: skip
    for row in _reach_rows(data):
        words = tag("span", f"Reach {row['key']}", data_words=row["key"])
        lines.append(
            tag(
                "li",
                tag("span", class_=f"line {row['offer']}"),
                " ",
                words,
                data_key=row["id"],
                data_offer=row["offer"],
            )
        )
    if len(data.basemap["water"]):
        lines.append(tag("li", tag("span", class_="swatch water"), " Water"))
    return lines


def _site_rows(data: PageData) -> list[dict[str, Any]]:
    """Check boxes of sites, where there is such a site."""
    return [row for row in catalogue()["sites"] if data.sites["status"].isin(row["status"]).any()]


def _reach_rows(data: PageData) -> list[dict[str, Any]]:
    """Check boxes of reach outlines, where there is such an outline."""
    return [row for row in catalogue()["reach"] if (data.reach["offer"] == row["offer"]).any()]


def _map(data: PageData, shaded: list[Shading], element: Html) -> Html:
    """Write the controls, then the map."""
    shades = [
        tag("label", tag("input", type="radio", name="shading", value=s.id, checked=i == 0), " ", s.label)
        for i, s in enumerate(shaded)
    ]
    controls = tag(
        "form",
        tag("fieldset", tag("legend", "Shade neighbourhoods by"), *shades),
        tag(
            "fieldset",
            tag("legend", "Show"),
            *_boxes("sites", _site_rows(data)),
            *_boxes("detail", catalogue()["detail"]),
        ),
        _reach_controls(data),
        id="controls",
        autocomplete="off",
    )
    shown = tag(
        "div",
        element,
        id="map",
        data_label="Map of need and recommended sites. Arrow keys move it, plus and minus zoom, Tab goes from pin to "
        "pin. The tables after it say the same.",
        data_credit="© OpenStreetMap contributors" if "ODbL-1.0" in _licences(data) else "",
    )
    no_script = tag("noscript", tag("p", "The map needs JavaScript. The tables below say the same."))
    return tag("section", tag("h2", "Map", class_="unseen"), controls, shown, no_script, class_="stage")


def _licences(data: PageData) -> set[str]:
    return {str(s["licence"]) for s in data.sources}


def _boxes(kind: str, rows: list[dict[str, Any]]) -> list[Html]:
    """Check boxes of one kind."""
    return [
        tag("label", tag("input", type="checkbox", name=r["id"], data_kind=kind, checked=r["shown"]), " ", r["label"])
        for r in rows
    ]


def _reach_controls(data: PageData) -> Html:
    """Whose reach is drawn, by which mode and within how many minutes."""
    if data.reach.empty:
        return Html()
    bands = sorted({int(m) for m in data.reach["minutes"]})
    first = DEFAULT_BAND_MIN if DEFAULT_BAND_MIN in bands else bands[0]
    drawn = set(data.reach["mode"])  # a timetable's reach hangs on the minute and is not drawn
    modes = [tag("option", words, value=mode) for mode, words in data.modes.items() if mode in drawn]
    within = [tag("option", f"{m} minutes", value=str(m), selected=m == first) for m in bands]
    return tag(
        "fieldset",
        tag("legend", "Reach of"),
        *_boxes("reach", _reach_rows(data)),
        tag("label", "by ", tag("select", *modes, name="mode")),
        tag("label", "within ", tag("select", *within, name="minutes")),
    )


def _tables(data: PageData) -> Html:
    """Everything below the map."""
    parts = [
        tag("h2", "Recommended sites", id="tables", tabindex="-1"),
        tables.recommended(data),
        tag("h2", "Sites to close"),
        _sites_or(data, "close", "Sites that would close", "The plan closes no site."),
        tag("h2", "Sites of neighbouring councils"),
        _sites_or(data, "neighbour", "Sites across the border that count as they are today", "None was counted."),
        *_told("Other plans that do nearly as well", data.others),
        *_told("What more or fewer sites would do", data.buys),
        *_told("How sure the plan is", data.sure),
        tag("h2", "Who gains and who loses"),
        tables.groups(data),
        tables.losers(data),
        tag("p", "The slope index is the difference between the two ends of a straight line through neighbourhoods in "
            "order of need; a concentration index below 0 says that there is more of it where need is high."),
        tables.inequality(data),
        *([tag("h2", "Where poor children live"), tag("p", _POOR), tables.where(data)] if len(data.where) else []),
        tag("h2", "Neighbourhoods"),
        tag(
            "p",
            f"Families are {data.demand_label}. Rank 1 is the highest need in England; fifth 1 is the fifth of England "
            "with the highest need. Nearer and further are from a major town or city (ONS Rural Urban Classification "
            "2021). Minutes are to the nearest hub." + _hidden(data),
        ),
        _downloads(data),
        tables.zones(data),
        tag("h2", "What makes up the need score"),
        tag("p", "Points of the score that each indicator gives. They add up to the score, but for rounding."),
        tables.contributions(data),
        *([tag("h2", "How sure the ranks are"), tag("ul", *map(_item, data.varied))] if data.varied else []),
        *([tables.methods(data)] if len(data.methods) else []),
        *([tag("h2", "The council as a whole"), tables.context(data)] if len(data.context) else []),
        tag("h2", "Method"),
        _method(data),
        tag("h2", "Assumptions"),
        tables.assumptions(data),
        tag("h2", "Sources"),
        tables.sources(data),
        tag("h2", "What was left out"),
        tag("ul", *(tag("li", note) for note in data.notes)) if data.notes else tag("p", "Nothing."),
        tag("h2", "How to build this page again"),
        tag("pre", tag("code", data.command)),
    ]  # fmt: skip
    return tag("div", *parts, class_="tables")


_POOR = (
    "Poor children are those in income-deprived families (the source is listed under sources): how many live in each "
    "kind of place, and how many of them a policy for the neediest fifth of neighbourhoods would reach. A figure "
    "such as 0–9 lies between the two: the publisher leaves small counts blank."
)


def _told(heading: str, sentences: list[str]) -> list[Html]:
    return [tag("h2", heading), tag("ul", *map(_item, sentences))] if sentences else []


def _hidden(data: PageData) -> str:
    hidden = int(data.zones["count_hidden"].sum())
    if not hidden:
        return ""
    return f" ≈ marks the {plural(hidden, 'neighbourhood')} whose counts are hidden: a mean of those hidden stands in."


def _item(words: str) -> Html:
    return tag("li", words)


def _sites_or(data: PageData, status: str, caption: str, otherwise: str) -> Html:
    found = (data.sites["status"] == status).any()
    return tables.other_sites(data, status, caption) if found else tag("p", otherwise)


def _downloads(data: PageData) -> Html:
    sheets = [("neighbourhoods", tables.zone_sheet(data)), ("sites", tables.site_sheet(data))]
    links = [
        tag(
            "a",
            f"Download {plural(len(sheet), words[:-1])} (CSV)",
            href=csv_uri(sheet),
            download=f"{data.slug}-{words}.csv",
        )
        for words, sheet in sheets
    ]
    return tag("p", join(links, " · "), class_="downloads")


_BUS = (
    " A journey by bus is the middle one of those that begin at each minute of a school-day morning by the timetable, "
    "with the walks and the waiting; day and hours stand under the assumptions. Where walking all the way is as quick, "
    "the table says “on foot”. Reach by bus hangs on the minute at which one leaves and is not drawn."
)


def _method(data: PageData) -> Html:
    """Explain the method in plain words."""
    modes = " or ".join(words.lower() for words in data.modes.values())
    return join(
        [
            _step(
                "Need.",
                "Every neighbourhood (LSOA, about 1,500 people) gets a need score from the indicators above. The score "
                "was fitted on the whole of England, so a neighbourhood keeps its score whatever else is on the map.",
            ),
            _step(
                "Travel.",
                f"Minutes are along streets and paths, from where families live to each building, by {modes}. Nothing "
                "is assumed to be reachable in a straight line. “Beyond the limit” means that no hub was found within "
                "the longest journey looked at." + (_BUS if "bus" in data.modes else ""),
            ),
            _step(
                "Cover.",
                "A site within the standard covers a neighbourhood fully. Beyond the standard, cover fades in a "
                "straight line to nothing, because a family just past a limit is not cut off. Families without a car "
                "count by the ways in which they can travel.",
            ),
            _step(
                "Unmet need.",
                "Families, counted more where need is higher, times the part that is not covered. It is a weight for "
                "comparing places and plans, not a number of people. Families beyond every standard are shown as "
                "online only: an addition to what can be reached, never a plan by itself.",
            ),
            _step(
                "Plan.",
                "Of all buildings that could serve, the plan takes those hubs and outreach sites that together leave "
                "the least unmet need, within the numbers that were set. A site that exists today stays, unless "
                "closing it saves more than the share of all need given under assumptions. Sites across the border "
                "count as they are.",
            ),
            _step("Proof.", _proof(data.proof)),
        ]
    )


def _step(head: str, words: str) -> Html:
    return tag("p", tag("strong", head), " ", words)


def _proof(proof: dict[str, Any]) -> str:
    share = proof["gap"]
    if share is not None and share <= 0:
        verdict = "No other choice of sites does better under these inputs: the solver proved it"
    else:
        verdict = f"The solver proved that no choice of sites is more than {gap(share)} better under these inputs"
    if gap(share) == gap(None):
        verdict = "The solver found this plan but proved nothing about better ones"
    figures = f"objective {number(proof['objective'])}, bound {number(proof['bound'])}, gap {gap(share)}"
    figures += "; the objective is need met, and what keeping existing sites is worth"
    return f"{verdict} ({proof['status']}; {figures}). A proof is about the sum, not about the inputs."


def _footer(data: PageData) -> Html:
    lines = [words for licence, words in _ATTRIBUTION.items() if licence in _licences(data)]
    if any("Office for National Statistics" in s["publisher"] for s in data.sources):
        lines.append(_ONS)
    if data.synthetic:
        lines.insert(0, f"{SYNTHETIC}.")
    lines.append("Map drawn with Leaflet 1.9.3 (BSD 2-Clause, notice in the source of this page) and folium (MIT).")
    return tag("footer", *(tag("p", line) for line in lines))
