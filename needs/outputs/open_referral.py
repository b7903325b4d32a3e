"""Describe the recommended sites as Open Referral UK 3.0: JSON as its API gives it, and the tabular package."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
from pydantic import Field

from needs.outputs.dictionary import licences_of
from needs.outputs.origin import Origin
from needs.settings import CATALOGUE, CRS_WEB
from needs.toml import Strict, checked, load

_FILE = "open_referral.toml"
_TAXONOMY = "Offers of the needs toolkit"
Rows = list[dict[str, Any]]


class _Field(Strict):
    type: Literal["string", "number"] = "string"
    format: Literal["uuid"] | None = None
    required: bool = False
    tabular: bool = False
    values: tuple[str, ...] = ()
    to: str | None = None


class _Table(Strict):
    path: str
    one: dict[str, str] = {}
    many: dict[str, str] = {}
    fields: dict[str, _Field]


class _Offer(Strict):
    name: str
    description: str


class _Standard(Strict):
    namespace: uuid.UUID
    tables: dict[str, _Table] = Field(alias="table")
    offers: dict[str, _Offer] = Field(alias="offer")


@cache
def _standard() -> _Standard:
    return checked(_Standard, load(CATALOGUE / _FILE), file=_FILE)


def schema(table: str) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of what stands for a table in JSON, with all that is nested in it."""
    entry = _standard().tables[table]
    properties: dict[str, Any] = {}
    for name, field in entry.fields.items():
        rules = {"format": field.format, "enum": list(field.values)}
        properties[name] = {"type": field.type, **{k: v for k, v in rules.items() if v}}
    properties |= {name: schema(inner) for name, inner in entry.one.items()}
    properties |= {name: {"type": "array", "items": schema(inner)} for name, inner in entry.many.items()}
    required = [name for name, field in entry.fields.items() if field.required]
    return {"type": "object", "properties": properties, "required": required}


def tables(origin: Origin, sites: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """Describe the recommended sites as tables.

    A service that has yet to open is "inactive". What the assessment does not know (addresses, contacts, opening hours,
    web pages) is left out, not made up.

    Parameters
    ----------
    origin
        The council, and whether it is made up.
    sites
        Recommended sites: site_id, name, offer, status, and perhaps parent_name; any CRS.

    Returns
    -------
    dict
        By table of the standard: organization, service, location, service_at_location, attribute, taxonomy_term. Every
        id is a UUID (version 5, RFC 9562) of the council's codes, the table and the site, so that it stays the same.
    """
    standard, degrees = _standard(), sites.geometry.to_crs(CRS_WEB)
    council = "+".join(sorted(origin.codes))

    def made(table: str, *of: str) -> str:
        return str(uuid.uuid5(standard.namespace, "/".join((council, table, *of))))

    organization = made("organization")
    about = "Invented council of a demonstration" if origin.synthetic else "Council"
    rows: dict[str, Rows] = {name: [] for name in standard.tables}
    rows["organization"] = [{"id": organization, "name": origin.area, "description": f"{about}: {origin.area}"}]
    rows["taxonomy_term"] = [
        {"id": made("taxonomy_term", key), **offer.model_dump(), "taxonomy": _TAXONOMY}
        for key, offer in standard.offers.items()
    ]
    for site, x, y in zip(sites.to_dict("records"), degrees.x.round(6), degrees.y.round(6), strict=True):
        key, offer, name = str(site["site_id"]), standard.offers[site["offer"]], str(site["name"])
        service, location = made("service", key), made("location", key)
        rows["service"].append(
            {
                "id": service,
                "organization_id": organization,
                "name": f"{offer.name}, {name}",
                "description": _description(offer, site),
                "status": "active" if site["status"] == "keep" else "inactive",
            }
        )
        rows["location"].append(
            {"id": location, "location_type": "physical", "name": name, "latitude": y, "longitude": x}
        )
        rows["service_at_location"].append(
            {"id": made("service_at_location", key), "service_id": service, "location_id": location}
        )
        term = {"link_entity": "service", "taxonomy_term_id": made("taxonomy_term", site["offer"])}
        rows["attribute"].append({"id": made("attribute", key), "link_id": service, **term})
    return {name: pd.DataFrame(rows[name], columns=list(t.fields)) for name, t in standard.tables.items()}


def _description(offer: _Offer, site: Mapping[Any, Any]) -> str:
    state = "Open today." if site["status"] == "keep" else "Recommended by a needs assessment; not open as this yet."
    parent = site.get("parent_name")
    tied = f" Run from {parent}." if isinstance(parent, str) and parent else ""
    return f"{offer.description} {state}{tied}"


def services(made: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Nest the tables as a page of the API's list of services, which can be served as a file."""
    by_id: dict[str, dict[str, dict[str, Any]]] = {
        name: {row["id"]: {str(k): v for k, v in row.items()} for row in table.to_dict("records")}
        for name, table in made.items()
    }
    at: dict[str, Rows] = {key: [] for key in by_id["service"]}
    for row in by_id["service_at_location"].values():
        at[row["service_id"]].append({**row, "location": by_id["location"][row["location_id"]]})
    said: dict[str, Rows] = {key: [] for key in by_id["service"]}
    for row in by_id["attribute"].values():
        said[row["link_id"]].append({**row, "taxonomy_term": by_id["taxonomy_term"][row["taxonomy_term_id"]]})
    contents = [
        {
            **row,
            "organization": by_id["organization"][row["organization_id"]],
            "service_at_locations": at[key],
            "attributes": said[key],
        }
        for key, row in by_id["service"].items()
    ]
    count = len(contents)
    page = {"total_items": count, "total_pages": 1, "page_number": 1, "size": count}
    return {**page, "first_page": True, "last_page": True, "empty": not count, "contents": contents}


def paths() -> dict[str, str]:
    """Give the CSV file of each table."""
    return {name: table.path for name, table in _standard().tables.items()}


def package(origin: Origin) -> dict[str, Any]:
    """Describe the CSV files as a tabular data package, with keys and what they point to."""
    resources = []
    for name, table in _standard().tables.items():
        fields = [_field(column, field) for column, field in table.fields.items()]
        keys = [
            {"fields": column, "reference": {"resource": field.to, "fields": "id"}}
            for column, field in table.fields.items()
            if field.to
        ]
        pointing = {"foreignKeys": keys} if keys else {}
        resources.append(
            {
                "name": name,
                "path": table.path,
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {"fields": fields, "primaryKey": "id", **pointing},
            }
        )
    return {
        "name": f"open-referral-{origin.slug}",
        "title": f"{origin.title}: recommended sites as Open Referral UK 3.0",
        "profile": "tabular-data-package",
        "created_by": origin.made_by,
        "description": " ".join(origin.attribution()),
        "licenses": licences_of(origin),
        "resources": resources,
    }


def _field(name: str, field: _Field) -> dict[str, Any]:
    rules: dict[str, Any] = {"required": True} if field.required or field.tabular else {}
    rules |= {"unique": True} if name == "id" else {}
    rules |= {"enum": list(field.values)} if field.values else {}
    shape = {"format": field.format} if field.format else {}
    return {"name": name, "type": field.type, **shape, **({"constraints": rules} if rules else {})}
