"""How a judge tells a right answer from a known mistake."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def close(answer: Any, right: Any, tolerance: float = 1e-4) -> bool:
    """Are two numbers, lists, arrays or tensors equal in shape and, within `tolerance`, in value?

    `tolerance` is absolute, plus the same share of the right value.
    """
    answer, right = _array(answer), _array(right)
    return answer.shape == right.shape and bool(
        np.allclose(answer, right, atol=tolerance, rtol=tolerance, equal_nan=True)
    )


def compare(
    answer: Any,
    right: Any,
    *,
    mistakes: Mapping[str, Any],
    otherwise: str,
    tolerance: float = 1e-4,
) -> str | None:
    """None if `answer` is right, else the sentence whose mistake gives this answer.

    `mistakes` maps a sentence to the value which that mistake produces; `otherwise` is said when
    none of them fits. An answer of another shape is told so.
    """
    if answer is None:
        return "Your function gives back nothing: does it end with `return ...`?"
    if close(answer, right, tolerance):
        return None
    for sentence, value in mistakes.items():
        if close(answer, value, tolerance):
            return sentence
    shape, wanted = _array(answer).shape, _array(right).shape
    if shape != wanted:
        return f"The shape is {tuple(shape)}, wanted is {tuple(wanted)}. {otherwise}"
    return otherwise


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # a tensor, perhaps with a gradient
        value = value.detach().cpu()
    if np.asarray(value).dtype.kind in "SU":
        raise TypeError("text where numbers are wanted")
    return np.asarray(value, dtype=float)
