"""Hand values, a second formula for each measure and map, invariances, and mutants that must fail.

A check that accepts a mutant would also accept the mistake that the mutant stands for.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import ortho_group
from sklearn.decomposition import PCA

from sbert_lessons import pooling
from sbert_lessons.evaluation import cosine
from sbert_lessons.geometry import (
    alignment,
    iso_score,
    layer_means,
    random_pair_cosine,
    remove_top,
    self_similarity,
    uniformity,
    whitening,
)

seeds = st.integers(0, 10**6)


def some_cloud(seed: int, n: int = 60, dim: int = 5) -> np.ndarray:
    """Off centre, skew, and of very different spread in its directions."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) * 3.0 ** -np.arange(dim) @ rng.normal(
        size=(dim, dim)
    ) + rng.normal(size=dim)


def refused(check, *args) -> bool:
    try:
        check(*args)
    except AssertionError:
        return True
    return False


def all_cosines(x: np.ndarray) -> list[float]:
    """One pair at a time."""
    return [a @ b / np.sqrt(a @ a * (b @ b)) for a, b in itertools.combinations(x, 2)]


# layers


TEXTS = ["a dog runs", "the cat eats bread and sleeps", "guitar", "two dogs run in the park"]


def test_layer_means_are_those_of_the_hidden_states_and_of_encode(tiny_encoder):
    states, mask = tiny_encoder.hidden_states(TEXTS)
    vectors = layer_means(tiny_encoder, TEXTS, batch_size=2)
    assert vectors.shape == (len(states), len(TEXTS), tiny_encoder.dim)
    for ours, tokens in zip(vectors, states, strict=True):
        np.testing.assert_allclose(ours, pooling.mean(tokens, mask), atol=1e-5)
    np.testing.assert_allclose(vectors[-1], tiny_encoder.encode(TEXTS), atol=1e-5)
    mixed = pooling.mean(pooling.layer_mean(states, (1, -1)), mask)
    np.testing.assert_allclose(vectors[[1, -1]].mean(0), mixed, atol=1e-5)


# random pairs


def check_random_pairs(measure) -> None:
    assert measure(np.array([[1.0, 0.0], [3.0, 4.0]]), 5, 0) == pytest.approx(0.6)
    for seed in range(5):
        x = some_cloud(seed, n=12)
        cosines = all_cosines(x)
        error = np.std(cosines) / np.sqrt(20_000)
        assert abs(measure(x, 20_000, seed) - np.mean(cosines)) < 5 * error
    assert measure(x, 50, 0) == measure(x, 50, 0) != measure(x, 50, 1)


def test_random_pair_cosine():
    check_random_pairs(random_pair_cosine)


def with_itself(x, pairs, seed):
    first, second = np.random.default_rng(seed).integers(len(x), size=(2, pairs))
    return cosine(x[first], x[second]).mean()


def of_the_centred(x, pairs, seed):
    return random_pair_cosine(x - x.mean(0), pairs, seed)


def neighbours(x, pairs, seed):
    return cosine(x, np.roll(x, 1, axis=0)).mean()


@pytest.mark.parametrize("wrong", [with_itself, of_the_centred, neighbours])
def test_wrong_random_pairs(wrong):
    assert refused(check_random_pairs, wrong)


def check_self_similarity(measure) -> None:
    x = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    assert measure(x) == pytest.approx(np.sqrt(2) / 3)  # cosines 0, 1/sqrt 2, 1/sqrt 2
    for seed in range(5):
        x = some_cloud(seed, n=9)
        assert measure(x) == pytest.approx(np.mean(all_cosines(x)))


def test_self_similarity():
    check_self_similarity(self_similarity)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: self_similarity(x) * (len(x) - 1) / len(x) + 1 / len(x),  # with itself too
        lambda x: self_similarity(x) / len(x),  # the formula as one copy of the paper prints it
        lambda x: (x @ x.T)[np.triu_indices(len(x), 1)].mean(),
    ],
)
def test_wrong_self_similarities(wrong):
    assert refused(check_self_similarity, wrong)


# IsoScore


def rudman(x: np.ndarray) -> float:
    """IsoScore as Rudman et al. (2022) compute it, step by step."""
    n = x.shape[1]
    variances = PCA().fit_transform(x).var(0)
    normed = variances * np.sqrt(n) / np.linalg.norm(variances)
    defect = np.linalg.norm(normed - 1) / np.sqrt(2 * (n - np.sqrt(n)))
    fraction = (n - defect**2 * (n - np.sqrt(n))) ** 2 / n**2
    return (n * fraction - 1) / (n - 1)


def check_iso_score(measure) -> None:
    square = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    assert measure(square) == pytest.approx(1)
    # variances 4.5 and 0.5: PR = 25 / 20.5
    assert measure(square * [3, 1]) == pytest.approx(25 / 20.5 - 1)
    assert measure(np.outer([1.0, 2, 4], [1, 2, 2])) == pytest.approx(0, abs=1e-9)
    for seed in range(20):
        x = some_cloud(seed, dim=2 + seed % 6)
        assert measure(x) == pytest.approx(rudman(x))


