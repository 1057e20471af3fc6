"""Wrong answers to the exercises of lesson 01, each a misconception with a message of its own."""

import numpy as np
from scipy.stats import pearsonr, rankdata, spearmanr

from sbert_lessons.data import load_sts
from sbert_lessons.evaluation import bootstrap, cosine, interval, jaccard

sts = load_sts()
overlap = jaccard(sts["sentence1"], sts["sentence2"])
draws = bootstrap([overlap[:200]], sts["score"][:200])
width = np.ptp(interval(draws))
width_of_all = np.ptp(interval(bootstrap([overlap], sts["score"])))


def squared_differences(x, y):
    d, n = rankdata(x) - rankdata(y), len(x)
    return 100 * (1 - 6 * (d**2).sum() / (n * (n**2 - 1)))


def distance(u, v):
    return np.linalg.norm(u - v, axis=1)


def as_shown(u, v, grades):
    kept = grades >= 1
    x, y = np.sort(distance(u, v)[kept]), np.sort(grades[kept])
    return 100 * pearsonr(x, y).statistic


def sorts(u, v, grades):
    return 100 * spearmanr(np.sort(-distance(u, v)), np.sort(grades)).statistic


def drops(u, v, grades):
    kept = grades >= 1
    return 100 * spearmanr(-distance(u, v)[kept], grades[kept]).statistic


WRONG = {
    "01.1": {
        "x 100": 82.08,
        "d squared in spite of ties": 0.825,
        "Pearson of the values": 0.784,
        "first of the equal grades ranked higher": 0.7,
        "second of the equal grades ranked higher": 0.9,
        "lower rank for both": 0.853,
        "higher rank for both": 0.770,
        "ranks up to 4 only": 0.832,
        "two decimals": 0.82,
    },
    "01.2": {
        "Pearson": lambda x, y: 100 * pearsonr(x, y).statistic,
        "one argsort": lambda x, y: 100 * pearsonr(np.argsort(x), np.argsort(y)).statistic,
        "two argsorts": lambda x, y: (
            100 * pearsonr(x.argsort().argsort(), y.argsort().argsort()).statistic
        ),
        "d squared": squared_differences,
        "lower ranks": lambda x, y: (
            100 * pearsonr(rankdata(x, "min"), rankdata(y, "min")).statistic
        ),
        "one column ranked": lambda x, y: 100 * pearsonr(rankdata(x), y).statistic,
        "not x 100": lambda x, y: spearmanr(x, y).statistic,
        "one column from the top": lambda x, y: 100 * spearmanr(-x, y).statistic,
    },
    "01.3": {
        "as shown": as_shown,
        "still sorts": sorts,
        "still drops": drops,
        "still Pearson": lambda u, v, g: 100 * pearsonr(-distance(u, v), g).statistic,
        "still the wrong sign": lambda u, v, g: 100 * spearmanr(distance(u, v), g).statistic,
        "cosine instead": lambda u, v, g: 100 * spearmanr(cosine(u, v), g).statistic,
    },
    "01.4": {
        "all pairs": (width_of_all, 200 * (width_of_all / 4) ** 2),
        "from the table": (20.1, 200 * (20.1 / 4) ** 2),
        "another width": (2 * width, 200 * (width / 2) ** 2),
        "half the width": (width / 2, 200 * (width / 8) ** 2),
        "standard deviation": (draws.std(), 200 * (draws.std() / 4) ** 2),
        "width goes with n": (width, 200 * width / 4),
        "ratio turned round": (width, 200 * (4 / width) ** 2),
        "4 on either side": (width, 200 * (width / 8) ** 2),
        "by the width of all": (width, len(sts) * (width_of_all / 4) ** 2),
        "no pair too many": (width, 200),
    },
    "01.5": {
        "n squared": (1_000_000, 78.0),
        "ordered pairs": (999_000, 78.0),
        "n squared / 2": (500_000, 39.0),
        "time goes with n": (499_500, 390),
        "hours": (499_500, 0.65),
        "seconds": (499_500, 2338),
    },
}
