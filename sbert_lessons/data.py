"""Texts, token ids and labelled pairs: everything that happens before a model sees a sentence."""

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from sbert_lessons.files import ROOT
from sbert_lessons.real import (  # noqa: F401 -- lessons take NLI_LABELS and read_tsv from here
    NLI_LABELS,
    Source,
    check_choice,
    load_real,
    read_file,
    read_tsv,
    typed,
)

DATA = Path(os.environ.get("SBERT_LESSONS_DATA", ROOT / "data"))
RESTORE = "restore it with `git checkout -- data`"
AT_ONCE = 128  # texts that are tokenised together: more take memory and save no time
POOL = 50  # batches: so many rows are sorted by length at once in training


@dataclass(frozen=True)
class TokenStore:
    """Token ids of N texts in one flat array, so that a batch costs one masked assignment.

    `ids[starts[i]:starts[i + 1]]` are the ids of text i, special tokens included.
    Introduced in lesson 02.
    """

    ids: np.ndarray
    starts: np.ndarray
    pad_id: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text, `(N,)`."""
        return np.diff(self.starts)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Padded `input_ids` and `attention_mask`, both `(B, T)`, for the texts in `rows`.

        ValueError for no rows.
        """
        if not len(rows):
            raise ValueError("There is no text: give at least one.")
        lengths = self.starts[rows + 1] - self.starts[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        where = self.starts[rows][:, None] + np.arange(mask.shape[1])
        ids = np.full(mask.shape, self.pad_id, dtype=np.int64)
        ids[mask] = self.ids[where[mask]]
        return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))


def checked_texts(texts: str | Sequence[str]) -> list[str]:
    """One string or many as a list; one clear sentence for anything but non-empty strings."""
    unordered = isinstance(texts, bytes | dict | set | frozenset | pd.DataFrame)
    if unordered or not isinstance(texts, Iterable):
        raise TypeError(f"Got a {type(texts).__name__}, not a string or a list of strings.")
    texts = [texts] if isinstance(texts, str) else list(texts)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise TypeError(f"Text {i} is a {kind}, not a string: pass a flat list of strings.")
        if not text.strip():
            raise ValueError(f"Text {i} is empty: leave it out, or give it at least one word.")
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValueError(f"Text {i} holds half a character: read its file again, as UTF-8.")
    return texts


