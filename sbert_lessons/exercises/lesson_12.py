"""Lesson 12: exercises, predictions and claims."""

from functools import cache

import torch
from torch.nn.functional import cross_entropy, normalize

from ..data import load_sts
from ..encoder import SentenceEncoder
from ..evaluation import cosine, encode_pairs, pearson, spearman
from ..results import average
from ..unilm import finding_loss, mini_roformer_sim, rotate
from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("12.1", "Rows of the mask", kind="hand", minutes=5, level=1, hints=(
    "The running sum of the segments 0, 0, 1, 1, 1 is 0, 0, 1, 2, 3.",
    "Row i has a 1 in column j where the sum at j is not larger than the sum at i.",
    "Row 1 is a source token: it sees the two source tokens, the later one and itself too.",
))  # fmt: skip
def rows_of_the_mask(answer):
    return compare(answer, [[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], mistakes={
        "A target token sees itself, too, to tell what comes next. (Or did you count from 1?)": (
            [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]]
        ),
        "The target would see its own future: row 2 must not see columns 3 and 4.": (
            [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]
        ),
        "That is full attention: a source token must not see the target.": [[1] * 5] * 3,
        "A target token sees the source as well: columns 0 and 1 are 1 in every row.": (
            [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 1]]
        ),
    }, otherwise="i sees j if the running sum at j is at most that at i.")  # fmt: skip


@exercise("12.2", "Turn the pairs", kind="code", minutes=10, level=3, hints=(
    "`speed = 10_000 ** (-torch.arange(0, d, 2) / d)` has d/2 numbers, the first of them 1.",
    "`angle = positions[:, None] * speed` is (T, d/2), like `x[:, 0::2]`.",
    "New first: a cos - b sin; new second: a sin + b cos. `torch.stack([...], -1).flatten(1)` "
    "puts them side by side again.",
))  # fmt: skip
def turned_pairs(answer):
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(3))
    places = torch.tensor([0, 1, 4, 9, 30])
    a, b = x[:, 0::2], x[:, 1::2]
    angle = places[:, None] * 10_000 ** (-torch.arange(0, 6, 2) / 6)
    turned = [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()]
    mistakes = {
        "The halves are one behind the other: each pair must stand side by side again.": (
            torch.cat(turned, dim=1)
        ),
        "You turned the other way: the minus belongs to the first coordinate.": rotate(x, -places),
        "All pairs turn at one speed: multiply each place by its own speed.": rotate(
            x, places, 1.0
        ),
        "The exponent counts pairs by 2i/d: `torch.arange(0, d, 2) / d`.": (
            rotate(x, places, 10_000**0.5)
        ),
        "You paired x_i with x_{i + d/2}, as other models do: RoFormer pairs neighbours.": (
            halves(x, angle)
        ),
        "Your places begin at 1: use `positions` as they are.": rotate(x, places + 1),
    }
    why = "a cos - b sin and a sin + b cos for each pair of neighbours, with angle m theta_i."
    return compare(answer(x, places), rotate(x, places), mistakes=mistakes, otherwise=why)


