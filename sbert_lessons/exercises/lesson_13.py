"""Lesson 13: exercises, predictions and claims."""

import numpy as np
import torch
from torch.nn.functional import normalize

from ..losses import CoSENTLoss
from ..results import gap, recorded
from .judging import close, compare
from .model import Claim, Prediction, exercise

PAIRS_OF_PAPER, MINUTES_OF_PAPER = 49_995_000, 65 * 60


@exercise("13.1", "What re-ranking costs", kind="hand", minutes=4, level=1, hints=(
    "Each of 10,000 sentences has 20 candidates: that many pairs are read.",
    "The paper reads 49,995,000 pairs in 65 hours of 60 minutes.",
))  # fmt: skip
def re_ranking(answer):
    passes, minutes = answer
    if close(passes, 10_000 * 9_999 // 2):
        return "Those are all pairs: only 20 candidates for each sentence are read."
    said = compare(passes, 200_000, otherwise="Sentences times candidates.", mistakes={
        "Each of the 10,000 sentences has its own 20 candidates.": 20,
        "The candidates are chosen already: read 20 each, not all pairs among them.": 1_900_000,
    })  # fmt: skip
    if said:
        return said
    share = 200_000 / PAIRS_OF_PAPER
    formula = "65 hours, in minutes, times the share of the pairs that is read."
    return compare(minutes, MINUTES_OF_PAPER * share, otherwise=formula, tolerance=1e-2, mistakes={
        "That is in hours: one hour has 60 minutes.": 65 * share,
        "That is in seconds: one minute has 60.": 60 * MINUTES_OF_PAPER * share,
    })  # fmt: skip


@exercise("13.2", "A recall that is too low", kind="bug", minutes=8, level=2, hints=(
    "`found == exact` compares place with place. Does the order of the ten matter?",
    "For each query: how many row numbers are in both? `len(set(a) & set(b))`.",
    "Divide by how many there are to find: `exact.size` over all queries.",
))  # fmt: skip
def recall(answer):
    exact = np.array([[3, 1, 4, 5], [9, 2, 6, 8], [7, 0, 10, 11], [13, 14, 15, 16]])
    found = np.array([[1, 3, 5, 0], [9, 2, 8, 6], [20, 21, 7, -1], [14, 13, 16, 15]])
    hits = np.array([len({*f} & {*e}) for f, e in zip(found, exact, strict=True)])
    said = compare(answer(found, exact), hits.sum() / 16, mistakes={
        "Place is compared with place: a neighbour found second instead of first is found.": (
            found == exact
        ).mean(),
        "That is the number of hits: divide by the number to be found.": hits.sum(),
        "That counts queries that found all of theirs; count neighbours.": (hits == 4).mean(),
        "That counts queries that found at least one; count neighbours.": (hits > 0).mean(),
        "You divided by ten; here there are 4 to find.": hits.sum() / 40,
        "You divided by what was found (without -1); recall divides by what there was to find.": (
            hits.sum() / 15
        ),
        "Count within each query: a row number found by another query is no hit.": (
            len({*found.ravel()} & {*exact.ravel()}) / 16
        ),
    }, otherwise="The hits of each query, added up, over how many there were to find.")  # fmt: skip
    if said is None and not close(answer(exact[:1, :2], exact[:1, :2]), 1.0):
        return "Right for four neighbours; it must hold for any number k and any number of queries."
    return said


@exercise("13.3", "How few numbers are enough?", kind="experiment", minutes=10, level=2, hints=(
    "`u, v = encode_pairs(sbert, sts['dev'])`; the score of k numbers is the Spearman of "
    "`cosine(u[:, :k], v[:, :k])` with the grades.",
    "`PCA().fit(x).components_.T` is the turn (D, D): apply it to u and v, then keep k columns.",
    "Compare each score with that of all 192, of the same kind.",
))  # fmt: skip
def smallest_sizes(answer):
    sizes = (6, 12, 24, 48, 96, 192)
    if np.shape(answer) != (2,):
        return "Give two sizes: one for the first k, one for the first k principal components."
    if not {*map(float, answer)} <= {*sizes}:
        return "Give two of the sizes 6, 12, 24, 48, 96, 192."
    first, turned = answer
    if (first, turned) == (12, 96):
        return "The right sizes, exchanged: first k first, principal components second."
    if first != 96:
        return {
            192: "First k: 96 numbers cost less than 2 points, too.",
            48: "First k: 48 numbers cost more than 2 points. Did you compare with all 192?",
        }.get(first, "First k: so few numbers cost far more than 2 points.")
    if turned != 12:
        return {
            6: "PCA: 6 components cost more than 2 points.",
            24: "PCA: 12 cost less than 2 points, too. Did you use `transform`? It also subtracts "
            "the mean; only turn.",
            96: "PCA: did you turn the vectors? You have the size of the first k.",
        }.get(turned, "PCA: a smaller size costs less than 2 points, too.")
    return None


@exercise("13.4", "The loss of the dolls", kind="code", minutes=8, level=2, hints=(
    "For each k: `u[:, :k]` and `v[:, :k]`, each row divided by its length.",
    "`x.norm(dim=1, keepdim=True)` is the length of each row, (B, 1).",
    "Add the values of `loss(a, b, labels)` up.",
))  # fmt: skip
def matryoshka(answer):
    torch.manual_seed(13)
    u, v = torch.randn(2, 6, 8) + 0.5
    labels, dims = torch.tensor([0.0, 0.2, 0.2, 0.9, 1.0, 0.5]), [8, 5, 2]

    def distance(a, b, y):  # unlike a cosine, it sees lengths
        return ((a * b).sum(1) - y).square().mean()

    def value(cut, loss=distance, end=sum, sizes=dims):
        return end([loss(cut(u, k), cut(v, k), labels) for k in sizes])

    def first(x, k):
        return normalize(x[:, :k])

    said = compare(answer(distance, u, v, labels, dims), value(first), mistakes={
        "Scale each prefix back to length 1: this loss sees lengths.": value(lambda x, k: x[:, :k]),
        "Scale after the cut, not before it.": value(lambda x, k: normalize(x)[:, :k]),
        "That is the mean over the sizes: add them up.": value(first, end=lambda x: sum(x) / 3),
        "That is the last size only: add up all sizes.": value(first, sizes=dims[-1:]),
        "That is the first size only: add up all sizes.": value(first, sizes=dims[:1]),
        "Those are the last k numbers: `u[:, :k]` are the first.": value(
            lambda x, k: normalize(x[:, -k:])
        ),
    }, otherwise="The loss of the first k numbers, each row scaled, summed over k.")  # fmt: skip
    if said is None:
        right = value(first, CoSENTLoss())
        if not close(answer(CoSENTLoss(), u, v, labels, dims), right):
            return "Right for one loss; it must call the loss that it is given."
    return said


@exercise("13.5", "A card with holes", kind="hand", minutes=4, level=1, core=False, hints=(
    "A split is train, dev or test.",
    "A metric is what was computed: Spearman or Pearson, of which similarity.",
    "A baseline is what the score is compared with.",
))  # fmt: skip
def card(answer):
    known = {
        "A": ("split", "A: trained and scored on parts of one set; which part was which?"),
        "B": ("metric", "B: 91.2 of what? A number needs the name of its measure."),
        "C": ("baseline", "C: better than whom? The models it is compared with are missing."),
        "D": ("licence", "D: free of charge, or free to use? That is a question of rights."),
    }
    if set(answer) != set(known):
        return "Give a dictionary with the four letters A, B, C and D."
    wrong = [why for letter, (right, why) in known.items() if answer[letter] != right]
    return wrong[0] if wrong else None


def trainers_apart() -> float:
    """3 points less the largest difference on STS-B dev that five seeds allow at 95 %."""
    found = gap(recorded("trainers"), "sentence-transformers", "ours")
    return float(3 - found[["low", "high"]].abs().max())


def recall_at_a_fifth() -> float:
    """Recall@10 x 100 of the recorded index at a fifth of its cells, minus 90."""
    rows = recorded("recall")
    row = rows[(rows["arm"] == "IVF") & (rows["share"].sub(0.2).abs() < 0.01)]
    return float(100 * row["recall"].iloc[0] - 90)


def prefix_gain(arm: str, way: str) -> float:
    """STS-B dev of the Matryoshka prefix of 24, minus that of another reading."""
    rows = recorded("matryoshka")
    at_24 = rows[rows["k"] == 24].groupby(["arm", "way"])["stsb_dev"].mean()
    return float(at_24["Matryoshka", "first"] - at_24[arm, way])


README = "sentence-transformers 6.2, README of its Matryoshka examples"
PREDICTIONS = (
    Prediction(
        "13.1",
        "Same data, batches, head and rates: the losses of the two trainers part",
        ("at step 1", "at step 2", "later", "never"),
    ),
    Prediction(
        "13.2",
        "On two processes the loss of CoSENT, against one process, is",
        ("the same", "lower", "higher"),
    ),
    Prediction(
        "13.3",
        "The groups of k-means agree best with the genres for",
        ("mini-SBERT", "raw", "words"),
    ),
    Prediction(
        "13.4",
        "Reading 10 of 100 cells, an index finds among random directions",
        ("less", "as much", "more"),
    ),
    Prediction(
        "13.5",
        "Without special training, the first 24 of 192 numbers, against 24 at random, are",
        ("better", "as good", "worse"),
    ),
    Prediction(
        "13.6",
        "With 24 numbers, the highest STS score has",
        ("plain, first k", "Matryoshka, first k", "plain, PCA"),
    ),
)
CLAIMS = (
    Claim(
        "13.A",
        "With the same recipe, the trainer of sentence-transformers and the course's loop give "
        "equally good models",
        "lesson 03 against sentence-transformers 6.2",
        recorded=trainers_apart,
    ),
    Claim(
        "13.B",
        "Two processes train with the loss of one where it is a mean over rows, and with another "
        "where it compares pairs (CoSENT)",
        "lesson 13, section More than one process",
        kind="definition",
    ),
    Claim(
        "13.C",
        "An index that reads a fifth of its cells finds nine of the ten nearest sentences",
        "a rule of thumb of approximate search",
        recorded=recall_at_a_fifth,
    ),
    Claim(
        "13.D",
        "Trained on its prefixes, a model's first 24 numbers are better than those of a plain one",
        README,
        paper="98.37 % of the STS-B score kept with 64 of 768 numbers, 96.46 % without",
        recorded=lambda: prefix_gain("plain", "first"),
    ),
    Claim(
        "13.E",
        "A Matryoshka prefix is better than as many principal components of a plain model",
        "left open by comparing with plain prefixes only",
        recorded=lambda: prefix_gain("plain", "PCA"),
    ),
    Claim(
        "13.F",
        "At equal size, many coarse numbers (signs) beat few exact ones (principal components)",
        "sentence-transformers 6.2, README of its distillation examples",
    ),
    Claim(
        "13.G",
        "To turn all vectors (a rotation) changes no cosine",
        "(uR).(vR) = u.v for R with R R^T = I",
        kind="definition",
    ),
    Claim(
        "13.H",
        "A student of 2 of 12 layers keeps all but about two points on STS-B (83.32 of 85.44)",
        "sentence-transformers 6.2, README of its distillation examples",
        kind="literature",
    ),
)
