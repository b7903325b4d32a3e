"""List the cells that need care, and say which indicators are too chancy for zones of this size."""

from __future__ import annotations

import numpy as np
import pandas as pd

from needs.indicators.cells import Cells
from needs.indicators.spec import IndexSpec
from needs.rates import RELIABLE

NOT_RELIABLE = "not reliable at this level"


def reliability_table(cells: Cells, spec: IndexSpec) -> pd.DataFrame:
    """Say for each indicator how much of it is measured, and how far its rates can be trusted zone by zone.

    Parameters
    ----------
    cells
        Values of the zones looked at: the reference, or one area.
    spec
        The index that they belong to.

    Returns
    -------
    pandas.DataFrame
        Index `indicator`; `label`, `zones`; `suppressed_share`, `imputed_share` and `carried_share` of the zones, 0
        to 1; `median_reliability` and `unreliable_share` (zones below `needs.rates.RELIABLE`), over the zones whose
        reliability is known, NaN where none is; `flag`, "not reliable at this level" where the median is below it,
        else "". Raw rates of such an indicator should not be shown or ranked zone by zone.
    """
    rows = []
    for i in spec.indicators:
        state, known = cells.state[i.id], cells.reliability[i.id].dropna()
        median = float(known.median())
        rows.append(
            {
                "indicator": i.id,
                "label": i.label,
                "zones": len(state),
                **{f"{s}_share": float((state == s).mean()) for s in ("suppressed", "imputed", "carried")},
                "median_reliability": median,
                "unreliable_share": float((known < RELIABLE).mean()),
                "flag": NOT_RELIABLE if median < RELIABLE else "",
            }
        )
    return pd.DataFrame(rows).set_index("indicator")


def cell_flags(cells: Cells) -> pd.DataFrame:
    """List every cell that is not plainly measured: suppressed, imputed, carried, or of a reliability below 0.5.

    Returns
    -------
    pandas.DataFrame
        `lsoa21cd`, `indicator`, `state`, `value`, `low`, `high`, `reliability`; by zone, then by indicator, in the
        order of the cells.
    """
    state, reliability = cells.state.to_numpy(), cells.reliability.to_numpy()
    rows, columns = np.nonzero((state != "measured") | (reliability < RELIABLE))
    tables = {
        "state": state,
        "value": cells.values.to_numpy(),
        "low": cells.low.to_numpy(),
        "high": cells.high.to_numpy(),
    }
    return pd.DataFrame(
        {
            "lsoa21cd": cells.values.index[rows],
            "indicator": cells.values.columns[columns],
            **{name: table[rows, columns] for name, table in tables.items()},
            "reliability": reliability[rows, columns],
        }
    )
