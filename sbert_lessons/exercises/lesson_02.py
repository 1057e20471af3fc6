"""Lesson 02: exercises, predictions and claims."""

from functools import cache

import numpy as np
import torch

from .. import pooling
from ..data import load_sts
from ..encoder import SentenceEncoder, mini_bert
from ..evaluation import cosine, spearman
from ..results import lead
from .judging import compare
from .model import Claim, Prediction, exercise


@exercise("02.1", "MEAN and MAX by hand", kind="hand", minutes=4, level=1, hints=(
    "How many tokens are real? Padding takes part in nothing.",
    "MEAN: add the two real vectors, divide by 2. MAX: the larger number in each dimension.",
))  # fmt: skip
def by_hand(answer):
    mean, largest = answer
    return compare(mean, [3, -3], otherwise="MEAN: add the two tokens, divide by 2.", mistakes={
        "MEAN: you counted the padding as a token.": [13 / 3, 1 / 3],
        "MEAN: the sum is right, but you divided by 3 places, not by 2 tokens.": [2, -2],
        "MEAN: that is the sum; divide it by the number of real tokens.": [6, -6],
    }) or compare(largest, [4, -1], otherwise="MAX: look at each dimension by itself.", mistakes={
        "MAX: the padding has won; it must not take part.": [7, 7],
        "MAX: 0 is not a value of any token; -1 is larger than -5.": [4, 0],
        "MAX: you took the largest number in size; -1 is larger than -5.": [4, -5],
    })  # fmt: skip


@exercise("02.2", "MAX with a mask", kind="code", minutes=7, level=2, hints=(
    "Padding must lose against every real value, also against -5. Which number always loses?",
    "`mask.unsqueeze(-1)` has shape (B, T, 1). `h.masked_fill(where, value)` gives a new tensor.",
    "`amax(1)` is the largest value along the token axis.",
))  # fmt: skip
def masked_max(answer):
    h, mask = ragged_batch()
    before, m = h.clone(), mask.unsqueeze(-1)
    rows = torch.arange(len(h))
    said = compare(
        answer(h, mask),
        pooling.maximum(before, mask),
        mistakes={
            "The padding can win: where the mask is 0, no value may count.": before.amax(1),
            "Padding became 0; 0 wins where all real values are negative.": (before * m).amax(1),
            "You took one whole token; MAX chooses anew in each dimension.": before[
                rows, (before.norm(dim=-1) * mask).argmax(1)
            ],
            "That is the largest in size; MAX keeps the sign.": (before * m).abs().amax(1),
            "You took the maximum over dimensions; the token axis is axis 1.": before.amax(2),
            "`max(1)` gives the values and their places: keep `.values`, or use `amax(1)`.": (
                torch.stack(before.masked_fill(m == 0, -torch.inf).max(1))
            ),
        },
        otherwise="Fill the padding with minus infinity, then take the maximum over axis 1.",
    )
    if said is None and not torch.equal(h, before):
        return "Right vectors, but you wrote into h: use masked_fill, without the _ at its end."
    return said


@exercise("02.3", "Four suspects", kind="bug", minutes=8, level=2, hints=(
    "A always reads place 0. When is place 0 not a real token?",
    "B gives the right direction. Which of the similarities sees more than the direction?",
    "A function whose name ends in _ changes its tensor in place.",
))  # fmt: skip
def four_suspects(answer):
    known = {
        "A": ("left padding", "A: h[:, 0] is the first place; when is it not the first token?"),
        "B": ("dot product", "B: dividing by T instead of n changes only one thing: which?"),
        "C": ("negative values", "C: padding becomes 0; against which values does 0 win?"),
        "D": ("next reader of h", "D: the pooled vector is right; look at h after the call."),
    }
    if not isinstance(answer, dict) or set(answer) != set(known):
        return "Give a dictionary with the four letters A, B, C and D."
    words = [word for word, _ in known.values()]
    if strange := [letter for letter in known if answer[letter] not in words]:
        return f"{strange[0]}: write one of {', '.join(map(repr, sorted(words)))}."
    wrong = [why for letter, (right, why) in known.items() if answer[letter] != right]
    return wrong[0] if wrong else None


@exercise("02.4", "Does MEAN need [CLS] and [SEP]?", kind="experiment", minutes=10, level=3, hints=(
    "Begin with `states, mask = raw.hidden_states([*dev['sentence1'], *dev['sentence2']])`.",
    "The last real token of row i is at place `mask[i].sum() - 1`.",
    "`score(pooling.mean(states[-1], inner), dev)` minus the same with `mask`.",
))  # fmt: skip
def inner_tokens(answer):
    full, inner, no_cls, no_sep = scores_of_masks()
    return compare(
        answer,
        inner - full,
        tolerance=0.02,
        mistakes={
            "The sign is turned: gain is the score without, minus the score with.": full - inner,
            "You left out [CLS] only; [SEP] is each row's last real token, not the last place.": (
                no_cls - full
            ),
            "You left out [SEP] only; [CLS] is at place 0.": no_sep - full,
            "That is the score without them; subtract the score with them.": inner,
        },
        otherwise="Last layer of the raw model, MEAN, dev pairs, Spearman x 100: a difference.",
    )


