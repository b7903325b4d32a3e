"""Gather existing and candidate sites from every list: placed, cut to the council, typed, one per building."""

from needs.sites.gathering import Gathered, gather
from needs.sites.postcodes import Gazetteer
from needs.sites.surroundings import Surroundings
from needs.sites.types import SiteType, site_types

__all__ = ["Gathered", "Gazetteer", "SiteType", "Surroundings", "gather", "site_types"]
