"""Lesson 11: exercises, predictions and claims."""

import math
from functools import cache

import numpy as np
import torch

from ..data import load_sts
from ..encoder import SentenceEncoder, mini_bert
from ..evaluation import cosine, spearman
from ..geometry import layer_means, whitening
from ..results import recorded
from .judging import close, compare
from .model import Claim, Prediction, exercise

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
SETS = (*(f"sts{year}_wmean" for year in range(12, 17)), "stsb_test", "sick_test")


@exercise("11.1", "Densities by hand", kind="hand", minutes=7, level=1, hints=(
    "(a) z = 0.5 (5 - 1) = 2. The map shrinks every length to a half: log|det| = log 0.5.",
    "(b) The Jacobian is [[1, 0], [2 x1, 1]]: what stands off the diagonal has no part in it.",
    "(c) The diagonal is 2 and exp(x1): add their logarithms.",
))  # fmt: skip
def densities(answer):
    log_p, shear, stretch = answer
    right = -2 - HALF_LOG_2PI + math.log(0.5)
    return compare(log_p, right, tolerance=2e-3, mistakes={
        "(a) The determinant is missing: z = 0.5 (x - 1) halves every length.": -2 - HALF_LOG_2PI,
        "(a) Add log 0.5, do not subtract it: dz/dx is 0.5.": -2 - HALF_LOG_2PI - math.log(0.5),
        "(a) That is the density; its logarithm is asked.": math.exp(right),
        "(a) That is N(5; 0, 1): put z = 0.5 (5 - 1) into the normal, not x.": (
            -12.5 - HALF_LOG_2PI + math.log(0.5)
        ),
        "(a) The normal density has z squared and a half: -0.5 * 2 * 2.": (
            -4 - HALF_LOG_2PI + math.log(0.5)
        ),
    }, otherwise="(a) log N(z) + log|dz/dx| with z = 2.") or compare(shear, 0.0, mistakes={
        "(b) 2 x1 stands off the diagonal: the determinant is 1 * 1.": math.log(6),
        "(b) That is the determinant; its logarithm is asked.": 1.0,
    }, otherwise="(b) An additive coupling: look at the diagonal only.") or compare(
        stretch, math.log(2) + 3, tolerance=2e-3, mistakes={
            "(c) That is the determinant; take its logarithm.": 2 * math.exp(3),
            "(c) The first factor is missing: log 2.": 3.0,
            "(c) Factors multiply, so their logarithms add: log 2 + 3.": 3 * math.log(2),
        }, otherwise="(c) log 2 + log exp(x1)."
    )  # fmt: skip


def shift(a):
    """A network for the halves of the judge's vectors."""
    return torch.stack([a[0] * a[1], a[0] - 2])


def factor(a):
    """The logarithms of its factors, not all of one sign."""
    return torch.stack([0.5 * a[1], -0.3 * a[0]])


@exercise("11.2", "A coupling, and back", kind="code", minutes=8, level=2, hints=(
    "`a, b = x.chunk(2)` cuts a vector into halves; `torch.cat([a, b])` puts them together.",
    "Forward: first multiply b by exp(s(a)), then add m(a).",
    "Backward, undo the last step first: subtract m(a), then multiply by exp(-s(a)).",
))  # fmt: skip
def couplings(answer):
    forward, backward = answer
    x = torch.tensor([1.5, -0.5, 2.0, 3.0])
    a, b = x.chunk(2)
    there = torch.cat([a, b * factor(a).exp() + shift(a)])
    said = compare(forward(x, shift, factor), there, mistakes={
        "The factor is exp(s(a)), which is never 0 or negative.": torch.cat(
            [a, b * factor(a) + shift(a)]
        ),
        "Only the shift is there: multiply b by exp(s(a)) first.": torch.cat([a, b + shift(a)]),
        "First multiply b, then add m(a): the shift is not multiplied.": torch.cat(
            [a, (b + shift(a)) * factor(a).exp()]
        ),
        "Keep the first half and move the second.": torch.cat(
            [a * factor(b).exp() + shift(b), b]
        ),
        "m and s see a, the half that stays.": torch.cat([a, b * factor(b).exp() + shift(b)]),
    }, otherwise="The first half stays a; the second becomes b exp(s(a)) + m(a).")  # fmt: skip
    if said is None and not close(backward(there, shift, factor), x, 1e-3):
        return "There is right; back is not: subtract m(a) first, then divide by exp(s(a))."
    return said


@exercise("11.3", "A likelihood that likes large numbers", kind="bug", minutes=5, level=2, hints=(
    "What is dz/dx of z = (x - mu) / sigma?",
    "A large sigma squeezes the cloud: its determinant is small, its logarithm negative.",
))  # fmt: skip
def likelihood(answer):
    x, mu = np.array([[1.0, 2], [0, -1], [3, 0.5]]), np.array([0.5, -0.5])
    sigma = np.array([2.0, 0.25])
    z = (x - mu) / sigma
    normal = (-0.5 * z**2 - HALF_LOG_2PI).sum(1)
    log_sigma = np.log(sigma).sum()
    return compare(answer(x, mu, sigma), normal - log_sigma, mistakes={
        "Nothing has changed yet: look at the sign of the determinant.": normal + log_sigma,
        "Without the determinant a huge sigma still wins.": normal,
        "The determinant belongs once to each vector, not once to each number.": (
            normal - 2 * log_sigma
        ),
        "One number for each vector: sum over the dimensions, not over the vectors.": (
            normal.sum() - log_sigma
        ),
        "The mean over the dimensions is not a log-likelihood: the determinant is a sum too.": (
            normal / 2 - log_sigma
        ),
    }, otherwise="log N(z) + log|dz/dx|, and dz/dx is 1/sigma in each dimension.")  # fmt: skip


