"""Write one page for very many zones, a county's or all of England's: a drawn map, its key, a table of councils."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import folium
import geopandas as gpd
import pandas as pd
from branca.element import MacroElement
from folium.template import Template

from needs.errors import Faults
from needs.settings import CRS
from needs.travel import CAUTION, ESTIMATE
from needs.webmap import controls, method, tables
from needs.webmap.assets import HERE, LICENCE, OfflineMap, document, leaflet_script, leaflet_style, map_parts
from needs.webmap.layers import bounds_deg
from needs.webmap.outlines import outlines
from needs.webmap.shading import CLASSES, Shading
from needs.webmap.table import Column, table
from needs.webmap.text import Html, csv_uri, join, minutes, number, percent, plural, tag

_ZONES = ("lsoa21cd", "zone_name", "lad24cd")
_COUNCILS = ("lad24cd", "name", "slug", "zones", "families", "reached_pct", "unmet", "note")


@dataclass(frozen=True)
class More:
    """A section of the page: what follows from all zones together.

    Attributes
    ----------
    id, heading
        Its name in links, and its heading.
    sentences
        What was found.
    columns, rows
        Of its table, with the heading as its caption; no columns for no table.
    """

    id: str
    heading: str
    sentences: Sequence[str]
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[object]] = ()


@dataclass(frozen=True)
class OverviewData:
    """Everything that the page of many zones shows.

    Attributes
    ----------
    name, slug
        Of the whole, such as England, and in file names.
    synthetic
        Whether the place is made up.
    estimated
        Whether travel was estimated in straight lines; every heading of figures then says so.
    finding, answer
        The heading: what was found, in a few words; and one sentence under it.
    demand_label
        What families are counted by, such as "births a year".
    zones
        One row per zone, polygons in EPSG:27700: `lsoa21cd`, `zone_name`, `lad24cd`, and the columns of `figures`.
    shadings
        The ways to colour the map, the first one shown first.
    figures
        What the card of a zone says: column of `zones` -> its words. Minutes (`_min`; NaN is beyond the limit), shares
        (`_pct`) and counts are written as such, texts as they are.
    councils
        One row per council, in the order of the table: `lad24cd`, `name`, `slug` (of its page, or None), `zones`,
        `families`, `reached_pct`, `unmet` (each may be missing), `note` (what else must be known, or "").
    sources
        `title`, `publisher`, `licence`, `date`, `url`, `path`, `sha256`, `caveat` of every file read.
    command
        How to build the page again.
    warning
        What must be known before any figure is used, or None.
    notes
        What was left out, in sentences.
    more
        Sections after the table of councils.
    """

    name: str
    slug: str
    synthetic: bool
    estimated: bool
    finding: str
    answer: str
    demand_label: str
    zones: gpd.GeoDataFrame
    shadings: list[Shading]
    figures: dict[str, str]
    councils: pd.DataFrame
    sources: list[dict[str, Any]]
    command: str
    warning: str | None = None
    notes: list[str] = field(default_factory=list)
    more: Sequence[More] = ()


def render_overview(data: OverviewData) -> str:
    """Write the page.

    Parameters
    ----------
    data
        Finished tables; nothing is computed here but wording, rounding, and how many zones are in each class.

    Returns
    -------
    str
        A whole HTML document that asks the network for nothing. The same data give the same text.

    Raises
    ------
    InputError
        If tables disagree: a zone of no council, a council whose `zones` are not those of the map, a zone without a
        class, or a slug that is no file name. All faults are listed.
    """
    _check(data)
    element, script = map_parts(_map(data))
    title = f"{data.name}: overview" + (f" ({method.SYNTHETIC.lower()})" if data.synthetic else "")
    main = tag(
        "main",
        tag("p", f"Overview of {plural(len(data.zones), 'neighbourhood')} in {data.name}", class_="kicker"),
        tag("h1", _head(data.finding, data)),
        tag("p", data.answer, class_="answer"),
        *_cautions(data),
        _search(),
        tag("form", *controls.shading_controls(data.shadings), id="controls", autocomplete="off"),
        tag("div", _key(data), _stage(data, element), class_="board"),
        tag("div", *_sections(data), class_="tables"),
        id="main",
        class_="overview",
    )
    skips = [
        tag("a", "Skip to the tables", href="#tables", class_="skip"),
        tag("a", "Skip to the search", href="#search", class_="skip"),
    ]
    banner = tag("header", tag("p", method.SYNTHETIC), class_="synthetic") if data.synthetic else Html()
    block = tag("script", Html(packed(data)), type="application/octet-stream", id="packed")
    return document(
        _head(title, data),
        join([*skips, banner, main, method.footer(data), block], "\n"),
        styles=[leaflet_style(), (HERE / "style.css").read_text("utf-8")],
        scripts=[leaflet_script(), (HERE / "overview.js").read_text("utf-8"), script],
        head_note=LICENCE,
    )


def packed(data: OverviewData) -> str:
    """Write what the map draws and the card says: JSON, compressed, as base64.

    Names are as they are: the page's script writes them as text.
    """
    zones = data.zones.sort_values("lsoa21cd")
    council = zones["lad24cd"].map({code: k for k, code in enumerate(data.councils["lad24cd"])}).to_numpy()
    drawn = outlines(zones.geometry, council)
    content = {
        "corner": drawn.corner,
        "step": drawn.step,
        "zones": drawn.zones,
        "borders": drawn.councils,
        "codes": zones["lsoa21cd"].tolist(),
        "names": _printable(zones["zone_name"]),
        "council": council.tolist(),
        "councils": _printable(data.councils["name"]),
        "classes": {s.id: "".join(map(str, zones["lsoa21cd"].map(s.classes))) for s in data.shadings},
        "figures": {words: _written(zones[column]) for column, words in data.figures.items()},
        "estimate": ESTIMATE if data.estimated else "",
        "slug": data.slug,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode()


def _printable(names: pd.Series[str]) -> list[str]:
    """Put spaces for what cannot be printed, as `text.safe` does."""
    texts = map(str, names)
    return [t if t.isprintable() else "".join(c if c.isprintable() else " " for c in t) for t in texts]


def _written(values: pd.Series[Any]) -> list[str]:
    """Write figures by the unit in their name."""
    if not pd.api.types.is_numeric_dtype(values):
        return _printable(values)
    unit = str(values.name).rpartition("_")[2]
    return [str({"min": minutes, "pct": percent}.get(unit, number)(v)) for v in values]


def _check(data: OverviewData) -> None:
    faults, zones, councils = Faults(), data.zones, data.councils
    for where, frame, wanted in (("zones", zones, (*_ZONES, *data.figures)), ("councils", councils, _COUNCILS)):
        faults.add_codes(where, "columns are missing", set(wanted) - set(frame.columns), "give them")
    if zones.empty or not data.shadings:
        faults.add("overview", "there is no zone, or no shading", "give at least one of each")
    if zones.crs != CRS:
        faults.add("zones", f"are in {zones.crs}, not in {CRS}", f"convert them to {CRS}")
    faults.raise_if_any()
    for where, codes in (("zones", zones["lsoa21cd"]), ("councils", councils["lad24cd"])):
        faults.add_codes(where, "codes stand twice", codes[codes.duplicated()], "keep one row of each")
    empty = zones.geometry.isna() | zones.geometry.is_empty
    faults.add_codes("zones", "have no outline", zones["lsoa21cd"][empty], "give one")
    strange = set(zones["lad24cd"]) - set(councils["lad24cd"])
    faults.add_codes("zones", "are in councils without a row", strange, "give each council a row")
    drawn = councils["lad24cd"].map(zones["lad24cd"].value_counts()).fillna(0)
    wrong = councils["lad24cd"][drawn != councils["zones"]]
    faults.add_codes("councils", "have another number of zones than the map", wrong, "count the zones that are given")
    names = councils["slug"].dropna()
    bad = names[~names.map(lambda s: bool(re.fullmatch(r"[a-z0-9][a-z0-9_-]*", str(s))))]
    faults.add_codes("councils", "have a slug that is no file name", bad, "use a to z, 0 to 9 and hyphens")
    for shading in data.shadings:
        lost = zones["lsoa21cd"][~zones["lsoa21cd"].map(shading.classes).isin(CLASSES)]
        faults.add_codes(f"shading {shading.id}", "zones have no class", lost, "give each a class, 1 to 5")
        if len(shading.classes) != len(zones):
            faults.add(f"shading {shading.id}", "has classes of other zones", "give those of the map's zones")
    faults.raise_if_any()


class _Start(MacroElement):
    """Hand the map to the page's own script."""

    _template = Template(
        "{% macro script(this, kwargs) %}overview.start({{ this._parent.get_name() }}, {{ this.bounds|tojson }});"
        "{% endmacro %}"
    )

    def __init__(self, bounds: list[list[float]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bounds = bounds


def _map(data: OverviewData) -> OfflineMap:
    """Build the map: one pane for the script to draw in, so that no zone is an element of the page."""
    south_west, north_east = bounds_deg(data.zones)
    area = OfflineMap(
        location=[(south_west[0] + north_east[0]) / 2, (south_west[1] + north_east[1]) / 2],
        tiles=None, control_scale=True, zoom_snap=0.1, scroll_wheel_zoom=False, max_zoom=16,
    )  # fmt: skip
    area.options["maxZoom"] = 16
    folium.map.CustomPane("zones", z_index=400, pointer_events=True).add_to(area)
    _Start([south_west, north_east]).add_to(area)
    return area


def _head(words: str, data: OverviewData) -> str:
    """Write the heading of figures; it says where they are estimates."""
    return f"{words} ({ESTIMATE})" if data.estimated else words


def _cautions(data: OverviewData) -> list[Html]:
    told = [*([CAUTION] if data.estimated else []), *([data.warning] if data.warning else [])]
    return [tag("p", tag("strong", "Caution."), " ", words, class_="caution") for words in told]


def _search() -> Html:
    """Write the search; its list of councils and what it finds come from the page's script."""
    words = "Find a council or neighbourhood, by name or code"
    return tag(
        "form",
        tag("label", words, " ", tag("input", type="search", name="wanted", list="known", autocomplete="off")),
        tag("button", "Find", type="submit"),
        tag("datalist", id="known"),
        tag("p", id="found", role="status"),
        tag("ul", id="matches", hidden=True),
        id="search",
        role="search",
    )


def _key(data: OverviewData) -> Html:
    key = tag("section", tag("h2", _head("Key", data)), tables.key(data.shadings), class_="key")
    return tag("div", key, class_="side")


def _stage(data: OverviewData, element: Html) -> Html:
    shown = tag(
        "div",
        element,
        id="map",
        data_label="Map of neighbourhoods, coloured by class. Arrow keys move it, plus and minus zoom. The search "
        "moves it to a council or neighbourhood and opens its card; the table says the same.",
    )
    no_script = tag("noscript", tag("p", "The map needs JavaScript. The table below says the same by council."))
    heading = tag("h2", _head("Map", data), class_="unseen")
    return tag("section", heading, shown, controls.card(), no_script, class_="stage")


def _sections(data: OverviewData) -> list[Html]:
    again = tag("pre", tag("code", data.command))
    notes = [tag("ul", *(tag("li", words) for words in data.notes))] if data.notes else [tag("p", "Nothing.")]
    parts = [
        ("tables", _head("Councils", data), [tag("p", _about(data)), _councils(data), _downloads(data)]),
        *((m.id, _head(m.heading, data), _more(m, data)) for m in data.more),
        ("data", "Sources", [tables.sources(data)]),
        ("left-out", "What was left out", notes),
        ("accessible", "Accessibility of this page", [method.accessibility()]),
        ("again", "How to build this page again", [again]),
    ]
    return [tag("section", tag("h2", heading, id=name, tabindex="-1"), *inside) for name, heading, inside in parts]


def _more(more: More, data: OverviewData) -> list[Html]:
    told = [tag("ul", *(tag("li", words) for words in more.sentences))] if more.sentences else []
    shown = [table(_head(more.heading, data), more.columns, more.rows, name=f"{more.id}-table")] if more.columns else []
    return [*told, *shown]


def _about(data: OverviewData) -> str:
    return (
        f"Families are {data.demand_label}. The last five figures of a row count its neighbourhoods by their class on "
        "the map; they follow the shading that is chosen above the map. A heading sorts the table."
    )


def _councils(data: OverviewData) -> Html:
    """Every council: its figures, and how many of its zones are in each class of the shading that is shown first."""
    first, estimated = data.shadings[0], " (estimate)" if data.estimated else ""
    columns = [
        Column("Council", "head"), Column("Neighbourhoods", "number"), Column("Families", "number"),
        Column(f"Reached{estimated}", "number"), Column(f"Unmet need{estimated}", "number"), Column("Note"),
        *(Column(f"Class {k}", "number", first.title) for k in CLASSES),
    ]  # fmt: skip
    classes = data.zones["lsoa21cd"].map(first.classes)
    counts = pd.crosstab(data.zones["lad24cd"], classes).reindex(columns=CLASSES, fill_value=0)
    rows = [
        [
            _linked(c), number(c["zones"]), number(c["families"]), percent(c["reached_pct"]), number(c["unmet"]),
            c["note"] or "", *(number(counts.at[c["lad24cd"], k] if c["zones"] else 0) for k in CLASSES),
        ]
        for c in data.councils.to_dict("records")
    ]  # fmt: skip
    ids = [f"council-{k}" for k in range(len(rows))]
    return table(_head(plural(len(rows), "council"), data), columns, rows, name="councils", ids=ids)


def _linked(council: dict[Hashable, Any]) -> Html:
    own = not pd.isna(council["slug"])
    return tag("a", council["name"], href=f"{council['slug']}.html") if own else join([council["name"]])


def _downloads(data: OverviewData) -> Html:
    """Offer the councils as given; the page's script adds the zones, which stand in the page once."""
    label = _head(f"Download {plural(len(data.councils), 'council')}, every figure (CSV)", data)
    sheet = data.councils[list(_COUNCILS)]
    link = tag("a", label, href=csv_uri(sheet), download=f"{data.slug}-councils.csv")
    return tag("p", link, class_="downloads", id="downloads")
