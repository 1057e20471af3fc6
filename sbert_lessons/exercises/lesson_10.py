"""Lesson 10: exercises, predictions and claims."""

from functools import cache

import numpy as np

from ..data import load_sts
from ..encoder import SentenceEncoder, mini_bert
from ..evaluation import cosine, spearman
from ..geometry import layer_means, whitening
from ..results import average, lead, recorded
from .judging import close, compare
from .model import Claim, Prediction, exercise


@exercise("10.1", "Three variances", kind="hand", minutes=5, level=1, hints=(
    "The sum of the variances is 10, the sum of their squares 36 + 9 + 1.",
    "PR = 10 x 10 / 46.",
    "IsoScore puts PR on a scale from 0 (one dimension) to 1 (all three): (PR - 1) / (3 - 1).",
))  # fmt: skip
def three_variances(answer):
    pr = 100 / 46
    return compare(answer, [pr, (pr - 1) / 2], mistakes={
        "You forgot to square the sum above the line: 10 x 10.": [10 / 46, (10 / 46 - 1) / 2],
        "Right is PR. For IsoScore divide by D - 1 = 2, not by 3.": [pr, (pr - 1) / 3],
        "Right is PR. For IsoScore take 1 away first: one dimension must give 0.": [pr, pr / 3],
        "You squared the sum below the line, too: add the squares, 36 + 9 + 1.": [1, 0],
        "The other way round: first PR, then IsoScore.": [(pr - 1) / 2, pr],
        "The variances are the numbers 6, 3 and 1 themselves: no square root of them.": [
            roots_ratio(), (roots_ratio() - 1) / 2
        ],
    }, otherwise="PR = (6 + 3 + 1)^2 / (36 + 9 + 1), IsoScore = (PR - 1) / 2.",
       tolerance=5e-3)  # fmt: skip


def roots_ratio() -> float:
    """PR of the standard deviations: a wrong answer of 10.1."""
    roots = np.sqrt([6.0, 3, 1])
    return roots.sum() ** 2 / 10


@exercise("10.2", "The top that stayed", kind="bug", minutes=8, level=2, hints=(
    "Print the values that `np.linalg.eigh` gives: which one comes first?",
    "A variance is measured from the mean. From where does the function measure?",
    "Take `x - x.mean(0)` first, and the last k columns of the directions.",
))  # fmt: skip
def mended_removal(answer):
    x = skew_cloud()
    centred, (_, u) = x - x.mean(0), spectrum(x)
    top, bottom = u[:, :1], u[:, -1:]
    said = compare(answer(x, 1), centred - centred @ top @ top.T, mistakes={
        "Nothing has changed: `eigh` gives the smallest variance first.": x - x @ bottom @ bottom.T,
        "The right direction. But project the vectors with their mean taken away.": (
            x - x @ top @ top.T
        ),
        "Centred, yes. But `eigh` gives the smallest variance first: you removed the bottom.": (
            centred - centred @ bottom @ bottom.T
        ),
        "Nearly: the mean must stay away, too. Give back the centred vectors.": (
            x - centred @ top @ top.T
        ),
        "That is what should go. Take it away from the centred vectors.": centred @ top @ top.T,
    }, otherwise="Centre, then take out the k directions of most variance.")  # fmt: skip
    two = u[:, :2]
    if said is None and not close(answer(x, 2), centred - centred @ two @ two.T):
        return "Right for k = 1. With k = 2 the two directions of most variance must go."
    return said


