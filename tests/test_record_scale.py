"""The recording of lesson 13 keeps its vectors whole or not at all."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from sbert_lessons.pooling import POOLINGS


@pytest.fixture
def tool(monkeypatch):
    """`record_scale`; tools/ is no package."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "tools")
    monkeypatch.setitem(POOLINGS, "max without the mask", None)  # record_results adds it
    return import_module("record_scale")


def test_a_stop_while_vectors_are_written_leaves_no_file(
    tool, tiny_encoder, tmp_path, monkeypatch
):
    texts, save = ["a dog", "the red cat"], np.save

    def stop(file, vectors):
        save(file, vectors[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        tool.corpus_vectors(tiny_encoder, texts, tmp_path / "vectors.npy")
    assert [*tmp_path.iterdir()] == []
    monkeypatch.setattr(np, "save", save)
    made = tool.corpus_vectors(tiny_encoder, texts, tmp_path / "vectors.npy")
    monkeypatch.setattr(tiny_encoder, "encode", None)  # the second time it is only read
    read = tool.corpus_vectors(tiny_encoder, texts, tmp_path / "vectors.npy")
    np.testing.assert_array_equal(read, made)
    assert made.shape == (2, 32) and np.allclose((made**2).sum(1), 1)
