"""UniLM mask, rotary positions and both losses: hand values, brute force, proofs on the model."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM
from transformers.models.roformer.modeling_roformer import (
    RoFormerSelfAttention,
    RoFormerSinusoidalPositionalEmbedding,
)

from sbert_lessons import unilm
from sbert_lessons.encoder import SentenceEncoder, mini_bert
from sbert_lessons.unilm import (
    Paraphraser,
    attention_bias,
    finding_loss,
    from_bert,
    likely_tokens,
    mini_roformer_sim,
    rotate,
    score_terms,
    unilm_mask,
)


@pytest.fixture(scope="module")
def bert() -> BertForMaskedLM:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=16_384,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,
        max_position_embeddings=128,
    )
    return BertForMaskedLM(config).eval()


@pytest.fixture(scope="module")
def tiny(bert) -> Paraphraser:
    """Two layers with large random weights, so that every change of a token shows."""
    return from_bert(bert, AutoTokenizer.from_pretrained(mini_bert())).eval()


# The mask


def check_mask_by_hand(mask_of) -> None:
    """Two source tokens, two target tokens, one of padding; and a row without a target."""
    segments = torch.tensor([[0, 0, 1, 1, 0], [0, 0, 0, 0, 0]])
    real = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]])
    seen = mask_of(segments, real).int()
    assert seen[0, :4].tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
    ]
    assert seen[1, :3].tolist() == [[1, 1, 1, 0, 0]] * 3


def check_mask_by_brute_force(mask_of, lengths: list[tuple[int, int]]) -> None:
    """The rule in words, cell by cell, for rows of any two lengths."""
    width = max(source + target for source, target in lengths)
    segments, real = torch.zeros(2, len(lengths), width, dtype=torch.long)
    for row, (source, target) in enumerate(lengths):
        segments[row, source : source + target] = 1
        real[row, : source + target] = 1
    seen = mask_of(segments, real)
    for row, (source, target) in enumerate(lengths):
        for i in range(source + target):
            for j in range(width):
                in_source, in_target = j < source, source <= j < source + target
                right = in_source or (in_target and i >= source and j <= i)
                assert bool(seen[row, i, j]) == right


def check_no_leak(mask_of, tiny: Paraphraser, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the model: a token changes only the places that may see it, and does change them."""
    monkeypatch.setattr(unilm, "unilm_mask", mask_of)
    ids, segments, mask = tiny.batch(["a man sleeps"], ["the man is not awake"])
    first = int((segments == 0).sum())  # the first place of the target
    with torch.inference_mode():
        before = tiny(ids, segments, mask)
        for place in range(1, ids.shape[1]):
            changed = ids.clone()
            changed[0, place] = 4321
            moved = (tiny(changed, segments, mask) - before).abs().amax(-1)[0] > 1e-6
            expected = torch.arange(ids.shape[1]) >= (place if place >= first else 0)
            assert moved.tolist() == expected.tolist()


def test_mask_by_hand():
    check_mask_by_hand(unilm_mask)


lengths = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=4)


@given(lengths)
@settings(deadline=None, max_examples=50)
def test_mask_by_brute_force(lengths):
    check_mask_by_brute_force(unilm_mask, lengths)


def test_a_future_token_changes_nothing_before_it(tiny, monkeypatch):
    check_no_leak(unilm_mask, tiny, monkeypatch)


def order(segments, mask):
    return (segments * mask).cumsum(1)


WRONG_MASKS = {
    "everything sees everything": lambda s, m: m.bool()[:, None, :].expand(-1, m.shape[1], -1),
    "causal from the start": lambda s, m: (
        torch.ones(s.shape[1], s.shape[1]).tril().bool() & m.bool()[:, None, :]
    ),
    "rows and columns exchanged": lambda s, m: (
        (order(s, m)[:, :, None] <= order(s, m)[:, None, :]) & m.bool()[:, None, :]
    ),
    "the target sees itself whole": lambda s, m: (
        (s[:, None, :] <= s[:, :, None]) & m.bool()[:, None, :]
    ),
    "a token does not see itself": lambda s, m: (
        ((order(s, m)[:, None, :] < order(s, m)[:, :, None]) | (s == 0)[:, None, :])
        & m.bool()[:, None, :]
    ),
    "the target does not see the source": lambda s, m: (
        unilm_mask(s, m) & (s[:, None, :] == s[:, :, None])
    ),
    "padding is seen": lambda s, m: order(s, m)[:, None, :] <= order(s, m)[:, :, None],
}


