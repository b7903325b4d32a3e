"""Turn OpenStreetMap into a graph of streets per mode, with seconds on every street, and places brought to it."""

from needs.streets.building import build
from needs.streets.exchange import from_osmnx, to_osmnx
from needs.streets.graph import NO_WAY, Edges, Graph, Islands, Lines, check_place
from needs.streets.overpass import download
from needs.streets.reading import read_ways
from needs.streets.rules import Mode, mark_tags, modes, way_tags
from needs.streets.snapping import ISLAND, ON, REASONS, TOO_FAR, Snapped, direct, snap
from needs.streets.ways import Ways

__all__ = [
    "ISLAND",
    "NO_WAY",
    "ON",
    "REASONS",
    "TOO_FAR",
    "Edges",
    "Graph",
    "Islands",
    "Lines",
    "Mode",
    "Snapped",
    "Ways",
    "build",
    "check_place",
    "direct",
    "download",
    "from_osmnx",
    "mark_tags",
    "modes",
    "read_ways",
    "snap",
    "to_osmnx",
    "way_tags",
]
