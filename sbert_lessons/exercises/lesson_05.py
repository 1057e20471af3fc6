"""Lesson 05: exercises, predictions and claims."""

from functools import cache

import numpy as np
import pandas as pd
import torch

from ..data import load_nli
from ..encoder import SentenceEncoder, mini_bert, mini_sbert
from ..evaluation import cosine
from ..heads import SoftmaxHead
from ..results import average
from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("05.1", "A grade from three chances", kind="hand", minutes=4, level=1, hints=(
    "Multiply each chance by its grade, and add: 1 for E, one half for N, 0 for C.",
    "The first pair: 0.5 x 1 + 0.3 x 0.5 + 0.2 x 0.",
    "P(E) alone puts the pair with the larger P(E) first. Answer with 1 or 2.",
))  # fmt: skip
def expected_grades(answer):
    grades, by_e, by_grade = answer
    said = compare(grades, [0.65, 0.7], otherwise="Chance times grade, added up.", mistakes={
        "That is P(E) - P(C): the same order, another number.": [0.3, 0.4],
        "You left the neutral class out: it counts one half.": [0.5, 0.4],
        "N counted whole: its grade is one half.": [0.8, 1.0],
        "C counted one half and N nothing: it is the other way round.": [0.6, 0.4],
    })  # fmt: skip
    if said:
        return said
    if by_e not in (1, 2) or by_grade not in (1, 2):
        return "Name each pair by its number: 1 for the first, 2 for the second."
    if by_e != 1:
        return "P(E) alone: 0.5 is larger than 0.4."
    if by_grade != 2:
        return "By expected grade: 0.7 is larger than 0.65. It counts that nothing contradicts."
    return None


@exercise("05.2", "AUC in three lines", kind="code", minutes=8, level=2, hints=(
    "`scores[labels == 0]` are the scores of E, `scores[labels == 2]` those of C.",
    "`e[:, None] > c` compares every E with every C: a table of True and False.",
    "Add half of the table `e[:, None] == c`, then take the mean.",
))  # fmt: skip
def share_of_wins(answer):
    scores = np.array([0.9, 0.6, 0.6, 0.3, 0.8, 0.6, 0.2, 0.1, 0.95])
    labels = np.array([0, 0, 0, 0, 1, 2, 2, 2, 1])
    said = compare(answer(scores, labels), auc(scores, labels), mistakes={
        "Ties count one half: you left them out.": wins(scores, labels, 0, 2).mean(),
        "Ties count one half: you counted them as wins.": (
            wins(scores, labels, 0, 2) + ties(scores, labels, 0, 2)
        ).mean(),
        "That is C above E: turn it round.": 1 - auc(scores, labels),
        "You compared E with N: labels 0 and 2 take part.": auc(scores, labels, 0, 1),
        "You compared E with all others: neutral pairs take no part.": auc(
            scores, np.where(labels == 0, 0, 2)
        ),
        "That is the number of wins: divide by the number of twosomes.": (
            wins(scores, labels, 0, 2) + 0.5 * ties(scores, labels, 0, 2)
        ).sum(),
    }, otherwise="The share of (E, C) twosomes in which E is higher, ties half.")  # fmt: skip
    return said


@exercise("05.3", "Contradiction above neutral", kind="experiment", minutes=8, level=2, hints=(
    "`encode_pairs(raw, nli['held-out'])` gives u and v; `cosine(u, v)` the scores.",
    "It is exercise 05.2 with C in the place of E, and N in the place of C.",
    "The second model is `SentenceEncoder.load(mini_sbert())`.",
))  # fmt: skip
def contradiction_above_neutral(answer):
    right, other = c_above_n(), e_above_c()
    return compare(answer, right, tolerance=2e-3, mistakes={
        "That is N above C: turn it round.": [1 - x for x in right],
        "The two models are exchanged: raw first.": right[::-1],
        "That is E above C; the question is C above N.": other,
        "Both numbers are of the raw model.": [right[0], right[0]],
        "Give shares between 0 and 1, not times 100.": [100 * x for x in right],
    }, otherwise="Cosine, label 2 above label 1, held-out: raw, then mini_sbert.")  # fmt: skip


@exercise("05.4", "The score below zero", kind="bug", minutes=7, level=2, hints=(
    "Add up the chances of one pair. Do they give 1?",
    "Which axis holds the classes of one pair, 0 or 1?",
    "An old library had 0 contradiction, 1 entailment, 2 neutral. Which columns do you need here?",
))  # fmt: skip
def mended(answer):
    torch.manual_seed(5)
    head, u, v = SoftmaxHead(4), torch.randn(6, 4), torch.randn(6, 4)
    with torch.no_grad():
        scores = head(u, v)
        rows, batch = scores.softmax(1), scores.softmax(0)
        given = answer(head, u, v)
    mistakes = {
        "softmax(0) makes the pairs of a batch share one chance: classes are axis 1.": (
            batch[:, 0] - batch[:, 2]
        ),
        "The axis is right. Column 1 is neutral here: you need E minus C, columns 0 and 2.": (
            rows[:, 1] - rows[:, 0]
        ),
        "Nothing has changed: look at the axis of softmax, and at the label order.": (
            batch[:, 1] - batch[:, 0]
        ),
        "The sign is turned: E has label 0 and should raise the score.": rows[:, 2] - rows[:, 0],
        "That is a difference of class scores: softmax makes chances of them first.": (
            scores[:, 0] - scores[:, 2]
        ),
        "That is P(E) - P(N): C has label 2.": rows[:, 0] - rows[:, 1],
    }
    why = "P(E) - P(C): softmax over the classes of each pair, then column 0 minus column 2."
    return compare(given, rows[:, 0] - rows[:, 2], mistakes=mistakes, otherwise=why)


