"""Wrong answers that the checks of lesson 12 must reject."""

import torch
from torch.nn.functional import cross_entropy, normalize

from sbert_lessons.exercises.lesson_12 import WAYS, halves, pooling_scores
from sbert_lessons.unilm import rotate

RIGHT = pooling_scores(*WAYS[0])


def angles(x, positions):
    d = x.shape[1]
    return positions[:, None] * 10_000 ** (-torch.arange(0, d, 2) / d)


def side_by_side(x, positions):
    angle = angles(x, positions)
    a, b = x[:, 0::2], x[:, 1::2]
    turned = [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()]
    return torch.cat(turned, dim=1)


def scores_of(vectors):
    unit = normalize(vectors)
    return 20 * unit @ unit.T


def diagonal(vectors):
    return torch.eye(len(vectors), dtype=torch.bool)


def still_broken(vectors, scale=20.0):
    return cross_entropy(scores_of(vectors), torch.arange(len(vectors)) ^ 1)


def zero_on_the_diagonal(vectors, scale=20.0):
    scores = scores_of(vectors).masked_fill(diagonal(vectors), 0)
    return cross_entropy(scores, torch.arange(len(vectors)) ^ 1)


def lengths_count(vectors, scale=20.0):
    scores = (20 * vectors @ vectors.T).masked_fill(diagonal(vectors), -torch.inf)
    return cross_entropy(scores, torch.arange(len(vectors)) ^ 1)


def finds_itself(vectors, scale=20.0):
    return cross_entropy(scores_of(vectors), torch.arange(len(vectors)))


def next_row(vectors, scale=20.0):
    scores = scores_of(vectors).masked_fill(diagonal(vectors), -torch.inf)
    return cross_entropy(scores, (torch.arange(len(vectors)) + 1) % len(vectors))


WRONG = {
    "12.1": {
        "not itself": ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]),
        "future": ([1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]),
        "everything": ([1] * 5, [1] * 5, [1] * 5),
        "no source": ([1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 1]),
    },
    "12.2": {
        "halves behind each other": side_by_side,
        "other way": lambda x, positions: rotate(x, -positions),
        "one speed": lambda x, positions: rotate(x, positions, 1.0),
        "exponent": lambda x, positions: rotate(x, positions, 100.0),
        "pairs of halves": lambda x, positions: halves(x, angles(x, positions)),
        "from 1": lambda x, positions: rotate(x, positions + 1),
    },
    "12.3": {
        "unchanged": still_broken,
        "zero on the diagonal": zero_on_the_diagonal,
        "lengths count": lengths_count,
        "finds itself": finds_itself,
        "next row": next_row,
    },
    "12.4": {
        "exchanged": RIGHT[::-1],
        "test split": pooling_scores(*WAYS[1]),
        "Pearson": pooling_scores(*WAYS[2]),
        "not times 100": [x / 100 for x in RIGHT],
    },
}