def halves(x, angle):
    """Rotation of coordinate i with coordinate i + d/2."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=1)


@exercise("12.3", "The loss that stops at 0.69", kind="bug", minutes=7, level=2, hints=(
    "What is the largest number in each row of `scores`? In which column does it stand?",
    "The candidate that the partner can never beat is the vector itself.",
    "`scores.masked_fill(torch.eye(len(vectors), dtype=torch.bool), -torch.inf)`.",
))  # fmt: skip
def mended(answer):
    vectors = torch.tensor([[2.0, 0, 0], [-1, 0.3, 0], [0, 3, 1], [0.2, -1, 0.5]])
    unit, itself = normalize(vectors), torch.eye(4, dtype=torch.bool)
    scores, partner = 20 * unit @ unit.T, torch.arange(4) ^ 1
    mistakes = {
        "A vector may still find itself: strike the diagonal out.": cross_entropy(scores, partner),
        "A 0 on the diagonal is still a candidate: it counts exp(0) = 1. Use -torch.inf.": (
            cross_entropy(scores.masked_fill(itself, 0), partner)
        ),
        "The diagonal is right. The lengths must not count: normalise first.": cross_entropy(
            (20 * vectors @ vectors.T).masked_fill(itself, -torch.inf), partner
        ),
        "Now each vector looks for itself: the target is the partner, not the own row.": (
            cross_entropy(scores, torch.arange(4))
        ),
        "The partner of row 1 is row 0, not row 2: keep `torch.arange(...) ^ 1`.": cross_entropy(
            scores.masked_fill(itself, -torch.inf), (torch.arange(4) + 1) % 4
        ),
    }
    why = "Cosines times the scale, -inf on the diagonal, cross-entropy with the partner."
    return compare(answer(vectors), finding_loss(vectors), mistakes=mistakes, otherwise=why)


@exercise("12.4", "Which pooling finds better?", kind="experiment", minutes=6, level=1, hints=(
    '`SentenceEncoder.load(mini_roformer_sim(), pooling="mean")` is the same model with MEAN.',
    "`dev = load_sts('dev')`, then `u, v = encode_pairs(that_encoder, dev)`, "
    "then `spearman(cosine(u, v), dev['score'])`.",
    "Two numbers, CLS first.",
))  # fmt: skip
def two_poolings(answer):
    right, on_test, linear = (pooling_scores(*way) for way in WAYS)
    return compare(answer, right, tolerance=2e-3, mistakes={
        "The two are exchanged: CLS first.": right[::-1],
        "That is the test split; choices are made on dev.": on_test,
        "That is Pearson's correlation; Spearman is asked for.": linear,
        "Times 100, please.": [x / 100 for x in right],
    }, otherwise="Spearman x 100 of the cosine on STS dev: CLS, then MEAN.")  # fmt: skip


WAYS = (("dev", spearman), ("test", spearman), ("dev", pearson))


@cache
def pooling_scores(split, correlation):
    """Scores of the bundled model with CLS and with MEAN."""
    pairs = load_sts(split)
    encoders = [SentenceEncoder.load(mini_roformer_sim(), pooling=p) for p in ("cls", "mean")]
    return [correlation(cosine(*encode_pairs(e, pairs)), pairs["score"]) for e in encoders]


PREDICTIONS = (
    Prediction(
        "12.1",
        "When the last word of the target is changed, the vectors move at",
        ("its own place and later", "others too"),
    ),
    Prediction(
        "12.2", "When query and key both move on by 100, their product", ("stays", "changes")
    ),
    Prediction(
        "12.3",
        "The loss per token is lowest on",
        ("scenes", "questions", "news", "opinions"),
    ),
    Prediction(
        "12.4",
        "Of twelve sentences, the paraphrase lies nearer than the opposite in",
        ("3 or fewer", "4 to 8", "9 or more"),
    ),
    Prediction("12.5", "The term that learns most of the wrong labels is", ("u", "v", "|u-v|")),
)


def recorded_absorption() -> float:
    """What u and v take of 40 % wrong labels, less what |u-v| takes, in % of all three."""
    arm = "terms: 40 % wrong"
    u, v, d = (average("roformer_sim", arm, f"absorbed {t}") for t in ("u", "v", "|u-v|"))
    return 100 * (u + v - d) / (u + v + d)


CLAIMS = (
    Claim(
        "12.A",
        "The writer uses its source: with it, a paraphrase costs fewer nats a token",
        "Su, kexue.fm 8454: writing as sequence to sequence",
    ),
    Claim(
        "12.B",
        "Of its variants, those that its own cosine puts first are nearer by another model's",
        "Su, kexue.fm 8454: the model ranks what it has written",
        recorded=lambda: (
            100 * average("roformer_sim", "writing: captions", "nearest_cosine")
            - 100 * average("roformer_sim", "writing: captions", "cosine")
        ),
    ),
    Claim(
        "12.C",
        "Training on near-paraphrases makes the cosine rank STS better than the raw model's",
        "Su, kexue.fm 8454",
        recorded=lambda: (
            average("roformer_sim", "scores: cls", "stsb_test")
            - average("raw", "mean", "stsb_test")
        ),
    ),
    Claim(
        "12.D",
        "A sentence's paraphrase lies nearer than its opposite in nearly the same words",
        "readers of kexue.fm, on 'I like Beijing' (the complaint says: no)",
    ),
    Claim(
        "12.E",
        "The terms <u, w1> and <v, w2> absorb the wrong labels, more than <|u - v|, w3>",
        "the common reading of digests of kexue.fm 8541, on tolerance to errors",
        recorded=recorded_absorption,
    ),
    Claim(
        "12.F",
        "A turned query and a turned key know only the difference of their positions",
        "Su et al. 2021 (RoFormer)",
        kind="definition",
    ),
    Claim(
        "12.G",
        "Equal sentences leave the term |u - v| at 0, so without bias it cannot vote for them",
        "common notes: u = v gives |u - v| = 0",
        kind="definition",
    ),
)
