"""Compare today with a plan and with other plans: who gains, who loses, and what to ask those who would be affected."""

from needs.scenarios.changes import changes
from needs.scenarios.comparison import FEW, TOLERANCE, Comparison, before_and_after
from needs.scenarios.consultation import consultation
from needs.scenarios.equality import equality
from needs.scenarios.families import Scenario
from needs.scenarios.groupings import LABELS, idaci_decile
from needs.scenarios.headline import headline
from needs.scenarios.tables import AWAY, FAMILIES, NO_HUB, by_zone, compare, groups, inequality, totals, with_hub

__all__ = [
    "AWAY",
    "FAMILIES",
    "FEW",
    "LABELS",
    "NO_HUB",
    "TOLERANCE",
    "Comparison",
    "Scenario",
    "before_and_after",
    "by_zone",
    "changes",
    "compare",
    "consultation",
    "equality",
    "groups",
    "headline",
    "idaci_decile",
    "inequality",
    "totals",
    "with_hub",
]
