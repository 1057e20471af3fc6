"""Likelihood and inverse: hand values, autograd's Jacobian, and mutants that must be refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import MultivariateNormal
from torch.nn.utils import parameters_to_vector

from sbert_lessons import flow as flows
from sbert_lessons.evaluation import cosine
from sbert_lessons.flow import (
    KINDS,
    LinearMap,
    coupling_flow,
    fit_flow,
    log_likelihood,
    standardising,
    to_latent,
)
from sbert_lessons.geometry import remove_top, whitening
from sbert_lessons.training import Best

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def identity(dim: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(dim), np.eye(dim)


def shaken(kind: str, dim: int, seed: int, layers: int = 3):
    """A flow whose weights are random, all of them, and its linear start too."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=dim), np.eye(dim) * 2 + 0.3 * rng.normal(size=(dim, dim))
    flow = coupling_flow(start, kind, layers=layers, width=16, seed=seed)
    torch.manual_seed(seed)
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.4)
    return flow


def cloud(n: int = 400, dim: int = 4, seed: int = 0) -> np.ndarray:
    """Gaussian, off centre, its numbers correlated and of unequal spread."""
    rng = np.random.default_rng(seed)
    mixing = np.diag(2.0 ** -np.arange(dim)) @ rng.normal(size=(dim, dim))
    return rng.normal(size=(n, dim)) @ mixing + rng.normal(size=dim)


# Likelihood


def test_one_dimension_by_hand():
    """z = 2 (4 - 3) = 2, so log p = -2 - log sqrt(2 pi) + log 2."""
    flow = coupling_flow((np.array([3.0]), np.array([[2.0]])), layers=0)
    expected = -2 - HALF_LOG_2PI + math.log(2)
    assert log_likelihood(flow, np.array([[4.0]])).tolist() == pytest.approx([expected])
    assert to_latent(flow, np.array([[4.0]])).tolist() == [[2.0]]


@pytest.mark.parametrize(
    "kind, latent, log_det",
    [
        ("additive", [1.0, 2 + 0.5], 0.0),
        ("affine", [1.0, 2 * 1.5 + 0.5], math.log(1.5)),
        ("scaled", [1.0 * 1.5, 2.5 * 1.5], 2 * math.log(1.5)),
    ],
)
def test_two_dimensions_by_hand(kind, latent, log_det):
    """x = (1, 2); the shift of the second number is 0.5, each learnt factor 1.5."""
    flow = coupling_flow(identity(2), kind, layers=1)
    a = math.log(1.5)
    raw = a / (1 - a / -math.log(1e-3))  # zuko bounds the logarithm of a factor softly
    steps = flow.transform.transforms
    with torch.no_grad():
        last = steps[1].hyper[-1].bias
        last.copy_(torch.tensor([0.5, raw] if kind == "affine" else [0.5]))
        if kind == "scaled":
            steps[2].phi[1].fill_(raw)
    np.testing.assert_allclose(to_latent(flow, np.array([[1.0, 2.0]])), [latent], rtol=1e-5)
    expected = -np.square(latent).sum() / 2 - 2 * HALF_LOG_2PI + log_det
    assert log_likelihood(flow, np.array([[1.0, 2.0]])) == pytest.approx(expected, rel=1e-5)


def check_likelihood(likelihood, kind: str, dim: int, seed: int) -> None:
    """The change of variables with autograd's Jacobian, its determinant and torch's normal."""
    flow = shaken(kind, dim, seed)
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=dim)).float()

    def f(y):
        return flow().transform(y)

    with torch.no_grad():
        z = f(x).double()
    jacobian = torch.autograd.functional.jacobian(f, x).double()
    normal = MultivariateNormal(torch.zeros(dim).double(), torch.eye(dim).double())
    expected = normal.log_prob(z) + torch.linalg.slogdet(jacobian).logabsdet
    assert abs(float(likelihood(flow, x[None].numpy())[0] - expected)) < 1e-3


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.integers(2, 7), st.integers(0, 10**6))
def test_likelihood_is_the_change_of_variables(kind, dim, seed):
    check_likelihood(log_likelihood, kind, dim, seed)


def without_the_determinant(flow, x):
    z = torch.from_numpy(to_latent(flow, x))
    return flow().base.log_prob(z).numpy()


def with_the_determinant_of_the_inverse(flow, x):
    return 2 * without_the_determinant(flow, x) - log_likelihood(flow, x)


def without_the_start(flow, x):
    start = flow.transform.transforms[0]()
    x = torch.as_tensor(x)
    return log_likelihood(flow, x.numpy()) - start.log_abs_det_jacobian(x, None).numpy()


def a_mean_over_the_numbers(flow, x):
    return log_likelihood(flow, x) / x.shape[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "mutant",
    [
        without_the_determinant,
        with_the_determinant_of_the_inverse,
        without_the_start,
        a_mean_over_the_numbers,
    ],
)
def test_wrong_likelihoods_are_refused(mutant, kind):
    with pytest.raises(AssertionError):
        check_likelihood(mutant, kind, 5, 0)


