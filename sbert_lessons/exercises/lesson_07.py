"""Lesson 07: exercises, predictions and claims."""

from functools import cache

import numpy as np
import torch

from ..data import load_sts
from ..encoder import SentenceEncoder, mini_bert
from ..evaluation import cosine, encode_pairs, spearman
from ..losses import CoSENTLoss
from ..microscope import train_adapter
from ..results import average, lead
from .judging import close, compare
from .lesson_06 import points_lost
from .model import Claim, Prediction, exercise


@exercise("07.1", "Two pairs, two targets", kind="hand", minutes=5, level=1, hints=(
    "Each pair costs (cosine - target) squared; the loss is the mean of the two.",
    "With targets 1 and 0: 0.2 squared and 0.7 squared. With 1 and 0.5: 0.2 squared both times.",
    "The share: what the negative pair costs, divided by what both cost together.",
))  # fmt: skip
def two_targets(answer):
    loss, share, raised = answer
    by_both = "share: negative / (negative + positive)."
    return compare(loss, 0.265, otherwise="The loss is a mean of two squares.", mistakes={
        "That is the sum of the two costs; the loss is their mean.": 0.53,
        "Those are distances; the loss squares them before it takes the mean.": 0.45,
        "You sent the negative to -1; its target here is 0.": (0.04 + 1.7**2) / 2,
    }) or compare(share, 0.49 / 0.53, otherwise=by_both, mistakes={
        "share: square the distances first.": 0.7 / 0.9,
        "share: that is the positive's part.": 0.04 / 0.53,
        "share: that is the negative divided by the positive, not by both.": 0.49 / 0.04,
    }, tolerance=5e-3) or compare(raised, 0.04, otherwise="raised: the same with 0.5.", mistakes={
        "raised: that is the sum; take the mean.": 0.08,
        "raised: the negative lies 0.2 above its new target, so it costs 0.04, not 0.": 0.02,
        "raised: square the distances.": 0.2,
    })  # fmt: skip


@exercise("07.2", "Clipped negatives", kind="code", minutes=7, level=2, hints=(
    "Two cases: what a pair of label 1 costs, what a pair of label 0 costs.",
    "`torch.where(labels == 1, a, b)` takes a where the label is 1 and b elsewhere.",
    "`x.relu()` is max(x, 0).",
))  # fmt: skip
def clipped(answer):
    cos = torch.tensor([0.9, 0.3, 0.8, 0.2, -0.4])
    labels = torch.tensor([1, 1, 0, 0, 0])
    floor, up = 0.6, 1 - cos
    above = (cos - floor).relu()

    def mean(positive, negative):
        return torch.where(labels == 1, positive, negative).square().mean()

    formula = "(1 - cos)^2 for label 1, max(cos - floor, 0)^2 for label 0, then the mean."
    return compare(answer(cos, labels, floor), mean(up, above), otherwise=formula, mistakes={
        "Nothing is clipped: below the floor a negative costs nothing.": mean(up, cos - floor),
        "Your negatives go to 0, not to the floor: subtract it first.": mean(up, cos.relu()),
        "Su's max(cos, floor): here the cost must be 0 at the floor.": mean(up, cos.clamp(floor)),
        "You clipped the positives too.": mean(up - above, above),
        "The labels are exchanged: 1 is the positive.": mean(above, up),
        "Take the mean over all pairs, not the sum.": 5 * mean(up, above),
        "Square the costs.": torch.where(labels == 1, up, above).mean(),
    })  # fmt: skip


