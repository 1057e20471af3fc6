"""InferSent's encoder against an LSTM by hand, and its schedule against the rates by hand."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_tokenizer

from sbert_lessons import bilstm
from sbert_lessons.bilstm import BiLSTMEncoder, mini_infersent, train_infersent, word_vectors
from sbert_lessons.data import DATA, load_sts
from sbert_lessons.evaluation import encode_pairs, sts_score
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import SoftmaxLoss
from sbert_lessons.pooling import POOLINGS
from sbert_lessons.training import Pairs, Siamese, epoch_batches, train

TEXTS = ["a dog eats", "the small red cat sleeps in the park", "man", "the woman plays the guitar"]
PREMISES = [
    f"{who} {does} in the park" for who in ("a man", "the cat") for does in ("runs", "eats")
]
HYPOTHESES, LABELS = ["a man runs", "a dog eats", "the cat sleeps", "a woman"], [0, 1, 2, 1]
STS = pd.DataFrame({"sentence1": PREMISES, "sentence2": HYPOTHESES, "score": [4.0, 1, 3, 2]})


def make(pooling="max", hidden=8, kind=BiLSTMEncoder, seed=0):
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    return kind(torch.randn(len(tokenizer), 12), tokenizer, hidden, pooling).eval()


@pytest.fixture
def encoder():
    return make()


def lstm_by_hand(weights, suffix, inputs):
    """(T, d) -> (T, H): gates in PyTorch's order, input, forget, cell, output."""
    w, u, b, c = (
        weights[f"{n}_l0{suffix}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = cell = np.zeros(u.shape[1])
    states = []
    for x in inputs:
        i, f, g, o = np.split(w @ x + b + u @ h + c, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(cell)
        states.append(h)
    return np.stack(states)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def states_by_hand(encoder, text):
    weights = {k: v.double().numpy() for k, v in encoder.lstm.state_dict().items()}
    x = encoder.words[encoder.tokenize(text).ids].double().numpy()
    backward = lstm_by_hand(weights, "_reverse", x[::-1])[::-1]
    return np.hstack([lstm_by_hand(weights, "", x), backward])


def check_by_hand(encoder):
    """Every state of a ragged batch, and every pooled vector, against the loop above."""
    ids, mask = encoder.tokenize(TEXTS).batch(np.arange(len(TEXTS)))
    with torch.no_grad():
        states, vectors = encoder.states(ids, mask), encoder(ids, mask)
    pool = {"max": lambda x: x.max(0), "mean": lambda x: x.mean(0)}[encoder.pooling]
    for i, text in enumerate(TEXTS):
        wanted = states_by_hand(encoder, text)
        np.testing.assert_allclose(states[i, : len(wanted)], wanted, atol=1e-5)
        np.testing.assert_allclose(vectors[i], pool(wanted), atol=1e-5)


def check_batch_mates(encoder):
    """A sentence has the same vector alone and beside a longer one."""
    together = encoder.encode(TEXTS, batch_size=4)
    alone = np.concatenate([encoder.encode(text) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_states_and_vectors_equal_an_lstm_by_hand(pooling):
    check_by_hand(make(pooling))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_batch_mates_change_nothing(pooling):
    check_batch_mates(make(pooling))


class ZeroPadding(BiLSTMEncoder):
    """InferSent's first version: the largest value over the padding's zeros too."""

    def forward(self, ids, mask):
        return self.states(ids, mask).amax(1)


class NotPacked(BiLSTMEncoder):
    """The backward LSTM reads the padding first."""

    def states(self, ids, mask):
        return self.lstm(self.words[ids])[0]


class TwiceForward(BiLSTMEncoder):
    """The second half is the first again."""

    def states(self, ids, mask):
        first = super().states(ids, mask)[..., : self.dim // 2]
        return torch.cat([first, first], -1)


@pytest.mark.parametrize(
    ("check", "mutant"),
    [
        (check_batch_mates, ZeroPadding),
        (check_batch_mates, NotPacked),
        (check_by_hand, ZeroPadding),
        (check_by_hand, NotPacked),
        (check_by_hand, TwiceForward),
    ],
)
def test_mutants_are_refused(check, mutant):
    with pytest.raises(AssertionError):
        check(make(kind=mutant))


def test_padding_on_the_left_is_refused(encoder):
    ids, mask = encoder.tokenize(TEXTS).batch(np.arange(4))
    with pytest.raises(ValueError, match="padding on the right"):
        encoder(ids.flip(1), mask.flip(1))


def test_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="no pooling 'mix': choose from mean, max"):
        make("mix")


def test_winners_are_the_places_of_the_maxima(encoder):
    for text in TEXTS:
        counts, states = encoder.winners(text), states_by_hand(encoder, text)
        places = states.argmax(0)
        assert counts.index.tolist() == encoder.tokens(text)
        for name, half in (("forward", places[:8]), ("backward", places[8:])):
            assert counts[name].tolist() == np.bincount(half, minlength=len(states)).tolist()
        assert counts.to_numpy().sum() == encoder.dim == 16


def test_only_the_lstms_learn_and_are_saved(encoder):
    words = encoder.words.clone()
    head = SoftmaxHead(encoder.dim, 3, "u,v,|u-v|,u*v")
    before = copy.deepcopy(encoder.state_dict())
    history = train(
        encoder, SoftmaxLoss(head), [PREMISES, HYPOTHESES], LABELS, epochs=30, rate=1e-2
    )
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert torch.equal(encoder.words, words)
    assert set(before) == {f"lstm.{name}" for name, _ in encoder.lstm.named_parameters()}
    assert all(not torch.equal(before[k], v) for k, v in encoder.state_dict().items())


def test_the_evaluation_of_the_course_takes_it(encoder):
    u, v = encode_pairs(encoder, STS)
    assert u.shape == v.shape == (4, 16)
    assert -100 <= sts_score(encoder, STS) <= 100


def save_with_words(encoder, path, monkeypatch, words=None):
    table = encoder.words if words is None else words
    monkeypatch.setattr(bilstm, "word_vectors", lambda path: (table, encoder.tokenizer))
    encoder.save(path)


def test_saved_and_loaded_it_encodes_the_same(encoder, tmp_path, monkeypatch):
    save_with_words(encoder, tmp_path / "model", monkeypatch)
    loaded = BiLSTMEncoder.load(tmp_path / "model")
    assert not loaded.training
    assert np.array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert files == {"config.json", "model.safetensors"}


def test_other_word_vectors_are_refused(encoder, tmp_path, monkeypatch):
    save_with_words(encoder, tmp_path / "model", monkeypatch, encoder.words + 1)
    with pytest.raises(ValueError, match="other word vectors"):
        BiLSTMEncoder.load(tmp_path / "model", "some-bert")


def test_missing_and_damaged_models_are_refused(encoder, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no BiLSTM in"):
        BiLSTMEncoder.load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no BiLSTM in"):
        BiLSTMEncoder.load(DATA / "mini-bert")
    save_with_words(encoder, tmp_path / "model", monkeypatch)
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        BiLSTMEncoder.load(tmp_path / "model")
    weights.unlink()
    with pytest.raises(ValueError, match="damaged"):
        BiLSTMEncoder.load(tmp_path / "model")
    settings = json.loads((tmp_path / "model" / "config.json").read_text())
    assert settings.keys() == {"hidden", "pooling", "max_length", "words"}


@pytest.mark.parametrize(
    "change", [lambda s: [*s], lambda s: s | {"hidden": "x"}, lambda s: s | {"more": 1}]
)
def test_settings_of_another_form_are_refused(encoder, tmp_path, monkeypatch, change):
    save_with_words(encoder, tmp_path / "model", monkeypatch)
    config = tmp_path / "model" / "config.json"
    config.write_text(json.dumps(change(json.loads(config.read_text()))))
    with pytest.raises(ValueError, match="A .json file of .*model is damaged .*: restore"):
        BiLSTMEncoder.load(tmp_path / "model")


def fit(encoder, accuracies, **settings):
    """`train_infersent` with these accuracies, one an epoch, whatever the encoder can do."""
    torch.manual_seed(1)
    head, given = SoftmaxHead(encoder.dim, 3, "u,v,|u-v|,u*v"), iter(accuracies)
    settings = {"epochs": len(accuracies), "batch_size": 2} | settings
    columns = [PREMISES, HYPOTHESES]
    return train_infersent(
        encoder, SoftmaxLoss(head), columns, LABELS, lambda: next(given), **settings
    )


def test_the_rate_falls_after_each_epoch_and_by_five_after_a_worse_one(encoder):
    history = fit(encoder, [0.5, 0.6, 0.55, 0.7, 0.7, 0.8], rate=1.0)
    wanted = [1, 0.99, 0.99**2, 0.99**3 / 5, 0.99**4 / 5, 0.99**5 / 25]
    np.testing.assert_allclose(history["rate"], wanted)
    assert history["accuracy"].tolist() == [0.5, 0.6, 0.55, 0.7, 0.7, 0.8]
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5, 6]


def test_training_ends_below_the_last_rate(encoder):
    history = fit(encoder, [0.5, 0.4, 0.4, 0.4, 0.4], rate=1e-3)
    assert len(history) == 4  # 1e-3, then divided by 5 three times: 8e-6


def test_the_best_epoch_is_kept():
    best, stopped = make(), make()
    fit(best, [0.5, 0.9, 0.3, 0.2])
    fit(stopped, [0.5, 0.9])
    assert all(torch.equal(best.state_dict()[k], v) for k, v in stopped.state_dict().items())
    assert not best.training


def test_ctrl_c_leaves_the_best_epoch():
    def accuracies():
        yield from (0.5, 0.9, 0.3)
        raise KeyboardInterrupt

    encoder, best = make(), make()
    given = accuracies()
    torch.manual_seed(1)
    head = SoftmaxHead(encoder.dim, 3, "u,v,|u-v|,u*v")
    said = "after 3 of 9 epochs: encoder and objective have their best weights, those of epoch 2"
    with pytest.raises(KeyboardInterrupt, match=said):
        train_infersent(encoder, SoftmaxLoss(head), [PREMISES, HYPOTHESES], LABELS,
                        lambda: next(given), epochs=9, batch_size=2)  # fmt: skip
    fit(best, [0.5, 0.9])
    assert all(torch.equal(encoder.state_dict()[k], v) for k, v in best.state_dict().items())
    assert not encoder.training


def test_ctrl_c_in_the_first_epoch_says_that_nothing_was_kept(encoder, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(bilstm, "update", stop)
    with pytest.raises(KeyboardInterrupt, match="after 0 of 2 epochs: to start afresh, load the"):
        fit(encoder, [0.5, 0.9])
    assert not encoder.training


def test_an_accuracy_that_is_no_number_is_one_sentence_and_leaves_the_best_epoch():
    best, encoder = make(), make()
    with pytest.raises(ValueError, match="'accuracy' is NaN at epoch 2, so it cannot choose"):
        fit(encoder, [0.5, float("nan"), 0.9])
    fit(best, [0.5])
    assert all(torch.equal(encoder.state_dict()[k], v) for k, v in best.state_dict().items())


def test_one_step_is_the_clipped_gradient_times_the_rate(encoder, monkeypatch):
    monkeypatch.setattr(bilstm, "MAX_NORM", 0.01)
    start = copy.deepcopy(encoder)
    fit(encoder, [0.5], batch_size=4, rate=0.3)
    torch.manual_seed(1)
    siamese = Siamese(start, SoftmaxLoss(SoftmaxHead(start.dim, 3, "u,v,|u-v|,u*v")))
    data = Pairs(start, [PREMISES, HYPOTHESES], LABELS)
    siamese(*data.batch(epoch_batches(data, 4, 0, 0)[0])).backward()
    norm = torch.stack([p.grad.norm() for p in siamese.parameters()]).norm()
    assert norm > 0.01
    for old, new in zip(start.parameters(), encoder.parameters(), strict=True):
        torch.testing.assert_close(new, old - 0.3 * 0.01 / norm * old.grad, rtol=1e-4, atol=1e-7)


def test_it_learns_and_repeats():
    one, two = make(), make()
    first = fit(one, range(20), rate=0.5)
    assert first["loss"].iloc[-1] < 0.5 * first["loss"].iloc[0]
    pd.testing.assert_frame_equal(first, fit(two, range(20), rate=0.5))


def test_word_vectors_of_the_bundled_backbone():
    words, tokenizer = word_vectors(DATA / "mini-bert")
    assert words.shape == (len(tokenizer), 192)
    assert not words.requires_grad
    assert float(words.std()) == pytest.approx(1, abs=1e-3)


def test_the_bundled_model_is_the_one_of_its_card():
    encoder = BiLSTMEncoder.load(mini_infersent())
    card = (mini_infersent() / "README.md").read_text(encoding="utf8")
    assert f"sentence vectors of {encoder.dim} dimensions" in card
    assert f"{sum(p.numel() for p in encoder.parameters()):,} weights" in card
    assert encoder.pooling == "max"
    row = next(line for line in card.splitlines() if line.startswith("| **mini-infersent**"))
    scores = {"dev": 5, "test": 6}
    for split, column in scores.items():
        wanted = float(row.split("|")[column + 1])
        assert sts_score(encoder, load_sts(split)) == pytest.approx(wanted, abs=0.2)
