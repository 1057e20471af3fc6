"""Prefixes of vectors and their loss: hand values, the library, and mutants that must fail."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer import losses as library
from test_features_heads_losses import Fixed
from torch.nn.functional import normalize

from sbert_lessons.evaluation import cosine
from sbert_lessons.losses import CoSENTLoss, CosineLoss, TripletLoss
from sbert_lessons.matryoshka import MatryoshkaLoss, truncate

GRADES = [0.0, 0.2, 0.2, 0.9, 1.0, 0.5]


class Sized(Fixed):
    """The stand-in of the library's model, of known size."""

    def get_embedding_dimension(self) -> int:
        return 8


def check_by_hand(make) -> None:
    """u = (3, 4), v = (1, 0): cosine 0.6 with two numbers, 1 with one; label 0: 0.36 + 1."""
    u, v = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])
    loss = make(CosineLoss(), (2, 1))
    assert loss(u, v, torch.tensor([0.0])).item() == pytest.approx(1.36)


def check_triplet(make) -> None:
    """Without labels, three columns; lengths count for distances, and prefixes have length 1."""
    a, p, n = torch.tensor([[[2.0, 0.0]], [[0.0, 5.0]], [[3.0, 3.0]]])
    whole = max(math.sqrt(2) - math.sqrt(2 - math.sqrt(2)) + 1, 0)
    first = max(1 - 0 + 1, 0)  # 2 -> 1, 0 -> 0, 3 -> 1: distances 1 and 0
    value = make(TripletLoss(), (2, 1))(a, p, n).item()
    assert value == pytest.approx(whole + first)


PAIRS = [
    (CosineLoss(), library.CosineSimilarityLoss),
    (CoSENTLoss(), library.CoSENTLoss),
]


def check_library(make, ours, theirs) -> None:
    """Value and gradients within 1e-5 of the library's MatryoshkaLoss."""
    torch.manual_seed(1)
    made = [torch.randn(6, 8) + 0.5 for _ in range(2)]
    mine, other = ([x.clone().requires_grad_() for x in made] for _ in range(2))
    labels, dims, model = torch.tensor(GRADES), (8, 5, 2), Sized()
    value = make(ours, dims)(*mine, labels)
    expected = library.MatryoshkaLoss(model, theirs(model), dims)(
        [{"made": x} for x in other], labels
    )
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)
    value.backward()
    expected.backward()
    for x, y in zip(mine, other, strict=True):
        torch.testing.assert_close(x.grad, y.grad, rtol=1e-5, atol=1e-5)


def test_hand_values():
    check_by_hand(MatryoshkaLoss)
    check_triplet(MatryoshkaLoss)


@pytest.mark.parametrize("ours, theirs", PAIRS)
def test_equal_to_the_library(ours, theirs):
    check_library(MatryoshkaLoss, ours, theirs)


class Mutant(torch.nn.Module):
    """A Matryoshka loss with one mistake."""

    def __init__(self, loss, dims, cut, end=sum, keep=lambda dims: dims):
        super().__init__()
        self.loss, self.dims, self.cut, self.end = loss, keep(dims), cut, end

    def forward(self, *inputs):
        columns = [x for x in inputs if x.dim() == 2]
        labels = inputs[len(columns) :]
        return self.end([self.loss(*(self.cut(x, k) for x in columns), *labels) for k in self.dims])


def first(x, k):
    return normalize(x[:, :k])


MUTANTS = {
    "not scaled": lambda loss, dims: Mutant(loss, dims, lambda x, k: x[:, :k]),
    "scaled before the cut": lambda loss, dims: Mutant(
        loss, dims, lambda x, k: normalize(x)[:, :k]
    ),
    "the last k": lambda loss, dims: Mutant(loss, dims, lambda x, k: normalize(x[:, -k:])),
    "one number too many": lambda loss, dims: Mutant(loss, dims, lambda x, k: first(x, k + 1)),
    "mean over the sizes": lambda loss, dims: Mutant(loss, dims, first, lambda v: sum(v) / len(v)),
    "the smallest size only": lambda loss, dims: Mutant(loss, dims, first, keep=lambda d: d[-1:]),
}


@pytest.mark.parametrize("make", MUTANTS.values(), ids=MUTANTS)
def test_mutants_are_refused(make):
    refused = 0
    checks = [check_by_hand, check_triplet, *(lambda m, p=p: check_library(m, *p) for p in PAIRS)]
    for check in checks:
        try:
            check(make)
        except (AssertionError, RuntimeError, ValueError):
            refused += 1
    assert refused


def test_truncate_by_hand():
    cut = truncate(np.array([[3.0, 4.0, 12.0], [0.0, 0.0, 1.0]]), 2)
    np.testing.assert_allclose(cut, [[0.6, 0.8], [0, 0]])


@given(st.integers(1, 6), st.integers(0, 100))
def test_truncated_cosines_are_those_of_the_prefixes(k, seed):
    u, v = np.random.default_rng(seed).normal(size=(2, 5, 6))
    np.testing.assert_allclose(
        (truncate(u, k) * truncate(v, k)).sum(1), cosine(u[:, :k], v[:, :k]), atol=1e-9
    )


@pytest.mark.parametrize("k", [0, -1, 7])
def test_an_impossible_size_is_named(k):
    with pytest.raises(ValueError, match=f"Cannot keep {k} of 6 numbers: choose from 1 to 6"):
        truncate(np.ones((2, 6)), k)
    with pytest.raises(ValueError, match=f"Cannot keep {k} of 6"):
        MatryoshkaLoss(CosineLoss(), (6, k))(torch.ones(2, 6), torch.ones(2, 6), torch.ones(2))


def test_sizes_are_needed():
    with pytest.raises(ValueError, match="dims is empty"):
        MatryoshkaLoss(CosineLoss(), ())
