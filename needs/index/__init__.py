"""Score need against a frozen reference, explain every point, and say how sure each rank is."""

from needs.index.estimator import NeedIndex
from needs.index.points import fifth, imd_exp, normal_score, percentile, quantile, rank_among
from needs.index.tree import Tree

__all__ = ["NeedIndex", "Tree", "fifth", "imd_exp", "normal_score", "percentile", "quantile", "rank_among"]
