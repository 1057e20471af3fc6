"""Tokenising, padding, batching and reading files."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sbert_lessons import data
from sbert_lessons.data import (
    TokenStore,
    encoding_batches,
    length_sorted_batches,
    load_nli,
    load_sts,
    read_tsv,
    shuffled_batches,
    tokenize,
    words,
)

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=300).map(np.array)


def test_batch_by_hand():
    store = TokenStore(np.array([2, 7, 3, 2, 3, 2, 8, 9, 3]), np.array([0, 3, 5, 9]), pad_id=0)
    ids, mask = store.batch(np.array([1, 2]))
    assert ids.tolist() == [[2, 3, 0, 0], [2, 8, 9, 3]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert ids.dtype == mask.dtype == torch.int64
    assert len(store) == 3 and store.lengths.tolist() == [3, 2, 4]


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=12), min_size=1), st.data())
@settings(deadline=None)
def test_a_batch_holds_exactly_the_ids_of_its_texts(texts, draw):
    flat = np.array([i for text in texts for i in text])
    starts = np.cumsum([0, *map(len, texts)])
    rows = draw.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=9))
    ids, mask = TokenStore(flat, starts, pad_id=0).batch(np.array(rows))
    assert [x[m == 1].tolist() for x, m in zip(ids, mask, strict=True)] == [texts[r] for r in rows]
    assert (ids[mask == 0] == 0).all()
    assert ids.shape == mask.shape == (len(rows), max(len(texts[r]) for r in rows))


def test_ids_equal_those_of_the_tokenizer_alone(tiny_encoder):
    texts = ["A man plays.", "unheard-of words, 42!", "dog"]
    store = tokenize(texts, tiny_encoder.tokenizer, 64)
    rows = [store.ids[a:b].tolist() for a, b in zip(store.starts, store.starts[1:], strict=False)]
    assert rows == tiny_encoder.tokenizer(texts)["input_ids"]


@pytest.mark.parametrize("texts", [(), [], pd.Series([], dtype=str)])
def test_no_text_gives_an_empty_store(tiny_encoder, texts):
    store = tokenize(texts, tiny_encoder.tokenizer, 64)
    assert len(store) == 0 and store.ids.dtype == np.int32


def test_a_column_whose_index_starts_elsewhere(tiny_encoder):
    column = pd.Series(["a dog", "cat " * 99], index=[7, 9])
    with pytest.warns(UserWarning, match="1 text"):
        assert len(tokenize(column, tiny_encoder.tokenizer, 16)) == 2


def test_long_texts_are_cut_with_a_warning_that_shows_where(tiny_encoder):
    texts = ["dog", "the man runs in the red park", "cat cat cat cat cat"]
    with pytest.warns(UserWarning) as caught:
        store = tokenize(texts, tiny_encoder.tokenizer, 6)
    message = str(caught[0].message)
    assert "2 text(s) longer than 6 tokens were cut" in message
    assert "'... the man runs in'" in message and "raise max_length" in message
    assert store.lengths.tolist() == [3, 6, 6]
    assert store.ids[store.starts[2] - 1] == tiny_encoder.tokenizer.sep_token_id


def test_a_text_of_exactly_the_limit_gives_no_warning(tiny_encoder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tokenize(["the man runs in"], tiny_encoder.tokenizer, 6).lengths.tolist() == [6]


@pytest.mark.parametrize(
    "texts, kind, message",
    [
        ([""], ValueError, "Text 0 is empty"),
        (["dog", " \t\n"], ValueError, "Text 1 is empty"),
        (["dog", "caf\udce9"], ValueError, "Text 1 holds half a character"),
        (["dog", None], TypeError, "Text 1 is a NoneType, not a string"),
        ([3.5], TypeError, "Text 0 is a float, not a string"),
        ([["dog"], ["cat"]], TypeError, "Text 0 is a list, not a string: pass a flat list"),
        (None, TypeError, "NoneType, not a string or a list of strings"),
        (7, TypeError, "int, not a string or a list of strings"),
        (b"dog", TypeError, "bytes, not a string or a list of strings"),
        ({"a": "dog"}, TypeError, "dict, not a string or a list of strings"),
        ({"dog", "cat"}, TypeError, "set, not a string or a list of strings"),
        (frozenset(["dog"]), TypeError, "frozenset, not a string or a list of strings"),
        (pd.DataFrame({"a": ["dog"]}), TypeError, "DataFrame, not a string or a list of strings"),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence(tiny_encoder, texts, kind, message):
    with pytest.raises(kind, match=message) as caught:
        tokenize(texts, tiny_encoder.tokenizer, 64)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_limit_that_leaves_no_token_is_refused(tiny_encoder, limit):
    with pytest.raises(ValueError, match=f"max_length is {limit}: .* need 3 at least"):
        tokenize(["dog"], tiny_encoder.tokenizer, limit)


def check_every_row_once(batches: list[np.ndarray], lengths: np.ndarray, batch_size: int) -> None:
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) <= batch_size for batch in batches)


def check_few_batches(batches: list[np.ndarray], lengths: np.ndarray, batch_size: int) -> None:
    assert len(batches) <= -(-len(lengths) // batch_size) + len(lengths) // (50 * batch_size)


@given(LENGTHS, st.integers(1, 40))
@settings(deadline=None)
def test_sorted_batches_hold_every_row_once_longest_first(lengths, batch_size):
    batches = length_sorted_batches(lengths, batch_size)
    check_every_row_once(batches, lengths, batch_size)
    check_few_batches(batches, lengths, batch_size)
    assert (np.diff(lengths[np.concatenate(batches)]) <= 0).all()


@given(LENGTHS, st.integers(1, 40))
@settings(deadline=None)
def test_no_batch_of_encode_has_more_tokens_than_one_of_the_shortest_quarter(lengths, batch_size):
    batches = encoding_batches(lengths, batch_size)
    check_every_row_once(batches, lengths, batch_size)
    tokens = [len(rows) * lengths[rows].max() for rows in batches]
    assert tokens == sorted(tokens, reverse=True)
    limit = batch_size * sorted(lengths)[len(lengths) // 4]
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= limit


def test_batches_of_encode_by_hand():
    lengths = np.array([4, 30, 5, 9, 5, 12, 4, 20])  # the shortest quarter: 4, 4 and 5 tokens
    batches = encoding_batches(lengths, 4)  # 20 tokens at most, or one text
    assert [rows.tolist() for rows in batches] == [[1], [7], [3, 2], [4, 0, 6], [5]]
    assert encoding_batches(np.array([], dtype=int), 4) == []


@given(LENGTHS, st.integers(1, 40), st.integers(0, 99))
@settings(deadline=None)
def test_shuffled_batches_hold_every_row_once_and_depend_on_the_seed_alone(lengths, size, seed):
    batches = list(shuffled_batches(lengths, size, np.random.default_rng(seed)))
    check_every_row_once(batches, lengths, size)
    check_few_batches(batches, lengths, size)
    again = shuffled_batches(lengths, size, np.random.default_rng(seed))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=60), st.integers(0, 99))
@settings(deadline=None)
def test_shuffled_batches_keep_groups_of_rows_next_to_each_other(sizes, seed):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    lengths = rng.integers(3, 9, len(sizes))[groups]
    batches = list(shuffled_batches(lengths, 8, rng, groups))  # at most 360 rows: one pool
    check_every_row_once(batches, lengths, 8)
    held = sum(len(np.unique(groups[rows])) for rows in batches)
    assert held <= len(sizes) + len(batches) - 1  # cut at the edges of batches alone


def test_shuffled_batches_are_of_like_length_but_in_random_order():
    lengths = np.random.default_rng(0).integers(3, 60, 1600)
    batches = list(shuffled_batches(lengths, 16, np.random.default_rng(1)))
    spread = np.mean([np.ptp(lengths[b]) for b in batches])
    assert spread < 0.1 * np.ptp(lengths)
    longest = [lengths[b].max() for b in batches]
    assert longest != sorted(longest, reverse=True)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_below_one_is_refused(size):
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        length_sorted_batches(np.array([3, 4]), size)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        encoding_batches(np.array([3, 4]), size)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        list(shuffled_batches(np.array([3, 4]), size, np.random.default_rng(0)))


def test_words():
    assert words("It's 2 o'clock -- GO!") == ["it", "s", "2", "o", "clock", "go"]


def test_tsv_keeps_quotes_and_the_word_null(tmp_path):
    (tmp_path / "x.tsv").write_text('a\tb\n"half\tnull\nNA\t1.5\n', encoding="utf8")
    table = read_tsv(tmp_path / "x.tsv")
    assert table.values.tolist() == [['"half', "null"], ["NA", "1.5"]]


def test_a_missing_table_says_how_to_restore_it(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="dev.tsv is missing: .*checkout -- data`"):
        load_sts("dev")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """`own(kind, content)`: what `load_sts` or `load_nli` makes of a reader's own train.tsv."""
    monkeypatch.setattr(data, "DATA", tmp_path)

    def load(kind: str, content: bytes) -> pd.DataFrame:
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "train.tsv").write_bytes(content)
        return {"sts": load_sts, "nli": load_nli}[kind]("train")

    return load


