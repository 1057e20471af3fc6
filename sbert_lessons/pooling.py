"""From token vectors to one sentence vector: pure functions on `(B, T, D)` and a mask `(B, T)`.

The mask is 1 at real tokens and 0 at padding, on either side. Every function returns `(B, D)`.
Introduced in lesson 02. SBERT, section 3, uses `mean` (its default), `maximum` and `cls`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def mean(token_vectors: Tensor, mask: Tensor) -> Tensor:
    """Average of the real tokens: sum_t m_t x_t / sum_t m_t."""
    m = mask.unsqueeze(-1).to(token_vectors.dtype)
    return (token_vectors * m).sum(1) / m.sum(1).clamp(min=1e-9)


def maximum(token_vectors: Tensor, mask: Tensor) -> Tensor:
    """Largest value of each dimension over the real tokens ("max over time")."""
    return token_vectors.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).amax(1)


def cls(token_vectors: Tensor, mask: Tensor) -> Tensor:
    """Vector of the first real token, which is [CLS]."""
    first = mask.long().argmax(1)
    return token_vectors[torch.arange(len(first), device=first.device), first]


def last(token_vectors: Tensor, mask: Tensor) -> Tensor:
    """Vector of the last real token, as used with left-to-right language models."""
    position = torch.arange(mask.shape[1], device=mask.device)
    final = (position * (mask != 0)).argmax(1)
    return token_vectors[torch.arange(len(final), device=final.device), final]


def mean_sqrt_length(token_vectors: Tensor, mask: Tensor) -> Tensor:
    """Sum of the real tokens over the square root of their number: longer texts, longer vectors."""
    m = mask.unsqueeze(-1).to(token_vectors.dtype)
    return (token_vectors * m).sum(1) / m.sum(1).clamp(min=1e-9).sqrt()


def weighted_mean(token_vectors: Tensor, mask: Tensor) -> Tensor:
    """Average with weights 1, 2, 3 ... from the first real token on."""
    m = mask.to(token_vectors.dtype)
    weights = (m.cumsum(1) * m).unsqueeze(-1)
    return (token_vectors * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def layer_mean(hidden_states: Sequence[Tensor], layers: Sequence[int]) -> Tensor:
    """Average of the chosen layers, `(B, T, D)`; (1, -1) is BERT-flow's "first-last"."""
    return torch.stack([hidden_states[i] for i in layers]).mean(0)


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": mean,
    "max": maximum,
    "cls": cls,
    "mean_sqrt_len_tokens": mean_sqrt_length,
    "weightedmean": weighted_mean,
    "lasttoken": last,
}
"""The poolings by the names that sentence-transformers gives them."""
