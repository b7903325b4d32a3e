"""Write the assessment file of an invented council."""

from __future__ import annotations

from needs.demo.people import ENGLAND_COLUMNS
from needs.demo.plans import Plan

_SAME = {
    "zones": ("lsoa21cd", "zone_name", "lad24cd"),
    "rural_urban": ("lsoa21cd", "ruc21cd"),
    "demand": ("lsoa21cd", "births", "children_0_4", "children_5_19"),
    "deprived_children": ("lsoa21cd",),
    "cars": ("lsoa21cd", "no_car_pct"),
    "digital": ("lsoa21cd", "offline_pct"),
    "points": ("lsoa21cd",),
    "indicators": ("lsoa21cd", *ENGLAND_COLUMNS),
    "sites": ("site_id", "name", "site_type", "today", "postcode"),
}
_OTHER = {
    "deprived_children": {"deprived_children": "children"},
    "points": {"point_id": "postcode", "weight": "people", "x": "easting", "y": "northing"},
    "sites": {"x": "easting", "y": "northing"},
}
# id, table, file, what it shows, lines of its own
_INPUTS: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("zones", "zones", "{slug}/zones.geojson", "zones", ()),
    ("rural_urban", "rural_urban", "{slug}/rural_urban.csv", "rural-urban classes", ()),
    ("births", "demand", "{slug}/demand.csv", "births and children by age", ()),
    (
        "deprived_children",
        "deprived_children",
        "{slug}/deprived_children.csv",
        "children in income deprivation",
        ("blank = [0, 9]",),
    ),
    ("cars", "cars", "{slug}/cars.csv", "car availability", ()),
    ("digital", "digital", "{slug}/digital.csv", "households that do not use the internet", ()),
    ("points", "points", "{slug}/points.csv", "postcodes and their people", ()),
    ("indicators", "indicators", "england/indicators.csv", "indices of an invented England, with overcrowding", ()),
    ("existing", "sites", "{slug}/sites_existing.csv", "hubs and children's centres", ()),
    ("candidates", "sites", "{slug}/sites_candidates.csv", "libraries, schools, surgeries and halls", ()),
    ("neighbours", "sites", "{slug}/sites_neighbours.csv", "hubs across the border", ("values = { ours = false }",)),
    ("streets", "streets", "{slug}/{streets}", "streets, in the format of OpenStreetMap", ()),
    ("timetable", "timetable", "{slug}/timetable.zip", "bus timetable", ()),
)
_SCHOOL_DAY = "2026-05-12"  # a Tuesday in term


def assessment_toml(plan: Plan) -> str:
    """Give the text of the assessment file; its paths are relative to the folder that holds both councils."""
    head = f"""# {plan.name}: an invented council. Every file is made up.
# Paths start from the folder of this file: give it as RAW, or --raw.

[area]
name = "{plan.name}"
slug = "{plan.slug}"
codes = ["{plan.code}"]
synthetic = true

[travel]
timetable_date = {_SCHOOL_DAY}

[plan]
max_hubs = {plan.max_hubs}
draws = 0                       # more tell how sure the plan is, and take their time
max_outreach = {plan.max_outreach}
"""
    return "\n".join([head, *("\n".join(_input(plan, *entry)) + "\n" for entry in _INPUTS)])


def _input(plan: Plan, name: str, table: str, file: str, title: str, more: tuple[str, ...]) -> list[str]:
    columns = {c: c for c in _SAME.get(table, ())} | _OTHER.get(table, {})
    mapping = ", ".join(f'{column} = "{heading}"' for column, heading in columns.items())
    return [
        "[[input]]",
        f'id = "{name}"',
        f'table = "{table}"',
        f'path = "{file.format(slug=plan.slug, streets=plan.streets_file)}"',
        *(['vintage = "LSOA21"'] if table not in {"sites", "streets", "timetable"} else []),
        f'title = "Synthetic {title}"',
        'publisher = "needs demonstration data"',
        'licence = "CC0-1.0"',
        'date = "2026"',
        'caveat = "Invented: no real place, person or service."',
        *(['crs = "EPSG:27700"'] if "x" in columns else []),
        *([f"columns = {{ {mapping} }}"] if columns else []),
        *more,
    ]
