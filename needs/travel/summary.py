"""Summarise times by zone, by what the families there need."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def by_zone(
    by_point: pd.DataFrame, points: pd.DataFrame, *, mode: str, back: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Summarise minutes of the points by zone, weighted by the families at each point.

    Parameters
    ----------
    by_point
        Minutes, index point_id, columns site_id.
    back
        The same for the way home, where it was measured.
    points
        With point_id, lsoa21cd, share (of the zone's demand).

    Returns
    -------
    pandas.DataFrame
        lsoa21cd, site_id, mode, minutes (the middle family's: weighted median), p90_min (nine in ten families are
        nearer), within_limit_pct (families who can get there within the mode's limit), and back_min (the middle
        family's way home) where `back` is given. Minutes are NaN where the family in question is beyond the limit; a
        mean would leave those families out.
    """
    share = points.set_index("point_id")["share"].reindex(by_point.index)
    zone = points.set_index("point_id")["lsoa21cd"].reindex(by_point.index)
    frames = []
    for code, rows in by_point.groupby(zone.to_numpy(), sort=True):
        weight = share.loc[rows.index].to_numpy()
        values = rows.to_numpy()
        frame = {
            "lsoa21cd": code,
            "site_id": rows.columns,
            "mode": mode,
            "minutes": weighted_quantile(values, weight, 0.5),
            "p90_min": weighted_quantile(values, weight, 0.9),
            "within_limit_pct": 100.0 * (np.isfinite(values) * weight[:, None]).sum(axis=0) / weight.sum(),
        }
        if back is not None:
            frame["back_min"] = weighted_quantile(back.loc[rows.index, rows.columns].to_numpy(), weight, 0.5)
        frames.append(pd.DataFrame(frame))
    return pd.concat(frames, ignore_index=True).sort_values(["lsoa21cd", "site_id"], ignore_index=True)


def weighted_quantile(values: NDArray[np.float64], weight: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """Give the smallest value that a share q of the weight does not exceed, column by column; NaN ranks last."""
    return values[_quantile_row(values, weight, q), np.arange(values.shape[1])]


def middle_row(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the row of the weighted median of each column; of equal values the first row."""
    return _quantile_row(values, weight, 0.5)


def _quantile_row(values: NDArray[np.float64], weight: NDArray[np.float64], q: float) -> NDArray[np.int64]:
    order = np.argsort(values, axis=0, kind="stable")
    reached = np.cumsum(weight[order], axis=0)
    first = (reached >= q * weight.sum() - 1e-12).argmax(axis=0)
    return np.asarray(np.take_along_axis(order, first[None, :], axis=0)[0])
