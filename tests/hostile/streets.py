"""Broken streets: OpenStreetMap as XML and in its binary form."""

from __future__ import annotations

import re
from collections.abc import Callable

import osmium

from tests.hostile.harness import Case, Ground, named

FILE = "streets.osm"


def osm(name: str, change: Callable[[str], str], *says: str) -> Case:
    """Change the XML."""

    def breaks(ground: Ground) -> None:
        text = ground.path(FILE).read_text("utf-8")
        ground.path(FILE).write_text(change(text), "utf-8")

    return Case(name, breaks, (FILE, *says))


def other(name: str, file: str, content: bytes, *says: str) -> Case:
    return Case(name, lambda g: g.instead(FILE, file, content), (file, *says))


def pbf(name: str, change: Callable[[bytes], bytes], *says: str) -> Case:
    """Change the binary form of the same streets."""

    def breaks(ground: Ground) -> None:
        whole = ground.path("whole.osm.pbf")
        with osmium.SimpleWriter(str(whole)) as writer:
            for item in osmium.FileProcessor(str(ground.path(FILE))):
                writer.add(item)
        ground.instead(FILE, "streets.osm.pbf", change(whole.read_bytes()))

    return Case(name, breaks, ("streets.osm.pbf", *says))


def without(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text, flags=re.S)


def moved(lat: str, lon: str) -> Callable[[str], str]:
    return lambda text: re.sub(r'lat="[^"]*" lon="[^"]*"', f'lat="{lat}" lon="{lon}"', text)


def tagged(key: str, value: str) -> Callable[[str], str]:
    return lambda text: text.replace('<tag k="highway" v="residential"/>', f'<tag k="{key}" v="{value}"/>')


READ = "cannot be read"
WHOLE = "give a whole .osm.pbf or .osm extract"
CASES = named(
    "streets",
    osm("empty", lambda t: "", READ, WHOLE),
    osm("white space", lambda t: " \n", READ, WHOLE),
    osm("half", lambda t: t[: len(t) // 2], READ, WHOLE),
    osm("a web page", lambda t: "<!DOCTYPE html><html><body>no</body></html>", READ, WHOLE),
    osm("another XML", lambda t: "<gpx><trk/></gpx>", "->"),
    osm("JSON", lambda t: '{"elements": []}', READ, WHOLE),
    osm("NUL bytes", lambda t: "\x00" * 1000, READ, WHOLE),
    osm("an XML bomb", lambda t: '<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY a{k} "{f"&a{k - 1 if k else chr(0)};".replace(chr(0), "") * 10}">' for k in range(9)) + "]><osm>&a8;</osm>", READ, WHOLE),
    osm("a file named by an entity", lambda t: t.replace("<osm", '<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]><osm', 1).replace('v="residential"', 'v="&x;"', 1), READ, WHOLE),
    osm("no way", without(r"<way.*?</way>"), "holds no street", "check that it is an extract of the right place"),
    osm("no node", without(r"<node[^>]*/>"), "holds no street", "with its highways and their nodes"),
    osm("ways of missing nodes", lambda t: t.replace('<nd ref="', '<nd ref="9'), "holds no street", "with its highways"),
    osm("ways of one node", lambda t: re.sub(r'(<nd ref="\d+"/>\n)(<nd ref="\d+"/>\n)+', r"\1", t), "holds no street"),
    osm("ways of nothing", without(r'<nd ref="\d+"/>'), "holds no street"),
    osm("nothing in it", lambda t: '<osm version="0.6"></osm>', "holds no street"),
    osm("no street among its ways", tagged("building", "yes"), "holds no street"),
    osm("streets that no one may use", tagged("highway", "proposed"), "no street can be used", "check the extract"),
    osm("a version of the future", lambda t: t.replace('version="0.6"', 'version="9.9"', 1), READ, WHOLE),
    osm("all on one spot", moved("52.59", "-1.26"), "->"),
    osm("in the sea off Africa", moved("0", "0"), "->"),
    osm("in Australia", moved("-33.9", "151.2"), "->"),
    osm("outside the world", moved("1000", "1000"), READ, WHOLE),
    osm("nowhere", moved("NaN", "inf"), READ, WHOLE),
    osm("coordinates that are words", moved("here", "there"), READ, WHOLE),
    osm("latitude for longitude", lambda t: re.sub(r'lat="([^"]*)" lon="([^"]*)"', r'lat="\2" lon="\1"', t), "->"),
    osm("another town", lambda t: re.sub(r'lat="52', 'lat="54', t), "->"),
    osm("numbers beyond all", lambda t: t.replace('id="1"', 'id="99999999999999999999"', 1), READ, WHOLE),
    osm("numbers that are words", lambda t: t.replace('id="1"', 'id="one"', 1), READ, WHOLE),
    osm("one-way into nowhere", lambda t: t.replace("</way>", '<tag k="oneway" v="yes"/></way>').split("<way", 2)[0] + "<way" + t.replace("</way>", '<tag k="oneway" v="yes"/></way>').split("<way", 2)[1] + "</osm>", "every street is one-way and none leads back"),
    Case("gone", lambda g: g.path(FILE).unlink(), ("input 'streets'", FILE, "is not in"), 3),
    Case("a folder", lambda g: (g.path(FILE).unlink(), g.path(FILE).mkdir()), ("input 'streets'", FILE, "is not in"), 3),
    pbf("binary: half", lambda t: t[: len(t) // 2], READ, WHOLE),
    pbf("binary: its head alone", lambda t: t[:60], READ, WHOLE),
    pbf("binary: a length beyond all", lambda t: b"\xff\xff\xff\xff" + t[4:], READ, WHOLE),
    pbf("binary: noise behind its head", lambda t: t[:200] + bytes(range(256)) * 8, READ, WHOLE),
    pbf("binary: zeros", lambda t: bytes(1000), READ, WHOLE),
    pbf("binary: empty", lambda t: b"", "->"),
    pbf("binary: a web page", lambda t: b"<!DOCTYPE html><html></html>", READ, WHOLE),
    other("no format", "streets.shp", b"x" * 100, READ, WHOLE),
    other("a graph that is none", "streets.graphml", b"<graphml>", READ, WHOLE),
    other("a graph in text", "streets.graphml", b"a,b\n1,2\n", READ, WHOLE),
)  # fmt: skip
