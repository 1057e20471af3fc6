"""The pre-training tools on tiny corpora: masking, rates, resuming, held-out lines, counts."""

import importlib.util
import itertools
import lzma
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file


def tool(name: str) -> ModuleType:
    """A module of tools/, which is not a package."""
    path = Path(__file__).parents[1] / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


corpus_tool, pretrain = tool("corpus"), tool("pretrain")
LINES = [
    f"{who} {what} {where}"
    for who, what, where in itertools.product(
        ["the dog", "a red cat", "one man", "my sister"],
        ["sleeps", "eats bread", "plays the guitar"],
        ["in the park", "at home", "near the old river", "today"],
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A packed corpus of three sources with a vocabulary of some 60 tokens."""
    folder = tmp_path_factory.mktemp("corpus")
    tokenizer = corpus_tool.learn_tokenizer(LINES, 120, folder)
    for seed, name in enumerate(pretrain.SHARES):
        order = np.random.default_rng(seed).permutation(LINES * 3)
        stream = corpus_tool.pack([*order], tokenizer)
        assert corpus_tool.save_shards(stream, folder, name) == 1
    size = tokenizer.get_vocab_size()
    vectors = np.random.default_rng(0).normal(size=(size, 32)).astype(np.float32)
    np.save(folder / "token-vectors.npy", vectors)
    return folder


def test_masking_shares():
    ids = torch.randint(5, 1000, (400, 500), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, 99] = pretrain.CLS, pretrain.SEP
    corrupted, chosen = pretrain.mask_tokens(ids, 1000, torch.Generator().manual_seed(0))
    free = (ids != pretrain.CLS) & (ids != pretrain.SEP)
    assert not chosen[~free].any() and torch.equal(corrupted[~chosen], ids[~chosen])
    assert chosen[free].float().mean().item() == pytest.approx(pretrain.MASK_RATE, abs=0.005)
    new, old = corrupted[chosen], ids[chosen]
    masked, same = new == pretrain.MASK, new == old
    assert masked.float().mean().item() == pytest.approx(0.8, abs=0.01)
    assert same.float().mean().item() == pytest.approx(0.1, abs=0.01)
    others = new[~masked & ~same]
    assert others.min() >= 5 and len(others.unique()) > 900


def test_rate_rises_then_falls_to_zero():
    rates = [pretrain.rate_at(step, 100, 0.3) for step in range(101)]
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert max(rates) == pytest.approx(0.3) and rates[100] == 0
    assert all(a > b for a, b in zip(rates[3:], rates[4:], strict=False))


def test_a_batch_is_a_function_of_its_step_alone(folder):
    corpus = pretrain.Corpus(folder, 128)
    whole = list(pretrain.batches(corpus, 60, 0, 8))
    later = list(pretrain.batches(pretrain.Corpus(folder, 128), 60, 5, 8))
    assert [batch[0] for batch in later] == [5, 6, 7]
    for one, two in zip(whole[5:], later, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one[1:], two[1:], strict=True))
    assert not torch.equal(whole[0][3], whole[1][3])


def test_rows_begin_with_cls_and_at_the_beginning_of_a_line(folder):
    corpus = pretrain.Corpus(folder, 256)
    tokenizer = pretrain.wordpiece(folder)
    for step in range(8):
        rows = corpus.rows(step)
        length = pretrain.ROW_LENGTHS[step % len(pretrain.ROW_LENGTHS)]
        assert rows.shape[1] == length and abs(rows.size - 256) <= 2 * length
        assert (rows[:, 0] == pretrain.CLS).all()
        for row in rows:
            end = row.tolist().index(pretrain.SEP)
            assert tokenizer.decode(row[1:end]) in LINES


def run(folder: Path, out: Path, monkeypatch, *extra: str) -> None:
    arguments = ["--corpus", folder, "--out", out, "--steps", 6, "--tokens", 256, "--layers", 1]
    monkeypatch.setattr(sys, "argv", ["pretrain.py", *map(str, arguments), *extra])
    pretrain.main()


def test_killed_and_resumed_equals_uninterrupted(folder, tmp_path, monkeypatch):
    run(folder, tmp_path / "whole", monkeypatch)
    run(folder, tmp_path / "parts", monkeypatch, "--stop", "3")
    real = pretrain.rate_at

    def kill(step, *others):
        if step == 4:
            raise KeyboardInterrupt
        return real(step, *others)

    monkeypatch.setattr(pretrain, "rate_at", kill)
    with pytest.raises(SystemExit, match="Stopped: the same command goes on from the last"):
        run(folder, tmp_path / "parts", monkeypatch)
    monkeypatch.setattr(pretrain, "rate_at", real)
    run(folder, tmp_path / "parts", monkeypatch)
    torch.set_flush_denormal(False)
    one, two = (pd.read_csv(tmp_path / name / "log.csv") for name in ("whole", "parts"))
    assert one["step"].tolist() == [6] and two["step"].tolist() == [3, 6]
    assert two["loss"].mean() == pytest.approx(one["loss"][0], abs=2e-4)
    whole, parts = (
        load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts")
    )
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("other", [("--steps", "9"), ("--tokens", "128"), ("--rate", "1e-3")])
def test_a_checkpoint_of_another_run_is_refused(folder, tmp_path, monkeypatch, other):
    run(folder, tmp_path, monkeypatch, "--stop", "1")
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ValueError, match="another run .6 steps of 256 tokens, rate 0.003; this"):
        run(folder, tmp_path, monkeypatch, *other)
    torch.set_flush_denormal(False)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_missing_corpus_is_one_clear_sentence(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no sentences-000.npy in .*: run tools/corpus.py"):
        run(tmp_path, tmp_path / "out", monkeypatch)
    torch.set_flush_denormal(False)


def test_a_place_that_takes_no_checkpoint_is_found_out_before_the_first_step(
    folder, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(pretrain, "update", None)
    with pytest.raises(OSError, match="Cannot write to .*file.*: choose a folder"):
        run(folder, tmp_path / "file" / "out", monkeypatch)
    torch.set_flush_denormal(False)


def test_the_exported_model_opens_as_an_encoder(folder, tmp_path, monkeypatch):
    from sbert_lessons.encoder import SentenceEncoder

    run(folder, tmp_path, monkeypatch, "--stop", "1")
    torch.set_flush_denormal(False)
    encoder = SentenceEncoder.load(tmp_path / "model")
    assert encoder.encode(LINES[:3]).shape == (3, 32)
    assert encoder.tokens("The DOG")[0] == "[CLS]"
    assert encoder.backbone.config.hidden_dropout_prob == 0.1


def test_held_out_sentences_are_found_whole_and_inside():
    held_out = corpus_tool.HeldOut(["A monk is tuning a zither.", "Two dogs", "The end"])
    for line in (
        "a monk is tuning a zither",
        "Look: a monk is tuning a zither, she said.",
        "A man is. A monk is tuning a zither!",
        "two DOGS.",
    ):
        assert held_out.inside(line), line
    for line in (
        "a monk is tuning a lute",
        "a monk is tuning",
        "two dogs run",  # shorter than four words: only whole lines count
        "",
    ):
        assert not held_out.inside(line), line


@pytest.fixture
def source(tmp_path):
    """A tiny folder of sources with one sentence to hold out."""
    for name in ("sts/stsb", "nli", "text"):
        (tmp_path / name).mkdir(parents=True)
    held_out = "A monk is tuning a zither."
    sts = f"sentence1\tsentence2\tscore\n{held_out}\tNo.\t1\n"
    (tmp_path / "sts" / "stsb" / "dev.tsv").write_text(sts)
    rows = [
        ("entailment", "A dog runs fast.", "An animal moves."),
        ("neutral", "A dog runs fast.", "It is late."),
        ("-", "A cat eats.", "A pet eats."),
        ("neutral", "A cat eats.", ""),
        ("neutral", held_out, "It is late."),
        ("contradiction", "It is late.", "So a monk is tuning a zither here."),
    ]
    table = "label\tpremise\thypothesis\n" + "".join("\t".join(row) + "\n" for row in rows)
    for name in corpus_tool.NLI_FILES:
        with lzma.open(tmp_path / "nli" / f"{name}.tsv.xz", "wt", encoding="utf8") as file:
            file.write(table)
    (tmp_path / "text" / "coco_val2017.tsv").write_text("caption\nA red bus.\nA cat eats.\n")
    for name in ("wikipedia_en", "classic_books"):
        with lzma.open(tmp_path / "text" / f"{name}.txt.xz", "wt", encoding="utf8") as file:
            file.write(f"A line of text, long enough.\n\nHere {held_out.lower()}\n")
    return tmp_path


def test_clean_pairs_have_a_label_and_no_held_out_sentence(source, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "tools")
    pairs, counts = tool("train_sbert").clean_pairs(source)
    found = {tuple(row) for row in pairs[["label", "hypothesis"]].values}
    assert found == {("entailment", "An animal moves."), ("neutral", "It is late.")}
    assert len(pairs) == 2  # the same pair in a second source counts once
    assert counts == {name: {"pairs": 6, "dropped": 4} for name in corpus_tool.NLI_FILES}


def test_sources_are_cleaned_counted_and_shuffled_alike(source):
    kept, counts = corpus_tool.cleaned_sources(source)
    assert kept["wikipedia"] == kept["books"] == ["A line of text, long enough."]
    assert counts["books"] == {"lines": 2, "dropped": 1}
    assert {"A red bus.", "A cat eats.", "It is late."} <= set(kept["sentences"])
    assert not any("tuning" in line for line in kept["sentences"])
    assert corpus_tool.cleaned_sources(source) == (kept, counts)


def test_cooccurrences_by_hand():
    counts = corpus_tool.cooccurrences([np.array([5, 6, 7, 5], dtype=np.uint16)], 8, window=2)
    expected = np.zeros((8, 8))
    expected[5, 6] = expected[6, 7] = expected[7, 5] = 1
    expected[5, 7] += 0.5
    expected[6, 5] += 0.5
    np.testing.assert_allclose(counts, expected + expected.T)


def test_ppmi_embeddings_equal_brute_force():
    rng, size = np.random.default_rng(0), 12
    counts = rng.poisson(1.0, (size, size)).astype(np.float32)
    counts += counts.T
    inner = counts.copy()
    inner[:5] = inner[:, :5] = 0
    word = inner.sum(1)
    share = word**0.75 / (word**0.75).sum()
    matrix = np.zeros((size, size))
    for w, c in zip(*np.nonzero(inner), strict=True):
        matrix[w, c] = max(0.0, np.log(inner[w, c] / word[w] / share[c]))
    u, s, _ = np.linalg.svd(matrix)
    vectors = corpus_tool.ppmi_embeddings(counts, 3)
    expected = (u[:, :3] * s[:3]) @ u[:, :3].T
    assert vectors.shape == (size, 3)
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-4)
    assert (vectors[:5].round(6) == 0).all()
