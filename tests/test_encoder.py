"""encode(), save() and load(): what a caller can rely on, and what bad input is told."""

import json
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from sbert_lessons import encoder as encoder_module
from sbert_lessons.encoder import SentenceEncoder, mini_bert, side_by_side, without_dropout
from sbert_lessons.pooling import POOLINGS

TEXTS = [
    "A dog.",
    "The small red cat sleeps in the park, and the man eats bread.",
    "Guitar!",
    "A woman plays the guitar in the park.",
    "not",
    "What?",
    "The man runs.",
]


def check_order(encoder: SentenceEncoder) -> None:
    """Rows come back in the caller's order: each equals its text encoded alone."""
    together = encoder.encode(TEXTS, batch_size=3)
    for text, row in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(row, encoder.encode(text)[0], atol=1e-5)


def check_batch_size(encoder: SentenceEncoder) -> None:
    """The batch size changes nothing but the speed."""
    expected = encoder.encode(TEXTS, batch_size=1)
    for size in (2, 3, 7, 100):
        np.testing.assert_allclose(encoder.encode(TEXTS, batch_size=size), expected, atol=1e-5)


def check_repeat(encoder: SentenceEncoder) -> None:
    """Dropout is off while encoding, also in the middle of training, and on again afterwards."""
    expected = encoder.eval().encode(TEXTS)
    encoder.train()
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)
    assert encoder.training and encoder.backbone.training


@pytest.mark.parametrize("pooling", POOLINGS)
def test_order(encoder_with, pooling):
    check_order(encoder_with(pooling))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_batch_size_changes_nothing(encoder_with, pooling):
    check_batch_size(encoder_with(pooling))


def test_training_mode_is_put_back(tiny_encoder):
    check_repeat(tiny_encoder)


def test_evaluation_mode_stays(tiny_encoder):
    tiny_encoder.eval().encode(TEXTS)
    assert not tiny_encoder.training


def test_training_mode_is_put_back_after_an_interrupt(tiny_encoder, monkeypatch):
    def stop(**_):
        raise KeyboardInterrupt

    tiny_encoder.train()
    monkeypatch.setattr(tiny_encoder.backbone, "forward", stop)
    with pytest.raises(KeyboardInterrupt):
        tiny_encoder.encode(TEXTS)
    assert tiny_encoder.training


@pytest.mark.parametrize("threads, jobs, workers", [(2, 5, 2), (4, 1, 1), (3, 2, 2), (2, 0, 1)])
def test_the_cores_share_the_jobs(threads, jobs, workers):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with side_by_side(jobs, torch.device("cpu")) as pool:
            assert pool._max_workers == workers
            inside = pool.submit(torch.get_num_threads).result()
        assert inside == threads // workers and torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_on_a_gpu_the_jobs_follow_one_another():
    with side_by_side(8, torch.device("cuda")) as pool:
        assert pool._max_workers == 1


def test_after_an_interrupt_no_further_batch_begins(tiny_encoder, monkeypatch):
    begun = []

    def stop(**_):
        begun.append(1)
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    monkeypatch.setattr(tiny_encoder.backbone, "forward", stop)
    with pytest.raises(KeyboardInterrupt):
        tiny_encoder.encode(TEXTS * 100, batch_size=1)
    assert len(begun) < len(TEXTS * 100) and torch.get_num_threads() == before


def check_without_dropout(function, encoder) -> None:
    """Nothing is dropped any more, also when training switches to the training mode again."""
    batch = encoder.tokenize(TEXTS).batch(np.arange(len(TEXTS)))
    assert not torch.equal(encoder.train()(*batch), encoder(*batch))
    quiet = function(encoder)
    assert quiet is encoder
    assert torch.equal(quiet.train()(*batch), quiet(*batch))
    assert torch.equal(quiet(*batch), quiet.eval()(*batch))


def test_without_dropout(tiny_encoder):
    check_without_dropout(without_dropout, tiny_encoder)


def test_looking_inside_puts_the_training_mode_back(tiny_encoder):
    tiny_encoder.train()
    one, _ = tiny_encoder.hidden_states(TEXTS)
    two, _ = tiny_encoder.hidden_states(TEXTS)
    assert torch.equal(one[-1], two[-1]) and tiny_encoder.training


@pytest.mark.parametrize("texts, rows", [("A dog.", 1), (["A dog."], 1), ([], 0), (TEXTS, 7)])
def test_shape_and_type(tiny_encoder, texts, rows):
    vectors = tiny_encoder.encode(texts)
    assert vectors.shape == (rows, 32) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_half_precision_weights_still_give_float32(tiny_encoder):
    expected = tiny_encoder.encode(TEXTS)
    vectors = tiny_encoder.half().encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=0.05)


