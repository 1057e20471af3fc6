"""The training pairs of data/mini-roformer-sim: repeatable, both ways, no image twice."""

import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from sbert_lessons.pooling import POOLINGS

BUG = "max without the mask"
IMAGES = [[f"caption {j} of image {i}" for j in range(5)] for i in range(60)]
ENTAILED = [(f"premise {i}", f"hypothesis {i}") for i in range(80)]


@pytest.fixture
def tools(monkeypatch):
    """The training and the recording tool; tools/ is no package."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "tools")
    monkeypatch.setitem(POOLINGS, BUG, None)  # record_results adds it: taken out again afterwards
    return import_module("train_roformer"), import_module("record_roformer")


def test_pairs_depend_on_seed_and_step_alone(tools):
    pairs_of_step = tools[0].pairs_of_step
    pairs = pairs_of_step(IMAGES, ENTAILED, 7, 0)
    assert pairs == pairs_of_step(IMAGES, ENTAILED, 7, 0)
    assert pairs != pairs_of_step(IMAGES, ENTAILED, 8, 0)
    assert pairs != pairs_of_step(IMAGES, ENTAILED, 7, seed=1)


def test_a_batch_holds_no_image_and_no_entailment_twice(tools):
    pairs = tools[0].pairs_of_step(IMAGES, ENTAILED, 0, 0)
    images = [a.rsplit(" ", 1)[1] for a, _ in pairs[:32]]
    assert images == [b.rsplit(" ", 1)[1] for _, b in pairs[:32]]
    assert all(a != b for a, b in pairs[:32])
    assert len(set(images)) == len(set(pairs[32:])) == 32
    assert set(pairs[32:]) <= set(ENTAILED)


def test_partners_stand_side_by_side(tools):
    assert tools[0].both_ways([("a", "b"), ("c", "d")]) == (
        ["a", "b", "c", "d"],
        ["b", "a", "d", "c"],
    )


def test_captions_of_kept_images_and_held_out_sentences_are_not_for_training(tmp_path, tools):
    rows = [(i, f"number {i} is a picture, view {j}") for i in range(310) for j in range(2)]
    rows += [(5, "two cats sleep on a sofa"), (6, "one " * (tools[0].LONGEST_TEXT + 1))]
    (tmp_path / "text").mkdir()
    table = pd.DataFrame(rows, columns=["image", "caption"])
    table.to_csv(tmp_path / "text" / "coco_val2017.tsv", sep="\t", index=False)
    (tmp_path / "sts" / "some").mkdir(parents=True)
    held_out = "score\tsentence1\tsentence2\n1\tTwo cats sleep on a sofa.\tA dog.\n"
    (tmp_path / "sts" / "some" / "dev.tsv").write_text(held_out)
    train, kept, counts = tools[0].captions(tmp_path)
    assert len(train) == 10 and len(kept) == 300
    assert not {text for group in train for text in group} & {t for group in kept for t in group}
    assert counts == {"captions": 622, "used": 620, "images": 310}


@pytest.mark.parametrize("other", [("--seed", "1"), ("--steps", "3"), ("--rate", "1e-3")])
def test_a_checkpoint_of_another_run_is_refused(tools, tmp_path, monkeypatch, other):
    tool, done = tools[0], []
    monkeypatch.setattr(tool, "captions", lambda source: (IMAGES, [], {}))
    monkeypatch.setattr(tool, "entailments", lambda source: ENTAILED)
    monkeypatch.setattr(tool, "start", lambda: nn.Linear(1, 1))
    monkeypatch.setattr(tool, "optimizers", lambda model, rate: [])
    monkeypatch.setattr(tool, "evaluate", lambda model, kept: {})
    monkeypatch.setattr(tool, "update", lambda *_: done.append(1) or [0.0, 0.0])
    monkeypatch.setattr(tool, "export", lambda model, out: None)

    def run(*extra: str) -> None:
        arguments = ["--source", "none", "--out", str(tmp_path), "--steps", "2", *extra]
        monkeypatch.setattr(sys, "argv", ["train_roformer.py", *arguments])
        tool.main()
        torch.set_flush_denormal(False)

    run("--stop", "1"), run()
    assert len(done) == 2  # the same command goes on
    with pytest.raises(ValueError, match="another run .seed 0, 2 steps, rate 0.002; this one"):
        run(*other)
    torch.set_flush_denormal(False)
    assert len(done) == 2


def test_the_head_without_a_bias(tools):
    head = tools[1].bias_free(4, classes=3)
    assert head.linear.bias is None and head(torch.zeros(2, 4), torch.zeros(2, 4)).abs().max() == 0
