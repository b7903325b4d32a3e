"""Carry tables from one geography to another by code: years of LSOA, wards and MSOAs to the zones of today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from needs.errors import Faults, InputError, fail, listed
from needs.settings import ZONE_VINTAGE

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

FIRST_LSOA21_YEAR = 2023  # births (Nomis NM_206_1) come by LSOA 2011 to 2022, by LSOA 2021 from this year on
LOOKUPS = {  # how codes of a vintage get to zones; the vintage of wards is WD and their year, such as WD24
    "LSOA11": "the ONS exact-fit lookup LSOA 2011 to LSOA 2021 (LSOA11_LSOA21_LAD22_EW_LU, with CHGIND)",
    "OA11": "the ONS lookup OA 2011 to OA 2021, then to LSOA 2021",
    "OA21": "the ONS lookup OA 2021 to LSOA 2021 (OA21_LSOA21_MSOA21_LAD22_EW_LU)",
    "MSOA": "the ONS lookup OA 2021 to MSOA and LSOA 2021 (OA21_LSOA21_MSOA21_LAD22_EW_LU) and a population",
    "WD": "the ONS best-fit lookup LSOA 2021 to wards of that year (as LSOA21_WD24_LAD24_EW_LU) and a population",
}
_FORMS = {"00": "OA", "01": "LSOA", "02": "MSOA", "05": "WD", "06": "LAD", "07": "LAD", "08": "LAD", "09": "LAD"}


def mend(vintage: str) -> str:
    """Name the lookup that carries codes of a vintage, such as "LSOA11" or "WD24", to the zones of today."""
    other = f"a lookup from {vintage} to {ZONE_VINTAGE}"
    return next((name for known, name in LOOKUPS.items() if vintage.upper().startswith(known)), other)


@dataclass(frozen=True, eq=False)
class Lookup:
    """Which code of one geography goes to which of another, and with what share of its count.

    Attributes
    ----------
    source, target
        Vintages, such as "LSOA11", "MSOA21" or "WD24", and "LSOA21".
    pairs
        One row for each source and target that share ground, sorted by target: `from_code`, `to_code`,
        `share_of_count` (0 to 1: the share of the source's count that goes to the target; adds up to 1 for each
        source), `change` (CHGIND of ONS, or ""). Wrong pairs raise InputError with every fault.
    notes
        What was assumed on the way.
    """

    source: str
    target: str
    pairs: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pairs, faults = _checked_pairs(self.pairs, ("share_of_count", "change"), self.name), Faults(InputError)
        pairs["share_of_count"] = share = pd.to_numeric(pairs["share_of_count"], errors="coerce")
        fix = "correct the lookup"
        faults.add_codes(self.name, "a share is not 0 to 1", pairs["from_code"][~share.between(0, 1)], fix)
        total = share.groupby(pairs["from_code"]).sum()
        faults.add_codes(self.name, "shares do not add up to 1", total.index[(total - 1).abs() > 1e-9], fix)
        faults.raise_if_any()
        object.__setattr__(self, "pairs", pairs.sort_values(["to_code", "from_code"], ignore_index=True))

    @property
    def name(self) -> str:
        """The lookup in messages."""
        return f"lookup {self.source} to {self.target}"

    @cached_property
    def _pairs(self) -> tuple[pd.Index, pd.Index, Floats]:
        """Source codes, target codes and shares, pair by pair."""
        share = self.pairs["share_of_count"].to_numpy(float)
        return pd.Index(self.pairs["from_code"]), pd.Index(self.pairs["to_code"]), share

    def counts(self, table: pd.DataFrame, *, where: str = "table") -> pd.DataFrame:
        """Share counts out among the targets: a split by share, a merger by sum.

        Totals are conserved. Whole numbers that are split become fractions and are NOT rounded, which would lose or
        invent people. Counts known as intervals are carried as two tables, low and high; low stays at or below high.

        Parameters
        ----------
        table
            Index: source codes, some or all of the lookup's; columns: counts, 0 or more; NaN where suppressed.
        where
            The table's name, for messages.

        Returns
        -------
        pandas.DataFrame
            Index: every target that the codes given lead to, in order. A target with any missing part is missing.

        Raises
        ------
        InputError
            For codes unknown to the lookup, or twice; text; negative counts; a target with a part not in the table.
        """
        values, at, faults = self._read(table, where, is_count=True)
        faults.raise_if_any()
        share = self._pairs[2][at >= 0, None]
        parts = np.where(share > 0, values[at[at >= 0]] * share, 0.0)  # no share is no part, missing or not
        return self._frame(table, at, lambda starts: np.add.reduceat(parts, starts, axis=0))

    def rates(
        self, table: pd.DataFrame, denominators: pd.Series[float] | None = None, *, where: str = "table"
    ) -> pd.DataFrame:
        """Carry rates: copied where a target has one source, else their mean weighted by denominator x share.

        sum(n r) / sum(n) is the rate of the merged area, when n is what r is a rate of. It is kept within the rates
        that it is made of, whatever the rounding, so that 100 % stays 100 %.

        Parameters
        ----------
        table, where
            As `counts`, with rates in any unit in the columns.
        denominators
            What the rates are rates of (people, households) by source code, 0 or more; for the sources that merge.

        Returns
        -------
        pandas.DataFrame
            As `counts`. A target is missing where any part that weighs is missing, and where none weighs.

        Raises
        ------
        InputError
            As `counts`, and for denominators that are needed and absent, blank or negative.
        """
        values, at, faults = self._read(table, where, is_count=False)
        source, target, share = self._pairs
        merged = target.duplicated(keep=False)
        weight = np.where(merged, share, 1.0)
        merged &= at >= 0
        codes = source[merged].unique()
        people = _people(denominators, codes, f"denominators of {where}", f"{self.name} merges these", faults)
        faults.raise_if_any()
        weight[merged] *= people[codes.get_indexer(source[merged])]
        part, by = values[at[at >= 0]], weight[at >= 0, None]

        seen = np.where(by > 0, part, np.nan)

        def mean(starts: Places) -> Floats:
            with np.errstate(invalid="ignore"):  # 0 / 0: nobody there
                total = np.add.reduceat(np.where(by > 0, part * by, 0.0), starts, axis=0)
                average = total / np.add.reduceat(by, starts, axis=0)
            return np.clip(average, np.fmin.reduceat(seen, starts, axis=0), np.fmax.reduceat(seen, starts, axis=0))

        return self._frame(table, at, mean)

    def _read(self, table: pd.DataFrame, where: str, *, is_count: bool) -> tuple[Floats, Places, Faults]:
        """Check a table; give its numbers, and for each pair the row of its source (-1: not in the table)."""
        faults = Faults(InputError)
        values = _numbers(table, where, is_count=is_count, faults=faults)
        refuse(table.index, self.source, lookup=self, where=where, faults=faults)
        source, target, share = self._pairs
        rows = table.index if table.index.is_unique else table.index[:0]  # a fault already
        at = np.asarray(rows.get_indexer(source), dtype=np.intp)
        place, _ = target.factorize()
        cut = (at < 0) & (share > 0) & np.isin(place, place[at >= 0])
        fix = "give the table of all of England, or add these rows: a part of a zone is not the zone"
        faults.add_codes(where, "lacks codes that share a zone with codes that it has", source[cut], fix)
        return values, at, faults

    def _frame(self, table: pd.DataFrame, at: Places, reduce: Callable[[Places], Floats]) -> pd.DataFrame:
        codes = self._pairs[1][at >= 0]
        starts = np.flatnonzero(~codes.duplicated())
        data = reduce(starts) if len(starts) else np.empty((0, table.shape[1]))
        return pd.DataFrame(data, index=codes[starts].rename(f"{self.target.lower()}cd"), columns=table.columns)


def exact_fit(pairs: pd.DataFrame, population: pd.Series[float] | None = None) -> Lookup:
    """Make the lookup LSOA 2011 to LSOA 2021 of the exact-fit pairs of ONS.

    An unchanged area (U) keeps its count, merged areas (M) are summed, and a split area (S) is shared out among its
    new zones by their population. An irregular area (X) is shared out in the same way, which counts the whole of each
    zone that it touches: ONS publishes no population of the pieces.

    Parameters
    ----------
    pairs
        `from_code`, `to_code`, `change` (CHGIND: U, S, M or X). The best-fit lookup has no such flag and will not do.
    population
        People by LSOA 2021, for the zones of split areas; best the age group that the table counts, since a split by
        all residents puts births where the old live. Without it only a lookup without splits works. An area whose
        zones all have none is shared equally, as the notes of the lookup tell.

    Raises
    ------
    InputError
        For a flag that the pairs contradict (the lookup is cut, or best-fit), and a population needed and absent.
    """
    faults, where = Faults(InputError), f"lookup LSOA11 to {ZONE_VINTAGE}"
    pairs = _checked_pairs(pairs, ("change",), where)
    one_zone, one_area = (~pairs[c].duplicated(keep=False) for c in ("from_code", "to_code"))
    shape = np.select([one_zone & one_area, one_area, one_zone], list("USM"), "X")
    right = np.where(pairs["change"] == "X", shape != "U", pairs["change"] == shape)  # an X may look like S or M
    fix = f"give all pairs of {mend('LSOA11')}: not a best-fit lookup, and none that is cut to a list of zones"
    faults.add_codes(where, "are not U, S, M or X as flagged", pairs["from_code"][~right], fix)
    faults.raise_if_any()
    return _by_population(pairs, population, "LSOA11")


def down(pairs: pd.DataFrame, population: pd.Series[float], *, source: str) -> Lookup:
    """Make a lookup from large areas, such as wards or MSOAs, to the zones in them.

    Each zone gets the share of its area's count that it has of the area's population: within an area the result shows
    where people live, not where the thing counted is more common. Rates are copied.

    Parameters
    ----------
    pairs
        `from_code` (area), `to_code` (zone); one area for each zone, as in the best-fit lookups of ONS.
    population
        People by zone; best the age group that the table counts. An area whose zones all have none is shared equally,
        as the notes of the lookup tell.
    source
        Vintage of the areas, such as "WD24" or "MSOA21".

    Raises
    ------
    InputError
        For a zone in two areas, and a population needed and absent.
    """
    faults, where = Faults(InputError), f"lookup {source} to {ZONE_VINTAGE}"
    pairs = _checked_pairs(pairs, (), where)
    twice = pairs["to_code"][pairs["to_code"].duplicated()]
    faults.add_codes(where, "lie in more than one area", twice, "give a best-fit lookup: one area for each zone")
    faults.raise_if_any()
    return _by_population(pairs.assign(change=""), population, source)


def refuse(codes: Iterable[str], expected: str, *, lookup: Lookup | None = None, where: str, faults: Faults) -> None:
    """Note codes that are not of the vintage expected, and name the lookup that would mend it.

    Codes are told apart by their form (E00 output area, E01 LSOA, E02 MSOA, E05 ward, E06 to E09 district) and, given
    a lookup, by its two sides. An LSOA that did not change has one code in 2011 and 2021, so a table of a few of them
    rightly passes for either.

    Parameters
    ----------
    codes, where
        Codes of a table, and its name for messages.
    expected
        The vintage they are said to be of, such as "LSOA11", "LSOA21" or "WD24".
    lookup
        A lookup from or to that vintage.
    faults
        Collector of what is wrong.
    """
    left = pd.Index(codes)
    if left.hasnans:
        faults.add(where, "the code is blank in a row or more", "fill it in, or drop the row")
    left = left.dropna().unique().astype(str)
    if lookup and expected in {lookup.source, lookup.target}:
        (own, other), away = lookup._pairs[:2], lookup.target
        fix = f"leave the lookup out if all are of {away}; part the table by vintage if they are mixed"
        if expected == lookup.target:
            own, other, away = other, own, lookup.source
            fix = f"carry the table to {expected} with {mend(away)}"
        left = left[own.unique().get_indexer(left) < 0]  # many times faster than isin
        turned = other.unique().get_indexer(left) >= 0
        faults.add_codes(where, f"holds codes of {away}, not of {expected}", left[turned], fix)
        left = left[~turned]
    forms = pd.Series([_FORMS.get(c[1:3], "") if c[:1] in {"E", "W"} else "" for c in left], dtype=object)
    for form in forms.unique():
        some = left[forms == form]
        if not form or not expected.upper().startswith(form):
            fix = f"map the column of {expected} codes" + (f", or use {mend(form)}" if form in {"MSOA", "WD"} else "")
            faults.add_codes(where, f"holds {form or 'unknown'} codes, not {expected} codes", some, fix)
        elif lookup:
            fix = f"codes change from year to year: give the lookup of the table's own year ({mend(expected)})"
            if form == "WD":
                fix += "; a ward so small that no zone fits it best goes to its neighbour, or is left out and named"
            faults.add_codes(where, f"holds codes that the {lookup.name} does not know", some, fix)


def pool(
    tables: Mapping[int, pd.Series[float] | tuple[pd.Series[float], str]], lookup: Lookup | None = None
) -> pd.DataFrame:
    """Pool births over calendar years, across the change from LSOA 2011 to LSOA 2021.

    A year's births in a zone are a small number; several years together say more. Live births for small areas (Nomis
    NM_206_1) come by LSOA 2011 to 2022 and by LSOA 2021 from 2023: the earlier years are carried over first.

    Parameters
    ----------
    tables
        Births by code for each calendar year, or (births, vintage) where that is not the vintage of the year.
    lookup
        LSOA 2011 to 2021 (`exact_fit`), needed as soon as one year is by LSOA 2011.

    Returns
    -------
    pandas.DataFrame
        Index `lsoa21cd` in order; `births` of all years (fractions where an area was split, not rounded), `years`
        (how many), `births_a_year`.

    Raises
    ------
    InputError
        With every fault of every year: no lookup; wrong codes; blanks; zones that one year has and another lacks.
    """
    if not tables:
        fail(InputError, "births", "there is no year to pool", "give the births of one calendar year or more")
    faults = Faults(InputError)
    years: dict[int, pd.Series[float]] = {}
    for year, entry in sorted(tables.items()):
        usual = "LSOA11" if year < FIRST_LSOA21_YEAR else "LSOA21"
        births, vintage = entry if isinstance(entry, tuple) else (entry, usual)
        where = f"births of {year}"
        fix = "give the number; if it is suppressed, pool the low ends and the high ends apart"
        faults.add_codes(where, "are blank", births.index[births.isna()], fix)
        if vintage == ZONE_VINTAGE:
            _numbers(births.to_frame(), where, is_count=True, faults=faults)
            refuse(births.index, ZONE_VINTAGE, lookup=lookup, where=where, faults=faults)
            years[year] = births
        elif lookup is None or (vintage, ZONE_VINTAGE) != (lookup.source, lookup.target):
            faults.add(where, f"are by {vintage}, not by {ZONE_VINTAGE}", f"give the lookup: {mend(vintage)}")
        else:
            try:
                years[year] = lookup.counts(births.to_frame(), where=where).iloc[:, 0]
            except InputError as error:
                faults.take(error)
    faults.raise_if_any()
    zones = set().union(*(y.index for y in years.values()))
    for year, births in years.items():
        absent = zones.difference(births.index)
        faults.add_codes(
            f"births of {year}", "lack zones that other years have", absent, "complete the year, or drop it"
        )
    faults.raise_if_any()
    total = pd.concat(years, axis=1).sum(axis=1).sort_index().rename_axis("lsoa21cd")
    return pd.DataFrame({"births": total, "years": len(years), "births_a_year": total / len(years)})


def _by_population(pairs: pd.DataFrame, population: pd.Series[float] | None, source: str) -> Lookup:
    """Give each source's count to its targets in proportion to their population."""
    faults = Faults(InputError)
    size = pairs.groupby("from_code")["to_code"].transform("size")
    split = pairs[size > 1]
    codes, reason = pd.Index(split["to_code"].unique()), f"codes of {source} are split among these"
    people = _people(population, codes, f"population by {ZONE_VINTAGE}", reason, faults)
    faults.raise_if_any()
    weight = pd.Series(people[codes.get_indexer(pd.Index(split["to_code"]))], index=split.index)
    total = weight.groupby(split["from_code"]).transform("sum")
    share = (weight / total.where(total > 0)).reindex(pairs.index).fillna(1 / size)
    names = sorted(map(str, set(split["from_code"][total == 0])))
    note = f"Nobody lives in the zones of {listed(names)}: their counts are shared equally among their zones."
    return Lookup(source, ZONE_VINTAGE, pairs.assign(share_of_count=share), (note,) if names else ())