@pytest.mark.parametrize("texts", [None, 3, b"dog", [None], [3], [["a dog"], ["a cat"]], ("a", 1)])
def test_what_is_no_text_is_refused(tiny_encoder, texts):
    with pytest.raises(TypeError, match="not a string") as caught:
        tiny_encoder.encode(texts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("texts", ["", "  \n", ["a dog", ""], ["\t"]])
def test_an_empty_text_is_refused(tiny_encoder, texts):
    with pytest.raises(ValueError, match="is empty: leave it out"):
        tiny_encoder.encode(texts)


def test_a_long_text_is_cut_with_a_warning(encoder_with):
    encoder = encoder_with(max_length=5)
    with pytest.warns(UserWarning, match="1 text.* longer than 5 tokens .*'... the cat eats'"):
        cut = encoder.encode(["the cat eats bread"])
    np.testing.assert_allclose(cut, encoder.encode("the cat eats"), atol=1e-6)


def test_the_limit_never_exceeds_the_positions_of_the_backbone(encoder_with):
    encoder = encoder_with(max_length=512)
    assert encoder.max_length == 64
    with pytest.warns(UserWarning, match="longer than 64 tokens"):
        assert encoder.encode("dog " * 100).shape == (1, 32)


def test_long_work_shows_a_progress_bar_and_short_work_does_not(tiny_encoder, capsys):
    tiny_encoder.encode(TEXTS)
    assert "encode" not in capsys.readouterr().err
    tiny_encoder.encode(TEXTS * 10, batch_size=1)
    assert "encode" in capsys.readouterr().err


def test_tokens_and_hidden_states(tiny_encoder):
    assert tiny_encoder.tokens("The dogs") == ["[CLS]", "the", "dog", "##s", "[SEP]"]
    layers, mask = tiny_encoder.hidden_states(["The dogs", "cat"])
    assert len(layers) == 3 and layers[-1].shape == (2, 5, 32)
    assert mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    pooled = POOLINGS["mean"](layers[-1], mask).numpy()
    np.testing.assert_allclose(pooled, tiny_encoder.encode(["The dogs", "cat"]), atol=1e-6)


def test_looking_inside_no_text_is_refused(tiny_encoder):
    with pytest.raises(ValueError, match="There is no text: give at least one"):
        tiny_encoder.hidden_states([])


def test_an_unknown_pooling_is_named(encoder_with):
    with pytest.raises(ValueError, match="no pooling 'median': choose from mean, max"):
        encoder_with("median")


def test_vectors_of_a_normalized_encoder_have_length_one(encoder_with):
    norms = np.linalg.norm(encoder_with(normalized=True).encode(TEXTS), axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def library(path) -> SentenceTransformer:
    return SentenceTransformer(str(path), device="cpu")


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_library_opens_what_we_save(encoder_with, tmp_path, pooling, normalized):
    ours = encoder_with(pooling, normalized=normalized)
    ours.save(tmp_path / "model")
    theirs = library(tmp_path / "model")
    np.testing.assert_allclose(theirs.encode(TEXTS), ours.encode(TEXTS), rtol=0, atol=1e-5)
    again = SentenceEncoder.load(tmp_path / "model")
    assert (again.pooling, again.normalized, again.max_length) == (pooling, normalized, 64)
    np.testing.assert_allclose(again.encode(TEXTS), ours.encode(TEXTS), rtol=0, atol=1e-6)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_we_open_what_the_library_saves(tiny_encoder, tmp_path, pooling, normalized):
    tiny_encoder.save(tmp_path / "start")
    modules = [Transformer(str(tmp_path / "start")), Pooling(32, pooling_mode=pooling)]
    theirs = SentenceTransformer(modules=modules + [Normalize()] * normalized, device="cpu")
    theirs.save(str(tmp_path / "theirs"))
    ours = SentenceEncoder.load(tmp_path / "theirs")
    assert (ours.pooling, ours.normalized) == (pooling, normalized)
    np.testing.assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("limit", [8, 64])
def test_both_cut_long_texts_at_the_same_place(encoder_with, tmp_path, limit):
    ours = encoder_with(max_length=limit)
    long = ["the cat eats bread in the park " * 20]
    ours.save(tmp_path / "ours")
    theirs = library(tmp_path / "ours")
    theirs.save(str(tmp_path / "theirs"))
    back = SentenceEncoder.load(tmp_path / "theirs")
    assert theirs.max_seq_length == back.max_length == limit
    with pytest.warns(UserWarning, match="were cut"):
        np.testing.assert_allclose(theirs.encode(long), ours.encode(long), rtol=0, atol=1e-5)
        np.testing.assert_allclose(back.encode(long), ours.encode(long), rtol=0, atol=1e-5)


@pytest.fixture
def folder(tiny_encoder, tmp_path):
    """A saved model, for the tests that damage it."""
    tiny_encoder.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("flag, pooling", encoder_module.OLD_FLAGS.items())
def test_the_older_form_of_the_pooling_file_is_read(folder, flag, pooling):
    old = {name: name == flag for name in encoder_module.OLD_FLAGS}
    old["word_embedding_dimension"] = 32
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(old))
    ours = SentenceEncoder.load(folder)
    assert ours.pooling == pooling
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = library(folder).encode(TEXTS)
    np.testing.assert_allclose(ours.encode(TEXTS), theirs, rtol=0, atol=1e-5)


def test_two_poolings_at_once_are_refused(folder):
    both = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(both))
    with pytest.raises(ValueError, match=r"asks for pooling '.*\+.*'; known are mean, max"):
        SentenceEncoder.load(folder)