@exercise("11.4", "Turn the dial", kind="experiment", minutes=10, level=2, hints=(
    "The variances: `s = np.linalg.norm(W, axis=0) ** -2`.",
    "`W * s ** (0.5 - p)` has columns of the length s^-p.",
    "Move both sides of `pairs['dev']` by (x - mu) @ W, then cosine, then spearman.",
))  # fmt: skip
def dial(answer):
    scores = scores_along_the_dial()
    best = max(scores, key=scores.get)
    if close(answer, best):
        return None
    names = {
        0: "0 only centres and turns the vectors",
        0.5: "0.5 is whitening, the end of the dial",
    }
    for power, score in scores.items():
        if close(answer, power):
            name = names.get(power, f"You turned it to {power}")
            return f"{name}: {score:.1f} on dev. Another of the five powers gives more."
        if power and close(answer, -power):
            return "The sign: small directions must grow, so multiply W by s^(0.5 - p)."
    if any(close(answer, score, 0.1) for score in scores.values()):
        return "That is a score: give the power that reached the highest."
    return "Give one of the five powers: 0, 0.125, 0.25, 0.375 or 0.5."


@cache
def scores_along_the_dial() -> dict[float, float]:
    """STS dev for each power, with whitening fitted on the sentences of dev and test."""
    encoder, tables = SentenceEncoder.load(mini_bert()), [load_sts("dev"), load_sts("test")]
    texts = [[*table[side]] for table in tables for side in ("sentence1", "sentence2")]
    sides = [layer_means(encoder, side)[[1, -1]].mean(0) for side in texts]
    mu, W = whitening(np.unique(np.concatenate(sides), axis=0))
    u, v = (side - mu for side in sides[:2])
    length, grades = np.linalg.norm(W, axis=0), tables[0]["score"]
    turned = {p: W * length ** (2 * p - 1) for p in (0, 0.125, 0.25, 0.375, 0.5)}
    return {p: spearman(cosine(u @ m, v @ m), grades) for p, m in turned.items()}


def full_gap(better: str, worse: str, score: str | None = None) -> float:
    """Difference of two recorded arms of mini-bert: mean of the seven sets, or one score."""
    runs = recorded("flow").groupby("arm").mean(numeric_only=True)
    a, b = (runs.loc[f"mini-bert, {arm}"] for arm in (better, worse))
    return float((a - b)[[score] if score else list(SETS)].mean())


FLOW = "scaled, 1 pass (target)"
PREDICTIONS = (
    Prediction(
        "11.1",
        "On a normal cloud, the log-likelihood of the flow against whitening's is",
        ("higher", "lower", "the same"),
    ),
    Prediction(
        "11.2",
        "After three passes over sentence vectors, the higher held-out likelihood has",
        ("the scaled flow", "whitening", "about the same"),
    ),
    Prediction(
        "11.3",
        "A flow fitted on the target text scores higher on STS after",
        ("one pass", "eight passes", "about the same"),
    ),
    Prediction(
        "11.4",
        "After one pass on target text, cosine follows word overlap",
        ("less", "more", "about the same"),
    ),
)
CLAIMS = (
    Claim(
        "11.A",
        "A flow explains new sentence vectors better than whitening, by a nat a sentence or more",
        "after Li et al. 2020: more than a linear map is needed",
    ),
    Claim(
        "11.B",
        "BERT-flow with the text of the task improves the raw vectors",
        "Li et al. 2020, Table 2",
        paper="69.57 against 63.69 (mean of seven sets)",
        recorded=lambda: full_gap(FLOW, "raw"),
    ),
    Claim(
        "11.C",
        "BERT-flow with the text of the task beats whitening with the same text",
        "Li et al. 2020, Table 2, against Su et al. 2021, Table 1",
        paper="69.57 against 69.21 (mean of seven sets)",
        recorded=lambda: full_gap(FLOW, "whitening (target)"),
    ),
    Claim(
        "11.D",
        "BERT-flow beats every linear map that goes part of the way to whitening",
        "lesson 11, section The text of the task",
        recorded=lambda: full_gap(FLOW, "whitening to the power 0.3 (target)"),
    ),
    Claim(
        "11.E",
        "The longer a flow is trained, and the more likely the vectors, the better the cosine",
        "what the objective of Li et al. 2020 hopes for",
        recorded=lambda: full_gap("scaled, 10 passes (target)", FLOW),
    ),
    Claim(
        "11.F",
        "BERT-flow loosens the tie of cosine to the words of a pair",
        "Li et al. 2020, Table 6",
        paper="correlation with edit distance -28.01 instead of -50.49",
        recorded=lambda: full_gap("raw", FLOW, "stsb_dev_with_jaccard"),
    ),
    Claim(
        "11.G",
        "Additive coupling keeps volume, whatever its network",
        "Dinh et al. 2015, NICE",
        kind="definition",
    ),
    Claim(
        "11.H",
        "Of all linear maps, whitening has the highest likelihood",
        "lesson 11, section Whitening is a flow",
        kind="definition",
    ),
)
