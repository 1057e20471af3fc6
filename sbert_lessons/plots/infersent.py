"""The figure of lesson 08."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO


def winner_bars(panels: dict[str, pd.DataFrame], title: str) -> Figure:
    """Which tokens MAX takes a sentence vector from: a bar a token, a panel a model.

    Each frame has a row a token and the columns `forward` and `backward`: numbers of dimensions.
    Introduced in lesson 08.
    """
    tokens = [*next(iter(panels.values())).index]
    figure, row = plt.subplots(
        1, len(panels), sharex=True, sharey=True, figsize=(7.4, 0.9 + 0.22 * len(tokens))
    )
    for axes, (name, counts) in zip(row, panels.items(), strict=True):
        left = np.zeros(len(tokens))
        for i, (direction, values) in enumerate(counts.items()):
            axes.barh(range(len(tokens)), values, left=left, color=OKABE_ITO[i], label=direction)
            left += values
        axes.set(xlabel=f"dimensions, {name}")
    row[0].set_yticks(range(len(tokens)), tokens)
    row[0].invert_yaxis()
    row[-1].legend(frameon=False, title="LSTM", loc="lower right")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure
