"""Figures of vectors, pooling and scores: lessons 00 to 02."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO


def token_heat_map(
    tokens: list[str], vectors: np.ndarray, pooled: dict[str, np.ndarray], title: str
) -> Figure:
    """Token vectors `(T, D)`, one row a token, and below them the pooled rows `(D,)`.

    A dot marks, in each column, the token whose value is largest: the one that MAX takes.
    Introduced in lesson 02.
    """
    figure, (top, bottom) = plt.subplots(
        2, sharex=True, height_ratios=[len(tokens), len(pooled)], figsize=(7.4, 5.2)
    )
    limit = np.abs(vectors).max()
    style = {"cmap": "PuOr", "vmin": -limit, "vmax": limit, "aspect": "auto"}
    image = top.imshow(vectors, **style)
    top.plot(np.arange(vectors.shape[1]), vectors.argmax(0), "k.", markersize=3)
    bottom.imshow(np.stack(list(pooled.values())), **style)
    top.set_yticks(range(len(tokens)), tokens)
    bottom.set_yticks(range(len(pooled)), pooled)
    top.set(title=title, ylabel="token")
    bottom.set(xlabel="dimension", ylabel="pooled")
    figure.align_ylabels()
    figure.colorbar(image, ax=[top, bottom], label="value", shrink=0.8)
    return figure


def share_map(shares: pd.DataFrame, title: str) -> Figure:
    """What part of the sentence vector each token gives: poolings down, tokens across, in %.

    Introduced in lesson 02.
    """
    figure, axes = plt.subplots(figsize=(7.4, 2.9))
    values = shares.to_numpy()
    axes.imshow(values, cmap="Blues", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        dark = value > 0.6 * values.max()
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")  # fmt: skip
    axes.set_xticks(range(shares.shape[1]), shares.columns, rotation=45, ha="right")
    axes.set_yticks(range(len(shares)), shares.index)
    axes.set(title=title, xlabel="token", ylabel="pooling")
    return figure


def padding_lines(cosines: pd.DataFrame, title: str) -> Figure:
    """Cosine of a vector with itself, made with more and more padding; one line a pooling.

    Introduced in lesson 02.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(cosines.items(), cycle("osD^v<>")):
        axes.plot(line.index, line, marker=marker, markevery=4, markersize=4, label=name)
    axes.set(title=title, xlabel="places of padding")
    axes.set_ylabel("cosine with the vector\nwithout padding")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def layer_lines(scores: pd.DataFrame, reference: float, title: str) -> Figure:
    """STS score of each layer, one line a pooling; `reference` is the score of word overlap.

    Introduced in lesson 02.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(scores.items(), cycle("os^vD<>")):
        axes.plot(line.index, line, marker=marker, label=name)
    axes.axhline(reference, color="black", linestyle=":", label="Jaccard")
    axes.set_xticks(scores.index)
    axes.set(title=title, xlabel="layer (0: before the first layer)", ylabel="Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def cosine_histograms(cosines: dict[str, np.ndarray], title: str) -> Figure:
    """One histogram of cosines above the other on one axis, each with its average as a line.

    Introduced in lesson 02.
    """
    figure, rows = plt.subplots(len(cosines), sharex=True, figsize=(6.4, 0.9 + 0.8 * len(cosines)))
    for axes, (name, values), colour in zip(rows, cosines.items(), cycle(OKABE_ITO)):
        axes.hist(values, bins=np.linspace(-0.3, 1, 66), color=colour)
        axes.axvline(values.mean(), color="black", linewidth=1)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.set_yticks([])
    rows[0].set_title(title)
    rows[-1].set_xlabel("cosine of two unrelated sentences (bar: their average)")
    return figure


def norm_lines(norms: pd.DataFrame, title: str) -> Figure:
    """Average length of the sentence vectors against the number of tokens; one line a pooling.

    Introduced in lesson 02.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(norms.items(), cycle("os^vD<>")):
        axes.plot(line.index, line, marker=marker, markersize=4, label=name)
    axes.set(title=title, xlabel="tokens in the sentence", ylabel="average |u|", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def interval_dots(table: pd.DataFrame, value: str, xlabel: str, title: str) -> Figure:
    """A dot (column `value`) and its interval (`low`, `high`) for each row, and a line at zero.

    Introduced in lesson 01.
    """
    figure, axes = plt.subplots(figsize=(6.4, 1.2 + 0.35 * len(table)))
    places = np.arange(len(table))[::-1]
    axes.hlines(places, table["low"], table["high"], color=OKABE_ITO[0], linewidth=2)
    axes.plot(table[value], places, "o", color=OKABE_ITO[0])
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_yticks(places, table.index)
    axes.set(title=title, xlabel=xlabel, ylim=(-0.5, len(table) - 0.5))
    return figure


def stretched(cosines: np.ndarray, grades: np.ndarray) -> Figure:
    """Grades against cosines c, and against exp(10 c): another picture, the same order.

    Introduced in lesson 01.
    """
    figure, axes = plt.subplots(1, 2, sharey=True)
    jitter = np.random.default_rng(0).uniform(-0.1, 0.1, len(grades))
    for axis, x, label in zip(
        axes, (cosines, np.exp(10 * cosines)), ("cosine c", "exp(10 c)"), strict=True
    ):
        axis.plot(x, grades + jitter, ".", markersize=2)
        axis.set(xlabel=label)
    axes[0].set(ylabel="grade of the pair")
    figure.suptitle("A stretched scale keeps the order and loses the line", x=0.01, ha="left")
    return figure


def random_pair_histograms(unrelated: dict[str, np.ndarray], title: str) -> Figure:
    """Cosines of unrelated pairs, one outlined histogram a model, and the cosine 0.5.

    Introduced in lesson 01.
    """
    figure, axis = plt.subplots()
    bins = np.linspace(-0.4, 1, 57)
    for (name, cosines), line in zip(unrelated.items(), cycle(("-", "--", ":"))):
        axis.hist(cosines, bins, histtype="step", linewidth=1.8, linestyle=line, label=name)
    axis.axvline(0.5, color="grey", linewidth=0.8, label="cosine 0.5")
    axis.set(xlabel="cosine of an unrelated pair", ylabel="number of pairs", title=title)
    axis.legend(frameon=False, loc="upper left")
    return figure


def place_by_grade(places: pd.DataFrame, title: str) -> Figure:
    """Mean place (0 lowest, 100 highest) of the pairs of each grade; one column a scorer.

    Introduced in lesson 01.
    """
    figure, axis = plt.subplots()
    for (name, column), marker in zip(places.items(), cycle("os^vD")):
        axis.plot(places.index, column, marker=marker, label=name)
    axis.set(
        xlabel="grade (rounded)", ylabel="mean place in the ranking", ylim=(0, 100), title=title
    )
    axis.legend(frameon=False, ncols=2)
    return figure


def width_by_pairs(widths: pd.Series) -> Figure:
    """Width of the bootstrap interval against the number of pairs, and the 1/sqrt(n) line.

    Introduced in lesson 01.
    """
    figure, axis = plt.subplots()
    n, last = widths.index.to_numpy(dtype=float), widths.index[-1]
    axis.loglog(n, widths, "o", label="measured")
    axis.loglog(n, widths[last] * np.sqrt(last / n), "--", label="1/sqrt(n), through the last dot")
    axis.set(
        xlabel="number of pairs n",
        ylabel="width of the interval, points",
        title="Four times as many pairs, half the width",
        xticks=n,
        xticklabels=[f"{x:.0f}" for x in n],
        yticks=(8, 16, 32, 64),
        yticklabels=("8", "16", "32", "64"),
    )
    axis.minorticks_off()
    axis.legend(frameon=False)
    return figure


def stripes(vectors: np.ndarray, names: list[str], title: str) -> Figure:
    """Each vector, `(N, D)`, as a row of D coloured stripes. Introduced in lesson 00."""
    figure, axes = plt.subplots(figsize=(9, 0.9 + 0.5 * len(names)))
    limit = np.abs(vectors).max()
    image = axes.imshow(vectors, aspect="auto", cmap="PuOr", vmin=-limit, vmax=limit)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="dimension", title=title)
    figure.colorbar(image, label="value")
    return figure


