"""Lesson 99, for the tests alone: exercises, predictions and claims."""

import numpy as np

from .judging import compare
from .model import Claim, Prediction, exercise

OTHERWISE = "Add all numbers, then divide by how many there are."


@exercise("99.1", "A mean by hand", kind="hand", minutes=2, level=1, hints=("Add them.", "Divide."))
def mean_by_hand(answer):
    mistakes = {"That is the sum.": 12, "That is the middle one.": 2, "That is the largest.": 9}
    return compare(answer, 4, mistakes=mistakes, otherwise=OTHERWISE)


@exercise("99.2", "A mean in code", kind="code", minutes=4, level=2, hints=("Use `.mean()`.",))
def mean_in_code(answer):
    x = np.array([[1.0, 2.0, 6.0], [3.0, 5.0, 7.0]])
    mistakes = {
        "That is the mean of each column.": x.mean(0),
        "That is the sum of each row.": x.sum(1),
        "That is one mean for the whole table.": x.mean(),
    }
    return compare(answer(x), x.mean(1), mistakes=mistakes, otherwise=OTHERWISE)


@exercise("99.3", "A broken mean", kind="bug", minutes=3, level=2, hints=("Count.",), core=False)
def broken_mean(answer):
    known = {1: "Line 1 is right.", 2: "Line 2 is right.", 4: "There is no line 4."}
    return None if answer == 3 else known.get(int(answer), "Name one of the lines 1 to 3.")


@exercise("99.4", "Which moves?", kind="experiment", minutes=5, level=3, hints=("Try 100.",))
def which_moves(answer):
    known = {"median": "It stayed.", "mode": "It has none.", "both": "One stayed."}
    return None if answer == "mean" else known.get(answer.lower(), "Answer with a word.")


PREDICTIONS = (
    Prediction("99.1", "With an outlier, the mean", ("rises", "falls", "stays")),
    Prediction("99.2", "With an outlier, the median", ("rises", "falls", "stays")),
    Prediction("99.3", "The mean of the means", ("equal", "different")),
)
CLAIMS = (
    Claim("99.A", "An outlier moves the mean more than the median", "any book, section 1"),
    Claim("99.B", "The mean is linear", "any book, equation 2", kind="definition"),
)
