"""Lesson 09: exercises, predictions and claims."""

import math
from functools import partial

import torch
from torch.nn.functional import cross_entropy, normalize

from ..results import average, lead
from .judging import close, compare
from .model import Claim, Prediction, exercise


@exercise("09.1", "Two sentences, two candidates", kind="hand", minutes=6, level=1, hints=(
    "Row 1: scores 0.8 / 0.1 and 0.6 / 0.1. Its partner is the first, row 2's the second.",
    "-log(e^8 / (e^8 + e^6)) = log(1 + e^-2). The loss is the mean of both rows.",
    "The false partner's share of row 1: e^6 / (e^8 + e^6).",
))  # fmt: skip
def two_candidates(answer):
    def rows(t):
        return math.log1p(math.exp(-0.2 / t)), math.log1p(math.exp(-0.4 / t))

    loss, share, at_1 = answer
    first, second = rows(0.1)
    said = partial(compare, tolerance=3e-3)  # answers may be rounded
    return said(loss, (first + second) / 2, otherwise="loss: the mean of both rows.", mistakes={
        "loss: that is the sum of the rows; take the mean.": first + second,
        "loss: divide the cosines by the temperature; you multiplied.": sum(rows(10)) / 2,
        "loss: that is at temperature 1.": sum(rows(1)) / 2,
        "loss: it is minus the logarithm, and never below 0.": -(first + second) / 2,
        "loss: below the line stand the candidates of one row; you took a column.": math.log1p(
            math.exp(-3)
        ),
        "loss: row 2's partner is the second candidate, 0.9.": (first + second + 4) / 2,
    }) or said(share, 1 / (1 + math.exp(2)), otherwise="share: e^6 / (e^8 + e^6).", mistakes={
        "share: that is the partner's share; the false one has the rest.": 1 / (1 + math.exp(-2)),
        "share: a share lies between 0 and 1; yours is in per cent.": 100 / (1 + math.exp(2)),
        "share: divide by the sum of both, not by the partner alone.": math.exp(-2),
        "share: divide the cosines by the temperature first.": 1 / (1 + math.exp(0.2)),
    }) or said(at_1, sum(rows(1)) / 2, otherwise="The third: scores 0.8 and 0.6.", mistakes={
        "The third is a mean too.": sum(rows(1)),
        "The third: at temperature 1 the cosines stay as they are.": (first + second) / 2,
    })  # fmt: skip


@exercise("09.2", "InfoNCE with hard negatives", kind="code", minutes=8, level=2, hints=(
    "`torch.cat([v, w])` are the candidates, (2B, D).",
    "`normalize(u) @ normalize(candidates).T` is the table of cosines, (B, 2B).",
    "Cross-entropy of the table over the temperature, with the classes 0 ... B-1.",
))  # fmt: skip
def info_nce(answer):
    generator = torch.Generator().manual_seed(5)
    u, v, w = (torch.randn(4, 3, generator=generator) for _ in range(3))
    v, t, rows = 2 * u + v, 0.3, torch.arange(4)

    def value(a, b, classes=rows, scale=1 / t):
        return cross_entropy(a @ b.T * scale, classes)

    n, every = normalize, torch.cat([v, w])
    own = torch.cat([n(u) @ n(v).T, (n(u) * n(w)).sum(1, keepdim=True)], 1)
    return compare(answer(u, v, w, t), value(n(u), n(every)), mistakes={
        "The hard negatives do not count: put w among the candidates.": value(n(u), n(v)),
        "All of w join for every row, not only a row's own.": cross_entropy(own / t, rows),
        "Those are dot products: normalize the vectors.": value(u, every),
        "Divide by the temperature; you multiplied.": value(n(u), n(every), scale=t),
        "The temperature is missing.": value(n(u), n(every), scale=1),
        "The temperature is the fourth argument, not always 0.05.": value(
            n(u), n(every), scale=20
        ),
        "`cross_entropy` does the softmax itself: give it the scores.": cross_entropy(
            (n(u) @ n(every).T / t).softmax(1), rows
        ),
        "The partners are v, so v comes first.": value(n(u), n(torch.cat([w, v]))),
        "Take the mean over the rows, not the sum.": 4 * value(n(u), n(every)),
        "`normalize(x, dim=0)` scales columns: each row must have length 1.": value(
            n(u, dim=0), n(every, dim=0)
        ),
    }, otherwise="Cosines (B, 2B) over t, then cross-entropy with 0 ... B-1.")  # fmt: skip


