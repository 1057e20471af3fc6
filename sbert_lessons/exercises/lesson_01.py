"""Lesson 01: exercises, predictions and claims."""

from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from sbert_lessons.data import load_sts
from sbert_lessons.evaluation import bootstrap, interval, jaccard
from sbert_lessons.results import average, lead

from .judging import close, compare
from .model import Claim, Prediction, exercise


def correlation(x, y) -> float:
    return float(np.corrcoef(x, y)[0, 1])


@exercise("01.1", "Spearman by hand", kind="hand", minutes=8, level=1, hints=(
    "Give rank 1 to the smallest value. The two grades of 4 would take ranks 3 and 4: "
    "each gets the mean, 3.5.",
    "The ranks of the grades are 5, 3.5, 3.5, 2, 1, and those of the cosines 5, 2, 4, 3, 1.",
    "Subtract the mean rank 3 from each. Then divide the sum of the products by the root of "
    "(sum of squares of the first) x (sum of squares of the second).",
))  # fmt: skip
def spearman_by_hand(answer):
    grades, cosines = [5, 4, 4, 1, 0], [0.90, 0.70, 0.80, 0.75, 0.10]
    right = correlation(rankdata(grades), rankdata(cosines))
    squared = (rankdata(grades) - rankdata(cosines)) ** 2
    apart = "You gave the two grades of 4 different ranks: equal values share the mean rank, 3.5."
    return compare(
        answer,
        right,
        mistakes={
            "You multiplied by 100: here the answer lies between -1 and 1.": 100 * right,
            "You used the formula with d squared: with ties it is no longer exact. "
            "Take Pearson's correlation of the ranks.": 1 - 6 * squared.sum() / (5 * 24),
            "That is Pearson's correlation of the values: replace them by their ranks first.": (
                correlation(grades, cosines)
            ),
            apart: correlation([5, 4, 3, 2, 1], rankdata(cosines)),
            apart + " The order in which you broke the tie was in your favour.": (
                correlation([5, 3, 4, 2, 1], rankdata(cosines))
            ),
            apart + " You gave both the lower of their two ranks.": (
                correlation([5, 3, 3, 2, 1], rankdata(cosines))
            ),
            apart + " You gave both the higher of their two ranks.": (
                correlation([5, 4, 4, 2, 1], rankdata(cosines))
            ),
            apart + " And five values have ranks up to 5, also where two are equal.": (
                correlation([4, 3, 3, 2, 1], rankdata(cosines))
            ),
            "Right so far: give one decimal more.": round(right, 2),
        },
        otherwise="Rank both columns from 1 (smallest) to 5, then correlate the ranks.",
        tolerance=3e-4,
    )


@exercise("01.2", "Spearman in code", kind="code", minutes=6, level=1, hints=(
    "`rankdata` gives ranks from 1, and equal values share their mean rank.",
    "Pearson's correlation of two arrays is `np.corrcoef(a, b)[0, 1]`. Do not forget x 100.",
))  # fmt: skip
def spearman_in_code(answer):
    x = np.array([0.3, 0.9, 0.3, 0.1, 0.8, 0.2, 0.35])
    y = np.array([1.0, 5.0, 2.0, 0.0, 2.0, 2.0, 4.5])
    a, b = rankdata(x), rankdata(y)
    right = 100 * correlation(a, b)
    once = correlation(np.argsort(x), np.argsort(y))
    twice = correlation(x.argsort().argsort(), y.argsort().argsort())
    ordinal = correlation(rankdata(x, method="ordinal"), rankdata(y, method="ordinal"))
    split = "Equal values must share their mean rank: `argsort` breaks ties by position."
    return compare(
        answer(x, y),
        right,
        mistakes={
            "Right but for the scale: multiply by 100, as the papers do.": right / 100,
            "That is Pearson's correlation of the values: rank them first.": (
                100 * correlation(x, y)
            ),
            "`argsort` alone gives the positions that would sort the values, not their ranks.": (
                100 * once
            ),
            split: 100 * twice,
            split + " The method 'ordinal' does so too.": 100 * ordinal,
            **{
                f"Equal values share their *mean* rank; the method '{method}' gives another.": (
                    100 * correlation(rankdata(x, method=method), rankdata(y, method=method))
                )
                for method in ("min", "max", "dense")
            },
            "You ranked only one of the two columns.": 100 * correlation(a, y),
            "You ranked only one of the two columns: y.": 100 * correlation(x, b),
            "The formula with d squared holds only without ties: correlate the ranks instead.": (
                100 * (1 - 6 * ((a - b) ** 2).sum() / (7 * 48))
            ),
            "The sign is turned round: do both columns count from the smallest?": -right,
        },
        otherwise="Rank x, rank y, and take Pearson's correlation of the ranks, x 100.",
    )


BUGS = {
    "sort": "it sorts similarities and grades apart from each other, which breaks up the pairs",
    "sign": "a large distance counts as a high similarity",
    "values": "it correlates values (Pearson), not ranks",
    "drop": "it leaves out the pairs with low grades",
}


def scorer(u, v, grades, bugs=()):
    """Spearman x 100 of negative Euclidean distance, with some of the bugs of exercise 01.3."""
    x = np.linalg.norm(u - v, axis=1) * (1 if "sign" in bugs else -1)
    kept = grades >= (1 if "drop" in bugs else 0)
    x, y = x[kept], grades[kept]
    if "sort" in bugs:
        x, y = np.sort(x), np.sort(y)
    return 100 * (correlation(x, y) if "values" in bugs else correlation(rankdata(x), rankdata(y)))


@exercise("01.3", "A scorer that flatters", kind="bug", minutes=8, level=2, hints=(
    "A scorer must give about 0 for random vectors. Which line makes it give nearly 100?",
    "There are four bugs, about one a line. A distance is small where a similarity is large.",
    "The four: sorting, the sign of the distance, Pearson for Spearman, dropped grades.",
))  # fmt: skip
def flattering_scorer(answer):
    rng = np.random.default_rng(1)
    grades = rng.integers(0, 11, size=60) / 2
    u = rng.normal(size=(60, 8))
    v = u + rng.normal(size=(60, 8)) * (6 - grades[:, None]) ** 2 / 6
    some = [bugs for n in range(1, 5) for bugs in combinations(BUGS, n)]
    return compare(
        answer(u, v, grades),
        scorer(u, v, grades),
        mistakes={
            f"Still wrong: {'; and '.join(BUGS[bug] for bug in bugs)}.": (
                scorer(u, v, grades, bugs)
            )
            for bugs in some
        },
        otherwise="Wanted is Spearman x 100 between the negative Euclidean distance and the grade, "
        "over all pairs in their own order.",
    )


@exercise("01.4", "How wide with 200 pairs?", kind="experiment", minutes=8, level=2, hints=(
    "`bootstrap([overlap[:200]], sts[\"score\"][:200])` gives 1,000 scores; "
    "`interval` gives the two ends.",
    "To make an interval k times narrower one needs k squared times as many pairs.",
))  # fmt: skip
def two_hundred_pairs(answer):
    sts = load_sts()
    overlap = jaccard(sts["sentence1"], sts["sentence2"])
    scores = bootstrap([overlap[:200]], sts["score"][:200])
    right, (width, needed) = np.ptp(interval(scores)), answer
    if close(width, right, 0.05) and close(needed, 200 * (width / 4) ** 2, 0.05):
        return None
    all_pairs = np.ptp(interval(bootstrap([overlap], sts["score"])))
    if close(width, right / 2, 0.05):
        return "That is half the width, the part after a plus-minus sign: wanted is high - low."
    if close(width, scores.std(), 0.1):
        return "That is the standard deviation of the draws: wanted is high - low of the interval."
    if close(width, all_pairs, 0.1):
        return "That is the width with all pairs: take the first 200 of both columns."
    if close(width, 20.1, 0.01):
        return "That is the table's width, of mini-SBERT: here the scorer is word overlap."
    if not close(width, right, 0.05):
        return "The width does not fit: draw 1,000 bootstrap scores of the first 200 pairs, seed 0."
    if close(needed, 200 * width / 4, 0.05):
        return "The width is right. But it falls with the root of the number of pairs, not with it."
    if close(needed, 200 * (width / 8) ** 2, 0.05):
        return "The width is right. But 4 is the whole width, high - low, not the part after +-."
    if close(needed, 200 * (4 / width) ** 2, 0.05):
        return "The width is right. But you turned the ratio round: a narrower interval needs more."
    if close(needed, len(sts) * (all_pairs / 4) ** 2, 0.05):
        return "Both numbers are sound. But the second goes by all pairs: go by the first 200."
    return "The width is right. For the second number use: width is proportional to 1/sqrt(n)."


@exercise("01.5", "The price of a small collection", kind="hand", minutes=4, level=1, core=False,
    hints=(
        "Each of n sentences meets n - 1 others, and each pair is counted once.",
        "Speed of the paper's machine: 49,995,000 pairs in 65 hours. Divide, then use it.",
))  # fmt: skip
def price(answer):
    passes, minutes = answer
    if passes == 1_000_000:
        return "You counted each pair twice, and each sentence with itself."
    if passes == 999_000:
        return "You counted each pair twice: (a, b) and (b, a) are one pair."
    if passes == 500_000:
        return "Very near, but a sentence is not paired with itself: n(n - 1)/2."
    if passes != 499_500:
        return "How many pairs can be made of 1,000 sentences?"
    right = 65 * 60 * 499_500 / 49_995_000
    return compare(
        minutes,
        right,
        mistakes={
            "The passes are right. You made the time a tenth: it goes with the number of pairs.": (
                390
            ),
            "The passes are right. Your time is in hours: wanted are minutes.": right / 60,
            "The passes are right. Your time is in seconds: wanted are minutes.": right * 60,
        },
        otherwise="The passes are right. Minutes = passes / (pairs a minute of that machine).",
        tolerance=0.02,
    )


PREDICTIONS = (
    Prediction(
        "01.1",
        "Each cosine c is replaced by exp(10 c). What changes?",
        ("both", "only pearson", "only spearman", "neither"),
    ),
    Prediction(
        "01.2",
        "The mean cosine of unrelated sentences in raw mini-BERT",
        ("below 0.1", "0.1 to 0.4", "above 0.4"),
    ),
    Prediction(
        "01.3",
        "Without unit length, the dot product ranks the pairs",
        ("better than cosine", "as well as cosine", "worse than cosine"),
    ),
    Prediction(
        "01.4",
        "Raw mini-BERT (mean of token vectors) against word overlap",
        ("above", "below", "no clear difference"),
    ),
    Prediction(
        "01.5",
        "With four times as many pairs the interval is",
        ("as wide", "half as wide", "a quarter as wide"),
    ),
)


def about_the_same(measure: str) -> float:
    """Points left until a measure is 3 away from cosine, in the recorded runs on all NLI pairs."""
    scores = [average("nli", "all pairs", f"stsb_dev_{name}") for name in (measure, "cosine")]
    return 3 - abs(scores[0] - scores[1])


def way_of_averaging() -> float:
    """Points by which "all" and "wmean" differ on the average of seven sets, recorded runs."""
    years = [[average("nli", "all pairs", f"sts{y}_{way}") for y in range(12, 17)]
             for way in ("all", "wmean")]  # fmt: skip
    return abs(sum(years[0]) - sum(years[1])) / 7  # STS-B and SICK have no subsets


CLAIMS = (
    Claim(
        "01.A",
        "Training on NLI makes sentence vectors that rank pairs better than raw ones",
        "Reimers & Gurevych 2019, Table 1",
        paper="77.03 against 46.35 on STS-B; 74.89 against 54.81 over seven sets (Table 1)",
        recorded=lambda: (
            average("nli", "all pairs", "stsb_test") - average("raw", "mean", "stsb_test")
        ),
    ),
    Claim(
        "01.B",
        "The mean of raw BERT vectors is worse than simple word information (here: overlap)",
        "Reimers & Gurevych 2019, Table 1",
        paper="54.81 against 61.32 for averaged GloVe, over seven sets (Table 1)",
        recorded=lambda: lead("raw", "Jaccard", "mean", "stsb_test"),
    ),
    Claim(
        "01.C",
        "A cosine of 0.5 or more shows that two sentences are related (here: raw mini-BERT)",
        "a common belief",
    ),
    Claim(
        "01.D",
        "Euclidean and Manhattan distance give about the same score as cosine",
        "Reimers & Gurevych 2019, section 4",
        paper="about the same, without figures (section 4)",
        recorded=lambda: min(about_the_same("euclidean"), about_the_same("manhattan")),
    ),
    Claim(
        "01.E",
        "The dot product of raw-length vectors gives about the same score as cosine",
        "common notes: 'all measures agree'",
        recorded=lambda: about_the_same("dot"),
    ),
    Claim(
        "01.F",
        "To compare 10,000 sentences, a bi-encoder is more than 1,000 times faster "
        "than a cross-encoder of the same size",
        "Reimers & Gurevych 2019, abstract",
        paper="65 hours against 5 seconds, 10 to the power 4.7 (abstract)",
    ),
    Claim(
        "01.G",
        "On vectors of length 1, cosine, dot product and Euclidean distance rank alike",
        "|u - v|^2 = 2 - 2 cos(u, v)",
        kind="definition",
    ),
    Claim(
        "01.H",
        "Averaging over subsets in another way moves the average score of a model by a point "
        "or more",
        "Gao et al. 2021 (SimCSE), appendix B.2",
        kind="literature",
        paper="SBERT: 74.85 with 'all', 73.55 with 'wmean' (appendix B.2)",
        recorded=way_of_averaging,
    ),
    Claim(
        "01.I",
        "Pearson's correlation can choose the wrong system for a task; ranks are safer",
        "Reimers, Beyer & Gurevych 2016, abstract",
        kind="literature",
    ),
    Claim(
        "01.J",
        "A cross-encoder is the better judge of one pair",
        "Reimers & Gurevych 2019, Table 2",
        kind="literature",
        paper="88.33 against 85.35 on STS-B, both trained on NLI, then STS-B (Table 2)",
    ),
    Claim(
        "01.K",
        "Raw BERT beats averaged GloVe under a trained classifier, and loses to it on STS",
        "Reimers & Gurevych 2019, Tables 1 and 5",
        kind="literature",
        paper="84.94 against 81.52 (Table 5); 54.81 against 61.32 (Table 1)",
    ),
)