def sentence_map(xy: np.ndarray, groups: list[str], sentences: list[str], title: str) -> Figure:
    """Points `(N, 2)`, a colour and a mark for each group, each sentence beside the map.

    The left half is labelled on the left, the right half on the right. Introduced in lesson 00.
    """
    figure, axes = plt.subplots(figsize=(9.5, 4.6))
    names = list(dict.fromkeys(groups))
    style = {g: (OKABE_ITO[i], "osD^v<>P"[i]) for i, g in enumerate(names)}
    low, high = xy.min(0), xy.max(0)
    halves = np.array_split(xy[:, 0].argsort(), 2)
    for half, edge, side in zip(halves, (low[0], high[0]), (-1, 1), strict=True):
        half = half[xy[half, 1].argsort()]
        x = edge + side * 0.08 * (high[0] - low[0])
        for row, y in zip(half, np.linspace(low[1], high[1], len(half)), strict=True):
            color, _ = style[groups[row]]
            axes.plot([xy[row, 0], x], [xy[row, 1], y], color=color, lw=0.6, alpha=0.6)
            align = "right" if side < 0 else "left"
            axes.text(x, y, f" {sentences[row]} ", ha=align, va="center", size=8.5)
    for name, (color, mark) in style.items():
        rows = [i for i, group in enumerate(groups) if group == name]
        axes.scatter(*xy[rows].T, color=color, marker=mark, s=45, label=name, zorder=3)
    wide = 0.85 * (high[0] - low[0])
    axes.set(xlim=(low[0] - wide, high[0] + wide), xticks=[], yticks=[], title=title)
    axes.set(xlabel="first principal component", ylabel="second principal component")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=len(names), frameon=False)
    return figure


def rates(
    values: dict[str, float], intervals: dict[str, tuple[float, float]], label: str, title: str
) -> Figure:
    """A bar for each rate in percent with its interval. Introduced in lesson 00."""
    figure, axes = plt.subplots(figsize=(6.4, 0.9 + 0.45 * len(values)))
    for place, (name, value) in enumerate(values.items()):
        low, high = intervals[name]
        error = [[value - low], [high - value]]
        axes.barh(place, value, color=OKABE_ITO[place], xerr=error, error_kw={"capsize": 4})
        axes.text(high + 2, place, f"{value:.1f} %", va="center")
    axes.set_yticks(range(len(values)), values)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel=label, title=title)
    return figure
