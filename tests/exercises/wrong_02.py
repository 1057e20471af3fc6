"""Wrong answers that the checks of lesson 02 must reject."""

from sbert_lessons.exercises.lesson_02 import scores_of_masks

FULL, INNER, NO_CLS, NO_SEP = scores_of_masks()
RIGHT_03 = {
    "A": "left padding",
    "B": "dot product",
    "C": "negative values",
    "D": "next reader of h",
}


def first_token(h, mask):
    return h[:, 0]


def spoil(h, mask):
    return h.masked_fill_(mask.unsqueeze(-1) == 0, -1e9).amax(1)


WRONG = {
    "02.1": {
        "counts padding": ([13 / 3, 1 / 3], [4, -1]),
        "divides by T": ([2, -2], [4, -1]),
        "sum": ([6, -6], [4, -1]),
        "padding wins": ([3, -3], [7, 7]),
        "zero wins": ([3, -3], [4, 0]),
        "whole token": ([3, -3], [4, -5]),
    },
    "02.2": {
        "forgets the mask": lambda h, mask: h.amax(1),
        "zeros": lambda h, mask: (h * mask.unsqueeze(-1)).amax(1),
        "largest in size": lambda h, mask: (h * mask.unsqueeze(-1)).abs().amax(1),
        "wrong axis": lambda h, mask: h.amax(2),
        "in place": spoil,
        "values and places": lambda h, mask: h.masked_fill(
            mask.unsqueeze(-1) == 0, float("-inf")
        ).max(1),
    },
    "02.3": {
        "another word": RIGHT_03 | {"A": "padding"},
        "A and B exchanged": RIGHT_03 | {"A": "dot product", "B": "left padding"},
        "B and C exchanged": RIGHT_03 | {"B": "negative values", "C": "dot product"},
        "C and D exchanged": RIGHT_03 | {"C": "next reader of h", "D": "negative values"},
        "D twice": RIGHT_03 | {"D": "left padding"},
        "one left out": {"A": "left padding"},
    },
    "02.4": {
        "sign": FULL - INNER,
        "only [CLS]": NO_CLS - FULL,
        "only [SEP]": NO_SEP - FULL,
        "a score": INNER,
    },
    "02.5": {
        "place 0": first_token,
        "left padding only": lambda h, mask: h[range(len(h)), mask.shape[1] - mask.sum(1)],
        "last token": lambda h, mask: h[[0, 1, 2], [4, 2, 4]],
    },
}
