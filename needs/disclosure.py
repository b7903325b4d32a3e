"""Protect a council's own small counts at source, before anything is computed from them.

**Why at source.** Every figure that is written later, totals and percentages among them, is computed from the
protected counts alone. Whoever has these can work it out already, so it tells no more than they do.

**What is hidden**, in the words of the GSS/GSR guidance on disclosure control for tables produced from administrative
sources (Government Analysis Function) and of Hundepool et al. (2012), Statistical Disclosure Control, chapter 5:

- *small* (primary suppression): a count of 1 to below - 1, and 0 as well if zeros are hidden;
- *row*: the other counts of that zone, because columns that belong together tell about each other;
- *secondary*: in a stratum where a small count has no other count to hide among, one more zone, the smallest first.

The mean of the hidden counts of a stratum replaces each, which keeps their sum. A stratum with no zone to hide is
merged into the next coarser one; if the whole area has none, the table is refused.

**What can a reader find out about a small count? That it is small, and no more.** They know this method, what is
shown, which cells are hidden and why, and the sum S of the hidden counts of each stratum and column. Each hidden count
over 0 lies between bounds l and u: a small one between 1 and below - 1, another within its size class (below to
2 below - 1, to 4 below - 1, ...). Let g = (below - 1) - 1. If sum(l) + g <= S <= sum(u) - g, then, whatever one small
count is, the others can make up the rest: its feasibility interval is whole. Two hidden counts are enough for such an S
to exist. If the true sum is not such a one, because nearly all counts are at their bounds, the nearest that is takes
its place. So a stratum's sum is kept within g + round_to - 1 people (3, for below = 5 without rounding), and mostly
exactly, or to the nearest round_to.

**Nor does the choice of what to hide tell.** A method that hides until an attack fails tells by where it stops (Wong
et al. 2007, Minimality attack in privacy preserving data publishing). Here the choice looks only at which counts are
small, which are 0, and the size class of the others, and is the same while each count stays between its l and u. So
for each small count, and each value that it may have, there is a table with that value and the very same result.

**Not covered.** A sum of other columns is refused where that can be seen: leave it out, and add up protected parts.
Groups within groups (under 1, under 5) show their difference: give the parts. Columns that belong together go into one
call. Exact totals known from elsewhere can be tried with `feasible`. Which rule suits is for the council to say: what
a count would tell matters too (ONS, policy on protecting confidentiality in tables of birth and death statistics).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator
from scipy import optimize, sparse

from needs.errors import Fault, Faults, InputError, fail
from needs.toml import Strict

WHERE = "disclosure control"
_SHOWN = 5  # names listed in a message
_ENOUGH = 5  # zones in which a column must be the sum of others before it is taken for their total
_TRIES = 5_000  # sets of columns that are tried as the parts of one column
_LP_VARIABLES = 20_000  # in one call of the solver

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Figure = tuple[str, Sequence[str], float, float]  # a total of true counts: column, zones, value, give or take


class Rule(Strict):
    """What may be shown of a table of counts of people; a table that is published already needs no rule.

    Counts of 1 to `below` - 1 are hidden, and 0 too if `zeros` is "hide"; others are rounded to the nearest multiple
    of `round_to`, a half upwards.
    """

    below: int = Field(default=5, ge=2)
    round_to: int = Field(default=1, ge=1)
    zeros: Literal["show", "hide"] = "show"

    @model_validator(mode="after")
    def _makes_sense(self) -> Rule:
        wrong = []
        if self.least == self.below - 1:
            wrong.append('below = 2 hides the count 1 alone, and so tells it: raise below, or set zeros = "hide"')
        if _half_up(self.below, self.round_to) < self.below:
            wrong.append(f"round_to = {self.round_to} would show {self.below} as less than below: change either")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def least(self) -> int:
        """Least count that is small."""
        return 1 if self.zeros == "show" else 0

    @property
    def spare(self) -> int:
        """Width of the interval of a small count: g of the module's account."""
        return self.below - 1 - self.least


