"""Correlations, word overlap and intervals against hand values, brute force and the library."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sklearn.metrics import roc_auc_score

from sbert_lessons import evaluation
from sbert_lessons.evaluation import (
    SIMILARITIES,
    aggregate,
    bootstrap,
    bootstrap_auc,
    encode_pairs,
    interval,
    jaccard,
    mean_over_seeds,
    pearson,
    spearman,
    sts_score,
    sts_table,
)

STS = pd.DataFrame(
    {
        "sentence1": ["A dog runs.", "The cat eats bread.", "a man", "red park", "Not the guitar"],
        "sentence2": ["The dog sleeps.", "A cat eats.", "a woman plays", "bread", "the guitar"],
        "score": [2.5, 4.0, 1.5, 0.0, 3.0],
    }
)


def brute_ranks(values: list[float]) -> list[float]:
    """Rank of each value from 1; equal values share the average of their ranks."""
    return [sum(y < x for y in values) + (values.count(x) + 1) / 2 for x in values]


def brute_pearson(x: list[float], y: list[float]) -> float:
    """Covariance over the product of the deviations, written out."""
    mx, my = sum(x) / len(x), sum(y) / len(y)
    cov = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return cov / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** 0.5


GRADES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30)


@given(GRADES)
def test_correlations_equal_brute_force(pairs):
    x, y = ([float(v) for v in column] for column in zip(*pairs, strict=True))
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert pearson(x, y) == pytest.approx(100 * brute_pearson(x, y), abs=1e-9)
        ranks = brute_pearson(brute_ranks(x), brute_ranks(y))
        assert spearman(x, y) == pytest.approx(100 * ranks, abs=1e-9)


def test_spearman_by_hand():
    # ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15) = 0.8
    assert spearman([0.1, 0.2, 0.7, 0.9], [0, 3, 2, 5]) == pytest.approx(80)


@pytest.mark.parametrize(
    "predicted, gold, message",
    [
        ([1, 2, 3], [1, 2], "3 predictions for 2 grades"),
        ([1, np.nan], [1, 2], "NaN or infinite"),
        ([1, 2], [np.inf, 2], "NaN or infinite"),
        ([1, 1, 1], [1, 2, 3], "not all equal"),
        ([], [], "at least two pairs"),
    ],
)
@pytest.mark.parametrize("correlation", [spearman, pearson])
def test_what_has_no_correlation_is_refused(correlation, predicted, gold, message):
    with pytest.raises(ValueError, match=message):
        correlation(predicted, gold)


def check_similarities(table: dict) -> None:
    """The four measures on (3, 4) with (4, 3), and on opposite vectors."""
    u, v = np.array([[3.0, 4.0], [0.0, 2.0]]), np.array([[4.0, 3.0], [0.0, -1.0]])
    expected = {
        "cosine": [24 / 25, -1],
        "dot": [24, -2],
        "euclidean": [-(2**0.5), -3],
        "manhattan": [-2, -3],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(table[name](u, v), values)


def test_similarities_by_hand():
    check_similarities(SIMILARITIES)


def test_cosine_with_a_zero_vector_is_zero():
    assert SIMILARITIES["cosine"](np.zeros((1, 3)), np.ones((1, 3))).tolist() == [0]


def test_jaccard_by_hand():
    texts1 = ["A man eats.", "Dogs run", "same Words", "..."]
    texts2 = ["a man sleeps", "cats sleep", "words, SAME!", "?"]
    assert jaccard(texts1, texts2).tolist() == [0.5, 0, 1, 0]


def test_table_equals_the_evaluator_of_the_library(tiny_encoder, tmp_path):
    tiny_encoder.save(tmp_path / "model")
    library = SentenceTransformer(str(tmp_path / "model"))
    expected = EmbeddingSimilarityEvaluator(
        [*STS["sentence1"]],
        [*STS["sentence2"]],
        [*STS["score"]],
        similarity_fn_names=[*SIMILARITIES],
        write_csv=False,
    )(library)
    table = sts_table(*encode_pairs(tiny_encoder, STS), STS["score"])
    for measure in SIMILARITIES:
        for kind in ("spearman", "pearson"):
            theirs = 100 * expected[f"{kind}_{measure}"]
            assert table.loc[measure, kind] == pytest.approx(theirs, abs=1e-2)


@pytest.mark.parametrize("seed", range(3))
def test_table_equals_the_evaluator_on_the_same_vectors(seed, monkeypatch):
    """Without a model in between, the two agree to 1e-6."""
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(2, 200, 16)).astype(np.float32) + 1
    grades, names = rng.integers(0, 11, 200) / 2, [str(i) for i in range(200)]
    evaluator = EmbeddingSimilarityEvaluator(
        names, names, grades, similarity_fn_names=[*SIMILARITIES], write_csv=False
    )
    vectors = iter([u, v])
    monkeypatch.setattr(evaluator, "embed_inputs", lambda *_: next(vectors))
    monkeypatch.setattr(evaluator, "store_metrics_in_model_card_data", lambda *_: None)
    expected, table = evaluator(None), sts_table(u, v, grades)
    for measure in SIMILARITIES:
        for kind in ("spearman", "pearson"):
            assert table.loc[measure, kind] / 100 == pytest.approx(
                expected[f"{kind}_{measure}"], abs=1e-6
            )


@pytest.mark.parametrize("measure", SIMILARITIES)
def test_sts_score_is_one_cell_of_the_table(tiny_encoder, measure):
    table = sts_table(*encode_pairs(tiny_encoder, STS), STS["score"])
    assert sts_score(tiny_encoder, STS, measure) == pytest.approx(table.loc[measure, "spearman"])


def test_an_unknown_measure_is_named(tiny_encoder):
    with pytest.raises(ValueError, match="no similarity 'cos': choose from cosine, dot"):
        sts_score(tiny_encoder, STS, "cos")


def test_aggregate_by_hand():
    predicted = np.array([1, 2, 3, 1, 2, 3, 4])
    gold = np.array([1, 2, 3, 4, 3, 2, 1])
    subset = np.array(["a"] * 3 + ["b"] * 4)
    scores = aggregate(predicted, gold, subset)
    assert scores["mean"] == pytest.approx(0)  # 100 and -100
    assert scores["wmean"] == pytest.approx(100 * (3 - 4) / 7)
    assert scores["all"] == pytest.approx(spearman(predicted, gold))


def test_interval_by_hand():
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))


def test_bootstrap_equals_brute_force_and_is_paired():
    rng = np.random.default_rng(3)
    gold = rng.normal(size=40)
    good, poor = gold + rng.normal(size=40), rng.normal(size=40)
    samples = bootstrap([good, poor, good], gold, draws=20, seed=5)
    rows = np.random.default_rng(5).integers(40, size=(20, 40))
    expected = [[spearman(p[r], gold[r]) for p in (good, poor, good)] for r in rows]
    np.testing.assert_allclose(samples, expected)
    assert (samples[:, 0] == samples[:, 2]).all()


def test_bootstrap_takes_columns_by_place_and_refuses_unequal_lengths():
    gold = np.arange(6.0)
    column = pd.Series(gold, index=[5, 4, 3, 2, 1, 0])  # its labels say the reverse of its places
    np.testing.assert_allclose(bootstrap([column, gold], column, draws=9), 100)
    np.testing.assert_allclose(bootstrap([[*gold]], [*gold], draws=9), 100)
    with pytest.raises(ValueError, match="9 predictions for 6 grades"):
        bootstrap([gold, np.arange(9.0)], gold)


def test_bootstrap_refuses_a_draw_whose_values_are_all_equal():
    with pytest.raises(ValueError, match="all equal: give more pairs"):
        bootstrap([[0.0, 1.0]], [0.0, 1.0], draws=50)


@pytest.mark.parametrize("groups", [None, np.repeat([*"dacb"], 10)])
def test_bootstrap_auc_equals_rows_drawn_and_scored_one_by_one(groups):
    rng = np.random.default_rng(3)
    positive = rng.random(40) < 0.4
    good = np.round(positive + rng.normal(size=40), 1)  # with ties
    poor = rng.integers(3, size=40)
    samples = bootstrap_auc([good, poor, good], positive, groups, draws=20, seed=5)
    size = 40 if groups is None else 4
    for sample, times in zip(
        samples, np.random.default_rng(5).multinomial(size, [1 / size] * size, 20), strict=True
    ):
        rows = np.repeat(np.arange(40), np.repeat(times, 40 // size))
        expected = [100 * roc_auc_score(positive[rows], p[rows]) for p in (good, poor, good)]
        np.testing.assert_allclose(sample, expected)


def test_bootstrap_auc_of_perfect_and_of_reversed_scores():
    positive, score = [True, False] * 4, [2, 0, 3, 1, 4, 1, 5, 0]
    samples = bootstrap_auc([score, [-x for x in score]], positive, draws=9)
    assert (samples == [100, 0]).all()


def test_bootstrap_auc_refuses_one_kind_and_unequal_lengths():
    with pytest.raises(ValueError, match="only one kind: give more pairs"):
        bootstrap_auc([[0.0, 1.0]], [True, False], draws=50)
    with pytest.raises(ValueError, match="3 predictions for 2 grades"):
        bootstrap_auc([[0.0, 1.0, 2.0]], [True, False])


@pytest.mark.parametrize("groups", [["a", None, "b", "b"], [1.0, 2.0, np.nan, 1.0], [*"aba"]])
def test_bootstrap_auc_refuses_missing_groups_and_too_few(groups):
    with pytest.raises(ValueError, match="^Give a group for each of the 4 pairs, none missing.$"):
        bootstrap_auc([[4.0, 3.0, 2.0, 1.0]], [True, False, True, False], groups)


@pytest.mark.parametrize("score", [bootstrap, bootstrap_auc])
def test_without_a_prediction_nothing_is_drawn(score):
    with pytest.raises(ValueError, match="no prediction to score: give at least one"):
        score([], [True, False, True])


def test_mean_over_seeds_equals_brute_force_and_widens_the_interval():
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(300, 1)) + [[0.0, 5.0, 10.0]]
    drawn = np.random.default_rng(7).integers(3, size=(300, 3))
    expected = [np.mean([row[i] for i in d]) for row, d in zip(samples, drawn, strict=True)]
    found = mean_over_seeds(samples, seed=7)
    np.testing.assert_allclose(found, expected)
    assert np.ptp(interval(found)) > 1.5 * np.ptp(interval(samples.mean(1)))


def test_mean_over_one_seed_is_that_seed():
    samples = np.arange(4.0)[:, None]
    assert mean_over_seeds(samples).tolist() == [0, 1, 2, 3]


def test_bootstrap_interval_covers_the_score_and_narrows_with_more_pairs():
    rng = np.random.default_rng(0)
    gold = rng.normal(size=800)
    predicted = gold + rng.normal(size=800)
    widths = []
    for size in (50, 800):
        low, high = interval(bootstrap([predicted[:size]], gold[:size], draws=200))
        assert low < spearman(predicted[:size], gold[:size]) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_encode_pairs_takes_a_sentence_through_the_model_once(tiny_encoder, monkeypatch):
    seen = []
    real = tiny_encoder.encode
    monkeypatch.setattr(tiny_encoder, "encode", lambda x, **k: seen.append(x) or real(x, **k))
    turned = STS.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
    again = pd.concat([STS, turned])
    u, v = evaluation.encode_pairs(tiny_encoder, again)
    assert len(seen) == 1
    assert sorted(seen[0]) == sorted({*STS["sentence1"], *STS["sentence2"]})
    np.testing.assert_allclose(u, real([*again["sentence1"]]), atol=1e-5)
    np.testing.assert_allclose(v, real([*again["sentence2"]]), atol=1e-5)
    columns = {"sentence1": "premise", "sentence2": "hypothesis"}
    p, h = evaluation.encode_pairs(tiny_encoder, again.rename(columns=columns))
    assert np.array_equal(p, u) and np.array_equal(h, v)


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_pair_without_a_text_is_refused(tiny_encoder, nothing):
    with pytest.raises(ValueError, match="1 of 5 pairs lack a text: use `pairs.dropna"):
        encode_pairs(tiny_encoder, STS.assign(sentence2=["dog", "cat", nothing, "bread", "red"]))


def test_an_empty_text_is_named_by_its_row(tiny_encoder):
    with pytest.raises(ValueError, match="Text 3 is empty"):
        encode_pairs(tiny_encoder, STS.assign(sentence2=["red", "red", "red", " ", "dog"]))


def test_pairs_without_their_columns_are_refused(tiny_encoder):
    with pytest.raises(ValueError, match="no column sentence2 in sentence1, score"):
        encode_pairs(tiny_encoder, STS.drop(columns="sentence2"))
    with pytest.raises(ValueError, match="no column hypothesis in premise"):
        encode_pairs(tiny_encoder, pd.DataFrame({"premise": ["a dog"]}))
