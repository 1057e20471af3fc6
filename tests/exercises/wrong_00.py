"""Wrong answers that the checks of lesson 00 must reject."""

import numpy as np


def cosines(vectors):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units @ units.T


def pairs(keep):
    """A finder of duplicates that keeps the pairs for which `keep(cosine, i, j)` holds."""

    def find(vectors, threshold):
        table = cosines(vectors)
        every = [(i, j) for i in range(len(vectors)) for j in range(len(vectors))]
        return [(i, j) for i, j in every if table[i, j] >= threshold and keep(table[i, j], i, j)]

    return find


WRONG = {
    "00.1": {
        "number of sentences": 18,
        "the whole table": 18 * 192,
        "the values that were printed": 6,
        "BERT-base": 768,
        "the whole shape": (18, 192),
        "a guess": 100,
    },
    "00.2": {
        "dot product": 24,
        "one length": 24 / 5,
        "sum of the lengths": 24 / 10,
        "distance": 2**0.5,
        "degrees": 16.26,
        "radians": 0.2838,
        "lengths as sums": 24 / 49,
        "same numbers, so 1": 1,
    },
    "00.3": {
        "dot product": lambda query, corpus: np.argmax(corpus @ query),
        "distance": lambda query, corpus: np.argmin(np.linalg.norm(corpus - query, axis=1)),
        "divided by the sum": lambda query, corpus: np.argmax(
            corpus @ query / np.abs(corpus).sum(1)
        ),
        "farthest": lambda query, corpus: np.argmin(
            corpus @ query / np.linalg.norm(corpus, axis=1)
        ),
        "the cosine": lambda query, corpus: np.max(
            corpus @ query / np.linalg.norm(corpus, axis=1) / np.linalg.norm(query)
        ),
        "all cosines": lambda query, corpus: (
            corpus @ query / np.linalg.norm(corpus, axis=1) / np.linalg.norm(query)
        ),
        "the row itself": lambda query, corpus: corpus[1],
    },
    "00.4": {
        "not mended": pairs(lambda cosine, i, j: True),
        "with the diagonal": pairs(lambda cosine, i, j: i <= j),
        "both orders": pairs(lambda cosine, i, j: i != j),
        "wrong order": pairs(lambda cosine, i, j: i > j),
        "copies lost": pairs(lambda cosine, i, j: i < j and cosine < 0.9999),
        "copies lost, both orders": pairs(lambda cosine, i, j: cosine < 0.9999),
        "nothing": pairs(lambda cosine, i, j: False),
        "dot products": lambda vectors, threshold: np.argwhere(
            np.triu(vectors @ vectors.T >= threshold, 1)
        ).tolist(),
    },
    "00.5": {"not": "not", "no full stop": "no full stop", "question": "question", "all": "all"},
}
