"""The shape of a cloud of vectors, and the linear maps that change it without any training.

Measures take the vectors, one a row, `(N, D)`, and compute in float64. `remove_top` and
`whitening` look at one cloud and return a mean `mu: (D,)` and a matrix `W: (D, k)`, which are
applied to any vectors of the same model as `(x - mu) @ W`. Introduced in lesson 10.
"""

from collections.abc import Sequence

import numpy as np
import torch

from sbert_lessons.data import length_sorted_batches
from sbert_lessons.encoder import LONG_WORK, SentenceEncoder, evaluating
from sbert_lessons.evaluation import cosine
from sbert_lessons.pooling import mean
from sbert_lessons.progress import progress_bar
from sbert_lessons.search import unit

NO_VARIANCE = 1e-10  # of the largest eigenvalue: below it, float32 vectors hold rounding noise
AT_ONCE = 1000  # rows: a whole N x N matrix may not fit into memory


@torch.inference_mode()
def layer_means(encoder: SentenceEncoder, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
    """MEAN sentence vectors of every layer, embeddings first: float32 `(L + 1, N, D)`.

    The mean of a mix of layers is the mix of their means, so that `x[[1, -1]].mean(0)` is
    BERT-flow's "first-last". Introduced in lesson 10.
    """
    store = encoder.tokenize(texts)
    batches = length_sorted_batches(store.lengths, batch_size)
    layers = encoder.backbone.config.num_hidden_layers + 1
    vectors = np.empty((layers, len(store), encoder.dim), dtype=np.float32)
    with evaluating(encoder):
        for rows in progress_bar(batches, "encode", shown=len(batches) > LONG_WORK):
            ids, mask = (x.to(encoder.backbone.device) for x in store.batch(rows))
            states = encoder.backbone(ids, attention_mask=mask, output_hidden_states=True)
            for layer, tokens in enumerate(states.hidden_states):
                vectors[layer, rows] = mean(tokens, mask).cpu().numpy()
    return vectors


def cloud(x: np.ndarray, least: int = 2) -> np.ndarray:
    """The vectors in float64; one clear sentence if they are no finite `(N, D)`, N >= least."""
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or len(x) < least:
        raise ValueError(f"Got the shape {x.shape}: give at least {least} vectors, one a row.")
    if not np.isfinite(x).all():
        raise ValueError("A vector holds NaN or infinity: look for it before measuring.")
    return x


def covariance(x: np.ndarray) -> np.ndarray:
    """1/N sum_i (x_i - mu)(x_i - mu)^T: `(N, D) -> (D, D)`. BERT-whitening, equation 5."""
    centred = x - x.mean(0)
    return centred.T @ centred / len(x)


def random_pair_cosine(x: np.ndarray, pairs: int = 10_000, seed: int = 0) -> float:
    """Mean cosine of random pairs of different rows: 0 for a cloud that looks in all directions.

    The baseline of Ethayarajh (2019), who draws occurrences of words. ValueError for fewer than
    two vectors. Introduced in lesson 10.
    """
    x = cloud(x)
    rng = np.random.default_rng(seed)
    first = rng.integers(len(x), size=pairs)
    second = (first + rng.integers(1, len(x), size=pairs)) % len(x)
    return float(cosine(x[first], x[second]).mean())


def self_similarity(x: np.ndarray) -> float:
    """Mean cosine over all pairs of different rows: of one word's vectors in N contexts.

    Ethayarajh (2019), SelfSim; with `random_pair_cosine` of many words taken away, it is the
    adjusted one. Sum over pairs = |sum_i x_i/|x_i||^2 - N. Introduced in lesson 10.
    """
    u = unit(cloud(x))
    return float((np.square(u.sum(0)).sum() - len(u)) / (len(u) * (len(u) - 1)))


def iso_score(x: np.ndarray) -> float:
    """How evenly the variance fills the D dimensions: 0 for a line, 1 for a ball.

    With the eigenvalues s of the covariance, (PR - 1) / (D - 1), where the participation ratio
    PR = (sum s)^2 / sum s^2 = trace(C)^2 / |C|^2 counts dimensions. This is IsoScore of Rudman et
    al. (2022), whose algorithm comes to the same number in six steps. The mean of the cloud, a
    rotation and a scale change nothing. ValueError for vectors that are all equal, or of length 1.
    Introduced in lesson 10.
    """
    c = covariance(cloud(x))
    size = np.square(c).sum()
    if len(c) < 2 or size == 0:
        raise ValueError("IsoScore needs vectors of two or more numbers that are not all equal.")
    return float((np.trace(c) ** 2 / size - 1) / (len(c) - 1))


def principal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances, largest first, `(D,)`, and their directions, the columns of `(D, D)`."""
    directions, variances, _ = np.linalg.svd(covariance(x), hermitian=True)
    return variances, directions


def remove_top(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """All-but-the-top: centre, and take out the k directions of most variance.

    Returns mu `(D,)` and the projection P = I - U_k U_k^T `(D, D)`, applied as `(x - mu) @ P`;
    k = 0 only centres. Mu & Viswanath (2018). ValueError for a k outside 0 ... D - 1.
    Introduced in lesson 10.
    """
    x = cloud(x)
    if not 0 <= k < x.shape[1]:
        raise ValueError(f"k = {k}: remove from 0 to {x.shape[1] - 1} of {x.shape[1]} directions.")
    top = principal(x)[1][:, :k]
    return x.mean(0), np.eye(x.shape[1]) - top @ top.T


def whitening(x: np.ndarray, k: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """BERT-whitening: a mean and a map after which the cloud has mean 0 and covariance I.

    C = U diag(s) U^T; W is the first k columns of U diag(s)^(-1/2). Returns mu `(D,)` and
    W `(D, k)`, applied as `(x - mu) @ W`. Without k, every direction that holds variance: that
    can be D - 1, because a last LayerNorm takes one away. Su et al. (2021), Algorithm 1.
    ValueError where there are too few vectors: without k, N must be larger than D; with it, k
    directions must hold variance, or 1/sqrt(s) would blow up rounding noise.
    Introduced in lesson 10.
    """
    x = cloud(x)
    (n, dim), (variances, directions) = x.shape, principal(x)
    held = int((variances > NO_VARIANCE * variances[0]).sum())
    if not held:
        raise ValueError("All vectors are equal: there is no variance to whiten.")
    if k is None and n <= dim:
        raise ValueError(
            f"{n} vectors of {dim} numbers leave directions without variance: give more than "
            f"{dim} vectors (better ten times as many), or a k of at most {held}."
        )
    k = held if k is None else k
    if not 1 <= k <= held:
        raise ValueError(
            f"k = {k}: only {held} of {dim} directions hold variance in these {n} vectors. "
            f"Give more vectors, or a k from 1 to {held}."
        )
    return x.mean(0), directions[:, :k] / np.sqrt(variances[:k])


def alignment(u: np.ndarray, v: np.ndarray) -> float:
    """Mean squared distance of the pairs on the unit sphere: 0 is best, `(N, D), (N, D)`.

    E |u - v|^2 = 2 - 2 E cos. Wang & Isola (2020) with alpha = 2; give pairs that mean the same.
    ValueError for unequal shapes. Introduced in lesson 09.
    """
    u, v = cloud(u, least=1), cloud(v, least=1)
    if u.shape != v.shape:
        raise ValueError(f"Pairs need equal shapes, not {u.shape} and {v.shape}.")
    return float(np.square(unit(u) - unit(v)).sum(1).mean())


def uniformity(x: np.ndarray) -> float:
    """log of the mean of exp(-2 |x_i - x_j|^2) over pairs of different rows on the unit sphere.

    0 if all are one point; the lower, the more evenly they are spread. Wang & Isola (2020) with
    t = 2. Introduced in lesson 09.
    """
    u = unit(cloud(x))
    parts = np.split(u, range(AT_ONCE, len(u), AT_ONCE))
    total = sum(np.exp(-4 * (1 - part @ u.T)).sum() for part in parts) - len(u)
    return float(np.log(total / (len(u) * (len(u) - 1))))
