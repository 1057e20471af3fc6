"""Training objectives: modules called as `loss(u, v, labels)` that return one number."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss

from sbert_lessons.heads import SoftmaxHead


class SoftmaxLoss(nn.Module):
    """Cross-entropy of the softmax head: -log softmax(W (u, v, |u-v|) + b)[label], batch mean.

    `u, v: (B, D)`, `labels: (B,)` integers from 0 to classes - 1. Raises ValueError for a label
    outside that range. SBERT, section 3, classification objective. Introduced in lesson 03.
    """

    def __init__(self, head: SoftmaxHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        classes = self.head.linear.out_features
        if labels.is_floating_point() or labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"Labels must be whole numbers from 0 to {classes - 1}.")
        return cross_entropy(self.head(u, v), labels)


class CosineLoss(nn.Module):
    """Mean squared error between cosine and label: (cos(u, v) - label)^2, batch mean.

    `u, v: (B, D)`, `labels: (B,)` from -1 to 1. Raises ValueError for labels outside that range.
    SBERT, section 3, regression objective. Introduced in lesson 04.
    """

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        if labels.abs().max() > 1:
            raise ValueError("Labels must lie from -1 to 1: divide grades from 0 to 5 by 5.")
        return mse_loss(cosine_similarity(u, v), labels.float())


class TripletLoss(nn.Module):
    """The positive closer than the negative: max(|a - p| - |a - n| + margin, 0), batch mean.

    Anchor a, positive p, negative n: each `(B, D)`; Euclidean distance; no labels.
    SBERT, section 3, triplet objective, with its margin of 1. Introduced in lesson 04.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        gap = (anchor - positive).norm(dim=-1) - (anchor - negative).norm(dim=-1)
        return (gap + self.margin).relu().mean()


class ContrastiveLoss(nn.Module):
    """Positives towards cosine 1, negatives only below a floor, batch mean.

    (1 - cos)^2 where the label is 1, max(cos - floor, 0)^2 where it is 0: a negative that is
    below the floor is left in peace. `u, v: (B, D)`, `labels: (B,)` of 0 and 1, else ValueError.
    Clipped negatives as in Su's post on CoSENT (kexue.fm 8847). Introduced in lesson 07.
    """

    def __init__(self, floor: float = 0.5) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        if not torch.isin(labels, torch.tensor([0, 1], device=labels.device)).all():
            raise ValueError("Labels must be 1 for a positive pair and 0 for a negative one.")
        cos = cosine_similarity(u, v)
        cost = torch.where(labels == 1, 1 - cos, (cos - self.floor).relu())
        return cost.square().mean()


class CoSENTLoss(nn.Module):
    """Order, not values: log(1 + sum over label_i > label_j of exp(scale (cos_j - cos_i))).

    Each pair of pairs of which one has the higher label should have the higher cosine. `u, v:
    (B, D)`, `labels: (B,)` numbers whose order counts. One value for the whole batch; a batch
    whose labels are all equal has value 0, with a warning.
    Su (kexue.fm 8847), with its scale of 20. Introduced in lesson 07.
    """

    def __init__(self, scale: float = 20.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        score = self.scale * cosine_similarity(u, v)
        excess = score[None, :] - score[:, None]  # how much j stands above i, (B, B)
        ordered = labels[:, None] > labels[None, :]
        if len(labels) > 1 and not ordered.any():
            warnings.warn(
                "All labels of this batch are equal, so CoSENT learns nothing from it: use larger "
                "batches, or labels of more grades.",
                stacklevel=2,
            )
        return torch.cat([score.new_zeros(1), excess[ordered]]).logsumexp(0)
