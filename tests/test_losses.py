"""Every objective against hand values, a brute-force oracle and the library: value and gradient."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer import losses as library
from test_features_heads_losses import Fixed

from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import (
    ContrastiveLoss,
    CoSENTLoss,
    CosineLoss,
    SoftmaxLoss,
    TripletLoss,
)

EAST, NORTH, DIAGONAL = [1.0, 0.0], [0.0, 2.0], [3.0, 3.0]
ROOT = math.sqrt(0.5)  # cosine of DIAGONAL with the other two


def vectors(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)


def check_cosine_by_hand(loss) -> None:
    """Cosines 1, 0 and 0.7071 against the labels 1, 0.5 and 0."""
    u, v = vectors(EAST, EAST, EAST), vectors(EAST, NORTH, DIAGONAL)
    value = loss(u, v, torch.tensor([1, 0.5, 0])).item()
    assert value == pytest.approx((0 + 0.25 + 0.5) / 3)


def check_triplet_by_hand(loss) -> None:
    """Distances 3 and 4 with margin 1 cost nothing; 4 and 3 cost 2; the mean is 1."""
    a, near, far = vectors([0, 0]), vectors([0, 3.0]), vectors([4.0, 0])
    both = torch.cat([near, far]), torch.cat([far, near])
    assert loss(torch.cat([a, a]), *both).item() == pytest.approx(1)


def check_contrastive_by_hand(loss) -> None:
    """With floor 0.5: a positive at 0.7071, a negative at 0.7071, and a negative at 0."""
    u, v = vectors(EAST, EAST, EAST), vectors(DIAGONAL, DIAGONAL, NORTH)
    value = loss(u, v, torch.tensor([1, 0, 0])).item()
    assert value == pytest.approx(((1 - ROOT) ** 2 + (ROOT - 0.5) ** 2 + 0) / 3)


def check_cosent_by_hand(loss) -> None:
    """Labels 2, 1, 1 at cosines 0.7071, 1, 0: two ordered pairs, exp of 20 times each excess."""
    u, v = vectors(EAST, EAST, EAST), vectors(DIAGONAL, EAST, NORTH)
    expected = math.log(1 + math.exp(20 * (1 - ROOT)) + math.exp(20 * (0 - ROOT)))
    assert loss(u, v, torch.tensor([2, 1, 1])).item() == pytest.approx(expected, rel=1e-5)


def test_hand_values():
    check_cosine_by_hand(CosineLoss())
    check_triplet_by_hand(TripletLoss())
    check_contrastive_by_hand(ContrastiveLoss())
    check_cosent_by_hand(CoSENTLoss())


class Twice(torch.nn.Module):
    """The library's contrastive loss has a factor 1/2 that this course leaves out."""

    def __init__(self, loss: torch.nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, *arguments) -> torch.Tensor:
        return 2 * self.loss(*arguments)


COSINE_DISTANCE = library.SiameseDistanceMetric.COSINE_DISTANCE
GRADES = [0.0, 0.2, 0.2, 0.9, 1.0, 0.5, 0.5, 0.1]
CLASSES = [1, 0, 0, 1, 1, 0, 1, 0]
PAIRS = [
    (CosineLoss(), library.CosineSimilarityLoss(Fixed()), 2, GRADES),
    (CoSENTLoss(), library.CoSENTLoss(Fixed()), 2, GRADES),
    (CoSENTLoss(scale=5), library.CoSENTLoss(Fixed(), scale=5), 2, CLASSES),
    (TripletLoss(), library.TripletLoss(Fixed(), triplet_margin=1), 3, None),
    (TripletLoss(5.0), library.TripletLoss(Fixed(), triplet_margin=5), 3, None),
    (
        ContrastiveLoss(0.3),
        Twice(library.ContrastiveLoss(Fixed(), COSINE_DISTANCE, margin=0.7)),
        2,
        CLASSES,
    ),
]


def check_library(ours, theirs, columns: int, labels: list | None) -> None:
    """Value and gradients within 1e-5 of the library's, on vectors that are not of unit length."""
    torch.manual_seed(3)
    made = [torch.randn(8, 5) + 0.5 for _ in range(columns)]
    mine, other = ([x.clone().requires_grad_() for x in made] for _ in range(2))
    values = None if labels is None else torch.tensor(labels)
    value = ours(*mine) if values is None else ours(*mine, values)
    expected = theirs([{"made": x} for x in other], values)
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-5)
    value.backward()
    expected.backward()
    for x, y in zip(mine, other, strict=True):
        torch.testing.assert_close(x.grad, y.grad, rtol=0, atol=1e-5)


@pytest.mark.parametrize("ours, theirs, columns, labels", PAIRS)
def test_equal_to_the_library(ours, theirs, columns, labels):
    check_library(ours, theirs, columns, labels)


def brute_force_cosent(cosines: list[float], labels: list[int]) -> float:
    """The formula read aloud: one term for each pair of pairs whose labels differ."""
    terms = [
        math.exp(20 * (cosines[j] - cosines[i]))
        for i, j in itertools.permutations(range(len(labels)), 2)
        if labels[i] > labels[j]
    ]
    return math.log(1 + sum(terms))


def brute_cosine(u: list[float], v: list[float]) -> float:
    """u . v / (|u| |v|), written out."""
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    return dot / (math.hypot(*u) * math.hypot(*v))


