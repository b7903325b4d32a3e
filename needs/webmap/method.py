"""Explain in plain words how the figures came about, how far they can be trusted, and whose data they are."""

from __future__ import annotations

from typing import Any

from needs.webmap.content import PageData, Sourced
from needs.webmap.text import Html, gap, join, number, tag

SYNTHETIC = "Synthetic demonstration data: not a real place"
_ATTRIBUTION = {
    "OGL-UK-3.0": "Contains public sector information licensed under the Open Government Licence v3.0.",
    "ODbL-1.0": "Roads, places and buildings © OpenStreetMap contributors, under the Open Database Licence.",
}
_ONS = (
    "Source: Office for National Statistics licensed under the Open Government Licence v3.0. "
    "Contains OS data © Crown copyright and database right."
)


_BUS = (
    " A journey by bus is the middle one of those that begin at each minute of a school-day morning by the timetable, "
    "with the walks and the waiting; day and hours stand under the assumptions. Where walking all the way is as quick, "
    "the table says “on foot”. Reach by bus hangs on the minute at which one leaves and is not drawn."
)


def method(data: PageData) -> Html:
    """Explain the method, step by step."""
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
                (
                    f"Minutes are estimated in straight lines, from where families live to each building, by {modes}. "
                    if data.estimated
                    else "Minutes are along streets and paths, from where families live to each building, by "
                    f"{modes}. Nothing is assumed to be reachable in a straight line. "
                )
                + "“Beyond the limit” means that no hub was found within "
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
                (f"{data.proof['asked']} " if data.proof else "")
                + "The plan keeps to the numbers and rules that stand under assumptions. A site that exists today "
                "stays, unless closing it saves more than the share of all need given there. Sites across the border "
                "count as they are.",
            ),
            *([_step("Proof.", _proof(data.proof))] if data.proof else []),
            _step(
                "What the figures do not tell.",
                "Whether a building has room and its owner is willing; staff and hours; what it costs, unless costs "
                "stand under assumptions; how good a service is; and what families themselves would choose.",
            ),
        ]
    )


def _step(head: str, words: str) -> Html:
    return tag("p", tag("strong", head), " ", words)


def _proof(proof: dict[str, Any]) -> str:
    figures = f"objective {number(proof['objective'])}, bound {number(proof['bound'])}, gap {gap(proof['gap'])}"
    figures += "; the objective is need met, and what keeping existing sites is worth"
    return f"{proof['told']} ({proof['status']}; {figures}.) A proof is about the sum, not about the inputs."


def accessibility() -> Html:
    """State what was tested, and what was not."""
    return join(
        [
            tag(
                "p",
                "This page is meant to meet the Web Content Accessibility Guidelines 2.2 at level AA. The tables say "
                "everything that the map says: the map is never the only way to a figure. Everything works from the "
                "keyboard: the search opens the card of any neighbourhood or site.",
            ),
            tag(
                "p",
                "Pages made by this toolkit are tested in Chromium, by program: the rules of axe-core, the order of "
                "focus, windows 320 pixels wide, text at twice its size, print on A4. They were not tested with screen "
                "readers by ear, nor in Firefox or Safari. Classes are numbered, because five shades cannot all stand "
                "out from one another.",
            ),
        ]
    )


def licences(data: Sourced) -> set[str]:
    """List under which licences the data were published."""
    return {str(s["licence"]) for s in data.sources}


def footer(data: Sourced) -> Html:
    """Attribute the data and the software."""
    lines = [words for licence, words in _ATTRIBUTION.items() if licence in licences(data)]
    lines += dict.fromkeys(str(s["attribution"]) for s in data.sources if s.get("attribution"))
    if any("Office for National Statistics" in s["publisher"] for s in data.sources):
        lines.append(_ONS)
    if data.synthetic:
        lines.insert(0, f"{SYNTHETIC}.")
    lines.append("Map drawn with Leaflet 1.9.3 (BSD 2-Clause, notice in the source of this page) and folium (MIT).")
    return tag("footer", *(tag("p", line) for line in lines))
