"""A tokenizer of a few words, for encoders that are made in a moment."""

import string

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

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
