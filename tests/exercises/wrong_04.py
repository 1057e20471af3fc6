"""Wrong answers that the checks of lesson 04 must reject."""

import numpy as np

from sbert_lessons.exercises.lesson_04 import settled_cosine

RIGHT_03 = {
    "A": "nearly all cosines go to 1",
    "B": "all cosines go to 0, but for grade 5",
    "C": "all cosines go to the average grade",
    "D": "the lengths settle it",
}


def distances(a, p, n):
    return (a - p).norm(dim=-1), (a - n).norm(dim=-1)


def no_relu(a, p, n, margin):
    near, far = distances(a, p, n)
    return (near - far + margin).mean()


def relu_last(a, p, n, margin):
    return no_relu(a, p, n, margin).relu()


def turned(a, p, n, margin):
    near, far = distances(a, p, n)
    return (far - near + margin).relu().mean()


def squared(a, p, n, margin):
    near, far = distances(a, p, n)
    return (near**2 - far**2 + margin).relu().mean()


def no_margin(a, p, n, margin):
    near, far = distances(a, p, n)
    return (near - far).relu().mean()


def each(a, p, n, margin):
    near, far = distances(a, p, n)
    return (near - far + margin).relu()


WRONG = {
    "04.1": {
        "not divided by 5": (4.84, 5),
        "not squared": (0.2, 5),
        "dot product": (54.76, 5),
        "the example above": (0.16, 3),
        "roles of p and n": (0.04, 0),
        "no margin": (0.04, 4),
        "squared distances": (0.04, 33),
        "margin subtracted": (0.04, 3),
    },
    "04.2": {
        "no relu": no_relu,
        "relu of the mean": relu_last,
        "p and n turned": turned,
        "squared": squared,
        "no margin": no_margin,
        "one a row": each,
        "margin subtracted": lambda a, p, n, margin: each(a, p, n, -margin).mean(),
        "one length for all": lambda a, p, n, margin: (
            (a - p).norm() - (a - n).norm() + margin
        ).relu(),
        "down the batch": lambda a, p, n, margin: each(a.T, p.T, n.T, margin).mean(),
        "sum": lambda a, p, n, margin: each(a, p, n, margin).sum(),
        "always margin 1": lambda a, p, n, margin: each(a, p, n, 1).mean(),
    },
    "04.3": {
        "A and B exchanged": RIGHT_03 | {"A": RIGHT_03["B"], "B": RIGHT_03["A"]},
        "B and C exchanged": RIGHT_03 | {"B": RIGHT_03["C"], "C": RIGHT_03["B"]},
        "C and D exchanged": RIGHT_03 | {"C": RIGHT_03["D"], "D": RIGHT_03["C"]},
        "D twice": RIGHT_03 | {"D": RIGHT_03["A"]},
        "one left out": {"A": RIGHT_03["A"]},
        "misspelt": RIGHT_03 | {"A": "all cosines go to 1"},
    },
    "04.4": {
        "the target": 0,
        "halfway": 0.5,
        "all close": 1.0,
        "a and b": settled_cosine(0, 1),
        "somewhere else": -0.4,
    },
    "04.5": {
        "a class too many": lambda grades, k: (grades / 5 * k).astype(int),
        "rounded": lambda grades, k: np.round(grades / 5 * (k - 1)).astype(int),
        "border below": lambda grades, k: np.maximum(np.ceil(grades / 5 * k) - 1, 0).astype(int),
        "from 1": lambda grades, k: np.minimum((grades / 5 * k).astype(int), k - 1) + 1,
        "equal sizes": lambda grades, k: np.arange(len(grades)) * k // len(grades),
        "not whole numbers": lambda grades, k: np.floor(np.minimum(grades / 5 * k, k - 1)),
    },
}
