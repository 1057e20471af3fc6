"""InfoNCE and the projection head: hand values, brute force, the library, properties, mutants."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer import losses as library
from test_features_heads_losses import Fixed
from test_losses import check_library
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from sbert_lessons.heads import ProjectionHead
from sbert_lessons.losses import InfoNCELoss, ProjectedLoss
from sbert_lessons.plots.contrast import free_places
from sbert_lessons.training import train

EAST, NORTH, WEST, DIAGONAL = [2.0, 0.0], [0.0, 1.0], [-3.0, 0.0], [5.0, 5.0]
ROOT = math.sqrt(0.5)


def check_by_hand(make) -> None:
    """Cosines with temperature 1: u_1 has 1 and 0 (partner first), u_2 has -1 and 0.7071."""
    u, v = torch.tensor([EAST, DIAGONAL]), torch.tensor([EAST, NORTH])
    rows = [math.log(1 + math.exp(0 - 1)), math.log(1 + math.exp(ROOT - ROOT))]
    assert make(1.0)(u, v).item() == pytest.approx(sum(rows) / 2)
    scores = [-math.log(math.e**2 / (math.e**2 + 1)), math.log(2)]
    assert make(0.5)(u, v).item() == pytest.approx(sum(scores) / 2)


def check_hard_by_hand(make) -> None:
    """One pair at cosine 1 and a hard negative at -1: log(1 + exp(-2 / t))."""
    u, w = torch.tensor([EAST]), torch.tensor([WEST])
    assert make(1.0)(u, u, w).item() == pytest.approx(math.log(1 + math.exp(-2)))


def check_both_by_hand(make) -> None:
    """Two pairs and two hard negatives: every u is compared with all four candidates."""
    u, w = torch.tensor([EAST, NORTH]), torch.tensor([WEST, EAST])
    first = math.log(math.exp(1) + 1 + math.exp(-1) + math.exp(1)) - 1
    second = math.log(1 + math.exp(1) + 1 + 1) - 1
    assert make(1.0)(u, u, w).item() == pytest.approx((first + second) / 2)


def brute_force(u: np.ndarray, v: np.ndarray, w: np.ndarray | None, temperature: float) -> float:
    """The formula read aloud, one exponential after the other, in float64."""

    def cos(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / math.sqrt(a @ a) / math.sqrt(b @ b))

    terms = []
    for i, anchor in enumerate(u):
        others = [*v, *(w if w is not None else [])]
        below = sum(math.exp(cos(anchor, other) / temperature) for other in others)
        terms.append(-math.log(math.exp(cos(anchor, v[i]) / temperature) / below))
    return sum(terms) / len(terms)


def check_brute_force(make, rows: int = 6, negatives: int = 6, temperature: float = 0.3) -> None:
    """Within 1e-9 of the formula, in float64, on vectors of different lengths."""
    rng = np.random.default_rng(7)
    sizes = (rows, rows, negatives) if negatives else (rows, rows)
    vectors = [rng.normal(size=(size, 5)) * rng.uniform(0.5, 3, size=(size, 1)) for size in sizes]
    value = make(temperature)(*map(torch.from_numpy, vectors)).item()
    expected = brute_force(*vectors[:2], vectors[2] if negatives else None, temperature)
    assert value == pytest.approx(expected, abs=1e-9)


TEMPERATURES = (0.05, 0.2, 1.0)


def check_mnrl(make) -> None:
    """Value and gradients of MultipleNegativesRankingLoss, with and without hard negatives."""
    for temperature in TEMPERATURES:
        theirs = library.MultipleNegativesRankingLoss(Fixed(), scale=1 / temperature)
        for columns in (2, 3):
            check_library(make(temperature), theirs, columns, None)


CHECKS = (check_by_hand, check_hard_by_hand, check_both_by_hand, check_brute_force, check_mnrl)


@pytest.mark.parametrize("check", CHECKS)
def test_right(check):
    check(InfoNCELoss)


@pytest.mark.parametrize("rows, negatives", [(2, 0), (6, 0), (1, 1), (6, 6), (3, 8)])
def test_formula(rows, negatives):
    check_brute_force(InfoNCELoss, rows, negatives)


def test_the_temperature_is_that_of_simcse():
    u, v = torch.randn(4, 3), torch.randn(4, 3)
    assert InfoNCELoss()(u, v) == InfoNCELoss(0.05)(u, v) != InfoNCELoss(0.06)(u, v)


vectors = st.integers(2, 6).flatmap(
    lambda n: st.lists(
        st.lists(st.floats(-3, 3).filter(lambda x: abs(x) > 0.05), min_size=3, max_size=3),
        min_size=2 * n,
        max_size=2 * n,
    )
)


@settings(deadline=None)
@given(vectors, st.floats(0.1, 5), st.randoms())
def test_lengths_and_the_order_of_rows_do_not_count(rows, factor, random):
    u, v = torch.tensor(rows, dtype=torch.double).chunk(2)
    order = list(range(len(u)))
    random.shuffle(order)
    value = InfoNCELoss(0.5)(u, v).item()
    assert InfoNCELoss(0.5)(factor * u[order], v[order]).item() == pytest.approx(value)
    turn = torch.linalg.qr(torch.tensor([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]]).double())[0]
    assert InfoNCELoss(0.5)(u @ turn, v @ turn).item() == pytest.approx(value)


@settings(deadline=None)
@given(vectors)
def test_between_nothing_and_the_worst_and_more_negatives_cost_more(rows):
    u, v = torch.tensor(rows, dtype=torch.double).chunk(2)
    loss = InfoNCELoss(0.5)
    plain, hard = loss(u, v).item(), loss(u, v, v.flip(0)).item()
    assert 0 < plain < hard <= math.log(2 * len(u)) + 4


def test_equal_vectors_cost_the_logarithm_of_the_candidates():
    u = torch.ones(5, 3)
    assert InfoNCELoss()(u, u).item() == pytest.approx(math.log(5))
    assert InfoNCELoss()(u, u, u).item() == pytest.approx(math.log(10))


def test_a_negative_is_pushed_the_more_the_nearer_it_is():
    """The gradient of a candidate's cosine is its softmax share, which temperature sharpens."""
    u = torch.tensor([[1.0, 0.0]], dtype=torch.double)
    angles = torch.tensor([0.2, 0.6, 1.2], dtype=torch.double)
    candidates = torch.stack([angles.cos(), angles.sin()], 1)
    shares = []
    for temperature in (1.0, 0.1):
        moved = candidates.clone().requires_grad_()
        InfoNCELoss(temperature)(u, moved[:1], moved[1:]).backward()
        push = moved.grad[1:].norm(dim=1) / angles[1:].sin()  # d cos = -sin d angle
        expected = (candidates @ u[0] / temperature).softmax(0)[1:] / temperature
        torch.testing.assert_close(push, expected)
        shares.append((push[0] / push.sum()).item())
    assert shares[0] < 0.7 < 0.95 < shares[1]