def log_det(flow, x: np.ndarray) -> torch.Tensor:
    return flow().transform.call_and_ladj(torch.as_tensor(x, dtype=torch.float))[1].detach()


def test_additive_coupling_keeps_volume_exactly_and_the_others_do_not():
    x = cloud(20, 6)
    for kind in KINDS:
        flow = coupling_flow(identity(6), kind, layers=3, width=16)
        for parameter in flow.parameters():
            nn.init.normal_(parameter, std=0.4)
        found = log_det(flow, x)
        assert bool((found == 0).all()) == (kind == "additive")
        assert kind == "additive" or found.abs().min() > 1e-3
        spread = found.std()  # an element-wise factor is the same for every vector
        assert (spread > 1e-3) == (kind == "affine")


# Inverse


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), st.integers(2, 8), st.integers(0, 10**6))
def test_every_flow_can_be_undone(kind, dim, seed):
    flow, x = shaken(kind, dim, seed).double(), torch.from_numpy(cloud(30, dim, seed))
    with torch.no_grad():
        transform = flow().transform
        back = transform.inv(transform(x))
    assert (back - x).abs().max() < 1e-6


def test_a_linear_map_and_its_inverse():
    mu, W = torch.tensor([1.0, -1.0]), torch.tensor([[2.0, 1.0], [0.0, 3.0]])
    step = LinearMap(mu, W)
    z = step(torch.tensor([[2.0, 1.0]]))
    assert z.tolist() == [[2.0, 7.0]]
    assert step.inv(z)[0].tolist() == pytest.approx([2.0, 1.0])
    assert step.log_abs_det_jacobian(z, z).tolist() == pytest.approx([math.log(6)])


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_begins_as_its_linear_start(kind):
    x = cloud()
    mu, W = whitening(x)
    latent = to_latent(coupling_flow((mu, W), kind, seed=3), x)
    order = np.arange(4)
    for step in coupling_flow((mu, W), kind, seed=3).transform.transforms:
        order = order[step().order.numpy()] if hasattr(step(), "order") else order
    np.testing.assert_allclose(latent, ((x - mu) @ W)[:, order], atol=1e-4)
    pairs = latent[::2], latent[1::2]
    moved = (x - mu) @ W
    np.testing.assert_allclose(cosine(*pairs), cosine(moved[::2], moved[1::2]), atol=1e-5)


# Whitening and the ceiling


def test_whitening_has_the_highest_likelihood_of_all_linear_maps():
    x = cloud()
    mu, W = whitening(x)

    def mean(mu, W):
        return log_likelihood(coupling_flow((mu, W), layers=0), x).mean()

    best = mean(mu, W)
    entropy = 4 * (HALF_LOG_2PI + 0.5) + 0.5 * np.linalg.slogdet(np.cov(x.T, bias=True))[1]
    assert best == pytest.approx(-entropy, rel=1e-5)
    rng = np.random.default_rng(0)
    for scale in (0.03, 0.3):
        for _ in range(20):
            other = (
                mu + scale * rng.normal(size=4),
                W @ (np.eye(4) + scale * rng.normal(size=(4, 4))),
            )
            assert mean(*other) < best
    assert mean(*standardising(x)) < best and mean(*remove_top(x, 0)) < best


def test_standardising():
    mu, W = standardising(cloud())
    z = (cloud() - mu) @ W
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), 1)
    assert np.count_nonzero(W - np.diag(np.diag(W))) == 0


def test_an_additive_flow_comes_to_the_ceiling_of_volume_and_not_above():
    """sd 4 and 0.5: a map that keeps volume can at best reach variance 2 in both directions."""
    x = np.random.default_rng(0).normal(size=(2000, 2)) * [4, 0.5]
    flow = coupling_flow(remove_top(x, 0), "additive", width=32)
    fit_flow(flow, x, epochs=10, batch_size=100, rate=3e-3)
    ceiling = -2 * HALF_LOG_2PI - np.linalg.det(np.cov(x.T)) ** 0.5
    assert ceiling - 0.1 < log_likelihood(flow, x).mean() < ceiling + 0.05
    np.testing.assert_allclose(np.cov(to_latent(flow, x).T), 2 * np.eye(2), atol=0.4)


# Training


