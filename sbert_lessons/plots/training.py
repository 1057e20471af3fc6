"""Figures of training, losses and geometry: lessons 03 to 07."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sbert_lessons.plots.style import OKABE_ITO


def lines_with_spread(
    means: pd.DataFrame,
    spread: pd.DataFrame,
    references: dict[str, float],
    xlabel: str,
    ylabel: str,
    title: str,
) -> Figure:
    """One line a column of `means`, an error bar of `spread` at each point, dotted references.

    Introduced in lesson 07.
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.4))
    shift = 0.006 * np.ptp(means.index.to_numpy(dtype=float))
    for i, (name, marker) in enumerate(zip(means, cycle("os^vD<>"))):
        x = means.index + shift * (i - (means.shape[1] - 1) / 2)
        axes.errorbar(x, means[name], spread[name], marker=marker, markersize=4, capsize=2,
                      linewidth=1.5, elinewidth=0.8, label=name)  # fmt: skip
    for (name, value), style in zip(references.items(), cycle((":", "--"))):
        axes.axhline(value, color="black", linewidth=1, linestyle=style, label=name)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, xticks=means.index)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def loss_on_both(losses: pd.DataFrame, title: str) -> Figure:
    """Loss after each epoch on the pairs trained on and on pairs held out; a column each.

    Introduced in lesson 07.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(losses.items(), cycle("os^v")):
        axes.plot(line.index, line, marker=marker, markersize=4, label=name)
    axes.set(title=title, xlabel="epoch", ylabel="mean squared error", xticks=losses.index)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def cosines_and_targets(
    panels: dict[str, dict[str, np.ndarray]], targets: dict[str, float], title: str
) -> Figure:
    """A column of histograms a panel, a row a kind of pair; dashed where its target stands.

    A kind without a target is only looked at. Introduced in lesson 07.
    """
    kinds = list(next(iter(panels.values())))
    size = {"figsize": (7.6, 4), "squeeze": False}
    figure, grid = plt.subplots(len(kinds), len(panels), sharex=True, **size)
    for column, (name, cosines) in zip(grid.T, panels.items(), strict=True):
        column[0].set_title(name, fontsize=10)
        for axes, (kind, values), colour in zip(column, cosines.items(), cycle(OKABE_ITO)):
            axes.hist(values, bins=np.linspace(-0.5, 1.05, 63), color=colour)
            axes.axvline(values.mean(), color="black", linewidth=1)
            if kind in targets:
                axes.axvline(targets[kind], color="black", linewidth=1.5, linestyle="--")
            axes.set_yticks([])
        column[-1].set_xlabel("cosine")
    for axes, kind in zip(grid[:, 0], kinds, strict=True):
        axes.set_ylabel(kind, rotation=0, ha="right", va="center")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def points_on_the_circle(
    paths: dict[str, np.ndarray], names: list[str], groups: list[int], title: str
) -> Figure:
    """Directions of moving points `(steps, N, 2)`, a panel a loss: open at first, full at the end.

    Each point walks outward from the circle, so that its path can be seen. Introduced in lesson 07.
    """
    figure, panels = plt.subplots(1, len(paths), figsize=(2.6 * len(paths), 2.9), squeeze=False)
    for axes, (panel, path) in zip(panels[0], paths.items(), strict=True):
        axes.add_patch(plt.Circle((0, 0), 1, fill=False, color="lightgrey"))
        unit = path / np.linalg.norm(path, axis=-1, keepdims=True)
        radius = np.linspace(1, 1.35, len(unit))[:, None]
        angles, taken = np.arctan2(*unit[-1].T[::-1]), []
        for i, (name, group) in enumerate(zip(names, groups, strict=True)):
            colour, walk = OKABE_ITO[group], unit[:, i] * radius
            close = sum(abs(angles[i] - angle) < 0.25 for angle in taken)  # labels so far
            taken.append(angles[i])
            axes.plot(*walk.T, color=colour, linewidth=1.2)
            axes.plot(*walk[0], "o", color=colour, markerfacecolor="white", markersize=5)
            axes.plot(*walk[-1], "o", color=colour, markersize=5)
            label = unit[-1, i] * (1.57 + 0.27 * close)
            axes.text(*label, name, color=colour, ha="center", va="center", size=8)
        axes.set_title(panel, fontsize=10, loc="center")
        axes.set(xlim=(-1.5, 2), ylim=(-1.1, 2), aspect="equal", xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def point_paths(panels: dict[str, np.ndarray], names: list[str], title: str) -> Figure:
    """Where a loss has moved points of the plane: a panel a loss, path `(S, N, 2)`, dot at the end.

    Introduced in lesson 04.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(3.4 * len(panels), 3.6))
    for axes, (panel, path) in zip(row, panels.items(), strict=True):
        for i, name in enumerate(names):
            axes.plot(*path[:, i].T, color=OKABE_ITO[i])
            axes.plot(*path[0, i], "o", color="white", markeredgecolor=OKABE_ITO[i])
            axes.plot(*path[-1, i], "o", color=OKABE_ITO[i])
            axes.plot(*zip((0, 0), path[-1, i], strict=True), ":", color=OKABE_ITO[i], linewidth=1)
            place = (5, (5, -12)[i % 2])  # neighbours above and below, so that names do not touch
            axes.annotate(name, path[-1, i], xytext=place, textcoords="offset points")
        axes.plot(0, 0, "k+")
        axes.set(title=panel, xlabel="dimension 1", aspect="equal")
        axes.margins(0.15)
    row[0].set_ylabel("dimension 2")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def values_by_grade(means: pd.DataFrame, title: str) -> Figure:
    """Average cosine of the pairs of each grade (0 to 5), a line a model, and the target grade / 5.

    Introduced in lesson 04.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(means.items(), cycle("os^vD")):
        axes.plot(line.index, line, marker=marker, label=name)
    axes.plot([0, 5], [0, 1], color="black", linestyle=":", label="target: grade / 5")
    axes.set(title=title, xlabel="grade (rounded)", ylabel="average cosine")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def seed_lines(runs: pd.DataFrame, x: str, xlabel: str, reference: float, title: str) -> Figure:
    """Scores against `x` (columns `x`, `arm`, `score`): a dot a seed, a line through the means.

    The places on the axis are evenly spaced; the dotted line is the score without training.
    Introduced in lesson 04.
    """
    figure, axes = plt.subplots()
    places = {value: i for i, value in enumerate(sorted(runs[x].unique()))}
    for i, (arm, rows) in enumerate(runs.groupby("arm", sort=False)):
        at = rows[x].map(places) + 0.06 * (i - 1)
        axes.plot(at, rows["score"], ".", color=OKABE_ITO[i], alpha=0.35)
        mean = rows["score"].groupby(at).mean()
        axes.plot(mean.index, mean, marker="os^vD"[i], color=OKABE_ITO[i], label=arm)
    axes.axhline(reference, color="black", linestyle=":", label="not trained")
    axes.set_xticks(list(places.values()), [f"{value:,}" for value in places])
    axes.set(title=title, xlabel=xlabel, ylabel="Spearman x 100")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def two_yardsticks(
    runs: pd.DataFrame, start: pd.Series, reference: dict[str, float], title: str
) -> Figure:
    """Two scores of each run (index `arm`, `seed`), one across, one up: a dot a run.

    The star is the model without training, the dotted lines are word overlap.
    Introduced in lesson 05.
    """
    across, up = runs.columns
    figure, axes = plt.subplots(figsize=(7.4, 3.6))
    for (arm, rows), marker, colour in zip(
        runs.groupby("arm", sort=False), cycle("os^vDP<>"), cycle(OKABE_ITO)
    ):
        axes.plot(rows[across], rows[up], marker, markersize=5, color=colour, alpha=0.7, label=arm)
    axes.plot(start[across], start[up], "k*", markersize=14, label="no training")
    axes.axvline(reference[across], color="grey", linewidth=1, linestyle=":")
    axes.axhline(reference[up], color="grey", linewidth=1, linestyle=":", label="Jaccard")
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def difference_clouds(panels: dict[str, np.ndarray], classes: np.ndarray, title: str) -> Figure:
    """u - v of each pair, `(P, 2)`, a panel a state, a colour and a mark a class (E, N, C).

    Introduced in lesson 06.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(2.6 * len(panels), 3))
    for axes, (name, difference) in zip(row, panels.items(), strict=True):
        for k, (letter, mark) in enumerate(zip("ENC", "os^", strict=True)):
            points = difference[classes == k]
            axes.plot(*points.T, mark, color=OKABE_ITO[k], markersize=4, alpha=0.8, label=letter)
        axes.plot(0, 0, "k+")
        axes.set_title(name, fontsize=10)
        axes.set(xlabel="u - v, dim 1", aspect="equal", xlim=(-7, 7), ylim=(-7, 7))
    row[0].set_ylabel("u - v, dim 2")
    row[-1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def shell_histograms(shells: dict[str, dict[str, np.ndarray]], title: str) -> Figure:
    """Relative distances of E, N and C pairs, an outlined histogram each, a panel a model.

    Introduced in lesson 06.
    """
    figure, row = plt.subplots(1, len(shells), sharex=True, sharey=True, figsize=(7.4, 3))
    for axes, (model, by_class) in zip(row, shells.items(), strict=True):
        for (name, values), line in zip(by_class.items(), ("-", "--", ":"), strict=True):
            axes.hist(values, np.linspace(0, 1.4, 36), histtype="step", linewidth=1.8,
                      linestyle=line, label=name)  # fmt: skip
        axes.set_title(model, fontsize=10)
        axes.set_xlabel("|u - v| / average |u|")
    row[0].set_ylabel("number of pairs")
    row[-1].legend(frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def arm_dots(runs: dict[str, list[float]], xlabel: str, title: str) -> Figure:
    """A row an arm: a dot for the score of each seed, and a bar at their mean.

    Introduced in lesson 06.
    """
    figure, axes = plt.subplots(figsize=(6.4, 1.1 + 0.35 * len(runs)))
    for place, values in enumerate(runs.values()):
        axes.plot(values, [place] * len(values), "o", color=OKABE_ITO[0], alpha=0.5, markersize=5)
        axes.plot(np.mean(values), place, "|", color="black", markersize=16, markeredgewidth=2)
    axes.set_yticks(range(len(runs)), runs)
    axes.set(title=title, xlabel=xlabel, ylim=(len(runs) - 0.5, -0.5))
    return figure


def accuracy_and_score(history: pd.DataFrame, title: str) -> Figure:
    """Training accuracy and STS score by epoch (columns `rate`, `seed`, `epoch`, `train`, `STS`).

    A line a rate, the mean over its seeds, in a band from the lowest to the highest seed.
    Introduced in lesson 06.
    """
    figure, row = plt.subplots(1, 2, figsize=(7.6, 3.2))
    labels = {"train": "accuracy on the training pairs, %", "STS": "STS dev, Spearman x 100"}
    for axes, (column, label) in zip(row, labels.items(), strict=True):
        for (rate, runs), mark in zip(history.groupby("rate"), cycle("os^")):
            by_epoch = runs.groupby("epoch")[column]
            mean = by_epoch.mean()
            (line,) = axes.plot(mean.index, mean, marker=mark, markevery=4, markersize=4,
                                label=f"rate {rate:g}")  # fmt: skip
            axes.fill_between(
                mean.index, by_epoch.min(), by_epoch.max(), color=line.get_color(), alpha=0.15
            )
        axes.set(xlabel="epoch", ylabel=label)
    row[0].legend(frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def square_paths(
    panels: dict[str, np.ndarray], pairs: np.ndarray, labels: np.ndarray, title: str
) -> Figure:
    """Paths `(S, N, 2)` of free points, a panel a head; lines join the pairs, coloured by label.

    The first half of the points are premises (circles), the others hypotheses (squares); hollow
    where they start. Introduced in lesson 03.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 3.5))
    for axes, (panel, path) in zip(row, panels.items(), strict=True):
        for (i, j), label in zip(pairs, labels, strict=True):
            line = {"color": OKABE_ITO[label], "linestyle": ("-", "--", ":")[label], "linewidth": 2}
            name = "ENC"[label] if (labels[: len(axes.lines)] != label).all() else None
            axes.plot(*path[-1, [i, j]].T, label=name, **line)
        for i in range(path.shape[1]):
            mark = "o" if i < path.shape[1] // 2 else "s"
            axes.plot(*path[:, i].T, color="grey", linewidth=0.8)
            axes.plot(*path[0, i], mark, color="white", markeredgecolor="grey", markersize=5)
            axes.plot(*path[-1, i], mark, color="black", markersize=7)
        axes.set_title(panel, fontsize=10)
        axes.set(xlabel="dimension 1", aspect="equal")
        axes.margins(0.12)
    row[0].set_ylabel("dimension 2")
    row[-1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def block_bars(spread: pd.DataFrame, title: str) -> Figure:
    """How much each block (column) of W moves the logit of each class (row): grouped bars.

    Introduced in lesson 03.
    """
    figure, axes = plt.subplots()
    places, width = np.arange(len(spread)), 0.8 / spread.shape[1]
    for i, ((name, values), hatch) in enumerate(zip(spread.items(), ("", "//", "xx"), strict=True)):
        axes.bar(places + i * width - 0.4 + width / 2, values, width, hatch=hatch, label=name)
    axes.set_xticks(places, spread.index)
    axes.set(title=title, xlabel="class", ylabel="spread of the block's\npart of the logit")
    axes.legend(frameon=False, title="block of W")
    return figure
