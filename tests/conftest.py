"""A tiny random encoder, built in memory, so that no test of the package needs a bundled model."""

import string

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from sbert_lessons.encoder import SentenceEncoder

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "a the man woman dog cat plays runs sleeps eats guitar bread red small not in park".split()


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """WordPiece over a few words; every other word falls into its letters."""
    signs = [*string.ascii_lowercase, *string.digits, *".,?!'-"]
    vocab = list(dict.fromkeys([*SPECIAL, *WORDS, *signs, *(f"##{sign}" for sign in signs)]))
    ids = {token: i for i, token in enumerate(vocab)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    names = dict(zip(["pad", "unk", "cls", "sep", "mask"], SPECIAL, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        **{f"{name}_token": token for name, token in names.items()},
    )


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
