"""Small modules that sit on top of sentence vectors during training and are dropped afterwards."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from sbert_lessons.features import combine, parse


class SoftmaxHead(nn.Module):
    """Class scores from a pair of sentence vectors: W (u, v, |u-v|) + b.

    `(B, D), (B, D) -> (B, classes)`; softmax of the result gives the class probabilities. The paper
    writes no bias; the library has one, and so does this head.
    SBERT, section 3, classification objective. Introduced in lesson 03.
    """

    def __init__(self, dim: int, classes: int = 3, features: str = "u,v,|u-v|") -> None:
        super().__init__()
        self.features = features
        self.linear = nn.Linear(len(parse(features)) * dim, classes)

    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        return self.linear(combine(u, v, self.features))


class ProjectionHead(nn.Sequential):
    """SimCLR's g(h) = W2 relu(W1 h + b1) + b2: `(B, dim) -> (B, out)`, hidden layer of width dim.

    `out` is dim if not given. It stands between vectors and contrastive loss during training (see
    `losses.ProjectedLoss`). SimCLR, section 4.2. Introduced in lesson 09.
    """

    def __init__(self, dim: int, out: int | None = None) -> None:
        super().__init__(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, out or dim))


@torch.no_grad()
def fit_head(
    head: SoftmaxHead, u: np.ndarray, v: np.ndarray, labels: Sequence[int], strength: float = 0.1
) -> None:
    """Give a head, in place, the best weights for fixed vectors `u, v: (N, D)`.

    Logistic regression with an L2 penalty; `strength` is scikit-learn's C: smaller, smaller
    weights. A head that fits from the first step does not push the encoder about while it is still
    random. Raises ValueError unless the labels are all the head's classes, 0 to classes - 1.
    Introduced in lesson 03.
    """
    classes, found = head.linear.out_features, np.unique(labels).tolist()
    if found != list(range(classes)):
        raise ValueError(f"Need labels of every class from 0 to {classes - 1}; got {found}.")
    features = combine(torch.from_numpy(u), torch.from_numpy(v), head.features).numpy()
    middle = features.mean(0)  # the solver needs far fewer steps on centred features
    model = LogisticRegression(C=strength, max_iter=500).fit(features - middle, labels)
    weight = torch.from_numpy(model.coef_)
    bias = torch.from_numpy(model.intercept_ - model.coef_ @ middle)
    if len(weight) == 1:  # scikit-learn keeps two classes as one row: the second's lead
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    head.linear.weight.copy_(weight)
    head.linear.bias.copy_(bias)
