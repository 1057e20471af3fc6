"""The nearest sentences against a loop over all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbert_lessons.search import Index, top_k, unit


def brute_top_k(query: np.ndarray, corpus: np.ndarray, k: int) -> list[int]:
    """Rows by falling cosine, one pair at a time; ties keep the order of the corpus."""
    cosines = [query @ c / np.sqrt((query @ query) * (c @ c)) for c in corpus]
    return sorted(range(len(corpus)), key=lambda i: -cosines[i])[:k]


def check_top_k(search) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        queries, corpus = rng.normal(size=(3, 4)), rng.normal(size=(rng.integers(1, 30), 4))
        corpus *= rng.uniform(0.1, 10, size=(len(corpus), 1))
        cosines, rows = search(queries, corpus, 5)
        assert rows.tolist() == [brute_top_k(q, corpus, 5) for q in queries]
        found = np.einsum("qd,qkd->qk", unit(queries), unit(corpus)[rows])
        np.testing.assert_allclose(cosines, found, atol=1e-12)


def test_top_k_equals_brute_force():
    check_top_k(top_k)


@given(st.integers(1, 8), st.integers(1, 20))
def test_k_is_cut_to_the_size_of_the_corpus(size, k):
    cosines, rows = top_k(np.ones((2, 3)), np.ones((size, 3)), k)
    assert cosines.shape == rows.shape == (2, min(k, size))
    assert rows[0].tolist() == list(range(min(k, size)))


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match=f"k is {k}: ask for at least the 1 nearest"):
        top_k(np.ones((2, 3)), np.ones((4, 3)), k)


def test_unit_by_hand_and_zero_stays_zero():
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0, 0]]


def test_an_index_of_one_string_holds_one_sentence(tiny_encoder):
    assert Index(tiny_encoder, "a dog runs").search("a cat")["sentence"].tolist() == ["a dog runs"]


def test_index_finds_a_sentence_by_itself(tiny_encoder):
    sentences = ["a dog runs", "the cat eats bread", "guitar"]
    found = Index(tiny_encoder, sentences).search("the cat eats bread", k=2)
    assert found["sentence"][0] == "the cat eats bread"
    assert found["cosine"][0] == 1.0 and len(found) == 2
