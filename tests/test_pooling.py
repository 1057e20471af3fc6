"""Poolings against hand values, the library, and the rule that padding changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor

from sbert_lessons.pooling import POOLINGS, layer_mean

SIDES = ("left", "right", "both")


def ragged(lengths: list[int], side: str, seed: int = 0, extra: int = 0) -> tuple[Tensor, Tensor]:
    """Random token vectors `(B, T, 5)` with noise in the padding, and their mask `(B, T)`."""
    generator = torch.Generator().manual_seed(seed)
    rows, width = [torch.randn(n, 5, generator=generator) for n in lengths], max(lengths) + extra
    vectors = 10 * torch.randn(len(lengths), width, 5, generator=generator)
    mask = torch.zeros(len(lengths), width, dtype=torch.long)
    for i, row in enumerate(rows):
        free = width - len(row)
        start = {"right": 0, "left": free, "both": free // 2}[side]
        vectors[i, start : start + len(row)] = row
        mask[i, start : start + len(row)] = 1
    return vectors, mask


def check_library(name: str, pool) -> None:
    """The same as sentence_transformers' module on ragged batches, padded on either side."""
    for side in SIDES:
        vectors, mask = ragged([3, 1, 7, 4, 7], side, extra=2)
        features = {"token_embeddings": vectors, "attention_mask": mask}
        expected = Pooling(5, pooling_mode=name)(features)["sentence_embedding"]
        torch.testing.assert_close(pool(vectors, mask), expected, rtol=1e-6, atol=1e-6)


def check_padding(pool, lengths: list[int], side: str, extra: int, seed: int) -> None:
    """A row pooled inside a padded batch equals the row pooled alone."""
    vectors, mask = ragged(lengths, side, seed, extra)
    pooled = pool(vectors, mask)
    for i, length in enumerate(lengths):
        row = vectors[i, mask[i] == 1][None]
        alone = pool(row, torch.ones(1, length, dtype=torch.long))
        torch.testing.assert_close(pooled[i], alone[0], rtol=1e-5, atol=1e-5)


HAND = {
    "mean": [3.0, -2.0],
    "max": [4.0, -1.0],
    "cls": [2.0, -3.0],
    "lasttoken": [4.0, -1.0],
    "mean_sqrt_len_tokens": [6 / 2**0.5, -4 / 2**0.5],
    "weightedmean": [10 / 3, -5 / 3],
}


def check_hand(name: str, pool) -> None:
    """Two real tokens (2, -3) and (4, -1) between padding on both sides."""
    vectors = torch.tensor([[[9.0, 9.0], [2.0, -3.0], [4.0, -1.0], [9.0, 9.0]]])
    pooled = pool(vectors, torch.tensor([[0, 1, 1, 0]]))
    torch.testing.assert_close(pooled, torch.tensor([HAND[name]]))


@pytest.mark.parametrize("name", POOLINGS)
def test_hand_values(name):
    check_hand(name, POOLINGS[name])


@pytest.mark.parametrize("name", POOLINGS)
def test_equals_the_library(name):
    check_library(name, POOLINGS[name])


@pytest.mark.parametrize("name", POOLINGS)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    side=st.sampled_from(SIDES),
    extra=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_padding_changes_nothing(name, lengths, side, extra, seed):
    check_padding(POOLINGS[name], lengths, side, extra, seed)


def test_every_pooling_of_the_library_is_here():
    assert set(POOLINGS) == set(Pooling.POOLING_MODES)


@pytest.mark.parametrize("name", POOLINGS)
def test_half_precision_and_boolean_masks_work(name):
    vectors, mask = ragged([2, 4], "right")
    expected = POOLINGS[name](vectors, mask)
    assert torch.equal(POOLINGS[name](vectors, mask.bool()), expected)
    half = POOLINGS[name](vectors.half(), mask)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), expected, rtol=1e-2, atol=1e-2)


def test_layer_mean_is_the_average_of_the_chosen_layers():
    layers = [torch.full((1, 2, 3), float(i)) for i in range(5)]
    assert torch.equal(layer_mean(layers, [1, -1]), torch.full((1, 2, 3), 2.5))
    assert torch.equal(layer_mean(layers, [3]), layers[3])
