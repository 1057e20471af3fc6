"""Figures of flows: lesson 11."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO


def clouds(panels: dict[str, np.ndarray], groups: np.ndarray, title: str) -> Figure:
    """The same points `(N, 2)` in every panel, coloured by `groups: (N,)`, with circles of N(0, I).

    Introduced in lesson 11.
    """
    size = {"figsize": (2.6 * len(panels), 2.9), "squeeze": False}
    figure, grid = plt.subplots(1, len(panels), **size)
    for axes, (name, points) in zip(grid[0], panels.items(), strict=True):
        for group, marker in zip(np.unique(groups), cycle("os^vD")):
            axes.scatter(*points[groups == group].T, s=4, marker=marker, color=OKABE_ITO[group])
        for radius in (1, 2):
            axes.add_patch(plt.Circle((0, 0), radius, fill=False, color="black", linewidth=0.8))
        axes.set_title(name, fontsize=10)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xlabel="first number", ylabel="second number" if axes is grid[0, 0] else "")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def likelihood_and_score(paths: dict[str, pd.DataFrame], reference: float, title: str) -> Figure:
    """Paths in the plane of held-out log-likelihood (`likelihood`) and STS score (`score`).

    A path runs from its open mark to its last; the dotted line is the raw model's score.
    Introduced in lesson 11.
    """
    figure, axes = plt.subplots(figsize=(7.6, 3.6))
    for (name, path), marker, colour in zip(paths.items(), cycle("Dos^vP"), cycle(OKABE_ITO)):
        axes.plot(path["likelihood"], path["score"], marker=marker, markersize=4, color=colour,
                  label=name)  # fmt: skip
        axes.plot(*path[["likelihood", "score"]].iloc[0], marker=marker, markersize=8,
                  markerfacecolor="white", color=colour)  # fmt: skip
    axes.axhline(reference, color="black", linewidth=1, linestyle=":", label="raw vectors")
    axes.set(title=title, xlabel="held-out log-likelihood, nats a number", ylabel="STS dev")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
