"""Training objectives: modules called as `loss(u, v, labels)` that return one number."""

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

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
