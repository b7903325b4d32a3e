"""Bring a council's tables to its zones: by code, of one vintage, protected, with families placed."""

from needs.areas.carry import Bounds, Carried, to_zones
from needs.areas.districts import completed
from needs.areas.protect import ProtectedInputs, filled, protect_inputs
from needs.areas.zones import MAX_STRAY_M, around, attach, place_families, select_zones

__all__ = [
    "MAX_STRAY_M", "Bounds", "Carried", "ProtectedInputs", "around", "attach", "completed",
    "filled", "place_families",
    "protect_inputs", "select_zones", "to_zones",
]  # fmt: skip