@exercise("07.3", "CoSENT", kind="code", minutes=12, level=3, hints=(
    "`s[None, :] - s[:, None]` is a table (N, N): row i, column j holds s_j - s_i.",
    "`y[:, None] > y[None, :]` is the table of the pairs (i, j) that have an order.",
    "`table[ordered]` keeps those; put one 0 in front of them, for the 1 inside the logarithm.",
    "`torch.cat([zero, kept]).logsumexp(0)` with `zero = torch.zeros(1)`.",
))  # fmt: skip
def cosent(answer):
    cos, y = torch.tensor([0.5, 0.62, 0.41, 0.45, 0.3]), torch.tensor([2.0, 1, 1, 0, 0])
    excess = 20 * (cos[None, :] - cos[:, None])
    above, equal = y[:, None] > y[None, :], y[:, None] == y[None, :]

    def value(exponents, first=(0.0,)):
        return torch.cat([torch.tensor(first), exponents]).logsumexp(0)

    right = value(excess[above])
    said = compare(answer(cos, y), right, mistakes={
        "The 1 in the logarithm is missing: exp(0) = 1, put a 0 first.": value(excess[above], ()),
        "Pairs of equal labels have no order: use >, not >=.": value(excess[above | equal]),
        "The order is turned: exp must grow when the lower label has the higher cosine.": value(
            -excess[above]
        ),
        "The scale of 20 is missing.": value(excess[above] / 20),
        "A pair without order must be left out; times 0 it still adds exp(0) = 1.": value(
            (excess * above).flatten()
        ),
        "That is the sum inside; the logarithm is missing.": 1 + excess[above].exp().sum(),
        "That is a mean over pairs of pairs; CoSENT has one logarithm around the whole sum.": (
            excess[above].exp().log1p().mean()
        ),
    }, otherwise="log(1 + sum over y_i > y_j of exp(20 (cos_j - cos_i))).")  # fmt: skip
    if said is None and not close(answer(cos, torch.ones(5)), 0.0):
        return "Right here, but a batch whose labels are all equal must give log(1) = 0."
    return said


@exercise("07.4", "Four unfair comparisons", kind="bug", minutes=8, level=2, hints=(
    "Ask of each: does one side know, or may it use, something that the other does not?",
    "What does CoSENT's loss depend on besides the model? Look at the table of tied cosines.",
    "Can a cosine reach 4?",
))  # fmt: skip
def unfair(answer):
    known = {
        "A": ("label information", "A: which labels does each of the two losses see?"),
        "B": ("target out of reach", "B: what is the largest value of a cosine?"),
        "C": ("batch size", "C: the value of a CoSENT batch grows with its pairs of pairs."),
        "D": ("chosen on test", "D: which data chose the number of epochs, on each side?"),
    }
    if not isinstance(answer, dict) or set(answer) != set(known):
        return "Give a dictionary with the four letters A, B, C and D."
    wrong = [why for letter, (right, why) in known.items() if answer[letter] != right]
    return wrong[0] if wrong else None


@exercise("07.5", "What does the scale do?", kind="experiment", minutes=10, level=2, hints=(
    "`CoSENTLoss(scale)`; train as in the function above, one run for each scale.",
    "Compare the dev scores. The losses of two scales are not comparable.",
    "`max(scores, key=scores.get)` is the key whose value is largest.",
))  # fmt: skip
def scale(answer):
    if np.shape(answer) != (2,):
        return "Give two things: the best of the three scales, and its score on dev."
    best, score = answer
    if best != 5:
        return {
            20: "20 is the published scale; was it the best of the three on our dev pairs?",
            80: "With 80 a batch hears only of its few worst mistakes; score its map on dev, too.",
        }.get(best, "The first must be one of the three scales: 5, 20 or 80.")
    dev, test = dev_and_test()
    return compare(score, dev, tolerance=5e-3, otherwise="Spearman x 100 on dev.", mistakes={
        "The scale is right. The score is that of test: choose on dev.": test,
        "The scale is right. Give its Spearman times 100.": dev / 100,
    })  # fmt: skip


@cache
def dev_and_test() -> list[float]:
    """Scores of the map that CoSENT with scale 5 learns from the grades of STS train."""
    encoder = SentenceEncoder.load(mini_bert())
    sts = {split: load_sts(split) for split in ("train", "dev", "test")}
    columns = {split: encode_pairs(encoder, pairs) for split, pairs in sts.items()}
    A, _ = train_adapter(CoSENTLoss(5), [*columns["train"]], sts["train"]["score"].to_numpy())
    return [
        spearman(cosine(*(x @ A for x in columns[split])), sts[split]["score"])
        for split in ("dev", "test")
    ]


