"""Training objectives: modules called as `loss(u, v, labels)` that return one number."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss, normalize

from sbert_lessons.heads import SoftmaxHead


def check_labels(labels: Tensor, rows: int) -> None:
    """ValueError unless there is one label a row: other shapes would be spread over all rows."""
    if labels.shape != (rows,):
        raise ValueError(
            f"{rows} pairs need labels of shape ({rows},), one each, not {tuple(labels.shape)}."
        )


class SoftmaxLoss(nn.Module):
    """Cross-entropy of the softmax head: -log softmax(W (u, v, |u-v|) + b)[label], batch mean.

    `u, v: (B, D)`, `labels: (B,)` integers from 0 to classes - 1. Raises ValueError for labels
    outside that range or of another shape. SBERT, section 3, classification objective. Introduced
    in lesson 03.
    """

    def __init__(self, head: SoftmaxHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        check_labels(labels, len(u))
        classes = self.head.linear.out_features
        if labels.is_floating_point() or labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"Labels must be whole numbers from 0 to {classes - 1}.")
        return cross_entropy(self.head(u, v), labels)


class CosineLoss(nn.Module):
    """Mean squared error between cosine and label: (cos(u, v) - label)^2, batch mean.

    `u, v: (B, D)`, `labels: (B,)` from -1 to 1. Raises ValueError for labels outside that range or
    of another shape. SBERT, section 3, regression objective. Introduced in lesson 04.
    """

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        check_labels(labels, len(u))
        if not (labels.abs() <= 1).all():  # so that NaN, too, is refused
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
        check_labels(labels, len(u))
        if not torch.isin(labels, torch.tensor([0, 1], device=labels.device)).all():
            raise ValueError("Labels must be 1 for a positive pair and 0 for a negative one.")
        cos = cosine_similarity(u, v)
        cost = torch.where(labels == 1, 1 - cos, (cos - self.floor).relu())
        return cost.square().mean()


class CoSENTLoss(nn.Module):
    """Order, not values: log(1 + sum over label_i > label_j of exp(scale (cos_j - cos_i))).

    Each pair of pairs of which one has the higher label should have the higher cosine. `u, v:
    (B, D)`, `labels: (B,)` numbers whose order counts. One value for the whole batch; a batch
    whose labels are all equal has value 0, with a warning. Raises ValueError for labels of another
    shape, and for NaN, which has no order.
    Su (kexue.fm 8847), with its scale of 20. Introduced in lesson 07.
    """

    def __init__(self, scale: float = 20.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        check_labels(labels, len(u))
        if labels.isnan().any():
            raise ValueError("A label is NaN, which has no order: leave out pairs without a label.")
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


class InfoNCELoss(nn.Module):
    """Find your partner: -log(exp(cos(u_i, v_i) / t) / sum over j of exp(cos(u_i, v_j) / t)), mean.

    Row i of `u, v: (B, D)` is a positive pair; every other row of v is a negative of u_i. Hard
    `negatives: (N, D)`, if given, join the sum below the line for every u_i. No labels.
    Raises ValueError for a batch in which a u has no negative at all.
    Gao et al. (2021), SimCSE, with its temperature t of 0.05; in the library it is
    MultipleNegativesRankingLoss, with scale 1 / t. Introduced in lesson 09.
    """

    def __init__(self, temperature: float = 0.05) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, u: Tensor, v: Tensor, negatives: Tensor | None = None) -> Tensor:
        candidates = v if negatives is None else torch.cat([v, negatives])
        if len(candidates) < 2:
            raise ValueError(
                "A batch of one pair has no negatives, so nothing can be learned from it: use "
                "larger batches, and leave out a last row that stands alone."
            )
        scores = normalize(u) @ normalize(candidates).T / self.temperature  # (B, B + N)
        return cross_entropy(scores, torch.arange(len(u), device=u.device))


class ProjectedLoss(nn.Module):
    """An objective that sees its vectors through a head: loss(g(u), g(v), ...).

    The head g learns with the encoder and is dropped afterwards: only u and v are kept, which the
    objective never saw. SimCLR, section 4.2. Introduced in lesson 09.
    """

    def __init__(self, head: nn.Module, objective: nn.Module) -> None:
        super().__init__()
        self.head, self.objective = head, objective

    def forward(self, *vectors: Tensor) -> Tensor:
        return self.objective(*(self.head(x) for x in vectors))
