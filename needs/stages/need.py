"""Score the need of every zone, and say how sure the score is."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from needs import rural
from needs.assessment import Assessment
from needs.index import NeedIndex
from needs.index.explain import Explanation
from needs.index.perturb import RankUncertainty
from needs.indicators import reliability_table
from needs.stages.data import Data


@dataclass(frozen=True)
class Need:
    """Need of each zone, what it is made of, and how sure it is.

    Attributes
    ----------
    zones
        `NeedIndex.assess`, with `rank_low` and `rank_high` (5th and 95th percentile of the national rank when weights,
        methods and chance vary) and `worst_fifth_pct` (in how many of the draws the zone is in England's most needy
        fifth) where ranks were drawn.
    explanation
        Contributions, weights, correlations, doubtful cells, specification.
    methods
        One row per other choice of method: how far it moves ranks. Empty without draws.
    varied
        What was varied in the draws, and what was not, in sentences.
    where
        Poor children by rural-urban class and fifth; empty where they are not given.
    reliability
        One row per indicator: how much of it is suppressed, imputed, carried or unreliable.
    """

    zones: pd.DataFrame
    explanation: Explanation
    methods: pd.DataFrame
    varied: list[str]
    where: pd.DataFrame
    reliability: pd.DataFrame

    @property
    def summary(self) -> str:
        """Say in a line what was found."""
        worst = int((self.zones["fifth_england"] == 1).sum())
        return f"{worst} of {len(self.zones)} zones in the fifth of England with the highest need"


def need(settings: Assessment, ground: Data) -> Need:
    """Fit the index on the reference, apply it to the area, and draw its ranks anew under other choices."""
    index = NeedIndex(ground.spec).fit(ground.reference)
    mine = ground.reference.select(list(ground.zones["lsoa21cd"]))
    draws = settings.need.draws
    return scored(ground, index, index.perturb(mine, draws=draws) if draws else None)


def scored(ground: Data, index: NeedIndex, drawn: RankUncertainty | None) -> Need:
    """Score an area by an index that is fitted.

    Parameters
    ----------
    ground
        Of the area; its `reference` holds the area's zones at least.
    index
        Fitted on the whole reference.
    drawn
        Ranks of the area's zones drawn anew; None where they were not.
    """
    mine = ground.reference.select(list(ground.zones["lsoa21cd"]))
    explanation = index.explain(mine)
    scores, methods, varied = explanation.scores, pd.DataFrame(), []
    if drawn is not None:
        columns = drawn.table[["rank_low", "rank_high"]]
        scores = scores.join(columns).assign(worst_fifth_pct=100 * drawn.table["p_worst_fifth"])
        varied = [_sure(drawn.table), *drawn.what]
        methods = _named(drawn.methods.reset_index(), explanation) if len(drawn.methods) else methods
    return Need(scores, explanation, methods, varied, _where(ground, scores), reliability_table(mine, ground.spec))


def _sure(table: pd.DataFrame) -> str:
    """Say in a sentence which zones are in England's most needy fifth whatever is varied."""
    count = table["stable"].value_counts()
    sure, out, unsure = (int(count.get(state, 0)) for state in ("in", "out", "unsure"))
    return (
        f"Of {len(table)} neighbourhoods {sure} are in England's neediest fifth in 95 of 100 draws or more, {out} are "
        f"out of it, and {unsure} may be in or out: for those the data cannot tell."
    )


def _named(methods: pd.DataFrame, found: Explanation) -> pd.DataFrame:
    """Put the labels of domains, and plain words, in place of identifiers."""
    words = {f"without {d}": f"without {label[:1].lower()}{label[1:]}" for d, label in found.domains.items()}
    return methods.assign(change=[words.get(c, c.replace("_", " ")) for c in methods["change"]])


def _where(ground: Data, scores: pd.DataFrame) -> pd.DataFrame:
    zones = pd.DataFrame(ground.zones.drop(columns="geometry")).set_index("lsoa21cd")
    if "deprived_children" not in zones:
        return pd.DataFrame()
    counts = zones[[f"deprived_{c}" for c in rural.COUNTS]].set_axis(rural.COUNTS, axis=1)
    return rural.where_children_live(counts.join(zones["ruc21cd"]).join(scores[["fifth_england", "fifth_area"]]))


def with_need(ground: Data, needs: Need) -> gpd.GeoDataFrame:
    """Join each zone's need, by code, in columns that begin with need_."""
    columns = needs.zones.add_prefix("need_").rename_axis("lsoa21cd").reset_index()
    return ground.zones.merge(columns, on="lsoa21cd", validate="one_to_one")
