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
# # Which sites become what
#
# From measured times to a plan, and then the questions that a council asks of it: what else could there be, what would
# one hub more buy, what does each site cost, who gains and who loses. For the synthetic council *Ruralshire*; give
# another assessment file and its raw folder for a real one.

# %%
import tempfile
from pathlib import Path

from IPython.display import Markdown

from needs import assessment, catchments, demo, scenarios, stages
from needs.errors import InfeasibleError
from needs.siting import alternatives, draws, frontier, phasing, redrawn, rounds, textbook
from needs.siting import plan as siting

raw = Path(tempfile.mkdtemp())
path = demo.write(raw)[0]
settings = assessment.read(path)
files = {i.id: raw / i.path for i in settings.inputs}
data = stages.data(settings, files)
need = stages.need(settings, data)
travel = stages.measure(settings, data)
inputs = stages.families_and_cover(settings, data, need, travel)

# %% [markdown]
# ## The plan
#
# Hubs and outreach are chosen together, to a proof. Each site gives its reasons; the map has no background and needs no
# network. `changed` varies the settings with the checks of the assessment file. Ruralshire says nothing of money: what
# opening costs is made up here, for the phasing below; without a budget it changes nothing in the plan.

# %%
base = settings.plan.changed(hub={"opening_gbp": 150_000}, outreach={"opening_gbp": 8_000})


def recommend(**changed):
    return siting.recommend(
        inputs.families,
        data.sites,
        inputs.hub,
        inputs.outreach,
        travel.between_sites,
        base.changed(**changed),
        minutes=catchments.quickest(travel.minutes, inputs.families),
        demand_label="births a year",
    )


plan = recommend()
plan

# %%
plan.proof

# %% [markdown]
# ## What else could there be?
#
# Plans that do nearly as well and differ in at least three sites, the best first, with what each costs and gains.

# %%
others = alternatives.alternatives(plan.case, plan.solution, differ=3, most=4, within_pct=2.0)
for sentence in others.sentences():
    print("-", sentence)

# %% [markdown]
# The price of each site: what is lost if it must be a hub, an outreach site or nothing, all else chosen anew.

# %%
prices = alternatives.prices(plan.case, plan.solution)
prices.loc[prices["status"] != "as planned", ["name", "offer", "forced", "rise_unmet", "lost", "sentence"]].head(10)

# %% [markdown]
# ## What would more or fewer buy?

# %%
curve = frontier.frontier(plan.case, hubs=range(1, 7), outreach=range(9))
frontier.chart(curve, "max_hubs", title="Need met by the number of hubs")

# %%
print(*curve.sentences(), sep="\n")
curve.table[["limit", "value", "met_pct", "gain_pct", "hub_pct", "none_pct", "p95_min", "status"]].round(2)

# %% [markdown]
# ## Under other rules
#
# A floor for families without a car, a yearly budget, and the worst-off fifth first. Each is one line of the assessment
# file; a clash is told with what would mend it.

# %%
fairer = recommend(aim="fifths")
print("least share of need met in any fifth:", [round(step.reached, 3) for step in fairer.proof.steps])
fairer.summary

# %%
floor = {"group": "car", "values": [False], "reach_pct": 90.0}
try:
    print(recommend(floor=[floor]).summary)
except InfeasibleError as error:
    print(error)

# %% [markdown]
# ## Is the plan sure of itself?
#
# All that is uncertain is drawn at once: need, births, travel times, standards, what a session is worth. The best plan
# of every draw is proven. A hundred draws tell much; a thousand go into a report.

# %%
ground = redrawn.Ground.of(
    plan.case, travel.minutes, catchments.standards(settings.standards), need.zones["percentile"]
)
sure = draws.draws(plan.case, plan.offers, ground, list(travel.minutes), count=40)
sure

# %% [markdown]
# ## What first?
#
# The year of every change under yearly budgets: nothing closes before what replaces it is open, every outreach site has a
# hub that can run it in every year, and money that waits says for what.

# %%
order = phasing.phase_plan(plan, [200_000.0, 200_000.0, 200_000.0])
order

# %% [markdown]
# ## Which venue on which day?
#
# A team at each hub that runs outreach; two weeks and then again. What cannot be is told with how many team-days more would do.

# %%
weekly = rounds.timetable_of(plan, weekdays=["Tuesday", "Thursday"], weeks=2, every_weeks=2)
weekly

# %% [markdown]
# ## Before and after
#
# Today, the plan and the plan for the worst-off fifth, family by family.


# %%
def scenario(label, offers):
    covers = {"hub": inputs.hub, "outreach": inputs.outreach}
    worth = settings.plan.outreach_value
    return scenarios.Scenario.of(label, offers, inputs.families, covers, worth, minutes=travel.minutes)


compared = scenarios.before_and_after(
    inputs.families,
    {
        "today": scenario("Today", siting.today_offers(data.sites)),
        "plan": scenario("The plan", plan.offers),
        "fairer": scenario("Worst-off fifth first", fairer.offers),
    },
    demand_label="births a year",
    zone_names=data.zones.set_index("lsoa21cd")["zone_name"],
    site_names=data.sites.set_index("site_id")["name"],
    minutes=travel.minutes,
)
compared

# %%
scenarios.equality(compared).head(8)

# %%
texts = scenarios.consultation(compared, plan.sites.merge(data.sites[["site_id", "ours"]]))
Markdown(texts["text"].iloc[0])

# %% [markdown]
# ## The classical models
#
# The same families, minutes and sites that may be hubs through the textbook models, to check us against other tools:
# what no site reaches pays the cutoff, `<=` counts. Beside them the plan, each by every measure.

# %%
hubs = settings.plan.max_hubs
median = textbook.solve(plan.case, "p-median", p=hubs, cutoff=60.0)
cover = textbook.solve(plan.case, "MCLP", p=hubs, radius=15.0)
print(median.result.summary, cover.result.summary, sep="\n")
median.sites[median.sites["open"]].round(1)

# %%
textbook.side_by_side(plan, {"p-median": median, "MCLP": cover}, radius_min=15.0)
