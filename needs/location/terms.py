"""Reduce a siting model exactly to terms: gains, each had when one choice of a set is open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.location.values import Bools, Floats, Values
from needs.settings import SEED


@dataclass(frozen=True)
class Terms:
    """Sums over rows of amount times best value, as gains of sets of choices.

    Attributes
    ----------
    constant
        Each sum when nothing but what is certain is open; shape (sums,).
    alone
        Gains of each choice for sets that hold only it; shape (choices, sums).
    gains
        Gains of the other sets; shape (terms, sums).
    linked
        For each other set a smaller set inside it: its position, -1 for none, -2 - j for choice j alone; shape
        (terms,). A position is below the set's own.
    start, added
        The choices that set k has besides its linked one are added[start[k] : start[k + 1]].
    """

    constant: Floats
    alone: Floats
    gains: Floats
    linked: NDArray[np.int64]
    start: NDArray[np.int64]
    added: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.linked)

    def met(self, opened: Bools) -> Floats:
        """1 for each set that holds an open choice, else 0; shape (terms,)."""
        met = np.zeros(len(self))
        _meet(self.linked, self.start, self.added, opened, met)
        return met


def terms(values: Values, base: Floats, amounts: Floats, *, certain: Bools, closed: Bools) -> Terms:
    """Reduce sums of amount times best value to terms, exactly.

    A row's value is a staircase: it gains ``level - next lower level`` when at least one choice that reaches the
    level is open. Stairs of different rows with the same set of choices become one term, which merges equal rows,
    and more (radius form of Elloumi 2010, doi:10.1007/s10878-008-9183-4, stated for gains; a set is linked to the
    next smaller one of its row, so that the program stays sparse).

    Parameters
    ----------
    values
        Of the rows.
    base
        What each row gets when nothing is open; shape (rows,).
    amounts
        What each row counts in each sum, at least 0; shape (rows, sums).
    certain
        Choices known to open: what they give is not a stair; shape (choices,).
    closed
        Choices known not to open; shape (choices,).
    """
    floor = values.best(certain, base)
    # Sets are found by the sum of their members' keys and then compared member by member, so that a chance equality
    # of two sums costs a merge and never a wrong one.
    keys = np.random.default_rng(SEED).integers(1, 2**63, values.choices, dtype=np.int64)
    amounts = np.ascontiguousarray(amounts, np.float64)
    alone = np.zeros((values.choices, amounts.shape[1]))
    count, added_count, gains, linked, start, added = _reduce(
        values.start, values.choice, values.value, floor, ~(certain | closed), amounts, keys, alone
    )
    return Terms(
        amounts.T @ floor,
        alone,
        gains[:count].copy(),
        linked[:count].copy(),
        start[: count + 1].copy(),
        added[:added_count].copy(),
    )


@kernel
def _meet(
    linked: NDArray[np.int64], start: NDArray[np.int64], added: NDArray[np.int32], opened: Bools, met: Floats
) -> None:
    for k in range(len(linked)):
        held = (linked[k] >= 0 and met[linked[k]] > 0) or (linked[k] < -1 and opened[-2 - linked[k]])
        for e in range(start[k], start[k + 1]):
            held = held or opened[added[e]]
        met[k] = 1.0 if held else 0.0


@kernel
def _reduce(  # type: ignore[no-untyped-def]  # noqa: C901  one walk, kept whole
    row_start: NDArray[np.int64],
    choice: NDArray[np.int32],
    value: Floats,
    floor: Floats,
    usable: Bools,
    amounts: Floats,
    keys: NDArray[np.int64],
    alone: Floats,
):
    """Walk down every row's staircase; fill `alone`, and return the other terms and how many there are."""
    most = len(choice)
    sums = amounts.shape[1]
    gains = np.zeros((most, sums))
    linked = np.empty(most, np.int64)
    start = np.zeros(most + 1, np.int64)
    added = np.empty(most, np.int32)
    # Where the members of a term were first met: the usable entries of a row up to one of them, and how many.
    first_row, first_end, size = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    slots = 1
    while slots < 2 * most + 2:
        slots *= 2
    table = np.full(slots, -1, np.int64)
    seen = np.full(len(usable), -1, np.int64)
    count, filled = 0, 0
    for i in range(len(floor)):
        counts = False
        for s in range(sums):
            counts = counts or amounts[i, s] > 0
        if not counts:
            continue
        e, end = row_start[i], row_start[i + 1]
        key, members, last, single = np.int64(0), 0, np.int64(-1), -1
        while e < end and value[e] > floor[i]:
            if not usable[choice[e]]:
                e += 1
                continue
            level, stair = value[e], e
            while e < end and value[e] == level:
                if usable[choice[e]]:
                    key += keys[choice[e]]
                    members += 1
                    seen[choice[e]] = i
                    single = choice[e]
                e += 1
            below = e
            while below < end and value[below] > floor[i] and not usable[choice[below]]:
                below += 1
            lower = floor[i]
            if below < end and value[below] > lower:
                lower = value[below]
            if members == 1:
                for s in range(sums):
                    alone[single, s] += amounts[i, s] * (level - lower)
                last = np.int64(-2 - single)
                continue
            slot = (key ^ (key >> 29)) & (slots - 1)
            k = np.int64(-1)
            while table[slot] >= 0:
                other = table[slot]
                if size[other] == members:
                    same = True
                    for f in range(row_start[first_row[other]], first_end[other]):
                        if usable[choice[f]] and seen[choice[f]] != i:
                            same = False
                            break
                    if same:
                        k = other
                        break
                slot = (slot + 1) & (slots - 1)
            if k < 0:
                k = np.int64(count)
                count += 1
                table[slot] = k
                first_row[k], first_end[k], size[k], linked[k] = i, e, members, last
                for f in range(stair, e):
                    if usable[choice[f]]:
                        added[filled] = choice[f]
                        filled += 1
                start[k + 1] = filled
            for s in range(sums):
                gains[k, s] += amounts[i, s] * (level - lower)
            last = k
    return count, filled, gains, linked, start, added