@exercise("09.3", "The loss that learns nothing", kind="bug", minutes=6, level=2, hints=(
    "Print `(u @ v.T).diagonal()` inside, for u = v. What should a cosine of equal vectors be?",
    "`u.norm()` without a dimension is one number for the whole table.",
    "`u.norm(dim=1, keepdim=True)` has shape (B, 1).",
))  # fmt: skip
def mended(answer):
    generator = torch.Generator().manual_seed(2)
    u, v = (torch.randn(5, 3, generator=generator) for _ in range(2))
    u, rows = u * torch.arange(1, 6)[:, None], torch.arange(5)

    def value(a, b, t=0.3):
        return cross_entropy(a @ b.T / t, rows)

    n = normalize
    said = compare(answer(u, v, 0.3), value(n(u), n(v)), mistakes={
        "That is the broken one: one number scales the whole table.": value(
            u / u.norm(), v / v.norm()
        ),
        "dim=0 scales columns: it is the rows that are sentences.": value(n(u, dim=0), n(v, dim=0)),
        "u asks and v answers: u stands on the left.": value(n(v), n(u)),
        "v has the same error.": value(n(u), v / v.norm()),
        "u has the same error.": value(u / u.norm(), n(v)),
        "Without any norm it is a dot product, not a cosine.": value(u, v),
        "The temperature was right: divide by it.": value(n(u), n(v), 1 / 0.3),
    }, otherwise="Each row of u and of v must have length 1.")  # fmt: skip
    if said is None and not close(answer(u, v), value(n(u), n(v), 0.05)):
        return "Right for a given temperature, but the default must stay 0.05."
    return said


@exercise("09.4", "What is forgotten?", kind="experiment", minutes=12, level=2, hints=(
    "Genre: `probe(h[0][:1500], genres[:1500], h[0][1500:], genres[1500:2000])`, then with z.",
    "Order: `np.concatenate([x[0][:1500], x[1][:1500]])`, and the answers 1,500 times 0, then 1.",
    "Compare each probe on h with the same probe on z.",
))  # fmt: skip
def forgotten(answer):
    genre, order = answer
    if genre not in ("lost", "kept") or order not in ("lost", "kept"):
        return 'Give two words, for genre and for order: each is "lost" or "kept".'
    if (genre, order) == ("lost", "kept"):
        return "It is the other way round: which of the two do a sentence and its partner share?"
    if order == "kept":
        return "order: look again at the probe on z. Does it hold plain and shuffled sentences?"
    if genre == "lost":
        return "genre: how many points does it lose from h to z? Fewer than 8 is kept."
    return None