@dataclass(frozen=True)
class Protected:
    """Protected counts, and what a reader can know of the true ones; frames have the index and columns given.

    `values` alone are to be computed with: shown cells as published, hidden ones as the mean of those of their stratum.
    `reason` is "" (shown), "small", "secondary", "row" or "publisher" (came in blank). `low` and `high` hold the true
    count; they follow from the reason, the rounding and the sums, and are the rule's own for a small one. `strata` are
    those used, after some were merged. `notes` say in plain words what was done.
    """

    values: pd.DataFrame
    hidden: pd.DataFrame
    reason: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    strata: pd.Series[str]
    notes: list[str]
    rule: Rule


def protect(
    counts: pd.DataFrame,
    strata: pd.DataFrame | pd.Series[str],
    rule: Rule,
    *,
    bounds: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> Protected:
    """Hide what is small, and what would give it away; the module's account says how, and why that is enough.

    Parameters
    ----------
    counts
        Counts of people, zones x columns, no column the sum of others. What is not whole (carried down from a larger
        area) is rounded to whole people first. A blank was hidden by its publisher, and stays so.
    strata
        One column or more, from fine to coarse, each nested in the next. Beyond the last, all zones are one stratum.
    rule
        What may be shown.
    bounds
        Least and greatest count of blank cells as the publisher states them, or else those of the rule. In the mean
        a blank counts as their middle; being the same whatever the count is, it hides no other.

    Returns
    -------
    Protected
        The same to the last byte whatever the order of rows and columns. Shown zones, given again, come back as such.

    Raises
    ------
    InputError
        With every fault: what is no count; a zone or column twice; zones without a stratum; strata that are not
        nested; bounds in the wrong order; a sum of other columns; a small count with nothing to hide among.
    """
    table, levels = _checked(counts, strata)
    blank_low, blank_high = _bounds_of_blanks(table, bounds, rule)
    blank, count = table.isna().to_numpy(), _half_up(table.fillna(0.0), 1)
    small, large = ~blank & (count < rule.below) & (count >= rule.least), count >= rule.below
    size_class = np.where(large, np.frexp(count // rule.below)[1] - 1, -1)  # log2, rounded down
    depth, secondary = _secondary(levels, table.columns, small, blank, size_class, rule)
    names, stratum = np.unique(np.choose(depth, list(levels.to_numpy().T)).astype(str), return_inverse=True)
    hidden = np.broadcast_to((small | blank | secondary).any(axis=1)[:, None], blank.shape)
    cell = hidden & ~blank  # hidden by the rule

    def sums(of: npt.ArrayLike, where: Flags) -> Floats:
        """Sum of each cell's stratum and column: zones x columns."""
        return np.stack([np.bincount(stratum, c, len(names))[stratum] for c in np.where(where, of, 0.0).T], axis=1)

    # A sum between these ends tells nothing: tables with other small counts have the very same result.
    spare = np.where(sums(1.0, small) > 0, rule.spare, 0)
    floor = rule.below * 2.0**size_class  # of the size class
    lows = np.select([small, large], [rule.least, floor], 0.0)
    highs = np.select([small, large], [rule.below - 1, 2 * floor - 1], 0.0)
    total = _released(sums(count, cell), sums(lows, cell) + spare, sums(highs, cell) - spare, rule.round_to)

    # The same zones stand behind every mean of a stratum, so what is never over another column stays under its mean.
    mean = (total + sums((blank_low + blank_high) / 2, blank)) / np.maximum(sums(1.0, hidden), 1)
    values = np.where(hidden, mean, _half_up(count, rule.round_to))
    known = np.select([small, secondary], [rule.least, rule.below], 0.0 if rule.least else rule.below)
    reason = np.select([blank, small, secondary, cell], ["publisher", "small", "secondary", "row"], "").astype(object)
    left = total + spare + rule.round_to - 1 - (sums(known, cell) - known)  # of the sum, by the least of the others
    start, stop = np.ceil(values - rule.round_to / 2), np.ceil(values + rule.round_to / 2) - 1  # of what is shown so
    start, stop = np.where(values > 0, [np.maximum(start, rule.below), stop], 0.0)  # 0 is shown for 0 alone
    least = np.select([blank, cell], [blank_low, known], start)
    most = np.select([blank, small, cell], [blank_high, rule.below - 1, left], stop)

    place = np.ix_(table.index.get_indexer(counts.index), table.columns.get_indexer(counts.columns))  # as given

    def framed(array: npt.NDArray[np.generic]) -> pd.DataFrame:
        return pd.DataFrame(array[place], index=counts.index, columns=counts.columns)

    return Protected(
        values=framed(values),
        hidden=framed(reason != ""),
        reason=framed(reason),
        low=framed(least),
        high=framed(most),
        strata=pd.Series(names[stratum][place[0].ravel()], index=counts.index, name="stratum"),
        notes=_notes(reason, len(set(stratum[depth > 0])), int(spare.max(initial=0)) + rule.round_to - 1, rule),
        rule=rule,
    )


def feasible(
    protected: Protected,
    extra_figures: Sequence[Figure] = (),
    *,
    at_most: Sequence[tuple[str, str]] = (),
    exact_sums: bool = False,
) -> pd.DataFrame:
    """Attack the protected counts: say how far each hidden one can be worked out.

    Linear programmes find the least and the greatest count that agrees with all that is published: bounds, and sums of
    hidden counts by stratum (Hundepool et al. 2012, chapter 4). Figures computed from `Protected.values` need not be
    given: each is a function of what is published, whatever the true counts are. So no linear combination of them, by
    stratum or by any other group, narrows any interval.

    Parameters
    ----------
    protected
        What `protect` gave.
    extra_figures
        Totals of true counts that a reader may have from elsewhere, such as the district's births.
    at_most
        Pairs of columns of which the first is never over the second, such as ("births", "children_0_4").
    exact_sums
        Whether the reader takes the sums of the stand-ins for exact, which they need not be.

    Returns
    -------
    pandas.DataFrame
        A row per hidden cell: zone (under the name of the index), `column`, `reason`, `least`, `greatest`.

    Raises
    ------
    InputError
        For an unknown zone or column, or figures that contradict each other.
    """
    columns, zones = protected.values.columns, protected.values.index
    faults = Faults(InputError)
    named = [f[0] for f in extra_figures] + [c for pair in at_most for c in pair] + list(columns)
    faults.add_codes(WHERE, "unknown columns", pd.Index(named).difference(columns), "name columns of the counts")
    strange = pd.Index([z for f in extra_figures for z in f[1]]).difference(zones)
    faults.add_codes(WHERE, "unknown zones", strange, "name zones of the counts")
    faults.raise_if_any()

    rule, (i, j) = protected.rule, np.nonzero(protected.hidden.to_numpy())
    frames = (protected.low, protected.high, protected.values, protected.reason)
    low, high, value, reason = (f.to_numpy()[i, j] for f in frames)
    every = np.arange(len(i))
    limits: list[npt.NDArray[np.generic]] = []  # the weight of each cell; the least and the most of the weighted sum
    for of in pd.Series(every).groupby([protected.strata.to_numpy()[i], j]).indices.values():
        blank = of[reason[of] == "publisher"]
        total = value[of].sum() - (low + high)[blank].sum() / 2
        within = 0 if exact_sums else rule.round_to - 1 + (rule.spare if "small" in reason[of] else 0)
        limits.append(np.append(np.isin(every, np.setdiff1d(of, blank)), [total - within, total + within]))
    for pair in at_most:
        smaller, larger = (every == np.flatnonzero(columns[j] == c)[:, None] for c in pair)  # a row per zone
        limits += [np.append(row, [-np.inf, 0.0]) for row in smaller * 1.0 - larger]
    for column, group, figure, give in extra_figures:
        inside, clear = zones.isin(list(group)), ~protected.hidden[column].to_numpy() & zones.isin(list(group))
        rest = figure - protected.high[column][clear].sum(), figure - protected.low[column][clear].sum()
        limits.append(np.append(inside[i] & (columns[j] == column), [rest[0] - give, rest[1] + give]))
    known = np.array(limits, dtype=float).reshape(-1, len(i) + 2)
    goals = np.concatenate([np.eye(len(i)), -np.eye(len(i))])
    found = np.zeros(len(goals))
    for some in filter(len, np.array_split(np.arange(len(goals)), 1 + goals.size // _LP_VARIABLES)):  # many per call
        copies = sparse.kron(sparse.eye_array(len(some)), known[:, :-2], format="csc")
        ends = optimize.LinearConstraint(copies, *np.tile(known[:, -2:].T, len(some)))
        box = optimize.Bounds(*np.tile([low, high], len(some)))
        answer = optimize.milp(goals[some].ravel(), constraints=ends, bounds=box)
        if answer.x is None:
            fail(InputError, WHERE, "no counts agree with all that is given", "check the figures")
        found[some] = (goals[some] * answer.x.reshape(len(some), -1)).sum(axis=1)
    least, greatest = found.round(6).reshape(2, -1)
    cells = {zones.name or "zone": zones[i], "column": columns[j], "reason": reason}
    return pd.DataFrame({**cells, "least": least + 0.0, "greatest": -greatest})


def shown(protected: Protected, column: str) -> pd.Series[str]:
    """Write the counts of a column for people: "fewer than 5", "hidden to protect others", "1,045"."""
    why = protected.reason[column]
    words = {"small": f"fewer than {protected.rule.below}", "publisher": "hidden by its publisher"}
    texts = why.map(words).where(why != "", protected.values[column].map("{:,.0f}".format))
    return texts.fillna("hidden to protect others").astype(str)


def _half_up(x: npt.ArrayLike, step: int) -> Floats:
    """Round to the nearest multiple of `step`, a half upwards."""
    return np.asarray(np.floor(np.asarray(x, dtype=float) / step + 0.5) * step)


def _released(total: Floats, low: Floats, high: Floats, step: int) -> Floats:
    """Round a sum to a multiple of `step` from `low` to `high`; where none lies there, the middle, whatever it is."""
    first, last = np.ceil(low / step) * step, np.floor(high / step) * step
    return np.where(first <= last, np.clip(_half_up(total, step), first, last), np.floor((low + high) / 2))


def _secondary(
    levels: pd.DataFrame, columns: pd.Index[str], small: Flags, blank: Flags, size_class: Ints, rule: Rule
) -> tuple[Ints, Flags]:
    """Find the level of each zone's stratum, and the cells to hide so that no small count is alone in its stratum."""
    depth, secondary = np.zeros(len(small), dtype=np.int64), np.zeros_like(small)
    hide: Flags = np.asarray((small | blank).any(axis=1))
    for level, name in enumerate(levels):
        codes, group = np.unique(levels[name].to_numpy().astype(str), return_inverse=True)
        cells = [(which & (depth == level)[:, None]).T for which in (small, (size_class >= 0) & hide[:, None])]
        few, many = (np.stack([np.bincount(group, c, len(codes)) for c in which], axis=1) for which in cells)
        alone = np.equal(few, 1) & np.equal(many, 0)  # no other hidden count over 0
        stuck = np.zeros_like(alone)
        rows_of = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group, minlength=len(codes)))[:-1])
        for g in np.flatnonzero(alone.any(axis=1)):
            free = rows_of[g][~hide[rows_of[g]]]
            secondary[free], stuck[g] = _companions(size_class[free], alone[g])
        if not stuck.any():
            break
        if level + 1 == levels.shape[1]:
            what = f"one count is under {rule.below}, with no other of {rule.below} or more to hide it among"
            fix = "merge zones, use a higher geography, or leave the column out"
            raise InputError([Fault(f"{WHERE}, '{c}'", what, fix) for c in columns[np.flatnonzero(stuck.any(axis=0))]])
        coarse = levels.iloc[:, level + 1].to_numpy()
        up = np.isin(coarse, coarse[np.isin(group, np.flatnonzero(stuck.any(axis=1)))])
        depth[up], secondary[up] = level + 1, False
    return depth, secondary


def _companions(size_class: Ints, alone: Flags) -> tuple[Flags, Flags]:
    """Choose a cell for each column of `alone`: most columns first, then smallest, then by code; say where none is."""
    left, picked = alone.copy(), np.zeros(size_class.shape, dtype=bool)
    while (able := (size_class >= 0) & left).any():
        best = np.lexsort(((size_class * able).sum(axis=1), -able.sum(axis=1)))[0]
        picked[best] |= able[best]
        left &= ~able[best]
    return picked, left


def _checked(counts: pd.DataFrame, strata: pd.DataFrame | pd.Series[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring counts and strata into the order of codes and names, checked; the last stratum is the whole area."""
    faults = Faults(InputError)
    tiers = strata.to_frame(strata.name or "stratum") if isinstance(strata, pd.Series) else strata
    for frame, what in ((counts, "the counts"), (tiers, "the strata")):
        again = [*frame.index[frame.index.duplicated()], *frame.columns[frame.columns.duplicated()]]
        faults.add_codes(WHERE, f"{what} have a row or column twice", pd.Index(again), "keep one of each")
        if not frame.shape[1]:
            faults.add(WHERE, f"{what} have no column", "give one or more")
    faults.raise_if_any()
    raw = counts.sort_index().sort_index(axis=1)
    table = raw.apply(pd.to_numeric, errors="coerce").astype(float)
    odd = (table.isna() & raw.notna()) | (table < 0) | np.isinf(table)
    for name in table.columns[odd.any()]:
        faults.add_codes(
            WHERE, f"'{name}' is no count", table.index[odd[name]], "give a number from 0, or a blank if suppressed"
        )
    tiers = tiers.reindex(table.index)
    faults.add_codes(WHERE, "zones have no stratum", tiers.index[tiers.isna().any(axis=1)], "complete the strata")
    for fine, coarse in pairwise(tiers.columns):
        parents = tiers.groupby(fine)[coarse].nunique()
        fix = "order the columns of strata from fine to coarse, each inside one of the next"
        faults.add_codes(WHERE, f"a '{fine}' lies in more than one '{coarse}'", parents.index[parents > 1], fix)
    for name, parts in _totals(table.dropna()):
        what = f"it is the sum of {parts}, so that subtraction could tell what is hidden"
        faults.add(f"{WHERE}, '{name}'", what, "leave it out, and add up the protected parts")
    faults.raise_if_any()
    return table, pd.DataFrame(
        {**{n: f"{n} " + tiers[n].astype(str) for n in tiers}, "": "all zones"}, index=table.index
    )


def _totals(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Find columns that are the sum of others in every zone, and in enough zones of more than one of them."""
    x, sums = table.to_numpy(), table.sum().to_numpy()
    for j, total in enumerate(sums):
        others = np.flatnonzero((sums > 0) & (sums < total))
        choices = (np.array(o) for n in range(2, len(others) + 1) for o in combinations(others, n))
        for of in islice(choices, _TRIES):
            same = np.isclose(sums[of].sum(), total) and np.allclose(x[:, of].sum(axis=1), x[:, j])
            if same and ((x[:, of] > 0).sum(axis=1) > 1).sum() >= _ENOUGH:
                yield table.columns[j], " and ".join(table.columns[of])


def _bounds_of_blanks(table: pd.DataFrame, bounds: Sequence[pd.DataFrame] | None, rule: Rule) -> list[Floats]:
    """Bounds of the blank cells, by the publisher or else by the rule; 0 elsewhere."""
    least, most = (
        np.where(table.isna(), given.reindex_like(table).astype(float).fillna(usual), 0.0)
        for given, usual in zip(bounds or (table, table), (rule.least, rule.below - 1), strict=True)
    )
    faults, wrong = Faults(InputError), ~((least >= 0) & (least <= most) & np.isfinite(most))
    fix = "give the least and the greatest count of a blank cell, from 0, in this order"
    faults.add_codes(WHERE, "bounds are not in order", table.index[np.flatnonzero(wrong.any(axis=1))], fix)
    faults.raise_if_any()
    return [least, most]


def _notes(reason: npt.NDArray[np.object_], merged: int, within: int, rule: Rule) -> list[str]:
    """Say what was done; like the values, it depends on nothing that is hidden."""
    why = {
        "small": f"because they are {rule.least} to {rule.below - 1}",
        "secondary": "so that a count that is small cannot be worked out from a sum",
        "row": "because another count of the same zone is hidden",
        "publisher": "because they came in blank, and count as the middle of what they may be",
    }
    tally = {r: int((reason == r).sum()) for r in why}
    zones, hidden = (reason != "").any(axis=1).sum(), sum(tally.values())
    notes = [
        (True, f"{hidden:,} of {reason.size:,} counts are hidden, in {zones:,} of {len(reason):,} zones."),
        *((n > 0, f"{n:,} of them {why[r]}.") for r, n in tally.items()),
        (merged > 0, f"Groups of zones too few to hide a count in were merged into {merged:,} larger ones."),
        (hidden > 0, f"Their mean in a group of zones stands in for hidden counts; its sum is kept within {within:,}."),
        (rule.round_to > 1, f"Shown counts are rounded to {rule.round_to}s; totals are sums of rounded counts."),
    ]
    return [note for applies, note in notes if applies]
