"""Do the work of each stage: tables in, tables out, nothing read but raw files and nothing written."""

from needs.stages.data import Data, data
from needs.stages.families import Families, families_and_cover, weighed
from needs.stages.need import Need, need, scored, with_need
from needs.stages.plan import Planned, plan
from needs.stages.study import Study
from needs.stages.travel import Travel, along, measure

__all__ = [
    "Data",
    "Families",
    "Need",
    "Planned",
    "Study",
    "Travel",
    "along",
    "data",
    "families_and_cover",
    "measure",
    "need",
    "plan",
    "scored",
    "weighed",
    "with_need",
]
