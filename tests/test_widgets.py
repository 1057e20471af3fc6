"""The panel of lesson 02: what it shows, and what it says when a field is empty."""

import numpy as np
import pytest

from sbert_lessons.encoder import SentenceEncoder, mini_bert
from sbert_lessons.evaluation import SIMILARITIES
from sbert_lessons.pooling import POOLINGS
from sbert_lessons.widgets import PoolingPanel, pooling_table

PAIR = ("A dog runs.", "Two small cats are asleep on the old sofa.")


@pytest.fixture(scope="module")
def encoder():
    return SentenceEncoder.load(mini_bert())


@pytest.mark.parametrize("name", POOLINGS)
def test_table_equals_sentences_encoded_alone(encoder, name):
    encoder.pooling = name
    u, v = (encoder.encode(text) for text in PAIR)
    wanted = [float(f(u, v)[0]) for f in SIMILARITIES.values()]
    np.testing.assert_allclose(pooling_table(encoder, *PAIR).loc[name], wanted, rtol=1e-4)


def test_table_refuses_an_empty_sentence(encoder):
    with pytest.raises(ValueError, match="empty"):
        pooling_table(encoder, "A dog runs.", " ")


def test_panel_renews_its_table(encoder):
    panel = PoolingPanel({"raw": encoder}, *PAIR)
    assert f"{pooling_table(encoder, *PAIR).loc['max', 'dot']:.2f}" in panel.result.value
    panel.second.value = PAIR[0]
    assert "Jaccard (word overlap): 1.00" in panel.result.value


def test_panel_asks_for_words_and_recovers(encoder):
    panel = PoolingPanel({"raw": encoder}, *PAIR)
    panel.first.value = "  "
    assert "at least one word" in panel.result.value
    panel.first.value = PAIR[1]
    assert "1.00" in panel.result.value


def test_panel_changes_the_model(encoder):
    other = SentenceEncoder.load(mini_bert())
    other.backbone.embeddings.word_embeddings.weight.data.mul_(-1)
    panel = PoolingPanel({"raw": encoder, "other": other}, *PAIR)
    before = panel.result.value
    panel.choice.value = "other"
    assert panel.result.value != before


def test_panel_is_one_stable_line_in_a_file(encoder):
    panel = PoolingPanel({"raw": encoder}, *PAIR)
    assert panel._repr_mimebundle_()["text/plain"] == repr(panel)
    assert "0x" not in repr(panel) and "\n" not in repr(panel)
