"""Figures of lesson 12: the UniLM mask, rotary positions, attention by distance."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO


def who_sees_whom(panels: dict[str, np.ndarray], tokens: list[str], title: str) -> Figure:
    """Boolean tables `(T, T)`: a blue field where the token of the row sees that of the column.

    Introduced in lesson 12.
    """
    size = 1.2 + 0.27 * len(tokens)
    figure, axes = plt.subplots(1, len(panels), figsize=(size * len(panels), size + 0.5))
    for ax, (name, seen) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        ax.imshow(seen, cmap=ListedColormap(["white", OKABE_ITO[0]]), vmin=0, vmax=1)
        ax.set_xticks(range(len(tokens)), tokens, rotation=90)
        ax.set_yticks(range(len(tokens)), tokens)
        ax.set_xticks(np.arange(len(tokens)) - 0.5, minor=True)
        ax.set_yticks(np.arange(len(tokens)) - 0.5, minor=True)
        ax.grid(which="minor", color="lightgrey")
        ax.tick_params(length=0, which="both")
        ax.set_title(name, fontsize=10)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def turning_pairs(turned: dict[str, np.ndarray], title: str) -> Figure:
    """One vector of the plane at positions 0, 1, 2 ..., `(T, 2)`, a panel a speed.

    Introduced in lesson 12.
    """
    figure, axes = plt.subplots(1, len(turned), figsize=(2.5 * len(turned), 2.9))
    for ax, (title_of, points) in zip(axes, turned.items(), strict=True):
        crowded = np.abs(points[1] - points[0]).max() < 0.2
        for place, (x, y) in enumerate(points):
            ax.plot([0, x], [0, y], color=OKABE_ITO[0], alpha=0.35)
            if not crowded or place == len(points) - 1:
                name = f"0 to {place}" if crowded else str(place)
                ax.annotate(name, (1.16 * x, 1.16 * y), ha="center", va="bottom", fontsize=8)
        ax.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal", xlabel="first coordinate")
        ax.set_title(title_of, fontsize=10)
    axes[0].set_ylabel("second coordinate")
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    return figure


def attention_by_distance(shares: pd.DataFrame, title: str) -> Figure:
    """Share of the attention (in %) against the distance key - query, a line a column.

    Introduced in lesson 12.
    """
    figure, axes = plt.subplots()
    styles = zip(shares.columns, cycle(OKABE_ITO), cycle(("o-", "s-", "^-", "x--")))
    for name, colour, style in styles:
        axes.plot(shares.index, shares[name], style, color=colour, markersize=4, label=name)
    axes.axvline(0, color="lightgrey", zorder=0)
    axes.set(title=title, xlabel="distance: place of the token seen, less one's own")
    axes.set_ylabel("share of attention, %")
    axes.legend(frameon=False)
    return figure
