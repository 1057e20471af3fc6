"""One function a figure; each returns the Figure, and `show` displays it with its alt text."""

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image, display
from matplotlib.figure import Figure
from PIL import Image as Picture

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000"]
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""


def use_style() -> None:
    """Readable sizes, light frames, one palette; in tables, whole sentences."""
    pd.set_option("display.max_colwidth", None)
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=OKABE_ITO),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.figsize": (6.4, 3.2),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 10,
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG with a text for those who cannot see it, and close it."""
    if not alt.strip():
        raise ValueError("A figure needs an alt text: say in one sentence what it shows.")
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    display(Image(in_256_colours(buffer), format="png", alt=alt))


def in_256_colours(png: BytesIO) -> bytes:
    """The same picture at about a third of the size, to keep the notebooks small."""
    small = BytesIO()
    Picture.open(png).convert("RGB").quantize(256).save(small, "png", optimize=True)
    return small.getvalue()


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
    for (name, line), marker in zip(cosines.items(), "osD^v<>", strict=False):
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
    for (name, line), marker in zip(scores.items(), "os^vD<>", strict=False):
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
    for axes, (name, values), colour in zip(rows, cosines.items(), OKABE_ITO, strict=False):
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
    for (name, line), marker in zip(norms.items(), "os^vD<>", strict=False):
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
    axes.set(title=title, xlabel=xlabel)
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
    for (name, cosines), line in zip(unrelated.items(), ("-", "--", ":"), strict=False):
        axis.hist(cosines, bins, histtype="step", linewidth=1.8, linestyle=line, label=name)
    axis.axvline(0.5, color="grey", linewidth=0.8)
    axis.set(xlabel="cosine of an unrelated pair", ylabel="number of pairs", title=title)
    axis.legend(frameon=False, loc="upper left")
    return figure


def place_by_grade(places: pd.DataFrame, title: str) -> Figure:
    """Mean place (0 lowest, 100 highest) of the pairs of each grade; one column a scorer.

    Introduced in lesson 01.
    """
    figure, axis = plt.subplots()
    for (name, column), marker in zip(places.items(), "os^vD", strict=False):
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
    axis.loglog(n, widths[last] * np.sqrt(last / n), "--", label="1/sqrt(n), through the last")
    axis.set(
        xlabel="number of pairs n",
        ylabel="width, points",
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
    for i, (name, marker) in enumerate(zip(means, "os^vD<>", strict=False)):
        x = means.index + shift * (i - (means.shape[1] - 1) / 2)
        axes.errorbar(x, means[name], spread[name], marker=marker, markersize=4, capsize=2,
                      linewidth=1.5, elinewidth=0.8, label=name)  # fmt: skip
    for (name, value), style in zip(references.items(), (":", "--"), strict=False):
        axes.axhline(value, color="black", linewidth=1, linestyle=style, label=name)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, xticks=means.index)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def loss_on_both(losses: pd.DataFrame, title: str) -> Figure:
    """Loss after each epoch on the pairs trained on and on pairs held out; a column each.

    Introduced in lesson 07.
    """
    figure, axes = plt.subplots()
    for (name, line), marker in zip(losses.items(), "os^v", strict=False):
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
        for axes, (kind, values), colour in zip(column, cosines.items(), OKABE_ITO, strict=False):
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
            axes.annotate(name, path[-1, i], xytext=(5, 5), textcoords="offset points")
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
    for (name, line), marker in zip(means.items(), "os^vD", strict=False):
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
        runs.groupby("arm", sort=False), "os^vDP<>", OKABE_ITO, strict=False
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
    axes.invert_yaxis()
    axes.set(title=title, xlabel=xlabel)
    return figure


def accuracy_and_score(history: pd.DataFrame, title: str) -> Figure:
    """Training accuracy and STS score by epoch (columns `rate`, `seed`, `epoch`, `train`, `STS`).

    A line a rate, the mean over its seeds, in a band from the lowest to the highest seed.
    Introduced in lesson 06.
    """
    figure, row = plt.subplots(1, 2, figsize=(7.6, 3.2))
    labels = {"train": "accuracy on the training pairs, %", "STS": "STS dev, Spearman x 100"}
    for axes, (column, label) in zip(row, labels.items(), strict=True):
        for (rate, runs), mark in zip(history.groupby("rate"), "os^", strict=False):
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
