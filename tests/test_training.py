"""The training loop: repeatable, resumable, and clear about bad input."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sbert_lessons import training
from sbert_lessons.encoder import SentenceEncoder
from sbert_lessons.heads import SoftmaxHead
from sbert_lessons.losses import CoSENTLoss, SoftmaxLoss, TripletLoss
from sbert_lessons.training import Pairs, Siamese, epoch_batches, train, warmup_then_decay

SUBJECTS, VERBS = ["a man", "the woman", "a small dog", "the red cat"], ["runs", "sleeps", "eats"]
PREMISES = [f"{s} {v} in the park" for s in SUBJECTS for v in VERBS]
HYPOTHESES = [f"{s} {v}" for s in reversed(SUBJECTS) for v in VERBS]
LABELS = [i % 3 for i in range(12)]


def softmax_loss() -> SoftmaxLoss:
    torch.manual_seed(1)
    return SoftmaxLoss(SoftmaxHead(32))


def run(encoder, objective=None, **settings) -> pd.DataFrame:
    settings = {"epochs": 2, "batch_size": 4, "rate": 1e-3} | settings
    return train(encoder, objective or softmax_loss(), [PREMISES, HYPOTHESES], LABELS, **settings)


def test_same_seed_same_history_and_another_seed_another(encoder_with):
    one, two, other = run(encoder_with()), run(encoder_with()), run(encoder_with(), seed=1)
    pd.testing.assert_frame_equal(one, two)
    assert one["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert not np.allclose(one["loss"], other["loss"])


def test_encoder_and_head_both_change_and_the_loss_falls(tiny_encoder):
    objective = softmax_loss()
    before = copy.deepcopy([*tiny_encoder.parameters()]), copy.deepcopy([*objective.parameters()])
    history = run(tiny_encoder, objective, epochs=20, rate=3e-3)
    for old, module in zip(before, (tiny_encoder, objective), strict=True):
        changed = [not torch.equal(a, b) for a, b in zip(old, module.parameters(), strict=True)]
        assert sum(changed) > 0.9 * len(changed)
    assert history["loss"].tail(3).mean() < 0.7 * history["loss"].head(3).mean()
    assert not tiny_encoder.training


def test_the_head_has_its_own_rate(tiny_encoder):
    objective = softmax_loss()
    before = copy.deepcopy(tiny_encoder.state_dict()), objective.head.linear.weight.clone()
    run(tiny_encoder, objective, rate=0.0, head_rate=0.1)
    assert all(torch.equal(tiny_encoder.state_dict()[k], v) for k, v in before[0].items())
    assert not torch.equal(objective.head.linear.weight, before[1])


def test_a_head_rate_of_zero_keeps_the_head(tiny_encoder):
    objective = softmax_loss()
    before = copy.deepcopy(objective.state_dict())
    run(tiny_encoder, objective, rate=1e-2, head_rate=0.0)
    assert all(torch.equal(objective.state_dict()[k], v) for k, v in before.items())


class Stop:
    """An evaluation that is interrupted at its second call, as by Ctrl-C."""

    calls = 0

    def __call__(self) -> dict[str, float]:
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return {"calls": np.float32(self.calls)}


def check_resume(train_run, encoder_with, folder) -> None:
    """Stopped after step 3 of 6 and started again: the losses of a run that was not stopped."""
    whole_encoder = encoder_with()
    whole = train_run(whole_encoder)
    path = folder / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_run(encoder_with(), evaluate=Stop(), checkpoint=path)
    encoder = encoder_with()
    resumed = train_run(encoder, checkpoint=path)
    assert resumed["step"].tolist() == whole["step"].tolist()
    np.testing.assert_allclose(resumed["loss"], whole["loss"], rtol=0, atol=1e-6)
    assert resumed["calls"].dropna().tolist() == [1]
    for name, value in whole_encoder.state_dict().items():
        torch.testing.assert_close(encoder.state_dict()[name], value, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_stopped_and_resumed_equals_uninterrupted(encoder_with, tmp_path):
    check_resume(run, encoder_with, tmp_path)


def test_a_stop_in_the_middle_of_an_epoch_keeps_the_last_checkpoint(
    encoder_with, tmp_path, monkeypatch
):
    path = tmp_path / "checkpoint.safetensors"
    run(encoder_with(), epochs=1, checkpoint=path)
    whole = path.read_bytes()

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Siamese, "forward", stop)
    encoder = encoder_with()
    with pytest.raises(
        KeyboardInterrupt, match=f"after 3 of 6 steps: .*; the same call goes on from {path}"
    ):
        run(encoder, epochs=2, checkpoint=path)
    assert path.read_bytes() == whole and not encoder.training
    with pytest.raises(KeyboardInterrupt, match="after 0 of 6 steps: to start afresh, load"):
        run(encoder)


def test_ctrl_c_leaves_the_best_weights_so_far(encoder_with):
    encoder, seen, scores = encoder_with(), [], iter([0.2, 0.9, 0.5])
    objective, heads = softmax_loss(), []

    def evaluate() -> dict[str, float]:
        seen.append(encoder.encode("a dog"))
        heads.append(objective.head.linear.weight.detach().clone())
        if len(seen) == 4:
            raise KeyboardInterrupt
        return {"score": next(scores)}

    with pytest.raises(
        KeyboardInterrupt, match="after 4 of 6 .* their best weights, those of step 2"
    ):
        run(encoder, objective, evaluate=evaluate, evaluations=3)
    np.testing.assert_array_equal(encoder.encode("a dog"), seen[1])
    assert torch.equal(objective.head.linear.weight, heads[1])
    assert not np.allclose(seen[1], seen[2]) and not torch.equal(heads[1], heads[2])


def test_a_finished_run_is_not_trained_again(encoder_with, tmp_path, monkeypatch):
    path, trained, encoder = tmp_path / "checkpoint.safetensors", encoder_with(), encoder_with()
    first = run(trained, checkpoint=path)
    monkeypatch.setattr(Siamese, "forward", None)  # no step can be made
    pd.testing.assert_frame_equal(run(encoder, checkpoint=str(path)), first)
    for name, value in trained.state_dict().items():
        assert torch.equal(encoder.state_dict()[name], value)


@pytest.mark.parametrize("other", [{"seed": 1}, {"batch_size": 6}])
def test_a_checkpoint_of_another_run_is_refused_and_changes_nothing(encoder_with, tmp_path, other):
    path, encoder = tmp_path / "checkpoint.safetensors", encoder_with()
    run(encoder_with(), checkpoint=path)
    before = encoder.encode("a dog")
    with pytest.raises(ValueError, match=r"another run \(seed 0, 12 rows in batches of 4;"):
        run(encoder, checkpoint=path, **other)
    np.testing.assert_array_equal(encoder.encode("a dog"), before)


def test_ctrl_c_after_a_resume_falls_back_to_the_checkpoint(encoder_with, tmp_path):
    path, at_stop = tmp_path / "checkpoint.safetensors", encoder_with()
    with pytest.raises(KeyboardInterrupt):
        run(at_stop, evaluate=Stop(), checkpoint=path)  # its best weights are those of step 3
    encoder = encoder_with()

    def stop() -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="after 6 of 6 .* best weights, those of step 3"):
        run(encoder, evaluate=stop, checkpoint=path)
    np.testing.assert_array_equal(encoder.encode("a dog"), at_stop.encode("a dog"))


def test_a_place_that_takes_no_checkpoint_is_found_out_before_training(tiny_encoder, tmp_path):
    (tmp_path / "file").write_text("x")
    before = copy.deepcopy(tiny_encoder.state_dict())
    with pytest.raises(OSError, match="Cannot write to .*: choose a folder"):
        run(tiny_encoder, checkpoint=tmp_path / "file" / "x.safetensors")
    assert all(torch.equal(tiny_encoder.state_dict()[k], v) for k, v in before.items())


def test_a_folder_is_no_checkpoint(tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(Siamese, "forward", None)
    with pytest.raises(OSError, match=f"{tmp_path} is a folder: name a file in it, such as"):
        run(tiny_encoder, checkpoint=str(tmp_path))


@pytest.mark.parametrize("name", ["epochs", "batch_size", "evaluations"])
def test_none_of_something_is_refused_before_training(tiny_encoder, name):
    with pytest.raises(ValueError, match=f"^{name} is 0: give 1 or more.$"):
        run(tiny_encoder, **{name: 0})


def test_an_evaluation_without_names_is_one_sentence(tiny_encoder):
    with pytest.raises(TypeError, match=r"^evaluate\(\) gave 1.0: let it return a dict of named"):
        run(tiny_encoder, evaluate=lambda: 1.0)


def test_evaluations_stand_at_their_steps(tiny_encoder):
    def evaluate() -> dict[str, float]:
        tiny_encoder.encode("a dog")
        assert tiny_encoder.training
        return {"score": 1.0}

    history = run(tiny_encoder, evaluate=evaluate, evaluations=3)
    assert history["score"].notna().tolist() == [True] * 6
    history = run(tiny_encoder, evaluate=evaluate)
    assert history["score"].notna().tolist() == [False, False, True] * 2


class Broken(nn.Module):
    """An objective whose value is not a number from its third call on."""

    calls = 0

    def forward(self, u, v, labels):
        self.calls += 1
        return (u - v).square().mean() * (float("nan") if self.calls == 3 else 1.0)


def test_a_loss_that_is_not_a_number_stops_the_run(tiny_encoder):
    with pytest.raises(ValueError, match="The loss is nan at step 2: lower the rate"):
        run(tiny_encoder, Broken())
    assert all(value.isfinite().all() for value in tiny_encoder.parameters())


def test_a_score_that_is_no_number_is_never_the_best(tiny_encoder):
    with pytest.raises(ValueError, match="'sts' is NaN at step 3, so it cannot choose the best"):
        run(tiny_encoder, evaluate=lambda: {"sts": float("nan")})
    history = run(tiny_encoder, evaluate=lambda: {"sts": 1.0, "auc": float("nan")})
    assert history["sts"].count() == 2  # only the first number chooses


@pytest.mark.parametrize(
    "columns, labels, message",
    [
        ([[], []], [], "at least one; got 2 columns and sizes .0."),
        ([["a dog"], ["a cat"]], [0, 1], "as many labels as rows, .* sizes .1, 2."),
        ([["a dog", "a cat"], ["a cat"]], [0, 1], "as many labels as rows, .* sizes .1, 2."),
        ([["a dog"], ["a cat"]], ["neutral"], "Labels must be numbers, none missing"),
        ([["a dog"], ["a cat"]], [None], "Labels must be numbers, none missing"),
        ([["a dog"], ["a cat"]], [float("nan")], "Labels must be numbers, none missing"),
        ([["a dog", "a cat"], ["a cat"] * 2], [1, 1], "All labels are 1: training needs"),
        ([["a dog"], ["a cat"]], [[1]], r"Labels have the shape \(1, 1\): give a flat list"),
        ([["a dog"], ["a cat"]], [3], "whole numbers from 0 to 2"),
        ([["a dog"], ["a cat"]], [-1], "whole numbers from 0 to 2"),
        ([["a dog"], ["a cat"]], [1.5], "whole numbers from 0 to 2"),
        ([["a dog"] * 3, ["a cat", "a cat", " "]], [0, 1, 2], "Text 2 is empty"),
        ([], [0, 1], "Need columns of sentences .* got 0 columns and sizes .2."),
        (["ab", "cd"], [0, 1], "as many labels as rows, .* sizes .1, 2."),
    ],
)
def test_bad_rows_are_one_clear_sentence(tiny_encoder, columns, labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        train(tiny_encoder, softmax_loss(), columns, labels)
    assert "\n" not in str(caught.value)


def test_a_column_may_be_any_iterable_of_strings(tiny_encoder):
    columns = [PREMISES, HYPOTHESES]
    data = Pairs(tiny_encoder, [iter(column) for column in columns], LABELS)
    assert data.store.ids.tolist() == Pairs(tiny_encoder, columns, LABELS).store.ids.tolist()


def check_siamese(siamese_class, encoder) -> None:
    """A batch that encodes a sentence once gives the loss and gradients of one that repeats it."""
    columns = [[PREMISES[i // 2] for i in range(12)], HYPOTHESES]
    pairs, objective = Pairs(encoder, columns, LABELS), softmax_loss()
    rows = np.array([3, 11, 0, 2, 1])  # premises 1, 5, 0, 1, 0
    siamese_class(encoder, objective)(*pairs.batch(rows)).backward()
    once = [p.grad.clone() for p in encoder.parameters() if p.grad is not None]
    encoder.zero_grad()
    u, v = (encoder(*encoder.tokenize([c[i] for i in rows]).batch(np.arange(5))) for c in columns)
    objective(u, v, torch.tensor([LABELS[i] for i in rows])).backward()
    repeated = [p.grad for p in encoder.parameters() if p.grad is not None]
    assert len(once) == len(repeated) > 20
    for one, two in zip(once, repeated, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_a_sentence_encoded_once_equals_one_encoded_for_each_row(tiny_encoder):
    check_siamese(Siamese, tiny_encoder)


def test_every_row_is_seen_once_an_epoch_and_epochs_differ(tiny_encoder):
    data = Pairs(tiny_encoder, [PREMISES, HYPOTHESES], LABELS)
    epochs = [epoch_batches(data, 5, seed=3, epoch=e) for e in range(2)]
    for batches in epochs:
        assert sorted(np.concatenate(batches).tolist()) == list(range(12))
    assert np.concatenate(epochs[0]).tolist() != np.concatenate(epochs[1]).tolist()


def sentences(batch) -> list[list[list[int]]]:
    """Token ids of each row of each column, padding taken away: what a batch says."""
    blocks, rows = batch[:2]
    held = [ids[mask == 1].tolist() for block in blocks for ids, mask in zip(*block, strict=True)]
    return [[held[i] for i in column] for column in rows.tolist()]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 11), min_size=1, max_size=12), st.booleans())
def test_a_batch_says_what_its_rows_say(tiny_encoder, rows, short):
    columns = [["a cat"] * 12 if short else PREMISES, HYPOTHESES, PREMISES]
    batch = Pairs(tiny_encoder, columns, LABELS).batch(np.array(rows))
    said = [[tiny_encoder.tokenize(column[i]).ids.tolist() for i in rows] for column in columns]
    assert sentences(batch) == said
    assert batch[2].tolist() == [LABELS[i] for i in rows]
    different = sum(len({column[i] for i in rows}) for column in columns)
    assert sum(len(ids) for ids, _ in batch[0]) == different


@pytest.mark.parametrize(
    ("words", "widths"),  # of the 3 sentences in each column; [CLS] and [SEP] are 2 more
    [((3, 3), [5]), ((7, 8), [10]), ((6, 8), [8, 10]), ((8, 6), [10, 8]), ((1, 8), [3, 10])],
)
def test_columns_are_padded_apart_if_that_saves_a_tenth(tiny_encoder, words, widths):
    columns = [[f"{word} " * n for word in ("cat", "dog", "a")] * 2 for n in words]
    blocks, _ = Pairs(tiny_encoder, columns, None).batch(np.arange(6))
    assert [ids.shape[1] for ids, _ in blocks] == widths


def repeated_premises(rng) -> list[str]:
    """60 rows that share 20 premises, in random order."""
    return rng.permutation([f"{p} {word}" for p in PREMISES[:10] for word in ("now", "today")] * 3)


@pytest.mark.parametrize("size", [6, 15])
def test_together_keeps_rows_of_a_premise_in_a_batch_and_encodes_it_once(tiny_encoder, size):
    premises = repeated_premises(np.random.default_rng(0)).tolist()
    data = Pairs(tiny_encoder, [premises, HYPOTHESES * 5], LABELS * 5, together=True)
    batches = epoch_batches(data, size, seed=0, epoch=0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(60))
    held = [len(data.batch(rows)[1][0].unique()) for rows in batches]  # different premises
    assert held == [size // 3] * (60 // size)


def test_rows_of_a_premise_part_unless_they_are_to_stay_together(tiny_encoder):
    premises = repeated_premises(np.random.default_rng(0)).tolist()
    data = Pairs(tiny_encoder, [premises, HYPOTHESES * 5], LABELS * 5)
    mixed = [len(data.batch(rows)[0][0][0]) for rows in epoch_batches(data, 6, 0, 0)]
    assert np.mean(mixed) > 3  # together, it is 2


def test_a_checkpoint_with_rows_together_is_of_another_run(encoder_with, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    run(encoder_with(), checkpoint=path)
    with pytest.raises(ValueError, match=r"another run \(seed 0, 12 rows in batches of 4;"):
        run(encoder_with(), checkpoint=path, together=True)


def test_triplets_need_no_labels(tiny_encoder):
    columns = [PREMISES, HYPOTHESES, [*reversed(PREMISES)]]
    history = train(tiny_encoder, TripletLoss(), columns, epochs=8, rate=1e-3, batch_size=4)
    assert history["loss"].tail(3).mean() < history["loss"].head(3).mean()


class Halves(nn.Module):
    """The mean loss of a batch's even and of its odd rows: what two processes see."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, u: Tensor, v: Tensor, labels: Tensor) -> Tensor:
        return sum(self.loss(u[k::2], v[k::2], labels[k::2]) for k in (0, 1)) / 2


