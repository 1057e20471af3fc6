"""Wrong answers that the checks of lesson 13 must reject."""

import numpy as np
from torch.nn.functional import normalize

RIGHT_05 = {"A": "split", "B": "metric", "C": "baseline", "D": "licence"}


def hits(found, exact):
    return np.array([len({*f} & {*e}) for f, e in zip(found, exact, strict=True)])


def dolls(cut, end=sum, keep=lambda dims: dims, fixed=None):
    def my_matryoshka(loss, u, v, labels, dims):
        return end([(fixed or loss)(cut(u, k), cut(v, k), labels) for k in keep(dims)])

    return my_matryoshka


def first(x, k):
    return normalize(x[:, :k])


def dot(a, b, y):
    return ((a * b).sum(1) - y).square().mean()


WRONG = {
    "13.1": {
        "all pairs": (49_995_000, 3900),
        "one sentence": (20, 15.6),
        "pairs among candidates": (1_900_000, 148.2),
        "hours": (200_000, 0.26),
        "seconds": (200_000, 936.1),
        "other": (200_000, 65),
    },
    "13.2": {
        "places": lambda f, e: (f == e).mean(),
        "hits": lambda f, e: hits(f, e).sum(),
        "all found": lambda f, e: (hits(f, e) == e.shape[1]).mean(),
        "one found": lambda f, e: (hits(f, e) > 0).mean(),
        "always ten": lambda f, e: hits(f, e).sum() / (10 * len(e)),
        "precision": lambda f, e: hits(f, e).sum() / (f >= 0).sum(),
        "all queries together": lambda f, e: len({*f.ravel()} & {*e.ravel()}) / e.size,
        "fixed size": lambda f, e: hits(f, e).sum() / 16,
    },
    "13.3": {
        "exchanged": (12, 96),
        "not looked for a smaller one": (192, 12),
        "too few": (48, 12),
        "far too few": (12, 12),
        "not turned": (96, 96),
        "PCA too few": (96, 6),
        "PCA with the mean subtracted": (96, 24),
        "PCA too many": (96, 48),
        "scores": (61.2, 60.9),
        "one size": 96,
    },
    "13.4": {
        "not scaled": dolls(lambda x, k: x[:, :k]),
        "scaled before": dolls(lambda x, k: normalize(x)[:, :k]),
        "mean": dolls(first, end=lambda values: sum(values) / len(values)),
        "last size": dolls(first, keep=lambda dims: dims[-1:]),
        "first size": dolls(first, keep=lambda dims: dims[:1]),
        "last k": dolls(lambda x, k: normalize(x[:, -k:])),
        "one loss only": dolls(first, fixed=dot),
    },
    "13.5": {
        "A and B exchanged": RIGHT_05 | {"A": "metric", "B": "split"},
        "B and C exchanged": RIGHT_05 | {"B": "baseline", "C": "metric"},
        "C and D exchanged": RIGHT_05 | {"C": "licence", "D": "baseline"},
        "D twice": RIGHT_05 | {"D": "split"},
        "one left out": {"A": "split"},
    },
}