@pytest.mark.parametrize("name", WRONG_MASKS)
def test_wrong_masks_are_refused(name):
    with pytest.raises(AssertionError):
        check_mask_by_hand(WRONG_MASKS[name])
    with pytest.raises(AssertionError):
        check_mask_by_brute_force(WRONG_MASKS[name], [(2, 3), (2, 1)])


# Not to be seen in that check: its row has no padding, and a token reaches its own place past the
# attention, too.
UNSEEN = ("padding is seen", "a token does not see itself")


@pytest.mark.parametrize("name", [n for n in WRONG_MASKS if n not in UNSEEN])
def test_the_model_shows_wrong_masks(name, tiny, monkeypatch):
    with pytest.raises(AssertionError):
        check_no_leak(WRONG_MASKS[name], tiny, monkeypatch)


def test_target_before_source_is_refused():
    with pytest.raises(ValueError, match="whole source first"):
        unilm_mask(torch.tensor([[0, 1, 0]]), torch.ones(1, 3, dtype=torch.long))


def test_padding_changes_nothing(tiny):
    pairs = [("a man", "a dog"), ("the man sleeps in the park", "nobody is awake there")]
    with torch.inference_mode():
        alone = tiny(*tiny.batch(*zip(pairs[0], strict=True)))
        together = tiny(*tiny.batch(*zip(*pairs, strict=True)))
    assert torch.allclose(alone[0], together[0, : alone.shape[1]], atol=1e-5)


def test_cls_of_a_pair_is_the_sentence_vector_of_its_source(tiny):
    with torch.inference_mode():
        hidden = tiny(*tiny.batch(["a man sleeps"], ["he is not awake"]))
    vector = tiny.encoder().encode("a man sleeps")
    assert np.allclose(hidden[0, 0], vector[0], atol=1e-5)


def test_a_mask_of_three_axes_does_not_pass_through_the_library(tiny):
    """Why `attention_bias` makes four of them. If this fails, the library has learned it."""
    ids, segments, mask = tiny.batch(["a man sleeps"], ["he is not awake"])
    with pytest.raises((RuntimeError, ValueError)):
        tiny.model.roformer(ids, unilm_mask(segments, mask), segments)


def test_bias():
    bias = attention_bias(torch.tensor([[[True, False], [True, True]]]))
    assert bias.shape == (1, 1, 2, 2) and bias[0, 0].tolist() == [[0, -1e9], [0, 0]]


# Rotary positions


def test_a_quarter_turn_by_hand():
    """d = 2: one pair, speed 1. At position pi/2, (1, 0) becomes (0, 1)."""
    turned = rotate(torch.tensor([[1.0, 0.0]]), torch.tensor([math.pi / 2]))
    assert torch.allclose(turned, torch.tensor([[0.0, 1.0]]), atol=1e-6)


def test_speeds_by_hand():
    """d = 4: the first pair turns by m, the second by m / 100."""
    turned = rotate(torch.tensor([[1.0, 0, 1, 0]]), torch.tensor([3]))[0]
    wanted = [math.cos(3), math.sin(3), math.cos(0.03), math.sin(0.03)]
    assert turned.tolist() == pytest.approx(wanted, abs=1e-6)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-50, 50), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_only_the_difference_of_positions_counts(m, n, shift, seed):
    q, k = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    before = rotate(q, torch.tensor([m])) @ rotate(k, torch.tensor([n])).T
    after = rotate(q, torch.tensor([m + shift])) @ rotate(k, torch.tensor([n + shift])).T
    assert torch.allclose(before, after, atol=1e-9)
    assert torch.allclose(rotate(q, torch.tensor([m])).norm(), q.norm())


