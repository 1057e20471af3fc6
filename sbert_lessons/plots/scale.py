"""Figures of lesson 13: what a smaller size costs."""

from itertools import cycle

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter


def size_lines(
    table: pd.DataFrame, xlabel: str, ylabel: str, title: str, line: dict[str, float] | None = None
) -> Figure:
    """One line a column against the index, a size on a logarithmic axis with its own ticks.

    Columns may have gaps; `line` holds heights to mark, by name. Introduced in lesson 13.
    """
    figure, axes = plt.subplots()
    for (name, column), marker in zip(table.items(), cycle("os^vD<>")):
        values = column.dropna()
        axes.plot(values.index, values, marker=marker, label=name)
    for name, height in (line or {}).items():
        axes.axhline(height, color="black", linestyle=":", linewidth=1, label=name)
    axes.set_xscale("log")
    axes.set_xticks(table.index, minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
