"""A tiny random encoder, built in memory, so that no test of the package needs a bundled model."""

import pytest
import torch
from tiny import tiny_tokenizer
from transformers import BertConfig, BertModel

from sbert_lessons.encoder import SentenceEncoder


def make_encoder(pooling: str = "mean", dropout: float = 0.1, **settings) -> SentenceEncoder:
    """Two layers of dimension 32 with large random weights, so that sentences differ clearly."""
    tokenizer = tiny_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    torch.manual_seed(0)
    backbone = BertModel(config, add_pooling_layer=False).eval()
    return SentenceEncoder(backbone, tokenizer, pooling, **({"max_length": 64} | settings)).eval()


@pytest.fixture
def tiny_encoder() -> SentenceEncoder:
    return make_encoder()


@pytest.fixture
def encoder_with():
    """`encoder_with(pooling=..., dropout=...)`: the tiny encoder with other settings."""
    return make_encoder
