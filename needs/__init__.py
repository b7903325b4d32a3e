"""Needs assessment and hub site planning: from raw files of a council to a recommendation and a page."""

__version__ = "0.1.0"
