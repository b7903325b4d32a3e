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
# # Who can reach what?
#
# Streets, times from door to door, buses by the timetable, and how far a site reaches. It runs on the synthetic borough of
# Rivermouth, which a tidal river cuts in two; put your own `.osm.pbf` and GTFS feed in their place.

# %%
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from needs import assessment, demo, isochrones, routing, sanity, stages, streets, transit, travel

raw = Path(tempfile.mkdtemp())
file = next(f for f in demo.write(raw) if f.stem == "rivermouth")
settings = assessment.read(file)
ground = stages.data(settings, {i.id: raw / i.path for i in settings.inputs})
ground.summary

# %% [markdown]
# ## Streets
#
# OpenStreetMap is read once; every mode makes its own graph of it, by the rules of `catalogue/modes.toml`. Each rule has its source.

# %%
ways = streets.read_ways(raw / settings.of("streets")[0].path)
graphs = {mode: streets.build(ways, mode) for mode in streets.modes()}
{mode: {k: graph.report[k] for k in ("nodes", "edges", "km", "islands", "island_km")} for mode, graph in graphs.items()}

# %%
[(r.when, r.source) for r in streets.modes()["walk"].refuse]

# %% [markdown]
# ## From door to door
#
# A door stands on the nearest point of the nearest street. Times are exact to the millisecond in which each street is kept; NaN is
# beyond the mode's limit. One-way streets make the way home another.

# %%
there = travel.minutes(ground.points, ground.sites, graphs["drive"])
home = travel.minutes_back(ground.points, ground.sites, graphs["drive"])
assert (there.notna() == home.notna()).mean(axis=None) > 0.99
(home - there).stack().describe().round(2)

# %% [markdown]
# By zone, the middle family counts, and the family that nine in ten live nearer than.

# %%
travel.by_zone(there, ground.points, mode="drive", back=home).head()

# %% [markdown]
# Underneath, `routing` knows arrays only. Small work is searched, large work is swept over a hierarchy that is prepared once; both give
# the same milliseconds.

# %%
arcs = graphs["drive"].arcs
places = routing.Ends.at(np.arange(0, arcs.nodes, 7))
task = routing.Task(arcs, places, places, limit_ms=20 * 60_000)
searched, swept = (routing.times_ms(task, way=way) for way in ("search", "sweep"))
assert np.array_equal(searched, swept)
searched.shape, float((searched != routing.UNREACHED).mean())

# %% [markdown]
# ## Buses
#
# A feed is read with notes on its faults. Every minute of a window counts at which a family may leave.

# %%
feed = transit.read_feed(raw / settings.of("timetable")[0].path)
feed.covers, feed.notes

# %%
buses, notes = travel.by_bus(ground.points, ground.sites, graphs["walk"], feed, school_day=date(2026, 5, 12))
hubs = ground.sites.loc[ground.sites["today"] == "hub", "site_id"]
table = buses["weekday_morning"].zones
table[table["site_id"].isin(hubs)].round(1).head(10)

# %% [markdown]
# Half of the families of each zone reach their nearest hub by bus and on foot within so many minutes, in each window:

# %%
for name, found in buses.items():
    nearest = found.zones[found.zones["site_id"].isin(hubs)].groupby("lsoa21cd")["minutes"].min()
    print(f"{name:<16} {nearest.median():5.1f} minutes; out of reach: {nearest.isna().sum()} zones")

# %% [markdown]
# ## Reach
#
# Nested polygons, true to the streets: `missed_pct` and `false_pct` say how far they are wrong about junctions.

# %%
demand = ground.points["share"] * ground.points["lsoa21cd"].map(ground.zones.set_index("lsoa21cd")["demand"])
points = ground.points.assign(demand=demand)
some = ground.sites[ground.sites["site_id"].isin(hubs)]
reach = isochrones.with_demand(isochrones.per_site(some, graphs["walk"], bands_min=[5, 10, 15, 20, 30]), points)
reach.drop(columns="geometry").round(2)

# %%
reach[reach["site_id"] == hubs.iloc[0]].iloc[::-1].plot("minutes", cmap="viridis", figsize=(6, 6)).set_axis_off()

# %% [markdown]
# ## Is the network sound?

# %%
times = stages.measure(settings, ground)
look = sanity.look(ground.points, ground.zones, ground.sites, ground.networks, times.minutes, times.zones)
print("\n".join(look.lines()))
assert (look.speeds["doubt"] == "").all()
