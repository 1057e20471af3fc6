"""Free points and the linear map: they do what the loss says, and nothing else."""

import numpy as np
import pytest
import torch

from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import CosineLoss, SoftmaxLoss, TripletLoss
from sbert_lessons.microscope import move_points, train_adapter

POINTS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 3.0]])


def angle(path: np.ndarray, step: int) -> float:
    u, v = path[step, 0], path[step, 1]
    return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


def test_points_of_a_pair_with_label_one_turn_to_one_direction_and_others_stay():
    path = move_points(CosineLoss(), POINTS, torch.tensor([[0, 1]]), torch.tensor([1.0]))
    assert path.shape == (201, 3, 2)
    assert angle(path, 0) == 0 and angle(path, 200) > 0.99
    np.testing.assert_array_equal(path[:, 2], np.tile([3.0, 3.0], (201, 1)))
    np.testing.assert_array_equal(path[0], POINTS)


def test_the_first_step_goes_against_the_gradient():
    """Adam's first step is the rate times the sign of the gradient, whose signs are known."""
    path = move_points(
        CosineLoss(), POINTS, torch.tensor([[0, 1]]), torch.tensor([1.0]), steps=1, rate=0.1
    )
    np.testing.assert_allclose(path[1, :2], [[1.0, 0.1], [0.1, 1.0]], atol=1e-5)


def test_the_head_learns_with_the_points():
    torch.manual_seed(0)
    head = SoftmaxHead(2, 2)
    before = head.linear.weight.clone()
    move_points(SoftmaxLoss(head), POINTS, torch.tensor([[0, 1], [1, 2]]), torch.tensor([0, 1]))
    assert not torch.equal(before, head.linear.weight)


def pairs(seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Pairs that agree in their first five numbers if and only if the label is 1."""
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(2, 400, 10)).astype(np.float32)
    labels = rng.integers(2, size=400).astype(np.float32)
    v[labels == 1, :5] = u[labels == 1, :5]
    return [u, v], labels


def test_the_map_learns_to_keep_what_tells_the_labels_apart():
    columns, labels = pairs()
    adapter, history = train_adapter(CosineLoss(), columns, labels, rate=1e-2, epochs=20)
    kept, other = np.linalg.norm(adapter[:5]), np.linalg.norm(adapter[5:])
    assert kept > 3 * other
    assert history[-1]["loss"] < 0.5 * history[1]["loss"]


def test_the_map_starts_where_it_is_told_and_is_reported_at_every_epoch():
    columns, labels = pairs()
    seen = []
    start = np.diag(np.arange(1.0, 11))

    def evaluate(adapter: np.ndarray) -> dict[str, float]:
        seen.append(adapter)
        return {"sum": float(adapter.sum())}

    last, history = train_adapter(
        CosineLoss(), columns, labels, epochs=2, start=start, evaluate=evaluate
    )
    np.testing.assert_array_equal(seen[0], start)
    np.testing.assert_array_equal(seen[2], last)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert history[0]["sum"] == 55 and not np.array_equal(seen[1], seen[2])
    identity, _ = train_adapter(CosineLoss(), columns, labels, epochs=0)
    np.testing.assert_array_equal(identity, np.eye(10))


def test_vectors_in_float64_are_taken_too():
    columns, labels = pairs()
    doubles = [column.astype(float)[::-1] for column in columns]
    adapter, _ = train_adapter(CosineLoss(), doubles, labels[::-1], epochs=1)
    assert adapter.dtype == np.float32 and not np.array_equal(adapter, np.eye(10))


@pytest.mark.parametrize("same", [True, False])
def test_a_seed_settles_the_map(same):
    columns, labels = pairs()
    one, _ = train_adapter(CosineLoss(), columns, labels, seed=3)
    two, _ = train_adapter(CosineLoss(), columns, labels, seed=3 if same else 4)
    assert np.array_equal(one, two) == same


def test_three_columns_make_triplets_without_labels():
    (u, v), _ = pairs()
    adapter, history = train_adapter(TripletLoss(), [u, v, u[::-1].copy()], None)
    assert history[-1]["loss"] < history[1]["loss"]
    assert adapter.shape == (10, 10)


NAN, SHORT = float("nan"), "a vector and a label for every pair"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda u, v, y: ([u, v[:-1]], y), SHORT),
        (lambda u, v, y: ([u, v], y[:-1]), SHORT),
        (lambda u, v, y: ([u, v], np.append(y, y)), SHORT),
        (lambda u, v, y: ([u[:0], v[:0]], y[:0]), SHORT),
        (lambda u, v, y: ([np.where(u == u[3], NAN, u), v], y), "NaN or infinite"),
        (lambda u, v, y: ([u, v], np.where(np.arange(len(y)) == 3, NAN, y)), "NaN or infinite"),
    ],
)
def test_bad_rows_are_refused_in_one_sentence(change, says):
    columns, labels = change(*pairs()[0], pairs()[1])
    with pytest.raises(ValueError, match=says):
        train_adapter(CosineLoss(), columns, labels)


def test_a_loss_that_is_no_number_ends_the_training():
    (u, v), _ = pairs()
    with pytest.raises(ValueError, match="loss is .* in epoch 1: lower the rate"):
        train_adapter(TripletLoss(), [1e30 * u, 1e30 * v, -1e30 * v], None)