STS, NLI = b"score\tsentence1\tsentence2\n", b"label\tpremise\thypothesis\n"


@pytest.mark.parametrize(
    "kind, content, message",
    [
        ("nli", NLI + b"entails\tA\tB\n", "label 'entails': it must be one of entailment"),
        ("nli", b"<<<<<<< HEAD\n" + NLI, "no column hypothesis, label, premise: mend"),
        ("nli", NLI + b"neutral\tA\tB\n<<<<<<< HEAD\n", "has the label '<<<<<<< HEAD'"),
        ("nli", b"version https://git-lfs\nsize 7\n", "no column hypothesis, label, premise: mend"),
        ("sts", STS + b"x\tA\tB\n", "score 'x': it must be a number from 0 to 5"),
        ("sts", STS + b"3\tA\tB\n=======\n", "has the score '======='"),
        ("sts", b"score\tsentence1\n1\tA\n", "no column sentence2: mend its first line, or rest"),
        ("sts", b"", "train.tsv cannot be read .* or restore it with `git checkout -- data`"),
        ("sts", STS + b"1\tcaf\xe9\tB\n", "train.tsv cannot be read .*: it must be a UTF-8 table"),
    ],
)
def test_a_broken_table_of_the_reader_is_named_in_one_sentence(own, kind, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        own(kind, content)
    assert "\n" not in str(caught.value) and f"{kind}/train.tsv" in str(caught.value)


def test_further_columns_of_a_table_stay_and_incomplete_rows_go(own):
    rows = b"neutral\t7\tA\t5\tpets\n-\t7\tA\t6\tpets\nneutral\t\tA\t6\tpets\n"
    table = own("nli", b"label\tpremise\thypothesis\tgroup\tgenre\n" + rows)
    assert table.to_dict("list") == {
        "label": [1], "premise": ["7"], "hypothesis": ["A"], "group": [5], "genre": ["pets"]
    }  # fmt: skip
    assert table.dtypes.astype(str).tolist() == ["int64", "str", "str", "int64", "str"]


def test_an_unknown_split_is_named():
    with pytest.raises(ValueError, match="no split 'val' of sts: choose from train, dev, test"):
        load_sts("val")


def test_many_texts_are_tokenised_in_pieces_without_a_seam(tiny_encoder, monkeypatch):
    texts = ["a dog", "the dog sleeps", "a cat and a dog", "sleeps", "the cat"]
    whole = tiny_encoder.tokenize(texts)
    monkeypatch.setattr(data, "AT_ONCE", 2)
    pieces = tiny_encoder.tokenize(texts)
    assert pieces.ids.tolist() == whole.ids.tolist()
    assert pieces.starts.tolist() == whole.starts.tolist()
