"""Say what is asked of a plan first, how far a plan brings it, and what is proven of that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from needs.location.program import TIE
from needs.location.solve import Proof, Step
from needs.siting import statement
from needs.siting.case import Case

_TOTAL = "as much need as can be is met in all, a family counting more where need is higher"
_WHAT = {
    "fifths": "the least share of need met in any of England's fifths of neighbourhoods by need",
    "worst_fifth": "the share of need met in England's neediest fifth of neighbourhoods",
    "worst_decile_travel": "the average journey to a site of the tenth of families in the neediest neighbourhoods",
}
_DIGITS = 6  # at most, to tell two figures apart


@dataclass(frozen=True)
class Aim:
    """What comes before the total.

    Attributes
    ----------
    what
        In words.
    unit
        Of a figure: "%" or "minutes".
    whole
        What reaching 1 is: 100 per cent; for journeys, the families that are counted.
    farthest_min
        What a family without a site in reach counts as; None for shares.
    """

    what: str
    unit: str
    whole: float
    farthest_min: float | None = None

    def figure(self, reached: float) -> float:
        """Turn what a goal reaches into per cent, or minutes."""
        if self.farthest_min is None:
            return min(100.0, self.whole * reached)
        return max(0.0, self.farthest_min * (1.0 - reached / self.whole)) if self.whole > 0 else 0.0

    def change(self, before: float, after: float) -> str:
        """Say how the figure would move from one level reached to another."""
        was, then = self.figure(before), self.figure(after)
        digits = next((d for d in range(_DIGITS) if f"{was:.{d}f}" != f"{then:.{d}f}"), _DIGITS)
        verb = "rise" if then > was else "fall"
        return f"{self.what} would {verb} from {was:.{digits}f} to {then:.{digits}f} {self.unit}"

    def said(self, reached: float) -> str:
        """Say a level reached."""
        return f"{self.figure(reached):.1f} {self.unit}"

    @property
    def asked(self) -> str:
        """Say what is done with it."""
        if self.farthest_min is None:
            return f"first {self.what} is made as great as it can be; of the plans that reach that, {_TOTAL}"
        without = f"a family that reaches no site counts as {self.farthest_min:.0f} minutes away"
        return f"first {self.what} is made as short as it can be ({without}); of the plans that reach that, {_TOTAL}"


def aim_of(case: Case) -> Aim | None:
    """Give what is asked of a case's plan before the total; None if nothing is."""
    name = case.settings.aim
    if name == "total":
        return None
    if name != "worst_decile_travel":
        return Aim(_WHAT[name], "%", 100.0)
    rows = statement.neediest(case.points)
    families = math.fsum(case.points["demand"].to_numpy(float)[rows])
    return Aim(_WHAT[name], "minutes", families, statement.farthest_min(case.minutes[rows]))


def asked(case: Case) -> str:
    """Say in a sentence what a case's plan is chosen by."""
    aim = aim_of(case)
    told = _TOTAL if aim is None else aim.asked
    return f"{told[0].upper()}{told[1:]}."


def met_words(case: Case) -> str:
    """Say what plans are compared by last: need met, and the presumption against closure where there is any."""
    presumed = case.presuming().values.rows > case.model.values.rows
    return "need met and what keeping existing sites counts for" if presumed else "need met"


def steps(case: Case, proof: Proof) -> list[dict[str, object]]:
    """List what came before the total: name, reached and bound (of the goal), unit, status, and all of it in words."""
    aim = aim_of(case)
    return [
        {
            "name": step.name,
            "reached": aim.figure(step.reached),
            "bound": aim.figure(step.bound),
            "unit": aim.unit,
            "status": step.status,
            "told": _of_step(aim, step),
        }
        for step in proof.steps
        if aim is not None
    ]


def proven(case: Case, proof: Proof) -> str:
    """Say in plain English what is proven of a plan, and of what."""
    aim = aim_of(case)
    told = [_of_step(aim, step) for step in proof.steps if aim is not None]
    others = "Of the choices that reach as much there," if told else "Under these inputs and rules"
    met = met_words(case)
    if proof.gap <= TIE:
        told.append(f"{others} no choice of sites does better in {met}: that is proven.")
    elif np.isfinite(proof.gap):
        told.append(
            f"{others} it is proven that no choice of sites is more than {100 * proof.gap:.2g} % better in "
            f"{met}; this plan is the best found."
        )
    else:
        told.append(f"{others} nothing is proven about better choices in {met}; this plan is the best found.")
    return " ".join(told)


def _of_step(aim: Aim, step: Step) -> str:
    level = f"In this plan {aim.what} is {aim.said(step.reached)}"
    if step.status == "optimal":
        return f"{level}; under these inputs and rules no choice of sites does better in that: that is proven."
    return f"{level}; it is proven that none does better than {aim.said(step.bound)}, and this is the best found."