def bent(n: int, seed: int) -> np.ndarray:
    z = np.random.default_rng(seed).normal(size=(n, 2))
    return np.stack([z[:, 0], 0.4 * z[:, 1] + z[:, 0] ** 2], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_training_beats_whitening_on_a_bent_cloud(kind):
    x, test = bent(1500, 0), bent(1500, 1)
    flow = coupling_flow(whitening(x), kind, width=32)
    before = log_likelihood(flow, test).mean()
    history = fit_flow(flow, x, epochs=8, batch_size=50, rate=3e-3, held_out=bent(500, 2))
    assert log_likelihood(flow, test).mean() > before + 0.3
    assert [row["epoch"] for row in history] == list(range(9))


def test_history_is_per_number_and_evaluate_is_asked_after_each_epoch():
    x = cloud()
    flow, asked = coupling_flow(whitening(x), "affine", layers=2), []

    def evaluate(now):
        asked.append(float(log_likelihood(now, x).mean()))
        return {"asked": len(asked)}

    history = fit_flow(flow, x, epochs=2, held_out=x[:50], evaluate=evaluate)
    assert [row["asked"] for row in history] == [1, 2, 3]
    np.testing.assert_allclose([row["train"] for row in history], np.array(asked) / 4, rtol=1e-6)
    assert set(history[0]) == {"epoch", "train", "held out", "asked"}


def weights(flow) -> torch.Tensor:
    return parameters_to_vector(flow.parameters()).detach()


def test_the_same_seed_gives_the_same_flow():
    def run(seed):
        flow = coupling_flow(whitening(cloud()), "scaled", layers=2, seed=seed)
        fit_flow(flow, cloud(), epochs=2, seed=seed)
        return weights(flow)

    assert torch.equal(run(1), run(1)) and not torch.equal(run(1), run(2))


def test_the_best_epoch_is_kept_by_held_out_and_without_it_by_train():
    x, held_out = cloud(60), cloud(60, seed=5)  # another cloud: every step away from it is worse
    flow = coupling_flow(whitening(held_out), "affine", layers=2)
    start = weights(flow)
    history = fit_flow(flow, x, epochs=3, rate=1e-2, held_out=held_out)
    scores = [row["held out"] for row in history]
    assert log_likelihood(flow, held_out).mean() / 4 == pytest.approx(max(scores), rel=1e-5)
    without = fit_flow(flow, x, epochs=3, rate=1e-2)
    assert log_likelihood(flow, x).mean() / 4 == pytest.approx(
        max(row["train"] for row in without), rel=1e-5
    )
    assert not torch.equal(weights(flow), start)


def test_ctrl_c_leaves_the_best_epoch(monkeypatch):
    x, calls = cloud(200), []
    flow = coupling_flow(whitening(x), "affine", layers=2)
    update = flows.update

    def interrupted(*args):
        calls.append(1)
        if len(calls) > 6:  # four batches an epoch: in the second
            raise KeyboardInterrupt
        update(*args)

    monkeypatch.setattr(flows, "update", interrupted)
    reported = []
    with pytest.raises(KeyboardInterrupt, match="after 1 of 5 epochs: the flow has the weights of"):
        fit_flow(flow, x, epochs=5, evaluate=lambda f: {"w": reported.append(weights(f))})
    assert torch.equal(weights(flow), reported[-1])


# Bad input


def test_vectors_in_a_plane_have_no_ceiling():
    x = cloud()
    flat = np.column_stack([x, x.sum(1)])
    flow = coupling_flow(standardising(flat))
    with pytest.raises(ValueError, match="fill 4 of 5 dimensions.*leave out 1 of the numbers"):
        fit_flow(flow, flat)
    with pytest.raises(ValueError, match="4 vectors of 4 .* density: give more than 4"):
        fit_flow(coupling_flow(identity(4)), x[:4])
    with pytest.raises(ValueError, match="NaN"):
        fit_flow(coupling_flow(identity(4)), np.full((9, 4), np.nan))


def test_a_likelihood_that_is_no_number_stops_before_the_step():
    x = cloud()
    flow = coupling_flow((np.zeros(4), np.eye(4) * 1e30), "additive")
    before = weights(flow)
    with pytest.raises(ValueError, match="in epoch 1: lower the rate"):
        fit_flow(flow, x)
    assert torch.equal(weights(flow), before)


def test_unknown_kinds_and_maps_that_lose_dimensions():
    with pytest.raises(ValueError, match="no flow 'multiplicative': choose from additive, scaled"):
        coupling_flow(identity(3), "multiplicative")
    with pytest.raises(ValueError, match="W must be square to invert"):
        coupling_flow(whitening(cloud(), k=2))


def test_best_keeps_a_copy():
    flow = coupling_flow(identity(3), layers=1)
    best = Best(flow)
    best.keep({"likelihood": 1.0}, 4)
    before = weights(flow)
    for parameter in flow.parameters():
        nn.init.ones_(parameter)
    best.keep({"likelihood": 0.5}, 5)
    best.restore()
    assert best.step == 4 and torch.equal(weights(flow), before)
    with pytest.raises(ValueError, match="'likelihood' is NaN at step 6"):
        best.keep({"likelihood": float("nan")}, 6)
    assert best.step == 4


def test_one_vector_is_treated_like_a_row_of_many():
    flow, x = shaken("affine", 4, 0), torch.from_numpy(cloud(3)).float()
    with torch.no_grad():
        many, one = flow().transform(x), flow().transform(x[1])
        assert torch.allclose(many[1], one, atol=1e-5)
        assert torch.allclose(flow().transform.inv(one), x[1], atol=1e-3)
