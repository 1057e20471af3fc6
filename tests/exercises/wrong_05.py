"""Wrong answers that the checks of lesson 05 must reject."""

from sbert_lessons.exercises.lesson_05 import c_above_n, e_above_c

RIGHT = c_above_n()


def table(scores, labels):
    return scores[labels == 0][:, None], scores[labels == 2]


def no_ties(scores, labels):
    e, c = table(scores, labels)
    return (e > c).mean()


def ties_as_wins(scores, labels):
    e, c = table(scores, labels)
    return (e >= c).mean()


def with_neutral(scores, labels):
    e, rest = scores[labels == 0][:, None], scores[labels != 0]
    return ((e > rest) + 0.5 * (e == rest)).mean()


def count(scores, labels):
    e, c = table(scores, labels)
    return ((e > c) + 0.5 * (e == c)).sum()


def turned(scores, labels):
    e, c = table(scores, labels)
    return ((e < c) + 0.5 * (e == c)).mean()


def still_broken(head, u, v):
    chances = head(u, v).softmax(0)
    return chances[:, 1] - chances[:, 0]


def only_the_axis(head, u, v):
    chances = head(u, v).softmax(1)
    return chances[:, 1] - chances[:, 0]


def only_the_columns(head, u, v):
    chances = head(u, v).softmax(0)
    return chances[:, 0] - chances[:, 2]


def sign(head, u, v):
    chances = head(u, v).softmax(1)
    return chances[:, 2] - chances[:, 0]


def no_softmax(head, u, v):
    scores = head(u, v)
    return scores[:, 0] - scores[:, 2]


WRONG = {
    "05.1": {
        "margin": ([0.3, 0.4], 1, 2),
        "no neutral": ([0.5, 0.4], 1, 2),
        "neutral whole": ([0.8, 1.0], 1, 2),
        "classes exchanged": ([0.6, 0.4], 1, 2),
        "first by P(E)": ([0.65, 0.7], 2, 2),
        "first by grade": ([0.65, 0.7], 1, 1),
        "in words": ([0.65, 0.7], "first", "second"),
    },
    "05.2": {
        "no ties": no_ties,
        "ties as wins": ties_as_wins,
        "neutral takes part": with_neutral,
        "a count": count,
        "turned round": turned,
    },
    "05.3": {
        "turned round": [1 - x for x in RIGHT],
        "exchanged": RIGHT[::-1],
        "E above C": e_above_c(),
        "raw twice": [RIGHT[0], RIGHT[0]],
        "times 100": [100 * x for x in RIGHT],
    },
    "05.4": {
        "unchanged": still_broken,
        "only the axis": only_the_axis,
        "only the columns": only_the_columns,
        "sign": sign,
        "no softmax": no_softmax,
    },
}