@exercise("02.5", "CLS on either side", kind="code", minutes=6, level=2, core=False, hints=(
    "With the mask 0, 0, 1, 1 the first real token is at place 2.",
    "`argmax(1)` gives the first place that holds the largest value.",
    "`h[torch.arange(len(h)), places]` takes one token from each row.",
))  # fmt: skip
def first_on_either_side(answer):
    h, mask = ragged_batch()
    rows, n = torch.arange(len(h)), mask.sum(1)
    return compare(
        answer(h, mask),
        pooling.cls(h, mask),
        mistakes={
            "With padding on the left, place 0 is padding.": h[:, 0],
            "That is right for padding on the left only.": h[rows, h.shape[1] - n],
            "That is the last real token.": pooling.last(h, mask),
            "That is one place too late.": h[rows, (mask.argmax(1) + 1) % h.shape[1]],
        },
        otherwise="Find the first place in each row where the mask is 1, and take that token.",
    )


def ragged_batch():
    """Three sentences `(3, 5, 4)`: no padding, padding right, padding left."""
    h = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(2))
    h[:, :, 0] = -h[:, :, 0].abs() - 0.1
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    h[mask == 0] = h[mask == 0].abs() + 3
    return h, mask


@cache
def scores_of_masks():
    """STS dev scores of the raw model's MEAN: all tokens, inner ones, no [CLS], no [SEP]."""
    dev = load_sts("dev")
    states, mask = SentenceEncoder.load(mini_bert()).hidden_states(
        [*dev["sentence1"], *dev["sentence2"]]
    )
    place = torch.arange(mask.shape[1])
    cls, sep = place == 0, place == mask.sum(1, keepdim=True) - 1
    masks = [mask, mask * ~(cls | sep), mask * ~cls, mask * ~sep]
    pooled = [np.split(pooling.mean(states[-1], m).numpy(), 2) for m in masks]
    return [spearman(cosine(u, v), dev["score"]) for u, v in pooled]


PREDICTIONS = (
    Prediction(
        "02.1",
        "Under MAX, most dimensions come from",
        ("a special token", "a content word", "a small word or the full stop"),
    ),
    Prediction(
        "02.2",
        "29 places of padding turn an unmasked MEAN to a cosine",
        ("above 0.95", "0.8 to 0.95", "below 0.8"),
    ),
    Prediction("02.3", "If MEAN divides by T, its STS score", ("rises", "falls", "stays")),
    Prediction(
        "02.4", "MEAN of the raw model is best on", ("the first", "one in the middle", "the last")
    ),
    Prediction(
        "02.5",
        "From layer 0 to the last layer, the average cosine of unrelated sentences",
        ("rises", "falls", "stays"),
    ),
    Prediction(
        "02.6",
        "Under the dot product the higher score has",
        ("mean", "mean_sqrt_len", "about the same"),
    ),
)

CLAIMS = (
    Claim(
        "02.A",
        "In a raw BERT, MEAN makes better sentence vectors than CLS",
        "Reimers & Gurevych 2019, Table 1",
        paper="46.35 against 16.50 on STS-B; 54.81 against 29.19 over seven sets (Table 1)",
        recorded=lambda: lead("raw", "mean", "cls", "stsb_test"),
    ),
    Claim(
        "02.B",
        "After NLI training MEAN is ahead of MAX",
        "Reimers & Gurevych 2019, Table 6",
        paper="80.78 against 79.07 (Table 6)",
        recorded=lambda: lead("table6", "NLI, mean", "NLI, max"),
    ),
    Claim(
        "02.C",
        "Padding in the MEAN costs points",
        "BERT-whitening-pytorch, issue 13",
        paper=".5412 on STS12 with and without it, from layer 0 (issue 13)",
    ),
    Claim(
        "02.D",
        "Padding in the MAX costs points",
        "sentence-transformers, first public commit against v0.2.0",
    ),
    Claim(
        "02.E",
        "The average of the first and the last layer beats the last layer",
        "Li et al. 2020, Tables 2 and 5",
        paper="59.04 against 47.29 on STS-B (Tables 2 and 5)",
    ),
    Claim(
        "02.F",
        "Two unrelated sentences have a cosine far above 0",
        "after Ethayarajh 2019, who measured word vectors",
        paper="reported by a translation: about 0.6 for words in middle layers of GPT-2",
    ),
    Claim(
        "02.G",
        "Under cosine, mean_sqrt_len and mean are the same",
        "lesson 02, section Length",
        kind="definition",
    ),
    Claim(
        "02.H",
        "The averaged BERT of the paper's Table 1 is the mean of the last layer but one",
        "sentence-transformers, issue 621; Li et al. 2020",
        kind="literature",
        paper="46.35 (SBERT, Table 1); the last layer gives 47.29 (Li et al., Table 5)",
    ),
)
