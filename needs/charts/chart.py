"""Hold a finished chart: its drawing, its words, and the very numbers that it draws."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from needs.charts.words import decimals_for, number, safe


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart as inline SVG text, for a page without network and for JupyterLab.

    Attributes
    ----------
    svg
        One `<svg>` element: no script, no reference outside itself; text and axes take the colour of the page.
    title
        What the chart says, in the caller's words; the accessible name of the drawing.
    description
        The finding in words, composed from the data.
    data
        The numbers drawn, one row per mark, in the order drawn; NaN is "no value".
    headings
        Words for the columns of `data`.
    """

    svg: str
    title: str
    description: str
    data: pd.DataFrame
    headings: tuple[str, ...]

    def to_html(self, *, table: bool = True) -> str:
        """Write the chart as a figure with its title and description, and its numbers as a table that opens.

        Parameters
        ----------
        table
            Whether the table comes along.
        """
        words = f"<strong>{safe(self.title)}</strong><br>{safe(self.description)}"
        caption = f'<figcaption style="overflow-wrap:anywhere">{words}</figcaption>'
        twin = f"<details><summary>The numbers of this chart</summary>{self._table()}</details>" if table else ""
        return f'<figure class="chart" style="margin:0 0 1.5em">{caption}{self.svg}{twin}</figure>'

    def _repr_html_(self) -> str:
        return self.to_html()

    def _table(self) -> str:
        numeric = [pd.api.types.is_numeric_dtype(kind) for kind in self.data.dtypes]
        written = []
        for at, is_number in enumerate(numeric):
            column = self.data.iloc[:, at]
            if is_number:
                values = column.to_numpy(dtype=float, na_value=float("nan"))
                decimals = decimals_for(values)
                written.append([number(v, decimals) for v in values])
            else:
                written.append([str(v) for v in column])
        right = ' class="n" style="text-align:right"'
        heads = "".join(
            f'<th scope="col"{right if n else ""}>{safe(h)}</th>' for h, n in zip(self.headings, numeric, strict=True)
        )
        rows = "".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{safe(cell)}</th>'
                if at == 0
                else f"<td{right if numeric[at] else ''}>{safe(cell)}</td>"
                for at, cell in enumerate(row)
            )
            + "</tr>"
            for row in zip(*written, strict=True)
        )
        name = safe(self.title)
        return (
            f'<div class="scroll" role="region" aria-label="{name}" tabindex="0" style="overflow-x:auto"><table>'
            f"<caption>{name}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        )
