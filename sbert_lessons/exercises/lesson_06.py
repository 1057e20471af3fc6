"""Lesson 06: exercises, predictions and claims."""

from functools import cache

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from ..data import load_nli
from ..encoder import SentenceEncoder, mini_bert
from ..evaluation import cosine
from ..heads import SoftmaxHead
from ..results import average, rates_tried
from .judging import close, compare
from .model import Claim, Prediction, exercise


@exercise("06.1", "The pull on one pair", kind="hand", minutes=4, level=1, hints=(
    "u - v = (-3, 3). What are its signs?",
    "The gradient for u is w times the signs, dimension by dimension.",
    "v stands in u - v with a minus.",
))  # fmt: skip
def pull_by_hand(answer):
    for_u, for_v = answer
    return compare(for_u, [2, 5], otherwise="For u: w times sign(u - v).", mistakes={
        "For u: those are the weights; multiply each by the sign of u - v.": [-2, 5],
        "For u: that is the gradient for v; u stands in u - v with a plus.": [-2, -5],
        "For u: |x| has slope 1 or -1 whatever the distance; leave 3 out.": [6, 15],
    }) or compare(for_v, [-2, -5], otherwise="For v: minus w times sign(u - v).", mistakes={
        "For v: v has a minus in u - v, so its gradient is that of u turned round.": [2, 5],
        "For v: use the sign of u - v, then turn the result round.": [2, -5],
    })  # fmt: skip


@exercise("06.2", "A line through the fold", kind="code", minutes=7, level=2, hints=(
    "|u-v| of an inner pair lies on a quarter of a circle of radius 1. What is its largest sum?",
    "On the inner quarter |d_1| + |d_2| is at most 1.42; on the outer one at least 3.",
    "A score that falls as the sum grows: a number between 1.42 and 3, minus the sum.",
))  # fmt: skip
def fold(answer):
    angle = torch.linspace(0, 2 * torch.pi, 41)[:-1]
    ring = torch.stack([angle.cos(), angle.sin()], 1)
    v = torch.randn(40, 2, generator=torch.Generator().manual_seed(6))
    inner, outer = (torch.as_tensor(answer(v + r * ring, v)) for r in (1, 3))
    if inner.shape != (40,):
        return "Give one number a pair, shape (N,): sum over the two dimensions, axis 1."
    if (inner < 0).all() and (outer > 0).all():
        return "Turned round: the score has to be above 0 for the close pairs."
    one, two, three = (torch.as_tensor(answer(v + k * v.abs(), v)) for k in (1, 2, 3))
    if not close(three - two, two - one, 1e-3):
        return "That is not linear in |u-v|: weights times |u-v|, summed; no squares."
    none, x, y = (
        torch.as_tensor(answer(v + v.abs() * torch.tensor(d), v)) for d in ([0, 0], [1, 0], [0, 1])
    )
    if not close(one - y, x - none, 1e-3):
        return "A distance is not linear in |u-v|: each dimension adds its own part; no roots."
    if not close(inner, torch.as_tensor(answer(v - ring, v)), 1e-3):
        return "The score changes when u and v change places: take the absolute value first."
    if (inner <= 0).any():
        return "Some close pairs get no score above 0: look at those on the diagonal, sum 1.41."
    if (outer >= 0).any():
        return "Some far pairs get a score above 0: do both dimensions count, is the limit below 3?"
    return None


@exercise("06.3", "New names for the classes", kind="bug", minutes=7, level=2, hints=(
    "A linear layer holds two things for each class.",
    "Row k of the old head belongs to the class that is now called names[k].",
    "`new.linear.weight[names] = ...` writes to places `names`; `weight[names]` reads from them.",
))  # fmt: skip
def rename(answer):
    torch.manual_seed(6)
    head, names = SoftmaxHead(4), [1, 2, 0]
    old_weight, old_bias = head.linear.weight.detach().clone(), head.linear.bias.detach().clone()
    new = answer(head, names)
    if not (close(head.linear.weight, old_weight) and close(head.linear.bias, old_bias)):
        return "You changed the old head: write into the new one only."
    back = [names.index(k) for k in range(3)]
    said = compare(
        new.linear.weight,
        old_weight[back],
        mistakes={
            "`weight[names]` reads row names[k] into place k; you want row k in place names[k].": (
                old_weight[names]
            ),
            "Nothing is renamed: the rows stand where they stood.": old_weight,
        },
        otherwise="Row names[k] of the new weight is row k of the old one.",
    )
    return said or compare(
        new.linear.bias,
        old_bias[back],
        mistakes={
            "The rows of the bias go the other way than those of the weight.": old_bias[names],
            "The rows are renamed, the biases are not.": old_bias,
        },
        otherwise="The rows are right; each class has a bias too, and it must move with its row.",
    )


