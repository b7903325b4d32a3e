"""Write what stands beside and above the map: search, radio buttons, check boxes, and the key that goes with them."""

from __future__ import annotations

from typing import Any

from needs.webmap import tables
from needs.webmap.content import PageData
from needs.webmap.layers import boundary_lines
from needs.webmap.shading import Shading, catalogue
from needs.webmap.text import Html, join, tag

DEFAULT_BAND_MIN = 20  # the reach that is drawn first, where it is among the bands
_PINS = (  # shape, figure, words, and the check box that it goes with
    ("hub", "1", "Hub", "recommended"),
    ("outreach", "2", "Outreach site", "recommended"),
    ("close", "×", "{gone}", "close"),
    ("neighbour", "", "Neighbouring council’s site", "neighbour"),
    ("none", "", "Other building considered", "considered"),
)


def key(data: PageData, shaded: list[Shading]) -> Html:
    """Write the key: classes of the shading that is shown, pins, outlines, lines."""
    return tag("section", tag("h2", "Key"), tables.key(shaded), tag("ul", *_symbols(data)), class_="key")


def _symbols(data: PageData) -> list[Html]:
    """Each line goes with its check box."""
    shown = {row["id"]: row["shown"] for row in _site_rows(data)}
    lines = [
        tag("li", tag("span", tag("b", figure), class_=f"pin {shape}", aria_hidden="true"), " ",
            words.replace("{gone}", data.sides.gone), data_key=group, hidden=not shown[group])
        for shape, figure, words, group in _PINS
        if group in shown
    ]  # fmt: skip
    if (data.sites["status"] == "open").any():
        sample = tag("span", tag("b", "1"), class_="pin hub new", aria_hidden="true")
        lines.insert(2, tag("li", sample, " ", data.sides.new, data_key="recommended"))
    for row in _reach_rows(data):
        words = tag("span", f"Reach {row['key']}", data_words=row["key"])
        sample = tag("span", class_=f"line {row['offer']}")
        lines.append(tag("li", sample, " ", words, data_key=row["id"], data_offer=row["offer"]))
    kinds = dict(zip(boundary_lines(data), sorted(set(data.boundaries["kind"])), strict=True))
    lines += [
        tag("li", tag("span", class_=f"line {name}"), " ", kind, data_key="boundaries", hidden=True)
        for name, kind in kinds.items()
    ]
    if len(data.basemap["water"]):
        lines.append(tag("li", tag("span", class_="swatch water"), " Water"))
    return lines


def _site_rows(data: PageData) -> list[dict[str, Any]]:
    """Check boxes of sites, where there is such a site."""
    rows = [row for row in catalogue()["sites"] if data.sites["status"].isin(row["status"]).any()]
    fills = {"{gone_all}": data.sides.gone_all, "{chosen_all}": data.sides.chosen_all}
    return [{**row, "label": fills.get(row["label"], row["label"])} for row in rows]


def _reach_rows(data: PageData) -> list[dict[str, Any]]:
    """Check boxes of reach outlines, where there is such an outline."""
    return [row for row in catalogue()["reach"] if (data.reach["offer"] == row["offer"]).any()]


def search(data: PageData) -> Html:
    """Write the search; the page's script fills its list from the map, so that nothing stands in the page twice."""
    what = ["a place", "a site", "a neighbourhood", *(["a postcode"] if len(data.postcodes) else [])]
    words = f"Find {', '.join(what[:-1])} or {what[-1]}"
    return tag(
        "form",
        tag("label", words, " ", tag("input", type="search", name="wanted", list="known", autocomplete="off")),
        tag("button", "Find", type="submit"),
        tag("datalist", id="known"),
        tag("p", id="found", role="status"),
        id="search",
        role="search",
    )


def controls(data: PageData, shaded: list[Shading]) -> Html:
    """Write the controls of the map."""
    detail = [row for row in catalogue()["detail"] if row["id"] != "boundaries" or len(data.boundaries)]
    return tag(
        "form",
        *shading_controls(shaded),
        tag("fieldset", tag("legend", "Show"), *_boxes("sites", _site_rows(data)), *_boxes("detail", detail)),
        _reach_controls(data),
        id="controls",
        autocomplete="off",
    )


def shading_controls(shaded: list[Shading]) -> list[Html]:
    """One radio button per shading; those of a group stand together."""
    groups = dict.fromkeys(s.group for s in shaded)
    return [
        tag(
            "fieldset",
            tag("legend", f"Shade by {group[:1].lower()}{group[1:]}"),
            *(
                tag(
                    "label",
                    tag("input", type="radio", name="shading", value=s.id, data_palette=s.palette,
                        checked=s is shaded[0]),
                    " ",
                    s.label,
                )
                for s in shaded
                if s.group == group
            ),
        )
        for group in groups
    ]  # fmt: skip


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


def card() -> Html:
    """Write the empty card, which a click on the map or a search fills from the tables."""
    head = join([tag("h3", id="card-title"), tag("button", "Close", type="button")])
    return tag("section", head, tag("div"), id="card", aria_labelledby="card-title", tabindex="-1", hidden=True)