def brute_softmax(u: list[float], v: list[float], label: int, head: SoftmaxHead) -> float:
    """-log of the label's share of exp(W (u, v, |u-v|) + b), written out."""
    features = [*u, *v, *(abs(a - b) for a, b in zip(u, v, strict=True))]
    weight, bias = head.linear.weight.tolist(), head.linear.bias.tolist()
    dots = [sum(w * x for w, x in zip(row, features, strict=True)) for row in weight]
    parts = [math.exp(dot + b) for dot, b in zip(dots, bias, strict=True)]
    return -math.log(parts[label] / sum(parts))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0, 3))
def test_each_objective_is_its_formula_row_by_row(seed, rows, margin):
    torch.manual_seed(seed)
    u, v, w = torch.randn(3, rows, 4, dtype=torch.double)
    y, head = torch.randint(2, (rows,)), SoftmaxHead(4, 2).double()
    found = [
        CosineLoss()(u, v, y.double()),
        ContrastiveLoss(margin / 3)(u, v, y),
        TripletLoss(margin)(u, v, w),
        SoftmaxLoss(head)(u, v, y),
    ]
    by_row = [
        ((cos - label) ** 2,
         (1 - cos if label else max(cos - margin / 3, 0)) ** 2,
         max(math.dist(a, b) - math.dist(a, c) + margin, 0),
         brute_softmax(a, b, label, head))
        for a, b, c, label in zip(u.tolist(), v.tolist(), w.tolist(), y.tolist(), strict=True)
        for cos in [brute_cosine(a, b)]
    ]  # fmt: skip
    means = [sum(column) / rows for column in zip(*by_row, strict=True)]
    assert [value.item() for value in found] == pytest.approx(means, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, math.pi), st.integers(0, 4)), min_size=2, max_size=12))
@pytest.mark.filterwarnings("ignore:All labels of this batch")
def test_cosent_is_its_formula(rows):
    angles, labels = map(list, zip(*rows, strict=True))
    u = torch.tensor([EAST] * len(rows), dtype=torch.double)
    v = torch.tensor([[math.cos(a), math.sin(a)] for a in angles], dtype=torch.double)
    value = CoSENTLoss()(u, v, torch.tensor(labels)).item()
    assert value == pytest.approx(brute_force_cosent([math.cos(a) for a in angles], labels))


@settings(deadline=None)
@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_cosent_sees_the_order_of_labels_alone(factor, shift):
    torch.manual_seed(0)
    u, v, labels = torch.randn(6, 3), torch.randn(6, 3), torch.tensor([0.0, 1, 1, 2, 3, 5])
    loss = CoSENTLoss()
    assert loss(u, v, factor * labels + shift) == loss(u, v, labels)


def test_a_clipped_negative_has_no_gradient_and_a_regression_negative_has():
    u, v = vectors(EAST).requires_grad_(), vectors([1.0, 2.0])  # cosine 0.447, below the floor
    ContrastiveLoss(0.5)(u, v, torch.tensor([0])).backward()
    assert u.grad.abs().max() == 0
    CosineLoss()(u, v, torch.tensor([0])).backward()
    assert u.grad.abs().max() > 0.1


U, V = torch.randn(3, 4), torch.randn(3, 4)


def test_bad_labels_are_one_clear_sentence():
    for labels in ([0, 2.5, 5], [0, -2.5, 1]):
        with pytest.raises(ValueError, match="from -1 to 1: divide grades from 0 to 5 by 5"):
            CosineLoss()(U, V, torch.tensor(labels))
    for labels in ([0, 1, 2], [0.5, 1, 0], [-1, 1, 1]):
        with pytest.raises(ValueError, match="1 for a positive pair and 0 for a negative"):
            ContrastiveLoss()(U, V, torch.tensor(labels))


OBJECTIVES = [SoftmaxLoss(SoftmaxHead(4, 2)), CosineLoss(), ContrastiveLoss(), CoSENTLoss()]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("labels", [[[0], [1], [1]], [1], [0, 1, 1, 0]])
def test_labels_of_another_shape_are_refused(objective, labels):
    labels = torch.tensor(labels)
    shape = rf"3 pairs need labels of shape \(3,\), one each, not \({labels.shape[0]},"
    with pytest.raises(ValueError, match=shape):
        objective(U, V, labels)


@pytest.mark.parametrize(
    "objective, message",
    [
        (CosineLoss(), "from -1 to 1"),
        (ContrastiveLoss(), "1 for a positive pair"),
        (CoSENTLoss(), "A label is NaN, which has no order: leave out"),
    ],
)
def test_a_missing_label_is_refused(objective, message):
    with pytest.raises(ValueError, match=message):
        objective(U, V, torch.tensor([0, 1, float("nan")]))


def test_a_cosent_batch_without_order_says_so_and_costs_nothing():
    with pytest.warns(UserWarning, match="labels of this batch are equal, so CoSENT learns noth"):
        assert CoSENTLoss()(U, V, torch.tensor([1, 1, 1])).item() == 0


@pytest.mark.filterwarnings("error")
def test_a_single_row_costs_nothing_and_is_no_reason_for_a_warning():
    assert CoSENTLoss()(U[:1], V[:1], torch.tensor([1])).item() == 0
