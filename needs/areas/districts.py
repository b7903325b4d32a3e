"""Say of zones which district they lie in, and of families' places which zone, where another table knows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from needs.assessment import Assessment
from needs.errors import Faults


def completed(settings: Assessment, tables: Mapping[str, pd.DataFrame], faults: Faults) -> dict[str, pd.DataFrame]:
    """Join, by code, the district to zones and the zone to points that do not say it themselves.

    Parameters
    ----------
    settings
        Its input of table "councils" says the district of each zone; its lookup of the points' vintage the zone of each
        point (output areas lie wholly in one).
    tables
        By input id, as read.
    faults
        Collector: zones or points without such a table, points that it does not know, or knows twice.

    Returns
    -------
    dict
        The tables; zones with lad24cd, points with lsoa21cd.
    """
    made = dict(tables)
    for given in settings.of("zones"):
        zones = tables.get(given.id)
        if zones is not None and "lad24cd" not in zones.columns:
            councils = _table(settings, tables, "councils")
            if councils is None and settings.of("councils"):
                del made[given.id]  # that table itself is at fault, which is told
                continue
            where = f"{given.path} (input '{given.id}')"
            joined = _with_districts(zones, councils, where, faults)
            made[given.id] = zones.assign(lad24cd=joined)
    for given in settings.of("points"):
        points = tables.get(given.id)
        if points is not None and "lsoa21cd" not in points.columns:
            pairs = next((tables.get(i.id) for i in settings.of("lookup") if i.vintage == given.vintage), None)
            if pairs is not None:
                made[given.id] = _in_zones(points, pairs, f"{given.path} (input '{given.id}')", faults)
    return made


def _table(settings: Assessment, tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame | None:
    return next((tables[i.id] for i in settings.of(name) if i.id in tables), None)


def _with_districts(zones: pd.DataFrame, councils: pd.DataFrame | None, where: str, faults: Faults) -> pd.Series[str]:
    if councils is None:
        fix = 'map columns.lad24cd, or give an [[input]] with table = "councils" (lsoa21cd, lad24cd)'
        faults.add(where, "does not say which district each zone lies in, nor does any table", fix)
        return pd.Series("", index=zones.index)
    found = zones["lsoa21cd"].map(councils.set_index("lsoa21cd")["lad24cd"])
    what = "table 'councils' does not know the district of these zones"
    faults.add_codes(where, what, zones.loc[found.isna(), "lsoa21cd"], "give the lookup of the same year")
    return found.fillna("")


def _in_zones(points: pd.DataFrame, pairs: pd.DataFrame, where: str, faults: Faults) -> pd.DataFrame:
    again = set(pairs.loc[pairs["from_code"].duplicated(), "from_code"])
    fix = "give points whose areas lie wholly in one zone, or their own lsoa21cd"
    faults.add_codes(where, "these areas lie in several zones", again & set(points["code"]), fix)
    found = points["code"].map(pairs.drop_duplicates("from_code").set_index("from_code")["lsoa21cd"])
    strange = points.loc[found.isna(), "code"]
    faults.add_codes(where, "the lookup does not know these areas", strange, "give the lookup of the same year")
    return points.assign(lsoa21cd=found.fillna("")).drop(columns="code")