def launched(processes: int, folder: Path) -> list[np.ndarray]:
    """The losses of softmax and of CoSENT, trained by `accelerate launch`."""
    how = ["--num_processes", str(processes), *(["--multi_gpu"] if processes > 1 else [])]
    launch = ["-m", "accelerate.commands.launch", "--mixed_precision", "no", "--num_machines", "1"]
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, *launch, *how, script, folder]
    cpu = os.environ | {"ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, capture_output=True, text=True, env=cpu)
    assert done.returncode == 0, done.stderr[-3000:]
    files = [folder / f"{name}-{processes}.csv" for name in ("softmax", "cosent")]
    return [pd.read_csv(file)["loss"].to_numpy() for file in files]


def test_two_processes_learn_what_one_learns_from_halves(encoder_with, tmp_path):
    """Without dropout: softmax as in one process; CoSENT, which compares pairs, as with halves."""
    encoder_with(dropout=0.0).save(tmp_path / "model")
    one, two = launched(1, tmp_path), launched(2, tmp_path)
    encoder = SentenceEncoder.load(tmp_path / "model")
    settings = {"epochs": 2, "batch_size": 4, "rate": 1e-2}
    halves = train(encoder, Halves(CoSENTLoss()), [PREMISES, HYPOTHESES], LABELS, **settings)
    assert len(one[0]) == 6 and one[0].std() > 0.01
    np.testing.assert_allclose(two[0], one[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(two[1], halves["loss"], rtol=0, atol=1e-4)
    assert np.abs(two[1] - one[1]).max() > 0.1


def test_grades_stay_numbers_and_classes_stay_whole():
    assert training.label_tensor([0.5, 4.0]).dtype == torch.float32
    assert training.label_tensor(pd.Series([0, 2], index=[5, 6])).dtype == torch.int64


def test_warmup_and_decay_by_hand():
    factor = warmup_then_decay(10, 0.2)
    assert [round(factor(step), 3) for step in (0, 1, 2, 6, 9)] == [0.5, 1, 1, 0.5, 0.125]
    assert warmup_then_decay(1, 0.1)(0) == 1
    assert warmup_then_decay(4, 1.0)(3) == 1