def test_a_batch_of_one_is_one_clear_sentence():
    with pytest.raises(ValueError, match="A batch of one pair has no negatives"):
        InfoNCELoss()(torch.randn(1, 3), torch.randn(1, 3))
    InfoNCELoss()(torch.randn(1, 3), torch.randn(1, 3), torch.randn(1, 3))


class Symmetric(InfoNCELoss):
    def forward(self, u, v, *w):
        return (super().forward(u, v, *w) + super().forward(v, u, *w)) / 2


class Dot(InfoNCELoss):
    def forward(self, u, v, negatives=None):
        candidates = v if negatives is None else torch.cat([v, negatives])
        return cross_entropy(u @ candidates.T / self.temperature, torch.arange(len(u)))


class Times(InfoNCELoss):
    """Multiplies by the temperature instead of dividing."""

    def __init__(self, temperature=0.05):
        super().__init__(1 / temperature)


class OwnNegativeOnly(InfoNCELoss):
    """Takes of the hard negatives only the one of the same row."""

    def forward(self, u, v, negatives=None):
        scores = normalize(u) @ normalize(v).T
        if negatives is not None:
            own = (normalize(u) * normalize(negatives)).sum(1, keepdim=True)
            scores = torch.cat([scores, own], 1)
        return cross_entropy(scores / self.temperature, torch.arange(len(u)))


class NoPositiveBelow(InfoNCELoss):
    """Leaves the positive out of the sum below the line."""

    def forward(self, u, v, negatives=None):
        candidates = v if negatives is None else torch.cat([v, negatives])
        scores = normalize(u) @ normalize(candidates).T / self.temperature
        below = scores.masked_fill(torch.eye(*scores.shape).bool(), -math.inf).logsumexp(1)
        return (below - scores.diagonal()).mean()


class IgnoresHard(InfoNCELoss):
    def forward(self, u, v, negatives=None):
        return super().forward(u, v, None if len(u) > 1 else negatives)


class Sum(InfoNCELoss):
    def forward(self, u, v, *w):
        return len(u) * super().forward(u, v, *w)


