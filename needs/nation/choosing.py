"""Ask what is asked of all councils together: hubs needed, new hubs for the nation, and which areas come first."""

from __future__ import annotations

from dataclasses import dataclass

from needs.drafting import HUBS_OF_ENGLAND
from needs.nation.allocation import Allocation, allocate
from needs.nation.each import ForEach, here
from needs.nation.first import First, first_areas
from needs.nation.needed import Needed, hubs_needed
from needs.nation.reach import Reach


@dataclass(frozen=True)
class Question:
    """What is asked of the nation.

    Attributes
    ----------
    new_hubs
        To be placed in all of England; None for as many as are wanting to 1,000 (Department for Education, July 2025).
    share
        How they are shared among councils who choose for themselves (`nation.allocation.SHARES`).
    areas, area_hubs
        How many councils come first, and how many new hubs they have together; None for the areas' share of all new
        hubs, council by council.
    rural_areas
        How many of the first must be mainly rural.
    """

    new_hubs: int | None = None
    share: str = "weight"
    areas: int = 10
    area_hubs: int | None = None
    rural_areas: int = 0


@dataclass(frozen=True)
class Chosen:
    """What was found.

    Attributes
    ----------
    needed, allocation, first
        Hubs that each council needs; new hubs for the nation; areas that come first, None if none was asked for.
    """

    needed: Needed
    allocation: Allocation
    first: First | None


def choose(reach: Reach, asked: Question, *, for_each: ForEach = here) -> Chosen:
    """Answer a question of all councils.

    Parameters
    ----------
    reach
        All councils' families and buildings.
    asked
        What is asked; there are no more new hubs than buildings for them, and no more areas than councils.
    for_each
        Who does what is done council by council.
    """
    new = max(0, HUBS_OF_ENGLAND - int(reach.today.sum())) if asked.new_hubs is None else asked.new_hubs
    new = min(new, int(reach.may.sum()))
    areas, councils = min(asked.areas, len(reach.councils)), len(reach.councils)
    hubs = max(areas, round(new * areas / councils)) if asked.area_hubs is None else asked.area_hubs
    return Chosen(
        hubs_needed(reach, for_each=for_each),
        allocate(reach, new, share=asked.share, for_each=for_each),
        first_areas(reach, areas, hubs=hubs, rural_areas=asked.rural_areas, for_each=for_each) if areas else None,
    )