def test_iso_score():
    check_iso_score(iso_score)


@given(seeds, st.floats(0.01, 100), st.floats(-10, 10))
def test_iso_score_ignores_mean_rotation_and_scale(seed, scale, offset):
    x = some_cloud(seed)
    moved = scale * x @ ortho_group.rvs(5, random_state=seed) + offset
    assert iso_score(moved) == pytest.approx(iso_score(x))
    assert 0 <= iso_score(x) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: iso_score(np.concatenate([x, -x])),  # not centred
        lambda x: (iso_score(x) * (x.shape[1] - 1) + 1) / x.shape[1],  # PR / D: never 0
        lambda x: (x.var(0).sum() ** 2 / (x.var(0) ** 2).sum() - 1) / (x.shape[1] - 1),
        lambda x: iso_score(np.linalg.svd(x - x.mean(0))[1][:, None] * np.eye(x.shape[1])),
    ],
)
def test_wrong_iso_scores(wrong):
    assert refused(check_iso_score, wrong)


# all-but-the-top


def check_remove_top(fit) -> None:
    x = np.array([[4.0, 2], [4, 4], [-2, 2], [-2, 4]])  # mean (1, 3); most variance along axis 0
    mu, p = fit(x, 1)
    np.testing.assert_allclose((x - mu) @ p, [[0, -1], [0, 1], [0, -1], [0, 1]], atol=1e-12)
    for seed in range(10):
        x = some_cloud(seed)
        for k in range(5):
            mu, p = fit(x, k)
            pca = PCA(k).fit(x) if k else PCA().fit(x)
            kept = x - (pca.inverse_transform(pca.transform(x)) if k else x.mean(0))
            np.testing.assert_allclose((x - mu) @ p, kept, atol=1e-9)


def test_remove_top():
    check_remove_top(remove_top)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, k: (np.zeros(x.shape[1]), remove_top(x, k)[1]),
        lambda x, k: (x.mean(0), np.eye(x.shape[1]) - remove_top(x, k)[1]),
        lambda x, k: (x.mean(0), remove_top(x, min(k + 1, x.shape[1] - 1))[1]),
        lambda x, k: (x.mean(0), remove_top(np.concatenate([x, -x]), k)[1]),
    ],
)
def test_wrong_removals(wrong):
    assert refused(check_remove_top, wrong)


# whitening


def cosines_after(x: np.ndarray, mu: np.ndarray, w: np.ndarray) -> list[float]:
    return all_cosines((x - mu) @ w)


def check_whitening(fit) -> None:
    x = np.array([[3.0, 1], [-1, 1], [1, 2], [1, 0]])  # mean (1, 1), variances 2 and 0.5
    mu, w = fit(x, None)
    np.testing.assert_allclose(mu, [1, 1])
    np.testing.assert_allclose(np.abs(w), np.diag([2**-0.5, 2**0.5]), atol=1e-12)
    for seed in range(10):
        x = some_cloud(seed)
        mu, w = fit(x, None)
        white = (x - mu) @ w
        np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(5), atol=1e-8)
        root = np.linalg.inv(sqrtm(np.cov(x.T)).real)  # ZCA: the same up to a rotation
        np.testing.assert_allclose(
            cosines_after(x, mu, w), cosines_after(x, x.mean(0), root), atol=1e-7
        )
        for k in range(1, 6):
            pca = PCA(k, whiten=True).fit_transform(x)
            mu, w = fit(x, k)
            assert w.shape == (5, k)
            np.testing.assert_allclose(cosines_after(x, mu, w), all_cosines(pca), atol=1e-7)


def test_whitening():
    check_whitening(whitening)


@given(seeds, st.floats(0.1, 10))
def test_whitened_cosines_do_not_know_of_any_linear_map_before(seed, scale):
    x = some_cloud(seed, dim=3)
    skew = ortho_group.rvs(3, random_state=seed) * [scale, 1, 1]
    moved = x @ skew + scale
    before, after = (cosines_after(y, *whitening(y)) for y in (x, moved))
    np.testing.assert_allclose(before, after, atol=1e-5)


def eigen(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return values[::-1], vectors[:, ::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, k: (0 * x.mean(0), whitening(x, k)[1]),  # the mean forgotten
        lambda x, k: (x.mean(0), eigen(x)[1][:, :k]),  # only rotated
        lambda x, k: (x.mean(0), eigen(x)[1][:, :k] / eigen(x)[0][:k]),  # no square root
        lambda x, k: (x.mean(0), eigen(x)[1][:, :k] * np.sqrt(eigen(x)[0][:k])),
        lambda x, k: (x.mean(0), whitening(x)[1][:, ::-1][:, :k]),  # the smallest first
        lambda x, k: (x.mean(0), whitening(x)[1].T[:, :k]),
        lambda x, k: (x.mean(0), np.diag(1 / x.std(0))[:, :k]),  # standardised only
        lambda x, k: (x.mean(0), (eigen(x)[1] / np.sqrt(eigen(x)[0])[:, None])[:, :k]),
    ],
)
def test_wrong_whitenings(wrong):
    assert refused(check_whitening, wrong)


