"""The bundled pairs are what their card says."""

import sys

import pytest

from sbert_lessons.data import load_sts
from sbert_lessons.files import ROOT

sys.path.append(str(ROOT / "tools"))
import data_card  # noqa: E402


def test_card_equals_a_fresh_count():
    assert data_card.counted() in data_card.CARD.read_text(encoding="utf8")


@pytest.mark.parametrize("split, least", [("dev", 400), ("test", 1000)])
def test_every_grade_is_filled(split, least):
    pairs = load_sts(split)
    assert len(pairs) >= least
    assert pairs["score"].between(0, 5).all()
    assert ((pairs["writer"] + pairs["blind"]) / 2 == pairs["score"]).all()
    for low in range(5):
        assert (pairs["score"].between(low, low + 1)).mean() > 0.1


def test_no_sentence_occurs_twice():
    pairs = [load_sts("dev"), load_sts("test")]
    texts = [t.lower() for p in pairs for column in ("sentence1", "sentence2") for t in p[column]]
    assert len(texts) == len(set(texts))