def test_positions_added_as_a_table_are_not_relative():
    """The check above can fail: sinusoids added to q and k are not relative."""
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    table = RoFormerSinusoidalPositionalEmbedding(64, 8).create_weight()
    scores = [(q + table[m]) @ (k + table[n]) for m, n in ((5, 3), (25, 23))]
    assert abs(scores[0] - scores[1]) > 0.1


def test_the_same_rotation_as_the_library():
    q, k = torch.randn(2, 1, 2, 40, 16, generator=torch.Generator().manual_seed(0))
    table = RoFormerSinusoidalPositionalEmbedding(40, 16).create_weight()[None, None]
    theirs = RoFormerSelfAttention.apply_rotary_position_embeddings(table, q, k)
    for mine, other in zip((q, k), theirs, strict=True):
        assert torch.allclose(rotate(mine, torch.arange(40)), other, atol=1e-5)


def test_odd_dimension():
    with pytest.raises(ValueError, match="pairs"):
        rotate(torch.ones(2, 3), torch.arange(2))


# The losses


def check_finding_by_hand(loss) -> None:
    """Four vectors at 0, 60, 90 and 180 degrees, of lengths 2, 1, 1, 3; partners 0-60, 90-180."""
    root = math.sqrt(3) / 2
    vectors = torch.tensor([[2.0, 0], [0.5, root], [0, 1.0], [-3.0, 0]])
    others = [[0.5, 0, -1], [0.5, root, -0.5], [0, root, 0], [-1, -0.5, 0]]  # cosines
    partner = [0.5, 0.5, 0, 0]
    costs = [
        math.log(sum(math.exp(2 * c) for c in row)) - 2 * right
        for row, right in zip(others, partner, strict=True)
    ]
    assert loss(vectors, 2.0).item() == pytest.approx(sum(costs) / 4, abs=1e-5)


WRONG_LOSSES = {
    "a vector may find itself": lambda v, s: cross_entropy(
        s * torch.nn.functional.normalize(v) @ torch.nn.functional.normalize(v).T,
        torch.arange(len(v)) ^ 1,
    ),
    "not normalised": lambda v, s: cross_entropy(
        (s * v @ v.T).masked_fill(torch.eye(len(v)).bool(), -1e12), torch.arange(len(v)) ^ 1
    ),
    "partner is the row below": lambda v, s: cross_entropy(
        (s * torch.nn.functional.normalize(v) @ torch.nn.functional.normalize(v).T).masked_fill(
            torch.eye(len(v)).bool(), -1e12
        ),
        (torch.arange(len(v)) + 1) % len(v),
    ),
}


def test_finding_by_hand():
    check_finding_by_hand(finding_loss)


@pytest.mark.parametrize("name", WRONG_LOSSES)
def test_wrong_finding_losses_are_refused(name):
    with pytest.raises(AssertionError):
        check_finding_by_hand(WRONG_LOSSES[name])


