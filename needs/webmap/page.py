"""Put the page of one area together: finding, figures, key, controls, map, tables, method, sources."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from needs.settings import CRS_WEB
from needs.travel import ESTIMATE
from needs.webmap import controls, method, site_tables, tables
from needs.webmap.assets import HERE, LICENCE, document, leaflet_script, leaflet_style, map_parts
from needs.webmap.content import PageData
from needs.webmap.layers import area_map
from needs.webmap.method import SYNTHETIC
from needs.webmap.shading import PALETTES, Shading, shadings
from needs.webmap.table import sentence
from needs.webmap.text import Html, csv_uri, join, plural, tag

__all__ = ["SYNTHETIC", "PageData", "render"]


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
    title = f"{data.name}: {_kind(data)}" + (f" ({SYNTHETIC.lower()})" if data.synthetic else "")
    sections = [s.estimated() if data.estimated and s.id in _BY_TRAVEL else s for s in _sections(data)]
    main = tag(
        "main",
        tag("p", f"{sentence(_kind(data))} for {data.name}", class_="kicker"),
        tag("h1", data.finding),
        *(tag("p", words, class_="answer") for words in (data.answer, *data.lead)),
        *([tag("p", tag("strong", "Caution."), " ", data.warning, class_="caution")] if data.warning else []),
        controls.search(data),
        controls.controls(data, shaded),
        tag("div", _side(data, shaded), _map(data, element), class_="board"),
        _contents(sections),
        tag("div", *(s.html() for s in sections), class_="tables"),
        id="main",
    )
    skips = [
        tag("a", "Skip to the tables", href="#tables", class_="skip"),
        tag("a", "Skip to the search", href="#search", class_="skip"),
    ]
    body = join([*skips, _banner(data), main, method.footer(data), _postcodes(data)], "\n")
    return document(
        title,
        body,
        styles=[leaflet_style(), _own("style.css")],
        scripts=[leaflet_script(), _own("page.js"), script],
        head_note=LICENCE,
    )


def _kind(data: PageData) -> str:
    return "family hub plan" if data.proof else "two family hub plans"


def _own(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def _banner(data: PageData) -> Html:
    return tag("header", tag("p", SYNTHETIC), class_="synthetic") if data.synthetic else Html()


def _side(data: PageData, shaded: list[Shading]) -> Html:
    """Beside the map: the figures and the key."""
    figures = tag(
        "section", tag("h2", f"{data.sides.today} and {data.sides.plan}", class_="unseen"), tables.figures(data),
        *([tag("p", f"All figures of travel: {ESTIMATE}.", class_="note")] if data.estimated else []),
    )  # fmt: skip
    return tag("div", figures, controls.key(data, shaded), class_="side")


def _map(data: PageData, element: Html) -> Html:
    """Write the map and the card."""
    shown = tag(
        "div",
        element,
        id="map",
        data_palette=PALETTES[0],
        data_slug=data.slug,
        data_label="Map of need and recommended sites. Arrow keys move it, plus and minus zoom, Tab goes from pin to "
        "pin, Enter opens the card of one. The search finds neighbourhoods; the tables say the same.",
        data_credit="© OpenStreetMap contributors" if "ODbL-1.0" in method.licences(data) else "",
    )
    no_script = tag("noscript", tag("p", "The map needs JavaScript. The tables below say the same."))
    return tag("section", tag("h2", "Map", class_="unseen"), shown, controls.card(), no_script, class_="stage")


def _postcodes(data: PageData) -> Html:
    """List postcodes for the search, each as its letters and where it is (0.0001 degrees, about 10 m)."""
    if data.postcodes.empty:
        return Html()
    points = data.postcodes.to_crs(CRS_WEB).geometry
    known = {
        re.sub(r"[^A-Z0-9]", "", str(code).upper()): [round(p.y, 4), round(p.x, 4)]
        for code, p in zip(data.postcodes["postcode"], points, strict=True)
    }
    listed = json.dumps(dict(sorted(known.items())), separators=(",", ":"))
    return tag("script", Html(listed), type="application/json", id="postcodes")


@dataclass(frozen=True)
class Section:
    """A part below the map: its name in links, its heading and what it holds."""

    id: str
    heading: str
    parts: tuple[Html, ...]

    def html(self) -> Html:
        """Write it."""
        return tag("section", tag("h2", self.heading, id=self.id, tabindex="-1"), *self.parts)

    def estimated(self) -> Section:
        """Say in the heading, and in the caption of every table, that figures are estimates."""
        said = [Html(part.replace("</caption>", f" ({ESTIMATE})</caption>")) for part in self.parts]
        return replace(self, heading=f"{self.heading} ({ESTIMATE})", parts=tuple(said))


def _contents(sections: list[Section]) -> Html:
    links = [tag("li", tag("a", s.heading, href=f"#{s.id}")) for s in sections]
    return tag("nav", tag("h2", "On this page", class_="unseen"), tag("ul", *links), aria_label="On this page")


def _sections(data: PageData) -> list[Section]:
    """Everything below the map; what has nothing to say is left out."""
    none = "The plan closes no site." if data.proof else "There is none."
    sections = [
        _section("tables", data.sides.chosen_all, site_tables.recommended(data), _downloads(data)),
        _section("closing", data.sides.gone_all, _sites_or(data, "close", data.sides.gone_all, none)),
        _section("others", "Other plans that do nearly as well", *_told(data, "others", data.others)),
        _section("buys", "What more or fewer sites would do", *_told(data, "buys", data.buys), *_frontier(data)),
        _section("sure", "How sure the plan is", *_told(data, "sure", data.sure)),
        _section("considered", "Other buildings considered", *_considered(data)),
        _section(
            "neighbours",
            "Sites of neighbouring councils",
            _sites_or(data, "neighbour", "Sites across the border that count as they are today", "None was counted."),
        ),
        _section(
            "gains",
            "Who gains and who loses",
            *_charts(data, "groups"),
            tables.groups(data),
            tables.losers(data),
            tag("p", _SLOPE),
            tables.inequality(data),
        ),
        _section(
            "poor", "Where poor children live", *([tag("p", _POOR), tables.where(data)] if len(data.where) else [])
        ),
        _section("neighbourhoods", "Neighbourhoods", tag("p", _about_zones(data)), tables.zones(data)),
        _section("points", "What makes up the need score", tag("p", _POINTS), tables.contributions(data)),
        _section("ranks", "How sure the ranks are", *_list(data.varied)),
        _section("other-methods", "Other ways to score need", *([tables.methods(data)] if len(data.methods) else [])),
        _section("council", "The council as a whole", *([tables.context(data)] if len(data.context) else [])),
        _section("method", "Method", method.method(data)),
        _section("assumed", "Assumptions", tables.assumptions(data)),
        _section("data", "Sources", tables.sources(data)),
        _section("left-out", "What was left out", *(_list(data.notes) or [tag("p", "Nothing.")])),
        _section("accessible", "Accessibility of this page", method.accessibility()),
        _section("again", "How to build this page again", tag("pre", tag("code", data.command))),
    ]
    return [s for s in sections if s.parts]


_BY_TRAVEL = {  # sections whose figures rest on travel
    "tables", "closing", "others", "buys", "sure", "considered", "neighbours", "gains", "neighbourhoods",
}  # fmt: skip


def _section(name: str, heading: str, *parts: Html) -> Section:
    return Section(name, heading, parts)


_SLOPE = (
    "The slope index is the difference between the two ends of a straight line through neighbourhoods in order of "
    "need; a concentration index below 0 says that there is more of it where need is high."
)
_POOR = (
    "Poor children are those in income-deprived families (the source is listed under sources): how many live in each "
    "kind of place, and how many of them a policy for the neediest fifth of neighbourhoods would reach. A figure "
    "such as 0–9 lies between the two: the publisher leaves small counts blank."
)
_POINTS = "Points of the score that each indicator gives. They add up to the score, but for rounding."


def _list(sentences: list[str]) -> list[Html]:
    return [tag("ul", *(tag("li", words) for words in sentences))] if sentences else []


def _charts(data: PageData, section: str) -> list[Html]:
    return [Html(chart.to_html()) for chart in data.charts.get(section, [])]


def _told(data: PageData, section: str, sentences: list[str]) -> list[Html]:
    return [*_list(sentences), *_charts(data, section)]


def _frontier(data: PageData) -> list[Html]:
    return [site_tables.frontier(data)] if len(data.frontier) else []


def _considered(data: PageData) -> list[Html]:
    count = int((data.sites["status"] == "none").sum())
    if not count:
        return []
    summary = tag("summary", f"{plural(count, 'building')} that could have served, and why not")
    shown = site_tables.other_sites(data, "none", "Buildings that were considered and not chosen")
    return [tag("details", summary, shown)]


def _about_zones(data: PageData) -> str:
    hidden = int(data.zones["count_hidden"].sum())
    words = (
        f"Families are {data.demand_label}. Rank 1 is the highest need in England; fifth 1 is the fifth of England "
        "with the highest need. Nearer and further are from a major town or city (ONS Rural Urban Classification "
        "2021). Minutes are to the nearest hub."
    )
    if hidden:
        words += f" ≈ marks the {plural(hidden, 'neighbourhood')} whose counts are hidden: a mean of those hidden, "
        words += "or the middle of what a blank may hide, stands in."
    return words


def _sites_or(data: PageData, status: str, caption: str, otherwise: str) -> Html:
    found = (data.sites["status"] == status).any()
    return site_tables.other_sites(data, status, caption) if found else tag("p", otherwise)


def _downloads(data: PageData) -> Html:
    """Whole tables, unrounded; the page's script lets every table be saved as it stands."""
    sheets = [("neighbourhoods", tables.zone_sheet(data)), ("sites", site_tables.site_sheet(data))]
    links = [
        tag("a", f"Download {plural(len(sheet), words[:-1])}, every figure (CSV)", href=csv_uri(sheet),
            download=f"{data.slug}-{words}.csv")
        for words, sheet in sheets
    ]  # fmt: skip
    return tag("p", join(links, " · "), class_="downloads")
