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
# # Assess an area
#
# From raw files to a recommendation, stage by stage, for the synthetic council *Ruralshire*. For a real council, give its
# assessment file and the folder of its raw files instead; `make assess` does the same from the command line.

# %%
import html
import tempfile
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from needs import assessment, demo, pipeline, report, stages
from needs.settings import Paths

raw = Path(tempfile.mkdtemp())
path = demo.write(raw)[0]
settings = assessment.read(path)
settings.area

# %% [markdown]
# ## Data: read and checked
#
# Every input is checked before anything is computed; all faults come at once, each with its file, row and what to do.

# %%
files = {i.id: raw / i.path for i in settings.inputs}
data = stages.data(settings, files)
data.zones.drop(columns="geometry").head()

# %%
data.snapping

# %% [markdown]
# ## Need: what a score is made of
#
# The index is fitted on the whole reference ("England"), then applied to the area. Contributions add up exactly to the score.

# %%
need = stages.need(settings, data)
worst = need.zones.sort_values("rank_england").head(5)
worst

# %%
parts = need.explanation.contributions.pivot(index="lsoa21cd", columns="indicator", values="contribution")
assert (parts.sum(axis=1) - need.zones["score"].reindex(parts.index)).abs().max() < 1e-9
parts.loc[worst.index].round(1)

# %% [markdown]
# Declared weight against the share of the score's variance that each indicator really has: an indicator may be given a
# tenth of the weight and yet have little say.

# %%
need.explanation.weights.round(3)

# %%
ax = data.zones.merge(need.zones.reset_index(), on="lsoa21cd").plot(
    "fifth_england", categorical=True, cmap="Blues_r", edgecolor="#5a6b7b", linewidth=0.5, legend=True, figsize=(8, 6)
)
ax.set_axis_off()
ax.set_title("Need: fifths of (synthetic) England, 1 = highest");

# %% [markdown]
# ## Travel: minutes, door to door
#
# Minutes of each zone's middle family to each site; NaN is beyond the limit of the mode.

# %%
travel = stages.measure(settings, data)
hub = data.sites.loc[data.sites["today"] != "none", "site_id"].iloc[0]
travel.zones[travel.zones["site_id"] == hub].pivot(index="lsoa21cd", columns="mode", values="minutes").describe().round(1)

# %% [markdown]
# ## Plan: hubs and outreach, chosen together

# %%
plan = stages.plan(settings, data, need, travel)
print(plan.finding, plan.answer, plan.proof, sep="\n\n")

# %%
chosen = plan.sites[plan.sites["ours"] & (plan.sites["offer"] != "none")]
chosen[["number", "name", "site_type_label", "offer", "status", "parent_name", "families_reached", "chosen_in"]].round(1)

# %%
for reason in chosen["reasons"].iloc[0]:
    print("-", reason)

# %% [markdown]
# Who gains and who loses, group by group, in per cent of each group's births:

# %%
plan.groups.round(1)

# %% [markdown]
# ## The page
#
# One self-contained file, shown here in a frame; it opens without a network.

# %%
page = report.page(
    settings,
    {"data": data, "need": need, "travel": travel, "plan": plan},
    sources=report.sources(settings, files),
    command=report.command(settings, path),
    background=report.background(report.streets_of(settings, files), plan.zones),
)
frame = f'<iframe srcdoc="{html.escape(page.html)}" width="100%" height="700" title="{settings.area.name}"></iframe>'
HTML(f"<div>{frame}</div>")

# %% [markdown]
# ## What if?
#
# The same council with one hub fewer:

# %%
fewer = settings.model_copy(update={"plan": settings.plan.model_copy(update={"max_hubs": settings.plan.max_hubs - 1})})
smaller = stages.plan(fewer, data, need, travel)
pd.DataFrame({"plan": plan.totals["plan"], "one hub fewer": smaller.totals["plan"]}).drop("worst_fifth").round(1)

# %% [markdown]
# Or all at once, with every table and its provenance on disk:

# %%
out = Path(tempfile.mkdtemp())
built = pipeline.build(path, paths=Paths(raw, out / "processed", out / "maps"), say=print)
sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file() and ".stages" not in p.parts)
