"""Files that are whole or not there."""

import hashlib
import os

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn
from torch.optim import SGD, AdamW

from sbert_lessons.checkpoint import load_checkpoint, save_checkpoint
from sbert_lessons.files import damaged_files, new_file, new_folder


def content(folder) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


OLD = {"config.json": "old", "model.safetensors": "old"}


@pytest.fixture
def old(tmp_path):
    """A folder with a model, which a failed write must leave as it was."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in OLD:
        (folder / name).write_text("old")
    return folder


def test_a_new_folder_takes_the_place_of_the_old_one(old):
    with new_folder(old) as draft:
        (draft / "new.txt").write_text("new")
        assert content(old) == OLD
    assert content(old) == {"new.txt": "new"}
    assert [path.name for path in old.parent.iterdir()] == ["model"]


def test_what_is_no_part_of_a_model_stays_and_what_is_one_goes(old):
    parts = ["tokenizer.json", "added_tokens.json", "vocab.txt", "model-00001-of-00002.safetensors"]
    others = ["thesis.txt", "README.md", "scores.json", "mine.safetensors", "1_Notes.txt"]
    for name in (*parts, *others):
        (old / name).write_text("old")
    for folder in ("2_Dense", "another model"):
        (old / folder).mkdir()
        (old / folder / "config.json").write_text("old")
    with new_folder(old) as draft:
        (draft / "config.json").write_text("new")
        (draft / "README.md").write_text("new")
    assert content(old / "another model") == {"config.json": "old"}
    (old / "another model" / "config.json").unlink()
    (old / "another model").rmdir()
    kept = {name: "old" for name in others}
    assert content(old) == kept | {"README.md": "new", "config.json": "new"}


@pytest.mark.parametrize("names", [["config.json", "my_model.py"], ["model.safetensors", "x.md"]])
def test_a_folder_with_half_of_a_model_is_not_replaced(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else than a model"):
        with new_folder(tmp_path) as draft:
            (draft / "config.json").write_text("new")
    assert content(tmp_path) == dict.fromkeys(names, "mine")


def test_missing_parents_are_made(tmp_path):
    with new_folder(tmp_path / "a" / "b") as draft:
        (draft / "x").write_text("x")
    assert content(tmp_path / "a" / "b") == {"x": "x"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_a_stop_while_writing_leaves_the_old_folder_whole(old, stop):
    with pytest.raises(stop), new_folder(old) as draft:
        (draft / "new.txt").write_text("half")
        raise stop
    assert content(old) == OLD
    assert [path.name for path in old.parent.iterdir()] == ["model"]


def test_a_stop_between_the_two_renames_puts_the_old_folder_back(old, monkeypatch):
    renames, real = [], os.replace

    def replace(source, target):
        renames.append(target)
        if len(renames) == 2:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr("sbert_lessons.files.os.replace", replace)
    with pytest.raises(KeyboardInterrupt), new_folder(old) as draft:
        (draft / "new.txt").write_text("new")
    assert content(old) == OLD
    assert [path.name for path in old.parent.iterdir()] == ["model"]


def test_a_place_that_takes_no_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="Cannot write to .*file .*choose a folder you may write"):
        with new_folder(tmp_path / "file" / "model"):
            pass


def test_a_read_only_place_is_named(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sbert_lessons.files.mkdtemp", refuse)
    with pytest.raises(OSError, match=r"Cannot write to .* \(Permission denied\)"):
        with new_folder(tmp_path / "model"):
            pass


class Tied(nn.Module):
    """Two names for one weight, as the embeddings of a BERT have."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)
        self.two.weight = self.one.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(self.one(x)).square().mean()