def test_whitening_needs_enough_vectors_and_says_how_many():
    x = some_cloud(0)
    with pytest.raises(ValueError, match="more than 5 vectors .* a k of at most 3"):
        whitening(x[:4])
    with pytest.raises(ValueError, match="more than 5 vectors .* a k of at most 4"):
        whitening(x[:5])
    with pytest.raises(ValueError, match="equal: there is no variance"):
        whitening(np.ones((9, 5)))
    with pytest.raises(ValueError, match="only 3 of 5 directions"):
        whitening(x[:4], 4)
    assert whitening(x[:4], 3)[1].shape == (5, 3)
    with pytest.raises(ValueError, match="k from 1 to 5"):
        whitening(x, 6)
    with pytest.raises(ValueError, match="k from 1 to 5"):
        whitening(x, 0)


def test_whitening_leaves_out_a_direction_without_variance():
    x = some_cloud(1).astype(np.float32)
    x[:, 4] = x[:, :4].sum(1)  # as a LayerNorm does, up to rounding
    mu, w = whitening(x)
    assert w.shape == (5, 4)
    np.testing.assert_allclose(np.cov(((x - mu) @ w).T, bias=True), np.eye(4), atol=1e-5)


# alignment and uniformity


def check_alignment(measure) -> None:
    u, v = np.array([[2.0, 0], [1, 0]]), np.array([[0, 5.0], [-3, 0]])
    assert measure(u, v) == pytest.approx((2 + 4) / 2)  # |e1 - e2|^2 = 2, |e1 + e1|^2 = 4
    u, v = some_cloud(1), some_cloud(2)
    assert measure(u, v) == pytest.approx(2 - 2 * cosine(u, v).mean())


def test_alignment():
    check_alignment(alignment)


def brute_uniformity(x: np.ndarray) -> float:
    rows = [a / np.linalg.norm(a) for a in x]
    distances = [sum((a - b) ** 2) for a, b in itertools.combinations(rows, 2)]
    return float(np.log(np.mean(np.exp(-2 * np.array(distances)))))


def check_uniformity(measure) -> None:
    x = np.array([[1.0, 0], [0, 2], [-3, 0]])  # squared distances 2, 2, 4
    by_hand = np.log((2 * np.exp(-4) + np.exp(-8)) / 3)
    assert measure(x) == pytest.approx(by_hand)
    for n in (2, 7, 40):
        x = some_cloud(n, n=n)
        assert measure(x) == pytest.approx(brute_uniformity(x))


def test_uniformity():
    check_uniformity(uniformity)


def test_uniformity_in_pieces(monkeypatch):
    monkeypatch.setattr("sbert_lessons.geometry.AT_ONCE", 3)
    check_uniformity(uniformity)


@given(seeds)
def test_uniformity_is_highest_for_one_point(seed):
    x = some_cloud(seed, n=10)
    assert uniformity(x) < uniformity(np.ones((4, 3))) == pytest.approx(0, abs=1e-9)


def gauss(x, t=2, itself=False):
    distances = np.square(x[:, None] - x[None]).sum(-1)
    pairs = np.ones((len(x), len(x))) if itself else 1 - np.eye(len(x))
    return np.log((np.exp(-t * distances) * pairs).sum() / pairs.sum())


def on_sphere(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "check, wrong",
    [
        (check_alignment, lambda u, v: np.square(u - v).sum(1).mean()),
        (
            check_alignment,
            lambda u, v: np.sqrt(np.square(on_sphere(u) - on_sphere(v)).sum(1)).mean(),
        ),
        (check_uniformity, gauss),
        (check_uniformity, lambda x: gauss(on_sphere(x), itself=True)),
        (check_uniformity, lambda x: gauss(on_sphere(x), t=1)),
        (check_uniformity, lambda x: -gauss(on_sphere(x))),
    ],
)
def test_wrong_alignments_and_uniformities(check, wrong):
    assert refused(check, wrong)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: iso_score(np.ones((5, 3))), "not all equal"),
        (lambda: iso_score(np.arange(5.0)[:, None]), "two or more numbers"),
        (lambda: iso_score(np.arange(5.0)), "one a row"),
        (lambda: random_pair_cosine(np.ones((1, 3))), "at least 2 vectors"),
        (lambda: uniformity(np.array([[1.0, np.nan], [1, 2]])), "NaN"),
        (lambda: alignment(np.ones((2, 3)), np.ones((3, 3))), "equal shapes"),
        (lambda: remove_top(some_cloud(0), 5), "from 0 to 4"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
