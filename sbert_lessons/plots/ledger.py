"""Figures of the claims ledger: lesson 14."""

from itertools import cycle, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sbert_lessons.plots.style import OKABE_ITO

LOOK = {  # colour and marker of each verdict
    "supported": (OKABE_ITO[0], "o"),
    "softened": (OKABE_ITO[5], "s"),
    "refuted": (OKABE_ITO[3], "X"),
    "undecided": ("#777777", "d"),
}


def verdict_map(claims: pd.DataFrame, title: str) -> Figure:
    """Each measured claim at number / margin, a row a lesson; grey between -1 and 1.

    `claims`: the table of `ledger.read_ledger`. Introduced in lesson 14.
    """
    judged = claims[claims["verdict"].isin(LOOK)]
    lessons = sorted(judged["lesson"].unique())
    figure, axes = plt.subplots(figsize=(7.4, 1.2 + 0.26 * len(lessons)))
    axes.axvspan(-1, 1, color="#eeeeee", zorder=0)
    height = [lessons.index(lesson) + 0.7 * place for lesson, place in
              zip(judged["lesson"], places(judged["lesson"]), strict=True)]  # fmt: skip
    for state, (colour, marker) in LOOK.items():
        rows = (judged["verdict"] == state).to_numpy()
        x = (judged["number"] / judged["margin"]).to_numpy()[rows]
        axes.scatter(x, np.array(height)[rows], c=colour, marker=marker, s=34, label=state)
    axes.set_xscale("symlog", linthresh=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_yticks(range(len(lessons)), lessons)
    axes.invert_yaxis()
    axes.set(title=title, xlabel="measured number, in margins", ylabel="lesson")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def places(groups: pd.Series) -> np.ndarray:
    """Heights between -0.5 and 0.5 that keep the members of a group apart, in their order."""
    rank, size = groups.groupby(groups).cumcount(), groups.groupby(groups).transform("size")
    return ((rank + 0.5) / size - 0.5).to_numpy()


def shares(table: pd.DataFrame, xlabel: str, ylabel: str, title: str) -> Figure:
    """Lines of shares between 0 and 1, one a column, over a logarithmic index.

    Introduced in lesson 14.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(table.items(), cycle("os^v")):
        axes.plot(line.index, line, marker=marker, label=name)
    axes.set_xscale("log")
    axes.set_xticks(table.index, [f"{x:,}" for x in table.index])
    axes.minorticks_off()
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, ylim=(-0.04, 1.04))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def apart(x: pd.Series, y: pd.Series) -> pd.Series:
    """x, with a bubble of equal cost moved to the right where it would cover the one below it."""
    near, moved = 0.03 * (y.max() - y.min()), x.copy()
    for _, column in y.sort_values().groupby(x):
        for below, above in pairwise(column.index):
            if moved[below] == x[below] and column[above] - column[below] < near:
                moved[above] = 1.5 * x[above]
    return moved


def models_page(models: pd.DataFrame, best: pd.DataFrame, title: str) -> Figure:
    """All models: a panel a score against seconds of training, area in proportion to parameters.

    `models`: index = a number for each model, columns `name`, `seconds`, `parameters` and the
    scores; `best`: a column of booleans for each score, blue where true, and named at the right.
    Untrained models stand left of the dotted line; those far below the others at the lower edge.
    Introduced in lesson 14.
    """
    figure, grid = plt.subplots(1, best.shape[1], figsize=(11, 4.6))
    left = models["seconds"][models["seconds"] > 0].min() / 4
    ticks = [t for t in (3, 10, 30, 100, 300, 1000, 3000, 10_000) if t > 2 * left]
    for axes, score in zip(grid, best, strict=True):
        shown = models.dropna(subset=[score, "seconds"])
        low, high = shown[score].quantile([0.25, 0.75])
        y = shown[score].clip(lower=low - 1.5 * (high - low))
        x = apart(shown["seconds"].where(shown["seconds"] > 0, left), y)
        colours = [OKABE_ITO[5] if good else "#cccccc" for good in best.loc[shown.index, score]]
        axes.scatter(x, y, s=shown["parameters"].clip(1e6) / 2e4, c=colours, alpha=0.7)
        for number in shown.index:
            below = "" if y[number] == shown[score][number] else f"\n({shown[score][number]:.0f})"
            axes.annotate(f"{number}{below}", (x[number], y[number]), ha="center", va="center",
                          fontsize=7)  # fmt: skip
        axes.axvline(2 * left, color="black", linewidth=0.6, linestyle=":")
        axes.set_xscale("log")
        axes.set_xticks([left, *ticks], ["none", *(f"{t:,}" for t in ticks)])
        axes.minorticks_off()
        axes.set_xlim(left / 2, 2 * x.max())
        axes.set(xlabel="seconds of training", ylabel=f"{score}, Spearman x 100")
    named = [f"{n}  {models['name'][n]}" for n in best.index[best.any(axis=1)]]
    dots = [plt.Line2D([], [], marker="o", linestyle="", color=OKABE_ITO[5]) for _ in named]
    figure.legend(dots, named, loc="outside right center", frameon=False, fontsize=8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure
