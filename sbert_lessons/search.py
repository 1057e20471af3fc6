"""Finding the nearest sentences among many. Introduced in lesson 00."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sbert_lessons.data import checked_texts
from sbert_lessons.encoder import TextEncoder


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, so that a dot product is a cosine."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def top_k(queries: np.ndarray, corpus: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and row numbers of the k nearest corpus vectors of each query, both `(Q, k)`.

    `queries: (Q, D)`, `corpus: (N, D)`; nearest first. k is cut to N; ValueError for k below 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}: ask for at least the 1 nearest sentence.")
    cosines = unit(queries) @ unit(corpus).T
    rows = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(cosines, rows, axis=1), rows


class Index:
    """Sentences and their vectors, encoded once and searched many times.

    Raises the errors of `encode` for anything but non-empty strings.
    """

    def __init__(self, encoder: TextEncoder, sentences: Sequence[str]) -> None:
        self.encoder, self.sentences = encoder, checked_texts(sentences)
        self.vectors = encoder.encode(self.sentences)

    def search(self, query: str, k: int = 5) -> pd.DataFrame:
        """The k sentences nearest to the query, with their cosines."""
        cosines, rows = top_k(self.encoder.encode(query), self.vectors, k)
        found = [self.sentences[i] for i in rows[0]]
        return pd.DataFrame({"cosine": cosines[0].round(2), "sentence": found})