def trained(model: nn.Module, optimizers: list, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = model(torch.ones(2, 3))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def fresh() -> tuple[nn.Module, list]:
    torch.manual_seed(0)
    model = Tied()
    matrices, rest = [model.one.weight], [model.one.bias, model.two.bias]
    return model, [torch.optim.Muon(matrices, lr=0.1), AdamW(rest, lr=0.1)]


def test_a_restored_run_goes_on_as_if_it_had_not_stopped(tmp_path):
    model, optimizers = fresh()
    whole = trained(model, optimizers, 8)
    model, optimizers = fresh()
    trained(model, optimizers, 5)
    save_checkpoint(tmp_path / "x.safetensors", model, optimizers, 5)
    model, optimizers = fresh()
    assert load_checkpoint(tmp_path / "x.safetensors", model, optimizers) == 5
    assert trained(model, optimizers, 3) == whole[5:]
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_an_optimizer_without_state_is_restored_too(tmp_path):
    model = Tied()
    save_checkpoint(tmp_path / "x", model, [SGD(model.parameters(), lr=0.1)], 0)
    assert load_checkpoint(tmp_path / "x", model, [SGD(model.parameters(), lr=0.1)]) == 0


def test_a_stop_while_saving_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    model, optimizers = fresh()
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, model, optimizers, 1)
    whole = path.read_bytes()

    def stop(_, draft, **__):
        draft.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("sbert_lessons.checkpoint.save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, model, optimizers, 2)
    assert path.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_full_disk_is_one_clear_sentence(tmp_path, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("Error while serializing: No space left on device")

    monkeypatch.setattr("sbert_lessons.checkpoint.save_file", full)
    with pytest.raises(OSError, match="Cannot write to .*No space left.*on a disk with room"):
        save_checkpoint(tmp_path / "x.safetensors", nn.Linear(2, 2), [], 1)
    with pytest.raises(OSError, match="Cannot write to .*No space left.*on a disk with room"):
        with new_folder(tmp_path / "model"):
            full()
    assert [*tmp_path.iterdir()] == []


def test_two_processes_that_write_one_file_do_not_meet(tmp_path):
    """Each has a draft of its own, so that neither renames what the other is still writing."""
    path, pid = tmp_path / "x", os.getpid()
    with new_file(path) as mine, pytest.MonkeyPatch.context() as patch:
        mine.write_text("mine")
        patch.setattr(os, "getpid", lambda: pid + 1)
        with new_file(path) as other:
            other.write_text("other")
        assert path.read_text() == "other"
    assert content(tmp_path) == {"x": "mine"}


def test_what_is_no_model_is_not_replaced(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "my answers.ipynb").write_text("answers")
    (tmp_path / "file").write_text("text")
    for name in ("work", "file"):
        with pytest.raises(FileExistsError, match=f"{name} holds something else than a model"):
            with new_folder(tmp_path / name) as draft:
                (draft / "config.json").write_text("new")
    assert content(tmp_path / "work") == {"my answers.ipynb": "answers"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "work"]


def test_a_damaged_checkpoint_is_named(tmp_path):
    model, optimizers = fresh()
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, model, optimizers, 1)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="x.safetensors is damaged .*: delete it to start afresh"):
        load_checkpoint(path, model, optimizers)


def test_a_checkpoint_of_another_model_is_named(tmp_path):
    save_checkpoint(tmp_path / "x.safetensors", nn.Linear(2, 2), [], 1)
    with pytest.raises(ValueError, match="x.safetensors belongs to another model"):
        load_checkpoint(tmp_path / "x.safetensors", Tied(), [])


@pytest.mark.parametrize("notes", [None, {"step": "1"}])
def test_a_file_of_another_kind_is_named(tmp_path, notes):
    save_file({"weight": torch.ones(2)}, tmp_path / "x.safetensors", metadata=notes)
    with pytest.raises(ValueError, match="x.safetensors belongs to another model"):
        load_checkpoint(tmp_path / "x.safetensors", Tied(), [])


def test_a_checkpoint_with_more_optimizers_is_named(tmp_path):
    model, optimizers = fresh()
    trained(model, optimizers, 1)
    save_checkpoint(tmp_path / "x.safetensors", model, optimizers, 1)
    with pytest.raises(ValueError, match="x.safetensors belongs to another model"):
        load_checkpoint(tmp_path / "x.safetensors", model, optimizers[:1])


def test_a_checkpoint_in_a_place_that_takes_no_file_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="Cannot write to .*file"):
        save_checkpoint(tmp_path / "file" / "x.safetensors", nn.Linear(2, 2), [], 1)


@pytest.fixture
def listing(tmp_path):
    """Two files in a folder, and one beside it, with their checksums."""
    lines = []
    for name, size in [("model/weights", 1000), ("model/words.txt", 10), ("other.tsv", 10)]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(np.random.default_rng(size).bytes(size))
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
    (tmp_path / "checksums.sha256").write_text("".join(lines))
    return tmp_path / "checksums.sha256"


def test_whole_files_are_not_damaged(listing):
    assert damaged_files(listing, listing.parent) == []


def test_one_flipped_bit_and_a_missing_file_are_found(listing):
    weights = listing.parent / "model" / "weights"
    damaged = bytearray(weights.read_bytes())
    damaged[500] ^= 1
    weights.write_bytes(damaged)
    (listing.parent / "other.tsv").unlink()
    assert damaged_files(listing, listing.parent) == [weights, listing.parent / "other.tsv"]
    assert damaged_files(listing, listing.parent / "model") == [weights]


def test_a_folder_that_is_not_listed_has_no_damaged_files(listing, tmp_path):
    assert damaged_files(listing, tmp_path / "elsewhere") == []
    assert damaged_files(tmp_path / "no-list", tmp_path) == []


@pytest.mark.parametrize("line", ["", "0123456789abcdef", "<<<<<<< HEAD"])
def test_a_damaged_list_is_named_itself(listing, line):
    listing.write_text(f"{listing.read_text()}{line}\n")
    assert damaged_files(listing, listing.parent / "model") == [listing]


@pytest.mark.parametrize("content", [b"", b"0123456789abcdef  mod\xffel/weights\n"])
def test_a_list_that_is_empty_or_not_utf8_is_named_itself(listing, content):
    listing.write_bytes(content)
    assert damaged_files(listing, listing.parent) == [listing]