class Detached(InfoNCELoss):
    """Trains one side only: the value is right, the gradient is not."""

    def forward(self, u, v, *w):
        return super().forward(u, v.detach(), *w)


MUTANTS = (Symmetric, Dot, Times, OwnNegativeOnly, NoPositiveBelow, IgnoresHard, Sum, Detached)


@pytest.mark.parametrize("wrong", MUTANTS)
def test_mutants_are_refused(wrong):
    refused = []
    for check in CHECKS:
        try:
            check(wrong)
            refused.append(False)
        except AssertionError:
            refused.append(True)
    assert any(refused)
    assert refused[-1], "the library's value and gradient alone must tell"


@torch.no_grad()
def check_head(make) -> None:
    """W2 relu(W1 h + b1) + b2, written out row by row."""
    torch.manual_seed(1)
    head, h = make(3, 8), torch.randn(9, 3)
    first, second = (layer for layer in head if isinstance(layer, nn.Linear))
    for row, out in zip(h, head(h), strict=True):
        layer = zip(first.weight, first.bias, strict=True)
        hidden = [max(0.0, float(w @ row + b)) for w, b in layer]
        for value, w, b in zip(out, second.weight, second.bias, strict=True):
            expected = sum(float(x) * y for x, y in zip(w, hidden, strict=True)) + float(b)
            assert float(value) == pytest.approx(expected, abs=1e-5)


def without_relu(dim, out):
    return nn.Sequential(nn.Linear(dim, dim), nn.Linear(dim, out))


def relu_at_the_end(dim, out):
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, out), nn.ReLU())


def relu_first(dim, out):
    return nn.Sequential(nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, out))


def test_projection_head():
    check_head(ProjectionHead)
    assert ProjectionHead(6)(torch.randn(2, 6)).shape == (2, 6)
    assert ProjectionHead(6, 9)(torch.randn(2, 6)).shape == (2, 9)


@pytest.mark.parametrize("wrong", [without_relu, relu_at_the_end, relu_first])
def test_wrong_heads_are_refused(wrong):
    with pytest.raises(AssertionError):
        check_head(wrong)


def test_a_projected_loss_is_the_loss_of_the_projections():
    torch.manual_seed(0)
    head, u, v, w = ProjectionHead(4, 3), *torch.randn(3, 5, 4)
    loss = ProjectedLoss(head, InfoNCELoss(0.2))
    torch.testing.assert_close(loss(u, v), InfoNCELoss(0.2)(head(u), head(v)))
    torch.testing.assert_close(loss(u, v, w), InfoNCELoss(0.2)(head(u), head(v), head(w)))
    assert {id(p) for p in loss.parameters()} == {id(p) for p in head.parameters()}


TEXTS = ["a dog runs", "the cat sleeps all day", "two men play", "rain", "a red bus stops here"]


class Noted(InfoNCELoss):
    """Keeps what it was given in the first step."""

    def forward(self, u, v, *w):
        self.first = getattr(self, "first", (u.detach(), v.detach()))
        return super().forward(u, v, *w)


def no_dropout(encoder) -> None:
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def test_train_gives_the_two_columns_two_masks(encoder_with):
    encoder, loss = encoder_with(dropout=0.1), Noted()
    train(encoder, loss, [TEXTS, TEXTS], batch_size=5)
    u, v = loss.first
    assert ((u - v).abs().amax(1) > 1e-3).all()
    off, loss = encoder_with(dropout=0.1), Noted()
    no_dropout(off)
    train(off, loss, [TEXTS, TEXTS], batch_size=5)
    torch.testing.assert_close(*loss.first)


def test_train_moves_encoder_and_head_by_contrast(encoder_with):
    encoder, head = encoder_with(dropout=0.1), ProjectionHead(encoder_with(dropout=0.1).dim)
    before, vectors = head[0].weight.detach().clone(), encoder.encode(TEXTS)
    train(encoder, ProjectedLoss(head, InfoNCELoss()), [TEXTS, TEXTS], batch_size=5, rate=1e-2)
    assert not torch.equal(head[0].weight, before)
    assert np.abs(encoder.encode(TEXTS) - vectors).max() > 1e-3


@pytest.mark.parametrize("spread", [0.0, 3.0, 40.0])
def test_the_numbers_of_the_plane_cover_nothing(spread):
    points = np.random.default_rng(1).normal(size=(25, 2)) * spread
    numbers = points + free_places(points)
    both = np.concatenate([points, numbers])
    apart = np.linalg.norm(both[:, None] - numbers, axis=2)
    apart[len(points) + np.arange(len(numbers)), np.arange(len(numbers))] = np.inf
    assert apart.min() >= 11
