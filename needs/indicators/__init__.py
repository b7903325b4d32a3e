"""Declare indicators of need, and bring raw tables to one value per zone with what is known of it."""

from needs.indicators.cells import Cells
from needs.indicators.flags import NOT_RELIABLE, cell_flags, reliability_table
from needs.indicators.spec import (
    RANKED,
    UNBOUNDED,
    Aggregation,
    Domain,
    IndexSpec,
    Indicator,
    Transform,
    plain_spec,
    read_spec,
)
from needs.indicators.values import indicator_values

__all__ = [
    "NOT_RELIABLE", "RANKED", "UNBOUNDED", "Aggregation", "Cells", "Domain", "IndexSpec", "Indicator", "Transform",
    "cell_flags", "indicator_values", "plain_spec", "read_spec", "reliability_table",
]  # fmt: skip