@given(st.integers(2, 5), st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_finding_by_brute_force(pairs, seed):
    v = torch.randn(2 * pairs, 6, generator=torch.Generator().manual_seed(seed))
    total = 0.0
    for i in range(len(v)):
        score = {j: 20 * torch.cosine_similarity(v[i], v[j], dim=0).item() for j in range(len(v))}
        others = [math.exp(s) for j, s in score.items() if j != i]
        total -= math.log(math.exp(score[i + 1 if i % 2 == 0 else i - 1]) / sum(others))
    assert finding_loss(v).item() == pytest.approx(total / len(v), abs=1e-4)


@pytest.mark.parametrize("rows", [2, 5])
def test_finding_needs_pairs(rows):
    with pytest.raises(ValueError, match="two pairs"):
        finding_loss(torch.randn(rows, 4))


def test_writing_is_scored_on_the_target_alone(tiny):
    """Brute force: from each place the next token, if that is one of the target's, [SEP] too."""
    batch = tiny.batch(["a man", "a dog runs", "bread", "red"], ["the man", "runs", "a", "b c"])
    ids, segments, mask = batch
    with torch.inference_mode():
        logits = tiny.logits(tiny(*batch))
        costs = [
            cross_entropy(logits[row, place - 1][None], ids[row, place][None]).item()
            for row in range(4)
            for place in range(ids.shape[1])
            if segments[row, place] == 1 and mask[row, place] == 1
        ]
        writing, finding = tiny.losses(*batch)
    assert writing.item() == pytest.approx(np.mean(costs), abs=1e-4)
    assert ids[segments == 1].tolist().count(tiny.tokenizer.sep_token_id) == 4
    assert finding.item() == pytest.approx(finding_loss(tiny(*batch)[:, 0]).item(), abs=1e-5)


# Writing


def test_likely_tokens_by_hand():
    """Chances .5 .3 .15 .05: nucleus .7 keeps two, .8 too, .81 three; top-k cuts to one."""
    logits = torch.tensor([[0.3, 0.5, 0.05, 0.15]]).log()

    def kept(k, p):
        return likely_tokens(logits, k, p)[0].isfinite().tolist()

    assert kept(4, 0.7) == [True, True, False, False]
    assert kept(4, 0.81) == [True, True, False, True]
    assert kept(4, 0.01) == kept(1, 1.0) == [False, True, False, False]
    assert kept(9, 1.0) == [True] * 4
    assert likely_tokens(torch.zeros(1, 2), 2, 0.5)[0].isfinite().sum() == 1  # exactly reached
    finite = likely_tokens(logits, 2, 1.0)[0]
    assert torch.equal(finite[:2], logits[0, :2])


@pytest.mark.parametrize(("k", "p"), [(0, 0.9), (5, 0.0), (5, 1.5)])
def test_likely_tokens_refuses(k, p):
    with pytest.raises(ValueError, match="top_k"):
        likely_tokens(torch.randn(1, 9), k, p)


def test_writing_is_repeatable_and_leaves_the_global_random_numbers_alone(tiny):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first = tiny.write("a man sleeps", 3, seed=1, longest=6)
    assert torch.equal(torch.rand(1), expected)
    assert first == tiny.write("a man sleeps", 3, seed=1, longest=6)
    assert first != tiny.write("a man sleeps", 3, seed=2, longest=6)
    assert len(first) == 3 and not any("[" in text and "]" in text for text in first)


def test_each_token_is_drawn_given_those_before_it(tiny):
    """Greedy writing (top_k = 1) equals one forward pass over the finished sentence."""
    text = tiny.write("a man sleeps", 1, top_k=1, longest=5)[0]
    source = tiny.tokenizer("a man sleeps")["input_ids"]
    ids = list(source)
    with torch.inference_mode():
        for _ in range(5):
            logits = tiny.next_token(torch.tensor([ids]), len(source))[0]
            logits[tiny.never_written()] = float("-inf")
            ids.append(int(logits.argmax()))
            if ids[-1] == tiny.tokenizer.sep_token_id:
                break
    assert text == tiny.tokenizer.decode(ids[len(source) :], skip_special_tokens=True)


def test_nothing_is_written_after_the_end(tiny, monkeypatch):
    end = tiny.tokenizer.sep_token_id
    logits = torch.full((2, tiny.model.config.vocab_size), -50.0)
    logits[:, end] = 50.0
    monkeypatch.setattr(Paraphraser, "next_token", lambda *_: logits.clone())
    assert tiny.write("a man", 2) == ["", ""]


def test_variants_are_sorted_and_hold_no_copies(tiny, monkeypatch):
    found = ["A man sleeps .", "a dog runs", "a dog runs", "the man eats bread", ""]
    monkeypatch.setattr(Paraphraser, "write", lambda *_, **__: found)
    table = tiny.variants("a man sleeps")
    assert sorted(table["sentence"]) == ["a dog runs", "the man eats bread"]
    assert table["cosine"].is_monotonic_decreasing
    vectors = tiny.encoder().encode(["a man sleeps", table["sentence"][0]])
    near = torch.cosine_similarity(*torch.from_numpy(vectors), dim=0).item()
    assert table["cosine"][0] == pytest.approx(near, abs=1e-5)


@pytest.mark.parametrize("text", [["a man", "a dog"], 3, ["a man"]])
def test_one_sentence_at_a_time(tiny, text):
    with pytest.raises(TypeError):
        tiny.write(text)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0}, "temperature must be above 0; top_k=1 takes the likeliest"),
        ({"temperature": -1.0}, "temperature must be above 0"),
        ({"count": 0}, "1 variant or more"),
        ({"longest": 0}, "of 1 to 125 new tokens"),
        ({"longest": 126}, "of 1 to 125 new tokens"),
    ],
)
def test_settings_with_which_nothing_can_be_drawn(tiny, settings, message):
    with pytest.raises(ValueError, match=message):
        tiny.write("a man", **settings)


