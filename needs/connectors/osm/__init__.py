"""Merge extracts of OpenStreetMap and cut them to a council."""

from needs.connectors.osm.cutting import Summary, cut
from needs.connectors.osm.rules import Keep, kept

__all__ = ["Keep", "Summary", "cut", "kept"]
