"""One transformer that writes paraphrases and finds them: UniLM mask, rotary positions, SimBERT.

Introduced in lesson 12.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from transformers import (
    AutoTokenizer,
    BertForMaskedLM,
    PreTrainedTokenizerBase,
    RoFormerConfig,
    RoFormerForMaskedLM,
)

from sbert_lessons.data import DATA, checked_texts, words
from sbert_lessons.encoder import (
    SentenceEncoder,
    check_model_folder,
    evaluating,
    load_weights,
    well_formed,
)
from sbert_lessons.evaluation import cosine

LONGEST = 128  # tokens of source and target together
NEVER = -1e9  # added to an attention score, it leaves no weight


def rotate(x: Tensor, positions: Tensor, base: float = 10_000.0) -> Tensor:
    """Rotary positions: the pair of coordinates (2i, 2i + 1) turned by the angle m base^(-2i/d).

    `x: (..., T, d)` with d even, `positions: (T,)` -> `(..., T, d)`. Lengths stay, and the dot
    product of a turned query at m and a turned key at n depends on m - n alone. Raises ValueError
    for an odd d. Su et al. 2021 (RoFormer; kexue.fm 8265). Introduced in lesson 12.
    """
    dim = x.shape[-1]
    if dim % 2:
        raise ValueError(f"Rotary positions turn pairs of coordinates; {dim} is an odd number.")
    speed = base ** (-torch.arange(0, dim, 2, dtype=torch.double) / dim)  # (d/2,)
    angle = (positions[:, None].double() * speed).to(x.dtype)  # (T, d/2)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = (
        first * angle.cos() - second * angle.sin(),
        first * angle.sin() + second * angle.cos(),
    )
    return torch.stack(turned, dim=-1).flatten(-2)


def unilm_mask(segments: Tensor, mask: Tensor) -> Tensor:
    """Who sees whom: source tokens the whole source, target tokens also the target so far.

    `segments: (B, T)` 0 for the source, 1 for the target after it; `mask: (B, T)` 1 for tokens,
    0 for padding. Returns booleans `(B, T, T)`: row i may look at column j. With the running sum
    s of the segments (0 in the source, then 1, 2, 3 ...): i sees j if s_j <= s_i.
    Raises ValueError if a source token follows a target token.
    Dong et al. 2019 (UniLM). Introduced in lesson 12.
    """
    segments = segments * mask
    after = segments.cummax(1).values * mask
    if (after != segments).any():
        raise ValueError("Each row must hold its whole source first, then its target.")
    place = segments.cumsum(1)
    return (place[:, None, :] <= place[:, :, None]) & mask.bool()[:, None, :]


def attention_bias(visible: Tensor) -> Tensor:
    """What is added to the attention scores: 0 where a token may look, -1e9 where not.

    `(B, T, T)` booleans -> `(B, 1, T, T)`, one for all heads: the form in which a transformers
    model takes a mask as it is. Introduced in lesson 12.
    """
    return (~visible).float().unsqueeze(1) * NEVER


def writing_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the next token, `(N, V), (N,)` -> one number, in nats a token.

    SimBERT's sequence-to-sequence part. Introduced in lesson 12.
    """
    return cross_entropy(logits.float(), targets)


def finding_loss(vectors: Tensor, scale: float = 20.0) -> Tensor:
    """Which of the other vectors is my partner? -log softmax(scale cos)[partner], mean.

    `vectors: (2B, D)`, partners side by side: rows 0 and 1, 2 and 3 ... A vector is no candidate
    for itself. Raises ValueError for an odd number of rows or fewer than two pairs.
    SimBERT (kexue.fm 7427, scale 30) and RoFormer-Sim (`train/stage1.py`), whose scale of 20
    this is. Introduced in lesson 12.
    """
    rows = len(vectors)
    if rows % 2 or rows < 4:
        raise ValueError(f"Need two rows a pair and at least two pairs; got {rows} rows.")
    unit = normalize(vectors.float())
    itself = torch.eye(rows, dtype=torch.bool, device=vectors.device)
    scores = (scale * unit @ unit.T).masked_fill(itself, float("-inf"))
    return cross_entropy(scores, torch.arange(rows, device=vectors.device) ^ 1)