@exercise("06.4", "Is N outside?", kind="experiment", minutes=6, level=2, hints=(
    "Distances: `np.linalg.norm(dev[0] - dev[1], axis=1)`.",
    "Keep only the pairs with `y['dev'] > 0`, for labels and distances alike.",
    "`roc_auc_score(is_n, distance)`: its first argument says which pairs should be larger.",
))  # fmt: skip
def outer_shell(answer):
    labels, distance, city, cosines = shells()

    def larger(values, one, other):
        two = np.isin(labels, (one, other))
        return roc_auc_score(labels[two] == one, values[two])

    right = larger(distance, 1, 2)
    return compare(
        answer,
        right,
        tolerance=0.0016,
        mistakes={
            "Turned round: that is how often a C pair is farther than an N pair.": 1 - right,
            "That is N against E; keep the labels 1 and 2.": larger(distance, 1, 0),
            "That is C against E; keep the labels 1 and 2.": larger(distance, 2, 0),
            "You used the cosine; it is large for close pairs.": larger(cosines, 1, 2),
            "That is the sum of the absolute differences; wanted is the length of u - v.": larger(
                city, 1, 2
            ),
            "That is N against all others: leave E out first.": roc_auc_score(
                labels == 1, distance
            ),
            "Give the AUC between 0 and 1, not times 100.": 100 * right,
        },
        otherwise="AUC of |u-v| for label 1 against label 2, raw model, dev pairs.",
    )


@cache
def shells():
    """Labels, distances, city-block distances, cosines of the dev pairs in the raw model."""
    nli = load_nli("dev")
    texts = pd.unique(nli[["premise", "hypothesis"]].to_numpy().ravel())
    place = pd.Series(range(len(texts)), index=texts)
    vectors = SentenceEncoder.load(mini_bert()).encode(list(texts), batch_size=64)
    u, v = vectors[place[nli["premise"]]], vectors[place[nli["hypothesis"]]]
    apart = u - v
    return nli["label"].to_numpy(), *(np.linalg.norm(apart, p, 1) for p in (2, 1)), cosine(u, v)


PREDICTIONS = (
    Prediction(
        "06.1",
        "C pairs begin inside; after training under |u-v| the closest pairs are",
        ("the entailed ones", "those that began inside", "now these, now those"),
    ),
    Prediction(
        "06.2",
        "All names E and C exchanged: the AUC of cosine after softmax training",
        ("falls", "stays", "rises"),
    ),
    Prediction(
        "06.3",
        "Of what true labels repair, shuffled labels repair",
        ("less than a third", "a third to two thirds", "more"),
    ),
    Prediction(
        "06.4",
        "While training accuracy climbs from below 60 to above 85 %, STS",
        ("rises", "falls", "stays"),
    ),
    Prediction(
        "06.5",
        "The cone is opened most by",
        ("u,v alone", "|u-v| alone", "all three", "all three, shuffled labels"),
    ),
)


def points_lost(objective: str, score: str = "stsb_dev_cosine") -> float:
    """What 40 % wrong labels cost an objective in the recorded runs on two classes."""
    return average("negatives", f"{objective}, hard", score) - average(
        "noise", f"{objective}, 40 % wrong", score
    )


def dip() -> float:
    """How far the worst recorded run on fewer pairs lies below the raw backbone, STS-B dev."""
    sizes = ("1,000", "3,000", "10,000", "30,000")
    return average("raw", "mean") - float(np.min([average("pairs", size) for size in sizes]))


def fall_with_accuracy() -> float:
    """(u, v) alone, over its learning rates: best score minus that of the most accurate run."""
    runs = rates_tried("features").query("arm == 'u,v'")
    most_accurate = runs.loc[runs["snli_dev_accuracy"].idxmax()]
    return runs["stsb_dev_cosine"].max() - most_accurate["stsb_dev_cosine"]


CLAIMS = (
    Claim(
        "06.A",
        "The softmax loss does not know which class means close",
        "lesson 06, section The pull of a linear head",
        kind="definition",
    ),
    Claim(
        "06.B",
        "Under |u-v| the class whose pairs begin closest ends closest, whatever its name",
        "after Su, kexue.fm 8847: the start decides",
    ),
    Claim(
        "06.C",
        "Before training, entailed pairs lie on an inner shell, contradictions on an outer one",
        "Su, kexue.fm 8847",
    ),
    Claim("06.D", "It is the NLI labels that repair a broken start", "lesson 06"),
    Claim(
        "06.E",
        "A short run breaks the geometry before a long one improves it",
        "early versions of this course, on a weaker backbone",
        recorded=dip,
    ),
    Claim(
        "06.F",
        "Accuracy can rise while the Spearman correlation falls",
        "Su, kexue.fm 8847",
        recorded=fall_with_accuracy,
    ),
    Claim(
        "06.G",
        "The softmax head loses less to wrong labels than cosine regression",
        "Su, kexue.fm 8847: tolerance to errors",
        recorded=lambda: (
            100 * (points_lost("cosine", "auc_e_c") - points_lost("softmax", "auc_e_c"))
        ),
    ),
    Claim(
        "06.H",
        "The parts u and v open the cone of sentence vectors",
        "Su, kexue.fm 8847",
    ),
    Claim(
        "06.I",
        "A linear classifier cannot separate a shell from the shell around it; after |.| it can, "
        "if the outer one is wide enough",
        "Su, kexue.fm 8847",
        kind="definition",
    ),
    Claim(
        "06.J",
        "That softmax training yields decent vectors is largely a coincidence",
        "sentence-transformers, README of its NLI examples",
        kind="literature",
        paper="said without figures",
    ),
)
