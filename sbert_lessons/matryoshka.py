"""Vectors whose first numbers already work alone. Introduced in lesson 13."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import normalize

from sbert_lessons.search import unit


def checked_size(k: int, dim: int) -> int:
    """k, or one clear sentence if vectors of `dim` numbers have no first k."""
    if not 1 <= k <= dim:
        raise ValueError(f"Cannot keep {k} of {dim} numbers: choose from 1 to {dim}.")
    return k


def truncate(vectors: np.ndarray, k: int) -> np.ndarray:
    """The first k numbers of each vector, scaled back to length 1: `(N, D) -> (N, k)`.

    Raises ValueError for a k outside 1 to D. Introduced in lesson 13.
    """
    return unit(vectors[:, : checked_size(k, vectors.shape[1])])


class MatryoshkaLoss(nn.Module):
    """One loss on several prefixes: the sum over k in dims of loss(u[:k], v[:k], ...).

    u[:k] is the first k numbers of u, scaled back to length 1. Called as the loss itself: vectors
    `(B, D)`, two columns or three, then labels `(B,)` if it asks for them. For losses without
    weights of their own (a softmax head would need one W a prefix). Raises ValueError for a k
    outside 1 to D. Kusupati et al. 2022 (arXiv 2205.13147), with all weights 1; the
    scaling is that of sentence-transformers. Introduced in lesson 13.
    """

    def __init__(self, loss: nn.Module, dims: Sequence[int]) -> None:
        super().__init__()
        if not dims:
            raise ValueError("dims is empty: give at least one number of dimensions.")
        self.loss, self.dims = loss, tuple(dims)

    def forward(self, *inputs: Tensor) -> Tensor:
        columns = [x for x in inputs if x.dim() == 2]
        labels = inputs[len(columns) :]
        sizes = [checked_size(k, columns[0].shape[1]) for k in self.dims]
        return sum(self.loss(*(normalize(x[:, :k]) for x in columns), *labels) for k in sizes)
