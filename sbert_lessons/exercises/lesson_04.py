"""Lesson 04: exercises, predictions and claims."""

import numpy as np
import torch

from ..losses import CosineLoss, TripletLoss
from ..microscope import move_points
from ..results import average, lead
from .judging import close, compare
from .model import Claim, Prediction, exercise


@exercise("04.1", "Two losses on paper", kind="hand", minutes=6, level=1, hints=(
    "Cosine: the dot product is 0 * 3 + 2 * 4, the lengths are 2 and 5.",
    "The label is the grade divided by 5. The loss is the square of a difference.",
    "Triplet: the two distances are 6 and 2. Add the margin to their difference.",
))  # fmt: skip
def by_hand(answer):
    regression, triplet = answer
    return compare(regression, 0.04, otherwise="(cos(u, v) - grade / 5) squared.", mistakes={
        "Regression: you compared the cosine with 3: divide the grade by 5 first.": 4.84,
        "Regression: that is the difference; square it.": 0.2,
        "Regression: you took the dot product; a cosine is divided by both lengths.": 54.76,
        "Regression: that is the cosine; compare it with the label.": 0.8,
        "Regression: that is the example above; here the grade is 3.": 0.16,
    }) or compare(triplet, 5, otherwise="|a - p| - |a - n| + 1, or 0 if that is negative.",
        mistakes={
        "Triplet: you have changed the roles of p and n: here the positive is farther away.": 0,
        "Triplet: you forgot the margin.": 4,
        "Triplet: you squared the distances; the paper does not.": 33,
        "Triplet: the margin is added, not subtracted.": 3,
    })  # fmt: skip


@exercise("04.2", "The triplet objective", kind="code", minutes=7, level=2, hints=(
    "`(a - p).norm(dim=-1)` gives one distance for each row.",
    "`x.relu()` is max(x, 0), element by element.",
    "One number for the batch: the mean over the rows, taken after the relu.",
))  # fmt: skip
def triplet_objective(answer):
    a, p, n = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(4))
    p[0] += 8  # one triplet is far from right, the others are right by more than the margin,
    n[1:] += 3.2  # so that each mistake, a relu after the mean too, has a value of its own
    near, far = (a - p).norm(dim=-1), (a - n).norm(dim=-1)
    for margin in (1.0, 2.5):
        said = compare(
            answer(a, p, n, margin),
            TripletLoss(margin)(a, p, n),
            mistakes={
                "You forgot the relu: a triplet that is right must not cancel one that is wrong.": (
                    (near - far + margin).mean()
                ),
                "You took the mean first, then the relu: each triplet has its own zero.": (
                    (near - far).mean() + margin
                ).relu(),
                "The roles of p and n are turned.": (far - near + margin).relu().mean(),
                "The margin is added, not subtracted.": (near - far - margin).relu().mean(),
                "norm() without dim is one length for the whole batch: norm(dim=-1).": (
                    (a - p).norm() - (a - n).norm() + margin
                ).relu(),
                "You measured down the batch; a length runs along one vector: norm(dim=-1).": (
                    ((a - p).norm(dim=0) - (a - n).norm(dim=0) + margin).relu().mean()
                ),
                "You squared the distances.": (near**2 - far**2 + margin).relu().mean(),
                "That is a sum; take the mean over the triplets.": (
                    (near - far + margin).relu().sum()
                ),
                "The margin is the third part of the sum, and it is an argument, not always 1.": (
                    (near - far + 1).relu().mean()
                ),
                "You forgot the margin.": (near - far).relu().mean(),
                "One loss for each triplet is right; give their mean.": (
                    near - far + margin
                ).relu(),
            },
            otherwise="The mean of max(|a - p| - |a - n| + margin, 0).",
        )
        if said:
            return said
    return None


@exercise("04.3", "Four broken regressions", kind="bug", minutes=10, level=2, hints=(
    "Run each with `fit`, and look at the cosines and the lengths that it reaches.",
    "Which of them can a cosine reach? A target of 4 it cannot.",
    "`grades // 5` keeps whole numbers only: what becomes of a 4?",
))  # fmt: skip
def broken_regressions(answer):
    known = {
        "A": ("nearly all cosines go to 1", "A: the targets are 0, 1, 4 and 5: look at which."),
        "B": ("all cosines go to 0, but for grade 5", "B: print `grades // 5`."),
        "C": ("all cosines go to the average grade", "C: the labels change places at each step."),
        "D": ("the lengths settle it", "D: the dot product is a cosine times two lengths."),
    }
    if not isinstance(answer, dict) or set(answer) != set(known):
        return "Give a dictionary with the four letters A, B, C and D."
    symptoms = [right for right, _ in known.values()]
    unknown = [letter for letter in known if answer[letter] not in symptoms]
    if unknown:
        return f"{unknown[0]}: that is none of the four symptoms; copy one of them as it stands."
    wrong = [why for letter, (right, why) in known.items() if answer[letter] != right]
    return wrong[0] if wrong else None