def test_a_plain_transformer_gets_mean_pooling_and_another_on_request(tiny_encoder, tmp_path):
    tiny_encoder.backbone.save_pretrained(tmp_path)
    tiny_encoder.tokenizer.save_pretrained(tmp_path)
    loaded = SentenceEncoder.load(tmp_path)
    assert loaded.pooling == "mean" and not loaded.training
    np.testing.assert_allclose(loaded.encode(TEXTS), tiny_encoder.encode(TEXTS), atol=1e-6)
    assert SentenceEncoder.load(tmp_path, pooling="max").pooling == "max"


def test_a_hub_name_gets_the_settings_of_its_files(encoder_with, tmp_path, monkeypatch):
    """Read from the hub's cache, which is laid out as the hub's own library does it."""
    snapshot = tmp_path / "models--some--model" / "snapshots" / "1234"
    encoder_with("cls", normalized=True, max_length=9).save(snapshot)
    (tmp_path / "models--some--model" / "refs").mkdir()
    (tmp_path / "models--some--model" / "refs" / "main").write_text("1234")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    wanted = {"pooling": "cls", "normalized": True, "max_length": 9}
    assert encoder_module.stored_settings("some/model") == wanted
    (snapshot / "modules.json").unlink()
    assert encoder_module.stored_settings("some/model") == {}
    assert encoder_module.stored_settings("nobody/nothing") == {}


def test_half_precision_files_are_opened_in_float32(tiny_encoder, tmp_path):
    tiny_encoder.half().save(tmp_path / "half")
    assert SentenceEncoder.load(tmp_path / "half").backbone.dtype == torch.float32


def test_a_module_that_we_do_not_know_is_named(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "x.modules.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match="module of kind Dense, which this course does not load"):
        SentenceEncoder.load(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model in .*nothing: check the path"):
        SentenceEncoder.load(tmp_path / "nothing")


def test_an_unknown_name_without_a_network(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="Cannot load 'nobody/nothing'"):
        SentenceEncoder.load("nobody/nothing")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_one_clear_sentence(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"no {name} in .*: restore the folder"):
        SentenceEncoder.load(folder)


def test_truncated_weights_are_one_clear_sentence(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="weights in .* are damaged .*restore the folder"):
        SentenceEncoder.load(folder)


def rewrite(folder, change) -> None:
    """Saves the folder's weights again after `change`."""
    weights = load_file(folder / "model.safetensors")
    save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})


def test_missing_weights_are_not_drawn_at_random(folder):
    rewrite(folder, lambda w: {k: v for k, v in w.items() if "layer.1." not in k})
    with pytest.raises(ValueError, match="lacks 16 of the model's weights, such as encoder.layer"):
        SentenceEncoder.load(folder)


def test_weights_of_another_size_are_one_clear_sentence(folder):
    rewrite(folder, lambda w: w | {"embeddings.word_embeddings.weight": torch.ones(7, 32)})
    with pytest.raises(ValueError, match="weights in .* not those of its config.json") as caught:
        SentenceEncoder.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ],
)
def test_damaged_json_is_one_clear_sentence(folder, name):
    (folder / name).write_text('{"half": ')
    with pytest.raises(ValueError, match=f"{name} is damaged .*: restore it or download it again"):
        SentenceEncoder.load(folder)


