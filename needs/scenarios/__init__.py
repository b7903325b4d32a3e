"""Compare today with a plan and with other plans: who gains, who loses, and what to ask those who would be affected."""

from needs.scenarios.headline import headline
from needs.scenarios.tables import FAMILIES, by_zone, compare, groups, inequality, totals

__all__ = ["FAMILIES", "by_zone", "compare", "groups", "headline", "inequality", "totals"]
