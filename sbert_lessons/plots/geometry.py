"""Figures of the cone, of whitening, and of isotropy against quality: lesson 10."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO


def two_measures(measures: dict[str, pd.DataFrame], title: str) -> Figure:
    """A panel for each measure; its table has a row a layer and a column (line) a model.

    Introduced in lesson 10.
    """
    figure, row = plt.subplots(1, len(measures), figsize=(7.4, 3))
    for axes, (name, table) in zip(row, measures.items(), strict=True):
        for (model, line), marker in zip(table.items(), cycle("os^v")):
            axes.plot(line.index, line, marker=marker, label=model)
        axes.set(xlabel="layer", ylabel=name, ylim=(0, 1))
        axes.set_xticks(table.index)
    row[0].legend(frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def plane_clouds(clouds: dict[str, np.ndarray], title: str) -> Figure:
    """A panel for each cloud of points `(N, 2)`, all on one scale, with a cross at the origin.

    Introduced in lesson 10.
    """
    figure, row = plt.subplots(1, len(clouds), figsize=(7.4, 2.2), sharex=True, sharey=True)
    for axes, (name, points) in zip(row, clouds.items(), strict=True):
        axes.plot(*points.T, ".", markersize=3, color=OKABE_ITO[0])
        axes.plot(0, 0, "+", color="black", markersize=10)
        axes.set_aspect("equal")
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("dimension 1")
    row[0].set_ylabel("dimension 2")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def length_place(lengths: np.ndarray, places: np.ndarray, title: str) -> Figure:
    """Where each sentence lies along the first direction, against its number of tokens.

    Introduced in lesson 10.
    """
    figure, axes = plt.subplots()
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(lengths))
    axes.plot(lengths + jitter, places, ".", markersize=2, alpha=0.4, color=OKABE_ITO[0])
    axes.set(title=title, xlabel="tokens in the sentence", ylabel="place along direction 1")
    return figure


def block_lines(scores: pd.DataFrame, references: dict[str, float], title: str) -> Figure:
    """STS of the cosine within each block of directions; one line a layer, dotted references.

    Introduced in lesson 10.
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.2))
    places = range(len(scores))
    for i, ((name, line), marker) in enumerate(zip(scores.items(), cycle("os^vD"))):
        axes.plot(places, line, marker=marker, color=OKABE_ITO[i], label=name)
    for name, value in references.items():
        axes.axhline(value, color="black", linewidth=1, linestyle=":", label=name)
    axes.set_xticks(places, scores.index)
    axes.set(title=title, xlabel="directions, by falling variance", ylabel="Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def sample_curves(
    means: pd.DataFrame, spread: pd.DataFrame, reference: dict[str, float], title: str
) -> Figure:
    """Score against the number of sentences that whitening is fitted on, with error bars.

    Introduced in lesson 10.
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.2))
    for (name, line), marker in zip(means.items(), cycle("os^v")):
        axes.errorbar(line.index, line, spread[name], marker=marker, capsize=3, label=name)
    for name, value in reference.items():
        axes.axhline(value, color="black", linewidth=1, linestyle=":", label=name)
    axes.set_xscale("log")
    axes.set_xticks(means.index, [f"{n:,}" for n in means.index], rotation=45)
    axes.minorticks_off()
    axes.set(title=title, xlabel="sentences to fit on", ylabel="Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def isotropy_scatter(rows: pd.DataFrame, title: str) -> Figure:
    """IsoScore against STS, one point a variant; colour by `layer`, shape by `model`.

    Introduced in lesson 10.
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.6))
    markers = dict(zip(rows["model"].unique(), cycle("o^sv")))
    colours = dict(zip(rows["layer"].unique(), cycle(OKABE_ITO)))
    for (layer, model), some in rows.groupby(["layer", "model"], sort=False):
        axes.plot(some["IsoScore"], some["STS"], markers[model], color=colours[layer], alpha=0.8,
                  label=f"{layer}, {model}")  # fmt: skip
    axes.set(title=title, xlabel="IsoScore of the moved vectors", ylabel="STS, Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def two_settings(gains: pd.DataFrame, title: str) -> Figure:
    """The same gain by `all` and by `wmean`: two dots a row, joined by a line, and a line at zero.

    Introduced in lesson 10.
    """
    figure, axes = plt.subplots(figsize=(7.4, 1.2 + 0.32 * len(gains)))
    places = np.arange(len(gains))[::-1]
    axes.hlines(places, gains.min(axis=1), gains.max(axis=1), color="grey", linewidth=1)
    for (name, column), marker, colour in zip(gains.items(), cycle("os"), cycle(OKABE_ITO)):
        axes.plot(column, places, marker, color=colour, label=name)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, gains.index)
    axes.set_xlabel("points of Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure
