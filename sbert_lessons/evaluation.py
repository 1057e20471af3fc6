"""How good are sentence vectors? Rank correlation with human grades, and its uncertainty.

Scores are Spearman's or Pearson's correlation x 100, as in the papers. Introduced in lesson 01.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, rankdata, spearmanr

from sbert_lessons.data import checked_texts, words
from sbert_lessons.encoder import TextEncoder


def cosine(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """u . v / (|u| |v|) row by row: `(N, D), (N, D) -> (N,)`; 0 where a vector is zero."""
    norms = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
    return (u * v).sum(1) / np.maximum(norms, 1e-12)


SIMILARITIES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cosine": cosine,
    "dot": lambda u, v: (u * v).sum(1),
    "euclidean": lambda u, v: -np.linalg.norm(u - v, axis=1),
    "manhattan": lambda u, v: -np.abs(u - v).sum(1),
}
"""Row-wise similarities `(N, D), (N, D) -> (N,)`; distances are negated, so larger is closer."""


def jaccard(texts1: Sequence[str], texts2: Sequence[str]) -> np.ndarray:
    """Word overlap |A & B| / |A | B| of each pair, `(N,)`: the line every model has to beat."""
    sets = [(set(words(a)), set(words(b))) for a, b in zip(texts1, texts2, strict=True)]
    return np.array([len(a & b) / max(1, len(a | b)) for a, b in sets])


def spearman(predicted: Sequence[float], gold: Sequence[float]) -> float:
    """Spearman's rank correlation x 100. ValueError for unequal lengths or constant input."""
    return 100 * float(spearmanr(*checked(predicted, gold)).statistic)


def pearson(predicted: Sequence[float], gold: Sequence[float]) -> float:
    """Pearson's linear correlation x 100. ValueError for unequal lengths or constant input."""
    return 100 * float(pearsonr(*checked(predicted, gold)).statistic)


def checked(predicted: Sequence[float], gold: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays, or one clear sentence about why they have no correlation."""
    x, y = np.asarray(predicted, dtype=float), np.asarray(gold, dtype=float)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} predictions for {len(y)} grades: give one for each pair.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("A prediction or grade is NaN or infinite: look for it before scoring.")
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("Correlation needs at least two pairs and values that are not all equal.")
    return x, y


def encode_pairs(encoder: TextEncoder, pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Vectors `(N, D)` of both sentences of every pair; one that returns is encoded once.

    The columns are `premise` and `hypothesis`, or else `sentence1` and `sentence2`. ValueError
    without them, and for pairs that lack a text; TypeError for what is no text.
    """
    nli = "premise" in pairs
    first, second = ("premise", "hypothesis") if nli else ("sentence1", "sentence2")
    missing = [column for column in (first, second) if column not in pairs]
    if missing:
        raise ValueError(f"There is no column {' or '.join(missing)} in {', '.join(pairs)}.")
    incomplete = pairs[[first, second]].isna().any(axis=1).sum()
    if incomplete:
        raise ValueError(f"{incomplete} of {len(pairs)} pairs lack a text: use `pairs.dropna()`.")
    texts = [text for column in (first, second) for text in checked_texts(pairs[column])]
    places, different = pd.factorize(np.array(texts, dtype=object))
    vectors = encoder.encode([*different], batch_size=64)[places]
    return vectors[: len(pairs)], vectors[len(pairs) :]


def sts_score(encoder: TextEncoder, sts: pd.DataFrame, measure: str = "cosine") -> float:
    """Spearman x 100 between a similarity of the two vectors and the human grade.

    SBERT, section 4.1, with `measure="cosine"`.
    """
    if measure not in SIMILARITIES:
        names = ", ".join(SIMILARITIES)
        raise ValueError(f"There is no similarity '{measure}': choose from {names}.")
    return spearman(SIMILARITIES[measure](*encode_pairs(encoder, sts)), sts["score"])


def sts_table(u: np.ndarray, v: np.ndarray, grades: Sequence[float]) -> pd.DataFrame:
    """Spearman and Pearson x 100 for each of the four similarity measures."""
    rows = {
        name: {"spearman": spearman(f(u, v), grades), "pearson": pearson(f(u, v), grades)}
        for name, f in SIMILARITIES.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def aggregate(predicted: np.ndarray, gold: np.ndarray, subset: np.ndarray) -> dict[str, float]:
    """One score for a year of STS made of subsets, in the three ways that papers use.

    all: one ranking over every pair (SBERT, SimCSE); mean: average of the subsets' scores;
    wmean: the same, weighted by their sizes (BERT-flow, BERT-whitening).
    """
    names, sizes = np.unique(subset, return_counts=True)
    scores = np.array([spearman(predicted[subset == n], gold[subset == n]) for n in names])
    return {
        "all": spearman(predicted, gold),
        "mean": float(scores.mean()),
        "wmean": float(np.average(scores, weights=sizes)),
    }


def bootstrap(
    predictions: Sequence[Sequence[float]], gold: Sequence[float], draws: int = 1000, seed: int = 0
) -> np.ndarray:
    """Spearman x 100 of each prediction on resampled pairs, `(draws, len(predictions))`.

    Every draw uses the same pairs for all predictions, so that differences are paired. ValueError
    for no prediction, unequal lengths or constant input, also where a draw of very few pairs is
    constant.
    """
    columns = np.vstack([checked_all(predictions, gold), gold])
    rows = np.random.default_rng(seed).integers(len(gold), size=(draws, len(gold)))
    return np.array([spearman_of_rows(columns[:, r]) for r in rows])


def checked_all(predictions: Sequence[Sequence[float]], gold: Sequence[float]) -> np.ndarray:
    """Each prediction as a row, `(K, N)`; the errors of `checked`, and ValueError for none."""
    if not len(predictions):
        raise ValueError("There is no prediction to score: give at least one.")
    return np.stack([checked(p, gold)[0] for p in predictions])


def spearman_of_rows(values: np.ndarray) -> np.ndarray:
    """Spearman x 100 of each row but the last with the last, `(K + 1, N) -> (K,)`, all at once."""
    if (np.ptp(values, axis=1) == 0).any():
        raise ValueError("A draw of these pairs has values that are all equal: give more pairs.")
    return 100 * np.corrcoef(rankdata(values, axis=1))[-1, :-1]


def bootstrap_auc(
    predictions: Sequence[Sequence[float]],
    positive: Sequence[bool],
    groups: Sequence | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """AUC x 100 of each prediction on resampled pairs, `(draws, len(predictions))`.

    AUC = sum_ij w_i w_j [s_i > s_j] / (sum_i w_i sum_j w_j) over `positive` pairs i and the others
    j, where w counts how often a pair was drawn; a tie is half a win. With `groups: (N,)`, whole
    groups are drawn. Paired like `bootstrap`, with its errors, and ValueError for a missing group.
    Introduced in lesson 03.
    """
    scores = checked_all(predictions, positive)
    places = np.arange(len(positive)) if groups is None else pd.factorize(np.asarray(groups))[0]
    if len(places) != len(positive) or (places < 0).any():
        raise ValueError(f"Give a group for each of the {len(positive)} pairs, none missing.")
    size, yes = places.max() + 1, np.asarray(positive, dtype=bool)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), draws)
    i, j = (drawn[:, places[kind]].astype(float) for kind in (yes, ~yes))
    if not (i.any(1) & j.any(1)).all():
        raise ValueError("A draw of these pairs has only one kind: give more pairs.")
    wins = [(np.sign(s[yes][:, None] - s[~yes]) + 1) / 2 for s in scores]
    samples = [((i @ won) * j).sum(1) / (i.sum(1) * j.sum(1)) for won in wins]
    return 100 * np.stack(samples, axis=1)


def mean_over_seeds(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Each draw's mean over seeds that are drawn anew too: `(draws, seeds) -> (draws,)`.

    `samples`: a score, or the difference of two, of each seed on each draw's pairs. An interval of
    the result holds both: other pairs and other seeds. Introduced in lesson 04.
    """
    places = np.random.default_rng(seed).integers(samples.shape[1], size=samples.shape)
    return np.take_along_axis(samples, places, axis=1).mean(1)


def interval(samples: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The central interval that holds `level` of the samples."""
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(samples, [tail, 100 - tail])
    return float(low), float(high)
