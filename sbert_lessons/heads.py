"""Small modules that sit on top of sentence vectors during training and are dropped afterwards."""

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
