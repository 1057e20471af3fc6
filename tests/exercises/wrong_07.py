"""Wrong answers that the checks of lesson 07 must reject."""

import torch

from sbert_lessons.exercises.lesson_07 import dev_and_test

RIGHT_04 = {
    "A": "label information",
    "B": "target out of reach",
    "C": "batch size",
    "D": "chosen on test",
}


def clipped(negative, positive=lambda c: 1 - c, end=lambda cost: cost.square().mean(), one=1):
    def loss(cos, labels, floor):
        return end(torch.where(labels == one, positive(cos), negative(cos, floor)))

    return loss


def above(cos, floor):
    return (cos - floor).relu()


def cosent(keep, scale=20, first=(0.0,), sign=1, end=lambda x: x.logsumexp(0)):
    def loss(cos, y):
        excess = sign * scale * (cos[None, :] - cos[:, None])
        return end(torch.cat([torch.tensor(first), excess[keep(y[:, None], y[None, :])]]))

    return loss


def by_product(cos, y):
    excess = 20 * (cos[None, :] - cos[:, None]) * (y[:, None] > y[None, :])
    return torch.cat([torch.zeros(1), excess.flatten()]).logsumexp(0)


def one_for_one_class(cos, y):
    right = cosent(torch.gt)(cos, y)
    return right if len(set(y.tolist())) > 1 else torch.tensor(1.0)


WRONG = {
    "07.1": {
        "sum": (0.53, 0.9245, 0.04),
        "not squared": (0.45, 0.9245, 0.04),
        "to -1": (1.465, 0.9245, 0.04),
        "share of distances": (0.265, 0.7778, 0.04),
        "share of the positive": (0.265, 0.0755, 0.04),
        "ratio": (0.265, 12.25, 0.04),
        "raised, sum": (0.265, 0.9245, 0.08),
        "raised, free": (0.265, 0.9245, 0.02),
    },
    "07.2": {
        "not clipped": clipped(lambda cos, floor: cos - floor),
        "to 0": clipped(lambda cos, floor: cos.relu()),
        "Su's form": clipped(lambda cos, floor: cos.clamp(floor)),
        "labels exchanged": clipped(above, one=0),
        "sum": clipped(above, end=lambda cost: cost.square().sum()),
        "not squared": clipped(above, end=lambda cost: cost.mean()),
    },
    "07.3": {
        "no 1": cosent(torch.gt, first=()),
        "equal labels too": cosent(torch.ge),
        "turned": cosent(torch.gt, sign=-1),
        "no scale": cosent(torch.gt, scale=1),
        "times 0": by_product,
        "no logarithm": cosent(torch.gt, end=lambda x: x.exp().sum()),
        "mean": cosent(torch.gt, first=(), end=lambda x: x.exp().log1p().mean()),
        "log(1) taken for 1": one_for_one_class,
    },
    "07.4": {
        "A and C exchanged": RIGHT_04 | {"A": "batch size", "C": "label information"},
        "B and C exchanged": RIGHT_04 | {"B": "batch size", "C": "target out of reach"},
        "C and D exchanged": RIGHT_04 | {"C": "chosen on test", "D": "batch size"},
        "D twice": RIGHT_04 | {"D": "batch size"},
        "one left out": {"A": "label information"},
    },
    "07.5": {
        "the published one": (20, 64.2),
        "the largest": (80, 57.0),
        "the smallest loss alone": 5,
        "another scale": (10, 67.0),
        "on test": (5, dev_and_test()[1]),
        "not times 100": (5, dev_and_test()[0] / 100),
        "another score": (5, 30.0),
    },
}
