"""Make one file of everything: Leaflet from its installed package, style, script, security policy."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import folium
from branca.element import Figure, Link
from xstatic.pkg import leaflet

from needs.errors import NeedsError, fail
from needs.webmap.text import Html, safe

LEAFLET = Path(leaflet.BASE_DIR)
SHA256 = {
    "leaflet.js": "5819285cec137b229c94e1ee5ad73e8b6b84345a4367d60f75fe477fe0fb7b03",
    "leaflet.css": "90b693d86392a4779c861b28cf307e7e59c3fb35328c4d8b95f58f814d38c722",
    "images/layers.png": "1dbbe9d028e292f36fcba8f8b3a28d5e8932754fc2215b9ac69e4cdecf5107c6",
    "images/layers-2x.png": "066daca850d8ffbef007af00b06eac0015728dee279c51f3cb6c716df7c42edf",
    "images/marker-icon.png": "574c3a5cca85f4114085b6841596d62f00d7c892c7b03f28cbfa301deb1dc437",
}
LICENCE = """Leaflet 1.9.3, BSD 2-Clause License
Copyright (c) 2010-2022, Volodymyr Agafonkin. Copyright (c) 2010-2011, CloudMade. All rights reserved.
Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
disclaimer in the documentation and/or other materials provided with the distribution.
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."""
HERE = Path(__file__).parent


class OfflineMap(folium.Map):
    """A folium map that links Leaflet and nothing else."""

    default_js = [link for link in folium.Map.default_js if link[0] == "leaflet"]
    default_css = [link for link in folium.Map.default_css if link[0] == "leaflet_css"]


def leaflet_file(name: str, folder: Path = LEAFLET) -> bytes:
    """Read one file of Leaflet from the installed package and check it.

    Raises
    ------
    NeedsError
        If the file is missing or is not the one that this toolkit was tested with.
    """
    path = folder / name
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        fail(
            NeedsError,
            f"XStatic-Leaflet, {name}",
            "is missing or not the tested file (SHA-256 differs)",
            "reinstall XStatic-Leaflet 1.9.3",
        )
    return data


def leaflet_script() -> str:
    """Leaflet's script, without the link to its source map."""
    return re.sub(r"//# sourceMappingURL=\S*", "", leaflet_file("leaflet.js").decode()).replace(
        "</script", "<\\/script"
    )


def leaflet_style() -> str:
    """Leaflet's style, its pictures written into it."""

    def picture(match: re.Match[str]) -> str:
        data = base64.b64encode(leaflet_file(match.group(1))).decode()
        return f"url(data:image/png;base64,{data})"

    return re.sub(r"url\((images/[^)]+)\)", picture, leaflet_file("leaflet.css").decode())


def map_parts(area_map: OfflineMap) -> tuple[Html, str]:
    """Render a folium map to its element and its script, with stable names.

    Returns
    -------
    tuple
        The HTML of the map's element, and the script that fills it. folium's random names (32 hexadecimal digits)
        are numbered in order of first use.

    Raises
    ------
    NeedsError
        If a folium element links a file from the web.
    """
    figure = Figure()
    figure.add_child(area_map)
    figure.render()
    tested = {url for _, url in (*OfflineMap.default_js, *OfflineMap.default_css)}
    for element in figure.header._children.values():
        if isinstance(element, Link) and element.url not in tested:
            fail(NeedsError, "the page", f"a folium element links {element.url}", "draw it without files from the web")
    names: dict[str, str] = {}

    def stable(text: str) -> str:
        return re.sub(r"_[0-9a-f]{32}(?![0-9a-f])", lambda m: names.setdefault(m.group(), f"_{len(names) + 1}"), text)

    return Html(stable(figure.html.render())), stable(figure.script.render())


def policy(scripts: list[str]) -> str:
    """Write the content security policy: nothing from anywhere, and only these scripts.

    A browser that knows hashes ignores 'unsafe-inline' beside them, so that an event handler in a name that slipped
    through would still not run.
    """
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src 'unsafe-inline'{' ' if hashes else ''}{hashes}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def document(title: str, body: Html, *, styles: list[str], scripts: list[str], head_note: str = "") -> str:
    """Assemble a whole page.

    Parameters
    ----------
    title
        Of the page; escaped here.
    body
        Everything inside the body but the scripts.
    styles, scripts
        Inlined in this order; scripts stand at the end of the body.
    head_note
        Written as a comment into the head (licences).
    """
    scripts = [f"\n{s.strip()}\n" for s in scripts]
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en-GB">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{safe(title)}</title>",
        *([f"<!-- {head_note} -->"] if head_note else []),
        *(f"<style>\n{s.strip()}\n</style>" for s in styles),
        "</head>",
        "<body>",
        body,
        *(f"<script>{s}</script>" for s in scripts),
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(lines)