@exercise("10.3", "Whitening in four lines", kind="code", minutes=10, level=2, hints=(
    "`c = np.cov(x.T)` is (D, D); `u, s, _ = np.linalg.svd(c)` gives directions and variances.",
    "The directions are the columns of `u`, the largest variance first.",
    "Divide each column by the square root of its variance: `u / np.sqrt(s)`. Then the first k.",
))  # fmt: skip
def white(answer):
    x = skew_cloud()
    found = answer(x, 2)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        return "Give back two things: the mean mu `(D,)` and W `(D, k)`."
    mu, w = found
    mu, w = np.asarray(mu, dtype=float), np.asarray(w, dtype=float)
    if w.shape != (4, 2):
        return f"W has the shape {w.shape}, wanted is (4, 2): D rows, and k columns."
    mean, _ = whitening(x)
    s, u = spectrum(x)
    return compare(pair_cosines((x - mu) @ w), after(x, mean, u[:, :2] / np.sqrt(s[:2])), mistakes={
        "The mean is missing: give back `x.mean(0)` as mu.": after(x, 0, u[:, :2] / np.sqrt(s[:2])),
        "That rotates and leaves the variances: divide by their square roots.": after(
            x, mean, u[:, :2]
        ),
        "You divided by the variances: it is their square roots.": after(x, mean, u[:, :2] / s[:2]),
        "You multiplied by the square roots: divide.": after(x, mean, u[:, :2] * np.sqrt(s[:2])),
        "Those are the k directions of least variance (`eigh` has them first).": after(
            x, mean, u[:, -2:] / np.sqrt(s[-2:])
        ),
        "The directions are the columns of u: you took its rows.": after(
            x, mean, u.T[:, :2] / np.sqrt(s[:2])
        ),
        "Divide the columns of u, each by its own root: you divided the rows.": after(
            x, mean, (u / np.sqrt(s)[:, None])[:, :2]
        ),
        "That only standardizes each dimension: the covariances are left out.": after(
            x, mean, np.diag(1 / x.std(0))[:, :2]
        ),
    }, otherwise="mu is the mean; W is U / sqrt(s), its first k columns.")  # fmt: skip


@exercise("10.4", "Which layer gains?", kind="experiment", minutes=10, level=2, hints=(
    "`x = layer_means(raw, texts['dev'])` has the shape (layers, 2N, D): go through `x`.",
    "Fit on all 2N vectors of a layer at once: `mu, w = whitening(layer)`.",
    "A gain is the score of `(layer - mu) @ w` minus the score of `layer`.",
))  # fmt: skip
def gains_by_layer(answer):
    right = gains()
    return compare(answer, right, tolerance=0.02, mistakes={
        "Those are the scores after whitening: take the scores before away.": scores("after"),
        "Before minus after: turn it round.": [-gain for gain in right],
        "Each side was whitened by itself: fit one map on both together.": gains("apart"),
        "The mean is missing: `(layer - mu) @ w`.": gains("no mean"),
        "You centred only: use W.": gains("centred"),
    }, otherwise="Four gains, layer 0 first: after minus before, on dev.")  # fmt: skip