def test_the_longest_that_can_be_written_leaves_room_for_a_source(tiny):
    assert len(tiny.write("a man sleeps " * 50, 1, longest=125, top_k=1)) == 1


# The start, the folder, the three terms


def test_the_start_is_the_bert_without_its_position_table(bert, tiny):
    ours, theirs = tiny.model.state_dict(), bert.state_dict()
    shared = [name for name in theirs if "position_embeddings" not in name]
    for name in shared:
        mine = name.replace("bert.", "roformer.", 1) if name.startswith("bert.") else name
        assert torch.equal(ours[mine], theirs[name]), name
    new = {n for n in ours if n.replace("roformer.", "bert.", 1) not in theirs and n not in theirs}
    assert new == {"roformer.encoder.embed_positions.weight"}
    embeddings = tiny.model.roformer.embeddings.word_embeddings.weight
    assert tiny.model.cls.predictions.decoder.weight is embeddings


def test_save_and_load(tiny, tmp_path):
    tiny.encoder().save(tmp_path / "model")
    tiny.model.save_pretrained(tmp_path / "model")
    again = Paraphraser.load(tmp_path / "model")
    assert again.write("a man", 2, longest=5) == tiny.write("a man", 2, longest=5)
    encoder = SentenceEncoder.load(tmp_path / "model")
    assert encoder.pooling == "cls"
    assert np.allclose(encoder.encode("a man"), tiny.encoder().encode("a man"), atol=1e-6)


def test_the_bundled_model_opens_in_the_library_too():
    folder, texts = mini_roformer_sim(), ["A man repairs an old clock.", "Two dogs run."]
    full = {"dtype": torch.float32}
    theirs = SentenceTransformer(str(folder), device="cpu", model_kwargs=full).encode(texts)
    ours = Paraphraser.load(folder).encoder().encode(texts)
    assert np.allclose(ours, theirs, atol=1e-5)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="config.json"):
        Paraphraser.load(tmp_path)


def test_a_model_of_another_kind_and_half_a_file_are_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"lacks \d+ of the model's weights, such as cls\."):
        Paraphraser.load(mini_bert())
    tiny.encoder().save(tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="weights in .* are damaged"):
        Paraphraser.load(tmp_path / "model")


def test_json_of_another_form_is_refused(tiny, tmp_path):
    tiny.encoder().save(tmp_path / "model")
    tiny.model.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="A .json file of .*model is damaged .*: restore"):
        Paraphraser.load(tmp_path / "model")


def test_terms_add_up_to_the_score():
    torch.manual_seed(0)
    u, v, weight = torch.randn(5, 4), torch.randn(5, 4), torch.randn(12)
    terms = score_terms(weight, u, v)
    whole = torch.cat([u, v, (u - v).abs()], dim=1) @ weight
    assert torch.allclose(terms.sum(1), whole, atol=1e-5)
    assert torch.equal(score_terms(weight, u, u)[:, 2], torch.zeros(5))
    by_hand = score_terms(
        torch.tensor([1.0, 10, 100]), torch.tensor([[2.0]]), torch.tensor([[5.0]])
    )
    assert by_hand.tolist() == [[2, 50, 300]]
