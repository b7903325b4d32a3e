"""Write the buses of an invented council as a GTFS feed with a working-day and a Saturday service."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

from needs.demo.ground import Bend
from needs.demo.network import Network
from needs.demo.osm import degrees
from needs.demo.plans import Bus, Plan

_ROADS = ("trunk", "primary", "secondary", "tertiary", "unclassified", "residential")
_FIRST_DAY, _LAST_DAY = "20260105", "20261218"  # a Monday and a Friday
_HOLIDAYS = ("20260403", "20260406", "20260504", "20260525", "20260831")
_DWELL_S = 20
_NEAR_M = 150.0  # stops of one route are further apart


def write_gtfs(path: Path, plan: Plan, network: Network, bend: Bend) -> None:
    """Write the feed as a zip whose bytes depend on nothing but the plan."""
    stops: dict[int, str] = {}
    routes, trips, times = [], [], []
    graph = _graph(network)
    for bus in plan.buses:
        nodes, metres = _stops_of(bus, plan, network, graph, bend, stops)
        routes.append(
            (f"{plan.slug}-{bus.name}", "DEMO", bus.name, f"{_place(plan, bus, 0)} to {_place(plan, bus, -1)}", 3)
        )
        for service in ("weekday", "saturday") if bus.saturday else ("weekday",):
            every = bus.every_min * (1 if service == "weekday" else 2)
            for start in range(bus.first_min, bus.last_min + 1, every):
                for direction in (0, 1):
                    trip = f"{bus.name}-{service}-{start:04d}-{direction}"
                    trips.append(
                        (f"{plan.slug}-{bus.name}", service, trip, _place(plan, bus, direction - 1), direction)
                    )
                    ordered = nodes if direction == 0 else nodes[::-1]
                    along = metres if direction == 0 else metres[-1] - metres[::-1]
                    times += _calls(trip, [stops[n] for n in ordered], along, start * 60, 38 if plan.lanes else 22)
    lonlat = degrees(network.nodes[list(stops)])
    tables: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {
        "agency.txt": (
            ("agency_id", "agency_name", "agency_url", "agency_timezone"),
            [("DEMO", f"{plan.name} Buses (synthetic)", "https://example.org", "Europe/London")],
        ),
        "calendar.txt": (
            (
                "service_id",
                "monday",
                "tuesday",
                "wednesday",
                "thursday",
                "friday",
                "saturday",
                "sunday",
                "start_date",
                "end_date",
            ),
            [
                ("weekday", 1, 1, 1, 1, 1, 0, 0, _FIRST_DAY, _LAST_DAY),
                ("saturday", 0, 0, 0, 0, 0, 1, 0, _FIRST_DAY, _LAST_DAY),
            ],
        ),
        "calendar_dates.txt": (("service_id", "date", "exception_type"), [("weekday", day, 2) for day in _HOLIDAYS]),
        "routes.txt": (("route_id", "agency_id", "route_short_name", "route_long_name", "route_type"), routes),
        "stop_times.txt": (("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"), times),
        "stops.txt": (
            ("stop_id", "stop_name", "stop_lat", "stop_lon"),
            [
                (name, f"{_nearest(plan, bend, network.nodes[node])} stop {name[-3:]}", f"{lat:.7f}", f"{lon:.7f}")
                for (node, name), (lon, lat) in zip(stops.items(), lonlat.tolist(), strict=True)
            ],
        ),
        "trips.txt": (("route_id", "service_id", "trip_id", "trip_headsign", "direction_id"), trips),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, (head, rows) in tables.items():
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(head)
            csv.writer(text, lineterminator="\n").writerows(rows)
            member = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text.getvalue())


def _graph(network: Network) -> nx.Graph:
    """Roads that buses use, weighted by metres."""
    pairs, _ = network.pieces(_ROADS, bridges=True)
    length = np.hypot(*(network.nodes[pairs[:, 0]] - network.nodes[pairs[:, 1]]).T)
    graph = nx.Graph()
    graph.add_weighted_edges_from(zip(pairs[:, 0].tolist(), pairs[:, 1].tolist(), length.tolist(), strict=True))
    return graph


def _stops_of(
    bus: Bus, plan: Plan, network: Network, graph: nx.Graph, bend: Bend, stops: dict[int, str]
) -> tuple[list[int], np.ndarray]:
    """Nodes where a bus stops along the shortest road through its calls, and metres from the first; names new stops."""
    known = np.array(sorted(graph.nodes))
    called = known[cKDTree(network.nodes[known]).query(bend(np.array(bus.calls)))[1]].tolist()
    path = [called[0]]
    for a, b in itertools.pairwise(called):
        path += nx.shortest_path(graph, a, b, weight="weight")[1:]
    gap_m = 1_500 if plan.lanes else 380
    nodes, metres = [path[0]], [0.0]
    at = 0.0
    for a, b in itertools.pairwise(path):
        at += graph.edges[a, b]["weight"]
        since = at - metres[-1]
        if b in called or since >= gap_m or (b in stops and since > _NEAR_M):
            if since <= _NEAR_M and nodes[-1] not in called:  # a place that is named, rather than a stop just before it
                del nodes[-1], metres[-1]
            nodes.append(b)
            metres.append(at)
    for node in nodes:
        stops.setdefault(node, f"{plan.postcode}S{len(stops) + 1:03d}")
    return nodes, np.array(metres)


def _calls(
    trip: str, stops: list[str], along_m: np.ndarray, start_s: int, kph: float
) -> list[tuple[str, str, str, str, int]]:
    rows = []
    for k, (stop, metres) in enumerate(zip(stops, along_m.tolist(), strict=True)):
        arrive = start_s + round(metres * 3.6 / kph) + k * _DWELL_S
        leave = arrive + (_DWELL_S if 0 < k < len(stops) - 1 else 0)
        rows.append((trip, _clock(arrive), _clock(leave), stop, k + 1))
    return rows


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _place(plan: Plan, bus: Bus, end: int) -> str:
    x, y = bus.calls[end]
    return min(plan.settlements, key=lambda s: (np.hypot(s.x - x, s.y - y), s.name)).name


def _nearest(plan: Plan, bend: Bend, at: np.ndarray) -> str:
    centres = bend(np.array([(s.x, s.y) for s in plan.settlements]))
    return plan.settlements[int(np.hypot(*(centres - at).T).argmin())].name
