"""Write postcodes the one way that they are joined by."""

from __future__ import annotations

from typing import Any

import pandas as pd

POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"  # outward code, a space, inward code


def written(values: pd.Series[Any]) -> pd.Series[Any]:
    """Put postcodes in capitals with one space before the last three characters; leave what is no postcode as it is.

    Parameters
    ----------
    values
        Texts, or blank: "ox1  3dw", "AB101AB", "NE26 1EJ.".
    """
    text = values.astype("str")
    bare = text.str.upper().str.replace(r"[^A-Z0-9]", "", regex=True)
    spaced = bare.str.slice(stop=-3) + " " + bare.str.slice(start=-3)
    fine = spaced.str.fullmatch(POSTCODE).fillna(value=False).astype(bool)
    return spaced.where(fine & values.notna(), values)