@exercise("09.5", "Three points on the circle", kind="hand", minutes=6, level=2, hints=(
    "The squared distance of two points at an angle a is 2 - 2 cos a: 2 at 90 degrees, 4 at 180.",
    "Alignment: the mean of 2 and 0.",
    "Uniformity: log of the mean of exp(-4), exp(-4) and exp(-8).",
))  # fmt: skip
def three_points(answer):
    aligned, uniform = answer
    near, far = math.exp(-4), math.exp(-8)
    return compare(aligned, 1.0, otherwise="aligned: the mean of two squared distances.", mistakes={
        "aligned: square the distances.": math.sqrt(2) / 2,
        "aligned: that is the sum; take the mean.": 2.0,
        "aligned: that is the mean cosine; |u - v|^2 = 2 - 2 cos.": 0.5,
    }) or compare(uniform, math.log((2 * near + far) / 3), mistakes={
        "uniform: the logarithm is missing.": (2 * near + far) / 3,
        "uniform: the pairs of a point with itself do not count.": math.log(
            (4 * near + 2 * far + 3) / 9
        ),
        "uniform: the mean comes first, then the logarithm.": -16 / 3,
        "uniform: the factor in the exponent is -2.": math.log((2 * math.exp(-2) + near) / 3),
        "uniform: square the distances.": math.log(
            (2 * math.exp(-2 * math.sqrt(2)) + math.exp(-4)) / 3
        ),
        "uniform: take the mean of the three, not the sum.": math.log(2 * near + far),
    }, otherwise="uniform: log of the mean of exp(-2 |x - y|^2).", tolerance=2e-3)  # fmt: skip


def _seven(experiment: str, arm: str) -> float:
    """Average over the paper's seven test sets, in the setting "all"."""
    sets = [*(f"sts{year}_all" for year in range(12, 17)), "stsb_test", "sick_test"]
    return sum(average(experiment, arm, name) for name in sets) / len(sets)


PREDICTIONS = (
    Prediction(
        "09.1",
        "Trained with the same mask for both vectors, the STS score is",
        ("above raw", "below raw", "about raw"),
    ),
    Prediction(
        "09.2",
        "With contradictions as hard negatives, the STS score",
        ("rises", "falls", "neither"),
    ),
    Prediction(
        "09.3",
        "Temperature 1 instead of 0.05 costs, in points of STS",
        ("less than 1", "1 to 10", "more than 10"),
    ),
    Prediction(
        "09.4",
        "From a trained g(h) twice the size of h, the probe reads word order",
        ("as well", "less well", "guessing"),
    ),
    Prediction(
        "09.5",
        "The best alignment of all models has",
        ("raw CLS", "mini-sbert", "two masks"),
    ),
)
CLAIMS = (
    Claim(
        "09.A",
        "A projection head loses what its objective calls equal, and the vectors before it keep it",
        "Chen et al. 2020, SimCLR, section 4.2",
        paper="rotation read in 67.6 % from h, in 25.6 % from g(h) (Table 3)",
        recorded=lambda: (
            100
            * (
                average("contrast", "shuffled, head 192", "probe_h")
                - average("contrast", "shuffled, head 192", "probe_z")
            )
        ),
    ),
    Claim(
        "09.B",
        "What a small projection head loses, it loses because it is small",
        "common notes on SimCLR; its authors guess otherwise",
    ),
    Claim(
        "09.C",
        "Without labels, two dropout masks do better than the same mask twice",
        "Gao et al. 2021, SimCSE",
        paper="82.5 against 43.6 on STS-B dev (Tables 1 to 4)",
        recorded=lambda: lead("contrast", "two masks", "same mask"),
    ),
    Claim(
        "09.D",
        "Contradictions as hard negatives raise the STS score",
        "Gao et al. 2021, SimCSE",
        paper="86.2 against 84.9 on STS-B dev (Tables 1 to 4)",
        recorded=lambda: lead("contrast", "entailed, contradicted", "entailed"),
    ),
    Claim(
        "09.E",
        "InfoNCE does better at temperature 0.05 than at 1",
        "Gao et al. 2021, SimCSE",
        paper="86.2 against 64.0 on STS-B dev (Table D.1)",
        recorded=lambda: lead("contrast", "entailed, contradicted", "temperature 1"),
    ),
    Claim(
        "09.F",
        "Contrast without labels beats the softmax head trained on NLI",
        "Gao et al. 2021, SimCSE",
        paper="76.25 against 74.89, average of seven sets (Table 5)",
        recorded=lambda: _seven("contrast", "two masks") - _seven("nli", "all pairs"),
    ),
)
