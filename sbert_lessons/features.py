"""How two sentence vectors become the input of a classifier. Introduced in lesson 03."""

import torch
from torch import Tensor

GROUPS = {
    "u": lambda u, v: u,
    "v": lambda u, v: v,
    "|u-v|": lambda u, v: (u - v).abs(),
    "u*v": lambda u, v: u * v,
    "u-v": lambda u, v: u - v,
}


def parse(features: str) -> list[str]:
    """The groups named in a string such as "u,v,|u-v|", in its order."""
    groups = [name.strip() for name in features.split(",")]
    for name in groups:
        if name not in GROUPS:
            raise ValueError(
                f"There is no feature group '{name}': choose from {', '.join(GROUPS)}."
            )
    return groups


def combine(u: Tensor, v: Tensor, features: str = "u,v,|u-v|") -> Tensor:
    """Concatenate feature groups of u and v: `(B, D), (B, D) -> (B, kD)` for k groups.

    SBERT, section 3, equation of the classification objective, uses (u, v, |u-v|).
    """
    return torch.cat([GROUPS[name](u, v) for name in parse(features)], dim=-1)
