# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Where is need, and how sure are we?
#
# The story of the need index: what a score is made of, what the weights really do, how sure a rank is, and what a score hides
# in the country. It runs on Rutland and Halton where their raw files are in `data/raw` (or in the folder named by the
# environment variable `NEEDS_RAW`), else on the two synthetic councils.

# %%
import os
import tempfile
from pathlib import Path

import pandas as pd

from needs import assessment, demand, demo, rates, rural, stages
from needs.charts import bars, lines
from needs.index import NeedIndex, display
from needs.inequality import concentration_curve, concentration_index, gini, slope_index

raw = Path(os.environ.get("NEEDS_RAW", "data/raw"))
found = [assessment.known_areas()[slug] for slug in ("rutland", "halton")]
if all((raw / i.path).is_file() for path in found for i in assessment.read(path).inputs):
    files = found
else:
    raw = Path(tempfile.mkdtemp())
    files = demo.write(raw)
assessments = [assessment.read(path) for path in files]
rural_area, urban_area = assessments
[a.area.name for a in assessments]

# %% [markdown]
# Every raw file is read and checked; the index is fitted once, on the whole reference (England), and applied to both.

# %%
ground = {a.area.name: stages.data(a, {i.id: raw / i.path for i in a.inputs}) for a in assessments}
first = ground[rural_area.area.name]
index = NeedIndex(first.spec).fit(first.reference)
mine = {name: g.reference.select(list(g.zones["lsoa21cd"])) for name, g in ground.items()}
names = {c: n for g in ground.values() for c, n in zip(g.zones["lsoa21cd"], g.zones["zone_name"], strict=True)}
first.spec.table()[["label", "measure", "unit", "publisher", "period", "missing", "caveat"]]

# %% [markdown]
# ## What a score is made of
#
# Contributions add up to the score, to the last digit. The tick is the median zone of England.

# %%
explained = {name: index.explain(cells) for name, cells in mine.items()}
for name, e in explained.items():
    assert (e.contributions.groupby("lsoa21cd")["contribution"].sum() - e.scores["score"]).abs().max() < 1e-9, name
urban = explained[urban_area.area.name]
display.contribution_bars(urban, urban.scores["rank_england"].idxmin(), names)

# %%
country = explained[rural_area.area.name]
display.contribution_bars(country, country.scores["rank_england"].idxmin(), names)

# %% [markdown]
# ## What the weights really do
#
# A domain may declare a tenth of the weight and have a fiftieth of the say; two indicators that go together count one need
# twice.

# %%
display.weight_bars(urban)

# %%
display.correlation_heatmap(urban)

# %%
urban.double_counted

# %% [markdown]
# ## In England and here
#
# The neediest fifth of the area and the neediest fifth of England are not the same thing. In the country hardly a zone is in
# England's neediest fifth, and yet families there need help.

# %%
display.national_local(country, names)

# %%
display.national_local(urban, names)

# %% [markdown]
# ## How sure is a rank?
#
# All weights by a quarter, other methods, chance in the counts and suppressed cells: all drawn together, again and again. A
# zone whose line crosses the boundary may or may not be in England's neediest fifth: the data cannot tell.

# %%
drawn = {name: index.perturb(cells, draws=300) for name, cells in mine.items()}
display.rank_intervals(drawn[rural_area.area.name], len(index.reference_), names)

# %%
display.rank_intervals(drawn[urban_area.area.name], len(index.reference_), names)

# %%
drawn[rural_area.area.name]

# %% [markdown]
# Which choice matters most? First-order and total share of the variance of the ranks' movement.

# %%
index.sensitivity(mine[urban_area.area.name], n=64)

# %% [markdown]
# ## What if?

# %%
domain = first.spec.domains[0]
index.what_if(mine[rural_area.area.name], drop=[domain.id])

# %% [markdown]
# ## Small numbers
#
# Seven babies of low weight in one zone say little about next year's. Intervals say how little, reliability says whether zones can
# be told apart at all, and shrinkage draws what is chance towards what is known.

# %%
births = pd.Series([52, 48, 61, 39, 44], index=["A", "B", "C", "D", "E"])
low_weight = pd.Series([7, 1, 4, 0, 6], index=births.index)
told = rates.proportion(low_weight, births).join(rates.empirical_bayes(low_weight, births)["value"].rename("steadied"))
told.assign(reliability=rates.reliability(low_weight, births)).round(3)

# %% [markdown]
# ## Counts, not only ranks
#
# Where do poor children live, and how many of them would a policy for the "worst fifth" miss?

# %%
scores = pd.concat([e.scores for e in explained.values()])
tables = {}
for name, g in ground.items():
    zones = g.zones.set_index("lsoa21cd").rename(columns=lambda c: c.removeprefix("deprived_"))
    counted = zones[["children", "children_low", "children_high", "ruc21cd"]].join(scores[["fifth_england", "fifth_area"]])
    tables[name] = rural.where_children_live(counted).set_index("group")
pd.concat(tables).round(1)

# %% [markdown]
# ## How evenly is it shared?
#
# Any measure of zones over need: here poor children for each child under 5. Above the diagonal, more of it where need is high.

# %%
curves = []
for name, g in ground.items():
    zones = g.zones.set_index("lsoa21cd").join(scores["rank_england"])
    under_5 = zones["children_0_4"]
    given = zones["deprived_children"] / under_5, under_5, zones["rank_england"]
    curve = concentration_curve(*given)
    curves.append(curve.rename(columns={"people_share": "x", "measure_share": "y"}).assign(series=name))
    slope = slope_index(*given)
    print(f"{name}: slope index {slope.sii:.2f}, concentration index {concentration_index(*given):.3f}, "
          f"Gini {gini(*given[:2]):.3f}")
lines(
    pd.concat(curves), title="Poor children, by need of the zone", x_label="Children under 5, highest need first",
    y_label="Share of all poor children", diagonal="shared evenly",
)

# %% [markdown]
# ## Whom to count
#
# The plan can be run for births, for the first 1,001 days, for children to 4 or to 19, or for children in low-income families:
# `count` under `[demand]` in the assessment file.

# %%
table = pd.DataFrame(first.zones.drop(columns="geometry"))
counts = {k.label: demand.demand(table, k.id)["demand"].sum() for k in demand.kinds().values() if set(k.needs) <= set(table)}
bars(
    pd.DataFrame({"label": list(counts), "value": list(counts.values())}),
    title=f"Whom a plan for {rural_area.area.name} may count", decimals=0, label_label="Count",
)