PREDICTIONS = (
    Prediction(
        "07.1",
        "Before training, most of CosineLoss on the pairs of entailments and contradictions is",
        ("in the entailments", "in the contradictions", "about even"),
    ),
    Prediction(
        "07.2",
        "After ten epochs with target 0 for contradictions, the STS score is",
        ("above raw", "below raw", "about raw"),
    ),
    Prediction(
        "07.3",
        "For contradictions, a target of 0.5 against a floor at 0.5: the higher score has",
        ("the target", "the floor", "about the same"),
    ),
    Prediction(
        "07.4",
        "All layers learn on real pairs of two classes: the higher STS-B score has",
        ("the head", "cosine", "within a point"),
    ),
    Prediction(
        "07.5",
        "When 40 % of the labels are wrong, the STS score suffers least under",
        ("cosine", "cosent", "the softmax head"),
    ),
    Prediction(
        "07.6",
        "Trained on the same six grades, the higher STS score has",
        ("cosine", "cosent", "about the same"),
    ),
)

CLAIMS = (
    Claim(
        "07.A",
        "Cosine trained on 0/1 labels with contradictions as negatives ruins sentence vectors",
        "Su, kexue.fm 8847",
        recorded=lambda: average("raw", "mean") - average("negatives", "cosine, hard"),
    ),
    Claim(
        "07.B",
        "With random negatives it does better than with hard ones",
        "Su, kexue.fm 8847",
        paper="said without figures",
        recorded=lambda: lead("negatives", "cosine, random", "cosine, hard"),
    ),
    Claim(
        "07.C",
        "Hard negatives do better with a raised target than with 0",
        "after Su, kexue.fm 8847",
        recorded=lambda: lead("negatives", "cosine, hard, raised to 0.5", "cosine, hard"),
    ),
    Claim(
        "07.D",
        "Wrong labels cost the softmax head fewer points than the cosine loss",
        "after Su, kexue.fm 8847: tolerance to errors",
        recorded=lambda: points_lost("cosine") - points_lost("softmax"),
    ),
    Claim(
        "07.E",
        "Trained on the same grades, CoSENT beats cosine regression",
        "sentence-transformers, README of its STS examples",
        paper="said without figures",
        recorded=lambda: lead("objectives", "CoSENT, E over N over C", "cosine to 1, 0.5, 0"),
    ),
    Claim(
        "07.F",
        "Trained on the same two classes, CoSENT beats the softmax head",
        "Su, kexue.fm 8847, where the labels were not the same",
        paper="80.14 against 66.41, CoSENT on six grades, the head on two classes",
        recorded=lambda: lead("negatives", "CoSENT, hard", "softmax, hard"),
    ),
    Claim(
        "07.K",
        "With all layers, the softmax head beats cosine regression on the same two classes",
        "after Su, kexue.fm 8847",
        recorded=lambda: lead("negatives", "softmax, hard", "cosine, hard"),
    ),
    Claim(
        "07.L",
        "With all layers and random negatives, CoSENT beats the softmax head on the same classes",
        "lesson 07, section What the linear layer buys",
        recorded=lambda: lead("negatives", "CoSENT, random", "softmax, random"),
    ),
    Claim(
        "07.G",
        "CoSENT uses of the labels only their order",
        "lesson 07, section Order, not values",
        kind="definition",
    ),
    Claim(
        "07.H",
        "A batch of equal labels has CoSENT loss 0 and no gradient",
        "lesson 07, section Order, not values",
        kind="definition",
    ),
    Claim(
        "07.I",
        "A raised target and a floor are one loss while every negative lies above it",
        "lesson 07, section Raise the target, or clip it",
        kind="definition",
    ),
    Claim(
        "07.J",
        "Trained on the same NLI classes, CoSENT and the softmax head are about level on STS-B "
        "(within 3 points)",
        "Su, kexue.fm 8847",
        paper="73.91 against 74.88 on STS-B; over five sets 46.25 against 45.23",
        recorded=lambda: 3 - abs(lead("objectives", "CoSENT, E over N over C", "softmax")),
    ),
)