@exercise("04.4", "Grades that contradict each other", kind="experiment", minutes=8, level=2,
    hints=(
    "`pairs = torch.tensor([[0, 1], [1, 2], [0, 2]])`, `labels = torch.tensor([1.0, 1.0, 0.0])`.",
    "`path = move_points(CosineLoss(), three, pairs, labels, steps=500)`: the last entry counts.",
    "`torch.cosine_similarity(x[0], x[2], dim=0)` for x = torch.from_numpy(path[-1]).",
))  # fmt: skip
def contradiction(answer):
    return compare(
        answer,
        settled_cosine(),
        tolerance=0.01,
        mistakes={
            "0 is the target, and the start. The other pairs pull a and c together: run it.": 0,
            "That is the cosine of a and b. Asked is a and c, the outer two.": settled_cosine(0, 1),
            "That is halfway between the targets. Three squares share the error: run it.": 0.5,
            "1 would please two pairs and cost the third a whole point: run it.": 1,
        },
        otherwise="The cosine of the points 0 and 2 after 500 steps, from the start shown.",
    )


@exercise("04.5", "Cut grades into classes", kind="code", minutes=6, level=2, core=False, hints=(
    "`grades / 5 * k` lies between 0 and k; cut off what stands behind the point.",
    "Grade 5 would become class k, which does not exist: it belongs to k - 1.",
    "`np.minimum(x, k - 1)`; classes are whole numbers: `.astype(int)`.",
))  # fmt: skip
def cut_grades(answer):
    grades = np.concatenate([np.zeros(8), np.arange(0, 5.25, 0.25)])
    for k in (6, 2):
        share = grades / 5 * k
        given, right = answer(grades, k), np.minimum(share.astype(int), k - 1)
        if close(given, right) and np.asarray(given).dtype.kind not in "iu":
            return "Right values, but the softmax head wants whole numbers: .astype(int)."
        said = compare(
            given,
            right,
            mistakes={
                f"Grade 5 became class {k}; there are only {k}, from 0 to {k - 1}.": share.astype(
                    int
                ),
                "You rounded: the first and the last class are then half as wide.": np.round(
                    grades / 5 * (k - 1)
                ),
                "Your classes begin at 1; the head wants 0.": right + 1,
                "A grade on a border belongs to the class above: with k = 2, 2.5 is in class 1.": (
                    np.maximum(np.ceil(share) - 1, 0)
                ),
                "You cut by rank: classes of equal size, not of equal width.": (
                    np.arange(len(grades)) * k // len(grades)
                ),
            },
            otherwise="Equal widths: grades from 0 to 5 / k are class 0, and so on.",
        )
        if said:
            return said
    return None


THREE_POINTS = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])


def settled_cosine(i=0, j=2):
    """Cosine of two of three points after (a, b), (b, c) to 1 and (a, c) to 0."""
    pairs, labels = torch.tensor([[0, 1], [1, 2], [0, 2]]), torch.tensor([1.0, 1.0, 0.0])
    x = torch.from_numpy(move_points(CosineLoss(), THREE_POINTS, pairs, labels, steps=500)[-1])
    return torch.cosine_similarity(x[i], x[j], dim=0).item()


PREDICTIONS = (
    Prediction(
        "04.1",
        "How much of the fall of the squared error could a straight line have brought",
        ("less than a third", "a third to two thirds", "more than two thirds"),
    ),
    Prediction(
        "04.2",
        "If the targets fill the whole range of the cosine, from -1 to 1, the STS score",
        ("rises", "falls", "stays within 1 point"),
    ),
    Prediction(
        "04.3",
        "Read by cosine, the higher score after training has",
        ("numbers", "classes", "neither by more than 1 point"),
    ),
    Prediction(
        "04.4",
        "New names for the six classes: what falls by more than 1 point",
        ("only classes", "only numbers", "both", "neither"),
    ),
    Prediction(
        "04.5",
        "The head start that NLI training gives is larger with",
        ("100 graded pairs", "1,600 graded pairs", "about the same"),
    ),
    Prediction(
        "04.6",
        "Fine-tuned by regression, MAX ends behind MEAN by, in points",
        ("less than 5", "5 to 10", "more than 10"),
    ),
)

CLAIMS = (
    Claim(
        "04.A",
        "Regression on graded pairs lifts the STS score",
        "Reimers & Gurevych 2019, Table 2",
        paper="84.67 after, 46.35 before (Table 2)",
        recorded=lambda: (
            average("table2", "STS-B", "stsb_test") - average("raw", "mean", "stsb_test")
        ),
    ),
    Claim(
        "04.B",
        "Six grades as numbers beat the same six as classes, read by cosine",
        "Reimers & Gurevych 2019, section 3, which gives graded pairs the regression objective",
    ),
    Claim(
        "04.C",
        "NLI first, then graded pairs, beats graded pairs alone",
        "Reimers & Gurevych 2019, Table 2",
        paper="85.35 against 84.67 (Table 2)",
        recorded=lambda: lead("table2", "NLI, then STS-B", "STS-B", "stsb_test"),
    ),
    Claim(
        "04.D",
        "Fine-tuned by regression, MAX stays far behind MEAN",
        "Reimers & Gurevych 2019, Table 6",
        paper="69.92 against 87.44 (Table 6)",
        recorded=lambda: lead("table6", "STS-B, mean", "STS-B, max"),
    ),
    Claim(
        "04.E",
        "Training MAX without its mask costs points under regression",
        "lesson 04; sentence-transformers, first public commit",
        recorded=lambda: lead("table6", "STS-B, max", "STS-B, max without the mask"),
    ),
    Claim(
        "04.F",
        "MAX falls behind under regression because of the offset that its vectors share",
        "lesson 04",
        recorded=lambda: average("max", "centred") - average("table6", "STS-B, max"),
    ),
    Claim(
        "04.G",
        "A triplet costs nothing once its negative is farther by the margin",
        "Reimers & Gurevych 2019, section 3",
        kind="definition",
    ),
)
