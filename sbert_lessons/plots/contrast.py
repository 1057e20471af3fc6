"""Figures of lesson 09: contrast."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO

NEAR = 11  # typographic points between the numbers of `alignment_plane`


def partner_shares(panels: dict[str, np.ndarray], title: str) -> Figure:
    """Square tables `(B, B)`, a row a sentence and a column a candidate, a panel a table.

    Introduced in lesson 09.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(7.6, 2.9))
    for axes, (name, table) in zip(row, panels.items(), strict=True):
        shown = axes.imshow(table, cmap="cividis", vmin=0, vmax=1)
        axes.set(title=name, xlabel="candidate", xticks=[], yticks=[])
        axes.title.set_fontsize(10)
    row[0].set_ylabel("sentence")
    figure.colorbar(shown, ax=row, shrink=0.8)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def alignment_plane(models: pd.DataFrame, title: str) -> Figure:
    """Uniformity across, alignment up, both better when lower; a number a model, its name beside.

    `models`: a row a model, columns `alignment`, `uniformity`, `kind`; a kind is a colour and a
    marker. Introduced in lesson 09.
    """
    figure, axes = plt.subplots(figsize=(8.4, 4.8))
    kinds = models["kind"].unique()
    look = {k: (OKABE_ITO[i], "osD^v"[i]) for i, k in enumerate(kinds)}
    for i, (name, row) in enumerate(models.iterrows(), 1):
        colour, marker = look[row["kind"]]
        axes.plot(row["uniformity"], row["alignment"], marker, color=colour, markersize=7,
                  linestyle="none", label=f"{i} {name}")  # fmt: skip
    axes.annotate("better", xy=(0.02, 0.02), xytext=(0.14, 0.13), xycoords="axes fraction",
                  arrowprops={"arrowstyle": "->"}, fontsize=9)  # fmt: skip
    axes.set(title=title, xlabel="uniformity (lower: more spread)")
    axes.set_ylabel("alignment (lower: paraphrases nearer)")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    figure.canvas.draw()  # settles where the points lie on the page
    places = models[["uniformity", "alignment"]].to_numpy(float)
    asides = free_places(axes.transData.transform(places) * 72 / figure.dpi)
    for i, (place, aside) in enumerate(zip(places, asides, strict=True), 1):
        line = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(str(i), place, xytext=aside, textcoords="offset points", fontsize=8,
                      ha="center", va="center", arrowprops=line)  # fmt: skip
    return figure


def free_places(points: np.ndarray) -> list[np.ndarray]:
    """For each point `(N, 2)`, where its number fits: an offset, clear of points and numbers.

    Tries eight directions at growing distances, `NEAR` points apart from all else.
    """
    turns = np.deg2rad([45, 225, 90, 270, 135, 315, 0, 180])
    tries = [r * np.array([np.cos(a), np.sin(a)]) for r in range(12, 100, 4) for a in turns]
    taken = [*points]
    for point in points:
        clear = (point + t for t in tries if np.hypot(*(point + t - taken).T).min() >= NEAR)
        taken.append(next(clear))
    return list(np.array(taken[len(points) :]) - points)


def temperature_lines(means: pd.DataFrame, sds: pd.DataFrame, raw: float, title: str) -> Figure:
    """Score against temperature, on a logarithmic axis; a line a column.

    Introduced in lesson 09.
    """
    figure, axes = plt.subplots(figsize=(7, 3.2))
    for name, marker in zip(means, cycle("os^v")):
        axes.errorbar(means.index, means[name], sds[name], marker=marker, markersize=5,
                      capsize=2, label=name)  # fmt: skip
    axes.axhline(raw, color="black", linewidth=1, linestyle=":", label="raw model")
    axes.set_xscale("log")
    axes.set_xticks(means.index, [f"{t:g}" for t in means.index])
    axes.minorticks_off()
    axes.set(title=title, xlabel="temperature", ylabel="STS dev, Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def probe_by_size(table: pd.DataFrame, references: dict[str, float], title: str) -> Figure:
    """What a probe reads from a head's output, against the output's size; a line a head.

    Columns named "..., untrained" are dashed; two columns that differ only in that share a colour.
    Introduced in lesson 09.
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.6))
    heads = list(dict.fromkeys(name.split(",")[0] for name in table))
    for name, line in table.items():
        i = heads.index(name.split(",")[0])
        style = "--" if name.endswith("untrained") else "-"
        axes.plot(line.index, line, style, color=OKABE_ITO[i], marker="os^"[i], label=name)
    for (name, value), style in zip(references.items(), cycle((":", "-."))):
        axes.axhline(value, color="black", linewidth=1, linestyle=style, label=name)
    axes.set(title=title, xlabel="numbers in g(h)", ylabel="right answers of the probe, %")
    axes.set(xticks=table.index, ylim=(45, 101))
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