def wins(scores, labels, high, low):
    """Which of class `high` are above which of class `low`, a table of True and False."""
    return scores[labels == high][:, None] > scores[labels == low]


def ties(scores, labels, high, low):
    """Which of the two classes are equal."""
    return scores[labels == high][:, None] == scores[labels == low]


def auc(scores, labels, high=0, low=2):
    """Share of twosomes in which class `high` is above class `low`, ties half."""
    return (wins(scores, labels, high, low) + 0.5 * ties(scores, labels, high, low)).mean()


@cache
def held_out_cosines():
    """Cosines of the dev and test pairs, of the raw model and of mini_sbert, and the labels."""
    pairs = pd.concat([load_nli("dev"), load_nli("test")])
    encoders = [SentenceEncoder.load(path) for path in (mini_bert(), mini_sbert())]
    both = [np.split(e.encode([*pairs["premise"], *pairs["hypothesis"]]), 2) for e in encoders]
    return [cosine(u, v) for u, v in both], pairs["label"].to_numpy()


def c_above_n():
    """The right answer of 05.3."""
    scores, labels = held_out_cosines()
    return [auc(s, labels, 2, 1) for s in scores]


def e_above_c():
    """A wrong answer of 05.3: the AUC of the lesson."""
    scores, labels = held_out_cosines()
    return [auc(s, labels) for s in scores]


PREDICTIONS = (
    Prediction(
        "05.1",
        "By the raw model's cosine, second after entailment comes",
        ("neutral", "contradiction", "no difference"),
    ),
    Prediction(
        "05.2",
        "On STS pairs the head's own score ranks, beside the cosine,",
        ("higher", "lower", "about the same"),
    ),
    Prediction(
        "05.3",
        "With shuffled labels the STS score",
        ("rises by more than 3", "stays within 3", "falls by more than 3"),
    ),
    Prediction(
        "05.4",
        "With labels of the premise alone the STS score",
        ("rises by more than 3", "stays within 3", "falls by more than 3"),
    ),
    Prediction(
        "05.5",
        "After the full run, the AUC of cosine, E against C,",
        ("rises by more than .05", "stays within .05", "falls by more than .05"),
    ),
    Prediction(
        "05.6",
        "The measure that stands apart from cosine is",
        ("dot", "euclidean", "manhattan", "none of them"),
    ),
)


def separation_gain(experiment: str, arm: str) -> float:
    """Points of AUC, entailment against contradiction on SNLI dev, above the raw backbone."""
    return 100 * (average(experiment, arm, "auc_e_c") - average("raw", "mean", "auc_e_c"))


CLAIMS = (
    Claim(
        "05.A",
        "Training with a softmax head makes the cosine, which nobody trained, rank STS better",
        "Reimers & Gurevych 2019, Table 1",
        paper="77.03 against 46.35 on STS-B (Table 1)",
        recorded=lambda: (
            average("nli", "all pairs", "stsb_test") - average("raw", "mean", "stsb_test")
        ),
    ),
    Claim(
        "05.B",
        "Consistent inference is better: the trained head's own score ranks STS above cosine",
        "common notes on the mismatch",
        recorded=lambda: average("nli", "all pairs", "stsb_dev_head") - average("nli", "all pairs"),
    ),
    Claim(
        "05.C",
        "Softmax training makes the cosine separate entailment from contradiction better",
        "common reading of the classification objective",
        recorded=lambda: separation_gain("nli", "all pairs"),
    ),
    Claim(
        "05.D",
        "Training the cosine itself makes it separate entailment from contradiction better",
        "Reimers & Gurevych 2019, section 3, regression objective",
        recorded=lambda: separation_gain("objectives", "cosine to 1, 0.5, 0"),
    ),
    Claim(
        "05.E",
        "On a linear map, softmax training lifts STS more than shuffled labels do",
        "lesson 05, section The controls",
    ),
    Claim(
        "05.F",
        "All similarity measures agree: the dot product ranks STS as well as cosine",
        "common notes, after Reimers & Gurevych 2019, section 4, which names distances only",
        recorded=lambda: average("nli", "all pairs", "stsb_dev_dot") - average("nli", "all pairs"),
    ),
    Claim(
        "05.H",
        "On its own question, E against C, a head is ahead of the cosine of the same vectors",
        "InferSent, issue 54",
        paper="cosine .66 for a sentence and its opposite (issue 54)",
    ),
    Claim(
        "05.I",
        "After 121,199 real NLI pairs the cosine tells E from C better, on the bundled pairs",
        "common reading of the classification objective; on SNLI it does (recorded)",
    ),
    Claim(
        "05.G",
        "P(E) - P(C) and the expected grade (1, one half, 0) rank pairs alike",
        "lesson 05, section One model, two ways to read it",
        kind="definition",
    ),
    Claim(
        "05.J",
        "Regression on the cosine is consistent: it trains the number that is used",
        "Reimers & Gurevych 2019, section 3",
        kind="definition",
    ),
)