def _checked_pairs(pairs: pd.DataFrame, extra: tuple[str, ...], where: str) -> pd.DataFrame:
    faults, wanted = Faults(InputError), ["from_code", "to_code", *extra]
    for name in [c for c in wanted if c not in pairs.columns]:
        fix = f"map CHGIND, which a best-fit lookup lacks: take {mend('LSOA11')}" if name == "change" else "map it"
        faults.add(where, f"column '{name}' is missing; there are {', '.join(map(str, pairs.columns[:12]))}", fix)
    faults.raise_if_any()
    pairs = pairs[wanted].reset_index(drop=True)
    codes = pairs[["from_code", "to_code"]]
    if pairs.empty or codes.isna().to_numpy().any():
        faults.add(where, "has no rows" if pairs.empty else "a code is blank", "give the whole lookup, without blanks")
    faults.add_codes(where, "stand twice with one target", pairs["from_code"][codes.duplicated()], "keep one row each")
    faults.raise_if_any()
    return pairs


def _numbers(table: pd.DataFrame, where: str, *, is_count: bool, faults: Faults) -> Floats:
    """Check that every cell is a number or NaN and no code stands twice; give the numbers."""
    faults.add_codes(where, "stand twice", table.index[table.index.duplicated()], "keep one row for each code")
    text = [c for c, kind in table.dtypes.items() if kind.kind not in "iuf"]
    fix = "drop them, or give numbers: a suppressed count is blank, or two tables with its low and its high end"
    faults.add_codes(where, "columns without numbers", text, fix)
    values = table.drop(columns=text).to_numpy(dtype=float, na_value=np.nan)
    wrong = np.isinf(values) | (is_count & (values < 0))
    fix = "correct it; if it marks a suppressed count, leave the cell blank"
    what = "hold a negative or infinite count" if is_count else "hold an infinite rate"
    faults.add_codes(where, what, table.index[np.flatnonzero(wrong.any(axis=1))], fix)
    return values


def _people(given: pd.Series[float] | None, codes: pd.Index, where: str, reason: str, faults: Faults) -> Floats:
    """Look up a number of people, 0 or more, for each code."""
    given = pd.Series(dtype=float) if given is None else given
    if len(codes) and given.index.has_duplicates:
        faults.add_codes(where, "stand twice", given.index[given.index.duplicated()], "keep one row for each code")
        return np.ones(len(codes))
    people = given.reindex(codes).to_numpy(dtype=float, na_value=np.nan)
    absent, odd = np.flatnonzero(np.isnan(people)), np.flatnonzero((people < 0) | np.isinf(people))
    faults.add_codes(where, f"needed and missing ({reason})", codes[absent], "give the number of people")
    faults.add_codes(where, "negative or infinite", codes[odd], "correct it")
    return np.asarray(people)
