"""Wrong answers that the checks of lesson 10 must reject."""

import numpy as np

from sbert_lessons.exercises.lesson_10 import gains, roots_ratio, scores, spectrum

PR = 100 / 46
RIGHT = gains()


def whiten(scale, columns=slice(None), centre=True):
    def answer(x, k):
        s, u = spectrum(x)
        s, u = s[columns], u[:, columns]
        return x.mean(0) * centre, u[:, :k] * scale(s[:k])

    return answer


def rows(x, k):
    s, u = spectrum(x)
    return x.mean(0), u.T[:, :k] / np.sqrt(s[:k])


def divided_rows(x, k):
    s, u = spectrum(x)
    return x.mean(0), (u / np.sqrt(s)[:, None])[:, :k]


def standardized(x, k):
    return x.mean(0), np.diag(1 / x.std(0))[:, :k]


def all_columns(x, k):
    s, u = spectrum(x)
    return x.mean(0), u / np.sqrt(s)


def root(s):
    return 1 / np.sqrt(s)


def remove(centre, bottom=False):
    def answer(x, k):
        y, u = x - centre * x.mean(0), spectrum(x)[1]
        out = u[:, -k:] if bottom else u[:, :k]
        return y - y @ out @ out.T

    return answer


def mean_left(x, k):
    return remove(1)(x, k) + x.mean(0)


def only_the_kth(x, k):
    y, out = x - x.mean(0), spectrum(x)[1][:, k - 1 : k]
    return y - y @ out @ out.T


def only_the_top(x, k):
    return x - x.mean(0) - remove(1)(x, k)


WRONG = {
    "10.1": {
        "sum not squared": [10 / 46, (10 / 46 - 1) / 2],
        "divides by D": [PR, (PR - 1) / 3],
        "PR / D": [PR, PR / 3],
        "exchanged": [(PR - 1) / 2, PR],
        "roots": [roots_ratio(), (roots_ratio() - 1) / 2],
    },
    "10.2": {
        "unchanged": remove(0, bottom=True),
        "only the order": remove(0),
        "only centred": remove(1, bottom=True),
        "mean left in": mean_left,
        "the top itself": only_the_top,
        "only the k-th": only_the_kth,
    },
    "10.3": {
        "no mean": whiten(root, centre=False),
        "rotates only": whiten(np.ones_like),
        "divides by the variance": whiten(lambda s: 1 / s),
        "multiplies": whiten(np.sqrt),
        "smallest first": whiten(root, slice(None, None, -1)),
        "rows": rows,
        "standardizes": standardized,
        "divides the rows": divided_rows,
        "only W": lambda x, k: whiten(root)(x, k)[1],
        "all columns": all_columns,
    },
    "10.4": {
        "after": scores("after"),
        "turned round": [-gain for gain in RIGHT],
        "each side apart": gains("apart"),
        "no mean": gains("no mean"),
        "centred only": gains("centred"),
    },
}