def likely_tokens(logits: Tensor, top_k: int, top_p: float) -> Tensor:
    """Logits with all but the likely next tokens at minus infinity, `(B, V) -> (B, V)`.

    Kept are at most `top_k` tokens, and of these, from the likeliest on, so many that their
    chances reach `top_p` (the first always). Holtzman et al. 2020 (nucleus sampling).
    Raises ValueError for a top_k below 1 or a top_p outside (0, 1]. Introduced in lesson 12.
    """
    if top_k < 1 or not 0 < top_p <= 1:
        raise ValueError("top_k must be at least 1, and top_p above 0 and at most 1.")
    best, tokens = logits.topk(min(top_k, logits.shape[-1]))
    chances = logits.softmax(-1).gather(-1, tokens)
    before = chances.cumsum(-1) - chances
    kept = best.masked_fill(before >= top_p, float("-inf"))
    return torch.full_like(logits, float("-inf")).scatter(-1, tokens, kept)


class Paraphraser(nn.Module):
    """A RoFormer with its output layer, which writes sentences and compares them.

    `forward(ids, segments, mask)`, each `(B, T)`, gives the token vectors `(B, T, D)` under the
    UniLM mask. Their [CLS] is the vector of the source alone. SimBERT and RoFormer-Sim
    (kexue.fm 8454). Introduced in lesson 12.
    """

    def __init__(self, model: RoFormerForMaskedLM, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer

    @classmethod
    def load(cls, path: str | Path) -> "Paraphraser":
        """Open a folder as `save` writes it; the errors are those of `SentenceEncoder.load`."""
        check_model_folder(Path(path))
        with well_formed(path):
            model = load_weights(RoFormerForMaskedLM, path)
            return cls(model, AutoTokenizer.from_pretrained(path)).eval()

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        bias = attention_bias(unilm_mask(segments, mask))
        return self.model.roformer(ids, bias, segments).last_hidden_state

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of every word piece as the next token: `(..., D) -> (..., V)`."""
        return self.model.cls(hidden)

    def batch(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`[CLS] source [SEP] target [SEP]` as ids, segments and mask, each `(B, T)`."""
        encoded = self.tokenizer(
            [*sources],
            [*targets],
            padding=True,
            truncation=True,
            max_length=LONGEST,
            return_tensors="pt",
            return_token_type_ids=True,
        )
        return encoded["input_ids"], encoded["token_type_ids"], encoded["attention_mask"]

    def losses(self, ids: Tensor, segments: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Both losses of a batch whose rows are a -> b, b -> a, c -> d, d -> c, ..."""
        hidden = self(ids, segments, mask)
        next_is_target = segments[:, 1:] == 1
        written = self.logits(hidden[:, :-1][next_is_target])
        return writing_loss(written, ids[:, 1:][next_is_target]), finding_loss(hidden[:, 0])

    @torch.inference_mode()
    def write(
        self,
        text: str,
        count: int = 5,
        *,
        top_k: int = 40,
        top_p: float = 0.9,
        temperature: float = 1.0,
        longest: int = 30,
        seed: int = 0,
    ) -> list[str]:
        """So many variants of a sentence, drawn one token after the other until [SEP].

        Low `temperature` keeps to likely tokens; `longest` counts the new tokens; the same seed
        gives the same sentences. Raises TypeError or ValueError for anything but one sentence, and
        ValueError for settings with which nothing can be drawn.
        """
        if len(checked_texts(text)) != 1 or not isinstance(text, str):
            raise TypeError("Give one sentence as a string.")
        if temperature <= 0:
            raise ValueError("temperature must be above 0; top_k=1 takes the likeliest token.")
        if count < 1 or not 1 <= longest <= LONGEST - 3:
            raise ValueError(f"Ask for 1 variant or more, of 1 to {LONGEST - 3} new tokens.")
        draw = torch.Generator().manual_seed(seed)
        source = self.tokenizer(text, truncation=True, max_length=LONGEST - longest)["input_ids"]
        ids = torch.tensor([source] * count)
        end, never = self.tokenizer.sep_token_id, self.never_written()
        with evaluating(self):
            for _ in range(longest):
                logits = self.next_token(ids, len(source)) / temperature
                logits[:, never] = float("-inf")
                chances = likely_tokens(logits, top_k, top_p).softmax(-1)
                token = torch.multinomial(chances, 1, generator=draw)
                done = (ids[:, len(source) :] == end).any(1, keepdim=True)
                ids = torch.cat([ids, token.where(~done, end)], dim=1)
                if (ids[:, len(source) :] == end).any(1).all():
                    break
        return self.tokenizer.batch_decode(ids[:, len(source) :], skip_special_tokens=True)

    def next_token(self, ids: Tensor, source_length: int) -> Tensor:
        """Logits of the token after `ids: (B, T)`, of which the first so many are the source."""
        segments = (torch.arange(ids.shape[1]) >= source_length).long().expand_as(ids)
        return self.logits(self(ids, segments, torch.ones_like(ids))[:, -1])

    def never_written(self) -> list[int]:
        """The special tokens, except [SEP], which ends a sentence."""
        return [i for i in self.tokenizer.all_special_ids if i != self.tokenizer.sep_token_id]

    def variants(self, text: str, count: int = 20, **settings: float) -> pd.DataFrame:
        """`write`, without copies and repeats, the nearest by the model's own cosine first.

        Columns `cosine` and `sentence`; `settings` are those of `write`.
        """
        written = [s for s in self.write(text, count, **settings) if s.strip()]
        different = [s for s in dict.fromkeys(written) if not same_words(s, text)]
        vectors = self.encoder().encode([text, *different])
        near = cosine(np.broadcast_to(vectors[:1], vectors[1:].shape), vectors[1:])
        table = pd.DataFrame({"cosine": near, "sentence": different})
        return table.sort_values("cosine", ascending=False, ignore_index=True)

    def encoder(self) -> SentenceEncoder:
        """The same weights as a sentence encoder: [CLS] of `[CLS] text [SEP]`."""
        return SentenceEncoder(self.model.roformer, self.tokenizer, "cls", LONGEST)


def same_words(text: str, other: str) -> bool:
    """Is one a copy of the other, but for capitals and punctuation?"""
    return words(text) == words(other)


def score_terms(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """The three parts of a head's score without bias: <u, w1>, <v, w2> and <|u - v|, w3>.

    `weight: (3D,)` for the features (u, v, |u - v|), `u, v: (N, D)` -> `(N, 3)`, whose row sums
    are the scores. RoFormer-Sim-FT (kexue.fm 8541). Introduced in lesson 12.
    """
    parts = zip((u, v, (u - v).abs()), weight.chunk(3), strict=True)
    return torch.stack([features @ w for features, w in parts], dim=1)


def from_bert(bert: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase) -> Paraphraser:
    """A RoFormer of the same shape with all of a BERT's weights but its position table."""
    shape = bert.config
    config = RoFormerConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        intermediate_size=shape.intermediate_size,
        max_position_embeddings=LONGEST,
        pad_token_id=shape.pad_token_id,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = RoFormerForMaskedLM(config)
    weights = {name.replace("bert.", "roformer.", 1) if name.startswith("bert.") else name: value
               for name, value in bert.state_dict().items()}  # fmt: skip
    weights.pop("roformer.embeddings.position_embeddings.weight")
    model.load_state_dict(weights, strict=False)
    return Paraphraser(model, tokenizer)


def mini_roformer_sim() -> Path:
    """The bundled model that writes and finds: data/mini-roformer-sim."""
    return DATA / "mini-roformer-sim"
