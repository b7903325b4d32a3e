"""Lay out what a change means for protected characteristics and other groups, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from needs import demand
from needs.errors import SettingsError, fail
from needs.scenarios.comparison import Comparison
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

_FILE = "equality.toml"
_SHOWN = 0.05  # percentage points: what shows at one decimal
_FARES = ("Loses", "Stays the same", "Gains")
_COLUMNS = (
    "duty", "protected", "who", "families", "few", "hub_before_pct", "hub_after_pct", "online_before_pct",
    "online_after_pct", "met_before_pct", "met_after_pct", "difference_points", "against_all_points", "worse",
    "finding", "gain", "lose", "lose_pct", "evidence", "not_known",
)  # fmt: skip


class Duty(Strict):
    """A characteristic, the groups that stand for it, and what they leave unsaid.

    `share` is a preset of the catalogue of demand: the part of the people counted that the row is about.
    """

    id: str
    label: str = Field(min_length=1)
    protected: bool
    groups: tuple[str, ...] = ()
    share: str | None = None
    who: str | None = None
    source: str = ""
    not_known: str = Field(min_length=1)
    limits: str = ""  # of the figures, where there are any

    @model_validator(mode="after")
    def _sourced(self) -> Duty:
        if bool(self.groups) != bool(self.source):
            msg = "give the source of its groups, and none without groups"
            raise ValueError(msg)
        return self


class Duties(Strict):
    """All of them, in the order to show."""

    duties: tuple[Duty, ...] = Field(alias="duty", min_length=1)


@cache
def duties() -> tuple[Duty, ...]:
    """Read the catalogue's characteristics."""
    return checked(Duties, load(CATALOGUE / _FILE), file=_FILE).duties


def equality(
    comparison: Comparison,
    scenario: str | None = None,
    *,
    send_share_pct: float | None = None,
    evidence: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Make the table of an equality impact assessment: one row a group, and one for each thing that is not known.

    Parameters
    ----------
    comparison
        Its groups are the rows.
    scenario
        The one to assess against the first; the next to the first by default.
    send_share_pct
        Share of people aged 20 to 24 with SEND, per cent, in place of the preset.
    evidence
        Source of a group by its kind, such as the title of the input, in place of the catalogue's words.

    Returns
    -------
    pandas.DataFrame
        duty (the characteristic; "Everybody" first), protected (by the Equality Act 2010), who, families (how many),
        few (too few to read much into); in per cent of the group, before and after: hub (reached by a hub), online
        (beyond every standard, or turned away by full sites), met (need met: the mean value, a hub near by counting
        100); difference_points (of met), against_all_points (that less everybody's), worse (than for everybody, by what
        shows at one decimal; not for a group that gains and is served no worse than everybody afterwards; missing where
        not known), finding (the same in words, with how the group stands afterwards), gain, lose (families), lose_pct,
        evidence, not_known.
        Of a characteristic without data every figure is missing.

    Raises
    ------
    SettingsError
        If the share is not 0 to 100.

    Source: public sector equality duty, Equality Act 2010, section 149.
    """
    if send_share_pct is not None and not 0 <= send_share_pct <= 100:
        fail(SettingsError, "send_share_pct", f"is {send_share_pct:g}", "give a share in per cent, 0 to 100")
    key = comparison.other(scenario)
    shares = {p.id: p.value for p in demand.presets().values()}
    if send_share_pct is not None:
        shares["send_share_pct"] = send_share_pct
    everybody = {f"{c}_{k}": v for k in (comparison.first, key) for c, v in comparison.totals[k].items()}
    size = comparison.totals[comparison.first]["demand"]
    whole = {"group": f"All {comparison.demand_label}", "demand": size, "few": size < comparison.few, **everybody}
    base = _row(whole, comparison.first, key)
    said = {"evidence": "All groups of this comparison together.", "not_known": ""}
    base |= {"against_all_points": 0.0, "worse": False, "finding": _side(base["difference_points"], *_FARES)}
    rows = [{"duty": "Everybody", "protected": False, **base, **said}]
    by_kind = {kind: part.to_dict("records") for kind, part in comparison.groups.groupby("kind", sort=False)}
    for duty in duties():
        given = [(kind, group) for kind in duty.groups for group in by_kind.get(kind, [])]
        open_questions = f"{duty.not_known} {duty.limits}" if given and duty.limits else duty.not_known
        head = {"duty": duty.label, "protected": duty.protected, "not_known": open_questions}
        if not given:
            source = "" if not duty.groups else "Not given in this assessment."
            rows.append({**head, "who": "Not known", "evidence": source})
        for kind, group in given:
            part = shares[duty.share] / 100.0 if duty.share else 1.0
            own = _row(group, comparison.first, key, part)
            against = own["difference_points"] - base["difference_points"]
            own |= {"who": duty.who or own["who"], "few": own["families"] < comparison.few}
            told = (evidence or {}).get(kind, duty.source)
            if duty.share:
                told += f" Share: {100 * part:g} %."
            after = own["met_after_pct"] - base["met_after_pct"]
            own |= {"against_all_points": against, "worse": _worse(own["difference_points"], against, after)}
            own["finding"] = _finding(own, against, after)
            rows.append({**head, **own, "evidence": told})
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.astype({"protected": bool, "few": "boolean", "worse": "boolean"})


def _row(group: Mapping[Any, Any], first: str, key: str, part: float = 1.0) -> dict[str, Any]:
    """Set a group's figures before and after side by side; `part` of its people are counted."""
    families = group["demand"]
    row: dict[str, Any] = {"who": group["group"], "families": part * families, "few": group["few"]}
    for name, column in (("hub", "hub_pct"), ("online", "virtual_pct"), ("met", "met_pct")):
        row |= {f"{name}_before_pct": group[f"{column}_{first}"], f"{name}_after_pct": group[f"{column}_{key}"]}
    row["difference_points"] = row["met_after_pct"] - row["met_before_pct"]
    row |= {way: part * group[f"{way}_{key}"] for way in ("gain", "lose")}
    return row | {"lose_pct": 100.0 * group[f"lose_{key}"] / families if families > 0 else np.nan}


def _worse(points: float, against: float, after: float) -> bool | None:
    """Whether a group fares worse than everybody; one that gains and stands no lower afterwards does not."""
    if np.isnan(against):
        return None
    return against < -_SHOWN and not (points > _SHOWN and after >= -_SHOWN)


def _finding(row: Mapping[str, Any], against: float, after: float) -> str:
    """Say how a group fares, how that compares with everybody, and how it stands afterwards."""
    if np.isnan(against):
        return "Not known"
    fares = _side(row["difference_points"], *_FARES)
    less = "gains less than everybody" if row["difference_points"] > _SHOWN else "fares worse than everybody"
    beside = _side(against, less, "fares as everybody does", "fares better than everybody")
    stands = _side(after, "less well served", "served as well", "better served")
    return f"{fares}; {beside}; is {stands} afterwards"


def _side(points: float, below: str, same: str, above: str) -> str:
    """Pick a word by what shows at one decimal."""
    return below if points < -_SHOWN else above if points > _SHOWN else same
