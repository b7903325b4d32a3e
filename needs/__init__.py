"""Needs assessment and hub site planning: from raw files of a council to a recommendation and a page."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("needs")
except PackageNotFoundError:  # running from a checkout that was never installed
    __version__ = "0.0.0"
