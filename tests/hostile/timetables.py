"""Broken timetables: GTFS with files, columns, rows and times amiss."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from tests.hostile.harness import Case, Ground, named
from tests.zips import zipped

FILE = "buses.zip"
Members = dict[str, str | bytes]


def members(ground: Ground) -> Members:
    with zipfile.ZipFile(io.BytesIO(ground.path(FILE).read_bytes())) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def gtfs(name: str, change: Callable[[Members], object], *says: str) -> Case:
    """Change the files of the feed."""

    def breaks(ground: Ground) -> None:
        held = members(ground)
        change(held)
        ground.write(FILE, zipped(held))

    return Case(name, breaks, (FILE, *says), uses=("buses",))


def text(name: str, file: str, change: Callable[[str], str], *says: str) -> Case:
    """Change one file of the feed."""
    return gtfs(name, lambda held: held.update({file: change(str(held[file]))}), *says)


def whole(name: str, make: Callable[[bytes], bytes], *says: str) -> Case:
    return Case(name, lambda g: g.write(FILE, make(g.path(FILE).read_bytes())), (FILE, *says), uses=("buses",))


def below(line: Callable[[str], str]) -> Callable[[str], str]:
    """Change every line below the heading."""

    def change(given: str) -> str:
        head, *rest = given.splitlines()
        return "\n".join([head, *map(line, rest), ""])

    return change


def cells(at: int, value: str) -> Callable[[str], str]:
    """Put a value into one column of every row."""
    return below(lambda line: ",".join(value if k == at else c for k, c in enumerate(line.split(","))))


NONE = "has no trip that can be used"
CALLS, STOPS, TRIPS, DAYS = "stop_times.txt", "stops.txt", "trips.txt", "calendar.txt"
CASES = named(
    "timetable",
    whole("empty", lambda b: b"", "cannot be read as a zip", "download the timetable again"),
    whole("half", lambda b: b[: len(b) // 2], "cannot be read as a zip", "download the timetable again"),
    whole("a web page", lambda b: b"<!DOCTYPE html><html></html>", "cannot be read as a zip"),
    whole("a zip of nothing", lambda b: zipped({}), "has no stops.txt", "has no stop_times.txt", "has no trips.txt"),
    whole("in a folder of its zip", lambda b: zipped({f"feed/{n}": zipfile.ZipFile(io.BytesIO(b)).read(n) for n in zipfile.ZipFile(io.BytesIO(b)).namelist()}), "has no stops.txt", "in the zip's top folder"),
    whole("damaged inside", lambda b: b[:60] + b"\xff" * 200 + b[260:], "->"),
    Case("gone", lambda g: g.path(FILE).unlink(), ("input 'buses'", FILE, "is not in"), 3, uses=("buses",)),
    *(gtfs(f"no {f}", lambda held, f=f: held.pop(f), f"has no {f}", "add it") for f in (STOPS, TRIPS, CALLS)),  # type: ignore[misc]
    gtfs("no calendar", lambda held: held.pop(DAYS), "has neither calendar.txt nor calendar_dates.txt", "add one"),
    *(text(f"{f} empty", f, lambda t: "", "is missing", "GTFS requires it") for f in (STOPS, TRIPS, CALLS, DAYS)),
    *(text(f"{f} with its heading alone", f, lambda t: t.split("\n")[0], NONE, "get a timetable") for f in (STOPS, TRIPS, CALLS, DAYS)),
    *(text(f"no {c} in {f}", f, lambda t, c=c: t.replace(c, "other", 1), f"{f}: column '{c}' is missing", "GTFS requires it")  # type: ignore[misc]
      for f, c in ((STOPS, "stop_lat"), (TRIPS, "service_id"), (CALLS, "stop_sequence"), (DAYS, "monday"))),
    text("quotes that never close", CALLS, below(lambda line: f'"{line}'), NONE, "lines with a quote that does not end"),
    gtfs("UTF-16", lambda held: held.update({STOPS: str(held[STOPS]).encode("utf-16")}), STOPS, "cannot be read as CSV in UTF-8", "save it again"),
    gtfs("Latin-1", lambda held: held.update({STOPS: str(held[STOPS]).replace("Stop", "Stöp").encode("latin-1")}), STOPS, "cannot be read as CSV in UTF-8"),
    gtfs("NUL bytes", lambda held: held.update({CALLS: bytes(1000)}), CALLS, "->"),
    text("10 MB on one line", CALLS, lambda t: "a" * 10_000_000, CALLS, "field larger than field limit", "save it again"),
    text("unknown stops", CALLS, cells(3, "nowhere"), NONE + " in the area", "stops in the area"),
    text("unknown trips", CALLS, cells(0, "never"), NONE, "calls of unknown trips"),
    text("unknown services", TRIPS, cells(1, "never"), NONE, "trips of a service without days"),
    text("times of 99:99:99", CALLS, cells(1, "99:99:99"), NONE, "'arrival_time' must be a time such as 07:30:00"),
    text("times below 0", CALLS, cells(2, "-07:00:00"), NONE, "'departure_time' must be a time"),
    text("times that are words", CALLS, cells(1, "soon"), NONE, "'arrival_time' must be a time"),
    text("no times", CALLS, lambda t: cells(1, "")(cells(2, "")(t)), NONE, "trips that start or end without a time"),
    text("times that run backwards", CALLS, below(lambda line: ",".join([*line.split(",")[:4], str(9 - int(line.split(",")[4]))])), NONE, "trips whose times run backwards"),
    text("a number for all calls", CALLS, cells(4, "1"), NONE, "rows that repeat a trip_id and stop_sequence"),
    text("numbers below 0", CALLS, cells(4, "-1"), NONE, "'stop_sequence' must be a whole number"),
    text("stops in Australia", STOPS, lambda t: cells(2, "-33.9")(cells(3, "151.2")(t)), NONE + " in the area", "stops in the area"),
    text("stops with latitude for longitude", STOPS, lambda t: t.replace("stop_lat,stop_lon", "stop_lon,stop_lat"), NONE + " in the area", "stops in the area"),
    text("stops that are nowhere", STOPS, lambda t: cells(2, "")(cells(3, "")(t)), NONE + " in the area", "stops in the area"),
    text("stops at the end of numbers", STOPS, cells(2, "1e400"), NONE),
    text("stops far away", STOPS, cells(2, "54.9"), "has no trip that can be used in the area", "in the area"),
    text("one stop twice", STOPS, cells(0, "s0"), NONE + " in the area", "stops in the area"),
    text("days that are none", DAYS, lambda t: t.replace("20260101", "20261399"), NONE, "'start_date' must be a date such as 20260401"),
    text("days of 2", DAYS, lambda t: t.replace("1,1,1,1,1", "2,2,2,2,2"), NONE, "'monday' must be 0 or 1"),
    text("of another year", DAYS, lambda t: t.replace("2026", "2019"), "2026-05-12", "->"),
    text("no service on the day", DAYS, lambda t: t.replace("1,1,1,1,1", "1,0,1,1,1"), "2026-05-12", "->"),
    gtfs("the day taken out", lambda held: held.update({"calendar_dates.txt": "service_id,date,exception_type\nschool,20260512,2\n"}), "2026-05-12", "->"),
    gtfs("frequencies of 0 seconds", lambda held: held.update({"frequencies.txt": "trip_id,start_time,end_time,headway_secs\n" + "".join(f"t{h},07:00:00,09:00:00,0\n" for h in range(7, 19))}), NONE, "'headway_secs' must be a whole number of seconds above 0"),
    gtfs("frequencies in a circle", lambda held: held.update({"frequencies.txt": "trip_id,start_time,end_time,headway_secs\n" + "".join(f"t{h},00:00:00,999:00:00,1\n" for h in range(7, 19))}), NONE, "frequencies with more than 2,000 departures, left out"),
)  # fmt: skip