def tokenize(
    texts: str | Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> TokenStore:
    """Turn texts into a `TokenStore`; texts over `max_length` tokens are cut, with a warning.

    Raises TypeError for anything but strings, and ValueError for an empty text or a `max_length`
    that leaves no room for a token.
    Introduced in lesson 02.
    """
    texts = checked_texts(texts)
    if max_length < 3:
        raise ValueError(f"max_length is {max_length}: [CLS], [SEP] and one token need 3 at least.")
    rows = [
        np.array(ids, dtype=np.int32)
        for some in chunks(texts, AT_ONCE)
        for ids in tokenizer(
            some,
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
    ]
    lengths = np.array([len(ids) for ids in rows], dtype=np.int64)
    warn_of_cuts([texts[i] for i in np.flatnonzero(lengths >= max_length)], tokenizer, max_length)
    flat = np.concatenate(rows) if rows else np.empty(0, dtype=np.int32)
    return TokenStore(flat, np.concatenate([[0], lengths.cumsum()]), tokenizer.pad_token_id)


def warn_of_cuts(full: list[str], tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """Say how many texts were cut, and where the first one stops."""
    if not full:
        return
    encoded = tokenizer(full, return_offsets_mapping=True, verbose=False)
    cut = [i for i, ids in enumerate(encoded["input_ids"]) if len(ids) > max_length]
    if cut:
        first = full[cut[0]]
        end = encoded["offset_mapping"][cut[0]][max_length - 2][1]
        warnings.warn(
            f"{len(cut)} text(s) longer than {max_length} tokens were cut; the first is read only "
            f"up to '... {first[max(0, end - 30) : end]}'. Split long texts, or raise max_length.",
            stacklevel=4,
        )


def check_size(size: int) -> None:
    """ValueError for a batch size below 1."""
    if size < 1:
        raise ValueError("batch_size must be at least 1.")


def chunks(rows: list | np.ndarray, size: int) -> list:
    """The rows in their order, in pieces of at most `size`; ValueError for a size below 1."""
    check_size(size)
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def length_sorted_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Rows from longest to shortest in batches of like length, so that little is padding.

    SBERT, section 7, calls this smart batching. Introduced in lesson 02.
    """
    return chunks(np.argsort(-lengths, kind="stable"), batch_size)


def encoding_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Rows in batches of like length, those with most tokens first, for `encode`.

    The shortest quarter of the texts goes in batches of `batch_size`. No batch has more tokens
    than the largest of these, so one of longer texts has fewer rows: two batches in work at once
    need no more memory than one batch of `batch_size` long texts. Introduced in lesson 02.
    """
    check_size(batch_size)
    order = np.argsort(-lengths, kind="stable")
    shortest = order[-(len(order) // 4 + 1) :]
    tokens = batch_size * lengths[shortest].max(initial=1)
    batches = []
    while len(order):
        rows = min(batch_size, max(1, tokens // lengths[order[0]]))
        batches.append(order[:rows])
        order = order[rows:]
    return sorted(batches, key=lambda rows: -len(rows) * lengths[rows[0]])


def shuffled_batches(
    lengths: np.ndarray,
    batch_size: int,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Random batches of like length: shuffle, sort within pools of 50 batches, shuffle them.

    Rows with the same number in `groups`, from 0 to N - 1, and of the same length stay together.
    Introduced in lesson 03.
    """
    turn = np.argsort(rng.permutation(len(lengths)))  # of each group
    order = np.argsort(turn if groups is None else turn[groups], kind="stable")
    pools = chunks(order, POOL * batch_size)
    batches = [p[b] for p in pools for b in length_sorted_batches(lengths[p], batch_size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text, in order."""
    return re.findall(r"[a-z0-9]+", text.lower())


def load_sts(split: str = "test", name: str = "bundled") -> pd.DataFrame:
    """Graded pairs: columns `score`, `sentence1`, `sentence2`; one split of one set.

    `split` is "train", "dev" or "test". `name` is "bundled" (also `genre`; see data/sts/README.md)
    or a real set: "stsb", "sick", or "sts12" to "sts16", which have only "test". Scores go from 0
    to 5, those of SICK from 1 to 5. SICK is the edition of 4,439, 495 and 4,906 pairs; SemEval
    2014 used 4,500, 500 and 4,927. The hub does not say of which subset a pair of STS12-16 is: a
    file of your own may, in a column `subset`. See `real.load_real` for where real sets come from.
    Introduced in lesson 01.
    """
    if name == "bundled":
        return load_bundled("sts", split)
    return load_real("sts", name, split)


def load_nli(split: str = "train", name: str = "bundled") -> pd.DataFrame:
    """NLI pairs: columns `label`, `premise`, `hypothesis`; one split of one set.

    `label` is 0 (entailment), 1 (neutral) or 2 (contradiction); `split`: "train", "dev", "test".
    `name` is "bundled" (also `genre`, `group`; see data/nli/README.md) or a real set: "snli",
    "multinli" (its dev is the matched set, its test the mismatched one, because the labels of its
    own test are secret), or "all-nli", which is both together. See `real.load_real` for where real
    sets come from. Introduced in lesson 03.
    """
    if name == "bundled":
        return load_bundled("nli", split)
    return load_real("nli", name, split)


def load_bundled(kind: str, split: str) -> pd.DataFrame:
    """One split of a bundled set, or of the reader's own in its place; all columns stay.

    Rows without a gold label or without a text are left out. Raises ValueError for an unknown split
    and for a broken file, FileNotFoundError for a missing one.
    """
    check_choice(split, ("train", "dev", "test"), f"split '{split}' of {kind}")
    path = DATA / kind / f"{split}.tsv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: {RESTORE}, or check SBERT_LESSONS_DATA.")
    source = Source(kind, "", {}, again=RESTORE)
    return typed(read_file(path, source), source, str(path))