def test_json_that_is_not_utf8_is_one_clear_sentence(folder):
    (folder / "config.json").write_bytes(b'{"half": "\xff"}')
    with pytest.raises(ValueError, match="config.json is damaged .*: restore it or download"):
        SentenceEncoder.load(folder)


@pytest.mark.parametrize(
    "name, content",
    [
        ("config.json", "[]"),
        ("config.json", '{"model_type": "bert", "hidden_size": "x"}'),
        ("modules.json", '{"a": 1}'),
        ("modules.json", '[{"x": 1}]'),
        ("1_Pooling/config.json", "[]"),
        ("sentence_bert_config.json", '{"max_seq_length": "x"}'),
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "7"),
    ],
)
def test_json_of_another_form_is_one_clear_sentence(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match="A .json file of .* is damaged .*: restore") as caught:
        SentenceEncoder.load(folder)
    assert "\n" not in str(caught.value)


def test_what_is_no_path_is_not_called_damaged():
    with pytest.raises(TypeError, match="NoneType"):
        SentenceEncoder.load(None)


def test_a_flipped_bit_in_bundled_weights_is_found(folder, monkeypatch):
    import hashlib

    monkeypatch.setattr(encoder_module, "DATA", folder.parent)
    weights = folder / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    (folder.parent / "checksums.sha256").write_text(f"{digest}  model/model.safetensors\n")
    SentenceEncoder.load(folder)
    damaged = bytearray(weights.read_bytes())
    damaged[-100] ^= 1
    weights.write_bytes(damaged)
    with pytest.raises(
        ValueError, match="model.safetensors is damaged: restore it with `git checkout"
    ):
        SentenceEncoder.load(folder)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError("disk full")])
def test_a_stop_while_saving_leaves_the_old_model_whole(folder, encoder_with, monkeypatch, stop):
    before = SentenceEncoder.load(folder).encode(TEXTS)
    other = encoder_with("max")

    def fail(*_, **__):
        raise stop

    monkeypatch.setattr(other.tokenizer, "save_pretrained", fail)
    with pytest.raises(type(stop) if isinstance(stop, OSError) else stop):
        other.save(folder)
    assert np.array_equal(SentenceEncoder.load(folder).encode(TEXTS), before)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_saving_over_a_model_replaces_all_of_it(folder, encoder_with):
    encoder_with("max", normalized=True).save(folder)
    encoder_with("cls").save(folder)
    loaded = SentenceEncoder.load(folder)
    assert (loaded.pooling, loaded.normalized) == ("cls", False)


def test_saving_over_a_model_keeps_its_card_and_the_readers_files(folder, encoder_with):
    (folder / "README.md").write_text("card")
    (folder / "thesis.txt").write_text("mine")
    encoder_with("max").save(folder)
    assert (folder / "README.md").read_text() == "card"
    assert (folder / "thesis.txt").read_text() == "mine"
    assert SentenceEncoder.load(folder).pooling == "max"


def test_saving_never_deletes_what_is_no_model(tiny_encoder, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "my answers.ipynb").write_text("answers")
    with pytest.raises(FileExistsError, match="work holds something else than a model"):
        tiny_encoder.save(tmp_path / "work")
    assert (tmp_path / "work" / "my answers.ipynb").read_text() == "answers"


def test_saving_where_no_folder_can_be(tiny_encoder, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="Cannot write to .*: choose a folder"):
        tiny_encoder.save(tmp_path / "file" / "model")


def test_a_saved_folder_can_be_moved(folder, tiny_encoder, tmp_path):
    shutil.move(folder, tmp_path / "moved")
    moved = SentenceEncoder.load(tmp_path / "moved")
    np.testing.assert_allclose(moved.encode(TEXTS), tiny_encoder.encode(TEXTS), atol=1e-6)


def test_the_backbone_can_be_switched(monkeypatch):
    monkeypatch.setenv("SBERT_LESSONS_BACKBONE", "bert-base-uncased")
    assert mini_bert() == "bert-base-uncased"
    monkeypatch.delenv("SBERT_LESSONS_BACKBONE")
    assert mini_bert() == encoder_module.DATA / "mini-bert"


def test_blas_keeps_to_one_thread_where_nobody_asked_for_less():
    code = (
        "import scipy.linalg, sbert_lessons.encoder\n"
        "from threadpoolctl import threadpool_info\n"
        "print({p['num_threads'] for p in threadpool_info() if p['user_api'] == 'blas'})"
    )
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, env=free, capture_output=True, text=True, check=True).stdout
    assert printed.strip() in ("{1}", "set()")  # macOS has a BLAS of its own, out of reach
