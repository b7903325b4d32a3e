"""Know the buses: read a GTFS timetable, count departures, and find journeys over a window of leaving times."""

from needs.transit.connections import Timetable, timetable
from needs.transit.feed import IMPOSSIBLE, Feed, read_feed
from needs.transit.services import check_day, departures, departures_near, runs, services_on
from needs.transit.summary import Journeys, Walks, journeys, minute_by_minute
from needs.transit.tables import Note

__all__ = [
    "IMPOSSIBLE",
    "Feed",
    "Journeys",
    "Note",
    "Timetable",
    "Walks",
    "check_day",
    "departures",
    "departures_near",
    "journeys",
    "minute_by_minute",
    "read_feed",
    "runs",
    "services_on",
    "timetable",
]
