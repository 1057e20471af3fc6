"""Feature groups and the softmax objective against hand values and the library."""

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.losses import SoftmaxLoss as LibrarySoftmaxLoss
from sklearn.linear_model import LogisticRegression
from torch import nn

from sbert_lessons.features import GROUPS, combine
from sbert_lessons.heads import SoftmaxHead, fit_head
from sbert_lessons.losses import SoftmaxLoss

U, V = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 5.0]])


def check_combine(combine_) -> None:
    """(u, v, |u-v|) of one pair, and every group by itself; spaces do not matter, order does."""
    assert combine_(U, V).tolist() == [[1, -2, 3, 5, 2, 7]]
    expected = {"u": [1, -2], "v": [3, 5], "|u-v|": [2, 7], "u*v": [3, -10], "u-v": [-2, -7]}
    assert set(expected) == set(GROUPS)
    for name, values in expected.items():
        assert combine_(U, V, name).tolist() == [values]
    assert combine_(U, V, "v, u").tolist() == [[3, 5, 1, -2]]


def test_combine_by_hand():
    check_combine(combine)


def test_an_unknown_group_is_named():
    with pytest.raises(ValueError, match=r"no feature group 'u\+v': choose from u, v, \|u-v\|"):
        combine(U, V, "u,u+v")


@pytest.mark.parametrize("features, width", [("u,v,|u-v|", 12), ("|u-v|", 4), ("u,v", 8)])
def test_head_shapes(features, width):
    head = SoftmaxHead(4, 3, features)
    assert head.linear.weight.shape == (3, width)
    assert head(torch.zeros(7, 4), torch.zeros(7, 4)).shape == (7, 3)


def test_head_without_weights_gives_log_of_the_number_of_classes():
    head = SoftmaxHead(2)
    nn.init.zeros_(head.linear.weight)
    nn.init.zeros_(head.linear.bias)
    assert SoftmaxLoss(head)(U, V, torch.tensor([1])).item() == pytest.approx(1.0986123)


class Fixed(nn.Module):
    """Stands for the library's model: hands back vectors that were made before."""

    device = torch.device("cpu")

    def forward(self, features: dict) -> dict:
        return {"sentence_embedding": features["made"]}


LIBRARY_FLAGS = {
    "u,v,|u-v|": (True, True, False),
    "u,v": (True, False, False),
    "|u-v|": (False, True, False),
    "u,v,|u-v|,u*v": (True, True, True),
}


def check_softmax_loss(loss_class, features: str = "u,v,|u-v|") -> None:
    """Value, and gradients of u, v, W and b, within 1e-5 of the library's."""
    torch.manual_seed(0)
    u, v = torch.randn(16, 8), torch.randn(16, 8)
    labels, head = torch.randint(3, (16,)), SoftmaxHead(8, 3, features)
    library = LibrarySoftmaxLoss(Fixed(), 8, 3, *LIBRARY_FLAGS[features])
    library.classifier.load_state_dict(head.linear.state_dict())
    ours, theirs = ([x.clone().requires_grad_() for x in (u, v)] for _ in range(2))
    value = loss_class(head)(*ours, labels)
    expected = library([{"made": x} for x in theirs], labels)
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-5)
    value.backward()
    expected.backward()
    pairs = [*zip(ours, theirs, strict=True)]
    pairs += zip(head.linear.parameters(), library.classifier.parameters(), strict=True)
    for mine, other in pairs:
        torch.testing.assert_close(mine.grad, other.grad, rtol=0, atol=1e-5)


@pytest.mark.parametrize("features", LIBRARY_FLAGS)
def test_softmax_loss_equals_the_library(features):
    check_softmax_loss(SoftmaxLoss, features)


@pytest.mark.parametrize("labels", [[3], [-1], [0.0], [float("nan")]])
def test_labels_that_are_no_class_are_refused(labels):
    with pytest.raises(ValueError, match="whole numbers from 0 to 2"):
        SoftmaxLoss(SoftmaxHead(2))(U, V, torch.tensor(labels))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_fitted_head_is_the_logistic_regression(classes):
    """scikit-learn's probabilities, and for three classes a gradient that the penalty balances."""
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, 300, 4)).astype(np.float32) + 2
    labels = (np.abs(u - v)[:, 0] + u[:, 1] > 3).astype(int) + (u[:, 1] > 2) * (classes - 2)
    head = SoftmaxHead(4, classes)
    assert fit_head(head, u, v, labels, strength=1) is None
    x, y = torch.from_numpy(u), torch.from_numpy(v)
    features = combine(x, y).numpy()
    model = LogisticRegression(C=1, max_iter=5000).fit(features, labels)
    chances = head(x, y).softmax(1).detach().numpy()
    np.testing.assert_allclose(chances, model.predict_proba(features), atol=5e-3)
    SoftmaxLoss(head)(x, y, torch.from_numpy(labels)).backward()
    weight = head.linear.weight
    if classes == 3:
        np.testing.assert_allclose(weight.grad, -weight.detach() / 300, atol=1e-3)


@pytest.mark.parametrize("labels", [[0, 1, 1, 0], [1, 2, 3, 1], [0, 1, 2, 3], [0.5, 1, 2, 0]])
def test_a_head_is_fitted_to_labels_of_all_its_classes_alone(labels):
    u, v = np.random.default_rng(0).normal(size=(2, 4, 2)).astype(np.float32)
    with pytest.raises(ValueError, match="labels of every class from 0 to 2; got .*[0-9]"):
        fit_head(SoftmaxHead(2, 3), u, v, labels)
