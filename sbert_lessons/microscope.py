"""Two small magnifications of training: free points in the plane, a linear map of fixed vectors.

Both show in a second what a loss wants. Introduced in lesson 03.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam


def move_points(
    objective: nn.Module,
    points: Tensor,
    pairs: Tensor,
    labels: Tensor,
    *,
    steps: int = 200,
    rate: float = 0.02,
) -> np.ndarray:
    """Let a loss move free points, all pairs at once: `(N, D)` -> `(steps + 1, N, D)`.

    `pairs: (P, 2)` rows of `points`, `labels: (P,)`. The objective's own parameters learn too. Each
    point is its own parameter: no network stands between the loss and the vectors.
    """
    points = points.clone().requires_grad_()
    optimizer = Adam([points, *objective.parameters()], lr=rate, fused=True)
    path = [points.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        objective(points[pairs[:, 0]], points[pairs[:, 1]], labels).backward()
        optimizer.step()
        path.append(points.detach().clone())
    return torch.stack(path).numpy()


def train_adapter(
    objective: nn.Module,
    columns: list[np.ndarray],
    labels: np.ndarray | None,
    *,
    epochs: int = 5,
    batch_size: int = 64,
    rate: float = 1e-3,
    seed: int = 0,
    start: np.ndarray | None = None,
    evaluate: Callable[[np.ndarray], dict[str, float]] | None = None,
) -> tuple[np.ndarray, list[dict[str, float]]]:
    """Learn one linear map A of fixed sentence vectors, `x -> x A`, and the objective with it.

    `columns`: vectors `(N, D)` of both (or all three) sentences; `labels: (N,)`, or None for an
    objective without labels. A begins as the identity, or as `start: (D, D)`; `seed` settles the
    order of the rows (the head's first weights are the caller's). Returns A and, before training
    and after each epoch, the mean loss of the epoch and what `evaluate(A)` gives. Raises
    ValueError for columns of unequal length, for missing values and for a loss that is no number.
    """
    torch.manual_seed(seed)
    data = [torch.from_numpy(np.array(column, dtype=np.float32)) for column in columns]
    targets = [] if labels is None else [torch.as_tensor(np.array(labels))]
    check_rows(data + targets)
    size, dim = data[0].shape
    first = torch.eye(dim) if start is None else torch.as_tensor(start, dtype=torch.float)
    adapter = first.clone().requires_grad_()
    optimizer = Adam([adapter, *objective.parameters()], lr=rate, fused=True)
    record = evaluate or (lambda _: {})
    history = [{"epoch": 0} | record(first.numpy())]
    for epoch in range(1, epochs + 1):
        losses = []
        for rows in torch.randperm(size).split(batch_size):
            loss = objective(*(x[rows] @ adapter for x in data), *(y[rows] for y in targets))
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise ValueError(f"The loss is {losses[-1]} in epoch {epoch}: lower the rate.")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        now = adapter.detach().clone().numpy()
        history.append({"epoch": epoch, "loss": float(np.mean(losses))} | record(now))
    return adapter.detach().numpy(), history


def check_rows(tensors: list[Tensor]) -> None:
    """Vectors and labels of the same pairs, none missing, or one clear sentence."""
    sizes = [len(x) for x in tensors]
    if not min(sizes) or len(set(sizes)) > 1:
        raise ValueError(
            f"Need a vector and a label for every pair, and at least one pair; got {sizes}."
        )
    if not all(x.isfinite().all() for x in tensors):
        raise ValueError("A vector or a label is NaN or infinite: look for it before training.")