def skew_cloud() -> np.ndarray:
    """40 points in 4 dimensions: off centre, and of very different variances."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(40, 4)) * [4, 2, 1, 0.5] @ rng.normal(size=(4, 4)) + [3, -2, 1, 4]


def spectrum(x):
    """Variances, largest first, and their directions."""
    values, directions = np.linalg.eigh(np.cov(x.T))
    return values[::-1], directions[:, ::-1]


def pair_cosines(x):
    """Cosine of each row with the next."""
    return cosine(x, np.roll(x, 1, axis=0))


def after(x, mu, w):
    """What a judge compares: signs and scale of W do not matter."""
    return pair_cosines((x - mu) @ w)


@cache
def dev_layers():
    """MEAN vectors of both sides of the bundled dev pairs, by layer, and the grades."""
    dev = load_sts("dev")
    texts = [*dev["sentence1"], *dev["sentence2"]]
    x = layer_means(SentenceEncoder.load(mini_bert()), texts).astype(float)
    return x, dev["score"].to_numpy()


@cache
def scores(way: str) -> list[float]:
    """Dev score of every layer of the raw model, before, or moved in one of the ways."""
    x, grades = dev_layers()
    return [spearman(cosine(*np.split(move(layer, way), 2)), grades) for layer in x]


def move(layer, way):
    """The vectors of a layer, as the right answer of 10.4 and the wrong ones move them."""
    if way == "before":
        return layer
    if way == "apart":
        return np.concatenate([move(side, "after") for side in np.split(layer, 2)])
    mu, w = whitening(layer)
    return {"after": (layer - mu) @ w, "no mean": layer @ w, "centred": layer - mu}[way]


def gains(way: str = "after") -> list[float]:
    """The right answer of 10.4, or what a mistake makes of it."""
    return [a - b for a, b in zip(scores(way), scores("before"), strict=True)]


PREDICTIONS = (
    Prediction(
        "10.1",
        "With the cone open, the STS score of the last layer",
        ("rises by more than 2", "stays within 2", "falls by more than 2"),
    ),
    Prediction(
        "10.2",
        "The direction of largest variance goes most with",
        ("the number of tokens", "the genre", "neither"),
    ),
    Prediction(
        "10.3",
        "Whitened, layer 0 of the raw model",
        ("gains more than 10", "stays within 10", "loses more than 10"),
    ),
    Prediction(
        "10.4",
        "Whitened, the last layer of the raw model",
        ("gains more than 2", "stays within 2", "loses more than 2"),
    ),
    Prediction(
        "10.5",
        "Over all variants, the rank correlation of IsoScore and STS is",
        ("above 0.5", "between -0.5 and 0.5", "below -0.5"),
    ),
    Prediction(
        "10.6",
        "On the real sets, whitening on the target text instead of NLI gains more by",
        ("all", "wmean", "the same"),
    ),
    Prediction(
        "10.7",
        "On the real sets, whitened on NLI text, the best layers of the raw model are",
        ("the last layer", "first and last", "all layers", "layer 0"),
    ),
)

SETS = ("sts12", "sts13", "sts14", "sts15", "sts16")


def seven_sets(arm: str, setting: str) -> float:
    """Average over STS12-16 in one setting, STS-B test and SICK test."""
    names = [f"{name}_{setting}" for name in SETS] + ["stsb_test", "sick_test"]
    return float(np.mean([average("whitening", arm, name) for name in names]))


def recorded_gain(after: str, before: str) -> float:
    """Points on STS-B test between two rows of the recorded table."""
    return lead("whitening", after, before, "stsb_test")


def recorded_rank_correlation() -> float:
    """IsoScore against STS-B dev, over the rows that are fitted on all of their text."""
    rows = recorded("whitening")
    rows = rows[(rows["share"] == 1) & (rows["model"].isin(["raw", "mini-sbert"]))]
    rows = rows[rows.get("sentences").isna()]
    return spearman(rows["iso_score"], rows["stsb_dev_cosine"]) / 100


CLAIMS = (
    Claim(
        "10.A",
        "The cone is the problem: centring opens it, and the STS score of the last layer rises",
        "common notes on anisotropy",
        recorded=lambda: recorded_gain("raw, last, centred (NLI)", "raw, last, raw"),
    ),
    Claim(
        "10.B",
        "Whitening raises the STS score of a raw BERT, first and last layer averaged",
        "Su et al. 2021, Table 1",
        paper="68.19 against 59.04 on STS-B, fitted on NLI (Table 1)",
        recorded=lambda: recorded_gain("raw, first-last, whitening (NLI)", "raw, first-last, raw"),
    ),
    Claim(
        "10.C",
        "Whitening raises the STS score of layer 0, word vectors without context",
        "lesson 10, section Does it help?",
        recorded=lambda: recorded_gain("raw, embeddings, whitening (NLI)", "raw, embeddings, raw"),
    ),
    Claim(
        "10.D",
        "Whitening raises the STS score of a model that was trained on NLI",
        "Su et al. 2021, Table 1",
        paper="78.66 against 77.63 on STS-B, fitted on NLI (Table 1)",
        recorded=lambda: recorded_gain(
            "mini-sbert, first-last, whitening (NLI)", "mini-sbert, first-last, raw"
        ),
    ),
    Claim(
        "10.E",
        "Higher IsoScore goes with better STS (rank correlation over all variants)",
        "the motive of BERT-flow and BERT-whitening, as often told",
        recorded=recorded_rank_correlation,
    ),
    Claim(
        "10.F",
        "By `all`, whitening on target text falls behind whitening on NLI text (seven real sets)",
        "Gao et al. 2021, Table C.1",
        paper="64.26 against 66.28 by all (Table C.1); 69.2 against 67.6 by wmean",
        recorded=lambda: (
            seven_sets("raw, first-last, whitening (NLI)", "all")
            - seven_sets("raw, first-last, whitening (target)", "all")
        ),
    ),
    Claim(
        "10.G",
        "IsoScore does not see the mean: centring, rotation and scale leave it as it is",
        "Rudman et al. 2022",
        kind="definition",
    ),
    Claim(
        "10.H",
        "Whitened, the average of first and last layer is better than the last layer alone",
        "WhiteningBERT 2021, as it is cited",
        recorded=lambda: (
            seven_sets("raw, first-last, whitening (NLI)", "wmean")
            - seven_sets("raw, last, whitening (NLI)", "wmean")
        ),
    ),
)
